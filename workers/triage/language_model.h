/* The language of a text by script first, then by a model among the languages of that script. Pure. */
#ifndef NARU_WORKERS_TRIAGE_LANGUAGE_MODEL_H
#define NARU_WORKERS_TRIAGE_LANGUAGE_MODEL_H

#include "workers/triage/language.h"
#include "workers/triage/model.h"

#define LANGUAGE_LABELS 256u /* most labels of a language model */
#define LANGUAGE_SAID   96u  /* bytes of what is said of a judgement */
/* A guess below this probability is not followed: the language is "und" then. A wrong language would ask for a skill that the
   right agent lacks, an unknown one asks for none. */
#define LANGUAGE_SURE 0.30

/* A language model and which of its labels each script can be: made once, read by many threads. */
struct language_model {
    const struct model *model;         /* borrowed */
    uint32_t scripts[LANGUAGE_LABELS]; /* of a label: bit s stands for script s */
    uint32_t asked;                    /* bit s: script s writes two languages of the model or more, so the model is asked */
};
/* ERR_RANGE when the model is of another kind or has over LANGUAGE_LABELS labels; `why` is a sentence then. A label that is no
   known language may be of any script that many languages share. */
enum err language_model_init(struct language_model *lm, const struct model *m, char why[200]);

struct language_found {
    struct str code;          /* "ko"; "und": no letters, or the model is unsure. Static, or lives as long as the model */
    struct str by;            /* static: "script" or "model" */
    double p;                 /* how sure: 1 for a script that has one language, 0 without letters; else the model's, over the
                                 languages of the script */
    char said[LANGUAGE_SAID]; /* for the reason: "Hangul", or "Latin: es 0.93, pt 0.05" */
};
/* Script first; the model (`lm`, NULL: none) only where the dominating script is shared, and only over the languages of that
   script. `f` has read the text whose letters `l` counts; not touched without need. */
void language_judge(const struct letters *l, const struct language_model *lm, struct features *f, struct language_found *out);
#endif
