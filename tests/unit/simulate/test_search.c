/* The search, on functions whose least value is known. */
#include "tests/unit/config/unit.h"
#include "workers/simulate/search.h"

#include <math.h>

#define DIMS_MOST 8u

struct function {
    double (*f)(const double *x, uint32_t dims);
    uint32_t dims, calls, stop_after, told;
    volatile sig_atomic_t stop;
    enum err fail;
    double first[DIMS_MOST];
};

static enum err value_of(void *ctx, const double *x, double *out, bool *known)
{
    struct function *f = ctx;
    *known = false;
    for (uint32_t i = 0; i < f->dims; i++) assert_true(x[i] >= 0 && x[i] <= 8);
    if (f->calls == 0) memcpy(f->first, x, f->dims * sizeof *x);
    if (++f->calls == f->stop_after) f->stop = 1;
    *out = f->f(x, f->dims);
    return f->fail;
}
static void note(void *ctx, const double *x, double value, uint32_t trial)
{
    struct function *f = ctx;
    assert_true(isfinite(value) && x && trial >= 1);
    f->told++;
}
static struct search_end search(struct function *f, const uint32_t *choices, uint32_t budget, uint64_t seed, double *x)
{
    struct search_end end;
    struct search_cfg cfg = { .choices = choices,
                              .dims = f->dims,
                              .budget = budget,
                              .seed = seed,
                              .stop = &f->stop,
                              .value = value_of,
                              .better = note,
                              .ctx = f };
    assert_int_equal(search_run(&cfg, x, &end), f->fail);
    return end;
}

static double bowl(const double *x, uint32_t dims)
{
    double sum = 0;
    for (uint32_t i = 0; i < dims; i++) sum += (x[i] - 0.3) * (x[i] - 0.3);
    return sum;
}
/* Rosenbrock's valley, its end at (0.75, 0.75): the way to it is narrow and bent. */
static double valley(const double *x, uint32_t dims)
{
    double a = 4 * x[0] - 2, b = 4 * x[1] - 2;
    (void)dims;
    return 100 * (b - a * a) * (b - a * a) + (1 - a) * (1 - a);
}
static double stairs(const double *x, uint32_t dims)
{
    (void)dims;
    return fabs(floor(x[0] * 20) - 13) + (x[1] == 2 ? 0 : 5) + (x[2] > 0.9 ? INFINITY : -x[2]);
}
/* Two pits: the start lies in the shallow one. */
static double pits(const double *x, uint32_t dims)
{
    (void)dims;
    return fmin(0.5 + fabs(x[0] - 0.1), 5 * fabs(x[0] - 0.62));
}

TEST(a_bowl_is_walked_down_to_its_bottom)
{
    UNUSED(state);
    struct function f = { .f = bowl, .dims = 5 };
    double x[5] = { 0.9, 0.1, 0.5, 1, 0 };
    struct search_end end = search(&f, (uint32_t[5]){ 0 }, 300, 1, x);
    for (unsigned i = 0; i < 5; i++) assert_true(fabs(x[i] - 0.3) < 0.02);
    assert_true(end.best < 0.001 && end.first > 1);
    assert_true(f.told > 3);
}

TEST(a_bent_valley_is_followed)
{
    UNUSED(state);
    struct function f = { .f = valley, .dims = 2 };
    double x[2] = { 0.2, 0.75 };
    struct search_end end = search(&f, (uint32_t[2]){ 0 }, 2000, 1, x);
    assert_true(end.best < 0.5 && end.first > 4);
}

TEST(choices_steps_and_forbidden_places_are_managed)
{
    UNUSED(state);
    struct function f = { .f = stairs, .dims = 3 };
    double x[3] = { 0.1, 0, 0.5 };
    struct search_end end = search(&f, (uint32_t[3]){ 0, 4, 0 }, 400, 7, x);
    assert_true(floor(x[0] * 20) == 13 && x[1] == 2 && x[2] > 0.85 && x[2] <= 0.9);
    assert_true(end.best < -0.85);
}

TEST(a_new_start_finds_the_deeper_pit)
{
    UNUSED(state);
    struct function f = { .f = pits, .dims = 1 };
    double x[1] = { 0.12 };
    struct search_end end = search(&f, (uint32_t[1]){ 0 }, 200, 3, x);
    assert_true(end.starts > 1);
    assert_true(fabs(x[0] - 0.62) < 0.05);
}

TEST(the_budget_counts_every_trial_and_the_start_is_the_first)
{
    UNUSED(state);
    struct function f = { .f = bowl, .dims = 2 };
    double x[2] = { 0.9, 0.7 };
    struct search_end end = search(&f, (uint32_t[2]){ 0 }, 17, 1, x);
    assert_int_equal(f.calls, 17);
    assert_int_equal(end.trials, 17);
    assert_true(f.first[0] == 0.9 && f.first[1] == 0.7);
    struct function one = { .f = bowl, .dims = 2 };
    double y[2] = { 0.9, 0.7 };
    end = search(&one, (uint32_t[2]){ 0 }, 1, 1, y);
    assert_true(y[0] == 0.9 && y[1] == 0.7 && end.best == end.first);
}

TEST(the_same_seed_gives_the_same_search)
{
    UNUSED(state);
    double a[2] = { 0.2, 0.75 }, b[2] = { 0.2, 0.75 }, c[2] = { 0.2, 0.75 };
    struct function f = { .f = valley, .dims = 2 }, g = f, h = f;
    search(&f, (uint32_t[2]){ 0 }, 300, 5, a);
    search(&g, (uint32_t[2]){ 0 }, 300, 5, b);
    search(&h, (uint32_t[2]){ 0 }, 300, 6, c);
    assert_memory_equal(a, b, sizeof a);
    assert_true(memcmp(a, c, sizeof a) != 0);
}

TEST(a_search_that_is_stopped_keeps_its_best)
{
    UNUSED(state);
    struct function f = { .f = bowl, .dims = 2, .stop_after = 9 };
    double x[2] = { 0.9, 0.7 };
    struct search_end end = search(&f, (uint32_t[2]){ 0 }, 300, 1, x);
    assert_true(end.stopped);
    assert_int_equal(f.calls, 9);
    assert_true(end.best < end.first && end.best == bowl(x, 2));
}

TEST(an_error_ends_the_search)
{
    UNUSED(state);
    struct function f = { .f = bowl, .dims = 2, .fail = ERR_NOMEM };
    double x[2] = { 0.9, 0.7 };
    search(&f, (uint32_t[2]){ 0 }, 300, 1, x);
    assert_int_equal(f.calls, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bowl_is_walked_down_to_its_bottom),
        cmocka_unit_test(a_bent_valley_is_followed),
        cmocka_unit_test(choices_steps_and_forbidden_places_are_managed),
        cmocka_unit_test(a_new_start_finds_the_deeper_pit),
        cmocka_unit_test(the_budget_counts_every_trial_and_the_start_is_the_first),
        cmocka_unit_test(the_same_seed_gives_the_same_search),
        cmocka_unit_test(a_search_that_is_stopped_keeps_its_best),
        cmocka_unit_test(an_error_ends_the_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
