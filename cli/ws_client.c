/* Frames are read where they lie: in the hub's input, or in `part` when the beginning of a frame had come before. A frame that is a
   message of its own, as all of the server's are, is handed on without a copy; only fragments are joined in `message`. What is left
   over of a read is kept in `part`, so `part` is empty for as long as frames come whole.

   Frames are written straight into the client's buffer, masked on the way, so that neither direction allocates for a message.

   The server's bytes are judged here and never trusted: a masked frame, a reserved bit, an unknown opcode, a broken fragment order,
   bad UTF-8 or a message beyond MESSAGE_MAX is ERR_PROTO, and the connection is dropped and made again. Nothing is dropped or
   freed while frames are walked: ws_client_leave only notes what on_bytes does when the walk is over. */
#include "cli/ws_client.h"

#include "base/limits.h"
#include "base/openssl.h"

#include <stdlib.h>

#define OUT_MAX     ((size_t)1 << 22)
#define HEAD_MAX    14u /* of a frame: flags, length, mask */
#define MESSAGE_MAX ((size_t)LIM_ZMQ_MESSAGE)
#define SMALL_MAX   125u
#define CLOSE_PLAIN 1000u

enum { OP_MORE = 0, OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10, BIT_FIN = 0x80, BIT_MASK = 0x80 };

struct frame {
    unsigned opcode;
    bool fin;
    struct str payload;
    size_t whole; /* bytes with its head; 0: not all of it is here */
};

/* ---- out ---- */

static size_t write_length(unsigned char *to, size_t n)
{
    size_t bytes = n <= SMALL_MAX ? 0 : n <= UINT16_MAX ? 2 : 8;

    to[0] = (unsigned char)(BIT_MASK | (bytes == 0 ? n : bytes == 2 ? 126 : 127));
    for (size_t i = 0; i < bytes; i++) to[1 + i] = (unsigned char)(n >> 8 * (bytes - 1 - i));
    return 1 + bytes;
}

static void mask_copy(char *to, struct str s, uint32_t mask)
{
    const uint64_t twice = (uint64_t)mask << 32 | mask;
    size_t i = 0;

    for (uint64_t eight; i + 8 <= s.n; i += 8) {
        memcpy(&eight, s.p + i, 8);
        eight ^= twice;
        memcpy(to + i, &eight, 8);
    }
    for (size_t at = i; at < s.n; at++) to[at] = (char)(s.p[at] ^ ((const char *)&twice)[at - i]);
}

static void write_frame(struct ws_client *w, unsigned opcode, struct str payload)
{
    struct buf *out = client_out(&w->net);
    uint32_t mask = (uint32_t)rng_u64(&w->net.hub->rng);
    char *to = buf_reserve(out, HEAD_MAX + payload.n);

    if (!to) return; /* a full buffer is noticed at the end of the turn */
    to[0] = (char)(BIT_FIN | opcode);
    size_t head = 1 + write_length((unsigned char *)to + 1, payload.n);
    memcpy(to + head, &mask, sizeof mask);
    head += sizeof mask;
    mask_copy(to + head, payload, mask);
    buf_grow(out, head + payload.n);
}

void ws_client_say(struct ws_client *w, struct str text)
{
    if (w->state == WS_CLIENT_OPEN && !w->leave_ms) write_frame(w, OP_TEXT, text);
}

/* ---- in ---- */

static enum err read_frame(struct str in, struct frame *f)
{
    const unsigned char *p = (const unsigned char *)in.p;
    size_t head = 2;

    *f = (struct frame){ 0 };
    if (in.n < head) return ERR_OK;
    size_t bytes = p[1] < 126 ? 0 : p[1] == 126 ? 2 : 8;
    uint64_t n = bytes ? 0 : p[1];
    f->opcode = p[0] & 0x0F;
    f->fin = p[0] & BIT_FIN;
    if ((p[0] & 0x70) || (p[1] & BIT_MASK)) return ERR_PROTO; /* reserved bits; a server does not mask */
    if (f->opcode >= OP_CLOSE && (!f->fin || bytes)) return ERR_PROTO;
    if (in.n < head + bytes) return ERR_OK;
    for (size_t i = 0; i < bytes; i++) n = n << 8 | p[head + i];
    if (n > MESSAGE_MAX) return ERR_PROTO;
    head += bytes;
    if (in.n - head < n) return ERR_OK;
    f->payload = (struct str){ in.p + head, n };
    f->whole = head + n;
    return ERR_OK;
}

static enum err take_message(struct ws_client *w, unsigned opcode, struct str text)
{
    if (opcode != OP_TEXT) return ERR_OK;
    if (!str_utf8(text, NULL)) return ERR_PROTO;
    w->cfg->on_text(w->ctx, text);
    return ERR_OK;
}

static enum err take_data(struct ws_client *w, const struct frame *f)
{
    bool first = f->opcode != OP_MORE;

    if (f->opcode > OP_BINARY || first == (w->fragmented != 0)) return ERR_PROTO;
    if (first && f->fin) return take_message(w, f->opcode, f->payload);
    if (first) w->fragmented = f->opcode;
    buf_addstr(&w->message, f->payload);
    if (w->message.err) return ERR_PROTO;
    if (!f->fin) return ERR_OK;
    enum err e = take_message(w, w->fragmented, buf_str(&w->message));
    buf_clear(&w->message);
    w->fragmented = 0;
    return e;
}

/* ERR_CLOSED: the server said goodbye, and so did we. */
static enum err take_frame(struct ws_client *w, const struct frame *f)
{
    switch (f->opcode) {
    case OP_PING: write_frame(w, OP_PONG, f->payload); return ERR_OK;
    case OP_PONG: return ERR_OK;
    case OP_CLOSE: write_frame(w, OP_CLOSE, (struct str){ f->payload.p, f->payload.n < 2 ? 0 : 2 }); return ERR_CLOSED;
    default: return take_data(w, f);
    }
}

/* Walks the whole frames at the beginning of `in`; `*used` is what they took. */
static enum err walk(struct ws_client *w, struct str in, size_t *used)
{
    struct frame f;
    enum err e = ERR_OK;

    for (*used = 0; !w->leave_ms; *used += f.whole) {
        e = read_frame((struct str){ in.p + *used, in.n - *used }, &f);
        if (e || f.whole == 0) return e;
        if ((e = take_frame(w, &f))) return e;
    }
    return e;
}

static enum err feed(struct ws_client *w, struct str in)
{
    bool begun = w->part.n > 0;
    size_t used;

    if (begun) {
        buf_addstr(&w->part, in);
        in = buf_str(&w->part);
        if (w->part.err) return w->part.err;
    }
    enum err e = walk(w, in, &used);
    if (e || w->leave_ms) return e;
    if (begun) buf_shift(&w->part, used);
    else if (used < in.n) buf_add(&w->part, in.p + used, in.n - used);
    return w->part.err;
}

/* ---- the handshake ---- */

/* Sec-WebSocket-Accept for our key (RFC 6455, 4.2.2). */
static void expect_accept(const char key[24], char out[32])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char both[24 + sizeof guid];
    unsigned char sum[SHA_DIGEST_LENGTH];

    memcpy(both, key, 24);
    memcpy(both + 24, guid, sizeof guid);
    SHA1((unsigned char *)both, 24 + sizeof guid - 1, sum);
    EVP_EncodeBlock((unsigned char *)out, sum, sizeof sum);
}

static bool on_head(void *ctx, const struct answer *a)
{
    struct ws_client *w = ctx;

    w->shaken = a->status == 101 && str_is(a->accept, w->accept);
    if (!w->shaken) w->cfg->on_refused(w->ctx, a);
    return true;
}

static void on_up(void *ctx)
{
    struct ws_client *w = ctx;
    const struct target *target = &w->net.hub->target;
    uint64_t bits[2] = { rng_u64(&w->net.hub->rng), rng_u64(&w->net.hub->rng) };
    char key[32];

    w->state = WS_CLIENT_SHAKING;
    w->shaken = false;
    w->leave_ms = 0;
    if (!(w->head = malloc(sizeof *w->head))) return client_drop(&w->net, 1000);
    answers_init(w->head, on_head, w);
    EVP_EncodeBlock((unsigned char *)key, (unsigned char *)bits, sizeof bits);
    expect_accept(key, w->accept);
    buf_addf(client_out(&w->net),
             "GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
             w->path, target->authority, target->token, key);
}

/* ERR_OK with `*used` < n: the handshake is done, and frames follow. */
static enum err shake(struct ws_client *w, struct str in, size_t *used)
{
    enum err e = answers_feed(w->head, in.p, in.n, used);

    if (!e && !w->shaken && w->head->parser.upgrade) e = ERR_PROTO; /* a wrong Sec-WebSocket-Accept */
    if (e || !w->shaken) return e;
    free(w->head);
    w->head = NULL;
    w->state = WS_CLIENT_OPEN;
    w->cfg->on_open(w->ctx);
    return ERR_OK;
}

/* ---- the connection's words ---- */

static void on_bytes(void *ctx, const char *p, size_t n)
{
    struct ws_client *w = ctx;
    size_t used = 0;
    enum err e = w->state == WS_CLIENT_SHAKING ? shake(w, (struct str){ p, n }, &used) : ERR_OK;

    if (!e && w->state == WS_CLIENT_OPEN && used < n) e = feed(w, (struct str){ p + used, n - used });
    if (w->leave_ms) return client_drop(&w->net, w->leave_ms);
    if (!e) return;
    client_flush(&w->net); /* the answer to a close */
    if (w->net.up) client_drop(&w->net, 0);
}

static void on_down(void *ctx)
{
    struct ws_client *w = ctx;
    bool was_open = w->state == WS_CLIENT_OPEN;

    w->state = WS_CLIENT_DOWN;
    w->fragmented = 0;
    buf_clear(&w->part);
    buf_clear(&w->message);
    free(w->head);
    w->head = NULL;
    if (was_open) w->cfg->on_down(w->ctx);
}

static const struct client_cfg net_cfg = {
    .out_cap = OUT_MAX, .back_off_min = 50, .back_off_max = 1000, .on_up = on_up, .on_bytes = on_bytes, .on_down = on_down
};

void ws_client_init(struct ws_client *w, struct client_hub *h, const struct ws_client_cfg *cfg, void *ctx, const char *path)
{
    *w = (struct ws_client){ .cfg = cfg, .ctx = ctx, .path = path };
    client_init(&w->net, h, &net_cfg, w);
    buf_init(&w->part, MESSAGE_MAX + HEAD_MAX + sizeof h->in);
    buf_init(&w->message, MESSAGE_MAX);
}

void ws_client_leave(struct ws_client *w, uint64_t ms) { w->leave_ms = ms ? ms : 1; }

void ws_client_stop(struct ws_client *w)
{
    static const char plain[2] = { (char)(CLOSE_PLAIN >> 8), (char)(CLOSE_PLAIN & 0xFF) };

    if (w->state == WS_CLIENT_OPEN) {
        write_frame(w, OP_CLOSE, (struct str){ plain, sizeof plain });
        client_flush(&w->net);
    }
    client_stop(&w->net);
}

void ws_client_fini(struct ws_client *w)
{
    client_fini(&w->net);
    buf_fini(&w->part);
    buf_fini(&w->message);
}
