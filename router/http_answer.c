#include "base/clock.h"
#include "base/panic.h"
#include "router/http_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

/* Answers leave in the order of the requests. The answer of the oldest one is written straight into the connection's out buffer;
   one that comes before its turn waits in its request's `reply`, and goes as soon as all before it have gone. Nothing is sent
   here: the connection is touched, and flushed at the end of the loop turn. */

/* ---- the line of unanswered requests ---- */

void http_line_push(struct http_conn *c, struct http_req *r)
{
    r->conn = c;
    r->next = NULL;
    *c->last = r;
    c->last = &r->next;
    c->queued++;
}

struct http_req *http_line_pop(struct http_conn *c)
{
    struct http_req *r = c->first;

    if (!r) return NULL;
    c->first = r->next;
    if (!c->first) c->last = &c->first;
    c->queued--;
    r->next = NULL;
    r->conn = NULL;
    return r;
}

/* ---- the text of an answer ---- */

#define STATUS_LINE(num, name, text)                                                                                               \
    [num - 100] = { "HTTP/1.1 " #num " " #text "\r\n", sizeof("HTTP/1.1 " #num " " #text "\r\n") - 1 },
static const struct str status_lines[500] = { HTTP_STATUS_MAP(STATUS_LINE) };

static void date_refresh(struct http *h)
{
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm tm;

    gmtime_r(&now, &tm);
    h->date_n = strftime(h->date, sizeof h->date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
    h->date_ms = uv_now(h->loop);
}

void http_answer_status(struct http *h, struct buf *out, unsigned status)
{
    naru_assert(status >= 100 && status < 600 && status_lines[status - 100].p);
    if (uv_now(h->loop) - h->date_ms >= 500 || h->date_n == 0) date_refresh(h);
    buf_addstr(out, status_lines[status - 100]);
    buf_add(out, h->date, h->date_n);
}

static void count_answer(struct http *h, unsigned status)
{
    for (unsigned i = 0; i < HTTP_CODES; i++) {
        if (h->codes[i].status == 0) h->codes[i].status = status;
        if (h->codes[i].status == status) {
            h->codes[i].n++;
            return;
        }
    }
    char label[8];
    snprintf(label, sizeof label, "%u", status);
    metric_add(MET_HTTP_REQUESTS, label, 1);
}

struct answer {
    unsigned status;
    const char *type, *extra;
    struct str body;
};

static void write_answer(struct http *h, struct buf *out, const struct http_req *r, const struct answer *a, bool last)
{
    bool bodiless = a->status == 204 || a->status == 304;

    count_answer(h, a->status);
    if (!buf_reserve(out, 256 + a->body.n)) return; /* one growth instead of many; the error stays in `out` */
    http_answer_status(h, out, a->status);
    if (!bodiless) {
        buf_add(out, "Content-Type: ", 14);
        buf_addz(out, a->type);
        buf_add(out, "\r\nContent-Length: ", 18);
        buf_addu(out, a->body.n);
        buf_add(out, "\r\n", 2);
    }
    if (last) buf_add(out, "Connection: close\r\n", 19);
    else if (r->http10) buf_add(out, "Connection: keep-alive\r\n", 24);
    if (*a->extra) buf_addz(out, a->extra);
    buf_add(out, "\r\n", 2);
    if (!bodiless && r->method != HTTP_M_HEAD) buf_addstr(out, a->body);
}

/* Is the answer of `r` the last one of its connection? */
static bool is_last(const struct http_conn *c, const struct http_req *r)
{
    return !r->keep_alive || r->upgrade || (r->next == NULL && c->state != CONN_OPEN);
}

static void sent(struct http_conn *c, struct http_req *r, bool last)
{
    http_line_pop(c);
    http_req_free(r);
    if (last) http_conn_last(c);
}

static void answer(struct http_req *r, const struct answer *a)
{
    struct http_conn *c = r->conn;

    naru_assert(!r->answered);
    if (r->on_answer) r->on_answer(r->answer_ctx, a->status, a->type, a->body, a->extra);
    r->on_answer = NULL;
    if (!c) { /* nobody is there to hear it */
        http_req_free(r);
        return;
    }
    bool last = is_last(c, r);
    if (c->first != r) {
        write_answer(c->srv, &r->reply, r, a, last);
        r->answered = true;
        return;
    }
    write_answer(c->srv, http_conn_out(c), r, a, last);
    sent(c, r, last);
    while ((r = c->first) && r->answered) {
        last = is_last(c, r);
        if (r->reply.err) c->out.err = r->reply.err;
        buf_addstr(http_conn_out(c), buf_str(&r->reply));
        sent(c, r, last);
    }
    http_conn_touch(c);
}

void http_answer(struct http_req *r, unsigned status, const char *type, struct str body, const char *extra_headers)
{
    answer(r, &(struct answer){ status, type, extra_headers ? extra_headers : "", body });
}

void http_json(struct http_req *r, unsigned status, struct str json) { http_answer(r, status, "application/json", json, ""); }

/* ---- problems ---- */

static const struct {
    unsigned status;
    const char *headers;
} status_headers[] = {
    { 401, "WWW-Authenticate: Bearer\r\n" },
    { 426, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" },
    { 429, "Retry-After: 1\r\n" },
    { 503, "Retry-After: 1\r\n" },
};

static const char *headers_of(unsigned status)
{
    for (size_t i = 0; i < sizeof status_headers / sizeof *status_headers; i++)
        if (status_headers[i].status == status) return status_headers[i].headers;
    return "";
}

static void problem_text(struct buf *out, unsigned status, const struct problem_row *row, struct str detail)
{
    struct jw w = jw_on(out);
    char type[64];

    snprintf(type, sizeof type, "/problems/%s", row->type);
    jw_open(&w, '{');
    jw_key(&w, "type");
    jw_strz(&w, type);
    jw_key(&w, "title");
    jw_strz(&w, row->title);
    jw_key(&w, "status");
    jw_u64(&w, status);
    jw_key(&w, "detail");
    jw_str(&w, detail);
    jw_close(&w, '}');
}

static void problem(struct http_req *r, unsigned status, const char *type, const char *headers, const char *fmt, va_list args)
{
    const struct problem_row *row = problem_find(type);
    char detail[1024];
    struct buf b;

    naru_assert(row); /* problems.h is the list: a type that is not in it is a slip of ours */
    int n = vsnprintf(detail, sizeof detail, fmt, args);
    if (n < 0) n = 0;
    struct str text = { detail, (size_t)n < sizeof detail ? (size_t)n : sizeof detail - 1 };
    size_t at;
    if (!str_utf8(text, &at)) text.n = at; /* cut in the middle of a character, or a peer's bytes */
    buf_init(&b, 16384);
    problem_text(&b, status, row, text);
    http_answer(r, status, "application/problem+json", buf_str(&b), headers);
    buf_fini(&b);
}

void http_problem(struct http_req *r, unsigned status, const char *type, const char *detail_fmt, ...)
{
    va_list args;

    va_start(args, detail_fmt);
    problem(r, status, type, headers_of(status), detail_fmt, args);
    va_end(args);
}

void http_problem_later(struct http_req *r, unsigned status, const char *type, uint32_t wait_ms, const char *detail_fmt, ...)
{
    char header[40];
    va_list args;

    snprintf(header, sizeof header, "Retry-After: %u\r\n", wait_ms ? (wait_ms - 1) / 1000 + 1 : 1);
    va_start(args, detail_fmt);
    problem(r, status, type, header, detail_fmt, args);
    va_end(args);
}

void http_answer_refusal(struct http_conn *c, struct http_req *r, const struct http_refusal *why)
{
    const struct problem_row *row = &problem_rows[why->problem];

    http_refused(why->cause);
    if (!r) { /* out of memory: nothing to answer with */
        http_conn_close(c);
        return;
    }
    if (c->state == CONN_OPEN) c->state = CONN_LAST;
    http_line_push(c, r);
    http_problem(r, row->status, row->type, "%s", why->detail);
}

void http_answer_late(struct http_conn *c)
{
    const struct problem_row *row = &problem_rows[PROBLEM_NO_ANSWER];
    struct buf b;

    http_refused("no_answer");
    buf_init(&b, 1024);
    problem_text(&b, row->status, row, STR("the answer did not come in time"));
    write_answer(c->srv, http_conn_out(c), c->first,
                 &(struct answer){ row->status, "application/problem+json", headers_of(row->status), buf_str(&b) }, true);
    buf_fini(&b);
    for (struct http_req *r; (r = http_line_pop(c));)
        if (r->answered) http_req_free(r); /* the others' handlers still have them, and free them by answering */
    http_conn_last(c);
}
