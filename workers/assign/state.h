/* The states of a ticket and what may happen to it in each: one table; an empty cell is a refusal. The words of the states are
   proto's ticket_state. */
#ifndef NARU_ASSIGN_STATE_H
#define NARU_ASSIGN_STATE_H

#include "proto/records.h"

#define TICKET_EVENT_MAP(X)                                                                                                        \
    X(EV_OPEN, "open")       /* comes into being: waiting */                                                                       \
    X(EV_RECOVER, "recover") /* has the owner that its home names, whatever Redis says */                                          \
    X(EV_OFFER, "offer")     /* to one agent, or to one more */                                                                    \
    X(EV_ACCEPT, "accept")                                                                                                         \
    X(EV_DECLINE, "decline")                                                                                                       \
    X(EV_OFFER_EXPIRED, "offer_expired")                                                                                           \
    X(EV_WITHDRAW, "withdraw") /* the offer is taken back */                                                                       \
    X(EV_AGENT_LOST, "agent_lost")                                                                                                 \
    X(EV_TRANSFER, "transfer") /* to another queue */                                                                              \
    X(EV_PARK, "park")                                                                                                             \
    X(EV_RESUME, "resume") /* back to the owner, who has room */                                                                   \
    X(EV_RESUME_WAIT, "resume_wait")                                                                                               \
    X(EV_WRAPUP, "wrapup")                                                                                                         \
    X(EV_RESOLVE, "resolve")                                                                                                       \
    X(EV_ABANDON, "abandon") /* the customer left */                                                                               \
    X(EV_CANCEL, "cancel")                                                                                                         \
    X(EV_EXPIRE, "expire")       /* waited, was held or parked for longer than anything may be */                                  \
    X(EV_START, "start")         /* the agent and the customer are in touch */                                                     \
    X(EV_SCHEDULE, "schedule")   /* put off until a time: a callback, a deferred start */                                          \
    X(EV_DUE, "due")             /* … which has come */                                                                          \
    X(EV_ASSIGN, "assign")       /* to one agent, by a person, whatever the policy would choose */                                 \
    X(EV_REQUEUE, "requeue")     /* back to waiting, by a person */                                                                \
    X(EV_HAND_OVER, "hand_over") /* a bot gives it to people */                                                                    \
    X(EV_CONSULT, "consult")     /* a second agent is asked in, or let go */                                                       \
    X(EV_REPLY, "reply")         /* who has it, or is consulted, wrote to the customer */
enum ticket_event { TICKET_EVENT_MAP(WORDS_ENUM) EV_COUNT };
#define TK_COUNT (TK_DEAD + 1)

/* TK_INVALID: refused. */
enum ticket_state state_next(enum ticket_state from, enum ticket_event ev);
bool state_live(enum ticket_state s);
bool state_has_agent(enum ticket_state s); /* somebody has it or is offered it */
const char *ticket_event_name(enum ticket_event ev);

#endif
