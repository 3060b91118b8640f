/* What the files of sending.h share. Nobody else includes it. */
#ifndef NARU_ROUTER_SENDING_IMPL_H
#define NARU_ROUTER_SENDING_IMPL_H

#include "router/sending.h"

/* ---- sending.c ---- */
/* The only writer of `state`. One that has ended leaves its lane. */
void sending_set_state(struct sending *s, struct out_message *m, enum message_state to);
/* … of a change that a row must tell, and people perhaps. */
void sending_change(struct sending *s, struct out_message *m, enum message_state to, uint64_t now);

/* ---- sending_lane.c ---- */
/* "a\0b\0" into `out`, which has room for it; gives the length. */
size_t sending_key(char *out, struct str a, struct str b);
/* The message begins to wait, in its place among those of its conversation; outlet and lane are made. ERR_NOMEM. */
enum err sending_lane_enter(struct sending *s, struct out_message *m);
void sending_lane_leave(struct sending *s, struct out_message *m); /* frees the lane with its last; one without a lane is fine */
void sending_lane_wait(struct lane *l); /* its first has changed: into its outlet's heap with its time, or out of it */

/* ---- sending_rows.c ---- */
/* What the provider calls it, for receipts. Without memory for it they are not found. */
void sending_external_known(struct sending *s, struct out_message *m);

#endif
