/* Where a triaged event can be: in `takes` until the leader has room, in `handed` until the entry that says what became of it. A
   leader that (re)appears makes all of `handed` go back to the head of `takes`; a sync sends them as LIVE instead.

   Entries are numbered without gaps. What is true at any time: every entry up to `got` has been handled; rows made from those
   after `done` are on their way to the disk, in `flights`; SEEN tells `done`, never `got`. A row that fails takes `got` back to
   `done`, so that the leader's repetition does it again: the fold takes it, as its row is none.

   Only the process that told us LEAD with the highest epoch is listened to. Its log may hold entries of earlier reigns (it
   repeats what a dead leader had written), so an entry's own epoch must only not be later than the reign's. */
#include "router/leader.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "router/router.h"

#include <stdio.h>
#include <stdlib.h>

#define FLIGHTS_MAX  262144u
#define GAP_MS       500u
#define HANDED_MS    30000u /* a TAKE without an answer for so long is sent again … */
#define HANDED_BATCH 256u   /* … so many in a second */

enum err leaders_init(struct leaders *l)
{
    l->v = calloc(EVENTS_WORKSPACES, sizeof *l->v);
    return l->v ? ERR_OK : ERR_NOMEM;
}

void leaders_fini(struct leaders *l)
{
    for (uint32_t i = 0; l->v && i < EVENTS_WORKSPACES; i++) {
        struct leader *lead = l->v[i];
        struct kept_event *e;
        if (!lead) continue;
        while ((e = TAILQ_FIRST(&lead->takes))) event_list_leave(e);
        while ((e = TAILQ_FIRST(&lead->handed))) event_list_leave(e);
        free(lead->flights);
        free(lead->sync.ids);
        free(lead);
    }
    free(l->v);
    l->v = NULL;
}

static struct str seen_key(const struct router *r, uint16_t workspace, char out[80])
{
    int n = snprintf(out, 80, "seen:%s", router_workspace(r, workspace));
    return (struct str){ out, (size_t)n };
}

static uint64_t stored_seq(const struct router *r, uint16_t workspace)
{
    char key[80];
    uint64_t seq = 0;
    struct str v = r->journal ? journal_meta(r->journal, seen_key(r, workspace, key)) : STR_NONE;
    if (v.n && str_u64(v, 0, UINT64_MAX, &seq))
        log_error("workspace=%s the stored seq is not a number", router_workspace(r, workspace));
    return seq;
}

struct leader *leader_of(struct router *r, uint16_t workspace)
{
    struct leader **slot = &r->leaders.v[workspace];
    if (*slot) return *slot;
    struct leader *l = calloc(1, sizeof *l);
    if (!l) return NULL;
    l->router = r;
    l->workspace = workspace;
    l->got = l->done = l->stored = stored_seq(r, workspace);
    TAILQ_INIT(&l->takes);
    TAILQ_INIT(&l->handed);
    if (workspace >= r->leaders.count) r->leaders.count = workspace + 1u;
    return *slot = l;
}

bool leader_is_there(const struct router *r, uint16_t workspace) { return r->leaders.v[workspace] && r->leaders.v[workspace]->led; }

/* ---- handing over ---- */

void leader_take(struct router *r, struct kept_event *e)
{
    struct leader *l = leader_of(r, e->workspace);
    if (l) event_list_push(&l->takes, e, router_now(r));
    else log_error("an event waits for want of memory");
}

/* A `take` record of what is packed already: an array of two. */
static struct str packed_take(struct router *r, const struct kept_event *e)
{
    buf_clear(&r->packed);
    buf_addc(&r->packed, (char)0x92);
    buf_add(&r->packed, e->packed, e->packed_n);
    buf_add(&r->packed, e->verdict, e->verdict_n);
    return buf_str(&r->packed);
}

static bool pump_takes(struct router *r, struct leader *l)
{
    struct kept_event *e;
    bool did = false;
    while ((e = TAILQ_FIRST(&l->takes)) && peer_credit(l->peer)) {
        if (mailbox_put_packed(r->mail, l->peer, MSG_TAKE, packed_take(r, e))) break;
        event_list_leave(e);
        event_list_push(&l->handed, e, router_now(r));
        did = true;
    }
    return did;
}

/* From the youngest, each to the front: the order of verdicts is the order of `takes` again. */
static void hand_again(struct router *r, struct leader *l, uint32_t max, uint64_t before)
{
    struct kept_event *e, *prev;
    if (max == UINT32_MAX) {
        for (e = TAILQ_LAST(&l->handed, event_list); e; e = prev) {
            prev = TAILQ_PREV(e, event_list, link);
            event_list_leave(e);
            event_list_push_front(&l->takes, e, router_now(r));
        }
        return;
    }
    while (max-- && (e = TAILQ_FIRST(&l->handed)) && e->since <= before) {
        event_list_leave(e);
        event_list_push(&l->takes, e, router_now(r));
    }
}

/* ---- lead ---- */

/* A router that has handed nothing over in this workspace has nothing to catch up with. */
static bool newcomer(const struct router *r, const struct leader *l)
{
    return !l->done && !l->got && !r->events.counts[EV_TAKEN] && TAILQ_EMPTY(&l->handed);
}

void leader_on_lead(struct router *r, struct peer *p, const struct lead *lead)
{
    uint16_t ws;
    if (events_workspace(&r->events, lead->workspace, &ws)) return;
    struct leader *l = leader_of(r, ws);
    if (!l || lead->epoch < l->epoch || (lead->epoch == l->epoch && l->peer && l->peer != p)) return;
    bool same = l->led && l->peer == p && l->epoch == lead->epoch;
    if (!same)
        log_info("workspace=%s leader=%s epoch=%llu seq=%llu leads; we have seen %llu", router_workspace(r, ws), peer_name(p),
                 (unsigned long long)lead->epoch, (unsigned long long)lead->seq, (unsigned long long)l->done);
    if (newcomer(r, l)) l->got = l->done = lead->seq;
    l->peer = p;
    l->epoch = lead->epoch;
    l->base = lead->seq;
    l->rebased = lead->seq < l->done;
    l->led = true;
    l->seen_due = true;
    l->asked = false;
    if (same) return;
    l->sync.active = false;
    hand_again(r, l, UINT32_MAX, 0);
    acts_led(&r->acts, ws);
    (void)acts_pump(&r->acts); /* before the agents' connections get new sessions */
    config_tell_leader(r, ws);
    people_ask(r, ws);
    agents_resume(r, ws);
    bots_resume(r, ws);
}

void leader_on_up(struct router *r, struct peer *p)
{
    const struct kept_config *c;
    for (size_t i = 0; (c = config_keep_next(&r->config, &i));) { /* a first leader learns from these which workspaces there are */
        if (c->kind == CONFIG_POLICY) (void)mailbox_put_packed(r->mail, p, MSG_CONFIG, (struct str){ c->packed, c->packed_n });
    }
}

void leader_on_down(struct router *r, struct peer *p)
{
    for (uint32_t i = 0; i < r->leaders.count; i++) {
        struct leader *l = r->leaders.v[i];
        if (!l || l->peer != p || !l->led) continue;
        log_warn("workspace=%s leader=%s is away: events wait here until somebody leads", router_workspace(r, l->workspace),
                 peer_name(p));
        l->led = false;
        l->sync.active = false;
    }
}

/* ---- sync ---- */

static enum err collect_live(struct router *r, struct leader *l)
{
    struct lead_sync *s = &l->sync;
    struct kept_event *e;
    size_t n = 0;
    free(s->ids);
    s->ids =
        malloc((r->events.counts[EV_ACCEPTED] + r->events.counts[EV_TRIAGED] + r->events.counts[EV_TAKEN] + 1) * sizeof *s->ids);
    if (!s->ids) return ERR_NOMEM;
    TAILQ_FOREACH (e, &r->events.order, order) {
        bool live = e->state == EV_ACCEPTED || e->state == EV_TRIAGED || e->state == EV_TAKEN;
        if (e->workspace == l->workspace && live) s->ids[n++] = e->id;
    }
    s->count = n;
    s->at = s->config_at = 0;
    return ERR_OK;
}

void leader_on_sync(struct router *r, struct peer *p, const struct sync *sync)
{
    uint16_t ws;
    if (events_workspace(&r->events, sync->workspace, &ws)) return;
    struct leader *l = leader_of(r, ws);
    if (!l || sync->done || sync->epoch < l->epoch || collect_live(r, l)) return;
    log_info("workspace=%s leader=%s epoch=%llu asks for all that is not settled: %zu events", router_workspace(r, ws),
             peer_name(p), (unsigned long long)sync->epoch, l->sync.count);
    l->peer = p;
    l->sync.active = true;
    l->sync.epoch = sync->epoch;
    l->sync.seq = sync->seq;
}

/* A router that died may have lost the verdict and what the leader made of it, which were not durable yet, but never the event: it
   comes again once it is triaged, and until then its ticket is not over. The same of one whose verdict was lost and whose ticket
   the leader has told again meanwhile. */
static enum err put_untriaged(struct router *r, struct leader *l, const struct kept_event *e)
{
    struct live live = { .epoch = l->sync.epoch, .untriaged = true };
    live.take.event.id = e->id;
    live.take.event.workspace = str_of(router_workspace(r, l->workspace)); /* whose leader it is for */
    return mailbox_put(r->mail, l->peer, MSG_LIVE, &live);
}

static enum err put_live(struct router *r, struct leader *l, const struct kept_event *e)
{
    if (!e->verdict) return put_untriaged(r, l, e);
    struct arena *a = &r->events.scratch;
    struct live live = { .epoch = l->sync.epoch };
    arena_clear(a);
    enum err err = record_unpack(&event_record, &live.take.event, (struct str){ e->packed, e->packed_n }, a);
    if (!err) err = record_unpack(&verdict_record, &live.take.verdict, (struct str){ e->verdict, e->verdict_n }, a);
    if (err) return err;
    if (e->ticket) {
        live.ticket = e->ticket->id;
        live.agent = str_of(e->ticket->agent);
        live.token_epoch = e->ticket->token_epoch;
        live.token_seq = e->ticket->token_seq;
    }
    return mailbox_put(r->mail, l->peer, MSG_LIVE, &live);
}

static bool is_live(const struct kept_event *e) { return e && !(e->ticket && e->ticket->row_end); }

static enum err sync_events(struct router *r, struct leader *l)
{
    struct lead_sync *s = &l->sync;
    for (; s->at < s->count; s->at++) {
        struct kept_event *e = events_find(&r->events, &s->ids[s->at]);
        if (!is_live(e)) continue;
        enum err err = put_live(r, l, e);
        if (err == ERR_FULL || err == ERR_CLOSED) return err;
        if (err) log_error("an event cannot be told to the leader: %s", err_text(err));
        if (e->in == &l->takes) {
            event_list_leave(e);
            event_list_push(&l->handed, e, router_now(r));
        }
    }
    return ERR_OK;
}

static enum err sync_configs(struct router *r, struct leader *l)
{
    const struct kept_config *c;
    struct arena *a = &r->events.scratch;
    for (size_t next = l->sync.config_at; (c = config_keep_next(&r->config, &next)); l->sync.config_at = next) {
        struct config config;
        arena_clear(a);
        if (record_unpack(&config_record, &config, (struct str){ c->packed, c->packed_n }, a)) continue;
        if (!str_is(config.workspace, router_workspace(r, l->workspace))) continue;
        enum err err = mailbox_put_packed(r->mail, l->peer, MSG_CONFIG, (struct str){ c->packed, c->packed_n });
        if (err == ERR_FULL || err == ERR_CLOSED) return err;
    }
    return ERR_OK;
}

static bool pump_sync(struct router *r, struct leader *l)
{
    struct lead_sync *s = &l->sync;
    size_t before = s->at;
    struct sync done = { .workspace = str_of(router_workspace(r, l->workspace)), .epoch = s->epoch, .seq = l->done, .done = true };
    if (sync_events(r, l) || sync_configs(r, l) || mailbox_put(r->mail, l->peer, MSG_SYNC, &done)) return s->at != before;
    log_info("workspace=%s told the leader all of %zu events", router_workspace(r, l->workspace), s->count);
    s->active = false;
    free(s->ids);
    s->ids = NULL;
    return true;
}

/* ---- entries: rows ---- */

static enum err flight_push(struct leader *l, const struct flight *f)
{
    if (l->flight_count == l->flight_room) {
        uint32_t room = l->flight_room ? l->flight_room * 2 : 1024;
        struct flight *v = room <= FLIGHTS_MAX ? malloc(room * sizeof *v) : NULL;
        if (!v) return ERR_FULL;
        for (uint32_t i = 0; i < l->flight_count; i++) v[i] = l->flights[(l->flight_head + i) % l->flight_room];
        free(l->flights);
        l->flights = v;
        l->flight_room = room;
        l->flight_head = 0;
    }
    l->flights[(l->flight_head + l->flight_count++) % l->flight_room] = *f;
    return ERR_OK;
}

static void flight_unpush(struct leader *l) { l->flight_count--; }

static struct flight flight_pop(struct leader *l)
{
    struct flight f = l->flights[l->flight_head];
    l->flight_head = (l->flight_head + 1) % l->flight_room;
    l->flight_count--;
    return f;
}

/* What is proven durable: all before the oldest row that is still under way. */
static void advance(struct leader *l)
{
    if (l->flight_skip) return;
    uint64_t done = l->flight_count ? l->flights[l->flight_head].seq - 1 : l->got;
    if (done <= l->done) return;
    l->done = done;
    l->seen_due = true;
}

static void landed(struct router *r, const struct flight *f, uint64_t number)
{
    if (f->kind == FLIGHT_HOOK) {
        hooks_landed(r, &f->id, number);
    } else if (f->kind == ENTRY_ENDED) {
        struct kept_ticket *t = events_ticket(&r->events, &f->id);
        if (t) settle_ticket(r, t);
    } else if (f->kind == ENTRY_NO_TICKET) {
        struct kept_event *e = events_find(&r->events, &f->id);
        if (e) events_drop(&r->events, e);
    } else if (f->kind == FLIGHT_MESSAGE) {
        messages_landed(r, &f->id, true);
    }
}

static void failed(struct router *r, struct leader *l, const struct flight *f, uint64_t number)
{
    struct kept_event *e = f->kind == ENTRY_NO_TICKET ? events_find(&r->events, &f->id) : NULL;
    if (e) events_unsettle(&r->events, e);
    else if (f->kind == FLIGHT_HOOK) hooks_failed(r, &f->id);
    else if (f->kind == FLIGHT_MESSAGE) messages_landed(r, &f->id, false);
    else events_row_moved(&r->events, number, 0, &f->id);
    l->got = l->done;
    l->flight_skip = l->flight_count;
    l->seen_due = true;
}

/* journal_fn of everything that entries wrote; called in their order. */
static void on_flight(void *ctx, enum err err, uint64_t number)
{
    struct leader *l = ctx;
    struct flight f = flight_pop(l);
    if (l->flight_skip) l->flight_skip--;
    if (err) failed(l->router, l, &f, number);
    else landed(l->router, &f, number);
    advance(l);
}

static enum err fly(struct router *r, struct leader *l, enum row_kind kind, struct flight f, struct str body, uint64_t *row)
{
    const struct id *id = &f.id;
    *row = 0;
    enum err err = body.n ? flight_push(l, &f) : ERR_NOMEM;
    if (err) return err;
    err = journal_append(r->journal, kind, id, body, on_flight, l, row);
    if (err) flight_unpush(l);
    return err;
}

/* *row gets the number; 0 when it could not be written. */
static enum err append(struct router *r, struct leader *l, enum row_kind kind, const struct entry *en, const struct id *id,
                       struct str body, uint64_t *row)
{
    return fly(r, l, kind, (struct flight){ .seq = en->seq, .id = *id, .kind = (uint8_t)en->kind }, body, row);
}

/* What webhooks are to be told, in the transaction of the change itself; also of a change that has no row of its own. It comes
   first, while the ticket is still known; if the change is then not kept, it comes again, and this is known by its id. */
static enum err keep_hook(struct router *r, struct leader *l, const struct entry *en)
{
    struct hook *h;
    struct str row;
    uint64_t number;
    enum err err = hooks_keep(r, l->workspace, en, &h, &row);
    if (err || !h) return err;
    err = fly(r, l, ROW_HOOK, (struct flight){ .seq = en->seq, .id = h->id, .kind = FLIGHT_HOOK }, row, &number);
    if (err) hooks_failed(r, &h->id);
    return err;
}

/* opened, joined: the event is the leader's from here on. Its verdict goes into the same row. */
static enum err keep_taken(struct router *r, struct leader *l, const struct entry *en)
{
    struct kept_event *e = events_find(&r->events, &en->event);
    struct folded folded;
    if (!e || e->ended) return ERR_OK; /* settled long ago */
    enum err err = events_entry(&r->events, en, ROW_PENDING, false, &folded);
    if (err == ERR_EXISTS) return ERR_OK;
    if (err) return err;
    struct str packed = events_entry_packed(&r->events, en);
    events_life(folded.ticket, en, packed);
    if (!e->verdict) return append(r, l, ROW_ENTRY, en, &e->id, packed, folded.row); /* taken in an earlier life of ours */
    event_list_leave(e);
    if (e->row_verdict) return append(r, l, ROW_ENTRY, en, &e->id, packed, folded.row);
    buf_clear(&r->packed);
    buf_addstr(&r->packed, packed);
    buf_add(&r->packed, e->verdict, e->verdict_n);
    err = append(r, l, ROW_TAKEN, en, &e->id, buf_str(&r->packed), folded.row);
    e->row_verdict = e->row_entry;
    return err;
}

static enum err keep_ticket(struct router *r, struct leader *l, const struct entry *en)
{
    struct folded folded;
    enum err err = events_entry(&r->events, en, ROW_PENDING, false, &folded);
    if (err == ERR_EXISTS || err == ERR_NOTFOUND) return ERR_OK;
    if (err) return err;
    struct str packed = events_entry_packed(&r->events, en);
    events_life(folded.ticket, en, packed);
    err = append(r, l, ROW_ENTRY, en, &en->ticket, packed, folded.row);
    if (!err && en->kind != ENTRY_ENDED) doors_changed(r, folded.ticket, en);
    return err;
}

/* Changes that need no row, and yet belong to the life of a ticket. */
static enum err keep_life(struct router *r, struct leader *l, const struct entry *en)
{
    struct kept_ticket *t = id_is_none(&en->ticket) ? NULL : events_ticket(&r->events, &en->ticket);
    (void)l;
    if (t) events_life(t, en, events_entry_packed(&r->events, en));
    return ERR_OK;
}

/* What the customer is to be told: its intent goes to the disk before the entry counts as handled. */
static enum err keep_message(struct router *r, struct leader *l, const struct entry *en)
{
    struct id id;
    struct str row;
    uint64_t *number;
    enum err err = messages_of_entry(r, en, &id, &row);
    if (err == ERR_NOTFOUND || err == ERR_EXISTS) return ERR_OK;
    if (!err) err = messages_take(r, &id, row, &number);
    if (err) return err;
    err = fly(r, l, ROW_MESSAGE, (struct flight){ .seq = en->seq, .id = id, .kind = FLIGHT_MESSAGE }, row, number);
    if (err) messages_landed(r, &id, false);
    return err;
}

static enum err keep_said(struct router *r, struct leader *l, const struct entry *en)
{
    enum err err = keep_message(r, l, en);
    return err ? err : keep_life(r, l, en);
}

/* The ticket's messages are made while it is kept. */
static enum err keep_end(struct router *r, struct leader *l, const struct entry *en)
{
    enum err err = keep_message(r, l, en);
    return err ? err : keep_ticket(r, l, en);
}

static enum err keep_none(struct router *r, struct leader *l, const struct entry *en)
{
    struct kept_event *e = events_find(&r->events, &en->event);
    struct flight f = { .seq = en->seq, .id = en->event, .kind = ENTRY_NO_TICKET };
    struct id none = { { 0 } };
    if (!e || e->ended || e->ticket) return ERR_OK;
    enum err err = flight_push(l, &f);
    if (err) return err;
    err = journal_settle(r->journal, &e->id, &none, en->at, on_flight, l);
    if (err) return flight_unpush(l), err;
    event_leave(r, e);
    events_settle(&r->events, e);
    return ERR_OK;
}

static enum err keep_config(struct router *r, struct leader *l, const struct entry *en)
{
    struct config c;
    struct findings f;
    (void)l;
    arena_clear(&r->events.scratch);
    if (record_unpack(&config_record, &c, en->detail, &r->events.scratch)) return ERR_OK; /* a peer's mistake: nothing to keep */
    if (c.kind == CONFIG_PEOPLE) {
        people_heard(r, &c);
        return ERR_OK;
    }
    findings_init(&f);
    enum err err = config_keep_put(&r->config, &c, clock_wall_ms(), r->journal, NULL, NULL, &f);
    findings_fini(&f);
    if (!err && c.kind == CONFIG_POLICY) policy_tell(r, NULL);
    if (!err || err == ERR_EXISTS || err == ERR_POLICY || err == ERR_YAML) return ERR_OK;
    return err;
}

static enum err tell_presence(struct router *r, struct leader *l, const struct entry *en)
{
    agents_presence(r, l->workspace, en);
    return ERR_OK;
}

static enum err (*const entry_rules[])(struct router *, struct leader *, const struct entry *) = {
    [ENTRY_OPENED] = keep_taken,    [ENTRY_JOINED] = keep_taken,       [ENTRY_NO_TICKET] = keep_none,
    [ENTRY_ACCEPTED] = keep_ticket, [ENTRY_RETURNED] = keep_ticket,    [ENTRY_ENDED] = keep_end,
    [ENTRY_CONFIG] = keep_config,   [ENTRY_PRESENCE] = tell_presence,  [ENTRY_OFFERED] = keep_life,
    [ENTRY_DECLINED] = keep_life,   [ENTRY_OFFER_EXPIRED] = keep_life, [ENTRY_WITHDRAWN] = keep_life,
    [ENTRY_RELAXED] = keep_life,    [ENTRY_MOVED] = keep_life,         [ENTRY_PARKED] = keep_life,
    [ENTRY_RESUMED] = keep_life,    [ENTRY_WRAPUP] = keep_life,        [ENTRY_RETRIAGED] = keep_life,
    [ENTRY_STARTED] = keep_life,    [ENTRY_REPLIED] = keep_said,       [ENTRY_NOTIFIED] = keep_life,
    [ENTRY_UPDATED] = keep_said,    [ENTRY_SCHEDULED] = keep_life,     [ENTRY_DUE] = keep_life,
    [ENTRY_DEFLECTED] = keep_life,  [ENTRY_CONSULTED] = keep_life,     [ENTRY_HANDED_OVER] = keep_life,
};

/* ---- entries: their order ---- */

/* Something is missing before this entry: asked for again, once per GAP_MS. When the repetition begins with the very entry that
   made us ask, the leader has nothing older: false, so that we go on without. */
static bool ask_for_gap(struct leader *l, const struct entry *en, uint64_t now)
{
    if (l->asked && en->seq == l->gap_seq) {
        log_error("seq=%llu the leader cannot tell the changes since %llu: going on without them", (unsigned long long)en->seq,
                  (unsigned long long)l->got);
        return false;
    }
    if (l->asked && en->seq > l->gap_seq && now - l->asked_at < GAP_MS) return true;
    if (!l->asked || en->seq < l->gap_seq) l->gap_seq = en->seq;
    l->asked = true;
    l->asked_at = now;
    l->seen_due = true;
    return true;
}

/* Is it the next one? A leader whose log begins below what we have seen (Redis came back from older data, and nobody could tell
   it more) counts on from there: its first own entry tells us so. */
static bool entry_due(struct leader *l, const struct entry *en, uint64_t now)
{
    if (l->rebased && en->epoch == l->epoch && en->seq > l->base && en->seq <= l->got) {
        log_warn("seq=%llu the leader's log was set back from %llu", (unsigned long long)en->seq, (unsigned long long)l->got);
        l->got = l->done = en->seq - 1;
        l->flight_skip = l->flight_count;
        l->rebased = false;
    }
    if (en->seq <= l->got) {
        l->seen_due = true;
        return false;
    }
    return en->seq == l->got + 1 || !ask_for_gap(l, en, now);
}

static enum err keep(struct router *r, struct leader *l, const struct entry *en)
{
    bool ruled = en->kind < sizeof entry_rules / sizeof *entry_rules && entry_rules[en->kind];
    return ruled ? entry_rules[en->kind](r, l, en) : ERR_OK;
}

void leader_on_entry(struct router *r, struct peer *p, const struct entry *en)
{
    uint16_t ws;
    if (events_workspace(&r->events, en->workspace, &ws)) return;
    struct leader *l = leader_of(r, ws);
    if (!l || l->peer != p || !l->led || en->epoch > l->epoch) return;
    if (!entry_due(l, en, router_now(r))) return;
    streams_heard(r, ws, en); /* while its ticket is still known */
    if (keep_hook(r, l, en) || keep(r, l, en)) {
        l->seen_due = true; /* could not be kept: not handled, to be told again */
        return;
    }
    l->got = en->seq;
    l->asked = false;
    advance(l);
    widget_entry(r, en);
}

/* ---- the turn ---- */

static bool put_seen(struct router *r, struct leader *l)
{
    struct seen seen = { .workspace = str_of(router_workspace(r, l->workspace)), .epoch = l->epoch, .seq = l->done };
    char key[80], value[24];
    if (mailbox_put(r->mail, l->peer, MSG_SEEN, &seen)) return false;
    l->seen_due = false;
    if (l->stored != l->done) {
        int n = snprintf(value, sizeof value, "%llu", (unsigned long long)l->done);
        if (!journal_set_meta(r->journal, seen_key(r, l->workspace, key), (struct str){ value, (size_t)n })) l->stored = l->done;
    }
    return true;
}

enum err leader_send_act(void *router, uint16_t workspace, struct str packed)
{
    struct router *r = router;
    struct leader *l = leader_of(r, workspace);
    if (!l || !l->led || !peer_is_up(l->peer)) return ERR_UNAVAILABLE;
    return mailbox_put_packed(r->mail, l->peer, MSG_ACT, packed);
}

bool leaders_pump(struct router *r)
{
    bool did = r->acts.unsent_count && acts_pump(&r->acts);
    for (uint32_t i = 0; i < r->leaders.count; i++) {
        struct leader *l = r->leaders.v[i];
        if (!l || !l->peer || !peer_is_up(l->peer)) continue;
        if (l->led && l->seen_due) did |= put_seen(r, l);
        if (l->sync.active) did |= pump_sync(r, l);
        else if (l->led) did |= pump_takes(r, l);
    }
    return did;
}

void leaders_tick(struct router *r, uint64_t now)
{
    for (uint32_t i = 0; i < r->leaders.count; i++) {
        struct leader *l = r->leaders.v[i];
        if (!l || !l->led) continue;
        hand_again(r, l, HANDED_BATCH, now > HANDED_MS ? now - HANDED_MS : 0);
        if (l->asked && now - l->asked_at >= GAP_MS) l->seen_due = true;
    }
}
