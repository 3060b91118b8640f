/* A bump allocator: many small allocations freed at once. Bounded by a cap given at init. */
#ifndef NARU_BASE_ARENA_H
#define NARU_BASE_ARENA_H

#include "base/err.h"
#include "base/str.h"

struct arena_block;
struct arena {
    struct arena_block *head;
    size_t used, cap;
};

void arena_init(struct arena *a, size_t cap);
void arena_fini(struct arena *a);
void arena_clear(struct arena *a);               /* everything given is gone; keeps one block for reuse */
void *arena_alloc(struct arena *a, size_t n);    /* zeroed, aligned to 16; NULL when over the cap or out of memory */
char *arena_strdup(struct arena *a, struct str s); /* NUL-terminated copy; NULL on failure */

#endif
