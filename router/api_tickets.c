/* Tickets: live ones are the leader's to tell, closed ones are in the history of their home; while nobody leads, home tells what
   its journal knows. An agent sees and acts on what is theirs. */
#include "router/act_body.h"
#include "router/api.h"
#include "router/feedback.h"

#include <stdio.h>
#include <stdlib.h>

#define LIST_MAX 100u /* tickets of one page */

/* A read under way: first the leader, then what is known here. */
struct read {
    struct router *router;
    struct http_req *req;
    struct id ticket;
    bool life;
    char workspace[65]; /* of the token, "*": all */
    char agent[129];    /* only when it is theirs; "": any */
    char *waits;        /* what the leader still knows of how an ended one waited, as JSON; owned, or NULL */
    size_t waits_n;
};

static void read_free(struct read *p)
{
    free(p->waits);
    free(p);
}

/* A document of this router's, with what the leader added to it. */
static void answer_kept(struct read *p, struct str body)
{
    struct buf out;
    buf_init(&out, 8u << 20);
    if (p->waits && body.n > 2 && p->waits_n > 2) {
        buf_add(&out, body.p, body.n - 1);
        buf_addc(&out, ',');
        buf_add(&out, p->waits + 1, p->waits_n - 1);
        if (!out.err) body = buf_str(&out);
    }
    answer_with_feedback(p->router, p->req, &p->ticket, body);
    buf_fini(&out);
}

/* May the asker see this ticket? Answers otherwise. */
static bool may_see(const struct read *p, struct str body)
{
    struct json *doc = NULL;
    const char *why;
    size_t at;
    if (json_parse(&doc, body, LIM_JSON_DEPTH, &at, &why)) return true; /* whoever made it: nothing to compare with */
    struct str ws = json_str(json_get(doc, "workspace")), agent = json_str(json_get(doc, "agent"));
    bool here = str_is(STR("*"), p->workspace) || !ws.n || str_is(ws, p->workspace);
    bool theirs = !p->agent[0] || str_is(agent, p->agent);
    json_free(doc);
    if (!here) http_problem(p->req, 404, "ticket-not-found", "there is no such ticket");
    else if (!theirs) http_problem(p->req, 403, "forbidden", "the ticket is not yours");
    return here && theirs;
}

static void on_history(void *ctx, enum err e, struct str body)
{
    struct read *p = ctx;
    uint32_t home = id_home(&p->ticket);
    if (e && home != p->router->number)
        http_problem(p->req, 404, "ticket-not-found", "no such ticket is live; if it is closed, router number %u has it", home);
    else if (e)
        http_problem(p->req, e == ERR_NOTFOUND ? 404 : 503, e == ERR_NOTFOUND ? "ticket-not-found" : "not-ready",
                     "there is no such ticket");
    else if (may_see(p, body)) answer_kept(p, body);
    read_free(p);
}

static void read_here(struct read *p)
{
    struct router *r = p->router;
    const struct kept_ticket *t = events_ticket(&r->events, &p->ticket);
    if (t) {
        struct buf out;
        buf_init(&out, 8u << 20);
        buf_clear(&r->text);
        ticket_pack(t, &r->text, p->life);
        if (r->text.err || ticket_json(&out, buf_str(&r->text), &r->events.scratch))
            http_problem(p->req, 503, "overloaded", "out of memory");
        else if (may_see(p, buf_str(&out))) answer_kept(p, buf_str(&out));
        buf_fini(&out);
        read_free(p);
        return;
    }
    if (!history_get(r->history, &p->ticket, on_history, p)) return;
    http_problem(p->req, 503, "overloaded", "too many questions are under way");
    read_free(p);
}

/* What the leader tells, with the corrections that are kept here. */
static void tell_live(struct read *p, struct str body)
{
    struct buf out;
    buf_init(&out, 8u << 20);
    leader_json(&out, body);
    if (out.err) http_problem(p->req, 503, "overloaded", "out of memory");
    else answer_with_feedback(p->router, p->req, &p->ticket, buf_str(&out));
    buf_fini(&out);
}

/* Without memory for it the ticket is told without it. */
static void keep_waits(struct read *p, struct str body)
{
    if (!p->life || !body.n || !(p->waits = malloc(body.n))) return;
    memcpy(p->waits, body.p, body.n);
    p->waits_n = body.n;
}

static void on_ticket(void *ctx, const struct result *res)
{
    struct read *p = ctx;
    if (res->status == 404 || res->status >= 500) {
        keep_waits(p, res->body);
        read_here(p);
        return;
    }
    if (res->status >= 300) answer_result(p->req, res);
    else if (may_see(p, res->body)) tell_live(p, res->body);
    read_free(p);
}

bool call_ticket_workspace(struct call *c, const struct id *id, uint16_t *ws)
{
    const struct kept_ticket *t = events_ticket(&c->router->events, id);
    if (!t) return call_workspace(c, ws);
    *ws = t->workspace;
    if (call_sees(c, *ws)) return true;
    http_problem(c->req, 404, "ticket-not-found", "there is no such ticket");
    return false;
}

void get_ticket(struct call *c)
{
    struct act act;
    struct id id;
    uint16_t ws;
    if (!call_id(c, &id) || !call_ticket_workspace(c, &id, &ws)) return;
    struct read *p = malloc(sizeof *p);
    if (!p) {
        http_problem(c->req, 503, "overloaded", "out of memory");
        return;
    }
    *p = (struct read){ .router = c->router, .req = c->req, .ticket = id, .life = c->route->act == ACT_EXPLAIN };
    snprintf(p->workspace, sizeof p->workspace, "%s", c->token->workspace);
    if (c->token->role == TOKEN_AGENT) snprintf(p->agent, sizeof p->agent, "%s", c->token->subject);
    call_act(c, ws, &act);
    act.ticket = id;
    if (acts_ask(&c->router->acts, ws, &act, false, router_now(c->router), on_ticket, p)) read_here(p);
}

/* ---- lists ---- */

static void queue_not_found(struct http_req *req, const struct policy *p, struct str queue)
{
    const char *names[LIM_LIST_ITEMS], *near;
    for (uint32_t i = 0; i < p->queue_count; i++) names[i] = p->queues[i].name;
    near = str_nearest(queue, names, p->queue_count);
    http_problem(req, 404, "queue-not-found", "no queue is called \"%.*s\"%s%s%s", STR_FMT(queue), near ? " (did you mean \"" : "",
                 near ? near : "", near ? "\"?)" : "");
}

/* Closed tickets outlive queues: only a queue that neither the policy nor any of them names is a slip. */
struct closed {
    struct router *router;
    struct http_req *req;
    char workspace[65], queue[65];
};

static void on_closed(void *ctx, enum err e, struct str body)
{
    struct closed *q = ctx;
    const struct kept_config *c = q->queue[0] ? config_keep_policy(&q->router->config, str_of(q->workspace)) : NULL;
    bool unknown = c && policy_queue(c->policy, str_of(q->queue)) < 0 && str_is(body, "{\"tickets\":[]}");
    if (e) http_problem(q->req, 503, "not-ready", "the history cannot be read: %s", err_text(e));
    else if (unknown) queue_not_found(q->req, c->policy, str_of(q->queue));
    else http_json(q->req, 200, body);
    free(q);
}

static void list_closed(struct call *c, const struct act *act)
{
    struct closed *q = malloc(sizeof *q);
    enum err e = q ? ERR_OK : ERR_NOMEM;
    if (q) {
        *q = (struct closed){ .router = c->router, .req = c->req };
        snprintf(q->workspace, sizeof q->workspace, "%.*s", STR_FMT(act->workspace));
        if (id_is_none(&act->after)) snprintf(q->queue, sizeof q->queue, "%.*s", STR_FMT(act->queue));
        e = history_list(c->router->history, act->workspace, http_param(c->req, "state"), act->queue, &act->after, act->limit,
                         on_closed, q);
    }
    if (!e) return;
    http_problem(c->req, 503, "overloaded", "too many questions are under way");
    free(q);
}

static void refuse_state(struct http_req *req, struct str state)
{
    const char *near = state.n <= 64 ? str_nearest(state, ticket_state_words.v + 1, ticket_state_words.count - 1) : NULL;
    http_problem(req, 422, "bad-field", "\"state\" is no state of a ticket%s%s%s", near ? " (did you mean \"" : "",
                 near ? near : "", near ? "\"?)" : "");
}

static bool list_filter(struct call *c, struct act *act)
{
    struct str state = http_param(c->req, "state");
    uint64_t n;
    int word = state.n ? words_find(&ticket_state_words, state) : TK_INVALID;
    if (word < 0 || (state.n && word == TK_INVALID)) return refuse_state(c->req, state), false;
    if (!call_limit(c, LIST_MAX, 50, &n) || !call_after(c, &act->after)) return false;
    act->state = (enum ticket_state)word;
    act->limit = (uint32_t)n;
    act->queue = http_param(c->req, "queue");
    if (act->queue.n > 64) return http_problem(c->req, 422, "bad-field", "\"queue\" is longer than 64 bytes"), false;
    struct str agent = http_param(c->req, "agent");
    if (agent.n > 128) return http_problem(c->req, 422, "bad-field", "\"agent\" is longer than 128 bytes"), false;
    if (c->token->role == TOKEN_AGENT && agent.n && !str_eq(agent, act->agent))
        return http_problem(c->req, 403, "forbidden", "an agent lists their own tickets"), false;
    if (c->token->role != TOKEN_AGENT) act->agent = agent;
    return true;
}

void list_tickets(struct call *c)
{
    struct act act;
    uint16_t ws;
    if (!call_workspace(c, &ws)) return;
    call_act(c, ws, &act);
    if (!list_filter(c, &act)) return;
    if (act.state >= TK_RESOLVED) {
        if (c->token->role == TOKEN_AGENT) {
            http_problem(c->req, 403, "forbidden", "closed tickets are listed for supervisors and operators");
            return;
        }
        if (act.agent.n)
            http_problem(c->req, 422, "bad-field", "\"agent\" is for live tickets; closed ones are listed by state and queue");
        else list_closed(c, &act);
        return;
    }
    call_ask(c, ws, &act, false);
}

/* ---- acts ---- */

bool call_read_act(struct call *c, const struct json *doc, struct act *act, struct act_room *room)
{
    char why[ACT_WHY] = "";
    struct str own = act->agent;
    bool agent = c->token->role == TOKEN_AGENT;
    act->agent = STR_NONE;
    if (act_body_read(act, room, doc, ACT_BY_HTTP, why)) return http_problem(c->req, 422, "bad-field", "%s", why), false;
    if (agent && act->agent.n && !str_eq(own, act->agent))
        return http_problem(c->req, 403, "forbidden", "an agent acts for themselves"), false;
    if (agent && act_needs_token(act->kind) && !act->token_epoch && !act->token_seq)
        return http_problem(c->req, 422, "bad-field", "\"token\" is missing"), false;
    if (agent) act->agent = own;
    return true;
}

/* A transfer under way: once it is done it is a correction as well. */
struct transfer {
    struct router *router;
    struct http_req *req;
    struct id ticket;
    uint16_t workspace;
    char who[129], queue[65];
};

static void on_transfer(void *ctx, const struct result *res)
{
    struct transfer *t = ctx;
    answer_result(t->req, res);
    if (res->status < 300) feedback_transferred(t->router, t->workspace, &t->ticket, str_of(t->who), str_of(t->queue));
    free(t);
}

static void ask_transfer(struct call *c, uint16_t ws, struct act *act)
{
    struct transfer *t = malloc(sizeof *t);
    enum err e = t ? ERR_OK : ERR_NOMEM;
    if (t) {
        *t = (struct transfer){ .router = c->router, .req = c->req, .ticket = act->ticket, .workspace = ws };
        snprintf(t->who, sizeof t->who, "%s", c->token->subject);
        snprintf(t->queue, sizeof t->queue, "%.*s", STR_FMT(act->queue));
        e = acts_ask(&c->router->acts, ws, act, true, router_now(c->router), on_transfer, t);
    }
    if (!e) return;
    http_problem(c->req, 503, "overloaded", "too many questions are under way");
    free(t);
}

void act_on_ticket(struct call *c)
{
    struct json *doc;
    struct act act;
    struct act_room room;
    struct id id;
    uint16_t ws;
    if (!call_id(c, &id) || !call_ticket_workspace(c, &id, &ws) || !body_object(c->req, &doc)) return;
    call_act(c, ws, &act);
    act.ticket = id;
    if (!call_read_act(c, doc, &act, &room)) goto out;
    if (act.kind == ACT_TRANSFER) ask_transfer(c, ws, &act);
    else call_ask(c, ws, &act, true);
out:
    json_free(doc);
}
