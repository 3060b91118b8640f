/* Drawn arrivals: those of an arrivals file (config/arrivals.h), each class a Poisson process whose rate follows the time of day.
 */
#ifndef NARU_SIMULATE_GENERATE_H
#define NARU_SIMULATE_GENERATE_H

#include "workers/simulate/arrival.h"

struct arrivals;

struct generate_cfg {
    const struct arrivals *arrivals;    /* borrowed until the source is closed; its classes are those of `rules` */
    const struct policy *policy;        /* whose time zone holds; borrowed likewise */
    const struct simulate_rules *rules; /* likewise */
    uint64_t seed;
    uint32_t replication; /* draws of its own each */
};
/* ERR_OK: the caller owns *out (source_close). ids are "1", "2", … in the order of their times; those of one instant in the order
   of the classes. ERR_USAGE (a class has no distribution of work anywhere), ERR_NOMEM: `why` is a sentence. */
enum err generate_open(struct source **out, const struct generate_cfg *cfg, char why[512]);

#endif
