#include "base/rate.h"

#include "base/map.h"
#include "base/rng.h"

bool bucket_take(struct bucket *b, const struct rate *r, uint64_t now, uint32_t *wait_ms)
{
    uint64_t passed = now > b->at ? now - b->at : 0;
    uint64_t back = passed > 3600000 ? UINT32_MAX : passed * r->per_minute / 60;
    uint64_t taken = b->taken > back ? b->taken - back : 0, most = r->burst * 1000ull;
    if (taken + 1000 > most) {
        if (wait_ms) *wait_ms = (uint32_t)((taken + 1000 - most) * 60 / r->per_minute) + 1;
        return false; /* `at` stays: what has passed since is not lost to rounding */
    }
    b->taken = (uint32_t)taken + 1000;
    b->at = now;
    return true;
}

void rate_table_init(struct rate_table *t)
{
    *t = (struct rate_table){ 0 };
    rng_secret(t->seed, sizeof t->seed);
}

bool rate_take(struct rate_table *t, struct str who, const struct rate *r, uint64_t now, uint32_t *wait_ms)
{
    return bucket_take(&t->slots[hash_bytes(who.p, who.n, t->seed) % RATE_SLOTS], r, now, wait_ms);
}
