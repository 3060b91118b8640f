#include "base/json.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/panic.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* cJSON builds the tree; what it lets pass is checked around it.

   Before it, over the raw text (one scan, no recursion): UTF-8, NUL, control characters, the form of numbers, and the depth,
   since cJSON recurses. After it: duplicate keys, over the tree, and that nothing follows the value. Because NUL is refused,
   every string of the tree is as long as strlen says.

   A document lives in an arena, so that its dozens of small pieces cost no allocation of their own and are freed at once: while
   `building` is set, cJSON's memory comes from there. The root has no siblings; its `prev` names the arena. One finished arena is
   kept by each thread for its next document.

   The tree has no offsets. A duplicate key is therefore reported by its number in document order, and the raw text is walked
   again for it: slow, but only in the error. */

#define SMALL_OBJECT 12   /* up to so many members are compared pairwise, more go through a map */
#define NUMBER_MAX   63   /* cJSON copies a number into 64 bytes */
#define DEPTH_MAX    1000 /* cJSON's own limit */

/* ---- the raw text ---- */

struct scan {
    const char *p;
    size_t n, i;
    unsigned depth, most;
    const char *why;
};

static bool refuse(struct scan *s, size_t at, const char *why)
{
    s->i = at;
    s->why = why;
    return false;
}

static bool scan_escape(struct scan *s)
{
    if (s->n - s->i >= 6 && !memcmp(s->p + s->i, "\\u0000", 6)) return refuse(s, s->i, "a NUL character (\\u0000) is not allowed");
    s->i += 2;
    return true;
}

/* From the opening quote to behind the closing one. */
static bool scan_string(struct scan *s)
{
    size_t start = s->i++;

    while (s->i < s->n) {
        unsigned char c = (unsigned char)s->p[s->i];
        if (c == '"') {
            s->i++;
            return true;
        }
        if (c == '\\') {
            if (!scan_escape(s)) return false;
        } else if (c < 0x20) {
            return refuse(s, s->i, "a control character in a string must be escaped");
        } else {
            s->i++;
        }
    }
    return refuse(s, start, "a string is not closed");
}

static size_t digits(const struct scan *s, size_t i)
{
    size_t start = i;

    while (i < s->n && s->p[i] >= '0' && s->p[i] <= '9') i++;
    return i - start;
}

/* The end of the number at `i`, or `i` when it has not the form of RFC 8259. */
static size_t number_end(const struct scan *s, size_t i)
{
    size_t start = i, run;

    if (s->p[i] == '-') i++;
    if ((run = digits(s, i)) == 0 || (run > 1 && s->p[i] == '0')) return start;
    i += run;
    if (i < s->n && s->p[i] == '.') {
        if ((run = digits(s, i + 1)) == 0) return start;
        i += 1 + run;
    }
    if (i < s->n && (s->p[i] | 0x20) == 'e') {
        i += i + 1 < s->n && (s->p[i + 1] == '+' || s->p[i + 1] == '-') ? 2 : 1;
        if ((run = digits(s, i)) == 0) return start;
        i += run;
    }
    return i;
}

/* Only an exponent can lead beyond a double within NUMBER_MAX characters. */
static bool overflows(const char *p, size_t n)
{
    char copy[NUMBER_MAX + 1];

    if (!memchr(p, 'e', n) && !memchr(p, 'E', n)) return false;
    memcpy(copy, p, n);
    copy[n] = 0;
    return isinf(strtod(copy, NULL));
}

static bool scan_number(struct scan *s)
{
    size_t start = s->i, end = number_end(s, start);

    if (end == start) return refuse(s, start, "not a number in the form of JSON");
    if (end - start > NUMBER_MAX) return refuse(s, start, "a number has too many digits");
    if (overflows(s->p + start, end - start)) return refuse(s, start, "a number is too large");
    s->i = end;
    return true;
}

static bool scan_open(struct scan *s)
{
    if (s->depth == s->most) return refuse(s, s->i, "nested too deeply");
    s->depth++;
    s->i++;
    return true;
}

static bool scan_token(struct scan *s)
{
    unsigned char c = (unsigned char)s->p[s->i];

    if (c == '"') return scan_string(s);
    if (c == '{' || c == '[') return scan_open(s);
    if (c == '-' || (c >= '0' && c <= '9')) return scan_number(s);
    if ((c == '}' || c == ']') && s->depth > 0) s->depth--;
    if (c == 0) return refuse(s, s->i, "a NUL character is not allowed");
    if (c < 0x20 && c != '\t' && c != '\n' && c != '\r') return refuse(s, s->i, "a control character between values");
    s->i++;
    return true;
}

static bool scan_text(struct scan *s)
{
    while (s->i < s->n)
        if (!scan_token(s)) return false;
    return true;
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static size_t skip_blanks(struct str text, size_t i)
{
    while (i < text.n && is_blank(text.p[i])) i++;
    return i;
}

/* Where the key number `wanted` (from 0, in document order) stands in a text that cJSON accepted: a string before a colon. */
static size_t offset_of_key(struct str text, size_t wanted)
{
    struct scan s = { .p = text.p, .n = text.n, .most = DEPTH_MAX };

    while (s.i < s.n) {
        size_t start = s.i;
        if (!scan_token(&s)) break;
        if (text.p[start] != '"') continue;
        size_t next = skip_blanks(text, s.i);
        if (next < text.n && text.p[next] == ':' && wanted-- == 0) return start;
    }
    return 0;
}

/* ---- duplicate keys ---- */

struct key_walk {
    size_t seen;      /* keys before this place, in document order */
    size_t duplicate; /* number of the offending key */
    enum err err;
};

static bool same_key(const cJSON *a, const cJSON *b) { return a->string[0] == b->string[0] && !strcmp(a->string, b->string); }

static const cJSON *duplicate_pairwise(const cJSON *object)
{
    for (const cJSON *b = object->child; b; b = b->next)
        for (const cJSON *a = object->child; a != b; a = a->next)
            if (same_key(a, b)) return b;
    return NULL;
}

static const cJSON *duplicate_by_map(const cJSON *object, enum err *err)
{
    const cJSON *found = NULL;
    struct map keys;

    map_init(&keys, SIZE_MAX);
    for (cJSON *m = object->child; m && !found; m = m->next) {
        enum err e = map_put(&keys, str_of(m->string), m);
        if (e) found = m;
        if (e && e != ERR_EXISTS) *err = e;
    }
    map_fini(&keys);
    return found;
}

static const cJSON *find_duplicate(const cJSON *object, enum err *err)
{
    size_t members = 0;

    for (const cJSON *m = object->child; m && members <= SMALL_OBJECT; m = m->next) members++;
    return members <= SMALL_OBJECT ? duplicate_pairwise(object) : duplicate_by_map(object, err);
}

/* In document order, so that keys can be counted. Recursion is bounded: the depth was checked before. */
static bool walk_keys(struct key_walk *w, const cJSON *v)
{
    const cJSON *duplicate = cJSON_IsObject(v) ? find_duplicate(v, &w->err) : NULL;

    if (w->err) return false;
    for (const cJSON *m = v->child; m; m = m->next) {
        if (m == duplicate) {
            w->duplicate = w->seen;
            w->err = ERR_JSON;
            return false;
        }
        w->seen += m->string != NULL;
        if (m->child && !walk_keys(w, m)) return false;
    }
    return true;
}

/* ---- the memory of a document ---- */

/* Each thread keeps the arena of the last document that it freed for the next one; it goes when the thread ends. */
static _Thread_local struct arena *building;
static pthread_key_t spare;
static bool keeps; /* the system gave the key */

static void *piece_new(size_t n) { return building ? arena_alloc(building, n) : malloc(n); }

static void piece_free(void *p)
{
    if (!building) free(p);
}

static void memory_free(void *arena)
{
    arena_fini(arena);
    free(arena);
}

static void use_pieces(void)
{
    cJSON_Hooks hooks = { piece_new, piece_free };

    cJSON_InitHooks(&hooks);
    keeps = pthread_key_create(&spare, memory_free) == 0;
}

static struct arena *memory_take(void)
{
    struct arena *a = keeps ? pthread_getspecific(spare) : NULL;

    if (a) pthread_setspecific(spare, NULL);
    if (!a && (a = malloc(sizeof *a))) arena_init(a, SIZE_MAX / 2);
    return a;
}

static void memory_give(struct arena *a)
{
    if (!a) return;
    arena_clear(a);
    if (!keeps || pthread_getspecific(spare) || pthread_setspecific(spare, a)) memory_free(a);
}

static cJSON *build(struct str text, const char **end)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, use_pieces);
    struct arena *a = memory_take();
    if (!a) return NULL;
    building = a;
    cJSON *doc = cJSON_ParseWithLengthOpts(text.p, text.n, end, false);
    building = NULL;
    if (doc) doc->prev = (cJSON *)a;
    else memory_give(a);
    return doc;
}

void json_free(struct json *doc)
{
    if (doc) memory_give((struct arena *)((cJSON *)doc)->prev);
}

/* ---- parsing ---- */

static enum err check_tree(const cJSON *doc, struct str text, const char *end, size_t *at, const char **why)
{
    struct key_walk w = { 0 };

    *at = skip_blanks(text, (size_t)(end - text.p));
    *why = "something follows the value";
    if (*at != text.n) return ERR_JSON;
    *why = "an object has the same key twice";
    if (walk_keys(&w, doc)) return ERR_OK;
    if (w.err == ERR_JSON) *at = offset_of_key(text, w.duplicate);
    if (w.err != ERR_JSON) *why = err_text(w.err);
    return w.err;
}

enum err json_parse(struct json **out, struct str text, unsigned depth, size_t *at, const char **why)
{
    struct scan s = { .p = text.p, .n = text.n, .most = depth < DEPTH_MAX ? depth : DEPTH_MAX };
    const char *end = NULL, *reason = NULL;
    size_t where = 0;
    cJSON *doc = NULL;
    enum err e = ERR_UTF8;

    *out = NULL;
    reason = "not valid UTF-8";
    if (!str_utf8(text, &where)) goto out;
    e = ERR_JSON;
    if (!scan_text(&s)) {
        where = s.i;
        reason = s.why;
        goto out;
    }
    where = skip_blanks(text, 0);
    reason = "there is no value";
    if (where == text.n) goto out;
    doc = build(text, &end);
    if (!doc) {
        where = end ? (size_t)(end - text.p) : 0;
        reason = "not valid JSON";
        goto out;
    }
    e = check_tree(doc, text, end, &where, &reason);
    if (e) goto out;
    *out = (struct json *)doc;
    doc = NULL;
out:
    json_free((struct json *)doc);
    if (e && at) *at = where;
    if (e && why) *why = reason;
    return e;
}

/* ---- reading ---- */

static const cJSON *node(const struct json *v) { return (const cJSON *)v; }

enum json_type json_type(const struct json *v)
{
    int type = v ? node(v)->type & 0xFF : cJSON_NULL;

    if (type == cJSON_Object) return JSON_OBJECT;
    if (type == cJSON_Array) return JSON_ARRAY;
    if (type == cJSON_String) return JSON_STRING;
    if (type == cJSON_Number) return JSON_NUMBER;
    return type == cJSON_True || type == cJSON_False ? JSON_BOOL : JSON_NULL;
}

const char *json_type_name(enum json_type t)
{
    static const char *const names[] = { "null", "true or false", "a number", "a string", "an array", "an object" };

    return (unsigned)t < sizeof names / sizeof *names ? names[t] : "?";
}

const struct json *json_get(const struct json *object, const char *key)
{
    if (!object || !cJSON_IsObject(node(object))) return NULL;
    for (const cJSON *m = node(object)->child; m; m = m->next)
        if (!strcmp(m->string, key)) return (const struct json *)m;
    return NULL;
}

const struct json *json_first(const struct json *container)
{
    return container ? (const struct json *)node(container)->child : NULL;
}

const struct json *json_next(const struct json *item) { return item ? (const struct json *)node(item)->next : NULL; }

struct str json_key(const struct json *member) { return str_of(member ? node(member)->string : NULL); }

struct str json_str(const struct json *v) { return cJSON_IsString(node(v)) ? str_of(node(v)->valuestring) : STR_NONE; }

bool json_bool(const struct json *v) { return cJSON_IsTrue(node(v)); }

double json_num(const struct json *v) { return cJSON_IsNumber(node(v)) ? node(v)->valuedouble : 0; }

#define WHOLE_MAX 9007199254740992.0 /* 2^53: whole numbers up to here are exact */

bool json_is_u64(const struct json *v, uint64_t *out)
{
    if (!v || !cJSON_IsNumber(node(v))) return false;
    double d = node(v)->valuedouble;
    if (!(d >= 0 && d <= WHOLE_MAX) || d != floor(d)) return false;
    *out = (uint64_t)d;
    return true;
}

/* ---- writing ---- */

static void value_begins(struct jw *w)
{
    if (w->comma) buf_addc(w->out, ',');
    w->comma = true;
}

void jw_open(struct jw *w, char bracket)
{
    value_begins(w);
    buf_addc(w->out, bracket);
    w->comma = false;
}

void jw_close(struct jw *w, char bracket)
{
    buf_addc(w->out, bracket);
    w->comma = true;
}

/* 1: stands for itself. Bytes from 0x80 are looked at as whole characters. */
static const unsigned char plain[256] = { [0x20 ... 0x21] = 1, [0x23 ... 0x5B] = 1, [0x5D ... 0x7F] = 1 };

/* Length of the longest start of `s` that can be copied as it is. */
static size_t plain_run(struct str s)
{
    size_t i = 0;

    while (i < s.n) {
        if (plain[(unsigned char)s.p[i]]) {
            i++;
            continue;
        }
        size_t step = (unsigned char)s.p[i] < 0x80 ? 0 : str_utf8_step(s.p + i, s.n - i);
        if (step == 0) break;
        i += step;
    }
    return i;
}

static void add_escaped(struct buf *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char short_form[0x20] = { ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't' };

    if (c >= 0x80) {
        buf_add(out, "\xEF\xBF\xBD", 3); /* U+FFFD */
    } else if (c >= 0x20 || short_form[c]) {
        char two[2] = { '\\', c >= 0x20 ? (char)c : short_form[c] };
        buf_add(out, two, 2);
    } else {
        char six[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
        buf_add(out, six, 6);
    }
}

static void add_string(struct buf *out, struct str s)
{
    buf_addc(out, '"');
    while (s.n > 0) {
        size_t run = plain_run(s);
        buf_add(out, s.p, run);
        if (run < s.n) add_escaped(out, (unsigned char)s.p[run++]);
        s.p += run;
        s.n -= run;
    }
    buf_addc(out, '"');
}

void jw_key(struct jw *w, const char *key)
{
    jw_str(w, str_of(key));
    buf_addc(w->out, ':');
    w->comma = false;
}

void jw_str(struct jw *w, struct str s)
{
    value_begins(w);
    add_string(w->out, s);
}

void jw_strz(struct jw *w, const char *z) { jw_str(w, str_of(z)); }

void jw_u64(struct jw *w, uint64_t v)
{
    value_begins(w);
    buf_addu(w->out, v);
}

/* Whole numbers without a point; true when `v` was one and is written. */
static bool add_whole(struct buf *out, double v)
{
    if (v != floor(v) || fabs(v) > WHOLE_MAX) return false;
    if (v < 0) buf_addc(out, '-');
    buf_addu(out, (uint64_t)fabs(v));
    return true;
}

void jw_f64(struct jw *w, double v)
{
    char text[64];

    value_begins(w);
    if (!isfinite(v)) {
        buf_addz(w->out, "null");
    } else if (fabs(v) < 5e-7) {
        buf_addc(w->out, '0');
    } else if (!add_whole(w->out, v)) {
        bool large = fabs(v) >= 1e15; /* nothing is left behind the point */
        int n = snprintf(text, sizeof text, large ? "%.17g" : "%.6f", v);
        while (!large && text[n - 1] == '0') n--;
        if (text[n - 1] == '.') n--;
        buf_add(w->out, text, (size_t)n);
    }
}

void jw_bool(struct jw *w, bool v)
{
    value_begins(w);
    buf_addz(w->out, v ? "true" : "false");
}

void jw_null(struct jw *w)
{
    value_begins(w);
    buf_addz(w->out, "null");
}

void jw_raw(struct jw *w, struct str json)
{
    value_begins(w);
    buf_addstr(w->out, json.n ? json : STR("null"));
}

/* The shortest of two forms that reads back as the same double. */
static void print_number(struct jw *w, double v)
{
    char text[64];

    value_begins(w);
    if (add_whole(w->out, v)) return;
    snprintf(text, sizeof text, "%.15g", v);
    if (strtod(text, NULL) != v) snprintf(text, sizeof text, "%.17g", v);
    buf_addz(w->out, text);
}

static void print_value(struct jw *w, const struct json *v);

static void print_members(struct jw *w, const struct json *v)
{
    for (const struct json *m = json_first(v); m; m = json_next(m)) {
        if (node(m)->string) jw_key(w, node(m)->string);
        print_value(w, m);
    }
}

static void print_value(struct jw *w, const struct json *v)
{
    enum json_type type = json_type(v);

    if (type == JSON_OBJECT || type == JSON_ARRAY) {
        jw_open(w, type == JSON_OBJECT ? '{' : '[');
        print_members(w, v);
        jw_close(w, type == JSON_OBJECT ? '}' : ']');
    } else if (type == JSON_STRING) {
        jw_str(w, json_str(v));
    } else if (type == JSON_NUMBER) {
        print_number(w, json_num(v));
    } else if (type == JSON_BOOL) {
        jw_bool(w, json_bool(v));
    } else {
        jw_null(w);
    }
}

void json_print(struct buf *out, const struct json *v)
{
    struct jw w = jw_on(out);

    print_value(&w, v);
}

void jw_text(struct jw *w, const char *key, struct str s)
{
    if (s.n) jw_key(w, key), jw_str(w, s);
}

void jw_time(struct jw *w, const char *key, uint64_t wall_ms)
{
    char text[25];
    if (wall_ms) jw_key(w, key), jw_strz(w, clock_text(wall_ms, text));
}
