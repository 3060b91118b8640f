/* What the files of the page share: others' texts, and spans of time. */
#ifndef NARU_CLI_LIFE_PARTS_H
#define NARU_CLI_LIFE_PARTS_H

#include "base/buf.h"
#include "base/json.h"

void life_put(struct buf *b, struct str s); /* what would command a terminal as "·" */
void life_span(struct buf *b, double ms);   /* "1 min 45 s": the two largest units */

/* The wait that the entry `seq` ended by giving the ticket to somebody, or the one that ended at `at` without (empty: none did);
   `seq` 0 and `at` empty: the one that goes on. NULL: none. */
const struct json *life_wait(const struct json *doc, uint64_t seq, struct str at);
/* Why not before: its spans and moments by time, the winner's own story, the smallest change. Nothing for one that took no time. */
void life_put_wait(struct buf *b, const struct json *wait);
/* "  queues       billing 2 min, support 40 s": when it was in more than one. */
void life_put_queues(struct buf *b, const struct json *doc);
void life_put_known(struct buf *b, const struct json *doc); /* how far back it is known why, where that is not far enough */

#endif
