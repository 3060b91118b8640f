/* The estimate against values computed by hand and published ones. */
#include "tests/unit/simulate/unit.h"
#include "workers/simulate/survive.h"

#include <math.h>

static struct survive s;

static void fit(struct survive_seen *seen, uint32_t count)
{
    survive_fini(&s);
    assert_int_equal(survive_fit(&s, seen, count), ERR_OK);
}

static void assert_left(uint64_t ms, double want)
{
    double got = survive_left(&s, ms);
    if (fabs(got - want) > 5e-7) fail_msg("left at %llu: %.7f, not %.7f", (unsigned long long)ms, got, want);
}

static int clear(void **state)
{
    UNUSED(state);
    survive_fini(&s);
    return 0;
}

/* The example of Kaplan and Meier (1958), in tenths: deaths at 0.8, 3.1, 5.4, 9.2; losses at 1.0, 2.7, 7.0, 12.1. */
TEST(the_example_of_kaplan_and_meier_comes_out)
{
    struct survive_seen seen[] = { { 121, false }, { 8, true },   { 31, true }, { 10, false },
                                   { 54, true },   { 27, false }, { 92, true }, { 70, false } };
    UNUSED(state);
    fit(seen, COUNT_OF(seen));
    assert_left(7, 1);
    assert_left(8, 7.0 / 8);
    assert_left(30, 7.0 / 8);
    assert_left(31, 7.0 / 8 * 4 / 5);
    assert_left(54, 7.0 / 8 * 4 / 5 * 3 / 4);
    assert_left(92, 7.0 / 8 * 4 / 5 * 3 / 4 / 2);
    assert_left(1000, 0.2625);
    assert_int_equal(s.complete, 4);
    assert_true(fabs(survive_mean(&s) - (121 + 8 + 31 + 10 + 54 + 27 + 92 + 70) / 4.0) < 1e-9);
    uint64_t median;
    assert_true(survive_median(&s, &median));
    assert_int_equal(median, 92);
}

/* Remissions under 6-mercaptopurine (Freireich et al. 1963), weeks: several of one time, censored ones among them. */
TEST(ties_count_together_and_before_the_censored_of_their_time)
{
    static const int weeks[] = { 6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35 };
    struct survive_seen seen[COUNT_OF(weeks)];
    uint64_t median;
    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(weeks); i++) seen[i] = (struct survive_seen){ (uint64_t)abs(weeks[i]), weeks[i] > 0 };
    fit(seen, COUNT_OF(weeks));
    assert_left(6, 18.0 / 21);
    assert_left(7, 18.0 / 21 * 16 / 17);
    assert_left(10, 18.0 / 21 * 16 / 17 * 14 / 15);
    assert_left(13, 18.0 / 21 * 16 / 17 * 14 / 15 * 11 / 12);
    assert_left(23, 18.0 / 21 * 16 / 17 * 14 / 15 * 11 / 12 * 10 / 11 * 6 / 7 * 5 / 6); /* 0.448 as published */
    assert_true(survive_median(&s, &median));
    assert_int_equal(median, 23);
}

TEST(nobody_who_hung_up_means_for_ever)
{
    struct survive_seen seen[] = { { 5, false }, { 9, false } };
    struct rng r;
    uint64_t median;
    UNUSED(state);
    rng_seed(&r, 1);
    fit(seen, 2);
    assert_false(survive_median(&s, &median));
    assert_true(isinf(survive_mean(&s)));
    assert_true(survive_draw(&s, 0, &r) == SIM_FOR_EVER);
    fit(seen, 0);
    assert_true(survive_draw(&s, 0, &r) == SIM_FOR_EVER);
    assert_left(5, 1);
}

/* Given that they waited to 31, a share of 3/4 goes on beyond 54 and of 3/8 beyond 92, where the estimate ends. */
TEST(patience_is_drawn_given_what_was_waited_already)
{
    struct survive_seen seen[] = { { 121, false }, { 8, true },   { 31, true }, { 10, false },
                                   { 54, true },   { 27, false }, { 92, true }, { 70, false } };
    struct rng r;
    double at54 = 0, at92 = 0, ever = 0;
    const double n = 100000;
    UNUSED(state);
    fit(seen, COUNT_OF(seen));
    rng_seed(&r, 4);
    for (int i = 0; i < n; i++) {
        uint64_t ms = survive_draw(&s, 31, &r);
        at54 += ms == 54;
        at92 += ms == 92;
        ever += ms == SIM_FOR_EVER;
    }
    assert_true(at54 + at92 + ever == n);
    assert_true(fabs(at54 / n - 0.25) < 5 * sqrt(0.25 * 0.75 / n));
    assert_true(fabs(at92 / n - 0.375) < 5 * sqrt(0.375 * 0.625 / n));
    assert_true(fabs(ever / n - 0.375) < 5 * sqrt(0.375 * 0.625 / n));
}

TEST(a_patience_drawn_is_longer_than_the_wait)
{
    struct survive_seen seen[] = { { 10, true }, { 10, false }, { 20, true }, { 30, true } };
    struct rng r;
    UNUSED(state);
    fit(seen, 4);
    rng_seed(&r, 2);
    for (int i = 0; i < 1000; i++) assert_true(survive_draw(&s, 10, &r) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_example_of_kaplan_and_meier_comes_out, clear),
        cmocka_unit_test_teardown(ties_count_together_and_before_the_censored_of_their_time, clear),
        cmocka_unit_test_teardown(nobody_who_hung_up_means_for_ever, clear),
        cmocka_unit_test_teardown(patience_is_drawn_given_what_was_waited_already, clear),
        cmocka_unit_test_teardown(a_patience_drawn_is_longer_than_the_wait, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
