/* A run against a simulator written here a second time, as simply as can be: one list of who waits, one of agents, no core. Times
   are small whole numbers so that much happens at one instant. */
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "workers/simulate/run.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* clang-format off: cmocka.h needs those before it */
#include <cmocka.h>
/* clang-format on */

#define BEGIN  1767571200000ull /* Monday 2026-01-05, 00:00 UTC */
#define MOST   4000u
#define AGENTS 12u

/* ---- arrivals from memory ---- */

struct list_source {
    struct source source; /* first */
    const struct arrival *v;
    uint32_t count, at;
};

static enum err list_next(struct source *s, struct arrival *out)
{
    struct list_source *l = (struct list_source *)s;

    if (l->at == l->count) return ERR_NOTFOUND;
    *out = l->v[l->at++];
    return ERR_OK;
}

static struct list_source list_of(const struct arrival *v, uint32_t count)
{
    return (struct list_source){ .source = { .next = list_next }, .v = v, .count = count };
}

/* ---- a run, and what it told ---- */

struct row {
    char id[SIM_ID_MAX + 1], agent[32];
    enum outcome outcome;
    uint64_t start, end, target;
    double match;
    uint32_t queue;
};
struct told {
    struct row *v;
    uint32_t count;
    struct agent_use use[64];
    uint32_t agents;
    struct sim_end end;
};

static void keep_outcome(void *ctx, const struct outcome_of *o)
{
    struct told *t = ctx;
    struct row *r = &t->v[t->count++];

    *r = (struct row){
        .outcome = o->outcome, .start = o->start, .end = o->end, .target = o->target, .match = o->match, .queue = o->queue
    };
    memcpy(r->id, o->id, strlen(o->id) + 1);
    if (o->agent) snprintf(r->agent, sizeof r->agent, "%s", o->agent);
}

static void keep_agent(void *ctx, const struct agent_use *u)
{
    struct told *t = ctx;

    if (t->agents < 64) t->use[t->agents++] = *u;
}

static struct policy *load(const char *yaml)
{
    struct policy *p = NULL;
    struct findings f;
    struct buf b;

    findings_init(&f);
    buf_init(&b, 1u << 20);
    if (policy_load(&p, str_of(yaml), "test", BEGIN, &f)) {
        findings_text(&f, "test", &b);
        fail_msg("%.*s", STR_FMT(buf_str(&b)));
    }
    findings_fini(&f);
    buf_fini(&b);
    return p;
}

static enum err play_with(const struct sim_cfg *with, const struct arrival *v, uint32_t count, struct told *out)
{
    struct list_source s = list_of(v, count);
    struct sim_cfg cfg = *with;
    enum err e;

    *out = (struct told){ .v = calloc(count + 1, sizeof *out->v) };
    cfg.source = &s.source;
    cfg.on_outcome = keep_outcome;
    cfg.on_agent = keep_agent;
    cfg.ctx = out;
    e = sim_run(&cfg, &out->end);
    if (e) print_error("%s: %s\n", err_name(e), out->end.why);
    return e;
}

static void play(const struct sim_cfg *with, const struct arrival *v, uint32_t count, struct told *out)
{
    assert_int_equal(play_with(with, v, count, out), ERR_OK);
    assert_int_equal(out->count, count);
}

static const struct row *row_of(const struct told *t, const char *id)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (strcmp(t->v[i].id, id) == 0) return &t->v[i];
    fail_msg("no outcome of %s", id);
    return NULL;
}

/* ---- the simple simulator: first come first served (or by urgency), to the agent who has been idle longest ---- */

struct simple_agent {
    uint32_t ticket; /* in hand; UINT32_MAX */
    uint64_t done;
    int64_t idle;
    unsigned skills; /* bits */
};
struct simple {
    const struct arrival *v;
    const unsigned *needs, *rank; /* by arrival; NULL: none. rank: the higher goes first */
    uint32_t count, agents, places;
    bool waits[MOST];
    struct simple_agent agent[AGENTS];
    struct row rows[MOST];
    uint32_t told;
};

static void simple_row(struct simple *s, uint32_t i, enum outcome o, int agent, uint64_t start, uint64_t end)
{
    struct row *r = &s->rows[s->told++];

    *r = (struct row){ .outcome = o, .start = start, .end = end };
    memcpy(r->id, s->v[i].id, sizeof r->id);
    if (agent >= 0) snprintf(r->agent, sizeof r->agent, "a%d", agent);
}

static int simple_agent_for(const struct simple *s, uint32_t i)
{
    int best = -1;

    for (int a = 0; a < (int)s->agents; a++) {
        const struct simple_agent *g = &s->agent[a];
        if (g->ticket != UINT32_MAX || (s->needs && (s->needs[i] & ~g->skills))) continue;
        if (best < 0 || g->idle < s->agent[best].idle) best = a;
    }
    return best;
}

static bool simple_goes_before(const struct simple *s, uint32_t i, uint32_t k) { return s->rank && s->rank[i] > s->rank[k]; }

static void simple_match(struct simple *s, uint64_t now, uint64_t *start)
{
    for (;;) {
        uint32_t best = UINT32_MAX;
        for (uint32_t i = 0; i < s->count; i++)
            if (s->waits[i] && simple_agent_for(s, i) >= 0 && (best == UINT32_MAX || simple_goes_before(s, i, best))) best = i;
        if (best == UINT32_MAX) return;
        struct simple_agent *g = &s->agent[simple_agent_for(s, best)];
        s->waits[best] = false;
        start[best] = now;
        g->ticket = best;
        g->done = now + s->v[best].work;
    }
}

static uint32_t simple_waiting(const struct simple *s)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < s->count; i++) n += s->waits[i];
    return n;
}

static void simple_run(struct simple *s)
{
    static uint64_t start[MOST];
    uint32_t next = 0;

    for (uint32_t a = 0; a < s->agents; a++) s->agent[a].ticket = UINT32_MAX, s->agent[a].idle = -1;
    for (uint64_t now = 0; s->told < s->count;) {
        uint64_t then = UINT64_MAX;
        for (uint32_t a = 0; a < s->agents; a++) {
            struct simple_agent *g = &s->agent[a];
            if (g->ticket == UINT32_MAX || g->done > now) continue;
            simple_row(s, g->ticket, OUT_SERVED, (int)a, start[g->ticket], now);
            g->ticket = UINT32_MAX;
            g->idle = (int64_t)now;
        }
        simple_match(s, now, start);
        for (uint32_t i = 0; i < s->count; i++)
            if (s->waits[i] && s->v[i].patience != SIM_FOR_EVER && s->v[i].at + s->v[i].patience <= now) {
                s->waits[i] = false;
                simple_row(s, i, OUT_ABANDONED, -1, UINT64_MAX, now);
            }
        uint32_t first = next;
        while (next < s->count && s->v[next].at == now) s->waits[next++] = true;
        simple_match(s, now, start);
        for (uint32_t i = next; i-- > first;)
            if (s->places && s->waits[i] && simple_waiting(s) > s->places) {
                s->waits[i] = false;
                simple_row(s, i, OUT_BLOCKED, -1, UINT64_MAX, now);
            }
        if (next < s->count) then = s->v[next].at;
        for (uint32_t a = 0; a < s->agents; a++)
            if (s->agent[a].ticket != UINT32_MAX && s->agent[a].done < then) then = s->agent[a].done;
        for (uint32_t i = 0; i < s->count; i++)
            if (s->waits[i] && s->v[i].patience != SIM_FOR_EVER && s->v[i].at + s->v[i].patience < then)
                then = s->v[i].at + s->v[i].patience;
        now = then;
    }
}

static int by_id(const void *a, const void *b) { return strcmp(((const struct row *)a)->id, ((const struct row *)b)->id); }

static void compare(struct simple *s, struct told *t)
{
    qsort(s->rows, s->told, sizeof *s->rows, by_id);
    qsort(t->v, t->count, sizeof *t->v, by_id);
    assert_int_equal(s->told, t->count);
    for (uint32_t i = 0; i < t->count; i++) {
        const struct row *a = &s->rows[i], *b = &t->v[i];
        if (strcmp(a->id, b->id) || a->outcome != b->outcome || strcmp(a->agent, b->agent) || a->start != b->start ||
            a->end != b->end)
            fail_msg("row %u: expected %s %s %s %lld %lld, got %s %s %s %lld %lld", i, a->id, outcome_words.v[a->outcome], a->agent,
                     (long long)a->start, (long long)a->end, b->id, outcome_words.v[b->outcome], b->agent, (long long)b->start,
                     (long long)b->end);
    }
}

/* ---- random arrivals ---- */

static struct arrival arrivals[MOST];

static void draw(uint64_t seed, uint32_t count, uint32_t gap, uint32_t work, uint32_t patience)
{
    struct rng r;
    uint64_t at = 0;

    rng_seed(&r, seed);
    for (uint32_t i = 0; i < count; i++) {
        at += rng_below(&r, gap);
        arrivals[i] = (struct arrival){ .at = at,
                                        .work = 1 + rng_below(&r, work),
                                        .patience = patience && rng_below(&r, 2) ? rng_below(&r, patience) : SIM_FOR_EVER };
        snprintf(arrivals[i].id, sizeof arrivals[i].id, "t%05u", i);
    }
}

#define HEAD "naru: 1\nworkspace: w\nchannels:\n  voice: { cost: 100, offer: 20s }\n  webchat: { cost: 50, offer: 20s }\n"

static struct sim_class one_class(const char *name, int queue)
{
    return (struct sim_class){ .name = name, .queue = queue, .channel = "voice", .urgency = URG_NORMAL, .weight = 1 };
}

static struct policy *load_desk(const char *queue, uint32_t agents)
{
    struct policy *p;
    struct buf b;

    buf_init(&b, 65536);
    buf_addz(&b, HEAD "queues:\n  desk: ");
    buf_addz(&b, queue);
    buf_addz(&b, "\nagents:\n");
    for (uint32_t i = 0; i < agents; i++) buf_addf(&b, "  a%u: { skills: { s%u: 5 } }\n", i, i);
    buf_addc(&b, '\0');
    p = load(b.p);
    buf_fini(&b);
    return p;
}

static void same_as_simple(uint64_t seed, uint32_t agents, uint32_t gap, uint32_t work, uint32_t patience, uint32_t places)
{
    struct policy *p = load_desk("{ takes: default, order: fifo, choose: [longest-idle] }", agents);
    struct sim_class c = one_class("desk", 0);
    struct sim_places place = { 0, places, 0 };
    struct simulate_rules rules = {
        .from = BEGIN, .classes = &c, .class_count = 1, .places = &place, .places_count = places ? 1 : 0
    };
    static struct simple s;
    struct told t;

    draw(seed, MOST, gap, work, patience);
    s = (struct simple){ .v = arrivals, .count = MOST, .agents = agents, .places = places };
    simple_run(&s);
    play(&(struct sim_cfg){ .policy = p, .rules = &rules, .seed = seed }, arrivals, MOST, &t);
    compare(&s, &t);
    free(t.v);
    policy_unref(p);
}

static void first_come_first_served_by_the_longest_idle_is_as_the_simple_simulator_has_it(void **state)
{
    (void)state;
    same_as_simple(1, 1, 4, 3, 0, 0);
    same_as_simple(2, 5, 3, 8, 0, 0);
    same_as_simple(3, 12, 2, 11, 20, 0);
    same_as_simple(4, 7, 2, 12, 5, 0);
    same_as_simple(5, 4, 3, 8, 0, 3);
    same_as_simple(6, 3, 2, 8, 10, 5);
}

/* Where no two things happen at once, the best agent for the first ticket is all there is to decide. */
static void strict_priority_with_skills_is_as_the_simple_simulator_has_it(void **state)
{
    static const char yaml[] =
        HEAD "queues:\n"
             "  one: { takes: default, order: priority, needs: { a: 3 }, choose: [longest-idle] }\n"
             "  two: { takes: { tag: two }, order: priority, needs: { b: 3 }, choose: [longest-idle] }\n"
             "agents:\n  a0: { skills: { a: 5 } }\n  a1: { skills: { a: 3, b: 3 } }\n  a2: { skills: { b: 9, a: 2 } }\n"
             "  a3: { skills: { b: 4 } }\n  a4: { skills: { a: 9, b: 9 } }\n";
    static const unsigned skills[] = { 1, 3, 2, 2, 3 }, needs_of[] = { 1, 1, 2, 2 }, rank_of[] = { 1, 2, 1, 3 };
    static unsigned needs[MOST], rank[MOST];
    struct policy *p = load(yaml);
    struct sim_class c[4];
    struct simulate_rules rules = { .from = BEGIN, .classes = c, .class_count = 4 };
    static struct simple s;
    struct told t;
    struct rng r;

    (void)state;
    for (int i = 0; i < 4; i++) c[i] = one_class("c", i / 2), c[i].urgency = (enum urgency)rank_of[i];
    draw(9, MOST, 20000000, 90000000, 40000000);
    rng_seed(&r, 3);
    for (uint32_t i = 0; i < MOST; i++) {
        arrivals[i].class = (uint32_t)rng_below(&r, 4);
        needs[i] = needs_of[arrivals[i].class];
        rank[i] = rank_of[arrivals[i].class];
    }
    /* A day more of age counts as a step of urgency: so nobody waits that long here. */
    for (uint32_t i = 0; i < MOST; i++) {
        arrivals[i].at /= 1000, arrivals[i].work = arrivals[i].work / 2200 + 1;
        if (arrivals[i].patience != SIM_FOR_EVER) arrivals[i].patience /= 1000;
    }
    s = (struct simple){ .v = arrivals, .needs = needs, .rank = rank, .count = MOST, .agents = 5 };
    for (int a = 0; a < 5; a++) s.agent[a].skills = skills[a];
    simple_run(&s);
    play(&(struct sim_cfg){ .policy = p, .rules = &rules, .seed = 1 }, arrivals, MOST, &t);
    compare(&s, &t);
    free(t.v);
    policy_unref(p);
}

/* ---- small plays, told by hand ---- */

struct stage { /* one policy, classes `one` of webchat and `two` of voice in queue 0 */
    struct policy *p;
    struct sim_class c[2];
    struct simulate_rules rules;
    struct told told;
};

static void raise_curtain(struct stage *s, const char *rest)
{
    struct buf b;

    buf_init(&b, 65536);
    buf_addz(&b, "naru: 1\nworkspace: w\n");
    buf_addz(&b, rest);
    buf_addc(&b, '\0');
    *s = (struct stage){ .p = load(b.p) };
    s->c[0] = one_class("one", 0);
    s->c[0].channel = "webchat";
    s->c[1] = one_class("two", 0);
    s->rules = (struct simulate_rules){ .from = BEGIN, .classes = s->c, .class_count = 2 };
    buf_fini(&b);
}

static void play_stage(struct stage *s, const struct arrival *v, uint32_t count)
{
    free(s->told.v);
    play(&(struct sim_cfg){ .policy = s->p, .rules = &s->rules, .seed = 5 }, v, count, &s->told);
}

static void drop_curtain(struct stage *s)
{
    free(s->told.v);
    policy_unref(s->p);
}

#define IS(s, name, what, who, from, to)                                                                                           \
    do {                                                                                                                           \
        const struct row *is_ = row_of(&(s)->told, name);                                                                          \
        assert_string_equal(outcome_words.v[is_->outcome], what);                                                                  \
        assert_string_equal(is_->agent, who);                                                                                      \
        assert_int_equal((long long)is_->start, (long long)(from));                                                                \
        assert_int_equal((long long)is_->end, (long long)(to));                                                                    \
    } while (0)
#define FOR_EVER SIM_FOR_EVER
#define NOBODY   UINT64_MAX

#define DESK "queues:\n  desk: { takes: default, order: fifo, choose: [least-loaded, longest-idle] }\n"
#define CHATS                                                                                                                      \
    "channels:\n  webchat: { cost: 50, offer: 20s }\n  voice: { cost: 50, offer: 20s, exclusive: interrupts, wrapup: 2s }\n"
#define A       "agents:\n  a: { skills: { x: 5 } }\n"
#define A_AND_B A "  b: { skills: { x: 5 } }\n"

static void two_chats_at_once_share_an_agent(void **state)
{
    const struct arrival v[] = { { "1", 0, 0, 10000, FOR_EVER }, { "2", 0, 4000, 10000, FOR_EVER } };
    struct sim_parallel fast = { "webchat", (double[]){ 1, 0.8 }, 2, 0 };
    struct stage s;

    (void)state;
    raise_curtain(&s, CHATS DESK A);
    play_stage(&s, v, 2);
    IS(&s, "1", "served", "a", 0, 16000); /* 4 s alone, 12 s at half speed */
    IS(&s, "2", "served", "a", 4000, 20000);
    assert_int_equal(s.told.use[0].busy_ms, 20000);
    assert_int_equal(s.told.use[0].unit_ms, 20000 * 50 + 12000 * 50);
    s.rules.parallel = &fast;
    s.rules.parallel_count = 1;
    play_stage(&s, v, 2);
    IS(&s, "1", "served", "a", 0, 11500);
    IS(&s, "2", "served", "a", 4000, 15500); /* 7.5 s at 0.8, 4 s alone */
    drop_curtain(&s);
}

static void a_call_lets_the_chats_stand_still_until_it_is_wrapped_up(void **state)
{
    const struct arrival v[] = { { "1", 0, 0, 10000, FOR_EVER }, { "2", 1, 4000, 3000, FOR_EVER } };
    struct stage s;

    (void)state;
    raise_curtain(&s, CHATS DESK A);
    play_stage(&s, v, 2);
    IS(&s, "2", "served", "a", 4000, 7000); /* the wrap-up is the agent's, not the customer's */
    IS(&s, "1", "served", "a", 0, 15000);
    drop_curtain(&s);
}

static void speed_and_match_are_of_the_agent_and_the_class(void **state)
{
    const struct arrival v[] = { { "1", 0, 0, 10000, FOR_EVER }, { "2", 1, 10000, 10000, FOR_EVER } };
    struct sim_number of_two = { 1, 2.0 };
    struct sim_agent a = { .agent = 0, .speed = { 0.5, &of_two, 1 }, .match = { 0.9, NULL, 0 } };
    struct stage s;

    (void)state;
    raise_curtain(&s, CHATS DESK A);
    s.rules.agents = &a;
    s.rules.agent_count = 1;
    play_stage(&s, v, 2);
    IS(&s, "1", "served", "a", 0, 20000 + 7000); /* half speed, with 5 s of a call and its wrap-up between */
    IS(&s, "2", "served", "a", 10000, 15000);
    assert_true(fabs(row_of(&s.told, "1")->match - 0.9) < 1e-9);
    drop_curtain(&s);
}

static void offers_are_accepted_after_a_while_and_patience_counts_until_then(void **state)
{
    const struct arrival v[] = { { "1", 0, 0, 1000, FOR_EVER }, { "2", 0, 100000, 1000, 3000 }, { "3", 0, 200000, 1000, 2999 } };
    struct stage s;

    (void)state;
    raise_curtain(&s, CHATS DESK A);
    s.rules.accept = (struct dist){ DIST_FIXED, 3000, 1 };
    play_stage(&s, v, 3);
    IS(&s, "1", "served", "a", 3000, 4000);
    IS(&s, "2", "abandoned", "", NOBODY, 103000); /* abandonments go before what is due by the clock */
    IS(&s, "3", "abandoned", "", NOBODY, 202999);
    drop_curtain(&s);
}

static void who_declines_or_misses_is_passed_over_and_comes_back(void **state)
{
    static struct arrival v[400];
    struct stage s;
    uint32_t served[2], missed, declined;

    (void)state;
    for (uint32_t i = 0; i < 400; i++) {
        v[i] = (struct arrival){ .at = i * 60000ull, .work = 1000, .patience = FOR_EVER };
        snprintf(v[i].id, sizeof v[i].id, "%u", i);
    }
    raise_curtain(&s, CHATS DESK A_AND_B);
    s.rules.declined = 0.2;
    s.rules.missed = 0.3;
    play_stage(&s, v, 400);
    missed = s.told.use[0].missed + s.told.use[1].missed;
    declined = s.told.use[0].declined + s.told.use[1].declined;
    assert_in_range(missed, 180, 320); /* of some 800 offers */
    assert_in_range(declined, 110, 220);
    assert_int_equal(s.told.end.decisions, 400 + missed + declined);
    for (int i = 0; i < 2; i++) served[i] = s.told.use[i].served;
    assert_int_equal(served[0] + served[1], 400);
    assert_true(s.told.use[0].online_ms < s.told.end.last_ms - 60000); /* three misses in a row: away for a minute */
    drop_curtain(&s);
}

static void a_start_is_said_where_the_channel_awaits_one(void **state)
{
    const struct arrival v[] = { { "1", 1, 0, 60000, FOR_EVER }, { "2", 0, 1, 60000, 5 } };
    struct stage s;

    (void)state;
    raise_curtain(
        &s,
        "channels:\n  voice: { cost: 100, offer: 20s, connect: 5s }\n  webchat: { cost: 100, auto-accept: yes, connect: 3s }\n" DESK
            A_AND_B);
    play_stage(&s, v, 2);
    IS(&s, "1", "served", "a", 0, 60000);
    IS(&s, "2", "served", "b", 1, 60001);
    assert_int_equal(s.told.use[0].missed, 0);
    drop_curtain(&s);
}

static void the_policy_refuses_calls_back_and_closes(void **state)
{
    static const char yaml[] =
        "hours:\n  days: { timezone: UTC, open: { mon-fri: \"09:00-18:00\" } }\n" CHATS
        "queues:\n  desk: { takes: default, sla: { answer: { within: 60s, hours: days } }, overflow: [ { "
        "when: { closed: days }, callback: next-open } ], timeline: [ { after: 2h, close: \"sorry\" } ] }\n"
        "  full: { takes: { tag: full }, overflow: [ { when: { waiting: \">1\" }, refuse: \"full\" } ] }\n" A;
    struct arrival v[] = { { "1", 1, 8 * 3600000, 14400000, 1000 },  { "2", 1, 12 * 3600000, 1000, 1000 },
                           { "3", 0, 12 * 3600000, 1000, FOR_EVER }, { "4", 2, 12 * 3600000, 1000, FOR_EVER },
                           { "6", 2, 12 * 3600000, 1000, FOR_EVER }, { "5", 2, 12 * 3600000 + 1, 1000, FOR_EVER } };
    struct sim_class c[3] = { one_class("one", 0), one_class("two", 0), one_class("three", 1) };
    struct stage s;

    (void)state;
    raise_curtain(&s, yaml);
    s.rules.classes = c;
    s.rules.class_count = 3;
    play_stage(&s, v, 6);
    IS(&s, "1", "served", "a", 9 * 3600000, 13 * 3600000); /* has hung up, and is called at nine */
    assert_int_equal(row_of(&s.told, "1")->target, 3600000 + 60000);
    IS(&s, "2", "abandoned", "", NOBODY, 12 * 3600000 + 1000);
    assert_int_equal(row_of(&s.told, "2")->target, 60000);
    IS(&s, "3", "served", "a", 13 * 3600000 + 2000, 13 * 3600000 + 3000);
    IS(&s, "5", "blocked", "", NOBODY, 12 * 3600000 + 1);
    assert_int_equal(row_of(&s.told, "5")->queue, 1);
    v[0].work = 8 * 3600000;
    play_stage(&s, v, 6);
    IS(&s, "3", "blocked", "", NOBODY, 14 * 3600000); /* closed by its queue */
    drop_curtain(&s);
}

static void what_is_parked_with_somebody_is_done(void **state)
{
    static const char yaml[] =
        CHATS "queues:\n  desk: { takes: default, timeline: [ { since: assigned, after: 12s, park: yes } ] }\n" A;
    const struct arrival v[] = { { "1", 0, 0, 60000, FOR_EVER }, { "2", 0, 100000, 1000, FOR_EVER } };
    struct stage s;

    (void)state;
    raise_curtain(&s, yaml);
    play_stage(&s, v, 2);
    IS(&s, "1", "served", "a", 0, 12000);
    IS(&s, "2", "served", "a", 100000, 101000);
    assert_int_equal(s.told.end.last_ms, 101000);
    assert_int_equal(s.told.use[0].busy_ms, 13000);
    drop_curtain(&s);
}

static void a_roster_says_who_is_there_and_work_in_hand_is_ended(void **state)
{
    struct duty d[] = { { "b", 0, 5000 }, { "a", 3000, 9000 }, { "b", 5000, 6000 }, { "nobody of the policy", 0, 9 } };
    struct duties duties = { d, 4, true };
    const struct arrival v[] = { { "1", 1, 0, 1000, FOR_EVER },
                                 { "2", 1, 2, 10000, FOR_EVER },
                                 { "3", 1, 4000, 7000, FOR_EVER },
                                 { "4", 1, 12000, 1, FOR_EVER } };
    struct stage s;

    (void)state;
    raise_curtain(&s, "channels:\n  voice: { cost: 100, offer: 20s }\n" DESK A_AND_B);
    play(&(struct sim_cfg){ .policy = s.p, .rules = &s.rules, .duties = &duties }, v, 4, &s.told);
    IS(&s, "1", "served", "b", 0, 1000);
    IS(&s, "2", "served", "b", 1000, 11000);
    IS(&s, "3", "served", "a", 4000, 11000);
    IS(&s, "4", "waiting", "", NOBODY, 12000);
    assert_int_equal(s.told.use[0].online_ms, 8000); /* from three seconds to the end of what was in hand */
    assert_int_equal(s.told.use[0].busy_ms, 7000);
    assert_int_equal(s.told.use[1].online_ms, 11000);
    assert_int_equal(s.told.end.last_ms, 12000);
    drop_curtain(&s);
}

static void what_nobody_can_ever_serve_waits_and_a_step_that_widens_is_waited_for(void **state)
{
    static const char yaml[] =
        CHATS "queues:\n  desk: { takes: default, needs: { y: 3 } }\n"
              "  other: { takes: { tag: o }, needs: { x: 9 }, timeline: [ { after: 3d, needs: { x: 5 } } ] }\n" A;
    const struct arrival v[] = { { "1", 0, 7, 1000, FOR_EVER }, { "2", 1, 9, 1000, FOR_EVER } };
    struct stage s;

    (void)state;
    raise_curtain(&s, yaml);
    s.c[1].queue = 1;
    play_stage(&s, v, 2);
    IS(&s, "1", "waiting", "", NOBODY, 3 * 86400000 + 3009); /* to the end of the last wrap-up */
    IS(&s, "2", "served", "a", 3 * 86400000 + 9, 3 * 86400000 + 1009);
    assert_int_equal(s.told.end.last_ms, 3 * 86400000 + 3009);
    drop_curtain(&s);
}

static void hours_hold_beyond_the_days_that_a_policy_is_laid_out_for(void **state)
{
    static const char yaml[] = "hours:\n  days: { timezone: UTC, open: { mon-sun: \"09:00-18:00\" } }\n" CHATS
                               "queues:\n  desk: { takes: default, sla: { answer: { within: 60s, hours: days } } }\n"
                               "agents:\n  a: { shift: days }\n";
    static struct arrival v[40];
    struct stage s;

    (void)state;
    raise_curtain(&s, yaml);
    for (uint32_t i = 0; i < 40; i++) {
        v[i] = (struct arrival){ .at = i * 30 * 86400000ull + 3 * 3600000, .work = 1000, .patience = FOR_EVER };
        snprintf(v[i].id, sizeof v[i].id, "%u", i);
    }
    play_stage(&s, v, 40);
    for (uint32_t i = 0; i < 40; i++) {
        IS(&s, v[i].id, "served", "a", v[i].at + 6 * 3600000, v[i].at + 6 * 3600000 + 1000);
        assert_int_equal(row_of(&s.told, v[i].id)->target, 6 * 3600000 + 60000);
    }
    assert_int_equal(s.told.use[0].online_ms, 39ull * 30 * 9 * 3600000 + 1000);
    drop_curtain(&s);
}

static void who_is_served_takes_no_place(void **state)
{
    const struct arrival v[] = { { "1", 0, 5, 1000, FOR_EVER }, { "2", 0, 5, 1000, FOR_EVER }, { "3", 1, 5, 1000, FOR_EVER } };
    struct skill nobody_has = { "y", 1, false };
    struct sim_places place = { 0, 1, 0 };
    struct stage s;

    (void)state;
    raise_curtain(&s, CHATS DESK A);
    s.c[0].needs = (struct skills){ &nobody_has, 1 };
    s.rules.places = &place;
    s.rules.places_count = 1;
    play_stage(&s, v, 3);
    IS(&s, "1", "waiting", "", NOBODY, 3005);
    IS(&s, "2", "blocked", "", NOBODY, 5);
    IS(&s, "3", "served", "a", 5, 1005);
    drop_curtain(&s);
}

static void who_missed_too_much_is_back_after_a_minute(void **state)
{
    const struct arrival v[] = { { "1", 0, 0, 1000, FOR_EVER } };
    struct stage s;

    (void)state;
    raise_curtain(&s, "presence: { misses: 1 }\n" CHATS DESK A);
    s.rules.missed = 0.95;
    play_stage(&s, v, 1);
    const struct row *r = row_of(&s.told, "1");
    assert_int_equal(r->outcome, OUT_SERVED);
    assert_true(s.told.use[0].missed > 0);
    assert_int_equal(r->start, s.told.use[0].missed * 80000ull); /* an offer stands 20 s, then they are away */
    assert_int_equal(s.told.use[0].online_ms, s.told.use[0].missed * 20000ull + 1000);
    drop_curtain(&s);
}

static void only_what_happens_in_its_time_is_an_agents_use(void **state)
{
    static struct arrival v[100];
    struct stage s;
    uint32_t declined = 0, missed = 0;

    (void)state;
    for (uint32_t i = 0; i < 100; i++) {
        v[i] = (struct arrival){ .at = i * 100000ull, .work = 50000, .patience = FOR_EVER };
        snprintf(v[i].id, sizeof v[i].id, "%u", i);
    }
    raise_curtain(&s, CHATS "queues:\n  desk: { takes: default, offers: { back-off: 1s } }\n" A_AND_B);
    s.rules.declined = 0.2;
    s.rules.missed = 0.05;
    for (int part = 0; part < 3; part++) { /* all of it, one part, the rest */
        const uint64_t from[] = { 0, 0, 5000000 }, to[] = { 0, 5000000, 0 };
        free(s.told.v);
        play(&(struct sim_cfg){ .policy = s.p, .rules = &s.rules, .seed = 5, .use_from = from[part], .use_to = to[part] }, v, 100,
             &s.told);
        uint32_t served = 0, of_part[2] = { 0, 0 };
        uint64_t busy = 0;
        for (int a = 0; a < 2; a++) {
            served += s.told.use[a].served;
            of_part[0] += s.told.use[a].declined;
            of_part[1] += s.told.use[a].missed;
            busy += s.told.use[a].busy_ms;
        }
        assert_int_equal(served, part ? 50 : 100);
        assert_int_equal(busy, (part ? 50 : 100) * 50000);
        if (part == 0) declined = of_part[0], missed = of_part[1];
        else declined -= of_part[0], missed -= of_part[1];
        assert_true(part == 2 || (declined && missed));
    }
    assert_int_equal(declined, 0);
    assert_int_equal(missed, 0);
    drop_curtain(&s);
}

/* ---- the run as such ---- */

static volatile sig_atomic_t stop;
static void stop_after(void *ctx, const struct outcome_of *o)
{
    keep_outcome(ctx, o);
    if (((struct told *)ctx)->count == 100) stop = 1;
}

static void an_interrupted_run_tells_what_it_has(void **state)
{
    struct list_source source;
    struct told t = { .v = calloc(MOST, sizeof *t.v) };
    struct stage s;

    (void)state;
    raise_curtain(&s, "channels:\n  voice: { cost: 100, offer: 20s }\n" DESK A_AND_B);
    draw(5, MOST, 3, 8, 0);
    source = list_of(arrivals, MOST);
    stop = 0;
    assert_int_equal(sim_run(&(struct sim_cfg){ .policy = s.p,
                                                .rules = &s.rules,
                                                .source = &source.source,
                                                .stop = &stop,
                                                .on_outcome = stop_after,
                                                .on_agent = keep_agent,
                                                .ctx = &t },
                             &t.end),
                     ERR_OK);
    assert_true(t.end.stopped);
    assert_int_equal(t.count, t.end.tickets);
    assert_true(t.count > 100 && t.count < MOST);
    assert_int_equal(t.v[99].outcome, OUT_SERVED);
    assert_int_equal(t.v[101].outcome, OUT_WAITING);
    assert_int_equal(t.agents, 2);
    free(t.v);
    drop_curtain(&s);
}

static void the_same_run_tells_the_same(void **state)
{
    struct stage s;
    struct row *first;
    struct sim_end end;

    (void)state;
    raise_curtain(&s, CHATS "queues:\n  desk: { takes: default, offers: { at-once: 2 }, choose: [round-robin] }\n" A_AND_B
                            "  c: { skills: { x: 1 }, capacity: 100 }\n  d: { skills: { z: 1 }, max: { webchat: 1 } }\n");
    s.rules.declined = s.rules.missed = 0.1;
    s.rules.accept = (struct dist){ DIST_LOGNORMAL, 2000, 1 };
    draw(5, 1500, 6000, 9000, 50000);
    for (uint32_t i = 0; i < 1500; i++) arrivals[i].class = i % 2;
    play_stage(&s, arrivals, 1500);
    first = s.told.v;
    end = s.told.end;
    s.told.v = NULL;
    play_stage(&s, arrivals, 1500);
    assert_memory_equal(first, s.told.v, 1500 * sizeof *first);
    assert_memory_equal(&end, &s.told.end, sizeof end);
    free(first);
    drop_curtain(&s);
}

static void arrivals_out_of_order_are_refused_with_the_place(void **state)
{
    const struct arrival v[] = { { "1", 0, 7, 1000, FOR_EVER }, { "2", 0, 6, 1000, FOR_EVER } };
    struct stage s;

    (void)state;
    raise_curtain(&s, CHATS DESK A);
    assert_int_equal(play_with(&(struct sim_cfg){ .policy = s.p, .rules = &s.rules }, v, 2, &s.told), ERR_RANGE);
    assert_string_equal(s.told.end.why, "arrival \"2\" comes before the one before it");
    drop_curtain(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_come_first_served_by_the_longest_idle_is_as_the_simple_simulator_has_it),
        cmocka_unit_test(strict_priority_with_skills_is_as_the_simple_simulator_has_it),
        cmocka_unit_test(two_chats_at_once_share_an_agent),
        cmocka_unit_test(a_call_lets_the_chats_stand_still_until_it_is_wrapped_up),
        cmocka_unit_test(speed_and_match_are_of_the_agent_and_the_class),
        cmocka_unit_test(offers_are_accepted_after_a_while_and_patience_counts_until_then),
        cmocka_unit_test(who_declines_or_misses_is_passed_over_and_comes_back),
        cmocka_unit_test(a_start_is_said_where_the_channel_awaits_one),
        cmocka_unit_test(the_policy_refuses_calls_back_and_closes),
        cmocka_unit_test(what_is_parked_with_somebody_is_done),
        cmocka_unit_test(a_roster_says_who_is_there_and_work_in_hand_is_ended),
        cmocka_unit_test(what_nobody_can_ever_serve_waits_and_a_step_that_widens_is_waited_for),
        cmocka_unit_test(hours_hold_beyond_the_days_that_a_policy_is_laid_out_for),
        cmocka_unit_test(who_is_served_takes_no_place),
        cmocka_unit_test(who_missed_too_much_is_back_after_a_minute),
        cmocka_unit_test(only_what_happens_in_its_time_is_an_agents_use),
        cmocka_unit_test(an_interrupted_run_tells_what_it_has),
        cmocka_unit_test(the_same_run_tells_the_same),
        cmocka_unit_test(arrivals_out_of_order_are_refused_with_the_place),
    };

    log_max = LOG_ERROR;
    metrics_init("test");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
