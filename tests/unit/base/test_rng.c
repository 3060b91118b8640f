#include "base/rng.h"
#include "tests/unit/base/unit.h"

TEST(one_seed_gives_one_sequence)
{
    struct rng a, b, c;

    UNUSED(state);
    rng_seed(&a, 42);
    rng_seed(&b, 42);
    rng_seed(&c, 43);
    bool differs = false;
    for (int i = 0; i < 100; i++) {
        uint64_t v = rng_u64(&a);
        assert_true(v == rng_u64(&b));
        differs |= v != rng_u64(&c);
    }
    assert_true(differs);
}

/* The reference: state 1, 2, 3, 4. */
TEST(the_generator_is_xoshiro256_starstar)
{
    static const uint64_t want[] = { 11520, 0, 1509978240, UINT64_C(1215971899390074240) };
    struct rng r = { { 1, 2, 3, 4 } };

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(want); i++) assert_true(rng_u64(&r) == want[i]);
}

TEST(fractions_stay_below_one)
{
    struct rng r;
    double sum = 0;

    UNUSED(state);
    rng_seed(&r, 5);
    for (int i = 0; i < 100000; i++) {
        double v = rng_f64(&r);
        assert_true(v >= 0 && v < 1);
        sum += v;
    }
    assert_true(sum > 49000 && sum < 51000);
}

TEST(draws_below_a_bound_are_even)
{
    struct rng r;
    unsigned seen[7] = { 0 };

    UNUSED(state);
    rng_seed(&r, 6);
    for (int i = 0; i < 70000; i++) seen[rng_below(&r, 7)]++;
    for (int i = 0; i < 7; i++) assert_in_range(seen[i], 9600, 10400);
    assert_int_equal(rng_below(&r, 1), 0);
    for (int i = 0; i < 1000; i++) assert_true(rng_below(&r, UINT64_MAX) < UINT64_MAX);
}

TEST(secrets_differ)
{
    unsigned char a[300] = { 0 }, b[300] = { 0 };
    struct rng r, s;

    UNUSED(state);
    rng_secret(a, sizeof a);
    rng_secret(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    rng_secret(a, 0);
    rng_seed_os(&r);
    rng_seed_os(&s);
    assert_memory_not_equal(&r, &s, sizeof r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_seed_gives_one_sequence),
        cmocka_unit_test(the_generator_is_xoshiro256_starstar),
        cmocka_unit_test(fractions_stay_below_one),
        cmocka_unit_test(draws_below_a_bound_are_even),
        cmocka_unit_test(secrets_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
