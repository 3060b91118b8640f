/* The fold. What is always true:

   - An event is found by its id from its acceptance until events_drop; `order` holds all of them in the order of arrival.
   - The state follows from the facts that are known (state_of) and is set by one function (restate), which also counts.
   - A ticket exists exactly while an event that is kept here belongs to it; while a journal is replayed it may also wait for its
     events, and an event for its own row: events_replayed drops what is left over (rows of settled events, not yet deleted).
   - A ticket that is live and of which an event is known is in by_conversation, and counted among its customer's live tickets; it
     leaves both with its end (ticket_known, ticket_over). What conversations and customers are told as facts is a by-product of the
     fold: after a replay it may lack what needs no row.
   - Row numbers: 0 means that no row carries the fact. A row is live when the fact that it carries still names it.

   Owned here: packed records, names, life. Lists that others keep (`link`) are left by them before events_drop. */
#include "router/event.h"

#include "base/log.h"
#include "base/panic.h"
#include "proto/mp.h"

#include <stdio.h>
#include <stdlib.h>

#define LIFE_FIRST 900u                /* bytes made room for at once: a plain life fits */
#define LIFE_MOST  (LIM_LIFE * 80000u) /* an entry's texts have caps that add up to less than 80,000 */

#define EVENT_WORD(id, word) word,
static const char *const state_words[] = { EVENT_STATE_MAP(EVENT_WORD) };
const struct words event_state_words = { state_words, EV_STATE_COUNT };

enum err events_init(struct events *ev, size_t cap)
{
    memset(ev, 0, sizeof *ev);
    idmap_init(&ev->by_id, cap + 1);
    idmap_init(&ev->by_ticket, cap + 1);
    map_init(&ev->by_conversation, cap + 1);
    TAILQ_INIT(&ev->order);
    TAILQ_INIT(&ev->ended);
    rng_secret(ev->seed, sizeof ev->seed);
    ev->cap = cap;
    arena_init(&ev->scratch, LIM_ZMQ_MESSAGE * 4);
    buf_init(&ev->entry, 80000);
    ev->workspaces = calloc(EVENTS_WORKSPACES, sizeof *ev->workspaces);
    return ev->workspaces ? customers_init(&ev->customers, LIM_CUSTOMERS) : ERR_NOMEM;
}

void events_fini(struct events *ev)
{
    struct kept_event *e;
    while ((e = TAILQ_FIRST(&ev->order))) {
        event_list_leave(e);
        events_drop(ev, e);
    }
    idmap_fini(&ev->by_id);
    idmap_fini(&ev->by_ticket);
    map_fini(&ev->by_conversation);
    customers_fini(&ev->customers);
    arena_fini(&ev->scratch);
    buf_fini(&ev->entry);
    free(ev->workspaces);
}

struct kept_event *events_find(const struct events *ev, const struct id *id) { return idmap_get(&ev->by_id, id); }
struct kept_ticket *events_ticket(const struct events *ev, const struct id *id) { return idmap_get(&ev->by_ticket, id); }

const struct kept_event *events_about(const struct events *ev, const struct entry *en, bool *own)
{
    const struct kept_event *e = id_is_none(&en->event) ? NULL : events_find(ev, &en->event);
    *own = e != NULL;
    if (e) return e;
    const struct kept_ticket *t = id_is_none(&en->ticket) ? NULL : events_ticket(ev, &en->ticket);
    return t ? TAILQ_FIRST(&t->events) : NULL;
}

enum err events_workspace(struct events *ev, struct str name, uint16_t *number)
{
    for (uint32_t i = 0; i < ev->workspace_count; i++) {
        if (str_is(name, ev->workspaces[i])) return *number = (uint16_t)i, ERR_OK;
    }
    if (name.n >= sizeof *ev->workspaces) return ERR_TOOBIG;
    if (ev->workspace_count == EVENTS_WORKSPACES) return ERR_FULL;
    memcpy(ev->workspaces[ev->workspace_count], name.p, name.n);
    *number = (uint16_t)ev->workspace_count++;
    return ERR_OK;
}

/* ---- states ---- */

static enum event_state state_of(const struct kept_event *e)
{
    if (!e->packed) return EV_NONE;
    if (e->ended) return EV_SETTLED;
    if (e->dead) return EV_DEAD;
    if (e->ticket) return EV_TAKEN;
    return e->verdict ? EV_TRIAGED : EV_ACCEPTED;
}

/* The only writer of `state`. */
static void restate(struct events *ev, struct kept_event *e)
{
    enum event_state to = state_of(e);
    char text[ID_TEXT + 1];
    if (to == e->state) return;
    log_debug("event=%s %s -> %s", id_text(&e->id, text), state_words[e->state], state_words[to]);
    ev->counts[e->state]--;
    ev->counts[to]++;
    e->state = (uint8_t)to;
}

/* ---- objects ---- */

/* With its packed record, when that is known already. */
static enum err event_new(struct events *ev, const struct id *id, struct str packed, struct kept_event **out)
{
    if (ev->by_id.count >= ev->cap) return ERR_FULL;
    struct kept_event *e = malloc(sizeof *e + packed.n);
    if (!e) return ERR_NOMEM;
    memset(e, 0, sizeof *e);
    if (packed.n) e->packed = memcpy(e->bytes, packed.p, packed.n);
    e->id = *id;
    e->all = ev;
    enum err err = idmap_put(&ev->by_id, e);
    if (err) return free(e), err;
    TAILQ_INSERT_TAIL(&ev->order, e, order);
    ev->counts[EV_NONE]++;
    *out = e;
    return ERR_OK;
}

static enum err ticket_new(struct events *ev, const struct id *id, struct kept_ticket **out)
{
    struct kept_ticket *t = calloc(1, sizeof *t);
    if (!t) return ERR_NOMEM;
    t->id = *id;
    t->all = ev;
    TAILQ_INIT(&t->events);
    buf_init(&t->life, LIFE_MOST);
    enum err err = idmap_put(&ev->by_ticket, t);
    if (err) return free(t), err;
    *out = t;
    return ERR_OK;
}

static struct str conversation_key(const uint64_t *conversation)
{
    return (struct str){ (const char *)conversation, sizeof *conversation };
}

struct kept_ticket *events_conversation(const struct events *ev, uint64_t conversation)
{
    return map_get(&ev->by_conversation, conversation_key(&conversation));
}

/* Whose it is, once it and an event of it are known: where facts are looked for. */
static void ticket_known(struct events *ev, struct kept_ticket *t)
{
    const struct kept_event *e = TAILQ_FIRST(&t->events);
    if (!e || !e->packed || t->stage != STAGE_LIVE || t->known) return;
    t->known = true;
    t->customer = e->customer;
    t->conversation = e->conversation;
    t->counted = !customers_open(&ev->customers, t->customer);
    if (map_put(&ev->by_conversation, conversation_key(&t->conversation), t))
        return; /* one that has ended, but for the word of it */
}

static void ticket_over(struct events *ev, struct kept_ticket *t)
{
    if (t->counted) customers_close(&ev->customers, t->customer);
    t->counted = false;
    if (t->known && events_conversation(ev, t->conversation) == t)
        map_del(&ev->by_conversation, conversation_key(&t->conversation));
}

static void ticket_free(struct events *ev, struct kept_ticket *t)
{
    ticket_over(ev, t);
    (void)idmap_del(&ev->by_ticket, &t->id);
    if (t->stage != STAGE_LIVE) TAILQ_REMOVE(&ev->ended, t, link);
    buf_fini(&t->life);
    free(t->agent);
    free(t->queue);
    free(t);
}

static void leave_ticket(struct events *ev, struct kept_event *e)
{
    struct kept_ticket *t = e->ticket;
    if (!t) return;
    TAILQ_REMOVE(&t->events, e, sibling);
    e->ticket = NULL;
    if (TAILQ_EMPTY(&t->events)) ticket_free(ev, t);
}

static void join_ticket(struct events *ev, struct kept_event *e, struct kept_ticket *t)
{
    if (e->ticket == t) return;
    leave_ticket(ev, e);
    TAILQ_INSERT_TAIL(&t->events, e, sibling);
    e->ticket = t;
    t->workspace = e->workspace;
}

void events_drop(struct events *ev, struct kept_event *e)
{
    naru_assert(!e->in);
    leave_ticket(ev, e);
    ev->counts[e->state]--;
    (void)idmap_del(&ev->by_id, &e->id);
    TAILQ_REMOVE(&ev->order, e, order);
    if (e->packed != e->bytes) free(e->packed);
    free(e->verdict);
    free(e->cause);
    free(e);
}

/* ---- facts ---- */

static char *copy_bytes(struct str s)
{
    char *p = malloc(s.n ? s.n : 1);
    if (p) memcpy(p, s.p, s.n);
    return p;
}

uint64_t events_conversation_key(const struct events *ev, struct str account, struct str conversation)
{
    char key[64 + 1 + 256];
    size_t n = 0;
    naru_assert(account.n <= 64 && conversation.n <= 256);
    if (account.n) memcpy(key, account.p, account.n);
    n = account.n;
    key[n++] = '\0';
    if (conversation.n) memcpy(key + n, conversation.p, conversation.n);
    return hash_bytes(key, n + conversation.n, ev->seed);
}

uint64_t events_customer(const struct events *ev, const struct event *event)
{
    struct str where = event->account, who = event->customer.n ? event->customer : event->conversation;
    char kind = event->customer.n ? '\1' : '\2', key[64 + 1 + 256]; /* a conversation of that name is somebody else */
    if (event->person.n) kind = '\3', where = event->workspace, who = event->person; /* the same on all channels */
    naru_assert(where.n <= 64 && who.n <= 256);
    if (where.n) memcpy(key, where.p, where.n);
    key[where.n] = kind;
    if (who.n) memcpy(key + where.n + 1, who.p, who.n);
    return hash_bytes(key, where.n + 1 + who.n, ev->seed);
}

void events_contact(struct events *ev, struct kept_event *e)
{
    if (e->contacted || !e->reaches) return;
    e->contacted = !customers_contact(&ev->customers, e->customer, e->received);
}

void events_heard(struct kept_event *e, const struct verdict *v)
{
    struct kept_event *next = e->conv_next;
    e->sentiment = (uint8_t)v->sentiment;
    if (!next) return;
    next->after = true;
    next->after_sentiment = (uint8_t)(v->sentiment == SENT_UNKNOWN && e->after ? e->after_sentiment : v->sentiment);
    next->after_urgency = (uint8_t)(e->after && e->after_urgency > v->urgency ? e->after_urgency : v->urgency);
}

enum err events_accept(struct events *ev, const struct event *event, struct str packed, uint64_t number, struct kept_event **out)
{
    struct kept_event *e = events_find(ev, &event->id);
    enum err err = ERR_OK;
    if (e && e->packed) {
        *out = e;
        return ERR_EXISTS;
    }
    uint16_t ws = 0;
    err = events_workspace(ev, event->workspace, &ws);
    if (!err && !e) err = event_new(ev, &event->id, packed, &e);
    if (err) return err;
    if (!e->packed && !(e->packed = copy_bytes(packed))) return ERR_NOMEM;
    e->packed_n = (uint32_t)packed.n;
    e->workspace = ws;
    e->received = event->received;
    e->row_event = number;
    e->conversation = events_conversation_key(ev, event->account, event->conversation);
    e->customer = events_customer(ev, event);
    e->reaches = event->kind == EVENT_MESSAGE || event->kind == EVENT_CALL;
    if (e->ticket) {
        e->ticket->workspace = ws;
        ticket_known(ev, e->ticket);
    }
    restate(ev, e);
    *out = e;
    return ERR_OK;
}

enum err events_verdict(struct events *ev, struct kept_event *e, struct str packed, uint64_t number)
{
    if (e->verdict) return ERR_EXISTS;
    e->verdict = copy_bytes(packed);
    if (!e->verdict) return ERR_NOMEM;
    e->verdict_n = (uint32_t)packed.n;
    e->row_verdict = number;
    restate(ev, e);
    return ERR_OK;
}

static void set_name(char **slot, struct str name)
{
    if (*slot && str_is(name, *slot)) return;
    char *copy = name.n ? malloc(name.n + 1) : NULL;
    if (copy) {
        memcpy(copy, name.p, name.n);
        copy[name.n] = '\0';
    }
    free(*slot);
    *slot = copy;
}

enum err events_death(struct events *ev, const struct entry *death, uint64_t number)
{
    struct kept_event *e = events_find(ev, &death->event);
    if (!e) return ERR_NOTFOUND;
    if (e->row_dead && death->at <= e->dead_at) return ERR_EXISTS;
    e->dead = death->state == TK_DEAD;
    e->dead_at = death->at;
    e->row_dead = number;
    if (!e->dead) e->attempts = 0;
    set_name(&e->cause, e->dead ? death->cause : STR_NONE);
    restate(ev, e);
    return ERR_OK;
}

/* ---- entries ---- */

static bool newer(uint64_t epoch, uint64_t seq, uint64_t than_epoch, uint64_t than_seq)
{
    return epoch > than_epoch || (epoch == than_epoch && seq > than_seq);
}

/* opened, joined: which ticket the event went into. */
static enum err fold_taken(struct events *ev, const struct entry *en, uint64_t number, bool replay, struct folded *out)
{
    struct kept_event *e = events_find(ev, &en->event);
    struct kept_ticket *t = events_ticket(ev, &en->ticket);
    if (!e && !replay) return ERR_NOTFOUND;
    enum err err = e ? ERR_OK : event_new(ev, &en->event, STR_NONE, &e);
    if (err) return err;
    out->ticket = e->ticket;
    if (e->ticket && e->row_entry && !newer(en->epoch, en->seq, e->taken_epoch, e->taken_seq)) return ERR_EXISTS;
    if (!t && (err = ticket_new(ev, &en->ticket, &t))) return err;
    e->taken_epoch = en->epoch;
    e->taken_seq = en->seq;
    e->row_entry = number;
    *out = (struct folded){ t, &e->row_entry };
    join_ticket(ev, e, t);
    if (!t->opened || en->at < t->opened) t->opened = en->at;
    if (t->ticket_state == TK_INVALID) t->ticket_state = en->state;
    if (!t->queue) set_name(&t->queue, en->queue);
    if (e->sentiment != SENT_UNKNOWN) t->sentiment = e->sentiment;
    ticket_known(ev, t);
    restate(ev, e);
    return ERR_OK;
}

/* accepted, returned: whose the ticket is. */
static enum err fold_owner(struct events *ev, const struct entry *en, uint64_t number, bool replay, struct folded *out)
{
    struct kept_ticket *t = events_ticket(ev, &en->ticket);
    if (!t && !replay) return ERR_NOTFOUND;
    enum err err = t ? ERR_OK : ticket_new(ev, &en->ticket, &t);
    if (err) return err;
    *out = (struct folded){ t, &t->row_owner };
    if (t->row_owner && !newer(en->token_epoch, en->token_seq, t->token_epoch, t->token_seq)) return ERR_EXISTS;
    set_name(&t->agent, en->kind == ENTRY_ACCEPTED ? en->agent : STR_NONE);
    if (en->queue.n) set_name(&t->queue, en->queue);
    t->token_epoch = en->token_epoch;
    t->token_seq = en->token_seq;
    t->deadline = en->deadline;
    t->row_owner = number;
    if (!t->row_end) t->ticket_state = (uint8_t)en->state;
    return ERR_OK;
}

static enum err fold_end(struct events *ev, const struct entry *en, uint64_t number, bool replay, struct folded *out)
{
    struct kept_ticket *t = events_ticket(ev, &en->ticket);
    if (!t && !replay) return ERR_NOTFOUND;
    enum err err = t ? ERR_OK : ticket_new(ev, &en->ticket, &t);
    if (err) return err;
    *out = (struct folded){ t, &t->row_end };
    if (t->row_end) return ERR_EXISTS;
    if (en->queue.n) set_name(&t->queue, en->queue);
    if (en->agent.n) set_name(&t->agent, en->agent);
    t->ticket_state = (uint8_t)en->state;
    t->urgency = (uint8_t)en->urgency;
    t->ended = en->at;
    t->row_end = number;
    if (t->stage == STAGE_LIVE) {
        ticket_over(ev, t);
        t->stage = STAGE_ENDED;
        TAILQ_INSERT_TAIL(&ev->ended, t, link);
    }
    return ERR_OK;
}

static enum err (*const folds[])(struct events *, const struct entry *, uint64_t, bool, struct folded *) = {
    [ENTRY_OPENED] = fold_taken,   [ENTRY_JOINED] = fold_taken, [ENTRY_ACCEPTED] = fold_owner,
    [ENTRY_RETURNED] = fold_owner, [ENTRY_ENDED] = fold_end,
};

enum err events_entry(struct events *ev, const struct entry *entry, uint64_t number, bool replay, struct folded *out)
{
    *out = (struct folded){ 0 };
    if (entry->kind >= sizeof folds / sizeof *folds || !folds[entry->kind]) return ERR_UNKNOWN;
    return folds[entry->kind](ev, entry, number, replay, out);
}

/* ---- life ---- */

/* opened and joined stand in rows of the event, the others in rows of the ticket. */
static bool is_taking(const struct entry *en) { return en->kind == ENTRY_OPENED || en->kind == ENTRY_JOINED; }

struct str events_entry_packed(struct events *ev, const struct entry *en)
{
    struct entry kept = *en;
    kept.workspace = STR_NONE;
    kept.home = 0;
    if (!is_taking(en)) memset(&kept.ticket, 0, sizeof kept.ticket);
    buf_clear(&ev->entry);
    record_pack(&ev->entry, &entry_record, &kept);
    return ev->entry.err ? STR_NONE : buf_str(&ev->entry);
}

/* Where an entry belongs that is not the newest: the offset of the first that is not older. *known: it is there already. */
static size_t life_place(const struct kept_ticket *t, const struct entry *en, bool *known)
{
    struct mp r = mp_on(buf_str(&t->life));
    struct entry old = { .seq = 0 };
    size_t at = 0;
    *known = false;
    while (mp_left(&r) && !record_read(&r, &entry_record, &old, NULL) && newer(en->epoch, en->seq, old.epoch, old.seq))
        at = t->life.n - mp_left(&r);
    if (at < t->life.n) *known = old.epoch == en->epoch && old.seq == en->seq;
    return at;
}

/* How urgent the ticket is and since when nobody has it, as the youngest change tells. */
static void follow(struct kept_ticket *t, const struct entry *en)
{
    const struct kept_event *first = TAILQ_FIRST(&t->events);
    bool waits = en->state == TK_WAITING || en->state == TK_OFFERED;
    t->urgency = (uint8_t)en->urgency;
    if (!waits) t->waits_since = 0;
    else if (!t->waits_since) t->waits_since = en->kind == ENTRY_OPENED && first && first->received ? first->received : en->at;
}

void events_life(struct kept_ticket *t, const struct entry *en, struct str packed)
{
    bool known = false, newest = newer(en->epoch, en->seq, t->life_epoch, t->life_seq);
    if (newest) follow(t, en);
    if (!packed.n || t->life_count >= LIM_LIFE) return;
    size_t at = newest ? t->life.n : life_place(t, en, &known);
    if (known || !buf_reserve(&t->life, t->life.n || packed.n > LIFE_FIRST ? packed.n : LIFE_FIRST)) return;
    if (!newest) memmove(t->life.p + at + packed.n, t->life.p + at, t->life.n - at);
    memcpy(t->life.p + at, packed.p, packed.n);
    t->life.n += packed.n;
    t->life_count++;
    if (!newest) return;
    t->life_epoch = en->epoch;
    t->life_seq = en->seq;
}

/* ---- replay ---- */

static enum err row_event(struct events *ev, uint64_t number, struct str body)
{
    struct event event;
    struct kept_event *e;
    enum err err = record_unpack(&event_record, &event, body, &ev->scratch);
    if (!err) err = events_accept(ev, &event, body, number, &e);
    if (err) return err;
    e->committed = true;
    events_contact(ev, e);
    return ERR_OK;
}

static enum err row_verdict(struct events *ev, uint64_t number, const struct id *id, struct str body)
{
    struct verdict v;
    struct kept_event *e = events_find(ev, id);
    enum err err = record_unpack(&verdict_record, &v, body, &ev->scratch);
    if (!err && !e) err = event_new(ev, id, STR_NONE, &e);
    if (!err) events_heard(e, &v);
    return err ? err : events_verdict(ev, e, body, number);
}

static enum err row_entry(struct events *ev, uint64_t number, const struct id *id, struct str body)
{
    struct entry en;
    struct folded folded;
    enum err err = record_unpack(&entry_record, &en, body, &ev->scratch);
    if (err) return err;
    if (!is_taking(&en)) en.ticket = *id;
    err = events_entry(ev, &en, number, true, &folded);
    if (folded.ticket) events_life(folded.ticket, &en, body);
    return err;
}

/* An entry, and the verdict behind it. */
static enum err row_taken(struct events *ev, uint64_t number, const struct id *id, struct str body)
{
    struct mp r = mp_on(body);
    struct entry en;
    enum err err = record_read(&r, &entry_record, &en, &ev->scratch);
    size_t n = body.n - mp_left(&r);
    if (!err) err = row_verdict(ev, number, id, (struct str){ body.p + n, body.n - n });
    return err && err != ERR_EXISTS ? err : row_entry(ev, number, id, (struct str){ body.p, n });
}

static enum err row_death(struct events *ev, uint64_t number, struct str body)
{
    struct entry en;
    struct kept_event *e;
    enum err err = record_unpack(&entry_record, &en, body, &ev->scratch);
    if (!err && !events_find(ev, &en.event)) err = event_new(ev, &en.event, STR_NONE, &e);
    return err ? err : events_death(ev, &en, number);
}

enum err events_row(struct events *ev, uint64_t number, enum row_kind kind, const struct id *id, struct str body)
{
    enum err err = ERR_UNKNOWN;
    arena_clear(&ev->scratch);
    if (kind == ROW_EVENT) err = row_event(ev, number, body);
    if (kind == ROW_VERDICT) err = row_verdict(ev, number, id, body);
    if (kind == ROW_ENTRY) err = row_entry(ev, number, id, body);
    if (kind == ROW_TAKEN) err = row_taken(ev, number, id, body);
    if (kind == ROW_DEAD) err = row_death(ev, number, body);
    return err;
}

static int by_arrival(const void *a, const void *b)
{
    const struct kept_event *x = *(struct kept_event *const *)a, *y = *(struct kept_event *const *)b;
    if (x->received != y->received) return x->received < y->received ? -1 : 1;
    return (x->row_event > y->row_event) - (x->row_event < y->row_event);
}

static void put_in_order(struct events *ev)
{
    size_t n = 0, count = ev->by_id.count;
    struct kept_event **v = count ? malloc(count * sizeof *v) : NULL, *e;
    if (!v) return;
    TAILQ_FOREACH (e, &ev->order, order) v[n++] = e;
    qsort(v, n, sizeof *v, by_arrival);
    TAILQ_INIT(&ev->order);
    for (size_t i = 0; i < n; i++) TAILQ_INSERT_TAIL(&ev->order, v[i], order);
    for (size_t i = 0; i < n; i++) { /* tickets list their events in the same order */
        struct kept_ticket *t = v[i]->ticket;
        if (!t) continue;
        TAILQ_REMOVE(&t->events, v[i], sibling);
        TAILQ_INSERT_TAIL(&t->events, v[i], sibling);
    }
    free(v);
}

/* Tickets whose owner or end was told by a row while all of their events are settled and gone. */
static void drop_empty_tickets(struct events *ev)
{
    size_t n = 0;
    struct kept_ticket *t, **v = malloc((ev->by_ticket.count + 1) * sizeof *v);
    if (!v) return;
    for (size_t i = 0; (t = idmap_next(&ev->by_ticket, &i));) {
        if (TAILQ_EMPTY(&t->events)) v[n++] = t;
    }
    while (n) ticket_free(ev, v[--n]);
    free(v);
}

void events_replayed(struct events *ev)
{
    struct kept_event *e, *next;
    for (e = TAILQ_FIRST(&ev->order); e; e = next) {
        next = TAILQ_NEXT(e, order);
        if (e->state == EV_NONE) events_drop(ev, e);
    }
    drop_empty_tickets(ev);
    put_in_order(ev);
}

/* ---- the end, and rows ---- */

void events_settle(struct events *ev, struct kept_event *e)
{
    e->ended = true;
    restate(ev, e);
}

void events_unsettle(struct events *ev, struct kept_event *e)
{
    e->ended = false;
    restate(ev, e);
}

/* Events have ids of version 8, tickets of version 7. */
static bool is_event_id(const struct id *id) { return id->b[6] >> 4 == 8; }

bool events_row_live(const struct events *ev, uint64_t number, const struct id *id)
{
    const struct kept_event *e = is_event_id(id) ? events_find(ev, id) : NULL;
    const struct kept_ticket *t = is_event_id(id) ? NULL : events_ticket(ev, id);
    if (e) return number == e->row_event || number == e->row_verdict || number == e->row_entry || number == e->row_dead;
    return t && (number == t->row_owner || number == t->row_end);
}

void events_row_moved(struct events *ev, uint64_t from, uint64_t to, const struct id *id)
{
    struct kept_event *e = is_event_id(id) ? events_find(ev, id) : NULL;
    struct kept_ticket *t = is_event_id(id) ? NULL : events_ticket(ev, id);
    uint64_t *rows[] = { e ? &e->row_event : NULL, e ? &e->row_verdict : NULL, e ? &e->row_entry : NULL,
                         e ? &e->row_dead : NULL,  t ? &t->row_owner : NULL,   t ? &t->row_end : NULL };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i] && *rows[i] == from) *rows[i] = to;
    }
}

/* ---- lists ---- */

void event_list_push(struct event_list *l, struct kept_event *e, uint64_t now)
{
    naru_assert(!e->in);
    TAILQ_INSERT_TAIL(l, e, link);
    e->in = l;
    e->since = now;
}

void event_list_push_front(struct event_list *l, struct kept_event *e, uint64_t now)
{
    naru_assert(!e->in);
    TAILQ_INSERT_HEAD(l, e, link);
    e->in = l;
    e->since = now;
}

void event_list_leave(struct kept_event *e)
{
    if (!e->in) return;
    TAILQ_REMOVE(e->in, e, link);
    e->in = NULL;
}
