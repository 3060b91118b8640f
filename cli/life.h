/* The life of a ticket for people: who reads it was woken by it, so each line says one thing and its reason. Pure. */
#ifndef NARU_CLI_LIFE_H
#define NARU_CLI_LIFE_H

#include "base/buf.h"
#include "base/json.h"

/* Appends the page to `out`. `doc` is the answer to GET /v1/tickets/{id}/explain; `ticket` the one to GET /v1/tickets/{id}, whose
   customer's words are shown, or NULL: none are. Members that are missing are passed over. What would command a terminal (control
   characters, changes of writing direction) is shown as "·". */
void life_tell(struct buf *out, const struct json *doc, const struct json *ticket);

#endif
