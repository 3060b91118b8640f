/* Values of a policy searched for in the simulator, and tried on arrivals that the search has not seen. What is played is the file
   itself, with its values edited and loaded as the service would load it; all candidates are played the same arrivals with the same
   randomness (common random numbers), so what differs is their doing. */
#ifndef NARU_SIMULATE_TUNE_H
#define NARU_SIMULATE_TUNE_H

#include "workers/simulate/interval.h"
#include "workers/simulate/objective.h"
#include "workers/simulate/params.h"
#include "workers/simulate/parts.h"
#include "workers/simulate/search.h"

struct tune_cfg {
    struct str yaml;             /* the policy file's bytes; borrowed, as all of this */
    const char *path;            /* where it was read, for the files that it names */
    const struct params *params; /* of those bytes */
    const struct parts *parts;
    const struct objective *objective;
    const struct guards *guards; /* may have none */
    uint64_t from, warm_ms;      /* wall ms of arrival_ms 0; who arrives before warm_ms is not counted */
    uint64_t seed;
    uint32_t budget; /* candidates played, the file itself included */
    const volatile sig_atomic_t *stop;
    void (*better)(void *ctx, const double *x, double value, uint32_t trial); /* as search.h */
    void *ctx;
};
/* One half of the arrivals: what was searched on, or what was held. */
struct tune_side {
    struct sim_report *before, *after; /* of all its parts; NULL: it has none */
    double value[2];                   /* of the objective, before and after */
    struct interval difference;        /* after - before, unit by unit: less than 0 is better */
    const struct guard *broken;        /* the first guard that does not hold, or NULL */
};
struct tuning {
    double *x;         /* positions of the best, one for each param */
    uint32_t changed;  /* params that moved */
    struct buf edited; /* the file with them */
    struct search_end search;
    struct tune_side side[2]; /* searched, held */
    struct policy *before, *after;
    char why[512]; /* after an error: a sentence */
};
/* ERR_OK also when it was stopped: then with the best so far. *out is always to be finished by tune_fini. Params that turned out to
   change nothing of the objective are put back to what is written. ERR_RANGE: a figure of the objective is not defined. */
enum err tune_run(struct tuning *out, const struct tune_cfg *cfg);
void tune_fini(struct tuning *t);
/* The text of a policy file as a policy, with the files that it names, as of `at` (wall ms). As policy_load, but for `f`, which
   is not NULL. */
enum err tune_load(struct policy **out, struct str yaml, const char *path, uint64_t at, struct findings *f);
/* It is better on what was held, as far as can be told: the difference's mean is below 0, and no guard is broken. */
bool tune_holds(const struct tuning *t);

#endif
