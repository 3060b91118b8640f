/* naru send: customers who write messages from a file; a load client through the public door, POST /v1/events.

   Every message is a `shot`, sent by a door (a connection, door.c) and freed when it was acknowledged, refused or given up. What
   the server cannot take now and what was under way when a connection broke is said again with the same id, so nothing is lost and
   nothing counts twice: the server knows the id.

   With --rate the loop is open: message n has its planned moment, is sent then or as soon after as there is room, and its latency
   counts from the plan, so that a stall of the server is seen by all whom it would have kept waiting. With --closed N messages are
   under way at any time, and a latency counts from the first try.

   `pump`, at the end of every turn, is the only place that sends. */
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/opt.h"
#include "cli/cli.h"
#include "cli/scan.h"
#include "cli/sender.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define DOOR_SHOTS  200u             /* under way on one connection; the server reads no further than LIM_HTTP_PIPELINE */
#define SILENT_US   (40u * 1000000u) /* longer than any answer takes */
#define FAREWELL_MS 2000u

_Static_assert(DOOR_SHOTS <= LIM_HTTP_PIPELINE, "the server would stop reading");

static const struct opt rows[] = {
    { "file", OPT_STR, offsetof(struct send_opts, file), NULL, 0, 0, "F.tsv[.gz]",
      "messages: tab-separated, or .csv; the first line names the columns" },
    { "text", OPT_STR, offsetof(struct send_opts, column), NULL, 0, 0, "COLUMN",
      "column of the text, by name or number (default: text, document, message, utterance or body, else the first)" },
    { "account", OPT_STR, offsetof(struct send_opts, account), "web", 0, 0, "NAME", "account that the messages come in by" },
    { "rate", OPT_F64, offsetof(struct send_opts, rate), NULL, 0, 0, "R", "messages a second, whatever the answers (open loop)" },
    { "closed", OPT_U64, offsetof(struct send_opts, closed), "64", 1, 51200, "N",
      "messages under way at any time, without --rate (closed loop)" },
    { "count", OPT_U64, offsetof(struct send_opts, count), NULL, 0, 0, "N",
      "messages in all; the file repeats (default: its rows once)" },
    { "url", OPT_STR, offsetof(struct send_opts, url), "http://127.0.0.1:8080", 0, 0, "URL", "where Naru is" },
    { "token", OPT_STR, offsetof(struct send_opts, token), NULL, 0, 0, "TOKEN", "access token" },
    { "token-file", OPT_STR, offsetof(struct send_opts, token_file), NULL, 0, 0, "FILE",
      "file with the access token (default: operator.token in the data folder)" },
    { "connections", OPT_U64, offsetof(struct send_opts, connections), "8", 1, SENDER_DOORS, "N", "keep-alive connections" },
    { "prefix", OPT_STR, offsetof(struct send_opts, prefix), NULL, 0, 0, "WORD", "ids begin with it (default: random)" },
    { "customers", OPT_U64, offsetof(struct send_opts, customers), NULL, 0, 0, "K",
      "customers who take turns (default: one a message)" },
    { "ids", OPT_STR, offsetof(struct send_opts, ids), NULL, 0, 0, "FILE",
      "write the ids of acknowledged events there, one a line" },
    { "retry-for", OPT_MS, offsetof(struct send_opts, retry_for), "60s", 0, 0, "TIME", "how long one message is tried again" },
    { "json", OPT_FLAG, offsetof(struct send_opts, json), NULL, 0, 0, NULL, "the summary as one JSON object" },
    { NULL, OPT_STR, 0, NULL, 0, 0, NULL, NULL },
};

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "naru send: %s: %s\n", what, why);
    return 2;
}

/* ---- when ---- */

static uint64_t planned_us(const struct sender *s, uint64_t n)
{
    double ticks = (double)(n + 1) / s->per_tick;
    uint64_t whole = (uint64_t)ticks;

    if (ticks - (double)whole > 1e-6) whole++;
    return s->start_us + (uint64_t)((double)whole * s->tick_us);
}

static void fire_due(struct sender *s, uint64_t now_us)
{
    struct heap_node *top;

    while ((top = heap_peek(&s->waiting)) && (uint64_t)top->key * 1000 <= now_us) {
        struct shot *shot = container_of(top, struct shot, due);
        if (now_us > shot->from_us + s->o.retry_for * 1000) {
            heap_remove(&s->waiting, top);
            s->gave_up++;
            shot_done(s, shot);
            continue;
        }
        struct door *d = door_pick(s);
        if (!d) return;
        heap_remove(&s->waiting, top);
        door_fire(s, d, shot);
    }
    if (!top) timer_stop(&s->wake);
    else if (s->doors_up) timer_once(&s->wake, (uint64_t)top->key > now_us / 1000 ? (uint64_t)top->key - now_us / 1000 : 1);
}

static void fire_new(struct sender *s, uint64_t now_us)
{
    while (s->next < s->o.count && s->under_way < s->shots_max) {
        uint64_t from = s->o.rate > 0 ? planned_us(s, s->next) : now_us;
        struct door *d = from <= now_us ? door_pick(s) : NULL;
        struct shot *shot = d ? shot_new(s) : NULL;
        if (!shot) return;
        shot->from_us = from;
        s->next++;
        if (!s->first_us) s->first_us = now_us;
        door_fire(s, d, shot);
    }
}

/* Wakes us for the next planned message. A timer of the kernel's: the loop's own are up to a millisecond late. */
static void arm_slice(struct sender *s, uint64_t now_us)
{
    if (s->o.rate <= 0 || s->next == s->o.count) return;
    uint64_t at = planned_us(s, s->next);
    if (at == s->armed_us || at <= now_us) return; /* late already: room for it will wake us */
    struct itimerspec once = { .it_value = { (time_t)(at / 1000000), (long)(at % 1000000) * 1000 } };
    if (timerfd_settime(s->timer_fd, TFD_TIMER_ABSTIME, &once, NULL) == 0) s->armed_us = at;
}

static void finish(struct sender *s)
{
    if (s->over) return;
    s->over = s->ending = true;
    for (unsigned i = 0; i < s->o.connections; i++) client_stop(&s->doors[i].net), client_fini(&s->doors[i].net);
    if (s->timer_fd >= 0) uv_close((uv_handle_t *)&s->slice, NULL);
    timer_fini(&s->second);
    timer_fini(&s->wake);
    timer_fini(&s->farewell);
    signals_fini(&s->signals);
    client_hub_fini(s->hub);
}

static void pump(void *ctx)
{
    struct sender *s = ctx;

    if (s->over) return;
    if (!s->ending && s->start_us) {
        uint64_t now = clock_mono_us();
        fire_due(s, now);
        fire_new(s, now);
        arm_slice(s, now);
    }
    bool all_out = s->next == s->o.count;
    if (s->under_way == 0 && (all_out || s->ending)) finish(s);
    else if (s->ending && s->under_way == s->waiting.count) finish(s); /* nothing more will be answered */
}

static void on_slice(uv_poll_t *h, int status, int events)
{
    struct sender *s = h->data;
    uint64_t ticks;

    (void)status, (void)events;
    if (read(s->timer_fd, &ticks, sizeof ticks) < 0) return; /* waking was its whole job: pump follows */
}

static void on_wake(struct timer *t) { (void)t; }

static void on_farewell(struct timer *t) { finish(t->ctx); }

static void on_stop(void *ctx)
{
    struct sender *s = ctx;

    s->ending = true;
    timer_once(&s->farewell, FAREWELL_MS);
}

/* No door for --retry-for: nobody is there any more. */
static void check_doors(struct sender *s, uint64_t now)
{
    for (unsigned i = 0; i < s->o.connections; i++) {
        struct door *d = &s->doors[i];
        if (d->net.up && d->under_way && now - d->heard_us > SILENT_US) client_drop(&d->net, 0);
    }
    if (s->doors_up || now - s->up_us <= s->o.retry_for * 1000) return;
    tell_progress_end();
    fprintf(stderr, "naru send: %s does not answer; given up after %" PRIu64 " s\n", s->o.url, s->o.retry_for / 1000);
    s->gave_up += s->under_way;
    finish(s);
}

static void on_second(struct timer *t)
{
    struct sender *s = t->ctx;
    uint64_t now = clock_mono_us();
    double rate = (double)(s->accepted - s->told_sent) * 1e6 / (double)(now - s->told_us + 1);

    tell_progress("send %3.0f s  sent %" PRIu64 "/%" PRIu64 "  acked %" PRIu64 " (%.0f/s)  under way %" PRIu64 "  retries %" PRIu64
                  "  refused %" PRIu64 "  connections %u  ack p50 %.2f p99 %.2f ms",
                  s->start_us ? (double)(now - s->start_us) / 1e6 : 0.0, s->next, s->o.count, s->accepted, rate, s->under_way,
                  s->retries, s->refused.total, s->doors_up, hist_ms(&s->acks, 0.5), hist_ms(&s->acks, 0.99));
    s->told_sent = s->accepted;
    s->told_us = now;
    if (s->ids) fflush(s->ids);
    check_doors(s, now);
}

/* ---- start and end ---- */

/* Messages leave in slices of a millisecond, or singly below 1,000 a second. */
static bool start_slices(struct sender *s, uv_loop_t *loop)
{
    if (s->o.rate <= 0) return true;
    s->tick_us = s->o.rate >= 1000 ? 1000 : 1e6 / s->o.rate;
    s->per_tick = s->o.rate * s->tick_us / 1e6;
    s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    s->slice.data = s;
    return s->timer_fd >= 0 && uv_poll_init(loop, &s->slice, s->timer_fd) == 0 &&
           uv_poll_start(&s->slice, UV_READABLE, on_slice) == 0;
}

static void write_head(struct sender *s)
{
    char made[17];

    buf_init(&s->head, 4096), buf_init(&s->account, 4096), buf_init(&s->prefix, 4096);
    buf_addf(
        &s->head,
        "POST /v1/events HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: ",
        s->hub->target.authority, s->hub->target.token);
    scan_escape(&s->account, str_of(s->o.account));
    snprintf(made, sizeof made, "s%011" PRIx64, rng_u64(&s->hub->rng) >> 20);
    scan_escape(&s->prefix, str_of(s->o.prefix ? s->o.prefix : made));
}

static bool start(struct sender *s, uv_loop_t *loop)
{
    uint64_t shares = (s->o.closed + s->o.connections - 1) / s->o.connections;

    s->timer_fd = -1;
    s->shots_max = s->o.rate > 0 ? SENDER_SHOTS : s->o.closed;
    s->door_shots = s->o.rate > 0 || shares > DOOR_SHOTS ? DOOR_SHOTS : (unsigned)shares;
    s->up_us = s->told_us = clock_mono_us();
    STAILQ_INIT(&s->spare);
    heap_init(&s->waiting, SENDER_SHOTS + 1);
    client_hub_init(s->hub, loop, pump, s);
    timer_init(&s->second, loop, on_second, s);
    timer_init(&s->wake, loop, on_wake, s);
    timer_init(&s->farewell, loop, on_farewell, s);
    s->doors = calloc(s->o.connections, sizeof *s->doors);
    if (!s->doors || signals_init(&s->signals, loop, on_stop, NULL, s) || !start_slices(s, loop)) return false;
    write_head(s);
    for (unsigned i = 0; i < s->o.connections; i++) door_init(&s->doors[i], s);
    timer_every(&s->second, 1000);
    return true;
}

static void free_line(struct shot_line *line)
{
    struct shot *shot;

    while ((shot = STAILQ_FIRST(line))) {
        STAILQ_REMOVE_HEAD(line, link);
        free(shot);
    }
}

static bool release(struct sender *s)
{
    bool ids_ok = !s->ids || fclose(s->ids) == 0;

    for (struct heap_node *n; (n = heap_peek(&s->waiting));) {
        heap_remove(&s->waiting, n);
        free(container_of(n, struct shot, due));
    }
    free_line(&s->spare);
    heap_fini(&s->waiting);
    if (s->timer_fd >= 0) close(s->timer_fd);
    free(s->doors);
    buf_fini(&s->head), buf_fini(&s->account), buf_fini(&s->prefix);
    tsv_fini(&s->texts);
    if (!ids_ok) complain(s->o.ids, strerror(errno));
    return ids_ok;
}

static void summary(struct sender *s)
{
    double seconds = s->last_us > s->first_us ? (double)(s->last_us - s->first_us) / 1e6 : 0;
    const struct tell_row table[] = {
        { "sent", (double)s->next },
        { "accepted_2xx", (double)s->accepted },
        { "duplicates", (double)s->duplicates },
        { "refused", (double)s->refused.total },
        { "retries", (double)s->retries },
        { "gave_up", (double)s->gave_up },
        { "skipped", (double)(tsv_skipped(&s->texts)) },
        { "ack_ms_p50", hist_ms(&s->acks, 0.5) },
        { "ack_ms_p90", hist_ms(&s->acks, 0.9) },
        { "ack_ms_p99", hist_ms(&s->acks, 0.99) },
        { "ack_ms_max", hist_max_ms(&s->acks) },
        { "seconds", seconds },
        { "rate", seconds > 0 ? (double)s->accepted / seconds : 0 },
        { "cpu_us_per_event", s->accepted ? (double)clock_cpu_us() / (double)s->accepted : 0 },
    };

    tell_progress_end();
    tell_summary(table, sizeof table / sizeof *table, &s->refused, s->o.json);
}

static int run(struct sender *s)
{
    uv_loop_t loop;

    if (uv_loop_init(&loop)) return complain("loop", "cannot be made"), 1;
    if (!start(s, &loop)) {
        complain("start", strerror(errno));
        exit(1);
    }
    loop_finish(&loop);
    summary(s);
    bool all = s->next > 0 && s->accepted == s->next && (s->next == s->o.count || s->signals.stopping);
    return release(s) && all ? 0 : 1;
}

int send_main(int argc, char **argv)
{
    static struct sender sender;
    static struct client_hub hub;
    struct sender *s = &sender;
    int status;

    log_init("send");
    if (opt_parse(rows, "naru send --file F.tsv [options]", argc, argv, &s->o)) return 2;
    if (!s->o.file) return complain("--file", "is missing");
    if (s->o.rate < 0) return complain("--rate", "must be above 0");
    if (target_set(&hub.target, "send", s->o.url, s->o.token, s->o.token_file)) return 2;
    status = tsv_load(&s->texts, "send", s->o.file, s->o.column) ? 2 : 0;
    if (!status && s->o.ids && !(s->ids = fopen(s->o.ids, "w"))) status = complain(s->o.ids, strerror(errno));
    if (status) {
        tsv_fini(&s->texts);
        return status;
    }
    if (!s->o.count) s->o.count = s->texts.count;
    s->hub = &hub;
    return run(s);
}
