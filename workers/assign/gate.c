#include "workers/assign/core.h"

/* Gates: agents of a group take a queue's tickets only when the queue is in need of them, and only while enough of the group stay
   idle for what is their own.

     need      more than waiting_over wait in the queue, or its oldest has waited for `age`; either, of those that are stated
     reserve   more than so many of the group are available and have nothing in hand; 0: no reserve

   A gate is open or closed at an instant; nothing is kept. So whatever can open one has to wake the queue's lines, which are none
   but its own (line.c): one more ticket (gate_entered), the age of one (gate_next is among a ticket's deadlines), one more idle
   agent (roster_refresh says so, and the next pass asks). Who is also in a group of the queue's own, or in
   one that another way is open for, is not held back. */

static bool in_need(const struct gate *g, const struct gate_view *c)
{
    if (g->waiting_over == UINT32_MAX && g->age_ms == UINT32_MAX) return true;
    if (g->waiting_over != UINT32_MAX && c->waiting > g->waiting_over) return true;
    return g->age_ms != UINT32_MAX && c->oldest != UINT64_MAX && c->oldest + g->age_ms <= c->now;
}

static bool is_open(const struct gate *g, const struct gate_view *c)
{
    return in_need(g, c) && (!g->reserve || c->idle_in[g->group] > g->reserve);
}

struct gates gates_by(const struct workspace *ws, const struct line *l, const struct gate_view *c)
{
    const struct queue *q = l->queue == NONE ? NULL : &ws->policy->queues[l->queue];
    struct gates g = { 0, 0 };

    if (!q || !q->gate_count || (l->only && (l->only_skip >> SKIP_GATE & 1))) return g;
    for (uint32_t i = 0; i < q->gate_count; i++) {
        uint64_t group = 1ull << q->gates[i].group;
        if (is_open(&q->gates[i], c)) g.pass |= group;
        else g.closed |= group;
    }
    for (uint32_t i = 0; i < l->tier_count; i++) g.pass |= l->tiers[i];
    g.pass = (g.pass & ~g.closed) | q->groups;
    return g;
}

struct gates gates_now(const struct workspace *ws, const struct line *l)
{
    const struct heap *q = l->queue == NONE ? NULL : &ws->queues[l->queue].by_age;
    const struct heap_node *oldest = q ? heap_peek(q) : NULL;
    struct gate_view c = { .waiting = q ? q->count : 0,
                           .oldest = oldest ? (uint64_t)oldest->key : UINT64_MAX,
                           .idle_in = ws->roster.idle_in,
                           .now = ws->now };

    return gates_by(ws, l, &c);
}

/* The oldest of its queue, and old enough for the gate. */
static bool opens_by_age(const struct workspace *ws, const struct ticket *t, const struct gate *g)
{
    return g->age_ms != UINT32_MAX && t->enqueued + g->age_ms <= ws->now && heap_peek(&ws->queues[t->queue].by_age) == &t->in_queue;
}

static bool opens_by_count(const struct workspace *ws, const struct ticket *t, const struct gate *g)
{
    return g->waiting_over != UINT32_MAX && ws->queues[t->queue].by_age.count == (size_t)g->waiting_over + 1;
}

void gate_entered(struct workspace *ws, const struct ticket *t)
{
    const struct queue *q = queue_of(ws, t);

    for (uint32_t i = 0; i < q->gate_count; i++)
        if (opens_by_count(ws, t, &q->gates[i]) || opens_by_age(ws, t, &q->gates[i])) {
            waiting_wake_queue(ws, t->queue);
            return;
        }
}

uint64_t gate_next(const struct workspace *ws, const struct ticket *t)
{
    const struct queue *q = queue_of(ws, t);
    uint64_t next = UINT64_MAX;

    for (uint32_t i = 0; i < q->gate_count; i++) {
        uint64_t at = q->gates[i].age_ms == UINT32_MAX ? UINT64_MAX : t->enqueued + q->gates[i].age_ms;
        if (at > ws->now && at < next) next = at;
    }
    return next;
}

/* A deadline of the ticket has come: it may have been this one. */
void gate_due(struct workspace *ws, const struct ticket *t)
{
    const struct queue *q = queue_of(ws, t);

    for (uint32_t i = 0; i < q->gate_count; i++)
        if (opens_by_age(ws, t, &q->gates[i])) {
            waiting_wake_queue(ws, t->queue);
            return;
        }
}

static bool has_reserve(const struct queue *q)
{
    for (uint32_t i = 0; i < q->gate_count; i++)
        if (q->gates[i].reserve) return true;
    return false;
}

/* More agents of some group are idle than before. */
void gate_moved(struct workspace *ws)
{
    ws->gates_moved = false;
    ws->shorts_again = true;
    for (uint32_t i = 0; i < ws->active_count; i++) { /* once through the lines, however many queues have gates */
        struct line *l = ws->active[i];
        if (l->queue != NONE && has_reserve(&ws->policy->queues[l->queue])) waiting_wake_line(ws, l);
    }
}
