/* What the JSON of an act says: the same words in an HTTP body and on an agent's WebSocket, from one table. */
#ifndef NARU_ROUTER_ACT_BODY_H
#define NARU_ROUTER_ACT_BODY_H

#include "base/json.h"
#include "proto/records.h"

#define ACT_NEEDS_MAX 32u  /* of one transfer */
#define ACT_WHY       320u /* bytes of a sentence that says what is wrong */

struct act_room { /* what act.needs points to; lives as long as the act is asked with */
    struct need needs[ACT_NEEDS_MAX];
};
enum act_door { ACT_BY_HTTP, ACT_BY_STREAM };

/* Reads the members that an act of act->kind may have into *act; who reads it has looked at `ticket`, `type` and `ref` of the
   stream themselves. Texts point into `doc`. ERR_RANGE: `why` says what is wrong, and the nearest word for one that is unknown. A
   token that is not there stays 0.0. Pure. */
enum err act_body_read(struct act *act, struct act_room *room, const struct json *doc, enum act_door door, char why[ACT_WHY]);
/* Is this an act that an agent must show the ticket's token for? */
bool act_needs_token(enum act_kind kind);

#endif
