/* The pages of the linter, and what they share. Each check is told the draft, with all names resolved, and the tree of the file. */
#ifndef NARU_CONFIG_LINT_H
#define NARU_CONFIG_LINT_H

#include "base/map.h"
#include "config/draft.h"

/* Rules (lint_rules.c). `rules` may be NULL. */
void check_rules(struct bind *b, const struct draft *d, const struct ynode *rules);
void warn_rules(struct bind *b, const struct draft *d, const struct ynode *rules);
/* Steps of timelines (lint_steps.c): refuses what narrows without saying so, warns of what widens nothing or is never taken. */
void check_steps(struct bind *b, const struct draft *d, const struct ynode *root);
/* Queues (lint_queues.c): callbacks without hours, gates; groups, orders. */
void check_callbacks(struct bind *b, const struct draft *d, const struct ynode *root);
void check_gates(struct bind *b, const struct draft *d, const struct ynode *root);
void warn_groups(struct bind *b, const struct draft *d, const struct ynode *root);
void warn_orders(struct bind *b, const struct draft *d, const struct ynode *root);
/* Costs beside capacities, and times beside targets and offers (lint_times.c). */
void check_capacity(struct bind *b, const struct draft *d, const struct ynode *root);
void warn_times(struct bind *b, const struct draft *d, const struct ynode *root);

/* name → the struct skill with the highest level; "lang" stands for any language. */
void lint_note_best(struct bind *b, struct map *best, const struct skills *s);
bool lint_is_lang(const char *skill);
/* The node of a queue; NULL when it is not there (a draft with errors). */
static inline const struct ynode *lint_queue(const struct ynode *root, const struct queue *q)
{
    return tree_get(tree_get(root, "queues"), q->name);
}

#endif
