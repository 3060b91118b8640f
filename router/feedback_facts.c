/* What a correction says and what it is about: plain functions of JSON documents. */
#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "proto/records.h"
#include "router/feedback.h"

#include <stdio.h>

#define TOGETHER_MS 120000u /* messages that follow the first so soon are one thing said in pieces */

#define FIELD_NAME(id, name) name,
const char *const feedback_field_names[FEEDBACK_FIELDS] = { FEEDBACK_FIELD_MAP(FIELD_NAME) };
#undef FIELD_NAME

/* ---- what is said ---- */

struct naming {
    const char *const *queues;
    size_t queue_count;
    char *why; /* 300 bytes */
};

/* "intent": "refnd" is none of … (did you mean "refund"?). `name` NULL: the word is a member's name itself. */
static enum err wrong(const struct naming *n, const char *name, struct str word, const char *const *words, size_t count,
                      const char *what)
{
    const char *near = str_nearest(word, words, count);
    int at = name ? snprintf(n->why, 300, "\"%s\": ", name) : 0;
    if (word.n > 64) word.n = 64;
    at += snprintf(n->why + at, 300 - (size_t)at, "\"%.*s\" is %s", STR_FMT(word), what);
    if (near) snprintf(n->why + at, 300 - (size_t)at, " (did you mean \"%s\"?)", near);
    return ERR_RANGE;
}

/* One of the words; *into points to it, not into the document. */
static enum err one_of(const struct naming *n, const char *name, struct str word, const char *const *words, size_t count,
                       const char *what, struct str *into)
{
    for (size_t i = 0; i < count; i++) {
        if (!str_is(word, words[i])) continue;
        *into = str_of(words[i]);
        return ERR_OK;
    }
    return wrong(n, name, word, words, count, what);
}

/* The characters of names in a policy. */
static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i], low = c | 0x20;
        if (!(c >= 0x80 || (c >= '0' && c <= '9') || (low >= 'a' && low <= 'z') || memchr("-_.@+", c, 5))) return false;
    }
    return true;
}

static enum err read_intent(const struct naming *n, const char *name, struct str s, struct str *into)
{
    *into = s;
    if (s.n >= 1 && s.n <= 64 && is_name(s)) return ERR_OK;
    snprintf(n->why, 300, "\"%s\" must have 1 to 64 bytes: letters, digits and -_.@+ only", name);
    return ERR_RANGE;
}

static enum err read_queue(const struct naming *n, const char *name, struct str s, struct str *into)
{
    return one_of(n, name, s, n->queues, n->queue_count, "no queue of the policy", into);
}

static enum err read_urgency(const struct naming *n, const char *name, struct str s, struct str *into)
{
    return one_of(n, name, s, urgency_words.v, urgency_words.count, "none of low, normal, high, critical", into);
}

/* "unknown", the first word, is no judgement. */
static enum err read_sentiment(const struct naming *n, const char *name, struct str s, struct str *into)
{
    return one_of(n, name, s, sentiment_words.v + 1, sentiment_words.count - 1, "none of negative, neutral, positive", into);
}

/* Of "pt-BR" the first subtag counts, as in verdicts. */
static enum err read_language(const struct naming *n, const char *name, struct str s, struct str *into)
{
    size_t i = 0;
    while (i < s.n && s.p[i] >= 'a' && s.p[i] <= 'z') i++;
    *into = (struct str){ s.p, i };
    bool whole = i == s.n || ((s.p[i] == '-' || s.p[i] == '_') && s.n <= 16);
    if (whole && i >= 2 && i <= 8 && !str_is(*into, "und")) return ERR_OK;
    snprintf(n->why, 300, "\"%s\" must be a language's subtag in small letters, like ko or en", name);
    return ERR_RANGE;
}

static enum err (*const readers[FEEDBACK_FIELDS])(const struct naming *n, const char *name, struct str s, struct str *into) = {
    [FEEDBACK_INTENT] = read_intent,       [FEEDBACK_QUEUE] = read_queue,       [FEEDBACK_URGENCY] = read_urgency,
    [FEEDBACK_SENTIMENT] = read_sentiment, [FEEDBACK_LANGUAGE] = read_language,
};

static enum err read_note(const struct naming *n, struct str s, struct str *into)
{
    *into = s;
    if (s.n <= FEEDBACK_NOTE) return ERR_OK;
    snprintf(n->why, 300, "\"note\" is longer than %u bytes", FEEDBACK_NOTE);
    return ERR_RANGE;
}

static enum err read_member(const struct naming *n, const struct json *m, struct correction *out)
{
    static const char *const members[] = { "intent", "queue", "urgency", "sentiment", "language", "note" };
    struct str key = json_key(m), text = json_str(m);
    size_t i = 0;
    while (i < FEEDBACK_FIELDS + 1 && !str_is(key, members[i])) i++;
    if (i > FEEDBACK_FIELDS)
        return wrong(n, NULL, key, members, FEEDBACK_FIELDS + 1, "none of intent, queue, urgency, sentiment, language, note");
    if (json_type(m) != JSON_STRING) {
        snprintf(n->why, 300, "\"%s\" must be a string, not %s", members[i], json_type_name(json_type(m)));
        return ERR_RANGE;
    }
    return i == FEEDBACK_FIELDS ? read_note(n, text, &out->note) : readers[i](n, members[i], text, &out->fields[i]);
}

enum err correction_read(struct correction *out, const struct json *doc, const char *const *queues, size_t queue_count,
                         char why[300])
{
    struct naming n = { queues, queue_count, why };
    *out = (struct correction){ .note = STR_NONE };
    for (const struct json *m = json_first(doc); m; m = json_next(m)) {
        enum err e = read_member(&n, m, out);
        if (e) return e;
    }
    for (int i = 0; i < FEEDBACK_FIELDS; i++) {
        if (out->fields[i].n) return ERR_OK;
    }
    snprintf(why, 300, "say what would have been right: at least one of intent, queue, urgency, sentiment, language");
    return ERR_RANGE;
}

/* ---- what it is about ---- */

static struct str text_of(const struct json *o, const char *key) { return json_str(json_get(o, key)); }

bool feedback_held(const struct json *ticket, const struct json *life, struct str agent)
{
    int state = words_find(&ticket_state_words, text_of(ticket, "state"));
    if (str_eq(text_of(ticket, "agent"), agent) && state > TK_OFFERED) return true; /* an offer is not yet theirs */
    for (const struct json *e = json_first(json_get(life, "life")); e; e = json_next(e)) {
        if (str_is(text_of(e, "kind"), "accepted") && str_eq(text_of(e, "agent"), agent)) return true;
    }
    return false;
}

static struct str cut(struct str s, size_t max)
{
    if (s.n <= max) return s;
    while (max && ((unsigned char)s.p[max] & 0xC0) == 0x80) max--;
    return (struct str){ s.p, max };
}

static uint64_t time_of(const struct json *message)
{
    uint64_t ms = 0;
    struct str at = text_of(message, "at");
    return clock_parse(at.p, at.n, &ms) ? 0 : ms;
}

/* Of a long conversation only the last messages are told: is this the first of all? */
static bool is_beginning(const struct json *messages, const struct json *verdict)
{
    unsigned n = 0;
    for (const struct json *m = json_first(messages); m; m = json_next(m)) n++;
    return n < LIM_TICKET_MESSAGES || str_eq(text_of(json_first(messages), "event"), text_of(verdict, "event"));
}

/* The customer's first words: the first message, and what followed it at once. Nothing when they are no longer known: other words
   would teach what nobody said. */
static void add_text(struct buf *out, const struct json *messages, const struct json *verdict)
{
    const struct json *first = json_first(messages);
    if (!first || !is_beginning(messages, verdict)) return;
    for (const struct json *m = first; m && time_of(m) - time_of(first) <= TOGETHER_MS; m = json_next(m)) {
        struct str text = text_of(m, "text");
        if (!str_is(text_of(m, "by"), "customer") || !text.n) continue;
        if (out->n + 1 >= FEEDBACK_TEXT) return;
        if (out->n) buf_addc(out, '\n');
        buf_addstr(out, cut(text, FEEDBACK_TEXT - out->n));
    }
}

/* By what a part of the verdict was decided: "rule:refund", "model:…". */
static struct str decided_by(const struct json *verdict, const char *part)
{
    for (const struct json *r = json_first(json_get(verdict, "reasons")); r; r = json_next(r)) {
        if (str_is(text_of(r, "part"), part)) return text_of(r, "by");
    }
    return STR_NONE;
}

static void put_verdict(struct jw *w, const struct json *v)
{
    static const char *const texts[] = { "policy", "language", "intent", "urgency", "sentiment", "queue" };
    static const char *const numbers[] = { "confidence", "score" };
    static const struct {
        const char *part, *name;
    } parts[] = {
        { "language", "language_by" }, { "intent", "intent_by" }, { "urgency", "urgency_by" }, { "sentiment", "sentiment_by" }
    };
    if (json_type(v) != JSON_OBJECT) return;
    jw_key(w, "verdict"), jw_open(w, '{');
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) jw_text(w, texts[i], text_of(v, texts[i]));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const struct json *n = json_get(v, numbers[i]);
        if (n) jw_key(w, numbers[i]), jw_f64(w, json_num(n));
    }
    jw_key(w, "unsure"), jw_bool(w, json_bool(json_get(v, "unsure")));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) jw_text(w, parts[i].name, decided_by(v, parts[i].part));
    jw_close(w, '}');
}

void feedback_about(struct buf *out, const struct id *id, const struct json *ticket, const struct json *life)
{
    const struct json *verdict = json_get(life, "verdict"), *opened = json_first(json_get(life, "life"));
    struct buf text;
    char id_chars[ID_TEXT + 1];
    struct jw w = jw_on(out);
    buf_init(&text, FEEDBACK_TEXT + 1);
    add_text(&text, json_get(ticket, "messages"), verdict);
    jw_open(&w, '{');
    jw_key(&w, "ticket"), jw_strz(&w, id_text(id, id_chars));
    jw_text(&w, "channel", text_of(ticket, "channel"));
    jw_text(&w, "account", text_of(ticket, "account"));
    jw_text(&w, "subject", text_of(ticket, "subject"));
    jw_text(&w, "text", buf_str(&text));
    if (str_is(text_of(opened, "kind"), "opened")) jw_text(&w, "queue", text_of(opened, "queue"));
    put_verdict(&w, verdict);
    jw_close(&w, '}');
    if (text.err && !out->err) out->err = text.err;
    buf_fini(&text);
}
