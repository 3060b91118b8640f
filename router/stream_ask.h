/* What a reader of the stream asks for: the query of GET /v1/stream and its Last-Event-ID. Pure. */
#ifndef NARU_ROUTER_STREAM_ASK_H
#define NARU_ROUTER_STREAM_ASK_H

#include "router/stream_ring.h"

struct stream_said { /* as it came; each may be empty */
    struct str only, ticket, queue, after, last_event_id;
};
struct stream_ask {
    uint64_t kinds;         /* bits of enum entry_kind */
    struct id ticket;       /* none: of all */
    char queue[65];         /* "": of all */
    struct change_id after; /* epoch 0: from now on … */
    bool lost;              /* … and what it had is not a name of ours, so that nobody knows what it misses */
};
#define STREAM_WHY 256
/* False: `why` is a sentence on what is wrong. A Last-Event-ID comes before `after`, for it is younger: a client that connects
   again repeats the address and sends its last id beside it. It is sent by machinery that gives up for good when it is refused; so
   one that is none of ours is `lost`, while a wrong `after` was written by somebody who can mend it. `queues`: the policy's names.
 */
bool stream_ask_read(struct stream_ask *out, const struct stream_said *said, const char *const *queues, size_t queue_n,
                     char why[STREAM_WHY]);
bool stream_ask_wants(const struct stream_ask *ask, const struct stream_change *c);

#endif
