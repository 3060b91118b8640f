#include "router/journal_rows.h"

#include <stdlib.h>

void rows_fini(struct rows *r)
{
    for (size_t i = 0; i < ROWS_BLOCKS; i++) free(r->blocks[i]);
    memset(r, 0, sizeof *r);
}

enum err rows_push(struct rows *r, uint64_t number, unsigned kind, const struct id *id)
{
    if (rows_count(r) >= ROWS_MAX) return ERR_FULL;
    struct row_ref **block = &r->blocks[r->head / ROWS_BLOCK % ROWS_BLOCKS];
    if (!*block && !(*block = malloc(ROWS_BLOCK * sizeof **block))) return ERR_NOMEM;
    struct row_ref *ref = rows_at(r, r->head);
    ref->number = number & ((1ull << 56) - 1);
    ref->kind = kind & 0x7f;
    ref->end = 0;
    ref->id = *id;
    r->head++;
    return ERR_OK;
}

void rows_cut(struct rows *r, uint64_t to)
{
    while (r->tail < to) {
        uint64_t next = r->tail - r->tail % ROWS_BLOCK + ROWS_BLOCK;
        if (next > to) {
            r->tail = to;
            break;
        }
        struct row_ref **block = &r->blocks[r->tail / ROWS_BLOCK % ROWS_BLOCKS];
        free(*block);
        *block = NULL;
        r->tail = next;
    }
}

void rows_void(struct rows *r, uint64_t from, uint64_t to)
{
    for (uint64_t pos = from; pos < to; pos++) rows_at(r, pos)->kind = 0;
}
