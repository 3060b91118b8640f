/* The inside of `struct recorded`, for the files of its name alone. */
#ifndef NARU_SIMULATE_RECORDED_IMPL_H
#define NARU_SIMULATE_RECORDED_IMPL_H

#include "base/arena.h"
#include "base/map.h"
#include "workers/simulate/recorded.h"
#include "workers/simulate/survive.h"

struct recorded_kind { /* tickets alike as they were recorded */
    const char *queue, *channel, *language;
    enum urgency urgency;
    struct skills needs; /* by name */
    uint32_t number;     /* its place in `kinds` */
};
struct recorded_row {
    struct id id;
    uint64_t at, wait, work;
    uint32_t kind, class; /* class: since recorded_bind, of the policy's */
    const char *agent;    /* or NULL */
    bool served, hung_up;
};
struct recorded_class { /* what is known of one */
    uint32_t tickets, served, hung_up;
    uint32_t first; /* its works are `works[first]` and `served` of them */
    double work_sum, work_squares;
    struct survive patience;
    bool added; /* by recorded_bind */
};
struct recorded_offers { /* of all tickets */
    uint64_t all, declined, missed, accepts;
    double accept_sum, accept_squares; /* ms */
};
struct recorded {
    struct recorded_row *v; /* since recorded_ready by time, then id */
    uint32_t count, room;
    struct recorded_kind **kinds;
    uint32_t kind_count;
    struct map by_key, agents;
    struct arena arena; /* kinds, names, classes that were added */
    struct buf key;
    struct recorded_offers offers;
    uint64_t from;
    uint64_t beyond; /* tickets left out: of one kind too many, or ten years after the begin */
    /* since recorded_bind */
    const struct policy *policy; /* that they were bound to */
    const struct sim_class *classes;
    uint32_t class_count;
    struct recorded_class *known; /* of each class */
    uint64_t *works;              /* of all served tickets, class by class */
    uint32_t works_count;
    uint32_t elsewhere;          /* tickets of queues that the policy does not have, in its default queue … */
    const char *elsewhere_queue; /* … the first of them */
    uint32_t shared;             /* tickets that share a class with another kind, as there are no more classes */
};

#endif
