/* Customers over all channels: stated, read, forgotten.

   POST takes one customer, an array, or lines. Each is taken into memory at once and answered when all that it changed is on the
   disk; a `stating` is one request under way. What was refused is told by its place, the others stand. */
#include "base/clock.h"
#include "base/metrics.h"
#include "router/api.h"
#include "router/etag.h"
#include "router/person_json.h"

#include <stdio.h>
#include <stdlib.h>

#define CUSTOMERS_MOST 1000u

struct stating {
    struct router *router;
    struct http_req *req;
    struct buf results, packed; /* packed: of those taken, for the other routers */
    struct str match;           /* If-Match: only of one */
    uint16_t workspace;
    bool many;
    uint32_t open, kept, refused;
    unsigned status; /* of one that was refused */
    char why[PERSON_WHY];
    enum err failed; /* of the disk */
};

static struct ingest_env env_of(struct call *c, uint16_t workspace)
{
    return (struct ingest_env){ .ctx = &c->router->config,
                                .account = config_keep_account,
                                .near = config_keep_near_account,
                                .workspace = str_of(router_workspace(c->router, workspace)),
                                .now = clock_wall_ms() };
}

/* The tag of a customer as it is told; *tag stays "" when there is none. */
static void tag_of(const struct person *p, const struct ingest_env *env, char tag[ETAG_TEXT])
{
    struct buf text;
    buf_init(&text, 1u << 20);
    struct jw w = jw_on(&text);
    person_write(&w, p, env);
    if (!text.err) etag_of(STR_NONE, buf_str(&text), tag);
    buf_fini(&text);
}

static const char *type_of(unsigned status)
{
    return status == 503 ? "overloaded" : status == 412 ? "precondition-failed" : "bad-customer";
}

/* ---- the end ---- */

static void answer(struct stating *s)
{
    buf_addf(&s->results, "],\"kept\":%u,\"refused\":%u}", s->kept, s->refused);
    if (s->failed) http_problem(s->req, 503, "journal-full", "the customers could not be stored: state them again");
    else if (s->results.err) http_problem(s->req, 503, "overloaded", "out of memory");
    else if (!s->many && s->refused) http_problem(s->req, s->status, type_of(s->status), "%s", s->why);
    else if (!s->many)
        http_json(s->req, 200, (struct str){ s->results.p + 12, s->results.n - 12 - strlen("],\"kept\":1,\"refused\":0}") });
    else http_json(s->req, 200, buf_str(&s->results));
    if (s->kept && !s->failed) people_tell(s->router, s->workspace, buf_str(&s->packed));
    buf_fini(&s->results);
    buf_fini(&s->packed);
    free(s);
}

static void release(struct stating *s)
{
    if (--s->open == 0) answer(s);
}

static void on_put(void *ctx, enum err e)
{
    struct stating *s = ctx;
    if (e) s->failed = e;
    release(s);
}

/* ---- one customer ---- */

static void refuse(struct stating *s, unsigned status, const char *cause, const char *why)
{
    struct jw w = jw_on(&s->results);
    char type[64];
    if (s->kept + s->refused++) buf_addc(&s->results, ',');
    s->status = status;
    snprintf(s->why, sizeof s->why, "%s", why);
    metric_add(MET_PEOPLE_REFUSED, cause, 1);
    jw_open(&w, '{');
    jw_key(&w, "problem"), jw_open(&w, '{');
    snprintf(type, sizeof type, "/problems/%s", type_of(status));
    jw_key(&w, "type"), jw_strz(&w, type);
    jw_key(&w, "title"), jw_strz(&w, problem_find(type_of(status))->title);
    jw_key(&w, "status"), jw_u64(&w, status);
    jw_key(&w, "detail"), jw_strz(&w, why);
    jw_close(&w, '}');
    jw_close(&w, '}');
}

static void take(struct stating *s, const struct person *p)
{
    uint32_t puts = 0, moved = 0;
    enum err e = people_state(s->router, p, on_put, s, &puts, &moved);
    s->open += puts;
    if (e == ERR_EXISTS)
        refuse(s, 409, "older", "a newer statement of this customer is known: another one came in the same moment");
    else if (e == ERR_TOOBIG) refuse(s, 422, "too_long", "all that is said of one customer must fit into 48 KiB");
    else if (e) refuse(s, 503, e == ERR_FULL ? "full" : "memory", "no more customers can be kept here");
    if (e) return;
    if (s->kept++ + s->refused) buf_addc(&s->results, ',');
    struct jw w = jw_on(&s->results);
    jw_open(&w, '{');
    jw_key(&w, "customer"), jw_str(&w, p->id);
    jw_key(&w, "identities"), jw_u64(&w, p->identities.count);
    jw_key(&w, "moved"), jw_u64(&w, moved);
    jw_close(&w, '}');
    record_pack_short(&s->packed, &person_record, p);
}

/* The statement of one customer follows the one before: a clock that stands still does not make it older. */
static void take_json(struct stating *s, struct ingest_env *env, const struct json *v, struct arena *arena)
{
    struct person p, was;
    char why[PERSON_WHY], tag[ETAG_TEXT] = "";
    arena_clear(arena);
    enum err e = person_read(&p, v, env, arena, why);
    if (e == ERR_NOMEM) refuse(s, 503, "memory", "no memory for this customer");
    else if (e) refuse(s, 422, "malformed", why);
    if (e) return;
    e = people_get(&s->router->people.people, p.workspace, p.id, &was, arena);
    if (!e && s->match.n) tag_of(&was, env, tag);
    if (s->match.n && s->many) refuse(s, 422, "malformed", "If-Match is for one customer in a request");
    else if (!etag_match(s->match, str_of(tag))) refuse(s, 412, "changed", "it has changed since it was read, or is not there");
    else {
        if (!e && was.at >= p.at && was.at < p.at + 1000) p.at = was.at + 1;
        take(s, &p);
    }
}

/* ---- bodies ---- */

static struct stating *stating_new(struct call *c, uint16_t workspace, bool many)
{
    struct stating *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->router = c->router;
    s->req = c->req;
    s->workspace = workspace;
    s->many = many;
    s->match = http_header(c->req, "if-match");
    s->open = 1; /* until the whole body is read */
    buf_init(&s->results, 8u << 20);
    buf_init(&s->packed, 64u << 20);
    buf_addz(&s->results, "{\"results\":[");
    return s;
}

static void state_json(struct stating *s, struct ingest_env *env, struct str text, struct arena *arena)
{
    struct json *doc = NULL;
    const char *why = NULL;
    size_t at = 0;
    uint32_t n = 0;
    if (json_parse(&doc, text, LIM_JSON_DEPTH, &at, &why)) {
        char said[PERSON_WHY];
        snprintf(said, sizeof said, "no JSON: %s (at byte %zu)", why, at);
        refuse(s, 400, "json", said);
        return;
    }
    if (json_type(doc) != JSON_ARRAY) take_json(s, env, doc, arena);
    else s->many = true;
    for (const struct json *v = json_type(doc) == JSON_ARRAY ? json_first(doc) : NULL; v; v = json_next(v)) {
        if (n++ < CUSTOMERS_MOST) take_json(s, env, v, arena);
        else refuse(s, 422, "batch", "more than 1000 customers in one request: this one is not taken");
    }
    json_free(doc);
}

static void state_lines(struct stating *s, struct ingest_env *env, struct str body, struct arena *arena)
{
    uint32_t n = 0;
    while (body.n) {
        const char *nl = memchr(body.p, '\n', body.n);
        struct str line = { body.p, nl ? (size_t)(nl - body.p) : body.n };
        body = (struct str){ body.p + line.n + (nl != NULL), body.n - line.n - (nl != NULL) };
        while (line.n && (line.p[line.n - 1] == '\r' || line.p[line.n - 1] == ' ')) line.n--;
        if (!line.n) continue;
        if (n++ < CUSTOMERS_MOST) state_json(s, env, line, arena);
        else refuse(s, 422, "batch", "more than 1000 customers in one request: this one is not taken");
    }
}

void post_customers(struct call *c)
{
    struct arena arena;
    uint16_t ws;
    bool lines = http_type_is(http_header(c->req, "content-type"), "application/x-ndjson");
    if (!call_workspace(c, &ws)) return;
    struct ingest_env env = env_of(c, ws);
    struct stating *s = c->router->stopping ? NULL : stating_new(c, ws, lines);
    if (!s) {
        http_problem(c->req, 503, "overloaded", "out of memory, or the router is stopping");
        return;
    }
    arena_init(&arena, 1u << 20);
    if (lines) state_lines(s, &env, http_body(c->req), &arena);
    else state_json(s, &env, http_body(c->req), &arena);
    arena_fini(&arena);
    release(s);
}

/* ---- reading and forgetting ---- */

static void answer_person(struct call *c, enum err e, const struct person *p, const struct ingest_env *env)
{
    struct buf *b = &c->router->text;
    if (e) {
        http_problem(c->req, 404, "customer-not-found", "nobody of this id or identity is known here");
        return;
    }
    buf_clear(b);
    struct jw w = jw_on(b);
    person_write(&w, p, env);
    answer_tagged(c->req, STR_NONE, buf_str(b));
}

void get_customer(struct call *c)
{
    struct person p;
    struct arena arena;
    uint16_t ws;
    if (!call_workspace(c, &ws)) return;
    struct ingest_env env = env_of(c, ws);
    arena_init(&arena, 1u << 20);
    answer_person(c, people_get(&c->router->people.people, env.workspace, c->arg[0], &p, &arena), &p, &env);
    arena_fini(&arena);
}

void find_customer(struct call *c)
{
    struct person p;
    struct arena arena;
    uint16_t ws;
    if (!call_workspace(c, &ws)) return;
    struct ingest_env env = env_of(c, ws);
    struct str account = http_param(c->req, "account"), id = http_param(c->req, "id");
    if (!account.n || !id.n) {
        http_problem(c->req, 422, "bad-field", "say ?account= and &id=, an identity");
        return;
    }
    arena_init(&arena, 1u << 20);
    enum err e = people_find(&c->router->people.people, account, id, &p, &arena);
    if (!e && !str_eq(p.workspace, env.workspace)) e = ERR_NOTFOUND;
    answer_person(c, e, &p, &env);
    arena_fini(&arena);
}

struct forgetting {
    struct router *router;
    struct http_req *req;
    uint16_t workspace;
    struct person gone;
};

static void on_forgotten(void *ctx, enum err e)
{
    struct forgetting *f = ctx;
    struct buf packed;
    buf_init(&packed, 4096);
    record_pack_short(&packed, &person_record, &f->gone);
    if (e) http_problem(f->req, 503, "journal-full", "forgotten, but not on the disk: ask again");
    else http_json(f->req, 200, STR("{\"forgotten\":true}"));
    if (!e) people_tell(f->router, f->workspace, buf_str(&packed));
    buf_fini(&packed);
    free(f);
}

void forget_customer(struct call *c)
{
    struct person was;
    struct arena arena;
    uint16_t ws;
    if (!call_workspace(c, &ws)) return;
    struct ingest_env env = env_of(c, ws);
    char tag[ETAG_TEXT] = "";
    arena_init(&arena, 1u << 20);
    enum err e = people_get(&c->router->people.people, env.workspace, c->arg[0], &was, &arena);
    if (!e) tag_of(&was, &env, tag);
    if (!e && !etag_match(http_header(c->req, "if-match"), str_of(tag))) e = ERR_STALE;
    struct forgetting *f = e ? NULL : calloc(1, sizeof *f);
    if (f) {
        uint64_t now = clock_wall_ms();
        *f = (struct forgetting){ c->router, c->req, ws, { .key = was.key, .gone = true, .at = now > was.at ? now : was.at + 1 } };
        e = people_state(c->router, &f->gone, on_forgotten, f, NULL, NULL);
    }
    if (e == ERR_NOTFOUND) http_problem(c->req, 404, "customer-not-found", "nobody of this id is known here");
    else if (e == ERR_STALE) http_problem(c->req, 412, "precondition-failed", "the customer has changed since it was read");
    else if (e || !f) http_problem(c->req, 503, "overloaded", "not forgotten: ask again"), free(f);
    arena_fini(&arena);
}
