/* The recent changes of all workspaces in memory, for those who come late or read slowly: a ring, bounded by count and by bytes, in
   which the oldest go. Pure; who reads it keeps a position (the number of a change, rising by one) and looks whether it is still
   there.

   A change is named by the leader's reign and its number in the workspace's log, and those names only rise: a name at or below the
   last one has been heard before. Not every number of a log is told to anybody (policies are entries too), and some may never reach
   this router; so each change in the ring says from which number on all is known here up to itself. That tells a gap from a
   silence. */
#ifndef NARU_ROUTER_STREAM_RING_H
#define NARU_ROUTER_STREAM_RING_H

#include "base/id.h"

struct change_id {
    uint64_t epoch, seq; /* epoch 0: no change, or one of which only the number is known */
};
/* Which came first: <0, 0, >0. Of one without an epoch the number alone counts. */
int change_cmp(struct change_id a, struct change_id b);
/* "EPOCH.SEQ". ERR_RANGE: it is not so written, or one of them is 0. */
enum err change_parse(struct str text, struct change_id *out);
#define CHANGE_TEXT 42 /* with its NUL */
char *change_text(struct change_id id, char out[CHANGE_TEXT]);

struct stream_change {
    struct change_id id;
    uint64_t from; /* all numbers from here to its own are known; set by the ring */
    struct id ticket;
    uint16_t workspace;
    uint8_t kind; /* enum entry_kind */
    struct str queue, body;
};

struct stream_slot;
struct stream_line {       /* of one workspace */
    struct change_id last; /* heard; of one that begins with a number alone, the epoch is 0 */
    uint64_t from;         /* since the last change in the ring, all numbers from here to `last` are known and not told */
    bool known;
};
struct stream_ring {
    struct stream_slot *slots; /* NULL until the first change that is kept */
    char *bytes;
    size_t room, end; /* of bytes; where the next body may begin, counted on without end */
    uint32_t most;
    uint64_t head, tail; /* positions: the oldest one, the one to come */
    struct stream_line *lines;
    uint32_t line_count;
};

/* `bytes` of bodies, `most` changes, workspaces 0..lines-1. The ring's memory is taken with the first change that is kept.
 * ERR_NOMEM. */
enum err stream_ring_init(struct stream_ring *r, size_t bytes, uint32_t most, uint32_t lines);
void stream_ring_fini(struct stream_ring *r);

/* The workspace is there, and all up to number `seq` was heard before our time. Nothing when it is known already. */
void stream_ring_begin(struct stream_ring *r, uint16_t workspace, uint64_t seq);
/* Heard for the first time? */
bool stream_ring_is_new(const struct stream_ring *r, uint16_t workspace, struct change_id id);
/* A new change that nobody is told. */
void stream_ring_pass(struct stream_ring *r, uint16_t workspace, struct change_id id);
/* A new change that is not kept: it counts as one that never reached us. */
void stream_ring_miss(struct stream_ring *r, uint16_t workspace, struct change_id id);
/* Keeps nothing of what was heard, and gives the memory back; positions go on. */
void stream_ring_drop(struct stream_ring *r);
/* A new change; texts are copied. ERR_TOOBIG (beyond all bytes), ERR_NOMEM: it counts as one that never reached us. */
enum err stream_ring_push(struct stream_ring *r, const struct stream_change *c);
/* The change at head <= at < tail; texts are borrowed until the next push. */
struct stream_change stream_ring_at(const struct stream_ring *r, uint64_t at);

/* Where a reader who has all up to `after` goes on, and whether something may be missing before it. */
struct stream_place {
    uint64_t at;
    bool gap;
};
struct stream_place stream_ring_after(const struct stream_ring *r, uint16_t workspace, struct change_id after);
/* Is there a gap between what a reader has and this change, which comes later? One that has no name yet never misses anything. */
bool stream_gap(struct change_id after, const struct stream_change *c);
/* The last one heard in a workspace; all zeros: none. */
struct change_id stream_ring_last(const struct stream_ring *r, uint16_t workspace);

#endif
