/* A ticket and an agent as Redis keeps them: the same field tables as the words on the wire, so that a hash can be read by anyone.
   naru:{ws}:t:<id>   ticket_row     naru:{ws}:a:<name>   agent_row */
#ifndef NARU_ASSIGN_TICKET_ROW_H
#define NARU_ASSIGN_TICKET_ROW_H

#include "proto/records.h"

#define BACKOFF_FIELDS(X)    /* this agent is not offered the ticket again before then */ X(STR, agent, 128) X(TIME, until, 0)
#define SEEN_EVENT_FIELDS(X) X(ID, event, 0)
#define ABOUT_FIELDS(X)      /* what never changes */                                                                              \
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
    X(BIN, verdict, 131072) /* packed: for explain */
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
    X(LIST, messages, message)                                                                                                     \
    X(LIST, events, seen_event)                                                                                                    \
    X(BIN, about, 262144)
#define AGENT_ROW_FIELDS(X)                                                                                                        \
    X(ENUM, presence, presence)                                                                                                    \
    X(STR, reason, 64)                                                                                                             \
    X(U64, session, 0)                                                                                                             \
    X(U32, router, 0)                                                                                                              \
    X(BOOL, connected, 0)                                                                                                          \
    X(U32, misses, 0)                                                                                                              \
    X(TIME, lost, 0) /* went offline without saying so: what they hold returns a grace later */                                    \
    X(TIME, idle, 0) /* end of their last work */

#define ASSIGN_RECORD_MAP(X)                                                                                                       \
    X(backoff, BACKOFF_FIELDS)                                                                                                     \
    X(seen_event, SEEN_EVENT_FIELDS) X(about, ABOUT_FIELDS) X(ticket_row, TICKET_ROW_FIELDS) X(agent_row, AGENT_ROW_FIELDS)
ASSIGN_RECORD_MAP(RECORD_DECL)

/* The bit of each field of a ticket_row: TF_state … */
#define TF_BIT(KIND, name, arg) TFB_##name,
enum ticket_field_bit { TICKET_ROW_FIELDS(TF_BIT) TFB_COUNT };
#define TF(name) (1ull << TFB_##name)

#endif
