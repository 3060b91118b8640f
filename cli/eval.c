/* naru eval: how good a model, or a policy's whole verdict, is on labelled messages; without data, what a model is. */
#include "cli/cli.h"
#include "cli/judge.h"
#include "cli/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct eval_opts {
    const char *model, *field, *text, *label, *oos, *map, *subject, *language, *attributes;
    struct triager_opts triager;
    struct opt_list data;
    uint64_t worst;
    bool json;
};

#define WORST_MAX 10000u
static const struct opt rows[] = {
    { "model", OPT_STR, offsetof(struct eval_opts, model), NULL, 0, 0, "M.model", "the model to judge" },
    TRIAGER_ROWS(struct eval_opts, triager),
    { "field", OPT_STR, offsetof(struct eval_opts, field), NULL, 0, 0, "FIELD",
      "what of the policy's verdict is judged: intent, urgency, sentiment or language" },
    { "data", OPT_LIST, offsetof(struct eval_opts, data), NULL, 0, 0, "F.tsv[.gz]",
      "labelled messages: tab-separated, or .csv; without them the model's facts are told" },
    { "text", OPT_STR, offsetof(struct eval_opts, text), NULL, 0, 0, "COLUMN", "column of the text, by name or number" },
    { "label", OPT_STR, offsetof(struct eval_opts, label), NULL, 0, 0, "COLUMN", "column of the label, by name or number" },
    { "oos", OPT_STR, offsetof(struct eval_opts, oos), NULL, 0, 0, "LABEL",
      "the label of messages that are out of scope (default: the model's)" },
    { "map", OPT_STR, offsetof(struct eval_opts, map), NULL, 0, 0, "FROM=TO,…", "labels renamed: \"0=negative,1=positive\"" },
    { "subject", OPT_STR, offsetof(struct eval_opts, subject), NULL, 0, 0, "COLUMN", "column of the subject" },
    { "language", OPT_STR, offsetof(struct eval_opts, language), NULL, 0, 0, "COLUMN",
      "column of the language that the source states (with --policy)" },
    { "attributes", OPT_STR, offsetof(struct eval_opts, attributes), NULL, 0, 0, "COLUMN",
      "column of attributes, {\"customer.tier\": \"gold\"} (with --policy)" },
    { "worst", OPT_U64, offsetof(struct eval_opts, worst), "0", 0, WORST_MAX, "N", "list the N surest mistakes" },
    { "json", OPT_FLAG, offsetof(struct eval_opts, json), NULL, 0, 0, NULL, "the figures as one JSON object" },
    { .name = NULL },
};

struct evaluation {
    struct eval_opts o;
    struct model *model; /* or … */
    struct triager triager;
    enum model_kind kind; /* of what is judged */
    struct labelled data;
    struct judgement j;
};

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "naru eval: %s: %s\n", what, why);
    return 2;
}

static void begin_json(struct buf *b, struct jw *w)
{
    buf_init(b, 16u << 20);
    *w = jw_on(b);
    jw_open(w, '{');
}

static int end_json(struct buf *b, struct jw *w)
{
    jw_close(w, '}');
    bool good = !b->err && printf("%s\n", buf_cstr(b)) > 0;
    buf_fini(b);
    return good ? 0 : 1;
}

/* ---- a model's facts ---- */

static int facts_json(const struct evaluation *v)
{
    const struct model *m = v->model;
    struct model_facts f;
    struct buf b;
    struct jw w;

    model_facts(m, &f);
    begin_json(&b, &w);
    jw_key(&w, "model"), jw_strz(&w, v->o.model);
    jw_key(&w, "kind"), jw_strz(&w, model_kind_words.v[v->kind]);
    jw_key(&w, "labels"), jw_u64(&w, model_labels(m));
    jw_key(&w, "threshold"), jw_f64(&w, model_threshold(m));
    jw_key(&w, "temperature"), jw_f64(&w, f.temperature);
    jw_key(&w, "features"), jw_u64(&w, f.features);
    jw_key(&w, "examples"), jw_u64(&w, f.examples);
    jw_key(&w, "seed"), jw_u64(&w, f.seed);
    jw_key(&w, "bytes"), jw_u64(&w, f.size);
    jw_key(&w, "oos");
    if (model_oos(m) < 0) jw_null(&w);
    else jw_str(&w, model_label(m, (uint32_t)model_oos(m)));
    jw_key(&w, "names");
    jw_open(&w, '[');
    for (uint32_t i = 0; i < model_labels(m); i++) jw_str(&w, model_label(m, i));
    jw_close(&w, ']');
    return end_json(&b, &w);
}

static int facts(const struct evaluation *v)
{
    const struct model *m = v->model;
    struct model_facts f;

    if (v->o.json) return facts_json(v);
    model_facts(m, &f);
    printf("%s: %s, %u labels, %u features, %.1f KiB; learnt from %" PRIu64 " messages, seed %" PRIu64 "\n", v->o.model,
           model_kind_words.v[v->kind], model_labels(m), f.features, (double)f.size / 1024, f.examples, f.seed);
    if (model_threshold(m) > 0) printf("out of scope below %.4f\n", model_threshold(m));
    else printf("nothing is out of scope\n");
    for (uint32_t i = 0; i < model_labels(m); i++)
        printf("  %s%s\n", model_label(m, i).p, (int)i == model_oos(m) ? "  (out of scope)" : "");
    return 0;
}

/* ---- figures ---- */

#define FIGURES 11u
static size_t figures(struct report_row out[FIGURES], const struct evaluation *v, const struct measured *m)
{
    struct report_row list[FIGURES] = {
        { "n", m->n },
        { "accuracy", m->accuracy },
        { "macro_f1", m->macro_f1 },
        { "in_scope_accuracy", m->in_scope_accuracy },
        { "oos_recall", m->oos_recall },
        { "auroc", m->auroc },
        { "ece", m->ece },
        { "us_per_message", v->j.us },
    };
    size_t n = 8;

    if (v->kind == MODEL_URGENCY) {
        struct measure_row *ladder = judge_ladder(v->j.rows, v->j.count, &v->data.labels);
        list[n++] = (struct report_row){ "quadratic_kappa", ladder ? measure_kappa(ladder, v->j.count, URG_COUNT) : NAN };
        list[n++] =
            (struct report_row){ "recall_high", ladder ? measure_recall_from(ladder, v->j.count, URG_HIGH, URG_COUNT) : NAN };
        free(ladder);
    }
    if (v->model) list[n++] = (struct report_row){ "threshold", model_threshold(v->model) };
    memcpy(out, list, sizeof list);
    return n;
}

static int figures_json(const struct evaluation *v, const struct report_row *list, size_t n)
{
    struct buf b;
    struct jw w;

    begin_json(&b, &w);
    report_rows_json(&w, list, n);
    if (v->model) jw_key(&w, "labels"), jw_u64(&w, model_labels(v->model));
    jw_key(&w, "kind"), jw_strz(&w, model_kind_words.v[v->kind]);
    if (v->model) jw_key(&w, "model"), jw_strz(&w, v->o.model);
    else jw_key(&w, "policy"), jw_strz(&w, v->o.triager.policy), jw_key(&w, "version"), jw_strz(&w, v->triager.policy->version);
    return end_json(&b, &w);
}

static void figures_text(const struct evaluation *v, const struct report *r, const struct report_row *list, size_t n)
{
    printf("%s: %s, on %s%s\n", v->model ? v->o.model : v->o.triager.policy, model_kind_words.v[v->kind], v->o.data.v[0],
           v->o.data.count > 1 ? " and others" : "");
    report_rows(list, n);
    printf("the worst labels\n");
    report_classes(r, 20);
    printf("the commonest mistakes\n");
    report_pairs(r, 10);
}

/* ---- the surest mistakes ---- */

struct mistake {
    float p;
    uint32_t row;
};

static int surest_first(const void *a, const void *b)
{
    const struct mistake *x = a, *y = b;
    if (x->p != y->p) return x->p > y->p ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static bool is_wrong(const struct measure_row *r, uint32_t oos_rows)
{
    return (oos_rows && r->oos ? MEASURE_OOS : r->guess) != r->truth;
}

static enum err print_worst(const struct evaluation *v, const struct report *r)
{
    struct mistake *list = malloc((v->j.count + (size_t)1) * sizeof *list);
    uint32_t n = 0;

    if (!list) return ERR_NOMEM;
    for (uint32_t i = 0; i < v->j.count; i++) {
        float p = v->j.rows[i].p;
        if (is_wrong(&v->j.rows[i], v->data.oos)) list[n++] = (struct mistake){ isnan(p) ? -1 : p, i };
    }
    qsort(list, n, sizeof *list, surest_first);
    printf("the surest mistakes\n");
    for (uint32_t k = 0; k < n && k < v->o.worst; k++) {
        const struct measure_row *row = &v->j.rows[list[k].row];
        const struct labelled_place *at = &v->data.places[list[k].row];
        struct str text = v->data.rows[list[k].row].text;
        printf("  %s:%u  %s → %s%s", v->data.files[at->file].path, at->line, report_name(r, row->truth), report_name(r, row->guess),
               row->oos ? " (out of scope)" : "");
        if (!isnan(row->p)) printf("  %.3f", (double)row->p);
        printf("  %.*s\n", (int)(text.n < 300 ? text.n : 300), text.p);
    }
    free(list);
    return ERR_OK;
}

static int tell(const struct evaluation *v)
{
    struct report r = { v->j.rows, v->j.count, v->data.labels.names, v->data.labels.count, v->o.oos };
    struct report_row list[FIGURES];
    struct measured m;
    int status = 0;
    enum err e = measure(&m, r.rows, r.count, r.labels);

    if (e) return complain("figures", err_text(e)), 1;
    size_t n = figures(list, v, &m);
    if (v->o.json) status = figures_json(v, list, n);
    else figures_text(v, &r, list, n);
    if (!v->o.json && v->o.worst) e = print_worst(v, &r);
    return e ? (complain("--worst", err_text(e)), 1) : status;
}

/* ---- all of it ---- */

static int read_data(struct evaluation *v)
{
    struct labelled_cfg cfg = { .who = "eval",
                                .text = v->o.text,
                                .label = v->o.label,
                                .oos = v->o.oos,
                                .map = v->o.map,
                                .only = labelled_only(v->kind),
                                .subject = v->o.subject,
                                .language = v->o.language,
                                .attributes = v->o.attributes };
    if (!cfg.text) return complain("--text", "is missing: the column of the text");
    if (!cfg.label) return complain("--label", "is missing: the column of the label");
    return labelled_read(&v->data, &cfg, v->o.data.v, v->o.data.count) ? 2 : 0;
}

static int open_model(struct evaluation *v)
{
    char why[200] = "";
    enum err e = model_open(&v->model, v->o.model, why);

    if (e) return complain(v->o.model, *why ? why : err_text(e)), 1;
    v->kind = model_kind(v->model);
    if (!v->o.oos && model_oos(v->model) >= 0) v->o.oos = model_label(v->model, (uint32_t)model_oos(v->model)).p;
    return 0;
}

static int open_policy(struct evaluation *v)
{
    int kind = v->o.field ? words_find(&model_kind_words, str_of(v->o.field)) : -1;

    if (kind < 0) return complain("--field", "is to be intent, urgency, sentiment or language");
    if (!v->o.data.count) return complain("--data", "is missing");
    v->kind = (enum model_kind)kind;
    return triager_init(&v->triager, "eval", &v->o.triager) ? 2 : 0;
}

static int judge(struct evaluation *v)
{
    enum err e = v->model ? judge_by_model(&v->j, &v->data, "eval", v->model)
                          : judge_by_policy(&v->j, &v->data, "eval", &v->triager, v->kind);
    if (e == ERR_USAGE) return 2; /* told */
    return e ? (complain("judging", e == ERR_FULL ? "too many labels" : err_text(e)), 1) : 0;
}

static int evaluate(struct evaluation *v)
{
    const struct eval_opts *o = &v->o;
    int status;

    if (!o->model == !o->triager.policy) return complain("what is judged", "give either --model or --policy");
    if (o->model && (o->language || o->attributes || o->field))
        return complain("--model", "--field, --language and --attributes belong to --policy");
    status = o->model ? open_model(v) : open_policy(v);
    if (!status && !o->data.count) return facts(v);
    if (!status) status = read_data(v);
    if (!status) status = judge(v);
    if (!status) status = tell(v);
    return status || fflush(stdout) == 0 ? status : 1;
}

int eval_main(int argc, char **argv)
{
    static struct evaluation v;

    if (opt_parse(rows, "naru eval --model M.model | --policy P.yaml --field FIELD [--data F.tsv --text COLUMN --label COLUMN]",
                  argc, argv, &v.o))
        return 2;
    labelled_init(&v.data);
    int status = evaluate(&v);
    judgement_fini(&v.j);
    labelled_fini(&v.data);
    if (v.o.triager.policy) triager_fini(&v.triager);
    model_unref(v.model);
    return status;
}
