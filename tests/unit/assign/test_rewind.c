#include "base/clock.h"
#include "workers/assign/story.h"
#include "world.h"

/* What is recomputed of the past against what a watcher wrote down at the time: random worlds with groups, gates, shared capacity,
   kept units, exclusive calls, ramps, caps of the day, shifts, back-offs, wishes and steps. At random moments the watcher counts
   the candidates of every waiting ticket (match_tally); later the world is rewound to each of these moments and counted again.

     NARU_WALK_SECONDS=600   goes on for so long (processor time; else 6 worlds)
     NARU_SEED=7             one world, this one */

#define AGENTS   9
#define CONVS    24
#define MARKS    64
#define PER_MARK 8
#define WORLDS   6
#define STEPS    4000
static const char *const agents[AGENTS] = { "a", "b", "c", "d", "e", "f", "g", "h", "bot" };
static const char *const channels[3] = { "webchat", "email", "voice" };
static const char *const accounts[3] = { "web", "mail", "phone" };

static const char *const names[] = {
#define NAME(name) #name,
    TALLY_MAP(NAME) "fit"
#undef NAME
};

struct mark { /* what the matcher saw at a moment */
    uint64_t head, now, since;
    uint32_t count;
    struct seen_wait {
        struct line_ask *ask;
        uint32_t channel;
        struct tally tally;
    } v[PER_MARK];
};
#define SEEN_MAX 65536u
struct walk {
    struct world w;
    struct rng rng;
    uint64_t seed, step, compared, lost, seen[FAILS_COUNT];
    struct mark marks[MARKS];
    char given[SEEN_MAX]; /* [seq]: the first letter of whom a ticket was offered or given then */
    uint64_t stories, skipped;
    uint32_t mark_count;
};

static const char *one_of(struct walk *k, const char *const *v, uint64_t n) { return v[rng_below(&k->rng, n)]; }
#define ONE_OF(k, ...)                                                                                                             \
    one_of(k, (const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static void draw_policy(struct walk *k, struct buf *b)
{
    char text[900];

    snprintf(text, sizeof text,
             "naru: 1\nworkspace: w\nhours:\n  day: { timezone: UTC, open: { mon-sun: \"08:00-16:05\" } }\n"
             "channels:\n  webchat: { cost: 30, offer: 5s, max: 2 }\n  email: { cost: 15, offer: 5s, auto-accept: %s }\n"
             "  voice: { cost: 100, offer: 5s, exclusive: %s }\n"
             "accounts: { web: { channel: webchat }, mail: { channel: email }, phone: { channel: voice } }\n"
             "presence: { lease: 30s, leave: 2s, grace: 5s }\n"
             "capacity: { parked: 25%%%s%s%s }\nqueues:\n",
             ONE_OF(k, "yes", "no"), ONE_OF(k, "alone", "interrupts", "no"),
             ONE_OF(k, "", ", keep: { units: 20, for: { urgency: high } }"), ONE_OF(k, "", ", daily: 20"),
             ONE_OF(k, "", "", ", ramp: { for: 2m, per-minute: 2 }"));
    buf_addz(b, text);
    snprintf(text, sizeof text,
             "  desk: { takes: default, order: %s, last-agent: { within: 1h, wait: 5s }, offers: { back-off: 4s },\n"
             "    needs: { x: 4 }, timeline: [{ after: 8s, needs: { x: 2 } }, { after: 16s, drop: [x] }] }\n"
             "  tech: { takes: { tag: [tech] }, needs: { x: 5 }, groups: [one], gate: [{ group: two, waiting: \">%u\" },\n"
             "      { group: three, age: 6s, reserve: %u }], timeline: [{ after: 10s, needs: { x: 3 } }, { after: 14s, add: "
             "[three] }] }\n",
             ONE_OF(k, "slack", "fifo", "priority"), 1 + (unsigned)rng_below(&k->rng, 3), (unsigned)rng_below(&k->rng, 3));
    buf_addz(b, text);
    buf_addz(b, "agents:\n");
    for (int i = 0; i < AGENTS; i++) {
        snprintf(text, sizeof text, "  %s: { skills: { x: %u }, groups: [%s]%s%s }\n", agents[i],
                 1 + (unsigned)rng_below(&k->rng, 9), (const char *const[]){ "one", "two", "three", "four" }[i % 4],
                 ONE_OF(k, "", "", ", capacity: 60", ", capacity: 200"),
                 i == AGENTS - 1         ? ", kind: bot"
                 : rng_below(&k->rng, 4) ? ""
                                         : ", shift: day");
        buf_addz(b, text);
    }
}

/* ---- the watcher ---- */

static void forget(struct mark *m)
{
    for (uint32_t i = 0; i < m->count; i++) line_ask_unref(m->v[i].ask);
    m->count = 0;
}

static void watch(struct walk *k)
{
    struct mark *m = &k->marks[rng_below(&k->rng, MARKS)];
    struct workspace *ws = k->w.ws;
    struct ticket *t;

    forget(m);
    *m = (struct mark){ .head = ws->trail.head, .now = ws->now };
    for (size_t i = 0; (t = idmap_next(&ws->tickets, &i)) && m->count < PER_MARK;) {
        if (!t->line) continue;
        struct seen_wait *s = &m->v[m->count++];
        s->ask = line_ask_ref(t->line->ask);
        s->channel = t->channel;
        match_tally(ws, t->line, &s->tally);
        for (int f = 0; f < FAILS_COUNT; f++) k->seen[f] += ((const uint32_t *)&s->tally)[f];
    }
}

static void compare(struct walk *k, const struct mark *m, const struct seen_wait *s)
{
    struct rewind r;
    uint32_t then[FAILS_COUNT];

    assert_int_equal(rewind_begin(&r, k->w.ws, s->channel), ERR_OK);
    if (rng_below(&k->rng, 2)) rewind_ask(&r, s->ask); /* kept right all the way, or counted anew when there */
    while (r.at > m->head && rewind_step(&r))
        ;
    assert_true(r.at == m->head);
    rewind_ask(&r, s->ask);
    rewind_clock(&r, m->now);
    if (r.unknown) {
        k->skipped++;
        rewind_fini(&r);
        return;
    }
    memcpy(then, &s->tally, sizeof then);
    for (int f = 0; f < FAILS_COUNT; f++)
        if (then[f] != r.all[f])
            fail_msg("seed=%llu step=%llu: %s was %u and is recomputed as %u", (unsigned long long)k->seed,
                     (unsigned long long)k->step, names[f], then[f], r.all[f]);
    k->compared++;
    rewind_fini(&r);
}

/* What is told of a ticket's waits is in order, adds up, and ends with the entries that were seen. */
static void check_wait(struct walk *k, const struct wait *w)
{
    uint64_t end = w->until == UINT64_MAX ? k->w.ws->now : w->until;

    assert_true(w->from <= end && w->span_count <= SPANS_MAX);
    for (uint32_t i = 0; i < w->span_count; i++) {
        uint32_t agents_then = 0;
        assert_true(w->spans[i].at < w->spans[i].until);
        assert_true(w->spans[i].until == (i ? w->spans[i - 1].at : end)); /* nothing is left out between two */
        for (int f = 0; f < FAILS_COUNT; f++) {
            assert_true(w->spans[i].could[f] <= w->spans[i].all[f]);
            agents_then += w->spans[i].all[f];
        }
        assert_true(agents_then <= AGENTS);
    }
    if (w->span_count) assert_true(w->spans[w->span_count - 1].at == w->from);
    if (w->winner == NONE) return;
    assert_int_equal(k->given[w->seq % SEEN_MAX], k->w.ws->roster.v[w->winner]->name.p[0]);
    for (uint32_t i = 0; i < w->own_count; i++) assert_true(w->owns[i].at <= (i ? w->owns[i - 1].at : w->until));
}

static void check_stories(struct walk *k)
{
    static struct story s;
    struct ticket *t;

    for (size_t i = 0; (t = idmap_next(&k->w.ws->tickets, &i));) {
        assert_int_equal(story_find(&s, k->w.ws, &t->id), ERR_OK);
        for (uint32_t n = 0; n < s.count; n++) check_wait(k, &s.waits[n]);
        if (t->line) assert_true(s.count && s.waits[0].until == UINT64_MAX && s.waits[0].from >= k->w.ws->trail.since);
        k->stories += s.count;
        story_fini(&s);
    }
}

static void see_entry(void *ctx, const struct entry *e)
{
    struct walk *k = ctx;

    if (e->kind == ENTRY_OFFERED || e->kind == ENTRY_ACCEPTED) k->given[e->seq % SEEN_MAX] = e->agent.p[0];
}

/* Every moment that is still within the trail. */
static void look_back(struct walk *k)
{
    for (uint32_t i = 0; i < MARKS; i++) {
        struct mark *m = &k->marks[i];
        if (m->head < k->w.ws->trail.from) k->lost += m->count, forget(m);
        for (uint32_t n = 0; n < m->count; n++) compare(k, m, &m->v[n]);
        forget(m);
    }
    check_stories(k);
}

/* ---- what happens ---- */

static void take(struct walk *k)
{
    static const char *const tags[] = { "tech", "other" };
    char external[32], conversation[32];
    uint64_t c = rng_below(&k->rng, CONVS);
    struct said s = { .external = external,
                      .conversation = conversation,
                      .account = accounts[c % 3],
                      .channel = channels[c % 3],
                      .urgency = (enum urgency)rng_below(&k->rng, 4),
                      .person = "p",
                      .prefer = rng_below(&k->rng, 8) ? NULL : agents[rng_below(&k->rng, AGENTS)] };

    snprintf(external, sizeof external, "m%llu", (unsigned long long)k->step);
    snprintf(conversation, sizeof conversation, "c%llu", (unsigned long long)c);
    if (c % 3 == 2) s.kind = EVENT_CALL;
    if (rng_below(&k->rng, 2)) s.tags[s.tag_count++].name = str_of(tags[rng_below(&k->rng, 2)]);
    if (!rng_below(&k->rng, 4)) s.needs[s.need_count++] = (struct need){ STR("x"), 1 + (uint32_t)rng_below(&k->rng, 8) };
    world_take(&k->w, &s);
}

static void presence(struct walk *k)
{
    const char *agent = agents[rng_below(&k->rng, AGENTS)];
    uint64_t what = rng_below(&k->rng, 10);
    struct act a = { .agent = str_of(agent), .kind = ACT_PRESENCE, .presence = PRES_AVAILABLE };

    if (what < 3) a.kind = ACT_HEARTBEAT;
    else if (what == 3) a.kind = ACT_DISCONNECT;
    else if (what == 4) a.kind = ACT_CONNECT;
    else if (what == 5) a.presence = (enum presence)rng_below(&k->rng, 3), a.reason = STR("lunch");
    world_act(&k->w, a);
}

static void act(struct walk *k)
{
    static const enum act_kind kinds[] = { ACT_ACCEPT,  ACT_ACCEPT,  ACT_ACCEPT,  ACT_DECLINE,  ACT_RESOLVE,
                                           ACT_RESOLVE, ACT_PARK,    ACT_RESUME,  ACT_TRANSFER, ACT_ASSIGN,
                                           ACT_PULL,    ACT_REQUEUE, ACT_CONSULT, ACT_HANDOVER, ACT_CANCEL };
    struct ticket *t, *chosen = NULL;
    uint64_t n = 0;

    for (size_t i = 0; (t = idmap_next(&k->w.ws->tickets, &i));)
        if (rng_below(&k->rng, ++n) == 0) chosen = t;
    if (!chosen) return;
    const struct agent *with = ticket_with(chosen);
    struct act a = { .kind = kinds[rng_below(&k->rng, sizeof kinds / sizeof *kinds)],
                     .ticket = chosen->id,
                     .privileged = true,
                     .agent = with ? with->name : str_of(agents[rng_below(&k->rng, AGENTS)]) };
    if (rng_below(&k->rng, 3) == 0) a.to = str_of(agents[rng_below(&k->rng, AGENTS)]);
    if (a.kind == ACT_TRANSFER && !a.to.n) a.queue = STR("tech");
    if (a.kind == ACT_ASSIGN && rng_below(&k->rng, 2)) a.reason = STR("force");
    world_act(&k->w, a);
}

/* Somebody is another agent from now on: of what they could do before nothing is told. */
static void respecify(struct walk *k)
{
    struct skill x = { "x", 1 + (uint32_t)rng_below(&k->rng, 9), false };

    (void)space_agent(k->w.ws, k->w.now,
                      &(struct agent_spec){ .name = agents[rng_below(&k->rng, AGENTS)],
                                            .skills = { &x, 1 },
                                            .groups = 1ull << rng_below(&k->rng, 3),
                                            .capacity = 100,
                                            .daily = UINT32_MAX,
                                            .shift = -1 });
}

static void walk(struct walk *k, uint64_t seed)
{
    uint64_t seen[FAILS_COUNT];
    struct buf b;

    memcpy(seen, k->seen, sizeof seen);
    *k = (struct walk){ .seed = seed, .compared = k->compared, .lost = k->lost, .stories = k->stories, .skipped = k->skipped };
    memcpy(k->seen, seen, sizeof seen);
    rng_seed(&k->rng, seed);
    buf_init(&b, 65536);
    draw_policy(k, &b);
    world_open(&k->w, buf_cstr(&b));
    k->w.on_entry = see_entry;
    k->w.on_entry_ctx = k;
    k->w.now += 8 * 3600000ull * rng_below(&k->rng, 3);
    for (; k->step < STEPS; k->step++) {
        uint64_t what = rng_below(&k->rng, 100);
        if (k->step % 1500 == 1499) respecify(k);
        if (what < 25) take(k);
        else if (what < 45) presence(k);
        else if (what < 80) act(k);
        else k->w.now += rng_below(&k->rng, rng_below(&k->rng, 50) ? 1500 : 40000);
        if (rng_below(&k->rng, 4)) world_turn(&k->w);
        if (rng_below(&k->rng, 6) == 0) watch(k); /* also within a turn: before anything was matched */
        if (rng_below(&k->rng, 300) == 0) look_back(k);
    }
    world_turn(&k->w);
    look_back(k);
    world_close(&k->w);
    buf_fini(&b);
}

static void what_is_recomputed_is_what_was_seen(void **state)
{
    const char *one = getenv("NARU_SEED"), *seconds = getenv("NARU_WALK_SECONDS");
    uint64_t until = clock_cpu_us() + (seconds ? strtoull(seconds, NULL, 10) * 1000000 : 0),
             seed = one ? strtoull(one, NULL, 10) : 1;
    static struct walk k;

    (void)state;
    do walk(&k, seed++);
    while (!one && (seconds ? clock_cpu_us() < until : seed <= WORLDS));
    print_message("  %llu moments compared, %llu not known any more, %llu waits told:", (unsigned long long)k.compared,
                  (unsigned long long)(k.lost + k.skipped), (unsigned long long)k.stories);
    for (int f = 0; f < FAILS_COUNT; f++) print_message(" %llu %s", (unsigned long long)k.seen[f], names[f]);
    print_message("\n");
    assert_true(one || k.compared > 1000);
    for (int f = 0; f < FAILS_COUNT; f++) assert_true(one || k.seen[f] > 50); /* every test has spoken */
}

static void say(struct world *w, const char *agent, enum presence p)
{
    world_act(w, (struct act){ .kind = ACT_PRESENCE, .agent = str_of(agent), .presence = p, .privileged = true });
}

static void what_is_older_than_the_trail_is_said_to_be_unknown(void **state)
{
    static const char yaml[] =
        "naru: 1\nworkspace: w\nchannels: { webchat: { cost: 30, offer: 5s } }\naccounts: { web: { channel: webchat } }\n"
        "queues: { desk: { takes: default, needs: { x: 5 } } }\nagents: { a: { skills: { x: 4 } }, b: { skills: { x: 4 } } }\n";
    static struct world w;
    static struct story s;
    const struct trail *t;

    (void)state;
    world_open(&w, yaml);
    t = &w.ws->trail;
    assert_int_equal(t->edge, TRAIL_POLICY);
    world_take(&w, &(struct said){ .external = "m", .conversation = "c" });
    world_turn(&w);
    struct id id = world_ticket(&w, "c")->id;
    assert_int_equal(story_find(&s, w.ws, &id), ERR_OK);
    assert_true(s.count == 1 && s.waits[0].begun && s.waits[0].from == w.now);
    story_fini(&s);
    for (uint32_t i = 0; i < TRAIL_MAX; i++) {
        say(&w, "a", i % 2 ? PRES_AWAY : PRES_AVAILABLE);
        if (i % 512 == 0) w.now++, world_turn(&w);
    }
    assert_int_equal(t->edge, TRAIL_FULL);
    assert_int_equal(t->head - t->from, TRAIL_MAX);
    assert_true(t->since > WORLD_START);
    assert_int_equal(story_find(&s, w.ws, &id), ERR_OK);
    assert_true(s.count == 1 && !s.waits[0].begun && s.waits[0].from == t->since && s.waits[0].until == UINT64_MAX);
    story_fini(&s);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_recomputed_is_what_was_seen),
                                        cmocka_unit_test(what_is_older_than_the_trail_is_said_to_be_unknown) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
