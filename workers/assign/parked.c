#include "workers/assign/core.h"

/* A ticket that was parked, or is being wrapped up, is worked on again: its customer wrote, or somebody asked for it.

     wrapped up   it is still whole with its owner: back in hand; if they have gone meanwhile, it is returned at once
     parked       back in its owner's hand at once, when they are available and have room for the whole of it: units, maximum, kept
                  headroom and exclusive channels, the parked part counted out. It was theirs already, so neither the ramp nor the
                  day's cap nor the end of a shift stands in the way.
     no room      it waits, with its age, for its owner alone for capacity.wake-wait, then for everybody; their skills, groups and
                  gates are not asked again in that time. An owner who is offline, or leaving by draining, is not waited for. */

/* The parked ticket counts whole from now on. */
static bool has_room(const struct workspace *ws, const struct hold *h)
{
    const struct agent *a = h->agent;

    return a->known && a->presence == PRES_AVAILABLE && !a->leaving &&
           capacity_bar(ws, a, h->ticket->channel, ticket_favoured(ws, h->ticket), h->units) == BAR_NONE;
}

static bool worth_waiting_for(const struct agent *a)
{
    return a->known && a->presence != PRES_OFFLINE && strcmp(a->reason, "draining") != 0;
}

static void wait_for(struct workspace *ws, struct ticket *t, struct agent *a)
{
    uint32_t ms = ws->policy->capacity.wake_wait_ms;

    if (!ms || !worth_waiting_for(a)) return;
    /* before it waits: it decides the line */
    (void)ticket_only(ws, t, a, ws->now + ms, 1u << SKIP_SKILLS | 1u << SKIP_GROUPS | 1u << SKIP_GATE);
}

/* Nothing of theirs will return it later: they are no agent any more, or their grace is over. */
static bool is_gone(const struct agent *a) { return !a->known || (a->presence == PRES_OFFLINE && !a->connected && !a->lost); }

void ticket_resume(struct workspace *ws, struct ticket *t, const char *cause)
{
    const struct hold *h = ticket_hold(t, HOLD_OWNER);
    struct agent *a = h ? h->agent : NULL;
    bool stays = a && (t->state == TK_WRAPUP || has_room(ws, h));

    if (a && !stays) wait_for(ws, t, a);
    naru_assert(!ticket_step(ws, t, stays ? EV_RESUME : EV_RESUME_WAIT, a));
    log_change(ws, .kind = ENTRY_RESUMED, .t = t, .cause = cause);
    if (stays) change_offer(ws, t, a, "assigned", cause);
    else if (a) change_offer(ws, t, a, "returned", cause);
    if (stays && is_gone(a)) agent_returned(ws, t, "agent_gone");
}
