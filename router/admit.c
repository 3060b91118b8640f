/* One bucket has one name: an account's, which is one's own in the whole installation, or an agent's with their workspace. Buckets
   are per router, and in tables of a fixed size (base/rate.h): nothing is allocated for a request, nothing is freed. */
#include "router/admit.h"

#include "base/log.h"
#include "base/metrics.h"
#include "router/router.h"

#include <stdio.h>

#define TELL_MS 60000u

void admit_init(struct admit *a)
{
    rate_table_init(&a->accounts);
    rate_table_init(&a->agents);
    a->told_account = a->told_agent = (struct admit_told){ 0 };
}

/* ---- telling ---- */

static bool may_tell(struct admit_told *t, uint64_t now, uint32_t *untold)
{
    if (t->at && now < t->at + TELL_MS) return t->untold++, false;
    t->at = now;
    *untold = t->untold;
    t->untold = 0;
    return true;
}

/* 500, 30000 → "500/s", as a policy writes it. */
static const char *rate_text(const struct rate *r, char out[24])
{
    bool second = r->per_minute == (uint64_t)r->burst * 60;
    snprintf(out, 24, "%u%s", r->burst, second ? "/s" : "/min");
    return out;
}

static void refused_event(struct router *r, const struct rate *most, const char *workspace, struct str name)
{
    char label[2 * 64 + 2], text[24];
    uint32_t untold;
    snprintf(label, sizeof label, "%s/%.*s", workspace, STR_FMT(name));
    metric_add(MET_ACCOUNT_REFUSED, label, 1);
    if (may_tell(&r->admit.told_account, router_now(r), &untold))
        log_warn("account=%.*s workspace=%s most=%s an event was refused for coming too fast (%u more within the last minute); "
                 "raise accounts.%.*s.most in the policy if this is its usual load",
                 STR_FMT(name), workspace, rate_text(most, text), untold, STR_FMT(name));
}

static void refused_act(struct router *r, const struct policy *p, struct str agent)
{
    char text[24];
    uint32_t untold;
    metric_add(MET_AGENT_REFUSED, p->workspace, 1);
    if (may_tell(&r->admit.told_agent, router_now(r), &untold))
        log_warn("agent=%.*s workspace=%s acts=%s an act was refused for coming too fast (%u more within the last minute); look at "
                 "the agent's program, or raise capacity.acts in the policy",
                 STR_FMT(agent), p->workspace, rate_text(&p->capacity.acts, text), untold);
}

static const struct rate none;

static void why_text(const struct rate *rate, const char *who, uint32_t wait_ms, char why[ADMIT_WHY])
{
    char text[24];
    snprintf(why, ADMIT_WHY, "%s: at most %s is taken of it (this many at once, too); come again in %u ms", who,
             rate_text(rate, text), wait_ms);
}

void admit_why_event(struct router *r, struct str account, uint32_t wait_ms, char why[ADMIT_WHY])
{
    const char *workspace;
    const struct rate *most = config_keep_most(&r->config, account, &workspace);
    char who[128];
    snprintf(who, sizeof who, "the account \"%.*s\" brings too much", STR_FMT(account));
    why_text(most ? most : &none, who, wait_ms, why);
}

void admit_why_act(struct router *r, struct str workspace, uint32_t wait_ms, char why[ADMIT_WHY])
{
    const struct kept_config *c = config_keep_policy(&r->config, workspace);
    why_text(c ? &c->policy->capacity.acts : &none, "the agent asks too much", wait_ms, why);
}

/* ---- deciding ---- */

bool admit_event(struct router *r, struct str account, bool owed, uint32_t *wait_ms)
{
    const char *workspace;
    const struct rate *most = config_keep_most(&r->config, account, &workspace);
    struct bucket *b = most ? rate_bucket(&r->admit.accounts, account, router_now(r)) : NULL;
    if (!b || bucket_take(b, most, router_now(r), wait_ms)) return true;
    if (owed) bucket_owe(b, most, router_now(r));
    else refused_event(r, most, workspace, account);
    return owed;
}

bool admit_would(struct router *r, struct str account)
{
    const char *workspace;
    const struct rate *most = config_keep_most(&r->config, account, &workspace);
    bool would = !most || !bucket_wait(rate_bucket(&r->admit.accounts, account, router_now(r)), most, router_now(r));
    if (!would) refused_event(r, most, workspace, account);
    return would;
}

bool admit_act(struct router *r, struct str workspace, struct str agent, uint32_t *wait_ms)
{
    char name[64 + 1 + 128];
    const struct kept_config *c = config_keep_policy(&r->config, workspace);
    if (!c || workspace.n > 64 || agent.n > 128) return true; /* refused elsewhere, with more to say */
    memcpy(name, workspace.p, workspace.n);
    name[workspace.n] = '/';
    memcpy(name + workspace.n + 1, agent.p, agent.n);
    struct str who = { name, workspace.n + 1 + agent.n };
    if (rate_take(&r->admit.agents, who, &c->policy->capacity.acts, router_now(r), wait_ms)) return true;
    refused_act(r, c->policy, agent);
    return false;
}
