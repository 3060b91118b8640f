#include "workers/assign/core.h"

#include <stdlib.h>

/* A ring of steps. Whoever changes what the matcher goes by calls the function for it: hold.c for held sets, roster.c for readiness
   and specifications, presence.c for reasons, waiting.c for lines; nobody else changes these. So what an agent was before any step
   is what stands in the earliest step behind it that tells it, or what they are now.

   A step that names a line's key owns one reference of it, dropped when the step is overwritten, cut off, or at the end.

   Without memory for the ring nothing is written and nothing is known: the cost of an answer is never that of a decision. */

struct line_ask *line_ask_ref(struct line_ask *k)
{
    k->refs++;
    return k;
}

void line_ask_unref(struct line_ask *k)
{
    if (k && !--k->refs) free(k);
}

_Static_assert(sizeof(struct trail_step) == 64, "a step is one line of a cache");

static bool names_ask(const struct trail_step *s) { return s->kind == TRAIL_IN || s->kind == TRAIL_OUT; }

static void drop_oldest(struct trail *t)
{
    struct trail_step *s = &t->v[t->from++ % TRAIL_MAX];

    if (names_ask(s)) line_ask_unref(s->t.ask);
}

void trail_fini(struct trail *t)
{
    while (t->from < t->head) drop_oldest(t);
    free(t->v);
    t->v = NULL;
}

void trail_cut(struct workspace *ws, enum trail_edge why)
{
    struct trail *t = &ws->trail;

    while (t->from < t->head) drop_oldest(t);
    t->since = ws->now;
    t->edge = why;
}

const struct trail_step *trail_at(const struct trail *t, uint64_t i) { return &t->v[i % TRAIL_MAX]; }

/* The place of the next step; NULL: none is written. */
static struct trail_step *next(struct workspace *ws)
{
    struct trail *t = &ws->trail;

    if (t->off || (!t->v && !(t->v = malloc(TRAIL_MAX * sizeof *t->v)))) return NULL; /* touched only as it fills */
    if (t->head - t->from == TRAIL_MAX) {
        t->since = t->v[t->from % TRAIL_MAX].at;
        t->edge = TRAIL_FULL;
        drop_oldest(t);
    }
    return &t->v[t->head++ % TRAIL_MAX];
}

static void put_agent(struct workspace *ws, struct trail_step *s, enum trail_kind kind, const struct agent *a, uint8_t ready)
{
    *s = (struct trail_step){ .at = ws->now, .kind = kind, .ready = ready, .a.agent = a->index };
}

void trail_held(struct workspace *ws, const struct hold *h, enum trail_hold how)
{
    struct trail_step *s = next(ws);
    const struct agent *a = h->agent;

    if (!s) return;
    put_agent(ws, s, TRAIL_HELD, a, a->ready);
    s->ticket = h->ticket->id;
    s->channel = (uint8_t)h->ticket->channel;
    s->queue = (uint16_t)h->ticket->queue;
    s->hold = (uint8_t)h->kind;
    s->how = (uint8_t)how;
    s->a.seq = ws->seq + 1;
    s->a.used = a->used;
    s->a.in_hand = a->in_hand;
    s->a.exclusive = a->exclusive;
    s->a.count = a->chan[h->ticket->channel];
}

void trail_ready(struct workspace *ws, const struct agent *a, uint8_t was)
{
    struct trail_step *s = next(ws);

    if (s) put_agent(ws, s, TRAIL_READY, a, was);
}

void trail_said(struct workspace *ws, const struct agent *a)
{
    struct trail_step *s = next(ws);
    struct str reason = text_cut(str_of(a->reason), sizeof s->ticket.b - 1);

    if (!s) return;
    put_agent(ws, s, TRAIL_SAID, a, a->ready);
    if (reason.n) memcpy(s->ticket.b, reason.p, reason.n);
}

void trail_spec(struct workspace *ws, const struct agent *a)
{
    struct trail_step *s = next(ws);

    if (s) put_agent(ws, s, TRAIL_SPEC, a, a->ready);
}

static void put_ticket(struct workspace *ws, enum trail_kind kind, const struct ticket *t, const struct line *l)
{
    struct trail_step *s = next(ws);
    const struct wait_queue *q = &ws->queues[t->queue];
    const struct heap_node *oldest = heap_peek(&q->by_age);

    if (!s) return;
    *s = (struct trail_step){ .at = ws->now,
                              .ticket = t->id,
                              .kind = kind,
                              .urgency = (uint8_t)t->urgency,
                              .channel = (uint8_t)t->channel,
                              .queue = (uint16_t)t->queue };
    s->t.enqueued = t->enqueued;
    s->t.waiting = (uint32_t)q->by_age.count;
    if (t->due_at > t->enqueued)
        s->t.due_in = (uint32_t)(t->due_at - t->enqueued < UINT32_MAX ? t->due_at - t->enqueued : UINT32_MAX);
    s->t.oldest = oldest ? (uint64_t)oldest->key : UINT64_MAX;
    s->t.ask = line_ask_ref(l->ask);
}

void trail_in(struct workspace *ws, const struct ticket *t, const struct line *l) { put_ticket(ws, TRAIL_IN, t, l); }
void trail_out(struct workspace *ws, const struct ticket *t, const struct line *l) { put_ticket(ws, TRAIL_OUT, t, l); }

#define CHECKED 64u /* of the latest steps: the others were, when they were */

const char *trail_check(const struct workspace *ws)
{
    const struct trail *t = &ws->trail;

    if (t->from > t->head || t->head - t->from > TRAIL_MAX) return "the trail has more steps than it can have";
    if (t->since > ws->now) return "the trail begins in the future";
    for (uint64_t i = t->head - t->from > CHECKED ? t->head - CHECKED : t->from; i < t->head; i++) {
        const struct trail_step *s = trail_at(t, i);
        if (s->at > ws->now || s->at < t->since) return "a step of the trail is of another time than the trail";
        if (names_ask(s) && (!s->t.ask || !s->t.ask->refs)) return "a step of the trail names a line's key that is gone";
    }
    return NULL;
}
