/* Tickets in their order; what is not known of one is drawn by its class and its number in it (draw.h), so another replication
   draws anew, and the same one the same. */
#include "workers/simulate/draw.h"
#include "workers/simulate/recorded_impl.h"

#include <stdio.h>
#include <stdlib.h>

struct playing {
    struct source source;
    const struct recorded *r;
    struct draw draw;
    uint32_t at;       /* of the next row */
    uint64_t *numbers; /* tickets of each class so far */
};

static uint64_t drawn_work(struct playing *p, const struct recorded_row *row)
{
    const struct recorded *r = p->r;
    const struct recorded_class *c = &r->known[row->class];
    const struct sim_class *class = &r->classes[row->class];
    struct rng rng = draw_rng(&p->draw, DRAW_WORK, class->name, p->numbers[row->class]);
    p->source.random = true;
    if (c->served) return r->works[c->first + rng_below(&rng, c->served)];
    return r->works_count ? r->works[rng_below(&rng, r->works_count)] : draw_ms(&class->work, &rng);
}

static uint64_t drawn_patience(struct playing *p, const struct recorded_row *row)
{
    const struct survive *s = &p->r->known[row->class].patience;
    struct rng rng = draw_rng(&p->draw, DRAW_PATIENCE, p->r->classes[row->class].name, p->numbers[row->class]);
    if (s->count) p->source.random = true;
    return survive_draw(s, row->wait, &rng);
}

static enum err recorded_next(struct source *source, struct arrival *out)
{
    struct playing *p = (struct playing *)source;
    if (p->at == p->r->count) return ERR_NOTFOUND;
    const struct recorded_row *row = &p->r->v[p->at++];
    *out = (struct arrival){ .class = row->class, .at = row->at - p->r->from };
    id_text(&row->id, out->id);
    out->work = row->served ? row->work : drawn_work(p, row);
    out->patience = row->hung_up ? row->wait : drawn_patience(p, row);
    p->numbers[row->class]++;
    return ERR_OK;
}

static void recorded_close(struct source *source)
{
    struct playing *p = (struct playing *)source;
    free(p->numbers);
    free(p);
}

enum err recorded_open(struct source **out, const struct recorded *r, uint64_t seed, uint32_t replication, char why[512])
{
    struct playing *p = calloc(1, sizeof *p);
    uint64_t *numbers = calloc((size_t)r->class_count + 1, sizeof *numbers);
    *out = NULL;
    if (!p || !numbers) {
        free(p);
        free(numbers);
        snprintf(why, 512, "recorded tickets: %s", err_text(ERR_NOMEM));
        return ERR_NOMEM;
    }
    *p = (struct playing){
        .source = { .next = recorded_next, .close = recorded_close }, .r = r, .draw = { seed, replication }, .numbers = numbers
    };
    *out = &p->source;
    return ERR_OK;
}
