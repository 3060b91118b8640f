/* What a router remembers of web chats: for each customer of an account the lines of the conversation, numbered, until a day after
   the last one. Who comes back with the number of the last line that they have gets what came since.

   A line is a row of the journal (ROW_CHAT); these are a fold over those rows, as events are (event.h). A line is visible once its
   row is durable, and rows become durable in the order of their numbers, so that nobody is ever told a line before an earlier one.
   A line's number is the wall time of its making in milliseconds, or one more than the one before it where that is larger: it rises
   across restarts, and whoever remembers a number of an hour ago can still use it. Plain: no loop, no clock, no sockets. */
#ifndef NARU_ROUTER_WIDGET_CHAT_H
#define NARU_ROUTER_WIDGET_CHAT_H

#include "base/map.h"
#include "proto/records.h"

#include <sys/queue.h>

#define CHAT_BY_MAP(X) X(CHAT_CUSTOMER, "customer") X(CHAT_AGENT, "agent") X(CHAT_SYSTEM, "system")
/* What the customer is told of their ticket. */
#define CHAT_STATE_MAP(X)                                                                                                          \
    X(CHAT_UNKNOWN, "unknown")                                                                                                     \
    X(CHAT_NONE, "none")       /* there is none yet */                                                                             \
    X(CHAT_WAITING, "waiting") /* nobody has it */                                                                                 \
    X(CHAT_WITH_AGENT, "agent")                                                                                                    \
    X(CHAT_ENDED, "ended")
WORDS_OF(chat_by, CHAT_BY_MAP)
WORDS_OF(chat_state, CHAT_STATE_MAP)

/* A line as its row tells it. */
#define CHAT_ROW_FIELDS(X)                                                                                                         \
    X(STR, account, 64)                                                                                                            \
    X(STR, customer, 256)                                                                                                          \
    X(U64, seq, 0)                                                                                                                 \
    X(TIME, at, 0)                                                                                                                 \
    X(ENUM, by, chat_by)                                                                                                           \
    X(STR, ref, 64)   /* the client's own id of a customer's line; else empty */                                                   \
    X(STR, name, 128) /* of the agent */                                                                                           \
    X(STR, text, 16384)
struct chat_row {
    CHAT_ROW_FIELDS(FIELD_DECL)
};

struct chat;
struct chat_line {
    TAILQ_ENTRY(chat_line) link;
    struct chat *chat;
    struct id id; /* of the event, or of the message that went out */
    uint64_t seq, at, row;
    bool durable;
    uint8_t by; /* enum chat_by */
    uint8_t ref_n, name_n;
    uint16_t text_n;
    char bytes[]; /* ref, name, text */
};
TAILQ_HEAD(chat_lines, chat_line);

struct chat {
    TAILQ_ENTRY(chat) link; /* in chats.order: the one touched last is the last */
    struct chats *all;
    struct chat_lines lines;
    uint32_t count;
    uint32_t held;             /* by sockets and messages under way: not forgotten meanwhile */
    uint64_t last, touched;    /* the highest seq given; wall ms */
    uint64_t read_by_agent;    /* a seq: transient */
    uint64_t conversation;     /* events' key of it (events_conversation_key) */
    struct widget_conn *conns; /* widget_conn.c's */
    uint64_t asked;            /* mono ms: when the leader was asked last how long it takes */
    char *agent;               /* owned; NULL: none */
    uint8_t state;             /* enum chat_state; not kept over a restart: CHAT_UNKNOWN */
    bool asking;
    uint8_t account_n, customer_n;
    char key[]; /* account, NUL, customer */
};
TAILQ_HEAD(chat_list, chat);

struct chats {
    struct map by_key, by_conversation, by_line;
    struct chat_list order;
    size_t bytes;       /* of all lines */
    uint64_t forgotten; /* chats that went for want of room */
};

void chats_init(struct chats *c);
void chats_fini(struct chats *c);

/* NULL: not known. */
struct chat *chats_find(const struct chats *c, struct str account, struct str customer);
struct chat *chats_by_conversation(const struct chats *c, uint64_t conversation);
/* Finds or makes it. `customer`: 1 to 191 bytes. ERR_NOMEM; ERR_FULL: all of LIM_CHATS are in use; ERR_TOOBIG. */
enum err chats_take(struct chats *c, struct str account, struct str customer, uint64_t conversation, uint64_t now,
                    struct chat **out);
static inline struct str chat_account(const struct chat *c) { return (struct str){ c->key, c->account_n }; }
static inline struct str chat_customer(const struct chat *c) { return (struct str){ c->key + c->account_n + 1, c->customer_n }; }

/* True: that is something new. */
bool chat_state_set(struct chat *c, enum chat_state state, struct str agent);

/* ERR_EXISTS: *out is the line of that id, which is known. Else a new line, not durable; `text` beyond the row's bytes is cut
   between characters. ERR_NOMEM. */
struct chat_words {
    enum chat_by by;
    struct str ref, name, text;
};
enum err chat_say(struct chat *c, const struct id *id, const struct chat_words *w, uint64_t now, struct chat_line **out);
struct chat_line *chats_line(const struct chats *c, const struct id *id); /* NULL: not known */
void chat_unsay(struct chat_line *l);                                     /* its row could not be written */
static inline struct str line_ref(const struct chat_line *l) { return (struct str){ l->bytes, l->ref_n }; }
static inline struct str line_name(const struct chat_line *l) { return (struct str){ l->bytes + l->ref_n, l->name_n }; }
static inline struct str line_text(const struct chat_line *l) { return (struct str){ l->bytes + l->ref_n + l->name_n, l->text_n }; }
/* The first durable line after `seq`; NULL: none. */
const struct chat_line *chat_after(const struct chat *c, uint64_t seq);
const struct chat_line *chat_next(const struct chat_line *l); /* the next durable one */
uint64_t chat_seq(const struct chat *c);                      /* of the last durable line; 0: none */

/* Appends the row's body. */
void chat_line_pack(const struct chat_line *l, struct buf *out);
/* A row as the journal replays it; `key_of` tells the conversation's key. ERR_PROTO, ERR_NOMEM; ERR_EXISTS: known already. */
enum err chats_row(struct chats *c, uint64_t number, const struct id *id, struct str body,
                   uint64_t (*key_of)(void *ctx, struct str account, struct str customer), void *ctx);
bool chats_row_live(const struct chats *c, uint64_t number, const struct id *id);
void chats_row_moved(struct chats *c, uint64_t from, uint64_t to, const struct id *id);
/* Forgets what is a day old, some of it at a time. */
void chats_sweep(struct chats *c, uint64_t now);

#endif
