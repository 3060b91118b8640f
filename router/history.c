/* Closed tickets and corrections. The loop gathers puts and questions in order; the thread writes the puts of a batch in one
   transaction, then answers its questions, so a question sees every put that was made before it.

   Two batches as in journal.c: `filling` takes, `away` is with the thread or its callbacks are running. Texts are copied into the
   batch's bytes; answers come back in its `answers`. Each job's callback runs exactly once, in order.

   Puts may wait: they are handed over when there are many, or after PUT_WAIT_MS, or with the next question, so that a busy
   router writes few and large transactions. The file has a rollback journal rather than a WAL: nearly all that is written are
   new pages at the end, which then are written once, and a commit is on the disk.

   History is for reading: a write that fails fails its puts (ERR_FULL, ERR_IO) and is tried again by whoever settles the journal's
   rows. Bodies are packed, and become JSON when they are read. The one index (workspace, ticket, state, queue) answers a list
   without touching bodies that do not match; ids sort by time. Corrections (feedback_db.c) are written in the same transaction, but
   somebody waits for them, so they are handed over like questions. A ticket alone is looked for in each workspace in turn. Old
   tickets leave a few hundred at a time when the thread has nothing else to do. */
#include "router/history.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "router/db.h"
#include "router/journal_thread.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define APPLICATION 0x4e617248 /* "NarH" */
#define FORMAT      3
#define FORMAT_OLD  2 /* had no corrections */
#define JOBS_MAX    65536u
#define BYTES_MAX   (64u << 20)
#define ANSWER_MAX  (64u << 20)
#define KEEP        (4u << 20)
#define LIST_MAX    1000u
#define PUT_ENOUGH  (1u << 20) /* bytes of puts that wait no longer */
#define PUT_WAIT_MS 200u
#define RENDER_MOST (8u << 20)
#define EXPIRE_ROWS 200
#define DAY_MS      86400000ull

enum text { T_WORKSPACE, T_STATE, T_QUEUE, T_BODY, T_WHO, T_SOURCE, T_ABOUT, T_COUNT }; /* a correction is T_BODY */

struct job {
    enum { JOB_PUT, JOB_FEEDBACK, JOB_GET, JOB_LIST, JOB_DIGEST, JOB_FEEDBACK_LIST, JOB_FEEDBACK_OF } type;
    struct id ticket;        /* list: after this one, none: from the newest */
    uint64_t at_ms;          /* when it ended; of a correction when it was given; of their list since when */
    uint64_t after;          /* list of corrections, digest: the number of a row */
    size_t at, end[T_COUNT]; /* of its texts in the bytes */
    uint32_t limit;
    history_put_fn *put;
    history_get_fn *get;
    void *ctx;
    enum err result;
    size_t answer, answer_n;
};
struct history_batch {
    struct job *jobs;
    size_t count, room;
    bool asked; /* there is a question or a correction among them */
    struct buf bytes, answers;
};
enum statement { ST_BEGIN, ST_COMMIT, ST_FORGET, ST_PUT, ST_GET, ST_LIST, ST_DIGEST, ST_EXPIRE, ST_COUNT };

struct history {
    uv_loop_t *loop;
    sqlite3 *db;
    sqlite3_stmt *st[ST_COUNT];
    struct db_thread thread;
    struct turn_end turn_end;
    struct timer put_wait;
    struct feedback_db feedback; /* the thread's, but for its counts */
    history_render_fn *render;
    history_digest_fn *digest;
    const void *digest_ctx;
    struct arena scratch; /* the thread's, for render and digest */
    struct history_batch batches[2], *filling, *away;
    uint64_t keep_ms;
    bool due, closing, quitting; /* due: puts have waited long enough */
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static const char schema[] =
    "CREATE TABLE closed (number INTEGER PRIMARY KEY, ended INTEGER NOT NULL, workspace TEXT NOT NULL, ticket BLOB NOT NULL,"
    " state TEXT NOT NULL, queue TEXT NOT NULL, body BLOB NOT NULL);"
    "CREATE INDEX by_workspace ON closed (workspace, ticket, state, queue);";

/* Expiry looks at the oldest rows only: rows are numbered in the order of closing, near enough. */
static const char *const sql[ST_COUNT] = {
    [ST_BEGIN] = "BEGIN IMMEDIATE",
    [ST_COMMIT] = "COMMIT",
    [ST_FORGET] = "DELETE FROM closed WHERE workspace = ?1 AND ticket = ?2",
    [ST_PUT] = "INSERT INTO closed VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6)",
    [ST_GET] = "WITH RECURSIVE names (name) AS (SELECT min(workspace) FROM closed UNION ALL"
               " SELECT (SELECT min(workspace) FROM closed WHERE workspace > name) FROM names WHERE name IS NOT NULL)"
               " SELECT body FROM names CROSS JOIN closed ON workspace = name AND ticket = ?1",
    [ST_LIST] = "SELECT body, ticket FROM closed WHERE workspace = ?1 AND ticket < ?2 AND (?3 = '' OR state = ?3) AND (?4 = '' OR "
                "queue = ?4)"
                " ORDER BY ticket DESC LIMIT ?5",
    [ST_DIGEST] = "SELECT number, ended, body FROM closed WHERE number < ?1 ORDER BY number DESC LIMIT ?2",
    [ST_EXPIRE] = "DELETE FROM closed WHERE number IN (SELECT number FROM closed ORDER BY number LIMIT 200) AND ended < ?1",
};

/* ---- the thread's side ---------------------------------------------------------------------------------------------- */

static enum err err_of(int rc) { return rc == SQLITE_OK ? ERR_OK : (rc & 0xff) == SQLITE_FULL ? ERR_FULL : ERR_IO; }

static struct str text_of(const struct history_batch *b, const struct job *job, enum text t)
{
    size_t from = t ? job->end[t - 1] : job->at;
    return (struct str){ b->bytes.p + from, job->end[t] - from };
}

static void bind_text(sqlite3_stmt *s, int i, struct str t) { sqlite3_bind_text(s, i, t.n ? t.p : "", (int)t.n, SQLITE_STATIC); }

/* A ticket that is there already (the answer to its put was lost in a crash) is replaced. */
static int put(struct history *h, const struct history_batch *b, const struct job *job)
{
    sqlite3_stmt *forget = h->st[ST_FORGET], *s = h->st[ST_PUT];
    struct str body = text_of(b, job, T_BODY);
    bind_text(forget, 1, text_of(b, job, T_WORKSPACE));
    sqlite3_bind_blob(forget, 2, job->ticket.b, sizeof job->ticket.b, SQLITE_STATIC);
    int rc = db_step(forget);
    if (rc) return rc;
    sqlite3_bind_int64(s, 1, (int64_t)job->at_ms);
    bind_text(s, 2, text_of(b, job, T_WORKSPACE));
    sqlite3_bind_blob(s, 3, job->ticket.b, sizeof job->ticket.b, SQLITE_STATIC);
    bind_text(s, 4, text_of(b, job, T_STATE));
    bind_text(s, 5, text_of(b, job, T_QUEUE));
    sqlite3_bind_blob(s, 6, body.n ? body.p : "", (int)body.n, SQLITE_STATIC);
    return db_step(s);
}

static bool is_put(const struct job *job) { return job->type <= JOB_FEEDBACK; }

static int put_feedback(struct history *h, const struct history_batch *b, const struct job *job)
{
    const struct feedback_row row = { .ticket = job->ticket,
                                      .at = job->at_ms,
                                      .workspace = text_of(b, job, T_WORKSPACE),
                                      .who = text_of(b, job, T_WHO),
                                      .source = text_of(b, job, T_SOURCE),
                                      .said = text_of(b, job, T_BODY),
                                      .about = text_of(b, job, T_ABOUT) };
    return feedback_db_put(&h->feedback, &row);
}

/* All puts of the batch, or none. */
static enum err put_all(struct history *h, const struct history_batch *b)
{
    bool any = false;
    int rc = SQLITE_OK;
    for (size_t i = 0; i < b->count && !rc; i++) {
        if (!is_put(&b->jobs[i])) continue;
        if (!any) rc = db_step(h->st[ST_BEGIN]);
        any = true;
        if (!rc) rc = b->jobs[i].type == JOB_PUT ? put(h, b, &b->jobs[i]) : put_feedback(h, b, &b->jobs[i]);
    }
    if (any && !rc) rc = db_step(h->st[ST_COMMIT]);
    if (!rc) return ERR_OK;
    log_error("history not written: %s (%d); see the disk; the tickets are in the journal and are written again",
              sqlite3_errmsg(h->db), rc);
    if (!sqlite3_get_autocommit(h->db)) sqlite3_exec(h->db, "ROLLBACK", NULL, NULL, NULL);
    (void)feedback_db_recount(&h->feedback);
    return err_of(rc);
}

/* The body of the statement's row, as JSON. */
static enum err add_body(struct history *h, struct buf *out, sqlite3_stmt *s)
{
    const void *p = sqlite3_column_blob(s, 0);
    struct str body = { p, (size_t)sqlite3_column_bytes(s, 0) };
    if (h->render) return h->render(out, body, &h->scratch);
    buf_addstr(out, body);
    return ERR_OK;
}

static enum err get(struct history *h, struct history_batch *b, const struct job *job)
{
    sqlite3_stmt *s = h->st[ST_GET];
    sqlite3_bind_blob(s, 1, job->ticket.b, sizeof job->ticket.b, SQLITE_STATIC);
    int rc = sqlite3_step(s);
    enum err e = rc == SQLITE_ROW ? add_body(h, &b->answers, s) : rc == SQLITE_DONE ? ERR_NOTFOUND : ERR_IO;
    sqlite3_reset(s);
    return e;
}

static enum err list(struct history *h, struct history_batch *b, const struct job *job)
{
    sqlite3_stmt *s = h->st[ST_LIST];
    struct id from = job->ticket;
    char text[ID_TEXT + 1];
    int rc;
    if (id_is_none(&from)) memset(from.b, 0xff, sizeof from.b);
    bind_text(s, 1, text_of(b, job, T_WORKSPACE));
    sqlite3_bind_blob(s, 2, from.b, sizeof from.b, SQLITE_STATIC);
    bind_text(s, 3, text_of(b, job, T_STATE));
    bind_text(s, 4, text_of(b, job, T_QUEUE));
    sqlite3_bind_int(s, 5, (int)job->limit + 1); /* the one beyond tells that there is a next page */
    buf_addz(&b->answers, "{\"tickets\":[");
    enum err e = ERR_OK;
    unsigned n = 0;
    for (; !e && (rc = sqlite3_step(s)) == SQLITE_ROW && n < job->limit; n++) {
        if (n) buf_addc(&b->answers, ',');
        e = add_body(h, &b->answers, s);
        if (sqlite3_column_bytes(s, 1) == sizeof from.b) memcpy(from.b, sqlite3_column_blob(s, 1), sizeof from.b);
    }
    buf_addc(&b->answers, ']');
    if (!e && rc == SQLITE_ROW) buf_addf(&b->answers, ",\"next\":\"%s\"", id_text(&from, text));
    buf_addc(&b->answers, '}');
    sqlite3_reset(s);
    return e ? e : rc == SQLITE_DONE || rc == SQLITE_ROW ? ERR_OK : ERR_IO;
}

/* Rows are numbered in the order of closing, near enough: the first that ended before `since` ends it. */
static enum err digest(struct history *h, struct history_batch *b, const struct job *job)
{
    sqlite3_stmt *s = h->st[ST_DIGEST];
    uint64_t next = 0, none = 0;
    uint32_t rows = 0;
    size_t at = b->answers.n;
    int rc;
    sqlite3_bind_int64(s, 1, job->after ? (int64_t)job->after : INT64_MAX);
    sqlite3_bind_int(s, 2, (int)job->limit);
    buf_add(&b->answers, &none, sizeof none);
    while ((rc = sqlite3_step(s)) == SQLITE_ROW && (uint64_t)sqlite3_column_int64(s, 1) >= job->at_ms) {
        size_t before = b->answers.n;
        struct str body = { sqlite3_column_blob(s, 2), (size_t)sqlite3_column_bytes(s, 2) };
        if (h->digest && h->digest(h->digest_ctx, &b->answers, body, &h->scratch)) b->answers.n = before;
        next = (uint64_t)sqlite3_column_int64(s, 0);
        rows++;
    }
    sqlite3_reset(s);
    if (b->answers.err) return b->answers.err;
    if (rows == job->limit) memcpy(b->answers.p + at, &next, sizeof next);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? ERR_OK : ERR_IO;
}

static enum err list_feedback(struct history *h, struct history_batch *b, const struct job *job)
{
    const struct feedback_query q = {
        .workspace = text_of(b, job, T_WORKSPACE), .since = job->at_ms, .after = job->after, .limit = job->limit
    };
    return feedback_db_list(&h->feedback, &q, &b->answers);
}

static enum err feedback_of(struct history *h, struct history_batch *b, const struct job *job)
{
    return feedback_db_of(&h->feedback, &job->ticket, &b->answers);
}

typedef enum err answer_fn(struct history *h, struct history_batch *b, const struct job *job);
static answer_fn *const answers[] = {
    [JOB_GET] = get, [JOB_LIST] = list, [JOB_DIGEST] = digest, [JOB_FEEDBACK_LIST] = list_feedback, [JOB_FEEDBACK_OF] = feedback_of
};

static void answer(struct history *h, struct history_batch *b, struct job *job)
{
    job->answer = b->answers.n;
    job->result = answers[job->type](h, b, job);
    if (b->answers.err) job->result = ERR_TOOBIG; /* more than may be held at once: this one fails, the next may fit */
    if (job->result) {
        b->answers.n = job->answer;
        b->answers.err = ERR_OK;
    }
    job->answer_n = b->answers.n - job->answer;
}

static void on_work(void *ctx, void *work)
{
    struct history *h = ctx;
    struct history_batch *b = work;
    enum err e = put_all(h, b);
    for (size_t i = 0; i < b->count; i++) {
        if (is_put(&b->jobs[i])) b->jobs[i].result = e;
        else answer(h, b, &b->jobs[i]);
    }
}

/* How many closed tickets were too old, -1 when it did not work. */
static int expire(struct history *h, uint64_t now)
{
    if (!h->keep_ms || now < h->keep_ms) return 0;
    sqlite3_bind_int64(h->st[ST_EXPIRE], 1, (int64_t)(now - h->keep_ms));
    return db_step(h->st[ST_EXPIRE]) ? -1 : sqlite3_changes(h->db);
}

static unsigned on_idle(void *ctx, unsigned step, bool *tell)
{
    struct history *h = ctx;
    uint64_t now = clock_wall_ms();
    (void)step;
    if (!h->keep_ms && !h->feedback.keep_ms) return 0;
    int closed = expire(h, now), corrections = feedback_db_expire(&h->feedback, now);
    *tell = corrections > 0; /* to be counted on the loop */
    return closed == EXPIRE_ROWS || corrections == EXPIRE_ROWS ? 20 : 60000;
}

static void db_close(struct history *h)
{
    for (int i = 0; i < ST_COUNT; i++) sqlite3_finalize(h->st[i]);
    feedback_db_close(&h->feedback);
    sqlite3_close(h->db);
    memset(h->st, 0, sizeof h->st);
    h->db = NULL;
}

static void on_end(void *ctx) { db_close(ctx); }

/* ---- the loop's side ------------------------------------------------------------------------------------------------ */

static void batch_init(struct history_batch *b)
{
    memset(b, 0, sizeof *b);
    buf_init(&b->bytes, BYTES_MAX);
    buf_init(&b->answers, ANSWER_MAX);
}

static void batch_fini(struct history_batch *b)
{
    free(b->jobs);
    buf_fini(&b->bytes);
    buf_fini(&b->answers);
}

static void batch_clear(struct history_batch *b)
{
    bool large = b->bytes.room > KEEP || b->answers.room > KEEP || b->room * sizeof *b->jobs > KEEP;
    if (large) {
        batch_fini(b);
        batch_init(b);
    }
    buf_clear(&b->bytes);
    buf_clear(&b->answers);
    b->count = 0;
    b->asked = false;
}

/* A job with its texts; they are in the bytes one after the other. */
static enum err job_add(struct history *h, const struct job *like, const struct str *texts)
{
    struct history_batch *b = h->filling;
    if (h->closing) return ERR_CLOSED;
    if (b->count == JOBS_MAX) return ERR_FULL;
    if (b->count == b->room) {
        size_t room = b->room ? b->room * 2 : 64;
        struct job *jobs = realloc(b->jobs, room * sizeof *jobs);
        if (!jobs) return ERR_NOMEM;
        b->jobs = jobs;
        b->room = room;
    }
    struct job *job = &b->jobs[b->count];
    *job = *like;
    job->at = b->bytes.n;
    for (int t = 0; t < T_COUNT; t++) {
        buf_addstr(&b->bytes, texts[t]);
        job->end[t] = b->bytes.n;
    }
    enum err e = b->bytes.err;
    if (e) {
        b->bytes.n = job->at;
        b->bytes.err = ERR_OK;
        return e;
    }
    b->count++;
    b->asked |= job->type != JOB_PUT; /* somebody waits for it */
    return ERR_OK;
}

enum err history_put(struct history *h, const struct history_row *row, history_put_fn *fn, void *ctx)
{
    const struct job job = { .type = JOB_PUT, .ticket = row->ticket, .at_ms = row->ended, .put = fn, .ctx = ctx };
    const struct str texts[T_COUNT] = {
        [T_WORKSPACE] = row->workspace, [T_STATE] = row->state, [T_QUEUE] = row->queue, [T_BODY] = row->body
    };
    return job_add(h, &job, texts);
}

enum err history_get(struct history *h, const struct id *ticket, history_get_fn *fn, void *ctx)
{
    const struct job job = { .type = JOB_GET, .ticket = *ticket, .get = fn, .ctx = ctx };
    const struct str texts[T_COUNT] = { STR_NONE };
    return job_add(h, &job, texts);
}

enum err history_list(struct history *h, struct str workspace, struct str state, struct str queue, const struct id *after,
                      uint32_t limit, history_get_fn *fn, void *ctx)
{
    struct job job = { .type = JOB_LIST, .limit = limit, .get = fn, .ctx = ctx };
    const struct str texts[T_COUNT] = { [T_WORKSPACE] = workspace, [T_STATE] = state, [T_QUEUE] = queue };
    if (limit == 0 || limit > LIST_MAX) return ERR_RANGE;
    if (after) job.ticket = *after;
    return job_add(h, &job, texts);
}

enum err history_digest(struct history *h, uint64_t since, uint64_t below, uint32_t limit, history_get_fn *fn, void *ctx)
{
    const struct job job = { .type = JOB_DIGEST, .at_ms = since, .after = below, .limit = limit, .get = fn, .ctx = ctx };
    const struct str texts[T_COUNT] = { STR_NONE };
    if (limit == 0 || limit > LIST_MAX) return ERR_RANGE;
    return job_add(h, &job, texts);
}

enum err history_feedback(struct history *h, const struct feedback_row *row, history_put_fn *fn, void *ctx)
{
    const struct job job = { .type = JOB_FEEDBACK, .ticket = row->ticket, .at_ms = row->at, .put = fn, .ctx = ctx };
    const struct str texts[T_COUNT] = {
        [T_WORKSPACE] = row->workspace, [T_BODY] = row->said, [T_WHO] = row->who, [T_SOURCE] = row->source, [T_ABOUT] = row->about
    };
    return job_add(h, &job, texts);
}

enum err history_feedback_list(struct history *h, const struct feedback_query *q, history_get_fn *fn, void *ctx)
{
    const struct job job = {
        .type = JOB_FEEDBACK_LIST, .at_ms = q->since, .after = q->after, .limit = q->limit, .get = fn, .ctx = ctx
    };
    const struct str texts[T_COUNT] = { [T_WORKSPACE] = q->workspace };
    if (q->limit == 0 || q->limit > LIST_MAX) return ERR_RANGE;
    return job_add(h, &job, texts);
}

enum err history_feedback_of(struct history *h, const struct id *ticket, history_get_fn *fn, void *ctx)
{
    const struct job job = { .type = JOB_FEEDBACK_OF, .ticket = *ticket, .get = fn, .ctx = ctx };
    const struct str texts[T_COUNT] = { STR_NONE };
    return job_add(h, &job, texts);
}

uint64_t history_feedback_rows(const struct history *h) { return h->feedback.rows; }

/* Has the filling batch waited for enough company? */
static bool is_due(struct history *h)
{
    const struct history_batch *b = h->filling;
    if (b->asked || h->due || h->closing || b->bytes.n >= PUT_ENOUGH) return true;
    if (!timer_armed(&h->put_wait)) timer_once(&h->put_wait, PUT_WAIT_MS);
    return false;
}

static void pump(struct history *h)
{
    if (h->away || h->quitting) return;
    if (h->filling->count) {
        if (!is_due(h)) return;
        h->due = false;
        timer_stop(&h->put_wait);
        h->away = h->filling;
        h->filling = h->away == &h->batches[0] ? &h->batches[1] : &h->batches[0];
        db_thread_give(&h->thread, h->away);
    } else if (h->closing) {
        h->quitting = true;
        db_thread_quit(&h->thread);
    }
}

static void on_put_wait(struct timer *t) { ((struct history *)t->ctx)->due = true; /* the end of the turn hands over */ }

static bool on_turn_end(struct turn_end *t)
{
    pump(t->ctx);
    return false;
}

static void count_dropped(struct feedback_db *f)
{
    uint64_t many = atomic_exchange(&f->too_many, 0), old = atomic_exchange(&f->too_old, 0);
    if (many) metric_add(MET_FEEDBACK_DROPPED, "rows", (double)many);
    if (old) metric_add(MET_FEEDBACK_DROPPED, "age", (double)old);
}

static void on_done(void *ctx, void *work)
{
    struct history *h = ctx;
    struct history_batch *b = work;
    count_dropped(&h->feedback);
    for (size_t i = 0; b && i < b->count; i++) {
        const struct job *job = &b->jobs[i];
        if (job->put) job->put(job->ctx, job->result);
        if (job->get)
            job->get(job->ctx, job->result, job->answer_n ? (struct str){ b->answers.p + job->answer, job->answer_n } : STR_NONE);
    }
    if (!b) return; /* it only had to tell */
    batch_clear(b);
    h->away = NULL;
}

static void history_free(void *p)
{
    struct history *h = p;
    void (*closed)(void *) = h->closed;
    void *ctx = h->closed_ctx;
    db_close(h);
    batch_fini(&h->batches[0]);
    batch_fini(&h->batches[1]);
    arena_fini(&h->scratch);
    free(h);
    if (closed) closed(ctx);
}

static void on_ended(void *ctx)
{
    struct history *h = ctx;
    turn_end_fini(&h->turn_end);
    timer_fini(&h->put_wait);
    loop_reap(h->loop, h, history_free);
}

void history_close(struct history *h, void (*done)(void *ctx), void *ctx)
{
    if (h->closing) return;
    h->closing = true;
    h->closed = done;
    h->closed_ctx = ctx;
    pump(h);
}

/* ---- opening -------------------------------------------------------------------------------------------------------- */

static int create_tables(sqlite3 *db)
{
    char text[2048];
    snprintf(text, sizeof text, "BEGIN; %s %s PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT;", schema,
             feedback_db_schema, APPLICATION, FORMAT);
    return sqlite3_exec(db, text, NULL, NULL, NULL);
}

/* The one change since FORMAT_OLD is a table more. */
static int add_feedback(sqlite3 *db)
{
    char text[1024];
    snprintf(text, sizeof text, "BEGIN; %s PRAGMA user_version=%d; COMMIT;", feedback_db_schema, FORMAT);
    return sqlite3_exec(db, text, NULL, NULL, NULL);
}

static enum err db_open(struct history *h, const struct history_cfg *cfg)
{
    const char *path = cfg->path;
    static const char pragmas[] =
        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA page_size=16384; PRAGMA journal_mode=PERSIST; PRAGMA synchronous=NORMAL;"
        "PRAGMA cache_size=-16384; PRAGMA journal_size_limit=16777216; PRAGMA temp_store=MEMORY; BEGIN EXCLUSIVE; COMMIT;";
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600); /* its user's alone; only when it is new */
    if (fd >= 0) close(fd);
    int rc = sqlite3_open_v2(path, &h->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (!rc) rc = sqlite3_exec(h->db, pragmas, NULL, NULL, NULL);
    if (!rc && db_ask(h->db, "PRAGMA application_id", -1) == 0 && db_ask(h->db, "SELECT count(*) FROM sqlite_schema", -1) == 0)
        rc = create_tables(h->db);
    else if (!rc && db_ask(h->db, "PRAGMA application_id", -1) == APPLICATION &&
             db_ask(h->db, "PRAGMA user_version", -1) == FORMAT_OLD)
        rc = add_feedback(h->db);
    if (!rc && (db_ask(h->db, "PRAGMA application_id", -1) != APPLICATION || db_ask(h->db, "PRAGMA user_version", -1) != FORMAT)) {
        log_error("history=%s is of another version or another program's; use the naru that wrote it, or name another folder",
                  path);
        return ERR_IO;
    }
    for (int i = 0; i < ST_COUNT && !rc; i++)
        rc = sqlite3_prepare_v3(h->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &h->st[i], NULL);
    if (!rc) rc = feedback_db_open(&h->feedback, h->db, cfg->feedback_rows, cfg->feedback_days * DAY_MS);
    if (rc)
        log_error("history=%s does not open: %s (%d); see that its folder may be written and no other process has it", path,
                  sqlite3_errmsg(h->db), rc);
    return rc ? ERR_IO : ERR_OK;
}

enum err history_open(struct history **out, uv_loop_t *loop, const struct history_cfg *cfg)
{
    struct history *h = calloc(1, sizeof *h);
    if (!h) return ERR_NOMEM;
    h->loop = loop;
    h->keep_ms = cfg->keep_days * DAY_MS;
    h->render = cfg->render;
    h->digest = cfg->digest;
    h->digest_ctx = cfg->digest_ctx;
    arena_init(&h->scratch, RENDER_MOST);
    batch_init(&h->batches[0]);
    batch_init(&h->batches[1]);
    h->filling = &h->batches[0];
    h->thread = (struct db_thread){
        .name = "history", .ctx = h, .work = on_work, .idle = on_idle, .end = on_end, .done = on_done, .ended = on_ended
    };
    enum err e = db_open(h, cfg);
    if (e) {
        history_free(h);
        return e;
    }
    if ((e = db_thread_start(&h->thread, loop))) {
        loop_reap(loop, h, history_free);
        return e;
    }
    turn_end_init(&h->turn_end, loop, on_turn_end, h);
    timer_init(&h->put_wait, loop, on_put_wait, h);
    *out = h;
    return ERR_OK;
}
