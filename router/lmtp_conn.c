/* A connection of the LMTP door: bytes in, bytes out, its end.

   While the talk waits for what came of a mail the connection does not read: what came early waits in `in`, one buffer; and it
   reads no more either while an answer is on its way, so a client that does not listen costs one buffer each way. An answer's bytes
   are the write's until it is done (`sent`).

   A connection is freed when its stream and its timer are closed and nothing is under way for it: `busy` counts the job and the
   answers of the journal (lmtp_mail.c). */
#include "base/log.h"
#include "base/metrics.h"
#include "router/lmtp_impl.h"
#include "router/router.h"

#include <stdlib.h>

/* ---- the end of a connection ---- */

void lmtp_conn_try_free(struct conn *c)
{
    if (c->handles || c->busy) return;
    TAILQ_REMOVE(&c->of->conns, c, link);
    metric_set(MET_LMTP_CONNECTIONS, "", --c->of->count);
    lmtp_mail_drop(c);
    buf_fini(&c->out);
    free(c->sent);
    free(c);
}

static void on_closed(uv_handle_t *h)
{
    struct conn *c = h->data;
    c->handles--;
    lmtp_conn_try_free(c);
}

static void on_reaped(void *ctx)
{
    struct conn *c = ctx;
    c->handles--;
    lmtp_conn_try_free(c);
}

void lmtp_conn_close(struct conn *c)
{
    if (c->closing) return;
    c->closing = true;
    uv_close(&c->s.handle, on_closed);
    timer_fini(&c->idle);
    loop_reap(&c->of->router->loop, c, on_reaped); /* the timer's memory, once the loop has turned */
}

static void on_idle(struct timer *t)
{
    struct conn *c = t->ctx;
    if (!c->busy) lmtp_conn_close(c);
    else timer_once(&c->idle, IDLE_MS);
}

/* ---- writing ---- */

static void on_written(uv_write_t *w, int status)
{
    struct conn *c = w->data;
    free(c->sent);
    c->sent = NULL;
    c->writing = false;
    if (status < 0) lmtp_conn_close(c);
    else if (!c->closing) lmtp_conn_work(c);
}

static void flush(struct conn *c)
{
    if (c->writing || c->closing || !c->out.n) return;
    uv_buf_t b = uv_buf_init(c->out.p, (unsigned)c->out.n);
    c->sent = c->out.p; /* the buffer is the write's until it is done */
    buf_init(&c->out, OUT_BYTES);
    c->write.data = c;
    c->writing = true;
    if (uv_write(&c->write, &c->s.stream, &b, 1, on_written)) {
        c->writing = false;
        lmtp_conn_close(c);
    }
}

/* ---- reading ---- */

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *b)
{
    struct conn *c = h->data;
    (void)hint;
    *b = uv_buf_init(c->in + c->in_n, (unsigned)(IN_BYTES - c->in_n));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    struct conn *c = s->data;
    (void)b;
    if (n < 0) {
        lmtp_conn_close(c);
        return;
    }
    c->in_n += (size_t)n;
    if (n) timer_once(&c->idle, IDLE_MS);
    lmtp_conn_work(c);
}

static void read_on(struct conn *c, bool on)
{
    if (on == c->reading || c->closing) return;
    c->reading = on;
    if (!on) uv_read_stop(&c->s.stream);
    else if (uv_read_start(&c->s.stream, on_alloc, on_read)) lmtp_conn_close(c);
}

/* The talk hears what came until it must wait. It is called from nowhere else, so what it asks for never comes back to it midway.
 */
static void hear(struct conn *c)
{
    while (c->in_at < c->in_n && !c->closing) {
        size_t n = lmtp_talk_feed(&c->talk, (struct str){ c->in + c->in_at, c->in_n - c->in_at });
        c->in_at += n;
        if (c->whole) lmtp_mail_take(c);
        else if (!n) break;
    }
    if (c->in_at == c->in_n) c->in_at = c->in_n = 0;
}

void lmtp_conn_work(struct conn *c)
{
    if (c->closing || c->working) return;
    c->working = true;
    hear(c);
    c->working = false;
    flush(c);
    bool waits = lmtp_talk_waits(&c->talk), over = lmtp_talk_over(&c->talk);
    if (c->out.err || (over && !c->writing)) lmtp_conn_close(c);
    else read_on(c, !c->writing && !c->in_n && !waits && !over);
}

/* ---- connections ---- */

int lmtp_stream_init(struct lmtp *l, union stream *s)
{
    return *l->path ? uv_pipe_init(&l->router->loop, &s->pipe, 0) : uv_tcp_init(&l->router->loop, &s->tcp);
}

static void begin_talk(struct conn *c)
{
    struct lmtp_owner owner = lmtp_mail_owner(c);
    buf_init(&c->out, OUT_BYTES);
    timer_init(&c->idle, &c->of->router->loop, on_idle, c);
    timer_once(&c->idle, IDLE_MS);
    lmtp_talk_init(&c->talk, &owner, &c->out, c->of->host, LIM_MAIL_BYTES);
}

void lmtp_conn_new(struct lmtp *l)
{
    struct conn *c = calloc(1, sizeof *c);
    if (!c) return;
    c->of = l;
    c->fd = -1;
    if (lmtp_stream_init(l, &c->s)) {
        free(c);
        return;
    }
    c->s.handle.data = c;
    c->handles = 2; /* the stream, the timer */
    TAILQ_INSERT_TAIL(&l->conns, c, link);
    metric_set(MET_LMTP_CONNECTIONS, "", ++l->count);
    begin_talk(c);
    if (uv_accept(&l->s.stream, &c->s.stream)) {
        lmtp_conn_close(c);
    } else if (l->count > LIM_MAIL_CONNS || l->closed) {
        static const char busy[] = "421 4.3.2 too many connections\r\n";
        uv_buf_t b = uv_buf_init((char *)busy, sizeof busy - 1);
        metric_add(MET_LMTP_REFUSED, "connections", 1);
        (void)uv_try_write(&c->s.stream, &b, 1);
        lmtp_conn_close(c);
    } else {
        lmtp_conn_work(c);
    }
}
