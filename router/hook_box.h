/* The outbox of webhooks in memory: which changes are to be told to whom, in which order, and what became of it. Pure: clock and
   randomness are handed in; hooks.c writes the rows and sends the requests.

   A change (struct hook) is told to one or more listeners (webhooks of policies). For one listener the changes of one subject (a
   ticket, an agent, a queue) are a lane: the next leaves when the one before it is delivered or dead. Lanes do not know each other.

       hookbox_add ─ row durable ─▶ pending ──▶ under way ──▶ delivered
                                     ▲  ▲          │ failed: its lane waits
                                     │  └──────────┤
                                     └── replay ── dead

   It is a fold over rows: ROW_HOOK says that there is a change and for whom; ROW_HOOK_END says who is still to be told and for whom
   it is a dead letter, and the last one counts. A row is live while its change is pending or dead with somebody. */
#ifndef NARU_ROUTER_HOOK_BOX_H
#define NARU_ROUTER_HOOK_BOX_H

#include "base/heap.h"
#include "base/idmap.h"
#include "proto/records.h"
#include "router/hook_plan.h"

#include <sys/queue.h>

/* What stands in a ROW_HOOK: the entry, and what is known of its ticket when it happens. */
#define HOOK_ROW_FIELDS(X)                                                                                                         \
    X(REC, entry, entry)                                                                                                           \
    X(LIST, to, tag) /* names of webhooks */                                                                                       \
    X(STR, account, 64)                                                                                                            \
    X(STR, channel, 32)                                                                                                            \
    X(STR, conversation, 256)                                                                                                      \
    X(STR, customer, 256)                                                                                                          \
    X(STR, external, 256) /* of the entry's event */                                                                               \
    X(BOOL, judged, 0)    /* the rest is of a verdict */                                                                           \
    X(STR, language, 16)                                                                                                           \
    X(STR, intent, 64)                                                                                                             \
    X(F64, confidence, 0)                                                                                                          \
    X(F64, score, 0)                                                                                                               \
    X(BOOL, unsure, 0)                                                                                                             \
    X(ENUM, sentiment, sentiment)                                                                                                  \
    X(LIST, tags, tag)
/* … and in a ROW_HOOK_END. */
#define HOOK_DEAD_FIELDS(X) X(STR, name, 64) X(TIME, at, 0) X(U32, attempts, 0) X(U32, end, 0) X(U32, status, 0)
#define HOOK_END_FIELDS(X)                                                                                                         \
    X(STR, workspace, 64)                                                                                                          \
    X(LIST, left, tag)                                                                                                             \
    X(LIST, dead, hook_dead)                                                                                                       \
    X(TIME, since, 0) /* when it was begun again; 0: it was not */
RECORD_DECL(hook_row, HOOK_ROW_FIELDS)
RECORD_DECL(hook_dead, HOOK_DEAD_FIELDS)
RECORD_DECL(hook_end, HOOK_END_FIELDS)

struct hook;
struct hook_lane;
struct dead_letter;
struct listener;
enum told_state { TOLD_WAITS, TOLD_UNDER_WAY, TOLD_DONE, TOLD_DEAD };
struct told { /* one change for one listener */
    struct listener *to;
    union {
        struct told *next;          /* pending: in its lane */
        struct dead_letter *letter; /* dead */
    };
    uint8_t at;    /* its place in hook.told */
    uint8_t state; /* enum told_state */
    bool hot;      /* its body is kept in memory for it */
};
struct hook {
    struct id id; /* first: see idmap.h */
    uint64_t row, row_end, row_read; /* row_read: what was `row` when it was last read */
    uint64_t epoch, seq, subject;
    uint64_t since; /* wall ms of the change, or of its replay: from then on it is tried */
    TAILQ_ENTRY(hook) link, changed_link;
    char *body; /* of its row, owned; NULL: in the journal alone */
    uint32_t body_n;
    uint8_t count, hot;
    bool landed;  /* its row is durable */
    bool changed; /* a ROW_HOOK_END is to be written */
    bool over;    /* nobody is left: remembered for a while, to know it again */
    struct told told[];
};
TAILQ_HEAD(hook_list, hook);

struct dead_letter {
    TAILQ_ENTRY(dead_letter) link;
    struct told *told;
    uint64_t at; /* wall ms of its death */
    uint32_t attempts, end, status;
};
TAILQ_HEAD(dead_list, dead_letter);

struct listener {
    struct hookbox *box;
    char workspace[65], name[65];
    uint32_t number;
    void *own;  /* hooks.c's */
    bool named; /* by the policy in use; else nothing leaves */
    bool gone;  /* it said 410 */
    uint32_t at_once;
    uint64_t give_up_ms;
    struct breaker breaker;
    uint64_t paused_until;                       /* by its Retry-After */
    TAILQ_HEAD(lane_list, hook_lane) ready, out; /* out: whose head is under way */
    struct heap waiting;                         /* lanes after a failure, by the time of the next attempt */
    uint32_t under_way, backlog, dead;
    struct dead_list letters; /* the oldest death first */
    struct hook *oldest;      /* pending; NULL: not known */
    uint64_t delivered, failed, dropped;
    struct {
        uint64_t at;
        uint32_t end, status;
    } last_bad;
    uint64_t last_good;
};

struct hookbox {
    struct idmap hooks, lanes;
    struct hook_list order;   /* pending or dead with somebody, as they came */
    struct hook_list changed; /* … those with a row to be written */
    struct hook_list done;    /* over: the last HOOKS_DONE of them */
    uint32_t done_count, most, most_each;
    size_t bytes; /* of bodies in memory */
    struct listener **v;
    uint32_t count;
    struct rng rng;
    uint64_t seed[2];
};

#define HOOKS_DONE     8192u
#define HOOKS_HOT      4096u       /* changes of one listener whose bodies wait in memory */
#define HOOK_DEAD_MS   2592000000u /* dead letters are kept 30 days … */
#define HOOK_DEAD_MOST 10000u      /* … and so many of a listener */
#define LIM_LISTENERS  1024u

void hookbox_init(struct hookbox *b, uint32_t most, uint32_t most_each, uint64_t seed);
void hookbox_fini(struct hookbox *b);

/* Found, or made. NULL beyond LIM_LISTENERS or without memory. It lives as long as the box. */
struct listener *hookbox_listener(struct hookbox *b, struct str workspace, struct str name);
/* The policy names it no more: what is pending for it is over. */
void hookbox_forget(struct listener *l);

/* ---- coming in ---- */
struct hook_new {
    struct id id;
    uint64_t epoch, seq, at;
    struct str subject; /* whose order is kept */
    struct listener **to;
    uint32_t count;
};
/* ERR_EXISTS: known, *out; ERR_FULL: for none of them there is room (counted as dropped). Those who have no room are left out, so
   (*out)->told tells for whom the row is. Not told before hookbox_landed. */
enum err hookbox_add(struct hookbox *b, const struct hook_new *n, struct hook **out);
/* Its row as it is packed: kept until hookbox_landed knows whether somebody will want it soon. */
void hookbox_body(struct hookbox *b, struct hook *h, struct str body);
void hookbox_landed(struct hookbox *b, struct hook *h, uint64_t row);
void hookbox_failed(struct hookbox *b, struct hook *h); /* its row could not be written: as if it had never been */

/* ---- leaving ---- */
/* The next that may be sent, and is under way from now on; NULL: none now. */
struct told *hookbox_next(struct listener *l, uint64_t now);
struct hook *told_hook(struct told *t);
struct hook_result {
    bool good, gone;      /* gone: nothing more is wanted (410) */
    uint32_t end, status; /* as in struct out_answer */
    uint64_t retry_after_ms;
};
void hookbox_end(struct told *t, const struct hook_result *r, uint64_t now);
void hookbox_back(struct told *t); /* it was not sent after all, and no fault of the listener's */
/* Once a second: what nobody could try any more dies, dead letters that are too old or too many go. */
void hookbox_tick(struct hookbox *b, uint64_t now);
/* Dead letters live again: one (`id`), or all (NULL). Gives how many. */
uint32_t hookbox_replay(struct listener *l, const struct id *id, uint64_t now);
uint64_t hookbox_oldest(struct listener *l); /* wall ms since when the oldest pending one is tried; 0: none */

/* ---- rows ---- */
/* The next whose ROW_HOOK_END is to be written, or NULL; packed into `out` (record hook_end). hookbox_written: it was appended. */
struct hook *hookbox_changed(struct hookbox *b);
void hookbox_pack_end(const struct hook *h, struct buf *out);
void hookbox_written(struct hookbox *b, struct hook *h, uint64_t row_end);
/* As the journal replays them; then hookbox_replayed once. ERR_EXISTS: known already. `subject`: as in hook_new. */
enum err hookbox_row(struct hookbox *b, uint64_t row, const struct id *id, const struct hook_row *r, struct str subject);
enum err hookbox_row_end(struct hookbox *b, uint64_t row, const struct id *id, const struct hook_end *e);
void hookbox_replayed(struct hookbox *b);
bool hookbox_row_live(const struct hookbox *b, uint64_t number, const struct id *id);
void hookbox_row_moved(struct hookbox *b, uint64_t from, uint64_t to, const struct id *id);

#endif
