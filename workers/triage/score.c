/* Scoring: features are looked up, their rows of bytes added to the hidden layer, the hidden layer spread over the labels.

   The time goes into memory: a model is larger than the nearest caches. So slots are asked for ahead of their use, rows as soon as
   their slot is found, and added up when all are on their way. The inner loops are written once, in score_loops.h, over vectors
   whose operations are given for each set of instructions (isa.h). */
#include "workers/triage/isa.h"
#include "workers/triage/model_file.h"

#include <math.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#define AHEAD 24u /* slots asked for before they are read */

static uint32_t slot_find(const struct model_parts *p, uint64_t hash)
{
    uint32_t print = model_print(hash), slots = p->h->slots, i = model_first_slot(hash, slots);
    while (p->slots[i].print && p->slots[i].print != print) i = i + 1 == slots ? 0 : i + 1;
    return p->slots[i].print ? i : UINT32_MAX;
}

static float count_weight(uint32_t count)
{
    static const float small[] = { 0, 1, 1.6931472f, 2.0986123f, 2.3862944f };
    return count < 5 ? small[count] : 1 + logf((float)count);
}

static float value_of(const struct model_slot *slot, enum gram_group group, uint32_t count)
{
    return count_weight(count) * (float)(slot->row & 0xFF) * (1 / MODEL_IDF) * gram_weights[group];
}

static void look_up(const struct model_parts *p, struct features *f, enum gram_group group, struct reading *r)
{
    uint32_t count, size = model_row_size(p->h);
    const struct gram *g = features_grams(f, group, &count);
    for (uint32_t i = 0; i < AHEAD && i < count; i++) __builtin_prefetch(&p->slots[model_first_slot(g[i].hash, p->h->slots)]);
    for (uint32_t i = 0; i < count; i++) {
        if (i + AHEAD < count) __builtin_prefetch(&p->slots[model_first_slot(g[i + AHEAD].hash, p->h->slots)]);
        uint32_t at = slot_find(p, g[i].hash);
        if (at == UINT32_MAX || r->count == FOUND_MAX) continue;
        const struct model_slot *slot = &p->slots[at];
        float v = value_of(slot, group, g[i].count);
        const char *row = model_row(p, slot->row >> 8);
        for (uint32_t j = 0; j < size; j += 64) __builtin_prefetch(row + j);
        r->square += v * v;
        r->v[r->count++] = (struct found){ slot->row >> 8, v, 0, i, group };
    }
}

/* ---- inner loops ---- */

#define SET
#define BLOCK           4
#define LOOP(name)      name##_plain
#define VEC             float
#define LANES           1
#define SPLAT(x)        (x)
#define LOAD(p)         (*(p))
#define STORE(p, v)     (*(p) = (v))
#define LOW(p)          ((float)((*(p)&15) - 8))
#define HIGH(p)         ((float)((*(p) >> 4) - 8))
#define MULADD(a, b, c) ((a) * (b) + (c))
#define SUM(v)          (v)
#include "workers/triage/score_loops.h"

#ifdef __x86_64__
ISA_AVX2_SET static inline float sum_of_8(__m256 v)
{
    __m128 a = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    a = _mm_add_ps(a, _mm_movehl_ps(a, a));
    return _mm_cvtss_f32(_mm_add_ss(a, _mm_shuffle_ps(a, a, 1)));
}
#define SET ISA_AVX2_SET
ISA_AVX2_SET static inline __m256i ints_of_8(const uint8_t *p)
{
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
}
ISA_AVX2_SET static inline __m256 floats_of_8(__m256i v) { return _mm256_cvtepi32_ps(_mm256_sub_epi32(v, _mm256_set1_epi32(8))); }
#define LOOP(name)      name##_avx2
#define VEC             __m256
#define LANES           8
#define SPLAT(x)        _mm256_set1_ps(x)
#define LOAD(p)         _mm256_loadu_ps(p)
#define STORE(p, v)     _mm256_storeu_ps(p, v)
#define LOW(p)          floats_of_8(_mm256_and_si256(ints_of_8(p), _mm256_set1_epi32(15)))
#define HIGH(p)         floats_of_8(_mm256_srli_epi32(ints_of_8(p), 4))
#define MULADD(a, b, c) _mm256_fmadd_ps(a, b, c)
#define SUM(v)          sum_of_8(v)
#include "workers/triage/score_loops.h"

#define SET ISA_AVX512_SET
ISA_AVX512_SET static inline __m512i ints_of_16(const uint8_t *p)
{
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
}
ISA_AVX512_SET static inline __m512 floats_of_16(__m512i v)
{
    return _mm512_cvtepi32_ps(_mm512_sub_epi32(v, _mm512_set1_epi32(8)));
}
#define LOOP(name)      name##_avx512
#define VEC             __m512
#define LANES           16
#define SPLAT(x)        _mm512_set1_ps(x)
#define LOAD(p)         _mm512_loadu_ps(p)
#define STORE(p, v)     _mm512_storeu_ps(p, v)
#define LOW(p)          floats_of_16(_mm512_and_si512(ints_of_16(p), _mm512_set1_epi32(15)))
#define HIGH(p)         floats_of_16(_mm512_srli_epi32(ints_of_16(p), 4))
#define MULADD(a, b, c) _mm512_fmadd_ps(a, b, c)
#define SUM(v)          _mm512_reduce_add_ps(v)
#include "workers/triage/score_loops.h"
#endif

static void (*const nets[])(const struct model_parts *p, struct reading *r, float *scores) = ISA_TABLE(net_);
static void (*const adders[])(const struct model_parts *p, struct reading *r, const float *slope) = ISA_TABLE(adds_);

/* ---- scores ---- */

static void read_text(const struct model *m, struct features *f, struct reading *r)
{
    const struct model_parts *p = model_parts_of(m);
    r->of = m;
    r->count = 0;
    r->square = 0;
    for (int g = 0; g < GRAM_GROUPS; g++)
        if (p->h->groups >> g & 1) look_up(p, f, (enum gram_group)g, r);
}

bool model_scores(const struct model *m, struct features *f, float *scores)
{
    struct reading *r = features_reading(f);
    read_text(m, f, r);
    nets[isa_used()](model_parts_of(m), r, scores);
    return r->count > 0;
}

static void softmax(const float *scores, uint32_t n, double temperature, float *p)
{
    float most = scores[0], by = (float)(1 / temperature), sum = 0;
    for (uint32_t k = 1; k < n; k++) most = scores[k] > most ? scores[k] : most;
    for (uint32_t k = 0; k < n; k++) sum += p[k] = expf((scores[k] - most) * by);
    for (uint32_t k = 0; k < n; k++) p[k] /= sum;
}

/* The two likeliest labels that are in scope. */
static void best_two(const float *p, uint32_t n, int oos, struct guess *out)
{
    int best = -1, next = -1;
    for (uint32_t k = 0; k < n; k++) {
        if ((int)k == oos) continue;
        if (best < 0 || p[k] > p[best]) next = best, best = (int)k;
        else if (next < 0 || p[k] > p[next]) next = (int)k;
    }
    out->label = best < 0 ? 0 : (uint32_t)best;
    out->second = next < 0 ? out->label : (uint32_t)next;
}

void model_judge(const struct model *m, const float *scores, bool known, double temperature, double threshold, float *p,
                 struct guess *out)
{
    const struct model_parts *parts = model_parts_of(m);
    uint32_t n = parts->h->labels;
    int oos = model_oos(m);
    if (known) softmax(scores, n, temperature, p);
    else memcpy(p, parts->shares, n * sizeof *p);
    best_two(p, n, oos, out);
    out->p = (double)p[out->label];
    out->margin = out->second == out->label ? out->p : out->p - (double)p[out->second];
    out->scope = known ? model_scope(out->p, oos < 0 ? 0 : (double)p[oos], oos >= 0) : 0;
    out->oos = out->scope < threshold || (oos >= 0 && !known);
}

void model_score(const struct model *m, struct features *f, float *p, struct guess *out)
{
    float scores[MODEL_LABELS_MAX + 16];
    const struct model_header *h = model_parts_of(m)->h;
    bool known = model_scores(m, f, scores);
    model_judge(m, scores, known, (double)h->temperature, (double)h->threshold, p, out);
}

/* ---- explaining ---- */

/* The net is not linear; at one text it is, up to where units begin to speak: a feature's share of a label's score is what it adds
   to the units that speak, times what those say for the label less what they say on average (Simonyan et al. 2013: gradient times
   input). */
static void slopes(const struct model_parts *p, const struct reading *r, uint32_t label, float *slope)
{
    for (uint32_t j = 0; j < p->h->width; j++) {
        const float *out = p->out + (size_t)j * p->stride;
        float mean = 0;
        slope[j] = 0;
        if (r->hidden[j] <= 0) continue;
        for (uint32_t k = 0; k < p->h->labels; k++) mean += out[k];
        slope[j] = out[label] - mean / (float)p->h->labels;
    }
}

/* Keeps v[0..*count) the strongest seen, strongest first. */
static void keep_strong(const struct found **v, uint32_t *count, uint32_t max, const struct found *f)
{
    uint32_t at = *count;
    if (at == max && fabsf(v[max - 1]->adds) >= fabsf(f->adds)) return;
    if (at == max) at--;
    else ++*count;
    for (; at > 0 && fabsf(v[at - 1]->adds) < fabsf(f->adds); at--) v[at] = v[at - 1];
    v[at] = f;
}

uint32_t model_explain(const struct model *m, struct features *f, uint32_t label, struct evidence *out, uint32_t max)
{
    const struct model_parts *p = model_parts_of(m);
    struct reading *r = features_reading(f);
    float slope[MODEL_WIDTH_MAX], scores[MODEL_LABELS_MAX + 16];
    const struct found *strong[EVIDENCE_MAX];
    uint32_t kept = 0, count;
    if (max > EVIDENCE_MAX) max = EVIDENCE_MAX;
    if (r->of != m) model_scores(m, f, scores); /* else the text was scored just now */
    if (!max || !r->count) return 0;
    slopes(p, r, label, slope);
    adders[isa_used()](p, r, slope);
    for (uint32_t i = 0; i < r->count; i++) keep_strong(strong, &kept, max, &r->v[i]);
    for (uint32_t i = 0; i < kept; i++) {
        enum gram_group group = (enum gram_group)strong[i]->group;
        const struct gram *grams = features_grams(f, group, &count);
        out[i] = (struct evidence){ features_say(f, group, &grams[strong[i]->gram], i), strong[i]->adds };
    }
    return kept;
}
