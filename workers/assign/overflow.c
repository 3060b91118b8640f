#include "workers/assign/core.h"

#include <stdio.h>

/* Overflow: clauses of a queue that send a ticket elsewhere, before it waits in it or when it has waited for long.

   Before: when a ticket is opened, the clauses without `age` are asked in the order written. The first whose conditions all hold
   decides: a move goes on with the clauses of the other queue (the policy has no ring of moves), a callback puts the ticket off,
   a refusal ends it. A `deflect` is an announcement to integrations, and asking goes on behind it. So it does behind a clause that
   only has an `answer`; of several answers the customer is given the first.

   After: a clause with an `age` is asked when the ticket is that old and waits, once a stay in the queue. Where its other
   conditions do not hold then, it is asked again every ten seconds as long as the ticket waits. */

#define AGAIN_MS 10000u

static uint64_t span_ms(const struct workspace *ws, const struct ticket *t, const struct span_of *s)
{
    return s->pct ? (uint64_t)queue_of(ws, t)->answer.within_ms[t->urgency] * s->pct / 100 : s->ms;
}

static bool has_span(const struct span_of *s) { return s->ms || s->pct; }

/* ---- conditions: each tells whether it is given, and whether it holds ---- */

static bool asks_waiting(const struct overflow *o) { return o->waiting_over && o->waiting_over != UINT32_MAX; }
static bool is_long(struct workspace *ws, const struct ticket *t, const struct overflow *o)
{
    return ws->queues[t->queue].by_age.count > o->waiting_over;
}

static bool asks_expected(const struct overflow *o) { return has_span(&o->expected_over); }
static bool is_slow(struct workspace *ws, const struct ticket *t, const struct overflow *o)
{
    struct service s = forecast_ticket(ws, t);
    double wait = estimate_wait(&s);

    return wait < 0 || wait > (double)span_ms(ws, t, &o->expected_over); /* nobody there: longer than any span */
}

static bool asks_closed(const struct overflow *o) { return o->closed >= 0; }
static bool is_closed(struct workspace *ws, const struct ticket *t, const struct overflow *o)
{
    (void)t;
    return !hours_open(&ws->policy->hours[o->closed], ws->now, NULL);
}

static bool asks_staffed(const struct overflow *o) { return o->nobody_staffed; }
static bool is_unstaffed(struct workspace *ws, const struct ticket *t, const struct overflow *o)
{
    (void)o;
    return !forecast_staffed(ws, t);
}

static bool asks_age(const struct overflow *o) { return has_span(&o->age); }
static bool is_old(struct workspace *ws, const struct ticket *t, const struct overflow *o)
{
    return ws->now - t->enqueued >= span_ms(ws, t, &o->age);
}

static const struct {
    const char *cause;
    bool (*given)(const struct overflow *o);
    bool (*holds)(struct workspace *ws, const struct ticket *t, const struct overflow *o);
} conditions[] = {
    { "overflow:waiting", asks_waiting, is_long },        { "overflow:closed", asks_closed, is_closed },
    { "overflow:staffed", asks_staffed, is_unstaffed },   { "overflow:age", asks_age, is_old },
    { "overflow:expected_wait", asks_expected, is_slow }, /* the dearest last */
};

/* When all conditions hold: the cause, named after the first; else NULL. */
static const char *overflows(struct workspace *ws, const struct ticket *t, const struct overflow *o)
{
    const char *cause = NULL;

    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
        if (!conditions[i].given(o)) continue;
        if (!conditions[i].holds(ws, t, o)) return NULL;
        if (!cause) cause = conditions[i].cause;
    }
    return cause;
}

/* ---- actions ---- */

static struct str detail(struct workspace *ws, const char *key, const char *text)
{
    struct jw w = jw_on(&ws->detail);

    buf_clear(&ws->detail);
    jw_open(&w, '{');
    jw_key(&w, key), jw_strz(&w, text);
    jw_close(&w, '}');
    return ws->detail.err ? STR_NONE : buf_str(&ws->detail);
}

static void deflect(struct workspace *ws, struct ticket *t, const char *to, const char *cause)
{
    log_change(ws, .kind = ENTRY_DEFLECTED, .t = t, .cause = cause, .detail = detail(ws, "to", to));
}

static bool goes_away(const struct overflow *o) { return o->callback.given || o->refuse; }

static void answer_customer(struct workspace *ws, struct ticket *t, const struct overflow *o, const char *cause)
{
    const char *name = tell_name(ws->policy, o->answer);

    if (name) tell_customer(ws, t, ws->policy, name, cause, o->closed);
}

/* A callback or a refusal. False: the ticket has ended. */
static bool send_off(struct workspace *ws, struct ticket *t, const struct overflow *o, const char *cause)
{
    if (o->callback.given) {
        ticket_put_off(ws, t, callback_at(ws, ws->policy, &o->callback), cause);
        return true;
    }
    ticket_end_with(ws, t, EV_CANCEL, cause, detail(ws, "text", o->refuse));
    return false;
}

/* ---- before it waits ---- */

void overflow_before(struct workspace *ws, struct ticket *t, struct overflowing *o)
{
    *o = (struct overflowing){ 0 };
    for (uint32_t i = 0; i < queue_of(ws, t)->overflow_count; i++) {
        const struct overflow *clause = &queue_of(ws, t)->overflow[i];
        const char *why = asks_age(clause) ? NULL : overflows(ws, t, clause);
        if (!why) continue;
        o->cause = why;
        if (!o->answer && tell_name(ws->policy, clause->answer)) o->answer = clause, o->answer_cause = why;
        if (clause->move >= 0) {
            t->queue = (uint32_t)clause->move;
            ticket_needs_of_queue(ws, t);
            i = UINT32_MAX; /* from the first clause of the other queue */
        } else if (clause->deflect) {
            if (o->deflects < sizeof o->deflect / sizeof *o->deflect) o->deflect[o->deflects++] = clause->deflect;
        } else if (goes_away(clause)) {
            o->last = clause;
            return;
        }
    }
}

bool overflow_begun(struct workspace *ws, struct ticket *t, const struct overflowing *o)
{
    for (uint32_t i = 0; i < o->deflects; i++) deflect(ws, t, o->deflect[i], o->cause);
    if (o->answer) answer_customer(ws, t, o->answer, o->answer_cause);
    return !o->last || send_off(ws, t, o->last, o->cause);
}

/* ---- when it has waited ---- */

static bool is_open(const struct ticket *t, uint32_t i) { return !(t->overflowed >> i & 1); }

uint64_t overflow_next(const struct workspace *ws, const struct ticket *t)
{
    const struct queue *q = queue_of(ws, t);
    uint64_t next = UINT64_MAX;

    for (uint32_t i = 0; i < q->overflow_count; i++) {
        if (!is_open(t, i) || !asks_age(&q->overflow[i])) continue;
        uint64_t at = t->enqueued + span_ms(ws, t, &q->overflow[i].age);
        if (at <= ws->now) at = ws->now + AGAIN_MS; /* asked already, and another condition did not hold */
        if (at < next) next = at;
    }
    return next;
}

static void move_on(struct workspace *ws, struct ticket *t, const struct overflow *o, const char *cause)
{
    waiting_leave(ws, t);
    ticket_to_queue(ws, t, (uint32_t)o->move);
    log_change(ws, .kind = ENTRY_MOVED, .t = t, .cause = cause);
    waiting_again(ws, t);
}

bool overflow_run(struct workspace *ws, struct ticket *t)
{
    for (uint32_t i = 0; t->state == TK_WAITING && i < queue_of(ws, t)->overflow_count; i++) {
        const struct overflow *o = &queue_of(ws, t)->overflow[i];
        const char *why = is_open(t, i) && asks_age(o) && is_old(ws, t, o) ? overflows(ws, t, o) : NULL;
        if (!why) continue;
        t->overflowed |= 1ull << i;
        change_touch(ws, t);
        answer_customer(ws, t, o, why);
        if (o->deflect) deflect(ws, t, o->deflect, why);
        else if (goes_away(o)) return send_off(ws, t, o, why);
        else if (o->move >= 0) move_on(ws, t, o, why), i = UINT32_MAX;
    }
    return true;
}
