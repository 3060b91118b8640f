/* Contacts of seven days: counted, aged, bounded, forgotten. */
#include "base/rng.h"
#include "router/customers.h"

#include <stdlib.h>
#include <string.h>

/* cmocka.h wants the others before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#define T(name) cmocka_unit_test(name)
#define HOUR    3600000ull
#define DAY     (24 * HOUR)
#define NOW     (20000 * DAY)

static void contacts_age_out_after_seven_days(void **state)
{
    struct customers c;
    (void)state;
    assert_int_equal(customers_init(&c, 100), ERR_OK);
    for (int d = 9; d >= 0; d--) assert_int_equal(customers_contact(&c, 7, NOW - (uint64_t)d * DAY), ERR_OK);
    assert_int_equal(customers_ask(&c, 7, NOW).contacts, 7);
    assert_int_equal(customers_ask(&c, 7, NOW + DAY).contacts, 6);
    assert_int_equal(customers_ask(&c, 7, NOW + 6 * DAY).contacts, 1);
    assert_int_equal(customers_ask(&c, 7, NOW + 7 * DAY).contacts, 0);
    assert_int_equal(customers_ask(&c, 8, NOW).contacts, 0);
    customers_fini(&c);
}

static void contacts_may_be_told_in_any_order(void **state)
{
    struct customers c;
    (void)state;
    assert_int_equal(customers_init(&c, 100), ERR_OK);
    assert_int_equal(customers_contact(&c, 7, NOW), ERR_OK);
    assert_int_equal(customers_contact(&c, 7, NOW - 3 * DAY), ERR_OK);
    assert_int_equal(customers_contact(&c, 7, NOW - 8 * DAY), ERR_OK); /* too old to count */
    assert_int_equal(customers_ask(&c, 7, NOW).contacts, 2);
    assert_int_equal(customers_contact(&c, 7, NOW + 40 * DAY), ERR_OK);
    assert_int_equal(customers_ask(&c, 7, NOW + 40 * DAY).contacts, 1);
    customers_fini(&c);
}

static void live_tickets_go_up_and_down_and_never_below_none(void **state)
{
    struct customers c;
    (void)state;
    assert_int_equal(customers_init(&c, 100), ERR_OK);
    assert_int_equal(customers_open(&c, 7), ERR_OK);
    assert_int_equal(customers_open(&c, 7), ERR_OK);
    assert_int_equal(customers_ask(&c, 7, NOW).open, 2);
    for (int i = 0; i < 3; i++) customers_close(&c, 7);
    assert_int_equal(customers_ask(&c, 7, NOW).open, 0);
    customers_close(&c, 99);
    customers_fini(&c);
}

static void beyond_the_cap_new_ones_are_not_counted_and_the_old_are(void **state)
{
    struct customers c;
    (void)state;
    assert_int_equal(customers_init(&c, 3), ERR_OK);
    for (uint64_t k = 1; k <= 3; k++) assert_int_equal(customers_contact(&c, k << 57, NOW), ERR_OK);
    assert_int_equal(customers_contact(&c, 4, NOW), ERR_FULL);
    assert_int_equal(customers_open(&c, 4), ERR_FULL);
    assert_int_equal(c.full, 2);
    assert_int_equal(customers_contact(&c, 1ull << 57, NOW), ERR_OK);
    assert_int_equal(customers_ask(&c, 1ull << 57, NOW).contacts, 2);
    customers_fini(&c);
}

static void the_silent_are_forgotten_within_an_hour_of_seconds(void **state)
{
    struct customers c;
    struct rng g;
    (void)state;
    rng_seed(&g, 3);
    assert_int_equal(customers_init(&c, 100000), ERR_OK);
    for (int i = 0; i < 20000; i++) {
        uint64_t key = rng_u64(&g);
        assert_int_equal(customers_contact(&c, key, i % 2 ? NOW : NOW - 10 * DAY), ERR_OK);
        if (i % 10 == 0) assert_int_equal(customers_open(&c, key), ERR_OK);
    }
    for (int s = 0; s < 3700; s++) customers_sweep(&c, NOW);
    assert_int_equal(c.count, 10000 + 2000);
    rng_seed(&g, 3);
    for (int i = 0; i < 20000; i++) { /* deletion has lost nobody */
        struct customer_said s = customers_ask(&c, rng_u64(&g), NOW);
        assert_int_equal(s.contacts, i % 2 ? 1 : 0);
        assert_int_equal(s.open, i % 10 == 0);
    }
    customers_fini(&c);
}

/* Against a plain list, with times that go back and forth. */
static void random_contacts_agree_with_a_list(void **state)
{
    static uint64_t when[40][300];
    static int count[40];
    struct customers c;
    struct rng g;
    uint64_t now = NOW;
    (void)state;
    rng_seed(&g, 11);
    assert_int_equal(customers_init(&c, 100), ERR_OK);
    for (int i = 0; i < 4000; i++) {
        uint64_t k = rng_below(&g, 40);
        now += rng_below(&g, 20 * 60000);
        if (count[k] == 300) continue;
        when[k][count[k]++] = now;
        assert_int_equal(customers_contact(&c, k * 0x9E3779B97F4A7C15ull, now), ERR_OK);
        uint64_t first = now / CUSTOMERS_STEP_MS - (CUSTOMERS_STEPS - 1);
        uint32_t expected = 0;
        for (int n = 0; n < count[k]; n++) expected += when[k][n] / CUSTOMERS_STEP_MS >= first;
        assert_int_equal(customers_ask(&c, k * 0x9E3779B97F4A7C15ull, now).contacts, expected);
    }
    customers_fini(&c);
}

static void a_flood_of_one_customer_stops_counting_at_255_a_step(void **state)
{
    struct customers c;
    (void)state;
    assert_int_equal(customers_init(&c, 100), ERR_OK);
    for (int i = 0; i < 1000; i++) assert_int_equal(customers_contact(&c, 7, NOW), ERR_OK);
    assert_int_equal(customers_ask(&c, 7, NOW).contacts, 255);
    customers_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(contacts_age_out_after_seven_days),
        T(contacts_may_be_told_in_any_order),
        T(live_tickets_go_up_and_down_and_never_below_none),
        T(beyond_the_cap_new_ones_are_not_counted_and_the_old_are),
        T(the_silent_are_forgotten_within_an_hour_of_seconds),
        T(random_contacts_agree_with_a_list),
        T(a_flood_of_one_customer_stops_counting_at_255_a_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
