#include "base/log.h"
#include "workers/assign/choice.h"

#include <stdlib.h>

/* Where a ticket can be, and what is true there:

     waiting           in a line, in its queue's heap by age; no holds
     offered           with one agent or several, units counted with each; `until` is the end of the offer that ends first
     assigned, wrapup  with one agent, units counted, `until` is the end of the hold or of the wrap-up
     scheduled         in no line, with nobody; `until` is when it waits again
     parked            in no line; with its last owner at a share of its units, or with nobody; `until` is the end of waiting for
                       the customer
     an end            about to be freed: ticket_end logs it, remembers it as a `past`, and frees it

   A live ticket is in workspace.tickets and .conversations, owns its notes, its life and its back-offs, and always has a deadline
   in workspace.deadlines. Its `taken` events are in workspace.events; they pass to the `past` when it ends and are freed when
   that is pushed out of the ring. */

static void enter_waiting(struct workspace *ws, struct ticket *t, struct agent *a)
{
    (void)a;
    hold_drop_all(ws, t);
    t->until = 0;
    if (waiting_enter(ws, t)) log_warn("ticket wait deferred workspace=%.*s cause=memory", STR_FMT(ws->name));
}

/* One more agent is offered it. */
static void enter_offered(struct workspace *ws, struct ticket *t, struct agent *a)
{
    struct hold *h = hold_add(ws, t, a, HOLD_OFFER, capacity_cost(ws, a, t->channel), true);

    h->until = ws->now + ws->channels[t->channel].offer_ms;
}

/* Who is consulted stays; what they took as an offer keeps its units. */
static void enter_assigned(struct workspace *ws, struct ticket *t, struct agent *a)
{
    struct hold *mine = ticket_hold_of(t, a);

    for (struct hold *h = t->holds, *next; h; h = next) {
        next = h->next;
        if (h != mine && h->kind != HOLD_CONSULT) hold_drop(ws, h);
    }
    if (!mine || mine->kind != HOLD_OWNER) t->started = false;
    ticket_only_over(ws, t);
    if (!mine) (void)hold_add(ws, t, a, HOLD_OWNER, capacity_cost(ws, a, t->channel), true);
    else hold_change(ws, mine, HOLD_OWNER, mine->counted ? mine->units : capacity_cost(ws, a, t->channel), true);
    continuity_held(ws, t, a);
    t->until = ws->now + bot_hold(a, presence_rules(ws)->hold_ms);
}

static void enter_wrapup(struct workspace *ws, struct ticket *t, struct agent *a)
{
    (void)a;
    t->until = ws->now + ws->channels[t->channel].wrapup_ms;
}

static void enter_parked(struct workspace *ws, struct ticket *t, struct agent *a)
{
    struct hold *h = ticket_hold(t, HOLD_OWNER);

    (void)a;
    if (h) hold_change(ws, h, HOLD_OWNER, capacity_parked(ws, h->units), false);
    t->until = ws->now + MS_PARK;
}

/* `until`, when it comes back, is set by who puts it off, before the step. */
static void enter_scheduled(struct workspace *ws, struct ticket *t, struct agent *a)
{
    (void)a;
    hold_drop_all(ws, t);
    if (t->until < ws->now) t->until = ws->now;
}

static void enter_end(struct workspace *ws, struct ticket *t, struct agent *a)
{
    (void)a;
    hold_drop_all(ws, t);
    due_set(ws, &t->due, UINT64_MAX);
}

static void (*const on_enter[TK_COUNT])(struct workspace *, struct ticket *, struct agent *) = {
    [TK_WAITING] = enter_waiting,     [TK_OFFERED] = enter_offered, [TK_ASSIGNED] = enter_assigned, [TK_WRAPUP] = enter_wrapup,
    [TK_SCHEDULED] = enter_scheduled, [TK_PARKED] = enter_parked,   [TK_RESOLVED] = enter_end,      [TK_ABANDONED] = enter_end,
    [TK_CANCELLED] = enter_end,       [TK_EXPIRED] = enter_end,     [TK_DEAD] = enter_end,
};

void ticket_count_in_queue(struct workspace *ws, const struct ticket *t, int by)
{
    if (t->state == TK_SCHEDULED) ws->queues[t->queue].scheduled += (uint32_t)by;
    if (t->state == TK_OFFERED) ws->queues[t->queue].offered += (uint32_t)by;
    if (t->state == TK_ASSIGNED || t->state == TK_WRAPUP) ws->queues[t->queue].assigned += (uint32_t)by;
}

static void set_state(struct workspace *ws, struct ticket *t, enum ticket_state to)
{
    ticket_count_in_queue(ws, t, -1);
    t->state = to; /* the only line that writes this field */
    ticket_count_in_queue(ws, t, 1);
}

/* What the clocks and the counts of its queue need to know of a change of state. */
static void keep_time(struct workspace *ws, struct ticket *t, enum ticket_state from, enum ticket_event ev, struct agent *had)
{
    const struct agent *has = ticket_agent(t);
    bool worked = from == TK_ASSIGNED || from == TK_WRAPUP, works = t->state == TK_ASSIGNED || t->state == TK_WRAPUP;

    if (ev == EV_WRAPUP || ev == EV_RESOLVE) sla_met(ws, t, SLA_RESOLVE);
    if (worked && (!works || has != had) && had && !had->bot) forecast_worked(ws, t), choice_worked(ws, had, t);
    if (works && (!worked || has != had)) t->work_at = ws->now;
    if (t->state != TK_ASSIGNED || has == had) return;
    steps_assigned(ws, t);
    if (ev != EV_RECOVER) sla_met(ws, t, SLA_ANSWER);
    t->sla_told |= 1u << SLA_ANSWER;
}

/* Offers that still stand end on record before the state that made them possible does. */
static void withdraw_others(struct workspace *ws, struct ticket *t, enum ticket_event ev, const struct agent *taker)
{
    const struct hold *keep = taker ? ticket_offer_to(t, taker) : NULL;

    offers_withdraw(ws, t, keep, ev == EV_ACCEPT ? "taken" : ticket_event_name(ev));
}

/* The only function that changes a state. `a`: the agent of the new state, where it has one. ERR_STATE: the table refuses it;
   ERR_NOMEM: no memory for the hold; either way nothing has changed. */
enum err ticket_step(struct workspace *ws, struct ticket *t, enum ticket_event ev, struct agent *a)
{
    enum ticket_state from = t->state, to = state_next(from, ev);
    struct agent *had = ticket_agent(t);

    if (to == TK_INVALID) return ERR_STATE;
    if ((to == TK_OFFERED || to == TK_ASSIGNED) && !ticket_hold_of(t, a) && !hold_ready(ws)) return ERR_NOMEM;
    if (from == TK_WAITING) waiting_leave(ws, t);
    if (from == TK_ASSIGNED && to != from) consult_over(ws, t, state_live(to) ? "returned" : "ended", ticket_event_name(ev));
    if (from == TK_OFFERED && to != TK_OFFERED) withdraw_others(ws, t, ev, a);
    t->connect_by = 0;
    set_state(ws, t, to);
    on_enter[to](ws, t, a);
    offers_again(ws, t);
    if ((from == TK_ASSIGNED || from == TK_WRAPUP) && ticket_agent(t) != had) roster_worked(ws, had);
    keep_time(ws, t, from, ev, had);
    if (ev == EV_ACCEPT || ev == EV_ASSIGN) duty_took(ws, a);
    change_touch(ws, t);
    if (state_live(to)) ticket_schedule(ws, t);
    return ERR_OK;
}

static struct hold *restore_hold(struct workspace *ws, struct ticket *t, struct str agent, enum hold_kind kind, uint32_t units,
                                 bool counted)
{
    struct agent *a = agent.n ? roster_add(ws, agent) : NULL;
    struct hold *h;

    if (!a || ticket_hold_of(t, a) || !hold_ready(ws)) return NULL;
    h = hold_add(ws, t, a, kind, units, counted);
    roster_allow_over(ws, a);
    return h;
}

static void restore_offers(struct workspace *ws, struct ticket *t, const struct ticket_row *r)
{
    const struct open_offer *o = r->offers.items;

    for (uint32_t i = 0; i < r->offers.count; i++) {
        struct hold *h = restore_hold(ws, t, o[i].agent, HOLD_OFFER, o[i].units, true);
        if (h) h->until = o[i].until, h->token_epoch = o[i].token_epoch, h->token_seq = o[i].token_seq;
    }
}

/* While rebuilding: not a change but what was, so not by the table. A state without the hold that makes it one is waiting. */
void ticket_restore_state(struct workspace *ws, struct ticket *t, const struct ticket_row *r)
{
    enum ticket_state s = state_live(r->state) ? r->state : TK_WAITING;

    naru_assert(t->state == TK_INVALID);
    if (s == TK_OFFERED) restore_offers(ws, t, r);
    else if (s != TK_WAITING) (void)restore_hold(ws, t, r->agent, HOLD_OWNER, r->units, s != TK_PARKED);
    if (state_has_agent(s) && !t->holds) s = TK_WAITING;
    if (s != TK_WAITING) (void)restore_hold(ws, t, r->consulted, HOLD_CONSULT, r->consult_units, false);
    set_state(ws, t, s);
    t->until = r->until;
    offers_again(ws, t);
    if (s == TK_WAITING) enter_waiting(ws, t, NULL);
}

/* ---- making and freeing ---- */

static struct str lay(char **p, struct str s)
{
    struct str out = { *p, s.n };

    if (s.n) memcpy(*p, s.p, s.n);
    *p += s.n;
    return out;
}

static size_t texts_size(const struct about *a)
{
    const struct tag *tags = a->tags.items;
    size_t n = sizeof(struct texts) + a->tags.count * sizeof *tags + TEXT_COUNT + a->account.n + a->conversation.n + a->channel.n +
               a->customer.n + a->person.n + a->name.n + a->subject.n + a->verdict.n + a->language.n + a->intent.n + a->named.n;

    for (uint32_t i = 0; i < a->tags.count; i++) n += tags[i].name.n;
    return n;
}

static void lay_about(struct ticket *t, const struct about *a)
{
    const struct str texts[TEXT_COUNT] = {
        [TEXT_ACCOUNT] = a->account, [TEXT_CONVERSATION] = a->conversation,
        [TEXT_CHANNEL] = a->channel, [TEXT_CUSTOMER] = a->customer,
        [TEXT_PERSON] = a->person,   [TEXT_NAME] = a->name,
        [TEXT_SUBJECT] = a->subject, [TEXT_VERDICT] = a->verdict,
    };
    const struct tag *tags = a->tags.items;
    char *begin = (char *)t->texts, *p = (char *)(t->texts->tags + a->tags.count);
    struct facts f = { .unsure = a->unsure, .sentiment = a->sentiment, .confidence = a->confidence, .tags = t->texts->tags };

    for (int k = 0; k < TEXT_COUNT; k++) {
        t->texts->at[k] = (uint32_t)(p - begin);
        (void)lay(&p, texts[k]);
        *p++ = '\0';
    }
    t->texts->at[TEXT_COUNT] = (uint32_t)(p - begin);
    f.language = lay(&p, a->language);
    f.intent = lay(&p, a->intent);
    f.named = lay(&p, a->named);
    f.tag_count = a->tags.count;
    for (uint32_t i = 0; i < a->tags.count; i++) f.tags[i].name = lay(&p, tags[i].name);
    t->facts = f;
}

bool ticket_retell(struct workspace *ws, struct ticket *t, const struct facts *f, char **old)
{
    size_t n = f->tag_count * sizeof *f->tags + f->language.n + f->intent.n + f->named.n;
    struct facts now = *f;
    char *p;

    for (uint32_t i = 0; i < f->tag_count; i++) n += f->tags[i].name.n;
    if (!(p = malloc(n + 1))) return false;
    *old = t->later;
    t->later = p;
    now.tags = (struct tag *)p;
    p += f->tag_count * sizeof *f->tags;
    now.language = lay(&p, f->language);
    now.intent = lay(&p, f->intent);
    now.named = lay(&p, f->named);
    for (uint32_t i = 0; i < f->tag_count; i++) now.tags[i].name = lay(&p, f->tags[i].name);
    t->facts = now;
    change_touch_about(ws, t);
    return true;
}

/* ---- memory ---- */

/* Bytes of a life. Many may wait, with no more than their opening on record: that has just the room it needs. */
#define LIFE_WAITS 384u  /* and some steps of its timeline */
#define LIFE_USUAL 1536u /* from its opening to its end */

void ticket_pools_init(struct workspace *ws)
{
    ws->ticket_pool.size = sizeof(struct ticket);
    ws->life_pool.size = LIFE_USUAL;
    ws->hold_pool.size = sizeof(struct hold);
}

void ticket_pools_fini(struct workspace *ws)
{
    pool_fini(&ws->ticket_pool);
    pool_fini(&ws->life_pool);
    pool_fini(&ws->hold_pool);
    free(ws->hold_spare);
}

/* A ticket in no place yet; NULL: no memory. */
struct ticket *ticket_new(struct workspace *ws, const struct about *a, const struct id *id, uint32_t home)
{
    struct ticket *t = pool_get(&ws->ticket_pool);
    struct texts *texts = malloc(texts_size(a));

    if (!t || !texts) {
        pool_put(&ws->ticket_pool, t);
        free(texts);
        return NULL;
    }
    *t = (struct ticket){ .texts = texts, .needs = &needs_none, .asked = &needs_none, .wants = &needs_none };
    lay_about(t, a);
    t->id = *id;
    t->event = a->event;
    t->call = a->call;
    t->score = a->score;
    t->home = home;
    t->fresh = true;
    t->prefer = a->preferred.n ? roster_find(&ws->roster, a->preferred) : NULL;
    t->channel = space_channel(ws, ticket_text(t, TEXT_CHANNEL));
    t->tie = ++ws->ties;
    return t;
}

enum err ticket_index(struct workspace *ws, struct ticket *t)
{
    enum err e = idmap_put(&ws->tickets, t);

    if (!e && (e = map_put(&ws->conversations, ticket_key(t), t))) idmap_del(&ws->tickets, &t->id);
    return e;
}

static void unindex(struct workspace *ws, struct ticket *t)
{
    idmap_del(&ws->tickets, &t->id);
    if (map_get(&ws->conversations, ticket_key(t)) == t) map_del(&ws->conversations, ticket_key(t));
}

static void free_events(struct workspace *ws, struct taken *e)
{
    while (e) {
        struct taken *next = e->next;
        idmap_del(&ws->events, &e->event);
        free(e);
        e = next;
    }
}

static void drop_oldest_note(struct ticket *t)
{
    struct note *old = t->notes;

    t->note_bytes -= (uint32_t)old->n + old->by_n;
    t->note_count--;
    t->notes = old->next;
    free(old);
}

static void life_free(struct workspace *ws, struct life *l)
{
    if (l->room == LIFE_USUAL) pool_put(&ws->life_pool, l->bytes);
    else free(l->bytes);
}

void ticket_free(struct workspace *ws, struct ticket *t)
{
    if (!t) return;
    unindex(ws, t);
    hold_free_all(ws, t);
    swap_leave(ws, t);
    free_events(ws, t->events);
    while (t->notes) drop_oldest_note(t);
    life_free(ws, &t->life);
    needs_drop(ws, &t->needs);
    needs_drop(ws, &t->asked);
    needs_drop(ws, &t->wants);
    free(t->backoff);
    free(t->texts);
    free(t->later);
    pool_put(&ws->ticket_pool, t);
}

struct ticket *ticket_find(const struct workspace *ws, const struct id *id) { return idmap_get(&ws->tickets, id); }

/* ---- what it carries ---- */

struct str text_cut(struct str s, size_t max)
{
    size_t n = s.n < max ? s.n : max;

    while (n && n < s.n && ((unsigned char)s.p[n] & 0xC0) == 0x80) n--; /* not inside a character */
    return (struct str){ s.p, n };
}

void ticket_note(struct workspace *ws, struct ticket *t, const struct id *event, uint64_t at, struct str by, struct str text)
{
    size_t n = text_cut(text, LIM_TICKET_BYTES).n, all = n + by.n, size = offsetof(struct note, text) + all;
    struct note *note = malloc(size > sizeof *note ? size : sizeof *note), **last = &t->notes;

    while (t->notes && (t->note_count >= LIM_TICKET_MESSAGES || t->note_bytes + all > LIM_TICKET_BYTES)) drop_oldest_note(t);
    if (!note) return; /* the journal has it still */
    *note = (struct note){ .event = *event, .at = at, .n = (uint16_t)n, .by_n = (uint16_t)by.n };
    if (n) memcpy(note->text, text.p, n);
    if (by.n) memcpy(note->text + n, by.p, by.n);
    while (*last) last = &(*last)->next;
    *last = note;
    t->note_count++;
    t->note_bytes += (uint32_t)all;
    change_touch_about(ws, t);
}

/* Remembers an event of a ticket. Beyond LIM_TICKET_EVENTS the oldest but the first is forgotten. */
struct taken *ticket_event_add(struct workspace *ws, struct ticket *t, const struct id *event, uint32_t home, bool opened)
{
    struct taken *e = malloc(sizeof *e), **at = &t->events;

    if (!e) return NULL;
    *e = (struct taken){ .event = *event, .home = home, .opened = opened, .ticket = t };
    if (idmap_put(&ws->events, e)) {
        free(e);
        return NULL;
    }
    if (t->event_count >= LIM_TICKET_EVENTS) {
        struct taken *old = t->events->next;
        t->events->next = old->next;
        idmap_del(&ws->events, &old->event);
        free(old);
        t->event_count--;
    }
    while (*at) at = &(*at)->next;
    *at = e;
    t->event_count++;
    change_touch_about(ws, t);
    return e;
}

static bool life_grow(struct workspace *ws, struct life *l, uint32_t need)
{
    uint32_t room = need > LIFE_WAITS ? LIFE_USUAL : l->n ? LIFE_WAITS : need;
    char *p;

    while (room < need) room *= 2;
    if (!(p = room == LIFE_USUAL ? pool_get(&ws->life_pool) : malloc(room))) return false;
    if (l->n) memcpy(p, l->bytes, l->n);
    life_free(ws, l);
    l->bytes = p;
    l->room = room;
    return true;
}

bool life_next(const struct life *l, uint32_t *at, struct str *packed)
{
    uint32_t n;

    if (*at >= l->n) return false;
    memcpy(&n, l->bytes + *at, sizeof n);
    *packed = (struct str){ l->bytes + *at + sizeof n, n };
    *at += (uint32_t)sizeof n + n;
    return true;
}

/* How it began stays; what came next goes. */
static void life_drop_second(struct life *l)
{
    struct str packed;
    uint32_t from = 0, to;

    (void)life_next(l, &from, &packed);
    to = from;
    (void)life_next(l, &to, &packed);
    memmove(l->bytes + from, l->bytes + to, l->n - to);
    l->n -= to - from;
    l->count--;
}

void ticket_life_add(struct workspace *ws, struct ticket *t, struct str packed)
{
    struct life *l = &t->life;
    uint32_t n = (uint32_t)packed.n, need = l->n + (uint32_t)sizeof n + n;

    if (need > l->room && !life_grow(ws, l, need)) return;
    memcpy(l->bytes + l->n, &n, sizeof n);
    memcpy(l->bytes + l->n + sizeof n, packed.p, n);
    l->n = need;
    if (++l->count > LIM_LIFE) life_drop_second(l);
}

/* ---- channel and queue ---- */

uint32_t space_channel(const struct workspace *ws, struct str name)
{
    for (uint32_t i = 0; i + 1 < ws->channel_count; i++)
        if (str_is(name, ws->channels[i].name)) return i;
    return ws->channel_count - 1;
}

/* Another queue's needs, target and timeline; its age stays. Not while it waits in a line. */
void ticket_to_queue(struct workspace *ws, struct ticket *t, uint32_t queue)
{
    ticket_count_in_queue(ws, t, -1);
    t->queue = queue;
    ticket_count_in_queue(ws, t, 1);
    swap_leave(ws, t);
    t->steps = t->overflowed = 0;
    t->step_at = ws->now;
    t->offers_made = 0;
    ticket_needs_of_queue(ws, t);
    ticket_due_from_sla(ws, t);
    continuity_recall(ws, t);
    change_touch(ws, t);
}

/* ---- back-off ---- */

/* A shorter back-off, of another queue or a newer policy, ends no longer one. */
void ticket_hold_back(struct workspace *ws, struct ticket *t, uint32_t agent)
{
    uint64_t until = ws->now + queue_of(ws, t)->offers.back_off_ms;
    uint32_t i = 0, oldest = 0;

    for (; i < t->backoff_count && t->backoff[i].agent != agent; i++)
        if (t->backoff[i].until < t->backoff[oldest].until) oldest = i;
    if (i == BACKOFFS_MAX) i = oldest;
    if (i == t->backoff_count) {
        struct held_back *v = realloc(t->backoff, (i + 1) * sizeof *v);
        if (!v) return;
        t->backoff = v;
        t->backoff_count++;
    } else if (t->backoff[i].agent == agent && t->backoff[i].until > until) {
        until = t->backoff[i].until;
    }
    if (t->only && t->only->index == agent) ticket_only_over(ws, t); /* they have let it go by */
    t->backoff[i] = (struct held_back){ agent, until };
    change_touch(ws, t);
}

bool ticket_not_held_back(struct workspace *ws, struct ticket *t, uint32_t agent)
{
    for (uint32_t i = 0; i < t->backoff_count; i++) {
        if (t->backoff[i].agent != agent) continue;
        t->backoff[i] = t->backoff[--t->backoff_count];
        change_touch(ws, t);
        return true;
    }
    return false;
}

/* ---- endings ---- */

static void past_drop(struct workspace *ws, struct past *p)
{
    idmap_del(&ws->past, &p->id);
    free_events(ws, p->events);
    *p = (struct past){ .used = false };
}

struct past *past_new(struct workspace *ws, const struct id *id)
{
    struct past *p;

    if (!ws->past_ring && !(ws->past_ring = calloc(PAST_MAX, sizeof *ws->past_ring))) return NULL;
    p = &ws->past_ring[ws->past_at % PAST_MAX];
    if (p->used) past_drop(ws, p);
    *p = (struct past){ .id = *id };
    if (idmap_put(&ws->past, p)) return NULL;
    p->used = true;
    ws->past_at++;
    return p;
}

void past_fini(struct workspace *ws)
{
    for (uint32_t i = 0; ws->past_ring && i < PAST_MAX; i++)
        if (ws->past_ring[i].used) past_drop(ws, &ws->past_ring[i]);
    free(ws->past_ring);
}

static void remember(struct workspace *ws, struct ticket *t, const struct agent *a)
{
    struct past *p = past_new(ws, &t->id);

    if (!p) return;
    p->state = t->state;
    p->home = t->home;
    p->token_epoch = t->token_epoch;
    p->token_seq = t->token_seq;
    p->agent = a;
    p->events = t->events;
    t->events = NULL;
    for (struct taken *e = p->events; e; e = e->next) {
        e->ended = true;
        e->past = p;
    }
}

/* Ends a ticket and frees it. The table must allow it: callers ask state_next first. */
void ticket_end_with(struct workspace *ws, struct ticket *t, enum ticket_event ev, const char *cause, struct str detail)
{
    struct agent *a = ticket_agent(t);

    naru_assert(state_next(t->state, ev));
    offers_withdraw(ws, t, NULL, cause);
    naru_assert(!ticket_step(ws, t, ev, NULL));
    log_change(ws, .kind = ENTRY_ENDED, .t = t, .agent = a, .cause = cause, .detail = detail);
    if (a) change_offer(ws, t, a, "ended", cause);
    continuity_ended(ws, t);
    remember(ws, t, a);
    change_gone(ws, t);
    ticket_free(ws, t);
}

void ticket_end(struct workspace *ws, struct ticket *t, enum ticket_event ev, const char *cause)
{
    ticket_end_with(ws, t, ev, cause, STR_NONE);
}
