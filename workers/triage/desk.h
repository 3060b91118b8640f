/* The workspaces that a triage process serves: their rules in force, the policy being compiled, the events that wait for one, or
   for external scorers. Knows the loop (compiling happens on its thread pool) but no socket: verdicts and questions leave through
   `answer` and `ask`. */
#ifndef NARU_WORKERS_TRIAGE_DESK_H
#define NARU_WORKERS_TRIAGE_DESK_H

#include "workers/triage/models.h"
#include "workers/triage/rules.h"

#include <uv.h>

#define DESK_HELD_MAX   4096u       /* events waiting for a first policy, all workspaces together */
#define DESK_HELD_BYTES (64u << 20) /* … and their bytes */
#define DESK_HELD_MS    10000u      /* … and how long one waits */
#define DESK_WORKSPACES 4096u

struct desk;
struct desk_cfg {
    void *ctx;
    /* A verdict for whoever brought the event (`from` as given to desk_event); valid during the call. */
    void (*answer)(void *ctx, void *from, const struct verdict *v);
    /* A question for a scorer (`scorer` as given to desk_scorer); an error when it cannot be sent now. */
    enum err (*ask)(void *ctx, void *scorer, const struct score *q);
    const struct models_place *models; /* where models lie; borrowed */
};

enum err desk_open(struct desk **out, uv_loop_t *loop, const struct desk_cfg *cfg);
/* A policy, from any router, in any order and as often as it likes: the newest `at` wins. */
void desk_config(struct desk *d, const struct config *c, uint64_t now_wall_ms);
/* Answers at once, or holds the event until its workspace's first policy is compiled, or its scorers have answered. */
void desk_event(struct desk *d, void *from, const struct event *e, uint64_t now_wall_ms);
/* Refuses what was held too long; looks whether models have changed and opens the new ones. To be called every second or so. */
void desk_tick(struct desk *d, uint64_t now_wall_ms);
/* External scorers, each known by its peer: what it answers, one answer, credit after `ask` gave an error, its end. See scorers.h.
 */
enum err desk_scorer(struct desk *d, void *scorer, const struct scorer *what);
void desk_scored(struct desk *d, void *scorer, const struct scored *said);
void desk_scorer_room(struct desk *d, void *scorer);
void desk_scorer_left(struct desk *d, void *scorer);
/* Held events are dropped unanswered (their routers send them to another); frees itself when the last compile is over. */
void desk_close(struct desk *d);

#endif
