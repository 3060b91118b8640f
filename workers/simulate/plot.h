/* The day as a picture: waits (mean and 90 of 100) above, the share in time in the middle, arrivals below, over the clock of the
   policy's time zone; two policies in two colours. SVG 1.1 that stands alone: no script, no font, no link; readable on a light and
   on a dark ground. */
#ifndef NARU_SIMULATE_PLOT_H
#define NARU_SIMULATE_PLOT_H

#include "base/buf.h"
#include "workers/simulate/report.h"

struct plot {                           /* all borrowed */
    const struct sim_report *report[2]; /* [1] NULL: one policy */
    const char *name[2];                /* what the legend calls them; escaped here */
    const char *title;
    uint32_t replications;
};
/* ERR_NOTFOUND: no ticket arrived, there is nothing to draw. What else fails is in out->err. */
enum err plot_svg(const struct plot *p, struct buf *out);
/* `text` as XML character data or attribute value; what XML does not allow becomes U+FFFD. */
void plot_escape(struct buf *out, struct str text);

#endif
