/* The words of Naru on the wire: every record and every enum, each listed once. See record.h for what a list gives.
   Fields are only ever added at the end; enum words are only ever added at the end. */
#ifndef NARU_PROTO_RECORDS_H
#define NARU_PROTO_RECORDS_H

#include "base/limits.h"
#include "proto/record.h"

/* ---- enums: X(CONSTANT, "word") ---- */
#define ROLE_MAP(X) X(ROLE_NONE, "none") X(ROLE_ROUTER, "router") X(ROLE_TRIAGE, "triage") X(ROLE_ASSIGN, "assign") X(ROLE_SCORER, "scorer")
#define EVENT_KIND_MAP(X) \
    X(EVENT_MESSAGE, "message") X(EVENT_CALL, "call") X(EVENT_HANGUP, "hangup") X(EVENT_RECEIPT, "receipt") X(EVENT_SURVEY, "survey")
#define URGENCY_MAP(X) X(URG_LOW, "low") X(URG_NORMAL, "normal") X(URG_HIGH, "high") X(URG_CRITICAL, "critical")
#define SENTIMENT_MAP(X) X(SENT_UNKNOWN, "unknown") X(SENT_NEGATIVE, "negative") X(SENT_NEUTRAL, "neutral") X(SENT_POSITIVE, "positive")
#define TICKET_STATE_MAP(X)                                                                                                 \
    X(TK_INVALID, "invalid") X(TK_WAITING, "waiting") X(TK_OFFERED, "offered") X(TK_ASSIGNED, "assigned")                   \
    X(TK_WRAPUP, "wrapup") X(TK_SCHEDULED, "scheduled") X(TK_PARKED, "parked") X(TK_RESOLVED, "resolved")                   \
    X(TK_ABANDONED, "abandoned") X(TK_CANCELLED, "cancelled") X(TK_EXPIRED, "expired") X(TK_DEAD, "dead")
#define PRESENCE_MAP(X) X(PRES_OFFLINE, "offline") X(PRES_AVAILABLE, "available") X(PRES_AWAY, "away")
/* What an entry of the change log says happened. */
#define ENTRY_KIND_MAP(X)                                                                                                   \
    X(ENTRY_NONE, "none")                                                                                                   \
    X(ENTRY_OPENED, "opened")        /* event → a new ticket */                                                             \
    X(ENTRY_JOINED, "joined")        /* event → a live ticket */                                                            \
    X(ENTRY_NO_TICKET, "no_ticket")  /* event kept, no ticket concerned */                                                  \
    X(ENTRY_OFFERED, "offered")                                                                                             \
    X(ENTRY_ACCEPTED, "accepted")    /* the new owner; token changes */                                                     \
    X(ENTRY_DECLINED, "declined")                                                                                           \
    X(ENTRY_OFFER_EXPIRED, "offer_expired")                                                                                 \
    X(ENTRY_WITHDRAWN, "withdrawn")                                                                                         \
    X(ENTRY_RELAXED, "relaxed")      /* a timeline step */                                                                  \
    X(ENTRY_MOVED, "moved")          /* to another queue */                                                                 \
    X(ENTRY_RETURNED, "returned")    /* owner lost or gave it back: waiting again; token changes */                         \
    X(ENTRY_PARKED, "parked") X(ENTRY_RESUMED, "resumed")                                                                   \
    X(ENTRY_WRAPUP, "wrapup")                                                                                               \
    X(ENTRY_ENDED, "ended")          /* state says which end */                                                             \
    X(ENTRY_PRESENCE, "presence")    /* agent, state in cause */                                                            \
    X(ENTRY_CONFIG, "config")        /* an agent or a policy changed; detail is the packed `config` record */               \
    X(ENTRY_RETRIAGED, "retriaged")  /* urgency, needs or deadline moved by a later verdict */                              \
    X(ENTRY_STARTED, "started")      /* the agent and the customer are in touch */                                          \
    X(ENTRY_REPLIED, "replied")      /* the agent wrote to the customer; detail {"message", "by", "text", "subject", "sent"} */ \
    X(ENTRY_NOTIFIED, "notified")    /* somebody was told; detail {"to": […], "text"} */                                    \
    X(ENTRY_UPDATED, "updated")      /* the customer is to be told; detail {"text", "position", "wait_s", "opens"} */       \
    X(ENTRY_SCHEDULED, "scheduled")  /* a callback or a deferred start; detail {"until"} */                                  \
    X(ENTRY_DUE, "due")              /* scheduled → waiting */                                                              \
    X(ENTRY_DEFLECTED, "deflected")  /* the policy asks integrations to do something; detail {"to"} */                      \
    X(ENTRY_CONSULTED, "consulted")  /* a colleague is asked in, or let go (cause "over") */                                \
    X(ENTRY_HANDED_OVER, "handed_over") /* a bot's ticket waits for people now */                                           \
    X(ENTRY_QUEUE, "queue")          /* a queue's figures changed; detail as in GET /v1/queues/{name} */
#define ACT_KIND_MAP(X)                                                                                                     \
    X(ACT_NONE, "none")                                                                                                     \
    X(ACT_CONNECT, "connect")       /* an agent's socket opened: agent, router; the result tells session, held and offered tickets */ \
    X(ACT_DISCONNECT, "disconnect") /* … closed: agent, session */                                                          \
    X(ACT_HEARTBEAT, "heartbeat")   /* agent, session: prolongs the lease; no result is sent */                             \
    X(ACT_PRESENCE, "presence")     /* agent, presence, reason */                                                           \
    X(ACT_ACCEPT, "accept") X(ACT_DECLINE, "decline") X(ACT_RESOLVE, "resolve") X(ACT_PARK, "park") X(ACT_RESUME, "resume")  \
    X(ACT_TRANSFER, "transfer") X(ACT_CANCEL, "cancel")                                                                     \
    X(ACT_TICKET, "ticket")         /* read one live ticket */                                                              \
    X(ACT_TICKETS, "tickets")       /* read: args state, queue, agent, after, limit */                                      \
    X(ACT_QUEUES, "queues") X(ACT_AGENTS, "agents") X(ACT_AGENT, "agent")                                                   \
    X(ACT_CONFIG, "config")         /* body is the packed `config` record */                                                \
    X(ACT_EXPLAIN, "explain")                                                                                               \
    X(ACT_START, "start")           /* in touch with the customer: within the channel's `connect` */                        \
    X(ACT_REPLY, "reply")           /* wrote to the customer: text */                                                       \
    X(ACT_ASSIGN, "assign")         /* supervisor: to agent `to`, whatever the policy would choose */                       \
    X(ACT_PULL, "pull")             /* agent, ticket: takes a waiting one for oneself */                                    \
    X(ACT_REQUEUE, "requeue")       /* supervisor: back to waiting, in `queue` when given */                                \
    X(ACT_CONSULT, "consult")       /* asks agent `to` in, or with `reason` "over" lets them go */                          \
    X(ACT_CALLBACK, "callback")     /* puts it off until `at`, or by the queue's rule */                                    \
    X(ACT_HANDOVER, "handover")     /* a bot gives it to people */                                                          \
    X(ACT_MESSAGE, "message")       /* home: what became of a reply: ticket, message, reason (its state), text (why); no result is sent */
/* The stages of triage that a model answers, and that a scorer of one's own may answer instead. */
#define ANSWER_MAP(X) \
    X(ANSWER_INTENT, "intent") X(ANSWER_URGENCY, "urgency") X(ANSWER_SENTIMENT, "sentiment") X(ANSWER_LANGUAGE, "language")
#define CONFIG_KIND_MAP(X) X(CONFIG_NONE, "none") X(CONFIG_POLICY, "policy") X(CONFIG_AGENT, "agent") X(CONFIG_AGENT_GONE, "agent_gone") \
    X(CONFIG_PEOPLE, "people") /* customers: passed on to all routers, not kept by the leader */

#define WORDS_ENUM(id, word) id,
#define WORDS_OF(name, MAP)       \
    enum name { MAP(WORDS_ENUM) }; \
    extern const struct words name##_words;
WORDS_OF(role, ROLE_MAP)
WORDS_OF(event_kind, EVENT_KIND_MAP)
WORDS_OF(urgency, URGENCY_MAP)
WORDS_OF(sentiment, SENTIMENT_MAP)
WORDS_OF(ticket_state, TICKET_STATE_MAP)
WORDS_OF(presence, PRESENCE_MAP)
WORDS_OF(entry_kind, ENTRY_KIND_MAP)
WORDS_OF(act_kind, ACT_KIND_MAP)
WORDS_OF(config_kind, CONFIG_KIND_MAP)
WORDS_OF(answer, ANSWER_MAP)

/* ---- records: X(KIND, name, arg) ---- */

#define NEED_FIELDS(X) X(STR, skill, 64) X(U32, level, 0)
#define TAG_FIELDS(X)  X(STR, name, 64)
#define REASON_FIELDS(X) /* one reason of a verdict: which part of it, by what (rule:outage, script, default), with what detail */ \
    X(STR, part, 32) X(STR, by, 128) X(STR, detail, 256)
#define ATTRIBUTE_FIELDS(X) X(STR, key, 64) X(STR, value, 1024)

#define EVENT_FIELDS(X)                                                                                                     \
    X(ID, id, 0)                                                                                                            \
    X(STR, workspace, 64)                                                                                                   \
    X(STR, account, 64)                                                                                                     \
    X(STR, channel, 32)                                                                                                     \
    X(STR, external, 256)       /* the provider's id: with the account, the identity */                                     \
    X(ENUM, kind, event_kind)                                                                                               \
    X(STR, conversation, 256)   /* never empty once ingested: what threads events together within the account */            \
    X(STR, customer, 256)       /* opaque id within (channel, account); may be empty */                                     \
    X(STR, name, 256)           /* the customer's display name */                                                           \
    X(STR, subject, 1024)                                                                                                   \
    X(STR, text, LIM_TEXT)                                                                                                  \
    X(STR, language, 16)        /* stated by the source; empty: to be found by triage */                                    \
    X(LIST, attributes, attribute) /* customer.tier, customer.*, event.* */                                                 \
    X(TIME, received, 0)                                                                                                    \
    X(U32, home, 0)             /* the router that took it */                                                               \
    X(STR, person, 128)         /* the customer over all channels, when the identity is linked to one; may be empty */

#define VERDICT_FIELDS(X)                                                                                                   \
    X(ID, event, 0)                                                                                                         \
    X(STR, workspace, 64)                                                                                                   \
    X(STR, policy, 80)          /* version it was made under */                                                             \
    X(STR, error, 256)          /* not empty: triage failed on this event; counts as an attempt */                          \
    X(STR, language, 16)        /* BCP 47 language subtag, or "und" */                                                      \
    X(STR, intent, 64)          /* empty: none found */                                                                     \
    X(F64, confidence, 0)                                                                                                   \
    X(BOOL, unsure, 0)                                                                                                      \
    X(ENUM, urgency, urgency)                                                                                               \
    X(F64, score, 0)            /* urgency, 0..1 */                                                                         \
    X(ENUM, sentiment, sentiment)                                                                                           \
    X(LIST, needs, need)        /* from rules, beyond those of the queue */                                                 \
    X(LIST, tags, tag)                                                                                                      \
    X(STR, queue, 64)           /* set by a rule; empty: by the queues' takes */                                            \
    X(LIST, rules, tag)         /* names of the rules that fired, in order */                                               \
    X(LIST, reasons, reason)                                                                                                \
    X(U32, took_us, 0)

#define TAKE_FIELDS(X) X(REC, event, event) X(REC, verdict, verdict)

#define ENTRY_FIELDS(X)                                                                                                     \
    X(STR, workspace, 64)                                                                                                   \
    X(U64, epoch, 0)                                                                                                        \
    X(U64, seq, 0)                                                                                                          \
    X(ENUM, kind, entry_kind)                                                                                               \
    X(TIME, at, 0)                                                                                                          \
    X(ID, ticket, 0)                                                                                                        \
    X(ID, event, 0)                                                                                                         \
    X(U32, home, 0)             /* the router whose journal must have it, and which tells webhooks of it */                 \
    X(STR, agent, 128)                                                                                                      \
    X(ENUM, state, ticket_state) /* after the change */                                                                     \
    X(STR, queue, 64)                                                                                                       \
    X(ENUM, urgency, urgency)                                                                                               \
    X(U64, token_epoch, 0)      /* of the ticket after the change */                                                        \
    X(U64, token_seq, 0)                                                                                                    \
    X(TIME, deadline, 0)        /* of the offer, or of the state: the hold, the callback */                                 \
    X(STR, policy, 80)                                                                                                      \
    X(STR, cause, 128)          /* why: "agent_lost", "step 2", "rule:…", a reason given by a person */                     \
    X(BIN, detail, 65536)       /* kind's own, JSON: offered → candidates and scores; retriaged → event, changes, verdict. config → packed `config` */ \
    X(STR, actor, 128)          /* who asked for it, when somebody did: the token's subject */

/* What the agent of an offer (or of a joined message, or of a resumed session) is shown. Not logged; sent after its entry. */
#define MESSAGE_FIELDS(X) X(ID, event, 0) X(TIME, at, 0) X(STR, by, 128) X(STR, text, 16384)
#define HOLDER_FIELDS(X)   X(STR, agent, 128)
#define PREVIOUS_FIELDS(X) X(ID, ticket, 0) X(TIME, at, 0) X(STR, queue, 64) X(STR, agent, 128) X(ENUM, state, ticket_state) X(STR, intent, 64)
#define OFFER_FIELDS(X)                                                                                                     \
    X(STR, workspace, 64)                                                                                                   \
    X(STR, what, 16)            /* "offer", "withdrawn", "assigned" (held on resume, or auto), "message", "message_state", "ended", "returned", "changed", "consult", "notice", "replaced" (the agent has connected again: that session is over) */ \
    X(STR, agent, 128)                                                                                                      \
    X(U64, session, 0)                                                                                                      \
    X(ID, ticket, 0)                                                                                                        \
    X(U64, token_epoch, 0)                                                                                                  \
    X(U64, token_seq, 0)                                                                                                    \
    X(ENUM, state, ticket_state)                                                                                            \
    X(U32, expires_in, 0)       /* milliseconds an offer still stands */                                                    \
    X(STR, queue, 64)                                                                                                       \
    X(STR, channel, 32)                                                                                                     \
    X(STR, account, 64)                                                                                                     \
    X(STR, conversation, 256)                                                                                               \
    X(STR, customer, 256)                                                                                                   \
    X(STR, name, 256)                                                                                                       \
    X(STR, language, 16)                                                                                                    \
    X(STR, intent, 64)                                                                                                      \
    X(ENUM, urgency, urgency)                                                                                               \
    X(F64, score, 0)                                                                                                        \
    X(STR, subject, 1024)                                                                                                   \
    X(LIST, needs, need)                                                                                                    \
    X(LIST, tags, tag)                                                                                                      \
    X(TIME, created, 0)                                                                                                     \
    X(TIME, deadline, 0)        /* SLA: answer by */                                                                        \
    X(STR, cause, 128)                                                                                                      \
    X(LIST, messages, message)                                                                                              \
    X(ENUM, sentiment, sentiment) /* of the last verdict that found one */                                                  \
    X(F64, confidence, 0)                                                                                                   \
    X(LIST, rules, tag)         /* that fired on the first message */                                                       \
    X(LIST, owners, holder)     /* agents who have had it, the first one first */                                           \
    X(LIST, previous, previous) /* tickets of the same customer, the latest first */                                        \
    X(ID, message, 0)           /* of "message_state": the reply; `cause` is its state … */                                 \
    X(STR, why, 256)            /* … and this is why it is in it */

#define ACT_FIELDS(X)                                                                                                       \
    X(U64, id, 0)               /* chosen by the router, echoed in the result */                                            \
    X(STR, workspace, 64)                                                                                                   \
    X(ENUM, kind, act_kind)                                                                                                 \
    X(STR, agent, 128)                                                                                                      \
    X(U64, session, 0)                                                                                                      \
    X(U32, router, 0)                                                                                                       \
    X(ID, ticket, 0)                                                                                                        \
    X(U64, token_epoch, 0)                                                                                                  \
    X(U64, token_seq, 0)                                                                                                    \
    X(STR, actor, 128)          /* who asks: the token's subject, for the audit */                                          \
    X(BOOL, privileged, 0)      /* supervisor or operator: may act on others' tickets without the ticket's token */         \
    X(ENUM, presence, presence)                                                                                             \
    X(ENUM, state, ticket_state) /* filter of `tickets`; TK_INVALID: all */                                                 \
    X(STR, queue, 64)           /* transfer to, or filter */                                                                \
    X(STR, reason, 256)                                                                                                     \
    X(ID, after, 0)             /* `tickets`: the page after this id */                                                     \
    X(U32, limit, 0)                                                                                                        \
    X(BIN, body, LIM_ACT_BODY)                                                                                              \
    X(STR, to, 128)             /* assign, consult, transfer: this agent */                                                 \
    X(LIST, needs, need)        /* transfer: what it needs from now on, beyond the queue's */                               \
    X(TIME, at, 0)              /* callback: when */                                                                        \
    X(STR, text, 16384)         /* reply */                                                                                 \
    X(ID, event, 0)             /* `ticket`, without one: the ticket that this event went to; ended: 409 wrong-state */ \
    X(STR, subject, 1024)       /* reply: of a mail */                                                                      \
    X(ID, message, 0)           /* reply: its id, chosen by the router, so that the same one asked twice is one */          \
    X(BOOL, sent, 0)            /* reply: it went out elsewhere and is only put on record */                                \
    X(STR, match, 256)          /* config: 412 unless what is replaced has one of these versions ("a,b"; "*": any) */

#define RESULT_FIELDS(X)                                                                                                    \
    X(U64, id, 0)                                                                                                           \
    X(U32, status, 0)           /* as HTTP's: 200, 403, 404, 409, 503 … */                                                  \
    X(STR, problem, 64)         /* stable problem type when status >= 400: "ticket-not-offered-to-you" */                   \
    X(STR, detail, 512)         /* a sentence */                                                                            \
    X(STR, body, 786432)        /* JSON, or empty */                                                                        \
    X(U64, session, 0)          /* of `connect` */

/* A policy or an agent made at run time. The newest `at` wins everywhere. */
#define CONFIG_FIELDS(X)                                                                                                    \
    X(STR, workspace, 64)                                                                                                   \
    X(ENUM, kind, config_kind)                                                                                              \
    X(STR, name, 128)           /* the agent's name; empty for the policy */                                                \
    X(STR, version, 80)         /* content hash of a policy */                                                              \
    X(TIME, at, 0)                                                                                                          \
    X(STR, source, 256)         /* "file:policy.yaml", "api:alice" */                                                       \
    X(BIN, body, LIM_YAML_BYTES) /* policy: YAML. agent: JSON as PUT /v1/agents/{id} takes it. people: packed customers, one after the other (router/people.h); none, and name "since": tell again those newer than version says, in milliseconds */

#define HELLO_FIELDS(X) /* introduces a process, and is its heartbeat: sent every second to every peer */                   \
    X(ENUM, role, role) X(STR, inbox, 256) X(U32, window, 0) X(U32, number, 0) X(U32, pid, 0) X(STR, version, 32)           \
    X(STR, dialled, 256)        /* the address that was dialled: stated by who dials, repeated by who answers */            \
    X(U32, losses, 0)           /* how often you were given up while your life went on: when it rises, begin anew with us */
#define LEAD_FIELDS(X) /* assigner → router, on leading and on meeting a router: "I lead this workspace" */                 \
    X(STR, workspace, 64) X(U64, epoch, 0) X(U64, seq, 0)
#define SEEN_FIELDS(X) /* router → assigner. all changes up to seq are known here and, where this is home, committed */     \
    X(STR, workspace, 64) X(U64, epoch, 0) X(U64, seq, 0)
#define SYNC_FIELDS(X) /* assigner → router: "send me all that is not settled"; router → assigner: "that was all" */        \
    X(STR, workspace, 64) X(U64, epoch, 0) X(U64, seq, 0) X(BOOL, done, 0)
#define LIVE_FIELDS(X) /* router → assigner, answer to sync: one unsettled event with what home knows of its ticket */      \
    X(U64, epoch, 0) X(REC, take, take) X(ID, ticket, 0) X(STR, agent, 128) X(U64, token_epoch, 0) X(U64, token_seq, 0)     \
    X(BOOL, untriaged, 0)       /* of the take, there is the event's id and workspace alone: what came of it is not over, and it will come again */
#define STATS_FIELDS(X) X(BIN, values, 524288)

#define SCORER_FIELDS(X) /* what a scorer answers; said again with every HELLO, and the last one counts */                  \
    X(STR, name, 64)            /* of the model: reasons say "scorer:NAME". Scorers of one name share the work */           \
    X(LIST, stages, tag)        /* words of [answer](#words) */                                                             \
    X(LIST, workspaces, tag)    /* empty: all */                                                                            \
    X(U32, at_once, 0)          /* questions it wants unanswered at a time; 0: as many as its window */
#define SCORE_FIELDS(X) /* one stage of one event, to be answered within the time */                                        \
    X(U64, id, 0)               /* of the question, at most 2^53; echoed in the answer */                                   \
    X(ENUM, stage, answer)                                                                                                  \
    X(ID, event, 0)                                                                                                         \
    X(STR, workspace, 64)                                                                                                   \
    X(STR, account, 64)                                                                                                     \
    X(STR, channel, 32)                                                                                                     \
    X(STR, language, 16)        /* stated by the source, else as far as ours can tell; may be "und" */                      \
    X(STR, subject, 1024)                                                                                                   \
    X(STR, text, LIM_SCORE_TEXT) /* the customer's own words: without what is quoted, without signature */                  \
    X(LIST, attributes, attribute) /* as the event's */                                                                     \
    X(U32, within_ms, 0)        /* from the sending on; a later answer is counted and not used */
#define SCORED_FIELDS(X) /* the answer to one question */                                                                   \
    X(U64, id, 0)               /* of the question */                                                                       \
    X(STR, label, 256)          /* an intent; a word of [urgency](#words); "negative", "neutral", "positive"; a language */ \
    X(F64, p, 0)                /* how sure, 0..1 */                                                                        \
    X(STR, second, 256)         /* the next best label, or empty */                                                         \
    X(BOOL, oos, 0)             /* intent only: none of those it knows; label is empty then */                              \
    X(STR, reason, 256)         /* for people: shown by `naru explain` */                                                   \
    X(STR, error, 256)          /* not empty: it cannot say */

/* ---- what comes of the lists ---- */
#define DECL_BOOL(name, arg) bool name;
#define DECL_U32(name, arg)  uint32_t name;
#define DECL_U64(name, arg)  uint64_t name;
#define DECL_F64(name, arg)  double name;
#define DECL_TIME(name, arg) uint64_t name;
#define DECL_ID(name, arg)   struct id name;
#define DECL_STR(name, arg)  struct str name;
#define DECL_BIN(name, arg)  struct str name;
#define DECL_ENUM(name, arg) enum arg name;
#define DECL_LIST(name, arg) struct list name;
#define DECL_REC(name, arg)  struct arg name;
#define FIELD_DECL(KIND, name, arg) DECL_##KIND(name, arg)

#define RECORD_MAP(X)                                                                                                       \
    X(need, NEED_FIELDS) X(tag, TAG_FIELDS) X(reason, REASON_FIELDS) X(attribute, ATTRIBUTE_FIELDS) X(event, EVENT_FIELDS)   \
    X(verdict, VERDICT_FIELDS) X(take, TAKE_FIELDS) X(entry, ENTRY_FIELDS) X(message, MESSAGE_FIELDS)                     \
    X(holder, HOLDER_FIELDS) X(previous, PREVIOUS_FIELDS) X(offer, OFFER_FIELDS)                                                                     \
    X(act, ACT_FIELDS) X(result, RESULT_FIELDS) X(config, CONFIG_FIELDS) X(hello, HELLO_FIELDS) X(lead, LEAD_FIELDS)         \
    X(seen, SEEN_FIELDS) X(sync, SYNC_FIELDS) X(live, LIVE_FIELDS) X(stats, STATS_FIELDS) X(scorer, SCORER_FIELDS)          \
    X(score, SCORE_FIELDS) X(scored, SCORED_FIELDS)

#define RECORD_DECL(name, FIELDS)  \
    struct name {                  \
        FIELDS(FIELD_DECL)         \
    };                             \
    extern const struct record name##_record;
RECORD_MAP(RECORD_DECL)

/* The table of a record declared by RECORD_DECL, for the one .c file that keeps it (records.c; a room's own records live there).
   FIELDS' X becomes "AT(record) (KIND, name, arg)": the first half opens offsetof, the second ends it. */
#define FIELD_AT(rec) { .offset = __builtin_offsetof(struct rec, FIELD_AT_END
#define FIELD_AT_END(KIND, field, arg) field), .name = #field, .kind = FIELD_##KIND, ROW_##KIND(arg) },
#define ROW_BOOL(arg) .max = 0
#define ROW_U32(arg)  .max = 0
#define ROW_U64(arg)  .max = 0
#define ROW_F64(arg)  .max = 0
#define ROW_TIME(arg) .max = 0
#define ROW_ID(arg)   .max = 0
#define ROW_STR(arg)  .max = (arg)
#define ROW_BIN(arg)  .max = (arg)
#define ROW_ENUM(arg) .words = &arg##_words
#define ROW_LIST(arg) .max = LIM_LIST_ITEMS, .item = &arg##_record
#define ROW_REC(arg)  .item = &arg##_record
#define RECORD_TABLE(rec, FIELDS)                                             \
    static const struct field rec##_fields[] = { FIELDS(FIELD_AT(rec)) };      \
    const struct record rec##_record = { #rec, sizeof(struct rec), rec##_fields, sizeof rec##_fields / sizeof *rec##_fields };
/* … and the words of an enum declared by WORDS_OF. */
#define WORDS_TEXT(id, word) word,
#define WORDS_TABLE(name, MAP)                                  \
    static const char *const name##_texts[] = { MAP(WORDS_TEXT) }; \
    const struct words name##_words = { name##_texts, sizeof name##_texts / sizeof *name##_texts };

/* ---- messages: X(wire number, CONSTANT, record). Numbers are never reused. ---- */
#define MSG_MAP(X)                                                                                                          \
    X(1, HELLO, hello)      /* all ↔ all                                                                                */  \
    X(2, EVENT, event)      /* router → triage                                                                          */  \
    X(3, VERDICT, verdict)  /* triage → router                                                                          */  \
    X(4, TAKE, take)        /* router → assigner: a triaged event; answered by an opened/joined/no_ticket entry          */  \
    X(5, ENTRY, entry)      /* assigner → router: the change log                                                        */  \
    X(6, SEEN, seen)        /* router → assigner: cumulative acknowledgement of entries                                 */  \
    X(7, OFFER, offer)      /* assigner → router: something for an agent's socket                                       */  \
    X(8, ACT, act)          /* router → assigner: a question or an act                                                  */  \
    X(9, RESULT, result)    /* assigner → router                                                                        */  \
    X(10, CONFIG, config)   /* router → triage (policy), router → assigner (in answer to sync)                          */  \
    X(11, LEAD, lead)       /* assigner → router                                                                        */  \
    X(12, SYNC, sync)       /* assigner ↔ router                                                                        */  \
    X(13, LIVE, live)       /* router → assigner                                                                        */  \
    X(14, STATS, stats)     /* triage, assigner → router: metrics, every second                                         */  \
    X(15, SCORER, scorer)   /* scorer → triage: what it answers                                                         */  \
    X(16, SCORE, score)     /* triage → scorer: a question                                                              */  \
    X(17, SCORED, scored)   /* scorer → triage: its answer                                                              */
#define MSG_ENUM(no, id, rec) MSG_##id = no,
enum msg { MSG_MAP(MSG_ENUM) MSG_COUNT = 64 };
struct msg_row {
    const char *name;
    const struct record *record;
};
extern const struct msg_row msg_table[MSG_COUNT]; /* an empty row is an unknown type */

#endif
