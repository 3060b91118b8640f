#include "base/arena.h"

#include <stdlib.h>

/* Blocks in a list, the newest first; only the newest is allocated from. Blocks double up to BLOCK_MOST, a larger wish gets a
   block of its size. `used` counts what was given (rounded to 16), never more than `cap`. */

#define BLOCK_FIRST 1024
#define BLOCK_MOST  65536

struct arena_block {
    struct arena_block *older;
    size_t n, room;
    _Alignas(16) unsigned char bytes[];
};

void arena_init(struct arena *a, size_t cap) { *a = (struct arena){ .cap = cap }; }

static void free_older(struct arena_block *b)
{
    struct arena_block *older = b->older;

    b->older = NULL;
    while (older) {
        struct arena_block *next = older->older;
        free(older);
        older = next;
    }
}

void arena_fini(struct arena *a)
{
    if (a->head) free_older(a->head);
    free(a->head);
    *a = (struct arena){ .cap = a->cap };
}

void arena_clear(struct arena *a)
{
    a->used = 0;
    if (!a->head) return;
    free_older(a->head);
    a->head->n = 0;
}

static struct arena_block *block_for(struct arena *a, size_t n)
{
    struct arena_block *head = a->head;

    if (head && head->room - head->n >= n) return head;
    size_t room = head ? head->room * 2 : BLOCK_FIRST;
    if (room > BLOCK_MOST) room = BLOCK_MOST;
    if (room < n) room = n;
    struct arena_block *b = malloc(sizeof *b + room);
    if (!b) return NULL;
    *b = (struct arena_block){ .older = head, .room = room };
    return a->head = b;
}

void *arena_alloc(struct arena *a, size_t n)
{
    if (n > SIZE_MAX / 2) return NULL;
    n = n ? (n + 15) & ~(size_t)15 : 16; /* two allocations never share an address */
    if (n > a->cap - a->used) return NULL;
    struct arena_block *b = block_for(a, n);
    if (!b) return NULL;
    void *p = b->bytes + b->n;
    b->n += n;
    a->used += n;
    return memset(p, 0, n);
}

char *arena_strdup(struct arena *a, struct str s)
{
    char *p = s.n < SIZE_MAX / 2 ? arena_alloc(a, s.n + 1) : NULL;

    if (p && s.n) memcpy(p, s.p, s.n);
    return p;
}
