#include "workers/assign/story.h"

/* The waits of a ticket as JSON, the earliest first; every part with a sentence (`says`) that can be read alone, so that a page has
   to put times before them and nothing else. Names of agents, groups and skills are those of the policy in use. */

static const char *const edges[] = { [TRAIL_BEGAN] = "leader", [TRAIL_POLICY] = "policy", [TRAIL_FULL] = "full" };

/* ---- how many failed which test ---- */

typedef void more_fn(const struct workspace *ws, const struct line *l, struct buf *b);

static void more_needs(const struct workspace *ws, const struct line *l, struct buf *b)
{
    buf_addc(b, ' ');
    says_needs(ws, l, b);
}

static void more_only(const struct workspace *ws, const struct line *l, struct buf *b)
{
    (void)ws;
    buf_addc(b, ' ');
    if (l->only) buf_addstr(b, l->only->name);
}

static void more_groups(const struct workspace *ws, const struct line *l, struct buf *b)
{
    uint64_t groups = 0;

    for (uint32_t i = 0; i < l->tier_count; i++) groups |= l->tiers[i];
    buf_addz(b, " (");
    says_groups(ws, groups, b);
    buf_addc(b, ')');
}

static void more_cost(const struct workspace *ws, const struct line *l, struct buf *b)
{
    buf_addf(b, " (%s costs %u)", ws->channels[l->channel].name, ws->channels[l->channel].cost);
}

static void more_channel(const struct workspace *ws, const struct line *l, struct buf *b)
{
    buf_addf(b, " %s", ws->channels[l->channel].name);
}

/* "3 lack billing 5" */
static const struct {
    const char *one, *many; /* behind their number; many NULL: as one */
    more_fn *more;          /* behind that, or NULL */
} fails_says[FAILS_COUNT] = {
    [FAILS_offline] = { .one = "offline" },
    [FAILS_away] = { .one = "away" },
    [FAILS_off_shift] = { .one = "outside their shift" },
    [FAILS_skills] = { "lacks", "lack", more_needs },
    [FAILS_backoff] = { .one = "held back (declined, missed or gave it back)" },
    [FAILS_only] = { .one = "not asked, it is kept for", .more = more_only },
    [FAILS_bot] = { "a bot, and it is for people", "bots, and it is for people", NULL },
    [FAILS_groups] = { .one = "outside its groups", .more = more_groups },
    [FAILS_capacity] = { .one = "short of units", .more = more_cost },
    [FAILS_keep] = { .one = "with no units but those that are kept" },
    [FAILS_channel_max] = { .one = "at their maximum of", .more = more_channel },
    [FAILS_exclusive] = { .one = "busy with what goes alone" },
    [FAILS_gate] = { .one = "behind a gate" },
    [FAILS_ramp] = { .one = "given no more so soon after coming online" },
    [FAILS_daily] = { .one = "at their most of the day" },
    [FAILS_fit] = { .one = "free" },
};

static void says_fails(const struct workspace *ws, const struct line *l, enum fails f, uint32_t n, struct buf *b)
{
    const char *one = fails_says[f].one, *many = fails_says[f].many;

    if (f == FAILS_skills && l->needs.count > 1) one = "does not have all of", many = "do not have all of";
    buf_addf(b, "%u %s", n, n > 1 && many ? many : one);
    if (fails_says[f].more) fails_says[f].more(ws, l, b);
}

static void says_counts(const struct workspace *ws, const struct span *s, struct buf *b)
{
    struct line l;
    const char *between = "";

    line_by_ask(ws, s->ask, &l);
    for (uint32_t f = 0; f < FAILS_COUNT; f++) {
        if (!s->all[f]) continue;
        buf_addz(b, between);
        says_fails(ws, &l, f, s->all[f], b);
        between = ", ";
    }
    if (!*between) buf_addz(b, "there were no agents");
}

static void tell_span(const struct workspace *ws, const struct span *s, struct jw *w)
{
    struct buf b;

    buf_init(&b, 16384);
    jw_open(w, '{');
    jw_time(w, "at", s->at);
    jw_key(w, "ms"), jw_u64(w, s->until - s->at);
    jw_key(w, "queue"), jw_strz(w, ws->policy->queues[s->queue].name);
    jw_key(w, "free"), jw_u64(w, s->all[FAILS_fit]);
    jw_key(w, "failed"), jw_open(w, '{');
    for (uint32_t f = 0; f < FAILS_fit; f++)
        if (s->all[f]) jw_key(w, fails_word(f)), jw_u64(w, s->all[f]);
    jw_close(w, '}');
    buf_addz(&b, "for "), says_span(&b, s->until - s->at), buf_addz(&b, ": ");
    says_counts(ws, s, &b);
    jw_key(w, "says"), jw_str(w, buf_str(&b));
    jw_close(w, '}');
    buf_fini(&b);
}

/* ---- the winner ---- */

static void tell_own(const struct workspace *ws, const struct own *o, struct jw *w)
{
    struct line l;
    struct buf b;

    buf_init(&b, 4096);
    line_by_ask(ws, o->ask, &l);
    jw_open(w, '{');
    jw_time(w, "at", o->at);
    jw_key(w, "test"), jw_strz(w, o->state.count ? fails_word(o->state.lacks[0].test) : "fit");
    says_own(ws, &l, &o->state, true, &b);
    jw_key(w, "says"), jw_str(w, buf_str(&b));
    jw_close(w, '}');
    buf_fini(&b);
}

static void tell_moment(const struct workspace *ws, const struct story *s, const struct moment *m, struct jw *w)
{
    static const char *const kinds[] = { [MOMENT_ASKS] = "changed", [MOMENT_PASSED] = "given_first", [MOMENT_FREED] = "freed" };
    char id[ID_TEXT + 1];

    jw_open(w, '{');
    jw_time(w, "at", m->at);
    jw_key(w, "kind"), jw_strz(w, kinds[m->kind]);
    if (m->agent != NONE) jw_key(w, "agent"), jw_str(w, ws->roster.v[m->agent]->name);
    if (!id_is_none(&m->ticket)) jw_key(w, "ticket"), jw_strz(w, id_text(&m->ticket, id));
    jw_key(w, "says"), jw_str(w, (struct str){ s->words.p + m->text, m->n });
    jw_close(w, '}');
}

/* ---- a wait ---- */

static void tell_lists(const struct workspace *ws, const struct story *s, const struct wait *x, struct jw *w)
{
    jw_key(w, "spans"), jw_open(w, '[');
    for (uint32_t i = x->span_count; i--;) tell_span(ws, &x->spans[i], w);
    jw_close(w, ']');
    jw_key(w, "moments"), jw_open(w, '[');
    for (uint32_t i = x->moment_count; i--;) tell_moment(ws, s, &x->moments[i], w);
    jw_close(w, ']');
    if (x->winner == NONE) return;
    jw_key(w, "winner"), jw_open(w, '[');
    for (uint32_t i = x->own_count; i--;) tell_own(ws, &x->owns[i], w);
    jw_close(w, ']');
}

static void tell_wait(const struct workspace *ws, const struct story *s, const struct wait *x, struct jw *w)
{
    bool now = x->until == UINT64_MAX;

    jw_open(w, '{');
    jw_time(w, "since", x->from);
    if (!now) jw_time(w, "until", x->until);
    jw_key(w, "ms"), jw_u64(w, (now ? ws->now : x->until) - x->from);
    jw_key(w, "whole"), jw_bool(w, x->begun);
    jw_key(w, "queue"), jw_strz(w, ws->policy->queues[x->queue].name);
    if (x->winner != NONE) {
        jw_key(w, "agent"), jw_str(w, ws->roster.v[x->winner]->name);
        jw_key(w, "entry"), jw_u64(w, x->seq);
    }
    jw_key(w, "given_first"), jw_u64(w, x->passed);
    tell_lists(ws, s, x, w);
    if (now || x->longest) nearest_tell(ws, &x->nearest, !now, w);
    jw_close(w, '}');
}

void story_tell(struct workspace *ws, const struct story *s, struct jw *w)
{
    jw_time(w, "known_from", ws->trail.since);
    jw_key(w, "known_because"), jw_strz(w, edges[ws->trail.edge]);
    jw_key(w, "waits"), jw_open(w, '[');
    for (uint32_t i = s->count; i--;) tell_wait(ws, s, &s->waits[i], w);
    jw_close(w, ']');
}
