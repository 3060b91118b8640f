/* The policy over HTTP, and the keeping of what was configured: with the leader first, so that every router learns of it, and in
   the journal here; without a leader here alone, and the next leader is told. */
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "router/api.h"
#include "router/etag.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- keeping ---- */

struct keeping {
    struct router *router;
    struct http_req *req;
    struct buf packed, answer;
    bool compared; /* with If-Match: only the leader knows what is replaced */
};

static void keeping_free(struct keeping *k)
{
    buf_fini(&k->packed);
    buf_fini(&k->answer);
    free(k);
}

static void on_kept(void *ctx, enum err e, uint64_t number)
{
    struct keeping *k = ctx;
    (void)number;
    if (e) http_problem(k->req, 503, "journal-full", "it is in use, but could not be stored: send it again");
    else http_json(k->req, 200, buf_str(&k->answer));
    keeping_free(k);
}

static void keep_here(struct keeping *k)
{
    struct config c;
    struct arena arena;
    struct findings f;
    arena_init(&arena, LIM_ZMQ_MESSAGE);
    findings_init(&f);
    enum err e = record_unpack(&config_record, &c, buf_str(&k->packed), &arena);
    if (!e) e = config_keep_put(&k->router->config, &c, clock_wall_ms(), k->router->journal, on_kept, k, &f);
    if (!e && c.kind == CONFIG_POLICY) policy_tell(k->router, NULL);
    if (e == ERR_EXISTS) on_kept(k, ERR_OK, 0); /* the leader's entry was faster */
    else if (e == ERR_POLICY || e == ERR_YAML) {
        http_problem(k->req, 422, "bad-policy", "%s", f.count ? f.v[0].text : "the policy has errors");
        keeping_free(k);
    } else if (e) on_kept(k, e, 0);
    findings_fini(&f);
    arena_fini(&arena);
}

static void on_leader(void *ctx, const struct result *res)
{
    struct keeping *k = ctx;
    if (res->status >= 400 && (res->status < 500 || k->compared)) { /* the leader knows better: nothing is kept */
        answer_result(k->req, res);
        keeping_free(k);
        return;
    }
    keep_here(k);
}

void keep_config(struct call *c, const struct config *config, struct str answer)
{
    struct keeping *k = calloc(1, sizeof *k);
    struct str match = http_header(c->req, "if-match");
    struct act act;
    char versions[ETAG_LIST_TEXT] = "";
    uint16_t ws;
    if (match.n && (etag_versions(match, versions) || !versions[0])) {
        free(k);
        http_problem(c->req, 412, "precondition-failed", "If-Match names no version that could be there");
        return;
    }
    if (!k || events_workspace(&c->router->events, config->workspace, &ws)) {
        free(k);
        http_problem(c->req, 503, "overloaded", "out of memory");
        return;
    }
    k->router = c->router;
    k->req = c->req;
    buf_init(&k->packed, LIM_ZMQ_MESSAGE);
    buf_init(&k->answer, 1u << 20);
    record_pack(&k->packed, &config_record, config);
    buf_addstr(&k->answer, answer);
    call_act(c, ws, &act);
    act.kind = ACT_CONFIG;
    act.agent = config->name;
    act.body = buf_str(&k->packed);
    act.match = str_of(versions);
    k->compared = match.n && config->kind != CONFIG_POLICY;
    if (!acts_ask(&c->router->acts, ws, &act, false, router_now(c->router), on_leader, k)) return;
    if (!k->compared) {
        keep_here(k);
        return;
    }
    http_problem(c->req, 503, "not-leading", "nobody leads the workspace now, who could compare it with If-Match");
    keeping_free(k);
}

/* ---- policy ---- */

static void policy_etag(const char *version, char out[96]) { snprintf(out, 96, "\"%.80s\"", version); }

void get_policy(struct call *c)
{
    uint16_t ws;
    char etag[96], header[160];
    if (!call_workspace(c, &ws)) return;
    const struct policy *p = config_keep_policy(&c->router->config, str_of(router_workspace(c->router, ws)))->policy;
    policy_etag(p->version, etag);
    snprintf(header, sizeof header, "ETag: %s\r\n", etag);
    if (etag_none_match(http_header(c->req, "if-none-match"), str_of(etag)))
        http_answer(c->req, 304, "application/yaml", STR_NONE, header);
    else http_answer(c->req, 200, "application/yaml", p->yaml, header);
}

static void findings_array(struct jw *w, const struct findings *f)
{
    jw_key(w, "findings"), jw_open(w, '[');
    for (uint32_t i = 0; i < f->count; i++) {
        jw_open(w, '{');
        jw_key(w, "level"), jw_strz(w, f->v[i].error ? "error" : "warning");
        jw_key(w, "line"), jw_u64(w, f->v[i].line);
        jw_key(w, "column"), jw_u64(w, f->v[i].column);
        jw_key(w, "key"), jw_strz(w, f->v[i].key ? f->v[i].key : "");
        jw_key(w, "text"), jw_strz(w, f->v[i].text);
        jw_close(w, '}');
    }
    jw_close(w, ']');
}

static void refuse_policy(struct call *c, const struct findings *f)
{
    struct buf b;
    buf_init(&b, 1u << 20);
    struct jw w = jw_on(&b);
    jw_open(&w, '{');
    jw_key(&w, "type"), jw_strz(&w, "/problems/bad-policy");
    jw_key(&w, "title"), jw_strz(&w, problem_find("bad-policy")->title);
    jw_key(&w, "status"), jw_u64(&w, 422);
    jw_key(&w, "detail"), jw_strz(&w, f->count ? f->v[0].text : "the policy has errors");
    findings_array(&w, f);
    jw_close(&w, '}');
    http_answer(c->req, 422, "application/problem+json", buf_str(&b), "");
    buf_fini(&b);
}

static void good_policy(struct buf *out, const struct policy *p, const struct findings *f)
{
    struct jw w = jw_on(out);
    jw_open(&w, '{');
    jw_key(&w, "ok"), jw_bool(&w, true);
    jw_key(&w, "workspace"), jw_strz(&w, p->workspace);
    jw_key(&w, "version"), jw_strz(&w, p->version);
    findings_array(&w, f);
    jw_close(&w, '}');
}

/* May this policy replace what is there? Answers otherwise. */
static bool may_replace(struct call *c, const struct policy *p)
{
    const struct kept_config *now = config_keep_policy(&c->router->config, str_of(p->workspace));
    struct str match = http_header(c->req, "if-match"), mine = str_of(c->token->workspace);
    char etag[96] = "";
    if (!str_is(mine, "*") && !str_is(mine, p->workspace))
        return http_problem(c->req, 403, "forbidden", "the token is of another workspace"), false;
    if (now) policy_etag(now->policy->version, etag);
    if (etag_match(match, str_of(etag))) return true;
    http_problem(c->req, 412, "precondition-failed", "another version is active: %s", now ? now->policy->version : "none");
    return false;
}

static void use_policy(struct call *c, const struct policy *p, struct str answer)
{
    char source[160];
    const struct kept_config *now = config_keep_policy(&c->router->config, str_of(p->workspace));
    snprintf(source, sizeof source, "api:%s", c->token->subject);
    struct config config = { .workspace = str_of(p->workspace),
                             .kind = CONFIG_POLICY,
                             .version = str_of(p->version),
                             .at = clock_wall_ms(),
                             .source = str_of(source),
                             .body = p->yaml };
    if (now && config.at <= now->at) config.at = now->at + 1;
    log_info("workspace=%s policy=%s by=%s sent by API", p->workspace, p->version, c->token->subject);
    keep_config(c, &config, answer);
}

void post_policy(struct call *c)
{
    struct policy *p = NULL;
    struct findings f;
    struct buf answer;
    findings_init(&f);
    buf_init(&answer, 1u << 20);
    enum err e = config_keep_check(&c->router->config, http_param(c->req, "workspace"), http_body(c->req), "policy.yaml",
                                   clock_wall_ms(), &p, &f);
    metric_add(MET_POLICY_LOADS, e ? "refused" : "ok", 1);
    if (e == ERR_TOOBIG) http_problem(c->req, 413, "body-too-large", "a policy has at most %u bytes", LIM_YAML_BYTES);
    else if (e == ERR_NOMEM) http_problem(c->req, 503, "overloaded", "out of memory");
    else if (e) refuse_policy(c, &f);
    else if (may_replace(c, p)) {
        good_policy(&answer, p, &f);
        if (str_is(http_param(c->req, "check"), "1")) http_json(c->req, 200, buf_str(&answer));
        else use_policy(c, p, buf_str(&answer));
    }
    policy_unref(p);
    buf_fini(&answer);
    findings_fini(&f);
}
