#include "base/heap.h"

#include "base/panic.h"

#include <stdlib.h>

#define HEAP_FIRST 16

void heap_init(struct heap *h, size_t cap) { *h = (struct heap){ .cap = cap }; }

void heap_fini(struct heap *h)
{
    free(h->v);
    *h = (struct heap){ .cap = h->cap };
}

static bool before(const struct heap_node *a, const struct heap_node *b)
{
    return a->key != b->key ? a->key < b->key : a->tie < b->tie;
}

static void place(struct heap *h, size_t i, struct heap_node *n)
{
    h->v[i] = n;
    n->at = i + 1;
}

static void sift_up(struct heap *h, size_t i, struct heap_node *n)
{
    while (i > 0) {
        size_t parent = (i - 1) / 2;
        if (!before(n, h->v[parent])) break;
        place(h, i, h->v[parent]);
        i = parent;
    }
    place(h, i, n);
}

static void sift_down(struct heap *h, size_t i, struct heap_node *n)
{
    for (size_t child; (child = 2 * i + 1) < h->count; i = child) {
        if (child + 1 < h->count && before(h->v[child + 1], h->v[child])) child++;
        if (!before(h->v[child], n)) break;
        place(h, i, h->v[child]);
    }
    place(h, i, n);
}

/* Puts `n` at place i, from where it may have to go either way. */
static void settle(struct heap *h, size_t i, struct heap_node *n)
{
    if (i > 0 && before(n, h->v[(i - 1) / 2])) sift_up(h, i, n);
    else sift_down(h, i, n);
}

static enum err grow(struct heap *h)
{
    size_t room = h->room ? h->room * 2 : HEAP_FIRST;
    struct heap_node **v = realloc(h->v, room * sizeof *v);

    if (!v) return ERR_NOMEM;
    h->v = v;
    h->room = room;
    return ERR_OK;
}

enum err heap_push(struct heap *h, struct heap_node *n)
{
    enum err e;

    naru_assert(n->at == 0);
    if (h->count >= h->cap) return ERR_FULL;
    if (h->count == h->room && (e = grow(h))) return e;
    h->count++;
    sift_up(h, h->count - 1, n);
    return ERR_OK;
}

static bool holds(const struct heap *h, const struct heap_node *n) { return n->at && n->at <= h->count && h->v[n->at - 1] == n; }

void heap_remove(struct heap *h, struct heap_node *n)
{
    naru_assert(holds(h, n));
    size_t i = n->at - 1;
    struct heap_node *last = h->v[--h->count];
    n->at = 0;
    if (last != n) settle(h, i, last);
}

void heap_rekey(struct heap *h, struct heap_node *n, int64_t key)
{
    naru_assert(holds(h, n));
    n->key = key;
    settle(h, n->at - 1, n);
}
