/* naru train: labelled messages in, a model file out.

   One `struct training` holds all of it, from the tables to the report; every step fills its part or says on stderr why it cannot,
   and training_fini lets go of what is there. The order matters: corrections (--from-feedback) come behind the base data and add
   their labels behind its labels, so that the numbers of the base data stay what they are; rows of --dev are put into the same
   numbers afterwards. The model's place is written at the very end, by a rename, so a stop (Ctrl-C) or a failure leaves what was
   there before. */
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/feedback.h"
#include "cli/judge.h"
#include "cli/report.h"
#include "cli/save.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WORST_LABELS 20u
#define WORST_PAIRS  10u
#define MODEL_BYTES  ((size_t)1 << 30)

struct train_opts {
    struct opt_list data;
    const char *text, *label, *out, *dev, *oos, *kind, *map;
    uint64_t seed;
    bool quiet, json, all, plain;
    struct feedback_opts feedback;
};

static const struct opt rows[] = {
    { "data", OPT_LIST, offsetof(struct train_opts, data), NULL, 0, 0, "F.tsv[.gz]",
      "labelled messages: tab-separated, or .csv; the first line names the columns" },
    { "text", OPT_STR, offsetof(struct train_opts, text), NULL, 0, 0, "COLUMN", "column of the text, by name or number" },
    { "label", OPT_STR, offsetof(struct train_opts, label), NULL, 0, 0, "COLUMN", "column of the label, by name or number" },
    { "out", OPT_STR, offsetof(struct train_opts, out), NULL, 0, 0, "M.model", "the model to write" },
    { "dev", OPT_STR, offsetof(struct train_opts, dev), NULL, 0, 0, "F.tsv[.gz]",
      "messages like them to choose threshold and calibration on and to measure by (default: cross-validation)" },
    { "oos", OPT_STR, offsetof(struct train_opts, oos), NULL, 0, 0, "LABEL", "the label of messages that are out of scope" },
    { "kind", OPT_STR, offsetof(struct train_opts, kind), "intent", 0, 0, "KIND", "intent, urgency, sentiment or language" },
    { "map", OPT_STR, offsetof(struct train_opts, map), NULL, 0, 0, "FROM=TO,…", "labels renamed: \"0=negative,1=positive\"" },
    { "seed", OPT_U64, offsetof(struct train_opts, seed), "1", 0, 0, "N", "same data and seed, same model" },
    { "no-characters", OPT_FLAG, offsetof(struct train_opts, plain), NULL, 0, 0, NULL,
      "whole words only: quicker to score, weaker at typos, endings and text without spaces" },
    { "quiet", OPT_FLAG, offsetof(struct train_opts, quiet), NULL, 0, 0, NULL, "no progress, no report" },
    { "json", OPT_FLAG, offsetof(struct train_opts, json), NULL, 0, 0, NULL, "the report as one JSON object" },
    { "all", OPT_FLAG, offsetof(struct train_opts, all), NULL, 0, 0, NULL, "all labels in the report, not only the worst 20" },
    FEEDBACK_ROWS(struct train_opts, feedback),
    { .name = NULL },
};

struct training {
    struct train_opts o;
    enum model_kind kind;
    struct labelled data, dev;
    uint32_t base_rows, base_labels; /* of data: without what corrections added */
    struct feedback *feedback;
    struct learn_report with, without;
    struct buf model;
    struct save save;
    double seconds;
};

/* ---- stopping and progress ---- */

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

/* The first one asks; a second one finds the default handler and ends it at once. */
static void watch_signals(void)
{
    struct sigaction act = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGHUP, &act, NULL);
    signal(SIGPIPE, SIG_IGN);
}

struct watched {
    const char *stage;
    bool quiet, tty;
    char told[128];
    uint64_t at_us;
};

/* On a terminal one line, ten times a second at most; else a line for each thing that begins. */
static bool on_progress(void *ctx, const char *what, double done)
{
    struct watched *w = ctx;
    uint64_t now = clock_mono_us();
    bool fresh = strcmp(w->told, what) != 0;

    if (stopped) return false;
    if (w->quiet || (w->tty ? now - w->at_us < 100000 : !fresh)) return true;
    snprintf(w->told, sizeof w->told, "%s", what);
    w->at_us = now;
    tell_progress("train %3.0f %%  %s%s", done * 100, w->stage, what);
    return true;
}

static int complain(const char *what, const char *why)
{
    tell_progress_end();
    fprintf(stderr, "naru train: %s: %s\n", what, why);
    return 2;
}

static int failed(const char *what, enum err e, const char *why)
{
    if (e == ERR_CLOSED) return complain("stopped", "nothing was written"), 1;
    complain(what, why && *why ? why : err_text(e));
    return e == ERR_RANGE || e == ERR_USAGE ? 2 : 1;
}

/* ---- data ---- */

static struct labelled_cfg columns(const struct training *t)
{
    return (struct labelled_cfg){
        .who = "train", .text = t->o.text, .label = t->o.label, .oos = t->o.oos, .map = t->o.map, .only = labelled_only(t->kind)
    };
}

static int read_base(struct training *t)
{
    struct labelled_cfg cfg = columns(t);
    if (labelled_read(&t->data, &cfg, t->o.data.v, t->o.data.count)) return 2;
    enum err e = labelled_settle(&t->data, cfg.only);
    if (e) return failed("labels", e, NULL);
    t->base_rows = t->data.count;
    t->base_labels = t->data.labels.count;
    return 0;
}

/* A label with one message cannot be learnt and checked; it is used, and named. */
static void remark_rare(const struct training *t)
{
    uint32_t *counts = calloc(t->base_labels + (size_t)1, sizeof *counts), rare = 0;

    for (uint32_t i = 0; counts && i < t->base_rows; i++)
        if (t->data.rows[i].label != LEARN_OOS) counts[t->data.rows[i].label]++;
    for (uint32_t l = 0; counts && l < t->base_labels; l++) {
        if (counts[l] != 1 || rare++ >= 10) continue;
        fprintf(stderr, "naru train: the label \"%s\" has one row: too few to learn it well\n", t->data.labels.names[l]);
    }
    if (rare > 10) fprintf(stderr, "naru train: … and %u more labels with one row\n", rare - 10);
    free(counts);
}

static int add_feedback(struct training *t)
{
    enum err e = feedback_load(&t->feedback, &t->o.feedback, t->kind);
    for (uint32_t i = 0; !e && i < feedback_count(t->feedback); i++) {
        struct feedback_example x = feedback_example(t->feedback, i);
        bool oos = t->o.oos && !strcmp(x.label, t->o.oos);
        e = labelled_add(&t->data, x.text, oos ? STR_NONE : str_of(x.label), x.weight);
    }
    if (e == ERR_USAGE || e == ERR_NOTFOUND) return 2; /* told */
    return e ? failed("--from-feedback", e, NULL) : 0;
}

/* Rows of --dev in the numbers of the base data; those with a label that it has not are left out, as nothing can be learnt of them.
 */
static int read_dev(struct training *t)
{
    struct labelled_cfg cfg = columns(t);
    uint32_t kept = 0;

    if (labelled_read(&t->dev, &cfg, &t->o.dev, 1)) return 2;
    for (uint32_t i = 0; i < t->dev.count; i++) {
        struct example row = t->dev.rows[i];
        int label = row.label == LEARN_OOS ? 0 : labels_find(&t->data.labels, str_of(t->dev.labels.names[row.label]));
        if (label < 0) continue;
        if (row.label != LEARN_OOS) row.label = (uint32_t)label;
        t->dev.rows[kept++] = row;
    }
    if (kept < t->dev.count)
        fprintf(stderr, "naru train: %s: %u rows were not used: the data to learn from does not have their labels\n", t->o.dev,
                t->dev.count - kept);
    t->dev.count = kept;
    return kept ? 0 : complain(t->o.dev, "no row has a label of the data to learn from");
}

/* ---- learning ---- */

static enum err learn_rows(struct training *t, const char *stage, uint32_t count, uint32_t labels, struct buf *out,
                           struct learn_report *report, char why[200])
{
    struct watched w = { .stage = stage, .quiet = t->o.quiet, .tty = isatty(STDERR_FILENO) };
    struct learn_cfg cfg = { .kind = t->kind,
                             .seed = t->o.seed,
                             .plain = t->o.plain,
                             .dev = t->dev.count ? t->dev.rows : NULL,
                             .dev_count = t->dev.count,
                             .ctx = &w,
                             .progress = on_progress };
    buf_init(out, MODEL_BYTES);
    enum err e = learn(out, t->data.rows, count, (const char *const *)t->data.labels.names, labels, t->o.oos, &cfg, report, why);
    tell_progress_end();
    if (!e && out->err) e = out->err;
    return !e && stopped ? ERR_CLOSED : e;
}

/* Once with everything; with corrections and no --dev, once more without them, to compare on the base data. */
static enum err learn_all(struct training *t, char why[200])
{
    uint64_t from = clock_mono_us();
    struct buf spare = { 0 };
    bool twice = t->feedback && !t->dev.count;
    enum err e = learn_rows(t, "", t->data.count, t->data.labels.count, &t->model, &t->with, why);

    t->seconds = (double)(clock_mono_us() - from) / 1e6;
    if (!e && twice) e = learn_rows(t, "without corrections: ", t->base_rows, t->base_labels, &spare, &t->without, why);
    buf_fini(&spare);
    return e;
}

/* Compared with what --out holds, on what was held back of the corrections and on the base data. */
static int judge_feedback(struct training *t, bool *swap)
{
    bool on_dev = t->dev.count > 0, *right = on_dev ? NULL : calloc(2 * (size_t)t->base_rows, sizeof *right);
    struct feedback_base base = { .rows = on_dev ? t->dev.rows : t->data.rows,
                                  .count = on_dev ? t->dev.count : t->base_rows,
                                  .labels = (const char *const *)t->data.labels.names };
    enum err e = on_dev || right ? ERR_OK : ERR_NOMEM;

    if (right) {
        feedback_right(&t->without, t->data.rows, t->base_rows, right);
        feedback_right(&t->with, t->data.rows, t->base_rows, right + t->base_rows);
        base.before = right;
        base.after = right + t->base_rows;
    }
    if (!e) e = feedback_judge(t->feedback, &t->o.feedback, t->save.beside, t->o.out, &base, swap);
    free(right);
    if (e == ERR_USAGE) return 2; /* told */
    return e ? failed("--from-feedback", e, NULL) : 0;
}

/* Beside its place, judged when there are corrections, then in its place. */
static int write_model(struct training *t)
{
    char why[200] = "";
    bool swap = true;
    enum err e = save_beside(&t->save, t->o.out, buf_str(&t->model), why);

    if (e) return failed("--out", e, why);
    int status = t->feedback ? judge_feedback(t, &swap) : 0;
    if (stopped) status = failed("", ERR_CLOSED, NULL);
    if (status || !swap) return save_drop(&t->save), status ? status : 1;
    e = save_commit(&t->save, why);
    return e ? failed("--out", e, why) : 0;
}

/* ---- the report ---- */

/* Held-out judgements as rows to measure. Where one says no more than "out of scope", the guess stays unknown. */
static struct measure_row *judged_rows(const struct training *t)
{
    const struct learn_report *r = &t->with;
    const struct example *of = r->on_dev ? t->dev.rows : t->data.rows;
    struct measure_row *out = malloc((r->judged_count + (size_t)1) * sizeof *out);

    for (uint32_t i = 0; out && i < r->judged_count; i++) {
        const struct judged *j = &r->judged[i];
        uint32_t truth = of[j->row].label;
        bool oos = j->label == LEARN_OOS;
        out[i] = (struct measure_row){ truth == LEARN_OOS ? MEASURE_OOS : truth, j->best, oos, j->p, j->scope };
    }
    return out;
}

#define FIGURES 9u
static void figures(struct report_row out[FIGURES], const struct training *t, const struct measured *m)
{
    const struct report_row list[FIGURES] = {
        { "n", m->n },
        { "accuracy", m->accuracy },
        { "macro_f1", m->macro_f1 },
        { "in_scope_accuracy", m->in_scope_accuracy },
        { "oos_recall", m->oos_recall },
        { "auroc", m->auroc },
        { "ece", m->ece },
        { "threshold", t->with.threshold },
        { "temperature", t->with.temperature },
    };
    memcpy(out, list, sizeof list);
}

static void print_text(const struct training *t, const struct report *r, const struct report_row *list)
{
    uint32_t oos = t->data.oos;
    printf("%s: %s, %u labels, %u features, %.1f KiB\n", t->o.out, model_kind_words.v[t->kind], t->data.labels.count + (oos > 0),
           t->with.features, (double)t->model.n / 1024);
    printf("learnt from %u rows (%u out of scope, %llu not used) in %.1f s\n", t->data.count, oos,
           (unsigned long long)t->data.bad.total, t->seconds);
    printf("chosen by validation: %s\n", t->with.chosen);
    if (t->with.on_dev) printf("measured on %s, where threshold and calibration come from too\n", t->o.dev);
    else printf("measured by cross-validation on %u rows\n", r->count);
    report_rows(list, FIGURES);
    printf("%s\n", t->o.all ? "labels, the worst first" : "the worst labels (--all: all of them)");
    report_classes(r, t->o.all ? UINT32_MAX : WORST_LABELS);
    printf("the commonest mistakes\n");
    report_pairs(r, WORST_PAIRS);
}

static void print_json(const struct training *t, const struct report *r, const struct report_row *list)
{
    struct buf b;
    buf_init(&b, 64u << 20);
    struct jw w = jw_on(&b);
    jw_open(&w, '{');
    jw_key(&w, "model"), jw_strz(&w, t->o.out);
    jw_key(&w, "kind"), jw_strz(&w, model_kind_words.v[t->kind]);
    jw_key(&w, "rows"), jw_u64(&w, t->data.count);
    jw_key(&w, "rows_out_of_scope"), jw_u64(&w, t->data.oos);
    jw_key(&w, "rows_not_used"), jw_u64(&w, t->data.bad.total);
    jw_key(&w, "labels"), jw_u64(&w, t->data.labels.count + (t->data.oos > 0));
    jw_key(&w, "features"), jw_u64(&w, t->with.features);
    jw_key(&w, "bytes"), jw_u64(&w, t->model.n);
    jw_key(&w, "seconds"), jw_f64(&w, t->seconds);
    jw_key(&w, "chosen"), jw_strz(&w, t->with.chosen);
    jw_key(&w, "measured_on"), jw_strz(&w, t->with.on_dev ? t->o.dev : "cross-validation");
    report_rows_json(&w, list, FIGURES);
    jw_key(&w, "classes"), report_classes_json(&w, r);
    jw_key(&w, "mistakes"), report_pairs_json(&w, r, WORST_PAIRS);
    jw_close(&w, '}');
    printf("%s\n", buf_cstr(&b));
    buf_fini(&b);
}

static int report(const struct training *t)
{
    struct measure_row *judged = judged_rows(t);
    struct report r = { judged, t->with.judged_count, t->data.labels.names, t->data.labels.count, t->o.oos };
    struct report_row list[FIGURES];
    struct measured m;
    enum err e = judged ? measure(&m, judged, r.count, r.labels) : ERR_NOMEM;

    if (!e) figures(list, t, &m);
    if (!e && t->o.json) print_json(t, &r, list);
    else if (!e) print_text(t, &r, list);
    free(judged);
    return e ? failed("report", e, NULL) : fflush(stdout) ? 1 : 0;
}

/* ---- all of it ---- */

static int check_options(struct training *t)
{
    struct train_opts *o = &t->o;
    char why[200];
    int kind = words_find(&model_kind_words, str_of(o->kind));

    if (!o->data.count) return complain("--data", "is missing");
    if (!o->text) return complain("--text", "is missing: the column of the text");
    if (!o->label) return complain("--label", "is missing: the column of the label");
    if (!o->out) return complain("--out", "is missing: the model to write");
    if (kind < 0) {
        const char *near = str_nearest(str_of(o->kind), model_kind_words.v, model_kind_words.count);
        fprintf(stderr, "naru train: --kind %s is none of intent, urgency, sentiment, language%s%s%s\n", o->kind,
                near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
        return 2;
    }
    if (o->oos && (!*o->oos || strlen(o->oos) > MODEL_LABEL_LEN)) return complain("--oos", "a label has 1 to 64 bytes");
    if (o->json && feedback_wanted(&o->feedback)) return complain("--json", "is not to be had with --from-feedback");
    if (save_possible(o->out, why)) return complain("--out", why);
    t->kind = (enum model_kind)kind;
    return 0;
}

static int train(struct training *t)
{
    char why[200] = "";
    int status = check_options(t);

    if (!status) status = read_base(t);
    if (status) return status;
    remark_rare(t);
    if (feedback_wanted(&t->o.feedback)) status = add_feedback(t);
    if (!status && t->o.dev) status = read_dev(t);
    if (status) return status;
    enum err e = learn_all(t, why);
    if (e) return failed("learning", e, why);
    if (!t->o.quiet) status = report(t);
    int written = write_model(t); /* also when nobody reads the report any more */
    return written ? written : status;
}

static void training_fini(struct training *t)
{
    learn_report_fini(&t->with);
    learn_report_fini(&t->without);
    buf_fini(&t->model);
    labelled_fini(&t->data);
    labelled_fini(&t->dev);
    feedback_free(t->feedback); /* after the data, which points into it */
}

int train_main(int argc, char **argv)
{
    static struct training t;

    if (opt_parse(rows, "naru train --data F.tsv --text COLUMN --label COLUMN --out M.model [options]", argc, argv, &t.o)) return 2;
    labelled_init(&t.data);
    labelled_init(&t.dev);
    watch_signals();
    int status = train(&t);
    training_fini(&t);
    return status;
}
