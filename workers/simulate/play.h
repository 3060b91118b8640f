/* The inside of a run, shared by its files and by nothing else. Reading order: play.h, run, customers, hands. */
#ifndef NARU_SIMULATE_PLAY_H
#define NARU_SIMULATE_PLAY_H

#include "base/heap.h"
#include "base/idmap.h"
#include "base/map.h"
#include "workers/assign/workspace.h"
#include "workers/simulate/run.h"

#define NEVER UINT64_MAX

struct hand;
struct customer;
/* An offer that stands, or something else that an agent is to do about a ticket, and what they will do. */
enum reply { REPLY_ACCEPT, REPLY_DECLINE, REPLY_START, REPLY_RESOLVE, REPLY_NOTHING };
struct offered {
    struct offered *next; /* of the same customer */
    struct customer *who;
    struct hand *to;
    uint64_t token_epoch, token_seq;
    enum reply reply;
    struct heap *in;      /* where `due` stands: play.replies or play.replies_now */
    struct heap_node due; /* when they do it */
};

/* One arrival, from when it is taken to its end. */
struct customer {
    struct id ticket; /* first: see idmap.h */
    char id[SIM_ID_MAX + 1];
    uint32_t class;
    uint64_t number; /* of its arrival, from 1 */
    uint64_t at, start, target;
    double left; /* of its work, ms at speed 1 */
    enum ticket_state state;
    uint32_t queue, first_queue;
    uint64_t token_epoch, token_seq;
    uint32_t offers; /* so far */
    bool told;       /* its outcome is */
    bool turned_away;
    struct offered *offered;
    struct heap_node patience; /* in play.patience while it may hang up */
    struct hand *hand;         /* who has it in hand (assigned or wrapping up), or NULL */
    struct hand *served_by;    /* who had it last, or NULL */
    struct customer *hand_next;
    uint64_t done;                /* when its work will be over, as things are; NEVER: it stands still */
    struct customer *prev, *next; /* live ones, in the order of arrival */
};

/* One agent of the policy. */
struct hand {
    struct str name;
    uint32_t index;
    const struct agent_spec *spec;
    const struct sim_agent *rules; /* or NULL */
    bool available;
    uint64_t off;             /* when this duty ends; NEVER: it does not */
    struct heap_node leaving; /* in play.leaving: when it does */
    struct heap_node back;    /* in play.back while they are away for having missed too much */
    struct heap_node done;    /* in play.done: the first of their tickets to be done */
    struct customer *has;     /* in hand, the first one first */
    uint32_t count, units;    /* of those */
    uint64_t worked, tallied; /* until when `left` of what they have, and `use`, are counted */
    struct agent_use use;
};

/* What a class of tickets is to the policy and to the core. */
struct kind {
    const struct sim_class *class;
    struct str queue, channel, language;
    struct need *needs;
    uint32_t need_count;
    const struct channel *rules;         /* of the channel; NULL: the policy does not name it */
    uint32_t channel_index;              /* into the policy's; UINT32_MAX */
    const struct sim_parallel *parallel; /* or NULL */
    enum event_kind event;
    bool interrupts;
};

struct coming { /* one duty, of a hand */
    uint64_t from, to;
    uint32_t hand;
};

struct play {
    const struct sim_cfg *cfg;
    struct workspace *ws;
    struct str name;
    uint64_t begin;      /* the wall's ms of instant 0 */
    struct policy *laid; /* cfg->policy, or the same loaded again: its hours reach beyond `now` */
    uint64_t lay_out_at; /* … when it is tried next */
    uint64_t now, last;
    struct arrival next; /* while `more` */
    bool more;
    uint64_t arrived_last;
    struct kind *kinds;
    struct hand *hands;
    uint32_t hand_count;
    struct map by_name;
    struct coming *coming;
    uint32_t coming_count, coming_at;
    uint32_t *waiting; /* by queue */
    uint32_t *places;  /* by queue; UINT32_MAX: no end */
    bool has_places;
    struct idmap customers;
    struct customer *first, *latest, *spare;
    struct offered *offered_spare;
    struct customer *taking; /* the arrival that the core is just being told of */
    struct heap patience, replies, replies_now, done, leaving, back;
    uint64_t count, decisions, replied;
    enum err err;
    char *why; /* 512 bytes */
};

void play_fail(struct play *p, enum err e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static inline uint64_t play_wall(const struct play *p) { return p->begin + p->now; }
static inline bool play_counts(const struct play *p) /* what agents do now is told */
{
    return p->now >= p->cfg->use_from && (!p->cfg->use_to || p->now < p->cfg->use_to);
}
void play_act(struct play *p, struct act *a); /* of an agent, at this instant */

/* ---- customers.c ---- */
enum err play_customers_init(struct play *p);
void play_customers_fini(struct play *p);
struct customer *customer_of(const struct play *p, const struct id *ticket); /* or NULL */
void customer_take(struct play *p, const struct arrival *a);                 /* the next arrival is told to the core */
void customer_opened(struct play *p, const struct entry *e);
void customer_queued(struct play *p, struct customer *c); /* it is in its first queue */
void customer_hangs_up(struct play *p, struct customer *c);
void customer_tell(struct play *p, struct customer *c, enum outcome o, uint64_t end);
void customer_given_up(struct play *p, struct customer *c); /* its ticket is gone; it is told at the end */
void customer_over(struct play *p, struct customer *c);     /* frees it */
/* It is offered, and what will be done about it is drawn; the offer to this agent stands no more. */
void customer_offered(struct play *p, struct customer *c, struct hand *h, uint64_t epoch, uint64_t seq);
void customer_concerns(struct play *p, struct customer *c, struct hand *h, enum reply reply); /* … this agent: they do so at once */
void customer_not_offered(struct play *p, struct customer *c, const struct hand *h);
void customer_not_offered_at_all(struct play *p, struct customer *c);

/* ---- hands.c ---- */
enum err play_hands_init(struct play *p);
void play_hands_fini(struct play *p);
struct hand *hand_of(const struct play *p, struct str name);
void hand_tally(struct play *p, struct hand *h, uint64_t to); /* how they spent their time is counted until then */
void hand_takes(struct play *p, struct hand *h, struct customer *c);
void hand_lets_go(struct play *p, struct customer *c);  /* nothing, when nobody has it */
void hand_wraps_up(struct play *p, struct customer *c); /* it is in hand still, and not worked on any more */
void hand_presence(struct play *p, struct hand *h, struct str words);
void hand_comes(struct play *p, struct hand *h, uint64_t until);
void hand_leaves(struct play *p, struct hand *h);
void hand_is_back(struct play *p, struct hand *h);
struct customer *hand_done(struct hand *h);              /* the first that is done */
double hand_match(const struct hand *h, uint32_t class); /* NAN: not given */

#endif
