/* A server under test and clients that speak raw bytes to it over loopback, all on one loop turned by hand: nothing sleeps, every
   wait is for a condition and has a deadline. Shared by test_http.c and test_ws.c. */
#ifndef NARU_TEST_HTTP_BENCH_H
#define NARU_TEST_HTTP_BENCH_H

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "router/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* cmocka.h wants these before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
/* clang-format on */

#define WAIT_MS 5000u

struct bench {
    uv_loop_t loop;
    struct http *h;
    struct http_req *held[1024]; /* requests of /hold, in order */
    size_t held_n, seen;
    bool drained;
    struct ws *ws;
    unsigned ws_code, ws_closes;
    struct buf ws_texts; /* each followed by a newline */
    size_t ws_long;      /* bytes of the last text */
};

struct client {
    int fd;
    struct buf in;
    bool eof;
};

static void client_poll(struct client *c)
{
    char p[65536];

    for (ssize_t n; c->fd >= 0 && !c->eof;) {
        n = recv(c->fd, p, sizeof p, MSG_DONTWAIT);
        if (n > 0) buf_add(&c->in, p, (size_t)n);
        else if (n == 0 || (errno != EAGAIN && errno != EINTR)) c->eof = true;
        if (n <= 0) return;
    }
}

static void bench_turn(struct bench *b, struct client *c)
{
    uv_run(&b->loop, UV_RUN_NOWAIT);
    if (c) client_poll(c);
}

/* Turns the loop until `cond`; fails the test at the deadline. */
#define wait_for(b, c, cond)                                                                                                       \
    do {                                                                                                                           \
        uint64_t until_ = clock_mono_ms() + WAIT_MS;                                                                               \
        while (!(cond)) {                                                                                                          \
            if (clock_mono_ms() > until_) fail_msg("waited in vain for " #cond);                                                   \
            bench_turn((b), (c));                                                                                                  \
        }                                                                                                                          \
    } while (0)

static void client_open(struct client *c, struct bench *b)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(http_port(b->h)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

    *c = (struct client){ .fd = socket(AF_INET, SOCK_STREAM, 0) };
    buf_init(&c->in, 1u << 26);
    assert_int_equal(connect(c->fd, (struct sockaddr *)&a, sizeof a), 0);
}

static void client_close(struct client *c)
{
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    buf_fini(&c->in);
}

/* Sends all, turning the loop while the socket is full. */
static void client_send(struct client *c, struct bench *b, const void *p, size_t n)
{
    uint64_t until = clock_mono_ms() + WAIT_MS;

    for (size_t at = 0; at < n;) {
        ssize_t k = send(c->fd, (const char *)p + at, n - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (k > 0) at += (size_t)k;
        else if (errno != EAGAIN) return; /* the server has had enough of us */
        if (clock_mono_ms() > until) fail_msg("the server does not read");
        bench_turn(b, c);
    }
}

static void client_say(struct client *c, struct bench *b, const char *text) { client_send(c, b, text, strlen(text)); }

static bool client_has(struct client *c, const char *text)
{
    return c->in.n && memmem(c->in.p, c->in.n, text, strlen(text)) != NULL;
}

static inline size_t client_count(struct client *c, const char *text)
{
    size_t n = 0, len = strlen(text);

    if (!c->in.n) return 0;
    for (const char *p = c->in.p, *end = p + c->in.n; (p = memmem(p, (size_t)(end - p), text, len)); p += len) n++;
    return n;
}

/* The status of the first answer, 0 while there is none. */
static unsigned client_status(struct client *c)
{
    return c->in.n >= 12 && !memcmp(c->in.p, "HTTP/1.1 ", 9) ? (unsigned)strtoul(c->in.p + 9, NULL, 10) : 0;
}

static void bench_open(struct bench *b, struct http_cfg cfg, void (*on_request)(void *, struct http_req *))
{
    memset(b, 0, sizeof *b);
    buf_init(&b->ws_texts, 1u << 24);
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&b->loop);
    cfg.listen = "127.0.0.1:0";
    cfg.ctx = b;
    cfg.on_request = on_request;
    assert_int_equal(http_open(&b->h, &b->loop, &cfg), ERR_OK);
}

static void on_bench_drained(void *ctx) { ((struct bench *)ctx)->drained = true; }

static void bench_close(struct bench *b)
{
    http_drain(b->h, 0, on_bench_drained, b);
    wait_for(b, NULL, b->drained);
    loop_finish(&b->loop);
    buf_fini(&b->ws_texts);
}

#endif
