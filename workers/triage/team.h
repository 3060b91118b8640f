/* Nets learnt side by side on as many threads as there are processors. Results do not depend on how many. */
#ifndef NARU_WORKERS_TRIAGE_TEAM_H
#define NARU_WORKERS_TRIAGE_TEAM_H

#include "workers/triage/net.h"

struct team;
struct team_job {
    const struct sparse *matrix; /* borrowed, while the team runs */
    struct net_cfg cfg;
    uint32_t *rows, *held; /* what it learns from and what it judges; the team frees them */
    uint32_t count, held_count;
    /* results, of the team */
    struct net net; /* kept only when nothing was judged */
    float *scores;  /* held_count × labels */
    uint8_t *known; /* by held row: has it a feature that the net knows? */
    enum err err;
};

enum err team_new(struct team **out);
void team_free(struct team *t);            /* NULL is fine */
struct team_job *team_add(struct team *t); /* zeroed; NULL on no memory. Pointers to jobs hold until the next one is added */
uint32_t team_count(const struct team *t);
struct team_job *team_job(struct team *t, uint32_t i);
/* Does all jobs. `tell` (may be NULL) hears from this thread how much is done, 0..1, several times a second; false stops.
   ERR_CLOSED, ERR_NOMEM. */
enum err team_run(struct team *t, bool (*tell)(void *ctx, double done), void *ctx);
void team_clear(struct team *t); /* forgets all jobs */

#endif
