/* A correction on its way (struct taking): what is known of the ticket is looked for where it is to be found, then the row is put
   together and given to the history; its answer ends it. Each step either begins the next or ends it, so it ends exactly once.

       home is here:  events (live, or about to be closed) ─none─▶ history ─none─▶ the leader
       elsewhere:     the leader: the ticket, then its life      (closed elsewhere: its home is named)

   A taking owns copies of all it was asked with; nobody waits for that of a transfer. */
#include "router/feedback.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "router/router.h"

#include <stdio.h>
#include <stdlib.h>

#define ABOUT_MOST 65536u

struct taking {
    struct router *router;
    struct id ticket;
    uint16_t workspace;
    bool must_hold, transfer;
    unsigned said; /* bits of enum feedback_field */
    uint64_t at;
    feedback_fn *fn;
    void *ctx;
    struct json *first; /* what the leader said of the ticket, while its life is asked for */
    struct buf json;    /* what is said */
    char who[129], source[17], queue[65];
};

static void end(struct taking *t, const struct feedback_end *how)
{
    t->fn(t->ctx, how);
    json_free(t->first);
    buf_fini(&t->json);
    free(t);
}

static void refuse(struct taking *t, enum err e, enum problem p, const char *detail)
{
    end(t, &(struct feedback_end){ .e = e, .problem = p, .detail = detail });
}

/* ---- keeping ---- */

static void answer_kept(struct taking *t)
{
    struct buf out;
    char id[ID_TEXT + 1];
    buf_init(&out, ABOUT_MOST);
    buf_addf(&out, "{\"ticket\":\"%s\",", id_text(&t->ticket, id));
    buf_add(&out, t->json.p + 1, t->json.n - 1);
    end(t, &(struct feedback_end){ .e = ERR_OK, .json = buf_str(&out) });
    buf_fini(&out);
}

static void on_kept(void *ctx, enum err e)
{
    struct taking *t = ctx;
    char id[ID_TEXT + 1];
    if (e) {
        refuse(t, e, PROBLEM_JOURNAL_FULL, "the correction could not be written: send it again");
        return;
    }
    for (int i = 0; i < FEEDBACK_FIELDS; i++) {
        if (t->said & 1u << i) metric_add(MET_FEEDBACK, feedback_field_names[i], 1);
    }
    log_info("ticket=%s workspace=%s by=%s source=%s corrected", id_text(&t->ticket, id), router_workspace(t->router, t->workspace),
             t->who, t->source);
    answer_kept(t);
}

static void keep(struct taking *t, const struct json *ticket, const struct json *life)
{
    struct buf about;
    buf_init(&about, ABOUT_MOST);
    feedback_about(&about, &t->ticket, ticket, life);
    struct feedback_row row = { .ticket = t->ticket,
                                .at = t->at,
                                .workspace = str_of(router_workspace(t->router, t->workspace)),
                                .who = str_of(t->who),
                                .source = str_of(t->source),
                                .said = buf_str(&t->json),
                                .about = buf_str(&about) };
    enum err e = about.err ? about.err : t->json.err;
    if (!e) e = history_feedback(t->router->history, &row, on_kept, t);
    buf_fini(&about);
    if (e) refuse(t, e, PROBLEM_OVERLOADED, "too much is waiting");
}

/* A ticket that was sent where it was: the queue before its last move is the one after it. */
static bool moved_nowhere(const struct json *life, const char *queue)
{
    struct str now = STR_NONE, before = STR_NONE;
    for (const struct json *e = json_first(json_get(life, "life")); e; e = json_next(e)) {
        struct str q = json_str(json_get(e, "queue"));
        if (str_is(json_str(json_get(e, "kind")), "moved")) before = now;
        if (q.n) now = q;
    }
    return str_is(before, queue) && str_is(now, queue);
}

/* All that is known is there; both are borrowed. */
static void on_facts(struct taking *t, const struct json *ticket, const struct json *life)
{
    struct str ws = json_str(json_get(ticket, "workspace"));
    if (ws.n && !str_is(ws, router_workspace(t->router, t->workspace)))
        refuse(t, ERR_NOTFOUND, PROBLEM_TICKET_NOT_FOUND, "there is no such ticket");
    else if (t->must_hold && !feedback_held(ticket, life, str_of(t->who)))
        refuse(t, ERR_FORBIDDEN, PROBLEM_FORBIDDEN, "the ticket is not yours and was not");
    else if (t->transfer && moved_nowhere(life, t->queue)) refuse(t, ERR_EXISTS, PROBLEM_WRONG_STATE, "it is in this queue");
    else keep(t, ticket, life);
}

/* ---- what is known, and where ---- */

static struct json *parsed(struct str text)
{
    struct json *doc = NULL;
    const char *why;
    size_t at;
    return json_parse(&doc, text, LIM_JSON_DEPTH, &at, &why) ? NULL : doc;
}

static void not_found(struct taking *t)
{
    char text[96] = "there is no such ticket";
    uint32_t home = id_home(&t->ticket);
    if (home != t->router->number)
        snprintf(text, sizeof text, "no such ticket is live; if it is closed, router number %u has it", home);
    refuse(t, ERR_NOTFOUND, PROBLEM_TICKET_NOT_FOUND, text);
}

/* What the leader refuses: no such ticket, or not now. */
static void leader_refused(struct taking *t, const struct result *res)
{
    if (res->status == 404) not_found(t);
    else refuse(t, ERR_UNAVAILABLE, PROBLEM_NOT_LEADING, "nobody can tell of the ticket now: send it again");
}

static enum err ask(struct taking *t, enum act_kind kind, act_fn *fn)
{
    struct router *r = t->router;
    struct act act = { .workspace = str_of(router_workspace(r, t->workspace)),
                       .kind = kind,
                       .router = r->number,
                       .actor = str_of(t->who),
                       .ticket = t->ticket,
                       .privileged = true };
    return acts_ask(&r->acts, t->workspace, &act, false, router_now(r), fn, t);
}

static void on_life(void *ctx, const struct result *res)
{
    struct taking *t = ctx;
    struct json *life = res->status < 300 ? parsed(res->body) : NULL;
    if (life) on_facts(t, t->first, life);
    else leader_refused(t, res);
    json_free(life);
}

static void on_ticket(void *ctx, const struct result *res)
{
    struct taking *t = ctx;
    t->first = res->status < 300 ? parsed(res->body) : NULL;
    if (!t->first) leader_refused(t, res);
    else if (ask(t, ACT_EXPLAIN, on_life)) refuse(t, ERR_UNAVAILABLE, PROBLEM_NOT_LEADING, "nobody leads the workspace now");
}

static void ask_leader(struct taking *t)
{
    if (ask(t, ACT_TICKET, on_ticket)) refuse(t, ERR_UNAVAILABLE, PROBLEM_NOT_LEADING, "nobody leads the workspace now");
}

static void on_document(struct taking *t, struct str text)
{
    struct json *doc = parsed(text);
    if (doc) on_facts(t, doc, doc);
    else refuse(t, ERR_NOMEM, PROBLEM_OVERLOADED, "out of memory");
    json_free(doc);
}

static void on_history(void *ctx, enum err e, struct str body)
{
    struct taking *t = ctx;
    if (e == ERR_NOTFOUND) ask_leader(t);
    else if (e) refuse(t, e, PROBLEM_NOT_READY, "the history cannot be read now");
    else on_document(t, body);
}

static void look(struct taking *t)
{
    struct router *r = t->router;
    const struct kept_ticket *kept = events_ticket(&r->events, &t->ticket);
    struct buf out;
    if (id_home(&t->ticket) != r->number) {
        ask_leader(t);
    } else if (kept) {
        buf_init(&out, 8u << 20);
        buf_clear(&r->text);
        ticket_pack(kept, &r->text, true);
        if (r->text.err || ticket_json(&out, buf_str(&r->text), &r->events.scratch))
            refuse(t, ERR_NOMEM, PROBLEM_OVERLOADED, "out of memory");
        else on_document(t, buf_str(&out));
        buf_fini(&out);
    } else if (history_get(r->history, &t->ticket, on_history, t)) {
        refuse(t, ERR_FULL, PROBLEM_OVERLOADED, "too many questions are under way");
    }
}

/* ---- beginning ---- */

/* {"at", "by", "source", "correction": {…}, "note"} */
static void put_said(struct taking *t, const struct correction *c)
{
    struct jw w = jw_on(&t->json);
    char at[25];
    jw_open(&w, '{');
    jw_key(&w, "at"), jw_strz(&w, clock_text(t->at, at));
    jw_key(&w, "by"), jw_strz(&w, t->who);
    jw_key(&w, "source"), jw_strz(&w, t->source);
    jw_key(&w, "correction"), jw_open(&w, '{');
    for (int i = 0; i < FEEDBACK_FIELDS; i++) {
        if (!c->fields[i].n) continue;
        jw_key(&w, feedback_field_names[i]), jw_str(&w, c->fields[i]);
        t->said |= 1u << i;
    }
    jw_close(&w, '}');
    if (c->note.n) jw_key(&w, "note"), jw_str(&w, c->note);
    jw_close(&w, '}');
}

void feedback_take(struct router *r, const struct feedback_ask *ask, feedback_fn *fn, void *ctx)
{
    static const struct str transfer = { "transfer", 8 };
    struct taking *t = calloc(1, sizeof *t);
    if (!t) {
        fn(ctx, &(struct feedback_end){ .e = ERR_NOMEM, .problem = PROBLEM_OVERLOADED, .detail = "out of memory" });
        return;
    }
    t->router = r;
    t->ticket = ask->ticket;
    t->workspace = ask->workspace;
    t->must_hold = ask->must_hold;
    t->transfer = str_eq(ask->source, transfer);
    t->at = clock_wall_ms();
    t->fn = fn;
    t->ctx = ctx;
    snprintf(t->who, sizeof t->who, "%.*s", STR_FMT(ask->who));
    snprintf(t->source, sizeof t->source, "%.*s", STR_FMT(ask->source));
    snprintf(t->queue, sizeof t->queue, "%.*s", STR_FMT(ask->correction.fields[FEEDBACK_QUEUE]));
    buf_init(&t->json, ABOUT_MOST);
    put_said(t, &ask->correction);
    look(t);
}

static void on_transferred(void *ctx, const struct feedback_end *how)
{
    (void)ctx;
    if (!how->e || how->e == ERR_EXISTS) return;
    metric_add(MET_FEEDBACK_DROPPED, "transfer", 1);
    log_warn("a transfer was not kept as a correction: %s", how->detail);
}

void feedback_transferred(struct router *r, uint16_t workspace, const struct id *ticket, struct str who, struct str queue)
{
    const struct feedback_ask ask = { .ticket = *ticket,
                                      .workspace = workspace,
                                      .who = who,
                                      .source = STR("transfer"),
                                      .correction = { .fields = { [FEEDBACK_QUEUE] = queue } } };
    if (queue.n) feedback_take(r, &ask, on_transferred, NULL);
}
