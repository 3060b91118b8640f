#include "base/rate.h"

#include "base/map.h"
#include "base/rng.h"

/* Thousandths that are missing at `now`. */
static uint64_t missing(const struct bucket *b, const struct rate *r, uint64_t now)
{
    uint64_t passed = now > b->at ? now - b->at : 0;
    uint64_t back = passed > 3600000 ? UINT32_MAX : passed * r->per_minute / 60;
    return b->taken > back ? b->taken - back : 0;
}

static void take(struct bucket *b, uint64_t taken, uint64_t now)
{
    b->taken = taken < UINT32_MAX - 1000 ? (uint32_t)taken + 1000 : UINT32_MAX;
    b->at = now;
}

uint32_t bucket_wait(const struct bucket *b, const struct rate *r, uint64_t now)
{
    uint64_t taken = missing(b, r, now) + 1000, most = r->burst * 1000ull;
    uint64_t wait = taken > most ? (taken - most) * 60 / r->per_minute + 1 : 0;
    return wait < UINT32_MAX ? (uint32_t)wait : UINT32_MAX;
}

bool bucket_take(struct bucket *b, const struct rate *r, uint64_t now, uint32_t *wait_ms)
{
    uint32_t wait = bucket_wait(b, r, now);
    if (wait && wait_ms) *wait_ms = wait;
    if (!wait) take(b, missing(b, r, now), now);
    return !wait; /* refused: `at` stays, so that what has passed since is not lost to rounding */
}

void bucket_owe(struct bucket *b, const struct rate *r, uint64_t now) { take(b, missing(b, r, now), now); }

void rate_table_init(struct rate_table *t)
{
    *t = (struct rate_table){ 0 };
    rng_secret(t->seed, sizeof t->seed);
}

struct bucket *rate_bucket(struct rate_table *t, struct str who, uint64_t now)
{
    uint64_t hash = hash_bytes(who.p, who.n, t->seed) | 1;
    size_t first = hash / 2 % (RATE_SLOTS / RATE_WAYS) * RATE_WAYS, at = first;
    for (size_t i = first; i < first + RATE_WAYS && t->slots[at].who != hash; i++)
        if (t->slots[i].who == hash || t->slots[i].asked < t->slots[at].asked) at = i;
    if (t->slots[at].who != hash) { /* theirs is nowhere: it takes the place that was asked for longest ago */
        t->slots[at].who = hash;
        t->slots[at].bucket = (struct bucket){ 0 };
    }
    t->slots[at].asked = now;
    return &t->slots[at].bucket;
}

bool rate_take(struct rate_table *t, struct str who, const struct rate *r, uint64_t now, uint32_t *wait_ms)
{
    return bucket_take(rate_bucket(t, who, now), r, now, wait_ms);
}
