/* Everything here errs on the side of "no": a warning that is wrong costs more trust than one that is missing.

   One condition implies another of its kind when each of its words is covered by a word of the other (any of its words may be the
   one that held, so each must be). A word covers its equal, a glob what it matches, a range the numbers and ranges within it.
   Two conditions exclude each other when no word of the one can hold together with a word of the other, which only things with a
   single value can say: a message may have two words, but not two channels. */
#include "config/imply.h"

#include <string.h>

static bool spend(struct imply *y)
{
    if (y->budget == 0) return false;
    y->budget--;
    return true;
}

static bool same_subject(const struct cond *a, const struct cond *b)
{
    return a->kind == b->kind && (!a->key || !strcmp(a->key, b->key));
}

static enum value_test_kind test_of(const struct cond *c, uint32_t w)
{
    if (c->tests) return c->tests[w].kind;
    return c->kind == COND_INTENT && strchr(c->words.v[w], '*') ? TEST_GLOB : TEST_EQUAL;
}

/* Is every value that word `a` of `inner` accepts accepted by word `b` of `outer`? */
static bool covers(const struct cond *outer, uint32_t b, const struct cond *inner, uint32_t a)
{
    struct str wide = str_of(outer->words.v[b]), narrow = str_of(inner->words.v[a]);
    enum value_test_kind kind = test_of(inner, a);
    double number;
    if (str_eq(wide, narrow)) return true;
    switch (test_of(outer, b)) {
    case TEST_EQUAL: return false;
    case TEST_GLOB: return str_is(wide, "*") || (kind == TEST_EQUAL && str_glob(wide, narrow));
    case TEST_RANGE: break;
    }
    const struct value_test *o = &outer->tests[b];
    if (kind == TEST_EQUAL) return rule_number(narrow, &number) && rule_test(o, number);
    if (kind != TEST_RANGE) return false;
    const struct value_test *i = &inner->tests[a];
    return (i->least > o->least || (i->least == o->least && (i->above || !o->above))) &&
           (i->most < o->most || (i->most == o->most && (i->below || !o->below)));
}

static bool words_within(struct imply *y, const struct cond *inner, const struct cond *outer)
{
    for (uint32_t a = 0; a < inner->words.count; a++) {
        uint32_t b = 0;
        while (b < outer->words.count && spend(y) && !covers(outer, b, inner, a)) b++;
        if (b == outer->words.count || y->budget == 0) return false;
    }
    return inner->words.count > 0;
}

/* Does the one condition `given` make `asked` certain? */
static bool one_implies(struct imply *y, const struct cond *given, const struct cond *asked)
{
    if (given->kind == COND_ALL) return implies_one(y, &given->inner, asked);
    if (given->kind == COND_ANY) {
        for (uint32_t i = 0; i < given->inner.count; i++)
            if (!implies_one(y, &given->inner.v[i].inner, asked)) return false;
        return given->inner.count > 0;
    }
    if (!same_subject(given, asked) || !spend(y)) return false;
    return given->kind == COND_NOT ? implies(y, &asked->inner, &given->inner) : words_within(y, given, asked);
}

bool implies_one(struct imply *y, const struct conds *given, const struct cond *asked)
{
    if (asked->kind == COND_ALL) return implies(y, given, &asked->inner);
    for (uint32_t i = 0; asked->kind == COND_ANY && i < asked->inner.count; i++)
        if (implies(y, given, &asked->inner.v[i].inner)) return true;
    for (uint32_t i = 0; i < given->count; i++)
        if (one_implies(y, &given->v[i], asked)) return true;
    return false;
}

bool implies(struct imply *y, const struct conds *given, const struct conds *asked)
{
    for (uint32_t i = 0; i < asked->count; i++)
        if (!implies_one(y, given, &asked->v[i])) return false;
    return true;
}

/* ---- what cannot be together ---- */

/* Can one value satisfy both words? */
static bool meet(const struct cond *a, uint32_t i, const struct cond *b, uint32_t k)
{
    enum value_test_kind x = test_of(a, i), z = test_of(b, k);
    if (x == TEST_GLOB && z == TEST_GLOB) return true;
    if (x == TEST_RANGE && z == TEST_RANGE) {
        const struct value_test *m = &a->tests[i], *n = &b->tests[k];
        double least = m->least > n->least ? m->least : n->least, most = m->most < n->most ? m->most : n->most;
        bool open = (m->above && m->least == least) || (n->above && n->least == least) || (m->below && m->most == most) ||
                    (n->below && n->most == most);
        return least < most || (least == most && !open);
    }
    if (x == TEST_GLOB || z == TEST_GLOB) return x == TEST_RANGE || z == TEST_RANGE || covers(a, i, b, k) || covers(b, k, a, i);
    return covers(a, i, b, k) || covers(b, k, a, i);
}

static bool single_valued(enum cond_kind k)
{
    return k == COND_CHANNEL || k == COND_ACCOUNT || k == COND_LANGUAGE || k == COND_INTENT || k == COND_CONFIDENCE ||
           k == COND_SENTIMENT || k == COND_KIND || k == COND_ATTRIBUTE;
}

static bool accounts_elsewhere(const struct policy *p, const struct cond *accounts, const struct cond *channels)
{
    for (uint32_t i = 0; i < accounts->words.count; i++) {
        for (uint32_t a = 0; a < p->account_count; a++) {
            if (strcmp(p->accounts[a].name, accounts->words.v[i])) continue;
            for (uint32_t c = 0; c < channels->words.count; c++)
                if (!strcmp(p->channels[p->accounts[a].channel].name, channels->words.v[c])) return false;
        }
    }
    return true;
}

bool excludes(struct imply *y, const struct policy *p, const struct cond *a, const struct cond *b)
{
    if (a->kind == COND_ACCOUNT && b->kind == COND_CHANNEL) return accounts_elsewhere(p, a, b);
    if (a->kind == COND_CHANNEL && b->kind == COND_ACCOUNT) return accounts_elsewhere(p, b, a);
    if ((a->kind == COND_HOURS_OPEN && b->kind == COND_HOURS_CLOSED) ||
        (a->kind == COND_HOURS_CLOSED && b->kind == COND_HOURS_OPEN))
        return a->words.count == 1 && b->words.count == 1 && a->hours[0] == b->hours[0];
    if (!single_valued(a->kind) || !same_subject(a, b)) return false;
    for (uint32_t i = 0; i < a->words.count; i++)
        for (uint32_t k = 0; k < b->words.count; k++)
            if (!spend(y) || meet(a, i, b, k)) return false;
    return true;
}
