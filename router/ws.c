#include "base/openssl.h"
#include "router/http_impl.h"

#include <stdlib.h>
#include <strings.h>

/* A WebSocket is a connection whose bytes go to wslay instead of the HTTP parser. wslay's event API reads (it joins fragments,
   checks UTF-8, answers pings and closes); texts of ours are framed by its frame API straight into the connection's out buffer,
   without the copy and the queue that the event API would make of each.

   wslay's context takes 9 KiB, and most WebSockets say nothing most of the time: it is made when bytes come or a control frame is
   to go, and freed once all bytes that came belong to whole messages (`came` and `framed`: bytes since it was made), so that an
   idle socket holds none.

   The end: whoever begins it, a close frame is sent once (`closing`), and nothing of ours after it. When the peer's close frame
   came, or the peer broke the protocol, or 2 s after ours, ws_finish tells on_close, frees this and lets the connection write what
   it has and end. A connection that breaks goes through ws_gone instead. Either way on_close is called exactly once, from the
   loop's callbacks or the end of a turn, never inside ws_send or ws_close. */

#define PING_MS 15000u

struct ws {
    struct http_conn *c;
    struct ws_cfg cfg;
    wslay_event_context_ptr ev; /* NULL: idle */
    uint64_t came, framed;
    bool within;   /* between the fragments of a message */
    const char *p; /* input of the present feed */
    size_t n;
    uint64_t heard_ms, close_ms;
    unsigned code; /* for on_close */
    bool closing, pinged, overflow;
};

static void release(struct ws *w)
{
    if (w->ev) wslay_event_context_free(w->ev);
    w->ev = NULL;
}

static void release_if_idle(struct ws *w)
{
    if (w->ev && w->came == w->framed && !w->within && !w->closing && !wslay_event_want_write(w->ev)) release(w);
}

static void ws_free(struct ws *w)
{
    release(w);
    free(w);
}

void ws_gone(struct ws *w)
{
    w->c->ws = NULL;
    w->closing = true; /* a ws_send from inside on_close is refused */
    w->cfg.on_close(w->cfg.ctx, w, w->code);
    ws_free(w);
}

static void ws_finish(struct ws *w)
{
    struct http_conn *c = w->c;

    ws_gone(w);
    http_conn_last(c);
}

/* ---- wslay's callbacks ---- */

static ssize_t on_recv(wslay_event_context_ptr ev, uint8_t *to, size_t n, int flags, void *ctx)
{
    struct ws *w = ctx;

    (void)flags;
    if (w->n == 0) {
        wslay_event_set_error(ev, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    if (n > w->n) n = w->n;
    memcpy(to, w->p, n);
    w->p += n;
    w->n -= n;
    return (ssize_t)n;
}

static ssize_t on_send(wslay_event_context_ptr ev, const uint8_t *p, size_t n, int flags, void *ctx)
{
    struct ws *w = ctx;

    (void)ev, (void)flags;
    buf_add(http_conn_out(w->c), p, n);
    return (ssize_t)n; /* a full buffer is noticed at the end of the turn */
}

static void fail(struct ws *w, unsigned code, const char *why)
{
    ws_close(w, code, why);
    wslay_event_shutdown_read(w->ev);
}

static void on_frame(wslay_event_context_ptr ev, const struct wslay_event_on_frame_recv_start_arg *arg, void *ctx)
{
    struct ws *w = ctx;
    size_t head = 6; /* two bytes and the mask */

    (void)ev;
    if (arg->payload_length > 125) head += arg->payload_length > 65535 ? 8 : 2;
    w->framed += head + arg->payload_length; /* those of its payload that have not come are missing in `came` */
    if (!wslay_is_ctrl_frame(arg->opcode)) w->within = !arg->fin;
    if (arg->payload_length > LIM_WS_FRAME) fail(w, 1009, "frame too large");
}

static void on_message(wslay_event_context_ptr ev, const struct wslay_event_on_msg_recv_arg *arg, void *ctx)
{
    struct ws *w = ctx;

    (void)ev;
    if (w->closing) return;
    if (arg->opcode == WSLAY_BINARY_FRAME) fail(w, 1003, "text only");
    else if (arg->opcode == WSLAY_TEXT_FRAME)
        w->cfg.on_text(w->cfg.ctx, w, (struct str){ (const char *)arg->msg, arg->msg_length });
}

static const struct wslay_event_callbacks callbacks = {
    .recv_callback = on_recv, .send_callback = on_send, .on_frame_recv_start_callback = on_frame, .on_msg_recv_callback = on_message
};

/* ---- out ---- */

static ssize_t on_frame_bytes(const uint8_t *p, size_t n, int flags, void *ctx)
{
    struct http *h = ctx;

    (void)flags;
    buf_add(h->framed, p, n);
    return (ssize_t)n;
}

bool ws_framer_new(struct http *h)
{
    static const struct wslay_frame_callbacks frame_callbacks = { .send_callback = on_frame_bytes };

    return wslay_frame_context_init(&h->framer, &frame_callbacks, h) == 0;
}

static void write_text(struct http_conn *c, struct str text)
{
    struct wslay_frame_iocb f = {
        .fin = 1, .opcode = WSLAY_TEXT_FRAME, .payload_length = text.n, .data = (const uint8_t *)text.p, .data_length = text.n
    };

    c->srv->framed = http_conn_out(c);
    wslay_frame_send(c->srv->framer, &f); /* its callback takes all, so one call writes the frame */
    http_conn_touch(c);
}

enum err ws_send(struct ws *w, struct str text)
{
    if (w->closing) return ERR_CLOSED;
    if (http_conn_unsent(w->c) + text.n + 16 > LIM_OUT_CAP) {
        http_refused("slow_reader");
        ws_close(w, 1013, "reads too slowly");
        w->overflow = true;
        return ERR_FULL;
    }
    write_text(w->c, text);
    return ERR_OK;
}

static bool wake(struct ws *w)
{
    if (w->ev) return true;
    if (wslay_event_context_server_init(&w->ev, &callbacks, w)) return w->ev = NULL, false;
    wslay_event_config_set_max_recv_msg_length(w->ev, w->cfg.message_max ? w->cfg.message_max : LIM_WS_MESSAGE);
    w->came = w->framed = 0;
    return true;
}

void ws_close(struct ws *w, unsigned code, const char *reason)
{
    struct str why = str_of(reason);

    if (w->closing) return;
    if (why.n > 120) why.n = 120;
    w->closing = true;
    w->code = code;
    w->close_ms = uv_now(w->c->srv->loop);
    if (wake(w)) {
        wslay_event_queue_close(w->ev, (uint16_t)code, (const uint8_t *)why.p, why.n);
        wslay_event_send(w->ev);
    } /* without memory the peer gets no close frame, and its connection ends all the same */
    http_sweep_within(w->c->srv, HTTP_LINGER_MS);
    http_conn_touch(w->c);
}

/* ---- in ---- */

void ws_feed(struct ws *w, const char *p, size_t n)
{
    w->p = p;
    w->n = n;
    w->heard_ms = uv_now(w->c->srv->loop);
    w->pinged = false;
    if (!wake(w)) {
        http_refused("memory");
        http_conn_close(w->c);
        return;
    }
    w->came += n;
    int broken = wslay_event_recv(w->ev);
    if (broken && !w->closing) { /* what cannot be a frame ends in a close of wslay's that says no reason: ours goes in its place */
        http_refused("ws_protocol");
        release(w);
        ws_close(w, 1002, "not a frame");
        ws_finish(w);
        return;
    }
    wslay_event_send(w->ev);
    http_conn_touch(w->c);
    if (!broken && wslay_event_get_read_enabled(w->ev)) {
        release_if_idle(w);
        return;
    }
    if (!w->closing) {
        bool theirs = wslay_event_get_close_received(w->ev);
        if (theirs) w->code = wslay_event_get_status_code_received(w->ev);
        else w->code = wslay_event_get_status_code_sent(w->ev);
        if (!theirs) http_refused("ws_protocol");
    }
    ws_finish(w);
}

void ws_turn(struct ws *w)
{
    if (w->overflow) ws_finish(w); /* the peer does not read: its close frame is not waited for */
}

void ws_sweep(struct ws *w, uint64_t now_ms)
{
    uint64_t silent = now_ms - w->heard_ms;

    if (w->closing) {
        if (now_ms - w->close_ms >= HTTP_LINGER_MS) ws_finish(w);
    } else if (silent >= 2 * (uint64_t)w->cfg.ping_ms) {
        http_refused("ws_silent");
        http_conn_close(w->c);
    } else if (silent >= w->cfg.ping_ms && !w->pinged) {
        if (!wake(w)) return; /* asked again with the next sweep */
        w->pinged = true;
        wslay_event_queue_msg(w->ev, &(struct wslay_event_msg){ .opcode = WSLAY_PING });
        wslay_event_send(w->ev);
        release_if_idle(w);
        http_conn_touch(w->c);
    }
}

void *ws_ctx(const struct ws *w) { return w->cfg.ctx; }
void ws_set_ctx(struct ws *w, void *ctx) { w->cfg.ctx = ctx; }

/* ---- the handshake ---- */

/* Sec-WebSocket-Accept of RFC 6455, 4.2.2. */
static void accept_key(struct str key, char out[32])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char both[24 + sizeof guid];
    unsigned char sum[SHA_DIGEST_LENGTH];

    memcpy(both, key.p, 24);
    memcpy(both + 24, guid, sizeof guid);
    SHA1((unsigned char *)both, 24 + sizeof guid - 1, sum);
    EVP_EncodeBlock((unsigned char *)out, sum, sizeof sum);
}

static bool key_ok(struct str key)
{
    unsigned char plain[24];

    return key.n == 24 && key.p[22] == '=' && key.p[23] == '=' && key.p[21] != '=' &&
           EVP_DecodeBlock(plain, (const unsigned char *)key.p, 24) == 18;
}

/* Answers what is no handshake; true when it is one. */
static bool check_handshake(struct http_req *r)
{
    if (!r->wants_ws) http_problem(r, 426, "upgrade-required", "this path speaks WebSocket");
    else if (r->method != HTTP_M_GET || r->http10) http_problem(r, 400, "bad-handshake", "a WebSocket begins with GET of HTTP/1.1");
    else if (!str_is(http_header(r, "sec-websocket-version"), "13"))
        http_problem(r, 426, "upgrade-required", "Sec-WebSocket-Version is to be 13");
    else if (!key_ok(http_header(r, "sec-websocket-key")))
        http_problem(r, 400, "bad-handshake", "Sec-WebSocket-Key is to be one base64 value of 16 bytes");
    else return true;
    return false;
}

static void write_handshake(struct http_conn *c, struct http_req *r, const char *subprotocol)
{
    char key[32];

    accept_key(http_header(r, "sec-websocket-key"), key);
    struct buf *out = http_conn_out(c);
    http_answer_status(c->srv, out, 101);
    buf_addz(out, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ");
    buf_addz(out, key);
    if (subprotocol && http_has_token(http_header(r, "sec-websocket-protocol"), subprotocol)) {
        buf_addz(out, "\r\nSec-WebSocket-Protocol: ");
        buf_addz(out, subprotocol);
    }
    buf_addz(out, "\r\n\r\n");
    http_conn_touch(c);
}

static struct ws *ws_new(struct http_conn *c, const struct ws_cfg *cfg)
{
    struct ws *w = calloc(1, sizeof *w);

    if (!w) return NULL;
    w->c = c;
    w->cfg = *cfg;
    if (!w->cfg.ping_ms) w->cfg.ping_ms = PING_MS;
    w->heard_ms = uv_now(c->srv->loop);
    w->code = 1006;
    return w;
}

enum err http_upgrade(struct http_req *r, const struct ws_cfg *cfg, const char *subprotocol, struct ws **out)
{
    struct http_conn *c = r->conn;

    *out = NULL;
    if (!c) {
        http_req_free(r);
        return ERR_CLOSED;
    }
    if (!check_handshake(r)) return ERR_PROTO;
    if (c->state != CONN_OPEN || !(*out = ws_new(c, cfg))) {
        http_problem(r, 503, "shutting-down", "no new WebSocket can be taken now");
        return ERR_UNAVAILABLE;
    }
    write_handshake(c, r, subprotocol);
    metric_add(MET_HTTP_REQUESTS, "101", 1);
    c->ws = *out;
    c->upgrading = false; /* what was put by is its input, from the end of this turn on */
    http_req_free(http_line_pop(c));
    http_sweep_within(c->srv, (*out)->cfg.ping_ms);
    return ERR_OK;
}
