/* Tickets are kept small: what is alike in many (queue, channel, urgency, needs, language) is one kind, found by a text of all of
   it; names of agents are kept once. Everything variable lies in the arena and goes with it. */
#include "base/limits.h"
#include "workers/simulate/recorded_impl.h"

#include <stdlib.h>

#define MINUTE     60000u
#define HOUR       3600000u
#define ARENA_MOST (64u << 20)
#define KEY_MOST   8192u

enum err recorded_new(struct recorded **out)
{
    struct recorded *r = calloc(1, sizeof *r);
    *out = r;
    if (!r) return ERR_NOMEM;
    map_init(&r->by_key, RECORDED_KINDS);
    map_init(&r->agents, LIM_AGENTS);
    arena_init(&r->arena, ARENA_MOST);
    buf_init(&r->key, KEY_MOST);
    return ERR_OK;
}

void recorded_free(struct recorded *r)
{
    if (!r) return;
    for (uint32_t i = 0; r->known && i < r->class_count; i++) survive_fini(&r->known[i].patience);
    map_fini(&r->by_key);
    map_fini(&r->agents);
    arena_fini(&r->arena);
    buf_fini(&r->key);
    free(r->kinds);
    free(r->known);
    free(r->works);
    free(r->v);
    free(r);
}

/* ---- kinds ---- */

static int by_skill(const void *a, const void *b)
{
    return str_cmp(((const struct recorded_need *)a)->skill, ((const struct recorded_need *)b)->skill);
}

static enum err make_key(struct buf *key, const struct recorded_ticket *t, const struct recorded_need *needs)
{
    buf_clear(key);
    buf_addf(key, "%.*s\n%.*s\n%.*s\n%d", STR_FMT(t->queue), STR_FMT(t->channel), STR_FMT(t->language), (int)t->urgency);
    for (uint32_t i = 0; i < t->need_count; i++) buf_addf(key, "\n%.*s\n%u", STR_FMT(needs[i].skill), needs[i].level);
    return key->err;
}

static struct recorded_kind *new_kind(struct recorded *r, const struct recorded_ticket *t, const struct recorded_need *needs)
{
    struct arena *a = &r->arena;
    struct recorded_kind *k = arena_alloc(a, sizeof *k);
    struct skill *v = arena_alloc(a, (t->need_count + 1) * sizeof *v);
    if (!k || !v) return NULL;
    *k = (struct recorded_kind){ .queue = arena_strdup(a, t->queue),
                                 .channel = arena_strdup(a, t->channel),
                                 .language = arena_strdup(a, t->language),
                                 .urgency = t->urgency,
                                 .needs = { v, t->need_count } };
    bool all = k->queue && k->channel && k->language;
    for (uint32_t i = 0; i < t->need_count; i++) {
        v[i] = (struct skill){ .name = arena_strdup(a, needs[i].skill), .level = needs[i].level };
        all = all && v[i].name;
    }
    return all ? k : NULL;
}

static enum err keep_kind(struct recorded *r, struct recorded_kind *k)
{
    char *key = arena_strdup(&r->arena, buf_str(&r->key));
    if (!key) return ERR_NOMEM;
    enum err e = map_put(&r->by_key, (struct str){ key, r->key.n }, k);
    if (e) return e;
    k->number = r->kind_count;
    r->kinds[r->kind_count++] = k;
    return ERR_OK;
}

/* ERR_FULL: it would be one kind too many. */
static enum err kind_of(struct recorded *r, const struct recorded_ticket *t, uint32_t *out)
{
    struct recorded_need needs[RECORDED_NEEDS];
    if (t->need_count) memcpy(needs, t->needs, t->need_count * sizeof *needs);
    qsort(needs, t->need_count, sizeof *needs, by_skill);
    enum err e = make_key(&r->key, t, needs);
    if (e) return e;
    struct recorded_kind *k = map_get(&r->by_key, buf_str(&r->key));
    if (!k) {
        if (r->kind_count == RECORDED_KINDS) return ERR_FULL;
        if (!r->kinds && !(r->kinds = calloc(RECORDED_KINDS, sizeof *r->kinds))) return ERR_NOMEM;
        if (!(k = new_kind(r, t, needs))) return ERR_NOMEM;
        e = keep_kind(r, k);
    }
    *out = k->number;
    return e;
}

/* The name kept once; NULL when there is none, or no room: then nothing is known of their speed. */
static const char *agent_of(struct recorded *r, struct str name)
{
    const char *known = name.n ? map_get(&r->agents, name) : NULL;
    char *copy = name.n && !known ? arena_strdup(&r->arena, name) : NULL;
    if (!copy) return known;
    return map_put(&r->agents, (struct str){ copy, name.n }, copy) ? NULL : copy;
}

/* ---- tickets ---- */

static enum err make_room(struct recorded *r)
{
    if (r->count < r->room) return ERR_OK;
    if (r->count == RECORDED_MOST) return ERR_FULL;
    uint32_t room = r->room ? r->room * 2 : 1024;
    if (room > RECORDED_MOST) room = RECORDED_MOST;
    struct recorded_row *more = realloc(r->v, room * sizeof *more);
    if (!more) return ERR_NOMEM;
    r->v = more;
    r->room = room;
    return ERR_OK;
}

static void count_offers(struct recorded_offers *o, const struct recorded_ticket *t)
{
    o->all += t->offers;
    o->declined += t->declined;
    o->missed += t->missed;
    if (t->accept > SIM_TIME_MAX) return;
    o->accepts++;
    o->accept_sum += (double)t->accept;
    o->accept_squares += (double)t->accept * (double)t->accept;
}

enum err recorded_add(struct recorded *r, const struct recorded_ticket *t)
{
    uint32_t kind;
    enum err e = make_room(r);
    if (e) return e;
    e = kind_of(r, t, &kind);
    if (e == ERR_FULL) return r->beyond++, ERR_OK;
    if (e) return e;
    count_offers(&r->offers, t);
    r->v[r->count++] = (struct recorded_row){ .id = t->id,
                                              .at = t->at,
                                              .wait = t->wait,
                                              .work = t->work < SIM_TIME_MAX ? t->work : SIM_TIME_MAX,
                                              .kind = kind,
                                              .agent = agent_of(r, t->agent),
                                              .served = t->served,
                                              .hung_up = t->hung_up };
    return ERR_OK;
}

uint32_t recorded_count(const struct recorded *r) { return r->count; }
uint64_t recorded_from(const struct recorded *r) { return r->from; }

static int by_time(const void *a, const void *b)
{
    const struct recorded_row *x = a, *y = b;
    return x->at != y->at ? (x->at > y->at) - (x->at < y->at) : memcmp(x->id.b, y->id.b, sizeof x->id.b);
}

void recorded_ready(struct recorded *r, uint64_t since)
{
    uint32_t n = 0;
    if (!r->count) return;
    qsort(r->v, r->count, sizeof *r->v, by_time);
    r->from = since ? since - since % MINUTE : r->v[0].at - r->v[0].at % HOUR;
    for (uint32_t i = 0; i < r->count; i++) {
        const struct recorded_row *row = &r->v[i];
        if (n && id_eq(&row->id, &r->v[n - 1].id)) continue; /* told by two routers, or on two pages */
        if (row->at < r->from || row->at - r->from > SIM_TIME_MAX) r->beyond++;
        else r->v[n++] = *row;
    }
    r->count = n;
}
