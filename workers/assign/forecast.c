#include "workers/assign/core.h"

/* What estimate.c is asked with: who is there that could serve a ticket, how many like it they can have at once, and how much work
   is ahead of it. Agents are looked at one by one and lines as wholes, so an answer costs some ten microseconds a thousand agents;
   it is asked for by reads and by queues whose overflow has `expected_wait`, not on the way of every ticket.

   Ahead of a ticket are those that go before it in their order: all of them of its own line, and of another line the share of its
   agents who could serve both. */

static bool can_serve(const struct workspace *ws, const struct agent *a, const struct ticket *t, uint64_t groups)
{
    const struct need_set *needs = t->needs;
    const struct roster *r = &ws->roster;

    if (a->bot && (t->no_bots || queue_of(ws, t)->no_bots)) return false;
    if (groups && !(a->groups & groups)) return false;
    for (uint32_t i = 0; i < needs->count; i++) {
        const uint8_t *col = needs->v[i].skill < r->level_room ? r->level[needs->v[i].skill] : NULL;
        if (!col || col[a->index] < needs->v[i].level) return false;
    }
    return true;
}

static uint64_t groups_for(const struct workspace *ws, const struct ticket *t)
{
    uint64_t own = queue_of(ws, t)->groups;

    return own ? own | steps_groups(ws, t) : 0;
}

bool forecast_staffed(const struct workspace *ws, const struct ticket *t)
{
    uint64_t groups = groups_for(ws, t);

    for (uint32_t i = 0; i < ws->roster.count; i++)
        if (bit_get(ws->roster.online, i) && can_serve(ws, ws->roster.v[i], t, groups)) return true;
    return false;
}

/* ---- agents ---- */

#define AGENT_WORDS 512u /* of a roster grown to LIM_AGENTS: a power of two of them, 64 agents each */

struct crowd { /* who is available and could serve it */
    uint64_t set[AGENT_WORDS];
    double slots, free;
};

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

static void add_agent(const struct workspace *ws, struct crowd *c, const struct agent *a, const struct ticket *t, bool now)
{
    uint32_t cost = capacity_cost(ws, a, t->channel), most = capacity_max(ws, a, t->channel);
    uint32_t left = a->capacity > a->used ? a->capacity - a->used : 0, has = a->chan[t->channel];

    c->set[a->index / 64] |= 1ull << (a->index % 64);
    c->slots += least(a->capacity / cost, most);
    if (now) c->free += least(left / cost, most > has ? most - has : 0);
}

/* Could they be offered it now? Of a ticket that waits its line knows: back-offs, whom it is kept for, gates. */
static bool free_now(struct workspace *ws, const struct ticket *t, const uint64_t *eligible, const struct gates *g, uint32_t agent)
{
    if (!bit_get(ws->roster.free[ticket_favoured(ws, t)][t->channel], agent)) return false;
    return !t->line || (eligible && bit_get(eligible, agent) && !gate_stops(ws, g, agent));
}

static void gather(struct workspace *ws, struct crowd *c, const struct ticket *t)
{
    const struct roster *r = &ws->roster;
    const uint64_t *eligible = t->line ? line_eligible(ws, t->line) : NULL;
    struct gates g = t->line ? gates_now(ws, t->line) : (struct gates){ 0 };
    uint64_t groups = groups_for(ws, t);

    memset(c->set, 0, r->words * sizeof *c->set);
    c->slots = c->free = 0;
    for (uint32_t i = 0; i < r->count; i++)
        if (bit_get(r->avail, i) && can_serve(ws, r->v[i], t, groups))
            add_agent(ws, c, r->v[i], t, free_now(ws, t, eligible, &g, i));
}

/* ---- tickets ahead ---- */

static double share_of(struct workspace *ws, struct line *l, const struct crowd *c)
{
    const uint64_t *eligible = line_eligible(ws, l);
    uint32_t both = 0, all = 0;

    for (uint32_t w = 0; eligible && w < ws->roster.words; w++) {
        uint64_t e = eligible[w] & ws->roster.avail[w];
        if (!e) continue;
        all += bits_in(e);
        both += bits_in(e & c->set[w]);
    }
    return all ? (double)both / all : 0;
}

static int64_t place_of(const struct workspace *ws, const struct ticket *t)
{
    struct waits w = waits_of(ws, t);

    return order_key(&w, ws->now);
}

/* Does `one` go before `t`, whose place in the order is `at`? */
static bool goes_before(const struct workspace *ws, const struct ticket *one, const struct ticket *t, int64_t at)
{
    int64_t its = place_of(ws, one);

    return one != t && (its < at || (its == at && one->tie < t->tie));
}

static double handle_of(const struct workspace *ws, uint32_t queue)
{
    return pace_handle(&ws->queues[queue].pace, ws->policy->queues[queue].answer.within_ms[URG_NORMAL], PACE_PRIOR);
}

/* Before a ticket that is only coming, all of them go. */
static void add_lane(struct workspace *ws, const struct lane *l, const struct ticket *t, double share, struct service *s)
{
    const struct heap *h = &l->waiting;
    int64_t at = t->line ? place_of(ws, t) : 0;
    size_t before = t->line ? 0 : l->count;

    for (size_t i = 0; t->line && i < h->count; i++)
        before += goes_before(ws, container_of(h->v[i], struct ticket, in_lane), t, at);
    s->ahead += share * (double)before;
    s->work_ms += share * (double)before * handle_of(ws, l->queue);
}

static void add_line(struct workspace *ws, struct line *l, const struct ticket *t, const struct crowd *c, struct service *s)
{
    double share = share_of(ws, l, c);

    for (uint32_t i = 0; share > 0 && i < l->lane_count; i++) add_lane(ws, l->lanes[i], t, share, s);
}

struct service forecast_ticket(struct workspace *ws, const struct ticket *t)
{
    struct service s = { .handle_ms = handle_of(ws, t->queue) };
    struct crowd c;

    gather(ws, &c, t);
    s.slots = c.slots;
    s.free = c.free;
    for (uint32_t i = 0; i < ws->active_count && c.slots > 0; i++) add_line(ws, ws->active[i], t, &c, &s);
    return s;
}

/* What the next ticket of a queue will need, as far as the policy says. */
static void like_the_policy(struct workspace *ws, const struct queue *q, struct ticket *t)
{
    struct needs n = { .count = 0 };

    for (uint32_t i = 0; i < q->needs.count; i++)
        if (!q->needs.v[i].from_ticket)
            needs_add(ws, &n, (uint16_t)space_intern(ws, str_of(q->needs.v[i].name)), q->needs.v[i].level);
    needs_close(ws, &t->needs, &n);
    if (q->takes.channel.count) t->channel = space_channel(ws, str_of(q->takes.channel.v[0]));
}

/* Its needs are to be dropped. */
static struct ticket like_the_last(struct workspace *ws, uint32_t queue)
{
    const struct profile *p = &ws->queues[queue].lately;
    struct ticket t = { .queue = queue, .urgency = URG_NORMAL, .needs = &needs_none };

    if (p->known) needs_close(ws, &t.needs, &p->needs), t.channel = p->channel;
    else like_the_policy(ws, &ws->policy->queues[queue], &t);
    return t;
}

bool forecast_queue_staffed(struct workspace *ws, uint32_t queue)
{
    struct ticket t = like_the_last(ws, queue);
    bool staffed = forecast_staffed(ws, &t);

    needs_drop(ws, &t.needs);
    return staffed;
}

struct service forecast_queue(struct workspace *ws, uint32_t queue)
{
    struct ticket t = like_the_last(ws, queue);
    struct service s = forecast_ticket(ws, &t);

    needs_drop(ws, &t.needs);
    return s;
}

uint32_t forecast_position(struct workspace *ws, const struct ticket *t)
{
    const struct heap *h = &ws->queues[t->queue].by_age;
    uint32_t position = 1;
    int64_t at = t->line ? place_of(ws, t) : 0;

    if (!t->line) return 0;
    for (size_t i = 0; i < h->count; i++) position += goes_before(ws, container_of(h->v[i], struct ticket, in_queue), t, at);
    return position;
}

void forecast_worked(struct workspace *ws, const struct ticket *t)
{
    if (t->work_at && ws->now > t->work_at) pace_feed(&ws->queues[t->queue].pace, ws->now - t->work_at, PACE_MEMORY);
}
