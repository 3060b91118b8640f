#include "workers/assign/core.h"

/* What goes around the matcher: a supervisor gives a ticket to somebody, or an agent takes a waiting one. It stands from the
   moment it is said: offers that the matcher had made are withdrawn, each with its own entry, before the new owner is on record.

   Limits of capacity hold here too, and the refusal tells the figures; only a supervisor may exceed them, by saying "force" as
   the reason (or "force: why"). An agent who pulls must be eligible, as the matcher would ask; a supervisor who assigns need not
   care: the ticket goes to whom they name, as long as they are not offline. */

struct ticket *act_supervised(struct workspace *ws, const struct act *a, enum ticket_event ev)
{
    if (a->privileged) return act_own_target(ws, a, ev);
    refuse(ws, a, 403, "forbidden", "only supervisors and operators may do this");
    return NULL;
}

static bool forced(const struct act *a)
{
    return str_is(a->reason, "force") || (a->reason.n > 6 && memcmp(a->reason.p, "force:", 6) == 0);
}

/* Gives it and says so. */
static void give(struct workspace *ws, const struct act *a, struct ticket *t, struct agent *g, const char *how)
{
    char reason[129];

    if (ticket_give(ws, t, g, how, act_reason(a, reason))) act_tell(ws, a, t);
    else refuse(ws, a, 503, "overloaded", "no memory for it now");
}

void act_assign(struct workspace *ws, const struct act *a)
{
    struct ticket *t = act_supervised(ws, a, EV_ASSIGN);
    struct agent *g = t ? act_colleague(ws, a) : NULL;

    if (!g) return;
    if (t->state == TK_ASSIGNED && ticket_agent(t) == g) act_tell(ws, a, t); /* it is so */
    else if (forced(a) || act_has_room(ws, a, t, g)) give(ws, a, t, g, "assigned");
}

/* ---- pulled ---- */

static struct agent *puller(struct workspace *ws, const struct act *a)
{
    struct agent *g = act_agent_called(ws, a, a->agent);

    if (!g || !agent_session_ok(ws, a, g)) return NULL;
    if (g->presence == PRES_AVAILABLE && !g->leaving) return g;
    refuse(ws, a, 409, "agent-offline", "%.*s is not available", STR_FMT(g->name));
    return NULL;
}

/* That they declined it before is no reason against it. */
static bool eligible(struct workspace *ws, struct ticket *t, const struct agent *g)
{
    if (ticket_not_held_back(ws, t, g->index) || !t->line) waiting_again(ws, t);
    const uint64_t *set = t->line ? line_eligible(ws, t->line) : NULL;
    return set && bit_get(set, g->index);
}

void act_pull(struct workspace *ws, const struct act *a)
{
    struct ticket *t = act_target(ws, a);
    struct agent *g = t ? puller(ws, a) : NULL;

    if (!g) return;
    if (t->state != TK_WAITING) act_refuse_state(ws, a, t->state);
    else if (act_has_token(a) && !act_token_is(a, t->token_epoch, t->token_seq))
        refuse(ws, a, 409, "old-token", "the ticket has changed hands since");
    else if (t->only && t->only != g) refuse(ws, a, 409, "not-eligible", "the ticket is kept for %.*s", STR_FMT(t->only->name));
    else if (!act_has_room(ws, a, t, g)) return;
    else if (!eligible(ws, t, g)) refuse(ws, a, 409, "not-eligible", "%.*s lacks what the ticket needs", STR_FMT(g->name));
    else give(ws, a, t, g, "pulled");
}
