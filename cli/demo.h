/* The demo: simulated customers (naru send) and agents (naru crowd) against a Naru that `naru up` has started, a live table, and
   at the end every acknowledged event looked up again and accounted for. */
#ifndef NARU_CLI_DEMO_H
#define NARU_CLI_DEMO_H

#include "cli/supervise.h"

struct demo;
struct demo_cfg {
    const char *self;        /* path of this program */
    const char *data;        /* folder for the clients' files */
    const char *token_file;
    unsigned seconds, rate;
    bool json;
    struct supervisor *sup;  /* for the CPU time */
    void *ctx;
    void (*done)(void *ctx, int status); /* on the loop; status 0: nothing lost, nothing double */
};
enum err demo_open(struct demo **out, uv_loop_t *loop, const struct demo_cfg *cfg);
void demo_start(struct demo *d, unsigned port); /* runs in a thread of its own */
void demo_interrupt(struct demo *d);            /* ends the customers early; the summary is still made */
void demo_close(struct demo *d);                /* after done, or before start; frees itself later in the loop */

#endif
