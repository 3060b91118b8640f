/* Replies by a request that the policy describes: holes filled, nothing more. Pure.

   What fills a hole in the URL is percent-encoded, so that it stays within its part of the path; in JSON and forms it is escaped;
   in a header it may have no control characters. So a customer's text can never add anything to a request but itself. */
#include "base/limits.h"
#include "router/channels/generic.h"
#include "router/sender.h"

#include <stdio.h>
#include <stdlib.h>

enum quoting { AS_IS, PERCENT, HEADER };

struct filling {
    const struct door *door;
    const struct message_out *message;
    const struct json *reply; /* what channel_reply_with kept */
    char id[ID_TEXT + 1], ticket[ID_TEXT + 1];
};

static struct str of_id(const struct id *id, char out[ID_TEXT + 1]) { return (struct str){ id_text(id, out), ID_TEXT }; }

static struct str hole(struct filling *f, const struct piece *p)
{
    const struct message_out *m = f->message;
    switch ((enum send_name)p->name) {
    case SEND_TEXT: return m->text;
    case SEND_CUSTOMER: return m->customer;
    case SEND_CONVERSATION: return m->conversation;
    case SEND_MESSAGE: return of_id(&m->id, f->id);
    case SEND_TICKET: return of_id(&m->ticket, f->ticket);
    case SEND_SUBJECT: return m->subject;
    case SEND_LANGUAGE: return m->language;
    case SEND_BY: return m->by;
    case SEND_TOKEN: return (struct str){ f->door->token.p, f->door->token.n };
    case SEND_FROM: return str_of(f->door->account->from);
    case SEND_ACCOUNT_ID: return str_of(f->door->account->id);
    case SEND_KEEP: return json_str(json_get(f->reply, p->keep));
    }
    return STR_NONE;
}

static void add_percent(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i], low = c | 0x20;
        if ((low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || strchr("-_~", c)) buf_addc(out, (char)c);
        else if (c == '.' && s.n > 2) buf_addc(out, '.'); /* "." and ".." alone would be steps of the path */
        else buf_addf(out, "%%%02X", c);
    }
}

static bool fits_header(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f) return false;
    return true;
}

static enum err fill(struct filling *f, const struct pieces *p, enum quoting q, struct buf *out)
{
    for (uint32_t i = 0; i < p->count; i++) {
        bool text = p->v[i].name < 0;
        struct str s = text ? p->v[i].text : hole(f, &p->v[i]);
        if (q == HEADER && !fits_header(s)) return ERR_RANGE;
        if (q == PERCENT && !text) {
            if (!s.n) return ERR_NOTFOUND;
            add_percent(out, s);
        } else buf_addstr(out, s);
    }
    return out->err;
}

/* ---- bodies ---- */

static void write_text(struct filling *f, const struct send_node *n, struct jw *w)
{
    struct buf text;
    buf_init(&text, LIM_TEXT * 2);
    (void)fill(f, &n->text, AS_IS, &text);
    if (text.err) w->out->err = text.err;
    jw_str(w, buf_str(&text));
    buf_fini(&text);
}

/* Its depth is the policy's, LIM_YAML_DEPTH at most. */
static void write_node(struct filling *f, const struct send_node *n, struct jw *w)
{
    if (n->type == NODE_TEXT) write_text(f, n, w);
    else if (n->type == NODE_PLAIN) jw_raw(w, n->plain);
    else {
        jw_open(w, n->type == NODE_MAP ? '{' : '[');
        for (const struct send_node *c = n->first; c; c = c->next) {
            if (n->type == NODE_MAP) jw_key(w, c->key);
            write_node(f, c, w);
        }
        jw_close(w, n->type == NODE_MAP ? '}' : ']');
    }
}

static void write_form(struct filling *f, const struct send_node *body, struct buf *out)
{
    for (const struct send_node *c = body->first; c; c = c->next) {
        struct buf text;
        buf_init(&text, LIM_TEXT * 2);
        (void)fill(f, &c->text, AS_IS, &text);
        if (c->type == NODE_PLAIN) buf_addstr(&text, c->plain);
        if (out->n) buf_addc(out, '&');
        add_percent(out, str_of(c->key));
        buf_addc(out, '=');
        add_percent(out, buf_str(&text));
        if (text.err) out->err = text.err;
        buf_fini(&text);
    }
}

/* ---- the plan ---- */

static enum err write_headers(struct filling *f, const struct inbound_send *s, struct buf *out)
{
    enum err e = ERR_OK;
    buf_addf(out, "Content-Type: %s\n", s->as == SEND_FORM ? "application/x-www-form-urlencoded" : "application/json");
    for (uint32_t i = 0; i < s->headers.count && !e; i++) {
        buf_addf(out, "%s: ", s->headers.v[i].name);
        e = fill(f, &s->headers.v[i].value, HEADER, out);
        buf_addc(out, '\n');
    }
    return e;
}

static enum err write_request(struct filling *f, const struct inbound_send *s, struct send_plan *out)
{
    enum err e = fill(f, &s->url, PERCENT, &out->url);
    if (!e) e = write_headers(f, s, &out->headers);
    struct jw w = jw_on(&out->body);
    if (!e && s->as == SEND_FORM) write_form(f, s->body, &out->body);
    else if (!e) write_node(f, s->body, &w);
    return e ? e : out->body.err;
}

static enum err plan(const struct door *d, const struct message_out *m, struct send_plan *out, char why[200])
{
    const struct inbound_send *s = &d->account->inbound.send;
    struct filling f = { .door = d, .message = m };
    struct json *reply = NULL;
    const char *because;
    size_t at;
    if (!s->url.count || !s->body) {
        snprintf(why, 200, "the account says no way to send: `send` in the policy");
        return ERR_RANGE;
    }
    if (m->with.n && !json_parse(&reply, m->with, 4, &at, &because)) f.reply = reply;
    out->how = SEND_HTTP;
    out->method = send_method_words.v[s->method];
    enum err e = write_request(&f, s, out);
    json_free(reply);
    if (s->user) out->user = str_of(s->user), out->password = (struct str){ d->token.p, d->token.n };
    if (e == ERR_NOTFOUND) snprintf(why, 200, "a part of the URL is not known of this message");
    else if (e) snprintf(why, 200, "the request cannot be written: %s", err_text(e));
    return e ? ERR_RANGE : ERR_OK;
}

/* ---- what came of it ---- */

static void read_external(const struct door *d, const struct send_answer *a, struct send_result *out)
{
    const struct inbound_send *s = &d->account->inbound.send;
    struct door own = *d;
    struct delivery in = { .body = a->body };
    struct channel_in c;
    struct arena arena;
    const struct json *doc;
    if (!s->external.count) return;
    arena_init(&arena, LIM_OUT_ANSWER * 8);
    channel_in_init(&c, &own, &in, &arena);
    if (!channel_json(&c, &doc)) {
        struct mapped m = { .c = &c, .body = doc, .item = doc };
        struct str id = value_text(&m, &s->external);
        snprintf(out->external, sizeof out->external, "%.*s", STR_FMT(id));
    }
    channel_in_fini(&c);
    arena_fini(&arena);
}

static void judge(const struct door *d, const struct send_answer *a, struct send_result *out)
{
    if (a->status >= 200 && a->status < 300) {
        out->end = SEND_DONE;
        read_external(d, a, out);
    } else if (a->status == 429 || a->status == 503) {
        out->end = SEND_AGAIN;
        out->after_ms = a->retry_after_s > 3600 ? 3600000 : a->retry_after_s * 1000;
    } else if (a->status >= 500 || a->status == 408) {
        out->end = SEND_UNKNOWN;
    } else {
        out->end = SEND_REFUSED;
    }
    if (out->end != SEND_DONE) snprintf(out->why, sizeof out->why, "the provider answered %u", a->status);
}

/* ---- the account's own limits ---- */

/* Lives with the door, and is written anew each time: the policy may have changed since. */
const struct sender *generic_sender_for(const struct door *d)
{
    const struct inbound_send *s = &d->account->inbound.send;
    struct sender *own = d->own ? d->own : calloc(1, sizeof *own);
    ((struct door *)d)->own = own;
    if (!own || !s->url.count) return NULL;
    *own = (struct sender){ .text_max = s->text_max,
                            .per_second = s->rate,
                            .window_ms = s->window_ms,
                            .repeatable = s->repeatable,
                            .plan = plan,
                            .judge = judge };
    return own;
}

void generic_close(struct door *d)
{
    free(d->own);
    d->own = NULL;
}
