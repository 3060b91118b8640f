/* Readers of the stream over real sockets, on a router of which there is no more than they need: who keeps up, who is slow, who
   comes again, and what ends each. */
#include "http_bench.h"
#include "router/router.h"

#define EPOCH   1790000000u
#define DETAIL  60000u /* of a large change */
#define CLIENTS (LIM_STREAMS + 1)

static struct fixture {
    struct bench bench;
    struct router *router;
    char dir[64], tokens[96], bearer[64];
    struct stream_ask ask; /* of who comes next */
    uint64_t seq;
    struct client clients[CLIENTS];
    size_t client_n;
} f;

static void on_request(void *ctx, struct http_req *r)
{
    unsigned char hash[32];
    char header[80];
    (void)ctx;
    snprintf(header, sizeof header, "Bearer %s", f.bearer);
    assert_true(token_hash(str_of(header), hash));
    streams_open(f.router, r, 0, &f.ask, hash);
}

static int set_up(void **state)
{
    struct token what = { .role = TOKEN_SUPERVISOR, .workspace = "w", .subject = "somebody" };
    uint16_t ws;
    (void)state;
    memset(&f, 0, sizeof f);
    strcpy(f.dir, "/tmp/naru-streams-XXXXXX");
    assert_non_null(mkdtemp(f.dir));
    snprintf(f.tokens, sizeof f.tokens, "%s/tokens", f.dir);
    assert_int_equal(token_create(f.tokens, &what, STR("t"), clock_wall_ms(), f.bearer), ERR_OK);
    f.router = calloc(1, sizeof *f.router);
    uv_loop_init(&f.router->loop); /* its time stands still: the tests say what time it is */
    assert_int_equal(tokens_open(&f.router->tokens, f.tokens), ERR_OK);
    assert_int_equal(events_init(&f.router->events, 1000), ERR_OK);
    assert_int_equal(leaders_init(&f.router->leaders), ERR_OK);
    assert_int_equal(streams_init(&f.router->streams), ERR_OK);
    assert_int_equal(events_workspace(&f.router->events, STR("w"), &ws), ERR_OK);
    f.ask.kinds = UINT64_MAX;
    bench_open(&f.bench, (struct http_cfg){ 0 }, on_request);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < f.client_n; i++) client_close(&f.clients[i]);
    bench_close(&f.bench);
    assert_int_equal(f.router->streams.count, 0);
    streams_fini(&f.router->streams);
    leaders_fini(&f.router->leaders);
    events_fini(&f.router->events);
    tokens_close(f.router->tokens);
    uv_loop_close(&f.router->loop);
    free(f.router);
    unlink(f.tokens);
    snprintf(f.tokens, sizeof f.tokens, "%s/tokens.lock", f.dir);
    unlink(f.tokens);
    rmdir(f.dir);
    return 0;
}

static struct client *listen_to(void)
{
    struct client *c = &f.clients[f.client_n++];
    client_open(c, &f.bench);
    client_say(c, &f.bench, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    uint32_t before = f.router->streams.count;
    wait_for(&f.bench, c, client_has(c, "\r\n\r\n") || f.router->streams.count > before);
    return c;
}

static void hear(enum entry_kind kind, uint64_t epoch, uint64_t seq, size_t detail)
{
    static char text[DETAIL];
    memset(text, ' ', sizeof text);
    text[0] = '{';
    if (detail) text[detail - 1] = '}';
    struct entry en = { .workspace = STR("w"),
                        .epoch = epoch,
                        .seq = seq,
                        .kind = kind,
                        .queue = STR("q"),
                        .agent = STR("ann"),
                        .cause = STR("away"),
                        .detail = { text, detail } };
    streams_heard(f.router, 0, &en);
}

static void hear_next(enum entry_kind kind, size_t detail) { hear(kind, EPOCH, ++f.seq, detail); }

static void hear_large(unsigned n, struct client *reads)
{
    while (n--) {
        hear_next(ENTRY_QUEUE, DETAIL);
        streams_pump(f.router);
        bench_turn(&f.bench, reads);
    }
}

static uint64_t later(uint64_t ms) { return router_now(f.router) + ms; }

/* Has it come to the end of the message that begins so? Looks at the last one alone. */
static bool has_last(const struct client *c, const char *begin)
{
    size_t n = c->in.n < 2 * DETAIL ? c->in.n : 2 * DETAIL;
    return n && memmem(c->in.p + c->in.n - n, n, begin, strlen(begin)) && !memcmp(c->in.p + c->in.n - 2, "\n\n", 2);
}

/* Are all messages there that it heard, one after the other, from `first` to the last one? */
static void assert_hears_all_from(struct client *c, uint64_t first)
{
    char last[64], text[64];
    snprintf(last, sizeof last, "\nid: %u.%llu\n", EPOCH, (unsigned long long)f.seq);
    wait_for(&f.bench, c, has_last(c, last));
    const char *p = c->in.p, *end = p + c->in.n;
    for (uint64_t seq = first; seq <= f.seq; seq++) {
        snprintf(text, sizeof text, "\nid: %u.%llu\n", EPOCH, (unsigned long long)seq);
        p = memmem(p, (size_t)(end - p), text, strlen(text));
        if (!p) fail_msg("%llu is missing", (unsigned long long)seq);
    }
    assert_int_equal(client_count(c, "\nid: "), f.seq - first + 1);
    assert_false(client_has(c, "event: gap"));
}

static void test_a_change_that_comes_twice_is_told_once(void **state)
{
    struct client *c = listen_to();
    (void)state;
    for (uint64_t i = 0; i < 3; i++) hear_next(ENTRY_PRESENCE, 0);
    streams_pump(f.router);
    for (uint64_t seq = 1; seq <= 3; seq++) hear(ENTRY_PRESENCE, EPOCH, seq, 0);
    hear_next(ENTRY_PRESENCE, 0);
    streams_pump(f.router);
    assert_hears_all_from(c, 1);
}

static void test_while_nobody_listens_no_message_is_made(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        hear_next(ENTRY_PRESENCE, 0);
        streams_pump(f.router);
    }
    assert_int_equal(f.router->streams.text.room, 0);
    struct client *c = listen_to(); /* from now on */
    hear_next(ENTRY_PRESENCE, 0);
    streams_pump(f.router);
    assert_hears_all_from(c, 101);
}

static void test_who_has_read_slowly_catches_up_from_the_ring(void **state)
{
    struct client *slow = listen_to(), *quick = listen_to();
    (void)state;
    hear_large(250, quick); /* 15 MB: more than any socket takes, less than the ring */
    assert_hears_all_from(quick, 1);
    assert_true(slow->in.n < 1000000);
    assert_hears_all_from(slow, 1);
    hear_next(ENTRY_PRESENCE, 0); /* and keeps up again */
    streams_pump(f.router);
    assert_hears_all_from(slow, 1);
}

static void test_who_reads_too_slowly_is_closed_and_counted_and_others_hear_all(void **state)
{
    struct client *slow = listen_to(), *quick = listen_to();
    double before = metric_get(MET_STREAM_ENDED, "slow");
    (void)state;
    hear_large(700, quick); /* 42 MB */
    assert_int_equal(f.router->streams.count, 1);
    assert_int_equal(metric_get(MET_STREAM_ENDED, "slow"), before + 1);
    assert_hears_all_from(quick, 1);
    wait_for(&f.bench, slow, slow->eof);
    assert_false(client_has(slow, "event: gap")); /* it is told when it comes again */
    f.ask.after = (struct change_id){ EPOCH, 3 };
    struct client *again = listen_to();
    wait_for(&f.bench, again, client_has(again, "event: gap\ndata: {\"after\":\"1790000000.3\",\"next\":"));
}

static void test_no_more_streams_are_opened_than_may_be(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LIM_STREAMS; i++) (void)listen_to();
    assert_int_equal(f.router->streams.count, LIM_STREAMS);
    struct client *more = listen_to();
    wait_for(&f.bench, more, client_has(more, "too many streams"));
    assert_int_equal(client_status(more), 503);
    client_close(&f.clients[0]);
    f.clients[0].fd = -1;
    wait_for(&f.bench, NULL, f.router->streams.count == LIM_STREAMS - 1);
}

static void test_silence_is_broken_by_a_comment_with_a_young_id(void **state)
{
    f.ask.kinds = 1ull << ENTRY_OPENED;
    struct client *c = listen_to();
    (void)state;
    for (int i = 0; i < 5; i++) hear_next(ENTRY_PRESENCE, 0);
    streams_pump(f.router);
    streams_tick(f.router, later(14999));
    bench_turn(&f.bench, c);
    assert_false(client_has(c, "\n:\n"));
    streams_tick(f.router, later(15000));
    wait_for(&f.bench, c, client_has(c, "\n:\nid: 1790000000.5\n\n"));
}

static void test_a_name_that_is_ahead_is_waited_for_and_then_a_gap(void **state)
{
    hear_next(ENTRY_PRESENCE, 0);
    f.ask.after = (struct change_id){ EPOCH, 2 };
    struct client *soon = listen_to();
    f.ask.after = (struct change_id){ EPOCH, 900 };
    struct client *never = listen_to();
    (void)state;
    hear_next(ENTRY_PRESENCE, 0);
    hear_next(ENTRY_PRESENCE, 0);
    streams_pump(f.router);
    assert_hears_all_from(soon, 3);
    streams_tick(f.router, later(9999));
    bench_turn(&f.bench, never);
    assert_false(client_has(never, "gap"));
    streams_tick(f.router, later(10000));
    wait_for(&f.bench, never, client_has(never, "event: gap\ndata: {\"after\":\"1790000000.900\"}\n\n"));
    hear_next(ENTRY_PRESENCE, 0);
    streams_pump(f.router);
    wait_for(&f.bench, never, client_has(never, "id: 1790000000.4\n"));
    assert_false(client_has(soon, "gap"));
}

static void test_a_log_that_is_set_back_is_told_as_a_gap_to_who_listens(void **state)
{
    struct client *c = listen_to();
    (void)state;
    for (int i = 0; i < 5; i++) hear_next(ENTRY_PRESENCE, 0);
    hear(ENTRY_PRESENCE, EPOCH + 9, 3, 0);
    streams_pump(f.router);
    wait_for(&f.bench, c, client_has(c, "data: {\"after\":\"1790000000.5\",\"next\":\"1790000009.3\"}\n\nid: 1790000009.3\n"));
}

static void test_a_stream_ends_with_its_token(void **state)
{
    uint32_t removed;
    struct client *c = listen_to();
    unsigned char hash[32];
    char hex[65], header[80];
    (void)state;
    streams_tick(f.router, later(0));
    assert_int_equal(f.router->streams.count, 1);
    snprintf(header, sizeof header, "Bearer %s", f.bearer);
    assert_true(token_hash(str_of(header), hash));
    for (int i = 0; i < 32; i++) snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    assert_int_equal(token_revoke(f.tokens, str_of(hex), &removed), ERR_OK);
    assert_int_equal(removed, 1);
    tokens_refresh(f.router->tokens);
    streams_tick(f.router, later(0));
    assert_int_equal(f.router->streams.count, 0);
    wait_for(&f.bench, c, c->eof);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_a_change_that_comes_twice_is_told_once),
        T(test_while_nobody_listens_no_message_is_made),
        T(test_who_has_read_slowly_catches_up_from_the_ring),
        T(test_who_reads_too_slowly_is_closed_and_counted_and_others_hear_all),
        T(test_no_more_streams_are_opened_than_may_be),
        T(test_silence_is_broken_by_a_comment_with_a_young_id),
        T(test_a_name_that_is_ahead_is_waited_for_and_then_a_gap),
        T(test_a_log_that_is_set_back_is_told_as_a_gap_to_who_listens),
        T(test_a_stream_ends_with_its_token),
    };
    log_init("test");
    log_max = LOG_ERROR;
    metrics_init("test");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
