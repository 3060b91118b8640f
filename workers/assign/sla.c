#include "workers/assign/core.h"

/* Targets of a queue: answer (from the ticket's age to its first owner), reply (from the customer's message to the agent's reply),
   resolve (from its age to its end). Each gives a deadline, by the ticket's urgency now; where a target has hours, its time runs
   only while they are open.

   Each is counted once, as met or missed: missed the moment its deadline passes, met when it happens before. A ticket that ends
   before its deadline without having come to it counts as neither. The reply target counts anew with each message that begins a
   wait for a reply. The clocks run on while a ticket is scheduled or parked: what is not to count at night is what hours are for.
 */

static const struct sla *target_of(const struct queue *q, enum sla_target which)
{
    return which == SLA_ANSWER ? &q->answer : which == SLA_REPLY ? &q->reply : &q->resolve;
}

uint64_t sla_at(const struct workspace *ws, const struct sla *s, uint64_t from, uint64_t ms)
{
    return s->hours >= 0 ? hours_add(&ws->policy->hours[s->hours], from, ms) : from + ms;
}

uint64_t sla_due(const struct workspace *ws, const struct ticket *t, enum sla_target which)
{
    const struct sla *s = target_of(queue_of(ws, t), which);
    uint64_t from = which == SLA_REPLY ? t->reply_from : t->enqueued;

    if (!from || (which != SLA_ANSWER && !s->given)) return UINT64_MAX;
    return sla_at(ws, s, from, s->within_ms[t->urgency]);
}

void ticket_due_from_sla(struct workspace *ws, struct ticket *t)
{
    t->due_at = sla_due(ws, t, SLA_ANSWER);
    change_touch(ws, t);
}

static bool is_told(const struct ticket *t, enum sla_target which) { return t->sla_told >> which & 1; }

static void count(struct workspace *ws, struct ticket *t, enum sla_target which, bool missed)
{
    struct wait_queue *q = &ws->queues[t->queue];

    t->sla_told |= (uint8_t)(1u << which);
    q->sla[which][missed]++;
    if (which == SLA_ANSWER) q->met = q->met < 0 ? !missed : q->met + (!missed - q->met) / 32;
    change_touch(ws, t);
}

uint64_t sla_next(const struct workspace *ws, const struct ticket *t)
{
    uint64_t next = UINT64_MAX;

    for (unsigned i = 0; i < SLA_COUNT; i++) {
        uint64_t at = is_told(t, i) ? UINT64_MAX : sla_due(ws, t, i);
        if (at < next) next = at;
    }
    return next == UINT64_MAX ? next : next + 1; /* at the deadline itself it is still in time */
}

void sla_run(struct workspace *ws, struct ticket *t)
{
    for (unsigned i = 0; i < SLA_COUNT; i++)
        if (!is_told(t, i) && sla_due(ws, t, i) < ws->now) count(ws, t, i, true);
}

void sla_met(struct workspace *ws, struct ticket *t, enum sla_target which)
{
    uint64_t due = is_told(t, which) ? UINT64_MAX : sla_due(ws, t, which);

    if (due != UINT64_MAX) count(ws, t, which, ws->now > due);
    if (which != SLA_REPLY) return;
    t->reply_from = 0;
    t->sla_told &= (uint8_t) ~(1u << SLA_REPLY);
    change_touch(ws, t);
}

void sla_message(struct workspace *ws, struct ticket *t, uint64_t at)
{
    if (t->reply_from || !queue_of(ws, t)->reply.given) return;
    t->reply_from = at && at < ws->now ? at : ws->now;
    change_touch(ws, t);
}
