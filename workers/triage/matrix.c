/* Two passes. The first reads every text and numbers features as they appear: `table` finds a feature by its hash, rows are kept as
   (number, count). Then the features to keep are chosen by how many texts have them, and the second pass, over the rows only,
   renumbers what is kept and turns counts into values: (1 + ln count) × idf × weight of the group, idf = 1 + ln((1 + n) / (1 + df))
   as scoring has it. idf is rounded as the model file rounds it, so that nets learn from what scoring will see. */
#include "workers/triage/matrix.h"

#include <math.h>
#include <stdlib.h>

struct slot {
    uint64_t hash; /* 0: free */
    uint32_t feature;
};
struct making {
    struct slot *table;
    uint64_t table_mask;
    struct matrix *m;
    uint32_t *df;
    uint8_t *group;
    uint64_t room; /* of features */
    uint32_t *renumber;
};

/* Of features that equally many texts have, the lower goes first. */
static const uint8_t group_order[GRAM_GROUPS] = { [GRAM_WORD] = 0, [GRAM_CONCEPT] = 0, [GRAM_PREFIX] = 1, [GRAM_SHORT] = 1,
                                                  [GRAM_CHAR] = 2, [GRAM_RUN] = 3,     [GRAM_BIGRAM] = 3, [GRAM_PAIR] = 4 };
#define ORDERS 5u

static bool grow(void **p, uint64_t count, size_t size)
{
    void *more = realloc(*p, count * size);
    if (more) *p = more;
    return more != NULL;
}

static bool grow_features(struct making *k)
{
    uint64_t room = k->room ? k->room * 2 : 1u << 14, mask = room * 2 - 1;
    if (!grow((void **)&k->m->hash, room, sizeof *k->m->hash) || !grow((void **)&k->df, room, sizeof *k->df) ||
        !grow((void **)&k->group, room, 1))
        return false;
    struct slot *table = calloc(mask + 1, sizeof *table);
    if (!table) return false;
    for (uint32_t f = 0; f < k->m->rows.features; f++) {
        uint64_t i = k->m->hash[f] & mask;
        while (table[i].hash) i = (i + 1) & mask;
        table[i] = (struct slot){ k->m->hash[f], f };
    }
    free(k->table);
    k->table = table;
    k->table_mask = mask;
    k->room = room;
    return true;
}

static bool number(struct making *k, uint64_t hash, enum gram_group group, uint32_t *feature)
{
    struct sparse *rows = &k->m->rows;
    if (rows->features == k->room && !grow_features(k)) return false;
    uint64_t i = hash & k->table_mask;
    while (k->table[i].hash && k->table[i].hash != hash) i = (i + 1) & k->table_mask;
    if (!k->table[i].hash) {
        uint32_t f = rows->features++;
        k->table[i] = (struct slot){ hash, f };
        k->m->hash[f] = hash;
        k->df[f] = 0;
        k->group[f] = (uint8_t)group;
    }
    *feature = k->table[i].feature;
    return true;
}

static bool add_entry(struct sparse *rows, uint32_t feature, float value)
{
    uint64_t at = rows->start[rows->count + 1];
    if (at == rows->room) {
        uint64_t room = rows->room ? rows->room + rows->room / 2 : 1u << 16;
        if (!grow((void **)&rows->feature, room, sizeof *rows->feature) || !grow((void **)&rows->value, room, sizeof *rows->value))
            return false;
        rows->room = room;
    }
    rows->feature[at] = feature;
    rows->value[at] = value;
    rows->start[rows->count + 1]++;
    return true;
}

static bool add_row(struct making *k, struct features *f, const struct example *e, uint32_t labels, unsigned groups)
{
    struct sparse *rows = &k->m->rows;
    rows->start[rows->count + 1] = rows->start[rows->count];
    features_read(f, STR_NONE, e->text);
    for (int g = 0; g < GRAM_GROUPS; g++) {
        uint32_t count = 0, feature;
        const struct gram *grams = groups >> g & 1 ? features_grams(f, (enum gram_group)g, &count) : NULL;
        for (uint32_t i = 0; i < count; i++) {
            if (!number(k, grams[i].hash, (enum gram_group)g, &feature) || !add_entry(rows, feature, (float)grams[i].count))
                return false;
            k->df[feature]++;
        }
    }
    rows->label[rows->count] = e->label == LEARN_OOS ? labels : e->label;
    rows->weight[rows->count] = e->weight;
    rows->count++;
    return true;
}

/* ---- choosing ---- */

static uint32_t rank_of(const struct making *k, uint32_t f)
{
    uint32_t df = k->df[f] < 4096 ? k->df[f] : 4096;
    return (4096 - df) * ORDERS + group_order[k->group[f]];
}

/* Counting sort by rank; a rank that is only partly within `most` is left out, so that the order of texts does not choose. */
static bool choose(struct making *k, uint32_t most)
{
    struct matrix *m = k->m;
    uint32_t *of_rank = calloc(4097 * ORDERS, sizeof *of_rank), kept = 0, last = 0;
    k->renumber = malloc((m->rows.features + 1) * sizeof *k->renumber);
    m->idf = malloc(m->rows.features + 1);
    if (!of_rank || !k->renumber || !m->idf) {
        free(of_rank);
        return false;
    }
    for (uint32_t f = 0; f < m->rows.features; f++) of_rank[rank_of(k, f)]++;
    for (uint32_t sum = 0; last < 4097 * ORDERS && (sum += of_rank[last]) <= most; last++) {
    }
    for (uint32_t f = 0; f < m->rows.features; f++) {
        bool keep = rank_of(k, f) < last;
        k->renumber[f] = keep ? kept : UINT32_MAX;
        if (!keep) continue;
        double idf = (1 + log((1.0 + m->rows.count) / (1.0 + k->df[f]))) * (double)MODEL_IDF;
        m->hash[kept] = m->hash[f];
        m->idf[kept] = (uint8_t)(idf < 1 ? 1 : idf > 255 ? 255 : lround(idf));
        k->group[kept] = k->group[f];
        kept++;
    }
    m->rows.features = kept;
    free(of_rank);
    return true;
}

static void renumber(struct making *k)
{
    struct sparse *rows = &k->m->rows;
    uint64_t from = 0, to = 0;
    for (uint32_t i = 0; i < rows->count; i++) {
        uint64_t end = rows->start[i + 1];
        for (; from < end; from++) {
            uint32_t f = k->renumber[rows->feature[from]];
            if (f == UINT32_MAX) continue;
            rows->feature[to] = f;
            rows->value[to++] = (1 + logf(rows->value[from])) * (float)k->m->idf[f] * (1 / MODEL_IDF) * gram_weights[k->group[f]];
        }
        rows->start[i + 1] = to;
    }
}

static bool balance_labels(struct sparse *rows, double power)
{
    double *sum = calloc(rows->labels, sizeof *sum), all = 0;
    uint32_t present = 0;
    if (!sum) return false;
    for (uint32_t i = 0; i < rows->count; i++) sum[rows->label[i]] += (double)rows->weight[i];
    for (uint32_t k = 0; k < rows->labels; k++) present += sum[k] > 0, all += sum[k];
    double total = 0;
    for (uint32_t i = 0; i < rows->count; i++) {
        rows->weight[i] *= (float)pow(all / present / sum[rows->label[i]], power);
        total += (double)rows->weight[i];
    }
    for (uint32_t i = 0; i < rows->count; i++) rows->weight[i] *= (float)(rows->count / total);
    free(sum);
    return true;
}

/* ---- outside ---- */

void matrix_fini(struct matrix *m)
{
    free(m->rows.start);
    free(m->rows.feature);
    free(m->rows.value);
    free(m->rows.label);
    free(m->rows.weight);
    free(m->hash);
    free(m->idf);
    *m = (struct matrix){ 0 };
}

enum err matrix_make(struct matrix *m, const struct example *examples, uint32_t count, uint32_t labels, unsigned groups,
                     uint32_t most, double balance, bool (*stop)(void *ctx, double done), void *ctx)
{
    struct features *f = NULL;
    struct making k = { .m = m };
    enum err e = ERR_NOMEM;
    *m = (struct matrix){ .rows.labels = labels };
    for (uint32_t i = 0; i < count; i++)
        if (examples[i].label == LEARN_OOS) m->rows.labels = labels + 1;
    m->rows.start = calloc((size_t)count + 2, sizeof *m->rows.start);
    m->rows.label = malloc(((size_t)count + 1) * sizeof *m->rows.label);
    m->rows.weight = malloc(((size_t)count + 1) * sizeof *m->rows.weight);
    if (!m->rows.start || !m->rows.label || !m->rows.weight || features_new(&f) != ERR_OK) goto out;
    for (uint32_t i = 0; i < count; i++) {
        if (!add_row(&k, f, &examples[i], labels, groups)) goto out;
        if (i % 1024 == 0 && stop && stop(ctx, (double)i / count)) {
            e = ERR_CLOSED;
            goto out;
        }
    }
    if (!choose(&k, most)) goto out;
    renumber(&k);
    if (balance_labels(&m->rows, balance)) e = ERR_OK;
out:
    features_free(f);
    free(k.table);
    free(k.df);
    free(k.group);
    free(k.renumber);
    return e;
}
