#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "workers/assign/process.h"

#include <stdlib.h>

/* Leading one workspace, from asking for the lease to stepping down.

     IDLE      somebody else leads, or Redis is away, or no policy is known; tries again at `next_try`
     ASKING    the lease was asked for
     READING   the lease is ours under a new epoch; memory is read from Redis (load.c)
     MEETING   every router is told LEAD and asked what it has seen; a router's higher seq means that Redis has lost changes
     SEATING   … then counting goes on after it, in Redis first
     SYNCING   entries that routers have not seen go out again, then each tells what it has not settled
     LEADING   matching; batches go to Redis, entries and mail to routers

   A router that comes while LEADING goes through MEETING and SYNCING by its own link's flags. Any doubt (a fence that refuses,
   Redis away for long, a lost answer while reading) ends in reign_step_down: memory is thrown away and made anew from Redis and the
   homes; nothing that was confirmed can be lost by that, because nothing is confirmed before it is in both. */

#define LEASE_MS    5000u
#define RENEW_MS    1500u
#define TRY_MS      500u
#define MEET_MS     3000u
#define SYNC_MS     3000u
#define STORE_MS    2000u /* Redis away for so long: step down */
#define OTHERS_MS   1000u /* at start, other routers are given so long to come up */
#define STASH_CAP   (64u << 20)
#define LINGER_US   1000u /* a turn right after another waits so long, for its batch to be worth it … */
#define LINGER_MOST 256u  /* … unless so many records are there */

struct reign *reign_new(struct assigner *a, struct str name)
{
    struct reign *r = calloc(1, sizeof *r);

    if (!r || name.n >= sizeof r->name) {
        free(r);
        return NULL;
    }
    r->a = a;
    memcpy(r->name, name.p, name.n);
    buf_init(&r->policy, STASH_CAP);
    buf_init(&r->configs, STASH_CAP);
    buf_init(&r->acts, STASH_CAP);
    return r;
}

void reign_free(struct reign *r)
{
    load_cancel(r);
    courier_fini(r);
    for (uint32_t i = 0; i < r->link_count; i++) link_reset(&r->links[i]);
    space_free(r->ws);
    feed_fini(&r->feed);
    buf_fini(&r->policy);
    buf_fini(&r->configs);
    buf_fini(&r->acts);
    free(r);
}

/* ---- stepping down ---- */

static void refuse_act(struct reign *r, uint32_t router, uint64_t id, const char *problem, const char *detail);

static void refuse_stashed(struct reign *r)
{
    struct arena arena;
    struct str rest = buf_str(&r->acts), packed;

    arena_init(&arena, 1u << 20);
    while (stream_next(&rest, &packed)) {
        struct act act;
        arena_clear(&arena);
        if (packed.n > 4 && !record_unpack(&act_record, &act, packed, &arena))
            refuse_act(r, act.router, act.id, "not-leading", "the workspace is being rebuilt; try again");
    }
    arena_fini(&arena);
    buf_clear(&r->acts);
}

void reign_step_down(struct reign *r, const char *cause, uint64_t retry_ms)
{
    if (r->state == REIGN_LEADING || r->state >= REIGN_READING)
        log_warn("workspace=%s epoch=%llu steps down cause=%s", r->name, (unsigned long long)r->epoch, cause);
    r->state = REIGN_IDLE;
    r->generation++;
    r->renewing = false;
    r->next_try = assigner_mono() + retry_ms;
    load_cancel(r);
    courier_drop(r);
    refuse_stashed(r);
    for (uint32_t i = 0; i < r->link_count; i++) link_reset(&r->links[i]);
    if (r->ws && space_policy_packed(r->ws).n) { /* should Redis come back empty */
        buf_clear(&r->policy);
        buf_addstr(&r->policy, space_policy_packed(r->ws));
        r->policy_at = 0;
    }
    space_free(r->ws);
    r->ws = NULL;
    feed_fini(&r->feed);
}

static void on_resigned(void *ctx, const redisReply *reply) { (void)ctx, (void)reply; }

void reign_resign(struct reign *r)
{
    if (r->state >= REIGN_READING)
        (void)store_lead(r->a->store, reign_name(r), r->a->opts.name, 0, r->epoch, false, on_resigned, NULL);
}

/* ---- the lease ---- */

struct ticking { /* an answer that belongs to one try */
    struct reign *reign;
    uint32_t generation;
};

static struct ticking *ticking_new(struct reign *r)
{
    struct ticking *t = malloc(sizeof *t);

    if (t) *t = (struct ticking){ r, r->generation };
    return t;
}

/* NULL: the answer is to a former try. */
static struct reign *ticking_end(void *ctx)
{
    struct ticking t = *(struct ticking *)ctx;

    free(ctx);
    return t.generation == t.reign->generation ? t.reign : NULL;
}

static void on_lead(void *ctx, const redisReply *reply)
{
    struct reign *r = ticking_end(ctx);
    struct store_reply s = store_read(reply);
    struct space_cfg cfg;

    if (!r) return;
    if (s.word != STORE_LEAD) {
        if (s.error.n) log_error("workspace=%s redis: %.*s", r->name, STR_FMT(s.error));
        if (s.epoch > r->epoch) r->epoch = s.epoch;
        r->state = REIGN_IDLE;
        r->next_try = assigner_mono() + TRY_MS;
        return;
    }
    r->epoch = s.epoch;
    r->head = r->committed = s.seq;
    r->renew_at = assigner_mono() + RENEW_MS;
    cfg = (struct space_cfg){ .name = reign_name(r),
                              .seed = r->a->opts.seed ? r->a->opts.seed : clock_wall_ms() ^ s.epoch << 20,
                              .epoch = s.epoch,
                              .seq = s.seq };
    feed_init(&r->feed, s.seq + 1);
    r->state = REIGN_READING;
    if (space_new(&r->ws, &cfg) || load_begin(r)) reign_step_down(r, "cannot_read", TRY_MS);
}

static void ask_lead(struct reign *r)
{
    uint64_t epoch = clock_wall_ms() / 1000;
    struct ticking *t = ticking_new(r);

    r->next_try = assigner_mono() + TRY_MS;
    if (epoch <= r->epoch) epoch = r->epoch + 1;
    if (!t || store_lead(r->a->store, reign_name(r), r->a->opts.name, LEASE_MS, epoch, false, on_lead, t)) free(t);
    else r->state = REIGN_ASKING;
}

static void on_renewed(void *ctx, const redisReply *reply)
{
    struct reign *r = ticking_end(ctx);
    struct store_reply s = store_read(reply);

    if (!r) return;
    r->renewing = false;
    r->renew_at = assigner_mono() + RENEW_MS;
    if (s.word == STORE_UNKNOWN) r->renew_at = assigner_mono() + TRY_MS;
    if (s.word == STORE_HELD) reign_step_down(r, "lease_lost", TRY_MS);
    if (s.word != STORE_STALE) return;
    if (s.epoch < r->epoch) metric_add(MET_STORE_ROLLBACKS, "", 1);
    reign_step_down(r, s.epoch < r->epoch ? "redis_is_older" : "epoch_passed", 50);
}

static void renew(struct reign *r)
{
    struct ticking *t = ticking_new(r);

    if (!t || store_lead(r->a->store, reign_name(r), r->a->opts.name, LEASE_MS, r->epoch, true, on_renewed, t)) free(t);
    else r->renewing = true;
    r->renew_at = assigner_mono() + RENEW_MS;
}

/* ---- meeting the routers ---- */

static void tell_lead(struct reign *r, struct link *l)
{
    struct lead lead = { .workspace = reign_name(r), .epoch = r->epoch, .seq = r->committed };
    enum err e = mailbox_put(r->a->mail, l->peer, MSG_LEAD, &lead);

    if (e) log_warn("workspace=%s router=%s cannot be told that we lead: %s", r->name, peer_name(l->peer), err_text(e));
}

void reign_loaded(struct reign *r)
{
    log_info("workspace=%s epoch=%llu seq=%llu tickets=%u read from redis", r->name, (unsigned long long)r->epoch,
             (unsigned long long)r->head, space_tickets(r->ws));
    r->state = REIGN_MEETING;
    r->since = assigner_mono();
    for (uint32_t i = 0; i < r->link_count; i++)
        if (peer_is_up(r->links[i].peer)) tell_lead(r, &r->links[i]);
}

static bool all_met(const struct reign *r)
{
    uint32_t up = 0;

    for (uint32_t i = 0; i < r->link_count; i++) {
        if (!peer_is_up(r->links[i].peer)) continue;
        if (!r->links[i].met) return false;
        up++;
    }
    return up >= r->a->opts.router.count || assigner_mono() - r->a->started >= OTHERS_MS;
}

static void begin_sync(struct reign *r)
{
    r->state = REIGN_SYNCING;
    r->since = assigner_mono();
}

static void on_seated(void *ctx, const redisReply *reply)
{
    struct reign *r = ticking_end(ctx);
    struct store_reply s = store_read(reply);

    if (!r) return;
    if (s.word != STORE_OK) {
        reign_step_down(r, "not_seated", TRY_MS);
        return;
    }
    r->head = r->committed = s.seq;
    space_restore_seq(r->ws, r->epoch, s.seq);
    feed_fini(&r->feed); /* what lies between is only known to routers */
    feed_init(&r->feed, s.seq + 1);
    for (uint32_t i = 0; i < r->link_count; i++) {
        struct link *l = &r->links[i];
        if (l->met && peer_is_up(l->peer)) tell_lead(r, l); /* counting begins there */
        if (l->met && l->cursor <= s.seq) l->cursor = s.seq + 1;
    }
    begin_sync(r);
}

/* Everybody has told, or had time to. */
static void settle_head(struct reign *r)
{
    uint64_t most = r->head;
    struct ticking *t;

    for (uint32_t i = 0; i < r->link_count; i++)
        if (r->links[i].met && r->links[i].seen > most) most = r->links[i].seen;
    if (most == r->head) {
        begin_sync(r);
        return;
    }
    log_warn("workspace=%s redis is older than its routers: head=%llu seen=%llu; rebuilding from the homes", r->name,
             (unsigned long long)r->head, (unsigned long long)most);
    metric_add(MET_STORE_ROLLBACKS, "", 1);
    t = ticking_new(r);
    r->state = REIGN_SEATING;
    if (t && !store_seat(r->a->store, reign_name(r), r->epoch, most, on_seated, t)) return;
    free(t);
    reign_step_down(r, "not_seated", TRY_MS);
}

/* ---- syncing ---- */

static bool all_synced(const struct reign *r)
{
    uint64_t now = assigner_mono();

    for (uint32_t i = 0; i < r->link_count; i++) {
        const struct link *l = &r->links[i];
        if (!l->met || l->synced || !peer_is_up(l->peer)) continue;
        uint64_t since = l->heard_at > r->since ? l->heard_at : r->since;
        if (now - since < SYNC_MS) return false;
    }
    return true;
}

static void take_config(struct reign *r, const struct config *c, struct link *from)
{
    struct str ours;
    struct buf why;
    enum err e;

    buf_init(&why, 4096);
    e = space_config(r->ws, assigner_now(r->a), c, true, &why);
    r->dirty = true;
    ours = space_policy_packed(r->ws);
    if (e == ERR_STALE && from && c->kind == CONFIG_POLICY && ours.n)
        (void)parcels_put(&from->mail, &(struct parcel){ .type = MSG_CONFIG, .n = (uint32_t)ours.n }, ours);
    else if (e && e != ERR_EXISTS && e != ERR_STALE && e != ERR_NOTFOUND)
        log_warn("workspace=%s a configuration cannot be used: %s %s", r->name, err_text(e), buf_cstr(&why));
    buf_fini(&why);
}

static void replay_configs(struct reign *r)
{
    struct str rest = buf_str(&r->configs), packed;
    struct arena arena;
    struct config c;

    arena_init(&arena, 1u << 20);
    if (r->policy.n && !record_unpack(&config_record, &c, buf_str(&r->policy), &arena)) take_config(r, &c, NULL);
    while (stream_next(&rest, &packed))
        if (!record_unpack(&config_record, &c, packed, &arena)) take_config(r, &c, NULL);
    arena_fini(&arena);
    buf_clear(&r->configs);
}

static void replay_acts(struct reign *r)
{
    struct str rest = buf_str(&r->acts), packed;
    struct arena arena;
    struct act act;

    arena_init(&arena, 1u << 20);
    while (stream_next(&rest, &packed)) {
        arena_clear(&arena);
        if (!record_unpack(&act_record, &act, packed, &arena)) space_act(r->ws, assigner_now(r->a), &act);
    }
    arena_fini(&arena);
    buf_clear(&r->acts);
}

/* Exactly one router tells webhooks of what is no ticket's: of those that are there, the one with the lowest number. While none
   is there it stays whoever it was; it is told all of it when it comes back. */
static void name_teller(struct reign *r)
{
    uint32_t lowest = UINT32_MAX;

    for (uint32_t i = 0; i < r->link_count; i++)
        if (peer_is_up(r->links[i].peer) && r->links[i].number < lowest) lowest = r->links[i].number;
    if (r->ws && lowest != UINT32_MAX) space_teller(r->ws, lowest);
}

static void lead_now(struct reign *r)
{
    name_teller(r);
    space_restore_done(r->ws, assigner_now(r->a));
    r->state = REIGN_LEADING;
    r->dirty = true;
    replay_configs(r);
    replay_acts(r);
    metric_add(MET_LEADS, "", 1);
    log_info("workspace=%s epoch=%llu seq=%llu tickets=%u leads", r->name, (unsigned long long)r->epoch,
             (unsigned long long)space_seq(r->ws), space_tickets(r->ws));
}

/* ---- the turn ---- */

static bool may_run(const struct reign *r) { return store_is_up(r->a->store) && courier_has_room(r); }

/* A batch costs Redis, us and the routers a wake-up each, however small it is. What comes after a quiet time goes at once. */
static bool lingers(const struct reign *r, uint64_t now_us) { return r->asked < LINGER_MOST && now_us - r->ran_us < LINGER_US; }

static bool run(struct reign *r)
{
    uint64_t now = assigner_now(r->a), before = clock_mono_us();
    bool more;

    if ((!r->dirty && space_next(r->ws) > now) || lingers(r, before)) return false;
    more = space_turn(r->ws, now);
    r->dirty = more;
    r->asked = more ? LINGER_MOST : 0;
    r->ran_us = before;
    metric_observe(MET_MATCH_TIME, "", (double)(clock_mono_us() - before) / 1e6);
    if (courier_drain(r)) {
        reign_step_down(r, "memory", TRY_MS);
        return false;
    }
    courier_send(r);
    return true;
}

bool reign_turn(struct reign *r)
{
    bool did = false;

    if (r->state < REIGN_MEETING) return false;
    if (r->state == REIGN_LEADING && may_run(r)) did = run(r);
    if (r->state == REIGN_LEADING && r->first) courier_send(r);
    for (uint32_t i = 0; r->state >= REIGN_SYNCING && i < r->link_count; i++) {
        struct link *l = &r->links[i];
        if (l->confirm.count) link_release(r, l, false);
    }
    for (uint32_t i = 0; r->state >= REIGN_SYNCING && i < r->link_count; i++) did |= link_pump(r, &r->links[i]);
    return did;
}

uint64_t reign_next(const struct reign *r)
{
    if (r->state != REIGN_LEADING || !may_run(r)) return UINT64_MAX; /* an answer of Redis wakes us */
    return r->dirty ? assigner_now(r->a) : space_next(r->ws);
}

static void tick_links(struct reign *r)
{
    for (uint32_t i = 0; i < r->link_count; i++) {
        struct link *l = &r->links[i];
        if (l->met && peer_is_up(l->peer)) link_seen(r, l, &(struct seen){ .epoch = r->epoch, .seq = l->seen });
        else if (r->state == REIGN_LEADING && !l->met && peer_is_up(l->peer) && assigner_mono() - l->heard_at > MEET_MS) {
            l->heard_at = assigner_mono();
            tell_lead(r, l); /* it has not answered yet */
        }
    }
}

void reign_tick(struct reign *r)
{
    uint64_t now = assigner_mono();

    if (r->state >= REIGN_READING && r->store_lost && now - r->store_lost > STORE_MS) {
        reign_step_down(r, "store_away", 50);
        return;
    }
    if (r->state == REIGN_IDLE && now >= r->next_try && store_is_up(r->a->store)) ask_lead(r);
    if (r->state >= REIGN_READING && !r->renewing && now >= r->renew_at && store_is_up(r->a->store)) renew(r);
    if (r->state == REIGN_MEETING && (all_met(r) || now - r->since >= MEET_MS)) settle_head(r);
    if (r->state == REIGN_SYNCING && all_synced(r)) lead_now(r);
    if (r->state >= REIGN_SYNCING) tick_links(r);
}

/* ---- what comes from routers ---- */

struct link *reign_link(struct reign *r, uint32_t number)
{
    for (uint32_t i = 0; i < r->link_count; i++)
        if (r->links[i].number == number && peer_is_up(r->links[i].peer)) return &r->links[i];
    return NULL;
}

static struct link *link_of(struct reign *r, struct peer *p)
{
    for (uint32_t i = 0; i < r->link_count; i++)
        if (r->links[i].peer == p) return &r->links[i];
    if (r->link_count == LIM_PEERS) return NULL;
    r->links[r->link_count] = (struct link){ .peer = p, .number = peer_number(p) };
    return &r->links[r->link_count++];
}

void reign_router_up(struct reign *r, struct peer *p)
{
    struct link *l = link_of(r, p);

    if (!l) return;
    link_reset(l);
    l->number = peer_number(p);
    l->heard_at = assigner_mono();
    name_teller(r);
    if (r->state >= REIGN_MEETING && r->state != REIGN_SEATING) tell_lead(r, l);
}

void reign_router_down(struct reign *r, struct peer *p)
{
    struct link *l = link_of(r, p);

    if (!l) return;
    name_teller(r);
    if (r->state == REIGN_LEADING) {
        link_release(r, l, true);
        space_router_lost(r->ws, assigner_now(r->a), l->number);
        r->dirty = true;
    }
    link_reset(l);
}

static void refuse_act(struct reign *r, uint32_t router, uint64_t id, const char *problem, const char *detail)
{
    struct result res = { .id = id, .status = 503, .problem = str_of(problem), .detail = str_of(detail) };
    struct link *l = reign_link(r, router);

    metric_add(MET_ACTS_REFUSED, problem, 1);
    if (l) (void)mailbox_put(r->a->mail, l->peer, MSG_RESULT, &res);
}

/* A packed record kept for later; false: no room. */
static bool stash(struct buf *to, const struct record *rec, const void *obj)
{
    size_t at = to->n;
    uint32_t n = 0;

    buf_add(to, &n, sizeof n);
    record_pack(to, rec, obj);
    if (to->err) {
        to->n = at;
        to->err = ERR_OK;
        return false;
    }
    n = (uint32_t)(to->n - at - sizeof n);
    memcpy(to->p + at, &n, sizeof n);
    return true;
}

static void on_take(struct reign *r, struct link *l, const void *obj)
{
    const struct take *t = obj;

    if (r->state < REIGN_SYNCING || (r->state == REIGN_SYNCING && !l->synced)) return; /* its sync tells it */
    space_take(r->ws, assigner_now(r->a), &t->event, &t->verdict);
    r->dirty = true;
    r->asked++;
}

static void on_act(struct reign *r, struct link *l, const void *obj)
{
    struct act a = *(const struct act *)obj;

    a.router = l->number;
    if (r->state == REIGN_LEADING && store_is_up(r->a->store)) {
        space_act(r->ws, assigner_now(r->a), &a);
        r->dirty = true;
        r->asked++;
    } else if (!store_is_up(r->a->store)) {
        if (a.kind != ACT_HEARTBEAT) refuse_act(r, l->number, a.id, "store-away", "redis is away; try again");
    } else if (r->state < REIGN_MEETING || !stash(&r->acts, &act_record, &a)) {
        if (a.kind != ACT_HEARTBEAT)
            refuse_act(r, l->number, a.id, "not-leading", "this process does not lead the workspace now; try again");
    }
}

static void on_seen(struct reign *r, struct link *l, const void *obj)
{
    const struct seen *s = obj;

    if (r->state < REIGN_MEETING || s->epoch != r->epoch) return;
    if (r->state == REIGN_LEADING &&
        s->seq > space_seq(r->ws)) { /* it knows changes that Redis has lost, and nobody could tell when we began */
        metric_add(MET_STORE_ROLLBACKS, "", 1);
        reign_step_down(r, "router_knows_more", 50);
        return;
    }
    link_seen(r, l, s);
}

static void on_live(struct reign *r, struct link *l, const void *obj)
{
    const struct live *live = obj;

    if (r->state < REIGN_SYNCING || live->epoch != r->epoch || !l->syncing) return;
    l->heard_at = assigner_mono();
    space_live(r->ws, assigner_now(r->a), live);
    r->dirty = true;
}

static void on_sync(struct reign *r, struct link *l, const void *obj)
{
    const struct sync *s = obj;

    if (r->state < REIGN_SYNCING || !s->done || s->epoch != r->epoch || !l->syncing) return;
    l->syncing = false;
    l->synced = true;
    space_live_done(r->ws, assigner_now(r->a), l->number); /* at once: what is opened from here on was never asked for */
    r->dirty = true;
    if (r->state == REIGN_SYNCING && all_synced(r)) lead_now(r);
}

static void keep_policy(struct reign *r, const struct config *c)
{
    if (r->policy.n && c->at <= r->policy_at) return;
    buf_clear(&r->policy);
    record_pack(&r->policy, &config_record, c);
    r->policy_at = c->at;
}

static void on_config(struct reign *r, struct link *l, const void *obj)
{
    const struct config *c = obj;

    if (r->state == REIGN_LEADING) {
        take_config(r, c, l);
        return;
    }
    if (c->kind == CONFIG_POLICY) keep_policy(r, c);
    else if (!stash(&r->configs, &config_record, c)) buf_clear(&r->configs); /* they are told again in the sync */
    if (r->state == REIGN_IDLE) r->next_try = 0;
}

static void (*const on_msg[MSG_COUNT])(struct reign *r, struct link *l, const void *obj) = {
    [MSG_TAKE] = on_take, [MSG_ACT] = on_act,   [MSG_SEEN] = on_seen,
    [MSG_LIVE] = on_live, [MSG_SYNC] = on_sync, [MSG_CONFIG] = on_config,
};

void reign_on_record(struct reign *r, struct peer *p, enum msg type, const void *obj)
{
    struct link *l = link_of(r, p);

    if (l && on_msg[type]) on_msg[type](r, l, obj);
    else metric_add(MET_MBOX_REFUSED, "role", 1);
}

/* ---- Redis comes and goes ---- */

void reign_store_up(struct reign *r)
{
    r->store_lost = 0;
    r->renew_at = 0;
    r->next_try = 0;
    if (r->state == REIGN_ASKING) r->state = REIGN_IDLE;
    if (r->state == REIGN_LEADING) courier_send(r);
}

void reign_store_down(struct reign *r)
{
    r->store_lost = assigner_mono();
    if (r->state != REIGN_LEADING && r->state != REIGN_IDLE) reign_step_down(r, "store_lost", TRY_MS);
}
