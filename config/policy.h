/* The policy: one YAML file of a workspace, read into checked structures. Immutable once loaded, shared by reference count.
   All texts are NUL-terminated and live as long as the policy. `line` is the 1-based line that a thing was written on.

   What a reader may rely on after policy_load gave ERR_OK: every name that refers to something (queue, channel, hours, account's
   channel) was resolved to an index; there is exactly one default queue; numbers are within their bounds; lists are not longer
   than LIM_LIST_ITEMS; moves and overflows make no cycle. */
#ifndef NARU_CONFIG_POLICY_H
#define NARU_CONFIG_POLICY_H

#include "base/rate.h"
#include "config/inbound.h"
#include "proto/records.h"

/* ---- words of the YAML ---- */
#define ORDER_MAP(X) X(ORDER_SLACK, "slack") X(ORDER_FIFO, "fifo") X(ORDER_PRIORITY, "priority") X(ORDER_WEIGHTS, "weights")
#define CHOOSE_MAP(X)                                                                                                              \
    X(CHOOSE_BEST_SKILL, "best-skill")                                                                                             \
    X(CHOOSE_LEAST_LOADED, "least-loaded")                                                                                         \
    X(CHOOSE_LONGEST_IDLE, "longest-idle")                                                                                         \
    X(CHOOSE_PREFERRED, "preferred")                                                                                               \
    X(CHOOSE_LAST_AGENT, "last-agent")                                                                                             \
    X(CHOOSE_SPARE_SKILL, "spare-skill")                                                                                           \
    X(CHOOSE_OWN_SKILL_FIRST, "own-skill-first") X(CHOOSE_ROUND_ROBIN, "round-robin") X(CHOOSE_FASTEST, "fastest")
#define SINCE_MAP(X)                                                                                                               \
    X(SINCE_ENQUEUED, "enqueued") X(SINCE_STEP, "step") X(SINCE_ASSIGNED, "assigned") X(SINCE_LAST_REPLY, "last-reply")
WORDS_OF(order, ORDER_MAP)
WORDS_OF(choose, CHOOSE_MAP)
#define EXCLUSIVE_MAP(X) X(EXCLUSIVE_NO, "no") X(EXCLUSIVE_ALONE, "alone") X(EXCLUSIVE_INTERRUPTS, "interrupts")
#define SKIP_MAP(X)      X(SKIP_SKILLS, "skills") X(SKIP_GROUPS, "groups") X(SKIP_GATE, "gate") X(SKIP_KEEP, "keep")
#define SWAP_MAP(X)      X(SWAP_ALL, "all") X(SWAP_NEW, "new")
WORDS_OF(since, SINCE_MAP)
WORDS_OF(exclusive, EXCLUSIVE_MAP)
WORDS_OF(skip, SKIP_MAP)
WORDS_OF(swap, SWAP_MAP)

#define GROUPS_MAX   64u    /* of agents, in one workspace: a set of them is a uint64_t */
#define CAPACITY_MAX 10000u /* units of an agent */
#define CHOOSE_MAX   9u
#define STEPS_MAX    64u /* of one timeline: those taken are a uint64_t */
#define ANSWER_COUNT 4u
#define URG_COUNT    4u

struct skill {
    const char *name;
    uint32_t level;   /* 1..10 */
    bool from_ticket; /* `lang: ticket` → skill "lang:<the ticket's language>" at `level` (1) */
};
struct skills {
    struct skill *v;
    uint32_t count;
};
struct words_list { /* texts, in the file's order */
    const char **v;
    uint32_t count;
};

/* Opening hours as UTC intervals, sorted, from load time on for 400 days (ICU, at load); refreshed by loading again. */
struct hours {
    const char *name, *timezone;
    uint64_t *open, *shut; /* wall ms; open[i] < shut[i] <= open[i+1] */
    uint32_t count, line;
};
/* A time, or a share of the queue's answer target (of the ticket's urgency): one of both is 0. */
struct span_of {
    uint32_t ms, pct;
};
/* Open at `wall_ms`? *next (may be NULL) gets the time of the next change, 0 when unknown. */
bool hours_open(const struct hours *h, uint64_t wall_ms, uint64_t *next);
/* When `ms` milliseconds of opening have passed since `from`: the last of them, so from 17:00 two hours of 09:00-18:00 end at 10:00
   of the next open day and one hour at 18:00. Beyond the calendar's end time runs as if it were open. */
uint64_t hours_add(const struct hours *h, uint64_t from, uint64_t ms);

struct channel {
    const char *name;    /* a channel word of design: email webchat sms … */
    uint32_t cost;       /* units, 1..1000; default 20 */
    uint32_t max;        /* most at once with one agent, 0 (default): as many as they have units for */
    uint32_t offer_ms;   /* default 20 s; 1 s .. 1 h */
    uint32_t wrapup_ms;  /* default 0 */
    uint32_t connect_ms; /* from an accept to the agent's `start`; 0 (default): none is awaited */
    bool auto_accept;    /* an offer is an accept */
    enum exclusive
        exclusive; /* alone: only to who has nothing; interrupts: on top of what they have; either: nothing else beside it */
    uint32_t line;
};
/* Who runs the other end of an account: X(CONSTANT, "word", what it must be given, the channels it may be on; "": any). The rows of
   router/channel.c stand beside these. */
#define ACCOUNT_SECRET 1u /* `secret`: what signs its requests */
#define ACCOUNT_TOKEN  2u /* `token`: what replies are sent with; without it nothing can be answered */
#define ACCOUNT_VERIFY 4u /* `verify`: the word of its challenge */
#define ACCOUNT_ID     8u /* `id`: what the provider calls this account */
#define PROVIDER_MAP(X)                                                                                                            \
    X(PROVIDER_NONE, "none", 0, "")                         /* its events come by POST /v1/events alone */                         \
    X(PROVIDER_GENERIC, "generic", 0, "")                   /* any webhook, by `signature` and `map` */                            \
    X(PROVIDER_CLOUDEVENTS, "cloudevents", 0, "")           /* CloudEvents, by `signature` */                                      \
    X(PROVIDER_WIDGET, "widget", ACCOUNT_SECRET, "webchat") /* our own web chat */                                                 \
    X(PROVIDER_LMTP, "lmtp", 0, "email")                    /* from a mail server */                                               \
    X(PROVIDER_POSTMARK, "postmark", ACCOUNT_SECRET, "email")                                                                      \
    X(PROVIDER_MAILGUN, "mailgun", ACCOUNT_SECRET, "email")                                                                        \
    X(PROVIDER_TWILIO, "twilio", ACCOUNT_SECRET, "sms whatsapp voice")                                                             \
    X(PROVIDER_META, "meta", ACCOUNT_SECRET | ACCOUNT_VERIFY, "messenger instagram whatsapp")                                      \
    X(PROVIDER_LINE, "line", ACCOUNT_SECRET, "line")                                                                               \
    X(PROVIDER_SLACK, "slack", ACCOUNT_SECRET, "slack")                                                                            \
    X(PROVIDER_TELEGRAM, "telegram", ACCOUNT_SECRET, "telegram")                                                                   \
    X(PROVIDER_KAKAO, "kakao", ACCOUNT_SECRET, "kakao")
#define PROVIDER_ENUM(id, word, needs, channels) id,
enum provider_id { PROVIDER_MAP(PROVIDER_ENUM) PROVIDER_COUNT };
#undef PROVIDER_ENUM

/* How callers are spoken to while they wait, and connected (docs/channels/twilio.md). The first word is who is no other. */
#define VOICE_LANGUAGE_MAP(X) X(VOICE_EN, "en") X(VOICE_KO, "ko")
WORDS_OF(voice_language, VOICE_LANGUAGE_MAP)
#define VOICE_LANGUAGES 2u
struct voice_rules {
    const char *connect; /* sip:… client:… or a number; "{agent}" stands for the agent's name; NULL: their `phone` alone */
    uint32_t ring_ms;    /* their phone rings so long; default 20 s */
    enum voice_language language;               /* of callers whose number begins with none of … */
    struct words_list numbers[VOICE_LANGUAGES]; /* … these; none at all: +82 is Korean */
    const char *greet[VOICE_LANGUAGES];         /* NULL: our own words */
    const char *music;                          /* what a waiting caller hears; NULL: nothing */
    uint32_t say_ms;                            /* so often they hear their place and the wait; 0: never */
    bool callback;                              /* they may ask to be called back */
};
/* How the web chat of an account looks in the shop's page; NULL: the widget's own words. */
struct widget_look {
    const char *title, *colour; /* colour: "#rrggbb" */
    struct {
        const char *ko, *en;
    } hello;
};
struct account {
    const char *name;
    uint32_t channel; /* index into channels */
    enum provider_id provider;
    struct rate most;            /* events, of each router; default 50,000 a second */
    struct words_list secrets;   /* file: or env:, at most 2: while one is being changed both are good; the first signs */
    const char *token, *verify;  /* file: or env:; NULL: none */
    const char *id;              /* what the provider calls it: Twilio's AccountSid, Meta's page or phone number id …; NULL */
    const char *from;            /* the number or address that replies come from; NULL: by the provider's rule */
    const char *api;             /* where the provider's API is, without a slash at the end; NULL: its usual address */
    struct words_list addresses; /* of mail: in lower case, whole ("help@shop.example") or a whole domain ("@shop.example") */
    const char *smtp;            /* smtp:// or smtps://host[:port], where mails are handed in; NULL: none */
    const char *user;            /* its user; the password is `token`. NULL: `from` */
    struct voice_rules voice;
    struct words_list origins; /* of `widget`: the pages that may use it, "https://shop.example"; "*": any */
    struct widget_look widget;
    struct inbound inbound; /* of generic and cloudevents */
    int receipt; /* what its customer reads at once, where the answer of a webhook is shown (kakao): index of texts, or -1 */
    uint32_t line;
};

/* Where changes are told to: see webhook_kinds. */
struct webhook {
    const char *name, *url;
    struct words_list secrets; /* file: or env:, 1 or 2: both sign while one is being changed */
    struct words_list only;    /* as written: "ticket.opened", "ticket.*"; none: all */
    struct words_list headers; /* "Name: value" */
    uint64_t kinds;            /* bits of enum entry_kind, of `only` */
    uint32_t within_ms;        /* an answer; default 10 s */
    uint32_t give_up_ms;       /* after the change; default 3 d */
    uint32_t at_once;          /* requests under way; default 8 */
    bool in_private;           /* the address may be one of a private network */
    uint32_t line;
};
/* What a change is called in `only` and in the type of its event: "ticket.opened", "agent.presence", "queue.changed"; NULL: it is
   not told. */
const char *webhook_word(enum entry_kind kind);
/* What one word of `only` means, as bits of enum entry_kind ("ticket.*": all that begin so); 0: nothing that is told. */
uint64_t webhook_kinds(struct str said);
const char *webhook_near(struct str said); /* … and the nearest that means something; NULL: none is near */

/* A rule's `when` is a tree of conditions: all of a `struct conds` must hold; within one condition, any of its words. */
enum cond_kind {
    COND_TEXT,  /* words, as rule_word reads them */
    COND_MATCH, /* regular expressions (expr.h) */
    COND_CHANNEL,
    COND_ACCOUNT,
    COND_LANGUAGE,
    COND_INTENT,     /* globs */
    COND_CONFIDENCE, /* a range of the intent's confidence */
    COND_SENTIMENT,
    COND_KIND,
    COND_ATTRIBUTE, /* key = "customer.tier" or "event.…"; texts, globs, ranges of numbers */
    COND_HOURS_OPEN,
    COND_HOURS_CLOSED, /* words: names of hours; indexes in `hours` */
    COND_ALL,          /* all of `inner`; the next two likewise */
    COND_ANY,          /* one of them at least; each of them is a COND_ALL */
    COND_NOT,          /* not all of them */
    COND_COUNT
};
enum value_test_kind { TEST_EQUAL, TEST_GLOB, TEST_RANGE };
struct value_test { /* what a word of COND_ATTRIBUTE or COND_CONFIDENCE asks of the value */
    enum value_test_kind kind;
    double least, most; /* TEST_RANGE: ">=3", "<2", ">=3 <10" */
    bool above, below;  /* more than `least`, less than `most` */
};
struct cond;
struct conds {
    struct cond *v;
    uint32_t count;
};
struct cond {
    enum cond_kind kind;
    const char *key;          /* COND_ATTRIBUTE */
    struct words_list words;  /* as written */
    struct value_test *tests; /* COND_ATTRIBUTE, COND_CONFIDENCE: one for each word */
    uint32_t *hours;          /* COND_HOURS_*: one for each word */
    struct conds inner;       /* COND_ALL, COND_ANY, COND_NOT */
    uint32_t number;          /* through the whole policy, below cond_count */
    uint32_t pattern;         /* COND_TEXT, COND_MATCH: the number of its first word among all of its kind */
    uint32_t line, column;    /* of its key */
};
/* How a word of a text condition is looked for: `=사고` a whole word, a particle may follow; `refund*` it may go on; `*phone` it
   may begin before. */
struct rule_word {
    struct str text; /* without the marks */
    bool whole, open_left, open_right;
};
struct rule_word rule_word(struct str written);
bool rule_test(const struct value_test *t, double number); /* a TEST_RANGE */
bool rule_number(struct str s, double *out);               /* "3", "-0.5": digits with at most one point, else false */

struct rule {
    const char *name;
    struct conds when;
    /* then */
    int urgency;        /* enum urgency, or -1 */
    int raise;          /* steps, 0 = none; negative lowers */
    double weigh;       /* added to the urgency score; -1..1, 0 = nothing */
    const char *intent; /* NULL: none */
    int sentiment;      /* enum sentiment, or -1 */
    struct skills needs;
    struct words_list tags;
    int queue; /* index, or -1 */
    bool stop;
    uint32_t line;
};

/* How the urgency score is put together: what each part weighs, and from which score a level holds. */
struct urgency_policy {
    double model;             /* weight of what the urgency model says, 0..4 */
    double start;             /* the score where no model speaks, 0..1 */
    double negative;          /* added when the message is negative, -1..1; so are the next two */
    double turn;              /* added when the customer's sentiment turned negative within the conversation */
    double repeated;          /* added per contact of the last 7 days beyond the first, for three at most */
    double waiting;           /* added per hour that the conversation's ticket has been waiting, 0..1 … */
    double waiting_most;      /* … and no more than this, 0..1 */
    double levels[URG_COUNT]; /* the least score of each level, rising; levels[URG_LOW] is 0 */
};

enum step_action {
    STEP_NEEDS = 1,
    STEP_DROP = 2,
    STEP_RAISE = 4,
    STEP_MOVE = 8,
    STEP_ADD = 16,
    STEP_OFFER = 32,
    STEP_CALLBACK = 64,
    STEP_NOTIFY = 128,
    STEP_UPDATE = 256,
    STEP_PARK = 512,
    STEP_CLOSE = 1024
};
/* The ticket waits as `scheduled` and comes back with its age. */
struct callback {
    bool given, next_open; /* next_open: when `hours` opens next; else after in_ms */
    uint32_t in_ms;
    int hours;         /* index; -1: those of the condition `closed`, else of the answer target, else always open */
    uint32_t retries;  /* how often an agent may put it off again; default 3 */
    uint32_t again_ms; /* … for how long, when they do not say; default 1 h */
};
struct step { /* one line of a timeline, only what the service acts on; sorted as written */
    enum since since;
    uint32_t after_ms;      /* one of both: milliseconds … */
    uint32_t after_pct;     /* … or percent of the answer target, 1..1000 */
    unsigned actions;       /* of enum step_action */
    struct skills needs;    /* lowered to these levels */
    struct words_list drop; /* skill names; "lang" drops every lang: need */
    int raise;
    int move;         /* queue index, or -1 */
    uint64_t add;     /* groups of agents who may take it from now on; earlier ones stay first */
    uint32_t at_once; /* offered to so many agents at once, 1..16 */
    struct callback callback;
    struct words_list notify; /* names of agents or of groups */
    const char *update;       /* what the customer is told: a name of texts, or a word that integrations translate */
    const char *close;        /* the reason it ends with (cancelled) */
    bool park;                /* until the customer writes */
    bool narrow;              /* it may ask for more than before; else needs only fall */
    uint32_t line;
};
/* All conditions given must hold. Looked at before a ticket waits in the queue, and those with `age` when it has waited so long. */
struct overflow {
    uint32_t waiting_over;        /* 0: not a condition */
    struct span_of expected_over; /* the expected wait; both 0: not a condition */
    int closed;                   /* hours index, or -1 */
    bool nobody_staffed;          /* when: { staffed: none } */
    struct span_of age;           /* both 0: before it waits */
    /* one of: */
    int move; /* queue index, or -1 */
    struct callback callback;
    const char *refuse;  /* it ends (cancelled); the customer is told this; or NULL */
    const char *deflect; /* an entry `deflected` with this word, for integrations; the ticket stays; or NULL */
    int answer;          /* beside any of them, or alone (the ticket stays): what the customer is told, index of texts, or -1 */
    uint32_t line;
};
/* Agents of `group` take this queue's tickets only while more than waiting_over wait or the oldest has waited for `age` (either,
   of those that are given), and only as long as more than `reserve` agents of the group stay idle. Agents who are also in one of
   the queue's own groups are not held back. */
struct gate {
    uint32_t group;
    uint32_t waiting_over; /* UINT32_MAX: not a condition */
    uint32_t age_ms;       /* UINT32_MAX: not a condition */
    uint32_t reserve;      /* default 0 */
    uint32_t line;
};
struct offer_rules {
    uint32_t at_once;     /* 1..16, default 1 */
    uint32_t back_off_ms; /* of who declined or missed it, default 30 s, 1 s..1 d */
    uint32_t most;        /* offers of one ticket; 0 (default): no end */
    int exhausted;        /* the queue it moves to after `most`, or -1: it begins anew */
};
struct last_agent {
    uint32_t within_ms; /* since the customer's last ticket with them ended; 0: off. `choose` with last-agent: default 7 d */
    uint32_t wait_ms;   /* it waits for them alone so long; default 0: they are only preferred */
    unsigned skip;      /* bits (1 << enum skip): checks that do not count for them */
};
struct sla {
    uint32_t within_ms[URG_COUNT]; /* by urgency; always set (one number means all; missing ones take the nearest slower given) */
    uint32_t target_pct;           /* 0: none stated */
    int hours;                     /* index, or -1: round the clock */
    bool given;
};
struct takes {
    bool any; /* `takes: default` */
    struct words_list intent /* globs */, tag, channel, account, language;
};
struct queue {
    const char *name;
    struct takes takes;
    struct skills needs;
    struct sla answer, reply, resolve; /* answer is always set: default 15 min */
    uint64_t groups;                   /* who is asked to begin with; 0: everybody */
    enum order order;
    double weight; /* divides the time left (order slack), multiplies the wait (weights); 0.01..100, default 1 */
    struct span_of
        age_cap; /* who has waited so long goes before everybody; default 300 % of the target (slack, weights) or none: both 0 */
    double match_power,
        idle_power; /* order weights: (weight * wait / target) * match^match_power * idle^idle_power; 0..4, default 1, 0 */
    enum choose choose[CHOOSE_MAX];
    uint32_t choose_count;
    bool choose_weighted; /* a score: each word's 0..1 times its weight; else tiers in this order */
    double choose_weight[CHOOSE_MAX];
    struct gate *gates;
    uint32_t gate_count;
    struct offer_rules offers;
    struct last_agent last_agent;
    uint32_t prefer_wait_ms; /* a preferred agent (attribute customer.agent) is waited for alone so long; default 0 */
    enum swap swap;          /* whether waiting tickets take a new policy's timeline; default all */
    bool no_bots;            /* bots: never */
    int acknowledge;         /* what the customer is told when a ticket is opened, index of texts, or -1 */
    struct step *timeline;
    uint32_t timeline_count;
    struct overflow *overflow;
    uint32_t overflow_count;
    uint32_t line;
};
struct channel_max {
    uint32_t channel, max;
};
/* A bot is offered a ticket before people are, and hands it over to them: when it asks, and as said here. */
struct bot_rules {
    const char *webhook; /* NULL: it takes offers on a WebSocket, as people do */
    const char *secret;  /* file: or env:, signs the webhook; or NULL */
    uint32_t within_ms;  /* the webhook's answer; default 5 s */
    double below;        /* a verdict less sure than this is not for it; default 0 */
    bool negative;       /* a negative message is not for it, and hands over; default true */
    uint32_t after_ms;   /* it has had it so long; 0: no end */
};
struct agent_spec {
    const char *name; /* 1..128 bytes */
    bool bot;
    struct bot_rules bot_rules;
    struct skills skills;
    uint64_t groups;
    uint32_t capacity;       /* units, default 100 */
    struct channel_max *max; /* most at once */
    uint32_t max_count;
    struct channel_max *cost; /* units in place of the channel's */
    uint32_t cost_count;
    uint32_t daily;    /* tickets a day (policy_day), UINT32_MAX: what the policy says */
    int shift;         /* hours in which they get offers, or -1: always */
    const char *phone; /* where calls reach them: sip:… client:… or a number; NULL: by the account's `connect` */
    uint32_t line;
};
struct agent_group {
    const char *name;
    uint32_t line; /* where it was first named */
};
struct capacity_rules {
    uint32_t keep_units;               /* the last so many of every agent's units are for those that … (0: none) */
    int keep_urgency;                  /* … are at least so urgent, or -1; */
    uint32_t keep_channels;            /* … or come on these: bit per channel index */
    struct words_list keep_words;      /* … as written */
    uint32_t parked_pct;               /* what a parked ticket costs of its units; default 25 */
    uint32_t wake_wait_ms;             /* a parked ticket that wakes waits for its agent alone so long; default 2 min */
    uint32_t ramp_per_minute, ramp_ms; /* offers a minute after coming online, for so long; 0: no ramp */
    uint32_t daily;                    /* tickets a day and agent; 0: no cap */
    struct rate acts;                  /* of one agent, of each router; default 1,000 a second */
};
struct presence_rules {
    uint32_t lease_ms; /* default 30 s */
    uint32_t leave_ms; /* from a socket's end to offline; default 5 s */
    uint32_t grace_ms; /* from then to what they hold returning; default 60 s */
    uint32_t misses;   /* in a row, then away(missed); default 3 */
    uint32_t hold_ms;  /* what is held longer returns; default 24 h */
};

/* ---- `simulate`: what a simulation is told of customers and agents beyond the rules (workers/simulate) ---- */
enum dist_kind { DIST_NONE, DIST_FIXED, DIST_EXPONENTIAL, DIST_LOGNORMAL };
struct dist { /* of times */
    enum dist_kind kind;
    double mean_ms; /* 1 ms .. 30 d */
    double cv;      /* DIST_LOGNORMAL: standard deviation / mean, 0.01..10; default 1 */
};
/* Tickets that are alike: what a trace calls its `class`. */
struct sim_class {
    const char *name;
    int queue;            /* index; `queue`, or the queue of the class's name */
    const char *channel;  /* a channel word; default voice */
    enum urgency urgency; /* default normal */
    struct skills needs;  /* beyond those of the queue */
    const char *language; /* or NULL: "und" */
    double weight;        /* of a breach, in reports and objectives; 0..1000, default 1 */
    uint32_t target_ms; /* answered within it is in time, whatever the policy's target; 0 (default): the queue's for its urgency */
    struct dist work, patience; /* where a trace or the arrivals leave them out; patience NONE: waits for ever */
    uint32_t line;
};
struct sim_by_class { /* a number for all classes, and those of single ones */
    double all;       /* NAN: not given */
    struct sim_number {
        uint32_t class; /* index into simulate.classes */
        double v;
    } * v;
    uint32_t count;
};
double sim_number_of(const struct sim_by_class *n, uint32_t class, double otherwise); /* otherwise: neither of it nor of all */
struct sim_agent {
    const char *name;
    int agent;                 /* index into agents */
    struct sim_by_class speed; /* a ticket takes work / speed; 0.01..100, default 1 */
    struct sim_by_class match; /* what it is worth that they serve this class: 0..1000; not given: not counted */
    uint32_t line;
};
/* How fast each of n tickets at once is worked on by one agent: v[n - 1], further ones as the last; 0..1. A channel without one:
   1/n, an agent has one pair of hands. */
struct sim_parallel {
    const char *channel;
    double *v;
    uint32_t count, line;
};
struct sim_places { /* so many may wait in the queue; who comes when all places are taken is blocked */
    int queue;
    uint32_t places, line;
};
struct simulate_rules {
    bool given;
    uint64_t from; /* the wall ms of arrival_ms 0, as a date and time in the policy's time zone; default Monday 2026-01-05 00:00 */
    struct sim_class *classes;
    uint32_t class_count;
    struct sim_agent *agents;
    uint32_t agent_count;
    struct sim_parallel *parallel;
    uint32_t parallel_count;
    struct sim_places *places;
    uint32_t places_count;
    struct dist accept;      /* from an offer to its accept; default at once */
    double declined, missed; /* shares of offers, 0..0.95; default 0 */
    uint32_t line;
};

/* What customers are told in the policy's own words (texts.h). */
struct text {
    const char *name;
    struct text_in {
        const char *language, *text; /* language "": whatever theirs is */
    } * v;                           /* in the file's order: the first is the one for all other languages */
    uint32_t count, line;
};
struct text_list {
    struct text *v;
    uint32_t count;
};

struct policy {
    const char *workspace;
    char version[72]; /* "sha256:" and the first 16 hex of the file's hash */
    const char *path; /* where it was read from, for messages */
    struct str yaml;  /* the bytes */
    struct hours *hours;
    uint32_t hours_count;
    struct channel *channels;
    uint32_t channel_count;
    const char *public_url; /* without a slash at the end; NULL: none */
    struct account *accounts;
    uint32_t account_count;
    struct webhook *webhooks;
    uint32_t webhook_count;
    bool tells_queues; /* a webhook wants changes of queues */
    struct text_list texts;
    struct rule *rules;
    uint32_t rule_count;
    uint32_t cond_count;
    uint32_t pattern_count, expression_count;                   /* words of all COND_TEXT, of all COND_MATCH */
    double unsure_below;                                        /* 0: no such clause */
    int unsure_queue;                                           /* or -1 */
    const char *model_intent, *model_urgency, *model_sentiment; /* paths as written, or NULL */
    const char *model_language;
    struct urgency_policy urgency;
    uint32_t external_ms[ANSWER_COUNT]; /* by enum answer: how long a scorer of one's own has, 1..2000; 0: none is asked */
    struct queue *queues;
    uint32_t queue_count;
    uint32_t default_queue;
    struct agent_spec *agents;
    uint32_t agent_count;
    struct agent_group *groups; /* bit i of a set of groups is groups[i] */
    uint32_t group_count;
    struct capacity_rules capacity;
    struct presence_rules presence;
    struct simulate_rules simulate;
    const char *timezone; /* of days; default UTC */
    uint64_t *midnight;   /* wall ms, sorted, as far ahead as hours are */
    uint32_t midnight_count;
    uint32_t first_day; /* the day that begins at midnight[0], as days since 1970-01-01 */
    uint64_t loaded;    /* wall ms */
    struct policy_mem *mem;
};
/* The number of the local day that `wall_ms` lies in, as days since 1970-01-01; *next (may be NULL): when the next one begins.
   The same after a restart and under another version of the policy, as long as the time zone is the same. */
uint32_t policy_day(const struct policy *p, uint64_t wall_ms, uint64_t *next);
/* Half of the time that hours and midnights reach has passed: load it again from p->yaml. It stays the same version. */
bool policy_stale(const struct policy *p, uint64_t wall_ms);
int policy_group(const struct policy *p, struct str name); /* index, or -1 */

/* One thing said about a file. Errors stop it from being used; warnings (a dead clause, a key nothing acts on yet) do not. */
struct finding {
    bool error;
    uint32_t line, column; /* 1-based; 0: the whole file */
    const char *key;       /* dotted path: "queues.billing.sla.answer" */
    const char *text;      /* a sentence, with the nearest valid word where one is near */
};
struct findings { /* at most LIM_POLICY_ERRORS; `more` counts those beyond */
    bool checked; /* set by who loads what was found good when it came in: expressions are not tried again (0.1 ms each) */
    struct finding *v;
    uint32_t count, errors, more;
    struct arena arena;
};
void findings_init(struct findings *f);
void findings_fini(struct findings *f);
/* "policy.yaml:12:5: error: queues.billing.order: "slak" is not an order (did you mean "slack"?)", a line each */
void findings_text(const struct findings *f, const char *path, struct buf *out);
/* {"file", "ok", "version", "findings": [{"level", "line", "column", "key", "text"}], "more", "facts": [{"key", "text"}]}; `p` is
   what came of the file, or NULL: then there is no version and no fact (facts.h). */
struct policy;
void findings_json(const struct findings *f, const char *path, const struct policy *p, struct buf *out);

/* Reads and checks all of it before anything counts. On ERR_OK the caller owns one reference of *out (warnings may be in `f`);
   ERR_YAML or ERR_POLICY with errors in `f`; ERR_TOOBIG, ERR_NOMEM. `f` may be NULL. `now` = wall ms (for hours). Pure but for
   time-zone data. */
enum err policy_load(struct policy **out, struct str yaml, const char *path, uint64_t now, struct findings *f);
/* The same from a file; ERR_IO when it cannot be read. Files of closed days that it names are replaced by their dates first. */
enum err policy_load_file(struct policy **out, const char *path, uint64_t now, struct findings *f);
struct policy *policy_ref(struct policy *p); /* thread-safe */
void policy_unref(struct policy *p);         /* NULL is fine */

int policy_queue(const struct policy *p, struct str name); /* index, or -1; likewise the next two */
int policy_channel(const struct policy *p, struct str name);
int policy_account(const struct policy *p, struct str name);
extern const struct words provider_words; /* by enum provider_id */
/* The queue for a verdict: the one a rule named, else `unsure`'s when it is unsure, else the first whose `takes` fits (within one
   takes, all conditions given must hold), else the default. */
uint32_t policy_route(const struct policy *p, const struct event *e, const struct verdict *v);
/* The same, and which of the four it was; `by` may be NULL. */
enum route_by { ROUTE_RULE, ROUTE_UNSURE, ROUTE_TAKES, ROUTE_DEFAULT, ROUTE_BY_COUNT };
extern const char *const route_by_words[ROUTE_BY_COUNT]; /* "rule" "unsure" "takes" "default" */
uint32_t policy_route_by(const struct policy *p, const struct event *e, const struct verdict *v, enum route_by *by);
/* An agent as PUT /v1/agents/{id} gives it: {"skills": {"billing": 8}, "capacity": 100, "max": {"webchat": 3}, "kind": "person"}.
   Fills *out (texts in `arena`); on ERR_JSON or ERR_POLICY `why` (>= 200 bytes) is a sentence. Channels, hours and groups are those
   of `p`: a name it does not have is refused, with the nearest. */
enum err policy_agent(const struct policy *p, struct str name, struct str json, struct agent_spec *out, struct arena *arena,
                      char why[200]);
/* The same for one that another policy took: hours and groups that `p` has no more are left out (they come back with the policy
   that names them again), and `why` says which of them was the first; "" when none was. */
enum err policy_agent_again(const struct policy *p, struct str name, struct str json, struct agent_spec *out, struct arena *arena,
                            char why[200]);

#endif
