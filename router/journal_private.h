/* What journal.c and journal_compact.c share. Everything here belongs to the loop's thread; the database's thread sees `db` and the
   batch that was given to it. */
#ifndef NARU_ROUTER_JOURNAL_PRIVATE_H
#define NARU_ROUTER_JOURNAL_PRIVATE_H

#include "base/loop.h"
#include "base/map.h"
#include "router/journal_batch.h"
#include "router/journal_db.h"
#include "router/journal_known.h"
#include "router/journal_rows.h"
#include "router/journal_thread.h"

struct meta { /* one key; owned by the map's entry */
    char *key;
    size_t key_n;
    struct buf stored, next; /* at open; set since */
    bool dirty;
};

/* Compaction goes round the log: from the oldest row to the newest one there was when the round began. */
struct compaction {
    bool active;
    uint64_t end;      /* position of the round's end */
    uint64_t slice_to; /* what the slice under way will cut, 0: none */
    uint64_t live;     /* rows moved in this round, then: in the last one */
    uint64_t settles;  /* since the last round */
};

struct journal {
    struct journal_cfg cfg;
    uv_loop_t *loop;
    struct journal_db *db;
    struct db_thread thread;
    struct turn_end turn_end;
    struct timer house; /* housekeeping, a second after there was something to do */
    uv_poll_t linger;
    int linger_fd;                            /* a timerfd: libuv's timers know milliseconds only */
    struct batch batches[2], *filling, *away; /* away: with the thread, or its callbacks are running */
    uint64_t next;
    struct rows rows;
    uint64_t written; /* position up to which `rows` is committed */
    struct known known;
    struct map meta;
    bool meta_dirty;
    struct compaction compact;
    /* hand-over */
    bool linger_on, linger_over, hurry;
    uint64_t seen_count, rows_us,
        gap_us; /* rows of the filling batch at the last turn's end; when rows came last; their mean distance */
    bool house_due;
    uint64_t house_commits, commits;
    /* ends */
    bool full, fatal, closing, quitting;
    uint64_t full_until;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

uint64_t journal_wall(const struct journal *j);
/* Gives the operation (ROW or MOVE, the newest of the filling batch) its number and a place in the log. */
enum err journal_place(struct journal *j, struct op *op, unsigned kind, const struct id *id);
/* Adds a slice of compaction to the filling batch when one is due. `idle`: nothing was written for a while. */
void journal_compact(struct journal *j, bool idle);
void journal_compact_done(struct journal *j, bool ok); /* the batch with the slice is through */
/* Drops identities that are too many or too old, at most 2,000 a call. */
void journal_forget(struct journal *j);
bool journal_forget_due(const struct journal *j);

#endif
