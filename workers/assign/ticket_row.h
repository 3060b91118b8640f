/* What Redis keeps of a workspace, beside head, lead and log (apply.lua), in hashes that all lie in one slot:
     naru:{ws}:tickets   id → packed ticket_row: what changes
     naru:{ws}:about     id → packed about: what came in
     naru:{ws}:held      id → "<units> <agent>", a line for each agent who has it or is offered it: the held sets
     naru:{ws}:presence  agent → packed agent_row
     naru:{ws}:customers key → packed customer_row
     naru:{ws}:config    "policy" and "agent:<name>" → packed config
   Few big hashes instead of one key a ticket: what a turn changed goes out as one command a hash, two words a ticket or agent. */
#ifndef NARU_ASSIGN_TICKET_ROW_H
#define NARU_ASSIGN_TICKET_ROW_H

#include "proto/records.h"

#define BACKOFF_FIELDS(X)    /* this agent is not offered the ticket again before then */ X(STR, agent, 128) X(TIME, until, 0)
#define OPEN_OFFER_FIELDS(X) X(STR, agent, 128) X(U32, units, 0) X(TIME, until, 0) X(U64, token_epoch, 0) X(U64, token_seq, 0)
#define SEEN_EVENT_FIELDS(X) X(ID, event, 0)
#define ABOUT_FIELDS(X)      /* what came in, and what later messages said of it */                                                \
    X(ID, event, 0)                                                                                                                \
    X(BOOL, call, 0)                                                                                                               \
    X(STR, channel, 32)                                                                                                            \
    X(STR, account, 64)                                                                                                            \
    X(STR, conversation, 256)                                                                                                      \
    X(STR, customer, 256)                                                                                                          \
    X(STR, name, 256)                                                                                                              \
    X(STR, subject, 1024)                                                                                                          \
    X(STR, language, 16)                                                                                                           \
    X(STR, intent, 64)                                                                                                             \
    X(F64, score, 0)                                                                                                               \
    X(LIST, tags, tag)                                                                                                             \
    X(BIN, verdict, 131072) /* packed, of the first event: for explain */                                                          \
    X(LIST, messages, message)                                                                                                     \
    X(LIST, events, seen_event)                                                                                                    \
    X(STR, named, 64)      /* the queue that a rule named last */                                                                  \
    X(BOOL, unsure, 0)     /* of the intent */                                                                                     \
    X(LIST, asked, need)   /* what verdicts asked for, beyond the queue */                                                         \
    X(STR, person, 256)    /* the customer over all channels: attribute customer.id; or empty */                                   \
    X(STR, preferred, 128) /* attribute customer.agent */                                                                          \
    X(ENUM, sentiment, sentiment)                                                                                                  \
    X(F64, confidence, 0)
#define TICKET_ROW_FIELDS(X)                                                                                                       \
    X(ID, id, 0)                                                                                                                   \
    X(ENUM, state, ticket_state)                                                                                                   \
    X(STR, queue, 64)                                                                                                              \
    X(ENUM, urgency, urgency)                                                                                                      \
    X(U32, home, 0)                                                                                                                \
    X(TIME, enqueued, 0)                                                                                                           \
    X(TIME, due, 0)    /* SLA: answer by */                                                                                        \
    X(STR, agent, 128) /* who has it, or is offered it */                                                                          \
    X(U32, units, 0)                                                                                                               \
    X(U64, token_epoch, 0)                                                                                                         \
    X(U64, token_seq, 0)                                                                                                           \
    X(U64, offer_epoch, 0) /* the token that was accepted: accepting again is the same accept */                                   \
    X(U64, offer_seq, 0)                                                                                                           \
    X(TIME, until, 0) /* of the offer, the hold, the wrap-up, the parking */                                                       \
    X(U32, step, 0)   /* next line of the queue's timeline */                                                                      \
    X(TIME, step_at, 0)                                                                                                            \
    X(LIST, needs, need)                                                                                                           \
    X(LIST, backoff, backoff)                                                                                                      \
    X(LIST, offers, open_offer) /* while it is offered */                                                                          \
    X(STR, only, 128)           /* nobody else is offered it until then */                                                         \
    X(TIME, only_until, 0)                                                                                                         \
    X(U32, only_skip, 0)                                                                                                           \
    X(BOOL, no_bots, 0)                                                                                                            \
    X(U32, offers_made, 0)                                                                                                         \
    X(TIME, assigned_at, 0)                                                                                                        \
    X(TIME, last_reply, 0)                                                                                                         \
    X(BOOL, started, 0)                                                                                                            \
    X(U32, callbacks, 0)                                                                                                           \
    X(LIST, owners, holder) /* who has had it, the first one first; 8 at most */                                                   \
    X(STR, consulted, 128)  /* who is asked in */                                                                                  \
    X(U32, consult_units, 0)                                                                                                       \
    X(LIST, wants, need)   /* what a transfer asked for */                                                                         \
    X(U64, steps, 0)       /* lines of the timeline that were taken: bit each; `step` was their number when they went in order */  \
    X(TIME, reply_from, 0) /* the customer's first message without a reply */                                                      \
    X(U64, overflowed, 0)  /* clauses of the overflow that it went through by age: bit each */                                     \
    X(U32, sla_told, 0)    /* targets counted as met or missed: bit each */                                                        \
    X(TIME, connect_by, 0) /* its owner is to start until then */                                                                  \
    X(BOOL, hung_up, 0)
#define AGENT_ROW_FIELDS(X)                                                                                                        \
    X(ENUM, presence, presence)                                                                                                    \
    X(STR, reason, 64)                                                                                                             \
    X(U64, session, 0)                                                                                                             \
    X(U32, router, 0)                                                                                                              \
    X(BOOL, connected, 0)                                                                                                          \
    X(U32, misses, 0)                                                                                                              \
    X(TIME, lost, 0)       /* went offline without saying so: what they hold returns a grace later */                              \
    X(TIME, idle, 0)       /* end of their last work */                                                                            \
    X(U32, day, 0)         /* policy_day of `taken` */                                                                             \
    X(U32, taken, 0)       /* accepted on that day */                                                                              \
    X(TIME, online, 0)     /* since when they are not offline */                                                                   \
    X(U64, claim, 0)       /* the least session number that is not an old one */                                                   \
    X(TIME, leaving, 0)    /* their connection has closed: offline then, unless they are back */                                   \
    X(TIME, ramp_at, 0)    /* begin of the ramp's minute that is running … */                                                    \
    X(U32, ramp_offers, 0) /* … and the offers made in it */
/* naru:{ws}:customers  customer → packed customer_row: whom they last had, until when, and their last tickets. The customer is the
   account, NUL, and the customer of the event; or NUL and the attribute customer.id. */
#define CUSTOMER_ROW_FIELDS(X) X(TIME, at, 0) X(STR, agent, 128) X(LIST, previous, previous)

#define ASSIGN_RECORD_MAP(X)                                                                                                       \
    X(backoff, BACKOFF_FIELDS)                                                                                                     \
    X(open_offer, OPEN_OFFER_FIELDS)                                                                                               \
    X(customer_row, CUSTOMER_ROW_FIELDS)                                                                                           \
    X(seen_event, SEEN_EVENT_FIELDS) X(about, ABOUT_FIELDS) X(ticket_row, TICKET_ROW_FIELDS) X(agent_row, AGENT_ROW_FIELDS)
ASSIGN_RECORD_MAP(RECORD_DECL)

#endif
