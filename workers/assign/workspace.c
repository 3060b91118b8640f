#include "workers/assign/core.h"

#include <stdlib.h>

/* A workspace from birth to death, the turn, and the check of everything that must always hold.

   Order of a turn: what is due by the clock, then the matching pass, then the writes. Inputs between two turns only change state
   and mark what may match; the pass looks at every line that anything could have changed for, so no ticket is stranded between
   the matcher's last look and the process going to sleep. The sweep every ten seconds asks every line again; space_check proves
   that it never finds anything. */

#define SWEEP_MS 10000

static void init_maps(struct workspace *ws)
{
    idmap_init(&ws->tickets, LIM_TICKETS);
    map_init(&ws->conversations, LIM_TICKETS);
    idmap_init(&ws->events, (size_t)LIM_TICKETS * 4);
    idmap_init(&ws->past, PAST_MAX);
    map_init(&ws->lines, LIM_TICKETS);
    map_init(&ws->skills, SKILLS_MAX);
    map_init(&ws->need_sets, (size_t)LIM_TICKETS * 3);
    heap_init(&ws->ready, LIM_TICKETS);
    heap_init(&ws->deadlines, LIM_TICKETS + LIM_AGENTS);
    buf_init(&ws->scratch, 4096);
    buf_init(&ws->detail, 131072);
    arena_init(&ws->arena, 8u << 20);
    ticket_pools_init(ws);
    continuity_init(&ws->customers);
    space_out_clear(ws);
}

enum err space_new(struct workspace **out, const struct space_cfg *cfg)
{
    struct workspace *ws = calloc(1, sizeof *ws);
    char *name = malloc(cfg->name.n + 1);

    if (!ws || !name || roster_init(&ws->roster)) {
        free(ws);
        free(name);
        return ERR_NOMEM;
    }
    memcpy(name, cfg->name.p, cfg->name.n);
    name[cfg->name.n] = '\0';
    ws->name = (struct str){ name, cfg->name.n };
    ws->epoch = cfg->epoch;
    ws->seq = cfg->seq;
    ws->watch = cfg->watch;
    ws->watch_ctx = cfg->ctx;
    ws->teller = 1;
    ws->tell_at = UINT64_MAX;
    ws->trail.off = cfg->watch != NULL;
    rng_seed(&ws->rng, cfg->seed);
    init_maps(ws);
    (void)space_intern(ws, STR("(too many skills)")); /* index 0: what nobody has */
    *out = ws;
    return ERR_OK;
}

void space_free(struct workspace *ws)
{
    struct ticket *t;

    if (!ws) return;
    struct ticket **all = malloc((ws->tickets.count + 1) * sizeof *all);
    size_t n = 0;
    for (size_t i = 0; all && (t = idmap_next(&ws->tickets, &i));) all[n++] = t;
    while (n) {
        waiting_leave(ws, all[--n]);
        ticket_free(ws, all[n]);
    }
    free(all);
    continuity_fini(&ws->customers);
    past_fini(ws);
    swap_fini(ws);
    waiting_fini(ws);
    trail_fini(&ws->trail);
    match_fini(ws);
    for (uint32_t i = 0; i < ws->queue_count; i++) heap_fini(&ws->queues[i].by_age);
    free(ws->queues);
    free(ws->shorts);
    for (uint32_t i = 0; i < ws->skill_count; i++) free(ws->skill[i]);
    free(ws->skill);
    roster_fini(&ws->roster);
    idmap_fini(&ws->tickets);
    map_fini(&ws->conversations);
    idmap_fini(&ws->events);
    idmap_fini(&ws->past);
    map_fini(&ws->skills);
    map_fini(&ws->need_sets);
    heap_fini(&ws->ready);
    heap_fini(&ws->deadlines);
    buf_fini(&ws->scratch);
    buf_fini(&ws->detail);
    arena_fini(&ws->arena);
    ticket_pools_fini(ws);
    change_fini(ws);
    policy_unref(ws->policy);
    free((char *)ws->policy_packed.p);
    free((char *)ws->name.p);
    free(ws);
}

void space_due(struct workspace *ws, uint64_t now)
{
    if (now > ws->now) ws->now = now;
    if (!ws->policy) return;
    space_lay_out(ws);
    timeline_run(ws);
}

bool space_match(struct workspace *ws, uint64_t now)
{
    if (now > ws->now) ws->now = now;
    if (!ws->policy) return false;
    if (ws->now >= ws->sweep_at) {
        ws->sweep_at = ws->now + SWEEP_MS;
        waiting_wake_all(ws);
    }
    if (ws->roster.freed_count) ws->shorts_again = true;
    return match_pass(ws) || offers_top_up(ws);
}

bool space_turn(struct workspace *ws, uint64_t now)
{
    bool more;

    space_due(ws, now);
    more = space_match(ws, now);
    if (!ws->policy) return more;
    queues_tell(ws);
    change_flush(ws);
    return more;
}

uint64_t space_next(const struct workspace *ws)
{
    const struct heap_node *n = heap_peek(&ws->deadlines);
    uint64_t due = n ? (uint64_t)n->key : UINT64_MAX;

    return due < ws->tell_at ? due : ws->tell_at;
}

void space_teller(struct workspace *ws, uint32_t router) { ws->teller = router; }

uint64_t space_seq(const struct workspace *ws) { return ws->seq; }
uint64_t space_epoch(const struct workspace *ws) { return ws->epoch; }
uint32_t space_tickets(const struct workspace *ws) { return (uint32_t)ws->tickets.count; }
bool space_has_policy(const struct workspace *ws) { return ws->policy != NULL; }
struct str space_name(const struct workspace *ws) { return ws->name; }

/* ---- what must always hold ---- */

/* What a state lets a ticket hold: at least and at most, by kind. */
static const char *check_holds(const struct ticket *t)
{
    static const struct {
        uint8_t least, most;
    } may[TK_COUNT][3] = {
        [TK_OFFERED] = { [HOLD_OFFER] = { 1, 255 } },
        [TK_ASSIGNED] = { [HOLD_OWNER] = { 1, 1 }, [HOLD_CONSULT] = { 0, 1 } },
        [TK_WRAPUP] = { [HOLD_OWNER] = { 1, 1 } },
        [TK_PARKED] = { [HOLD_OWNER] = { 0, 1 } },
    };
    uint32_t n[3] = { 0 };
    uint64_t first = UINT64_MAX;

    for (const struct hold *h = t->holds; h; h = h->next) {
        n[h->kind]++;
        if (h->ticket != t) return "a hold is on the list of another ticket";
        if (ticket_hold_of(t, h->agent) != h) return "an agent holds the same ticket twice";
        if (h->kind != HOLD_OFFER) continue;
        if (t->no_bots && h->agent->bot) return "a bot is offered what is for people";
        if (!h->until || !h->token_seq) return "an offer has no end, or no token";
        if (h->until < first) first = h->until;
    }
    for (int k = 0; k < 3; k++)
        if (n[k] < may[t->state][k].least || n[k] > may[t->state][k].most) return "a held ticket has no agent, or a free one has";
    if (t->state == TK_OFFERED && t->until > first) return "an offered ticket is not looked at when its first offer ends";
    return NULL;
}

static const char *check_ticket(struct workspace *ws, struct ticket *t)
{
    struct agent *one;

    if (t->short_at && match_best(ws, t, 1, &one)) return "a ticket could be offered to one more at once";
    if (!state_live(t->state)) return "a ticket that ended is kept";
    if (!heap_has(&t->due.node)) return "a live ticket has no deadline";
    if ((uint64_t)t->due.node.key > ticket_next(ws, t)) return "a ticket is looked at later than it is due";
    if ((t->state == TK_WAITING) != (t->line != NULL)) return "waiting and being in a line are not the same";
    if (t->line && waiting_stale(ws, t)) return "a ticket stands among those of another class";
    if (t->line && (t->lane->line != t->line || t->lane->queue != t->queue || t->lane->urgency != t->urgency))
        return "a ticket stands in the wrong lane";
    if (t->holds && !t->until) return "a hold has no end";
    if (t->state != TK_WAITING && t->state != TK_PARKED && t->state != TK_SCHEDULED && !t->token_seq)
        return "a held ticket has no token";
    if (map_get(&ws->conversations, ticket_key(t)) != t) return "a conversation has two live tickets";
    if (t->dirty && !t->touched_at) return "a changed ticket is not to be written";
    if ((t->short_at != 0) != (t->state == TK_OFFERED && ticket_offers(t) < offers_wanted(ws, t)))
        return "a ticket that may be offered to more is not on their list, or another is";
    if (t->connect_by && t->state != TK_ASSIGNED) return "a start is awaited of a ticket that nobody has";
    return check_holds(t);
}

/* What the matcher sees of an agent is what their fields and the clock say, and they are looked at when the clock changes it. */
static const char *check_room(const struct workspace *ws, const struct agent *a)
{
    bool shifted = a->known && a->presence != PRES_OFFLINE && a->shift >= 0 && (uint32_t)a->shift < ws->policy->hours_count;
    bool ready = a->known && a->presence == PRES_AVAILABLE && !a->leaving && !a->off_shift && a->barred == BAR_NONE;

    if (shifted && a->off_shift == hours_open(&ws->policy->hours[a->shift], ws->now, NULL)) return "a shift has changed unnoticed";
    if (a->duty_next != UINT64_MAX && (!heap_has(&a->due.node) || (uint64_t)a->due.node.key > a->duty_next))
        return "an agent is not looked at when the clock changes what they may be offered";
    if (a->ready != roster_ready(a)) return "an agent has become ready or unready, and the trail does not tell it";
    for (uint32_t c = 0; c < ws->channel_count; c++)
        for (int f = 0; f < 2; f++)
            if (bit_get(ws->roster.free[f][c], a->index) != (ready && capacity_bar(ws, a, c, f, 0) == BAR_NONE))
                return "what the matcher sees of an agent's room is not so";
    return NULL;
}

static const char *check_agent(const struct workspace *ws, const struct agent *a)
{
    uint32_t used = 0, chan[CHANNELS_MAX] = { 0 };

    for (const struct hold *h = a->holds; h; h = h->agent_next) {
        if (h->agent != a) return "a hold is on the list of an agent who does not have it";
        used += h->units;
        if (h->counted) chan[h->ticket->channel]++;
        if (h->ticket->state == TK_ASSIGNED && a->presence == PRES_OFFLINE && !a->lost && !a->lease && !a->leaving)
            return "a ticket is with somebody who is gone, and nothing returns it";
        if (h->kind == HOLD_OFFER && a->presence != PRES_AVAILABLE) return "an agent who is not available is offered something";
    }
    if (used != a->used) return "units in use are not the sum of what is held";
    for (uint32_t c = 0; c < ws->channel_count; c++)
        if (chan[c] != a->chan[c]) return "a channel's count is not that of what is held";
    if (a->known && !a->over && capacity_check(ws, a)) return capacity_check(ws, a);
    return ws->policy ? check_room(ws, a) : NULL;
}

/* Work conservation: nobody free could serve anything that waits. */
static const char *check_line(struct workspace *ws, struct line *l)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < l->lane_count; i++) {
        const struct lane *n = l->lanes[i];
        if (n->line != l || n->at != i || !n->count) return "a lane is not where it says";
        if (n->count != n->waiting.count) return "a ticket is in hand after a pass";
        count += n->count;
    }
    if (count != l->count) return "a line does not have as many tickets as its lanes";
    if (line_has_candidate(ws, l)) return "a ticket waits that a free agent could serve";
    return heap_has(&l->ready) ? "a line is still ready after a pass" : NULL;
}

const char *space_check(struct workspace *ws)
{
    struct ticket *t;
    const char *why = NULL;

    for (size_t i = 0; !why && (t = idmap_next(&ws->tickets, &i));) why = check_ticket(ws, t);
    for (uint32_t i = 0; !why && i < ws->roster.count; i++) why = check_agent(ws, ws->roster.v[i]);
    for (uint32_t i = 0; !why && i < ws->active_count; i++) why = check_line(ws, ws->active[i]);
    if (!why) why = trail_check(ws);
    if (!why) why = continuity_check(ws);
    if (!why && ws->out.entries.err) why = "entries were lost";
    if (!why && ws->out.writes.err) why = "writes were lost";
    return why;
}
