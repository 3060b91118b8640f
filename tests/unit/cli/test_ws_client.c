/* A server of the test's own on the same loop: it answers the handshake as it should, then sends the frames of the case, in pieces
   of the size of the case, and keeps all that the client says. */
#include "base/openssl.h"
#include "cli/ws_client.h"
#include "tests/unit/base/unit.h"

#include <arpa/inet.h>
#include <stdlib.h>

#define DEADLINE_MS 5000u

struct world {
    uv_loop_t loop;
    uv_tcp_t listener, peer;
    uv_write_t head_write, write;
    struct timer deadline;
    struct client_hub hub;
    struct ws_client ws;
    struct str frames;
    size_t piece, at; /* how many bytes in one write; 0: all */
    bool shaken, over, late;
    unsigned opens, downs;
    const char *until; /* the test ends when this was told; NULL: with on_down */
    bool leave;
    char head[2048], heard[4096], told[65536 * 3];
    size_t head_n, heard_n, told_n;
};

static void finish(struct world *w)
{
    if (w->over) return;
    w->over = true;
    ws_client_stop(&w->ws);
    ws_client_fini(&w->ws);
    client_hub_fini(&w->hub);
    timer_fini(&w->deadline);
    uv_close((uv_handle_t *)&w->listener, NULL);
}

static void on_late(struct timer *t)
{
    struct world *w = t->ctx;
    w->late = true;
    finish(w);
}

/* ---- the server ---- */

static void on_room(uv_handle_t *h, size_t hint, uv_buf_t *into)
{
    static char room[4096];

    UNUSED(h), UNUSED(hint);
    *into = uv_buf_init(room, sizeof room);
}

static void send_more(struct world *w);

static void on_sent(uv_write_t *req, int status)
{
    struct world *w = req->data;
    if (!status && !uv_is_closing((uv_handle_t *)&w->peer)) send_more(w);
}

static void send_more(struct world *w)
{
    size_t n = w->frames.n - w->at;

    if (n == 0) return;
    if (w->piece && n > w->piece) n = w->piece;
    uv_buf_t b = uv_buf_init((char *)(uintptr_t)w->frames.p + w->at, (unsigned)n);
    w->at += n;
    w->write.data = w;
    assert_int_equal(uv_write(&w->write, (uv_stream_t *)&w->peer, &b, 1, on_sent), 0);
}

static void answer(struct world *w)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    static char out[256];
    char both[128], accept[64];
    unsigned char sum[SHA_DIGEST_LENGTH];
    const char *key = strstr(w->head, "Sec-WebSocket-Key: ");

    assert_non_null(key);
    snprintf(both, sizeof both, "%.24s%s", key + strlen("Sec-WebSocket-Key: "), guid);
    SHA1((unsigned char *)both, strlen(both), sum);
    EVP_EncodeBlock((unsigned char *)accept, sum, sizeof sum);
    int n = snprintf(
        out, sizeof out,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
        accept);
    uv_buf_t b = uv_buf_init(out, (unsigned)n);
    w->head_write.data = w;
    assert_int_equal(uv_write(&w->head_write, (uv_stream_t *)&w->peer, &b, 1, on_sent), 0);
}

static void on_read(uv_stream_t *h, ssize_t n, const uv_buf_t *b)
{
    struct world *w = h->data;
    bool whole = strstr(w->head, "\r\n\r\n") != NULL;

    if (n < 0) uv_close((uv_handle_t *)h, NULL); /* having heard all */
    if (n <= 0) return;
    char *to = whole ? w->heard + w->heard_n : w->head + w->head_n;
    memcpy(to, b->base, (size_t)n);
    *(whole ? &w->heard_n : &w->head_n) += (size_t)n;
    if (!whole && strstr(w->head, "\r\n\r\n")) answer(w);
}

static void on_peer(uv_stream_t *h, int status)
{
    struct world *w = h->data;

    assert_int_equal(status, 0);
    if (w->shaken) return; /* once is enough */
    w->shaken = true;
    uv_tcp_init(&w->loop, &w->peer);
    w->peer.data = w;
    uv_accept(h, (uv_stream_t *)&w->peer);
    uv_tcp_nodelay(&w->peer, 1);
    uv_read_start((uv_stream_t *)&w->peer, on_room, on_read);
}

/* ---- the client ---- */

static void on_open(void *ctx) { ((struct world *)ctx)->opens++; }
static void on_refused(void *ctx, const struct answer *a) { UNUSED(ctx), UNUSED(a); }

static void on_text(void *ctx, struct str text)
{
    struct world *w = ctx;

    assert_true(w->told_n + text.n + 1 < sizeof w->told);
    memcpy(w->told + w->told_n, text.p, text.n);
    w->told_n += text.n;
    w->told[w->told_n++] = '|';
    if (w->leave) ws_client_leave(&w->ws, 60000);
    if (w->until && str_is(text, w->until)) timer_once(&w->deadline, 0);
}

static void on_down(void *ctx)
{
    struct world *w = ctx;
    w->downs++;
    if (!w->over) timer_once(&w->deadline, 0);
}

static const struct ws_client_cfg cfg = { .on_open = on_open, .on_text = on_text, .on_refused = on_refused, .on_down = on_down };

static void on_end(struct timer *t) /* of a case that went as it should, or of its time */
{
    struct world *w = t->ctx;
    bool told = w->until && w->told_n > strlen(w->until) && strstr(w->told, w->until);

    if (told || w->downs) finish(w);
    else on_late(t);
}

static struct world *run(struct str frames, size_t piece, const char *until, bool leave)
{
    struct world *w = calloc(1, sizeof *w);
    struct sockaddr_in *in = (struct sockaddr_in *)&w->hub.target.addr;
    int n = sizeof w->hub.target.addr;

    w->frames = frames, w->piece = piece, w->until = until, w->leave = leave;
    uv_loop_init(&w->loop);
    uv_tcp_init(&w->loop, &w->listener);
    w->listener.data = w;
    uv_ip4_addr("127.0.0.1", 0, in);
    assert_int_equal(uv_tcp_bind(&w->listener, (struct sockaddr *)in, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&w->listener, 8, on_peer), 0);
    assert_int_equal(uv_tcp_getsockname(&w->listener, (struct sockaddr *)in, &n), 0);
    strcpy(w->hub.target.authority, "test"), strcpy(w->hub.target.token, "t");
    client_hub_init(&w->hub, &w->loop, NULL, w);
    timer_init(&w->deadline, &w->loop, on_end, w);
    timer_once(&w->deadline, DEADLINE_MS);
    ws_client_init(&w->ws, &w->hub, &cfg, w, "/v1/agents/a/stream");
    client_start(&w->ws.net, 0);
    loop_finish(&w->loop);
    assert_false(w->late);
    assert_int_equal(w->opens, 1);
    return w;
}

#define FRAMES(lit) STR(lit)

TEST(whole_messages_are_told_in_their_order)
{
    struct world *w = run(FRAMES("\x81\x01"
                                 "a"
                                 "\x81\x02"
                                 "bc"
                                 "\x81\x00"
                                 "\x81\x03"
                                 "end"),
                          0, "end", false);

    UNUSED(state);
    assert_string_equal(w->told, "a|bc||end|");
    assert_int_equal(w->downs, 1); /* by our own stop */
    free(w);
}

TEST(frames_may_come_a_byte_at_a_time)
{
    struct world *w = run(FRAMES("\x81\x02"
                                 "ab"
                                 "\x81\x7E\x00\x80"
                                 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                                 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                                 "\x81\x03"
                                 "end"),
                          1, "end", false);

    UNUSED(state);
    assert_int_equal(w->told_n, 3 + 129 + 4);
    assert_int_equal(w->ws.part.n, 0);
    free(w);
}

TEST(fragments_are_joined_around_a_ping_that_is_answered)
{
    struct world *w = run(FRAMES("\x01\x02"
                                 "fr"
                                 "\x89\x04ping"
                                 "\x00\x02"
                                 "ag"
                                 "\x80\x01"
                                 "s"
                                 "\x81\x03"
                                 "end"),
                          3, "end", false);

    UNUSED(state);
    assert_string_equal(w->told, "frags|end|");
    assert_true(w->heard_n >= 10);
    const unsigned char *p = (const unsigned char *)w->heard;
    assert_int_equal(p[0], 0x8A);
    assert_int_equal(p[1], 0x80 | 4);
    for (int i = 0; i < 4; i++) assert_int_equal(p[6 + i] ^ p[2 + i], "ping"[i]);
    free(w);
}

TEST(a_close_is_answered_with_its_code_and_ends_the_connection)
{
    struct world *w = run(FRAMES("\x81\x01"
                                 "a"
                                 "\x88\x06\x03\xE9late"),
                          0, NULL, false);

    UNUSED(state);
    assert_string_equal(w->told, "a|");
    assert_int_equal(w->downs, 1);
    assert_int_equal(w->heard_n, 8);
    const unsigned char *p = (const unsigned char *)w->heard;
    assert_int_equal(p[0], 0x88);
    assert_int_equal(p[1], 0x80 | 2);
    assert_int_equal((p[6] ^ p[2]) << 8 | (p[7] ^ p[3]), 1001);
    free(w);
}

TEST(leaving_tells_no_more_of_what_has_come)
{
    struct world *w = run(FRAMES("\x81\x01"
                                 "a"
                                 "\x81\x01"
                                 "b"),
                          0, NULL, true);

    UNUSED(state);
    assert_string_equal(w->told, "a|");
    assert_int_equal(w->downs, 1);
    free(w);
}

TEST(what_breaks_the_protocol_ends_the_connection)
{
    static const struct str wrong[] = {
        FRAMES("\x81\x81zzzza"), /* masked */
        FRAMES("\xC1\x01"        /* a reserved bit */
               "a"),
        FRAMES("\x83\x01" /* an unknown opcode */
               "a"),
        FRAMES("\x8B\x00"),         /* and one of control */
        FRAMES("\x09\x00"),         /* a ping in fragments */
        FRAMES("\x89\x7E\x00\x80"), /* a ping too long */
        FRAMES("\x80\x01"           /* goes on with nothing */
               "a"),
        FRAMES("\x01\x01" /* a second message within the first */
               "a\x81\x01"
               "b"),
        FRAMES("\x81\x02\xC3\x28"),                         /* bad UTF-8 */
        FRAMES("\x81\x7F\x00\x00\x00\x00\x00\x10\x00\x01"), /* longer than allowed */
        FRAMES("\x81\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"),
    };

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        for (size_t piece = 0; piece <= 1; piece++) {
            struct world *w = run(wrong[i], piece, NULL, false);
            assert_int_equal(w->told_n, 0);
            assert_int_equal(w->downs, 1);
            free(w);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_messages_are_told_in_their_order),
        cmocka_unit_test(frames_may_come_a_byte_at_a_time),
        cmocka_unit_test(fragments_are_joined_around_a_ping_that_is_answered),
        cmocka_unit_test(a_close_is_answered_with_its_code_and_ends_the_connection),
        cmocka_unit_test(leaving_tells_no_more_of_what_has_come),
        cmocka_unit_test(what_breaks_the_protocol_ends_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
