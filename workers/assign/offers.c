#include "base/clock.h"
#include "base/metrics.h"
#include "workers/assign/choice.h"

#include <stdlib.h>

/* A ticket put to an agent, and how that ends. Each offer is a hold of its own, with its own token (the number of its entry) and
   its own end:

     accepted    its agent becomes the owner; all others are withdrawn in the same instant, before the accept is on record
     declined    its agent is held back for a while; the others stand
     expired     the same, and it is a miss of the agent's
     withdrawn   by what happened to the ticket or to the agent; nobody's fault

   A ticket is `offered` as long as one stands, and waits again with its age when the last one ends.

   Parallel offers. The matching pass makes the first offer of a ticket. One that may be put to more at once, and is not, is on the
   list of `shorts`; after a pass, when all that wait have been looked at, these get what agents are left, the nearest target
   first. So a second offer of one ticket never takes the agent that another ticket has none of. The list is looked at when it
   grew or one of it changed, when an agent got room, when an offer or a back-off ended; then nobody is left who could be offered
   any of them.

   A ticket that has had its queue's `most` offers, and waits again, moves on or begins anew (offers_ended). On a channel that
   accepts by itself an offer is an accept. Where the channel awaits a `start`, an accept without one is taken back like an offer
   that expired. */

/* ---- how many ---- */

uint32_t offers_wanted(const struct workspace *ws, const struct ticket *t)
{
    const struct queue *q = queue_of(ws, t);
    uint32_t n = steps_at_once(ws, t), stand = ticket_offers(t);
    uint32_t left = q->offers.most > t->offers_made ? q->offers.most - t->offers_made : 0;

    if ((t->only && t->only_until > ws->now) || ws->channels[t->channel].auto_accept) return 1;
    if (q->offers.most && n > stand + left) n = stand + left;
    return n;
}

static void put_on_shorts(struct workspace *ws, struct ticket *t)
{
    if (ws->short_count == ws->short_room) {
        uint32_t room = ws->short_room ? ws->short_room * 2 : 64;
        struct ticket **v = realloc(ws->shorts, room * sizeof *v);
        if (!v) return; /* it has an offer; its next one comes when this has ended */
        ws->shorts = v;
        ws->short_room = room;
    }
    ws->shorts[ws->short_count++] = t;
    t->short_at = ws->short_count;
    ws->shorts_again = true;
}

uint64_t offers_next(const struct workspace *ws, const struct ticket *t)
{
    uint64_t next = UINT64_MAX;

    for (const struct hold *h = t->holds; h; h = h->next)
        if (h->until < next) next = h->until;
    for (uint32_t i = 0; t->short_at && i < t->backoff_count; i++)
        if (t->backoff[i].until > ws->now && t->backoff[i].until < next) next = t->backoff[i].until;
    if (t->only && t->only_until > ws->now && t->only_until < next) next = t->only_until;
    return next;
}

void offers_again(struct workspace *ws, struct ticket *t)
{
    bool is = t->state == TK_OFFERED && ticket_offers(t) < offers_wanted(ws, t);

    if (is && !t->short_at) put_on_shorts(ws, t);
    if (!is && t->short_at) {
        ws->shorts[t->short_at - 1] = NULL;
        t->short_at = 0;
    }
    if (t->state == TK_OFFERED) t->until = offers_next(ws, t);
}

/* ---- making ---- */

/* Its agent has it; the count of its offers ends here, or where a start is awaited, there. */
static void accepted(struct workspace *ws, struct hold *h)
{
    struct ticket *t = h->ticket;
    uint32_t connect = ws->channels[t->channel].connect_ms;

    t->offer_epoch = h->token_epoch;
    t->offer_seq = h->token_seq;
    naru_assert(!ticket_step(ws, t, EV_ACCEPT, h->agent));
    if (!connect) t->offers_made = 0;
    if (connect) t->connect_by = ws->now + connect;
    if (connect && t->connect_by < t->until) t->until = t->connect_by;
    ticket_schedule(ws, t);
    metric_observe(MET_WAIT_TIME, queue_of(ws, t)->name, (double)(ws->now - t->enqueued) / 1000);
    ws->offers_made[1]++;
    log_change(ws, .kind = ENTRY_ACCEPTED, .t = t);
}

bool offer_make(struct workspace *ws, struct ticket *t, struct agent *a, struct str detail)
{
    struct hold *h;

    if (ticket_step(ws, t, EV_OFFER, a)) return false;
    t->offers_made++;
    choice_offered(ws, a);
    offers_again(ws, t);
    log_change(ws, .kind = ENTRY_OFFERED, .t = t, .agent = a, .detail = detail);
    h = ticket_offer_to(t, a);
    h->token_epoch = t->token_epoch;
    h->token_seq = t->token_seq;
    duty_offered(ws, a);
    if (!t->offered_once) metric_observe(MET_OFFER_TIME, "", (double)(ws->now - t->enqueued) / 1000);
    t->offered_once = true;
    ws->offers_made[0]++;
    if (!ws->channels[t->channel].auto_accept) {
        change_offer(ws, t, a, "offer", NULL);
        return true;
    }
    accepted(ws, h);
    change_offer_confirmed(ws, t, a, "assigned", "auto");
    return true;
}

/* ---- more at once ---- */

static int by_target(const void *x, const void *y)
{
    const struct ticket *a = *(struct ticket *const *)x, *b = *(struct ticket *const *)y;

    if (a->due_at != b->due_at) return a->due_at < b->due_at ? -1 : 1;
    return a->tie < b->tie ? -1 : a->tie > b->tie;
}

static void sort_shorts(struct workspace *ws)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < ws->short_count; i++)
        if (ws->shorts[i]) ws->shorts[n++] = ws->shorts[i];
    if (n > 1) qsort(ws->shorts, n, sizeof *ws->shorts, by_target);
    for (uint32_t i = 0; i < n; i++) ws->shorts[i]->short_at = i + 1;
    ws->short_count = n;
    ws->short_next = 0;
    ws->shorts_again = false;
}

/* The record of such a decision: who, and beside how many. */
static struct str why_beside(struct workspace *ws, const struct agent *a, uint32_t others)
{
    struct buf *b = &ws->detail;
    struct jw w = jw_on(b);

    buf_clear(b);
    jw_open(&w, '{');
    jw_key(&w, "winner"), jw_str(&w, a->name);
    jw_key(&w, "beside"), jw_u64(&w, others);
    jw_close(&w, '}');
    return b->err ? STR_NONE : buf_str(b);
}

static bool offer_one_more(struct workspace *ws, struct ticket *t)
{
    struct agent *a;

    return match_best(ws, t, 1, &a) && offer_make(ws, t, a, why_beside(ws, a, ticket_offers(t)));
}

bool offers_top_up(struct workspace *ws)
{
    uint64_t looked = 0;

    if (ws->shorts_again) sort_shorts(ws);
    while (ws->short_next < ws->short_count) {
        struct ticket *t = ws->shorts[ws->short_next];
        if (!t || !offer_one_more(ws, t)) ws->short_next++;
        looked += ws->roster.count;
        if (looked > PASS_BUDGET) return true;
    }
    return false;
}

/* ---- how they end ---- */

/* One offer ends; the ticket waits again if it was the last. */
static void end_offer(struct workspace *ws, struct hold *h, enum ticket_event ev)
{
    struct ticket *t = h->ticket;

    hold_drop(ws, h);
    if (!t->holds) {
        naru_assert(!ticket_step(ws, t, ev, NULL));
        return;
    }
    offers_again(ws, t);
    ws->shorts_again = true;
    ticket_schedule(ws, t);
}

static void told_withdrawn(struct workspace *ws, struct ticket *t, struct agent *a, const char *cause)
{
    log_change(ws, .kind = ENTRY_WITHDRAWN, .t = t, .agent = a, .cause = cause);
    ws->offers_made[4]++;
    change_offer(ws, t, a, "withdrawn", cause);
}

void offer_withdraw(struct workspace *ws, struct hold *h, const char *cause)
{
    struct ticket *t = h->ticket;
    struct agent *a = h->agent;

    end_offer(ws, h, EV_WITHDRAW);
    told_withdrawn(ws, t, a, cause);
    offers_ended(ws, t);
}

void offers_withdraw(struct workspace *ws, struct ticket *t, const struct hold *keep, const char *cause)
{
    for (struct hold *h = t->holds, *next; h; h = next) {
        struct agent *a = h->agent;
        next = h->next;
        if (h == keep || h->kind != HOLD_OFFER) continue;
        hold_drop(ws, h);
        told_withdrawn(ws, t, a, cause);
    }
}

/* The record of a back-off: until when. */
static struct str held_back(struct workspace *ws, const struct ticket *t, const struct agent *a)
{
    struct jw w = jw_on(&ws->detail);
    char text[25];
    uint32_t i = 0;

    while (i < t->backoff_count && t->backoff[i].agent != a->index) i++;
    if (i == t->backoff_count || t->backoff[i].until <= ws->now) return STR_NONE;
    buf_clear(&ws->detail);
    jw_open(&w, '{');
    jw_key(&w, "held_back_until"), jw_strz(&w, clock_text(t->backoff[i].until, text));
    jw_close(&w, '}');
    return ws->detail.err ? STR_NONE : buf_str(&ws->detail);
}

static void expire(struct workspace *ws, struct hold *h)
{
    struct ticket *t = h->ticket;
    struct agent *a = h->agent;

    ticket_hold_back(ws, t, a->index); /* before it waits: it decides the line */
    end_offer(ws, h, EV_OFFER_EXPIRED);
    log_change(ws, .kind = ENTRY_OFFER_EXPIRED, .t = t, .agent = a, .detail = held_back(ws, t, a));
    ws->offers_made[3]++;
    change_offer(ws, t, a, "withdrawn", "expired");
    bot_failed(ws, t, a, "no_answer");
    offers_ended(ws, t);
    agent_missed(ws, a);
}

/* An offer has expired, or while some stand a back-off has ended, or the time of who alone was asked. One at a time: timeline_run
 * comes back for the next. */
void offers_due(struct workspace *ws, struct ticket *t)
{
    struct hold *h = t->holds;

    while (h && h->until > ws->now) h = h->next;
    if (h) {
        expire(ws, h);
        return;
    }
    offers_again(ws, t);
    ws->shorts_again = true;
    ticket_schedule(ws, t);
}

/* Its queue gives it up after so many offers: it moves on with its age, or begins anew with nobody held back. */
void offers_ended(struct workspace *ws, struct ticket *t)
{
    const struct offer_rules *o = &queue_of(ws, t)->offers;
    bool moves = o->exhausted >= 0 && (uint32_t)o->exhausted != t->queue;

    if (t->state != TK_WAITING || !o->most || t->offers_made < o->most) return;
    waiting_leave(ws, t);
    if (moves) ticket_to_queue(ws, t, (uint32_t)o->exhausted);
    else t->offers_made = t->backoff_count = 0;
    change_touch(ws, t);
    log_change(ws, .kind = moves ? ENTRY_MOVED : ENTRY_RELAXED, .t = t, .cause = "offers_exhausted");
    waiting_again(ws, t);
    ticket_schedule(ws, t);
}

/* ---- accepted, and then? ---- */

/* Somebody is there: misses count in a row. */
static void answered(struct workspace *ws, struct agent *a)
{
    if (!a->misses) return;
    a->misses = 0;
    change_touch_agent(ws, a);
}

void offer_not_connected(struct workspace *ws, struct ticket *t)
{
    struct agent *a = ticket_agent(t);

    ticket_hold_back(ws, t, a->index);
    agent_returned(ws, t, "not_connected");
    offers_ended(ws, t);
    agent_missed(ws, a);
}

void ticket_started(struct workspace *ws, struct ticket *t)
{
    if (t->started) return;
    naru_assert(!ticket_step(ws, t, EV_START, ticket_agent(t))); /* the hold's own end counts from here */
    t->started = true;
    t->offers_made = 0;
    answered(ws, ticket_agent(t));
    log_change(ws, .kind = ENTRY_STARTED, .t = t);
}

/* ---- acts ---- */

static struct agent *acting_agent(struct workspace *ws, const struct act *a)
{
    struct agent *g = act_agent_called(ws, a, a->agent);

    if (!g || !agent_session_ok(ws, a, g)) return NULL;
    if (!act_has_token(a) && !a->privileged) {
        refuse(ws, a, 400, "bad-request", "the token of the offer is missing");
        return NULL;
    }
    return g;
}

static void refuse_offer(struct workspace *ws, const struct act *a, const struct ticket *t, const struct agent *g)
{
    const char *is = ticket_state_words.v[t->state];

    if (ticket_offer_to(t, g)) {
        refuse(ws, a, 409, "old-token", "the ticket is %s, and has been offered to this agent again since", is);
        return;
    }
    for (uint32_t i = 0; i < t->backoff_count; i++)
        if (t->backoff[i].agent == g->index) {
            refuse(ws, a, 409, "offer-expired", "the offer does not stand any more: the ticket is %s", is);
            return;
        }
    refuse(ws, a, 409, "ticket-not-offered-to-you", "the ticket is %s, and not offered to this agent", is);
}

/* The offer that the act is about; NULL: there is none, or it has another token. */
static struct hold *offered_to(const struct act *a, const struct ticket *t, const struct agent *g)
{
    struct hold *h = ticket_offer_to(t, g);

    if (!h || (a->privileged && !act_has_token(a))) return h;
    return act_token_is(a, h->token_epoch, h->token_seq) ? h : NULL;
}

void act_accept(struct workspace *ws, const struct act *a)
{
    struct agent *g = acting_agent(ws, a);
    struct ticket *t = g ? act_target(ws, a) : NULL;
    struct hold *h;

    if (!t) return;
    bool mine = ticket_agent(t) == g && (t->state == TK_ASSIGNED || t->state == TK_WRAPUP);
    if (mine && (act_token_is(a, t->offer_epoch, t->offer_seq) || act_token_is(a, t->token_epoch, t->token_seq))) {
        act_tell(ws, a, t); /* the same accept again */
        return;
    }
    if (!(h = offered_to(a, t, g))) {
        refuse_offer(ws, a, t, g);
        return;
    }
    if (!ws->channels[t->channel].connect_ms) answered(ws, g); /* else the start is the answer */
    accepted(ws, h);
    act_tell(ws, a, t);
}

void act_decline(struct workspace *ws, const struct act *a)
{
    struct agent *g = acting_agent(ws, a);
    struct ticket *t = g ? act_target(ws, a) : NULL;
    struct hold *h;
    char reason[129];

    if (!t) return;
    if (!(h = offered_to(a, t, g))) {
        refuse_offer(ws, a, t, g);
        return;
    }
    answered(ws, g);
    ticket_hold_back(ws, t, g->index); /* before it waits: it decides the line */
    end_offer(ws, h, EV_DECLINE);
    log_change(ws, .kind = ENTRY_DECLINED, .t = t, .agent = g, .cause = act_reason(a, reason), .detail = held_back(ws, t, g));
    ws->offers_made[2]++;
    offers_ended(ws, t);
    act_tell(ws, a, t);
}

/* Saying so again is the same start. */
void act_start(struct workspace *ws, const struct act *a)
{
    struct ticket *t = act_own_target(ws, a, EV_START);

    if (!t) return;
    ticket_started(ws, t);
    act_tell(ws, a, t);
}
