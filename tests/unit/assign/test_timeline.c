#include "base/clock.h"
#include "world.h"

/* Steps, targets, callbacks and overflow over the life of a leader and of a policy: what scenarios cannot ask for. */

static const char head[] =
    "naru: 1\nworkspace: w\nchannels:\n  webchat: { cost: 30, offer: 20s }\n  email: { cost: 15, offer: 2m }\n"
    "  voice: { cost: 100, offer: 15s, wrapup: 10s }\n"
    "accounts:\n  web: { channel: webchat }\n  mail: { channel: email }\n  phone: { channel: voice }\n";

static const char *yaml_of(const char *rest)
{
    static char text[65536];

    snprintf(text, sizeof text, "%s%s", head, rest);
    return text;
}

static void message(struct world *w, const char *external, const char *conversation)
{
    world_take(w, &(struct said){ .external = external, .conversation = conversation, .urgency = URG_NORMAL });
    world_turn(w);
}

static void reply(struct world *w, const char *agent, const char *conversation)
{
    struct seen_ticket *t = world_ticket(w, conversation);
    struct act a = { .kind = ACT_REPLY, .agent = str_of(agent), .ticket = t->id, .text = STR("hello") };

    world_token(t, agent, false, &a);
    world_act(w, a);
    assert_int_equal(w->status, 200);
    world_turn(w);
}

static void restart(struct world *w)
{
    world_restart(w);
    space_restore_done(w->ws, w->now);
    world_turn(w);
}

static const char kept[] = "queues:\n"
                           "  desk:\n    takes: default\n    needs: { x: 5, y: 5 }\n"
                           "    sla: { answer: { within: 10m }, reply: { within: 5m }, resolve: { within: 1h } }\n"
                           "    timeline:\n      - { after: 8m, drop: [y] }\n      - { after: 1m, notify: [a] }\n"
                           "      - { after: 10m, since: assigned, update: still }\n"
                           "    overflow: [ { when: { age: 2m }, deflect: mail } ]\n"
                           "agents:\n  a: { skills: { x: 5 } }\n";

static void what_was_done_is_not_done_again_by_the_next_leader(void **state)
{
    struct world w;

    (void)state;
    world_open(&w, yaml_of(kept));
    message(&w, "m1", "c1");
    world_wait(&w, 180000);
    assert_int_equal(w.entries[ENTRY_NOTIFIED], 1);
    assert_int_equal(w.entries[ENTRY_DEFLECTED], 1);
    restart(&w);
    world_wait(&w, 290000);
    assert_int_equal(w.entries[ENTRY_RELAXED], 0);
    world_wait(&w, 10000); /* the first line falls due after the second */
    assert_int_equal(w.entries[ENTRY_RELAXED], 1);
    restart(&w);
    world_online(&w, "a");
    world_turn(&w);
    world_on(&w, ACT_ACCEPT, "a", "c1");
    world_turn(&w);
    restart(&w);
    world_act(&w, (struct act){ .kind = ACT_CONNECT, .agent = STR("a") });
    for (int i = 0; i < 70; i++) {
        world_wait(&w, 10000);
        world_act(&w, (struct act){ .kind = ACT_HEARTBEAT, .agent = STR("a") });
        if (i == 40) restart(&w);
    }
    assert_int_equal(w.entries[ENTRY_NOTIFIED], 1);
    assert_int_equal(w.entries[ENTRY_DEFLECTED], 1);
    assert_int_equal(w.entries[ENTRY_RELAXED], 1);
    assert_int_equal(w.entries[ENTRY_UPDATED], 1);
    world_close(&w);
}

static void each_target_is_counted_once_as_met_or_as_missed(void **state)
{
    struct world w;

    (void)state;
    world_open(&w, yaml_of(kept));
    message(&w, "m1", "c1"); /* never answered in time */
    world_wait(&w, 660000);
    restart(&w);
    message(&w, "m2", "c2"); /* answered, replied to and resolved in time */
    world_online(&w, "a");
    world_turn(&w);
    message(&w, "m3", "c2");
    world_wait(&w, 15000);
    world_wait(&w, 470000);
    world_act(&w, (struct act){ .kind = ACT_HEARTBEAT, .agent = STR("a") });
    world_online(&w, "a");
    world_turn(&w);
    world_on(&w, ACT_ACCEPT, "a", "c2");
    world_turn(&w);
    reply(&w, "a", "c2"); /* late: the customer waited 8 minutes; the second message began no other wait */
    message(&w, "m4", "c2");
    reply(&w, "a", "c2"); /* in time */
    world_on(&w, ACT_RESOLVE, "a", "c2");
    world_turn(&w);
    space_metrics(w.ws, w.now);
    assert_int_equal((int)metric_get(MET_SLA_ANSWER_MET, "desk"), 1);
    assert_int_equal((int)metric_get(MET_SLA_REPLY_MET, "desk"), 1);
    assert_int_equal((int)metric_get(MET_SLA_RESOLVE_MET, "desk"), 1);
    assert_int_equal((int)metric_get(MET_SLA_RESOLVE_BREACHED, "desk"), 0);
    assert_int_equal((int)metric_get(MET_SLA_REPLY_BREACHED, "desk"), 1); /* and c1's, which went with the first leader's counts */
    world_wait(&w, 7200000);
    space_metrics(w.ws, w.now);
    assert_int_equal((int)metric_get(MET_SLA_RESOLVE_BREACHED, "desk"), 1); /* c1's at last */
    assert_int_equal((int)metric_get(MET_SLA_ANSWER_BREACHED, "desk"), 0);  /* counted by the first leader */
    world_close(&w);
}

/* The timeline of a policy says its number. */
static const char *numbered(unsigned n)
{
    static char rest[1024];

    snprintf(rest, sizeof rest,
             "queues:\n  desk: { takes: default, needs: { x: 5 }, sla: { answer: { within: 10m } }, swap: new,\n"
             "    timeline: [ { after: 1h, update: t%u }, { after: 2h, notify: [a] } ] }\nagents:\n  a: { skills: { y: 5 } }\n",
             n);
    return yaml_of(rest);
}

static void swap_to(struct world *w, const char *yaml)
{
    struct policy *next = world_policy(yaml);

    assert_int_equal(space_policy(w->ws, w->now, next), ERR_OK);
    policy_unref(w->policy);
    w->policy = next;
    world_turn(w);
}

static uint32_t told(struct world *w, const char *conversation, const char *text)
{
    world_act(w, (struct act){ .kind = ACT_EXPLAIN, .privileged = true, .ticket = world_ticket(w, conversation)->id });
    return strstr(w->body, text) != NULL;
}

/* Four old policies are kept; under the fifth, those of the oldest take the next. */
static void tickets_keep_the_timeline_they_came_under_as_long_as_it_is_kept(void **state)
{
    struct world w;
    char text[16], word[16];

    (void)state;
    world_open(&w, numbered(0));
    for (unsigned n = 0; n < 6; n++) {
        snprintf(text, sizeof text, "c%u", n);
        if (n) swap_to(&w, numbered(n));
        message(&w, text, text);
    }
    swap_to(&w, numbered(5)); /* the same again keeps nothing */
    world_wait(&w, 3600000);
    assert_int_equal(w.entries[ENTRY_UPDATED], 6);
    for (unsigned n = 0; n < 6; n++) {
        snprintf(text, sizeof text, "c%u", n);
        snprintf(word, sizeof word, "\"text\":\"t%u\"", n ? n : 4); /* when the fifth came, the policy then in use was t4 */
        assert_true(told(&w, text, word));
    }
    restart(&w); /* all take the one in use; done is done */
    world_wait(&w, 3600000);
    assert_int_equal(w.entries[ENTRY_UPDATED], 6 + 5); /* for t5 is another word than they were told */
    assert_int_equal(w.entries[ENTRY_NOTIFIED], 6);
    world_close(&w);
}

static void ten_thousand_waiting_tickets_take_a_new_timeline_within_a_second(void **state)
{
    static const char *const swaps[] = { "all", "new" };
    struct world w;
    char text[1024];
    uint64_t before, took;

    (void)state;
    for (int k = 0; k < 2; k++) {
        snprintf(text, sizeof text,
                 "queues:\n  desk: { takes: default, needs: { x: 5, y: 2 }, sla: { answer: { within: 10m } }, swap: %s,\n"
                 "    timeline: [ { after: 1m, drop: [y] }, { after: 3m, notify: [a] }, { after: 5m, update: u } ] }\n"
                 "agents:\n  a: { skills: { y: 5 } }\n",
                 swaps[k]);
        world_open(&w, yaml_of(text));
        for (int i = 0; i < 10000; i++) {
            char id[16];
            snprintf(id, sizeof id, "m%d", i);
            world_take(&w, &(struct said){ .external = id, .conversation = id, .urgency = URG_NORMAL });
        }
        world_wait(&w, 120000);
        struct policy *next = world_policy(yaml_of(text));
        before = clock_cpu_us();
        assert_int_equal(space_policy(w.ws, w.now, next), ERR_OK);
        took = clock_cpu_us() - before;
        print_message("  swap: %s: 10000 waiting tickets in %llu us\n", swaps[k], (unsigned long long)took);
        assert_true(took < 1000000);
        policy_unref(w.policy);
        w.policy = next;
        world_turn(&w);
        assert_int_equal(w.entries[ENTRY_RELAXED], 10000); /* each once, before */
        world_wait(&w, 240000);
        assert_int_equal(w.entries[ENTRY_RELAXED], 10000);
        assert_int_equal(w.entries[ENTRY_NOTIFIED], 10000);
        assert_int_equal(w.entries[ENTRY_UPDATED], 10000);
        world_close(&w);
    }
}

/* ---- a walk ---- */

static const char *const walks[] = {
    "hours:\n  days: { timezone: Asia/Seoul, open: { mon-sun: \"09:00-18:00\" } }\n"
    "queues:\n"
    "  one:\n    takes: { channel: webchat }\n    needs: { x: 5 }\n    groups: [first]\n    swap: new\n"
    "    sla: { answer: { within: 2m }, reply: { within: 1m }, resolve: { within: 30m, hours: days } }\n"
    "    timeline:\n      - { after: 30%, needs: { x: 2 }, add: [second], notify: [first] }\n      - { after: 30s, since: step, offer: 3, raise: 1 "
    "}\n"
    "      - { after: 1s, since: assigned, notify: [first] }\n      - { after: 5m, since: last-reply, park: yes }\n"
    "      - { after: 9m, since: last-reply, close: silent }\n      - { after: 200%, callback: { in: 2m, retries: 1 } }\n"
    "      - { after: 600%, move: two }\n"
    "    overflow:\n      - { when: { waiting: \">6\" }, deflect: app }\n      - { when: { waiting: \">8\", staffed: none }, "
    "refuse: full }\n"
    "      - { when: { expected_wait: \">300%\" }, callback: 1m }\n      - { when: { age: 4m, waiting: \">3\" }, move: two }\n"
    "  two:\n    takes: default\n    sla: { answer: { within: 5m, hours: days } }\n"
    "    overflow: [ { when: { closed: days, waiting: \">9\" }, callback: next-open } ]\n"
    "    timeline: [ { after: 50%, offer: 2 }, { after: 30m, since: assigned, move: three } ]\n"
    "  three: { takes: { channel: voice }, needs: { x: 9 }, sla: { answer: { within: 1m } }, timeline: [ { after: 2m, drop: [x] } "
    "] }\n"
    "agents:\n  a: { skills: { x: 9 }, groups: [first] }\n  b: { skills: { x: 3 }, groups: [second], capacity: 60 }\n"
    "  c: { skills: { x: 5 }, groups: [first, second] }\n",
    "queues:\n"
    "  one:\n    takes: { channel: webchat }\n    needs: { x: 4 }\n    swap: all\n    sla: { answer: { within: 3m } }\n"
    "    timeline:\n      - { after: 10%, update: hello }\n      - { after: 30%, needs: { x: 2 } }\n"
    "      - { after: 1s, since: assigned, notify: [a] }\n"
    "  three: { takes: default, needs: { x: 2 }, sla: { answer: { within: 1m } }, swap: new }\n"
    "agents:\n  a: { skills: { x: 9 } }\n  b: { skills: { x: 3 }, capacity: 60 }\n",
};
static const char *const people[] = { "a", "b", "c" };

static void walk_takes(struct world *w, struct rng *rng, uint64_t n)
{
    static const char *const accounts[] = { "web", "mail", "phone" }, *const channels[] = { "webchat", "email", "voice" };
    char external[32], conversation[32];
    uint64_t k = rng_below(rng, 3);
    struct said s = { .external = external,
                      .conversation = conversation,
                      .account = accounts[k],
                      .channel = channels[k],
                      .urgency = (enum urgency)rng_below(rng, 4) };

    snprintf(external, sizeof external, "m%llu", (unsigned long long)n);
    snprintf(conversation, sizeof conversation, "c%llu", (unsigned long long)rng_below(rng, 60));
    s.kind = !rng_below(rng, 20) ? EVENT_HANGUP : k == 2 ? EVENT_CALL : EVENT_MESSAGE;
    world_take(w, &s);
}

static void walk_acts(struct world *w, struct rng *rng)
{
    static const enum act_kind kinds[] = {
        ACT_ACCEPT, ACT_ACCEPT, ACT_ACCEPT,   ACT_DECLINE,  ACT_RESOLVE, ACT_PARK,    ACT_REPLY,
        ACT_REPLY,  ACT_RESUME, ACT_CALLBACK, ACT_CALLBACK, ACT_CANCEL,  ACT_EXPLAIN, ACT_TICKET
    };
    struct seen_ticket *t, *chosen = NULL;
    uint64_t n = 0;

    for (size_t i = 0; (t = map_next(&w->tickets, &i));)
        if (!t->ended && rng_below(rng, ++n) == 0) chosen = t;
    if (!chosen) return;
    const char *agent = chosen->owner[0] ? chosen->owner : chosen->offered[0] ? chosen->offered : people[rng_below(rng, 3)];
    struct act a = { .kind = kinds[rng_below(rng, 14)],
                     .ticket = chosen->id,
                     .agent = str_of(agent),
                     .text = STR("text"),
                     .privileged = !rng_below(rng, 6) };
    if (a.kind == ACT_CALLBACK && rng_below(rng, 2)) a.at = w->now + 1 + rng_below(rng, 600000);
    world_token(chosen, agent, a.kind == ACT_ACCEPT || a.kind == ACT_DECLINE, &a);
    world_act(w, a);
}

static void walk_agents(struct world *w, struct rng *rng)
{
    struct act a = { .agent = str_of(people[rng_below(rng, 3)]) };
    uint64_t k = rng_below(rng, 12);

    a.kind = k < 6 ? ACT_HEARTBEAT : k < 7 ? ACT_CONNECT : k < 8 ? ACT_DISCONNECT : ACT_PRESENCE;
    a.presence = k < 11 ? PRES_AVAILABLE : PRES_AWAY;
    world_act(w, a);
}

static void walk_forgets(struct world *w)
{
    struct seen_ticket *t, *old[4096];
    size_t n = 0;

    for (size_t i = 0; (t = map_next(&w->tickets, &i)) && n < 4096;)
        if (t->ended) old[n++] = t;
    while (n) {
        map_del(&w->tickets, (struct str){ (const char *)old[--n]->id.b, 16 });
        free(old[n]);
    }
}

static void a_long_walk_through_steps_callbacks_swaps_and_leaders_breaks_nothing(void **state)
{
    const uint64_t steps = getenv("NARU_STEPS") ? strtoull(getenv("NARU_STEPS"), NULL, 10) : 15000;
    struct world w;
    struct rng rng;

    (void)state;
    rng_seed(&rng, getenv("NARU_SEED") ? strtoull(getenv("NARU_SEED"), NULL, 10) : 2026);
    world_open(&w, yaml_of(walks[0]));
    for (uint64_t n = 1; n <= steps; n++) {
        uint64_t k = rng_below(&rng, 100);
        if (k < 25) walk_takes(&w, &rng, n);
        else if (k < 40) walk_agents(&w, &rng);
        else if (k < 80) walk_acts(&w, &rng);
        else w.now += rng_below(&rng, rng_below(&rng, 100) ? 8000 : 400000);
        if (rng_below(&rng, 3)) world_turn(&w);
        if (n % 500 == 0) walk_forgets(&w);
        if (n % 1500 == 0) world_turn(&w), swap_to(&w, yaml_of(walks[rng_below(&rng, 2)]));
        if (n % 4000 == 0) world_turn(&w), restart(&w);
    }
    print_message("  %u opened %u accepted %u relaxed %u moved %u scheduled %u due %u notified %u updated %u deflected %u ended\n",
                  w.entries[ENTRY_OPENED], w.entries[ENTRY_ACCEPTED], w.entries[ENTRY_RELAXED], w.entries[ENTRY_MOVED],
                  w.entries[ENTRY_SCHEDULED], w.entries[ENTRY_DUE], w.entries[ENTRY_NOTIFIED], w.entries[ENTRY_UPDATED],
                  w.entries[ENTRY_DEFLECTED], w.entries[ENTRY_ENDED]);
    for (int k = ENTRY_NOTIFIED; k <= ENTRY_DEFLECTED; k++) assert_true(w.entries[k] > 0);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_done_is_not_done_again_by_the_next_leader),
        cmocka_unit_test(each_target_is_counted_once_as_met_or_as_missed),
        cmocka_unit_test(tickets_keep_the_timeline_they_came_under_as_long_as_it_is_kept),
        cmocka_unit_test(ten_thousand_waiting_tickets_take_a_new_timeline_within_a_second),
        cmocka_unit_test(a_long_walk_through_steps_callbacks_swaps_and_leaders_breaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
