#include "workers/simulate/waits.h"

#include <math.h>

/* Times below 512 ms have a cell each (the first two rows); from there row r holds [2^(r+7), 2^(r+8)) in 256 steps. */

static unsigned cell_of(uint64_t ms)
{
    const uint64_t top = (UINT64_C(1) << (WAITS_ROWS + WAITS_BITS - 1)) - 1;

    if (ms > top) ms = top;
    if (ms < 2 * WAITS_STEPS) return (unsigned)ms;
    unsigned shift = 63u - (unsigned)__builtin_clzll(ms) - WAITS_BITS;
    return shift * WAITS_STEPS + (unsigned)(ms >> shift);
}

/* The middle of what falls into the cell. */
static double cell_middle(unsigned cell)
{
    if (cell < 2 * WAITS_STEPS) return cell;
    unsigned shift = cell / WAITS_STEPS - 1;
    double step = (double)(UINT64_C(1) << shift);
    return ((double)(cell - shift * WAITS_STEPS) + 0.5) * step - 0.5;
}

void waits_add(struct waits *w, uint64_t ms)
{
    uint32_t *cell = &w->cells[cell_of(ms)];

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
        if (seen && (double)seen >= rank) return fmin(cell_middle(i), (double)w->max_ms);
    }
    return (double)w->max_ms;
}
