/* Does a rule hold? Each kind of condition is one function that gives the index of the word that holds, or -1. Nothing is
   allocated, and what is dear is found once a message: attributes stand in slots by their key, hours remember their answer.

   `why` is what reasons show: the first text or expression that was found, else the first condition's word. Within a group that
   turns out not to hold nothing is said, so what it noted is taken back. */
#include "workers/triage/rules_in.h"

#include <math.h>

struct asking {
    const struct rules *r;
    struct scratch *s;
    const struct look *look;
    struct str why;
    bool said, found; /* something stands in why; it is a text */
};

void ask_attributes(const struct rules *r, struct scratch *s, const struct event *e)
{
    const struct attribute *at = e->attributes.items;
    uint32_t count = e->attributes.count < LIM_LIST_ITEMS ? e->attributes.count : LIM_LIST_ITEMS;
    if (r->guards.facts.count == 0) return;
    for (uint32_t i = count; i-- > 0;) { /* from the last, so that the first one leads */
        uint32_t key = facts_get(&r->guards.facts, FACT_KEY, 0, at[i].key);
        if (key == FACT_NONE) continue;
        struct attribute_slot *slot = &s->attributes[key];
        s->next[i] = slot->search == s->search ? slot->first : LIM_LIST_ITEMS;
        *slot = (struct attribute_slot){ s->search, i };
        if (!rule_number(at[i].value, &s->numbers[i])) s->numbers[i] = NAN;
        guards_term(&r->guards, r->guards.terms + key, s->candidates);
        guards_fact(&r->guards, FACT_VALUE, key, at[i].value, s->candidates);
    }
}

/* ---- conditions ---- */

static int any_word(const struct cond *c, struct str value)
{
    for (uint32_t w = 0; w < c->words.count; w++)
        if (str_is(value, c->words.v[w])) return (int)w;
    return -1;
}

static int any_term(const struct asking *a, const struct cond *c, uint32_t first)
{
    for (uint32_t w = 0; w < c->words.count; w++)
        if (lexicon_found(a->s->lexicon, lexicon_term(a->r->lexicon, first + w))) return (int)w;
    return -1;
}

static int ask_text(struct asking *a, const struct cond *c) { return any_term(a, c, c->pattern); }
static int ask_match(struct asking *a, const struct cond *c) { return any_term(a, c, a->r->policy->pattern_count + c->pattern); }
static int ask_channel(struct asking *a, const struct cond *c) { return any_word(c, a->look->event->channel); }
static int ask_account(struct asking *a, const struct cond *c) { return any_word(c, a->look->event->account); }
static int ask_language(struct asking *a, const struct cond *c) { return any_word(c, a->look->language); }
static int ask_sentiment(struct asking *a, const struct cond *c)
{
    return any_word(c, str_of(sentiment_words.v[a->look->sentiment]));
}
static int ask_kind(struct asking *a, const struct cond *c)
{
    return any_word(c, str_of(event_kind_words.v[a->look->event->kind]));
}

static int ask_intent(struct asking *a, const struct cond *c)
{
    for (uint32_t w = 0; a->look->intent.n && w < c->words.count; w++)
        if (str_glob(str_of(c->words.v[w]), a->look->intent)) return (int)w;
    return -1;
}

static int ask_confidence(struct asking *a, const struct cond *c)
{
    for (uint32_t w = 0; a->look->intent.n && w < c->words.count; w++)
        if (rule_test(&c->tests[w], a->look->confidence)) return (int)w;
    return -1;
}

static bool value_holds(const struct value_test *t, const char *word, struct str value, double number)
{
    if (t->kind == TEST_RANGE) return rule_test(t, number);
    return t->kind == TEST_GLOB ? str_glob(str_of(word), value) : str_is(value, word);
}

static int ask_attribute(struct asking *a, const struct cond *c)
{
    const struct attribute *at = a->look->event->attributes.items;
    const struct attribute_slot *slot = &a->s->attributes[a->r->guards.keys[c->number]];
    if (slot->search != a->s->search) return -1;
    for (uint32_t i = slot->first; i < LIM_LIST_ITEMS; i = a->s->next[i])
        for (uint32_t w = 0; w < c->words.count; w++)
            if (value_holds(&c->tests[w], c->words.v[w], at[i].value, a->s->numbers[i])) return (int)w;
    return -1;
}

static bool is_open(struct asking *a, uint32_t hours)
{
    struct hours_slot *slot = &a->s->hours[hours];
    if (slot->search != a->s->search)
        *slot = (struct hours_slot){ a->s->search, hours_open(&a->r->policy->hours[hours], a->look->now, NULL) };
    return slot->open;
}

static int ask_hours(struct asking *a, const struct cond *c)
{
    for (uint32_t w = 0; w < c->words.count; w++)
        if (is_open(a, c->hours[w]) == (c->kind == COND_HOURS_OPEN)) return (int)w;
    return -1;
}

static int (*const asks[COND_COUNT])(struct asking *a, const struct cond *c) = {
    [COND_TEXT] = ask_text,
    [COND_MATCH] = ask_match,
    [COND_CHANNEL] = ask_channel,
    [COND_ACCOUNT] = ask_account,
    [COND_LANGUAGE] = ask_language,
    [COND_INTENT] = ask_intent,
    [COND_CONFIDENCE] = ask_confidence,
    [COND_SENTIMENT] = ask_sentiment,
    [COND_KIND] = ask_kind,
    [COND_ATTRIBUTE] = ask_attribute,
    [COND_HOURS_OPEN] = ask_hours,
    [COND_HOURS_CLOSED] = ask_hours,
};

/* ---- groups ---- */

static bool all_hold(struct asking *a, const struct conds *conds);

static bool any_holds(struct asking *a, const struct conds *groups)
{
    for (uint32_t i = 0; i < groups->count; i++) {
        struct asking before = *a;
        if (all_hold(a, &groups->v[i].inner)) return true;
        *a = before;
    }
    return false;
}

static bool one_holds(struct asking *a, const struct cond *c)
{
    if (c->kind == COND_ALL) return all_hold(a, &c->inner);
    if (c->kind == COND_ANY) return any_holds(a, &c->inner);
    if (c->kind == COND_NOT) {
        struct asking before = *a;
        bool holds = all_hold(a, &c->inner);
        *a = before;
        return !holds;
    }
    int w = asks[c->kind](a, c);
    if (w < 0) return false;
    bool text = c->kind == COND_TEXT || c->kind == COND_MATCH;
    if (!a->said || (text && !a->found)) a->why = a->r->why[c->number][w];
    a->said = true;
    a->found |= text;
    return true;
}

static bool all_hold(struct asking *a, const struct conds *conds)
{
    for (uint32_t i = 0; i < conds->count; i++)
        if (!one_holds(a, &conds->v[i])) return false;
    return true;
}

bool ask_rule(const struct rules *r, struct scratch *s, const struct look *look, uint32_t rule, struct str *why)
{
    struct asking a = { .r = r, .s = s, .look = look };
    bool holds = all_hold(&a, &r->policy->rules[rule].when);
    *why = holds ? a.why : STR_NONE;
    return holds;
}
