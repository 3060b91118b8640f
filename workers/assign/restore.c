#include "base/log.h"
#include "workers/assign/core.h"

#include <stdio.h>
#include <stdlib.h>

/* A reign begins: memory is made again, first from Redis (agents, tickets, held sets, the tail of the change log), then from what
   the homes have not settled. Where they differ, the home is right about which events and tickets are live, and Redis about
   everything else. Nothing is matched before space_restore_done.

   A ticket comes in two parts: what came in (about) makes it, what changes (row) gives it its state. One without the other, and a
   member of the held sets that no ticket accounts for, is removed. Parts may come twice: HSCAN may repeat itself. */

static void put_needs(struct workspace *ws, struct ticket *t, const struct ticket_row *r)
{
    struct verdict v;

    needs_more(ws, &t->needs, r->needs);
    needs_more(ws, &t->wants, r->wants);
    if (t->asked->count || !ticket_text(t, TEXT_VERDICT).n ||
        record_unpack(&verdict_record, &v, ticket_text(t, TEXT_VERDICT), &ws->arena))
        return;
    needs_more(ws, &t->asked, v.needs);
}

static void put_backoffs(struct workspace *ws, struct ticket *t, const struct ticket_row *r)
{
    const struct backoff *b = r->backoff.items;

    for (uint32_t i = 0; i < r->backoff.count; i++) {
        const struct agent *a = roster_find(&ws->roster, b[i].agent);
        if (!a || b[i].until <= ws->now) continue;
        ticket_hold_back(ws, t, a->index);
        for (uint32_t k = 0; k < t->backoff_count; k++)
            if (t->backoff[k].agent == a->index) t->backoff[k].until = b[i].until;
    }
}

static uint64_t first_bits(uint64_t set, uint32_t count) { return count >= 64 ? set : set & ((1ull << count) - 1); }

static void put_fields(struct workspace *ws, struct ticket *t, const struct ticket_row *r)
{
    int queue = policy_queue(ws->policy, r->queue);

    t->queue = queue < 0 ? ws->policy->default_queue : (uint32_t)queue;
    t->urgency = r->urgency;
    t->enqueued = r->enqueued;
    t->due_at = r->due;
    t->token_epoch = r->token_epoch;
    t->token_seq = r->token_seq;
    t->offer_epoch = r->offer_epoch;
    t->offer_seq = r->offer_seq;
    t->steps = first_bits(r->steps | ((1ull << (r->step & 63)) - 1), queue_of(ws, t)->timeline_count);
    t->reply_from = r->reply_from;
    t->overflowed = first_bits(r->overflowed, queue_of(ws, t)->overflow_count);
    t->sla_told = (uint8_t)r->sla_told;
    t->step_at = r->step_at;
    t->offered_once = r->token_seq != 0;
    t->offers_made = r->offers_made;
    t->assigned_at = r->assigned_at;
    t->started = r->started;
    t->hung_up = r->hung_up;
    t->connect_by = r->connect_by;
    t->last_reply = r->last_reply;
    t->callbacks = r->callbacks;
    t->no_bots = r->no_bots;
}

/* Before it waits: it decides the line. */
static void put_only(const struct workspace *ws, struct ticket *t, const struct ticket_row *r)
{
    if (!r->only.n || r->only_until <= ws->now) return;
    t->only = roster_find(&ws->roster, r->only);
    t->only_until = t->only ? r->only_until : 0;
    t->only_skip = t->only ? r->only_skip : 0;
}

/* Puts a ticket into a state that it had before: not a change, so not by the table; what the state means for places and units is
   the same. */
static void put_state(struct workspace *ws, struct ticket *t, const struct ticket_row *r)
{
    ticket_restore_state(ws, t, r);
    if (ticket_agent(t)) continuity_held(ws, t, ticket_agent(t));
    if (t->state != TK_WAITING && !t->until) t->until = ws->now + presence_rules(ws)->hold_ms;
    ticket_schedule(ws, t);
}

static struct ticket *make_ticket(struct workspace *ws, const struct id *id, const struct about *about)
{
    const struct message *m = about->messages.items;
    const struct seen_event *e = about->events.items;
    struct ticket *t = ticket_new(ws, about, id, 0);

    if (!t) return NULL;
    t->fresh = false;
    needs_more(ws, &t->asked, about->asked);
    for (uint32_t i = 0; i < about->messages.count; i++) {
        struct str by = str_is(m[i].by, "customer") ? STR_NONE : m[i].by;
        ticket_note(ws, t, &m[i].event, m[i].at, by, m[i].text);
    }
    for (uint32_t i = 0; i < about->events.count; i++) (void)ticket_event_add(ws, t, &e[i].event, 0, i == 0);
    if (!ticket_index(ws, t)) return t;
    ticket_free(ws, t);
    return NULL;
}

void space_restore_about(struct workspace *ws, uint64_t now, struct str id_text, struct str packed)
{
    struct about about;
    struct id id;

    if (now > ws->now) ws->now = now;
    if (id_parse(id_text, &id) || record_unpack(&about_record, &about, packed, &ws->arena)) {
        log_error("ticket=%.*s in redis cannot be read; its home will tell it again", STR_FMT(id_text));
        change_stray(ws, id_text);
    } else if (!ticket_find(ws, &id) && !make_ticket(ws, &id, &about)) {
        log_error("ticket=%.*s in redis cannot be taken in; its home will tell it again", STR_FMT(id_text));
        change_stray(ws, id_text);
    }
    arena_clear(&ws->arena);
}

static void put_row(struct workspace *ws, struct ticket *t, const struct ticket_row *r)
{
    t->home = r->home;
    for (struct taken *e = t->events; e; e = e->next) e->home = r->home;
    put_fields(ws, t, r);
    put_needs(ws, t, r);
    put_only(ws, t, r);
    put_backoffs(ws, t, r);
    continuity_restore_owners(ws, t, r->owners);
    put_state(ws, t, r);
    t->dirty = t->dirty_about = false;
    t->held_changed = t->holds != NULL; /* until the held sets say the same */
}

void space_restore_row(struct workspace *ws, uint64_t now, struct str id_text, struct str packed)
{
    struct ticket_row r;
    struct ticket *t = NULL;
    struct id id;

    if (now > ws->now) ws->now = now;
    if (!id_parse(id_text, &id)) t = ticket_find(ws, &id);
    if (!t || record_unpack(&ticket_row_record, &r, packed, &ws->arena)) change_stray(ws, id_text);
    else if (t->state == TK_INVALID) put_row(ws, t, &r);
    arena_clear(&ws->arena);
}

static void put_agent(struct workspace *ws, struct agent *a, const struct agent_row *r)
{
    ws->roster.by_presence[a->presence]--;
    a->presence = r->presence <= PRES_AWAY ? r->presence : PRES_OFFLINE;
    ws->roster.by_presence[a->presence]++;
    memcpy(a->reason, r->reason.p ? r->reason.p : "", r->reason.n);
    a->reason[r->reason.n] = '\0';
    a->session = r->session;
    a->claim = r->claim;
    a->router = r->router;
    a->connected = r->connected;
    a->misses = r->misses;
    a->lost = r->lost;
    a->idle = r->idle;
    a->day = r->day;
    a->taken = r->taken;
    a->online = r->online;
    a->leaving = r->leaving;
    a->ramp_at = r->ramp_at;
    a->ramp_offers = r->ramp_offers;
    roster_refresh(ws, a);
}

void space_restore_agent(struct workspace *ws, uint64_t now, struct str name, struct str packed)
{
    struct agent_row r;
    struct agent *a;

    if (now > ws->now) ws->now = now;
    if (record_unpack(&agent_row_record, &r, packed, &ws->arena))
        log_error("agent=%.*s workspace=%.*s in redis cannot be read; they are offline until they connect again", STR_FMT(name),
                  STR_FMT(ws->name));
    else if ((a = roster_add(ws, name))) put_agent(ws, a, &r);
}

/* The row has the last word; what differs is written anew with the first turn. */
void space_restore_held(struct workspace *ws, struct str id_text, struct str value)
{
    struct ticket *t = NULL;
    struct id id;

    if (!id_parse(id_text, &id)) t = ticket_find(ws, &id);
    if (!t) {
        change_stray(ws, id_text);
        return;
    }
    buf_clear(&ws->detail);
    hold_text(t, &ws->detail);
    t->held_kept = true;
    t->held_changed = !str_eq(value, buf_str(&ws->detail));
    if (t->held_changed) change_touch(ws, t);
}

/* Tickets without a row: the writes of about and row are one batch, so this is another's doing. */
static void drop_shells(struct workspace *ws)
{
    struct ticket *t, **shells = malloc((ws->tickets.count + 1) * sizeof *shells);
    size_t n = 0;

    for (size_t i = 0; shells && (t = idmap_next(&ws->tickets, &i));)
        if (t->state == TK_INVALID) shells[n++] = t;
    while (n) {
        char text[ID_TEXT + 1];
        change_stray(ws, (struct str){ id_text(&shells[--n]->id, text), ID_TEXT });
        ticket_free(ws, shells[n]);
    }
    free(shells);
}

void space_restore_rows_done(struct workspace *ws) { drop_shells(ws); }

/* ---- the tail of the change log ---- */

static void restore_past(struct workspace *ws, const struct entry *e)
{
    struct past *p = idmap_get(&ws->past, &e->ticket);
    struct taken *event;

    if (!p && !(p = past_new(ws, &e->ticket))) return;
    p->state = e->state;
    p->token_epoch = e->token_epoch;
    p->token_seq = e->token_seq;
    if (e->agent.n) p->agent = roster_add(ws, e->agent);
    if (e->kind == ENTRY_ENDED) p->home = e->home;
    if ((e->kind != ENTRY_OPENED && e->kind != ENTRY_JOINED) || id_is_none(&e->event)) return;
    if (idmap_get(&ws->events, &e->event) || !(event = malloc(sizeof *event))) return;
    *event = (struct taken){ .event = e->event, .home = e->home, .opened = e->kind == ENTRY_OPENED, .ended = true };
    event->past = p;
    event->next = p->events;
    if (idmap_put(&ws->events, event)) free(event);
    else p->events = event;
}

/* Entries of live tickets become their life again; those of others tell what ended lately and which events that had. */
void space_restore_entry(struct workspace *ws, const struct entry *e)
{
    struct ticket *t;
    struct buf b;

    if (id_is_none(&e->ticket)) return;
    if (!(t = ticket_find(ws, &e->ticket))) {
        restore_past(ws, e);
        return;
    }
    buf_init(&b, LIM_ZMQ_MESSAGE);
    record_pack(&b, &entry_record, e);
    if (!b.err) ticket_life_add(ws, t, buf_str(&b));
    buf_fini(&b);
}

void space_restore_seq(struct workspace *ws, uint64_t epoch, uint64_t seq)
{
    ws->epoch = epoch;
    ws->seq = seq;
}

/* ---- what the homes say ---- */

/* A ticket that its home knows and Redis does not: as home knows it. */
static void recover(struct workspace *ws, const struct live *l)
{
    struct overflowing o;
    struct ticket *t = intake_open(ws, &l->take.event, &l->take.verdict, &l->ticket, &o);
    struct agent *a = l->agent.n ? roster_add(ws, l->agent) : NULL;

    if (!t) return;
    t->listed = true;
    t->token_epoch = l->token_epoch;
    t->token_seq = l->token_seq;
    if (a && ticket_step(ws, t, EV_RECOVER, a)) a = NULL; /* no memory: it waits */
    if (a) roster_allow_over(ws, a);
    else naru_assert(!ticket_step(ws, t, EV_OPEN, NULL));
    log_change(ws, .kind = ENTRY_OPENED, .t = t, .event = &t->event, .home = t->home, .cause = o.cause, .keep_token = true);
    if (a) log_change(ws, .kind = ENTRY_ACCEPTED, .t = t, .cause = o.cause, .keep_token = true);
}

/* A ticket that both know, but home has committed a later change of owner: Redis was set back, and home is right. */
static void catch_up(struct workspace *ws, struct ticket *t, const struct live *l)
{
    struct agent *a = l->agent.n ? roster_add(ws, l->agent) : NULL;
    bool later = l->token_epoch > t->token_epoch || (l->token_epoch == t->token_epoch && l->token_seq > t->token_seq);

    if (!later || t->state == TK_WRAPUP || (!a && t->state == TK_WAITING)) return;
    offers_withdraw(ws, t, NULL, "home_knew_better");
    if (t->holds || t->state == TK_OFFERED) (void)ticket_step(ws, t, t->state == TK_OFFERED ? EV_WITHDRAW : EV_AGENT_LOST, NULL);
    t->token_epoch = l->token_epoch;
    t->token_seq = l->token_seq;
    if (a && ticket_step(ws, t, EV_RECOVER, a)) a = NULL;
    if (a) roster_allow_over(ws, a);
    log_change(ws, .kind = a ? ENTRY_ACCEPTED : ENTRY_RETURNED, .t = t, .cause = "home_knew_better", .keep_token = true);
}

void space_live(struct workspace *ws, uint64_t now, const struct live *l)
{
    const struct event *e = &l->take.event;
    struct ticket *t = id_is_none(&l->ticket) ? NULL : ticket_find(ws, &l->ticket);
    const struct taken *known = idmap_get(&ws->events, &e->id);

    if (now > ws->now) ws->now = now;
    if (!ws->policy) return;
    if (known && !known->ended) known->ticket->listed = true;
    if (l->untriaged) return;
    if (known && taken_ticket(known) && taken_ticket(known) == t) {
        catch_up(ws, t, l);
        return;
    }
    if (t) t->listed = true;
    if (!known && !t && !id_is_none(&l->ticket) && !intake_conversation(ws, e)) recover(ws, l);
    else space_take(ws, now, e, &l->take.verdict); /* new, a repeat, or one that Redis had lost of a live ticket */
    if ((known = idmap_get(&ws->events, &e->id)) && !known->ended) known->ticket->listed = true;
}

void space_live_begin(struct workspace *ws, uint32_t home)
{
    struct ticket *t;

    for (size_t i = 0; (t = idmap_next(&ws->tickets, &i));)
        if (t->home == home) t->listed = false;
}

void space_live_done(struct workspace *ws, uint64_t now, uint32_t home)
{
    struct ticket *t, **over = malloc((ws->tickets.count + 1) * sizeof *over);
    size_t n = 0;

    if (now > ws->now) ws->now = now;
    for (size_t i = 0; over && (t = idmap_next(&ws->tickets, &i));)
        if (t->home == home && !t->listed) over[n++] = t;
    for (size_t i = 0; i < n; i++) {
        char id[ID_TEXT + 1];
        log_info("ticket=%s dropped cause=settled_at_home home=%u", id_text(&over[i]->id, id), home);
        ticket_end(ws, over[i], EV_CANCEL, "settled_at_home");
    }
    free(over);
}

void space_restore_done(struct workspace *ws, uint64_t now)
{
    struct ticket *t;

    if (now > ws->now) ws->now = now;
    continuity_restored(ws);
    for (size_t i = 0; (t = idmap_next(&ws->tickets, &i));) {
        continuity_recall(ws, t);
        if (t->held_changed) change_touch(ws, t); /* missing among the held sets */
    }
    for (uint32_t i = 0; i < ws->roster.count; i++) {
        struct agent *a = ws->roster.v[i];
        if (!a->known && a->holds) agent_drop_all(ws, a, "agent_gone");
        if (a->connected || a->presence != PRES_OFFLINE) a->lease = ws->now + presence_rules(ws)->lease_ms;
        if (a->presence == PRES_OFFLINE && !a->connected && agent_has_work(a) && !a->lost && !a->leaving) a->lost = ws->now;
        agent_schedule(ws, a);
    }
    trail_cut(ws, TRAIL_BEGAN);
    waiting_wake_all(ws);
}
