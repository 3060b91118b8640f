/* A search for the least value of a function that is only known by trying: numbers between 0 and 1, and choices among a few. */
#ifndef NARU_SIMULATE_SEARCH_H
#define NARU_SIMULATE_SEARCH_H

#include "base/err.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#define SEARCH_MOST 100000u /* trials */

struct search_cfg {
    const uint32_t *choices; /* of each of `dims`: 0: a number 0..1; n: one of 0..n-1 */
    uint32_t dims;
    uint32_t budget; /* trials, the first one included; 1..SEARCH_MOST */
    uint64_t seed;
    const volatile sig_atomic_t *stop; /* may be NULL */
    /* The value at x: the lower the better, INFINITY: not allowed. *known: it was tried before, and costs nothing. An error ends
       the search. */
    enum err (*value)(void *ctx, const double *x, double *out, bool *known);
    void (*better)(void *ctx, const double *x, double value, uint32_t trial); /* a new best one; may be NULL */
    void *ctx;
};
struct search_end {
    double first, best; /* values */
    uint32_t trials, starts;
    bool stopped;
};
/* Pattern search (R. Hooke, T. A. Jeeves, "Direct search" solution of numerical and statistical problems, Journal of the ACM 8,
   1961): each number is tried a step up and down and each choice with its other words, what is better is kept, then the whole move
   is made once more; when nothing is better the step is halved. Steps go from 1/4 down to 1/64; then it begins anew, from the
   best point with about half of it drawn at random. The first start is `x`, which gets the best point found, never one that is
   worse than the start. The same cfg gives the same result. ERR_NOMEM, and what `value` said. */
enum err search_run(const struct search_cfg *cfg, double *x, struct search_end *out);

#endif
