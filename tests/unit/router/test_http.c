#include "http_bench.h"

/* /echo answers at once with what it got, /hold answers when the test says so, /big answers a megabyte. */
static void on_request(void *ctx, struct http_req *r)
{
    struct bench *b = ctx;
    struct str path = http_path(r);
    struct buf out;

    b->seen++;
    buf_init(&out, 1u << 24);
    if (str_is(path, "/hold")) {
        b->held[b->held_n++] = r;
    } else if (str_is(path, "/release")) {
        for (size_t i = 0; i < b->held_n; i++) http_json(b->held[i], 200, STR("{}"));
        b->held_n = 0;
        http_json(r, 200, STR("{}"));
    } else if (str_is(path, "/big")) {
        char *p = buf_reserve(&out, 1000000);
        memset(p, 'x', 1000000);
        buf_grow(&out, 1000000);
        http_answer(r, 200, "text/plain", buf_str(&out), "");
    } else if (str_is(path, "/problem")) {
        http_problem(r, 401, "unauthorized", "no \"%s\"", "token");
    } else {
        struct str q = http_param(r, "q"), auth = http_header(r, "x-test");
        buf_addf(&out, "[%d %.*s q=%.*s h=%.*s body=%.*s]", (int)http_method(r), STR_FMT(path), STR_FMT(q), STR_FMT(auth),
                 STR_FMT(http_body(r)));
        http_answer(r, 200, "text/plain", buf_str(&out), "X-Extra: 1\r\n");
    }
    buf_fini(&out);
}

static void answer_held(struct bench *b, size_t i, const char *text)
{
    http_answer(b->held[i], 200, "text/plain", str_of(text), "");
    b->held[i] = NULL;
}

static struct bench b;
static struct client c;

static int open_it(void **state)
{
    (void)state;
    bench_open(&b, (struct http_cfg){ 0 }, on_request);
    client_open(&c, &b);
    return 0;
}

static int close_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < b.held_n; i++)
        if (b.held[i]) answer_held(&b, i, "late");
    client_close(&c);
    bench_close(&b);
    return 0;
}

static void ask(const char *text)
{
    client_say(&c, &b, text);
    wait_for(&b, &c, client_status(&c) && client_has(&c, "\r\n\r\n"));
}

#define H "Host: x\r\n"

static void a_request_is_answered_with_date_length_and_type(void **state)
{
    (void)state;
    ask("GET /a%20b?q=c+d%21 HTTP/1.1\r\n" H "X-Test: v \r\n\r\n");
    assert_int_equal(client_status(&c), 200);
    assert_true(client_has(&c, "\r\nDate: "));
    assert_true(client_has(&c, "Content-Type: text/plain\r\n"));
    assert_true(client_has(&c, "X-Extra: 1\r\n"));
    assert_true(client_has(&c, "[0 /a b q=c d! h=v body=]"));
    assert_false(client_has(&c, "Connection: close"));
}

static void repeated_headers_are_joined(void **state)
{
    (void)state;
    ask("GET / HTTP/1.1\r\n" H "X-Test: a\r\nx-tEST: b\r\n\r\n");
    assert_true(client_has(&c, "h=a, b "));
}

static void the_absolute_form_loses_its_authority(void **state)
{
    (void)state;
    ask("GET http://x:80/p?q=1 HTTP/1.1\r\n" H "\r\n");
    assert_true(client_has(&c, "[0 /p q=1"));
}

static void head_is_answered_without_a_body(void **state)
{
    (void)state;
    ask("HEAD /echo HTTP/1.1\r\n" H "\r\n");
    assert_true(client_has(&c, "Content-Length: "));
    assert_int_equal(memcmp(c.in.p + c.in.n - 4, "\r\n\r\n", 4), 0);
}

static void a_body_in_pieces_is_joined(void **state)
{
    (void)state;
    client_say(&c, &b, "POST /echo HTTP/1.1\r\n" H "Content-Le");
    bench_turn(&b, &c);
    client_say(&c, &b, "ngth: 10\r\n\r\n01234");
    bench_turn(&b, &c);
    ask("56789");
    assert_true(client_has(&c, "body=0123456789]"));
}

static void a_chunked_body_is_joined(void **state)
{
    (void)state;
    client_say(&c, &b, "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nhel");
    bench_turn(&b, &c);
    ask("lo\r\n6;x=y\r\n world\r\n0\r\nT: u\r\n\r\nGET /second HTTP/1.1\r\n" H "\r\n");
    wait_for(&b, &c, client_has(&c, "/second"));
    assert_true(client_has(&c, "body=hello world]"));
}

static void continue_is_said_before_the_body_and_not_after(void **state)
{
    (void)state;
    client_say(&c, &b, "POST /echo HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    wait_for(&b, &c, client_has(&c, "HTTP/1.1 100 Continue\r\n\r\n"));
    assert_int_equal(b.seen, 0);
    client_say(&c, &b, "abc");
    wait_for(&b, &c, client_has(&c, "body=abc]"));
    assert_int_equal(client_count(&c, "100 Continue"), 1);
    client_say(&c, &b, "POST /echo HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nxyz");
    wait_for(&b, &c, client_has(&c, "body=xyz]"));
    assert_int_equal(client_count(&c, "100 Continue"), 1);
}

static void continue_waits_for_earlier_answers(void **state)
{
    (void)state;
    client_say(&c, &b,
               "GET /hold HTTP/1.1\r\n" H "\r\nPOST /echo HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    wait_for(&b, &c, b.held_n == 1);
    for (int i = 0; i < 20; i++) bench_turn(&b, &c);
    assert_int_equal(c.in.n, 0);
    answer_held(&b, 0, "first");
    wait_for(&b, &c, client_has(&c, "100 Continue"));
    assert_true(memmem(c.in.p, c.in.n, "first", 5) < memmem(c.in.p, c.in.n, "100 Continue", 12));
}

static void late_answers_leave_in_the_order_of_their_requests(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) client_say(&c, &b, "GET /hold HTTP/1.1\r\n" H "\r\n");
    client_say(&c, &b, "GET /fifth HTTP/1.1\r\n" H "\r\n");
    wait_for(&b, &c, b.seen == 5);
    answer_held(&b, 3, "-four-");
    answer_held(&b, 1, "-two-");
    for (int i = 0; i < 20; i++) bench_turn(&b, &c);
    assert_int_equal(c.in.n, 0);
    answer_held(&b, 0, "-one-");
    wait_for(&b, &c, client_has(&c, "-two-"));
    assert_false(client_has(&c, "-four-"));
    answer_held(&b, 2, "-three-");
    wait_for(&b, &c, client_has(&c, "/fifth"));
    char *one = memmem(c.in.p, c.in.n, "-one-", 5), *two = memmem(c.in.p, c.in.n, "-two-", 5);
    char *three = memmem(c.in.p, c.in.n, "-three-", 7), *four = memmem(c.in.p, c.in.n, "-four-", 6);
    assert_true(one < two && two < three && three < four);
}

static void a_thousand_pipelined_posts_are_all_answered(void **state)
{
    struct buf all;

    (void)state;
    buf_init(&all, 1u << 22);
    for (int i = 0; i < 1000; i++) buf_addf(&all, "POST /echo HTTP/1.1\r\n" H "Content-Length: 400\r\n\r\n%0400d", i);
    client_send(&c, &b, all.p, all.n);
    wait_for(&b, &c, client_count(&c, "HTTP/1.1 200 OK") == 1000);
    buf_fini(&all);
}

static void reading_pauses_at_the_pipeline_limit_and_goes_on(void **state)
{
    (void)state;
    for (int i = 0; i < 600; i++) client_say(&c, &b, "GET /hold HTTP/1.1\r\n" H "\r\n");
    wait_for(&b, &c, b.held_n == LIM_HTTP_PIPELINE);
    for (int i = 0; i < 50; i++) bench_turn(&b, &c);
    assert_int_equal(b.held_n, LIM_HTTP_PIPELINE);
    for (size_t i = 0; i < 600; i++) {
        wait_for(&b, &c, b.held_n > i);
        answer_held(&b, i, "ok");
    }
    wait_for(&b, &c, client_count(&c, "HTTP/1.1 200 OK") == 600);
}

static void a_client_that_does_not_read_stops_its_own_source(void **state)
{
    char sink[65536];

    (void)state;
    for (int i = 0; i < 40; i++) send(c.fd, "GET /big HTTP/1.1\r\n" H "\r\n", 30, 0);
    for (int i = 0; i < 500; i++) uv_run(&b.loop, UV_RUN_NOWAIT);
    assert_true(b.seen < 20); /* some megabytes lie in the kernel's buffers */
    size_t got = 0;
    uint64_t until = clock_mono_ms() + WAIT_MS;
    while (got < 40u * 1000000u && clock_mono_ms() < until) {
        ssize_t n = recv(c.fd, sink, sizeof sink, MSG_DONTWAIT);
        if (n > 0) got += (size_t)n;
        uv_run(&b.loop, UV_RUN_NOWAIT);
    }
    assert_true(got > 40u * 1000000u);
    assert_int_equal(b.seen, 40);
}

static void answering_after_the_client_has_gone_is_harmless(void **state)
{
    struct linger reset = { .l_onoff = 1 };

    (void)state;
    client_say(&c, &b, "GET /hold HTTP/1.1\r\n" H "\r\nGET /hold HTTP/1.1\r\n" H "\r\n");
    wait_for(&b, &c, b.held_n == 2);
    setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(c.fd);
    c.fd = -1;
    wait_for(&b, NULL, metric_get(MET_HTTP_CONNECTIONS, "") == 0);
    assert_true(str_is(http_path(b.held[0]), "/hold")); /* still there for its handler */
    answer_held(&b, 1, "nobody");
    answer_held(&b, 0, "nobody");
}

static void reset_it(struct client *it)
{
    struct linger reset = { .l_onoff = 1 };

    setsockopt(it->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    client_close(it);
}

static void an_answer_and_a_reset_in_one_turn_are_harmless(void **state)
{
    static const char release[] = "GET /release HTTP/1.1\r\nHost: x\r\n\r\n";
    struct client other[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        client_open(&other[i], &b);
        client_say(&other[i], &b, "GET /hold HTTP/1.1\r\n" H "\r\n");
    }
    wait_for(&b, &c, b.held_n == 2 && metric_get(MET_HTTP_CONNECTIONS, "") == 3);
    reset_it(&other[0]); /* all three are there before the loop turns: one reset before the answer, one after it */
    assert_int_equal(send(c.fd, release, sizeof release - 1, 0), sizeof release - 1);
    reset_it(&other[1]);
    wait_for(&b, &c, client_status(&c) == 200);
    wait_for(&b, &c, metric_get(MET_HTTP_CONNECTIONS, "") == 1);
}

static void a_client_that_shuts_its_side_still_gets_its_answer(void **state)
{
    (void)state;
    client_say(&c, &b, "GET /hold HTTP/1.1\r\n" H "\r\n");
    shutdown(c.fd, SHUT_WR);
    wait_for(&b, &c, b.held_n == 1);
    for (int i = 0; i < 20; i++) bench_turn(&b, &c);
    answer_held(&b, 0, "there");
    wait_for(&b, &c, c.eof);
    assert_true(client_has(&c, "there"));
}

static void problems_are_json_with_a_stable_type(void **state)
{
    (void)state;
    ask("GET /problem HTTP/1.1\r\n" H "\r\n");
    assert_int_equal(client_status(&c), 401);
    assert_true(client_has(&c, "Content-Type: application/problem+json\r\n"));
    assert_true(client_has(&c, "WWW-Authenticate: Bearer\r\n"));
    assert_true(client_has(&c, "\"type\":\"/problems/unauthorized\""));
    assert_true(client_has(&c, "no \\\"token\\\""));
}

static void http10_closes_unless_asked_to_stay(void **state)
{
    (void)state;
    ask("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_true(client_has(&c, "Connection: keep-alive\r\n"));
    client_say(&c, &b, "GET /b HTTP/1.0\r\n\r\n");
    wait_for(&b, &c, c.eof);
    assert_true(client_has(&c, "/b"));
    assert_true(client_has(&c, "Connection: close\r\n"));
}

static void connection_close_is_honoured(void **state)
{
    (void)state;
    client_say(&c, &b, "GET /a HTTP/1.1\r\n" H "Connection: close\r\n\r\nGET /b HTTP/1.1\r\n" H "\r\n");
    wait_for(&b, &c, c.eof);
    assert_int_equal(b.seen, 1);
}

/* ---- refusals ---- */

static const struct {
    const char *text;
    unsigned status;
    const char *cause;
} malformed[] = {
    { "GET / HTTP/1.1\nHost: x\n\n", 400, "bare_lf" },
    { "GET / HTTP/1.1\r\nHost: x\n\r\n", 400, "bare_lf" },
    { "GET / HTTP/1.1\r\n" H "A: b\r\n c\r\n\r\n", 400, "fold" },
    { "GET / HTTP/1.1\r\n\tA: b\r\n" H "\r\n", 400, "fold" },
    { "GET / HTTP/1.1\r\n\r\n", 400, "host" },
    { "GET / HTTP/1.1\r\n" H H "\r\n", 400, "host" },
    { "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "host" },
    { "GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400, "header" },
    { "GET / HTTP/1.1\r\n" H "A b: c\r\n\r\n", 400, "header" },
    { "GET / HTTP/1.1\r\n" H "A: b\x01\r\n\r\n", 400, "header" },
    { "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "framing" },
    { "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400, "framing" },
    { "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, "framing" },
    { "POST / HTTP/1.1\r\n" H "Content-Length: 3, 3\r\n\r\nabc", 400, "framing" },
    { "POST / HTTP/1.1\r\n" H "Content-Length: +3\r\n\r\nabc", 400, "framing" },
    { "POST / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999999\r\n\r\n", 400, "framing" },
    { "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "framing" },
    { "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "framing" },
    { "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n", 501, "coding" },
    { "POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n", 400, "framing" },
    { "POST / HTTP/1.1\r\n" H "Content-Length: 262145\r\n\r\n", 413, "body" },
    { "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n40001\r\n", 413, "body" },
    { "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\rXabc\r\n0\r\n\r\n", 400, "chunk" },
    { "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\r\nabcXX0\r\n\r\n", 400, "chunk" },
    { "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3;a\nb\r\nabc\r\n0\r\n\r\n", 400, "chunk" },
    { "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "chunk" },
    { "POST / HTTP/1.1\r\n" H "Expect: magic\r\nContent-Length: 3\r\n\r\nabc", 417, "expect" },
    { "FOO / HTTP/1.1\r\n" H "\r\n", 501, "method" },
    { "TRACE / HTTP/1.1\r\n" H "\r\n", 501, "method" },
    { "CONNECT x:1 HTTP/1.1\r\n" H "\r\n", 501, "method" },
    { "get / HTTP/1.1\r\n" H "\r\n", 400, "line" },
    { "\x16\x03\x01", 400, "line" },
    { "GET  / HTTP/1.1\r\n" H "\r\n", 400, "line" },
    { "GET /  HTTP/1.1\r\n" H "\r\n", 400, "line" },
    { "\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", 400, "line" },
    { "GET / HTTP/2.0\r\n" H "\r\n", 505, "version" },
    { "GET / HTTP/1.2\r\n" H "\r\n", 505, "version" },
    { "GET /\r\n\r\n", 505, "version" },
    { "GET /\xC3\xA9 HTTP/1.1\r\n" H "\r\n", 400, "target" },
    { "GET /a\tb HTTP/1.1\r\n" H "\r\n", 400, "target" },
    { "GET /a#b HTTP/1.1\r\n" H "\r\n", 400, "target" },
    { "GET /%zz HTTP/1.1\r\n" H "\r\n", 400, "target" },
    { "GET /a%00 HTTP/1.1\r\n" H "\r\n", 400, "target" },
    { "GET /a%0Ab HTTP/1.1\r\n" H "\r\n", 400, "target" },
    { "GET /a%2Fb HTTP/1.1\r\n" H "\r\n", 400, "target" },
    { "GET /a/../b HTTP/1.1\r\n" H "\r\n", 400, "target" },
    { "GET /a/%2e%2E HTTP/1.1\r\n" H "\r\n", 400, "target" },
    { "GET /%ff HTTP/1.1\r\n" H "\r\n", 400, "target" },
    { "GET /?q=%ff HTTP/1.1\r\n" H "\r\n", 400, "target" },
    { "GET /?q=%4 HTTP/1.1\r\n" H "\r\n", 400, "target" },
    { "GET http://u@x/ HTTP/1.1\r\n" H "\r\n", 400, "target" },
    { "GET / HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 400, "upgrade" },
    { "GET / HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\nx", 400, "upgrade" },
};

static void each_malformed_request_has_its_refusal_and_ends_its_connection(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        struct client bad;
        double before = metric_get(MET_HTTP_REFUSED, malformed[i].cause);
        client_open(&bad, &b);
        client_say(&bad, &b, malformed[i].text);
        wait_for(&b, &bad, bad.eof || client_has(&bad, "}"));
        if (client_status(&bad) != malformed[i].status) fail_msg("row %zu: %u\n%s", i, client_status(&bad), malformed[i].text);
        if (metric_get(MET_HTTP_REFUSED, malformed[i].cause) != before + 1)
            fail_msg("row %zu: not counted as %s", i, malformed[i].cause);
        assert_true(client_has(&bad, "application/problem+json"));
        wait_for(&b, &bad, bad.eof);
        client_close(&bad);
    }
    assert_int_equal(b.seen, 0);
    ask("GET /fine HTTP/1.1\r\n" H "\r\n"); /* and nothing else is disturbed */
    assert_int_equal(client_status(&c), 200);
}

static void a_nul_in_a_header_is_refused(void **state)
{
    static const char text[] = "GET / HTTP/1.1\r\n" H "A: b\0c\r\n\r\n";

    (void)state;
    client_send(&c, &b, text, sizeof text - 1);
    wait_for(&b, &c, c.eof);
    assert_int_equal(client_status(&c), 400);
}

static void send_filled(const char *before, size_t n, const char *after)
{
    struct buf t;

    buf_init(&t, 1u << 20);
    buf_addz(&t, before);
    for (size_t i = 0; i < n; i++) buf_addc(&t, 'a');
    buf_addz(&t, after);
    client_send(&c, &b, t.p, t.n);
    buf_fini(&t);
}

static void a_long_request_line_is_414(void **state)
{
    (void)state;
    send_filled("GET /", LIM_HTTP_LINE, ""); /* refused before its end is seen */
    wait_for(&b, &c, c.eof);
    assert_int_equal(client_status(&c), 414);
}

static void large_headers_are_431(void **state)
{
    (void)state;
    send_filled("GET / HTTP/1.1\r\n" H "A: ", LIM_HTTP_HEADERS, "");
    wait_for(&b, &c, c.eof);
    assert_int_equal(client_status(&c), 431);
}

static void many_headers_are_431(void **state)
{
    (void)state;
    client_say(&c, &b, "GET / HTTP/1.1\r\n" H);
    for (unsigned i = 0; i < LIM_HTTP_HEADER_N; i++) client_say(&c, &b, "A: b\r\n");
    wait_for(&b, &c, c.eof);
    assert_int_equal(client_status(&c), 431);
}

static void a_hundred_headers_are_taken(void **state)
{
    (void)state;
    client_say(&c, &b, "GET / HTTP/1.1\r\n" H);
    for (unsigned i = 1; i < LIM_HTTP_HEADER_N; i++) client_say(&c, &b, "A: b\r\n");
    ask("\r\n");
    assert_int_equal(client_status(&c), 200);
}

static void a_chunked_body_may_not_grow_past_its_limit(void **state)
{
    (void)state;
    client_say(&c, &b, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 5 && !c.eof; i++) send_filled("10000\r\n", 65536, "\r\n");
    wait_for(&b, &c, c.eof);
    assert_int_equal(client_status(&c), 413);
    assert_int_equal(b.seen, 0);
}

static void a_refusal_waits_for_earlier_answers(void **state)
{
    (void)state;
    client_say(&c, &b, "GET /hold HTTP/1.1\r\n" H "\r\nFOO / HTTP/1.1\r\n" H "\r\n");
    wait_for(&b, &c, b.held_n == 1);
    for (int i = 0; i < 20; i++) bench_turn(&b, &c);
    assert_int_equal(c.in.n, 0);
    answer_held(&b, 0, "first");
    wait_for(&b, &c, c.eof);
    assert_int_equal(client_status(&c), 200);
    assert_true(client_has(&c, "HTTP/1.1 501"));
}

/* ---- time ---- */

static int open_hasty(void **state)
{
    (void)state;
    bench_open(&b, (struct http_cfg){ .head_ms = 40, .body_ms = 40, .idle_ms = 150, .answer_ms = 60 }, on_request);
    client_open(&c, &b);
    return 0;
}

static void a_slow_head_is_408(void **state)
{
    (void)state;
    client_say(&c, &b, "GET / HTT");
    wait_for(&b, &c, c.eof);
    assert_int_equal(client_status(&c), 408);
}

static void a_dripping_head_is_408_although_it_moves(void **state)
{
    uint64_t until = clock_mono_ms() + WAIT_MS;

    (void)state;
    client_say(&c, &b, "GET / HTTP/1.1\r\nA: ");
    while (!client_status(&c) && clock_mono_ms() < until) client_say(&c, &b, "x");
    assert_true(client_status(&c) == 408 || client_status(&c) == 431);
}

static void a_slow_body_is_408(void **state)
{
    (void)state;
    client_say(&c, &b, "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nab");
    wait_for(&b, &c, c.eof);
    assert_int_equal(client_status(&c), 408);
    assert_int_equal(b.seen, 0);
}

static void an_idle_connection_is_closed_without_a_word(void **state)
{
    (void)state;
    wait_for(&b, &c, c.eof);
    assert_int_equal(c.in.n, 0);
}

static void an_answer_of_ours_that_does_not_come_is_503(void **state)
{
    (void)state;
    client_say(&c, &b, "GET /hold HTTP/1.1\r\n" H "\r\nGET /hold HTTP/1.1\r\n" H "\r\n");
    wait_for(&b, &c, b.held_n == 2);
    wait_for(&b, &c, c.eof);
    assert_int_equal(client_status(&c), 503);
    assert_true(client_has(&c, "no-answer"));
    answer_held(&b, 0, "too late"); /* harmless */
}

/* ---- draining ---- */

static void draining_answers_what_is_under_way_and_refuses_new_connections(void **state)
{
    struct client idle, fresh;

    (void)state;
    client_open(&idle, &b);
    client_say(&c, &b, "GET /hold HTTP/1.1\r\n" H "\r\n");
    wait_for(&b, &c, b.held_n == 1 && metric_get(MET_HTTP_CONNECTIONS, "") == 2);
    uint16_t port = http_port(b.h);
    http_drain(b.h, 4000, on_bench_drained, &b);
    wait_for(&b, &idle, idle.eof);
    for (int i = 0; i < 20; i++) bench_turn(&b, &c);
    assert_false(c.eof || b.drained);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    fresh.fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_not_equal(connect(fresh.fd, (struct sockaddr *)&a, sizeof a), 0);
    close(fresh.fd);
    answer_held(&b, 0, "last");
    wait_for(&b, &c, c.eof);
    assert_true(client_has(&c, "Connection: close\r\n"));
    assert_true(client_has(&c, "last"));
    client_close(&idle);
    client_close(&c);
    wait_for(&b, NULL, b.drained);
    loop_finish(&b.loop);
    buf_fini(&b.ws_texts);
}

static void draining_ends_at_the_grace_although_an_answer_is_missing(void **state)
{
    (void)state;
    client_say(&c, &b, "GET /hold HTTP/1.1\r\n" H "\r\n");
    wait_for(&b, &c, b.held_n == 1);
    http_drain(b.h, 50, on_bench_drained, &b);
    wait_for(&b, &c, b.drained);
    loop_finish(&b.loop);
    assert_true(str_is(http_path(b.held[0]), "/hold"));
    answer_held(&b, 0, "to nobody"); /* the server is gone, the request is not */
    client_close(&c);
    buf_fini(&b.ws_texts);
}

static void a_bad_address_is_an_error(void **state)
{
    static const char *const bad[] = { "nonsense", "127.0.0.1:99999", "1.2.3.4.5:80", "203.0.113.1:1" };
    uv_loop_t loop;

    (void)state;
    uv_loop_init(&loop);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct http *h;
        assert_int_not_equal(http_open(&h, &loop, &(struct http_cfg){ .listen = bad[i], .on_request = on_request }), ERR_OK);
        assert_null(h);
    }
    loop_finish(&loop);
}

#define TEST(name)  cmocka_unit_test_setup_teardown(name, open_it, close_it)
#define HASTY(name) cmocka_unit_test_setup_teardown(name, open_hasty, close_it)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_answered_with_date_length_and_type),
        TEST(repeated_headers_are_joined),
        TEST(the_absolute_form_loses_its_authority),
        TEST(head_is_answered_without_a_body),
        TEST(a_body_in_pieces_is_joined),
        TEST(a_chunked_body_is_joined),
        TEST(continue_is_said_before_the_body_and_not_after),
        TEST(continue_waits_for_earlier_answers),
        TEST(late_answers_leave_in_the_order_of_their_requests),
        TEST(a_thousand_pipelined_posts_are_all_answered),
        TEST(reading_pauses_at_the_pipeline_limit_and_goes_on),
        TEST(a_client_that_does_not_read_stops_its_own_source),
        TEST(answering_after_the_client_has_gone_is_harmless),
        TEST(an_answer_and_a_reset_in_one_turn_are_harmless),
        TEST(a_client_that_shuts_its_side_still_gets_its_answer),
        TEST(problems_are_json_with_a_stable_type),
        TEST(http10_closes_unless_asked_to_stay),
        TEST(connection_close_is_honoured),
        TEST(each_malformed_request_has_its_refusal_and_ends_its_connection),
        TEST(a_nul_in_a_header_is_refused),
        TEST(a_long_request_line_is_414),
        TEST(large_headers_are_431),
        TEST(many_headers_are_431),
        TEST(a_hundred_headers_are_taken),
        TEST(a_chunked_body_may_not_grow_past_its_limit),
        TEST(a_refusal_waits_for_earlier_answers),
        HASTY(a_slow_head_is_408),
        HASTY(a_dripping_head_is_408_although_it_moves),
        HASTY(a_slow_body_is_408),
        HASTY(an_idle_connection_is_closed_without_a_word),
        HASTY(an_answer_of_ours_that_does_not_come_is_503),
        cmocka_unit_test_setup(draining_answers_what_is_under_way_and_refuses_new_connections, open_it),
        cmocka_unit_test_setup(draining_ends_at_the_grace_although_an_answer_is_missing, open_it),
        cmocka_unit_test(a_bad_address_is_an_error),
    };

    metrics_init("test");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
