/* The mean of what independent replications gave, and how sure it is. */
#ifndef NARU_SIMULATE_INTERVAL_H
#define NARU_SIMULATE_INTERVAL_H

#include <stdbool.h>
#include <stdint.h>

struct sample { /* zeroed is empty; the running mean and sum of squares of Welford (1962) */
    uint32_t n;
    double mean, squares;
};
void sample_add(struct sample *s, double v); /* NAN: not defined in this replication; it is left out */
struct interval {
    double mean; /* NAN: n is 0 */
    double half; /* half the width of the 95 % interval, by Student's t; NAN: n is below 2 */
    uint32_t n;
};
struct interval sample_interval(const struct sample *s);
/* Does the interval leave 0 out? false without one; a half of 0 decides by the mean alone. */
bool interval_sure(const struct interval *v);
/* The 97.5 % quantile of Student's t with `freedom` degrees (1 and more). Abramowitz and Stegun (1964), table 26.10 and 26.7.5. */
double student_t(uint32_t freedom);

#endif
