/* One LMTP conversation (RFC 2033, on RFC 5321), as a function of the bytes that come in: no socket, no file, no clock.

   The owner feeds bytes and sends what is written into `out`. What the talk needs it asks for: is this an address of ours, here is
   a piece of a mail. After the end of a mail it waits (`lmtp_talk_waits`) until the owner has said what came of it for each
   recipient; what was fed beyond that point is the owner's to keep and to feed again. */
#ifndef NARU_ROUTER_LMTP_TALK_H
#define NARU_ROUTER_LMTP_TALK_H

#include "base/buf.h"
#include "base/limits.h"

/* What came of a mail for one recipient: X(CONSTANT, "label of naru_lmtp_mails_total", the answer). */
#define LMTP_END_MAP(X)                                                                                                            \
    X(LMTP_KEPT, "kept", "250 2.0.0 kept")                                                                                         \
    X(LMTP_TOO_BIG, "too_big", "552 5.3.4 the mail is larger than what is taken here")                                             \
    X(LMTP_MALFORMED, "malformed", "554 5.6.0 the mail cannot be read")                                                            \
    X(LMTP_DISK, "disk", "452 4.3.1 no room to keep the mail; try again later")                                                    \
    X(LMTP_FAST, "rate", "451 4.7.1 too many mails for this address at once; try again later")                                     \
    X(LMTP_BUSY, "busy", "451 4.3.2 too many mails at once; try again later")                                                      \
    X(LMTP_JOURNAL, "journal", "451 4.3.0 the mail cannot be kept now; try again later")
#define LMTP_END_ENUM(id, label, answer) id,
enum lmtp_end { LMTP_END_MAP(LMTP_END_ENUM) LMTP_END_COUNT };
#undef LMTP_END_ENUM
extern const char *const lmtp_end_labels[LMTP_END_COUNT];

enum lmtp_rcpt { LMTP_RCPT_OURS, LMTP_RCPT_UNKNOWN, LMTP_RCPT_FAST, LMTP_RCPT_LATER, LMTP_RCPT_DISK };
struct lmtp_owner {
    void *ctx;
    /* Whose is it? An address as it was said, without brackets, never empty. Of those that are OURS the owner keeps the list. */
    enum lmtp_rcpt (*rcpt)(void *ctx, struct str address);
    /* A mail begins, for all recipients so far; and its bytes, with dots taken away. Any error ends in that answer for all. */
    enum lmtp_end (*begin)(void *ctx, struct str from);
    enum lmtp_end (*body)(void *ctx, struct str bytes);
    void (*end)(void *ctx, enum lmtp_end so_far); /* the mail is whole: lmtp_talk_ends is called now or later */
    void (*reset)(void *ctx);                     /* forget recipients and mail */
};

enum lmtp_state { LMTP_GREETED, LMTP_READY, LMTP_MAIL, LMTP_RCPT, LMTP_DATA, LMTP_WAIT, LMTP_OVER };
struct lmtp_talk {
    struct lmtp_owner owner;
    struct buf *out;
    size_t most; /* bytes of a mail */
    enum lmtp_state state;
    char line[LIM_MAIL_LINE], from[321];
    size_t line_n, size;
    bool long_line;
    uint32_t rcpts, commands, faults;
    enum lmtp_end so_far;
    unsigned dot; /* enum dot of the .c */
};

/* Writes the greeting. `host`: our name. `out` is the owner's, borrowed for the talk's life. */
void lmtp_talk_init(struct lmtp_talk *t, const struct lmtp_owner *owner, struct buf *out, const char *host, size_t most);
/* Takes bytes; gives how many. Fewer than all when it waits, or is over. */
size_t lmtp_talk_feed(struct lmtp_talk *t, struct str bytes);
/* What came of the mail, for each recipient in their order. Only while it waits. */
void lmtp_talk_ends(struct lmtp_talk *t, const enum lmtp_end *ends);
static inline bool lmtp_talk_waits(const struct lmtp_talk *t) { return t->state == LMTP_WAIT; }
static inline bool lmtp_talk_over(const struct lmtp_talk *t) { return t->state == LMTP_OVER; } /* close once `out` is sent */

#endif
