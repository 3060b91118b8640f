/* A database's own thread: one job at a time goes there and comes back on the loop. SQLite calls block; the loop must not. */
#ifndef NARU_ROUTER_JOURNAL_THREAD_H
#define NARU_ROUTER_JOURNAL_THREAD_H

#include "base/err.h"

#include <stdbool.h>
#include <uv.h>

struct db_thread { /* embedded; functions and ctx are set by the owner before db_thread_start */
    const char *name; /* what operators see it as; at most 15 letters */
    void *ctx;
    void (*work)(void *ctx, void *job);   /* on the thread */
    void (*after)(void *ctx, bool *tell); /* on the thread, when the job is on its way back; may be NULL */
    /* On the thread, when there was nothing to do for a while: step counts from 0 since the last job. Returns the milliseconds
       until the next call, 0 for none. *tell = true calls `done` with NULL. */
    unsigned (*idle)(void *ctx, unsigned step, bool *tell);
    void (*end)(void *ctx);             /* on the thread, its last words */
    void (*done)(void *ctx, void *job); /* on the loop */
    void (*ended)(void *ctx);           /* on the loop: the thread is gone, its handle is closing */

    /* private */
    uv_thread_t thread;
    uv_mutex_t lock;
    uv_cond_t wake;
    uv_async_t back;
    void *job, *finished;  /* under lock */
    bool quit, over, tell; /* under lock */
    bool busy, joined;     /* the loop's */
};

enum err db_thread_start(struct db_thread *t, uv_loop_t *loop);
static inline bool db_thread_busy(const struct db_thread *t) { return t->busy; }
void db_thread_give(struct db_thread *t, void *job); /* not while busy */
void db_thread_quit(struct db_thread *t);            /* finishes its job first */

#endif
