/* A histogram of latencies (base/cells.h) of 64 steps for each power of two: any value from 1 µs to days is kept with an error
   below 1.6 % in a fixed 18 KiB, and adding is a shift and an increment. */
#ifndef NARU_CLI_HIST_H
#define NARU_CLI_HIST_H

#include <stdint.h>

#define HIST_STEP_BITS 6u
#define HIST_STEPS     (1u << HIST_STEP_BITS)
#define HIST_ROWS      35u /* up to 2^40 µs; larger values count as that */

struct hist { /* zeroed is empty */
    uint64_t count, max_us;
    uint64_t cells[HIST_ROWS * HIST_STEPS];
};

void hist_add(struct hist *h, uint64_t us);
/* The value below or at which a share `q` (0..1) of all lies, in milliseconds; 0 when empty. Never above the largest value seen. */
double hist_ms(const struct hist *h, double q);
double hist_max_ms(const struct hist *h);

#endif
