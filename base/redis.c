/* The Redis link. hiredis brings the connect calls, the command format and the reply reader; who waits, for how long and what
   happens when the link dies is decided here.

   Why not hiredis' asynchronous context: it has two ways to fail a command (REDIS_ERR without a callback, a callback with NULL),
   frees itself behind its owner's back, has no clocks, and asserts on a reply that nobody asked for. The plain non-blocking context
   under it has none of that, so the queue of waiting callbacks is ours: `asks`, a ring, one entry for each command written, in
   order.

   What is always true:
   - a callback is in `asks` exactly from the redis_send that returned ERR_OK until it is called; it is taken out before it runs;
   - `wire` exists exactly in CONNECTING, HELLO and UP; link_fail and redis_close are the only ones that drop it;
   - the one timer always means something: DOWN: try again; RESOLVING to HELLO: the whole try is too slow; UP: the oldest command
     is too old, or, when nothing is under way, it is time for a PING, so that a frozen server is noticed without traffic too;
   - UP is said only after a PING was answered: a socket whose server is frozen or still loading accepts connections as well;
   - commands of one turn leave in one write at the end of the turn; the idle handle keeps the loop from sleeping on them when
     they were given after our end of turn.
   Callbacks may call anything here, redis_close too: after each one the code looks again whether its wire is still there.
   The process must ignore SIGPIPE (signals_init does). */
#include "base/redis.h"

#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"

#include <arpa/inet.h>
#include <errno.h>
#include <hiredis/sds.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BACKOFF_MIN_MS 50u
#define BACKOFF_MAX_MS 2000u
#define READ_CHUNK     65536u
#define OUT_CAP        (64u << 20)  /* unwritten bytes of commands */
#define OUT_KEEP       (4u << 20)   /* room for them that stays between bursts */
#define REPLY_CAP      (512u << 20) /* bytes of one unfinished reply */
#define OWN_ASKS       4u           /* room beside the caller's: AUTH, SELECT, PING */
#define ARGS_MAX       1000000u

enum link_state { LINK_DOWN, LINK_RESOLVING, LINK_CONNECTING, LINK_HELLO, LINK_UP, LINK_CLOSED };

struct ask {
    redis_fn *fn;
    void *ctx;
    uint64_t sent_ms;
};

struct address { /* the url, taken apart; all texts owned */
    char *host;  /* NULL: a unix socket */
    char *path;
    char *user, *password;
    int port;
    uint64_t db;
};

struct wire { /* one connection; freed when its poll handle has closed */
    uv_poll_t poll;
    redisContext *c;
    size_t written; /* of c->obuf, from its begin; less than all of it, or both are 0 */
    struct redis *link;
    bool polls_write;
};

struct lookup { /* outlives a link that gave up waiting: then link is NULL */
    uv_getaddrinfo_t req;
    struct redis *link;
};

struct redis {
    uv_loop_t *loop;
    struct redis_cfg cfg;
    struct address to;
    enum link_state state;
    struct wire *wire;
    struct lookup *lookup;
    struct timer timer;
    struct turn_end turn_end;
    uv_idle_t awake; /* active while bytes wait for the end of a turn */
    uint32_t backoff_ms;
    bool down_told;
    struct ask *asks;
    size_t head, count, mask;
    const char **argp; /* scratch for hiredis' idea of arguments */
    size_t *argn;
    size_t arg_room;
};

static void link_fail(struct redis *r, const char *cause, const char *why);
static void link_connect(struct redis *r, const char *ip);

/* ---- the url -------------------------------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* A copy with %XX decoded; NULL when malformed, holding a NUL, or out of memory. */
static char *text_of(const char *p, size_t n)
{
    char *out = malloc(n + 1);
    size_t o = 0;
    for (size_t i = 0; out && i < n; i++) {
        int c = (unsigned char)p[i];
        if (c == '%') {
            c = i + 2 < n && hex_digit(p[i + 1]) >= 0 && hex_digit(p[i + 2]) >= 0 ? hex_digit(p[i + 1]) * 16 + hex_digit(p[i + 2])
                                                                                  : 0;
            i += 2;
        }
        if (c == 0) {
            free(out);
            return NULL;
        }
        out[o++] = (char)c;
    }
    if (out) out[o] = '\0';
    return out;
}

static void address_fini(struct address *a)
{
    free(a->host);
    free(a->path);
    free(a->user);
    free(a->password);
    memset(a, 0, sizeof *a);
}

/* "user:password@", ":password@" or nothing in front of [p, end); returns what follows, NULL when malformed. */
static const char *address_login(struct address *a, const char *p, const char *end)
{
    const char *at = memrchr(p, '@', (size_t)(end - p));
    if (!at) return p;
    const char *colon = memchr(p, ':', (size_t)(at - p));
    if (!colon) return NULL;
    if (colon > p && !(a->user = text_of(p, (size_t)(colon - p)))) return NULL;
    return (a->password = text_of(colon + 1, (size_t)(at - colon - 1))) ? at + 1 : NULL;
}

static enum err address_db(struct address *a, const char *digits)
{
    return str_u64(str_of(digits), 0, 1000000, &a->db) ? ERR_USAGE : ERR_OK;
}

static enum err address_unix(struct address *a, const char *p)
{
    const char *ask = strchr(p, '?'), *slash = strchr(p, '/');
    const char *end = ask ? ask : p + strlen(p);
    if (!slash || slash >= end) return ERR_USAGE;
    if (address_login(a, p, slash) != slash) return ERR_USAGE;
    if (!(a->path = text_of(slash, (size_t)(end - slash)))) return ERR_USAGE;
    if (!ask) return ERR_OK;
    return strncmp(ask, "?db=", 4) == 0 ? address_db(a, ask + 4) : ERR_USAGE;
}

static enum err address_tcp(struct address *a, const char *p)
{
    const char *end = p + strcspn(p, "/");
    const char *db = *end ? end + 1 : NULL;
    uint64_t port = 6379;
    p = address_login(a, p, end);
    if (!p) return ERR_USAGE;
    const char *name = p, *name_end, *rest;
    if (*p == '[') { /* an IPv6 address */
        name = p + 1;
        name_end = memchr(p, ']', (size_t)(end - p));
        if (!name_end) return ERR_USAGE;
        rest = name_end + 1;
    } else {
        const char *colon = memchr(p, ':', (size_t)(end - p));
        name_end = rest = colon ? colon : end;
    }
    if (rest < end && (*rest != ':' || str_u64((struct str){ rest + 1, (size_t)(end - rest - 1) }, 1, 65535, &port)))
        return ERR_USAGE;
    if (name == name_end || !(a->host = text_of(name, (size_t)(name_end - name)))) return ERR_USAGE;
    a->port = (int)port;
    return db && *db ? address_db(a, db) : ERR_OK;
}

static enum err address_parse(struct address *a, const char *url)
{
    if (!url) return ERR_USAGE;
    if (strncmp(url, "unix://", 7) == 0) return address_unix(a, url + 7);
    if (strncmp(url, "redis://", 8) == 0) return address_tcp(a, url + 8);
    return ERR_USAGE;
}

/* What may stand in a log: no password. */
static const char *address_name(const struct address *a) { return a->path ? a->path : a->host; }

/* ---- commands under way --------------------------------------------------------------------------------------------- */

static void ask_push(struct redis *r, redis_fn *fn, void *ctx)
{
    r->asks[(r->head + r->count++) & r->mask] = (struct ask){ fn, ctx, uv_now(r->loop) };
}

static struct ask ask_shift(struct redis *r)
{
    struct ask a = r->asks[r->head & r->mask];
    r->head++;
    r->count--;
    return a;
}

/* Nobody knows what became of these. A callback may close the link, which does the rest of this loop itself. */
static void asks_fail(struct redis *r)
{
    while (r->count) {
        struct ask a = ask_shift(r);
        if (a.fn) a.fn(a.ctx, NULL);
    }
}

static void on_awake(uv_idle_t *h) { (void)h; /* being active is its whole job */ }

static bool args_room(struct redis *r, size_t argc)
{
    if (argc <= r->arg_room) return true;
    size_t room = argc < 16 ? 16 : argc * 2;
    const char **p = realloc(r->argp, room * sizeof *p);
    if (p) r->argp = p;
    size_t *n = p ? realloc(r->argn, room * sizeof *n) : NULL;
    if (n) r->argn = n;
    if (n) r->arg_room = room;
    return n != NULL;
}

static size_t unwritten(const struct wire *w) { return sdslen(w->c->obuf) - w->written; }

/* What was written goes once it is most of the buffer, so that a byte is moved once at most, however slowly they leave. */
static void wire_compact(struct wire *w)
{
    if (w->written <= unwritten(w)) return;
    sdsrange(w->c->obuf, (int)w->written, -1);
    w->written = 0;
}

/* Into hiredis' output buffer, and the callback into the ring: both or neither. */
static enum err command_put(struct redis *r, size_t argc, const struct str *argv, redis_fn *fn, void *ctx)
{
    if (!args_room(r, argc)) return ERR_NOMEM;
    for (size_t i = 0; i < argc; i++) {
        r->argp[i] = argv[i].n ? argv[i].p : "";
        r->argn[i] = argv[i].n;
    }
    wire_compact(r->wire);
    if (redisAppendCommandArgv(r->wire->c, (int)argc, r->argp, r->argn) != REDIS_OK) return ERR_NOMEM;
    ask_push(r, fn, ctx);
    uv_idle_start(&r->awake, on_awake);
    return ERR_OK;
}

/* ---- states --------------------------------------------------------------------------------------------------------- */

static void on_wire_closed(uv_handle_t *h)
{
    struct wire *w = h->data;
    free(w);
}

/* The descriptor may be closed as soon as uv_close was called; the handle's memory goes later. */
static void wire_drop(struct redis *r)
{
    struct wire *w = r->wire;
    if (!w) return;
    r->wire = NULL;
    w->link = NULL;
    uv_idle_stop(&r->awake);
    uv_close((uv_handle_t *)&w->poll, on_wire_closed);
    redisFree(w->c);
}

static void lookup_drop(struct redis *r)
{
    if (!r->lookup) return;
    r->lookup->link = NULL; /* it frees itself when the resolver is done with it */
    uv_cancel((uv_req_t *)&r->lookup->req);
    r->lookup = NULL;
}

static void link_up(struct redis *r)
{
    r->state = LINK_UP;
    r->backoff_ms = BACKOFF_MIN_MS;
    r->down_told = false;
    metric_set(MET_REDIS_UP, "", 1);
    log_info("redis up at=%s", address_name(&r->to));
    timer_once(&r->timer, r->cfg.reply_ms);
    if (r->cfg.on_up) r->cfg.on_up(r->cfg.ctx);
}

/* The only way down: once a loss. `why` is for the log. */
static void link_fail(struct redis *r, const char *cause, const char *why)
{
    if (r->state == LINK_DOWN || r->state == LINK_CLOSED) return;
    bool tell = !r->down_told;
    log_at(tell ? LOG_WARN : LOG_DEBUG,
           "redis down at=%s cause=%s unanswered=%zu retry_ms=%u why=\"%s\"; is redis-server running there?", address_name(&r->to),
           cause, r->count, r->backoff_ms, why);
    r->state = LINK_DOWN;
    r->down_told = true;
    lookup_drop(r);
    wire_drop(r);
    metric_add(MET_REDIS_FAULTS, cause, 1);
    metric_set(MET_REDIS_UP, "", 0);
    timer_once(&r->timer, r->backoff_ms);
    r->backoff_ms = r->backoff_ms * 2 < BACKOFF_MAX_MS ? r->backoff_ms * 2 : BACKOFF_MAX_MS;
    asks_fail(r);
    if (tell && r->state != LINK_CLOSED && r->cfg.on_down) r->cfg.on_down(r->cfg.ctx, cause);
}

static void on_hello(void *ctx, const redisReply *reply)
{
    struct redis *r = ctx;
    if (!reply) return;                                                      /* link_fail is at work */
    if (reply->type == REDIS_REPLY_ERROR) link_fail(r, "error", reply->str); /* wrong password, no such database, still loading */
    else if (r->count == 0 && r->state == LINK_HELLO) link_up(r);
}

static void on_ping(void *ctx, const redisReply *reply)
{
    (void)ctx;
    (void)reply; /* any answer shows life; silence is the timer's business */
}

/* Connected: who we are, which database, and whether anybody is there, in one write. */
static void link_hello(struct redis *r)
{
    enum err e = ERR_OK;
    char db[24];
    r->state = LINK_HELLO;
    if (r->to.password) {
        struct str argv[3] = { STR("AUTH"), str_of(r->to.user), str_of(r->to.password) };
        if (!r->to.user) argv[1] = argv[2];
        e = command_put(r, r->to.user ? 3 : 2, argv, on_hello, r);
    }
    if (!e && r->to.db) {
        int n = snprintf(db, sizeof db, "%llu", (unsigned long long)r->to.db);
        e = command_put(r, 2, (const struct str[]){ STR("SELECT"), { db, (size_t)n } }, on_hello, r);
    }
    if (!e) e = command_put(r, 1, (const struct str[]){ STR("PING") }, on_hello, r);
    if (e) link_fail(r, "error", err_text(e));
}

/* ---- reading and writing -------------------------------------------------------------------------------------------- */

static const char *cause_of(int sys)
{
    return sys == ECONNRESET || sys == EPIPE || sys == 0 ? "closed" : sys == ETIMEDOUT ? "stalled" : "error";
}

/* Every whole reply goes to the oldest ask. False when the link died or was closed meanwhile: touch no wire then. */
static bool wire_replies(struct redis *r, struct wire *w)
{
    redisReader *reader = w->c->reader;
    for (;;) {
        void *reply = NULL;
        if (redisReaderGetReply(reader, &reply) != REDIS_OK) {
            char why[sizeof reader->errstr];
            memcpy(why, reader->errstr, sizeof why);
            link_fail(r, "error", why);
            return false;
        }
        if (!reply) break;
        if (r->count) {
            struct ask a = ask_shift(r);
            if (a.fn) a.fn(a.ctx, reply);
        } else {
            link_fail(r, "error", "a reply that nobody asked for");
        }
        freeReplyObject(reply);
        if (r->wire != w) return false;
    }
    if (reader->len - reader->pos <= REPLY_CAP) return true;
    link_fail(r, "error", "a reply is too large");
    return false;
}

static void link_read(struct redis *r)
{
    struct wire *w = r->wire;
    char chunk[READ_CHUNK];
    ssize_t n;
    do {
        do n = read(w->c->fd, chunk, sizeof chunk);
        while (n < 0 && errno == EINTR);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) {
            link_fail(r, n ? cause_of(errno) : "closed", n ? strerror(errno) : "end of stream");
            return;
        }
        if (redisReaderFeed(w->c->reader, chunk, (size_t)n) != REDIS_OK) {
            link_fail(r, "error", w->c->reader->errstr[0] ? "the reply reader refused" : "out of memory");
            return;
        }
        if (!wire_replies(r, w)) return;
    } while ((size_t)n == sizeof chunk);
}

static int socket_error(const struct wire *w)
{
    int sys = 0;
    socklen_t n = sizeof sys;
    return getsockopt(w->c->fd, SOL_SOCKET, SO_ERROR, &sys, &n) ? errno : sys;
}

static void on_poll(uv_poll_t *h, int status, int events);

/* All has left: its room stays for what comes next, unless it is more than is usual. */
static void wire_emptied(struct wire *w)
{
    sds fresh = sdslen(w->c->obuf) > OUT_KEEP ? sdsempty() : NULL;
    w->written = 0;
    if (fresh) sdsfree(w->c->obuf), w->c->obuf = fresh;
    else sdsclear(w->c->obuf);
}

/* In place of redisBufferWrite, which moves all that is left after each write that was not whole, and frees the buffer after each
   that was. False: the socket is broken, and errno says how. */
static bool wire_write(struct wire *w, bool *done)
{
    while (unwritten(w)) {
        ssize_t n = write(w->c->fd, w->c->obuf + w->written, unwritten(w));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno != EAGAIN) return false;
        if (n <= 0) break;
        w->written += (size_t)n;
    }
    *done = !unwritten(w);
    if (*done) wire_emptied(w);
    return true;
}

static void link_write(struct redis *r)
{
    struct wire *w = r->wire;
    bool done = false;
    uv_idle_stop(&r->awake);
    if (!wire_write(w, &done)) {
        int sys = errno;
        link_read(r); /* answers that came before the end are answers; it also finds the end */
        if (r->wire == w) link_fail(r, cause_of(sys), strerror(sys));
        return;
    }
    if (w->polls_write == !done) return;
    w->polls_write = !done;
    uv_poll_start(&w->poll, done ? UV_READABLE : UV_READABLE | UV_WRITABLE, on_poll);
}

static void link_connected(struct redis *r, struct wire *w)
{
    int sys = socket_error(w);
    if (sys) {
        link_fail(r, "refused", strerror(sys));
        return;
    }
    w->polls_write = false;
    uv_poll_start(&w->poll, UV_READABLE, on_poll);
    link_hello(r);
}

static void on_poll(uv_poll_t *h, int status, int events)
{
    struct wire *w = h->data;
    struct redis *r = w->link;
    if (!r) return;
    if (r->state == LINK_CONNECTING) {
        link_connected(r, w);
        return;
    }
    if (status < 0) { /* libuv says only that something is wrong; what, the socket knows */
        int sys = socket_error(w);
        link_fail(r, cause_of(sys), sys ? strerror(sys) : uv_strerror(status));
        return;
    }
    if (events & UV_READABLE) link_read(r);
    if (r->wire == w && (events & UV_WRITABLE)) link_write(r);
}

static bool on_turn_end(struct turn_end *t)
{
    struct redis *r = t->ctx;
    if (!r->wire || r->state == LINK_CONNECTING || !uv_is_active((uv_handle_t *)&r->awake)) return false;
    if (r->wire->polls_write) { /* the socket is full: on_poll goes on when it is not */
        uv_idle_stop(&r->awake);
        return false;
    }
    link_write(r);
    return r->wire == NULL; /* callbacks have run */
}

/* ---- connecting ----------------------------------------------------------------------------------------------------- */

static void link_connect(struct redis *r, const char *ip)
{
    struct wire *w = calloc(1, sizeof *w);
    redisContext *c = !w ? NULL : ip ? redisConnectNonBlock(ip, r->to.port) : redisConnectUnixNonBlock(r->to.path);
    r->state = LINK_CONNECTING;
    if (!c || c->err || uv_poll_init(r->loop, &w->poll, c->fd)) {
        link_fail(r, c && c->err == REDIS_ERR_IO ? "refused" : "error", c && c->err ? c->errstr : "no memory or no poll handle");
        if (c) redisFree(c);
        free(w);
        return;
    }
    w->c = c;
    w->link = r;
    w->poll.data = w;
    w->polls_write = true;
    r->wire = w;
    uv_poll_start(&w->poll, UV_READABLE | UV_WRITABLE, on_poll);
}

static void on_lookup(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
    struct lookup *l = req->data;
    struct redis *r = l->link;
    char ip[INET6_ADDRSTRLEN] = "";
    if (r) {
        r->lookup = NULL;
        if (status == 0) status = uv_ip_name(found->ai_addr, ip, sizeof ip);
        if (status == 0) link_connect(r, ip);
        else link_fail(r, "refused", uv_strerror(status));
    }
    uv_freeaddrinfo(found);
    free(l);
}

/* Names are resolved outside the loop's thread; hiredis would do it here and block. */
static void link_resolve(struct redis *r)
{
    struct addrinfo want = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct lookup *l = calloc(1, sizeof *l);
    r->state = LINK_RESOLVING;
    if (l) {
        l->link = r;
        l->req.data = l;
    }
    if (!l || uv_getaddrinfo(r->loop, &l->req, on_lookup, r->to.host, NULL, &want)) {
        free(l);
        link_fail(r, "error", "cannot ask the resolver");
        return;
    }
    r->lookup = l;
}

static void link_try(struct redis *r)
{
    unsigned char numeric[sizeof(struct in6_addr)];
    timer_once(&r->timer, r->cfg.connect_ms); /* for the whole try; link_fail replaces it */
    if (!r->to.host) link_connect(r, NULL);
    else if (inet_pton(AF_INET, r->to.host, numeric) == 1 || inet_pton(AF_INET6, r->to.host, numeric) == 1)
        link_connect(r, r->to.host);
    else link_resolve(r);
}

/* While up: is the oldest command too old? If it was us who slept, its answer lies in the socket: look there before judging. */
static void link_watch(struct redis *r)
{
    uint64_t now = uv_now(r->loop);
    struct wire *w = r->wire;
    if (r->count && now - r->asks[r->head & r->mask].sent_ms >= r->cfg.reply_ms) {
        link_read(r);
        if (r->wire != w) return;
        if (r->count && now - r->asks[r->head & r->mask].sent_ms >= r->cfg.reply_ms) {
            link_fail(r, "stalled", "no reply in time");
            return;
        }
    }
    if (!r->count && command_put(r, 1, (const struct str[]){ STR("PING") }, on_ping, r)) {
        link_fail(r, "error", err_text(ERR_NOMEM));
        return;
    }
    uint64_t age = now - r->asks[r->head & r->mask].sent_ms;
    timer_once(&r->timer, age < r->cfg.reply_ms ? r->cfg.reply_ms - age : 1);
}

static void on_timer(struct timer *t)
{
    struct redis *r = t->ctx;
    if (r->state == LINK_DOWN) link_try(r);
    else if (r->state == LINK_UP) link_watch(r);
    else link_fail(r, "stalled", "no connection in time");
}

/* ---- open, send, close ---------------------------------------------------------------------------------------------- */

static void link_free(void *p)
{
    struct redis *r = p;
    address_fini(&r->to);
    free(r->asks);
    free(r->argp);
    free(r->argn);
    free(r);
}

enum err redis_open(struct redis **out, uv_loop_t *loop, const struct redis_cfg *cfg)
{
    enum err e = ERR_NOMEM;
    struct redis *r = calloc(1, sizeof *r);
    if (!r) goto out;
    r->loop = loop;
    r->cfg = *cfg;
    r->cfg.url = NULL; /* the caller's; its parts are in `to` */
    if (!r->cfg.connect_ms) r->cfg.connect_ms = 2000;
    if (!r->cfg.reply_ms) r->cfg.reply_ms = 3000;
    if (!r->cfg.pending_max) r->cfg.pending_max = 4096;
    r->backoff_ms = BACKOFF_MIN_MS;
    if ((e = address_parse(&r->to, cfg->url))) goto out;
    size_t room = 16;
    while (room < (size_t)r->cfg.pending_max + OWN_ASKS) room *= 2;
    r->mask = room - 1;
    if (!(r->asks = calloc(room, sizeof *r->asks))) {
        e = ERR_NOMEM;
        goto out;
    }
    timer_init(&r->timer, loop, on_timer, r);
    turn_end_init(&r->turn_end, loop, on_turn_end, r);
    uv_idle_init(loop, &r->awake);
    metric_set(MET_REDIS_UP, "", 0);
    timer_once(&r->timer, 0); /* the first try is the loop's, so that no callback runs before redis_open has returned */
    *out = r;
    r = NULL;
out:
    if (r) link_free(r);
    return e;
}

bool redis_is_up(const struct redis *r) { return r->state == LINK_UP; }

enum err redis_send(struct redis *r, size_t argc, const struct str *argv, redis_fn *fn, void *ctx)
{
    if (r->state != LINK_UP) return ERR_CLOSED;
    if (argc == 0 || argc > ARGS_MAX) return ERR_RANGE;
    if (r->count >= r->cfg.pending_max) return ERR_FULL;
    size_t bytes = 0;
    for (size_t i = 0; i < argc; i++) bytes += argv[i].n;
    if (bytes > OUT_CAP) return ERR_TOOBIG;
    if (bytes + unwritten(r->wire) > OUT_CAP) return ERR_FULL;
    return command_put(r, argc, argv, fn, ctx);
}

void redis_close(struct redis *r)
{
    if (!r || r->state == LINK_CLOSED) return;
    r->state = LINK_CLOSED;
    lookup_drop(r);
    wire_drop(r);
    metric_set(MET_REDIS_UP, "", 0);
    timer_fini(&r->timer);
    turn_end_fini(&r->turn_end);
    uv_close((uv_handle_t *)&r->awake, NULL);
    loop_reap(r->loop, r, link_free);
    asks_fail(r);
}
