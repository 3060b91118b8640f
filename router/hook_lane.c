/* Lanes: the changes of one subject that one listener has still to be told of, in their order. A lane is in `lanes` of the box as
   long as it holds something, and in exactly one place of its listener: `ready`, `waiting` (by the time of its next attempt), or
   `out` while its head is under way. `place` says in which. */
#include "base/map.h"
#include "router/hook_part.h"

#include <stdlib.h>
#include <string.h>

static struct id lane_key(const struct listener *l, uint64_t subject)
{
    struct id key = { { 0 } };
    memcpy(key.b, &l->number, sizeof l->number);
    memcpy(key.b + 8, &subject, sizeof subject);
    return key;
}

struct hook_lane *lane_of(struct told *t)
{
    struct id key = lane_key(t->to, told_hook(t)->subject);
    return idmap_get(&t->to->box->lanes, &key);
}

void lane_leave(struct hook_lane *n)
{
    struct listener *l = n->to;
    if (n->place == LANE_WAITING) heap_remove(&l->waiting, &n->due);
    else TAILQ_REMOVE(n->place == LANE_READY ? &l->ready : &l->out, n, link);
}

void lane_to(struct hook_lane *n, enum lane_place place)
{
    struct listener *l = n->to;
    n->place = (uint8_t)place;
    TAILQ_INSERT_TAIL(place == LANE_READY ? &l->ready : &l->out, n, link);
}

void lane_free(struct hook_lane *n)
{
    (void)idmap_del(&n->to->box->lanes, &n->key);
    free(n);
}

static struct hook_lane *lane_new(struct listener *l, uint64_t subject)
{
    struct hook_lane *n = calloc(1, sizeof *n);
    if (!n) return NULL;
    n->key = lane_key(l, subject);
    n->to = l;
    if (idmap_put(&l->box->lanes, n)) return free(n), NULL;
    lane_to(n, LANE_READY);
    return n;
}

struct hook_lane *lane_for(struct listener *l, uint64_t subject)
{
    struct id key = lane_key(l, subject);
    struct hook_lane *n = idmap_get(&l->box->lanes, &key);
    return n ? n : lane_new(l, subject);
}

static bool is_before(struct told *a, struct told *b)
{
    const struct hook *x = told_hook(a), *y = told_hook(b);
    return x->epoch != y->epoch ? x->epoch < y->epoch : x->seq < y->seq;
}

/* As a rule at the end. */
void lane_insert(struct hook_lane *n, struct told *t)
{
    struct told **at = &n->head;
    if (n->tail && is_before(n->tail, t)) at = &n->tail->next;
    else if (n->head && n->place == LANE_OUT) at = &n->head->next;
    while (*at && is_before(*at, t)) at = &(*at)->next;
    if (at == &n->head) n->failed = 0;
    t->next = *at;
    *at = t;
    if (!t->next) n->tail = t;
}

void lane_pop(struct hook_lane *n)
{
    n->head = n->head->next;
    n->failed = 0;
    if (!n->head) lane_free(n);
    else lane_to(n, LANE_READY);
}

void lanes_hurry(struct listener *l, uint64_t now, bool all)
{
    struct heap_node *d;
    while ((d = heap_peek(&l->waiting)) && (all || (uint64_t)d->key <= now)) {
        struct hook_lane *n = container_of(d, struct hook_lane, due);
        lane_leave(n);
        lane_to(n, LANE_READY);
    }
}
