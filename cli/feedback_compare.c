#include "cli/feedback_compare.h"

#include <math.h>

void comparison_add(struct comparison *c, bool old_right, bool new_right)
{
    c->n++;
    c->old_right += old_right;
    c->new_right += new_right;
    c->fixed += !old_right && new_right;
    c->broken += old_right && !new_right;
}

/* Twice the lower tail, summed from its largest term down; terms below the precision of the sum are left out. */
double comparison_p(const struct comparison *c)
{
    double n = (double)c->fixed + c->broken, k = c->fixed < c->broken ? c->fixed : c->broken, sum = 0;
    if (n == 0) return 1;
    double term = exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) - n * log(2));
    for (; k >= 0 && term > sum * 1e-17; k--) {
        sum += term;
        term *= k / (n - k + 1); /* C(n, k - 1) from C(n, k) */
    }
    return sum < 0.5 ? 2 * sum : 1;
}

enum compared comparison_says(const struct comparison *c)
{
    if (c->fixed == c->broken || comparison_p(c) >= COMPARE_P) return COMPARED_SAME;
    return c->fixed > c->broken ? COMPARED_BETTER : COMPARED_WORSE;
}

enum compared compared_together(const struct comparison *held, const struct comparison *base)
{
    enum compared h = comparison_says(held), b = comparison_says(base);
    if (h == COMPARED_WORSE || b == COMPARED_WORSE) return COMPARED_WORSE;
    return h;
}
