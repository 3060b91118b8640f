#include "router/hook_plan.h"

#define SECOND    1000u
#define MINUTE    (60u * SECOND)
#define HOUR      (60u * MINUTE)
#define PROBE_MIN (5u * SECOND)
#define PROBE_MAX (5u * MINUTE)

static uint64_t about(uint64_t ms, struct rng *rng) { return ms - ms / 5 + rng_below(rng, ms * 2 / 5 + 1); }

uint64_t hook_delay(uint32_t failed, struct rng *rng)
{
    static const uint32_t waits[] = { 5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR,
                                      10 * HOUR,  14 * HOUR,  20 * HOUR,   24 * HOUR };
    const uint32_t last = sizeof waits / sizeof *waits - 1;
    uint32_t at = failed ? failed - 1 : 0;
    return about(waits[at < last ? at : last], rng);
}

bool breaker_good(struct breaker *b)
{
    bool was = b->state == BREAKER_OPEN;
    *b = (struct breaker){ .state = BREAKER_CLOSED };
    return was;
}

bool breaker_bad(struct breaker *b, uint64_t now, struct rng *rng)
{
    bool opens = b->state == BREAKER_CLOSED && b->failures + 1 >= HOOK_FAILURES;
    b->failures++;
    if (opens) b->state = BREAKER_OPEN;
    if (b->state == BREAKER_CLOSED) return false;
    uint64_t wait = b->probes < 7 ? (uint64_t)PROBE_MIN << b->probes : PROBE_MAX;
    b->probe_at = now + about(wait < PROBE_MAX ? wait : PROBE_MAX, rng);
    b->probes++;
    return opens;
}

bool breaker_lets(const struct breaker *b, uint32_t under_way, uint64_t now)
{
    return b->state == BREAKER_CLOSED || (!under_way && now >= b->probe_at);
}
