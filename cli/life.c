/* The page: head, verdict, corrections, life, what it waits for.

     verdict    by policy sha256:…
       intent       refund                  model: refund 0.93: 환불 0.61, back 0.20
       urgency      high, score 0.62        model: 0.55 high 0.71
                                            rule:money: +0.07
       goes to      billing                 the first queue whose `takes` fits

   A part of the verdict stands once, with its value; behind it the reasons, a line each. Reasons of parts that the table does not
   know come last, under their own names. All texts are others': they go through `put`. */
#include "cli/life.h"

#include "base/str.h"
#include "cli/life_parts.h"

#define VALUE_WIDTH 22u  /* characters of the value's column */
#define SAID_MAX    400u /* bytes shown of a message */
#define DETAIL_MAX  200u /* bytes shown of a reason */

static struct str text_of(const struct json *o, const char *key) { return json_str(json_get(o, key)); }

/* ---- others' texts ---- */

/* Control characters (also those of two bytes), and marks that change the direction of what follows. */
static bool commands(const char *p, size_t n)
{
    const unsigned char *u = (const unsigned char *)p;
    if (n == 1) return u[0] < 0x20 || u[0] == 0x7F;
    if (n == 2) return u[0] == 0xC2 && u[1] < 0xA0;
    if (n != 3 || u[0] != 0xE2) return false;
    return (u[1] == 0x80 && u[2] >= 0xA8 && u[2] <= 0xAE) || (u[1] == 0x81 && u[2] >= 0xA6 && u[2] <= 0xA9);
}

/* At most `max` bytes, whole characters. */
static void put_most(struct buf *b, struct str s, size_t max)
{
    for (size_t at = 0, step; at < s.n; at += step) {
        step = str_utf8_step(s.p + at, s.n - at);
        if (at + step > max) {
            buf_addz(b, "…");
            return;
        }
        if (step == 0 || commands(s.p + at, step)) buf_addz(b, step == 1 && s.p[at] == '\n' ? " " : "·");
        else buf_add(b, s.p + at, step);
        if (step == 0) step = 1;
    }
}

void life_put(struct buf *b, struct str s) { put_most(b, s, SIZE_MAX); }
static void put(struct buf *b, struct str s) { put_most(b, s, SIZE_MAX); }

static size_t characters(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    return n;
}

static void put_name(struct buf *b, const char *name) { buf_addf(b, "  %-12s ", name); }

/* A line of a name and a text; nothing without a text. */
static void put_line(struct buf *b, const char *name, struct str value)
{
    if (!value.n) return;
    put_name(b, name);
    put(b, value);
    buf_addc(b, '\n');
}

/* "billing 5, lang:ko 1" of needs, "money, angry" of tags. */
static void put_list(struct buf *b, const struct json *list)
{
    for (const struct json *i = json_first(list); i; i = json_next(i)) {
        struct str name = text_of(i, "name"), skill = text_of(i, "skill");
        if (i != json_first(list)) buf_addz(b, ", ");
        put(b, json_type(i) == JSON_STRING ? json_str(i) : name.n ? name : skill);
        if (skill.n) buf_addf(b, " %.0f", json_num(json_get(i, "level")));
    }
}

/* "1 min 45 s": the two largest units. */
void life_span(struct buf *b, double ms)
{
    static const struct {
        double ms;
        const char *unit;
    } units[] = { { 86400000, "d" }, { 3600000, "h" }, { 60000, "min" }, { 1000, "s" } };
    unsigned told = 0;
    if (ms < 1000) buf_addf(b, "%.0f ms", ms), told = 2;
    for (size_t i = 0; i < sizeof units / sizeof *units && told < 2; i++) {
        double n = (double)(uint64_t)(ms / units[i].ms);
        if (n == 0 && !told) continue;
        if (n > 0) buf_addf(b, "%s%.0f %s", told ? " " : "", n, units[i].unit);
        ms -= n * units[i].ms;
        told++;
    }
}

/* ---- head ---- */

static const struct json *member(const struct json *doc, const struct json *ticket, const char *key)
{
    const struct json *v = json_get(doc, key);
    return v ? v : json_get(ticket, key);
}

/* The words of an event, of those messages that the ticket still carries. */
static void put_said(struct buf *b, const struct json *ticket, struct str event, const char *indent)
{
    for (const struct json *m = json_first(json_get(ticket, "messages")); m; m = json_next(m)) {
        if (!event.n || !str_eq(text_of(m, "event"), event)) continue;
        buf_addf(b, "%s%-12s \"", indent, "said");
        put_most(b, text_of(m, "text"), SAID_MAX);
        buf_addz(b, "\"\n");
        return;
    }
}

/* Where it stands among those that wait, and how long that may still take. */
static void put_place(struct buf *b, const struct json *ticket)
{
    uint64_t n;
    if (!json_is_u64(json_get(ticket, "position"), &n)) return;
    put_name(b, "position");
    buf_addf(b, "%llu of its queue", (unsigned long long)n);
    if (json_is_u64(json_get(ticket, "expected_wait_ms"), &n)) buf_addz(b, ", expected to wait "), life_span(b, (double)n);
    buf_addc(b, '\n');
}

static void put_head(struct buf *b, const struct json *doc, const struct json *ticket)
{
    static const char *const keys[] = { "ticket",       "state",   "queue",    "agent",         "urgency",
                                        "policy",       "needs",   "account",  "channel",       "customer",
                                        "conversation", "created", "deadline", "scheduled_for", "ended" };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct json *v = member(doc, ticket, keys[i]);
        if (json_type(v) == JSON_STRING) put_line(b, keys[i], json_str(v));
        else if (json_first(v)) put_name(b, keys[i]), put_list(b, v), buf_addc(b, '\n');
    }
    life_put_queues(b, doc);
    put_place(b, ticket);
    put_line(b, "subject", text_of(ticket, "subject"));
    put_said(b, ticket, text_of(json_get(doc, "verdict"), "event"), "  ");
}

/* ---- verdict: one function a value ---- */

static void value_language(struct buf *b, const struct json *v) { put(b, text_of(v, "language")); }

static void value_intent(struct buf *b, const struct json *v)
{
    if (json_bool(json_get(v, "unsure"))) buf_addz(b, "unsure");
    else if (text_of(v, "intent").n) put(b, text_of(v, "intent"));
    else buf_addz(b, "none");
}

static void value_sentiment(struct buf *b, const struct json *v) { put(b, text_of(v, "sentiment")); }

static void value_urgency(struct buf *b, const struct json *v)
{
    put(b, text_of(v, "urgency"));
    buf_addf(b, ", score %.2f", json_num(json_get(v, "score")));
}

static void value_needs(struct buf *b, const struct json *v) { put_list(b, json_get(v, "needs")); }
static void value_tags(struct buf *b, const struct json *v) { put_list(b, json_get(v, "tags")); }
static void value_queue(struct buf *b, const struct json *v) { put(b, text_of(v, "queue")); }

static const struct field {
    const char *name, *parts[2]; /* reasons of these parts belong to it */
    void (*value)(struct buf *b, const struct json *verdict);
} fields[] = {
    { "own words", { "text", NULL }, NULL },
    { "language", { "language", NULL }, value_language },
    { "intent", { "intent", NULL }, value_intent },
    { "sentiment", { "sentiment", NULL }, value_sentiment },
    { "urgency", { "urgency", "raise" }, value_urgency },
    { "needs", { "needs", NULL }, value_needs },
    { "tags", { "tags", NULL }, value_tags },
    { "rules", { "rule", NULL }, NULL },
    { "queue", { "queue", NULL }, value_queue },
};
#define FIELDS (sizeof fields / sizeof *fields)

static bool of_field(const struct field *f, const struct json *reason)
{
    struct str part = text_of(reason, "part");
    return str_is(part, f->parts[0]) || (f->parts[1] && str_is(part, f->parts[1]));
}

static void put_reason(struct buf *b, const struct json *reason)
{
    struct str detail = text_of(reason, "detail");
    put(b, text_of(reason, "by"));
    if (str_is(text_of(reason, "part"), "raise")) buf_addz(b, ": raised");
    if (!detail.n) return;
    buf_addz(b, str_is(text_of(reason, "part"), "raise") ? " " : ": ");
    put_most(b, detail, DETAIL_MAX);
}

/* The value's column, then the reasons below one another. */
static void put_field(struct buf *b, const struct field *f, const struct json *verdict)
{
    size_t from = b->n, reasons = 0;
    put_name(b, f->name);
    size_t begin = b->n;
    if (f->value) f->value(b, verdict);
    bool empty = b->n == begin;
    for (const struct json *r = json_first(json_get(verdict, "reasons")); r; r = json_next(r)) {
        if (!of_field(f, r)) continue;
        size_t wide = f->value ? VALUE_WIDTH : 0, used = reasons ? 0 : characters((struct str){ b->p + begin, b->n - begin });
        if (reasons) buf_addf(b, "\n%15s", "");
        if (used > wide) buf_addf(b, "\n%15s", ""), used = 0;
        buf_addf(b, "%*s%s", (int)(wide - used), "", f->value ? " " : "");
        put_reason(b, r);
        reasons++;
    }
    if (empty && !reasons) b->n = from; /* nothing to say */
    else buf_addc(b, '\n');
}

static void put_other_reasons(struct buf *b, const struct json *verdict)
{
    for (const struct json *r = json_first(json_get(verdict, "reasons")); r; r = json_next(r)) {
        size_t i = 0;
        while (i < FIELDS && !of_field(&fields[i], r)) i++;
        if (i < FIELDS) continue;
        buf_addz(b, "  ");
        put(b, text_of(r, "part"));
        buf_addz(b, " by ");
        put_reason(b, r);
        buf_addc(b, '\n');
    }
}

/* Why this queue: by a rule, as the reasons have told already, or by the policy's queues. */
static void put_route(struct buf *b, const struct json *doc)
{
    static const struct {
        const char *by, *says;
    } ways[] = { { "rule", "a rule named it" },
                 { "unsure", "the verdict is unsure: the policy's triage.unsure.queue" },
                 { "takes", "the first queue whose `takes` fits" },
                 { "default", "no other queue takes it" } };
    const struct json *route = json_get(doc, "route");
    struct str by = text_of(route, "by");
    if (!route) return;
    put_name(b, "goes to");
    size_t begin = b->n;
    put(b, text_of(route, "queue"));
    size_t used = characters((struct str){ b->p + begin, b->n - begin });
    buf_addf(b, "%*s ", used < VALUE_WIDTH ? (int)(VALUE_WIDTH - used) : 0, "");
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (str_is(by, ways[i].by)) buf_addz(b, ways[i].says);
    buf_addc(b, '\n');
}

static void put_verdict(struct buf *b, const struct json *doc)
{
    const struct json *v = json_get(doc, "verdict");
    if (!v) return;
    buf_addz(b, "verdict");
    if (text_of(v, "policy").n) buf_addz(b, "  (policy "), put(b, text_of(v, "policy")), buf_addc(b, ')');
    buf_addc(b, '\n');
    put_line(b, "error", text_of(v, "error"));
    for (size_t i = 0; i < FIELDS; i++) put_field(b, &fields[i], v);
    put_route(b, doc);
    put_other_reasons(b, v);
}

/* ---- corrections ---- */

/* "… ann (agent): intent refund_request, urgency high — a note" */
static void put_feedback(struct buf *b, const struct json *list)
{
    if (json_first(list)) buf_addz(b, "corrections\n");
    for (const struct json *r = json_first(list); r; r = json_next(r)) {
        const char *between = " ";
        buf_addz(b, "  "), put(b, text_of(r, "at"));
        buf_addz(b, "  "), put(b, text_of(r, "by"));
        buf_addz(b, " ("), put(b, text_of(r, "source")), buf_addz(b, "):");
        for (const struct json *m = json_first(json_get(r, "correction")); m; m = json_next(m), between = ", ")
            buf_addz(b, between), put(b, json_key(m)), buf_addc(b, ' '), put(b, json_str(m));
        if (text_of(r, "note").n) buf_addz(b, " — "), put(b, text_of(r, "note"));
        buf_addc(b, '\n');
    }
}

/* ---- life ---- */

/* How agents who could not take it are told: by the first test that they failed. */
static const struct {
    const char *key, *says;
} tests[] = { { "offline", "offline" },
              { "away", "away" },
              { "off_shift", "outside their shift" },
              { "skills", "without the skills" },
              { "backoff", "declined, missed or gave it back a moment ago" },
              { "only", "not the one it is kept for" },
              { "bot", "a bot, and it is for people" },
              { "groups", "not in the queue's groups" },
              { "capacity", "full" },
              { "keep", "with no room but what is kept for others" },
              { "channel_max", "at their most of this channel" },
              { "ramp", "given no more yet so soon after coming online" },
              { "daily", "at their most of the day" },
              { "exclusive", "at work, which does not go with it" },
              { "gate", "behind the queue's gate" } };

/* "3 offline, 1 full" of the counts that are not 0; false when all are. */
static bool put_failed(struct buf *b, const struct json *counts)
{
    const char *between = "";
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        double n = json_num(json_get(counts, tests[i].key));
        if (!(n > 0)) continue;
        buf_addf(b, "%s%.0f %s", between, n, tests[i].says);
        between = ", ";
    }
    return *between;
}

/* The candidates of an offer: the best with their terms, then how many failed which test first. */
static void put_candidates(struct buf *b, const struct json *d)
{
    for (const struct json *c = json_first(json_get(d, "top")); c; c = json_next(c)) {
        buf_addz(b, "        candidate ");
        put(b, text_of(c, "agent"));
        for (const struct json *m = json_first(c); m; m = json_next(m)) {
            if (json_type(m) != JSON_NUMBER) continue;
            buf_addz(b, ", "), put(b, json_key(m)), buf_addf(b, " %.0f", json_num(m));
        }
        buf_addc(b, '\n');
    }
    size_t from = b->n;
    buf_addz(b, "        not eligible: ");
    if (put_failed(b, json_get(d, "failed"))) buf_addc(b, '\n');
    else b->n = from;
}

/* What a later message changed: "urgency: normal → critical", "tags: angry"; then why. */
static void put_change(struct buf *b, const struct json *d, const struct json *ticket)
{
    put_said(b, ticket, text_of(d, "event"), "        ");
    for (const struct json *c = json_first(json_get(d, "changes")); c; c = json_next(c)) {
        bool pair = !str_is(json_key(c), "tags") && !str_is(json_key(c), "needs");
        buf_addz(b, "        "), put(b, json_key(c)), buf_addz(b, ": ");
        if (json_type(c) == JSON_STRING) put(b, json_str(c));
        else if (!pair) put_list(b, c);
        else
            for (const struct json *i = json_first(c); i; i = json_next(i)) {
                if (i != json_first(c)) buf_addz(b, " → ");
                buf_addz(b, json_str(i).n ? "" : "(none)"), put(b, json_str(i));
            }
        buf_addc(b, '\n');
    }
    for (const struct json *r = json_first(json_get(json_get(d, "verdict"), "reasons")); r; r = json_next(r)) {
        buf_addz(b, "          "), put(b, text_of(r, "part")), buf_addz(b, " by ");
        put_reason(b, r);
        buf_addc(b, '\n');
    }
}

/* Whom or what a transfer asked for; what somebody was told ("Sorry, we are full."), and who, when the policy names them. */
static void put_told(struct buf *b, const struct json *d)
{
    const struct json *to = json_get(d, "to");
    struct str text = text_of(d, "text");
    if (json_first(json_get(d, "needs"))) buf_addz(b, "        needs "), put_list(b, json_get(d, "needs")), buf_addc(b, '\n');
    if (json_type(to) == JSON_STRING) buf_addz(b, "        to "), put(b, json_str(to)), buf_addc(b, '\n');
    if (!text.n) return;
    buf_addz(b, "        told ");
    for (const struct json *i = json_first(to); i; i = json_next(i)) put(b, json_str(i)), buf_addz(b, json_next(i) ? ", " : ": ");
    buf_addc(b, '"');
    put_most(b, text, DETAIL_MAX);
    buf_addz(b, "\"\n");
}

/* An entry that ends a wait without giving the ticket to anybody. */
static bool ends_waiting(const struct json *e)
{
    static const char *const kinds[] = { "moved", "scheduled", "parked", "ended" };
    size_t i = 0;
    while (i < sizeof kinds / sizeof *kinds && !str_is(text_of(e, "kind"), kinds[i])) i++;
    return i < sizeof kinds / sizeof *kinds;
}

static void put_entry(struct buf *b, const struct json *e, const struct json *doc, const struct json *ticket)
{
    static const struct {
        const char *key, *before, *behind;
    } parts[] = { { "state", " → ", "" }, { "queue", "  queue ", "" }, { "agent", "  agent ", "" }, { "cause", "  (", ")" } };
    struct str kind = text_of(e, "kind");
    uint64_t seq = 0;
    (void)json_is_u64(json_get(e, "seq"), &seq);
    buf_addz(b, "  "), put(b, text_of(e, "at")), buf_addz(b, "  ");
    put(b, kind);
    buf_addf(b, "%*s", kind.n < 13 ? (int)(13 - kind.n) : 0, "");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct str value = text_of(e, parts[i].key);
        if (value.n) buf_addz(b, parts[i].before), put(b, value), buf_addz(b, parts[i].behind);
    }
    struct str actor = text_of(e, "actor");
    if (actor.n && !str_eq(actor, text_of(e, "agent")))
        buf_addz(b, "  by "), put(b, actor); /* an agent's own act says so already */
    struct str until = text_of(json_get(e, "detail"), "until");
    if (until.n) buf_addz(b, "  until "), put(b, until);
    struct str back = text_of(json_get(e, "detail"), "held_back_until");
    if (back.n) buf_addz(b, "  held back until "), put(b, back);
    buf_addc(b, '\n');
    put_told(b, json_get(e, "detail"));
    put_candidates(b, json_get(e, "detail"));
    put_change(b, json_get(e, "detail"), ticket);
    life_put_wait(b, life_wait(doc, seq, ends_waiting(e) ? text_of(e, "at") : STR_NONE));
}

static void put_waiting(struct buf *b, const struct json *w)
{
    double free_now = json_num(json_get(w, "free")), others = json_num(json_get(w, "ahead")),
           next = json_num(json_get(w, "next_change_in_ms"));
    if (!w || json_type(w) != JSON_OBJECT) return;
    buf_addz(b, "waits because ");
    size_t from = b->n;
    if (free_now > 0) buf_addf(b, "%.0f could take it and others come first; ", free_now);
    else buf_addz(b, "nobody can take it now: ");
    if (!put_failed(b, w) && b->n == from + strlen("nobody can take it now: ")) buf_addz(b, "there are no agents");
    if (text_of(w, "asked").n) buf_addz(b, "; it is kept for "), put(b, text_of(w, "asked"));
    if (others > 0) buf_addf(b, "; %.0f more wait%s for the same agents", others, others < 2 ? "s" : "");
    if (next > 0) buf_addz(b, "; it is looked at again at the latest in "), life_span(b, next);
    buf_addc(b, '\n');
}

/* What is told from here on was decided by another policy than what stands above. */
static void put_new_policy(struct buf *b, const struct json *e, struct str *policy)
{
    struct str now = text_of(e, "policy");
    if (!now.n || str_eq(now, *policy)) return;
    if (policy->n) buf_addz(b, "  from here on by another policy: "), put(b, now), buf_addc(b, '\n');
    *policy = now;
}

void life_tell(struct buf *b, const struct json *doc, const struct json *ticket)
{
    struct str policy = STR_NONE;
    put_head(b, doc, ticket);
    put_verdict(b, doc);
    put_feedback(b, json_get(doc, "feedback"));
    buf_addz(b, "life\n");
    for (const struct json *e = json_first(json_get(doc, "life")); e; e = json_next(e))
        put_new_policy(b, e, &policy), put_entry(b, e, doc, ticket);
    put_waiting(b, json_get(doc, "waiting_for"));
    if (json_get(doc, "waiting_for")) life_put_wait(b, life_wait(doc, 0, STR_NONE));
    life_put_known(b, doc);
}
