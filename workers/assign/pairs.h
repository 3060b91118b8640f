/* The best set of pairs: each row (a ticket) with at most one column (an agent) and each agent with at most one ticket. Pure. */
#ifndef NARU_ASSIGN_PAIRS_H
#define NARU_ASSIGN_PAIRS_H

#include "workers/assign/choice.h"

struct pair_row {
    const struct candidate *edges; /* whom it may go to, and how dear that is: no term below 0; borrowed */
    uint32_t count;                /* at most BEST_MAX */
};
struct pairs;                  /* room for one solution after another */
struct pairs *pairs_new(void); /* NULL: no memory */
void pairs_free(struct pairs *p);

/* Rows stand in the order of their importance, at most BEST_MAX of them. Which rows are served is as if each were served in turn
   whenever that is possible without dropping one before it; given that, the sum of the keys (`limbs` of each count) is least.
   With `equal` no row goes before another: as many as possible are served, and the sum over those is least.
   out[i]: the place of its agent among row i's edges, or NONE.

   Rows are inserted one after another by shortest augmenting paths with potentials: R. Jonker, A. Volgenant, "A shortest augmenting
   path algorithm for dense and sparse linear assignment problems", Computing 38 (1987) 325-340. Keys are vectors compared from
   their first limb on, which is all the method asks of a cost. */
void pairs_solve(struct pairs *p, const struct pair_row *rows, uint32_t n, uint32_t limbs, bool equal, uint32_t *out);

#endif
