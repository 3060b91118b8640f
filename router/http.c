#include "base/log.h"
#include "base/panic.h"
#include "router/http_impl.h"

#include <stdio.h>
#include <stdlib.h>

/* The server: its listener, one coarse timer that looks after all connections, and the end of the loop turn, when every connection
   that was touched is written and read on. The parts lie in files of their own, in the order of the data:

     http_conn.c (bytes from the socket) -> http_in.c, http_head.c (requests) -> the handler -> http_answer.c -> http_conn.c

   The server goes when it was drained: first the last connection, then `done` is told, then its handles close, then its memory.
   Requests whose handlers have not answered by then live on in their pool. */

#define SWEEP_MS 1000u

void http_refused(const char *cause) { metric_add(MET_HTTP_REFUSED, cause, 1); }

uint16_t http_port(const struct http *h) { return h->port; }

/* ---- out buffers go round ---- */

struct buf http_out_take(struct http *h)
{
    struct buf b;

    if (h->spare_out_n) return h->spare_out[--h->spare_out_n];
    buf_init(&b, LIM_OUT_CAP + LIM_OUT_HIGH);
    return b;
}

void http_out_give(struct http *h, struct buf *b)
{
    buf_clear(b);
    if (b->room && b->room <= 2 * HTTP_READ && h->spare_out_n < HTTP_SPARE_OUT) h->spare_out[h->spare_out_n++] = *b;
    else buf_fini(b);
    *b = (struct buf){ 0 };
}

/* ---- the end of a turn ---- */

static void count_codes(struct http *h)
{
    for (unsigned i = 0; i < HTTP_CODES && h->codes[i].status; i++) {
        char label[12];
        if (h->codes[i].n == 0) continue;
        snprintf(label, sizeof label, "%u", h->codes[i].status);
        metric_add(MET_HTTP_REQUESTS, label, h->codes[i].n);
        h->codes[i].n = 0;
    }
}

static void on_wake(uv_idle_t *i) { (void)i; } /* being active is its whole job */

void http_wake(struct http *h) { uv_idle_start(&h->wake, on_wake); }

static bool on_turn_end(struct turn_end *t)
{
    struct http *h = t->ctx;
    struct http_conn *c = h->dirty;

    if (!c) return false;
    h->dirty = NULL;
    for (struct http_conn *next; c; c = next) {
        next = c->next_dirty;
        c->dirty = false;
        if (c->gone) http_conn_free(c);
        else http_conn_flush(c);
    }
    count_codes(h);
    if (!h->dirty) uv_idle_stop(&h->wake);
    return false; /* `wake` keeps the loop awake when flushing touched something again */
}

/* ---- time ---- */

static void end(struct http *h);

static void on_sweep(struct timer *t)
{
    struct http *h = t->ctx;
    uint64_t now = uv_now(h->loop);
    bool over = h->draining && now >= h->drain_until;

    for (struct http_conn *c = h->conns, *next; c; c = next) {
        next = c->next; /* closing unlinks later, in its callback */
        if (over) http_conn_close(c);
        else http_conn_sweep(c, now);
    }
}

void http_sweep_within(struct http *h, uint64_t ms)
{
    uint64_t every = ms / 2 ? ms / 2 : 1;

    if (every > SWEEP_MS) every = SWEEP_MS;
    if (h->ended || (timer_armed(&h->sweep) && uv_timer_get_repeat(&h->sweep.uv) <= every)) return;
    timer_every(&h->sweep, every);
}

/* ---- opening ---- */

static enum err read_addr(const char *text, struct sockaddr_storage *out)
{
    const char *colon = strrchr(text, ':');
    char host[64];
    uint64_t port;

    if (!colon || str_u64(str_of(colon + 1), 0, 65535, &port)) return ERR_USAGE;
    size_t n = (size_t)(colon - text);
    if (n >= 2 && text[0] == '[' && text[n - 1] == ']') text++, n -= 2;
    if (n >= sizeof host) return ERR_USAGE;
    memcpy(host, text, n);
    host[n] = 0;
    if (!strcmp(host, "localhost")) memcpy(host, "127.0.0.1", 10);
    if (n == 0) memcpy(host, "0.0.0.0", 8);
    if (!uv_ip4_addr(host, (int)port, (struct sockaddr_in *)out)) return ERR_OK;
    return uv_ip6_addr(host, (int)port, (struct sockaddr_in6 *)out) ? ERR_USAGE : ERR_OK;
}

static enum err read_proxies(struct http *h)
{
    h->proxies = calloc(h->cfg.proxies.count + 1, 16);
    if (!h->proxies) return ERR_NOMEM;
    for (size_t i = 0; i < h->cfg.proxies.count; i++) {
        char *key = h->proxies[h->proxy_n++];
        if (!uv_inet_pton(AF_INET6, h->cfg.proxies.v[i], key)) continue;
        key[10] = key[11] = (char)0xFF;
        if (uv_inet_pton(AF_INET, h->cfg.proxies.v[i], key + 12)) {
            log_error("proxy=%s is no address", h->cfg.proxies.v[i]);
            return ERR_USAGE;
        }
    }
    return ERR_OK;
}

static void on_connection(uv_stream_t *s, int status)
{
    struct http *h = s->data;

    if (status) {
        log_warn("accept failed: %s; are there enough file descriptors (ulimit -n)?", uv_strerror(status));
        http_refused("accept");
        return;
    }
    http_conn_accept(h);
}

static enum err start_listening(struct http *h)
{
    struct sockaddr_storage ss = { 0 };
    int n = sizeof ss;

    if (read_addr(h->cfg.listen, &ss)) {
        log_error("listen=%s is no address; write 127.0.0.1:8080 or [::]:8080", h->cfg.listen);
        return ERR_USAGE;
    }
    int e = uv_tcp_bind(&h->listener, (struct sockaddr *)&ss, 0);
    if (!e) e = uv_listen((uv_stream_t *)&h->listener, 1024, on_connection);
    if (!e) e = uv_tcp_getsockname(&h->listener, (struct sockaddr *)&ss, &n);
    if (e) {
        log_error("listen=%s failed: %s", h->cfg.listen, uv_strerror(e));
        return ERR_IO;
    }
    h->port = ntohs(ss.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&ss)->sin6_port : ((struct sockaddr_in *)&ss)->sin_port);
    return ERR_OK;
}

static void fill_defaults(struct http_cfg *c)
{
    if (!c->body_max) c->body_max = LIM_HTTP_BODY;
    if (!c->spool_max) c->spool_max = LIM_HTTP_SPOOL;
    if (!c->head_ms) c->head_ms = LIM_HTTP_HEAD_MS;
    if (!c->body_ms) c->body_ms = LIM_HTTP_BODY_MS;
    if (!c->idle_ms) c->idle_ms = LIM_HTTP_IDLE_MS;
    if (!c->answer_ms) c->answer_ms = LIM_HTTP_ANSWER_MS;
}

static void http_delete(void *p)
{
    struct http *h = p;

    if (h->framer) wslay_frame_context_free(h->framer);
    while (h->spare_out_n) buf_fini(&h->spare_out[--h->spare_out_n]);
    http_pool_end(h->pool);
    map_fini(&h->addrs);
    free(h->proxies);
    free(h->in);
    free(h);
}

enum err http_open(struct http **out, uv_loop_t *loop, const struct http_cfg *cfg)
{
    struct http *h = calloc(1, sizeof *h);
    enum err e = ERR_NOMEM;

    *out = NULL;
    if (!h) return ERR_NOMEM;
    h->loop = loop;
    h->cfg = *cfg;
    fill_defaults(&h->cfg);
    map_init(&h->addrs, LIM_HTTP_CONNS + 1);
    timer_init(&h->sweep, loop, on_sweep, h);
    turn_end_init(&h->turn, loop, on_turn_end, h);
    uv_idle_init(loop, &h->wake);
    uv_tcp_init(loop, &h->listener);
    h->listener.data = h;
    h->pool = http_pool_new();
    if (h->pool && cfg->spool) h->pool->spool = (struct http_spool){ .dir = strdup(cfg->spool), .cap = h->cfg.spool_max };
    h->in = malloc(HTTP_HEADROOM + HTTP_READ);
    if (h->pool && h->in && ws_framer_new(h)) e = read_proxies(h);
    if (!e) e = start_listening(h);
    if (e) {
        uv_close((uv_handle_t *)&h->listener, NULL);
        end(h);
        return e;
    }
    uint32_t shortest = h->cfg.head_ms < h->cfg.body_ms ? h->cfg.head_ms : h->cfg.body_ms;
    if (h->cfg.idle_ms < shortest) shortest = h->cfg.idle_ms;
    if (h->cfg.answer_ms < shortest) shortest = h->cfg.answer_ms;
    http_sweep_within(h, shortest);
    *out = h;
    return ERR_OK;
}

/* ---- draining ---- */

static void end(struct http *h)
{
    h->ended = true;
    timer_fini(&h->sweep);
    turn_end_fini(&h->turn);
    uv_close((uv_handle_t *)&h->wake, NULL);
    loop_reap(h->loop, h, http_delete);
}

/* The last connection is gone and the dirty list knows none of them any more. */
void http_end_when_empty(struct http *h)
{
    if (!h->draining || h->conn_n || h->ended) return;
    void (*done)(void *) = h->drain_done;
    void *ctx = h->drain_ctx;
    while (h->dirty) {
        struct http_conn *c = h->dirty;
        h->dirty = c->next_dirty;
        naru_assert(c->gone);
        http_conn_free(c);
    }
    count_codes(h);
    end(h);
    if (done) done(ctx);
}

void http_conn_gone(struct http *h, struct http_conn *c)
{
    if (c->prev) c->prev->next = c->next;
    else h->conns = c->next;
    if (c->next) c->next->prev = c->prev;
    if (c->addr && --c->addr->count == 0) free(map_del(&h->addrs, (struct str){ c->addr->key, 16 }));
    h->conn_n--;
    metric_set(MET_HTTP_CONNECTIONS, "", h->conn_n);
}

static void on_listener_closed(uv_handle_t *handle) { http_end_when_empty(handle->data); }

void http_drain(struct http *h, uint32_t grace_ms, void (*done)(void *ctx), void *ctx)
{
    if (h->draining) return;
    h->draining = true;
    h->drain_done = done;
    h->drain_ctx = ctx;
    h->drain_until = uv_now(h->loop) + grace_ms;
    for (struct http_conn *c = h->conns; c; c = c->next) http_conn_drain(c);
    http_sweep_within(h, grace_ms < 100 ? grace_ms : 100);
    uv_close((uv_handle_t *)&h->listener, on_listener_closed);
}
