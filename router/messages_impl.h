/* What messages.c and attempt.c share. Nobody else includes it. */
#ifndef NARU_ROUTER_MESSAGES_IMPL_H
#define NARU_ROUTER_MESSAGES_IMPL_H

#include "router/messages.h"

/* ---- messages.c ---- */
struct sending *messages_of(struct router *r);
/* The sender of a message's account, when it is ready; NULL: it waits. A sender_fn. */
const struct sender *messages_sender(void *router, const struct out_message *m);
/* A row with the message's state; `fn` must tell sending_wrote. ERR_FULL. */
enum err messages_write(struct router *r, struct out_message *m, journal_fn *fn, void *ctx);
void messages_record(struct router *r); /* … of all that changed; at the next second what cannot be written now */
/* Whatever may leave now leaves, what changed is written, who is to be told is told. */
void messages_pump(struct router *r);

/* ---- attempt.c ---- */
/* One that sending_next gave: it is on its way, has failed, or waits again. */
void attempt_start(struct router *r, struct out_message *m);
/* Nothing may leave any more: what waits for an answer is let go. What waits for its row is freed by the row's callback. */
void attempt_let_go(struct out_message *m);
/* The loop has ended: frees whatever is left. */
void attempt_free_own(struct out_message *m);

#endif
