/* One run: a source of arrivals played to the matching core of the assigner (workers/assign/workspace.h) under a virtual clock. The
   core decides everything; here are the customers who come, lose patience and hang up, and the agents who take offers and work.

   At one instant: completions, then abandonments, then timers, then arrivals; a matching pass after each. */
#ifndef NARU_SIMULATE_RUN_H
#define NARU_SIMULATE_RUN_H

#include "workers/simulate/arrival.h"

#include <signal.h>

#define OUTCOME_MAP(X)                                                                                                             \
    X(OUT_SERVED, "served")                                                                                                        \
    X(OUT_ABANDONED, "abandoned") X(OUT_BLOCKED, "blocked")                                                                        \
        X(OUT_WAITING, "waiting") /* the run ended, or was interrupted, before it did */
WORDS_OF(outcome, OUTCOME_MAP)

/* What became of one arrival. Texts are valid during the call alone. */
struct outcome_of {
    const char *id;
    enum outcome outcome;
    uint32_t class, queue; /* queue: where it first waited, index into the policy's */
    const char *agent;     /* who served it, or NULL */
    uint32_t agent_index;  /* into the policy's agents; UINT32_MAX: nobody, or not of the policy */
    uint64_t arrived;
    uint64_t start;  /* accepted; UINT64_MAX: never */
    uint64_t end;    /* worked off, hung up or turned away; of who waits (or is being served), the last instant of the run */
    uint64_t target; /* ms after its arrival until which an answer is in time (business hours counted in) */
    double match;    /* NAN: not given for this agent and class */
};
/* How an agent spent the run. */
struct agent_use {
    const char *agent;
    uint64_t online_ms; /* available or at work */
    uint64_t busy_ms;   /* with one ticket in hand at least, wrap-ups counted in */
    uint64_t unit_ms;   /* units in use, summed over time, of capacity * online_ms */
    uint32_t capacity, served, declined, missed;
};

struct sim_cfg {
    struct policy *policy;              /* borrowed; its simulate section may be that of another policy: see `rules` */
    const struct simulate_rules *rules; /* bound to `policy` (sim_bind); source's classes are its classes */
    const struct duties *duties;        /* borrowed; NULL: everybody all the time */
    struct source *source;              /* borrowed, read to its end */
    uint64_t seed;                      /* of what agents do, and of the core's own randomness */
    uint64_t use_from, use_to;          /* agents' use is counted between these instants; use_to 0: to the end */
    const volatile sig_atomic_t *stop;  /* not 0: ends early; NULL: never */
    void (*on_outcome)(void *ctx, const struct outcome_of *o); /* in the order of their ends */
    void (*on_agent)(void *ctx, const struct agent_use *u);    /* each agent once, at the end, in the policy's order */
    void *ctx;
};
struct sim_end {
    bool stopped;       /* `stop` was set */
    uint64_t tickets;   /* arrivals played */
    uint64_t decisions; /* offers made */
    uint64_t last_ms;   /* the last instant */
    char why[512];      /* what went wrong, when something did */
};
/* Runs to the end of all work. The same cfg gives the same calls with the same values. ERR_NOMEM; what the source said;
   ERR_INTERNAL when the core breaks a rule of its own. */
enum err sim_run(const struct sim_cfg *cfg, struct sim_end *out);

#endif
