#include "apply_lua.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "workers/assign/process.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* clang-format off: cmocka.h needs those before it */
#include <cmocka.h>
/* clang-format on */

/* apply.lua in a Redis of our own, on a socket in a folder of its own. */
static struct {
    char dir[64], sock[80];
    pid_t pid;
    redisContext *c;
} server;

static bool connected(void)
{
    redisReply *r;
    bool up;

    if (server.c) redisFree(server.c);
    server.c = redisConnectUnix(server.sock);
    if (!server.c || server.c->err) return false;
    r = redisCommand(server.c, "PING");
    up = r && r->type == REDIS_REPLY_STATUS;
    if (r) freeReplyObject(r);
    return up;
}

static int start(void **state)
{
    uint64_t until = clock_mono_ms() + 10000;

    (void)state;
    snprintf(server.dir, sizeof server.dir, "/tmp/naru-store-XXXXXX");
    if (!mkdtemp(server.dir)) return -1;
    snprintf(server.sock, sizeof server.sock, "%s/redis.sock", server.dir);
    if ((server.pid = fork()) == 0) {
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", server.sock, "--dir", server.dir, "--save", "",
               "--daemonize", "no", "--logfile", "/dev/null", (char *)NULL);
        _exit(127);
    }
    while (!connected())
        if (clock_mono_ms() > until) return -1;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    if (server.c) redisFree(server.c);
    kill(server.pid, SIGTERM);
    waitpid(server.pid, NULL, 0);
    unlink(server.sock);
    rmdir(server.dir);
    return 0;
}

static int fresh(void **state)
{
    (void)state;
    freeReplyObject(redisCommand(server.c, "FLUSHALL"));
    redisReply *r = redisCommand(server.c, "FUNCTION LOAD REPLACE %b", apply_lua, sizeof apply_lua);
    bool ok = r && r->type == REDIS_REPLY_STRING;
    if (r && !ok) print_error("%s\n", r->str);
    freeReplyObject(r);
    return ok ? 0 : -1;
}

#define KEYS "3 naru:{w}:head naru:{w}:lead naru:{w}:log"

static struct store_reply call(const char *format, ...)
{
    struct store_reply r;
    redisReply *reply;
    va_list ap;

    va_start(ap, format);
    reply = redisvCommand(server.c, format, ap);
    va_end(ap);
    assert_non_null(reply);
    r = store_read(reply);
    r.holder = r.error = STR_NONE;
    freeReplyObject(reply);
    return r;
}

static long long number(const char *command)
{
    redisReply *r = redisCommand(server.c, command);
    long long v = r->type == REDIS_REPLY_INTEGER ? r->integer : r->type == REDIS_REPLY_STRING ? atoll(r->str) : -1;

    freeReplyObject(r);
    return v;
}

static void the_lease_goes_to_one_and_its_epoch_rises(void **state)
{
    struct store_reply r = call("FCALL naru_lead " KEYS " a 5000 100 0");

    (void)state;
    assert_int_equal(r.word, STORE_LEAD);
    assert_int_equal(r.epoch, 100);
    assert_int_equal(call("FCALL naru_lead " KEYS " b 5000 200 0").word, STORE_HELD);
    assert_int_equal(call("FCALL naru_lead " KEYS " a 5000 100 1").word, STORE_RENEWED);
    assert_int_equal(call("FCALL naru_lead " KEYS " a 5000 99 1").word, STORE_STALE);
    assert_int_equal(call("FCALL naru_lead " KEYS " b 0 100 0").word, STORE_RESIGNED);
    assert_int_equal(call("FCALL naru_lead " KEYS " b 5000 200 0").word, STORE_HELD); /* only its holder gives it up */
    assert_int_equal(call("FCALL naru_lead " KEYS " a 0 100 0").word, STORE_RESIGNED);
    r = call("FCALL naru_lead " KEYS " b 5000 50 0");
    assert_int_equal(r.word, STORE_LEAD);
    assert_int_equal(r.epoch, 101);
}

static void a_batch_is_written_once_however_often_it_is_sent(void **state)
{
    (void)state;
    call("FCALL naru_lead " KEYS " a 5000 100 0");
    for (int i = 0; i < 3; i++) {
        struct store_reply r = call("FCALL naru_apply " KEYS " 100 1 2 entries 4 HSET naru:{w}:t:1 f v 4 HSET naru:{w}:live 1 x");
        assert_int_equal(r.word, i ? STORE_DUPLICATE : STORE_OK);
        assert_int_equal(r.seq, 2);
    }
    assert_int_equal(number("XLEN naru:{w}:log"), 1);
    assert_int_equal(number("HLEN naru:{w}:live"), 1);
    assert_int_equal(number("HGET naru:{w}:head seq"), 2);
    /* writes without entries: no change of seq, and again is harmless */
    assert_int_equal(call("FCALL naru_apply " KEYS " 100 3 0  3 HDEL naru:{w}:live 1").word,
                     STORE_UNKNOWN); /* arguments shifted: refused */
    assert_int_equal(call("FCALL naru_apply " KEYS " 100 3 0 %b 3 HDEL naru:{w}:live 1", "", (size_t)0).word, STORE_OK);
    assert_int_equal(number("HLEN naru:{w}:live"), 0);
    assert_int_equal(call("FCALL naru_apply " KEYS " 100 3 1 e").word, STORE_OK);
}

static void an_old_reign_and_a_gap_write_nothing(void **state)
{
    struct store_reply r;

    (void)state;
    call("FCALL naru_lead " KEYS " a 5000 100 0");
    assert_int_equal(call("FCALL naru_apply " KEYS " 100 1 1 e 4 HSET naru:{w}:t:1 f v").word, STORE_OK);
    r = call("FCALL naru_apply " KEYS " 100 3 1 e 4 HSET naru:{w}:t:1 f gap");
    assert_int_equal(r.word, STORE_GAP);
    assert_int_equal(r.seq, 1);
    call("FCALL naru_lead " KEYS " a 0 100 0");
    call("FCALL naru_lead " KEYS " b 5000 101 0");
    assert_int_equal(call("FCALL naru_apply " KEYS " 100 2 1 e 4 HSET naru:{w}:t:1 f stale").word, STORE_STALE);
    assert_int_equal(number("XLEN naru:{w}:log"), 1);
    redisReply *v = redisCommand(server.c, "HGET naru:{w}:t:1 f");
    assert_string_equal(v->str, "v");
    freeReplyObject(v);
}

static void what_is_no_batch_writes_nothing(void **state)
{
    static const char *const bad[] = {
        "FCALL naru_apply " KEYS " 100 1 1 e 4 HSET naru:{w}:t:1 f v 3 FLUSHALL naru:{w}:x y",  /* a command that is not ours */
        "FCALL naru_apply " KEYS " 100 1 1 e 4 HSET naru:{w}:t:1 f v 4 HSET naru:{x}:t:1 f v",  /* another workspace */
        "FCALL naru_apply " KEYS " 100 1 1 e 4 HSET naru:{w}:t:1 f v 9 HSET naru:{w}:live 1 x", /* more words than there are */
        "FCALL naru_apply " KEYS " 100 1 1 e x HSET naru:{w}:t:1 f v",
    };

    (void)state;
    call("FCALL naru_lead " KEYS " a 5000 100 0");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(call(bad[i]).word, STORE_UNKNOWN);
        assert_int_equal(number("EXISTS naru:{w}:t:1"), 0);
        assert_int_equal(number("EXISTS naru:{w}:log"), 0);
    }
}

static void counting_goes_on_where_routers_have_seen_more(void **state)
{
    (void)state;
    call("FCALL naru_lead " KEYS " a 5000 100 0");
    call("FCALL naru_apply " KEYS " 100 1 1 e");
    assert_int_equal(call("FCALL naru_seat " KEYS " 99 50").word, STORE_STALE);
    assert_int_equal(call("FCALL naru_seat " KEYS " 100 50").seq, 50);
    assert_int_equal(call("FCALL naru_seat " KEYS " 100 40").seq, 50);
    assert_int_equal(call("FCALL naru_apply " KEYS " 100 51 1 e").word, STORE_OK);
}

/* ---- the caller ---- */

static const char yaml[] =
    "naru: 1\nworkspace: w\nchannels:\n  webchat: { cost: 30, offer: 20s }\naccounts:\n  web: { channel: webchat }\n"
    "queues:\n  desk: { takes: default, sla: { answer: { within: 10m } }, choose: [longest-idle] }\n";

struct many {
    uv_loop_t loop;
    struct store *store;
    struct workspace *ws;
    struct batch batches[8];
    uint32_t count, answered, ok;
    struct timer deadline;
};

static void end_of_many(struct many *m)
{
    store_close(m->store);
    timer_fini(&m->deadline);
}

static void on_many(void *ctx, const redisReply *reply)
{
    struct many *m = ctx;

    if (store_read(reply).word == STORE_OK) m->ok++;
    if (++m->answered == m->count) end_of_many(m);
}

static void on_many_lead(void *ctx, const redisReply *reply)
{
    struct many *m = ctx;

    if (store_read(reply).word != STORE_LEAD) end_of_many(m);
    else
        for (uint32_t i = 0; i < m->count; i++)
            assert_int_equal(store_apply(m->store, STR("w"), &m->batches[i], on_many, m), ERR_OK);
}

static void on_many_up(void *ctx)
{
    struct many *m = ctx;

    assert_int_equal(store_lead(m->store, STR("w"), "a", 5000, 5, false, on_many_lead, m), ERR_OK);
}

static void on_many_down(void *ctx, const char *cause) { (void)ctx, (void)cause; }

static void on_deadline(struct timer *t) { end_of_many(t->ctx); }

static void take_many(struct workspace *ws, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        char text[16];
        struct event e = {
            .workspace = STR("w"), .account = STR("web"), .channel = STR("webchat"), .text = STR("hello"), .home = 1
        };
        struct verdict v = { .language = STR("und") };
        snprintf(text, sizeof text, "m%u", i);
        e.conversation = e.external = str_of(text);
        e.id = v.event = id_of_event(e.account, e.external);
        space_take(ws, 1750000000000ull, &e, &v);
    }
    while (space_turn(ws, 1750000000000ull)) {
    }
}

static void a_turn_of_three_thousand_tickets_is_written_whole(void **state)
{
    struct space_cfg cfg = { .name = STR("w"), .seed = 1, .epoch = 5, .seq = 0 };
    struct many m = { 0 };
    struct policy *p;
    struct findings f;
    char url[100];
    bool more = true;

    (void)state;
    findings_init(&f);
    assert_int_equal(policy_load(&p, STR(yaml), "test", 1750000000000ull, &f), ERR_OK);
    findings_fini(&f);
    assert_int_equal(space_new(&m.ws, &cfg), ERR_OK);
    assert_int_equal(space_policy(m.ws, 1750000000000ull, p), ERR_OK);
    take_many(m.ws, 3000);
    while (more) assert_int_equal(apply_fill(&m.batches[m.count++], m.ws, &more), ERR_OK);
    uv_loop_init(&m.loop);
    snprintf(url, sizeof url, "unix://%s", server.sock);
    struct store_cfg sc = { .url = url, .ctx = &m, .on_up = on_many_up, .on_down = on_many_down };
    timer_init(&m.deadline, &m.loop, on_deadline, &m);
    timer_once(&m.deadline, 10000);
    assert_int_equal(store_open(&m.store, &m.loop, &sc), ERR_OK);
    uv_run(&m.loop, UV_RUN_DEFAULT);
    loop_finish(&m.loop);
    assert_int_equal(m.ok, m.count);
    assert_int_equal(number("HLEN naru:{w}:tickets"), 3000);
    assert_int_equal(number("HLEN naru:{w}:about"), 3000);
    assert_int_equal(number("HGET naru:{w}:head seq"), 3000);
    for (uint32_t i = 0; i < m.count; i++) apply_fini(&m.batches[i]);
    space_free(m.ws);
    policy_unref(p);
}

/* ---- the feed ---- */

static void the_feed_gives_back_what_was_put_and_keeps_what_is_needed(void **state)
{
    struct feed f;
    char text[3000];

    (void)state;
    feed_init(&f, 1);
    for (uint64_t s = 1; s <= 20000; s++) {
        size_t n = 100 + s % 2900;
        memset(text, (int)('a' + s % 26), n);
        assert_int_equal(feed_put(&f, s, (struct str){ text, n }, s > 5000 ? s - 5000 : 1), ERR_OK);
        if (s > 5000) {
            struct str old = feed_get(&f, s - 5000);
            assert_int_equal(old.n, 100 + (s - 5000) % 2900);
            assert_int_equal(old.p[old.n - 1], 'a' + (s - 5000) % 26);
        }
    }
    assert_int_equal(feed_get(&f, 20001).n, 0);
    assert_true(feed_has_room(&f, 1000, 1, 19000));
    feed_fini(&f);
}

static void parcels_come_out_in_order(void **state)
{
    struct parcels q = { 0 };
    struct parcel head;
    struct str bytes;
    uint32_t next = 0, put = 0;

    (void)state;
    while (next < 5000) {
        for (int i = 0; i < 7 && put < 5000; i++, put++)
            assert_int_equal(
                parcels_put(&q, &(struct parcel){ .type = MSG_OFFER, .n = 4, .seq = put }, (struct str){ (const char *)&put, 4 }),
                ERR_OK);
        for (int i = 0; i < 5 && parcels_peek(&q, &head, &bytes); i++, next++) {
            assert_int_equal(head.seq, next);
            assert_memory_equal(bytes.p, &next, 4);
            parcels_drop(&q);
        }
    }
    assert_false(parcels_peek(&q, &head, &bytes));
    parcels_fini(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_lease_goes_to_one_and_its_epoch_rises, fresh),
        cmocka_unit_test_setup(a_batch_is_written_once_however_often_it_is_sent, fresh),
        cmocka_unit_test_setup(an_old_reign_and_a_gap_write_nothing, fresh),
        cmocka_unit_test_setup(what_is_no_batch_writes_nothing, fresh),
        cmocka_unit_test_setup(counting_goes_on_where_routers_have_seen_more, fresh),
        cmocka_unit_test_setup(a_turn_of_three_thousand_tickets_is_written_whole, fresh),
        cmocka_unit_test(the_feed_gives_back_what_was_put_and_keeps_what_is_needed),
        cmocka_unit_test(parcels_come_out_in_order),
    };

    metrics_init("test");
    return cmocka_run_group_tests(tests, start, stop);
}
