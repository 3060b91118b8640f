/* A hash map from ids to pointers, as base/map.h is from texts. Ids are random in their last eight bytes (a SHA-256 or a random
   number), so that a multiplication by a secret number spreads them, and they lie in the slots: a lookup touches one place. */
#ifndef NARU_ASSIGN_IDMAP_H
#define NARU_ASSIGN_IDMAP_H

#include "base/err.h"
#include "base/id.h"

struct idmap_slot {
    struct id id;
    void *value; /* NULL: empty */
};
struct idmap {
    struct idmap_slot *slots;
    size_t count, mask, cap;
    unsigned shift;
    uint64_t seed[2];
};

void idmap_init(struct idmap *m, size_t cap);
void idmap_fini(struct idmap *m);
void *idmap_get(const struct idmap *m, const struct id *id);           /* NULL: not there */
enum err idmap_put(struct idmap *m, const struct id *id, void *value); /* ERR_EXISTS, ERR_FULL, ERR_NOMEM */
void *idmap_del(struct idmap *m, const struct id *id);                 /* what was there, or NULL */
void *idmap_next(const struct idmap *m, size_t *cursor);               /* from 0; not while the map changes */

#endif
