#include "workers/assign/core.h"

#include <stdlib.h>

/* Waiting tickets stand in lines. A line holds the tickets that any given agent can serve all or none of: same needs, same
   channel, same agents held back after they declined or missed, all favoured by capacity.keep or none. So the cost of matching
   follows the number of distinct needs, not of tickets, and a head that nobody free can serve blocks nobody behind it.

   A line that is not empty is in `active`, and either in `ready` (it may have a match) or stuck: nobody free can serve it, and
   nothing has happened since that could change this. What unsticks it is an agent with new room (waiting_wake), an agent with
   new skills (waiting_agent_changed), or a new policy (waiting_wake_all). A ticket that arrives at a stuck line leaves it stuck.

   RANK: one number orders all waiting tickets of a workspace, whatever their queue, least first: a time in wall milliseconds.
     slack      enqueued + answer target of its urgency. An old ticket passes every newcomer once the newcomers' deadlines lie
                behind its own, so a ticket waits at most its own target longer than the most urgent one that came with it.
     fifo       enqueued + the queue's target for `normal`, so within the queue by age alone.
     priority   enqueued + the queue's target for `normal`, a day less for each step above normal and a day more below: urgency
                goes first unless the difference in age is more than a day a step; that is its bound.
   Equal ranks go by arrival. */

#define PRIORITY_STEP_MS 86400000ll
#define KEY_MAX          (4 + NEEDS_MAX * 4 + BACKOFFS_MAX * 4)

int64_t waiting_rank(const struct workspace *ws, const struct ticket *t)
{
    const struct queue *q = queue_of(ws, t);

    if (q->order == ORDER_SLACK) return (int64_t)t->due_at;
    int64_t rank = (int64_t)(t->enqueued + q->answer.within_ms[URG_NORMAL]);
    if (q->order == ORDER_PRIORITY) rank += (URG_NORMAL - (int64_t)t->urgency) * PRIORITY_STEP_MS;
    return rank;
}

/* ---- which line ---- */

static int by_index(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static uint32_t held_back_now(const struct workspace *ws, const struct ticket *t, uint32_t out[BACKOFFS_MAX])
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < t->backoff_count; i++)
        if (t->backoff[i].until > ws->now) out[n++] = t->backoff[i].agent;
    if (n > 1) qsort(out, n, sizeof *out, by_index);
    return n;
}

static struct str key_of(const struct ticket *t, bool favoured, const uint32_t *excluded, uint32_t excluded_count,
                         char out[KEY_MAX])
{
    uint32_t head = t->channel | t->needs.count << 8 | (uint32_t)favoured << 16;
    size_t n = 0;

    memcpy(out, &head, 4);
    n += 4;
    memcpy(out + n, t->needs.v, t->needs.count * sizeof *t->needs.v);
    n += t->needs.count * sizeof *t->needs.v;
    if (excluded_count) memcpy(out + n, excluded, excluded_count * sizeof *excluded);
    return (struct str){ out, n + excluded_count * sizeof *excluded };
}

static void line_free(struct workspace *ws, struct line *l)
{
    map_del(&ws->lines, l->key);
    heap_fini(&l->waiting);
    free((char *)l->key.p);
    free(l->excluded);
    free(l->eligible);
    free(l);
}

static struct line *line_new(struct workspace *ws, const struct ticket *t, struct str key, const uint32_t *excluded, uint32_t count)
{
    struct line *l = calloc(1, sizeof *l);
    char *copy = malloc(key.n);
    uint32_t *list = malloc((count ? count : 1) * sizeof *list);

    if (!l || !copy || !list) {
        free(l);
        free(copy);
        free(list);
        return NULL;
    }
    memcpy(copy, key.p, key.n);
    if (count) memcpy(list, excluded, count * sizeof *list);
    l->key = (struct str){ copy, key.n };
    l->channel = t->channel;
    l->favoured = ticket_favoured(ws, t);
    l->needs = t->needs;
    l->excluded = list;
    l->excluded_count = count;
    heap_init(&l->waiting, LIM_TICKETS);
    if (map_put(&ws->lines, l->key, l)) {
        line_free(ws, l);
        return NULL;
    }
    ws->idle_lines++;
    return l;
}

static struct line *line_of(struct workspace *ws, const struct ticket *t)
{
    uint32_t excluded[BACKOFFS_MAX], count = held_back_now(ws, t, excluded);
    char bytes[KEY_MAX];
    struct str key = key_of(t, ticket_favoured(ws, t), excluded, count, bytes);
    struct line *l = map_get(&ws->lines, key);

    return l ? l : line_new(ws, t, key, excluded, count);
}

/* ---- who can serve it ---- */

static bool agent_fits(const struct workspace *ws, const struct line *l, const struct agent *a)
{
    const struct roster *r = &ws->roster;

    if (!a->known) return false;
    for (uint32_t i = 0; i < l->needs.count; i++) {
        const uint8_t *col = l->needs.v[i].skill < r->level_room ? r->level[l->needs.v[i].skill] : NULL;
        if (!col || col[a->index] < l->needs.v[i].level) return false;
    }
    for (uint32_t i = 0; i < l->excluded_count; i++)
        if (l->excluded[i] == a->index) return false;
    return true;
}

static void clear_below(const struct roster *r, uint64_t *set, struct need_at need)
{
    const uint8_t *col = need.skill < r->level_room ? r->level[need.skill] : NULL;

    if (!col) {
        memset(set, 0, r->words * sizeof *set);
        return;
    }
    for (uint32_t w = 0; w < r->words; w++)
        for (uint64_t left = set[w]; left; left &= left - 1) {
            uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(left);
            if (col[i] < need.level) bit_put(set, i, false);
        }
}

/* The agents with the skills for it who are not held back, whatever their presence and room. NULL: no memory. */
const uint64_t *line_eligible(struct workspace *ws, struct line *l)
{
    const struct roster *r = &ws->roster;

    if (l->version == r->version) return l->eligible;
    if (l->words < r->words) {
        uint64_t *v = realloc(l->eligible, r->words * sizeof *v);
        if (!v) return NULL;
        l->eligible = v;
        l->words = r->words;
    }
    if (r->words) memcpy(l->eligible, r->known, r->words * sizeof *r->known);
    for (uint32_t i = 0; i < l->needs.count; i++) clear_below(r, l->eligible, l->needs.v[i]);
    for (uint32_t i = 0; i < l->excluded_count; i++) bit_put(l->eligible, l->excluded[i], false);
    l->version = r->version;
    return l->eligible;
}

void waiting_agent_changed(struct workspace *ws, const struct agent *a)
{
    struct line *l;

    for (size_t i = 0; (l = map_next(&ws->lines, &i));)
        if (l->version == ws->roster.version) bit_put(l->eligible, a->index, agent_fits(ws, l, a));
    roster_freed(ws, ws->roster.v[a->index]);
}

/* ---- ready or stuck ---- */

static void line_ready(struct workspace *ws, struct line *l)
{
    const struct heap_node *head = heap_peek(&l->waiting);

    if (heap_has(&l->ready)) {
        if (l->ready.key == head->key && l->ready.tie == head->tie) return;
        heap_remove(&ws->ready, &l->ready);
    }
    l->ready.key = head->key;
    l->ready.tie = head->tie;
    (void)heap_push(&ws->ready, &l->ready); /* has the room: see line_active */
}

static bool line_active(struct workspace *ws, struct line *l)
{
    if (ws->active_count == ws->active_room) {
        uint32_t room = ws->active_room ? ws->active_room * 2 : 64;
        struct line **v = realloc(ws->active, room * sizeof *v);
        if (!v) return false;
        ws->active = v;
        ws->active_room = room;
    }
    l->at = ws->active_count;
    ws->active[ws->active_count++] = l;
    ws->idle_lines--;
    return true;
}

static void line_idle(struct workspace *ws, struct line *l)
{
    struct line *last = ws->active[--ws->active_count];

    ws->active[l->at] = last;
    last->at = l->at;
    if (heap_has(&l->ready)) heap_remove(&ws->ready, &l->ready);
    if (l->excluded_count || ws->idle_lines >= LINES_IDLE) line_free(ws, l);
    else ws->idle_lines++;
}

enum err waiting_enter(struct workspace *ws, struct ticket *t)
{
    struct line *l = line_of(ws, t);
    bool first = l && l->waiting.count == 0;
    enum err e;

    if (!l) return ERR_NOMEM;
    if (first && !line_active(ws, l)) return ERR_NOMEM;
    t->in_line.key = waiting_rank(ws, t);
    t->in_line.tie = t->tie;
    t->in_queue.key = (int64_t)t->enqueued;
    t->in_queue.tie = t->tie;
    e = heap_push(&l->waiting, &t->in_line);
    if (!e && (e = heap_push(&ws->queues[t->queue].by_age, &t->in_queue))) heap_remove(&l->waiting, &t->in_line);
    if (e) {
        if (first) line_idle(ws, l);
        return e;
    }
    t->line = l;
    if (first || heap_has(&l->ready)) line_ready(ws, l);
    return ERR_OK;
}

void waiting_leave(struct workspace *ws, struct ticket *t)
{
    struct line *l = t->line;

    if (!l) return;
    heap_remove(&l->waiting, &t->in_line);
    heap_remove(&ws->queues[t->queue].by_age, &t->in_queue);
    t->line = NULL;
    if (!l->waiting.count) line_idle(ws, l);
    else if (heap_has(&l->ready)) line_ready(ws, l);
}

void waiting_again(struct workspace *ws, struct ticket *t)
{
    waiting_leave(ws, t);
    (void)waiting_enter(ws, t); /* without memory the ticket's own deadline tries again */
}

/* ---- waking ---- */

void waiting_wake_all(struct workspace *ws)
{
    for (uint32_t i = 0; i < ws->active_count; i++) line_ready(ws, ws->active[i]);
}

static void wake_for(struct workspace *ws, const struct agent *a)
{
    for (uint32_t i = 0; i < ws->active_count; i++) {
        struct line *l = ws->active[i];
        if (heap_has(&l->ready) || !bit_get(ws->roster.free[l->favoured][l->channel], a->index)) continue;
        const uint64_t *eligible = line_eligible(ws, l);
        if (!eligible || bit_get(eligible, a->index)) line_ready(ws, l);
    }
}

void waiting_wake(struct workspace *ws)
{
    struct roster *r = &ws->roster;

    for (uint32_t i = 0; i < r->freed_count; i++) {
        struct agent *a = r->v[r->freed[i]];
        a->freed = false;
        if (bit_get(r->avail, a->index)) wake_for(ws, a);
    }
    r->freed_count = 0;
}

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
}
