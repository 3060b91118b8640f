/* What only the models that a policy names can tell about it: whether they can be used, and whether they know its intents. */
#ifndef NARU_CLI_CHECK_MODELS_H
#define NARU_CLI_CHECK_MODELS_H

#include "config/policy.h"

/* Adds warnings to `f`, in the order of lines. Opens the files that `p` names. */
void check_models(const struct policy *p, struct findings *f);

#endif
