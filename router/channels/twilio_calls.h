/* What twilio_calls.c, twilio_step.c, twilio_next.c and twilio_push.c share. */
#ifndef NARU_ROUTER_CHANNELS_TWILIO_CALLS_H
#define NARU_ROUTER_CHANNELS_TWILIO_CALLS_H

#include "base/id.h"
#include "router/channels/twilio.h"
#include "router/channels/twiml.h"

#include <sys/queue.h>

#define CALL_MISSED_MOST 150u /* about five minutes of requests that found no ticket */

/* Something that is under way for a call: a question to the leader, a request to Twilio. In its door's list until it ends. */
struct call_step {
    TAILQ_ENTRY(call_step) link;
    struct router *router;
    struct door *door;    /* one reference */
    struct http_req *req; /* of Twilio, to be answered; NULL: it was, or there is none */
    uint64_t asked;       /* mono ms */
    enum voice_language language;
    uint64_t said_s; /* as it stood in the request's address */
    uint32_t missed;
    bool pressed;    /* the caller asks to be called back */
    bool talked;     /* agent and caller were in touch */
    struct id event; /* of the call's first request: what its ticket is found by */
    struct id ticket;
    uint64_t token_epoch, token_seq;
    char agent[129], customer[65], sid[TWILIO_SID + 1], conversation[257];
    char base[2048]; /* see struct twiml */
};
TAILQ_HEAD(step_list, call_step);

struct call_step *step_new(struct router *r, struct door *d); /* NULL: no memory; counted */
void step_free(struct call_step *s);                          /* what was not answered yet is told to hold */
struct twiml step_twiml(const struct call_step *s);
/* Each answers the request, if it was not yet. `b` is taken. */
void step_reply(struct call_step *s, struct buf *b);
void step_reply_hold(struct call_step *s, const struct twiml_hold *h);
void step_reply_end(struct call_step *s, enum twiml_said said);
void step_reply_empty(struct call_step *s);
void step_hold_on(struct call_step *s); /* nothing is known now: the caller waits, and what was told is as it was */
/* A question about it, by `fn`. False: nobody leads the workspace now, or too many are under way; `fn` is not called. */
bool step_ask(struct call_step *s, struct act *act, bool patient, void (*fn)(void *step, const struct result *r));
/* What the leader's JSON says of a ticket. False: it is none. */
struct call_ticket {
    enum ticket_state state;
    uint64_t position, wait_ms; /* as in struct twiml_hold */
    bool on_line;
};
bool step_ticket(struct call_step *s, struct str body, struct call_ticket *out); /* its id, token, agent, customer go into *s */
/* Copies a text that fits, with a NUL; false: it does not, and `out` is "". */
bool step_copy(char *out, size_t room, struct str s);
void call_next(struct call_step *s); /* takes it: asks for the ticket of s->event, and answers by its state */
bool call_can_call(const struct door *d, struct str number); /* is there all that it takes to call this customer? */

#endif
