/* What a simulation is made of, read from the files that a command line names: one policy or two, what comes in, who is there. */
#ifndef NARU_CLI_SIMULATE_IN_H
#define NARU_CLI_SIMULATE_IN_H

#include "base/arena.h"
#include "cli/history.h"
#include "config/arrivals.h"

struct simulate_files {
    const char *policy, *compare; /* compare NULL: one policy */
    const char *trace, *arrivals;
    const struct history_opts *history; /* or NULL; one of the three */
    const char *roster;                 /* or NULL */
};
struct simulate_in {
    struct policy *policy[2];
    struct simulate_rules rules[2]; /* bound to each policy; the classes are the first's */
    struct duties duties;
    struct arrivals *arrivals; /* or NULL: a trace, or … */
    struct recorded *recorded; /* … recorded tickets */
    const char *trace;         /* borrowed */
    uint64_t warm_ms, over_ms; /* what an experiment wants of them */
    uint64_t seed;
    struct arena arena;
};
/* Reads and checks all of it. What is wrong is told on stderr, as `who` ("naru simulate"); then nothing but simulate_in_fini is
   possible. The same errors as the rooms' own. */
enum err simulate_in_open(struct simulate_in *in, const char *who, const struct simulate_files *files, uint64_t seed);
void simulate_in_fini(struct simulate_in *in);
/* The arrivals of replication `r`; this is experiment_cfg's `open`, ctx: the simulate_in. */
enum err simulate_in_source(void *ctx, uint32_t r, struct source **out, char why[512]);
/* A policy as of `at` (wall ms: hours and days reach from there on), told on stderr when it cannot be used. ERR_OK: the caller owns
   one reference. */
enum err simulate_policy(struct policy **out, const char *who, const char *path, uint64_t at);

#endif
