/* Overflow clauses beside each other: one that can never hold, and one that is never asked because another above it sends the
   ticket away whenever it would hold. Clauses are asked in the order written; a `deflect` tells and lets the asking go on. Clauses
   with an `age` are asked at that age, the others once, when a ticket is opened. */
#include "base/limits.h"
#include "config/lint.h"

#include <stdio.h>

static bool has_span(const struct span_of *s) { return s->ms || s->pct; }

/* Whenever a time is over `narrow`, it is over `wide`. */
static bool span_covers(const struct span_of *wide, const struct span_of *narrow)
{
    if (!has_span(wide)) return true;
    return has_span(narrow) && !wide->ms == !narrow->ms && wide->ms <= narrow->ms && wide->pct <= narrow->pct;
}

/* Whenever `b` holds, `a` does: each condition of `a` is one of `b`, and not stricter. */
static bool covers(const struct overflow *a, const struct overflow *b)
{
    if (a->waiting_over && (!b->waiting_over || b->waiting_over < a->waiting_over)) return false;
    if (a->closed >= 0 && a->closed != b->closed) return false;
    if (a->nobody_staffed && !b->nobody_staffed) return false;
    return has_span(&a->age) == has_span(&b->age) && span_covers(&a->age, &b->age) &&
           span_covers(&a->expected_over, &b->expected_over);
}

/* A callback brings the ticket back, and what has an age may then be asked. */
static bool only_answers(const struct overflow *o)
{
    return o->answer >= 0 && o->move < 0 && !o->callback.given && !o->refuse && !o->deflect;
}
static bool sends_away(const struct overflow *o)
{
    return !o->deflect && !only_answers(o) && !(o->callback.given && has_span(&o->age));
}

static bool same_deflect(const struct overflow *a, const struct overflow *b)
{
    return a->deflect && b->deflect && !strcmp(a->deflect, b->deflect);
}

static void check_shadow(struct bind *b, const struct queue *q, uint32_t i, const struct ynode *n)
{
    const struct overflow *o = &q->overflow[i];
    for (uint32_t k = 0; k < i; k++) {
        const struct overflow *above = &q->overflow[k];
        if (!covers(above, o) || !(sends_away(above) || same_deflect(above, o))) continue;
        findings_at(b->f, F_WARN, n,
                    "never comes to this: whenever it would hold, the clause on line %u holds too and %s; put this one first, or "
                    "take one out",
                    above->line, above->deflect ? "says the same" : "sends the ticket away");
        return;
    }
}

static void check_never(struct bind *b, const struct policy *p, const struct queue *q, const struct overflow *o,
                        const struct ynode *when)
{
    const struct ynode *waiting = tree_get(when, "waiting"), *closed = tree_get(when, "closed"), *age = tree_get(when, "age");
    uint32_t line = age ? lint_leaves(q, o->age) : 0;
    if (waiting && o->waiting_over >= LIM_TICKETS)
        bind_warn(b, waiting, "never holds: a workspace has %u tickets at most; lower it", LIM_TICKETS);
    if (closed && o->closed >= 0 && hours_never_close(&p->hours[o->closed]))
        bind_warn(b, closed, "never holds: \"%s\" never close; take this condition out, or give them times",
                  p->hours[o->closed].name);
    if (line)
        bind_warn(b, age, "never holds: the step on line %u takes every ticket out of the queue before; ask at an earlier age",
                  line);
}

void warn_overflow(struct bind *b, const struct draft *d, const struct ynode *root)
{
    for (uint32_t i = 0; i < d->p.queue_count; i++) {
        const struct queue *q = &d->p.queues[i];
        const struct ynode *list = tree_get(lint_queue(root, q), "overflow");
        for (uint32_t k = 0; list && k < q->overflow_count; k++) {
            const struct ynode *n = tree_item(list, k);
            check_never(b, &d->p, q, &q->overflow[k], tree_get(n, "when"));
            check_shadow(b, q, k, n);
        }
    }
}
