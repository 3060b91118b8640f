/* Which corrections teach, and which are held back to compare on. Pure but for memory. */
#ifndef NARU_CLI_FEEDBACK_SELECT_H
#define NARU_CLI_FEEDBACK_SELECT_H

#include "base/arena.h"

/* A correction of the field that is learnt; texts borrowed. */
struct said {
    struct str ticket;  /* its id, as text */
    struct str label;   /* what would have been right */
    struct str channel; /* may be empty */
    struct str subject, text;
    uint64_t at; /* wall ms */
};
struct chosen {
    struct str ticket, text; /* subject and the customer's own words, '\n' between */
    const char *label;
    bool held;
};
/* Where the rows went: given = no_text + earlier + again + conflicting + learnt + held. */
struct selected {
    struct chosen *v; /* by ticket: the same rows in any order give the same */
    uint32_t count;
    uint32_t given, no_text, earlier, again, conflicting, learnt, held;
};
/* Of a ticket the latest; what has no text not; the same text (by its key: case, width and composition aside) with the same label
   once, with different labels not at all; `held_percent` of the tickets are held back, by a hash of their ids. Reorders `rows`.
   *out lives in `arena`, its tickets in `rows`. ERR_NOMEM. */
enum err feedback_select(struct selected *out, struct said *rows, uint32_t count, unsigned held_percent, struct arena *arena);
/* The split alone: the same answer for a ticket for ever. */
bool feedback_held_back(struct str ticket, unsigned percent);

#endif
