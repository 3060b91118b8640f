#include "workers/assign/core.h"

#include <stdio.h>

/* Everything that happens by the clock. One heap holds the next deadline of every live ticket and of every agent who has one;
   timeline_run lets happen what is due and each is scheduled anew, so nothing is left without a next deadline.

   A ticket's timeline runs while it waits. Steps are taken in the order written, each at its own time; what fell due while the
   ticket was offered is made up for as soon as it waits again. A step never undoes an earlier one. */

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

/* ---- steps ---- */

static bool step_acts(const struct step *s) { return s->actions && (s->since == SINCE_ENQUEUED || s->since == SINCE_STEP); }

/* The next step that does anything, and when; NULL: none. */
static const struct step *next_step(const struct workspace *ws, const struct ticket *t, uint32_t *index, uint64_t *at)
{
    const struct queue *q = queue_of(ws, t);

    for (uint32_t i = t->step; i < q->timeline_count; i++) {
        const struct step *s = &q->timeline[i];
        if (!step_acts(s)) continue;
        uint64_t base = s->since == SINCE_STEP && t->step_at ? t->step_at : t->enqueued;
        uint64_t after = s->after_pct ? (uint64_t)q->answer.within_ms[t->urgency] * s->after_pct / 100 : s->after_ms;
        *index = i;
        *at = base + after;
        return s;
    }
    return NULL;
}

static bool need_remove(struct needs *n, uint32_t i)
{
    memmove(n->v + i, n->v + i + 1, (--n->count - i) * sizeof *n->v);
    return true;
}

static bool names_skill(const struct workspace *ws, uint16_t skill, const char *word)
{
    struct str s = space_skill(ws, skill);

    return str_is(s, word) || (strcmp(word, "lang") == 0 && s.n > 5 && memcmp(s.p, "lang:", 5) == 0);
}

static bool step_drop(const struct workspace *ws, struct needs *n, const struct step *s)
{
    bool changed = false;

    for (uint32_t d = 0; d < s->drop.count; d++)
        for (uint32_t i = n->count; i-- > 0;)
            if (names_skill(ws, n->v[i].skill, s->drop.v[d])) changed = need_remove(n, i);
    return changed;
}

static bool step_lower(const struct workspace *ws, struct needs *n, const struct step *s)
{
    bool changed = false;

    for (uint32_t k = 0; k < s->needs.count; k++) {
        const struct skill *to = &s->needs.v[k];
        for (uint32_t i = 0; i < n->count; i++) {
            bool same = to->from_ticket ? names_skill(ws, n->v[i].skill, "lang") : str_is(space_skill(ws, n->v[i].skill), to->name);
            if (!same || n->v[i].level <= to->level) continue;
            n->v[i].level = (uint8_t)to->level;
            changed = true;
        }
    }
    return changed;
}

static bool step_needs(const struct workspace *ws, struct needs *n, const struct step *s)
{
    bool lowered = (s->actions & STEP_NEEDS) && step_lower(ws, n, s), dropped = (s->actions & STEP_DROP) && step_drop(ws, n, s);

    return lowered || dropped;
}

void ticket_steps_again(struct workspace *ws, struct ticket *t)
{
    const struct queue *q = queue_of(ws, t);

    for (uint32_t i = 0; i < t->step && i < q->timeline_count; i++)
        if (step_acts(&q->timeline[i])) step_needs(ws, &t->needs, &q->timeline[i]);
}

static bool step_raise(struct workspace *ws, struct ticket *t, const struct step *s)
{
    int to = (int)t->urgency + s->raise;

    if (!(s->actions & STEP_RAISE)) return false;
    if (to > URG_CRITICAL) to = URG_CRITICAL;
    if (to <= (int)t->urgency) return false;
    t->urgency = (enum urgency)to;
    ticket_due_from_sla(ws, t);
    change_touch(ws, t);
    return true;
}

static void take_step(struct workspace *ws, struct ticket *t, const struct step *s, uint32_t index)
{
    char cause[32];
    bool needs, raised;

    snprintf(cause, sizeof cause, "step %u", index + 1);
    waiting_leave(ws, t);
    t->step = index + 1;
    t->step_at = ws->now;
    needs = step_needs(ws, &t->needs, s);
    raised = step_raise(ws, t, s);
    change_touch(ws, t);
    if (needs || raised) log_change(ws, .kind = ENTRY_RELAXED, .t = t, .cause = cause);
    if ((s->actions & STEP_MOVE) && s->move >= 0 && (uint32_t)s->move != t->queue) {
        ticket_to_queue(ws, t, (uint32_t)s->move);
        log_change(ws, .kind = ENTRY_MOVED, .t = t, .cause = cause);
    }
    waiting_again(ws, t);
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

static void due_waiting(struct workspace *ws, struct ticket *t)
{
    const struct step *s;
    uint32_t index;
    uint64_t at;

    if (ws->now >= t->enqueued + MS_WAIT) {
        ticket_end(ws, t, EV_EXPIRE, "waited_too_long");
        return;
    }
    if (purge_backoffs(ws, t) || !t->line) waiting_again(ws, t);
    while ((s = next_step(ws, t, &index, &at)) && at <= ws->now) take_step(ws, t, s, index);
    ticket_schedule(ws, t);
}

static void due_assigned(struct workspace *ws, struct ticket *t)
{
    if (t->call) ticket_end(ws, t, EV_EXPIRE, "hold_expired"); /* nobody is on that line any more */
    else agent_returned(ws, t, "hold_expired");
}

static void due_wrapup(struct workspace *ws, struct ticket *t) { ticket_end(ws, t, EV_RESOLVE, "wrapup_over"); }

static void due_parked(struct workspace *ws, struct ticket *t) { ticket_end(ws, t, EV_EXPIRE, "parked_too_long"); }

static void due_scheduled(struct workspace *ws, struct ticket *t)
{
    naru_assert(!ticket_step(ws, t, EV_DUE, NULL));
    log_change(ws, .kind = ENTRY_DUE, .t = t);
}

static void (*const on_due[TK_COUNT])(struct workspace *, struct ticket *) = {
    [TK_WAITING] = due_waiting,     [TK_OFFERED] = offers_due, [TK_ASSIGNED] = due_assigned,
    [TK_SCHEDULED] = due_scheduled, [TK_WRAPUP] = due_wrapup,  [TK_PARKED] = due_parked,
};

static uint64_t next_waiting(const struct workspace *ws, const struct ticket *t)
{
    uint64_t at, next = t->enqueued + MS_WAIT;
    uint32_t index;

    if (!t->line) return ws->now + 1000;
    if (next_step(ws, t, &index, &at) && at < next) next = at;
    for (uint32_t i = 0; i < t->backoff_count; i++)
        if (t->backoff[i].until < next) next = t->backoff[i].until;
    return next;
}

/* Every live ticket has a next deadline: called whenever its state or what its deadline depends on changed. */
void ticket_schedule(struct workspace *ws, struct ticket *t)
{
    t->due.node.tie = t->tie;
    due_set(ws, &t->due, t->state == TK_WAITING ? next_waiting(ws, t) : t->until);
}

void timeline_run(struct workspace *ws)
{
    struct heap_node *n;

    while ((n = heap_peek(&ws->deadlines)) && n->key <= (int64_t)ws->now) {
        struct due *d = container_of(n, struct due, node);
        if (d->agent) {
            agent_due(ws, container_of(d, struct agent, due));
        } else {
            struct ticket *t = container_of(d, struct ticket, due);
            on_due[t->state](ws, t);
        }
    }
}
