/* What joins the outbox (hook_box.c) to the journal, to libcurl and to the policies.

   A change on its way: hooks_keep makes its row and remembers it; leader.c appends it; hooks_landed lets it into its lanes. A told
   that hookbox_next gave is either on its way (libcurl will call on_sent), or being read from the journal (on_read), and stands
   still in memory until then, whatever becomes of its listener.

   A hook_target is what a policy says of a listener; it lives as long as the listener, and is filled anew when policies change. */
#include "router/hooks.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/openssl.h"
#include "router/hook_event.h"
#include "router/http_out.h"
#include "router/router.h"
#include "router/secret.h"
#include "router/sign.h"
#include "router/trace.h"

#include <stdio.h>
#include <stdlib.h>

#define ROW_MOST 160000u /* an entry with its detail, and some facts */

const char *const hook_state_words[HOOK_STATE_COUNT] = { "on", "failing", "gone", "no-secret" };

struct hook_wants { /* of one workspace */
    uint64_t kinds; /* of any of them */
    uint32_t count;
    struct listener *v[LIM_WEBHOOKS];
};
struct hook_target {
    struct router *router;
    struct listener *listener;
    char *url, *headers;
    char version[72], label[132]; /* label: "WORKSPACE/NAME" */
    uint64_t kinds;
    uint32_t within_ms;
    bool in_private, readable;
    uint32_t secrets;
    char secret[2][SECRET_MAX];
    size_t secret_n[2];
    uint64_t told_dropped; /* of listener.dropped, what the metrics know */
};

static struct hook_target *target_of(const struct listener *l) { return l->own; }

enum hook_state hooks_state(const struct listener *l)
{
    if (!target_of(l)->readable) return HOOK_NO_SECRET;
    if (l->gone) return HOOK_GONE;
    return l->breaker.state == BREAKER_OPEN ? HOOK_PROBED : HOOK_TOLD;
}

const char *hooks_url(const struct listener *l) { return target_of(l)->url; }

/* ---- what policies say ---- */

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

static void reconcile(struct router *r)
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

static void look_at_policies(struct router *r)
{
    if (r->hooks.reread || r->hooks.seen != r->config.changes) reconcile(r);
}

void hooks_reload(struct router *r) { r->hooks.reread = true; }

struct listener *hooks_find(struct router *r, struct str workspace, struct str name)
{
    struct hookbox *b = &r->hooks.box;
    look_at_policies(r);
    for (uint32_t i = 0; i < b->count; i++) {
        struct listener *l = b->v[i];
        if (l->named && str_is(name, l->name) && str_is(workspace, l->workspace)) return l;
    }
    return NULL;
}

/* ---- coming in ---- */

/* A ticket's changes are told by its home, where its lane is, also when another router took the event. */
static bool is_teller(const struct router *r, const struct entry *en)
{
    return r->number == (id_is_none(&en->ticket) ? en->home : id_home(&en->ticket));
}

static uint32_t who_wants(struct router *r, uint16_t workspace, const struct entry *en, struct listener *out[], struct tag names[])
{
    const struct hook_wants *w = r->hooks.wants[workspace];
    uint32_t count = 0;
    if (!w || en->kind >= 64 || !(w->kinds >> en->kind & 1) || !is_teller(r, en)) return 0;
    if (en->kind == ENTRY_CONFIG && !en->agent.n) return 0; /* a policy */
    for (uint32_t i = 0; i < w->count; i++) {
        if (!(target_of(w->v[i])->kinds >> en->kind & 1)) continue;
        names[count].name = str_of(w->v[i]->name);
        out[count++] = w->v[i];
    }
    return count;
}

/* What this router knows of the ticket now, before the entry changes it. */
static void add_facts(struct router *r, const struct entry *en, struct hook_row *row)
{
    struct arena *a = &r->hooks.scratch;
    bool own;
    const struct kept_event *e = events_about(&r->events, en, &own);
    bool judged = en->kind == ENTRY_OPENED || en->kind == ENTRY_JOINED;
    struct event event;
    struct verdict verdict;
    if (!e || !e->packed || record_unpack(&event_record, &event, (struct str){ e->packed, e->packed_n }, a)) return;
    judged = judged && own && e->verdict && !record_unpack(&verdict_record, &verdict, (struct str){ e->verdict, e->verdict_n }, a);
    hook_row_facts(row, &event, own, judged ? &verdict : NULL);
}

/* Those for whom there was room. */
static struct list names_of(const struct hook *h, struct tag names[])
{
    for (uint8_t i = 0; i < h->count; i++) names[i].name = str_of(h->told[i].to->name);
    return (struct list){ names, h->count };
}

static enum err make_row(struct router *r, const struct entry *en, struct hook *h, struct str *out)
{
    struct hooks *k = &r->hooks;
    struct tag names[LIM_WEBHOOKS];
    struct hook_row row = { .entry = *en, .to = names_of(h, names) };
    if (en->kind == ENTRY_CONFIG) row.entry.detail = STR_NONE;
    add_facts(r, en, &row);
    buf_clear(&k->row);
    record_pack_short(&k->row, &hook_row_record, &row);
    if (k->row.err) return k->row.err;
    *out = buf_str(&k->row);
    hookbox_body(&k->box, h, *out);
    return ERR_OK;
}

enum err hooks_keep(struct router *r, uint16_t workspace, const struct entry *en, struct hook **out, struct str *row)
{
    struct hooks *k = &r->hooks;
    struct listener *to[LIM_WEBHOOKS];
    struct tag names[LIM_WEBHOOKS];
    char subject[160];
    *out = NULL;
    look_at_policies(r);
    uint32_t count = who_wants(r, workspace, en, to, names);
    if (!count) return ERR_OK;
    struct hook_new n = { .id = hook_id(en),
                          .epoch = en->epoch,
                          .seq = en->seq,
                          .at = en->at,
                          .subject = hook_subject(en, subject),
                          .to = to,
                          .count = count };
    struct hook *h;
    enum err e = hookbox_add(&k->box, &n, &h);
    if (e == ERR_EXISTS) return h->landed ? ERR_OK : ERR_BUSY; /* told twice: its row is there, or on its way */
    if (e == ERR_FULL) return ERR_OK;                          /* counted there */
    if (e) return e;
    arena_clear(&k->scratch);
    e = make_row(r, en, h, row);
    if (e) hookbox_failed(&k->box, h);
    else *out = h;
    return e;
}

void hooks_landed(struct router *r, const struct id *id, uint64_t row)
{
    struct hook *h = idmap_get(&r->hooks.box.hooks, id);
    if (!h || h->landed) return;
    hookbox_landed(&r->hooks.box, h, row);
    metric_add(MET_HOOKS, "kept", 1);
}

void hooks_failed(struct router *r, const struct id *id)
{
    struct hook *h = idmap_get(&r->hooks.box.hooks, id);
    if (h && !h->landed) hookbox_failed(&r->hooks.box, h);
}

enum err hooks_row(struct router *r, uint64_t number, enum row_kind kind, const struct id *id, struct str body)
{
    struct hooks *k = &r->hooks;
    struct hook_row row;
    struct hook_end end;
    char subject[160];
    arena_clear(&k->scratch);
    enum err e = kind == ROW_HOOK ? record_unpack(&hook_row_record, &row, body, &k->scratch)
                                  : record_unpack(&hook_end_record, &end, body, &k->scratch);
    if (e) return e;
    if (kind == ROW_HOOK_END) return hookbox_row_end(&k->box, number, id, &end);
    return hookbox_row(&k->box, number, id, &row, hook_subject(&row.entry, subject));
}

/* ---- leaving ---- */

/* Standard Webhooks: one signature for each live secret. */
static enum err sign(const struct hook_target *t, struct buf *headers, struct str id, uint64_t now, struct str body)
{
    char mac[SIGN_STANDARD];
    enum err e = ERR_OK;
    buf_clear(headers);
    buf_addf(headers, "Content-Type: application/cloudevents+json\nwebhook-id: %.*s\nwebhook-timestamp: %llu\n", STR_FMT(id),
             (unsigned long long)(now / 1000));
    buf_addz(headers, "webhook-signature: ");
    for (uint32_t i = 0; i < t->secrets && !e; i++) {
        e = sign_standard(mac, (struct str){ t->secret[i], t->secret_n[i] }, id, now / 1000, body);
        buf_addf(headers, "%s%s", i ? " " : "", mac);
    }
    buf_addf(headers, "\n%s", t->headers);
    return e ? e : headers->err;
}

/* `ticket`: the one concerned, as far as it is known here; its trace goes on. */
static enum err post(struct hook_target *t, const struct id *id, const struct kept_ticket *ticket, struct str body, out_fn *fn,
                     void *ctx)
{
    struct hooks *k = &t->router->hooks;
    char text[ID_TEXT + 1];
    uint64_t now = clock_wall_ms();
    enum err e = sign(t, &k->headers, (struct str){ id_text(id, text), ID_TEXT }, now, body);
    trace_header(&k->headers, ticket);
    if (!e) e = k->headers.err;
    struct out_ask ask = { .url = t->url,
                           .headers = buf_str(&k->headers),
                           .body = body,
                           .public_only = !t->in_private,
                           .within_ms = t->within_ms,
                           .now = now };
    return e ? e : http_out_post(k->out, &ask, fn, ctx, NULL);
}

static void tell_end(const struct hook_target *t, const struct hook *h, const struct hook_result *res, bool opened, bool died)
{
    const struct listener *l = t->listener;
    char id[ID_TEXT + 1], key[160];
    if (!res->good)
        log_debug("webhook=%s id=%s failed how=%s status=%u", t->label, id_text(&h->id, id), out_end_words[res->end], res->status);
    if (opened)
        log_warn("webhook=%s has failed %u times in a row (%s, status %u): it is probed until it answers", t->label,
                 l->breaker.failures, out_end_words[res->end], res->status);
    if (died) {
        metric_add(MET_HOOKS, "dead", 1);
        log_warn("webhook=%s id=%s is given up after its time; see naru webhooks dead", t->label, id_text(&h->id, id));
    }
    if (!res->gone) return;
    log_warn("webhook=%s answered 410 Gone: nothing more is sent until the policy changes", t->label);
    (void)journal_set_meta(t->router->journal, gone_key(l, key), str_of(t->version));
}

static void finish(struct told *t, const struct hook_result *res)
{
    struct listener *l = t->to;
    struct hook_target *target = l->own;
    struct hook *h = told_hook(t);
    bool was_open = l->breaker.state == BREAKER_OPEN;
    uint32_t dead = l->dead;
    metric_add(MET_HOOKS, res->good ? "delivered" : "failed", 1);
    hookbox_end(t, res, clock_wall_ms());
    if (was_open && l->breaker.state == BREAKER_CLOSED) log_info("webhook=%s answers again", target->label);
    tell_end(target, h, res, !was_open && l->breaker.state == BREAKER_OPEN, l->dead > dead);
}

static void on_sent(void *ctx, const struct out_answer *a)
{
    finish(ctx, &(struct hook_result){ .good = a->end == OUT_OK,
                                       .gone = a->end == OUT_STATUS && a->status == 410,
                                       .end = a->end,
                                       .status = a->status,
                                       .retry_after_ms = a->retry_after_s * 1000ull });
}

/* ERR_OK: it is on its way, or has ended; else there is no room for it now. */
static enum err send_now(struct router *r, struct told *t, struct str body)
{
    struct hooks *k = &r->hooks;
    struct hook_row row;
    arena_clear(&k->scratch);
    enum err e = record_unpack(&hook_row_record, &row, body, &k->scratch);
    buf_clear(&k->json);
    if (!e) hook_event_json(&k->json, &told_hook(t)->id, &row);
    if (!e) e = k->json.err;
    if (!e) e = post(t->to->own, &told_hook(t)->id, events_ticket(&r->events, &row.entry.ticket), buf_str(&k->json), on_sent, t);
    if (!e) return ERR_OK;
    if (e == ERR_FULL || e == ERR_NOMEM) return hookbox_back(t), e;
    log_error("webhook=%s a change cannot be sent: %s", target_of(t->to)->label, err_text(e));
    finish(t, &(struct hook_result){ .end = OUT_BROKEN });
    return ERR_OK;
}

/* ERR_NOTFOUND: compaction has moved it meanwhile, and told us since; a row that is lost where it should be fails as a sending
   does, so that it is asked for less and less often, and given up. */
static void on_read(void *ctx, enum err e, struct str body)
{
    struct told *t = ctx;
    const struct hook *h = told_hook(t);
    struct router *r = target_of(t->to)->router;
    if (r->hooks.closed || (e && h->row != h->row_read)) hookbox_back(t);
    else if (e) finish(t, &(struct hook_result){ .end = OUT_BROKEN });
    else (void)send_now(r, t, body);
}

static enum err start(struct router *r, struct told *t)
{
    struct hook *h = told_hook(t);
    if (h->body) return send_now(r, t, (struct str){ h->body, h->body_n });
    h->row_read = h->row;
    enum err e = journal_read(r->journal, h->row, on_read, t);
    if (e) hookbox_back(t);
    return e;
}

static bool write_ends(struct router *r)
{
    struct hooks *k = &r->hooks;
    struct hook *h;
    bool did = false;
    while ((h = hookbox_changed(&k->box))) {
        uint64_t row;
        buf_clear(&k->row);
        hookbox_pack_end(h, &k->row);
        if (k->row.err || journal_append(r->journal, ROW_HOOK_END, &h->id, buf_str(&k->row), NULL, NULL, &row)) break;
        hookbox_written(&k->box, h, row);
        did = true;
    }
    return did;
}

bool hooks_pump(struct router *r)
{
    struct hookbox *b = &r->hooks.box;
    uint64_t now = clock_wall_ms();
    enum err e = ERR_OK;
    if (!r->hooks.ready || r->hooks.closed) return false;
    for (uint32_t i = 0; i < b->count && !e; i++) {
        struct told *t;
        if (!b->v[i]->own || !target_of(b->v[i])->readable) continue;
        while (!e && (t = hookbox_next(b->v[i], now))) e = start(r, t);
    }
    return write_ends(r);
}

/* ---- the second ---- */

static void tell_metrics(struct listener *l, uint64_t now)
{
    struct hook_target *t = l->own;
    uint64_t oldest = hookbox_oldest(l);
    metric_set(MET_HOOK_BACKLOG, t->label, l->backlog);
    metric_set(MET_HOOK_OLDEST, t->label, oldest && now > oldest ? (double)(now - oldest) / 1000 : 0);
    metric_set(MET_HOOK_DEAD, t->label, l->dead);
    metric_set(MET_HOOK_STATE, t->label, hooks_state(l));
    if (l->dropped != t->told_dropped) {
        metric_add(MET_HOOKS, "dropped", (double)(l->dropped - t->told_dropped));
        log_error("webhook=%s changes=%llu were dropped: %u wait already, or it is not named any more", t->label,
                  (unsigned long long)(l->dropped - t->told_dropped), l->backlog);
    }
    t->told_dropped = l->dropped;
}

void hooks_tick(struct router *r)
{
    struct hookbox *b = &r->hooks.box;
    uint64_t now = clock_wall_ms();
    if (!r->hooks.ready) return;
    look_at_policies(r);
    hookbox_tick(b, now);
    for (uint32_t i = 0; i < b->count; i++)
        if (b->v[i]->own) tell_metrics(b->v[i], now);
}

/* ---- a test ---- */

enum err hooks_test(struct router *r, struct listener *l, out_fn *fn, void *ctx)
{
    struct hooks *k = &r->hooks;
    struct id id;
    char text[ID_TEXT + 1], at[25];
    if (!target_of(l)->readable) return ERR_UNAVAILABLE;
    id = id_new(clock_wall_ms(), r->number, &k->box.rng);
    buf_clear(&k->json);
    buf_addf(&k->json,
             "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/workspaces/%s\",\"type\":\"naru.test\",\"time\":\"%s\","
             "\"datacontenttype\":\"application/json\",\"data\":{\"webhook\":\"%s\"}}",
             id_text(&id, text), l->workspace, clock_text(clock_wall_ms(), at), l->name);
    return k->json.err ? k->json.err : post(l->own, &id, NULL, buf_str(&k->json), fn, ctx);
}

/* ---- the router's words ---- */

enum err hooks_init(struct router *r)
{
    struct hooks *k = &r->hooks;
    uint64_t seed;
    rng_secret(&seed, sizeof seed);
    hookbox_init(&k->box, LIM_HOOKS, LIM_HOOKS_EACH, seed);
    arena_init(&k->scratch, LIM_ZMQ_MESSAGE * 4);
    buf_init(&k->row, ROW_MOST);
    buf_init(&k->json, 4 * ROW_MOST);
    buf_init(&k->headers, 65536);
    k->wants = calloc(EVENTS_WORKSPACES, sizeof(void *));
    return k->wants ? http_out_open(&k->out, &r->loop) : ERR_NOMEM;
}

void hooks_open(struct router *r)
{
    struct hookbox *b = &r->hooks.box;
    uint64_t pending = 0, dead = 0;
    hookbox_replayed(b);
    reconcile(r);
    r->hooks.ready = true;
    for (uint32_t i = 0; i < b->count; i++) {
        pending += b->v[i]->backlog;
        dead += b->v[i]->dead;
    }
    if (pending || dead)
        log_info("webhooks=%u changes=%llu are still to be told dead_letters=%llu", b->count, (unsigned long long)pending,
                 (unsigned long long)dead);
}

void hooks_close(struct router *r)
{
    if (r->hooks.closed) return;
    (void)write_ends(r);
    r->hooks.closed = true;
    http_out_close(r->hooks.out);
}

void hooks_fini(struct router *r)
{
    struct hooks *k = &r->hooks;
    for (uint32_t i = 0; i < k->box.count; i++) {
        struct hook_target *t = k->box.v[i]->own;
        if (!t) continue;
        OPENSSL_cleanse(t->secret, sizeof t->secret);
        free(t->url);
        free(t->headers);
        free(t);
    }
    for (uint32_t i = 0; k->wants && i < EVENTS_WORKSPACES; i++) free(k->wants[i]);
    free(k->wants);
    hookbox_fini(&k->box);
    http_out_free(k->out);
    arena_fini(&k->scratch);
    buf_fini(&k->row);
    buf_fini(&k->json);
    buf_fini(&k->headers);
}
