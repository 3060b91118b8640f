#include "cli/hist.h"

#include "base/cells.h"

/* The largest value that falls into the cell. */
static uint64_t cell_last(uint32_t cell) { return cell_first(cell, HIST_STEP_BITS) + cell_width(cell, HIST_STEP_BITS) - 1; }

void hist_add(struct hist *h, uint64_t us)
{
    h->cells[cell_of(us, HIST_STEP_BITS, HIST_ROWS)]++;
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
        uint64_t end = cell_last(i);
        return (double)(end < h->max_us ? end : h->max_us) / 1000.0;
    }
    return hist_max_ms(h);
}

double hist_max_ms(const struct hist *h) { return (double)h->max_us / 1000.0; }
