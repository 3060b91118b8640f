/* Learning from corrections: the rows that GET /v1/feedback gives (or a file of them, a JSON object a line), as examples for
   `naru train`, and the judgement whether what was learnt with them is better than what there was.

   What train.c does, when feedback_wanted() of its options says so:

     1. FEEDBACK_ROWS(struct train_opts, feedback) among its option rows, `struct feedback_opts feedback` in its options.
     2. feedback_load() once the base data is read. For each i < feedback_count(f): feedback_example() gives a text, a label and a
        weight; add it behind the base data's examples. The label may be one that the base data does not have: a label more.
        What is held back is not among them.
     3. learn() with all of them, written to a file of its own beside --out ("<out>.new").
     4. feedback_judge() with that file, the base data's judgement (struct feedback_base) and the place of --out: prints the table
        and the sentence. Then rename when *swap is true, else unlink; the exit status is 0 when *swap, else 1.

   The label may be the word of --oos, which then stands for LEARN_OOS as in the base data.

   What teaches is chosen in feedback_select.c, what is better is said by feedback_compare.c, plain functions of the rows both. */
#ifndef NARU_CLI_FEEDBACK_H
#define NARU_CLI_FEEDBACK_H

#include "base/opt.h"
#include "workers/triage/learn.h"

struct feedback_opts {
    struct opt_list from; /* URLs, data folders of `naru up`, files written by `naru feedback` */
    const char *token, *token_file, *workspace, *old;
    double weight;
    uint64_t held; /* percent */
    bool force;
};
/* clang-format off */
#define FEEDBACK_ROW(S, member, name, kind, field, fallback, min, max, arg, help) \
    { name, kind, offsetof(S, member) + offsetof(struct feedback_opts, field), fallback, min, max, arg, help }
#define FEEDBACK_ROWS(S, m)                                                                                                   \
    FEEDBACK_ROW(S, m, "from-feedback", OPT_LIST, from, NULL, 0, 0, "URL|DIR|FILE",                                            \
                 "corrections: a router, a data folder of naru up, or a file of naru feedback"),      \
    FEEDBACK_ROW(S, m, "feedback-weight", OPT_F64, weight, "3", 0.01, 1000, "X", "rows of the base data that a correction counts as"), \
    FEEDBACK_ROW(S, m, "feedback-held", OPT_U64, held, "30", 1, 90, "PERCENT", "share of the corrections held back to compare on"), \
    FEEDBACK_ROW(S, m, "old", OPT_STR, old, NULL, 0, 0, "FILE", "the model to be better than (default: the file at --out)"),   \
    FEEDBACK_ROW(S, m, "force", OPT_FLAG, force, NULL, 0, 0, NULL, "write the model even when it is not better"),              \
    FEEDBACK_ROW(S, m, "token", OPT_STR, token, NULL, 0, 0, "TOKEN", "access token for --from-feedback URL"),                  \
    FEEDBACK_ROW(S, m, "token-file", OPT_STR, token_file, NULL, 0, 0, "FILE", "… or a file with it (default: operator.token of the data folder)"), \
    FEEDBACK_ROW(S, m, "workspace", OPT_STR, workspace, NULL, 0, 0, "NAME", "whose corrections (default: the token's)")
/* clang-format on */

static inline bool feedback_wanted(const struct feedback_opts *o) { return o->from.count > 0; }

struct feedback;
/* Reads all sources and selects for `kind`: rows that correct this field; of a ticket the latest; the same text with the same label
   once; the same text with two labels not at all; then `held` percent of the tickets, by a hash of their ids, are held back. Says
   on stderr, in the name of "naru train", what was read and left out. ERR_USAGE (a source cannot be read or is none, told on
   stderr), ERR_NOTFOUND (there is no row for this kind, told), ERR_NOMEM. The caller owns *out. */
enum err feedback_load(struct feedback **out, const struct feedback_opts *o, enum model_kind kind);
void feedback_free(struct feedback *f); /* NULL is fine */

struct feedback_example { /* borrowed from f */
    struct str text;      /* subject and text with '\n' between */
    const char *label;
    float weight;
};
uint32_t feedback_count(const struct feedback *f); /* to be learnt from */
struct feedback_example feedback_example(const struct feedback *f, uint32_t i);

/* How the base data is judged before and after.
   With --dev: `rows` are its rows and the two models are scored on them here; `before` and `after` are NULL.
   Without: `rows` are the base data's own. A model is not to be judged on what it was learnt from, so both sides are
   cross-validated: learn() without the corrections first, then with them (same seed), and feedback_right() after each, before the
   labels get other numbers. All borrowed. */
struct feedback_base {
    const struct example *rows;
    uint32_t count;
    const char *const *labels;  /* what example.label counts in; LEARN_OOS: out of scope */
    const bool *before, *after; /* of each row: was it judged right? */
};
/* Fills right[0..count) from a report of the same rows (judged rows beyond `count`, the corrections, are passed over). */
void feedback_right(const struct learn_report *report, const struct example *rows, uint32_t count, bool *right);
/* Opens the model at `new_path` and the old one (--old, else `out_path` when it is there; none is fine: then the new one is said to
   be the first), compares them on what was held back and on the base data, prints table and sentence on stdout. *swap: better, or
   the first, or --force. ERR_USAGE: a model cannot be opened (told on stderr); ERR_NOMEM. */
enum err feedback_judge(const struct feedback *f, const struct feedback_opts *o, const char *new_path, const char *out_path,
                        const struct feedback_base *base, bool *swap);

#endif
