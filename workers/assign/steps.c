#include "workers/assign/core.h"

#include <stdio.h>

/* What the timeline of a queue does to a ticket. Every line (a step) has a clock, and happens once each time its clock begins:

     enqueued     begins when the ticket was enqueued and runs on over moves: it is the ticket's age. Once per stay in a queue
     step         begins with the last step of waiting that happened (at first: when it came to this queue), once all those
                  written above it have. Once per stay in a queue
     assigned     begins with each new owner
     last-reply   begins with each reply of an agent; before the first one, with the owner

   The first two run while the ticket waits; what fell due while it was offered is made up for when it waits again. The other two
   run while somebody has it or it is parked. A step with the clock `enqueued` does not wait for those above it: each has its own
   time, and what is due at once happens in the order of those times, then in the order written.

   What happened is in ticket.steps, a bit for each line of the timeline that the ticket goes by (timeline_of), so that it is never
   done twice and can be done again to needs that are made anew (steps_again), and so that the groups it added and the number it is
   offered to at once need no place of their own.

   A step only widens: levels fall, needs go, urgency and numbers rise. `narrow` lets it ask for more. */

#define BIT(i) (1ull << (i))

static bool has_taken(const struct ticket *t, uint32_t i) { return t->steps >> i & 1; }

bool step_waits(const struct step *s) { return s->since == SINCE_ENQUEUED || s->since == SINCE_STEP; }

/* ---- clocks ---- */

/* UINT64_MAX: the clock does not run. */
static uint64_t clock_began(const struct workspace *ws, const struct ticket *t, uint32_t i)
{
    const struct queue *q = timeline_of(ws, t);

    switch (q->timeline[i].since) {
    case SINCE_ENQUEUED: return t->enqueued;
    case SINCE_ASSIGNED: return t->assigned_at ? t->assigned_at : UINT64_MAX;
    case SINCE_LAST_REPLY: return t->last_reply ? t->last_reply : t->assigned_at ? t->assigned_at : UINT64_MAX;
    case SINCE_STEP: break;
    }
    for (uint32_t above = 0; above < i; above++)
        if (step_waits(&q->timeline[above]) && !has_taken(t, above)) return UINT64_MAX;
    return t->step_at ? t->step_at : t->enqueued;
}

static uint64_t step_due(const struct workspace *ws, const struct ticket *t, uint32_t i)
{
    const struct step *s = &timeline_of(ws, t)->timeline[i];
    const struct sla *target = &queue_of(ws, t)->answer;
    uint64_t from = clock_began(ws, t, i);

    if (from == UINT64_MAX) return UINT64_MAX;
    if (!s->after_pct) return from + s->after_ms;
    return sla_at(ws, target, from, (uint64_t)target->within_ms[t->urgency] * s->after_pct / 100);
}

/* The step that is due first among those whose clocks run in the ticket's state, and when; UINT64_MAX: none. */
static uint64_t first_due(const struct workspace *ws, const struct ticket *t, uint32_t *index)
{
    const struct queue *q = timeline_of(ws, t);
    bool waits = t->state == TK_WAITING, held = t->state == TK_ASSIGNED || t->state == TK_PARKED;
    uint64_t first = UINT64_MAX;

    for (uint32_t i = 0; (waits || held) && i < q->timeline_count; i++) {
        if (has_taken(t, i) || step_waits(&q->timeline[i]) != waits) continue;
        uint64_t at = step_due(ws, t, i);
        if (at < first) first = at, *index = i;
    }
    return first;
}

uint64_t steps_next(const struct workspace *ws, const struct ticket *t)
{
    uint32_t index;

    return first_due(ws, t, &index);
}

static void clocks_begin(const struct workspace *ws, struct ticket *t, enum since since)
{
    const struct queue *q = timeline_of(ws, t);

    for (uint32_t i = 0; i < q->timeline_count; i++)
        if (q->timeline[i].since == since) t->steps &= ~BIT(i);
}

void steps_assigned(struct workspace *ws, struct ticket *t)
{
    t->assigned_at = ws->now;
    clocks_begin(ws, t, SINCE_ASSIGNED);
    if (!t->last_reply) clocks_begin(ws, t, SINCE_LAST_REPLY);
    change_touch(ws, t);
}

void steps_replied(struct workspace *ws, struct ticket *t)
{
    t->last_reply = ws->now;
    clocks_begin(ws, t, SINCE_LAST_REPLY);
    change_touch(ws, t);
    ticket_schedule(ws, t);
}

/* ---- what they come to ---- */

uint64_t steps_groups(const struct workspace *ws, const struct ticket *t)
{
    const struct queue *q = timeline_of(ws, t);
    uint64_t groups = 0;

    for (uint64_t left = t->steps; left; left &= left - 1) groups |= q->timeline[__builtin_ctzll(left)].add;
    return t->under ? swap_groups(t->under->policy, groups, ws->policy) : groups;
}

uint32_t steps_at_once(const struct workspace *ws, const struct ticket *t)
{
    const struct queue *q = timeline_of(ws, t);
    uint32_t most = queue_of(ws, t)->offers.at_once;

    for (uint64_t left = t->steps; left; left &= left - 1) {
        const struct step *s = &q->timeline[__builtin_ctzll(left)];
        if ((s->actions & STEP_OFFER) && s->at_once > most) most = s->at_once;
    }
    return most ? most : 1;
}

/* ---- needs ---- */

static bool names_skill(const struct workspace *ws, uint16_t skill, const char *word)
{
    struct str s = space_skill(ws, skill);

    return str_is(s, word) || (strcmp(word, "lang") == 0 && s.n > 5 && memcmp(s.p, "lang:", 5) == 0);
}

static bool drop_needs(const struct workspace *ws, struct needs *n, const struct step *s)
{
    bool changed = false;

    for (uint32_t d = 0; d < s->drop.count; d++)
        for (uint32_t i = n->count; i-- > 0;) {
            if (!names_skill(ws, n->v[i].skill, s->drop.v[d])) continue;
            memmove(n->v + i, n->v + i + 1, (--n->count - i) * sizeof *n->v);
            changed = true;
        }
    return changed;
}

static bool set_levels(const struct workspace *ws, struct needs *n, const struct step *s)
{
    bool changed = false;

    for (uint32_t k = 0; k < s->needs.count; k++) {
        const struct skill *to = &s->needs.v[k];
        for (uint32_t i = 0; i < n->count; i++) {
            bool same = to->from_ticket ? names_skill(ws, n->v[i].skill, "lang") : str_is(space_skill(ws, n->v[i].skill), to->name);
            if (!same || n->v[i].level == to->level || (n->v[i].level < to->level && !s->narrow)) continue;
            n->v[i].level = (uint8_t)to->level;
            changed = true;
        }
    }
    return changed;
}

/* A step that may narrow also asks for what was not needed before. */
static bool add_needs(struct workspace *ws, struct needs *n, const struct step *s)
{
    bool changed = false;

    for (uint32_t k = 0; s->narrow && k < s->needs.count; k++) {
        const struct skill *to = &s->needs.v[k];
        if (!to->from_ticket && needs_add(ws, n, (uint16_t)space_intern(ws, str_of(to->name)), to->level)) changed = true;
    }
    return changed;
}

void steps_again(struct workspace *ws, struct ticket *t)
{
    const struct queue *q = timeline_of(ws, t);
    struct needs n = needs_open(t->needs);

    for (uint64_t left = t->steps; left; left &= left - 1) {
        const struct step *s = &q->timeline[__builtin_ctzll(left)];
        (void)set_levels(ws, &n, s);
        (void)add_needs(ws, &n, s);
        (void)drop_needs(ws, &n, s);
    }
    needs_close(ws, &t->needs, &n);
}

/* ---- actions ----
   In the order of the table. The first ones change what the ticket asks for or tell somebody, and are done in any state; the last
   four change its state or its queue, and what its state does not allow is left out. `changed`: what the ticket asks for is other
   than before, for its record. */
struct doing {
    struct policy *policy; /* that the step is of: one reference, for the ticket may leave it */
    const struct step *step;
    char cause[32];
    bool changed, ended;
};

static void do_needs(struct workspace *ws, struct ticket *t, struct doing *d)
{
    struct needs n = needs_open(t->needs);

    if (set_levels(ws, &n, d->step)) d->changed = true;
    if (add_needs(ws, &n, d->step)) d->changed = true;
    needs_close(ws, &t->needs, &n);
}

static void do_drop(struct workspace *ws, struct ticket *t, struct doing *d)
{
    struct needs n = needs_open(t->needs);

    if (drop_needs(ws, &n, d->step)) d->changed = true;
    needs_close(ws, &t->needs, &n);
}

/* That the step was taken is all that is kept of these two. */
static void do_widen(struct workspace *ws, struct ticket *t, struct doing *d)
{
    (void)ws, (void)t;
    d->changed = true;
}

static void do_raise(struct workspace *ws, struct ticket *t, struct doing *d)
{
    int to = (int)t->urgency + d->step->raise;

    if (to > URG_CRITICAL) to = URG_CRITICAL;
    if (to <= (int)t->urgency && !(d->step->narrow && to >= URG_LOW)) return;
    if (to == (int)t->urgency) return;
    t->urgency = (enum urgency)to;
    for (const struct hold *h = t->holds; h; h = h->next) roster_allow_over(ws, h->agent); /* it may stand on kept units now */
    ticket_due_from_sla(ws, t);
    d->changed = true;
}

static bool is_named(const struct workspace *ws, const struct words_list *names, const struct agent *a)
{
    for (uint32_t i = 0; i < names->count; i++) {
        int group = policy_group(ws->policy, str_of(names->v[i]));
        if (str_is(a->name, names->v[i]) || (group >= 0 && a->groups >> group & 1)) return true;
    }
    return false;
}

static struct str told(struct workspace *ws, const struct words_list *to, const char *text)
{
    struct jw w = jw_on(&ws->detail);

    buf_clear(&ws->detail);
    jw_open(&w, '{');
    jw_key(&w, "to"), jw_open(&w, '[');
    for (uint32_t i = 0; i < to->count; i++) jw_strz(&w, to->v[i]);
    jw_close(&w, ']');
    jw_key(&w, "text"), jw_strz(&w, text);
    jw_close(&w, '}');
    return ws->detail.err ? STR_NONE : buf_str(&ws->detail);
}

static void do_notify(struct workspace *ws, struct ticket *t, struct doing *d)
{
    const struct words_list *to = &d->step->notify;
    char text[160];

    snprintf(text, sizeof text, "%s of %.64s: %s for %llu s", d->cause, timeline_of(ws, t)->name, ticket_state_words.v[t->state],
             (unsigned long long)(ws->now - t->enqueued) / 1000);
    log_change(ws, .kind = ENTRY_NOTIFIED, .t = t, .cause = d->cause, .detail = told(ws, to, text));
    for (uint32_t i = 0; i < ws->roster.count; i++)
        if (ws->roster.v[i]->connected && is_named(ws, to, ws->roster.v[i])) change_offer(ws, t, ws->roster.v[i], "notice", text);
}

static void do_update(struct workspace *ws, struct ticket *t, struct doing *d)
{
    tell_customer(ws, t, d->policy, d->step->update, d->cause, -1);
}

/* Puts on record what the ticket asks for now, before it goes anywhere. */
static void record_change(struct workspace *ws, struct ticket *t, struct doing *d)
{
    if (!d->changed) return;
    log_change(ws, .kind = ENTRY_RELAXED, .t = t, .cause = d->cause, .detail = change_needs_told(ws, t));
    if (ticket_agent(t)) change_offer(ws, t, ticket_agent(t), "changed", d->cause);
    d->changed = false;
}

static void do_move(struct workspace *ws, struct ticket *t, struct doing *d)
{
    int to = d->step->move < 0 ? -1 : policy_queue(ws->policy, str_of(d->policy->queues[d->step->move].name));
    struct agent *had = ticket_agent(t);

    if (to < 0 || (uint32_t)to == t->queue) return;
    ticket_to_queue(ws, t, (uint32_t)to);
    if (t->state != TK_WAITING) naru_assert(!ticket_step(ws, t, EV_TRANSFER, NULL));
    log_change(ws, .kind = ENTRY_MOVED, .t = t, .agent = had, .cause = d->cause, .detail = change_needs_told(ws, t));
    if (had) change_offer(ws, t, had, "returned", d->cause);
}

static void do_callback(struct workspace *ws, struct ticket *t, struct doing *d)
{
    if (state_next(t->state, EV_SCHEDULE)) ticket_put_off(ws, t, callback_at(ws, d->policy, &d->step->callback), d->cause);
}

static void do_park(struct workspace *ws, struct ticket *t, struct doing *d)
{
    if (!state_next(t->state, EV_PARK)) return;
    naru_assert(!ticket_step(ws, t, EV_PARK, ticket_agent(t)));
    log_change(ws, .kind = ENTRY_PARKED, .t = t, .cause = d->cause);
    if (ticket_agent(t)) change_offer(ws, t, ticket_agent(t), "changed", "parked");
}

static void do_close(struct workspace *ws, struct ticket *t, struct doing *d)
{
    if (!state_next(t->state, EV_CANCEL)) return;
    ticket_end(ws, t, EV_CANCEL, d->step->close);
    d->ended = true;
}

typedef void action_fn(struct workspace *ws, struct ticket *t, struct doing *d);
static const struct {
    enum step_action bit;
    action_fn *fn;
} actions[] = {
    { STEP_NEEDS, do_needs },       { STEP_DROP, do_drop },     { STEP_ADD, do_widen },     { STEP_OFFER, do_widen },
    { STEP_RAISE, do_raise },       { STEP_NOTIFY, do_notify }, { STEP_UPDATE, do_update }, { STEP_MOVE, do_move },
    { STEP_CALLBACK, do_callback }, { STEP_PARK, do_park },     { STEP_CLOSE, do_close },
};

#define LEAVES (STEP_MOVE | STEP_CALLBACK | STEP_PARK | STEP_CLOSE)

/* False: the ticket has ended, and is freed. */
static bool take_step(struct workspace *ws, struct ticket *t, uint32_t index)
{
    struct doing d = { .policy = policy_ref(t->under ? t->under->policy : ws->policy),
                       .step = &timeline_of(ws, t)->timeline[index] };
    unsigned wanted = d.step->actions;

    snprintf(d.cause, sizeof d.cause, "step %u", index + 1);
    t->steps |= BIT(index);
    if (step_waits(d.step)) t->step_at = ws->now;
    change_touch(ws, t);
    waiting_leave(ws, t);
    for (size_t i = 0; i < sizeof actions / sizeof *actions && !d.ended; i++) {
        if (!(wanted & actions[i].bit)) continue;
        if (actions[i].bit & LEAVES) record_change(ws, t, &d);
        actions[i].fn(ws, t, &d);
    }
    if (!d.ended) record_change(ws, t, &d);
    if (!d.ended && t->state == TK_WAITING) waiting_again(ws, t);
    policy_unref(d.policy);
    return !d.ended;
}

bool steps_run(struct workspace *ws, struct ticket *t)
{
    uint32_t index;

    while (first_due(ws, t, &index) <= ws->now) /* moves have no ring, and each step is taken once */
        if (!take_step(ws, t, index)) return false;
    return true;
}
