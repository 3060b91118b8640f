/* The trail: what the matcher saw change lately, one small step after another, each with what was there before it. It is written
   as things happen, for some nanoseconds each, and read only when somebody asks why (rewind.h goes back along it).

   Of an agent: units and counts (a held set changed), readiness (presence, shift, bars), what their specification was replaced.
   Of a ticket: the line it came to or left, with what its rank goes by, and how many waited in its queue.

   Bounded: TRAIL_MAX steps of 64 bytes, 4 MiB of a workspace once it has seen that many, and the keys of lines that they name
   (some 50 bytes each, shared). The oldest step goes; `since` says from when on everything is known. */
#ifndef NARU_ASSIGN_TRAIL_H
#define NARU_ASSIGN_TRAIL_H

#include "base/id.h"

#include <stdbool.h>
#include <stdint.h>

#define TRAIL_MAX 65536u

struct workspace;
struct ticket;
struct agent;
struct hold;
struct line;

/* What is asked of agents, as a line's key has it (line.c); shared by the line and the steps that name it. */
struct line_ask {
    uint32_t refs, n;
    char bytes[];
};
struct line_ask *line_ask_ref(struct line_ask *k);
void line_ask_unref(struct line_ask *k); /* NULL is fine */

/* What makes an agent ready for one more, beside units and counts. */
enum ready {
    READY_KNOWN = 1,
    READY_ONLINE = 2,
    READY_SAYS = 4, /* presence `available` */
    READY_LEAVING = 8,
    READY_OFF_SHIFT = 16,
    READY_RAMP = 32,
    READY_DAY = 64
};

enum trail_kind {
    TRAIL_HELD,  /* somebody's held set changed */
    TRAIL_READY, /* somebody's readiness did */
    TRAIL_SAID,  /* somebody's presence: the reason they gave before */
    TRAIL_SPEC,  /* what somebody can and may do: what they were before is not known */
    TRAIL_IN,    /* a ticket came to a line */
    TRAIL_OUT,   /* … and left it */
};
enum trail_hold { TRAIL_ADDED, TRAIL_DROPPED, TRAIL_CHANGED };
struct trail_step {
    uint64_t at;
    struct id ticket;  /* of a hold, or the one that waited; TRAIL_SAID: the reason's first bytes instead */
    uint8_t kind;      /* enum trail_kind */
    uint8_t urgency;   /* of a ticket */
    uint8_t channel;   /* of the ticket */
    uint8_t hold, how; /* TRAIL_HELD: enum hold_kind before, enum trail_hold */
    uint8_t ready;     /* an agent's: bits of enum ready before */
    uint16_t queue;    /* of a ticket */
    union {
        struct {
            uint64_t seq; /* the change's own, where it makes one: the next after what was on record */
            uint32_t agent, used, in_hand, exclusive, count; /* count: of `channel`; all before */
        } a;
        struct {
            uint64_t enqueued, oldest; /* oldest: `enqueued` of the first in its queue before; UINT64_MAX: none waited */
            struct line_ask *ask;      /* one reference */
            uint32_t due_in;           /* from `enqueued` to its deadline, 49 days at most */
            uint32_t waiting;          /* in its queue before */
        } t;
    };
};

enum trail_edge { TRAIL_BEGAN, TRAIL_POLICY, TRAIL_FULL }; /* why nothing is known before `since` */
struct trail {
    struct trail_step *v;
    uint64_t head, from; /* steps so far; the first one still known. Step i is at v[i % TRAIL_MAX] */
    uint64_t since;
    enum trail_edge edge;
    bool off; /* nothing is written: nobody will ask */
};

void trail_fini(struct trail *t);
/* All that was before now is not to be told any more: what it was told by has changed. */
void trail_cut(struct workspace *ws, enum trail_edge why);
const struct trail_step *trail_at(const struct trail *t, uint64_t i); /* from <= i < head */

/* Each before the change. */
void trail_held(struct workspace *ws, const struct hold *h, enum trail_hold how);
void trail_said(struct workspace *ws, const struct agent *a);
void trail_in(struct workspace *ws, const struct ticket *t, const struct line *l);
void trail_out(struct workspace *ws, const struct ticket *t, const struct line *l);
/* After it: what the agent was before is `was`. */
void trail_ready(struct workspace *ws, const struct agent *a, uint8_t was);
void trail_spec(struct workspace *ws, const struct agent *a);

/* What must always hold: NULL, or a sentence about what does not. */
const char *trail_check(const struct workspace *ws);

#endif
