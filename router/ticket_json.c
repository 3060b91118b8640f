/* Tickets and events as home knows them: packed for the history, and as JSON for whoever asks. */
#include "base/clock.h"
#include "proto/mp.h"
#include "router/json_text.h"
#include "router/router.h"

/* A packed ticket is values one after the other: its head, the verdict of its first event (or nil), its first event, its last
   events, its changes. Nothing is made into JSON before somebody reads it. */
#define HEAD_FIELDS(X)                                                                                                             \
    X(ID, ticket, 0)                                                                                                               \
    X(ENUM, state, ticket_state)                                                                                                   \
    X(STR, queue, 64)                                                                                                              \
    X(STR, agent, 128)                                                                                                             \
    X(U64, token_epoch, 0)                                                                                                         \
    X(U64, token_seq, 0)                                                                                                           \
    X(TIME, opened, 0)                                                                                                             \
    X(TIME, ended, 0)                                                                                                              \
    X(U32, events, 0) /* how many follow: all of them, or the first and the last LIM_TICKET_MESSAGES */                            \
    X(U32, changes, 0)
RECORD_DECL(head, HEAD_FIELDS)
RECORD_TABLE(head, HEAD_FIELDS)

#define NIL '\xc0'

/* ---- packing ---- */

static void pack_head(const struct kept_ticket *t, struct buf *out, uint32_t events, bool life)
{
    struct head h = { .ticket = t->id,
                      .state = t->ticket_state,
                      .queue = str_of(t->queue),
                      .agent = str_of(t->agent),
                      .token_epoch = t->token_epoch,
                      .token_seq = t->token_seq,
                      .opened = t->opened,
                      .ended = t->ended,
                      .events = events,
                      .changes = life ? t->life_count : 0 };
    record_pack(out, &head_record, &h);
}

void ticket_pack(const struct kept_ticket *t, struct buf *out, bool life)
{
    const struct kept_event *e, *first = TAILQ_FIRST(&t->events);
    uint32_t count = 0, n = 0;
    TAILQ_FOREACH (e, &t->events, sibling) count += e->packed != NULL;
    uint32_t skip = count > LIM_TICKET_MESSAGES ? count - LIM_TICKET_MESSAGES : 0; /* behind the first */
    pack_head(t, out, skip ? LIM_TICKET_MESSAGES + 1 : count, life);
    if (first && first->verdict) buf_add(out, first->verdict, first->verdict_n);
    else buf_addc(out, NIL);
    TAILQ_FOREACH (e, &t->events, sibling) {
        if (!e->packed) continue;
        if (n == 0 || n >= skip) buf_add(out, e->packed, e->packed_n);
        n++;
    }
    if (life) buf_addstr(out, buf_str(&t->life));
}

/* ---- reading ---- */

struct reading {
    struct mp in;
    struct buf *out;
    struct arena *scratch;
    struct head head;
};

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

static void put_verdict(struct buf *b, const struct verdict *v)
{
    MEMBER(b, "language", v->language);
    MEMBER(b, "intent", v->intent);
    MEMBER_WORD(b, "urgency", urgency_words.v[v->urgency]);
    MEMBER(b, "policy", v->policy);
    LIT(b, ",\"verdict\":");
    record_json(b, &verdict_record, v);
}

/* At most `max` bytes, cut between characters. */
static struct str cut(struct str s, size_t max)
{
    if (s.n <= max) return s;
    while (max && ((unsigned char)s.p[max] & 0xC0) == 0x80) max--;
    return (struct str){ s.p, max };
}

static void put_message(struct buf *b, const struct event *e, struct str text)
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

/* The last messages, within the bounds that a ticket's record has everywhere. `e` is the first event. */
static void put_messages(struct reading *r, struct event *e)
{
    size_t bytes = LIM_TICKET_BYTES;
    uint32_t from = r->head.events > LIM_TICKET_MESSAGES ? r->head.events - LIM_TICKET_MESSAGES : 0;
    LIT(r->out, ",\"messages\":[");
    for (uint32_t i = 0; i < r->head.events && !r->in.err; i++) {
        if (i) record_read(&r->in, &event_record, e, r->scratch);
        if (i < from) continue;
        struct str text = cut(e->text, bytes);
        bytes -= text.n;
        if (i > from) buf_addc(r->out, ',');
        put_message(r->out, e, text);
    }
    buf_addc(r->out, ']');
}

static void put_change(struct buf *out, const struct entry *en)
{
    char text[64];
    LIT(out, "{\"at\":\"");
    buf_addz(out, clock_text(en->at, text));
    LIT(out, "\",\"seq\":");
    buf_addu(out, en->seq);
    MEMBER_WORD(out, "kind", entry_kind_words.v[en->kind]);
    MEMBER(out, "agent", en->agent);
    MEMBER(out, "queue", en->queue);
    if (en->state) MEMBER_WORD(out, "state", ticket_state_words.v[en->state]);
    if (!id_is_none(&en->event)) MEMBER_WORD(out, "event", id_text(&en->event, text));
    MEMBER(out, "policy", en->policy);
    MEMBER(out, "cause", en->cause);
    MEMBER(out, "actor", en->actor);
    if (en->detail.n && en->detail.p[0] == '{') {
        LIT(out, ",\"detail\":");
        buf_addstr(out, en->detail);
    }
    buf_addc(out, '}');
}

static void put_life(struct reading *r)
{
    struct entry en;
    if (!r->head.changes) return;
    LIT(r->out, ",\"life\":[");
    for (uint32_t i = 0; i < r->head.changes && !record_read(&r->in, &entry_record, &en, r->scratch); i++) {
        if (i) buf_addc(r->out, ',');
        put_change(r->out, &en);
    }
    buf_addc(r->out, ']');
}

static void put_head(struct buf *out, const struct head *h)
{
    char text[64];
    LIT(out, "{\"ticket\":\"");
    buf_add(out, id_text(&h->ticket, text), ID_TEXT);
    buf_addc(out, '"');
    MEMBER_WORD(out, "state", ticket_state_words.v[h->state]);
    MEMBER(out, "queue", h->queue);
    MEMBER(out, "agent", h->agent);
    if (!h->token_epoch) return;
    LIT(out, ",\"token\":\"");
    buf_addu(out, h->token_epoch);
    buf_addc(out, '.');
    buf_addu(out, h->token_seq);
    buf_addc(out, '"');
}

/* Past the head and the verdict; false: there is no event. *judged: there was a verdict, now in *v. */
static bool read_top(struct reading *r, struct verdict *v, bool *judged)
{
    arena_clear(r->scratch);
    record_read(&r->in, &head_record, &r->head, r->scratch);
    *judged = mp_left(&r->in) && *r->in.p != (unsigned char)NIL;
    if (*judged) record_read(&r->in, &verdict_record, v, r->scratch);
    else if (mp_left(&r->in)) r->in.p++;
    return !r->in.err && r->head.events;
}

enum err ticket_contacts(const void *ctx, struct buf *out, struct str packed, struct arena *scratch)
{
    struct reading r = { .in = mp_on(packed), .scratch = scratch };
    struct verdict v;
    struct event e;
    bool judged;
    if (!read_top(&r, &v, &judged)) return r.in.err;
    for (uint32_t i = 0; i < r.head.events; i++) {
        arena_clear(scratch);
        if (record_read(&r.in, &event_record, &e, scratch)) return r.in.err;
        if (e.kind != EVENT_MESSAGE && e.kind != EVENT_CALL) continue;
        struct contact c = { e.id, events_customer(ctx, &e), e.received };
        buf_add(out, &c, sizeof c);
    }
    return ERR_OK;
}

enum err ticket_json(struct buf *out, struct str packed, struct arena *scratch)
{
    struct reading r = { .in = mp_on(packed), .out = out, .scratch = scratch };
    struct verdict v;
    struct event first = { .kind = EVENT_MESSAGE };
    char text[25];
    bool judged;
    if (read_top(&r, &v, &judged)) record_read(&r.in, &event_record, &first, scratch);
    if (r.in.err) return r.in.err;
    put_head(out, &r.head);
    put_first(out, &first);
    if (judged) put_verdict(out, &v);
    if (r.head.opened) MEMBER_WORD(out, "created", clock_text(r.head.opened, text));
    if (r.head.ended) MEMBER_WORD(out, "ended", clock_text(r.head.ended, text));
    put_messages(&r, &first);
    put_life(&r);
    buf_addc(out, '}');
    enum err e = mp_end(&r.in);
    return e ? e : out->err;
}

/* ---- events ---- */

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
    jw_time(&w, "received", e->received);
    if (e->cause) jw_key(&w, "cause"), jw_strz(&w, e->cause);
    if (e->dead) jw_time(&w, "died", e->dead_at);
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
