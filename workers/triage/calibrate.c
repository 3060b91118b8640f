#include "workers/triage/calibrate.h"

#include "workers/triage/model_file.h"

#include <math.h>
#include <stdlib.h>

#define RIGHT_LOST   0.0025 /* share of right answers that may be turned away where nothing out of scope is known */
#define DOUBT_MOST   0.3    /* … and the highest threshold there: what comes may differ from what was learnt */
#define WORTH_OF_OOS 0.02
#define LOOKED_AT    20000u /* examples that the temperature is fitted to */

enum err verdicts_init(struct verdicts *v, uint32_t room, uint32_t labels)
{
    *v = (struct verdicts){ .room = room, .labels = labels };
    v->scores = calloc((size_t)room * labels + 1, sizeof *v->scores);
    v->row = calloc(room + 1, sizeof *v->row);
    v->truth = calloc(room + 1, sizeof *v->truth);
    v->known = calloc(room + 1, sizeof *v->known);
    return v->scores && v->row && v->truth && v->known ? ERR_OK : ERR_NOMEM;
}

void verdicts_fini(struct verdicts *v)
{
    free(v->scores);
    free(v->row);
    free(v->truth);
    free(v->known);
    *v = (struct verdicts){ 0 };
}

float *verdicts_add(struct verdicts *v, uint32_t row, uint32_t truth, bool known)
{
    uint32_t i = v->count++;
    v->row[i] = row;
    v->truth[i] = truth;
    v->known[i] = known;
    return v->scores + (size_t)i * v->labels;
}

/* ---- temperature ---- */

static double loss_at(const struct verdicts *v, double temperature)
{
    uint32_t step = 1 + v->count / LOOKED_AT;
    double loss = 0;
    for (uint32_t i = 0; i < v->count; i += step) {
        const float *z = v->scores + (size_t)i * v->labels;
        double most = (double)z[0], sum = 0;
        if (!v->known[i] || v->truth[i] >= v->labels) continue;
        for (uint32_t k = 1; k < v->labels; k++) most = (double)z[k] > most ? (double)z[k] : most;
        for (uint32_t k = 0; k < v->labels; k++) sum += exp(((double)z[k] - most) / temperature);
        loss += log(sum) - ((double)z[v->truth[i]] - most) / temperature;
    }
    return loss;
}

/* Golden-section search over the logarithm (Kiefer 1953): the loss has one valley. */
static double best_temperature(const struct verdicts *v)
{
    uint32_t known = 0;
    for (uint32_t i = 0; i < v->count; i++) known += v->known[i] && v->truth[i] < v->labels;
    if (!known) return 1; /* nothing to fit it to */
    const double golden = 0.6180339887498949;
    double low = log(0.05), high = log(20), a = high - golden * (high - low), b = low + golden * (high - low);
    double at_a = loss_at(v, exp(a)), at_b = loss_at(v, exp(b));
    for (int i = 0; i < 24; i++) {
        if (at_a < at_b) {
            high = b, b = a, at_b = at_a;
            a = high - golden * (high - low);
            at_a = loss_at(v, exp(a));
        } else {
            low = a, a = b, at_a = at_b;
            b = low + golden * (high - low);
            at_b = loss_at(v, exp(b));
        }
    }
    return exp((low + high) / 2);
}

/* ---- threshold ---- */

struct scoped {
    double scope;
    bool in, right, oos_anyway; /* oos_anyway: called out of scope whatever the threshold is */
};

static struct scoped scope_of(const struct verdicts *v, uint32_t i, uint32_t in_scope, double temperature, uint32_t *label,
                              double *p)
{
    const float *z = v->scores + (size_t)i * v->labels;
    uint32_t best = 0;
    double most = (double)z[0], sum = 0;
    for (uint32_t k = 1; k < v->labels; k++) {
        if (k < in_scope && z[k] > z[best]) best = k;
        most = (double)z[k] > most ? (double)z[k] : most;
    }
    for (uint32_t k = 0; k < v->labels; k++) sum += exp(((double)z[k] - most) / temperature);
    *label = best;
    *p = exp(((double)z[best] - most) / temperature) / sum;
    bool learnt = v->labels > in_scope;
    double p_oos = learnt ? exp(((double)z[in_scope] - most) / temperature) / sum : 0;
    return (struct scoped){ .scope = v->known[i] ? model_scope(*p, p_oos, learnt) : 0,
                            .in = v->truth[i] < in_scope,
                            .right = best == v->truth[i],
                            .oos_anyway = !v->known[i] && learnt };
}

static int by_scope(const void *a, const void *b)
{
    double x = ((const struct scoped *)a)->scope, y = ((const struct scoped *)b)->scope;
    return x < y ? -1 : x > y;
}

/* `s` sorted: what lies before a place is turned away. Between two scores the threshold is put in the middle. */
static double best_threshold(const struct scoped *s, uint32_t n)
{
    double in = 0, out = 0, best = 0, best_gain = 0, lost = 0, found = 0;
    for (uint32_t i = 0; i < n; i++) {
        in += s[i].in;
        out += !s[i].in && !s[i].oos_anyway;
    }
    for (uint32_t i = 0; i + 1 < n && in > 0; i++) {
        if (!s[i].oos_anyway) {
            lost += s[i].in && s[i].right;
            found += !s[i].in;
        }
        if (s[i + 1].scope <= s[i].scope) continue;
        double gain = out > 0 ? WORTH_OF_OOS * found / out - lost / in : lost / in <= RIGHT_LOST ? (double)i + 1 : -1.0;
        if (gain > best_gain) best_gain = gain, best = (s[i].scope + s[i + 1].scope) / 2;
    }
    return out > 0 || best < DOUBT_MOST ? best : DOUBT_MOST;
}

void calibrate(const struct verdicts *v, uint32_t in_scope, struct calibration *out)
{
    struct scoped *s = calloc(v->count + 1, sizeof *s);
    *out = (struct calibration){ best_temperature(v), 0 };
    for (uint32_t i = 0; s && i < v->count; i++) {
        uint32_t label;
        double p;
        s[i] = scope_of(v, i, in_scope, out->temperature, &label, &p);
    }
    if (s) qsort(s, v->count, sizeof *s, by_scope);
    if (s) out->threshold = best_threshold(s, v->count);
    free(s);
}

struct judged verdicts_judged(const struct verdicts *v, uint32_t i, uint32_t in_scope, const struct calibration *c)
{
    uint32_t label;
    double p;
    struct scoped s = scope_of(v, i, in_scope, c->temperature, &label, &p);
    bool oos = s.oos_anyway || s.scope < c->threshold;
    return (struct judged){ v->row[i], oos ? LEARN_OOS : label, label, (float)p, (float)s.scope };
}
