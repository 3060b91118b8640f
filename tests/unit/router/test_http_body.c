/* Bodies that are too large for memory: through a file, bounded, and with time for their size. */
#include "http_bench.h"

static struct bench b;
static struct client c;

static uint32_t sum_of(const char *p, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++) sum = sum * 31 + (unsigned char)p[i];
    return sum;
}

static void on_request(void *ctx, struct http_req *r)
{
    struct bench *bench = ctx;
    struct str body = http_body(r);
    char text[64];

    bench->seen++;
    if (http_query(r).n) {
        bench->held[bench->held_n++] = r;
        return;
    }
    int n = snprintf(text, sizeof text, "[%zu %u]", body.n, sum_of(body.p, body.n));
    http_answer(r, 200, "text/plain", (struct str){ text, (size_t)n }, "");
}

static uint64_t limit_of(void *ctx, struct str path)
{
    (void)ctx;
    return str_is(path, "/large") ? 4u << 20 : str_is(path, "/tiny") ? 8 : 0;
}

static void open_with(struct http_cfg cfg)
{
    cfg.body_limit = limit_of;
    bench_open(&b, cfg, on_request);
    client_open(&c, &b);
}

static int open_it(void **state)
{
    (void)state;
    open_with((struct http_cfg){ .spool = "/tmp" });
    return 0;
}

static int close_it(void **state)
{
    (void)state;
    client_close(&c);
    bench_close(&b);
    assert_true(metric_get(MET_HTTP_SPOOLED, "") == 0);
    return 0;
}

static char *text_of(size_t n)
{
    char *p = malloc(n);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++) p[i] = (char)('a' + i % 23);
    return p;
}

static void say_head(struct client *to, const char *path, size_t n)
{
    char head[200];
    snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", path, n);
    client_say(to, &b, head);
}

static void answered_with(const char *text, size_t n)
{
    char want[64];
    snprintf(want, sizeof want, "[%zu %u]", n, sum_of(text, n));
    wait_for(&b, &c, client_has(&c, want));
}

static void a_large_body_comes_whole_and_leaves_no_file(void **state)
{
    size_t n = 3u << 20;
    char *text = text_of(n);
    (void)state;
    say_head(&c, "/large", n);
    client_send(&c, &b, text, n);
    answered_with(text, n);
    say_head(&c, "/large?hold", n);
    client_send(&c, &b, text, n);
    wait_for(&b, &c, b.held_n == 1);
    assert_true(metric_get(MET_HTTP_SPOOLED, "") == (double)n);
    assert_int_equal(sum_of(http_body(b.held[0]).p, n), sum_of(text, n));
    http_json(b.held[0], 200, STR("{}"));
    assert_true(metric_get(MET_HTTP_SPOOLED, "") == 0);
    say_head(&c, "/", 5); /* the connection and its memory are good for the next */
    client_say(&c, &b, "small");
    answered_with("small", 5);
    free(text);
}

static void a_large_body_in_chunks_comes_whole(void **state)
{
    size_t n = 1u << 20, part = 30000;
    char *text = text_of(n), head[32];
    (void)state;
    client_say(&c, &b, "POST /large HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (size_t at = 0; at < n; at += part) {
        size_t k = n - at < part ? n - at : part;
        snprintf(head, sizeof head, "%zx\r\n", k);
        client_say(&c, &b, head);
        client_send(&c, &b, text + at, k);
        client_say(&c, &b, "\r\n");
    }
    client_say(&c, &b, "0\r\n\r\n");
    answered_with(text, n);
    free(text);
}

static void a_path_has_its_own_limit(void **state)
{
    (void)state;
    say_head(&c, "/tiny", 9);
    wait_for(&b, &c, client_status(&c) == 413);
    struct client other;
    client_open(&other, &b);
    say_head(&other, "/elsewhere", LIM_HTTP_BODY + 1);
    wait_for(&b, &other, client_status(&other) == 413);
    client_close(&other);
    client_open(&other, &b);
    say_head(&other, "/large", (4u << 20) + 1);
    wait_for(&b, &other, client_status(&other) == 413);
    client_close(&other);
    assert_int_equal(b.seen, 0);
}

static void who_leaves_in_the_middle_leaves_nothing(void **state)
{
    size_t n = 1u << 20;
    char *text = text_of(n);
    (void)state;
    say_head(&c, "/large", n);
    client_send(&c, &b, text, n / 2);
    wait_for(&b, &c, metric_get(MET_HTTP_SPOOLED, "") == (double)(n / 2));
    close(c.fd);
    c.fd = -1;
    wait_for(&b, NULL, metric_get(MET_HTTP_SPOOLED, "") == 0);
    free(text);
}

static void bytes_on_disk_have_a_cap(void **state)
{
    size_t n = 1u << 20;
    char *text = text_of(n);
    (void)state;
    open_with((struct http_cfg){ .spool = "/tmp", .spool_max = n + n / 2 });
    struct client other;
    client_open(&other, &b);
    say_head(&other, "/large?hold", n);
    client_send(&other, &b, text, n);
    wait_for(&b, &other, b.held_n == 1);
    double refused = metric_get(MET_HTTP_REFUSED, "spool");
    say_head(&c, "/large", n);
    client_send(&c, &b, text, n);
    wait_for(&b, &c, client_status(&c) == 503);
    assert_true(metric_get(MET_HTTP_REFUSED, "spool") == refused + 1);
    http_json(b.held[0], 200, STR("{}"));
    wait_for(&b, &other, client_status(&other) == 200);
    client_close(&other);
    free(text);
}

static void a_folder_that_is_not_there_refuses_large_bodies_alone(void **state)
{
    size_t n = 300000;
    char *text = text_of(n);
    (void)state;
    open_with((struct http_cfg){ .spool = "/nowhere/at/all" });
    say_head(&c, "/", 5);
    client_say(&c, &b, "small");
    answered_with("small", 5);
    c.in.n = 0;
    say_head(&c, "/large", n);
    client_send(&c, &b, text, n);
    wait_for(&b, &c, client_status(&c) == 503);
    free(text);
}

static void a_body_that_has_come_far_has_more_time(void **state)
{
    size_t n = 2u << 20;
    char *text = text_of(n);
    (void)state;
    open_with((struct http_cfg){ .spool = "/tmp", .body_ms = 20 });
    say_head(&c, "/large", n);
    client_send(&c, &b, text, n / 2); /* earns 16 s */
    struct client slow;
    client_open(&slow, &b);
    say_head(&slow, "/large", n);
    wait_for(&b, &slow, client_status(&slow) == 408);
    client_send(&c, &b, text + n / 2, n / 2);
    answered_with(text, n);
    client_close(&slow);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_large_body_comes_whole_and_leaves_no_file, open_it, close_it),
        cmocka_unit_test_setup_teardown(a_large_body_in_chunks_comes_whole, open_it, close_it),
        cmocka_unit_test_setup_teardown(a_path_has_its_own_limit, open_it, close_it),
        cmocka_unit_test_setup_teardown(who_leaves_in_the_middle_leaves_nothing, open_it, close_it),
        cmocka_unit_test_teardown(bytes_on_disk_have_a_cap, close_it),
        cmocka_unit_test_teardown(a_folder_that_is_not_there_refuses_large_bodies_alone, close_it),
        cmocka_unit_test_teardown(a_body_that_has_come_far_has_more_time, close_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
