/* A sticky reader over msgpack bytes that somebody else wrote. The first failure is remembered in `err`; later reads are harmless
   and give zero, so a caller reads a whole record and asks once. A length or count that claims more than the bytes left fails
   before anything is done with it. Nothing is copied: texts point into the bytes. */
#ifndef NARU_PROTO_MP_H
#define NARU_PROTO_MP_H

#include "base/str.h"

enum mp_kind { MP_BAD, MP_NIL, MP_FALSE, MP_TRUE, MP_UINT, MP_INT, MP_F32, MP_F64, MP_STR, MP_BIN, MP_ARRAY, MP_MAP, MP_EXT };

struct mp {
    const unsigned char *p, *end;
    enum err err;
};
struct mp_item {
    enum mp_kind kind;
    uint64_t v;       /* the number (a negative one sign-extended, a float by its bits), or the length, or the count */
    const char *body; /* STR, BIN, EXT */
};

static inline struct mp mp_on(struct str bytes)
{
    const unsigned char *p = (const unsigned char *)bytes.p;
    return (struct mp){ p, p ? p + bytes.n : p, ERR_OK };
}
static inline size_t mp_left(const struct mp *r) { return (size_t)(r->end - r->p); }
/* Remembers the first failure; false, for `return mp_fail(…)`. */
bool mp_fail(struct mp *r, enum err e);
/* One header with its body; the items of an array or map follow it. */
bool mp_next(struct mp *r, struct mp_item *it);

uint64_t mp_uint(struct mp *r, uint64_t max); /* ERR_RANGE beyond max */
bool mp_bool(struct mp *r);
double mp_f64(struct mp *r);                           /* a whole number is taken for a float too: JavaScript writes 1.0 as 1 */
struct str mp_str(struct mp *r, size_t max);           /* ERR_TOOBIG, ERR_UTF8 */
struct str mp_bin(struct mp *r, size_t max);           /* ERR_TOOBIG */
bool mp_bin_or_nil(struct mp *r, void *out, size_t n); /* exactly n bytes copied to `out`; false for nil */
uint64_t mp_array(struct mp *r);                       /* the count */
enum err mp_end(struct mp *r);                         /* ERR_PROTO when bytes are left */
/* Walks over one whole value of any kind. *nodes counts on and may not pass `most`: ERR_TOOBIG, as for more than `depth` levels. */
bool mp_skip(struct mp *r, unsigned depth, size_t most, size_t *nodes);

#endif
