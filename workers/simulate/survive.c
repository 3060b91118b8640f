#include "workers/simulate/survive.h"

#include <math.h>
#include <stdlib.h>

static int by_time(const void *a, const void *b)
{
    const struct survive_seen *x = a, *y = b;
    return x->ms != y->ms ? (x->ms > y->ms) - (x->ms < y->ms) : y->complete - x->complete;
}

/* How many of the observations from `i` on hung up at the time of the first. */
static uint32_t gone_at(const struct survive_seen *seen, uint32_t i, uint32_t count)
{
    uint32_t n = 0;
    while (i + n < count && seen[i + n].complete && seen[i + n].ms == seen[i].ms) n++;
    return n;
}

enum err survive_fit(struct survive *out, struct survive_seen *seen, uint32_t count)
{
    double left = 1;

    *out = (struct survive){ .v = calloc((size_t)count + 1, sizeof *out->v) };
    if (!out->v) return ERR_NOMEM;
    if (count) qsort(seen, count, sizeof *seen, by_time);
    for (uint32_t i = 0, gone; i < count; i += gone ? gone : 1) {
        uint32_t at_risk = count - i;
        gone = gone_at(seen, i, count);
        out->exposure += (double)seen[i].ms * (gone ? gone : 1);
        if (!gone) continue;
        left *= (double)(at_risk - gone) / at_risk;
        out->complete += gone;
        out->v[out->count++] = (struct survive_step){ seen[i].ms, left };
    }
    return ERR_OK;
}

void survive_fini(struct survive *s)
{
    free(s->v);
    *s = (struct survive){ 0 };
}

/* The first step that comes after `ms`. */
static uint32_t step_after(const struct survive *s, uint64_t ms)
{
    uint32_t low = 0, high = s->count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (s->v[mid].ms <= ms) low = mid + 1;
        else high = mid;
    }
    return low;
}

double survive_left(const struct survive *s, uint64_t ms)
{
    uint32_t i = step_after(s, ms);
    return i ? s->v[i - 1].left : 1;
}

/* The first step that leaves no more than `share`; count: none does. */
static uint32_t step_to(const struct survive *s, double share)
{
    uint32_t low = 0, high = s->count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (s->v[mid].left > share) low = mid + 1;
        else high = mid;
    }
    return low;
}

bool survive_median(const struct survive *s, uint64_t *ms)
{
    uint32_t i = step_to(s, 0.5);
    if (i == s->count) return false;
    *ms = s->v[i].ms;
    return true;
}

double survive_mean(const struct survive *s) { return s->complete ? s->exposure / s->complete : INFINITY; }

/* P(T > t | T > waited) is left(t) / left(waited): a share of (0, 1] of the latter is gone down to. */
uint64_t survive_draw(const struct survive *s, uint64_t waited, struct rng *r)
{
    uint32_t i = step_to(s, rng_f64(r) * survive_left(s, waited)), first = step_after(s, waited);
    if (i < first) i = first;
    return i < s->count ? s->v[i].ms : SIM_FOR_EVER;
}
