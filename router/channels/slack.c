/* Slack's Events API, interactivity and slash commands, at one address. https://api.slack.com/apis/connections/events-api
   https://api.slack.com/authentication/verifying-requests-from-slack

   All of them are signed over "v0:TIMESTAMP:BODY" with the app's signing secret. Events are JSON; a pressed button comes as a form
   with the JSON in `payload`, a command as a plain form. Slack waits three seconds and repeats three times (X-Slack-Retry-Num).

   A message is known by its channel and its time stamp, not by event_id: a mention of the app in a channel that it also reads comes
   as two events with two ids, and is one message. With one person or a few, the whole channel is a conversation; in a channel each
   thread is one, and a message that stands alone begins one. What bots say, ourselves above all, is left out: two bots that answer
   each other never end. An app may be in many workspaces under one secret, so what is of another one than the account's `id` (a
   team's or the app's) is skipped, not refused: Slack would switch the address off. */
#include "router/channels/slack.h"

#include "router/channels/pick.h"
#include "router/sign.h"

#define SLACK_BODY 1048576u

/* ---- is it Slack? ---- */

static bool is_form(struct str type) { return http_type_is(type, "application/x-www-form-urlencoded"); }
static bool is_json(struct str type) { return http_type_is(type, "application/json"); }

static enum verified slack_verify(const struct door *d, const struct delivery *in)
{
    struct str said = in->header(in->ctx, "x-slack-signature"), at = in->header(in->ctx, "x-slack-request-timestamp");
    const struct str parts[] = { STR("v0:"), at, STR(":"), in->body };
    uint64_t seconds;
    if (!said.n || !at.n) return UNSIGNED;
    if (said.n <= 3 || memcmp(said.p, "v0=", 3) || str_u64(at, 0, (uint64_t)1 << 40, &seconds)) return BAD_SIGNATURE;
    said = (struct str){ said.p + 3, said.n - 3 };
    if (!channel_signed(d, SIGN_SHA256, parts, 4, said, sign_is_hex)) return BAD_SIGNATURE;
    if (!channel_now(in, seconds * 1000)) return OLD_TIMESTAMP;
    return is_form(in->type) || is_json(in->type) ? VERIFIED : BAD_TYPE;
}

/* Is it of the account's team, or of its app? */
static bool is_ours(const struct channel_in *c, struct str team, struct str app)
{
    const char *ours = c->door->account->id;
    return !ours || str_is(team, ours) || str_is(app, ours);
}

static struct event *slack_event(struct channel_in *c, struct str external, struct str conversation, struct str user)
{
    if (!external.n || !conversation.n || !user.n) return channel_skip(c, "incomplete"), NULL;
    struct event *e = channel_event(c);
    if (!e) return NULL;
    e->kind = EVENT_MESSAGE;
    e->external = external;
    e->conversation = conversation;
    e->customer = user;
    return e;
}

/* ---- events ---- */

/* Why a message is none of a person's; NULL: it is one. */
static const char *slack_not_said(const struct json *outer, const struct json *m)
{
    static const char *const subtypes[][2] = {
        { "message_changed", "edited" },  { "message_deleted", "deleted" }, { "bot_message", "bot" },
        { "message_replied", "subtype" }, { "channel_join", "service" },    { "channel_leave", "service" },
        { "channel_topic", "service" },   { "channel_purpose", "service" }, { "channel_name", "service" },
        { "group_join", "service" },      { "group_leave", "service" },     { "assistant_app_thread", "service" },
    };
    static const char *const said[] = { "", "file_share", "thread_broadcast", "me_message" };
    struct str subtype = pick_text(m, "subtype"), user = pick_text(m, "user");
    const struct json *who = pick(outer, "authorizations"), *first = who ? json_first(who) : NULL;
    if (pick(m, "bot_id") || pick(m, "bot_profile")) return "bot";
    if (user.n && first && pick_true(first, "is_bot") && str_eq(user, pick_text(first, "user_id"))) return "bot";
    for (size_t i = 0; i < sizeof subtypes / sizeof *subtypes; i++) {
        if (str_is(subtype, subtypes[i][0])) return subtypes[i][1];
    }
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        if (str_is(subtype, said[i])) return NULL;
    }
    return "subtype";
}

/* "CHANNEL" with one person or a few; "CHANNEL/THREAD" elsewhere, where a message that stands alone begins a thread. */
static struct str slack_place(struct channel_in *c, struct str channel, struct str kind, struct str thread, struct str at)
{
    if (str_is(kind, "im") || str_is(kind, "mpim") || !channel.n) return channel;
    return channel_text(c, "%.*s/%.*s", STR_FMT(channel), STR_FMT(thread.n ? thread : at));
}

static void slack_files(struct channel_in *c, struct event *e, const struct json *m)
{
    const struct json *files = pick(m, "files");
    struct attachments a = { c, e, 0 };
    for (const struct json *f = files ? json_first(files) : NULL; f; f = json_next(f))
        attach(&a, pick_text(f, "mimetype"), pick_text(f, "name"), pick_text(f, "url_private"));
    attach_end(&a);
}

/* Seconds before the point of "1716240000.123456", as wall ms; 0: it is no time stamp. */
static uint64_t slack_time(struct str ts)
{
    const char *point = ts.n ? memchr(ts.p, '.', ts.n) : NULL;
    uint64_t s = 0;
    if (point) ts.n = (size_t)(point - ts.p);
    return str_u64(ts, 0, (uint64_t)1 << 40, &s) ? 0 : s * 1000;
}

static void slack_message(struct channel_in *c, const struct json *outer, const struct json *m)
{
    const char *not_said = slack_not_said(outer, m);
    struct str channel = pick_text(m, "channel"), ts = pick_text(m, "ts"), thread = pick_text(m, "thread_ts"),
               kind = pick_text(m, "channel_type");
    if (not_said) return channel_skip(c, not_said);
    if (!channel.n || !ts.n) return channel_skip(c, "incomplete");
    struct str place = slack_place(c, channel, kind, thread, ts);
    struct event *e = slack_event(c, channel_text(c, "%.*s:%.*s", STR_FMT(channel), STR_FMT(ts)), place, pick_text(m, "user"));
    if (!e) return;
    e->text = slack_plain(c, pick_text(m, "text"));
    event_at(c, e, slack_time(ts));
    event_note(c, e, "event.chat", kind);
    slack_files(c, e, m);
    if (!e->text.n) e->text = STR("[message]"); /* made of blocks alone */
    if (thread.n && str_eq(place, channel)) channel_reply_with(c, e, thread);
}

static const struct slack_row {
    const char *type;
    void (*read)(struct channel_in *c, const struct json *outer, const struct json *event); /* NULL: counted under its name */
} slack_rows[] = {
    { "message", slack_message },    { "app_mention", slack_message },
    { "app_home_opened", NULL },     { "reaction_added", NULL },
    { "reaction_removed", NULL },    { "member_joined_channel", NULL },
    { "member_left_channel", NULL }, { "team_join", NULL },
    { "app_uninstalled", NULL },     { "tokens_revoked", NULL },
    { "file_shared", NULL },         { "assistant_thread_started", NULL },
};

static void slack_callback(struct channel_in *c, const struct json *doc)
{
    const struct json *event = pick(doc, "event");
    struct str type = pick_text(event, "type");
    if (!is_ours(c, pick_text(doc, "team_id"), pick_text(doc, "api_app_id"))) return channel_skip(c, "other_account");
    for (size_t i = 0; i < sizeof slack_rows / sizeof *slack_rows; i++) {
        if (!str_is(type, slack_rows[i].type)) continue;
        if (slack_rows[i].read) slack_rows[i].read(c, doc, event);
        else channel_skip(c, slack_rows[i].type);
        return;
    }
    channel_skip(c, "unknown");
}

static enum err slack_json(struct channel_in *c)
{
    const struct json *doc = NULL;
    enum err err = channel_json(c, &doc);
    if (err) return err;
    struct str type = pick_text(doc, "type");
    if (!type.n) return channel_refuse(c, 400, "malformed", "a delivery of Slack is an object with a \"type\"");
    if (str_is(type, "url_verification")) {
        c->answer.type = "text/plain";
        buf_addstr(&c->answer.body, pick_text(doc, "challenge"));
    } else if (str_is(type, "event_callback")) {
        slack_callback(c, doc);
    } else {
        channel_skip(c, str_is(type, "app_rate_limited") ? "app_rate_limited" : "unknown");
    }
    return c->cause ? ERR_PROTO : ERR_OK; /* no memory: channel_event has said so */
}

/* ---- forms ---- */

/* What was pressed or chosen, in the words that the person saw. */
static struct str slack_pressed(const struct json *action)
{
    static const char *const words[] = { "text.text", "selected_option.text.text", "selected_date", "selected_time", "value" };
    struct str s = STR_NONE;
    for (size_t i = 0; i < sizeof words / sizeof *words && !s.n; i++) s = pick_text(action, words[i]);
    return s;
}

static void slack_pressed_event(struct channel_in *c, const struct json *doc)
{
    const struct json *actions = pick(doc, "actions"), *action = actions ? json_first(actions) : NULL;
    struct str channel = pick_text(doc, "channel.id"), at = pick_text(doc, "message.ts"),
               thread = pick_text(doc, "message.thread_ts"), when = pick_text(action, "action_ts"), text = slack_pressed(action);
    if (!channel.n || !when.n || !text.n) return channel_skip(c, "incomplete");
    struct str place = slack_place(c, channel, channel.p[0] == 'D' ? STR("im") : STR_NONE, thread, at.n ? at : when);
    struct event *e =
        slack_event(c, channel_text(c, "action:%.*s:%.*s", STR_FMT(channel), STR_FMT(when)), place, pick_text(doc, "user.id"));
    if (!e) return;
    e->text = slack_plain(c, text);
    if (!e->text.n) e->text = text; /* nothing but marks */
    e->name = pick_text(doc, "user.username");
    event_at(c, e, slack_time(when));
    event_note(c, e, "event.action", pick_text(action, "action_id"));
    event_note(c, e, "event.payload", pick_text(action, "value"));
    if (thread.n && str_eq(place, channel)) channel_reply_with(c, e, thread);
}

static enum err slack_payload(struct channel_in *c, struct str payload)
{
    static const char *const others[] = { "message_action", "shortcut", "view_submission", "view_closed", "block_suggestion" };
    const struct json *doc = NULL;
    enum err err = channel_json_of(c, payload, &doc);
    if (err) return err;
    struct str type = pick_text(doc, "type");
    if (!is_ours(c, pick_text(doc, "team.id"), pick_text(doc, "api_app_id"))) {
        channel_skip(c, "other_account");
    } else if (str_is(type, "block_actions")) {
        slack_pressed_event(c, doc);
    } else {
        const char *what = "unknown";
        for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
            if (str_is(type, others[i])) what = others[i];
        }
        channel_skip(c, what);
    }
    return c->cause ? ERR_PROTO : ERR_OK;
}

/* A command is one person's own, wherever it is typed: with one person it is of that conversation, in a channel of one that is
   theirs. */
static enum err slack_command(struct channel_in *c, struct str command)
{
    struct str form = c->in->body, channel = channel_form(c, form, "channel_id"), user = channel_form(c, form, "user_id"),
               text = channel_form(c, form, "text"), trigger = channel_form(c, form, "trigger_id");
    if (!is_ours(c, channel_form(c, form, "team_id"), channel_form(c, form, "api_app_id"))) {
        channel_skip(c, "other_account");
        return ERR_OK;
    }
    struct str place = channel;
    if (channel.n && channel.p[0] != 'D') place = channel_text(c, "%.*s:%.*s", STR_FMT(channel), STR_FMT(user));
    struct str external = trigger.n ? channel_text(c, "command:%.*s", STR_FMT(trigger)) : STR_NONE;
    struct event *e = slack_event(c, external, place, user);
    if (e) {
        e->text = slack_plain(c, text);
        if (!e->text.n) e->text = command;
        e->name = channel_form(c, form, "user_name");
        event_note(c, e, "event.command", command);
    }
    return c->cause ? ERR_PROTO : ERR_OK;
}

static enum err slack_read(struct channel_in *c)
{
    if (is_json(c->in->type)) return slack_json(c);
    struct str payload = channel_form(c, c->in->body, "payload"), command = channel_form(c, c->in->body, "command");
    if (payload.n) return slack_payload(c, payload);
    if (command.n) return slack_command(c, command);
    if (str_is(channel_form(c, c->in->body, "ssl_check"), "1")) return ERR_OK; /* Slack looks whether the address answers */
    return channel_refuse(c, 400, "malformed", "a form of Slack has a \"payload\" or a \"command\"");
}

const struct provider provider_slack = {
    .word = "slack", .body_max = SLACK_BODY, .verify = slack_verify, .read = slack_read, .sender = &slack_sender
};
