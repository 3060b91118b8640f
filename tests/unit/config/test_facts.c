/* What `naru check` states beside what it finds: bounds of waits, and limits that took their defaults. */
#include "config/facts.h"
#include "tests/unit/config/unit.h"

struct told {
    struct buf text; /* "key: text", a line each */
};
static void tell(void *ctx, const char *key, const char *text) { buf_addf(&((struct told *)ctx)->text, "%s: %s\n", key, text); }

/* All that is told of a policy; valid until the next call. */
static const char *facts_of(const char *yaml)
{
    static char all[8192];
    struct told t;
    struct policy *p = good_policy(yaml);
    buf_init(&t.text, sizeof all);
    policy_facts(p, tell, &t);
    assert_int_equal(t.text.err, ERR_OK);
    snprintf(all, sizeof all, "%s", buf_cstr(&t.text));
    buf_fini(&t.text);
    policy_unref(p);
    return all;
}
static void assert_told(const char *facts, const char *line)
{
    if (!strstr(facts, line)) fail_msg("wanted \"%s\" in:\n%s", line, facts);
}

#define HEAD "naru: 1\nworkspace: w\n"

TEST(the_age_cap_is_stated_as_the_bound_of_the_wait_by_urgency)
{
    UNUSED(state);
    const char *facts =
        facts_of(HEAD "hours: { day: { timezone: UTC, open: { mon-fri: \"09:00-18:00\" } } }\nqueues:\n"
                      "  a: { takes: default, sla: { answer: { within: { critical: 1m, normal: 10m, low: 4h }, hours: day } } }\n"
                      "  b: { takes: { tag: x }, sla: { answer: { within: 10m } }, age-cap: 200% }\n"
                      "  c: { takes: { tag: y }, sla: { answer: { within: 10m } }, order: weights, age-cap: 25m }\n");
    assert_told(facts,
                "queues.a.age-cap: waits at most critical 3m, high 30m, normal 30m, low 12h (age cap 300% of the answer target, "
                "while day are open) plus the tickets that reached their caps earlier\n");
    assert_told(facts, "queues.b.age-cap: waits at most 20m (age cap 200% of the answer target) plus");
    assert_told(facts, "queues.c.age-cap: waits at most 25m (age cap) plus");
    assert_null(strstr(facts, "sla.answer"));
}

TEST(orders_without_a_cap_say_so)
{
    UNUSED(state);
    const char *facts = facts_of(HEAD "queues:\n  a: { takes: default, order: fifo }\n  b: { takes: { tag: x }, order: priority }\n"
                                      "  c: { takes: { tag: y }, order: priority, age-cap: 1h }\n");
    assert_told(facts, "queues.a.age-cap: no age cap: nobody passes who came later to this queue");
    assert_told(facts, "queues.b.age-cap: no age cap: nothing bounds the wait");
    assert_told(facts, "queues.c.age-cap: waits at most 1h (age cap)");
    assert_told(facts, "queues.a.sla.answer: 15m for all (default)");
}

TEST(a_limit_that_is_not_written_is_stated_once_with_those_that_lack_it)
{
    UNUSED(state);
    const char *facts =
        facts_of(HEAD "presence: { lease: 20s }\nqueues:\n  a: { takes: default, offers: { most: 5 } }\n  b: {}\n  c: {}\n"
                      "  d: {}\n  e: { last-agent: { wait: 30s } }\n");
    assert_told(facts, "queues.*.offers.most: 0 (default: b, c, d and 1 more)\n");
    assert_told(facts, "queues.*.offers.back-off: 30s (default: a, b, c and 2 more)\n");
    assert_told(facts, "queues.*.last-agent.within: 7d (default: e)\n");
    assert_told(facts, "presence.hold: 24h (default)\n");
    assert_told(facts, "capacity.parked: 25% (default)\n");
    assert_null(strstr(facts, "presence.lease"));
    assert_null(strstr(facts, "ramp"));
}

TEST(a_ramp_without_an_end_says_how_long_it_is)
{
    UNUSED(state);
    assert_told(facts_of(HEAD "queues: { q: { takes: default } }\ncapacity: { ramp: { per-minute: 4 } }\n"),
                "capacity.ramp.for: 10m (default)\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_age_cap_is_stated_as_the_bound_of_the_wait_by_urgency),
        cmocka_unit_test(orders_without_a_cap_say_so),
        cmocka_unit_test(a_limit_that_is_not_written_is_stated_once_with_those_that_lack_it),
        cmocka_unit_test(a_ramp_without_an_end_says_how_long_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
