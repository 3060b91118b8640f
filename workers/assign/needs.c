#include "base/log.h"
#include "workers/assign/core.h"

#include <stdlib.h>

/* Skills as small numbers, and what tickets need of them. Most tickets of a queue need the same, and most verdicts and transfers
   ask for nothing beyond it, so a ticket does not keep its needs: it shares a need_set with all that need the same. A set never
   changes. Who changes a ticket's needs opens the set (a copy), changes the copy, and closes it: the ticket then has the set that
   is equal to the copy, found among workspace.need_sets or made. Each ticket counts once for each of its three sets; a set goes
   with the last who has it. The empty one is the same for everybody, and nobody's. */

const struct need_set needs_none = { .refs = 0 };

/* ---- skills ---- */

uint32_t space_intern(struct workspace *ws, struct str skill)
{
    struct skill_name *s = map_get(&ws->skills, skill);

    if (s) return s->index;
    if (ws->skill_count >= SKILLS_MAX || !(s = malloc(sizeof *s + skill.n + 1))) return 0;
    s->z = (char *)(s + 1);
    memcpy(s->z, skill.p, skill.n);
    s->z[skill.n] = '\0';
    s->s = (struct str){ s->z, skill.n };
    s->index = (uint16_t)ws->skill_count;
    s->language = skill.n > 5 && memcmp(skill.p, "lang:", 5) == 0;
    if ((ws->skill_count & (ws->skill_count - 1)) == 0) {
        struct skill_name **v = realloc(ws->skill, (ws->skill_count ? ws->skill_count * 2u : 1u) * sizeof *v);
        if (v) ws->skill = v;
        else free(s), s = NULL;
    }
    if (!s || map_put(&ws->skills, s->s, s)) {
        free(s);
        return 0;
    }
    ws->skill[ws->skill_count++] = s;
    return s->index;
}

struct str space_skill(const struct workspace *ws, uint32_t skill)
{
    return skill < ws->skill_count ? ws->skill[skill]->s : STR_NONE;
}

/* ---- sets ---- */

static struct str key_of(const struct need_at *v, uint32_t count) { return (struct str){ (const char *)v, count * sizeof *v }; }

struct needs needs_open(const struct need_set *s)
{
    struct needs n;

    n.count = s->count;
    if (s->count) memcpy(n.v, s->v, s->count * sizeof *s->v);
    return n;
}

static struct need_set *set_new(struct workspace *ws, const struct needs *n)
{
    struct need_set *s = malloc(sizeof *s + n->count * sizeof *n->v);

    if (!s) return NULL;
    *s = (struct need_set){ .count = n->count };
    memcpy(s->v, n->v, n->count * sizeof *n->v);
    if (!map_put(&ws->need_sets, key_of(s->v, s->count), s)) return s;
    free(s);
    return NULL;
}

void needs_drop(struct workspace *ws, const struct need_set **at)
{
    struct need_set *s = (struct need_set *)*at;

    *at = &needs_none;
    if (!s->count || --s->refs) return;
    map_del(&ws->need_sets, key_of(s->v, s->count));
    free(s);
}

void needs_close(struct workspace *ws, const struct need_set **at, const struct needs *n)
{
    struct need_set *s = NULL;

    if (n->count && !(s = map_get(&ws->need_sets, key_of(n->v, n->count))) && !(s = set_new(ws, n))) {
        log_warn("needs kept as they were workspace=%.*s cause=memory", STR_FMT(ws->name));
        return;
    }
    if (s) s->refs++; /* before the former one goes: it may be the same */
    needs_drop(ws, at);
    if (s) *at = s;
}

/* Adds or raises a need; false when nothing changed. */
bool needs_add(struct workspace *ws, struct needs *n, uint16_t skill, uint32_t level)
{
    uint32_t i = 0;

    if (level > 10) level = 10;
    while (i < n->count && n->v[i].skill < skill) i++;
    if (i < n->count && n->v[i].skill == skill) {
        if (n->v[i].level >= level) return false;
        n->v[i].level = (uint8_t)level;
        return true;
    }
    if (n->count == NEEDS_MAX) {
        log_warn("need ignored workspace=%.*s cause=too_many_needs", STR_FMT(ws->name));
        return false;
    }
    memmove(n->v + i + 1, n->v + i, (n->count - i) * sizeof *n->v);
    n->v[i] = (struct need_at){ skill, (uint8_t)level, 0 };
    n->count++;
    return true;
}

bool needs_add_all(struct workspace *ws, struct needs *n, struct list more)
{
    const struct need *v = more.items;
    bool changed = false;

    for (uint32_t i = 0; i < more.count; i++)
        if (needs_add(ws, n, (uint16_t)space_intern(ws, v[i].skill), v[i].level)) changed = true;
    return changed;
}

bool needs_more(struct workspace *ws, const struct need_set **at, struct list more)
{
    struct needs n;

    if (!more.count) return false;
    n = needs_open(*at);
    if (!needs_add_all(ws, &n, more)) return false;
    needs_close(ws, at, &n);
    return true;
}

/* ---- of a ticket ---- */

/* "lang: ticket" is a need for the ticket's own language; none when that is not known. */
static void need_from_policy(struct workspace *ws, const struct ticket *t, struct needs *n, const struct skill *s)
{
    char name[64 + 8];

    if (!s->from_ticket) {
        needs_add(ws, n, (uint16_t)space_intern(ws, str_of(s->name)), s->level);
        return;
    }
    struct str language = t->facts.language;
    if (!language.n || str_is(language, "und")) return;
    memcpy(name, "lang:", 5);
    memcpy(name + 5, language.p, language.n);
    needs_add(ws, n, (uint16_t)space_intern(ws, (struct str){ name, 5 + language.n }), s->level);
}

bool ticket_ask(struct workspace *ws, struct ticket *t, const struct verdict *v) { return needs_more(ws, &t->asked, v->needs); }

/* The needs that its queue begins with, and those that verdicts and a transfer asked for. */
void ticket_needs_of_queue(struct workspace *ws, struct ticket *t)
{
    const struct queue *q = queue_of(ws, t);
    struct needs n = { .count = 0 };

    for (uint32_t i = 0; i < q->needs.count; i++) need_from_policy(ws, t, &n, &q->needs.v[i]);
    for (uint32_t i = 0; i < t->asked->count; i++) needs_add(ws, &n, t->asked->v[i].skill, t->asked->v[i].level);
    for (uint32_t i = 0; i < t->wants->count; i++) needs_add(ws, &n, t->wants->v[i].skill, t->wants->v[i].level);
    needs_close(ws, &t->needs, &n);
    change_touch(ws, t);
}
