/* The way of a message out: what is to be sent, in which order, how fast, when again, and when no more. Pure: the clock and the
   randomness are handed in, rows go in and out as bytes; messages.c does what is decided here.

   A message is one that an agent wrote (or the policy's own words) to one customer. It is a fold over two kinds of rows: the intent
   (ROW_MESSAGE, struct message_row) and what is known of its sending (ROW_MESSAGE_END, struct message_end_row), of which the one
   with the highest step counts, in whatever order they are read.

        queued ──row "sending" durable──▶ sending ──▶ sent            recorded: put on record only
           ▲                                 │ ├────▶ failed
           └────────again, next part─────────┘ └────▶ unknown         (a person may send it again, or confirm it)

   Of one conversation one message is under way at a time, in the order written. Of one account (an outlet) so many leave in a
   second as its sender says, few are under way at once, and one whose provider does not answer is left alone for a while, so that
   it costs nobody else anything. What cannot be sent within SENDING_TOTAL_MS has failed. */
#ifndef NARU_ROUTER_SENDING_H
#define NARU_ROUTER_SENDING_H

#include "base/heap.h"
#include "base/idmap.h"
#include "base/map.h"
#include "base/rng.h"
#include "proto/records.h"
#include "router/sender.h"

#include <sys/queue.h>

#define SENDING_TOTAL_MS    3600000u  /* from its being queued to `failed` */
#define SENDING_BACK_MS     1000u     /* before the second try, then twice as long each time … */
#define SENDING_BACK_MOST   300000u   /* … at most, and all of it between half and one and a half times */
#define SENDING_BREAK_AFTER 5u        /* tries in a row without an answer: the account is left alone … */
#define SENDING_BREAK_MS    5000u     /* … so long, then twice as long each time … */
#define SENDING_BREAK_MOST  300000u   /* … at most; then one message tries it */
#define SENDING_AT_ONCE     16u       /* under way of one account */
#define SENDING_KEEP_MS     3600000u  /* of a ticket that is over: what was sent, for its receipts and automatic.h's bounds … */
#define SENDING_ASK_MS      86400000u /* … and what failed, or nobody knows of, for a person */

#define MESSAGE_STATE_MAP(X)                                                                                                       \
    X(MESSAGE_QUEUED, "queued")                                                                                                    \
    X(MESSAGE_SENDING, "sending")                                                                                                  \
    X(MESSAGE_SENT, "sent")                                                                                                        \
    X(MESSAGE_FAILED, "failed")                                                                                                    \
    X(MESSAGE_UNKNOWN, "unknown") /* the provider may have it */                                                                   \
    X(MESSAGE_RECORDED, "recorded")
#define RECEIPT_MAP(X) /* what the provider told of one that it has */                                                             \
    X(RECEIPT_NONE, "none") X(RECEIPT_DELIVERED, "delivered") X(RECEIPT_READ, "read") X(RECEIPT_FAILED, "failed")
WORDS_OF(message_state, MESSAGE_STATE_MAP)
WORDS_OF(receipt, RECEIPT_MAP)
#define MESSAGE_STATES 6

#define MESSAGE_ROW_FIELDS(X)                                                                                                      \
    X(STR, workspace, 64)                                                                                                          \
    X(ID, ticket, 0)                                                                                                               \
    X(U64, epoch, 0) /* of the entry that it came with: its place in the conversation … */                                       \
    X(U64, seq, 0)   /* … is by this */                                                                                          \
    X(TIME, at, 0)                                                                                                                 \
    X(STR, account, 64)                                                                                                            \
    X(STR, channel, 32)                                                                                                            \
    X(STR, conversation, 256)                                                                                                      \
    X(STR, customer, 256)                                                                                                          \
    X(STR, language, 16)                                                                                                           \
    X(STR, subject, 1024)                                                                                                          \
    X(STR, text, 16384)                                                                                                            \
    X(STR, by, 128)    /* the agent; empty: the policy */                                                                          \
    X(STR, word, 64)   /* the policy's text, by its name; empty: a person's */                                                     \
    X(STR, with, 1024) /* sender.h: `with` and `heard`, as they were */                                                            \
    X(TIME, heard, 0)                                                                                                              \
    X(BOOL, recorded, 0)                                                                                                           \
    X(ENUM, state, ticket_state) /* of the ticket then; what else its life tells of a reply: */                                    \
    X(BOOL, agent, 0)            /* `by` is an agent */                                                                            \
    X(BOOL, sent, 0)             /* it went out elsewhere */                                                                       \
    X(STR, actor, 128)           /* who asked for it */
#define MESSAGE_END_ROW_FIELDS(X)                                                                                                  \
    X(U32, step, 0) /* rises with each */                                                                                          \
    X(ENUM, state, message_state)                                                                                                  \
    X(U32, part, 0)  /* of a long one: which is next, or under way */                                                              \
    X(U32, tries, 0) /* of this part */                                                                                            \
    X(BOOL, once, 0) /* send_plan.once of the try under way */                                                                     \
    X(TIME, at, 0)                                                                                                                 \
    X(TIME, began, 0) /* what SENDING_TOTAL_MS counts from */                                                                      \
    X(STR, external, 128) /* this and `receipt` are in rows of earlier programs, which had one part; not written any more */       \
    X(STR, why, 200)                                                                                                               \
    X(ENUM, receipt, receipt)                                                                                                      \
    X(U32, parts, 0) /* of how many it is sent; 0: not known yet */                                                                \
    X(LIST, taken, part_taken)
#define PART_TAKEN_FIELDS(X) /* a part that the provider has */                                                                    \
    X(U32, number, 0)                                                                                                              \
    X(ID, external, 0) /* a hash of what the provider calls it; none: it did not say */                                            \
    X(ENUM, receipt, receipt)
RECORD_DECL(message_row, MESSAGE_ROW_FIELDS)
RECORD_DECL(part_taken, PART_TAKEN_FIELDS)
RECORD_DECL(message_end_row, MESSAGE_END_ROW_FIELDS)

struct lane;
struct outlet;
struct ticket_messages;
struct sending;
struct out_message;
struct out_part {       /* as PART_TAKEN_FIELDS */
    struct id external; /* first: idmap.h */
    struct out_message *of;
    uint32_t number;
    enum receipt receipt;
    TAILQ_ENTRY(out_part) link;
};
TAILQ_HEAD(out_parts, out_part);
struct out_message {
    struct id id;           /* first: idmap.h */
    struct message_row row; /* texts point into `packed` */
    char *packed;           /* owned; NULL while only ends of it are known */
    uint32_t packed_n;
    uint64_t row_intent, row_end; /* journal numbers; 0: none. row_end may be on its way … */
    uint64_t row_was;             /* … and this is the last one that is durable */
    uint32_t writing;             /* rows on their way: it is not freed meanwhile */
    enum message_state state;     /* written by one function of sending.c */
    enum receipt receipt;         /* of the whole */
    uint32_t step, part, parts, tries;
    struct out_parts taken; /* in the order of their numbers */
    bool once;
    bool committed;          /* its intent is durable */
    uint64_t at, began, due; /* wall ms: of the last change; see above; not before */
    char why[201];
    void *own; /* the try under way: attempt.c's */
    struct sending *in;
    struct lane *lane; /* while it is not ended */
    struct ticket_messages *of;
    TAILQ_ENTRY(out_message) in_lane, open, sibling, changed, untold;
    bool in_open, in_changed, in_untold;
};
TAILQ_HEAD(out_messages, out_message);
struct ticket_messages { /* all of one ticket that are kept, in the order of their coming */
    struct id ticket;    /* first: idmap.h */
    struct out_messages all;
    TAILQ_ENTRY(ticket_messages) link;
};
struct lane { /* a conversation with something to send */
    struct outlet *outlet;
    struct out_messages queue; /* not ended, in the order written */
    bool busy;                 /* its first is under way, or about to be */
    struct heap_node node;     /* in outlet->due, by its first's `due` */
    uint32_t key_n;
    char key[];
};
struct outlet { /* an account, as far as messages go */
    struct heap due;
    double tokens;
    uint64_t tokens_at, paused_until, broken_until; /* wall ms */
    uint32_t under_way, waiting, failures, breaks;
    TAILQ_ENTRY(outlet) link;
    uint32_t key_n;
    char key[64 + 1 + 64 + 1]; /* workspace, 0, account, 0 */
};
struct sending {
    struct idmap by_id, by_ticket, by_external; /* the last: parts */
    struct map lanes, outlets;
    TAILQ_HEAD(, outlet) outlet_list;
    TAILQ_HEAD(, ticket_messages) tickets;
    struct out_messages open;    /* not ended: the one that will have waited for SENDING_TOTAL_MS first, first */
    struct out_messages changed; /* what a row does not tell yet: sending_changed */
    struct out_messages untold;  /* what nobody has been told yet: sending_untold */
    uint64_t counts[MESSAGE_STATES];
    uint64_t bytes;
    size_t most, most_bytes; /* of all that are kept */
    struct rng rng;
};

enum err sending_init(struct sending *s, size_t most, size_t most_bytes, uint64_t seed);
void sending_fini(struct sending *s);

/* ---- the fold ---- */
/* Copies `packed`. ERR_EXISTS: known already, *out is it; ERR_FULL: too many are kept, or too many bytes; ERR_NOMEM, ERR_PROTO. */
enum err sending_add(struct sending *s, const struct id *id, struct str packed, uint64_t number, struct out_message **out);
/* ERR_EXISTS: what is known is newer. */
enum err sending_fold(struct sending *s, const struct id *id, struct str packed, uint64_t number);
/* After a replay: ends without an intent go; all intents are durable. */
void sending_replayed(struct sending *s);
/* Its present state as a row. Appends. */
void sending_pack(const struct out_message *m, struct buf *out);
bool sending_row_live(const struct sending *s, uint64_t number, const struct id *id);
void sending_row_moved(struct sending *s, uint64_t from, uint64_t to, const struct id *id);

/* ---- the way ---- */
struct out_message *sending_find(const struct sending *s, const struct id *id);
/* Is there room for one more? */
bool sending_has_room(const struct sending *s);
/* Its intent could not be written: it is none. */
void sending_forget(struct sending *s, struct out_message *m);
/* Its intent is durable: it may leave when its turn comes. */
void sending_committed(struct sending *s, struct out_message *m, uint64_t now);
/* The next message that may leave now; it holds its conversation and a place of its account until sending_done or sending_put_back.
   `can`: the sender of a message's account, NULL when there is none now (it waits). NULL: nothing to do before sending_wake. */
typedef const struct sender *sender_fn(void *ctx, const struct out_message *m);
struct out_message *sending_next(struct sending *s, uint64_t now, sender_fn *can, void *ctx);
/* One that could not be sent in time: it has failed now. NULL: none. */
struct out_message *sending_late(struct sending *s, uint64_t now);
/* Wall ms at which sending_next may have something again; UINT64_MAX: only after something else happened. */
uint64_t sending_wake(const struct sending *s, uint64_t now);
/* Part m->part of `parts` is about to leave: state sending, one try more. `once`: of its plan. */
void sending_begin(struct sending *s, struct out_message *m, uint32_t parts, bool once, uint64_t now);
/* What came of it; the next part has its turn when there is one. `silent`: the provider did not answer, or that it is broken. */
void sending_done(struct sending *s, struct out_message *m, const struct send_result *r, bool silent, uint64_t now);
/* It has not left and waits again until `due`: what it needs is not there (no room in the journal). */
void sending_put_back(struct sending *s, struct out_message *m, uint64_t due);
/* After a restart, of one that was `sending`: queued when the provider drops a second one of its id, else unknown. */
void sending_recover(struct sending *s, struct out_message *m, bool repeatable, uint64_t now);
/* The messages whose state no row tells: the first of them; sending_told once its row is on its way under this number, and then
   sending_wrote, once for each, in their order: a row that was not written after all puts it among the changed again. Until one is
   durable the row before it counts as live. NULL: none. */
struct out_message *sending_changed(const struct sending *s);
void sending_told(struct sending *s, struct out_message *m, uint64_t number);
void sending_wrote(struct out_message *m, uint64_t number, bool durable);
/* The messages whose state people are to be told: each that was tried and whose state changed. `after`: NULL, the first. */
struct out_message *sending_untold(const struct sending *s, const struct out_message *after);
void sending_heard(struct sending *s, struct out_message *m);
void sending_tell_later(struct sending *s, struct out_message *m); /* … behind all others, after sending_heard */
/* A person says so. ERR_STATE unless it has failed or is unknown (confirm: unknown). What is sent again are the parts that failed
   and those behind that have not left; what is confirmed is the part that was under way, and the parts behind it go on. */
enum err sending_again(struct sending *s, struct out_message *m, uint64_t now);
enum err sending_confirm(struct sending *s, struct out_message *m, uint64_t now);
/* The provider's word on a part that it has. The whole is delivered, or read, when each of its parts is, and has failed when one of
   them has. NULL: no such part here, or nothing new. */
struct out_message *sending_receipt(struct sending *s, struct str workspace, struct str account, struct str external,
                                    enum receipt what, uint64_t now);
uint32_t sending_parts_taken(const struct out_message *m); /* how many of its parts the provider has */
/* When something last went out, or may have, in this message's conversation before it. 0: never, as far as is known. */
uint64_t sending_answered(const struct sending *s, const struct out_message *m);

bool message_ended(const struct out_message *m);
struct ticket_messages *sending_of_ticket(const struct sending *s, const struct id *ticket); /* NULL: none */
/* May all messages of a ticket that is over be forgotten? They have ended, their rows tell it, and SENDING_KEEP_MS or
   SENDING_ASK_MS have passed since, unless more than half of what may be kept is. `now`: wall ms. What tells that one was sent must
   stand behind the intent in the journal, which loses its oldest rows first: an intent left alone would be sent again. */
bool sending_over(const struct sending *s, const struct ticket_messages *of, uint64_t now);
/* Its last end stands before its intent in the journal: compaction moved the intent. */
bool sending_inverted(const struct out_message *m);
/* Puts a ticket behind all others in s->tickets. */
void sending_to_back(struct sending *s, struct ticket_messages *of);
/* Frees all messages of a ticket. All must have ended. */
void sending_drop(struct sending *s, struct ticket_messages *of);

/* The id that the provider is told of a part: the message's own for the first. */
struct id sending_part_id(const struct id *message, uint32_t part);

#endif
