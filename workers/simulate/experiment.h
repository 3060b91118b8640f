/* An experiment: replications of one policy, or of two on the same arrivals and the same randomness (common random numbers), so
   that what differs is the policy's doing. Each replication is a run of its own; figures are means over them with 95 % intervals,
   and differences are taken pair by pair.

   Stopped: runs that had ended count; the one that was cut off is left out. When that was the very first, it is all there is: what
   had ended until then is reported, and `partial` says so. */
#ifndef NARU_SIMULATE_EXPERIMENT_H
#define NARU_SIMULATE_EXPERIMENT_H

#include "workers/simulate/interval.h"
#include "workers/simulate/report.h"

#define EXPERIMENT_MOST 10000u /* replications */

struct experiment_cfg {
    struct policy *policy[2];              /* P and, when compared, Q (else NULL); borrowed */
    const struct simulate_rules *rules[2]; /* bound to each: the same classes in the same order; borrowed */
    const struct duties *duties;           /* borrowed; NULL: everybody all the time */
    uint32_t replications;                 /* 1..EXPERIMENT_MOST */
    uint64_t seed;
    uint64_t warm_ms;                  /* who arrived before is in no figure */
    uint64_t over_ms;                  /* agents' use is counted from warm_ms until then; 0: to the end of all work */
    const volatile sig_atomic_t *stop; /* as sim_cfg's */
    /* Opens the arrivals of replication `r` (from 0): the same however often it is asked. experiment_run closes it. On an error
       `why` is a sentence. */
    enum err (*open)(void *ctx, uint32_t r, struct source **out, char why[512]);
    /* May be NULL: every outcome of every run; side 0 is P. */
    void (*on_outcome)(void *ctx, unsigned side, uint32_t r, const struct outcome_of *o);
    void *ctx;
};
struct experiment {
    unsigned sides;        /* 1, or 2 when compared and both have ended a run */
    uint32_t wanted, done; /* replications: asked for, and ended by all sides (partial: 0) */
    bool stopped, partial;
    bool equal;                           /* nothing in it is random: further replications would be the same, and were not run */
    uint64_t tickets, decisions, last_ms; /* of all runs that count; last_ms: the latest instant */
    struct sim_report *report[2];         /* of all replications together: counts are sums */
    struct samples *samples;              /* of each figure of each group */
    char why[512];                        /* after an error: a sentence */
};
/* ERR_OK also when it was stopped. Otherwise `why` of *x says what went wrong (what the source said, ERR_NOMEM, ERR_INTERNAL). *x
   is always to be finished by experiment_fini, and is valid as long as policies and rules are. */
enum err experiment_run(struct experiment *x, const struct experiment_cfg *cfg);
void experiment_fini(struct experiment *x);
/* Of one side: the mean over replications. The group's index is of that side's policy (classes are the same). */
struct interval experiment_figure(const struct experiment *x, unsigned side, struct sim_group g, enum figure f);
/* P - Q, pair by pair; the group is P's, Q's queue is that of the same name (n = 0: it has none). */
struct interval experiment_difference(const struct experiment *x, struct sim_group g, enum figure f);
/* Q's group for P's; index UINT32_MAX: none. */
struct sim_group experiment_other(const struct experiment *x, struct sim_group g);
/* The seed of replication `r`; that of the first is `seed` itself. */
uint64_t experiment_seed(uint64_t seed, uint32_t r);

#endif
