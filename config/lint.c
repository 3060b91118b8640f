/* What follows from a policy as a whole, after every line was read and every name resolved.

   Errors: what cannot work. A default queue that is missing or double, calendars that never open, rings of moves (a ticket that can
   be moved in a circle would never stop changing queues, so the ring is refused and named), and what the pages beside this one
   refuse: steps (lint_steps.c), accounts (lint_accounts.c), gates and callbacks (lint_queues.c), costs that nobody can ever bear
   (lint_capacity.c), rules (lint_rules.c). Warnings: what is allowed and dead or doubtful, most often a slip of the pen. Each says
   what is wrong and what to change. They are looked for only when there is no error; docs/check.md lists them.

   Items of lists are found again in the tree by index. */
#include "config/lint.h"

#include "base/map.h"

#include <stdlib.h>

/* ---- errors ---- */

static void check_default(struct bind *b, const struct draft *d, const struct ynode *root)
{
    const struct ynode *queues = tree_get(root, "queues");
    const struct queue *first = NULL;
    for (uint32_t i = 0; i < d->p.queue_count; i++) {
        const struct queue *q = &d->p.queues[i];
        const struct ynode *takes = tree_get(tree_get(queues, q->name), "takes");
        if (!q->takes.any) continue;
        if (first && takes)
            findings_at(b->f, F_ERROR, takes,
                        "only one queue can take what no other takes, and \"%s\" does already: name here what this one is for",
                        first->name);
        else first = q;
    }
    if (!first && queues && queues->type == Y_MAP)
        findings_key(b->f, F_ERROR, queues,
                     "no queue has \"takes: default\": one must take what no other takes; write it in that one");
}

/* ---- rings of moves ---- */

struct ring_walk {
    struct bind *b;
    const struct draft *d;
    const struct ynode *queues;
    uint32_t *path, depth;
    uint8_t *state; /* 0 not seen, 1 on the path, 2 done */
};

static void ring_found(struct ring_walk *w, uint32_t to, const struct ynode *at)
{
    struct buf ring;
    uint32_t i = w->depth;
    buf_init(&ring, 300);
    while (i > 0 && w->path[i - 1] != to) i--;
    for (i = i ? i - 1 : 0; i < w->depth; i++) buf_addf(&ring, "%s → ", w->d->p.queues[w->path[i]].name);
    bool whole = !ring.err;
    if (at)
        findings_at(w->b->f, F_ERROR, at, "moves in a ring: %s%s; take one of these moves out, or let it close or park the ticket",
                    whole ? buf_cstr(&ring) : "a long way back to ", w->d->p.queues[to].name);
    buf_fini(&ring);
}

static void walk_queue(struct ring_walk *w, uint32_t from);

static void walk_edge(struct ring_walk *w, int to, const struct ynode *at)
{
    if (to < 0) return;
    if (w->state[to] == 1) ring_found(w, (uint32_t)to, at);
    else if (w->state[to] == 0) walk_queue(w, (uint32_t)to);
}

/* As deep as there are queues: LIM_LIST_ITEMS at most. */
static void walk_queue(struct ring_walk *w, uint32_t from)
{
    const struct queue *q = &w->d->p.queues[from];
    const struct ynode *n = tree_get(w->queues, q->name), *steps = tree_get(n, "timeline"), *overflow = tree_get(n, "overflow");
    w->state[from] = 1;
    w->path[w->depth++] = from;
    for (uint32_t i = 0; i < q->timeline_count; i++) walk_edge(w, q->timeline[i].move, tree_get(tree_item(steps, i), "move"));
    for (uint32_t i = 0; i < q->overflow_count; i++) walk_edge(w, q->overflow[i].move, tree_get(tree_item(overflow, i), "move"));
    walk_edge(w, q->offers.exhausted, tree_get(tree_get(n, "offers"), "exhausted"));
    w->depth--;
    w->state[from] = 2;
}

static void check_rings(struct bind *b, const struct draft *d, const struct ynode *root)
{
    struct ring_walk w = { .b = b, .d = d, .queues = tree_get(root, "queues") };
    w.path = calloc(d->p.queue_count + 1, sizeof *w.path);
    w.state = calloc(d->p.queue_count + 1, 1);
    b->broken |= !w.path || !w.state;
    for (uint32_t i = 0; w.path && w.state && i < d->p.queue_count; i++)
        if (w.state[i] == 0) walk_queue(&w, i);
    free(w.path);
    free(w.state);
}

/* What never opens would hold callbacks and closed queues for ever: said with what to change. */
static void check_hours(struct bind *b, const struct draft *d, const struct ynode *root)
{
    const struct ynode *all = tree_get(root, "hours");
    for (uint32_t i = 0; i < d->hours_count; i++) {
        const struct hours_spec *h = &d->hours[i];
        const struct ynode *n = tree_get(all, h->name);
        unsigned spans = 0;
        for (int day = 0; day < 7; day++) spans += h->week.count[day];
        if (d->p.hours[i].count || !h->timezone || !tree_get(n, "open") || b->f->errors) continue;
        if (spans)
            findings_key(b->f, F_ERROR, n, "never opens within %d days: each day it would open on is in \"closed\"; take out some",
                         HOURS_DAYS);
        else
            findings_key(b->f, F_ERROR, n,
                         "never opens: no weekday has times; give one some, such as open: { mon-fri: \"09:00-18:00\" }");
    }
}

static void check_errors(struct bind *b, const struct draft *d, const struct crew *c, const struct ynode *root)
{
    check_default(b, d, root);
    check_rules(b, d, tree_get(tree_get(root, "triage"), "rules"));
    check_rings(b, d, root);
    check_hours(b, d, root);
    check_callbacks(b, d, root);
    check_gates(b, d, root);
    check_steps(b, d, c, root);
    check_capacity(b, d, root);
    check_accounts(b, d, root);
}

static void check_warnings(struct bind *b, const struct draft *d, const struct crew *c, const struct ynode *root)
{
    warn_accounts(b, d, root);
    warn_reach(b, d, c, root);
    warn_staff(b, d, c, root);
    warn_groups(b, d, root);
    warn_choices(b, d, root);
    warn_starving(b, d, c, root);
    warn_overflow(b, d, root);
    warn_texts(b, d, root);
    warn_capacity(b, d, root);
    warn_times(b, d, root);
    warn_webhooks(b, d, root);
    warn_rules(b, d, tree_get(tree_get(root, "triage"), "rules"));
}

void check_whole(struct bind *b, const struct draft *d, const struct ynode *root)
{
    struct crew crew;
    bool good = b->f->errors == 0;
    if (good) b->broken |= crew_init(&crew, &d->p) != ERR_OK;
    if (!b->broken) check_errors(b, d, good ? &crew : NULL, root);
    if (!b->broken && b->f->errors == 0) check_warnings(b, d, &crew, root);
    if (good) crew_fini(&crew);
}
