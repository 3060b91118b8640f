/* Rows are read with their lines, sorted by agent and time to find overlaps, and by time at the end. */
#include "workers/simulate/duties.h"

#include "base/map.h"
#include "config/findings.h"
#include "workers/simulate/sheet.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { AGENT, FROM, TO, COLUMNS };
static const char *const columns[COLUMNS] = { "agent", "from_ms", "to_ms" };
static const struct sheet_form form = { columns, COLUMNS };

struct row {
    uint64_t from, to, line;
    uint32_t agent; /* index into the policy's */
};
struct roster {
    struct sheet sheet;
    const struct policy *policy;
    struct map agents; /* name -> struct agent_spec of the policy */
    struct row *v;
    uint32_t count, room;
};

static enum err refuse_agent(const struct roster *r, struct str name, char *why)
{
    const struct policy *p = r->policy;
    if (!name.n) return sheet_say(&r->sheet, why, "agent is empty");
    const char **names = calloc(p->agent_count + 1, sizeof *names);
    for (uint32_t i = 0; names && i < p->agent_count; i++) names[i] = p->agents[i].name;
    const char *near = names ? str_nearest(name, names, p->agent_count) : NULL;
    enum err e = sheet_say(&r->sheet, why, "agent \"%.*s\" is not in the policy's agents%s%s%s", STR_FMT(findings_shown(name)),
                           near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
    free(names);
    return e;
}

static enum err read_row(struct roster *r, struct row *out, char *why)
{
    struct sheet *s = &r->sheet;
    const struct agent_spec *a = map_get(&r->agents, s->cell[AGENT]);
    if (!a) return refuse_agent(r, s->cell[AGENT], why);
    *out = (struct row){ .line = s->line, .agent = (uint32_t)(a - r->policy->agents) };
    enum err e = sheet_ms(s, FROM, &out->from, why);
    if (!e) e = sheet_ms(s, TO, &out->to, why);
    if (!e && out->from >= out->to)
        return sheet_say(s, why, "from_ms %" PRIu64 " is not before to_ms %" PRIu64, out->from, out->to);
    return e;
}

static enum err keep(struct roster *r, const struct row *row, char *why)
{
    if (r->count == DUTIES_MAX) return sheet_say(&r->sheet, why, "more than %u rows", DUTIES_MAX), ERR_FULL;
    if (r->count == r->room) {
        uint32_t room = r->room ? r->room * 2 : 64;
        struct row *more = realloc(r->v, room * sizeof *more);
        if (!more) return sheet_say(&r->sheet, why, "no memory for so many rows"), ERR_NOMEM;
        r->v = more;
        r->room = room;
    }
    r->v[r->count++] = *row;
    return ERR_OK;
}

static enum err read_rows(struct roster *r, char *why)
{
    struct row row;
    enum err e;
    while (!(e = sheet_next(&r->sheet, why))) {
        e = read_row(r, &row, why);
        if (!e) e = keep(r, &row, why);
        if (e) return e;
    }
    return e == ERR_NOTFOUND ? ERR_OK : e;
}

/* ---- in order ---- */

#define COMPARE(x, y) (((x) > (y)) - ((x) < (y)))

static int by_agent(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    int c = COMPARE(x->agent, y->agent);
    return c ? c : x->from != y->from ? COMPARE(x->from, y->from) : COMPARE(x->line, y->line);
}

static int by_time(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    return x->from != y->from ? COMPARE(x->from, y->from) : COMPARE(x->agent, y->agent);
}

static enum err check_overlaps(struct roster *r, char *why)
{
    if (r->count) qsort(r->v, r->count, sizeof *r->v, by_agent);
    for (uint32_t i = 1; i < r->count; i++) {
        const struct row *x = &r->v[i - 1], *y = &r->v[i];
        if (x->agent != y->agent || x->to <= y->from) continue;
        const struct row *first = x->line < y->line ? x : y, *second = x->line < y->line ? y : x;
        r->sheet.line = second->line;
        return sheet_say(&r->sheet, why,
                         "\"%s\" is on duty from %" PRIu64 " to %" PRIu64 ", which overlaps line %" PRIu64 " (%" PRIu64
                         " to %" PRIu64 ")",
                         r->policy->agents[x->agent].name, second->from, second->to, first->line, first->from, first->to);
    }
    return ERR_OK;
}

static enum err hand_over(struct roster *r, struct duties *out, char *why)
{
    if (r->count) qsort(r->v, r->count, sizeof *r->v, by_time);
    struct duty *v = calloc(r->count + 1, sizeof *v);
    if (!v) return snprintf(why, SHEET_WHY, "%s", err_text(ERR_NOMEM)), ERR_NOMEM;
    for (uint32_t i = 0; i < r->count; i++) {
        v[i] = (struct duty){ .from = r->v[i].from, .to = r->v[i].to };
        snprintf(v[i].agent, sizeof v[i].agent, "%s", r->policy->agents[r->v[i].agent].name);
    }
    *out = (struct duties){ .v = v, .count = r->count, .given = true };
    return ERR_OK;
}

enum err duties_load(struct duties *out, const char *path, const struct policy *p, char why[512])
{
    struct roster r = { .policy = p, .sheet = { .fd = -1 } };
    enum err e = ERR_OK;

    *out = (struct duties){ 0 };
    map_init(&r.agents, p->agent_count + 1);
    for (uint32_t i = 0; !e && i < p->agent_count; i++) e = map_put(&r.agents, str_of(p->agents[i].name), &p->agents[i]);
    if (e) snprintf(why, SHEET_WHY, "%s", err_text(e));
    else e = sheet_open(&r.sheet, path, &form, why);
    if (!e) e = read_rows(&r, why);
    if (!e) e = check_overlaps(&r, why);
    if (!e) e = hand_over(&r, out, why);
    sheet_close(&r.sheet);
    map_fini(&r.agents);
    free(r.v);
    return e;
}

void duties_fini(struct duties *d)
{
    free(d->v);
    *d = (struct duties){ 0 };
}
