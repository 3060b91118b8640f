/* The result of a search, as text or JSON. The diff stands last and alone, so that the whole text can be given to `patch`, which
   skips what stands before it. It is only shown when the change is better on what was not searched on too. */
#include "base/json.h"
#include "cli/tune.h"
#include "config/diff.h"
#include "workers/simulate/show.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define OUT_MOST (16u << 20)

static const enum figure shown[] = { FIG_BREACH, FIG_LATENESS, FIG_WITHIN, FIG_ABANDONED_SHARE, FIG_BLOCKED_SHARE, FIG_WAIT,
                                     FIG_P95,    FIG_P99,      FIG_FINISH, FIG_MATCH,           FIG_OCCUPANCY,     FIG_JAIN };
#define SHOWN (sizeof shown / sizeof *shown)

/* ---- text ---- */

static void row(struct buf *out, const char *name, const struct tune_side side[2], struct sim_group g, enum figure f)
{
    char text[SHOW_MAX];
    buf_addf(out, "  %-24s", name);
    for (int i = 0; i < 4; i++) {
        const struct sim_report *r = i % 2 ? side[i / 2].after : side[i / 2].before;
        buf_addf(out, " %11s", show(figure_rows[f].unit, sim_figure(r, g, f), text));
    }
    buf_addc(out, '\n');
}

static const char *unit_word(const struct tune_cfg *cfg, bool one)
{
    return cfg->parts->days ? (one ? "day" : "days") : (one ? "seed" : "seeds");
}

static void head(struct buf *out, const struct tuning *t, const struct tune_cfg *cfg, const struct tune_args *args)
{
    const struct parts *p = cfg->parts;
    buf_addf(out, "%s: %zu arrivals; %u %s searched on, %u not", args->trace ? args->trace : args->arrivals, p->arrival_count,
             p->units - p->held_units, unit_word(cfg, false), p->held_units);
    if (p->days) buf_addf(out, " (day %" PRIu64 ", %" PRIu64 ", \xe2\x80\xa6)", args->every, 2 * args->every);
    else buf_addz(out, args->trace ? " (one day: other random numbers instead)" : " (other random numbers)");
    buf_addf(out, "\nobjective %s over %s (%u value%s); candidates %u, starts %u, seed %" PRIu64 "%s\n", args->objective,
             args->over, cfg->params->count, cfg->params->count == 1 ? "" : "s", t->search.trials, t->search.starts, args->seed,
             t->search.stopped ? "; interrupted, the best so far" : "");
    if (args->keep) buf_addf(out, "kept: %s\n", args->keep);
}

static void table(struct buf *out, const struct tuning *t, const struct tune_cfg *cfg)
{
    char title[64];
    snprintf(title, sizeof title, "%s not searched on", unit_word(cfg, false));
    buf_addf(out, "\n  %-24s %23s %23s\n  %-24s %11s %11s %11s %11s\n", "",
             cfg->parts->days ? "days searched on" : "seeds searched on", title, "", "before", "after", "before", "after");
    buf_addf(out, "  %-24s %11.4f %11.4f %11.4f %11.4f\n", "objective", t->side[0].value[0], t->side[0].value[1],
             t->side[1].value[0], t->side[1].value[1]);
    for (size_t i = 0; i < SHOWN; i++)
        if (!isnan(sim_figure(t->side[0].before, GROUP_OF_ALL, shown[i])))
            row(out, figure_rows[shown[i]].title, t->side, GROUP_OF_ALL, shown[i]);
}

/* Every class, so that none pays unseen. */
static void classes(struct buf *out, const struct tuning *t)
{
    char name[96];
    const struct sim_report *r = t->side[1].before;
    buf_addz(out, "\n  breach and p99 by class (and how many came)\n");
    for (uint32_t i = 0; i < sim_groups(r, GROUP_CLASS); i++) {
        struct sim_group g = { GROUP_CLASS, i };
        double came = sim_figure(r, g, FIG_OFFERED) + sim_figure(t->side[0].before, g, FIG_OFFERED);
        if (came == 0) continue;
        snprintf(name, sizeof name, "%s (%.0f)", sim_group_name(r, g), came);
        row(out, name, t->side, g, FIG_BREACH);
        row(out, "", t->side, g, FIG_P99);
    }
}

static void interval_text(const struct interval *v, char out[64])
{
    if (isnan(v->half)) snprintf(out, 64, "%+.4f (one only: no interval)", v->mean);
    else snprintf(out, 64, "%+.4f \xc2\xb1 %.4f", v->mean, v->half);
}

static void differences(struct buf *out, const struct tuning *t, const struct tune_cfg *cfg)
{
    static const char *const where[] = { "searched on", "not searched on" };
    char text[64];
    buf_addf(out, "\nobjective, after - before, %s by %s with its 95 %% interval\n", unit_word(cfg, true), unit_word(cfg, true));
    for (int i = 0; i < 2; i++) {
        interval_text(&t->side[i].difference, text);
        buf_addf(out, "  %-24s %s over %u\n", where[i], text, t->side[i].difference.n);
        if (t->side[i].broken) buf_addf(out, "  %-24s not kept: %s\n", "", t->side[i].broken->of.name);
    }
}

static void changes(struct buf *out, const struct tuning *t, const struct tune_cfg *cfg)
{
    char text[PARAM_TEXT];
    buf_addz(out, "\nchanged\n");
    for (uint32_t i = 0; i < cfg->params->count; i++) {
        const struct param *p = &cfg->params->v[i];
        if (!param_moved(p, t->x[i])) continue;
        param_text(p, t->x[i], text);
        buf_addf(out, "  %-44s %s \xe2\x86\x92 %s\n", p->name, p->written, text);
    }
}

static const char *verdict(const struct tuning *t)
{
    if (!t->changed) return "nothing better was found: no change is proposed";
    if (!tune_holds(t))
        return t->side[1].broken ? "not proposed: what was to be kept is worse on what was not searched on"
                                 : "not proposed: no better on what was not searched on";
    return interval_sure(&t->side[1].difference) ? NULL
                                                 : "better on what was not searched on, but by less than can be told for sure";
}

static enum err diff(const struct tuning *t, const struct tune_cfg *cfg, struct buf *out)
{
    return diff_unified(cfg->yaml, buf_str(&t->edited), cfg->path, cfg->path, out);
}

static enum err show_text(const struct tuning *t, const struct tune_cfg *cfg, const struct tune_args *args, struct buf *out)
{
    head(out, t, cfg, args);
    table(out, t, cfg);
    classes(out, t);
    if (t->changed) differences(out, t, cfg), changes(out, t, cfg);
    if (verdict(t)) buf_addf(out, "\n%s\n", verdict(t));
    if (!tune_holds(t)) return ERR_OK;
    buf_addc(out, '\n');
    return diff(t, cfg, out);
}

/* ---- JSON ---- */

static void json_figures(struct jw *w, const char *key, const struct sim_report *r, struct sim_group g)
{
    jw_key(w, key);
    jw_open(w, '{');
    for (int f = 0; f < FIG_COUNT; f++) {
        double v = sim_figure(r, g, (enum figure)f);
        if (isnan(v)) continue;
        jw_key(w, figure_rows[f].key);
        jw_f64(w, v);
    }
    jw_close(w, '}');
}

static void json_side(struct jw *w, const char *key, const struct tune_side *s)
{
    jw_key(w, key);
    jw_open(w, '{');
    jw_key(w, "objective");
    jw_open(w, '{');
    jw_key(w, "before"), jw_f64(w, s->value[0]);
    jw_key(w, "after"), jw_f64(w, s->value[1]);
    jw_key(w, "difference"), jw_f64(w, s->difference.mean);
    jw_key(w, "half"), jw_f64(w, s->difference.half);
    jw_key(w, "units"), jw_u64(w, s->difference.n);
    jw_close(w, '}');
    jw_key(w, "not_kept");
    if (s->broken) jw_strz(w, s->broken->of.name);
    else jw_null(w);
    json_figures(w, "before", s->before, GROUP_OF_ALL);
    json_figures(w, "after", s->after, GROUP_OF_ALL);
    jw_key(w, "classes");
    jw_open(w, '[');
    for (uint32_t i = 0; i < sim_groups(s->before, GROUP_CLASS); i++) {
        struct sim_group g = { GROUP_CLASS, i };
        jw_open(w, '{');
        jw_key(w, "name"), jw_strz(w, sim_group_name(s->before, g));
        json_figures(w, "before", s->before, g);
        json_figures(w, "after", s->after, g);
        jw_close(w, '}');
    }
    jw_close(w, ']');
    jw_close(w, '}');
}

static void json_changes(struct jw *w, const struct tuning *t, const struct tune_cfg *cfg)
{
    char text[PARAM_TEXT];
    jw_key(w, "changes");
    jw_open(w, '[');
    for (uint32_t i = 0; i < cfg->params->count; i++) {
        const struct param *p = &cfg->params->v[i];
        if (!param_moved(p, t->x[i])) continue;
        param_text(p, t->x[i], text);
        for (uint32_t k = 0; k < p->path_count; k++) {
            jw_open(w, '{');
            jw_key(w, "key"), jw_strz(w, p->paths[k]);
            jw_key(w, "from"), jw_strz(w, p->written);
            jw_key(w, "to"), jw_strz(w, text);
            jw_close(w, '}');
        }
    }
    jw_close(w, ']');
}

static enum err show_json(const struct tuning *t, const struct tune_cfg *cfg, const struct tune_args *args, struct buf *out)
{
    struct jw w = jw_on(out);
    struct buf change;
    enum err e = ERR_OK;
    buf_init(&change, OUT_MOST);
    jw_open(&w, '{');
    jw_key(&w, "policy"), jw_strz(&w, args->policy);
    jw_key(&w, "objective"), jw_strz(&w, args->objective);
    jw_key(&w, "over"), jw_strz(&w, args->over);
    jw_key(&w, "seed"), jw_u64(&w, args->seed);
    jw_key(&w, "arrivals"), jw_u64(&w, cfg->parts->arrival_count);
    jw_key(&w, "units"), jw_strz(&w, unit_word(cfg, false));
    jw_key(&w, "values"), jw_u64(&w, cfg->params->count);
    jw_key(&w, "candidates"), jw_u64(&w, t->search.trials);
    jw_key(&w, "starts"), jw_u64(&w, t->search.starts);
    jw_key(&w, "interrupted"), jw_bool(&w, t->search.stopped);
    json_side(&w, "searched", &t->side[0]);
    json_side(&w, "validation", &t->side[1]);
    json_changes(&w, t, cfg);
    jw_key(&w, "proposed"), jw_bool(&w, tune_holds(t));
    jw_key(&w, "note");
    if (verdict(t)) jw_strz(&w, verdict(t));
    else jw_null(&w);
    jw_key(&w, "diff");
    if (tune_holds(t)) e = diff(t, cfg, &change), jw_str(&w, buf_str(&change));
    else jw_null(&w);
    jw_close(&w, '}');
    buf_addc(out, '\n');
    if (!e) e = change.err;
    buf_fini(&change);
    return e;
}

enum err tune_show(const struct tuning *t, const struct tune_cfg *cfg, const struct tune_args *args)
{
    struct buf out;
    buf_init(&out, OUT_MOST);
    enum err e = (args->json ? show_json : show_text)(t, cfg, args, &out);
    if (!e) e = out.err;
    if (!e && fwrite(out.p, 1, out.n, stdout) != out.n) e = ERR_IO;
    if (e) fprintf(stderr, "naru tune: %s\n", err_text(e));
    buf_fini(&out);
    return e;
}
