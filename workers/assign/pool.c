#include "workers/assign/core.h"

#include <stdlib.h>

/* Blocks of one size that were used before, kept for their next use: a ticket's coming and going costs no call of the allocator. */

#ifdef __SANITIZE_ADDRESS__
static const uint32_t pool_keeps = 0; /* freed is freed, so that use after it is found */
#else
static const uint32_t pool_keeps = 4096;
#endif

void *pool_get(struct pool *p)
{
    struct pool_block *b = p->free;

    if (!b) return malloc(p->size);
    p->free = b->next;
    p->count--;
    return b;
}

void pool_put(struct pool *p, void *block)
{
    struct pool_block *b = block;

    if (!b || p->count >= pool_keeps) {
        free(b);
        return;
    }
    b->next = p->free;
    p->free = b;
    p->count++;
}

void pool_fini(struct pool *p)
{
    for (struct pool_block *b = p->free, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    p->free = NULL;
}
