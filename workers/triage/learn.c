/* How a model is learnt:

     1  the texts become matrices of features, one for each set of n-grams that the kind may use (`recipes`)
     2  choosing: each recipe is tried by cross-validation, with small or strong dropout; the one with most right answers is taken
     3  judging: with the chosen one, every example (or, of many, a share) is judged by nets that did not learn from it
     4  the members are learnt from all examples and put side by side
     5  the temperature that makes probabilities honest (Guo et al. 2017) and the threshold of "out of scope" come from 3, or from
        the dev examples judged by the model itself

   A model is several small nets learnt apart (other beginnings, another order) whose scores are averaged: that is worth more than
   one large net (Hansen and Salamon 1990), and costs no more to score. Nets are learnt side by side on as many threads as there
   are processors; each depends on its own seed only, so the result does not depend on their number or on timing. Only the calling
   thread calls `progress`.

   The size of the file is bounded by its kind's `room`: it decides how many features are kept. */
#include "workers/triage/learn.h"

#include "workers/triage/calibrate.h"
#include "workers/triage/matrix.h"
#include "workers/triage/model_file.h"
#include "workers/triage/team.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDS        5u
#define JUDGES       2u          /* nets that judge each fold */
#define JUDGED_MOST  (32u << 20) /* rows × labels that are judged */
#define CHOOSE_STEPS 160000u     /* rows × epochs that a trial may learn from, about */
#define MEMBERS_MOST 5u
#define FEW_LABELS   16u /* with no more than these, too many features a text are only learnt by heart */

struct recipe {
    const char *name;
    unsigned groups;
};
#define G(id) (1u << GRAM_##id)
static const struct recipe words_recipe = { "words", G(WORD) | G(BIGRAM) | G(PAIR) | G(PREFIX) | G(CHAR) | G(CONCEPT) };
static const struct recipe runs_recipe = { "runs", G(WORD) | G(BIGRAM) | G(PREFIX) | G(RUN) | G(CONCEPT) };
static const struct recipe plain_recipe = { "plain", G(WORD) | G(BIGRAM) | G(PAIR) | G(PREFIX) | G(CONCEPT) };
static const struct recipe short_recipe = { "short", G(WORD) | G(SHORT) };
#undef G

/* What each kind of model tries, and how its nets are built. */
#define DROPS 2u
static const struct kind_row {
    const struct recipe *recipes[2];
    double balance;        /* how much rare labels are raised, see matrix.h */
    uint32_t members_most; /* nets */
    uint32_t room;         /* bytes of features and their rows */
    float drops[DROPS];    /* of features: a second one above 0 is tried too */
    float hidden_drop;
    uint32_t each; /* features for each text, where labels are few: measured */
} kinds[MODEL_KIND_COUNT] = {
    [MODEL_INTENT] = { { &words_recipe, &runs_recipe }, 0.25, MEMBERS_MOST, 18400000, { 0.2f, 0.5f }, 0.3f, 24 },
    [MODEL_URGENCY] = { { &words_recipe, &runs_recipe }, 0.5, MEMBERS_MOST, 18400000, { 0.2f, 0.5f }, 0.3f, 8 },
    [MODEL_SENTIMENT] = { { &words_recipe, &runs_recipe }, 0.25, MEMBERS_MOST, 18400000, { 0.2f, 0.5f }, 0.3f, 24 },
    /* Rows are many and made for it (scripts/train-language): nothing to choose, little to drop, the mix is the prior. */
    [MODEL_LANGUAGE] = { { &short_recipe, NULL }, 0, 1, 6200000, { 0, 0 }, 0, 24 },
};

struct learning {
    const struct example *examples;
    uint32_t count, label_count, width, members, epochs;
    const struct learn_cfg *cfg;
    struct matrix matrices[2];
    const struct kind_row *kind;
    const struct recipe *recipes[2]; /* those that are tried */
    uint32_t recipe, drop;           /* chosen */
    uint32_t *fold;                  /* by example: 0..FOLDS-1 */
    double done, share;              /* of all: what is behind us, and what the step under way is */
    const char *doing;
    struct team *team;
};

/* ---- progress ---- */

static bool tell(struct learning *l, double of_step)
{
    double done = l->done + l->share * of_step;
    return !l->cfg->progress || l->cfg->progress(l->cfg->ctx, l->doing, done > 1 ? 1 : done);
}
static bool told_stop(void *ctx, double of_step) { return !tell(ctx, of_step); }
static bool told_on(void *ctx, double of_step) { return tell(ctx, of_step); }
static void begin(struct learning *l, const char *doing, double share)
{
    l->done += l->share;
    l->share = share;
    l->doing = doing;
}

/* ---- 1: shapes ---- */

/* Many labels need more hidden units; many examples fewer rounds. */
static void shape(struct learning *l)
{
    l->width = l->label_count > 16 ? 64 : l->label_count > 4 ? 32 : 16;
    double epochs = 1.5 + 60000.0 / l->count;
    l->epochs = epochs < 2 ? 2 : epochs > 40 ? 40 : (uint32_t)epochs;
}

static uint32_t features_for(const struct learning *l, uint32_t members)
{
    return l->kind->room / (members * l->width / 2 + MODEL_ROW_HEAD + 2 * sizeof(struct model_slot));
}

static enum err make_matrices(struct learning *l)
{
    enum err e = ERR_OK;
    uint32_t fewest = l->kind->members_most < 2 ? 1 : l->label_count > 4 ? 3 : 2, features = 0;
    if (fewest * l->width < MODEL_LANES) fewest = MODEL_LANES / l->width; /* narrow nets stand in pairs */
    uint32_t most = features_for(l, fewest);
    uint32_t few = l->kind->each * l->count > 30000 ? l->kind->each * l->count : 30000;
    if (l->label_count <= FEW_LABELS && most > few) most = few;
    begin(l, "reading texts", 0.05);
    for (uint32_t i = 0; i < 2 && !e && l->recipes[i]; i++) {
        e = matrix_make(&l->matrices[i], l->examples, l->count, l->label_count, l->recipes[i]->groups, most, l->kind->balance,
                        told_stop, l);
        if (l->matrices[i].rows.features > features) features = l->matrices[i].rows.features;
    }
    l->members = l->kind->members_most;
    if (l->members * l->width % MODEL_LANES) l->members++;
    while (l->members > fewest && features > features_for(l, l->members)) l->members -= l->width % MODEL_LANES ? 2 : 1;
    return e;
}

/* Each label's examples are dealt out over the folds in a shuffled order. */
static enum err deal_folds(struct learning *l)
{
    uint32_t *next = calloc(l->label_count + 1, sizeof *next), *order = malloc((l->count + 1) * sizeof *order);
    uint64_t random = l->cfg->seed ^ 0xD1B54A32D192ED03u;
    l->fold = malloc((l->count + 1) * sizeof *l->fold);
    enum err e = next && order && l->fold ? ERR_OK : ERR_NOMEM;
    for (uint32_t i = 0; !e && i < l->count; i++) order[i] = i;
    for (uint32_t i = l->count; !e && i > 1; i--) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint32_t j = (uint32_t)((random >> 33) * i >> 31), t = order[i - 1];
        order[i - 1] = order[j];
        order[j] = t;
    }
    for (uint32_t i = 0; !e && i < l->count; i++) {
        uint32_t label = l->examples[order[i]].label;
        l->fold[order[i]] = next[label == LEARN_OOS ? l->label_count : label]++ % FOLDS;
    }
    free(next);
    free(order);
    return e;
}

/* ---- nets ---- */

static struct net_cfg net_of(const struct learning *l, float drop, uint64_t seed)
{
    return (struct net_cfg){ .width = l->width,
                             .epochs = l->epochs,
                             .rate = 0.05f,
                             .drop = drop,
                             .hidden_drop = l->kind->hidden_drop,
                             .seed = l->cfg->seed * 1000003u + seed };
}

/* Rows of the folds that a trial learns from and of those that it judges. `fold` FOLDS: all are learnt from, none judged. */
static enum err job_rows(struct learning *l, struct team_job *j, uint32_t fold, uint32_t most_held)
{
    j->rows = malloc((l->count + 1) * sizeof *j->rows);
    j->held = malloc((l->count + 1) * sizeof *j->held);
    if (!j->rows || !j->held) return ERR_NOMEM;
    for (uint32_t i = 0; i < l->count; i++) {
        if (l->fold[i] == fold && j->held_count < most_held) j->held[j->held_count++] = i;
        else if (l->fold[i] != fold) j->rows[j->count++] = i;
    }
    return ERR_OK;
}

static enum err add_job(struct learning *l, uint32_t recipe, float drop, uint32_t fold, uint64_t seed, uint32_t most_held)
{
    struct team_job *j = team_add(l->team);
    if (!j) return ERR_NOMEM;
    j->matrix = &l->matrices[recipe].rows;
    j->cfg = net_of(l, drop, seed);
    return job_rows(l, j, fold, most_held);
}

static enum err run(struct learning *l) { return team_run(l->team, told_on, l); }

/* ---- 2: choosing ---- */

static double right_of(const struct team_job *j)
{
    double right = 0, loss = 0;
    for (uint32_t i = 0; i < j->held_count; i++) {
        const float *z = j->scores + (size_t)i * j->matrix->labels;
        uint32_t best = 0, truth = j->matrix->label[j->held[i]];
        double sum = 0;
        for (uint32_t k = 1; k < j->matrix->labels; k++)
            if (z[k] > z[best]) best = k;
        for (uint32_t k = 0; k < j->matrix->labels; k++) sum += exp((double)z[k] - (double)z[best]);
        right += best == truth;
        loss += (double)z[best] - (double)z[truth] + log(sum);
    }
    return right - 1e-3 * loss; /* equal answers: the one that is surer of the right ones */
}

static enum err choose(struct learning *l)
{
    uint32_t folds = 1 + CHOOSE_STEPS / (l->count * l->epochs), recipes = l->recipes[1] ? 2 : 1, n = 0,
             drops = l->kind->drops[1] > 0 ? DROPS : 1;
    double best = -1e30;
    if (folds > FOLDS) folds = FOLDS;
    enum err e = ERR_OK;
    if (recipes * drops == 1) return ERR_OK;
    begin(l, "choosing features and dropout", 0.25);
    for (uint32_t r = 0; r < recipes; r++)
        for (uint32_t d = 0; d < drops; d++)
            for (uint32_t fold = 0; fold < folds && !e; fold++)
                e = add_job(l, r, l->kind->drops[d], fold, 100 + fold, JUDGED_MOST / (l->label_count + 1));
    if (!e) e = run(l);
    for (uint32_t r = 0; r < recipes && !e; r++)
        for (uint32_t d = 0; d < drops; d++) {
            double right = 0;
            for (uint32_t fold = 0; fold < folds; fold++) right += right_of(team_job(l->team, n++));
            if (right > best) best = right, l->recipe = r, l->drop = d;
        }
    team_clear(l->team);
    return e;
}

/* ---- 3: judging ---- */

static enum err judge(struct learning *l, struct verdicts *out)
{
    uint32_t labels = l->matrices[l->recipe].rows.labels, most = JUDGED_MOST / labels, folds = l->count > 60000 ? 1 : FOLDS;
    enum err e = ERR_OK;
    begin(l, "judging examples by nets that did not see them", 0.4);
    for (uint32_t fold = 0; fold < folds; fold++)
        for (uint32_t j = 0; j < JUDGES && !e; j++)
            e = add_job(l, l->recipe, l->kind->drops[l->drop], fold, 200 + fold * JUDGES + j, most / folds);
    if (!e) e = run(l);
    uint32_t rows = 0;
    for (uint32_t n = 0; !e && n < team_count(l->team); n += JUDGES) rows += team_job(l->team, n)->held_count;
    if (!e) e = verdicts_init(out, rows, labels);
    for (uint32_t n = 0; !e && n < team_count(l->team); n += JUDGES) {
        struct team_job *a = team_job(l->team, n);
        for (uint32_t i = 0; i < a->held_count; i++) {
            float *z = verdicts_add(out, a->held[i], a->matrix->label[a->held[i]], a->known[i]);
            for (uint32_t j = 0; j < JUDGES; j++)
                for (uint32_t k = 0; k < labels; k++) z[k] += team_job(l->team, n + j)->scores[(size_t)i * labels + k] / JUDGES;
        }
    }
    team_clear(l->team);
    return e;
}

/* The same by the model itself, on the dev examples. */
static enum err judge_dev(struct learning *l, struct str bytes, struct verdicts *out, char why[200])
{
    struct model *m = NULL;
    struct features *f = NULL;
    uint32_t labels = l->matrices[l->recipe].rows.labels;
    enum err e = model_of(&m, bytes, why);
    if (!e) e = features_new(&f);
    if (!e) e = verdicts_init(out, l->cfg->dev_count, labels);
    for (uint32_t i = 0; !e && i < l->cfg->dev_count; i++) {
        const struct example *d = &l->cfg->dev[i];
        float scores[MODEL_LABELS_MAX + 16];
        features_read(f, STR_NONE, d->text);
        bool known = model_scores(m, f, scores);
        memcpy(verdicts_add(out, i, d->label == LEARN_OOS ? l->label_count : d->label, known), scores, labels * sizeof *scores);
    }
    features_free(f);
    model_unref(m);
    return e;
}

/* ---- 4: the file ---- */

struct writing {
    struct model_header h;
    char *bytes, *at;
    uint32_t stride;
};

static void *take(struct writing *w, uint64_t n)
{
    void *p = w->at;
    w->at += model_align(n);
    return p;
}

static void write_labels(struct writing *w, const char *const *labels, uint32_t count, const char *oos)
{
    char *p = take(w, w->h.label_bytes);
    for (uint32_t i = 0; i < w->h.labels; i++) {
        const char *label = i < count ? labels[i] : oos;
        size_t n = strlen(label) + 1;
        memcpy(p, label, n);
        p += n;
    }
}

static void write_slots(struct writing *w, const struct matrix *m)
{
    struct model_slot *slots = take(w, (uint64_t)w->h.slots * sizeof *slots);
    for (uint32_t f = 0; f < m->rows.features; f++) {
        uint32_t i = model_first_slot(m->hash[f], w->h.slots);
        while (slots[i].print) i = i + 1 == w->h.slots ? 0 : i + 1;
        slots[i] = (struct model_slot){ model_print(m->hash[f]), f << 8 | m->idf[f] };
    }
}

/* Each row has a scale of its own: its largest number becomes 7. Four bits a number cost no right answers (docs/triage.md). */
static void write_row(char *to, const float *row, uint32_t n)
{
    float most = 1e-6f;
    for (uint32_t j = 0; j < n; j++) most = fabsf(row[j]) > most ? fabsf(row[j]) : most;
    float scale = most / 7;
    memcpy(to, &scale, sizeof scale);
    for (uint32_t j = 0; j < n / 2; j++) {
        long low = lrintf(row[j] / scale) + 8, high = lrintf(row[j + n / 2] / scale) + 8;
        to[MODEL_ROW_HEAD + j] = (char)(low | high << 4);
    }
}

static void write_rows(struct writing *w, struct team *t)
{
    size_t size = model_row_size(&w->h);
    char *to = take(w, (uint64_t)w->h.rows * size);
    for (uint32_t f = 0; f < w->h.rows; f++) {
        float row[MODEL_WIDTH_MAX];
        uint32_t n = 0;
        for (uint32_t i = 0; i < team_count(t); i++) {
            const struct net *net = &team_job(t, i)->net;
            for (uint32_t j = 0; j < net->width; j++) row[n++] = net->in[(size_t)f * 2 * net->width + j];
        }
        write_row(to + f * size, row, n);
    }
}

static void write_layers(struct writing *w, struct team *t, const struct sparse *rows)
{
    uint32_t members = team_count(t), stride = w->stride, n = 0;
    float *hidden = take(w, (uint64_t)w->h.width * 4), *out = take(w, (uint64_t)w->h.width * stride * 4),
          *bias = take(w, (uint64_t)stride * 4), *shares = take(w, (uint64_t)stride * 4);
    for (uint32_t i = 0; i < members; i++) {
        const struct net *net = &team_job(t, i)->net;
        for (uint32_t j = 0; j < net->width; j++, n++) {
            hidden[n] = net->hidden_bias[j];
            for (uint32_t k = 0; k < stride; k++) out[(size_t)n * stride + k] = net->out[(size_t)j * stride + k] / (float)members;
        }
        for (uint32_t k = 0; k < stride; k++) bias[k] += net->bias[k] / (float)members;
    }
    for (uint32_t i = 0; i < rows->count; i++) shares[rows->label[i]] += 1 / (float)rows->count;
}

static enum err write_file(struct learning *l, struct buf *out, const char *const *labels, const char *oos)
{
    const struct matrix *m = &l->matrices[l->recipe];
    bool has_oos = m->rows.labels > l->label_count;
    struct writing w = { .stride = (m->rows.labels + 15) / 16 * 16 };
    w.h = (struct model_header){ .version = MODEL_VERSION,
                                 .kind = l->cfg->kind,
                                 .groups = l->recipes[l->recipe]->groups,
                                 .labels = m->rows.labels,
                                 .oos = has_oos ? l->label_count : MODEL_NO_OOS,
                                 .width = l->width * team_count(l->team),
                                 .rows = m->rows.features,
                                 .temperature = 1,
                                 .seed = l->cfg->seed,
                                 .examples = l->count };
    memcpy(w.h.magic, MODEL_MAGIC, sizeof w.h.magic);
    for (uint32_t i = 0; i < w.h.labels; i++) w.h.label_bytes += (uint32_t)strlen(i < l->label_count ? labels[i] : oos) + 1;
    w.h.slots = 2 * w.h.rows + 16; /* half are free: a feature that is not there is found out at the second look */
    w.h.size = model_size(&w.h);
    w.bytes = buf_reserve(out, w.h.size);
    if (!w.bytes) return out->err ? out->err : ERR_NOMEM;
    memset(w.bytes, 0, w.h.size);
    memcpy(w.bytes, &w.h, sizeof w.h);
    w.at = w.bytes + MODEL_HEADER;
    write_labels(&w, labels, l->label_count, oos);
    write_slots(&w, m);
    write_rows(&w, l->team);
    write_layers(&w, l->team, &m->rows);
    model_sign(w.bytes);
    buf_grow(out, w.h.size);
    return ERR_OK;
}

static enum err members(struct learning *l)
{
    enum err e = ERR_OK;
    begin(l, "learning from all examples", 0.3);
    for (uint32_t i = 0; i < l->members && !e; i++) e = add_job(l, l->recipe, l->kind->drops[l->drop], FOLDS, 300 + i, 0);
    return e ? e : run(l);
}

/* ---- outside ---- */

void learn_report_fini(struct learn_report *r)
{
    free(r->judged);
    *r = (struct learn_report){ 0 };
}

static enum err check(const struct example *examples, uint32_t count, const char *const *labels, uint32_t label_count,
                      const char *oos, const struct learn_cfg *cfg, char why[200])
{
    uint32_t used = 0, wild = 0;
    bool *seen = calloc(label_count + 1, sizeof *seen), any_oos = false;
    if (!seen) return ERR_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        if (examples[i].label == LEARN_OOS) any_oos = true;
        else if (examples[i].label >= label_count) wild++;
        else if (!seen[examples[i].label]) seen[examples[i].label] = true, used++;
        if (!(examples[i].weight > 0 && examples[i].weight <= LEARN_WEIGHT)) wild++;
    }
    free(seen);
    *why = 0;
    if (cfg->kind >= MODEL_KIND_COUNT) snprintf(why, 200, "there is no such kind of model");
    else if (count < LEARN_MIN_ROW) snprintf(why, 200, "a training needs %u rows or more", LEARN_MIN_ROW);
    else if (count > LEARN_ROWS) snprintf(why, 200, "more than %u rows", LEARN_ROWS);
    else if (used < 2) snprintf(why, 200, "a training needs two labels or more in scope");
    else if (label_count + 1 > MODEL_LABELS_MAX) snprintf(why, 200, "more than %u labels", MODEL_LABELS_MAX - 1);
    else if (any_oos && !oos) snprintf(why, 200, "there are rows out of scope, but no word for them");
    else if (wild) snprintf(why, 200, "a row's label is none of the list, or its weight is not above 0 and to %g", LEARN_WEIGHT);
    for (uint32_t i = 0; i < label_count && !*why; i++)
        if (!*labels[i] || strlen(labels[i]) > MODEL_LABEL_LEN) snprintf(why, 200, "a label has 1 to %u bytes", MODEL_LABEL_LEN);
    return *why ? ERR_RANGE : ERR_OK;
}

static void sign_with(struct buf *out, size_t at, const struct calibration *c)
{
    struct model_header h;
    memcpy(&h, out->p + at, sizeof h);
    h.temperature = (float)c->temperature;
    h.threshold = (float)c->threshold;
    memcpy(out->p + at, &h, sizeof h);
    model_sign(out->p + at);
}

static enum err report_on(struct learning *l, const struct verdicts *v, const struct calibration *c, struct learn_report *r)
{
    r->on_dev = l->cfg->dev != NULL;
    r->features = l->matrices[l->recipe].rows.features;
    r->threshold = c->threshold;
    r->temperature = c->temperature;
    snprintf(r->chosen, sizeof r->chosen, "features \"%s\", dropout %.1f, %u nets of %u units, %u epochs",
             l->recipes[l->recipe]->name, (double)l->kind->drops[l->drop], (unsigned)l->members, (unsigned)l->width,
             (unsigned)l->epochs);
    r->judged = malloc((v->count + 1) * sizeof *r->judged);
    if (!r->judged) return ERR_NOMEM;
    for (uint32_t i = 0; i < v->count; i++) r->judged[i] = verdicts_judged(v, i, l->label_count, c);
    r->judged_count = v->count;
    return ERR_OK;
}

enum err learn(struct buf *out, const struct example *examples, uint32_t count, const char *const *labels, uint32_t label_count,
               const char *oos, const struct learn_cfg *cfg, struct learn_report *report, char why[200])
{
    struct learning l = { .examples = examples, .count = count, .label_count = label_count, .cfg = cfg };
    struct verdicts v = { 0 };
    struct calibration c = { .temperature = 1 };
    struct model_parts parts;
    size_t at = out->n;
    *report = (struct learn_report){ 0 };
    enum err e = check(examples, count, labels, label_count, oos, cfg, why);
    if (e) return e;
    l.kind = &kinds[cfg->kind];
    shape(&l);
    l.recipes[0] = cfg->plain ? &plain_recipe : l.kind->recipes[0];
    l.recipes[1] = cfg->plain ? NULL : l.kind->recipes[1];
    e = team_new(&l.team);
    if (!e) e = make_matrices(&l);
    if (!e && !l.matrices[0].rows.features) e = ERR_RANGE, snprintf(why, 200, "no text of a row has a word or a sign in it");
    if (!e) e = deal_folds(&l);
    if (!e) e = choose(&l);
    if (!e && !cfg->dev) e = judge(&l, &v);
    if (!e) e = members(&l);
    if (!e) e = write_file(&l, out, labels, oos);
    if (!e && cfg->dev) e = judge_dev(&l, (struct str){ out->p + at, out->n - at }, &v, why);
    if (!e) calibrate(&v, label_count, &c);
    if (cfg->kind != MODEL_INTENT) c.threshold = 0; /* every message has an urgency, a mood, a language */
    if (!e) sign_with(out, at, &c);
    if (!e) e = model_check(&parts, (struct str){ out->p + at, out->n - at }, why); /* what is written can be opened */
    if (!e) e = report_on(&l, &v, &c, report);
    if (e && !*why) snprintf(why, 200, "%s", err_text(e));
    verdicts_fini(&v);
    team_free(l.team);
    free(l.fold);
    for (uint32_t i = 0; i < 2; i++) matrix_fini(&l.matrices[i]);
    return e;
}
