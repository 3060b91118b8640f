/* Open addressing with linear probing; slots are a power of two and grow to twice as many. The hash is keyed by a constant: the
   same file is told the same thing every time. */
#include "workers/simulate/ids.h"

#include "base/map.h"

#include <stdlib.h>

#define SLOTS_FIRST 1024u

void ids_init(struct ids *s, size_t cap) { *s = (struct ids){ .cap = cap }; }
void ids_fini(struct ids *s)
{
    free(s->slots);
    *s = (struct ids){ 0 };
}

/* Where the hash is, or where it would be. */
static uint64_t *slot_of(const struct ids *s, uint64_t hash)
{
    size_t i = hash & s->mask;
    while (s->slots[i] && s->slots[i] != hash) i = (i + 1) & s->mask;
    return &s->slots[i];
}

static enum err grow(struct ids *s)
{
    size_t n = s->slots ? 2 * (s->mask + 1) : SLOTS_FIRST;
    struct ids next = { .slots = calloc(n, sizeof *next.slots), .count = s->count, .mask = n - 1, .cap = s->cap };
    if (!next.slots) return ERR_NOMEM;
    for (size_t i = 0; s->slots && i <= s->mask; i++)
        if (s->slots[i]) *slot_of(&next, s->slots[i]) = s->slots[i];
    free(s->slots);
    *s = next;
    return ERR_OK;
}

enum err ids_add(struct ids *s, struct str id)
{
    static const uint64_t key[2] = { UINT64_C(0x6e61727520696473), UINT64_C(0x6f66206120747261) };
    uint64_t hash = hash_bytes(id.p, id.n, key);

    if (!s->slots || (s->count + 1) * 5 > (s->mask + 1) * 4) {
        enum err e = s->count < s->cap ? grow(s) : ERR_FULL;
        if (e) return e;
    }
    uint64_t *slot = slot_of(s, hash ? hash : 1);
    if (*slot) return ERR_EXISTS;
    if (s->count == s->cap) return ERR_FULL;
    *slot = hash ? hash : 1;
    s->count++;
    return ERR_OK;
}
