/* A hash map from byte strings to pointers: open addressing, linear probing, backward-shift deletion, keyed hash (so that
   customers cannot choose collisions). Keys are borrowed: they must live inside the value, or as long as the entry. */
#ifndef NARU_BASE_MAP_H
#define NARU_BASE_MAP_H

#include "base/str.h"

struct map_slot;
struct map {
    struct map_slot *slots;
    size_t count, mask, cap; /* cap: most entries, given at init */
    uint64_t seed[2];
};

void map_init(struct map *m, size_t cap);
void map_fini(struct map *m); /* does not free values */
void *map_get(const struct map *m, struct str key); /* NULL when absent */
/* ERR_EXISTS when the key is there (nothing changes), ERR_FULL at the cap, ERR_NOMEM. `value` is not NULL. */
enum err map_put(struct map *m, struct str key, void *value);
void *map_del(struct map *m, struct str key); /* the value that was there, or NULL */
/* for (size_t i = 0; (v = map_next(m, &i)); ) …   Nothing may be put or deleted while walking. */
void *map_next(const struct map *m, size_t *cursor);
/* SipHash-1-3 (Aumasson and Bernstein 2012) under `seed`. */
uint64_t hash_bytes(const void *p, size_t n, const uint64_t seed[2]);

#endif
