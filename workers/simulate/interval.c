#include "workers/simulate/interval.h"

#include <math.h>

void sample_add(struct sample *s, double v)
{
    if (isnan(v)) return;
    double off = v - s->mean;
    s->n++;
    s->mean += off / s->n;
    s->squares += off * (v - s->mean);
}

/* Small degrees as printed everywhere; from 11 on the expansion around the normal quantile, right to 5 digits. */
double student_t(uint32_t freedom)
{
    static const double small[] = { 12.70620, 4.30265, 3.18245, 2.77645, 2.57058, 2.44691, 2.36462, 2.30600, 2.26216, 2.22814 };
    const double z = 1.959963984540054, z2 = z * z, v = freedom;

    if (freedom == 0) return NAN;
    if (freedom <= sizeof small / sizeof *small) return small[freedom - 1];
    double g1 = z * (z2 + 1) / 4, g2 = z * ((5 * z2 + 16) * z2 + 3) / 96, g3 = z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384;
    return z + g1 / v + g2 / (v * v) + g3 / (v * v * v);
}

struct interval sample_interval(const struct sample *s)
{
    struct interval out = { NAN, NAN, s->n };

    if (s->n) out.mean = s->mean;
    if (s->n > 1) out.half = student_t(s->n - 1) * sqrt(s->squares / (s->n - 1) / s->n);
    return out;
}

bool interval_sure(const struct interval *v) { return v->n > 1 && fabs(v->mean) > v->half; }
