#include "proto/record.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/panic.h"
#include "proto/mp.h"
#include "proto/mpk.h"

#include <assert.h>
#include <stdlib.h>

/* One row per kind of field, one column per form that a record takes: packed, read, JSON, hash, read from a hash, copied.
   A new kind is a new row. All walk the record's own table, so nothing here ever looks deeper than the tables nest, whatever a
   peer's bytes claim. Enums are unsigned ints in memory (asserted below).

   Texts are never owned by a record: after unpacking they point into the packed bytes, after record_copy into the arena.
   Packing is msgpack-c's; reading is our own (mp.c says why). */

static_assert(sizeof(enum field_kind) == sizeof(unsigned), "enums are read and written as unsigned");

struct emit {
    void (*fn)(void *ctx, struct str name, struct str value);
    void *ctx;
    struct buf *scratch;
};

struct kind {
    size_t size; /* in memory; 0: the record's own */
    void (*pack)(struct buf *out, const struct field *f, const void *v);
    void (*read)(struct mp *r, const struct field *f, void *v, struct arena *arena);
    void (*json)(struct jw *w, const struct field *f, const void *v);
    struct str (*text)(const struct field *f, const void *v, struct buf *scratch); /* the value in a hash */
    enum err (*parse)(const struct field *f, void *v, struct str value, struct arena *arena);
    bool (*copy)(const struct field *f, void *to, const void *from, struct arena *arena); /* NULL: the bytes are enough */
    bool (*absent)(const struct field *f, const void *v);                                 /* NULL: always there */
};
static const struct kind kinds[FIELD_REC + 1];

static inline const void *at(const struct field *f, const void *obj) { return (const char *)obj + f->offset; }
static inline void *at_mut(const struct field *f, void *obj) { return (char *)obj + f->offset; }

int words_find(const struct words *w, struct str word)
{
    for (unsigned i = 0; i < w->count; i++)
        if (str_is(word, w->v[i])) return (int)i;
    return -1;
}

unsigned record_field(const struct record *r, const char *name)
{
    unsigned i = 0;

    while (i < r->count && strcmp(r->fields[i].name, name) != 0) i++;
    naru_assert(i < r->count);
    return i;
}

/* ---- packing ---- */

static void pack_first(struct buf *out, const struct record *r, const void *obj, size_t count)
{
    mpk_array(out, count);
    for (size_t i = 0; i < count; i++) kinds[r->fields[i].kind].pack(out, &r->fields[i], at(&r->fields[i], obj));
}

static void pack_fields(struct buf *out, const struct record *r, const void *obj) { pack_first(out, r, obj, r->count); }

void record_pack(struct buf *out, const struct record *r, const void *obj) { pack_fields(out, r, obj); }

/* Packed and read again it would be what it is without being packed. */
static bool reads_as_zero(const struct field *f, const void *v)
{
    static const char zeros[sizeof(struct id)];
    const struct kind *k = &kinds[f->kind];

    return k->absent ? k->absent(f, v) : k->size && memcmp(v, zeros, k->size) == 0;
}

void record_pack_short(struct buf *out, const struct record *r, const void *obj)
{
    size_t count = r->count;

    while (count && reads_as_zero(&r->fields[count - 1], at(&r->fields[count - 1], obj))) count--;
    pack_first(out, r, obj, count);
}

static void pack_bool(struct buf *out, const struct field *f, const void *v)
{
    (void)f;
    if (*(const bool *)v) mpk_true(out);
    else mpk_false(out);
}

static void pack_u32(struct buf *out, const struct field *f, const void *v)
{
    (void)f;
    mpk_uint32(out, *(const uint32_t *)v);
}

static void pack_u64(struct buf *out, const struct field *f, const void *v)
{
    (void)f;
    mpk_uint64(out, *(const uint64_t *)v);
}

static void pack_f64(struct buf *out, const struct field *f, const void *v)
{
    (void)f;
    mpk_double(out, *(const double *)v);
}

static void pack_id(struct buf *out, const struct field *f, const void *v)
{
    (void)f;
    if (id_is_none(v)) {
        mpk_nil(out);
    } else {
        mpk_bin(out, sizeof(struct id));
        mpk_bin_body(out, v, sizeof(struct id));
    }
}

static void pack_str(struct buf *out, const struct field *f, const void *v)
{
    const struct str *s = v;

    naru_assert(s->n <= f->max);
    mpk_str(out, s->n);
    if (s->n) mpk_str_body(out, s->p, s->n);
}

static void pack_bin(struct buf *out, const struct field *f, const void *v)
{
    const struct str *s = v;

    naru_assert(s->n <= f->max);
    mpk_bin(out, s->n);
    if (s->n) mpk_bin_body(out, s->p, s->n);
}

static void pack_enum(struct buf *out, const struct field *f, const void *v)
{
    naru_assert(*(const unsigned *)v < f->words->count);
    mpk_uint32(out, *(const unsigned *)v);
}

static void pack_list(struct buf *out, const struct field *f, const void *v)
{
    const struct list *l = v;

    naru_assert(l->count <= f->max);
    mpk_array(out, l->count);
    for (uint32_t i = 0; i < l->count; i++) pack_fields(out, f->item, (const char *)l->items + i * f->item->size);
}

static void pack_rec(struct buf *out, const struct field *f, const void *v) { pack_fields(out, f->item, v); }

/* ---- reading ---- */

static void read_fields(struct mp *r, const struct record *rec, void *obj, struct arena *arena)
{
    uint64_t n = mp_array(r);

    if (n > rec->count) mp_fail(r, ERR_PROTO);
    for (size_t i = 0; i < n && !r->err; i++)
        kinds[rec->fields[i].kind].read(r, &rec->fields[i], at_mut(&rec->fields[i], obj), arena);
}

enum err record_read(struct mp *r, const struct record *rec, void *obj, struct arena *arena)
{
    memset(obj, 0, rec->size);
    read_fields(r, rec, obj, arena);
    return r->err;
}

enum err record_unpack(const struct record *r, void *obj, struct str bytes, struct arena *arena)
{
    struct mp mp = mp_on(bytes);

    record_read(&mp, r, obj, arena);
    return mp_end(&mp);
}

enum err record_unpack_one(const struct record *r, const char *name, void *obj, struct str bytes, struct arena *arena)
{
    struct mp mp = mp_on(bytes);
    uint64_t n = mp_array(&mp);
    size_t nodes = 0;
    unsigned i = record_field(r, name);

    memset(obj, 0, r->size);
    for (unsigned before = 0; before < i && n > i; before++) (void)mp_skip(&mp, LIM_MSGPACK_DEPTH, LIM_RECORD_NODES, &nodes);
    if (n > i && !mp.err) kinds[r->fields[i].kind].read(&mp, &r->fields[i], at_mut(&r->fields[i], obj), arena);
    return mp.err;
}

static void read_bool(struct mp *r, const struct field *f, void *v, struct arena *arena)
{
    (void)f, (void)arena;
    *(bool *)v = mp_bool(r);
}

static void read_u32(struct mp *r, const struct field *f, void *v, struct arena *arena)
{
    (void)f, (void)arena;
    *(uint32_t *)v = (uint32_t)mp_uint(r, UINT32_MAX);
}

static void read_u64(struct mp *r, const struct field *f, void *v, struct arena *arena)
{
    (void)f, (void)arena;
    *(uint64_t *)v = mp_uint(r, UINT64_MAX);
}

static void read_f64(struct mp *r, const struct field *f, void *v, struct arena *arena)
{
    (void)f, (void)arena;
    *(double *)v = mp_f64(r);
}

static void read_id(struct mp *r, const struct field *f, void *v, struct arena *arena)
{
    (void)f, (void)arena;
    mp_bin_or_nil(r, v, sizeof(struct id));
}

static void read_str(struct mp *r, const struct field *f, void *v, struct arena *arena)
{
    (void)arena;
    *(struct str *)v = mp_str(r, f->max);
}

static void read_bin(struct mp *r, const struct field *f, void *v, struct arena *arena)
{
    (void)arena;
    *(struct str *)v = mp_bin(r, f->max);
}

static void read_enum(struct mp *r, const struct field *f, void *v, struct arena *arena)
{
    (void)arena;
    *(unsigned *)v = (unsigned)mp_uint(r, f->words->count - 1);
}

static void read_list(struct mp *r, const struct field *f, void *v, struct arena *arena)
{
    struct list *l = v;
    uint64_t n = mp_array(r);

    if (n == 0) return;
    if (n > f->max) return (void)mp_fail(r, ERR_TOOBIG);
    char *items = arena ? arena_alloc(arena, n * f->item->size) : NULL;
    if (!items) return (void)mp_fail(r, ERR_NOMEM);
    *l = (struct list){ items, (uint32_t)n };
    for (uint64_t i = 0; i < n && !r->err; i++) read_fields(r, f->item, items + i * f->item->size, arena);
}

static void read_rec(struct mp *r, const struct field *f, void *v, struct arena *arena) { read_fields(r, f->item, v, arena); }

/* ---- JSON ---- */

static inline bool absent(const struct field *f, const void *v) { return kinds[f->kind].absent && kinds[f->kind].absent(f, v); }

void record_json_fields(struct jw *w, const struct record *r, const void *obj)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct field *f = &r->fields[i];
        const void *v = at(f, obj);
        if (f->kind == FIELD_BIN || (f->kind != FIELD_LIST && absent(f, v))) continue;
        jw_key(w, f->name);
        kinds[f->kind].json(w, f, v);
    }
}

static void json_object(struct jw *w, const struct record *r, const void *obj)
{
    jw_open(w, '{');
    record_json_fields(w, r, obj);
    jw_close(w, '}');
}

void record_json(struct buf *out, const struct record *r, const void *obj)
{
    struct jw w = jw_on(out);

    json_object(&w, r, obj);
}

static void show_bool(struct jw *w, const struct field *f, const void *v)
{
    (void)f;
    jw_bool(w, *(const bool *)v);
}

static void show_u32(struct jw *w, const struct field *f, const void *v)
{
    (void)f;
    jw_u64(w, *(const uint32_t *)v);
}

static void show_u64(struct jw *w, const struct field *f, const void *v)
{
    (void)f;
    jw_u64(w, *(const uint64_t *)v);
}

static void show_f64(struct jw *w, const struct field *f, const void *v)
{
    (void)f;
    jw_f64(w, *(const double *)v);
}

static void show_time(struct jw *w, const struct field *f, const void *v)
{
    char text[25];

    (void)f;
    jw_strz(w, clock_text(*(const uint64_t *)v, text));
}

static void show_id(struct jw *w, const struct field *f, const void *v)
{
    char text[ID_TEXT + 1];

    (void)f;
    jw_strz(w, id_text(v, text));
}

static void show_str(struct jw *w, const struct field *f, const void *v)
{
    (void)f;
    jw_str(w, *(const struct str *)v);
}

static const char *word_of(const struct field *f, const void *v)
{
    unsigned i = *(const unsigned *)v;

    naru_assert(i < f->words->count);
    return f->words->v[i];
}

static void show_enum(struct jw *w, const struct field *f, const void *v) { jw_strz(w, word_of(f, v)); }

static void show_list(struct jw *w, const struct field *f, const void *v)
{
    const struct list *l = v;

    jw_open(w, '[');
    for (uint32_t i = 0; i < l->count; i++) json_object(w, f->item, (const char *)l->items + i * f->item->size);
    jw_close(w, ']');
}

static void show_rec(struct jw *w, const struct field *f, const void *v) { json_object(w, f->item, v); }

/* ---- the Redis hash, written ---- */

void record_hash(const struct record *r, const void *obj, uint64_t only, void (*emit)(void *ctx, struct str name, struct str value),
                 void *ctx)
{
    struct buf scratch;

    buf_init(&scratch, LIM_ZMQ_MESSAGE);
    for (size_t i = 0; i < r->count; i++) {
        const struct field *f = &r->fields[i];
        const void *v = at(f, obj);
        bool empty = absent(f, v);
        if (only == ~UINT64_C(0) ? empty : !(i < 64 && only >> i & 1)) continue;
        buf_clear(&scratch);
        emit(ctx, str_of(f->name), empty ? STR("") : kinds[f->kind].text(f, v, &scratch));
    }
    buf_fini(&scratch);
}

static struct str text_bool(const struct field *f, const void *v, struct buf *scratch)
{
    (void)f, (void)scratch;
    return *(const bool *)v ? STR("1") : STR("0");
}

static struct str text_u32(const struct field *f, const void *v, struct buf *scratch)
{
    (void)f;
    buf_addu(scratch, *(const uint32_t *)v);
    return buf_str(scratch);
}

static struct str text_u64(const struct field *f, const void *v, struct buf *scratch)
{
    (void)f;
    buf_addu(scratch, *(const uint64_t *)v);
    return buf_str(scratch);
}

static struct str text_f64(const struct field *f, const void *v, struct buf *scratch)
{
    (void)f;
    buf_addf(scratch, "%.17g", *(const double *)v);
    return buf_str(scratch);
}

static struct str text_id(const struct field *f, const void *v, struct buf *scratch)
{
    (void)f, (void)scratch;
    return (struct str){ v, sizeof(struct id) };
}

static struct str text_str(const struct field *f, const void *v, struct buf *scratch)
{
    (void)f, (void)scratch;
    return *(const struct str *)v;
}

static struct str text_enum(const struct field *f, const void *v, struct buf *scratch)
{
    (void)scratch;
    return str_of(word_of(f, v));
}

static struct str text_list(const struct field *f, const void *v, struct buf *scratch)
{
    pack_list(scratch, f, v);
    naru_assert(!scratch->err); /* 256 bounded items fit the cap */
    return buf_str(scratch);
}

static struct str text_rec(const struct field *f, const void *v, struct buf *scratch)
{
    (void)f, (void)v, (void)scratch;
    naru_panic(__FILE__, __LINE__, "a record within a record has no place in a hash");
}

/* ---- the Redis hash, read ---- */

enum err record_from_hash(const struct record *r, void *obj, struct str name, struct str value, struct arena *arena)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct field *f = &r->fields[i];
        if (!str_is(name, f->name)) continue;
        if (value.n == 0 && kinds[f->kind].absent) { /* "" is how a hash says: no value any more */
            memset(at_mut(f, obj), 0, kinds[f->kind].size);
            return ERR_OK;
        }
        return kinds[f->kind].parse(f, at_mut(f, obj), value, arena);
    }
    return ERR_NOTFOUND;
}

static enum err parse_bool(const struct field *f, void *v, struct str value, struct arena *arena)
{
    (void)f, (void)arena;
    if (value.n != 1 || (*value.p != '0' && *value.p != '1')) return ERR_PROTO;
    *(bool *)v = *value.p == '1';
    return ERR_OK;
}

static enum err parse_u32(const struct field *f, void *v, struct str value, struct arena *arena)
{
    uint64_t n;

    (void)f, (void)arena;
    if (str_u64(value, 0, UINT32_MAX, &n)) return ERR_PROTO;
    *(uint32_t *)v = (uint32_t)n;
    return ERR_OK;
}

static enum err parse_u64(const struct field *f, void *v, struct str value, struct arena *arena)
{
    (void)f, (void)arena;
    return str_u64(value, 0, UINT64_MAX, v) ? ERR_PROTO : ERR_OK;
}

static enum err parse_f64(const struct field *f, void *v, struct str value, struct arena *arena)
{
    char text[40], *end;

    (void)f, (void)arena;
    if (value.n >= sizeof text) return ERR_PROTO;
    memcpy(text, value.p, value.n);
    text[value.n] = 0;
    *(double *)v = strtod(text, &end);
    return end == text + value.n ? ERR_OK : ERR_PROTO;
}

static enum err parse_id(const struct field *f, void *v, struct str value, struct arena *arena)
{
    (void)f, (void)arena;
    if (value.n != sizeof(struct id)) return ERR_PROTO;
    memcpy(v, value.p, value.n);
    return ERR_OK;
}

static enum err parse_str(const struct field *f, void *v, struct str value, struct arena *arena)
{
    (void)arena;
    if (value.n > f->max || !str_utf8(value, NULL)) return ERR_PROTO;
    *(struct str *)v = value;
    return ERR_OK;
}

static enum err parse_bin(const struct field *f, void *v, struct str value, struct arena *arena)
{
    (void)arena;
    if (value.n > f->max) return ERR_PROTO;
    *(struct str *)v = value;
    return ERR_OK;
}

static enum err parse_enum(const struct field *f, void *v, struct str value, struct arena *arena)
{
    int i = words_find(f->words, value);

    (void)arena;
    if (i < 0) return ERR_PROTO;
    *(unsigned *)v = (unsigned)i;
    return ERR_OK;
}

static enum err parse_list(const struct field *f, void *v, struct str value, struct arena *arena)
{
    struct mp mp = mp_on(value);

    read_list(&mp, f, v, arena);
    return mp_end(&mp) == ERR_NOMEM ? ERR_NOMEM : mp.err ? ERR_PROTO : ERR_OK;
}

static enum err parse_rec(const struct field *f, void *v, struct str value, struct arena *arena)
{
    (void)f, (void)v, (void)value, (void)arena;
    return ERR_PROTO;
}

/* ---- copies ---- */

static bool copy_fields(const struct record *r, void *to, const void *from, struct arena *arena)
{
    bool ok = true;

    for (size_t i = 0; i < r->count && ok; i++) {
        const struct field *f = &r->fields[i];
        if (kinds[f->kind].copy) ok = kinds[f->kind].copy(f, at_mut(f, to), at(f, from), arena);
    }
    return ok;
}

enum err record_copy(const struct record *r, void *to, const void *from, struct arena *arena)
{
    memcpy(to, from, r->size);
    return copy_fields(r, to, from, arena) ? ERR_OK : ERR_NOMEM;
}

static bool copy_str(const struct field *f, void *to, const void *from, struct arena *arena)
{
    const struct str *s = from;
    char *p = s->n ? arena_strdup(arena, *s) : NULL;

    (void)f;
    *(struct str *)to = (struct str){ p, p ? s->n : 0 };
    return p || s->n == 0;
}

static bool copy_list(const struct field *f, void *to, const void *from, struct arena *arena)
{
    const struct list *l = from;
    size_t size = f->item->size;
    char *items = l->count ? arena_alloc(arena, l->count * size) : NULL;
    bool ok = items || l->count == 0;

    *(struct list *)to = (struct list){ items, items ? l->count : 0 };
    if (items) memcpy(items, l->items, l->count * size);
    for (uint32_t i = 0; items && i < l->count && ok; i++)
        ok = copy_fields(f->item, items + i * size, (const char *)l->items + i * size, arena);
    return ok;
}

static bool copy_rec(const struct field *f, void *to, const void *from, struct arena *arena)
{
    return copy_fields(f->item, to, from, arena);
}

/* ---- what counts as no value ---- */

static bool no_time(const struct field *f, const void *v) { return (void)f, *(const uint64_t *)v == 0; }
static bool no_id(const struct field *f, const void *v) { return (void)f, id_is_none(v); }
static bool no_str(const struct field *f, const void *v) { return (void)f, ((const struct str *)v)->n == 0; }
static bool no_items(const struct field *f, const void *v) { return (void)f, ((const struct list *)v)->count == 0; }

static const struct kind kinds[FIELD_REC + 1] = {
    [FIELD_BOOL] = { sizeof(bool), pack_bool, read_bool, show_bool, text_bool, parse_bool, NULL, NULL },
    [FIELD_U32] = { sizeof(uint32_t), pack_u32, read_u32, show_u32, text_u32, parse_u32, NULL, NULL },
    [FIELD_U64] = { sizeof(uint64_t), pack_u64, read_u64, show_u64, text_u64, parse_u64, NULL, NULL },
    [FIELD_F64] = { sizeof(double), pack_f64, read_f64, show_f64, text_f64, parse_f64, NULL, NULL },
    [FIELD_TIME] = { sizeof(uint64_t), pack_u64, read_u64, show_time, text_u64, parse_u64, NULL, no_time },
    [FIELD_ID] = { sizeof(struct id), pack_id, read_id, show_id, text_id, parse_id, NULL, no_id },
    [FIELD_STR] = { sizeof(struct str), pack_str, read_str, show_str, text_str, parse_str, copy_str, no_str },
    [FIELD_BIN] = { sizeof(struct str), pack_bin, read_bin, show_str, text_str, parse_bin, copy_str, no_str },
    [FIELD_ENUM] = { sizeof(unsigned), pack_enum, read_enum, show_enum, text_enum, parse_enum, NULL, NULL },
    [FIELD_LIST] = { sizeof(struct list), pack_list, read_list, show_list, text_list, parse_list, copy_list, no_items },
    [FIELD_REC] = { 0, pack_rec, read_rec, show_rec, text_rec, parse_rec, copy_rec, NULL },
};
