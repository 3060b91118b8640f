/* The change log as the leader keeps it for the routers: the latest entries, packed, in a ring of bytes. */
#ifndef NARU_ASSIGN_FEED_H
#define NARU_ASSIGN_FEED_H

#include "base/str.h"

struct feed_slot;
struct feed {
    char *bytes;
    size_t room; /* of bytes; a power of two */
    uint64_t at; /* where the next entry goes, counted without wrapping */
    struct feed_slot *slots;
    uint64_t slot_room;   /* a power of two */
    uint64_t first, next; /* entries first … next - 1 are there */
};

void feed_init(struct feed *f, uint64_t next);
void feed_fini(struct feed *f);
/* Appends entry `seq`, which must be f->next (or anything while nothing is there). The oldest ones make room, those from `keep` on
   only when the ring has reached its cap. ERR_FULL: nobody may be pushed out, try again when routers have caught up. */
enum err feed_put(struct feed *f, uint64_t seq, struct str entry, uint64_t keep);
struct str feed_get(const struct feed *f, uint64_t seq); /* STR_NONE: not there. Borrowed until the next feed_put */
/* Could so many bytes more be put without pushing out `keep`? */
bool feed_has_room(const struct feed *f, size_t bytes, uint64_t count, uint64_t keep);

#endif
