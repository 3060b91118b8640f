/* The process itself, over real sockets: this program plays the router and runs itself again as `naru triage`. */
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "proto/mailbox.h"
#include "tests/unit/triage/unit.h"
#include "workers/triage/triage.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define EVENTS      10000u
#define DEADLINE_MS 60000u

static const char good[] =
    "naru: 1\nworkspace: w\nchannels:\n  webchat: { cost: 30, offer: 20s }\naccounts:\n  web: { channel: webchat }\n"
    "queues:\n  desk: { takes: default, sla: { answer: { within: 15m } } }\ntriage:\n  rules:\n"
    "    - { name: outage, when: { text: [장애] }, then: { urgency: critical } }\n";
static const char bad[] = "naru: 1\nworkspace: w\nqueues: 7\n";

struct router {
    uv_loop_t loop;
    struct mailbox *mailbox;
    struct timer watch;
    struct peer *worker;
    pid_t pid;
    char dir[64], inbox[128], worker_inbox[128];
    uint64_t give_up;
    uint32_t downs;
    /* what a test wants sent, and what came */
    bool answered[EVENTS], killed;
    uint32_t sent, verdicts, errors, stats, wrong;
    char version[80];
    bool (*done)(struct router *r);
};

static const char *self;

static void worker_start(struct router *r)
{
    r->pid = fork();
    if (r->pid) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves no process behind */
    setenv("NARU_LOG", "error", 0);
    execl(self, self, "triage", "--name", "triage-1", "--inbox", r->worker_inbox, "--router", r->inbox, "--window", "64",
          (char *)NULL);
    _exit(99);
}

static struct id number_id(uint32_t n)
{
    struct id id = { { 0 } };
    memcpy(id.b, &n, sizeof n);
    id.b[15] = 1;
    return id;
}

static void send_policy(struct router *r, const char *yaml, const char *version, uint64_t at)
{
    struct config c = { .workspace = STR("w"),
                        .kind = CONFIG_POLICY,
                        .version = str_of(version),
                        .at = at,
                        .source = STR("file:test.yaml"),
                        .body = str_of(yaml) };
    assert_int_equal(mailbox_put(r->mailbox, r->worker, MSG_CONFIG, &c), ERR_OK);
}

/* One event; false when there is no credit or no worker. */
static bool send_event(struct router *r, uint32_t n)
{
    struct event e = { .id = number_id(n),
                       .workspace = STR("w"),
                       .account = STR("web"),
                       .channel = STR("webchat"),
                       .kind = EVENT_MESSAGE,
                       .external = STR("x"),
                       .conversation = STR("c"),
                       .text = n % 2 ? STR("장애가 났어요") : STR("hello there") };
    return r->worker && mailbox_put(r->mailbox, r->worker, MSG_EVENT, &e) == ERR_OK;
}

static void on_record(void *ctx, struct peer *p, enum msg type, const void *obj)
{
    struct router *r = ctx;
    const struct verdict *v = obj;
    uint32_t n;
    (void)p;
    if (type == MSG_STATS) r->stats++;
    if (type != MSG_VERDICT) return;
    memcpy(&n, v->event.b, sizeof n);
    if (n >= EVENTS) abort();
    r->verdicts += !r->answered[n];
    r->answered[n] = true;
    r->errors += v->error.n > 0;
    if (!v->error.n && v->urgency != (n % 2 ? URG_CRITICAL : URG_NORMAL)) r->wrong++;
    snprintf(r->version, sizeof r->version, "%.*s", STR_FMT(v->policy));
}

static void on_down(void *ctx, struct peer *p)
{
    struct router *r = ctx;
    (void)p;
    r->downs++;
    r->worker = NULL;
}

static void on_watch(struct timer *t)
{
    struct router *r = t->ctx;
    if (r->done(r)) uv_stop(&r->loop);
    else if (clock_mono_ms() > r->give_up)
        fail_msg("deadline: sent=%u verdicts=%u errors=%u downs=%u", r->sent, r->verdicts, r->errors, r->downs);
}

static void router_open(struct router *r, void (*on_up)(void *ctx, struct peer *p))
{
    *r = (struct router){ .dir = "/tmp/naru-test-XXXXXX" };
    assert_non_null(mkdtemp(r->dir));
    snprintf(r->inbox, sizeof r->inbox, "ipc://%s/router", r->dir);
    snprintf(r->worker_inbox, sizeof r->worker_inbox, "ipc://%s/triage", r->dir);
    struct mailbox_cfg cfg = { .name = "router-1",
                               .role = ROLE_ROUTER,
                               .inbox = r->inbox,
                               .window = 256,
                               .number = 1,
                               .ctx = r,
                               .on_up = on_up,
                               .on_down = on_down,
                               .on_record = on_record };
    uv_loop_init(&r->loop);
    assert_int_equal(mailbox_open(&r->mailbox, &r->loop, &cfg), ERR_OK);
    timer_init(&r->watch, &r->loop, on_watch, r);
    worker_start(r);
}

static void router_wait(struct router *r, bool (*done)(struct router *r))
{
    r->done = done;
    r->give_up = clock_mono_ms() + DEADLINE_MS;
    timer_every(&r->watch, 2);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    timer_stop(&r->watch);
}

/* Stops the worker as an operator would, and gives its exit code. */
static int router_close(struct router *r)
{
    int status = 0;
    kill(r->pid, SIGTERM);
    assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
    mailbox_close(r->mailbox);
    timer_fini(&r->watch);
    loop_finish(&r->loop);
    char path[160];
    snprintf(path, sizeof path, "%s/router", r->dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/triage", r->dir);
    unlink(path);
    rmdir(r->dir);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void up_with_policy(void *ctx, struct peer *p)
{
    struct router *r = ctx;
    r->worker = p;
    send_policy(r, good, "v1", 1000);
}
static void up(void *ctx, struct peer *p) { ((struct router *)ctx)->worker = p; }

/* ---- all are answered, though the worker is killed ---- */

static bool all_answered(struct router *r)
{
    while (r->sent < EVENTS && (r->answered[r->sent] || send_event(r, r->sent))) r->sent++;
    if (!r->killed && r->verdicts > EVENTS / 2) {
        r->killed = true;
        kill(r->pid, SIGKILL);
        waitpid(r->pid, NULL, 0);
        worker_start(r);
    }
    return r->verdicts == EVENTS;
}

static void up_again(void *ctx, struct peer *p)
{
    struct router *r = ctx;
    up_with_policy(ctx, p);
    r->sent = 0; /* what was not answered is sent again */
}

TEST(ten_thousand_events_get_verdicts_though_the_worker_is_killed)
{
    static struct router r;
    router_open(&r, up_again);
    router_wait(&r, all_answered);
    assert_int_equal(r.verdicts, EVENTS);
    assert_int_equal(r.errors, 0);
    assert_int_equal(r.wrong, 0);
    assert_true(r.downs >= 1);
    assert_int_equal(router_close(&r), 0);
}

/* ---- policies ---- */

static bool one_sent(struct router *r) { return r->worker && send_event(r, r->sent) && ++r->sent; }
static bool answered_what_was_sent(struct router *r) { return r->verdicts == r->sent; }
static bool counted(struct router *r) { return r->stats > 1; }

TEST(an_event_ahead_of_its_policy_waits_for_it)
{
    static struct router r;
    router_open(&r, up);
    router_wait(&r, one_sent);
    router_wait(&r, counted); /* the worker lives and has not answered */
    assert_int_equal(r.verdicts, 0);
    send_policy(&r, good, "v1", 1000);
    router_wait(&r, answered_what_was_sent);
    assert_int_equal(r.errors, 0);
    assert_memory_equal(r.version, "sha256:", 7);
    assert_int_equal(router_close(&r), 0);
}

TEST(without_a_good_policy_an_event_is_refused)
{
    static struct router r;
    router_open(&r, up);
    router_wait(&r, one_sent);
    send_policy(&r, bad, "v1", 1000);
    router_wait(&r, answered_what_was_sent);
    assert_int_equal(r.errors, 1);
    assert_int_equal(router_close(&r), 0);
}

TEST(the_last_good_policy_stays)
{
    static struct router r;
    router_open(&r, up_with_policy);
    router_wait(&r, one_sent);
    router_wait(&r, answered_what_was_sent);
    send_policy(&r, bad, "v2", 2000);
    router_wait(&r, one_sent);
    router_wait(&r, counted);
    router_wait(&r, one_sent);
    router_wait(&r, answered_what_was_sent);
    assert_int_equal(r.errors, 0);
    assert_int_equal(r.verdicts, 3);
    assert_int_equal(router_close(&r), 0);
}

int main(int argc, char **argv)
{
    if (argc > 1) return triage_main(argc - 1, argv + 1);
    self = argv[0];
    log_init("router-1");
    if (!getenv("NARU_LOG")) log_max = LOG_ERROR;
    metrics_init("router-1");
    const struct CMUnitTest tests[] = {
        RUN(an_event_ahead_of_its_policy_waits_for_it),
        RUN(without_a_good_policy_an_event_is_refused),
        RUN(the_last_good_policy_stays),
        RUN(ten_thousand_events_get_verdicts_though_the_worker_is_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
