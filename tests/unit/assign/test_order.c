#include "base/rng.h"
#include "workers/assign/core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

/* clang-format off: cmocka.h needs those before it */
#include <cmocka.h>
/* clang-format on */

/* The order of waiting tickets: classes, each order's own time, and what the age cap bounds. */

#define START 1750000000000ull
#define MIN   60000u

static struct queue queue_with(enum order order)
{
    return (
        struct queue){ .order = order,
                       .weight = 1,
                       .age_cap = { .pct = 300 },
                       .answer = {
                           .within_ms = {
                               [URG_LOW] = 240 * MIN, [URG_NORMAL] = 10 * MIN, [URG_HIGH] = 2 * MIN, [URG_CRITICAL] = 1 * MIN } } };
}

static struct waits came(const struct queue *q, enum urgency u, uint64_t at)
{
    return (struct waits){ q, u, at, at + q->answer.within_ms[u] };
}

static bool before(const struct waits *a, const struct waits *b, uint64_t now) { return order_key(a, now) < order_key(b, now); }

static void what_is_late_stands_behind_all_of_its_own_target(void **state)
{
    struct queue q = queue_with(ORDER_SLACK);
    struct waits late = came(&q, URG_NORMAL, START), fresh = came(&q, URG_NORMAL, START + 11 * MIN);

    (void)state;
    assert_true(before(&late, &fresh, START + 9 * MIN));
    assert_int_equal(order_class(&late, START + 10 * MIN - 1), RANK_IN_TIME);
    assert_int_equal(order_class(&late, START + 10 * MIN), RANK_LATE);
    for (uint64_t now = START + 11 * MIN; now < START + 21 * MIN; now += MIN) assert_true(before(&fresh, &late, now));
}

/* 10 minutes late of 10: as if 15 were left. */
static void what_has_more_time_left_lets_the_late_pass(void **state)
{
    struct queue q = queue_with(ORDER_SLACK);
    struct waits late = came(&q, URG_NORMAL, START), mail = came(&q, URG_LOW, START);
    uint64_t now = START + 20 * MIN;

    (void)state;
    assert_true(before(&late, &mail, now)); /* 220 minutes are left */
    mail.due_at = now + 15 * MIN + 1;
    assert_true(before(&late, &mail, now));
    mail.due_at = now + 15 * MIN - 1;
    assert_true(before(&mail, &late, now));
}

/* What is dearer is saved first where not both can be. */
static void the_weight_divides_the_time_left(void **state)
{
    struct queue light = queue_with(ORDER_SLACK), heavy = queue_with(ORDER_SLACK);
    heavy.weight = 3;
    struct waits a = came(&light, URG_NORMAL, START), b = came(&heavy, URG_NORMAL, START + 7 * MIN);

    (void)state;
    assert_true(before(&a, &b, START + 8 * MIN));  /* 2 minutes against 9 / 3 */
    assert_true(before(&b, &a, START + 10 * MIN)); /* late: 20 against 7 / 3 */
    a.enqueued = START + 4 * MIN;
    a.due_at = START + 14 * MIN;
    assert_true(before(&b, &a, START + 8 * MIN)); /* 6 against 3 */
}

static void late_ones_go_by_target_wait_and_weight(void **state)
{
    struct queue q = queue_with(ORDER_SLACK), heavy = queue_with(ORDER_SLACK);
    heavy.weight = 3;
    struct waits a = came(&q, URG_NORMAL, START), b = came(&q, URG_HIGH, START + 9 * MIN),
                 c = came(&heavy, URG_HIGH, START + 10 * MIN);
    uint64_t now = START + 12 * MIN;

    (void)state;
    assert_int_equal(order_class(&a, now), RANK_LATE);
    assert_int_equal(order_class(&b, now), RANK_LATE);
    assert_true(before(&b, &a, now)); /* 3.3 minutes against 18 */
    assert_true(before(&c, &b, now)); /* 4 / 3 */
}

static void past_the_cap_it_goes_before_everybody(void **state)
{
    struct queue q = queue_with(ORDER_SLACK);
    struct waits old = came(&q, URG_NORMAL, START), urgent = came(&q, URG_CRITICAL, START + 30 * MIN),
                 older = came(&q, URG_NORMAL, START - 1);

    (void)state;
    assert_int_equal(order_cap(&old), START + 30 * MIN);
    assert_false(before(&old, &urgent, START + 30 * MIN - 1));
    assert_true(before(&old, &urgent, START + 30 * MIN));
    assert_true(before(&older, &old, START + 30 * MIN));
    q.age_cap = (struct span_of){ .ms = 7 * MIN };
    assert_int_equal(order_cap(&old), START + 7 * MIN);
    q.age_cap = (struct span_of){ 0 };
    assert_true(order_cap(&old) == UINT64_MAX);
}

/* The target slept from minute 5 to minute 65: the deadline says so, and so does the cap. */
static void hours_that_the_target_sleeps_through_do_not_count_for_the_cap(void **state)
{
    struct queue q = queue_with(ORDER_SLACK);
    struct waits w = came(&q, URG_NORMAL, START);

    (void)state;
    w.due_at += 60 * MIN;
    assert_int_equal(order_class(&w, START + 69 * MIN), RANK_IN_TIME);
    assert_int_equal(order_cap(&w), START + 90 * MIN);
}

static void fifo_goes_by_age_and_priority_by_urgency_first(void **state)
{
    struct queue f = queue_with(ORDER_FIFO), p = queue_with(ORDER_PRIORITY);
    struct waits first = came(&f, URG_LOW, START), second = came(&f, URG_CRITICAL, START + 1);
    struct waits low = came(&p, URG_LOW, START), high = came(&p, URG_HIGH, START + 1);

    (void)state;
    f.age_cap = p.age_cap = (struct span_of){ 0 };
    assert_true(before(&first, &second, START + 5));
    assert_true(before(&high, &low, START + 5));
    assert_int_equal(order_class(&first, START + 1000 * MIN), RANK_IN_TIME); /* nothing is late there */
}

static void weights_of_one_are_slack_without_lateness(void **state)
{
    struct queue s = queue_with(ORDER_SLACK), w = queue_with(ORDER_WEIGHTS), heavy = queue_with(ORDER_WEIGHTS);
    struct waits a = came(&s, URG_NORMAL, START), b = came(&w, URG_NORMAL, START), c = came(&heavy, URG_NORMAL, START + MIN);

    (void)state;
    assert_int_equal(order_key(&a, START + MIN), order_key(&b, START + MIN));
    assert_int_equal(order_class(&b, START + 11 * MIN), RANK_IN_TIME);
    heavy.weight = 2;
    assert_true(before(&b, &c, START + MIN + 1)); /* it has waited a minute longer */
    assert_true(before(&c, &b, START + 3 * MIN)); /* 2 × 2 minutes against 3 */
}

static enum urgency any_urgency(struct rng *rng) { return (enum urgency)(rng_u64(rng) % URG_COUNT); }

/* Whatever comes, in any queue and urgency: once a ticket is capped, everything that goes before it had its own cap before. */
static void nothing_passes_a_capped_ticket_but_what_was_capped_before_it(void **state)
{
    struct queue q[4] = { queue_with(ORDER_SLACK), queue_with(ORDER_FIFO), queue_with(ORDER_PRIORITY), queue_with(ORDER_WEIGHTS) };
    struct rng rng;

    (void)state;
    rng_seed(&rng, 11);
    q[1].age_cap = (struct span_of){ 0 };
    q[2].age_cap = (struct span_of){ .ms = 90 * MIN };
    for (int i = 0; i < 200000; i++) {
        struct waits a = came(&q[rng_u64(&rng) % 4], any_urgency(&rng), START + rng_u64(&rng) % (600 * MIN));
        struct waits b = came(&q[rng_u64(&rng) % 4], any_urgency(&rng), START + rng_u64(&rng) % (600 * MIN));
        uint64_t now = START + rng_u64(&rng) % (1500 * MIN);
        if (order_class(&a, now) != RANK_CAPPED || !before(&b, &a, now)) continue;
        assert_int_equal(order_class(&b, now), RANK_CAPPED);
        assert_true(order_cap(&b) < order_cap(&a));
    }
}

/* Two of one lane are in the same order at every instant, and that of order_lane_key: so only heads are compared. */
static void the_order_within_a_lane_never_changes(void **state)
{
    struct queue q[4] = { queue_with(ORDER_SLACK), queue_with(ORDER_FIFO), queue_with(ORDER_PRIORITY), queue_with(ORDER_WEIGHTS) };
    struct rng rng;

    (void)state;
    rng_seed(&rng, 12);
    for (int i = 0; i < 200000; i++) {
        const struct queue *one = &q[rng_u64(&rng) % 4];
        enum urgency u = any_urgency(&rng);
        struct waits a = came(one, u, START + rng_u64(&rng) % (60 * MIN)), b = came(one, u, START + rng_u64(&rng) % (60 * MIN));
        uint64_t now = START + 60 * MIN + rng_u64(&rng) % (900 * MIN);
        if (order_class(&a, now) != order_class(&b, now)) continue;
        if (order_lane_key(&a) < order_lane_key(&b)) assert_true(order_key(&a, now) <= order_key(&b, now));
    }
}

static void the_next_change_of_class_is_known_in_advance(void **state)
{
    struct queue q = queue_with(ORDER_SLACK);
    struct waits w = came(&q, URG_NORMAL, START);
    uint64_t now = START;

    (void)state;
    assert_int_equal(order_changes(&w, now), START + 10 * MIN);
    now = order_changes(&w, now);
    assert_int_equal(order_class(&w, now), RANK_LATE);
    assert_int_equal(order_changes(&w, now), START + 30 * MIN);
    now = order_changes(&w, now);
    assert_int_equal(order_class(&w, now), RANK_CAPPED);
    assert_true(order_changes(&w, now) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_late_stands_behind_all_of_its_own_target),
        cmocka_unit_test(what_has_more_time_left_lets_the_late_pass),
        cmocka_unit_test(the_weight_divides_the_time_left),
        cmocka_unit_test(late_ones_go_by_target_wait_and_weight),
        cmocka_unit_test(past_the_cap_it_goes_before_everybody),
        cmocka_unit_test(hours_that_the_target_sleeps_through_do_not_count_for_the_cap),
        cmocka_unit_test(fifo_goes_by_age_and_priority_by_urgency_first),
        cmocka_unit_test(weights_of_one_are_slack_without_lateness),
        cmocka_unit_test(nothing_passes_a_capped_ticket_but_what_was_capped_before_it),
        cmocka_unit_test(the_order_within_a_lane_never_changes),
        cmocka_unit_test(the_next_change_of_class_is_known_in_advance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
