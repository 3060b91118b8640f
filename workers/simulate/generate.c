/* A Poisson process by inversion of its cumulated rate (Lewis and Shedler 1979; Cinlar 1975): between two arrivals the rate adds up
   to an exponential of mean 1. The rate is constant in pieces, from one part of the day to the next, so the sum is walked piece by
   piece. The walk is in fractions of a millisecond and only what is given out is rounded: rounded gaps would add up to another
   rate.

   Each class knows its next arrival and lies in a heap by it; whoever is first is given out and finds its next. A class whose time
   is over leaves the heap. Pieces begin at wall-clock times of the policy's time zone, so a day of 23 or 25 hours has one hour less
   or more of the part that holds then; in an hour that the clocks repeat the part goes on that its first pass ended with. */
#include "workers/simulate/generate.h"

#include "base/heap.h"
#include "config/hours.h"
#include "workers/simulate/draw.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct stream {            /* of one class */
    struct heap_node node; /* key: ms of the next arrival; tie: its place in the file */
    const struct arrival_class *of;
    uint64_t number; /* of the next arrival, from 0 */
    double now;      /* ms since the begin, unrounded */
    int32_t day;     /* of the present piece: the local date … */
    uint32_t part;   /* … and the rate's part */
    double until;    /* where the next piece begins */
};
struct generate {
    struct source source;
    struct generate_cfg cfg;
    struct draw draw;
    struct zone *zone;
    struct heap heap;
    struct stream *streams; /* one for each class of the file */
    uint64_t given;
};

/* ---- pieces ---- */

/* *begins: INFINITY when time-zone data fail, then the present part goes on. */
static void next_piece(const struct generate *g, int32_t *day, uint32_t *part, const struct rates *r, double *begins)
{
    if (++*part == r->count) *part = 0, ++*day;
    uint64_t at = zone_instant(g->zone, *day, r->v[*part].minute);
    bool known = at || *day < 2; /* before 1970 all times are 0 */
    *begins = known ? (double)at - (double)g->cfg.arrivals->from : INFINITY;
}

/* Sets `until` from day and part. */
static void look_ahead(const struct generate *g, struct stream *s)
{
    int32_t day = s->day;
    uint32_t part = s->part;

    s->until = INFINITY;
    if (s->of->rate.count > 1) next_piece(g, &day, &part, &s->of->rate, &s->until);
}

static void step(const struct generate *g, struct stream *s)
{
    double begins;
    s->now = s->until;
    next_piece(g, &s->day, &s->part, &s->of->rate, &begins);
    look_ahead(g, s);
}

/* The piece that the begin lies in: a local date is at most a day off that of UTC. */
static void first_piece(const struct generate *g, struct stream *s)
{
    s->day = (int32_t)(g->cfg.arrivals->from / 86400000) - 2;
    look_ahead(g, s);
    while (s->until <= 0) step(g, s);
    s->now = 0;
}

/* ---- arrivals ---- */

/* Walks to the class's next arrival, *at its ms; false when it comes no more. */
static bool walk(struct generate *g, struct stream *s, int64_t *at)
{
    struct rng r = draw_rng(&g->draw, DRAW_GAP, s->of->name, s->number);
    double left = draw_exponential(&r), end = (double)g->cfg.arrivals->for_ms;

    while (s->now < end) {
        double rate = s->of->rate.v[s->part].per_ms, last = s->until < end ? s->until : end;
        if (rate * (last - s->now) > left) {
            s->now += left / rate;
            *at = llround(s->now);
            return *at < (int64_t)g->cfg.arrivals->for_ms;
        }
        left -= rate * (last - s->now);
        if (last == end) return false;
        step(g, s);
    }
    return false;
}

static uint64_t drawn(const struct generate *g, const struct stream *s, enum draw_what what, const struct dist *d)
{
    struct rng r = draw_rng(&g->draw, what, s->of->name, s->number);
    return draw_ms(d, &r);
}

static enum err generate_next(struct source *source, struct arrival *out)
{
    struct generate *g = (struct generate *)source;
    struct heap_node *first = heap_peek(&g->heap);
    if (!first) return ERR_NOTFOUND;
    struct stream *s = container_of(first, struct stream, node);
    *out = (struct arrival){ .class = s->of->class, .at = (uint64_t)s->node.key };
    snprintf(out->id, sizeof out->id, "%" PRIu64, ++g->given);
    out->work = drawn(g, s, DRAW_WORK, &s->of->work);
    out->patience = drawn(g, s, DRAW_PATIENCE, &s->of->patience);
    s->number++;
    int64_t at;
    if (walk(g, s, &at)) heap_rekey(&g->heap, &s->node, at);
    else heap_remove(&g->heap, &s->node);
    return ERR_OK;
}

static void generate_close(struct source *source)
{
    struct generate *g = (struct generate *)source;
    heap_fini(&g->heap);
    zone_close(g->zone);
    free(g->streams);
    free(g);
}

static enum err begin(struct generate *g)
{
    const struct arrivals *a = g->cfg.arrivals;
    enum err e = zone_open(&g->zone, g->cfg.timezone);
    heap_init(&g->heap, a->class_count);
    g->streams = calloc(a->class_count, sizeof *g->streams);
    if (!e && !g->streams) e = ERR_NOMEM;
    for (uint32_t i = 0; !e && i < a->class_count; i++) {
        struct stream *s = &g->streams[i];
        *s = (struct stream){ .node.tie = i, .of = &a->classes[i] };
        first_piece(g, s);
        if (walk(g, s, &s->node.key)) e = heap_push(&g->heap, &s->node);
    }
    return e;
}

enum err generate_open(struct source **out, const struct generate_cfg *cfg, char why[512])
{
    struct generate *g = calloc(1, sizeof *g);
    enum err e = g ? ERR_OK : ERR_NOMEM;
    *out = NULL;
    if (e) goto out;
    g->source = (struct source){ .next = generate_next, .close = generate_close, .random = true };
    g->cfg = *cfg;
    g->draw = (struct draw){ cfg->seed, cfg->replication };
    e = begin(g);
    if (e) generate_close(&g->source);
    else *out = &g->source;
out:
    if (e) snprintf(why, 512, "arrivals cannot be drawn: %s", err_text(e));
    return e;
}
