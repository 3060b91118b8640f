#include "workers/assign/core.h"

/* A second agent beside the owner: asked in, they see the ticket with its context and may reply, and it takes units of theirs
   (but no place in their maximum); the owner keeps it. It is over when either of them says so, and by itself when the ticket
   leaves `assigned`, whichever way: ticket_step sees to that, so a consult never outlives what it was about. At most one at a time.

   A reply is what an agent wrote to the customer. It is kept as a message of the ticket, so that who comes next reads both
   sides, and it stops the clock of replies whoever of the two wrote it. Channels are not ours: sending it is the desktop's part. */

/* ---- asked in ---- */

void consult_over(struct workspace *ws, struct ticket *t, const char *what, const char *why)
{
    struct hold *h = ticket_hold(t, HOLD_CONSULT);
    struct agent *g = h ? h->agent : NULL;

    if (!h) return;
    hold_drop(ws, h);
    log_change(ws, .kind = ENTRY_CONSULTED, .t = t, .agent = g, .cause = "over");
    change_offer(ws, t, g, what, why);
}

static bool may_be_asked(struct workspace *ws, const struct act *a, const struct ticket *t, const struct agent *g)
{
    const struct hold *h = ticket_hold(t, HOLD_CONSULT);

    if (h) refuse(ws, a, 409, "wrong-state", "%.*s is asked in already", STR_FMT(h->agent->name));
    else if (ticket_agent(t) == g) refuse(ws, a, 409, "wrong-state", "%.*s has the ticket", STR_FMT(g->name));
    else if (g->presence != PRES_AVAILABLE) refuse(ws, a, 409, "agent-offline", "%.*s is away", STR_FMT(g->name));
    else if (act_has_room(ws, a, t, g)) return true;
    return false;
}

static void ask_in(struct workspace *ws, const struct act *a)
{
    struct ticket *t = act_own_target(ws, a, EV_CONSULT);
    struct agent *g = t ? act_colleague(ws, a) : NULL;
    struct hold *h;
    char reason[129];

    if (!g || !may_be_asked(ws, a, t, g)) return;
    if (!hold_ready(ws)) {
        refuse(ws, a, 503, "overloaded", "no memory for it now");
        return;
    }
    h = hold_add(ws, t, g, HOLD_CONSULT, capacity_cost(ws, g, t->channel), false);
    h->until = t->until;
    log_change(ws, .kind = ENTRY_CONSULTED, .t = t, .agent = g, .cause = act_reason(a, reason));
    change_offer(ws, t, g, "consult", reason);
    act_tell(ws, a, t);
}

static void let_go(struct workspace *ws, const struct act *a)
{
    struct ticket *t = act_party(ws, a, EV_CONSULT);

    if (!t) return;
    if (!ticket_hold(t, HOLD_CONSULT)) {
        refuse(ws, a, 409, "wrong-state", "nobody is asked in");
        return;
    }
    consult_over(ws, t, "returned", "over");
    act_tell(ws, a, t);
}

void act_consult(struct workspace *ws, const struct act *a)
{
    if (str_is(a->reason, "over")) let_go(ws, a);
    else ask_in(ws, a);
}

/* ---- replies ---- */

/* Who else has it in hand sees what was written. */
static void show_reply(struct workspace *ws, struct ticket *t, const struct agent *by)
{
    for (const struct hold *h = t->holds; h; h = h->next)
        if (h->agent != by) change_offer(ws, t, h->agent, "message", "reply");
}

void act_reply(struct workspace *ws, const struct act *a)
{
    struct ticket *t = act_party(ws, a, EV_REPLY);
    const struct agent *by = t ? roster_find(&ws->roster, a->agent) : NULL;
    const struct hold *h = by ? ticket_hold_of(t, by) : NULL;
    static const struct id no_event;

    if (!t) return;
    if (!h || h->kind == HOLD_OFFER) {
        refuse(ws, a, 403, "not-your-ticket", "the ticket is %s: who has it replies, or who is consulted, and \"agent\" names them",
               ticket_state_words.v[t->state]);
        return;
    }
    if (!a->text.n) {
        refuse(ws, a, 400, "bad-request", "the text of the reply is missing");
        return;
    }
    ticket_note(ws, t, &no_event, ws->now, by->name, a->text);
    if (t->state == TK_ASSIGNED) ticket_started(ws, t);
    sla_met(ws, t, SLA_REPLY);
    steps_replied(ws, t);
    log_change(ws, .kind = ENTRY_REPLIED, .t = t, .agent = by);
    show_reply(ws, t, by);
    act_tell(ws, a, t);
}
