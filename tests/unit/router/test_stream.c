/* The stream of changes without a loop: what the ring remembers, where a reader goes on, what it asks for, what it hears. */
#include "base/json.h"
#include "config/policy.h"
#include "router/stream_ask.h"
#include "router/stream_change.h"

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

#define EPOCH 1790000000u
#define BYTES 1000u
#define MOST  8u

static struct stream_ring ring;

static int set_up(void **state)
{
    (void)state;
    return stream_ring_init(&ring, BYTES, MOST, 4);
}

static int tear_down(void **state)
{
    (void)state;
    stream_ring_fini(&ring);
    return 0;
}

static struct change_id id_of(uint64_t epoch, uint64_t seq) { return (struct change_id){ epoch, seq }; }

static void push_bytes(uint16_t workspace, struct change_id id, struct str body)
{
    struct stream_change c = { .id = id, .workspace = workspace, .kind = ENTRY_OPENED, .queue = STR("billing"), .body = body };
    assert_true(stream_ring_is_new(&ring, workspace, id));
    assert_int_equal(stream_ring_push(&ring, &c), ERR_OK);
}

static void push(uint16_t workspace, uint64_t epoch, uint64_t seq)
{
    char body[32];
    int n = snprintf(body, sizeof body, "body %llu.%llu", (unsigned long long)epoch, (unsigned long long)seq);
    push_bytes(workspace, id_of(epoch, seq), (struct str){ body, (size_t)n });
}

static struct stream_place after(uint64_t epoch, uint64_t seq) { return stream_ring_after(&ring, 0, id_of(epoch, seq)); }

static void assert_place(struct stream_place got, uint64_t at, bool gap)
{
    assert_int_equal(got.at, at);
    assert_int_equal(got.gap, gap);
}

static void test_what_is_not_kept_is_a_gap_for_who_has_older_ones_and_nothing_for_who_has_it(void **state)
{
    (void)state;
    push(0, EPOCH, 1);
    stream_ring_miss(&ring, 0, id_of(EPOCH, 2));
    assert_false(stream_ring_is_new(&ring, 0, id_of(EPOCH, 2)));
    assert_place(after(EPOCH, 1), ring.tail, true);
    assert_place(after(EPOCH, 2), ring.tail, false);
    push(0, EPOCH, 3);
    assert_place(after(EPOCH, 1), 1, true);
    assert_place(after(EPOCH, 2), 1, false);
}

static void test_a_dropped_ring_gives_its_memory_back_and_goes_on(void **state)
{
    (void)state;
    push(0, EPOCH, 1);
    push(0, EPOCH, 2);
    stream_ring_drop(&ring);
    assert_null(ring.slots);
    assert_place(after(EPOCH, 1), 2, true);
    assert_place(after(EPOCH, 2), 2, false);
    for (uint64_t seq = 3; seq < 40; seq++) push(0, EPOCH, seq);
    assert_place(after(EPOCH, 38), ring.tail - 1, false);
    assert_int_equal(stream_ring_at(&ring, ring.tail - 1).id.seq, 39);
}

/* ---- names ---- */

static void test_names_rise_with_the_reign_first(void **state)
{
    (void)state;
    assert_true(change_cmp(id_of(5, 9), id_of(6, 1)) < 0);
    assert_true(change_cmp(id_of(5, 9), id_of(5, 8)) > 0);
    assert_int_equal(change_cmp(id_of(5, 9), id_of(5, 9)), 0);
    assert_int_equal(change_cmp(id_of(0, 9), id_of(5, 9)), 0); /* of one whose reign is not known the number counts */
}

static void test_a_name_is_read_as_it_was_written_and_nothing_else_is(void **state)
{
    static const char *const bad[] = {
        "", "5", "5.", ".7", "5.7.9", "0.7", "5.0", "-5.7", "5.7 ", "a.b", "18446744073709551616.1"
    };
    char text[CHANGE_TEXT];
    struct change_id id;
    (void)state;
    assert_int_equal(change_parse(STR("1790000000.42"), &id), ERR_OK);
    assert_string_equal(change_text(id, text), "1790000000.42");
    assert_string_equal(change_text(id_of(UINT64_MAX, UINT64_MAX), text), "18446744073709551615.18446744073709551615");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_int_equal(change_parse(str_of(bad[i]), &id), ERR_RANGE);
}

/* ---- the ring ---- */

static void test_what_was_heard_is_not_new_again(void **state)
{
    (void)state;
    push(0, EPOCH, 7);
    assert_false(stream_ring_is_new(&ring, 0, id_of(EPOCH, 7)));
    assert_false(stream_ring_is_new(&ring, 0, id_of(EPOCH, 6)));
    assert_true(stream_ring_is_new(&ring, 0, id_of(EPOCH, 8)));
    assert_true(stream_ring_is_new(&ring, 0, id_of(EPOCH + 1, 5))); /* a log that was set back */
    assert_true(stream_ring_is_new(&ring, 1, id_of(EPOCH, 7)));     /* another workspace */
}

static void test_the_oldest_go_when_there_are_too_many(void **state)
{
    (void)state;
    for (uint64_t seq = 1; seq <= MOST + 3; seq++) push(0, EPOCH, seq);
    assert_int_equal(ring.tail - ring.head, MOST);
    assert_int_equal(stream_ring_at(&ring, ring.head).id.seq, 4);
    assert_true(str_is(stream_ring_at(&ring, ring.tail - 1).body, "body 1790000000.11"));
}

static void test_the_oldest_go_when_there_are_too_many_bytes_and_no_text_is_torn(void **state)
{
    char body[300];
    (void)state;
    for (uint64_t seq = 1; seq <= 200; seq++) {
        size_t n = 1 + seq * 37 % 290;
        memset(body, 'a' + (int)(seq % 26), sizeof body);
        push_bytes(0, id_of(EPOCH, seq), (struct str){ body, n });
        for (uint64_t at = ring.head; at < ring.tail; at++) {
            struct stream_change c = stream_ring_at(&ring, at);
            assert_true(str_is(c.queue, "billing"));
            assert_int_equal(c.body.n, 1 + c.id.seq * 37 % 290);
            for (size_t i = 0; i < c.body.n; i++) assert_int_equal(c.body.p[i], 'a' + (int)(c.id.seq % 26));
        }
    }
    assert_true(ring.tail - ring.head >= 3);
}

static void test_what_is_larger_than_the_ring_is_a_gap_and_harms_nobody(void **state)
{
    static char large[BYTES];
    struct stream_change c = { .id = id_of(EPOCH, 2), .kind = ENTRY_OPENED, .body = { large, sizeof large }, .queue = STR("q") };
    (void)state;
    push(0, EPOCH, 1);
    assert_int_equal(stream_ring_push(&ring, &c), ERR_TOOBIG);
    push(0, EPOCH, 3);
    assert_int_equal(ring.tail - ring.head, 2);
    assert_place(after(EPOCH, 1), 1, true);
}

/* ---- going on ---- */

static void test_a_reader_goes_on_behind_the_change_that_it_has(void **state)
{
    (void)state;
    for (uint64_t seq = 1; seq <= 5; seq++) push(seq == 3, EPOCH, seq == 3 ? 77 : seq - (seq > 3)); /* one of another workspace */
    assert_place(after(EPOCH, 2), 3, false);
    assert_place(after(EPOCH, 1), 1, false);
    assert_place(after(EPOCH, 4), 5, false);
}

static void test_numbers_that_nobody_is_told_are_no_gap(void **state)
{
    (void)state;
    push(0, EPOCH, 1);
    stream_ring_pass(&ring, 0, id_of(EPOCH, 2));
    stream_ring_pass(&ring, 0, id_of(EPOCH, 3));
    assert_place(after(EPOCH, 1), 1, false); /* nothing told yet */
    push(0, EPOCH, 4);
    assert_place(after(EPOCH, 1), 1, false);
    assert_place(after(EPOCH, 3), 1, false);
    assert_false(stream_ring_is_new(&ring, 0, id_of(EPOCH, 3)));
}

static void test_what_has_left_the_ring_is_a_gap(void **state)
{
    (void)state;
    for (uint64_t seq = 1; seq <= MOST + 3; seq++) push(0, EPOCH, seq);
    assert_place(after(EPOCH, 3), 3, false);
    assert_place(after(EPOCH, 2), 3, true);
}

static void test_what_has_left_the_ring_for_another_workspace_is_a_gap_too(void **state)
{
    (void)state;
    push(0, EPOCH, 1);
    push(0, EPOCH, 2);
    for (uint64_t seq = 1; seq <= MOST; seq++) push(1, EPOCH, seq);
    assert_place(after(EPOCH, 1), ring.tail, true);
    assert_place(after(EPOCH, 2), ring.tail, false);
}

static void test_a_number_that_never_reached_us_is_a_gap(void **state)
{
    struct stream_change c;
    (void)state;
    push(0, EPOCH, 1);
    push(0, EPOCH, 5);
    assert_place(after(EPOCH, 1), 1, true);
    assert_place(after(EPOCH, 4), 1, false);
    c = stream_ring_at(&ring, 1);
    assert_true(stream_gap(id_of(EPOCH, 1), &c));
    assert_false(stream_gap(id_of(EPOCH, 4), &c));
    assert_false(stream_gap((struct change_id){ 0 }, &c)); /* who has nothing misses nothing */
}

static void test_another_leader_goes_on_without_a_gap(void **state)
{
    (void)state;
    push(0, EPOCH, 1);
    push(0, EPOCH + 9, 2);
    assert_place(after(EPOCH, 1), 1, false);
    assert_place(after(EPOCH + 9, 2), 2, false);
}

static void test_a_log_that_was_set_back_is_a_gap(void **state)
{
    struct stream_change c;
    (void)state;
    for (uint64_t seq = 1; seq <= 5; seq++) push(0, EPOCH, seq);
    push(0, EPOCH + 9, 4);
    c = stream_ring_at(&ring, 5);
    assert_true(stream_gap(id_of(EPOCH, 5), &c));
    assert_place(after(EPOCH, 5), 5, true);
    push(0, EPOCH + 9, 5);
    assert_place(after(EPOCH + 9, 4), 6, false);
}

static void test_after_a_restart_the_number_is_known_and_the_reign_is_not(void **state)
{
    (void)state;
    stream_ring_begin(&ring, 0, 10);
    assert_place(after(EPOCH, 10), 0, false);
    assert_place(after(EPOCH, 12), 0, false); /* the leader will tell 11 and 12 again */
    assert_place(after(EPOCH, 9), 0, true);
    for (uint64_t seq = 11; seq <= 13; seq++) push(0, EPOCH, seq);
    assert_place(after(EPOCH, 12), 2, false);
    assert_place(after(EPOCH, 10), 0, false);
    assert_place(after(EPOCH, 9), 0, true);
}

/* ---- asking ---- */

static const char *const queues[] = { "billing", "general" };

static bool asked(struct stream_ask *ask, struct stream_said said, char why[STREAM_WHY])
{
    return stream_ask_read(ask, &said, queues, 2, why);
}

static void assert_refused(struct stream_said said, const char *part)
{
    struct stream_ask ask;
    char why[STREAM_WHY] = "";
    assert_false(asked(&ask, said, why));
    if (!strstr(why, part)) fail_msg("\"%s\" does not say %s", why, part);
}

static void test_who_asks_for_nothing_hears_all_that_is_told(void **state)
{
    struct stream_ask ask;
    char why[STREAM_WHY];
    (void)state;
    assert_true(asked(&ask, (struct stream_said){ 0 }, why));
    for (unsigned kind = 0; kind <= ENTRY_QUEUE; kind++) {
        struct stream_change c = { .kind = (uint8_t)kind };
        assert_int_equal(stream_ask_wants(&ask, &c), webhook_word((enum entry_kind)kind) != NULL);
    }
}

static void test_words_choose_kinds_a_ticket_its_own_and_a_queue_its_own(void **state)
{
    struct stream_ask ask;
    char why[STREAM_WHY];
    struct stream_change c = { .kind = ENTRY_ENDED, .ticket = { { 1 } }, .queue = STR("billing") };
    (void)state;
    assert_true(asked(&ask, (struct stream_said){ .only = STR("ticket.opened,agent.*") }, why));
    assert_int_equal(ask.kinds, 1ull << ENTRY_OPENED | 1ull << ENTRY_PRESENCE | 1ull << ENTRY_CONFIG);
    assert_false(stream_ask_wants(&ask, &c));
    assert_true(
        asked(&ask, (struct stream_said){ .queue = STR("billing"), .ticket = STR("01000000-0000-0000-0000-000000000000") }, why));
    assert_true(stream_ask_wants(&ask, &c));
    c.queue = STR("general");
    assert_false(stream_ask_wants(&ask, &c));
    c.queue = STR("billing");
    c.ticket.b[0] = 2;
    assert_false(stream_ask_wants(&ask, &c));
}

static void test_a_wrong_word_is_told_with_the_nearest_right_one(void **state)
{
    (void)state;
    assert_refused((struct stream_said){ .only = STR("ticket.opend") }, "did you mean \"ticket.opened\"");
    assert_refused((struct stream_said){ .only = STR("ticket.opened,agents.*") }, "did you mean \"agent.*\"");
    assert_refused((struct stream_said){ .only = STR("zzzzzzzzzzzz") }, "ticket.*, agent.* and queue.*");
    assert_refused((struct stream_said){ .only = STR("ticket.opened,") }, "empty word");
    assert_refused((struct stream_said){ .only = STR(",") }, "empty word");
    assert_refused((struct stream_said){ .queue = STR("biling") }, "did you mean \"billing\"");
    assert_refused((struct stream_said){ .queue = STR("somewhere else") }, "no such queue");
    assert_refused((struct stream_said){ .ticket = STR("7") }, "id of a ticket");
    assert_refused((struct stream_said){ .after = STR("yesterday") }, "id of a message");
}

static void test_the_last_id_comes_before_the_address_and_one_that_is_none_of_ours_is_lost(void **state)
{
    struct stream_ask ask;
    char why[STREAM_WHY];
    (void)state;
    assert_true(asked(&ask, (struct stream_said){ .after = STR("5.7"), .last_event_id = STR("5.9") }, why));
    assert_int_equal(ask.after.seq, 9);
    assert_false(ask.lost);
    assert_true(asked(&ask, (struct stream_said){ .after = STR("5.7"), .last_event_id = STR("zork") }, why));
    assert_true(ask.lost);
    assert_int_equal(ask.after.epoch, 0);
}

/* ---- messages ---- */

static const struct id ticket = { { 1, 2, 3 } };

static struct entry entry_of(enum entry_kind kind)
{
    return (struct entry){ .workspace = STR("w"),
                           .epoch = EPOCH,
                           .seq = 7,
                           .kind = kind,
                           .at = 1790000000000,
                           .ticket = ticket,
                           .state = TK_WAITING,
                           .queue = STR("billing"),
                           .urgency = URG_HIGH };
}

/* The message of an entry, as a reader hears it; `out` is the caller's. */
static void hear(struct buf *out, const struct entry *en, const struct event *event, const struct verdict *v)
{
    struct buf body, packed_event, packed_verdict;
    struct arena a;
    buf_init(&body, 1u << 20);
    buf_init(&packed_event, 1u << 20);
    buf_init(&packed_verdict, 1u << 20);
    buf_init(out, 1u << 20);
    arena_init(&a, 1u << 20);
    if (event) record_pack(&packed_event, &event_record, event);
    if (v) record_pack(&packed_verdict, &verdict_record, v);
    stream_change_pack(&body, en, buf_str(&packed_event), true, buf_str(&packed_verdict));
    struct stream_change c = { .id = id_of(en->epoch, en->seq), .body = buf_str(&body) };
    assert_int_equal(stream_change_message(out, &c, &a), ERR_OK);
    arena_fini(&a);
    buf_fini(&body);
    buf_fini(&packed_event);
    buf_fini(&packed_verdict);
}

/* The CloudEvent's data; caller frees *doc. */
static const struct json *data_of(struct buf *message, struct json **doc)
{
    const char *why, *from = strstr(buf_cstr(message), "\ndata: ") + 7;
    size_t at;
    assert_int_equal(json_parse(doc, (struct str){ from, strcspn(from, "\n") }, LIM_JSON_DEPTH, &at, &why), ERR_OK);
    return json_get(*doc, "data");
}

static void test_a_message_has_the_head_of_its_event_and_its_verdict(void **state)
{
    static char text[LIM_TEXT];
    struct entry en = entry_of(ENTRY_OPENED);
    struct event event = { .id = { { 9 } },
                           .workspace = STR("w"),
                           .account = STR("web"),
                           .channel = STR("webchat"),
                           .external = STR("e1"),
                           .conversation = STR("c1"),
                           .customer = STR("u1"),
                           .text = { text, sizeof text } };
    struct verdict v = { .language = STR("ko"), .intent = STR("refund"), .confidence = 0.9 };
    struct buf out;
    struct json *doc;
    (void)state;
    memset(text, 'x', sizeof text);
    hear(&out, &en, &event, &v);
    assert_ptr_equal(strstr(buf_cstr(&out), "id: 1790000000.7\nevent: ticket.opened\ndata: {"), buf_cstr(&out));
    assert_string_equal(out.p + out.n - 3, "}\n\n");
    assert_true(out.n < 2000); /* without the text */
    const struct json *data = data_of(&out, &doc);
    assert_true(str_is(json_str(json_get(data, "external_id")), "e1"));
    assert_true(str_is(json_str(json_get(data, "customer")), "u1"));
    assert_true(str_is(json_str(json_get(json_get(data, "verdict"), "language")), "ko"));
    json_free(doc);
    buf_fini(&out);
}

static void test_a_router_that_knows_less_tells_less(void **state)
{
    struct entry en = entry_of(ENTRY_ACCEPTED);
    struct buf out;
    struct json *doc;
    (void)state;
    hear(&out, &en, NULL, NULL);
    const struct json *data = data_of(&out, &doc);
    assert_true(str_is(json_str(json_get(data, "queue")), "billing"));
    assert_null(json_get(data, "account"));
    assert_null(json_get(data, "verdict"));
    json_free(doc);
    buf_fini(&out);
}

static void test_a_detail_that_is_not_told_is_not_kept_and_one_that_is_stays_on_one_line(void **state)
{
    struct entry en = entry_of(ENTRY_OFFERED);
    struct buf out;
    (void)state;
    en.detail = STR("{\"candidates\":[]}");
    buf_init(&out, 1u << 20);
    stream_change_pack(&out, &en, STR_NONE, false, STR_NONE);
    assert_null(memmem(out.p, out.n, "candidates", 10));
    buf_fini(&out);
    en.kind = ENTRY_QUEUE;
    en.ticket = (struct id){ { 0 } };
    en.detail = STR("{\"waiting\":\n1,\r\"offered\":2}");
    hear(&out, &en, NULL, NULL);
    assert_non_null(strstr(buf_cstr(&out), "{\"waiting\": 1, \"offered\":2}"));
    buf_fini(&out);
}

static void test_policies_and_what_becomes_no_ticket_are_not_told(void **state)
{
    struct entry en = entry_of(ENTRY_CONFIG);
    (void)state;
    assert_false(stream_change_told(&en));
    en.agent = STR("ann");
    assert_true(stream_change_told(&en));
    en.kind = ENTRY_NO_TICKET;
    assert_false(stream_change_told(&en));
}

static void test_an_event_that_cannot_be_read_is_left_out(void **state)
{
    static const struct str bad[] = { STR_NONE, { "\x9f", 1 }, { "\x91\xff", 2 }, { "zork", 4 }, { "\x90", 1 } };
    struct entry en = entry_of(ENTRY_OPENED);
    struct arena a;
    (void)state;
    arena_init(&a, 1u << 20);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct buf body, out;
        buf_init(&body, 1u << 20);
        buf_init(&out, 1u << 20);
        stream_change_pack(&body, &en, bad[i], true, STR_NONE);
        struct stream_change c = { .id = id_of(EPOCH, 7), .body = buf_str(&body) };
        assert_int_equal(stream_change_message(&out, &c, &a), ERR_OK);
        assert_null(strstr(buf_cstr(&out), "\"account\""));
        buf_fini(&body);
        buf_fini(&out);
    }
    arena_fini(&a);
}

static void test_a_gap_says_between_which_changes_it_is(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 1000);
    stream_gap_message(&out, id_of(5, 7), id_of(6, 9));
    stream_gap_message(&out, (struct change_id){ 0 }, (struct change_id){ 0 });
    assert_string_equal(buf_cstr(&out), "event: gap\ndata: {\"after\":\"5.7\",\"next\":\"6.9\"}\n\nevent: gap\ndata: {}\n\n");
    buf_fini(&out);
}

#define T(fn)  cmocka_unit_test(fn)
#define TR(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_names_rise_with_the_reign_first),
        T(test_a_name_is_read_as_it_was_written_and_nothing_else_is),
        TR(test_what_was_heard_is_not_new_again),
        TR(test_the_oldest_go_when_there_are_too_many),
        TR(test_the_oldest_go_when_there_are_too_many_bytes_and_no_text_is_torn),
        TR(test_what_is_larger_than_the_ring_is_a_gap_and_harms_nobody),
        TR(test_a_reader_goes_on_behind_the_change_that_it_has),
        TR(test_numbers_that_nobody_is_told_are_no_gap),
        TR(test_what_has_left_the_ring_is_a_gap),
        TR(test_what_has_left_the_ring_for_another_workspace_is_a_gap_too),
        TR(test_a_number_that_never_reached_us_is_a_gap),
        TR(test_what_is_not_kept_is_a_gap_for_who_has_older_ones_and_nothing_for_who_has_it),
        TR(test_a_dropped_ring_gives_its_memory_back_and_goes_on),
        TR(test_another_leader_goes_on_without_a_gap),
        TR(test_a_log_that_was_set_back_is_a_gap),
        TR(test_after_a_restart_the_number_is_known_and_the_reign_is_not),
        T(test_who_asks_for_nothing_hears_all_that_is_told),
        T(test_words_choose_kinds_a_ticket_its_own_and_a_queue_its_own),
        T(test_a_wrong_word_is_told_with_the_nearest_right_one),
        T(test_the_last_id_comes_before_the_address_and_one_that_is_none_of_ours_is_lost),
        T(test_a_message_has_the_head_of_its_event_and_its_verdict),
        T(test_a_router_that_knows_less_tells_less),
        T(test_a_detail_that_is_not_told_is_not_kept_and_one_that_is_stays_on_one_line),
        T(test_policies_and_what_becomes_no_ticket_are_not_told),
        T(test_an_event_that_cannot_be_read_is_left_out),
        T(test_a_gap_says_between_which_changes_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
