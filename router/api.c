/* Routes are rows. A request is matched by its path first; then by its method (405 with Allow when only other methods have the
   path), then its token is looked at, then its role. */
#include "router/api.h"

#include "base/clock.h"
#include "base/log.h"
#include "router/etag.h"
#include "router/origin.h"

#include <stdio.h>

static void post_events(struct call *c) { intake_post(c->router, c->req, c->token); }

#define STAFF   (MAY_SUPERVISOR | MAY_OPERATOR)
#define SOURCES (MAY_SOURCE | STAFF)
#define PEOPLE  (MAY_AGENT | STAFF)
static const struct route routes[] = {
    { HTTP_M_POST, "/v1/events", SOURCES, post_events, ACT_NONE },
    { HTTP_M_GET, "/v1/events", SOURCES, list_events, ACT_NONE },
    { HTTP_M_GET, "/v1/events/{}", SOURCES, get_event, ACT_NONE },
    { HTTP_M_POST, "/v1/events/{}/replay", STAFF, replay_event, ACT_NONE },
    { HTTP_M_GET, "/v1/tickets", PEOPLE, list_tickets, ACT_TICKETS },
    { HTTP_M_GET, "/v1/tickets/{}", PEOPLE, get_ticket, ACT_TICKET },
    { HTTP_M_GET, "/v1/tickets/{}/explain", PEOPLE, get_ticket, ACT_EXPLAIN },
    { HTTP_M_POST, "/v1/tickets/{}/accept", PEOPLE, act_on_ticket, ACT_ACCEPT },
    { HTTP_M_POST, "/v1/tickets/{}/decline", PEOPLE, act_on_ticket, ACT_DECLINE },
    { HTTP_M_POST, "/v1/tickets/{}/resolve", PEOPLE, act_on_ticket, ACT_RESOLVE },
    { HTTP_M_POST, "/v1/tickets/{}/park", PEOPLE, act_on_ticket, ACT_PARK },
    { HTTP_M_POST, "/v1/tickets/{}/resume", PEOPLE, act_on_ticket, ACT_RESUME },
    { HTTP_M_POST, "/v1/tickets/{}/transfer", PEOPLE, act_on_ticket, ACT_TRANSFER },
    { HTTP_M_POST, "/v1/tickets/{}/cancel", PEOPLE, act_on_ticket, ACT_CANCEL },
    { HTTP_M_POST, "/v1/tickets/{}/start", PEOPLE, act_on_ticket, ACT_START },
    { HTTP_M_POST, "/v1/tickets/{}/messages", PEOPLE, post_message, ACT_REPLY },
    { HTTP_M_POST, "/v1/tickets/{}/reply", PEOPLE, post_message, ACT_REPLY },
    { HTTP_M_GET, "/v1/tickets/{}/messages", PEOPLE, list_messages, ACT_NONE },
    { HTTP_M_GET, "/v1/messages", STAFF, find_messages, ACT_NONE },
    { HTTP_M_POST, "/v1/messages/{}/resend", PEOPLE, resend_message, ACT_NONE },
    { HTTP_M_POST, "/v1/messages/{}/confirm", PEOPLE, confirm_message, ACT_NONE },
    { HTTP_M_POST, "/v1/tickets/{}/consult", PEOPLE, act_on_ticket, ACT_CONSULT },
    { HTTP_M_POST, "/v1/tickets/{}/callback", PEOPLE, act_on_ticket, ACT_CALLBACK },
    { HTTP_M_POST, "/v1/tickets/{}/handover", PEOPLE, act_on_ticket, ACT_HANDOVER },
    { HTTP_M_POST, "/v1/tickets/{}/pull", MAY_AGENT, act_on_ticket, ACT_PULL },
    { HTTP_M_POST, "/v1/tickets/{}/assign", STAFF, act_on_ticket, ACT_ASSIGN },
    { HTTP_M_POST, "/v1/tickets/{}/requeue", STAFF, act_on_ticket, ACT_REQUEUE },
    { HTTP_M_POST, "/v1/tickets/{}/feedback", PEOPLE, post_feedback, ACT_NONE },
    { HTTP_M_GET, "/v1/feedback", MAY_OPERATOR, list_feedback, ACT_NONE },
    { HTTP_M_GET, "/v1/agents", STAFF, list_agents, ACT_AGENTS },
    { HTTP_M_GET, "/v1/agents/{}", PEOPLE, get_agent, ACT_AGENT },
    { HTTP_M_PUT, "/v1/agents/{}", MAY_OPERATOR, put_agent, ACT_CONFIG },
    { HTTP_M_DELETE, "/v1/agents/{}", MAY_OPERATOR, delete_agent, ACT_CONFIG },
    { HTTP_M_POST, "/v1/agents/{}/presence", PEOPLE, post_presence, ACT_PRESENCE },
    { HTTP_M_GET, "/v1/agents/{}/stream", PEOPLE, agent_stream, ACT_CONNECT },
    { HTTP_M_POST, "/v1/customers", SOURCES, post_customers, ACT_NONE },
    { HTTP_M_GET, "/v1/customers", SOURCES, find_customer, ACT_NONE },
    { HTTP_M_GET, "/v1/customers/{}", SOURCES, get_customer, ACT_NONE },
    { HTTP_M_DELETE, "/v1/customers/{}", STAFF, forget_customer, ACT_NONE },
    { HTTP_M_GET, "/v1/queues", PEOPLE, get_queue, ACT_QUEUES },
    { HTTP_M_GET, "/v1/queues/{}", PEOPLE, get_queue, ACT_QUEUES },
    { HTTP_M_GET, "/v1/stream", STAFF, get_stream, ACT_NONE },
    { HTTP_M_GET, "/v1/policy", STAFF, get_policy, ACT_NONE },
    { HTTP_M_POST, "/v1/policy", MAY_OPERATOR, post_policy, ACT_CONFIG },
    { HTTP_M_PUT, "/v1/policy", MAY_OPERATOR, post_policy, ACT_CONFIG },
    { HTTP_M_GET, "/v1/channels/{}", MAY_ANYBODY, channel_visit, ACT_NONE },
    { HTTP_M_POST, "/v1/channels/{}", MAY_ANYBODY, channel_visit, ACT_NONE },
    { HTTP_M_GET, "/v1/channels/{}/{}", MAY_ANYBODY, channel_visit, ACT_NONE },
    { HTTP_M_POST, "/v1/channels/{}/{}", MAY_ANYBODY, channel_visit, ACT_NONE },
    { HTTP_M_OPTIONS, "/v1/channels/{}/{}", MAY_ANYBODY, channel_visit, ACT_NONE },
    { HTTP_M_GET, "/chat.js", MAY_ANYBODY, get_chat_script, ACT_NONE },
    { HTTP_M_GET, "/chat.css", MAY_ANYBODY, get_chat_style, ACT_NONE },
    { HTTP_M_GET, "/chat", MAY_ANYBODY, get_chat_page, ACT_NONE },
    { HTTP_M_GET, "/v1/webhooks", MAY_OPERATOR, list_webhooks, ACT_NONE },
    { HTTP_M_GET, "/v1/webhooks/{}/dead", MAY_OPERATOR, list_dead_letters, ACT_NONE },
    { HTTP_M_POST, "/v1/webhooks/{}/replay", MAY_OPERATOR, replay_dead_letters, ACT_NONE },
    { HTTP_M_POST, "/v1/webhooks/{}/test", MAY_OPERATOR, test_webhook, ACT_NONE },
    { HTTP_M_GET, "/problems/{}", MAY_ANYBODY, get_problem, ACT_NONE },
    { HTTP_M_GET, "/metrics", MAY_ANYBODY, get_metrics, ACT_NONE },
    { HTTP_M_GET, "/healthz", MAY_ANYBODY, get_health, ACT_NONE },
    { HTTP_M_GET, "/readyz", MAY_ANYBODY, get_ready, ACT_NONE },
    { HTTP_M_GET, "/v1/me", MAY_ALL, get_me, ACT_NONE },
    { HTTP_M_GET, "/", MAY_ANYBODY, get_console, ACT_NONE },
    { HTTP_M_GET, "/console/{}", MAY_ANYBODY, get_console, ACT_NONE },
};
#define ROUTES    (sizeof routes / sizeof *routes)
#define QUERY_MAX 5
#define PROOF_MAX 128u /* bytes of "Bearer " and a token */
static const char *const method_names[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" };

/* ---- matching ---- */

static bool path_fits(const char *pattern, struct str path, struct str arg[2])
{
    size_t i = 0, n = 0;
    while (*pattern) {
        if (pattern[0] == '{' && pattern[1] == '}') {
            size_t from = i;
            while (i < path.n && path.p[i] != '/') i++;
            if (i == from || n == 2) return false;
            arg[n++] = (struct str){ path.p + from, i - from };
            pattern += 2;
        } else if (i < path.n && path.p[i] == *pattern) {
            i++;
            pattern++;
        } else {
            return false;
        }
    }
    return i == path.n;
}

static void not_allowed(struct call *c)
{
    char allow[128] = "Allow: ";
    struct str arg[2];
    size_t n = strlen(allow);
    struct str path = http_path(c->req);
    for (size_t i = 0; i < ROUTES; i++) {
        if (!path_fits(routes[i].pattern, path, arg)) continue;
        n += (size_t)snprintf(allow + n, sizeof allow - n, "%s%s", n > 7 ? ", " : "", method_names[routes[i].method]);
        if (routes[i].method == HTTP_M_GET) n += (size_t)snprintf(allow + n, sizeof allow - n, ", HEAD");
    }
    snprintf(allow + n, sizeof allow - n, "\r\n");
    http_answer(c->req, 405, "application/problem+json",
                STR("{\"type\":\"/problems/method-not-allowed\",\"title\":\"The path does not know this method\",\"status\":405}"),
                allow);
}

/* The route, or NULL after answering 404 or 405. */
static const struct route *find_route(struct call *c)
{
    enum http_method method = http_method(c->req) == HTTP_M_HEAD ? HTTP_M_GET : http_method(c->req);
    struct str path = http_path(c->req);
    bool path_known = false;
    for (size_t i = 0; i < ROUTES; i++) {
        if (!path_fits(routes[i].pattern, path, c->arg)) continue;
        if (routes[i].method == method) return &routes[i];
        path_known = true;
    }
    if (path_known) not_allowed(c);
    else http_problem(c->req, 404, "not-found", "there is nothing at this path");
    return NULL;
}

/* Is the page that asks one of this server? */
static bool page_is_ours(const struct call *c)
{
    const struct config_keep *k = &c->router->config;
    struct str origin = http_header(c->req, "origin");
    if (origin_of_host(origin, http_header(c->req, "host"))) return true;
    for (uint32_t i = 0; i < k->policy_count; i++)
        if (origin_of_url(origin, k->policies[i]->policy->public_url)) return true;
    return false;
}

/* What the call proves itself with, as Authorization says it. A page's WebSocket has its token beside the subprotocol; only pages
   of ours may do so. Answers and gives false otherwise. */
static bool call_proof(struct call *c, char room[PROOF_MAX], struct str *out)
{
    *out = http_header(c->req, "authorization");
    struct str token = c->route->act == ACT_CONNECT ? subprotocol_token(http_header(c->req, "sec-websocket-protocol")) : STR_NONE;
    if (out->n || !token.n) return true;
    if (!page_is_ours(c)) {
        http_problem(c->req, 403, "forbidden",
                     "only pages of this server send a token beside the subprotocol; its Origin is no page's "
                     "of the Host, nor of the policy's public-url; a program sends Authorization");
        return false;
    }
    int n = snprintf(room, PROOF_MAX, "Bearer %.*s", STR_FMT(token));
    if (n < (int)PROOF_MAX) *out = (struct str){ room, (size_t)n };
    return true;
}

static bool authorised(struct call *c)
{
    char room[PROOF_MAX];
    struct str header;
    if (!call_proof(c, room, &header)) return false;
    enum err e = tokens_check(c->router->tokens, header, clock_wall_ms(), &c->token);
    if (e == ERR_UNAUTHORIZED && header.n) { /* made a moment ago, perhaps */
        tokens_refresh(c->router->tokens);
        e = tokens_check(c->router->tokens, header, clock_wall_ms(), &c->token);
    }
    if (e == ERR_STALE) http_problem(c->req, 401, "token-expired", "this token has expired: make a new one with naru token create");
    else if (e) http_problem(c->req, 401, "unauthorized", "send a valid token as Authorization: Bearer …");
    else if (!(c->route->roles & 1u << c->token->role))
        http_problem(c->req, 403, "forbidden", "a token of role %s may not do this", token_role_names[c->token->role]);
    else return true;
    return false;
}

static void refuse_query(struct call *c, struct str key, const char *const *known, size_t n)
{
    const char *near = key.n <= 64 ? str_nearest(key, known, n) : NULL;
    int shown = key.n < 64 ? (int)key.n : 64;
    if (near) http_problem(c->req, 422, "bad-field", "?%.*s= is not known here: did you mean \"%s\"?", shown, key.p, near);
    else http_problem(c->req, 422, "bad-field", "?%.*s= is not known here", shown, key.p);
}

/* What is read, and what replaces a policy, knows its parameters: a slip would change what is meant. */
static bool query_known(struct call *c)
{
    static const struct {
        const char *pattern, *names[QUERY_MAX]; /* besides `workspace` */
    } rows[] = { { "/v1/events", { "state", "after", "limit" } },
                 { "/v1/tickets", { "state", "queue", "agent", "after", "limit" } },
                 { "/v1/agents", { "after", "limit" } },
                 { "/v1/messages", { "state", "after", "limit" } },
                 { "/v1/tickets/{}/messages", { "after", "limit" } },
                 { "/v1/feedback", { "since", "after", "limit" } },
                 { "/v1/webhooks/{}/dead", { "after", "limit" } },
                 { "/v1/customers", { "account", "id" } },
                 { "/v1/stream", { "only", "ticket", "queue", "after" } },
                 { "/v1/policy", { "check" } } };
    const char *known[QUERY_MAX + 1] = { "workspace" };
    struct str q = http_query(c->req);
    size_t n = 1;
    if (!q.n || c->route->handler == post_events) return true;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t k = 0; !strcmp(rows[i].pattern, c->route->pattern) && k < QUERY_MAX && rows[i].names[k]; k++)
            known[n++] = rows[i].names[k];
    for (size_t i = 0, end; i < q.n; i = end + 1) {
        for (end = i; end < q.n && q.p[end] != '&'; end++) {
        }
        struct str key = { q.p + i, 0 };
        while (i + key.n < end && key.p[key.n] != '=') key.n++;
        size_t at = 0;
        while (at < n && !str_is(key, known[at])) at++;
        if (at < n || !key.n) continue;
        refuse_query(c, key, known, n);
        return false;
    }
    return true;
}

/* ?workspace=, the token's, or the only one; STR_NONE: it is to be named. */
static struct str workspace_asked(const struct call *c)
{
    const struct config_keep *k = &c->router->config;
    struct str mine = str_of(c->token->workspace), name = http_param(c->req, "workspace");
    if (!name.n && !str_is(mine, "*")) name = mine;
    if (!name.n && k->policy_count == 1) name = str_of(k->policies[0]->policy->workspace);
    return name;
}

/* What an agent's programs ask has one bucket, whichever door they use: agents.c takes from it too. */
static bool within_rate(struct call *c)
{
    char why[ADMIT_WHY];
    uint32_t wait_ms = 0;
    struct str workspace = c->token->role == TOKEN_AGENT ? workspace_asked(c) : STR_NONE;
    if (c->token->role != TOKEN_AGENT || admit_act(c->router, workspace, str_of(c->token->subject), &wait_ms)) return true;
    admit_why_act(c->router, workspace, wait_ms, why);
    http_problem_later(c->req, 429, "too-many-requests", wait_ms, "%s", why);
    return false;
}

void api_request(void *router, struct http_req *req)
{
    struct call c = { .router = router, .req = req };
    c.route = find_route(&c);
    if (!c.route) return;
    if (c.route->roles == MAY_ANYBODY || (authorised(&c) && within_rate(&c) && query_known(&c) && call_once(&c)))
        c.route->handler(&c);
}

/* ---- what handlers share ---- */

bool token_privileged(const struct token *t) { return t->role == TOKEN_SUPERVISOR || t->role == TOKEN_OPERATOR; }

bool call_sees(const struct call *c, uint16_t workspace)
{
    struct str mine = str_of(c->token->workspace);
    return str_is(mine, "*") || str_is(mine, router_workspace(c->router, workspace));
}

bool call_workspace(struct call *c, uint16_t *workspace)
{
    struct router *r = c->router;
    struct str name = workspace_asked(c);
    if (!name.n && r->config.policy_count)
        return http_problem(c->req, 422, "unknown-workspace", "several workspaces are here: name one with ?workspace="), false;
    if (!name.n || !config_keep_policy(&r->config, name) || events_workspace(&r->events, name, workspace))
        return http_problem(c->req, 422, "unknown-workspace", "no policy of this workspace is here"), false;
    if (call_sees(c, *workspace)) return true;
    http_problem(c->req, 403, "forbidden", "the token is of another workspace");
    return false;
}

bool call_id(struct call *c, struct id *out)
{
    if (!id_parse(c->arg[0], out)) return true;
    bool event = str_eq((struct str){ http_path(c->req).p, 11 }, STR("/v1/events/"));
    http_problem(c->req, 404, event ? "event-not-found" : "ticket-not-found", "this is not an id");
    return false;
}

void call_act(struct call *c, uint16_t workspace, struct act *act)
{
    *act = (struct act){ .workspace = str_of(router_workspace(c->router, workspace)),
                         .kind = c->route->act,
                         .router = c->router->number,
                         .actor = str_of(c->token->subject),
                         .privileged = token_privileged(c->token) };
    if (c->token->role == TOKEN_AGENT) act->agent = act->actor;
}

/* Statuses and problem types come from a peer: unknown ones become the nearest that is ours. */
static const struct known_status {
    unsigned status;
    const char *problem;
} known_statuses[] = {
    { 400, "bad-request" }, { 403, "forbidden" },           { 404, "not-found" },
    { 409, "wrong-state" }, { 412, "precondition-failed" }, { 422, "bad-field" },
    { 429, "overloaded" },  { 501, "not-implemented" },     { 503, "not-ready" },
};

void answer_result(struct http_req *req, const struct result *res)
{
    char type[65];
    if (res->status >= 200 && res->status < 300) {
        struct buf out;
        buf_init(&out, 8u << 20);
        leader_json(&out, res->body.n ? res->body : STR("{}"));
        if (out.err) http_problem(req, 503, "overloaded", "out of memory");
        else http_json(req, 200, buf_str(&out));
        buf_fini(&out);
        return;
    }
    const struct known_status *known = &known_statuses[sizeof known_statuses / sizeof *known_statuses - 1];
    for (size_t i = 0; i < sizeof known_statuses / sizeof *known_statuses; i++) {
        if (known_statuses[i].status == res->status) known = &known_statuses[i];
    }
    snprintf(type, sizeof type, "%.*s", STR_FMT(res->problem));
    http_problem(req, known->status, problem_find(type) ? type : known->problem, "%.*s", STR_FMT(res->detail));
}

static void on_answer(void *ctx, const struct result *res) { answer_result(ctx, res); }

void call_ask(struct call *c, uint16_t workspace, struct act *act, bool patient)
{
    enum err e = acts_ask(&c->router->acts, workspace, act, patient, router_now(c->router), on_answer, c->req);
    if (e == ERR_UNAVAILABLE) http_problem(c->req, 503, "not-leading", "nobody leads the workspace now");
    else if (e) http_problem(c->req, 503, "overloaded", "too many questions are under way");
}

bool body_object(struct http_req *req, struct json **doc)
{
    const char *why = NULL;
    size_t at = 0;
    struct str body = http_body(req);
    *doc = NULL;
    if (json_parse(doc, body.n ? body : STR("{}"), LIM_JSON_DEPTH, &at, &why)) {
        http_problem(req, 400, "bad-json", "%s (at byte %zu)", why, at);
        return false;
    }
    if (json_type(*doc) == JSON_OBJECT) return true;
    json_free(*doc);
    *doc = NULL;
    http_problem(req, 422, "bad-field", "the body must be an object");
    return false;
}

bool call_limit(struct call *c, uint64_t most, uint64_t usual, uint64_t *out)
{
    struct str limit = http_param(c->req, "limit");
    *out = usual;
    if (!limit.n || !str_u64(limit, 1, most, out)) return true;
    http_problem(c->req, 422, "bad-field", "\"limit\" must be a number from 1 to %llu", (unsigned long long)most);
    return false;
}

bool call_after(struct call *c, struct id *out)
{
    struct str after = http_param(c->req, "after");
    *out = (struct id){ { 0 } };
    if (!after.n || !id_parse(after, out)) return true;
    http_problem(c->req, 422, "bad-field", "\"after\" must be what \"next\" was, an id");
    return false;
}

void answer_page_gone(struct http_req *req)
{
    http_problem(req, 422, "bad-field", "what \"after\" names is not in this list any more: begin anew, without it");
}

void answer_tagged(struct http_req *req, struct str version, struct str json)
{
    char etag[ETAG_TEXT], header[ETAG_TEXT + 16];
    etag_of(version, json, etag);
    snprintf(header, sizeof header, "ETag: %s\r\n", etag);
    if (etag_none_match(http_header(req, "if-none-match"), str_of(etag)))
        http_answer(req, 304, "application/json", STR_NONE, header);
    else http_answer(req, 200, "application/json", json, header);
}

bool body_text(struct http_req *req, const struct json *doc, const char *name, size_t max, struct str *out)
{
    const struct json *v = json_get(doc, name);
    *out = json_str(v);
    if (!v || (json_type(v) == JSON_STRING && out->n <= max)) return true;
    if (json_type(v) != JSON_STRING) http_problem(req, 422, "bad-field", "\"%s\" must be a string", name);
    else http_problem(req, 422, "bad-field", "\"%s\" is longer than %zu bytes", name, max);
    return false;
}
