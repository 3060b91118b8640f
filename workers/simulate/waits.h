/* How long things took, in bounded memory whatever their number: a histogram (base/cells.h) of 256 steps for each power of two of
   milliseconds. A time below 512 ms is kept as it is; a longer one within 1/512 (0.2 %), as the middle of
   its step is told. 33 KiB each. */
#ifndef NARU_SIMULATE_WAITS_H
#define NARU_SIMULATE_WAITS_H

#include <stdint.h>

#define WAITS_BITS  8u
#define WAITS_STEPS (1u << WAITS_BITS)
#define WAITS_ROWS  33u /* up to 2^40 ms, 34 years; what is longer counts as that */

struct waits {                    /* zeroed is empty */
    uint64_t count, zero, max_ms; /* zero: of 0 ms */
    double sum_ms;
    uint32_t cells[WAITS_ROWS * WAITS_STEPS]; /* a full one stays full: 4 billion */
};

void waits_add(struct waits *w, uint64_t ms);
void waits_merge(struct waits *into, const struct waits *from);
double waits_mean(const struct waits *w); /* ms, exact; NAN when empty; so are the next two */
/* The smallest time at or below which a share `q` (0..1) of all lies (nearest rank), within the error above. Never above the
 * maximum. */
double waits_at(const struct waits *w, double q);

#endif
