/* Drawn arrivals: those of an arrivals file (config/arrivals.h), each class a Poisson process whose rate follows the time of day.
 */
#ifndef NARU_SIMULATE_GENERATE_H
#define NARU_SIMULATE_GENERATE_H

#include "config/arrivals.h"
#include "workers/simulate/arrival.h"

struct generate_cfg {
    const struct arrivals *arrivals; /* borrowed until the source is closed */
    const char *timezone;            /* whose days the rates follow: the policy's */
    uint64_t seed;
    uint32_t replication; /* from 0; draws of its own each */
};
/* ERR_OK: the caller owns *out (source_close). ids are "1", "2", … in the order of their times; those of one instant in the order
   of the file's classes. ERR_NOMEM, ERR_INTERNAL (no time-zone data): `why` is a sentence. */
enum err generate_open(struct source **out, const struct generate_cfg *cfg, char why[512]);

#endif
