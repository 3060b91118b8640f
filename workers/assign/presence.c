#include "base/metrics.h"
#include "workers/assign/core.h"

/* Agents' presence. It is a lease: kept by heartbeats and acts, and ended by what the agent says, by a socket that closed and
   did not come back, or by silence. All times are the policy's (presence: lease, leave, grace, misses, hold).

     socket closes      no new offers at once (`leaving`); if not back within `leave`: offline, open offers withdrawn
     silence            after `lease`: the same
     offline            asked for or not, `lost` is set; `grace` later what they have in hand goes back to waiting with its age,
   calls too: a desk that is lost is not yet a line that is lost, and a hang-up ends a call at any time. What is being wrapped up
   ends by its own timer. What is parked waits for the customer, not for them: it stays theirs, and goes to whoever has room if the
   customer writes while they are away (parked.c). comes back         a new session number. Within the lease of the session that
   ended, the presence they had is taken up again. away, "draining"   as any away; once nothing is in hand any more: offline,
   "drained", by itself

   SESSIONS. Who connects last is the agent. Each connection gets a higher number than any before, also over a loss of Redis: never
   below the seconds of the wall clock. `claim` is the number that the current connection came with (it is connected again by its
   router when another process leads), else the one it was given: what comes with a lower one comes from an old connection, and is
   refused with "old-session". That connection is told "replaced", by whichever router has it, when the new one comes and again
   with each heartbeat of its own, and its router closes it. */

const struct presence_rules *presence_rules(const struct workspace *ws)
{
    static const struct presence_rules usual = {
        .lease_ms = 30000, .leave_ms = 5000, .grace_ms = 60000, .misses = 3, .hold_ms = 86400000
    };

    return ws->policy ? &ws->policy->presence : &usual;
}

bool agent_has_work(const struct agent *a)
{
    for (const struct hold *h = a->holds; h; h = h->agent_next)
        if (h->ticket->state != TK_PARKED) return true;
    return false;
}

bool agent_is_drained(const struct agent *a)
{
    return a->presence == PRES_AWAY && strcmp(a->reason, "draining") == 0 && !agent_has_work(a);
}

static const char *words_of(const struct agent *a, char out[80])
{
    if (a->presence != PRES_AWAY || !a->reason[0]) return presence_words.v[a->presence];
    size_t n = strlen(a->reason);
    memcpy(out, "away:", 5);
    memcpy(out + 5, a->reason, n + 1);
    return out;
}

/* Until when an agent counts as there who was heard just now; 0: without an end. */
static uint64_t lease_end(const struct workspace *ws) { return ws->watch ? 0 : ws->now + presence_rules(ws)->lease_ms; }

void agent_schedule(struct workspace *ws, struct agent *a)
{
    uint64_t at = UINT64_MAX;

    if (a->leaving) at = a->leaving;
    if (a->lease && a->lease < at) at = a->lease;
    if (a->lost && a->lost + presence_rules(ws)->grace_ms < at) at = a->lost + presence_rules(ws)->grace_ms;
    if (a->duty_next < at) at = a->duty_next;
    due_set(ws, &a->due, at);
}

static void withdraw_offers(struct workspace *ws, struct agent *a, const char *cause)
{
    for (struct hold *h = a->holds, *next; h; h = next) {
        next = h->agent_next;
        if (h->kind == HOLD_OFFER) offer_withdraw(ws, h, cause);
    }
}

/* `cause`: of the offers that are withdrawn by it. */
void agent_set_presence(struct workspace *ws, struct agent *a, enum presence p, const char *reason, const char *cause)
{
    char text[80];
    size_t n = text_cut(str_of(reason), 64).n;

    trail_said(ws, a);
    ws->roster.by_presence[a->presence]--;
    a->presence = p;
    ws->roster.by_presence[p]++;
    if (p == PRES_OFFLINE) a->online = 0;
    else if (!a->online) a->online = ws->now;
    memmove(a->reason, reason ? reason : "", n);
    a->reason[n] = '\0';
    roster_refresh(ws, a);
    log_change(ws, .kind = ENTRY_PRESENCE, .agent = a, .cause = words_of(a, text));
    change_touch_agent(ws, a);
    if (p == PRES_OFFLINE) waiting_only_gone(ws, a);
    if (p != PRES_AVAILABLE) withdraw_offers(ws, a, cause);
    agent_schedule(ws, a);
}

void agent_missed(struct workspace *ws, struct agent *a)
{
    if (++a->misses >= presence_rules(ws)->misses && a->presence == PRES_AVAILABLE)
        agent_set_presence(ws, a, PRES_AWAY, "missed", "away");
    change_touch_agent(ws, a);
}

void agent_returned(struct workspace *ws, struct ticket *t, const char *cause)
{
    struct agent *a = ticket_agent(t);

    naru_assert(!ticket_step(ws, t, EV_AGENT_LOST, NULL));
    log_change(ws, .kind = ENTRY_RETURNED, .t = t, .agent = a, .cause = cause);
    if (a) change_offer(ws, t, a, "returned", cause);
    bot_failed(ws, t, a, cause);
}

/* A parked ticket of somebody who is no agent any more. */
static void disown(struct workspace *ws, struct hold *h, const char *cause)
{
    struct ticket *t = h->ticket;
    struct agent *a = h->agent;

    hold_drop(ws, h);
    log_change(ws, .kind = ENTRY_RETURNED, .t = t, .agent = a, .cause = cause);
    change_offer(ws, t, a, "returned", cause);
}

/* What the agent has in hand goes back to waiting; what is being wrapped up ends by its own timer; what is parked stays theirs as
   long as they are an agent. */
void agent_drop_all(struct workspace *ws, struct agent *a, const char *cause)
{
    for (struct hold *h = a->holds, *next; h; h = next) {
        next = h->agent_next;
        if (h->kind == HOLD_OFFER) offer_withdraw(ws, h, cause);
        else if (h->kind == HOLD_CONSULT) consult_over(ws, h->ticket, "returned", cause);
        else if (h->ticket->state == TK_ASSIGNED) agent_returned(ws, h->ticket, cause);
        else if (h->ticket->state == TK_PARKED && !a->known) disown(ws, h, cause);
    }
}

static void lapse(struct workspace *ws, struct agent *a, const char *cause)
{
    a->was = a->presence;
    memcpy(a->was_reason, a->reason, sizeof a->reason);
    a->was_until = a->lease;
    a->was_online = a->online;
    a->connected = false;
    a->leaving = a->lease = 0;
    a->lost = ws->now;
    change_touch_agent(ws, a);
    if (a->presence != PRES_OFFLINE) agent_set_presence(ws, a, PRES_OFFLINE, NULL, cause);
    else withdraw_offers(ws, a, cause);
}

void agent_due(struct workspace *ws, struct agent *a)
{
    if (a->leaving && a->leaving <= ws->now) lapse(ws, a, "agent_left");
    else if (a->lease && a->lease <= ws->now) lapse(ws, a, "agent_silent");
    if (a->lost && a->lost + presence_rules(ws)->grace_ms <= ws->now) {
        a->lost = 0;
        change_touch_agent(ws, a);
        agent_drop_all(ws, a, "agent_lost");
    }
    if (agent_is_drained(a)) agent_set_presence(ws, a, PRES_OFFLINE, "drained", "away");
    roster_refresh(ws, a); /* a shift, a day or a minute of the ramp may have ended */
    agent_schedule(ws, a);
}

/* ---- acts ---- */

bool agent_session_ok(struct workspace *ws, const struct act *a, const struct agent *g)
{
    if (!a->session || a->session >= g->claim) return true;
    refuse(ws, a, 409, "old-session", "the agent has connected again since");
    return false;
}

static void answer_connect(struct workspace *ws, const struct act *a, struct agent *g)
{
    static const char *const lists[] = { "held", "offers" };
    struct buf b;
    struct jw w;

    buf_init(&b, 700000);
    w = jw_on(&b);
    jw_open(&w, '{');
    jw_key(&w, "agent"), jw_str(&w, g->name);
    jw_key(&w, "session"), jw_u64(&w, g->session);
    jw_key(&w, "presence"), jw_strz(&w, presence_words.v[g->presence]);
    if (g->reason[0]) jw_key(&w, "reason"), jw_strz(&w, g->reason);
    for (int offers = 0; offers < 2; offers++) {
        jw_key(&w, lists[offers]);
        jw_open(&w, '[');
        for (const struct hold *h = g->holds; h; h = h->agent_next)
            if ((h->kind == HOLD_OFFER) == (offers == 1)) read_ticket_fields(ws, &w, h->ticket, g, false);
        jw_close(&w, ']');
    }
    jw_close(&w, '}');
    answer(ws, a, 200, buf_str(&b), g->session, NULL);
    buf_fini(&b);
}

static void take_up(struct workspace *ws, struct agent *g)
{
    bool resume = g->presence == PRES_OFFLINE && g->was != PRES_OFFLINE && ws->now <= g->was_until;
    enum presence was = g->was;
    char reason[sizeof g->was_reason];

    memcpy(reason, g->was_reason, sizeof reason);
    g->was = PRES_OFFLINE;
    if (!resume) return;
    g->online = g->was_online; /* the same log-in: no new ramp */
    agent_set_presence(ws, g, was, reason, "agent_back");
}

/* How what they have is shown to somebody who comes back. */
static const char *const hold_words[] = { [HOLD_OWNER] = "assigned", [HOLD_OFFER] = "offer", [HOLD_CONSULT] = "consult" };

/* Its router closes that connection, and asks nothing for it any more. */
static void tell_replaced(struct workspace *ws, const struct agent *g, uint32_t router, uint64_t session)
{
    const struct offer o = { .workspace = ws->name, .what = STR("replaced"), .agent = g->name, .session = session };

    change_mail(ws, &(struct out_mail){ .type = MSG_OFFER, .router = router, .seq = ws->seq }, &offer_record, &o);
}

static void show_holds(struct workspace *ws, struct agent *g)
{
    for (const struct hold *h = g->holds; h; h = h->agent_next) change_offer(ws, h->ticket, g, hold_words[h->kind], "resume");
}

void act_connect(struct workspace *ws, const struct act *a)
{
    struct agent *g = act_agent_called(ws, a, a->agent);

    if (!g || !agent_session_ok(ws, a, g)) return;
    if (g->connected && a->session != g->session) tell_replaced(ws, g, g->router, g->session);
    g->session = g->session + 1 > ws->now / 1000 ? g->session + 1 : ws->now / 1000;
    g->claim = a->session ? a->session : g->session;
    g->router = a->router;
    g->connected = true;
    g->leaving = g->lost = 0;
    g->lease = lease_end(ws);
    change_touch_agent(ws, g);
    take_up(ws, g);
    roster_refresh(ws, g);
    agent_schedule(ws, g);
    answer_connect(ws, a, g);
    show_holds(ws, g);
}

static void leave(struct workspace *ws, struct agent *g)
{
    g->connected = false;
    g->leaving = ws->now + presence_rules(ws)->leave_ms;
    roster_refresh(ws, g);
    agent_schedule(ws, g);
    change_touch_agent(ws, g);
}

void act_disconnect(struct workspace *ws, const struct act *a)
{
    struct agent *g = act_agent_called(ws, a, a->agent);

    if (!g || !agent_session_ok(ws, a, g)) return;
    if (g->connected) leave(ws, g);
    answer(ws, a, 200, STR("{}"), g->session, NULL);
}

void space_router_lost(struct workspace *ws, uint64_t now, uint32_t router)
{
    if (now > ws->now) ws->now = now;
    for (uint32_t i = 0; i < ws->roster.count; i++) {
        struct agent *g = ws->roster.v[i];
        if (g->connected && g->router == router) leave(ws, g);
    }
}

/* A heartbeat of the session that is current also takes back a leaving that was only assumed: the router was away, not the agent.
 */
void act_heartbeat(struct workspace *ws, const struct act *a)
{
    struct agent *g = roster_find(&ws->roster, a->agent);

    if (!g || !g->known || (a->session && a->session < g->claim)) {
        metric_add(MET_ACTS_REFUSED, "old-session", 1);
        if (g && g->known) tell_replaced(ws, g, a->router, a->session); /* the first word of it was lost */
        return;
    }
    g->lease = lease_end(ws);
    if (!g->connected) {
        g->connected = true;
        g->router = a->router;
        g->leaving = g->lost = 0;
        roster_refresh(ws, g);
        change_touch_agent(ws, g);
        show_holds(ws, g); /* what came meanwhile was shown to nobody */
    }
    agent_schedule(ws, g);
}

void act_presence(struct workspace *ws, const struct act *a)
{
    struct agent *g = act_agent_called(ws, a, a->agent);
    char reason[65] = "";
    struct buf b;
    struct jw w;

    if (!g || !agent_session_ok(ws, a, g)) return;
    if (a->reason.n) memcpy(reason, a->reason.p, text_cut(a->reason, 64).n);
    g->lease = a->presence == PRES_OFFLINE && !g->connected ? 0 : lease_end(ws);
    g->lost = a->presence == PRES_OFFLINE && agent_has_work(g) ? ws->now : 0;
    g->was = PRES_OFFLINE;
    if (a->presence == PRES_AVAILABLE) g->misses = 0;
    change_touch_agent(ws, g);
    if (a->presence != g->presence || strcmp(reason, g->reason) != 0) agent_set_presence(ws, g, a->presence, reason, "away");
    agent_schedule(ws, g);
    buf_init(&b, 4096);
    w = jw_on(&b);
    jw_open(&w, '{');
    jw_key(&w, "agent"), jw_str(&w, g->name);
    jw_key(&w, "presence"), jw_strz(&w, presence_words.v[g->presence]);
    if (g->reason[0]) jw_key(&w, "reason"), jw_strz(&w, g->reason);
    jw_close(&w, '}');
    answer(ws, a, 200, buf_str(&b), g->session, NULL);
    buf_fini(&b);
}
