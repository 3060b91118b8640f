/* A hash map from ids to pointers, as base/map.h is from texts. What a value points to begins with its id, which stands still while
   it is in the map: the map keeps no copy, only 32 bits of its hash, so a lookup goes through one dense array and opens what it
   has found. Ids are random in their last eight bytes (a SHA-256 or a random number), so that a multiplication by a secret number
   spreads them. */
#ifndef NARU_BASE_IDMAP_H
#define NARU_BASE_IDMAP_H

#include "base/err.h"
#include "base/id.h"

struct idmap {
    uint32_t *hash; /* 0: empty */
    void **value;   /* as many; in one block with `hash` */
    size_t count, mask, cap;
    unsigned shift;
    uint64_t seed[2];
};

void idmap_init(struct idmap *m, size_t cap); /* at most 2^31 */
void idmap_fini(struct idmap *m);
void *idmap_get(const struct idmap *m, const struct id *id); /* NULL: not there */
enum err idmap_put(struct idmap *m, void *value);            /* under the id it begins with; ERR_EXISTS, ERR_FULL, ERR_NOMEM */
void *idmap_del(struct idmap *m, const struct id *id);       /* what was there, or NULL */
void *idmap_next(const struct idmap *m, size_t *cursor);     /* from 0; not while the map changes */

#endif
