/* W3C Trace Context (https://www.w3.org/TR/trace-context/): the `traceparent` that an event came with is kept with it, as its
   attribute event.traceparent, and goes on with every request that leaves for its ticket, under a span of its own. */
#ifndef NARU_ROUTER_TRACE_H
#define NARU_ROUTER_TRACE_H

#include "base/buf.h"
#include "router/event.h"

#define TRACE_KEY  "event.traceparent"
#define TRACE_TEXT 55u /* "00-" 32 hex "-" 16 hex "-" 2 hex */

/* The part of a header that is kept; STR_NONE: it is none (other form, only zeros, version ff), and is to be ignored. A later
   version counts as far as it reads like version 00. */
struct str trace_read(struct str header);
/* Appends "traceparent: …\n" of the newest event of the ticket that has one, with a new span id; nothing when there is none. */
void trace_header(struct buf *out, const struct kept_ticket *ticket);
/* The trace id within a traceparent, for logs: 32 characters. */
static inline struct str trace_id(struct str traceparent) { return (struct str){ traceparent.p + 3, traceparent.n ? 32 : 0 }; }

#endif
