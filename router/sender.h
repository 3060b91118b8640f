/* Replies out: what a provider must be sent so that the customer reads a message.

   messages.c owns the way: a message is a row of the journal before anything leaves ("intent"), a second row when it is about to be
   sent, a third with what came of it. A message whose end is not known (we died, the connection broke after sending) is sent again
   only when the provider can tell that it is the same one (`repeatable`); else it is told to agents as "unknown". Windows, rates,
   order within a conversation and splitting are messages.c's; how a request looks is the provider's: pure functions. */
#ifndef NARU_ROUTER_SENDER_H
#define NARU_ROUTER_SENDER_H

#include "router/channel.h"

/* One message on its way to a customer, or one part of a long one. Borrowed for the call. */
struct message_out {
    struct id id; /* the same over all attempts; of a part: of the message, with the part's number mixed in */
    struct id ticket;
    struct str conversation, customer; /* as in the event */
    struct str subject, text, language;
    struct str by;   /* the agent's name; empty: the policy's own words */
    struct str with; /* what channel_reply_with said of the customer's last message; may be empty */
    uint64_t heard;  /* wall ms of the customer's last message; 0: never */
    bool answered;   /* something went out in this conversation since: what can be used once (a reply token) has been used */
    uint32_t tries;  /* of this message, before this one */
    uint64_t now;
};
/* What is to be done, filled by `plan`. Buffers are the driver's, empty on entry. */
struct send_plan {
    enum { SEND_HTTP, SEND_MAIL, SEND_HERE } how; /* HERE: `here` is called instead */
    const char *method;                           /* "POST" */
    struct buf url, body;                         /* SEND_MAIL: the submission server's address; the whole mail, CRLF lines */
    struct buf headers;                           /* "Name: value\n" each */
    struct buf from, to;                          /* SEND_MAIL: envelope */
    struct str user, password;                    /* SEND_MAIL, or Basic of HTTP; borrowed of the door; empty: none */
    bool once; /* asked so, a second time cannot be told from the first, whatever `repeatable` says: kept with the intent */
};
enum send_end {
    SEND_DONE,    /* the provider has it */
    SEND_AGAIN,   /* it has not, and may be asked again */
    SEND_REFUSED, /* it never will: `why` */
    SEND_UNKNOWN  /* it may have it */
};
struct send_result {
    enum send_end end;
    uint32_t after_ms;  /* SEND_AGAIN: not before; 0: the driver's back-off */
    char external[128]; /* the provider's id of the message; "": none */
    char why[200];
};
struct send_answer {
    unsigned status; /* 0: there was none */
    struct str body;
    uint32_t retry_after_s; /* of the header, 0: none */
};
struct sender {
    uint32_t text_max;   /* code points of one message; longer ones are cut into parts at spaces. 0: no limit */
    uint32_t per_second; /* of one account; 0: no limit */
    uint64_t window_ms;  /* since the customer was last heard; later replies are refused with a sentence. 0: none */
    bool repeatable;     /* the provider drops a second message of one id */
    bool needs_token;    /* where the account has none, replies are put on record and not sent */
    /* ERR_RANGE with `why` when it cannot be sent at all. */
    enum err (*plan)(const struct door *d, const struct message_out *m, struct send_plan *out, char why[200]);
    /* Of an answer (HTTP's, or SMTP's code as status). */
    void (*judge)(const struct door *d, const struct send_answer *a, struct send_result *out);
    /* SEND_HERE: into a connection of this router. */
    void (*here)(struct router *r, struct door *d, const struct message_out *m, struct send_result *out);
};
/* How replies go out by this account; NULL: they cannot. */
static inline const struct sender *sender_of(const struct door *d)
{
    return d->provider->sender_for ? d->provider->sender_for(d) : d->provider->sender;
}

#endif
