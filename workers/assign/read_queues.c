#include "base/clock.h"
#include "base/metrics.h"
#include "workers/assign/core.h"

/* Queues, told as JSON and as metrics: how long they are, what a new ticket would wait, and how targets are kept. */

#define BODY_MAX 524288u

static uint64_t oldest_wait(const struct workspace *ws, const struct wait_queue *q)
{
    const struct heap_node *n = heap_peek(&q->by_age);

    return n && ws->now > (uint64_t)n->key ? ws->now - (uint64_t)n->key : 0;
}

static double rounded(double v) { return (double)(uint64_t)(v * 1000 + 0.5) / 1000; }

static void put_forecast(struct workspace *ws, struct jw *w, uint32_t queue)
{
    struct service s = forecast_queue(ws, queue);
    double wait = estimate_wait(&s);

    if (wait >= 0) jw_key(w, "expected_wait_ms"), jw_u64(w, (uint64_t)wait);
    jw_key(w, "slots"), jw_u64(w, (uint64_t)s.slots);
    jw_key(w, "rate_per_hour"), jw_f64(w, rounded(estimate_rate(&s)));
}

static bool is_open(const struct workspace *ws, const struct queue *q)
{
    uint64_t next;

    return q->answer.hours < 0 || hours_open(&ws->policy->hours[q->answer.hours], ws->now, &next);
}

void read_queue_fields(struct workspace *ws, struct jw *w, uint32_t i)
{
    const struct wait_queue *q = &ws->queues[i];

    jw_key(w, "queue"), jw_strz(w, ws->policy->queues[i].name);
    jw_key(w, "waiting"), jw_u64(w, q->by_age.count);
    jw_key(w, "oldest_wait_ms"), jw_u64(w, oldest_wait(ws, q));
    jw_key(w, "offered"), jw_u64(w, q->offered);
    jw_key(w, "assigned"), jw_u64(w, q->assigned);
    jw_key(w, "scheduled"), jw_u64(w, q->scheduled);
    jw_key(w, "staffed"), jw_bool(w, forecast_queue_staffed(ws, i));
    jw_key(w, "open"), jw_bool(w, is_open(ws, &ws->policy->queues[i]));
    put_forecast(ws, w, i);
    if (q->met >= 0) jw_key(w, "answered_in_time"), jw_f64(w, rounded(q->met));
}

static void put_queue(struct workspace *ws, struct jw *w, uint32_t i)
{
    jw_open(w, '{');
    read_queue_fields(ws, w, i);
    jw_close(w, '}');
}

void act_queues(struct workspace *ws, const struct act *a)
{
    struct buf b;
    struct jw w;
    int one;

    if (!act_queue(ws, a, &one)) return;
    buf_init(&b, BODY_MAX);
    w = jw_on(&b);
    jw_open(&w, '{');
    jw_key(&w, "queues"), jw_open(&w, '[');
    for (uint32_t i = 0; i < ws->queue_count; i++)
        if (one < 0 || (uint32_t)one == i) put_queue(ws, &w, i);
    jw_close(&w, ']');
    jw_close(&w, '}');
    answer_body(ws, a, &b);
}

void read_ticket_wait(struct workspace *ws, struct jw *w, const struct ticket *t)
{
    struct service s;
    double wait;

    if (t->state == TK_SCHEDULED) {
        char at[25];
        jw_key(w, "scheduled_for"), jw_strz(w, clock_text(t->until, at));
    }
    if (!t->line) return;
    s = forecast_ticket(ws, t);
    jw_key(w, "position"), jw_u64(w, forecast_position(ws, t));
    if ((wait = estimate_wait(&s)) >= 0) jw_key(w, "expected_wait_ms"), jw_u64(w, (uint64_t)wait);
}

/* ---- metrics ---- */

void metrics_of_queues(struct workspace *ws)
{
    static const enum metric counted[SLA_COUNT][2] = { { MET_SLA_ANSWER_MET, MET_SLA_ANSWER_BREACHED },
                                                       { MET_SLA_REPLY_MET, MET_SLA_REPLY_BREACHED },
                                                       { MET_SLA_RESOLVE_MET, MET_SLA_RESOLVE_BREACHED } };

    for (uint32_t i = 0; i < ws->queue_count; i++) {
        struct wait_queue *q = &ws->queues[i];
        const char *name = ws->policy->queues[i].name;
        metric_set(MET_QUEUE_LENGTH, name, (double)q->by_age.count);
        metric_set(MET_QUEUE_OLDEST, name, (double)oldest_wait(ws, q) / 1000);
        for (unsigned k = 0; k < SLA_COUNT * 2; k++) {
            uint64_t *n = &q->sla[k / 2][k % 2];
            if (*n) metric_add(counted[k / 2][k % 2], name, (double)*n);
            *n = 0;
        }
    }
}
