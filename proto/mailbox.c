#include "proto/mailbox.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/map.h"
#include "base/metrics.h"
#include "base/zpump.h"
#include "proto/outbox.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zmq.h>

/* A peer is made by its first HELLO and lives until the mailbox is closed. It is known by name; its incarnation says which life
   of it we talk with. What is always true of a peer:
     - its outbox has a socket connected to the inbox it last named; the first frame on a fresh socket is our HELLO, so whoever
       gets a frame of ours has been told who we are;
     - up: heard within MAILBOX_SILENT_MS. peer_down and peer_up are the only places where `up` changes. Going down gives up what
       is under way and takes a fresh socket, so that a former life's frames cannot reach the next one;
     - frames of another incarnation than the one we talk with are dropped. A HELLO of another one begins a new life, unless it is
       older than one that is up (a late frame of a dead process).
   seq and acked: see outbox.c. Here: a frame whose seq lies below what we have consumed is late (from a former socket) and
   dropped; above, what lies between is lost and counted as consumed.

   Sending happens at the end of the turn. A put after that (another's end of turn) must not wait for the next event: while
   anything is unsent the `wake` handle is active, and the loop does not sleep. A frame that does not leave is tried again by the
   `retry` timer, and after MAILBOX_SILENT_MS the peer goes down for it.

   mailbox_close may be called from any callback: `closing` is asked after each. The ZeroMQ context is one a process, opened with
   the first mailbox, ended with the last. */

#define DIALS_MAX   64
#define HIGH_WATER  256 /* frames in an outbox' socket */
#define WINDOW_MOST (1u << 20)
#define RETRY_MS    2
#define LAST_MS     100 /* how long the last frames may take to leave when the mailbox is closed */
#define ADDRESS     257

struct peer {
    struct mailbox *m;
    char name[65], inbox[ADDRESS], dialled[ADDRESS];
    enum role role;
    uint32_t number;
    uint32_t at; /* in m->peers */
    uint64_t incarnation, heard_ms;
    uint32_t losses, told_losses; /* how often we gave it up in our life; how often it gave us up in its own, as it says */
    bool up;
    bool wants;   /* was refused for credit or a stuck outbox */
    bool ack_due; /* a quarter of the window was consumed since we last told */
    void *data;
    struct outbox out;
};

struct dial {
    char endpoint[ADDRESS];
    struct outbox out;
    struct peer *peer; /* who answered; NULL: nobody yet */
};

struct mailbox {
    struct mailbox_cfg cfg; /* its texts are not ours: only callbacks and numbers are used after opening */
    char name[65], inbox[ADDRESS];
    uv_loop_t *loop;
    struct sender sender;
    struct curve curve;
    struct zpump *pump;
    struct timer tick, retry;
    struct turn_end turn_end;
    uv_idle_t wake;
    struct map by_name;
    struct peer *peers[LIM_PEERS];
    uint32_t count;
    struct dial *dials[DIALS_MAX];
    uint32_t dialled;
    struct buf hello;
    bool dirty, closing;
    uint64_t tick_ms;
    uint64_t frames, records; /* received since the last tick */
    uint64_t refused, refused_log_ms;
};

union any_record {
#define ANY_MEMBER(name, FIELDS) struct name name;
    RECORD_MAP(ANY_MEMBER)
};

/* ---- the process' ZeroMQ context ---- */

static struct {
    void *zmq;
    unsigned users;
    uint64_t incarnation; /* the last one given */
} context;

static void *context_ref(void)
{
    if (!context.zmq) context.zmq = zmq_ctx_new();
    if (context.zmq) context.users++;
    return context.zmq;
}

static void context_unref(void)
{
    if (--context.users) return;
    while (zmq_ctx_term(context.zmq) && zmq_errno() == EINTR) {
    }
    context.zmq = NULL;
}

/* Differs at every start, also of a mailbox closed and opened again within a millisecond. */
static uint64_t new_incarnation(void)
{
    uint64_t now = clock_wall_ms();

    return context.incarnation = now > context.incarnation ? now : context.incarnation + 1;
}

/* ---- refusals ---- */

static uint64_t now_of(const struct mailbox *m) { return uv_now(m->loop); }

static void refuse(struct mailbox *m, const char *cause, struct str from, uint64_t times)
{
    metric_add(MET_MBOX_REFUSED, cause, (double)times);
    m->refused += times;
    if (m->refused_log_ms && now_of(m) - m->refused_log_ms < 1000) return;
    m->refused_log_ms = now_of(m);
    log_warn("peer=%.*s dropped: cause=%s (%" PRIu64 " so far; naru_mailbox_refused_total tells the causes)", STR_FMT(from), cause,
             m->refused);
}

static const char *frame_cause(enum err e)
{
    switch (e) {
    case ERR_VERSION: return "version";
    case ERR_UNKNOWN: return "unknown_type";
    case ERR_TOOBIG: return "too_big";
    default: return "malformed";
    }
}

static void on_stranger(void *ctx) { refuse(ctx, "stranger", STR("?"), 1); }

/* ---- sending ---- */

static void on_wake(uv_idle_t *h) { (void)h; } /* being active is its whole job */

static void mark_dirty(struct mailbox *m)
{
    if (m->dirty || m->closing) return;
    m->dirty = true;
    uv_idle_start(&m->wake, on_wake);
}

static void offer_credit(struct peer *p)
{
    if (!p->wants || !p->up || p->out.stuck || p->m->closing || !outbox_credit(&p->out)) return;
    p->wants = false;
    if (p->m->cfg.on_credit) p->m->cfg.on_credit(p->m->cfg.ctx, p);
}

static void flush_peer(struct peer *p)
{
    struct mailbox *m = p->m;
    enum err e = outbox_flush(&p->out, &m->sender, now_of(m));

    if (!e && p->ack_due && p->out.told != p->out.consumed) e = outbox_signal(&p->out, &m->sender, STR_NONE, 0);
    if (!e) p->ack_due = false;
    else if (!m->closing && !timer_armed(&m->retry)) timer_once(&m->retry, RETRY_MS);
    offer_credit(p);
}

void mailbox_flush(struct mailbox *m)
{
    if (!m->dirty) return;
    m->dirty = false;
    uv_idle_stop(&m->wake);
    for (uint32_t i = 0; i < m->count; i++)
        if (m->peers[i]->out.count || m->peers[i]->ack_due) flush_peer(m->peers[i]);
}

static bool on_turn_end(struct turn_end *t)
{
    mailbox_flush(t->ctx);
    return false; /* a put by on_credit has woken the loop itself */
}

static void on_retry(struct timer *t) { mark_dirty(t->ctx); }

static enum err put(struct peer *p, enum msg type, const void *obj, struct str packed)
{
    if (!p->up || p->m->closing) return ERR_CLOSED;
    enum err e = outbox_put(&p->out, &p->m->sender, type, obj, packed, now_of(p->m));
    if (e == ERR_FULL) p->wants = true;
    mark_dirty(p->m);
    return e;
}

enum err mailbox_put(struct mailbox *m, struct peer *p, enum msg type, const void *obj)
{
    (void)m;
    return put(p, type, obj, STR_NONE);
}

enum err mailbox_put_packed(struct mailbox *m, struct peer *p, enum msg type, struct str packed)
{
    (void)m;
    return put(p, type, NULL, packed);
}

static void say_hello(struct mailbox *m, struct outbox *out, const char *dialled, uint32_t losses)
{
    struct hello h = {
        .role = m->cfg.role,
        .inbox = str_of(m->inbox),
        .window = m->cfg.window,
        .number = m->cfg.number,
        .pid = (uint32_t)getpid(),
        .version = STR(NARU_VERSION),
        .dialled = str_of(dialled),
        .losses = losses,
    };

    buf_clear(&m->hello);
    record_pack(&m->hello, &hello_record, &h);
    if (!m->hello.err) (void)outbox_signal(out, &m->sender, buf_str(&m->hello), 1); /* full: the next one is a second away */
}

/* ---- peers: their lives ---- */

static void count_peers(const struct mailbox *m, enum role role)
{
    unsigned up = 0;

    for (uint32_t i = 0; i < m->count; i++) up += m->peers[i]->up && m->peers[i]->role == role;
    metric_set(MET_MBOX_PEERS, role_words.v[role], up);
}

static void connect_peer(struct peer *p)
{
    enum err e = outbox_connect(&p->out, &p->m->sender, p->inbox, HIGH_WATER);

    if (e) log_error("peer=%s cannot connect to inbox=%s: %s", p->name, p->inbox, err_text(e));
    else say_hello(p->m, &p->out, p->dialled, p->losses);
}

static void peer_down(struct peer *p, const char *cause)
{
    struct mailbox *m = p->m;

    p->up = false;
    p->wants = p->ack_due = false;
    outbox_forget(&p->out);
    log_warn("peer=%s down: %s", p->name, cause);
    count_peers(m, p->role);
    if (m->cfg.on_down) m->cfg.on_down(m->cfg.ctx, p);
}

/* Down while its life goes on, as far as we know: it is up again with its next frame. */
static void give_up(struct peer *p, const char *cause)
{
    p->losses++;
    peer_down(p, cause);
    if (!p->m->closing) connect_peer(p);
}

static void peer_up(struct peer *p)
{
    struct mailbox *m = p->m;

    p->up = true;
    log_info("peer=%s up role=%s number=%" PRIu32 " window=%" PRIu32 " incarnation=%" PRIu64, p->name, role_words.v[p->role],
             p->number, p->out.window, p->incarnation);
    count_peers(m, p->role);
    if (m->cfg.on_up) m->cfg.on_up(m->cfg.ctx, p);
}

static enum err peer_new(struct mailbox *m, struct str name, struct peer **out)
{
    struct peer *p;

    if (m->count == LIM_PEERS) return ERR_FULL;
    if (!(p = calloc(1, sizeof *p))) return ERR_NOMEM;
    p->m = m;
    p->at = m->count;
    memcpy(p->name, name.p, name.n);
    outbox_init(&p->out);
    enum err e = map_put(&m->by_name, str_of(p->name), p);
    if (e) {
        free(p);
        return e;
    }
    m->peers[m->count++] = p;
    *out = p;
    return ERR_OK;
}

/* ---- receiving: HELLO ---- */

static bool copy_text(char *to, size_t room, struct str s)
{
    if (s.n >= room || (s.n && memchr(s.p, 0, s.n))) return false;
    if (s.n) memcpy(to, s.p, s.n);
    to[s.n] = 0;
    return true;
}

static bool begins(struct str s, const char *with) { return s.n > strlen(with) && memcmp(s.p, with, strlen(with)) == 0; }

/* May we connect to what this peer calls its inbox? With CURVE only when its key is one that we know. */
static bool inbox_ok(const struct mailbox *m, struct str inbox)
{
    struct str address, key;

    if (memchr(inbox.p ? inbox.p : "", 0, inbox.n) || curve_split(inbox, &address, &key)) return false;
    if (!begins(address, "tcp://") && !begins(address, "ipc://")) return false;
    return m->sender.curve ? curve_knows(&m->curve, key) : key.n == 0;
}

static bool name_ok(struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] <= ' ' || name.p[i] == 0x7f) return false;
    return name.n >= 1 && name.n <= 64;
}

static void match_dial(struct mailbox *m, struct peer *p, struct str dialled)
{
    for (uint32_t i = 0; i < m->dialled; i++) {
        struct dial *d = m->dials[i];
        if (!str_is(dialled, d->endpoint)) continue;
        d->peer = p;
        outbox_fini(&d->out, 0); /* from here on its outbox speaks to it */
        return;
    }
    if (dialled.n) (void)copy_text(p->dialled, sizeof p->dialled, dialled);
}

/* An inbox belongs to one name. Whoever told it before `p` is gone, or will tell us of another: what we sent there would reach `p`,
   counted in a seq that is not for it. */
static void take_inbox(struct mailbox *m, const struct peer *p)
{
    for (uint32_t i = 0; i < m->count && !m->closing; i++) {
        struct peer *q = m->peers[i];
        if (q == p || strcmp(q->inbox, p->inbox) != 0) continue;
        q->inbox[0] = 0;
        if (q->up) peer_down(q, "its inbox is another's now");
        outbox_fini(&q->out, 0);
    }
}

/* A life of `p` that we have not spoken with begins. */
static void begin_life(struct peer *p, const struct frame_head *h, const struct hello *hello)
{
    struct mailbox *m = p->m;

    if (p->up) peer_down(p, "restarted");
    if (m->closing) return;
    p->told_losses = hello->losses;
    outbox_forget(&p->out);
    p->incarnation = h->incarnation;
    p->out.consumed = p->out.told = 0;
    (void)copy_text(p->inbox, sizeof p->inbox, hello->inbox); /* its length was checked by the record's table */
    take_inbox(m, p);
    if (!m->closing) connect_peer(p);
}

static bool is_new_life(const struct peer *p, const struct frame_head *h, const struct hello *hello)
{
    return p->incarnation != h->incarnation || p->role != hello->role || !str_is(hello->inbox, p->inbox);
}

static bool is_stale(const struct peer *p, uint64_t incarnation)
{
    return p->up && incarnation < p->incarnation; /* while it is silent any life may begin: clocks do go back */
}

/* The peer counts more records sent than we have seen: what lies between is lost. A dial's HELLO says 0. */
static void skip_lost(struct peer *p, const struct frame_head *h)
{
    if (h->seq <= p->out.consumed) return;
    if (p->up) refuse(p->m, "lost", h->from, h->seq - p->out.consumed);
    p->out.consumed = h->seq;
}

/* It gave us up and we heard nothing of that: we were stopped for a while, or only one way was cut. What it knew of us is gone, so
   we begin anew too. That is no loss of ours, or the two would go on telling each other. */
static void take_losses(struct peer *p, const struct hello *hello)
{
    bool more = hello->losses > p->told_losses;

    if (more) p->told_losses = hello->losses;
    if (!more || !p->up) return;
    peer_down(p, "it had given us up");
    if (!p->m->closing) connect_peer(p);
}

static void on_hello(struct mailbox *m, struct peer *p, const struct frame_head *h, const struct hello *hello)
{
    if (!p && peer_new(m, h->from, &p)) return refuse(m, "too_many_peers", h->from, 1);
    if (is_stale(p, h->incarnation)) return refuse(m, "stale", h->from, 1);
    match_dial(m, p, hello->dialled);
    if (is_new_life(p, h, hello)) begin_life(p, h, hello);
    else take_losses(p, hello);
    if (m->closing) return;
    p->role = hello->role;
    p->number = hello->number;
    p->out.window = hello->window < WINDOW_MOST ? hello->window : WINDOW_MOST;
    p->heard_ms = now_of(m);
    skip_lost(p, h);
    if (!p->up) peer_up(p);
    (void)outbox_ack(&p->out, h->acked);
    offer_credit(p);
}

static void take_hello(struct mailbox *m, struct peer *p, struct frame_reader *f)
{
    struct hello hello;

    if (frame_next(f, &hello)) refuse(m, "record", f->head.from, 1);
    else if (!name_ok(f->head.from) || str_is(f->head.from, m->name)) refuse(m, "name", f->head.from, 1);
    else if (!inbox_ok(m, hello.inbox)) refuse(m, "inbox", f->head.from, 1);
    else on_hello(m, p, &f->head, &hello);
}

/* ---- receiving: records ---- */

static void consume(struct peer *p, struct frame_reader *f)
{
    struct mailbox *m = p->m;
    union any_record obj;
    enum err e;

    while (!m->closing && (e = frame_next(f, &obj)) != ERR_NOTFOUND) {
        if (e) refuse(m, "record", f->head.from, 1);
        else m->cfg.on_record(m->cfg.ctx, p, f->head.type, &obj);
        p->out.consumed++;
        arena_clear(&f->arena);
    }
}

static void take_records(struct peer *p, struct frame_reader *f)
{
    struct mailbox *m = p->m;
    const struct frame_head *h = &f->head;

    p->heard_ms = now_of(m);
    if (!p->up) peer_up(p);
    bool more = outbox_ack(&p->out, h->acked);
    if (h->seq < p->out.consumed && h->count) return refuse(m, "late", h->from, 1);
    skip_lost(p, h);
    consume(p, f);
    if (m->closing) return;
    m->records += h->count;
    if (p->out.consumed - p->out.told >= (m->cfg.window + 3) / 4) {
        p->ack_due = true;
        mark_dirty(m);
    }
    if (more) offer_credit(p);
}

static void on_frame(void *ctx, const void *data, size_t len)
{
    struct mailbox *m = ctx;
    struct frame_reader f;
    enum err e = frame_open(&f, (struct str){ data, len });
    struct peer *p = e ? NULL : map_get(&m->by_name, f.head.from);

    m->frames++;
    if (e) refuse(m, frame_cause(e), f.head.from, 1);
    else if (f.head.type == MSG_HELLO && f.head.count) take_hello(m, p, &f);
    else if (!p) refuse(m, "unknown_peer", f.head.from, 1);
    else if (p->incarnation != f.head.incarnation) refuse(m, "stale", f.head.from, 1);
    else take_records(p, &f);
    frame_close(&f);
}

/* ---- the second's work ---- */

static void tick_peer(struct mailbox *m, struct peer *p, uint64_t now)
{
    say_hello(m, &p->out, p->dialled, p->losses);
    if (p->up && now - p->heard_ms > MAILBOX_SILENT_MS) give_up(p, "silent");
    else if (p->up && p->out.stuck && now - p->out.stuck_ms >= MAILBOX_SILENT_MS) give_up(p, "its inbox takes nothing");
}

static void tick_dial(struct mailbox *m, struct dial *d)
{
    if (d->peer && d->peer->up) return;
    if (!d->out.sock) {
        outbox_init(&d->out);
        (void)outbox_connect(&d->out, &m->sender, d->endpoint, 1); /* it worked before; if not now, then in a second */
    }
    say_hello(m, &d->out, d->endpoint, 0);
}

static void publish(struct mailbox *m)
{
    metric_add(MET_MBOX_FRAMES, "sent", (double)m->sender.frames);
    metric_add(MET_MBOX_FRAMES, "received", (double)m->frames);
    metric_add(MET_MBOX_RECORDS, "sent", (double)m->sender.records);
    metric_add(MET_MBOX_RECORDS, "received", (double)m->records);
    m->sender.frames = m->sender.records = m->frames = m->records = 0;
}

static void on_tick(struct timer *t)
{
    struct mailbox *m = t->ctx;
    uint64_t now = now_of(m);

    if (now - m->tick_ms > 2 * MAILBOX_HELLO_MS) /* we were away ourselves: what they said meanwhile is not read yet */
        for (uint32_t i = 0; i < m->count; i++) m->peers[i]->heard_ms = now;
    m->tick_ms = now;
    for (uint32_t i = 0; i < m->count && !m->closing; i++) tick_peer(m, m->peers[i], now);
    for (uint32_t i = 0; i < m->dialled && !m->closing; i++) tick_dial(m, m->dials[i]);
    publish(m);
}

/* ---- opening, dialling, closing ---- */

static enum err bind_inbox(struct mailbox *m, const char *endpoint, void **out)
{
    static const struct {
        int option, value;
    } options[] = {
        { ZMQ_LINGER, 0 },
        { ZMQ_MAXMSGSIZE, LIM_ZMQ_MESSAGE },
        { ZMQ_HANDSHAKE_IVL, 5000 },
        { ZMQ_TCP_KEEPALIVE, 1 },

    };
    void *sock = zmq_socket(m->sender.zmq, ZMQ_PULL);
    int64_t most = LIM_ZMQ_MESSAGE;

    if (!(*out = sock)) return ERR_NOMEM;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        bool wide = options[i].option == ZMQ_MAXMSGSIZE;
        if (zmq_setsockopt(sock, options[i].option, wide ? (const void *)&most : &options[i].value,
                           wide ? sizeof most : sizeof(int)))
            return ERR_IO;
    }
    int v6 = strchr(endpoint, '[') != NULL; /* else a bound 127.0.0.1 is told as [::ffff:127.0.0.1] */
    zmq_setsockopt(sock, ZMQ_IPV6, &v6, sizeof v6);
    if (m->sender.curve && curve_serve(&m->curve, sock)) return ERR_IO;
    if (zmq_bind(sock, endpoint) == 0) return ERR_OK;
    int no = zmq_errno();
    log_error("inbox=%s cannot be bound: %s", endpoint, zmq_strerror(no));
    return no == EINVAL || no == EPROTONOSUPPORT || no == ENOCOMPATPROTO || no == ENAMETOOLONG ? ERR_USAGE : ERR_IO;
}

/* What peers are told: as configured or as bound, with our key behind it. */
static enum err name_inbox(struct mailbox *m, void *sock)
{
    char bound[ADDRESS] = "";
    size_t n = sizeof bound;
    struct str address, key;

    if (zmq_getsockopt(sock, ZMQ_LAST_ENDPOINT, bound, &n)) return ERR_USAGE; /* longer than anybody may be told */
    const char *told = m->cfg.advertise ? m->cfg.advertise : bound;
    if (curve_split(str_of(told), &address, &key)) return ERR_USAGE;
    if (begins(address, "tcp://0.0.0.0:") || begins(address, "tcp://[::]:"))
        log_warn("inbox=%s is no address that another machine can connect to: say which one to advertise", told);
    bool add = m->sender.curve && !key.n;
    int len = snprintf(m->inbox, sizeof m->inbox, "%s%s%s", told, add ? "?key=" : "", add ? m->curve.public_key : "");
    return len > 0 && (size_t)len < sizeof m->inbox ? ERR_OK : ERR_USAGE;
}

static void start_handles(struct mailbox *m)
{
    timer_init(&m->tick, m->loop, on_tick, m);
    timer_init(&m->retry, m->loop, on_retry, m);
    turn_end_init(&m->turn_end, m->loop, on_turn_end, m);
    uv_idle_init(m->loop, &m->wake);
    m->tick_ms = now_of(m);
    timer_every(&m->tick, MAILBOX_HELLO_MS);
}

static void mailbox_free(void *ctx)
{
    struct mailbox *m = ctx;

    for (uint32_t i = 0; i < m->count; i++) free(m->peers[i]);
    for (uint32_t i = 0; i < m->dialled; i++) free(m->dials[i]);
    map_fini(&m->by_name);
    buf_fini(&m->hello);
    buf_fini(&m->sender.head);
    curve_fini(&m->curve);
    if (m->sender.zmq) context_unref();
    free(m);
}

static struct mailbox *mailbox_new(uv_loop_t *loop, const struct mailbox_cfg *cfg)
{
    struct mailbox *m = calloc(1, sizeof *m);

    if (!m) return NULL;
    m->cfg = *cfg;
    if (m->cfg.window == 0) m->cfg.window = 64;
    memcpy(m->name, cfg->name, strlen(cfg->name) + 1);
    m->loop = loop;
    m->sender = (struct sender){ .zmq = context_ref(), .name = str_of(m->name), .incarnation = new_incarnation() };
    buf_init(&m->sender.head, 256);
    buf_init(&m->hello, 2048);
    map_init(&m->by_name, LIM_PEERS);
    return m;
}

static enum err secure_inbox(struct mailbox *m)
{
    enum err e = curve_load(&m->curve, m->name, m->cfg.curve_secret_file, m->cfg.curve_peers_file);

    if (e) return e;
    m->curve.on_stranger = on_stranger;
    m->curve.ctx = m;
    m->sender.curve = &m->curve;
    return curve_guard(&m->curve, m->sender.zmq, m->loop);
}

enum err mailbox_open(struct mailbox **out, uv_loop_t *loop, const struct mailbox_cfg *cfg)
{
    struct mailbox *m = NULL;
    void *sock = NULL;
    enum err e = ERR_OK;

    *out = NULL;
    if (!cfg->name || !name_ok(str_of(cfg->name)) || !cfg->inbox) return ERR_USAGE;
    if (!(m = mailbox_new(loop, cfg))) return ERR_NOMEM;
    if (!m->sender.zmq) e = ERR_NOMEM;
    if (!e && cfg->curve_secret_file) e = secure_inbox(m);
    if (!e) e = bind_inbox(m, cfg->inbox, &sock);
    if (!e) e = name_inbox(m, sock);
    if (!e) e = zpump_open(&m->pump, loop, sock, on_frame, m);
    if (e) goto out;
    sock = NULL; /* the pump owns it now */
    start_handles(m);
    log_info("inbox=%s name=%s incarnation=%" PRIu64 " curve=%s", m->inbox, m->name, m->sender.incarnation,
             m->sender.curve ? "on" : "off");
    *out = m;
    return ERR_OK;
out:
    if (sock) zmq_close(sock);
    if (m->sender.curve) curve_unguard(&m->curve);
    mailbox_free(m);
    return e;
}

enum err mailbox_dial(struct mailbox *m, const char *endpoint)
{
    struct dial *d = NULL;

    for (uint32_t i = 0; i < m->dialled; i++)
        if (strcmp(m->dials[i]->endpoint, endpoint) == 0) return ERR_OK;
    if (m->dialled == DIALS_MAX) return ERR_FULL;
    if (!(d = calloc(1, sizeof *d))) return ERR_NOMEM;
    outbox_init(&d->out);
    enum err e =
        copy_text(d->endpoint, sizeof d->endpoint, str_of(endpoint)) ? outbox_connect(&d->out, &m->sender, endpoint, 1) : ERR_USAGE;
    if (e) {
        log_error("endpoint=%s cannot be dialled: %s%s", endpoint, err_text(e),
                  m->sender.curve ? " (with a secret key it must end in ?key= and 40 characters)" : "");
        free(d);
        return e;
    }
    m->dials[m->dialled++] = d;
    say_hello(m, &d->out, d->endpoint, 0);
    return ERR_OK;
}

void mailbox_close(struct mailbox *m)
{
    if (!m || m->closing) return;
    m->closing = true;
    mailbox_flush(m);
    publish(m);
    for (uint32_t i = 0; i < m->count; i++) outbox_fini(&m->peers[i]->out, m->peers[i]->up ? LAST_MS : 0);
    for (uint32_t i = 0; i < m->dialled; i++) outbox_fini(&m->dials[i]->out, 0);
    zpump_close(m->pump);
    if (m->sender.curve) curve_unguard(&m->curve);
    timer_fini(&m->tick);
    timer_fini(&m->retry);
    turn_end_fini(&m->turn_end);
    uv_close((uv_handle_t *)&m->wake, NULL);
    loop_reap(m->loop, m, mailbox_free);
}

/* ---- what owners ask ---- */

const char *mailbox_inbox(const struct mailbox *m) { return m->inbox; }
const char *peer_name(const struct peer *p) { return p->name; }
enum role peer_role(const struct peer *p) { return p->role; }
uint32_t peer_number(const struct peer *p) { return p->number; }
bool peer_is_up(const struct peer *p) { return p->up; }
uint32_t peer_credit(const struct peer *p) { return p->up ? outbox_credit(&p->out) : 0; }
void *peer_data(const struct peer *p) { return p->data; }
void peer_set_data(struct peer *p, void *data) { p->data = data; }

struct peer *mailbox_next(const struct mailbox *m, struct peer *p)
{
    uint32_t i = p ? p->at + 1 : 0;

    return i < m->count ? m->peers[i] : NULL;
}
