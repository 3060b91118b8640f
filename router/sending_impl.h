/* What the files of sending.h share. Nobody else includes it. */
#ifndef NARU_ROUTER_SENDING_IMPL_H
#define NARU_ROUTER_SENDING_IMPL_H

#include "router/sending.h"

/* ---- sending.c ---- */
/* The only writer of `state`. One that has ended leaves its lane. */
void sending_set_state(struct sending *s, struct out_message *m, enum message_state to);
/* … of a change that a row must tell, and people perhaps. */
void sending_change(struct sending *s, struct out_message *m, enum message_state to, uint64_t now);

void sending_unchange(struct sending *s, struct out_message *m); /* no row need tell it */

/* ---- sending_lane.c ---- */
/* "a\0b\0" into `out`, which has room for it; gives the length. */
size_t sending_key(char *out, struct str a, struct str b);
/* The message begins to wait, in its place among those of its conversation; outlet and lane are made. ERR_NOMEM. */
enum err sending_lane_enter(struct sending *s, struct out_message *m);
void sending_lane_leave(struct sending *s, struct out_message *m); /* frees the lane with its last; one without a lane is fine */
void sending_lane_wait(struct lane *l); /* its first has changed: into its outlet's heap with its time, or out of it */

/* Its row is due: among sending_changed, with a step more. */
void sending_row_due(struct sending *s, struct out_message *m);

/* ---- sending_parts.c ---- */
/* Among those that the provider has. Without memory for it its receipts are not found. */
void sending_part_taken(struct sending *s, struct out_message *m, const struct part_taken *p);
void sending_parts_drop(struct sending *s, struct out_message *m, bool failed);  /* `failed`: only those */
struct id sending_external(const struct message_row *row, const char *external); /* "": none */
/* The first part behind m->part that the provider does not have; m->parts: none. */
uint32_t sending_part_next(const struct out_message *m);
enum receipt sending_receipt_of(const struct out_message *m);
/* Why it has failed, when its provider could not deliver all of it. */
void sending_say_undelivered(struct out_message *m);

#endif
