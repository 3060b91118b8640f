#include "workers/assign/core.h"

/* What keeps an agent who says "available" from new offers for a time, whatever units they have. What they hold stays with them.

     shift    outside the hours of their shift they do not count as available
     day      as many tickets as their day allows are accepted or offered; a new day begins at the policy's midnight. An accept is
              counted once; what wakes from parking or comes back to its owner is no accept.
     ramp     for capacity.ramp.for after coming online from offline. The time is cut into minutes from the moment of coming online;
              each brings at most ramp.per-minute offers. Nor do they get more than their fair share of the backlog at once: their
              offers that nobody has answered yet are never more than
                  ceil((tickets waiting that they have the skills for + these offers) / agents available), at least 1
              as it is when something of theirs changes. A reconnect within the lease goes on with the ramp that was under way.

   duty_refresh derives `off_shift`, `barred` and `duty_next` from the agent's fields and the clock; duty_next is when the clock
   alone changes the answer, and the agent's own deadline. A bar without a time (the fair share) ends when an offer of theirs does.
 */

#define MINUTE_MS 60000u

static uint32_t open_offers(const struct agent *a)
{
    uint32_t n = 0;

    for (const struct hold *h = a->holds; h; h = h->agent_next) n += h->kind == HOLD_OFFER;
    return n;
}

static void until(struct agent *a, uint64_t at)
{
    if (at && at < a->duty_next) a->duty_next = at;
}

static void bar(struct agent *a, enum bar why, uint64_t at)
{
    a->barred = why;
    until(a, at);
}

/* ---- shift ---- */

static bool on_shift(const struct workspace *ws, struct agent *a)
{
    uint64_t next = 0;
    bool open;

    if (a->shift < 0 || (uint32_t)a->shift >= ws->policy->hours_count) return true;
    open = hours_open(&ws->policy->hours[a->shift], ws->now, &next);
    until(a, next);
    return open;
}

/* ---- the day ---- */

uint32_t duty_daily(const struct workspace *ws, const struct agent *a)
{
    uint32_t usual = ws->policy->capacity.daily ? ws->policy->capacity.daily : UINT32_MAX;

    return a->daily != UINT32_MAX ? a->daily : usual;
}

uint32_t duty_taken(const struct workspace *ws, const struct agent *a, uint64_t *next)
{
    return policy_day(ws->policy, ws->now, next) == a->day ? a->taken : 0;
}

static void look_at_day(const struct workspace *ws, struct agent *a)
{
    uint32_t most = duty_daily(ws, a);
    uint64_t next = 0;

    if (most == UINT32_MAX || duty_taken(ws, a, &next) + open_offers(a) < most) return;
    bar(a, BAR_DAY, next);
}

void duty_took(struct workspace *ws, struct agent *a)
{
    uint32_t day = policy_day(ws->policy, ws->now, NULL);

    if (a->day != day) a->day = day, a->taken = 0;
    a->taken++;
    if (duty_daily(ws, a) == UINT32_MAX) return; /* nothing goes by it: it is written when their work ends */
    change_touch_agent(ws, a);
    roster_refresh(ws, a);
}

/* ---- the ramp ---- */

uint64_t duty_ramp_end(const struct workspace *ws, const struct agent *a)
{
    const struct capacity_rules *r = &ws->policy->capacity;

    return r->ramp_per_minute && r->ramp_ms && a->online && ws->now < a->online + r->ramp_ms ? a->online + r->ramp_ms : 0;
}

/* The minute that is running began at ramp_at; offers of an earlier one do not count. */
static void ramp_minute(const struct workspace *ws, struct agent *a)
{
    uint64_t at = ws->now - (ws->now - a->online) % MINUTE_MS;

    if (a->ramp_at != at) a->ramp_at = at, a->ramp_offers = 0;
}

static uint32_t available(const struct roster *r)
{
    uint32_t n = 0;

    for (uint32_t w = 0; w < r->words; w++)
        if (r->avail[w]) n += bits_in(r->avail[w]);
    return n ? n : 1;
}

/* open >= ceil((waiting + open) / available), without counting further than that takes. */
static bool has_fair_share(struct workspace *ws, const struct agent *a)
{
    uint64_t open = open_offers(a), most;

    if (!open) return false;
    most = open * available(&ws->roster);
    return waiting_for(ws, a, most - open + 1) + open <= most;
}

static void look_at_ramp(struct workspace *ws, struct agent *a)
{
    uint64_t end = duty_ramp_end(ws, a);

    if (!end) return;
    until(a, end);
    ramp_minute(ws, a);
    if (a->ramp_offers >= ws->policy->capacity.ramp_per_minute) bar(a, BAR_RAMP, a->ramp_at + MINUTE_MS);
    else if (has_fair_share(ws, a)) bar(a, BAR_RAMP, 0);
}

void duty_offered(struct workspace *ws, struct agent *a)
{
    if (!duty_ramp_end(ws, a)) return;
    ramp_minute(ws, a);
    a->ramp_offers++;
    change_touch_agent(ws, a);
    roster_refresh(ws, a);
}

/* ---- all of it ---- */

void duty_refresh(struct workspace *ws, struct agent *a)
{
    a->off_shift = false;
    a->barred = BAR_NONE;
    a->duty_next = UINT64_MAX;
    if (!ws->policy || !a->known || a->presence == PRES_OFFLINE) return;
    a->off_shift = !on_shift(ws, a);
    if (a->presence == PRES_AVAILABLE) {
        look_at_ramp(ws, a);
        look_at_day(ws, a);
    }
    if (agent_is_drained(a)) until(a, ws->now);
}
