/* The inner loops are written once, plainly, for the compiler's vectoriser, and compiled three times: for AVX-512, for AVX2 with
   FMA, and for whatever the program was built for. Which one runs is settled at the first use. This file and score.c are compiled
   with -ffast-math: sums may be reordered, there is no infinity or NaN in a training (rows are of length 1, steps are bounded).

   One step reads one row of the matrix. Its features without the dropped ones are `at`/`v`; h is the hidden layer, z first the
   scores, then the gradient of the loss by them. Everything a step touches lies in one block, `struct step`, as it is hot. */
#include "workers/triage/net.h"

#include "workers/triage/isa.h"

#include <math.h>
#include <stdlib.h>

#define EPSILON 1e-8f
#define START   0.1f /* weights begin within ±START */
#define ROW_MAX 16384u

struct step {
    float h[NET_WIDTH_MAX], dh[NET_WIDTH_MAX], z[NET_LABELS_MAX], v[ROW_MAX];
    float live[NET_WIDTH_MAX]; /* 0: the unit is silent or dropped; else what it is scaled by */
    uint32_t at[ROW_MAX], count;
    uint64_t random;
};

/* xorshift64* (Marsaglia 2003, Vigna 2016): quick, and as good as dropout needs. */
static inline uint32_t random_next(uint64_t *s)
{
    *s ^= *s >> 12;
    *s ^= *s << 25;
    *s ^= *s >> 27;
    return (uint32_t)((*s * 0x2545F4914F6CDD1Du) >> 32);
}
static inline float random_unit(uint64_t *s) { return (float)(random_next(s) >> 8) * (1.0f / 16777216.0f); }

/* ---- one step: compiled once for each set of instructions ---- */

#define INNER static inline __attribute__((always_inline))

INNER void gather(const struct net *n, struct step *s)
{
    uint32_t w = n->width;
    for (uint32_t j = 0; j < w; j++) s->h[j] = n->hidden_bias[j];
    for (uint32_t i = 0; i < s->count; i++) {
        const float *in = n->in + (size_t)s->at[i] * 2 * w;
        float v = s->v[i];
        for (uint32_t j = 0; j < w; j++) s->h[j] += v * in[j];
    }
}

INNER void spread(const struct net *n, struct step *s)
{
    uint32_t stride = n->stride;
    for (uint32_t k = 0; k < stride; k++) s->z[k] = n->bias[k];
    for (uint32_t j = 0; j < n->width; j++) {
        if (s->h[j] <= 0) continue;
        const float *out = n->out + (size_t)j * stride;
        float a = s->h[j];
        for (uint32_t k = 0; k < stride; k++) s->z[k] += a * out[k];
    }
}

INNER void descend(float *w, float *sum, const float *gradient, float by, float rate, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        float d = by * gradient[i];
        sum[i] += d * d;
        w[i] -= rate * d / sqrtf(sum[i] + EPSILON);
    }
}

/* z becomes weight × (softmax(z) - truth). */
INNER void gradient(const struct net *n, struct step *s, uint32_t truth, float weight)
{
    float most = s->z[0], sum = 0;
    for (uint32_t k = 1; k < n->labels; k++) most = s->z[k] > most ? s->z[k] : most;
    for (uint32_t k = 0; k < n->labels; k++) s->z[k] = expf(s->z[k] - most), sum += s->z[k];
    for (uint32_t k = 0; k < n->labels; k++) s->z[k] *= weight / sum;
    for (uint32_t k = n->labels; k < n->stride; k++) s->z[k] = 0;
    s->z[truth] -= weight;
}

INNER void back(struct net *n, struct step *s, float rate)
{
    uint32_t w = n->width, stride = n->stride;
    float *sums = n->out + (size_t)w * stride;
    for (uint32_t j = 0; j < w; j++) {
        const float *out = n->out + (size_t)j * stride;
        float d = 0;
        s->dh[j] = 0;
        if (s->live[j] == 0) continue;
        for (uint32_t k = 0; k < stride; k++) d += out[k] * s->z[k];
        s->dh[j] = d * s->live[j];
        descend(n->out + (size_t)j * stride, sums + (size_t)j * stride, s->z, s->h[j], rate, stride);
    }
    descend(n->bias, n->bias + stride, s->z, 1, rate, stride);
    descend(n->hidden_bias, n->hidden_bias + w, s->dh, 1, rate, w);
    for (uint32_t i = 0; i < s->count; i++) {
        float *in = n->in + (size_t)s->at[i] * 2 * w;
        descend(in, in + w, s->dh, s->v[i], rate, w);
    }
}

INNER void silence(const struct net *n, struct step *s, float drop)
{
    float up = 1.0f / (1.0f - drop);
    for (uint32_t j = 0; j < n->width; j++) {
        bool live = s->h[j] > 0 && random_unit(&s->random) >= drop;
        s->live[j] = live ? up : 0;
        s->h[j] = live ? s->h[j] * up : 0;
    }
}

INNER void step_body(struct net *n, struct step *s, uint32_t truth, float weight, float rate, float hidden_drop)
{
    gather(n, s);
    silence(n, s, hidden_drop);
    spread(n, s);
    gradient(n, s, truth, weight);
    back(n, s, rate);
}
INNER void score_body(const struct net *n, struct step *s)
{
    gather(n, s);
    spread(n, s);
}

typedef void step_fn(struct net *n, struct step *s, uint32_t truth, float weight, float rate, float hidden_drop);
typedef void score_fn(const struct net *n, struct step *s);
#define VARIANT(name, isa)                                                                                                         \
    isa static void step_##name(struct net *n, struct step *s, uint32_t truth, float weight, float rate, float hidden_drop)        \
    {                                                                                                                              \
        step_body(n, s, truth, weight, rate, hidden_drop);                                                                         \
    }                                                                                                                              \
    isa static void score_##name(const struct net *n, struct step *s) { score_body(n, s); }
ISA_VARIANTS(VARIANT)
static step_fn *const steps[] = ISA_TABLE(step_);
static score_fn *const scorings[] = ISA_TABLE(score_);

/* ---- rows ---- */

/* The row's features that count, brought to length 1; some are left out by chance, the rest speaks up for them. */
static void read_row(const struct net *n, const struct sparse *m, uint32_t row, bool known_only, float drop, struct step *s)
{
    double square = 0;
    s->count = 0;
    for (uint64_t i = m->start[row]; i < m->start[row + 1] && s->count < ROW_MAX; i++) {
        if (known_only && !n->known[m->feature[i]]) continue;
        square += (double)m->value[i] * m->value[i];
        s->at[s->count] = m->feature[i];
        s->v[s->count++] = m->value[i];
    }
    float by = square > 0 ? (float)(1 / sqrt(square)) / (1 - drop) : 0;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        if (drop > 0 && random_unit(&s->random) < drop) continue;
        s->at[kept] = s->at[i];
        s->v[kept++] = s->v[i] * by;
    }
    s->count = kept;
}

/* ---- learning ---- */

static enum err net_new(struct net *n, const struct sparse *m, const struct net_cfg *cfg, uint64_t *random)
{
    uint32_t w = cfg->width, stride = (m->labels + 15) / 16 * 16;
    size_t ins = (size_t)m->features * 2 * w;
    *n = (struct net){ .width = w, .labels = m->labels, .stride = stride, .features = m->features };
    n->in = malloc((ins + 1) * sizeof *n->in);
    n->hidden_bias = calloc(2 * w, sizeof *n->hidden_bias);
    n->out = calloc((size_t)w * stride * 2, sizeof *n->out);
    n->bias = calloc(2 * stride, sizeof *n->bias);
    n->known = calloc(m->features + 1, 1);
    if (!n->in || !n->hidden_bias || !n->out || !n->bias || !n->known) return ERR_NOMEM;
    for (uint32_t f = 0; f < m->features; f++) {
        float *in = n->in + (size_t)f * 2 * w;
        for (uint32_t j = 0; j < w; j++) in[j] = (2 * random_unit(random) - 1) * START;
        for (uint32_t j = 0; j < w; j++) in[w + j] = 0;
    }
    for (uint32_t j = 0; j < w; j++)
        for (uint32_t k = 0; k < m->labels; k++) n->out[(size_t)j * stride + k] = (2 * random_unit(random) - 1) * START;
    return ERR_OK;
}

void net_fini(struct net *n)
{
    free(n->in);
    free(n->hidden_bias);
    free(n->out);
    free(n->bias);
    free(n->known);
    *n = (struct net){ 0 };
}

static void shuffle(uint32_t *order, uint32_t count, uint64_t *random)
{
    for (uint32_t i = count; i > 1; i--) {
        uint32_t j = (uint32_t)((uint64_t)random_next(random) * i >> 32), t = order[i - 1];
        order[i - 1] = order[j];
        order[j] = t;
    }
}

enum err net_learn(struct net *n, const struct sparse *m, const uint32_t *rows, uint32_t count, const struct net_cfg *cfg,
                   bool (*stop)(void *ctx), void *ctx)
{
    step_fn *step = steps[isa_used()];
    struct step *s = net_step_new();
    uint32_t *order = malloc((count + 1) * sizeof *order);
    enum err e = s && order ? ERR_OK : ERR_NOMEM;
    *n = (struct net){ 0 };
    if (s) s->random = cfg->seed * 0x9E3779B97F4A7C15u | 1;
    for (int i = 0; s && i < 8; i++) random_next(&s->random);
    if (!e) e = net_new(n, m, cfg, &s->random);
    if (e) goto out;
    for (uint32_t i = 0; i < count; i++) {
        order[i] = rows[i];
        for (uint64_t k = m->start[rows[i]]; k < m->start[rows[i] + 1]; k++) n->known[m->feature[k]] = 1;
    }
    for (uint32_t epoch = 0; epoch < cfg->epochs; epoch++) {
        float rate = cfg->rate * (1 - (float)epoch / (float)cfg->epochs);
        shuffle(order, count, &s->random);
        for (uint32_t i = 0; i < count; i++) {
            read_row(n, m, order[i], false, cfg->drop, s);
            step(n, s, m->label[order[i]], m->weight[order[i]], rate, cfg->hidden_drop);
            if (i % 1024 == 0 && stop && stop(ctx)) {
                e = ERR_CLOSED;
                goto out;
            }
        }
    }
out:
    free(order);
    free(s);
    return e;
}

struct step *net_step_new(void) { return aligned_alloc(64, (sizeof(struct step) + 63) / 64 * 64); }

bool net_score(const struct net *n, const struct sparse *m, uint32_t row, struct step *s, float *out)
{
    read_row(n, m, row, true, 0, s);
    scorings[isa_used()](n, s);
    for (uint32_t k = 0; k < n->labels; k++) out[k] += s->z[k];
    return s->count > 0;
}
