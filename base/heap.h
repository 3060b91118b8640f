/* A binary min-heap of embedded nodes: for deadlines and for waiting lines. The node remembers its place, so removal and
   re-keying are O(log n). Order is by `key`, then by `tie`. */
#ifndef NARU_BASE_HEAP_H
#define NARU_BASE_HEAP_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
    int64_t key;
    uint64_t tie;
    size_t at; /* 1-based place; 0 = in no heap */
};
struct heap {
    struct heap_node **v;
    size_t count, room, cap;
};

#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

void heap_init(struct heap *h, size_t cap);
void heap_fini(struct heap *h);
enum err heap_push(struct heap *h, struct heap_node *n); /* n->key and n->tie set by the caller; ERR_FULL, ERR_NOMEM */
static inline struct heap_node *heap_peek(const struct heap *h) { return h->count ? h->v[0] : NULL; }
void heap_remove(struct heap *h, struct heap_node *n); /* n is in h */
void heap_rekey(struct heap *h, struct heap_node *n, int64_t key);
static inline bool heap_has(const struct heap_node *n) { return n->at != 0; }

#endif
