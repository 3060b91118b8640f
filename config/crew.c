/* Skills of all agents turned round: for each skill who has it. A need then costs as many steps as it has holders, not as many as
   all agents have skills, so a check may ask again and again. */
#include "config/crew.h"

#include <string.h>

#define CREW_ARENA (64u << 20)

bool crew_is_lang(const char *skill) { return !strncmp(skill, "lang:", 5) || !strcmp(skill, "lang"); }

/* ---- who has what ---- */

/* Twice over the same skills: first counting (`v` NULL), then filling. */
static enum err add_holder(struct crew *c, const char *skill, struct having one)
{
    struct holders *h = map_get(&c->skills, str_of(skill));
    if (!h) {
        h = arena_alloc(&c->arena, sizeof *h);
        if (!h) return ERR_NOMEM;
        h->skill = skill;
        enum err e = map_put(&c->skills, str_of(skill), h);
        if (e) return e;
    }
    if (h->v) {
        if (one.level > h->v[h->best].level) h->best = h->count;
        h->v[h->count] = one;
    }
    h->count++;
    return ERR_OK;
}

static enum err add_agent(struct crew *c, uint32_t agent)
{
    const struct skills *s = &c->p->agents[agent].skills;
    uint32_t speaks = 0;
    enum err e = ERR_OK;
    for (uint32_t i = 0; i < s->count && !e; i++) {
        e = add_holder(c, s->v[i].name, (struct having){ agent, s->v[i].level });
        if (crew_is_lang(s->v[i].name) && s->v[i].level > speaks) speaks = s->v[i].level;
    }
    if (!e && speaks) e = add_holder(c, "lang", (struct having){ agent, speaks });
    return e;
}

static enum err make_room(struct crew *c)
{
    struct holders *h;
    for (size_t i = 0; (h = map_next(&c->skills, &i));) {
        h->v = arena_alloc(&c->arena, h->count * sizeof *h->v);
        if (!h->v) return ERR_NOMEM;
        h->count = 0;
    }
    return ERR_OK;
}

enum err crew_init(struct crew *c, const struct policy *p)
{
    enum err e = ERR_OK;
    *c = (struct crew){ .p = p, .words = p->agent_count / 64 + 1 };
    map_init(&c->skills, 1u << 20);
    arena_init(&c->arena, CREW_ARENA);
    c->some = arena_alloc(&c->arena, c->words * sizeof *c->some);
    if (!c->some) return ERR_NOMEM;
    for (uint32_t i = 0; i < p->agent_count && !e; i++) e = add_agent(c, i);
    if (!e) e = make_room(c);
    for (uint32_t i = 0; i < p->agent_count && !e; i++) e = add_agent(c, i);
    return e;
}

void crew_fini(struct crew *c)
{
    map_fini(&c->skills);
    arena_fini(&c->arena);
}

const struct holders *crew_skill(const struct crew *c, const char *skill) { return map_get(&c->skills, str_of(skill)); }

/* ---- sets ---- */

void crew_asked(const struct crew *c, const struct queue *q, uint64_t groups, uint64_t *set)
{
    memset(set, 0, c->words * sizeof *set);
    for (uint32_t i = 0; i < c->p->agent_count; i++) {
        const struct agent_spec *a = &c->p->agents[i];
        if ((a->bot && q->no_bots) || (groups && !(a->groups & groups))) continue;
        set[i / 64] |= 1ull << (i % 64);
    }
}

void crew_keep(const struct crew *c, const char *skill, uint32_t level, uint64_t *set)
{
    const struct holders *h = crew_skill(c, skill);
    uint32_t at = 0; /* of the word that is being made */
    uint64_t have = 0;
    for (uint32_t i = 0; h && i < h->count; i++) {
        for (; at < h->v[i].agent / 64; have = 0) set[at++] &= have;
        if (h->v[i].level >= level) have |= 1ull << (h->v[i].agent % 64);
    }
    for (; at < c->words; have = 0) set[at++] &= have;
}

bool crew_any(const struct crew *c, const uint64_t *set)
{
    for (uint32_t i = 0; i < c->words; i++)
        if (set[i]) return true;
    return false;
}

/* ---- a queue at its widest ---- */

uint64_t crew_widest(const struct queue *q)
{
    uint64_t asked = q->groups;
    for (uint32_t i = 0; asked && i < q->timeline_count; i++) asked |= q->timeline[i].add;
    for (uint32_t i = 0; asked && i < q->gate_count; i++) asked |= 1ull << q->gates[i].group;
    return asked;
}

uint32_t crew_lowest(const struct queue *q, const struct skill *need)
{
    uint32_t level = need->level;
    for (uint32_t i = 0; i < q->timeline_count; i++) {
        const struct step *s = &q->timeline[i];
        for (uint32_t k = 0; k < s->needs.count; k++)
            if (!strcmp(s->needs.v[k].name, need->name) && s->needs.v[k].level < level) level = s->needs.v[k].level;
        for (uint32_t k = 0; k < s->drop.count; k++)
            if (!strcmp(s->drop.v[k], need->name) || (!strcmp(s->drop.v[k], "lang") && crew_is_lang(need->name))) return 0;
    }
    return level;
}
