/* A policy may have ten thousand rules and a message concerns few of them, so the cost must follow what is found, not what is
   written. Every word and expression of every text condition is in one lexicon, every value that a condition names is a numbered
   fact, and every rule stands behind the rarest of them (guards.h): what a message has sets the bits of the rules to look at.
   rules_next walks the bits in the file's order and asks all conditions of each (ask.c).

   Intent and sentiment may change under way, because rules set them: rules_next compares them with those that it last looked up,
   and adds the rules behind the new ones. What lies before the walk's place stays behind it.

   Nothing is cleared between messages but the candidates' bits: marks carry the number of their search.

   Texts of reasons are made once, in an arena that dies with the rules; verdicts borrow them, so a verdict must not outlive its
   rules. */
#include "workers/triage/rules_in.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXTS_CAP (64u << 20)

/* ---- making ---- */

static const char *const cond_names[COND_COUNT] = {
    [COND_TEXT] = "text",         [COND_MATCH] = "match",     [COND_CHANNEL] = "channel",       [COND_ACCOUNT] = "account",
    [COND_LANGUAGE] = "language", [COND_INTENT] = "intent",   [COND_CONFIDENCE] = "confidence", [COND_SENTIMENT] = "sentiment",
    [COND_KIND] = "kind",         [COND_HOURS_OPEN] = "open", [COND_HOURS_CLOSED] = "closed",
};

/* `a` + `b` + `c` in the rules' arena, cut to `max` bytes; an empty text on no memory, which `ok` remembers. */
static struct str join(struct rules *r, const char *a, const char *b, const char *c, size_t max, bool *ok)
{
    size_t na = strlen(a), nb = strlen(b), nc = strlen(c);
    char *p = arena_alloc(&r->arena, na + nb + nc + 1);
    if (!p) return *ok = false, STR_NONE;
    memcpy(p, a, na);
    memcpy(p + na, b, nb);
    memcpy(p + na + nb, c, nc);
    struct str s = text_clip((struct str){ p, na + nb + nc }, max);
    p[s.n] = 0;
    return s;
}

static void *rows(struct rules *r, size_t count, size_t size, bool *ok)
{
    void *p = arena_alloc(&r->arena, (count + 1) * size);
    if (!p) *ok = false;
    return p;
}

static void make_text(struct rules *r, uint32_t i, bool *ok)
{
    const struct rule *rule = &r->policy->rules[i];
    struct rule_text *t = &r->texts[i];
    t->name = join(r, rule->name, "", "", 64, ok);
    t->by = join(r, "rule:", rule->name, "", 128, ok);
    if (rule->intent) t->intent = join(r, rule->intent, "", "", 64, ok);
    if (rule->queue >= 0) t->queue = join(r, r->policy->queues[rule->queue].name, "", "", 64, ok);
    t->needs = rows(r, rule->needs.count, sizeof *t->needs, ok);
    t->need_detail = rows(r, rule->needs.count, sizeof *t->need_detail, ok);
    t->tags = rows(r, rule->tags.count, sizeof *t->tags, ok);
    if (!*ok) return;
    for (uint32_t n = 0; n < rule->needs.count; n++) {
        const struct skill *s = &rule->needs.v[n];
        char level[16];
        t->needs[n].level = s->level;
        if (s->from_ticket) continue;
        snprintf(level, sizeof level, ":%u", (unsigned)s->level);
        t->needs[n].skill = join(r, s->name, "", "", 64, ok);
        t->need_detail[n] = join(r, s->name, level, "", 256, ok);
    }
    for (uint32_t n = 0; n < rule->tags.count; n++) t->tags[n].name = join(r, rule->tags.v[n], "", "", 64, ok);
}

/* A range says its own sign: "customer.open_tickets>=3". */
static const char *sign_of(const struct cond *c, uint32_t w) { return c->tests && c->tests[w].kind == TEST_RANGE ? "" : "="; }

/* Where the policy's words and expressions stand, for the lexicon. */
struct patterns {
    struct str *words, *expressions;
};

static void make_conds(struct rules *r, const struct conds *conds, const struct patterns *to, bool *ok)
{
    for (uint32_t i = 0; i < conds->count && *ok; i++) {
        const struct cond *c = &conds->v[i];
        const char *name = c->kind == COND_ATTRIBUTE ? c->key : cond_names[c->kind];
        struct str *list = c->kind == COND_TEXT ? to->words : c->kind == COND_MATCH ? to->expressions : NULL;
        r->why[c->number] = rows(r, c->words.count, sizeof **r->why, ok);
        for (uint32_t w = 0; w < c->words.count && *ok; w++) {
            r->why[c->number][w] = join(r, name, sign_of(c, w), c->words.v[w], 256, ok);
            if (list) list[c->pattern + w] = str_of(c->words.v[w]);
        }
        make_conds(r, &c->inner, to, ok);
    }
}

static enum err make_rules(struct rules *r, const struct patterns *to)
{
    bool ok = true;
    const struct policy *p = r->policy;
    r->bit_words = (p->rule_count + 63) / 64;
    r->why = rows(r, p->cond_count, sizeof *r->why, &ok);
    r->texts = rows(r, p->rule_count, sizeof *r->texts, &ok);
    for (uint32_t i = 0; i < p->rule_count && ok; i++) {
        make_conds(r, &p->rules[i].when, to, &ok);
        make_text(r, i, &ok);
    }
    return ok ? ERR_OK : ERR_NOMEM;
}

enum err rules_new(struct rules **out, struct policy *p, char why[200])
{
    enum err e = ERR_NOMEM;
    struct patterns to = { .words = calloc((size_t)p->pattern_count + 1, sizeof *to.words),
                           .expressions = calloc((size_t)p->expression_count + 1, sizeof *to.expressions) };
    struct rules *r = calloc(1, sizeof *r);
    snprintf(why, 200, "%s", err_text(e));
    if (!to.words || !to.expressions || !r) goto out;
    arena_init(&r->arena, TEXTS_CAP);
    r->policy = policy_ref(p);
    e = make_rules(r, &to);
    if (!e) e = lexicon_new(&r->lexicon, to.words, p->pattern_count, to.expressions, p->expression_count, why);
    if (!e) e = guards_init(&r->guards, p, r->lexicon);
    if (e) goto out;
    *out = r;
    r = NULL;
out:
    free(to.words);
    free(to.expressions);
    rules_free(r);
    return e;
}

void rules_free(struct rules *r)
{
    if (!r) return;
    guards_fini(&r->guards);
    lexicon_free(r->lexicon);
    arena_fini(&r->arena);
    policy_unref(r->policy);
    free(r);
}

const struct policy *rules_policy(const struct rules *r) { return r->policy; }
const struct rule_text *rules_text(const struct rules *r, uint32_t rule) { return &r->texts[rule]; }

/* ---- the scratch ---- */

enum err scratch_new(struct scratch **out)
{
    struct scratch *s = calloc(1, sizeof *s);
    if (!s) return ERR_NOMEM;
    enum err e = lexicon_scratch_new(&s->lexicon);
    if (!e) e = features_new(&s->features);
    if (e) return scratch_free(s), e;
    *out = s;
    return ERR_OK;
}

/* Zeroed room for `count` things at *p, which had `*room`. */
static bool fit(void **p, uint32_t *room, uint32_t count, size_t size)
{
    if (count <= *room) return true;
    void *more = calloc(count, size);
    if (!more) return false;
    free(*p);
    *p = more;
    *room = count;
    return true;
}

enum err scratch_fit(struct scratch *s, const struct rules *r)
{
    void *bits = s->candidates, *attributes = s->attributes, *hours = s->hours;
    bool ok = fit(&bits, &s->bit_room, r->bit_words, sizeof *s->candidates);
    s->candidates = bits;
    ok = fit(&attributes, &s->attribute_room, r->guards.facts.count, sizeof *s->attributes) && ok;
    s->attributes = attributes;
    ok = fit(&hours, &s->hours_room, r->policy->hours_count, sizeof *s->hours) && ok;
    s->hours = hours;
    return ok ? lexicon_scratch_fit(s->lexicon, r->lexicon) : ERR_NOMEM;
}

void scratch_free(struct scratch *s)
{
    if (!s) return;
    lexicon_scratch_free(s->lexicon);
    features_free(s->features);
    free(s->candidates);
    free(s->attributes);
    free(s->hours);
    free(s);
}

struct drafts *scratch_drafts(struct scratch *s) { return &s->drafts; }
struct features *scratch_features(struct scratch *s) { return s->features; }

/* ---- finding ---- */

static void on_term(void *ctx, uint32_t term)
{
    struct scratch *s = ctx;
    guards_term(&s->finding->guards, term, s->candidates);
}

static void note_intent(const struct guards *g, struct scratch *s, struct str intent)
{
    s->intent = intent;
    if (!intent.n) return;
    guards_fact(g, FACT_INTENT, 0, intent, s->candidates);
    guards_fact(g, FACT_SOME_INTENT, 0, STR(""), s->candidates);
}

static void note_sentiment(const struct guards *g, struct scratch *s, enum sentiment sentiment)
{
    s->sentiment = sentiment;
    guards_fact(g, FACT_SENTIMENT, 0, str_of(sentiment_words.v[sentiment]), s->candidates);
}

enum err rules_find(const struct rules *r, struct scratch *s, const struct look *look, struct str key)
{
    const struct guards *g = &r->guards;
    s->search++;
    s->finding = r;
    if (!r->bit_words) return ERR_OK;
    memcpy(s->candidates, g->always, r->bit_words * sizeof *g->always);
    guards_fact(g, FACT_CHANNEL, 0, look->event->channel, s->candidates);
    guards_fact(g, FACT_ACCOUNT, 0, look->event->account, s->candidates);
    guards_fact(g, FACT_LANGUAGE, 0, look->language, s->candidates);
    guards_fact(g, FACT_KIND, 0, str_of(event_kind_words.v[look->event->kind]), s->candidates);
    note_intent(g, s, look->intent);
    note_sentiment(g, s, look->sentiment);
    ask_attributes(r, s, look->event);
    return lexicon_find(r->lexicon, s->lexicon, key, on_term, s);
}

int rules_next(const struct rules *r, struct scratch *s, const struct look *look, uint32_t *from, struct str *why)
{
    if (look->intent.p != s->intent.p || look->intent.n != s->intent.n) note_intent(&r->guards, s, look->intent);
    if (look->sentiment != s->sentiment) note_sentiment(&r->guards, s, look->sentiment);
    while (*from < r->policy->rule_count) {
        uint64_t bits = s->candidates[*from / 64] >> *from % 64;
        if (!bits) {
            *from = (*from / 64 + 1) * 64;
            continue;
        }
        *from += (uint32_t)__builtin_ctzll(bits);
        uint32_t i = (*from)++;
        if (ask_rule(r, s, look, i, why)) return (int)i;
    }
    return -1;
}
