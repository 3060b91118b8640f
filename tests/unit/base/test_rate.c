/* Buckets: what a burst and a minute allow, to the millisecond. */
#include "base/rate.h"
#include "tests/unit/base/unit.h"

#include <stdlib.h>

static const struct rate three = { .burst = 3, .per_minute = 60 }; /* one a second */
static const struct rate fast = { .burst = 50000, .per_minute = 3000000 };

static uint32_t wait_of(struct bucket *b, const struct rate *r, uint64_t now)
{
    uint32_t wait = 0;
    assert_false(bucket_take(b, r, now, &wait));
    assert_true(wait > 0);
    return wait;
}

TEST(a_new_bucket_gives_its_burst_and_then_one_when_its_time_has_come)
{
    struct bucket b = { 0 };
    for (int i = 0; i < 3; i++) assert_true(bucket_take(&b, &three, 5000, NULL));
    assert_false(bucket_take(&b, &three, 5000, NULL));
    uint32_t wait = wait_of(&b, &three, 5000);
    assert_in_range(wait, 1000, 1001);
    assert_false(bucket_take(&b, &three, 5999, NULL));
    assert_true(bucket_take(&b, &three, 6000, NULL));
    assert_false(bucket_take(&b, &three, 6999, NULL));
    assert_true(bucket_take(&b, &three, 7000, NULL));
}

TEST(who_waits_as_long_as_told_is_given_one)
{
    const struct rate rates[] = { { 1, 1 }, { 1, 7 }, { 2, 59 }, { 10, 65535 }, { 65535, 1 }, { 65535, 65535 } };
    for (size_t i = 0; i < COUNT_OF(rates); i++) {
        struct bucket b = { 0 };
        uint64_t now = 1;
        uint32_t wait = 0;
        while (bucket_take(&b, &rates[i], now, &wait)) {
        }
        for (int n = 0; n < 50; n++) {
            assert_true(wait > 0);
            now += wait;
            assert_true(bucket_take(&b, &rates[i], now, NULL));
            if (bucket_take(&b, &rates[i], now, &wait)) wait = 1; /* a fast one gives several a millisecond */
        }
    }
}

TEST(being_refused_costs_nothing)
{
    struct bucket b = { 0 };
    for (int i = 0; i < 3; i++) assert_true(bucket_take(&b, &three, 0, NULL));
    for (uint64_t now = 0; now < 1000; now++) assert_false(bucket_take(&b, &three, now, NULL));
    assert_true(bucket_take(&b, &three, 1000, NULL));
}

TEST(a_bucket_never_holds_more_than_its_burst)
{
    static const uint64_t pauses[] = { 3000, 60000, 3600000, 3600001, 86400000, (uint64_t)1 << 40, UINT64_MAX / 2 };
    for (size_t i = 0; i < COUNT_OF(pauses); i++) {
        struct bucket b = { 0 };
        for (int n = 0; n < 3; n++) assert_true(bucket_take(&b, &three, 10, NULL));
        for (int n = 0; n < 3; n++) assert_true(bucket_take(&b, &three, 10 + pauses[i], NULL));
        assert_false(bucket_take(&b, &three, 10 + pauses[i], NULL));
    }
}

TEST(a_clock_that_falls_gives_nothing_and_takes_nothing)
{
    struct bucket b = { 0 };
    for (int i = 0; i < 3; i++) assert_true(bucket_take(&b, &three, 100000, NULL));
    for (uint64_t now = 99999; now; now /= 2) assert_false(bucket_take(&b, &three, now, NULL));
    assert_true(bucket_take(&b, &three, 101000, NULL));
    assert_false(bucket_take(&b, &three, 101000, NULL));
    assert_true(bucket_take(&b, &three, UINT64_MAX, NULL)); /* the end of time is a long pause, and no wrap */
}

TEST(over_a_long_time_the_rate_is_what_was_said)
{
    struct bucket b = { 0 };
    const struct rate odd = { .burst = 5, .per_minute = 7 };
    unsigned given = 0;
    for (uint64_t now = 0; now < 60 * 60000; now += 13) given += bucket_take(&b, &odd, now, NULL);
    assert_in_range(given, 5 + 7 * 59, 5 + 7 * 60);
}

TEST(a_rate_without_a_burst_gives_nothing)
{
    struct bucket b = { 0 };
    const struct rate none = { .burst = 0, .per_minute = 60 };
    for (uint64_t now = 0; now < 1u << 30; now = now * 2 + 1) assert_false(bucket_take(&b, &none, now, NULL));
}

TEST(each_has_a_bucket_and_nobody_can_choose_whose)
{
    struct rate_table *one = malloc(sizeof *one), *other = malloc(sizeof *other);
    char who[16];
    unsigned given = 0;
    rate_table_init(one);
    rate_table_init(other);
    assert_memory_not_equal(one->seed, other->seed, sizeof one->seed);
    for (int i = 0; i < 3; i++) assert_true(rate_take(one, STR("10.0.0.1"), &three, 0, NULL));
    assert_false(rate_take(one, STR("10.0.0.1"), &three, 0, NULL));
    assert_true(rate_take(other, STR("10.0.0.1"), &three, 0, NULL));
    for (int i = 0; i < 200; i++) {
        snprintf(who, sizeof who, "10.0.1.%d", i);
        given += rate_take(one, str_of(who), &three, 0, NULL);
    }
    assert_true(given == 200);
    free(one);
    free(other);
}

TEST(twenty_thousand_a_second_pass_where_fifty_thousand_may)
{
    struct bucket b = { 0 };
    uint64_t now = 1000;

    for (int i = 0; i < 100000; i++) assert_true(bucket_take(&b, &fast, now + (uint64_t)i / 20, NULL));
    now += 10000;
    for (int i = 0; i < 50000; i++) assert_true(bucket_take(&b, &fast, now, NULL));
    assert_false(bucket_take(&b, &fast, now, NULL));
    assert_true(bucket_take(&b, &fast, now + 1, NULL));
}

TEST(what_is_owed_is_filled_before_more_is_given)
{
    struct bucket b = { 0 };

    for (int i = 0; i < 13; i++) bucket_owe(&b, &three, 5000);
    assert_in_range(bucket_wait(&b, &three, 5000), 11000, 11001);
    assert_false(bucket_take(&b, &three, 15900, NULL));
    assert_true(bucket_take(&b, &three, 16001, NULL));
    for (int i = 0; i < 5000000; i++) bucket_owe(&b, &three, 20000); /* no number runs over */
    assert_true(bucket_wait(&b, &three, 20000) > 4000000);
}

TEST(a_rate_that_is_lowered_holds_at_once)
{
    struct bucket b = { 0 };

    for (int i = 0; i < 10; i++) assert_true(bucket_take(&b, &fast, 9000, NULL));
    assert_false(bucket_take(&b, &three, 9000, NULL));
    assert_true(bucket_take(&b, &fast, 9000, NULL));
}

static struct str name_of(char text[32], unsigned i)
{
    int n = snprintf(text, 32, "agent-%u", i);
    return (struct str){ text, (size_t)n };
}

TEST(who_shares_a_table_does_not_share_a_bucket)
{
    static struct rate_table t;
    char text[32];
    unsigned refused = 0;

    rate_table_init(&t);
    for (unsigned i = 0; i < RATE_SLOTS / 4; i++) /* as many as the table has room for, each to the end of their bucket */
        for (unsigned k = 0; k < three.burst; k++) refused += !rate_take(&t, name_of(text, i), &three, 1000, NULL);
    assert_int_equal(refused, 0);
}

TEST(one_gone_wild_is_not_forgotten_for_many_who_come_once)
{
    static struct rate_table t;
    char text[32];
    unsigned let_in = 0;

    rate_table_init(&t);
    for (unsigned i = 0; i < 100000; i++) {
        uint64_t now = 1000 + i / 100; /* a second in all */
        let_in += rate_take(&t, STR("wild"), &three, now, NULL);
        (void)rate_take(&t, name_of(text, i), &three, now, NULL);
    }
    assert_in_range(let_in, 3, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(a_new_bucket_gives_its_burst_and_then_one_when_its_time_has_come),
        RUN(who_waits_as_long_as_told_is_given_one),
        RUN(being_refused_costs_nothing),
        RUN(a_bucket_never_holds_more_than_its_burst),
        RUN(a_clock_that_falls_gives_nothing_and_takes_nothing),
        RUN(over_a_long_time_the_rate_is_what_was_said),
        RUN(a_rate_without_a_burst_gives_nothing),
        RUN(each_has_a_bucket_and_nobody_can_choose_whose),
        RUN(twenty_thousand_a_second_pass_where_fifty_thousand_may),
        RUN(what_is_owed_is_filled_before_more_is_given),
        RUN(a_rate_that_is_lowered_holds_at_once),
        RUN(who_shares_a_table_does_not_share_a_bucket),
        RUN(one_gone_wild_is_not_forgotten_for_many_who_come_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
