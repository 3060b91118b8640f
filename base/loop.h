/* The libuv loop of one process: signals, timers, work at the end of a turn. Only base/ and thin on_* files include uv.h. */
#ifndef NARU_BASE_LOOP_H
#define NARU_BASE_LOOP_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

/* A timer: embedded, re-armed at will. fini closes it; the memory must live until the loop has turned once more, so owners are
   swept (loop_reap) or live as long as the loop. */
struct timer {
    uv_timer_t uv;
    void (*fn)(struct timer *t);
    void *ctx;
};
void timer_init(struct timer *t, uv_loop_t *loop, void (*fn)(struct timer *), void *ctx);
void timer_once(struct timer *t, uint64_t ms);  /* replaces what was armed */
void timer_every(struct timer *t, uint64_t ms);
void timer_stop(struct timer *t);
bool timer_armed(const struct timer *t);
void timer_fini(struct timer *t);

/* Work at the end of every loop turn, just before the loop may sleep (uv_prepare): flush outboxes, hand batches over.
   `fn` returns true when it did something that could have made new work, so that the turn runs again without sleeping.
   Does not keep the loop alive by itself, and neither do signals: the loop ends when the last socket and timer are closed. */
struct turn_end {
    uv_prepare_t uv;
    bool (*fn)(struct turn_end *t);
    void *ctx;
    uv_idle_t again;
};
void turn_end_init(struct turn_end *t, uv_loop_t *loop, bool (*fn)(struct turn_end *), void *ctx);
void turn_end_fini(struct turn_end *t);

/* SIGTERM and SIGINT call on_stop once (a second one exits at once), SIGHUP calls on_hup (may be NULL); SIGPIPE is ignored. */
struct signals {
    uv_signal_t uv[3];
    void (*on_stop)(void *ctx);
    void (*on_hup)(void *ctx);
    void *ctx;
    bool stopping;
};
enum err signals_init(struct signals *s, uv_loop_t *loop, void (*on_stop)(void *), void (*on_hup)(void *), void *ctx);
void signals_fini(struct signals *s);

/* Frees `p` with `free_fn` after the close callbacks of this turn have run. */
void loop_reap(uv_loop_t *loop, void *p, void (*free_fn)(void *));
/* Runs until nothing is active, then closes the loop. Anything left open is a bug of ours: logged with its type. */
void loop_finish(uv_loop_t *loop);

#endif
