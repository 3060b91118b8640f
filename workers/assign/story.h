/* Why not before: how a ticket's waits went, recomputed along the trail when somebody asks. A wait is the time from when a ticket
   began to wait until it was offered, given, moved elsewhere or ended, or until now. */
#ifndef NARU_ASSIGN_STORY_H
#define NARU_ASSIGN_STORY_H

#include "workers/assign/nearest.h"

#define WAITS_MAX   8u /* told of a ticket, the latest */
#define SPANS_MAX   6u /* of a wait */
#define OWNS_MAX    5u /* of its winner */
#define ASKS_MAX    6u /* changes of what the ticket asked for, of a wait */
#define PASSES_MAX  3u /* others who were given something first, told of a wait; the rest is counted */
#define MOMENTS_MAX (ASKS_MAX + PASSES_MAX + 1u)

struct span { /* nothing changed in it for those who could serve the ticket */
    uint64_t at, until;
    uint32_t queue;
    struct line_ask *ask;
    uint32_t all[FAILS_COUNT], could[FAILS_COUNT];
};
struct own { /* the winner, failing this test */
    uint64_t at;
    struct line_ask *ask;
    struct change_wanted state; /* of that test alone; no lacks: they were free */
};
enum moment_kind { MOMENT_ASKS, MOMENT_PASSED, MOMENT_FREED };
struct moment {
    uint64_t at;
    enum moment_kind kind;
    uint32_t agent;   /* NONE: the ticket itself */
    struct id ticket; /* MOMENT_PASSED: what they were given */
    uint32_t text, n; /* in story.words */
};
struct wait {
    uint64_t from, until; /* until: UINT64_MAX, it waits now */
    bool begun;           /* it began within the trail: `from` is when */
    uint64_t seq;         /* of the entry that ended it, where that gave it to somebody; else 0 */
    uint32_t winner;      /* NONE: nobody */
    uint32_t queue, span_count, own_count, moment_count, asks, passed;
    struct span spans[SPANS_MAX];
    struct own owns[OWNS_MAX];
    struct moment moments[MOMENTS_MAX];
    uint64_t longest;
    struct nearest nearest; /* in its longest span; now, if it waits now */
};
struct story { /* all lists: the latest first */
    struct wait waits[WAITS_MAX];
    uint32_t count;
    bool more; /* earlier ones are left out */
    struct buf words;
};

/* Of a live ticket or one that ended. ERR_NOMEM: nothing to finish. */
enum err story_find(struct story *s, struct workspace *ws, const struct id *ticket);
void story_fini(struct story *s);
/* "known_from", "known_because" and "waits", as members of a JSON object. */
void story_tell(struct workspace *ws, const struct story *s, struct jw *w);

#endif
