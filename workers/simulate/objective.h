/* What is to become small: figures of a report (report.h), weighted and added up. And what may not grow meanwhile. */
#ifndef NARU_SIMULATE_OBJECTIVE_H
#define NARU_SIMULATE_OBJECTIVE_H

#include "workers/simulate/report.h"

#define OBJECTIVE_TERMS 32u
#define OBJECTIVE_WHY   1024u

/* A figure of all tickets, of a class, or of the class that it is worst for. */
enum figure_scope { SCOPE_ALL, SCOPE_CLASS, SCOPE_WORST };
struct figure_of {
    enum figure figure;
    enum figure_scope scope;
    uint32_t class; /* SCOPE_CLASS */
    char name[80];  /* as written */
};
struct objective {
    struct objective_term {
        struct figure_of of;
        double factor;
    } v[OBJECTIVE_TERMS];
    uint32_t count;
};
/* Each of these may not become worse than the policy as it stands has it, by more than a share of that. */
struct guards {
    struct guard {
        struct figure_of of;
        double allowed; /* 0.05: by 5 % */
    } v[OBJECTIVE_TERMS];
    uint32_t count;
};

/* "breach + 0.1*lateness - 2 * within": terms of a number, a figure or both, added or taken away. Figures are named as in the JSON
   of a report, and shorter: abandoned and blocked are the shares of offered, p50 p90 p95 p99 and max are of waits. `billing.breach`
   is that of the class, `worst.p99` that of the class that has it worst. A minus between figures has blanks around it, as names may
   have one. ERR_USAGE: `why` names the place and the nearest word. */
enum err objective_parse(struct objective *out, const char *text, const struct simulate_rules *rules, char why[OBJECTIVE_WHY]);
/* "abandoned, worst.p99 + 5%" */
enum err guards_parse(struct guards *out, const char *text, const struct simulate_rules *rules, char why[OBJECTIVE_WHY]);

/* NAN: not defined for these tickets. */
double figure_of_value(const struct figure_of *f, const struct sim_report *r);
/* NAN: a term is not; *missing (may be NULL) is the first of them, else NULL. The lower the better. */
double objective_value(const struct objective *o, const struct sim_report *r, const struct figure_of **missing);
/* The first guard that does not hold of `r`, or NULL. `base`: the policy as it stands, on the same arrivals. */
const struct guard *guards_broken(const struct guards *g, const struct sim_report *base, const struct sim_report *r);

#endif
