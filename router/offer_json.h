/* What is told of a ticket to whoever is offered it, holds it, or held it: on an agent's WebSocket, and to a bot's webhook. */
#ifndef NARU_ROUTER_OFFER_JSON_H
#define NARU_ROUTER_OFFER_JSON_H

#include "base/buf.h"
#include "proto/records.h"

/* Appends {"type": what, "ticket", "token", …}. False, with nothing appended, when `what` is no word that we know. */
bool offer_json(struct buf *out, const struct offer *o);

#endif
