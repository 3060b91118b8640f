/* Webhooks out: changes of tickets, agents and queues are told to whom the policies name.

   A change becomes a row of the journal in the same transaction as the change's own row (leader.c), by the router that tells it:
   the home of the ticket, or the one that the leader names for agents and queues. What is durable is sent, in the order of its
   ticket, until it is delivered or dead; hook_box.h says which and when. */
#ifndef NARU_ROUTER_HOOKS_H
#define NARU_ROUTER_HOOKS_H

#include "router/hook_box.h"
#include "router/journal.h"

struct router;
struct http_out;
struct hook_target;
enum hook_state { HOOK_TOLD, HOOK_PROBED, HOOK_GONE, HOOK_NO_SECRET, HOOK_STATE_COUNT };
extern const char *const hook_state_words[HOOK_STATE_COUNT]; /* "on" "failing" "gone" "no-secret" */

struct hooks {
    struct hookbox box;
    struct http_out *out;
    struct hook_wants **wants; /* by workspace; NULL: no webhook there */
    uint64_t seen;             /* config_keep.changes, as reconciled last */
    bool reread, closed, ready;
    struct arena scratch;
    struct buf row, json, headers;
};

enum err hooks_init(struct router *r);
void hooks_open(struct router *r); /* once the journal's rows and the policies are there */
void hooks_close(struct router *r);
void hooks_fini(struct router *r);

/* The row of an entry that somebody here is to be told: ERR_OK with *out NULL: nobody. ERR_OK: the row is `row`, valid until the
   next call, and hooks_landed or hooks_failed follows. Else: not now, let the entry come again. */
enum err hooks_keep(struct router *r, uint16_t workspace, const struct entry *en, struct hook **out, struct str *row);
void hooks_landed(struct router *r, const struct id *id, uint64_t row);
void hooks_failed(struct router *r, const struct id *id);

/* Rows of kinds ROW_HOOK and ROW_HOOK_END, as they are replayed; hooks_open ends that. */
enum err hooks_row(struct router *r, uint64_t number, enum row_kind kind, const struct id *id, struct str body);

bool hooks_pump(struct router *r); /* at the end of a turn; true: something was written */
void hooks_tick(struct router *r); /* once a second */
void hooks_reload(struct router *r);

/* ---- for who asks ---- */
struct listener *hooks_find(struct router *r, struct str workspace, struct str name); /* NULL: no policy names it */
enum hook_state hooks_state(const struct listener *l);
const char *hooks_url(const struct listener *l);
/* Sends a test event at once, past all lanes; `fn` as in http_out_post. */
struct out_answer;
enum err hooks_test(struct router *r, struct listener *l, void (*fn)(void *ctx, const struct out_answer *a), void *ctx);

#endif
