/* Corrections over HTTP: giving one, listing all, showing those of a ticket with it. */
#include "base/clock.h"
#include "base/metrics.h"
#include "router/api.h"
#include "router/feedback.h"

#include <stdlib.h>

#define QUEUES_MOST 1024u
#define SHOWN_MOST  (16u << 20)

/* ---- giving ---- */

static void refused(struct http_req *req, unsigned status, enum problem p, const char *detail)
{
    metric_add(MET_FEEDBACK_REFUSED, problem_rows[p].type, 1);
    http_problem(req, status, problem_rows[p].type, "%s", detail);
}

static void on_taken(void *ctx, const struct feedback_end *end)
{
    if (end->e) refused(ctx, problem_rows[end->problem].status, end->problem, end->detail);
    else http_json(ctx, 200, end->json);
}

/* Reads the body; answers and gives false when something is wrong with it. */
static bool read_correction(struct call *c, uint16_t ws, const struct json *doc, struct correction *out)
{
    const struct kept_config *kept = config_keep_policy(&c->router->config, str_of(router_workspace(c->router, ws)));
    const struct policy *p = kept ? kept->policy : NULL;
    const char *queues[QUEUES_MOST];
    char why[300];
    size_t n = 0;
    for (; p && n < p->queue_count && n < QUEUES_MOST; n++) queues[n] = p->queues[n].name;
    if (!correction_read(out, doc, queues, n, why)) return true;
    refused(c->req, 422, PROBLEM_BAD_FIELD, why);
    return false;
}

void post_feedback(struct call *c)
{
    struct feedback_ask ask = { .must_hold = c->token->role == TOKEN_AGENT,
                                .who = str_of(c->token->subject),
                                .source = str_of(token_role_names[c->token->role]) };
    struct json *doc;
    if (!call_id(c, &ask.ticket) || !call_ticket_workspace(c, &ask.ticket, &ask.workspace) || !body_object(c->req, &doc)) return;
    if (read_correction(c, ask.workspace, doc, &ask.correction)) feedback_take(c->router, &ask, on_taken, c->req);
    json_free(doc);
}

/* ---- listing ---- */

static void on_list(void *ctx, enum err e, struct str body)
{
    if (e) http_problem(ctx, 503, "not-ready", "the corrections cannot be read: %s", err_text(e));
    else http_json(ctx, 200, body);
}

void list_feedback(struct call *c)
{
    struct str since = http_param(c->req, "since"), after = http_param(c->req, "after");
    struct feedback_query q = { .workspace = STR_NONE };
    uint64_t n;
    uint16_t ws;
    if (!call_workspace(c, &ws) || !call_limit(c, 1000, 100, &n)) return;
    if (since.n && clock_parse(since.p, since.n, &q.since)) {
        http_problem(c->req, 422, "bad-field", "\"since\" must be a time like 2026-03-01T09:30:00Z");
    } else if (after.n && str_u64(after, 0, INT64_MAX, &q.after)) {
        http_problem(c->req, 422, "bad-field", "\"after\" must be what \"next\" was, or the number of a row");
    } else {
        q.workspace = str_of(router_workspace(c->router, ws));
        q.limit = (uint32_t)n;
        if (history_feedback_list(c->router->history, &q, on_list, c->req))
            http_problem(c->req, 503, "overloaded", "too many questions are under way");
    }
}

/* ---- showing ---- */

struct showing {
    struct http_req *req;
    struct buf body;
};

/* Puts the corrections behind the last member of the ticket's object. */
static void on_corrections(void *ctx, enum err e, struct str rows)
{
    struct showing *s = ctx;
    size_t whole = s->body.n;
    if (!e && rows.n > 2) { /* not [] */
        s->body.n--;
        buf_addz(&s->body, ",\"feedback\":");
        buf_addstr(&s->body, rows);
        buf_addc(&s->body, '}');
        if (s->body.err) { /* the ticket alone is better than nothing */
            s->body.n = whole;
            s->body.p[whole - 1] = '}';
        }
    }
    http_json(s->req, 200, buf_str(&s->body));
    buf_fini(&s->body);
    free(s);
}

void answer_with_feedback(struct router *r, struct http_req *req, const struct id *ticket, struct str body)
{
    struct showing *s = history_feedback_rows(r->history) && body.n > 2 ? malloc(sizeof *s) : NULL;
    if (s) {
        s->req = req;
        buf_init(&s->body, SHOWN_MOST);
        buf_addstr(&s->body, body);
        if (!s->body.err && !history_feedback_of(r->history, ticket, on_corrections, s)) return;
        buf_fini(&s->body);
        free(s);
    }
    http_json(req, 200, body);
}
