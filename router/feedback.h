/* Corrections: what people say a ticket should have been judged. One is checked against who had the ticket, put together with
   what was known of the ticket then, and kept in the history of the router that was asked. */
#ifndef NARU_ROUTER_FEEDBACK_H
#define NARU_ROUTER_FEEDBACK_H

#include "base/buf.h"
#include "base/id.h"
#include "router/problems.h"

struct router;
struct json;

#define FEEDBACK_NOTE 512u  /* bytes of a note */
#define FEEDBACK_TEXT 4096u /* bytes of the customer's words that are kept with a correction */

/* X(CONSTANT, "member"): what can be corrected, in the order in which it is told. */
#define FEEDBACK_FIELD_MAP(X)                                                                                                      \
    X(FEEDBACK_INTENT, "intent")                                                                                                   \
    X(FEEDBACK_QUEUE, "queue") X(FEEDBACK_URGENCY, "urgency") X(FEEDBACK_SENTIMENT, "sentiment") X(FEEDBACK_LANGUAGE, "language")
enum feedback_field {
#define FEEDBACK_FIELD_ENUM(id, name) id,
    FEEDBACK_FIELD_MAP(FEEDBACK_FIELD_ENUM) FEEDBACK_FIELDS
#undef FEEDBACK_FIELD_ENUM
};
extern const char *const feedback_field_names[FEEDBACK_FIELDS];

struct correction { /* texts borrowed; empty: not said */
    struct str fields[FEEDBACK_FIELDS];
    struct str note;
};
/* Reads {"intent"?, "queue"?, "urgency"?, "sentiment"?, "language"?, "note"?}: at least one but the note, nothing else. `queues`:
   the names that a queue may have. ERR_RANGE with a sentence in `why` that says what is wrong and what would be right. The texts
   point into `doc` or are static. Pure. */
enum err correction_read(struct correction *out, const struct json *doc, const char *const *queues, size_t queue_count,
                         char why[300]);

struct feedback_ask { /* all borrowed for the call */
    struct id ticket;
    uint16_t workspace;
    struct str who, source;
    bool must_hold; /* only whoever has or had the ticket may: who is an agent */
    struct correction correction;
};
struct feedback_end {
    enum err e;           /* ERR_OK: it is on the disk */
    enum problem problem; /* otherwise what to answer … */
    const char *detail;   /* … and a sentence */
    struct str json;      /* {"ticket", …}: what was kept, without what it is about */
};
typedef void feedback_fn(void *ctx, const struct feedback_end *end); /* `end` valid during the call */
/* Answers through `fn`, exactly once, now or later. */
void feedback_take(struct router *r, const struct feedback_ask *ask, feedback_fn *fn, void *ctx);
/* A ticket that somebody sent on is a correction of its queue; nobody waits for it, and what cannot be kept is counted. A move
   into the queue that it was in says nothing and is not kept. */
void feedback_transferred(struct router *r, uint16_t workspace, const struct id *ticket, struct str who, struct str queue);

/* What is known of a ticket, for a correction: {"ticket", "channel", "account", "subject", "text", "queue", "verdict": {…}}.
   `ticket` has subject and messages, `life` the changes and the verdict; they may be the same document. Pure. */
void feedback_about(struct buf *out, const struct id *id, const struct json *ticket, const struct json *life);
/* Has or had `agent` the ticket? Pure. */
bool feedback_held(const struct json *ticket, const struct json *life, struct str agent);

#endif
