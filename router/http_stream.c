#include "router/http_impl.h"

#include <stdlib.h>

/* A stream is a connection whose one answer goes on (CONN_STREAM): its request is out of the line, what the client still says is
   dropped, and the end of the body is the end of the connection (RFC 9112, 6.3, rule 8), so nothing has to be framed.

   The end is one of two: the owner's word (http_stream_end), after which the connection writes what it has and ends; or ours
   (http_stream_gone), which tells the owner. Either way the connection forgets the stream first, and frees it. */

struct http_stream {
    struct http_conn *c;
    struct http_stream_cfg cfg;
};

static void write_head(struct http_conn *c, const char *type, const char *extra)
{
    struct buf *out = http_conn_out(c);

    http_answer_status(c->srv, out, 200);
    buf_addz(out, "Content-Type: ");
    buf_addz(out, type);
    buf_addz(out, "\r\nConnection: close\r\n");
    buf_addz(out, extra);
    buf_addz(out, "\r\n");
    metric_add(MET_HTTP_REQUESTS, "200", 1);
}

static bool is_refused(struct http_req *r)
{
    struct http_conn *c = r->conn;

    if (c->first != r) http_problem(r, 400, "bad-request", "a stream may not follow unanswered requests");
    else if (c->srv->draining) http_problem(r, 503, "shutting-down", "no new stream can be taken now");
    else return false;
    return true;
}

enum err http_stream_open(struct http_req *r, const struct http_stream_cfg *cfg, const char *type, const char *extra,
                          struct http_stream **out)
{
    struct http_conn *c = r->conn;
    bool head_only = r->method == HTTP_M_HEAD;
    struct http_stream *s;

    *out = NULL;
    if (!c) {
        http_req_free(r);
        return ERR_CLOSED;
    }
    if (is_refused(r)) return ERR_UNAVAILABLE;
    if (!(s = calloc(1, sizeof *s))) {
        http_problem(r, 503, "overloaded", "out of memory");
        return ERR_UNAVAILABLE;
    }
    *s = (struct http_stream){ c, *cfg };
    write_head(c, type, extra);
    http_req_free(http_line_pop(c));
    c->stream = s;
    c->state = CONN_STREAM;
    http_conn_touch(c);
    if (head_only) return http_stream_end(s), ERR_CLOSED;
    *out = s;
    return ERR_OK;
}

void http_stream_send(struct http_stream *s, struct str text)
{
    buf_addstr(http_conn_out(s->c), text); /* a full buffer is noticed at the end of the turn */
    http_conn_touch(s->c);
}

size_t http_stream_unsent(const struct http_stream *s) { return http_conn_unsent(s->c); }

static struct http_conn *leave(struct http_stream *s)
{
    struct http_conn *c = s->c;

    c->stream = NULL;
    if (c->state == CONN_STREAM) c->state = CONN_LAST;
    free(s);
    return c;
}

void http_stream_end(struct http_stream *s) { http_conn_touch(leave(s)); }

void http_stream_gone(struct http_stream *s, enum err why)
{
    struct http_stream_cfg cfg = s->cfg;

    http_conn_touch(leave(s));
    cfg.on_close(cfg.ctx, why);
}

void http_stream_room(struct http_stream *s) { s->cfg.on_room(s->cfg.ctx); }
