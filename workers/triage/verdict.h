/* The verdict on one event: a pure function of the event, the rules and the time. */
#ifndef NARU_WORKERS_TRIAGE_VERDICT_H
#define NARU_WORKERS_TRIAGE_VERDICT_H

#include "workers/triage/given.h"
#include "workers/triage/models.h"
#include "workers/triage/rules.h"

/* Fills *out, also for empty, endless or broken text: only memory (ERR_NOMEM) can make it fail. `s` is fitted to `r`. Its texts
   point into `e`, `given`, `r`, `m` and `arena`, its lists into `arena`: it lives as long as all of them stand. `given` is what
   external scorers said of `e`, in place of our own models `m`; either may be NULL: nothing.

   How rules add up, in the file's order until one says stop:
     urgency    the highest that a rule names, else the level of the score (urgency.h); then all raises together
     intent, sentiment, queue    the first rule that names one; later conditions see it
     needs      the highest level asked for each skill
     tags       all, once each */
enum err verdict_make(const struct rules *r, const struct models *m, struct scratch *s, const struct event *e,
                      const struct given *given, uint64_t now_wall_ms, struct verdict *out, struct arena *arena);
/* What is known of `e` before any scorer speaks: the language (empty on ERR_NOMEM) and the customer's own words. Texts as above,
   but those in `s` go with its next use. */
struct glance {
    struct str language, own;
};
enum err verdict_glance(const struct rules *r, const struct models *m, struct scratch *s, const struct event *e, struct glance *out,
                        struct arena *arena);
/* A verdict that says only that there is none: counts as an attempt at its router. */
void verdict_refuse(struct verdict *out, const struct event *e, struct str error);

#endif
