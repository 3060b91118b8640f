/* What an event is told of its customer and its conversation on the way to triage. */
#include "router/facts.h"

#include <stdio.h>
#include <stdlib.h>

/* cmocka.h wants the others before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#define NOW 1750000000000ull

static struct events ev;
static struct event unpacked;
static struct arena arena;
static struct buf out;
static uint64_t seq;

static int set_up(void **state)
{
    (void)state;
    events_init(&ev, 1000);
    arena_init(&arena, 1 << 20);
    buf_init(&out, 1 << 20);
    seq = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    events_fini(&ev);
    arena_fini(&arena);
    buf_fini(&out);
    return 0;
}

struct incoming {
    const char *external, *conversation, *customer;
    uint64_t at;
    enum event_kind kind;
    uint32_t attributes;
};

static struct kept_event *come(struct incoming i)
{
    static struct attribute own[LIM_LIST_ITEMS];
    struct event e = { .workspace = STR("w"),
                       .account = STR("web"),
                       .channel = STR("webchat"),
                       .external = str_of(i.external),
                       .kind = i.kind,
                       .conversation = str_of(i.conversation),
                       .customer = str_of(i.customer),
                       .text = STR("hello"),
                       .attributes = { own, i.attributes },
                       .received = i.at ? i.at : NOW,
                       .home = 4 };
    struct kept_event *k;
    for (uint32_t n = 0; n < i.attributes; n++) own[n] = (struct attribute){ STR("event.page"), STR("/pay") };
    e.id = id_of_event(e.account, e.external);
    buf_clear(&out);
    record_pack(&out, &event_record, &e);
    assert_int_equal(events_accept(&ev, &e, buf_str(&out), 0, &k), ERR_OK);
    events_contact(&ev, k);
    events_contact(&ev, k); /* counts once */
    return k;
}

static void change(enum entry_kind kind, const struct kept_event *e, enum ticket_state s, enum urgency u, uint64_t at,
                   uint8_t ticket)
{
    seq++;
    struct entry en = { .workspace = STR("w"),
                        .epoch = 5,
                        .seq = seq,
                        .token_epoch = 5,
                        .token_seq = seq,
                        .kind = kind,
                        .at = at,
                        .state = s,
                        .urgency = u,
                        .queue = STR("desk"),
                        .ticket = { { 1, 2, 3, ticket, 0, 0, 0x70 } } };
    struct folded f;
    if (e) en.event = e->id;
    enum err err = events_entry(&ev, &en, 0, false, &f);
    struct kept_ticket *t = err == ERR_UNKNOWN ? events_ticket(&ev, &en.ticket) : f.ticket;
    assert_non_null(t);
    events_life(t, &en, events_entry_packed(&ev, &en));
}

/* The fact of the event, or NULL; the rest of the event must be as it came. */
static const char *fact(const struct kept_event *e, uint64_t now, const char *key)
{
    static char text[64];
    arena_clear(&arena);
    buf_clear(&out);
    assert_int_equal(facts_attach(&ev, e, now, &out), ERR_OK);
    assert_int_equal(record_unpack(&event_record, &unpacked, buf_str(&out), &arena), ERR_OK);
    assert_true(str_is(unpacked.text, "hello"));
    assert_int_equal(unpacked.home, 4);
    const struct attribute *a = unpacked.attributes.items;
    for (uint32_t i = 0; i < unpacked.attributes.count; i++) {
        if (!str_is(a[i].key, key)) continue;
        snprintf(text, sizeof text, "%.*s", STR_FMT(a[i].value));
        return text;
    }
    return NULL;
}

static void what_a_reply_must_know_is_not_told_to_triage(void **state)
{
    static const char *const orders[][3] = { { "reply.with", "event.a", "event.b" },
                                             { "event.a", "reply.with", "event.b" },
                                             { "event.a", "event.b", "reply.with" } };
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct attribute own[3];
        struct event e = { .workspace = STR("w"), .account = STR("a"), .conversation = STR("c"), .text = STR("hello"), .home = 4 };
        struct kept_event *k;
        for (unsigned n = 0; n < 3; n++) own[n] = (struct attribute){ str_of(orders[i][n]), STR("reply.with") };
        e.external = (struct str){ &"123"[i], 1 };
        e.attributes = (struct list){ own, 3 };
        e.id = id_of_event(e.account, e.external);
        buf_clear(&out);
        record_pack(&out, &event_record, &e);
        assert_int_equal(events_accept(&ev, &e, buf_str(&out), 0, &k), ERR_OK);
        assert_null(fact(k, NOW, "reply.with"));
        assert_string_equal(fact(k, NOW, "event.a"), "reply.with");
        assert_string_equal(fact(k, NOW, "event.b"), "reply.with");
        assert_string_equal(fact(k, NOW, "customer.open_tickets"), "0");
    }
}

static void contacts_are_counted_without_this_one(void **state)
{
    (void)state;
    struct kept_event *one = come((struct incoming){ .external = "1", .conversation = "a", .customer = "kim" });
    assert_string_equal(fact(one, NOW, "customer.contacts_7d"), "0");
    struct kept_event *two = come((struct incoming){ .external = "2", .conversation = "b", .customer = "kim" });
    assert_string_equal(fact(two, NOW, "customer.contacts_7d"), "1");
    struct kept_event *receipt =
        come((struct incoming){ .external = "3", .conversation = "b", .customer = "kim", .kind = EVENT_RECEIPT });
    assert_string_equal(fact(receipt, NOW, "customer.contacts_7d"), "2"); /* it is none itself */
    struct kept_event *other = come((struct incoming){ .external = "4", .conversation = "a", .customer = "lee" });
    assert_string_equal(fact(other, NOW, "customer.contacts_7d"), "0");
    assert_string_equal(fact(other, NOW, "customer.open_tickets"), "0");
}

static void without_a_customer_the_conversation_stands_in(void **state)
{
    (void)state;
    come((struct incoming){ .external = "1", .conversation = "a" });
    struct kept_event *two = come((struct incoming){ .external = "2", .conversation = "a" });
    struct kept_event *named = come((struct incoming){ .external = "3", .conversation = "x", .customer = "a" });
    assert_string_equal(fact(two, NOW, "customer.contacts_7d"), "1");
    assert_string_equal(fact(named, NOW, "customer.contacts_7d"), "0"); /* a customer of that name is somebody else */
}

static void a_live_ticket_tells_how_it_stands(void **state)
{
    (void)state;
    struct kept_event *one = come((struct incoming){ .external = "1", .conversation = "a", .customer = "kim" });
    assert_null(fact(one, NOW, "conversation.urgency"));
    events_heard(one, &(struct verdict){ .sentiment = SENT_NEGATIVE, .urgency = URG_HIGH });
    change(ENTRY_OPENED, one, TK_WAITING, URG_HIGH, NOW + 100, 1);
    struct kept_event *two = come((struct incoming){ .external = "2", .conversation = "a", .customer = "kim" });
    assert_string_equal(fact(two, NOW + 61500, "conversation.waiting"), "61");
    assert_string_equal(fact(two, NOW, "conversation.sentiment"), "negative");
    assert_string_equal(fact(two, NOW, "conversation.urgency"), "high");
    assert_string_equal(fact(two, NOW, "customer.open_tickets"), "1");
    change(ENTRY_RELAXED, NULL, TK_WAITING, URG_CRITICAL, NOW + 2000, 1);
    assert_string_equal(fact(two, NOW, "conversation.urgency"), "critical");
    change(ENTRY_OFFERED, NULL, TK_OFFERED, URG_CRITICAL, NOW + 3000, 1);
    assert_string_equal(fact(two, NOW + 4000, "conversation.waiting"), "4"); /* nobody has it yet */
    change(ENTRY_ACCEPTED, NULL, TK_ASSIGNED, URG_CRITICAL, NOW + 5000, 1);
    assert_null(fact(two, NOW + 6000, "conversation.waiting"));
    change(ENTRY_RETURNED, NULL, TK_WAITING, URG_CRITICAL, NOW + 7000, 1);
    assert_string_equal(fact(two, NOW + 9000, "conversation.waiting"), "2");
    change(ENTRY_ENDED, NULL, TK_RESOLVED, URG_CRITICAL, NOW + 9000, 1);
    assert_null(fact(two, NOW, "conversation.urgency"));
    assert_null(fact(two, NOW, "conversation.sentiment"));
    assert_string_equal(fact(two, NOW, "customer.open_tickets"), "0");
    assert_string_equal(fact(two, NOW, "customer.contacts_7d"), "1");
}

static void who_waits_behind_a_verdict_hears_it_before_the_leader_has_answered(void **state)
{
    (void)state;
    struct kept_event *one = come((struct incoming){ .external = "1", .conversation = "a" });
    struct kept_event *two = come((struct incoming){ .external = "2", .conversation = "a" });
    struct kept_event *three = come((struct incoming){ .external = "3", .conversation = "a" });
    one->conv_next = two;
    two->conv_next = three;
    events_heard(one, &(struct verdict){ .sentiment = SENT_NEGATIVE, .urgency = URG_HIGH });
    assert_string_equal(fact(two, NOW, "conversation.sentiment"), "negative");
    assert_string_equal(fact(two, NOW, "conversation.urgency"), "high");
    assert_null(fact(two, NOW, "conversation.waiting"));
    events_heard(two, &(struct verdict){ .sentiment = SENT_UNKNOWN, .urgency = URG_LOW });
    assert_string_equal(fact(three, NOW, "conversation.sentiment"), "negative");
    assert_string_equal(fact(three, NOW, "conversation.urgency"), "high");
}

static void another_conversation_of_the_customer_is_told_of_the_open_ticket_only(void **state)
{
    (void)state;
    struct kept_event *one = come((struct incoming){ .external = "1", .conversation = "a", .customer = "kim" });
    change(ENTRY_OPENED, one, TK_WAITING, URG_HIGH, NOW, 1);
    struct kept_event *two = come((struct incoming){ .external = "2", .conversation = "b", .customer = "kim" });
    assert_string_equal(fact(two, NOW, "customer.open_tickets"), "1");
    assert_null(fact(two, NOW, "conversation.urgency"));
    change(ENTRY_OPENED, two, TK_WAITING, URG_LOW, NOW, 2);
    assert_string_equal(fact(two, NOW, "customer.open_tickets"), "2");
}

static void own_attributes_follow_the_facts(void **state)
{
    (void)state;
    struct kept_event *e = come((struct incoming){ .external = "1", .conversation = "a", .attributes = 3 });
    assert_string_equal(fact(e, NOW, "event.page"), "/pay");
    assert_int_equal(unpacked.attributes.count, 5);
    assert_true(str_is(((struct attribute *)unpacked.attributes.items)[0].key, "customer.open_tickets"));
    e = come((struct incoming){ .external = "2", .conversation = "a", .attributes = FACTS_ROOM });
    assert_string_equal(fact(e, NOW, "customer.contacts_7d"), "1");
}

static void an_event_without_room_goes_as_it_is(void **state)
{
    (void)state;
    struct kept_event *e = come((struct incoming){ .external = "1", .conversation = "a", .attributes = LIM_LIST_ITEMS });
    buf_clear(&out);
    assert_int_equal(facts_attach(&ev, e, NOW, &out), ERR_FULL);
    assert_true(str_eq(buf_str(&out), (struct str){ e->packed, e->packed_n }));
}

int main(void)
{
#define F(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        F(what_a_reply_must_know_is_not_told_to_triage),
        F(contacts_are_counted_without_this_one),
        F(without_a_customer_the_conversation_stands_in),
        F(a_live_ticket_tells_how_it_stands),
        F(who_waits_behind_a_verdict_hears_it_before_the_leader_has_answered),
        F(another_conversation_of_the_customer_is_told_of_the_open_ticket_only),
        F(own_attributes_follow_the_facts),
        F(an_event_without_room_goes_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
