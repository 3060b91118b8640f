/* Webhooks out, for who runs them: how each is, its dead letters, telling them again, a test. Each router tells of its own outbox.
 */
#include "base/clock.h"
#include "base/log.h"
#include "router/api.h"
#include "router/http_out.h"

#include <stdlib.h>

#define LETTERS_MOST 1000u

static void put_end(struct jw *w, uint32_t end, uint32_t status)
{
    jw_key(w, "how"), jw_strz(w, out_end_words[end < OUT_END_COUNT ? end : OUT_BROKEN]);
    if (status) jw_key(w, "status"), jw_u64(w, status);
}

static void put_listener(struct jw *w, struct listener *l)
{
    jw_open(w, '{');
    jw_key(w, "webhook"), jw_strz(w, l->name);
    jw_key(w, "url"), jw_strz(w, hooks_url(l));
    jw_key(w, "state"), jw_strz(w, hook_state_words[hooks_state(l)]);
    jw_key(w, "backlog"), jw_u64(w, l->backlog);
    jw_time(w, "oldest", hookbox_oldest(l));
    jw_key(w, "under_way"), jw_u64(w, l->under_way);
    jw_key(w, "dead_letters"), jw_u64(w, l->dead);
    jw_key(w, "delivered"), jw_u64(w, l->delivered);
    jw_key(w, "failed"), jw_u64(w, l->failed);
    jw_key(w, "dropped"), jw_u64(w, l->dropped);
    jw_time(w, "last_delivered", l->last_good);
    if (l->last_bad.at) {
        jw_key(w, "last_failure"), jw_open(w, '{');
        jw_time(w, "at", l->last_bad.at);
        put_end(w, l->last_bad.end, l->last_bad.status);
        jw_close(w, '}');
    }
    if (l->breaker.state == BREAKER_OPEN) jw_time(w, "next_probe", l->breaker.probe_at);
    jw_close(w, '}');
}

static void answer(struct call *c, struct buf *out)
{
    if (out->err) http_problem(c->req, 503, "overloaded", "out of memory");
    else http_json(c->req, 200, buf_str(out));
    buf_fini(out);
}

void list_webhooks(struct call *c)
{
    struct router *r = c->router;
    struct hookbox *b = &r->hooks.box;
    uint16_t ws;
    struct buf out;
    if (!call_workspace(c, &ws)) return;
    hooks_tick(r);
    buf_init(&out, 8u << 20);
    struct jw w = jw_on(&out);
    jw_open(&w, '{');
    jw_key(&w, "webhooks"), jw_open(&w, '[');
    for (uint32_t i = 0; i < b->count; i++)
        if (b->v[i]->named && !strcmp(b->v[i]->workspace, router_workspace(r, ws))) put_listener(&w, b->v[i]);
    jw_close(&w, ']');
    jw_close(&w, '}');
    answer(c, &out);
}

/* The webhook of the path; answers 404 and gives NULL when there is none. */
static struct listener *asked(struct call *c)
{
    struct hookbox *b = &c->router->hooks.box;
    const char *names[LIM_WEBHOOKS];
    size_t n = 0;
    uint16_t ws;
    if (!call_workspace(c, &ws)) return NULL;
    const char *workspace = router_workspace(c->router, ws);
    struct listener *l = hooks_find(c->router, str_of(workspace), c->arg[0]);
    if (l) return l;
    for (uint32_t i = 0; i < b->count && n < LIM_WEBHOOKS; i++)
        if (b->v[i]->named && !strcmp(b->v[i]->workspace, workspace)) names[n++] = b->v[i]->name;
    const char *near = c->arg[0].n <= 64 ? str_nearest(c->arg[0], names, n) : NULL;
    http_problem(c->req, 404, "webhook-not-found", "the policy names no such webhook%s%s%s", near ? ": did you mean \"" : "",
                 near ? near : "", near ? "\"?" : "");
    return NULL;
}

/* ---- dead letters ---- */

static void put_letter(struct jw *w, const struct dead_letter *d)
{
    const struct hook *h = told_hook(d->told);
    char id[ID_TEXT + 1];
    jw_open(w, '{');
    jw_key(w, "id"), jw_strz(w, id_text(&h->id, id));
    jw_time(w, "since", h->since);
    jw_time(w, "died", d->at);
    jw_key(w, "attempts"), jw_u64(w, d->attempts);
    put_end(w, d->end, d->status);
    jw_close(w, '}');
}

/* Where the page begins: behind the letter `after`, or at the first. False: there is no such letter. */
static bool page_at(const struct listener *l, const struct id *after, const struct dead_letter **out)
{
    const struct dead_letter *d;
    *out = TAILQ_FIRST(&l->letters);
    if (id_is_none(after)) return true;
    TAILQ_FOREACH (d, &l->letters, link)
        if (id_eq(&told_hook(d->told)->id, after)) return *out = TAILQ_NEXT(d, link), true;
    return false;
}

void list_dead_letters(struct call *c)
{
    struct listener *l = asked(c);
    const struct dead_letter *d, *last = NULL;
    uint64_t limit;
    struct id after;
    struct buf out;
    char id[ID_TEXT + 1];
    if (!l || !call_limit(c, LETTERS_MOST, 100, &limit) || !call_after(c, &after)) return;
    if (!page_at(l, &after, &d)) {
        answer_page_gone(c->req);
        return;
    }
    buf_init(&out, 8u << 20);
    struct jw w = jw_on(&out);
    jw_open(&w, '{');
    jw_key(&w, "dead"), jw_open(&w, '[');
    for (; d && limit--; d = TAILQ_NEXT(d, link)) put_letter(&w, last = d);
    jw_close(&w, ']');
    if (d && last) jw_key(&w, "next"), jw_strz(&w, id_text(&told_hook(last->told)->id, id));
    jw_close(&w, '}');
    answer(c, &out);
}

void replay_dead_letters(struct call *c)
{
    struct listener *l = asked(c);
    struct json *doc = NULL;
    struct str text;
    struct id id;
    if (!l || !body_object(c->req, &doc)) return;
    bool all = json_bool(json_get(doc, "all"));
    if (!body_text(c->req, doc, "id", ID_TEXT, &text)) goto out;
    if (all == (text.n > 0) || (text.n && id_parse(text, &id))) {
        http_problem(c->req, 422, "bad-field", "say which: {\"id\": \"…\"}, or {\"all\": true}");
        goto out;
    }
    uint32_t count = hookbox_replay(l, all ? NULL : &id, clock_wall_ms());
    if (!count && !all) {
        http_problem(c->req, 404, "not-found", "the webhook has no dead letter of this id here");
        goto out;
    }
    log_info("webhook=%s/%s by=%s dead letters told again: %u", l->workspace, l->name, c->token->subject, count);
    struct buf out;
    buf_init(&out, 256);
    buf_addf(&out, "{\"replayed\":%u}", count);
    answer(c, &out);
out:
    json_free(doc);
}

/* ---- a test ---- */

struct testing {
    struct http_req *req;
    uint64_t from;
};

static void on_tested(void *ctx, const struct out_answer *a)
{
    struct testing *t = ctx;
    struct buf out;
    buf_init(&out, 512);
    struct jw w = jw_on(&out);
    jw_open(&w, '{');
    jw_key(&w, "delivered"), jw_bool(&w, a->end == OUT_OK);
    put_end(&w, a->end, a->status);
    jw_key(&w, "took_ms"), jw_u64(&w, clock_mono_ms() - t->from);
    jw_close(&w, '}');
    if (out.err) http_problem(t->req, 503, "overloaded", "out of memory");
    else http_json(t->req, 200, buf_str(&out));
    buf_fini(&out);
    free(t);
}

void test_webhook(struct call *c)
{
    struct listener *l = asked(c);
    if (!l) return;
    struct testing *t = malloc(sizeof *t);
    if (t) *t = (struct testing){ c->req, clock_mono_ms() };
    enum err e = t ? hooks_test(c->router, l, on_tested, t) : ERR_NOMEM;
    if (!e) return;
    if (e == ERR_UNAVAILABLE) http_problem(c->req, 409, "wrong-state", "its secret cannot be read");
    else http_problem(c->req, 503, "overloaded", "too many requests go out now");
    free(t);
}
