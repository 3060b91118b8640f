#include "base/clock.h"
#include "workers/assign/core.h"
#include "world.h"

/* Random worlds with every clause a policy has, held to three things after each turn:

     nobody idle   no ticket waits that an agent could be offered. This is found out here from the policy and from plain facts
                   (who is there, who has what), not with the functions that the matcher uses.
     capped first  who has waited as long as the cap allows is passed over for nobody whose cap comes later, by no agent who could
                   have had them instead: so the wait beyond the cap is bounded by those whose cap came before
     no spin       the next deadline lies ahead
     restart       a workspace that is made again from what was written is the one that lived, in everything that decides what is
                   offered to whom. Policies are swapped meanwhile for others in which queues, channels, groups, hours and agents
                   stand in another order, and some are missing: what was carried over must be what is read back.

     NARU_WORLD_SECONDS=600   goes on for so long (processor time; else 4)
     NARU_SEED=7              one world, this one */

#define STEPS    3000
#define POLICIES 4
#define QUEUES   5
#define AGENTS   7
#define CHANNELS 4
#define GROUPS   5
#define HOURS    3
#define SOME     16 /* more than of anything above */

static const char *const agent_names[AGENTS] = { "ann", "ben", "cho", "dan", "eve", "fay", "bot" };
static const char *const channel_names[CHANNELS] = { "webchat", "sms", "voice", "email" };
static const char *const account_names[CHANNELS] = { "web", "text", "phone", "mail" };

struct run {
    struct world w;
    struct policy *policies[POLICIES];
    struct rng rng;
    uint64_t seed, step;
    struct {
        struct id ticket;
        char agent[16];
    } offered[256]; /* in this turn */
    uint32_t offered_count;
};

#define broken(r, ...)                                                                                                             \
    do {                                                                                                                           \
        print_message("seed=%llu step=%llu: ", (unsigned long long)(r)->seed, (unsigned long long)(r)->step);                      \
        fail_msg(__VA_ARGS__);                                                                                                     \
    } while (0)

/* ---- policies ---- */

static uint64_t draw(struct run *r, uint64_t n) { return rng_below(&r->rng, n); }

/* Out of each `n`, in a new order, the first *count; at least `least` of them. */
static void shuffle(struct run *r, uint32_t n, uint32_t least, uint32_t v[SOME], uint32_t *count)
{
    for (uint32_t i = 0; i < n; i++) v[i] = i;
    for (uint32_t i = n; i > 1; i--) {
        uint32_t k = (uint32_t)draw(r, i), t = v[i - 1];
        v[i - 1] = v[k], v[k] = t;
    }
    *count = draw(r, 2) ? n : least + (uint32_t)draw(r, n - least + 1);
}

#define put(b, ...)                                                                                                                \
    do {                                                                                                                           \
        char line_[300];                                                                                                           \
        snprintf(line_, sizeof line_, __VA_ARGS__);                                                                                \
        buf_addz(b, line_);                                                                                                        \
    } while (0)

static void put_hours(struct run *r, struct buf *b)
{
    uint32_t v[SOME], n;

    shuffle(r, HOURS, HOURS, v, &n);
    buf_addz(b, "hours:\n");
    for (uint32_t i = 0; i < n; i++) {
        unsigned from = 15 * 60 + (unsigned)draw(r, 30), to = from + 2 + (unsigned)draw(r, 40);
        put(b, "  h%u: { timezone: UTC, open: { mon-sun: \"%02u:%02u-%02u:%02u\" } }\n", v[i], from / 60, from % 60, to / 60,
            to % 60);
    }
}

static uint32_t put_channels(struct run *r, struct buf *b, uint32_t v[SOME])
{
    static const char *const alone[] = { "", "", ", exclusive: alone", ", exclusive: interrupts" };
    uint32_t n;

    shuffle(r, CHANNELS, 2, v, &n);
    buf_addz(b, "channels:\n");
    for (uint32_t i = 0; i < n; i++)
        put(b, "  %s: { cost: %u, offer: %us, max: %u, wrapup: %us%s%s%s }\n", channel_names[v[i]], 10 * (1 + (unsigned)draw(r, 5)),
            3 + (unsigned)draw(r, 6), 1 + (unsigned)draw(r, 4), (unsigned)draw(r, 4), alone[v[i] == 2 ? draw(r, 4) : 0],
            draw(r, 6) ? "" : ", auto-accept: yes", draw(r, 4) ? "" : ", connect: 4s");
    buf_addz(b, "accounts:\n");
    for (uint32_t i = 0; i < n; i++) put(b, "  %s: { channel: %s }\n", account_names[v[i]], channel_names[v[i]]);
    return n;
}

/* A queue moves only to those with a higher number, so there is no ring. UINT32_MAX: there is none. */
static uint32_t later(struct run *r, const uint32_t *v, uint32_t n, uint32_t q)
{
    uint32_t k = v[draw(r, n)];

    return k > q ? k : UINT32_MAX;
}

static void put_timeline(struct run *r, struct buf *b, const uint32_t *v, uint32_t n, uint32_t q)
{
    uint32_t to = later(r, v, n, q);

    buf_addz(b, "    timeline:\n      - { after: 45s, since: assigned, update: soon }\n");
    if (draw(r, 2)) put(b, "      - { after: %us, needs: { x: 1 } }\n", 2 + (unsigned)draw(r, 20));
    if (draw(r, 2)) put(b, "      - { after: %us, since: step, drop: [y] }\n", 2 + (unsigned)draw(r, 20));
    if (draw(r, 2)) put(b, "      - { after: %us, add: [g%u] }\n", 2 + (unsigned)draw(r, 30), (unsigned)draw(r, GROUPS));
    if (draw(r, 2)) put(b, "      - { after: %u%%, raise: 1 }\n", 50 + (unsigned)draw(r, 200));
    if (draw(r, 2)) put(b, "      - { after: %us, offer: %u }\n", 2 + (unsigned)draw(r, 20), 2 + (unsigned)draw(r, 3));
    if (draw(r, 3) == 0) put(b, "      - { after: 20s, since: last-reply, raise: -1, narrow: yes }\n");
    if (draw(r, 4) == 0) put(b, "      - { after: 30s, since: assigned, park: yes }\n");
    if (to != UINT32_MAX) put(b, "      - { after: %us, move: q%u }\n", 20 + (unsigned)draw(r, 40), to);
    else if (draw(r, 3) == 0) buf_addz(b, "      - { after: 1m, callback: 20s }\n");
}

static void put_overflow(struct run *r, struct buf *b, const uint32_t *v, uint32_t n, uint32_t q)
{
    uint32_t to = later(r, v, n, q);

    if (!draw(r, 2)) return;
    buf_addz(b, "    overflow:\n      - { when: { waiting: \">4\" }, deflect: page }\n");
    if (draw(r, 3) == 0) put(b, "      - { when: { closed: h%u }, callback: next-open }\n", (unsigned)draw(r, HOURS));
    if (to == UINT32_MAX) return;
    put(b, "      - { when: { age: %us }, move: q%u }\n", 10 + (unsigned)draw(r, 40), to);
    put(b, "      - { when: { waiting: \">%u\", staffed: none }, move: q%u }\n", 1 + (unsigned)draw(r, 4), to);
}

static void put_gates(struct run *r, struct buf *b)
{
    uint32_t v[SOME], n;

    shuffle(r, GROUPS, 1, v, &n);
    if (n > 2) n = 2;
    buf_addz(b, "    gate:\n");
    for (uint32_t i = 0; i < n; i++) {
        unsigned k = (unsigned)draw(r, 4);
        put(b, "      - { group: g%u", v[i]);
        if (k != 1) put(b, ", waiting: \">%u\"", (unsigned)draw(r, 4));
        if (k == 1 || k == 2) put(b, ", age: %us", 5 + (unsigned)draw(r, 30));
        if (draw(r, 2)) put(b, ", reserve: %u", 1 + (unsigned)draw(r, 2));
        buf_addz(b, " }\n");
    }
}

static void put_queue(struct run *r, struct buf *b, const uint32_t *v, uint32_t n, uint32_t q, bool is_default)
{
    static const char *const orders[] = { "slack", "fifo", "priority", "weights" };
    static const char *const chooses[] = { "longest-idle", "least-loaded, longest-idle", "best-skill, spare-skill",
                                           "preferred, last-agent, longest-idle" };

    put(b, "  q%u:\n    takes: ", q);
    if (is_default) buf_addz(b, "default\n");
    else put(b, "{ tag: [t%u] }\n", q);
    put(b, "    sla: { answer: { within: %us%s } }\n", 10 + (unsigned)draw(r, 60), draw(r, 4) ? "" : ", hours: h1");
    put(b, "    order: %s\n    choose: [%s]\n", orders[draw(r, 4)], chooses[draw(r, 4)]);
    put(b, "    offers: { at-once: %u, back-off: %us, most: %u }\n", 1 + (unsigned)draw(r, 3), 1 + (unsigned)draw(r, 10),
        (unsigned)draw(r, 4));
    if (draw(r, 3) == 0) put(b, "    needs: { x: %u }\n", 1 + (unsigned)draw(r, 3));
    if (draw(r, 3) == 0) put(b, "    last-agent: { within: 1h, wait: 5s, skip: [skills, keep] }\n    prefer-wait: 4s\n");
    if (draw(r, 5) == 0) buf_addz(b, "    bots: never\n");
    if (draw(r, 4) == 0) buf_addz(b, "    swap: new\n");
    if (draw(r, 2)) put(b, "    groups: [g%u, g%u]\n", (unsigned)draw(r, GROUPS), (unsigned)draw(r, GROUPS));
    if (draw(r, 2)) put_gates(r, b);
    if (draw(r, 2)) put_timeline(r, b, v, n, q);
    put_overflow(r, b, v, n, q);
}

static void put_agents(struct run *r, struct buf *b, const uint32_t *channels, uint32_t channel_count)
{
    uint32_t v[SOME], n;

    shuffle(r, AGENTS, 4, v, &n);
    buf_addz(b, "agents:\n");
    for (uint32_t i = 0; i < n; i++) {
        uint32_t c = channels[draw(r, channel_count)];
        put(b, "  %s: { skills: { x: %u, y: %u }, groups: [g%u, g%u], capacity: %u", agent_names[v[i]], 1 + (unsigned)draw(r, 3),
            1 + (unsigned)draw(r, 3), (unsigned)draw(r, GROUPS), (unsigned)draw(r, GROUPS), 50 + (unsigned)draw(r, 10) * 10);
        if (v[i] == AGENTS - 1) put(b, ", kind: bot, bot: { after: 30s }");
        if (draw(r, 3) == 0) put(b, ", max: { %s: %u }", channel_names[c], 1 + (unsigned)draw(r, 3));
        if (draw(r, 3) == 0) put(b, ", cost: { %s: %u }", channel_names[c], 5 + (unsigned)draw(r, 30));
        if (draw(r, 4) == 0) put(b, ", shift: h%u", (unsigned)draw(r, HOURS));
        if (draw(r, 4) == 0) put(b, ", daily: %u", 3 + (unsigned)draw(r, 20));
        buf_addz(b, " }\n");
    }
}

static void put_capacity(struct run *r, struct buf *b, const uint32_t *channels, uint32_t n)
{
    put(b, "capacity:\n  parked: %u%%\n  wake-wait: 5s\n", (unsigned)draw(r, 3) * 25);
    if (draw(r, 2)) put(b, "  keep: { units: 20, for: { urgency: high, channel: [%s] } }\n", channel_names[channels[draw(r, n)]]);
    if (draw(r, 3) == 0) put(b, "  ramp: { per-minute: %u, for: 2m }\n", 1 + (unsigned)draw(r, 4));
    if (draw(r, 3) == 0) put(b, "  daily: %u\n", 10 + (unsigned)draw(r, 20));
}

/* NULL: what was drawn is refused. */
static struct policy *load(const char *yaml)
{
    struct policy *p = NULL;
    struct findings f;
    struct buf text;

    findings_init(&f);
    buf_init(&text, 65536);
    if (policy_load(&p, str_of(yaml), "drawn.yaml", WORLD_START, &f) && getenv("NARU_SHOW")) {
        findings_text(&f, "drawn.yaml", &text);
        print_message("%s\n%s\n", yaml, buf_cstr(&text));
    }
    buf_fini(&text);
    findings_fini(&f);
    return p;
}

static struct policy *draw_policy(struct run *r)
{
    uint32_t queues[SOME], n, channels[SOME], channel_count;
    struct policy *p = NULL;
    struct buf b;

    buf_init(&b, 65536);
    for (int tries = 0; !p && tries < 100; tries++) {
        buf_clear(&b);
        buf_addz(&b, "naru: 1\nworkspace: w\npresence: { lease: 30s, leave: 2s, grace: 10s, misses: 4, hold: 5m }\n");
        put_hours(r, &b);
        channel_count = put_channels(r, &b, channels);
        put_capacity(r, &b, channels, channel_count);
        shuffle(r, QUEUES, 2, queues, &n);
        buf_addz(&b, "queues:\n");
        for (uint32_t i = 0, usual = (uint32_t)draw(r, n); i < n; i++) put_queue(r, &b, queues, n, queues[i], i == usual);
        put_agents(r, &b, channels, channel_count);
        p = load(buf_cstr(&b));
    }
    buf_fini(&b);
    assert_non_null(p);
    return p;
}

/* ---- nobody idle ----
   Facts: tickets' states, needs, holds and back-offs, agents' presence and holds. All else is from the policy. */

static const struct agent_spec *spec_of(const struct workspace *ws, const struct agent *a)
{
    for (uint32_t i = 0; i < ws->policy->agent_count; i++)
        if (str_is(a->name, ws->policy->agents[i].name)) return &ws->policy->agents[i];
    return NULL;
}

static bool is_there(const struct workspace *ws, const struct agent *a, const struct agent_spec *s)
{
    return s && a->presence == PRES_AVAILABLE && !a->leaving &&
           (s->shift < 0 || hours_open(&ws->policy->hours[s->shift], ws->now, NULL));
}

/* Their day is over, or the minute of their ramp is full, or they have their share: the last two as they are kept. */
static bool is_barred(const struct workspace *ws, const struct agent *a, const struct agent_spec *s, const struct hold *but)
{
    uint32_t most = s->daily != UINT32_MAX ? s->daily : ws->policy->capacity.daily ? ws->policy->capacity.daily : UINT32_MAX;
    uint32_t n = policy_day(ws->policy, ws->now, NULL) == a->day ? a->taken : 0;

    for (const struct hold *h = a->holds; h; h = h->agent_next) n += h != but && h->kind == HOLD_OFFER;
    return n >= most || a->barred == BAR_RAMP;
}

static uint32_t units_of(const struct agent *a)
{
    uint32_t n = 0;

    for (const struct hold *h = a->holds; h; h = h->agent_next) n += h->units;
    return n;
}

static const struct channel *channel_of(const struct workspace *ws, const struct ticket *t)
{
    static const struct channel other = { .name = "other", .cost = 20 };
    int c = policy_channel(ws->policy, ticket_text(t, TEXT_CHANNEL));

    return c < 0 ? &other : &ws->policy->channels[c];
}

static uint32_t by_channel(const struct channel_max *v, uint32_t n, int channel, uint32_t usual)
{
    while (n)
        if ((int)v[--n].channel == channel) return v[n].max;
    return usual;
}

static bool favoured(const struct workspace *ws, const struct ticket *t)
{
    const struct capacity_rules *c = &ws->policy->capacity;
    int channel = policy_channel(ws->policy, ticket_text(t, TEXT_CHANNEL));

    return (c->keep_urgency >= 0 && (int)t->urgency >= c->keep_urgency) || (channel >= 0 && (c->keep_channels >> channel & 1));
}

static bool has_room(const struct workspace *ws, const struct agent *a, const struct agent_spec *s, const struct ticket *t,
                     bool keep_too, const struct hold *but)
{
    const struct channel *c = channel_of(ws, t);
    int number = policy_channel(ws->policy, ticket_text(t, TEXT_CHANNEL));
    uint32_t used = units_of(a) - (but ? but->units : 0) + by_channel(s->cost, s->cost_count, number, c->cost), same = 0, hand = 0,
             alone = 0;

    for (const struct hold *h = a->holds; h; h = h->agent_next) {
        if (!h->counted || h == but) continue;
        hand++;
        same += str_eq(ticket_text(h->ticket, TEXT_CHANNEL), ticket_text(t, TEXT_CHANNEL)) ||
                (number < 0 && policy_channel(ws->policy, ticket_text(h->ticket, TEXT_CHANNEL)) < 0);
        alone += channel_of(ws, h->ticket)->exclusive != EXCLUSIVE_NO;
    }
    if (alone || (hand && c->exclusive == EXCLUSIVE_ALONE)) return false;
    if (same >= by_channel(s->max, s->max_count, number, c->max ? c->max : UINT32_MAX)) return false;
    return used + (keep_too || favoured(ws, t) ? 0 : ws->policy->capacity.keep_units) <= s->capacity;
}

static bool is_held_back(const struct workspace *ws, const struct ticket *t, const struct agent *a)
{
    for (uint32_t i = 0; i < t->backoff_count; i++)
        if (t->backoff[i].agent == a->index && t->backoff[i].until > ws->now) return true;
    return false;
}

static bool has_skills(const struct workspace *ws, const struct agent_spec *s, const struct ticket *t)
{
    for (uint32_t i = 0; i < t->needs->count; i++) {
        uint32_t level = 0;
        for (uint32_t k = 0; k < s->skills.count; k++)
            if (str_is(space_skill(ws, t->needs->v[i].skill), s->skills.v[k].name)) level = s->skills.v[k].level;
        if (level < t->needs->v[i].level) return false;
    }
    return true;
}

/* The groups that steps taken have added, in the policy in use. */
static uint64_t added(const struct workspace *ws, const struct ticket *t)
{
    const struct policy *p = t->under ? t->under->policy : ws->policy;
    int q = policy_queue(p, str_of(queue_of(ws, t)->name));
    uint64_t out = 0;

    for (uint32_t i = 0; i < p->queues[q].timeline_count; i++)
        for (uint32_t g = 0; (t->steps >> i & 1) && g < p->group_count; g++)
            if (p->queues[q].timeline[i].add >> g & 1) {
                int at = policy_group(ws->policy, str_of(p->groups[g].name));
                if (at >= 0) out |= 1ull << at;
            }
    return out;
}

static bool gate_is_open(struct workspace *ws, uint32_t queue, const struct gate *g)
{
    uint32_t idle = 0, waiting = 0;
    uint64_t oldest = UINT64_MAX;
    struct ticket *t;

    for (size_t i = 0; (t = idmap_next(&ws->tickets, &i));) {
        if (t->state != TK_WAITING || t->queue != queue) continue;
        waiting++;
        if (t->enqueued < oldest) oldest = t->enqueued;
    }
    for (uint32_t i = 0; i < ws->roster.count; i++) {
        const struct agent *a = ws->roster.v[i];
        const struct agent_spec *s = spec_of(ws, a);
        idle += is_there(ws, a, s) && !is_barred(ws, a, s, NULL) && (s->groups >> g->group & 1) && !units_of(a);
    }
    if (g->reserve && idle <= g->reserve) return false;
    if (g->waiting_over == UINT32_MAX && g->age_ms == UINT32_MAX) return true;
    return (g->waiting_over != UINT32_MAX && waiting > g->waiting_over) ||
           (g->age_ms != UINT32_MAX && waiting && oldest + g->age_ms <= ws->now);
}

/* By the groups of the queue, those that steps added, and its gates. */
static bool is_let_in(struct workspace *ws, const struct agent_spec *s, const struct ticket *t, bool groups_too, bool gates_too)
{
    const struct queue *q = queue_of(ws, t);
    uint64_t ways = q->groups | added(ws, t), closed = 0, open = 0;

    for (uint32_t i = 0; i < q->gate_count; i++) {
        uint64_t group = 1ull << q->gates[i].group;
        if (gate_is_open(ws, t->queue, &q->gates[i])) open |= group;
        else closed |= group;
    }
    if (q->groups && !groups_too && !(s->groups & (ways | open | closed))) return false;
    if (gates_too || !(s->groups & closed)) return true;
    return s->groups & (q->groups | ((open | (q->groups ? ways : 0)) & ~closed));
}

/* `but` is counted as if they did not have it; NULL: nothing. */
static bool could_have(struct workspace *ws, struct ticket *t, struct agent *a, const struct hold *but)
{
    const struct agent_spec *s = spec_of(ws, a);
    const struct agent *only = t->only;
    unsigned skip = 0;

    if (only && (t->only_until <= ws->now || only->presence == PRES_OFFLINE || !only->known || is_held_back(ws, t, only)))
        only = NULL;
    if (only == a) skip = t->only_skip;
    if (!is_there(ws, a, s) || is_barred(ws, a, s, but) || (only && only != a) || is_held_back(ws, t, a)) return false;
    if (s->bot && (t->no_bots || queue_of(ws, t)->no_bots)) return false;
    if (!has_skills(ws, s, t) && !(skip >> SKIP_SKILLS & 1)) return false;
    return has_room(ws, a, s, t, skip >> SKIP_KEEP & 1, but) && is_let_in(ws, s, t, skip >> SKIP_GROUPS & 1, skip >> SKIP_GATE & 1);
}

/* ---- restart ---- */

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

struct lines {
    char *v[4096];
    uint32_t n;
};

static void add_line(struct lines *l, const struct buf *b)
{
    assert_true(l->n < 4096 && !b->err);
    l->v[l->n] = malloc(b->n + 1);
    copy_text(l->v[l->n++], b->n + 1, buf_str(b));
}

static void tell_needs(struct workspace *ws, struct buf *b, const char *what, const struct needs *n)
{
    char *v[NEEDS_MAX];

    put(b, " %s", what);
    for (uint32_t i = 0; i < n->count; i++) {
        struct str s = space_skill(ws, n->v[i].skill);
        v[i] = malloc(100);
        snprintf(v[i], 100, "%.*s:%u", STR_FMT(s), n->v[i].level);
    }
    qsort(v, n->count, sizeof *v, by_text);
    for (uint32_t i = 0; i < n->count; i++) {
        put(b, ",%s", v[i]);
        free(v[i]);
    }
}

static void tell_groups(const struct policy *p, struct buf *b, uint64_t groups)
{
    for (unsigned g = 0; g < GROUPS; g++) {
        char name[8];
        snprintf(name, sizeof name, "g%u", g);
        int at = policy_group(p, str_of(name));
        if (at >= 0 && (groups >> at & 1)) put(b, "+%s", name);
    }
}

static const char *name_of(const struct agent *a) { return a ? a->name.p : "-"; }

/* Who stands how to the ticket, in the order of their names. */
static void tell_by_agent(struct workspace *ws, struct buf *b, const struct ticket *t)
{
    for (unsigned i = 0; i < AGENTS; i++) {
        const struct agent *a = roster_find(&ws->roster, str_of(agent_names[i]));
        const struct hold *h = a ? ticket_hold_of(t, a) : NULL;
        if (!a) continue;
        for (uint32_t k = 0; k < t->backoff_count; k++)
            if (t->backoff[k].agent == a->index && t->backoff[k].until > ws->now)
                put(b, " back=%s@%llu", a->name.p, (unsigned long long)t->backoff[k].until);
        if (h)
            put(b, " %s=%s(%u,%d)",
                h->kind == HOLD_OWNER   ? "owner"
                : h->kind == HOLD_OFFER ? "offer"
                                        : "consult",
                a->name.p, h->units, h->counted);
        if (h && h->kind == HOLD_OFFER) put(b, "@%llu#%llu", (unsigned long long)h->until, (unsigned long long)h->token_seq);
    }
}

static void tell_line(struct workspace *ws, struct buf *b, const struct ticket *t)
{
    const struct line *l = t->line;

    if (!l) return;
    put(b, " line: %s %s%s only=%s:%x lane=%d", ws->channels[l->channel].name, l->favoured ? "favoured" : "",
        l->no_bots ? " people" : "", name_of(l->only), l->only_skip, t->lane->rank);
    if (l->queue != NONE) put(b, " of=%s", ws->policy->queues[l->queue].name);
    for (uint32_t i = 0; i < l->tier_count; i++) buf_addz(b, " tier"), tell_groups(ws->policy, b, l->tiers[i]);
    tell_needs(ws, b, "asks", &l->needs);
}

static void tell_ticket(struct workspace *ws, struct lines *out, const struct ticket *t)
{
    struct buf b;
    char id[ID_TEXT + 1];

    buf_init(&b, 65536);
    put(&b, "ticket %s %s %s in %s on %s", id_text(&t->id, id), ticket_state_words.v[t->state], urgency_words.v[t->urgency],
        queue_of(ws, t)->name, ws->channels[t->channel].name);
    put(&b, " enqueued=%llu due=%llu until=%llu", (unsigned long long)t->enqueued, (unsigned long long)t->due_at,
        (unsigned long long)t->until);
    put(&b, " steps=%llx at %llu over=%llx told=%x reply=%llu", (unsigned long long)swap_steps(ws, t),
        (unsigned long long)t->step_at, (unsigned long long)t->overflowed, t->sla_told, (unsigned long long)t->reply_from);
    put(&b, " token=%llu.%llu offers=%u at_once=%u callbacks=%u started=%d connect=%llu assigned=%llu replied=%llu",
        (unsigned long long)t->token_epoch, (unsigned long long)t->token_seq, t->offers_made, steps_at_once(ws, t), t->callbacks,
        t->started, (unsigned long long)t->connect_by, (unsigned long long)t->assigned_at, (unsigned long long)t->last_reply);
    if (t->only && t->only_until > ws->now)
        put(&b, " only=%s:%x@%llu", name_of(t->only), t->only_skip, (unsigned long long)t->only_until);
    put(&b, " prefer=%s people=%d had=", name_of(t->prefer), t->no_bots);
    for (uint32_t i = 0; i < t->owner_count; i++) put(&b, "%s,", name_of(ws->roster.v[t->owners[i]]));
    struct needs needs = needs_open(t->needs), asked = needs_open(t->asked), wants = needs_open(t->wants);
    tell_needs(ws, &b, "needs", &needs), tell_needs(ws, &b, "asked", &asked), tell_needs(ws, &b, "wants", &wants);
    tell_by_agent(ws, &b, t);
    tell_line(ws, &b, t);
    add_line(out, &b);
    buf_fini(&b);
}

static void tell_agent(struct workspace *ws, struct lines *out, const struct agent *a)
{
    struct buf b;
    bool counts = duty_daily(ws, a) != UINT32_MAX;
    uint64_t lost = 0; /* what is wrapped up or parked does not go by it */

    for (const struct hold *h = a->holds; h; h = h->agent_next)
        if (h->ticket->state == TK_ASSIGNED) lost = a->lost;
    buf_init(&b, 65536);
    put(&b, "agent %s known=%d %s %s session=%llu misses=%u", a->name.p, a->known, presence_words.v[a->presence], a->reason,
        (unsigned long long)a->session, a->misses);
    put(&b, " bot=%d capacity=%u daily=%u day=%u taken=%u shift=%s online=%llu idle=%llu", a->bot, a->capacity, a->daily,
        counts ? a->day : 0, counts ? a->taken : 0, a->shift < 0 ? "-" : ws->policy->hours[a->shift].name,
        (unsigned long long)a->online, (unsigned long long)a->idle);
    put(&b, " used=%u hand=%u exclusive=%u leaving=%llu lost=%llu barred=%s off=%d", a->used, a->in_hand, a->exclusive,
        (unsigned long long)a->leaving, (unsigned long long)lost, bar_words.v[a->barred], a->off_shift);
    if (a->known) tell_groups(ws->policy, &b, a->groups);
    for (uint32_t c = 0; c < CHANNELS; c++) {
        uint32_t at = space_channel(ws, str_of(channel_names[c]));
        put(&b, " %s:%u/%d/%u", channel_names[c], a->chan[at], (int)capacity_max(ws, a, at), capacity_cost(ws, a, at));
        put(&b, "/%d%d", bit_get(ws->roster.free[0][at], a->index), bit_get(ws->roster.free[1][at], a->index));
    }
    add_line(out, &b);
    buf_fini(&b);
}

static void nobody_is_idle(struct run *r)
{
    struct workspace *ws = r->w.ws;
    struct ticket *t;

    for (size_t i = 0; (t = idmap_next(&ws->tickets, &i));)
        for (uint32_t a = 0; t->state == TK_WAITING && a < ws->roster.count; a++)
            if (could_have(ws, t, ws->roster.v[a], NULL)) {
                static struct lines told;
                tell_ticket(ws, &told, t), tell_agent(ws, &told, ws->roster.v[a]);
                broken(r, "it waits, and they could have it:\n%s\n%s\n%.*s", told.v[0], told.v[1], STR_FMT(ws->policy->yaml));
            }
}

static uint64_t cap_of(const struct workspace *ws, const struct ticket *t)
{
    struct waits w = waits_of(ws, t);

    return order_cap(&w);
}

/* Of an agent who was offered one ticket in this turn, first in rank and not beside others. */
static void capped_go_first(struct run *r)
{
    struct workspace *ws = r->w.ws;
    struct ticket *u;

    for (uint32_t i = 0; i < r->offered_count; i++) {
        struct ticket *t = ticket_find(ws, &r->offered[i].ticket);
        struct agent *a = roster_find(&ws->roster, str_of(r->offered[i].agent));
        const struct hold *h = t && a && t->holds && !t->holds->next ? ticket_offer_to(t, a) : NULL;
        for (uint32_t k = 0; k < r->offered_count; k++)
            if (k != i && strcmp(r->offered[k].agent, r->offered[i].agent) == 0) h = NULL;
        for (size_t k = 0; h && (u = idmap_next(&ws->tickets, &k));)
            if (u->state == TK_WAITING && cap_of(ws, u) <= ws->now && cap_of(ws, u) < cap_of(ws, t) && could_have(ws, u, a, h)) {
                static struct lines told;
                tell_ticket(ws, &told, u), tell_ticket(ws, &told, t), tell_agent(ws, &told, a);
                broken(r, "capped, and passed over:\n%s\n%s\n%s\n%.*s", told.v[0], told.v[1], told.v[2], STR_FMT(ws->policy->yaml));
            }
    }
    r->offered_count = 0;
}

static void on_entry(void *ctx, const struct entry *e)
{
    struct run *r = ctx;

    if (e->kind != ENTRY_OFFERED || r->offered_count == 256) return;
    r->offered[r->offered_count].ticket = e->ticket;
    copy_text(r->offered[r->offered_count++].agent, 16, e->agent);
}

static void tell_all(struct workspace *ws, struct lines *out)
{
    struct ticket *t;

    out->n = 0;
    for (size_t i = 0; (t = idmap_next(&ws->tickets, &i));) tell_ticket(ws, out, t);
    for (unsigned i = 0; i < AGENTS; i++) {
        const struct agent *a = roster_find(&ws->roster, str_of(agent_names[i]));
        if (a && a->known) tell_agent(ws, out, a);
    }
    qsort(out->v, out->n, sizeof *out->v, by_text);
}

/* A reign after another: it takes the timelines of the policy in use, and begins ramps anew. */
static void forget_what_ends_with_a_reign(struct workspace *ws)
{
    struct ticket *t;

    for (size_t i = 0; (t = idmap_next(&ws->tickets, &i));) {
        if (!t->under) continue;
        t->steps = swap_steps(ws, t);
        swap_leave(ws, t);
        if (t->state == TK_WAITING) waiting_again(ws, t);
        offers_again(ws, t);
    }
}

/* Whether a ramp's share is used up is as of the last change of theirs. */
static void look_at_everybody(struct workspace *ws)
{
    for (uint32_t i = 0; i < ws->roster.count; i++) roster_refresh(ws, ws->roster.v[i]);
}

static void turn(struct run *r);

static void restart(struct run *r)
{
    static struct lines was, is;

    turn(r);
    forget_what_ends_with_a_reign(r->w.ws);
    look_at_everybody(r->w.ws);
    tell_all(r->w.ws, &was);
    world_restart(&r->w);
    space_restore_done(r->w.ws, r->w.now);
    look_at_everybody(r->w.ws);
    tell_all(r->w.ws, &is);
    for (uint32_t i = 0; i < was.n || i < is.n; i++)
        if (i >= was.n || i >= is.n || strcmp(was.v[i], is.v[i]) != 0)
            broken(r, "was: %s\n is: %s", i < was.n ? was.v[i] : "-", i < is.n ? is.v[i] : "-");
    while (was.n) free(was.v[--was.n]);
    while (is.n) free(is.v[--is.n]);
    turn(r);
}

/* ---- what happens ---- */

static void turn(struct run *r)
{
    const char *why;

    for (int turns = 0; space_turn(r->w.ws, r->w.now) || space_next(r->w.ws) <= r->w.now; turns++)
        if (turns == 8) broken(r, "a deadline that has passed stays");
    world_watch(&r->w);
    store_apply(&r->w, space_out(r->w.ws));
    space_out_clear(r->w.ws);
    r->w.watched_entries = r->w.watched_mail = 0;
    if ((why = space_check(r->w.ws))) broken(r, "must always hold, and does not: %s", why);
    nobody_is_idle(r);
    capped_go_first(r);
}

static void random_take(struct run *r)
{
    uint64_t c = draw(r, 24);
    char external[32], conversation[32], tag[8], customer[8];
    struct said s = { .external = external,
                      .conversation = conversation,
                      .customer = customer,
                      .account = account_names[c % CHANNELS],
                      .channel = channel_names[c % CHANNELS],
                      .prefer = draw(r, 4) ? NULL : agent_names[draw(r, AGENTS)],
                      .sentiment = draw(r, 9) ? SENT_NEUTRAL : SENT_NEGATIVE,
                      .confidence = 0.9,
                      .urgency = (enum urgency)draw(r, 4) };

    snprintf(external, sizeof external, "m%llu", (unsigned long long)r->step);
    snprintf(conversation, sizeof conversation, "c%llu", (unsigned long long)c);
    snprintf(tag, sizeof tag, "t%u", (unsigned)draw(r, QUEUES));
    snprintf(customer, sizeof customer, "u%u", (unsigned)(c % 8));
    if (!draw(r, 12)) s.kind = EVENT_HANGUP;
    else if (c % CHANNELS == 2) s.kind = EVENT_CALL;
    if (draw(r, 3)) s.tags[s.tag_count++].name = str_of(tag);
    if (!draw(r, 6)) s.needs[s.need_count++] = (struct need){ draw(r, 2) ? STR("x") : STR("y"), 1 + (uint32_t)draw(r, 4) };
    world_take(&r->w, &s);
}

static void random_presence(struct run *r)
{
    struct act a = { .agent = str_of(agent_names[draw(r, AGENTS)]) };
    uint64_t k = draw(r, 16);

    if (k < 9) a.kind = ACT_HEARTBEAT;
    else if (k < 11) a.kind = ACT_CONNECT;
    else if (k == 11) a.kind = ACT_DISCONNECT;
    else a.kind = ACT_PRESENCE, a.presence = k < 15 ? PRES_AVAILABLE : (enum presence)draw(r, 3);
    world_act(&r->w, a);
}

static struct ticket *some_ticket(struct run *r)
{
    struct ticket *t, *chosen = NULL;
    uint64_t n = 0;

    for (size_t i = 0; (t = idmap_next(&r->w.ws->tickets, &i));)
        if (draw(r, ++n) == 0) chosen = t;
    return chosen;
}

static void random_act(struct run *r)
{
    static const enum act_kind kinds[] = { ACT_ACCEPT,  ACT_ACCEPT,   ACT_ACCEPT,  ACT_DECLINE, ACT_START,    ACT_REPLY,
                                           ACT_RESOLVE, ACT_RESOLVE,  ACT_PARK,    ACT_RESUME,  ACT_CANCEL,   ACT_ASSIGN,
                                           ACT_PULL,    ACT_TRANSFER, ACT_REQUEUE, ACT_CONSULT, ACT_CALLBACK, ACT_HANDOVER };
    const struct ticket *t = some_ticket(r);
    struct act a = { .kind = kinds[draw(r, sizeof kinds / sizeof *kinds)], .privileged = true };
    char queue[8];

    if (!t) return;
    a.agent = t->holds && draw(r, 8) ? t->holds->agent->name : str_of(agent_names[draw(r, AGENTS)]);
    a.ticket = t->id;
    snprintf(queue, sizeof queue, "q%u", (unsigned)draw(r, QUEUES));
    if (draw(r, 2)) a.queue = str_of(queue);
    if (draw(r, 2)) a.to = str_of(agent_names[draw(r, AGENTS)]);
    if (a.kind == ACT_ASSIGN && !draw(r, 4)) a.reason = STR("force");
    if (a.kind == ACT_CONSULT && !draw(r, 3)) a.reason = STR("over");
    if (a.kind == ACT_CALLBACK) a.at = r->w.now + 1 + draw(r, 20000);
    a.text = STR("as you wish");
    world_act(&r->w, a);
}

static void reload(struct run *r)
{
    struct policy *p = r->policies[draw(r, POLICIES)];

    turn(r);
    assert_int_equal(space_policy(r->w.ws, r->w.now, p), ERR_OK);
    policy_unref(r->w.policy);
    r->w.policy = policy_ref(p);
    turn(r);
}

static void step(struct run *r)
{
    uint64_t k = draw(r, 1000);

    r->step++;
    if (k < 200) random_take(r);
    else if (k < 400) random_presence(r);
    else if (k < 800) random_act(r);
    else if (k < 970) r->w.now += draw(r, draw(r, 40) ? 1500 : draw(r, 10) ? 60000 : 3600000);
    else if (k < 985) reload(r);
    else restart(r);
    if (draw(r, 2)) turn(r);
}

static void one_world(struct run *r, uint64_t seed)
{
    struct space_cfg cfg = { .name = STR("w"), .seed = seed, .epoch = 5, .seq = 100 };

    *r = (struct run){ .seed = seed };
    rng_seed(&r->rng, seed);
    for (int i = 0; i < POLICIES; i++) r->policies[i] = draw_policy(r);
    r->w = (struct world){
        .now = WORLD_START, .policy = policy_ref(r->policies[0]), .last_seq = 100, .on_entry = on_entry, .on_entry_ctx = r
    };
    map_init(&r->w.tickets, 1000000);
    map_init(&r->w.store, 1000000);
    metrics_init("test");
    assert_int_equal(space_new(&r->w.ws, &cfg), ERR_OK);
    assert_int_equal(space_policy(r->w.ws, r->w.now, r->w.policy), ERR_OK);
    while (r->step < STEPS) step(r);
    world_close(&r->w);
    for (int i = 0; i < POLICIES; i++) policy_unref(r->policies[i]);
}

static void random_worlds_leave_nobody_idle_and_restart_as_they_were(void **state)
{
    const char *one = getenv("NARU_SEED"), *seconds = getenv("NARU_WORLD_SECONDS");
    uint64_t until = clock_cpu_us() + (seconds ? strtoull(seconds, NULL, 10) : 4) * 1000000;
    uint64_t seed = one ? strtoull(one, NULL, 10) : 1;
    static struct run r;

    (void)state;
    do one_world(&r, seed++);
    while (!one && clock_cpu_us() < until);
    print_message("  %llu worlds\n", (unsigned long long)(seed - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(random_worlds_leave_nobody_idle_and_restart_as_they_were) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
