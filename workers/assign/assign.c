#include "workers/assign/assign.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "workers/assign/process.h"

#include <stdlib.h>

/* The process: one mailbox, one link to Redis, one reign for each workspace that routers speak of. The callbacks here translate;
   reign.c decides who leads, workspace.c everything else.

   A loop turn: records come in and change memory; at its end each reign runs its matcher, hands one batch to Redis and sends what
   may go; the `due` timer wakes the loop for the next deadline. Stopping: the lease is given up, then everything is closed and
   the loop runs dry. */

#define WALL_STEP_MS 60000
#define TICK_MS      50u
#define STATS_MS     1000u

static const struct opt rows[] = {
    { "name", OPT_STR, offsetof(struct assign_opts, name), "assign-1", 0, 0, "NAME",
      "this process's name, unique in the installation" },
    { "inbox", OPT_STR, offsetof(struct assign_opts, inbox), "ipc:///tmp/naru-assign-1", 0, 0, "ADDR",
      "where to bind: ipc://… or tcp://addr:port" },
    { "advertise", OPT_STR, offsetof(struct assign_opts, advertise), NULL, 0, 0, "ADDR",
      "what routers are told to connect to (default: the inbox)" },
    { "router", OPT_LIST, offsetof(struct assign_opts, router), NULL, 0, 0, "ADDR", "a router's inbox; may be given many times" },
    { "redis", OPT_STR, offsetof(struct assign_opts, redis), "redis://127.0.0.1:6379", 0, 0, "URL",
      "redis://[user:password@]host:port[/db] or unix:///path" },
    { "window", OPT_U64, offsetof(struct assign_opts, window), "4096", 64, 65536, "N",
      "records a router may have under way to us" },
    { "seed", OPT_U64, offsetof(struct assign_opts, seed), "0", 0, 0, "N", "seed of the ids' randomness; 0: from the clock" },
    { "curve-secret", OPT_STR, offsetof(struct assign_opts, curve_secret), NULL, 0, 0, "FILE", "our CURVE secret key (Z85)" },
    { "curve-peers", OPT_STR, offsetof(struct assign_opts, curve_peers), NULL, 0, 0, "FILE",
      "peers' CURVE public keys, one a line" },
    { .name = NULL },
};

uint64_t assigner_mono(void) { return clock_mono_ms(); }

uint64_t assigner_now(const struct assigner *a) { return steady_ms(&a->clock, clock_boot_ms()); }

/* ---- workspaces ---- */

/* The workspace's name in a record, for each type that has one. */
static struct str workspace_of(enum msg type, const void *obj)
{
    switch (type) {
    case MSG_TAKE: return ((const struct take *)obj)->event.workspace;
    case MSG_LIVE: return ((const struct live *)obj)->take.event.workspace;
    case MSG_ACT: return ((const struct act *)obj)->workspace;
    case MSG_SEEN: return ((const struct seen *)obj)->workspace;
    case MSG_SYNC: return ((const struct sync *)obj)->workspace;
    case MSG_CONFIG: return ((const struct config *)obj)->workspace;
    default: return STR_NONE;
    }
}

static void greet_routers(struct assigner *a, struct reign *r)
{
    for (struct peer *p = NULL; (p = mailbox_next(a->mail, p));)
        if (peer_role(p) == ROLE_ROUTER && peer_is_up(p)) reign_router_up(r, p);
}

static struct reign *reign_of(struct assigner *a, struct str name)
{
    struct reign *r;

    for (uint32_t i = 0; i < a->reign_count; i++)
        if (str_is(name, a->reigns[i]->name)) return a->reigns[i];
    if (!name.n || a->reign_count == REIGNS_MAX || a->stopping || !(r = reign_new(a, name))) return NULL;
    a->reigns[a->reign_count++] = r;
    log_info("workspace=%s is known", r->name);
    greet_routers(a, r);
    return r;
}

static void on_record(void *ctx, struct peer *p, enum msg type, const void *obj)
{
    struct assigner *a = ctx;
    struct reign *r = peer_role(p) == ROLE_ROUTER ? reign_of(a, workspace_of(type, obj)) : NULL;

    if (r) {
        reign_on_record(r, p, type, obj);
        return;
    }
    metric_add(MET_MBOX_REFUSED, "workspace", 1);
    if (!a->stopping)
        log_warn("peer=%s record=%s refused: it is for no workspace that is led here", peer_name(p), msg_table[type].name);
}

static void on_up(void *ctx, struct peer *p)
{
    struct assigner *a = ctx;

    if (peer_role(p) != ROLE_ROUTER) return;
    log_info("router=%s number=%u is up", peer_name(p), peer_number(p));
    for (uint32_t i = 0; i < a->reign_count; i++) reign_router_up(a->reigns[i], p);
}

static void on_down(void *ctx, struct peer *p)
{
    struct assigner *a = ctx;

    if (peer_role(p) != ROLE_ROUTER || a->stopping) return;
    log_warn("router=%s is down", peer_name(p));
    for (uint32_t i = 0; i < a->reign_count; i++) reign_router_down(a->reigns[i], p);
}

static void on_credit(void *ctx, struct peer *p) { (void)ctx, (void)p; } /* the turn's end pumps all links */

/* ---- Redis ---- */

static void on_store_up(void *ctx)
{
    struct assigner *a = ctx;

    log_info("redis is up");
    for (uint32_t i = 0; i < a->reign_count; i++) reign_store_up(a->reigns[i]);
}

static void on_store_down(void *ctx, const char *cause)
{
    struct assigner *a = ctx;

    if (a->stopping) return;
    log_warn("redis is down cause=%s: assignment waits, intake goes on", cause);
    for (uint32_t i = 0; i < a->reign_count; i++) reign_store_down(a->reigns[i]);
}

/* ---- the loop ---- */

static void arm_due(struct assigner *a)
{
    uint64_t next = UINT64_MAX, now = assigner_now(a);

    for (uint32_t i = 0; i < a->reign_count; i++) {
        uint64_t at = reign_next(a->reigns[i]);
        if (at < next) next = at;
    }
    if (next > now + TICK_MS) timer_stop(&a->due); /* the tick comes sooner */
    else timer_once(&a->due, next > now ? next - now : 1);
}

static bool on_turn(struct turn_end *t)
{
    struct assigner *a = t->ctx;
    bool did = false;

    if (a->stopping) return false;
    for (uint32_t i = 0; i < a->reign_count; i++) did |= reign_turn(a->reigns[i]);
    arm_due(a);
    return did;
}

static void on_due(struct timer *t) { (void)t; } /* waking is its whole job */

static void on_tick(struct timer *t)
{
    struct assigner *a = t->ctx;

    for (uint32_t i = 0; i < a->reign_count; i++) reign_tick(a->reigns[i]);
}

/* Deadlines do not care; opening hours go by the clock that was right at the start. */
static void watch_wall(struct assigner *a)
{
    int64_t off = steady_off(&a->clock, clock_wall_ms(), clock_boot_ms());

    if (llabs(off - a->wall_off) < WALL_STEP_MS) return;
    log_warn("wall clock was set by_s=%lld next=\"deadlines are not touched; opening hours follow when this process is restarted\"",
             (long long)(off - a->wall_off) / 1000);
    a->wall_off = off;
}

static void on_stats(struct timer *t)
{
    struct assigner *a = t->ctx;
    struct buf packed;
    struct stats s;

    watch_wall(a);
    for (uint32_t i = 0; i < a->reign_count; i++)
        if (a->reigns[i]->state == REIGN_LEADING) space_metrics(a->reigns[i]->ws, assigner_now(a));
    buf_init(&packed, 524288);
    metrics_pack(&packed);
    s.values = buf_str(&packed);
    for (struct peer *p = NULL; !packed.err && (p = mailbox_next(a->mail, p));)
        if (peer_role(p) == ROLE_ROUTER && peer_is_up(p)) (void)mailbox_put(a->mail, p, MSG_STATS, &s);
    buf_fini(&packed);
}

static void on_stop(void *ctx)
{
    struct assigner *a = ctx;

    if (a->stopping) return;
    log_info("stopping");
    for (uint32_t i = 0; i < a->reign_count; i++) reign_resign(a->reigns[i]);
    a->stopping = true;
    timer_once(&a->due, 100); /* the resignation leaves, then all is closed */
}

static void close_all(struct timer *t)
{
    struct assigner *a = t->ctx;

    if (!a->stopping) return;
    for (uint32_t i = 0; i < a->reign_count; i++) reign_step_down(a->reigns[i], "stopping", 1000000);
    mailbox_close(a->mail);
    store_close(a->store);
    timer_fini(&a->tick);
    timer_fini(&a->stats);
    timer_fini(&a->due);
    turn_end_fini(&a->turn);
    signals_fini(&a->signals);
}

static void on_due_or_stop(struct timer *t)
{
    struct assigner *a = t->ctx;

    if (a->stopping) close_all(t);
    else on_due(t);
}

static enum err open_mailbox(struct assigner *a)
{
    struct mailbox_cfg cfg = { .name = a->opts.name,
                               .role = ROLE_ASSIGN,
                               .inbox = a->opts.inbox,
                               .advertise = a->opts.advertise,
                               .window = (uint32_t)a->opts.window,
                               .curve_secret_file = a->opts.curve_secret,
                               .curve_peers_file = a->opts.curve_peers,
                               .ctx = a,
                               .on_up = on_up,
                               .on_down = on_down,
                               .on_credit = on_credit,
                               .on_record = on_record };
    enum err e = mailbox_open(&a->mail, &a->loop, &cfg);

    for (size_t i = 0; !e && i < a->opts.router.count; i++) e = mailbox_dial(a->mail, a->opts.router.v[i]);
    return e;
}

static enum err start(struct assigner *a)
{
    struct store_cfg store = { .url = a->opts.redis, .ctx = a, .on_up = on_store_up, .on_down = on_store_down };
    enum err e = signals_init(&a->signals, &a->loop, on_stop, NULL, a);

    if (!e) e = open_mailbox(a);
    if (!e) e = store_open(&a->store, &a->loop, &store);
    if (e) return e;
    turn_end_init(&a->turn, &a->loop, on_turn, a);
    timer_init(&a->tick, &a->loop, on_tick, a);
    timer_init(&a->stats, &a->loop, on_stats, a);
    timer_init(&a->due, &a->loop, on_due_or_stop, a);
    timer_every(&a->tick, TICK_MS);
    timer_every(&a->stats, STATS_MS);
    return ERR_OK;
}

int assign_main(int argc, char **argv)
{
    struct assigner *a = calloc(1, sizeof *a);
    enum err e;

    if (!a) return 1;
    if (opt_parse(rows, "naru assign [--router ADDR]… [--redis URL] [options]", argc, argv, &a->opts)) return free(a), 2;
    log_init(a->opts.name);
    metrics_init(a->opts.name);
    uv_loop_init(&a->loop);
    steady_begin(&a->clock, clock_wall_ms(), clock_boot_ms());
    a->started = clock_mono_ms();
    if ((e = start(a))) {
        log_error("cannot start: %s", err_text(e));
        return 1;
    }
    log_info("assign %s waits for routers inbox=%s redis=%s", a->opts.name, a->opts.inbox,
             a->opts.redis[0] == 'u' ? a->opts.redis : "tcp");
    uv_run(&a->loop, UV_RUN_DEFAULT);
    loop_finish(&a->loop);
    for (uint32_t i = 0; i < a->reign_count; i++) reign_free(a->reigns[i]);
    free(a);
    return 0;
}
