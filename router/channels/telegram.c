/* Telegram's Bot API, in and out. https://core.telegram.org/bots/api#setwebhook

   In: one update a request. Nothing is signed: the webhook is set with a secret_token, which Telegram repeats in a header. What a
   person wrote, or the button they pressed, is an event; a chat, or a topic of a forum, is a conversation, be it of one person or
   of many. A pressed button turns until it is answered, which the answer to the webhook does.

   Out: sendMessage. The bot's token stands in the address: it is never logged. */
#include "router/channels/pick.h"
#include "router/channels/post.h"
#include "router/sign.h"

#include <stdio.h>

#define TELEGRAM_BODY 262144u
#define TELEGRAM_API  "https://api.telegram.org"

/* ---- in ---- */

static enum verified telegram_verify(const struct door *d, const struct delivery *in)
{
    struct str said = in->header(in->ctx, "x-telegram-bot-api-secret-token");
    if (!said.n) return UNSIGNED;
    return channel_secret(d, said) ? VERIFIED : BAD_SIGNATURE;
}

/* First and last name, as people call themselves. */
static struct str telegram_name(struct channel_in *c, const struct json *user)
{
    struct str first = pick_text(user, "first_name"), last = pick_text(user, "last_name");
    if (!first.n || !last.n) return first.n ? first : last;
    return channel_text(c, "%.*s %.*s", STR_FMT(first), STR_FMT(last));
}

/* An event of `kind` said by `user` at the place of `message`; NULL when the update lacks what makes one. */
static struct event *telegram_event(struct channel_in *c, const struct json *update, const char *kind, const struct json *user,
                                    const struct json *message)
{
    struct str number = pick_id(c, update, "update_id"), chat = pick_id(c, message, "chat.id"), who = pick_id(c, user, "id"),
               topic = pick_true(message, "is_topic_message") ? pick_id(c, message, "message_thread_id") : STR_NONE;
    if (!number.n || !chat.n || !who.n) return channel_skip(c, "incomplete"), NULL;
    struct event *e = channel_event(c);
    if (!e) return NULL;
    e->kind = EVENT_MESSAGE;
    e->external = channel_text(c, "%s:%.*s", kind, STR_FMT(number));
    e->conversation = topic.n ? channel_text(c, "%.*s/%.*s", STR_FMT(chat), STR_FMT(topic)) : chat;
    e->customer = who;
    e->name = telegram_name(c, user);
    event_note(c, e, "event.username", pick_text(user, "username"));
    event_note(c, e, "customer.language", pick_text(user, "language_code"));
    event_note(c, e, "event.chat", pick_text(message, "chat.type"));
    return e;
}

/* What a message may carry: members whose object is told as kind, name and where. */
static const struct telegram_part {
    const char *member, *kind, *name, *where;
} telegram_parts[] = {
    { "photo", "image", NULL, NULL },
    { "video", "video", "file_name", "file_id" },
    { "video_note", "video", NULL, "file_id" },
    { "animation", "animation", "file_name", "file_id" },
    { "document", "file", "file_name", "file_id" },
    { "audio", "audio", "file_name", "file_id" },
    { "voice", "audio", NULL, "file_id" },
    { "sticker", "sticker", "emoji", "file_id" },
    { "contact", "contact", "first_name", "phone_number" },
    { "venue", "venue", "title", "address" },
    { "location", "location", NULL, NULL },
    { "poll", "poll", "question", NULL },
};
#define PARTS (sizeof telegram_parts / sizeof *telegram_parts)

static bool telegram_has_part(const struct json *m)
{
    bool has = false;
    for (size_t i = 0; i < PARTS && !has; i++) has = pick(m, telegram_parts[i].member) != NULL;
    return has;
}

static void telegram_attached(struct channel_in *c, struct event *e, const struct json *m)
{
    struct attachments a = { c, e, 0 };
    for (size_t i = 0; i < PARTS; i++) {
        const struct telegram_part *p = &telegram_parts[i];
        const struct json *part = pick(m, p->member);
        if (!part) continue;
        if (!strcmp(p->kind, "file") && pick(m, "animation")) continue; /* an animation is told as a document as well */
        if (!strcmp(p->kind, "location") && pick(m, "venue")) continue; /* … and a venue as a location */
        struct str where = p->where ? pick_text(part, p->where) : STR_NONE;
        if (json_type(part) == JSON_ARRAY) { /* a photo in its sizes, the largest last */
            for (const struct json *size = json_first(part); size; size = json_next(size)) where = pick_text(size, "file_id");
        }
        attach(&a, str_of(p->kind), p->name ? pick_text(part, p->name) : STR_NONE, where);
    }
    attach_end(&a);
    event_place(c, e, pick(m, "location"));
}

static void telegram_message(struct channel_in *c, const struct json *update, const struct json *m)
{
    struct str text = pick_text(m, "text");
    if (pick_true(m, "from.is_bot")) return channel_skip(c, "bot");
    if (!text.n) text = pick_text(m, "caption");
    if (!text.n && !telegram_has_part(m)) return channel_skip(c, "service"); /* joined, pinned, renamed … */
    struct event *e = telegram_event(c, update, "message", pick(m, "from"), m);
    if (!e) return;
    e->text = text;
    event_at(c, e, pick_time(m, "date", 1000));
    telegram_attached(c, e, m);
    event_note(c, e, "event.reply_to", pick_id(c, m, "reply_to_message.message_id"));
}

static void telegram_button(struct channel_in *c, const struct json *update, const struct json *q)
{
    struct str data = pick_text(q, "data"), id = pick_text(q, "id");
    if (!data.n) return channel_skip(c, "incomplete");
    struct event *e = telegram_event(c, update, "callback_query", pick(q, "from"), pick(q, "message"));
    if (!e) return;
    e->text = data;
    event_note(c, e, "event.payload", data);
    struct jw w = jw_on(&c->answer.body);
    c->answer.type = "application/json";
    jw_open(&w, '{');
    jw_key(&w, "method"), jw_strz(&w, "answerCallbackQuery");
    jw_key(&w, "callback_query_id"), jw_str(&w, id);
    jw_close(&w, '}');
}

/* Kinds of updates, as the Bot API names them; NULL: counted under that name. */
static const struct telegram_row {
    const char *kind;
    void (*read)(struct channel_in *c, const struct json *update, const struct json *what);
} telegram_rows[] = {
    { "message", telegram_message },
    { "callback_query", telegram_button },
    { "edited_message", NULL },
    { "channel_post", NULL },
    { "edited_channel_post", NULL },
    { "business_connection", NULL },
    { "business_message", NULL },
    { "edited_business_message", NULL },
    { "deleted_business_messages", NULL },
    { "message_reaction", NULL },
    { "message_reaction_count", NULL },
    { "inline_query", NULL },
    { "chosen_inline_result", NULL },
    { "shipping_query", NULL },
    { "pre_checkout_query", NULL },
    { "poll", NULL },
    { "poll_answer", NULL },
    { "my_chat_member", NULL },
    { "chat_member", NULL },
    { "chat_join_request", NULL },
};

static enum err telegram_read(struct channel_in *c)
{
    const struct json *doc = NULL, *what;
    enum err err = channel_json(c, &doc);
    if (err) return err;
    if (json_type(doc) != JSON_OBJECT || !pick(doc, "update_id"))
        return channel_refuse(c, 400, "malformed", "a delivery of Telegram is an object with an \"update_id\"");
    for (size_t i = 0; i < sizeof telegram_rows / sizeof *telegram_rows; i++) {
        if (!(what = pick(doc, telegram_rows[i].kind))) continue;
        if (telegram_rows[i].read) telegram_rows[i].read(c, doc, what);
        else channel_skip(c, telegram_rows[i].kind);
        return c->cause ? ERR_PROTO : ERR_OK;
    }
    channel_skip(c, "unknown");
    return ERR_OK;
}

/* ---- out ---- */

/* A whole number of Telegram's: digits, perhaps behind a minus. */
static bool is_telegram_id(struct str s)
{
    if (s.n && s.p[0] == '-') s = (struct str){ s.p + 1, s.n - 1 };
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') return false;
    }
    return s.n > 0 && s.n <= 19 && (s.p[0] != '0' || s.n == 1);
}

static enum err telegram_plan(const struct door *d, const struct message_out *m, struct send_plan *out, char why[SEND_WHY])
{
    struct str token = { d->token.p, d->token.n }, chat = m->conversation, topic = STR_NONE;
    const char *slash = chat.n ? memchr(chat.p, '/', chat.n) : NULL;
    if (slash) {
        topic = (struct str){ slash + 1, chat.n - (size_t)(slash + 1 - chat.p) };
        chat.n = (size_t)(slash - chat.p);
    }
    if (!token.n) return post_refuse(why, "account \"%s\" has no `token` to send with", d->account->name);
    if (!post_plain(token)) return post_refuse(why, "the token of account \"%s\" is none of Telegram's", d->account->name);
    if (!is_telegram_id(chat) || (slash && !is_telegram_id(topic)))
        return post_refuse(why, "the conversation is no chat of Telegram");
    post_to(d, out, TELEGRAM_API, "/bot");
    buf_addstr(&out->url, token);
    buf_addz(&out->url, "/sendMessage");
    struct jw w = jw_on(&out->body);
    jw_open(&w, '{');
    jw_key(&w, "chat_id"), jw_raw(&w, chat);
    if (slash) jw_key(&w, "message_thread_id"), jw_raw(&w, topic);
    jw_key(&w, "text"), jw_str(&w, m->text);
    jw_close(&w, '}');
    return ERR_OK;
}

static const struct judge_row telegram_codes[] = {
    { 400, SEND_REFUSED, "Telegram did not take the message, or does not know the chat" },
    { 401, SEND_REFUSED, "Telegram does not take the account's token any more: make a new one" },
    { 403, SEND_REFUSED, "the customer has blocked the bot, or the bot was put out of the chat" },
    { 404, SEND_REFUSED, "Telegram does not know the account's token" },
    { 0, SEND_DONE, NULL },
};

static void telegram_judge(const struct door *d, const struct send_answer *a, struct send_result *out)
{
    struct json *doc = judge_body(a);
    const struct json *wait = pick(doc, "parameters.retry_after"), *id = pick(doc, "result.message_id");
    const struct judge_row *row = judge_find(telegram_codes, a->status);
    uint64_t n = 0;
    char text[24];
    (void)d;
    judge_status(a, out);
    if (row) judge_end(out, row->end, "%s", row->sentence);
    if (out->end == SEND_AGAIN && wait && json_is_u64(wait, &n)) out->after_ms = n < 86400 ? (uint32_t)n * 1000 : 86400000;
    if (id && json_is_u64(id, &n))
        judge_external(out, (struct str){ text, (size_t)snprintf(text, sizeof text, "%llu", (unsigned long long)n) });
    json_free(doc);
}

static const struct sender telegram_sender = {
    .needs_token = true, .text_max = 4096, .per_second = 30, .plan = telegram_plan, .judge = telegram_judge
};

const struct provider provider_telegram = {
    .word = "telegram", .body_max = TELEGRAM_BODY, .verify = telegram_verify, .read = telegram_read, .sender = &telegram_sender
};
