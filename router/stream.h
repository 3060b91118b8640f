/* GET /v1/stream: the changes of one workspace as server-sent events, for as long as somebody listens. Every router hears every
   change; what it adds of a ticket (account, customer, verdict) only the ticket's home knows. */
#ifndef NARU_ROUTER_STREAM_H
#define NARU_ROUTER_STREAM_H

#include "base/arena.h"
#include "base/buf.h"
#include "proto/records.h"
#include "router/stream_ask.h"

#include <sys/queue.h>

struct router;
struct http_req;
struct stream_reader;

struct streams {
    struct stream_ring ring;
    TAILQ_HEAD(stream_readers, stream_reader) readers;
    uint32_t count;
    uint64_t keep_until;     /* mono ms; nobody listens, and may come again; 0: nothing is kept */
    uint64_t told;           /* position in the ring: all before it was looked at by who keeps up */
    struct buf packed, text; /* scratch; text: the message of … */
    uint64_t text_of;        /* … the change before this position; 0: of none */
    struct arena scratch;
    uint64_t changes, gaps; /* told since the last tick */
};

enum err streams_init(struct streams *s);
void streams_fini(struct streams *s);

/* A change, before it is applied here; one that was heard before is passed over. */
void streams_heard(struct router *r, uint16_t workspace, const struct entry *en);
/* Answers `req` with the stream, or with a problem when there are too many. `token`: what its bearer is known by. */
void streams_open(struct router *r, struct http_req *req, uint16_t workspace, const struct stream_ask *ask,
                  const unsigned char token[32]);
void streams_pump(struct router *r);               /* at the end of a turn */
void streams_tick(struct router *r, uint64_t now); /* once a second; now: mono ms */

#endif
