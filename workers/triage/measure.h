/* How good guesses are: figures out of what was true and what was said. Pure: plain arrays in, structures out.

   Undefined figures (no row that they could be of) are NaN, which JSON shows as null. */
#ifndef NARU_WORKERS_TRIAGE_MEASURE_H
#define NARU_WORKERS_TRIAGE_MEASURE_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define MEASURE_OOS  UINT32_MAX        /* as truth or call: out of scope */
#define MEASURE_NONE (UINT32_MAX - 1u) /* as guess: none was made, which is never right */

/* One message. Labels are numbers below the `labels` that the functions are told, or the two words above. */
struct measure_row {
    uint32_t truth; /* a label, or MEASURE_OOS */
    uint32_t guess; /* the likeliest label that is in scope, or MEASURE_NONE */
    bool oos;       /* called out of scope */
    float p;        /* probability of `guess`; NaN where none was given */
    float scope;    /* how surely in scope; NaN where nothing says so */
};

/* What a row was called. Where the truth of no row is out of scope there is no such answer to give: then the guess counts, whatever
   the threshold said of it. */
struct measured {
    uint32_t n, in_scope, out_of_scope; /* rows, by their truth */
    double accuracy;                    /* share of the rows called right, out of scope being a label like others where it occurs */
    double macro_f1;                    /* mean F1 of the labels that occur in the truth, out of scope among them */
    double in_scope_accuracy;           /* of the rows in scope: guessed right and not called out of scope */
    double oos_recall;                  /* of the rows out of scope: called so */
    double auroc; /* chance that a row in scope has a higher `scope` than one out of scope, ties half (Fawcett 2006) */
    double ece;   /* expected calibration error of p as the chance that the guess is right, over the rows in scope that have both:
                     15 bins of equal width (Guo et al. 2017, "On Calibration of Modern Neural Networks") */
};
/* ERR_NOMEM is the only failure. */
enum err measure(struct measured *out, const struct measure_row *rows, uint32_t count, uint32_t labels);

struct measure_class {
    uint32_t label;                  /* MEASURE_OOS: the last one */
    uint32_t support, called, right; /* rows of that truth; rows called so; both */
    double precision, recall, f1;    /* NaN where nothing was called so, where nothing is so, where neither */
};
/* Fills out[0..labels], the last one for out of scope. */
void measure_classes(struct measure_class *out, const struct measure_row *rows, uint32_t count, uint32_t labels);

struct measure_pair {
    uint32_t truth, called, count;
};
/* The commonest mistakes, at most `max` of them, the most frequent first (ties by numbers); *found gets how many. ERR_NOMEM. */
enum err measure_pairs(struct measure_pair *out, uint32_t max, uint32_t *found, const struct measure_row *rows, uint32_t count);

/* Of labels that are steps of a ladder, 0 the lowest: agreement beyond chance with squared distances (Cohen 1968, "Weighted
   kappa"), 1 at best, 0 as by chance. Rows whose truth or guess is no step are passed over. NaN when there is none, or when either
   side never varies and the other neither. `steps` is at most MEASURE_STEPS. */
#define MEASURE_STEPS 16u
double measure_kappa(const struct measure_row *rows, uint32_t count, uint32_t steps);
/* Of the rows whose truth is `step` or higher: guessed `step` or higher. */
double measure_recall_from(const struct measure_row *rows, uint32_t count, uint32_t step, uint32_t steps);

#endif
