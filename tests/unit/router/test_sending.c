/* The way of messages out, with clock, rows and provider handed in: states, order, rates, back-off, breaker; and a crash after any
   row, at any moment, after which nothing is sent twice that could not be. */
#include "router/sending.h"

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

#define MESSAGES 400u

static const struct sender plain = { .per_second = 0 }, keyed = { .repeatable = true }, slow = { .per_second = 2 };
static const struct sender *now_by = &plain;
static const struct sender *can(void *ctx, const struct out_message *m)
{
    (void)ctx, (void)m;
    return now_by;
}

static struct id message_id(unsigned n)
{
    struct id id = { { 1, 2, 3, 4, 5, 6, 0x70, 1, 0x80 } };
    id.b[12] = (uint8_t)(n >> 8);
    id.b[13] = (uint8_t)n;
    return id;
}

static struct message_row row_of(unsigned n, const char *account, const char *conversation)
{
    struct message_row r = { .workspace = STR("hanbit"),
                             .ticket = message_id(1000),
                             .epoch = 5,
                             .seq = n,
                             .at = 1000,
                             .account = str_of(account),
                             .conversation = str_of(conversation),
                             .text = STR("hello"),
                             .by = STR("minji") };
    return r;
}

static struct out_message *put(struct sending *s, unsigned n, const char *account, const char *conversation)
{
    struct message_row r = row_of(n, account, conversation);
    struct id id = message_id(n);
    struct out_message *m = NULL;
    struct buf b;
    buf_init(&b, 1 << 20);
    record_pack(&b, &message_row_record, &r);
    assert_int_equal(sending_add(s, &id, buf_str(&b), n, &m), ERR_OK);
    buf_fini(&b);
    sending_committed(s, m, 1000);
    return m;
}

static void fresh(struct sending *s)
{
    now_by = &plain;
    assert_int_equal(sending_init(s, MESSAGES, 1 << 24, 7), ERR_OK);
}

/* The end of a message as it was written while a message had one part. */
#define EARLIER_END_FIELDS(X)                                                                                                      \
    X(U32, step, 0)                                                                                                                \
    X(ENUM, state, message_state) X(U32, part, 0) X(U32, tries, 0) X(BOOL, once, 0) X(TIME, at, 0) X(TIME, began, 0)               \
        X(STR, external, 128) X(STR, why, 200) X(ENUM, receipt, receipt)
RECORD_DECL(earlier_end, EARLIER_END_FIELDS)
RECORD_TABLE(earlier_end, EARLIER_END_FIELDS)

static void a_row_of_an_earlier_program_is_read(void **state)
{
    struct sending s;
    struct earlier_end end = { .step = 3,
                               .state = MESSAGE_FAILED,
                               .tries = 2,
                               .at = 5000,
                               .external = STR("SM1"),
                               .why = STR("no such number"),
                               .receipt = RECEIPT_DELIVERED };
    struct buf b;
    (void)state;
    fresh(&s);
    struct out_message *m = put(&s, 1, "text", "a");
    buf_init(&b, 4096);
    record_pack_short(&b, &earlier_end_record, &end);
    assert_int_equal(sending_fold(&s, &m->id, buf_str(&b), 2), ERR_OK);
    buf_fini(&b);
    assert_int_equal(m->state, MESSAGE_FAILED);
    assert_int_equal(m->tries, 2);
    assert_string_equal(m->why, "no such number");
    sending_fini(&s);
}

static void tell_all(struct sending *s)
{
    struct out_message *m;
    while ((m = sending_changed(s))) {
        sending_told(s, m, 0);
        sending_wrote(m, 0, true);
    }
}

static struct out_message *leave(struct sending *s, uint64_t now)
{
    struct out_message *m = sending_next(s, now, can, NULL);
    if (m) sending_begin(s, m, 1, false, now);
    tell_all(s);
    return m;
}

static void done(struct sending *s, struct out_message *m, enum send_end end, uint64_t now)
{
    struct send_result r = { .end = end, .why = "because" };
    sending_done(s, m, &r, end == SEND_AGAIN, now);
    tell_all(s);
}

/* ---- how long they are kept ---- */

static void of_a_ticket_that_is_over_what_failed_or_is_unknown_waits_a_day_for_a_person(void **state)
{
    struct sending s;
    fresh(&s);
    struct out_message *a = put(&s, 1, "line", "c1"), *b = put(&s, 2, "line", "c2");
    const struct ticket_messages *of = a->of;
    (void)state;
    assert_ptr_equal(leave(&s, 1000), a);
    assert_ptr_equal(leave(&s, 1000), b);
    done(&s, a, SEND_DONE, 2000);
    assert_false(sending_over(&s, of, 2000)); /* one is under way */
    done(&s, b, SEND_UNKNOWN, 2000);
    assert_false(sending_over(&s, of, 2000));
    assert_false(sending_over(&s, of, 2000 + SENDING_ASK_MS - 1));
    assert_true(sending_over(&s, of, 2000 + SENDING_ASK_MS));
    assert_int_equal(sending_confirm(&s, b, 3000), ERR_OK);
    assert_false(sending_over(&s, of, 3000)); /* its row does not say so yet */
    tell_all(&s);
    assert_false(sending_over(&s, of, 2999 + SENDING_KEEP_MS)); /* a receipt may come */
    assert_true(sending_over(&s, of, 3000 + SENDING_KEEP_MS));
    sending_fini(&s);
}

static void an_intent_that_compaction_moved_behind_its_end_is_kept_until_the_end_is_written_again(void **state)
{
    struct sending s;
    fresh(&s);
    struct out_message *m = put(&s, 7, "line", "c1");
    (void)state;
    assert_ptr_equal(leave(&s, 1000), m);
    done(&s, m, SEND_DONE, 2000);
    m->row_end = 9;
    assert_true(sending_over(&s, m->of, 2000 + SENDING_KEEP_MS));
    m->row_intent = 10;
    assert_false(sending_over(&s, m->of, 2000 + SENDING_KEEP_MS)); /* row 9 would go first, and the next start send it again */
    assert_true(sending_inverted(m));
    m->row_end = 11;
    assert_true(sending_over(&s, m->of, 2000 + SENDING_KEEP_MS));
    sending_fini(&s);
}

static void when_much_is_kept_nothing_waits_for_a_person(void **state)
{
    struct sending s;
    fresh(&s);
    struct out_message *m = put(&s, 1, "line", "c1");
    (void)state;
    assert_ptr_equal(leave(&s, 1000), m);
    done(&s, m, SEND_REFUSED, 1000);
    assert_false(sending_over(&s, m->of, 2000));
    for (unsigned n = 2; n <= MESSAGES / 2; n++) put(&s, n, "line", "c2");
    struct ticket_messages alone = { .all = TAILQ_HEAD_INITIALIZER(alone.all) };
    TAILQ_REMOVE(&m->of->all, m, sibling); /* the others are of the same ticket, and have not ended */
    TAILQ_INSERT_TAIL(&alone.all, m, sibling);
    assert_false(sending_over(&s, &alone, 2000));
    put(&s, MESSAGES, "line", "c2");
    assert_true(sending_over(&s, &alone, 2000));
    TAILQ_REMOVE(&alone.all, m, sibling);
    TAILQ_INSERT_HEAD(&m->of->all, m, sibling);
    sending_fini(&s);
}

/* ---- order ---- */

static void of_one_conversation_the_next_leaves_only_after_the_former_ended(void **state)
{
    struct sending s;
    fresh(&s);
    struct out_message *a = put(&s, 1, "line", "c1"), *b = put(&s, 2, "line", "c1"), *c = put(&s, 3, "line", "c2");
    (void)state;
    assert_ptr_equal(leave(&s, 1000), a);
    assert_ptr_equal(leave(&s, 1000), c);
    assert_null(leave(&s, 1000));
    done(&s, a, SEND_AGAIN, 1000);
    assert_null(leave(&s, 1000)); /* the first is tried again before the second has its turn */
    assert_ptr_equal(leave(&s, 4000), a);
    done(&s, a, SEND_REFUSED, 4000);
    assert_ptr_equal(leave(&s, 4000), b);
    done(&s, b, SEND_DONE, 4000);
    done(&s, c, SEND_UNKNOWN, 4000);
    assert_int_equal(a->state, MESSAGE_FAILED);
    assert_string_equal(a->why, "because");
    assert_int_equal(b->state, MESSAGE_SENT);
    assert_int_equal(c->state, MESSAGE_UNKNOWN);
    assert_int_equal(s.lanes.count, 0);
    sending_fini(&s);
}

static void a_message_without_a_durable_intent_does_not_leave(void **state)
{
    struct sending s;
    fresh(&s);
    struct message_row r = row_of(1, "line", "c1");
    struct id id = message_id(1);
    struct out_message *m;
    struct buf b;
    (void)state;
    buf_init(&b, 1 << 20);
    record_pack(&b, &message_row_record, &r);
    assert_int_equal(sending_add(&s, &id, buf_str(&b), 1, &m), ERR_OK);
    assert_null(leave(&s, 5000));
    assert_int_equal(sending_add(&s, &id, buf_str(&b), 1, &m), ERR_EXISTS);
    sending_committed(&s, m, 5000);
    assert_ptr_equal(leave(&s, 5000), m);
    buf_fini(&b);
    sending_fini(&s);
}

static void a_message_only_put_on_record_never_leaves(void **state)
{
    struct sending s;
    fresh(&s);
    struct message_row r = row_of(1, "line", "c1");
    struct id id = message_id(1);
    struct out_message *m;
    struct buf b;
    (void)state;
    r.recorded = true;
    buf_init(&b, 1 << 20);
    record_pack(&b, &message_row_record, &r);
    assert_int_equal(sending_add(&s, &id, buf_str(&b), 1, &m), ERR_OK);
    sending_committed(&s, m, 1000);
    assert_int_equal(m->state, MESSAGE_RECORDED);
    assert_null(leave(&s, 5000));
    assert_true(sending_wake(&s, 5000) == UINT64_MAX);
    buf_fini(&b);
    sending_fini(&s);
}

/* ---- again ---- */

static void tries_are_further_and_further_apart_until_an_hour_has_passed(void **state)
{
    struct sending s;
    fresh(&s);
    struct out_message *m = put(&s, 1, "line", "c1"), *late;
    uint64_t now = 1000, gap = 0;
    unsigned tries = 0;
    (void)state;
    while (!(late = sending_late(&s, now))) {
        uint64_t wake = sending_wake(&s, now);
        assert_true(wake > now || tries == 0);
        now = wake;
        if (!leave(&s, now)) continue;
        tries++;
        done(&s, m, SEND_AGAIN, now);
        gap = m->due - now;
        assert_true(gap >= SENDING_BACK_MS / 2 && gap <= SENDING_BACK_MOST * 3 / 2);
    }
    assert_ptr_equal(late, m);
    assert_int_equal(m->state, MESSAGE_FAILED);
    assert_int_equal(m->receipt, RECEIPT_NONE);
    assert_non_null(strstr(m->why, "within an hour: because"));
    assert_in_range(now, 1000 + SENDING_TOTAL_MS, 1000 + SENDING_TOTAL_MS + 1);
    assert_in_range(tries, 8, 40);
    sending_fini(&s);
}

static void what_the_provider_says_of_waiting_holds_for_its_whole_account(void **state)
{
    struct sending s;
    fresh(&s);
    struct out_message *a = put(&s, 1, "line", "c1"), *b;
    struct send_result r = { .end = SEND_AGAIN, .after_ms = 7000 };
    (void)state;
    assert_ptr_equal(leave(&s, 1000), a);
    b = put(&s, 2, "line", "c2");
    struct out_message *other = put(&s, 3, "telegram", "c3");
    sending_done(&s, a, &r, false, 1000);
    assert_ptr_equal(leave(&s, 1000), other);
    assert_null(leave(&s, 7999));
    assert_int_equal(sending_wake(&s, 2000), 8000);
    assert_ptr_equal(leave(&s, 8000), b);
    assert_ptr_equal(leave(&s, 8000), a);
    sending_fini(&s);
}

static void an_account_sends_as_many_in_a_second_as_its_sender_says(void **state)
{
    struct sending s;
    fresh(&s);
    char conversation[16];
    unsigned sent = 0;
    (void)state;
    now_by = &slow;
    for (unsigned i = 1; i <= 30; i++) {
        snprintf(conversation, sizeof conversation, "c%u", i);
        (void)put(&s, i, "line", conversation);
    }
    for (uint64_t now = 1000; now <= 6000; now += 10)
        for (struct out_message *m; (m = leave(&s, now)); sent++) done(&s, m, SEND_DONE, now);
    assert_in_range(sent, 2 + 5 * 2 - 1, 2 + 5 * 2);
    sending_fini(&s);
}

static void a_dead_provider_is_left_alone_and_costs_the_others_nothing(void **state)
{
    struct sending s;
    fresh(&s);
    char conversation[16];
    unsigned tried = 0, sent = 0;
    uint64_t now;
    (void)state;
    for (unsigned i = 1; i <= 200; i++) {
        snprintf(conversation, sizeof conversation, "c%u", i);
        (void)put(&s, i, i % 2 ? "dead" : "alive", conversation);
    }
    for (now = 1000; now <= 60000; now += 100)
        for (struct out_message *m; (m = leave(&s, now));) {
            bool dead = str_is(m->row.account, "dead");
            tried += dead;
            sent += !dead;
            done(&s, m, dead ? SEND_AGAIN : SEND_DONE, now);
        }
    assert_int_equal(sent, 100);
    assert_in_range(tried, SENDING_BREAK_AFTER, SENDING_BREAK_AFTER + 6); /* then one, after longer and longer */
    for (now = 400000; now <= 500000; now += 100)                         /* it is back */
        for (struct out_message *m; (m = leave(&s, now)); sent++) done(&s, m, SEND_DONE, now);
    assert_int_equal(sent, 200);
    sending_fini(&s);
}

/* ---- a person, a provider ---- */

static void what_failed_or_is_unknown_is_sent_again_or_confirmed_by_a_person_alone(void **state)
{
    struct sending s;
    fresh(&s);
    struct out_message *m = put(&s, 1, "line", "c1");
    (void)state;
    assert_int_equal(sending_again(&s, m, 1000), ERR_STATE);
    assert_ptr_equal(leave(&s, 1000), m);
    done(&s, m, SEND_UNKNOWN, 1000);
    assert_int_equal(sending_again(&s, m, 2000), ERR_OK);
    assert_int_equal(m->state, MESSAGE_QUEUED);
    assert_ptr_equal(leave(&s, 2000), m);
    done(&s, m, SEND_UNKNOWN, 2000);
    assert_int_equal(sending_confirm(&s, m, 3000), ERR_OK);
    assert_int_equal(m->state, MESSAGE_SENT);
    assert_int_equal(sending_confirm(&s, m, 3000), ERR_STATE);
    sending_fini(&s);
}

static void receipts_find_the_message_by_the_providers_id_of_that_account(void **state)
{
    struct sending s;
    fresh(&s);
    struct out_message *m = put(&s, 1, "line", "c1");
    struct send_result r = { .end = SEND_DONE, .external = "SM1" };
    struct str ws = STR("hanbit");
    (void)state;
    assert_ptr_equal(leave(&s, 1000), m);
    sending_done(&s, m, &r, false, 1000);
    assert_null(sending_receipt(&s, ws, STR("other"), STR("SM1"), RECEIPT_READ, 2000));
    assert_null(sending_receipt(&s, ws, STR("line"), STR("SM2"), RECEIPT_READ, 2000));
    assert_ptr_equal(sending_receipt(&s, ws, STR("line"), STR("SM1"), RECEIPT_DELIVERED, 2000), m);
    assert_ptr_equal(sending_receipt(&s, ws, STR("line"), STR("SM1"), RECEIPT_READ, 2000), m);
    assert_null(sending_receipt(&s, ws, STR("line"), STR("SM1"), RECEIPT_DELIVERED, 2000)); /* it says less */
    assert_null(sending_receipt(&s, ws, STR("line"), STR("SM1"), RECEIPT_FAILED, 2000));
    assert_int_equal(m->receipt, RECEIPT_READ);
    sending_fini(&s);
}

/* ---- parts ---- */

/* The next part of a message of three; its provider calls it `external`. */
static void send_part(struct sending *s, struct out_message *m, const char *external, uint64_t now)
{
    struct send_result r = { .end = SEND_DONE };
    snprintf(r.external, sizeof r.external, "%s", external);
    assert_ptr_equal(sending_next(s, now, can, NULL), m);
    sending_begin(s, m, 3, false, now);
    tell_all(s);
    sending_done(s, m, &r, false, now);
    tell_all(s);
}

static struct out_message *sent_in_three(struct sending *s)
{
    struct out_message *m = put(s, 1, "line", "c1");
    send_part(s, m, "SM1", 1000);
    send_part(s, m, "SM2", 1000);
    assert_int_equal(m->state, MESSAGE_QUEUED);
    send_part(s, m, "SM3", 1000);
    assert_int_equal(m->state, MESSAGE_SENT);
    while (sending_untold(s, NULL)) sending_heard(s, sending_untold(s, NULL));
    return m;
}

static struct out_message *told(struct sending *s, const char *external, enum receipt what, uint64_t now)
{
    struct out_message *m = sending_receipt(s, STR("hanbit"), STR("line"), str_of(external), what, now);
    tell_all(s);
    return m;
}

static void a_long_message_is_delivered_when_each_of_its_parts_is(void **state)
{
    struct sending s;
    fresh(&s);
    struct out_message *m = sent_in_three(&s);
    (void)state;
    assert_ptr_equal(told(&s, "SM2", RECEIPT_READ, 2000), m);
    assert_ptr_equal(told(&s, "SM1", RECEIPT_DELIVERED, 2000), m);
    assert_int_equal(m->receipt, RECEIPT_NONE);
    assert_null(sending_untold(&s, NULL)); /* people hear of the whole */
    assert_ptr_equal(told(&s, "SM3", RECEIPT_DELIVERED, 2000), m);
    assert_int_equal(m->receipt, RECEIPT_DELIVERED);
    assert_ptr_equal(sending_untold(&s, NULL), m);
    assert_ptr_equal(told(&s, "SM1", RECEIPT_READ, 2000), m);
    assert_int_equal(m->receipt, RECEIPT_DELIVERED);
    assert_ptr_equal(told(&s, "SM3", RECEIPT_READ, 2000), m);
    assert_int_equal(m->receipt, RECEIPT_READ);
    assert_null(told(&s, "SM3", RECEIPT_READ, 2000)); /* nothing new */
    assert_int_equal(m->state, MESSAGE_SENT);
    sending_fini(&s);
    assert_int_equal(s.bytes, 0);
}

static void a_part_that_could_not_be_delivered_is_named_and_alone_sent_again(void **state)
{
    struct sending s;
    fresh(&s);
    struct out_message *m = sent_in_three(&s);
    (void)state;
    assert_ptr_equal(told(&s, "SM2", RECEIPT_FAILED, 2000), m);
    assert_int_equal(m->state, MESSAGE_FAILED);
    assert_string_equal(m->why, "the provider could not deliver part 2 of 3");
    assert_ptr_equal(told(&s, "SM1", RECEIPT_FAILED, 2000), m);
    assert_string_equal(m->why, "the provider could not deliver part 1, 2 of 3");
    assert_ptr_equal(told(&s, "SM3", RECEIPT_DELIVERED, 2000), m);
    assert_int_equal(sending_again(&s, m, 3000), ERR_OK);
    assert_int_equal(m->part, 0);
    send_part(&s, m, "SM4", 3000);
    assert_int_equal(m->part, 1);
    send_part(&s, m, "SM5", 3000); /* the third has come: it does not leave again */
    assert_int_equal(m->state, MESSAGE_SENT);
    assert_null(told(&s, "SM1", RECEIPT_DELIVERED, 4000)); /* of the one that had failed */
    assert_ptr_equal(told(&s, "SM4", RECEIPT_DELIVERED, 4000), m);
    assert_ptr_equal(told(&s, "SM5", RECEIPT_DELIVERED, 4000), m);
    assert_int_equal(m->receipt, RECEIPT_DELIVERED);
    sending_fini(&s);
}

static void a_part_that_fails_while_the_next_is_under_way_fails_the_message_at_its_end(void **state)
{
    struct sending s;
    fresh(&s);
    struct out_message *m = put(&s, 1, "line", "c1");
    struct send_result r = { .end = SEND_DONE, .external = "SM3" };
    (void)state;
    send_part(&s, m, "SM1", 1000);
    assert_ptr_equal(told(&s, "SM1", RECEIPT_FAILED, 1000), m);
    assert_int_equal(m->state, MESSAGE_QUEUED);
    send_part(&s, m, "SM2", 1000);
    assert_ptr_equal(sending_next(&s, 1000, can, NULL), m);
    sending_begin(&s, m, 3, false, 1000);
    assert_ptr_equal(told(&s, "SM2", RECEIPT_DELIVERED, 1000), m); /* its row tells this of one under way */
    assert_int_equal(m->state, MESSAGE_SENDING);
    sending_done(&s, m, &r, false, 1000);
    assert_int_equal(m->state, MESSAGE_FAILED);
    assert_string_equal(m->why, "the provider could not deliver part 1 of 3");
    sending_fini(&s);
}

static void a_part_that_a_person_confirms_lets_the_next_ones_go(void **state)
{
    struct sending s;
    fresh(&s);
    struct out_message *m = put(&s, 1, "line", "c1");
    struct send_result r = { .end = SEND_UNKNOWN };
    (void)state;
    send_part(&s, m, "SM1", 1000);
    assert_ptr_equal(sending_next(&s, 1000, can, NULL), m);
    sending_begin(&s, m, 3, false, 1000);
    sending_done(&s, m, &r, false, 1000);
    assert_int_equal(m->state, MESSAGE_UNKNOWN);
    assert_int_equal(sending_confirm(&s, m, 1000 + 2 * SENDING_TOTAL_MS), ERR_OK);
    assert_int_equal(m->state, MESSAGE_QUEUED);
    assert_int_equal(m->part, 2);
    assert_null(sending_late(&s, 1000 + 2 * SENDING_TOTAL_MS)); /* its hour begins anew */
    send_part(&s, m, "SM3", 1000 + 2 * SENDING_TOTAL_MS);
    assert_int_equal(m->state, MESSAGE_SENT);
    sending_fini(&s);
}

static void receipts_are_matched_after_a_restart_whichever_row_comes_first(void **state)
{
    (void)state;
    for (unsigned order = 0; order < 2; order++) {
        struct sending s, again;
        struct out_message *m, *n;
        struct buf end;
        fresh(&s);
        m = sent_in_three(&s);
        assert_ptr_equal(told(&s, "SM1", RECEIPT_DELIVERED, 2000), m);
        assert_ptr_equal(told(&s, "SM2", RECEIPT_DELIVERED, 2000), m);
        buf_init(&end, 1 << 16);
        sending_pack(m, &end);
        assert_in_range(end.n, 20, 120);
        fresh(&again);
        struct str intent = { m->packed, m->packed_n };
        if (order) assert_int_equal(sending_fold(&again, &m->id, buf_str(&end), 2), ERR_OK);
        assert_int_equal(sending_add(&again, &m->id, intent, 1, &n), ERR_OK);
        if (!order) assert_int_equal(sending_fold(&again, &m->id, buf_str(&end), 2), ERR_OK);
        sending_replayed(&again);
        assert_ptr_equal(told(&again, "SM3", RECEIPT_DELIVERED, 3000), n);
        assert_int_equal(n->receipt, RECEIPT_DELIVERED);
        assert_int_equal(n->parts, 3);
        buf_fini(&end);
        sending_fini(&again);
        sending_fini(&s);
    }
}

/* ---- rows ---- */

static void a_row_that_was_not_written_is_written_again_and_the_one_before_it_lives(void **state)
{
    struct sending s;
    fresh(&s);
    struct out_message *m = put(&s, 1, "line", "c1"), *other = put(&s, 2, "line", "c2");
    (void)state;
    assert_ptr_equal(leave(&s, 1000), m);
    sending_done(&s, m, &(struct send_result){ .end = SEND_AGAIN, .why = "busy" }, false, 1000);
    sending_told(&s, m, 70);
    sending_wrote(m, 70, true);
    assert_ptr_equal(leave(&s, 9000), other); /* longest due */
    assert_ptr_equal(sending_next(&s, 9000, can, NULL), m);
    sending_begin(&s, m, 1, false, 9000);
    sending_told(&s, m, 80);
    assert_true(sending_row_live(&s, 70, &m->id) && sending_row_live(&s, 80, &m->id)); /* 80 may never be */
    sending_row_moved(&s, 70, 90, &m->id);
    assert_null(sending_changed(&s));
    sending_wrote(m, 80, false);
    assert_ptr_equal(sending_changed(&s), m);
    assert_true(sending_row_live(&s, 90, &m->id));
    assert_false(sending_row_live(&s, 80, &m->id) || sending_row_live(&s, 70, &m->id));
    sending_put_back(&s, m, 10000);
    assert_int_equal(m->state, MESSAGE_QUEUED);
    assert_int_equal(m->tries, 1);
    assert_ptr_equal(sending_changed(&s), m);
    sending_told(&s, m, 100);
    sending_wrote(m, 100, true);
    assert_true(sending_row_live(&s, 100, &m->id));
    assert_false(sending_row_live(&s, 90, &m->id));
    sending_fini(&s);
}

static void what_has_ended_is_kept_for_its_receipts_while_there_is_room(void **state)
{
    struct sending s;
    fresh(&s);
    struct out_message *m = put(&s, 1, "line", "c1");
    const struct ticket_messages *of = sending_of_ticket(&s, &m->row.ticket);
    (void)state;
    assert_false(sending_over(&s, of, 1000 + 9 * SENDING_KEEP_MS)); /* not ended */
    assert_ptr_equal(leave(&s, 1000), m);
    sending_done(&s, m, &(struct send_result){ .end = SEND_DONE }, false, 2000);
    assert_false(sending_over(&s, of, 2000 + SENDING_KEEP_MS)); /* no row tells it */
    sending_told(&s, m, 5);
    assert_false(sending_over(&s, of, 2000 + SENDING_KEEP_MS)); /* its row is on its way */
    sending_wrote(m, 5, true);
    assert_true(sending_over(&s, of, 2000 + SENDING_KEEP_MS));
    assert_false(sending_over(&s, of, 1999 + SENDING_KEEP_MS));
    s.most_bytes = s.bytes; /* half of the room is taken */
    assert_true(sending_over(&s, of, 2001));
    sending_fini(&s);
}

static void more_than_may_be_kept_is_refused(void **state)
{
    struct sending s;
    fresh(&s);
    struct message_row r = row_of(1, "line", "c1");
    struct out_message *m;
    struct buf b;
    (void)state;
    for (unsigned i = 1; i <= MESSAGES; i++) (void)put(&s, i, "line", "c1");
    struct id id = message_id(MESSAGES + 1);
    buf_init(&b, 1 << 20);
    record_pack(&b, &message_row_record, &r);
    assert_int_equal(sending_add(&s, &id, buf_str(&b), 1, &m), ERR_FULL);
    assert_false(sending_has_room(&s));
    buf_fini(&b);
    sending_fini(&s);
}

/* ---- a crash at any moment ----
   A journal whose rows become durable in order some time after they were written, a provider that takes, refuses, breaks, and a
   process that dies. What the provider has is counted by message and part. */
struct log_row {
    enum row_kind { INTENT, END } kind;
    struct id id;
    char *p;
    size_t n;
};
struct world {
    struct sending s;
    struct log_row rows[8192];
    size_t count, durable;
    uint64_t now;
    struct rng rng;
    struct flight {
        struct out_message *m;
        size_t row; /* leaves when this one is durable … */
        bool left;  /* … and has */
    } flights[64];
    size_t flight_count;
    unsigned made, has[MESSAGES + 1][3], taken_again[MESSAGES + 1][3]; /* the second: by a try after "again" or a person's word */
};

static void write_row(struct world *w, enum row_kind kind, const struct id *id, struct buf *b)
{
    assert_true(w->count < sizeof w->rows / sizeof *w->rows && !b->err);
    w->rows[w->count++] = (struct log_row){ kind, *id, b->p, b->n };
}

static void write_changes(struct world *w)
{
    struct out_message *m;
    while ((m = sending_changed(&w->s))) {
        struct buf b;
        buf_init(&b, 1 << 16);
        sending_pack(m, &b);
        write_row(w, END, &m->id, &b);
        sending_told(&w->s, m, w->count);
    }
}

static unsigned number_of(const struct out_message *m) { return (unsigned)m->id.b[12] << 8 | m->id.b[13]; }

static void make(struct world *w)
{
    struct out_message *m;
    struct buf b;
    unsigned n = ++w->made;
    char conversation[8];
    snprintf(conversation, sizeof conversation, "c%u", n % 5);
    struct message_row r = row_of(n, n % 3 ? "line" : "telegram", conversation);
    struct id id = message_id(n);
    r.at = w->now;
    buf_init(&b, 1 << 16);
    record_pack(&b, &message_row_record, &r);
    assert_int_equal(sending_add(&w->s, &id, buf_str(&b), w->count + 1, &m), ERR_OK);
    write_row(w, INTENT, &id, &b);
}

static void commit(struct world *w)
{
    size_t to = w->durable + rng_below(&w->rng, w->count - w->durable + 1);
    for (; w->durable < to; w->durable++) {
        struct out_message *m = sending_find(&w->s, &w->rows[w->durable].id);
        if (w->rows[w->durable].kind == INTENT && m && !m->committed) sending_committed(&w->s, m, w->now);
        if (w->rows[w->durable].kind == END && m) sending_wrote(m, w->durable + 1, true);
    }
}

static void begin(struct world *w)
{
    struct out_message *m = w->flight_count < 60 ? sending_next(&w->s, w->now, can, NULL) : NULL;
    if (!m) return;
    sending_begin(&w->s, m, 2, false, w->now);
    write_changes(w);
    w->flights[w->flight_count++] = (struct flight){ m, w->count, false };
}

/* A message has two parts. The provider takes it, or not, and says so, or not. */
static void answer(struct world *w, size_t i)
{
    struct flight f = w->flights[i];
    struct out_message *m = f.m;
    unsigned n = number_of(m);
    enum send_end end = (enum send_end)rng_below(&w->rng, 4);
    bool has = end == SEND_DONE || (end == SEND_UNKNOWN && rng_below(&w->rng, 2));
    struct send_result r = { .end = end };
    w->flights[i] = w->flights[--w->flight_count];
    w->has[n][m->part] += has;
    if (end == SEND_UNKNOWN && now_by->repeatable) r.end = SEND_AGAIN;
    sending_done(&w->s, m, &r, false, w->now);
    write_changes(w);
}

/* Whatever the order of the rows was, a message is where its latest one says. */
static void check_fold(struct world *w)
{
    static struct message_end_row last[MESSAGES + 1];
    struct message_end_row end;
    memset(last, 0, sizeof last);
    for (size_t k = 0; k < w->count; k++) {
        unsigned n = (unsigned)w->rows[k].id.b[12] << 8 | w->rows[k].id.b[13];
        if (w->rows[k].kind != END) continue;
        struct arena a;
        arena_init(&a, 65536);
        assert_int_equal(record_unpack(&message_end_row_record, &end, (struct str){ w->rows[k].p, w->rows[k].n }, &a), ERR_OK);
        arena_fini(&a);
        if (end.step > last[n].step) last[n] = end;
    }
    for (unsigned n = 1; n <= w->made; n++) {
        struct id id = message_id(n);
        const struct out_message *m = sending_find(&w->s, &id);
        if (m && last[n].step && (m->state != last[n].state || m->part != last[n].part || m->tries != last[n].tries))
            fail_msg("message %u is %s, and its last row says %s", n, message_state_words.v[m->state],
                     message_state_words.v[last[n].state]);
    }
}

static void crash(struct world *w)
{
    struct out_message *m;
    size_t kept = w->durable;
    for (size_t i = 0; i < w->flight_count; i++) { /* what has left may have come to the provider */
        struct flight f = w->flights[i];
        if (f.row <= kept && rng_below(&w->rng, 2)) w->has[number_of(f.m)][f.m->part]++;
    }
    w->flight_count = 0;
    while (w->count > kept) free(w->rows[--w->count].p);
    sending_fini(&w->s);
    assert_int_equal(sending_init(&w->s, MESSAGES, 1 << 24, rng_u64(&w->rng)), ERR_OK);
    bool backwards = rng_below(&w->rng, 2); /* compaction may have turned any two around */
    for (size_t k = 0; k < w->count; k++) {
        struct log_row *r = &w->rows[backwards ? w->count - 1 - k : k];
        struct str body = { r->p, r->n };
        enum err e = r->kind == INTENT ? sending_add(&w->s, &r->id, body, k + 1, &m) : sending_fold(&w->s, &r->id, body, k + 1);
        assert_true(!e || e == ERR_EXISTS);
    }
    sending_replayed(&w->s);
    check_fold(w);
    for (unsigned n = 1; n <= w->made; n++) {
        struct id id = message_id(n);
        if ((m = sending_find(&w->s, &id))) sending_recover(&w->s, m, now_by->repeatable, w->now);
    }
    write_changes(w);
}

static void step_world(struct world *w)
{
    uint64_t what = rng_below(&w->rng, 100);
    w->now += rng_below(&w->rng, 300);
    if (what < 10 && w->made < 60) make(w);
    else if (what < 40) commit(w);
    else if (what < 70) begin(w);
    else if (what < 98 && w->flight_count) {
        size_t i = rng_below(&w->rng, w->flight_count);
        if (w->flights[i].row <= w->durable) answer(w, i);
    } else if (what >= 98) crash(w);
}

static void check_world(struct world *w)
{
    for (unsigned n = 1; n <= w->made; n++) {
        struct id id = message_id(n);
        const struct out_message *m = sending_find(&w->s, &id);
        for (unsigned part = 0; part < 2; part++)
            if (!now_by->repeatable && w->has[n][part] > 1)
                fail_msg("message %u part %u was sent %u times", n, part, w->has[n][part]);
        if (m && m->state == MESSAGE_SENT) assert_true(w->has[n][0] && w->has[n][1]);
    }
}

static void run_worlds(unsigned worlds)
{
    for (unsigned seed = 1; seed <= worlds; seed++) {
        struct world *w = calloc(1, sizeof *w);
        assert_non_null(w);
        assert_int_equal(sending_init(&w->s, MESSAGES, 1 << 24, seed), ERR_OK);
        rng_seed(&w->rng, seed);
        w->now = 1000;
        for (unsigned i = 0; i < 1500; i++) step_world(w);
        for (unsigned i = 0; i < 4000 && !TAILQ_EMPTY(&w->s.open); i++) { /* all comes to an end */
            uint64_t wake = sending_wake(&w->s, w->now);
            if (wake != UINT64_MAX && wake > w->now) w->now = wake;
            w->durable = w->count - (w->count > w->durable ? w->count - w->durable : 0);
            commit(w);
            begin(w);
            for (size_t k = 0; k < w->flight_count; k++)
                if (w->flights[k].row <= w->durable) answer(w, k);
            while (sending_late(&w->s, w->now)) write_changes(w);
        }
        assert_true(TAILQ_EMPTY(&w->s.open));
        check_world(w);
        while (w->count) free(w->rows[--w->count].p);
        sending_fini(&w->s);
        free(w);
    }
}

static void after_a_crash_at_any_moment_nothing_is_sent_twice_unknowingly(void **state)
{
    (void)state;
    now_by = &plain;
    run_worlds(60);
}

static void with_ids_that_the_provider_knows_again_nothing_is_left_unknown(void **state)
{
    (void)state;
    now_by = &keyed;
    run_worlds(30);
    now_by = &plain;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_one_conversation_the_next_leaves_only_after_the_former_ended),
        cmocka_unit_test(of_a_ticket_that_is_over_what_failed_or_is_unknown_waits_a_day_for_a_person),
        cmocka_unit_test(an_intent_that_compaction_moved_behind_its_end_is_kept_until_the_end_is_written_again),
        cmocka_unit_test(when_much_is_kept_nothing_waits_for_a_person),
        cmocka_unit_test(a_message_without_a_durable_intent_does_not_leave),
        cmocka_unit_test(a_message_only_put_on_record_never_leaves),
        cmocka_unit_test(tries_are_further_and_further_apart_until_an_hour_has_passed),
        cmocka_unit_test(what_the_provider_says_of_waiting_holds_for_its_whole_account),
        cmocka_unit_test(an_account_sends_as_many_in_a_second_as_its_sender_says),
        cmocka_unit_test(a_dead_provider_is_left_alone_and_costs_the_others_nothing),
        cmocka_unit_test(what_failed_or_is_unknown_is_sent_again_or_confirmed_by_a_person_alone),
        cmocka_unit_test(receipts_find_the_message_by_the_providers_id_of_that_account),
        cmocka_unit_test(a_long_message_is_delivered_when_each_of_its_parts_is),
        cmocka_unit_test(a_part_that_could_not_be_delivered_is_named_and_alone_sent_again),
        cmocka_unit_test(a_part_that_fails_while_the_next_is_under_way_fails_the_message_at_its_end),
        cmocka_unit_test(a_part_that_a_person_confirms_lets_the_next_ones_go),
        cmocka_unit_test(receipts_are_matched_after_a_restart_whichever_row_comes_first),
        cmocka_unit_test(a_row_that_was_not_written_is_written_again_and_the_one_before_it_lives),
        cmocka_unit_test(what_has_ended_is_kept_for_its_receipts_while_there_is_room),
        cmocka_unit_test(more_than_may_be_kept_is_refused),
        cmocka_unit_test(a_row_of_an_earlier_program_is_read),
        cmocka_unit_test(after_a_crash_at_any_moment_nothing_is_sent_twice_unknowingly),
        cmocka_unit_test(with_ids_that_the_provider_knows_again_nothing_is_left_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
