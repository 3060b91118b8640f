/* JSON in (cJSON behind this header, with the checks it lacks) and JSON out (a small writer over buf). */
#ifndef NARU_BASE_JSON_H
#define NARU_BASE_JSON_H

#include "base/buf.h"

struct json; /* a parsed document or any value in it; values are borrowed from their document */

/* Refuses: bad UTF-8, NUL characters (raw or \u0000), duplicate keys, depth over `depth`, anything after the value.
   On error *at is the offset of the trouble and `why` a sentence for people (static text). The caller owns *out: json_free. */
enum err json_parse(struct json **out, struct str text, unsigned depth, size_t *at, const char **why);
void json_free(struct json *doc);

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };
enum json_type json_type(const struct json *v);
const char *json_type_name(enum json_type t);                            /* "a string", "an object", … */
const struct json *json_get(const struct json *object, const char *key); /* NULL when absent or not an object */
const struct json *json_first(const struct json *container);             /* first member or item, NULL when none */
const struct json *json_next(const struct json *item);
struct str json_key(const struct json *member);
struct str json_str(const struct json *v); /* STR_NONE unless a string */
bool json_bool(const struct json *v);
double json_num(const struct json *v);
bool json_is_u64(const struct json *v, uint64_t *out); /* a whole number 0..2^53 */
/* The value again as compact text. */
void json_print(struct buf *out, const struct json *v);

/* Writer: commas are its business. jw_open('{') jw_key("a") jw_str(…) jw_close('}'). */
struct jw {
    struct buf *out;
    bool comma;
};
static inline struct jw jw_on(struct buf *out) { return (struct jw){ out, false }; }
void jw_open(struct jw *w, char bracket);  /* '{' or '[' */
void jw_close(struct jw *w, char bracket); /* '}' or ']' */
void jw_key(struct jw *w, const char *key);
void jw_str(struct jw *w, struct str s);
void jw_strz(struct jw *w, const char *z);
void jw_u64(struct jw *w, uint64_t v);
void jw_f64(struct jw *w, double v); /* at most 6 significant digits after the point; NaN and infinities become null */
void jw_bool(struct jw *w, bool v);
void jw_null(struct jw *w);
void jw_raw(struct jw *w, struct str json); /* already JSON */
/* A member, key and value, where there is a value: a text that is not empty, a time (wall ms) that is not 0. */
void jw_text(struct jw *w, const char *key, struct str s);
void jw_time(struct jw *w, const char *key, uint64_t wall_ms);

#endif
