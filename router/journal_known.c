/* Identities live in a ring, in the order in which they were settled, because they leave in that order; the index over them is
   1,024 small open-addressing tables of 32-bit ring positions, so that growing one never stops the loop for long (at 5 million
   identities one part holds 5,000). About 56 bytes an identity.

   Always true: a slot holds position + 1 of an entry between tail and head, and an id has at most one slot. The hash is keyed, for
   ids are made from what customers send. */
#include "router/journal_known.h"

#include "base/limits.h"

#include <stdlib.h>

#define RING (KNOWN_BLOCK * KNOWN_BLOCKS)
_Static_assert(RING > LIM_IDENTITIES + LIM_IDENTITIES / 2, "the ring has room beyond the limit, for what may not leave yet");

void known_init(struct known *k)
{
    memset(k, 0, sizeof *k);
    rng_secret(k->seed, sizeof k->seed);
    k->seed[0] |= 1;
}

void known_fini(struct known *k)
{
    for (size_t i = 0; i < KNOWN_BLOCKS; i++) free(k->blocks[i]);
    for (size_t i = 0; i < KNOWN_PARTS; i++) free(k->parts[i].slots);
    memset(k, 0, sizeof *k);
}

static struct known_entry *entry_at(const struct known *k, uint32_t pos)
{
    pos &= RING - 1;
    return &k->blocks[pos / KNOWN_BLOCK][pos % KNOWN_BLOCK];
}

static uint64_t hash_of(const struct known *k, const struct id *id)
{
    uint64_t w[2];
    memcpy(w, id->b, sizeof w);
    __extension__ unsigned __int128 m = (unsigned __int128)(w[0] ^ k->seed[0]) * ((w[1] ^ k->seed[1]) | 1);
    uint64_t h = (uint64_t)m ^ (uint64_t)(m >> 64);
    return (h ^ h >> 29) * 0x9E3779B97F4A7C15ull;
}

static struct known_part *part_of(const struct known *k, uint64_t hash) { return (struct known_part *)&k->parts[hash >> 54]; }

/* The slot that holds `id`, or the empty one where it would go; room > 0. */
static uint32_t slot_of(const struct known *k, const struct known_part *p, uint64_t hash, const struct id *id)
{
    uint32_t i = (uint32_t)hash & (p->room - 1);
    while (p->slots[i] && !id_eq(&entry_at(k, p->slots[i] - 1)->id, id)) i = (i + 1) & (p->room - 1);
    return i;
}

static enum err part_grow(const struct known *k, struct known_part *p)
{
    if (p->room && p->count < p->room - p->room / 4) return ERR_OK;
    struct known_part bigger = { NULL, p->count, p->room ? p->room * 2 : 16 };
    if (!(bigger.slots = calloc(bigger.room, sizeof *bigger.slots))) return ERR_NOMEM;
    for (uint32_t i = 0; i < p->room; i++) {
        if (!p->slots[i]) continue;
        uint32_t at = (uint32_t)hash_of(k, &entry_at(k, p->slots[i] - 1)->id) & (bigger.room - 1);
        while (bigger.slots[at]) at = (at + 1) & (bigger.room - 1);
        bigger.slots[at] = p->slots[i];
    }
    free(p->slots);
    *p = bigger;
    return ERR_OK;
}

/* Backward-shift deletion: no tombstones. */
static void slot_clear(const struct known *k, struct known_part *p, uint32_t hole)
{
    uint32_t mask = p->room - 1;
    p->count--;
    for (uint32_t i = (hole + 1) & mask; p->slots[i]; i = (i + 1) & mask) {
        uint32_t home = (uint32_t)hash_of(k, &entry_at(k, p->slots[i] - 1)->id) & mask;
        if (((i - home) & mask) < ((i - hole) & mask)) continue; /* between hole and itself: stays */
        p->slots[hole] = p->slots[i];
        hole = i;
    }
    p->slots[hole] = 0;
}

enum err known_put(struct known *k, const struct id *id, const struct id *ticket, uint64_t at, uint64_t number)
{
    if (known_count(k) >= RING - KNOWN_BLOCK) return ERR_FULL; /* never both ends in one block */
    uint32_t pos = k->head & (RING - 1);
    struct known_entry **block = &k->blocks[pos / KNOWN_BLOCK];
    if (!*block && !(*block = malloc(KNOWN_BLOCK * sizeof **block))) return ERR_NOMEM;
    uint64_t hash = hash_of(k, id);
    struct known_part *p = part_of(k, hash);
    enum err e = part_grow(k, p);
    if (e) return e;
    uint32_t slot = slot_of(k, p, hash, id);
    *entry_at(k, pos) = (struct known_entry){ *id, *ticket, at, number };
    if (!p->slots[slot]) p->count++;
    p->slots[slot] = pos + 1;
    k->head++;
    return ERR_OK;
}

const struct known_entry *known_get(const struct known *k, const struct id *id)
{
    uint64_t hash = hash_of(k, id);
    const struct known_part *p = part_of(k, hash);
    if (!p->room) return NULL;
    uint32_t slot = slot_of(k, p, hash, id);
    return p->slots[slot] ? entry_at(k, p->slots[slot] - 1) : NULL;
}

/* Takes the entry at `pos` out of the index, unless a newer one of its id stands there. */
static void unindex(struct known *k, uint32_t pos)
{
    const struct id *id = &entry_at(k, pos)->id;
    uint64_t hash = hash_of(k, id);
    struct known_part *p = part_of(k, hash);
    if (!p->room) return;
    uint32_t slot = slot_of(k, p, hash, id);
    if (p->slots[slot] == (pos & (RING - 1)) + 1) slot_clear(k, p, slot);
}

void known_undo(struct known *k, const struct id *id, uint64_t number)
{
    struct known_entry *e = (struct known_entry *)known_get(k, id);
    if (!e || e->number != number) return;
    uint64_t hash = hash_of(k, id);
    struct known_part *p = part_of(k, hash);
    slot_clear(k, p, slot_of(k, p, hash, id));
    e->number = 0;
}

const struct known_entry *known_oldest(const struct known *k) { return known_count(k) ? entry_at(k, k->tail) : NULL; }

void known_shift(struct known *k)
{
    uint32_t pos = k->tail & (RING - 1);
    if (entry_at(k, pos)->number) unindex(k, pos);
    k->tail++;
    if (pos % KNOWN_BLOCK == KNOWN_BLOCK - 1) {
        free(k->blocks[pos / KNOWN_BLOCK]);
        k->blocks[pos / KNOWN_BLOCK] = NULL;
    }
}
