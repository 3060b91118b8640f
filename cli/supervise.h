/* Child processes kept alive: started, watched, restarted with back-off when they die, stopped in order. */
#ifndef NARU_CLI_SUPERVISE_H
#define NARU_CLI_SUPERVISE_H

#include "base/err.h"

#include <stdbool.h>
#include <uv.h>

#define CHILD_ARGS 256
#define CHILD_MAX  80

struct child_spec {
    const char *name;             /* for the log: "triage-1" */
    const char *argv[CHILD_ARGS]; /* NULL-terminated; borrowed for the supervisor's life */
    unsigned stop_rank;           /* 0 is stopped first, then 1, then 2 */
    const char *log_path;         /* where its stderr goes; NULL: ours */
    bool takes_hup;               /* SIGHUP is passed on */
    /* NULL, or asked when it has ended: false says that starting it again is no use, the asked one sees to the rest */
    bool (*again)(void *ctx, int status, int sig);
    void *ctx;
};
struct supervisor;
/* The children are told our pid in NARU_PARENT, so that none outlives us even when we are killed. */
enum err supervisor_new(struct supervisor **out, uv_loop_t *loop);
enum err supervisor_start(struct supervisor *s, const struct child_spec *spec);
void supervisor_hup(struct supervisor *s);
/* Stops rank by rank, each with SIGTERM and after 15 s with SIGKILL; then `done`. */
void supervisor_stop(struct supervisor *s, void (*done)(void *ctx), void *ctx);
void supervisor_free(struct supervisor *s); /* after `done` */
/* CPU time of all children alive, from /proc, in µs. From any thread. */
uint64_t supervisor_cpu_us(struct supervisor *s);
unsigned supervisor_restarts(const struct supervisor *s);

#endif
