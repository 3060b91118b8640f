/* The inside of a workspace, shared by the files of the matching core and by nothing else. Reading order: state, core, hold,
   roster, waiting, match, offers, ticket, needs, timeline, continuity, intake, retriage, acts, presence, change, read, restore,
   workspace.
 */
#ifndef NARU_ASSIGN_CORE_H
#define NARU_ASSIGN_CORE_H

#include "base/heap.h"
#include "base/idmap.h"
#include "base/map.h"
#include "base/panic.h"
#include "workers/assign/estimate.h"
#include "workers/assign/state.h"
#include "workers/assign/trail.h"
#include "workers/assign/workspace.h"

#define CHANNELS_MAX 32u     /* channels of one policy, and "any other" */
#define NEEDS_MAX    32u     /* of one ticket */
#define BACKOFFS_MAX 32u     /* of one ticket */
#define OWNERS_MAX   8u      /* agents who have had a ticket, as far as it tells */
#define PREVIOUS_MAX 3u      /* last tickets of a customer */
#define SKILLS_MAX   16384u  /* distinct names; beyond them a need is one that nobody has */
#define TIERS_MAX    16u     /* of groups of agents that a ticket reaches, one after another; later ones join the last */
#define SPEEDS_MAX   8u      /* queues that an agent's speed is remembered of */
#define LINES_IDLE   4096u   /* empty lines kept for their cached eligibility */
#define PAST_MAX     16384u  /* tickets that ended lately: late repeats get the same answer */
#define PASS_BUDGET  1000000 /* of one matching pass before the loop turns, in agents looked at: some 10 ns each */
#define OFFER_LOOKS  400u    /* what an offer with its record costs beside */
#define NONE         UINT32_MAX

#define MS_PARK        604800000ull
#define MS_TRANSFER    120000ull /* a transfer to an agent waits for them alone */
#define MS_WAIT        2592000000ull
#define OTHER_COST     20u /* of a channel that the policy does not name: config's defaults */
#define OTHER_OFFER_MS 20000u

/* A deadline of a ticket or an agent: one heap of them all. */
struct due {
    struct heap_node node;
    bool agent; /* what it is embedded in */
};

struct need_at {
    uint16_t skill;
    uint8_t level;
    uint8_t pad;
};
struct needs { /* sorted by skill: a copy, while they change */
    uint32_t count;
    struct need_at v[NEEDS_MAX];
};
struct need_set { /* the same as tickets share it; never changes: see needs.c */
    uint32_t refs, count;
    struct need_at v[];
};

struct held_back { /* this agent is not offered the ticket before then */
    uint32_t agent;
    uint64_t until;
};

struct note { /* one message kept with a ticket */
    struct note *next;
    struct id event;
    uint64_t at;
    uint16_t n, by_n; /* bytes of the text; and of the agent's name behind it: 0, the customer wrote it */
    char text[];
};

struct life { /* change-log entries of one ticket, packed: u32 length and bytes each */
    char *bytes;
    uint32_t n, room, count;
};

/* Blocks of one size that were used before: what comes and goes with each ticket. */
struct pool {
    struct pool_block {
        struct pool_block *next;
    } * free;
    size_t size;
    uint32_t count;
};

struct ticket;
struct past;
/* An event that was taken, in workspace.events while its ticket is live or lately ended. */
struct taken {
    struct id event; /* first: see idmap.h */
    uint32_t home;
    bool opened; /* else joined */
    bool ended;  /* its ticket: then `past` is what is remembered of it, or NULL */
    union {
        struct ticket *ticket;
        struct past *past;
    };
    struct taken *next; /* of the same ticket */
};
static inline struct ticket *taken_ticket(const struct taken *e) { return e->ended ? NULL : e->ticket; }

/* What is remembered of an ended ticket. */
struct past {
    struct id id; /* first: see idmap.h */
    enum ticket_state state;
    uint32_t home;
    uint64_t token_epoch, token_seq;
    const struct agent *agent; /* NULL: ended without one */
    bool used;
    struct taken *events;
};

/* What verdicts say of a ticket, all its messages together: see retriage.c. */
struct facts {
    struct str language, intent, named; /* named: the queue that a rule named last */
    double confidence;                  /* in the intent */
    struct tag *tags;
    uint32_t tag_count;
    enum sentiment sentiment : 8; /* of the last verdict that found one */
    bool unsure;                  /* of the intent */
};

/* Texts of a ticket that never change, one behind the other, each with a NUL: account and conversation together are its key. */
enum ticket_text {
    TEXT_ACCOUNT,
    TEXT_CONVERSATION,
    TEXT_CHANNEL,
    TEXT_CUSTOMER,
    TEXT_PERSON,
    TEXT_NAME,
    TEXT_SUBJECT,
    TEXT_VERDICT, /* packed, of its first event, without that event's id and the workspace */
    TEXT_COUNT
};
struct texts {
    uint32_t at[TEXT_COUNT + 1]; /* where each begins, from the begin of this block; and the end of the last */
    struct tag tags[];           /* the first facts, whose texts come last; see ticket.facts */
};

struct agent;
struct line;
struct ticket;
/* A ticket with an agent, for so many units, until so long: in the list of both. hold_add, hold_drop and hold_change are the only
   places where a held set changes. */
enum hold_kind { HOLD_OWNER, HOLD_OFFER, HOLD_CONSULT };
struct hold {
    struct ticket *ticket;
    struct agent *agent;
    enum hold_kind kind;
    uint32_t units;
    bool counted;                           /* against the channel's maximum */
    uint64_t until, token_epoch, token_seq; /* an offer's own */
    struct hold *next;                      /* of the ticket, in the order they came */
    struct hold *agent_prev, *agent_next;
};
/* A hundred thousand may wait: small things stand together. */
struct ticket {
    struct id id, event; /* id first: see idmap.h */
    /* `state` is written by ticket_step alone */
    enum ticket_state state : 8;
    enum urgency urgency : 8;
    uint16_t queue;
    uint8_t channel;
    uint8_t only_skip; /* checks (1 << enum skip) that do not count for `only` */
    uint8_t backoff_count, note_count, event_count;
    uint8_t owner_count;
    uint8_t sla_told; /* targets that were counted as met or missed: 1 << enum sla_target */
    bool call;
    bool fresh;  /* not in Redis yet */
    bool listed; /* its home named it while rebuilding */
    bool offered_once;
    bool started;
    bool hung_up;                 /* of a call: nobody is on the line */
    bool no_bots;                 /* a bot has handed it over */
    bool dirty, dirty_about;      /* differs from Redis */
    bool held_kept, held_changed; /* the held sets in Redis name it; they differ from `holds` */
    uint32_t home;
    uint32_t note_bytes;
    uint32_t offers_made, callbacks;
    uint32_t touched_at; /* 1-based place in workspace.touched; 0: not there */
    uint32_t short_at;   /* likewise in workspace.shorts: offered to fewer at once than it might be */
    struct texts *texts; /* see ticket_text */
    /* what verdicts say of it; its texts in `texts`, or in `later` once a later message said otherwise */
    char *later;
    struct facts facts;
    double score;
    /* what changes otherwise; `holds` by hold_add and hold_drop alone */
    const struct need_set *needs, *asked, *wants; /* now; what verdicts asked for beyond the queue; what a transfer did. Not NULL */
    uint64_t enqueued, due_at, until;
    uint64_t steps, step_at;  /* lines of its timeline that were taken (bit each), and when the last one of waiting was */
    struct old_policy *under; /* whose timeline it goes by: swap.c; NULL: that of the policy in use */
    uint64_t reply_from;      /* the customer's first message that no reply has answered; 0: none */
    uint64_t overflowed;      /* clauses of its queue's overflow that it has gone through by age (bit each) */
    uint64_t token_epoch, token_seq, offer_epoch, offer_seq;
    uint64_t tie; /* order of arrival */
    struct held_back *backoff;
    struct note *notes; /* the oldest first */
    struct taken *events;
    struct life life;
    /* places */
    struct hold *holds; /* offered: one or more offers; else its owner, if any, and who is consulted */
    struct line *line;
    struct lane *lane;
    struct heap_node in_lane, in_queue;
    struct due due;
    /* who may be asked; see waiting.c */
    struct agent *only;          /* nobody but this agent until only_until (NULL: everybody) … */
    uint64_t only_until;         /* … whatever only_skip leaves out for them */
    struct agent *last, *prefer; /* whom the customer had last, in time; whom attribute customer.agent names; or NULL */
    /* clocks and counts of its life */
    uint64_t assigned_at, work_at, last_reply; /* work_at: since when its owner has been at it, without parking */
    uint64_t connect_by;                       /* its owner is to `start` until then; 0: that is not awaited */
    uint16_t owners[OWNERS_MAX];               /* who have had it, the first one first: indexes of the roster */
};
_Static_assert(BACKOFFS_MAX <= UINT8_MAX && LIM_TICKET_MESSAGES <= UINT8_MAX && LIM_TICKET_EVENTS <= UINT8_MAX,
               "a ticket's counts");

/* Why one more is not for an agent, the first that holds in this order; a word each. */
#define BAR_MAP(X)                                                                                                                 \
    X(BAR_NONE, "none")                                                                                                            \
    X(BAR_UNITS, "units")                                                                                                          \
    X(BAR_KEEP, "keep") X(BAR_MAXIMUM, "maximum") X(BAR_EXCLUSIVE, "exclusive") X(BAR_RAMP, "ramp") X(BAR_DAY, "daily")
WORDS_OF(bar, BAR_MAP)
struct agent_skill {
    uint16_t skill;
    uint8_t level;
};
struct agent {
    uint32_t index;
    struct str name; /* owned */
    bool known;      /* in the policy or made by API; an unknown one is kept for what they hold */
    bool bot;
    bool by_api;
    char *json; /* of an agent made by API: read again under each policy */
    size_t json_n;
    uint64_t config_at;
    struct agent_skill *skills;
    uint32_t skill_count;
    uint32_t capacity;
    uint32_t max[CHANNELS_MAX], cost[CHANNELS_MAX]; /* theirs; UINT32_MAX and 0: the channel's. Ask capacity_max and _cost */
    uint64_t groups;
    struct speed { /* how long they take, of the queues they worked for last */
        uint32_t queue;
        struct pace pace; /* nothing known: this place is not in use */
    } speeds[SPEEDS_MAX];
    uint32_t speed_at;          /* the place that is used next */
    uint8_t room[CHANNELS_MAX]; /* bits of enum rooms, as they stand in the roster's sets */
    uint8_t ready;              /* bits of enum ready, likewise */
    uint64_t idle_in;           /* the groups that count them as idle; see roster_refresh */
    bool any_free;              /* counted in roster.free_agents */
    struct bot_rules bot_rules; /* without its texts: those are the routers' part */
    uint32_t daily, day, taken; /* daily: UINT32_MAX none; taken: accepted on day `day` */
    int shift;                  /* hours, or -1 */
    uint64_t online;            /* since when they are not offline; 0: offline */
    uint64_t turn;              /* when they were last offered something, as a rising number: round-robin */
    /* derived from `holds`, by who changes that */
    uint32_t used, chan[CHANNELS_MAX];
    uint32_t in_hand, exclusive; /* all of chan; those of them on channels that want to be alone */
    struct hold *holds;
    uint64_t idle; /* end of the last work */
    /* presence */
    enum presence presence, was; /* `was`: before the lease lapsed; taken up again by a reconnect within `was_until` */
    uint64_t was_until;
    char reason[65], was_reason[65];
    uint64_t session, lease, leaving, lost;
    uint64_t claim;      /* the least session number that is not an old one: see presence.c */
    uint64_t was_online; /* `online` before the lease lapsed */
    uint32_t router, misses;
    bool connected;
    struct due due;
    bool touched, freed;
    /* for the time being: see duty.c */
    bool off_shift;
    enum bar barred;    /* BAR_RAMP, BAR_DAY or none */
    uint64_t duty_next; /* when the clock alone changes these; UINT64_MAX: never */
    uint64_t ramp_at;   /* begin of the ramp's running minute, with so many offers in it */
    uint32_t ramp_offers;
    bool over; /* has more than a capacity that was lowered meanwhile, or that a home gave back */
};

/* Agents by what the matcher asks of them, as columns and bit sets over their indexes. */
struct roster {
    struct agent **v;
    uint32_t count, room, words; /* words: 64 agents each */
    struct map by_name;
    uint64_t *known, *online, *avail;    /* avail: available, connected or not, on shift and not leaving */
    uint64_t *off_shift;                 /* those who say available and are not in the hours of their shift */
    uint64_t *room_for[2][CHANNELS_MAX]; /* [favoured][channel] units for one more, what is kept left alone unless favoured */
    uint64_t *below[CHANNELS_MAX];       /* fewer than the channel's maximum */
    uint64_t *free[2][CHANNELS_MAX];     /* may be given one more now: capacity.c says what that takes */
    uint64_t *bots, *groups;             /* groups: a column, a set of groups for each */
    uint32_t bot_count, free_agents;     /* free_agents: who are free for some channel */
    uint32_t idle_in[GROUPS_MAX];        /* agents of the group who are available and have nothing in hand */
    uint16_t *points;                    /* the sum of all their levels */
    uint8_t *best;                       /* the highest of their levels, languages left out */
    uint32_t *load;                      /* units in use, as a share of capacity, of 65536 */
    uint64_t *idle_key;
    uint8_t **level; /* [skill] a column, NULL: nobody has it */
    uint32_t level_room;
    uint64_t version; /* rises when cached eligibility is worthless */
    uint32_t by_presence[3];
    uint32_t *freed; /* agents with new room since the last pass */
    uint32_t freed_count;
    uint64_t *woken; /* the same as a set, while many of them are gone through */
};

/* Where the tickets of one line stand that are equal but for their age: see waiting.c. */
#define RANK_MAP(X) X(RANK_CAPPED, "capped") X(RANK_IN_TIME, "in_time") X(RANK_LATE, "late")
WORDS_OF(rank_class, RANK_MAP)
struct lane {
    struct line *line;
    uint32_t at; /* in line.lanes */
    uint32_t queue;
    enum urgency urgency;
    enum rank_class rank;
    uint32_t count; /* of its tickets: those in `waiting`, and those that a matching round has in hand */
    struct heap waiting;
};

/* Tickets that any given agent can serve all or none of: see line.c. */
struct line {
    struct line_ask *ask; /* one reference */
    struct str key;       /* its bytes */
    uint32_t channel;
    bool favoured; /* see ticket_favoured */
    struct needs needs;
    const uint32_t *excluded; /* in `ask` */
    uint32_t excluded_count;
    const struct agent *only; /* NULL: everybody */
    unsigned only_skip;
    bool no_bots;
    uint32_t queue;            /* NONE: of several queues, that have neither groups nor gates */
    uint64_t tiers[TIERS_MAX]; /* groups of agents, the first to be asked first; none: everybody at once */
    uint32_t tier_count;
    uint64_t *eligible, *skilled; /* cached; see line_eligible. skilled: only where it differs */
    uint64_t version;
    uint32_t words;
    struct lane **lanes;
    uint32_t lane_count, lane_room, count; /* count: of its tickets */
    struct heap_node ready;                /* in workspace.ready while it may have a match */
    uint32_t at;                           /* in workspace.active while not empty */
};

struct profile {
    bool known;
    uint32_t channel;
    struct needs needs;
};
enum sla_target { SLA_ANSWER, SLA_REPLY, SLA_RESOLVE, SLA_COUNT };
/* What an entry said last of a queue: see queue_tell.c. */
struct queue_told {
    uint64_t at, hours_next; /* hours_next: when it opens or closes next */
    uint32_t waiting, offered, assigned, scheduled;
    bool shut, shut_now; /* closed when it was told; and now */
};
struct wait_queue {
    struct heap by_age;
    uint32_t offered, assigned, scheduled;
    uint64_t sla[SLA_COUNT][2]; /* met, missed: since space_metrics last took them */
    double met;                 /* share of answers in time, lately: 0..1; below 0: none yet */
    struct pace pace;
    struct profile lately; /* of the ticket that came last: what is told of a queue is told of one like it */
    struct queue_told told;
};

struct skill_name {
    char *z;
    struct str s;
    uint16_t index;
    bool language; /* lang:… */
};

/* See continuity.c. */
struct customer;
struct customers {
    struct map by_key;
    struct customer *newest, *oldest;
};

/* A command to Redis that grows by one field at a time: see change.c. */
struct group {
    struct buf words;
    uint32_t count;
};

#define OLD_POLICIES 4u
struct old_policy {        /* kept while tickets go by its timelines */
    struct policy *policy; /* one reference */
    uint32_t tickets;
    uint64_t at; /* the change after which it was not in use any more */
};

struct workspace {
    struct str name; /* owned */
    struct rng rng;
    void (*watch)(void *ctx, const struct entry *e); /* not NULL: a rehearsal; see workspace.h */
    void *watch_ctx;
    uint64_t epoch, seq, now, ties;
    struct str actor; /* who asked for the act under way: stands in every entry that comes of it; empty between acts */
    struct policy *policy;
    uint64_t policy_at;
    char policy_version[81];
    struct str policy_packed;            /* the `config` record it came as; owned */
    uint64_t sweep_at, lay_out_at;       /* lay_out_at: hours are not laid out further before */
    struct old_policy old[OLD_POLICIES]; /* policy NULL: not in use */
    struct channel channels[CHANNELS_MAX];
    uint32_t channel_count; /* with "any other", the last */
    struct idmap tickets, events, past;
    struct map conversations, lines, skills, need_sets;
    struct past *past_ring; /* PAST_MAX of them, the oldest at past_at once all are used */
    uint32_t past_at;
    struct skill_name **skill;
    uint32_t skill_count;
    struct roster roster;
    struct trail trail;
    struct wait_queue *queues;
    uint32_t queue_count;
    struct line **active;
    struct first_need { /* of active[i]: whoever lacks it is not asked about the line */
        uint16_t skill;
        uint8_t level; /* 0: there is none */
    } * active_need;
    uint8_t levels_of[SKILLS_MAX]; /* of one agent, while lines are gone through for them; else zeros */
    uint32_t active_count, active_room, idle_lines;
    struct heap ready, deadlines;
    uint64_t ranked_at, turns; /* the time that keys in `ready` are of; offers so far, for round-robin */
    bool gates_moved;          /* more agents of some group are idle than before: gates with a reserve may have opened */
    struct matching *matching; /* room for a matching round; made when first needed */
    struct ticket **touched;
    uint32_t touched_count, touched_room;
    struct agent **touched_agents;
    uint32_t touched_agent_count, touched_agent_room;
    struct outbox out;
    struct group rows, abouts, holds, presences, customers_put, rows_gone, abouts_gone, holds_gone, customers_gone;
    struct customers customers;
    struct buf scratch, detail;
    struct arena arena;
    struct pool ticket_pool, life_pool, hold_pool;
    struct hold *hold_spare; /* what hold_add takes: see hold_ready */
    struct ticket **shorts;  /* see offers.c; some places are empty */
    uint32_t short_count, short_room, short_next;
    bool shorts_again; /* all of them are to be looked at */
    uint64_t entries_made[32], offers_made[5];
    uint32_t teller;  /* the router that is home of what is no ticket's */
    uint64_t tell_at; /* when a queue is to be told of, at the latest; UINT64_MAX: none */
};

/* ---- change.c: what happened, put on record ---- */
struct change {
    enum entry_kind kind;
    struct ticket *t;          /* NULL: not about a live ticket */
    const struct past *past;   /* … but about one that ended */
    const struct id *event;    /* NULL: none */
    const struct agent *agent; /* NULL: the ticket's */
    const struct queue *queue; /* NULL: the ticket's */
    uint32_t home;   /* with an event, or without a ticket: whose journal must have it (0: ws->teller); else the ticket's */
    bool keep_token; /* a repeated entry: the ticket's token stays */
    const char *cause;
    struct str detail;
};
uint64_t change_log(struct workspace *ws, const struct change *c); /* its seq */
#define log_change(ws, ...) change_log((ws), &(struct change){ __VA_ARGS__ })
void change_touch(struct workspace *ws, struct ticket *t); /* its row is to be written */
void change_touch_about(struct workspace *ws, struct ticket *t);
void change_touch_agent(struct workspace *ws, struct agent *a);
void change_write(struct workspace *ws, uint32_t argc, const struct str *argv);
void change_gone(struct workspace *ws, struct ticket *t); /* the ticket leaves Redis */
void change_stray(struct workspace *ws, struct str id);   /* something of no ticket: leaves all hashes of tickets */
void change_customer(struct workspace *ws, struct str key, struct str packed);
void change_customer_gone(struct workspace *ws, struct str key);
void change_flush(struct workspace *ws);
void change_mail(struct workspace *ws, const struct out_mail *m, const struct record *r, const void *obj);
void change_offer(struct workspace *ws, struct ticket *t, struct agent *a, const char *what, const char *cause);
/* What became of a reply, without the ticket: of an ACT_MESSAGE. */
void change_offer_state(struct workspace *ws, const struct ticket *t, const struct agent *a, const struct act *act);
/* As change_offer, once the ticket's home has committed all so far. */
void change_offer_confirmed(struct workspace *ws, struct ticket *t, struct agent *a, const char *what, const char *cause);
void change_offer_all(struct workspace *ws, struct ticket *t, const char *what, const char *cause); /* to everybody it is with */
/* `a`: whom it is shown to, with the token and the time of the offer to them; NULL: the ticket as such. */
void change_fill_offer(struct workspace *ws, const struct ticket *t, const struct agent *a, struct offer *o);
struct list change_messages(struct workspace *ws, const struct ticket *t); /* in ws->arena */
struct list change_needs(struct workspace *ws, const struct ticket *t);
struct str change_needs_told(struct workspace *ws, const struct ticket *t); /* the same as an entry's detail, in ws->detail */
void change_fini(struct workspace *ws);

/* ---- ticket.c ---- */
enum err ticket_step(struct workspace *ws, struct ticket *t, enum ticket_event ev, struct agent *a);
void ticket_restore_state(struct workspace *ws, struct ticket *t, const struct ticket_row *r);
struct ticket *ticket_new(struct workspace *ws, const struct about *about, const struct id *id, uint32_t home);
void ticket_free(struct workspace *ws, struct ticket *t);
static inline struct str ticket_text(const struct ticket *t, enum ticket_text which)
{
    const uint32_t *at = t->texts->at + which;

    return (struct str){ (const char *)t->texts + at[0], at[1] - 1 - at[0] };
}
static inline struct str ticket_key(const struct ticket *t) /* account, NUL, conversation */
{
    const uint32_t *at = t->texts->at;

    return (struct str){ (const char *)t->texts + at[TEXT_ACCOUNT], at[TEXT_CONVERSATION + 1] - 1 - at[TEXT_ACCOUNT] };
}
enum err ticket_index(struct workspace *ws, struct ticket *t);
/* `by`: an agent's name, or empty: the customer. `event` may be none. */
void ticket_note(struct workspace *ws, struct ticket *t, const struct id *event, uint64_t at, struct str by, struct str text);
struct taken *ticket_event_add(struct workspace *ws, struct ticket *t, const struct id *event, uint32_t home, bool opened);
/* New facts, copied. *old: the block that the facts before lie in, to be freed by the caller. False: no memory, nothing changed. */
bool ticket_retell(struct workspace *ws, struct ticket *t, const struct facts *f, char **old);
void ticket_due_from_sla(struct workspace *ws, struct ticket *t);
void ticket_end(struct workspace *ws, struct ticket *t, enum ticket_event ev, const char *cause);
void ticket_end_with(struct workspace *ws, struct ticket *t, enum ticket_event ev, const char *cause, struct str detail);
void ticket_count_in_queue(struct workspace *ws, const struct ticket *t, int by);
void ticket_hold_back(struct workspace *ws, struct ticket *t, uint32_t agent);
bool ticket_not_held_back(struct workspace *ws, struct ticket *t, uint32_t agent); /* false: they were not */
void ticket_to_queue(struct workspace *ws, struct ticket *t, uint32_t queue);
struct ticket *ticket_find(const struct workspace *ws, const struct id *id);
void ticket_life_add(struct workspace *ws, struct ticket *t, struct str packed);
bool life_next(const struct life *l, uint32_t *at, struct str *packed); /* from 0 */
void ticket_pools_init(struct workspace *ws);
void ticket_pools_fini(struct workspace *ws);
struct past *past_new(struct workspace *ws, const struct id *id); /* in the ring, pushing the oldest out */
void past_fini(struct workspace *ws);
struct str text_cut(struct str s, size_t max); /* at most so many bytes, never inside a character */
struct overflowing;
struct ticket *intake_open(struct workspace *ws, const struct event *e, const struct verdict *v, const struct id *given,
                           struct overflowing *o);
struct ticket *intake_conversation(const struct workspace *ws, const struct event *e);
uint32_t space_channel(const struct workspace *ws, struct str name);

/* ---- needs.c ---- */
uint32_t space_intern(struct workspace *ws, struct str skill);
struct str space_skill(const struct workspace *ws, uint32_t skill);
extern const struct need_set needs_none;           /* nothing is needed */
struct needs needs_open(const struct need_set *s); /* a copy */
/* *at becomes the set that is equal to `n`; what it was is let go. No memory: it stays what it was, with a warning. */
void needs_close(struct workspace *ws, const struct need_set **at, const struct needs *n);
void needs_drop(struct workspace *ws, const struct need_set **at);                     /* lets it go: *at becomes the empty one */
bool needs_add(struct workspace *ws, struct needs *n, uint16_t skill, uint32_t level); /* false: nothing changed */
bool needs_add_all(struct workspace *ws, struct needs *n, struct list more);           /* `more`: of struct need */
bool needs_more(struct workspace *ws, const struct need_set **at, struct list more);   /* all three: open, add, close */
void ticket_needs_of_queue(struct workspace *ws, struct ticket *t);
bool ticket_ask(struct workspace *ws, struct ticket *t, const struct verdict *v); /* true: it asks for more than before */

/* ---- continuity.c ---- */
void continuity_init(struct customers *c);
void continuity_fini(struct customers *c);
void continuity_held(struct workspace *ws, struct ticket *t, const struct agent *a); /* the agent has it from now on */
void continuity_ended(struct workspace *ws, const struct ticket *t);                 /* before it is freed */
void continuity_recall(struct workspace *ws, struct ticket *t);                      /* t->last, by the rules of its queue */
void continuity_wait(struct workspace *ws, struct ticket *t); /* once it waits: for the one agent it may be kept for */
/* Messages, rules, owners and previous tickets of an offer, in ws->arena; texts are valid until the customer's next ticket ends. */
void continuity_context(struct workspace *ws, const struct ticket *t, struct offer *o);
struct list continuity_owners(struct workspace *ws, const struct ticket *t); /* of `holder`, in ws->arena */
void continuity_restore_owners(struct workspace *ws, struct ticket *t, struct list owners);
void continuity_restored(struct workspace *ws);           /* after the last customer */
const char *continuity_check(const struct workspace *ws); /* NULL, or what does not hold */

/* ---- transfer.c ---- */
/* `g` has it at once, whoever had it or was offered it; on record with `cause`, or else `how`. The table must allow EV_ASSIGN.
   False: no memory, and nothing changed. */
bool ticket_give(struct workspace *ws, struct ticket *t, struct agent *g, const char *how, const char *cause);
/* It waits again with its age, in `queue` unless that is -1; who had it is not asked first. The table must allow `ev`. */
void ticket_requeue(struct workspace *ws, struct ticket *t, int queue, enum ticket_event ev, const char *how);
struct agent *act_colleague(struct workspace *ws, const struct act *a); /* `to`, not offline; NULL: refused */
/* Units and maxima allow one more; what they hold of it already counts for it. False: refused, with the figures. */
bool act_has_room(struct workspace *ws, const struct act *a, const struct ticket *t, const struct agent *g);
void act_transfer(struct workspace *ws, const struct act *a);
void act_requeue(struct workspace *ws, const struct act *a);

/* ---- consult.c ---- */
void consult_over(struct workspace *ws, struct ticket *t, const char *what, const char *why); /* nothing, when nobody is */
void act_consult(struct workspace *ws, const struct act *a);
void act_reply(struct workspace *ws, const struct act *a);
void act_message(struct workspace *ws, const struct act *a); /* what became of a reply */

/* ---- supervise.c ---- */
struct ticket *act_supervised(struct workspace *ws, const struct act *a, enum ticket_event ev); /* NULL: refused */
void act_assign(struct workspace *ws, const struct act *a);
void act_pull(struct workspace *ws, const struct act *a);

/* ---- bots.c ---- */
void bots_opening(struct workspace *ws, struct ticket *t); /* before it waits: whether its first message is for bots */
void bots_message(struct workspace *ws, struct ticket *t, const struct verdict *v); /* a later one; not while it is in no place */
void bot_hand_over(struct workspace *ws, struct ticket *t, const char *cause);      /* the bot who has it gives it to people */
void bot_failed(struct workspace *ws, struct ticket *t, const struct agent *a, const char *cause); /* nothing, if a person did */
uint64_t bot_hold(const struct agent *a, uint64_t hold_ms); /* how long the agent may have it, of so long that anybody may */
bool bot_has_had_it_long(const struct workspace *ws, const struct ticket *t);
void act_handover(struct workspace *ws, const struct act *a);

/* ---- parked.c ---- */
void ticket_resume(struct workspace *ws, struct ticket *t, const char *cause); /* parked or wrapping up: to its owner, or waiting */

/* ---- retriage.c ---- */
uint32_t ticket_route(const struct workspace *ws, const struct ticket *t, const struct facts *f); /* where the policy sends it */
bool ticket_serves(const struct workspace *ws, const struct ticket *t, const struct agent *a);    /* the agent has the skills */
void ticket_retriage(struct workspace *ws, struct ticket *t, const struct event *e, const struct verdict *v);

/* ---- roster.c ---- */
enum err roster_init(struct roster *r);
void roster_fini(struct roster *r);
struct agent *roster_find(const struct roster *r, struct str name);
struct agent *roster_add(struct workspace *ws, struct str name); /* found or made; NULL: full */
enum err roster_spec(struct workspace *ws, struct agent *a, const struct agent_spec *spec);
void roster_forget(struct workspace *ws, struct agent *a);  /* no longer known */
void roster_refresh(struct workspace *ws, struct agent *a); /* columns and bits from the agent's fields */
uint8_t roster_ready(const struct agent *a);                /* bits of enum ready, from the same */
void roster_worked(struct workspace *ws, struct agent *a);  /* something is off their hands just now */
void roster_freed(struct workspace *ws, struct agent *a);   /* lines are to be asked again whether this agent can serve them */
void roster_allow_over(const struct workspace *ws, struct agent *a); /* it may have more than it should, from before */

/* ---- pool.c ---- */
void *pool_get(struct pool *p);             /* a block with anything in it; NULL: no memory */
void pool_put(struct pool *p, void *block); /* NULL is fine */
void pool_fini(struct pool *p);

/* ---- hold.c ---- */
bool hold_ready(struct workspace *ws); /* memory for one hold is there: the next hold_add cannot fail. False: no memory */
struct hold *hold_add(struct workspace *ws, struct ticket *t, struct agent *a, enum hold_kind kind, uint32_t units, bool counted);
void hold_drop(struct workspace *ws, struct hold *h);
void hold_drop_all(struct workspace *ws, struct ticket *t);
void hold_free_all(struct workspace *ws, struct ticket *t); /* at the end of the workspace: nothing follows from it */
void hold_change(struct workspace *ws, struct hold *h, enum hold_kind kind, uint32_t units, bool counted);
void hold_recount(struct workspace *ws, struct agent *a); /* units from the held set, after costs or channels changed */
struct hold *ticket_hold(const struct ticket *t, enum hold_kind kind);       /* the first of the kind, or NULL */
struct hold *ticket_hold_of(const struct ticket *t, const struct agent *a);  /* of any kind, or NULL */
struct hold *ticket_offer_to(const struct ticket *t, const struct agent *a); /* or NULL */
struct agent *ticket_agent(const struct ticket *t);                          /* its owner, or NULL */
struct agent *ticket_with(const struct ticket *t);       /* its owner, else who was offered it first, or NULL: to be shown */
uint32_t ticket_offers(const struct ticket *t);          /* how many stand */
void hold_text(const struct ticket *t, struct buf *out); /* as the held sets name them: "units agent" a line */

static inline bool bit_get(const uint64_t *set, uint32_t i) { return set[i / 64] >> (i % 64) & 1; }
static inline void bit_put(uint64_t *set, uint32_t i, bool on)
{
    uint64_t m = 1ull << (i % 64);
    set[i / 64] = on ? set[i / 64] | m : set[i / 64] & ~m;
}
static inline uint32_t bits_in(uint64_t v)
{
    v -= v >> 1 & 0x5555555555555555ull;
    v = (v & 0x3333333333333333ull) + (v >> 2 & 0x3333333333333333ull);
    return (uint32_t)((((v + (v >> 4)) & 0x0f0f0f0f0f0f0f0full) * 0x0101010101010101ull) >> 56);
}

/* ---- capacity.c: what an agent can still be given ---- */
uint32_t capacity_cost(const struct workspace *ws, const struct agent *a, uint32_t channel); /* units of one ticket */
uint32_t capacity_max(const struct workspace *ws, const struct agent *a, uint32_t channel);  /* tickets; UINT32_MAX: no maximum */
uint32_t capacity_parked(const struct workspace *ws, uint32_t units);                        /* of the same ticket while parked */
bool ticket_favoured(const struct workspace *ws, const struct ticket *t);                    /* what capacity.keep is kept for */
/* For one more: units, also without those that are kept; a place below the channel's maximum; nothing exclusive in the way. */
enum rooms { ROOM_UNITS = 1, ROOM_UNKEPT = 2, ROOM_PLACE = 4, ROOM_ALONE = 8, ROOM_READY = 16 /* the agent is */ };
void capacity_rooms(const struct workspace *ws, const struct agent *a, uint8_t out[CHANNELS_MAX]);
/* What an agent has, as far as it counts for one more of a channel. */
struct load {
    uint32_t used, in_hand, exclusive, count; /* count: of that channel */
};
struct load load_of(const struct agent *a, uint32_t channel);
enum bar capacity_bar_by(const struct workspace *ws, const struct agent *a, uint32_t channel, bool favoured,
                         const struct load *has);
/* One more on this channel, beside all they have but `credit` units of it. */
enum bar capacity_bar(const struct workspace *ws, const struct agent *a, uint32_t channel, bool favoured, uint32_t credit);
const char *capacity_check(const struct workspace *ws, const struct agent *a); /* NULL, or what they have too much of */

/* ---- order.c: pure ---- */
struct waits { /* what a ticket's rank goes by */
    const struct queue *queue;
    enum urgency urgency;
    uint64_t enqueued, due_at;
};
enum rank_class order_class(const struct waits *w, uint64_t now);
int64_t order_key(const struct waits *w, uint64_t now);      /* the least goes first, over all queues */
uint64_t order_changes(const struct waits *w, uint64_t now); /* when its class changes next; UINT64_MAX: never */
uint64_t order_cap(const struct waits *w);     /* from when on it goes before everybody who came later; UINT64_MAX: never */
int64_t order_lane_key(const struct waits *w); /* of two in one lane: the least goes first at any time */
double order_delay(const struct waits *w, uint64_t now); /* weight * wait / target */
static inline struct waits waits_of(const struct workspace *ws, const struct ticket *t)
{
    return (struct waits){ &ws->policy->queues[t->queue], t->urgency, t->enqueued, t->due_at };
}

/* ---- line.c ---- */
struct line *line_of(struct workspace *ws, const struct ticket *t); /* found or made; NULL: no memory */
void line_free(struct workspace *ws, struct line *l);
void line_by_ask(const struct workspace *ws, struct line_ask *ask,
                 struct line *l); /* what is asked by it, nothing cached; borrows `ask` */
const uint64_t *line_eligible(struct workspace *ws, struct line *l);
const uint64_t *line_free_set(const struct workspace *ws, const struct line *l);
void line_unused(struct workspace *ws, struct line *l); /* frees it when it is empty and not worth keeping */
void line_agent_changed(struct workspace *ws, struct line *l, const struct agent *a);
bool line_takes(struct workspace *ws, struct line *l, uint32_t agent); /* eligible, free, and no gate before them */
bool line_has_candidate(struct workspace *ws, struct line *l);
uint32_t line_tier(const struct line *l, uint64_t groups); /* 0: asked first */

/* ---- gate.c ---- */
struct gates {
    uint64_t closed, pass; /* groups that are held back now; groups whose agents are not, whatever else they are in */
};
struct gate_view {            /* what gates go by */
    uint64_t waiting, oldest; /* in the line's queue; `enqueued` of the first, UINT64_MAX: none waits */
    const uint32_t *idle_in;  /* of each group */
    uint64_t now;
};
struct gates gates_now(const struct workspace *ws, const struct line *l);
struct gates gates_by(const struct workspace *ws, const struct line *l, const struct gate_view *c);
static inline bool gate_stops(const struct workspace *ws, const struct gates *g, uint32_t agent)
{
    return (ws->roster.groups[agent] & g->closed) && !(ws->roster.groups[agent] & g->pass);
}
void gate_entered(struct workspace *ws, const struct ticket *t);        /* one more waits, maybe the oldest of all */
uint64_t gate_next(const struct workspace *ws, const struct ticket *t); /* when its age opens a gate; UINT64_MAX: none more */
void gate_due(struct workspace *ws, const struct ticket *t);
void gate_moved(struct workspace *ws);

/* ---- duty.c: what keeps an agent from new offers for a time ---- */
void duty_refresh(struct workspace *ws, struct agent *a);               /* off_shift, barred, duty_next */
void duty_offered(struct workspace *ws, struct agent *a);               /* something has just been offered to them */
void duty_took(struct workspace *ws, struct agent *a);                  /* … and accepted */
uint32_t duty_daily(const struct workspace *ws, const struct agent *a); /* tickets a day; UINT32_MAX: no cap */
uint32_t duty_taken(const struct workspace *ws, const struct agent *a, uint64_t *next); /* today; *next (or NULL): tomorrow */
uint64_t duty_ramp_end(const struct workspace *ws, const struct agent *a);              /* 0: no ramp is under way */

/* ---- waiting.c ---- */
/* Tickets waiting that the agent has the skills for and is not held back from, counted no further than `most`. */
uint64_t waiting_for(struct workspace *ws, const struct agent *a, uint64_t most);
enum err waiting_enter(struct workspace *ws, struct ticket *t);
void waiting_leave(struct workspace *ws, struct ticket *t);
void waiting_again(struct workspace *ws, struct ticket *t); /* after needs, urgency, queue, deadline or back-offs changed */
bool waiting_stale(const struct workspace *ws, const struct ticket *t);  /* by the clock it belongs elsewhere */
void waiting_agent_changed(struct workspace *ws, const struct agent *a); /* skills or groups changed: one bit of each line */
void waiting_wake_all(struct workspace *ws);
void waiting_wake_line(struct workspace *ws, struct line *l);
void waiting_wake_queue(struct workspace *ws, uint32_t queue); /* its lines, when it has groups or gates */
void waiting_wake(struct workspace *ws);                       /* lines that agents with new room can serve */
void waiting_rerank(struct workspace *ws);                     /* keys of ready lines, to be of ws->now */
struct ticket *waiting_peek(const struct workspace *ws);       /* the first ticket of the first ready line; NULL: none is ready */
void waiting_take(struct workspace *ws, struct ticket *t);     /* in hand */
void waiting_put_back(struct workspace *ws, struct ticket *t); /* what was taken in hand and not offered */
void waiting_stuck(struct workspace *ws, struct line *l);      /* nobody for it now */
void waiting_forget_lines(struct workspace *ws);
void waiting_fini(struct workspace *ws);
/* Nobody but `a` is offered the ticket until then (wall ms), whatever checks `skip` (bits of enum skip) leaves out for them; `a`
   NULL: everybody is again. It ends sooner when they go offline, or decline. False, and nothing changes: they are offline. */
bool ticket_only(struct workspace *ws, struct ticket *t, struct agent *a, uint64_t until, unsigned skip);
void ticket_only_over(struct workspace *ws, struct ticket *t);       /* from its next place on; not while it is in a line */
void waiting_only_gone(struct workspace *ws, const struct agent *a); /* they went offline */

/* ---- match.c ---- */
#define TALLY_MAP(X)                                                                                                               \
    X(offline)                                                                                                                     \
    X(away)                                                                                                                        \
    X(skills)                                                                                                                      \
    X(backoff) X(only) X(bot) X(groups) X(capacity) X(keep) X(channel_max) X(exclusive) X(gate) X(off_shift) X(ramp) X(daily)
struct tally { /* candidates by the first test they failed */
#define TALLY_FIELD(name) uint32_t name;
    TALLY_MAP(TALLY_FIELD)
#undef TALLY_FIELD
    uint32_t fit;
};
#define TALLY_TEST(name) FAILS_##name,
enum fails { TALLY_MAP(TALLY_TEST) FAILS_fit, FAILS_COUNT }; /* the same tests as numbers, in the order of their names */
#undef TALLY_TEST
const char *fails_word(enum fails f);                                      /* "offline", … "fit" (why.c) */
void match_tally(struct workspace *ws, struct line *l, struct tally *out); /* why.c */
/* The first test that an agent fails whatever they are doing: FAILS_fit, they can serve it. (line.c) */
enum fails line_bars(const struct workspace *ws, const struct line *l, const struct agent *a);
void tally_tell(const struct tally *t, struct buf *b); /* "offline":3,"skills":1: those that are not 0 */
bool match_pass(struct workspace *ws);                 /* true: stopped by its budget */
/* The best `k` agents for a ticket, best first, whether it waits or is offered already; who holds an offer of it is left out.
   Returns how many. */
uint32_t match_best(struct workspace *ws, const struct ticket *t, uint32_t k, struct agent **out);
void match_fini(struct workspace *ws);

/* ---- offers.c ---- */
/* Offers it to one more agent, or, where the channel says so, gives it to them at once. False: no memory. */
bool offer_make(struct workspace *ws, struct ticket *t, struct agent *a, struct str detail);
uint32_t offers_wanted(const struct workspace *ws, const struct ticket *t); /* how many may stand at once, now */
void offers_again(struct workspace *ws, struct ticket *t);                  /* how many stand, or may, has changed */
bool offers_top_up(struct workspace *ws);                                   /* after a matching pass; true: stopped by its budget */
uint64_t offers_next(const struct workspace *ws, const struct ticket *t);   /* when an offered one is to be looked at */
void offers_ended(struct workspace *ws, struct ticket *t); /* it waits again after an offer: it may have had its most */
void offer_not_connected(struct workspace *ws, struct ticket *t);
void ticket_started(struct workspace *ws, struct ticket *t); /* in touch with the customer: on record, the first time */
void offer_withdraw(struct workspace *ws, struct hold *h, const char *cause);
/* Takes back all offers but `keep` (or NULL), each on record and told. The state is the caller's: it stays `offered`. */
void offers_withdraw(struct workspace *ws, struct ticket *t, const struct hold *keep, const char *cause);
void offers_due(struct workspace *ws, struct ticket *t); /* some have expired */
void act_accept(struct workspace *ws, const struct act *a);
void act_decline(struct workspace *ws, const struct act *a);
void act_start(struct workspace *ws, const struct act *a);

/* ---- steps.c: what the timeline does to a ticket ---- */
bool step_waits(const struct step *s); /* its clock is one of waiting, not of being held */
uint64_t steps_next(const struct workspace *ws,
                    const struct ticket *t);              /* when the next one is due in its state; UINT64_MAX: none */
bool steps_run(struct workspace *ws, struct ticket *t);   /* takes what is due; false: the ticket has ended */
void steps_again(struct workspace *ws, struct ticket *t); /* what was taken already, on needs that are new */
uint64_t steps_groups(const struct workspace *ws, const struct ticket *t);  /* groups that steps taken have added */
uint32_t steps_at_once(const struct workspace *ws, const struct ticket *t); /* how many agents are offered it at once */
void steps_assigned(struct workspace *ws, struct ticket *t);                /* it has a new owner: the clocks of holding begin */
void steps_replied(struct workspace *ws, struct ticket *t);                 /* its agent wrote to the customer */

/* ---- sla.c: targets and their deadlines ---- */
uint64_t sla_at(const struct workspace *ws, const struct sla *s, uint64_t from,
                uint64_t ms); /* `ms` of the target's time after it */
uint64_t sla_due(const struct workspace *ws, const struct ticket *t, enum sla_target which); /* UINT64_MAX: no such deadline */
uint64_t sla_next(const struct workspace *ws, const struct ticket *t);                       /* the next deadline not counted yet */
void sla_run(struct workspace *ws, struct ticket *t);                                        /* counts those that have passed */
void sla_met(struct workspace *ws, struct ticket *t, enum sla_target which); /* it has happened now: in time or not */
void sla_message(struct workspace *ws, struct ticket *t, uint64_t at);       /* the customer wrote: a reply is due */

/* ---- schedule.c: tickets that are put off ---- */
uint64_t callback_at(const struct workspace *ws, const struct policy *p, const struct callback *c); /* `c` is of policy `p` */
void ticket_put_off(struct workspace *ws, struct ticket *t, uint64_t at, const char *cause);
void ticket_due(struct workspace *ws, struct ticket *t); /* scheduled: waits again */
void act_callback(struct workspace *ws, const struct act *a);

/* ---- overflow.c ---- */
struct overflowing {             /* what comes of it before the ticket waits, to be done once it is open */
    const char *cause;           /* NULL: no clause held */
    const struct overflow *last; /* a callback or a refusal, or NULL */
    const char *deflect[4];
    uint32_t deflects;
    const struct overflow *answer; /* the first that held and has an answer for the customer, or NULL … */
    const char *answer_cause;
};
void overflow_before(struct workspace *ws, struct ticket *t, struct overflowing *o);      /* moves it; not while in a line */
bool overflow_begun(struct workspace *ws, struct ticket *t, const struct overflowing *o); /* … the rest; false: it has ended */
uint64_t overflow_next(const struct workspace *ws, const struct ticket *t);
bool overflow_run(struct workspace *ws, struct ticket *t); /* clauses with an age that are due; false: it has ended */

/* ---- tell.c: what the customer is told in the policy's words ---- */
/* `word`: a text of `p`, or an integration's; `hours`: those that {opens} speaks of, -1: the answer target's. */
void tell_customer(struct workspace *ws, struct ticket *t, const struct policy *p, const char *word, const char *cause, int hours);
const char *tell_name(const struct policy *p, int index); /* of a text; NULL: none */

/* ---- forecast.c: who could serve a ticket, and how long that will take ---- */
bool forecast_staffed(const struct workspace *ws, const struct ticket *t); /* somebody online has the skills */
bool forecast_queue_staffed(struct workspace *ws, uint32_t queue);
struct service forecast_ticket(struct workspace *ws, const struct ticket *t); /* as it stands in its line, or as if it came now */
struct service forecast_queue(struct workspace *ws, uint32_t queue);          /* a new ticket like the last one */
uint32_t forecast_position(struct workspace *ws, const struct ticket *t);     /* in its queue, 1: the next; 0: it does not wait */
void forecast_worked(struct workspace *ws, const struct ticket *t);           /* its owner's work on it is over */

/* ---- swap.c: from one policy to the next ---- */
const struct queue *timeline_of(const struct workspace *ws, const struct ticket *t); /* the queue whose timeline it goes by */
uint64_t swap_steps(const struct workspace *ws, const struct ticket *t); /* steps taken, as lines of the timeline in use */
uint64_t swap_groups(const struct policy *from, uint64_t groups, const struct policy *to);
void swap_leave(struct workspace *ws, struct ticket *t); /* it goes by the policy in use from now on */
void swap_fini(struct workspace *ws);

/* ---- timeline.c ---- */
void due_set(struct workspace *ws, struct due *d, uint64_t at);           /* UINT64_MAX: none */
uint64_t ticket_next(const struct workspace *ws, const struct ticket *t); /* its next deadline */
void ticket_schedule(struct workspace *ws, struct ticket *t);
void timeline_run(struct workspace *ws);

/* ---- presence.c ---- */
void agent_schedule(struct workspace *ws, struct agent *a);
void agent_due(struct workspace *ws, struct agent *a);
void agent_missed(struct workspace *ws, struct agent *a);
void agent_set_presence(struct workspace *ws, struct agent *a, enum presence p, const char *reason, const char *cause);
void agent_drop_all(struct workspace *ws, struct agent *a, const char *cause);
void agent_returned(struct workspace *ws, struct ticket *t, const char *cause);
void act_connect(struct workspace *ws, const struct act *a);
void act_disconnect(struct workspace *ws, const struct act *a);
void act_heartbeat(struct workspace *ws, const struct act *a);
void act_presence(struct workspace *ws, const struct act *a);
bool agent_has_work(const struct agent *a);   /* offered, held or being wrapped up: anything but parked */
bool agent_is_drained(const struct agent *a); /* away "draining", and nothing in hand any more */
const struct presence_rules *presence_rules(const struct workspace *ws);
bool agent_session_ok(struct workspace *ws, const struct act *a, const struct agent *g);

/* ---- answers (acts.c) and reads (read.c) ---- */
void answer(struct workspace *ws, const struct act *a, uint32_t status, struct str body, uint64_t session,
            const uint32_t *confirm_home);
void refuse(struct workspace *ws, const struct act *a, uint32_t status, const char *problem, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* The known agent of that name; NULL: refused, with the nearest name there is. */
struct agent *act_agent_called(struct workspace *ws, const struct act *a, struct str name);
/* The queue that the act names; -1: it names none. False: there is none of the name, and the act has been refused. */
bool act_queue(struct workspace *ws, const struct act *a, int *queue);
void act_tell(struct workspace *ws, const struct act *a, const struct ticket *t); /* 200, with what the ticket is now */
/* The live ticket of the act; NULL: refused, it has ended or there is none. */
struct ticket *act_target(struct workspace *ws, const struct act *a);
/* The same if who asks may act on it and the table lets `ev` happen; NULL: refused. */
struct ticket *act_own_target(struct workspace *ws, const struct act *a, enum ticket_event ev);
/* … or if who is consulted asks. */
struct ticket *act_party(struct workspace *ws, const struct act *a, enum ticket_event ev);
void act_refuse_state(struct workspace *ws, const struct act *a, enum ticket_state s);
bool act_has_token(const struct act *a);
bool act_token_is(const struct act *a, uint64_t epoch, uint64_t seq);
const char *act_reason(const struct act *a, char out[129]); /* as a C string */
/* `a`: as in change_fill_offer */
void read_ticket_fields(struct workspace *ws, struct jw *w, const struct ticket *t, const struct agent *a, bool messages);
void read_ticket_wait(struct workspace *ws, struct jw *w, const struct ticket *t); /* position and expected wait, while it waits */
void answer_body(struct workspace *ws, const struct act *a, struct buf *b);        /* 200 with `b`, which is freed */
void read_queue_fields(struct workspace *ws, struct jw *w, uint32_t queue);        /* members of an object that is open */
void queues_tell(struct workspace *ws);                                            /* queue_tell.c: at the end of a turn */
void metrics_of_queues(struct workspace *ws);
void act_ticket(struct workspace *ws, const struct act *a);
void act_tickets(struct workspace *ws, const struct act *a);
void act_queues(struct workspace *ws, const struct act *a);
void act_agents(struct workspace *ws, const struct act *a); /* read_agents.c, as the next two */
void act_agent(struct workspace *ws, const struct act *a);
void metrics_of_agents(const struct workspace *ws);
void act_explain(struct workspace *ws, const struct act *a);
void act_config(struct workspace *ws, const struct act *a);
/* The version of what is configured of an agent: made by API, its time; else the policy's. STR_NONE: nobody is called so. */
struct str agent_version(const struct workspace *ws, const struct agent *a, char room[24]);
void space_lay_out(struct workspace *ws);                            /* hours, further, when they will end (configure.c) */
void configure_agents(struct workspace *ws, const struct policy *p); /* those of the policy, in place of those of the last one */

static inline const struct queue *queue_of(const struct workspace *ws, const struct ticket *t)
{
    return &ws->policy->queues[t->queue];
}

#endif
