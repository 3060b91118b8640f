#include "workers/assign/estimate.h"

void pace_feed(struct pace *p, uint64_t handle_ms, uint32_t memory)
{
    if (p->fed < memory) p->fed++;
    p->handle_ms += ((double)handle_ms - p->handle_ms) / p->fed;
}

double pace_handle(const struct pace *p, double assumed_ms, uint32_t prior)
{
    return (p->handle_ms * p->fed + assumed_ms * prior) / (p->fed + prior);
}

double estimate_wait(const struct service *s)
{
    if (s->slots <= 0) return -1;
    if (s->ahead < s->free) return 0;
    double waiting = s->ahead - s->free; /* the others go to slots that are free now */
    double work = s->ahead > 0 ? s->work_ms * waiting / s->ahead : 0;

    return (work + s->handle_ms) / s->slots;
}

double estimate_rate(const struct service *s) { return s->handle_ms > 0 ? s->slots * 3600000 / s->handle_ms : 0; }
