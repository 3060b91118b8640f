/* Replies by Slack's Web API (https://api.slack.com/methods/chat.postMessage), and Slack's way of writing text
   (https://api.slack.com/reference/surfaces/formatting#escaping).
   A conversation says where: "CHANNEL", "CHANNEL/THREAD", or "CHANNEL:USER" for commands. Nothing tells Slack that a message is the
   same one again, so an attempt without an answer ends as unknown. Errors come with status 200 and "ok": false. */
#include "router/channels/pick.h"
#include "router/channels/post.h"
#include "router/channels/slack.h"

#define SLACK_API "https://slack.com/api"

/* ---- text ---- */

static const struct escape {
    char c;
    struct str spelt;
} escapes[] = { { '&', { "&amp;", 5 } }, { '<', { "&lt;", 4 } }, { '>', { "&gt;", 4 } } };
#define ESCAPES (sizeof escapes / sizeof *escapes)

/* What stands between < and >: "@U1", "@U1|ann", "#C1|general", "!here", "https://x|label". The label if there is one, with the
   address behind it where it says something else. */
static void plain_mark(struct buf *out, struct str mark)
{
    const char *bar = mark.n ? memchr(mark.p, '|', mark.n) : NULL;
    struct str what = { mark.p, bar ? (size_t)(bar - mark.p) : mark.n },
               label = bar ? (struct str){ bar + 1, mark.n - what.n - 1 } : STR_NONE;
    char sign = what.n ? what.p[0] : '\0';
    if (sign == '@' || sign == '#' || sign == '!') {
        if (label.n && label.p[0] != '@' && label.p[0] != '#') buf_addc(out, sign == '#' ? '#' : '@');
        if (label.n) return buf_addstr(out, label);
        buf_addc(out, sign == '#' ? '#' : '@');
        return buf_add(out, what.p + 1, what.n - 1);
    }
    if (what.n > 7 && !memcmp(what.p, "mailto:", 7)) what = (struct str){ what.p + 7, what.n - 7 };
    if (!label.n || str_eq(label, what)) return buf_addstr(out, what);
    buf_addf(out, "%.*s (%.*s)", STR_FMT(label), STR_FMT(what));
}

/* The escape that `s` begins with, or NULL. */
static const struct escape *escape_at(struct str s)
{
    for (size_t i = 0; i < ESCAPES; i++) {
        if (s.n >= escapes[i].spelt.n && !memcmp(s.p, escapes[i].spelt.p, escapes[i].spelt.n)) return &escapes[i];
    }
    return NULL;
}

static void plain_into(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.n;) {
        struct str rest = { text.p + i, text.n - i };
        const struct escape *e = escape_at(rest);
        const char *end = *rest.p == '<' ? memchr(rest.p, '>', rest.n) : NULL;
        if (e) {
            buf_addc(out, e->c);
            i += e->spelt.n;
        } else if (end) {
            plain_mark(out, (struct str){ rest.p + 1, (size_t)(end - rest.p - 1) });
            i += (size_t)(end - rest.p) + 1;
        } else {
            buf_addc(out, *rest.p);
            i++;
        }
    }
}

struct str slack_plain(struct channel_in *c, struct str text)
{
    struct buf b;
    struct str s;
    if (!text.n || (!memchr(text.p, '&', text.n) && !memchr(text.p, '<', text.n))) return text;
    buf_init(&b, text.n * 2 + 16);
    plain_into(&b, text);
    char *copy = b.err ? NULL : arena_strdup(c->arena, buf_str(&b));
    s = copy ? (struct str){ copy, b.n } : STR_NONE;
    buf_fini(&b);
    return s;
}

static void escape_into(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        const struct escape *e = NULL;
        for (size_t k = 0; k < ESCAPES; k++) {
            if (text.p[i] == escapes[k].c) e = &escapes[k];
        }
        if (e) buf_addstr(out, e->spelt);
        else buf_addc(out, text.p[i]);
    }
}

/* ---- out ---- */

/* The channel in front of '/' or ':', and the thread: behind a '/', or what came with the last message. */
static void slack_where(const struct message_out *m, struct str *channel, struct str *thread)
{
    size_t n = 0;
    while (n < m->conversation.n && m->conversation.p[n] != '/' && m->conversation.p[n] != ':') n++;
    *channel = (struct str){ m->conversation.p, n };
    *thread = m->with;
    if (n < m->conversation.n && m->conversation.p[n] == '/')
        *thread = (struct str){ m->conversation.p + n + 1, m->conversation.n - n - 1 };
}

static enum err slack_plan(const struct door *d, const struct message_out *m, struct send_plan *out, char why[SEND_WHY])
{
    struct str channel, thread;
    struct buf text;
    slack_where(m, &channel, &thread);
    if (!channel.n) return post_refuse(why, "the conversation is no channel of Slack");
    enum err err = post_bearer(d, out, why);
    if (err) return err;
    post_to(d, out, SLACK_API, "/chat.postMessage");
    buf_addz(&out->headers, "Content-Type: application/json; charset=utf-8\n");
    buf_init(&text, m->text.n * 5 + 1); /* "&amp;" is the longest escape */
    escape_into(&text, m->text);
    struct jw w = jw_on(&out->body);
    jw_open(&w, '{');
    jw_key(&w, "channel"), jw_str(&w, channel);
    if (thread.n) jw_key(&w, "thread_ts"), jw_str(&w, thread);
    jw_key(&w, "mrkdwn"), jw_bool(&w, false); /* an agent's asterisks stay asterisks */
    jw_key(&w, "text"), jw_str(&w, buf_str(&text));
    jw_close(&w, '}');
    err = text.err;
    buf_fini(&text);
    return err ? post_refuse(why, "no memory for the text") : ERR_OK;
}

static const struct slack_error {
    const char *word;
    enum send_end end;
    const char *sentence;
} slack_errors[] = {
    { "ratelimited", SEND_AGAIN, "too many messages" },
    { "rate_limited", SEND_AGAIN, "too many messages" },
    { "service_unavailable", SEND_AGAIN, "Slack is out of service for a moment" },
    { "team_added_to_org", SEND_AGAIN, "Slack is moving the workspace" },
    { "internal_error", SEND_UNKNOWN, "an error within Slack: it may have the message" },
    { "fatal_error", SEND_UNKNOWN, "an error within Slack: it may have the message" },
    { "invalid_auth", SEND_REFUSED, "Slack does not take the account's token" },
    { "not_authed", SEND_REFUSED, "Slack does not take the account's token" },
    { "token_revoked", SEND_REFUSED, "the account's token was revoked: make a new one" },
    { "token_expired", SEND_REFUSED, "the account's token is too old: make a new one" },
    { "account_inactive", SEND_REFUSED, "the app was removed from the workspace" },
    { "missing_scope", SEND_REFUSED, "the app lacks the scope chat:write" },
    { "channel_not_found", SEND_REFUSED, "Slack does not know the channel, or does not show it to the app" },
    { "not_in_channel", SEND_REFUSED, "the app is not in the channel: invite it" },
    { "is_archived", SEND_REFUSED, "the channel is archived" },
    { "restricted_action", SEND_REFUSED, "the workspace does not allow the app to write there" },
    { "msg_too_long", SEND_REFUSED, "the text is too long for Slack" },
};

static void slack_judge_error(struct str word, struct send_result *out)
{
    for (size_t i = 0; i < sizeof slack_errors / sizeof *slack_errors; i++) {
        if (str_is(word, slack_errors[i].word)) return judge_end(out, slack_errors[i].end, "%s", slack_errors[i].sentence);
    }
    if (word.n > 64 || !post_plain(word)) word = STR("without a word");
    judge_end(out, SEND_REFUSED, "Slack refused it: %.*s", STR_FMT(word));
}

static void slack_judge(const struct door *d, const struct send_answer *a, struct send_result *out)
{
    struct json *doc = judge_body(a);
    (void)d;
    judge_status(a, out);
    if (out->end == SEND_DONE && !doc) judge_end(out, SEND_UNKNOWN, "Slack's answer cannot be read: it may have the message");
    else if (out->end == SEND_DONE && !pick_true(doc, "ok")) slack_judge_error(pick_text(doc, "error"), out);
    judge_external(out, out->end == SEND_DONE ? pick_text(doc, "ts") : STR_NONE);
    json_free(doc);
}

/* Slack takes about one message a second in a channel, and some hundred a minute of an app. */
const struct sender slack_sender = {
    .needs_token = true, .text_max = 4000, .per_second = 5, .plan = slack_plan, .judge = slack_judge
};
