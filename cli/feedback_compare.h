/* Is a model better than another on the same rows? Pure. */
#ifndef NARU_CLI_FEEDBACK_COMPARE_H
#define NARU_CLI_FEEDBACK_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

#define COMPARE_P 0.05 /* below it a difference is not taken for chance */

struct comparison {
    uint32_t n, old_right, new_right;
    uint32_t fixed, broken; /* wrong before and right now; right before and wrong now */
};
void comparison_add(struct comparison *c, bool old_right, bool new_right);
/* The chance of a split as uneven as this, or more so, of the rows that changed, were each way as likely as the other: the exact
   two-sided test of McNemar (1947), by the binomial distribution. 1 when nothing changed. */
double comparison_p(const struct comparison *c);

enum compared { COMPARED_SAME, COMPARED_BETTER, COMPARED_WORSE };
/* Of one set of rows: better or worse when p < COMPARE_P. */
enum compared comparison_says(const struct comparison *c);
/* Of both together: worse when either is worse, better when the corrections held back are better, else neither. */
enum compared compared_together(const struct comparison *held, const struct comparison *base);

#endif
