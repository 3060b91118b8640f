/* The smallest change with which a ticket would have had somebody: of all agents, as they are at the place of a rewind, those who
   fail the fewest tests, and of these the ones that the least is missing of. */
#ifndef NARU_ASSIGN_NEAREST_H
#define NARU_ASSIGN_NEAREST_H

#include "workers/assign/rewind.h"

#define NEAREST_MAX 3u /* changes told */
#define LACKS_MAX   4u /* tests of one change told; who fails more is no candidate */

struct lack {     /* one test that an agent fails, and by how much */
    uint8_t test; /* enum fails */
    uint16_t skill;
    uint32_t from, to; /* skills: the level that is needed, and theirs (0: none). capacity, keep: units that are free, and those
                          that are needed. channel_max: the maximum, and one more than they have */
};
struct change_wanted {
    uint32_t agent, alike; /* alike: others for whom the same change does it, or one that is no smaller */
    uint32_t count, size;
    struct lack lacks[LACKS_MAX];
    const struct id *said; /* as in then_agent */
};
struct nearest {
    uint64_t at;
    uint32_t count;
    struct change_wanted v[NEAREST_MAX]; /* the smallest first */
    bool never;                          /* nobody could ever take it, whatever they are doing */
    struct line line;                    /* what was asked then; its pointers are the ask's */
};

/* `r` has been asked about the ticket's line. */
void nearest_find(const struct rewind *r, struct nearest *out);
/* As members of a JSON object: "never", "says", "smallest_change". `past`: it is told of what was. */
void nearest_tell(const struct workspace *ws, const struct nearest *n, bool past, struct jw *w);

/* Words that all of it shares. */
void says_needs(const struct workspace *ws, const struct line *l, struct buf *b); /* "billing 5 and lang:ko 4" */
void says_groups(const struct workspace *ws, uint64_t groups, struct buf *b);     /* "sales, support" */
/* "minji had 20 units free of 30", "minji was free": what somebody was, whatever would change it. */
void says_own(const struct workspace *ws, const struct line *l, const struct change_wanted *c, bool past, struct buf *b);
void says_span(struct buf *b, uint64_t ms);                                              /* "2 min 13 s" */
bool lack_of(const struct rewind *r, uint32_t agent, enum fails test, struct lack *out); /* false: they pass it */

#endif
