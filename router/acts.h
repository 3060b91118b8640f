/* Questions and acts on their way to a leader, each with a deadline. A result, the deadline or the end of this process answers it,
   exactly once. A new leader is asked again what the old one had not answered: accept, resolve and the reads are harmless twice. */
#ifndef NARU_ROUTER_ACTS_H
#define NARU_ROUTER_ACTS_H

#include "proto/records.h"

#include <sys/queue.h>

#define ACT_MS 10000u

typedef void act_fn(void *ctx, const struct result *r); /* `r` valid during the call */

struct act_slot;
TAILQ_HEAD(act_list, act_slot);
struct acts_cfg {
    void *ctx;
    /* ERR_FULL: later. ERR_CLOSED, ERR_UNAVAILABLE: nobody leads the workspace. */
    enum err (*send)(void *ctx, uint16_t workspace, struct str packed);
};
struct acts {
    struct acts_cfg cfg;
    struct act_slot *slots;
    struct act_list spare, waiting, unsent; /* waiting: all that are under way, oldest first */
    uint32_t count, unsent_count;
    struct buf scratch;
};
enum err acts_init(struct acts *a, const struct acts_cfg *cfg, uint32_t seed);
void acts_refuse_all(struct acts *a); /* answers what is under way: the router is stopping */
void acts_fini(struct acts *a);       /* the same, and frees */
/* Gives the act its id and sends it. Without a leader: waits for one until the deadline when `patient`, else ERR_UNAVAILABLE.
   ERR_FULL beyond LIM_ACTS. On an error `fn` is not called. */
enum err acts_ask(struct acts *a, uint16_t workspace, struct act *act, bool patient, uint64_t now, act_fn *fn, void *ctx);
void acts_result(struct acts *a, const struct result *r); /* late and unknown ones are dropped */
void acts_led(struct acts *a, uint16_t workspace);        /* somebody leads it anew */
uint32_t acts_pump(struct acts *a);
void acts_tick(struct acts *a, uint64_t now);

#endif
