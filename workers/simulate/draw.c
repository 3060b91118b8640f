#include "workers/simulate/draw.h"

#include "base/map.h"

#include <math.h>

/* The class's name, not its index: a class more in the policy moves no other one's draws. */
struct rng draw_rng(const struct draw *d, enum draw_what what, const char *class, uint64_t number)
{
    uint64_t key[2] = { d->seed, ((uint64_t)d->replication << 32) | (uint64_t)what };
    struct str name = str_of(class);
    struct rng r;

    uint64_t of_class = hash_bytes(name.p, name.n, key);
    key[0] = of_class;
    rng_seed(&r, hash_bytes(&number, sizeof number, key));
    return r;
}

double draw_exponential(struct rng *r) { return -log1p(-rng_f64(r)); }

static double draw_normal(struct rng *r)
{
    double radius = sqrt(2 * draw_exponential(r));
    return radius * cos(6.283185307179586476925 * rng_f64(r));
}

/* exp of a normal whose variance and mean are such that the result has this mean and cv. */
static double draw_lognormal(const struct dist *d, struct rng *r)
{
    double variance = log1p(d->cv * d->cv);
    return d->mean_ms * exp(sqrt(variance) * draw_normal(r) - variance / 2);
}

uint64_t draw_ms(const struct dist *d, struct rng *r)
{
    double ms = d->mean_ms;

    if (d->kind == DIST_NONE) return SIM_FOR_EVER;
    if (d->kind == DIST_EXPONENTIAL) ms *= draw_exponential(r);
    if (d->kind == DIST_LOGNORMAL) ms = draw_lognormal(d, r);
    return ms < (double)SIM_TIME_MAX ? (uint64_t)llround(ms) : SIM_TIME_MAX;
}
