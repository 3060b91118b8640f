/* The fold: states from facts, in any order, any number of times; and memory after a replay equal to memory before it. */
#include "base/rng.h"
#include "proto/mp.h"
#include "router/event.h"

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

/* A log of rows, as the journal would keep it. */
#define ROWS_MAX 4096
static struct row {
    uint64_t number;
    enum row_kind kind;
    struct id id;
    char *body;
    size_t n;
} rows[ROWS_MAX];
static size_t row_count;

static uint64_t add_row(enum row_kind kind, const struct id *id, const struct record *rec, const void *obj)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    record_pack(&b, rec, obj);
    assert_int_equal(b.err, ERR_OK);
    rows[row_count] = (struct row){ row_count + 1, kind, *id, b.p, b.n };
    return ++row_count;
}

static struct str last_body(void) { return (struct str){ rows[row_count - 1].body, rows[row_count - 1].n }; }

static void forget_rows(void)
{
    while (row_count) free(rows[--row_count].body);
}

static struct id event_id(unsigned n)
{
    char text[16];
    int len = snprintf(text, sizeof text, "e%u", n);
    return id_of_event(STR("kr-sms"), (struct str){ text, (size_t)len });
}
static struct id ticket_id(unsigned n)
{
    struct id id = { { 0x01, 0x90, 0, 0, 0, (uint8_t)n, 0x70, 0x01, 0x80 } };
    return id;
}

static struct kept_event *accepted(struct events *ev, unsigned n)
{
    struct event e = { .id = event_id(n),
                       .workspace = STR("hanbit"),
                       .account = STR("kr-sms"),
                       .channel = STR("sms"),
                       .external = STR("x"),
                       .conversation = STR("c"),
                       .text = STR("hello"),
                       .received = 1000 + n,
                       .home = 1 };
    struct kept_event *k = NULL;
    uint64_t number = add_row(ROW_EVENT, &e.id, &event_record, &e);
    assert_int_equal(events_accept(ev, &e, last_body(), number, &k), ERR_OK);
    events_contact(ev, k);
    return k;
}

static void verdict(struct events *ev, unsigned n)
{
    struct verdict v = { .event = event_id(n), .workspace = STR("hanbit"), .language = STR("ko"), .urgency = URG_HIGH };
    uint64_t number = add_row(ROW_VERDICT, &v.event, &verdict_record, &v);
    assert_int_equal(events_verdict(ev, events_find(ev, &v.event), last_body(), number), ERR_OK);
}

static struct entry entry_of(enum entry_kind kind, unsigned event, unsigned ticket, uint64_t seq)
{
    struct entry en = { .workspace = STR("hanbit"),
                        .epoch = 5,
                        .seq = seq,
                        .kind = kind,
                        .at = 2000 + seq,
                        .ticket = ticket_id(ticket),
                        .home = 1,
                        .token_epoch = 5,
                        .token_seq = seq,
                        .queue = STR("billing"),
                        .state = TK_WAITING };
    if (event) en.event = event_id(event);
    if (kind == ENTRY_ACCEPTED) en.agent = STR("minji"), en.state = TK_ASSIGNED;
    if (kind == ENTRY_ENDED) en.state = TK_RESOLVED;
    return en;
}

static void entry(struct events *ev, enum entry_kind kind, unsigned event, unsigned ticket, uint64_t seq)
{
    struct folded k;
    struct entry en = entry_of(kind, event, ticket, seq);
    uint64_t number = add_row(ROW_ENTRY, event ? &en.event : &en.ticket, &entry_record, &en);
    assert_int_equal(events_entry(ev, &en, number, false, &k), ERR_OK);
    events_life(k.ticket, &en, events_entry_packed(ev, &en));
}

/* An event's verdict and what took it, in one row. */
static void taken(struct events *ev, unsigned n, unsigned ticket, uint64_t seq)
{
    struct verdict v = { .event = event_id(n), .workspace = STR("hanbit"), .language = STR("ko") };
    struct entry en = entry_of(ENTRY_OPENED, n, ticket, seq);
    struct kept_event *e = events_find(ev, &v.event);
    struct folded k;
    struct buf b, packed;
    buf_init(&b, 1 << 20);
    buf_init(&packed, 1 << 20);
    record_pack(&packed, &verdict_record, &v);
    assert_int_equal(events_verdict(ev, e, buf_str(&packed), 0), ERR_OK);
    struct str small = events_entry_packed(ev, &en);
    buf_addstr(&b, small);
    buf_addstr(&b, buf_str(&packed));
    buf_fini(&packed);
    rows[row_count] = (struct row){ row_count + 1, ROW_TAKEN, en.event, b.p, b.n };
    assert_int_equal(events_entry(ev, &en, ++row_count, false, &k), ERR_OK);
    events_life(k.ticket, &en, small);
    e->row_verdict = row_count;
}

static void death(struct events *ev, unsigned n, uint64_t at, bool dead)
{
    struct entry en = { .workspace = STR("hanbit"), .event = event_id(n), .at = at, .state = dead ? TK_DEAD : TK_WAITING };
    uint64_t number = add_row(ROW_DEAD, &en.event, &entry_record, &en);
    assert_int_equal(events_death(ev, &en, number), ERR_OK);
}

/* A life of its own for each of several events: some waiting, some taken, some dead, replayed, joined, ended. */
static void live(struct events *ev)
{
    for (unsigned n = 1; n <= 8; n++) accepted(ev, n);
    for (unsigned n = 2; n <= 5; n++) verdict(ev, n);
    entry(ev, ENTRY_OPENED, 3, 3, 1);
    entry(ev, ENTRY_OPENED, 4, 4, 2);
    entry(ev, ENTRY_JOINED, 5, 4, 3);
    entry(ev, ENTRY_ACCEPTED, 0, 4, 4);
    entry(ev, ENTRY_RETURNED, 0, 4, 5);
    entry(ev, ENTRY_ACCEPTED, 0, 4, 6);
    taken(ev, 6, 6, 7);
    entry(ev, ENTRY_ENDED, 0, 6, 8);
    death(ev, 7, 5000, true);
    death(ev, 8, 5000, true);
    death(ev, 8, 5001, false);
}

/* Everything that matters, as text. */
static void picture(const struct events *ev, char *out, size_t room)
{
    const struct kept_event *e;
    size_t n = 0;
    TAILQ_FOREACH (e, &ev->order, order) {
        const struct kept_ticket *t = e->ticket;
        struct mp life = mp_on(t ? buf_str(&t->life) : STR_NONE);
        struct entry en;
        n += (size_t)snprintf(out + n, room - n, "%02x%02x %s", e->id.b[0], e->id.b[1], event_state_words.v[e->state]);
        if (t)
            n += (size_t)snprintf(out + n, room - n, " t%u %s %s %llu.%llu %s", t->id.b[5], ticket_state_words.v[t->ticket_state],
                                  t->agent ? t->agent : "-", (unsigned long long)t->token_epoch, (unsigned long long)t->token_seq,
                                  t->row_end ? "ended" : "live");
        while (mp_left(&life) && !record_read(&life, &entry_record, &en, NULL))
            n += (size_t)snprintf(out + n, room - n, " %llu", (unsigned long long)en.seq);
        n += (size_t)snprintf(out + n, room - n, "\n");
    }
    if ((e = TAILQ_FIRST(&ev->order))) { /* all are of one customer */
        struct customer_said said = customers_ask(&ev->customers, e->customer, 1000);
        n += (size_t)snprintf(out + n, room - n, "open %u contacts %u\n", said.open, said.contacts);
    }
    for (unsigned s = 0; s < EV_STATE_COUNT; s++)
        n += (size_t)snprintf(out + n, room - n, "%llu ", (unsigned long long)ev->counts[s]);
}

static void replay(struct events *ev, const size_t *order, size_t count)
{
    assert_int_equal(events_init(ev, 1000), ERR_OK);
    for (size_t i = 0; i < count; i++) {
        const struct row *r = &rows[order[i]];
        enum err e = events_row(ev, r->number, r->kind, &r->id, (struct str){ r->body, r->n });
        assert_true(e == ERR_OK || e == ERR_EXISTS);
    }
    events_replayed(ev);
}

static void states_follow_from_the_facts(void **state)
{
    struct events ev;
    static const enum event_state expected[] = { EV_NONE,  EV_ACCEPTED, EV_TRIAGED, EV_TAKEN,   EV_TAKEN,
                                                 EV_TAKEN, EV_TAKEN,    EV_DEAD,    EV_ACCEPTED };
    (void)state;
    events_init(&ev, 1000);
    live(&ev);
    for (unsigned n = 1; n <= 8; n++) {
        struct id id = event_id(n);
        assert_int_equal(events_find(&ev, &id)->state, expected[n]);
    }
    struct id four = ticket_id(4), six = ticket_id(6);
    assert_string_equal(events_ticket(&ev, &four)->agent, "minji");
    assert_int_equal(events_ticket(&ev, &four)->token_seq, 6);
    assert_int_equal(events_ticket(&ev, &six)->stage, STAGE_ENDED);
    assert_ptr_equal(TAILQ_FIRST(&ev.ended), events_ticket(&ev, &six));
    events_fini(&ev);
    forget_rows();
}

static void a_replay_equals_what_was_lived(void **state)
{
    struct events ev, again;
    static char a[8192], b[8192];
    size_t order[ROWS_MAX];
    (void)state;
    events_init(&ev, 1000);
    live(&ev);
    for (size_t i = 0; i < row_count; i++) order[i] = i;
    replay(&again, order, row_count);
    picture(&ev, a, sizeof a);
    picture(&again, b, sizeof b);
    assert_string_equal(a, b);
    events_fini(&ev);
    events_fini(&again);
    forget_rows();
}

static void any_order_with_duplicates_gives_the_same_memory(void **state)
{
    struct events ev, again;
    static char a[8192], b[8192];
    struct rng rng;
    (void)state;
    rng_seed(&rng, 42);
    events_init(&ev, 1000);
    live(&ev);
    picture(&ev, a, sizeof a);
    for (unsigned round = 0; round < 500; round++) {
        size_t order[ROWS_MAX], n = 0;
        for (size_t i = 0; i < row_count; i++) {
            order[n++] = i;
            if (rng_below(&rng, 3) == 0) order[n++] = i;
        }
        for (size_t i = n; i > 1; i--) {
            size_t j = rng_below(&rng, i), t = order[i - 1];
            order[i - 1] = order[j];
            order[j] = t;
        }
        replay(&again, order, n);
        picture(&again, b, sizeof b);
        assert_string_equal(a, b);
        events_fini(&again);
    }
    events_fini(&ev);
    forget_rows();
}

static void live_duplicates_change_nothing(void **state)
{
    struct events ev;
    static char a[8192], b[8192];
    struct folded k;
    (void)state;
    events_init(&ev, 1000);
    live(&ev);
    picture(&ev, a, sizeof a);
    struct entry en = entry_of(ENTRY_OPENED, 3, 3, 1);
    assert_int_equal(events_entry(&ev, &en, 99, false, &k), ERR_EXISTS);
    en = entry_of(ENTRY_ACCEPTED, 0, 4, 4); /* an old owner's */
    assert_int_equal(events_entry(&ev, &en, 99, false, &k), ERR_EXISTS);
    en = entry_of(ENTRY_ENDED, 0, 6, 8);
    assert_int_equal(events_entry(&ev, &en, 99, false, &k), ERR_EXISTS);
    struct id two = event_id(2);
    assert_int_equal(events_verdict(&ev, events_find(&ev, &two), STR("x"), 99), ERR_EXISTS);
    picture(&ev, b, sizeof b);
    assert_string_equal(a, b);
    en = entry_of(ENTRY_OPENED, 77, 77, 90);
    assert_int_equal(events_entry(&ev, &en, 99, false, &k), ERR_NOTFOUND);
    events_fini(&ev);
    forget_rows();
}

static void rows_are_live_while_their_fact_stands(void **state)
{
    struct events ev;
    (void)state;
    events_init(&ev, 1000);
    live(&ev);
    unsigned live_rows = 0;
    for (size_t i = 0; i < row_count; i++) live_rows += events_row_live(&ev, rows[i].number, &rows[i].id);
    assert_int_equal(live_rows, row_count - 3); /* two former owners, one death that was taken back */
    struct id three = event_id(3);
    uint64_t was = events_find(&ev, &three)->row_event;
    events_row_moved(&ev, was, 1000, &three);
    assert_false(events_row_live(&ev, was, &three));
    assert_true(events_row_live(&ev, 1000, &three));
    events_settle(&ev, events_find(&ev, &three));
    assert_int_equal(events_find(&ev, &three)->state, EV_SETTLED);
    events_drop(&ev, events_find(&ev, &three));
    assert_false(events_row_live(&ev, 1000, &three));
    struct id ticket = ticket_id(3);
    assert_null(events_ticket(&ev, &ticket)); /* it went with the last of its events */
    events_fini(&ev);
    forget_rows();
}

static void a_cut_log_is_never_trusted_with_what_it_lacks(void **state)
{
    struct events ev, again;
    size_t order[ROWS_MAX];
    (void)state;
    events_init(&ev, 1000);
    live(&ev);
    for (size_t from = 0; from < row_count; from++) { /* the oldest rows are gone, as after compaction */
        for (size_t i = from; i < row_count; i++) order[i - from] = i;
        replay(&again, order, row_count - from);
        const struct kept_event *e;
        TAILQ_FOREACH (e, &again.order, order) assert_non_null(e->packed);
        events_fini(&again);
    }
    events_fini(&ev);
    forget_rows();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_follow_from_the_facts),
        cmocka_unit_test(a_replay_equals_what_was_lived),
        cmocka_unit_test(any_order_with_duplicates_gives_the_same_memory),
        cmocka_unit_test(live_duplicates_change_nothing),
        cmocka_unit_test(rows_are_live_while_their_fact_stands),
        cmocka_unit_test(a_cut_log_is_never_trusted_with_what_it_lacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
