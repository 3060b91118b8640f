/* Rows of one instant are gathered, put in the order of their ids and given out one by one; the row that ended the gathering is
   kept as `ahead`. Before it is gathered a row is checked alone and against those before it: its time does not go back, its id is
   new. Ids are remembered as hashes (ids.h); when one is there already the file is read again to the row that had it, so that both
   lines can be named, and an id that merely shares another's hash passes.

   The first thing that is wrong ends the trace. The source is one block: the caller's `struct source` is its first member. */
#include "workers/simulate/trace.h"

#include "base/map.h"
#include "config/findings.h"
#include "workers/simulate/draw.h"
#include "workers/simulate/ids.h"
#include "workers/simulate/sheet.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { ID, ARRIVAL, CLASS, WORK, PATIENCE, COLUMNS };
static const char *const columns[COLUMNS] = { "id", "arrival_ms", "class", "work_ms", "patience_ms" };
static const struct sheet_form form = { columns, COLUMNS };

struct trace {
    struct source source;
    struct trace_cfg cfg;
    struct sheet sheet;
    struct map classes; /* name -> struct sim_class of cfg.rules */
    uint64_t *numbers;  /* rows of each class so far */
    struct ids ids;
    struct arrival *group; /* of one instant; those from `given` on are still to come */
    uint32_t count, given, room;
    struct arrival ahead;
    uint64_t ahead_line; /* 0: no row is ahead */
    bool over;
};

/* ---- one row ---- */

static enum err refuse_class(const struct trace *t, struct str name, char *why)
{
    const struct simulate_rules *r = t->cfg.rules;
    if (!name.n) return sheet_say(&t->sheet, why, "class is empty");
    const char **names = calloc(r->class_count + 1, sizeof *names);
    for (uint32_t i = 0; names && i < r->class_count; i++) names[i] = r->classes[i].name;
    const char *near = names ? str_nearest(name, names, r->class_count) : NULL;
    enum err e = near ? sheet_say(&t->sheet, why, "class \"%.*s\" is not in the policy's simulate.classes (did you mean \"%s\"?)",
                                  STR_FMT(findings_shown(name)), near)
                      : sheet_say(&t->sheet, why, "class \"%.*s\" is not in the policy's simulate.classes, which has %u%s%s%s",
                                  STR_FMT(findings_shown(name)), r->class_count, r->class_count ? ", the first \"" : "",
                                  r->class_count ? r->classes[0].name : "", r->class_count ? "\"" : "");
    free(names);
    return e;
}

static enum err read_work(struct trace *t, const struct sim_class *c, struct arrival *out, char *why)
{
    struct draw d = { t->cfg.seed, t->cfg.replication };
    if (t->sheet.cell[WORK].n) return sheet_ms(&t->sheet, WORK, &out->work, why);
    if (c->work.kind == DIST_NONE)
        return sheet_say(&t->sheet, why,
                         "work_ms is empty and simulate.classes.%s has no `work` to draw it from (work: { exponential: 180s })",
                         c->name);
    struct rng r = draw_rng(&d, DRAW_WORK, c->name, t->numbers[out->class]);
    out->work = draw_ms(&c->work, &r);
    if (c->work.kind != DIST_FIXED) t->source.random = true;
    return ERR_OK;
}

static enum err read_class(struct trace *t, struct arrival *out, char *why)
{
    struct str name = t->sheet.cell[CLASS];
    const struct sim_class *c = map_get(&t->classes, name);
    if (!c) return refuse_class(t, name, why);
    out->class = (uint32_t)(c - t->cfg.rules->classes);
    enum err e = read_work(t, c, out, why);
    t->numbers[out->class]++;
    return e;
}

static enum err read_id(struct trace *t, struct arrival *out, char *why)
{
    struct str id = t->sheet.cell[ID];
    if (!id.n) return sheet_say(&t->sheet, why, "id is empty");
    if (id.n > SIM_ID_MAX)
        return sheet_say(&t->sheet, why, "id \"%.*s…\" has %zu bytes, %u at most", STR_FMT(findings_shown(id)), id.n, SIM_ID_MAX);
    memcpy(out->id, id.p, id.n);
    out->id[id.n] = '\0';
    return ERR_OK;
}

static enum err read_row(struct trace *t, struct arrival *out, char *why)
{
    enum err e = read_id(t, out, why);
    if (!e) e = sheet_ms(&t->sheet, ARRIVAL, &out->at, why);
    if (!e) e = read_class(t, out, why);
    out->patience = SIM_FOR_EVER;
    if (!e && t->sheet.cell[PATIENCE].n) e = sheet_ms(&t->sheet, PATIENCE, &out->patience, why);
    return e;
}

/* ---- against the rows before it ---- */

/* The line before the present one that has this id; 0: none has. */
static uint64_t line_of(const struct trace *t, const char *id)
{
    struct sheet again;
    char why[SHEET_WHY];
    uint64_t found = 0;

    if (sheet_open(&again, t->cfg.path, &form, why)) return 0;
    while (!found && !sheet_next(&again, why) && again.line < t->sheet.line)
        if (str_is(again.cell[ID], id)) found = again.line;
    sheet_close(&again);
    return found;
}

static enum err check_new(struct trace *t, const struct arrival *a, char *why)
{
    enum err e = ids_add(&t->ids, str_of(a->id));
    uint64_t before = e == ERR_EXISTS ? line_of(t, a->id) : 0;
    if (before) return sheet_say(&t->sheet, why, "id \"%s\" is that of line %" PRIu64 " already; ids are unique", a->id, before);
    if (e == ERR_FULL) return sheet_say(&t->sheet, why, "more than %u rows: part the trace", TRACE_ROWS_MAX), ERR_FULL;
    if (e == ERR_NOMEM) return sheet_say(&t->sheet, why, "no memory for the ids of so many rows"), ERR_NOMEM;
    return ERR_OK;
}

static enum err check_order(const struct trace *t, const struct arrival *a, const struct arrival *last, uint64_t last_line,
                            char *why)
{
    if (!last_line || a->at >= last->at) return ERR_OK;
    return sheet_say(&t->sheet, why,
                     "arrival_ms %" PRIu64 " is before %" PRIu64 " of line %" PRIu64
                     ": rows stand in the order of their arrival_ms",
                     a->at, last->at, last_line);
}

/* Reads one row more into `ahead`; ERR_NOTFOUND: there is none, and nothing ahead. */
static enum err read_ahead(struct trace *t)
{
    struct arrival next, last = t->ahead;
    uint64_t last_line = t->ahead_line;
    char *why = t->source.why;

    t->ahead_line = 0;
    enum err e = sheet_next(&t->sheet, why);
    if (!e) e = read_row(t, &next, why);
    if (!e) e = check_order(t, &next, &last, last_line, why);
    if (!e) e = check_new(t, &next, why);
    if (e) return e;
    t->ahead = next;
    t->ahead_line = t->sheet.line;
    return ERR_OK;
}

/* ---- rows of one instant ---- */

static int by_id(const void *a, const void *b)
{
    return sim_id_cmp(((const struct arrival *)a)->id, ((const struct arrival *)b)->id);
}

static enum err group_add(struct trace *t)
{
    if (t->count == t->room) {
        if (t->count == TRACE_INSTANT_MAX)
            return sheet_say(&t->sheet, t->source.why, "more than %u rows of arrival_ms %" PRIu64, TRACE_INSTANT_MAX, t->ahead.at),
                   ERR_FULL;
        uint32_t room = t->room ? t->room * 2 : 64;
        if (room > TRACE_INSTANT_MAX) room = TRACE_INSTANT_MAX;
        struct arrival *more = realloc(t->group, room * sizeof *more);
        if (!more) return sheet_say(&t->sheet, t->source.why, "no memory for so many rows of one instant"), ERR_NOMEM;
        t->group = more;
        t->room = room;
    }
    t->group[t->count++] = t->ahead;
    return ERR_OK;
}

static enum err gather(struct trace *t)
{
    enum err e = t->ahead_line ? ERR_OK : read_ahead(t);
    uint64_t at = t->ahead.at;

    t->count = t->given = 0;
    while (!e && t->ahead.at == at) {
        e = group_add(t);
        if (!e) e = read_ahead(t);
    }
    if (e == ERR_NOTFOUND && t->count) t->over = true, e = ERR_OK;
    if (e) return e;
    if (t->count > 1) qsort(t->group, t->count, sizeof *t->group, by_id);
    return ERR_OK;
}

static enum err trace_next(struct source *s, struct arrival *out)
{
    struct trace *t = (struct trace *)s;
    if (t->given == t->count) {
        if (t->over) return ERR_NOTFOUND;
        enum err e = gather(t);
        if (e) return t->over = true, t->given = t->count, e;
    }
    *out = t->group[t->given++];
    return ERR_OK;
}

/* ---- opening ---- */

static void trace_close(struct source *s)
{
    struct trace *t = (struct trace *)s;
    sheet_close(&t->sheet);
    map_fini(&t->classes);
    ids_fini(&t->ids);
    free(t->numbers);
    free(t->group);
    free(t);
}

static enum err know_classes(struct trace *t)
{
    const struct simulate_rules *r = t->cfg.rules;
    map_init(&t->classes, r->class_count + 1);
    for (uint32_t i = 0; i < r->class_count; i++)
        if (map_put(&t->classes, str_of(r->classes[i].name), &r->classes[i])) return ERR_NOMEM;
    t->numbers = calloc(r->class_count + 1, sizeof *t->numbers);
    return t->numbers ? ERR_OK : ERR_NOMEM;
}

enum err trace_open(struct source **out, const struct trace_cfg *cfg, char why[512])
{
    struct trace *t = calloc(1, sizeof *t);
    *out = NULL;
    if (!t) return snprintf(why, SHEET_WHY, "%s", err_text(ERR_NOMEM)), ERR_NOMEM;
    t->source = (struct source){ .next = trace_next, .close = trace_close };
    t->cfg = *cfg;
    t->sheet.fd = -1;
    ids_init(&t->ids, TRACE_ROWS_MAX);
    enum err e = know_classes(t);
    if (e) snprintf(why, SHEET_WHY, "%s", err_text(e));
    else e = sheet_open(&t->sheet, cfg->path, &form, why);
    if (e) return trace_close(&t->source), e;
    *out = &t->source;
    return ERR_OK;
}
