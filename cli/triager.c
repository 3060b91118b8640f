#include "cli/triager.h"

#include "base/clock.h"

#include <stdio.h>

#define ARENA (4u << 20) /* of one verdict */

static enum err complain(const char *who, const char *what, const char *why)
{
    fprintf(stderr, "naru %s: %s: %s\n", who, what, why);
    return ERR_USAGE;
}

/* Errors only: what is merely remarkable is for `naru check`. */
static enum err load(struct triager *t, const char *who, const char *path)
{
    struct findings f;
    struct buf said;

    findings_init(&f);
    buf_init(&said, 4u << 20);
    enum err e = policy_load_file(&t->policy, path, t->now, &f);
    if (e && f.errors) findings_text(&f, path, &said), fputs(buf_cstr(&said), stderr);
    if (e) complain(who, path, f.errors ? "the policy has errors" : err_text(e));
    findings_fini(&f);
    buf_fini(&said);
    return e ? ERR_USAGE : ERR_OK;
}

static enum err read_time(struct triager *t, const char *who, const char *at)
{
    t->now = clock_wall_ms();
    if (!at || clock_parse(at, strlen(at), &t->now) == 0) return ERR_OK;
    return complain(who, "--at", "a time is written 2026-03-02T10:00:00+09:00");
}

/* A missing model is no error: the rest of the verdict can be judged without. */
static void tell_model(void *ctx, enum model_kind kind, const char *name, const char *why)
{
    fprintf(stderr, "naru %s: the %s model %s is passed over: %s\n", (const char *)ctx, model_kind_words.v[kind], name, why);
}

/* Which channel and account messages come in by. */
static enum err set_door(struct triager *t, const char *who, const struct triager_opts *o)
{
    const struct policy *p = t->policy;
    int account = p->account_count ? 0 : -1;
    const char *names[64];
    size_t n = 0;

    for (uint32_t i = 0; i < p->account_count && n < 64; i++) names[n++] = p->accounts[i].name;
    if (o->account && (account = policy_account(p, str_of(o->account))) < 0) {
        const char *near = str_nearest(str_of(o->account), names, n);
        fprintf(stderr, "naru %s: --account %s: the policy has no such account%s%s%s\n", who, o->account,
                near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
        return ERR_USAGE;
    }
    const char *channel = account < 0 ? "webchat" : p->channels[p->accounts[account].channel].name;
    t->blank = (struct event){ .kind = EVENT_MESSAGE,
                               .workspace = str_of(p->workspace),
                               .account = str_of(account < 0 ? "" : p->accounts[account].name),
                               .channel = str_of(o->channel ? o->channel : channel),
                               .conversation = STR("naru"),
                               .external = STR("naru"),
                               .received = t->now };
    return ERR_OK;
}

enum err triager_init(struct triager *t, const char *who, const struct triager_opts *o)
{
    char why[200] = "";

    *t = (struct triager){ .now = 0 };
    arena_init(&t->arena, ARENA);
    enum err e = read_time(t, who, o->at);
    if (!e) e = load(t, who, o->policy);
    if (!e) e = set_door(t, who, o);
    if (e) return e;
    static const struct models_place nowhere;
    models_open(&t->models, t->policy, &nowhere, NULL, tell_model, (void *)(uintptr_t)who);
    e = rules_new(&t->rules, t->policy, why);
    if (!e) e = scratch_new(&t->scratch);
    if (!e) e = scratch_fit(t->scratch, t->rules);
    return e ? complain(who, o->policy, *why ? why : err_text(e)) : ERR_OK;
}

void triager_fini(struct triager *t)
{
    rules_free(t->rules);
    models_fini(&t->models);
    policy_unref(t->policy);
    scratch_free(t->scratch);
    arena_fini(&t->arena);
}

enum err triager_ask(struct triager *t, const struct event *e)
{
    arena_clear(&t->arena);
    return verdict_make(t->rules, &t->models, t->scratch, e, NULL, t->now, &t->v, &t->arena);
}
