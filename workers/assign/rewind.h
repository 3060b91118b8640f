/* Agents as the matcher saw them at an earlier instant, for the tickets of one channel: from what they are now back along the
   trail, step by step, counted by the same tests as a decision's record (match_tally). Nothing of the workspace is changed. */
#ifndef NARU_ASSIGN_REWIND_H
#define NARU_ASSIGN_REWIND_H

#include "workers/assign/core.h"

struct then_agent {
    struct load load;
    uint8_t ready;         /* bits of enum ready */
    uint8_t bars;          /* enum fails of the line alone, whatever they are doing: FAILS_fit, they can serve it */
    uint8_t fails;         /* … of all: the first test they fail */
    bool unknown;          /* what they can do has been changed since */
    const struct id *said; /* the reason of their presence, if it was another than now: a text */
};
struct rewind {
    struct workspace *ws;
    uint32_t channel;
    uint64_t at;  /* all steps of the trail before this one are done, the others undone */
    uint64_t now; /* the time that gates go by: that of the last step done; or as rewind_clock said */
    struct then_agent *agents;
    struct then_queue {
        uint32_t waiting;
        uint64_t oldest;
    } * queues;
    uint32_t idle_in[GROUPS_MAX];
    struct line_ask *ask; /* whose line is asked about, or NULL; borrowed */
    struct line line;
    struct gates gates;
    uint32_t all[FAILS_COUNT], could[FAILS_COUNT]; /* agents by the first test they fail; could: of those who can serve it */
    uint32_t unknown;
};

/* Begins now. ERR_NOMEM: nothing to finish. */
enum err rewind_begin(struct rewind *r, struct workspace *ws, uint32_t channel);
void rewind_fini(struct rewind *r);
/* The step that is undone next, and its undoing; NULL: nothing before is known. */
const struct trail_step *rewind_peek(const struct rewind *r);
const struct trail_step *rewind_step(struct rewind *r);
void rewind_ask(struct rewind *r, struct line_ask *ask); /* counts are of this line from now on; NULL: none are kept */
void rewind_clock(struct rewind *r, uint64_t now);

#endif
