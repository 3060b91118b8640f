/* What a message to a customer is made of: the leader's entry, and what the ticket's events say of where it goes. */
#ifndef NARU_ROUTER_REPLIES_H
#define NARU_ROUTER_REPLIES_H

#include "router/sending.h"

struct router;
struct kept_ticket;

/* What a reply must know of the customer's last message, as it is known now. */
struct message_context {
    uint64_t heard; /* wall ms; 0: never */
    size_t with_n;
    char with[1024];
};
void message_context(struct router *r, const struct out_message *m, struct message_context *out);
/* May a reply still be sent so long after the customer was heard? Else `why` says why not. Pure. */
bool window_open(const struct sender *by, uint64_t heard, uint64_t now, char why[200]);
/* The last message or call of a ticket that is kept here, unpacked into `event` (texts point into the kept event, lists into the
   arena). False: there is none. */
bool reply_event(const struct kept_ticket *t, struct event *event, struct arena *a);
/* After a start: the change "replied" is in its ticket's life again, as the message's row tells it. Most changes need no row and
   are forgotten with the process, but what was said to a customer is not. */
void reply_recall(struct router *r, const struct out_message *m);
/* How replies to this account go out; NULL: they do not, and are put on record. */
struct door;
const struct sender *reply_sender(struct router *r, struct str account, struct str workspace, struct door **door);

#endif
