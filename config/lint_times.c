/* Numbers beside numbers: what a ticket costs beside what agents have, how long something takes beside how long it may.

   A channel that costs more than any agent of the file can give (their own `cost` in its place, and what `capacity.keep` holds back
   counted) would wait for ever, so it is refused. Where the file has no agents only the usual capacity is known, and it is a
   warning. Times are compared with the tightest answer target of the queue, the slowest offer that can happen in it, or the target
   that the time is about; what runs by opening hours is not compared with what runs round the clock. */
#include "config/lint.h"

#include <stdio.h>

#define USUAL_CAPACITY 100u

/* ---- capacity ---- */

struct bearing {                /* the best that any agent can do for one channel */
    uint32_t cost, units, free; /* cost for them; units that they have; … and without those kept for others */
    bool whole, spare;          /* somebody can bear it with all their units; with those that nothing is kept of */
};

static uint32_t cost_for(const struct agent_spec *a, const struct policy *p, uint32_t channel)
{
    for (uint32_t i = 0; i < a->cost_count; i++)
        if (a->cost[i].channel == channel) return a->cost[i].max;
    return p->channels[channel].cost;
}

static struct bearing bearing_of(const struct policy *p, uint32_t channel)
{
    struct bearing best = { .cost = p->channels[channel].cost };
    for (uint32_t i = 0; i < p->agent_count; i++) {
        const struct agent_spec *a = &p->agents[i];
        uint32_t cost = cost_for(a, p, channel), kept = p->capacity.keep_units < a->capacity ? p->capacity.keep_units : a->capacity;
        best.whole |= cost <= a->capacity;
        best.spare |= cost <= a->capacity - kept;
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

static void check_borne(struct bind *b, const struct policy *p, uint32_t channel, const struct ynode *at)
{
    const struct capacity_rules *c = &p->capacity;
    const char *name = p->channels[channel].name;
    struct bearing best = bearing_of(p, channel);
    bool favoured = c->keep_channels >> channel & 1;
    if (!best.whole)
        bind_error(b, at, "a ticket on %s costs %u units, and no agent has more than %u: nobody could ever take it", name,
                   best.cost, best.units);
    else if (!best.spare && !favoured && c->keep_urgency < 0)
        bind_error(b, at,
                   "a ticket on %s costs %u units, and capacity.keep leaves nobody more than %u for it: nobody could ever take it",
                   name, best.cost, best.free);
    else if (!best.spare && !favoured)
        bind_warn(b, at,
                  "a ticket on %s costs %u units, and capacity.keep leaves nobody more than %u: only what is %s can be taken", name,
                  best.cost, best.free,
                  c->keep_urgency == URG_CRITICAL ? "critical"
                  : c->keep_urgency == URG_HIGH   ? "high or more"
                                                  : "normal or more");
}

static void check_keep(struct bind *b, const struct policy *p, const struct ynode *root)
{
    const struct ynode *units = tree_get(tree_get(tree_get(root, "capacity"), "keep"), "units");
    uint32_t most = 0;
    for (uint32_t i = 0; i < p->agent_count; i++)
        if (p->agents[i].capacity > most) most = p->agents[i].capacity;
    if (units && p->agent_count && p->capacity.keep_units >= most)
        bind_error(b, units, "leaves nothing for other tickets: no agent has more than %u units", most);
}

void check_capacity(struct bind *b, const struct draft *d, const struct ynode *root)
{
    const struct policy *p = &d->p;
    check_keep(b, p, root);
    for (uint32_t c = 0; c < p->channel_count; c++) {
        const struct ynode *at = cost_node(p, c, root);
        if (!at) continue;
        if (p->agent_count) check_borne(b, p, c, at);
        else if (p->channels[c].cost > USUAL_CAPACITY)
            bind_warn(b, at, "a ticket on %s costs %u units; an agent has %u when nothing else is said", p->channels[c].name,
                      p->channels[c].cost, USUAL_CAPACITY);
    }
}

/* ---- times ---- */

static bool has_word(const struct words_list *l, const char *word)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (!strcmp(l->v[i], word)) return true;
    return false;
}

/* The slowest channel by which tickets may come to `q`: one that an account uses, and that `takes` does not leave out. */
static const struct channel *slowest_channel(const struct policy *p, const struct queue *q)
{
    const struct channel *slowest = NULL;
    for (uint32_t i = 0; i < p->account_count; i++) {
        const struct channel *c = &p->channels[p->accounts[i].channel];
        if (q->takes.channel.count && !has_word(&q->takes.channel, c->name)) continue;
        if (q->takes.account.count && !has_word(&q->takes.account, p->accounts[i].name)) continue;
        if (!c->auto_accept && (!slowest || c->offer_ms > slowest->offer_ms)) slowest = c;
    }
    return slowest;
}

struct times { /* of one queue */
    struct bind *b;
    const struct policy *p;
    const struct queue *q;
    const struct ynode *n;
    uint32_t tightest, slowest; /* answer targets */
    const struct channel *offer;
};

static struct times times_of(struct bind *b, const struct policy *p, const struct queue *q, const struct ynode *n)
{
    struct times t = { b, p, q, n, UINT32_MAX, 0, slowest_channel(p, q) };
    for (unsigned u = 0; u < URG_COUNT; u++) {
        uint32_t ms = q->answer.within_ms[u];
        if (ms < t.tightest) t.tightest = ms;
        if (ms > t.slowest) t.slowest = ms;
    }
    return t;
}

static void warn_offer(const struct times *t)
{
    const struct ynode *answer = tree_get(tree_get(t->n, "sla"), "answer");
    char stands[32], target[32];
    if (!t->offer || t->offer->offer_ms <= t->tightest) return;
    findings_key(t->b->f, F_WARN, answer ? answer : t->n,
                 "one offer on %s stands %s, longer than the tightest answer target here (%s)", t->offer->name,
                 ms_text(t->offer->offer_ms, stands), ms_text(t->tightest, target));
}

/* A ticket waits so long for one agent alone. */
static void warn_wait(const struct times *t, uint32_t ms, const struct ynode *at)
{
    char text[32];
    if (!at || !ms) return;
    if (ms > t->tightest)
        bind_warn(t->b, at,
                  "is longer than the tightest answer target here (%s): such a ticket is late before anybody else is asked",
                  ms_text(t->tightest, text));
    else if (t->offer && ms < t->offer->offer_ms)
        bind_warn(t->b, at, "is shorter than one offer on %s (%s): others are asked while that agent still may answer",
                  t->offer->name, ms_text(t->offer->offer_ms, text));
}

static void warn_gates(const struct times *t)
{
    const struct ynode *list = tree_get(t->n, "gate");
    char text[32];
    for (uint32_t i = 0; i < t->q->gate_count; i++) {
        const struct ynode *age = tree_get(tree_item(list, i), "age");
        if (age && t->q->gates[i].age_ms != UINT32_MAX && t->q->gates[i].age_ms > t->slowest)
            bind_warn(t->b, age, "is longer than the slowest answer target here (%s): help comes when all are late",
                      ms_text(t->slowest, text));
    }
}

static void warn_caps(const struct times *t)
{
    const struct ynode *cap = tree_get(t->n, "age-cap"), *back = tree_get(tree_get(t->n, "offers"), "back-off");
    char text[32];
    if (cap && t->q->age_cap.ms && t->q->age_cap.ms < t->slowest)
        bind_warn(t->b, cap,
                  "is shorter than the slowest answer target here (%s): such a ticket goes before everybody while it is in time",
                  ms_text(t->slowest, text));
    if (back && t->q->offers.back_off_ms > t->slowest)
        bind_warn(t->b, back, "is longer than the slowest answer target here (%s)", ms_text(t->slowest, text));
}

static void warn_targets(const struct times *t)
{
    const struct sla *answer = &t->q->answer, *resolve = &t->q->resolve;
    const struct ynode *at = tree_get(tree_get(tree_get(t->n, "sla"), "resolve"), "within");
    char target[32], hold[32];
    if (!resolve->given || !at) return;
    for (unsigned u = URG_COUNT; u-- > 0;) {
        if (resolve->hours != answer->hours || resolve->within_ms[u] >= answer->within_ms[u]) continue;
        bind_warn(t->b, at, "%s is to be resolved within %s, sooner than it is to be answered", urgency_words.v[u],
                  ms_text(resolve->within_ms[u], target));
        return;
    }
    for (unsigned u = 0; u < URG_COUNT; u++) {
        if (resolve->within_ms[u] <= t->p->presence.hold_ms) continue;
        bind_warn(t->b, at, "%s has %s, but a ticket held longer than %s waits again: raise presence.hold", urgency_words.v[u],
                  ms_text(resolve->within_ms[u], target), ms_text(t->p->presence.hold_ms, hold));
        return;
    }
}

static void warn_bots(struct bind *b, const struct policy *p, const struct ynode *root)
{
    char text[32];
    for (uint32_t i = 0; i < p->agent_count; i++) {
        const struct agent_spec *a = &p->agents[i];
        const struct ynode *n = tree_get(tree_get(tree_get(root, "agents"), a->name), "bot"), *at = tree_get(n, "within");
        for (uint32_t k = 0; a->bot_rules.webhook && n && k < p->account_count; k++) {
            const struct channel *c = &p->channels[p->accounts[k].channel];
            if (a->bot_rules.within_ms <= c->offer_ms) continue;
            bind_warn(b, at ? at : n, "its webhook has longer to answer than an offer on %s stands (%s)", c->name,
                      ms_text(c->offer_ms, text));
            break;
        }
    }
}

void warn_times(struct bind *b, const struct draft *d, const struct ynode *root)
{
    for (uint32_t i = 0; i < d->p.queue_count; i++) {
        const struct queue *q = &d->p.queues[i];
        struct times t = times_of(b, &d->p, q, lint_queue(root, q));
        if (!t.n) continue;
        warn_offer(&t);
        warn_wait(&t, q->last_agent.wait_ms, tree_get(tree_get(t.n, "last-agent"), "wait"));
        warn_wait(&t, q->prefer_wait_ms, tree_get(t.n, "prefer-wait"));
        warn_gates(&t);
        warn_caps(&t);
        warn_targets(&t);
    }
    warn_bots(b, &d->p, root);
}
