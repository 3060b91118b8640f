/* A condition can guard its rule when the rule cannot hold unless one of a few sources speaks: a found term for text and match, a
   fact for what is compared as a whole, the presence of its attribute for a glob or a number. Hours, confidences and `not` guard
   nothing. `all` guards by the best of its conditions, `any` by all of its groups together, if each has a guard.

   The best guard is the cheapest: for each of its sources, how many conditions of the policy name that source, times how often one
   of its kind speaks (a channel in every message, a word in few). So of a rule with an account and a common word, in a thousand
   rules of that word, the account is the guard.

   Two walks over the rules: the first counts what stands behind each source, the second writes it down. */
#include "workers/triage/guards.h"

#include <stdlib.h>

#define NO_GUARD UINT64_MAX

struct laying { /* while they are being laid */
    struct guards *g;
    const struct policy *p;
    const struct lexicon *l;
    uint32_t *uses; /* by source */
    uint32_t *fill; /* by source: where its next rule goes; NULL while counting */
    uint32_t rule;
};

static const struct {
    enum fact_of of;
    bool guards;
    uint8_t weight;
} kinds[COND_COUNT] = {
    [COND_TEXT] = { 0, true, 1 },
    [COND_MATCH] = { 0, true, 1 },
    [COND_CHANNEL] = { FACT_CHANNEL, true, 16 },
    [COND_ACCOUNT] = { FACT_ACCOUNT, true, 2 },
    [COND_LANGUAGE] = { FACT_LANGUAGE, true, 16 },
    [COND_INTENT] = { FACT_INTENT, true, 4 },
    [COND_SENTIMENT] = { FACT_SENTIMENT, true, 16 },
    [COND_KIND] = { FACT_KIND, true, 16 },
    [COND_ATTRIBUTE] = { FACT_VALUE, true, 2 },
};

static bool has_star(struct str s) { return memchr(s.p, '*', s.n) != NULL; }

/* The source of a condition's word; FACT_NONE for a text that can never be found. Puts the fact when `g->first` is not laid yet. */
static uint32_t source_of(const struct laying *y, const struct cond *c, uint32_t w)
{
    struct str value = str_of(c->words.v[w]);
    enum fact_of of = kinds[c->kind].of;
    uint32_t key = 0;
    if (c->kind == COND_TEXT) return lexicon_term(y->l, c->pattern + w);
    if (c->kind == COND_MATCH) return lexicon_term(y->l, y->p->pattern_count + c->pattern + w);
    if (c->kind == COND_INTENT && has_star(value)) of = FACT_SOME_INTENT, value = STR("");
    if (c->kind == COND_ATTRIBUTE) {
        key = y->g->keys[c->number];
        if (c->tests[w].kind != TEST_EQUAL) return y->g->terms + key;
    }
    return y->g->terms + facts_put(&y->g->facts, of, key, value);
}

/* ---- counting uses ---- */

static void count_uses(const struct laying *y, const struct conds *conds)
{
    for (uint32_t i = 0; i < conds->count; i++) {
        const struct cond *c = &conds->v[i];
        if (c->kind == COND_ATTRIBUTE) y->g->keys[c->number] = facts_put(&y->g->facts, FACT_KEY, 0, str_of(c->key));
        for (uint32_t w = 0; kinds[c->kind].guards && w < c->words.count; w++) {
            uint32_t s = source_of(y, c, w);
            if (s != FACT_NONE) y->uses[s]++;
        }
        count_uses(y, &c->inner);
    }
}

/* ---- choosing ---- */

static const struct cond *best_of(const struct laying *y, const struct conds *conds, uint64_t *cost);

static uint64_t cost_of(const struct laying *y, const struct cond *c)
{
    uint64_t sum = 0, cost;
    for (uint32_t w = 0; kinds[c->kind].guards && w < c->words.count; w++) {
        uint32_t s = source_of(y, c, w);
        if (s != FACT_NONE) sum += (uint64_t)y->uses[s] * kinds[c->kind].weight;
    }
    if (kinds[c->kind].guards) return sum;
    if (c->kind == COND_ALL) return best_of(y, &c->inner, &cost) ? cost : NO_GUARD;
    for (uint32_t i = 0; c->kind == COND_ANY && i < c->inner.count; i++) {
        if ((cost = cost_of(y, &c->inner.v[i])) == NO_GUARD) return NO_GUARD;
        sum += cost;
    }
    return c->kind == COND_ANY ? sum : NO_GUARD;
}

static const struct cond *best_of(const struct laying *y, const struct conds *conds, uint64_t *cost)
{
    const struct cond *best = NULL;
    *cost = NO_GUARD;
    for (uint32_t i = 0; i < conds->count; i++) {
        uint64_t one = cost_of(y, &conds->v[i]);
        if (one < *cost) *cost = one, best = &conds->v[i];
    }
    return best;
}

/* ---- laying ---- */

static void lay(const struct laying *y, const struct cond *c)
{
    uint64_t cost;
    for (uint32_t w = 0; kinds[c->kind].guards && w < c->words.count; w++) {
        uint32_t s = source_of(y, c, w);
        if (s == FACT_NONE) continue;
        if (y->fill) y->g->rules[y->fill[s]++] = y->rule;
        else y->g->first[s + 1]++;
    }
    if (c->kind == COND_ALL) lay(y, best_of(y, &c->inner, &cost));
    for (uint32_t i = 0; c->kind == COND_ANY && i < c->inner.count; i++) lay(y, &c->inner.v[i]);
}

static void lay_all(struct laying *y)
{
    for (y->rule = 0; y->rule < y->p->rule_count; y->rule++) {
        uint64_t cost;
        const struct cond *best = best_of(y, &y->p->rules[y->rule].when, &cost);
        if (best) lay(y, best);
        else y->g->always[y->rule / 64] |= 1ull << y->rule % 64;
    }
}

static uint32_t count_words(const struct conds *conds)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < conds->count; i++) count += conds->v[i].words.count + 1 + count_words(&conds->v[i].inner);
    return count;
}

static enum err lay_rows(struct laying *y)
{
    struct guards *g = y->g;
    uint32_t sources = g->terms + g->facts.count;
    g->first = calloc((size_t)sources + 2, sizeof *g->first);
    if (!g->first) return ERR_NOMEM;
    lay_all(y);
    for (uint32_t s = 0; s < sources; s++) g->first[s + 1] += g->first[s];
    g->rules = calloc((size_t)g->first[sources] + 1, sizeof *g->rules);
    y->fill = calloc((size_t)sources + 1, sizeof *y->fill);
    if (!g->rules || !y->fill) return ERR_NOMEM;
    memcpy(y->fill, g->first, (size_t)sources * sizeof *y->fill);
    lay_all(y);
    return ERR_OK;
}

enum err guards_init(struct guards *g, const struct policy *p, const struct lexicon *l)
{
    struct laying y = { .g = g, .p = p, .l = l };
    uint32_t words = 1;
    *g = (struct guards){ .terms = lexicon_terms(l) };
    for (uint32_t i = 0; i < p->rule_count; i++) words += count_words(&p->rules[i].when);
    enum err e = facts_init(&g->facts, words);
    g->keys = calloc((size_t)p->cond_count + 1, sizeof *g->keys);
    g->always = calloc(p->rule_count / 64 + 1, sizeof *g->always);
    y.uses = calloc((size_t)g->terms + words + 1, sizeof *y.uses);
    if (!g->keys || !g->always || !y.uses) e = ERR_NOMEM;
    for (uint32_t i = 0; i < p->rule_count && !e; i++) count_uses(&y, &p->rules[i].when);
    if (!e) e = lay_rows(&y);
    free(y.uses);
    free(y.fill);
    return e;
}

void guards_fini(struct guards *g)
{
    facts_fini(&g->facts);
    free(g->first);
    free(g->rules);
    free(g->keys);
    free(g->always);
    *g = (struct guards){ 0 };
}

/* ---- asking ---- */

void guards_term(const struct guards *g, uint32_t term, uint64_t *bits)
{
    for (uint32_t i = g->first[term]; i < g->first[term + 1]; i++) bits[g->rules[i] / 64] |= 1ull << g->rules[i] % 64;
}

void guards_fact(const struct guards *g, enum fact_of of, uint32_t key, struct str value, uint64_t *bits)
{
    uint32_t fact = facts_get(&g->facts, of, key, value);
    if (fact != FACT_NONE) guards_term(g, g->terms + fact, bits);
}
