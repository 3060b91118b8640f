/* The arrivals file: what is written arrives, what is not is the policy's, and each mistake is told with its place. */
#include "config/arrivals.h"
#include "tests/unit/config/unit.h"

#include <math.h>

#define POLICY                                                                                                                     \
    "naru: 1\nworkspace: w\ntimezone: Asia/Seoul\nqueues: { q: { takes: default } }\nsimulate:\n  from: 2026-02-02\n  classes:\n"  \
    "    calls: { queue: q, work: { exponential: 3m }, patience: 2m }\n    chats: { queue: q }\n"
#define HEAD "naru: 1\nfor: 10h\n" /* two lines */

static bool near(double a, double b) { return fabs(a - b) < 1e-12; }

/* Arrivals a millisecond at a minute of the day. */
static double rate_at(const struct rates *r, uint32_t minute)
{
    uint32_t i = r->count; /* before the first part the last one of the day before still holds */
    for (uint32_t k = 0; k < r->count && r->v[k].minute <= minute; k++) i = k + 1;
    return r->v[i - 1].per_ms;
}

TEST(what_is_written_arrives_and_what_is_not_is_the_policys)
{
    UNUSED(state);
    struct policy *p = good_policy(POLICY);
    struct arrivals *a = NULL;
    struct findings f;
    findings_init(&f);
    enum err e =
        arrivals_load(&a,
                      STR("naru: 1\nfrom: 2026-03-02 08:00\nfor: 21d\nwarm-up: 90m\nclasses:\n  chats: { rate: { \"18:00\": "
                          "0/h, \"08:00\": 20/h, \"09:30\": 2.5/min }, work: 90s }\n  calls: { rate: 200/h }\n"),
                      p, &f);
    if (e) print_findings(&f);
    assert_int_equal(e, ERR_OK);
    assert_int_equal(a->from, 1772406000000ull); /* 2026-03-01T23:00:00Z */
    assert_int_equal(a->for_ms, 21 * 86400000ull);
    assert_int_equal(a->warm_up_ms, 5400000);
    assert_int_equal(a->class_count, 2);
    const struct arrival_class *chats = &a->classes[0], *calls = &a->classes[1];
    assert_true(chats->class == 1 && calls->class == 0);
    assert_true(chats->work.kind == DIST_FIXED && chats->work.mean_ms == 90000 && chats->patience.kind == DIST_NONE);
    assert_true(calls->work.kind == DIST_EXPONENTIAL && calls->work.mean_ms == 180000);
    assert_true(calls->patience.kind == DIST_FIXED && calls->patience.mean_ms == 120000);
    assert_true(near(rate_at(&calls->rate, 0), 200 / 3600e3) && near(rate_at(&calls->rate, 1439), 200 / 3600e3));
    arrivals_free(a);
    policy_unref(p);
    findings_fini(&f);
}

TEST(a_rate_holds_until_the_next_one_over_midnight)
{
    UNUSED(state);
    struct policy *p = good_policy(POLICY);
    struct arrivals *a = NULL;
    assert_int_equal(
        arrivals_load(&a, STR(HEAD "classes: { calls: { rate: { \"18:00\": 5/h, \"08:00\": 20/s, \"09:30\": 2.5/min } } }\n"), p,
                      NULL),
        ERR_OK);
    const struct rates *r = &a->classes[0].rate;
    assert_int_equal(r->count, 3);
    assert_true(near(rate_at(r, 0), 5 / 3600e3) && near(rate_at(r, 479), 5 / 3600e3));
    assert_true(near(rate_at(r, 480), 20 / 1e3) && near(rate_at(r, 569), 20 / 1e3));
    assert_true(near(rate_at(r, 570), 2.5 / 60e3) && near(rate_at(r, 1079), 2.5 / 60e3));
    assert_true(near(rate_at(r, 1080), 5 / 3600e3) && near(rate_at(r, 1439), 5 / 3600e3));
    assert_int_equal(a->from, 1769958000000ull); /* the policy's: 2026-02-01T15:00:00Z */
    assert_int_equal(a->warm_up_ms, 0);
    arrivals_free(a);
    policy_unref(p);
}

static const struct {
    const char *yaml;
    uint32_t line, column;
    const char *says;
} mistakes[] = {
    { "", 0, 0, "the file is empty" },
    { "naru: 1\nclasses: { calls: { rate: 1/h } }\n", 1, 1, "\"for\" is missing here" },
    { HEAD, 1, 1, "\"classes\" is missing here" },
    { HEAD "classes: {}\n", 3, 10, "nobody arrives: give a class its rate" },
    { HEAD "clases: { calls: { rate: 1/h } }\n", 3, 1, "did you mean \"classes\"?" },
    { HEAD "classes: { cals: { rate: 1/h } }\n", 3, 12,
      "\"cals\" is not a class of the policy's simulate.classes (did you mean \"calls\"?)" },
    { HEAD "classes: { calls: {} }\n", 3, 12, "\"rate\" is missing here" },
    { HEAD "classes: { calls: { rate: 200 } }\n", 3, 27, "\"200\" is not a rate (write 2/s, 20/min, 200/h or 3000/d)" },
    { HEAD "classes: { calls: { rate: -1/h } }\n", 3, 27, "is not a rate" },
    { HEAD "classes: { calls: { rate: 1..2/h } }\n", 3, 27, "is not a rate" },
    { HEAD "classes: { calls: { rate: 10001/s } }\n", 3, 27, "10001/s is out of bounds: 0 to 10000/s" },
    { HEAD "classes: { calls: { rate: [1/h] } }\n", 3, 27, "expected a rate such as 200/h" },
    { HEAD "classes: { calls: { rate: {} } }\n", 3, 27, "expected a rate such as 200/h" },
    { HEAD "classes: { calls: { rate: { \"9:00\": 1/h } } }\n", 3, 29, "\"9:00\" is not a time of day (write \"09:00\")" },
    { HEAD "classes: { calls: { rate: { \"24:00\": 1/h } } }\n", 3, 29, "is not a time of day" },
    { HEAD "classes: { calls: { rate: { \"09:00\": 1/h, \"09:00\": 2/h } } }\n", 3, 43, "is written twice here" },
    { HEAD "classes: { chats: { rate: 1/h } }\n", 3, 12,
      "nobody says how long its work takes: give \"work\" here or in the policy's simulate.classes.chats" },
    { HEAD "classes: { calls: { rate: 1/h, work: 0s } }\n", 3, 38, "0s is out of bounds: 1ms to 30d" },
    { HEAD "warm-up: 10h\nclasses: { calls: { rate: 1/h } }\n", 3, 10, "leaves nothing to report of 10h" },
    { "naru: 1\nfor: 401d\nclasses: { calls: { rate: 1/h } }\n", 2, 6, "401d is out of bounds: 1s to 400d" },
    { "naru: 1\nfor: 0s\nclasses: { calls: { rate: 1/h } }\n", 2, 6, "0s is out of bounds: 1s to 400d" },
    { HEAD "from: 2026-13-01\nclasses: { calls: { rate: 1/h } }\n", 3, 7, "is not a date with or without a time" },
};

TEST(each_mistake_is_told_with_its_place_and_the_nearest_word)
{
    UNUSED(state);
    struct policy *p = good_policy(POLICY);
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        struct arrivals *a = NULL;
        struct findings f;
        findings_init(&f);
        enum err e = arrivals_load(&a, str_of(mistakes[i].yaml), p, &f);
        if ((e != ERR_POLICY && e != ERR_YAML) || a || !says(&f, true, mistakes[i].line, mistakes[i].column, mistakes[i].says)) {
            print_findings(&f);
            fail_msg("%s: wanted %u:%u: %s", mistakes[i].yaml, mistakes[i].line, mistakes[i].column, mistakes[i].says);
        }
        findings_fini(&f);
    }
    policy_unref(p);
}

TEST(a_policy_without_a_section_and_a_class_that_never_comes_are_told)
{
    UNUSED(state);
    struct policy *bare = good_policy("naru: 1\nworkspace: w\nqueues: { q: { takes: default } }\n"), *p = good_policy(POLICY);
    struct arrivals *a = NULL;
    struct findings f;
    findings_init(&f);
    assert_int_equal(arrivals_load(&a, STR(HEAD "classes: { calls: { rate: 1/h } }\n"), bare, &f), ERR_POLICY);
    assert_true(says(&f, true, 3, 12, "it has no \"simulate\" section with classes"));
    findings_fini(&f);
    findings_init(&f);
    assert_int_equal(arrivals_load(&a, STR(HEAD "classes: { calls: { rate: { \"09:00\": 0/h } } }\n"), p, &f), ERR_OK);
    assert_true(says(&f, false, 3, 21, "nobody of this class ever comes"));
    arrivals_free(a);
    findings_fini(&f);
    findings_init(&f);
    assert_int_equal(arrivals_load(&a, STR(HEAD "classes: { calls: { rate: -6/h } }\n"), p, &f), ERR_POLICY);
    assert_int_equal(f.count, 1); /* refused, and no word of a rate that nobody wrote */
    assert_int_equal(arrivals_load_file(&a, "/nowhere/a.yaml", p, &f), ERR_IO);
    assert_null(a);
    arrivals_free(NULL);
    findings_fini(&f);
    policy_unref(bare);
    policy_unref(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_arrives_and_what_is_not_is_the_policys),
        cmocka_unit_test(a_rate_holds_until_the_next_one_over_midnight),
        cmocka_unit_test(each_mistake_is_told_with_its_place_and_the_nearest_word),
        cmocka_unit_test(a_policy_without_a_section_and_a_class_that_never_comes_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
