/* An offer's record as JSON. Members that say nothing are left out. */
#include "router/offer_json.h"

#include "base/clock.h"
#include "base/json.h"

#include <stdio.h>

static void put_token(struct jw *w, uint64_t epoch, uint64_t seq)
{
    char text[48];
    snprintf(text, sizeof text, "%llu.%llu", (unsigned long long)epoch, (unsigned long long)seq);
    jw_key(w, "token"), jw_strz(w, text);
}

static void put_messages(struct jw *w, const struct list *messages)
{
    const struct message *m = messages->items;
    char text[25];
    jw_key(w, "messages"), jw_open(w, '[');
    for (uint32_t i = 0; i < messages->count; i++) {
        jw_open(w, '{');
        jw_key(w, "at"), jw_strz(w, clock_text(m[i].at, text));
        jw_key(w, "by"), jw_str(w, m[i].by);
        jw_key(w, "text"), jw_str(w, m[i].text);
        jw_close(w, '}');
    }
    jw_close(w, ']');
}

static void put_names(struct jw *w, const char *name, const struct list *tags)
{
    const struct tag *tag = tags->items;
    jw_key(w, name), jw_open(w, '[');
    for (uint32_t i = 0; i < tags->count; i++) jw_str(w, tag[i].name);
    jw_close(w, ']');
}

static void put_owners(struct jw *w, const struct list *owners)
{
    const struct holder *h = owners->items;
    jw_key(w, "owners"), jw_open(w, '[');
    for (uint32_t i = 0; i < owners->count; i++) jw_str(w, h[i].agent);
    jw_close(w, ']');
}

static void put_needs(struct jw *w, const struct list *needs)
{
    const struct need *need = needs->items;
    char name[65];
    jw_key(w, "needs"), jw_open(w, '{');
    for (uint32_t i = 0; i < needs->count; i++) {
        snprintf(name, sizeof name, "%.*s", STR_FMT(need[i].skill));
        jw_key(w, name), jw_u64(w, need[i].level);
    }
    jw_close(w, '}');
}

/* Tickets that the customer had before, the latest first. */
static void put_previous(struct jw *w, const struct list *previous)
{
    const struct previous *p = previous->items;
    char text[ID_TEXT + 1];
    jw_key(w, "previous"), jw_open(w, '[');
    for (uint32_t i = 0; i < previous->count; i++) {
        jw_open(w, '{');
        jw_key(w, "ticket"), jw_strz(w, id_text(&p[i].ticket, text));
        jw_time(w, "at", p[i].at);
        jw_text(w, "queue", p[i].queue);
        jw_text(w, "agent", p[i].agent);
        if (p[i].state != TK_INVALID) jw_key(w, "state"), jw_strz(w, ticket_state_words.v[p[i].state]);
        jw_text(w, "intent", p[i].intent);
        jw_close(w, '}');
    }
    jw_close(w, ']');
}

/* The texts of an offer, in the order in which they are told. */
static const struct offer_text {
    const char *name;
    size_t offset;
} offer_texts[] = {
    { "channel", offsetof(struct offer, channel) },
    { "account", offsetof(struct offer, account) },
    { "conversation", offsetof(struct offer, conversation) },
    { "customer", offsetof(struct offer, customer) },
    { "name", offsetof(struct offer, name) },
    { "language", offsetof(struct offer, language) },
    { "intent", offsetof(struct offer, intent) },
    { "subject", offsetof(struct offer, subject) },
};

static void put_ticket(struct jw *w, const struct offer *o)
{
    jw_key(w, "expires_in_ms"), jw_u64(w, o->expires_in);
    for (size_t i = 0; i < sizeof offer_texts / sizeof *offer_texts; i++)
        jw_text(w, offer_texts[i].name, *(const struct str *)((const char *)o + offer_texts[i].offset));
    jw_key(w, "score"), jw_f64(w, o->score);
    if (o->sentiment != SENT_UNKNOWN) jw_key(w, "sentiment"), jw_strz(w, sentiment_words.v[o->sentiment]);
    if (o->confidence > 0) jw_key(w, "confidence"), jw_f64(w, o->confidence);
    put_needs(w, &o->needs);
    put_names(w, "tags", &o->tags);
    if (o->rules.count) put_names(w, "rules", &o->rules);
    if (o->owners.count) put_owners(w, &o->owners);
    if (o->previous.count) put_previous(w, &o->previous);
    jw_time(w, "created", o->created);
    jw_time(w, "deadline", o->deadline);
    put_messages(w, &o->messages);
}

static const struct what_row {
    const char *what;
    bool whole; /* with all that an agent must see of a ticket; else only what happened */
} what_rows[] = {
    { "offer", true },     { "assigned", true }, { "message", true }, { "withdrawn", false }, { "ended", false },
    { "returned", false }, { "changed", true },  { "consult", true }, { "notice", false },    { "message_state", false },
};

static const struct what_row *what_of(struct str what)
{
    for (size_t i = 0; i < sizeof what_rows / sizeof *what_rows; i++) {
        if (str_is(what, what_rows[i].what)) return &what_rows[i];
    }
    return NULL;
}

bool offer_json(struct buf *out, const struct offer *o)
{
    char text[ID_TEXT + 1];
    const struct what_row *what = what_of(o->what);
    if (!what) return false;
    struct jw w = jw_on(out);
    jw_open(&w, '{');
    jw_key(&w, "type"), jw_strz(&w, what->what);
    jw_key(&w, "ticket"), jw_strz(&w, id_text(&o->ticket, text));
    if (o->token_epoch) put_token(&w, o->token_epoch, o->token_seq);
    if (o->state != TK_INVALID) jw_key(&w, "state"), jw_strz(&w, ticket_state_words.v[o->state]);
    jw_text(&w, "queue", o->queue);
    jw_key(&w, "urgency"), jw_strz(&w, urgency_words.v[o->urgency]);
    if (what->whole) put_ticket(&w, o);
    jw_text(&w, "cause", o->cause);
    if (!id_is_none(&o->message)) jw_key(&w, "message"), jw_strz(&w, id_text(&o->message, text));
    jw_text(&w, "why", o->why);
    jw_close(&w, '}');
    return true;
}
