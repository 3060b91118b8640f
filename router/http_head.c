#include "router/http_in.h"

#include <strings.h>

/* One whole head in one piece of memory: http-parser finds its parts (each callback comes once, since nothing is split), and what
   it lets pass is refused here. As Debian builds it, without HTTP_PARSER_STRICT, that is much: blanks in field names and in
   front of the colon, several blanks in the request line, bytes over 0x7F and tabs in the target, a missing or second Host, any
   transfer coding that ends in chunked. Each is a way to make two servers read one request differently. */

struct reading { /* one pass of the parser */
    struct http_req *r;
    const char *base;
    struct http_place target;
    bool too_many, odd, upgrade;
};

static struct http_place place(const struct reading *h, const char *at, size_t n)
{
    return (struct http_place){ (uint16_t)(at - h->base), (uint16_t)n };
}

static int on_url(http_parser *p, const char *at, size_t n)
{
    struct reading *h = p->data;

    h->target = place(h, at, n);
    return 0;
}

static int on_field(http_parser *p, const char *at, size_t n)
{
    struct reading *h = p->data;

    if (h->r->field_n >= LIM_HTTP_HEADER_N) {
        h->too_many = true;
        return 1;
    }
    h->r->fields[h->r->field_n++] = (struct http_field){ .name = place(h, at, n) };
    return 0;
}

static int on_value(http_parser *p, const char *at, size_t n)
{
    struct reading *h = p->data;
    struct http_place *v = &h->r->fields[h->r->field_n - 1].value;

    if (v->at) h->odd = true; /* a second piece: a folded line */
    while (n > 0 && (at[n - 1] == ' ' || at[n - 1] == '\t')) n--;
    *v = place(h, at, n);
    return 0;
}

static int on_head_end(http_parser *p)
{
    struct reading *h = p->data;

    h->r->keep_alive = http_should_keep_alive(p) != 0;
    h->upgrade = p->upgrade && p->method != HTTP_CONNECT;
    return 0;
}

static const http_parser_settings head_settings = {
    .on_url = on_url, .on_header_field = on_field, .on_header_value = on_value, .on_headers_complete = on_head_end
};

/* ---- refusals ---- */

static bool refuse(struct http_refusal *why, enum problem problem, const char *cause, const char *detail)
{
    *why = (struct http_refusal){ problem, cause, detail };
    return false;
}

static const struct {
    uint8_t code; /* HPE_… */
    uint8_t problem;
    const char *cause, *detail;
} parser_errors[] = {
    { HPE_HEADER_OVERFLOW, PROBLEM_HEADERS_TOO_LARGE, "headers", "the headers are too large" },
    { HPE_INVALID_VERSION, PROBLEM_HTTP_VERSION, "version", "only HTTP/1.0 and HTTP/1.1" },
    { HPE_INVALID_URL, PROBLEM_BAD_REQUEST, "target", "the request target is malformed" },
    { HPE_INVALID_CONTENT_LENGTH, PROBLEM_BAD_REQUEST, "framing", "Content-Length is not one number" },
    { HPE_UNEXPECTED_CONTENT_LENGTH, PROBLEM_BAD_REQUEST, "framing",
      "more than one Content-Length, or one beside Transfer-Encoding" },
    { HPE_INVALID_TRANSFER_ENCODING, PROBLEM_BAD_REQUEST, "framing", "Transfer-Encoding does not end in chunked" },
    { HPE_INVALID_HEADER_TOKEN, PROBLEM_BAD_REQUEST, "header", "a header holds a forbidden character" },
};

static bool refuse_parser(struct http_refusal *why, const http_parser *parser, const struct reading *h, const char *p)
{
    enum http_errno e = HTTP_PARSER_ERRNO(parser);

    if (h->too_many) return refuse(why, PROBLEM_HEADERS_TOO_LARGE, "headers", "too many headers");
    if (e == HPE_INVALID_METHOD) {
        size_t n = 0;
        while (n < 32 && p[n] >= 'A' && p[n] <= 'Z') n++;
        if (n > 0 && p[n] == ' ') return refuse(why, PROBLEM_NOT_IMPLEMENTED, "method", "this method is not known");
        return refuse(why, PROBLEM_BAD_REQUEST, "line", "the request line is malformed");
    }
    for (size_t i = 0; i < sizeof parser_errors / sizeof *parser_errors; i++)
        if (parser_errors[i].code == e)
            return refuse(why, (enum problem)parser_errors[i].problem, parser_errors[i].cause, parser_errors[i].detail);
    return refuse(why, PROBLEM_BAD_REQUEST, "line", "the request is malformed");
}

/* ---- request line ---- */

static const struct {
    uint8_t theirs, ours;
} methods[] = {
    { HTTP_GET, HTTP_M_GET },     { HTTP_HEAD, HTTP_M_HEAD },     { HTTP_POST, HTTP_M_POST },       { HTTP_PUT, HTTP_M_PUT },
    { HTTP_PATCH, HTTP_M_PATCH }, { HTTP_DELETE, HTTP_M_DELETE }, { HTTP_OPTIONS, HTTP_M_OPTIONS },
};

static bool take_method(struct http_req *r, const http_parser *parser, struct http_refusal *why)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (methods[i].theirs == parser->method) {
            r->method = methods[i].ours;
            return true;
        }
    return refuse(why, PROBLEM_NOT_IMPLEMENTED, "method", "this method is not known");
}

/* METHOD SP target SP HTTP/1.x, with exactly these blanks. */
static bool check_line(struct http_req *r, const http_parser *parser, const struct reading *h, size_t line_n,
                       struct http_refusal *why)
{
    size_t method_n = strlen(http_method_str((enum http_parser_method)parser->method));

    if (parser->http_major != 1 || parser->http_minor > 1)
        return refuse(why, PROBLEM_HTTP_VERSION, "version", "only HTTP/1.0 and HTTP/1.1");
    if (h->target.n == 0 || h->target.at != method_n + 1 || method_n + h->target.n + sizeof "  HTTP/1.1" - 1 != line_n)
        return refuse(why, PROBLEM_BAD_REQUEST, "line", "the request line has blanks too many");
    for (size_t i = 0; i < h->target.n; i++) {
        unsigned char c = (unsigned char)h->base[h->target.at + i];
        if (c <= 0x20 || c >= 0x7F || c == '#')
            return refuse(why, PROBLEM_BAD_REQUEST, "target", "the request target holds a forbidden character");
    }
    r->http10 = parser->http_minor == 0;
    return true;
}

/* ---- fields ---- */

static bool is_token(struct str s)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i], low = (char)(c | 0x20);
        bool word = (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '-';
        if (!word && (c == 0 || !strchr(marks, c))) return false;
    }
    return s.n > 0;
}

struct facts { /* what the framing of a request hangs on, counted over all its fields */
    unsigned host, length, coding, expect;
    bool bad_host, bad_coding, bad_expect, websocket;
};

static void see_host(struct facts *f, struct str v)
{
    f->host++;
    for (size_t i = 0; i < v.n; i++)
        if (strchr(" \t,/@?#", v.p[i])) f->bad_host = true;
}

static void see_length(struct facts *f, struct str v)
{
    (void)v; /* its digits are the parser's business */
    f->length++;
}

static void see_coding(struct facts *f, struct str v)
{
    f->coding++;
    if (v.n != 7 || strncasecmp(v.p, "chunked", 7) != 0) f->bad_coding = true;
}

static void see_expect(struct facts *f, struct str v)
{
    f->expect++;
    if (v.n != 12 || strncasecmp(v.p, "100-continue", 12) != 0) f->bad_expect = true;
}

static void see_upgrade(struct facts *f, struct str v)
{
    if (http_has_token(v, "websocket")) f->websocket = true;
}

static const struct {
    struct str name;
    void (*see)(struct facts *f, struct str value);
} known_fields[] = {
    { { "host", 4 }, see_host },     { { "content-length", 14 }, see_length }, { { "transfer-encoding", 17 }, see_coding },
    { { "expect", 6 }, see_expect }, { { "upgrade", 7 }, see_upgrade },
};

static bool see_fields(const struct http_req *r, const char *base, struct facts *f)
{
    for (unsigned i = 0; i < r->field_n; i++) {
        struct str name = { base + r->fields[i].name.at, r->fields[i].name.n };
        struct str value = { base + r->fields[i].value.at, r->fields[i].value.n };
        if (!is_token(name)) return false;
        for (size_t k = 0; k < sizeof known_fields / sizeof *known_fields; k++)
            if (known_fields[k].name.n == name.n && !strncasecmp(name.p, known_fields[k].name.p, name.n))
                known_fields[k].see(f, value);
    }
    return true;
}

static bool check_fields(struct http_req *r, const struct reading *h, struct http_refusal *why)
{
    struct facts f = { 0 };

    if (!see_fields(r, h->base, &f))
        return refuse(why, PROBLEM_BAD_REQUEST, "header", "a header's name holds a forbidden character");
    if (h->odd) return refuse(why, PROBLEM_BAD_REQUEST, "fold", "folded header lines are not allowed");
    if (f.host > 1 || (f.host == 0 && !r->http10) || f.bad_host)
        return refuse(why, PROBLEM_BAD_REQUEST, "host", "exactly one valid Host header is needed");
    if (f.length > 1 || f.coding > 1 || (f.length && f.coding))
        return refuse(why, PROBLEM_BAD_REQUEST, "framing", "more than one Content-Length or Transfer-Encoding");
    if (f.coding && r->http10) return refuse(why, PROBLEM_BAD_REQUEST, "framing", "HTTP/1.0 knows no Transfer-Encoding");
    if (f.bad_coding) return refuse(why, PROBLEM_NOT_IMPLEMENTED, "coding", "the only transfer coding known is chunked");
    if (f.bad_expect) return refuse(why, PROBLEM_EXPECTATION_FAILED, "expect", "the only expectation known is 100-continue");
    if (h->upgrade && !f.websocket) return refuse(why, PROBLEM_BAD_REQUEST, "upgrade", "the only upgrade known is websocket");
    r->has_length = f.length > 0;
    r->chunked = f.coding > 0;
    r->expects = f.expect > 0 && !r->http10;
    r->upgrade = r->wants_ws = h->upgrade;
    return true;
}

/* ---- target ---- */

/* "http://host/path?query" (proxies' form) is cut down to "/path?query". */
static bool cut_authority(struct http_req *r, struct http_place *t)
{
    struct http_parser_url u;

    http_parser_url_init(&u);
    if (http_parser_parse_url(r->bytes + t->at, t->n, 0, &u) || !(u.field_set & 1 << UF_HOST) || !(u.field_set & 1 << UF_PATH))
        return false;
    if (u.field_set & 1 << UF_USERINFO) return false;
    uint16_t cut = u.field_data[UF_PATH].off;
    *t = (struct http_place){ (uint16_t)(t->at + cut), (uint16_t)(t->n - cut) };
    return true;
}

/* "." and ".." as whole segments; an encoded slash was refused before. */
static bool has_dots(struct str path)
{
    for (size_t i = 0; i < path.n;) {
        const char *slash = memchr(path.p + i, '/', path.n - i);
        size_t end = slash ? (size_t)(slash - path.p) : path.n, n = end - i;
        if ((n == 1 && path.p[i] == '.') || (n == 2 && path.p[i] == '.' && path.p[i + 1] == '.')) return true;
        i = end + 1;
    }
    return false;
}

static bool has_encoded_slash(struct str s)
{
    for (size_t i = 0; i + 2 < s.n; i++)
        if (s.p[i] == '%' && s.p[i + 1] == '2' && (s.p[i + 2] | 0x20) == 'f') return true;
    return false;
}

static bool check_query(struct str q)
{
    char plain[LIM_HTTP_LINE];
    size_t n;

    if (q.n == 0 || !memchr(q.p, '%', q.n)) return true;
    return http_unescape(q, true, plain, &n) && http_text_ok((struct str){ plain, n });
}

/* The path as it is read: where it lies, or, with escapes, decoded behind the head (so that the target stays as it came). */
static bool decode_path(struct http_req *r, struct http_place raw)
{
    struct str in = http_at(r, raw);
    size_t n = 0;

    r->path = raw;
    if (!memchr(in.p, '%', in.n)) return true;
    if (!http_unescape(in, false, r->bytes + r->bytes_n, &n)) return false;
    r->path = (struct http_place){ (uint16_t)r->bytes_n, (uint16_t)n };
    r->bytes_n += n;
    r->head_n = (uint32_t)r->bytes_n;
    return true;
}

/* The query stays raw, but is known to decode. */
static bool take_target(struct http_req *r, struct http_place t, struct http_refusal *why)
{
    const char *p = r->bytes + t.at;

    if (*p != '/' && !(t.n == 1 && *p == '*' && r->method == HTTP_M_OPTIONS)) {
        if (!cut_authority(r, &t)) return refuse(why, PROBLEM_BAD_REQUEST, "target", "the request target is malformed");
        p = r->bytes + t.at;
    }
    const char *mark = memchr(p, '?', t.n);
    size_t path_n = mark ? (size_t)(mark - p) : t.n;
    struct http_place raw = { t.at, (uint16_t)path_n };
    r->target = t;
    if (mark) r->query = (struct http_place){ (uint16_t)(t.at + path_n + 1), (uint16_t)(t.n - path_n - 1) };
    if (has_encoded_slash(http_at(r, raw)) || !decode_path(r, raw) || !http_text_ok(http_at(r, r->path)) ||
        has_dots(http_at(r, r->path)) || !check_query(http_at(r, r->query)))
        return refuse(why, PROBLEM_BAD_REQUEST, "target", "the request target does not decode to a plain path");
    return true;
}

bool http_head_read(struct http_req *r, http_parser *parser, const char *p, size_t n, size_t line_n, struct http_refusal *why)
{
    struct reading h = { .r = r, .base = p };

    http_parser_init(parser, HTTP_REQUEST);
    parser->data = &h;
    size_t got = http_parser_execute(parser, &head_settings, p, n);
    r->length = parser->flags & F_CONTENTLENGTH ? parser->content_length : 0;
    if (HTTP_PARSER_ERRNO(parser) != HPE_OK || got != n) return refuse_parser(why, parser, &h, p);
    if (!take_method(r, parser, why) || !check_line(r, parser, &h, line_n, why) || !check_fields(r, &h, why)) return false;
    if (!r->has_length) r->length = 0;
    if (r->upgrade && (r->length || r->chunked)) return refuse(why, PROBLEM_BAD_REQUEST, "upgrade", "an upgrade has no body");
    if (!http_req_room(r, n + h.target.n)) return refuse(why, PROBLEM_OVERLOADED, "memory", "out of memory");
    memcpy(r->bytes, p, n);
    r->bytes_n = n;
    r->head_n = (uint32_t)n;
    return take_target(r, h.target, why);
}
