/* How often something may happen: buckets that fill with time and are emptied by taking. Plain. */
#ifndef NARU_BASE_RATE_H
#define NARU_BASE_RATE_H

#include "base/str.h"

#define RATE_BURST_MAX 1000000u

struct rate { /* so many at once (1..RATE_BURST_MAX), so many a minute in the long run (at least 1) */
    uint32_t burst, per_minute;
};
struct bucket {     /* zeroed: full */
    uint32_t taken; /* thousandths that are missing … */
    uint64_t at;    /* … at that time */
};
uint32_t bucket_wait(const struct bucket *b, const struct rate *r, uint64_t now); /* ms until there is one; 0: there is */
/* Takes one; false: there is none, and *wait_ms (may be NULL) is until there will be. `now` never falls. */
bool bucket_take(struct bucket *b, const struct rate *r, uint64_t now, uint32_t *wait_ms);
/* Takes one whether or not there is one: what is owed is to be filled before the next is given. */
void bucket_owe(struct bucket *b, const struct rate *r, uint64_t now);

#define RATE_SLOTS 4096u
#define RATE_WAYS  4u
/* Buckets of many who ask, each its own. The table is bounded: where room is short, who has not asked for longest is forgotten, and
   begins anew with a full bucket. */
struct rate_table {
    struct {
        uint64_t who;   /* a hash of their name; 0: nobody */
        uint64_t asked; /* when they were asked for last, whether or not they got any */
        struct bucket bucket;
    } slots[RATE_SLOTS];
    uint64_t seed[2];
};
void rate_table_init(struct rate_table *t); /* a secret seed: nobody can choose whom to push out */
/* The bucket of this one. Valid until the next call. */
struct bucket *rate_bucket(struct rate_table *t, struct str who, uint64_t now);
bool rate_take(struct rate_table *t, struct str who, const struct rate *r, uint64_t now, uint32_t *wait_ms);

#endif
