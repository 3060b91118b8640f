/* Always true: `at` is the best point of this start, with its value; the best of all starts is in the caller's `x`. Every point
   goes through try_point, which counts, notices the best, and says when there is nothing more to spend.

   A start that has become a point which was tried before costs nothing; a thousand trials in a row that cost nothing end the
   search, for then there is hardly anything left to try. */
#include "workers/simulate/search.h"

#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STEP_FIRST 0.25
#define STEP_LAST  (1.0 / 64)
#define IDLE_MOST  1000u /* trials in a row that were known */

struct search {
    const struct search_cfg *cfg;
    struct search_end *end;
    struct rng rng;
    double *best;                /* the caller's */
    double *at, *before, *probe; /* dims each */
    uint32_t *turn;              /* the order in which they are moved */
    double value;                /* at `at` */
    uint32_t idle;
    enum err err;
};

static bool over(struct search *s)
{
    if (s->cfg->stop && *s->cfg->stop) s->end->stopped = true;
    return s->err || s->end->stopped || s->end->trials >= s->cfg->budget || s->idle > IDLE_MOST;
}

/* The value of `probe`; false when there is no more to spend. */
static bool try_point(struct search *s, double *value)
{
    bool known = false;
    if (over(s)) return false;
    s->err = s->cfg->value(s->cfg->ctx, s->probe, value, &known);
    if (s->err) return false;
    s->idle = known ? s->idle + 1 : 0;
    s->end->trials += !known;
    if (!(*value < s->end->best)) return true;
    s->end->best = *value;
    memcpy(s->best, s->probe, s->cfg->dims * sizeof *s->best);
    if (s->cfg->better) s->cfg->better(s->cfg->ctx, s->best, *value, s->end->trials);
    return true;
}

/* Moves to `probe` when it is better. */
static bool take_if_better(struct search *s)
{
    double value;
    if (!try_point(s, &value) || !(value < s->value)) return false;
    memcpy(s->at, s->probe, s->cfg->dims * sizeof *s->at);
    s->value = value;
    return true;
}

static bool move_number(struct search *s, uint32_t i, double step)
{
    double first = rng_below(&s->rng, 2) ? step : -step;
    for (unsigned way = 0; way < 2; way++) {
        memcpy(s->probe, s->at, s->cfg->dims * sizeof *s->at);
        s->probe[i] = fmin(fmax(s->at[i] + (way ? -first : first), 0), 1);
        if (s->probe[i] != s->at[i] && take_if_better(s)) return true;
    }
    return false;
}

static bool move_choice(struct search *s, uint32_t i)
{
    uint32_t here = (uint32_t)s->at[i];
    bool better = false;
    for (uint32_t word = 0; word < s->cfg->choices[i]; word++) {
        if (word == here) continue;
        memcpy(s->probe, s->at, s->cfg->dims * sizeof *s->at);
        s->probe[i] = word;
        better |= take_if_better(s);
    }
    return better;
}

/* Each coordinate once, in a new order each time. */
static bool explore(struct search *s, double step)
{
    bool better = false;
    for (uint32_t i = s->cfg->dims; i > 1; i--) {
        uint32_t k = (uint32_t)rng_below(&s->rng, i), other = s->turn[i - 1];
        s->turn[i - 1] = s->turn[k];
        s->turn[k] = other;
    }
    for (uint32_t i = 0; i < s->cfg->dims && !over(s); i++) {
        uint32_t dim = s->turn[i];
        better |= s->cfg->choices[dim] ? move_choice(s, dim) : move_number(s, dim, step);
    }
    return better;
}

/* As far again as the last round of moves went. */
static void leap(struct search *s)
{
    for (uint32_t i = 0; i < s->cfg->dims; i++)
        s->probe[i] = s->cfg->choices[i] ? s->at[i] : fmin(fmax(2 * s->at[i] - s->before[i], 0), 1);
    memcpy(s->before, s->at, s->cfg->dims * sizeof *s->at);
    if (memcmp(s->probe, s->at, s->cfg->dims * sizeof *s->at)) take_if_better(s);
}

static void descend(struct search *s)
{
    double step = STEP_FIRST;
    while (step >= STEP_LAST && !over(s)) {
        memcpy(s->before, s->at, s->cfg->dims * sizeof *s->at);
        if (explore(s, step)) leap(s);
        else step /= 2;
    }
}

static void begin(struct search *s, bool anew)
{
    for (uint32_t i = 0; i < s->cfg->dims; i++) {
        uint32_t n = s->cfg->choices[i];
        double random = n ? (double)rng_below(&s->rng, n) : rng_f64(&s->rng);
        s->probe[i] = anew && rng_below(&s->rng, 2) ? random : s->best[i];
    }
    memcpy(s->at, s->probe, s->cfg->dims * sizeof *s->at);
    s->value = INFINITY;
    if (try_point(s, &s->value)) s->end->starts++;
    if (!anew) s->end->first = s->value;
}

enum err search_run(const struct search_cfg *cfg, double *x, struct search_end *out)
{
    struct search s = { .cfg = cfg, .end = out, .best = x };
    *out = (struct search_end){ .first = INFINITY, .best = INFINITY };
    rng_seed(&s.rng, cfg->seed);
    double *points = calloc(3u * (size_t)cfg->dims + 1, sizeof *points);
    s.turn = calloc((size_t)cfg->dims + 1, sizeof *s.turn);
    if (!points || !s.turn) s.err = ERR_NOMEM;
    if (s.err) goto out;
    s.at = points;
    s.before = points + cfg->dims;
    s.probe = points + 2 * (size_t)cfg->dims;
    for (uint32_t i = 0; i < cfg->dims; i++) s.turn[i] = i;
    for (bool anew = false; !over(&s); anew = true) {
        begin(&s, anew);
        descend(&s);
    }
out:
    free(s.turn);
    free(points);
    return s.err;
}
