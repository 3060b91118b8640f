#include "workers/assign/core.h"

/* Everything that happens by the clock. One heap holds the next deadline of every live ticket and of every agent who has one;
   timeline_run lets happen what is due and each is scheduled anew, so nothing is left without a next deadline.

   A ticket's next deadline is the least of what its state waits for (`until`, or the ends of its back-offs), its next step
   (steps.c), its next clause of overflow (overflow.c) and its next target (sla.c). ticket_next computes it from the ticket alone,
   so a deadline is never missed and never kept beside the ticket. */

void due_set(struct workspace *ws, struct due *d, uint64_t at)
{
    if (at == UINT64_MAX) {
        if (heap_has(&d->node)) heap_remove(&ws->deadlines, &d->node);
        return;
    }
    if (heap_has(&d->node)) {
        if (d->node.key != (int64_t)at) heap_rekey(&ws->deadlines, &d->node, (int64_t)at);
        return;
    }
    d->node.key = (int64_t)at;
    naru_assert(heap_push(&ws->deadlines, &d->node) != ERR_FULL);
}

/* ---- what is due, by state ---- */

static bool purge_backoffs(struct workspace *ws, struct ticket *t)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < t->backoff_count; i++)
        if (t->backoff[i].until > ws->now) t->backoff[n++] = t->backoff[i];
    if (n == t->backoff_count) return false;
    t->backoff_count = n;
    change_touch(ws, t);
    return true;
}

static bool end_only(struct workspace *ws, struct ticket *t)
{
    if (!t->only || t->only_until > ws->now) return false;
    ticket_only_over(ws, t);
    return true;
}

static void due_waiting(struct workspace *ws, struct ticket *t)
{
    if (ws->now >= t->enqueued + MS_WAIT) {
        ticket_end(ws, t, EV_EXPIRE, "waited_too_long");
        return;
    }
    bool again = purge_backoffs(ws, t);
    again = end_only(ws, t) || again;
    if (again || waiting_stale(ws, t)) waiting_again(ws, t);
    gate_due(ws, t);
    if (!steps_run(ws, t) || !overflow_run(ws, t)) return;
    ticket_schedule(ws, t);
}

static void end_assigned(struct workspace *ws, struct ticket *t)
{
    if (t->connect_by && t->connect_by <= ws->now) offer_not_connected(ws, t);
    else if (bot_has_had_it_long(ws, t)) bot_hand_over(ws, t, "too_long");
    else if (t->call) ticket_end(ws, t, EV_EXPIRE, "hold_expired"); /* nobody is on that line any more */
    else agent_returned(ws, t, "hold_expired");
}

static void end_wrapup(struct workspace *ws, struct ticket *t) { ticket_end(ws, t, EV_RESOLVE, "wrapup_over"); }

static void end_parked(struct workspace *ws, struct ticket *t) { ticket_end(ws, t, EV_EXPIRE, "parked_too_long"); }

/* What comes when `until` is reached; waiting has none. */
static void (*const on_until[TK_COUNT])(struct workspace *, struct ticket *) = {
    [TK_OFFERED] = offers_due,   [TK_ASSIGNED] = end_assigned, [TK_WRAPUP] = end_wrapup,
    [TK_SCHEDULED] = ticket_due, [TK_PARKED] = end_parked,
};

static void due_otherwise(struct workspace *ws, struct ticket *t)
{
    enum ticket_state was = t->state;

    if (!steps_run(ws, t)) return;
    if (t->state == was && t->until <= ws->now) on_until[was](ws, t); /* schedules it anew, or ends it */
    else ticket_schedule(ws, t);
}
static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

static uint64_t next_waiting(const struct workspace *ws, const struct ticket *t)
{
    uint64_t next = t->enqueued + MS_WAIT, overflow = overflow_next(ws, t);
    struct waits w = waits_of(ws, t);

    if (!t->line) return ws->now + 1000;
    if (overflow < next) next = overflow;
    next = least(next, order_changes(&w, ws->now));
    next = least(next, gate_next(ws, t));
    if (t->only) next = least(next, t->only_until);
    for (uint32_t i = 0; i < t->backoff_count; i++)
        if (t->backoff[i].until < next) next = t->backoff[i].until;
    return next;
}

uint64_t ticket_next(const struct workspace *ws, const struct ticket *t)
{
    uint64_t next = t->state == TK_WAITING ? next_waiting(ws, t) : t->until;
    uint64_t step = steps_next(ws, t), target = sla_next(ws, t);

    if (step < next) next = step;
    return target < next ? target : next;
}

/* Every live ticket has a next deadline: called whenever its state or what its deadline depends on changed. */
void ticket_schedule(struct workspace *ws, struct ticket *t)
{
    t->due.node.tie = t->tie;
    due_set(ws, &t->due, ticket_next(ws, t));
}

static void ticket_is_due(struct workspace *ws, struct ticket *t)
{
    sla_run(ws, t);
    if (t->state == TK_WAITING) due_waiting(ws, t);
    else due_otherwise(ws, t);
}

void timeline_run(struct workspace *ws)
{
    struct heap_node *n;

    while ((n = heap_peek(&ws->deadlines)) && n->key <= (int64_t)ws->now) {
        struct due *d = container_of(n, struct due, node);
        if (d->agent) agent_due(ws, container_of(d, struct agent, due));
        else ticket_is_due(ws, container_of(d, struct ticket, due));
    }
}
