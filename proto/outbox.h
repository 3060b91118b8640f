/* The sending half of one peer: a PUSH socket, the frame being filled, and the credit. No loop in here: its owner says when to
   flush and hands the clock in. */
#ifndef NARU_PROTO_OUTBOX_H
#define NARU_PROTO_OUTBOX_H

#include "proto/curve.h"
#include "proto/frame.h"

struct sender { /* what all outboxes of a process share */
    void *zmq;
    const struct curve *curve; /* NULL: none */
    struct str name;
    uint64_t incarnation;
    struct buf head;          /* scratch */
    uint64_t frames, records; /* sent, for the metrics */
};

struct outbox {
    void *sock;      /* NULL: none */
    struct buf open; /* packed records of `type`, `count` of them */
    enum msg type;
    uint32_t count;
    uint32_t window;   /* records the peer takes beyond what it has consumed */
    uint64_t put;      /* records ever appended */
    uint64_t acked;    /* … of them consumed by the peer, or given up */
    uint64_t consumed; /* of the peer's records, by us: told in every frame */
    uint64_t told;
    bool stuck;        /* the last frame did not leave */
    uint64_t stuck_ms; /* since when */
};

void outbox_init(struct outbox *o);
void outbox_fini(struct outbox *o, int linger_ms);
/* A fresh socket to `endpoint` ("…?key=…" with CURVE); the former is closed with all that is still in it. ERR_USAGE, ERR_IO. */
enum err outbox_connect(struct outbox *o, const struct sender *s, const char *endpoint, int high_water);
static inline uint32_t outbox_credit(const struct outbox *o)
{
    uint64_t under_way = o->put - o->acked;
    return under_way < o->window ? o->window - (uint32_t)under_way : 0;
}
/* Appends a record (packed already when obj is NULL); sends what must go first, or what is full. On an error nothing is appended.
 */
enum err outbox_put(struct outbox *o, struct sender *s, enum msg type, const void *obj, struct str packed, uint64_t now_ms);
enum err outbox_flush(struct outbox *o, struct sender *s, uint64_t now_ms); /* ERR_FULL: stuck, all stays as it is */
/* One frame past the open one, outside of credit: a HELLO, or no record at all. ERR_FULL when the socket takes nothing. */
enum err outbox_signal(struct outbox *o, struct sender *s, struct str packed, uint32_t count);
/* The peer says it has consumed `acked`. A number that we never reached is another life's: ignored. True when it rose. */
bool outbox_ack(struct outbox *o, uint64_t acked);
/* Gives up what is under way: the credit is whole again. */
void outbox_forget(struct outbox *o);

#endif
