#include "workers/assign/core.h"

#include <stdlib.h>

/* Who has which ticket, for how many units: the held sets, and the only three functions that change one.

   A hold is in two lists, of its ticket and of its agent, and there is at most one of the same ticket with the same agent. A
   ticket that is

     waiting, scheduled, ended   has none
     offered                     has one or more offers, each with its own token and its own end
     assigned, wrapping up       has one owner, and at most one who is consulted
     parked                      has its owner at a part of its units, or none

   An agent's units and counts are the sums over their list; the matcher's columns follow at once. Memory for one hold is always
   taken before a state changes (hold_ready), so that a change is made in full or not at all. */

bool hold_ready(struct workspace *ws)
{
    if (!ws->hold_spare) ws->hold_spare = pool_get(&ws->hold_pool);
    return ws->hold_spare != NULL;
}

static void count_units(const struct workspace *ws, const struct hold *h, bool in)
{
    uint32_t one = in ? 1 : UINT32_MAX; /* less one */
    struct agent *a = h->agent;

    a->used = in ? a->used + h->units : a->used - h->units;
    if (!h->counted) return;
    a->chan[h->ticket->channel] += one;
    a->in_hand += one;
    if (ws->channels[h->ticket->channel].exclusive != EXCLUSIVE_NO) a->exclusive += one;
}

static void changed(struct workspace *ws, const struct hold *h)
{
    h->ticket->held_changed = true;
    roster_refresh(ws, h->agent);
    change_touch(ws, h->ticket);
}

struct hold *hold_add(struct workspace *ws, struct ticket *t, struct agent *a, enum hold_kind kind, uint32_t units, bool counted)
{
    struct hold *h = ws->hold_spare, **at = &t->holds;

    naru_assert(h && !ticket_hold_of(t, a));
    ws->hold_spare = NULL;
    *h = (struct hold){ .ticket = t, .agent = a, .kind = kind, .units = units, .counted = counted, .agent_next = a->holds };
    while (*at) at = &(*at)->next;
    *at = h;
    if (a->holds) a->holds->agent_prev = h;
    a->holds = h;
    trail_held(ws, h, TRAIL_ADDED);
    count_units(ws, h, true);
    changed(ws, h);
    return h;
}

static void unlink_hold(struct hold *h)
{
    struct hold **at = &h->ticket->holds;

    while (*at != h) at = &(*at)->next;
    *at = h->next;
    if (h->agent_prev) h->agent_prev->agent_next = h->agent_next;
    else h->agent->holds = h->agent_next;
    if (h->agent_next) h->agent_next->agent_prev = h->agent_prev;
}

void hold_drop(struct workspace *ws, struct hold *h)
{
    trail_held(ws, h, TRAIL_DROPPED);
    count_units(ws, h, false);
    unlink_hold(h);
    changed(ws, h);
    pool_put(&ws->hold_pool, h);
}

void hold_drop_all(struct workspace *ws, struct ticket *t)
{
    while (t->holds) hold_drop(ws, t->holds);
}

void hold_free_all(struct workspace *ws, struct ticket *t)
{
    while (t->holds) {
        struct hold *h = t->holds;
        unlink_hold(h);
        pool_put(&ws->hold_pool, h);
    }
}

void hold_change(struct workspace *ws, struct hold *h, enum hold_kind kind, uint32_t units, bool counted)
{
    if (h->units != units || h->counted != counted) trail_held(ws, h, TRAIL_CHANGED);
    count_units(ws, h, false);
    h->kind = kind;
    h->units = units;
    h->counted = counted;
    count_units(ws, h, true);
    changed(ws, h);
}

void hold_recount(struct workspace *ws, struct agent *a)
{
    a->used = a->in_hand = a->exclusive = 0;
    memset(a->chan, 0, sizeof a->chan);
    for (const struct hold *h = a->holds; h; h = h->agent_next) count_units(ws, h, true);
    roster_allow_over(ws, a);
    roster_refresh(ws, a);
}

/* ---- looking ---- */

struct hold *ticket_hold(const struct ticket *t, enum hold_kind kind)
{
    struct hold *h = t->holds;

    while (h && h->kind != kind) h = h->next;
    return h;
}

struct hold *ticket_hold_of(const struct ticket *t, const struct agent *a)
{
    struct hold *h = t->holds;

    while (h && h->agent != a) h = h->next;
    return h;
}

struct hold *ticket_offer_to(const struct ticket *t, const struct agent *a)
{
    struct hold *h = ticket_hold_of(t, a);

    return h && h->kind == HOLD_OFFER ? h : NULL;
}

struct agent *ticket_agent(const struct ticket *t)
{
    const struct hold *h = ticket_hold(t, HOLD_OWNER);

    return h ? h->agent : NULL;
}

struct agent *ticket_with(const struct ticket *t)
{
    struct agent *owner = ticket_agent(t);

    return owner ? owner : t->holds ? t->holds->agent : NULL;
}

uint32_t ticket_offers(const struct ticket *t)
{
    uint32_t n = 0;

    for (const struct hold *h = t->holds; h; h = h->next) n += h->kind == HOLD_OFFER;
    return n;
}

void hold_text(const struct ticket *t, struct buf *out)
{
    for (const struct hold *h = t->holds; h; h = h->next) {
        if (h != t->holds) buf_addc(out, '\n');
        buf_addu(out, h->units);
        buf_addc(out, ' ');
        buf_addstr(out, h->agent->name);
    }
}
