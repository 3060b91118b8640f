/* LINE's Messaging API, in and out.
   https://developers.line.biz/en/reference/messaging-api/#webhook-event-objects
   https://developers.line.biz/en/docs/messaging-api/verify-webhook-signature/

   In: a batch of events of one official account (`destination`), signed with the channel's secret. LINE waits two seconds. An empty
   batch is the console's "Verify" button. webhookEventId is the same when LINE delivers an event again. In a group or a room all
   its members are one conversation.

   Out: a reply token comes with each message, works once within about a minute, and costs nothing; it is used for the first thing
   that is said within that time. Everything else is pushed, under a retry key made of the message's id: LINE answers 409 to the
   second request of a key, so a push may be repeated; a reply may not (`once`). */
#include "router/channels/pick.h"
#include "router/channels/post.h"
#include "router/sign.h"

#include <stdio.h>

#define LINE_BODY  1048576u
#define LINE_API   "https://api.line.me"
#define REPLY_MS   50000u /* how old a reply token may be: LINE says a minute, and the way there takes some of it */
#define TEXT_UNITS 5000u  /* of one text, in UTF-16 code units */
#define TEXTS_MOST 5u     /* of one call */

/* ---- in ---- */

static enum verified line_verify(const struct door *d, const struct delivery *in)
{
    struct str said = in->header(in->ctx, "x-line-signature");
    if (!said.n) return UNSIGNED;
    return channel_signed(d, SIGN_SHA256, &in->body, 1, said, sign_is_base64) ? VERIFIED : BAD_SIGNATURE;
}

/* Where it was said: a group, a room, or with one user. */
static struct str line_place(const struct json *source)
{
    static const char *const ids[] = { "groupId", "roomId", "userId" };
    struct str s = STR_NONE;
    for (size_t i = 0; i < sizeof ids / sizeof *ids && !s.n; i++) s = pick_text(source, ids[i]);
    return s;
}

static struct event *line_event(struct channel_in *c, const struct json *ev)
{
    const struct json *source = pick(ev, "source");
    struct str id = pick_text(ev, "webhookEventId"), place = line_place(source), token = pick_text(ev, "replyToken");
    if (!id.n || !place.n) return channel_skip(c, "incomplete"), NULL;
    struct event *e = channel_event(c);
    if (!e) return NULL;
    e->kind = EVENT_MESSAGE;
    e->external = id;
    e->conversation = place;
    e->customer = pick_text(source, "userId");
    event_at(c, e, pick_time(ev, "timestamp", 1));
    if (token.n) channel_reply_with(c, e, token);
    return e;
}

static const struct line_kind {
    const char *type, *name, *where; /* members of the message, or NULL */
} line_kinds[] = {
    { "image", NULL, "id" },
    { "video", NULL, "id" },
    { "audio", NULL, "id" },
    { "file", "fileName", "id" },
    { "location", "title", "address" },
    { "sticker", NULL, "stickerId" },
};

static void line_attached(struct channel_in *c, struct event *e, const struct json *m, const struct line_kind *k)
{
    struct attachments a = { c, e, 0 };
    attach(&a, str_of(k->type), k->name ? pick_text(m, k->name) : STR_NONE, k->where ? pick_text(m, k->where) : STR_NONE);
    attach_end(&a);
    event_place(c, e, m);
}

static void line_message(struct channel_in *c, const struct json *ev)
{
    const struct json *m = pick(ev, "message");
    struct str type = pick_text(m, "type"), text = pick_text(m, "text");
    const struct line_kind *kind = NULL;
    for (size_t i = 0; i < sizeof line_kinds / sizeof *line_kinds; i++) {
        if (str_is(type, line_kinds[i].type)) kind = &line_kinds[i];
    }
    if (!kind && !(str_is(type, "text") && text.n)) return channel_skip(c, "unsupported");
    struct event *e = line_event(c, ev);
    if (!e) return;
    if (kind) line_attached(c, e, m, kind);
    else e->text = text;
    event_note(c, e, "event.reply_to", pick_text(m, "quotedMessageId"));
}

static void line_postback(struct channel_in *c, const struct json *ev)
{
    struct str data = pick_text(ev, "postback.data");
    if (!data.n) return channel_skip(c, "incomplete");
    struct event *e = line_event(c, ev);
    if (!e) return;
    e->text = data;
    event_note(c, e, "event.payload", data);
}

/* What happens, and what becomes of it; NULL: counted under its name. */
static const struct line_row {
    const char *type;
    void (*read)(struct channel_in *c, const struct json *ev);
} line_rows[] = {
    { "message", line_message },
    { "postback", line_postback },
    { "follow", NULL },
    { "unfollow", NULL },
    { "join", NULL },
    { "leave", NULL },
    { "memberJoined", NULL },
    { "memberLeft", NULL },
    { "unsend", NULL },
    { "videoPlayComplete", NULL },
    { "beacon", NULL },
    { "accountLink", NULL },
    { "things", NULL },
    { "membership", NULL },
    { "module", NULL },
    { "activated", NULL },
    { "deactivated", NULL },
    { "botSuspended", NULL },
    { "botResumed", NULL },
    { "delivery", NULL },
};

static void line_one(struct channel_in *c, const struct json *ev)
{
    struct str type = pick_text(ev, "type");
    if (str_is(pick_text(ev, "mode"), "standby")) return channel_skip(c, "standby"); /* another module has the conversation */
    for (size_t i = 0; i < sizeof line_rows / sizeof *line_rows; i++) {
        if (!str_is(type, line_rows[i].type)) continue;
        if (line_rows[i].read) line_rows[i].read(c, ev);
        else channel_skip(c, line_rows[i].type);
        return;
    }
    channel_skip(c, "unknown");
}

static enum err line_read(struct channel_in *c)
{
    const struct json *doc = NULL, *events;
    const char *ours = c->door->account->id;
    enum err err = channel_json(c, &doc);
    if (err) return err;
    if (json_type(doc) != JSON_OBJECT || !(events = json_get(doc, "events")) || json_type(events) != JSON_ARRAY)
        return channel_refuse(c, 400, "malformed", "a delivery of LINE is an object with a list \"events\"");
    if (ours && !str_is(pick_text(doc, "destination"), ours))
        return channel_refuse(c, 403, "other_account", "\"destination\" is not the account's `id`");
    for (const struct json *ev = json_first(events); ev && !c->cause; ev = json_next(ev)) line_one(c, ev);
    return c->cause ? ERR_PROTO : ERR_OK; /* too many events, no memory: channel_event has said so */
}

/* ---- out ---- */

/* Bytes of the longest beginning of `s` that has at most `most` UTF-16 code units. */
static size_t within_units(struct str s, size_t most)
{
    size_t at = 0, units = 0;
    while (at < s.n) {
        size_t step = str_utf8_step(s.p + at, s.n - at);
        if (!step) step = 1;
        units += step == 4 ? 2 : 1;
        if (units > most) break;
        at += step;
    }
    return at;
}

static enum err line_texts(struct jw *w, struct str text, char why[SEND_WHY])
{
    jw_key(w, "messages");
    jw_open(w, '[');
    for (uint32_t n = 0; text.n; n++) {
        size_t take = within_units(text, TEXT_UNITS);
        if (n == TEXTS_MOST) return post_refuse(why, "LINE takes at most %u texts of %u characters", TEXTS_MOST, TEXT_UNITS);
        jw_open(w, '{');
        jw_key(w, "type"), jw_strz(w, "text");
        jw_key(w, "text"), jw_str(w, (struct str){ text.p, take });
        jw_close(w, '}');
        text = (struct str){ text.p + take, text.n - take };
    }
    jw_close(w, ']');
    return ERR_OK;
}

static enum err line_plan(const struct door *d, const struct message_out *m, struct send_plan *out, char why[SEND_WHY])
{
    char key[ID_TEXT + 1];
    bool reply = m->with.n && !m->answered && !m->tries && m->heard && m->now < m->heard + REPLY_MS;
    if (!m->text.n) return post_refuse(why, "there is no text to send");
    if (!reply && !m->conversation.n) return post_refuse(why, "the conversation is not known");
    enum err err = post_bearer(d, out, why);
    if (err) return err;
    post_to(d, out, LINE_API, reply ? "/v2/bot/message/reply" : "/v2/bot/message/push");
    out->once = reply;
    if (!reply) buf_addf(&out->headers, "X-Line-Retry-Key: %s\n", id_text(&m->id, key));
    struct jw w = jw_on(&out->body);
    jw_open(&w, '{');
    jw_key(&w, reply ? "replyToken" : "to"), jw_str(&w, reply ? m->with : m->conversation);
    err = line_texts(&w, m->text, why);
    jw_close(&w, '}');
    return err;
}

/* A token of a reply that is no longer good: the message was not sent, and the next attempt pushes it. */
static bool is_spent_token(const struct json *doc)
{
    struct str said = pick_text(doc, "message");
    return str_is(said, "Invalid reply token");
}

static void line_judge(const struct door *d, const struct send_answer *a, struct send_result *out)
{
    struct json *doc = judge_body(a);
    const struct json *list = pick(doc, "sentMessages"), *first = list ? json_first(list) : NULL;
    struct str said = pick_text(doc, "message");
    (void)d;
    judge_status(a, out);
    if (a->status == 409) judge_end(out, SEND_DONE, "%s", ""); /* accepted before, under this key */
    if (a->status == 401) judge_end(out, SEND_REFUSED, "LINE does not take the account's token any more: make a new one");
    if (a->status == 400 && is_spent_token(doc)) judge_end(out, SEND_AGAIN, "the reply token is spent: it will be pushed");
    else if (a->status == 429 && said.n && str_is(said, "You have reached your monthly limit."))
        judge_end(out, SEND_REFUSED, "the month's quota of messages is used up");
    else if (a->status == 400)
        judge_end(out, SEND_REFUSED, "LINE did not take the message: the customer has blocked or left, or it cannot be sent");
    judge_external(out, first ? pick_text(first, "id") : STR_NONE);
    json_free(doc);
}

static const struct sender line_sender = {
    .needs_token = true, .text_max = TEXT_UNITS, .repeatable = true, .plan = line_plan, .judge = line_judge
};

const struct provider provider_line = {
    .word = "line", .body_max = LINE_BODY, .verify = line_verify, .read = line_read, .sender = &line_sender
};
