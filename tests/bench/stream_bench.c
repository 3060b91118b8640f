/* What a change costs the router for the stream, without all else that it does with it: packing, the ring, the message, the
   sockets. stream_bench [LISTENERS TURN CHANGES]    TURN changes come in a loop turn; the listeners read all, in a process of their
   own Without arguments: some that are worth knowing. Prints, never judges. */
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "router/router.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICKETS 10000u
#define EPOCH   1790000000u

static struct bench {
    struct router router;
    struct http *http;
    struct id tickets[TICKETS]; /* and ids of their first events */
} b;

static double cpu_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void on_request(void *ctx, struct http_req *req)
{
    static const struct stream_ask all = { .kinds = UINT64_MAX };
    static const unsigned char token[32];
    (void)ctx;
    streams_open(&b.router, req, 0, &all, token);
}

/* What the router knows of each event. */
static void fill(void)
{
    struct event event = { .workspace = STR("bench"),
                           .account = STR("web"),
                           .channel = STR("webchat"),
                           .external = STR("1234567890"),
                           .conversation = STR("conversation-123"),
                           .customer = STR("customer-123"),
                           .text = STR("My card payment was declined twice today, and I would like to know why.") };
    struct verdict verdict = { .workspace = STR("bench"),
                               .policy = STR("sha256:0123456789abcdef"),
                               .language = STR("en"),
                               .intent = STR("declined_card_payment"),
                               .confidence = 0.9,
                               .score = 0.4 };
    struct kept_event *e;
    struct buf packed;
    buf_init(&packed, 1u << 20);
    for (uint32_t i = 0; i < TICKETS; i++) {
        memcpy(b.tickets[i].b, &i, sizeof i);
        b.tickets[i].b[15] = 1;
        event.id = verdict.event = b.tickets[i];
        buf_clear(&packed);
        record_pack(&packed, &event_record, &event);
        if (events_accept(&b.router.events, &event, buf_str(&packed), i + 1, &e)) abort();
        buf_clear(&packed);
        record_pack(&packed, &verdict_record, &verdict);
        if (events_verdict(&b.router.events, e, buf_str(&packed), 0)) abort();
    }
    buf_fini(&packed);
}

static void open_all(void)
{
    struct http_cfg cfg = { .listen = "127.0.0.1:0", .on_request = on_request };
    uint16_t ws;
    memset(&b, 0, sizeof b);
    uv_loop_init(&b.router.loop);
    if (events_init(&b.router.events, TICKETS) || leaders_init(&b.router.leaders) || streams_init(&b.router.streams) ||
        events_workspace(&b.router.events, STR("bench"), &ws) || http_open(&b.http, &b.router.loop, &cfg))
        abort();
    fill();
}

static void close_all(void)
{
    http_drain(b.http, 0, NULL, NULL);
    loop_finish(&b.router.loop);
    streams_fini(&b.router.streams);
    leaders_fini(&b.router.leaders);
    events_fini(&b.router.events);
}

/* Reads from all until one ends. */
static void listen_all(uint16_t port, int n)
{
    static char bytes[1u << 20];
    struct pollfd *p = calloc((size_t)n + 1, sizeof *p);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    for (int i = 0; i < n; i++) {
        p[i] = (struct pollfd){ .fd = socket(AF_INET, SOCK_STREAM, 0), .events = POLLIN };
        if (connect(p[i].fd, (struct sockaddr *)&a, sizeof a) || dprintf(p[i].fd, "GET / HTTP/1.1\r\nHost: bench\r\n\r\n") < 0)
            _exit(1);
    }
    for (;;) {
        poll(p, (nfds_t)n, -1);
        for (int i = 0; i < n; i++)
            if (p[i].revents && read(p[i].fd, bytes, sizeof bytes) <= 0) _exit(0);
    }
}

static void hear(uint64_t seq)
{
    static const enum entry_kind kinds[] = { ENTRY_OPENED, ENTRY_OFFERED, ENTRY_ACCEPTED, ENTRY_ENDED };
    const struct id *id = &b.tickets[seq / 4 % TICKETS];
    struct entry en = { .workspace = STR("bench"),
                        .epoch = EPOCH,
                        .seq = seq,
                        .kind = kinds[seq % 4],
                        .at = 1790000000000,
                        .ticket = *id,
                        .event = *id,
                        .home = 1,
                        .agent = STR("crowd-12"),
                        .state = TK_WAITING,
                        .queue = STR("billing"),
                        .token_epoch = EPOCH,
                        .token_seq = seq,
                        .deadline = 1790000300000,
                        .policy = STR("sha256:0123456789abcdef") };
    streams_heard(&b.router, 0, &en);
}

static void run(int listeners, uint64_t turn, uint64_t changes)
{
    open_all();
    pid_t reader = fork();
    if (reader == 0) listen_all(http_port(b.http), listeners);
    while (b.router.streams.count < (uint32_t)listeners) uv_run(&b.router.loop, UV_RUN_ONCE);
    double began = cpu_us();
    for (uint64_t seq = 1; seq <= changes;) {
        for (uint64_t i = 0; i < turn && seq <= changes; i++) hear(seq++);
        streams_pump(&b.router);
        uv_run(&b.router.loop, UV_RUN_NOWAIT);
        if (seq % (64 * turn) <= turn) usleep(500); /* for the readers */
    }
    double spent = cpu_us() - began;
    printf("streams %3d, %3llu changes a turn: %6.2f us of cpu a change", listeners, (unsigned long long)turn,
           spent / (double)changes);
    if (listeners)
        printf(", %.2f a message; slow %.0f", spent / (double)b.router.streams.changes, metric_get(MET_STREAM_ENDED, "slow"));
    printf("\n");
    kill(reader, SIGKILL);
    waitpid(reader, NULL, 0);
    close_all();
}

int main(int argc, char **argv)
{
    log_init("bench");
    log_max = LOG_ERROR;
    metrics_init("bench");
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 4) {
        run(atoi(argv[1]), strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
        return 0;
    }
    for (int i = 0; i < 3; i++) {
        static const int listeners[] = { 0, 1, 10, 50 };
        for (size_t k = 0; k < sizeof listeners / sizeof *listeners; k++) run(listeners[k], 8, 200000);
    }
    run(10, 1, 100000);
    run(10, 64, 200000);
    return 0;
}
