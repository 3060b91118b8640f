/* Units beside units: what a ticket costs beside what agents have, what is kept free, and most at once.

   Agents of the file can be joined by others from the API, who may have up to CAPACITY_MAX units. So what nobody of the file can
   bear is a warning; an error is only what nobody could ever bear: a ticket that does not fit beside what `capacity.keep` keeps
   free of the largest capacity there may be. Where the file has no agents, costs are compared with the usual capacity. */
#include "config/lint.h"

#define USUAL_CAPACITY 100u

struct bearing {                /* the best that any agent can do for one channel */
    uint32_t cost, units, free; /* cost for them; units that they have; … and without those kept for others */
    bool whole, spare;          /* somebody can bear it with all their units; with those that nothing is kept of */
    bool place;                 /* somebody's maximum is not 0 */
};

static uint32_t own(const struct channel_max *v, uint32_t count, uint32_t channel, uint32_t usual)
{
    for (uint32_t i = 0; i < count; i++)
        if (v[i].channel == channel) return v[i].max;
    return usual;
}

static uint32_t cost_for(const struct agent_spec *a, const struct policy *p, uint32_t channel)
{
    return own(a->cost, a->cost_count, channel, p->channels[channel].cost);
}

static struct bearing bearing_of(const struct policy *p, uint32_t channel)
{
    struct bearing best = { .cost = UINT32_MAX };
    for (uint32_t i = 0; i < p->agent_count; i++) {
        const struct agent_spec *a = &p->agents[i];
        uint32_t cost = cost_for(a, p, channel), kept = p->capacity.keep_units < a->capacity ? p->capacity.keep_units : a->capacity;
        if (own(a->max, a->max_count, channel, 1) == 0) continue;
        best.place = true;
        best.whole |= cost <= a->capacity;
        best.spare |= cost <= a->capacity - kept;
        if (cost < best.cost) best.cost = cost;
        if (a->capacity > best.units) best.units = a->capacity;
        if (a->capacity - kept > best.free) best.free = a->capacity - kept;
    }
    return best;
}

/* Where the cost of a channel is written that tickets come on; else where an account names the channel; else NULL. */
static const struct ynode *cost_node(const struct policy *p, uint32_t channel, const struct ynode *root)
{
    const struct ynode *cost = tree_get(tree_get(tree_get(root, "channels"), p->channels[channel].name), "cost");
    for (uint32_t i = 0; i < p->account_count; i++)
        if (p->accounts[i].channel == channel)
            return cost ? cost : tree_get(tree_get(tree_get(root, "accounts"), p->accounts[i].name), "channel");
    return NULL;
}

/* ---- errors ---- */

void check_capacity(struct bind *b, const struct draft *d, const struct ynode *root)
{
    const struct policy *p = &d->p;
    const struct capacity_rules *r = &p->capacity;
    const struct ynode *units = tree_get(tree_get(tree_get(root, "capacity"), "keep"), "units");
    if (units && r->keep_units >= CAPACITY_MAX) {
        bind_error(b, units, "leaves nothing for other tickets: an agent has at most %u units; lower it", CAPACITY_MAX);
        return;
    }
    for (uint32_t c = 0; c < p->channel_count; c++) {
        const struct ynode *at = cost_node(p, c, root);
        if (!at || r->keep_channels >> c & 1 || r->keep_urgency >= 0 || p->channels[c].cost + r->keep_units <= CAPACITY_MAX)
            continue;
        bind_error(
            b, at,
            "a ticket on %s costs %u units, and beside the %u that capacity.keep keeps free no agent can have so many: nobody "
            "could ever take it; keep less",
            p->channels[c].name, p->channels[c].cost, r->keep_units);
    }
}

/* ---- what nobody of the file can bear ---- */

static const char *favoured_text(int urgency)
{
    return urgency == URG_CRITICAL ? "critical" : urgency == URG_HIGH ? "high or more" : "normal or more";
}

/* True: somebody has units for it. */
static bool warn_borne(struct bind *b, const struct policy *p, uint32_t channel, const struct ynode *at)
{
    const struct capacity_rules *c = &p->capacity;
    const char *name = p->channels[channel].name;
    struct bearing best = bearing_of(p, channel);
    bool favoured = c->keep_channels >> channel & 1;
    if (!best.place)
        bind_warn(b, at, "no agent of this file takes tickets on %s: everybody's maximum is 0; raise it for somebody", name);
    else if (!best.whole)
        bind_warn(b, at,
                  "a ticket on %s costs %u units, and no agent of this file has more than %u: lower the cost, or give somebody a "
                  "capacity of %u",
                  name, best.cost, best.units, best.cost);
    else if (!best.free) return true; /* said of what is kept */
    else if (!best.spare && !favoured && c->keep_urgency < 0)
        bind_warn(
            b, at,
            "a ticket on %s costs %u units, and capacity.keep leaves nobody of this file more than %u for it: keep less, or name "
            "%s in capacity.keep.for",
            name, best.cost, best.free, name);
    else if (!best.spare && !favoured)
        bind_warn(
            b, at,
            "a ticket on %s costs %u units, and capacity.keep leaves nobody of this file more than %u: only what is %s can be "
            "taken; keep less, or name %s in capacity.keep.for",
            name, best.cost, best.free, favoured_text(c->keep_urgency), name);
    return best.whole;
}

static void warn_keep(struct bind *b, const struct policy *p, const struct ynode *root)
{
    const struct ynode *keep = tree_get(tree_get(root, "capacity"), "keep"), *units = tree_get(keep, "units");
    const struct ynode *on = tree_get(tree_get(keep, "for"), "channel");
    uint32_t most = 0, i = 0;
    for (uint32_t k = 0; k < p->agent_count; k++)
        if (p->agents[k].capacity > most) most = p->agents[k].capacity;
    if (units && p->agent_count && p->capacity.keep_units >= most)
        bind_warn(b, units, "leaves nothing for other tickets: no agent of this file has more than %u units; lower it below %u",
                  most, most);
    for (const struct ynode *c = on ? bind_first(on) : NULL; c && p->account_count; c = c == on ? NULL : c->next, i++) {
        int channel = policy_channel(p, c->text);
        if (channel >= 0 && !cost_node(p, (uint32_t)channel, root))
            bind_warn(b, c, "keeps units for nothing: no account is on the channel \"%s\"; add one, or take it out", c->text.p);
    }
}

/* ---- maxima that are never reached ---- */

static void warn_channel_max(struct bind *b, const struct channel *c, const struct ynode *root)
{
    const struct ynode *max = tree_get(tree_get(tree_get(root, "channels"), c->name), "max");
    if (max && c->max > 1 && c->exclusive)
        bind_warn(b, max, "is never reached: with \"exclusive: %s\" an agent has one at most; leave it out, or write exclusive: no",
                  exclusive_words.v[c->exclusive]);
}

static void warn_own(struct bind *b, const struct policy *p, const struct agent_spec *a, const struct ynode *n)
{
    const struct ynode *max = tree_get(n, "max"), *cost = tree_get(n, "cost");
    for (uint32_t i = 0; i < a->cost_count; i++) {
        const struct ynode *at = tree_get(cost, p->channels[a->cost[i].channel].name);
        if (at && a->cost[i].max > a->capacity)
            bind_warn(b, at, "is more than their %u units, so they never get one: lower it, or say so with max: { %s: 0 }",
                      a->capacity, at->key.p);
    }
    for (uint32_t i = 0; i < a->max_count; i++) {
        const struct channel *c = &p->channels[a->max[i].channel];
        const struct ynode *at = tree_get(max, c->name);
        uint32_t units = cost_for(a, p, a->max[i].channel), fits = units ? a->capacity / units : 0;
        if (!at || a->max[i].max <= 1) continue;
        if (c->exclusive)
            bind_warn(b, at, "is never reached: %s is \"exclusive: %s\", so they have one at most; write 1", c->name,
                      exclusive_words.v[c->exclusive]);
        else if (fits && a->max[i].max > fits)
            bind_warn(b, at, "is never reached: at %u units each, their %u hold %u; raise their capacity, or write %u", units,
                      a->capacity, fits, fits);
    }
}

/* Somebody for whom every ticket is too dear. */
static void warn_idle(struct bind *b, const struct policy *p, const struct agent_spec *a, const struct ynode *n)
{
    uint32_t least = UINT32_MAX;
    for (uint32_t i = 0; i < p->account_count; i++) {
        uint32_t channel = p->accounts[i].channel, units = cost_for(a, p, channel);
        if (own(a->max, a->max_count, channel, 1) && units < least) least = units;
    }
    if (p->account_count && least == UINT32_MAX)
        findings_key(b->f, F_WARN, n, "may take nothing: their maximum is 0 on each channel that an account is on; raise one");
    else if (p->account_count && least > a->capacity)
        findings_key(b->f, F_WARN, n,
                     "can take nothing: the cheapest ticket costs %u units, and they have %u; raise their capacity", least,
                     a->capacity);
}

void warn_capacity(struct bind *b, const struct draft *d, const struct ynode *root)
{
    const struct policy *p = &d->p;
    const struct ynode *agents = tree_get(root, "agents");
    uint32_t i = 0;
    bool borne = false;
    warn_keep(b, p, root);
    for (uint32_t c = 0; c < p->channel_count; c++) {
        const struct ynode *at = cost_node(p, c, root);
        warn_channel_max(b, &p->channels[c], root);
        if (at && p->agent_count) borne |= warn_borne(b, p, c, at);
        else if (at && p->channels[c].cost > USUAL_CAPACITY)
            bind_warn(b, at,
                      "a ticket on %s costs %u units; an agent has %u when nothing else is said: lower it, or give agents more",
                      p->channels[c].name, p->channels[c].cost, USUAL_CAPACITY);
    }
    for (const struct ynode *n = agents ? agents->first : NULL; n && i < p->agent_count; n = n->next, i++) {
        warn_own(b, p, &p->agents[i], n);
        if (borne) warn_idle(b, p, &p->agents[i], n); /* else it was said of the channels */
    }
}
