/* Drawn arrivals: counts within five standard errors of a Poisson's, so no luck is in a green run. */
#include "tests/unit/simulate/unit.h"
#include "workers/simulate/generate.h"

#include <math.h>

#define HOUR     UINT64_C(3600000)
#define MIDNIGHT UINT64_C(1767538800000) /* 2026-01-05 00:00 in Seoul */

static struct rate_part day[] = { { 8 * 60, 100.0 / 3600000 }, { 9 * 60, 400.0 / 3600000 }, { 18 * 60, 0 } };
static struct rate_part always[] = { { 0, 200.0 / 3600000 } };
static struct arrival_class classes[] = {
    { .name = "billing",
      .class = 1,
      .rate = { always, 1 },
      .work = { DIST_EXPONENTIAL, 180000, 0 },
      .patience = { DIST_EXPONENTIAL, 60000, 0 } },
    { .name = "chat", .class = 0, .rate = { day, 3 }, .work = { DIST_FIXED, 5000, 0 } },
};
static struct source *source;

static void open_all(const struct arrivals *a, const char *zone, uint64_t seed, uint32_t replication)
{
    char why[512];
    struct generate_cfg cfg = { a, zone, seed, replication };
    assert_int_equal(generate_open(&source, &cfg, why), ERR_OK);
}

static void assert_near(double got, double want, double sd)
{
    if (fabs(got - want) > 5 * sd) fail_msg("%.1f, not %.1f within %.1f", got, want, 5 * sd);
}

/* Arrivals of a class in [from, to) hours since the begin. */
static double count_in(const struct arrivals *a, const char *zone, uint32_t class, double from, double to)
{
    struct arrival x;
    double n = 0;
    open_all(a, zone, 11, 0);
    while (!source_next(source, &x)) {
        assert_true(x.at < a->for_ms);
        n += x.class == class && x.at >= from * HOUR && x.at < to * HOUR;
    }
    source_close(source);
    return n;
}

TEST(a_constant_rate_gives_as_many_as_it_says_with_exponential_gaps)
{
    struct arrivals a = { .from = MIDNIGHT, .for_ms = 250 * HOUR, .classes = classes, .class_count = 1 };
    struct arrival x;
    double n = 0, last = 0, squares = 0, work = 0, patience = 0;
    UNUSED(state);
    open_all(&a, "Asia/Seoul", 5, 0);
    assert_true(source->random);
    for (; !source_next(source, &x); n++) {
        squares += ((double)x.at - last) * ((double)x.at - last);
        last = (double)x.at;
        work += (double)x.work;
        patience += (double)x.patience;
        assert_int_equal(x.class, 1);
    }
    source_close(source);
    assert_near(n, 50000, sqrt(50000));
    assert_near(squares / n, 2 * 18000.0 * 18000.0, sqrt(20 / n) * 18000.0 * 18000.0); /* gaps: E x^2 = 2 m^2, Var x^2 = 20 m^4 */
    assert_near(work / n, 180000, 180000 / sqrt(n));
    assert_near(patience / n, 60000, 60000 / sqrt(n));
}

TEST(times_are_rounded_and_not_the_gaps_between_them)
{
    static struct rate_part many[] = { { 0, 0.5 } };
    static struct arrival_class class = { .name = "many", .rate = { many, 1 }, .work = { DIST_FIXED, 1, 0 } };
    struct arrivals a = { .from = MIDNIGHT, .for_ms = 200000, .classes = &class, .class_count = 1 };
    UNUSED(state);
    assert_near(count_in(&a, "UTC", 0, 0, 1), 100000, sqrt(100000));
}

TEST(ids_count_up_in_the_order_of_time)
{
    struct arrivals a = { .from = MIDNIGHT, .for_ms = 100 * HOUR, .classes = classes, .class_count = 2 };
    struct arrival x;
    uint64_t n = 0, last = 0;
    char id[24];
    UNUSED(state);
    open_all(&a, "Asia/Seoul", 5, 0);
    while (!source_next(source, &x)) {
        snprintf(id, sizeof id, "%llu", (unsigned long long)++n);
        assert_string_equal(x.id, id);
        assert_true(x.at >= last);
        last = x.at;
        if (x.class == 0) assert_true(x.patience == SIM_FOR_EVER && x.work == 5000);
    }
    assert_true(n > 20000);
    source_close(source);
}

TEST(rates_change_at_the_time_of_day)
{
    struct arrivals a = { .from = MIDNIGHT, .for_ms = 10 * 24 * HOUR, .classes = classes + 1, .class_count = 1 };
    struct arrival x;
    double by_hour[24] = { 0 }, office = 0;
    UNUSED(state);
    open_all(&a, "Asia/Seoul", 11, 0);
    while (!source_next(source, &x)) by_hour[x.at / HOUR % 24]++;
    source_close(source);
    assert_near(by_hour[8], 1000, sqrt(1000));
    for (int h = 9; h < 18; h++) {
        assert_near(by_hour[h], 4000, sqrt(4000));
        office += by_hour[h];
    }
    assert_near(office, 36000, sqrt(36000));
    for (int h = 18; h < 32; h++) assert_true(by_hour[h % 24] == 0); /* the last part holds over midnight */
}

/* New York: 2026-03-08 has no hour from 2 to 3, 2026-11-01 has that from 1 to 2 twice. */
TEST(rates_follow_the_clock_when_it_is_changed)
{
    struct arrivals spring = { .from = UINT64_C(1772946000000), .for_ms = 20 * HOUR, .classes = classes + 1, .class_count = 1 };
    struct arrivals autumn = { .from = UINT64_C(1793505600000), .for_ms = 20 * HOUR, .classes = classes + 1, .class_count = 1 };
    UNUSED(state);
    assert_int_equal(count_in(&spring, "America/New_York", 0, 0, 7), 0); /* 8:00 is seven hours after midnight */
    assert_near(count_in(&spring, "America/New_York", 0, 7, 8), 100, 10);
    assert_near(count_in(&spring, "America/New_York", 0, 8, 17), 3600, 60);
    assert_int_equal(count_in(&spring, "America/New_York", 0, 17, 20), 0);
    assert_int_equal(count_in(&autumn, "America/New_York", 0, 0, 9), 0); /* nine hours here */
    assert_near(count_in(&autumn, "America/New_York", 0, 9, 10), 100, 10);
    assert_int_equal(count_in(&autumn, "America/New_York", 0, 19, 20), 0);
}

TEST(the_same_seed_gives_the_same_bytes_and_others_give_others)
{
    struct arrivals a = { .from = MIDNIGHT, .for_ms = 24 * HOUR, .classes = classes, .class_count = 2 };
    static struct arrival first[20000];
    struct arrival x;
    size_t n = 0, same_seed = 0, same_replication = 0;
    UNUSED(state);
    open_all(&a, "Asia/Seoul", 9, 3);
    while (n < COUNT_OF(first) && !source_next(source, &first[n])) n++;
    source_close(source);
    open_all(&a, "Asia/Seoul", 9, 3);
    for (size_t i = 0; !source_next(source, &x); i++) {
        assert_string_equal(x.id, first[i].id);
        assert_true(x.at == first[i].at && x.work == first[i].work && x.patience == first[i].patience && x.class == first[i].class);
    }
    source_close(source);
    open_all(&a, "Asia/Seoul", 10, 3);
    for (size_t i = 0; i < 100 && !source_next(source, &x); i++) same_seed += x.at == first[i].at;
    source_close(source);
    open_all(&a, "Asia/Seoul", 9, 4);
    for (size_t i = 0; i < 100 && !source_next(source, &x); i++) same_replication += x.at == first[i].at;
    source_close(source);
    assert_true(same_seed < 3 && same_replication < 3);
}

TEST(a_class_draws_the_same_whatever_other_classes_do)
{
    struct arrivals both = { .from = MIDNIGHT, .for_ms = 24 * HOUR, .classes = classes, .class_count = 2 };
    struct arrivals one = { .from = MIDNIGHT, .for_ms = 24 * HOUR, .classes = classes, .class_count = 1 };
    struct source *alone;
    struct arrival x, y;
    UNUSED(state);
    open_all(&one, "Asia/Seoul", 9, 0);
    alone = source;
    open_all(&both, "Asia/Seoul", 9, 0);
    while (!source_next(alone, &x)) {
        do assert_int_equal(source_next(source, &y), ERR_OK);
        while (y.class != 1);
        assert_true(x.at == y.at && x.work == y.work && x.patience == y.patience);
    }
    source_close(alone);
    source_close(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_constant_rate_gives_as_many_as_it_says_with_exponential_gaps),
        cmocka_unit_test(times_are_rounded_and_not_the_gaps_between_them),
        cmocka_unit_test(ids_count_up_in_the_order_of_time),
        cmocka_unit_test(rates_change_at_the_time_of_day),
        cmocka_unit_test(rates_follow_the_clock_when_it_is_changed),
        cmocka_unit_test(the_same_seed_gives_the_same_bytes_and_others_give_others),
        cmocka_unit_test(a_class_draws_the_same_whatever_other_classes_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
