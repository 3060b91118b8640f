#include "workers/assign/core.h"

/* A queue's figures as entries of the change log, for those who are told by webhooks. When nobody asks for them (the policy says),
   a turn costs one comparison.

   What is always true: a queue whose numbers of tickets, or hours, differ from what was said last is told of EVERY_MS after the
   last time, or SOON_MS after it when somebody has begun to wait there, or it has opened or closed; until then `tell_at` wakes
   us. Waits and forecasts move by themselves all the time and are told along. */

#define EVERY_MS 5000u
#define SOON_MS  1000u

static void read_hours(const struct workspace *ws, const struct queue *q, struct queue_told *t)
{
    if (q->answer.hours < 0 || ws->now < t->hours_next) return;
    t->shut_now = !hours_open(&ws->policy->hours[q->answer.hours], ws->now, &t->hours_next);
    if (!t->hours_next) t->hours_next = UINT64_MAX;
}

static void tell(struct workspace *ws, uint32_t i)
{
    struct wait_queue *q = &ws->queues[i];
    struct jw w = jw_on(&ws->detail);

    buf_clear(&ws->detail);
    jw_open(&w, '{');
    read_queue_fields(ws, &w, i);
    jw_close(&w, '}');
    q->told.at = ws->now;
    q->told.waiting = (uint32_t)q->by_age.count;
    q->told.offered = q->offered;
    q->told.assigned = q->assigned;
    q->told.scheduled = q->scheduled;
    q->told.shut = q->told.shut_now;
    if (!ws->detail.err) log_change(ws, .kind = ENTRY_QUEUE, .queue = &ws->policy->queues[i], .detail = buf_str(&ws->detail));
}

static void look(struct workspace *ws, uint32_t i)
{
    struct wait_queue *q = &ws->queues[i];
    struct queue_told *t = &q->told;
    const struct queue *rules = &ws->policy->queues[i];

    read_hours(ws, rules, t);
    bool turned = t->shut_now != t->shut, soon = turned || (!t->waiting && q->by_age.count);
    bool same = !turned && t->waiting == q->by_age.count && t->offered == q->offered && t->assigned == q->assigned &&
                t->scheduled == q->scheduled;
    uint64_t due = t->at + (soon ? SOON_MS : EVERY_MS), next = rules->answer.hours < 0 ? UINT64_MAX : t->hours_next;
    if (!same && ws->now >= due) tell(ws, i);
    else if (!same && due < next) next = due;
    if (next < ws->tell_at) ws->tell_at = next;
}

void queues_tell(struct workspace *ws)
{
    ws->tell_at = UINT64_MAX;
    if (ws->watch || !ws->policy->tells_queues) return;
    for (uint32_t i = 0; i < ws->queue_count; i++) look(ws, i);
}
