/* The journal's loop side: takes rows, hands batches over, tells what became of them.

   Two batches. `filling` takes what is appended; `away` is NULL, or with the thread, or back with its callbacks running. A batch is
   handed over only at the end of a turn, when the thread is free, so what one turn appends is one transaction; while the thread is
   at work rows gather: the busier the disk, the larger the groups. A few rows wait `linger_us` for company if rows have lately
   come close enough together for much company to be likely. Whether the thread may commit is decided here; how, in journal_db.c.

   Always true:
   - a row's callback runs exactly once, in the order of the appends, from on_done or from fail_filling;
   - numbers rise with the order of calls; a failed batch leaves a gap;
   - `rows` holds every row of the log and of both batches; positions below `written` are through;
   - an identity is in `known` from the call of journal_settle on (its event row is durable already), and out again if that batch
   fails. After `fatal` nothing is handed over any more. After `closing` nothing new is taken. */
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/metrics.h"
#include "router/journal_private.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define LINGER_ENOUGH   64u /* rows that need no more company */
#define LINGER_WORTH    8u  /* rows that must be expected, else nobody waits for them */
#define PENDING_DEFAULT 200000u
#define CHUNK_ROWS      256u
#define CHUNK_BYTES     (128u << 10)
#define BODY_MAX        (64u << 20)
#define META_KEYS       65536u
#define META_VALUE_MAX  65536u
#define HOUSE_MS        1000u
#define FULL_RETRY_MS   1000u

uint64_t journal_wall(const struct journal *j) { return j->cfg.wall_ms ? j->cfg.wall_ms() : clock_wall_ms(); }

static uint64_t mono_us(void) { return uv_hrtime() / 1000; }

/* ---- values kept for good ------------------------------------------------------------------------------------------- */

static void meta_free(struct meta *m)
{
    if (!m) return;
    buf_fini(&m->stored);
    buf_fini(&m->next);
    free(m->key);
    free(m);
}

static struct meta *meta_of(struct journal *j, struct str key)
{
    struct meta *m = map_get(&j->meta, key);
    if (m || !(m = calloc(1, sizeof *m))) return m;
    buf_init(&m->stored, META_VALUE_MAX);
    buf_init(&m->next, META_VALUE_MAX);
    m->key_n = key.n;
    if (!(m->key = malloc(key.n + 1)) || (memcpy(m->key, key.p, key.n), map_put(&j->meta, (struct str){ m->key, m->key_n }, m))) {
        meta_free(m);
        return NULL;
    }
    return m;
}

static void house_soon(struct journal *j)
{
    if (!timer_armed(&j->house) && !j->quitting) timer_once(&j->house, HOUSE_MS);
}

enum err journal_set_meta(struct journal *j, struct str key, struct str value)
{
    if (j->fatal) return ERR_IO;
    if (j->closing) return ERR_CLOSED;
    if (key.n == 0 || key.n > 512 || value.n > META_VALUE_MAX) return ERR_RANGE;
    struct meta *m = meta_of(j, key);
    if (!m) return ERR_NOMEM;
    buf_clear(&m->next);
    buf_addstr(&m->next, value);
    if (m->next.err) return m->next.err;
    m->dirty = j->meta_dirty = true;
    house_soon(j);
    return ERR_OK;
}

struct str journal_meta(const struct journal *j, struct str key)
{
    const struct meta *m = map_get(&j->meta, key);
    return m ? buf_str(&m->stored) : STR_NONE;
}

/* Into the batch that is about to leave. */
static void meta_write(struct journal *j)
{
    size_t cursor = 0;
    struct meta *m;
    if (!j->meta_dirty) return;
    j->meta_dirty = false;
    while ((m = map_next(&j->meta, &cursor))) {
        if (!m->dirty) continue;
        struct op *op = batch_add(j->filling, OP_META, (struct str){ m->key, m->key_n }, buf_str(&m->next));
        m->dirty = op == NULL;
        j->meta_dirty |= m->dirty;
        if (op) op->number = m->key_n;
    }
}

static void meta_failed(struct journal *j, const struct batch *b, const struct op *op)
{
    struct meta *m = map_get(&j->meta, (struct str){ batch_bytes(b, op).p, op->number });
    if (m) m->dirty = j->meta_dirty = true;
}

/* ---- taking rows ---------------------------------------------------------------------------------------------------- */

static enum err may_take(const struct journal *j)
{
    if (j->fatal) return ERR_IO;
    if (j->closing) return ERR_CLOSED;
    if (j->full && uv_now(j->loop) < j->full_until) return ERR_FULL;
    return journal_pending(j) >= j->cfg.pending_max ? ERR_FULL : ERR_OK;
}

static void give_up_last(struct batch *b) { b->bytes.n = b->ops[--b->count].at; }

enum err journal_place(struct journal *j, struct op *op, unsigned kind, const struct id *id)
{
    struct batch *b = j->filling;
    enum err e = rows_push(&j->rows, j->next, kind, id);
    if (e) return e;
    op->number = j->next++;
    op->id = *id;
    op->kind = (uint8_t)kind;
    op->ends = ++b->chunk_rows == CHUNK_ROWS || b->bytes.n - b->chunk_at >= CHUNK_BYTES;
    rows_at(&j->rows, j->rows.head - 1)->end = op->ends;
    if (op->ends) {
        b->chunk_rows = 0;
        b->chunk_at = b->bytes.n;
    }
    return ERR_OK;
}

enum err journal_append(struct journal *j, enum row_kind kind, const struct id *id, struct str body, journal_fn *fn, void *ctx,
                        uint64_t *number)
{
    enum err e = may_take(j);
    if (e) return e;
    if (body.n > BODY_MAX) return ERR_TOOBIG;
    struct op *op = batch_add(j->filling, OP_ROW, body, STR_NONE);
    if (!op) return ERR_FULL;
    if ((e = journal_place(j, op, kind, id))) {
        give_up_last(j->filling);
        return e;
    }
    op->fn = fn;
    op->ctx = ctx;
    j->filling->rows++;
    if (number) *number = op->number;
    return ERR_OK;
}

enum err journal_read(struct journal *j, uint64_t number, journal_read_fn *fn, void *ctx)
{
    enum err e = may_take(j);
    struct op *op = e ? NULL : batch_add(j->filling, OP_READ, STR_NONE, STR_NONE);
    if (!op) return e ? e : ERR_FULL;
    op->from = number;
    op->read_fn = fn;
    op->ctx = ctx;
    return ERR_OK;
}

enum err journal_settle(struct journal *j, const struct id *event, const struct id *ticket, uint64_t at, journal_fn *fn, void *ctx)
{
    static const struct id none;
    struct settle_bytes sb = { ticket ? *ticket : none, at };
    enum err e = may_take(j);
    if (e) return e;
    struct op *op = batch_add(j->filling, OP_SETTLE, (struct str){ (const char *)&sb, sizeof sb }, STR_NONE);
    if (!op) return ERR_FULL;
    if ((e = known_put(&j->known, event, &sb.ticket, at, j->next))) {
        give_up_last(j->filling);
        return e;
    }
    op->number = j->next++;
    op->id = *event;
    op->fn = fn;
    op->ctx = ctx;
    j->filling->rows++;
    j->compact.settles++;
    return ERR_OK;
}

enum err journal_known(const struct journal *j, const struct id *event, struct id *ticket, uint64_t *at)
{
    const struct known_entry *k = known_get(&j->known, event);
    if (!k) return ERR_NOTFOUND;
    if (ticket) *ticket = k->ticket;
    if (at) *at = k->at;
    return ERR_OK;
}

bool journal_healthy(const struct journal *j) { return !j->fatal && !j->full; }

uint64_t journal_pending(const struct journal *j) { return j->filling->rows + (j->away ? j->away->rows : 0); }

/* ---- handing over --------------------------------------------------------------------------------------------------- */

/* The mean distance of rows, for the question whether waiting is worth it. */
static void watch_pace(struct journal *j)
{
    uint64_t fresh = j->filling->rows - j->seen_count;
    if (!fresh) return;
    uint64_t now = mono_us(), gap = (now - j->rows_us) / fresh;
    j->gap_us = (7 * j->gap_us + (gap < 10000 ? gap : 10000)) / 8;
    j->rows_us = now;
    j->seen_count = j->filling->rows;
}

static bool linger(struct journal *j)
{
    struct itimerspec when = { .it_value.tv_sec = j->cfg.linger_us / 1000000,
                               .it_value.tv_nsec = j->cfg.linger_us % 1000000 * 1000L };
    if (j->linger_fd < 0 || j->cfg.linger_us == 0 || j->hurry || j->closing || j->linger_over) return false;
    if (j->filling->rows == 0 || j->filling->rows >= LINGER_ENOUGH) return false;
    if (j->linger_on) return true;
    if (j->gap_us * LINGER_WORTH > j->cfg.linger_us) return false;
    j->linger_on = timerfd_settime(j->linger_fd, 0, &when, NULL) == 0;
    return j->linger_on;
}

static void on_linger(uv_poll_t *h, int status, int events)
{
    struct journal *j = h->data;
    uint64_t times;
    (void)status;
    (void)events;
    if (read(j->linger_fd, &times, sizeof times) == (ssize_t)sizeof times && j->linger_on)
        j->linger_over = true; /* the end of the turn hands over */
}

static void give(struct journal *j)
{
    struct batch *b = j->filling;
    if (!b->probe) meta_write(j);
    b->refs_to = j->rows.head;
    if (b->refs_to > b->refs_from) rows_at(&j->rows, b->refs_to - 1)->end = 1;
    j->filling = b == &j->batches[0] ? &j->batches[1] : &j->batches[0];
    j->filling->refs_from = j->rows.head;
    j->away = b;
    j->linger_on = j->linger_over = j->hurry = false;
    j->seen_count = 0;
    db_thread_give(&j->thread, b);
}

/* Once a second while there is something to look after. */
static void keep_house(struct journal *j)
{
    bool quiet = j->commits == j->house_commits;
    if (!j->house_due) return;
    j->house_due = false;
    j->house_commits = j->commits;
    journal_forget(j);
    journal_compact(j, quiet);
    if (j->full && j->filling->rows == 0) {
        j->filling->probe = j->filling->count == 0;
        j->hurry = true;
    }
    j->house_due = journal_forget_due(j); /* more of it with the next batch */
    if (!quiet) house_soon(j);
}

static void pump(struct journal *j)
{
    if (j->quitting) return;
    watch_pace(j);
    if (j->away) return; /* its end comes back here */
    if (!j->fatal) {
        keep_house(j);
        journal_compact(j, false);
        if (known_count(&j->known) > LIM_IDENTITIES + 2000) journal_forget(j);
        if (j->filling->count || j->filling->probe || (j->meta_dirty && !j->full && (j->closing || j->hurry))) {
            if (!linger(j)) give(j);
            return;
        }
    }
    if (!j->closing) return;
    j->quitting = true;
    db_thread_quit(&j->thread);
}

static bool on_turn_end(struct turn_end *t)
{
    pump(t->ctx);
    return false; /* a batch that is given wakes the loop when it is through */
}

static void on_house(struct timer *t)
{
    struct journal *j = t->ctx;
    j->house_due = true;
    if (j->meta_dirty) j->hurry = true;
}

void journal_flush(struct journal *j)
{
    j->hurry = true;
    pump(j);
}

/* ---- what became of it ---------------------------------------------------------------------------------------------- */

static void count_commit(struct journal *j, const struct batch *b)
{
    metric_set(MET_JOURNAL_PENDING, "", (double)j->filling->rows);
    if (b->result) return;
    metric_add(MET_JOURNAL_COMMITS, "", 1);
    metric_add(MET_JOURNAL_ROWS, "", (double)b->rows);
    metric_observe(MET_JOURNAL_COMMIT, "", (double)b->took_us / 1e6);
}

static void tell_read(const struct batch *b, const struct op *op, enum err e)
{
    if (!e && !op->found) e = ERR_NOTFOUND;
    op->read_fn(op->ctx, e, e ? STR_NONE : (struct str){ b->read.p + op->at, op->len });
}

/* The callbacks of one batch, in order. They may call anything here; what they append goes into the other batch. */
static void tell(struct journal *j, const struct batch *b, enum err e)
{
    for (size_t i = 0; i < b->count; i++) {
        const struct op op = b->ops[i];
        if (e && op.type == OP_SETTLE) known_undo(&j->known, &op.id, op.number);
        if (e && op.type == OP_META) meta_failed(j, b, &op);
        if (op.fn) op.fn(op.ctx, e, op.number);
        if (op.read_fn) tell_read(b, &op, e);
    }
}

static void note_room(struct journal *j, enum err e)
{
    if (e == ERR_OK && j->full) log_info("journal has room again");
    if (e == ERR_FULL && !j->full) log_error("journal disk is full: new events are refused until there is room; make room");
    j->full = e == ERR_FULL;
    j->full_until = uv_now(j->loop) + FULL_RETRY_MS;
}

static void fail_filling(struct journal *j)
{
    struct batch *b = j->filling;
    j->filling = b == &j->batches[0] ? &j->batches[1] : &j->batches[0];
    j->away = b;
    tell(j, b, ERR_IO);
    batch_clear(b);
    j->away = NULL;
}

static void tell_fatal(struct journal *j, const char *why)
{
    if (j->fatal) return;
    j->fatal = true;
    log_error("journal failed why=\"%s\": nothing is acknowledged any more; see the disk, then start again", why);
    fail_filling(j);
    if (j->cfg.on_fatal) j->cfg.on_fatal(j->cfg.ctx, why);
}

static void on_done(void *ctx, void *job)
{
    struct journal *j = ctx;
    struct batch *b = job;
    if (!b) { /* a checkpoint failed; a batch that is away will come back failed as well */
        if (!j->away) tell_fatal(j, "a checkpoint failed");
        return;
    }
    enum err e = b->result;
    count_commit(j, b);
    if (e != ERR_IO) note_room(j, e);
    if (e) rows_void(&j->rows, b->refs_from, b->refs_to);
    else j->commits++;
    j->written = b->refs_to;
    journal_compact_done(j, e == ERR_OK);
    tell(j, b, e);
    char why[sizeof b->why];
    memcpy(why, b->why, sizeof why);
    batch_clear(b);
    j->away = NULL;
    if (e == ERR_IO) tell_fatal(j, why);
    else house_soon(j);
}

/* ---- the thread's side ---------------------------------------------------------------------------------------------- */

static void on_work(void *ctx, void *job) { journal_db_commit(((struct journal *)ctx)->db, job); }

static void on_after(void *ctx, bool *tell_broken)
{
    struct journal_db *d = ((struct journal *)ctx)->db;
    bool was = journal_db_broken(d) != NULL;
    journal_db_after(d);
    *tell_broken = !was && journal_db_broken(d);
}

static unsigned on_idle(void *ctx, unsigned step, bool *tell_broken)
{
    struct journal_db *d = ((struct journal *)ctx)->db;
    bool was = journal_db_broken(d) != NULL;
    unsigned next = journal_db_idle(d, step);
    *tell_broken = !was && journal_db_broken(d);
    return next;
}

static void on_end(void *ctx)
{
    struct journal *j = ctx;
    journal_db_close(j->db);
    j->db = NULL;
}

/* ---- opening and closing -------------------------------------------------------------------------------------------- */

static void journal_free(void *p)
{
    struct journal *j = p;
    void (*closed)(void *) = j->closed;
    void *ctx = j->closed_ctx;
    size_t cursor = 0;
    struct meta *m;
    journal_db_close(j->db);
    while ((m = map_next(&j->meta, &cursor))) meta_free(m);
    map_fini(&j->meta);
    known_fini(&j->known);
    rows_fini(&j->rows);
    batch_fini(&j->batches[0]);
    batch_fini(&j->batches[1]);
    if (j->linger_fd >= 0) close(j->linger_fd);
    free(j);
    if (closed) closed(ctx);
}

static void on_ended(void *ctx)
{
    struct journal *j = ctx;
    timer_fini(&j->house);
    turn_end_fini(&j->turn_end);
    if (j->linger_fd >= 0) uv_close((uv_handle_t *)&j->linger, NULL);
    loop_reap(j->loop, j, journal_free);
}

static enum err load_meta(void *ctx, struct str key, struct str value)
{
    struct meta *m = meta_of(ctx, key);
    if (m) buf_addstr(&m->stored, value);
    return m && !m->stored.err ? ERR_OK : ERR_NOMEM;
}

static enum err load_known(void *ctx, uint64_t number, uint64_t at, const struct id *id, const struct id *ticket)
{
    struct journal *j = ctx;
    if (number >= j->next) j->next = number + 1;
    return known_put(&j->known, id, ticket, at, number);
}

static enum err load_seen(void *ctx, uint64_t number, unsigned kind, const struct id *id, bool end)
{
    struct journal *j = ctx;
    if (number >= j->next) j->next = number + 1;
    enum err e = rows_push(&j->rows, number, kind, id);
    if (!e) rows_at(&j->rows, j->rows.head - 1)->end = end;
    return e;
}

bool row_ends_with_event(enum row_kind kind)
{
    static const bool ends[] = {
        [ROW_EVENT] = true, [ROW_VERDICT] = true, [ROW_ENTRY] = true, [ROW_DEAD] = true, [ROW_TAKEN] = true
    };
    return kind < sizeof ends / sizeof *ends && ends[kind];
}

/* Rows of a settled event are garbage that compaction has not reached yet. */
static enum err load_row(void *ctx, uint64_t number, unsigned kind, const struct id *id, struct str body)
{
    struct journal *j = ctx;
    const struct known_entry *k = known_get(&j->known, id);
    if (k && k->number > number && row_ends_with_event((enum row_kind)kind)) return ERR_OK;
    if (j->cfg.on_row) j->cfg.on_row(j->cfg.ctx, number, (enum row_kind)kind, id, body);
    return ERR_OK;
}

static void linger_open(struct journal *j)
{
    j->linger_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (j->linger_fd >= 0 && uv_poll_init(j->loop, &j->linger, j->linger_fd)) {
        close(j->linger_fd);
        j->linger_fd = -1;
    }
    if (j->linger_fd < 0) return; /* works without: each first row goes at once */
    j->linger.data = j;
    uv_poll_start(&j->linger, UV_READABLE, on_linger);
    uv_unref((uv_handle_t *)&j->linger);
}

static enum err load(struct journal *j)
{
    const struct journal_db_visit v = { j, load_meta, load_known, load_seen, load_row };
    uint64_t from = clock_mono_ms();
    enum err e = journal_db_load(j->db, &v);
    j->written = j->rows.head;
    j->batches[0].refs_from = j->rows.head;
    if (!e)
        log_info("journal=%s open rows=%llu identities=%u next=%llu ms=%llu", j->cfg.path, (unsigned long long)rows_count(&j->rows),
                 known_count(&j->known), (unsigned long long)j->next, (unsigned long long)(clock_mono_ms() - from));
    return e;
}

enum err journal_open(struct journal **out, uv_loop_t *loop, const struct journal_cfg *cfg)
{
    struct journal *j = calloc(1, sizeof *j);
    if (!j) return ERR_NOMEM;
    j->cfg = *cfg;
    j->loop = loop;
    j->linger_fd = -1;
    j->next = 1;
    j->gap_us = 10000;
    if (!j->cfg.pending_max) j->cfg.pending_max = PENDING_DEFAULT;
    batch_init(&j->batches[0]);
    batch_init(&j->batches[1]);
    j->filling = &j->batches[0];
    known_init(&j->known);
    map_init(&j->meta, META_KEYS);
    j->thread = (struct db_thread){ .name = "journal",
                                    .ctx = j,
                                    .work = on_work,
                                    .after = on_after,
                                    .idle = on_idle,
                                    .end = on_end,
                                    .done = on_done,
                                    .ended = on_ended };
    enum err e = journal_db_open(&j->db, cfg->path);
    if (!e) e = load(j);
    if (e) {
        journal_free(j);
        return e;
    }
    if ((e = db_thread_start(&j->thread, loop))) {
        loop_reap(loop, j, journal_free);
        return e;
    }
    linger_open(j);
    timer_init(&j->house, loop, on_house, j);
    turn_end_init(&j->turn_end, loop, on_turn_end, j);
    house_soon(j);
    *out = j;
    return ERR_OK;
}

void journal_close(struct journal *j, void (*done)(void *ctx), void *ctx)
{
    if (j->closing) return;
    j->closing = true;
    j->closed = done;
    j->closed_ctx = ctx;
    pump(j);
}
