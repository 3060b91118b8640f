/* The journal's SQLite side: open, read at start, carry out batches, checkpoint. Used by one thread at a time, never by two. */
#ifndef NARU_ROUTER_JOURNAL_DB_H
#define NARU_ROUTER_JOURNAL_DB_H

#include "router/journal_batch.h"

struct journal_db;
struct journal_db_visit { /* what journal_db_load tells; borrowed arguments */
    void *ctx;
    enum err (*meta)(void *ctx, struct str key, struct str value);
    enum err (*known)(void *ctx, uint64_t number, uint64_t at, const struct id *id, const struct id *ticket);
    /* every row, by number; `end`: the last one of its chunk */
    enum err (*seen)(void *ctx, uint64_t number, unsigned kind, const struct id *id, bool end);
    enum err (*row)(void *ctx, uint64_t number, unsigned kind, const struct id *id,
                    struct str body); /* then again, in the order of their first writing */
};

/* ERR_IO with a log line that says why and what to do. */
enum err journal_db_open(struct journal_db **out, const char *path);
enum err journal_db_load(struct journal_db *d, const struct journal_db_visit *v);
/* One transaction with its sync; the verdict is in b->result, b->why and b->took_us. */
void journal_db_commit(struct journal_db *d, struct batch *b);
/* After a commit: a checkpoint when the WAL has become large. */
void journal_db_after(struct journal_db *d);
/* Nothing to do for a while: checkpoint, give free pages back to the disk. As db_thread's idle. */
unsigned journal_db_idle(struct journal_db *d, unsigned step);
/* Why nothing may be written any more, or NULL. */
const char *journal_db_broken(const struct journal_db *d);
void journal_db_close(struct journal_db *d); /* NULL is fine */

#endif
