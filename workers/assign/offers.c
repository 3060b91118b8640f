#include "base/metrics.h"
#include "workers/assign/core.h"

#include <stdio.h>

/* A ticket put to an agent, and how that ends. Each offer is a hold of its own, with its own token (the number of its entry) and
   its own end:

     accepted    its agent becomes the owner; all others are withdrawn in the same instant, before the accept is on record
     declined    its agent is held back for a while; the others stand
     expired     the same, and it is a miss of the agent's
     withdrawn   by what happened to the ticket or to the agent; nobody's fault

   A ticket is `offered` as long as one stands, and waits again with its age when the last one ends. */

/* ---- making and taking back ---- */

bool offer_make(struct workspace *ws, struct ticket *t, struct agent *a, struct str detail)
{
    struct hold *h;

    if (ticket_step(ws, t, EV_OFFER, a)) return false;
    log_change(ws, .kind = ENTRY_OFFERED, .t = t, .agent = a, .detail = detail);
    h = ticket_offer_to(t, a);
    h->token_epoch = t->token_epoch;
    h->token_seq = t->token_seq;
    change_offer(ws, t, a, "offer", NULL);
    if (!t->offered_once) metric_observe(MET_OFFER_TIME, "", (double)(ws->now - t->enqueued) / 1000);
    t->offered_once = true;
    ws->offers_made[0]++;
    return true;
}

uint64_t offers_first_end(const struct ticket *t)
{
    uint64_t first = UINT64_MAX;

    for (const struct hold *h = t->holds; h; h = h->next)
        if (h->kind == HOLD_OFFER && h->until < first) first = h->until;
    return first;
}

/* One offer ends; the ticket waits again if it was the last. */
static void end_offer(struct workspace *ws, struct hold *h, enum ticket_event ev)
{
    struct ticket *t = h->ticket;

    if (!h->next && t->holds == h) {
        naru_assert(!ticket_step(ws, t, ev, NULL));
        return;
    }
    hold_drop(ws, h);
    t->until = offers_first_end(t);
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

static void expire(struct workspace *ws, struct hold *h)
{
    struct ticket *t = h->ticket;
    struct agent *a = h->agent;

    ticket_hold_back(ws, t, a->index); /* before it waits: it decides the line */
    end_offer(ws, h, EV_OFFER_EXPIRED);
    log_change(ws, .kind = ENTRY_OFFER_EXPIRED, .t = t, .agent = a);
    ws->offers_made[3]++;
    change_offer(ws, t, a, "withdrawn", "expired");
    agent_missed(ws, a);
}

void offers_due(struct workspace *ws, struct ticket *t)
{
    struct hold *h = t->holds;

    while (h && h->until > ws->now) h = h->next;
    if (h) expire(ws, h); /* the next one, if any, is due at once: timeline_run comes back */
}

/* ---- acts ---- */

static struct agent *acting_agent(struct workspace *ws, const struct act *a)
{
    struct agent *g = roster_find(&ws->roster, a->agent);

    if (!g || !g->known) {
        refuse(ws, a, 404, "agent-not-found", "no agent is called \"%.*s\"", STR_FMT(a->agent));
        return NULL;
    }
    if (!agent_session_ok(ws, a, g)) return NULL;
    if (!act_has_token(a) && !a->privileged) {
        refuse(ws, a, 400, "bad-request", "the token of the offer is missing");
        return NULL;
    }
    return g;
}

static void refuse_offer(struct workspace *ws, const struct act *a, const struct ticket *t, const struct agent *g)
{
    for (uint32_t i = 0; i < t->backoff_count; i++)
        if (t->backoff[i].agent == g->index) {
            refuse(ws, a, 409, "offer-expired", "the offer does not stand any more");
            return;
        }
    if (ticket_offer_to(t, g)) refuse(ws, a, 409, "old-token", "the ticket has been offered again since");
    else
        refuse(ws, a, 409, "ticket-not-offered-to-you", "the ticket is %s and not offered to this agent",
               ticket_state_words.v[t->state]);
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
    t->offer_epoch = h->token_epoch;
    t->offer_seq = h->token_seq;
    offers_withdraw(ws, t, h, "taken");
    if (g->misses) g->misses = 0, change_touch_agent(ws, g);
    naru_assert(!ticket_step(ws, t, EV_ACCEPT, g));
    change_touch(ws, t);
    metric_observe(MET_WAIT_TIME, queue_of(ws, t)->name, (double)(ws->now - t->enqueued) / 1000);
    ws->offers_made[1]++;
    log_change(ws, .kind = ENTRY_ACCEPTED, .t = t);
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
    if (g->misses) g->misses = 0, change_touch_agent(ws, g);
    ticket_hold_back(ws, t, g->index); /* before it waits: it decides the line */
    end_offer(ws, h, EV_DECLINE);
    log_change(ws, .kind = ENTRY_DECLINED, .t = t, .agent = g, .cause = act_reason(a, reason));
    ws->offers_made[2]++;
    act_tell(ws, a, t);
}
