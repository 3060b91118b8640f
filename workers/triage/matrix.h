/* Labelled texts as a matrix of features, ready for nets. Pure. */
#ifndef NARU_WORKERS_TRIAGE_MATRIX_H
#define NARU_WORKERS_TRIAGE_MATRIX_H

#include "workers/triage/learn.h"
#include "workers/triage/model_file.h"
#include "workers/triage/net.h"

struct matrix {
    struct sparse rows;
    uint64_t *hash; /* by feature */
    uint8_t *idf;   /* by feature, × MODEL_IDF */
};

/* Reads the examples' texts in the given groups (bits of enum gram_group) and keeps the `most` features that most examples have;
   of equally frequent ones, single words go before parts of words and those before pairs. LEARN_OOS becomes the label `labels`.
   Weights are the examples', with rarer labels raised: (average count / count)^balance. ERR_NOMEM, ERR_CLOSED when `stop` says so.
 */
enum err matrix_make(struct matrix *m, const struct example *examples, uint32_t count, uint32_t labels, unsigned groups,
                     uint32_t most, double balance, bool (*stop)(void *ctx, double done), void *ctx);
void matrix_fini(struct matrix *m); /* a zeroed one is fine */

#endif
