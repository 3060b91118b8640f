/* Messenger, Instagram and WhatsApp (Cloud API), as Meta's Graph API calls them by webhook.
   https://developers.facebook.com/docs/graph-api/webhooks/getting-started
   https://developers.facebook.com/docs/messenger-platform/webhooks
   https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks

   A URL is confirmed by a GET that brings our word (`verify`) and is answered with the number it came with. What is posted is
   signed with the app's secret, whichever page or number it is for: entries of another one than the account's `id` are signed
   all right, and Meta would repeat the whole batch if we refused them, so they are skipped and counted.

   Two forms of entries: `messaging` (Messenger, Instagram) is a list of things that happened between a sender and the page;
   `changes` (WhatsApp) has a value with contacts, messages and statuses. One customer of one account is one conversation: the
   sender's id is both. What Meta tells of messages of ours (delivered, read, failed) goes to who keeps them. Texts point into the
   document, which lives in the arena until the answer. */
#include "router/channels/meta.h"

#include "router/channels/pick.h"
#include "router/messages.h"
#include "router/sign.h"

#include <stdio.h>

#define META_BODY   3145728u /* Meta's own limit of a payload */
#define META_SECOND 1000u

/* ---- is it Meta? ---- */

static enum verified meta_verify(const struct door *d, const struct delivery *in)
{
    if (in->method == HTTP_M_GET) return VERIFIED; /* the challenge brings its word in the query: meta_read looks */
    struct str said = in->header(in->ctx, "x-hub-signature-256");
    if (!said.n) return UNSIGNED;
    if (said.n <= 7 || memcmp(said.p, "sha256=", 7)) return BAD_SIGNATURE;
    said = (struct str){ said.p + 7, said.n - 7 };
    return channel_signed(d, SIGN_SHA256, &in->body, 1, said, sign_is_hex) ? VERIFIED : BAD_SIGNATURE;
}

static enum err challenge(struct channel_in *c)
{
    struct str mode = channel_form(c, c->in->query, "hub.mode"), word = channel_form(c, c->in->query, "hub.verify_token"),
               number = channel_form(c, c->in->query, "hub.challenge"), ours = { c->door->verify.p, c->door->verify.n };
    if (!str_is(mode, "subscribe"))
        return channel_refuse(c, 400, "malformed", "a GET here must be Meta's challenge (hub.mode=subscribe)");
    if (!ours.n || !sign_equal(word, ours))
        return channel_refuse(c, 403, "challenge", "hub.verify_token is not the account's `verify`");
    c->answer.type = "text/plain";
    buf_addstr(&c->answer.body, number);
    return ERR_OK;
}

/* ---- lists ---- */

/* Each item of a list that is a member of `around`. False: there is no such list, or nothing in it. */
static bool each(struct channel_in *c, const struct json *around, const char *member,
                 void (*fn)(struct channel_in *c, const struct json *around, const struct json *item))
{
    const struct json *list = pick(around, member), *first = list ? json_first(list) : NULL;
    if (!first || json_type(list) != JSON_ARRAY) return false;
    for (const struct json *item = first; item && !c->cause; item = json_next(item)) fn(c, around, item);
    return true;
}

/* ---- Messenger, Instagram ---- */

static void referral(struct channel_in *c, struct event *e, const struct json *r)
{
    if (!r) return;
    event_note(c, e, "event.referral", pick_text(r, "ref"));
    event_note(c, e, "event.referral.source", pick_text(r, pick(r, "source") ? "source" : "source_type"));
    event_note(c, e, "event.referral.ad", pick_id(c, r, pick(r, "ad_id") ? "ad_id" : "source_id"));
    event_note(c, e, "event.referral.headline", pick_text(r, "headline"));
    event_note(c, e, "event.referral.url", pick_text(r, pick(r, "source_url") ? "source_url" : "referer_uri"));
}

static struct event *from_sender(struct channel_in *c, const struct json *m, struct str external)
{
    struct str sender = pick_id(c, m, "sender.id");
    if (!sender.n || !external.n) return channel_skip(c, "incomplete"), NULL;
    struct event *e = channel_event(c);
    if (!e) return NULL;
    e->kind = EVENT_MESSAGE;
    e->external = external;
    e->customer = e->conversation = sender;
    event_at(c, e, pick_time(m, "timestamp", 1));
    return e;
}

static void read_message(struct channel_in *c, const struct json *m, const struct json *message)
{
    if (pick_true(message, "is_echo")) return channel_skip(c, "echo");
    if (pick_true(message, "is_deleted")) return channel_skip(c, "deleted");
    const struct json *files = pick(message, "attachments");
    if (!pick_text(message, "text").n && !(files && json_first(files))) return channel_skip(c, "unsupported");
    struct event *e = from_sender(c, m, pick_text(message, "mid"));
    if (!e) return;
    struct attachments a = { c, e, 0 };
    e->text = pick_text(message, "text");
    for (const struct json *f = files ? json_first(files) : NULL; f; f = json_next(f))
        attach(&a, pick_text(f, "type"), pick_text(f, "payload.title"), pick_text(f, "payload.url"));
    attach_end(&a);
    event_note(c, e, "event.payload", pick_text(message, "quick_reply.payload"));
    event_note(c, e, "event.reply_to", pick_text(message, "reply_to.mid"));
    event_note(c, e, "event.story", pick_id(c, message, "reply_to.story.id"));
    referral(c, e, pick(message, "referral"));
}

/* A word on a message of ours. Without a router (a test of what is pure) there is nobody to tell. */
static void our_message(struct channel_in *c, struct str id, enum receipt what)
{
    if (c->router && id.n && what) messages_receipt(c->router, c->door, id, what);
}

static void read_delivery(struct channel_in *c, const struct json *delivery)
{
    const struct json *list = pick(delivery, "mids");
    for (const struct json *id = list ? json_first(list) : NULL; id; id = json_next(id))
        our_message(c, json_str(id), RECEIPT_DELIVERED);
    channel_skip(c, "delivery");
}

static void read_postback(struct channel_in *c, const struct json *m, const struct json *postback)
{
    struct str mid = pick_text(postback, "mid"), title = pick_text(postback, "title"), payload = pick_text(postback, "payload");
    if (!mid.n) /* before Graph API 8.0 it had none */
        mid = channel_text(c, "postback:%.*s:%llu", STR_FMT(pick_id(c, m, "sender.id")),
                           (unsigned long long)pick_time(m, "timestamp", 1));
    if (!title.n && !payload.n) return channel_skip(c, "incomplete");
    struct event *e = from_sender(c, m, mid);
    if (!e) return;
    e->text = title.n ? title : payload;
    event_note(c, e, "event.payload", payload);
    referral(c, e, pick(postback, "referral"));
}

/* What else happens between a page and its customers, and is no word of theirs. */
static const char *const other_things[] = { "read",
                                            "reaction",
                                            "referral",
                                            "optin",
                                            "message_edit",
                                            "pass_thread_control",
                                            "take_thread_control",
                                            "request_thread_control",
                                            "account_linking",
                                            "app_roles",
                                            "game_play" };

static void read_messaging(struct channel_in *c, const struct json *entry, const struct json *m)
{
    const struct json *part;
    (void)entry;
    if ((part = pick(m, "message"))) return read_message(c, m, part);
    if ((part = pick(m, "postback"))) return read_postback(c, m, part);
    if ((part = pick(m, "delivery"))) return read_delivery(c, part);
    for (size_t i = 0; i < sizeof other_things / sizeof *other_things; i++) {
        if (pick(m, other_things[i])) return channel_skip(c, other_things[i]);
    }
    channel_skip(c, "unknown");
}

static bool is_ours(const struct channel_in *c, struct str id)
{
    const char *ours = c->door->account->id;
    return !ours || str_is(id, ours);
}

/* Another app has the conversation. */
static void skip_standby(struct channel_in *c, const struct json *entry, const struct json *m)
{
    (void)entry, (void)m;
    channel_skip(c, "standby");
}

/* Comments, mentions and the like: not conversations. */
static void skip_change(struct channel_in *c, const struct json *entry, const struct json *m)
{
    (void)entry, (void)m;
    channel_skip(c, "change");
}

static void read_page_entry(struct channel_in *c, const struct json *entry)
{
    if (!is_ours(c, pick_id(c, entry, "id"))) return channel_skip(c, "other_account");
    bool known = each(c, entry, "messaging", read_messaging);
    known |= each(c, entry, "standby", skip_standby);
    known |= each(c, entry, "changes", skip_change);
    if (!known) channel_skip(c, "unknown");
}

/* ---- WhatsApp ---- */

/* The words of a message, by its type. */
static const struct wa_text {
    const char *type, *text, *payload;
} wa_texts[] = {
    { "text", "text.body", NULL },
    { "button", "button.text", "button.payload" },
    { "interactive", "interactive.button_reply.title", "interactive.button_reply.id" },
    { "interactive", "interactive.list_reply.title", "interactive.list_reply.id" },
    { "interactive", "interactive.nfm_reply.body", "interactive.nfm_reply.response_json" },
};
/* What a message carries, by its type: members of the object of that name. */
static const struct wa_file {
    const char *type, *name, *where;
} wa_files[] = {
    { "image", "mime_type", "id" },   { "video", "mime_type", "id" },   { "audio", "mime_type", "id" },
    { "document", "filename", "id" }, { "sticker", "mime_type", "id" }, { "location", "name", "address" },
    { "contacts", NULL, NULL },       { "order", "catalog_id", NULL },
};

/* True: it has become the text, or hangs on it. */
static bool wa_content(struct channel_in *c, struct event *e, const struct json *m, struct str type)
{
    struct attachments a = { c, e, 0 };
    for (size_t i = 0; i < sizeof wa_texts / sizeof *wa_texts && !e->text.n; i++) {
        if (!str_is(type, wa_texts[i].type)) continue;
        e->text = pick_text(m, wa_texts[i].text);
        if (e->text.n && wa_texts[i].payload) event_note(c, e, "event.payload", pick_text(m, wa_texts[i].payload));
    }
    for (size_t i = 0; i < sizeof wa_files / sizeof *wa_files; i++) {
        const struct wa_file *f = &wa_files[i];
        if (!str_is(type, f->type)) continue;
        const struct json *part = pick(m, f->type);
        e->text = pick_text(part, "caption");
        attach(&a, type, f->name ? pick_text(part, f->name) : STR_NONE, f->where ? pick_text(part, f->where) : STR_NONE);
        if (!strcmp(f->type, "location")) event_place(c, e, part);
    }
    attach_end(&a);
    return e->text.n > 0;
}

static bool wa_known(struct str type)
{
    for (size_t i = 0; i < sizeof wa_texts / sizeof *wa_texts; i++) {
        if (str_is(type, wa_texts[i].type)) return true;
    }
    for (size_t i = 0; i < sizeof wa_files / sizeof *wa_files; i++) {
        if (str_is(type, wa_files[i].type)) return true;
    }
    return false;
}

/* The customer's id in a message or a contact: the number, or, where they keep it to themselves, the id that the business knows. */
static struct str wa_customer(struct channel_in *c, const struct json *v, const char *number, const char *id)
{
    struct str s = pick_id(c, v, number);
    return s.n ? s : pick_id(c, v, id);
}

static struct str wa_name(struct channel_in *c, const struct json *value, struct str customer)
{
    const struct json *contacts = pick(value, "contacts");
    for (const struct json *p = contacts ? json_first(contacts) : NULL; p; p = json_next(p)) {
        if (str_eq(wa_customer(c, p, "wa_id", "user_id"), customer)) return pick_text(p, "profile.name");
    }
    return STR_NONE;
}

static void wa_message(struct channel_in *c, const struct json *value, const struct json *m)
{
    struct str customer = wa_customer(c, m, "from", "from_user_id"), id = pick_text(m, "id"), type = pick_text(m, "type");
    if (!customer.n || !id.n) return channel_skip(c, "incomplete");
    if (str_is(type, "reaction")) return channel_skip(c, "reaction");
    if (!wa_known(type)) return channel_skip(c, "unsupported");
    struct event *e = channel_event(c);
    if (!e) return;
    e->kind = EVENT_MESSAGE;
    e->external = id;
    e->customer = e->conversation = customer;
    e->name = wa_name(c, value, customer);
    event_at(c, e, pick_time(m, "timestamp", META_SECOND));
    if (!wa_content(c, e, m, type)) e->text = channel_text(c, "[%.*s]", STR_FMT(type));
    event_note(c, e, "event.reply_to", pick_text(m, "context.id"));
    referral(c, e, pick(m, "referral"));
}

/* What became of messages of ours; of RECEIPT_NONE nothing is kept. */
static const struct wa_state {
    const char *word;
    enum receipt receipt;
} wa_states[] = {
    { "sent", RECEIPT_NONE },   { "delivered", RECEIPT_DELIVERED }, { "read", RECEIPT_READ },
    { "played", RECEIPT_READ }, { "failed", RECEIPT_FAILED },
};

static void wa_status(struct channel_in *c, const struct json *value, const struct json *s)
{
    struct str state = pick_text(s, "status");
    (void)value;
    for (size_t i = 0; i < sizeof wa_states / sizeof *wa_states; i++) {
        if (!str_is(state, wa_states[i].word)) continue;
        our_message(c, pick_text(s, "id"), wa_states[i].receipt);
        return channel_skip(c, wa_states[i].word);
    }
    channel_skip(c, "status");
}

static void wa_error(struct channel_in *c, const struct json *value, const struct json *e)
{
    (void)value, (void)e;
    channel_skip(c, "error");
}

static void wa_change(struct channel_in *c, const struct json *entry, const struct json *change)
{
    const struct json *value = pick(change, "value");
    (void)entry;
    if (!str_is(pick_text(change, "field"), "messages")) return channel_skip(c, "change");
    if (!is_ours(c, pick_id(c, value, "metadata.phone_number_id"))) return channel_skip(c, "other_account");
    bool known = each(c, value, "messages", wa_message);
    known |= each(c, value, "statuses", wa_status);
    known |= each(c, value, "errors", wa_error);
    if (!known) channel_skip(c, "unknown");
}

static void read_whatsapp_entry(struct channel_in *c, const struct json *entry)
{
    if (!each(c, entry, "changes", wa_change)) channel_skip(c, "unknown");
}

/* ---- a delivery ---- */

static const struct object {
    const char *word;
    void (*read)(struct channel_in *c, const struct json *entry);
} objects[] = {
    { "page", read_page_entry },
    { "instagram", read_page_entry },
    { "whatsapp_business_account", read_whatsapp_entry },
};

static enum err meta_read(struct channel_in *c)
{
    const struct json *doc = NULL, *entries;
    if (c->in->method == HTTP_M_GET) return challenge(c);
    enum err err = channel_json(c, &doc);
    if (err) return err;
    if (json_type(doc) != JSON_OBJECT || !(entries = json_get(doc, "entry")) || json_type(entries) != JSON_ARRAY)
        return channel_refuse(c, 400, "malformed", "a delivery of Meta is an object with a list \"entry\"");
    struct str word = pick_text(doc, "object");
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
        if (!str_is(word, objects[i].word)) continue;
        for (const struct json *e = json_first(entries); e && !c->cause; e = json_next(e)) objects[i].read(c, e);
        return c->cause ? ERR_PROTO : ERR_OK; /* too many events, no memory: channel_event has said so */
    }
    channel_skip(c, "object");
    return ERR_OK;
}

const struct provider provider_meta = {
    .word = "meta", .body_max = META_BODY, .verify = meta_verify, .read = meta_read, .sender_for = meta_sender
};
