/* Changes on their way to who is told: the request, its signatures, and what its end means.

   A told that hookbox_next gave is either on its way (libcurl will call on_sent), or being read from the journal (on_read), and
   stands still in memory until then, whatever becomes of its listener. */
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "router/hook_event.h"
#include "router/hook_target.h"
#include "router/http_out.h"
#include "router/router.h"
#include "router/sign.h"
#include "router/trace.h"

#include <stdio.h>

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

static void tell_end(struct hook_target *t, const struct hook *h, const struct hook_result *res, bool opened, bool died)
{
    const struct listener *l = t->listener;
    char id[ID_TEXT + 1];
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
    hook_target_gone(t);
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
    log_error("webhook=%s a change cannot be sent: %s", hook_target_of(t->to)->label, err_text(e));
    finish(t, &(struct hook_result){ .end = OUT_BROKEN });
    return ERR_OK;
}

/* ERR_NOTFOUND: compaction has moved it meanwhile, and told us since; a row that is lost where it should be fails as a sending
   does, so that it is asked for less and less often, and given up. */
static void on_read(void *ctx, enum err e, struct str body)
{
    struct told *t = ctx;
    const struct hook *h = told_hook(t);
    struct router *r = hook_target_of(t->to)->router;
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

void hook_send_due(struct router *r)
{
    struct hookbox *b = &r->hooks.box;
    uint64_t now = clock_wall_ms();
    enum err e = ERR_OK;
    for (uint32_t i = 0; i < b->count && !e; i++) {
        struct told *t;
        if (!b->v[i]->own || !hook_target_of(b->v[i])->readable) continue;
        while (!e && (t = hookbox_next(b->v[i], now))) e = start(r, t);
    }
}

/* ---- a test ---- */

enum err hooks_test(struct router *r, struct listener *l, out_fn *fn, void *ctx)
{
    struct hooks *k = &r->hooks;
    struct id id;
    char text[ID_TEXT + 1], at[25];
    if (!hook_target_of(l)->readable) return ERR_UNAVAILABLE;
    id = id_new(clock_wall_ms(), r->number, &k->box.rng);
    buf_clear(&k->json);
    buf_addf(&k->json,
             "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/workspaces/%s\",\"type\":\"naru.test\",\"time\":\"%s\","
             "\"datacontenttype\":\"application/json\",\"data\":{\"webhook\":\"%s\"}}",
             id_text(&id, text), l->workspace, clock_text(clock_wall_ms(), at), l->name);
    return k->json.err ? k->json.err : post(l->own, &id, NULL, buf_str(&k->json), fn, ctx);
}
