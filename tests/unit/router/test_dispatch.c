/* Dispatch without peers: order of conversations, credit, attempts, slowness. */
#include "router/dispatch.h"

#include <stdio.h>

/* cmocka.h wants the others before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

static struct fake {
    uint32_t credit;
    unsigned got[256], count;
} workers[3];
static unsigned dead[64], dead_count, retries;
static struct kept_event events[256];
static struct dispatch d;

static uint32_t credit(void *ctx, void *peer)
{
    (void)ctx;
    return ((struct fake *)peer)->credit;
}
static enum err send_it(void *ctx, void *peer, const struct kept_event *e)
{
    struct fake *w = peer;
    (void)ctx;
    if (!w->credit) return ERR_FULL;
    w->credit--;
    w->got[w->count++] = (unsigned)(e - events);
    return ERR_OK;
}
static void on_retry(void *ctx, const struct kept_event *e, const char *cause)
{
    (void)ctx, (void)e, (void)cause;
    retries++;
}
static void on_dead(void *ctx, struct kept_event *e, const char *cause)
{
    (void)ctx, (void)cause;
    dead[dead_count++] = (unsigned)(e - events);
}

static int set_up(void **state)
{
    struct dispatch_cfg cfg = { NULL, credit, send_it, on_retry, on_dead };
    (void)state;
    memset(workers, 0, sizeof workers);
    memset(events, 0, sizeof events);
    dead_count = retries = 0;
    dispatch_init(&d, &cfg, 1000);
    return 0;
}
static int tear_down(void **state)
{
    (void)state;
    dispatch_fini(&d);
    return 0;
}
static void up(unsigned w, uint32_t window)
{
    workers[w].credit = window;
    assert_int_equal(dispatch_up(&d, &workers[w]), ERR_OK);
}
static void add(unsigned n, uint64_t conversation)
{
    events[n].conversation = conversation;
    assert_int_equal(dispatch_add(&d, &events[n], 0), ERR_OK);
}

static void nothing_goes_out_without_credit(void **state)
{
    (void)state;
    up(0, 3);
    for (unsigned n = 0; n < 10; n++) add(n, n);
    assert_int_equal(dispatch_pump(&d, 1), 3);
    assert_int_equal(dispatch_pump(&d, 2), 0);
    workers[0].credit = 100;
    assert_int_equal(dispatch_pump(&d, 3), 7);
    for (unsigned n = 0; n < 10; n++) assert_int_equal(workers[0].got[n], n); /* in the order of arrival */
}

static void the_one_with_most_credit_is_chosen(void **state)
{
    (void)state;
    up(0, 2);
    up(1, 6);
    for (unsigned n = 0; n < 8; n++) add(n, n);
    assert_int_equal(dispatch_pump(&d, 1), 8);
    assert_int_equal(workers[0].count, 2);
    assert_int_equal(workers[1].count, 6);
    assert_int_equal(workers[1].got[0], 0);
}

static void of_a_conversation_one_is_in_triage_at_a_time(void **state)
{
    (void)state;
    up(0, 100);
    for (unsigned n = 0; n < 6; n++) add(n, n % 2); /* two conversations, three each */
    assert_int_equal(dispatch_pump(&d, 1), 2);
    assert_int_equal(dispatch_pump(&d, 1), 0);
    assert_true(dispatch_done(&d, &events[1], 2));
    assert_false(dispatch_done(&d, &events[1], 2)); /* told twice */
    assert_int_equal(dispatch_pump(&d, 2), 1);
    assert_int_equal(workers[0].got[2], 3);
    assert_true(dispatch_done(&d, &events[0], 3));
    assert_true(dispatch_done(&d, &events[3], 3));
    assert_int_equal(dispatch_pump(&d, 3), 2);
    add(6, 0); /* behind 2, which is under way, and 4, which waits */
    assert_true(dispatch_done(&d, &events[2], 4));
    assert_int_equal(dispatch_pump(&d, 4), 1);
    assert_int_equal(workers[0].got[5], 4);
    assert_true(dispatch_done(&d, &events[4], 5));
    assert_int_equal(dispatch_pump(&d, 5), 1);
    assert_int_equal(workers[0].got[6], 6);
    assert_true(dispatch_done(&d, &events[5], 6));
    assert_true(dispatch_done(&d, &events[6], 6));
    assert_int_equal(d.heads.count, 0);
}

static void a_dead_worker_s_events_go_to_another_in_order(void **state)
{
    (void)state;
    up(0, 64);
    for (unsigned n = 0; n < 64; n++) add(n, n);
    assert_int_equal(dispatch_pump(&d, 1), 64);
    up(1, 100);
    dispatch_down(&d, &workers[0], 2);
    assert_int_equal(dispatch_pump(&d, 2), 64);
    for (unsigned n = 0; n < 64; n++) {
        assert_int_equal(workers[1].got[n], n);
        assert_int_equal(events[n].attempts, 1);
        assert_true(dispatch_done(&d, &events[n], 3));
    }
    assert_int_equal(dead_count, 0);
}

static void three_attempts_are_the_last(void **state)
{
    (void)state;
    up(0, 100);
    add(0, 1);
    add(1, 1); /* waits behind it */
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(dispatch_pump(&d, i), 1);
        assert_int_equal(workers[0].got[i], 0);
        dispatch_failed(&d, &events[0], i, "error");
    }
    assert_int_equal(dead_count, 1);
    assert_int_equal(dead[0], 0);
    assert_int_equal(retries, 2);
    assert_int_equal(dispatch_pump(&d, 4), 1); /* and its conversation goes on */
    assert_int_equal(workers[0].got[3], 1);
}

/* Event 0 kills every worker that reads it; nobody else may die of that. */
static void a_killer_takes_no_innocents_with_it(void **state)
{
    unsigned deaths = 0;
    (void)state;
    for (unsigned n = 0; n < 20; n++) add(n, n);
    for (unsigned round = 0; round < 50 && d.heads.count; round++) {
        up(0, 64);
        dispatch_pump(&d, round);
        bool killed = false;
        for (unsigned i = 0; i < workers[0].count; i++) killed |= workers[0].got[i] == 0;
        if (killed) {
            dispatch_down(&d, &workers[0], round);
            deaths++;
        } else {
            for (unsigned i = 0; i < workers[0].count; i++) dispatch_done(&d, &events[workers[0].got[i]], round);
        }
        workers[0].count = 0;
        for (unsigned n = 20 + round * 4; n < 24 + round * 4 && n < 40; n++) add(n, n); /* traffic goes on */
    }
    assert_int_equal(dead_count, 1);
    assert_int_equal(dead[0], 0);
    assert_int_equal(deaths, 3);
    assert_int_equal(d.heads.count, 0);
}

static void a_slow_worker_costs_no_attempt(void **state)
{
    (void)state;
    up(0, 100);
    add(0, 1);
    assert_int_equal(dispatch_pump(&d, 0), 1);
    up(1, 10);
    dispatch_tick(&d, DISPATCH_SLOW_MS - 1);
    assert_int_equal(dispatch_pump(&d, DISPATCH_SLOW_MS - 1), 0);
    dispatch_tick(&d, DISPATCH_SLOW_MS);
    assert_int_equal(dispatch_pump(&d, DISPATCH_SLOW_MS), 1);
    assert_int_equal(workers[1].got[0], 0); /* to the other one, whatever its credit */
    assert_int_equal(events[0].attempts, 0);
    assert_true(dispatch_done(&d, &events[0], DISPATCH_SLOW_MS + 1)); /* whoever answers first */
    assert_false(dispatch_done(&d, &events[0], DISPATCH_SLOW_MS + 2));
    dispatch_down(&d, &workers[1], DISPATCH_SLOW_MS + 3);
    assert_int_equal(retries, 1);
}

static void a_verdict_before_its_turn_frees_it_from_any_list(void **state)
{
    (void)state;
    up(0, 1);
    add(0, 1);
    assert_int_equal(dispatch_pump(&d, 0), 1);
    dispatch_down(&d, &workers[0], 1); /* back in `ready`; the worker had answered all the same */
    assert_true(dispatch_done(&d, &events[0], 2));
    assert_int_equal(dispatch_pump(&d, 3), 0);
    assert_int_equal(d.heads.count, 0);
}

static void what_is_settled_without_a_verdict_leaves_from_anywhere(void **state)
{
    (void)state;
    up(0, 100);
    for (unsigned n = 0; n < 5; n++) add(n, 1); /* one conversation */
    assert_int_equal(dispatch_pump(&d, 1), 1);
    dispatch_forget(&d, &events[2], 2); /* from the middle */
    dispatch_forget(&d, &events[4], 2); /* the last */
    dispatch_forget(&d, &events[0], 2); /* the one that is out */
    assert_int_equal(dispatch_pump(&d, 3), 1);
    assert_int_equal(workers[0].got[1], 1);
    add(6, 1);
    assert_true(dispatch_done(&d, &events[1], 4));
    assert_true(dispatch_done(&d, &events[3], 4));
    assert_true(dispatch_done(&d, &events[6], 4));
    dispatch_forget(&d, &events[6], 4); /* it is in nothing any more */
    assert_int_equal(d.heads.count, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(nothing_goes_out_without_credit),
        T(the_one_with_most_credit_is_chosen),
        T(of_a_conversation_one_is_in_triage_at_a_time),
        T(a_dead_worker_s_events_go_to_another_in_order),
        T(three_attempts_are_the_last),
        T(a_killer_takes_no_innocents_with_it),
        T(a_slow_worker_costs_no_attempt),
        T(a_verdict_before_its_turn_frees_it_from_any_list),
        T(what_is_settled_without_a_verdict_leaves_from_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
