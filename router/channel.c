/* Webhooks of channels' providers: GET and POST /v1/channels/{account}[/{action}].

   A visit is one request under way: from its arrival to its answer, which leaves after the commit of all its events. It holds its
   door (an account may leave the policy meanwhile), its arena, and what the adapter made. Either serve takes the request over, or
   the visit answers it: a refusal at once, the rest in on_stored. Then it is freed.

   Nothing is logged or told of a request's contents; a door's refusals are logged once a minute, and all counted. */
#include "router/channel.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "router/api.h"
#include "router/trace.h"

#include <stdlib.h>

#define ARENA_LEAST (4u << 20)

struct visit {
    struct channel_in in;
    struct delivery delivery;
    struct arena arena;
    struct router *router;
};

static const struct verified_row {
    const char *cause;
    unsigned status;
} verified_rows[VERIFIED_COUNT] = {
#define VERIFIED_ROW(id, cause, status) [id] = { cause, status },
    VERIFIED_MAP(VERIFIED_ROW)
#undef VERIFIED_ROW
};

/* The problem type that goes with a refusal's status. */
static const struct status_row {
    unsigned status;
    const char *problem;
} status_rows[] = {
    { 401, "bad-signature" },          { 403, "forbidden" }, { 404, "not-found" },         { 413, "body-too-large" },
    { 415, "unsupported-media-type" }, { 422, "bad-field" }, { 429, "too-many-requests" }, { 503, "not-ready" },
};

static const char *problem_of(unsigned status)
{
    for (size_t i = 0; i < sizeof status_rows / sizeof *status_rows; i++)
        if (status_rows[i].status == status) return status_rows[i].problem;
    return "bad-request";
}

/* ---- the end of a visit ---- */

static void visit_free(struct visit *v)
{
    door_unref(v->in.door);
    channel_in_fini(&v->in);
    arena_fini(&v->arena);
    free(v);
}

void channel_turn_away(struct channel_in *c, unsigned status, const char *cause, const char *problem, const char *why)
{
    uint32_t untold;
    metric_add(MET_CHANNEL_REFUSED, cause, 1);
    if (door_may_tell(c->door, DOOR_IN, c->in->now, &untold))
        log_warn("account=%s cause=%s status=%u a request was refused: %s (%u more within the last minute)", c->door->account->name,
                 cause, status, why, untold);
    http_problem(c->req, status, problem, "%s", why);
}

/* More than the account may bring: counted and told by account (admit.c) already. */
static void refuse_too_fast(struct visit *v, const struct intake_end *end)
{
    metric_add(MET_CHANNEL_REFUSED, "rate", 1);
    http_problem_later(v->in.req, end->status, end->problem, end->wait_ms, "%s", end->why);
    visit_free(v);
}

static void refuse(struct visit *v, unsigned status, const char *cause, const char *problem, const char *why)
{
    channel_turn_away(&v->in, status, cause, problem, why);
    visit_free(v);
}

static void refuse_by_adapter(struct visit *v)
{
    unsigned status = v->in.answer.status >= 400 && v->in.answer.status < 600 ? v->in.answer.status : 400;
    refuse(v, status, v->in.cause ? v->in.cause : "malformed", problem_of(status), v->in.why);
}

static void answer(struct visit *v)
{
    struct channel_in *c = &v->in;
    if (c->door->provider->answer) c->door->provider->answer(c);
    if (c->answer.body.err) http_problem(c->req, 503, "overloaded", "out of memory");
    else http_answer(c->req, c->answer.status, c->answer.type, buf_str(&c->answer.body), "");
    visit_free(v);
}

static void on_stored(void *ctx, const struct intake_end *end)
{
    struct visit *v = ctx;
    if (end->wait_ms) refuse_too_fast(v, end);
    else if (end->status) refuse(v, end->status, end->problem, end->problem, end->why);
    else answer(v);
}

/* ---- its way ---- */

static struct str header_of(void *ctx, const char *name) { return http_header(ctx, name); }
static void headers_of(void *ctx, bool (*fn)(void *, struct str, struct str), void *to) { http_headers(ctx, fn, to); }

static struct str url_of(struct visit *v)
{
    const char *base = v->in.door->policy->public_url;
    struct str target = http_target(v->in.req), host = http_header(v->in.req, "host");
    if (base) return channel_text(&v->in, "%s%.*s", base, STR_FMT(target));
    return channel_text(&v->in, "http://%.*s%.*s", STR_FMT(host), STR_FMT(target));
}

static const char unsigned_words[] = "the request is not signed as this account's provider signs";
static const char *const verified_texts[VERIFIED_COUNT] = {
    [UNSIGNED] = unsigned_words,
    [BAD_SIGNATURE] = "the signature is not of this body under a secret of this account",
    [OLD_TIMESTAMP] = "the signed time is too far from now",
    [OTHER_ACCOUNT] = "this is another account's",
    [BAD_TYPE] = "the body's type is none that this provider sends",
    [BAD_FORM] = "the request is malformed",
};

static void keep_trace(struct channel_in *c, struct event *e, struct str trace)
{
    const struct attribute *a = e->attributes.items;
    for (uint32_t i = 0; i < e->attributes.count; i++)
        if (str_is(a[i].key, TRACE_KEY)) return;
    channel_attribute(c, e, TRACE_KEY, trace);
}

static void tell_trace(const struct event *e, struct str trace)
{
    char text[ID_TEXT + 1];
    log_debug("event=%s account=%.*s trace=%.*s taken in", id_text(&e->id, text), STR_FMT(e->account), STR_FMT(trace_id(trace)));
}

/* The copy is as long as what was read: the scratch is the next request's. */
static enum err keep_events(struct visit *v)
{
    struct channel_in *c = &v->in;
    size_t n = c->count * sizeof *c->events;
    struct event *own = arena_alloc(&v->arena, n ? n : 1);
    if (!own) return ERR_NOMEM;
    if (n) memcpy(own, c->events, n);
    c->events = own;
    struct str trace = trace_read(http_header(c->req, "traceparent"));
    for (uint32_t i = 0; i < c->count && trace.n; i++) keep_trace(c, &own[i], trace);
    enum err e = channel_complete(c, v->router->number);
    for (uint32_t i = 0; i < c->count && trace.n && !e; i++) tell_trace(&own[i], trace);
    return e;
}

/* One line for the request, at most once a minute for the account. */
static void tell_bad_items(struct channel_in *c)
{
    char places[CHANNEL_BAD_TEXT];
    uint32_t untold;
    if (!c->bad.count || !door_may_tell(c->door, DOOR_ITEMS, c->in->now, &untold)) return;
    log_warn("account=%s cause=%s items=%s bad=%u taken=%u items of a batch were left out: %s (%u more such lines within the last "
             "minute)",
             c->door->account->name, c->bad.cause, channel_bad_places(c, places), c->bad.count, c->count, c->bad.why, untold);
}

static void read_in(struct visit *v)
{
    struct channel_in *c = &v->in;
    c->events = v->router->doors.scratch;
    enum err e = c->door->provider->read(c);
    if (!e && c->cause) e = ERR_PROTO; /* it was told that there was no room, and went on */
    if (e == ERR_PROTO) {
        refuse_by_adapter(v);
        return;
    }
    tell_bad_items(c);
    if (!e) e = keep_events(v);
    if (e) refuse(v, 503, "memory", "overloaded", "no memory for this request");
    else intake_events(v->router, http_arrived_us(c->req), c->events, c->count, on_stored, v);
}

static void visit_door(struct visit *v)
{
    struct channel_in *c = &v->in;
    const struct provider *p = c->door->provider;
    enum verified how = p->verify(c->door, &v->delivery);
    if (how) {
        unsigned status = verified_rows[how].status;
        refuse(v, status, verified_rows[how].cause, problem_of(status), verified_texts[how]);
    } else if (p->serve && p->serve(c)) {
        visit_free(v);
    } else if (v->delivery.action.n && !p->serve) {
        refuse(v, 404, "action", "not-found", "this account's provider has nothing at this path");
    } else {
        read_in(v);
    }
}

static struct visit *visit_new(struct call *call, struct door *d)
{
    struct visit *v = calloc(1, sizeof *v);
    struct http_req *req = call->req;
    if (!v) return NULL;
    v->router = call->router;
    arena_init(&v->arena, ARENA_LEAST + 4 * http_body(req).n);
    channel_in_init(&v->in, door_ref(d), &v->delivery, &v->arena);
    v->in.router = call->router;
    v->in.req = req;
    v->delivery = (struct delivery){ .method = http_method(req),
                                     .url = url_of(v),
                                     .action = call->arg[1],
                                     .query = http_query(req),
                                     .body = http_body(req),
                                     .type = http_header(req, "content-type"),
                                     .ctx = req,
                                     .header = header_of,
                                     .headers = headers_of,
                                     .now = clock_wall_ms() };
    return v;
}

static const struct provider *webhook_of(const struct door *d)
{
    return d && d->provider && d->provider->verify && d->provider->read ? d->provider : NULL;
}

void channel_visit(struct call *call)
{
    struct door *d = doors_find(call->router, call->arg[0]);
    if (!webhook_of(d)) {
        metric_add(MET_CHANNEL_REFUSED, "account", 1);
        http_problem(call->req, 404, "account-not-found", "no account of this name takes webhooks here");
        return;
    }
    metric_add(MET_CHANNEL_REQUESTS, d->provider->word, 1);
    struct visit *v = visit_new(call, d);
    if (!v) http_problem(call->req, 503, "overloaded", "out of memory");
    else if (!d->ready) refuse(v, 503, "secret", "not-ready", "a secret of this account cannot be read");
    else visit_door(v);
}

uint64_t channel_body_max(struct router *r, struct str path)
{
    static const struct str prefix = { "/v1/channels/", 13 };
    if (path.n <= prefix.n || memcmp(path.p, prefix.p, prefix.n) != 0) return 0;
    struct str name = { path.p + prefix.n, path.n - prefix.n };
    const char *slash = memchr(name.p, '/', name.n);
    if (slash) name.n = (size_t)(slash - name.p);
    const struct provider *p = webhook_of(doors_find(r, name));
    return p ? p->body_max : 0;
}
