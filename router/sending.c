/* Where a message is. Known by its id from sending_add (or the first of its rows) to sending_drop; listed with its ticket as long.
   While it has not ended it is in its lane's queue and on `open`.

   A lane exists exactly while its queue is not empty. It is in its outlet's heap when its first message is durable and nobody has
   taken it; `busy` from sending_next to sending_done or sending_put_back, and counted in `under_way` as long. (When there is no
   memory to put it back into the heap it waits until sending_late ends its first message.)

   An outlet is made with its first message and stays: there are no more of them than accounts that ever had one. */
#include "router/sending.h"

#include "base/panic.h"

#include <stdio.h>
#include <stdlib.h>

#define MESSAGE_WORD(id, word) word,
static const char *const state_texts[] = { MESSAGE_STATE_MAP(MESSAGE_WORD) };
static const char *const receipt_texts[] = { RECEIPT_MAP(MESSAGE_WORD) };
const struct words message_state_words = { state_texts, MESSAGE_STATES };
const struct words receipt_words = { receipt_texts, sizeof receipt_texts / sizeof *receipt_texts };
RECORD_TABLE(message_row, MESSAGE_ROW_FIELDS)
RECORD_TABLE(message_end_row, MESSAGE_END_ROW_FIELDS)

#define OUTLETS_MOST 65536u

enum err sending_init(struct sending *s, size_t most, size_t most_bytes, uint64_t seed)
{
    memset(s, 0, sizeof *s);
    idmap_init(&s->by_id, most);
    idmap_init(&s->by_ticket, most);
    map_init(&s->lanes, most);
    map_init(&s->outlets, OUTLETS_MOST);
    map_init(&s->by_external, most);
    TAILQ_INIT(&s->outlet_list);
    TAILQ_INIT(&s->tickets);
    TAILQ_INIT(&s->open);
    TAILQ_INIT(&s->changed);
    TAILQ_INIT(&s->untold);
    s->most = most;
    s->most_bytes = most_bytes;
    rng_seed(&s->rng, seed);
    return ERR_OK;
}

bool message_ended(const struct out_message *m) { return m->state != MESSAGE_QUEUED && m->state != MESSAGE_SENDING; }
struct out_message *sending_find(const struct sending *s, const struct id *id) { return idmap_get(&s->by_id, id); }
bool sending_has_room(const struct sending *s) { return s->by_id.count < s->most && s->bytes < s->most_bytes; }
struct ticket_messages *sending_of_ticket(const struct sending *s, const struct id *ticket)
{
    return idmap_get(&s->by_ticket, ticket);
}

struct id sending_part_id(const struct id *message, uint32_t part)
{
    struct id id = *message;
    id.b[14] ^= (uint8_t)(part >> 8);
    id.b[15] ^= (uint8_t)part;
    return id;
}

/* ---- outlets and lanes ---- */

static size_t put_key(char *out, struct str a, struct str b)
{
    size_t n = 0;
    if (a.n) memcpy(out, a.p, a.n);
    n += a.n;
    out[n++] = '\0';
    if (b.n) memcpy(out + n, b.p, b.n);
    n += b.n;
    out[n++] = '\0';
    return n;
}

static struct outlet *outlet_of(struct sending *s, const struct message_row *row)
{
    struct outlet probe, *o;
    probe.key_n = (uint32_t)put_key(probe.key, row->workspace, row->account);
    if ((o = map_get(&s->outlets, (struct str){ probe.key, probe.key_n })) || !(o = calloc(1, sizeof *o))) return o;
    memcpy(o->key, probe.key, probe.key_n);
    o->key_n = probe.key_n;
    heap_init(&o->due, s->most);
    o->tokens = -1; /* full, once its sender is known */
    if (map_put(&s->outlets, (struct str){ o->key, o->key_n }, o)) return free(o), NULL;
    TAILQ_INSERT_TAIL(&s->outlet_list, o, link);
    return o;
}

static struct lane *lane_of(struct sending *s, struct outlet *o, const struct message_row *row)
{
    char key[sizeof o->key + 256];
    size_t n = o->key_n + row->conversation.n;
    memcpy(key, o->key, o->key_n);
    if (row->conversation.n) memcpy(key + o->key_n, row->conversation.p, row->conversation.n);
    struct lane *l = map_get(&s->lanes, (struct str){ key, n });
    if (l || !(l = calloc(1, sizeof *l + n))) return l;
    memcpy(l->key, key, n);
    l->key_n = (uint32_t)n;
    l->outlet = o;
    TAILQ_INIT(&l->queue);
    if (!map_put(&s->lanes, (struct str){ l->key, l->key_n }, l)) return l;
    free(l);
    return NULL;
}

/* In the heap when its first may leave at some time, with that time. */
static void lane_wait(struct lane *l)
{
    const struct out_message *first = TAILQ_FIRST(&l->queue);
    bool may = !l->busy && first && first->committed;
    if (heap_has(&l->node)) heap_remove(&l->outlet->due, &l->node);
    if (!may) return;
    l->node.key = (int64_t)first->due;
    l->node.tie = first->row.seq;
    (void)heap_push(&l->outlet->due, &l->node);
}

static int by_place(const struct out_message *a, const struct out_message *b)
{
    if (a->row.epoch != b->row.epoch) return a->row.epoch < b->row.epoch ? -1 : 1;
    if (a->row.seq != b->row.seq) return a->row.seq < b->row.seq ? -1 : 1;
    return memcmp(a->id.b, b->id.b, sizeof a->id.b);
}

static enum err lane_enter(struct sending *s, struct out_message *m)
{
    struct outlet *o = outlet_of(s, &m->row);
    struct lane *l = o ? lane_of(s, o, &m->row) : NULL;
    struct out_message *before;
    if (!l) return ERR_NOMEM;
    before = TAILQ_LAST(&l->queue, out_messages);
    while (before && by_place(before, m) > 0 && !(l->busy && before == TAILQ_FIRST(&l->queue)))
        before = TAILQ_PREV(before, out_messages, in_lane);
    if (before) TAILQ_INSERT_AFTER(&l->queue, before, m, in_lane);
    else TAILQ_INSERT_HEAD(&l->queue, m, in_lane);
    m->lane = l;
    o->waiting++;
    TAILQ_INSERT_TAIL(&s->open, m, open);
    m->in_open = true;
    lane_wait(l);
    return ERR_OK;
}

static void lane_leave(struct sending *s, struct out_message *m)
{
    struct lane *l = m->lane;
    if (!l) return;
    TAILQ_REMOVE(&l->queue, m, in_lane);
    TAILQ_REMOVE(&s->open, m, open);
    m->in_open = false;
    m->lane = NULL;
    l->outlet->waiting--;
    lane_wait(l);
    if (!TAILQ_EMPTY(&l->queue)) return;
    map_del(&s->lanes, (struct str){ l->key, l->key_n });
    free(l);
}

/* ---- states ---- */

/* The only writer of `state`. */
static void set_state(struct sending *s, struct out_message *m, enum message_state to)
{
    s->counts[m->state]--;
    s->counts[to]++;
    m->state = to;
    if (message_ended(m)) lane_leave(s, m);
}

/* … of a change that a row must tell. */
static void change(struct sending *s, struct out_message *m, enum message_state to, uint64_t now)
{
    m->step++;
    m->at = now;
    set_state(s, m, to);
    if (!m->in_changed) TAILQ_INSERT_TAIL(&s->changed, m, changed);
    m->in_changed = true;
    if (to == MESSAGE_SENDING || to == MESSAGE_QUEUED) return;
    sending_tell_later(s, m);
}

struct out_message *sending_changed(const struct sending *s) { return TAILQ_FIRST(&s->changed); }

void sending_told(struct sending *s, struct out_message *m)
{
    if (m->in_changed) TAILQ_REMOVE(&s->changed, m, changed);
    m->in_changed = false;
}

struct out_message *sending_untold(const struct sending *s, const struct out_message *after)
{
    return after ? TAILQ_NEXT(after, untold) : TAILQ_FIRST(&s->untold);
}

void sending_heard(struct sending *s, struct out_message *m)
{
    if (m->in_untold) TAILQ_REMOVE(&s->untold, m, untold);
    m->in_untold = false;
}

void sending_tell_later(struct sending *s, struct out_message *m)
{
    if (!m->in_untold) TAILQ_INSERT_TAIL(&s->untold, m, untold);
    m->in_untold = true;
}

void sending_unwritten(struct sending *s, uint64_t number)
{
    struct out_message *m;
    for (size_t i = 0; (m = idmap_next(&s->by_id, &i));) {
        if (m->row_end != number || m->in_changed) continue;
        m->row_end = 0;
        TAILQ_INSERT_TAIL(&s->changed, m, changed);
        m->in_changed = true;
    }
}

/* ---- messages ---- */

static enum err message_new(struct sending *s, const struct id *id, struct out_message **out)
{
    struct out_message *m;
    if (!sending_has_room(s)) return ERR_FULL;
    if (!(m = calloc(1, sizeof *m))) return ERR_NOMEM;
    m->id = *id;
    enum err e = idmap_put(&s->by_id, m);
    if (e) return free(m), e;
    s->counts[MESSAGE_QUEUED]++;
    s->bytes += sizeof *m;
    *out = m;
    return ERR_OK;
}

static void external_forget(struct sending *s, struct out_message *m)
{
    struct str key = { m->external_key, m->external_n };
    if (m->external_key && map_get(&s->by_external, key) == m) map_del(&s->by_external, key);
    free(m->external_key);
    m->external_key = NULL;
}

/* What the provider calls it, for receipts. Without memory for it they are not found. */
static void external_known(struct sending *s, struct out_message *m)
{
    struct str x = str_of(m->external);
    external_forget(s, m);
    if (!x.n || !m->packed || !(m->external_key = malloc(64 + 1 + 64 + 1 + x.n))) return;
    m->external_n = put_key(m->external_key, m->row.workspace, m->row.account);
    memcpy(m->external_key + m->external_n, x.p, x.n);
    m->external_n += x.n;
    (void)map_put(&s->by_external, (struct str){ m->external_key, m->external_n }, m);
}

static void leave_ticket(struct sending *s, struct out_message *m)
{
    struct ticket_messages *of = m->of;
    if (!of) return;
    TAILQ_REMOVE(&of->all, m, sibling);
    m->of = NULL;
    if (!TAILQ_EMPTY(&of->all)) return;
    TAILQ_REMOVE(&s->tickets, of, link);
    idmap_del(&s->by_ticket, &of->ticket);
    free(of);
}

static void message_free(struct sending *s, struct out_message *m)
{
    lane_leave(s, m);
    leave_ticket(s, m);
    external_forget(s, m);
    sending_told(s, m);
    sending_heard(s, m);
    idmap_del(&s->by_id, &m->id);
    s->counts[m->state]--;
    s->bytes -= sizeof *m + m->packed_n;
    free(m->packed);
    free(m);
}

static enum err join_ticket(struct sending *s, struct out_message *m)
{
    struct ticket_messages *of = idmap_get(&s->by_ticket, &m->row.ticket);
    if (!of) {
        if (!(of = calloc(1, sizeof *of))) return ERR_NOMEM;
        of->ticket = m->row.ticket;
        TAILQ_INIT(&of->all);
        enum err e = idmap_put(&s->by_ticket, of);
        if (e) return free(of), e;
        TAILQ_INSERT_TAIL(&s->tickets, of, link);
    }
    TAILQ_INSERT_TAIL(&of->all, m, sibling);
    m->of = of;
    return ERR_OK;
}

static enum err read_row(struct out_message *m, struct str packed)
{
    if (!(m->packed = malloc(packed.n))) return ERR_NOMEM;
    memcpy(m->packed, packed.p, packed.n);
    m->packed_n = (uint32_t)packed.n;
    return record_unpack(&message_row_record, &m->row, (struct str){ m->packed, m->packed_n }, NULL);
}

enum err sending_add(struct sending *s, const struct id *id, struct str packed, uint64_t number, struct out_message **out)
{
    struct out_message *m = sending_find(s, id);
    enum err e = ERR_OK;
    if (m && m->packed) return *out = m, ERR_EXISTS;
    if (!packed.n) return ERR_PROTO;
    if (!m && (e = message_new(s, id, &m))) return e;
    e = read_row(m, packed);
    if (e) free(m->packed), m->packed = NULL, m->packed_n = 0;
    s->bytes += m->packed_n;
    if (!e && !m->step) { /* nothing is known of its sending */
        m->at = m->began = m->row.at;
        m->due = 0;
        if (m->row.recorded) set_state(s, m, MESSAGE_RECORDED);
    }
    if (!e) e = join_ticket(s, m);
    if (!e && !message_ended(m)) e = lane_enter(s, m);
    if (e) return message_free(s, m), e;
    m->row_intent = number;
    external_known(s, m);
    *out = m;
    return ERR_OK;
}

static void copy_text(char *out, size_t room, struct str s)
{
    size_t n = s.n < room ? s.n : room - 1;
    if (n) memcpy(out, s.p, n);
    out[n] = '\0';
}

enum err sending_fold(struct sending *s, const struct id *id, struct str packed, uint64_t number)
{
    struct out_message *m = sending_find(s, id);
    struct message_end_row end;
    enum err e = record_unpack(&message_end_row_record, &end, packed, NULL);
    if (!e && !m) e = message_new(s, id, &m);
    if (e) return e;
    if (m->step >= end.step) return ERR_EXISTS;
    m->step = end.step;
    m->part = end.part;
    m->tries = end.tries;
    m->once = end.once;
    m->at = end.at;
    m->began = end.began;
    m->receipt = end.receipt;
    m->row_end = number;
    m->due = 0;
    copy_text(m->external, sizeof m->external, end.external);
    copy_text(m->why, sizeof m->why, end.why);
    set_state(s, m, end.state);
    if (m->packed) external_known(s, m);
    if (m->packed && !message_ended(m) && !m->lane) return lane_enter(s, m);
    return ERR_OK;
}

void sending_pack(const struct out_message *m, struct buf *out)
{
    struct message_end_row end = { .step = m->step,
                                   .state = m->state,
                                   .part = m->part,
                                   .tries = m->tries,
                                   .once = m->once,
                                   .at = m->at,
                                   .began = m->began,
                                   .external = str_of(m->external),
                                   .why = str_of(m->why),
                                   .receipt = m->receipt };
    record_pack(out, &message_end_row_record, &end);
}

/* Frees those of which only ends are known, or all. Without memory for the list they stay, and do no harm. */
static void free_messages(struct sending *s, bool all)
{
    struct out_message *m, **v = malloc((s->by_id.count + 1) * sizeof *v);
    size_t n = 0;
    if (!v) return;
    for (size_t i = 0; (m = idmap_next(&s->by_id, &i));) { /* the map is not walked while it changes */
        if (all || !m->packed) v[n++] = m;
    }
    while (n) message_free(s, v[--n]);
    free(v);
}

/* Those with an intent are durable, and may leave; ends without one are of messages that are settled and gone. */
void sending_replayed(struct sending *s)
{
    struct out_message *m;
    struct lane *l;
    free_messages(s, false);
    for (size_t i = 0; (m = idmap_next(&s->by_id, &i));) m->committed = true;
    for (size_t i = 0; (l = map_next(&s->lanes, &i));) lane_wait(l);
}

bool sending_row_live(const struct sending *s, uint64_t number, const struct id *id)
{
    const struct out_message *m = sending_find(s, id);
    return m && (number == m->row_intent || number == m->row_end);
}

void sending_row_moved(struct sending *s, uint64_t from, uint64_t to, const struct id *id)
{
    struct out_message *m = sending_find(s, id);
    if (m && m->row_intent == from) m->row_intent = to;
    if (m && m->row_end == from) m->row_end = to;
}

void sending_forget(struct sending *s, struct out_message *m) { message_free(s, m); }

void sending_to_back(struct sending *s, struct ticket_messages *of)
{
    TAILQ_REMOVE(&s->tickets, of, link);
    TAILQ_INSERT_TAIL(&s->tickets, of, link);
}

void sending_drop(struct sending *s, struct ticket_messages *of)
{
    for (struct out_message *m = TAILQ_FIRST(&of->all), *next; m; m = next) {
        next = TAILQ_NEXT(m, sibling);
        naru_assert(message_ended(m));
        message_free(s, m); /* the last one takes `of` along */
    }
}

void sending_fini(struct sending *s)
{
    struct outlet *o;
    free_messages(s, true);
    while ((o = TAILQ_FIRST(&s->outlet_list))) {
        TAILQ_REMOVE(&s->outlet_list, o, link);
        heap_fini(&o->due);
        free(o);
    }
    idmap_fini(&s->by_id);
    idmap_fini(&s->by_ticket);
    map_fini(&s->lanes);
    map_fini(&s->outlets);
    map_fini(&s->by_external);
}

/* ---- whose turn it is ---- */

void sending_committed(struct sending *s, struct out_message *m, uint64_t now)
{
    (void)s;
    m->committed = true;
    if (m->due < now) m->due = now;
    if (m->lane) lane_wait(m->lane);
}

static void refill(struct outlet *o, const struct sender *by, uint64_t now)
{
    double most = by->per_second;
    if (o->tokens < 0) o->tokens = most;
    else if (now > o->tokens_at) o->tokens += most * (double)(now - o->tokens_at) / 1e3;
    if (o->tokens > most) o->tokens = most;
    o->tokens_at = now;
}

/* When its account lets the next one go, by all but its rate; UINT64_MAX: when one of those under way has ended. */
static uint64_t outlet_opens(const struct outlet *o)
{
    bool probing = o->failures >= SENDING_BREAK_AFTER;
    if (o->under_way >= (probing ? 1 : SENDING_AT_ONCE)) return UINT64_MAX;
    return o->paused_until > o->broken_until ? o->paused_until : o->broken_until;
}

static struct out_message *outlet_next(struct outlet *o, uint64_t now, sender_fn *can, void *ctx)
{
    struct heap_node *n = heap_peek(&o->due);
    if (!n || n->key > (int64_t)now || outlet_opens(o) > now) return NULL;
    struct lane *l = container_of(n, struct lane, node);
    struct out_message *m = TAILQ_FIRST(&l->queue);
    const struct sender *by = can(ctx, m);
    if (!by) {
        o->paused_until = now + SENDING_BACK_MS;
        return NULL;
    }
    refill(o, by, now);
    if (by->per_second && o->tokens < 1) {
        o->paused_until = now + 1 + (uint64_t)((1 - o->tokens) * 1e3 / by->per_second);
        return NULL;
    }
    if (by->per_second) o->tokens -= 1;
    heap_remove(&o->due, n);
    l->busy = true;
    o->under_way++;
    return m;
}

/* Whoever had a turn goes behind the others. */
struct out_message *sending_next(struct sending *s, uint64_t now, sender_fn *can, void *ctx)
{
    struct out_message *m;
    struct outlet *o;
    TAILQ_FOREACH (o, &s->outlet_list, link) {
        if (!(m = outlet_next(o, now, can, ctx))) continue;
        TAILQ_REMOVE(&s->outlet_list, o, link);
        TAILQ_INSERT_TAIL(&s->outlet_list, o, link);
        return m;
    }
    return NULL;
}

static bool is_under_way(const struct out_message *m) { return m->lane->busy && TAILQ_FIRST(&m->lane->queue) == m; }

static struct out_message *first_waiting(const struct sending *s)
{
    struct out_message *m = TAILQ_FIRST(&s->open);
    while (m && (is_under_way(m) || !m->committed)) m = TAILQ_NEXT(m, open);
    return m;
}

struct out_message *sending_late(struct sending *s, uint64_t now)
{
    struct out_message *m = first_waiting(s);
    char last[160];
    if (!m || now < m->began + SENDING_TOTAL_MS) return NULL;
    snprintf(last, sizeof last, "%.150s", m->why);
    snprintf(m->why, sizeof m->why, "not sent within an hour%s%s", last[0] ? ": " : "", last);
    change(s, m, MESSAGE_FAILED, now);
    return m;
}

uint64_t sending_wake(const struct sending *s, uint64_t now)
{
    const struct out_message *first = first_waiting(s);
    uint64_t wake = first ? first->began + SENDING_TOTAL_MS : UINT64_MAX;
    const struct outlet *o;
    TAILQ_FOREACH (o, &s->outlet_list, link) {
        const struct heap_node *n = heap_peek(&o->due);
        uint64_t opens = outlet_opens(o), at = n ? (uint64_t)n->key : UINT64_MAX;
        if (opens > at) at = opens;
        if (at < wake) wake = at;
    }
    return wake < now ? now : wake;
}

/* ---- a try ---- */

void sending_begin(struct sending *s, struct out_message *m, bool once, uint64_t now)
{
    m->tries++;
    m->once = once;
    change(s, m, MESSAGE_SENDING, now);
}

/* Its lane and its account are free for the next one. */
static void let_go(struct out_message *m)
{
    m->lane->busy = false;
    m->lane->outlet->under_way--;
}

static uint64_t jitter(struct sending *s, uint64_t ms) { return ms / 2 + rng_below(&s->rng, ms + 1); }

static uint64_t doubled(uint64_t first, uint32_t times, uint64_t most)
{
    while (times-- && first < most) first *= 2;
    return first < most ? first : most;
}

static void judge_outlet(struct sending *s, struct outlet *o, const struct send_result *r, bool silent, uint64_t now)
{
    if (r->end == SEND_AGAIN && r->after_ms && now + r->after_ms > o->paused_until) o->paused_until = now + r->after_ms;
    if (!silent) {
        o->failures = o->breaks = 0;
        o->broken_until = 0;
        return;
    }
    if (++o->failures < SENDING_BREAK_AFTER) return;
    o->broken_until = now + jitter(s, doubled(SENDING_BREAK_MS, o->breaks, SENDING_BREAK_MOST));
    if (o->breaks < 31) o->breaks++;
}

static void ended_well(struct sending *s, struct out_message *m, const struct send_result *r, bool more, uint64_t now)
{
    snprintf(m->external, sizeof m->external, "%s", r->external);
    m->why[0] = '\0';
    m->due = now;
    if (more) m->part++, m->tries = 0;
    else external_known(s, m);
    change(s, m, more ? MESSAGE_QUEUED : MESSAGE_SENT, now);
}

static void once_more(struct sending *s, struct out_message *m, const struct send_result *r, uint64_t now)
{
    uint64_t wait = r->after_ms ? r->after_ms : jitter(s, doubled(SENDING_BACK_MS, m->tries ? m->tries - 1 : 0, SENDING_BACK_MOST));
    m->due = now + wait;
    change(s, m, MESSAGE_QUEUED, now);
}

void sending_done(struct sending *s, struct out_message *m, const struct send_result *r, bool more, bool silent, uint64_t now)
{
    struct lane *l = m->lane;
    struct outlet *o = l->outlet;
    bool alone = TAILQ_FIRST(&l->queue) == TAILQ_LAST(&l->queue, out_messages);
    naru_assert(l->busy);
    let_go(m);
    judge_outlet(s, o, r, silent, now);
    if (r->end != SEND_DONE) snprintf(m->why, sizeof m->why, "%s", r->why);
    if (r->end == SEND_DONE) ended_well(s, m, r, more, now);
    else if (r->end == SEND_AGAIN) once_more(s, m, r, now);
    else change(s, m, r->end == SEND_REFUSED ? MESSAGE_FAILED : MESSAGE_UNKNOWN, now);
    if (m->lane || !alone) lane_wait(l);
}

void sending_put_back(struct sending *s, struct out_message *m, uint64_t due)
{
    let_go(m);
    if (m->state == MESSAGE_SENDING) m->tries--;
    m->due = due;
    set_state(s, m, MESSAGE_QUEUED);
    sending_told(s, m);
    lane_wait(m->lane);
}

void sending_recover(struct sending *s, struct out_message *m, bool repeatable, uint64_t now)
{
    bool again = repeatable && !m->once;
    if (m->state != MESSAGE_SENDING) return;
    m->due = now;
    if (!again) snprintf(m->why, sizeof m->why, "the process ended while it was being sent: the customer may have it");
    change(s, m, again ? MESSAGE_QUEUED : MESSAGE_UNKNOWN, now);
    if (m->lane) lane_wait(m->lane);
}

enum err sending_again(struct sending *s, struct out_message *m, uint64_t now)
{
    if (m->state != MESSAGE_FAILED && m->state != MESSAGE_UNKNOWN) return ERR_STATE;
    m->tries = 0;
    m->began = m->due = now;
    m->receipt = RECEIPT_NONE;
    m->why[0] = '\0';
    change(s, m, MESSAGE_QUEUED, now);
    enum err e = lane_enter(s, m);
    if (e) change(s, m, MESSAGE_FAILED, now);
    return e;
}

enum err sending_confirm(struct sending *s, struct out_message *m, uint64_t now)
{
    if (m->state != MESSAGE_UNKNOWN) return ERR_STATE;
    m->why[0] = '\0';
    change(s, m, MESSAGE_SENT, now);
    return ERR_OK;
}

/* ---- what is known of it ---- */

/* `read` says `delivered` as well, and what was read did not fail. */
struct out_message *sending_receipt(struct sending *s, struct str workspace, struct str account, struct str external,
                                    enum receipt what, uint64_t now)
{
    char key[64 + 1 + 64 + 1 + 128];
    if (workspace.n > 64 || account.n > 64 || !external.n || external.n > 128) return NULL;
    size_t n = put_key(key, workspace, account);
    memcpy(key + n, external.p, external.n);
    struct out_message *m = map_get(&s->by_external, (struct str){ key, n + external.n });
    bool late = m && (m->receipt >= what || (what == RECEIPT_FAILED && m->receipt != RECEIPT_NONE));
    if (!m || late || m->state != MESSAGE_SENT) return NULL;
    m->receipt = what;
    if (what == RECEIPT_FAILED) snprintf(m->why, sizeof m->why, "the provider could not deliver it");
    change(s, m, what == RECEIPT_FAILED ? MESSAGE_FAILED : MESSAGE_SENT, now);
    return m;
}

uint64_t sending_answered(const struct sending *s, const struct out_message *m)
{
    const struct out_message *o;
    uint64_t last = 0;
    (void)s;
    TAILQ_FOREACH (o, &m->of->all, sibling) {
        bool out = o->part || (o != m && (o->tries || o->state == MESSAGE_SENT));
        if (out && str_eq(o->row.conversation, m->row.conversation) && o->at > last) last = o->at;
    }
    return last;
}
