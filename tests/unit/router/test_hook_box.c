/* The outbox of webhooks without a loop: lanes, waits, the breaker, dead letters, and the fold over rows however compaction left
   them. */
#include "router/hook_box.h"
#include "router/hook_event.h"

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

#define T0     1750000000000ull
#define MINUTE 60000ull
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static const struct hook_result good = { .good = true }, broken = { .status = 500 };

struct bench {
    struct hookbox box;
    struct listener *crm, *log;
    uint64_t seq, row, now;
};

static void be_named(struct listener *l)
{
    l->named = true;
    l->at_once = 8;
    l->give_up_ms = 3 * DAY;
}

static int set_up(void **state)
{
    static struct bench b;
    memset(&b, 0, sizeof b);
    hookbox_init(&b.box, 1000, 500, 7);
    b.crm = hookbox_listener(&b.box, STR("w"), STR("crm"));
    b.log = hookbox_listener(&b.box, STR("w"), STR("log"));
    be_named(b.crm);
    be_named(b.log);
    b.now = T0;
    *state = &b;
    return 0;
}
static int tear_down(void **state)
{
    hookbox_fini(&((struct bench *)*state)->box);
    return 0;
}

static struct id id_number(uint64_t n)
{
    struct id id = { { 0 } };
    memcpy(id.b + 8, &n, sizeof n);
    id.b[0] = 9;
    return id;
}
static uint64_t number_of(struct told *t)
{
    uint64_t n;
    memcpy(&n, told_hook(t)->id.b + 8, sizeof n);
    return n;
}

static enum err try_add(struct bench *b, const char *subject, struct listener **to, uint32_t count, struct hook **out)
{
    struct hook_new n = { .epoch = 1, .seq = ++b->seq, .at = b->now, .subject = str_of(subject), .to = to, .count = count };
    n.id = id_number(b->seq);
    return hookbox_add(&b->box, &n, out);
}
/* A change for the CRM (and the log); its number. */
static uint64_t add(struct bench *b, const char *subject, bool both)
{
    struct listener *to[2] = { b->crm, b->log };
    struct hook *h;
    assert_int_equal(try_add(b, subject, to, both ? 2 : 1, &h), ERR_OK);
    hookbox_body(&b->box, h, STR("body"));
    hookbox_landed(&b->box, h, ++b->row);
    return b->seq;
}
static struct told *next(struct bench *b, struct listener *l) { return hookbox_next(l, b->now); }
static void expect(struct bench *b, struct listener *l, uint64_t number)
{
    struct told *t = next(b, l);
    assert_non_null(t);
    assert_int_equal(number_of(t), number);
    hookbox_end(t, &good, b->now);
}
static void expect_one(struct bench *b, struct listener *l)
{
    struct told *t = next(b, l);
    assert_non_null(t);
    hookbox_end(t, &good, b->now);
}
static void write_all(struct bench *b)
{
    struct hook *h;
    while ((h = hookbox_changed(&b->box))) hookbox_written(&b->box, h, ++b->row);
}

/* ---- lanes ---- */

static void the_next_of_a_subject_waits_for_the_one_before_and_others_do_not(void **state)
{
    struct bench *b = *state;
    add(b, "t1", false), add(b, "t1", false), add(b, "t2", false);
    struct told *first = next(b, b->crm), *other = next(b, b->crm);
    assert_int_equal(number_of(first), 1);
    assert_int_equal(number_of(other), 3);
    assert_null(next(b, b->crm));
    hookbox_end(first, &good, b->now);
    expect(b, b->crm, 2);
    hookbox_end(other, &good, b->now);
    assert_int_equal(b->crm->backlog, 0);
    assert_null(next(b, b->crm));
    assert_int_equal(b->box.lanes.count, 0);
}

static void a_failed_one_holds_its_lane_back_until_it_is_tried_again(void **state)
{
    struct bench *b = *state;
    add(b, "t1", false), add(b, "t1", false), add(b, "t2", false);
    hookbox_end(next(b, b->crm), &broken, b->now);
    expect(b, b->crm, 3);
    assert_null(next(b, b->crm));
    b->now += 3999;
    assert_null(next(b, b->crm));
    b->now += 2001; /* five seconds and a fifth */
    expect(b, b->crm, 1);
    expect(b, b->crm, 2);
}

static void one_who_never_answers_costs_the_other_nothing(void **state)
{
    struct bench *b = *state;
    for (int i = 0; i < 100; i++) add(b, i % 2 ? "t1" : "t2", true);
    for (int i = 0; i < 8; i++) (void)next(b, b->crm); /* under way for ever */
    for (int i = 0; i < 100; i++) {
        struct told *t = next(b, b->log);
        assert_non_null(t);
        hookbox_end(t, &good, b->now);
    }
    assert_int_equal(b->log->backlog, 0);
    assert_int_equal(b->crm->backlog, 100);
    write_all(b);
    assert_int_equal(b->box.hooks.count, 100);
}

static void no_more_are_under_way_than_may_be_at_once(void **state)
{
    struct bench *b = *state;
    char name[16];
    b->crm->at_once = 3;
    for (int i = 0; i < 5; i++) snprintf(name, sizeof name, "t%d", i), add(b, name, false);
    struct told *t = next(b, b->crm);
    assert_non_null(next(b, b->crm));
    assert_non_null(next(b, b->crm));
    assert_null(next(b, b->crm));
    hookbox_back(t);
    assert_ptr_equal(next(b, b->crm), t); /* what could not be sent is the first again */
}

static void a_change_that_is_told_twice_is_one(void **state)
{
    struct bench *b = *state;
    struct hook *h, *again;
    assert_int_equal(try_add(b, "t1", &b->crm, 1, &h), ERR_OK);
    b->seq--;
    assert_int_equal(try_add(b, "t1", &b->crm, 1, &again), ERR_EXISTS);
    assert_ptr_equal(h, again);
    assert_false(again->landed);
    hookbox_landed(&b->box, h, ++b->row);
    expect(b, b->crm, 1);
    write_all(b);
    b->seq--;
    assert_int_equal(try_add(b, "t1", &b->crm, 1, &again), ERR_EXISTS); /* it is remembered beyond its end */
    assert_true(again->over);
}

static void beyond_its_most_changes_are_counted_and_left_out(void **state)
{
    struct bench *b = *state;
    struct listener *to[2] = { b->crm, b->log };
    struct hook *h;
    for (int i = 0; i < 500; i++) add(b, "t1", false);
    assert_int_equal(try_add(b, "t1", to, 2, &h), ERR_OK);
    assert_int_equal(h->count, 1);
    assert_ptr_equal(h->told[0].to, b->log);
    hookbox_failed(&b->box, h);
    assert_int_equal(try_add(b, "t1", to, 1, &h), ERR_FULL);
    assert_int_equal(b->crm->dropped, 2);
}

/* ---- plans ---- */

static void waits_grow_from_seconds_to_a_day_with_chance(void **state)
{
    static const uint64_t waits[] = {
        5000, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, DAY, DAY
    };
    struct rng rng;
    (void)state;
    rng_seed(&rng, 1);
    for (uint32_t n = 0; n < 10; n++) {
        uint64_t least = UINT64_MAX, most = 0;
        for (int i = 0; i < 1000; i++) {
            uint64_t d = hook_delay(n + 1, &rng);
            if (d < least) least = d;
            if (d > most) most = d;
        }
        assert_in_range(least, waits[n] * 80 / 100, waits[n] * 81 / 100);
        assert_in_range(most, waits[n] * 119 / 100, waits[n] * 120 / 100);
    }
}

static void ten_failures_in_a_row_leave_probes_only_until_one_is_answered(void **state)
{
    struct bench *b = *state;
    char name[16];
    for (int i = 0; i < 10; i++) snprintf(name, sizeof name, "t%d", i), add(b, name, false);
    for (int i = 0; i < 10; i++) hookbox_end(next(b, b->crm), &broken, b->now);
    assert_int_equal(b->crm->breaker.state, BREAKER_OPEN);
    assert_null(next(b, b->crm));
    b->now = b->crm->breaker.probe_at;
    struct told *probe = next(b, b->crm);
    assert_non_null(probe);
    assert_null(next(b, b->crm)); /* one at a time */
    hookbox_end(probe, &broken, b->now);
    assert_in_range(b->crm->breaker.probe_at - b->now, 8000, 12000); /* twice as long as the first time */
    b->now = b->crm->breaker.probe_at;
    hookbox_end(next(b, b->crm), &good, b->now);
    for (int i = 0; i < 9; i++) expect_one(b, b->crm); /* nobody waits, also not who failed twice and has minutes to wait */
    assert_int_equal(b->crm->backlog, 0);
}

static void retry_after_is_a_longer_wait_and_410_the_end(void **state)
{
    struct bench *b = *state;
    add(b, "t1", false), add(b, "t2", false);
    hookbox_end(next(b, b->crm), &(struct hook_result){ .status = 429, .retry_after_ms = 120000 }, b->now);
    assert_null(next(b, b->crm)); /* all of it pauses */
    b->now += 119999;
    assert_null(next(b, b->crm));
    b->now += 1;
    hookbox_end(next(b, b->crm), &(struct hook_result){ .status = 410, .gone = true }, b->now);
    b->now += DAY;
    assert_null(next(b, b->crm));
    assert_int_equal(b->crm->backlog, 2);
    b->now += 2 * DAY;
    hookbox_tick(&b->box, b->now);
    assert_int_equal(b->crm->backlog, 0);
    assert_int_equal(b->crm->dead, 2);
}

/* ---- dead letters ---- */

static void after_its_time_and_a_last_try_a_change_is_dead_and_the_next_has_its_turn(void **state)
{
    struct bench *b = *state;
    b->crm->give_up_ms = 10000;
    add(b, "t1", false);
    hookbox_end(next(b, b->crm), &broken, b->now);
    b->now += 6001;
    add(b, "t1", false);
    hookbox_end(next(b, b->crm), &broken, b->now); /* the next wait would be minutes: the last try is at the end */
    b->now = T0 + 9999;
    assert_null(next(b, b->crm));
    b->now = T0 + 10000;
    struct told *t = next(b, b->crm);
    hookbox_end(t, &broken, b->now);
    assert_int_equal(t->state, TOLD_DEAD);
    assert_int_equal(t->letter->attempts, 3);
    expect(b, b->crm, 2);
    assert_int_equal(b->crm->dead, 1);
    write_all(b);
    struct id one = id_number(1), none = id_number(77);
    assert_int_equal(hookbox_replay(b->crm, &none, b->now), 0);
    assert_int_equal(hookbox_replay(b->crm, &one, b->now + DAY), 1);
    b->now += DAY;
    expect(b, b->crm, 1);
    assert_int_equal(b->crm->dead, 0);
}

static void dead_letters_go_after_a_month(void **state)
{
    struct bench *b = *state;
    b->crm->give_up_ms = 0;
    add(b, "t1", false);
    hookbox_end(next(b, b->crm), &broken, b->now);
    write_all(b);
    hookbox_tick(&b->box, b->now + 30 * DAY);
    assert_int_equal(b->crm->dead, 1);
    hookbox_tick(&b->box, b->now + 30 * DAY + 1);
    assert_int_equal(b->crm->dead, 0);
    write_all(b);
    struct id id = id_number(1);
    assert_false(hookbox_row_live(&b->box, 1, &id));
}

static void who_is_named_no_more_is_owed_nothing(void **state)
{
    struct bench *b = *state;
    add(b, "t1", true), add(b, "t1", true), add(b, "t2", true);
    struct told *out = next(b, b->crm);
    hookbox_forget(b->crm);
    assert_int_equal(b->crm->backlog, 1);
    assert_null(next(b, b->crm));
    hookbox_end(out, &broken, b->now);
    assert_int_equal(b->crm->backlog, 0);
    assert_int_equal(b->log->backlog, 3);
    expect(b, b->log, 1);
    assert_int_equal(hookbox_oldest(b->crm), 0);
}

static void bodies_are_kept_in_memory_only_for_who_takes_them(void **state)
{
    struct bench *b = *state;
    b->box.most_each = 100000;
    b->box.most = 100000;
    b->log->gone = true;
    add(b, "t1", true);
    assert_int_equal(b->box.bytes, 4);
    expect(b, b->crm, 1);
    assert_int_equal(b->box.bytes, 0); /* the other one will read it from the disk */
    assert_int_equal(b->log->backlog, 1);
}

/* ---- rows ---- */

struct row { /* as the journal has it */
    uint64_t number, origin;
    struct id id;
    bool end;
    struct buf body;
};
struct disk {
    struct row v[4096];
    uint32_t count;
    uint64_t next;
};

static struct row *disk_add(struct disk *d, const struct id *id, bool end)
{
    struct row *r = &d->v[d->count++];
    *r = (struct row){ .number = ++d->next, .id = *id, .end = end };
    buf_init(&r->body, 4096);
    return r;
}

static void disk_hook(struct disk *d, struct bench *b, struct hook *h, const char *agent)
{
    struct row *r = disk_add(d, &h->id, false);
    struct tag to[2];
    struct hook_row row = { .entry = { .workspace = STR("w"),
                                       .kind = ENTRY_PRESENCE,
                                       .agent = str_of(agent),
                                       .epoch = h->epoch,
                                       .seq = h->seq,
                                       .at = h->since },
                            .to = { to, h->count } };
    for (int i = 0; i < h->count; i++) to[i].name = str_of(h->told[i].to->name);
    record_pack_short(&r->body, &hook_row_record, &row);
    hookbox_landed(&b->box, h, r->number);
}

static void disk_ends(struct disk *d, struct bench *b)
{
    struct hook *h;
    while ((h = hookbox_changed(&b->box))) {
        struct row *r = disk_add(d, &h->id, true);
        hookbox_pack_end(h, &r->body);
        hookbox_written(&b->box, h, r->number);
    }
}

/* The oldest rows go, in one transaction; those of them that live stand behind the youngest. */
static void disk_compact(struct disk *d, struct bench *b, uint32_t first)
{
    struct row moved[512];
    uint32_t n = 0;
    for (uint32_t i = 0; i < first; i++) {
        struct row *r = &d->v[i];
        if (!hookbox_row_live(&b->box, r->number, &r->id)) continue;
        moved[n] = *r;
        moved[n].origin = r->origin ? r->origin : r->number;
        moved[n].number = ++d->next;
        buf_init(&moved[n].body, 4096);
        buf_addstr(&moved[n].body, buf_str(&r->body));
        hookbox_row_moved(&b->box, r->number, moved[n].number, &r->id);
        n++;
    }
    for (uint32_t i = 0; i < first; i++) buf_fini(&d->v[i].body);
    memmove(d->v, d->v + first, (d->count - first) * sizeof *d->v);
    d->count -= first;
    memcpy(d->v + d->count, moved, n * sizeof *moved);
    d->count += n;
}

static int by_origin(const void *a, const void *b)
{
    const struct row *x = *(struct row *const *)a, *y = *(struct row *const *)b;
    return (x->origin > y->origin) - (x->origin < y->origin);
}

static void replay_row(struct bench *again, const struct row *r, struct arena *a)
{
    struct hook_row row;
    struct hook_end end;
    char subject[160];
    arena_clear(a);
    if (r->end) {
        assert_int_equal(record_unpack(&hook_end_record, &end, buf_str(&r->body), a), ERR_OK);
        assert_int_equal(hookbox_row_end(&again->box, r->number, &r->id, &end), ERR_OK);
        return;
    }
    assert_int_equal(record_unpack(&hook_row_record, &row, buf_str(&r->body), a), ERR_OK);
    enum err e = hookbox_row(&again->box, r->number, &r->id, &row, hook_subject(&row.entry, subject));
    assert_true(e == ERR_OK || e == ERR_EXISTS);
}

/* As journal_db.c tells them: what was moved first, by the order of first writing, then the rest. */
static void replay(const struct disk *d, struct bench *again)
{
    struct arena a;
    const struct row *moved[4096];
    uint32_t n = 0;
    arena_init(&a, 1u << 20);
    for (uint32_t i = 0; i < d->count; i++)
        if (d->v[i].origin) moved[n++] = &d->v[i];
    qsort(moved, n, sizeof *moved, by_origin);
    for (uint32_t i = 0; i < n; i++) replay_row(again, moved[i], &a);
    for (uint32_t i = 0; i < d->count; i++)
        if (!d->v[i].origin) replay_row(again, &d->v[i], &a);
    hookbox_replayed(&again->box);
    arena_fini(&a);
}

static void same_box(struct bench *b, struct bench *again)
{
    struct hook *h, *g;
    assert_int_equal(b->crm->backlog, again->crm->backlog);
    assert_int_equal(b->log->backlog, again->log->backlog);
    assert_int_equal(b->crm->dead, again->crm->dead);
    assert_int_equal(b->log->dead, again->log->dead);
    for (size_t i = 0; (h = idmap_next(&b->box.hooks, &i));) {
        if (h->over) continue;
        g = idmap_get(&again->box.hooks, &h->id);
        assert_non_null(g);
        assert_int_equal(g->row, h->row);
        assert_int_equal(g->since, h->since);
        for (int k = 0; k < h->count; k++) {
            uint8_t is = h->told[k].state == TOLD_UNDER_WAY ? TOLD_WAITS : h->told[k].state;
            assert_int_equal(g->told[k].state, is);
            if (is == TOLD_DEAD) assert_int_equal(g->told[k].letter->at, h->told[k].letter->at);
        }
    }
}

/* Everything that waits leaves in the order of its agent. */
static void all_leave_in_order(struct bench *b)
{
    uint64_t last[4] = { 0 };
    struct told *t;
    while ((t = next(b, b->crm))) {
        uint64_t n = number_of(t);
        assert_true(n > last[n % 4]);
        last[n % 4] = n;
        hookbox_end(t, &good, b->now);
    }
    assert_int_equal(b->crm->backlog, 0);
}

static void one_step(struct bench *b, struct disk *d, struct rng *rng)
{
    static const char *const agents[4] = { "a", "b", "c", "d" };
    struct listener *to[2] = { b->crm, b->log };
    struct hook *h;
    struct told *t;
    uint64_t what = rng_below(rng, 100);
    b->now += rng_below(rng, 4000);
    if (what < 45) {
        const char *agent = agents[(b->seq + 1) % 4];
        if (try_add(b, agent, to, 1 + (uint32_t)rng_below(rng, 2), &h) == ERR_OK) disk_hook(d, b, h, agent);
    } else if (what < 80) {
        struct listener *l = rng_below(rng, 2) ? b->crm : b->log;
        if ((t = next(b, l))) hookbox_end(t, rng_below(rng, 3) ? &good : &broken, b->now);
    } else if (what < 95) {
        disk_ends(d, b);
    } else if (what < 97) {
        (void)hookbox_replay(b->crm, NULL, b->now);
    } else if (d->count > 20) {
        disk_ends(d, b);
        disk_compact(d, b, (uint32_t)rng_below(rng, d->count - 10));
    }
}

static void what_is_replayed_is_what_was_however_far_compaction_had_come(void **state)
{
    static struct disk d;
    void *other;
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct bench *b, again;
        struct rng rng;
        rng_seed(&rng, seed);
        assert_int_equal(set_up(&other), 0);
        b = other;
        b->crm->give_up_ms = b->log->give_up_ms = 20000;
        b->crm->at_once = b->log->at_once = 1;
        d.count = 0;
        d.next = 0;
        for (int i = 0; i < 400 && d.count < 3000; i++) one_step(b, &d, &rng);
        disk_ends(&d, b);
        memset(&again, 0, sizeof again);
        hookbox_init(&again.box, 1000, 500, seed);
        again.crm = hookbox_listener(&again.box, STR("w"), STR("crm"));
        again.log = hookbox_listener(&again.box, STR("w"), STR("log"));
        replay(&d, &again);
        same_box(b, &again);
        be_named(again.crm);
        again.now = b->now;
        all_leave_in_order(&again);
        hookbox_fini(&again.box);
        hookbox_fini(&b->box);
        for (uint32_t i = 0; i < d.count; i++) buf_fini(&d.v[i].body);
    }
}

static void a_row_of_an_end_without_its_change_is_nothing(void **state)
{
    struct bench *b = *state;
    struct tag left = { STR("crm") };
    struct hook_end e = { .workspace = STR("w"), .left = { &left, 1 } };
    struct id id = id_number(5);
    assert_int_equal(hookbox_row_end(&b->box, 9, &id, &e), ERR_OK);
    hookbox_replayed(&b->box);
    assert_int_equal(b->box.hooks.count, 0);
    assert_int_equal(b->crm->backlog, 0);
}

/* ---- what is said ---- */

static void an_event_says_what_happened_and_its_id_is_of_the_change(void **state)
{
    struct tag tags[] = { { STR("vip") } };
    struct verdict v = { .language = STR("ko"), .intent = STR("refund_request"), .tags = { tags, 1 }, .score = 0.5 };
    struct event ev = { .account = STR("kr"), .channel = STR("sms"), .conversation = STR("c\"1"), .external = STR("m1") };
    struct hook_row row = { .entry = { .workspace = STR("hanbit"),
                                       .kind = ENTRY_OPENED,
                                       .epoch = 7,
                                       .seq = 42,
                                       .at = T0,
                                       .state = TK_WAITING,
                                       .queue = STR("billing"),
                                       .detail = STR("{\"candidates\":[]}") } };
    struct json *doc = NULL;
    const char *why;
    struct buf out;
    size_t at;
    (void)state;
    memset(row.entry.ticket.b, 1, 16);
    struct id id = hook_id(&row.entry), same = hook_id(&row.entry);
    row.entry.seq++;
    struct id other = hook_id(&row.entry);
    row.entry.seq--;
    assert_true(id_eq(&id, &same) && !id_eq(&id, &other));
    hook_row_facts(&row, &ev, true, &v);
    buf_init(&out, 65536);
    hook_event_json(&out, &id, &row);
    assert_int_equal(json_parse(&doc, buf_str(&out), 16, &at, &why), ERR_OK);
    const struct json *data = json_get(doc, "data");
    assert_true(str_is(json_str(json_get(doc, "type")), "naru.ticket.opened"));
    assert_true(str_is(json_str(json_get(doc, "source")), "/workspaces/hanbit"));
    assert_true(str_is(json_str(json_get(doc, "sequence")), "00000000000000000042"));
    assert_true(str_is(json_str(json_get(data, "conversation")), "c\"1"));
    assert_true(str_is(json_str(json_get(data, "external_id")), "m1"));
    assert_true(str_is(json_str(json_get(json_get(data, "verdict"), "intent")), "refund_request"));
    assert_null(json_get(data, "detail")); /* how it was decided is told by explain */
    json_free(doc);
    buf_fini(&out);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_next_of_a_subject_waits_for_the_one_before_and_others_do_not),
        TEST(a_failed_one_holds_its_lane_back_until_it_is_tried_again),
        TEST(one_who_never_answers_costs_the_other_nothing),
        TEST(no_more_are_under_way_than_may_be_at_once),
        TEST(a_change_that_is_told_twice_is_one),
        TEST(beyond_its_most_changes_are_counted_and_left_out),
        TEST(waits_grow_from_seconds_to_a_day_with_chance),
        TEST(ten_failures_in_a_row_leave_probes_only_until_one_is_answered),
        TEST(retry_after_is_a_longer_wait_and_410_the_end),
        TEST(after_its_time_and_a_last_try_a_change_is_dead_and_the_next_has_its_turn),
        TEST(dead_letters_go_after_a_month),
        TEST(who_is_named_no_more_is_owed_nothing),
        TEST(bodies_are_kept_in_memory_only_for_who_takes_them),
        cmocka_unit_test(what_is_replayed_is_what_was_however_far_compaction_had_come),
        TEST(a_row_of_an_end_without_its_change_is_nothing),
        cmocka_unit_test(an_event_says_what_happened_and_its_id_is_of_the_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
