/* The assigner process around the matching core: links to routers, reigns over workspaces. Private to workers/assign. */
#ifndef NARU_ASSIGN_PROCESS_H
#define NARU_ASSIGN_PROCESS_H

#include "base/clock.h"
#include "base/loop.h"
#include "base/opt.h"
#include "proto/mailbox.h"
#include "workers/assign/feed.h"
#include "workers/assign/store.h"

#define REIGNS_MAX 64u

struct assigner;
struct reign;

/* ---- link.c: one router, as one reign sees it ---- */

struct parcels { /* packed records in order, each with the entry it must not overtake */
    struct buf b;
    size_t at; /* of the first one left */
    uint32_t count;
};
struct parcel {
    uint32_t type, n; /* enum msg, bytes */
    uint64_t seq;
    uint64_t at;     /* confirmations: since when it waits, mono ms */
    uint32_t router; /* confirmations: who asked */
};
enum err parcels_put(struct parcels *q, const struct parcel *head, struct str bytes);
bool parcels_peek(const struct parcels *q, struct parcel *head, struct str *bytes);
void parcels_drop(struct parcels *q);
void parcels_fini(struct parcels *q);

struct link {
    struct peer *peer;
    uint32_t number;
    bool met;     /* it told what it has seen */
    bool syncing; /* it was asked for all that it has not settled … */
    bool synced;  /* … and has told */
    bool sync_due;
    uint64_t cursor;                   /* next entry to send */
    uint64_t seen, moved_at, heard_at; /* last SEEN, when it last rose, when anything of a sync last came (mono ms) */
    struct parcels mail, confirm;      /* to it; results that wait for its commit */
};
void link_reset(struct link *l);
/* Sends what may go: entries up to `committed`, mail behind its entry, a due SYNC at the end. True: something went. */
bool link_pump(struct reign *r, struct link *l);
void link_seen(struct reign *r, struct link *l, const struct seen *s);
/* Results that its commits, or its silence, release. */
void link_release(struct reign *r, struct link *l, bool silent);

/* ---- reign.c: leading one workspace ---- */

enum reign_state { REIGN_IDLE, REIGN_ASKING, REIGN_READING, REIGN_MEETING, REIGN_SEATING, REIGN_SYNCING, REIGN_LEADING };
struct reign {
    struct assigner *a;
    char name[65];
    enum reign_state state;
    uint32_t generation; /* of this try: answers to earlier ones are ignored */
    struct workspace *ws;
    uint64_t epoch, head, committed;
    uint64_t next_try, since, renew_at, store_lost;
    bool renewing, dirty;
    uint32_t asked;  /* records taken in since the last turn */
    uint64_t ran_us; /* when that was */
    struct batch *first, *last, *spare;
    uint32_t in_flight;
    struct feed feed;
    struct link links[LIM_PEERS];
    uint32_t link_count;
    struct buf policy; /* the newest `config` record of a policy that is known here, packed: kept over reigns */
    uint64_t policy_at;
    struct buf configs; /* other configurations told before leading: u32 length and a packed record each */
    struct buf acts;    /* asked between LEAD and leading: u32 router, u32 length, packed act */
    struct load *load;
};
struct reign *reign_new(struct assigner *a, struct str name);
void reign_free(struct reign *r);
void reign_tick(struct reign *r);
bool reign_turn(struct reign *r);
uint64_t reign_next(const struct reign *r); /* when reign_turn must run at the latest */
void reign_on_record(struct reign *r, struct peer *p, enum msg type, const void *obj);
void reign_router_up(struct reign *r, struct peer *p);
void reign_router_down(struct reign *r, struct peer *p);
void reign_store_up(struct reign *r);
void reign_store_down(struct reign *r);
void reign_step_down(struct reign *r, const char *cause, uint64_t retry_ms);
void reign_resign(struct reign *r);
struct link *reign_link(struct reign *r, uint32_t number); /* a router that is up, or NULL */
void reign_loaded(struct reign *r);                        /* load.c: Redis has been read */

/* ---- courier.c: what a turn decided goes to Redis and to routers ---- */
enum err courier_drain(struct reign *r); /* takes the outbox */
void courier_send(struct reign *r);      /* batches that are not under way */
bool courier_has_room(const struct reign *r);
void courier_drop(struct reign *r);
void courier_fini(struct reign *r);

/* ---- load.c: memory from Redis ---- */
enum err load_begin(struct reign *r);
void load_cancel(struct reign *r);

/* ---- assign.c ---- */
struct assign_opts {
    const char *name, *inbox, *advertise, *redis, *curve_secret, *curve_peers;
    struct opt_list router;
    uint64_t window, seed;
};
struct assigner {
    struct assign_opts opts;
    uv_loop_t loop;
    struct mailbox *mail;
    struct store *store;
    struct signals signals;
    struct turn_end turn;
    struct timer tick, stats, due;
    struct reign *reigns[REIGNS_MAX];
    uint32_t reign_count;
    struct steady clock; /* of decisions: see assigner_now */
    int64_t wall_off;    /* by how much the wall clock has been set since, as last told */
    uint64_t started;
    bool stopping;
};
static inline struct str reign_name(const struct reign *r) { return str_of(r->name); }
uint64_t assigner_mono(void);
uint64_t assigner_now(const struct assigner *a); /* wall ms that never fall */

#endif
