/* A statement is made at one router, kept there, and passed on by the leader as an entry of the change log, in parcels of up to
   PARCEL bytes. Every statement may come twice or late: the newest wins. A leader does not keep them, so a router that missed some
   (it was away, or nobody led) asks: a parcel without a body that says since when; all others tell again what is newer, a little
   each second. */
#include "router/people_share.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "proto/mp.h"
#include "router/router.h"

#include <stdio.h>

#define PARCEL     61440u      /* packed; with its envelope it fits into an entry's detail */
#define SLACK_MS   600000u     /* clocks differ, and a leader's end is seen late */
#define FORGOT_MS  2592000000u /* who was forgotten so long ago is not told of any more: 30 days */
#define SECOND_MAX 8u          /* parcels told again in a second, … */
#define LOOK_MAX   50000u      /* … of so many customers that are looked at */

/* ---- the disk ---- */

static void on_row(void *ctx, const struct id *key, uint64_t at, struct str packed)
{
    struct router *r = ctx;
    enum err e = people_row(&r->people.people, key, at, packed);
    if (at > r->people.led) r->people.led = at;
    if (e && e != ERR_EXISTS) metric_add(MET_PEOPLE_REFUSED, e == ERR_FULL ? "full" : "row", 1);
}

enum err people_open(struct router *r, const char *path)
{
    uint64_t now = clock_wall_ms();
    enum err e = people_db_open(&r->people.db, &r->loop, path, now > FORGOT_MS ? now - FORGOT_MS : 0, on_row, r);
    if (!e) log_info("customers=%zu identities=%zu are known", r->people.people.by_key.count, r->people.people.by_identity.count);
    return e;
}

void people_fini_all(struct router *r)
{
    people_fini(&r->people.people);
    arena_fini(&r->people.arena);
}

struct putting {
    struct router *r;
    people_db_fn *fn;
    void *ctx;
    uint32_t puts;
    enum err err;
};

static void put(void *ctx, const struct id *key, uint64_t at, struct str packed)
{
    struct putting *p = ctx;
    enum err e = people_db_put(p->r->people.db, key, at, packed, p->fn, p->ctx);
    if (e) p->err = e;
    else p->puts++;
}

enum err people_state(struct router *r, const struct person *p, people_db_fn *fn, void *ctx, uint32_t *puts, uint32_t *moved)
{
    struct putting w = { .r = r, .fn = fn, .ctx = ctx };
    enum err e = people_take(&r->people.people, p, put, &w, moved);
    if (puts) *puts = w.puts;
    return e ? e : w.err;
}

/* ---- the other routers ---- */

static void nobody(void *ctx, const struct result *res)
{
    (void)ctx;
    if (res->status >= 400) log_debug("customers were not passed on: %.*s", STR_FMT(res->detail));
}

static bool pass_on(struct router *r, uint16_t workspace, struct str body, struct str name, struct str version)
{
    struct config c = { .workspace = str_of(router_workspace(r, workspace)),
                        .kind = CONFIG_PEOPLE,
                        .name = name,
                        .version = version,
                        .at = clock_wall_ms(),
                        .source = str_of(r->opts.name),
                        .body = body };
    struct act act = {
        .workspace = c.workspace, .kind = ACT_CONFIG, .router = r->number, .actor = str_of(r->opts.name), .privileged = true
    };
    struct buf packed;
    buf_init(&packed, LIM_ZMQ_MESSAGE);
    record_pack(&packed, &config_record, &c);
    act.body = buf_str(&packed);
    bool good = !packed.err && !acts_ask(&r->acts, workspace, &act, true, router_now(r), nobody, NULL);
    buf_fini(&packed);
    return good;
}

/* How many of the bytes are whole statements and fit into one parcel. */
static size_t parcel_of(struct str packed)
{
    struct mp r = mp_on(packed);
    size_t n = 0;
    while (mp_left(&r)) {
        size_t nodes = 0;
        if (!mp_skip(&r, LIM_MSGPACK_DEPTH, LIM_RECORD_NODES, &nodes) || packed.n - mp_left(&r) > PARCEL) break;
        n = packed.n - mp_left(&r);
    }
    return n;
}

void people_tell(struct router *r, uint16_t workspace, struct str packed)
{
    for (size_t n; packed.n && (n = parcel_of(packed)); packed.p += n, packed.n -= n) {
        if (pass_on(r, workspace, (struct str){ packed.p, n }, STR_NONE, STR_NONE)) continue;
        metric_add(MET_PEOPLE_REFUSED, "not_shared", 1);
        return;
    }
}

void people_ask(struct router *r, uint16_t workspace)
{
    char since[24];
    uint64_t from = r->people.led > SLACK_MS ? r->people.led - SLACK_MS : 0;
    int n = snprintf(since, sizeof since, "%llu", (unsigned long long)from);
    (void)pass_on(r, workspace, STR_NONE, STR("since"), (struct str){ since, (size_t)n });
}

static void heard_ask(struct router *r, const struct config *c)
{
    uint64_t since;
    if (str_u64(c->version, 0, UINT64_MAX, &since)) return;
    if (r->people.telling.asked && r->people.telling.since < since) since = r->people.telling.since;
    r->people.telling.asked = true;
    r->people.telling.since = since;
    r->people.telling.cursor = 0;
}

void people_heard(struct router *r, const struct config *c)
{
    struct mp in = mp_on(c->body);
    struct arena arena;
    struct person p;
    if (str_is(c->source, r->opts.name)) return; /* our own, come back */
    if (!c->body.n && str_is(c->name, "since")) {
        heard_ask(r, c);
        return;
    }
    arena_init(&arena, LIM_ZMQ_MESSAGE);
    while (mp_left(&in)) {
        arena_clear(&arena);
        if (record_read(&in, &person_record, &p, &arena)) break;
        enum err e = people_state(r, &p, NULL, NULL, NULL, NULL);
        if (e && e != ERR_EXISTS) metric_add(MET_PEOPLE_REFUSED, err_name(e), 1);
    }
    if (in.err) metric_add(MET_PEOPLE_REFUSED, "malformed", 1);
    arena_fini(&arena);
}

/* The next one that is newer than was asked for, packed into `one`, and whose. False: none among the *looks that are left, or none
   at all, and then r->people.telling.asked is over. */
static bool next_newer(struct router *r, struct buf *one, uint16_t *workspace, uint32_t *looks)
{
    struct arena arena;
    struct str packed;
    struct person p = { .gone = true };
    bool found = false;
    arena_init(&arena, 1u << 20);
    buf_clear(one);
    while (!found && *looks) {
        if (!people_next(&r->people.people, &r->people.telling.cursor, &p.key, &p.at, &packed)) {
            r->people.telling.asked = false;
            break;
        }
        --*looks;
        if (p.at < r->people.telling.since) continue;
        arena_clear(&arena);
        if (!packed.n) record_pack_short(one, &person_record, &p); /* any workspace's leader may pass it on */
        else if (record_unpack_one(&person_record, "workspace", &p, packed, &arena)) continue;
        else if (events_workspace(&r->events, p.workspace, workspace)) continue;
        else buf_addstr(one, packed);
        found = true;
    }
    arena_fini(&arena);
    return found;
}

/* A few parcels, each of one workspace. */
static void tell_again(struct router *r)
{
    struct buf one, parcel;
    uint16_t of = 0, ws = 0;
    uint32_t told = 0, looks = LOOK_MAX;
    buf_init(&one, PERSON_PACKED);
    buf_init(&parcel, PARCEL + PERSON_PACKED);
    while (told < SECOND_MAX && next_newer(r, &one, &ws, &looks)) {
        if (parcel.n && (ws != of || parcel.n + one.n > PARCEL)) {
            people_tell(r, of, buf_str(&parcel));
            buf_clear(&parcel);
            told++;
        }
        of = ws;
        buf_addstr(&parcel, buf_str(&one));
    }
    people_tell(r, of, buf_str(&parcel));
    buf_fini(&parcel);
    buf_fini(&one);
}

void people_tick(struct router *r)
{
    const struct people *p = &r->people.people;
    for (uint32_t i = 0; i < r->leaders.count; i++)
        if (leader_is_there(r, (uint16_t)i)) r->people.led = clock_wall_ms();
    if (r->people.telling.asked) tell_again(r);
    metric_set(MET_PEOPLE, "customers", (double)(p->by_key.count - p->gone));
    metric_set(MET_PEOPLE, "identities", (double)p->by_identity.count);
    metric_set(MET_PEOPLE, "bytes", (double)p->bytes);
}
