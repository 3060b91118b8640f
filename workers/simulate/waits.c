#include "workers/simulate/waits.h"

#include "base/cells.h"

#include <math.h>

/* The middle of what falls into the cell. */
static double middle_of(uint32_t cell)
{
    return (double)cell_first(cell, WAITS_BITS) + (double)(cell_width(cell, WAITS_BITS) - 1) / 2;
}

void waits_add(struct waits *w, uint64_t ms)
{
    uint32_t *cell = &w->cells[cell_of(ms, WAITS_BITS, WAITS_ROWS)];

    if (*cell < UINT32_MAX) (*cell)++;
    w->count++;
    w->zero += ms == 0;
    w->sum_ms += (double)ms;
    if (ms > w->max_ms) w->max_ms = ms;
}

void waits_merge(struct waits *into, const struct waits *from)
{
    for (unsigned i = 0; i < WAITS_ROWS * WAITS_STEPS; i++) {
        uint64_t sum = (uint64_t)into->cells[i] + from->cells[i];
        into->cells[i] = sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
    }
    into->count += from->count;
    into->zero += from->zero;
    into->sum_ms += from->sum_ms;
    if (from->max_ms > into->max_ms) into->max_ms = from->max_ms;
}

double waits_mean(const struct waits *w) { return w->count ? w->sum_ms / (double)w->count : NAN; }

double waits_at(const struct waits *w, double q)
{
    double rank = ceil(q * (double)w->count - 1e-6); /* 0.95 * 20 may come out above 19 */
    uint64_t seen = 0;

    if (w->count == 0) return NAN;
    if (rank >= (double)w->count) return (double)w->max_ms;
    for (unsigned i = 0; i < WAITS_ROWS * WAITS_STEPS; i++) {
        seen += w->cells[i];
        if (seen && (double)seen >= rank) return fmin(middle_of(i), (double)w->max_ms);
    }
    return (double)w->max_ms;
}
