#include "base/clock.h"
#include "base/metrics.h"
#include "workers/assign/core.h"

#include <stdio.h>

/* Agents, told as JSON and as metrics: what they have, what limits them, and why nothing new comes to them now (`blocked_by`, in
   the order in which the matcher asks; empty: something would). */

#define BODY_MAX 524288u

struct in_use {
    uint32_t held, offered, kept; /* units; kept: those of the headroom that nobody uses */
};

static struct in_use units_of(const struct workspace *ws, const struct agent *g)
{
    uint32_t left = g->used < g->capacity ? g->capacity - g->used : 0, keep = ws->policy->capacity.keep_units;
    struct in_use u = { .kept = keep < left ? keep : left };

    for (const struct hold *h = g->holds; h; h = h->agent_next) *(h->kind == HOLD_OFFER ? &u.offered : &u.held) += h->units;
    return u;
}

/* ---- limits ---- */

static void put_units(const struct workspace *ws, struct jw *w, const struct agent *g)
{
    struct in_use u = units_of(ws, g);
    uint32_t taken = g->used + u.kept;

    jw_key(w, "units_held"), jw_u64(w, u.held);
    jw_key(w, "units_offered"), jw_u64(w, u.offered);
    jw_key(w, "units_kept"), jw_u64(w, u.kept);
    jw_key(w, "units_free"), jw_u64(w, taken < g->capacity ? g->capacity - taken : 0);
    jw_key(w, "capacity"), jw_u64(w, g->capacity);
}

/* The policy's channels; with `all` false those that the agent has something of. */
static void put_channels(const struct workspace *ws, struct jw *w, const struct agent *g, bool all)
{
    jw_key(w, "channels"), jw_open(w, '{');
    for (uint32_t c = 0; c + 1 < ws->channel_count; c++) {
        enum bar why = capacity_bar(ws, g, c, ws->policy->capacity.keep_channels >> c & 1, 0);
        if (!all && !g->chan[c]) continue;
        jw_key(w, ws->channels[c].name), jw_open(w, '{');
        jw_key(w, "in_hand"), jw_u64(w, g->chan[c]);
        jw_key(w, "cost"), jw_u64(w, capacity_cost(ws, g, c));
        if (capacity_max(ws, g, c) != UINT32_MAX) jw_key(w, "max"), jw_u64(w, capacity_max(ws, g, c));
        if (why) jw_key(w, "blocked_by"), jw_strz(w, bar_words.v[why]);
        jw_close(w, '}');
    }
    jw_close(w, '}');
}

static bool has_shift(const struct workspace *ws, const struct agent *g)
{
    return g->shift >= 0 && (uint32_t)g->shift < ws->policy->hours_count;
}

static void put_duty(const struct workspace *ws, struct jw *w, const struct agent *g)
{
    uint32_t daily = duty_daily(ws, g);

    if (has_shift(ws, g)) {
        const struct hours *h = &ws->policy->hours[g->shift];
        jw_key(w, "shift"), jw_open(w, '{');
        jw_key(w, "hours"), jw_strz(w, h->name);
        jw_key(w, "open"), jw_bool(w, hours_open(h, ws->now, NULL));
        jw_close(w, '}');
    }
    if (duty_ramp_end(ws, g)) {
        bool running = ws->now - g->ramp_at < 60000;
        jw_key(w, "ramp"), jw_open(w, '{');
        jw_key(w, "until_ms"), jw_u64(w, duty_ramp_end(ws, g));
        jw_key(w, "offers_this_minute"), jw_u64(w, running ? g->ramp_offers : 0);
        jw_key(w, "per_minute"), jw_u64(w, ws->policy->capacity.ramp_per_minute);
        jw_close(w, '}');
    }
    jw_key(w, "day"), jw_open(w, '{');
    jw_key(w, "taken"), jw_u64(w, duty_taken(ws, g, NULL));
    if (daily != UINT32_MAX) jw_key(w, "most"), jw_u64(w, daily);
    jw_close(w, '}');
}

/* ---- why not now ---- */

/* "ramp until 2026-05-01T09:00:00.000Z"; without a time `else_until`, or the words alone. */
static void say(struct jw *w, const char *what, uint64_t until, const char *else_until)
{
    char text[160], at[25];

    if (until && until != UINT64_MAX) snprintf(text, sizeof text, "%s until %s", what, clock_text(until, at));
    else snprintf(text, sizeof text, "%s%s%s", what, else_until ? " until " : "", else_until ? else_until : "");
    jw_strz(w, text);
}

static void say_presence(struct jw *w, const struct agent *g)
{
    char text[80];

    snprintf(text, sizeof text, "%s%s%s", presence_words.v[g->presence], g->reason[0] ? ": " : "", g->reason);
    jw_strz(w, text);
}

static void put_blocked(const struct workspace *ws, struct jw *w, const struct agent *g)
{
    bool paced = duty_ramp_end(ws, g) && g->ramp_offers >= ws->policy->capacity.ramp_per_minute;
    uint64_t next = 0;

    jw_key(w, "blocked_by"), jw_open(w, '[');
    if (g->presence != PRES_AVAILABLE) say_presence(w, g);
    else if (g->leaving) say(w, "connection lost, offline", 0, NULL);
    if (g->presence == PRES_AVAILABLE && g->off_shift) {
        (void)hours_open(&ws->policy->hours[g->shift], ws->now, &next);
        say(w, "off shift", next, NULL);
    }
    if (g->barred == BAR_RAMP) say(w, "ramp", paced ? g->ramp_at + 60000 : 0, "an offer is answered");
    if (g->barred == BAR_DAY) {
        (void)duty_taken(ws, g, &next);
        say(w, "daily cap", next, NULL);
    }
    if (g->presence == PRES_AVAILABLE && !g->barred && !g->off_shift && !g->leaving && !g->any_free) say(w, "no room", 0, NULL);
    jw_close(w, ']');
}

/* ---- agents ---- */

static void put_skills(const struct workspace *ws, struct jw *w, const struct agent *g)
{
    jw_key(w, "skills"), jw_open(w, '{');
    for (uint32_t i = 0; i < g->skill_count; i++) {
        struct str name = space_skill(ws, g->skills[i].skill);
        char key[65];
        memcpy(key, name.p, name.n < 64 ? name.n : 64);
        key[name.n < 64 ? name.n : 64] = '\0';
        jw_key(w, key), jw_u64(w, g->skills[i].level);
    }
    jw_close(w, '}');
}

static void agent_fields(const struct workspace *ws, struct jw *w, const struct agent *g, bool alone)
{
    char id[ID_TEXT + 1], room[24];
    struct str version = agent_version(ws, g, room);

    jw_open(w, '{');
    jw_key(w, "agent"), jw_str(w, g->name);
    jw_key(w, "kind"), jw_strz(w, g->bot ? "bot" : "person");
    if (version.n) jw_key(w, "version"), jw_str(w, version);
    jw_key(w, "presence"), jw_strz(w, presence_words.v[g->presence]);
    if (g->reason[0]) jw_key(w, "reason"), jw_strz(w, g->reason);
    jw_key(w, "connected"), jw_bool(w, g->connected);
    jw_key(w, "session"), jw_u64(w, g->session);
    put_units(ws, w, g);
    put_blocked(ws, w, g);
    put_channels(ws, w, g, alone);
    put_duty(ws, w, g);
    if (g->idle) jw_key(w, "idle_since_ms"), jw_u64(w, g->idle);
    put_skills(ws, w, g);
    jw_key(w, "tickets"), jw_open(w, '[');
    for (const struct hold *h = g->holds; h; h = h->agent_next) jw_strz(w, id_text(&h->ticket->id, id));
    jw_close(w, ']');
    jw_close(w, '}');
}

void act_agent(struct workspace *ws, const struct act *a)
{
    const struct agent *g = act_agent_called(ws, a, a->agent);
    struct buf b;
    struct jw w;

    if (!g) return;
    buf_init(&b, BODY_MAX);
    w = jw_on(&b);
    agent_fields(ws, &w, g, true);
    answer_body(ws, a, &b);
}

/* A page of agents in the roster's order; `next`, the name to go on after, is the act's `reason`. */
void act_agents(struct workspace *ws, const struct act *a)
{
    uint32_t limit = a->limit && a->limit < 1000 ? a->limit : 1000, told = 0, i = 0;
    const struct agent *after = a->reason.n ? roster_find(&ws->roster, a->reason) : NULL, *last = NULL;
    struct buf b;
    struct jw w;

    if (a->reason.n && !after) {
        refuse(ws, a, 422, "bad-field", "what \"after\" names is not in this list any more: begin anew, without it");
        return;
    }
    buf_init(&b, BODY_MAX + 65536);
    w = jw_on(&b);
    jw_open(&w, '{');
    jw_key(&w, "agents"), jw_open(&w, '[');
    for (i = after ? after->index + 1 : 0; i < ws->roster.count && told < limit && b.n < BODY_MAX - 65536; i++) {
        if (!ws->roster.v[i]->known) continue;
        last = ws->roster.v[i];
        agent_fields(ws, &w, last, false);
        told++;
    }
    jw_close(&w, ']');
    if (i < ws->roster.count && last) jw_key(&w, "next"), jw_str(&w, last->name);
    jw_close(&w, '}');
    answer_body(ws, a, &b);
}

/* ---- metrics ---- */

void metrics_of_agents(const struct workspace *ws)
{
    uint64_t total = 0;
    struct in_use sum = { 0 };
    uint32_t off_shift = 0;

    for (uint32_t i = 0; i < ws->roster.count; i++) {
        const struct agent *a = ws->roster.v[i];
        if (!a->known || a->presence == PRES_OFFLINE) continue;
        struct in_use u = units_of(ws, a);
        total += a->capacity;
        sum.held += u.held;
        sum.offered += u.offered;
        sum.kept += u.kept;
        off_shift += a->presence == PRES_AVAILABLE && a->off_shift;
    }
    metric_set(MET_AGENT_UNITS, "total", (double)total);
    metric_set(MET_AGENT_UNITS, "held", sum.held);
    metric_set(MET_AGENT_UNITS, "offered", sum.offered);
    metric_set(MET_AGENT_UNITS, "kept", sum.kept);
    for (unsigned p = 0; p < presence_words.count && p < 3; p++)
        metric_set(MET_AGENTS, presence_words.v[p], ws->roster.by_presence[p] - (p == PRES_AVAILABLE ? off_shift : 0));
    metric_set(MET_AGENTS, "off_shift", off_shift);
}
