#include "router/bot_answer.h"

#include "base/limits.h"

#include <stdio.h>

#define REPLY_MAX  16384u
#define REASON_MAX 128u

typedef bool read_fn(struct bot_answer *a, double below, const struct json *v);

static bool read_reply(struct bot_answer *a, double below, const struct json *v)
{
    (void)below;
    a->reply = json_str(v);
    return json_type(v) == JSON_STRING && a->reply.n <= REPLY_MAX;
}

static bool read_done(struct bot_answer *a, double below, const struct json *v)
{
    (void)below;
    if (json_bool(v) && a->end == BOT_KEEPS) a->end = BOT_DONE;
    return json_type(v) == JSON_BOOL;
}

static struct str cut(struct str s)
{
    if (s.n <= REASON_MAX) return s;
    s.n = REASON_MAX;
    while (s.n && ((unsigned char)s.p[s.n] & 0xC0) == 0x80) s.n--; /* never inside of a character */
    return s;
}

static bool read_handover(struct bot_answer *a, double below, const struct json *v)
{
    (void)below;
    a->end = BOT_HANDS_OVER;
    a->reason = cut(json_str(v));
    return json_type(v) == JSON_STRING;
}

static bool read_decline(struct bot_answer *a, double below, const struct json *v)
{
    (void)below;
    a->end = BOT_DECLINES;
    a->reason = cut(json_str(v));
    return json_type(v) == JSON_STRING;
}

static bool read_confidence(struct bot_answer *a, double below, const struct json *v)
{
    double sure = json_num(v);
    if (json_type(v) != JSON_NUMBER || !(sure >= 0 && sure <= 1)) return false;
    if (sure < below) {
        a->unsure = true;
        snprintf(a->text, sizeof a->text, "confidence %.2f", sure);
    }
    return true;
}

static const struct member_row {
    const char *name;
    read_fn *read;
    const char *must;
} members[] = {
    { "reply", read_reply, "\"reply\" must be a text of at most 16384 bytes" },
    { "handover", read_handover, "\"handover\" must be a text: the reason" },
    { "decline", read_decline, "\"decline\" must be a text: the reason" },
    { "done", read_done, "\"done\" must be true or false" },
    { "confidence", read_confidence, "\"confidence\" must be a number from 0 to 1" },
};
#define MEMBERS (sizeof members / sizeof *members)

static const struct member_row *member_of(const struct json *m)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        if (str_is(json_key(m), members[i].name)) return &members[i];
    }
    return NULL;
}

static bool known_members(const struct json *doc, char why[BOT_WHY])
{
    const char *names[MEMBERS];
    for (size_t i = 0; i < MEMBERS; i++) names[i] = members[i].name;
    for (const struct json *m = json_first(doc); m; m = json_next(m)) {
        if (member_of(m)) continue;
        const char *near = json_key(m).n <= 64 ? str_nearest(json_key(m), names, MEMBERS) : NULL;
        if (near) snprintf(why, BOT_WHY, "a member is not known: did you mean \"%s\"?", near);
        else snprintf(why, BOT_WHY, "a member is none of reply, handover, decline, done, confidence");
        return false;
    }
    return true;
}

/* Rows in their order, whatever the order of the members: `handover` counts more than `done`. */
static bool read_members(struct bot_answer *a, const struct json *doc, double below, char why[BOT_WHY])
{
    for (size_t i = 0; i < MEMBERS; i++) {
        const struct json *v = json_get(doc, members[i].name);
        if (!v || members[i].read(a, below, v)) continue;
        snprintf(why, BOT_WHY, "%s", members[i].must);
        return false;
    }
    return true;
}

enum err bot_answer_read(struct bot_answer *out, struct json **doc, struct str body, double below, char why[BOT_WHY])
{
    const char *said = NULL;
    size_t at = 0;
    *doc = NULL;
    *out = (struct bot_answer){ .end = BOT_KEEPS };
    if (json_parse(doc, body, LIM_JSON_DEPTH, &at, &said)) {
        snprintf(why, BOT_WHY, "%s (at byte %zu)", said, at);
        return ERR_JSON;
    }
    if (json_type(*doc) != JSON_OBJECT) return snprintf(why, BOT_WHY, "it must be an object"), ERR_RANGE;
    if (!known_members(*doc, why) || !read_members(out, *doc, below, why)) return ERR_RANGE;
    if (out->end == BOT_KEEPS && !out->reply.n) {
        snprintf(why, BOT_WHY, "it says nothing: give at least one of reply, done, handover, decline");
        return ERR_RANGE;
    }
    if (out->end == BOT_DECLINES && (out->reply.n || json_get(*doc, "handover"))) {
        snprintf(why, BOT_WHY, "\"decline\" stands alone: whoever declines does not reply or hand over");
        return ERR_RANGE;
    }
    if (out->unsure && out->end != BOT_DECLINES) {
        out->end = BOT_HANDS_OVER;
        out->reply = STR_NONE;
        if (!out->reason.n) out->reason = str_of(out->text);
    }
    return ERR_OK;
}
