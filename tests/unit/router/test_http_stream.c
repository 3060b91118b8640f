/* Answers without an end, over real sockets: their head, their texts, and every way that they end. */
#include "http_bench.h"

static struct {
    struct http_stream *out; /* NULL: none is open */
    unsigned rooms, closes;
    enum err opened, why;
    size_t left; /* bytes that on_room still sends, 1,000 at a time */
} told;

static void on_room(void *ctx)
{
    static char text[1000];
    (void)ctx;
    told.rooms++;
    if (!told.left) return;
    memset(text, 'x', sizeof text);
    told.left -= told.left < sizeof text ? told.left : sizeof text;
    http_stream_send(told.out, (struct str){ text, sizeof text });
}

static void on_close(void *ctx, enum err why)
{
    (void)ctx;
    told.closes++;
    told.why = why;
    told.out = NULL;
}

static void on_request(void *ctx, struct http_req *r)
{
    struct bench *b = ctx;
    struct http_stream_cfg cfg = { .ctx = b, .on_room = on_room, .on_close = on_close };

    b->seen++;
    if (str_is(http_path(r), "/stream"))
        told.opened = http_stream_open(r, &cfg, "text/event-stream", "X-Kind: long\r\n", &told.out);
    else if (str_is(http_path(r), "/hold")) b->held[b->held_n++] = r;
    else http_json(r, 200, STR("{}"));
}

static struct bench bench;
static struct client client;

static void open_with(struct http_cfg cfg)
{
    memset(&told, 0, sizeof told);
    bench_open(&bench, cfg, on_request);
    client_open(&client, &bench);
}

static int set_up(void **state)
{
    (void)state;
    open_with((struct http_cfg){ 0 });
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    client_close(&client);
    bench_close(&bench);
    return 0;
}

#define GET "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"

static void open_stream(void)
{
    client_say(&client, &bench, GET);
    wait_for(&bench, &client, client_has(&client, "\r\n\r\n"));
    assert_int_equal(told.opened, ERR_OK);
}

static void test_texts_come_as_they_are_sent_after_a_head_without_a_length(void **state)
{
    (void)state;
    open_stream();
    assert_int_equal(client_status(&client), 200);
    assert_true(client_has(&client, "Content-Type: text/event-stream\r\nConnection: close\r\nX-Kind: long\r\n"));
    assert_false(client_has(&client, "Content-Length"));
    http_stream_send(told.out, STR("one\n"));
    http_stream_send(told.out, STR("two\n"));
    wait_for(&bench, &client, client_has(&client, "\r\n\r\none\ntwo\n"));
    assert_false(client.eof);
    assert_int_equal(http_stream_unsent(told.out), 0);
}

static void test_the_owner_hears_once_that_the_client_has_gone(void **state)
{
    (void)state;
    open_stream();
    client_close(&client);
    wait_for(&bench, NULL, told.closes);
    assert_int_equal(told.why, ERR_CLOSED);
    for (int i = 0; i < 20; i++) bench_turn(&bench, NULL);
    assert_int_equal(told.closes, 1);
}

static void test_what_was_sent_leaves_before_the_end_that_the_owner_wants(void **state)
{
    (void)state;
    open_stream();
    http_stream_send(told.out, STR("last\n"));
    http_stream_end(told.out);
    wait_for(&bench, &client, client.eof);
    assert_true(client_has(&client, "last\n"));
    assert_int_equal(told.closes, 0);
}

static void test_a_head_is_answered_with_the_head_alone(void **state)
{
    (void)state;
    client_say(&client, &bench, "HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_for(&bench, &client, client.eof);
    assert_int_equal(client_status(&client), 200);
    assert_true(client_has(&client, "text/event-stream"));
    assert_int_equal(told.opened, ERR_CLOSED);
    assert_null(told.out);
    assert_int_equal(told.closes, 0);
}

static void test_a_client_of_http_1_0_may_listen_too(void **state)
{
    (void)state;
    client_say(&client, &bench, "GET /stream HTTP/1.0\r\nHost: a\r\n\r\n");
    wait_for(&bench, &client, told.out && client_has(&client, "\r\n\r\n"));
    http_stream_send(told.out, STR("one\n"));
    wait_for(&bench, &client, client_has(&client, "one\n"));
}

static void test_what_the_client_says_later_is_dropped(void **state)
{
    static char junk[300000];
    (void)state;
    memset(junk, 'j', sizeof junk);
    client_say(&client, &bench, GET "GET /other HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_for(&bench, &client, told.out);
    client_send(&client, &bench, junk, sizeof junk);
    http_stream_send(told.out, STR("still here\n"));
    wait_for(&bench, &client, client_has(&client, "still here\n"));
    assert_int_equal(bench.seen, 1);
    assert_int_equal(client_count(&client, "HTTP/1.1"), 1);
}

static void test_a_stream_may_not_follow_unanswered_requests(void **state)
{
    (void)state;
    client_say(&client, &bench, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n" GET);
    wait_for(&bench, &client, bench.seen == 2);
    assert_int_equal(told.opened, ERR_UNAVAILABLE);
    http_json(bench.held[0], 200, STR("{}"));
    wait_for(&bench, &client, client_has(&client, "may not follow"));
}

static void test_a_drain_ends_the_stream_and_tells_its_owner(void **state)
{
    (void)state;
    open_stream();
    http_stream_send(told.out, STR("last\n"));
    http_drain(bench.h, 5000, on_bench_drained, &bench);
    assert_int_equal(told.why, ERR_UNAVAILABLE);
    wait_for(&bench, &client, client.eof && bench.drained);
    assert_true(client_has(&client, "last\n"));
    loop_finish(&bench.loop);
    buf_fini(&bench.ws_texts);
    client_close(&client);
    set_up(NULL); /* for tear_down */
}

static void test_room_is_told_whenever_all_has_left_and_more_may_be_sent_from_there(void **state)
{
    (void)state;
    told.left = 500000;
    open_stream();
    wait_for(&bench, &client, client.in.n >= 500000 && !told.left);
    assert_int_equal(client_count(&client, "xxxxxxxxxx"), 50000);
    assert_true(told.rooms >= 500);
    assert_int_equal(http_stream_unsent(told.out), 0);
}

static void test_a_client_that_does_not_read_is_closed_after_a_while(void **state)
{
    static char text[6000000];
    (void)state;
    client_close(&client);
    bench_close(&bench);
    open_with((struct http_cfg){ .body_ms = 100 });
    memset(text, 'x', sizeof text);
    client_say(&client, &bench, GET);
    wait_for(&bench, NULL, told.out);
    http_stream_send(told.out, (struct str){ text, sizeof text });
    unsigned rooms = told.rooms;
    wait_for(&bench, NULL, told.closes);
    assert_int_equal(told.why, ERR_TIMEOUT);
    assert_int_equal(told.rooms, rooms);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_texts_come_as_they_are_sent_after_a_head_without_a_length),
        T(test_the_owner_hears_once_that_the_client_has_gone),
        T(test_what_was_sent_leaves_before_the_end_that_the_owner_wants),
        T(test_a_head_is_answered_with_the_head_alone),
        T(test_a_client_of_http_1_0_may_listen_too),
        T(test_what_the_client_says_later_is_dropped),
        T(test_a_stream_may_not_follow_unanswered_requests),
        T(test_a_drain_ends_the_stream_and_tells_its_owner),
        T(test_room_is_told_whenever_all_has_left_and_more_may_be_sent_from_there),
        T(test_a_client_that_does_not_read_is_closed_after_a_while),
    };
    metrics_init("test");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
