/* When a webhook that failed is tried again, and when its endpoint is left alone. Pure: clock and randomness are handed in. */
#ifndef NARU_ROUTER_HOOK_PLAN_H
#define NARU_ROUTER_HOOK_PLAN_H

#include "base/rng.h"

#include <stdbool.h>

/* The wait after `failed` attempts in a row of one change (1: the first): 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, then 24
   h, as Standard Webhooks recommends; each a fifth more or less by chance, so that what failed together does not come together. */
uint64_t hook_delay(uint32_t failed, struct rng *rng);

#define HOOK_FAILURES 10u /* in a row, of whatever changes: then the endpoint is only probed */
enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN };
struct breaker {
    enum breaker_state state;
    uint32_t failures, probes; /* in a row; since it opened */
    uint64_t probe_at;         /* open: the next attempt may leave then, alone */
};
/* An attempt ended well: true, it was open. */
bool breaker_good(struct breaker *b);
/* … or not: true, it has opened with this one. Probes: after 5 s, then twice as long each time, to 5 min. */
bool breaker_bad(struct breaker *b, uint64_t now, struct rng *rng);
/* May one leave now, with so many under way? */
bool breaker_lets(const struct breaker *b, uint32_t under_way, uint64_t now);

#endif
