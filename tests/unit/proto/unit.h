/* What every test of this room includes: cmocka, a macro so that a test reads as a sentence, and sample records. */
#ifndef NARU_TESTS_UNIT_PROTO_UNIT_H
#define NARU_TESTS_UNIT_PROTO_UNIT_H

#include "base/rng.h"
#include "proto/frame.h"

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#define TEST(name)        static void name(void **state __attribute__((unused)))
#define assert_text(s, z) assert_true(str_is((s), (z)))

/* Fills any record with values drawn from `rng`: every field set (or left empty), lists of up to three items. */
static inline void sample(const struct record *r, void *obj, struct arena *a, struct rng *rng);

static inline void sample_field(const struct field *f, void *v, struct arena *a, struct rng *rng)
{
    static const char *const texts[] = { "", "a", "장애가 났어요", "refund_not_showing_up", "it's \"down\"\n" };
    const char *text = texts[rng_below(rng, 5)];

    switch (f->kind) {
    case FIELD_BOOL: *(bool *)v = rng_below(rng, 2); break;
    case FIELD_U32: *(uint32_t *)v = (uint32_t)(rng_u64(rng) >> (32 + rng_below(rng, 32))); break;
    case FIELD_U64:
    case FIELD_TIME: *(uint64_t *)v = rng_u64(rng) >> (20 + rng_below(rng, 44)); break;
    case FIELD_F64: *(double *)v = rng_f64(rng); break;
    case FIELD_ID:
        if (rng_below(rng, 3)) *(struct id *)v = id_new(1700000000000 + rng_below(rng, 1000000), 7, rng);
        break;
    case FIELD_STR:
    case FIELD_BIN: *(struct str *)v = strlen(text) <= f->max ? str_of(text) : STR("x"); break;
    case FIELD_ENUM: *(unsigned *)v = (unsigned)rng_below(rng, f->words->count); break;
    case FIELD_REC: sample(f->item, v, a, rng); break;
    case FIELD_LIST: {
        struct list *l = v;
        l->count = (uint32_t)rng_below(rng, 4);
        l->items = l->count ? arena_alloc(a, l->count * f->item->size) : NULL;
        for (uint32_t i = 0; i < l->count; i++) sample(f->item, (char *)l->items + i * f->item->size, a, rng);
        break;
    }
    }
}

static inline void sample(const struct record *r, void *obj, struct arena *a, struct rng *rng)
{
    memset(obj, 0, r->size);
    for (size_t i = 0; i < r->count; i++) sample_field(&r->fields[i], (char *)obj + r->fields[i].offset, a, rng);
}

union any {
#define ANY_MEMBER(name, FIELDS) struct name name;
    RECORD_MAP(ANY_MEMBER)
};
static const struct record *const all_records[] = {
#define ANY_RECORD(name, FIELDS) &name##_record,
    RECORD_MAP(ANY_RECORD)
};
#define ALL_RECORDS (sizeof all_records / sizeof *all_records)

#endif
