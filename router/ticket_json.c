/* Tickets and events as home knows them, as JSON: what history keeps and what is answered while nobody leads. */
#include "base/clock.h"
#include "router/json_text.h"
#include "router/router.h"

static struct str packed_event(const struct kept_event *e) { return (struct str){ e->packed, e->packed_n }; }
static struct str packed_verdict(const struct kept_event *e) { return (struct str){ e->verdict, e->verdict_n }; }

static void put_first(struct buf *b, const struct event *e)
{
    MEMBER(b, "workspace", e->workspace);
    MEMBER(b, "account", e->account);
    MEMBER(b, "channel", e->channel);
    MEMBER(b, "conversation", e->conversation);
    MEMBER(b, "customer", e->customer);
    MEMBER(b, "name", e->name);
    MEMBER(b, "subject", e->subject);
}

static void put_verdict(struct router *r, struct buf *b, const struct kept_event *e)
{
    struct verdict v;
    if (!e->verdict || record_unpack(&verdict_record, &v, packed_verdict(e), &r->events.scratch)) return;
    MEMBER(b, "language", v.language);
    MEMBER(b, "intent", v.intent);
    MEMBER_WORD(b, "urgency", urgency_words.v[v.urgency]);
    MEMBER(b, "policy", v.policy);
    LIT(b, ",\"verdict\":");
    record_json(b, &verdict_record, &v);
}

/* At most `max` bytes, cut between characters. */
static struct str cut(struct str s, size_t max)
{
    if (s.n <= max) return s;
    while (max && ((unsigned char)s.p[max] & 0xC0) == 0x80) max--;
    return (struct str){ s.p, max };
}

static void put_message(struct buf *b, const struct kept_event *e, struct str text)
{
    char id[ID_TEXT + 1], at[25];
    LIT(b, "{\"event\":\"");
    buf_add(b, id_text(&e->id, id), ID_TEXT);
    LIT(b, "\",\"at\":\"");
    buf_addz(b, clock_text(e->received, at));
    LIT(b, "\",\"by\":\"customer\"");
    MEMBER(b, "text", text);
    buf_addc(b, '}');
}

/* The last messages, within the bounds that a ticket's record has everywhere. The first event is unpacked already. */
static void put_messages(struct router *r, struct buf *b, const struct kept_ticket *t, const struct event *first)
{
    const struct kept_event *e;
    uint32_t count = 0, n = 0, skip;
    size_t bytes = LIM_TICKET_BYTES;
    bool any = false;
    TAILQ_FOREACH (e, &t->events, sibling) count++;
    skip = count > LIM_TICKET_MESSAGES ? count - LIM_TICKET_MESSAGES : 0;
    LIT(b, ",\"messages\":[");
    TAILQ_FOREACH (e, &t->events, sibling) {
        struct event event = *first;
        if (n++ < skip || !e->packed) continue;
        if (n > 1 && record_unpack(&event_record, &event, packed_event(e), &r->events.scratch)) continue;
        event.text = cut(event.text, bytes);
        bytes -= event.text.n;
        if (any) buf_addc(b, ',');
        any = true;
        put_message(b, e, event.text);
    }
    buf_addc(b, ']');
}

static void put_life(struct buf *b, const struct kept_ticket *t)
{
    const struct life *l;
    LIT(b, ",\"life\":[");
    TAILQ_FOREACH (l, &t->life, link) {
        if (l != TAILQ_FIRST(&t->life)) buf_addc(b, ',');
        buf_add(b, l->json, l->n);
    }
    buf_addc(b, ']');
}

static void put_token(struct buf *b, const struct kept_ticket *t)
{
    if (!t->token_epoch) return;
    LIT(b, ",\"token\":\"");
    buf_addu(b, t->token_epoch);
    buf_addc(b, '.');
    buf_addu(b, t->token_seq);
    buf_addc(b, '"');
}

void ticket_json(struct router *r, struct buf *out, const struct kept_ticket *t, const struct event *first, bool life)
{
    char text[64];
    const struct kept_event *e = TAILQ_FIRST(&t->events);
    LIT(out, "{\"ticket\":\"");
    buf_add(out, id_text(&t->id, text), ID_TEXT);
    buf_addc(out, '"');
    MEMBER_WORD(out, "state", ticket_state_words.v[t->ticket_state]);
    MEMBER(out, "queue", str_of(t->queue));
    MEMBER(out, "agent", str_of(t->agent));
    put_token(out, t);
    put_first(out, first);
    if (e) put_verdict(r, out, e);
    if (t->opened) MEMBER_WORD(out, "created", clock_text(t->opened, text));
    if (t->ended) MEMBER_WORD(out, "ended", clock_text(t->ended, text));
    put_messages(r, out, t, first);
    if (life) put_life(out, t);
    buf_addc(out, '}');
}

void ticket_first(struct router *r, const struct kept_ticket *t, struct event *first)
{
    const struct kept_event *e = TAILQ_FIRST(&t->events);
    arena_clear(&r->events.scratch);
    if (!e || !e->packed || record_unpack(&event_record, first, packed_event(e), &r->events.scratch))
        memset(first, 0, sizeof *first);
}

static void put_time(struct jw *w, const char *name, uint64_t ms)
{
    char text[25];
    if (ms) jw_key(w, name), jw_strz(w, clock_text(ms, text));
}

void event_json(struct router *r, struct buf *out, const struct kept_event *e)
{
    struct jw w = jw_on(out);
    char text[ID_TEXT + 1];
    struct verdict v;
    arena_clear(&r->events.scratch);
    jw_open(&w, '{');
    jw_key(&w, "event"), jw_strz(&w, id_text(&e->id, text));
    jw_key(&w, "state"), jw_strz(&w, event_state_words.v[e->state]);
    if (e->ticket) jw_key(&w, "ticket"), jw_strz(&w, id_text(&e->ticket->id, text));
    jw_key(&w, "attempts"), jw_u64(&w, e->attempts);
    put_time(&w, "received", e->received);
    if (e->verdict && !record_unpack(&verdict_record, &v, (struct str){ e->verdict, e->verdict_n }, &r->events.scratch)) {
        struct buf json;
        buf_init(&json, LIM_ZMQ_MESSAGE);
        record_json(&json, &verdict_record, &v);
        if (!json.err) jw_key(&w, "verdict"), jw_raw(&w, buf_str(&json));
        buf_fini(&json);
    }
    jw_close(&w, '}');
}

static size_t digits(struct str s, size_t at)
{
    size_t n = 0;
    while (at + n < s.n && s.p[at + n] >= '0' && s.p[at + n] <= '9') n++;
    return n;
}

/* A quotation mark within a text has a backslash before it, so these words stand nowhere but as members' names. */
void leader_json(struct buf *out, struct str body)
{
    static const struct str epoch = { "\"token_epoch\":", 14 }, seq = { ",\"token_seq\":", 13 };
    while (body.n) {
        const char *hit = memmem(body.p, body.n, epoch.p, epoch.n);
        size_t before = hit ? (size_t)(hit - body.p) : body.n, at = before + epoch.n;
        size_t e = hit ? digits(body, at) : 0, s = 0;
        bool both = e && body.n > at + e + seq.n && !memcmp(body.p + at + e, seq.p, seq.n) && (s = digits(body, at + e + seq.n));
        buf_add(out, body.p, before);
        if (hit && both) {
            buf_addz(out, "\"token\":\"");
            buf_add(out, body.p + at, e);
            buf_addc(out, '.');
            buf_add(out, body.p + at + e + seq.n, s);
            buf_addc(out, '"');
            at += e + seq.n + s;
        } else if (hit) {
            buf_addstr(out, epoch);
        }
        if (!hit) return;
        body = (struct str){ body.p + at, body.n - at };
    }
}

enum err parse_token(struct str text, uint64_t *epoch, uint64_t *seq)
{
    const char *dot = text.n ? memchr(text.p, '.', text.n) : NULL;
    if (!dot) return ERR_RANGE;
    struct str left = { text.p, (size_t)(dot - text.p) }, right = { dot + 1, text.n - left.n - 1 };
    enum err e = str_u64(left, 0, UINT64_MAX, epoch);
    return e ? e : str_u64(right, 0, UINT64_MAX, seq);
}
