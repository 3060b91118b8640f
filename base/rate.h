/* How often something may happen: buckets that fill with time and are emptied by taking. Plain. */
#ifndef NARU_BASE_RATE_H
#define NARU_BASE_RATE_H

#include "base/str.h"

struct rate { /* so many at once, so many a minute in the long run */
    uint16_t burst, per_minute;
};
struct bucket {     /* zeroed: full */
    uint32_t taken; /* thousandths that are missing … */
    uint64_t at;    /* … at that time */
};
/* Takes one; false: there is none, and *wait_ms (may be NULL) is until there will be. `now` never falls. */
bool bucket_take(struct bucket *b, const struct rate *r, uint64_t now, uint32_t *wait_ms);

#define RATE_SLOTS 4096u
/* Buckets by a hash of who asks. Two whose hashes meet share one: the table is bounded, whoever asks. */
struct rate_table {
    struct bucket slots[RATE_SLOTS];
    uint64_t seed[2];
};
void rate_table_init(struct rate_table *t); /* a secret seed: nobody can choose whom to share with */
bool rate_take(struct rate_table *t, struct str who, const struct rate *r, uint64_t now, uint32_t *wait_ms);

#endif
