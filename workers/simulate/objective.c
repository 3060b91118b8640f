/* A reader of one line: terms, each with its sign, of a number and a figure in either order. It stops at the first thing that it
   does not know and says where, counted in bytes from 1. */
#include "workers/simulate/objective.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Words beside the keys of figure_rows; shares where a key of that name would be a count. */
static const struct short_name {
    const char *name;
    enum figure figure;
} short_names[] = {
    { "abandoned", FIG_ABANDONED_SHARE },
    { "blocked", FIG_BLOCKED_SHARE },
    { "p50", FIG_P50 },
    { "p90", FIG_P90 },
    { "p95", FIG_P95 },
    { "p99", FIG_P99 },
    { "max", FIG_MAX },
};
#define SHORT_NAMES  (sizeof short_names / sizeof *short_names)
#define NEAR_CLASSES 256u /* looked at for the nearest name */

struct reader {
    const char *text, *at;
    const struct simulate_rules *rules;
    char *why;
};

static void blanks(struct reader *r) { r->at += strspn(r->at, " \t"); }

static bool eat(struct reader *r, char c)
{
    blanks(r);
    if (*r->at != c) return false;
    r->at++;
    return true;
}

static enum err refuse(struct reader *r, const char *at, const char *what)
{
    snprintf(r->why, OBJECTIVE_WHY, "%s at column %zu of \"%.140s\"", what, (size_t)(at - r->text) + 1, r->text);
    return ERR_USAGE;
}

/* ---- figures ---- */

static int figure_named(struct str word)
{
    for (size_t i = 0; i < SHORT_NAMES; i++)
        if (str_is(word, short_names[i].name)) return short_names[i].figure;
    int f = figure_find(word);
    return f >= 0 && figure_rows[f].unit != UNIT_COUNT ? f : -1;
}

static const char *near_figure(struct str word)
{
    const char *names[SHORT_NAMES + FIG_COUNT];
    size_t n = 0;
    for (size_t i = 0; i < SHORT_NAMES; i++) names[n++] = short_names[i].name;
    for (int i = 0; i < FIG_COUNT; i++)
        if (figure_rows[i].unit != UNIT_COUNT) names[n++] = figure_rows[i].key;
    return str_nearest(word, names, n);
}

static const char *near_class(const struct simulate_rules *rules, struct str word)
{
    const char *names[NEAR_CLASSES];
    size_t n = 0;
    names[n++] = "worst";
    for (uint32_t i = 0; i < rules->class_count && n < NEAR_CLASSES; i++) names[n++] = rules->classes[i].name;
    return str_nearest(word, names, n);
}

static bool read_scope(struct figure_of *f, struct str word, const struct simulate_rules *rules)
{
    f->scope = SCOPE_WORST;
    if (str_is(word, "worst")) return true;
    f->scope = SCOPE_CLASS;
    for (f->class = 0; f->class < rules->class_count; f->class ++)
        if (str_is(word, rules->classes[f->class].name)) return true;
    return false;
}

static enum err unknown(struct reader *r, const char *at, struct str word, const char *kind, const char *near)
{
    char what[320];
    int n = snprintf(what, sizeof what, "\"%.*s\" is no %s", (int)(word.n < 80 ? word.n : 80), word.p, kind);
    if (near) snprintf(what + n, sizeof what - (size_t)n, " (did you mean \"%s\"?)", near);
    return refuse(r, at, what);
}

/* The figure is behind the last dot: names of classes may have dots in them. */
static enum err read_figure(struct reader *r, struct figure_of *out)
{
    const char *from = r->at;
    while (isalnum((unsigned char)*r->at) || (*r->at && strchr("_-.@", *r->at))) r->at++;
    struct str word = { from, (size_t)(r->at - from) }, scope = { from, 0 };
    for (size_t i = 0; i < word.n; i++)
        if (from[i] == '.') scope.n = i;
    struct str name = scope.n ? (struct str){ from + scope.n + 1, word.n - scope.n - 1 } : word;
    int figure = figure_named(name);
    *out = (struct figure_of){ .scope = SCOPE_ALL };
    if (figure < 0) return unknown(r, name.p, name, "figure", near_figure(name));
    if (scope.n && !read_scope(out, scope, r->rules)) return unknown(r, from, scope, "class", near_class(r->rules, scope));
    if (scope.n && figure >= FIG_OCCUPANCY) return refuse(r, from, "agents' figures are of all tickets alone");
    out->figure = (enum figure)figure;
    snprintf(out->name, sizeof out->name, "%.*s", STR_FMT(word));
    return ERR_OK;
}

/* ---- numbers ---- */

static bool at_number(const struct reader *r) { return isdigit((unsigned char)*r->at) || *r->at == '.'; }

static enum err read_number(struct reader *r, double *out)
{
    char *end;
    const char *from = r->at;
    *out = strtod(from, &end);
    if (end == from || !isfinite(*out) || *out > 1e9) return refuse(r, from, "a number up to 1000000000 is expected");
    r->at = end;
    return ERR_OK;
}

/* ---- objectives ---- */

/* 2 | breach | 2 * breach | 2 breach | breach * 2 | breach / 2 */
static enum err read_term(struct reader *r, struct objective_term *t)
{
    double number = 1;
    blanks(r);
    if (!*r->at) return refuse(r, r->at, "a figure is missing");
    if (at_number(r)) {
        enum err e = read_number(r, &t->factor);
        if (e) return e;
        eat(r, '*');
        blanks(r);
        if (!isalpha((unsigned char)*r->at)) return refuse(r, r->at, "a figure is missing");
        return read_figure(r, &t->of);
    }
    t->factor = 1;
    if (!isalpha((unsigned char)*r->at)) return refuse(r, r->at, "a figure or a number is expected");
    enum err e = read_figure(r, &t->of);
    bool times = !e && eat(r, '*'), by = !e && !times && eat(r, '/');
    if (e || (!times && !by)) return e;
    blanks(r);
    e = read_number(r, &number);
    if (!e && by && number == 0) return refuse(r, r->at, "nothing can be divided by 0");
    t->factor = times ? number : 1 / number;
    return e;
}

enum err objective_parse(struct objective *out, const char *text, const struct simulate_rules *rules, char why[OBJECTIVE_WHY])
{
    struct reader r = { text, text, rules, why };
    enum err e = ERR_OK;
    out->count = 0;
    do {
        bool minus = eat(&r, '-');
        if (!minus && out->count == 0) eat(&r, '+');
        if (out->count == OBJECTIVE_TERMS) return refuse(&r, r.at, "too many terms");
        e = read_term(&r, &out->v[out->count]);
        if (minus) out->v[out->count].factor *= -1;
        out->count++;
        blanks(&r);
        if (!e && *r.at && *r.at != '+' && *r.at != '-') e = refuse(&r, r.at, "+ or - is expected");
        if (*r.at == '+') r.at++;
    } while (!e && (*r.at || r.at[-1] == '+'));
    return e;
}

/* ---- guards ---- */

static enum err read_guard(struct reader *r, struct guard *g)
{
    blanks(r);
    g->allowed = 0;
    if (!isalpha((unsigned char)*r->at)) return refuse(r, r->at, "a figure is expected");
    enum err e = read_figure(r, &g->of);
    if (!e && figure_rows[g->of.figure].better == 0) return refuse(r, r->at, "more of this figure is neither better nor worse");
    if (e || !eat(r, '+')) return e;
    blanks(r);
    if ((e = read_number(r, &g->allowed)) != ERR_OK) return e;
    g->allowed /= 100;
    return eat(r, '%') ? ERR_OK : refuse(r, r->at, "how much worse is a percentage: % is expected");
}

enum err guards_parse(struct guards *out, const char *text, const struct simulate_rules *rules, char why[OBJECTIVE_WHY])
{
    struct reader r = { text, text, rules, why };
    enum err e;
    out->count = 0;
    do {
        if (out->count == OBJECTIVE_TERMS) return refuse(&r, r.at, "too many figures");
        e = read_guard(&r, &out->v[out->count++]);
    } while (!e && eat(&r, ','));
    if (!e && *r.at) e = refuse(&r, r.at, "a comma is expected");
    return e;
}

/* ---- values ---- */

static double worst_of(enum figure f, const struct sim_report *r)
{
    double worst = NAN;
    for (uint32_t i = 0; i < sim_groups(r, GROUP_CLASS); i++) {
        double v = sim_figure(r, (struct sim_group){ GROUP_CLASS, i }, f);
        if (isnan(worst) || (figure_rows[f].better > 0 ? v < worst : v > worst)) worst = v;
    }
    return worst;
}

double figure_of_value(const struct figure_of *f, const struct sim_report *r)
{
    if (f->scope == SCOPE_WORST) return worst_of(f->figure, r);
    return sim_figure(r, f->scope == SCOPE_CLASS ? (struct sim_group){ GROUP_CLASS, f->class } : GROUP_OF_ALL, f->figure);
}

double objective_value(const struct objective *o, const struct sim_report *r, const struct figure_of **missing)
{
    double sum = 0;
    if (missing) *missing = NULL;
    for (uint32_t i = 0; i < o->count; i++) {
        double v = figure_of_value(&o->v[i].of, r);
        if (isnan(v) && missing && !*missing) *missing = &o->v[i].of;
        sum += o->v[i].factor * v;
    }
    return sum;
}

const struct guard *guards_broken(const struct guards *g, const struct sim_report *base, const struct sim_report *r)
{
    for (uint32_t i = 0; i < g->count; i++) {
        double before = figure_of_value(&g->v[i].of, base), now = figure_of_value(&g->v[i].of, r);
        double room = fabs(before) * g->v[i].allowed + 1e-12;
        bool more = figure_rows[g->v[i].of.figure].better > 0;
        if (more ? now < before - room : now > before + room) return &g->v[i];
    }
    return NULL;
}
