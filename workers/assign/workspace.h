/* One workspace's tickets, agents and waiting lines in memory, and every decision about them. Pure: the clock (wall
   milliseconds that never fall) and the seed of randomness are handed in, nothing here knows a loop, a socket or Redis.

   Inputs are plain calls. What they decide is appended to lists that the caller drains after space_turn:
     entries   the change log, seq rising by one, packed once
     writes    commands for Redis that make its copy equal to this one
     mail      offers, results and configurations for routers, each naming the entry it must not overtake
   The caller sends mail only when the entries up to `seq` are in Redis and, where `confirm` says so, committed at `home`. */
#ifndef NARU_ASSIGN_WORKSPACE_H
#define NARU_ASSIGN_WORKSPACE_H

#include "config/policy.h"
#include "proto/records.h"
#include "workers/assign/ticket_row.h"

struct workspace;
struct space_cfg {
    struct str name;
    uint64_t seed;
    uint64_t epoch, seq; /* of the reign, and of the last change known */
    /* Not NULL: a rehearsal, of which nobody else hears. It is called with each entry as it is made and must not call back. Nothing
       is put into the outbox, nothing is kept to explain it, and agents who are there need no heartbeats. Decisions are the same.
     */
    void (*watch)(void *ctx, const struct entry *e);
    void *ctx;
};

#define SPACE_ALL_ROUTERS UINT32_MAX

struct out_entry {
    uint64_t seq;
    uint32_t home, offset, length; /* in outbox.entries */
};
struct out_mail {
    enum msg type;   /* MSG_OFFER, MSG_RESULT, MSG_CONFIG */
    uint32_t router; /* to whom; or SPACE_ALL_ROUTERS */
    uint64_t seq;    /* not before this entry */
    uint32_t home;
    bool confirm;            /* not before `home` has committed that entry */
    uint32_t offset, length; /* in outbox.mail_bytes */
};
struct outbox {
    struct buf entries; /* packed `entry` records, one after another */
    struct out_entry *entry;
    uint32_t entry_count, entry_room;
    struct buf writes; /* per command: u32 count of words, per word: u32 length and bytes */
    uint32_t write_count, word_count;
    struct buf mail_bytes;
    struct out_mail *mail;
    uint32_t mail_count, mail_room;
};

enum err space_new(struct workspace **out, const struct space_cfg *cfg);
void space_free(struct workspace *ws); /* NULL is fine */

/* ---- inputs ---- */
/* A triaged event: opens a ticket, joins or ends the live one of its conversation, or concerns none. Twice is once. */
void space_take(struct workspace *ws, uint64_t now, const struct event *e, const struct verdict *v);
/* A question or an act. Its result comes as mail (none for heartbeats). */
void space_act(struct workspace *ws, uint64_t now, const struct act *a);
/* A policy (swapped in whole) or an agent, as read from Redis, from a router or from an act. ERR_STALE: older than what is there,
   ERR_EXISTS: the same: nothing happens. `why` (may be NULL) gets a sentence when it is refused. `announce`: make an entry and
   write it (false while restoring). */
enum err space_config(struct workspace *ws, uint64_t now, const struct config *c, bool announce, struct buf *why);
/* The same for a policy that is loaded already; takes its own reference. */
enum err space_policy(struct workspace *ws, uint64_t now, struct policy *p);
/* An agent that belongs to no policy. `spec`'s texts are copied. */
enum err space_agent(struct workspace *ws, uint64_t now, const struct agent_spec *spec);
/* Nothing will be heard from this router's agents for now: as if each socket had closed. */
void space_router_lost(struct workspace *ws, uint64_t now, uint32_t router);
/* The router that is home of changes of agents and queues, which are no ticket's: to begin with number 1. */
void space_teller(struct workspace *ws, uint32_t router);
/* Ends a turn: what is due happens, tickets and agents are matched, writes are listed. True: there is more to match, call again. */
bool space_turn(struct workspace *ws, uint64_t now);
/* The parts of a turn by themselves, for who needs an order within one instant: what is due by the clock; tickets and agents are
   matched (true: there is more to match, call again). A turn is both and the listing of writes. */
void space_due(struct workspace *ws, uint64_t now);
bool space_match(struct workspace *ws, uint64_t now);
uint64_t space_next(const struct workspace *ws); /* when space_turn must be called at the latest; UINT64_MAX: no deadline */

/* ---- outputs ---- */
struct outbox *space_out(struct workspace *ws);
void space_out_clear(struct workspace *ws);

/* ---- rebuilding: in this order, before the first space_turn ---- */
void space_restore_agent(struct workspace *ws, uint64_t now, struct str name, struct str packed);   /* of agent_row */
void space_restore_customer(struct workspace *ws, uint64_t now, struct str key, struct str packed); /* wrong ones are removed */
void space_restore_about(struct workspace *ws, uint64_t now, struct str id_text,
                         struct str packed); /* of every ticket, before the rows */
void space_restore_row(struct workspace *ws, uint64_t now, struct str id_text, struct str packed);
void space_restore_rows_done(struct workspace *ws);                                  /* after the last row */
void space_restore_held(struct workspace *ws, struct str id_text, struct str value); /* of the held sets: strays are removed */
void space_restore_entry(struct workspace *ws,
                         const struct entry *e); /* of the stream's tail: the life of tickets, what has ended */
void space_restore_seq(struct workspace *ws, uint64_t epoch, uint64_t seq);
void space_live(struct workspace *ws, uint64_t now, const struct live *l); /* what a home has not settled */
void space_live_begin(struct workspace *ws, uint32_t home);                /* a home is asked what it has not settled */
/* A home has told all: tickets of it that it did not name are over. */
void space_live_done(struct workspace *ws, uint64_t now, uint32_t home);
void space_restore_done(struct workspace *ws, uint64_t now); /* leases begin anew, tickets of agents who are gone return */

/* ---- looking in ---- */
uint64_t space_seq(const struct workspace *ws);
uint64_t space_epoch(const struct workspace *ws);
uint32_t space_tickets(const struct workspace *ws);
/* The `config` record of the policy in use, packed; empty when it was not given as one. */
struct str space_policy_packed(const struct workspace *ws);
bool space_has_policy(const struct workspace *ws);
struct str space_name(const struct workspace *ws);
void space_metrics(struct workspace *ws, uint64_t now); /* gauges and what was counted since the last call */
/* Everything that must always hold, checked in full: for tests. NULL, or a sentence about what does not hold. */
const char *space_check(struct workspace *ws);

#endif
