/* What the matching core costs: decisions with 200 agents, the whole life of a ticket, and a big room: 10,000 agents, 100,000
   waiting tickets, 500 different needs. Prints figures; judges nothing. */
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "workers/assign/story.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t now = 1750000000000ull;

static uint64_t ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static struct policy *load(void)
{
    static const char yaml[] =
        "naru: 1\nworkspace: w\nchannels:\n  webchat: { cost: 30, offer: 20s }\naccounts:\n  web: { channel: webchat }\n"
        "queues:\n  desk: { takes: default, sla: { answer: { within: 10m } }, choose: [best-skill, longest-idle] }\n";
    struct policy *p = NULL;
    struct findings f;

    findings_init(&f);
    if (policy_load(&p, STR(yaml), "bench", now, &f)) abort();
    findings_fini(&f);
    return p;
}

static struct workspace *open_room(void)
{
    struct space_cfg cfg = { .name = STR("w"), .seed = 1, .epoch = 1 };
    struct policy *p = load();
    struct workspace *ws;

    if (space_new(&ws, &cfg) || space_policy(ws, now, p)) abort();
    policy_unref(p);
    return ws;
}

/* Agent i of skills s(i), s(i) + 1, … out of `skills`. */
static void add_agents(struct workspace *ws, uint32_t count, uint32_t skills, uint32_t each, uint32_t capacity)
{
    static char names[16][16], name[32];
    struct skill v[16];

    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < each; k++) {
            snprintf(names[k], sizeof names[k], "s%u", (i * 7 + k) % skills);
            v[k] = (struct skill){ names[k], 1 + (i + k) % 10, false };
        }
        snprintf(name, sizeof name, "agent-%u", i);
        if (space_agent(ws, now,
                        &(struct agent_spec){
                            .name = name, .skills = { v, each }, .capacity = capacity, .daily = UINT32_MAX, .shift = -1 }))
            abort();
    }
}

static void set_presence(struct workspace *ws, uint32_t agent, enum presence p)
{
    char name[32];

    snprintf(name, sizeof name, "agent-%u", agent);
    if (p == PRES_AVAILABLE) space_act(ws, now, &(struct act){ .kind = ACT_CONNECT, .agent = str_of(name) });
    space_act(ws, now, &(struct act){ .kind = ACT_PRESENCE, .agent = str_of(name), .presence = p });
}

static void take(struct workspace *ws, uint32_t i, uint32_t needs, uint32_t skills)
{
    char external[24], names[2][16];
    struct need v[2];
    struct event e = { .workspace = STR("w"),
                       .account = STR("web"),
                       .channel = STR("webchat"),
                       .kind = EVENT_MESSAGE,
                       .received = now,
                       .text = STR("I was charged twice for the same order, please help me with this."),
                       .subject = STR(""),
                       .home = 1 };
    struct verdict vd = { .urgency = (enum urgency)(i % 4),
                          .language = STR("en"),
                          .intent = STR("refund_request"),
                          .score = 0.4,
                          .workspace = STR("w") };
    struct reason why[3] = { { STR("language"), STR("script"), STR("latin") },
                             { STR("intent"), STR("rule:refund"), STR("charged twice") },
                             { STR("urgency"), STR("rule:hurry"), STR("please") } };

    snprintf(external, sizeof external, "m%u", i);
    for (uint32_t k = 0; k < needs; k++) {
        snprintf(names[k], sizeof names[k], "s%u", (i + k) % skills);
        v[k] = (struct need){ str_of(names[k]), 1 + (i / skills) % 3 };
    }
    e.external = e.conversation = e.customer = str_of(external);
    e.id = id_of_event(e.account, e.external);
    vd.event = e.id;
    vd.needs = (struct list){ v, needs };
    vd.reasons = (struct list){ why, 3 };
    space_take(ws, now, &e, &vd);
}

static void settle(struct workspace *ws)
{
    while (space_turn(ws, now)) space_out_clear(ws);
    space_out_clear(ws);
}

/* Matching passes with everything that a decision writes; every other one without the trail, which is what it costs that somebody
   may ask later why not before. */
static void decisions(uint32_t agents)
{
    struct workspace *ws = open_room();
    uint64_t spent[2] = { 0 }, offers[2] = { 0 };
    double each[2];

    add_agents(ws, agents, 20, 4, 90);
    for (uint32_t i = 0; i < 4000; i++) take(ws, i, 1, 20);
    settle(ws);
    for (uint32_t round = 0; round < 80000 / agents; round++) {
        bool off = round % 2;
        ws->trail.off = off;
        for (uint32_t i = 0; i < agents; i++) set_presence(ws, i, PRES_AVAILABLE);
        uint64_t made = ws->entries_made[ENTRY_OFFERED], began = ns();
        (void)match_pass(ws);
        spent[off] += ns() - began;
        offers[off] += ws->entries_made[ENTRY_OFFERED] - made;
        for (uint32_t i = 0; i < agents; i++) set_presence(ws, i, PRES_AWAY);
        space_out_clear(ws);
        ws->touched_agent_count = 0; /* the writes of presence are not what is measured */
        for (uint32_t i = 0; i < agents; i++) ws->roster.v[i]->touched = false;
    }
    for (int k = 0; k < 2; k++) each[k] = (double)spent[k] / (double)offers[k];
    printf(
        "%6u agents: %8.0f ns a decision, with its entry, explanation and offer (%llu offers); %.0f ns without the trail: it costs "
        "%.1f %%\n",
        agents, each[0], (unsigned long long)offers[0], each[1], (each[0] / each[1] - 1) * 100);
    space_free(ws);
}

/* By whom it is with, by their token. */
static void act_on(struct workspace *ws, enum act_kind kind, struct ticket *t)
{
    const struct hold *h = t->holds;
    bool offer = h->kind == HOLD_OFFER;

    space_act(ws, now,
              &(struct act){ .kind = kind,
                             .agent = h->agent->name,
                             .ticket = t->id,
                             .token_epoch = offer ? h->token_epoch : t->token_epoch,
                             .token_seq = offer ? h->token_seq : t->token_seq });
}

/* Batches of 32 as a busy loop turn sees them. */
static void lives(uint32_t agents)
{
    enum { BATCH = 32, ROUNDS = 3000 };
    struct workspace *ws = open_room();
    uint64_t part[4] = { 0 }, entries = 0, writes = 0;
    struct ticket *batch[BATCH];

    add_agents(ws, agents, 20, 4, 90);
    for (uint32_t i = 0; i < agents; i++) set_presence(ws, i, PRES_AVAILABLE);
    settle(ws);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint64_t t0 = ns(), t1, t2, t3, t4;
        size_t n = 0;
        struct ticket *t;
        now += 2;
        for (uint32_t i = 0; i < BATCH; i++) take(ws, round * BATCH + i, 1, 20);
        t1 = ns();
        (void)space_turn(ws, now);
        t2 = ns();
        entries += ws->out.entry_count, writes += ws->out.write_count;
        space_out_clear(ws);
        for (size_t i = 0; (t = idmap_next(&ws->tickets, &i)) && n < BATCH;)
            if (t->state == TK_OFFERED) batch[n++] = t;
        uint64_t t2b = ns();
        for (size_t i = 0; i < n; i++) act_on(ws, ACT_ACCEPT, batch[i]);
        (void)space_turn(ws, now);
        t3 = ns();
        entries += ws->out.entry_count, writes += ws->out.write_count;
        space_out_clear(ws);
        for (size_t i = 0; i < n; i++) act_on(ws, ACT_RESOLVE, batch[i]);
        (void)space_turn(ws, now);
        t4 = ns();
        entries += ws->out.entry_count, writes += ws->out.write_count;
        space_out_clear(ws);
        part[0] += t1 - t0, part[1] += t2 - t1, part[2] += t3 - t2b, part[3] += t4 - t3;
    }
    double n = (double)BATCH * ROUNDS;
    printf("%6u agents, a ticket's life: take %.0f + match and offer %.0f + accept %.0f + resolve %.0f = %.0f ns; %.1f entries, "
           "%.1f writes\n",
           agents, (double)part[0] / n, (double)part[1] / n, (double)part[2] / n, (double)part[3] / n,
           (double)(part[0] + part[1] + part[2] + part[3]) / n, (double)entries / n, (double)writes / n);
    space_free(ws);
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void print_spread(const char *what, uint64_t *v, uint32_t n)
{
    qsort(v, n, sizeof *v, by_size);
    printf("  %s: median %.1f us, p99 %.1f us, worst %.1f us (%u of them)\n", what, (double)v[n / 2] / 1e3,
           (double)v[n * 99 / 100] / 1e3, (double)v[n - 1] / 1e3, n);
}

/* With the big tables, which are mapped by themselves. */
static size_t in_use(void)
{
    struct mallinfo2 m = mallinfo2();

    return m.uordblks + m.hblkhd;
}

static struct ticket *some_offered(const struct agent *a) { return a->holds ? a->holds->ticket : NULL; }

/* One agent is freed: the tickets that they get are found, offered, and all of it is on record. */
static void steps(struct workspace *ws, uint32_t agents)
{
    enum { STEPS = 5000 };
    static uint64_t spent[STEPS];

    for (uint32_t i = 0; i < agents; i++) set_presence(ws, i, PRES_AVAILABLE);
    settle(ws);
    for (uint32_t i = 0; i < STEPS; i++) {
        struct agent *a = ws->roster.v[(uint64_t)i * 7919 % agents];
        struct ticket *t = some_offered(a);
        now += 1;
        if (!t) continue;
        act_on(ws, ACT_ACCEPT, t);
        act_on(ws, ACT_RESOLVE, t);
        space_out_clear(ws);
        spent[i] = ns();
        (void)space_turn(ws, now);
        spent[i] = ns() - spent[i];
        space_out_clear(ws);
    }
    print_spread("an agent who ended one ticket is offered the next", spent, STEPS);
}

/* The best agent for the ticket that is first in each line, no more: what the matcher itself decides. */
static void pure(struct workspace *ws, const char *what, uint32_t rounds)
{
    uint64_t began = ns(), decided = 0;
    struct agent *best;

    for (uint32_t r = 0; r < rounds; r++)
        for (uint32_t i = 0; i < ws->active_count; i++) {
            const struct lane *l = ws->active[i]->lanes[0];
            decided += match_best(ws, container_of(heap_peek(&l->waiting), struct ticket, in_lane), 1, &best);
        }
    printf("  %s: %.0f decisions a second\n", what, (double)decided * 1e9 / (double)(ns() - began));
}

static void big_room(uint32_t agents, uint32_t tickets, uint32_t needs)
{
    struct workspace *ws = open_room();
    uint64_t began = ns(), worst = 0, turns = 0;
    size_t before;

    add_agents(ws, agents, needs, 8, 60);
    printf("%6u agents made in %.1f ms\n", agents, (double)(ns() - began) / 1e6);
    settle(ws);
    before = in_use();
    began = ns();
    for (uint32_t i = 0; i < tickets; i++) {
        take(ws, i, 1, needs);
        if (i % 64 == 63) {
            (void)space_turn(ws, now);
            space_out_clear(ws);
        }
    }
    settle(ws);
    printf("%6u tickets wait in %u lines: %.0f ns each, %.0f bytes each (the ticket itself %zu)\n", tickets, ws->active_count,
           (double)(ns() - began) / tickets, (double)(in_use() - before) / tickets, sizeof(struct ticket));
    for (uint32_t i = 0; i < agents; i++) set_presence(ws, i, PRES_AVAILABLE);
    pure(ws, "of 10,000 free agents the best for each line's first ticket", 20);
    began = ns();
    uint64_t made = ws->entries_made[ENTRY_OFFERED];
    for (bool more = true; more; turns++) {
        uint64_t one = ns();
        more = space_turn(ws, now);
        one = ns() - one;
        if (one > worst) worst = one;
        space_out_clear(ws);
    }
    made = ws->entries_made[ENTRY_OFFERED] - made;
    printf("  all come at once: %llu offers in %.0f ms (%.1f us each), %llu turns, longest %.1f ms\n", (unsigned long long)made,
           (double)(ns() - began) / 1e6, (double)(ns() - began) / 1e3 / (double)(made ? made : 1), (unsigned long long)turns,
           (double)worst / 1e6);
    steps(ws, agents);
    space_free(ws);
}

/* The matcher alone, in a room of the usual size: every agent free, nothing offered. */
static void small_room(uint32_t agents)
{
    struct workspace *ws = open_room();

    add_agents(ws, agents, 20, 4, 90);
    for (uint32_t i = 0; i < 400; i++) take(ws, i, 1, 20);
    settle(ws);
    for (uint32_t i = 0; i < agents; i++) set_presence(ws, i, PRES_AVAILABLE);
    printf("%6u agents\n", agents);
    pure(ws, "the best of them for each line's first ticket", 20000);
    space_free(ws);
}

static void all_decisions(void)
{
    decisions(20);
    decisions(200);
}

/* One answer to "why not before", with a full trail behind it, about a ticket that waits since the trail began. */
static void stories(uint32_t agents)
{
    struct workspace *ws = open_room();
    static struct story s;
    static uint64_t spent[50];
    struct id id = { { 0 } };
    struct ticket *t;

    add_agents(ws, agents, 20, 4, 90);
    take(ws, UINT32_MAX, 1, UINT32_MAX); /* a skill that nobody has */
    for (size_t i = 0; (t = idmap_next(&ws->tickets, &i));) id = t->id;
    for (uint32_t i = 0; ws->trail.head < TRAIL_MAX; i = (i + 1) % agents) {
        now++;
        set_presence(ws, i, PRES_AVAILABLE);
        set_presence(ws, i, PRES_AWAY);
        settle(ws);
    }
    for (uint32_t i = 0; i < sizeof spent / sizeof *spent; i++) {
        uint64_t began = ns();
        if (story_find(&s, ws, &id)) abort();
        spent[i] = ns() - began;
        story_fini(&s);
    }
    printf("%6u agents, why not before, over %u changes:\n", agents, TRAIL_MAX);
    print_spread("an answer", spent, sizeof spent / sizeof *spent);
    space_free(ws);
}

static void all_stories(void)
{
    stories(200);
    stories(10000);
}

static void all_lives(void)
{
    lives(200);
    lives(1000);
}

static void rooms(void)
{
    small_room(20);
    small_room(200);
    small_room(1000);
}

static void big(void) { big_room(10000, 100000, 500); }

/* All parts, or those that are named. */
int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } parts[] = {
        { "decisions", all_decisions }, { "lives", all_lives }, { "stories", all_stories }, { "pure", rooms }, { "big", big }
    };

    log_max = LOG_ERROR;
    metrics_init("bench");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        bool wanted = argc < 2;
        for (int k = 1; k < argc; k++) wanted |= strcmp(argv[k], parts[i].name) == 0;
        if (wanted) parts[i].run();
    }
    return 0;
}
