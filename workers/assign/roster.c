#include "workers/assign/core.h"

#include <stdlib.h>

/* The agents of a workspace. An agent's index never changes; one that the policy no longer names stays as unknown (offline,
   eligible for nothing), so that what refers to it stays valid.

   The matcher reads columns and bit sets only. They are derived: roster_refresh recomputes one agent's from the agent's fields,
   and is called by whoever changed a field. The units in use are derived too, from what the agent holds: see hold.c. */

enum err roster_init(struct roster *r)
{
    *r = (struct roster){ .version = 1 };
    map_init(&r->by_name, LIM_AGENTS);
    return ERR_OK;
}

static void free_agent(struct agent *a)
{
    free((char *)a->name.p);
    free(a->json);
    free(a->skills);
    free(a);
}

void roster_fini(struct roster *r)
{
    for (uint32_t i = 0; i < r->count; i++) free_agent(r->v[i]);
    map_fini(&r->by_name);
    free(r->v);
    free(r->known);
    free(r->online);
    free(r->avail);
    free(r->off_shift);
    for (uint32_t c = 0; c < CHANNELS_MAX; c++) {
        free(r->below[c]);
        for (int f = 0; f < 2; f++) {
            free(r->room_for[f][c]);
            free(r->free[f][c]);
        }
    }
    for (uint32_t s = 0; s < r->level_room; s++) free(r->level[s]);
    free(r->level);
    free(r->bots);
    free(r->groups);
    free(r->points);
    free(r->best);
    free(r->load);
    free(r->idle_key);
    free(r->freed);
    free(r->woken);
}

struct agent *roster_find(const struct roster *r, struct str name) { return map_get(&r->by_name, name); }

/* Memory for a bigger roster is taken in one piece of code so that a failure leaves the old one in use. */
static bool grow_bits(uint64_t **set, uint32_t from, uint32_t to)
{
    uint64_t *v = realloc(*set, to * sizeof *v);

    if (!v) return false;
    memset(v + from, 0, (to - from) * sizeof *v);
    *set = v;
    return true;
}

static bool grow_column(void **v, uint32_t from, uint32_t to, size_t size)
{
    char *p = realloc(*v, to * size);

    if (!p) return false;
    memset(p + from * size, 0, (to - from) * size);
    *v = p;
    return true;
}

static bool grow(struct roster *r)
{
    uint32_t words = r->words ? r->words * 2 : 4, room = words * 64;
    bool ok = grow_bits(&r->known, r->words, words) && grow_bits(&r->online, r->words, words) &&
              grow_bits(&r->avail, r->words, words) && grow_bits(&r->bots, r->words, words) &&
              grow_bits(&r->off_shift, r->words, words) && grow_bits(&r->woken, r->words, words);

    for (uint32_t c = 0; ok && c < CHANNELS_MAX; c++)
        ok = grow_bits(&r->room_for[0][c], r->words, words) && grow_bits(&r->room_for[1][c], r->words, words) &&
             grow_bits(&r->below[c], r->words, words) && grow_bits(&r->free[0][c], r->words, words) &&
             grow_bits(&r->free[1][c], r->words, words);
    for (uint32_t s = 0; ok && s < r->level_room; s++)
        if (r->level[s]) ok = grow_column((void **)&r->level[s], r->room, room, 1);
    ok = ok && grow_column((void **)&r->v, r->room, room, sizeof *r->v) &&
         grow_column((void **)&r->groups, r->room, room, sizeof *r->groups) &&
         grow_column((void **)&r->points, r->room, room, sizeof *r->points) &&
         grow_column((void **)&r->best, r->room, room, sizeof *r->best) &&
         grow_column((void **)&r->load, r->room, room, sizeof *r->load) &&
         grow_column((void **)&r->idle_key, r->room, room, sizeof *r->idle_key) &&
         grow_column((void **)&r->freed, r->room, room, sizeof *r->freed);
    if (!ok) return false;
    r->words = words;
    r->room = room;
    r->version++; /* cached sets have the old size */
    return true;
}

struct agent *roster_add(struct workspace *ws, struct str name)
{
    struct roster *r = &ws->roster;
    struct agent *a = roster_find(r, name);
    char *copy;

    if (a || !name.n || name.n > 128) return a;
    if (r->count >= LIM_AGENTS || (r->count == r->room && !grow(r))) return NULL;
    if (!(a = calloc(1, sizeof *a)) || !(copy = malloc(name.n + 1))) {
        free(a);
        return NULL;
    }
    memcpy(copy, name.p, name.n);
    copy[name.n] = '\0';
    a->name = (struct str){ copy, name.n };
    a->due.agent = true;
    a->index = r->count;
    a->shift = -1;
    a->daily = UINT32_MAX;
    a->duty_next = UINT64_MAX;
    if (map_put(&r->by_name, a->name, a)) {
        free_agent(a);
        return NULL;
    }
    r->v[r->count++] = a;
    r->by_presence[PRES_OFFLINE]++;
    roster_refresh(ws, a);
    return a;
}

/* ---- skills ---- */

static uint8_t *column(struct roster *r, uint32_t skill)
{
    if (skill >= r->level_room) {
        uint32_t room = r->level_room ? r->level_room : 64;
        while (room <= skill) room *= 2;
        if (!grow_column((void **)&r->level, r->level_room, room, sizeof *r->level)) return NULL;
        r->level_room = room;
    }
    if (!r->level[skill]) r->level[skill] = calloc(r->room, 1);
    return r->level[skill];
}

static void put_levels(struct roster *r, const struct agent *a, bool on)
{
    for (uint32_t i = 0; i < a->skill_count; i++) {
        uint8_t *col = column(r, a->skills[i].skill);
        if (col) col[a->index] = on ? a->skills[i].level : 0;
    }
}

/* What the words of a choice ask of all their skills. */
static void sum_levels(struct workspace *ws, const struct agent *a)
{
    uint32_t points = 0, best = 0;

    for (uint32_t i = 0; i < a->skill_count; i++) {
        points += a->skills[i].level;
        if (a->skills[i].level > best && !ws->skill[a->skills[i].skill]->language) best = a->skills[i].level;
    }
    ws->roster.points[a->index] = (uint16_t)(points < UINT16_MAX ? points : UINT16_MAX);
    ws->roster.best[a->index] = (uint8_t)best;
}

static void set_by_channel(struct workspace *ws, struct agent *a, const struct agent_spec *spec)
{
    for (uint32_t c = 0; c < CHANNELS_MAX; c++) a->max[c] = UINT32_MAX, a->cost[c] = 0;
    for (uint32_t i = 0; i < spec->max_count; i++)
        if (spec->max[i].channel + 1 < ws->channel_count) a->max[spec->max[i].channel] = spec->max[i].max;
    for (uint32_t i = 0; i < spec->cost_count; i++)
        if (spec->cost[i].channel + 1 < ws->channel_count) a->cost[spec->cost[i].channel] = spec->cost[i].max;
}

/* Of all that a matching test asks of them and only a specification changes. */
static uint64_t spec_hash(const struct agent *a)
{
    static const uint64_t seed[2] = { 1, 2 };
    uint64_t n[4] = { a->groups, a->capacity, a->bot, 0 }, sum;

    sum = hash_bytes(a->max, sizeof a->max, seed) * 3 + hash_bytes(a->cost, sizeof a->cost, seed);
    for (uint32_t i = 0; i < a->skill_count; i++)
        n[3] += (uint64_t)(a->skills[i].skill + 1) * 0x9e3779b97f4a7c15ull * a->skills[i].level;
    return sum ^ hash_bytes(n, sizeof n, seed);
}

/* Takes over what a specification says; its texts are copied. */
enum err roster_spec(struct workspace *ws, struct agent *a, const struct agent_spec *spec)
{
    struct agent_skill *v = calloc(spec->skills.count ? spec->skills.count : 1, sizeof *v);
    uint64_t before;

    if (!v) return ERR_NOMEM;
    before = spec_hash(a);
    for (uint32_t i = 0; i < spec->skills.count; i++)
        v[i] = (struct agent_skill){ (uint16_t)space_intern(ws, str_of(spec->skills.v[i].name)), (uint8_t)spec->skills.v[i].level };
    put_levels(&ws->roster, a, false);
    free(a->skills);
    a->skills = v;
    a->skill_count = spec->skills.count;
    put_levels(&ws->roster, a, true);
    sum_levels(ws, a);
    a->known = true;
    a->bot = spec->bot;
    a->bot_rules = spec->bot_rules;
    a->bot_rules.webhook = a->bot_rules.secret = NULL; /* the routers' part */
    a->groups = spec->groups;
    a->capacity = spec->capacity;
    a->daily = spec->daily;
    if (a->taken) change_touch_agent(ws, a); /* the day may be counted from now on: see duty_took */
    a->shift = spec->shift;
    set_by_channel(ws, a, spec);
    if (spec_hash(a) != before) trail_spec(ws, a);
    roster_allow_over(ws, a);
    waiting_agent_changed(ws, a);
    roster_refresh(ws, a);
    return ERR_OK;
}

void roster_forget(struct workspace *ws, struct agent *a)
{
    trail_spec(ws, a);
    put_levels(&ws->roster, a, false);
    a->skill_count = 0;
    sum_levels(ws, a);
    a->known = false;
    waiting_agent_changed(ws, a);
    roster_refresh(ws, a);
}

/* ---- derived ---- */

/* Idle agents by the end of their last work; busy ones after all of those, the least loaded first: an agent who has work in
   hand is not idle, and a burst is spread instead of going to one. */
static uint64_t idle_key(const struct agent *a, uint32_t load) { return a->used ? (1ull << 62) + load : a->idle; }

/* Idle time runs from the end of work, not from an offer or a log-in. */
void roster_worked(struct workspace *ws, struct agent *a)
{
    a->idle = ws->now;
    ws->roster.idle_key[a->index] = idle_key(a, ws->roster.load[a->index]);
    change_touch_agent(ws, a);
}

void roster_freed(struct workspace *ws, struct agent *a)
{
    if (a->freed) return;
    a->freed = true;
    ws->roster.freed[ws->roster.freed_count++] = a->index; /* room for all: one place an agent */
}

void roster_allow_over(const struct workspace *ws, struct agent *a) { a->over = capacity_check(ws, a) != NULL; }

static void put_masked(uint64_t *word, uint64_t mask, bool on) { *word = (*word & ~mask) | (-(uint64_t)on & mask); }

static void put_room(struct workspace *ws, struct agent *a, uint32_t c, unsigned room)
{
    struct roster *r = &ws->roster;
    uint32_t w = a->index / 64;
    uint64_t mask = 1ull << (a->index % 64);

    put_masked(&r->below[c][w], mask, room & ROOM_PLACE);
    for (int f = 0; f < 2; f++) {
        unsigned units = f ? ROOM_UNITS : ROOM_UNITS | ROOM_UNKEPT, all = units | ROOM_PLACE | ROOM_ALONE | ROOM_READY;
        bool is_free = (room & all) == all;
        put_masked(&r->room_for[f][c][w], mask, (room & units) == units);
        if (is_free && !(r->free[f][c][w] & mask)) roster_freed(ws, a);
        put_masked(&r->free[f][c][w], mask, is_free);
    }
}

/* Most changes are none to most channels. */
static void refresh_rooms(struct workspace *ws, struct agent *a, bool ready)
{
    unsigned most = ROOM_UNITS | ROOM_PLACE | ROOM_ALONE | ROOM_READY;
    uint8_t room[CHANNELS_MAX];

    ws->roster.free_agents -= a->any_free;
    a->any_free = false;
    capacity_rooms(ws, a, room);
    for (uint32_t c = 0; c < ws->channel_count; c++) {
        unsigned now = room[c] | (ready ? ROOM_READY : 0u);
        if (now != a->room[c]) put_room(ws, a, c, now);
        a->room[c] = (uint8_t)now;
        a->any_free |= (now & most) == most;
    }
    ws->roster.free_agents += a->any_free;
}

/* The agents of each group who have nothing in hand: what a gate's reserve goes by. */
static void count_idle(struct workspace *ws, struct agent *a, bool ready)
{
    uint64_t now = ready && !a->used ? a->groups : 0, moved = now ^ a->idle_in;

    if (now & moved) ws->gates_moved = true;
    for (; moved; moved &= moved - 1) {
        uint32_t g = (uint32_t)__builtin_ctzll(moved);
        ws->roster.idle_in[g] += now >> g & 1 ? 1 : UINT32_MAX; /* less one */
    }
    a->idle_in = now;
}

uint8_t roster_ready(const struct agent *a)
{
    unsigned bits = (a->known ? READY_KNOWN : 0u) | (a->presence != PRES_OFFLINE ? READY_ONLINE : 0u) |
                    (a->presence == PRES_AVAILABLE ? READY_SAYS : 0u) | (a->leaving ? READY_LEAVING : 0u) |
                    (a->off_shift ? READY_OFF_SHIFT : 0u) | (a->barred == BAR_RAMP ? READY_RAMP : 0u) |
                    (a->barred == BAR_DAY ? READY_DAY : 0u);

    return (uint8_t)bits;
}

void roster_refresh(struct workspace *ws, struct agent *a)
{
    struct roster *r = &ws->roster;
    bool avail, ready;
    uint8_t bits;
    uint64_t before = a->duty_next;
    uint64_t load = a->capacity ? (uint64_t)a->used * 65536 / a->capacity : 65536;

    duty_refresh(ws, a);
    if (a->duty_next != before) agent_schedule(ws, a);
    avail = a->known && a->presence == PRES_AVAILABLE && !a->leaving && !a->off_shift;
    ready = avail && a->barred == BAR_NONE;
    bits = roster_ready(a);
    if (bits != a->ready) trail_ready(ws, a, a->ready);
    a->ready = bits;
    if (a->over) roster_allow_over(ws, a);
    bit_put(r->known, a->index, a->known);
    bit_put(r->online, a->index, a->known && a->presence != PRES_OFFLINE);
    bit_put(r->off_shift, a->index, a->known && a->presence == PRES_AVAILABLE && a->off_shift);
    bit_put(r->avail, a->index, avail);
    if (a->bot != bit_get(r->bots, a->index)) r->bot_count += a->bot ? 1 : UINT32_MAX; /* less one */
    bit_put(r->bots, a->index, a->bot);
    r->groups[a->index] = a->groups;
    count_idle(ws, a, ready);
    r->load[a->index] = load > UINT32_MAX ? UINT32_MAX : (uint32_t)load;
    r->idle_key[a->index] = idle_key(a, r->load[a->index]);
    refresh_rooms(ws, a, ready);
}
