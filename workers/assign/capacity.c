#include "workers/assign/core.h"

WORDS_TABLE(bar, BAR_MAP)

/* What an agent can still be given. One pool of units is shared by all channels; beside it stand the maxima by channel and what
   channels say of themselves. All limits hold at once, so the tightest decides; what is equal to a limit is full. A limit that
   nobody stated is its default: 100 units, 20 a ticket of a channel without a cost, no maximum but the units.

     in hand     offered, held or being wrapped up: the channel's units, and a place in its maximum
     parked      a share of the units (capacity.parked, rounded up), and no place
     kept        the last capacity.keep.units of everybody are for favoured tickets: those at least so urgent, or on one of these
                 channels. Whether a ticket is favoured is part of its line's key, so it is asked again when its urgency changes.
     exclusive   a ticket on an `alone` channel goes only to who has nothing in hand; one on an `interrupts` channel goes on top of
                 what they have, if the units allow it. Either way nothing new comes beside it until it is over.

   Limits hold for what the service gives. What a person assigns by hand, what came back from a home, and what stood before a limit
   was lowered may exceed them (agent.over) until the agent is within them again; nothing is added meanwhile. */

uint32_t capacity_cost(const struct workspace *ws, const struct agent *a, uint32_t channel)
{
    return a->cost[channel] ? a->cost[channel] : ws->channels[channel].cost;
}

uint32_t capacity_max(const struct workspace *ws, const struct agent *a, uint32_t channel)
{
    uint32_t usual = ws->channels[channel].max ? ws->channels[channel].max : UINT32_MAX;

    return a->max[channel] != UINT32_MAX ? a->max[channel] : usual;
}

uint32_t capacity_parked(const struct workspace *ws, uint32_t units)
{
    return (uint32_t)(((uint64_t)units * ws->policy->capacity.parked_pct + 99) / 100);
}

bool ticket_favoured(const struct workspace *ws, const struct ticket *t)
{
    const struct capacity_rules *r = &ws->policy->capacity;

    if (!r->keep_units) return false; /* one line for all */
    return (r->keep_urgency >= 0 && (int)t->urgency >= r->keep_urgency) || (r->keep_channels >> t->channel & 1);
}

struct load load_of(const struct agent *a, uint32_t channel)
{
    return (struct load){ a->used, a->in_hand, a->exclusive, a->chan[channel] };
}

/* Bits of enum rooms. */
static unsigned room_on(const struct workspace *ws, const struct agent *a, uint32_t channel, const struct load *has)
{
    uint64_t used = (uint64_t)has->used + capacity_cost(ws, a, channel);
    uint32_t keep = ws->policy ? ws->policy->capacity.keep_units : 0;
    bool disturbs = has->exclusive || (ws->channels[channel].exclusive == EXCLUSIVE_ALONE && has->in_hand);

    return (used <= a->capacity ? ROOM_UNITS : 0u) | (used + keep <= a->capacity ? ROOM_UNKEPT : 0u) |
           (has->count < capacity_max(ws, a, channel) ? ROOM_PLACE : 0u) | (disturbs ? 0u : ROOM_ALONE);
}

void capacity_rooms(const struct workspace *ws, const struct agent *a, uint8_t out[CHANNELS_MAX])
{
    for (uint32_t c = 0; c < ws->channel_count; c++) {
        struct load has = load_of(a, c);
        out[c] = (uint8_t)room_on(ws, a, c, &has);
    }
}

enum bar capacity_bar_by(const struct workspace *ws, const struct agent *a, uint32_t channel, bool favoured, const struct load *has)
{
    unsigned room = room_on(ws, a, channel, has);

    if (!(room & ROOM_UNITS)) return BAR_UNITS;
    if (!favoured && !(room & ROOM_UNKEPT)) return BAR_KEEP;
    if (!(room & ROOM_PLACE)) return BAR_MAXIMUM;
    return room & ROOM_ALONE ? BAR_NONE : BAR_EXCLUSIVE;
}

enum bar capacity_bar(const struct workspace *ws, const struct agent *a, uint32_t channel, bool favoured, uint32_t credit)
{
    struct load has = load_of(a, channel);

    has.used -= credit;
    return capacity_bar_by(ws, a, channel, favoured, &has);
}

/* ---- what must always hold ---- */

/* The units of tickets that are not favoured. */
static uint32_t plain_units(const struct workspace *ws, const struct agent *a)
{
    uint32_t units = 0;

    for (const struct hold *h = a->holds; h; h = h->agent_next)
        if (!ticket_favoured(ws, h->ticket)) units += h->units;
    return units;
}

/* Nothing comes beside an exclusive ticket, and an `alone` one came to who had nothing. */
static bool alone_with_others(const struct workspace *ws, const struct agent *a)
{
    uint32_t alone = 0;

    for (uint32_t c = 0; c < ws->channel_count; c++)
        if (ws->channels[c].exclusive == EXCLUSIVE_ALONE) alone += a->chan[c];
    return a->exclusive > 1 || (alone && a->in_hand > alone);
}

const char *capacity_check(const struct workspace *ws, const struct agent *a)
{
    uint32_t keep = ws->policy ? ws->policy->capacity.keep_units : 0;

    if (a->used > a->capacity) return "more units than capacity";
    for (uint32_t c = 0; c < ws->channel_count; c++)
        if (a->chan[c] > capacity_max(ws, a, c)) return "more of a channel than its maximum";
    if (alone_with_others(ws, a)) return "something stands beside an exclusive ticket";
    if (keep && plain_units(ws, a) + keep > a->capacity && plain_units(ws, a))
        return "units that are kept are used by tickets that they are not kept for";
    return NULL;
}
