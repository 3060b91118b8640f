#include "workers/assign/rewind.h"

#include <stdlib.h>

/* Always true between two calls, while a line is asked about: `all` and `could` are what counting every agent anew would give, and
   each agent's `fails` is the test they are counted under. An undone step touches one agent or one queue, so the counts follow
   one agent at a time, and all of them only when a gate has moved.

   An agent whose specification was replaced since is counted under no test: what they could do before is not known. */

static struct then_agent agent_now(const struct agent *a, uint32_t channel)
{
    return (struct then_agent){ .load = load_of(a, channel), .ready = a->ready, .fails = FAILS_COUNT };
}

enum err rewind_begin(struct rewind *r, struct workspace *ws, uint32_t channel)
{
    *r = (struct rewind){ .ws = ws, .channel = channel, .at = ws->trail.head, .now = ws->now };
    r->agents = calloc(ws->roster.count + 1, sizeof *r->agents);
    r->queues = calloc(ws->queue_count + 1, sizeof *r->queues);
    if (!r->agents || !r->queues) {
        rewind_fini(r);
        return ERR_NOMEM;
    }
    for (uint32_t i = 0; i < ws->roster.count; i++) r->agents[i] = agent_now(ws->roster.v[i], channel);
    for (uint32_t i = 0; i < ws->queue_count; i++) {
        const struct heap_node *oldest = heap_peek(&ws->queues[i].by_age);
        r->queues[i].waiting = (uint32_t)ws->queues[i].by_age.count;
        r->queues[i].oldest = oldest ? (uint64_t)oldest->key : UINT64_MAX;
    }
    memcpy(r->idle_in, ws->roster.idle_in, sizeof r->idle_in);
    return ERR_OK;
}

void rewind_fini(struct rewind *r)
{
    free(r->agents);
    free(r->queues);
    r->agents = NULL;
    r->queues = NULL;
}

/* ---- tests ---- */

static enum fails by_presence(uint8_t ready)
{
    if (!(ready & READY_ONLINE)) return FAILS_offline;
    if (!(ready & READY_SAYS)) return FAILS_away;
    if (ready & READY_OFF_SHIFT) return FAILS_off_shift;
    return ready & READY_LEAVING ? FAILS_away : FAILS_fit;
}

static enum fails by_room(const struct rewind *r, uint32_t agent)
{
    static const uint8_t tests[] = { [BAR_UNITS] = FAILS_capacity, [BAR_KEEP] = FAILS_keep, [BAR_MAXIMUM] = FAILS_channel_max };
    const struct then_agent *t = &r->agents[agent];
    enum bar bar = capacity_bar_by(r->ws, r->ws->roster.v[agent], r->channel, r->line.favoured, &t->load);

    if (bar != BAR_NONE && bar != BAR_EXCLUSIVE) return tests[bar];
    if (t->ready & READY_RAMP) return FAILS_ramp;
    if (t->ready & READY_DAY) return FAILS_daily;
    if (bar == BAR_EXCLUSIVE) return FAILS_exclusive;
    return gate_stops(r->ws, &r->gates, agent) ? FAILS_gate : FAILS_fit;
}

static enum fails first_test(const struct rewind *r, uint32_t agent)
{
    const struct then_agent *t = &r->agents[agent];
    enum fails f;

    if (t->unknown || !(t->ready & READY_KNOWN)) return FAILS_COUNT;
    if ((f = by_presence(t->ready)) != FAILS_fit) return f;
    return t->bars != FAILS_fit ? t->bars : by_room(r, agent);
}

/* ---- counts ---- */

static bool can_serve(const struct then_agent *t) { return t->bars == FAILS_fit || t->bars == FAILS_backoff; }

static void count(struct rewind *r, const struct then_agent *t, uint32_t one)
{
    if (t->unknown) r->unknown += one;
    if (t->fails == FAILS_COUNT) return;
    r->all[t->fails] += one;
    if (can_serve(t)) r->could[t->fails] += one;
}

static void count_all(struct rewind *r)
{
    memset(r->all, 0, sizeof r->all);
    memset(r->could, 0, sizeof r->could);
    r->unknown = 0;
    for (uint32_t i = 0; i < r->ws->roster.count; i++) {
        r->agents[i].fails = (uint8_t)first_test(r, i);
        count(r, &r->agents[i], 1);
    }
}

static struct gates gates_then(const struct rewind *r)
{
    const struct line *l = &r->line;
    struct gate_view c = { .now = r->now, .idle_in = r->idle_in };

    if (l->queue != NONE) c.waiting = r->queues[l->queue].waiting, c.oldest = r->queues[l->queue].oldest;
    return gates_by(r->ws, l, &c);
}

/* Gates have no states: they are asked again whenever what they go by may have changed. */
static void look_at_gates(struct rewind *r)
{
    struct gates g;

    if (!r->ask) return;
    g = gates_then(r);
    if (g.closed == r->gates.closed && g.pass == r->gates.pass) return;
    r->gates = g;
    count_all(r);
}

void rewind_ask(struct rewind *r, struct line_ask *ask)
{
    if (r->ask == ask || (r->ask && ask && r->ask->n == ask->n && memcmp(r->ask->bytes, ask->bytes, ask->n) == 0)) return;
    r->ask = ask;
    if (!ask) return;
    line_by_ask(r->ws, ask, &r->line);
    r->gates = gates_then(r);
    for (uint32_t i = 0; i < r->ws->roster.count; i++) r->agents[i].bars = (uint8_t)line_bars(r->ws, &r->line, r->ws->roster.v[i]);
    count_all(r);
}

void rewind_clock(struct rewind *r, uint64_t now)
{
    r->now = now;
    look_at_gates(r);
}

/* ---- going back ---- */

static uint64_t idle_groups(const struct rewind *r, uint32_t agent)
{
    const struct then_agent *t = &r->agents[agent];
    bool ready = t->ready & READY_KNOWN && by_presence(t->ready) == FAILS_fit && !(t->ready & (READY_RAMP | READY_DAY));

    return ready && !t->load.used ? r->ws->roster.v[agent]->groups : 0;
}

static void count_idle(struct rewind *r, uint64_t groups, uint32_t one)
{
    for (; groups; groups &= groups - 1) r->idle_in[__builtin_ctzll(groups)] += one;
}

static void undo_agent(struct rewind *r, const struct trail_step *s)
{
    struct then_agent *t = &r->agents[s->a.agent];

    count(r, t, UINT32_MAX); /* less one */
    count_idle(r, idle_groups(r, s->a.agent), UINT32_MAX);
    if (s->kind == TRAIL_READY) t->ready = s->ready;
    if (s->kind == TRAIL_SPEC && (s->ready & READY_KNOWN)) t->unknown = true;
    if (s->kind == TRAIL_SAID) t->said = &s->ticket;
    if (s->kind == TRAIL_HELD) {
        t->load.used = s->a.used;
        t->load.in_hand = s->a.in_hand;
        t->load.exclusive = s->a.exclusive;
        if (s->channel == r->channel) t->load.count = s->a.count;
    }
    count_idle(r, idle_groups(r, s->a.agent), 1);
    t->fails = r->ask ? (uint8_t)first_test(r, s->a.agent) : FAILS_COUNT;
    count(r, t, 1);
}

static void undo_queue(struct rewind *r, const struct trail_step *s)
{
    r->queues[s->queue].waiting = s->t.waiting;
    r->queues[s->queue].oldest = s->t.oldest;
}

const struct trail_step *rewind_peek(const struct rewind *r)
{
    return r->at > r->ws->trail.from ? trail_at(&r->ws->trail, r->at - 1) : NULL;
}

const struct trail_step *rewind_step(struct rewind *r)
{
    const struct trail_step *s = rewind_peek(r), *before;

    if (!s) return NULL;
    r->at--;
    if (s->kind == TRAIL_IN || s->kind == TRAIL_OUT) undo_queue(r, s);
    else undo_agent(r, s);
    before = rewind_peek(r);
    r->now = before ? before->at : r->ws->trail.since;
    if (r->line.queue != NONE) look_at_gates(r);
    return s;
}
