#include "workers/assign/core.h"

/* A ticket changes hands because somebody says so. There are two ways, and all acts of this kind are made of them:

     passed on   it waits again, with its age, in the queue and with the needs that were asked for; who had it is not asked first
     given       one agent has it at once, whoever had it or was offered it before

   What it was before is on record first: offers as withdrawn, an owner as returned, so that whoever reads the log, and the home
   that commits it, never sees two owners. Then comes one entry for what was asked: moved, accepted, handed_over.

   A transfer to an agent waits for them alone for MS_TRANSFER at most, or until they go offline; then anybody may be offered it.
   They need not have the skills or be of the groups: who sends it knows why. Who is consulted already has it in hand, and is
   given it at once. */

#define TO_SKIPS (1u << SKIP_SKILLS | 1u << SKIP_GROUPS | 1u << SKIP_GATE)

/* Where a transfer goes; what is not asked for is NULL or -1. */
struct goal {
    struct agent *to;
    int queue;
};

/* ---- who may be given a ticket ---- */

struct agent *act_colleague(struct workspace *ws, const struct act *a)
{
    struct agent *g = act_agent_called(ws, a, a->to);

    if (!g) return NULL;
    if (g->presence != PRES_OFFLINE && !g->leaving) return g;
    refuse(ws, a, 409, "agent-offline", "%.*s is offline", STR_FMT(g->name));
    return NULL;
}

bool act_has_room(struct workspace *ws, const struct act *a, const struct ticket *t, const struct agent *g)
{
    const struct hold *h = ticket_hold_of(t, g);
    uint32_t credit = h && !h->counted ? h->units : 0, cost = capacity_cost(ws, g, t->channel);
    enum bar bar = h && h->counted ? BAR_NONE : capacity_bar(ws, g, t->channel, ticket_favoured(ws, t), credit);

    if (bar == BAR_NONE) return true;
    refuse(ws, a, 409, "no-room", "%.*s has %u of %u units in use and %u tickets on this channel; this one takes %u (limit: %s)",
           STR_FMT(g->name), g->used - credit, g->capacity, g->chan[t->channel], cost, bar_words.v[bar]);
    return false;
}

/* ---- given ---- */

/* Whoever had it, or was offered it, does not any more, but for an offer to who is given it: that becomes theirs. It waits, but
   for a ticket that was only offered: that stays so. */
static void take_away(struct workspace *ws, struct ticket *t, const struct agent *taker, const char *cause)
{
    struct agent *had = ticket_agent(t);

    offers_withdraw(ws, t, ticket_offer_to(t, taker), cause);
    if (!had) return;
    naru_assert(!ticket_step(ws, t, EV_REQUEUE, NULL));
    log_change(ws, .kind = ENTRY_RETURNED, .t = t, .agent = had, .cause = cause);
    change_offer(ws, t, had, "returned", cause);
}

bool ticket_give(struct workspace *ws, struct ticket *t, struct agent *g, const char *how, const char *cause)
{
    if (!hold_ready(ws)) return false;
    take_away(ws, t, g, how);
    naru_assert(!ticket_step(ws, t, EV_ASSIGN, g));
    roster_allow_over(ws, g);
    t->offers_made = 0;
    log_change(ws, .kind = ENTRY_ACCEPTED, .t = t, .agent = g, .cause = cause && *cause ? cause : how);
    change_offer_confirmed(ws, t, g, "assigned", how);
    return true;
}

/* ---- passed on ---- */

static void move_to(struct workspace *ws, struct ticket *t, uint32_t queue)
{
    waiting_leave(ws, t);
    ticket_to_queue(ws, t, queue);
    waiting_again(ws, t);
    ticket_schedule(ws, t);
}

/* It is returned in the queue it was held in, and moves then: who reads the log can tell where it came from. */
void ticket_requeue(struct workspace *ws, struct ticket *t, int queue, enum ticket_event ev, const char *how)
{
    struct agent *had = ticket_agent(t);

    offers_withdraw(ws, t, NULL, how);
    if (had) ticket_hold_back(ws, t, had->index); /* before it waits: it decides the line */
    naru_assert(!ticket_step(ws, t, ev, NULL));
    if (had) log_change(ws, .kind = ENTRY_RETURNED, .t = t, .agent = had, .cause = how);
    if (queue >= 0) move_to(ws, t, (uint32_t)queue);
    if (had) change_offer(ws, t, had, "returned", how);
}

static void refuse_queue(struct workspace *ws, const struct act *a)
{
    const char *names[LIM_LIST_ITEMS], *near;

    for (uint32_t i = 0; i < ws->policy->queue_count; i++) names[i] = ws->policy->queues[i].name;
    near = str_nearest(a->queue, names, ws->policy->queue_count);
    refuse(ws, a, 404, "queue-not-found", "no queue is called \"%.*s\"%s%s%s", STR_FMT(a->queue), near ? " (did you mean \"" : "",
           near ? near : "", near ? "\"?)" : "");
}

bool act_queue(struct workspace *ws, const struct act *a, int *queue)
{
    *queue = a->queue.n ? policy_queue(ws->policy, a->queue) : -1;
    if (!a->queue.n || *queue >= 0) return true;
    refuse_queue(ws, a);
    return false;
}

/* False: refused. */
static bool goal_of(struct workspace *ws, const struct act *a, const struct ticket *t, struct goal *g)
{
    *g = (struct goal){ .queue = -1 };
    if (!a->queue.n && !a->to.n && !a->needs.count) {
        refuse(ws, a, 400, "bad-request", "say where it goes: a queue, an agent (to), or needs");
        return false;
    }
    if (!act_queue(ws, a, &g->queue)) return false;
    if (!a->to.n) return true;
    if (!(g->to = act_colleague(ws, a))) return false;
    if (ticket_agent(t) == g->to) refuse(ws, a, 409, "wrong-state", "%.*s has the ticket already", STR_FMT(g->to->name));
    else if (g->to->off_shift && !ticket_hold_of(t, g->to))
        refuse(ws, a, 409, "agent-offline", "%.*s is outside their shift, and would not be offered it", STR_FMT(g->to->name));
    else return true;
    return false;
}

/* {"to", "needs"} of the act; empty when it names neither. */
static struct str told_goal(struct workspace *ws, const struct act *a)
{
    struct jw w = jw_on(&ws->detail);

    if (!a->to.n && !a->needs.count) return STR_NONE;
    buf_clear(&ws->detail);
    jw_open(&w, '{');
    if (a->to.n) jw_key(&w, "to"), jw_str(&w, a->to);
    if (a->needs.count) jw_key(&w, "needs"), jw_open(&w, '[');
    for (uint32_t i = 0; i < a->needs.count; i++) {
        jw_open(&w, '{');
        record_json_fields(&w, &need_record, (const struct need *)a->needs.items + i);
        jw_close(&w, '}');
    }
    if (a->needs.count) jw_close(&w, ']');
    jw_close(&w, '}');
    return ws->detail.err ? STR_NONE : buf_str(&ws->detail);
}

/* What this transfer asks for takes the place of what an earlier one did. */
static void take_wants(struct workspace *ws, struct ticket *t, const struct act *a)
{
    struct needs wants = { .count = 0 };

    (void)needs_add_all(ws, &wants, a->needs);
    needs_close(ws, &t->wants, &wants);
    ticket_needs_of_queue(ws, t);
    steps_again(ws, t);
}

static void pass_on(struct workspace *ws, const struct act *a, struct ticket *t, const struct goal *g)
{
    struct agent *had = ticket_agent(t);
    char reason[129];

    waiting_leave(ws, t);
    take_wants(ws, t, a);
    ticket_requeue(ws, t, g->queue, EV_TRANSFER, "transferred");
    log_change(ws, .kind = ENTRY_MOVED, .t = t, .agent = had, .cause = act_reason(a, reason), .detail = told_goal(ws, a));
    if (g->to) {
        ticket_not_held_back(ws, t, g->to->index);
        (void)ticket_only(ws, t, g->to, ws->now + MS_TRANSFER, TO_SKIPS);
    }
    act_tell(ws, a, t);
}

void act_transfer(struct workspace *ws, const struct act *a)
{
    struct ticket *t = act_own_target(ws, a, EV_TRANSFER);
    struct goal g;
    char reason[129];

    if (!t || !goal_of(ws, a, t, &g)) return;
    const struct hold *h = g.to ? ticket_hold_of(t, g.to) : NULL;
    if (!h || h->kind != HOLD_CONSULT) pass_on(ws, a, t, &g);
    else if (ticket_give(ws, t, g.to, "transferred", act_reason(a, reason))) act_tell(ws, a, t);
    else refuse(ws, a, 503, "overloaded", "no memory for it now");
}

/* ---- taken back by a supervisor ---- */

/* The reason "not_connected" says that the agent's own end did not answer: it counts as missed, as a start that does not come. */
static bool not_connected(const struct act *a, const struct ticket *t)
{
    return str_is(a->reason, "not_connected") && t->state == TK_ASSIGNED && ticket_agent(t) && !a->queue.n;
}

void act_requeue(struct workspace *ws, const struct act *a)
{
    struct ticket *t = act_supervised(ws, a, EV_REQUEUE);
    char reason[129];
    int queue;

    if (!t || !act_queue(ws, a, &queue)) return;
    if (not_connected(a, t)) {
        offer_not_connected(ws, t);
        act_tell(ws, a, t);
        return;
    }
    if (t->state == TK_WAITING && (queue < 0 || (uint32_t)queue == t->queue)) {
        act_refuse_state(ws, a, t->state);
        return;
    }
    bool held = ticket_agent(t) != NULL;
    ticket_requeue(ws, t, queue, EV_REQUEUE, "requeued");
    if (queue >= 0) log_change(ws, .kind = ENTRY_MOVED, .t = t, .cause = act_reason(a, reason));
    else if (!held) log_change(ws, .kind = ENTRY_RETURNED, .t = t, .cause = act_reason(a, reason));
    act_tell(ws, a, t);
}
