/* Means and deviations at fixed seeds: within five standard errors of what they should be, so no luck is in a green run. */
#include "tests/unit/simulate/unit.h"
#include "workers/simulate/draw.h"

#include <math.h>

#define DRAWS 100000

static void figures(const struct dist *d, double *mean, double *sd)
{
    struct draw seed = { 7, 0 };
    double sum = 0, squares = 0;
    for (uint64_t i = 0; i < DRAWS; i++) {
        struct rng r = draw_rng(&seed, DRAW_WORK, "billing", i);
        double v = (double)draw_ms(d, &r);
        sum += v;
        squares += v * v;
    }
    *mean = sum / DRAWS;
    *sd = sqrt(squares / DRAWS - *mean * *mean);
}

/* `kurtosis` of the distribution gives the standard error of its deviation. */
static void assert_figures(struct dist d, double sd, double kurtosis)
{
    double mean, got;
    figures(&d, &mean, &got);
    double off = 5 * sd / sqrt(DRAWS), sd_off = 5 * sd * sqrt((kurtosis - 1) / 4 / DRAWS);
    if (fabs(mean - d.mean_ms) > off) fail_msg("mean %.1f, not %.1f within %.1f", mean, d.mean_ms, off);
    if (fabs(got - sd) > sd_off) fail_msg("deviation %.1f, not %.1f within %.1f", got, sd, sd_off);
}

TEST(exponential_has_its_mean_and_a_deviation_alike)
{
    UNUSED(state);
    assert_figures((struct dist){ DIST_EXPONENTIAL, 180000, 0 }, 180000, 9);
}

TEST(lognormal_has_the_given_mean_and_cv)
{
    UNUSED(state);
    assert_figures((struct dist){ DIST_LOGNORMAL, 240000, 0.5 }, 120000, 8.04); /* kurtosis: w^4 + 2w^3 + 3w^2 - 3, w = 1.25 */
}

TEST(deterministic_is_itself_and_none_is_for_ever)
{
    struct rng r;
    UNUSED(state);
    rng_seed(&r, 1);
    assert_int_equal(draw_ms(&(struct dist){ DIST_FIXED, 1500.4, 0 }, &r), 1500);
    assert_int_equal(draw_ms(&(struct dist){ DIST_NONE, 0, 0 }, &r), SIM_FOR_EVER);
}

TEST(nothing_drawn_is_absurd)
{
    struct draw seed = { 3, 0 };
    UNUSED(state);
    for (uint64_t i = 0; i < 10000; i++) {
        struct rng r = draw_rng(&seed, DRAW_WORK, "x", i);
        assert_true(draw_ms(&(struct dist){ DIST_LOGNORMAL, 2592000000.0, 10 }, &r) <= SIM_TIME_MAX);
    }
}

TEST(draws_hang_on_seed_replication_class_number_and_purpose_alone)
{
    struct draw a = { 7, 0 }, b = { 8, 0 }, c = { 7, 1 };
    struct rng first = draw_rng(&a, DRAW_WORK, "billing", 5), again = draw_rng(&a, DRAW_WORK, "billing", 5);
    struct rng others[] = { draw_rng(&b, DRAW_WORK, "billing", 5), draw_rng(&c, DRAW_WORK, "billing", 5),
                            draw_rng(&a, DRAW_GAP, "billing", 5), draw_rng(&a, DRAW_WORK, "tech", 5),
                            draw_rng(&a, DRAW_WORK, "billing", 6) };
    UNUSED(state);
    uint64_t value = rng_u64(&first);
    assert_int_equal(value, rng_u64(&again));
    for (size_t i = 0; i < COUNT_OF(others); i++) assert_int_not_equal(value, rng_u64(&others[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exponential_has_its_mean_and_a_deviation_alike),
        cmocka_unit_test(lognormal_has_the_given_mean_and_cv),
        cmocka_unit_test(deterministic_is_itself_and_none_is_for_ever),
        cmocka_unit_test(nothing_drawn_is_absurd),
        cmocka_unit_test(draws_hang_on_seed_replication_class_number_and_purpose_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
