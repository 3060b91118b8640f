/* Learning a model from labelled messages. Pure but for memory: same examples, same configuration, same bytes. */
#ifndef NARU_WORKERS_TRIAGE_LEARN_H
#define NARU_WORKERS_TRIAGE_LEARN_H

#include "base/buf.h"
#include "workers/triage/model.h"

struct example {
    struct str text;
    uint32_t label; /* index into labels; LEARN_OOS: out of scope */
    float weight;   /* 1 unless it is to count more or less; > 0 */
};
#define LEARN_OOS     UINT32_MAX
#define LEARN_ROWS    4000000u /* most examples of a training */
#define LEARN_MIN_ROW 2u       /* labels: at least so many, rows too */
#define LEARN_WEIGHT  1000.0   /* most weight of an example */

struct learn_cfg {
    enum model_kind kind;
    uint64_t seed;
    const struct example *dev; /* where the threshold and the calibration come from; NULL: cross-validation */
    uint32_t dev_count;
    bool plain; /* whole words only, no n-grams of characters: quicker to score, weaker at typos, endings and unspaced text */
    void *ctx;
    /* What is being done ("fold 2 of 5", "epoch 7") and how far all of it is, 0..1; false stops with ERR_CLOSED. May be NULL. */
    bool (*progress)(void *ctx, const char *what, double done);
};

/* Held-out judgement of every example (cross-validation), or of dev's when there is one: for reports. */
struct judged {
    uint32_t row;   /* index into the examples, or into dev */
    uint32_t label; /* the guess; LEARN_OOS when out of scope */
    uint32_t best;  /* the likeliest label that is in scope, even then */
    float p, scope;
};
struct learn_report {
    struct judged *judged; /* owned by the report */
    uint32_t judged_count;
    bool on_dev;
    uint32_t features; /* kept in the model */
    double threshold, temperature;
    char chosen[256]; /* what was chosen by validation, as text: "l2 0.3, epochs 12" */
};
void learn_report_fini(struct learn_report *r);

/* Writes the model file's bytes into the empty `out`. `labels` are NUL-terminated, unique, 1..MODEL_LABEL_LEN bytes. `oos` is the
   label's word that LEARN_OOS examples stand for, or NULL. ERR_RANGE when there are too few or too many rows or labels, or what
   they say is out of its range, ERR_PROTO when the labels make no file that could be opened (`why` says), ERR_NOMEM, ERR_CLOSED
   when progress said stop. */
enum err learn(struct buf *out, const struct example *examples, uint32_t count, const char *const *labels, uint32_t label_count,
               const char *oos, const struct learn_cfg *cfg, struct learn_report *report, char why[200]);

#endif
