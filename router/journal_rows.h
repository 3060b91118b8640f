/* What stands in the log, in memory: number, kind and id of every row, oldest first. Compaction asks about them without touching
 * the disk. */
#ifndef NARU_ROUTER_JOURNAL_ROWS_H
#define NARU_ROUTER_JOURNAL_ROWS_H

#include "base/id.h"

#define ROWS_BLOCK  4096u
#define ROWS_BLOCKS 4096u
#define ROWS_MAX    (ROWS_BLOCK * (ROWS_BLOCKS - 1))

struct row_ref { /* 24 bytes */
    uint64_t number : 56;
    uint64_t kind : 7; /* enum row_kind; 0: never written */
    uint64_t end : 1;  /* the last one of its chunk, see journal_db.c */
    struct id id;
};
struct rows {
    struct row_ref *blocks[ROWS_BLOCKS];
    uint64_t tail, head; /* free-running positions */
};

void rows_fini(struct rows *r); /* a zeroed one is ready */
enum err rows_push(struct rows *r, uint64_t number, unsigned kind, const struct id *id);
static inline uint64_t rows_count(const struct rows *r) { return r->head - r->tail; }
static inline struct row_ref *rows_at(const struct rows *r, uint64_t pos)
{
    return &r->blocks[pos / ROWS_BLOCK % ROWS_BLOCKS][pos % ROWS_BLOCK];
}
void rows_cut(struct rows *r, uint64_t to);                 /* the tail becomes `to` */
void rows_void(struct rows *r, uint64_t from, uint64_t to); /* [from, to) were never written */

#endif
