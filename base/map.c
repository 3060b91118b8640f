#include "base/map.h"

#include "base/panic.h"
#include "base/rng.h"

#include <stdlib.h>

/* Slots are a power of two, at most three quarters full. A slot is empty when its value is NULL. An entry lies at or after its
   home (hash & mask) with no empty slot between: lookups stop at the first hole, so a deletion must close the hole it leaves. */

#define SLOTS_FIRST 16

struct map_slot {
    uint32_t hash; /* the lower half: there are no more than 2^32 slots */
    uint32_t key_n;
    const char *key;
    void *value;
};

static uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

static uint64_t load_le(const unsigned char *p, size_t n)
{
    uint64_t w = 0;

    for (size_t i = 0; i < n; i++) w |= (uint64_t)p[i] << (8 * i);
    return w;
}

uint64_t hash_bytes(const void *bytes, size_t n, const uint64_t seed[2])
{
    const unsigned char *p = bytes;
    uint64_t v[4] = { seed[0] ^ UINT64_C(0x736f6d6570736575), seed[1] ^ UINT64_C(0x646f72616e646f6d),
                      seed[0] ^ UINT64_C(0x6c7967656e657261), seed[1] ^ UINT64_C(0x7465646279746573) };
    uint64_t last = (uint64_t)n << 56;

    for (; n >= 8; p += 8, n -= 8) {
        uint64_t w = load_le(p, 8);
        v[3] ^= w;
        sip_round(v);
        v[0] ^= w;
    }
    last |= load_le(p, n);
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xFF;
    for (int i = 0; i < 3; i++) sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void map_init(struct map *m, size_t cap)
{
    struct rng rng;

    rng_seed_os(&rng);
    *m = (struct map){ .cap = cap, .seed = { rng_u64(&rng), rng_u64(&rng) } };
}

void map_fini(struct map *m)
{
    free(m->slots);
    m->slots = NULL;
    m->count = m->mask = 0;
}

static uint32_t hash_of(const struct map *m, struct str key) { return (uint32_t)hash_bytes(key.p, key.n, m->seed); }

static bool is(const struct map_slot *s, struct str key, uint32_t hash)
{
    return s->hash == hash && str_eq((struct str){ s->key, s->key_n }, key);
}

/* The slot that holds `key`, or the hole where it would go. */
static size_t find(const struct map *m, struct str key, uint32_t hash)
{
    size_t i = hash & m->mask;

    while (m->slots[i].value && !is(&m->slots[i], key, hash)) i = (i + 1) & m->mask;
    return i;
}

void *map_get(const struct map *m, struct str key)
{
    if (!m->count) return NULL;
    return m->slots[find(m, key, hash_of(m, key))].value;
}

static enum err grow(struct map *m)
{
    size_t old = m->slots ? m->mask + 1 : 0, room = old ? old * 2 : SLOTS_FIRST;
    struct map_slot *slots;

    if (room - 1 > UINT32_MAX) return ERR_FULL;
    if (!(slots = calloc(room, sizeof *slots))) return ERR_NOMEM;
    for (size_t i = 0; i < old; i++) {
        if (!m->slots[i].value) continue;
        size_t to = m->slots[i].hash & (room - 1);
        while (slots[to].value) to = (to + 1) & (room - 1);
        slots[to] = m->slots[i];
    }
    free(m->slots);
    m->slots = slots;
    m->mask = room - 1;
    return ERR_OK;
}

enum err map_put(struct map *m, struct str key, void *value)
{
    uint32_t hash = hash_of(m, key);
    enum err e;

    naru_assert(value);
    if (m->count && m->slots[find(m, key, hash)].value) return ERR_EXISTS;
    if (m->count >= m->cap || key.n > UINT32_MAX) return ERR_FULL;
    if ((!m->slots || (m->count + 1) * 4 > (m->mask + 1) * 3) && (e = grow(m))) return e;
    m->slots[find(m, key, hash)] = (struct map_slot){ hash, (uint32_t)key.n, key.p, value };
    m->count++;
    return ERR_OK;
}

/* Moves later entries of the run back over the hole, each only if its home does not lie between the hole and itself. */
static void close_hole(struct map *m, size_t hole)
{
    for (size_t i = (hole + 1) & m->mask; m->slots[i].value; i = (i + 1) & m->mask) {
        size_t home = m->slots[i].hash & m->mask;
        if (((i - home) & m->mask) < ((i - hole) & m->mask)) continue;
        m->slots[hole] = m->slots[i];
        hole = i;
    }
    m->slots[hole] = (struct map_slot){ 0 };
}

void *map_del(struct map *m, struct str key)
{
    if (!m->count) return NULL;
    size_t i = find(m, key, hash_of(m, key));
    void *value = m->slots[i].value;
    if (!value) return NULL;
    close_hole(m, i);
    m->count--;
    return value;
}

void *map_next(const struct map *m, size_t *cursor)
{
    size_t room = m->slots ? m->mask + 1 : 0;

    while (*cursor < room) {
        void *value = m->slots[(*cursor)++].value;
        if (value) return value;
    }
    return NULL;
}
