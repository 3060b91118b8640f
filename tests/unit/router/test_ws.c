#include "http_bench.h"

/* The server's side of WebSockets, spoken to in raw frames. /ws becomes one; /later does when the test says so. */

static struct bench b;
static struct client c;

static void on_ws_text(void *ctx, struct ws *w, struct str text)
{
    struct bench *bench = ctx;

    bench->ws_long = text.n;
    if (text.n < 1000) {
        buf_addstr(&bench->ws_texts, text);
        buf_addc(&bench->ws_texts, '\n');
    }
    if (str_is(text, "close me")) ws_close(w, 4001, "as you like");
    if (str_is(text, "echo")) assert_int_equal(ws_send(w, STR("echo!")), ERR_OK);
}

static void on_ws_close(void *ctx, struct ws *w, unsigned code)
{
    struct bench *bench = ctx;

    assert_ptr_equal(w, bench->ws);
    assert_int_equal(ws_send(w, STR("x")), ERR_CLOSED);
    bench->ws = NULL;
    bench->ws_code = code;
    bench->ws_closes++;
}

static struct ws_cfg cfg_of(uint32_t ping_ms)
{
    return (struct ws_cfg){ .ctx = &b, .ping_ms = ping_ms, .on_text = on_ws_text, .on_close = on_ws_close };
}

static uint32_t ping_ms;

static void on_request(void *ctx, struct http_req *r)
{
    struct bench *bench = ctx;
    struct ws_cfg cfg = cfg_of(ping_ms);

    bench->seen++;
    if (str_is(http_path(r), "/later")) bench->held[bench->held_n++] = r;
    else if (str_is(http_path(r), "/plain")) http_json(r, 401, STR("{}"));
    else http_upgrade(r, &cfg, "naru.v1", &bench->ws);
}

static int open_it(void **state)
{
    (void)state;
    ping_ms = 0;
    bench_open(&b, (struct http_cfg){ 0 }, on_request);
    client_open(&c, &b);
    return 0;
}

static int close_it(void **state)
{
    (void)state;
    client_close(&c);
    bench_close(&b);
    return 0;
}

#define KEY   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define BASIC "Host: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
#define GOOD  "GET /ws HTTP/1.1\r\n" BASIC "Sec-WebSocket-Version: 13\r\n" KEY "\r\n"

static void shake_hands(void)
{
    client_say(&c, &b, GOOD);
    wait_for(&b, &c, client_has(&c, "\r\n\r\n"));
    assert_int_equal(client_status(&c), 101);
    buf_clear(&c.in);
}

/* One masked frame. */
static void add_frame(struct buf *out, unsigned first, const void *p, size_t n)
{
    static const unsigned char mask[4] = { 0x12, 0x34, 0x56, 0x78 };

    buf_addc(out, (char)first);
    if (n < 126) {
        buf_addc(out, (char)(0x80 | n));
    } else if (n < 65536) {
        buf_addc(out, (char)(0x80 | 126));
        buf_addc(out, (char)(n >> 8));
        buf_addc(out, (char)n);
    } else {
        buf_addc(out, (char)(0x80 | 127));
        for (int i = 7; i >= 0; i--) buf_addc(out, (char)((uint64_t)n >> (8 * i)));
    }
    buf_add(out, mask, 4);
    for (size_t i = 0; i < n; i++) buf_addc(out, (char)(((const unsigned char *)p)[i] ^ mask[i % 4]));
}

static void send_frame(unsigned first, const void *p, size_t n)
{
    struct buf out;

    buf_init(&out, 1u << 22);
    add_frame(&out, first, p, n);
    client_send(&c, &b, out.p, out.n);
    buf_fini(&out);
}

static void send_filled(unsigned first, size_t n)
{
    char *p = malloc(n);

    memset(p, 'a', n);
    send_frame(first, p, n);
    free(p);
}

/* Has the server's close frame with this code come? It is the last frame of ours in the tests that ask. */
static bool closed_with(unsigned code)
{
    for (size_t i = 0; i + 4 <= c.in.n; i++) {
        const unsigned char *p = (const unsigned char *)c.in.p + i;
        if (p[0] == 0x88 && p[1] >= 2 && (unsigned)(p[2] << 8 | p[3]) == code) return true;
    }
    return false;
}

static void expect_close(unsigned code)
{
    wait_for(&b, &c, closed_with(code));
    wait_for(&b, &c, b.ws_closes == 1);
    assert_int_equal(b.ws_code, code);
    wait_for(&b, &c, c.eof);
}

/* ---- the handshake ---- */

static void the_handshake_of_the_rfc_is_answered_as_in_the_rfc(void **state)
{
    (void)state;
    client_say(&c, &b,
               "GET /ws HTTP/1.1\r\n" BASIC "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: a, naru.v1\r\n" KEY "\r\n");
    wait_for(&b, &c, client_has(&c, "\r\n\r\n"));
    assert_int_equal(client_status(&c), 101);
    assert_true(client_has(&c, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    assert_true(client_has(&c, "Sec-WebSocket-Protocol: naru.v1\r\n"));
}

static const struct {
    const char *text;
    unsigned status;
} wrong[] = {
    { "GET /ws HTTP/1.1\r\nHost: x\r\n\r\n", 426 },
    { "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" KEY "\r\n", 426 },
    { "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" KEY "\r\n", 426 },
    { "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: webso\r\nSec-WebSocket-Version: 13\r\n" KEY "\r\n", 400 },
    { "GET /ws HTTP/1.1\r\n" BASIC KEY "\r\n", 426 },
    { "GET /ws HTTP/1.1\r\n" BASIC "Sec-WebSocket-Version: 8\r\n" KEY "\r\n", 426 },
    { "GET /ws HTTP/1.1\r\n" BASIC "Sec-WebSocket-Version: 13\r\n\r\n", 400 },
    { "GET /ws HTTP/1.1\r\n" BASIC "Sec-WebSocket-Version: 13\r\n" KEY KEY "\r\n", 400 },
    { "GET /ws HTTP/1.1\r\n" BASIC "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2hvcnQ=\r\n\r\n", 400 },
    { "GET /ws HTTP/1.1\r\n" BASIC "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: !!hlIHNhbXBsZSBub25jZQ==\r\n\r\n", 400 },
    { "POST /ws HTTP/1.1\r\n" BASIC "Sec-WebSocket-Version: 13\r\n" KEY "\r\n", 400 },
    { "GET /ws HTTP/1.0\r\n" BASIC "Sec-WebSocket-Version: 13\r\n" KEY "\r\n", 400 },
    { "GET /plain HTTP/1.1\r\n" BASIC "Sec-WebSocket-Version: 13\r\n" KEY "\r\n\x81\x80zzzz", 401 },
};

static void each_wrong_handshake_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct client bad;
        client_open(&bad, &b);
        client_say(&bad, &b, wrong[i].text);
        wait_for(&b, &bad, client_has(&bad, "}"));
        if (client_status(&bad) != wrong[i].status) fail_msg("row %zu: %u\n%s", i, client_status(&bad), wrong[i].text);
        if (wrong[i].status == 426) assert_true(client_has(&bad, "Sec-WebSocket-Version: 13\r\n"));
        assert_null(b.ws);
        client_close(&bad);
    }
}

static void an_upgrade_behind_unanswered_requests_is_refused(void **state)
{
    (void)state;
    client_say(&c, &b, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n" GOOD);
    wait_for(&b, &c, b.held_n == 1);
    http_json(b.held[0], 200, STR("{}"));
    wait_for(&b, &c, c.eof);
    assert_true(client_has(&c, "HTTP/1.1 400"));
    assert_null(b.ws);
}

static void frames_sent_before_a_late_handshake_are_not_lost(void **state)
{
    struct ws_cfg cfg = cfg_of(0);

    (void)state;
    client_say(&c, &b, "GET /later HTTP/1.1\r\n" BASIC "Sec-WebSocket-Version: 13\r\n" KEY "\r\n");
    send_frame(0x81, "early", 5);
    wait_for(&b, &c, b.held_n == 1);
    for (int i = 0; i < 20; i++) bench_turn(&b, &c);
    assert_int_equal(http_upgrade(b.held[0], &cfg, NULL, &b.ws), ERR_OK);
    wait_for(&b, &c, b.ws_texts.n == 6);
    assert_memory_equal(b.ws_texts.p, "early\n", 6);
}

/* ---- messages ---- */

static void texts_come_whole_and_go_whole(void **state)
{
    (void)state;
    shake_hands();
    send_frame(0x81, "echo", 4);
    wait_for(&b, &c, c.in.n >= 7);
    assert_memory_equal(c.in.p,
                        "\x81\x05"
                        "echo!",
                        7);
    assert_memory_equal(b.ws_texts.p, "echo\n", 5);
}

static void frames_in_single_bytes_are_joined(void **state)
{
    struct buf out;

    (void)state;
    shake_hands();
    buf_init(&out, 1024);
    add_frame(&out, 0x81, "slow", 4);
    for (size_t i = 0; i < out.n; i++) {
        client_send(&c, &b, out.p + i, 1);
        bench_turn(&b, &c);
    }
    wait_for(&b, &c, b.ws_texts.n == 5);
    buf_fini(&out);
}

static void fragments_are_joined_around_a_ping(void **state)
{
    (void)state;
    shake_hands();
    send_frame(0x01, "one ", 4);
    send_frame(0x89, "p", 1);
    send_frame(0x00, "two ", 4);
    send_frame(0x80, "three", 5);
    wait_for(&b, &c, b.ws_texts.n == 14);
    assert_memory_equal(b.ws_texts.p, "one two three\n", 14);
    wait_for(&b, &c, c.in.n >= 3);
    assert_memory_equal(c.in.p, "\x8a\x01p", 3);
}

static void a_character_may_be_torn_between_fragments(void **state)
{
    (void)state;
    shake_hands();
    send_frame(0x01, "\xEB\x82", 2);
    send_frame(0x80, "\x98", 1);
    wait_for(&b, &c, b.ws_texts.n == 4);
    assert_memory_equal(b.ws_texts.p, "나\n", 4);
}

static void the_largest_message_is_taken_in_frames(void **state)
{
    (void)state;
    shake_hands();
    send_filled(0x01, LIM_WS_FRAME);
    for (unsigned i = 2; i < LIM_WS_MESSAGE / LIM_WS_FRAME; i++) send_filled(0x00, LIM_WS_FRAME);
    send_filled(0x80, LIM_WS_FRAME);
    wait_for(&b, &c, b.ws_long == LIM_WS_MESSAGE);
}

static void long_texts_of_ours_arrive_whole(void **state)
{
    static char text[200000];

    (void)state;
    shake_hands();
    memset(text, 'x', sizeof text);
    assert_int_equal(ws_send(b.ws, (struct str){ text, sizeof text }), ERR_OK);
    wait_for(&b, &c, c.in.n >= sizeof text + 10);
    assert_int_equal((unsigned char)c.in.p[1], 127);
    assert_memory_equal(c.in.p + 10, text, sizeof text);
}

/* ---- refusals ---- */

static void an_oversize_message_is_1009(void **state)
{
    (void)state;
    shake_hands();
    send_filled(0x01, LIM_WS_FRAME);
    for (unsigned i = 0; i < LIM_WS_MESSAGE / LIM_WS_FRAME; i++) send_filled(0x00, LIM_WS_FRAME);
    expect_close(1009);
    assert_int_equal(b.ws_long, 0);
}

static void an_oversize_frame_is_1009(void **state)
{
    (void)state;
    shake_hands();
    send_filled(0x81, LIM_WS_FRAME + 1);
    expect_close(1009);
}

static void bad_utf8_is_1007(void **state)
{
    (void)state;
    shake_hands();
    send_frame(0x81, "a\xC0\xAF", 3);
    expect_close(1007);
    assert_int_equal(b.ws_texts.n, 0);
}

static void binary_is_1003(void **state)
{
    (void)state;
    shake_hands();
    send_frame(0x82, "bytes", 5);
    expect_close(1003);
}

static const struct {
    const char *head;
    size_t n;
    unsigned code;
} impossible[] = {
    /* the first bytes of frames whose length cannot be */
    { "\x81\xFF\x80\0\0\0\0\0\0\x05mask", 14, 1002 }, /* 64 bits, the highest set (RFC 6455, 5.2) */
    { "\x81\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFmask", 14, 1002 },
    { "\x81\xFF\0\0\0\0\0\0\0\x05mask", 14, 1002 }, /* not the shortest way to say 5 */
    { "\x81\xFE\0\x05mask", 8, 1002 },
    { "\x81\xFF\0\0\0\0\0\0\xFF\xFFmask", 14, 1002 },
    { "\x89\xFE\0\x7Emask", 8, 1002 },             /* a ping of 126 bytes */
    { "\x81\xFF\0\0\1\0\0\0\0\0maskx", 15, 1009 }, /* a length that can be, if far beyond the cap; one byte of it */
    { "\x81\xFF\0\0\0\0\0\4\0\1maskx", 15, 1009 },
};

static void an_impossible_length_is_told_by_the_code_of_the_close(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof impossible / sizeof *impossible; i++) {
        if (i) client_open(&c, &b);
        b.ws_closes = b.ws_code = 0;
        shake_hands();
        client_send(&c, &b, impossible[i].head, impossible[i].n);
        wait_for(&b, &c, c.eof && b.ws_closes);
        if (b.ws_code != impossible[i].code || !closed_with(impossible[i].code))
            fail_msg("row %zu: %u, %zu bytes came", i, b.ws_code, c.in.n);
        if (i + 1 < sizeof impossible / sizeof *impossible) client_close(&c);
    }
}

static void an_unmasked_frame_is_1002(void **state)
{
    (void)state;
    shake_hands();
    client_send(&c, &b, "\x81\x02hi", 4);
    expect_close(1002);
    assert_int_equal(b.ws_texts.n, 0);
}

static void reserved_bits_and_opcodes_are_1002(void **state)
{
    static const unsigned firsts[] = { 0xC1, 0x83, 0x8B, 0x80 /* a continuation of nothing */ };

    (void)state;
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
        b.ws_closes = 0;
        shake_hands();
        send_frame(firsts[i], "a", 1);
        expect_close(1002);
        client_close(&c);
        client_open(&c, &b);
    }
}

static void a_ping_in_pieces_is_1002(void **state)
{
    (void)state;
    shake_hands();
    send_frame(0x09, "a", 1);
    wait_for(&b, &c, b.ws_closes == 1 && c.eof);
    assert_int_equal(b.ws_code, 1002);
}

/* ---- the end ---- */

static void the_clients_close_is_answered_and_told(void **state)
{
    (void)state;
    shake_hands();
    send_frame(0x88,
               "\x03\xE8"
               "bye",
               5);
    expect_close(1000);
}

static void a_close_without_a_code_is_1005(void **state)
{
    (void)state;
    shake_hands();
    send_frame(0x88, "", 0);
    wait_for(&b, &c, b.ws_closes == 1 && c.eof);
    assert_int_equal(b.ws_code, 1005);
}

static void our_close_waits_for_the_clients(void **state)
{
    (void)state;
    shake_hands();
    send_frame(0x81, "close me", 8);
    wait_for(&b, &c, closed_with(4001));
    assert_int_equal(b.ws_closes, 0);
    send_frame(0x81, "too late", 8);
    send_frame(0x88, "\x0F\xA1", 2);
    wait_for(&b, &c, b.ws_closes == 1 && c.eof);
    assert_int_equal(b.ws_code, 4001);
    assert_memory_equal(b.ws_texts.p, "close me\n", b.ws_texts.n);
}

static void our_close_does_not_wait_for_ever(void **state)
{
    (void)state;
    shake_hands();
    send_frame(0x81, "close me", 8);
    wait_for(&b, &c, b.ws_closes == 1);
    assert_int_equal(b.ws_code, 4001);
}

static void a_broken_connection_is_1006(void **state)
{
    struct linger reset = { .l_onoff = 1 };

    (void)state;
    shake_hands();
    setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(c.fd);
    c.fd = -1;
    wait_for(&b, NULL, b.ws_closes == 1);
    assert_int_equal(b.ws_code, 1006);
}

/* A read that fills its buffer is followed by another in the same turn: there the connection ends while it still waits to be
   written to at the turn's end. */
static void an_end_right_behind_a_full_read_is_harmless(void **state)
{
    struct buf out;

    (void)state;
    shake_hands();
    buf_init(&out, 1u << 20);
    while (out.n < 65536 - 200) add_frame(&out, 0x81, "echo", 4);
    char rest[200] = { 0 };
    add_frame(&out, 0x81, rest, (size_t)65536 - out.n - (65536 - out.n - 6 < 126 ? 6 : 8));
    assert_int_equal(out.n, 65536);
    assert_int_equal(send(c.fd, out.p, out.n, MSG_DONTWAIT), out.n);
    shutdown(c.fd, SHUT_WR);
    buf_fini(&out);
    wait_for(&b, &c, b.ws_closes == 1);
    wait_for(&b, &c, c.eof);
}

static void a_silent_client_is_pinged_then_dropped(void **state)
{
    (void)state;
    ping_ms = 200;
    shake_hands();
    wait_for(&b, &c, c.in.n >= 2);
    assert_memory_equal(c.in.p, "\x89\x00", 2);
    wait_for(&b, &c, b.ws_closes == 1 && c.eof);
    assert_int_equal(b.ws_code, 1006);
}

static void a_pong_keeps_it_open(void **state)
{
    (void)state;
    ping_ms = 200;
    shake_hands();
    for (int i = 0; i < 6; i++) {
        wait_for(&b, &c, c.in.n >= 2);
        assert_memory_equal(c.in.p, "\x89\x00", 2);
        buf_clear(&c.in);
        send_frame(0x8A, "", 0);
    }
    assert_int_equal(b.ws_closes, 0);
}

static void a_slow_reader_is_closed_with_1013(void **state)
{
    static char text[100000];
    enum err e = ERR_OK;
    unsigned sent = 0;

    (void)state;
    shake_hands();
    memset(text, 'x', sizeof text);
    while (!e && sent < 2000) {
        e = ws_send(b.ws, (struct str){ text, sizeof text });
        sent++;
        uv_run(&b.loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(e, ERR_FULL);
    wait_for(&b, NULL, b.ws_closes == 1);
    assert_int_equal(b.ws_code, 1013);
    wait_for(&b, &c, c.eof); /* reading now, it finds all of it, then why */
    assert_true(closed_with(1013));
}

static void draining_closes_with_1001(void **state)
{
    (void)state;
    shake_hands();
    http_drain(b.h, 4000, on_bench_drained, &b);
    wait_for(&b, &c, closed_with(1001));
    send_frame(0x88, "\x03\xE9", 2);
    wait_for(&b, &c, b.ws_closes == 1 && c.eof);
    assert_int_equal(b.ws_code, 1001);
    client_close(&c);
    wait_for(&b, NULL, b.drained);
    loop_finish(&b.loop);
    buf_fini(&b.ws_texts);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_it, close_it)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_handshake_of_the_rfc_is_answered_as_in_the_rfc),
        TEST(each_wrong_handshake_is_refused),
        TEST(an_upgrade_behind_unanswered_requests_is_refused),
        TEST(frames_sent_before_a_late_handshake_are_not_lost),
        TEST(texts_come_whole_and_go_whole),
        TEST(frames_in_single_bytes_are_joined),
        TEST(fragments_are_joined_around_a_ping),
        TEST(a_character_may_be_torn_between_fragments),
        TEST(the_largest_message_is_taken_in_frames),
        TEST(long_texts_of_ours_arrive_whole),
        TEST(an_oversize_message_is_1009),
        TEST(an_oversize_frame_is_1009),
        TEST(bad_utf8_is_1007),
        TEST(binary_is_1003),
        TEST(an_impossible_length_is_told_by_the_code_of_the_close),
        TEST(an_unmasked_frame_is_1002),
        TEST(reserved_bits_and_opcodes_are_1002),
        TEST(a_ping_in_pieces_is_1002),
        TEST(the_clients_close_is_answered_and_told),
        TEST(a_close_without_a_code_is_1005),
        TEST(our_close_waits_for_the_clients),
        TEST(our_close_does_not_wait_for_ever),
        TEST(a_broken_connection_is_1006),
        TEST(an_end_right_behind_a_full_read_is_harmless),
        TEST(a_silent_client_is_pinged_then_dropped),
        TEST(a_pong_keeps_it_open),
        TEST(a_slow_reader_is_closed_with_1013),
        cmocka_unit_test_setup(draining_closes_with_1001, open_it),
    };

    metrics_init("test");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
