/* A client_sock is one attempt's handle. The client points to it while it is connecting or up; client_drop parts them (owner =
   NULL) and closes the handle, whose last callback frees it: so a client never waits for its old socket, and no callback of an old
   socket finds a client.

   Bytes go out through uv_try_write straight from `out`; what the kernel does not take is moved into the sock's `flight` and given
   to uv_write, and nothing more is written until that is done. */
#include "cli/client.h"

#include "base/panic.h"

#include <stdlib.h>

#define CONNECT_MS 5000u

struct client_sock {
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    struct client *owner; /* NULL: parted, closing */
    struct buf flight;
    bool writing;
};

static void on_sock_closed(uv_handle_t *h)
{
    struct client_sock *s = h->data;

    buf_fini(&s->flight);
    free(s);
}

static void part(struct client *c)
{
    struct client_sock *s = c->sock;

    if (!s) return;
    c->sock = NULL;
    s->owner = NULL;
    uv_close((uv_handle_t *)&s->tcp, on_sock_closed);
}

static void lost(struct client *c, uint64_t ms)
{
    bool was_up = c->up;

    part(c);
    c->up = false;
    buf_clear(&c->out);
    if (c->dirty) TAILQ_REMOVE(&c->hub->dirty, c, link);
    c->dirty = false;
    if (c->stopped) timer_stop(&c->timer);
    else if (ms) timer_once(&c->timer, ms);
    else {
        timer_once(&c->timer, c->back_off / 2 + rng_below(&c->hub->rng, c->back_off / 2 + 1));
        c->back_off = c->back_off * 2 > c->cfg->back_off_max ? c->cfg->back_off_max : c->back_off * 2;
    }
    if (was_up) c->cfg->on_down(c->ctx);
}

static void on_written(uv_write_t *w, int status)
{
    struct client_sock *s = w->data;

    s->writing = false;
    buf_clear(&s->flight);
    if (!s->owner) return;
    if (status) lost(s->owner, 0);
    else client_flush(s->owner);
}

static void write_rest(struct client *c, struct client_sock *s)
{
    struct buf empty = s->flight;
    size_t cap = c->out.cap;

    s->flight = c->out;
    c->out = empty;
    c->out.cap = cap;
    uv_buf_t rest = uv_buf_init(s->flight.p, (unsigned)s->flight.n);
    s->writing = true;
    s->write.data = s;
    if (uv_write(&s->write, (uv_stream_t *)&s->tcp, &rest, 1, on_written)) {
        s->writing = false;
        lost(c, 0);
    }
}

void client_flush(struct client *c)
{
    struct client_sock *s = c->sock;

    if (!s || !c->up || s->writing) return;
    if (c->out.err) {
        lost(c, 0);
        return;
    }
    if (c->out.n == 0) return;
    uv_buf_t all = uv_buf_init(c->out.p, (unsigned)c->out.n);
    int n = uv_try_write((uv_stream_t *)&s->tcp, &all, 1);
    if (n < 0 && n != UV_EAGAIN) {
        lost(c, 0);
        return;
    }
    if (n > 0) buf_shift(&c->out, (size_t)n);
    if (c->out.n) write_rest(c, s);
}

static void on_room(uv_handle_t *h, size_t hint, uv_buf_t *into)
{
    struct client_sock *s = h->data;

    (void)hint;
    if (s->owner) *into = uv_buf_init(s->owner->hub->in, sizeof s->owner->hub->in);
    else *into = uv_buf_init(NULL, 0);
}

static void on_read(uv_stream_t *h, ssize_t n, const uv_buf_t *b)
{
    struct client_sock *s = h->data;

    if (!s->owner || n == 0) return;
    if (n < 0) lost(s->owner, 0);
    else s->owner->cfg->on_bytes(s->owner->ctx, b->base, (size_t)n);
}

static void on_connected(uv_connect_t *req, int status)
{
    struct client_sock *s = req->data;
    struct client *c = s->owner;

    if (!c) return;
    if (status || uv_read_start((uv_stream_t *)&s->tcp, on_room, on_read)) {
        lost(c, 0);
        return;
    }
    timer_stop(&c->timer);
    uv_tcp_nodelay(&s->tcp, 1);
    c->up = true;
    c->cfg->on_up(c->ctx);
}

static void begin(struct client *c)
{
    struct client_sock *s = calloc(1, sizeof *s);

    if (!s || uv_tcp_init(c->hub->loop, &s->tcp)) {
        free(s);
        lost(c, 0);
        return;
    }
    s->tcp.data = s;
    s->connect.data = s;
    s->owner = c;
    buf_init(&s->flight, c->out.cap);
    c->sock = s;
    timer_once(&c->timer, CONNECT_MS);
    if (uv_tcp_connect(&s->connect, &s->tcp, (const struct sockaddr *)&c->hub->target.addr, on_connected)) lost(c, 0);
}

static void on_timer(struct timer *t)
{
    struct client *c = t->ctx;

    if (c->sock) lost(c, 0); /* it does not connect */
    else begin(c);
}

void client_init(struct client *c, struct client_hub *h, const struct client_cfg *cfg, void *ctx)
{
    *c = (struct client){ .hub = h, .cfg = cfg, .ctx = ctx, .back_off = cfg->back_off_min };
    buf_init(&c->out, cfg->out_cap);
    timer_init(&c->timer, h->loop, on_timer, c);
}

void client_start(struct client *c, uint64_t delay_ms) { timer_once(&c->timer, delay_ms); }

struct buf *client_out(struct client *c)
{
    naru_assert(c->up);
    if (!c->dirty) TAILQ_INSERT_TAIL(&c->hub->dirty, c, link);
    c->dirty = true;
    return &c->out;
}

void client_proven(struct client *c) { c->back_off = c->cfg->back_off_min; }
void client_drop(struct client *c, uint64_t ms) { lost(c, ms); }

void client_stop(struct client *c)
{
    c->stopped = true;
    lost(c, 0);
}

void client_fini(struct client *c)
{
    timer_fini(&c->timer);
    buf_fini(&c->out);
}

static bool on_turn_end(struct turn_end *t)
{
    struct client_hub *h = t->ctx;
    struct client *c;

    if (h->on_turn) h->on_turn(h->ctx);
    while ((c = TAILQ_FIRST(&h->dirty))) {
        TAILQ_REMOVE(&h->dirty, c, link);
        c->dirty = false;
        client_flush(c);
    }
    return false;
}

void client_hub_init(struct client_hub *h, uv_loop_t *loop, void (*on_turn)(void *ctx), void *ctx)
{
    h->loop = loop;
    h->on_turn = on_turn;
    h->ctx = ctx;
    rng_seed_os(&h->rng);
    TAILQ_INIT(&h->dirty);
    turn_end_init(&h->turn, loop, on_turn_end, h);
}

void client_hub_fini(struct client_hub *h) { turn_end_fini(&h->turn); }
