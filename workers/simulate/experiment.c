/* Replication r plays the same arrivals, with the same seed, to P and then to Q, each into a report of its own. When all sides have
   ended it, its figures are added to the samples, its differences too, and the reports to those of all replications: so a
   replication counts whole or not at all. The one exception is a first run that was stopped: it is kept as it is, and called
   partial.

   Samples lie in the order of a report's groups: all, the policy's queues, the classes; FIG_COUNT of each. Differences lie in P's.
 */
#include "workers/simulate/experiment.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct samples {
    struct sample *side[2], *difference;
    uint32_t *twin; /* Q's queue of the same name for each of P's; UINT32_MAX: none */
    uint32_t queues[2], classes;
    struct sim_report *one[2];                      /* of the replication under way */
    uint64_t print[2], tickets, decisions, last_ms; /* of the first replication; of the one under way */
    bool random;                                    /* a source drew */
};

uint64_t experiment_seed(uint64_t seed, uint32_t r) { return seed + r * 0x9e3779b97f4a7c15ull; }

/* ---- life ---- */

static uint32_t rows_of(const struct samples *s, unsigned side) { return (1 + s->queues[side] + s->classes) * FIG_COUNT; }

static enum err make_twins(struct samples *s, const struct experiment_cfg *cfg)
{
    s->twin = calloc(s->queues[0] + 1, sizeof *s->twin);
    if (!s->twin) return ERR_NOMEM;
    for (uint32_t i = 0; i < s->queues[0]; i++) {
        int q = policy_queue(cfg->policy[1], str_of(cfg->policy[0]->queues[i].name));
        s->twin[i] = q < 0 ? UINT32_MAX : (uint32_t)q;
    }
    return ERR_OK;
}

static enum err make_side(struct experiment *x, const struct experiment_cfg *cfg, unsigned side)
{
    struct samples *s = x->samples;

    s->queues[side] = cfg->policy[side]->queue_count;
    s->side[side] = calloc(rows_of(s, side), sizeof *s->side[side]);
    if (!s->side[side]) return ERR_NOMEM;
    enum err e = sim_report_new(&s->one[side], cfg->policy[side], cfg->rules[side], cfg->warm_ms);
    return e ? e : sim_report_new(&x->report[side], cfg->policy[side], cfg->rules[side], cfg->warm_ms);
}

static enum err make(struct experiment *x, const struct experiment_cfg *cfg)
{
    struct samples *s = x->samples = calloc(1, sizeof *s);
    enum err e = ERR_OK;

    *x = (struct experiment){ .sides = cfg->policy[1] ? 2 : 1, .wanted = cfg->replications, .samples = s };
    if (!s) return ERR_NOMEM;
    s->classes = cfg->rules[0]->class_count;
    for (unsigned side = 0; !e && side < x->sides; side++) e = make_side(x, cfg, side);
    if (e || x->sides == 1) return e;
    s->difference = calloc(rows_of(s, 0), sizeof *s->difference);
    return s->difference ? make_twins(s, cfg) : ERR_NOMEM;
}

void experiment_fini(struct experiment *x)
{
    struct samples *s = x->samples;

    for (unsigned side = 0; side < 2; side++) {
        sim_report_free(x->report[side]);
        if (!s) continue;
        sim_report_free(s->one[side]);
        free(s->side[side]);
    }
    if (s) free(s->difference), free(s->twin), free(s);
    *x = (struct experiment){ 0 };
}

/* ---- one run ---- */

struct playing {
    const struct experiment_cfg *cfg;
    struct sim_report *report;
    unsigned side;
    uint32_t r;
};

static void on_outcome(void *ctx, const struct outcome_of *o)
{
    const struct playing *p = ctx;
    sim_report_outcome(p->report, o);
    if (p->cfg->on_outcome) p->cfg->on_outcome(p->cfg->ctx, p->side, p->r, o);
}

static void on_agent(void *ctx, const struct agent_use *u) { sim_report_agent(((const struct playing *)ctx)->report, u); }

static enum err tell(struct experiment *x, enum err e, const char *why)
{
    if (!x->why[0]) snprintf(x->why, sizeof x->why, "%s", why[0] ? why : err_text(e));
    return e;
}

static enum err play(struct experiment *x, const struct experiment_cfg *cfg, unsigned side, uint32_t r, bool *stopped)
{
    struct samples *s = x->samples;
    struct playing p = { cfg, s->one[side], side, r };
    struct source *source = NULL;
    struct sim_end end = { 0 };
    char why[512] = "";
    enum err e = cfg->open(cfg->ctx, r, &source, why);

    if (e) return tell(x, e, why);
    sim_report_clear(p.report);
    struct sim_cfg run = { .policy = cfg->policy[side],
                           .rules = cfg->rules[side],
                           .duties = cfg->duties,
                           .source = source,
                           .seed = experiment_seed(cfg->seed, r),
                           .use_from = cfg->warm_ms,
                           .use_to = cfg->over_ms,
                           .stop = cfg->stop,
                           .on_outcome = on_outcome,
                           .on_agent = on_agent,
                           .ctx = &p };
    e = sim_run(&run, &end);
    if (e) tell(x, e, end.why[0] ? end.why : source->why);
    else if ((e = sim_report_err(p.report))) tell(x, e, "");
    s->random |= source->random;
    source_close(source);
    *stopped = end.stopped;
    s->tickets += end.tickets, s->decisions += end.decisions;
    if (end.last_ms > s->last_ms) s->last_ms = end.last_ms;
    return e;
}

/* ---- replications ---- */

static void settle_side(struct experiment *x, unsigned side, double *figures)
{
    struct samples *s = x->samples;
    struct sample *row = s->side[side];

    for (int kind = GROUP_ALL; kind <= GROUP_CLASS; kind++)
        for (uint32_t i = 0; i < sim_groups(s->one[side], (enum group_kind)kind); i++, figures += FIG_COUNT, row += FIG_COUNT) {
            sim_figures(s->one[side], (struct sim_group){ (enum group_kind)kind, i }, figures);
            for (int f = 0; f < FIG_COUNT; f++) sample_add(&row[f], figures[f]);
        }
    sim_report_merge(x->report[side], s->one[side]);
}

static uint32_t row_of(const struct samples *s, unsigned side, struct sim_group g)
{
    return (g.kind == GROUP_ALL ? 0 : 1 + g.index + (g.kind == GROUP_CLASS ? s->queues[side] : 0)) * FIG_COUNT;
}

static void settle_differences(struct samples *s, const double *p, const double *q)
{
    for (uint32_t row = 0, i = 0; row < rows_of(s, 0); row += FIG_COUNT, i++) {
        bool queue = i > 0 && i <= s->queues[0];
        struct sim_group g = { i == 0 ? GROUP_ALL : queue ? GROUP_QUEUE : GROUP_CLASS, 0 };
        if (g.kind != GROUP_ALL) g.index = queue ? s->twin[i - 1] : i - 1 - s->queues[0];
        if (g.index == UINT32_MAX) continue;
        const double *other = q + row_of(s, 1, g);
        for (int f = 0; f < FIG_COUNT; f++) sample_add(&s->difference[row + (uint32_t)f], p[row + (uint32_t)f] - other[f]);
    }
}

/* Counts the replication under way in. */
static enum err settle(struct experiment *x)
{
    struct samples *s = x->samples;
    double *figures[2] = { NULL, NULL };
    enum err e = ERR_OK;

    for (unsigned side = 0; !e && side < x->sides; side++) {
        figures[side] = calloc(rows_of(s, side), sizeof(double));
        if (!figures[side]) e = tell(x, ERR_NOMEM, "");
        else settle_side(x, side, figures[side]);
        if (!e && (e = sim_report_err(x->report[side]))) tell(x, e, "");
    }
    if (!e && x->sides == 2) settle_differences(s, figures[0], figures[1]);
    x->tickets += s->tickets, x->decisions += s->decisions;
    if (s->last_ms > x->last_ms) x->last_ms = s->last_ms;
    free(figures[0]), free(figures[1]);
    return e;
}

static bool drawn(const struct simulate_rules *r)
{
    return r->declined > 0 || r->missed > 0 || r->accept.kind == DIST_EXPONENTIAL || r->accept.kind == DIST_LOGNORMAL;
}

/* The second replication is the first again, and nothing says that a third could differ. */
static bool all_equal(const struct experiment *x, const struct experiment_cfg *cfg)
{
    const struct samples *s = x->samples;

    if (s->random) return false;
    for (unsigned side = 0; side < x->sides; side++)
        if (drawn(cfg->rules[side]) || s->print[side] != sim_report_print(s->one[side])) return false;
    return true;
}

/* What was cut off counts only when there is nothing else. */
static enum err cut_off(struct experiment *x, unsigned side)
{
    x->stopped = true;
    if (x->done) return ERR_OK;
    x->sides = 1;
    x->partial = side == 0;
    x->done = x->partial ? 0 : 1;
    return settle(x);
}

static enum err replicate(struct experiment *x, const struct experiment_cfg *cfg, uint32_t r)
{
    struct samples *s = x->samples;
    bool stopped = false;
    enum err e = ERR_OK;

    s->tickets = s->decisions = s->last_ms = 0;
    for (unsigned side = 0; side < x->sides; side++) {
        uint64_t tickets = s->tickets, decisions = s->decisions;
        if ((e = play(x, cfg, side, r, &stopped))) return e;
        if (stopped && side > 0) s->tickets = tickets, s->decisions = decisions; /* the cut-off run of Q is no part of it */
        if (stopped) return cut_off(x, side);
    }
    if (r == 1 && (x->equal = all_equal(x, cfg))) return ERR_OK;
    for (unsigned side = 0; r == 0 && side < x->sides; side++) s->print[side] = sim_report_print(s->one[side]);
    e = settle(x);
    x->done += !e;
    return e;
}

enum err experiment_run(struct experiment *x, const struct experiment_cfg *cfg)
{
    enum err e = make(x, cfg);

    if (e) return tell(x, e, "");
    for (uint32_t r = 0; !e && r < cfg->replications && !x->stopped && !x->equal; r++) {
        if (r > 0 && cfg->stop && *cfg->stop) x->stopped = true;
        else e = replicate(x, cfg, r);
    }
    return e;
}

/* ---- what came of it ---- */

struct sim_group experiment_other(const struct experiment *x, struct sim_group g)
{
    if (g.kind == GROUP_QUEUE) g.index = x->sides == 2 ? x->samples->twin[g.index] : UINT32_MAX;
    return g;
}

struct interval experiment_figure(const struct experiment *x, unsigned side, struct sim_group g, enum figure f)
{
    return sample_interval(&x->samples->side[side][row_of(x->samples, side, g) + (uint32_t)f]);
}

struct interval experiment_difference(const struct experiment *x, struct sim_group g, enum figure f)
{
    if (x->sides < 2) return (struct interval){ NAN, NAN, 0 };
    return sample_interval(&x->samples->difference[row_of(x->samples, 0, g) + (uint32_t)f]);
}
