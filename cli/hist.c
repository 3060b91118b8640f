#include "cli/hist.h"

/* Values below 128 µs have a cell each (the first two rows); from there row r holds [2^(r+5), 2^(r+6)) in 64 steps. */

static unsigned cell_of(uint64_t us)
{
    const uint64_t top = (UINT64_C(1) << (HIST_ROWS + HIST_STEP_BITS - 1)) - 1;

    if (us > top) us = top;
    if (us < 2 * HIST_STEPS) return (unsigned)us;
    unsigned shift = 63u - (unsigned)__builtin_clzll(us) - HIST_STEP_BITS;
    return shift * HIST_STEPS + (unsigned)(us >> shift);
}

/* The largest value that falls into the cell. */
static uint64_t cell_end(unsigned cell)
{
    if (cell < 2 * HIST_STEPS) return cell;
    unsigned shift = cell / HIST_STEPS - 1;
    return ((uint64_t)(cell - shift * HIST_STEPS + 1) << shift) - 1;
}

void hist_add(struct hist *h, uint64_t us)
{
    h->cells[cell_of(us)]++;
    h->count++;
    if (us > h->max_us) h->max_us = us;
}

double hist_ms(const struct hist *h, double q)
{
    uint64_t rank = (uint64_t)(q * (double)h->count + 0.5), seen = 0;

    if (h->count == 0) return 0;
    if (rank < 1) rank = 1;
    for (unsigned i = 0; i < sizeof h->cells / sizeof *h->cells; i++) {
        seen += h->cells[i];
        if (seen < rank) continue;
        uint64_t end = cell_end(i);
        return (double)(end < h->max_us ? end : h->max_us) / 1000.0;
    }
    return hist_max_ms(h);
}

double hist_max_ms(const struct hist *h) { return (double)h->max_us / 1000.0; }
