#include "base/clock.h"
#include "base/log.h"
#include "base/panic.h"
#include "router/http_impl.h"

#include <stdlib.h>

/* One connection. Where its bytes are:

     read buffer (the server's, shared) -> requests, or -> part (what no whole request could be made of, or what must wait)
     answers -> out -> uv_try_write at the end of the turn -> what did not fit: writing, in one uv_write

   Always true:
   - at most one uv_write is under way, and only then is `writing` not empty;
   - while `held`, nothing is read and `part` may hold whole requests; otherwise `part` is an unfinished head at most;
   - requests in the line first..last point here; when the connection closes they are cut loose (conn = NULL) and freed by their
     handlers' answers, except those already answered, which are freed at once;
   - a connection is closed only from the loop's callbacks, the sweep and the end of a turn, never inside http_answer or ws_send,
     so that callers of those need not fear that what they hold is gone;
   - memory goes in the close callback, or at the end of the turn when the dirty list still knows the connection. */

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b);

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *b)
{
    struct http_conn *c = handle->data;

    (void)suggested;
    *b = uv_buf_init(c->srv->in + HTTP_HEADROOM, HTTP_READ);
}

/* ---- reading ---- */

/* May another request be taken up? Two watermarks: once held, the connection waits until half is gone. */
static bool may_take(struct http_conn *c)
{
    uint32_t most = c->held ? LIM_HTTP_PIPELINE / 2 : LIM_HTTP_PIPELINE;
    size_t unsent = c->held ? LIM_OUT_HIGH / 2 : LIM_OUT_HIGH;

    if (c->state != CONN_OPEN) return false;
    c->held = c->upgrading || c->queued >= most || http_conn_unsent(c) >= unsent;
    return !c->held;
}

/* Read all the same, so that the client's end is seen. */
static bool drops_input(const struct http_conn *c) { return c->state == CONN_LINGER || c->state == CONN_STREAM; }

static void update_reading(struct http_conn *c)
{
    bool want = !c->eof && (drops_input(c) || (c->state == CONN_OPEN && may_take(c)));

    if (c->state == CONN_CLOSED || want == c->reading) return;
    c->reading = want;
    if (!want) uv_read_stop((uv_stream_t *)&c->tcp);
    else if (uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read)) http_conn_close(c);
}

static const struct http_refusal upgrade_in_line = { PROBLEM_BAD_REQUEST, "upgrade",
                                                     "an upgrade may not follow unanswered requests" };

static void admit(struct http_conn *c, struct http_req *r)
{
    if (r->upgrade && c->first) {
        r->keep_alive = r->upgrade = r->wants_ws = false;
        http_answer_refusal(c, r, &upgrade_in_line);
        return;
    }
    http_line_push(c, r);
    c->upgrading = r->upgrade; /* what follows is no HTTP, whatever the answer will be */
    if (!r->keep_alive || c->srv->draining) c->state = CONN_LAST;
    c->srv->cfg.on_request(c->srv->cfg.ctx, r);
}

/* Makes requests of p[0..n); returns how many bytes are used. */
static size_t eat(struct http_conn *c, const char *p, size_t n)
{
    size_t at = 0, used;
    struct http_req *r;
    enum http_in_step e = HTTP_IN_REQUEST;

    while (at < n && e != HTTP_IN_MORE && may_take(c)) {
        if (c->ws) {
            ws_feed(c->ws, p + at, n - at);
            return n;
        }
        e = http_in_step(&c->in, p + at, n - at, c->read_us, &used, &r);
        at += used;
        if (e == HTTP_IN_REQUEST) admit(c, r);
        if (e == HTTP_IN_REFUSED) http_answer_refusal(c, r, &c->in.refusal);
        if (e != HTTP_IN_MORE) c->since_ms = uv_now(c->srv->loop);
    }
    if (c->phase != c->in.phase || c->ws) {
        c->phase = c->in.phase;
        c->since_ms = uv_now(c->srv->loop);
    }
    if (http_in_expects(&c->in)) http_conn_touch(c);
    return c->state == CONN_OPEN ? at : n;
}

/* Keeps what was not used. The cap holds an unfinished head and one whole read. */
static void keep_rest(struct http_conn *c, const char *p, size_t n)
{
    if (n) buf_add(&c->part, p, n);
    else if (c->part.room > 4096) buf_fini(&c->part);
    if (c->part.err) http_conn_close(c);
}

static void take_input(struct http_conn *c, char *p, size_t n)
{
    if (c->part.n && c->part.n <= HTTP_HEADROOM) {
        p -= c->part.n;
        memcpy(p, c->part.p, c->part.n);
        n += c->part.n;
        buf_clear(&c->part);
    } else if (c->part.n) {
        buf_add(&c->part, p, n);
        p = c->part.p;
        n = c->part.n;
    }
    size_t used = eat(c, p, n);
    if (c->state == CONN_CLOSED) return;
    if (c->part.n) buf_shift(&c->part, used);
    else keep_rest(c, p + used, n - used);
}

static void eat_part(struct http_conn *c)
{
    size_t used = eat(c, c->part.p, c->part.n);

    if (c->state != CONN_CLOSED) buf_shift(&c->part, used);
}

static void on_end(struct http_conn *c)
{
    c->eof = true;
    if (c->ws || drops_input(c)) http_conn_close(c);
    else http_conn_last(c); /* a client may shut its side and still wait for its answers */
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    struct http_conn *c = s->data;

    if (n == 0) return;
    if (n == UV_EOF) {
        on_end(c);
        if (c->state != CONN_CLOSED) update_reading(c);
        return;
    }
    if (n < 0) {
        http_conn_close(c);
        return;
    }
    if (drops_input(c)) return;
    c->read_us = clock_mono_us();
    take_input(c, b->base, (size_t)n);
    update_reading(c);
}

/* ---- writing ---- */

void http_conn_touch(struct http_conn *c)
{
    if (c->dirty) return;
    c->dirty = true;
    c->next_dirty = c->srv->dirty;
    c->srv->dirty = c;
    if (!c->next_dirty) http_wake(c->srv);
}

struct buf *http_conn_out(struct http_conn *c)
{
    if (c->out.room == 0) c->out = http_out_take(c->srv);
    return &c->out;
}

static void on_written(uv_write_t *w, int status)
{
    struct http_conn *c = w->data;

    c->writing_now = false;
    if (c->state == CONN_CLOSED) return;
    http_out_give(c->srv, &c->writing);
    if (status) http_conn_close(c);
    else http_conn_touch(c);
}

static void write_rest(struct http_conn *c, size_t done)
{
    uv_buf_t b;

    c->writing = c->out;
    c->out = (struct buf){ 0 };
    c->writing_now = true;
    c->write.data = c;
    b = uv_buf_init(c->writing.p + done, (unsigned)(c->writing.n - done));
    c->stall_ms = uv_now(c->srv->loop);
    c->stall_left = b.len;
    if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &b, 1, on_written)) {
        c->writing_now = false;
        http_conn_close(c);
    }
}

static void write_out(struct http_conn *c)
{
    uv_buf_t b = uv_buf_init(c->out.p, (unsigned)c->out.n);
    int n = uv_try_write((uv_stream_t *)&c->tcp, &b, 1);

    if (n < 0 && n != UV_EAGAIN) http_conn_close(c);
    else if (n == (int)b.len) http_out_give(c->srv, &c->out);
    else write_rest(c, n > 0 ? (size_t)n : 0);
}

static void on_shut(uv_shutdown_t *s, int status) { (void)s, (void)status; }

static void linger(struct http_conn *c)
{
    if (c->eof || uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, on_shut)) {
        http_conn_close(c);
        return;
    }
    c->state = CONN_LINGER;
    c->stall_ms = uv_now(c->srv->loop);
    http_sweep_within(c->srv, HTTP_LINGER_MS);
}

void http_conn_last(struct http_conn *c)
{
    if (c->state == CONN_OPEN) c->state = CONN_LAST;
    http_conn_touch(c);
}

/* Asked for with Expect, and the first in line: bytes of the body may come. */
static void invite_body(struct http_conn *c)
{
    if (c->state != CONN_OPEN || c->first || !http_in_expects(&c->in)) return;
    buf_addz(http_conn_out(c), "HTTP/1.1 100 Continue\r\n\r\n");
    c->in.req->expects = false;
}

void http_conn_flush(struct http_conn *c)
{
    if (c->state == CONN_CLOSED) return;
    if (c->ws) ws_turn(c->ws);
    invite_body(c);
    if (c->out.err) {
        http_refused("slow_reader");
        http_conn_close(c);
        return;
    }
    if (c->out.n && !c->writing_now) write_out(c);
    if (c->stream && http_conn_unsent(c) == 0) http_stream_room(c->stream);
    if (c->held && c->part.n && may_take(c)) eat_part(c); /* what was put by while answers were awaited */
    if (c->state == CONN_LAST && !c->first && http_conn_unsent(c) == 0) linger(c);
    if (c->state != CONN_CLOSED) update_reading(c);
}

/* ---- beginning and end ---- */

static void on_closed(uv_handle_t *handle)
{
    struct http_conn *c = handle->data;

    struct http *h = c->srv;

    http_conn_gone(h, c);
    if (c->dirty) c->gone = true; /* the end of the turn frees it */
    else http_conn_free(c);
    http_end_when_empty(h);
}

void http_conn_free(struct http_conn *c)
{
    buf_fini(&c->part);
    buf_fini(&c->out);
    buf_fini(&c->writing);
    free(c);
}

void http_conn_close(struct http_conn *c)
{
    if (c->state == CONN_CLOSED) return;
    c->state = CONN_CLOSED;
    http_in_fini(&c->in);
    for (struct http_req *r; (r = http_line_pop(c));)
        if (r->answered) http_req_free(r);
    if (c->ws) ws_gone(c->ws);
    c->ws = NULL;
    if (c->stream) http_stream_gone(c->stream, ERR_CLOSED);
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

static bool is_loopback(const char key[16])
{
    static const char six[16] = { [15] = 1 };
    static const char mapped[12] = { [10] = (char)0xFF, [11] = (char)0xFF };

    return !memcmp(key, six, 16) || (!memcmp(key, mapped, 12) && key[12] == 127);
}

static void peer_key(const struct http_conn *c, char key[16])
{
    struct sockaddr_storage ss;
    int n = sizeof ss;

    memset(key, 0, 16);
    if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&ss, &n)) return;
    if (ss.ss_family == AF_INET6) {
        memcpy(key, &((struct sockaddr_in6 *)&ss)->sin6_addr, 16);
    } else {
        key[10] = key[11] = (char)0xFF;
        memcpy(key + 12, &((struct sockaddr_in *)&ss)->sin_addr, 4);
    }
}

static bool is_proxy(const struct http *h, const char key[16])
{
    for (size_t i = 0; i < h->proxy_n; i++)
        if (!memcmp(h->proxies[i], key, 16)) return true;
    return false;
}

static bool is_counted(const struct http *h, const char key[16]) { return !is_loopback(key) && !is_proxy(h, key); }

/* The last one is the proxy's own word; those before it are the client's. */
static void forwarded_key(const struct http_req *r, char key[16])
{
    struct str said = http_header(r, "x-forwarded-for");
    char text[64], six[16] = { [10] = (char)0xFF, [11] = (char)0xFF };
    size_t from = said.n;
    while (from && said.p[from - 1] != ',' && said.p[from - 1] != ' ') from--;
    if (from == said.n || said.n - from >= sizeof text) return;
    memcpy(text, said.p + from, said.n - from);
    text[said.n - from] = '\0';
    if (!uv_inet_pton(AF_INET, text, six + 12) || !uv_inet_pton(AF_INET6, text, six)) memcpy(key, six, 16);
}

bool http_peer(const struct http_req *r, char address[16])
{
    if (!r->conn) return false;
    peer_key(r->conn, address);
    if (is_proxy(r->conn->srv, address)) forwarded_key(r, address);
    return true;
}

/* Counts the connection for its address; false: there are too many of it. */
static bool count_addr(struct http_conn *c)
{
    struct http *h = c->srv;
    char key[16];

    peer_key(c, key);
    if (!is_counted(h, key)) return true;
    struct http_addr *a = map_get(&h->addrs, (struct str){ key, 16 });
    if (!a) {
        if (!(a = calloc(1, sizeof *a))) return false;
        memcpy(a->key, key, 16);
        if (map_put(&h->addrs, (struct str){ a->key, 16 }, a)) {
            free(a);
            return false;
        }
    }
    c->addr = a;
    return ++a->count <= LIM_HTTP_CONNS_ADDR;
}

static const struct http_refusal too_many = { PROBLEM_TOO_MANY_CONNECTIONS, "connections", "too many connections" };

static void start(struct http_conn *c)
{
    struct http *h = c->srv;

    http_in_init(&c->in, h->pool, h->cfg.body_max);
    c->in.body_limit = h->cfg.body_limit;
    c->in.limit_ctx = h->cfg.ctx;
    buf_init(&c->part, HTTP_HEADROOM + HTTP_READ + HTTP_HEAD_MAX);
    c->last = &c->first;
    c->since_ms = uv_now(h->loop);
    uv_tcp_nodelay(&c->tcp, 1);
    if (!count_addr(c) || h->conn_n > LIM_HTTP_CONNS) {
        struct http_req *r = http_req_new(h->pool);
        if (r) r->keep_alive = false;
        http_answer_refusal(c, r, &too_many);
        return;
    }
    update_reading(c);
}

void http_conn_accept(struct http *h)
{
    struct http_conn *c = calloc(1, sizeof *c);

    if (!c || uv_tcp_init(h->loop, &c->tcp)) {
        log_warn("a connection could not be accepted: out of memory");
        http_refused("memory");
        free(c);
        return;
    }
    c->srv = h;
    c->tcp.data = c;
    c->next = h->conns;
    if (h->conns) h->conns->prev = c;
    h->conns = c;
    h->conn_n++;
    metric_set(MET_HTTP_CONNECTIONS, "", h->conn_n);
    if (uv_accept((uv_stream_t *)&h->listener, (uv_stream_t *)&c->tcp)) http_conn_close(c);
    else start(c);
}

/* ---- time ---- */

static const struct http_refusal slow_head = { PROBLEM_TIMEOUT, "slow_head", "the headers took too long" };
static const struct http_refusal slow_body = { PROBLEM_TIMEOUT, "slow_body", "the body took too long" };

static void refuse_slow(struct http_conn *c, const struct http_refusal *why)
{
    struct http_req *r = c->in.req ? c->in.req : http_req_new(c->srv->pool);

    c->in.req = NULL;
    if (r) r->keep_alive = r->upgrade = false;
    http_answer_refusal(c, r, why);
}

/* What came so far earns time: a large body may take longer, a trickle may not. */
static uint64_t body_ms(const struct http_conn *c)
{
    uint64_t came = c->in.req ? http_body_n(c->in.req) : 0;

    return c->srv->cfg.body_ms + came * 1000 / LIM_HTTP_BODY_RATE;
}

static void sweep_reading(struct http_conn *c, uint64_t now_ms)
{
    const struct http_cfg *cfg = &c->srv->cfg;
    uint64_t waited = now_ms - c->since_ms;

    if (c->in.phase == HTTP_PHASE_IDLE && waited >= cfg->idle_ms) http_conn_last(c);
    else if (c->in.phase == HTTP_PHASE_HEAD && waited >= cfg->head_ms) refuse_slow(c, &slow_head);
    else if (c->in.phase >= HTTP_PHASE_BODY && waited >= body_ms(c)) refuse_slow(c, &slow_body);
}

/* A client that does not read: its bytes have not grown fewer for as long as a body may take. */
static bool is_stalled(struct http_conn *c, uint64_t now_ms)
{
    size_t left = uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp);

    if (!c->writing_now) return false;
    if (left != c->stall_left) {
        c->stall_left = left;
        c->stall_ms = now_ms;
    }
    return now_ms - c->stall_ms >= c->srv->cfg.body_ms;
}

void http_conn_sweep(struct http_conn *c, uint64_t now_ms)
{
    if (c->state == CONN_CLOSED) return;
    if (c->state == CONN_LINGER) {
        if (now_ms - c->stall_ms >= HTTP_LINGER_MS) http_conn_close(c);
    } else if (is_stalled(c, now_ms)) {
        http_refused("slow_reader");
        if (c->stream) http_stream_gone(c->stream, ERR_TIMEOUT);
        http_conn_close(c);
    } else if (c->ws) {
        ws_sweep(c->ws, now_ms);
    } else if (c->first) {
        if (clock_mono_us() - c->first->arrived_us >= (uint64_t)c->srv->cfg.answer_ms * 1000) http_answer_late(c);
    } else if (c->state == CONN_OPEN && !c->held) {
        sweep_reading(c, now_ms);
    }
}

void http_conn_drain(struct http_conn *c)
{
    if (c->stream) http_stream_gone(c->stream, ERR_UNAVAILABLE);
    if (c->state != CONN_OPEN) return;
    if (c->ws) ws_close(c->ws, 1001, "going away");
    else if (c->first || c->in.phase == HTTP_PHASE_IDLE) http_conn_last(c);
}
