/* What becomes of a message. While it has not ended it is in its lane's queue (sending_lane.c) and on `open`; whatever changes its
   state puts it on `changed`, until its row is on its way, and on `untold`, until people have heard. */
#include "base/panic.h"
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

/* A person need not look at it, or had the time to. */
static bool asks_nobody(const struct out_message *m, uint64_t now)
{
    return (m->state != MESSAGE_FAILED && m->state != MESSAGE_UNKNOWN) || now >= m->at + SENDING_ASK_MS;
}

bool sending_inverted(const struct out_message *m) { return m->row_end && m->row_end < m->row_intent; }

bool sending_over(const struct sending *s, const struct ticket_messages *of, uint64_t now)
{
    const struct out_message *m;
    bool crowded = s->by_id.count > s->most / 2 || s->bytes > s->most_bytes / 2;
    TAILQ_FOREACH (m, &of->all, sibling)
        if (!message_ended(m) || !m->committed || m->in_changed || sending_inverted(m) || !(crowded || asks_nobody(m, now)))
            return false;
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

/* … of a change that a row must tell. */
void sending_change(struct sending *s, struct out_message *m, enum message_state to, uint64_t now)
{
    m->step++;
    m->at = now;
    sending_set_state(s, m, to);
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

/* ---- an attempt ---- */

void sending_begin(struct sending *s, struct out_message *m, bool once, uint64_t now)
{
    m->tries++;
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

static void ended_well(struct sending *s, struct out_message *m, const struct send_result *r, bool more, uint64_t now)
{
    snprintf(m->external, sizeof m->external, "%s", r->external);
    m->why[0] = '\0';
    m->due = now;
    if (more) m->part++, m->tries = 0;
    else sending_external_known(s, m);
    sending_change(s, m, more ? MESSAGE_QUEUED : MESSAGE_SENT, now);
}

static void once_more(struct sending *s, struct out_message *m, const struct send_result *r, uint64_t now)
{
    uint64_t wait = r->after_ms ? r->after_ms : jitter(s, doubled(SENDING_BACK_MS, m->tries ? m->tries - 1 : 0, SENDING_BACK_MOST));
    m->due = now + wait;
    sending_change(s, m, MESSAGE_QUEUED, now);
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
    else sending_change(s, m, r->end == SEND_REFUSED ? MESSAGE_FAILED : MESSAGE_UNKNOWN, now);
    if (m->lane || !alone) sending_lane_wait(l);
}

void sending_put_back(struct sending *s, struct out_message *m, uint64_t due)
{
    let_go(m);
    if (m->state == MESSAGE_SENDING) m->tries--;
    m->due = due;
    sending_set_state(s, m, MESSAGE_QUEUED);
    sending_told(s, m);
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

enum err sending_again(struct sending *s, struct out_message *m, uint64_t now)
{
    if (m->state != MESSAGE_FAILED && m->state != MESSAGE_UNKNOWN) return ERR_STATE;
    m->tries = 0;
    m->began = m->due = now;
    m->receipt = RECEIPT_NONE;
    m->why[0] = '\0';
    sending_change(s, m, MESSAGE_QUEUED, now);
    enum err e = sending_lane_enter(s, m);
    if (e) sending_change(s, m, MESSAGE_FAILED, now);
    return e;
}

enum err sending_confirm(struct sending *s, struct out_message *m, uint64_t now)
{
    if (m->state != MESSAGE_UNKNOWN) return ERR_STATE;
    m->why[0] = '\0';
    sending_change(s, m, MESSAGE_SENT, now);
    return ERR_OK;
}

/* ---- what is known of it ---- */

/* `read` says `delivered` as well, and what was read did not fail. */
struct out_message *sending_receipt(struct sending *s, struct str workspace, struct str account, struct str external,
                                    enum receipt what, uint64_t now)
{
    char key[64 + 1 + 64 + 1 + 128];
    if (workspace.n > 64 || account.n > 64 || !external.n || external.n > 128) return NULL;
    size_t n = sending_key(key, workspace, account);
    memcpy(key + n, external.p, external.n);
    struct out_message *m = map_get(&s->by_external, (struct str){ key, n + external.n });
    bool late = m && (m->receipt >= what || (what == RECEIPT_FAILED && m->receipt != RECEIPT_NONE));
    if (!m || late || m->state != MESSAGE_SENT) return NULL;
    m->receipt = what;
    if (what == RECEIPT_FAILED) snprintf(m->why, sizeof m->why, "the provider could not deliver it");
    sending_change(s, m, what == RECEIPT_FAILED ? MESSAGE_FAILED : MESSAGE_SENT, now);
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
