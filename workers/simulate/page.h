/* An experiment told: a page for people, one object for programs. The same experiment gives the same bytes. */
#ifndef NARU_SIMULATE_PAGE_H
#define NARU_SIMULATE_PAGE_H

#include "workers/simulate/experiment.h"

struct page { /* all borrowed */
    const struct experiment *x;
    const struct policy *policy[2]; /* Q: NULL when nothing is compared */
    const struct simulate_rules *rules;
    const char *arrivals, *path; /* "trace" and its file; path NULL: none */
    const char *roster;          /* NULL: none */
    uint64_t seed, warm_ms;
};
void page_text(const struct page *p, struct buf *out);
/* One object; docs/simulate.md tells its keys. */
void page_json(const struct page *p, struct buf *out);
/* Do the two policies ask for another target of this class? Then its shares in time are no fair comparison. */
bool page_targets_differ(const struct page *p, uint32_t class);

#endif
