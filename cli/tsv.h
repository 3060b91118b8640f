/* Messages out of a file (table.h), ready to stand inside of JSON quotes. */
#ifndef NARU_CLI_TSV_H
#define NARU_CLI_TSV_H

#include "base/buf.h"

struct tsv_row {
    size_t at; /* in `escaped` */
    uint32_t n;
};
struct tsv {
    struct buf escaped; /* all texts one after the other */
    struct tsv_row *rows;
    size_t count, room;
    uint64_t bad_utf8, empty, too_long; /* rows that were skipped */
};
/* Reads column `wanted` (a name or, from 1, a number; NULL: a usual name, else the first). The first line names the columns and is
   no message. ERR_USAGE when there is nothing to send; what is wrong, and what was skipped, is told on stderr in the name of `who`.
   tsv_fini is due in either case. */
enum err tsv_load(struct tsv *t, const char *who, const char *path, const char *wanted);
static inline struct str tsv_text(const struct tsv *t, uint64_t n) /* the file repeats */
{
    const struct tsv_row *row = &t->rows[n % t->count];
    return (struct str){ t->escaped.p + row->at, row->n };
}
static inline uint64_t tsv_skipped(const struct tsv *t) { return t->bad_utf8 + t->empty + t->too_long; }
void tsv_fini(struct tsv *t); /* a zeroed or finished one is fine */

#endif
