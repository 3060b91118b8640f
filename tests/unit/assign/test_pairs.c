#include "base/rng.h"
#include "workers/assign/pairs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

/* clang-format off: cmocka.h needs those before it */
#include <cmocka.h>
/* clang-format on */

/* The best set of pairs, compared with what trying everything finds. */

#define ROWS   6u
#define AGENTS 6u

struct small {
    struct candidate edges[ROWS][AGENTS];
    struct pair_row rows[ROWS];
    uint32_t n, limbs;
};

struct sum {
    uint32_t served; /* bit per row, the first row the highest: more is better */
    uint32_t count;
    limb v[KEY_LIMBS];
};

static void make(struct small *s, struct rng *rng)
{
    s->n = 1 + (uint32_t)(rng_u64(rng) % ROWS);
    s->limbs = 1 + (uint32_t)(rng_u64(rng) % 3);
    for (uint32_t r = 0; r < s->n; r++) {
        uint32_t count = 0;
        for (uint32_t a = 0; a < AGENTS; a++) {
            if (rng_u64(rng) % 3 == 0) continue;
            s->edges[r][count] = (struct candidate){ .agent = 1000 + a };
            for (uint32_t i = 0; i < s->limbs; i++) s->edges[r][count].key.v[i] = (int64_t)(rng_u64(rng) % (i ? 20 : 3));
            count++;
        }
        s->rows[r] = (struct pair_row){ s->edges[r], count };
    }
}

static int compare(const struct small *s, const struct sum *a, const struct sum *b, bool equal)
{
    if (equal && a->count != b->count) return a->count > b->count ? -1 : 1;
    if (!equal && a->served != b->served) return a->served > b->served ? -1 : 1;
    for (uint32_t i = 0; i < s->limbs; i++)
        if (a->v[i] != b->v[i]) return a->v[i] < b->v[i] ? -1 : 1;
    return 0;
}

static void take(const struct small *s, struct sum *to, uint32_t row, uint32_t edge)
{
    to->served |= 1u << (ROWS - 1 - row);
    to->count++;
    for (uint32_t i = 0; i < s->limbs; i++) to->v[i] += s->edges[row][edge].key.v[i];
}

static void try_all(const struct small *s, uint32_t row, uint32_t used, const struct sum *so_far, bool equal, struct sum *best)
{
    if (row == s->n) {
        if (compare(s, so_far, best, equal) < 0) *best = *so_far;
        return;
    }
    try_all(s, row + 1, used, so_far, equal, best);
    for (uint32_t e = 0; e < s->rows[row].count; e++) {
        uint32_t bit = 1u << (s->edges[row][e].agent - 1000);
        struct sum with = *so_far;
        if (used & bit) continue;
        take(s, &with, row, e);
        try_all(s, row + 1, used | bit, &with, equal, best);
    }
}

static struct sum solved(struct pairs *p, const struct small *s, bool equal)
{
    struct sum sum = { 0 };
    uint32_t out[BEST_MAX], used = 0;

    pairs_solve(p, s->rows, s->n, s->limbs, equal, out);
    for (uint32_t r = 0; r < s->n; r++) {
        if (out[r] == NONE) continue;
        uint32_t bit = 1u << (s->edges[r][out[r]].agent - 1000);
        assert_true(out[r] < s->rows[r].count);
        assert_false(used & bit); /* nobody gets two */
        used |= bit;
        take(s, &sum, r, out[r]);
    }
    return sum;
}

static void compare_many(bool equal)
{
    struct pairs *p = pairs_new();
    struct rng rng;

    rng_seed(&rng, equal ? 7 : 3);
    for (int i = 0; i < 4000; i++) {
        struct small s;
        struct sum none = { 0 }, best = { 0 }, got;
        make(&s, &rng);
        try_all(&s, 0, 0, &none, equal, &best);
        got = solved(p, &s, equal);
        assert_int_equal(compare(&s, &got, &best, equal), 0);
    }
    pairs_free(p);
}

static void the_rows_that_can_be_served_in_their_order_are_and_the_sum_is_least(void **state)
{
    (void)state;
    compare_many(false);
}

static void with_equal_rows_as_many_as_possible_are_served_and_the_sum_is_least(void **state)
{
    (void)state;
    compare_many(true);
}

/* One agent is everybody's best: only the cheapest way round gives each of 32 one of their own. */
static void thirty_two_rows_that_all_want_the_same_are_all_served(void **state)
{
    static struct candidate edges[BEST_MAX][BEST_MAX];
    struct pair_row rows[BEST_MAX];
    struct pairs *p = pairs_new();
    uint32_t out[BEST_MAX];
    uint64_t used = 0;
    int64_t sum = 0;

    (void)state;
    for (uint32_t r = 0; r < BEST_MAX; r++) {
        for (uint32_t a = 0; a < BEST_MAX; a++)
            edges[r][a] = (struct candidate){ .agent = a * 37, .key = { { (int64_t)a * (int64_t)(r + 1) } } };
        rows[r] = (struct pair_row){ edges[r], BEST_MAX };
    }
    pairs_solve(p, rows, BEST_MAX, 1, false, out);
    for (uint32_t r = 0; r < BEST_MAX; r++) {
        assert_true(out[r] < BEST_MAX);
        used |= 1ull << out[r];
        sum += edges[r][out[r]].key.v[0];
    }
    assert_int_equal(used, 0xffffffffull);
    int64_t least = 0; /* the greatest factor with the least: rearrangement */
    for (uint32_t r = 0; r < BEST_MAX; r++) least += (int64_t)(r + 1) * (int64_t)(BEST_MAX - 1 - r);
    assert_int_equal(sum, least);
    pairs_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rows_that_can_be_served_in_their_order_are_and_the_sum_is_least),
        cmocka_unit_test(with_equal_rows_as_many_as_possible_are_served_and_the_sum_is_least),
        cmocka_unit_test(thirty_two_rows_that_all_want_the_same_are_all_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
