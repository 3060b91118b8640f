/* Randomness handed in: seeded for decisions that must repeat (xoshiro256**, Blackman and Vigna 2018), from the kernel for secrets. */
#ifndef NARU_BASE_RNG_H
#define NARU_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t s[4];
};
void rng_seed(struct rng *r, uint64_t seed);
void rng_seed_os(struct rng *r);
uint64_t rng_u64(struct rng *r);
double rng_f64(struct rng *r);                      /* [0, 1) */
uint64_t rng_below(struct rng *r, uint64_t bound);  /* [0, bound), unbiased; bound > 0 */
void rng_secret(void *out, size_t n);               /* getrandom; never fails (panics if the kernel refuses) */

#endif
