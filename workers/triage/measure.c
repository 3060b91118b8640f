/* Every figure is a walk over the rows with a few counters; two of them (auroc, pairs) sort a copy first. Nothing is kept. */
#include "workers/triage/measure.h"

#include "base/panic.h"

#include <math.h>
#include <stdlib.h>

#define BINS 15u

static double share(double part, double of) { return of > 0 ? part / of : NAN; }

static bool is_right(const struct measure_row *r) { return r->guess == r->truth; }

static bool any_oos(const struct measure_row *rows, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].truth == MEASURE_OOS) return true;
    return false;
}

/* What row `r` was called, when out of scope is an answer (`oos`) or is none. */
static uint32_t call_of(const struct measure_row *r, bool oos) { return oos && r->oos ? MEASURE_OOS : r->guess; }

/* ---- by class ---- */

static struct measure_class *class_of(struct measure_class *of, uint32_t label, uint32_t labels)
{
    if (label == MEASURE_OOS) return &of[labels];
    return label < labels ? &of[label] : NULL;
}

void measure_classes(struct measure_class *out, const struct measure_row *rows, uint32_t count, uint32_t labels)
{
    bool oos = any_oos(rows, count);

    for (uint32_t i = 0; i <= labels; i++) out[i] = (struct measure_class){ .label = i < labels ? i : MEASURE_OOS };
    for (uint32_t i = 0; i < count; i++) {
        uint32_t call = call_of(&rows[i], oos);
        struct measure_class *truth = class_of(out, rows[i].truth, labels), *called = class_of(out, call, labels);
        naru_assert(truth); /* a label that was not counted: our own bug */
        truth->support++;
        if (called) called->called++;
        truth->right += truth == called;
    }
    for (uint32_t i = 0; i <= labels; i++) {
        struct measure_class *c = &out[i];
        c->precision = share(c->right, c->called);
        c->recall = share(c->right, c->support);
        c->f1 = share(2.0 * c->right, (double)c->support + c->called);
    }
}

static double macro_f1(const struct measure_class *of, uint32_t labels)
{
    double sum = 0;
    uint32_t n = 0;

    for (uint32_t i = 0; i <= labels; i++) {
        if (of[i].support == 0) continue;
        sum += of[i].f1;
        n++;
    }
    return share(sum, n);
}

/* ---- scope ---- */

struct scored {
    float scope;
    bool in;
};

static int by_scope(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    return (x->scope > y->scope) - (x->scope < y->scope);
}

/* By the sum of the ranks of the rows in scope (Mann and Whitney 1947); equal scores share the mean of their ranks. */
static double ranked(const struct scored *s, uint32_t n)
{
    double ranks = 0, in = 0, tied;

    for (uint32_t i = 0, j; i < n; i = j) {
        for (j = i, tied = 0; j < n && s[j].scope == s[i].scope; j++) tied += s[j].in;
        ranks += tied * ((double)i + 1 + j) / 2;
        in += tied;
    }
    return share(ranks - in * (in + 1) / 2, in * (n - in));
}

static enum err auroc(double *out, const struct measure_row *rows, uint32_t count)
{
    struct scored *s = malloc(((size_t)count + 1) * sizeof *s);
    uint32_t n = 0;

    if (!s) return ERR_NOMEM;
    for (uint32_t i = 0; i < count; i++)
        if (!isnan(rows[i].scope)) s[n++] = (struct scored){ rows[i].scope, rows[i].truth != MEASURE_OOS };
    qsort(s, n, sizeof *s, by_scope);
    *out = ranked(s, n);
    free(s);
    return ERR_OK;
}

/* ---- calibration ---- */

static double ece(const struct measure_row *rows, uint32_t count)
{
    struct {
        double p, right;
        uint32_t n;
    } bins[BINS] = { { 0 } };
    uint32_t n = 0;
    double sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].truth == MEASURE_OOS || rows[i].guess == MEASURE_NONE || isnan(rows[i].p)) continue;
        double p = rows[i].p < 0 ? 0 : rows[i].p > 1 ? 1 : rows[i].p;
        uint32_t b = p < 1 ? (uint32_t)(p * BINS) : BINS - 1;
        bins[b].p += p;
        bins[b].right += is_right(&rows[i]);
        bins[b].n++;
        n++;
    }
    for (uint32_t b = 0; b < BINS; b++) sum += fabs(bins[b].p - bins[b].right);
    return share(sum, n);
}

/* ---- all together ---- */

static void count_scope(struct measured *m, const struct measure_row *rows, uint32_t count)
{
    uint32_t called = 0, right = 0, answered = 0;

    for (uint32_t i = 0; i < count; i++) {
        bool out = rows[i].truth == MEASURE_OOS;
        m->out_of_scope += out;
        called += out && rows[i].oos;
        right += !out && is_right(&rows[i]);
        answered += !out && is_right(&rows[i]) && !rows[i].oos;
    }
    m->n = count;
    m->in_scope = count - m->out_of_scope;
    m->accuracy = share(m->out_of_scope ? answered + called : right, count);
    m->in_scope_accuracy = share(answered, m->in_scope);
    m->oos_recall = share(called, m->out_of_scope);
}

enum err measure(struct measured *out, const struct measure_row *rows, uint32_t count, uint32_t labels)
{
    struct measure_class *of = malloc(((size_t)labels + 1) * sizeof *of);

    *out = (struct measured){ .n = count };
    if (!of) return ERR_NOMEM;
    count_scope(out, rows, count);
    measure_classes(of, rows, count, labels);
    out->macro_f1 = macro_f1(of, labels);
    out->ece = ece(rows, count);
    free(of);
    return auroc(&out->auroc, rows, count);
}

/* ---- mistakes ---- */

static int by_labels(const void *a, const void *b)
{
    const struct measure_pair *x = a, *y = b;
    if (x->truth != y->truth) return x->truth < y->truth ? -1 : 1;
    return (x->called > y->called) - (x->called < y->called);
}

static int by_count(const void *a, const void *b)
{
    const struct measure_pair *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return by_labels(a, b);
}

enum err measure_pairs(struct measure_pair *out, uint32_t max, uint32_t *found, const struct measure_row *rows, uint32_t count)
{
    struct measure_pair *all = malloc(((size_t)count + 1) * sizeof *all);
    bool oos = any_oos(rows, count);
    uint32_t n = 0, kinds = 0;

    *found = 0;
    if (!all) return ERR_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t call = call_of(&rows[i], oos);
        if (call != rows[i].truth) all[n++] = (struct measure_pair){ rows[i].truth, call, 1 };
    }
    qsort(all, n, sizeof *all, by_labels);
    for (uint32_t i = 0; i < n; i++) {
        if (kinds && by_labels(&all[kinds - 1], &all[i]) == 0) all[kinds - 1].count++;
        else all[kinds++] = all[i];
    }
    qsort(all, kinds, sizeof *all, by_count);
    for (; *found < max && *found < kinds; ++*found) out[*found] = all[*found];
    free(all);
    return ERR_OK;
}

/* ---- ladders ---- */

double measure_kappa(const struct measure_row *rows, uint32_t count, uint32_t steps)
{
    double truths[MEASURE_STEPS] = { 0 }, guesses[MEASURE_STEPS] = { 0 }, n = 0, seen = 0, chance = 0;

    naru_assert(steps <= MEASURE_STEPS);
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].truth >= steps || rows[i].guess >= steps) continue;
        double d = (double)rows[i].truth - rows[i].guess;
        truths[rows[i].truth]++;
        guesses[rows[i].guess]++;
        seen += d * d;
        n++;
    }
    for (uint32_t a = 0; a < steps; a++)
        for (uint32_t b = 0; b < steps; b++) chance += truths[a] * guesses[b] * ((double)a - b) * ((double)a - b);
    return chance > 0 ? 1 - seen * n / chance : NAN;
}

double measure_recall_from(const struct measure_row *rows, uint32_t count, uint32_t step, uint32_t steps)
{
    uint32_t those = 0, found = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].truth < step || rows[i].truth >= steps) continue;
        those++;
        found += rows[i].guess >= step && rows[i].guess < steps;
    }
    return share(found, those);
}
