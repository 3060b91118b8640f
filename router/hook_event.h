/* What a webhook says: a change as a CloudEvent (https://github.com/cloudevents/spec, version 1.0.2, structured JSON). Pure. */
#ifndef NARU_ROUTER_HOOK_EVENT_H
#define NARU_ROUTER_HOOK_EVENT_H

#include "router/hook_box.h"

/* The id of a change, the same however often it comes: of (workspace, epoch, seq). */
struct id hook_id(const struct entry *en);
/* What keeps its order: the ticket, else the agent, else the queue; a text within `out`. */
struct str hook_subject(const struct entry *en, char out[160]);
/* Does its detail say what changed? Of other kinds it explains how it was decided, which GET /v1/tickets/{id}/explain tells. */
bool hook_tells_detail(const struct entry *en);
/* Adds what is known of the ticket. `event`: its first, or the entry's own (`own`); either may be NULL. Borrows all. */
void hook_row_facts(struct hook_row *r, const struct event *event, bool own, const struct verdict *v);
/* Appends the CloudEvent. */
void hook_event_json(struct buf *out, const struct id *id, const struct hook_row *r);

#endif
