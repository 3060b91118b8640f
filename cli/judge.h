/* Labelled messages judged: by one model, or by the whole verdict of a policy. */
#ifndef NARU_CLI_JUDGE_H
#define NARU_CLI_JUDGE_H

#include "cli/labelled.h"
#include "cli/triager.h"
#include "workers/triage/measure.h"

struct judgement {
    struct measure_row *rows; /* one a row of the data; labels are numbers of the data's, which those of the judge have joined */
    uint32_t count;
    double us; /* a message: reading features and scoring, or the whole verdict; the median of three walks over the data */
};
/* Says which labels of the data the model does not know (their rows count as wrong). ERR_NOMEM, ERR_FULL. Either way
   judgement_fini is due. */
enum err judge_by_model(struct judgement *j, struct labelled *data, const char *who, const struct model *m);
/* An unsure verdict, or one without an intent, is called out of scope. ERR_USAGE when a row's attributes are not a JSON object of
   texts (told), else as above. */
enum err judge_by_policy(struct judgement *j, struct labelled *data, const char *who, struct triager *t, enum model_kind field);
void judgement_fini(struct judgement *j);

/* The rows with labels as steps of the ladder low … critical, for kappa and recall; others as MEASURE_NONE. The caller frees; NULL
   without memory. */
struct measure_row *judge_ladder(const struct measure_row *rows, uint32_t count, const struct labels *labels);

#endif
