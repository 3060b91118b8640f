#include "proto/outbox.h"

#include "base/log.h"
#include "base/panic.h"

#include <zmq.h>

/* Where a record can be: in `open` (put, not sent), or in the socket and beyond (sent). `put` counts both, so the frame that goes
   next begins at seq = put - count. seq never goes back within our incarnation, not even when the peer restarts or the socket is
   replaced: that is how a receiver tells a late frame of a former socket (seq below what it has consumed: dropped) from the next
   one, and how lost frames repair themselves (seq above: it takes the difference for consumed, and our credit comes back).

   The open frame holds records of one type; another type sends it first, so order holds. Nothing is ever queued behind a frame
   that does not leave: the open frame then only grows to its limit, and further puts are refused.

   Who frees what: the outbox owns its socket and its buffer. zmq_msg_send takes the message on success only. */

#define HEAD_MOST  128u /* bytes of a frame's head */
#define FRAME_MOST (LIM_ZMQ_MESSAGE - HEAD_MOST)

void outbox_init(struct outbox *o)
{
    *o = (struct outbox){ 0 };
    buf_init(&o->open, FRAME_MOST + LIM_FRAME_FLUSH); /* a frame just short of its flush, and the longest record behind it */
}

static void close_socket(struct outbox *o, int linger_ms)
{
    if (!o->sock) return;
    zmq_setsockopt(o->sock, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    zmq_close(o->sock);
    o->sock = NULL;
}

void outbox_fini(struct outbox *o, int linger_ms)
{
    close_socket(o, linger_ms);
    buf_fini(&o->open);
}

/* ---- the socket ---- */

static void set_int(void *sock, int option, int value)
{
    if (zmq_setsockopt(sock, option, &value, sizeof value))
        log_error("option=%d cannot be set: %s", option, zmq_strerror(zmq_errno()));
}

static enum err secure(const struct sender *s, void *sock, struct str key)
{
    if (!s->curve && !key.n) return ERR_OK;
    if (s->curve && key.n) return curve_connect(s->curve, sock, key);
    return ERR_USAGE; /* we never speak plain when we have a key, and cannot use a key without ours */
}

enum err outbox_connect(struct outbox *o, const struct sender *s, const char *endpoint, int high_water)
{
    struct str address, key;
    char z[256];
    void *sock = NULL;
    enum err e = curve_split(str_of(endpoint), &address, &key);

    if (e || address.n >= sizeof z) return ERR_USAGE;
    memcpy(z, address.p, address.n);
    z[address.n] = 0;
    if (!(sock = zmq_socket(s->zmq, ZMQ_PUSH))) return ERR_IO;
    set_int(sock, ZMQ_LINGER, 0);
    set_int(sock, ZMQ_SNDHWM, high_water);
    set_int(sock, ZMQ_HANDSHAKE_IVL, 5000);
    set_int(sock, ZMQ_CONNECT_TIMEOUT, 5000);
    set_int(sock, ZMQ_RECONNECT_IVL, 50);
    set_int(sock, ZMQ_RECONNECT_IVL_MAX, 1000);
    set_int(sock, ZMQ_TCP_KEEPALIVE, 1);
    set_int(sock, ZMQ_IPV6, 1);
    e = secure(s, sock, key);
    if (!e && zmq_connect(sock, z)) e = zmq_errno() == EMFILE ? ERR_IO : ERR_USAGE;
    if (e) {
        zmq_close(sock);
        return e;
    }
    close_socket(o, 0);
    o->sock = sock;
    o->stuck = false;
    return ERR_OK;
}

/* ---- sending ---- */

static enum err send_frame(struct outbox *o, struct sender *s, enum msg type, struct str packed, uint32_t count)
{
    struct frame_head head = {
        .type = type, .from = s->name, .incarnation = s->incarnation, .seq = o->put - o->count, .acked = o->consumed, .count = count
    };
    zmq_msg_t msg;

    if (!o->sock) return ERR_FULL;
    buf_clear(&s->head);
    frame_write(&s->head, &head, STR_NONE);
    if (s->head.err || zmq_msg_init_size(&msg, s->head.n + packed.n)) return ERR_NOMEM;
    char *to = zmq_msg_data(&msg);
    memcpy(to, s->head.p, s->head.n);
    if (packed.n) memcpy(to + s->head.n, packed.p, packed.n);
    if (zmq_msg_send(&msg, o->sock, ZMQ_DONTWAIT) < 0) {
        if (zmq_errno() != EAGAIN && zmq_errno() != EINTR) log_error("cannot send: %s", zmq_strerror(zmq_errno()));
        zmq_msg_close(&msg);
        return ERR_FULL;
    }
    o->told = o->consumed;
    s->frames++;
    s->records += count;
    return ERR_OK;
}

/* Sends the first n bytes of the open frame, `count` records; what is behind them stays. */
static enum err send_open(struct outbox *o, struct sender *s, size_t n, uint32_t count, uint64_t now_ms)
{
    enum err e = send_frame(o, s, o->type, (struct str){ o->open.p, n }, count);

    if (e) {
        if (!o->stuck) o->stuck_ms = now_ms;
        o->stuck = true;
        return ERR_FULL;
    }
    o->stuck = false;
    buf_shift(&o->open, n);
    o->count -= count;
    return ERR_OK;
}

enum err outbox_flush(struct outbox *o, struct sender *s, uint64_t now_ms)
{
    return o->count ? send_open(o, s, o->open.n, o->count, now_ms) : ERR_OK;
}

enum err outbox_signal(struct outbox *o, struct sender *s, struct str packed, uint32_t count)
{
    return send_frame(o, s, MSG_HELLO, packed, count);
}

/* ---- filling ---- */

static void append(struct outbox *o, enum msg type, const void *obj, struct str packed)
{
    if (obj) record_pack(&o->open, msg_table[type].record, obj);
    else buf_addstr(&o->open, packed);
}

/* Takes the last record out again. */
static enum err undo(struct outbox *o, size_t before, enum err e)
{
    o->open.n = before;
    o->open.err = ERR_OK;
    return e;
}

enum err outbox_put(struct outbox *o, struct sender *s, enum msg type, const void *obj, struct str packed, uint64_t now_ms)
{
    naru_assert(type < MSG_COUNT && msg_table[type].record);
    if (outbox_credit(o) == 0) return ERR_FULL;
    if (o->count && (o->type != type || o->open.n >= LIM_FRAME_FLUSH) && outbox_flush(o, s, now_ms)) return ERR_FULL;
    size_t before = o->open.n;
    append(o, type, obj, packed);
    size_t alone = o->open.n - before;
    if (o->open.err) return undo(o, before, o->open.err == ERR_FULL ? ERR_TOOBIG : o->open.err);
    if (alone > FRAME_MOST) return undo(o, before, ERR_TOOBIG);
    o->type = type;
    if (o->open.n > FRAME_MOST && send_open(o, s, before, o->count, now_ms)) return undo(o, before, ERR_FULL);
    o->put++;
    o->count++;
    if (o->open.n >= LIM_FRAME_FLUSH) (void)outbox_flush(o, s, now_ms); /* stuck: it stays, and the owner tries again */
    return ERR_OK;
}

/* ---- credit ---- */

bool outbox_ack(struct outbox *o, uint64_t acked)
{
    if (acked <= o->acked || acked > o->put - o->count) return false;
    o->acked = acked;
    return true;
}

void outbox_forget(struct outbox *o)
{
    buf_clear(&o->open);
    o->count = 0;
    o->acked = o->put;
    o->stuck = false;
}
