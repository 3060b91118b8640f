/* Replies out: from the leader's word that an agent wrote (ENTRY_REPLIED) to the provider's word that it has it. What is decided is
   sending.h's; here are the journal, the requests, and who is told. docs/replies.md is for those who use it. */
#ifndef NARU_ROUTER_MESSAGES_H
#define NARU_ROUTER_MESSAGES_H

#include "base/loop.h"
#include "router/automatic.h"
#include "router/journal.h"
#include "router/sending.h"

struct router;
struct http_out;
struct kept_ticket;
struct messages {
    struct sending sending;
    struct http_out *out;
    struct timer wake;
    struct automatic automatic;
    bool open;
    bool untellable; /* some leader could not be told within this second */
};

enum err messages_init(struct router *r); /* before the journal's rows */
void messages_row(struct router *r, uint64_t number, enum row_kind kind, const struct id *id, struct str body);
enum err messages_open(struct router *r); /* once policies are there: what the rows said is taken up */
void messages_close(struct router *r);    /* nothing leaves any more */
void messages_fini(struct router *r);     /* once the loop has ended */
void messages_tick(struct router *r);     /* once a second */

/* ---- for leader.c: what an entry says to a customer ----
   Its intent as a packed row and its id. ERR_NOTFOUND: there is nothing to send, or it is not for this router; ERR_EXISTS: it is
   known; ERR_NOMEM: not now. The row is borrowed until the next call. */
enum err messages_of_entry(struct router *r, const struct entry *en, struct id *id, struct str *row);
/* Takes it in before its row is durable; *number (valid as long as it is kept) is where its row's number belongs. */
enum err messages_take(struct router *r, const struct id *id, struct str row, uint64_t **number);
void messages_landed(struct router *r, const struct id *id, bool durable); /* the row is; or never will be, and it is none */

/* ---- for who asks ---- */
/* A reply's act, of which the ticket is known, gets the message's id, unless it has one. */
void messages_name(struct router *r, struct act *act);
/* Is nothing known here against this act? Else *no says why a reply would be refused, by HTTP as on a socket; its detail is in
   `why`. What is no reply, and what is another home's to write down, is let through. */
bool messages_may(struct router *r, const struct act *act, struct result *no, char why[200]);
/* Would a reply to it be sent out from here, or only put on record? */
bool messages_sends(struct router *r, const struct kept_ticket *t);

/* ---- for adapters ---- */
/* A provider's word on a message that it has, by the id that the sender's `judge` gave. Unknown ones are counted. */
void messages_receipt(struct router *r, const struct door *d, struct str external, enum receipt what);

/* ---- api_messages.c ---- */
struct call;
void post_message(struct call *c);
void list_messages(struct call *c);
void find_messages(struct call *c);
void resend_message(struct call *c);
void confirm_message(struct call *c);
/* A person asks for one that failed or is unknown to be sent again, or says that it came (`sent`). ERR_STATE. */
enum err messages_resend(struct router *r, struct out_message *m);
enum err messages_confirm(struct router *r, struct out_message *m);

#endif
