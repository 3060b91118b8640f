#include "base/loop.h"
#include "tests/unit/base/unit.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

static uv_loop_t loop;

static int setup(void **state)
{
    UNUSED(state);
    return uv_loop_init(&loop);
}

/* ---- timers ---- */

static void count_up(struct timer *t) { ++*(int *)t->ctx; }

TEST(a_timer_fires_once_and_the_loop_ends)
{
    struct timer t;
    int fired = 0;

    UNUSED(state);
    timer_init(&t, &loop, count_up, &fired);
    assert_false(timer_armed(&t));
    timer_once(&t, 1);
    assert_true(timer_armed(&t));
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(fired, 1);
    assert_false(timer_armed(&t));
    timer_once(&t, 0); /* armed again */
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(fired, 2);
    timer_fini(&t);
    timer_fini(&t);
    timer_once(&t, 1); /* too late: nothing happens */
    loop_finish(&loop);
    assert_int_equal(fired, 2);
}

static void stop_at_three(struct timer *t)
{
    if (++*(int *)t->ctx == 3) timer_fini(t);
}

TEST(a_timer_repeats_until_finished_in_its_own_callback)
{
    struct timer t;
    int fired = 0;

    UNUSED(state);
    timer_init(&t, &loop, stop_at_three, &fired);
    timer_every(&t, 1);
    loop_finish(&loop);
    assert_int_equal(fired, 3);
}

TEST(a_stopped_or_replaced_timer_does_not_fire)
{
    struct timer t;
    int fired = 0;

    UNUSED(state);
    timer_init(&t, &loop, count_up, &fired);
    timer_once(&t, 1);
    timer_stop(&t);
    assert_false(timer_armed(&t));
    timer_every(&t, 1);
    timer_once(&t, 2); /* instead of repeating */
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(fired, 1);
    timer_fini(&t);
    loop_finish(&loop);
}

TEST(finishing_what_was_never_begun_is_harmless)
{
    static struct timer t;
    static struct turn_end e;
    static struct signals s;

    UNUSED(state);
    timer_fini(&t);
    turn_end_fini(&e);
    signals_fini(&s);
    loop_finish(&loop);
}

/* ---- the end of a turn ---- */

struct turns {
    int calls, more;
    struct timer far;
};

static bool on_end(struct turn_end *t)
{
    struct turns *c = t->ctx;

    c->calls++;
    return c->more-- > 0;
}

static void on_far(struct timer *t) { (void)t; }

TEST(the_loop_does_not_sleep_while_there_is_more_work)
{
    struct turn_end e;
    struct turns c = { .more = 5 };

    UNUSED(state);
    timer_init(&c.far, &loop, on_far, NULL);
    timer_once(&c.far, 60000);
    turn_end_init(&e, &loop, on_end, &c);
    uint64_t begun = uv_hrtime();
    for (int i = 0; i < 5; i++) uv_run(&loop, UV_RUN_ONCE); /* would block for a minute each */
    assert_int_equal(c.calls, 5);
    assert_true(uv_hrtime() - begun < UINT64_C(20000000000));
    assert_int_equal(uv_backend_timeout(&loop), 0);
    uv_run(&loop, UV_RUN_NOWAIT); /* the one that finds nothing more */
    assert_int_equal(c.calls, 6);
    assert_true(uv_backend_timeout(&loop) > 1000); /* now it may sleep */
    timer_fini(&c.far);
    turn_end_fini(&e);
    turn_end_fini(&e);
    loop_finish(&loop);
}

TEST(the_end_of_a_turn_comes_with_every_turn)
{
    struct turn_end e;
    struct turns c = { 0 };

    UNUSED(state);
    timer_init(&c.far, &loop, on_far, NULL);
    timer_once(&c.far, 60000);
    turn_end_init(&e, &loop, on_end, &c);
    for (int i = 0; i < 10; i++) uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(c.calls, 10);
    timer_fini(&c.far);
    turn_end_fini(&e);
    loop_finish(&loop);
}

TEST(the_end_of_a_turn_does_not_keep_the_loop_alive)
{
    struct turn_end e;
    struct turns c = { 0 };

    UNUSED(state);
    turn_end_init(&e, &loop, on_end, &c);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    turn_end_fini(&e);
    loop_finish(&loop);
}

static bool end_itself(struct turn_end *t)
{
    ++*(int *)t->ctx;
    turn_end_fini(t);
    return true;
}

TEST(a_turn_end_may_finish_itself_and_ask_for_more)
{
    struct turn_end e;
    struct timer far;
    int calls = 0;

    UNUSED(state);
    timer_init(&far, &loop, on_far, NULL);
    timer_once(&far, 1);
    turn_end_init(&e, &loop, end_itself, &calls);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(calls, 1);
    timer_fini(&far);
    loop_finish(&loop);
}

/* ---- signals ---- */

struct heard {
    struct signals signals;
    struct timer keep;
    int stops, hups;
};

static void on_stop(void *ctx)
{
    struct heard *h = ctx;

    h->stops++;
    timer_fini(&h->keep);
    signals_fini(&h->signals);
}

static void on_hup(void *ctx)
{
    ((struct heard *)ctx)->hups++;
    raise(SIGTERM);
}

TEST(a_hangup_reloads_and_a_stop_ends)
{
    struct heard h = { 0 };

    UNUSED(state);
    timer_init(&h.keep, &loop, on_far, NULL);
    timer_once(&h.keep, 60000);
    assert_int_equal(signals_init(&h.signals, &loop, on_stop, on_hup, &h), ERR_OK);
    raise(SIGPIPE); /* ignored */
    raise(SIGHUP);
    loop_finish(&loop);
    assert_int_equal(h.hups, 1);
    assert_int_equal(h.stops, 1);
}

static void stop_slowly(void *ctx)
{
    struct heard *h = ctx;

    h->stops++;
    raise(SIGINT); /* the impatient operator */
}

TEST(a_second_stop_leaves_at_once)
{
    int status = 0;

    UNUSED(state);
    pid_t child = fork();
    if (child == 0) {
        struct heard h = { 0 };
        freopen("/dev/null", "w", stderr);
        uv_loop_fork(&loop);
        timer_init(&h.keep, &loop, on_far, NULL);
        timer_once(&h.keep, 60000);
        signals_init(&h.signals, &loop, stop_slowly, NULL, &h);
        raise(SIGHUP); /* nobody asked for it: nothing happens */
        raise(SIGTERM);
        uv_run(&loop, UV_RUN_DEFAULT);
        _exit(0);
    }
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 128 + SIGINT);
    loop_finish(&loop);
}

/* ---- the end ---- */

struct owner {
    struct timer a, b, c;
};

static int freed;
static void owner_free(void *p)
{
    freed++;
    free(p);
}

/* The sanitizer sees it when libuv touches a handle after it was freed. */
TEST(reaped_memory_outlives_the_close_callbacks)
{
    UNUSED(state);
    freed = 0;
    for (int i = 0; i < 10; i++) {
        struct owner *o = malloc(sizeof *o);
        timer_init(&o->a, &loop, on_far, NULL);
        timer_init(&o->b, &loop, on_far, NULL);
        timer_init(&o->c, &loop, on_far, NULL);
        timer_once(&o->b, 1);
        timer_fini(&o->a);
        timer_fini(&o->b);
        if (i % 2) {
            timer_fini(&o->c);
            loop_reap(&loop, o, owner_free);
        } else {
            loop_reap(&loop, o, owner_free);
            timer_fini(&o->c); /* closed after the reaper, in the same turn */
        }
    }
    assert_int_equal(freed, 0);
    loop_finish(&loop);
    assert_int_equal(freed, 10);
}

TEST(what_is_left_open_is_named_and_closed)
{
    struct turn_end e;
    struct turns c = { 0 };
    struct capture cap;
    char said[4096];

    UNUSED(state);
    turn_end_init(&e, &loop, on_end, &c);
    capture_begin(&cap, STDERR_FILENO);
    loop_finish(&loop);
    capture_end(&cap, said, sizeof said);
    assert_non_null(strstr(said, "a prepare handle"));
    assert_non_null(strstr(said, "a idle handle"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_timer_fires_once_and_the_loop_ends, setup),
        cmocka_unit_test_setup(a_timer_repeats_until_finished_in_its_own_callback, setup),
        cmocka_unit_test_setup(a_stopped_or_replaced_timer_does_not_fire, setup),
        cmocka_unit_test_setup(finishing_what_was_never_begun_is_harmless, setup),
        cmocka_unit_test_setup(the_loop_does_not_sleep_while_there_is_more_work, setup),
        cmocka_unit_test_setup(the_end_of_a_turn_comes_with_every_turn, setup),
        cmocka_unit_test_setup(the_end_of_a_turn_does_not_keep_the_loop_alive, setup),
        cmocka_unit_test_setup(a_turn_end_may_finish_itself_and_ask_for_more, setup),
        cmocka_unit_test_setup(a_hangup_reloads_and_a_stop_ends, setup),
        cmocka_unit_test_setup(a_second_stop_leaves_at_once, setup),
        cmocka_unit_test_setup(reaped_memory_outlives_the_close_callbacks, setup),
        cmocka_unit_test_setup(what_is_left_open_is_named_and_closed, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
