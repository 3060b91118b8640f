#include "base/zpump.h"
#include "tests/unit/proto/unit.h"

#include <uv.h>
#include <zmq.h>

/* One loop, one pumped DEALER, and its other end driven by hand. The only timer that could wake the loop by chance is the deadline,
   so a message that nobody announces shows as a failure. */
struct world {
    void *zmq, *here, *there;
    uv_loop_t loop;
    uv_timer_t deadline, ticker;
    struct zpump *pump;
    int got, ticks;
    bool late, close_at_first;
};

static void on_msg(void *ctx, const void *data, size_t len)
{
    struct world *w = ctx;

    assert_true(len == sizeof(int));
    int n;
    memcpy(&n, data, sizeof n);
    assert_int_equal(n, w->got); /* in order, none missing */
    w->got++;
    if (w->close_at_first) zpump_close(w->pump);
}

static void on_deadline(uv_timer_t *t) { ((struct world *)t->data)->late = true; }

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    w->zmq = zmq_ctx_new();
    w->here = zmq_socket(w->zmq, ZMQ_DEALER);
    w->there = zmq_socket(w->zmq, ZMQ_DEALER);
    assert_int_equal(zmq_bind(w->here, "inproc://here"), 0);
    assert_int_equal(zmq_connect(w->there, "inproc://here"), 0);
    uv_loop_init(&w->loop);
    uv_timer_init(&w->loop, &w->deadline);
    uv_timer_init(&w->loop, &w->ticker);
    w->deadline.data = w->ticker.data = w;
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    int linger = 0;

    if (!w->close_at_first) zpump_close(w->pump);
    uv_close((uv_handle_t *)&w->deadline, NULL);
    uv_close((uv_handle_t *)&w->ticker, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    zmq_setsockopt(w->there, ZMQ_LINGER, &linger, sizeof linger);
    zmq_close(w->there);
    zmq_ctx_term(w->zmq);
    free(w);
    return 0;
}

static void open_pump(struct world *w) { assert_int_equal(zpump_open(&w->pump, &w->loop, w->here, on_msg, w), ERR_OK); }

static void say(struct world *w, int from, int to)
{
    for (int i = from; i < to; i++) assert_int_equal(zmq_send(w->there, &i, sizeof i, 0), sizeof i);
}

static void run_until_got(struct world *w, int want)
{
    uv_timer_start(&w->deadline, on_deadline, 5000, 0);
    while (w->got < want && !w->late) uv_run(&w->loop, UV_RUN_ONCE);
    uv_timer_stop(&w->deadline);
    assert_false(w->late);
    assert_int_equal(w->got, want);
}

TEST(messages_queued_before_the_pump_began_arrive)
{
    struct world *w = *state;
    int events;
    size_t n = sizeof events;

    say(w, 0, 5);
    zmq_getsockopt(w->here, ZMQ_EVENTS, &events, &n); /* this consumes the signal */
    open_pump(w);
    run_until_got(w, 5);
}

TEST(more_messages_than_a_turn_takes_arrive_without_another_signal)
{
    struct world *w = *state;

    open_pump(w);
    say(w, 0, 500);
    run_until_got(w, 500);
}

static void on_tick_send(uv_timer_t *t)
{
    struct world *w = t->data;
    int n = w->got;

    /* what came in since the loop slept is there; sending on the same socket now consumes its signal */
    assert_int_equal(zmq_send(w->there, &n, sizeof n, 0), sizeof n);
    assert_int_equal(zmq_send(w->here, &n, sizeof n, 0), sizeof n);
    w->ticks++;
}

TEST(a_timer_that_sends_after_a_reply_arrived_does_not_hide_it)
{
    struct world *w = *state;

    open_pump(w);
    for (int i = 0; i < 20; i++) {
        uv_timer_start(&w->ticker, on_tick_send, 1, 0);
        run_until_got(w, i + 1);
    }
    assert_int_equal(w->ticks, 20);
}

TEST(an_idle_pump_lets_the_loop_sleep)
{
    struct world *w = *state;
    int turns = 0;

    open_pump(w);
    say(w, 0, 3);
    run_until_got(w, 3);
    uv_timer_start(&w->deadline, on_deadline, 50, 0);
    for (; !w->late; turns++) uv_run(&w->loop, UV_RUN_ONCE);
    assert_in_range(turns, 1, 10);
}

TEST(a_pump_may_be_closed_by_its_own_message)
{
    struct world *w = *state;

    w->close_at_first = true;
    say(w, 0, 5);
    open_pump(w);
    run_until_got(w, 1);
    uv_run(&w->loop, UV_RUN_NOWAIT);
    assert_int_equal(w->got, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(messages_queued_before_the_pump_began_arrive, setup, teardown),
        cmocka_unit_test_setup_teardown(more_messages_than_a_turn_takes_arrive_without_another_signal, setup, teardown),
        cmocka_unit_test_setup_teardown(a_timer_that_sends_after_a_reply_arrived_does_not_hide_it, setup, teardown),
        cmocka_unit_test_setup_teardown(an_idle_pump_lets_the_loop_sleep, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pump_may_be_closed_by_its_own_message, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
