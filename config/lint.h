/* The pages of the linter, and what they share. Each check is told the draft, with all names resolved, and the tree of the file. */
#ifndef NARU_CONFIG_LINT_H
#define NARU_CONFIG_LINT_H

#include "base/map.h"
#include "config/crew.h"
#include "config/draft.h"

/* Rules (lint_rules.c). `rules` may be NULL. */
void check_rules(struct bind *b, const struct draft *d, const struct ynode *rules);
void warn_rules(struct bind *b, const struct draft *d, const struct ynode *rules);
/* Steps of timelines (lint_steps.c): refuses what narrows without saying so, warns of what widens nothing or is never taken. `c` is
   NULL while the file has errors: then nothing is said of its agents. */
void check_steps(struct bind *b, const struct draft *d, const struct crew *c, const struct ynode *root);
/* The line of the step after which no ticket that has waited for `age` is left in the queue: it moves or closes all of them before.
   0: there is none. */
uint32_t lint_leaves(const struct queue *q, struct span_of age);
/* Callbacks without hours, gates; groups (lint_queues.c). */
void check_callbacks(struct bind *b, const struct draft *d, const struct ynode *root);
void check_gates(struct bind *b, const struct draft *d, const struct ynode *root);
void warn_groups(struct bind *b, const struct draft *d, const struct ynode *root);
/* Needs that nobody has, queues that nothing comes to, agents that nothing comes to (lint_reach.c). */
void warn_reach(struct bind *b, const struct draft *d, const struct crew *c, const struct ynode *root);
/* Hours at which nobody is there (lint_staff.c). */
void warn_staff(struct bind *b, const struct draft *d, const struct crew *c, const struct ynode *root);
/* Queues whose tickets may wait for ever (lint_starve.c). */
void warn_starving(struct bind *b, const struct draft *d, const struct crew *c, const struct ynode *root);
/* Overflow clauses that are never asked or never hold (lint_overflow.c). */
/* Texts that nobody says, that lack a language others have, updates that name none (lint_texts.c). */
void warn_texts(struct bind *b, const struct draft *d, const struct ynode *root);
void warn_overflow(struct bind *b, const struct draft *d, const struct ynode *root);
/* Words that decide nothing (lint_choose.c). */
void warn_choices(struct bind *b, const struct draft *d, const struct ynode *root);
/* Costs beside capacities (lint_capacity.c). */
void check_capacity(struct bind *b, const struct draft *d, const struct ynode *root);
void warn_capacity(struct bind *b, const struct draft *d, const struct ynode *root);
/* Accounts beside their providers (lint_accounts.c). */
void check_accounts(struct bind *b, const struct draft *d, const struct ynode *root);
void warn_accounts(struct bind *b, const struct draft *d, const struct ynode *root);
/* Times beside targets and offers (lint_times.c). */
void warn_times(struct bind *b, const struct draft *d, const struct ynode *root);
/* Webhooks that go unencrypted (webhooks.c). */
void warn_webhooks(struct bind *b, const struct draft *d, const struct ynode *root);

/* The node of a queue; NULL when it is not there (a draft with errors). */
static inline const struct ynode *lint_queue(const struct ynode *root, const struct queue *q)
{
    return tree_get(tree_get(root, "queues"), q->name);
}

#endif
