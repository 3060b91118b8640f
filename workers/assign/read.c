#include "base/clock.h"
#include "base/metrics.h"
#include "workers/assign/core.h"

/* What is there, told as JSON. A read sees everything decided so far, and its answer waits until that is in Redis like any other.
 */

#define BODY_MAX  524288u
#define LIMIT_MAX 100u

static void put_deadlines(struct workspace *ws, struct jw *w, const struct ticket *t)
{
    static const char *const names[SLA_COUNT] = { "answer", "reply", "resolve" };
    char text[25];

    jw_key(w, "deadlines"), jw_open(w, '{');
    for (unsigned i = 0; i < SLA_COUNT; i++) {
        uint64_t at = sla_due(ws, t, i);
        if (at != UINT64_MAX && (i != SLA_ANSWER || !t->assigned_at)) jw_key(w, names[i]), jw_strz(w, clock_text(at, text));
    }
    jw_close(w, '}');
}

static void put_ticket(struct workspace *ws, struct jw *w, const struct ticket *t, const struct agent *a, bool messages)
{
    struct offer o;

    change_fill_offer(ws, t, a, &o);
    if (messages) continuity_context(ws, t, &o);
    record_json_fields(w, &offer_record, &o);
    put_deadlines(ws, w, t);
    arena_clear(&ws->arena);
}

void read_ticket_fields(struct workspace *ws, struct jw *w, const struct ticket *t, const struct agent *a, bool messages)
{
    jw_open(w, '{');
    put_ticket(ws, w, t, a, messages);
    jw_close(w, '}');
}

void answer_body(struct workspace *ws, const struct act *a, struct buf *b)
{
    if (b->err) refuse(ws, a, 500, "bad-request", "the answer would be larger than its limit");
    else answer(ws, a, 200, buf_str(b), 0, NULL);
    buf_fini(b);
}

/* By its id, or by that of one of its events. NULL: refused. */
static const struct ticket *asked_for(struct workspace *ws, const struct act *a)
{
    const struct taken *e = id_is_none(&a->ticket) ? idmap_get(&ws->events, &a->event) : NULL;
    const struct ticket *t = e ? taken_ticket(e) : ticket_find(ws, &a->ticket);

    if (t) return t;
    if (e) act_refuse_state(ws, a, e->past ? e->past->state : TK_RESOLVED);
    else refuse(ws, a, 404, "ticket-not-found", "no live ticket has this id");
    return NULL;
}

void act_ticket(struct workspace *ws, const struct act *a)
{
    const struct ticket *t = asked_for(ws, a);
    struct buf b;
    struct jw w;

    if (!t) return;
    buf_init(&b, BODY_MAX);
    w = jw_on(&b);
    jw_open(&w, '{');
    put_ticket(ws, &w, t, NULL, true);
    read_ticket_wait(ws, &w, t);
    if (t->call) jw_key(&w, "on_line"), jw_bool(&w, !t->hung_up), jw_key(&w, "started"), jw_bool(&w, t->started);
    jw_close(&w, '}');
    answer_body(ws, a, &b);
}

/* ---- a page of tickets, by rising id ---- */

struct page {
    const struct ticket *v[LIMIT_MAX + 1]; /* the least ids found, sorted */
    uint32_t count, limit;
};

static int by_id(const struct ticket *a, const struct ticket *b) { return memcmp(a->id.b, b->id.b, sizeof a->id.b); }

static void page_add(struct page *p, const struct ticket *t)
{
    uint32_t at = p->count;

    if (at == p->limit + 1 && by_id(t, p->v[at - 1]) >= 0) return;
    if (at == p->limit + 1) at--;
    else p->count++;
    for (; at && by_id(t, p->v[at - 1]) < 0; at--) p->v[at] = p->v[at - 1];
    p->v[at] = t;
}

static bool wanted(const struct workspace *ws, const struct act *a, const struct ticket *t, const struct agent *of)
{
    if (!id_is_none(&a->after) && memcmp(t->id.b, a->after.b, sizeof t->id.b) <= 0) return false;
    if (a->state != TK_INVALID && t->state != a->state) return false;
    if (a->queue.n && !str_is(a->queue, queue_of(ws, t)->name)) return false;
    return !a->agent.n || (of && ticket_hold_of(t, of));
}

void act_tickets(struct workspace *ws, const struct act *a)
{
    struct page p = { .limit = a->limit && a->limit < LIMIT_MAX ? a->limit : LIMIT_MAX };
    const struct agent *of = a->agent.n ? roster_find(&ws->roster, a->agent) : NULL;
    const struct ticket *t;
    uint32_t told = 0;
    struct buf b;
    struct jw w;
    int queue;

    if (!act_queue(ws, a, &queue)) return;
    if (a->agent.n && !of && a->privileged && !act_agent_called(ws, a, a->agent)) return;
    for (size_t i = 0; (t = idmap_next(&ws->tickets, &i));)
        if (wanted(ws, a, t, of)) page_add(&p, t);
    buf_init(&b, BODY_MAX + 65536);
    w = jw_on(&b);
    jw_open(&w, '{');
    jw_key(&w, "tickets"), jw_open(&w, '[');
    for (; told < p.count && told < p.limit && b.n < BODY_MAX - 65536; told++) read_ticket_fields(ws, &w, p.v[told], of, false);
    jw_close(&w, ']');
    if (told < p.count && told) {
        char id[ID_TEXT + 1];
        jw_key(&w, "next"), jw_strz(&w, id_text(&p.v[told - 1]->id, id));
    }
    jw_close(&w, '}');
    answer_body(ws, a, &b);
}

/* ---- metrics ---- */

void space_metrics(struct workspace *ws, uint64_t now)
{
    static const char *const outcomes[] = { "made", "accepted", "declined", "expired", "withdrawn" };

    if (now > ws->now) ws->now = now;
    for (unsigned k = 1; k < entry_kind_words.count && k < 32; k++) {
        if (ws->entries_made[k]) metric_add(MET_TICKETS, entry_kind_words.v[k], (double)ws->entries_made[k]);
        ws->entries_made[k] = 0;
    }
    for (unsigned o = 0; o < 5; o++) {
        if (ws->offers_made[o]) metric_add(MET_OFFERS, outcomes[o], (double)ws->offers_made[o]);
        ws->offers_made[o] = 0;
    }
    metrics_of_queues(ws);
    metrics_of_agents(ws);
}
