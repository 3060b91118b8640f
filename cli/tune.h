/* What naru tune was asked for, and showing what came of it. */
#ifndef NARU_CLI_TUNE_H
#define NARU_CLI_TUNE_H

#include "workers/simulate/tune.h"

struct tune_args {
    const char *policy, *trace, *arrivals, *roster, *objective, *over, *keep;
    uint64_t budget, seed, replications, every;
    bool json;
};

/* To standard output: figures before and after on both halves of the arrivals, and the change as a diff that `patch` applies, or
   why there is none. ERR_IO, ERR_NOMEM. */
enum err tune_show(const struct tuning *t, const struct tune_cfg *cfg, const struct tune_args *args);

#endif
