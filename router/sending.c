/* What becomes of a message. While it has not ended it is in its lane's queue (sending_lane.c) and on `open`; whatever changes its
   state puts it on `changed`, until its row is on its way, and on `untold`, until people have heard. */
#include "base/panic.h"
#include "router/parts.h"
#include "router/sending_impl.h"

#include <stdio.h>
#include <stdlib.h>

#define MESSAGE_WORD(id, word) word,
static const char *const state_texts[] = { MESSAGE_STATE_MAP(MESSAGE_WORD) };
static const char *const receipt_texts[] = { RECEIPT_MAP(MESSAGE_WORD) };
const struct words message_state_words = { state_texts, MESSAGE_STATES };
const struct words receipt_words = { receipt_texts, sizeof receipt_texts / sizeof *receipt_texts };

#define OUTLETS_MOST 65536u

enum err sending_init(struct sending *s, size_t most, size_t most_bytes, uint64_t seed)
{
    memset(s, 0, sizeof *s);
    idmap_init(&s->by_id, most);
    idmap_init(&s->by_ticket, most);
    idmap_init(&s->by_external, most * PARTS_MOST);
    map_init(&s->lanes, most);
    map_init(&s->outlets, OUTLETS_MOST);
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

/* Nobody waits for it any more: no receipt, no person. */
static bool asks_nobody(const struct out_message *m, uint64_t now)
{
    bool doubtful = m->state == MESSAGE_FAILED || m->state == MESSAGE_UNKNOWN;
    return m->state == MESSAGE_RECORDED || now >= m->at + (doubtful ? SENDING_ASK_MS : SENDING_KEEP_MS);
}

bool sending_inverted(const struct out_message *m) { return m->row_end && m->row_end < m->row_intent; }

bool sending_over(const struct sending *s, const struct ticket_messages *of, uint64_t now)
{
    const struct out_message *m;
    bool crowded = s->by_id.count > s->most / 2 || s->bytes > s->most_bytes / 2;
    TAILQ_FOREACH (m, &of->all, sibling) {
        bool told = m->committed && !m->in_changed && !m->writing && !sending_inverted(m);
        if (!message_ended(m) || !told || !(crowded || asks_nobody(m, now))) return false;
    }
    return true;
}

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

/* ---- states ---- */

/* The only writer of `state`. */
void sending_set_state(struct sending *s, struct out_message *m, enum message_state to)
{
    s->counts[m->state]--;
    s->counts[to]++;
    m->state = to;
    if (message_ended(m)) sending_lane_leave(s, m);
}

static void to_changed(struct sending *s, struct out_message *m)
{
    if (!m->in_changed) TAILQ_INSERT_TAIL(&s->changed, m, changed);
    m->in_changed = true;
}

void sending_row_due(struct sending *s, struct out_message *m)
{
    m->step++;
    to_changed(s, m);
}

/* … of a change that a row must tell. */
void sending_change(struct sending *s, struct out_message *m, enum message_state to, uint64_t now)
{
    m->at = now;
    sending_set_state(s, m, to);
    sending_row_due(s, m);
    if (to == MESSAGE_SENDING || to == MESSAGE_QUEUED) return;
    sending_tell_later(s, m);
}

struct out_message *sending_changed(const struct sending *s) { return TAILQ_FIRST(&s->changed); }

void sending_unchange(struct sending *s, struct out_message *m)
{
    if (m->in_changed) TAILQ_REMOVE(&s->changed, m, changed);
    m->in_changed = false;
}

void sending_told(struct sending *s, struct out_message *m, uint64_t number)
{
    sending_unchange(s, m);
    m->row_end = number;
    m->writing++;
}

void sending_wrote(struct out_message *m, uint64_t number, bool durable)
{
    m->writing--;
    if (durable) {
        m->row_was = number;
    } else if (m->row_end == number) {
        m->row_end = m->row_was;
        to_changed(m->in, m);
    }
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

/* ---- an attempt ---- */

void sending_begin(struct sending *s, struct out_message *m, uint32_t parts, bool once, uint64_t now)
{
    m->tries++;
    m->parts = parts;
    m->once = once;
    sending_change(s, m, MESSAGE_SENDING, now);
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

/* The provider has the part under way: the next one has its turn, or the message is at its end, which a receipt may have spoilt. */
static void part_done(struct sending *s, struct out_message *m, const char *external, uint64_t now)
{
    struct part_taken p = { .number = m->part, .external = sending_external(&m->row, external) };
    sending_part_taken(s, m, &p);
    uint32_t next = sending_part_next(m);
    m->why[0] = '\0';
    m->due = now;
    m->receipt = sending_receipt_of(m);
    if (next < m->parts) {
        m->part = next;
        m->tries = 0;
        sending_change(s, m, MESSAGE_QUEUED, now);
    } else {
        if (m->receipt == RECEIPT_FAILED) sending_say_undelivered(m);
        sending_change(s, m, m->receipt == RECEIPT_FAILED ? MESSAGE_FAILED : MESSAGE_SENT, now);
    }
}

static void once_more(struct sending *s, struct out_message *m, const struct send_result *r, uint64_t now)
{
    uint64_t wait = r->after_ms ? r->after_ms : jitter(s, doubled(SENDING_BACK_MS, m->tries ? m->tries - 1 : 0, SENDING_BACK_MOST));
    m->due = now + wait;
    sending_change(s, m, MESSAGE_QUEUED, now);
}

void sending_done(struct sending *s, struct out_message *m, const struct send_result *r, bool silent, uint64_t now)
{
    struct lane *l = m->lane;
    struct outlet *o = l->outlet;
    bool alone = TAILQ_FIRST(&l->queue) == TAILQ_LAST(&l->queue, out_messages);
    naru_assert(l->busy);
    let_go(m);
    judge_outlet(s, o, r, silent, now);
    if (r->end != SEND_DONE) snprintf(m->why, sizeof m->why, "%s", r->why);
    if (r->end == SEND_DONE) part_done(s, m, r->external, now);
    else if (r->end == SEND_AGAIN) once_more(s, m, r, now);
    else sending_change(s, m, r->end == SEND_REFUSED ? MESSAGE_FAILED : MESSAGE_UNKNOWN, now);
    if (m->lane || !alone) sending_lane_wait(l);
}

void sending_put_back(struct sending *s, struct out_message *m, uint64_t due)
{
    let_go(m);
    m->due = due;
    if (m->state == MESSAGE_SENDING) {
        m->tries--;
        sending_change(s, m, MESSAGE_QUEUED, m->at);
    }
    sending_lane_wait(m->lane);
}

void sending_recover(struct sending *s, struct out_message *m, bool repeatable, uint64_t now)
{
    bool again = repeatable && !m->once;
    if (m->state != MESSAGE_SENDING) return;
    m->due = now;
    if (!again) snprintf(m->why, sizeof m->why, "the process ended while it was being sent: the customer may have it");
    sending_change(s, m, again ? MESSAGE_QUEUED : MESSAGE_UNKNOWN, now);
    if (m->lane) sending_lane_wait(m->lane);
}

/* From its part under way on; after a failure in coming back to the lane it has failed. */
static enum err go_on(struct sending *s, struct out_message *m, uint64_t now)
{
    m->tries = 0;
    m->began = m->due = now;
    m->why[0] = '\0';
    sending_change(s, m, MESSAGE_QUEUED, now);
    enum err e = sending_lane_enter(s, m);
    if (e) sending_change(s, m, MESSAGE_FAILED, now);
    return e;
}

enum err sending_again(struct sending *s, struct out_message *m, uint64_t now)
{
    const struct out_part *p;
    if (m->state != MESSAGE_FAILED && m->state != MESSAGE_UNKNOWN) return ERR_STATE;
    TAILQ_FOREACH_REVERSE(p, &m->taken, out_parts, link)
    {
        if (p->receipt == RECEIPT_FAILED) m->part = p->number < m->part ? p->number : m->part;
    }
    sending_parts_drop(s, m, true);
    m->receipt = RECEIPT_NONE;
    return go_on(s, m, now);
}

enum err sending_confirm(struct sending *s, struct out_message *m, uint64_t now)
{
    if (m->state != MESSAGE_UNKNOWN) return ERR_STATE;
    part_done(s, m, "", now);
    return m->state == MESSAGE_QUEUED ? go_on(s, m, now) : ERR_OK;
}

/* ---- what is known of it ---- */

uint64_t sending_answered(const struct sending *s, const struct out_message *m)
{
    const struct out_message *o;
    uint64_t last = 0;
    (void)s;
    TAILQ_FOREACH (o, &m->of->all, sibling) {
        bool out = !TAILQ_EMPTY(&o->taken) || (o != m && (o->tries || o->state == MESSAGE_SENT));
        if (out && str_eq(o->row.conversation, m->row.conversation) && o->at > last) last = o->at;
    }
    return last;
}
