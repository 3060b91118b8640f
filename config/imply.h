/* What follows from conditions: does one make another certain, or impossible? */
#ifndef NARU_CONFIG_IMPLY_H
#define NARU_CONFIG_IMPLY_H

#include "config/policy.h"

/* Word comparisons left: a hostile file must not keep us busy for long. When it is used up the answer is "no". */
struct imply {
    uint64_t budget;
};

/* Whenever all of `given` hold at one moment, do all of `asked`? False when that is not certain. */
bool implies(struct imply *y, const struct conds *given, const struct conds *asked);
/* The same for one condition. */
bool implies_one(struct imply *y, const struct conds *given, const struct cond *asked);
/* Can the two never hold at one moment? False when that is not certain. */
bool excludes(struct imply *y, const struct policy *p, const struct cond *a, const struct cond *b);

#endif
