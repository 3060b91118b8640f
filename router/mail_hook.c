/* A small mail is read where it is heard, as any webhook. A large one would hold up everybody else for the time that a parser takes
   for tens of megabytes; it becomes a `visit` of its own: its door and its request are held until the answer, its job gives the
   mail, the journal the answer. */
#include "router/mail_hook.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "router/mail_event.h"
#include "router/router.h"

#include <stdio.h>
#include <stdlib.h>

/* The content type as a text of its own; one that is too long is none. */
static const char *type_of(const struct delivery *in, char out[400])
{
    struct str t = in->type.n < 399 ? in->type : STR_NONE;
    snprintf(out, 400, "%.*s", STR_FMT(t));
    return out;
}

static enum err refuse(struct channel_in *c, enum err e, const char *why)
{
    if (e == ERR_TOOBIG) return channel_refuse(c, 413, "too_long", "the mail has too many parts, or too large ones");
    if (e == ERR_PROTO) return channel_refuse(c, 400, "malformed", "%s", *why ? why : "the body is no mail");
    return channel_refuse(c, 503, "memory", "no memory for this mail");
}

/* Threads only of a running router: a unit test has none. */
static struct mail_threads *threads_of(const struct channel_in *c)
{
    return c->router && c->router->mails ? mailroom_threads(c->router->mails) : NULL;
}

static void remember(struct channel_in *c, struct str account, struct str id)
{
    struct mail_threads *t = threads_of(c);
    if (t && c->count) mail_threads_put(t, account, id, c->events[0].conversation);
}

enum err mail_hook_read(struct channel_in *c, mail_reader *reader, mail_check *check)
{
    char why[200] = "", type[400];
    struct mail *m = arena_alloc(c->arena, sizeof *m);
    if (!m) return ERR_NOMEM;
    enum err e = reader(m, c->arena, c->in->body, type_of(c->in, type), why);
    if (e) return refuse(c, e, why);
    if (check && (e = check(c, m))) return e;
    e = mail_event(c, m, threads_of(c), STR_NONE);
    if (!e) remember(c, str_of(c->door->account->name), m->id);
    return e;
}

/* ---- large ones ---- */

struct visit {
    struct router *router;
    struct door *door;
    struct http_req *req;
    struct mail_job *job;
    mail_check *check;
    struct channel_in in;
    struct delivery delivery;
    uint64_t arrived_us;
};

static void visit_end(struct visit *v)
{
    if (v->job) mail_job_free(v->job);
    channel_in_fini(&v->in);
    door_unref(v->door);
    free(v);
}

static void answer_too_fast(struct visit *v, const struct intake_end *end)
{
    metric_add(MET_CHANNEL_REFUSED, "rate", 1);
    http_problem_later(v->req, end->status, end->problem, end->wait_ms, "%s", end->why);
    visit_end(v);
}

static void answer_refused(struct visit *v, unsigned status, const char *problem, const char *cause, const char *why)
{
    metric_add(MET_CHANNEL_REFUSED, cause, 1);
    http_problem(v->req, status, problem, "%s", why);
    visit_end(v);
}

static void on_stored(void *ctx, const struct intake_end *end)
{
    struct visit *v = ctx;
    if (end->wait_ms) {
        answer_too_fast(v, end);
        return;
    }
    if (end->status) {
        answer_refused(v, end->status, end->problem, end->problem, end->why ? end->why : "");
        return;
    }
    remember(&v->in, str_of(v->door->account->name), v->job->mail.id);
    http_answer(v->req, 200, "text/plain", STR_NONE, "");
    visit_end(v);
}

static enum err make_event(struct visit *v)
{
    v->in.events = arena_alloc(&v->job->arena, sizeof(struct event));
    if (!v->in.events) return ERR_NOMEM;
    enum err e = mail_event(&v->in, &v->job->mail, threads_of(&v->in), STR_NONE);
    return e ? e : channel_complete(&v->in, v->router->number);
}

static void answer_refusal(struct visit *v)
{
    static const struct {
        unsigned status;
        const char *problem;
    } rows[] = { { 400, "bad-request" }, { 401, "bad-signature" }, { 413, "body-too-large" } };
    const char *problem = "overloaded";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].status == v->in.answer.status) problem = rows[i].problem;
    answer_refused(v, v->in.answer.status, problem, v->in.cause, v->in.why);
}

static void on_read(void *ctx, struct mail_job *job)
{
    struct visit *v = ctx;
    v->job = job;
    channel_in_init(&v->in, v->door, &v->delivery, &job->arena);
    v->in.router = v->router;
    if (job->err == ERR_CLOSED) {
        answer_refused(v, 503, "shutting-down", "shutdown", "the router is stopping; send it again");
    } else if (job->err) {
        (void)refuse(&v->in, job->err, job->why);
        answer_refusal(v);
    } else if (v->check && v->check(&v->in, &job->mail)) {
        answer_refusal(v);
    } else if (make_event(v)) {
        answer_refused(v, 503, "overloaded", "memory", "no memory for this mail");
    } else {
        intake_events(v->router, v->arrived_us, v->in.events, v->in.count, on_stored, v);
    }
}

bool mail_hook_serve(struct channel_in *c, mail_reader *reader, mail_check *check)
{
    char type[400];
    if (c->in->action.n || c->in->body.n <= LIM_HTTP_BODY || !c->router || !c->router->mails) return false;
    struct visit *v = calloc(1, sizeof *v);
    if (!v) return false; /* `read` tells that there is no memory */
    v->router = c->router;
    v->door = door_ref(c->door);
    v->req = c->req;
    v->arrived_us = http_arrived_us(c->req);
    v->check = check;
    v->delivery = (struct delivery){ .type = c->in->type, .body = c->in->body, .now = c->in->now }; /* the request's own */
    if (!mail_job_start(c->router->mails, reader, c->in->body, -1, type_of(c->in, type), on_read, v)) return true;
    answer_refused(v, 503, "overloaded", "busy", "too many mails at once; send it again later");
    return true;
}
