/* Models are opened as a worker on this machine would open them, but without the folders that a worker may have been given besides:
   so what is found here is said as a warning. A word is looked for among the labels of the intent model and the intents that rules
   name; where external scorers name intents nobody knows their words, and nothing is said. */
#include "cli/check_models.h"

#include "base/limits.h"
#include "config/findings.h"
#include "workers/triage/models.h"

#include <stdio.h>
#include <stdlib.h>

#define NAMES_MOST (MODEL_LABELS_MAX + LIM_RULES)

struct naming { /* all intents that a message of this policy can have */
    const struct policy *p;
    struct findings *f;
    const char **v;
    size_t count;
    struct str oos; /* the label for what is out of scope: no intent */
};

static void on_model(void *ctx, enum model_kind kind, const char *name, const char *why)
{
    char key[64];
    snprintf(key, sizeof key, "triage.models.%s", model_kind_words.v[kind]);
    findings_add(ctx, F_WARN, 0, 0, key, "\"%s\" cannot be used: %s; messages are judged without it", name, why);
}

/* ---- intents ---- */

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static bool gather(struct naming *n, const struct model *m)
{
    n->v = arena_alloc(&n->f->arena, NAMES_MOST * sizeof *n->v);
    if (!n->v) return false;
    if (model_oos(m) >= 0) n->oos = model_label(m, (uint32_t)model_oos(m));
    for (uint32_t i = 0; i < model_labels(m); i++)
        if ((int)i != model_oos(m)) n->v[n->count++] = model_label(m, i).p;
    for (uint32_t i = 0; i < n->p->rule_count && n->count < NAMES_MOST; i++)
        if (n->p->rules[i].intent) n->v[n->count++] = n->p->rules[i].intent;
    qsort(n->v, n->count, sizeof *n->v, by_text);
    return true;
}

static bool is_known(const struct naming *n, const char *word)
{
    if (!strchr(word, '*')) return bsearch(&word, n->v, n->count, sizeof *n->v, by_text) != NULL;
    for (size_t i = 0; i < n->count; i++)
        if (str_glob(str_of(word), str_of(n->v[i]))) return true;
    return false;
}

static void check_word(struct naming *n, uint32_t line, uint32_t column, const char *key, const char *word)
{
    if (n->f->count == LIM_POLICY_ERRORS || is_known(n, word)) return;
    if (str_eq(n->oos, str_of(word))) {
        findings_add(n->f, F_WARN, line, column, key,
                     "no message has the intent \"%s\": what is out of scope, or unsure, has none (not: { intent: \"*\" })", word);
        return;
    }
    findings_add(n->f, F_WARN, line, column, key, "no message has the intent \"%s\": neither the model nor a rule names it%s", word,
                 findings_hint(n->f, str_of(word), n->v, n->count));
}

static void check_conds(struct naming *n, const char *key, const struct conds *conds)
{
    for (uint32_t i = 0; i < conds->count; i++) {
        const struct cond *c = &conds->v[i];
        for (uint32_t w = 0; c->kind == COND_INTENT && w < c->words.count; w++)
            check_word(n, c->line, c->column, key, c->words.v[w]);
        check_conds(n, key, &c->inner);
    }
}

static void check_intents(struct naming *n)
{
    char key[200];
    for (uint32_t i = 0; i < n->p->rule_count; i++) {
        snprintf(key, sizeof key, "triage.rules[%u].when.intent", i);
        check_conds(n, key, &n->p->rules[i].when);
    }
    for (uint32_t i = 0; i < n->p->queue_count; i++) {
        const struct queue *q = &n->p->queues[i];
        snprintf(key, sizeof key, "queues.%s.takes.intent", q->name);
        for (uint32_t w = 0; w < q->takes.intent.count; w++) check_word(n, q->line, 1, key, q->takes.intent.v[w]);
    }
}

void check_models(const struct policy *p, struct findings *f)
{
    static const struct models_place where;
    struct models m;
    struct naming n = { .p = p, .f = f };
    models_open(&m, p, &where, NULL, on_model, f);
    if (m.of[MODEL_INTENT] && !p->external_ms[ANSWER_INTENT] && gather(&n, m.of[MODEL_INTENT])) check_intents(&n);
    models_fini(&m);
    findings_sort(f);
}
