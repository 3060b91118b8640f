/* Which bots there are, and who serves them.

   A bot is in `by_key` while the configuration names it with a webhook (policies, and agents made by API, which count more); it is
   made and dropped by `reconcile` when the configuration has changed. One that is named no more stays until the acts that are under
   way with it have ended.

   The leader's session decides who serves: ACT_CONNECT gives a new one, and whoever had the older one finds that out when he looks
   next (ACT_AGENT, every LOOK_MS) and stands down without a word. A router connects a bot only when a look has shown that nobody is
   connected for it, and a router of a higher number looks a little later, so that two do not take it from each other: whoever
   serves a bot goes on serving it, and another takes over within LOOK_MS of the leader's seeing that router gone. A leader that
   begins anew is told by who serves at once, and asked by the others only after QUIET_MS. */
#include "router/bots.h"

#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/openssl.h"
#include "router/bot_impl.h"
#include "router/router.h"

#include <stdio.h>
#include <stdlib.h>

#define LOOK_MS   5000u  /* also the heartbeat: a lease lasts several */
#define QUIET_MS  15000u /* after a new leader */
#define STEP_MS   300u   /* a look's delay for each router of a lower number, at most LOOK_MS */
#define MISSED_MS 30000u /* away(missed) for so long, then available again */

/* ---- acts ---- */

void bot_act(const struct bot *b, struct act *act, enum act_kind kind)
{
    *act = (struct act){ .workspace = str_of(router_workspace(b->router, b->workspace)),
                         .kind = kind,
                         .agent = bot_name(b),
                         .session = b->session,
                         .router = b->router->number,
                         .actor = bot_name(b) };
}

static void bot_free(struct bot *b)
{
    bot_tickets_fini(b);
    OPENSSL_cleanse(b->secret, sizeof b->secret);
    free(b->url);
    free(b);
}

static bool bot_gone(struct bot *b)
{
    if (b->named || b->refs) return false;
    map_del(&b->router->bots.by_key, (struct str){ b->key, b->key_n });
    bot_free(b);
    return true;
}

/* ---- who serves it ---- */

static void stand_down(struct bot *b, const char *why)
{
    if (!b->serving) return;
    log_info("bot=%.*s workspace=%s session=%llu is not served here any more: %s", STR_FMT(bot_name(b)),
             router_workspace(b->router, b->workspace), (unsigned long long)b->session, why);
    b->serving = false;
    b->missed_at = 0;
    bot_tickets_drop(b);
}

static void nobody(void *ctx, const struct result *r) { (void)ctx, (void)r; }

static void say_available(struct bot *b)
{
    struct act act;
    bot_act(b, &act, ACT_PRESENCE);
    act.presence = PRES_AVAILABLE;
    (void)acts_ask(&b->router->acts, b->workspace, &act, true, router_now(b->router), nobody, NULL);
}

/* Away by somebody's word stays away; away because offers were missed, or never there: available. */
static bool may_return(const struct json *agent)
{
    struct str presence = json_str(json_get(agent, "presence")), reason = json_str(json_get(agent, "reason"));
    return str_is(presence, "offline") || (str_is(presence, "away") && str_is(reason, "missed"));
}

static void on_connected(void *ctx, const struct result *res)
{
    struct bot *b = ctx;
    struct json *doc = NULL;
    const char *why;
    size_t at;
    b->refs--;
    b->asking = false;
    if (bot_gone(b)) return;
    if (res->status >= 300) {
        log_warn("bot=%.*s cannot be connected: %.*s", STR_FMT(bot_name(b)), STR_FMT(res->detail));
        stand_down(b, "refused");
        return;
    }
    if (!b->serving || b->session != res->session)
        log_info("bot=%.*s workspace=%s session=%llu is served here", STR_FMT(bot_name(b)),
                 router_workspace(b->router, b->workspace), (unsigned long long)res->session);
    b->serving = true;
    b->session = res->session;
    b->look_at = router_now(b->router) + LOOK_MS;
    if (!json_parse(&doc, res->body, LIM_JSON_DEPTH, &at, &why) && may_return(doc)) say_available(b);
    json_free(doc);
}

static void ask(struct bot *b, enum act_kind kind, act_fn *fn)
{
    struct act act;
    bot_act(b, &act, kind);
    if (b->asking || acts_ask(&b->router->acts, b->workspace, &act, false, router_now(b->router), fn, b)) return;
    b->asking = true;
    b->refs++;
}

/* What the leader says of the agent: ours, somebody else's, or nobody's. */
static void seen(struct bot *b, const struct json *agent)
{
    uint64_t session = 0, now = router_now(b->router);
    bool connected = json_bool(json_get(agent, "connected"));
    (void)json_is_u64(json_get(agent, "session"), &session);
    if (b->serving && session != b->session) stand_down(b, "another connection speaks for it");
    if (!b->serving && !connected) {
        ask(b, ACT_CONNECT, on_connected);
        return;
    }
    if (!b->serving) return;
    if (!may_return(agent)) b->missed_at = 0;
    else if (!b->missed_at) b->missed_at = now;
    else if (now - b->missed_at >= MISSED_MS) b->missed_at = 0, say_available(b);
}

static void on_seen(void *ctx, const struct result *res)
{
    struct bot *b = ctx;
    struct json *doc = NULL;
    const char *why;
    size_t at;
    b->refs--;
    b->asking = false;
    if (bot_gone(b)) return;
    b->looked = true;
    if (res->status < 300 && !json_parse(&doc, res->body, LIM_JSON_DEPTH, &at, &why)) seen(b, doc);
    json_free(doc);
}

static void beat(struct bot *b)
{
    struct act act;
    struct router *r = b->router;
    bot_act(b, &act, ACT_HEARTBEAT);
    buf_clear(&r->packed);
    record_pack(&r->packed, &act_record, &act);
    if (!r->packed.err) (void)leader_send_act(r, b->workspace, buf_str(&r->packed));
}

static uint64_t politeness(const struct router *r)
{
    uint64_t ms = (uint64_t)r->number * STEP_MS;
    return ms < LOOK_MS ? ms : LOOK_MS;
}

void bots_resume(struct router *r, uint16_t workspace)
{
    struct bot *b;
    for (size_t i = 0; (b = map_next(&r->bots.by_key, &i));) {
        if (b->workspace != workspace) continue;
        if (b->serving) ask(b, ACT_CONNECT, on_connected);
        else if (b->looked) b->look_at = router_now(r) + QUIET_MS + politeness(r);
    }
}

/* ---- which there are ---- */

static bool read_secret(struct bot *b, const char *where)
{
    enum err e = where ? secret_read(where, b->secret, &b->secret_n) : ERR_OK;
    if (!where) b->secret_n = 0;
    if (e)
        log_error("bot=%.*s is not served: its secret %s cannot be read (%s); put it there and send SIGHUP", STR_FMT(bot_name(b)),
                  where, err_text(e));
    return !e;
}

static struct bot *bot_at(struct router *r, const struct bot *probe)
{
    struct bot *b = map_get(&r->bots.by_key, (struct str){ probe->key, probe->key_n });
    if (b || !(b = malloc(sizeof *b))) return b;
    *b = *probe;
    map_init(&b->tickets, LIM_BOT_TICKETS);
    if (!map_put(&r->bots.by_key, (struct str){ b->key, b->key_n }, b)) return b;
    bot_free(b);
    return NULL;
}

static void take_spec(struct router *r, uint16_t workspace, const struct agent_spec *spec)
{
    struct bot probe = { .router = r, .workspace = workspace };
    struct str name = str_of(spec->name);
    if (!spec->bot || !spec->bot_rules.webhook || !name.n || name.n > 128) return;
    memcpy(probe.key, &workspace, 2);
    memcpy(probe.key + 2, name.p, name.n);
    probe.key_n = (uint32_t)name.n + 2;
    struct bot *b = bot_at(r, &probe);
    char *url = strdup(spec->bot_rules.webhook);
    if (!b || !url) {
        log_error("bot=%s is not served: too many bots, or out of memory", spec->name);
        free(url);
        return;
    }
    free(b->url);
    b->url = url;
    b->within_ms = spec->bot_rules.within_ms;
    b->below = spec->bot_rules.below;
    b->ready = read_secret(b, spec->bot_rules.secret);
    b->named = b->ready;
}

/* By API: it takes the place of the policy's agent of that name, or says that there is none. */
static const struct kept_config *by_api(const struct router *r, struct str workspace, struct str name, struct config *c,
                                        struct arena *a)
{
    const struct kept_config *k;
    for (size_t i = 0; (k = config_keep_next(&r->config, &i));) {
        if (k->kind != CONFIG_AGENT && k->kind != CONFIG_AGENT_GONE) continue;
        if (record_unpack(&config_record, c, (struct str){ k->packed, k->packed_n }, a)) continue;
        if (str_eq(c->workspace, workspace) && str_eq(c->name, name)) return k;
    }
    return NULL;
}

static void take_policy(struct router *r, const struct policy *p, struct arena *a)
{
    struct config c;
    uint16_t ws;
    if (events_workspace(&r->events, str_of(p->workspace), &ws)) return;
    for (uint32_t i = 0; i < p->agent_count; i++) {
        if (!p->agents[i].bot || by_api(r, str_of(p->workspace), str_of(p->agents[i].name), &c, a)) continue;
        take_spec(r, ws, &p->agents[i]);
    }
}

static void take_agents(struct router *r, struct arena *a)
{
    const struct kept_config *k;
    struct agent_spec spec;
    struct config c;
    char why[200];
    uint16_t ws;
    for (size_t i = 0; (k = config_keep_next(&r->config, &i));) {
        arena_clear(a);
        if (k->kind != CONFIG_AGENT || record_unpack(&config_record, &c, (struct str){ k->packed, k->packed_n }, a)) continue;
        const struct kept_config *p = config_keep_policy(&r->config, c.workspace);
        if (!memmem(c.body.p, c.body.n, "webhook", 7) || !p || events_workspace(&r->events, c.workspace, &ws)) continue;
        if (!policy_agent(p->policy, c.name, c.body, &spec, a, why)) take_spec(r, ws, &spec);
    }
}

/* Those that are named no more leave; a bot that begins is looked at politely. */
static void sort_out(struct router *r, uint64_t now)
{
    struct bot *b;
    bool again = true;
    while (again) { /* nothing may be deleted while walking */
        again = false;
        for (size_t i = 0; !again && (b = map_next(&r->bots.by_key, &i));) {
            if (b->named && !b->look_at) b->look_at = now + politeness(r);
            if (b->named) continue;
            if (b->serving) {
                struct act act;
                bot_act(b, &act, ACT_DISCONNECT);
                (void)acts_ask(&r->acts, b->workspace, &act, false, now, nobody, NULL);
                stand_down(b, "the policy names it no more");
            }
            again = bot_gone(b);
        }
    }
}

static void reconcile(struct router *r, uint64_t now)
{
    struct arena a;
    struct bot *b;
    arena_init(&a, 4u << 20);
    for (size_t i = 0; (b = map_next(&r->bots.by_key, &i));) b->named = false;
    for (uint32_t i = 0; i < r->config.policy_count; i++) {
        arena_clear(&a);
        take_policy(r, r->config.policies[i]->policy, &a);
    }
    take_agents(r, &a);
    sort_out(r, now);
    arena_fini(&a);
}

/* ---- the router's words ---- */

enum err bots_init(struct router *r)
{
    map_init(&r->bots.by_key, LIM_AGENTS);
    return http_out_open(&r->bots.out, &r->loop);
}

void bots_close(struct router *r)
{
    struct bot *b;
    for (size_t i = 0; (b = map_next(&r->bots.by_key, &i));) {
        b->serving = false; /* the leader sees that this router is gone */
        bot_tickets_drop(b);
    }
    http_out_close(r->bots.out);
}

void bots_fini(struct router *r)
{
    struct bot *b;
    for (size_t i = 0; (b = map_next(&r->bots.by_key, &i));) bot_free(b);
    map_fini(&r->bots.by_key);
    http_out_free(r->bots.out);
}

void bots_offer(struct router *r, const struct offer *o)
{
    uint16_t ws;
    char key[2 + 128];
    if (!r->bots.by_key.count || !o->agent.n || o->agent.n > 128 || events_workspace(&r->events, o->workspace, &ws)) return;
    memcpy(key, &ws, 2);
    memcpy(key + 2, o->agent.p, o->agent.n);
    struct bot *b = map_get(&r->bots.by_key, (struct str){ key, o->agent.n + 2 });
    if (b && b->serving && b->named && o->session == b->session) bot_tickets_offer(b, o);
}

void bots_reload(struct router *r) { r->bots.reread = true; }

void bots_tick(struct router *r, uint64_t now)
{
    struct bot *b;
    uint32_t serving = 0, leaving = 0;
    if (r->bots.reread || r->bots.seen != r->config.changes) reconcile(r, now);
    r->bots.reread = false;
    r->bots.seen = r->config.changes;
    for (size_t i = 0; (b = map_next(&r->bots.by_key, &i));) {
        serving += b->serving;
        if (b->serving) bot_tickets_tick(b, now);
        leaving += !b->named;
        if (!b->named || now < b->look_at) continue;
        b->look_at = now + LOOK_MS;
        if (b->serving) beat(b);
        ask(b, ACT_AGENT, on_seen);
    }
    if (leaving) sort_out(r, now);
    metric_set(MET_BOTS, "", serving);
}
