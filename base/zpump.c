#include "base/zpump.h"

#include "base/log.h"

#include <stdbool.h>
#include <stdlib.h>
#include <zmq.h>

/* The descriptor of a ZeroMQ socket becomes readable when the sleeping socket gets a command; sending, receiving and asking for
   ZMQ_EVENTS all consume that signal, and messages already queued never signal again. So the descriptor only wakes the loop.
   What is always true here: before the loop may sleep we have asked the socket, and if something is there an idle handle keeps
   the loop from sleeping; after it woke we take what is there, 64 messages at most so that others get their turn.

   Four handles live in one struct: closed together by zpump_close, freed when the last one has reported. The ZeroMQ socket is
   closed after its poll handle stopped watching the descriptor, never before. */

#define ZPUMP_BUDGET 64

struct zpump {
    void *sock;
    void (*on_msg)(void *ctx, const void *data, size_t len);
    void *ctx;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle;
    uv_poll_t poll;
    int handles; /* opened and not yet reported closed */
};

static bool readable(const struct zpump *z)
{
    int events = 0;
    size_t n = sizeof events;

    return z->sock && zmq_getsockopt(z->sock, ZMQ_EVENTS, &events, &n) == 0 && (events & ZMQ_POLLIN);
}

static void on_idle(uv_idle_t *h) { (void)h; } /* being active is its whole job */
static void on_readable(uv_poll_t *h, int status, int events) { (void)h, (void)status, (void)events; } /* waking is its whole job */

static void on_prepare(uv_prepare_t *h)
{
    struct zpump *z = h->data;

    if (readable(z)) uv_idle_start(&z->idle, on_idle);
}

static bool take_one(struct zpump *z)
{
    zmq_msg_t msg;
    bool got;

    zmq_msg_init(&msg);
    got = zmq_msg_recv(&msg, z->sock, ZMQ_DONTWAIT) >= 0;
    if (got) z->on_msg(z->ctx, zmq_msg_data(&msg), zmq_msg_size(&msg));
    else if (zmq_errno() != EAGAIN && zmq_errno() != EINTR) log_error("cannot receive: %s", zmq_strerror(zmq_errno()));
    zmq_msg_close(&msg);
    return got;
}

static void on_check(uv_check_t *h)
{
    struct zpump *z = h->data;

    uv_idle_stop(&z->idle);
    for (int n = 0; n < ZPUMP_BUDGET && z->sock && take_one(z); n++) {
    } /* on_msg may have closed us: then sock is NULL */
}

static void on_closed(uv_handle_t *h)
{
    struct zpump *z = h->data;

    if (--z->handles == 0) free(z);
}

static void close_one(struct zpump *z, uv_handle_t *h)
{
    h->data = z;
    uv_close(h, on_closed);
}

enum err zpump_open(struct zpump **out, uv_loop_t *loop, void *sock, void (*on_msg)(void *ctx, const void *data, size_t len),
                    void *ctx)
{
    int fd = -1;
    size_t n = sizeof fd;
    struct zpump *z = NULL;

    *out = NULL;
    if (zmq_getsockopt(sock, ZMQ_FD, &fd, &n)) return ERR_IO;
    if (!(z = calloc(1, sizeof *z))) return ERR_NOMEM;
    if (uv_poll_init(loop, &z->poll, fd)) {
        free(z);
        return ERR_IO;
    }
    uv_prepare_init(loop, &z->prepare);
    uv_check_init(loop, &z->check);
    uv_idle_init(loop, &z->idle);
    z->handles = 4;
    z->sock = sock;
    z->on_msg = on_msg;
    z->ctx = ctx;
    z->poll.data = z->prepare.data = z->check.data = z;
    uv_poll_start(&z->poll, UV_READABLE, on_readable);
    uv_prepare_start(&z->prepare, on_prepare);
    uv_check_start(&z->check, on_check);
    *out = z;
    return ERR_OK;
}

void zpump_close(struct zpump *z)
{
    int linger = 0;

    if (!z || !z->sock) return;
    close_one(z, (uv_handle_t *)&z->poll);
    close_one(z, (uv_handle_t *)&z->prepare);
    close_one(z, (uv_handle_t *)&z->check);
    close_one(z, (uv_handle_t *)&z->idle);
    zmq_setsockopt(z->sock, ZMQ_LINGER, &linger, sizeof linger);
    zmq_close(z->sock);
    z->sock = NULL;
}
