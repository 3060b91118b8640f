/* What the parts of `naru crowd` share: the crowd, its agents, tickets and deals.

   What an agent has to do with one ticket is a `deal`: it begins with an offer (or with `assigned`, when the server says on resume
   that a ticket is still ours) and goes
       accepting → thinking → resolving → gone          declining → gone
                     │  ├──── replying → resolving
                     │  ├──── parking → parked → resuming → thinking, or gone: it waits for room
                     │  └──── transferring → gone
                     └─ (an extra act that is refused: resolving)
   With --talk, a customer's ticket goes thinking → replying → thinking each time that they write, and is resolved when they have been
   silent for a while.
   It lives in its agent's list, in its ticket's list, and in the `due` heap whenever something is to happen without a word from the
   server: the end of thinking, or an act that is said again because no answer came in 3 s. */
#ifndef NARU_CLI_CROWD_H
#define NARU_CLI_CROWD_H

#include "base/heap.h"
#include "base/id.h"
#include "base/map.h"
#include "cli/hist.h"
#include "cli/tell.h"
#include "cli/ws_client.h"

#define TOKEN_MAX     48u
#define SLOT_BITS     20u
#define DEALS_MAX     (UINT32_C(1) << SLOT_BITS)
#define TICKETS_MAX   (UINT32_C(1) << 22)
#define ENROL_AT_ONCE 100u
#define AGENT_PATH    "/v1/agents/"
#define AGENT_STREAM  "/stream"

struct crowd_opts {
    const char *names, *prefix, *skills, *url, *token, *token_file, *talk;
    uint64_t agents, capacity, think, seconds, until_idle;
    uint64_t seed;
    double decline, ignore, vanish, reply, park, transfer;
    bool enrol, json;
};

enum deal_state {
    DEAL_FREE,
    DEAL_ACCEPTING,
    DEAL_THINKING,
    DEAL_RESOLVING,
    DEAL_DECLINING,
    DEAL_REPLYING,
    DEAL_PARKING,
    DEAL_PARKED,
    DEAL_RESUMING,
    DEAL_TRANSFERRING
};

struct ticket {
    struct id id; /* its key in the map */
    bool resolved;
    TAILQ_HEAD(, deal) deals;
};
struct deal {
    enum deal_state state;
    bool held, withdrawn;      /* withdrawn: while accepting; the result decides */
    bool replied, parked_once; /* at most once each; of one that talks, replied: to all that was written */
    bool talks, korean;        /* its customer is answered in words, as long as they write … */
    bool more;                 /* … which they did while an act was under way */
    uint32_t said;             /* how often */
    uint32_t slot;
    uint64_t act;          /* number of the act under way, over all deals */
    uint64_t asked_us;     /* when that act was first said */
    uint64_t suspected_us; /* another agent was told that it holds the ticket while we did */
    struct agent *agent;
    struct ticket *ticket;
    struct heap_node due; /* ms */
    TAILQ_ENTRY(deal) of_agent, of_ticket;
    char token[TOKEN_MAX];
};
struct agent {
    struct crowd *crowd;
    struct ws_client ws;
    bool welcome; /* the server has told its welcome on this connection */
    bool was_welcome, available, registered;
    uint64_t said_us; /* presence, last */
    TAILQ_HEAD(, deal) deals;
    char name[129], path[3 * 129 + sizeof AGENT_PATH AGENT_STREAM];
};
struct enrolment { /* PUT of every agent, before the first one connects */
    struct client net;
    struct answers answers;
    struct buf body;
    uint32_t asked[ENROL_AT_ONCE], first, under_way; /* a ring: agents in the order of the answers to come */
    uint32_t cursor, done;
    struct timer again, deadline;
    bool over;
};
struct crowd {
    struct crowd_opts o;
    struct client_hub *hub;
    struct agent *agents;
    uint32_t count, welcome;
    struct enrolment enrol;
    struct map tickets;
    struct deal **slots;
    uint32_t slots_used, slots_room;
    TAILQ_HEAD(, deal) spare;
    uint32_t live; /* deals */
    uint64_t acts;
    struct heap due;
    int64_t armed;
    struct timer wake, second, farewell;
    struct signals signals;
    uint64_t now_us, tick, start_us, busy_us, stop_us, told_resolved, told_us;
    bool stopping, over, failed, warned;
    struct buf text;
    struct hist offer_ms, accept_ms, resolve_ms;
    struct tally refused;
    uint64_t offers, accepted, declined, ignored, replied, parked, resumed, transferred, vanished, withdrawn, expired, resolved,
        reconnects, doubles;
};

/* ---- crowd_deal.c ---- */

struct ticket *ticket_get(struct crowd *c, const struct id *id);     /* NULL: never heard of */
struct ticket *ticket_make(struct crowd *c, const struct id *id);    /* finds or makes; NULL without memory */
struct deal *deal_of(const struct agent *a, const struct ticket *t); /* NULL: none; `t` may be NULL */
struct deal *deal_new(struct agent *a, struct ticket *t);            /* NULL: no memory, or DEALS_MAX */
void deal_free(struct deal *d);                                      /* its ticket may go with it */
void deal_due(struct deal *d, uint64_t after_ms);
/* The server says that the deal's agent holds its ticket: counted as double when another one does. */
void deal_hold(struct deal *d);

/* ---- crowd_agent.c ---- */

void agent_init(struct agent *a);
void agent_say_presence(struct agent *a, bool available);
void agent_on_due(struct deal *d); /* thinking ended, or an act needs to be said again */
void agent_on_second(struct agent *a, bool beat);
void agent_on_leave(struct agent *a); /* the crowd is leaving: away, and whatever is thought about is resolved now */

/* ---- crowd_enrol.c ---- */

/* Makes every agent, then calls crowd_open; or crowd_finish when that cannot be done. */
void enrol_begin(struct crowd *c);
void enrol_end(struct crowd *c);  /* at any moment; once more is fine */
bool enrol_body(struct crowd *c); /* false: --skills is wrong, told on stderr */

/* ---- crowd.c ---- */

void crowd_open(struct crowd *c);   /* every agent connects */
void crowd_finish(struct crowd *c); /* closes all, so that the loop ends */

#endif
