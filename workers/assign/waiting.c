#include "workers/assign/core.h"

#include <stdlib.h>

/* Where waiting tickets stand. Each is in its queue's heap by age, and in a lane of a line (line.c). A lane holds what is equal but
   for age: same queue, urgency and class (order.c). Ranks change with the clock, but within a lane only all together, so a lane's
   heap never has to be sorted again, and the rank of a line is the least of its lanes' heads, computed when it is asked for.

   A line that is not empty is in `active`, and either in `ready` (it may have a match), with its rank as of `ranked_at`, or stuck:
   nobody free can serve it, and nothing has happened since that could change this. What unsticks it is an agent with new room
   (waiting_wake), an agent with new skills (waiting_agent_changed), a gate that opened (waiting_wake_queue), or a new policy
   (waiting_wake_all). A ticket that arrives at a stuck line leaves it stuck.

   A matching round may have tickets in hand: they are in no lane's heap, but still of their lane and line, until they are offered
   (then they leave) or put back. */

/* ---- lanes ---- */

static bool lane_is(const struct lane *n, const struct ticket *t, enum rank_class rank)
{
    return n->queue == t->queue && n->urgency == t->urgency && n->rank == rank;
}

static struct lane *lane_new(struct line *l, const struct ticket *t, enum rank_class rank)
{
    struct lane *n;

    if (l->lane_count == l->lane_room) {
        uint32_t room = l->lane_room ? l->lane_room * 2 : 2;
        struct lane **v = realloc(l->lanes, room * sizeof *v);
        if (!v) return NULL;
        l->lanes = v;
        l->lane_room = room;
    }
    if (!(n = calloc(1, sizeof *n))) return NULL;
    *n = (struct lane){ .line = l, .at = l->lane_count, .queue = t->queue, .urgency = t->urgency, .rank = rank };
    heap_init(&n->waiting, LIM_TICKETS);
    l->lanes[l->lane_count++] = n;
    return n;
}

static void lane_free(struct lane *n)
{
    struct line *l = n->line;
    struct lane *last = l->lanes[--l->lane_count];

    l->lanes[n->at] = last;
    last->at = n->at;
    heap_fini(&n->waiting);
    free(n);
}

static struct lane *lane_of(const struct workspace *ws, struct line *l, const struct ticket *t)
{
    struct waits w = waits_of(ws, t);
    enum rank_class rank = order_class(&w, ws->now);

    for (uint32_t i = 0; i < l->lane_count; i++)
        if (lane_is(l->lanes[i], t, rank)) return l->lanes[i];
    return lane_new(l, t, rank);
}

bool waiting_stale(const struct workspace *ws, const struct ticket *t)
{
    struct waits w = waits_of(ws, t);

    return !t->lane || t->lane->rank != order_class(&w, ws->now);
}

static struct ticket *lane_head(const struct lane *n)
{
    struct heap_node *head = heap_peek(&n->waiting);

    return head ? container_of(head, struct ticket, in_lane) : NULL;
}

/* The first of a line that is not in hand, with its key; NULL: all are. */
static struct ticket *first_of(const struct workspace *ws, const struct line *l, int64_t *key)
{
    struct ticket *first = NULL;

    for (uint32_t i = 0; i < l->lane_count; i++) {
        struct ticket *t = lane_head(l->lanes[i]);
        if (!t) continue;
        struct waits w = waits_of(ws, t);
        int64_t k = order_key(&w, ws->ranked_at);
        if (first && (k > *key || (k == *key && t->tie > first->tie))) continue;
        first = t;
        *key = k;
    }
    return first;
}

/* ---- ready or stuck ---- */

void waiting_stuck(struct workspace *ws, struct line *l)
{
    if (heap_has(&l->ready)) heap_remove(&ws->ready, &l->ready);
}

static void line_ready(struct workspace *ws, struct line *l)
{
    int64_t key = 0;
    const struct ticket *head = first_of(ws, l, &key);

    if (heap_has(&l->ready)) {
        if (head && l->ready.key == key && l->ready.tie == head->tie) return;
        heap_remove(&ws->ready, &l->ready);
    }
    if (!head) return; /* all in hand */
    l->ready.key = key;
    l->ready.tie = head->tie;
    (void)heap_push(&ws->ready, &l->ready); /* has the room: see line_active */
}

void waiting_rerank(struct workspace *ws)
{
    if (ws->ranked_at == ws->now) return;
    ws->ranked_at = ws->now;
    for (uint32_t i = 0; i < ws->active_count; i++)
        if (heap_has(&ws->active[i]->ready)) line_ready(ws, ws->active[i]);
}

static bool more_active(struct workspace *ws)
{
    uint32_t room = ws->active_room ? ws->active_room * 2 : 64;
    struct line **v = realloc(ws->active, room * sizeof *v);
    struct first_need *n = realloc(ws->active_need, room * sizeof *n);

    if (v) ws->active = v;
    if (n) ws->active_need = n;
    if (!v || !n) return false;
    ws->active_room = room;
    return true;
}

static struct first_need first_need(const struct line *l)
{
    if (!l->needs.count || (l->only && (l->only_skip >> SKIP_SKILLS & 1))) return (struct first_need){ 0, 0 };
    return (struct first_need){ l->needs.v[0].skill, l->needs.v[0].level };
}

static bool line_active(struct workspace *ws, struct line *l)
{
    if (ws->active_count == ws->active_room && !more_active(ws)) return false;
    l->at = ws->active_count++;
    ws->active[l->at] = l;
    ws->active_need[l->at] = first_need(l);
    ws->idle_lines--;
    return true;
}

static void line_idle(struct workspace *ws, struct line *l)
{
    struct line *last = ws->active[--ws->active_count];

    ws->active[l->at] = last;
    ws->active_need[l->at] = ws->active_need[ws->active_count];
    last->at = l->at;
    waiting_stuck(ws, l);
    ws->idle_lines++;
    line_unused(ws, l);
}

/* ---- coming and going ---- */

static enum err enter(struct workspace *ws, struct line *l, struct ticket *t)
{
    struct waits w = waits_of(ws, t);
    struct lane *n = lane_of(ws, l, t);
    enum err e;

    if (!n) return ERR_NOMEM;
    t->in_lane.key = order_lane_key(&w);
    t->in_queue.key = (int64_t)t->enqueued;
    t->in_lane.tie = t->in_queue.tie = t->tie;
    trail_in(ws, t, l);
    e = heap_push(&n->waiting, &t->in_lane);
    if (!e && (e = heap_push(&ws->queues[t->queue].by_age, &t->in_queue))) heap_remove(&n->waiting, &t->in_lane);
    if (e) {
        trail_out(ws, t, l);
        if (!n->count) lane_free(n);
        return e;
    }
    n->count++;
    l->count++;
    t->lane = n;
    t->line = l;
    return ERR_OK;
}

void ticket_only_over(struct workspace *ws, struct ticket *t)
{
    if (!t->only) return;
    t->only = NULL;
    t->only_until = 0;
    t->only_skip = 0;
    change_touch(ws, t);
}

static bool is_gone(const struct agent *a) { return a && (a->presence == PRES_OFFLINE || !a->known); }

enum err waiting_enter(struct workspace *ws, struct ticket *t)
{
    struct line *l;
    bool first;
    enum err e;

    if (is_gone(t->only)) ticket_only_over(ws, t); /* while it was elsewhere; that they come back changes nothing */
    l = line_of(ws, t);
    first = l && l->count == 0;
    if (!l) return ERR_NOMEM;
    if (first && !line_active(ws, l)) return ERR_NOMEM;
    if ((e = enter(ws, l, t))) {
        if (first) line_idle(ws, l);
        return e;
    }
    if (first || heap_has(&l->ready)) line_ready(ws, l);
    gate_entered(ws, t);
    return ERR_OK;
}

void waiting_leave(struct workspace *ws, struct ticket *t)
{
    struct line *l = t->line;

    if (!l) return;
    trail_out(ws, t, l);
    if (heap_has(&t->in_lane)) heap_remove(&t->lane->waiting, &t->in_lane);
    heap_remove(&ws->queues[t->queue].by_age, &t->in_queue);
    if (!--t->lane->count) lane_free(t->lane);
    t->lane = NULL;
    t->line = NULL;
    if (!--l->count) line_idle(ws, l);
    else if (heap_has(&l->ready)) line_ready(ws, l);
}

void waiting_again(struct workspace *ws, struct ticket *t)
{
    waiting_leave(ws, t);
    (void)waiting_enter(ws, t); /* without memory the ticket's own deadline tries again */
}

/* ---- in hand ---- */

struct ticket *waiting_peek(const struct workspace *ws)
{
    struct heap_node *n = heap_peek(&ws->ready);
    int64_t key;

    return n ? first_of(ws, container_of(n, struct line, ready), &key) : NULL;
}

void waiting_take(struct workspace *ws, struct ticket *t)
{
    heap_remove(&t->lane->waiting, &t->in_lane);
    line_ready(ws, t->line);
}

void waiting_put_back(struct workspace *ws, struct ticket *t)
{
    naru_assert(!heap_push(&t->lane->waiting, &t->in_lane)); /* into the room it left */
    line_ready(ws, t->line);
}

uint64_t waiting_for(struct workspace *ws, const struct agent *a, uint64_t most)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < ws->active_count && n < most; i++) {
        const uint64_t *eligible = line_eligible(ws, ws->active[i]);
        if (eligible && bit_get(eligible, a->index)) n += ws->active[i]->count;
    }
    return n < most ? n : most;
}

/* ---- waking ---- */

void waiting_wake_all(struct workspace *ws)
{
    ws->shorts_again = true;
    for (uint32_t i = 0; i < ws->active_count; i++) line_ready(ws, ws->active[i]);
}

void waiting_wake_line(struct workspace *ws, struct line *l) { line_ready(ws, l); }

void waiting_wake_queue(struct workspace *ws, uint32_t queue)
{
    ws->shorts_again = true;
    for (uint32_t i = 0; i < ws->active_count; i++)
        if (ws->active[i]->queue == queue) line_ready(ws, ws->active[i]);
}

static void lay_levels(struct workspace *ws, const struct agent *a, bool on)
{
    for (uint32_t i = 0; i < a->skill_count; i++) ws->levels_of[a->skills[i].skill] = on ? a->skills[i].level : 0;
}

/* Most lines are told apart by their first need, without looking at them. */
static void wake_for(struct workspace *ws, const struct agent *a)
{
    lay_levels(ws, a, true);
    for (uint32_t i = 0; i < ws->active_count; i++) {
        struct line *l = ws->active[i];
        if (ws->levels_of[ws->active_need[i].skill] < ws->active_need[i].level) continue;
        if (heap_has(&l->ready) || !bit_get(line_free_set(ws, l), a->index)) continue;
        const uint64_t *eligible = line_eligible(ws, l);
        if (!eligible || bit_get(eligible, a->index)) line_ready(ws, l);
    }
    lay_levels(ws, a, false);
}

static bool serves_any(struct workspace *ws, struct line *l, const uint64_t *agents)
{
    const uint64_t *eligible = line_eligible(ws, l), *is_free = line_free_set(ws, l);

    for (uint32_t w = 0; eligible && w < ws->roster.words; w++)
        if (eligible[w] & is_free[w] & agents[w]) return true;
    return !eligible;
}

/* The same for many of them: each line is looked at once. */
static void wake_for_many(struct workspace *ws)
{
    struct roster *r = &ws->roster;

    memset(r->woken, 0, r->words * sizeof *r->woken);
    for (uint32_t i = 0; i < r->freed_count; i++)
        if (bit_get(r->avail, r->freed[i])) bit_put(r->woken, r->freed[i], true);
    for (uint32_t i = 0; i < ws->active_count; i++) {
        struct line *l = ws->active[i];
        if (!heap_has(&l->ready) && serves_any(ws, l, r->woken)) line_ready(ws, l);
    }
}

void waiting_wake(struct workspace *ws)
{
    struct roster *r = &ws->roster;
    bool many = r->freed_count > r->words;

    if (many) wake_for_many(ws);
    for (uint32_t i = 0; i < r->freed_count; i++) {
        struct agent *a = r->v[r->freed[i]];
        a->freed = false;
        if (!many && bit_get(r->avail, a->index)) wake_for(ws, a);
    }
    r->freed_count = 0;
    if (ws->gates_moved) gate_moved(ws);
}

void waiting_agent_changed(struct workspace *ws, const struct agent *a)
{
    struct line *l;

    for (size_t i = 0; (l = map_next(&ws->lines, &i));) line_agent_changed(ws, l, a);
    roster_freed(ws, ws->roster.v[a->index]);
}

/* ---- one agent alone ---- */

bool ticket_only(struct workspace *ws, struct ticket *t, struct agent *a, uint64_t until, unsigned skip)
{
    if (is_gone(a)) return false;
    t->only = a;
    t->only_until = a ? until : 0;
    t->only_skip = a ? skip : 0;
    change_touch(ws, t);
    if (t->state != TK_WAITING) return true;
    waiting_again(ws, t);
    ticket_schedule(ws, t);
    return true;
}

/* Tickets leave the line while it is walked, and the last one ends it: so from the first lane's head on, until none is left. */
static void open_to_all(struct workspace *ws, struct line *l)
{
    for (uint32_t left = l->count; left; left--) (void)ticket_only(ws, lane_head(l->lanes[0]), NULL, 0, 0);
}

void waiting_only_gone(struct workspace *ws, const struct agent *a)
{
    for (uint32_t i = 0; i < ws->active_count;) {
        struct line *l = ws->active[i];
        if (l->only == a) open_to_all(ws, l); /* another stands in its place now */
        else i++;
    }
}

/* ---- the end ---- */

/* All lines are empty: before channels get other numbers, and at the end. */
void waiting_forget_lines(struct workspace *ws)
{
    size_t n = 0, count = ws->lines.count;
    struct line *l, **all = malloc((count + 1) * sizeof *all);

    for (size_t i = 0; all && (l = map_next(&ws->lines, &i));) all[n++] = l;
    for (size_t i = 0; i < n; i++) line_free(ws, all[i]);
    free(all);
    ws->idle_lines = 0;
}

void waiting_fini(struct workspace *ws)
{
    waiting_forget_lines(ws);
    map_fini(&ws->lines);
    free(ws->active);
    free(ws->active_need);
}
