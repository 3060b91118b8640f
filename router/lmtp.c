/* The LMTP door: where it listens, and who is inside.

   Of a connection see lmtp_conn.c, of a mail lmtp_mail.c; what is said is lmtp_talk.c's. The door is freed once the loop has ended:
   its connections are then gone, for closing the door closes them. */
#include "router/lmtp.h"

#include "base/log.h"
#include "router/lmtp_impl.h"
#include "router/router.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 128

/* A socket that nobody listens at is a dead process's. */
static void remove_dead(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    struct stat st;
    if (stat(path, &st) || !S_ISSOCK(st.st_mode)) return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) && errno == ECONNREFUSED) (void)unlink(path);
    close(fd);
}

static int bind_path(struct lmtp *l)
{
    remove_dead(l->path);
    int e = uv_pipe_bind(&l->s.pipe, l->path);
    return e ? e : uv_pipe_chmod(&l->s.pipe, UV_READABLE | UV_WRITABLE); /* the folder says who may come near it */
}

static int bind_tcp(struct lmtp *l, const char *address)
{
    char host[256];
    const char *colon = strrchr(address, ':');
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV }, *found;
    if (!colon) return UV_EINVAL;
    snprintf(host, sizeof host, "%.*s", (int)(colon - address), address);
    size_t n = strlen(host);
    bool bracket = n > 1 && *host == '[' && host[n - 1] == ']';
    if (bracket) host[n - 1] = '\0';
    if (getaddrinfo(*host ? host + bracket : NULL, colon + 1, &hints, &found)) return UV_EAI_NONAME;
    int e = uv_tcp_bind(&l->s.tcp, found->ai_addr, 0);
    freeaddrinfo(found);
    return e;
}

static void tell(struct lmtp *l, const char *address)
{
    struct sockaddr_storage a;
    int n = sizeof a;
    unsigned port = 0;
    if (!*l->path && !uv_tcp_getsockname(&l->s.tcp, (struct sockaddr *)&a, &n))
        port = ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port : ((struct sockaddr_in *)&a)->sin_port);
    log_info("lmtp=%s port=%u takes mails", address, port);
}

static void on_connection(uv_stream_t *s, int status)
{
    if (status >= 0) lmtp_conn_new(s->data);
}

enum err lmtp_open(struct lmtp **out, struct router *r, const char *address)
{
    const char *path = !strncmp(address, "unix:", 5) ? address + 5 : *address == '/' ? address : NULL;
    struct lmtp *l = calloc(1, sizeof *l);
    if (!l) return ERR_NOMEM;
    l->router = r;
    TAILQ_INIT(&l->conns);
    if (path && strlen(path) >= sizeof l->path) {
        log_error("lmtp=%s the path is too long", address);
        free(l);
        return ERR_RANGE;
    }
    if (path) snprintf(l->path, sizeof l->path, "%s", path);
    if (gethostname(l->host, sizeof l->host - 1) || !*l->host) snprintf(l->host, sizeof l->host, "naru");
    int e = lmtp_stream_init(l, &l->s);
    if (e) return free(l), ERR_IO;
    l->s.handle.data = l;
    *out = l; /* from here on it is closed and freed as any */
    e = path ? bind_path(l) : bind_tcp(l, address);
    if (!e) e = uv_listen(&l->s.stream, BACKLOG, on_connection);
    if (!e) return tell(l, address), ERR_OK;
    log_error("lmtp=%s cannot be listened at: %s; write HOST:PORT or /path/of/a/socket", address, uv_strerror(e));
    return ERR_IO;
}

void lmtp_close(struct lmtp *l)
{
    if (!l || l->closed) return;
    l->closed = true;
    uv_close(&l->s.handle, NULL);
    for (struct conn *c = TAILQ_FIRST(&l->conns), *next; c; c = next) {
        next = TAILQ_NEXT(c, link);
        lmtp_conn_close(c);
    }
}

void lmtp_free(struct lmtp *l)
{
    if (l) mail_book_fini(&l->book);
    free(l);
}
