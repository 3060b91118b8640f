/* Closed tickets, for reading: history.db with its own thread. Written behind (a batch a transaction, synchronous=NORMAL): what it
   loses in a crash is appended again from the journal, whose rows are settled only after their history is committed. */
#ifndef NARU_ROUTER_HISTORY_H
#define NARU_ROUTER_HISTORY_H

#include "base/id.h"

#include <uv.h>

struct history;
struct history_row { /* one closed ticket; texts borrowed during the call */
    struct id ticket;
    uint64_t opened, ended; /* wall ms */
    struct str workspace, state, queue, agent, customer;
    struct str body;        /* JSON: the ticket with its life: what GET /v1/tickets/{id} and …/explain answer from */
};
typedef void history_put_fn(void *ctx, enum err e);
typedef void history_get_fn(void *ctx, enum err e, struct str body); /* ERR_NOTFOUND; body valid during the call */

enum err history_open(struct history **out, uv_loop_t *loop, const char *path, uint32_t keep_days);
/* Copies the row. Replaces an earlier one of the same ticket. ERR_FULL when too much waits. */
enum err history_put(struct history *h, const struct history_row *row, history_put_fn *fn, void *ctx);
enum err history_get(struct history *h, const struct id *ticket, history_get_fn *fn, void *ctx);
/* Up to `limit` (1..1000) closed tickets of a workspace, newest first, after the given id (none: from the newest), optionally of one state or queue (empty: any); body is a JSON array. */
enum err history_list(struct history *h, struct str workspace, struct str state, struct str queue, const struct id *after, uint32_t limit, history_get_fn *fn, void *ctx);
void history_close(struct history *h, void (*done)(void *ctx), void *ctx);

#endif
