/* From scores of examples that were not learnt from: the temperature at which probabilities are honest, and the threshold below
   which a message is called out of scope. Pure. */
#ifndef NARU_WORKERS_TRIAGE_CALIBRATE_H
#define NARU_WORKERS_TRIAGE_CALIBRATE_H

#include "workers/triage/learn.h"

struct calibration {
    double temperature, threshold;
};
struct verdicts {  /* scores of judged examples */
    float *scores; /* count × labels */
    uint32_t *row, *truth;
    bool *known;
    uint32_t count, room, labels;
};

enum err verdicts_init(struct verdicts *v, uint32_t room, uint32_t labels); /* ERR_NOMEM; fini is due in any case */
void verdicts_fini(struct verdicts *v);
/* One more, with its zeroed scores to be filled; at most `room` of them. */
float *verdicts_add(struct verdicts *v, uint32_t row, uint32_t truth, bool known);

/* Labels from `in_scope` on (one, or none) mean out of scope. Temperature: least negative log-likelihood (Guo et al. 2017), between
   0.05 and 20. Threshold: with examples out of scope, the one that gains most, where a point of out-of-scope messages found is
   worth 1/50 of a point of right answers turned away; without, the highest that turns away 1 in 400 of what is in scope and
   rightly answered, up to 0.3. */
void calibrate(const struct verdicts *v, uint32_t in_scope, struct calibration *out);
struct judged verdicts_judged(const struct verdicts *v, uint32_t i, uint32_t in_scope, const struct calibration *c);

#endif
