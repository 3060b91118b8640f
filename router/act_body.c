/* Every member is a row with its own reader; every act is a row that says which members it takes, which it must have, and whether
   the agent shows a token. What a supervisor may leave out, and who may act at all, is decided elsewhere (api.c, the leader). */
#include "router/act_body.h"

#include "base/clock.h"
#include "router/router.h"

#include <stdio.h>

#define TEXT_MAX 16384u

typedef bool member_fn(struct act *act, struct act_room *room, const struct json *v, char why[ACT_WHY]);

/* ---- members ---- */

static bool text_of(const struct json *v, size_t max, struct str *out, char why[ACT_WHY])
{
    *out = json_str(v);
    if (json_type(v) == JSON_STRING && out->n <= max) return true;
    if (json_type(v) != JSON_STRING) snprintf(why, ACT_WHY, "\"%.*s\" must be a string", STR_FMT(json_key(v)));
    else snprintf(why, ACT_WHY, "\"%.*s\" is longer than %zu bytes", STR_FMT(json_key(v)), max);
    return false;
}

static bool read_agent(struct act *act, struct act_room *room, const struct json *v, char why[ACT_WHY])
{
    (void)room;
    return text_of(v, 128, &act->agent, why);
}

static bool read_token(struct act *act, struct act_room *room, const struct json *v, char why[ACT_WHY])
{
    struct str text;
    (void)room;
    if (!text_of(v, 64, &text, why)) return false;
    if (!text.n || !parse_token(text, &act->token_epoch, &act->token_seq)) return true;
    snprintf(why, ACT_WHY, "\"token\" must look like 12.345, as it came with the offer or the accept");
    return false;
}

static bool read_reason(struct act *act, struct act_room *room, const struct json *v, char why[ACT_WHY])
{
    (void)room;
    return text_of(v, 256, &act->reason, why);
}

static bool read_queue(struct act *act, struct act_room *room, const struct json *v, char why[ACT_WHY])
{
    (void)room;
    return text_of(v, 64, &act->queue, why);
}

static bool read_to(struct act *act, struct act_room *room, const struct json *v, char why[ACT_WHY])
{
    (void)room;
    return text_of(v, 128, &act->to, why);
}

static bool read_text(struct act *act, struct act_room *room, const struct json *v, char why[ACT_WHY])
{
    (void)room;
    return text_of(v, TEXT_MAX, &act->text, why);
}

static bool read_subject(struct act *act, struct act_room *room, const struct json *v, char why[ACT_WHY])
{
    (void)room;
    return text_of(v, 1024, &act->subject, why);
}

static bool read_sent(struct act *act, struct act_room *room, const struct json *v, char why[ACT_WHY])
{
    (void)room;
    act->sent = json_bool(v);
    if (json_type(v) == JSON_BOOL) return true;
    snprintf(why, ACT_WHY, "\"sent\" must be true or false");
    return false;
}

static bool read_at(struct act *act, struct act_room *room, const struct json *v, char why[ACT_WHY])
{
    struct str text;
    (void)room;
    if (!text_of(v, 64, &text, why)) return false;
    if (!clock_parse(text.p, text.n, &act->at) && act->at) return true;
    snprintf(why, ACT_WHY, "\"at\" must be a time like 2026-03-01T09:30:00+09:00");
    return false;
}

/* `over` true: the colleague who was asked in is let go; the leader reads that as this reason. */
static bool read_over(struct act *act, struct act_room *room, const struct json *v, char why[ACT_WHY])
{
    (void)room;
    if (json_type(v) == JSON_BOOL) {
        if (json_bool(v)) act->reason = STR("over");
        return true;
    }
    snprintf(why, ACT_WHY, "\"over\" must be true or false");
    return false;
}

static bool read_needs(struct act *act, struct act_room *room, const struct json *v, char why[ACT_WHY])
{
    uint32_t n = 0;
    uint64_t level;
    const struct json *m;
    if (json_type(v) != JSON_OBJECT) {
        snprintf(why, ACT_WHY, "\"needs\" must be an object like {\"billing\": 5}");
        return false;
    }
    for (m = json_first(v); m && n < ACT_NEEDS_MAX; m = json_next(m)) {
        struct str skill = json_key(m);
        if (!skill.n || skill.n > 64 || !json_is_u64(m, &level) || level < 1 || level > 10) {
            snprintf(why, ACT_WHY, "\"needs\": a skill of 1 to 64 bytes with a level from 1 to 10, like {\"billing\": 5}");
            return false;
        }
        room->needs[n++] = (struct need){ skill, (uint32_t)level };
    }
    act->needs = (struct list){ room->needs, n };
    if (!m) return true;
    snprintf(why, ACT_WHY, "\"needs\" has more than %u skills", ACT_NEEDS_MAX);
    return false;
}

enum {
    TOKEN = 1,
    REASON = 2,
    AGENT = 4,
    QUEUE = 8,
    TO = 16,
    NEEDS = 32,
    TEXT = 64,
    AT = 128,
    OVER = 256,
    STREAM = 512,
    SUBJECT = 1024,
    SENT = 2048
};
static const struct member_row {
    const char *name;
    unsigned bit;
    member_fn *read; /* NULL: read by whom the stream's words go through */
} members[] = {
    { "agent", AGENT, read_agent },       { "token", TOKEN, read_token }, { "reason", REASON, read_reason },
    { "queue", QUEUE, read_queue },       { "to", TO, read_to },          { "needs", NEEDS, read_needs },
    { "text", TEXT, read_text },          { "at", AT, read_at },          { "over", OVER, read_over },
    { "subject", SUBJECT, read_subject }, { "sent", SENT, read_sent },    { "type", STREAM, NULL },
    { "ticket", STREAM, NULL },           { "ref", STREAM, NULL },
};
#define MEMBERS (sizeof members / sizeof *members)

/* ---- acts ---- */

static const struct act_row {
    unsigned takes;      /* besides token, reason and agent or the stream's own */
    unsigned one_of;     /* at least one of these must be there */
    const char *lacking; /* … else this is said */
    bool no_token;       /* an agent has none to show */
} act_rows[ACT_HANDOVER + 1] = {
    [ACT_TRANSFER] = { .takes = QUEUE | TO | NEEDS,
                       .one_of = QUEUE | TO | NEEDS,
                       .lacking = "say where it goes: \"queue\", \"to\" (an agent) or \"needs\"" },
    [ACT_REPLY] = { .takes = TEXT | SUBJECT | SENT,
                    .one_of = TEXT,
                    .lacking = "\"text\" is missing: what the customer is to read" },
    [ACT_ASSIGN] = { .takes = TO, .one_of = TO, .lacking = "\"to\" is missing: the agent who gets it", .no_token = true },
    [ACT_PULL] = { .no_token = true },
    [ACT_REQUEUE] = { .takes = QUEUE, .no_token = true },
    [ACT_CONSULT] = { .takes = TO | OVER,
                      .one_of = TO | OVER,
                      .lacking = "say whom to ask in with \"to\" (an agent), or \"over\": true to let them go" },
    [ACT_CALLBACK] = { .takes = AT },
};

bool act_needs_token(enum act_kind kind) { return kind > ACT_HANDOVER || !act_rows[kind].no_token; }

static bool unknown_member(struct str key, unsigned allowed, char why[ACT_WHY])
{
    const char *known[MEMBERS];
    size_t n = 0;
    for (size_t i = 0; i < MEMBERS; i++) {
        if (members[i].bit & allowed) known[n++] = members[i].name;
    }
    const char *near = key.n <= 64 ? str_nearest(key, known, n) : NULL;
    int shown = key.n < 64 ? (int)key.n : 64;
    int at = snprintf(why, ACT_WHY, "\"%.*s\" is not known here", shown, key.p ? key.p : "");
    if (near) snprintf(why + at, ACT_WHY - (size_t)at, ": did you mean \"%s\"?", near);
    for (size_t i = 0; !near && i < n; i++)
        at += snprintf(why + at, ACT_WHY - (size_t)at, "%s%s", i ? ", " : "; known: ", known[i]);
    return false;
}

static bool read_member(struct act *act, struct act_room *room, const struct json *m, unsigned allowed, unsigned *seen,
                        char why[ACT_WHY])
{
    for (size_t i = 0; i < MEMBERS; i++) {
        if (!(members[i].bit & allowed) || !str_is(json_key(m), members[i].name)) continue;
        *seen |= members[i].bit;
        return !members[i].read || members[i].read(act, room, m, why);
    }
    return unknown_member(json_key(m), allowed, why);
}

/* What is there and yet says nothing counts as missing. */
static bool says_what_it_must(const struct act *act, const struct act_row *row, unsigned seen, char why[ACT_WHY])
{
    bool over = (seen & OVER) && str_is(act->reason, "over");
    bool said = (act->queue.n && row->one_of & QUEUE) || (act->to.n && row->one_of & TO) ||
                (act->needs.count && row->one_of & NEEDS) || (act->text.n && row->one_of & TEXT) || (over && row->one_of & OVER);
    if (over && act->to.n) snprintf(why, ACT_WHY, "\"to\" and \"over\" contradict each other: one asks in, the other lets go");
    else if (row->one_of && !said) snprintf(why, ACT_WHY, "%s", row->lacking);
    else return true;
    return false;
}

enum err act_body_read(struct act *act, struct act_room *room, const struct json *doc, enum act_door door, char why[ACT_WHY])
{
    static const struct act_row none;
    const struct act_row *row = act->kind <= ACT_HANDOVER ? &act_rows[act->kind] : &none;
    unsigned allowed = row->takes | TOKEN | REASON | (door == ACT_BY_STREAM ? STREAM : AGENT), seen = 0;
    for (const struct json *m = json_first(doc); m; m = json_next(m)) {
        if (!read_member(act, room, m, allowed, &seen, why)) return ERR_RANGE;
    }
    return says_what_it_must(act, row, seen, why) ? ERR_OK : ERR_RANGE;
}
