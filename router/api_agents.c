/* Agents and queues: read from the leader, agents made and changed by API. */
#include "base/clock.h"
#include "router/api.h"

#include <stdio.h>

#define AGENTS_MAX 1000u

/* The agent of the path; a token of role agent may only name its own. Answers otherwise. */
static bool agent_of_path(struct call *c, struct str *name)
{
    *name = c->arg[0];
    if (name->n > 128) return http_problem(c->req, 404, "agent-not-found", "an agent's name has at most 128 bytes"), false;
    if (c->token->role != TOKEN_AGENT || str_is(*name, c->token->subject)) return true;
    http_problem(c->req, 403, "forbidden", "the token is of another agent");
    return false;
}

static void ask_as_it_is(struct call *c)
{
    struct act act;
    uint16_t ws;
    if (!call_workspace(c, &ws)) return;
    call_act(c, ws, &act);
    call_ask(c, ws, &act, false);
}

/* A page, in the leader's order: `after` is the last agent's name of the one before. */
void list_agents(struct call *c)
{
    struct str after = http_param(c->req, "after");
    struct act act;
    uint16_t ws;
    uint64_t n;
    if (!call_workspace(c, &ws) || !call_limit(c, AGENTS_MAX, AGENTS_MAX, &n)) return;
    if (after.n > 128) {
        http_problem(c->req, 422, "bad-field", "\"after\" must be the name of an agent");
        return;
    }
    call_act(c, ws, &act);
    act.reason = after;
    act.limit = (uint32_t)n;
    call_ask(c, ws, &act, false);
}

/* Its tag begins with the version of what is configured, which is what a PUT replaces. */
static void on_agent(void *req, const struct result *res)
{
    struct json *doc = NULL;
    const char *why;
    size_t at;
    if (res->status >= 300 || json_parse(&doc, res->body, LIM_JSON_DEPTH, &at, &why)) answer_result(req, res);
    else answer_tagged(req, json_str(json_get(doc, "version")), res->body);
    json_free(doc);
}

void get_agent(struct call *c)
{
    struct act act;
    struct str name;
    uint16_t ws;
    if (!agent_of_path(c, &name) || !call_workspace(c, &ws)) return;
    call_act(c, ws, &act);
    act.agent = name;
    enum err e = acts_ask(&c->router->acts, ws, &act, false, router_now(c->router), on_agent, c->req);
    if (e == ERR_UNAVAILABLE) http_problem(c->req, 503, "not-leading", "nobody leads the workspace now");
    else if (e) http_problem(c->req, 503, "overloaded", "too many questions are under way");
}

/* The leader answers {"queues":[…]}; of one queue its object alone is told. */
static void on_queue(void *ctx, const struct result *res)
{
    static const char head[] = "{\"queues\":[", tail[] = "]}";
    size_t around = sizeof head - 1 + sizeof tail - 1;
    struct result one = *res;
    if (res->status < 300 && res->body.n > around && !memcmp(res->body.p, head, sizeof head - 1))
        one.body = (struct str){ res->body.p + sizeof head - 1, res->body.n - around };
    else if (res->status < 300)
        one = (struct result){ .status = 404, .problem = STR("queue-not-found"), .detail = STR("there is no such queue") };
    answer_result(ctx, &one);
}

void get_queue(struct call *c)
{
    struct act act;
    uint16_t ws;
    if (!c->arg[0].n) {
        ask_as_it_is(c);
        return;
    }
    if (c->arg[0].n > 64) {
        http_problem(c->req, 404, "queue-not-found", "there is no such queue");
        return;
    }
    if (!call_workspace(c, &ws)) return;
    call_act(c, ws, &act);
    act.queue = c->arg[0];
    if (acts_ask(&c->router->acts, ws, &act, false, router_now(c->router), on_queue, c->req))
        http_problem(c->req, 503, "not-leading", "nobody leads the workspace now");
}

void agent_stream(struct call *c)
{
    struct str name;
    uint16_t ws;
    if (agent_of_path(c, &name) && call_workspace(c, &ws)) agents_stream(c->router, c->req, ws, name, str_of(c->token->subject));
}

void post_presence(struct call *c)
{
    struct json *doc;
    struct act act;
    struct str name, word;
    uint16_t ws;
    if (!agent_of_path(c, &name) || !call_workspace(c, &ws) || !body_object(c->req, &doc)) return;
    call_act(c, ws, &act);
    act.agent = name;
    if (!body_text(c->req, doc, "presence", 16, &word) || !body_text(c->req, doc, "reason", 64, &act.reason)) goto out;
    int number = words_find(&presence_words, word);
    if (number < 0) {
        http_problem(c->req, 422, "bad-field", "\"presence\" must be available, away or offline");
        goto out;
    }
    act.presence = (enum presence)number;
    call_ask(c, ws, &act, true);
out:
    json_free(doc);
}

static void answer_agent(struct call *c, struct config *config, uint16_t ws)
{
    struct buf answer;
    char source[160], version[24];
    uint64_t now = clock_wall_ms(), *last = &c->router->configured;
    buf_init(&answer, 4096);
    config->workspace = str_of(router_workspace(c->router, ws));
    config->at = *last = now > *last ? now : *last + 1; /* the later one of a millisecond is the newer one */
    snprintf(version, sizeof version, "%llu", (unsigned long long)config->at);
    struct jw w = jw_on(&answer);
    jw_open(&w, '{');
    jw_key(&w, "agent"), jw_str(&w, config->name);
    if (config->kind == CONFIG_AGENT) jw_key(&w, "version"), jw_strz(&w, version);
    jw_close(&w, '}');
    snprintf(source, sizeof source, "api:%s", c->token->subject);
    config->source = str_of(source);
    keep_config(c, config, buf_str(&answer));
    buf_fini(&answer);
}

void put_agent(struct call *c)
{
    struct agent_spec spec;
    struct arena arena;
    char why[200] = "";
    uint16_t ws;
    struct str name;
    if (!agent_of_path(c, &name) || !call_workspace(c, &ws)) return;
    const struct kept_config *policy = config_keep_policy(&c->router->config, str_of(router_workspace(c->router, ws)));
    arena_init(&arena, 1u << 20);
    enum err e = policy_agent(policy->policy, name, http_body(c->req), &spec, &arena, why);
    if (e == ERR_JSON) http_problem(c->req, 400, "bad-json", "%s", why);
    else if (e) http_problem(c->req, 422, "bad-field", "%s", why);
    else answer_agent(c, &(struct config){ .kind = CONFIG_AGENT, .name = name, .body = http_body(c->req) }, ws);
    arena_fini(&arena);
}

void delete_agent(struct call *c)
{
    struct str name;
    uint16_t ws;
    if (agent_of_path(c, &name) && call_workspace(c, &ws))
        answer_agent(c, &(struct config){ .kind = CONFIG_AGENT_GONE, .name = name }, ws);
}
