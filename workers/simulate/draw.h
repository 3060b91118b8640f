/* Drawing times. What is drawn for one arrival hangs on the seed, the replication, its class and its number within the class alone:
   neither another policy nor another class changes it (common random numbers). */
#ifndef NARU_SIMULATE_DRAW_H
#define NARU_SIMULATE_DRAW_H

#include "base/rng.h"
#include "workers/simulate/arrival.h"

/* What for: each has numbers of its own, so that a distribution that takes more of them moves no other. */
enum draw_what { DRAW_GAP = 1, DRAW_WORK, DRAW_PATIENCE };

struct draw {
    uint64_t seed;
    uint32_t replication; /* from 0 */
};
/* The generator for one value of the `number`-th arrival of the class of that name. */
struct rng draw_rng(const struct draw *d, enum draw_what what, const char *class, uint64_t number);
/* A time of this distribution in ms, rounded, at most SIM_TIME_MAX; SIM_FOR_EVER of DIST_NONE. Exponential by inversion; lognormal
   with the given mean and cv from a normal of Box and Muller (1958). */
uint64_t draw_ms(const struct dist *d, struct rng *r);
double draw_exponential(struct rng *r); /* of mean 1 */

#endif
