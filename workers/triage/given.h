/* What external scorers said of one event, stage by stage: checked, ready for the verdict (see scorers.h). */
#ifndef NARU_WORKERS_TRIAGE_GIVEN_H
#define NARU_WORKERS_TRIAGE_GIVEN_H

#include "config/policy.h"

struct given {
    struct answered {
        bool is;           /* false: nobody answered, the stage is ours and the rest is empty */
        bool oos;          /* intent: none of those the scorer knows; `label` is empty then, else never */
        int word;          /* urgency, sentiment: the enum's number; else 0 */
        struct str label;  /* an intent; the word of the urgency or sentiment; a language subtag or "und" */
        struct str second; /* the next best, or empty */
        struct str by;     /* "scorer:NAME" */
        struct str detail; /* "refund 0.93", with the scorer's own words behind it when it gave some: of a reason's length */
        double p;          /* 0..1 */
    } of[ANSWER_COUNT];
};

#endif
