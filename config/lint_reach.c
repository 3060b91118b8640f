/* Who reaches whom: needs beside what agents can, queues beside what comes to them, agents beside the queues that would ask them.

   A queue is reached by what it takes, by a rule or `unsure`, or by a move out of a queue that is reached; what it takes must be
   something that can come (a tag that some rule gives, a channel that some account is on, an intent that a rule or a model names)
   and that no queue above it takes whole. An agent is reached when some queue asks for them at its widest: with all groups that its
   steps add and its gates let in, and its own needs as low as its steps make them.

   People may also hand tickets to any queue and any agent: what is said here is about what happens by itself. */
#include "base/limits.h"
#include "config/lint.h"

#include <stdlib.h>

/* ---- needs, and who has them ---- */

static const char *near_skill(struct bind *b, const struct crew *c, const char *skill)
{
    const struct holders *h;
    const char **words = malloc((c->skills.count + 1) * sizeof *words), *near = NULL;
    size_t count = 0;
    b->broken |= !words;
    for (size_t i = 0; words && (h = map_next(&c->skills, &i));) words[count++] = h->skill;
    if (words && strlen(skill) <= 64) near = str_nearest(str_of(skill), words, count);
    free(words);
    return near;
}

static void say_unheld(struct bind *b, const struct crew *c, const struct skill *need, const struct ynode *at)
{
    const struct holders *h = crew_skill(c, need->name);
    const char *near = h ? NULL : near_skill(b, c, need->name);
    if (h)
        findings_at(b->f, F_WARN, at,
                    "no agent of this file has \"%s\" at level %u; the best has %u (%s): give somebody %s %u, or ask for %u",
                    need->name, need->level, h->v[h->best].level, c->p->agents[h->v[h->best].agent].name, need->name, need->level,
                    h->v[h->best].level);
    else if (near)
        findings_key(b->f, F_WARN, at, "no agent of this file has the skill \"%s\" (did you mean \"%s\"?)", need->name, near);
    else
        findings_key(b->f, F_WARN, at, "no agent of this file has the skill \"%s\": give it to somebody, or take the need out",
                     need->name);
}

/* True: for each need somebody has it. */
static bool check_held(struct bind *b, const struct crew *c, const struct skills *needs, const struct ynode *n)
{
    bool all = true;
    for (uint32_t i = 0; i < needs->count; i++) {
        const struct skill *need = &needs->v[i];
        const struct holders *h = crew_skill(c, need->name);
        const struct ynode *at = tree_get(n, need->name);
        if (!at || (h && h->v[h->best].level >= need->level)) continue;
        all = false;
        say_unheld(b, c, need, at);
    }
    return all;
}

/* Each need is had by somebody; by one of those whom the queue ever asks, all of them? */
static void check_served(struct bind *b, const struct crew *c, const struct queue *q, const struct ynode *n)
{
    const struct ynode *needs = tree_get(n, "needs"), *at = needs ? needs : tree_get(n, "groups") ? tree_get(n, "groups") : n;
    crew_asked(c, q, crew_widest(q), c->some);
    if (!crew_any(c, c->some)) {
        if (!crew_widest(q))
            findings_key(
                b->f, F_WARN, at,
                "the agents of this file are bots, and this queue never asks bots: take \"bots: never\" out, or add people");
        return; /* groups that nobody is in are named one by one (lint_queues.c) */
    }
    for (uint32_t i = 0; i < q->needs.count; i++) crew_keep(c, q->needs.v[i].name, q->needs.v[i].level, c->some);
    if (!crew_any(c, c->some))
        findings_key(b->f, F_WARN, at,
                     "no agent of this file whom the queue asks has all of these at their levels: ask for less, or add a group "
                     "with somebody who has");
}

/* Simulated classes: what they need beside what their queue does. Where a queue is served by nobody it has been said of the queue.
 */
static void check_classes(struct bind *b, const struct crew *c, const struct draft *d, const struct ynode *root)
{
    const struct simulate_rules *s = &d->p.simulate;
    const struct ynode *classes = tree_get(tree_get(root, "simulate"), "classes");
    for (uint32_t i = 0; i < s->class_count; i++) {
        const struct sim_class *k = &s->classes[i];
        const struct queue *q = &d->p.queues[k->queue];
        const struct ynode *needs = tree_get(tree_get(classes, k->name), "needs");
        if (!needs || !check_held(b, c, &k->needs, needs)) continue;
        crew_asked(c, q, crew_widest(q), c->some);
        for (uint32_t n = 0; n < q->needs.count; n++) crew_keep(c, q->needs.v[n].name, q->needs.v[n].level, c->some);
        if (!crew_any(c, c->some)) continue;
        for (uint32_t n = 0; n < k->needs.count; n++) crew_keep(c, k->needs.v[n].name, k->needs.v[n].level, c->some);
        if (!crew_any(c, c->some))
            findings_key(
                b->f, F_WARN, needs,
                "no agent of this file whom the queue \"%s\" asks has all of these beside what the queue needs: its tickets "
                "wait for steps that ask for less",
                q->name);
    }
}

static void warn_needs(struct bind *b, const struct draft *d, const struct crew *c, const struct ynode *root)
{
    const struct ynode *rules = tree_get(tree_get(root, "triage"), "rules");
    uint32_t i = 0;
    for (uint32_t k = 0; k < d->p.queue_count; k++) {
        const struct queue *q = &d->p.queues[k];
        const struct ynode *n = lint_queue(root, q);
        if (n && check_held(b, c, &q->needs, tree_get(n, "needs"))) check_served(b, c, q, n);
    }
    for (const struct ynode *n = rules ? rules->first : NULL; n; n = n->next)
        (void)check_held(b, c, &d->p.rules[i++].needs, tree_get(tree_get(n, "then"), "needs"));
    check_classes(b, c, d, root);
}

/* ---- queues, and what comes to them ---- */

struct reach {
    struct bind *b;
    const struct policy *p;
    const struct ynode *root;
    struct map tags, intents;     /* that rules give → the text itself */
    bool reached[LIM_LIST_ITEMS]; /* by queue */
    bool said[LIM_LIST_ITEMS];    /* that what it takes never comes */
    uint32_t todo[LIM_LIST_ITEMS], left;
    uint32_t hints; /* nearest words that are still looked for: a hostile file must not keep us busy */
};

static bool has_word(const struct words_list *l, const char *word)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (!strcmp(l->v[i], word)) return true;
    return false;
}

static bool may_intend(const struct reach *r, const char *glob)
{
    const char *intent;
    if (r->p->model_intent || r->p->external_ms[ANSWER_INTENT]) return true;
    if (!strchr(glob, '*')) return map_get(&r->intents, str_of(glob)) != NULL;
    for (size_t i = 0; (intent = map_next(&r->intents, &i));)
        if (str_glob(str_of(glob), str_of(intent))) return true;
    return false;
}

static bool is_given(const struct reach *r, const char *tag) { return map_get(&r->tags, str_of(tag)) != NULL; }

/* An account that both conditions leave in. */
static bool may_come(const struct policy *p, const struct takes *t)
{
    for (uint32_t i = 0; i < p->account_count; i++)
        if ((!t->account.count || has_word(&t->account, p->accounts[i].name)) &&
            (!t->channel.count || has_word(&t->channel, p->channels[p->accounts[i].channel].name)))
            return true;
    return p->account_count == 0 || (!t->channel.count && !t->account.count);
}

/* Of what comes by rules: a word that none of them gives is said. */
struct giving {
    bool (*may)(const struct reach *r, const char *word);
    const char *wrong, *remedy;
};
static const struct giving tags_given = { is_given, "no rule gives the tag", "name it in the \"then\" of a rule" };
static const struct giving intents_given = { may_intend, "no rule names the intent",
                                             "name it in the \"then\" of a rule, or give a model (triage.models.intent)" };

static const char *hint_among(struct reach *r, const struct map *all, const char *word)
{
    const char **words, *hint = "", *one;
    size_t count = 0;
    if (r->hints == 0 || !(words = malloc((all->count + 1) * sizeof *words))) return "";
    r->hints--;
    for (size_t i = 0; (one = map_next(all, &i));) words[count++] = one;
    const char *near = strlen(word) <= 64 ? str_nearest(str_of(word), words, count) : NULL;
    if (near) hint = findings_hint(r->b->f, str_of(word), words, count);
    free(words);
    return hint;
}

/* True when nothing gives any of them. `n`: a text or a list of them. */
static bool check_words(struct reach *r, const struct words_list *l, const struct ynode *n, const struct giving *g,
                        const struct map *all)
{
    uint32_t good = 0;
    for (uint32_t i = 0; n && i < l->count; i++) {
        bool may = g->may(r, l->v[i]);
        good += may;
        if (!may)
            findings_at(r->b->f, F_WARN, n->type == Y_LIST ? tree_item(n, i) : n, "takes nothing: %s \"%s\"%s; %s", g->wrong,
                        l->v[i], hint_among(r, all, l->v[i]), g->remedy);
    }
    return l->count > 0 && good == 0;
}

static bool covered(const struct words_list *wide, const struct words_list *narrow, bool globs)
{
    for (uint32_t i = 0; i < narrow->count; i++) {
        uint32_t k = 0;
        while (k < wide->count && strcmp(wide->v[k], narrow->v[i]) &&
               !(globs &&
                 (!strcmp(wide->v[k], "*") || (!strchr(narrow->v[i], '*') && str_glob(str_of(wide->v[k]), str_of(narrow->v[i]))))))
            k++;
        if (k == wide->count) return false;
    }
    return narrow->count > 0;
}

/* Whatever `b` takes, `a` does. */
static bool takes_all_of(const struct takes *a, const struct takes *b)
{
    const struct words_list *wide[] = { &a->intent, &a->tag, &a->channel, &a->account, &a->language };
    const struct words_list *narrow[] = { &b->intent, &b->tag, &b->channel, &b->account, &b->language };
    bool any = false;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        if (!wide[i]->count) continue;
        if (!covered(wide[i], narrow[i], i == 0)) return false;
        any = true;
    }
    return any;
}

/* A file without accounts is played, not run: its tickets are those of the simulation's classes. */
static bool is_played(const struct policy *p, uint32_t queue)
{
    bool named = false;
    for (uint32_t i = 0; p->account_count == 0 && i < p->simulate.class_count; i++)
        named |= p->simulate.classes[i].queue == (int)queue;
    return named;
}

/* Something comes by what it takes. */
static bool check_takes(struct reach *r, uint32_t i)
{
    const struct takes *t = &r->p->queues[i].takes;
    const struct ynode *n = tree_get(lint_queue(r->root, &r->p->queues[i]), "takes");
    if (t->any || is_played(r->p, i)) return true;
    if (!n) return false;
    bool dead = check_words(r, &t->tag, tree_get(n, "tag"), &tags_given, &r->tags);
    dead |= check_words(r, &t->intent, tree_get(n, "intent"), &intents_given, &r->intents);
    if (!may_come(r->p, t)) {
        dead = true;
        findings_key(r->b->f, F_WARN, n, "takes nothing: no account of this file is on these channels; add one under \"accounts\"");
    }
    for (uint32_t k = 0; !dead && k < i; k++) {
        if (!takes_all_of(&r->p->queues[k].takes, t)) continue;
        dead = true;
        findings_key(
            r->b->f, F_WARN, n,
            "takes nothing: \"%s\" (line %u) stands before it and takes all of it; put this queue first, or narrow that one",
            r->p->queues[k].name, r->p->queues[k].line);
    }
    r->said[i] = dead;
    return !dead && (t->intent.count || t->tag.count || t->channel.count || t->account.count || t->language.count);
}

static void reach(struct reach *r, int queue)
{
    if (queue < 0 || r->reached[queue]) return;
    r->reached[queue] = true;
    r->todo[r->left++] = (uint32_t)queue;
}

static void reach_on(struct reach *r)
{
    while (r->left) {
        const struct queue *q = &r->p->queues[r->todo[--r->left]];
        for (uint32_t k = 0; k < q->timeline_count; k++) reach(r, q->timeline[k].move);
        for (uint32_t k = 0; k < q->overflow_count; k++) reach(r, q->overflow[k].move);
        reach(r, q->offers.exhausted);
    }
}

static bool moves_to(const struct queue *q, uint32_t to)
{
    for (uint32_t k = 0; k < q->timeline_count; k++)
        if (q->timeline[k].move == (int)to) return true;
    for (uint32_t k = 0; k < q->overflow_count; k++)
        if (q->overflow[k].move == (int)to) return true;
    return q->offers.exhausted == (int)to;
}

static void say_unreached(struct reach *r, uint32_t i)
{
    const struct policy *p = r->p;
    const struct ynode *n = lint_queue(r->root, &p->queues[i]);
    const struct queue *from = NULL;
    if (!n) return;
    for (uint32_t k = 0; k < p->queue_count && !from; k++)
        if (moves_to(&p->queues[k], i)) from = &p->queues[k];
    if (from)
        findings_key(r->b->f, F_WARN, n,
                     "nothing comes to this queue: only \"%s\" (line %u) moves tickets here, and nothing comes there; give one of "
                     "them what it takes",
                     from->name, from->line);
    else
        findings_key(
            r->b->f, F_WARN, n,
            "nothing comes to this queue: it takes nothing, and no rule or move names it; add \"takes\", or leave the queue out");
}

static void keep_word(struct reach *r, struct map *all, const char *word)
{
    enum err e = word ? map_put(all, str_of(word), (void *)(uintptr_t)word) : ERR_OK;
    r->b->broken |= e && e != ERR_EXISTS;
}

static void find_given(struct reach *r)
{
    for (uint32_t i = 0; i < r->p->rule_count; i++) {
        const struct rule *rule = &r->p->rules[i];
        keep_word(r, &r->intents, rule->intent);
        for (uint32_t k = 0; k < rule->tags.count; k++) keep_word(r, &r->tags, rule->tags.v[k]);
    }
}

static void warn_reached(struct bind *b, const struct draft *d, const struct ynode *root)
{
    struct reach r = { .b = b, .p = &d->p, .root = root, .hints = 20 };
    map_init(&r.tags, LIM_YAML_BYTES);
    map_init(&r.intents, LIM_YAML_BYTES);
    find_given(&r);
    for (uint32_t i = 0; i < d->p.queue_count; i++)
        if (check_takes(&r, i)) reach(&r, (int)i);
    reach(&r, d->p.unsure_queue);
    for (uint32_t i = 0; i < d->p.rule_count; i++) reach(&r, d->p.rules[i].queue);
    reach_on(&r);
    for (uint32_t i = 0; i < d->p.queue_count; i++)
        if (!r.reached[i] && !r.said[i]) say_unreached(&r, i);
    map_fini(&r.tags);
    map_fini(&r.intents);
}

/* ---- agents, and who asks them ---- */

/* Who is told of something by a step is there for that, and need not be asked. */
static void keep_told(const struct crew *c, const struct queue *q, uint64_t *set)
{
    for (uint32_t k = 0; k < q->timeline_count; k++) {
        const struct words_list *names = &q->timeline[k].notify;
        for (uint32_t w = 0; w < names->count; w++) {
            int group = policy_group(c->p, str_of(names->v[w]));
            for (uint32_t i = 0; i < c->p->agent_count; i++)
                if ((group >= 0 && c->p->agents[i].groups >> group & 1) || !strcmp(c->p->agents[i].name, names->v[w]))
                    set[i / 64] |= 1ull << (i % 64);
        }
    }
}

/* What keeps one agent out of one queue: a need of it that they do not have, NULL when it is their groups, or being a bot. */
static const struct skill *missing(const struct agent_spec *a, const struct queue *q)
{
    for (uint32_t i = 0; i < q->needs.count; i++) {
        uint32_t lowest = crew_lowest(q, &q->needs.v[i]), level = 0;
        for (uint32_t k = 0; k < a->skills.count; k++)
            if (!strcmp(a->skills.v[k].name, q->needs.v[i].name) ||
                (q->needs.v[i].from_ticket && crew_is_lang(a->skills.v[k].name)))
                level = a->skills.v[k].level > level ? a->skills.v[k].level : level;
        if (level < lowest) return &q->needs.v[i];
    }
    return NULL;
}

static void say_unasked(struct bind *b, const struct policy *p, const struct agent_spec *a, const struct ynode *n)
{
    for (uint32_t i = 0; i < p->queue_count; i++) {
        const struct queue *q = &p->queues[i];
        uint64_t groups = crew_widest(q);
        const struct skill *need = missing(a, q);
        if (!need || (groups && !(a->groups & groups)) || (a->bot && q->no_bots)) continue;
        findings_key(b->f, F_WARN, n,
                     "no queue ever asks them: \"%s\" would, for %s %u at the least; give them that, or leave them out", q->name,
                     need->name, crew_lowest(q, need));
        return;
    }
    findings_key(b->f, F_WARN, n, "no queue ever asks them: %s",
                 a->bot ? "bots are asked by no queue that asks their groups; take \"bots: never\" out of one, or leave them out"
                        : "each asks other groups; put them into one that is asked, or leave them out");
}

#define UNASKED_SAID 5u

static void warn_unasked(struct bind *b, const struct draft *d, const struct crew *c, const struct ynode *root)
{
    const struct policy *p = &d->p;
    const struct ynode *agents = tree_get(root, "agents");
    uint64_t *asked = calloc(c->words, sizeof *asked); /* a set */
    uint32_t said = 0;
    if (!asked) {
        b->broken = true;
        return;
    }
    for (uint32_t i = 0; i < p->queue_count; i++) {
        const struct queue *q = &p->queues[i];
        crew_asked(c, q, crew_widest(q), c->some);
        for (uint32_t k = 0; k < q->needs.count; k++) {
            uint32_t lowest = crew_lowest(q, &q->needs.v[k]);
            if (lowest) crew_keep(c, q->needs.v[k].name, lowest, c->some);
        }
        for (uint32_t w = 0; w < c->words; w++) asked[w] |= c->some[w];
        keep_told(c, q, asked);
    }
    uint32_t i = 0;
    for (const struct ynode *n = agents ? agents->first : NULL; n && i < p->agent_count; n = n->next, i++)
        if (!crew_in(asked, i) && said++ < UNASKED_SAID) say_unasked(b, p, &p->agents[i], n);
    free(asked);
}

void warn_reach(struct bind *b, const struct draft *d, const struct crew *c, const struct ynode *root)
{
    warn_reached(b, d, root);
    if (d->p.agent_count == 0) return; /* kept by the API: not ours to judge */
    warn_needs(b, d, c, root);
    warn_unasked(b, d, c, root);
}
