#include "router/http_in.h"

#include "base/panic.h"

/* A request is IDLE until its first byte, in its HEAD until the empty line, then in a BODY of known length or in CHUNKS.

   The head is not taken before it is whole: until then its bytes stay with the caller and only `seen` remembers how far they were
   looked at, line by line, which is where bare LF, folded lines and the sizes are refused. Bytes of a body are used as they come.
   A request under construction belongs to `req`, and to the caller as soon as it is returned.

   Chunks are http-parser's; since Debian's does not check the CR and LF between them, every byte that is not a chunk's data passes
   through check_framing as well. */

void http_in_init(struct http_in *in, struct http_pool *pool, uint64_t body_max)
{
    *in = (struct http_in){ .pool = pool, .body_max = body_max };
}

void http_in_fini(struct http_in *in)
{
    http_req_free(in->req);
    in->req = NULL;
}

static enum http_in_step refuse(struct http_in *in, enum problem problem, const char *cause, const char *detail,
                                struct http_req **out)
{
    struct http_req *r = in->req ? in->req : http_req_new(in->pool);

    in->refusal = (struct http_refusal){ problem, cause, detail };
    in->req = NULL;
    in->phase = HTTP_PHASE_IDLE;
    if (r) {
        r->keep_alive = r->expects = r->upgrade = r->wants_ws = false;
        if (!r->arrived_us) r->arrived_us = in->arrived_us;
    }
    *out = r;
    return HTTP_IN_REFUSED;
}

static enum http_in_step refuse_spool(struct http_in *in, enum err e, struct http_req **out)
{
    if (e == ERR_FULL) return refuse(in, PROBLEM_OVERLOADED, "spool", "too many large bodies are under way", out);
    if (e == ERR_IO) return refuse(in, PROBLEM_OVERLOADED, "spool", "the body cannot be stored", out);
    return refuse(in, PROBLEM_OVERLOADED, "memory", "out of memory", out);
}

/* More of a body: beside its head in memory while it is small, else in its file. */
static enum err add_body(struct http_in *in, const char *p, size_t n)
{
    struct http_req *r = in->req;
    bool large = r->spooled || r->length > LIM_HTTP_BODY || http_body_n(r) + n > LIM_HTTP_BODY;

    if (large && in->pool->spool.dir) return http_spool_add(r, p, n);
    if (!http_req_room(r, n)) return ERR_NOMEM;
    if (n) memcpy(r->bytes + r->bytes_n, p, n);
    r->bytes_n += n;
    return ERR_OK;
}

static enum http_in_step finish(struct http_in *in, struct http_req **out)
{
    enum err e = in->req->spooled ? http_spool_end(in->req) : ERR_OK;

    if (e) return refuse_spool(in, e, out);
    *out = in->req;
    in->req->expects = false;
    in->req = NULL;
    in->phase = HTTP_PHASE_IDLE;
    return HTTP_IN_REQUEST;
}

/* ---- the head, line by line ---- */

enum scan { SCAN_MORE, SCAN_WHOLE, SCAN_BARE_LF, SCAN_FOLD, SCAN_EMPTY, SCAN_LINE_LONG, SCAN_LARGE };

static const struct http_refusal scan_refusals[] = {
    [SCAN_BARE_LF] = { PROBLEM_BAD_REQUEST, "bare_lf", "a line ends with LF alone" },
    [SCAN_FOLD] = { PROBLEM_BAD_REQUEST, "fold", "folded header lines are not allowed" },
    [SCAN_EMPTY] = { PROBLEM_BAD_REQUEST, "line", "there is no request line" },
    [SCAN_LINE_LONG] = { PROBLEM_LINE_TOO_LONG, "line_long", "the request line is too long" },
    [SCAN_LARGE] = { PROBLEM_HEADERS_TOO_LARGE, "headers", "the headers are too large or too many" },
};

/* The line [in->line_at, end), its CRLF cut off, is whole. */
static enum scan scan_line(struct http_in *in, const char *p, size_t end)
{
    size_t n = end - in->line_at;

    if (n == 0) return in->lines ? SCAN_WHOLE : SCAN_EMPTY;
    if (in->lines == 0) {
        if (n > LIM_HTTP_LINE) return SCAN_LINE_LONG;
        in->first_n = (uint32_t)n;
    } else if (p[in->line_at] == ' ' || p[in->line_at] == '\t') {
        return SCAN_FOLD;
    }
    return ++in->lines > LIM_HTTP_HEADER_N + 1 ? SCAN_LARGE : SCAN_MORE;
}

static enum scan scan_head(struct http_in *in, const char *p, size_t n)
{
    enum scan s = SCAN_MORE;

    while (s == SCAN_MORE && in->seen < n) {
        const char *lf = memchr(p + in->seen, '\n', n - in->seen);
        in->seen = lf ? (size_t)(lf - p) + 1 : n;
        if (lf) {
            if (lf == p + in->line_at || lf[-1] != '\r') return SCAN_BARE_LF;
            s = scan_line(in, p, in->seen - 2);
            in->line_at = (uint32_t)in->seen;
        }
        if (in->lines == 0 && in->seen > LIM_HTTP_LINE + 2) return SCAN_LINE_LONG;
        if (in->lines > 0 && in->seen - in->first_n > LIM_HTTP_HEADERS) return SCAN_LARGE;
    }
    return s;
}

static void begin(struct http_in *in, uint64_t now_us)
{
    in->phase = HTTP_PHASE_HEAD;
    in->seen = 0;
    in->lines = in->line_at = in->first_n = 0;
    in->arrived_us = now_us;
    in->skipped = false;
}

/* The head p[0..in->seen) is whole: what follows it? */
static enum http_in_step head_end(struct http_in *in, const char *p, struct http_req **out)
{
    struct http_req *r = in->req = http_req_new(in->pool);
    struct http_refusal why;

    if (!r) return refuse(in, PROBLEM_OVERLOADED, "memory", "out of memory", out);
    r->arrived_us = in->arrived_us;
    if (!http_head_read(r, &in->parser, p, in->seen, in->first_n, &why)) return refuse(in, why.problem, why.cause, why.detail, out);
    in->most = in->body_limit ? in->body_limit(in->limit_ctx, http_path(r)) : 0;
    if (!in->most) in->most = in->body_max;
    if (r->length > in->most) return refuse(in, PROBLEM_BODY_TOO_LARGE, "body", "the body is too large", out);
    if (r->length <= LIM_HTTP_BODY && !http_req_room(r, r->length))
        return refuse(in, PROBLEM_OVERLOADED, "memory", "out of memory", out);
    in->fault = ERR_OK;
    in->phase = r->chunked ? HTTP_PHASE_CHUNKS : HTTP_PHASE_BODY;
    in->cr = in->crlf_next = in->overflow = in->bad_frame = false;
    in->chunk_left = in->framing = 0;
    return HTTP_IN_MORE;
}

/* ---- chunks ---- */

static void check_framing(struct http_in *in, const char *to)
{
    for (const char *p = in->mark; p < to; p++) {
        unsigned char c = (unsigned char)*p;
        if (in->cr ? c != '\n' : c == '\n') in->bad_frame = true;
        if (in->crlf_next && c != '\r') in->bad_frame = true;
        if ((c < 0x20 && c != '\r' && c != '\n' && c != '\t') || c == 0x7F) in->bad_frame = true;
        in->crlf_next = false;
        in->cr = c == '\r';
    }
    in->framing += (uint64_t)(to - in->mark);
    in->mark = to;
}

static int on_chunk(http_parser *p)
{
    struct http_in *in = p->data;

    in->chunk_left = p->content_length;
    in->overflow = in->chunk_left > in->most - http_body_n(in->req);
    return in->overflow;
}

static int on_chunk_data(http_parser *p, const char *at, size_t n)
{
    struct http_in *in = p->data;

    check_framing(in, at);
    if (in->cr || in->bad_frame || n > in->chunk_left) in->bad_frame = true;
    if (in->bad_frame || (in->fault = add_body(in, at, n))) return 1;
    in->mark = at + n;
    in->chunk_left -= n;
    in->crlf_next = in->chunk_left == 0;
    return 0;
}

static int on_chunks_end(http_parser *p)
{
    http_parser_pause(p, 1); /* what follows is the next request */
    return 0;
}

static const http_parser_settings chunk_settings = { .on_chunk_header = on_chunk,
                                                     .on_body = on_chunk_data,
                                                     .on_message_complete = on_chunks_end };

static enum http_in_step read_chunks(struct http_in *in, const char *p, size_t n, size_t *used, struct http_req **out)
{
    if (n == 0) return HTTP_IN_MORE; /* to the parser, none at all means the end */
    in->mark = p;
    in->parser.data = in;
    size_t got = http_parser_execute(&in->parser, &chunk_settings, p, n);
    enum http_errno e = HTTP_PARSER_ERRNO(&in->parser);
    if (in->overflow) return refuse(in, PROBLEM_BODY_TOO_LARGE, "body", "the body is too large", out);
    if (in->fault) return refuse_spool(in, in->fault, out);
    if (e == HPE_OK || e == HPE_PAUSED) check_framing(in, p + got);
    if ((e != HPE_OK && e != HPE_PAUSED) || in->bad_frame || in->framing > LIM_HTTP_HEADERS + 2 * in->most)
        return refuse(in, PROBLEM_BAD_REQUEST, "chunk", "the chunked body is malformed", out);
    *used += got;
    return e == HPE_PAUSED ? finish(in, out) : HTTP_IN_MORE;
}

static enum http_in_step read_body(struct http_in *in, const char *p, size_t n, size_t *used, struct http_req **out)
{
    size_t left = (size_t)(in->req->length - http_body_n(in->req)), take = n < left ? n : left;
    enum err e = take ? add_body(in, p, take) : ERR_OK;

    if (e) return refuse_spool(in, e, out);
    *used += take;
    return take == left ? finish(in, out) : HTTP_IN_MORE;
}

enum http_in_step http_in_step(struct http_in *in, const char *p, size_t n, uint64_t now_us, size_t *used, struct http_req **out)
{
    *used = 0;
    *out = NULL;
    if (in->phase == HTTP_PHASE_IDLE) {
        if (!in->skipped && n >= 2 && p[0] == '\r' && p[1] == '\n') { /* one empty line before a request is allowed */
            in->skipped = true;
            *used = 2;
        }
        if (n == *used || (!in->skipped && n == 1 && *p == '\r')) return HTTP_IN_MORE;
        begin(in, now_us);
        if (p[*used] < 'A' || p[*used] > 'Z') return refuse(in, PROBLEM_BAD_REQUEST, "line", "the request line is malformed", out);
    }
    if (in->phase == HTTP_PHASE_HEAD) {
        enum scan s = scan_head(in, p + *used, n - *used);
        if (s == SCAN_MORE) return HTTP_IN_MORE;
        if (s != SCAN_WHOLE) return refuse(in, scan_refusals[s].problem, scan_refusals[s].cause, scan_refusals[s].detail, out);
        enum http_in_step e = head_end(in, p + *used, out);
        if (e != HTTP_IN_MORE) return e;
        *used += in->seen;
    }
    naru_assert(in->req);
    if (in->phase == HTTP_PHASE_CHUNKS) return read_chunks(in, p + *used, n - *used, used, out);
    return read_body(in, p + *used, n - *used, used, out);
}
