#include "base/idmap.h"

#include <stdlib.h>

/* Places are a power of two, at most two thirds full. An entry lies at or after its home with no empty place between: lookups stop
   at the first hole, so a deletion closes the hole that it leaves. The home of an entry is the upper bits of its hash. */

#define PLACES_FIRST 64u

void idmap_init(struct idmap *m, size_t cap)
{
    struct rng rng;

    rng_seed_os(&rng);
    *m = (struct idmap){ .cap = cap, .shift = 32, .seed = { rng_u64(&rng), rng_u64(&rng) | 1 } };
}

void idmap_fini(struct idmap *m)
{
    free(m->value);
    m->value = NULL;
    m->hash = NULL;
    m->count = m->mask = 0;
}

static uint32_t hash_of(const struct idmap *m, const struct id *id)
{
    uint64_t v;

    memcpy(&v, id->b + 8, sizeof v);
    v = (v ^ m->seed[0]) * m->seed[1];
    v ^= v >> 32;
    v = (v * 0x9e3779b97f4a7c15ull) >> 32; /* the upper bits are the well mixed ones */
    return v ? (uint32_t)v : 1;
}

static size_t home_of(const struct idmap *m, uint32_t hash) { return hash >> m->shift; }

/* The place that holds the id, or the hole where it would go. */
static size_t find(const struct idmap *m, const struct id *id, uint32_t hash)
{
    size_t i = home_of(m, hash);

    while (m->hash[i] && !(m->hash[i] == hash && id_eq(m->value[i], id))) i = (i + 1) & m->mask;
    return i;
}

void *idmap_get(const struct idmap *m, const struct id *id) { return m->count ? m->value[find(m, id, hash_of(m, id))] : NULL; }

static enum err grow(struct idmap *m)
{
    size_t old = m->value ? m->mask + 1 : 0, room = old ? old * 2 : PLACES_FIRST;
    struct idmap was = *m;

    if (!(m->value = calloc(room, sizeof *m->value + sizeof *m->hash))) {
        *m = was;
        return ERR_NOMEM;
    }
    m->hash = (uint32_t *)(m->value + room);
    m->mask = room - 1;
    m->shift = 32u - (unsigned)__builtin_ctzll(room);
    for (size_t i = 0; i < old; i++) {
        size_t to = home_of(m, was.hash[i]);
        if (!was.hash[i]) continue;
        while (m->hash[to]) to = (to + 1) & m->mask;
        m->hash[to] = was.hash[i];
        m->value[to] = was.value[i];
    }
    free(was.value);
    return ERR_OK;
}

enum err idmap_put(struct idmap *m, void *value)
{
    uint32_t hash = hash_of(m, value);
    enum err e;
    size_t i;

    if ((!m->value || (m->count + 1) * 3 > (m->mask + 1) * 2) && m->count < m->cap && (e = grow(m))) return e;
    if (!m->value) return ERR_FULL;
    i = find(m, value, hash);
    if (m->hash[i]) return ERR_EXISTS;
    if (m->count >= m->cap) return ERR_FULL;
    m->hash[i] = hash;
    m->value[i] = value;
    m->count++;
    return ERR_OK;
}

/* Moves later entries of the run back over the hole, each only if its home does not lie between the hole and itself. */
static void close_hole(struct idmap *m, size_t hole)
{
    for (size_t i = (hole + 1) & m->mask; m->hash[i]; i = (i + 1) & m->mask) {
        size_t home = home_of(m, m->hash[i]);
        if (((i - home) & m->mask) < ((i - hole) & m->mask)) continue;
        m->hash[hole] = m->hash[i];
        m->value[hole] = m->value[i];
        hole = i;
    }
    m->hash[hole] = 0;
    m->value[hole] = NULL;
}

void *idmap_del(struct idmap *m, const struct id *id)
{
    size_t i;
    void *value;

    if (!m->count) return NULL;
    i = find(m, id, hash_of(m, id));
    if (!(value = m->value[i])) return NULL;
    close_hole(m, i);
    m->count--;
    return value;
}

void *idmap_next(const struct idmap *m, size_t *cursor)
{
    size_t room = m->value ? m->mask + 1 : 0;

    while (*cursor < room) {
        void *value = m->value[(*cursor)++];
        if (value) return value;
    }
    return NULL;
}
