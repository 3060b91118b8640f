/* A trained model: a file, mapped, that gives probabilities of labels for a text. Immutable and shared: between threads by
   reference, between processes by the page cache.

   A model is found by `naru train`; what is in the file is said in model_file.h, how it is learnt in learn.h. */
#ifndef NARU_WORKERS_TRIAGE_MODEL_H
#define NARU_WORKERS_TRIAGE_MODEL_H

#include "proto/record.h"
#include "workers/triage/features.h"

#define MODEL_KIND_MAP(X)                                                                                                          \
    X(MODEL_INTENT, "intent") X(MODEL_URGENCY, "urgency") X(MODEL_SENTIMENT, "sentiment") X(MODEL_LANGUAGE, "language")
enum model_kind {
#define MODEL_KIND_ENUM(id, word) id,
    MODEL_KIND_MAP(MODEL_KIND_ENUM) MODEL_KIND_COUNT
#undef MODEL_KIND_ENUM
};
extern const struct words model_kind_words;

#define MODEL_LABELS_MAX 4096u
#define MODEL_LABEL_LEN  64u /* bytes of a label */
#define EVIDENCE_MAX     16u

struct model;

/* Maps and checks the file: magic, version, size, CRC, every count and index. The caller owns one reference of *out.
   ERR_IO when it cannot be read, ERR_PROTO when it is damaged or foreign, ERR_NOMEM; `why` is a sentence. */
enum err model_open(struct model **out, const char *path, char why[200]);
struct model *model_ref(struct model *m); /* thread-safe */
void model_unref(struct model *m);        /* NULL is fine */

enum model_kind model_kind(const struct model *m);
uint32_t model_labels(const struct model *m); /* 1..MODEL_LABELS_MAX, the out-of-scope label among them when learnt */
struct str model_label(const struct model *m, uint32_t label); /* lives as long as the model; NUL-terminated */
int model_find(const struct model *m, struct str label);       /* index, or -1 */
int model_oos(const struct model *m);                          /* the label that means "out of scope", or -1 */
double model_threshold(const struct model *m);                 /* a score below it is out of scope; 0: nothing is */

/* How a model was learnt, for people. */
struct model_facts {
    uint64_t examples, seed, size; /* size: bytes of the file */
    uint32_t features, groups;     /* groups: bits of enum gram_group */
    double temperature;
};
void model_facts(const struct model *m, struct model_facts *out);

/* What a model says of a text. */
struct guess {
    uint32_t label, second; /* the likeliest label that is in scope, and the next (equal when there is one only) */
    double p;               /* calibrated probability of `label`, 0..1 */
    double margin;          /* p - probability of `second` */
    double scope;           /* how surely in scope, 0..1; what the threshold is compared with */
    bool oos;               /* out of scope: scope < model_threshold */
};

/* Scores the text that `f` was read from. `p` has room for model_labels floats and gets the calibrated probabilities (their sum
   is 1). Never fails; a text without a known feature gets the shares of the labels, and is out of scope where the model knows
   that answer. Does not allocate. */
void model_score(const struct model *m, struct features *f, float *p, struct guess *out);

/* The n-grams that spoke strongest for `label` (positive) or against it, largest first: fills at most `max` (<= EVIDENCE_MAX) of
   out[], texts in f, valid until its next reading. Returns the count. Slower than scoring: for those who ask. */
struct evidence {
    struct str feature; /* as people read it: a word, two words, "…eg" part of a word */
    float weight;       /* what it added to the label's score, before calibration */
};
uint32_t model_explain(const struct model *m, struct features *f, uint32_t label, struct evidence *out, uint32_t max);

#endif
