#include "base/loop.h"

#include "base/log.h"
#include "base/panic.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* libuv gives a handle's memory back in its close callback, one turn after uv_close at the earliest, and closing twice is an
   assertion. So every fini here may be called twice, or on zeroed memory that was never initialised, and does nothing then.

   Signals and the end of a turn do not keep the loop alive by themselves: when the last socket and timer are closed it ends. */

static void close_once(uv_handle_t *h)
{
    if (h->type != UV_UNKNOWN_HANDLE && !uv_is_closing(h)) uv_close(h, NULL);
}

/* ---- timers ---- */

static void on_timer(uv_timer_t *uv)
{
    struct timer *t = uv->data;

    t->fn(t);
}

void timer_init(struct timer *t, uv_loop_t *loop, void (*fn)(struct timer *), void *ctx)
{
    t->fn = fn;
    t->ctx = ctx;
    uv_timer_init(loop, &t->uv); /* cannot fail */
    t->uv.data = t;
}

static void timer_arm(struct timer *t, uint64_t ms, uint64_t repeat)
{
    if (!uv_is_closing((uv_handle_t *)&t->uv)) uv_timer_start(&t->uv, on_timer, ms, repeat);
}

void timer_once(struct timer *t, uint64_t ms) { timer_arm(t, ms, 0); }

void timer_every(struct timer *t, uint64_t ms)
{
    naru_assert(ms > 0);
    timer_arm(t, ms, ms);
}

void timer_stop(struct timer *t) { uv_timer_stop(&t->uv); }

bool timer_armed(const struct timer *t) { return uv_is_active((const uv_handle_t *)&t->uv) != 0; }

void timer_fini(struct timer *t) { close_once((uv_handle_t *)&t->uv); }

/* ---- the end of a turn ---- */

static void on_again(uv_idle_t *h) { (void)h; } /* being active is its whole job: the loop does not sleep */

static void on_turn_end(uv_prepare_t *h)
{
    struct turn_end *t = h->data;
    bool more = t->fn(t);

    if (uv_is_closing((uv_handle_t *)&t->again)) return; /* fn ended us */
    if (more) uv_idle_start(&t->again, on_again);
    else uv_idle_stop(&t->again);
}

void turn_end_init(struct turn_end *t, uv_loop_t *loop, bool (*fn)(struct turn_end *), void *ctx)
{
    t->fn = fn;
    t->ctx = ctx;
    uv_prepare_init(loop, &t->uv);
    uv_idle_init(loop, &t->again);
    t->uv.data = t;
    uv_prepare_start(&t->uv, on_turn_end);
    uv_unref((uv_handle_t *)&t->uv);
}

void turn_end_fini(struct turn_end *t)
{
    close_once((uv_handle_t *)&t->uv);
    close_once((uv_handle_t *)&t->again);
}

/* ---- signals ---- */

static void on_stop_signal(uv_signal_t *h, int signum)
{
    struct signals *s = h->data;

    if (s->stopping) {
        log_warn("second signal=%d: leaving without cleaning up", signum);
        _exit(128 + signum);
    }
    s->stopping = true;
    log_info("signal=%d: stopping (once more to leave at once)", signum);
    s->on_stop(s->ctx);
}

static void on_hup_signal(uv_signal_t *h, int signum)
{
    struct signals *s = h->data;

    (void)signum;
    if (s->on_hup) s->on_hup(s->ctx);
}

static bool listen_to(struct signals *s, uv_loop_t *loop, uv_signal_t *h, int signum, uv_signal_cb fn)
{
    if (uv_signal_init(loop, h)) {
        h->type = UV_UNKNOWN_HANDLE;
        return false;
    }
    h->data = s;
    uv_unref((uv_handle_t *)h);
    return uv_signal_start(h, fn, signum) == 0;
}

enum err signals_init(struct signals *s, uv_loop_t *loop, void (*on_stop)(void *), void (*on_hup)(void *), void *ctx)
{
    *s = (struct signals){ .on_stop = on_stop, .on_hup = on_hup, .ctx = ctx };
    signal(SIGPIPE, SIG_IGN);
    if (listen_to(s, loop, &s->uv[0], SIGTERM, on_stop_signal) && listen_to(s, loop, &s->uv[1], SIGINT, on_stop_signal) &&
        listen_to(s, loop, &s->uv[2], SIGHUP, on_hup_signal))
        return ERR_OK;
    signals_fini(s);
    return ERR_IO;
}

void signals_fini(struct signals *s)
{
    for (int i = 0; i < 3; i++) close_once((uv_handle_t *)&s->uv[i]);
}

/* ---- the end ---- */

/* libuv runs the close callbacks of one turn newest first, so a handle closed now would report before those of `p`.
   Closed a second time, in the next turn, it reports after all of them. */
struct reap {
    uv_timer_t uv;
    void *p;
    void (*free_fn)(void *);
    bool again;
};

static void on_reap_closed(uv_handle_t *h)
{
    struct reap *r = h->data;

    if (!r->again) {
        r->again = true;
        uv_timer_init(h->loop, &r->uv);
        r->uv.data = r;
        uv_close(h, on_reap_closed);
        return;
    }
    r->free_fn(r->p);
    free(r);
}

void loop_reap(uv_loop_t *loop, void *p, void (*free_fn)(void *))
{
    struct reap *r = malloc(sizeof *r);

    if (!r) { /* a leak is better than a handle in freed memory */
        log_error("out of memory while freeing: some memory is lost");
        return;
    }
    *r = (struct reap){ .p = p, .free_fn = free_fn };
    uv_timer_init(loop, &r->uv);
    r->uv.data = r;
    uv_close((uv_handle_t *)&r->uv, on_reap_closed);
}

static void on_left_open(uv_handle_t *h, void *arg)
{
    (void)arg;
    if (uv_is_closing(h)) return;
    log_warn("left open at the end: a %s handle; this is a bug of ours", uv_handle_type_name(h->type));
    uv_close(h, NULL);
}

void loop_finish(uv_loop_t *loop)
{
    while (uv_run(loop, UV_RUN_DEFAULT) != 0) {
    } /* not 0: somebody called uv_stop */
    uv_walk(loop, on_left_open, NULL);
    while (uv_run(loop, UV_RUN_DEFAULT) != 0) {
    }
    int left = uv_loop_close(loop);
    if (left) log_warn("the loop does not close: %s", uv_strerror(left));
}
