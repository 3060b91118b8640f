/* LMTP on the loop: connections, spool files, and what waits for the journal.

   A connection is one talk (lmtp_talk.h). While a mail comes in it has a spool file; when the mail is whole a job reads it
   (mailroom.h), then each account among its recipients gets its event, and when the journal has answered for all of them each
   recipient is answered. Until then the connection does not read: what came early waits in `in`, one buffer.

   The spool file has two names at most: new/N, gone when the mail is done, and EVENT.eml, made before the journal is asked, so that
   a kept event has its mail. A server that hears nothing (we died) sends again: the event has the mail's Message-ID, and is one.

   A connection is freed when its stream and its timer are closed and nothing is under way for it: `busy` counts the job and the
   answers of the journal. An account that leaves the policy meanwhile stays good until then (door_ref). */
#include "router/lmtp.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "router/lmtp_talk.h"
#include "router/mail_event.h"
#include "router/router.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define IN_BYTES   65536u
#define OUT_BYTES  (1u << 20)
#define HELD_BYTES 65536u  /* of a mail, before they are written: its lines come one by one */
#define IDLE_MS    300000u /* RFC 5321, 4.5.3.2.7 */
#define BACKLOG    128
#define ACCOUNTS   16u /* of one mail's recipients */

union stream {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
};

struct conn;
struct part { /* an account among the recipients of a mail */
    struct conn *conn;
    struct door *door;
    char to[321]; /* its first address here */
    struct channel_in in;
    struct delivery delivery; /* the time */
    enum lmtp_end end;
};
struct conn {
    union stream s;
    struct timer idle;
    struct lmtp *of;
    TAILQ_ENTRY(conn) link;
    struct lmtp_talk talk;
    struct buf out;
    uv_write_t write;
    char in[IN_BYTES], *sent;
    size_t in_n, in_at;
    bool writing, reading, closing, working;
    bool whole; /* a mail has come to its end, so far as … */
    enum lmtp_end so_far;
    unsigned handles, busy;
    /* the mail */
    struct part parts[ACCOUNTS];
    uint32_t part_count;
    uint8_t rcpts[LIM_MAIL_RCPT]; /* which part each is of */
    uint32_t rcpt_count;
    int fd;
    char path[4096], held[HELD_BYTES];
    size_t held_n;
    uint64_t ended_us;
    struct mail_job *job;
};
struct lmtp {
    struct router *router;
    union stream s;
    TAILQ_HEAD(, conn) conns;
    uint32_t count;
    bool closed;
    char path[sizeof((struct sockaddr_un *)0)->sun_path], host[256];
};

static void work(struct conn *c);

/* ---- the mail of a connection ---- */

static void drop_file(struct conn *c)
{
    if (c->fd < 0) return;
    close(c->fd);
    (void)unlink(c->path);
    c->fd = -1;
}

static void drop_mail(struct conn *c)
{
    drop_file(c);
    for (uint32_t i = 0; i < c->part_count; i++) {
        if (c->parts[i].in.arena) channel_in_fini(&c->parts[i].in);
        c->parts[i].in.arena = NULL;
        door_unref(c->parts[i].door);
    }
    c->part_count = c->rcpt_count = 0;
    if (c->job) mail_job_free(c->job);
    c->job = NULL;
}

/* ---- the end of a connection ---- */

static void try_free(struct conn *c)
{
    if (c->handles || c->busy) return;
    TAILQ_REMOVE(&c->of->conns, c, link);
    metric_set(MET_LMTP_CONNECTIONS, "", --c->of->count);
    drop_mail(c);
    buf_fini(&c->out);
    free(c->sent);
    free(c);
}

static void on_closed(uv_handle_t *h)
{
    struct conn *c = h->data;
    c->handles--;
    try_free(c);
}

static void on_reaped(void *ctx)
{
    struct conn *c = ctx;
    c->handles--;
    try_free(c);
}

static void conn_close(struct conn *c)
{
    if (c->closing) return;
    c->closing = true;
    uv_close(&c->s.handle, on_closed);
    timer_fini(&c->idle);
    loop_reap(&c->of->router->loop, c, on_reaped); /* the timer's memory, once the loop has turned */
}

static void on_idle(struct timer *t)
{
    struct conn *c = t->ctx;
    if (!c->busy) conn_close(c);
    else timer_once(&c->idle, IDLE_MS);
}

/* ---- writing ---- */

static void flush(struct conn *c);

static void on_written(uv_write_t *w, int status)
{
    struct conn *c = w->data;
    free(c->sent);
    c->sent = NULL;
    c->writing = false;
    if (status < 0) conn_close(c);
    else if (!c->closing) work(c);
}

static void flush(struct conn *c)
{
    if (c->writing || c->closing || !c->out.n) return;
    uv_buf_t b = uv_buf_init(c->out.p, (unsigned)c->out.n);
    c->sent = c->out.p; /* the buffer is the write's until it is done */
    buf_init(&c->out, OUT_BYTES);
    c->write.data = c;
    c->writing = true;
    if (uv_write(&c->write, &c->s.stream, &b, 1, on_written)) {
        c->writing = false;
        conn_close(c);
    }
}

/* ---- what the talk asks for ---- */

static bool takes_mail(const struct account *a) { return a->provider == PROVIDER_LMTP; }

/* The account whose address it is; the first policy's that names it. */
static const struct account *account_of(struct router *r, struct str address)
{
    for (uint32_t i = 0; i < r->config.policy_count; i++) {
        const struct policy *p = r->config.policies[i]->policy;
        for (uint32_t a = 0; a < p->account_count; a++) {
            const struct account *acc = &p->accounts[a];
            if (takes_mail(acc) && lmtp_address_is(address, acc->addresses.v, acc->addresses.count)) return acc;
        }
    }
    return NULL;
}

static enum lmtp_rcpt refuse_rcpt(enum lmtp_rcpt how, const char *cause)
{
    metric_add(MET_LMTP_REFUSED, cause, 1);
    return how;
}

static enum lmtp_rcpt on_rcpt(void *ctx, struct str address)
{
    struct conn *c = ctx;
    struct router *r = c->of->router;
    const struct account *a = account_of(r, address);
    struct door *d = a ? doors_find(r, str_of(a->name)) : NULL;
    uint32_t i = 0;
    if (!a) return refuse_rcpt(LMTP_RCPT_UNKNOWN, "address");
    if (!d || r->stopping || !journal_healthy(r->journal)) return refuse_rcpt(LMTP_RCPT_LATER, "not_ready");
    while (i < c->part_count && c->parts[i].door != d) i++;
    if (i == ACCOUNTS) return refuse_rcpt(LMTP_RCPT_LATER, "accounts");
    if (i == c->part_count) {
        struct part *p = &c->parts[c->part_count++];
        memset(p, 0, sizeof *p);
        p->conn = c;
        p->door = door_ref(d);
        snprintf(p->to, sizeof p->to, "%.*s", STR_FMT(address));
    }
    c->rcpts[c->rcpt_count++] = (uint8_t)i;
    return LMTP_RCPT_OURS;
}

static enum lmtp_end end_of(enum err e)
{
    static const struct {
        enum err e;
        enum lmtp_end end;
    } rows[] = { { ERR_OK, LMTP_KEPT }, { ERR_TOOBIG, LMTP_MALFORMED }, { ERR_PROTO, LMTP_MALFORMED }, { ERR_FULL, LMTP_DISK },
                 { ERR_IO, LMTP_DISK }, { ERR_NOMEM, LMTP_BUSY },       { ERR_CLOSED, LMTP_JOURNAL } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].e == e) return rows[i].end;
    return LMTP_JOURNAL;
}

static enum lmtp_end on_begin(void *ctx, struct str from)
{
    struct conn *c = ctx;
    (void)from;
    drop_file(c);
    c->held_n = 0;
    return end_of(mailroom_spool(c->of->router->mails, &c->fd, c->path));
}

static enum lmtp_end write_all(struct conn *c, struct str bytes)
{
    while (bytes.n) {
        ssize_t n = write(c->fd, bytes.p, bytes.n);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return LMTP_DISK;
        bytes.p += n;
        bytes.n -= (size_t)n;
    }
    return LMTP_KEPT;
}

static enum lmtp_end write_held(struct conn *c)
{
    struct str held = { c->held, c->held_n };
    c->held_n = 0;
    return write_all(c, held);
}

static enum lmtp_end on_body(void *ctx, struct str bytes)
{
    struct conn *c = ctx;
    enum lmtp_end e = bytes.n > HELD_BYTES - c->held_n ? write_held(c) : LMTP_KEPT;
    if (e || bytes.n > HELD_BYTES) return e ? e : write_all(c, bytes);
    memcpy(c->held + c->held_n, bytes.p, bytes.n);
    c->held_n += bytes.n;
    return LMTP_KEPT;
}

static void on_reset(void *ctx) { drop_mail(ctx); }

/* ---- a whole mail ---- */

static void answer_all(struct conn *c)
{
    enum lmtp_end ends[LIM_MAIL_RCPT];
    for (uint32_t i = 0; i < c->rcpt_count; i++) {
        ends[i] = c->parts[c->rcpts[i]].end;
        metric_add(MET_LMTP_MAILS, lmtp_end_labels[ends[i]], 1);
    }
    metric_observe(MET_MAIL_TIME, "", (double)(clock_mono_us() - c->ended_us) / 1e6);
    if (c->closing) return; /* nobody hears it any more; what is kept is kept, and comes again as a duplicate */
    lmtp_talk_ends(&c->talk, ends);
    work(c);
}

/* Something that kept it busy is over; `c` may be gone then. */
static void part_done(struct conn *c)
{
    if (--c->busy) return;
    answer_all(c);
    if (c->closing) try_free(c);
}

static void on_stored(void *ctx, const struct intake_end *end)
{
    struct part *p = ctx;
    const struct mail *m = &p->conn->job->mail;
    struct mail_threads *threads = mailroom_threads(p->conn->of->router->mails);
    if (end->status) p->end = end->status == 413 ? LMTP_TOO_BIG : LMTP_JOURNAL;
    else mail_threads_put(threads, str_of(p->door->account->name), m->id, p->in.events[0].conversation);
    part_done(p->conn);
}

/* The event of one account, ready for the journal; there may be none. */
static enum err make_event(struct conn *c, struct part *p)
{
    struct router *r = c->of->router;
    p->delivery = (struct delivery){ .now = clock_wall_ms() };
    channel_in_init(&p->in, p->door, &p->delivery, &c->job->arena);
    p->in.router = r;
    p->in.events = arena_alloc(&c->job->arena, sizeof(struct event));
    if (!p->in.events) return ERR_NOMEM;
    enum err e = mail_event(&p->in, &c->job->mail, mailroom_threads(r->mails), str_of(p->to));
    if (!e) e = channel_complete(&p->in, r->number);
    if (!e && p->in.count) e = mailroom_keep(r->mails, c->path, &p->in.events[0].id);
    return e;
}

static void take_parts(struct conn *c)
{
    c->busy += 1 + c->part_count; /* first: the journal may answer at once */
    for (uint32_t i = 0; i < c->part_count; i++) {
        struct part *p = &c->parts[i];
        enum err e = make_event(c, p);
        p->end = end_of(e);
        if (!e && p->in.count) intake_events(c->of->router, c->ended_us, p->in.events, p->in.count, on_stored, p);
        else part_done(c);
    }
    part_done(c);
}

static void all_end(struct conn *c, enum lmtp_end end)
{
    for (uint32_t i = 0; i < c->part_count; i++) c->parts[i].end = end;
    c->busy++;
    part_done(c);
}

static void on_read_mail(void *ctx, struct mail_job *job)
{
    struct conn *c = ctx;
    c->job = job;
    c->busy--; /* the job's */
    if (!job->err) {
        take_parts(c);
        return;
    }
    if (job->err == ERR_TOOBIG || job->err == ERR_PROTO) log_info("a mail was refused: it cannot be read (%s)", err_text(job->err));
    all_end(c, end_of(job->err));
}

static enum err read_mail(struct mail *m, struct arena *arena, struct str bytes, const char *from, char why[200])
{
    (void)why;
    return mail_read(m, arena, bytes, from);
}

static void on_end(void *ctx, enum lmtp_end so_far)
{
    struct conn *c = ctx;
    c->whole = true;
    c->so_far = so_far ? so_far : write_held(c);
}

static void take_mail(struct conn *c)
{
    enum err e = ERR_OK;
    c->whole = false;
    c->ended_us = clock_mono_us();
    if (c->so_far) {
        all_end(c, c->so_far);
        return;
    }
    c->busy++;
    e = mail_job_start(c->of->router->mails, read_mail, STR_NONE, c->fd, c->talk.from, on_read_mail, c);
    if (!e) return;
    c->busy--;
    all_end(c, e == ERR_FULL ? LMTP_BUSY : end_of(e));
}

/* ---- reading ---- */

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *b)
{
    struct conn *c = h->data;
    (void)hint;
    *b = uv_buf_init(c->in + c->in_n, (unsigned)(IN_BYTES - c->in_n));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    struct conn *c = s->data;
    (void)b;
    if (n < 0) {
        conn_close(c);
        return;
    }
    c->in_n += (size_t)n;
    if (n) timer_once(&c->idle, IDLE_MS);
    work(c);
}

static void read_on(struct conn *c, bool on)
{
    if (on == c->reading || c->closing) return;
    c->reading = on;
    if (!on) uv_read_stop(&c->s.stream);
    else if (uv_read_start(&c->s.stream, on_alloc, on_read)) conn_close(c);
}

/* The talk hears what came until it must wait. It is called from nowhere else, so what it asks for never comes back to it midway.
 */
static void hear(struct conn *c)
{
    while (c->in_at < c->in_n && !c->closing) {
        size_t n = lmtp_talk_feed(&c->talk, (struct str){ c->in + c->in_at, c->in_n - c->in_at });
        c->in_at += n;
        if (c->whole) take_mail(c);
        else if (!n) break;
    }
    if (c->in_at == c->in_n) c->in_at = c->in_n = 0;
}

/* All that can be done now: what came is heard, what is to be said is sent, and more is read unless it would have to wait. */
static void work(struct conn *c)
{
    if (c->closing || c->working) return;
    c->working = true;
    hear(c);
    c->working = false;
    flush(c);
    bool waits = lmtp_talk_waits(&c->talk), over = lmtp_talk_over(&c->talk);
    if (c->out.err || (over && !c->writing)) conn_close(c);
    else read_on(c, !c->writing && !c->in_n && !waits && !over);
}

/* ---- connections ---- */

static int stream_init(struct lmtp *l, union stream *s)
{
    return *l->path ? uv_pipe_init(&l->router->loop, &s->pipe, 0) : uv_tcp_init(&l->router->loop, &s->tcp);
}

static void begin_talk(struct conn *c)
{
    struct lmtp_owner owner = { c, on_rcpt, on_begin, on_body, on_end, on_reset };
    buf_init(&c->out, OUT_BYTES);
    timer_init(&c->idle, &c->of->router->loop, on_idle, c);
    timer_once(&c->idle, IDLE_MS);
    lmtp_talk_init(&c->talk, &owner, &c->out, c->of->host, LIM_MAIL_BYTES);
}

static void on_connection(uv_stream_t *s, int status)
{
    struct lmtp *l = s->data;
    struct conn *c = status < 0 ? NULL : calloc(1, sizeof *c);
    if (!c) return;
    c->of = l;
    c->fd = -1;
    if (stream_init(l, &c->s)) {
        free(c);
        return;
    }
    c->s.handle.data = c;
    c->handles = 2; /* the stream, the timer */
    TAILQ_INSERT_TAIL(&l->conns, c, link);
    metric_set(MET_LMTP_CONNECTIONS, "", ++l->count);
    begin_talk(c);
    if (uv_accept(s, &c->s.stream)) {
        conn_close(c);
    } else if (l->count > LIM_MAIL_CONNS || l->closed) {
        static const char busy[] = "421 4.3.2 too many connections\r\n";
        uv_buf_t b = uv_buf_init((char *)busy, sizeof busy - 1);
        metric_add(MET_LMTP_REFUSED, "connections", 1);
        (void)uv_try_write(&c->s.stream, &b, 1);
        conn_close(c);
    } else {
        work(c);
    }
}

/* ---- opening and closing ---- */

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
    int e = stream_init(l, &l->s);
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
        conn_close(c);
    }
}

void lmtp_free(struct lmtp *l) { free(l); }
