/* Open addressing, never more than half full, never changed once made. The hash is a plain FNV-1a (Fowler, Noll, Vo): what is in
   the table comes from the policy's author, and a customer's values are only looked up, so nobody outside can make it slow. */
#include "workers/triage/facts.h"

#include "base/panic.h"

#include <stdlib.h>

struct fact {
    uint64_t hash;
    struct str value;
    uint32_t key;
    enum fact_of of;
};

static uint64_t hash_of(enum fact_of of, uint32_t key, struct str value)
{
    uint64_t h = 0xcbf29ce484222325ull ^ ((uint64_t)key << 8 | (uint64_t)of);
    for (size_t i = 0; i < value.n; i++) h = (h ^ (unsigned char)value.p[i]) * 0x100000001b3ull;
    h *= 0x9e3779b97f4a7c15ull;
    return h ^ h >> 29;
}

enum err facts_init(struct facts *f, uint32_t most)
{
    uint32_t size = 16;
    *f = (struct facts){ 0 };
    while (size < 2 * most) size *= 2;
    f->v = calloc((size_t)most + 1, sizeof *f->v);
    f->table = calloc(size, sizeof *f->table);
    f->mask = size - 1;
    return f->v && f->table ? ERR_OK : ERR_NOMEM;
}

void facts_fini(struct facts *f)
{
    free(f->v);
    free(f->table);
    *f = (struct facts){ 0 };
}

/* Its place in the table, or the empty one where it would be. */
static uint32_t place_of(const struct facts *f, uint64_t hash, enum fact_of of, uint32_t key, struct str value)
{
    uint32_t at = (uint32_t)hash & f->mask;
    for (; f->table[at]; at = (at + 1) & f->mask) {
        const struct fact *x = &f->v[f->table[at] - 1];
        if (x->hash == hash && x->of == of && x->key == key && str_eq(x->value, value)) break;
    }
    return at;
}

uint32_t facts_put(struct facts *f, enum fact_of of, uint32_t key, struct str value)
{
    uint64_t hash = hash_of(of, key, value);
    uint32_t at = place_of(f, hash, of, key, value);
    if (f->table[at]) return f->table[at] - 1;
    naru_assert(2 * f->count <= f->mask);
    f->v[f->count] = (struct fact){ hash, value, key, of };
    f->table[at] = ++f->count;
    if (value.n > f->longest) f->longest = value.n;
    return f->count - 1;
}

uint32_t facts_get(const struct facts *f, enum fact_of of, uint32_t key, struct str value)
{
    if (value.n > f->longest || f->count == 0) return FACT_NONE;
    uint32_t at = place_of(f, hash_of(of, key, value), of, key, value);
    return f->table[at] ? f->table[at] - 1 : FACT_NONE;
}
