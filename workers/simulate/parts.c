/* Each replication is read once, in order, into one list; a day of it is a stretch of that list. Parts are then sorted by unit, so
   that the replications of a day lie side by side. A duty belongs to every part of whose time it has a share; the time of a day
   goes to the next midnight, and who is at work over midnight is on duty in both. */
#include "workers/simulate/parts.h"

#include <stdio.h>
#include <stdlib.h>

struct cut { /* where a part begins */
    size_t first;
    uint32_t count, day, replication;
};
struct reading {
    const struct parts_cfg *cfg;
    struct parts *out;
    struct cut *cuts;
    uint32_t cut_count, cut_room;
    char *why;
};

static enum err refuse(struct reading *r, enum err e, const char *text)
{
    snprintf(r->why, 512, "%s", text);
    return e;
}

static enum err room_for(void **list, size_t count, size_t *room, size_t size)
{
    if (count < *room) return ERR_OK;
    size_t more = *room ? *room * 2 : 1024;
    void *grown = realloc(*list, more * size);
    if (!grown) return ERR_NOMEM;
    *list = grown;
    *room = more;
    return ERR_OK;
}

static enum err begin_part(struct reading *r, uint32_t day, uint32_t replication)
{
    size_t room = r->cut_room;
    if (r->cut_count == PARTS_MAX) return refuse(r, ERR_FULL, "more days than can be tuned on: take a part of them");
    enum err e = room_for((void **)&r->cuts, r->cut_count, &room, sizeof *r->cuts);
    r->cut_room = (uint32_t)room;
    if (e) return refuse(r, e, err_text(e));
    r->cuts[r->cut_count++] = (struct cut){ r->out->arrival_count, 0, day, replication };
    return ERR_OK;
}

static enum err keep_arrival(struct reading *r, const struct arrival *a)
{
    struct parts *p = r->out;
    if (p->arrival_count == PARTS_ARRIVALS_MAX)
        return refuse(r, ERR_FULL, "more than 2,000,000 arrivals: tune on a part of them, or with fewer replications");
    enum err e = room_for((void **)&p->arrivals, p->arrival_count, &p->arrival_room, sizeof *p->arrivals);
    if (e) return refuse(r, e, err_text(e));
    p->arrivals[p->arrival_count++] = *a;
    r->cuts[r->cut_count - 1].count++;
    return ERR_OK;
}

static enum err read_replication(struct reading *r, uint32_t replication)
{
    struct source *s = NULL;
    struct arrival a;
    uint64_t next = 0;
    uint32_t day = 0;
    bool any = false;
    enum err e = r->cfg->open(r->cfg->ctx, replication, &s, r->why);
    if (e) return e;
    while (!(e = source_next(s, &a))) {
        uint64_t wall = r->cfg->from + a.at;
        if (r->cfg->days && (!any || wall >= next)) day = policy_day(r->cfg->policy, wall, &next);
        if (!any || (r->cut_count && r->cuts[r->cut_count - 1].day != day)) e = begin_part(r, day, replication);
        any = true;
        if (!e) e = keep_arrival(r, &a);
        if (e) break;
    }
    if (e == ERR_NOTFOUND) e = ERR_OK;
    else if (!r->why[0]) refuse(r, e, s->why);
    r->out->random |= s->random;
    source_close(s);
    return e;
}

/* ---- parts ---- */

static int by_unit(const void *a, const void *b)
{
    const struct cut *x = a, *y = b;
    if (x->day != y->day) return x->day < y->day ? -1 : 1;
    return (x->replication > y->replication) - (x->replication < y->replication);
}

static void number_units(struct parts *p, const struct cut *cuts, uint32_t every)
{
    for (uint32_t i = 0; i < p->count; i++) {
        bool same = i > 0 && p->days && cuts[i].day == cuts[i - 1].day;
        if (!same) p->units++;
        p->v[i].unit = p->units - 1;
        p->v[i].replication = cuts[i].replication;
        p->v[i].held = p->days ? p->units % every == 0 : i >= p->count / 2;
        p->held_units += p->v[i].held && !same;
    }
}

/* The duties that meet [from, to]. */
static enum err share_duties(struct part *part, const struct duties *all, uint64_t from, uint64_t to)
{
    part->duties.given = all && all->given;
    if (!part->duties.given) return ERR_OK;
    part->duties.v = calloc((size_t)all->count + 1, sizeof *part->duties.v);
    if (!part->duties.v) return ERR_NOMEM;
    for (uint32_t i = 0; i < all->count; i++)
        if (all->v[i].from <= to && all->v[i].to > from) part->duties.v[part->duties.count++] = all->v[i];
    return ERR_OK;
}

static enum err make_parts(struct reading *r)
{
    struct parts *p = r->out;
    enum err e = ERR_OK;
    uint64_t next;
    p->v = calloc(r->cut_count, sizeof *p->v);
    if (!p->v) return refuse(r, ERR_NOMEM, err_text(ERR_NOMEM));
    p->count = r->cut_count;
    for (uint32_t i = 0; i < p->count && !e; i++) {
        struct part *part = &p->v[i];
        part->v = p->arrivals + r->cuts[i].first;
        part->count = r->cuts[i].count;
        uint64_t first = part->v[0].at, last = part->v[part->count - 1].at;
        if (p->days) policy_day(r->cfg->policy, r->cfg->from + last, &next), last = next - r->cfg->from;
        e = share_duties(part, r->cfg->duties, first, p->days ? last : UINT64_MAX);
    }
    if (e) return refuse(r, e, err_text(e));
    number_units(p, r->cuts, r->cfg->every);
    return ERR_OK;
}

static enum err read_all(struct reading *r, bool days)
{
    uint32_t count = days ? r->cfg->replications : 2 * r->cfg->seeds;
    enum err e = ERR_OK;
    for (uint32_t i = 0; i < count && !e; i++) e = read_replication(r, i);
    return e;
}

static bool one_day(const struct reading *r)
{
    for (uint32_t i = 1; i < r->cut_count; i++)
        if (r->cuts[i].day != r->cuts[0].day) return false;
    return true;
}

enum err parts_read(struct parts *out, const struct parts_cfg *cfg, char why[512])
{
    struct reading r = { .cfg = cfg, .out = out, .why = why };
    *out = (struct parts){ .days = cfg->days };
    why[0] = 0;
    enum err e = read_all(&r, cfg->days);
    if (!e && out->arrival_count == 0) e = refuse(&r, ERR_NOTFOUND, "nothing arrives: there is nothing to tune on");
    if (!e && cfg->days && one_day(&r)) {
        out->days = false;
        for (uint32_t i = cfg->replications; i < 2 * cfg->seeds && !e; i++) e = read_replication(&r, i);
    }
    if (!e && out->days) qsort(r.cuts, r.cut_count, sizeof *r.cuts, by_unit);
    if (!e) e = make_parts(&r);
    free(r.cuts);
    if (e) parts_fini(out);
    return e;
}

void parts_fini(struct parts *p)
{
    for (uint32_t i = 0; i < p->count; i++) free(p->v[i].duties.v);
    free(p->v);
    free(p->arrivals);
    *p = (struct parts){ .v = NULL };
}

/* ---- playing a part ---- */

struct part_source {
    struct source s;
    const struct part *part;
    uint32_t at;
};

static enum err part_next(struct source *s, struct arrival *out)
{
    struct part_source *p = (struct part_source *)s;
    if (p->at == p->part->count) return ERR_NOTFOUND;
    *out = p->part->v[p->at++];
    return ERR_OK;
}

static void part_close(struct source *s) { free(s); }

enum err part_open(struct source **out, const struct part *part, bool random)
{
    struct part_source *p = calloc(1, sizeof *p);
    *out = p ? &p->s : NULL;
    if (!p) return ERR_NOMEM;
    *p = (struct part_source){ .s = { .next = part_next, .close = part_close, .random = random }, .part = part };
    return ERR_OK;
}
