#include "proto/mp.h"

#include "base/limits.h"
#include "base/panic.h"

/* Written here and not taken from msgpack-c, because this is the hot path (about six records an event) and because of what
   msgpack-c does with a stranger's claims: a five-byte array header makes it ask for 24 bytes times the claimed count before it
   looks for the first item, so its input has to be walked beforehand anyway. Measured on a verdict of 193 bytes (-O2, CPU time):
   the walk 0.2 µs, then this reader 0.3 µs with the UTF-8 checks and the record filled in; msgpack_unpack_next 0.4 µs for its tree
   alone. msgpack-c does our packing (mpk.h).

   Always true: p <= end, and p = end once err is set, so no read needs to ask for both. */

bool mp_fail(struct mp *r, enum err e)
{
    if (!r->err) r->err = e;
    r->p = r->end;
    return false;
}

/* First bytes 0xc0 … 0xdf: what they open and how many bytes of number, length or count follow. fixext has its length here. */
static const struct {
    unsigned char kind, width, fixed;
} opens[32] = {
    { MP_NIL, 0, 0 },  { MP_BAD, 0, 0 },  { MP_FALSE, 0, 0 }, { MP_TRUE, 0, 0 }, { MP_BIN, 1, 0 },   { MP_BIN, 2, 0 },
    { MP_BIN, 4, 0 },  { MP_EXT, 1, 0 },  { MP_EXT, 2, 0 },   { MP_EXT, 4, 0 },  { MP_F32, 4, 0 },   { MP_F64, 8, 0 },
    { MP_UINT, 1, 0 }, { MP_UINT, 2, 0 }, { MP_UINT, 4, 0 },  { MP_UINT, 8, 0 }, { MP_INT, 1, 0 },   { MP_INT, 2, 0 },
    { MP_INT, 4, 0 },  { MP_INT, 8, 0 },  { MP_EXT, 0, 1 },   { MP_EXT, 0, 2 },  { MP_EXT, 0, 4 },   { MP_EXT, 0, 8 },
    { MP_EXT, 0, 16 }, { MP_STR, 1, 0 },  { MP_STR, 2, 0 },   { MP_STR, 4, 0 },  { MP_ARRAY, 2, 0 }, { MP_ARRAY, 4, 0 },
    { MP_MAP, 2, 0 },  { MP_MAP, 4, 0 },
};

static uint64_t big_endian(const unsigned char *p, unsigned width)
{
    uint64_t v = 0;

    while (width--) v = v << 8 | *p++;
    return v;
}

static uint64_t sign_extend(uint64_t v, unsigned width)
{
    unsigned shift = 64 - 8 * width;

    return (uint64_t)((int64_t)(v << shift) >> shift);
}

static bool open_wide(struct mp *r, struct mp_item *it, unsigned first)
{
    unsigned width = opens[first - 0xc0].width;

    it->kind = opens[first - 0xc0].kind;
    if (it->kind == MP_BAD || mp_left(r) < width) return mp_fail(r, ERR_PROTO);
    it->v = width ? big_endian(r->p, width) : opens[first - 0xc0].fixed;
    r->p += width;
    if (it->kind == MP_INT) {
        it->v = sign_extend(it->v, width);
        if ((int64_t)it->v >= 0) it->kind = MP_UINT;
    }
    return true;
}

static bool take_body(struct mp *r, struct mp_item *it)
{
    uint64_t n = it->kind == MP_EXT ? it->v + 1 : it->v; /* an ext has its type byte in front */

    if (n > mp_left(r)) return mp_fail(r, ERR_PROTO);
    it->body = (const char *)r->p;
    r->p += n;
    return true;
}

bool mp_next(struct mp *r, struct mp_item *it)
{
    if (r->p == r->end) return mp_fail(r, ERR_PROTO);
    unsigned first = *r->p++;
    if (first < 0x80) return *it = (struct mp_item){ MP_UINT, first, NULL }, true;
    if (first >= 0xe0) return *it = (struct mp_item){ MP_INT, sign_extend(first, 1), NULL }, true;
    if (first >= 0xc0) {
        if (!open_wide(r, it, first)) return false;
    } else if (first >= 0xa0) {
        *it = (struct mp_item){ MP_STR, first & 0x1f, NULL };
    } else {
        *it = (struct mp_item){ first >= 0x90 ? MP_ARRAY : MP_MAP, first & 0x0f, NULL };
    }
    switch (it->kind) {
    case MP_STR:
    case MP_BIN:
    case MP_EXT: return take_body(r, it);
    case MP_ARRAY: return it->v <= mp_left(r) || mp_fail(r, ERR_PROTO); /* every item takes a byte at least */
    case MP_MAP: return it->v <= mp_left(r) / 2 || mp_fail(r, ERR_PROTO);
    default: return true;
    }
}

static bool next_is(struct mp *r, struct mp_item *it, enum mp_kind kind)
{
    return mp_next(r, it) && (it->kind == kind || mp_fail(r, ERR_PROTO));
}

uint64_t mp_uint(struct mp *r, uint64_t max)
{
    struct mp_item it;

    if (r->p < r->end && *r->p < 0x80 && *r->p <= max) return *r->p++; /* most numbers are small */
    if (!next_is(r, &it, MP_UINT)) return 0;
    if (it.v > max) return mp_fail(r, ERR_RANGE), 0;
    return it.v;
}

bool mp_bool(struct mp *r)
{
    struct mp_item it;

    if (!mp_next(r, &it)) return false;
    if (it.kind != MP_TRUE && it.kind != MP_FALSE) return mp_fail(r, ERR_PROTO);
    return it.kind == MP_TRUE;
}

double mp_f64(struct mp *r)
{
    struct mp_item it;
    double d;
    float f;

    if (!mp_next(r, &it)) return 0;
    switch (it.kind) {
    case MP_F64: return memcpy(&d, &it.v, sizeof d), d;
    case MP_F32: {
        uint32_t bits = (uint32_t)it.v;
        return memcpy(&f, &bits, sizeof f), (double)f;
    }
    case MP_UINT: return (double)it.v;
    case MP_INT: return (double)(int64_t)it.v;
    default: return mp_fail(r, ERR_PROTO), 0;
    }
}

static inline uint64_t load(const void *p, size_t n)
{
    uint64_t v = 0;

    return memcpy(&v, p, n), v;
}

/* No byte above 0x7f? Two overlapping looks cover up to sixteen bytes. */
static inline bool all_ascii(const unsigned char *p, size_t n)
{
    const uint64_t high = UINT64_C(0x8080808080808080);
    uint64_t seen = 0;

    if (n < 4) {
        for (size_t i = 0; i < n; i++) seen |= p[i];
    } else if (n < 8) {
        seen = load(p, 4) | load(p + n - 4, 4);
    } else {
        for (size_t i = 0; i + 8 < n && !(seen & high); i += 8) seen |= load(p + i, 8);
        seen |= load(p + n - 8, 8);
    }
    return (seen & high) == 0;
}

/* Is all of it UTF-8? ASCII at once, and the three-byte forms that have no exceptions (Hangul among them) by one look; what else
   there is goes to str_utf8. */
static bool text_ok(const unsigned char *p, size_t n)
{
    const unsigned char *end = p + n;

    if (all_ascii(p, n)) return true;
    while (p < end) {
        if (*p < 0x80) p++;
        else if (end - p >= 3 && *p > 0xe0 && *p < 0xed && (p[1] & 0xc0) == 0x80 && (p[2] & 0xc0) == 0x80) p += 3;
        else return str_utf8((struct str){ (const char *)p, (size_t)(end - p) }, NULL);
    }
    return true;
}

struct str mp_str(struct mp *r, size_t max)
{
    struct mp_item it;

    if (r->p < r->end && (*r->p & 0xe0) == 0xa0 && mp_left(r) > (*r->p & 0x1fu)) { /* most texts are short */
        it.v = *r->p & 0x1f;
        it.body = (const char *)r->p + 1;
        r->p += 1 + it.v;
    } else if (!next_is(r, &it, MP_STR)) {
        return STR_NONE;
    }
    if (it.v > max) return mp_fail(r, ERR_TOOBIG), STR_NONE;
    if (!text_ok((const unsigned char *)it.body, it.v)) return mp_fail(r, ERR_UTF8), STR_NONE;
    return (struct str){ it.body, it.v };
}

struct str mp_bin(struct mp *r, size_t max)
{
    struct mp_item it;

    if (!next_is(r, &it, MP_BIN)) return STR_NONE;
    if (it.v > max) return mp_fail(r, ERR_TOOBIG), STR_NONE;
    return (struct str){ it.body, it.v };
}

bool mp_bin_or_nil(struct mp *r, void *out, size_t n)
{
    struct mp_item it;

    if (mp_left(r) >= 2 + n && r->p[0] == 0xc4 && r->p[1] == n) {
        memcpy(out, r->p + 2, n);
        r->p += 2 + n;
        return true;
    }
    if (!mp_next(r, &it) || it.kind == MP_NIL) return false;
    if (it.kind != MP_BIN || it.v != n) return mp_fail(r, ERR_PROTO);
    memcpy(out, it.body, n);
    return true;
}

uint64_t mp_array(struct mp *r)
{
    struct mp_item it;

    if (r->p < r->end && (*r->p & 0xf0) == 0x90 && (*r->p & 0x0fu) < mp_left(r)) return *r->p++ & 0x0f;
    return next_is(r, &it, MP_ARRAY) ? it.v : 0;
}

enum err mp_end(struct mp *r)
{
    if (r->p != r->end) mp_fail(r, ERR_PROTO);
    return r->err;
}

/* Small numbers, short texts, flags: one look at the first byte is enough. */
static inline bool skip_plain(struct mp *r)
{
    if (r->p == r->end) return false;
    unsigned first = *r->p, n;
    if (first < 0x80 || first >= 0xe0 || first == 0xc2 || first == 0xc3) n = 0;
    else if ((first & 0xe0) == 0xa0) n = first & 0x1f;
    else return false;
    if (n >= mp_left(r)) return false;
    r->p += 1 + n;
    return true;
}

bool mp_skip(struct mp *r, unsigned depth, size_t most, size_t *nodes)
{
    uint64_t left[LIM_MSGPACK_DEPTH]; /* items still to come in each open array or map */
    unsigned at = 0;
    struct mp_item it;

    naru_assert(depth <= LIM_MSGPACK_DEPTH);
    for (;;) {
        if (++*nodes > most) return mp_fail(r, ERR_TOOBIG);
        if (!skip_plain(r)) {
            if (!mp_next(r, &it)) return false;
            if ((it.kind == MP_ARRAY || it.kind == MP_MAP) && it.v) {
                if (at == depth) return mp_fail(r, ERR_TOOBIG);
                left[at++] = it.kind == MP_MAP ? it.v * 2 : it.v;
                continue;
            }
        }
        while (at && --left[at - 1] == 0) at--;
        if (!at) return true;
    }
}
