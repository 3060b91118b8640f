/* What of a policy may be tuned: values that say how tickets are matched, never what is promised (targets) or who is there. */
#ifndef NARU_SIMULATE_PARAMS_H
#define NARU_SIMULATE_PARAMS_H

#include "base/arena.h"
#include "base/buf.h"

#define PARAMS_MAX  512u /* of one search */
#define PARAM_WORDS 16u  /* choices among words */
#define PARAM_TEXT  128u /* bytes of a value */
#define PARAMS_WHY  1024u

/* How a value is written: 2.5, 3, 45s, 45s or 30%, ">5", ">45s" or ">30%", one of some words. */
enum param_kind { PARAM_NUMBER, PARAM_WHOLE, PARAM_MS, PARAM_SPAN, PARAM_OVER, PARAM_OVER_SPAN, PARAM_CHOICE };

/* One row for each key. `*` stands for a name, `[]` for an item. */
struct param_row {
    const char *path;
    enum param_kind kind;
    bool log;                   /* searched by factors, else by differences */
    double least, most;         /* bounds; of times in ms */
    double pct_least, pct_most; /* … of percentages */
    double reach; /* searched from start / reach to start * reach (log), or up to (start + 1) * reach; 0: all within the bounds */
    const char *fallback;     /* where the file does not write it; NULL: then it is not tuned */
    const char *const *words; /* PARAM_CHOICE: what it may be beside what is written, NULL ends */
    bool together;            /* all places of a pattern change as one */
};
extern const struct param_row param_rows[]; /* a row without path ends */

/* One thing that is tuned. A position is 0..1 from the least to the most that is searched; of choices 0..words - 1, whole. */
struct param {
    const struct param_row *row;
    const char **paths; /* as edit_set takes them; more than one when they change together */
    uint32_t path_count;
    const char *name;    /* the path, or the pattern of those that change together */
    const char *written; /* as in the file; of what it does not write, the default */
    bool percent;
    double least, most, start; /* what is searched, and what the file says: numbers, ms, percent; words by number */
    const char *words[PARAM_WORDS];
    uint32_t word_count; /* 0: a number */
};
struct params {
    struct param *v;
    uint32_t count;
    struct arena arena; /* of all texts */
};

/* Those of the policy file `yaml` that `over` names: dotted patterns, split by commas, in which `*` stands for any name and items
   may have their number; `queues.*.weights,gates` is queues.*.weight and all of queues.*.gate. What a pattern that ends in `=`
   names gets one value, where the same is written now. ERR_OK: params_fini is due. ERR_USAGE: `why` is a sentence with the nearest
   right pattern. ERR_YAML, ERR_NOMEM. */
enum err params_find(struct params *out, struct str yaml, const char *over, char why[PARAMS_WHY]);
void params_fini(struct params *p);

/* "45s", ">30%", "2.5" as a number; *percent says which. False: not of this kind. `s` is NUL-terminated. */
bool param_read(enum param_kind kind, struct str s, double *out, bool *percent);
double param_position(const struct param *p); /* of what is written */
/* The value at a position, as a file has it: rounded to two digits, three of numbers. */
void param_text(const struct param *p, double position, char out[PARAM_TEXT]);
bool param_moved(const struct param *p, double position); /* its text is another than what is written */
/* `yaml` with all values that differ from what is written, set; `out` is an empty buffer. As edit_set. */
enum err params_apply(const struct params *p, const double *position, struct str yaml, struct buf *out);

#endif
