/* The link to the leaders: one a workspace. Triaged events go out as TAKE in the order of their verdicts, changes come in as ENTRY,
   what is committed here is told by SEEN; SYNC asks for everything again. */
#ifndef NARU_ROUTER_LEADER_H
#define NARU_ROUTER_LEADER_H

#include "proto/mailbox.h"
#include "router/event.h"

struct router;
#define FLIGHT_HOOK    255u
#define FLIGHT_MESSAGE 254u
struct flight { /* a row on its way to the disk, made from an entry */
    uint64_t seq;
    struct id id;
    uint8_t kind; /* enum entry_kind, FLIGHT_HOOK, or FLIGHT_MESSAGE: a message to the customer */
};
struct leader {
    struct router *router;
    uint16_t workspace;
    struct peer *peer; /* the leader's process; NULL: never met */
    bool led;          /* it is up and leads */
    bool rebased;      /* its log begins below what we have seen: see entry_due */
    uint64_t epoch;
    uint64_t base;                                                /* its seq when it told us that it leads */
    uint64_t got;                                                 /* all entries up to here have been handled … */
    uint64_t done;                                                /* … and up to here their rows are durable */
    uint64_t stored;                                              /* done as it was last kept in the journal */
    bool seen_due, asked;                                         /* asked: for a gap, not yet closed */
    uint64_t asked_at, gap_seq;                                   /* gap_seq: the entry that came too early */
    struct flight *flights;                                       /* a ring: rows under way, in order */
    uint32_t flight_room, flight_head, flight_count, flight_skip; /* skip: of these the commit proves nothing */
    struct event_list takes, handed;
    struct lead_sync {
        bool active, configs_sent;
        uint64_t epoch, seq;
        struct id *ids;
        size_t count, at, config_at;
    } sync;
};
struct leaders {
    struct leader **v; /* by the workspace's number */
    uint32_t count;
};

enum err leaders_init(struct leaders *l);
void leaders_fini(struct leaders *l);
/* The workspace's link, made when there is none yet. NULL: no memory. */
struct leader *leader_of(struct router *r, uint16_t workspace);
bool leader_is_there(const struct router *r, uint16_t workspace);
/* An event that has its verdict: hand it over, in this order. */
void leader_take(struct router *r, struct kept_event *e);

void leader_on_lead(struct router *r, struct peer *p, const struct lead *lead);
void leader_on_sync(struct router *r, struct peer *p, const struct sync *sync);
void leader_on_entry(struct router *r, struct peer *p, const struct entry *entry);
void leader_on_up(struct router *r, struct peer *p);
void leader_on_down(struct router *r, struct peer *p);
/* acts_cfg.send */
enum err leader_send_act(void *router, uint16_t workspace, struct str packed);
/* At the end of a turn: acts, takes, syncs, SEEN. True: something was put. */
bool leaders_pump(struct router *r);
void leaders_tick(struct router *r, uint64_t now);

#endif
