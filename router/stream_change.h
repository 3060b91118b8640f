/* A change as the ring of streams keeps it, and as readers hear it: packed when it happens, made JSON when somebody is there to
   read it. Pure. */
#ifndef NARU_ROUTER_STREAM_CHANGE_H
#define NARU_ROUTER_STREAM_CHANGE_H

#include "proto/records.h"
#include "router/stream_ring.h"

/* Is it told at all? Policies and what settles an event without a ticket are nobody's business. */
bool stream_change_told(const struct entry *en);
/* Appends what is kept: the entry, and the heads of what is known of its ticket. `event`: packed, its first or the entry's own
   (`own`); `verdict`: packed, of the entry's own event; either may be empty. */
void stream_change_pack(struct buf *out, const struct entry *en, struct str event, bool own, struct str verdict);
/* Appends one message of text/event-stream (https://html.spec.whatwg.org/multipage/server-sent-events.html): id, event, and the
   CloudEvent of hook_event.h as data. ERR_PROTO and the like: the body is not what was packed. */
enum err stream_change_message(struct buf *out, const struct stream_change *c, struct arena *scratch);
/* … one that says that changes are missing: between `after` (epoch 0: the reader did not say) and `next` (epoch 0: not known yet).
 */
void stream_gap_message(struct buf *out, struct change_id after, struct change_id next);

#endif
