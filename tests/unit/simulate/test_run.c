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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_come_first_served_by_the_longest_idle_is_as_the_simple_simulator_has_it),
    };

    log_max = LOG_ERROR;
    metrics_init("test");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
