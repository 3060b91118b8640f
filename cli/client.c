/* A client_sock is one attempt's handle. The client points to it while it is connecting or up; client_drop parts them (owner =
   NULL) and closes the handle, whose last callback frees it: so a client never waits for its old socket, and no callback of an old
   socket finds a client.

   Bytes go out through uv_try_write straight from `out`; what the kernel does not take is moved into the sock's `flight` and given
   to uv_write, and nothing more is written until that is done. */
#include "cli/client.h"

#include "base/panic.h"
#include "cli/data_dir.h"

#include <limits.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#define CONNECT_MS 5000u

struct client_sock {
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    struct client *owner; /* NULL: parted, closing */
    struct buf flight;
    bool writing;
};

/* ---- where ---- */

static enum err bad_target(const char *who, const char *what, const char *text)
{
    fprintf(stderr, "naru %s: %s: %s\n", who, text, what);
    return ERR_USAGE;
}

static enum err read_token(struct client_target *t, const char *who, const char *path)
{
    char fallback[PATH_MAX];

    if (!path) {
        snprintf(fallback, sizeof fallback, "%s/operator.token", data_dir(NULL));
        path = fallback;
    }
    FILE *f = fopen(path, "r");
    if (!f) return bad_target(who, "cannot be read; say --token or --token-file", path);
    bool any = fgets(t->token, sizeof t->token, f) != NULL;
    fclose(f);
    if (any) t->token[strcspn(t->token, " \t\r\n")] = '\0';
    return any && *t->token ? ERR_OK : bad_target(who, "holds no token", path);
}

static enum err find_address(struct client_target *t, const char *who, const char *url)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
    char host[256], port[8] = "80";
    const char *p = url, *end;

    if (strncmp(p, "http://", 7)) return bad_target(who, "the address must begin with http://", url);
    p += 7;
    snprintf(t->authority, sizeof t->authority, "%.*s", (int)strcspn(p, "/"), p);
    bool v6 = *p == '[';
    end = v6 ? strchr(p, ']') : p + strcspn(p, ":/");
    if (!end || end == p + v6 || (size_t)(end - p) >= sizeof host) return bad_target(who, "names no host", url);
    snprintf(host, sizeof host, "%.*s", (int)(end - p) - v6, p + v6);
    end += v6;
    if (*end == ':') snprintf(port, sizeof port, "%.*s", (int)strcspn(end + 1, "/"), end + 1);
    int e = getaddrinfo(host, port, &hints, &found);
    if (e) return bad_target(who, gai_strerror(e), url);
    memcpy(&t->addr, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return ERR_OK;
}

enum err client_target_set(struct client_target *t, const char *who, const char *url, const char *token, const char *token_file)
{
    *t = (struct client_target){ 0 };
    enum err e = find_address(t, who, url);
    if (e) return e;
    if (!token) e = read_token(t, who, token_file);
    else if (strlen(token) >= sizeof t->token) e = bad_target(who, "too long", "--token");
    else memcpy(t->token, token, strlen(token));
    if (e) return e;
    for (const char *p = t->token; *p; p++)
        if (*p <= ' ' || *p > '~') return bad_target(who, "not a token", token ? "--token" : "token file");
    return ERR_OK;
}

/* ---- connections ---- */

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

/* ---- HTTP answers ---- */

static size_t keep(char *to, size_t have, size_t room, const char *p, size_t n)
{
    if (n > room - have) n = room - have;
    memcpy(to + have, p, n);
    return have + n;
}

static int on_begin(http_parser *hp)
{
    struct client_answers *a = hp->data;

    a->field_n = a->value_n = a->accept_n = a->body_n = 0;
    a->in_value = false;
    a->retry_after_ms = CLIENT_NO_HINT;
    return 0;
}

static void header_done(struct client_answers *a)
{
    uint64_t s;

    if (a->field_n == 11 && !strncasecmp(a->field, "retry-after", 11)) {
        if (!str_u64((struct str){ a->value, a->value_n }, 0, 3600, &s)) a->retry_after_ms = (uint32_t)s * 1000;
    } else if (a->field_n == 20 && !strncasecmp(a->field, "sec-websocket-accept", 20))
        a->accept_n = keep(a->accept, 0, sizeof a->accept, a->value, a->value_n);
    a->field_n = a->value_n = 0;
    a->in_value = false;
}

static int on_field(http_parser *hp, const char *p, size_t n)
{
    struct client_answers *a = hp->data;

    if (a->in_value) header_done(a);
    a->field_n = keep(a->field, a->field_n, sizeof a->field, p, n);
    return 0;
}

static int on_value(http_parser *hp, const char *p, size_t n)
{
    struct client_answers *a = hp->data;

    a->in_value = true;
    a->value_n = keep(a->value, a->value_n, sizeof a->value, p, n);
    return 0;
}

static int on_headers(http_parser *hp)
{
    header_done(hp->data);
    return 0;
}

static int on_body(http_parser *hp, const char *p, size_t n)
{
    struct client_answers *a = hp->data;

    a->body_n = keep(a->body, a->body_n, sizeof a->body, p, n);
    return 0;
}

static int on_end(http_parser *hp)
{
    struct client_answers *a = hp->data;
    struct client_answer answer = { .status = hp->status_code,
                                    .retry_after_ms = a->retry_after_ms,
                                    .last = !http_should_keep_alive(hp),
                                    .accept = { a->accept, a->accept_n },
                                    .body = { a->body, a->body_n } };

    if (answer.status < 200 && answer.status != 101) return 0; /* interim */
    if (!a->fn(a->ctx, &answer)) return 1;
    if (answer.last && answer.status != 101) http_parser_pause(hp, 1); /* what may follow is not ours */
    return 0;
}

void client_answers_init(struct client_answers *a, bool (*fn)(void *ctx, const struct client_answer *a), void *ctx)
{
    http_parser_init(&a->parser, HTTP_RESPONSE);
    a->parser.data = a;
    a->fn = fn;
    a->ctx = ctx;
    on_begin(&a->parser);
}

enum err client_answers_feed(struct client_answers *a, const char *p, size_t n, size_t *used)
{
    static const http_parser_settings settings = { .on_message_begin = on_begin,
                                                   .on_header_field = on_field,
                                                   .on_header_value = on_value,
                                                   .on_headers_complete = on_headers,
                                                   .on_body = on_body,
                                                   .on_message_complete = on_end };

    *used = http_parser_execute(&a->parser, &settings, p, n);
    if (HTTP_PARSER_ERRNO(&a->parser) == HPE_PAUSED) return ERR_CLOSED;
    if (HTTP_PARSER_ERRNO(&a->parser) != HPE_OK) return ERR_PROTO;
    return *used == n || a->parser.upgrade ? ERR_OK : ERR_PROTO;
}

/* ---- JSON ---- */

struct cursor {
    const char *p, *end;
};

static void blanks(struct cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\t' || *c->p == '\r')) c->p++;
}

static bool eat(struct cursor *c, char what)
{
    blanks(c);
    if (c->p == c->end || *c->p != what) return false;
    c->p++;
    return true;
}

/* At an opening quote; ends behind the closing one. */
static bool string(struct cursor *c, struct str *out)
{
    const char *from = ++c->p;

    for (;;) {
        const char *q = memchr(c->p, '"', (size_t)(c->end - c->p));
        if (!q) return false;
        size_t slashes = 0;
        while (q - slashes > from && q[-1 - (ptrdiff_t)slashes] == '\\') slashes++;
        c->p = q + 1;
        if (slashes % 2) continue;
        *out = (struct str){ from, (size_t)(q - from) };
        return true;
    }
}

/* Objects and arrays are only counted in and out: the server writes them well-formed. */
static bool nested(struct cursor *c)
{
    struct str skipped;
    unsigned depth = 0;

    while (c->p < c->end) {
        char ch = *c->p;
        if (ch == '"') {
            if (!string(c, &skipped)) return false;
            continue;
        }
        c->p++;
        if (ch == '{' || ch == '[') depth++;
        else if ((ch == '}' || ch == ']') && --depth == 0) return true;
    }
    return false;
}

static bool value(struct cursor *c, struct str *out)
{
    blanks(c);
    const char *from = c->p;
    if (from == c->end) return false;
    if (*from == '"') return string(c, out);
    if (*from == '{' || *from == '[') {
        if (!nested(c)) return false;
    } else
        while (c->p < c->end && !strchr(",}] \t\r\n", *c->p)) c->p++;
    *out = (struct str){ from, (size_t)(c->p - from) };
    return out->n > 0;
}

static void take(struct client_field *fields, size_t count, struct str key, struct str v)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(fields[i].key, key)) fields[i].value = v;
}

enum err client_scan(struct str object, struct client_field *fields, size_t count)
{
    struct cursor c = { object.p, object.p + object.n };
    struct str key, v;

    for (size_t i = 0; i < count; i++) fields[i].value = STR_NONE;
    if (!eat(&c, '{')) return ERR_JSON;
    if (eat(&c, '}')) return ERR_OK;
    do {
        blanks(&c);
        if (c.p == c.end || *c.p != '"' || !string(&c, &key) || !eat(&c, ':') || !value(&c, &v)) return ERR_JSON;
        take(fields, count, key, v);
    } while (eat(&c, ','));
    return eat(&c, '}') ? ERR_OK : ERR_JSON;
}

struct str client_scan_last(struct str array)
{
    struct cursor c = { array.p, array.p + array.n };
    struct str item, last = STR_NONE;

    if (array.n == 0 || !eat(&c, '[')) return STR_NONE;
    while (value(&c, &item)) {
        last = item;
        if (!eat(&c, ',')) break;
    }
    return last;
}

void client_escape(struct buf *out, struct str s)
{
    size_t from = 0;

    for (size_t i = 0; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];
        if (ch >= 0x20 && ch != '"' && ch != '\\') continue;
        buf_add(out, s.p + from, i - from);
        if (ch < 0x20) buf_addf(out, "\\u%04x", ch);
        else buf_addc(out, '\\'), buf_addc(out, (char)ch);
        from = i + 1;
    }
    buf_add(out, s.p + from, s.n - from);
}

/* ---- counting by name ---- */

void client_tally_add(struct client_tally *t, struct str name)
{
    unsigned i = 0;

    if (name.n >= sizeof t->rows[0].name) name.n = sizeof t->rows[0].name - 1;
    while (i < t->used && !str_is(name, t->rows[i].name)) i++;
    if (i == CLIENT_TALLY) i = CLIENT_TALLY - 1;
    if (i == t->used) {
        bool rest = ++t->used == CLIENT_TALLY;
        snprintf(t->rows[i].name, sizeof t->rows[i].name, "%.*s", rest ? 5 : (int)name.n, rest ? "other" : name.p);
    }
    t->rows[i].count++;
    t->total++;
}

void client_tally_text(const struct client_tally *t, struct buf *out)
{
    for (unsigned i = 0; i < t->used; i++)
        buf_addf(out, "%s%s=%llu", i ? " " : "", t->rows[i].name, (unsigned long long)t->rows[i].count);
}

void client_tally_json(const struct client_tally *t, struct buf *out)
{
    buf_addc(out, '{');
    for (unsigned i = 0; i < t->used; i++) {
        buf_addz(out, i ? ",\"" : "\"");
        client_escape(out, str_of(t->rows[i].name));
        buf_addf(out, "\":%llu", (unsigned long long)t->rows[i].count);
    }
    buf_addc(out, '}');
}

/* ---- telling ---- */

static bool progress_open; /* the cursor stands behind a progress line */

void client_progress(const char *fmt, ...)
{
    bool tty = isatty(STDERR_FILENO);
    char line[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (tty) fprintf(stderr, "\r%s\033[K", line);
    else fprintf(stderr, "%s\n", line);
    fflush(stderr);
    progress_open = tty;
}

void client_progress_end(void)
{
    if (progress_open) fputc('\n', stderr);
    progress_open = false;
}

static void number(struct buf *b, double v)
{
    if (v == (double)(int64_t)v) buf_addf(b, "%lld", (long long)v);
    else buf_addf(b, "%.3f", v);
}

void client_summary(const struct client_row *rows, size_t count, const struct client_tally *refused, bool json)
{
    struct buf text, object;

    buf_init(&text, 65536);
    buf_init(&object, 65536);
    for (size_t i = 0; i < count; i++) {
        buf_addf(&text, "  %-16s ", rows[i].key);
        number(&text, rows[i].v);
        buf_addf(&object, "%s\"%s\":", i ? "," : "{", rows[i].key);
        number(&object, rows[i].v);
        buf_addc(&text, '\n');
    }
    if (refused->total) {
        buf_addz(&text, "  refused by       ");
        client_tally_text(refused, &text);
        buf_addc(&text, '\n');
    }
    buf_addz(&object, ",\"refused_by\":");
    client_tally_json(refused, &object);
    buf_addz(&object, "}\n");
    fputs(buf_cstr(json ? &object : &text), stdout);
    fflush(stdout);
    buf_fini(&text);
    buf_fini(&object);
}
