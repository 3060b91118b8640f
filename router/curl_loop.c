/* libcurl tells of each transfer anew which socket it waits for, and that it waits no more when the transfer has ended, although
   the next one will wait for the same connection. To follow each word would cost more system calls than the request itself. So its
   sockets are in an epoll of their own (one uv_poll of the loop watches that), and one that waits for an answer stays there when
   the transfer has ended: the next finds it as it needs it. When something comes while nobody waits, which is the other end
   closing, the socket is taken out.

   `known` is what the kernel was told of a descriptor. It must be 0 as soon as the descriptor is closed, for the kernel has then
   forgotten it and its number may come again: of sockets made by curl_loop_socket that is known from curl_loop_close_socket. Others
   (libcurl's own, of its resolver) are taken out whenever libcurl says so.

   Nothing of ours is called from inside of libcurl: what has ended is collected after socket_action (reap), so that transfers may
   be added and removed by who is told. */
#include "router/curl_loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define AT_ONCE 64

static void reap(struct curl_loop *c)
{
    CURLMsg *m;
    int left;
    while (c->multi && (m = curl_multi_info_read(c->multi, &left)))
        if (m->msg == CURLMSG_DONE) c->done(m->easy_handle, m->data.result);
}

/* ---- sockets ---- */

static struct curl_socket_state *state_of(struct curl_loop *c, curl_socket_t fd)
{
    if ((size_t)fd >= c->room) {
        size_t room = ((size_t)fd + 64) * 2;
        struct curl_socket_state *more = realloc(c->sockets, room * sizeof *more);
        if (!more) return NULL;
        memset(more + c->room, 0, (room - c->room) * sizeof *more);
        c->sockets = more;
        c->room = room;
    }
    return &c->sockets[fd];
}

static int tell_kernel(struct curl_loop *c, curl_socket_t fd, struct curl_socket_state *s, uint8_t what)
{
    struct epoll_event ev = { .events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0),
                              .data.fd = fd };
    int op = !what ? EPOLL_CTL_DEL : s->known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (s->known == what) return 0;
    s->known = what;
    if (!epoll_ctl(c->epoll, op, fd, &ev) || !what) return 0;
    s->known = 0;
    return -1;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *known)
{
    struct curl_loop *c = ctx;
    struct curl_socket_state *s = state_of(c, fd);
    (void)easy, (void)known;
    if (!s) return -1;
    s->wanted = what == CURL_POLL_REMOVE ? 0 : (uint8_t)what;
    return s->wanted || !s->ours ? tell_kernel(c, fd, s, s->wanted) : 0;
}

curl_socket_t curl_loop_socket(struct curl_loop *c, const struct curl_sockaddr *a)
{
    curl_socket_t fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
    struct curl_socket_state *s = fd < 0 ? NULL : state_of(c, fd);
    if (s) *s = (struct curl_socket_state){ .ours = true };
    else if (fd >= 0) close(fd);
    return s ? fd : CURL_SOCKET_BAD;
}

int curl_loop_close_socket(void *ctx, curl_socket_t fd)
{
    struct curl_loop *c = ctx;
    struct curl_socket_state *s = state_of(c, fd);
    if (s) *s = (struct curl_socket_state){ 0 };
    return close(fd);
}

/* ---- the loop ---- */

static int actions(const struct epoll_event *ev)
{
    return (ev->events & EPOLLIN ? CURL_CSELECT_IN : 0) | (ev->events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
           (ev->events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
}

static void on_sockets(uv_poll_t *p, int status, int events)
{
    struct curl_loop *c = p->data;
    struct epoll_event ev[AT_ONCE];
    int running, n = epoll_wait(c->epoll, ev, AT_ONCE, 0);
    (void)status, (void)events;
    for (int i = 0; i < n; i++) {
        curl_socket_t fd = ev[i].data.fd;
        struct curl_socket_state *s = state_of(c, fd);
        if (s && s->wanted) curl_multi_socket_action(c->multi, fd, actions(&ev[i]), &running);
        else if (s) tell_kernel(c, fd, s, 0);
    }
    reap(c);
}

static int on_timer(CURLM *multi, long ms, void *ctx)
{
    struct curl_loop *c = ctx;
    (void)multi;
    if (ms < 0) timer_stop(&c->wake);
    else timer_once(&c->wake, (uint64_t)ms);
    return 0;
}

static void on_wake(struct timer *t)
{
    struct curl_loop *c = t->ctx;
    int running;
    if (!c->multi) return;
    curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    reap(c);
}

/* ---- opening and closing ---- */

static void on_poll_closed(uv_handle_t *h) { free(h); }

/* One uv_poll for all of them; last of what can fail, for a handle of the loop is not freed at once. */
static enum err watch(struct curl_loop *c, uv_loop_t *loop)
{
    if (!(c->poll = malloc(sizeof *c->poll))) return ERR_NOMEM;
    if (uv_poll_init(loop, c->poll, c->epoll)) {
        free(c->poll);
        return ERR_INTERNAL;
    }
    c->poll->data = c;
    uv_poll_start(c->poll, UV_READABLE, on_sockets);
    timer_init(&c->wake, loop, on_wake, c);
    return ERR_OK;
}

static void set_options(struct curl_loop *c, uint32_t most)
{
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)most);
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)most); /* else few transfers would leave few connections open */
}

enum err curl_loop_open(struct curl_loop *c, uv_loop_t *loop, uint32_t most, curl_done_fn *done)
{
    *c = (struct curl_loop){ .done = done, .epoll = epoll_create1(EPOLL_CLOEXEC) };
    c->multi = c->epoll < 0 ? NULL : curl_multi_init();
    enum err e = c->multi ? watch(c, loop) : ERR_NOMEM;
    if (e) {
        if (c->multi) curl_multi_cleanup(c->multi);
        if (c->epoll >= 0) close(c->epoll);
        c->multi = NULL;
        return e;
    }
    set_options(c, most);
    return ERR_OK;
}

void curl_loop_close(struct curl_loop *c)
{
    CURLM *multi = c->multi;
    if (!multi) return;
    curl_multi_cleanup(multi); /* closes its idle connections: curl_loop_close_socket */
    c->multi = NULL;
    timer_fini(&c->wake);
    uv_close((uv_handle_t *)c->poll, on_poll_closed);
    close(c->epoll);
    free(c->sockets);
    c->sockets = NULL;
    c->room = 0;
}

enum err curl_loop_add(struct curl_loop *c, CURL *easy) { return curl_multi_add_handle(c->multi, easy) ? ERR_RANGE : ERR_OK; }

void curl_loop_remove(struct curl_loop *c, CURL *easy) { curl_multi_remove_handle(c->multi, easy); }
