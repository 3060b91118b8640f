/* Requests that go out, against a server of bytes: what is sent, how each kind of answer ends, what is bounded. */
#include "base/address.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "router/http_out.h"
#include "router/secret.h"
#include "tests/unit/base/unit.h"

#include <arpa/inet.h>
#include <stdlib.h>

static struct fixture {
    uv_loop_t loop;
    struct http_out *out;
    uv_tcp_t listener;
    const char *answer; /* NULL: silence */
    size_t answer_n;
    char heard[65536], url[64];
    size_t heard_n;
    unsigned ends, status, connections;
    enum out_end end;
    char body[LIM_OUT_ANSWER + 1];
    size_t body_n;
    uv_handle_t *kept; /* the connection that was answered last, when `keep`; else it is closed with its answer */
    bool keep;
} f;

/* ---- the server ---- */

static void free_handle(uv_handle_t *h) { free(h); }
static void on_room(uv_handle_t *h, size_t n, uv_buf_t *b)
{
    static char room[65536];
    UNUSED(h), UNUSED(n);
    *b = uv_buf_init(room, sizeof room);
}

static void on_bytes(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    if (n < 0) {
        if (!uv_is_closing((uv_handle_t *)s)) uv_close((uv_handle_t *)s, free_handle);
        return;
    }
    if (f.heard_n + (size_t)n < sizeof f.heard) memcpy(f.heard + f.heard_n, b->base, (size_t)n), f.heard_n += (size_t)n;
    f.heard[f.heard_n] = '\0';
    const char *head = strstr(f.heard, "\r\n\r\n"), *length = strstr(f.heard, "Content-Length: ");
    if (!head || !length || f.heard_n < (size_t)(head - f.heard) + 4 + strtoul(length + 16, NULL, 10) || !f.answer) return;
    uv_buf_t out = uv_buf_init((char *)f.answer, (unsigned)f.answer_n);
    size_t sent = 0;
    while (sent < f.answer_n) { /* a reader who goes away ends it */
        int e = uv_try_write(s, &out, 1);
        if (e == UV_EAGAIN) {
            usleep(100);
            continue;
        }
        if (e < 0) break;
        sent += (size_t)e;
        out = uv_buf_init((char *)f.answer + sent, (unsigned)(f.answer_n - sent));
    }
    f.kept = f.keep ? (uv_handle_t *)s : NULL;
    if (!f.keep) uv_close((uv_handle_t *)s, free_handle);
}

static void on_connection(uv_stream_t *listener, int status)
{
    uv_tcp_t *c = malloc(sizeof *c);
    assert_int_equal(status, 0);
    uv_tcp_init(&f.loop, c);
    assert_int_equal(uv_accept(listener, (uv_stream_t *)c), 0);
    uv_read_start((uv_stream_t *)c, on_room, on_bytes);
    f.connections++;
}

static void on_end(void *ctx, const struct out_answer *a)
{
    assert_ptr_equal(ctx, &f);
    f.ends++;
    f.end = a->end;
    f.status = a->status;
    f.body_n = a->body.n;
    if (a->body.n) memcpy(f.body, a->body.p, a->body.n);
    f.body[a->body.n] = '\0';
}

static void close_walk(uv_handle_t *h, void *arg)
{
    UNUSED(arg);
    if (!uv_is_closing(h) && h != (uv_handle_t *)&f.listener) uv_close(h, h->type == UV_TCP ? free_handle : NULL);
}

static int set_up(void **state)
{
    struct sockaddr_in at;
    int n = sizeof at;
    UNUSED(state);
    memset(&f, 0, sizeof f);
    metrics_init("test");
    uv_loop_init(&f.loop);
    uv_ip4_addr("127.0.0.1", 0, &at);
    uv_tcp_init(&f.loop, &f.listener);
    uv_tcp_bind(&f.listener, (struct sockaddr *)&at, 0);
    assert_int_equal(uv_listen((uv_stream_t *)&f.listener, 64, on_connection), 0);
    uv_tcp_getsockname(&f.listener, (struct sockaddr *)&at, &n);
    snprintf(f.url, sizeof f.url, "http://127.0.0.1:%u/hook?x=1", ntohs(at.sin_port));
    return http_out_open(&f.out, &f.loop);
}

static int tear_down(void **state)
{
    UNUSED(state);
    http_out_close(f.out);
    uv_run(&f.loop, UV_RUN_NOWAIT);
    uv_close((uv_handle_t *)&f.listener, NULL);
    uv_walk(&f.loop, close_walk, NULL); /* connections that a test left to themselves */
    loop_finish(&f.loop);
    http_out_free(f.out);
    return 0;
}

#define UNTIL(cond)                                                                                                                \
    do {                                                                                                                           \
        uint64_t until = clock_mono_ms() + 20000;                                                                                  \
        while (!(cond)) {                                                                                                          \
            uv_run(&f.loop, UV_RUN_NOWAIT);                                                                                        \
            usleep(300);                                                                                                           \
            if (clock_mono_ms() > until) fail_msg("waited in vain for: %s", #cond);                                                \
        }                                                                                                                          \
    } while (0)

static struct out_call *post(const char *url, uint32_t within_ms)
{
    struct out_call *call = NULL;
    struct out_ask ask = {
        .url = url, .body = STR("{\"a\":1}"), .secret = STR("key"), .within_ms = within_ms, .now = 1700000000123
    };
    assert_int_equal(http_out_post(f.out, &ask, on_end, &f, &call), ERR_OK);
    assert_int_equal(f.ends, 0); /* never from inside */
    return call;
}

static void answers(const char *text) { f.answer = text, f.answer_n = strlen(text); }

/* ---- tests ---- */

TEST(what_goes_out_is_json_with_a_signature)
{
    UNUSED(state);
    answers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    post(f.url, 5000);
    UNTIL(f.ends);
    assert_int_equal(f.end, OUT_OK);
    assert_string_equal(f.body, "{}");
    assert_memory_equal(f.heard, "POST /hook?x=1 HTTP/1.1\r\n", 25);
    assert_non_null(strstr(f.heard, "Content-Type: application/json\r\n"));
    assert_null(strstr(f.heard, "Expect"));
    assert_non_null(strstr(f.heard, "\r\n\r\n{\"a\":1}"));
    /* echo -n '1700000000.{"a":1}' | openssl dgst -sha256 -hmac key */
    assert_non_null(
        strstr(f.heard, "Naru-Signature: t=1700000000,v1=a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03\r\n"));
}

static const struct end_row {
    const char *answer;
    enum out_end end;
    unsigned status;
} end_rows[] = {
    { "HTTP/1.1 204 No Content\r\n\r\n", OUT_OK, 204 },
    { "HTTP/1.1 500 Oh\r\nContent-Length: 5\r\n\r\nwords", OUT_STATUS, 500 },
    { "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", OUT_STATUS, 302 }, /* not followed */
    { "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\ncut", OUT_BROKEN, 200 },
    { "naru 1 2 3\r\n\r\n", OUT_BROKEN, 0 },
};

TEST(every_answer_ends_in_one_way)
{
    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(end_rows); i++) {
        answers(end_rows[i].answer);
        f.ends = 0;
        f.heard_n = 0;
        post(f.url, 5000);
        UNTIL(f.ends);
        if (f.end != end_rows[i].end || f.status != end_rows[i].status)
            fail_msg("%s: %s %u", end_rows[i].answer, out_end_words[f.end], f.status);
        assert_int_equal(f.body_n, f.status == 500 ? 5 : 0); /* what a refusal says may be read */
        assert_int_equal(f.connections, i + 1);              /* a redirect is no second request */
    }
}

static bool is_public(const char *text)
{
    struct sockaddr_in a4 = { .sin_family = AF_INET };
    struct sockaddr_in6 a6 = { .sin6_family = AF_INET6 };
    if (inet_pton(AF_INET, text, &a4.sin_addr) == 1) return address_public((struct sockaddr *)&a4);
    assert_int_equal(inet_pton(AF_INET6, text, &a6.sin6_addr), 1);
    return address_public((struct sockaddr *)&a6);
}

TEST(addresses_of_this_machine_and_of_private_networks_are_told_from_the_others)
{
    static const char *const closed[] = {
        "127.0.0.1", "10.1.2.3",   "172.16.0.1",      "172.31.255.255",  "192.168.9.9", "169.254.169.254",
        "0.0.0.0",   "100.64.0.1", "224.0.0.1",       "255.255.255.255", "::1",         "::",
        "fe80::1",   "fd00::1",    "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:a::1",   "2001:db8::1",
        "ff02::1",   "::127.0.0.1"
    };
    static const char *const open[] = { "8.8.8.8",    "172.15.0.1",      "172.32.0.1",     "192.167.1.1",
                                        "100.63.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808" };
    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(closed); i++)
        if (is_public(closed[i])) fail_msg("%s", closed[i]);
    for (size_t i = 0; i < COUNT_OF(open); i++)
        if (!is_public(open[i])) fail_msg("%s", open[i]);
}

TEST(what_is_for_the_world_alone_never_connects_to_this_machine)
{
    UNUSED(state);
    struct out_ask ask = { .url = f.url, .body = STR("{}"), .within_ms = 5000, .public_only = true };
    assert_int_equal(http_out_post(f.out, &ask, on_end, &f, NULL), ERR_OK);
    UNTIL(f.ends);
    assert_int_equal(f.end, OUT_PRIVATE);
    assert_int_equal(f.connections, 0);
}

TEST(an_answer_beyond_its_bound_is_cut_off)
{
    UNUSED(state);
    size_t head = 0, room = LIM_OUT_ANSWER + 200;
    char *text = malloc(room);
    head = (size_t)snprintf(text, room, "HTTP/1.1 200 OK\r\nContent-Length: %u\r\n\r\n", LIM_OUT_ANSWER);
    memset(text + head, 'x', room - head);
    f.answer = text;
    f.answer_n = head + LIM_OUT_ANSWER;
    post(f.url, 5000);
    UNTIL(f.ends);
    assert_int_equal(f.end, OUT_OK);
    assert_int_equal(f.body_n, LIM_OUT_ANSWER);
    f.ends = 0;
    f.heard_n = 0;
    head = (size_t)snprintf(text, room, "HTTP/1.1 200 OK\r\nContent-Length: %u\r\n\r\n", LIM_OUT_ANSWER + 1);
    memset(text + head, 'x', room - head);
    f.answer_n = head + LIM_OUT_ANSWER + 1;
    post(f.url, 5000);
    UNTIL(f.ends);
    assert_int_equal(f.end, OUT_TOOBIG);
    free(text);
}

TEST(silence_ends_with_the_deadline_and_nobody_there_at_once)
{
    UNUSED(state);
    uint64_t began = clock_mono_ms();
    post(f.url, 150);
    UNTIL(f.ends);
    assert_int_equal(f.end, OUT_TIMEOUT);
    assert_true(clock_mono_ms() - began >= 149);
    f.ends = 0;
    post("http://127.0.0.1:1/", 5000);
    UNTIL(f.ends);
    assert_int_equal(f.end, OUT_CONNECT);
}

TEST(only_http_is_spoken)
{
    UNUSED(state);
    static const char *const urls[] = { "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1:1/", "://" };
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        f.ends = 0;
        post(urls[i], 5000);
        UNTIL(f.ends);
        assert_int_equal(f.end, OUT_BROKEN);
    }
}

/* One that says nothing of its own, or much, or a password too. */
enum says { SAYS_NOTHING, SAYS_MUCH, SAYS_A_PASSWORD };
static void ask_and_wait(enum says says)
{
    struct out_ask ask = { .url = f.url, .body = STR("{}"), .within_ms = 5000 };
    if (says) {
        ask.method = "PUT";
        ask.headers = STR("X-Own: 1\nContent-Type: text/plain\n");
        ask.secret = STR("key");
    }
    if (says == SAYS_A_PASSWORD) {
        ask.user = STR("ann");
        ask.password = STR("pass");
    }
    f.ends = 0;
    f.heard_n = 0;
    assert_int_equal(http_out_post(f.out, &ask, on_end, &f, NULL), ERR_OK);
    UNTIL(f.ends);
    assert_int_equal(f.end, OUT_OK);
}

TEST(a_connection_is_kept_for_the_calls_that_follow)
{
    UNUSED(state);
    answers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    f.keep = true;
    for (unsigned i = 0; i < 200; i++) ask_and_wait(SAYS_NOTHING);
    assert_int_equal(f.connections, 1);
}

TEST(a_connection_to_this_machine_is_not_kept_for_who_may_not_come_here)
{
    UNUSED(state);
    struct out_ask ask = { .url = f.url, .body = STR("{}"), .within_ms = 5000 };
    answers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    f.keep = true;
    for (int i = 0; i < 2; i++) {
        f.ends = 0;
        f.heard_n = 0;
        ask.public_only = i == 1;
        assert_int_equal(http_out_post(f.out, &ask, on_end, &f, NULL), ERR_OK);
        UNTIL(f.ends);
        assert_int_equal(f.end, i ? OUT_PRIVATE : OUT_OK);
    }
    assert_int_equal(f.connections, 1);
    assert_int_equal(f.heard_n, 0);
}

TEST(a_kept_connection_that_the_other_end_closes_is_replaced)
{
    UNUSED(state);
    answers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    f.keep = true;
    for (unsigned i = 1; i <= 20; i++) {
        ask_and_wait(SAYS_NOTHING);
        assert_int_equal(f.connections, i);
        uv_close(f.kept, free_handle);
        for (unsigned turn = 0; turn < i; turn++) uv_run(&f.loop, UV_RUN_NOWAIT); /* we hear of it before the next call, or after */
    }
}

TEST(nothing_of_one_call_stays_for_the_next)
{
    UNUSED(state);
    answers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    f.keep = true;
    for (enum says before = SAYS_MUCH; before <= SAYS_A_PASSWORD; before++) {
        ask_and_wait(before);
        assert_memory_equal(f.heard, "PUT ", 4);
        assert_int_equal(strstr(f.heard, "Authorization: Basic YW5uOnBhc3M=\r\n") != NULL, before == SAYS_A_PASSWORD);
        ask_and_wait(SAYS_NOTHING);
        assert_memory_equal(f.heard, "POST ", 5);
        assert_non_null(strstr(f.heard, "Content-Type: application/json\r\n"));
        assert_null(strstr(f.heard, "X-Own"));
        assert_null(strstr(f.heard, "Authorization"));
        assert_null(strstr(f.heard, "Naru-Signature"));
    }
}

TEST(a_cancelled_call_never_answers)
{
    UNUSED(state);
    struct out_call *call = post(f.url, 5000);
    UNTIL(f.heard_n);
    http_out_cancel(call);
    answers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    f.heard_n = 0;
    post(f.url, 5000); /* behind it */
    UNTIL(f.ends);
    assert_int_equal(f.ends, 1);
}

TEST(calls_are_bounded_and_those_that_wait_for_a_connection_end_too)
{
    UNUSED(state);
    struct out_ask ask = { .url = f.url, .body = STR("{}"), .within_ms = 300 };
    for (unsigned i = 0; i < LIM_OUT_CALLS; i++) assert_int_equal(http_out_post(f.out, &ask, on_end, &f, NULL), ERR_OK);
    assert_int_equal(http_out_post(f.out, &ask, on_end, &f, NULL), ERR_FULL);
    UNTIL(f.ends == LIM_OUT_CALLS);
    assert_int_equal(f.end, OUT_TIMEOUT);
    assert_true(f.connections <= LIM_OUT_SOCKETS);
    f.ends = 0;
    answers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    f.heard_n = 0;
    post(f.url, 5000);
    UNTIL(f.ends);
    assert_int_equal(f.end, OUT_OK);
}

TEST(closing_forgets_what_is_under_way)
{
    UNUSED(state);
    post(f.url, 5000);
    UNTIL(f.heard_n);
    http_out_close(f.out);
    struct out_ask ask = { .url = f.url, .body = STR("{}"), .within_ms = 300 };
    assert_int_equal(http_out_post(f.out, &ask, on_end, &f, NULL), ERR_CLOSED);
    assert_int_equal(f.ends, 0);
}

TEST(a_secret_is_read_from_a_file_or_the_environment)
{
    UNUSED(state);
    char out[SECRET_MAX], path[] = "/tmp/naru-secret-XXXXXX", where[64];
    size_t n;
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "s3cret\r\n\n", 9), 9);
    snprintf(where, sizeof where, "file:%s", path);
    assert_int_equal(secret_read(where, out, &n), ERR_OK);
    assert_int_equal(n, 6);
    assert_memory_equal(out, "s3cret", 6);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(secret_read(where, out, &n), ERR_NOTFOUND); /* empty */
    assert_int_equal(ftruncate(fd, SECRET_MAX), 0);
    assert_int_equal(secret_read(where, out, &n), ERR_TOOBIG);
    close(fd);
    unlink(path);
    assert_int_equal(secret_read(where, out, &n), ERR_NOTFOUND);
    setenv("NARU_TEST_SECRET", "abc", 1);
    assert_int_equal(secret_read("env:NARU_TEST_SECRET", out, &n), ERR_OK);
    assert_int_equal(n, 3);
    assert_int_equal(secret_read("env:NARU_NOT_SET", out, &n), ERR_NOTFOUND);
    assert_int_equal(secret_read("abc", out, &n), ERR_RANGE);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(what_goes_out_is_json_with_a_signature),
        T(every_answer_ends_in_one_way),
        T(what_is_for_the_world_alone_never_connects_to_this_machine),
        cmocka_unit_test(addresses_of_this_machine_and_of_private_networks_are_told_from_the_others),
        T(an_answer_beyond_its_bound_is_cut_off),
        T(silence_ends_with_the_deadline_and_nobody_there_at_once),
        T(only_http_is_spoken),
        T(a_connection_is_kept_for_the_calls_that_follow),
        T(a_connection_to_this_machine_is_not_kept_for_who_may_not_come_here),
        T(a_kept_connection_that_the_other_end_closes_is_replaced),
        T(nothing_of_one_call_stays_for_the_next),
        T(a_cancelled_call_never_answers),
        T(calls_are_bounded_and_those_that_wait_for_a_connection_end_too),
        T(closing_forgets_what_is_under_way),
        cmocka_unit_test(a_secret_is_read_from_a_file_or_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
