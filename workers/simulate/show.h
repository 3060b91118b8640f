/* Figures as people read them, and columns that line up. Nothing of it depends on the machine's locale. */
#ifndef NARU_SIMULATE_SHOW_H
#define NARU_SIMULATE_SHOW_H

#include "base/buf.h"
#include "workers/simulate/interval.h"
#include "workers/simulate/report.h"

#define SHOW_MAX 40u
/* "12,431" "88.83 %" "39.1s" "4m55s" "0.712"; "-" for NAN. Returns `out`. */
const char *show(enum unit unit, double v, char out[SHOW_MAX]);
/* With its sign, for differences: "+2.41s" "-0.52 %"; 0 has none. */
const char *show_signed(enum unit unit, double v, char out[SHOW_MAX]);
/* " ±0.42s", or "" when there is no interval. */
const char *show_half(enum unit unit, const struct interval *v, char out[SHOW_MAX]);
/* Columns that a text takes on a terminal: two for a wide character (Hangul, Han, kana, full-width forms), else one. */
uint32_t show_width(struct str text);

/* A grid of texts: the first column to the left, the others to the right, each as wide as its widest text. */
struct grid {
    struct buf cells; /* each with a NUL at its end */
    uint32_t columns, count;
};
void grid_init(struct grid *g, uint32_t columns);
void grid_fini(struct grid *g);
void grid_add(struct grid *g, const char *text);       /* the next cell, row by row */
void grid_text(const struct grid *g, struct buf *out); /* what fails is in out->err */

#endif
