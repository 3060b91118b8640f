/* The page: what was played, one line of what came of it, a table of all, queues and classes, agents, who comes off worst.
   Compared: a block for all tickets and one for each class and queue, with P, Q and the difference; a + or - says for whom P is
   surely better or worse; then who pays. Columns that say nothing (nobody blocked, no match given) are left out. */
#include "workers/simulate/page.h"

#include "workers/simulate/show.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- what was played ---- */

bool page_targets_differ(const struct page *p, uint32_t class)
{
    if (p->x->sides < 2) return false;
    double one = sim_target(p->x->report[0], class), other = sim_target(p->x->report[1], class);
    return fabs(one - other) > 0.0005;
}

static void tell_played(const struct page *p, struct buf *out)
{
    const struct experiment *x = p->x;
    char n[SHOW_MAX], span[SHOW_MAX];

    if (x->sides == 2) buf_addf(out, "P: %s\nQ: %s\n", p->policy[0]->path, p->policy[1]->path);
    else buf_addf(out, "%s\n", p->policy[0]->path);
    buf_addf(out, "%s ticket%s of %s%s%s over %s", show(UNIT_COUNT, (double)x->tickets, n), x->tickets == 1 ? "" : "s", p->arrivals,
             p->path ? " " : "", p->path ? p->path : "", show(UNIT_TIME, (double)x->last_ms / 1000, span));
    if (x->done > 1) buf_addf(out, "; means of %" PRIu32 " replications ± their 95 %% intervals", x->done);
    if (p->warm_ms) buf_addf(out, "; the first %s not counted", show(UNIT_TIME, (double)p->warm_ms / 1000, span));
    buf_addf(out, "; seed %" PRIu64 "\n", p->seed);
}

static void tell_stopped(const struct page *p, struct buf *out)
{
    const struct experiment *x = p->x;
    char span[SHOW_MAX];

    if (x->equal) buf_addz(out, "Nothing in it is random: one replication tells all, further ones were left out.\n");
    if (!x->stopped) return;
    if (x->partial)
        buf_addf(out, "INTERRUPTED after %s of its time: the figures are of what had ended until then.\n",
                 show(UNIT_TIME, (double)x->last_ms / 1000, span));
    else
        buf_addf(out, "INTERRUPTED: %" PRIu32 " of %" PRIu32 " replications had ended; the one that was cut off is left out.\n",
                 x->done, x->wanted);
    if (p->policy[1] && x->sides < 2) buf_addz(out, "Nothing is compared: Q had not ended its first run.\n");
}

/* ---- one policy: the table ---- */

static const enum figure columns[] = { FIG_OFFERED, FIG_ANSWERED, FIG_ABANDONED, FIG_BLOCKED, FIG_WAITING, FIG_WAIT,
                                       FIG_P50,     FIG_P90,      FIG_P95,       FIG_P99,     FIG_MAX,     FIG_WITHIN,
                                       FIG_BREACH,  FIG_LATENESS, FIG_FINISH,    FIG_MATCH };
#define COLUMNS (sizeof columns / sizeof *columns)

/* Left out when it says nothing of all tickets. */
static bool shown(const struct experiment *x, enum figure f)
{
    double v = experiment_figure(x, 0, GROUP_OF_ALL, f).mean;
    if (f == FIG_BLOCKED || f == FIG_WAITING) return v > 0;
    return f != FIG_MATCH || !isnan(v);
}

static void add_row(const struct page *p, struct grid *g, const char *name, struct sim_group group)
{
    char text[SHOW_MAX];

    grid_add(g, name);
    for (size_t c = 0; c < COLUMNS; c++)
        if (shown(p->x, columns[c]))
            grid_add(g, show(figure_rows[columns[c]].unit, experiment_figure(p->x, 0, group, columns[c]).mean, text));
}

static void add_halves(const struct page *p, struct grid *g)
{
    char text[SHOW_MAX];

    grid_add(g, "");
    for (size_t c = 0; c < COLUMNS; c++) {
        struct interval v = experiment_figure(p->x, 0, GROUP_OF_ALL, columns[c]);
        const char *half = show_half(figure_rows[columns[c]].unit, &v, text);
        if (shown(p->x, columns[c])) grid_add(g, half[0] ? half + 1 : "");
    }
}

static bool offered_any(const struct page *p, struct sim_group g) { return experiment_figure(p->x, 0, g, FIG_OFFERED).mean > 0; }

static const char *kind_word(enum group_kind kind) { return kind == GROUP_QUEUE ? "queue" : "class"; }

static void add_groups(const struct page *p, struct grid *g, enum group_kind kind)
{
    struct buf name;

    buf_init(&name, 4096);
    for (uint32_t i = 0; i < sim_groups(p->x->report[0], kind); i++) {
        struct sim_group group = { kind, i };
        if (!offered_any(p, group)) continue;
        buf_clear(&name);
        buf_addf(&name, "%s %s", kind_word(kind), sim_group_name(p->x->report[0], group));
        add_row(p, g, buf_cstr(&name), group);
    }
    buf_fini(&name);
}

/* Every class is a queue by another name: all of its tickets wait there first, and nobody else's. */
static bool classes_are_queues(const struct page *p)
{
    for (uint32_t i = 0; i < p->rules->class_count; i++) {
        struct sim_group class = { GROUP_CLASS, i }, queue = { GROUP_QUEUE, (uint32_t)p->rules->classes[i].queue };
        if (strcmp(sim_group_name(p->x->report[0], class), sim_group_name(p->x->report[0], queue))) return false;
        if (sim_figure(p->x->report[0], class, FIG_OFFERED) != sim_figure(p->x->report[0], queue, FIG_OFFERED)) return false;
    }
    return true;
}

static void tell_table(const struct page *p, struct buf *out)
{
    struct grid g;
    uint32_t count = 1;

    for (size_t c = 0; c < COLUMNS; c++) count += shown(p->x, columns[c]);
    grid_init(&g, count);
    grid_add(&g, "");
    for (size_t c = 0; c < COLUMNS; c++)
        if (shown(p->x, columns[c])) grid_add(&g, figure_rows[columns[c]].title);
    add_row(p, &g, "all", GROUP_OF_ALL);
    if (p->x->done > 1) add_halves(p, &g);
    add_groups(p, &g, GROUP_QUEUE);
    if (!classes_are_queues(p)) add_groups(p, &g, GROUP_CLASS);
    grid_text(&g, out);
    grid_fini(&g);
}

/* ---- in one line ---- */

static const char *with_half(const struct experiment *x, unsigned side, enum figure f, char out[2 * SHOW_MAX])
{
    struct interval v = experiment_figure(x, side, GROUP_OF_ALL, f);
    char a[SHOW_MAX], b[SHOW_MAX];

    snprintf(out, 2 * SHOW_MAX, "%s%s", show(figure_rows[f].unit, v.mean, a), show_half(figure_rows[f].unit, &v, b));
    return out;
}

static void tell_headline(const struct page *p, struct buf *out)
{
    char within[2 * SHOW_MAX], breach[2 * SHOW_MAX], wait[2 * SHOW_MAX], p99[2 * SHOW_MAX], lost[2 * SHOW_MAX], busy[2 * SHOW_MAX];
    const struct experiment *x = p->x;

    buf_addf(out, "\nin time %s · breach %s · mean wait %s · p99 %s · abandoned %s · agents busy %s\n\n",
             with_half(x, 0, FIG_WITHIN, within), with_half(x, 0, FIG_BREACH, breach), with_half(x, 0, FIG_WAIT, wait),
             with_half(x, 0, FIG_P99, p99), with_half(x, 0, FIG_ABANDONED_SHARE, lost), with_half(x, 0, FIG_OCCUPANCY, busy));
}

/* ---- agents ---- */

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void tell_agents(const struct page *p, unsigned side, const char *heading, struct buf *out)
{
    const struct sim_report *r = p->x->report[side];
    uint32_t n = 0, count = sim_agents(r);
    double *v = calloc(count + 1, sizeof *v);
    char least[SHOW_MAX], middle[SHOW_MAX], most[SHOW_MAX], load[SHOW_MAX], jain[SHOW_MAX];

    if (!v) {
        out->err = ERR_NOMEM;
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        double occupancy = sim_agent_figures(r, i).occupancy;
        if (!isnan(occupancy)) v[n++] = occupancy;
    }
    qsort(v, n, sizeof *v, by_size);
    if (n == 0) buf_addf(out, "%sagents: nobody was there\n", heading);
    else
        buf_addf(out, "%sagents: %" PRIu32 "; occupancy min %s, median %s, max %s; load %s; fairness (Jain) %s\n", heading, n,
                 show(UNIT_SHARE, v[0], least), show(UNIT_SHARE, (v[(n - 1) / 2] + v[n / 2]) / 2, middle),
                 show(UNIT_SHARE, v[n - 1], most),
                 show(UNIT_SHARE, experiment_figure(p->x, side, GROUP_OF_ALL, FIG_LOAD).mean, load),
                 show(UNIT_NUMBER, experiment_figure(p->x, side, GROUP_OF_ALL, FIG_JAIN).mean, jain));
    if (n && n < count) buf_addf(out, "%sagents: %" PRIu32 " more were never there\n", heading, count - n);
    free(v);
}

static void tell_worst(const struct page *p, unsigned side, const char *heading, struct buf *out)
{
    int worst = sim_report_worst(p->x->report[side]);
    char within[SHOW_MAX], p99[SHOW_MAX], breach[SHOW_MAX];

    if (worst < 0) return;
    struct sim_group g = { GROUP_CLASS, (uint32_t)worst };
    buf_addf(out, "%sworst class: %s: in time %s, p99 %s, breach %s\n", heading, sim_group_name(p->x->report[side], g),
             show(UNIT_SHARE, experiment_figure(p->x, side, g, FIG_WITHIN).mean, within),
             show(UNIT_TIME, experiment_figure(p->x, side, g, FIG_P99).mean, p99),
             show(UNIT_SHARE, experiment_figure(p->x, side, g, FIG_BREACH).mean, breach));
}

/* ---- two policies ---- */

static const enum figure compared_all[] = { FIG_OFFERED,       FIG_WITHIN, FIG_BREACH, FIG_LATENESS, FIG_ABANDONED_SHARE,
                                            FIG_BLOCKED_SHARE, FIG_WAIT,   FIG_P50,    FIG_P90,      FIG_P95,
                                            FIG_P99,           FIG_MAX,    FIG_FINISH, FIG_MATCH,    FIG_OCCUPANCY,
                                            FIG_JAIN };
static const enum figure compared_group[] = { FIG_WITHIN, FIG_P99 };
#define COMPARED_GROUP (sizeof compared_group / sizeof *compared_group)

/* What P is surely: "+" better, "-" worse, "*" other, "" nothing of these. */
static const char *mark_of(const struct interval *d, enum figure f)
{
    int better = figure_rows[f].better;
    if (!interval_sure(d)) return "";
    return better == 0 ? "*" : (d->mean > 0) == (better > 0) ? "+" : "-";
}

/* Five cells: P, Q, the difference, half its interval, its mark. */
static void add_compared(const struct page *p, struct grid *g, struct sim_group group, enum figure f)
{
    enum unit unit = figure_rows[f].unit;
    char text[SHOW_MAX];
    struct interval d = experiment_difference(p->x, group, f);
    struct sim_group other = experiment_other(p->x, group);

    grid_add(g, show(unit, experiment_figure(p->x, 0, group, f).mean, text));
    grid_add(g, other.index == UINT32_MAX ? "-" : show(unit, experiment_figure(p->x, 1, other, f).mean, text));
    grid_add(g, d.n ? show_signed(unit, d.mean, text) : "-");
    const char *half = show_half(unit, &d, text);
    grid_add(g, half[0] ? half + 1 : "");
    grid_add(g, mark_of(&d, f));
}

static void add_cells(struct grid *g, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) grid_add(g, words[i]);
}

static bool says_something(const struct page *p, enum figure f)
{
    double v = experiment_figure(p->x, 0, GROUP_OF_ALL, f).mean, w = experiment_figure(p->x, 1, GROUP_OF_ALL, f).mean;
    if (isnan(v) && isnan(w)) return false;
    return f != FIG_BLOCKED_SHARE || v > 0 || w > 0;
}

/* A row a figure. */
static void tell_all_compared(const struct page *p, struct buf *out)
{
    static const char *const heading[] = { "all tickets", "P", "Q", "P - Q", "", "" };
    struct grid g;

    grid_init(&g, 6);
    add_cells(&g, heading, 6);
    for (size_t c = 0; c < sizeof compared_all / sizeof *compared_all; c++) {
        if (!says_something(p, compared_all[c])) continue;
        grid_add(&g, figure_rows[compared_all[c]].title);
        add_compared(p, &g, GROUP_OF_ALL, compared_all[c]);
    }
    grid_text(&g, out);
    grid_fini(&g);
}

static void add_compared_groups(const struct page *p, struct grid *g, enum group_kind kind)
{
    struct buf name;

    buf_init(&name, 4096);
    for (uint32_t i = 0; i < sim_groups(p->x->report[0], kind); i++) {
        struct sim_group group = { kind, i };
        if (!offered_any(p, group)) continue;
        buf_clear(&name);
        buf_addf(&name, "%s %s", kind_word(kind), sim_group_name(p->x->report[0], group));
        grid_add(g, buf_cstr(&name));
        for (size_t c = 0; c < COMPARED_GROUP; c++) add_compared(p, g, group, compared_group[c]);
    }
    buf_fini(&name);
}

/* A row a class and queue. */
static void tell_groups_compared(const struct page *p, struct buf *out)
{
    static const char *const heading[] = { "", "in time P", "Q", "P - Q", "", "", "p99 P", "Q", "P - Q", "", "" };
    struct grid g;

    grid_init(&g, 1 + 5 * COMPARED_GROUP);
    add_cells(&g, heading, sizeof heading / sizeof *heading);
    add_compared_groups(p, &g, GROUP_CLASS);
    if (!classes_are_queues(p)) add_compared_groups(p, &g, GROUP_QUEUE);
    grid_text(&g, out);
    grid_fini(&g);
}

/* Does P serve the group worse by this figure: surely where there are intervals, at all where there are none? */
static bool pays(const struct page *p, struct sim_group g, enum figure f)
{
    struct interval d = experiment_difference(p->x, g, f);
    return d.n && -d.mean * figure_rows[f].better > 0 && (isnan(d.half) || interval_sure(&d));
}

static void tell_who_pays(const struct page *p, struct buf *out)
{
    static const enum figure looked_at[] = { FIG_WITHIN, FIG_P99, FIG_ABANDONED_SHARE, FIG_BLOCKED_SHARE };
    char with_p[SHOW_MAX], with_q[SHOW_MAX];
    bool any = false;

    for (uint32_t i = 0; i < p->rules->class_count; i++)
        for (size_t c = 0; c < sizeof looked_at / sizeof *looked_at; c++) {
            struct sim_group g = { GROUP_CLASS, i };
            const struct figure_row *row = &figure_rows[looked_at[c]];
            if (!pays(p, g, looked_at[c])) continue;
            any = true;
            buf_addf(out, "pays for P: class %s: %s %s, with Q %s\n", p->rules->classes[i].name, row->title,
                     show(row->unit, experiment_figure(p->x, 0, g, looked_at[c]).mean, with_p),
                     show(row->unit, experiment_figure(p->x, 1, g, looked_at[c]).mean, with_q));
        }
    if (!any) buf_addz(out, "pays for P: no class (in time, p99, abandoned, blocked)\n");
}

static void tell_targets(const struct page *p, struct buf *out)
{
    char one[SHOW_MAX], other[SHOW_MAX];

    for (uint32_t i = 0; i < p->rules->class_count; i++)
        if (page_targets_differ(p, i))
            buf_addf(out,
                     "WARNING: class %s has a target of %s in P and of %s in Q: in time, breach and late do not compare. "
                     "Give it a `target` in simulate.classes.\n",
                     p->rules->classes[i].name, show(UNIT_TIME, sim_target(p->x->report[0], i), one),
                     show(UNIT_TIME, sim_target(p->x->report[1], i), other));
}

static void tell_comparison(const struct page *p, struct buf *out)
{
    buf_addc(out, '\n');
    tell_all_compared(p, out);
    buf_addc(out, '\n');
    if (offered_any(p, GROUP_OF_ALL)) tell_groups_compared(p, out);
    buf_addz(out, p->x->done > 1 ? "\n+ P is better, - P is worse, * other: the 95 % interval of the difference leaves 0 out. "
                                 : "\nOne replication: no intervals. ");
    buf_addz(out, "Shares differ in percentage points.\n\n");
}

void page_text(const struct page *p, struct buf *out)
{
    bool two = p->x->sides == 2;

    tell_played(p, out);
    tell_stopped(p, out);
    if (two) tell_targets(p, out), tell_comparison(p, out);
    else tell_headline(p, out), tell_table(p, out), buf_addc(out, '\n');
    for (unsigned side = 0; side < p->x->sides; side++) tell_agents(p, side, !two ? "" : side ? "Q " : "P ", out);
    for (unsigned side = 0; side < p->x->sides; side++) tell_worst(p, side, !two ? "" : side ? "Q " : "P ", out);
    if (two) tell_who_pays(p, out);
}
