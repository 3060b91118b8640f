/* Closed tickets, for reading, and corrections: history.db with its own thread. Tickets are written behind, many to a transaction;
   what it has not written in a crash is put again from the journal, whose rows are settled only after their history is on the disk.
   Corrections are written at once. */
#ifndef NARU_ROUTER_HISTORY_H
#define NARU_ROUTER_HISTORY_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/id.h"
#include "router/feedback_db.h"

#include <uv.h>

struct history;
struct history_row { /* one closed ticket; texts borrowed during the call */
    struct id ticket;
    uint64_t ended; /* wall ms */
    struct str workspace, state, queue;
    struct str body; /* bytes that `render` understands */
};
/* Makes JSON of a body when it is read. On history's thread. */
typedef enum err history_render_fn(struct buf *out, struct str body, struct arena *scratch);
/* Appends what is wanted of a body, as bytes, for history_digest. On history's thread. */
typedef enum err history_digest_fn(const void *ctx, struct buf *out, struct str body, struct arena *scratch);
typedef void history_put_fn(void *ctx, enum err e);
typedef void history_get_fn(void *ctx, enum err e, struct str json); /* ERR_NOTFOUND; valid during the call */

struct history_cfg {
    const char *path;
    uint32_t keep_days;        /* of closed tickets */
    uint64_t feedback_rows;    /* of corrections, 0: no bound … */
    uint32_t feedback_days;    /* … and 0: no bound */
    history_render_fn *render; /* NULL: bodies are JSON already */
    history_digest_fn *digest; /* NULL: history_digest gives nothing */
    const void *digest_ctx;
};
/* A file of the format before this one gets the table of corrections; ERR_IO for older, younger and foreign ones. */
enum err history_open(struct history **out, uv_loop_t *loop, const struct history_cfg *cfg);
/* Copies the row. Replaces an earlier one of the same ticket. ERR_FULL when too much waits. */
enum err history_put(struct history *h, const struct history_row *row, history_put_fn *fn, void *ctx);
enum err history_get(struct history *h, const struct id *ticket, history_get_fn *fn, void *ctx);
/* Up to `limit` (1..1000) closed tickets of a workspace, newest first, after the given id (none: from the newest), optionally of
 * one state or queue (empty: any): {"tickets": […], "next": the id that the next page comes after, if there is one}. */
enum err history_list(struct history *h, struct str workspace, struct str state, struct str queue, const struct id *after,
                      uint32_t limit, history_get_fn *fn, void *ctx);

/* What `digest` makes of closed tickets, newest first, back to those that ended at `since`, at most `limit` (1..1000) of them. The
   answer is a uint64_t, then those bytes. The uint64_t is the `below` to go on with; 0: there are no more. `below` is 0 to begin
   with. Bodies that cannot be read are passed over. */
enum err history_digest(struct history *h, uint64_t since, uint64_t below, uint32_t limit, history_get_fn *fn, void *ctx);

/* ---- corrections. What could not be kept for want of room counts in naru_feedback_dropped_total. ---- */
/* Copies the row; `fn` once it is on the disk. ERR_FULL when too much waits. */
enum err history_feedback(struct history *h, const struct feedback_row *row, history_put_fn *fn, void *ctx);
/* As feedback_db_list and feedback_db_of tell them. ERR_RANGE: `limit` is not 1..1000. */
enum err history_feedback_list(struct history *h, const struct feedback_query *q, history_get_fn *fn, void *ctx);
enum err history_feedback_of(struct history *h, const struct id *ticket, history_get_fn *fn, void *ctx);
uint64_t history_feedback_rows(const struct history *h); /* how many there are, near enough */

void history_close(struct history *h, void (*done)(void *ctx), void *ctx);

#endif
