/* A customer's socket, and what its client says. From the handshake to its hello a socket has no chat: it may say nothing else, and
   is closed when the hello does not come. From then on it is in its chat's list until it closes.

   A message is under way (struct widget_send) from its word to its line's commit: first the event, then the line, each a row; only
   then comes the ack. A client that hears none sends it again under the same id: the event is the same one, and so is the line.
   Whatever closes meanwhile, a message under way holds its chat and its socket's place; the last one frees the place. */
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "router/channels/widget_impl.h"
#include "router/router.h"

#include <stdio.h>
#include <stdlib.h>

static const struct rate word_rate = { .burst = 60, .per_minute = 600 };   /* anything at all: beyond it the socket is closed */
static const struct rate message_rate = { .burst = 10, .per_minute = 60 }; /* refused with an error */
static const struct rate sign_rate = { .burst = 20, .per_minute = 120 };   /* typing, read: dropped */

struct widget_send {
    struct widget_conn *conn;
    struct chat *chat;
    struct chat_line *line;
    struct id id;
    uint32_t ref_n, text_n;
    char bytes[]; /* ref, text */
};

/* ---- the end of a socket ---- */

static void conn_free(struct widget_conn *c)
{
    if (c->sock || c->sends) return;
    door_unref(c->door);
    free(c->who);
    free(c);
}

static void leave_chat(struct widget_conn *c)
{
    if (!c->chat) return;
    for (struct widget_conn **p = &c->chat->conns; *p; p = &(*p)->next) {
        if (*p != c) continue;
        *p = c->next;
        break;
    }
    c->chat->held--;
    c->chat = NULL;
}

static void on_close(void *ctx, struct ws *sock, unsigned code)
{
    struct widget_conn *c = ctx;
    struct widget *w = &c->router->widget;
    (void)sock, (void)code;
    leave_chat(c);
    TAILQ_REMOVE(&w->conns, c, all);
    metric_set(MET_CHATS, "", --w->conn_count);
    c->sock = NULL;
    conn_free(c);
}

/* ---- hello ---- */

static bool take_claims(struct widget_conn *c, const struct widget_claims *claims)
{
    char *who = malloc((size_t)claims->name_n + claims->facts_n + claims->sub_n + 1);
    if (!who) return false;
    memcpy(who, claims->name, claims->name_n);
    memcpy(who + claims->name_n, claims->facts, claims->facts_n);
    memcpy(who + claims->name_n + claims->facts_n, claims->sub, claims->sub_n);
    free(c->who);
    c->who = who;
    c->name_n = (uint16_t)claims->name_n;
    c->facts_n = (uint16_t)claims->facts_n;
    c->sub_n = (uint16_t)claims->sub_n;
    c->exp = claims->exp;
    return true;
}

static void refuse_close(struct widget_conn *c, unsigned code, const char *cause, const char *error, const char *why)
{
    metric_add(MET_CHANNEL_REFUSED, cause, 1);
    widget_tell_error(c, STR_NONE, error, why, 0);
    ws_close(c->sock, code, error);
}

static bool take_token(struct widget_conn *c, struct str token)
{
    struct widget_claims claims;
    enum token_fault f =
        widget_token_read(&claims, token, c->door->secrets, c->door->secret_count, str_of(c->door->account->name), clock_wall_ms());
    if (f) refuse_close(c, WIDGET_BAD_TOKEN, token_fault_cause(f), "token", token_fault_text(f));
    else if (!take_claims(c, &claims)) ws_close(c->sock, 1013, "out of memory");
    else return true;
    return false;
}

static void send_one_home(struct widget_conn *c, uint32_t home)
{
    metric_add(MET_CHANNEL_REFUSED, "router", 1);
    widget_tell_elsewhere(c, home);
    ws_close(c->sock, WIDGET_ELSEWHERE, "wrong-router");
}

void widget_send_home(struct chat *chat, uint32_t home)
{
    for (struct widget_conn *c = chat->conns, *next; c; c = next) {
        next = c->next;
        send_one_home(c, home);
    }
}

/* The oldest of too many tabs goes. */
static void bound_tabs(struct chat *chat)
{
    struct widget_conn *last = chat->conns;
    uint32_t n = 1;
    for (; last->next; last = last->next) n++;
    if (n > LIM_CHAT_TABS) refuse_close(last, WIDGET_TOO_MANY, "tabs", "too-many", "the chat is open in too many places");
}

static bool join_chat(struct widget_conn *c)
{
    struct router *r = c->router;
    struct str account = str_of(c->door->account->name), sub = { c->who + c->name_n + c->facts_n, c->sub_n };
    struct chat *chat;
    enum err e =
        chats_take(&r->widget.chats, account, sub, events_conversation_key(&r->events, account, sub), clock_wall_ms(), &chat);
    if (e) {
        refuse_close(c, 1013, "chats", "overloaded", "too many chats are open here; try again later");
        return false;
    }
    chat->held++;
    c->chat = chat;
    c->next = chat->conns;
    chat->conns = c;
    bound_tabs(chat);
    return true;
}

static void say_hello(struct widget_conn *c, const struct json *doc)
{
    struct str token = json_str(json_get(doc, "token"));
    const struct json *after = json_get(doc, "after");
    uint64_t seq = 0;
    if (after && !json_is_u64(after, &seq)) {
        widget_tell_error(c, STR_NONE, "bad-message", "\"after\" must be the seq of the last message that you have", 0);
        return;
    }
    if (c->chat) { /* a second hello is asked for what was missed, no more */
        widget_tell_lines(c, seq);
        return;
    }
    if (token.n && !take_token(c, token)) return;
    if (!c->who) {
        refuse_close(c, WIDGET_BAD_TOKEN, "unsigned", "token", "the hello needs a token");
        return;
    }
    if (!join_chat(c)) return;
    uint32_t home = widget_home(c->router, c->chat);
    if (home != c->router->number) {
        send_one_home(c, home);
        return;
    }
    widget_state_find(c->router, c->chat);
    widget_tell_welcome(c, seq);
    widget_tell_lines(c, seq);
    if (c->chat->state == CHAT_WAITING) widget_ask_wait(c->router, c->chat);
    widget_tell_state(&c->router->widget, c->chat, c, 0, -1);
}

/* ---- messages ---- */

static void send_free(struct widget_send *s)
{
    struct widget_conn *c = s->conn;
    s->chat->held--;
    c->sends--;
    conn_free(c);
    free(s);
}

static struct str send_ref(const struct widget_send *s) { return (struct str){ s->bytes, s->ref_n }; }

static void send_later(struct widget_send *s, const char *problem, const char *why, uint32_t wait_ms)
{
    if (s->conn->chat) widget_tell_error(s->conn, send_ref(s), problem, why, wait_ms);
    send_free(s);
}
static void send_failed(struct widget_send *s, const char *problem, const char *why) { send_later(s, problem, why, 1000); }

static void on_line(void *ctx, enum err e, uint64_t number)
{
    struct widget_send *s = ctx;
    struct chat_line *l = s->line;
    (void)number;
    if (e) {
        chat_unsay(l);
        send_failed(s, "journal-full", "it could not be stored; send it again later");
        return;
    }
    l->durable = true;
    widget_tell_line(l, s->conn);
    if (s->conn->chat) widget_tell_ack(s->conn, line_ref(l), l->seq);
    send_free(s);
}

/* The event is durable: the line of it, once. */
static void on_event(void *ctx, const struct intake_end *end)
{
    struct widget_send *s = ctx;
    struct router *r = s->conn->router;
    struct chat_words words = { .by = CHAT_CUSTOMER, .ref = send_ref(s), .text = { s->bytes + s->ref_n, s->text_n } };
    if (end->status) {
        bool fast = end->wait_ms; /* what the account as a whole may bring is no visitor's business */
        metric_add(MET_CHANNEL_REFUSED, fast ? "rate" : end->problem, 1);
        send_later(s, fast ? "busy" : end->problem, fast ? "too much comes in now; it is sent again" : end->why,
                   fast ? end->wait_ms : 1000);
        return;
    }
    enum err e = chat_say(s->chat, &s->id, &words, clock_wall_ms(), &s->line);
    if (e == ERR_EXISTS && s->line->durable) {
        if (s->conn->chat) widget_tell_ack(s->conn, line_ref(s->line), s->line->seq);
        send_free(s);
    } else if (e == ERR_EXISTS) { /* sent twice at once: the first one's ack is near, and this client sends again if it misses it */
        send_failed(s, "busy", "this message is being stored; send it again");
    } else if (e || widget_keep_line(r, s->line, on_line, s)) {
        if (!e) chat_unsay(s->line);
        send_failed(s, "journal-full", "it could not be stored; send it again later");
    }
}

static void fill_facts(const struct widget_conn *c, struct channel_in *in, struct event *e)
{
    const char *p = c->who + c->name_n, *end = p + c->facts_n;
    while (p < end) {
        const char *value = p + strlen(p) + 1;
        channel_attribute(in, e, p, str_of(value));
        p = value + strlen(value) + 1;
    }
}

static void send_event(struct widget_conn *c, struct widget_send *s)
{
    struct router *r = c->router;
    struct delivery from = { .now = clock_wall_ms() };
    struct channel_in in;
    struct event e = { .kind = EVENT_MESSAGE };
    struct intake_end none = { .status = 503, .problem = "overloaded", .why = "no memory for this message" };
    arena_clear(&r->widget.scratch);
    channel_in_init(&in, c->door, &from, &r->widget.scratch);
    in.events = &e;
    in.count = 1;
    e.conversation = e.customer = chat_customer(s->chat);
    e.external = channel_text(&in, "%.*s/%.*s", STR_FMT(e.customer), STR_FMT(send_ref(s)));
    e.name = (struct str){ c->who, c->name_n };
    e.text = (struct str){ s->bytes + s->ref_n, s->text_n };
    fill_facts(c, &in, &e);
    enum err err = channel_complete(&in, r->number);
    s->id = e.id;
    if (err) on_event(s, &none);
    else intake_events(r, clock_mono_us(), &e, 1, on_event, s); /* may be over before it returns: `s` and `c` may be gone */
    channel_in_fini(&in);
}

static size_t characters(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    return n;
}

static bool ref_ok(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char low = (char)(s.p[i] | 0x20);
        if (!(low >= 'a' && low <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9') && !strchr("-_.:", s.p[i])) return false;
    }
    return s.n > 0 && s.n <= 64;
}

static bool is_blank(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!strchr(" \t\r\n", s.p[i])) return false;
    return true;
}

static bool message_ok(struct widget_conn *c, struct str ref, struct str text)
{
    char why[120];
    uint32_t wait = 0;
    if (!ref_ok(ref)) {
        widget_tell_error(c, STR_NONE, "bad-message", "\"id\" must be 1 to 64 letters, digits and -_.: of your own", 0);
    } else if (is_blank(text)) {
        widget_tell_error(c, ref, "bad-message", "\"text\" is empty", 0);
    } else if (characters(text) > LIM_CHAT_TEXT) {
        snprintf(why, sizeof why, "the message has %zu characters; at most %u are taken", characters(text), LIM_CHAT_TEXT);
        widget_tell_error(c, ref, "too-long", why, 0);
    } else if (!bucket_take(&c->messages, &message_rate, router_now(c->router), &wait)) {
        widget_tell_error(c, ref, "too-fast", "too many messages at once; send it again a little later", wait);
    } else {
        return true;
    }
    metric_add(MET_CHANNEL_REFUSED, wait ? "rate" : "message", 1);
    return false;
}

static void say_message(struct widget_conn *c, const struct json *doc)
{
    struct str ref = json_str(json_get(doc, "id")), text = json_str(json_get(doc, "text"));
    if (!message_ok(c, ref, text)) return;
    struct widget_send *s = malloc(sizeof *s + ref.n + text.n);
    if (!s) {
        widget_tell_error(c, ref, "overloaded", "no memory for this message", 1000);
        return;
    }
    *s = (struct widget_send){ .conn = c, .chat = c->chat, .ref_n = (uint32_t)ref.n, .text_n = (uint32_t)text.n };
    memcpy(s->bytes, ref.p, ref.n);
    memcpy(s->bytes + ref.n, text.p, text.n);
    c->sends++;
    c->chat->held++;
    metric_add(MET_CHAT_LINES, "customer", 1);
    send_event(c, s);
}

/* ---- signs: typing, read ---- */

static const struct kept_ticket *ticket_held(const struct widget_conn *c)
{
    const struct kept_ticket *t = events_conversation(&c->router->events, c->chat->conversation);
    return t && t->agent ? t : NULL;
}

static void say_typing(struct widget_conn *c, const struct json *doc)
{
    const struct kept_ticket *t = ticket_held(c);
    bool on = json_bool(json_get(doc, "on"));
    if (!bucket_take(&c->signs, &sign_rate, router_now(c->router), NULL)) return;
    if (t) agents_sign(c->router, t->workspace, str_of(t->agent), "typing", &t->id, on, 0);
}

static void say_read(struct widget_conn *c, const struct json *doc)
{
    const struct kept_ticket *t = ticket_held(c);
    uint64_t seq = 0;
    if (!json_is_u64(json_get(doc, "seq"), &seq)) {
        widget_tell_error(c, STR_NONE, "bad-message", "\"seq\" must be that of the last message which was read", 0);
        return;
    }
    if (!bucket_take(&c->signs, &sign_rate, router_now(c->router), NULL)) return;
    widget_tell_sign(&c->router->widget, c->chat, c, "read", "customer", true, seq); /* the other tabs' badges */
    const struct chat_line *next = chat_after(c->chat, seq ? seq - 1 : 0);
    if (t && next) agents_sign(c->router, t->workspace, str_of(t->agent), "read", &t->id, true, next->at);
}

/* ---- words ---- */

static const struct word_row {
    const char *type;
    bool early; /* before hello */
    void (*fn)(struct widget_conn *c, const struct json *doc);
} word_rows[] = {
    { "hello", true, say_hello },
    { "message", false, say_message },
    { "typing", false, say_typing },
    { "read", false, say_read },
};

static void on_doc(struct widget_conn *c, const struct json *doc)
{
    struct str type = json_str(json_get(doc, "type"));
    const struct word_row *row = word_rows, *end = row + sizeof word_rows / sizeof *word_rows;
    while (row < end && !str_is(type, row->type)) row++;
    if (row == end) widget_tell_error(c, STR_NONE, "bad-message", "\"type\" must be hello, message, typing or read", 0);
    else if (!c->chat && !row->early) refuse_close(c, WIDGET_NO_HELLO, "unsigned", "hello", "say hello first");
    else row->fn(c, doc);
}

static void on_text(void *ctx, struct ws *sock, struct str text)
{
    struct widget_conn *c = ctx;
    struct json *doc = NULL;
    const char *why = NULL;
    size_t at = 0;
    (void)sock;
    if (!bucket_take(&c->words, &word_rate, router_now(c->router), NULL)) {
        refuse_close(c, WIDGET_TOO_FAST, "rate", "too-fast", "too many words at once");
        return;
    }
    if (json_parse(&doc, text, 8, &at, &why)) widget_tell_error(c, STR_NONE, "bad-json", why, 0);
    else on_doc(c, doc);
    json_free(doc);
}

/* ---- opening ---- */

void widget_connect(struct router *r, struct door *d, struct http_req *req, const struct widget_claims *claims, uint32_t home)
{
    struct widget *w = &r->widget;
    struct widget_conn *c = calloc(1, sizeof *c);
    struct ws_cfg cfg = {
        .ctx = c, .ping_ms = WIDGET_PING_MS, .message_max = WIDGET_MESSAGE, .on_text = on_text, .on_close = on_close
    };
    if (!c || (claims && !take_claims(c, claims))) {
        free(c);
        http_problem(req, 503, "overloaded", "out of memory");
        return;
    }
    c->router = r;
    c->door = door_ref(d);
    c->opened = router_now(r);
    if (http_upgrade(req, &cfg, WIDGET_PROTOCOL, &c->sock)) {
        conn_free(c);
        return;
    }
    TAILQ_INSERT_TAIL(&w->conns, c, all);
    metric_set(MET_CHATS, "", ++w->conn_count);
    if (home != r->number) send_one_home(c, home);
}
