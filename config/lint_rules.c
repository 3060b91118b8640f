/* What can be said of rules before any message comes.

   Errors: names that stand twice, more patterns than are allowed. Warnings, each with the remedy:
     a condition that can never hold    beside one that excludes it; on a channel that no account uses; on an intent, a sentiment
                                        or a confidence that nothing gives
     a rule that can never fire         because whenever its conditions hold, those of an earlier one do that stops
     an action that never counts        because then an earlier rule has named an intent, a sentiment, a queue already (the first
                                        one counts) or an urgency at least as high (the highest counts)
     a rule that does nothing

   The middle two ask of each rule which earlier ones its conditions imply. With ten thousand rules not every pair can be asked, so
   every earlier rule is filed (`files`) under the words of the one condition whose words are rarest in the policy, and a rule asks
   only those that are filed under a word of its own: what it implies must be among them. Rules without a condition that can be
   filed stand in a list of their own. What still is too much ends with the budget; then fewer warnings are given, never a wrong
   one. Rules that look at intents or sentiments hide nothing: rules in between may change both. */
#include "base/limits.h"
#include "base/map.h"
#include "config/imply.h"
#include "config/lint.h"

#include <stdlib.h>

#define BUDGET 3000000u

struct filed { /* an earlier rule under one word */
    uint32_t rule;
    struct filed *next;
};
struct file {
    uint32_t uses; /* conditions with this word */
    struct filed *rules;
};
/* Conditions that must hold together, from the whole `when` down to a group of `any`. */
struct together {
    struct cond v[LIM_RULE_CONDS];
    uint32_t count;
};

struct lint {
    struct bind *b;
    const struct draft *d;
    const struct ynode **nodes; /* by rule */
    struct arena arena;         /* keys of files, and what is in them */
    struct map files, intents;  /* "kind key word" → struct file; intents that rules so far have named → the rule */
    struct filed *others;       /* earlier rules that no word files */
    uint32_t *asked;            /* by rule: for which later rule + 1 it was looked at last */
    struct imply imply;
    struct together together;
    bool sentiment_set;
    const struct rule *rule; /* the one that is looked at, and its node */
    const struct ynode *node;
};

/* ---- errors ---- */

static uint32_t words_of(const struct conds *c, enum cond_kind kind)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->count; i++)
        count += (c->v[i].kind == kind ? c->v[i].words.count : 0) + words_of(&c->v[i].inner, kind);
    return count;
}

static void check_count(struct bind *b, const struct draft *d, const struct ynode *n, enum cond_kind kind, uint32_t most,
                        const char *what)
{
    uint32_t count = 0;
    for (uint32_t i = 0; n && i < d->p.rule_count; i++, n = n->next) {
        count += words_of(&d->p.rules[i].when, kind);
        if (count <= most) continue;
        findings_at(b->f, F_ERROR, n, "the policy has more than %u %s up to here", most, what);
        return;
    }
}

static void check_names(struct bind *b, const struct draft *d, const struct ynode *n)
{
    struct map seen;
    map_init(&seen, d->p.rule_count + 1);
    for (uint32_t i = 0; n && i < d->p.rule_count; i++, n = n->next) {
        const struct rule *r = &d->p.rules[i];
        const struct ynode *name = tree_get(n, "name");
        if (!r->name || !name) continue;
        const struct rule *before = map_get(&seen, str_of(r->name));
        if (before)
            findings_at(b->f, F_ERROR, name, "another rule is called \"%s\" already, on line %u; give this one a name of its own",
                        r->name, before->line);
        else b->broken |= map_put(&seen, str_of(r->name), (void *)r) != ERR_OK;
    }
    map_fini(&seen);
}

void check_rules(struct bind *b, const struct draft *d, const struct ynode *rules)
{
    const struct ynode *first = rules ? rules->first : NULL;
    check_names(b, d, first);
    check_count(b, d, first, COND_TEXT, LIM_PATTERNS, "words in text conditions");
    check_count(b, d, first, COND_MATCH, LIM_EXPRESSIONS, "regular expressions");
}

/* ---- conditions that never hold ---- */

static void say(const struct lint *l, const struct cond *c, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void say(const struct lint *l, const struct cond *c, const char *fmt, ...)
{
    struct findings *f = l->b->f;
    const struct ynode *when = tree_get(l->node, "when");
    va_list ap;
    va_start(ap, fmt);
    findings_vadd(f, F_WARN, c->line, c->column, tree_path(when ? when : l->node, &f->arena), fmt, ap);
    va_end(ap);
}

static bool intent_is_named(struct lint *l, const char *pattern)
{
    const struct rule *r;
    if (!strchr(pattern, '*')) return map_get(&l->intents, str_of(pattern)) != NULL;
    for (size_t i = 0; (r = map_next(&l->intents, &i));) {
        if (l->imply.budget == 0) return true;
        l->imply.budget--;
        if (str_glob(str_of(pattern), str_of(r->intent))) return true;
    }
    return false;
}

static void lint_intent(struct lint *l, const struct cond *c)
{
    const struct policy *p = &l->d->p;
    if (p->model_intent || p->external_ms[ANSWER_INTENT]) return;
    for (uint32_t w = 0; w < c->words.count; w++)
        if (intent_is_named(l, c->words.v[w])) return;
    say(l, c,
        "can never hold: no rule before this one names such an intent, and no model is given (triage.models.intent); put the rule "
        "that names it first");
}

static void lint_confidence(struct lint *l, const struct cond *c)
{
    const struct policy *p = &l->d->p;
    if (p->model_intent || p->external_ms[ANSWER_INTENT]) return;
    say(l, c,
        "no model gives a confidence (triage.models.intent): it is 1 for an intent that a rule named, and there is no other; give "
        "a model, or take it out");
}

static void lint_sentiment(struct lint *l, const struct cond *c)
{
    if (!l->sentiment_set)
        say(l, c,
            "nothing finds a sentiment: no model is given, and no rule before this one sets it; give triage.models.sentiment, or a "
            "rule above that says it");
}

static void lint_channel(struct lint *l, const struct cond *c)
{
    const struct policy *p = &l->d->p;
    for (uint32_t w = 0; w < c->words.count; w++) {
        uint32_t a = 0;
        while (a < p->account_count && strcmp(p->channels[p->accounts[a].channel].name, c->words.v[w])) a++;
        if (a == p->account_count && a)
            say(l, c, "no account is on the channel \"%s\": nothing comes from there; add one under \"accounts\", or take it out",
                c->words.v[w]);
    }
}

static void lint_closed(struct lint *l, const struct cond *c)
{
    for (uint32_t w = 0; w < c->words.count; w++)
        if (hours_never_close(&l->d->p.hours[c->hours[w]]))
            say(l, c, "can never hold: \"%s\" never close; take it out, or give them times", c->words.v[w]);
}

static void (*const lints[COND_COUNT])(struct lint *l, const struct cond *c) = {
    [COND_INTENT] = lint_intent,   [COND_CONFIDENCE] = lint_confidence, [COND_SENTIMENT] = lint_sentiment,
    [COND_CHANNEL] = lint_channel, [COND_HOURS_CLOSED] = lint_closed,
};

static void check_together(struct lint *l, struct together *t, const struct conds *conds);

static void check_beside(struct lint *l, const struct together *t, const struct cond *c)
{
    struct conds given = { (struct cond *)t->v, t->count };
    for (uint32_t i = 0; i < t->count; i++)
        if (excludes(&l->imply, &l->d->p, &t->v[i], c))
            say(l, c, "can never hold beside the condition on line %u: change one of them, or put them under any", t->v[i].line);
    if (c->kind == COND_NOT && implies(&l->imply, &given, &c->inner))
        say(l, c, "can never hold: what it excludes is asked for beside it; take one of both out");
}

static void check_one(struct lint *l, struct together *t, const struct cond *c)
{
    if (lints[c->kind]) lints[c->kind](l, c);
    for (uint32_t i = 0; c->kind == COND_ANY && i < c->inner.count; i++) {
        uint32_t before = t->count;
        check_together(l, t, &c->inner.v[i].inner);
        t->count = before;
    }
    for (uint32_t i = 0; c->kind == COND_NOT && i < c->inner.count; i++)
        if (lints[c->inner.v[i].kind]) lints[c->inner.v[i].kind](l, &c->inner.v[i]);
}

/* `not` last: it looks at what stands beside it. */
static void check_together(struct lint *l, struct together *t, const struct conds *conds)
{
    for (unsigned nots = 0; nots < 2; nots++) {
        for (uint32_t i = 0; i < conds->count; i++) {
            const struct cond *c = &conds->v[i];
            if ((c->kind == COND_NOT) != (nots == 1)) continue;
            if (c->kind == COND_ALL) {
                check_together(l, t, &c->inner);
                continue;
            }
            check_beside(l, t, c);
            if (c->kind != COND_ANY && c->kind != COND_NOT && t->count < LIM_RULE_CONDS) t->v[t->count++] = *c;
        }
    }
    for (uint32_t i = 0; i < conds->count; i++) check_one(l, t, &conds->v[i]);
}

/* ---- files ---- */

/* What a condition's word is filed under: its kind and key, and the word itself when only equal words can meet it. */
static struct str file_key(struct lint *l, const struct cond *c, uint32_t w)
{
    bool wide = c->kind == COND_INTENT || (c->tests && c->tests[w].kind != TEST_EQUAL);
    const char *key = c->key ? c->key : "", *word = wide ? "" : c->words.v[w];
    size_t nk = strlen(key), nw = strlen(word), n = 1 + nk + 1 + nw;
    char *p = arena_alloc(&l->arena, n + 1);
    if (!p) return l->b->broken = true, STR_NONE;
    p[0] = (char)('A' + c->kind);
    memcpy(p + 1, key, nk);
    p[1 + nk] = 0;
    memcpy(p + 2 + nk, word, nw);
    return (struct str){ p, n };
}

static struct file *file_at(struct lint *l, struct str key)
{
    struct file *f = key.n ? map_get(&l->files, key) : NULL;
    if (f || !key.n) return f;
    f = arena_alloc(&l->arena, sizeof *f);
    l->b->broken |= !f || map_put(&l->files, key, f) != ERR_OK;
    return f;
}

static bool can_be_filed(const struct cond *c) { return c->kind < COND_ALL && c->words.count > 0; }

static void count_uses(struct lint *l, const struct conds *conds)
{
    for (uint32_t i = 0; i < conds->count; i++) {
        const struct cond *c = &conds->v[i];
        for (uint32_t w = 0; can_be_filed(c) && w < c->words.count; w++) {
            struct file *f = file_at(l, file_key(l, c, w));
            if (f) f->uses++;
        }
        count_uses(l, &c->inner);
    }
}

/* The rarest condition that all messages of the rule must meet. */
static const struct cond *rarest(struct lint *l, const struct conds *conds, uint64_t *least)
{
    const struct cond *best = NULL;
    for (uint32_t i = 0; i < conds->count; i++) {
        const struct cond *c = &conds->v[i];
        uint64_t uses = 0;
        if (c->kind == COND_ALL) {
            const struct cond *inner = rarest(l, &c->inner, least);
            if (inner) best = inner;
        }
        if (!can_be_filed(c)) continue;
        for (uint32_t w = 0; w < c->words.count; w++) {
            const struct file *f = file_at(l, file_key(l, c, w));
            uses += f ? f->uses : 0;
        }
        if (uses < *least) *least = uses, best = c;
    }
    return best;
}

static void file_under(struct lint *l, uint32_t rule, struct filed **list)
{
    struct filed *f = arena_alloc(&l->arena, sizeof *f);
    if (!f) {
        l->b->broken = true;
        return;
    }
    *f = (struct filed){ rule, *list };
    *list = f;
}

static bool looks_at_findings(const struct conds *conds)
{
    for (uint32_t i = 0; i < conds->count; i++) {
        enum cond_kind k = conds->v[i].kind;
        if (k == COND_INTENT || k == COND_SENTIMENT || k == COND_CONFIDENCE || looks_at_findings(&conds->v[i].inner)) return true;
    }
    return false;
}

static bool may_matter(const struct rule *r)
{
    return (r->stop || r->intent || r->queue >= 0 || r->sentiment >= 0 || r->urgency >= 0) && !looks_at_findings(&r->when);
}

static void file_rule(struct lint *l, uint32_t i)
{
    const struct rule *r = &l->d->p.rules[i];
    uint64_t least = UINT64_MAX;
    if (!may_matter(r)) return;
    const struct cond *c = rarest(l, &r->when, &least);
    if (!c) file_under(l, i, &l->others);
    for (uint32_t w = 0; c && w < c->words.count; w++) {
        struct file *f = file_at(l, file_key(l, c, w));
        if (f) file_under(l, i, &f->rules);
    }
}

/* ---- rules that never fire, actions that never count ---- */

static void overruled(struct lint *l, const struct rule *before, const char *key, const char *what, const char *remedy)
{
    const struct ynode *n = tree_get(tree_get(l->node, "then"), key);
    if (n)
        findings_key(l->b->f, F_WARN, n, "never counts: whenever this rule fires, \"%s\" (line %u) has named %s; %s", before->name,
                     before->line, what, remedy);
}

/* Everything that an earlier rule, which fires whenever this one does, makes pointless. True when this one never fires. */
static bool compare(struct lint *l, uint32_t earlier, uint32_t later)
{
    static const char first[] = "the first rule to name one counts: put this one before it, or narrow that one";
    const struct rule *a = &l->d->p.rules[earlier], *b = l->rule;
    if (l->asked[earlier] == later + 1) return false;
    l->asked[earlier] = later + 1;
    if (!implies(&l->imply, &b->when, &a->when)) return false;
    if (a->stop) {
        findings_at(l->b->f, F_WARN, l->node,
                    "\"%s\" can never fire: whenever it could, \"%s\" (line %u) has fired and stopped; put it before that one, or "
                    "narrow that one",
                    b->name, a->name, a->line);
        return true;
    }
    if (a->intent && b->intent) overruled(l, a, "intent", "an intent", first);
    if (a->queue >= 0 && b->queue >= 0) overruled(l, a, "queue", "a queue", first);
    if (a->sentiment >= 0 && b->sentiment >= 0) overruled(l, a, "sentiment", "a sentiment", first);
    if (a->urgency >= 0 && b->urgency >= 0 && a->urgency >= b->urgency)
        overruled(l, a, "urgency", "an urgency that is as high", "the highest one counts: use raise, or narrow that one");
    return false;
}

static bool compare_all(struct lint *l, const struct filed *f, uint32_t later)
{
    for (; f && l->imply.budget; f = f->next)
        if (compare(l, f->rule, later)) return true;
    return false;
}

/* All that is filed under a word that stands anywhere in the rule. */
static bool compare_words(struct lint *l, const struct conds *conds, uint32_t later)
{
    for (uint32_t i = 0; i < conds->count; i++) {
        const struct cond *c = &conds->v[i];
        if (compare_words(l, &c->inner, later)) return true;
        if (!can_be_filed(c)) continue;
        const struct file *same = file_at(l, file_key(l, c, 0)), *wide = NULL;
        if (c->kind == COND_ATTRIBUTE) { /* globs and ranges may meet its word without being equal to it */
            struct value_test glob = { .kind = TEST_GLOB };
            wide = file_at(l, file_key(l, &(struct cond){ .kind = c->kind, .key = c->key, .words = c->words, .tests = &glob }, 0));
        }
        if ((same && compare_all(l, same->rules, later)) || (wide && compare_all(l, wide->rules, later))) return true;
    }
    return false;
}

static void lint_action(const struct lint *l)
{
    const struct rule *r = l->rule;
    bool acts = r->urgency >= 0 || r->raise || r->weigh != 0 || r->intent || r->sentiment >= 0 || r->needs.count || r->tags.count ||
                r->queue >= 0 || r->stop;
    const struct ynode *then = tree_get(l->node, "then");
    if (!acts && then && then->count) findings_key(l->b->f, F_WARN, then, "does nothing: give it an action, or leave the rule out");
}

static void lint_rule(struct lint *l, uint32_t i)
{
    l->together.count = 0;
    l->rule = &l->d->p.rules[i];
    l->node = l->nodes[i];
    check_together(l, &l->together, &l->rule->when);
    lint_action(l);
    if (!compare_all(l, l->others, i)) (void)compare_words(l, &l->rule->when, i);
    file_rule(l, i);
    l->sentiment_set |= l->rule->sentiment >= 0;
    if (l->rule->intent && !map_get(&l->intents, str_of(l->rule->intent)))
        l->b->broken |= map_put(&l->intents, str_of(l->rule->intent), (void *)l->rule) != ERR_OK;
}

void warn_rules(struct bind *b, const struct draft *d, const struct ynode *rules)
{
    struct lint l = { .b = b, .d = d, .imply = { BUDGET } };
    uint32_t count = d->p.rule_count, i = 0;
    if (count == 0) return;
    l.sentiment_set = d->p.model_sentiment || d->p.external_ms[ANSWER_SENTIMENT];
    l.nodes = calloc(count, sizeof *l.nodes);
    l.asked = calloc(count, sizeof *l.asked);
    arena_init(&l.arena, 64u << 20);
    map_init(&l.files, LIM_YAML_BYTES);
    map_init(&l.intents, count + 1);
    b->broken |= !l.nodes || !l.asked;
    for (const struct ynode *n = rules->first; n && i < count && !b->broken; n = n->next) l.nodes[i++] = n;
    for (i = 0; i < count && !b->broken; i++) count_uses(&l, &d->p.rules[i].when);
    for (i = 0; i < count && !b->broken; i++) lint_rule(&l, i);
    free(l.nodes);
    free(l.asked);
    map_fini(&l.files);
    map_fini(&l.intents);
    arena_fini(&l.arena);
}
