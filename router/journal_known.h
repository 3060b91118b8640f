/* Settled identities in memory: event id → (ticket, at, number of its settle row), oldest first out. */
#ifndef NARU_ROUTER_JOURNAL_KNOWN_H
#define NARU_ROUTER_JOURNAL_KNOWN_H

#include "base/id.h"

#define KNOWN_BLOCK  8192u
#define KNOWN_BLOCKS 1024u
#define KNOWN_PARTS  1024u

struct known_entry {
    struct id id, ticket;
    uint64_t at, number; /* number 0: undone */
};
struct known_part { /* an open-addressing table of positions + 1 in the ring */
    uint32_t *slots;
    uint32_t count, room;
};
struct known {
    struct known_entry *blocks[KNOWN_BLOCKS]; /* a ring in the order of settling */
    uint32_t tail, head;                      /* free-running */
    struct known_part parts[KNOWN_PARTS];
    uint64_t seed[2];
};

void known_init(struct known *k);
void known_fini(struct known *k);
/* A second entry of the same id hides the first. ERR_FULL when the ring is full, ERR_NOMEM. */
enum err known_put(struct known *k, const struct id *id, const struct id *ticket, uint64_t at, uint64_t number);
const struct known_entry *known_get(const struct known *k, const struct id *id); /* NULL; borrowed until the next change */
/* The settle row `number` was not written after all. */
void known_undo(struct known *k, const struct id *id, uint64_t number);
static inline uint32_t known_count(const struct known *k) { return k->head - k->tail; }
const struct known_entry *known_oldest(const struct known *k); /* NULL when empty */
void known_shift(struct known *k);                             /* drops the oldest */

#endif
