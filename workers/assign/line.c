#include "workers/assign/core.h"

#include <stdlib.h>

/* A line is the set of waiting tickets that any given agent can serve all or none of. Its key has all that this depends on: the
   channel, the needs, the agents held back after they declined or missed, whether capacity.keep is kept for it, whether bots are
   asked, who alone is asked and which checks do not count for them; and, where the queue has groups or gates, the queue and the
   groups that steps have added. So the cost of matching follows the number of distinct needs, not of tickets, and a head
   that nobody free can serve blocks nobody behind it.

   TIERS. A queue with groups asks only agents of its groups: first its own (tier 0), then those that steps added, in the order
   they were added, then those that gates let in. An agent belongs to the first tier that has one of their groups.

   ELIGIBLE are the agents who could serve it, whatever their presence and room; cached for as long as the roster's version stands
   and kept right agent by agent. SKILLED are those with the skills for it, kept apart only where groups, bots or a wish make the
   two differ, and only for counting who failed at what. Gates are not part of it: they open and close with every ticket. */

#define ONLY_BARS ((1u << SKIP_SKILLS) | (1u << SKIP_GROUPS) | (1u << SKIP_GATE) | (1u << SKIP_KEEP))

struct line_key { /* without padding: it is compared as bytes */
    uint16_t channel, need_count;
    uint32_t only, queue;
    uint8_t only_skip, no_bots, favoured, pad;
    uint64_t added;
};
#define KEY_MAX (sizeof(struct line_key) + NEEDS_MAX * 4 + BACKOFFS_MAX * 4)

/* ---- what a ticket's line is ---- */

static int by_index(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static uint32_t held_back_now(const struct workspace *ws, const struct ticket *t, uint32_t out[BACKOFFS_MAX])
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < t->backoff_count; i++)
        if (t->backoff[i].until > ws->now) out[n++] = t->backoff[i].agent;
    if (n > 1) qsort(out, n, sizeof *out, by_index);
    return n;
}

/* Who alone is asked; not any more once they are gone, or have let it go by. */
static const struct agent *only_now(const struct workspace *ws, const struct ticket *t)
{
    if (!t->only || t->only_until <= ws->now || t->only->presence == PRES_OFFLINE || !t->only->known) return NULL;
    for (uint32_t i = 0; i < t->backoff_count; i++)
        if (t->backoff[i].agent == t->only->index && t->backoff[i].until > ws->now) return NULL;
    return t->only;
}

static struct line_key head_of(const struct workspace *ws, const struct ticket *t)
{
    const struct queue *q = queue_of(ws, t);
    const struct agent *only = only_now(ws, t);
    struct line_key k = { .channel = (uint16_t)t->channel, .need_count = (uint16_t)t->needs->count, .only = NONE, .queue = NONE };

    if (only) k.only = only->index, k.only_skip = (uint8_t)(t->only_skip & ONLY_BARS);
    k.favoured = ticket_favoured(ws, t) || (k.only_skip >> SKIP_KEEP & 1);
    k.no_bots = t->no_bots || q->no_bots;
    if (!q->groups && !q->gate_count) return k;
    k.queue = t->queue;
    k.added = steps_groups(ws, t);
    return k;
}

static struct str key_of(const struct line_key *head, const struct need_set *needs, const uint32_t *excluded, uint32_t count,
                         char out[KEY_MAX])
{
    size_t n = sizeof *head;

    memcpy(out, head, n);
    memcpy(out + n, needs->v, needs->count * sizeof *needs->v);
    n += needs->count * sizeof *needs->v;
    if (count) memcpy(out + n, excluded, count * sizeof *excluded);
    return (struct str){ out, n + count * sizeof *excluded };
}

/* ---- making and freeing ---- */

void line_free(struct workspace *ws, struct line *l)
{
    map_del(&ws->lines, l->key);
    for (uint32_t i = 0; i < l->lane_count; i++) {
        heap_fini(&l->lanes[i]->waiting);
        free(l->lanes[i]);
    }
    free(l->lanes);
    line_ask_unref(l->ask);
    free(l->eligible);
    free(l->skilled);
    free(l);
}

void line_unused(struct workspace *ws, struct line *l)
{
    if (l->count || (!l->excluded_count && !l->only && ws->idle_lines <= LINES_IDLE)) return;
    ws->idle_lines--;
    line_free(ws, l);
}

static void add_tier(struct line *l, uint64_t groups)
{
    for (uint32_t i = 0; i < l->tier_count; i++) groups &= ~l->tiers[i];
    if (!groups) return;
    if (l->tier_count == TIERS_MAX) l->tiers[TIERS_MAX - 1] |= groups;
    else l->tiers[l->tier_count++] = groups;
}

static void make_tiers(struct line *l, const struct queue *q, uint64_t added)
{
    if (!q->groups) return;
    add_tier(l, q->groups);
    for (uint32_t i = 0; i < q->timeline_count; i++) add_tier(l, q->timeline[i].add & added);
    add_tier(l, added); /* by a timeline of an older policy */
    for (uint32_t i = 0; i < q->gate_count; i++) add_tier(l, 1ull << q->gates[i].group);
}

/* All of a line but its lanes and what is cached. */
void line_by_ask(const struct workspace *ws, struct line_ask *ask, struct line *l)
{
    struct line_key head;
    size_t at = sizeof head;

    memcpy(&head, ask->bytes, sizeof head);
    *l = (struct line){ .ask = ask, .key = { ask->bytes, ask->n }, .channel = head.channel, .queue = head.queue };
    l->favoured = head.favoured;
    l->only = head.only == NONE ? NULL : ws->roster.v[head.only];
    l->only_skip = head.only_skip;
    l->no_bots = head.no_bots;
    l->needs.count = head.need_count;
    memcpy(l->needs.v, ask->bytes + at, head.need_count * sizeof *l->needs.v);
    at += head.need_count * sizeof *l->needs.v;
    l->excluded = (const uint32_t *)(ask->bytes + at); /* aligned: all before it are words of four bytes */
    l->excluded_count = (uint32_t)((ask->n - at) / sizeof *l->excluded);
    if (head.queue != NONE) make_tiers(l, &ws->policy->queues[head.queue], head.added);
}

static struct line *line_new(struct workspace *ws, struct str key)
{
    struct line *l = calloc(1, sizeof *l);
    struct line_ask *ask = malloc(sizeof *ask + key.n);

    if (!l || !ask) {
        free(l);
        free(ask);
        return NULL;
    }
    *ask = (struct line_ask){ .refs = 1, .n = (uint32_t)key.n };
    memcpy(ask->bytes, key.p, key.n);
    line_by_ask(ws, ask, l);
    if (map_put(&ws->lines, l->key, l)) {
        line_free(ws, l);
        return NULL;
    }
    ws->idle_lines++; /* until a ticket stands in it */
    return l;
}

struct line *line_of(struct workspace *ws, const struct ticket *t)
{
    uint32_t excluded[BACKOFFS_MAX], count = held_back_now(ws, t, excluded);
    struct line_key head = head_of(ws, t);
    char bytes[KEY_MAX];
    struct str key = key_of(&head, t->needs, excluded, count, bytes);
    struct line *l = map_get(&ws->lines, key);

    return l ? l : line_new(ws, key);
}

/* ---- who can serve it ---- */

static bool skips(const struct line *l, enum skip check) { return l->only && (l->only_skip >> check & 1); }

uint32_t line_tier(const struct line *l, uint64_t groups)
{
    uint32_t i = 0;

    while (i < l->tier_count && !(l->tiers[i] & groups)) i++;
    return i;
}

static bool in_groups(const struct line *l, uint64_t groups)
{
    return !l->tier_count || skips(l, SKIP_GROUPS) || line_tier(l, groups) < l->tier_count;
}

static bool has_skills(const struct workspace *ws, const struct line *l, uint32_t agent)
{
    const struct roster *r = &ws->roster;

    for (uint32_t i = 0; i < l->needs.count; i++) {
        const uint8_t *col = l->needs.v[i].skill < r->level_room ? r->level[l->needs.v[i].skill] : NULL;
        if (!col || col[agent] < l->needs.v[i].level) return false;
    }
    return true;
}

static bool is_held_back(const struct line *l, uint32_t agent)
{
    for (uint32_t i = 0; i < l->excluded_count; i++)
        if (l->excluded[i] == agent) return true;
    return false;
}

/* Beside skills. */
static bool may_be_asked(const struct line *l, const struct agent *a)
{
    if (is_held_back(l, a->index) || (l->only && l->only != a) || (l->no_bots && a->bot)) return false;
    return in_groups(l, a->groups);
}

static bool is_plain(const struct line *l) { return !l->tier_count && !l->only && !l->no_bots; }

enum fails line_bars(const struct workspace *ws, const struct line *l, const struct agent *a)
{
    if (is_held_back(l, a->index)) return FAILS_backoff;
    if (!has_skills(ws, l, a->index) && !skips(l, SKIP_SKILLS)) return FAILS_skills;
    if (may_be_asked(l, a)) return FAILS_fit;
    if (l->only) return FAILS_only;
    return l->no_bots && a->bot ? FAILS_bot : FAILS_groups;
}

void line_agent_changed(struct workspace *ws, struct line *l, const struct agent *a)
{
    bool skilled = a->known && (has_skills(ws, l, a->index) || skips(l, SKIP_SKILLS));

    if (l->version != ws->roster.version) return;
    bit_put(l->eligible, a->index, skilled && may_be_asked(l, a));
    if (!is_plain(l)) bit_put(l->skilled, a->index, skilled);
}

static void clear_below(const struct roster *r, uint64_t *set, struct need_at need)
{
    const uint8_t *col = need.skill < r->level_room ? r->level[need.skill] : NULL;

    if (!col) {
        memset(set, 0, r->words * sizeof *set);
        return;
    }
    for (uint32_t w = 0; w < r->words; w++)
        for (uint64_t left = set[w]; left; left &= left - 1) {
            uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(left);
            if (col[i] < need.level) bit_put(set, i, false);
        }
}

static bool set_room(uint64_t **set, uint32_t words)
{
    uint64_t *v = realloc(*set, (words ? words : 1) * sizeof *v);

    if (v) *set = v;
    return v != NULL;
}

static void narrow(const struct workspace *ws, struct line *l)
{
    const struct roster *r = &ws->roster;

    memcpy(l->skilled, l->eligible, r->words * sizeof *l->skilled);
    for (uint32_t w = 0; w < r->words; w++)
        for (uint64_t left = l->eligible[w]; left; left &= left - 1) {
            uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(left);
            if (!may_be_asked(l, r->v[i])) bit_put(l->eligible, i, false);
        }
}

const uint64_t *line_eligible(struct workspace *ws, struct line *l)
{
    const struct roster *r = &ws->roster;

    if (l->version == r->version) return l->eligible;
    if (l->words < r->words || !l->eligible) {
        if (!set_room(&l->eligible, r->words) || (!is_plain(l) && !set_room(&l->skilled, r->words))) return NULL;
        l->words = r->words;
    }
    if (r->words) memcpy(l->eligible, r->known, r->words * sizeof *r->known);
    for (uint32_t i = 0; i < l->needs.count && !skips(l, SKIP_SKILLS); i++) clear_below(r, l->eligible, l->needs.v[i]);
    if (!is_plain(l)) narrow(ws, l);
    for (uint32_t i = 0; i < l->excluded_count; i++) bit_put(l->eligible, l->excluded[i], false);
    l->version = r->version;
    return l->eligible;
}

const uint64_t *line_free_set(const struct workspace *ws, const struct line *l) { return ws->roster.free[l->favoured][l->channel]; }

bool line_takes(struct workspace *ws, struct line *l, uint32_t agent)
{
    const uint64_t *eligible = line_eligible(ws, l);
    struct gates g = gates_now(ws, l);

    return eligible && bit_get(eligible, agent) && bit_get(line_free_set(ws, l), agent) && !gate_stops(ws, &g, agent);
}

bool line_has_candidate(struct workspace *ws, struct line *l)
{
    const uint64_t *eligible = line_eligible(ws, l), *is_free = line_free_set(ws, l);
    struct gates g = gates_now(ws, l);

    for (uint32_t w = 0; eligible && w < ws->roster.words; w++) {
        uint64_t left = eligible[w] & is_free[w];
        while (left && g.closed && gate_stops(ws, &g, w * 64 + (uint32_t)__builtin_ctzll(left))) left &= left - 1;
        if (left) return true;
    }
    return false;
}
