#include "workers/assign/nearest.h"

/* HOW SMALL a change is: first by the number of tests that are failed, then by the sum of what each is worth (`sizes`): what passes
   by itself or is a matter of one ticket before what somebody has to decide, and a level or a few units before somebody who is not
   there. The amounts count within a test: ten for a level, and the share of the units that is missing.

   Changes that are the same for several agents are told once, with the one who needs the least of it. */

#define SKILL_LEVEL 10u
#define NO_SKILL    30u  /* somebody has to learn it */
#define TOO_SMALL   200u /* a capacity below the cost of a single ticket */

static const uint16_t sizes[FAILS_COUNT] = {
    [FAILS_capacity] = 5,   [FAILS_channel_max] = 12, [FAILS_keep] = 12,   [FAILS_exclusive] = 15, [FAILS_gate] = 15,
    [FAILS_ramp] = 15,      [FAILS_daily] = 15,       [FAILS_only] = 18,   [FAILS_backoff] = 18,   [FAILS_away] = 20,
    [FAILS_off_shift] = 25, [FAILS_offline] = 30,     [FAILS_groups] = 30, [FAILS_bot] = 40,
};

/* ---- what one agent lacks ---- */

static uint32_t level_of(const struct workspace *ws, uint32_t skill, uint32_t agent)
{
    const uint8_t *col = skill < ws->roster.level_room ? ws->roster.level[skill] : NULL;

    return col ? col[agent] : 0;
}

static bool skipped(const struct line *l, enum skip check) { return l->only && (l->only_skip >> check & 1); }

static bool is_excluded(const struct line *l, uint32_t agent)
{
    for (uint32_t i = 0; i < l->excluded_count; i++)
        if (l->excluded[i] == agent) return true;
    return false;
}

static bool outside_groups(const struct rewind *r, uint32_t agent)
{
    const struct line *l = &r->line;

    return l->tier_count && !skipped(l, SKIP_GROUPS) && line_tier(l, r->ws->roster.v[agent]->groups) == l->tier_count;
}

static void add(struct change_wanted *c, struct lack lack, uint32_t size)
{
    if (c->count < LACKS_MAX) c->lacks[c->count] = lack;
    c->count++;
    c->size += size;
}

static void add_plain(struct change_wanted *c, enum fails test) { add(c, (struct lack){ .test = (uint8_t)test }, sizes[test]); }

/* Nobody watches the shifts of who is offline, so theirs is looked up. */
static bool outside_shift(const struct rewind *r, uint32_t agent)
{
    const struct policy *p = r->ws->policy;
    int shift = r->ws->roster.v[agent]->shift;
    uint64_t next;

    if (r->agents[agent].ready & READY_ONLINE) return r->agents[agent].ready & READY_OFF_SHIFT;
    return shift >= 0 && (uint32_t)shift < p->hours_count && !hours_open(&p->hours[shift], r->now, &next);
}

/* Coming online is not enough outside one's shift, so that is told as well. */
static void add_presence(const struct rewind *r, struct change_wanted *c)
{
    uint8_t ready = r->agents[c->agent].ready;

    if (!(ready & READY_ONLINE)) add_plain(c, FAILS_offline);
    else if (!(ready & READY_SAYS) || ready & READY_LEAVING) add_plain(c, FAILS_away);
    if (outside_shift(r, c->agent)) add_plain(c, FAILS_off_shift);
}

static void add_skills(const struct rewind *r, struct change_wanted *c)
{
    const struct needs *n = &r->line.needs;

    for (uint32_t i = 0; i < n->count && !skipped(&r->line, SKIP_SKILLS); i++) {
        uint32_t level = level_of(r->ws, n->v[i].skill, c->agent), asked = n->v[i].level;
        if (level >= asked) continue;
        add(c, (struct lack){ .test = FAILS_skills, .skill = n->v[i].skill, .from = asked, .to = level },
            level ? (asked - level) * SKILL_LEVEL : NO_SKILL + asked * SKILL_LEVEL);
    }
}

static void add_asked(const struct rewind *r, struct change_wanted *c)
{
    const struct line *l = &r->line;

    if (is_excluded(l, c->agent)) add_plain(c, FAILS_backoff);
    if (l->only && l->only->index != c->agent) add_plain(c, FAILS_only);
    if (l->no_bots && r->ws->roster.v[c->agent]->bot) add_plain(c, FAILS_bot);
    if (outside_groups(r, c->agent)) add_plain(c, FAILS_groups);
}

static void add_units(const struct rewind *r, struct change_wanted *c)
{
    const struct agent *a = r->ws->roster.v[c->agent];
    uint32_t used = r->agents[c->agent].load.used, cost = capacity_cost(r->ws, a, r->channel),
             keep = r->ws->policy->capacity.keep_units;
    uint32_t left = a->capacity > used ? a->capacity - used : 0;

    if (left < cost)
        add(c, (struct lack){ .test = FAILS_capacity, .from = left, .to = cost },
            cost > a->capacity ? TOO_SMALL : sizes[FAILS_capacity] + (cost - left) * 20 / cost);
    else if (!r->line.favoured && left < cost + keep)
        add(c, (struct lack){ .test = FAILS_keep, .from = left, .to = cost + keep }, sizes[FAILS_keep]);
}

static void add_room(const struct rewind *r, struct change_wanted *c)
{
    const struct agent *a = r->ws->roster.v[c->agent];
    const struct then_agent *t = &r->agents[c->agent];
    uint32_t most = capacity_max(r->ws, a, r->channel);
    bool alone = r->ws->channels[r->channel].exclusive == EXCLUSIVE_ALONE;

    add_units(r, c);
    if (t->load.count >= most)
        add(c, (struct lack){ .test = FAILS_channel_max, .from = most, .to = t->load.count + 1 }, sizes[FAILS_channel_max]);
    if (t->ready & READY_RAMP) add_plain(c, FAILS_ramp);
    if (t->ready & READY_DAY) add_plain(c, FAILS_daily);
    if (t->load.exclusive || (alone && t->load.in_hand)) add_plain(c, FAILS_exclusive);
    if (gate_stops(r->ws, &r->gates, c->agent)) add_plain(c, FAILS_gate);
}

static struct change_wanted lacks_of(const struct rewind *r, uint32_t agent)
{
    struct change_wanted c = { .agent = agent, .said = r->agents[agent].said };

    add_presence(r, &c);
    add_skills(r, &c);
    add_asked(r, &c);
    add_room(r, &c);
    return c;
}

bool lack_of(const struct rewind *r, uint32_t agent, enum fails test, struct lack *out)
{
    struct change_wanted c = lacks_of(r, agent);

    for (uint32_t i = 0; i < c.count && i < LACKS_MAX; i++)
        if (c.lacks[i].test == test) return *out = c.lacks[i], true;
    return false;
}

/* ---- the smallest ---- */

static bool same_change(const struct change_wanted *a, const struct change_wanted *b)
{
    if (a->count != b->count) return false;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct lack *x = &a->lacks[i], *y = &b->lacks[i];
        if (x->test != y->test || x->skill != y->skill || (x->test == FAILS_skills && x->to != y->to)) return false;
    }
    return true;
}

static bool smaller(const struct change_wanted *a, const struct change_wanted *b)
{
    return a->count != b->count ? a->count < b->count : a->size < b->size;
}

static void keep_smallest(struct nearest *n, const struct change_wanted *c)
{
    uint32_t i = 0, alike = 0;

    while (i < n->count && !same_change(&n->v[i], c)) i++;
    if (i < n->count) {
        alike = n->v[i].alike + 1;
        if (!smaller(c, &n->v[i])) {
            n->v[i].alike = alike;
            return;
        }
    } else if (n->count < NEAREST_MAX) {
        i = n->count++;
    } else if (!smaller(c, &n->v[--i])) {
        return;
    }
    for (; i && smaller(c, &n->v[i - 1]); i--) n->v[i] = n->v[i - 1];
    n->v[i] = *c;
    n->v[i].alike = alike;
}

/* Whatever they are doing, and however long one waits. */
static bool could_ever(const struct rewind *r, const struct change_wanted *c)
{
    const struct agent *a = r->ws->roster.v[c->agent];

    if (c->count > LACKS_MAX) return false;
    for (uint32_t i = 0; i < c->count; i++)
        if (c->lacks[i].test == FAILS_skills || c->lacks[i].test == FAILS_groups || c->lacks[i].test == FAILS_bot) return false;
    return capacity_cost(r->ws, a, r->channel) <= a->capacity;
}

void nearest_find(const struct rewind *r, struct nearest *out)
{
    *out = (struct nearest){ .at = r->now, .never = true, .line = r->line };
    for (uint32_t i = 0; i < r->ws->roster.count; i++) {
        if (r->agents[i].unknown || !(r->agents[i].ready & READY_KNOWN)) continue;
        struct change_wanted c = lacks_of(r, i);
        if (could_ever(r, &c)) out->never = false;
        if (c.count && c.count <= LACKS_MAX) keep_smallest(out, &c);
    }
}

/* ---- as sentences ---- */

void says_needs(const struct workspace *ws, const struct line *l, struct buf *b)
{
    for (uint32_t i = 0; i < l->needs.count; i++) {
        if (i) buf_addz(b, i + 1 == l->needs.count ? " and " : ", ");
        buf_addstr(b, space_skill(ws, l->needs.v[i].skill));
        buf_addf(b, " %u", l->needs.v[i].level);
    }
}

void says_groups(const struct workspace *ws, uint64_t groups, struct buf *b)
{
    const char *between = "";

    for (; groups; groups &= groups - 1, between = ", ")
        buf_addf(b, "%s%s", between, ws->policy->groups[__builtin_ctzll(groups)].name);
}

void says_span(struct buf *b, uint64_t ms)
{
    static const struct {
        uint64_t ms;
        const char *unit;
    } units[] = { { 86400000, "d" }, { 3600000, "h" }, { 60000, "min" }, { 1000, "s" } };
    unsigned told = 0;

    if (ms < 1000) buf_addu(b, ms), buf_addz(b, " ms"), told = 2;
    for (size_t i = 0; i < sizeof units / sizeof *units && told < 2; i++) {
        uint64_t n = ms / units[i].ms;
        if (!n && !told) continue;
        if (n) buf_addf(b, "%s%llu %s", told ? " " : "", (unsigned long long)n, units[i].unit);
        ms %= units[i].ms;
        told++;
    }
}

static uint64_t all_tiers(const struct line *l)
{
    uint64_t groups = 0;

    for (uint32_t i = 0; i < l->tier_count; i++) groups |= l->tiers[i];
    return groups;
}

/* "the gate of group backup opens when more than 5 wait, or the oldest has waited 45 s": the first one that stops them. */
static void says_gate(const struct workspace *ws, const struct line *l, uint64_t groups, struct buf *b)
{
    const struct queue *q = &ws->policy->queues[l->queue];

    for (uint32_t i = 0; i < q->gate_count; i++) {
        const struct gate *g = &q->gates[i];
        bool waits = g->waiting_over != UINT32_MAX, age = g->age_ms != UINT32_MAX;
        if (!(groups >> g->group & 1)) continue;
        buf_addf(b, "the gate of group %s opens when ", ws->policy->groups[g->group].name);
        if (waits) buf_addf(b, "more than %u wait", g->waiting_over);
        if (age) buf_addz(b, waits ? ", or the oldest has waited " : "the oldest has waited "), says_span(b, g->age_ms);
        if (g->reserve) buf_addf(b, "%smore than %u of it are idle", waits || age ? ", while " : "", g->reserve);
        return;
    }
    buf_addz(b, "a gate is closed");
}

/* " (lunch)" */
static void says_reason(const struct workspace *ws, const struct change_wanted *c, struct buf *b)
{
    const char *text = c->said ? (const char *)c->said->b : ws->roster.v[c->agent]->reason;

    if (*text) buf_addf(b, " (%s)", text);
}

/* One test, to follow the agent's name: "had 20 units free of 30". */
static void says_state(const struct workspace *ws, const struct line *l, const struct change_wanted *c, const struct lack *x,
                       bool past, struct buf *b)
{
    const char *is = past ? "was" : "is", *has = past ? "had" : "has", *channel = ws->channels[l->channel].name;
    uint32_t capacity = ws->roster.v[c->agent]->capacity;

    switch ((enum fails)x->test) {
    case FAILS_offline: buf_addf(b, "%s offline", is); break;
    case FAILS_away: buf_addf(b, "%s away", is), says_reason(ws, c, b); break;
    case FAILS_off_shift: buf_addf(b, "%s outside their shift", is); break;
    case FAILS_skills: buf_addf(b, "%s %.*s %u of %u", has, STR_FMT(space_skill(ws, x->skill)), x->to, x->from); break;
    case FAILS_backoff: buf_addf(b, "%s held back: they had declined, missed or given it back", is); break;
    case FAILS_only:
        buf_addf(b, "%s not asked: it %s kept for ", is, is);
        if (l->only) buf_addstr(b, l->only->name);
        break;
    case FAILS_bot: buf_addf(b, "is a bot, and it %s for people", is); break;
    case FAILS_groups:
        buf_addz(b, "is in none of its groups (");
        says_groups(ws, all_tiers(l), b);
        buf_addc(b, ')');
        break;
    case FAILS_capacity:
        if (x->to > capacity) buf_addf(b, "has a capacity of %u, and %s costs %u", capacity, channel, x->to);
        else buf_addf(b, "%s %u units free of %u", has, x->from, x->to);
        break;
    case FAILS_keep:
        buf_addf(b, "%s %u units free, and the last %u are kept", has, x->from, ws->policy->capacity.keep_units);
        break;
    case FAILS_channel_max: buf_addf(b, "%s %u %s, the maximum", has, x->to - 1, channel); break;
    case FAILS_exclusive: buf_addf(b, "%s busy with what goes alone", is); break;
    case FAILS_gate: buf_addf(b, "%s behind a gate: ", is), says_gate(ws, l, ws->roster.groups[c->agent], b); break;
    case FAILS_ramp: buf_addf(b, "%s given no more so soon after coming online", is); break;
    case FAILS_daily: buf_addf(b, "%s had their most of the day", has); break;
    default: buf_addf(b, "%s free", is); break;
    }
}

static void says_states(const struct workspace *ws, const struct line *l, const struct change_wanted *c, bool past, struct buf *b)
{
    for (uint32_t i = 0; i < c->count && i < LACKS_MAX; i++) {
        if (i) buf_addz(b, ", and ");
        says_state(ws, l, c, &c->lacks[i], past, b);
    }
}

void says_own(const struct workspace *ws, const struct line *l, const struct change_wanted *c, bool past, struct buf *b)
{
    static const struct lack none = { .test = FAILS_fit };

    buf_addstr(b, ws->roster.v[c->agent]->name);
    if (c->count) buf_addc(b, ' '), says_states(ws, l, c, past, b);
    if (!c->count) buf_addc(b, ' '), says_state(ws, l, c, &none, past, b);
}

/* What to change, before ": minji"; false: it is told as the state of somebody. */
static bool says_remedy(const struct workspace *ws, const struct line *l, const struct change_wanted *c, struct buf *b)
{
    const struct lack *x = &c->lacks[0];

    if (c->count != 1) return false;
    if (x->test == FAILS_skills && x->to) buf_addf(b, "%.*s %u → %u", STR_FMT(space_skill(ws, x->skill)), x->from, x->to);
    else if (x->test == FAILS_skills) buf_addf(b, "%.*s %u dropped, or learnt", STR_FMT(space_skill(ws, x->skill)), x->from);
    else if (x->test == FAILS_channel_max) buf_addf(b, "one more %s, maximum %u", ws->channels[l->channel].name, x->from);
    else if (x->test == FAILS_gate) says_gate(ws, l, ws->roster.groups[c->agent], b);
    else return false;
    return true;
}

static void says_change(const struct workspace *ws, const struct line *l, const struct change_wanted *c, bool past, struct buf *b)
{
    bool remedy = says_remedy(ws, l, c, b);

    buf_addz(b, remedy ? ": " : "");
    buf_addstr(b, ws->roster.v[c->agent]->name);
    if (!remedy) buf_addz(b, ", who "), says_states(ws, l, c, past, b);
    if (c->alike) buf_addf(b, remedy ? " and %u more" : " (%u more alike)", c->alike);
}

/* ---- nobody ever ---- */

/* Of all known agents: the highest level, and who has it. */
static uint32_t highest(const struct workspace *ws, uint32_t skill, uint32_t *who)
{
    uint32_t most = 0;

    for (uint32_t i = 0; i < ws->roster.count; i++)
        if (ws->roster.v[i]->known && level_of(ws, skill, i) > most) most = level_of(ws, skill, i), *who = i;
    return most;
}

/* True: there is a need that nobody meets, and it is told. */
static bool says_unmet(const struct workspace *ws, const struct line *l, struct buf *b)
{
    bool any = false;

    for (uint32_t i = 0; i < l->needs.count; i++) {
        uint32_t who = 0, most = highest(ws, l->needs.v[i].skill, &who);
        struct str name = space_skill(ws, l->needs.v[i].skill);
        if (most >= l->needs.v[i].level) continue;
        if (any) buf_addz(b, "; ");
        any = true;
        if (!most) buf_addf(b, "nobody knows %.*s: add the skill to somebody, or drop it by a step", STR_FMT(name));
        else
            buf_addf(b, "nobody has %.*s %u: the most is %u (%.*s)", STR_FMT(name), l->needs.v[i].level, most,
                     STR_FMT(ws->roster.v[who]->name));
    }
    return any;
}

static bool anybody_skilled(const struct workspace *ws, const struct line *l)
{
    for (uint32_t i = 0; i < ws->roster.count; i++) {
        uint32_t k = 0;
        while (k < l->needs.count && level_of(ws, l->needs.v[k].skill, i) >= l->needs.v[k].level) k++;
        if (ws->roster.v[i]->known && k == l->needs.count) return true;
    }
    return false;
}

static void says_never(const struct workspace *ws, const struct line *l, struct buf *b)
{
    if (says_unmet(ws, l, b)) return;
    if (!anybody_skilled(ws, l)) {
        buf_addz(b, ws->roster.count ? "nobody has all of " : "there are no agents");
        if (ws->roster.count) says_needs(ws, l, b);
    } else if (l->tier_count) {
        buf_addz(b, "nobody with the skills and the capacity is in its groups (");
        says_groups(ws, all_tiers(l), b);
        buf_addc(b, ')');
    } else {
        buf_addf(b, "nobody with the skills has the capacity that one %s costs, or may be asked", ws->channels[l->channel].name);
    }
}

/* ---- as JSON ---- */

static void tell_lack(const struct workspace *ws, const struct lack *x, struct jw *w)
{
    jw_open(w, '{');
    jw_key(w, "test"), jw_strz(w, fails_word(x->test));
    if (x->test == FAILS_skills) jw_key(w, "skill"), jw_str(w, space_skill(ws, x->skill));
    if (x->from || x->to) {
        jw_key(w, "from"), jw_u64(w, x->from);
        jw_key(w, "to"), jw_u64(w, x->to);
    }
    jw_close(w, '}');
}

static void tell_change(const struct workspace *ws, const struct line *l, const struct change_wanted *c, bool past, struct jw *w)
{
    struct buf b;

    buf_init(&b, 4096);
    jw_open(w, '{');
    jw_key(w, "agent"), jw_str(w, ws->roster.v[c->agent]->name);
    if (c->alike) jw_key(w, "alike"), jw_u64(w, c->alike);
    jw_key(w, "lacks"), jw_open(w, '[');
    for (uint32_t i = 0; i < c->count && i < LACKS_MAX; i++) tell_lack(ws, &c->lacks[i], w);
    jw_close(w, ']');
    says_change(ws, l, c, past, &b);
    jw_key(w, "says"), jw_str(w, buf_str(&b));
    jw_close(w, '}');
    buf_fini(&b);
}

void nearest_tell(const struct workspace *ws, const struct nearest *n, bool past, struct jw *w)
{
    struct buf b;

    buf_init(&b, 8192);
    jw_key(w, "smallest_change"), jw_open(w, '{');
    jw_key(w, "never"), jw_bool(w, n->never);
    if (n->never) says_never(ws, &n->line, &b), jw_key(w, "says"), jw_str(w, buf_str(&b));
    jw_key(w, "changes"), jw_open(w, '[');
    for (uint32_t i = 0; i < n->count; i++) tell_change(ws, &n->line, &n->v[i], past, w);
    jw_close(w, ']');
    jw_close(w, '}');
    buf_fini(&b);
}
