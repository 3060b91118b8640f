/* Labelled messages out of tables (table.h), ready to learn from or to be judged by. */
#ifndef NARU_CLI_LABELLED_H
#define NARU_CLI_LABELLED_H

#include "base/map.h"
#include "base/opt.h"
#include "cli/table.h"
#include "cli/tell.h"
#include "workers/triage/learn.h"

#define LABELLED_FILES 64u

/* Labels by number, in the order in which they were first met. */
struct labels {
    char **names;
    uint32_t count, room, cap; /* cap: MODEL_LABELS_MAX, or more where others join them */
    struct map by_name;        /* name → number + 1 */
};
void labels_init(struct labels *l);
void labels_fini(struct labels *l);
/* The number of `name`, which is added when it is new; ERR_FULL beyond the cap, ERR_NOMEM. */
enum err labels_add(struct labels *l, struct str name, uint32_t *number);
int labels_find(const struct labels *l, struct str name); /* number, or -1 */

/* What the options of a command say about its data. Borrowed texts; NULL where nothing is said. */
struct labelled_cfg {
    const char *who;                             /* the command, for messages */
    const char *text, *label;                    /* columns; needed */
    const char *oos;                             /* the label that means "out of scope" */
    const char *map;                             /* "0=negative,1=neutral": labels as they are to be called */
    const struct words *only;                    /* labels must be of these */
    const char *subject, *language, *attributes; /* further columns, kept as they are */
};
/* The words that a kind of model may say; NULL: any. */
const struct words *labelled_only(enum model_kind kind);
enum { LABELLED_SUBJECT, LABELLED_LANGUAGE, LABELLED_ATTRIBUTES, LABELLED_MORE };

struct labelled_more {
    struct str cell[LABELLED_MORE];
};
struct labelled_place {
    uint32_t file, line;
};
struct labelled {
    struct table files[LABELLED_FILES]; /* texts point into them */
    uint32_t file_count;
    struct example *rows; /* label: a number of `labels`, or LEARN_OOS; weight 1 */
    struct labelled_place *places;
    struct labelled_more *more; /* NULL unless further columns are wanted */
    uint32_t count, room, oos;  /* rows, rows out of scope among them */
    struct labels labels;
    struct tally bad; /* rows that were passed over, by reason */
};

/* Zeroes `l`; labelled_fini is due whatever follows. */
void labelled_init(struct labelled *l);
void labelled_fini(struct labelled *l);
/* Adds the rows of the files. Bad rows are passed over and told on stderr by file and line, the first ten of each file. ERR_USAGE,
   told as well: no such file or column, a label of more than MODEL_LABEL_LEN bytes or not of `only`, too many rows or labels, no
   row left. */
enum err labelled_read(struct labelled *l, const struct labelled_cfg *cfg, const char *const *paths, size_t count);
/* Adds one row from elsewhere, with an empty label when it is out of scope; the text is borrowed. ERR_FULL (rows or labels),
   ERR_NOMEM. */
enum err labelled_add(struct labelled *l, struct str text, struct str label, float weight);
/* Puts the labels in order, of `only` (may be NULL) or else of their bytes, so that models do not depend on the rows' order.
   ERR_NOMEM. */
enum err labelled_settle(struct labelled *l, const struct words *only);

#endif
