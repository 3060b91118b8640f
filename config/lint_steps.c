/* What can be said of timelines: each step beside those before it in the same queue.

   A step widens: it lowers or drops needs, adds groups, offers to more at once. What would ask for more than before is refused
   unless the step says `narrow: yes`; what changes nothing is warned of. The walk keeps how far the steps before have gone: the
   level of each need of the queue (0: dropped), the groups that are asked (0: everybody), how many are asked at once. Rules may add
   needs of their own (`asked`), so lowering one that only rules name is widening too.

   Each step has its own time, so the walk goes by time, a share taken of the target of normal urgency, and by the order written
   among equals; steps that run while an agent has the ticket come last. What is said of a step that is never taken does not rest
   on that: it compares shares with shares and times with times. */
#include "base/limits.h"
#include "config/lint.h"

#include <stdlib.h>

struct walk {
    struct bind *b;
    const struct map *asked; /* needs that rules may add: name → highest level */
    const struct crew *crew; /* or NULL */
    const struct policy *p;
    const struct queue *q;
    uint32_t *level; /* of q->needs[i] as far as the steps before have lowered it; 0: dropped */
    uint64_t groups;
    uint32_t at_once;
    bool narrows; /* the step at hand asks for more somewhere */
};

static uint32_t *own_level(const struct walk *w, const char *name)
{
    for (uint32_t i = 0; i < w->q->needs.count; i++)
        if (!strcmp(w->q->needs.v[i].name, name)) return &w->level[i];
    return NULL;
}

/* ---- needs ---- */

static void check_narrowing(struct walk *w, const struct step *step, const struct skill *s, uint32_t before, const struct ynode *at)
{
    w->narrows = true;
    if (step->narrow || !at) return;
    if (before)
        findings_at(w->b->f, F_ERROR, at,
                    "asks for more than before: \"%s\" is needed at %u by then; write \"narrow: yes\" to mean it", s->name, before);
    else
        findings_key(w->b->f, F_ERROR, at,
                     "asks for more than before: \"%s\" is not needed in this queue by then; write \"narrow: yes\" to mean it",
                     s->name);
}

/* ---- what a lower need comes to, among the agents of this file ----
   Asked are all whom the queue ever asks: a need may be lowered for a group that a later step adds. */

struct having_less {        /* of those who are asked: */
    uint32_t asked, served; /* all of them; those who have the skill at the level that is needed */
    uint32_t next;          /* the highest level below it; 0: nobody has less */
};

static struct having_less look_below(const struct walk *w, const char *skill, uint32_t level)
{
    const struct holders *h = crew_skill(w->crew, skill);
    struct having_less l = { 0 };
    crew_asked(w->crew, w->q, crew_widest(w->q), w->crew->some);
    for (uint32_t i = 0; i < w->crew->words; i++) l.asked += (uint32_t)__builtin_popcountll(w->crew->some[i]);
    for (uint32_t i = 0; h && i < h->count; i++) {
        if (!crew_in(w->crew->some, h->v[i].agent)) continue;
        if (h->v[i].level >= level) l.served++;
        else if (h->v[i].level > l.next) l.next = h->v[i].level;
    }
    return l;
}

/* A step that lowers or drops (`to` 0) a need of level `before`. That nobody has it at all is said of the need itself. */
static void check_lets_in(struct walk *w, const char *skill, uint32_t before, uint32_t to, const struct ynode *at)
{
    if (!w->crew || !w->p->agent_count || !at || crew_is_lang(skill) || before <= to) return;
    struct having_less l = look_below(w, skill, before);
    if (!l.served || l.next >= (to ? to : 1)) return;
    if (l.served == l.asked)
        findings_key(w->b->f, F_WARN, at,
                     "widens nothing: all agents of this file whom the queue asks have \"%s\" at %u; leave it out, or add a group",
                     skill, before);
    else if (to && l.next)
        findings_key(
            w->b->f, F_WARN, at,
            "widens nothing: of the agents of this file whom the queue asks none has \"%s\" at %u or more but less than %u; "
            "lower it to %u, or drop it",
            skill, to, before, l.next);
    else if (to)
        findings_key(w->b->f, F_WARN, at,
                     "widens nothing: of the agents of this file whom the queue asks none has \"%s\" below %u; drop it instead",
                     skill, before);
}

static void check_level(struct walk *w, const struct step *step, const struct skill *s, const struct ynode *at)
{
    const struct skill *asked = map_get(w->asked, str_of(s->name));
    uint32_t *own = own_level(w, s->name), before = own ? *own : 0;
    if (asked && asked->level > before) before = asked->level;
    if (before == s->level && at)
        findings_key(w->b->f, F_WARN, at,
                     "widens nothing: \"%s\" is not needed at a higher level by then; ask for less, or leave it out", s->name);
    check_lets_in(w, s->name, before, s->level, at);
    if (before < s->level) check_narrowing(w, step, s, before, at);
    if (own && (*own > s->level || step->narrow)) *own = s->level;
}

static void check_dropped(struct walk *w, const char *name, const struct ynode *at)
{
    const struct skill *asked = map_get(w->asked, str_of(name));
    bool all_languages = !strcmp(name, "lang"), widens = asked != NULL;
    uint32_t *own = own_level(w, name), before = own ? *own : 0;
    if (asked && asked->level > before) before = asked->level;
    check_lets_in(w, name, before, 0, at);
    for (uint32_t i = 0; i < w->q->needs.count; i++) {
        if (strcmp(w->q->needs.v[i].name, name) && !(all_languages && crew_is_lang(w->q->needs.v[i].name))) continue;
        widens |= w->level[i] > 0;
        w->level[i] = 0;
    }
    if (!widens && at)
        findings_at(w->b->f, F_WARN, at, "widens nothing: \"%s\" is not needed in this queue by then; leave it out", name);
}

/* ---- groups, and how many at once ---- */

static void check_added(struct walk *w, const struct step *step, const struct ynode *add)
{
    if (!add || add->type == Y_MAP) return;
    if (!w->groups) {
        findings_key(w->b->f, F_WARN, add,
                     "widens nothing: everybody is asked already; name those to begin with in the queue's \"groups\"");
        return;
    }
    for (const struct ynode *c = bind_first(add); c; c = c == add ? NULL : c->next) {
        int at = policy_group(w->p, c->text);
        if (at >= 0 && (w->groups >> at & 1))
            findings_at(w->b->f, F_WARN, c, "widens nothing: \"%s\" is asked already by then; leave it out", w->p->groups[at].name);
    }
    w->groups |= step->add;
}

static void check_at_once(struct walk *w, const struct step *step, const struct ynode *at)
{
    if (!step->at_once || !at) return;
    if (step->at_once <= w->at_once)
        findings_at(w->b->f, F_WARN, at, "widens nothing: %u at once are asked by then; ask more, or leave it out", w->at_once);
    else w->at_once = step->at_once;
}

/* ---- one step beside those before it ---- */

static bool waits(const struct step *s) { return s->since == SINCE_ENQUEUED || s->since == SINCE_STEP; }

static void check_clock(struct walk *w, const struct step *s, const struct ynode *n)
{
    static const char *const asking[] = { "needs", "drop", "add", "offer" };
    if (waits(s)) return;
    for (size_t i = 0; i < sizeof asking / sizeof *asking; i++) {
        const struct ynode *at = tree_get(n, asking[i]);
        if (at)
            findings_key(w->b->f, F_WARN, at,
                         "changes who is asked, but by the clock \"%s\" an agent has the ticket: write since: enqueued",
                         since_words.v[s->since]);
    }
}

/* Has `before` always been taken when `s` would be? */
static bool is_before(const struct step *before, const struct step *s)
{
    if (s->since == SINCE_STEP) return before < s;
    if (before->since != SINCE_ENQUEUED || !before->after_pct != !s->after_pct) return false;
    uint64_t first = before->after_pct ? before->after_pct : before->after_ms, second = s->after_pct ? s->after_pct : s->after_ms;
    return first < second || (first == second && before < s);
}

/* A step that sends every ticket away leaves nothing to the later ones. */
static void check_taken(struct walk *w, uint32_t i, const struct ynode *n)
{
    const struct step *s = &w->q->timeline[i];
    for (uint32_t k = 0; n && waits(s) && k < w->q->timeline_count; k++) {
        const struct step *gone = &w->q->timeline[k];
        if ((gone->move < 0 && !gone->close) || !waits(gone) || !is_before(gone, s)) continue;
        findings_at(w->b->f, F_WARN, n,
                    "is never taken: the step on line %u %s every ticket before; make it earlier, or leave it out", gone->line,
                    gone->close ? "closes" : "moves");
        return;
    }
}

static void check_step(struct walk *w, uint32_t i, const struct ynode *n)
{
    const struct step *s = &w->q->timeline[i];
    const struct ynode *needs = tree_get(n, "needs"), *drop = tree_get(n, "drop"), *narrow = tree_get(n, "narrow");
    w->narrows = s->raise < 0;
    for (uint32_t k = 0; k < s->needs.count; k++) check_level(w, s, &s->needs.v[k], tree_get(needs, s->needs.v[k].name));
    for (uint32_t k = 0; k < s->drop.count; k++)
        check_dropped(w, s->drop.v[k], drop && drop->type == Y_LIST ? tree_item(drop, k) : drop);
    check_added(w, s, tree_get(n, "add"));
    check_at_once(w, s, tree_get(n, "offer"));
    if (s->narrow && !w->narrows && narrow)
        findings_key(w->b->f, F_WARN, narrow, "nothing in this step asks for more than before: leave it out");
    check_clock(w, s, n);
    check_taken(w, i, n);
}

/* ---- all of them, by time ---- */

struct timed {
    uint64_t at;
    uint32_t index;
};
static int by_time(const void *a, const void *b)
{
    const struct timed *x = a, *y = b;
    if (x->at != y->at) return x->at < y->at ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

static void put_in_order(const struct queue *q, struct timed *out)
{
    uint64_t last = 0; /* of the steps of waiting above, the latest */
    for (uint32_t i = 0; i < q->timeline_count; i++) {
        const struct step *s = &q->timeline[i];
        uint64_t after = s->after_pct ? (uint64_t)q->answer.within_ms[URG_NORMAL] * s->after_pct / 100 : s->after_ms;
        if (!waits(s)) after += UINT64_MAX / 2;
        else if (s->since == SINCE_STEP) after += last;
        if (waits(s) && after > last) last = after;
        out[i] = (struct timed){ after, i };
    }
    qsort(out, q->timeline_count, sizeof *out, by_time);
}

/* ---- when everybody has left ---- */

/* Is `age` surely later than the step, at every urgency? */
static bool is_later(const struct queue *q, struct span_of age, const struct step *s)
{
    uint32_t tightest = UINT32_MAX, slowest = 0;
    for (unsigned u = 0; u < URG_COUNT; u++) {
        if (q->answer.within_ms[u] < tightest) tightest = q->answer.within_ms[u];
        if (q->answer.within_ms[u] > slowest) slowest = q->answer.within_ms[u];
    }
    if (!age.pct == !s->after_pct) return age.pct > s->after_pct || (!age.pct && age.ms > s->after_ms);
    if (age.pct) return (uint64_t)tightest * age.pct / 100 > s->after_ms;
    return q->answer.hours < 0 && age.ms > (uint64_t)slowest * s->after_pct / 100;
}

uint32_t lint_leaves(const struct queue *q, struct span_of age)
{
    for (uint32_t i = 0; i < q->timeline_count; i++) {
        const struct step *s = &q->timeline[i];
        if (s->since == SINCE_ENQUEUED && (s->move >= 0 || s->close) && is_later(q, age, s)) return s->line;
    }
    return 0;
}

/* ---- every queue ---- */

/* name → the struct skill with the highest level that a rule asks for. */
static void note_asked(struct bind *b, struct map *asked, const struct skills *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        struct str name = str_of(s->v[i].name);
        const struct skill *before = map_get(asked, name);
        if (before && before->level >= s->v[i].level) continue;
        if (before) map_del(asked, name);
        b->broken |= map_put(asked, name, &s->v[i]) != ERR_OK;
        if (crew_is_lang(s->v[i].name) && !map_get(asked, STR("lang")))
            b->broken |= map_put(asked, STR("lang"), &s->v[i]) != ERR_OK;
    }
}

void check_steps(struct bind *b, const struct draft *d, const struct crew *c, const struct ynode *root)
{
    struct map asked;
    uint32_t level[LIM_LIST_ITEMS];
    struct timed order[STEPS_MAX];
    map_init(&asked, 1u << 20);
    for (uint32_t i = 0; i < d->p.rule_count; i++) note_asked(b, &asked, &d->p.rules[i].needs);
    for (uint32_t i = 0; i < d->p.queue_count; i++) {
        const struct queue *q = &d->p.queues[i];
        const struct ynode *list = tree_get(lint_queue(root, q), "timeline");
        struct walk w = { .b = b,
                          .asked = &asked,
                          .crew = c,
                          .p = &d->p,
                          .q = q,
                          .level = level,
                          .groups = q->groups,
                          .at_once = q->offers.at_once };
        for (uint32_t k = 0; k < q->needs.count; k++) level[k] = q->needs.v[k].level;
        put_in_order(q, order);
        for (uint32_t k = 0; k < q->timeline_count; k++) check_step(&w, order[k].index, tree_item(list, order[k].index));
    }
    map_fini(&asked);
}
