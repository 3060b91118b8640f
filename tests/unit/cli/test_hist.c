#include "cli/hist.h"
#include "tests/unit/base/unit.h"

#include <math.h>
#include <stdlib.h>

TEST(an_empty_histogram_tells_zero)
{
    static struct hist h;

    UNUSED(state);
    assert_true(hist_ms(&h, 0.5) == 0);
    assert_true(hist_max_ms(&h) == 0);
}

TEST(one_value_is_every_quantile_to_the_microsecond)
{
    static struct hist h;

    UNUSED(state);
    hist_add(&h, 123456);
    assert_true(hist_ms(&h, 0) == 123.456);
    assert_true(hist_ms(&h, 0.5) == 123.456);
    assert_true(hist_ms(&h, 1) == 123.456);
}

TEST(small_values_are_kept_exactly)
{
    static struct hist h;

    UNUSED(state);
    for (uint64_t us = 1; us <= 100; us++) hist_add(&h, us);
    assert_true(hist_ms(&h, 0.5) == 0.050);
    assert_true(hist_ms(&h, 0.99) == 0.099);
    assert_true(hist_ms(&h, 1) == 0.100);
}

TEST(large_values_are_told_within_one_step_and_never_below)
{
    UNUSED(state);
    for (uint64_t us = 128; us < UINT64_C(1) << 39; us += us / 7 + 1) {
        struct hist *h = calloc(1, sizeof *h);
        hist_add(h, us);
        hist_add(h, UINT64_C(1) << 39); /* so that the largest does not cap the answer */
        double told = hist_ms(h, 0.5) * 1000;
        assert_true(told >= (double)us);
        assert_true(told <= (double)us * (1 + 1.0 / HIST_STEPS));
        free(h);
    }
}

TEST(quantiles_rise_and_end_at_the_largest_value)
{
    static struct hist h;
    double last = 0;

    UNUSED(state);
    for (uint64_t i = 0; i < 10000; i++) hist_add(&h, i * i);
    for (double q = 0; q <= 1; q += 0.01) {
        assert_true(hist_ms(&h, q) >= last);
        last = hist_ms(&h, q);
    }
    assert_true(hist_ms(&h, 1) == hist_max_ms(&h));
    assert_true(fabs(hist_ms(&h, 0.5) - 25000) < 25000 / 64.0);
}

TEST(a_value_beyond_the_last_row_counts_in_it)
{
    static struct hist h;

    UNUSED(state);
    hist_add(&h, UINT64_MAX);
    hist_add(&h, 1);
    assert_int_equal(h.count, 2);
    assert_true(hist_ms(&h, 0.5) == 0.001);
    assert_true(hist_ms(&h, 1) >= (double)(UINT64_C(1) << 39) / 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_histogram_tells_zero),
        cmocka_unit_test(one_value_is_every_quantile_to_the_microsecond),
        cmocka_unit_test(small_values_are_kept_exactly),
        cmocka_unit_test(large_values_are_told_within_one_step_and_never_below),
        cmocka_unit_test(quantiles_rise_and_end_at_the_largest_value),
        cmocka_unit_test(a_value_beyond_the_last_row_counts_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
