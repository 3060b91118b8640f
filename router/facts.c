/* An event is kept as it came. What is known of its customer changes while it waits, so facts are added to the bytes that go out:
   nothing is unpacked; the fields before the attributes are walked over, and the list is written anew with the facts in front.
   An event that is triaged again may carry newer facts. */
#include "router/facts.h"

#include "base/panic.h"
#include "proto/mp.h"
#include "proto/mpk.h"
#include "router/channel.h"

#include <stdio.h>

#define FACT_KEY(id, key) [id] = key,
static const char *const keys[FACT_COUNT] = { FACT_MAP(FACT_KEY) };

bool facts_key(struct str key)
{
    for (int i = 0; i < FACT_COUNT; i++)
        if (str_is(key, keys[i])) return true;
    return false;
}

/* ---- what is known ---- */

struct told {
    struct attribute v[FACT_COUNT];
    uint32_t count;
    char digits[FACT_COUNT][24];
};

static void tell(struct told *t, enum fact fact, struct str value)
{
    t->v[t->count++] = (struct attribute){ str_of(keys[fact]), value };
}

static void tell_number(struct told *t, enum fact fact, uint64_t n)
{
    char *text = t->digits[t->count];
    int len = snprintf(text, sizeof *t->digits, "%llu", (unsigned long long)n);
    tell(t, fact, (struct str){ text, (size_t)len });
}

static void tell_customer(const struct events *ev, const struct kept_event *e, uint64_t now, struct told *t)
{
    struct customer_said said = customers_ask(&ev->customers, e->customer, now);
    if (e->contacted && said.contacts) said.contacts--;
    tell_number(t, FACT_OPEN, said.open);
    tell_number(t, FACT_CONTACTS, said.contacts);
}

/* The verdict before it may be newer than what its ticket has heard: the leader's answer takes a moment. */
static void tell_conversation(const struct events *ev, const struct kept_event *e, uint64_t now, struct told *t)
{
    const struct kept_ticket *ticket = events_conversation(ev, e->conversation);
    unsigned sentiment = ticket ? ticket->sentiment : SENT_UNKNOWN, urgency = ticket ? ticket->urgency : URG_LOW;
    if (e->after) {
        sentiment = e->after_sentiment;
        if (e->after_urgency > urgency) urgency = e->after_urgency;
    }
    if (!ticket && !e->after) return;
    if (sentiment != SENT_UNKNOWN) tell(t, FACT_SENTIMENT, str_of(sentiment_words.v[sentiment]));
    if (ticket && ticket->waits_since)
        tell_number(t, FACT_WAITING, now > ticket->waits_since ? (now - ticket->waits_since) / 1000 : 0);
    tell(t, FACT_URGENCY, str_of(urgency_words.v[urgency]));
}

/* ---- the bytes ---- */

/* The number of the field in the record's list. */
static unsigned attributes_at(void)
{
    unsigned i = 0;
    while (strcmp(event_record.fields[i].name, "attributes") != 0) i++;
    return i;
}

/* One packed attribute that is for the sender of replies alone; *n: its bytes. */
static bool is_reply_with(struct str rest, size_t *n)
{
    struct mp r = mp_on(rest), whole = r;
    size_t nodes = 0;
    (void)mp_array(&r);
    bool is = str_is(mp_str(&r, 64), REPLY_WITH);
    (void)mp_skip(&whole, LIM_MSGPACK_DEPTH, LIM_RECORD_NODES, &nodes);
    *n = rest.n - mp_left(&whole);
    return is;
}

/* The facts, then the event's own `own` attributes, which lie packed in `list`, but for what a reply must know. */
static void put_list(struct buf *out, const struct told *t, uint64_t own, struct str list)
{
    struct str with = STR_NONE;
    size_t n = 0;
    if (list.n && memmem(list.p, list.n, REPLY_WITH, sizeof REPLY_WITH - 1)) {
        struct str rest = list;
        for (uint64_t i = 0; i < own && !with.p; i++) {
            if (is_reply_with(rest, &n)) with = (struct str){ rest.p, n };
            rest = (struct str){ rest.p + n, rest.n - n };
        }
    }
    mpk_array(out, t->count + own - (with.p != NULL));
    for (uint32_t i = 0; i < t->count; i++) record_pack(out, &attribute_record, &t->v[i]);
    size_t before = with.p ? (size_t)(with.p - list.p) : list.n;
    buf_add(out, list.p, before);
    if (with.p) buf_add(out, with.p + with.n, list.n - before - with.n);
}

enum err facts_attach(const struct events *ev, const struct kept_event *e, uint64_t now, struct buf *out)
{
    struct str packed = { e->packed, e->packed_n };
    struct mp r = mp_on(packed);
    struct told t = { .count = 0 };
    size_t nodes = 0;
    (void)mp_array(&r);
    for (unsigned i = attributes_at(); i; i--) (void)mp_skip(&r, LIM_MSGPACK_DEPTH, LIM_RECORD_NODES, &nodes);
    size_t before = packed.n - mp_left(&r);
    uint64_t own = mp_array(&r);
    size_t after = packed.n - mp_left(&r);
    naru_assert(!r.err); /* our own packing, or read by the record's table when it was replayed */
    tell_customer(ev, e, now, &t);
    tell_conversation(ev, e, now, &t);
    if (own + t.count > LIM_LIST_ITEMS) {
        buf_addstr(out, packed);
        return ERR_FULL;
    }
    buf_add(out, packed.p, before);
    for (uint64_t i = own; i; i--) (void)mp_skip(&r, LIM_MSGPACK_DEPTH, LIM_RECORD_NODES, &nodes);
    size_t end = packed.n - mp_left(&r);
    put_list(out, &t, own, (struct str){ packed.p + after, end - after });
    buf_add(out, packed.p + end, packed.n - end);
    return ERR_OK;
}
