#include "base/clock.h"
#include "workers/assign/core.h"

/* Tickets that are put off: a callback that the policy promises (overflow, a step), or one that an agent asks for. While
   `scheduled` nobody has the ticket and it stands in no line; at `until` it waits again, with the age it has, so with its place.

     the customer writes     the message joins; it stays scheduled: they were told when
     the customer hangs up   a call stays scheduled, for its callback is why they may hang up; anything else is abandoned
     cancelled               it ends

   An agent may put a ticket off as often as the queue's callback rule says (`retries`); then the act is refused, and the ticket
   stays with them until they resolve or transfer it. A supervisor is not bound by that number. */

static const struct callback usual = { .given = true, .hours = -1, .retries = 3, .again_ms = 3600000 };

static uint64_t again_ms(const struct callback *c) { return c->again_ms ? c->again_ms : usual.again_ms; }

uint64_t callback_at(const struct workspace *ws, const struct policy *p, const struct callback *c)
{
    const struct hours *h = c->next_open && c->hours >= 0 ? &p->hours[c->hours] : NULL;
    uint64_t at = ws->now + c->in_ms, next = 0;

    if (h && !hours_open(h, at, &next)) return next ? next : at + again_ms(c); /* 0: beyond what the calendar knows */
    return c->in_ms ? at : ws->now + again_ms(c);                              /* open already: "next open" is not now */
}

static struct str told_until(struct workspace *ws, const struct ticket *t)
{
    struct jw w = jw_on(&ws->detail);
    char text[25];

    buf_clear(&ws->detail);
    jw_open(&w, '{');
    jw_key(&w, "until"), jw_strz(&w, clock_text(t->until, text));
    jw_close(&w, '}');
    return ws->detail.err ? STR_NONE : buf_str(&ws->detail);
}

void ticket_put_off(struct workspace *ws, struct ticket *t, uint64_t at, const char *cause)
{
    struct agent *had = ticket_agent(t);

    offers_withdraw(ws, t, NULL, "scheduled");
    t->until = at < ws->now + MS_WAIT ? at : ws->now + MS_WAIT;
    naru_assert(!ticket_step(ws, t, EV_SCHEDULE, NULL));
    log_change(ws, .kind = ENTRY_SCHEDULED, .t = t, .agent = had, .cause = cause, .detail = told_until(ws, t));
    if (had) change_offer(ws, t, had, "returned", "scheduled");
}

void ticket_due(struct workspace *ws, struct ticket *t)
{
    naru_assert(!ticket_step(ws, t, EV_DUE, NULL));
    log_change(ws, .kind = ENTRY_DUE, .t = t);
}

/* ---- by an act ---- */

/* The first one that the queue names. */
static const struct callback *rule_of(const struct queue *q)
{
    for (uint32_t i = 0; i < q->overflow_count; i++)
        if (q->overflow[i].callback.given) return &q->overflow[i].callback;
    for (uint32_t i = 0; i < q->timeline_count; i++)
        if (q->timeline[i].actions & STEP_CALLBACK) return &q->timeline[i].callback;
    return &usual;
}

void act_callback(struct workspace *ws, const struct act *a)
{
    struct ticket *t = act_own_target(ws, a, EV_SCHEDULE);
    const struct callback *c = t ? rule_of(queue_of(ws, t)) : NULL;
    char reason[129];

    if (!t) return;
    if (a->at && (a->at <= ws->now || a->at > ws->now + MS_WAIT)) {
        refuse(ws, a, 422, "bad-request", "\"at\" must lie in the future and within 30 days");
        return;
    }
    if (!a->privileged && t->callbacks >= c->retries) {
        refuse(ws, a, 409, "too-many-callbacks",
               "the ticket was put off %u times, the most that its queue allows; resolve or transfer it", t->callbacks);
        return;
    }
    t->callbacks++;
    ticket_put_off(ws, t, a->at ? a->at : ws->now + again_ms(c), act_reason(a, reason));
    act_tell(ws, a, t);
}
