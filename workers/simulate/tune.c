/* The search's function: positions → the file's text, edited → a policy → a run of every part that is searched on → the objective.

   A candidate that the file's reader refuses, or finds more to say about than about the file as it stands, is not allowed; nor is
   one that breaks a guard. Candidates with the same text are played once: values are rounded, so positions that lie close give the
   same text.

   When the search is over, every value that moved is put back on trial: if the objective on what was searched is as good without
   it, it stays as written, so that the change says only what matters. The file and the best are then played once more, part by
   part, to be told apart unit by unit. */
#include "workers/simulate/tune.h"

#include "base/limits.h"
#include "base/map.h"
#include "config/closed_files.h"
#include "config/findings.h"
#include "workers/simulate/experiment.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define TRIED_ARENA (64u << 20)

struct tried { /* a text that was played */
    char version[72];
    double value;
};
struct tuner {
    const struct tune_cfg *cfg;
    struct tuning *out;
    uint32_t said;           /* findings of the file as it stands */
    struct sim_report *base; /* of it, on what is searched */
    struct map tried;        /* version → struct tried */
    struct arena arena;
};

/* ---- policies ---- */

enum err tune_load(struct policy **out, struct str yaml, const char *path, uint64_t at, struct findings *f)
{
    struct buf whole;
    *out = NULL;
    buf_init(&whole, CLOSED_FILES_ROOM);
    enum err e = closed_files(yaml, path, &whole, f);
    if (!e) e = policy_load(out, buf_str(&whole), path, at, f);
    buf_fini(&whole);
    return e;
}

static enum err fail(struct tuner *t, enum err e, const char *why)
{
    if (!t->out->why[0]) snprintf(t->out->why, sizeof t->out->why, "%s", why && why[0] ? why : err_text(e));
    return e;
}

/* ERR_POLICY: it is not allowed. */
static enum err load_at(struct tuner *t, const double *x, struct buf *text, struct policy **out)
{
    struct findings f;
    *out = NULL;
    buf_clear(text);
    enum err e = params_apply(t->cfg->params, x, t->cfg->yaml, text);
    if (e) return fail(t, e, e == ERR_NOMEM ? NULL : "a value could not be set in the file: write its mapping over several lines");
    findings_init(&f);
    f.checked = true;
    e = tune_load(out, buf_str(text), t->cfg->path, t->cfg->from, &f);
    if (!e && f.count + f.more > t->said) {
        policy_unref(*out);
        *out = NULL;
        e = ERR_POLICY;
    }
    findings_fini(&f);
    return e;
}

/* ---- playing ---- */

static enum err play_part(struct tuner *t, struct policy *p, const struct part *part, struct sim_report *into, bool *stopped,
                          const volatile sig_atomic_t *stop)
{
    struct simulate_rules rules = p->simulate;
    struct source *source = NULL;
    struct sim_end end = { .why = "" };
    rules.from = t->cfg->from;
    enum err e = part_open(&source, part, t->cfg->parts->random);
    if (e) return fail(t, e, NULL);
    struct sim_cfg run = { .policy = p,
                           .rules = &rules,
                           .duties = &part->duties,
                           .source = source,
                           .seed = experiment_seed(t->cfg->seed, part->replication),
                           .stop = stop,
                           .on_outcome = sim_report_outcome,
                           .on_agent = sim_report_agent,
                           .ctx = into };
    e = sim_run(&run, &end);
    if (!e) e = sim_report_err(into);
    if (e) fail(t, e, end.why[0] ? end.why : source->why);
    source_close(source);
    *stopped |= end.stopped;
    return e;
}

static enum err play_searched(struct tuner *t, struct policy *p, struct sim_report *into, bool *stopped)
{
    enum err e = ERR_OK;
    for (uint32_t i = 0; i < t->cfg->parts->count && !e && !*stopped; i++)
        if (!t->cfg->parts->v[i].held) e = play_part(t, p, &t->cfg->parts->v[i], into, stopped, t->cfg->stop);
    return e;
}

/* ---- the search's function ---- */

static enum err remember(struct tuner *t, const char *version, double value)
{
    struct tried *row = arena_alloc(&t->arena, sizeof *row);
    if (!row) return ERR_NOMEM;
    snprintf(row->version, sizeof row->version, "%s", version);
    row->value = value;
    return map_put(&t->tried, str_of(row->version), row);
}

/* The first one played is the file as it stands: guards are held to it. */
static enum err judge(struct tuner *t, struct sim_report *r, double *out)
{
    const struct figure_of *missing;
    *out = objective_value(t->cfg->objective, r, &missing);
    if (missing && !t->base) {
        snprintf(t->out->why, sizeof t->out->why, "%s is not defined for these arrivals%s", missing->name,
                 missing->figure == FIG_MATCH ? ": give agents a `match` in the section `simulate`" : "");
        return ERR_RANGE;
    }
    if (isnan(*out) || (t->base && guards_broken(t->cfg->guards, t->base, r))) *out = INFINITY;
    return ERR_OK;
}

static enum err play_new(struct tuner *t, struct policy *p, double *out)
{
    struct sim_report *r = NULL;
    bool stopped = false;
    enum err e = sim_report_new(&r, p, &p->simulate, t->cfg->warm_ms);
    if (!e) e = play_searched(t, p, r, &stopped);
    *out = INFINITY;
    if (!e && !stopped) e = judge(t, r, out);
    if (!e && !stopped) e = remember(t, p->version, *out);
    if (!e && !t->base && !stopped) {
        t->base = r; /* it borrows the policy, which lives as long as `before` does */
        t->out->before = policy_ref(p);
        r = NULL;
    }
    sim_report_free(r);
    return e ? fail(t, e, NULL) : ERR_OK;
}

static enum err value_of(void *ctx, const double *x, double *out, bool *known)
{
    struct tuner *t = ctx;
    struct policy *p = NULL;
    struct buf text;
    buf_init(&text, LIM_YAML_BYTES + 65536);
    enum err e = load_at(t, x, &text, &p);
    const struct tried *row = p ? map_get(&t->tried, str_of(p->version)) : NULL;
    *known = row || e == ERR_POLICY;
    *out = row ? row->value : INFINITY;
    if (e == ERR_POLICY) e = ERR_OK;
    else if (!e && !row) e = play_new(t, p, out);
    policy_unref(p);
    buf_fini(&text);
    return e;
}

/* ---- what it comes to ---- */

/* Values that the objective is as good without go back to what is written. It costs a run each, at most one of each param. */
static enum err put_back(struct tuner *t)
{
    const struct params *all = t->cfg->params;
    struct tuning *out = t->out;
    enum err e = ERR_OK;
    for (uint32_t i = 0; i < all->count && !e && !(t->cfg->stop && *t->cfg->stop); i++) {
        double moved = out->x[i], value;
        bool known;
        if (!param_moved(&all->v[i], moved)) continue;
        out->x[i] = param_position(&all->v[i]);
        e = value_of(t, out->x, &value, &known);
        out->search.trials += !known;
        if (value <= out->search.best) out->search.best = value;
        else out->x[i] = moved;
    }
    return e;
}

static enum err new_reports(struct tuner *t, struct sim_report *r[2])
{
    struct policy *p[2] = { t->out->before, t->out->after };
    enum err e = ERR_OK;
    for (int i = 0; i < 2 && !e; i++) e = sim_report_new(&r[i], p[i], &p[i]->simulate, t->cfg->warm_ms);
    return e;
}

/* One unit: all its replications, before and after. */
static enum err compare_unit(struct tuner *t, uint32_t first, uint32_t end, struct sim_report *one[2], struct tune_side *side,
                             struct sample *differences)
{
    struct policy *p[2] = { t->out->before, t->out->after };
    double value[2];
    bool stopped = false;
    enum err e = ERR_OK;
    for (int k = 0; k < 2 && !e; k++) {
        sim_report_clear(one[k]);
        for (uint32_t i = first; i < end && !e; i++) e = play_part(t, p[k], &t->cfg->parts->v[i], one[k], &stopped, NULL);
        value[k] = objective_value(t->cfg->objective, one[k], NULL);
        sim_report_merge(k ? side->after : side->before, one[k]);
    }
    if (!e) sample_add(differences, value[1] - value[0]);
    return e;
}

static enum err compare_side(struct tuner *t, bool held, struct tune_side *side)
{
    const struct parts *parts = t->cfg->parts;
    struct sim_report *all[2] = { NULL, NULL }, *one[2] = { NULL, NULL };
    struct sample differences = { .n = 0 };
    enum err e = new_reports(t, all);
    side->before = all[0];
    side->after = all[1];
    if (!e) e = new_reports(t, one);
    for (uint32_t i = 0, end; i < parts->count && !e; i = end) {
        for (end = i; end < parts->count && parts->v[end].unit == parts->v[i].unit;) end++;
        if (parts->v[i].held == held) e = compare_unit(t, i, end, one, side, &differences);
    }
    if (!e) {
        side->difference = sample_interval(&differences);
        side->value[0] = objective_value(t->cfg->objective, all[0], NULL);
        side->value[1] = objective_value(t->cfg->objective, all[1], NULL);
        side->broken = guards_broken(t->cfg->guards, all[0], all[1]);
    }
    sim_report_free(one[0]);
    sim_report_free(one[1]);
    return e;
}

static enum err compare(struct tuner *t)
{
    struct tuning *out = t->out;
    enum err e = load_at(t, out->x, &out->edited, &out->after);
    for (uint32_t i = 0; i < t->cfg->params->count; i++) out->changed += param_moved(&t->cfg->params->v[i], out->x[i]);
    for (int held = 0; held < 2 && !e; held++) e = compare_side(t, held, &out->side[held]);
    return e;
}

/* ---- all of it ---- */

static void on_better(void *ctx, const double *x, double value, uint32_t trial)
{
    const struct tuner *t = ctx;
    if (t->cfg->better) t->cfg->better(t->cfg->ctx, x, value, trial);
}

static enum err search(struct tuner *t)
{
    const struct params *all = t->cfg->params;
    uint32_t *choices = calloc((size_t)all->count + 1, sizeof *choices);
    if (!choices) return ERR_NOMEM;
    for (uint32_t i = 0; i < all->count; i++) {
        choices[i] = all->v[i].word_count;
        t->out->x[i] = param_position(&all->v[i]);
    }
    struct search_cfg cfg = { .choices = choices,
                              .dims = all->count,
                              .budget = t->cfg->budget,
                              .seed = t->cfg->seed,
                              .stop = t->cfg->stop,
                              .value = value_of,
                              .better = on_better,
                              .ctx = t };
    enum err e = search_run(&cfg, t->out->x, &t->out->search);
    free(choices);
    return e;
}

static enum err count_findings(struct tuner *t)
{
    struct findings f;
    struct policy *p = NULL;
    findings_init(&f);
    f.checked = true;
    enum err e = tune_load(&p, t->cfg->yaml, t->cfg->path, t->cfg->from, &f);
    t->said = f.count + f.more;
    findings_fini(&f);
    policy_unref(p);
    return e ? fail(t, e, NULL) : ERR_OK;
}

enum err tune_run(struct tuning *out, const struct tune_cfg *cfg)
{
    struct tuner t = { .cfg = cfg, .out = out };
    *out = (struct tuning){ .x = calloc((size_t)cfg->params->count + 1, sizeof *out->x) };
    buf_init(&out->edited, LIM_YAML_BYTES + 65536);
    map_init(&t.tried, SEARCH_MOST + PARAMS_MAX);
    arena_init(&t.arena, TRIED_ARENA);
    enum err e = out->x ? count_findings(&t) : ERR_NOMEM;
    if (!e) e = search(&t);
    if (!e) e = put_back(&t);
    if (!e && out->before) e = compare(&t);
    if (e) fail(&t, e, NULL);
    sim_report_free(t.base);
    map_fini(&t.tried);
    arena_fini(&t.arena);
    return e;
}

void tune_fini(struct tuning *t)
{
    for (int i = 0; i < 2; i++) {
        sim_report_free(t->side[i].before);
        sim_report_free(t->side[i].after);
    }
    policy_unref(t->before);
    policy_unref(t->after);
    buf_fini(&t->edited);
    free(t->x);
    *t = (struct tuning){ .x = NULL };
}

bool tune_holds(const struct tuning *t)
{
    const struct tune_side *held = &t->side[1];
    return t->changed && held->difference.n && held->difference.mean < 0 && !held->broken;
}
