#include "workers/simulate/arrival.h"

/* The digits of a number without its leading zeros; n is 0 for a text. "0" keeps one. */
static struct str digits_of(const char *id)
{
    struct str s = str_of(id);
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9') return STR_NONE;
    while (s.n > 1 && *s.p == '0') s.p++, s.n--;
    return s;
}

int sim_id_cmp(const char *a, const char *b)
{
    struct str x = digits_of(a), y = digits_of(b);
    if (!x.n != !y.n) return x.n ? -1 : 1;
    if (x.n != y.n) return x.n < y.n ? -1 : 1;
    int c = str_cmp(x, y);
    return c ? c : strcmp(a, b);
}
