/* A judge walks over the data: the first walk writes what it says of each row and warms the caches, three more only take time. */
#include "cli/judge.h"

#include "base/clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define LONG_WALK_US 20000000u /* after a first walk as long as this, one more is enough to tell the time */
#define TOLD_LABELS  10u

/* Judges all rows; writes them when `out` is not NULL. */
typedef enum err walk_fn(void *ctx, struct measure_row *out);

static int by_size(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static enum err take_time(struct judgement *j, walk_fn *walk, void *ctx)
{
    uint64_t from = clock_mono_us(), took[3];
    enum err e = walk(ctx, j->rows);
    size_t walks = clock_mono_us() - from > LONG_WALK_US ? 1 : 3;

    for (size_t i = 0; !e && i < walks; i++) {
        from = clock_mono_us();
        e = walk(ctx, NULL);
        took[i] = clock_mono_us() - from;
    }
    if (e) return e;
    qsort(took, walks, sizeof *took, by_size);
    j->us = j->count ? (double)took[walks / 2] / j->count : NAN;
    return ERR_OK;
}

static enum err begin(struct judgement *j, struct labelled *data)
{
    *j = (struct judgement){ .count = data->count };
    data->labels.cap = 3 * MODEL_LABELS_MAX;
    j->rows = malloc((data->count + (size_t)1) * sizeof *j->rows);
    return j->rows ? ERR_OK : ERR_NOMEM;
}

void judgement_fini(struct judgement *j)
{
    free(j->rows);
    j->rows = NULL;
}

static uint32_t truth_of(const struct example *e) { return e->label == LEARN_OOS ? MEASURE_OOS : e->label; }

/* ---- by a model ---- */

struct by_model {
    const struct labelled *data;
    const struct model *m;
    struct features *f;
    float *p;
    uint32_t *number; /* of the model's labels among the data's */
};

static enum err walk_model(void *ctx, struct measure_row *out)
{
    struct by_model *b = ctx;
    struct guess g;

    for (uint32_t i = 0; i < b->data->count; i++) {
        features_read(b->f, b->data->more ? b->data->more[i].cell[LABELLED_SUBJECT] : STR_NONE, b->data->rows[i].text);
        model_score(b->m, b->f, b->p, &g);
        if (out)
            out[i] = (struct measure_row){ truth_of(&b->data->rows[i]), b->number[g.label], g.oos, (float)g.p, (float)g.scope };
    }
    return ERR_OK;
}

static void tell_foreign(const struct labelled *data, const char *who, const struct model *m)
{
    uint32_t told = 0;

    for (uint32_t l = 0; l < data->labels.count; l++) {
        uint32_t rows = 0, first = 0;
        if (model_find(m, str_of(data->labels.names[l])) >= 0) continue;
        for (uint32_t i = data->count; i-- > 0;)
            if (data->rows[i].label == l) rows++, first = i;
        if (rows == 0 || told++ >= TOLD_LABELS) continue;
        const struct labelled_place *at = &data->places[first];
        fprintf(stderr, "naru %s: the model does not know the label \"%s\": %u rows count as wrong, the first is %s:%u\n", who,
                data->labels.names[l], rows, data->files[at->file].path, at->line);
    }
    if (told > TOLD_LABELS) fprintf(stderr, "naru %s: … and %u more labels that it does not know\n", who, told - TOLD_LABELS);
}

enum err judge_by_model(struct judgement *j, struct labelled *data, const char *who, const struct model *m)
{
    struct by_model b = { .data = data, .m = m };
    uint32_t labels = model_labels(m);
    enum err e = begin(j, data);

    if (!e) e = features_new(&b.f);
    b.p = malloc(labels * sizeof *b.p);
    b.number = malloc(labels * sizeof *b.number);
    if (!e && (!b.p || !b.number)) e = ERR_NOMEM;
    if (!e) tell_foreign(data, who, m);
    for (uint32_t i = 0; !e && i < labels; i++) e = labels_add(&data->labels, model_label(m, i), &b.number[i]);
    if (!e) e = take_time(j, walk_model, &b);
    features_free(b.f);
    free(b.p);
    free(b.number);
    return e;
}

/* ---- by a policy ---- */

struct by_policy {
    struct labelled *data;
    struct triager *t;
    struct arena arena; /* attributes of all rows */
    struct list *attributes;
    enum model_kind field;
};

static void say_intent(const struct verdict *v, struct str *label, struct measure_row *row)
{
    row->oos = v->unsure || v->intent.n == 0;
    if (!row->oos) *label = v->intent;
    row->p = row->scope = (float)v->confidence;
}

static void say_urgency(const struct verdict *v, struct str *label, struct measure_row *row)
{
    (void)row;
    *label = str_of(urgency_words.v[v->urgency]);
}

static void say_sentiment(const struct verdict *v, struct str *label, struct measure_row *row)
{
    (void)row;
    if (v->sentiment != SENT_UNKNOWN) *label = str_of(sentiment_words.v[v->sentiment]);
}

static void say_language(const struct verdict *v, struct str *label, struct measure_row *row)
{
    (void)row;
    *label = v->language;
}

/* What a verdict says in one field: its label (empty for none), and more where it says more. */
static void (*const says[MODEL_KIND_COUNT])(const struct verdict *v, struct str *label, struct measure_row *row) = {
    [MODEL_INTENT] = say_intent,
    [MODEL_URGENCY] = say_urgency,
    [MODEL_SENTIMENT] = say_sentiment,
    [MODEL_LANGUAGE] = say_language,
};

static enum err keep(struct by_policy *b, const struct verdict *v, uint32_t i, struct measure_row *out)
{
    struct str label = STR_NONE;

    *out = (struct measure_row){ truth_of(&b->data->rows[i]), MEASURE_NONE, false, NAN, NAN };
    says[b->field](v, &label, out);
    return label.n ? labels_add(&b->data->labels, label, &out->guess) : ERR_OK;
}

static enum err walk_policy(void *ctx, struct measure_row *out)
{
    struct by_policy *b = ctx;
    enum err e = ERR_OK;

    for (uint32_t i = 0; !e && i < b->data->count; i++) {
        struct event event = b->t->blank;
        const struct labelled_more *more = b->data->more ? &b->data->more[i] : NULL;
        event.text = b->data->rows[i].text;
        if (more) event.subject = more->cell[LABELLED_SUBJECT], event.language = more->cell[LABELLED_LANGUAGE];
        if (b->attributes) event.attributes = b->attributes[i];
        e = triager_ask(b->t, &event);
        if (!e && out) e = keep(b, &b->t->v, i, &out[i]);
    }
    return e;
}

/* {"customer.tier": "gold"}: keys as rules write them. */
static enum err read_attributes(struct by_policy *b, const struct json *doc, struct list *out)
{
    uint32_t n = 0;
    for (const struct json *m = json_first(doc); m; m = json_next(m)) n++;
    struct attribute *list = arena_alloc(&b->arena, (n + (size_t)1) * sizeof *list);
    if (!list || n > LIM_LIST_ITEMS) return list ? ERR_TOOBIG : ERR_NOMEM;
    *out = (struct list){ list, 0 };
    for (const struct json *m = json_first(doc); m; m = json_next(m)) {
        struct str key = json_key(m), value = json_str(m);
        if (json_type(m) != JSON_STRING || key.n > 64 || value.n > 1024) return ERR_JSON;
        const char *k = arena_strdup(&b->arena, key), *v = arena_strdup(&b->arena, value);
        if (!k || !v) return ERR_NOMEM;
        list[out->count++] = (struct attribute){ { k, key.n }, { v, value.n } };
    }
    return ERR_OK;
}

static enum err row_attributes(struct by_policy *b, uint32_t i, const char *who)
{
    struct str text = b->data->more[i].cell[LABELLED_ATTRIBUTES];
    struct json *doc = NULL;
    size_t at;
    const char *why;

    if (text.n == 0) return ERR_OK;
    enum err e = json_parse(&doc, text, LIM_JSON_DEPTH, &at, &why);
    if (!e) e = json_type(doc) == JSON_OBJECT ? read_attributes(b, doc, &b->attributes[i]) : ERR_JSON;
    json_free(doc);
    if (!e || e == ERR_NOMEM) return e;
    const struct labelled_place *p = &b->data->places[i];
    fprintf(stderr, "naru %s: %s:%u: attributes are a JSON object of texts, like {\"customer.tier\": \"gold\"}\n", who,
            b->data->files[p->file].path, p->line);
    return ERR_USAGE;
}

enum err judge_by_policy(struct judgement *j, struct labelled *data, const char *who, struct triager *t, enum model_kind field)
{
    struct by_policy b = { .data = data, .t = t, .field = field };
    bool wanted = false;
    enum err e = begin(j, data);

    arena_init(&b.arena, TABLE_BYTES);
    for (uint32_t i = 0; data->more && i < data->count && !wanted; i++) wanted = data->more[i].cell[LABELLED_ATTRIBUTES].n > 0;
    if (!e && wanted && !(b.attributes = calloc(data->count, sizeof *b.attributes))) e = ERR_NOMEM;
    for (uint32_t i = 0; !e && wanted && i < data->count; i++) e = row_attributes(&b, i, who);
    if (!e) e = take_time(j, walk_policy, &b);
    free(b.attributes);
    arena_fini(&b.arena);
    return e;
}

/* ---- ladders ---- */

static uint32_t step_of(const struct labels *labels, uint32_t label)
{
    int step = label < labels->count ? words_find(&urgency_words, str_of(labels->names[label])) : -1;
    return step < 0 ? MEASURE_NONE : (uint32_t)step;
}

struct measure_row *judge_ladder(const struct measure_row *rows, uint32_t count, const struct labels *labels)
{
    struct measure_row *out = malloc((count + (size_t)1) * sizeof *out);

    for (uint32_t i = 0; out && i < count; i++) {
        out[i] = rows[i];
        out[i].truth = step_of(labels, rows[i].truth);
        out[i].guess = step_of(labels, rows[i].guess);
    }
    return out;
}
