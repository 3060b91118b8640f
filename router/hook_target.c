/* What policies say of listeners. A target is made when a policy names its listener first and belongs to it (listener.own); when
   the policies or, by SIGHUP, the secrets change, all are read again. A listener that no policy names any more loses what it waits
   for; a target's addresses in memory stay, for a request may be under way.

   A policy of another version is another chance: for who said that it is gone, and for who failed. */
#include "router/hook_target.h"

#include "base/log.h"
#include "base/openssl.h"
#include "router/router.h"

#include <stdio.h>
#include <stdlib.h>

enum hook_state hooks_state(const struct listener *l)
{
    if (!hook_target_of(l)->readable) return HOOK_NO_SECRET;
    if (l->gone) return HOOK_GONE;
    return l->breaker.state == BREAKER_OPEN ? HOOK_PROBED : HOOK_TOLD;
}

const char *hooks_url(const struct listener *l) { return hook_target_of(l)->url; }

static struct str gone_key(const struct listener *l, char out[160])
{
    int n = snprintf(out, 160, "hook-gone:%s:%s", l->workspace, l->name);
    return (struct str){ out, (size_t)n };
}

static void read_secrets(struct hook_target *t, const struct webhook *w)
{
    t->secrets = 0;
    for (uint32_t i = 0; i < w->secrets.count && i < 2; i++) {
        enum err e = secret_read(w->secrets.v[i], t->secret[t->secrets], &t->secret_n[t->secrets]);
        if (!e) t->secrets++;
        else
            log_error("webhook=%s its secret %s cannot be read (%s); put it there and send SIGHUP", t->label, w->secrets.v[i],
                      err_text(e));
    }
    t->readable = t->secrets > 0;
}

static char *joined(const struct words_list *lines)
{
    struct buf b;
    buf_init(&b, 1u << 20);
    for (uint32_t i = 0; i < lines->count; i++) buf_addf(&b, "%s\n", lines->v[i]);
    char *text = strdup(buf_cstr(&b));
    buf_fini(&b);
    return text;
}

static struct hook_target *target_new(struct router *r, struct listener *l)
{
    struct hook_target *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->router = r;
    t->listener = l;
    snprintf(t->label, sizeof t->label, "%s/%s", l->workspace, l->name);
    return l->own = t;
}

/* Another policy is another chance: for who said that it is gone, and for who failed. */
static void begin_anew(struct router *r, struct hook_target *t, const struct policy *p)
{
    struct listener *l = t->listener;
    char key[160];
    l->breaker = (struct breaker){ .state = BREAKER_CLOSED };
    l->paused_until = 0;
    l->gone = str_is(journal_meta(r->journal, gone_key(l, key)), p->version);
    snprintf(t->version, sizeof t->version, "%s", p->version);
}

static bool take_webhook(struct router *r, const struct policy *p, const struct webhook *w)
{
    struct listener *l = hookbox_listener(&r->hooks.box, str_of(p->workspace), str_of(w->name));
    struct hook_target *t = !l ? NULL : l->own ? l->own : target_new(r, l);
    char *url = strdup(w->url), *headers = joined(&w->headers);
    if (!t || !url || !headers) {
        log_error("webhook=%s/%s is not told: too many webhooks, or out of memory", p->workspace, w->name);
        free(url);
        free(headers);
        return false;
    }
    free(t->url);
    free(t->headers);
    t->url = url;
    t->headers = headers;
    t->kinds = w->kinds;
    t->within_ms = w->within_ms;
    t->in_private = w->in_private;
    l->named = true;
    l->at_once = w->at_once;
    l->give_up_ms = w->give_up_ms;
    read_secrets(t, w);
    if (strcmp(t->version, p->version) != 0) begin_anew(r, t, p);
    return true;
}

static void take_policy(struct router *r, const struct policy *p)
{
    struct hook_wants *want;
    uint16_t ws;
    if (events_workspace(&r->events, str_of(p->workspace), &ws) || r->hooks.wants[ws]) return;
    if (!p->webhook_count || !(want = calloc(1, sizeof *want))) return;
    r->hooks.wants[ws] = want;
    for (uint32_t i = 0; i < p->webhook_count; i++) {
        if (!take_webhook(r, p, &p->webhooks[i])) continue;
        want->v[want->count++] = hookbox_listener(&r->hooks.box, str_of(p->workspace), str_of(p->webhooks[i].name));
        want->kinds |= p->webhooks[i].kinds;
    }
}

void hook_targets_read(struct router *r)
{
    struct hookbox *b = &r->hooks.box;
    for (uint32_t i = 0; i < b->count; i++) b->v[i]->named = false;
    for (uint32_t i = 0; i < EVENTS_WORKSPACES; i++) {
        free(r->hooks.wants[i]);
        r->hooks.wants[i] = NULL;
    }
    for (uint32_t i = 0; i < r->config.policy_count; i++) take_policy(r, r->config.policies[i]->policy);
    for (uint32_t i = 0; i < b->count; i++) {
        struct listener *l = b->v[i];
        if (l->named) continue;
        if (l->backlog || l->dead)
            log_warn("webhook=%s/%s no policy names it any more: %u changes and %u dead letters are dropped", l->workspace, l->name,
                     l->backlog, l->dead);
        hookbox_forget(l);
    }
    r->hooks.seen = r->config.changes;
    r->hooks.reread = false;
}

void hook_targets_look(struct router *r)
{
    if (r->hooks.reread || r->hooks.seen != r->config.changes) hook_targets_read(r);
}

void hooks_reload(struct router *r) { r->hooks.reread = true; }

struct listener *hooks_find(struct router *r, struct str workspace, struct str name)
{
    struct hookbox *b = &r->hooks.box;
    hook_targets_look(r);
    for (uint32_t i = 0; i < b->count; i++) {
        struct listener *l = b->v[i];
        if (l->named && str_is(name, l->name) && str_is(workspace, l->workspace)) return l;
    }
    return NULL;
}

void hook_target_gone(struct hook_target *t)
{
    char key[160];
    (void)journal_set_meta(t->router->journal, gone_key(t->listener, key), str_of(t->version));
}

static void target_free(struct hook_target *t)
{
    if (!t) return;
    OPENSSL_cleanse(t->secret, sizeof t->secret);
    free(t->url);
    free(t->headers);
    free(t);
}

void hook_targets_fini(struct router *r)
{
    struct hooks *k = &r->hooks;
    for (uint32_t i = 0; i < k->box.count; i++) target_free(k->box.v[i]->own);
    for (uint32_t i = 0; k->wants && i < EVENTS_WORKSPACES; i++) free(k->wants[i]);
    free(k->wants);
}
