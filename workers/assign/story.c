#include "workers/assign/story.h"

#include <stdlib.h>

/* One way back along the trail, from now to where it begins or to the ticket's first wait that is told. The rewind is asked about
   the ticket's line while the ticket waits, and about none in between.

   Read backwards, the end of a wait comes first: the hold that was added (whose it was is the winner), then the step out of the
   line. From there every step is looked at before it is undone: until then the counts were as they are now, so a span is closed;
   then what it did to those who could serve the ticket is noted. A step into the line ends the wait, unless the ticket left another
   line in the same instant: then only what it asks for has changed.

   Bounded: spans beyond SPANS_MAX take the place of the shortest, whose time the one behind it gets; of what others were given
   first the latest are told, and all are counted. */

struct going { /* what is known while going back */
    struct workspace *ws;
    struct story *story;
    struct rewind r;
    struct id id;
    struct wait *wait;              /* NULL: it does not wait here */
    uint64_t high;                  /* the end of the span under way */
    const struct trail_step *out;   /* the last step out of a line, of the wait: what its rank went by; NULL: it waits now */
    const struct trail_step *in;    /* the step into the line behind which we are, to see whether the wait goes on */
    const struct trail_step *added; /* the last step undone, where it gave somebody a ticket */
    struct moment *passed;          /* of `added`, where it passed over this ticket: the reason comes with the next step */
    uint32_t queue;
};

static bool is_mine(const struct going *g, const struct trail_step *s)
{
    return s->kind != TRAIL_READY && s->kind != TRAIL_SAID && s->kind != TRAIL_SPEC &&
           memcmp(s->ticket.b, g->id.b, sizeof g->id.b) == 0;
}

/* ---- spans ---- */

static bool same_counts(const uint32_t *a, const uint32_t *b) { return memcmp(a, b, FAILS_COUNT * sizeof *a) == 0; }

static void drop_shortest(struct wait *w)
{
    uint32_t at = 0;

    for (uint32_t i = 1; i < w->span_count; i++)
        if (w->spans[i].until - w->spans[i].at < w->spans[at].until - w->spans[at].at) at = i;
    if (at) w->spans[at - 1].at = w->spans[at].at; /* the later one begins when it did */
    else w->spans[1].until = w->spans[0].until;
    memmove(w->spans + at, w->spans + at + 1, (w->span_count - at - 1) * sizeof *w->spans);
    w->span_count--;
}

static void note_longest(struct going *g, uint64_t ms)
{
    struct wait *w = g->wait;

    if (w->until == UINT64_MAX || ms <= w->longest) return;
    w->longest = ms;
    nearest_find(&g->r, &w->nearest);
}

/* ---- the winner's own story ---- */

static struct change_wanted state_of(const struct rewind *r, uint32_t agent)
{
    struct change_wanted c = { .agent = agent, .said = r->agents[agent].said };
    enum fails f = r->agents[agent].fails;

    if (f < FAILS_fit && lack_of(r, agent, f, &c.lacks[0])) c.count = 1;
    return c;
}

static bool same_state(const struct change_wanted *a, const struct change_wanted *b)
{
    return a->count == b->count && (!a->count || (a->lacks[0].test == b->lacks[0].test && a->lacks[0].from == b->lacks[0].from));
}

static enum fails test_of(const struct own *o) { return o->state.count ? o->state.lacks[0].test : FAILS_fit; }

static bool last_state_is(const struct wait *w, const struct change_wanted *now)
{
    return w->own_count && same_state(&w->owns[w->own_count - 1].state, now);
}

/* What the winner was before a step at `at`: what is told last began there, unless it is the same. */
static void note_winner(struct going *g, uint64_t at)
{
    struct wait *w = g->wait;
    struct change_wanted now;

    if (w->winner == NONE || g->r.agents[w->winner].unknown) return;
    now = state_of(&g->r, w->winner);
    if (last_state_is(w, &now)) return;
    if (w->own_count) w->owns[w->own_count - 1].at = at;
    if (w->own_count > 1 && w->owns[w->own_count - 2].at == at) w->own_count--; /* it lasted no time */
    if (last_state_is(w, &now)) return;
    if (w->own_count == OWNS_MAX) w->own_count--; /* the earliest one is how it began */
    w->owns[w->own_count++] = (struct own){ .at = at, .ask = g->r.ask, .state = now };
}

/* ---- a span ends ---- */

/* The counts as they stand held from `from` until now in the story. */
static void close_span(struct going *g, uint64_t from)
{
    struct wait *w = g->wait;
    struct span *last = w->span_count ? &w->spans[w->span_count - 1] : NULL;

    if (from >= g->high) return;
    if (w->winner != NONE && w->own_count && test_of(&w->owns[w->own_count - 1]) != g->r.agents[w->winner].fails)
        note_winner(g, g->high); /* by no step of theirs: a gate has moved */
    note_longest(g, g->high - from);
    if (last && last->ask == g->r.ask && last->queue == g->queue && same_counts(last->could, g->r.could)) {
        last->at = from;
        memcpy(last->all, g->r.all, sizeof last->all); /* as it began */
    } else {
        if (w->span_count == SPANS_MAX) drop_shortest(w);
        last = &w->spans[w->span_count++];
        *last = (struct span){ .at = from, .until = g->high, .queue = g->queue, .ask = g->r.ask };
        memcpy(last->all, g->r.all, sizeof last->all);
        memcpy(last->could, g->r.could, sizeof last->could);
    }
    g->high = from;
}

/* ---- moments ---- */

static struct moment *moment(struct going *g, enum moment_kind kind, uint64_t at, uint32_t agent)
{
    struct wait *w = g->wait;
    uint32_t *n = kind == MOMENT_ASKS ? &w->asks : &w->passed, most = kind == MOMENT_ASKS ? ASKS_MAX : PASSES_MAX;
    struct moment *m;

    if (kind != MOMENT_FREED && (*n)++ >= most) return NULL;
    if (w->moment_count == MOMENTS_MAX) return NULL;
    m = &w->moments[w->moment_count++];
    *m = (struct moment){ .at = at, .kind = kind, .agent = agent, .text = (uint32_t)g->story->words.n };
    return m;
}

static void end_words(struct going *g, struct moment *m) { m->n = (uint32_t)g->story->words.n - m->text; }

static void add_name(struct going *g, uint32_t agent) { buf_addstr(&g->story->words, g->ws->roster.v[agent]->name); }

static void add_id(struct going *g, const struct id *id)
{
    char text[ID_TEXT + 1];

    buf_addz(&g->story->words, id_text(id, text));
}

/* How what was done by `s` made somebody ready. `after`: bits of enum ready behind it. */
static const char *became(const struct trail_step *s, uint8_t after)
{
    uint8_t came = after & (uint8_t)~s->ready, went = s->ready & (uint8_t)~after;

    if (came & READY_ONLINE) return " came online";
    if (came & READY_SAYS) return " became available";
    if (went & READY_LEAVING) return " was connected again";
    if (went & READY_OFF_SHIFT) return "'s shift began";
    if (went & READY_RAMP) return " had been online long enough for one more";
    if (went & READY_DAY) return "'s new day began";
    return " became ready";
}

static void freed(struct going *g, const struct trail_step *s, uint8_t after)
{
    static const char *const holds[] = {
        [HOLD_OWNER] = " ticket was over", [HOLD_OFFER] = " offer ended", [HOLD_CONSULT] = " part in a ticket ended"
    };
    struct buf *b = &g->story->words;
    struct moment *m = moment(g, MOMENT_FREED, s->at, s->a.agent);

    if (!m) return;
    add_name(g, s->a.agent);
    if (s->kind == TRAIL_READY) {
        buf_addz(b, became(s, after));
    } else {
        buf_addf(b, "'s %s%s", g->ws->channels[s->channel].name, s->how == TRAIL_CHANGED ? " ticket was parked" : holds[s->hold]);
        m->ticket = s->ticket;
    }
    end_words(g, m);
}

/* Somebody who could have had this ticket was given another. Why is told when the step behind it says what its rank went by. */
static void passed_over(struct going *g, const struct trail_step *s)
{
    struct moment *m = moment(g, MOMENT_PASSED, s->at, s->a.agent);

    g->added = s;
    g->passed = m;
    if (!m) return;
    add_name(g, s->a.agent);
    buf_addz(&g->story->words, " was free and was given ");
    add_id(g, &s->ticket);
    m->ticket = s->ticket;
    end_words(g, m);
}

static struct waits waits_at(const struct going *g, const struct trail_step *out)
{
    return (struct waits){ &g->ws->policy->queues[out->queue], out->urgency, out->t.enqueued, out->t.enqueued + out->t.due_in };
}

/* What the ticket's rank went by at the time. */
static struct waits my_waits(const struct going *g)
{
    const struct ticket *t = g->out ? NULL : ticket_find(g->ws, &g->id);

    if (t) return waits_of(g->ws, t);
    return waits_at(g, g->out);
}

/* By what the one went before the other; order.c decides it by one number, this tells the greatest part of it. */
static void says_rank(struct going *g, const struct waits *its, const struct waits *mine, uint64_t at)
{
    static const char *const is[] = { [RANK_CAPPED] = "it had reached its age cap",
                                      [RANK_IN_TIME] = "it was still in time",
                                      [RANK_LATE] = "it was late, and this one has more time left" };
    enum rank_class c = order_class(its, at), own = order_class(mine, at);
    struct buf *b = &g->story->words;

    if (order_key(its, at) >= order_key(mine, at)) {
        buf_addz(b, ": it was matched along with it, and they suit it better");
    } else if (c != own) {
        buf_addf(b, " first: %s (rank %s, and this one %s)", is[c], rank_class_words.v[c], rank_class_words.v[own]);
    } else if (c == RANK_IN_TIME && its->queue->order == ORDER_SLACK && its->due_at < mine->due_at) {
        buf_addz(b, " first: its deadline was ");
        says_span(b, mine->due_at - its->due_at);
        buf_addz(b, " earlier");
    } else if (its->enqueued < mine->enqueued) {
        buf_addz(b, " first: it had waited longer by ");
        says_span(b, mine->enqueued - its->enqueued);
    } else {
        buf_addz(b, " first: its urgency, its target or its queue's weight put it before this one");
    }
}

/* `s` is the step behind `added`: out of the line, when the matcher gave it; else somebody gave it by hand. */
static void explain_pass(struct going *g, const struct trail_step *s)
{
    bool matched = s->kind == TRAIL_OUT && memcmp(s->ticket.b, g->added->ticket.b, sizeof s->ticket.b) == 0;
    struct moment *m = g->passed;

    g->passed = NULL;
    if (!m) return;
    if (matched) {
        struct waits its = waits_at(g, s), mine = my_waits(g);
        says_rank(g, &its, &mine, s->at);
    } else {
        buf_addz(&g->story->words, g->added->hold == HOLD_OFFER ? " beside others it was offered to" : " by hand, or back in hand");
    }
    end_words(g, m);
}

/* ---- what the ticket asked for ---- */

static uint32_t needed(const struct line *l, uint32_t skill)
{
    for (uint32_t i = 0; i < l->needs.count; i++)
        if (l->needs.v[i].skill == skill) return l->needs.v[i].level;
    return 0;
}

static bool holds_back(const struct line *l, uint32_t agent)
{
    for (uint32_t i = 0; i < l->excluded_count; i++)
        if (l->excluded[i] == agent) return true;
    return false;
}

static const char *comma(struct buf *b, size_t from) { return b->n > from ? ", " : ""; }

static void says_levels(struct going *g, const struct line *was, const struct line *is, size_t from)
{
    struct buf *b = &g->story->words;

    for (uint32_t i = 0; i < was->needs.count; i++) {
        uint32_t now = needed(is, was->needs.v[i].skill);
        struct str name = space_skill(g->ws, was->needs.v[i].skill);
        if (now == was->needs.v[i].level) continue;
        if (now) buf_addf(b, "%sneeds %.*s %u → %u", comma(b, from), STR_FMT(name), was->needs.v[i].level, now);
        else buf_addf(b, "%sneeds %.*s no more", comma(b, from), STR_FMT(name));
    }
    for (uint32_t i = 0; i < is->needs.count; i++)
        if (!needed(was, is->needs.v[i].skill))
            buf_addf(b, "%sneeds %.*s %u too", comma(b, from), STR_FMT(space_skill(g->ws, is->needs.v[i].skill)),
                     is->needs.v[i].level);
}

static void says_held_back(struct going *g, const struct line *was, const struct line *is, size_t from)
{
    struct buf *b = &g->story->words;

    for (int came = 0; came < 2; came++) {
        const struct line *of = came ? is : was, *not_of = came ? was : is;
        for (uint32_t i = 0; i < of->excluded_count; i++)
            if (!holds_back(not_of, of->excluded[i]))
                buf_addf(b, came ? "%s%.*s is held back" : "%s%.*s may be asked again", comma(b, from),
                         STR_FMT(g->ws->roster.v[of->excluded[i]]->name));
    }
}

static void says_asked(struct going *g, const struct line *was, const struct line *is, size_t from)
{
    struct buf *b = &g->story->words;
    uint64_t more = 0;

    if (is->only && is->only != was->only) buf_addf(b, "%skept for %.*s alone", comma(b, from), STR_FMT(is->only->name));
    if (!is->only && was->only) buf_addf(b, "%snot kept for %.*s any more", comma(b, from), STR_FMT(was->only->name));
    if (is->favoured != was->favoured)
        buf_addf(b, is->favoured ? "%smay use units that are kept" : "%smay use no kept units", comma(b, from));
    for (uint32_t i = 0; i < is->tier_count; i++) more |= is->tiers[i];
    for (uint32_t i = 0; i < was->tier_count; i++) more &= ~was->tiers[i];
    if (!more || is->queue != was->queue) return;
    buf_addf(b, "%sasked too: ", comma(b, from));
    says_groups(g->ws, more, b);
}

/* The ticket left one line and came to another in one instant. */
static void asks_changed(struct going *g, const struct trail_step *out, const struct trail_step *in)
{
    struct buf *b = &g->story->words;
    size_t from = b->n;
    struct line was, is;
    struct moment *m;

    line_by_ask(g->ws, out->t.ask, &was);
    line_by_ask(g->ws, in->t.ask, &is);
    if (out->queue != in->queue)
        buf_addf(b, "moved from %s to %s", g->ws->policy->queues[out->queue].name, g->ws->policy->queues[in->queue].name);
    if (out->urgency != in->urgency)
        buf_addf(b, "%surgency %s → %s", comma(b, from), urgency_words.v[out->urgency], urgency_words.v[in->urgency]);
    says_levels(g, &was, &is, from);
    says_held_back(g, &was, &is, from);
    says_asked(g, &was, &is, from);
    if (b->n == from || !(m = moment(g, MOMENT_ASKS, in->at, NONE))) return;
    m->text = (uint32_t)from;
    end_words(g, m);
}

/* ---- the way back ---- */

static void begin_wait(struct going *g, uint64_t until, struct line_ask *ask, uint32_t queue)
{
    struct wait *w = &g->story->waits[g->story->count++];

    *w = (struct wait){ .until = until, .winner = NONE, .queue = queue };
    g->wait = w;
    g->queue = queue;
    rewind_ask(&g->r, ask);
}

/* A wait ends with a step out of the line; the hold behind it, undone just now, says to whom it went. */
static void wait_ended(struct going *g, const struct trail_step *s)
{
    const struct trail_step *a = g->added && is_mine(g, g->added) ? g->added : NULL;

    begin_wait(g, s->at, s->t.ask, s->queue);
    g->out = s;
    g->high = s->at;
    if (!a) return;
    g->wait->winner = a->a.agent;
    g->wait->seq = a->a.seq;
    rewind_clock(&g->r, s->at); /* a gate may have opened by then */
    note_winner(g, s->at);
    rewind_clock(&g->r, rewind_peek(&g->r) ? rewind_peek(&g->r)->at : g->ws->trail.since);
}

/* True: the ticket was in another line just before, and still waits. */
static bool goes_on(struct going *g, const struct trail_step *s)
{
    if (s->kind != TRAIL_OUT || s->at != g->in->at) return false;
    asks_changed(g, s, g->in);
    g->out = s;
    g->queue = s->queue;
    rewind_ask(&g->r, s->t.ask);
    note_winner(g, s->at);
    return true;
}

static void wait_begins_at(struct wait *w, uint64_t at)
{
    w->from = at;
    if (w->own_count) w->owns[w->own_count - 1].at = at;
}

/* A new policy puts all that wait into lines anew, in the first instant that is known: they have waited since before it. */
static void wait_began(struct going *g, const struct trail_step *in)
{
    wait_begins_at(g->wait, in->at);
    g->wait->begun = in->at > g->ws->trail.since || in->t.enqueued >= in->at;
    g->wait = NULL;
    g->in = NULL;
    rewind_ask(&g->r, NULL);
}

/* A step of the ticket itself, undone already. False: all that is told has been found. */
static bool my_step(struct going *g, const struct trail_step *s)
{
    if (g->in) {
        bool on = goes_on(g, s);
        if (!on) wait_began(g, g->in);
        g->in = NULL;
        if (on) return true;
    }
    if (s->kind == TRAIL_IN && g->wait) g->in = s;
    else if (s->kind == TRAIL_OUT && g->story->count == WAITS_MAX) return g->story->more = true, false;
    else if (s->kind == TRAIL_OUT) wait_ended(g, s);
    return true;
}

static void look_at_agent(struct going *g, const struct trail_step *s, uint8_t after, uint8_t ready_after)
{
    const struct then_agent *t = &g->r.agents[s->a.agent];
    bool serves = t->bars == FAILS_fit || t->bars == FAILS_backoff, mine = is_mine(g, s);

    if (s->a.agent == g->wait->winner) {
        bool came_free = after == FAILS_fit && t->fails != FAILS_fit && t->fails != FAILS_COUNT;
        if (came_free && g->wait->own_count == 1) freed(g, s, ready_after);
        note_winner(g, s->at);
    }
    if (serves && !mine && s->kind == TRAIL_HELD && s->how == TRAIL_ADDED && t->fails == FAILS_fit && after != FAILS_fit)
        passed_over(g, s);
}

static bool undo(struct going *g)
{
    const struct trail_step *s = rewind_peek(&g->r);
    bool of_agent = s->kind != TRAIL_IN && s->kind != TRAIL_OUT, waits = g->wait && !g->in;
    uint8_t after = FAILS_COUNT, ready = 0;

    if (waits) close_span(g, s->at);
    if (of_agent) after = g->r.agents[s->a.agent].fails, ready = g->r.agents[s->a.agent].ready;
    (void)rewind_step(&g->r);
    if (g->passed) explain_pass(g, s);
    if (waits && of_agent) look_at_agent(g, s, after, ready);
    if (is_mine(g, s) && !my_step(g, s)) return false;
    g->added = s->kind == TRAIL_HELD && s->how == TRAIL_ADDED ? s : NULL;
    return true;
}

/* What is left when the trail ends within a wait. */
static void end_of_trail(struct going *g)
{
    if (g->passed) end_words(g, g->passed);
    if (!g->wait) return;
    if (g->in) {
        wait_began(g, g->in);
        return;
    }
    close_span(g, g->ws->trail.since);
    wait_begins_at(g->wait, g->ws->trail.since);
}

enum err story_find(struct story *s, struct workspace *ws, const struct id *ticket)
{
    const struct ticket *t = ticket_find(ws, ticket);
    struct going g = { .ws = ws, .story = s, .id = *ticket, .high = ws->now };
    uint32_t channel = t ? t->channel : NONE;
    enum err e;

    *s = (struct story){ .count = 0 };
    for (uint64_t i = ws->trail.head; channel == NONE && i > ws->trail.from; i--) {
        const struct trail_step *x = trail_at(&ws->trail, i - 1);
        if (is_mine(&g, x)) channel = x->channel;
    }
    buf_init(&s->words, 262144);
    if (channel == NONE) return ERR_OK; /* nothing is known of it */
    if ((e = rewind_begin(&g.r, ws, channel))) return e;
    if (t && t->line) {
        begin_wait(&g, UINT64_MAX, t->line->ask, t->queue);
        nearest_find(&g.r, &g.wait->nearest);
    }
    while (rewind_peek(&g.r) && undo(&g))
        ;
    end_of_trail(&g);
    rewind_fini(&g.r);
    return ERR_OK;
}

void story_fini(struct story *s) { buf_fini(&s->words); }
