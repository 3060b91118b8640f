/* Arrivals in memory, in parts that are each played for itself: the days of a trace, or replications. Some are searched on; the
   others are kept out of the search, so that what was found can be tried on what it was not made for. */
#ifndef NARU_SIMULATE_PARTS_H
#define NARU_SIMULATE_PARTS_H

#include "workers/simulate/arrival.h"

#define PARTS_ARRIVALS_MAX 2000000u /* in memory at once: 100 bytes each */
#define PARTS_MAX          20000u
#define SEEDS_USUAL        5u

struct part {
    struct arrival *v; /* borrowed from the list */
    uint32_t count;
    struct duties duties; /* those that meet it */
    uint32_t unit;        /* parts of one unit are replications of one day: consecutive from 0, side by side in the list */
    uint32_t replication;
    bool held; /* kept out of the search */
};
struct parts {
    struct part *v;
    uint32_t count, units, held_units;
    bool days;   /* units are days, else seeds */
    bool random; /* something in the arrivals was drawn */
    struct arrival *arrivals;
    size_t arrival_count, arrival_room;
};
struct parts_cfg {
    const struct policy *policy;  /* whose time zone days are of; borrowed during the call */
    uint64_t from;                /* wall ms of arrival_ms 0 */
    const struct duties *duties;  /* borrowed during the call */
    uint32_t replications, seeds; /* of each day; of arrivals that are not cut into days */
    uint32_t every;               /* every how many units one is held; 3: the third, the sixth …; at least 2 */
    bool days;                    /* false: arrivals are not cut into days; then as many seeds again are the held ones */
    enum err (*open)(void *ctx, uint32_t replication, struct source **out, char why[512]); /* as experiment.h has it */
    void *ctx;
};
/* Reads everything. A trace of one day is taken as one that is not cut: units are then replications, and there are twice as many.
   ERR_OK: parts_fini is due. Else `why` is a sentence: what the source said, ERR_FULL (more than PARTS_ARRIVALS_MAX arrivals),
   ERR_NOTFOUND (there are none), ERR_NOMEM. */
enum err parts_read(struct parts *out, const struct parts_cfg *cfg, char why[512]);
void parts_fini(struct parts *p);
/* The arrivals of a part, again and again. The caller owns *out; the part is borrowed. ERR_NOMEM. */
enum err part_open(struct source **out, const struct part *part, bool random);

#endif
