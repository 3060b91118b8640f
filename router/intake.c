/* What comes in becomes rows of the journal, and is answered when all of them are durable: the body of POST /v1/events (one event,
   an array, or lines), and the events that a channel's adapter made (intake_events).

   An `intake` is one request under way. Its waiters are one an event, side by side; a waiter is either settled (refused, or known
   already) or hangs on the kept event whose commit it waits for. Several may hang on one: the same event sent twice at once is
   answered twice after one commit. When none is open any more the request is answered and the intake freed. */
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "router/cloudevents.h"
#include "router/problems.h"
#include "router/router.h"
#include "router/trace.h"

#include <stdlib.h>

struct intake;
struct waiter {
    struct waiter *next; /* of the same event */
    struct intake *of;
    struct id id;
    bool duplicate;
    unsigned status; /* of a refusal; 0: none */
    const char *problem;
    char *why;        /* owned */
    uint32_t wait_ms; /* of too-many-requests: until it may come again */
};
struct intake {
    struct router *router;
    struct http_req *req;
    uint64_t arrived_us;
    bool many;
    bool let_in;   /* one of a delivery was within its account's rate */
    intake_fn *fn; /* of intake_events: told of the end in place of an answer */
    void *ctx;
    uint32_t count, open;
    struct waiter v[];
};

/* ---- refusals ---- */

static void refuse(struct waiter *w, unsigned status, const char *problem, const char *cause, const char *why)
{
    w->status = status;
    w->problem = problem;
    w->why = strdup(why);
    metric_add(MET_EVENTS, "refused", 1);
    metric_add(MET_EVENT_REFUSED, cause, 1);
}

static void refuse_err(struct waiter *w, enum err e)
{
    if (e == ERR_FULL) refuse(w, 503, "journal-full", "journal_full", "the journal takes no more now; send the event again later");
    else if (e == ERR_CLOSED) refuse(w, 503, "shutting-down", "shutdown", "the router is stopping; send the event again");
    else if (e == ERR_NOMEM) refuse(w, 503, "overloaded", "memory", "no memory for this event");
    else if (e == ERR_TOOBIG) refuse(w, 413, "body-too-large", "too_long", "the event is too large");
    else refuse(w, 503, "journal-failed", "journal_failed", "the journal cannot be written");
}

/* ---- answers ---- */

static void taken_json(struct buf *out, const struct waiter *w)
{
    char text[ID_TEXT + 1];
    buf_addz(out, "{\"event\":\"");
    buf_add(out, id_text(&w->id, text), ID_TEXT);
    buf_addz(out, w->duplicate ? "\",\"duplicate\":true}" : "\",\"duplicate\":false}");
}

static void refused_json(struct buf *out, const struct waiter *w)
{
    const struct problem_row *row = problem_find(w->problem);
    struct jw j = jw_on(out);
    char type[80];
    snprintf(type, sizeof type, "/problems/%s", w->problem);
    jw_open(&j, '{');
    jw_key(&j, "problem"), jw_open(&j, '{');
    jw_key(&j, "type"), jw_strz(&j, type);
    jw_key(&j, "title"), jw_strz(&j, row ? row->title : w->problem);
    jw_key(&j, "status"), jw_u64(&j, w->status);
    jw_key(&j, "detail"), jw_strz(&j, w->why ? w->why : "");
    if (w->wait_ms) jw_key(&j, "retry_after_ms"), jw_u64(&j, w->wait_ms);
    jw_close(&j, '}');
    jw_close(&j, '}');
}

static void answer_problem(struct intake *in, const struct waiter *w)
{
    const char *why = w->why ? w->why : "";
    if (w->wait_ms) http_problem_later(in->req, w->status, w->problem, w->wait_ms, "%s", why);
    else http_problem(in->req, w->status, w->problem, "%s", why);
}

static void answer_one(struct intake *in)
{
    struct waiter *w = in->v;
    struct buf *out = &in->router->text;
    if (w->status) {
        answer_problem(in, w);
        return;
    }
    buf_clear(out);
    taken_json(out, w);
    http_json(in->req, 202, buf_str(out));
}

/* Nothing was refused: 202. Something was: 200, or 503 or 429 when all of it is only asked to come again. */
static void answer_many(struct intake *in)
{
    struct buf *out = &in->router->text;
    uint32_t refused = 0, later = 0;
    buf_clear(out);
    buf_addz(out, "{\"results\":[");
    for (uint32_t i = 0; i < in->count; i++) {
        if (i) buf_addc(out, ',');
        if (in->v[i].status) refused_json(out, &in->v[i]);
        else taken_json(out, &in->v[i]);
        refused += in->v[i].status != 0;
        later += in->v[i].status == 503 || in->v[i].status == 429;
    }
    buf_addz(out, "]}");
    if (later == in->count) answer_problem(in, &in->v[0]);
    else http_json(in->req, refused ? 200 : 202, buf_str(out));
}

/* The first that could not be stored speaks for all: those that were are duplicates when the provider sends again. 503 is what
   every provider repeats; not all do for 429. */
static void tell_end(const struct intake *in)
{
    struct intake_end end = { 0 };
    for (uint32_t i = 0; i < in->count && !end.status; i++) {
        const struct waiter *w = &in->v[i];
        unsigned status = w->status == 429 ? 503 : w->status;
        if (status) end = (struct intake_end){ status, w->problem, w->why ? w->why : "", w->wait_ms };
    }
    in->fn(in->ctx, &end);
}

static void answer(struct intake *in)
{
    if (in->fn) tell_end(in);
    else if (in->many) answer_many(in);
    else answer_one(in);
    metric_observe(MET_EVENT_ACK, "", (double)(clock_mono_us() - in->arrived_us) / 1e6);
    for (uint32_t i = 0; i < in->count; i++) free(in->v[i].why);
    free(in);
}

/* ---- one event ---- */

static void wait_for(struct waiter *w, struct kept_event *e, bool duplicate)
{
    w->duplicate = duplicate;
    w->next = e->waiters;
    e->waiters = w;
    w->of->open++;
}

/* Room in memory and on disk; else the refusal is told. */
static bool has_room(struct router *r, struct waiter *w)
{
    if (r->stopping) refuse_err(w, ERR_CLOSED);
    else if (r->failed) refuse_err(w, ERR_IO);
    else if (!journal_healthy(r->journal)) refuse_err(w, ERR_FULL);
    else if (r->events.by_id.count >= LIM_EVENTS_LIVE)
        refuse(w, 503, "overloaded", "overloaded", "too many events are under way here; send the event again later");
    else return true;
    return false;
}

/* Within its account's rate; else the refusal is told. What ends work, or only reports of it, is let in at any rate: refused, it
   would leave a caller in the line who has hung up. */
static bool admitted(struct router *r, struct waiter *w, const struct event *event)
{
    char why[ADMIT_WHY];
    bool owed = w->of->let_in || event->kind == EVENT_HANGUP || event->kind == EVENT_RECEIPT;
    struct str account = event->account;
    if (admit_event(r, account, owed, &w->wait_ms)) {
        w->of->let_in = w->of->fn;
        w->wait_ms = 0;
        return true;
    }
    admit_why_event(r, account, w->wait_ms, why);
    refuse(w, 429, "too-many-requests", "rate", why);
    return false;
}

static enum err store(struct router *r, struct waiter *w, const struct event *event)
{
    struct kept_event *e = NULL;
    buf_clear(&r->packed);
    record_pack(&r->packed, &event_record, event);
    if (r->packed.err) return ERR_TOOBIG;
    enum err err = events_accept(&r->events, event, buf_str(&r->packed), ROW_PENDING, &e);
    if (err) return err;
    err = journal_append(r->journal, ROW_EVENT, &e->id, buf_str(&r->packed), intake_committed, e, &e->row_event);
    if (err) events_drop(&r->events, e);
    else wait_for(w, e, false);
    return err;
}

/* An identity that is known already: its waiter is settled, or waits for the commit of the first. */
static bool known_already(struct router *r, struct waiter *w)
{
    struct kept_event *e = events_find(&r->events, &w->id);
    struct id ticket;
    uint64_t at;
    if (!e && journal_known(r->journal, &w->id, &ticket, &at)) return false;
    metric_add(MET_EVENTS, "duplicate", 1);
    w->duplicate = true;
    if (e && !e->committed) wait_for(w, e, true);
    return true;
}

static void take_event(struct router *r, struct waiter *w, const struct event *event)
{
    struct event whole = *event;
    w->id = event->id;
    if (known_already(r, w) || !has_room(r, w) || !admitted(r, w, event)) return;
    arena_clear(&r->people.arena);
    if (people_attach(&r->people.people, &whole, &r->people.arena)) metric_add(MET_FACTS_MISSED, "attributes", 1);
    enum err e = store(r, w, &whole);
    if (e) refuse_err(w, e);
}

static void take_one(struct intake *in, struct waiter *w, const struct ingest_env *env, const struct json *v)
{
    struct router *r = in->router;
    if (env->cloudevents ? cloudevent_ingest(&r->ingest, env, v) : ingest_event(&r->ingest, env, v)) {
        refuse(w, r->ingest.status, r->ingest.problem, r->ingest.cause, r->ingest.why);
        return;
    }
    ingest_trace(&r->ingest, env->trace);
    if (env->trace.n) {
        char text[ID_TEXT + 1];
        log_debug("event=%s trace=%.*s taken in", id_text(&r->ingest.event.id, text), STR_FMT(trace_id(env->trace)));
    }
    if (r->ingest.facts_claimed) metric_add(MET_FACTS_MISSED, "claimed", r->ingest.facts_claimed);
    take_event(r, w, &r->ingest.event);
}

void intake_committed(void *ctx, enum err err, uint64_t number)
{
    struct kept_event *e = ctx;
    struct router *r = e->all->owner;
    struct waiter *w = e->waiters, *next;
    (void)number;
    e->waiters = NULL;
    e->committed = !err;
    if (!err) {
        metric_add(MET_EVENTS, "accepted", 1);
        events_contact(&r->events, e);
        err = dispatch_add(&r->dispatch, e, router_now(r));
        if (err) log_error("an accepted event waits for a restart: %s", err_text(err)); /* it is durable: the answer stands */
        err = ERR_OK;
    }
    for (; w; w = next) {
        next = w->next;
        if (err) refuse_err(w, err);
        if (--w->of->open == 0) answer(w->of);
    }
    if (err) events_drop(&r->events, e);
}

/* ---- bodies ---- */

static struct intake *intake_alloc(struct router *r, uint64_t arrived_us, uint32_t count)
{
    struct intake *in = calloc(1, sizeof *in + count * sizeof *in->v);
    if (!in) return NULL;
    in->router = r;
    in->arrived_us = arrived_us;
    in->count = count;
    in->open = 1; /* held open until all is read */
    for (uint32_t i = 0; i < count; i++) in->v[i].of = in;
    return in;
}

static struct intake *intake_new(struct router *r, struct http_req *req, uint32_t count, bool many)
{
    struct intake *in = intake_alloc(r, http_arrived_us(req), count);
    if (!in) {
        http_problem(req, 503, "overloaded", "out of memory");
        return NULL;
    }
    in->req = req;
    in->many = many;
    return in;
}

static void release(struct intake *in)
{
    if (--in->open == 0) answer(in);
}

static void bad_json(struct http_req *req, const char *cause, const char *why, size_t at)
{
    metric_add(MET_EVENTS, "refused", 1);
    metric_add(MET_EVENT_REFUSED, cause, 1);
    http_problem(req, 400, "bad-json", "%s (at byte %zu)", why, at);
}

static uint32_t count_items(const struct json *array)
{
    uint32_t n = 0;
    for (const struct json *v = json_first(array); v && n <= LIM_BATCH_EVENTS; v = json_next(v)) n++;
    return n;
}

static bool batch_fits(struct http_req *req, uint32_t n)
{
    if (n && n <= LIM_BATCH_EVENTS) return true;
    metric_add(MET_EVENT_REFUSED, "batch", 1);
    if (n) http_problem(req, 422, "batch-too-large", "more than %u events in one request", LIM_BATCH_EVENTS);
    else http_problem(req, 422, "bad-event", "there is no event in the body");
    return false;
}

static void post_json(struct router *r, struct http_req *req, const struct ingest_env *env, struct str body)
{
    struct json *doc = NULL;
    const char *why = NULL;
    size_t at = 0;
    if (json_parse(&doc, body, LIM_JSON_DEPTH, &at, &why)) {
        bad_json(req, "json", why, at);
        return;
    }
    bool many = json_type(doc) == JSON_ARRAY;
    uint32_t n = many ? count_items(doc) : 1;
    struct intake *in = batch_fits(req, n) ? intake_new(r, req, n, many) : NULL;
    const struct json *v = many ? json_first(doc) : doc;
    for (uint32_t i = 0; in && i < n; i++, v = json_next(v)) take_one(in, &in->v[i], env, v);
    if (in) release(in);
    json_free(doc);
}

/* The next line that is not blank, without its end; false after the last. */
static bool next_line(struct str *rest, struct str *line)
{
    while (rest->n) {
        const char *nl = memchr(rest->p, '\n', rest->n);
        size_t n = nl ? (size_t)(nl - rest->p) : rest->n;
        *line = (struct str){ rest->p, n };
        rest->p += nl ? n + 1 : n;
        rest->n -= nl ? n + 1 : n;
        while (line->n && (line->p[line->n - 1] == '\r' || line->p[line->n - 1] == ' ')) line->n--;
        if (line->n) return true;
    }
    return false;
}

static void take_line(struct intake *in, struct waiter *w, const struct ingest_env *env, struct str line)
{
    struct json *doc = NULL;
    const char *why = NULL;
    size_t at = 0;
    if (json_parse(&doc, line, LIM_JSON_DEPTH, &at, &why)) {
        refuse(w, 400, "bad-json", "json", why);
        return;
    }
    take_one(in, w, env, doc);
    json_free(doc);
}

static void post_lines(struct router *r, struct http_req *req, const struct ingest_env *env)
{
    struct str rest = http_body(req), line;
    uint32_t n = 0;
    while (n <= LIM_BATCH_EVENTS && next_line(&rest, &line)) n++;
    struct intake *in = batch_fits(req, n) ? intake_new(r, req, n, true) : NULL;
    rest = http_body(req);
    for (uint32_t i = 0; in && i < n && next_line(&rest, &line); i++) take_line(in, &in->v[i], env, line);
    if (in) release(in);
}

static bool on_header(void *ctx, struct str name, struct str value) { return cloudevent_header(ctx, name, value); }

/* Headers and body of a binary CloudEvent, as the JSON format. */
static void post_binary(struct router *r, struct http_req *req, const struct ingest_env *env)
{
    struct cloudevent_binary b;
    struct buf text;
    buf_init(&text, 2 * LIM_HTTP_BODY + LIM_HTTP_HEADERS);
    cloudevent_begin(&b, &text);
    http_headers(req, on_header, &b);
    if (cloudevent_body(&b, http_header(req, "content-type"), http_body(req))) post_json(r, req, env, buf_str(&text));
    else bad_json(req, "json", b.why, 0);
    buf_fini(&text);
}

void intake_post(struct router *r, struct http_req *req, const struct token *token)
{
    struct ingest_env env = { .ctx = &r->config,
                              .account = config_keep_account,
                              .near = config_keep_near_account,
                              .workspace = str_of(token->workspace),
                              .trace = trace_read(http_header(req, "traceparent")),
                              .default_account = http_param(req, "account"),
                              .now = clock_wall_ms(),
                              .home = r->number };
    struct str type = http_header(req, "content-type");
    enum cloudevent_mode mode = cloudevent_mode(type, http_header(req, "ce-specversion"));
    env.cloudevents = mode != CE_NONE;
    if (mode == CE_BINARY) post_binary(r, req, &env);
    else if (mode != CE_NONE || !type.n || http_type_is(type, "application/json")) post_json(r, req, &env, http_body(req));
    else if (http_type_is(type, "application/x-ndjson")) post_lines(r, req, &env);
    else
        http_problem(req, 415, "unsupported-media-type",
                     "events are application/json, application/x-ndjson, application/cloudevents+json or -batch+json");
}

void intake_events(struct router *r, uint64_t arrived_us, const struct event *events, uint32_t count, intake_fn *fn, void *ctx)
{
    struct intake *in = intake_alloc(r, arrived_us, count);
    if (!in) {
        fn(ctx, &(struct intake_end){ .status = 503, .problem = "overloaded", .why = "out of memory" });
        return;
    }
    in->fn = fn;
    in->ctx = ctx;
    for (uint32_t i = 0; i < count; i++) take_event(r, &in->v[i], &events[i]);
    release(in);
}
