/* The events that this router has promised and not settled, and the tickets they went into: the router's memory.

   It is a fold over the journal's rows: the same functions take a row while the journal is replayed and a change while it
   happens, so that memory after a restart equals memory before it. Compaction moves live rows behind younger ones, and peers send
   things twice; therefore the fold does not depend on the order of its facts (a verdict may come before its event) and a fact
   that is known already changes nothing.

       accepted ──verdict──▶ triaged ──opened, joined──▶ taken ──ended──▶ settled
           └──────three attempts──▶ dead ──replay──▶ accepted       (no_ticket settles a triaged event at once) */
#ifndef NARU_ROUTER_EVENT_H
#define NARU_ROUTER_EVENT_H

#include "base/idmap.h"
#include "base/map.h"
#include "proto/records.h"
#include "router/customers.h"
#include "router/journal.h"

#include <sys/queue.h>

#define EVENT_STATE_MAP(X)                                                                                                         \
    X(EV_NONE, "none")                                                                                                             \
    X(EV_ACCEPTED, "accepted") X(EV_TRIAGED, "triaged") X(EV_TAKEN, "taken") X(EV_SETTLED, "settled") X(EV_DEAD, "dead")
WORDS_OF(event_state, EVENT_STATE_MAP)
#define EV_STATE_COUNT 6

#define EVENTS_WORKSPACES 1024u
#define ROW_PENDING       UINT64_MAX /* stands for a row's number until the journal has given it */

struct kept_event;
TAILQ_HEAD(event_list, kept_event);
struct waiter; /* intake's: an answer that waits for the commit */

struct kept_event {
    struct id id; /* first: see idmap.h */
    struct events *all;
    uint8_t state;    /* enum event_state; written by events_state alone */
    uint8_t attempts; /* of triage that failed; dispatch's */
    bool committed;   /* its row is durable */
    bool ended;       /* settled, or about to be; it is findable until that is durable */
    uint16_t workspace;
    uint64_t received; /* wall ms */

    TAILQ_ENTRY(kept_event) order; /* all, in the order of arrival */
    TAILQ_ENTRY(kept_event) link;  /* in the one list that it waits in … */
    struct event_list *in;         /* … which is this, or NULL */
    uint64_t since;                /* mono ms when it came into that list */

    uint64_t customer;                        /* hash of account and customer, or of the conversation that stands in */
    bool reaches, contacted;                  /* a message or a call; it counts among its customer's contacts */
    uint8_t sentiment;                        /* of its verdict */
    bool after;                               /* the verdict before it in its conversation came while it waited: … */
    uint8_t after_sentiment, after_urgency;   /* … this one */
    uint64_t conversation;                    /* hash of account and conversation; two that collide merely wait for each other */
    struct kept_event *conv_next, *conv_tail; /* dispatch's: who waits behind it */
    void *worker;                             /* dispatch's: whom it was sent to last */
    struct waiter *waiters;

    struct kept_ticket *ticket;      /* NULL until taken … */
    uint64_t taken_epoch, taken_seq; /* … by this change */
    TAILQ_ENTRY(kept_event) sibling;

    char *packed, *verdict; /* packed records, owned (`packed` may be `bytes`); NULL while unknown */
    uint32_t packed_n, verdict_n;
    uint64_t row_event, row_verdict, row_entry, row_dead; /* journal numbers, 0: no such row */
    uint64_t dead_at;                                     /* when it died or was replayed, whichever is later */
    char *cause;                                          /* why it died, as the row says; owned; NULL while it lives */
    bool dead;
    char bytes[]; /* of `packed`, when it was known at once */
};

enum ticket_stage { STAGE_LIVE, STAGE_ENDED, STAGE_HISTORY, STAGE_SETTLE }; /* what is being waited for, see settle.c */

struct kept_ticket {
    struct id id; /* first, likewise */
    struct events *all;
    struct event_list events;      /* in the order of arrival */
    TAILQ_ENTRY(kept_ticket) link; /* in events.ended once ended */
    struct buf life;               /* its changes: packed entries, in their order … */
    uint64_t life_epoch, life_seq; /* … up to this one */
    uint16_t life_count, workspace;
    uint8_t ticket_state, urgency, stage;
    uint8_t sentiment;     /* of the last verdict */
    bool known;            /* customer and conversation are */
    bool counted;          /* among the live tickets of its customer … */
    uint64_t customer;     /* … who is this */
    uint64_t conversation; /* key of by_conversation */
    uint64_t waits_since;  /* wall ms; 0: somebody has it, or it is parked */
    bool busy;             /* an answer of history or journal is on its way */
    uint32_t settling;
    char *agent, *queue; /* owned; NULL: none */
    uint64_t token_epoch, token_seq, deadline;
    uint64_t opened, ended; /* wall ms */
    uint64_t row_owner, row_end;
};
TAILQ_HEAD(ticket_list, kept_ticket);

struct events {
    void *owner; /* whose memory this is, for callbacks that get an event or a ticket */
    struct idmap by_id, by_ticket;
    struct map by_conversation; /* live tickets */
    struct customers customers;
    struct event_list order;
    struct ticket_list ended; /* tickets on their way out */
    uint64_t counts[EV_STATE_COUNT];
    uint64_t seed[2];
    size_t cap;
    char (*workspaces)[65];
    uint32_t workspace_count;
    struct arena scratch;
    struct buf entry; /* scratch of events_entry_packed */
};

enum err events_init(struct events *ev, size_t cap);
void events_fini(struct events *ev);

struct kept_event *events_find(const struct events *ev, const struct id *id);
struct kept_ticket *events_ticket(const struct events *ev, const struct id *id);
/* The event that an entry is about: its own, when that is kept here (*own), else the first of its ticket. NULL: none is known. */
const struct kept_event *events_about(const struct events *ev, const struct entry *en, bool *own);
/* The number of a workspace's name, given on first sight. ERR_FULL beyond EVENTS_WORKSPACES. */
enum err events_workspace(struct events *ev, struct str name, uint16_t *number);

/* The key of a conversation: kept_event.conversation, kept_ticket.conversation. */
uint64_t events_conversation_key(const struct events *ev, struct str account, struct str conversation);
/* The live ticket of a conversation (kept_event.conversation) as far as it is known here; NULL: none. */
struct kept_ticket *events_conversation(const struct events *ev, uint64_t conversation);
/* It is durable: a message or a call counts among its customer's contacts, once. */
void events_contact(struct events *ev, struct kept_event *e);
/* The key of an event's customer, or of its conversation when it names none. Reads only what never changes: any thread. */
uint64_t events_customer(const struct events *ev, const struct event *event);
/* What its verdict says that the next one of its conversation may be told. */
void events_heard(struct kept_event *e, const struct verdict *v);

/* ---- the fold. `number` is the row's (0: none). ERR_EXISTS: known already, nothing changed. ---- */
/* Copies `packed`. ERR_FULL at the cap. */
enum err events_accept(struct events *ev, const struct event *event, struct str packed, uint64_t number, struct kept_event **out);
enum err events_verdict(struct events *ev, struct kept_event *e, struct str packed, uint64_t number);
/* opened, joined, accepted, returned, ended. ERR_NOTFOUND: it concerns nothing that is kept here. */
struct folded {
    struct kept_ticket *ticket; /* the one concerned, also when nothing changed; NULL: none */
    uint64_t *row;              /* where its row's number stands, for who learns it later */
};
enum err events_entry(struct events *ev, const struct entry *entry, uint64_t number, bool replay, struct folded *out);
/* `death`: a packed entry row: event, at, cause, state TK_DEAD or (replayed by a person) TK_WAITING. */
enum err events_death(struct events *ev, const struct entry *death, uint64_t number);
/* Any row of these kinds, as the journal replays it. ERR_PROTO and the like: the row cannot be read; ERR_UNKNOWN: no such kind. */
enum err events_row(struct events *ev, uint64_t number, enum row_kind kind, const struct id *id, struct str body);
/* After a replay: facts without an event go, arrival order is put right. */
void events_replayed(struct events *ev);

/* The entry as it is kept, in its row and in the ticket's life: without what the row's id and the ticket's event tell already.
   Borrowed until the next call; empty when it could not be packed. */
struct str events_entry_packed(struct events *ev, const struct entry *entry);
/* Any change of a ticket, for its life, as events_entry_packed gives it; known ones and those beyond LIM_LIFE are left out. */
void events_life(struct kept_ticket *t, const struct entry *entry, struct str packed);
/* Its settlement is under way: it stays findable until events_drop. */
void events_settle(struct events *ev, struct kept_event *e);
void events_unsettle(struct events *ev, struct kept_event *e); /* it could not be written */
/* Frees the event, and its ticket with the last of its events. It must be in no list of others. */
void events_drop(struct events *ev, struct kept_event *e);

/* Is the row still needed, and: it has a new number. */
bool events_row_live(const struct events *ev, uint64_t number, const struct id *id);
void events_row_moved(struct events *ev, uint64_t from, uint64_t to, const struct id *id);

/* ---- lists ---- */
void event_list_push(struct event_list *l, struct kept_event *e, uint64_t now); /* at the end */
void event_list_push_front(struct event_list *l, struct kept_event *e, uint64_t now);
void event_list_leave(struct kept_event *e); /* whichever it is in; none is fine */

#endif
