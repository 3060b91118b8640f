/* A policy may have a thousand rules and a message concerns few of them, so the cost must follow what is found, not what is
   written. Every word of every text condition is in one lexicon; a hit marks its condition (`hit[cond]` = this search's number and
   the word) and its rule as a candidate. Rules without a text condition are candidates always (`always`). rules_next walks the
   bits of candidates in the file's order and asks all conditions of each; conditions on intent and sentiment see what earlier
   rules set, which is why they are asked during the walk and not before it.

   Nothing is cleared between messages but the candidates' bits: marks carry the number of their search.

   Conditions are numbered through the whole policy: rule i's begin at first_cond[i]. Texts of reasons are made once, in an arena
   that dies with the rules; verdicts borrow them, so a verdict must not outlive its rules. */
#include "workers/triage/rules.h"

#include "base/panic.h"
#include "workers/triage/lexicon.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXTS_CAP (64u << 20)

struct use { /* where a word stands */
    uint32_t rule, cond, word;
};
struct rules {
    struct policy *policy; /* one reference */
    struct lexicon *lexicon;
    struct use *uses;     /* by pattern, as policy numbers them */
    uint32_t *first_cond; /* by rule */
    struct str **why;     /* by condition: for each of its words "text=장애" */
    uint64_t *always;     /* bits of rules */
    struct rule_text *texts;
    uint32_t cond_count, bit_words;
    struct arena arena;
};

struct hit {
    uint64_t search;
    uint32_t word;
};
struct scratch {
    struct lexicon_scratch *lexicon;
    struct hit *hits; /* by condition */
    uint64_t *candidates;
    uint64_t search;
    uint32_t hit_room, bit_room;
    const struct rules *finding; /* during rules_find */
    struct drafts drafts;
};

/* ---- making ---- */

static const char *const cond_names[] = {
    [COND_TEXT] = "text",       [COND_CHANNEL] = "channel",     [COND_ACCOUNT] = "account", [COND_LANGUAGE] = "language",
    [COND_INTENT] = "intent",   [COND_SENTIMENT] = "sentiment", [COND_KIND] = "kind",       [COND_ATTRIBUTE] = "attribute",
    [COND_HOURS_OPEN] = "open", [COND_HOURS_CLOSED] = "closed",
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

static void make_cond(struct rules *r, uint32_t rule, const struct cond *c, uint32_t number, struct str *words, bool *ok)
{
    const char *name = c->kind == COND_ATTRIBUTE ? c->key : cond_names[c->kind];
    r->why[number] = rows(r, c->words.count, sizeof **r->why, ok);
    if (!*ok) return;
    for (uint32_t w = 0; w < c->words.count; w++) {
        r->why[number][w] = join(r, name, "=", c->words.v[w], 256, ok);
        if (c->kind != COND_TEXT) continue;
        naru_assert(c->pattern + w < r->policy->pattern_count); /* the loader numbers them */
        words[c->pattern + w] = str_of(c->words.v[w]);
        r->uses[c->pattern + w] = (struct use){ rule, number, w };
    }
}

static bool has_text(const struct rule *rule)
{
    for (uint32_t c = 0; c < rule->when_count; c++)
        if (rule->when[c].kind == COND_TEXT) return true;
    return false;
}

static enum err make_rooms(struct rules *r)
{
    bool ok = true;
    const struct policy *p = r->policy;
    for (uint32_t i = 0; i < p->rule_count; i++) r->cond_count += p->rules[i].when_count;
    r->bit_words = (p->rule_count + 63) / 64;
    r->uses = rows(r, p->pattern_count, sizeof *r->uses, &ok);
    r->first_cond = rows(r, p->rule_count, sizeof *r->first_cond, &ok);
    r->why = rows(r, r->cond_count, sizeof *r->why, &ok);
    r->always = rows(r, r->bit_words, sizeof *r->always, &ok);
    r->texts = rows(r, p->rule_count, sizeof *r->texts, &ok);
    return ok ? ERR_OK : ERR_NOMEM;
}

static enum err make_rules(struct rules *r, struct str *words)
{
    bool ok = true;
    for (uint32_t i = 0, number = 0; i < r->policy->rule_count && ok; i++) {
        const struct rule *rule = &r->policy->rules[i];
        r->first_cond[i] = number;
        for (uint32_t c = 0; c < rule->when_count; c++) make_cond(r, i, &rule->when[c], number++, words, &ok);
        if (!has_text(rule)) r->always[i / 64] |= 1ull << i % 64;
        make_text(r, i, &ok);
    }
    return ok ? ERR_OK : ERR_NOMEM;
}

enum err rules_new(struct rules **out, struct policy *p, char why[200])
{
    enum err e = ERR_NOMEM;
    struct str *words = calloc(p->pattern_count + 1, sizeof *words);
    struct rules *r = calloc(1, sizeof *r);
    snprintf(why, 200, "%s", err_text(e));
    if (!words || !r) goto out;
    arena_init(&r->arena, TEXTS_CAP);
    r->policy = policy_ref(p);
    e = make_rooms(r);
    if (!e) e = make_rules(r, words);
    if (!e) e = lexicon_new(&r->lexicon, words, p->pattern_count, why);
    if (e) goto out;
    *out = r;
    r = NULL;
out:
    free(words);
    rules_free(r);
    return e;
}

void rules_free(struct rules *r)
{
    if (!r) return;
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
    if (e) return free(s), e;
    *out = s;
    return ERR_OK;
}

enum err scratch_fit(struct scratch *s, const struct rules *r)
{
    if (r->cond_count > s->hit_room) {
        struct hit *hits = calloc(r->cond_count, sizeof *hits);
        if (!hits) return ERR_NOMEM;
        free(s->hits);
        s->hits = hits;
        s->hit_room = r->cond_count;
    }
    if (r->bit_words > s->bit_room) {
        uint64_t *bits = calloc(r->bit_words, sizeof *bits);
        if (!bits) return ERR_NOMEM;
        free(s->candidates);
        s->candidates = bits;
        s->bit_room = r->bit_words;
    }
    return lexicon_scratch_fit(s->lexicon, r->lexicon);
}

void scratch_free(struct scratch *s)
{
    if (!s) return;
    lexicon_scratch_free(s->lexicon);
    free(s->hits);
    free(s->candidates);
    free(s);
}

struct drafts *scratch_drafts(struct scratch *s) { return &s->drafts; }

/* ---- finding ---- */

static void on_word(void *ctx, uint32_t word)
{
    struct scratch *s = ctx;
    const struct use *u = &s->finding->uses[word];
    struct hit *h = &s->hits[u->cond];
    if (h->search != s->search) *h = (struct hit){ s->search, u->word };
    s->candidates[u->rule / 64] |= 1ull << u->rule % 64;
}

enum err rules_find(const struct rules *r, struct scratch *s, struct str key)
{
    s->search++;
    s->finding = r;
    if (r->bit_words) memcpy(s->candidates, r->always, r->bit_words * sizeof *r->always);
    return lexicon_find(r->lexicon, s->lexicon, key, on_word, s);
}

/* ---- conditions: the index of the word that holds, or -1 ---- */

struct asking {
    const struct rules *r;
    const struct scratch *s;
    const struct look *look;
    uint32_t number; /* of the condition */
};

static int any_word(const struct cond *c, struct str value)
{
    for (uint32_t w = 0; w < c->words.count; w++)
        if (str_is(value, c->words.v[w])) return (int)w;
    return -1;
}

static int ask_text(const struct asking *a, const struct cond *c)
{
    (void)c;
    const struct hit *h = &a->s->hits[a->number];
    return h->search == a->s->search ? (int)h->word : -1;
}
static int ask_channel(const struct asking *a, const struct cond *c) { return any_word(c, a->look->event->channel); }
static int ask_account(const struct asking *a, const struct cond *c) { return any_word(c, a->look->event->account); }
static int ask_language(const struct asking *a, const struct cond *c) { return any_word(c, a->look->language); }
static int ask_sentiment(const struct asking *a, const struct cond *c)
{
    return any_word(c, str_of(sentiment_words.v[a->look->sentiment]));
}
static int ask_kind(const struct asking *a, const struct cond *c)
{
    return any_word(c, str_of(event_kind_words.v[a->look->event->kind]));
}

static int ask_intent(const struct asking *a, const struct cond *c)
{
    for (uint32_t w = 0; a->look->intent.n && w < c->words.count; w++)
        if (str_glob(str_of(c->words.v[w]), a->look->intent)) return (int)w;
    return -1;
}

static int ask_attribute(const struct asking *a, const struct cond *c)
{
    const struct list *l = &a->look->event->attributes;
    const struct attribute *at = l->items;
    for (uint32_t i = 0; i < l->count; i++) {
        int w = str_is(at[i].key, c->key) ? any_word(c, at[i].value) : -1;
        if (w >= 0) return w;
    }
    return -1;
}

static int ask_hours(const struct asking *a, const struct cond *c)
{
    for (uint32_t w = 0; w < c->words.count; w++)
        if (hours_open(&a->r->policy->hours[c->hours[w]], a->look->now, NULL) == (c->kind == COND_HOURS_OPEN)) return (int)w;
    return -1;
}

static int (*const asks[])(const struct asking *a, const struct cond *c) = {
    [COND_TEXT] = ask_text,        [COND_CHANNEL] = ask_channel,     [COND_ACCOUNT] = ask_account, [COND_LANGUAGE] = ask_language,
    [COND_INTENT] = ask_intent,    [COND_SENTIMENT] = ask_sentiment, [COND_KIND] = ask_kind,       [COND_ATTRIBUTE] = ask_attribute,
    [COND_HOURS_OPEN] = ask_hours, [COND_HOURS_CLOSED] = ask_hours,
};

static bool holds(const struct rules *r, const struct scratch *s, const struct look *look, uint32_t i, struct str *why)
{
    const struct rule *rule = &r->policy->rules[i];
    bool said = false;
    *why = STR_NONE;
    for (uint32_t n = 0; n < rule->when_count; n++) {
        const struct cond *c = &rule->when[n];
        struct asking a = { r, s, look, r->first_cond[i] + n };
        int w = asks[c->kind](&a, c);
        if (w < 0) return false;
        if (n == 0 || (c->kind == COND_TEXT && !said)) *why = r->why[a.number][w];
        said |= c->kind == COND_TEXT;
    }
    return true;
}

int rules_next(const struct rules *r, const struct scratch *s, const struct look *look, uint32_t *from, struct str *why)
{
    while (*from < r->policy->rule_count) {
        uint64_t bits = s->candidates[*from / 64] >> *from % 64;
        if (!bits) {
            *from = (*from / 64 + 1) * 64;
            continue;
        }
        *from += (uint32_t)__builtin_ctzll(bits);
        uint32_t i = (*from)++;
        if (holds(r, s, look, i, why)) return (int)i;
    }
    return -1;
}
