#include "workers/assign/idmap.h"

#include "base/panic.h"

#include <stdlib.h>

/* Slots are a power of two, at most two thirds full. An entry lies at or after its home with no empty slot between: lookups stop at
   the first hole, so a deletion closes the hole that it leaves. */

#define SLOTS_FIRST 64u

void idmap_init(struct idmap *m, size_t cap)
{
    struct rng rng;

    rng_seed_os(&rng);
    *m = (struct idmap){ .cap = cap, .shift = 64, .seed = { rng_u64(&rng), rng_u64(&rng) | 1 } };
}

void idmap_fini(struct idmap *m)
{
    free(m->slots);
    m->slots = NULL;
    m->count = m->mask = 0;
}

static size_t home_of(const struct idmap *m, const struct id *id)
{
    uint64_t v;

    memcpy(&v, id->b + 8, sizeof v);
    v = (v ^ m->seed[0]) * m->seed[1];
    v ^= v >> 32;
    return (v * 0x9e3779b97f4a7c15ull) >> m->shift; /* the upper bits are the well mixed ones */
}

/* The slot that holds the id, or the hole where it would go. */
static size_t find(const struct idmap *m, const struct id *id)
{
    size_t i = home_of(m, id);

    while (m->slots[i].value && !id_eq(&m->slots[i].id, id)) i = (i + 1) & m->mask;
    return i;
}

void *idmap_get(const struct idmap *m, const struct id *id) { return m->count ? m->slots[find(m, id)].value : NULL; }

static enum err grow(struct idmap *m)
{
    size_t old = m->slots ? m->mask + 1 : 0, room = old ? old * 2 : SLOTS_FIRST;
    struct idmap_slot *was = m->slots, *slots = calloc(room, sizeof *slots);

    if (!slots) return ERR_NOMEM;
    m->slots = slots;
    m->mask = room - 1;
    m->shift = 64u - (unsigned)__builtin_ctzll(room);
    for (size_t i = 0; i < old; i++)
        if (was[i].value) slots[find(m, &was[i].id)] = was[i];
    free(was);
    return ERR_OK;
}

enum err idmap_put(struct idmap *m, const struct id *id, void *value)
{
    enum err e;
    size_t i;

    naru_assert(value);
    if ((!m->slots || (m->count + 1) * 3 > (m->mask + 1) * 2) && m->count < m->cap && (e = grow(m))) return e;
    if (!m->slots) return ERR_FULL;
    i = find(m, id);
    if (m->slots[i].value) return ERR_EXISTS;
    if (m->count >= m->cap) return ERR_FULL;
    m->slots[i] = (struct idmap_slot){ *id, value };
    m->count++;
    return ERR_OK;
}

/* Moves later entries of the run back over the hole, each only if its home does not lie between the hole and itself. */
static void close_hole(struct idmap *m, size_t hole)
{
    for (size_t i = (hole + 1) & m->mask; m->slots[i].value; i = (i + 1) & m->mask) {
        size_t home = home_of(m, &m->slots[i].id);
        if (((i - home) & m->mask) < ((i - hole) & m->mask)) continue;
        m->slots[hole] = m->slots[i];
        hole = i;
    }
    m->slots[hole] = (struct idmap_slot){ .value = NULL };
}

void *idmap_del(struct idmap *m, const struct id *id)
{
    size_t i;
    void *value;

    if (!m->count) return NULL;
    i = find(m, id);
    if (!(value = m->slots[i].value)) return NULL;
    close_hole(m, i);
    m->count--;
    return value;
}

void *idmap_next(const struct idmap *m, size_t *cursor)
{
    size_t room = m->slots ? m->mask + 1 : 0;

    while (*cursor < room) {
        void *value = m->slots[(*cursor)++].value;
        if (value) return value;
    }
    return NULL;
}
