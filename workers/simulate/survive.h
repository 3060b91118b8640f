/* How long customers wait before they hang up, of whom most are served first: the product-limit estimate (Kaplan and Meier 1958,
   "Nonparametric estimation from incomplete observations"). Who was served, or left the line otherwise, is a censored observation:
   their patience is longer than their wait. Of one time, those who hung up come before those who were censored. */
#ifndef NARU_SIMULATE_SURVIVE_H
#define NARU_SIMULATE_SURVIVE_H

#include "base/rng.h"
#include "workers/simulate/arrival.h"

struct survive_seen {
    uint64_t ms;
    bool complete; /* hung up then; else censored */
};
struct survive { /* steps down from 1 */
    struct survive_step {
        uint64_t ms;
        double left; /* the share that waits longer than `ms` */
    } * v;           /* rising ms, falling left */
    uint32_t count;
    uint32_t complete; /* observations that are */
    double exposure;   /* ms waited by all together */
};
/* Sorts `seen`. ERR_OK: survive_fini is due; ERR_NOMEM. */
enum err survive_fit(struct survive *out, struct survive_seen *seen, uint32_t count);
void survive_fini(struct survive *s); /* a zeroed or finished one is fine */

double survive_left(const struct survive *s, uint64_t ms);  /* the share that waits longer than `ms` */
bool survive_median(const struct survive *s, uint64_t *ms); /* false: fewer than half hung up as far as is known */
double survive_mean(const struct survive *s); /* of an exponential: exposure / complete; INFINITY when nobody hung up */
/* A patience of one who waited `waited` already, by inversion; SIM_FOR_EVER where the estimate ends above what was drawn. */
uint64_t survive_draw(const struct survive *s, uint64_t waited, struct rng *r);

#endif
