/* A connection (agent_conn) is in `by_key` until its socket closes or a newer one replaces it. Acts that are under way hold it by a
   count, so that a result that comes after the end finds it closed instead of freed; the last of socket and acts frees it.

   It is `welcome` once the leader has answered ACT_CONNECT with a session. The few acts that come before wait as they are written
   (`early`, ours) and are done then, in their order; when nobody welcomes them within ACT_MS they are refused, as are more than a
   few at once. A new leader is asked to connect it again with its session. When the agent connects again, here or at another
   router, the leader says "replaced" of the older session, or refuses what comes of it as "old-session": then its socket is closed
   (4001). */
#include "router/agents.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/rate.h"
#include "router/act_body.h"
#include "router/admit.h"
#include "router/feedback.h"
#include "router/offer_json.h"
#include "router/router.h"

#include <stdio.h>
#include <stdlib.h>

#define AGENT_PROTOCOL "naru.agent.1" /* the subprotocol, for clients that offer one */
#define BEAT_MS        10000u
#define WS_REPLACED    4001u
#define WS_NO_AGENT    4004u
#define WS_TRY_AGAIN   1013u

static const struct rate sign_rate = { .burst = 20, .per_minute = 240 }; /* typing, read: beyond it they are dropped */

struct early { /* an act that waits for the welcome */
    STAILQ_ENTRY(early) link;
    uint64_t at; /* mono ms */
    size_t n;
    char text[];
};
struct agent_conn {
    struct router *router;
    struct ws *sock; /* NULL: closed */
    uint16_t workspace;
    bool welcome, asking, replaced;
    uint32_t refs; /* acts under way */
    uint64_t session;
    struct bucket signs;
    STAILQ_HEAD(, early) early;
    uint32_t early_n, early_bytes;
    char actor[129];
    uint32_t key_n;
    char key[2 + 128]; /* the workspace's number, then the name */
};
struct agent_act { /* what a result is told with */
    struct agent_conn *conn;
    uint64_t ref;
    bool has_ref;
    struct id ticket, message;
    char queue[65]; /* of a transfer, which once done is a correction as well; "": another act */
};

void agents_init(struct agents *a) { map_init(&a->by_key, LIM_AGENTS); }
void agents_fini(struct agents *a) { map_fini(&a->by_key); }

static struct str conn_key(const struct agent_conn *c) { return (struct str){ c->key, c->key_n }; }
static struct str conn_name(const struct agent_conn *c) { return (struct str){ c->key + 2, c->key_n - 2 }; }

static void make_key(struct agent_conn *c, uint16_t workspace, struct str name)
{
    memcpy(c->key, &workspace, 2);
    memcpy(c->key + 2, name.p, name.n);
    c->key_n = (uint32_t)name.n + 2;
    c->workspace = workspace;
}

static struct agent_conn *find(struct router *r, uint16_t workspace, struct str name)
{
    struct agent_conn probe;
    if (!name.n || name.n > 128) return NULL;
    make_key(&probe, workspace, name);
    return map_get(&r->agents.by_key, conn_key(&probe));
}

static struct early *next_early(struct agent_conn *c)
{
    struct early *e = STAILQ_FIRST(&c->early);
    if (!e) return NULL;
    STAILQ_REMOVE_HEAD(&c->early, link);
    c->early_n--;
    c->early_bytes -= (uint32_t)e->n;
    return e;
}

static void conn_free(struct agent_conn *c)
{
    for (struct early *e; (e = next_early(c));) free(e);
    free(c);
}

static void unref(struct agent_conn *c)
{
    if (!c->sock && !c->refs) conn_free(c);
}

static void send_text(struct agent_conn *c)
{
    struct buf *b = &c->router->text;
    if (b->err) log_error("agent=%.*s a message is too large for the stream", STR_FMT(conn_name(c)));
    else if (c->sock) (void)ws_send(c->sock, buf_str(b)); /* too slow: the socket is being closed */
}

static struct jw begin(struct agent_conn *c, const char *type)
{
    buf_clear(&c->router->text);
    struct jw w = jw_on(&c->router->text);
    jw_open(&w, '{');
    jw_key(&w, "type"), jw_strz(&w, type);
    return w;
}

/* The members of the leader's JSON object go into ours. */
static void members(struct jw *w, struct str body)
{
    if (body.n <= 2 || body.p[0] != '{') return;
    if (w->comma) buf_addc(w->out, ',');
    leader_json(w->out, (struct str){ body.p + 1, body.n - 2 });
    w->comma = true;
}

static bool has_member(struct str body, const char *quoted) { return body.n && memmem(body.p, body.n, quoted, strlen(quoted)); }

/* ---- connecting ---- */

static void fill_act(const struct agent_conn *c, struct act *act, enum act_kind kind)
{
    *act = (struct act){ .workspace = str_of(router_workspace(c->router, c->workspace)),
                         .kind = kind,
                         .agent = conn_name(c),
                         .session = c->session,
                         .router = c->router->number,
                         .actor = str_of(c->actor) };
}

/* The agent has connected again since, here or at another router. */
static void close_replaced(struct agent_conn *c)
{
    if (c->replaced) return;
    c->replaced = true;
    map_del(&c->router->agents.by_key, conn_key(c));
    ws_close(c->sock, WS_REPLACED, "replaced");
}

static void do_early(struct agent_conn *c);

static void on_connected(void *ctx, const struct result *res)
{
    struct agent_conn *c = ctx;
    c->refs--;
    c->asking = false;
    if (!c->sock) {
        unref(c);
        return;
    }
    if (res->status >= 500) return; /* agents_tick asks again */
    if (res->status >= 400) {
        if (str_is(res->problem, "old-session")) close_replaced(c);
        else ws_close(c->sock, res->status == 404 ? WS_NO_AGENT : WS_TRY_AGAIN, res->status == 404 ? "no such agent" : "refused");
        return;
    }
    c->session = res->session;
    c->welcome = true;
    struct jw w = begin(c, "welcome");
    if (!has_member(res->body, "\"agent\"")) jw_key(&w, "agent"), jw_str(&w, conn_name(c));
    if (!has_member(res->body, "\"session\"")) jw_key(&w, "session"), jw_u64(&w, c->session);
    members(&w, res->body);
    jw_close(&w, '}');
    send_text(c);
    do_early(c);
}

static void conn_connect(struct agent_conn *c)
{
    struct act act;
    if (c->asking || !c->sock) return;
    fill_act(c, &act, ACT_CONNECT);
    if (acts_ask(&c->router->acts, c->workspace, &act, true, router_now(c->router), on_connected, c))
        return; /* agents_tick asks again */
    c->asking = true;
    c->refs++;
}

void agents_resume(struct router *r, uint16_t workspace)
{
    struct agent_conn *c;
    for (size_t i = 0; (c = map_next(&r->agents.by_key, &i));) {
        if (c->workspace != workspace) continue;
        if (c->welcome) c->welcome = false;
        conn_connect(c);
    }
}

static void nobody(void *ctx, const struct result *r) { (void)ctx, (void)r; }

static void on_ws_close(void *ctx, struct ws *sock, unsigned code)
{
    struct agent_conn *c = ctx;
    struct act act;
    (void)sock;
    c->sock = NULL;
    if (!c->replaced) {
        map_del(&c->router->agents.by_key, conn_key(c));
        log_info("agent=%.*s workspace=%s code=%u stream closed", STR_FMT(conn_name(c)), router_workspace(c->router, c->workspace),
                 code);
        if (c->session && !c->router->stopping) { /* the leader ends the lease earlier for it; without it the lease runs out */
            fill_act(c, &act, ACT_DISCONNECT);
            (void)acts_ask(&c->router->acts, c->workspace, &act, false, router_now(c->router), nobody, NULL);
        }
    }
    unref(c);
}

/* ---- words of the agent ---- */

static void tell_result(struct agent_conn *c, const struct agent_act *a, const struct result *res)
{
    char text[ID_TEXT + 1];
    struct jw w = begin(c, "result");
    if (a->has_ref) jw_key(&w, "ref"), jw_u64(&w, a->ref);
    jw_key(&w, "status"), jw_u64(&w, res->status);
    if (!id_is_none(&a->ticket) && !has_member(res->body, "\"ticket\""))
        jw_key(&w, "ticket"), jw_strz(&w, id_text(&a->ticket, text));
    if (!id_is_none(&a->message)) jw_key(&w, "message"), jw_strz(&w, id_text(&a->message, text));
    if (res->problem.n) jw_key(&w, "problem"), jw_str(&w, res->problem);
    if (res->detail.n) jw_key(&w, "detail"), jw_str(&w, res->detail);
    members(&w, res->body);
    jw_close(&w, '}');
    send_text(c);
}

static void refuse(struct agent_conn *c, const struct agent_act *a, unsigned status, const char *problem, const char *detail)
{
    struct result res = { .status = status, .problem = str_of(problem), .detail = str_of(detail) };
    tell_result(c, a, &res);
}

static void refuse_too_fast(struct agent_conn *c, const struct agent_act *a, struct str workspace, uint32_t wait_ms)
{
    char why[ADMIT_WHY], more[48];
    struct result res = { .status = 429, .problem = STR("too-many-requests") };
    admit_why_act(c->router, workspace, wait_ms, why);
    snprintf(more, sizeof more, "{\"retry_after_ms\":%u}", wait_ms);
    res.detail = str_of(why);
    res.body = str_of(more);
    tell_result(c, a, &res);
}

static void on_result(void *ctx, const struct result *res)
{
    struct agent_act *a = ctx;
    struct agent_conn *c = a->conn;
    c->refs--;
    if (c->sock) tell_result(c, a, res);
    if (c->sock && str_is(res->problem, "old-session")) close_replaced(c);
    if (res->status < 300) feedback_transferred(c->router, c->workspace, &a->ticket, conn_name(c), str_of(a->queue));
    unref(c);
    free(a);
}

static void ask(struct agent_conn *c, const struct agent_act *a, struct act *act)
{
    struct result no;
    char why[200];
    if (!messages_may(c->router, act, &no, why)) {
        tell_result(c, a, &no);
        return;
    }
    struct agent_act *keep = malloc(sizeof *keep);
    enum err err = keep ? ERR_OK : ERR_NOMEM;
    if (keep) *keep = *a;
    messages_name(c->router, act);
    if (keep) keep->message = act->message;
    if (!err) err = acts_ask(&c->router->acts, c->workspace, act, true, router_now(c->router), on_result, keep);
    if (!err) {
        c->refs++;
        return;
    }
    free(keep);
    refuse(c, a, 503, "overloaded", "too many acts are under way");
}

/* accept, decline, resolve …: {"ticket", "token", …} */
static bool read_ticket_act(struct agent_act *a, struct act *act, struct act_room *room, const struct json *doc, char why[ACT_WHY])
{
    if (id_parse(json_str(json_get(doc, "ticket")), &a->ticket)) {
        snprintf(why, ACT_WHY, "\"ticket\" must be the id of a ticket");
        return false;
    }
    act->ticket = a->ticket;
    if (act_body_read(act, room, doc, ACT_BY_STREAM, why)) return false;
    if (act_needs_token(act->kind) && !act->token_epoch && !act->token_seq) {
        snprintf(why, ACT_WHY, "\"token\" must be the token that came with the offer or the accept");
        return false;
    }
    if (act->kind == ACT_TRANSFER) snprintf(a->queue, sizeof a->queue, "%.*s", STR_FMT(act->queue));
    return true;
}

static bool read_presence(struct agent_act *a, struct act *act, struct act_room *room, const struct json *doc, char why[ACT_WHY])
{
    int word = words_find(&presence_words, json_str(json_get(doc, "presence")));
    (void)a, (void)room;
    act->presence = word < 0 ? PRES_OFFLINE : (enum presence)word;
    act->reason = json_str(json_get(doc, "reason"));
    if (word < 0) snprintf(why, ACT_WHY, "\"presence\" must be available, away or offline");
    else if (act->reason.n > 256) snprintf(why, ACT_WHY, "\"reason\" is longer than 256 bytes");
    else return true;
    return false;
}

/* ---- signs for the customer, which concern nobody else ---- */

static bool sign_allowed(struct agent_conn *c) { return bucket_take(&c->signs, &sign_rate, router_now(c->router), NULL); }

static void sign_typing(struct agent_conn *c, const struct id *ticket, const struct json *doc)
{
    if (sign_allowed(c)) widget_agent_types(c->router, conn_name(c), ticket, json_bool(json_get(doc, "on")));
}

static void sign_read(struct agent_conn *c, const struct id *ticket, const struct json *doc)
{
    (void)doc;
    if (sign_allowed(c)) widget_agent_reads(c->router, conn_name(c), ticket);
}

static const struct word_row { /* what an agent can say */
    const char *type;
    enum act_kind act; /* ACT_NONE: nothing to ask; it was a sign, of life or for the customer */
    bool (*read)(struct agent_act *a, struct act *act, struct act_room *room, const struct json *doc, char why[ACT_WHY]);
    void (*sign)(struct agent_conn *c, const struct id *ticket, const struct json *doc);
} word_rows[] = {
    { "accept", ACT_ACCEPT, read_ticket_act, NULL },
    { "decline", ACT_DECLINE, read_ticket_act, NULL },
    { "start", ACT_START, read_ticket_act, NULL },
    { "reply", ACT_REPLY, read_ticket_act, NULL },
    { "resolve", ACT_RESOLVE, read_ticket_act, NULL },
    { "park", ACT_PARK, read_ticket_act, NULL },
    { "resume", ACT_RESUME, read_ticket_act, NULL },
    { "transfer", ACT_TRANSFER, read_ticket_act, NULL },
    { "pull", ACT_PULL, read_ticket_act, NULL },
    { "consult", ACT_CONSULT, read_ticket_act, NULL },
    { "callback", ACT_CALLBACK, read_ticket_act, NULL },
    { "handover", ACT_HANDOVER, read_ticket_act, NULL },
    { "cancel", ACT_CANCEL, read_ticket_act, NULL },
    { "presence", ACT_PRESENCE, read_presence, NULL },
    { "heartbeat", ACT_NONE, NULL, NULL },
    { "typing", ACT_NONE, NULL, sign_typing },
    { "read", ACT_NONE, NULL, sign_read },
};
#define WORDS (sizeof word_rows / sizeof *word_rows)

static const struct word_row *word_of(struct str type)
{
    for (size_t i = 0; i < WORDS; i++) {
        if (str_is(type, word_rows[i].type)) return &word_rows[i];
    }
    return NULL;
}

static void refuse_word(struct agent_conn *c, const struct agent_act *a, struct str type)
{
    const char *known[WORDS];
    char text[512];
    for (size_t i = 0; i < WORDS; i++) known[i] = word_rows[i].type;
    const char *near = type.n <= 64 ? str_nearest(type, known, WORDS) : NULL;
    int n = snprintf(text, sizeof text, "\"type\" is none of");
    for (size_t i = 0; !near && i < WORDS; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, " %s%s", known[i], i + 1 < WORDS ? "," : "");
    if (near) snprintf(text, sizeof text, "\"type\" %.*s is not known: did you mean \"%s\"?", STR_FMT(type), near);
    refuse(c, a, 400, "bad-request", text);
}

static bool keep_early(struct agent_conn *c, struct str text)
{
    struct early *e = NULL;
    if (c->early_n < LIM_AGENT_EARLY && c->early_bytes + text.n <= LIM_AGENT_BYTES) e = malloc(sizeof *e + text.n);
    if (!e) return false;
    e->at = router_now(c->router);
    e->n = text.n;
    memcpy(e->text, text.p, text.n);
    STAILQ_INSERT_TAIL(&c->early, e, link);
    c->early_n++;
    c->early_bytes += (uint32_t)text.n;
    return true;
}

/* `text` is what `doc` was read from. */
static void on_doc(struct agent_conn *c, const struct json *doc, struct str text)
{
    struct agent_act a = { .conn = c };
    struct act act;
    struct act_room room;
    char why[ACT_WHY] = "";
    uint32_t wait_ms = 0;
    struct str type = json_str(json_get(doc, "type"));
    const struct word_row *row = word_of(type);
    a.has_ref = json_is_u64(json_get(doc, "ref"), &a.ref);
    if (!row) {
        refuse_word(c, &a, type);
        return;
    }
    if (row->act == ACT_NONE) {
        if (row->sign && id_parse(json_str(json_get(doc, "ticket")), &a.ticket))
            refuse(c, &a, 400, "bad-field", "\"ticket\" must be the id of a ticket");
        else if (row->sign) row->sign(c, &a.ticket, doc);
        return;
    }
    fill_act(c, &act, row->act);
    if (!row->read(&a, &act, &room, doc, why)) refuse(c, &a, 400, "bad-field", why);
    else if (!c->welcome && !c->session) {
        if (!keep_early(c, text))
            refuse(c, &a, 503, "not-leading",
                   "nobody leads the workspace yet, and more acts than a few wait; wait for the welcome");
    } else if (!admit_act(c->router, act.workspace, act.agent, &wait_ms)) refuse_too_fast(c, &a, act.workspace, wait_ms);
    else ask(c, &a, &act);
}

static void hear(struct agent_conn *c, struct str text)
{
    struct json *doc = NULL;
    const char *why = NULL;
    size_t at = 0;
    if (json_parse(&doc, text, LIM_JSON_DEPTH, &at, &why)) {
        struct agent_act a = { .conn = c };
        refuse(c, &a, 400, "bad-json", why);
        return;
    }
    on_doc(c, doc, text);
    json_free(doc);
}

static void on_text(void *ctx, struct ws *sock, struct str text)
{
    (void)sock;
    hear(ctx, text);
}

/* ---- what came before the welcome ---- */

static void do_early(struct agent_conn *c)
{
    for (struct early *e; c->sock && (e = next_early(c));) {
        hear(c, (struct str){ e->text, e->n });
        free(e);
    }
}

static void refuse_early(struct agent_conn *c, struct str text)
{
    struct agent_act a = { .conn = c };
    struct json *doc = NULL;
    const char *why = NULL;
    size_t at = 0;
    if (!json_parse(&doc, text, LIM_JSON_DEPTH, &at, &why)) a.has_ref = json_is_u64(json_get(doc, "ref"), &a.ref);
    if (id_parse(json_str(json_get(doc, "ticket")), &a.ticket)) a.ticket = (struct id){ { 0 } };
    refuse(c, &a, 503, "not-leading", "nobody leads the workspace now");
    json_free(doc);
}

static void drop_late(struct agent_conn *c, uint64_t now)
{
    for (struct early *e; c->sock && (e = STAILQ_FIRST(&c->early)) && now - e->at >= ACT_MS; free(e)) {
        (void)next_early(c);
        refuse_early(c, (struct str){ e->text, e->n });
    }
}

/* ---- opening ---- */

static struct agent_conn *conn_new(struct router *r, uint16_t workspace, struct str name, struct str actor)
{
    struct agent_conn *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->router = r;
    STAILQ_INIT(&c->early);
    make_key(c, workspace, name);
    snprintf(c->actor, sizeof c->actor, "%.*s", STR_FMT(actor));
    return c;
}

static void replace_former(struct router *r, struct agent_conn *c)
{
    struct agent_conn *old = map_get(&r->agents.by_key, conn_key(c));
    if (old) close_replaced(old);
}

void agents_stream(struct router *r, struct http_req *req, uint16_t workspace, struct str name, struct str actor)
{
    if (!http_wants_ws(req)) {
        http_problem(req, 426, "upgrade-required", "this path is a WebSocket");
        return;
    }
    struct agent_conn *c = conn_new(r, workspace, name, actor);
    if (!c || (r->agents.by_key.count >= LIM_AGENTS && !find(r, workspace, name))) {
        free(c);
        http_problem(req, 503, "overloaded", "too many agents are connected");
        return;
    }
    struct ws_cfg cfg = { .ctx = c, .on_text = on_text, .on_close = on_ws_close };
    if (http_upgrade(req, &cfg, AGENT_PROTOCOL, &c->sock)) {
        free(c);
        return;
    }
    replace_former(r, c);
    if (map_put(&r->agents.by_key, conn_key(c), c)) {
        c->replaced = true; /* in no map */
        ws_close(c->sock, WS_TRY_AGAIN, "out of memory");
        return;
    }
    log_info("agent=%.*s workspace=%s stream opened", STR_FMT(name), router_workspace(r, workspace));
    conn_connect(c);
}

/* ---- words to the agent ---- */

void agents_offer(struct router *r, const struct offer *o)
{
    uint16_t ws;
    if (events_workspace(&r->events, o->workspace, &ws)) return;
    struct agent_conn *c = find(r, ws, o->agent);
    if (!c || (o->session && o->session != c->session)) return; /* for a connection that is no more */
    buf_clear(&r->text);
    if (str_is(o->what, "replaced")) close_replaced(c);
    else if (offer_json(&r->text, o)) send_text(c);
}

void agents_presence(struct router *r, uint16_t workspace, const struct entry *en)
{
    struct agent_conn *c = find(r, workspace, en->agent);
    if (!c) return;
    const char *colon = en->cause.n ? memchr(en->cause.p, ':', en->cause.n) : NULL; /* "away:missed": the word, then the reason */
    struct str word = { en->cause.p, colon ? (size_t)(colon - en->cause.p) : en->cause.n };
    struct jw w = begin(c, "presence");
    jw_key(&w, "presence"), jw_str(&w, word);
    if (colon) jw_key(&w, "reason"), jw_str(&w, (struct str){ colon + 1, en->cause.n - word.n - 1 });
    jw_close(&w, '}');
    send_text(c);
}

void agents_sign(struct router *r, uint16_t workspace, struct str agent, const char *type, const struct id *ticket, bool on,
                 uint64_t at)
{
    char text[ID_TEXT + 1], time[25];
    struct agent_conn *c = find(r, workspace, agent);
    if (!c || !c->sock) return;
    struct jw w = begin(c, type);
    jw_key(&w, "ticket"), jw_strz(&w, id_text(ticket, text));
    if (at) jw_key(&w, "at"), jw_strz(&w, clock_text(at, time));
    else jw_key(&w, "on"), jw_bool(&w, on);
    jw_close(&w, '}');
    send_text(c);
}

/* ---- the second ---- */

static void beat(struct agent_conn *c)
{
    struct act act;
    struct router *r = c->router;
    fill_act(c, &act, ACT_HEARTBEAT);
    buf_clear(&r->packed);
    record_pack(&r->packed, &act_record, &act);
    if (!r->packed.err)
        (void)leader_send_act(r, c->workspace, buf_str(&r->packed)); /* the next one does as well: a lease lasts three */
}

void agents_tick(struct router *r, uint64_t now)
{
    struct agent_conn *c;
    bool due = now - r->beat >= BEAT_MS;
    if (due) r->beat = now;
    for (size_t i = 0; (c = map_next(&r->agents.by_key, &i));) {
        drop_late(c, now);
        if (!c->welcome) conn_connect(c);
        else if (due) beat(c);
    }
}
