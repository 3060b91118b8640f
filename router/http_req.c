#include "router/http_req.h"

#include <stdlib.h>
#include <strings.h>

/* A request's memory goes round: http_req_new takes it from the pool's spare list with whatever buffer it had, http_req_free puts
   it back. Buffers that grew for one large body are freed then, so that the pool stays small. */

#define SPARE_MAX  2048u
#define KEEP_BYTES 8192u
#define FIRST_ROOM 1024u
#define SCRATCH    (64u * 1024u)

struct http_req *http_req_new(struct http_pool *p)
{
    struct http_req *r = p->spare;

    if (r) {
        p->spare = r->next;
        p->spare_n--;
    } else if (!(r = malloc(sizeof *r))) {
        return NULL;
    } else {
        r->bytes = NULL;
        r->room = 0;
        buf_init(&r->reply, LIM_OUT_CAP);
    }
    char *bytes = r->bytes;
    size_t room = r->room;
    struct buf reply = r->reply;
    memset(r, 0, offsetof(struct http_req, fields)); /* fields are counted by field_n */
    r->bytes = bytes;
    r->room = room;
    r->reply = reply;
    r->pool = p;
    p->live++;
    return r;
}

static void req_delete(struct http_req *r)
{
    free(r->bytes);
    buf_fini(&r->reply);
    free(r);
}

struct http_pool *http_pool_new(void) { return calloc(1, sizeof(struct http_pool)); }

static void pool_delete(struct http_pool *p)
{
    while (p->spare) {
        struct http_req *r = p->spare;
        p->spare = r->next;
        req_delete(r);
    }
    free(p->spool.dir);
    free(p);
}

void http_pool_end(struct http_pool *p)
{
    if (!p) return;
    p->ending = true;
    if (p->live == 0) pool_delete(p);
}

void http_req_free(struct http_req *r)
{
    if (!r) return;
    struct http_pool *p = r->pool;
    p->live--;
    http_spool_drop(r);
    if (r->has_scratch) arena_fini(&r->scratch);
    if (p->spare_n >= SPARE_MAX || p->ending) {
        req_delete(r);
        if (p->ending && p->live == 0) pool_delete(p);
        return;
    }
    if (r->room > KEEP_BYTES) {
        free(r->bytes);
        r->bytes = NULL;
        r->room = 0;
    }
    if (r->reply.room > KEEP_BYTES) buf_fini(&r->reply);
    else buf_clear(&r->reply);
    r->next = p->spare;
    p->spare = r;
    p->spare_n++;
}

bool http_req_room(struct http_req *r, size_t more)
{
    size_t need = r->bytes_n + more, room = r->room ? r->room : FIRST_ROOM;

    if (need <= r->room) return true;
    while (room < need) room *= 2;
    char *p = realloc(r->bytes, room);
    if (!p) return false;
    r->bytes = p;
    r->room = room;
    return true;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool http_unescape(struct str in, bool plus, char *out, size_t *out_n)
{
    size_t n = 0;

    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];
        if (c == '%') {
            if (in.n - i < 3) return false;
            int hi = hex(in.p[i + 1]), lo = hex(in.p[i + 2]);
            if (hi < 0 || lo < 0) return false;
            c = (char)(hi << 4 | lo);
            i += 2;
        } else if (plus && c == '+') {
            c = ' ';
        }
        out[n++] = c;
    }
    *out_n = n;
    return true;
}

bool http_text_ok(struct str s)
{
    size_t at;

    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7F) return false;
    return str_utf8(s, &at);
}

bool http_has_token(struct str value, const char *token)
{
    size_t n = strlen(token);

    for (size_t i = 0; i < value.n;) {
        size_t end = i;
        while (end < value.n && value.p[end] != ',') end++;
        size_t from = i, to = end;
        while (from < to && (value.p[from] == ' ' || value.p[from] == '\t')) from++;
        while (to > from && (value.p[to - 1] == ' ' || value.p[to - 1] == '\t')) to--;
        if (to - from == n && !strncasecmp(value.p + from, token, n)) return true;
        i = end + 1;
    }
    return false;
}

bool http_type_is(struct str type, const char *media)
{
    size_t n = strlen(media);
    return type.n >= n && strncasecmp(type.p, media, n) == 0 && (type.n == n || strchr("; \t", type.p[n]));
}

bool http_type_json(struct str type)
{
    const char *end = memchr(type.p ? type.p : "", ';', type.n);
    size_t n = end ? (size_t)(end - type.p) : type.n;
    while (n && type.p[n - 1] == ' ') n--;
    return n == 0 || http_type_is(type, "application/json") || (n > 5 && strncasecmp(type.p + n - 5, "+json", 5) == 0);
}

/* ---- what handlers read ---- */

enum http_method http_method(const struct http_req *r) { return (enum http_method)r->method; }
struct str http_path(const struct http_req *r) { return http_at(r, r->path); }
struct str http_target(const struct http_req *r) { return http_at(r, r->target); }
struct str http_query(const struct http_req *r) { return http_at(r, r->query); }
struct str http_body(const struct http_req *r)
{
    if (r->spooled) return (struct str){ r->map, r->map ? r->spool_n : 0 };
    return (struct str){ r->bytes + r->head_n, r->bytes_n - r->head_n };
}
uint64_t http_arrived_us(const struct http_req *r) { return r->arrived_us; }
void http_on_answer(struct http_req *r, http_answer_fn *fn, void *ctx)
{
    r->on_answer = fn;
    r->answer_ctx = ctx;
}
void *http_user(const struct http_req *r) { return r->user; }
void http_set_user(struct http_req *r, void *p) { r->user = p; }
bool http_wants_ws(const struct http_req *r) { return r->wants_ws; }

static char *scratch(struct http_req *r, size_t n)
{
    if (!r->has_scratch) {
        arena_init(&r->scratch, SCRATCH);
        r->has_scratch = true;
    }
    return arena_alloc(&r->scratch, n);
}

struct str http_param(struct http_req *r, const char *name)
{
    struct str q = http_query(r);
    size_t name_n = strlen(name);

    for (size_t i = 0; i < q.n;) {
        const char *amp = memchr(q.p + i, '&', q.n - i);
        size_t end = amp ? (size_t)(amp - q.p) : q.n;
        struct str pair = { q.p + i, end - i };
        i = end + 1;
        if (pair.n < name_n || memcmp(pair.p, name, name_n) != 0) continue;
        if (pair.n > name_n && pair.p[name_n] != '=') continue;
        size_t skip = pair.n > name_n ? name_n + 1 : name_n;
        struct str raw = { pair.p + skip, pair.n - skip }, value = { NULL, 0 };
        char *to = scratch(r, raw.n + 1);
        if (!to || !http_unescape(raw, true, to, &value.n)) return STR_NONE;
        value.p = to;
        return http_text_ok(value) ? value : STR_NONE;
    }
    return STR_NONE;
}

static bool field_is(const struct http_req *r, const struct http_field *f, const char *name, size_t n)
{
    return f->name.n == n && !strncasecmp(r->bytes + f->name.at, name, n);
}

/* `r` is const for the reader: only its scratch memory is touched. */
static struct str join_fields(struct http_req *r, const char *name, size_t n, size_t total)
{
    char *p = scratch(r, total);
    size_t at = 0;

    if (!p) return STR_NONE;
    for (unsigned i = 0; i < r->field_n; i++) {
        if (!field_is(r, &r->fields[i], name, n)) continue;
        struct str v = http_at(r, r->fields[i].value);
        if (at) memcpy(p + at, ", ", 2), at += 2;
        if (v.n) memcpy(p + at, v.p, v.n), at += v.n;
    }
    return (struct str){ p, at };
}

void http_headers(const struct http_req *r, bool (*fn)(void *ctx, struct str name, struct str value), void *ctx)
{
    for (unsigned i = 0; i < r->field_n; i++)
        if (!fn(ctx, http_at(r, r->fields[i].name), http_at(r, r->fields[i].value))) return;
}

struct str http_header(const struct http_req *r, const char *lowercase_name)
{
    size_t n = strlen(lowercase_name), total = 0, count = 0;
    struct str first = STR_NONE;

    for (unsigned i = 0; i < r->field_n; i++) {
        if (!field_is(r, &r->fields[i], lowercase_name, n)) continue;
        if (count++ == 0) first = http_at(r, r->fields[i].value);
        total += r->fields[i].value.n + 2u;
    }
    return count < 2 ? first : join_fields((struct http_req *)r, lowercase_name, n, total);
}
