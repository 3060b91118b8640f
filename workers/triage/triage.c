/* The triage process: a mailbox in front of a desk. Events come in from routers, verdicts go back to the router that asked; what
   stands in between is desk.c (which policy) and verdict.c (what it says). Scorers dial us, are asked, and answer. Nothing here
   outlives the process: a router that misses an answer asks another worker, or this one again.

   A verdict that its router has no credit for waits in that router's tray, packed, and leaves on on_credit or when the router is
   back. The tray is bounded, and a router sends nothing more than its own window while it waits, so a full tray means a router
   that takes events back without reading answers: its verdicts are dropped and counted, it will ask again.

   Stopping: no event is taken any more, trays are emptied as far as routers take them within STOP_MS, then the mailbox closes. */
#include "workers/triage/triage.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/opt.h"
#include "proto/mailbox.h"
#include "workers/triage/desk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TICK_MS    1000u
#define STOP_MS    1000u
#define STOP_STEP  20u
#define TRAY_BYTES (32u << 20)

struct options {
    const char *name, *inbox, *curve_secret, *curve_peers;
    struct opt_list routers, models;
    const char *model_copies;
    uint64_t window;
};
static const struct opt rows[] = {
    { "name", OPT_STR, offsetof(struct options, name), "triage-1", 0, 0, "NAME", "this process, unique in the installation" },
    { "inbox", OPT_STR, offsetof(struct options, inbox), "ipc:///tmp/naru-triage-1", 0, 0, "ADDR",
      "where to take records (ipc:// or tcp://)" },
    { "router", OPT_LIST, offsetof(struct options, routers), NULL, 0, 0, "ADDR", "a router's inbox; may be given many times" },
    { "window", OPT_U64, offsetof(struct options, window), "256", 1, 65536, "N",
      "records that each router may have under way to us" },
    { "models", OPT_LIST, offsetof(struct options, models), NULL, 0, 0, "DIR",
      "where trained models lie; may be given many times" },
    { "model-copies", OPT_STR, offsetof(struct options, model_copies), NULL, 0, 0, "DIR",
      "a folder of our own to map copies of models from, so that a model may be written over in place" },
    { "curve-secret", OPT_STR, offsetof(struct options, curve_secret), NULL, 0, 0, "FILE",
      "our secret key; without it links are plain" },
    { "curve-peers", OPT_STR, offsetof(struct options, curve_peers), NULL, 0, 0, "FILE", "public keys of those who may connect" },
    { .name = NULL },
};

struct tray { /* packed verdicts that wait for their router, each after its length */
    struct buf packed;
    size_t at; /* what lies before has left */
    uint32_t count;
};
struct worker {
    uv_loop_t loop;
    struct mailbox *mailbox;
    struct desk *desk;
    struct signals signals;
    struct timer tick, stop;
    struct buf room; /* one packed record */
    struct models_place models;
    uint64_t now, stop_at;
    bool stopping, closed;
};

/* ---- trays ---- */

static struct tray *tray_of(struct peer *p)
{
    struct tray *t = peer_data(p);
    if (t) return t;
    t = calloc(1, sizeof *t);
    if (!t) return NULL;
    buf_init(&t->packed, TRAY_BYTES);
    peer_set_data(p, t);
    return t;
}

static void tray_put(struct worker *w, struct peer *p, const struct verdict *v)
{
    struct tray *t = tray_of(p);
    uint32_t n;
    buf_clear(&w->room);
    record_pack(&w->room, &verdict_record, v);
    n = (uint32_t)w->room.n;
    if (!t || w->room.err || t->packed.n + sizeof n + n > TRAY_BYTES) {
        metric_add(MET_MBOX_REFUSED, "verdict_tray_full", 1);
        return;
    }
    buf_add(&t->packed, &n, sizeof n);
    buf_add(&t->packed, w->room.p, n);
    if (t->packed.err) {
        metric_add(MET_MBOX_REFUSED, "verdict_tray_full", 1);
        buf_clear(&t->packed); /* no memory: what waited is asked for again */
        t->at = t->count = 0;
        return;
    }
    t->count++;
}

/* True when nothing waits any more. */
static bool tray_empty(struct worker *w, struct peer *p)
{
    struct tray *t = peer_data(p);
    uint32_t n;
    while (t && t->count) {
        memcpy(&n, t->packed.p + t->at, sizeof n);
        enum err e = mailbox_put_packed(w->mailbox, p, MSG_VERDICT, (struct str){ t->packed.p + t->at + sizeof n, n });
        if (e == ERR_FULL || e == ERR_CLOSED) break;
        if (e) metric_add(MET_MBOX_REFUSED, err_name(e), 1);
        t->at += sizeof n + n;
        t->count--;
    }
    if (!t || !t->at) return !t || !t->count;
    buf_shift(&t->packed, t->at);
    t->at = 0;
    return !t->count;
}

static void trays_free(struct worker *w)
{
    for (struct peer *p = NULL; (p = mailbox_next(w->mailbox, p));) {
        struct tray *t = peer_data(p);
        if (t) buf_fini(&t->packed);
        free(t);
        peer_set_data(p, NULL);
    }
}

static void on_answer(void *ctx, void *from, const struct verdict *v)
{
    struct worker *w = ctx;
    struct peer *p = from;
    struct tray *t = peer_data(p);
    enum err e = t && t->count ? ERR_FULL : mailbox_put(w->mailbox, p, MSG_VERDICT, v); /* order is kept */
    if (e == ERR_FULL || e == ERR_CLOSED) tray_put(w, p, v);
    else if (e) metric_add(MET_MBOX_REFUSED, err_name(e), 1);
}

static enum err on_ask(void *ctx, void *scorer, const struct score *q)
{
    struct worker *w = ctx;
    return mailbox_put(w->mailbox, scorer, MSG_SCORE, q);
}

/* ---- records ---- */

static void on_event(struct worker *w, struct peer *p, const void *obj) { desk_event(w->desk, p, obj, clock_wall_ms()); }
static void on_config(struct worker *w, struct peer *p, const void *obj)
{
    (void)p;
    desk_config(w->desk, obj, clock_wall_ms());
}

static void on_scorer(struct worker *w, struct peer *p, const void *obj)
{
    enum err e = desk_scorer(w->desk, p, obj);
    if (e) log_warn("peer=%s is no scorer for us: %s", peer_name(p), err_text(e));
    if (e) metric_add(MET_MBOX_REFUSED, "scorer", 1);
}
static void on_scored(struct worker *w, struct peer *p, const void *obj) { desk_scored(w->desk, p, obj); }

static const struct {
    enum role from;
    void (*fn)(struct worker *w, struct peer *p, const void *obj);
} takes[MSG_COUNT] = {
    [MSG_EVENT] = { ROLE_ROUTER, on_event },
    [MSG_CONFIG] = { ROLE_ROUTER, on_config },
    [MSG_SCORER] = { ROLE_SCORER, on_scorer },
    [MSG_SCORED] = { ROLE_SCORER, on_scored },
};

static void on_record(void *ctx, struct peer *p, enum msg type, const void *obj)
{
    struct worker *w = ctx;
    if (w->stopping) return; /* its router gives it to another */
    if ((unsigned)type < MSG_COUNT && takes[type].fn && takes[type].from == peer_role(p)) takes[type].fn(w, p, obj);
    else metric_add(MET_MBOX_REFUSED, "not_for_triage", 1);
}

static void on_up(void *ctx, struct peer *p)
{
    log_info("%s=%s up", role_words.v[peer_role(p)], peer_name(p));
    tray_empty(ctx, p);
}
static void on_down(void *ctx, struct peer *p)
{
    struct worker *w = ctx;
    desk_scorer_left(w->desk, p); /* whatever it is: a peer may come back in another role */
    log_warn("%s=%s down%s", role_words.v[peer_role(p)], peer_name(p),
             peer_role(p) == ROLE_ROUTER ? ", its verdicts wait for it" : "");
}
static void on_credit(void *ctx, struct peer *p)
{
    struct worker *w = ctx;
    tray_empty(w, p);
    desk_scorer_room(w->desk, p);
}

/* ---- time ---- */

static void on_tick(struct timer *t)
{
    struct worker *w = t->ctx;
    struct stats s;
    desk_tick(w->desk, clock_wall_ms());
    buf_clear(&w->room);
    metrics_pack(&w->room);
    if (w->room.err) return;
    s.values = buf_str(&w->room);
    for (struct peer *p = NULL; (p = mailbox_next(w->mailbox, p));)
        if (peer_role(p) == ROLE_ROUTER && peer_is_up(p) && peer_credit(p)) (void)mailbox_put(w->mailbox, p, MSG_STATS, &s);
}

static void finish(struct worker *w)
{
    if (w->closed) return;
    w->closed = true;
    timer_fini(&w->tick);
    timer_fini(&w->stop);
    signals_fini(&w->signals);
    desk_close(w->desk);
    if (!w->mailbox) return;
    trays_free(w);
    mailbox_close(w->mailbox);
}

static void on_stopping(struct timer *t)
{
    struct worker *w = t->ctx;
    bool empty = true;
    for (struct peer *p = NULL; (p = mailbox_next(w->mailbox, p));)
        if (peer_is_up(p) && !tray_empty(w, p)) empty = false;
    if (empty || clock_mono_ms() >= w->stop_at) finish(w);
}

static void on_stop(void *ctx)
{
    struct worker *w = ctx;
    log_info("stopping");
    w->stopping = true;
    w->stop_at = clock_mono_ms() + STOP_MS;
    timer_every(&w->stop, STOP_STEP);
}

/* ---- the process ---- */

static enum err dial(struct worker *w, const struct opt_list *routers)
{
    for (size_t i = 0; i < routers->count; i++) {
        enum err e = mailbox_dial(w->mailbox, routers->v[i]);
        if (!e) continue;
        log_error("router=%s cannot be dialled: %s", routers->v[i], err_text(e));
        return e;
    }
    return ERR_OK;
}

static enum err worker_open(struct worker *w, const struct options *o)
{
    struct mailbox_cfg cfg = { .name = o->name,
                               .role = ROLE_TRIAGE,
                               .inbox = o->inbox,
                               .window = (uint32_t)o->window,
                               .curve_secret_file = o->curve_secret,
                               .curve_peers_file = o->curve_peers,
                               .ctx = w,
                               .on_up = on_up,
                               .on_down = on_down,
                               .on_credit = on_credit,
                               .on_record = on_record };
    struct desk_cfg desk = { w, on_answer, on_ask, &w->models };
    w->models.copies = o->model_copies;
    for (size_t i = 0; i < o->models.count && i < MODELS_DIRS; i++) w->models.dirs[w->models.count++] = o->models.v[i];
    enum err e = desk_open(&w->desk, &w->loop, &desk);
    if (!e) e = signals_init(&w->signals, &w->loop, on_stop, NULL, w);
    if (!e) e = mailbox_open(&w->mailbox, &w->loop, &cfg);
    if (!e) e = dial(w, &o->routers);
    if (!e) timer_every(&w->tick, TICK_MS);
    return e;
}

int triage_main(int argc, char **argv)
{
    struct options o;
    struct worker w = { 0 };
    if (opt_parse(rows, "naru triage [options]", argc, argv, &o) != ERR_OK) return 2;
    log_init(o.name);
    metrics_init(o.name);
    uv_loop_init(&w.loop);
    buf_init(&w.room, LIM_ZMQ_MESSAGE);
    timer_init(&w.tick, &w.loop, on_tick, &w);
    timer_init(&w.stop, &w.loop, on_stopping, &w);
    enum err e = worker_open(&w, &o);
    if (!e) {
        log_info("inbox=%s routers=%zu ready", o.inbox, o.routers.count);
        uv_run(&w.loop, UV_RUN_DEFAULT);
    } else {
        log_error("cannot start: %s", err_text(e));
    }
    finish(&w);
    loop_finish(&w.loop);
    buf_fini(&w.room);
    return e ? 1 : 0;
}
