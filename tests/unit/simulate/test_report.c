/* Figures of one run: cases counted by hand, and random outcomes against a computation that keeps every one of them. */
#include "base/rng.h"
#include "tests/unit/simulate/made.h"

#include <stdlib.h>

static const struct sim_group all = { GROUP_ALL, 0 }, gold = { GROUP_CLASS, 0 }, plain = { GROUP_CLASS, 1 },
                              calls = { GROUP_QUEUE, 0 };

/* gold: answered at once, after 30 s, after 60 s (just in time), after 90 s; abandoned after 100 s; blocked.
   plain: abandoned after 10 s; waiting for 200 s when the run ends; accepted after 10 s and still at work when it ends. */
static struct sim_report *by_hand(void)
{
    struct sim_report *r = made_report(0);
    struct outcome_of matched = made_answered(0, 1000, 30000, 5000), at_work = made_lost(1, OUT_WAITING, 5000, 50000);

    matched.match = 0.5;
    at_work.start = 15000;
    add(r, made_answered(0, 0, 0, 20000));
    add(r, matched);
    add(r, made_answered(0, 2000, 60000, 10000));
    add(r, made_answered(0, 3000, 90000, 1000));
    add(r, made_lost(0, OUT_ABANDONED, 4000, 100000));
    add(r, made_lost(0, OUT_BLOCKED, 4000, 0));
    add(r, made_lost(1, OUT_ABANDONED, 0, 10000));
    add(r, made_lost(1, OUT_WAITING, 0, 200000));
    add(r, at_work);
    return r;
}

TEST(figures_are_what_a_count_by_hand_gives)
{
    static const struct {
        struct sim_group g;
        enum figure f;
        double want;
    } rows[] = {
        { { GROUP_ALL, 0 }, FIG_OFFERED, 9 },
        { { GROUP_ALL, 0 }, FIG_ANSWERED, 5 },
        { { GROUP_ALL, 0 }, FIG_ABANDONED, 2 },
        { { GROUP_ALL, 0 }, FIG_BLOCKED, 1 },
        { { GROUP_ALL, 0 }, FIG_WAITING, 1 },
        { { GROUP_ALL, 0 }, FIG_ABANDONED_SHARE, 2.0 / 9 },
        { { GROUP_ALL, 0 }, FIG_BLOCKED_SHARE, 1.0 / 9 },
        { { GROUP_ALL, 0 }, FIG_WAITED, 4.0 / 5 },
        { { GROUP_ALL, 0 }, FIG_WAIT, (0 + 30 + 60 + 90 + 10) / 5.0 },
        { { GROUP_ALL, 0 }, FIG_MAX, 90 },
        { { GROUP_ALL, 0 }, FIG_WITHIN, 4.0 / 9 },
        /* gold: late, gave up late, blocked: 3 of weight 3; plain: waits late: 1 of weight 1 */
        { { GROUP_ALL, 0 }, FIG_BREACH, (3 * 3 + 1) / (6 * 3 + 3 * 1.0) },
        { { GROUP_ALL, 0 }, FIG_LATENESS, (30 + 40 + 140) / 8.0 },
        { { GROUP_ALL, 0 }, FIG_FINISH, (20 + 35 + 70 + 91) / 4.0 },
        { { GROUP_ALL, 0 }, FIG_MATCH, 0.5 },
        { { GROUP_CLASS, 0 }, FIG_OFFERED, 6 },
        { { GROUP_CLASS, 0 }, FIG_WITHIN, 0.5 },
        { { GROUP_CLASS, 0 }, FIG_BREACH, 0.5 },
        { { GROUP_CLASS, 0 }, FIG_LATENESS, 70 / 5.0 },
        { { GROUP_CLASS, 1 }, FIG_OFFERED, 3 },
        { { GROUP_CLASS, 1 }, FIG_ANSWERED, 1 },
        { { GROUP_CLASS, 1 }, FIG_WAIT, 10 },
        { { GROUP_CLASS, 1 }, FIG_FINISH, NAN },
        { { GROUP_CLASS, 1 }, FIG_MATCH, NAN },
        { { GROUP_QUEUE, 0 }, FIG_OFFERED, 6 },
        { { GROUP_QUEUE, 1 }, FIG_BREACH, 1.0 / 3 },
        { { GROUP_QUEUE, 1 }, FIG_OCCUPANCY, NAN },
    };
    struct sim_report *r = by_hand();
    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(rows); i++) assert_figure(r, rows[i].g, rows[i].f, rows[i].want);
    assert_int_equal(sim_report_worst(r), 1); /* a third in time, gold half */
    sim_report_free(r);
}

TEST(nothing_offered_has_no_figures_and_no_worst_class)
{
    struct sim_report *r = made_report(0);
    struct bucket_figures day[SIM_DAY_PARTS];
    uint32_t step, days;
    UNUSED(state);

    assert_figure(r, all, FIG_OFFERED, 0);
    for (int f = FIG_ABANDONED_SHARE; f < FIG_COUNT; f++) assert_figure(r, all, (enum figure)f, NAN);
    assert_int_equal(sim_report_worst(r), -1);
    assert_int_equal(sim_report_day(r, day, &step, &days), 0);
    sim_report_free(r);
}

TEST(who_arrived_in_the_warm_up_is_in_no_figure)
{
    struct sim_report *r = made_report(10000);
    UNUSED(state);
    add(r, made_answered(0, 9999, 90000, 1));
    assert_figure(r, all, FIG_OFFERED, 0);
    add(r, made_answered(0, 10000, 1000, 1));
    assert_figure(r, all, FIG_OFFERED, 1);
    assert_figure(r, gold, FIG_WAIT, 1);
    sim_report_free(r);
}

TEST(of_classes_equally_in_time_the_one_with_the_longest_waits_is_the_worst)
{
    struct sim_report *r = made_report(0);
    UNUSED(state);
    add(r, made_answered(0, 0, 1000, 1));
    add(r, made_answered(1, 0, 2000, 1));
    assert_int_equal(sim_report_worst(r), 1);
    sim_report_free(r);
}

TEST(agents_are_told_by_occupancy_load_and_jains_index)
{
    struct sim_report *r = made_report(0);
    static const struct agent_use rows[] = {
        { .agent = "a", .online_ms = 1000, .busy_ms = 500, .unit_ms = 25000, .capacity = 100, .served = 3 },
        { .agent = "b", .online_ms = 1000, .busy_ms = 1000, .unit_ms = 100000, .capacity = 100, .served = 5, .missed = 1 },
        { .agent = "never", .capacity = 100 },
    };
    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(rows); i++) sim_report_agent(r, &rows[i]);
    assert_int_equal(sim_agents(r), 3);
    struct agent_figures a = sim_agent_figures(r, 0), never = sim_agent_figures(r, 2);
    assert_string_equal(a.agent, "a");
    assert_true(a.occupancy == 0.5 && a.load == 0.25 && a.served == 3);
    assert_true(isnan(never.occupancy) && isnan(never.load));
    assert_figure(r, all, FIG_OCCUPANCY, 0.75);
    assert_figure(r, all, FIG_LOAD, 0.625);
    assert_figure(r, all, FIG_JAIN, 1.5 * 1.5 / (2 * 1.25)); /* (Σx)² / (n Σx²) of 0.5 and 1 */
    sim_report_free(r);
}

/* ---- against a computation that keeps everything ---- */

#define MANY 20000u
static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static struct outcome_of drawn(struct rng *g)
{
    uint32_t class = (uint32_t)rng_below(g, 2);
    uint64_t at = rng_below(g, 30 * HOUR), wait = (uint64_t)(exp(18 * rng_f64(g)) - 1);
    uint64_t kind = rng_below(g, 10);
    if (kind < 7) return made_answered(class, at, wait, rng_below(g, 500000));
    return made_lost(class, kind == 7 ? OUT_BLOCKED : kind == 8 ? OUT_ABANDONED : OUT_WAITING, at, kind == 7 ? 0 : wait);
}

static void assert_near(double got, double want, double error)
{
    if (fabs(got - want) > error * want + 1e-9) fail_msg("got %.9g, want %.9g", got, want);
}

TEST(random_outcomes_agree_with_a_computation_that_keeps_every_one)
{
    static double waits[MANY];
    static const struct {
        enum figure f;
        double q;
    } quantiles[] = { { FIG_P50, .5 }, { FIG_P90, .9 }, { FIG_P95, .95 }, { FIG_P99, .99 } };
    UNUSED(state);
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct sim_report *r = made_report(0), *half[2] = { made_report(0), made_report(0) };
        struct rng g;
        double n = 0, sum = 0, late = 0, unblocked = 0, weight = 0, breached = 0, in_time = 0;
        rng_seed(&g, seed);
        for (uint32_t i = 0; i < MANY; i++) {
            struct outcome_of o = drawn(&g);
            double w = made_classes[o.class].weight, t = (double)((o.outcome == OUT_SERVED ? o.start : o.end) - o.arrived) / 1000;
            add(r, o);
            add(half[i % 2], o);
            weight += w;
            if (o.outcome == OUT_BLOCKED || t > 60) breached += w;
            if (o.outcome != OUT_BLOCKED) unblocked++, late += fmax(0, t - 60);
            if (o.outcome != OUT_SERVED) continue;
            waits[(size_t)n++] = t, sum += t, in_time += t <= 60;
        }
        qsort(waits, (size_t)n, sizeof *waits, by_size);
        sim_report_merge(half[0], half[1]);
        for (int merged = 0; merged < 2; merged++) {
            const struct sim_report *v = merged ? half[0] : r;
            for (size_t i = 0; i < COUNT_OF(quantiles); i++)
                assert_near(sim_figure(v, all, quantiles[i].f), waits[(size_t)(ceil(quantiles[i].q * n - 1e-6) - 1)], 0.002);
            assert_near(sim_figure(v, all, FIG_MAX), waits[(size_t)n - 1], 0);
            assert_near(sim_figure(v, all, FIG_WAIT), sum / n, 1e-12);
            assert_near(sim_figure(v, all, FIG_LATENESS), late / unblocked, 1e-12);
            assert_near(sim_figure(v, all, FIG_BREACH), breached / weight, 1e-12);
            assert_near(sim_figure(v, all, FIG_WITHIN), in_time / MANY, 1e-12);
            assert_near(sim_figure(v, gold, FIG_OFFERED) + sim_figure(v, plain, FIG_OFFERED), MANY, 0);
            assert_near(sim_figure(v, gold, FIG_P90), sim_figure(v, calls, FIG_P90), 0);
        }
        sim_report_free(r), sim_report_free(half[0]), sim_report_free(half[1]);
    }
}

TEST(times_are_kept_within_a_fifth_of_a_percent_from_a_millisecond_to_years)
{
    static struct waits w;
    UNUSED(state);
    for (uint64_t ms = 0; ms < SIM_TIME_MAX; ms = ms * 9 / 8 + 1) {
        w = (struct waits){ 0 };
        waits_add(&w, ms);
        waits_add(&w, SIM_TIME_MAX); /* or the maximum would be told, which is exact */
        assert_near(waits_at(&w, 0.5), (double)ms, ms < 512 ? 0 : 0.002);
    }
}

/* ---- the day ---- */

TEST(a_short_run_is_told_in_its_own_order_by_five_minutes)
{
    struct sim_report *r = made_report(0);
    struct bucket_figures day[SIM_DAY_PARTS];
    uint32_t step, days;
    UNUSED(state);

    add(r, made_answered(0, 23 * HOUR + 59 * 60000, 1000, 1));
    add(r, made_answered(0, 24 * HOUR + 11 * 60000, 90000, 1));
    assert_int_equal(sim_report_day(r, day, &step, &days), 4);
    assert_int_equal(step, 5);
    assert_int_equal(days, 1);
    assert_int_equal(day[0].at, 23 * 60 + 55);
    assert_int_equal(day[1].at, 0);
    assert_int_equal(day[1].offered, 0);
    assert_true(isnan(day[1].wait) && isnan(day[1].within));
    assert_int_equal(day[3].at, 10);
    assert_true(day[3].wait == 90 && day[3].within == 0 && day[0].within == 1);
    sim_report_free(r);
}

TEST(days_are_folded_into_one_by_quarters_of_an_hour)
{
    struct sim_report *r = made_report(0);
    struct bucket_figures day[SIM_DAY_PARTS];
    uint32_t step, days;
    UNUSED(state);

    add(r, made_answered(0, 9 * HOUR, 10000, 1));
    add(r, made_answered(0, 33 * HOUR + 14 * 60000, 30000, 1));
    add(r, made_answered(0, 58 * HOUR, 30000, 1));
    assert_int_equal(sim_report_day(r, day, &step, &days), 5);
    assert_int_equal(step, 15);
    assert_int_equal(days, 3);
    assert_int_equal(day[0].at, 9 * 60);
    assert_int_equal(day[0].offered, 2);
    assert_true(day[0].wait == 20);
    sim_report_free(r);
}

/* ---- the rest ---- */

TEST(a_report_that_was_cleared_is_as_new)
{
    struct sim_report *r = by_hand(), *fresh = made_report(0);
    UNUSED(state);
    uint64_t print = sim_report_print(r);
    assert_true(print != sim_report_print(fresh));
    sim_report_clear(r);
    assert_figure(r, all, FIG_OFFERED, 0);
    assert_true(sim_report_print(r) == sim_report_print(fresh));
    sim_report_free(r);
    r = by_hand();
    assert_true(print == sim_report_print(r)); /* the same outcomes give the same number */
    sim_report_free(r), sim_report_free(fresh);
}

TEST(figures_are_found_by_the_names_that_objectives_use)
{
    UNUSED(state);
    assert_int_equal(figure_find(STR("breach")), FIG_BREACH);
    assert_int_equal(figure_find(STR("wait_p99")), FIG_P99);
    assert_int_equal(figure_find(STR("nothing")), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_what_a_count_by_hand_gives),
        cmocka_unit_test(nothing_offered_has_no_figures_and_no_worst_class),
        cmocka_unit_test(who_arrived_in_the_warm_up_is_in_no_figure),
        cmocka_unit_test(of_classes_equally_in_time_the_one_with_the_longest_waits_is_the_worst),
        cmocka_unit_test(agents_are_told_by_occupancy_load_and_jains_index),
        cmocka_unit_test(random_outcomes_agree_with_a_computation_that_keeps_every_one),
        cmocka_unit_test(times_are_kept_within_a_fifth_of_a_percent_from_a_millisecond_to_years),
        cmocka_unit_test(a_short_run_is_told_in_its_own_order_by_five_minutes),
        cmocka_unit_test(days_are_folded_into_one_by_quarters_of_an_hour),
        cmocka_unit_test(a_report_that_was_cleared_is_as_new),
        cmocka_unit_test(figures_are_found_by_the_names_that_objectives_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
