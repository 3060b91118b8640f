/* How the router is: metrics of this process and of those that report to it, liveness, readiness. And who asks. */
#include "base/metrics.h"
#include "router/api.h"

#include <stdio.h>

void get_metrics(struct call *c)
{
    struct router *r = c->router;
    struct buf out;
    for (unsigned s = EV_ACCEPTED; s < EV_STATE_COUNT; s++)
        metric_set(MET_EVENTS_LIVE, event_state_words.v[s], (double)r->events.counts[s]);
    metric_set(MET_JOURNAL_PENDING, "", (double)journal_pending(r->journal));
    metric_set(MET_BUILD_INFO, NARU_VERSION, 1);
    buf_init(&out, 32u << 20);
    metrics_render(&out);
    if (out.err) http_problem(c->req, 503, "overloaded", "out of memory");
    else http_answer(c->req, 200, "text/plain; version=0.0.4; charset=utf-8", buf_str(&out), "");
    buf_fini(&out);
}

void get_health(struct call *c)
{
    if (!c->router->failed && journal_healthy(c->router->journal)) http_json(c->req, 200, STR("{\"healthy\":true}"));
    else http_answer(c->req, 503, "application/json", STR("{\"healthy\":false,\"missing\":[\"journal\"]}"), "Retry-After: 1\r\n");
}

/* Every workspace that has a policy has a leader. */
static bool all_led(struct router *r)
{
    for (uint32_t i = 0; i < r->config.policy_count; i++) {
        uint16_t ws;
        if (events_workspace(&r->events, str_of(r->config.policies[i]->policy->workspace), &ws) || !leader_is_there(r, ws))
            return false;
    }
    return true;
}

/* Does a leader report that its Redis is away? Its snapshot is among the metrics that are told here. */
static bool redis_up(void)
{
    static const char family[] = "\nnaru_redis_up{";
    struct buf out;
    bool up = true;
    buf_init(&out, 32u << 20);
    metrics_render(&out);
    const char *text = buf_cstr(&out), *at = text;
    while (up && (at = strstr(at, family))) {
        at += sizeof family - 1;
        const char *end = strchr(at, '\n');
        if (end && end - at >= 2 && end[-1] == '0' && end[-2] == ' ') up = false;
    }
    buf_fini(&out);
    return up;
}

void get_ready(struct call *c)
{
    struct router *r = c->router;
    const struct {
        const char *name;
        bool there;
    } parts[] = {
        { "journal", !r->failed && journal_healthy(r->journal) },
        { "policy", r->config.policy_count > 0 },
        { "triage", dispatch_has_worker(&r->dispatch) },
        { "leader", all_led(r) },
        { "redis", redis_up() },
    };
    bool ready = !r->stopping;
    struct buf *b = &r->text;
    buf_clear(b);
    struct jw w = jw_on(b);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) ready &= parts[i].there;
    jw_open(&w, '{');
    jw_key(&w, "ready"), jw_bool(&w, ready);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) jw_key(&w, parts[i].name), jw_bool(&w, parts[i].there);
    jw_key(&w, "missing"), jw_open(&w, '[');
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!parts[i].there) jw_strz(&w, parts[i].name);
    }
    jw_close(&w, ']');
    if (r->old_policy) jw_key(&w, "note"), jw_strz(&w, r->old_policy);
    jw_close(&w, '}');
    http_answer(c->req, ready ? 200 : 503, "application/json", buf_str(b), ready ? "" : "Retry-After: 1\r\n");
}

/* Whose the token is, what it may do, and where. */
void get_me(struct call *c)
{
    struct buf *b = &c->router->text;
    buf_clear(b);
    struct jw w = jw_on(b);
    jw_open(&w, '{');
    jw_key(&w, "role"), jw_strz(&w, token_role_names[c->token->role]);
    jw_key(&w, "subject"), jw_strz(&w, c->token->subject);
    jw_key(&w, "workspace"), jw_strz(&w, c->token->workspace);
    jw_key(&w, "workspaces"), jw_open(&w, '[');
    for (uint32_t i = 0; i < c->router->config.policy_count; i++) {
        const char *name = c->router->config.policies[i]->policy->workspace;
        if (!strcmp(c->token->workspace, "*") || !strcmp(c->token->workspace, name)) jw_strz(&w, name);
    }
    jw_close(&w, ']');
    jw_key(&w, "naru"), jw_strz(&w, NARU_VERSION);
    jw_key(&w, "router"), jw_strz(&w, c->router->opts.name);
    jw_close(&w, '}');
    if (b->err) http_problem(c->req, 503, "overloaded", "out of memory");
    else http_answer(c->req, 200, "application/json", buf_str(b), "Cache-Control: no-store\r\n");
}

/* What a problem's `type` leads to. */
void get_problem(struct call *c)
{
    char type[65], body[256];
    snprintf(type, sizeof type, "%.*s", STR_FMT(c->arg[0]));
    const struct problem_row *row = problem_find(type);
    if (!row) {
        http_problem(c->req, 404, "not-found", "there is no problem of this type");
        return;
    }
    int n = snprintf(body, sizeof body, "{\"type\":\"/problems/%s\",\"title\":\"%s\",\"status\":%u}", row->type, row->title,
                     row->status);
    http_json(c->req, 200, (struct str){ body, (size_t)n });
}
