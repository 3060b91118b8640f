/* Every figure is {"mean", "half", "n"}: half the width of its 95 % interval and the replications that define it; null where there
   is none. So a program reads one replication as it reads twenty. */
#include "base/json.h"
#include "workers/simulate/page.h"

#include <math.h>
#include <stdio.h>

/* ---- figures ---- */

static void put_interval(struct jw *w, const struct interval *v, bool sure)
{
    jw_open(w, '{');
    jw_key(w, "mean"), jw_f64(w, v->mean);
    jw_key(w, "half"), jw_f64(w, v->half);
    jw_key(w, "n"), jw_u64(w, v->n);
    if (sure) jw_key(w, "sure"), jw_bool(w, interval_sure(v));
    jw_close(w, '}');
}

/* Those of agents are of all tickets alone. */
static int figures_of(struct sim_group g) { return g.kind == GROUP_ALL ? FIG_COUNT : FIG_OCCUPANCY; }

static void put_figures(const struct page *p, struct jw *w, unsigned side, struct sim_group g)
{
    for (int f = 0; f < figures_of(g); f++) {
        struct interval v = experiment_figure(p->x, side, g, (enum figure)f);
        jw_key(w, figure_rows[f].key);
        put_interval(w, &v, false);
    }
}

static void put_differences(const struct page *p, struct jw *w, struct sim_group g)
{
    for (int f = 0; f < figures_of(g); f++) {
        struct interval v = experiment_difference(p->x, g, (enum figure)f);
        jw_key(w, figure_rows[f].key);
        put_interval(w, &v, true);
    }
}

/* ---- one side ---- */

static void put_name(struct jw *w, const char *key, const char *text)
{
    jw_key(w, key);
    if (text) jw_strz(w, text);
    else jw_null(w);
}

static void put_class(const struct page *p, struct jw *w, unsigned side, uint32_t i)
{
    const struct sim_class *c = &p->rules->classes[i];

    jw_key(w, "weight"), jw_f64(w, c->weight);
    jw_key(w, "target"), jw_f64(w, sim_target(p->x->report[side], i));
}

static void put_groups(const struct page *p, struct jw *w, unsigned side, enum group_kind kind)
{
    const struct sim_report *r = p->x->report[side];

    jw_open(w, '[');
    for (uint32_t i = 0; i < sim_groups(r, kind); i++) {
        struct sim_group g = { kind, i };
        jw_open(w, '{');
        put_name(w, "name", sim_group_name(r, g));
        if (kind == GROUP_CLASS) put_class(p, w, side, i);
        put_figures(p, w, side, g);
        jw_close(w, '}');
    }
    jw_close(w, ']');
}

static void put_agents(const struct page *p, struct jw *w, unsigned side)
{
    const struct sim_report *r = p->x->report[side];

    jw_open(w, '[');
    for (uint32_t i = 0; i < sim_agents(r); i++) {
        struct agent_figures a = sim_agent_figures(r, i);
        jw_open(w, '{');
        put_name(w, "name", a.agent);
        jw_key(w, "occupancy"), jw_f64(w, a.occupancy);
        jw_key(w, "load"), jw_f64(w, a.load);
        jw_key(w, "online"), jw_f64(w, (double)a.online_ms / 1000);
        jw_key(w, "busy"), jw_f64(w, (double)a.busy_ms / 1000);
        jw_key(w, "served"), jw_u64(w, a.served);
        jw_key(w, "declined"), jw_u64(w, a.declined);
        jw_key(w, "missed"), jw_u64(w, a.missed);
        jw_close(w, '}');
    }
    jw_close(w, ']');
}

static void put_clock(struct jw *w, const char *key, uint32_t minutes)
{
    char at[8];
    snprintf(at, sizeof at, "%02u:%02u", minutes / 60 % 24, minutes % 60);
    put_name(w, key, at);
}

static void put_day(const struct page *p, struct jw *w, unsigned side)
{
    struct bucket_figures parts[SIM_DAY_PARTS];
    uint32_t step, days, n = sim_report_day(p->x->report[side], parts, &step, &days);

    jw_open(w, '{');
    jw_key(w, "step_minutes"), jw_u64(w, step);
    jw_key(w, "days"), jw_u64(w, days);
    jw_key(w, "parts");
    jw_open(w, '[');
    for (uint32_t i = 0; i < n; i++) {
        jw_open(w, '{');
        put_clock(w, "at", parts[i].at);
        jw_key(w, "offered"), jw_u64(w, parts[i].offered);
        jw_key(w, "wait"), jw_f64(w, parts[i].wait);
        jw_key(w, "wait_p90"), jw_f64(w, parts[i].p90);
        jw_key(w, "within"), jw_f64(w, parts[i].within);
        jw_close(w, '}');
    }
    jw_close(w, ']');
    jw_close(w, '}');
}

static void put_side(const struct page *p, struct jw *w, unsigned side)
{
    int worst = sim_report_worst(p->x->report[side]);

    jw_open(w, '{');
    put_name(w, "policy", p->policy[side]->path);
    put_name(w, "version", p->policy[side]->version);
    jw_key(w, "all");
    jw_open(w, '{');
    put_figures(p, w, side, GROUP_OF_ALL);
    jw_close(w, '}');
    jw_key(w, "queues"), put_groups(p, w, side, GROUP_QUEUE);
    jw_key(w, "classes"), put_groups(p, w, side, GROUP_CLASS);
    put_name(w, "worst_class", worst < 0 ? NULL : p->rules->classes[worst].name);
    jw_key(w, "agents"), put_agents(p, w, side);
    jw_key(w, "day"), put_day(p, w, side);
    jw_close(w, '}');
}

/* ---- the difference ---- */

static void put_group_differences(const struct page *p, struct jw *w, enum group_kind kind)
{
    jw_open(w, '[');
    for (uint32_t i = 0; i < sim_groups(p->x->report[0], kind); i++) {
        struct sim_group g = { kind, i };
        if (experiment_other(p->x, g).index == UINT32_MAX) continue;
        jw_open(w, '{');
        put_name(w, "name", sim_group_name(p->x->report[0], g));
        if (kind == GROUP_CLASS) jw_key(w, "targets_differ"), jw_bool(w, page_targets_differ(p, i));
        put_differences(p, w, g);
        jw_close(w, '}');
    }
    jw_close(w, ']');
}

static void put_difference(const struct page *p, struct jw *w)
{
    jw_key(w, "difference");
    if (p->x->sides < 2) {
        jw_null(w);
        return;
    }
    jw_open(w, '{');
    jw_key(w, "all");
    jw_open(w, '{');
    put_differences(p, w, GROUP_OF_ALL);
    jw_close(w, '}');
    jw_key(w, "queues"), put_group_differences(p, w, GROUP_QUEUE);
    jw_key(w, "classes"), put_group_differences(p, w, GROUP_CLASS);
    jw_close(w, '}');
}

void page_json(const struct page *p, struct buf *out)
{
    const struct experiment *x = p->x;
    struct jw w = jw_on(out);

    jw_open(&w, '{');
    put_name(&w, "arrivals", p->arrivals);
    put_name(&w, "file", p->path);
    put_name(&w, "roster", p->roster);
    jw_key(&w, "seed"), jw_u64(&w, p->seed);
    jw_key(&w, "warm_up"), jw_f64(&w, (double)p->warm_ms / 1000);
    jw_key(&w, "replications"), jw_u64(&w, x->done);
    jw_key(&w, "asked"), jw_u64(&w, x->wanted);
    jw_key(&w, "equal"), jw_bool(&w, x->equal);
    jw_key(&w, "interrupted"), jw_bool(&w, x->stopped);
    jw_key(&w, "partial"), jw_bool(&w, x->partial);
    jw_key(&w, "tickets"), jw_u64(&w, x->tickets);
    jw_key(&w, "offers"), jw_u64(&w, x->decisions);
    jw_key(&w, "last"), jw_f64(&w, (double)x->last_ms / 1000);
    jw_key(&w, "policies");
    jw_open(&w, '[');
    for (unsigned side = 0; side < x->sides; side++) put_side(p, &w, side);
    jw_close(&w, ']');
    put_difference(p, &w);
    jw_close(&w, '}');
    buf_addc(out, '\n');
}
