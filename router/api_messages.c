/* Messages to customers over HTTP. A reply is an act of the ticket: the leader says who may, and the answer comes when the ticket's
   home has the intent on its disk. Messages are told by their ticket's home, which sends them. */
#include "router/act_body.h"
#include "router/api.h"
#include "router/messages.h"

#include <stdio.h>
#include <stdlib.h>

#define LIST_MAX         100u  /* messages of a router on one page */
#define CONVERSATION_MAX 1000u /* of a ticket */

/* ---- writing one ---- */

struct posted { /* a reply under way */
    struct router *router;
    struct http_req *req;
    struct id message;
    bool recorded;
};

/* What the leader says of the ticket, with the message in front of it. */
static void answer_posted(const struct posted *p, struct str body)
{
    const struct out_message *m = sending_find(&p->router->messages.sending, &p->message);
    enum message_state state = m ? m->state : p->recorded ? MESSAGE_RECORDED : MESSAGE_QUEUED;
    char id[ID_TEXT + 1];
    struct buf out;
    buf_init(&out, 8u << 20);
    struct jw w = jw_on(&out);
    jw_open(&w, '{');
    jw_key(&w, "message"), jw_strz(&w, id_text(&p->message, id));
    jw_key(&w, "message_state"), jw_strz(&w, message_state_words.v[state]);
    if (body.n > 2) {
        buf_addc(&out, ',');
        leader_json(&out, (struct str){ body.p + 1, body.n - 2 });
    }
    jw_close(&w, '}');
    if (out.err) http_problem(p->req, 503, "overloaded", "out of memory");
    else http_json(p->req, 200, buf_str(&out));
    buf_fini(&out);
}

static void on_posted(void *ctx, const struct result *res)
{
    struct posted *p = ctx;
    if (res->status < 300) answer_posted(p, res->body);
    else answer_result(p->req, res);
    free(p);
}

/* Under an Idempotency-Key a message has the id of its asker, key and words: who asks again after a crash, which forgets keys but
   no message, writes the same one. */
static void name_by_key(const struct call *c, struct act *act)
{
    struct str key = http_header(c->req, "idempotency-key");
    char who[256], ticket[ID_TEXT + 1];
    struct buf b;
    if (!key.n) return;
    buf_init(&b, act->text.n + act->subject.n + key.n + 64);
    buf_addf(&b, "%s %.*s %.*s ", id_text(&act->ticket, ticket), STR_FMT(key), STR_FMT(act->subject));
    buf_addstr(&b, act->text);
    snprintf(who, sizeof who, "%s %s", c->token->workspace, c->token->subject);
    if (!b.err) act->message = id_at_home(id_of_event(str_of(who), buf_str(&b)), id_home(&act->ticket));
    buf_fini(&b);
}

static void ask_posted(struct call *c, uint16_t ws, struct act *act)
{
    const struct kept_ticket *t = events_ticket(&c->router->events, &act->ticket);
    struct posted *p = malloc(sizeof *p);
    enum err e = p ? ERR_OK : ERR_NOMEM;
    name_by_key(c, act);
    messages_name(c->router, act);
    if (p) *p = (struct posted){ c->router, c->req, act->message, act->sent || (t && !messages_sends(c->router, t)) };
    if (!e) e = acts_ask(&c->router->acts, ws, act, true, router_now(c->router), on_posted, p);
    if (!e) return;
    http_problem(c->req, 503, "overloaded", "too many questions are under way");
    free(p);
}

void post_message(struct call *c)
{
    struct json *doc;
    struct act act;
    struct act_room room;
    struct result no;
    struct id id;
    uint16_t ws;
    char why[200];
    if (!call_id(c, &id) || !call_ticket_workspace(c, &id, &ws) || !body_object(c->req, &doc)) return;
    call_act(c, ws, &act);
    act.ticket = id;
    if (call_read_act(c, doc, &act, &room)) {
        if (messages_may(c->router, &act, &no, why)) ask_posted(c, ws, &act);
        else answer_result(c->req, &no);
    }
    json_free(doc);
}

/* ---- telling of them ---- */

static void put_out(struct jw *w, const struct out_message *m)
{
    char id[ID_TEXT + 1];
    jw_open(w, '{');
    jw_key(w, "id"), jw_strz(w, id_text(&m->id, id));
    jw_key(w, "ticket"), jw_strz(w, id_text(&m->row.ticket, id));
    jw_time(w, "at", m->row.at);
    jw_key(w, "by"), jw_str(w, m->row.by.n ? m->row.by : STR("policy"));
    if (m->row.word.n) jw_key(w, "word"), jw_str(w, m->row.word);
    if (m->row.subject.n) jw_key(w, "subject"), jw_str(w, m->row.subject);
    jw_key(w, "text"), jw_str(w, m->row.text);
    jw_key(w, "account"), jw_str(w, m->row.account);
    jw_key(w, "state"), jw_strz(w, message_state_words.v[m->state]);
    jw_time(w, "since", m->at);
    if (m->receipt) jw_key(w, "receipt"), jw_strz(w, receipt_words.v[m->receipt]);
    if (m->parts > 1) jw_key(w, "parts"), jw_u64(w, m->parts), jw_key(w, "parts_sent"), jw_u64(w, sending_parts_taken(m));
    if (m->why[0]) jw_key(w, "why"), jw_strz(w, m->why);
    if (m->tries) jw_key(w, "tries"), jw_u64(w, m->tries);
    jw_close(w, '}');
}

static void put_in(struct jw *w, const struct event *e)
{
    char id[ID_TEXT + 1];
    jw_open(w, '{');
    jw_key(w, "id"), jw_strz(w, id_text(&e->id, id));
    jw_time(w, "at", e->received);
    jw_key(w, "by"), jw_strz(w, "customer");
    if (e->subject.n) jw_key(w, "subject"), jw_str(w, e->subject);
    jw_key(w, "text"), jw_str(w, e->text);
    jw_close(w, '}');
}

/* A page of a conversation as it is told: what stands before it is passed over, what follows it is only counted. */
struct page {
    struct jw *w;
    struct id after, last; /* `after`: none once it was met */
    uint64_t left, more;
};

static bool on_page(struct page *p, const struct id *id)
{
    bool before = !id_is_none(&p->after);
    if (before && id_eq(&p->after, id)) p->after = (struct id){ { 0 } };
    if (before || !p->left) {
        p->more += !before;
        return false;
    }
    p->left--;
    p->last = *id;
    return true;
}

static void page_out(struct page *p, const struct out_message *m)
{
    if (on_page(p, &m->id)) put_out(p->w, m);
}

/* Both sides, in the order of their times: the customer's from the ticket's events, ours as they are kept. */
static void put_conversation(struct router *r, struct page *p, const struct kept_ticket *t)
{
    const struct ticket_messages *of = sending_of_ticket(&r->messages.sending, &t->id);
    const struct out_message *m = of ? TAILQ_FIRST(&of->all) : NULL;
    const struct kept_event *k;
    struct event e;
    TAILQ_FOREACH (k, &t->events, sibling) {
        arena_clear(&r->events.scratch);
        if (!k->packed || !k->reaches) continue;
        if (record_unpack(&event_record, &e, (struct str){ k->packed, k->packed_n }, &r->events.scratch)) continue;
        for (; m && m->row.at < e.received; m = TAILQ_NEXT(m, sibling)) page_out(p, m);
        if (on_page(p, &e.id)) put_in(p->w, &e);
    }
    for (; m; m = TAILQ_NEXT(m, sibling)) page_out(p, m);
}

static bool may_see(struct call *c, const struct kept_ticket *t, const struct id *id)
{
    bool agent = c->token->role == TOKEN_AGENT;
    if (!t && id_home(id) != c->router->number)
        http_problem(c->req, 421, "wrong-router", "router number %u keeps the ticket's messages, this is number %u: ask that one",
                     id_home(id), c->router->number);
    else if (!t) http_problem(c->req, 404, "ticket-not-found", "no live ticket has this id");
    else if (!call_sees(c, t->workspace)) http_problem(c->req, 404, "ticket-not-found", "there is no such ticket");
    else if (agent && (!t->agent || strcmp(t->agent, c->token->subject)))
        http_problem(c->req, 403, "forbidden", "the ticket is not yours");
    else return true;
    return false;
}

static void answer_buf(struct call *c, struct buf *out)
{
    if (out->err) http_problem(c->req, 503, "overloaded", "the answer is too large, or memory is short");
    else http_json(c->req, 200, buf_str(out));
    buf_fini(out);
}

void list_messages(struct call *c)
{
    struct id id;
    char text[ID_TEXT + 1];
    struct buf out;
    struct page p = { .more = 0 };
    if (!call_id(c, &id)) return;
    const struct kept_ticket *t = events_ticket(&c->router->events, &id);
    if (!may_see(c, t, &id) || !call_limit(c, CONVERSATION_MAX, CONVERSATION_MAX, &p.left) || !call_after(c, &p.after)) return;
    buf_init(&out, 8u << 20);
    struct jw w = jw_on(&out);
    jw_open(&w, '{');
    jw_key(&w, "ticket"), jw_strz(&w, id_text(&id, text));
    jw_key(&w, "messages"), jw_open(&w, '[');
    p.w = &w;
    put_conversation(c->router, &p, t);
    jw_close(&w, ']');
    if (p.more) jw_key(&w, "next"), jw_strz(&w, id_text(&p.last, text));
    jw_close(&w, '}');
    if (id_is_none(&p.after)) {
        answer_buf(c, &out);
        return;
    }
    answer_page_gone(c->req);
    buf_fini(&out);
}

static bool of_caller(const struct call *c, const struct out_message *m)
{
    return str_is(str_of(c->token->workspace), "*") || str_is(m->row.workspace, c->token->workspace);
}

/* The `most` least ids of those wanted, rising; *count: how many there are. One more than a page tells that there is another. */
struct found {
    const struct out_message *v[LIST_MAX + 1];
    size_t count, most;
};

static void found_add(struct found *f, const struct out_message *m)
{
    size_t at = f->count;
    if (f->count == f->most && id_cmp(&f->v[at - 1]->id, &m->id) < 0) return;
    if (f->count == f->most) at--;
    else f->count++;
    for (; at && id_cmp(&m->id, &f->v[at - 1]->id) < 0; at--) f->v[at] = f->v[at - 1];
    f->v[at] = m;
}

void find_messages(struct call *c)
{
    struct str state = http_param(c->req, "state");
    int word = words_find(&message_state_words, state.n ? state : STR("unknown"));
    const struct out_message *m;
    struct found found = { .count = 0 };
    struct id after;
    uint64_t limit;
    char text[ID_TEXT + 1];
    struct buf out;
    if (word < 0) {
        http_problem(c->req, 422, "bad-field", "\"state\" must be queued, sending, sent, failed, unknown or recorded");
        return;
    }
    if (!call_limit(c, LIST_MAX, LIST_MAX, &limit) || !call_after(c, &after)) return;
    found.most = limit + 1;
    for (size_t i = 0; (m = idmap_next(&c->router->messages.sending.by_id, &i));)
        if (m->state == (enum message_state)word && of_caller(c, m) && id_cmp(&after, &m->id) < 0) found_add(&found, m);
    buf_init(&out, 8u << 20);
    struct jw w = jw_on(&out);
    jw_open(&w, '{');
    jw_key(&w, "messages"), jw_open(&w, '[');
    for (size_t i = 0; i < found.count && i < limit; i++) put_out(&w, found.v[i]);
    jw_close(&w, ']');
    if (found.count > limit) jw_key(&w, "next"), jw_strz(&w, id_text(&found.v[limit - 1]->id, text));
    jw_close(&w, '}');
    answer_buf(c, &out);
}

/* ---- a person's word on one ---- */

/* A message's id names the router that sends it. */
static bool may_decide(struct call *c, const struct id *id, const struct out_message *m)
{
    if (!m && id_home(id) != c->router->number) {
        http_problem(c->req, 421, "wrong-router", "router number %u has the message, this is number %u: ask that one", id_home(id),
                     c->router->number);
        return false;
    }
    if (!m || !of_caller(c, m)) {
        http_problem(c->req, 404, "message-not-found", "this router keeps no such message");
        return false;
    }
    const struct kept_ticket *t = events_ticket(&c->router->events, &m->row.ticket);
    const char *me = c->token->subject;
    if (c->token->role != TOKEN_AGENT || str_is(m->row.by, me) || (t && t->agent && !strcmp(t->agent, me))) return true;
    http_problem(c->req, 403, "forbidden", "the message is not yours");
    return false;
}

static void decide(struct call *c, enum err (*fn)(struct router *r, struct out_message *m))
{
    struct id id;
    struct buf out;
    if (id_parse(c->arg[0], &id)) {
        http_problem(c->req, 404, "message-not-found", "this is not an id");
        return;
    }
    struct out_message *m = sending_find(&c->router->messages.sending, &id);
    if (!may_decide(c, &id, m)) return;
    enum err e = fn(c->router, m);
    if (e) {
        http_problem(c->req, e == ERR_STATE ? 409 : 503, e == ERR_STATE ? "wrong-state" : "overloaded", "the message is %s",
                     message_state_words.v[m->state]);
        return;
    }
    buf_init(&out, 1u << 20);
    struct jw w = jw_on(&out);
    put_out(&w, m);
    answer_buf(c, &out);
}

void resend_message(struct call *c) { decide(c, messages_resend); }
void confirm_message(struct call *c) { decide(c, messages_confirm); }
