#include "base/rng.h"

#include "base/panic.h"

#include <errno.h>
#include <sys/random.h>

static uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

/* splitmix64 spreads one word over the state, which must not be all zero. */
void rng_seed(struct rng *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        uint64_t z = (seed += UINT64_C(0x9E3779B97F4A7C15));
        z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
        r->s[i] = z ^ (z >> 31);
    }
}

void rng_seed_os(struct rng *r)
{
    do rng_secret(r->s, sizeof r->s);
    while (!(r->s[0] | r->s[1] | r->s[2] | r->s[3]));
}

uint64_t rng_u64(struct rng *r)
{
    uint64_t *s = r->s, result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

double rng_f64(struct rng *r) { return (double)(rng_u64(r) >> 11) * 0x1p-53; }

/* Lemire 2019: the high half of a product, with the few values that would favour some results drawn again. */
uint64_t rng_below(struct rng *r, uint64_t bound)
{
    naru_assert(bound > 0);
    uint64_t threshold = -bound % bound;
    for (;;) {
        unsigned __int128 m = (unsigned __int128)rng_u64(r) * bound;
        if ((uint64_t)m >= threshold) return (uint64_t)(m >> 64);
    }
}

void rng_secret(void *out, size_t n)
{
    unsigned char *p = out;

    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);
        naru_assert(got > 0 || errno == EINTR);
        if (got > 0) {
            p += got;
            n -= (size_t)got;
        }
    }
}
