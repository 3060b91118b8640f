/* Simulated random worlds: policies with most of what a policy can say, customers and agents drawn with them, and what a run told
   held to what must be true of any run. It is worked out here anew, from arrivals, outcomes and the core's entries alone:

     told        every arrival once, with times in order; who hung up did so when their patience ended; who was turned away was so
   by a rule that can, or because all places were taken held        an agent has no more units or tickets of a channel than allowed,
   nothing beside what is exclusive, is offered tickets in their duties and shifts alone, and knows what the ticket needs (as far as
   its queues' steps may lower it) worked      a ticket that was worked off had exactly its work done: summed over its time in hand
   at the speed that its agent and what else they had allowed reported    the report's figures are the sums of the outcomes again
   the same seed tells the same; a policy against itself differs in nothing, and P against Q as Q against P, negated

   The core is checked in full now and then (space_check): run.c is compiled into this program, with a core that is watched.

     NARU_WORLD_SECONDS=600   goes on for so long (processor time; else 2)
     NARU_WORLDS=100          so many; what they told is printed as one number, for comparing builds
     NARU_SEED=7              one world, this one
     NARU_SHOW=12             what is heard of this arrival */
#include "base/clock.h"
#include "tests/unit/base/unit.h"
#include "workers/assign/workspace.h"

static enum err watched_new(struct workspace **out, const struct space_cfg *cfg);
static bool watched_match(struct workspace *ws, uint64_t now);
#define space_new   watched_new
#define space_match watched_match
#include "workers/simulate/run.c"
#undef space_new
#undef space_match

#include "base/log.h"
#include "base/metrics.h"
#include "workers/simulate/bind.h"
#include "workers/simulate/experiment.h"

#include <math.h>

#define QUEUES   4u
#define AGENTS   6u
#define CHANNELS 4u
#define GROUPS   4u
#define CLASSES  5u
#define MOST     240u
#define HOLDS    (MOST * 8)
#define MINUTE   60000ull
#define BEGIN    (1767571200000ull + 480 * MINUTE) /* Monday 2026-01-05, 08:00 UTC */

static const char *const channel_names[CHANNELS] = { "webchat", "sms", "voice", "email" };

struct life { /* of an arrival, as the entries tell it */
    struct id ticket;
    uint32_t queues; /* bits: where it was */
    uint64_t scheduled, ended;
    bool returned, parked, refused;
    bool finished, dropped;  /* by its agent; by the core, out of an agent's hands */
    uint32_t offers[AGENTS]; /* the last one to each, numbered through */
    uint32_t waiting_then;   /* others who waited in its queue when it ended */
    uint32_t queue;
    enum ticket_state state;
};
struct held {
    uint32_t agent, who; /* arrival */
    uint64_t from, worked, to;
    uint32_t offer; /* the so many-th */
};
struct row {
    enum outcome outcome;
    uint32_t agent, queue, times;
    uint64_t start, end, target;
    double match;
};
static struct world {
    struct rng rng;
    uint64_t seed;
    struct policy *p, *q;
    struct simulate_rules rules[2];
    struct arena arena;
    struct arrival v[MOST];
    uint32_t count;
    struct duty duty[AGENTS * 8];
    struct duties duties;
    /* of the last run */
    struct life lives[MOST];
    uint32_t opened;
    struct held held[HOLDS];
    uint32_t held_count;
    struct row rows[MOST];
    struct agent_use use[AGENTS];
    uint32_t agents, declined, missed, offers;
    uint64_t print, last, hung_up; /* hung_up: when somebody did last, and who */
    uint32_t hung_up_last;
    const struct policy *of;
    struct space_cfg core; /* as the run made it */
    bool watched;
    const char *shown;
    struct rng looks;
} w;

#define broken(...)                                                                                                                \
    do {                                                                                                                           \
        fprintf(stderr, "%.*s\nNARU_SEED=%llu: ", STR_FMT(w.of->yaml), (unsigned long long)w.seed);                                \
        fail_msg(__VA_ARGS__);                                                                                                     \
    } while (0)

static uint64_t draw(uint64_t n) { return rng_below(&w.rng, n); }
static bool once_in(uint64_t n) { return draw(n) == 0; }

/* ---- a policy ---- */

static void put_channels(struct buf *b)
{
    static const char *const alone[] = { "", "", ", exclusive: alone", ", exclusive: interrupts" };

    buf_addz(b, "channels:\n");
    for (uint32_t i = 0; i < CHANNELS; i++)
        buf_addf(b, "  %s: { cost: %u, offer: %us, max: %u, wrapup: %us%s%s%s }\n", channel_names[i], 10 * (1 + (unsigned)draw(5)),
                 7 + (unsigned)draw(20), (unsigned)draw(4), (unsigned)draw(3) * 5, alone[i == 2 ? draw(4) : 0],
                 once_in(6) ? ", auto-accept: yes" : "", once_in(4) ? ", connect: 4s" : "");
}

/* Moves go to queues with a higher number alone, so there is no ring. */
static void put_timeline(struct buf *b, uint32_t q)
{
    buf_addz(b, "    timeline:\n      - { after: 40s, notify: [g0] }\n");
    if (once_in(2)) buf_addf(b, "      - { after: %us, needs: { x: 1 } }\n", 2 + (unsigned)draw(20));
    if (once_in(2)) buf_addf(b, "      - { after: %us, since: step, drop: [y] }\n", 2 + (unsigned)draw(20));
    if (once_in(2)) buf_addf(b, "      - { after: %us, add: [g%u] }\n", 2 + (unsigned)draw(30), (unsigned)draw(GROUPS));
    if (once_in(3)) buf_addf(b, "      - { after: %u%%, raise: 1 }\n", 50 + (unsigned)draw(200));
    if (once_in(2)) buf_addf(b, "      - { after: %us, offer: %u }\n", 2 + (unsigned)draw(20), 2 + (unsigned)draw(3));
    if (once_in(8)) buf_addz(b, "      - { after: 30s, since: assigned, park: yes }\n");
    if (q + 1 < QUEUES && once_in(2))
        buf_addf(b, "      - { after: %us, move: q%u }\n", 20 + (unsigned)draw(90), q + 1 + (unsigned)draw(QUEUES - q - 1));
    else if (once_in(2)) buf_addf(b, "      - { after: %us, callback: %us }\n", 30 + (unsigned)draw(90), 20 + (unsigned)draw(90));
    else if (once_in(2)) buf_addz(b, "      - { after: 3m, close: \"sorry\" }\n");
}

static void put_overflow(struct buf *b, uint32_t q)
{
    buf_addz(b, "    overflow:\n      - { when: { waiting: \">4\" }, deflect: page }\n");
    if (once_in(2)) buf_addf(b, "      - { when: { closed: h%u }, callback: next-open }\n", (unsigned)draw(2));
    if (once_in(3)) buf_addf(b, "      - { when: { waiting: \">%u\" }, refuse: full }\n", 2 + (unsigned)draw(10));
    if (q + 1 < QUEUES) buf_addf(b, "      - { when: { age: %us }, move: q%u }\n", 10 + (unsigned)draw(100), QUEUES - 1);
}

static void put_queue(struct buf *b, uint32_t q)
{
    static const char *const orders[] = { "slack", "fifo", "priority", "weights" };
    static const char *const chooses[] = { "longest-idle", "least-loaded, longest-idle",   "best-skill, spare-skill", "fastest",
                                           "round-robin",  "own-skill-first, longest-idle" };

    buf_addf(b, q ? "  q%u:\n    takes: { tag: [t] }\n" : "  q%u:\n    takes: default\n", q);
    buf_addf(b, "    sla: { answer: { within: %us%s } }\n", 10 + (unsigned)draw(200), once_in(4) ? ", hours: h1" : "");
    buf_addf(b, "    order: %s\n    choose: [%s]\n", orders[draw(4)], chooses[draw(6)]);
    buf_addf(b, "    offers: { at-once: %u, back-off: %us, most: %u }\n", 1 + (unsigned)draw(3), 1 + (unsigned)draw(30),
             once_in(3) ? 1 + (unsigned)draw(9) : 0);
    if (once_in(3)) buf_addf(b, "    needs: { x: %u }\n", 1 + (unsigned)draw(3));
    if (once_in(2)) buf_addf(b, "    groups: [g%u, g%u]\n", (unsigned)draw(GROUPS), (unsigned)draw(GROUPS));
    if (once_in(3))
        buf_addf(b, "    gate:\n      - { group: g%u, waiting: \">%u\", age: %us, reserve: %u }\n", (unsigned)draw(GROUPS),
                 (unsigned)draw(4), 5 + (unsigned)draw(60), (unsigned)draw(2));
    if (once_in(2)) put_timeline(b, q);
    if (once_in(2)) put_overflow(b, q);
}

static void put_agents(struct buf *b)
{
    buf_addz(b, "agents:\n");
    for (uint32_t i = 0; i < AGENTS; i++) {
        buf_addf(b, "  a%u: { skills: { x: %u, y: %u }, groups: [g%u, g%u], capacity: %u", i, 1 + (unsigned)draw(4),
                 1 + (unsigned)draw(4), (unsigned)draw(GROUPS), (unsigned)draw(GROUPS), 50 + (unsigned)draw(8) * 10);
        if (once_in(3)) buf_addf(b, ", max: { %s: %u }", channel_names[draw(CHANNELS)], (unsigned)draw(4));
        if (once_in(3)) buf_addf(b, ", cost: { %s: %u }", channel_names[draw(CHANNELS)], 5 + (unsigned)draw(30));
        if (once_in(4)) buf_addf(b, ", shift: h%u", (unsigned)draw(2));
        if (once_in(4)) buf_addf(b, ", daily: %u", 3 + (unsigned)draw(60));
        buf_addz(b, " }\n");
    }
}

static void put_section(struct buf *b)
{
    buf_addz(b, "simulate:\n  from: 2026-01-05 08:00\n  classes:\n");
    for (uint32_t i = 0; i < CLASSES; i++) {
        buf_addf(b, "    c%u: { queue: q%u, channel: %s, urgency: %s, weight: %u", i, (unsigned)draw(QUEUES),
                 channel_names[draw(CHANNELS)], urgency_words.v[draw(4)], (unsigned)draw(4));
        if (once_in(2)) buf_addf(b, ", needs: { %c: %u }", "xy"[draw(2)], 1 + (unsigned)draw(4));
        if (once_in(4)) buf_addf(b, ", target: %us", 1 + (unsigned)draw(100));
        buf_addz(b, " }\n");
    }
    buf_addz(b, "  agents:\n");
    for (uint32_t i = 0; i < AGENTS; i += 1 + (uint32_t)draw(3))
        buf_addf(b, "    a%u: { speed: { c%u: 0.%u, all: %u.5 }, match: { c%u: 0.5 } }\n", i, (unsigned)draw(CLASSES),
                 1 + (unsigned)draw(9), (unsigned)draw(2), (unsigned)draw(CLASSES));
    if (once_in(2)) buf_addf(b, "  parallel: { webchat: [1, 0.%u, 0.2], sms: [0.9] }\n", 3 + (unsigned)draw(7));
    if (once_in(3)) buf_addf(b, "  places: { q%u: %u }\n", (unsigned)draw(QUEUES), (unsigned)draw(6));
    if (once_in(3)) buf_addf(b, "  offers: { accept: %us }\n", (unsigned)draw(7));
    else if (once_in(2)) buf_addz(b, "  offers: { accept: { lognormal: 3s }, declined: 10%, missed: 10% }\n");
}

static void put_policy(struct buf *b, bool section)
{
    buf_addf(b, "naru: 1\nworkspace: w\npresence: { misses: %u, hold: %um }\nhours:\n", 2 + (unsigned)draw(3),
             once_in(6) ? 1 : 999);
    for (unsigned i = 0; i < 2; i++)
        buf_addf(b, "  h%u: { timezone: UTC, open: { mon-sun: \"08:%02u-08:%02u\" } }\n", i, (unsigned)draw(10),
                 12 + (unsigned)draw(40));
    put_channels(b);
    buf_addz(b, "capacity:\n  parked: 25%\n");
    if (once_in(2)) buf_addf(b, "  keep: { units: 20, for: { urgency: high, channel: [%s] } }\n", channel_names[draw(CHANNELS)]);
    if (once_in(4)) buf_addf(b, "  ramp: { per-minute: %u, for: 4m }\n", 1 + (unsigned)draw(4));
    if (once_in(4)) buf_addf(b, "  daily: %u\n", 20 + (unsigned)draw(60));
    buf_addz(b, "queues:\n");
    for (uint32_t i = 0; i < QUEUES; i++) put_queue(b, i);
    put_agents(b);
    if (section) put_section(b);
}

/* What is drawn may be refused (a step that would ask for more): then another is. */
static struct policy *draw_policy(bool section)
{
    struct policy *p = NULL;
    struct findings f;
    struct buf b;
    int tries = 0;

    buf_init(&b, 65536);
    for (; !p && tries < 200; tries++) {
        buf_clear(&b);
        findings_init(&f);
        put_policy(&b, section);
        (void)policy_load(&p, buf_str(&b), "drawn", BEGIN, &f);
        findings_fini(&f);
    }
    buf_fini(&b);
    assert_non_null(p);
    return p;
}

/* ---- who comes ---- */

static void draw_arrivals(void)
{
    uint64_t at = 0, gap = 1 + draw(16), work = 10000 + draw(200000);
    bool whole = once_in(2); /* seconds, so that much happens at once */

    w.count = 40 + (uint32_t)draw(MOST - 40);
    for (uint32_t i = 0; i < w.count; i++) {
        at += draw(gap * 1000) / (whole ? 1000 : 1) * (whole ? 1000 : 1);
        w.v[i] = (struct arrival){ .class = (uint32_t)draw(CLASSES), .at = at, .work = 1 + draw(work), .patience = SIM_FOR_EVER };
        if (whole) w.v[i].work = (w.v[i].work / 1000 + 1) * 1000;
        if (!once_in(8)) w.v[i].patience = draw(180) * 1000;
        snprintf(w.v[i].id, sizeof w.v[i].id, "%u", i);
    }
}

static int by_from(const void *a, const void *b)
{
    const struct duty *x = a, *y = b;
    return x->from < y->from ? -1 : x->from > y->from;
}

static void draw_duties(void)
{
    w.duties = (struct duties){ .v = w.duty, .given = once_in(3) };
    for (uint32_t a = 0; a < AGENTS; a++) {
        uint64_t at = 0;
        for (int k = 0; k < 4 && !once_in(5); k++) {
            struct duty *d = &w.duty[w.duties.count++];
            *d = (struct duty){ .from = at + draw(3) * 60000 };
            snprintf(d->agent, sizeof d->agent, "a%u", a);
            d->to = at = d->from + 1 + draw(15 * MINUTE);
        }
    }
    qsort(w.duty, w.duties.count, sizeof *w.duty, by_from);
}

/* ---- what a run told ---- */

static uint32_t agent_called(struct str name)
{
    for (uint32_t i = 0; i < w.of->agent_count; i++)
        if (str_is(name, w.of->agents[i].name)) return i;
    return UINT32_MAX;
}

static const struct simulate_rules *rules_of_run(void) { return &w.rules[w.of == w.p ? 0 : 1]; }
static const struct sim_class *class_of(uint32_t i) { return &rules_of_run()->classes[w.v[i].class]; }
static const struct channel *channel_of(uint32_t i) { return &w.of->channels[policy_channel(w.of, str_of(class_of(i)->channel))]; }

static bool on_duty(uint32_t agent, uint64_t at)
{
    char name[8];

    snprintf(name, sizeof name, "a%u", agent);
    for (uint32_t i = 0; i < w.duties.count; i++)
        if (strcmp(w.duty[i].agent, name) == 0 && at >= w.duty[i].from && at < w.duty[i].to) return true;
    return !w.duties.given;
}

static void lower(const struct queue *q, const char *skill, uint64_t age, uint32_t *level)
{
    for (uint32_t i = 0; i < q->timeline_count; i++) {
        const struct step *s = &q->timeline[i];
        if (!s->after_pct && s->after_ms > age) continue;
        for (uint32_t k = 0; k < s->drop.count; k++)
            if (strcmp(s->drop.v[k], skill) == 0) *level = 0;
        for (uint32_t k = 0; k < s->needs.count; k++)
            if (strcmp(s->needs.v[k].name, skill) == 0 && s->needs.v[k].level < *level) *level = s->needs.v[k].level;
    }
}

static uint32_t has(uint32_t agent, const char *skill)
{
    const struct skills *s = &w.of->agents[agent].skills;

    for (uint32_t i = 0; i < s->count; i++)
        if (strcmp(s->v[i].name, skill) == 0) return s->v[i].level;
    return 0;
}

/* What the class needs, and the queue as long as it never left it. */
static void knows_enough(uint32_t i, uint32_t agent, uint64_t at)
{
    const struct life *l = &w.lives[i];
    const struct queue *here = &w.of->queues[l->queue];
    const struct skills *asked[2] = { &class_of(i)->needs, &here->needs };

    for (int k = 0; k < (l->queues == 1u << l->queue ? 2 : 1); k++)
        for (uint32_t n = 0; n < asked[k]->count; n++) {
            uint32_t level = asked[k]->v[n].level;
            for (uint32_t q = 0; q < QUEUES; q++)
                if (l->queues >> q & 1) lower(&w.of->queues[q], asked[k]->v[n].name, at - w.v[i].at, &level);
            if (has(agent, asked[k]->v[n].name) < level)
                broken("%u needs %s:%u at %llu, and is offered to a%u", i, asked[k]->v[n].name, level, (unsigned long long)at,
                       agent);
        }
}

static void heard_offer(uint32_t i, uint32_t agent, uint64_t at)
{
    const struct agent_spec *a = &w.of->agents[agent];

    if (!on_duty(agent, at)) broken("%u is offered to a%u at %llu, who is not there", i, agent, (unsigned long long)at);
    if (a->shift >= 0 && !hours_open(&w.of->hours[a->shift], BEGIN + at, NULL))
        broken("%u is offered to a%u at %llu, out of their shift", i, agent, (unsigned long long)at);
    knows_enough(i, agent, at);
}

static struct held *open_hold(uint32_t i)
{
    for (uint32_t k = w.held_count; k-- > 0;)
        if (w.held[k].who == i) return w.held[k].to == NEVER ? &w.held[k] : NULL;
    return NULL;
}

static void close_hold(uint32_t i, uint64_t at)
{
    struct held *h = open_hold(i);

    if (!h) return;
    h->to = at;
    if (h->worked == NEVER) h->worked = at;
}

static void heard_life(uint32_t i, const struct entry *e)
{
    struct life *l = &w.lives[i];
    uint64_t at = e->at - BEGIN;
    int queue = policy_queue(w.of, e->queue);
    uint32_t agent = agent_called(e->agent), others = 0;

    if (w.shown && i == strtoul(w.shown, NULL, 10))
        fprintf(stderr, "%llu: %s %s %.*s %.*s %.*s\n", (unsigned long long)at, entry_kind_words.v[e->kind],
                ticket_state_words.v[e->state], STR_FMT(e->queue), STR_FMT(e->agent), STR_FMT(e->cause));
    for (uint32_t k = 0; k < w.opened; k++) others += k != i && w.lives[k].state == TK_WAITING && w.lives[k].queue == l->queue;
    if (queue >= 0) l->queue = (uint32_t)queue, l->queues |= 1u << queue;
    l->state = e->state;
    if (e->kind == ENTRY_OFFERED) heard_offer(i, agent, at), l->offers[agent] = ++w.offers;
    if (e->kind == ENTRY_SCHEDULED) l->scheduled = at;
    if (e->kind == ENTRY_ACCEPTED) {
        assert_true(w.held_count < HOLDS);
        if (open_hold(i)) broken("%u is accepted by two", i);
        w.held[w.held_count++] = (struct held){ agent, i, at, NEVER, NEVER, l->offers[agent] };
    }
    if (open_hold(i) && (e->kind == ENTRY_WRAPUP || (e->kind == ENTRY_ENDED && e->state == TK_RESOLVED))) {
        if (open_hold(i)->worked == NEVER) open_hold(i)->worked = at;
        l->finished = true;
    }
    if (open_hold(i) && e->kind == ENTRY_ENDED && e->state == TK_EXPIRED) l->dropped = true;
    if (e->kind == ENTRY_RETURNED) l->returned = true;
    if (e->kind == ENTRY_PARKED) l->parked = true;
    if (e->kind == ENTRY_RETURNED || e->kind == ENTRY_PARKED || e->kind == ENTRY_ENDED) close_hold(i, at);
    if (e->kind == ENTRY_ENDED) l->ended = at, l->refused = e->state == TK_CANCELLED, l->waiting_then = others;
}

static void on_watched(void *ctx, const struct entry *e)
{
    (void)ctx;
    if (e->kind == ENTRY_OPENED) {
        assert_true(w.opened < w.count);
        w.lives[w.opened++] = (struct life){ .ticket = e->ticket, .scheduled = NEVER, .ended = NEVER };
    }
    for (uint32_t i = 0; e->kind != ENTRY_PRESENCE && i < w.opened; i++)
        if (id_eq(&w.lives[i].ticket, &e->ticket)) {
            heard_life(i, e);
            break;
        }
    if (e->kind == ENTRY_DECLINED) w.declined++;
    if (e->kind == ENTRY_OFFER_EXPIRED) w.missed++;
    w.core.watch(w.core.ctx, e);
}

static enum err watched_new(struct workspace **out, const struct space_cfg *cfg)
{
    struct space_cfg mine = *cfg;

    w.core = *cfg;
    if (w.watched) mine.watch = on_watched, mine.ctx = NULL;
    return space_new(out, &mine);
}

static bool watched_match(struct workspace *ws, uint64_t now)
{
    bool more = space_match(ws, now);
    bool all_done = space_next(ws) > now; /* what is due by the clock comes after completions, and may be yet to come */
    const char *why = rng_below(&w.looks, 40) || !all_done ? NULL : space_check(ws);

    if (why) broken("must always hold, and does not: %s", why);
    return more;
}

static void keep_outcome(void *ctx, const struct outcome_of *o)
{
    uint32_t i = (uint32_t)strtoul(o->id, NULL, 10);

    (void)ctx;
    if (o->outcome == OUT_ABANDONED && o->end == w.hung_up && i < w.hung_up_last) broken("%u hangs up before who came first", i);
    if (o->outcome == OUT_ABANDONED) w.hung_up = o->end, w.hung_up_last = i;
    if (w.rows[i].times++) broken("%u is told twice", i);
    if (o->class != w.v[i].class || o->arrived != w.v[i].at) broken("%u is told with another class or arrival", i);
    w.rows[i] = (struct row){ o->outcome, o->agent_index, o->queue, 1, o->start, o->end, o->target, o->match };
    const uint64_t said[2] = { o->start ^ o->outcome, o->end * 8 + o->agent_index };
    w.print = hash_bytes(o->id, strlen(o->id), said) + w.print * 31;
}

static void keep_agent(void *ctx, const struct agent_use *u)
{
    (void)ctx;
    w.use[w.agents++] = *u;
}

struct drawn_source {
    struct source source;
    uint32_t at;
};

static enum err drawn_next(struct source *s, struct arrival *out)
{
    struct drawn_source *d = (struct drawn_source *)s;

    if (d->at == w.count) return ERR_NOTFOUND;
    *out = w.v[d->at++];
    return ERR_OK;
}

static void drawn_close(struct source *s) { free(s); }

static enum err open_drawn(void *ctx, uint32_t r, struct source **out, char why[512])
{
    struct drawn_source *d = calloc(1, sizeof *d);

    (void)ctx, (void)why, (void)r;
    d->source = (struct source){ .next = drawn_next, .close = drawn_close };
    *out = &d->source;
    return ERR_OK;
}

static void forget(struct policy *p)
{
    memset(w.lives, 0, sizeof w.lives);
    memset(w.rows, 0, sizeof w.rows);
    w.opened = w.held_count = w.agents = w.declined = w.missed = w.offers = 0;
    w.print = w.hung_up_last = 0;
    w.of = p;
    rng_seed(&w.looks, w.seed);
}

static void play_once(struct policy *p)
{
    struct source *s = NULL;
    struct sim_end out;

    forget(p);
    w.watched = true;
    open_drawn(NULL, 0, &s, NULL);
    enum err e = sim_run(&(struct sim_cfg){ .policy = p,
                                            .rules = rules_of_run(),
                                            .duties = &w.duties,
                                            .source = s,
                                            .seed = w.seed,
                                            .on_outcome = keep_outcome,
                                            .on_agent = keep_agent },
                         &out);
    source_close(s);
    if (e) broken("%s", out.why);
    if (out.tickets != w.count) broken("%llu tickets of %u", (unsigned long long)out.tickets, w.count);
    w.last = out.last_ms;
    w.watched = false;
}

/* ---- told ---- */

static bool queues_may(const struct life *l, bool close)
{
    for (uint32_t q = 0; q < QUEUES; q++) {
        const struct queue *of = &w.of->queues[q];
        if (!(l->queues >> q & 1)) continue;
        for (uint32_t i = 0; i < of->timeline_count && close; i++)
            if (of->timeline[i].close) return true;
        for (uint32_t i = 0; i < of->overflow_count; i++)
            if (of->overflow[i].refuse) return true;
    }
    return false;
}

static void blocked_for_a_reason(uint32_t i)
{
    const struct simulate_rules *r = rules_of_run();
    const struct life *l = &w.lives[i];

    if (w.rows[i].start != NEVER || w.rows[i].agent != UINT32_MAX) broken("%u is blocked and was served", i);
    if (l->refused && queues_may(l, true)) return;
    for (uint32_t k = 0; k < r->places_count && !l->refused; k++)
        if ((uint32_t)r->places[k].queue == l->queue && l->waiting_then >= r->places[k].places && w.rows[i].end == w.v[i].at)
            return;
    broken("%u is blocked for nothing: %u others wait", i, l->waiting_then);
}

static void told_rightly(uint32_t i)
{
    const struct row *r = &w.rows[i];
    const struct arrival *a = &w.v[i];
    const struct life *l = &w.lives[i];
    uint64_t gone = a->patience == SIM_FOR_EVER ? NEVER : a->at + a->patience;
    bool promised = l->scheduled != NEVER;

    if (r->times != 1) broken("%u is told %u times", i, r->times);
    if (r->start != NEVER && (r->start < a->at || r->end < r->start)) broken("%u: times run backwards", i);
    if (r->end < a->at) broken("%u ends before it comes", i);
    if (r->start != NEVER && !promised && r->start > gone) broken("%u is answered after it hung up", i);
    if (r->outcome == OUT_SERVED && (r->start == NEVER || r->agent >= w.of->agent_count)) broken("%u is served by nobody", i);
    if (r->outcome == OUT_SERVED && !l->finished && !l->refused && !l->dropped && !l->parked)
        broken("%u is served, and nobody ended it", i);
    if (class_of(i)->target_ms && r->target != class_of(i)->target_ms) broken("%u has a target that is not its class's", i);
    if (l->dropped && strcmp(class_of(i)->channel, "voice")) broken("%u is no call, and ends where its hold does", i);
    if (r->outcome == OUT_ABANDONED && (r->end != gone || promised || r->start != NEVER)) broken("%u hung up at the wrong time", i);
    if (r->outcome == OUT_BLOCKED) blocked_for_a_reason(i);
    if (r->outcome == OUT_WAITING && r->start == NEVER && gone != NEVER && !promised) broken("%u would have hung up", i);
    if (r->outcome == OUT_WAITING && r->end < w.last) broken("%u waits no longer before the end", i);
}

/* ---- held ---- */

static const struct simulate_rules *by_agent(uint32_t agent, const struct sim_agent **out)
{
    const struct simulate_rules *r = rules_of_run();

    *out = NULL;
    for (uint32_t i = 0; i < r->agent_count; i++)
        if (r->agents[i].agent == (int)agent) *out = &r->agents[i];
    return r;
}

static uint32_t cost_to(uint32_t agent, uint32_t i)
{
    const struct agent_spec *a = &w.of->agents[agent];
    uint32_t channel = (uint32_t)(channel_of(i) - w.of->channels);

    for (uint32_t k = 0; k < a->cost_count; k++)
        if (a->cost[k].channel == channel) return a->cost[k].max;
    return channel_of(i)->cost;
}

static uint32_t most_of(uint32_t agent, uint32_t i)
{
    const struct agent_spec *a = &w.of->agents[agent];
    uint32_t channel = (uint32_t)(channel_of(i) - w.of->channels);

    for (uint32_t k = 0; k < a->max_count; k++)
        if (a->max[k].channel == channel) return a->max[k].max;
    return channel_of(i)->max ? channel_of(i)->max : UINT32_MAX;
}

static bool favoured(uint32_t i)
{
    const struct capacity_rules *c = &w.of->capacity;
    bool may_rise = false;

    for (uint32_t q = 0; q < QUEUES; q++)
        for (uint32_t s = 0; s < w.of->queues[q].timeline_count; s++) may_rise |= w.of->queues[q].timeline[s].raise > 0;
    return !c->keep_units || may_rise || (int)class_of(i)->urgency >= c->keep_urgency ||
           (c->keep_channels >> (channel_of(i) - w.of->channels) & 1);
}

static bool is_in(const struct held *h, uint64_t t) { return h->from <= t && t < h->to; }

/* When they took it. */
static void held_within_limits(const struct held *h)
{
    uint32_t units = cost_to(h->agent, h->who), before = units, alike = 1, beside = 0; /* before: offered before it */
    const struct agent_spec *a = &w.of->agents[h->agent];

    if (h->to == h->from) return;
    for (uint32_t k = 0; k < w.held_count; k++) {
        const struct held *o = &w.held[k];
        if (o == h || o->agent != h->agent || !is_in(o, h->from)) continue;
        if (o->from == h->from && o > h) continue; /* it came after */
        units += cost_to(h->agent, o->who);
        alike += channel_of(o->who) == channel_of(h->who);
        if (o->offer > h->offer) continue;
        if (channel_of(o->who)->exclusive) broken("a%u takes %u beside %u", h->agent, h->who, o->who);
        before += cost_to(h->agent, o->who);
        beside++;
    }
    if (channel_of(h->who)->exclusive == EXCLUSIVE_ALONE && beside) broken("a%u takes %u, and not alone", h->agent, h->who);
    if (units > a->capacity) broken("a%u has %u units at %llu", h->agent, units, (unsigned long long)h->from);
    if (!favoured(h->who) && before > a->capacity - w.of->capacity.keep_units)
        broken("a%u: %u takes what is kept", h->agent, h->who);
    if (alike > most_of(h->agent, h->who)) broken("a%u has %u on the channel of %u", h->agent, alike, h->who);
}

static void within_the_day(uint32_t agent)
{
    uint32_t taken = 0, most = w.of->agents[agent].daily;

    if (most == UINT32_MAX) most = w.of->capacity.daily ? w.of->capacity.daily : UINT32_MAX;
    for (uint32_t k = 0; k < w.held_count; k++) taken += w.held[k].agent == agent && w.held[k].from < 16 * 60 * MINUTE;
    if (taken > most) broken("a%u took %u tickets of a day's %u", agent, taken, most);
}

/* ---- worked ---- */

static double number_of(const struct sim_by_class *b, uint32_t class, double otherwise)
{
    for (uint32_t i = 0; i < b->count; i++)
        if (b->v[i].class == class) return b->v[i].v;
    return isnan(b->all) ? otherwise : b->all;
}

static double speed_of(const struct held *h, uint32_t at_once)
{
    const struct sim_agent *a;
    const struct simulate_rules *r = by_agent(h->agent, &a);
    double share = 1.0 / at_once;

    for (uint32_t i = 0; i < r->parallel_count; i++) {
        const struct sim_parallel *s = &r->parallel[i];
        if (strcmp(s->channel, channel_of(h->who)->name) == 0) share = s->v[(at_once < s->count ? at_once : s->count) - 1];
    }
    return share * (a ? number_of(&a->speed, w.v[h->who].class, 1) : 1);
}

static int by_time(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* All that an agent had in hand, from one change of it to the next. */
static void work_of(uint32_t agent, double done[MOST], uint64_t *busy)
{
    static uint64_t times[HOLDS * 3];
    uint32_t n = 0;

    for (uint32_t k = 0; k < w.held_count; k++)
        if (w.held[k].agent == agent) times[n++] = w.held[k].from, times[n++] = w.held[k].worked, times[n++] = w.held[k].to;
    qsort(times, n, sizeof *times, by_time);
    *busy = 0;
    for (uint32_t t = 0; t + 1 < n && times[t] != NEVER; t++) {
        uint64_t until = times[t + 1] == NEVER ? w.last : times[t + 1];
        uint32_t at_once = 0, any = 0;
        bool interrupted = false;
        if (until <= times[t]) continue;
        for (int round = 0; round < 3; round++)
            for (uint32_t k = 0; k < w.held_count; k++) {
                const struct held *h = &w.held[k];
                bool interrupts = channel_of(h->who)->exclusive == EXCLUSIVE_INTERRUPTS;
                bool works = h->worked > times[t] && (!interrupted || interrupts);
                if (h->agent != agent || !is_in(h, times[t])) continue;
                if (round == 0) interrupted |= interrupts, any = 1;
                else if (round == 1) at_once += works;
                else if (works) done[h->who] += speed_of(h, at_once) * (double)(until - times[t]);
            }
        if (any) *busy += until - times[t];
    }
}

static void worked_off(void)
{
    static double done[MOST];
    uint64_t busy;

    memset(done, 0, sizeof done);
    for (uint32_t k = 0; k < w.held_count; k++) held_within_limits(&w.held[k]);
    for (uint32_t a = 0; a < AGENTS; a++) {
        uint32_t served = 0;
        within_the_day(a);
        work_of(a, done, &busy);
        for (uint32_t i = 0; i < w.count; i++) served += w.rows[i].outcome == OUT_SERVED && w.rows[i].agent == a;
        if (w.use[a].served != served) broken("a%u served %u, and is told %u", a, served, w.use[a].served);
        if (w.use[a].busy_ms != busy)
            broken("a%u was busy %llu, and is told %llu", a, (unsigned long long)busy, (unsigned long long)w.use[a].busy_ms);
        if (w.use[a].busy_ms > w.use[a].online_ms) broken("a%u is busy and not there", a);
        if (w.use[a].unit_ms > w.use[a].online_ms * w.use[a].capacity) broken("a%u has more than they can", a);
    }
    for (uint32_t i = 0; i < w.count; i++)
        if (w.lives[i].finished && fabs(done[i] - (double)w.v[i].work) > 0.76) /* half a millisecond at the highest speed */
            broken("%u: of %llu ms of work %.1f were done", i, (unsigned long long)w.v[i].work, done[i]);
    for (uint32_t i = 0; i < w.count; i++) {
        const struct life *l = &w.lives[i];
        const struct row *r = &w.rows[i];
        const struct held *first = NULL;
        for (uint32_t k = w.held_count; k-- > 0;)
            if (w.held[k].who == i) first = &w.held[k];
        if ((first ? first->from : NEVER) != r->start) broken("%u: its start is not its accept", i);
        if (first && r->outcome == OUT_SERVED && !l->returned && !l->parked &&
            (first->agent != r->agent || first->worked != r->end))
            broken("%u: it is told to have ended when or with whom it did not", i);
    }
}

/* ---- reported ---- */

static void is_figure(const struct experiment *x, struct sim_group g, enum figure f, double want)
{
    double got = experiment_figure(x, 0, g, f).mean;

    if (isnan(want) ? isnan(got) : fabs(got - want) <= 1e-9 * fmax(1, fabs(want))) return;
    broken("%s of group %d %u: %.12g, and not %.12g", figure_rows[f].key, g.kind, g.index, want, got);
}

static void figures_of(const struct experiment *x, struct sim_group g)
{
    double of[4] = { 0 }, answered = 0, wait = 0, most = 0, late = 0, weights = 0, breached = 0, within = 0, finish = 0, asked = 0;

    for (uint32_t i = 0; i < w.count; i++) {
        const struct row *r = &w.rows[i];
        double lasted = (double)((r->start != NEVER ? r->start : r->end) - w.v[i].at), weight = class_of(i)->weight;
        bool in_time = r->start != NEVER && lasted <= (double)r->target;
        if (g.kind == GROUP_QUEUE ? g.index != r->queue : g.kind == GROUP_CLASS && g.index != w.v[i].class) continue;
        of[r->outcome]++, asked++;
        weights += weight;
        within += in_time;
        if (r->outcome == OUT_BLOCKED || lasted > (double)r->target) breached += weight;
        if (r->outcome != OUT_BLOCKED) late += fmax(0, lasted - (double)r->target) / 1000;
        if (r->outcome == OUT_SERVED) finish += (double)(r->end - w.v[i].at) / 1000;
        if (r->start == NEVER) continue;
        answered++, wait += lasted / 1000, most = fmax(most, lasted / 1000);
    }
    is_figure(x, g, FIG_OFFERED, asked);
    is_figure(x, g, FIG_ANSWERED, answered);
    is_figure(x, g, FIG_ABANDONED, of[OUT_ABANDONED]);
    is_figure(x, g, FIG_BLOCKED, of[OUT_BLOCKED]);
    is_figure(x, g, FIG_WAITING, asked - answered - of[OUT_ABANDONED] - of[OUT_BLOCKED]);
    is_figure(x, g, FIG_WAIT, answered ? wait / answered : NAN);
    is_figure(x, g, FIG_MAX, answered ? most : NAN);
    is_figure(x, g, FIG_WITHIN, asked ? within / asked : NAN);
    is_figure(x, g, FIG_BREACH, weights > 0 ? breached / weights : NAN);
    is_figure(x, g, FIG_LATENESS, asked > of[OUT_BLOCKED] ? late / (asked - of[OUT_BLOCKED]) : NAN);
    is_figure(x, g, FIG_FINISH, of[OUT_SERVED] > 0 ? finish / of[OUT_SERVED] : NAN);
}

static void compared(struct experiment *x, unsigned first, unsigned second)
{
    struct policy *const p[2] = { w.p, w.q };
    struct experiment_cfg cfg = { .policy = { p[first], p[second] },
                                  .rules = { &w.rules[first], &w.rules[second] },
                                  .duties = &w.duties,
                                  .replications = 1,
                                  .seed = w.seed,
                                  .open = open_drawn };
    if (experiment_run(x, &cfg)) broken("%s", x->why);
}

/* ---- again ---- */

static struct sim_group group_at(uint32_t i)
{
    if (i == 0) return GROUP_OF_ALL;
    return i <= QUEUES ? (struct sim_group){ GROUP_QUEUE, i - 1 } : (struct sim_group){ GROUP_CLASS, i - 1 - QUEUES };
}

static void differences(const struct experiment *x, const struct experiment *swapped)
{
    for (uint32_t g = 0; g < 1 + QUEUES + CLASSES; g++)
        for (int f = 0; f < FIG_COUNT; f++) {
            double one = experiment_difference(x, group_at(g), (enum figure)f).mean;
            double other = swapped ? experiment_difference(swapped, group_at(g), (enum figure)f).mean : 0;
            if (isnan(one) && (!swapped || isnan(other))) continue;
            if (fabs(one + other) > 1e-9) broken("%s of group %u: %g one way, %g the other", figure_rows[f].key, g, one, other);
        }
}

static void one_world(uint64_t seed)
{
    struct experiment x, y;
    struct findings f;

    memset(&w, 0, sizeof w);
    w.seed = seed;
    w.shown = getenv("NARU_SHOW");
    rng_seed(&w.rng, seed);
    w.of = w.p = draw_policy(true);
    w.q = draw_policy(once_in(2));
    arena_init(&w.arena, 1u << 20);
    findings_init(&f);
    assert_int_equal(sim_bind(&w.rules[0], w.p, w.p, &w.arena, &f), ERR_OK);
    assert_int_equal(sim_bind(&w.rules[1], w.p, w.q, &w.arena, &f), ERR_OK);
    findings_fini(&f);
    draw_arrivals();
    draw_duties();

    play_once(w.q);
    play_once(w.p);
    uint64_t print = w.print;
    for (uint32_t i = 0; i < w.count; i++) told_rightly(i);
    worked_off();
    play_once(w.p);
    if (w.print != print) broken("told something else the second time");

    compared(&x, 0, 0);
    for (uint32_t i = 0; i < 1 + QUEUES + CLASSES; i++) figures_of(&x, group_at(i));
    differences(&x, NULL);
    experiment_fini(&x);
    compared(&x, 0, 1);
    compared(&y, 1, 0);
    differences(&x, &y);
    experiment_fini(&x);
    experiment_fini(&y);

    arena_fini(&w.arena);
    policy_unref(w.p);
    policy_unref(w.q);
}

static void what_random_worlds_tell_is_what_happened_in_them(void **state)
{
    const char *one = getenv("NARU_SEED"), *seconds = getenv("NARU_WORLD_SECONDS"), *worlds = getenv("NARU_WORLDS");
    uint64_t until = clock_cpu_us() + (seconds ? strtoull(seconds, NULL, 10) : 2) * 1000000;
    uint64_t seed = one ? strtoull(one, NULL, 10) : 1, most = worlds ? strtoull(worlds, NULL, 10) : 0, all = 0;

    (void)state;
    do {
        one_world(seed);
        all = all * 31 + w.print;
    } while (!one && (most ? seed++ < most : (seed++, clock_cpu_us() < until)));
    print_message("  %llu worlds: %016llx\n", (unsigned long long)(one ? 1 : seed - 1), (unsigned long long)all);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(what_random_worlds_tell_is_what_happened_in_them) };

    log_max = LOG_ERROR;
    metrics_init("test");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
