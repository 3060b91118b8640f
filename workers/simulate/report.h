/* What one run was like, in figures: of all tickets, of each queue (where they first waited) and of each class; how each agent
   spent it; how it went over the day. Fed by sim_run's calls, one outcome at a time, in memory that does not grow with their
   number.

   A warm-up is played and not counted: tickets that arrived before it ended are in no figure. Agents' figures are of the whole run.
 */
#ifndef NARU_SIMULATE_REPORT_H
#define NARU_SIMULATE_REPORT_H

#include "workers/simulate/run.h"
#include "workers/simulate/waits.h"

/* The figures: name in JSON and in objectives, heading for people, kind, and whether more is better (1), less (-1) or neither.
   offered = answered + abandoned + blocked + waiting. Times are seconds, shares 0..1. A figure that is not defined (the mean wait
   where nobody was answered; occupancy of a queue) is NAN. Wait: from arrival to accept, of those answered. In time: answered
   within its target. Breach: not answered until its target passed, or blocked. Lateness: what the wait, or the time until who was
   never answered hung up or the run ended, goes beyond the target; 0 when nothing does; of all but blocked ones. Finish: from
   arrival to the end, of those served. */
#define FIGURE_MAP(X)                                                                                                              \
    X(FIG_OFFERED, "offered", "offered", UNIT_COUNT, 0)                                                                            \
    X(FIG_ANSWERED, "answered", "answered", UNIT_COUNT, 1)                                                                         \
    X(FIG_ABANDONED, "abandoned", "abandoned", UNIT_COUNT, -1)                                                                     \
    X(FIG_BLOCKED, "blocked", "blocked", UNIT_COUNT, -1)                                                                           \
    X(FIG_WAITING, "waiting", "waiting", UNIT_COUNT, -1)                   /* when the run ended */                                \
    X(FIG_ABANDONED_SHARE, "abandoned_share", "abandoned", UNIT_SHARE, -1) /* of offered */                                        \
    X(FIG_BLOCKED_SHARE, "blocked_share", "blocked", UNIT_SHARE, -1)       /* of offered */                                        \
    X(FIG_WAITED, "waited", "waited", UNIT_SHARE, -1)                      /* of answered, who waited at all */                    \
    X(FIG_WAIT, "wait", "wait", UNIT_TIME, -1)                                                                                     \
    X(FIG_P50, "wait_p50", "p50", UNIT_TIME, -1)                                                                                   \
    X(FIG_P90, "wait_p90", "p90", UNIT_TIME, -1)                                                                                   \
    X(FIG_P95, "wait_p95", "p95", UNIT_TIME, -1)                                                                                   \
    X(FIG_P99, "wait_p99", "p99", UNIT_TIME, -1)                                                                                   \
    X(FIG_MAX, "wait_max", "max", UNIT_TIME, -1)                                                                                   \
    X(FIG_WITHIN, "within", "in time", UNIT_SHARE, 1) /* of offered */                                                             \
    X(FIG_BREACH, "breach", "breach", UNIT_SHARE, -1) /* weights of breaches / weights of offered */                               \
    X(FIG_LATENESS, "lateness", "late", UNIT_TIME, -1)                                                                             \
    X(FIG_FINISH, "finish", "finish", UNIT_TIME, -1)                                                                               \
    X(FIG_MATCH, "match", "match", UNIT_NUMBER, 1)            /* of those served that have one */                                  \
    X(FIG_OCCUPANCY, "occupancy", "occupancy", UNIT_SHARE, 0) /* of all alone: time busy / time online of all agents */            \
    X(FIG_LOAD, "load", "load", UNIT_SHARE, 0)                /* of all alone: units in use / units there */                       \
    X(FIG_JAIN, "jain", "fairness", UNIT_NUMBER, 1) /* of all alone: of agents' occupancies (Jain, Chiu and Hawe 1984): 1 is even  \
                                                     */
enum unit { UNIT_COUNT, UNIT_SHARE, UNIT_TIME, UNIT_NUMBER };
#define FIGURE_ENUM(id, key, title, unit, better) id,
enum figure { FIGURE_MAP(FIGURE_ENUM) FIG_COUNT };
#undef FIGURE_ENUM
struct figure_row {
    const char *key, *title;
    enum unit unit;
    int better;
};
extern const struct figure_row figure_rows[FIG_COUNT];
int figure_find(struct str key); /* enum figure, or -1 */

/* Which tickets: all, those that first waited in a queue of the policy, or those of a class of the rules. */
enum group_kind { GROUP_ALL, GROUP_QUEUE, GROUP_CLASS };
struct sim_group {
    enum group_kind kind;
    uint32_t index; /* GROUP_ALL: 0 */
};
#define GROUP_OF_ALL ((struct sim_group){ GROUP_ALL, 0 })

struct agent_figures { /* the name lives as long as the report */
    const char *agent;
    double occupancy, load; /* NAN: never online */
    uint64_t online_ms, busy_ms;
    uint32_t capacity, served, declined, missed;
};
/* A part of the day, in the policy's time zone: the tickets that arrived in it, of all days of the run. */
struct bucket_figures {
    uint32_t at; /* minutes since midnight */
    uint64_t offered;
    double wait, p90, within; /* NAN: none answered (offered) */
};

struct sim_report; /* opaque */
/* Policy and rules are borrowed and must outlive it. Caller owns *out. ERR_NOMEM. */
enum err sim_report_new(struct sim_report **out, const struct policy *p, const struct simulate_rules *rules, uint64_t warm_ms);
void sim_report_free(struct sim_report *r);  /* NULL is fine */
void sim_report_clear(struct sim_report *r); /* as new */
/* These two are sim_cfg's on_outcome and on_agent; ctx: the report. They cannot fail: what did is in sim_report_err. */
void sim_report_outcome(void *ctx, const struct outcome_of *o);
void sim_report_agent(void *ctx, const struct agent_use *u);
enum err sim_report_err(const struct sim_report *r); /* ERR_OK or ERR_NOMEM: then the figures are not to be believed */
/* Adds what another run of the same policy and rules gathered: then counts are sums, and the rest is of the tickets of both. */
void sim_report_merge(struct sim_report *into, const struct sim_report *from);

double sim_figure(const struct sim_report *r, struct sim_group g, enum figure f);
void sim_figures(const struct sim_report *r, struct sim_group g, double out[FIG_COUNT]);
uint32_t sim_groups(const struct sim_report *r, enum group_kind kind);      /* how many */
const char *sim_group_name(const struct sim_report *r, struct sim_group g); /* "all", the queue's, the class's */
/* The class with the smallest share in time; of equal ones that with the longest p99. -1: no class was offered a ticket. */
int sim_report_worst(const struct sim_report *r);
uint32_t sim_agents(const struct sim_report *r);
struct agent_figures sim_agent_figures(const struct sim_report *r, uint32_t i); /* in the policy's order */
double sim_target(const struct sim_report *r, uint32_t class);                  /* mean, in seconds; NAN: none offered */
/* The day: parts of *step minutes (5 when all arrivals lie within 8 hours, else 15), from the first to the last that had arrivals,
   in the order of the run when it is shorter than a day, else of the clock. *days: so many calendar days were folded into one; 1:
   none were. Returns how many parts were written, at most SIM_DAY_PARTS. */
#define SIM_DAY_PARTS 288u
uint32_t sim_report_day(const struct sim_report *r, struct bucket_figures out[SIM_DAY_PARTS], uint32_t *step, uint32_t *days);
/* A number that is the same for two runs whose outcomes are the same in every instant and agent, and hardly ever otherwise. */
uint64_t sim_report_print(const struct sim_report *r);

#endif
