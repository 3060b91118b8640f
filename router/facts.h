/* What the service knows of an event's customer and conversation, attached to the event on its way to triage. */
#ifndef NARU_ROUTER_FACTS_H
#define NARU_ROUTER_FACTS_H

#include "router/event.h"

/* X(constant, key, what). A source's own attribute of these names is not taken: see ingest.c. */
#define FACT_MAP(X)                                                                                                                \
    X(FACT_OPEN, "customer.open_tickets")    /* live tickets of this customer that are known here */                               \
    X(FACT_CONTACTS, "customer.contacts_7d") /* messages and calls of the last seven days, to six hours, this one not counted */   \
    X(FACT_SENTIMENT, "conversation.sentiment") /* of the last verdict; absent when unknown, or no ticket is live */               \
    X(FACT_WAITING, "conversation.waiting")     /* whole seconds that nobody has had its ticket; absent when somebody has */       \
    X(FACT_URGENCY, "conversation.urgency")     /* of its live ticket */
#define FACT_ENUM(id, key) id,
enum fact { FACT_MAP(FACT_ENUM) FACT_COUNT };
#define FACTS_ROOM (LIM_LIST_ITEMS - FACT_COUNT) /* attributes that a source may give */

/* Is it the name of a fact? */
bool facts_key(struct str key);
/* Appends the packed event of `e` with its facts at `now` (wall ms) before its own attributes, so that they are found first. The
   event as it is, and ERR_FULL, when its attributes leave no room (an event of an earlier version); out->err as ever. */
enum err facts_attach(const struct events *ev, const struct kept_event *e, uint64_t now, struct buf *out);

#endif
