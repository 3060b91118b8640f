#include "workers/simulate/play.h"

#include <math.h>
#include <stdlib.h>

/* Agents at work. Who is there, what they have in hand, how fast it gets done, and how they spent the run.

   WORK. A ticket in hand is assigned (it is worked on) or being wrapped up (its time is the policy's). Of n tickets that an agent
   works on at once each advances at speed(agent, class) * share(channel, n). While one of a channel that interrupts is in hand,
   even if only to be wrapped up, those of other channels stand still and do not count among the n. `left` is what is left of a
   ticket's work at h->worked; whenever what they have changes (hand_again), it is brought up to the instant before the change,
   and each `done` is worked out anew, rounded to the millisecond. The least of them stands in play.done.

   PRESENCE is what the core says in its entries: `available` follows them. An agent whose duty ends leaves by draining, and is
   offline once nothing is in hand. One who is away because of offers they missed is back after a minute. */

#define BACK_MS      60000u
#define SHARE_LEAST  1e-9 /* a share or speed below it is standing still */
#define COST_UNKNOWN 20u  /* units on a channel that the policy does not name, as in the core */

enum err play_hands_init(struct play *p)
{
    const struct policy *policy = p->cfg->policy;
    const struct simulate_rules *rules = p->cfg->rules;

    map_init(&p->by_name, policy->agent_count + 1);
    heap_init(&p->done, policy->agent_count);
    heap_init(&p->leaving, policy->agent_count);
    heap_init(&p->back, policy->agent_count);
    p->hand_count = policy->agent_count;
    if (!(p->hands = calloc(p->hand_count + 1, sizeof *p->hands))) return ERR_NOMEM;
    for (uint32_t i = 0; i < p->hand_count; i++) {
        const struct agent_spec *spec = &policy->agents[i];
        p->hands[i] = (struct hand){ .name = str_of(spec->name),
                                     .index = i,
                                     .spec = spec,
                                     .off = NEVER,
                                     .use = { .agent = spec->name, .capacity = spec->capacity } };
        p->hands[i].done.tie = p->hands[i].leaving.tie = p->hands[i].back.tie = i;
        enum err e = map_put(&p->by_name, p->hands[i].name, &p->hands[i]);
        if (e) return e;
    }
    for (uint32_t i = 0; i < rules->agent_count; i++)
        if (rules->agents[i].agent >= 0) p->hands[rules->agents[i].agent].rules = &rules->agents[i];
    return ERR_OK;
}

void play_hands_fini(struct play *p)
{
    map_fini(&p->by_name);
    heap_fini(&p->done);
    heap_fini(&p->leaving);
    heap_fini(&p->back);
    free(p->hands);
}

struct hand *hand_of(const struct play *p, struct str name) { return map_get(&p->by_name, name); }

/* ---- how the time is spent ---- */

/* Of the wall's time from `from` to `to`, how much their shift is open. */
static uint64_t on_shift(const struct hours *s, uint64_t from, uint64_t to)
{
    uint64_t sum = 0, next;

    if (!s) return to - from;
    while (from < to) {
        bool open = hours_open(s, from, &next);
        if (!next || next > to) next = to;
        if (open) sum += next - from;
        from = next;
    }
    return sum;
}

void hand_tally(struct play *p, struct hand *h, uint64_t to)
{
    uint64_t from = h->tallied > p->cfg->use_from ? h->tallied : p->cfg->use_from;
    uint64_t until = p->cfg->use_to && to > p->cfg->use_to ? p->cfg->use_to : to;

    if (to > h->tallied) h->tallied = to;
    if (until <= from || (!h->available && !h->count)) return;
    if (!h->count) {
        const struct hours *shift = h->spec->shift >= 0 ? &p->laid->hours[h->spec->shift] : NULL;
        h->use.online_ms += on_shift(shift, p->begin + from, p->begin + until);
        return;
    }
    h->use.online_ms += until - from;
    h->use.busy_ms += until - from;
    h->use.unit_ms += (until - from) * h->units;
}

/* ---- work ---- */

double hand_match(const struct hand *h, uint32_t class) { return h->rules ? sim_number_of(&h->rules->match, class, NAN) : NAN; }

static double share(const struct sim_parallel *s, uint32_t n)
{
    if (s && s->count) return s->v[(n < s->count ? n : s->count) - 1];
    return 1.0 / n;
}

struct load { /* of what an agent has in hand */
    bool interrupted;
    uint32_t n; /* at work */
};

static struct load load_of(const struct play *p, const struct hand *h)
{
    struct load l = { false, 0 };

    for (const struct customer *c = h->has; c; c = c->hand_next) l.interrupted |= p->kinds[c->class].interrupts;
    for (const struct customer *c = h->has; c; c = c->hand_next)
        l.n += c->state == TK_ASSIGNED && (!l.interrupted || p->kinds[c->class].interrupts);
    return l;
}

/* Of its work, per millisecond; 0: it stands still. */
static double rate(const struct play *p, const struct hand *h, const struct load *l, const struct customer *c)
{
    const struct kind *k = &p->kinds[c->class];
    double speed;

    if (c->state != TK_ASSIGNED || (l->interrupted && !k->interrupts)) return 0;
    speed = (h->rules ? sim_number_of(&h->rules->speed, c->class, 1) : 1) * share(k->parallel, l->n);
    return speed < SHARE_LEAST ? 0 : speed;
}

/* What they have is as it was until now. */
static void work(struct play *p, struct hand *h)
{
    struct load l = load_of(p, h);

    if (p->now > h->worked)
        for (struct customer *c = h->has; c; c = c->hand_next) {
            c->left -= rate(p, h, &l, c) * (double)(p->now - h->worked);
            if (c->left < 0) c->left = 0;
        }
    h->worked = p->now;
}

static void expect(struct play *p, struct hand *h)
{
    struct load l = load_of(p, h);
    uint64_t first = NEVER;

    for (struct customer *c = h->has; c; c = c->hand_next) {
        double r = rate(p, h, &l, c), takes = r > 0 ? c->left / r : INFINITY;
        c->done = takes < (double)SIM_TIME_MAX * 100 ? p->now + (uint64_t)llround(takes) : NEVER;
        if (c->done < first) first = c->done;
    }
    if (heap_has(&h->done)) heap_remove(&p->done, &h->done);
    if (first == NEVER) return;
    h->done.key = (int64_t)first;
    if (heap_push(&p->done, &h->done)) play_fail(p, ERR_NOMEM, "out of memory");
}

static uint32_t units_of(const struct play *p, const struct hand *h, const struct customer *c)
{
    const struct kind *k = &p->kinds[c->class];

    for (uint32_t i = 0; k->rules && i < h->spec->cost_count; i++)
        if (h->spec->cost[i].channel == k->channel_index) return h->spec->cost[i].max;
    return k->rules ? k->rules->cost : COST_UNKNOWN;
}

void hand_takes(struct play *p, struct hand *h, struct customer *c)
{
    struct customer **at = &h->has;

    hand_tally(p, h, p->now);
    work(p, h);
    while (*at) at = &(*at)->hand_next;
    *at = c;
    c->hand_next = NULL;
    c->hand = c->served_by = h;
    h->count++;
    h->units += units_of(p, h, c);
    expect(p, h);
}

void hand_lets_go(struct play *p, struct customer *c)
{
    struct hand *h = c->hand;
    struct customer **at;

    if (!h) return;
    hand_tally(p, h, p->now);
    work(p, h);
    for (at = &h->has; *at != c; at = &(*at)->hand_next) continue;
    *at = c->hand_next;
    c->hand = NULL;
    c->hand_next = NULL;
    h->count--;
    h->units -= units_of(p, h, c);
    expect(p, h);
}

void hand_wraps_up(struct play *p, struct customer *c)
{
    work(p, c->hand);
    c->state = TK_WRAPUP;
    expect(p, c->hand);
}

struct customer *hand_done(struct hand *h)
{
    struct customer *first = h->has;

    for (struct customer *c = h->has; c; c = c->hand_next)
        if (c->done < first->done) first = c;
    return first;
}

/* ---- coming and going ---- */

static void say(struct play *p, const struct hand *h, enum presence presence, struct str reason)
{
    play_act(p, &(struct act){ .kind = ACT_PRESENCE, .agent = h->name, .presence = presence, .reason = reason });
}

void hand_presence(struct play *p, struct hand *h, struct str words)
{
    bool missed = str_is(words, "away:missed");

    hand_tally(p, h, p->now);
    h->available = str_is(words, "available");
    if (missed == heap_has(&h->back)) return;
    if (!missed) {
        heap_remove(&p->back, &h->back);
        return;
    }
    h->back.key = (int64_t)(p->now + BACK_MS);
    if (heap_push(&p->back, &h->back)) play_fail(p, ERR_NOMEM, "out of memory");
}

void hand_comes(struct play *p, struct hand *h, uint64_t until)
{
    h->off = until;
    if (heap_has(&h->leaving)) heap_remove(&p->leaving, &h->leaving);
    if (until != NEVER) {
        h->leaving.key = (int64_t)until;
        if (heap_push(&p->leaving, &h->leaving)) play_fail(p, ERR_NOMEM, "out of memory");
    }
    if (h->available) return; /* one duty follows the other */
    play_act(p, &(struct act){ .kind = ACT_CONNECT, .agent = h->name });
    say(p, h, PRES_AVAILABLE, STR_NONE);
}

void hand_leaves(struct play *p, struct hand *h)
{
    heap_remove(&p->leaving, &h->leaving);
    say(p, h, PRES_AWAY, STR("draining"));
}

void hand_is_back(struct play *p, struct hand *h)
{
    heap_remove(&p->back, &h->back);
    say(p, h, PRES_AVAILABLE, STR_NONE);
}
