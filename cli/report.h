/* Figures of guesses, as tables for people and as JSON. */
#ifndef NARU_CLI_REPORT_H
#define NARU_CLI_REPORT_H

#include "base/json.h"
#include "workers/triage/measure.h"

/* What is told about: rows whose labels are numbers of `names`. All borrowed. */
struct report {
    const struct measure_row *rows;
    uint32_t count;
    char *const *names;
    uint32_t labels;
    const char *oos; /* the word for out of scope; NULL: "(out of scope)" */
};
const char *report_name(const struct report *r, uint32_t label); /* also of MEASURE_OOS and MEASURE_NONE */

/* A list of named numbers: in the text whole ones as such, others with four digits, undefined ones as "-"; in JSON null. */
struct report_row {
    const char *key;
    double v;
};
void report_rows(const struct report_row *rows, size_t count);
void report_rows_json(struct jw *w, const struct report_row *rows, size_t count);

/* The labels that occur, those with the lowest F1 first, at most `most` of them. */
void report_classes(const struct report *r, uint32_t most);
void report_classes_json(struct jw *w, const struct report *r); /* an array, in the labels' order */
/* The commonest mistakes. */
#define REPORT_PAIRS 100u
void report_pairs(const struct report *r, uint32_t most);
void report_pairs_json(struct jw *w, const struct report *r, uint32_t most);

#endif
