#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "proto/mailbox.h"
#include "tests/unit/proto/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

/* Mailboxes on one loop, each seen by a `struct end` that checks the order of what it gets; a peer played by hand where the other
   side must misbehave; and forked processes where it must die. All over ipc in a folder of the test's own. */

static char folder[64];

struct end {
    struct mailbox *m;
    struct peer *peer; /* the last that came up */
    char inbox[128];
    unsigned ups, downs, credits;
    uint64_t got, next;     /* SEEN records; each must say the next seq */
    uint64_t to_send, sent; /* SEEN records pushed as credit allows */
    unsigned others, wrong;
    enum msg last;
    bool close_in_record;
};

static uv_loop_t *loop;

static void push(struct end *e)
{
    while (e->sent < e->to_send) {
        struct seen s = { .workspace = STR("hanbit"), .seq = e->sent };
        if (mailbox_put(e->m, e->peer, MSG_SEEN, &s)) return;
        e->sent++;
    }
}

static void on_up(void *ctx, struct peer *p)
{
    struct end *e = ctx;
    e->ups++;
    e->peer = p;
}

static void on_down(void *ctx, struct peer *p)
{
    struct end *e = ctx;
    assert_false(peer_is_up(p));
    e->downs++;
}

static void on_credit(void *ctx, struct peer *p)
{
    struct end *e = ctx;
    assert_true(peer_credit(p) > 0);
    e->credits++;
    push(e);
}

static void on_record(void *ctx, struct peer *p, enum msg type, const void *obj)
{
    struct end *e = ctx;
    const struct seen *s = obj;

    assert_true(p && type != MSG_HELLO);
    e->last = type;
    if (type != MSG_SEEN) {
        e->others++;
        return;
    }
    if (s->seq != e->next || !str_is(s->workspace, "hanbit")) e->wrong++;
    e->next = s->seq + 1;
    e->got++;
    if (e->close_in_record) mailbox_close(e->m);
}

static struct mailbox_cfg cfg_of(struct end *e, const char *name, enum role role, uint32_t window)
{
    if (!e->inbox[0]) snprintf(e->inbox, sizeof e->inbox, "ipc://%s/%s", folder, name);
    return (struct mailbox_cfg){ .name = name,
                                 .role = role,
                                 .inbox = e->inbox,
                                 .window = window,
                                 .number = 7,
                                 .ctx = e,
                                 .on_up = on_up,
                                 .on_down = on_down,
                                 .on_credit = on_credit,
                                 .on_record = on_record };
}

static void open_end(struct end *e, const char *name, enum role role, uint32_t window)
{
    struct mailbox_cfg cfg = cfg_of(e, name, role, window);
    assert_int_equal(mailbox_open(&e->m, loop, &cfg), ERR_OK);
}

static void on_deadline(struct timer *t) { *(bool *)t->ctx = true; }

/* Turns the loop until `cond`; nothing but the deadline and the mailboxes themselves can wake it. */
#define RUN_UNTIL(cond, ms)                                                                                                        \
    do {                                                                                                                           \
        bool late_ = false, ok_;                                                                                                   \
        struct timer *t_ = calloc(1, sizeof *t_);                                                                                  \
        timer_init(t_, loop, on_deadline, &late_);                                                                                 \
        timer_once(t_, (ms));                                                                                                      \
        while (!(ok_ = (cond)) && !late_) uv_run(loop, UV_RUN_ONCE);                                                               \
        timer_fini(t_);                                                                                                            \
        loop_reap(loop, t_, free);                                                                                                 \
        if (!ok_) fail_msg("not within %d ms: %s", (ms), #cond);                                                                   \
    } while (0)

/* Nothing is closing any more, so that the next turn may really sleep. */
static void settle(void)
{
    for (int i = 0; i < 5; i++) uv_run(loop, UV_RUN_NOWAIT);
}

static void run_for(int ms)
{
    bool over = false;
    struct timer *t = calloc(1, sizeof *t);

    timer_init(t, loop, on_deadline, &over);
    timer_once(t, (uint64_t)ms);
    while (!over) uv_run(loop, UV_RUN_ONCE);
    timer_fini(t);
    loop_reap(loop, t, free);
}

static void meet(struct end *a, struct end *b)
{
    assert_int_equal(mailbox_dial(a->m, mailbox_inbox(b->m)), ERR_OK);
    RUN_UNTIL(a->ups && b->ups, 5000);
}

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/naru-mailbox-XXXXXX");
    assert_non_null(mkdtemp(folder));
    loop = malloc(sizeof *loop);
    uv_loop_init(loop);
    return 0;
}

static int teardown(void **state)
{
    char cmd[128];

    (void)state;
    uint64_t give_up = clock_mono_ms() + 3000;
    while (uv_run(loop, UV_RUN_NOWAIT) && clock_mono_ms() < give_up) {
    }
    if (uv_loop_alive(loop)) { /* a test failed half-way: its mailboxes point into a stack that is gone */
        fprintf(stderr, "mailboxes left open: see the failure above\n");
        fflush(NULL);
        _exit(1);
    }
    loop_finish(loop);
    free(loop);
    snprintf(cmd, sizeof cmd, "rm -r %s", folder);
    return system(cmd);
}

/* ---- two mailboxes ---- */

TEST(two_processes_meet_when_one_dials)
{
    struct end a = { 0 }, b = { 0 };

    open_end(&a, "triage-1", ROLE_TRIAGE, 64);
    open_end(&b, "router-1", ROLE_ROUTER, 128);
    uint64_t before = clock_mono_ms();
    meet(&a, &b);
    assert_in_range(clock_mono_ms() - before, 0, 900); /* not by the second's HELLO */
    assert_string_equal(peer_name(a.peer), "router-1");
    assert_int_equal(peer_role(b.peer), ROLE_TRIAGE);
    assert_int_equal(peer_number(a.peer), 7);
    assert_int_equal(peer_credit(a.peer), 128);
    assert_int_equal(peer_credit(b.peer), 64);
    assert_ptr_equal(mailbox_next(a.m, NULL), a.peer);
    assert_null(mailbox_next(a.m, a.peer));
    mailbox_close(a.m);
    mailbox_close(b.m);
}

TEST(whoever_is_dialled_may_come_later)
{
    struct end a = { 0 }, b = { 0 };
    char where[128];

    snprintf(where, sizeof where, "ipc://%s/late", folder);
    open_end(&a, "triage-1", ROLE_TRIAGE, 64);
    assert_int_equal(mailbox_dial(a.m, where), ERR_OK);
    run_for(1200);
    assert_int_equal(a.ups, 0);
    memcpy(b.inbox, where, sizeof where);
    open_end(&b, "router-1", ROLE_ROUTER, 64);
    RUN_UNTIL(a.ups && b.ups, 5000);
    mailbox_close(a.m);
    mailbox_close(b.m);
}

TEST(bad_addresses_are_refused)
{
    struct end a = { 0 }, b = { 0 };
    struct mailbox_cfg cfg;

    open_end(&a, "a", ROLE_TRIAGE, 64);
    assert_int_equal(mailbox_dial(a.m, "nonsense"), ERR_USAGE);
    assert_int_equal(mailbox_dial(a.m, "tcp://127.0.0.1:1?key=short"), ERR_USAGE);
    snprintf(b.inbox, sizeof b.inbox, "smoke://signals");
    cfg = cfg_of(&b, "b", ROLE_TRIAGE, 64);
    assert_int_equal(mailbox_open(&b.m, loop, &cfg), ERR_USAGE);
    snprintf(b.inbox, sizeof b.inbox, "ipc://%s/no/such/folder", folder);
    assert_int_equal(mailbox_open(&b.m, loop, &cfg), ERR_IO);
    cfg.name = "";
    assert_int_equal(mailbox_open(&b.m, loop, &cfg), ERR_USAGE);
    cfg.name = "with blank";
    assert_int_equal(mailbox_open(&b.m, loop, &cfg), ERR_USAGE);
    mailbox_close(a.m);
}

TEST(a_wildcard_port_is_told_as_it_was_bound)
{
    struct end a = { .inbox = "tcp://127.0.0.1:*" }, b = { .inbox = "tcp://127.0.0.1:*" };

    open_end(&a, "a", ROLE_TRIAGE, 64);
    open_end(&b, "b", ROLE_ROUTER, 64);
    assert_null(strchr(mailbox_inbox(a.m), '*'));
    meet(&a, &b);
    a.to_send = 1000;
    push(&a);
    RUN_UNTIL(b.got == 1000, 5000);
    assert_int_equal(b.wrong, 0);
    mailbox_close(a.m);
    mailbox_close(b.m);
}

TEST(what_is_put_in_one_turn_leaves_in_one_frame_and_in_order)
{
    struct end a = { 0 }, b = { 0 };

    open_end(&a, "a", ROLE_ROUTER, 4096);
    open_end(&b, "b", ROLE_TRIAGE, 4096);
    meet(&a, &b);
    run_for(1100); /* a tick has published the counters */
    double frames = metric_get(MET_MBOX_FRAMES, "sent"), records = metric_get(MET_MBOX_RECORDS, "sent");
    a.to_send = 1000;
    push(&a);
    assert_int_equal(a.sent, 1000);
    RUN_UNTIL(b.got == 1000, 5000);
    assert_int_equal(b.wrong, 0);
    mailbox_close(a.m);
    mailbox_close(b.m);
    assert_true(metric_get(MET_MBOX_RECORDS, "sent") - records >= 1000);
    assert_true(metric_get(MET_MBOX_FRAMES, "sent") - frames <= 10);
}

TEST(order_holds_over_a_change_of_type)
{
    struct end a = { 0 }, b = { 0 };

    open_end(&a, "a", ROLE_ROUTER, 4096);
    open_end(&b, "b", ROLE_TRIAGE, 4096);
    meet(&a, &b);
    for (unsigned i = 0; i < 100; i++) {
        struct seen s = { .workspace = STR("hanbit"), .seq = i };
        struct lead l = { .workspace = STR("hanbit") };
        assert_int_equal(mailbox_put(a.m, a.peer, MSG_SEEN, &s), ERR_OK);
        if (i % 3 == 0) assert_int_equal(mailbox_put(a.m, a.peer, MSG_LEAD, &l), ERR_OK);
    }
    RUN_UNTIL(b.got == 100, 5000);
    assert_int_equal(b.wrong, 0);
    assert_int_equal(b.others, 34);
    assert_int_equal(b.last, MSG_LEAD);
    mailbox_close(a.m);
    mailbox_close(b.m);
}

TEST(credit_stops_at_the_window_and_resumes)
{
    struct end a = { 0 }, b = { 0 };
    struct seen s = { .workspace = STR("hanbit"), .seq = 64 };

    open_end(&a, "a", ROLE_ROUTER, 64);
    open_end(&b, "b", ROLE_TRIAGE, 64);
    meet(&a, &b);
    a.to_send = 1000;
    push(&a);
    assert_int_equal(a.sent, 64);
    assert_int_equal(peer_credit(a.peer), 0);
    assert_int_equal(mailbox_put(a.m, a.peer, MSG_SEEN, &s), ERR_FULL);
    uint64_t before = clock_mono_ms();
    RUN_UNTIL(b.got == 1000, 5000);
    assert_in_range(clock_mono_ms() - before, 0, 900); /* by acknowledgements, not by the second's HELLO */
    assert_int_equal(b.wrong, 0);
    assert_true(a.credits > 10);
    mailbox_close(a.m);
    mailbox_close(b.m);
}

TEST(a_hundred_thousand_records_go_both_ways)
{
    struct end a = { 0 }, b = { 0 };

    open_end(&a, "a", ROLE_ROUTER, 256);
    open_end(&b, "b", ROLE_TRIAGE, 64);
    meet(&a, &b);
    a.to_send = b.to_send = 100000;
    push(&a);
    push(&b);
    RUN_UNTIL(a.got == 100000 && b.got == 100000, 60000);
    assert_int_equal(a.wrong + b.wrong, 0);
    mailbox_close(a.m);
    mailbox_close(b.m);
}

static void on_timer_put(struct timer *t)
{
    struct end *e = t->ctx;
    e->to_send++;
    push(e);
}

TEST(a_put_from_a_timer_leaves_at_once)
{
    struct end a = { 0 }, b = { 0 };
    struct timer t;

    open_end(&a, "a", ROLE_ROUTER, 64);
    open_end(&b, "b", ROLE_TRIAGE, 64);
    meet(&a, &b);
    timer_init(&t, loop, on_timer_put, &a);
    uint64_t before = clock_mono_ms();
    for (uint64_t i = 1; i <= 50; i++) { /* each answers the other's: replies arrive while timers send */
        timer_once(&t, 1);
        b.to_send++;
        push(&b);
        RUN_UNTIL(b.got == i && a.got == i, 5000);
    }
    assert_in_range(clock_mono_ms() - before, 0, 5000); /* 50 missed wake-ups would take 50 seconds */
    timer_fini(&t);
    mailbox_close(a.m);
    mailbox_close(b.m);
    uv_run(loop, UV_RUN_DEFAULT);
}

static uv_prepare_t *put_at; /* whose turn it is to put */

static void on_prepare_put(uv_prepare_t *h)
{
    struct end *e = h->data;

    if (h != put_at) return;
    put_at = NULL;
    e->to_send++;
    push(e);
}

TEST(a_put_after_the_end_of_the_turn_is_not_left_lying)
{
    struct end a = { 0 }, b = { 0 };
    uv_prepare_t early,
        late; /* libuv runs prepare handles newest first, or oldest first: one of them comes after the mailbox' own */

    uv_prepare_init(loop, &early);
    uv_prepare_init(loop, &late);
    early.data = late.data = &a;
    uv_prepare_start(&early, on_prepare_put);
    open_end(&a, "a", ROLE_ROUTER, 64);
    open_end(&b, "b", ROLE_TRIAGE, 64);
    uv_prepare_start(&late, on_prepare_put);
    meet(&a, &b);
    uint64_t before = clock_mono_ms();
    for (uint64_t i = 1; i <= 20; i++) {
        settle();
        put_at = i % 2 ? &early : &late;
        RUN_UNTIL(b.got == i, 5000);
    }
    assert_in_range(clock_mono_ms() - before, 0, 3000); /* each one left lying would wait for the next second's HELLO */
    uv_close((uv_handle_t *)&early, NULL);
    uv_close((uv_handle_t *)&late, NULL);
    mailbox_close(a.m);
    mailbox_close(b.m);
    uv_run(loop, UV_RUN_DEFAULT);
}

TEST(large_records_pass_and_too_large_ones_are_told)
{
    struct end a = { 0 }, b = { 0 };
    static char body[786432], text[16384];
    struct message messages[80];
    struct result r = { .body = { body, sizeof body } };
    struct act small = { .body = { body, 190000 } };
    struct offer o = { .messages = { messages, 80 } };

    memset(body, 'x', sizeof body);
    memset(text, 'x', sizeof text);
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < 80; i++) messages[i].text = (struct str){ text, sizeof text };
    open_end(&a, "a", ROLE_ROUTER, 64);
    open_end(&b, "b", ROLE_TRIAGE, 64);
    meet(&a, &b);
    assert_int_equal(mailbox_put(a.m, a.peer, MSG_ACT, &small), ERR_OK);
    assert_int_equal(mailbox_put(a.m, a.peer, MSG_RESULT, &r), ERR_OK);
    assert_int_equal(mailbox_put(a.m, a.peer, MSG_OFFER, &o), ERR_TOOBIG);
    assert_int_equal(mailbox_put(a.m, a.peer, MSG_ACT, &small), ERR_OK);
    small.body.n = 524288;
    for (int i = 0; i < 4; i++) assert_int_equal(mailbox_put(a.m, a.peer, MSG_ACT, &small), ERR_OK);
    RUN_UNTIL(b.others == 7, 5000);
    assert_int_equal(b.downs, 0);
    mailbox_close(a.m);
    mailbox_close(b.m);
}

TEST(a_restarted_peer_goes_down_and_up_and_gets_only_what_is_new)
{
    struct end a = { 0 }, b = { 0 }, again = { 0 };

    open_end(&a, "a", ROLE_ROUTER, 64);
    open_end(&b, "b", ROLE_TRIAGE, 64);
    meet(&b, &a);
    peer_set_data(a.peer, &a);
    a.to_send = 500;
    push(&a);
    RUN_UNTIL(b.got == 500, 5000);
    mailbox_close(b.m);
    a.to_send = 510; /* these go to the dead one */
    push(&a);
    assert_int_equal(a.sent, 510);
    mailbox_flush(a.m);
    run_for(50);
    open_end(&again, "b", ROLE_TRIAGE, 32);
    assert_int_equal(mailbox_dial(again.m, mailbox_inbox(a.m)), ERR_OK);
    RUN_UNTIL(a.downs == 1 && a.ups == 2 && again.ups, 5000);
    assert_ptr_equal(peer_data(a.peer), &a); /* the same peer */
    assert_int_equal(peer_credit(a.peer), 32);
    again.next = 510;
    again.got = again.wrong = 0;
    a.to_send = 2000;
    push(&a);
    RUN_UNTIL(again.next == 2000, 5000);
    assert_int_equal(again.wrong, 0);
    assert_int_equal(again.got, 1490);
    again.to_send = 100;
    push(&again);
    RUN_UNTIL(a.got == 100, 5000);
    mailbox_close(a.m);
    mailbox_close(again.m);
}

TEST(an_inbox_under_another_name_ends_the_former)
{
    struct end a = { 0 }, b = { .to_send = 500 }, c = { .to_send = 500 };
    open_end(&a, "router-1", ROLE_ROUTER, 64);
    open_end(&b, "first", ROLE_SCORER, 64);
    meet(&b, &a);
    push(&b);
    RUN_UNTIL(a.got == 500, 5000);
    a.to_send = 300;
    push(&a);
    RUN_UNTIL(b.got == 300, 5000);
    mailbox_close(b.m);
    settle();
    snprintf(c.inbox, sizeof c.inbox, "%s", b.inbox); /* started again, with its number in its name */
    open_end(&c, "second", ROLE_SCORER, 64);
    assert_int_equal(mailbox_dial(c.m, mailbox_inbox(a.m)), ERR_OK);
    RUN_UNTIL(a.ups == 2 && a.downs == 1 && c.ups == 1, 2000); /* sooner than silence would tell */
    a.next = a.got = a.sent = 0;
    push(&a);
    push(&c);
    RUN_UNTIL(a.got == 500 && c.got == 300, 5000);
    run_for(2500); /* heartbeats of neither life disturb the other's counting */
    a.to_send = 600;
    c.to_send = 1000;
    push(&a);
    push(&c);
    RUN_UNTIL(a.got == 1000 && c.got == 600, 5000);
    assert_int_equal(a.wrong + b.wrong + c.wrong, 0);
    assert_int_equal(c.downs, 0);
    mailbox_close(a.m);
    mailbox_close(c.m);
}

TEST(a_mailbox_may_be_closed_by_a_record)
{
    struct end a = { 0 }, b = { .close_in_record = true };

    open_end(&a, "a", ROLE_ROUTER, 64);
    open_end(&b, "b", ROLE_TRIAGE, 64);
    meet(&a, &b);
    a.to_send = 10;
    push(&a);
    RUN_UNTIL(b.got == 1, 5000);
    run_for(20);
    assert_int_equal(b.got, 1);
    mailbox_close(a.m);
}

TEST(the_last_records_leave_when_the_mailbox_is_closed)
{
    struct end a = { 0 }, b = { 0 };

    open_end(&a, "a", ROLE_ROUTER, 64);
    open_end(&b, "b", ROLE_TRIAGE, 64);
    meet(&a, &b);
    a.to_send = 20;
    push(&a);
    mailbox_close(a.m);
    RUN_UNTIL(b.got == 20, 5000);
    mailbox_close(b.m);
}

/* ---- a peer played by hand ---- */

struct hand {
    void *zmq, *out, *in;
    struct buf frame, records;
    struct frame_head last; /* of the last frame read */
    unsigned frames;        /* read that were not HELLO */
    uint64_t incarnation;
    char inbox[128];
};

static void hand_open(struct hand *h, struct end *to)
{
    int linger = 0, one = 1;

    *h = (struct hand){ .zmq = zmq_ctx_new(), .incarnation = 5 };
    h->out = zmq_socket(h->zmq, ZMQ_PUSH);
    h->in = zmq_socket(h->zmq, ZMQ_PULL);
    zmq_setsockopt(h->out, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(h->in, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(h->in, ZMQ_RCVHWM, &one, sizeof one);
    snprintf(h->inbox, sizeof h->inbox, "ipc://%s/hand", folder);
    assert_int_equal(zmq_bind(h->in, h->inbox), 0);
    assert_int_equal(zmq_connect(h->out, mailbox_inbox(to->m)), 0);
    buf_init(&h->frame, 2 << 20);
    buf_init(&h->records, 2 << 20);
}

static void hand_close(struct hand *h)
{
    zmq_close(h->out);
    zmq_close(h->in);
    zmq_ctx_term(h->zmq);
    buf_fini(&h->frame);
    buf_fini(&h->records);
}

static void hand_raw(struct hand *h, const char *p, size_t n) { assert_int_equal(zmq_send(h->out, p, n, 0), n); }

static void hand_send(struct hand *h, enum msg type, uint64_t seq, uint64_t acked, uint32_t count)
{
    struct frame_head head = {
        .type = type, .from = STR("hand"), .incarnation = h->incarnation, .seq = seq, .acked = acked, .count = count
    };

    buf_clear(&h->frame);
    frame_write(&h->frame, &head, buf_str(&h->records));
    hand_raw(h, h->frame.p, h->frame.n);
}

static void hand_hello_after(struct hand *h, uint32_t window, uint32_t losses)
{
    struct hello hello = { .role = ROLE_TRIAGE, .inbox = str_of(h->inbox), .window = window, .losses = losses };

    buf_clear(&h->records);
    record_pack(&h->records, &hello_record, &hello);
    hand_send(h, MSG_HELLO, 0, 0, 1);
}

static void hand_hello(struct hand *h, uint32_t window) { hand_hello_after(h, window, 0); }

static void hand_seen(struct hand *h, uint64_t seq, uint64_t first, uint32_t count)
{
    buf_clear(&h->records);
    for (uint32_t i = 0; i < count; i++) {
        struct seen s = { .workspace = STR("hanbit"), .seq = first + i };
        record_pack(&h->records, &seen_record, &s);
    }
    hand_send(h, MSG_SEEN, seq, 0, count);
}

/* Reads what is there; true when there was a frame. */
static bool hand_read(struct hand *h)
{
    static char bytes[LIM_ZMQ_MESSAGE];
    struct frame_reader f;
    int n = zmq_recv(h->in, bytes, sizeof bytes, ZMQ_DONTWAIT);

    if (n < 0) return false;
    assert_int_equal(frame_open(&f, (struct str){ bytes, (size_t)n }), ERR_OK);
    h->last = f.head;
    if (f.head.type != MSG_HELLO || f.head.count == 0) h->frames++;
    frame_close(&f);
    return true;
}

static bool hand_acked(struct hand *h, uint64_t want)
{
    while (hand_read(h)) {
    }
    return h->last.acked == want;
}

static double refused(const char *cause) { return metric_get(MET_MBOX_REFUSED, cause); }

TEST(bad_frames_are_dropped_and_counted_by_cause)
{
    struct end a = { 0 };
    struct hand h;
    double malformed = refused("malformed"), version = refused("version"), unknown = refused("unknown_type"),
           stranger = refused("unknown_peer"), stale = refused("stale"), record = refused("record"), inbox = refused("inbox"),
           name = refused("name");
    struct hello bad = { .role = ROLE_TRIAGE, .inbox = STR("http://example.org/") };

    open_end(&a, "a", ROLE_ROUTER, 64);
    hand_open(&h, &a);
    hand_raw(&h, "", 0);
    hand_raw(&h, "\xdd\xff\xff\xff\xff", 5);
    hand_raw(&h, "\x97\x02\x01\xa1r\x01\x00\x00\x90", 9);
    hand_raw(&h, "\x97\x01\x3f\xa1r\x01\x00\x00\x90", 9);
    hand_seen(&h, 0, 0, 1); /* before its HELLO */
    record_pack(&h.records, &hello_record, &bad);
    buf_clear(&h.records);
    record_pack(&h.records, &hello_record, &bad);
    hand_send(&h, MSG_HELLO, 0, 0, 1);
    hand_raw(&h,
             "\x97\x01\x01\xa3"
             "a b\x01\x00\x00\x91\x90",
             12);
    RUN_UNTIL(refused("name") == name + 1, 5000);
    assert_true(refused("malformed") == malformed + 2 && refused("version") == version + 1 &&
                refused("unknown_type") == unknown + 1);
    assert_true(refused("unknown_peer") == stranger + 1 && refused("inbox") == inbox + 1);
    assert_int_equal(a.ups, 0);
    hand_hello(&h, 64);
    h.incarnation = 4; /* an older life's late frames */
    hand_seen(&h, 0, 0, 1);
    hand_hello(&h, 64);
    h.incarnation = 5;
    buf_clear(&h.records);
    buf_add(&h.records, "\x93\xa1w\x01\xa1x", 6); /* one bad record */
    struct seen good = { .workspace = STR("hanbit") };
    record_pack(&h.records, &seen_record, &good);
    hand_send(&h, MSG_SEEN, 0, 0, 2);
    RUN_UNTIL(a.got == 1, 5000);
    assert_true(refused("stale") == stale + 2 && refused("record") == record + 1);
    assert_int_equal(a.ups, 1);
    assert_int_equal(a.downs, 0);
    mailbox_close(a.m);
    hand_close(&h);
}

TEST(consumption_is_told_after_a_quarter_of_the_window)
{
    struct end a = { 0 };
    struct hand h;

    open_end(&a, "a", ROLE_ROUTER, 64);
    hand_open(&h, &a);
    hand_hello(&h, 64);
    RUN_UNTIL(hand_read(&h), 5000); /* its HELLO, a second before the next */
    hand_seen(&h, 0, 0, 15);
    RUN_UNTIL(a.got == 15, 5000);
    run_for(20);
    while (hand_read(&h)) {
    }
    assert_int_equal(h.frames, 0);
    hand_seen(&h, 15, 15, 1);
    RUN_UNTIL(a.got == 16, 5000);
    RUN_UNTIL(hand_acked(&h, 16), 500);
    assert_int_equal(h.frames, 1);
    mailbox_close(a.m);
    hand_close(&h);
}

TEST(lost_frames_repair_the_credit_and_late_ones_are_dropped)
{
    struct end a = { 0 };
    struct hand h;
    double lost = refused("lost"), late = refused("late");

    open_end(&a, "a", ROLE_ROUTER, 64);
    hand_open(&h, &a);
    hand_hello(&h, 64);
    hand_seen(&h, 0, 0, 1);
    hand_seen(&h, 40, 1, 1); /* 39 went astray */
    hand_seen(&h, 20, 2, 1); /* from a former socket */
    RUN_UNTIL(refused("late") == late + 1, 5000);
    assert_int_equal(a.got, 2);
    assert_true(refused("lost") == lost + 39);
    RUN_UNTIL(hand_acked(&h, 41), 3000);
    mailbox_close(a.m);
    hand_close(&h);
}

TEST(an_acknowledgement_of_what_was_never_sent_gives_no_credit)
{
    struct end a = { 0 };
    struct hand h;

    open_end(&a, "a", ROLE_ROUTER, 64);
    hand_open(&h, &a);
    hand_hello(&h, 10);
    RUN_UNTIL(a.ups == 1, 5000);
    a.to_send = 100;
    push(&a);
    mailbox_flush(a.m);
    assert_int_equal(peer_credit(a.peer), 0);
    buf_clear(&h.records);
    hand_send(&h, MSG_HELLO, 0, 1000000, 0);
    hand_seen(&h, 0, 0, 1);
    RUN_UNTIL(a.got == 1, 5000);
    assert_int_equal(a.sent, 10);
    buf_clear(&h.records);
    hand_send(&h, MSG_HELLO, 1, 4, 0);
    RUN_UNTIL(a.sent == 14, 5000);
    mailbox_close(a.m);
    hand_close(&h);
}

TEST(a_silent_peer_goes_down_and_its_next_frame_brings_it_up)
{
    struct end a = { 0 };
    struct hand h;
    struct seen s = { .workspace = STR("hanbit") };

    open_end(&a, "a", ROLE_ROUTER, 64);
    hand_open(&h, &a);
    hand_hello(&h, 64);
    RUN_UNTIL(a.ups == 1, 5000);
    a.to_send = 64;
    push(&a);
    RUN_UNTIL(a.downs == 1, 6000);
    assert_int_equal(mailbox_put(a.m, a.peer, MSG_SEEN, &s), ERR_CLOSED);
    assert_int_equal(peer_credit(a.peer), 0);
    hand_seen(&h, 0, 0, 1);
    RUN_UNTIL(a.ups == 2 && a.got == 1, 5000);
    assert_int_equal(peer_credit(a.peer), 64); /* what was under way is given up */
    mailbox_close(a.m);
    hand_close(&h);
}

TEST(who_was_given_up_and_did_not_notice_begins_anew)
{
    struct end a = { 0 };
    struct hand h;

    open_end(&a, "a", ROLE_ROUTER, 64);
    hand_open(&h, &a);
    hand_hello_after(&h, 64, 2); /* losses of a time before we met */
    RUN_UNTIL(a.ups == 1, 5000);
    assert_int_equal(a.downs, 0);
    hand_hello_after(&h, 64, 3);
    RUN_UNTIL(a.downs == 1 && a.ups == 2, 5000);
    hand_hello_after(&h, 64, 3);
    hand_hello_after(&h, 64, 0); /* by another way in, which counts none */
    hand_seen(&h, 0, 0, 1);
    RUN_UNTIL(a.got == 1, 5000);
    assert_int_equal(a.downs, 1);
    mailbox_close(a.m);
    hand_close(&h);
}

static void on_hello_timer(struct timer *t) { hand_hello(t->ctx, 100000); }

TEST(an_inbox_that_takes_nothing_is_given_up_after_three_seconds)
{
    struct end a = { 0 };
    struct hand h;
    static char big[65536];
    struct entry entry = { .detail = { big, sizeof big } };
    struct timer t;
    enum err e = ERR_OK;

    open_end(&a, "a", ROLE_ROUTER, 64);
    hand_open(&h, &a);
    hand_hello(&h, 100000);
    RUN_UNTIL(a.ups == 1, 5000);
    timer_init(&t, loop, on_hello_timer, &h);
    timer_every(&t, 500); /* alive, but reading nothing */
    for (int i = 0; i < 2000 && !e; i++) {
        e = mailbox_put(a.m, a.peer, MSG_ENTRY, &entry);
        mailbox_flush(a.m);
    }
    assert_int_equal(e, ERR_FULL);
    assert_true(peer_credit(a.peer) > 0);
    RUN_UNTIL(a.downs == 1 && a.ups == 2, 8000);
    while (hand_read(&h)) {
    } /* reads again; from the fresh socket, whatever the former still had */
    assert_int_equal(mailbox_put(a.m, a.peer, MSG_ENTRY, &entry), ERR_OK);
    h.last = (struct frame_head){ 0 };
    RUN_UNTIL((hand_read(&h), h.last.type == MSG_ENTRY), 5000);
    timer_fini(&t);
    mailbox_close(a.m);
    hand_close(&h);
    uv_run(loop, UV_RUN_DEFAULT);
}

/* ---- processes that die ---- */

/* A child that waits for `go`, then is the peer "worker": takes records and answers each with one. */
static pid_t spawn_worker(int *go, const char *router)
{
    int fds[2];
    char byte;

    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid) {
        close(fds[0]);
        *go = fds[1];
        return pid;
    }
    close(fds[1]);
    if (read(fds[0], &byte, 1) != 1) _exit(0);
    struct end e = { 0 };
    uv_loop_init(loop);
    open_end(&e, "worker", ROLE_TRIAGE, 64);
    if (mailbox_dial(e.m, router)) _exit(1);
    for (;;) {
        uv_run(loop, UV_RUN_ONCE);
        if (!e.ups) continue;
        e.to_send = e.got;
        push(&e);
    }
}

static void go(int fd)
{
    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
}

static void end_child(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

TEST(a_killed_worker_is_replaced_and_a_stopped_one_comes_back)
{
    struct end a = { 0 };
    char router[128];
    int first_go, second_go;

    snprintf(router, sizeof router, "ipc://%s/router", folder);
    pid_t first = spawn_worker(&first_go, router), second = spawn_worker(&second_go, router);
    open_end(&a, "router", ROLE_ROUTER, 64);
    go(first_go);
    RUN_UNTIL(a.ups == 1, 5000);
    a.to_send = 1000;
    push(&a);
    RUN_UNTIL(a.got == 1000, 10000);

    end_child(first);
    go(second_go);
    RUN_UNTIL(a.downs == 1 && a.ups == 2, 5000);
    a.got = a.next = a.sent = 0;
    push(&a);
    RUN_UNTIL(a.got == 1000, 10000);
    assert_int_equal(a.wrong, 0);

    kill(second, SIGSTOP);
    RUN_UNTIL(a.downs == 2, 6000);
    kill(second, SIGCONT);
    RUN_UNTIL(a.ups == 3, 5000);
    run_for(1500); /* both have told their seq */
    a.got = 0;
    a.to_send += 500;
    push(&a);
    RUN_UNTIL(a.got >= 500, 10000);
    end_child(second);
    mailbox_close(a.m);
}

/* ---- CURVE ---- */

struct keys {
    char pub[41], sec[41], sec_file[160], peers_file[160];
};

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    chmod(path, 0600);
}

static struct keys keys_new(const char *name)
{
    struct keys k;

    assert_int_equal(zmq_curve_keypair(k.pub, k.sec), 0);
    snprintf(k.sec_file, sizeof k.sec_file, "%s/%s.secret", folder, name);
    snprintf(k.peers_file, sizeof k.peers_file, "%s/%s.peers", folder, name);
    write_file(k.sec_file, k.sec);
    return k;
}

static void knows(const struct keys *k, const struct keys *other)
{
    char text[200];
    snprintf(text, sizeof text, "# who may connect\n\n%s other\n", other->pub);
    write_file(k->peers_file, text);
}

static void open_curve(struct end *e, const char *name, const struct keys *k)
{
    snprintf(e->inbox, sizeof e->inbox, "tcp://127.0.0.1:*");
    struct mailbox_cfg cfg = cfg_of(e, name, ROLE_ROUTER, 64);
    cfg.curve_secret_file = k->sec_file;
    cfg.curve_peers_file = k->peers_file;
    assert_int_equal(mailbox_open(&e->m, loop, &cfg), ERR_OK);
}

TEST(a_known_key_is_let_in_and_a_stranger_is_not)
{
    struct end a = { 0 }, b = { 0 }, c = { 0 };
    struct keys ka = keys_new("a"), kb = keys_new("b"), kc = keys_new("c");
    double strangers = refused("stranger");

    knows(&ka, &kb);
    knows(&kb, &ka);
    knows(&kc, &ka); /* c knows a, but a does not know c */
    open_curve(&a, "a", &ka);
    open_curve(&b, "b", &kb);
    open_curve(&c, "c", &kc);
    assert_non_null(strstr(mailbox_inbox(a.m), ka.pub));
    assert_int_equal(mailbox_dial(c.m, mailbox_inbox(a.m)), ERR_OK);
    RUN_UNTIL(refused("stranger") > strangers, 5000);
    meet(&b, &a);
    a.to_send = 1000;
    push(&a);
    RUN_UNTIL(b.got == 1000, 5000);
    assert_int_equal(a.ups, 1);
    assert_int_equal(c.ups, 0);
    mailbox_close(a.m);
    mailbox_close(b.m);
    mailbox_close(c.m);
}

TEST(without_a_key_nobody_is_let_in_and_nothing_is_dialled_in_the_clear)
{
    struct end a = { 0 }, b = { 0 };
    struct keys ka = keys_new("a");
    char clear[160];

    knows(&ka, &ka);
    open_curve(&a, "a", &ka);
    open_end(&b, "b", ROLE_TRIAGE, 64);
    snprintf(clear, sizeof clear, "%s", mailbox_inbox(a.m));
    assert_int_equal(mailbox_dial(b.m, clear), ERR_USAGE); /* a key, but none of our own */
    *strchr(clear, '?') = 0;
    assert_int_equal(mailbox_dial(b.m, clear), ERR_OK);
    assert_int_equal(mailbox_dial(a.m, mailbox_inbox(b.m)), ERR_USAGE);
    run_for(1500);
    assert_int_equal(a.ups + b.ups, 0);
    mailbox_close(a.m);
    mailbox_close(b.m);
}

TEST(key_files_that_are_not_keys_are_refused)
{
    struct end a = { 0 };
    struct keys k = keys_new("a");
    struct mailbox_cfg cfg = cfg_of(&a, "a", ROLE_ROUTER, 64);

    cfg.curve_secret_file = k.sec_file;
    assert_int_equal(mailbox_open(&a.m, loop, &cfg), ERR_USAGE);
    cfg.curve_peers_file = "/nowhere/peers";
    assert_int_equal(mailbox_open(&a.m, loop, &cfg), ERR_IO);
    write_file(k.peers_file, "not a key\n");
    cfg.curve_peers_file = k.peers_file;
    assert_int_equal(mailbox_open(&a.m, loop, &cfg), ERR_USAGE);
    knows(&k, &k);
    write_file(k.sec_file, "short\n");
    assert_int_equal(mailbox_open(&a.m, loop, &cfg), ERR_USAGE);
    assert_null(a.m);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_killed_worker_is_replaced_and_a_stopped_one_comes_back), /* first: it forks, and ZeroMQ has threads */
        CASE(two_processes_meet_when_one_dials),
        CASE(whoever_is_dialled_may_come_later),
        CASE(bad_addresses_are_refused),
        CASE(a_wildcard_port_is_told_as_it_was_bound),
        CASE(what_is_put_in_one_turn_leaves_in_one_frame_and_in_order),
        CASE(order_holds_over_a_change_of_type),
        CASE(credit_stops_at_the_window_and_resumes),
        CASE(a_hundred_thousand_records_go_both_ways),
        CASE(a_put_from_a_timer_leaves_at_once),
        CASE(a_put_after_the_end_of_the_turn_is_not_left_lying),
        CASE(large_records_pass_and_too_large_ones_are_told),
        CASE(a_restarted_peer_goes_down_and_up_and_gets_only_what_is_new),
        CASE(an_inbox_under_another_name_ends_the_former),
        CASE(a_mailbox_may_be_closed_by_a_record),
        CASE(the_last_records_leave_when_the_mailbox_is_closed),
        CASE(bad_frames_are_dropped_and_counted_by_cause),
        CASE(consumption_is_told_after_a_quarter_of_the_window),
        CASE(lost_frames_repair_the_credit_and_late_ones_are_dropped),
        CASE(an_acknowledgement_of_what_was_never_sent_gives_no_credit),
        CASE(a_silent_peer_goes_down_and_its_next_frame_brings_it_up),
        CASE(who_was_given_up_and_did_not_notice_begins_anew),
        CASE(an_inbox_that_takes_nothing_is_given_up_after_three_seconds),
        CASE(a_known_key_is_let_in_and_a_stranger_is_not),
        CASE(without_a_key_nobody_is_let_in_and_nothing_is_dialled_in_the_clear),
        CASE(key_files_that_are_not_keys_are_refused),
    };

    signal(SIGPIPE, SIG_IGN);
    metrics_init("test");
    log_max = getenv("NARU_LOG") ? LOG_DEBUG : LOG_ERROR;
    cmocka_set_test_filter(getenv("NARU_TEST")); /* one by its name, or all */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
