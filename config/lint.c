/* What follows from a policy as a whole, after every line was read and every name resolved.

   Errors (check_errors): a default queue that is missing or double, calendars that never open, rings of moves (a ticket that can be
   moved in a circle would never stop changing queues, so the ring is refused and named), and what the pages beside this one refuse:
   steps (lint_steps.c), gates and callbacks (lint_queues.c), costs that nobody can bear (lint_times.c), rules (lint_rules.c).
   Warnings (check_warnings): what is allowed and useless, most often a slip of the pen: a need that nobody meets, a group that
   nobody is in, a time that is over before it can matter, a queue that nothing comes to.

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
            findings_at(b->f, F_ERROR, takes, "only one queue can take what no other takes, and \"%s\" does already", first->name);
        else first = q;
    }
    if (!first && queues && queues->type == Y_MAP)
        findings_key(b->f, F_ERROR, queues, "no queue has \"takes: default\": one must take what no other takes");
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
        findings_at(w->b->f, F_ERROR, at, "moves in a ring: %s%s", whole ? buf_cstr(&ring) : "a long way back to ",
                    w->d->p.queues[to].name);
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

void check_errors(struct bind *b, struct draft *d, const struct ynode *root)
{
    check_default(b, d, root);
    check_rules(b, d, tree_get(tree_get(root, "triage"), "rules"));
    check_rings(b, d, root);
    check_hours(b, d, root);
    check_callbacks(b, d, root);
    check_gates(b, d, root);
    check_steps(b, d, root);
    check_capacity(b, d, root);
}

/* ---- warnings: skills ---- */

bool lint_is_lang(const char *skill) { return !strncmp(skill, "lang:", 5) || !strcmp(skill, "lang"); }

/* name → the struct skill with the highest level; "lang" stands for any language. */
void lint_note_best(struct bind *b, struct map *best, const struct skills *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        struct str name = str_of(s->v[i].name);
        const struct skill *before = map_get(best, name);
        if (before && before->level >= s->v[i].level) continue;
        if (before) map_del(best, name);
        b->broken |= map_put(best, name, &s->v[i]) != ERR_OK;
        if (lint_is_lang(s->v[i].name) && !map_get(best, STR("lang"))) b->broken |= map_put(best, STR("lang"), &s->v[i]) != ERR_OK;
    }
}

/* True: for each need somebody has it. */
static bool check_held(struct bind *b, const struct map *held, const struct skills *needs, const struct ynode *n)
{
    bool all = true;
    for (uint32_t i = 0; i < needs->count; i++) {
        const struct skill *need = &needs->v[i], *best = map_get(held, str_of(need->name));
        const struct ynode *at = tree_get(n, need->name);
        if (!at || (best && (best->level >= need->level || need->from_ticket))) continue;
        all = false;
        if (!best) findings_key(b->f, F_WARN, at, "no agent of this file has the skill \"%s\"", need->name);
        else
            findings_at(b->f, F_WARN, at, "no agent of this file has \"%s\" at level %u; the best has %u", need->name, need->level,
                        best->level);
    }
    return all;
}

static bool has_skill(const struct agent_spec *a, const struct skill *need)
{
    for (uint32_t i = 0; i < a->skills.count; i++)
        if (!strcmp(a->skills.v[i].name, need->name) && a->skills.v[i].level >= need->level) return true;
    return need->from_ticket;
}

static bool serves(const struct agent_spec *a, const struct queue *q, uint64_t asked)
{
    if ((a->bot && q->no_bots) || (asked && !(a->groups & asked))) return false;
    for (uint32_t i = 0; i < q->needs.count; i++)
        if (!has_skill(a, &q->needs.v[i])) return false;
    return true;
}

/* Each need is had by somebody; by one of those whom the queue ever asks, all of them? */
static void check_served(struct bind *b, const struct policy *p, const struct queue *q, const struct ynode *n)
{
    uint64_t asked = q->groups;
    for (uint32_t i = 0; asked && i < q->timeline_count; i++) asked |= q->timeline[i].add;
    for (uint32_t i = 0; asked && i < q->gate_count; i++) asked |= 1ull << q->gates[i].group;
    for (uint32_t i = 0; i < p->agent_count; i++)
        if (serves(&p->agents[i], q, asked)) return;
    if (n) findings_key(b->f, F_WARN, n, "no agent of this file whom the queue asks has all of these at their levels");
}

static void check_skills_held(struct bind *b, const struct draft *d, const struct ynode *root)
{
    struct map held;
    if (d->p.agent_count == 0) return; /* kept by the API: not ours to judge */
    map_init(&held, 1u << 20);
    for (uint32_t i = 0; i < d->p.agent_count; i++) lint_note_best(b, &held, &d->p.agents[i].skills);
    const struct ynode *queues = tree_get(root, "queues"), *rules = tree_get(tree_get(root, "triage"), "rules");
    for (uint32_t i = 0; i < d->p.queue_count; i++) {
        const struct queue *q = &d->p.queues[i];
        const struct ynode *needs = tree_get(tree_get(queues, q->name), "needs");
        if (check_held(b, &held, &q->needs, needs)) check_served(b, &d->p, q, needs);
    }
    uint32_t i = 0;
    for (const struct ynode *n = rules ? rules->first : NULL; n; n = n->next)
        (void)check_held(b, &held, &d->p.rules[i++].needs, tree_get(tree_get(n, "then"), "needs"));
    const struct simulate_rules *s = &d->p.simulate;
    const struct ynode *classes = tree_get(tree_get(root, "simulate"), "classes");
    for (i = 0; i < s->class_count; i++)
        (void)check_held(b, &held, &s->classes[i].needs, tree_get(tree_get(classes, s->classes[i].name), "needs"));
    map_fini(&held);
}

/* ---- warnings: queues that nothing comes to ---- */

static void mark(uint8_t *reached, int queue)
{
    if (queue >= 0) reached[queue] = 1;
}

static bool takes_something(const struct takes *t)
{
    return t->any || t->intent.count || t->tag.count || t->channel.count || t->account.count || t->language.count;
}

static void check_reached(struct bind *b, const struct draft *d, const struct ynode *root)
{
    const struct policy *p = &d->p;
    uint8_t reached[LIM_LIST_ITEMS] = { 0 };
    mark(reached, p->unsure_queue);
    for (uint32_t i = 0; i < p->rule_count; i++) mark(reached, p->rules[i].queue);
    for (uint32_t i = 0; i < p->queue_count; i++) {
        const struct queue *q = &p->queues[i];
        reached[i] |= takes_something(&q->takes);
        for (uint32_t k = 0; k < q->timeline_count; k++) mark(reached, q->timeline[k].move);
        for (uint32_t k = 0; k < q->overflow_count; k++) mark(reached, q->overflow[k].move);
        mark(reached, q->offers.exhausted);
    }
    for (uint32_t i = 0; i < p->queue_count; i++) {
        const struct ynode *n = tree_get(tree_get(root, "queues"), p->queues[i].name);
        if (!reached[i] && n)
            findings_key(b->f, F_WARN, n, "nothing comes to this queue: it takes nothing, and no rule or move names it");
    }
}

void check_warnings(struct bind *b, const struct draft *d, const struct ynode *root)
{
    check_skills_held(b, d, root);
    warn_groups(b, d, root);
    warn_orders(b, d, root);
    warn_times(b, d, root);
    warn_rules(b, d, tree_get(tree_get(root, "triage"), "rules"));
    check_reached(b, d, root);
}
