/* The conditions of a rule: a mapping of conditions becomes a `struct conds`, one `struct cond` a row; `all`, `any` and `not` hold
   mappings of their own, read through the same rows (when_mapping), so whatever may stand in a rule may stand within a group.

   A condition's words are kept as they were written: reasons and messages show them so. What a word asks for beyond being equal
   (a glob, a range of numbers) stands beside it in `tests`.

   Depth and number of a rule's conditions are bounded here, because both are walked by recursion and for each message. */
#include "base/limits.h"
#include "config/draft.h"
#include "config/expr.h"

#include <math.h>
#include <stdlib.h>

/* ---- words ---- */

struct rule_word rule_word(struct str written)
{
    struct rule_word w = { .text = written };
    if (w.text.n && w.text.p[0] == '=') w.whole = true, w.text.p++, w.text.n--;
    else if (w.text.n && w.text.p[0] == '*') w.open_left = true, w.text.p++, w.text.n--;
    if (w.text.n && w.text.p[w.text.n - 1] == '*') w.open_right = true, w.text.n--;
    return w;
}

bool rule_number(struct str s, double *out)
{
    static const double tens[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };
    bool minus = s.n && s.p[0] == '-';
    size_t digits = 0, behind = 0, point = 0;
    uint64_t v = 0; /* exact, and so is the power of ten: the quotient is the nearest double */
    for (size_t i = minus; i < s.n; i++) {
        if (s.p[i] == '.' && !point && digits) {
            point = 1;
            continue;
        }
        if (s.p[i] < '0' || s.p[i] > '9' || ++digits > 15) return false;
        v = v * 10 + (uint64_t)(s.p[i] - '0');
        behind += point;
    }
    if (digits == 0 || (point && !behind)) return false;
    *out = (minus ? -(double)v : (double)v) / tens[behind];
    return true;
}

bool rule_test(const struct value_test *t, double number)
{
    return (t->above ? number > t->least : number >= t->least) && (t->below ? number < t->most : number <= t->most);
}

static struct str without_blanks(struct str s)
{
    while (s.n && s.p[0] == ' ') s.p++, s.n--;
    return s;
}

/* One of ">=3", "> 3", "<2", "<=2" at the front of *s, narrowing *t. */
static bool read_bound(struct str *s, struct value_test *t)
{
    char sign = s->n ? s->p[0] : 0;
    double number;
    if (sign != '<' && sign != '>') return false;
    bool strict = s->n < 2 || s->p[1] != '=';
    size_t n = strict ? 1 : 2, end;
    *s = without_blanks((struct str){ s->p + n, s->n - n });
    for (end = 0; end < s->n && s->p[end] != ' ' && s->p[end] != ',';) end++;
    if (!rule_number((struct str){ s->p, end }, &number)) return false;
    if (sign == '>') t->least = number, t->above = strict;
    else t->most = number, t->below = strict;
    *s = without_blanks((struct str){ s->p + end, s->n - end });
    return true;
}

static void read_range(struct bind *b, const struct ynode *n, struct value_test *t)
{
    struct str s = n->text;
    *t = (struct value_test){ .kind = TEST_RANGE, .least = -INFINITY, .most = INFINITY };
    bool good = read_bound(&s, t) && (s.n == 0 || (read_bound(&s, t) && s.n == 0));
    if (!good) bind_expected(b, n, "a comparison (write \">=3\", \"<2\" or \">=3 <10\")");
    else if (t->least > t->most || (t->least == t->most && (t->above || t->below)))
        bind_error(b, n, "no number is \"%.*s\"", STR_FMT(findings_shown(n->text)));
}

static void read_test(struct bind *b, const struct ynode *n, const struct cond_spec *spec, struct value_test *t)
{
    char first = n->text.p[0];
    *t = (struct value_test){ .kind = memchr(n->text.p, '*', n->text.n) ? TEST_GLOB : TEST_EQUAL };
    if (first == '<' || first == '>' || spec->kind == COND_CONFIDENCE) read_range(b, n, t);
    if (spec->kind != COND_CONFIDENCE || t->kind != TEST_RANGE) return;
    if (t->least > 1 || (t->least == 1 && t->above) || t->most < 0 || (t->most == 0 && t->below))
        bind_error(b, n, "never holds: a confidence is 0 to 1");
    else if (!(t->least > 0 || t->above) && t->most >= 1) bind_warn(b, n, "always holds: a confidence is 0 to 1");
}

/* ---- one condition ---- */

static struct cond *add_cond(struct bind *b, const struct ynode *n, struct conds *to)
{
    if (!to->v) to->v = bind_alloc(b, n->parent->count * sizeof *to->v);
    return to->v ? &to->v[to->count++] : NULL;
}

static void check_expression(struct bind *b, const struct ynode *n)
{
    char why[200];
    if (b->f->checked) return;
    enum err e = expr_check(n->text, why);
    if (e == ERR_NOMEM) b->broken = true;
    else if (e) bind_error(b, n, "\"%.*s\" %s", STR_FMT(findings_shown(n->text)), why);
    else if (why[0]) bind_warn(b, n, "\"%.*s\" %s", STR_FMT(findings_shown(n->text)), why);
}

static void check_word(struct bind *b, const struct ynode *n, const struct cond_spec *spec, struct cond *c, uint32_t i)
{
    if (spec->ref >= 0) bind_ref(b, (enum ref_to)spec->ref, n, c->hours ? (int *)&c->hours[i] : NULL);
    if (spec->set) (void)bind_word(b, n, spec->set, "a word known here");
    if (spec->language) bind_language(b, n);
    if (c->tests) read_test(b, n, spec, &c->tests[i]);
    if (spec->kind == COND_MATCH) check_expression(b, n);
    if (spec->kind == COND_TEXT && !rule_word(n->text).text.n) bind_error(b, n, "a mark alone finds nothing: write a word with it");
}

static bool is_text(struct bind *b, const struct ynode *n, const struct row *r)
{
    if (!bind_is_scalar(b, n, "a text")) return false;
    if (n->text.n == 0) bind_error(b, n, "an empty text says nothing");
    else if ((double)n->text.n > r->max) bind_error(b, n, "has %zu bytes; at most %.0f are allowed", n->text.n, r->max);
    return n->text.n && (double)n->text.n <= r->max;
}

static void read_cond(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    const struct cond_spec *spec = r->arg;
    struct cond *c = add_cond(b, n, into);
    uint32_t count = bind_count(n);
    if (!c) return;
    c->kind = spec->kind;
    c->line = n->key_line;
    c->column = n->key_column;
    if (spec->kind == COND_ATTRIBUTE) c->key = bind_text(b, n->key);
    if (n->type == Y_MAP) {
        bind_expected(b, n, "a text or a list of texts");
        return;
    }
    if (count == 0) bind_error(b, n, "an empty list never holds: name something, or leave the condition out");
    if (!bind_list_fits(b, n, LIM_RULE_WORDS)) return;
    c->words.v = bind_alloc(b, count * sizeof *c->words.v);
    if (spec->ref == REF_HOURS) c->hours = bind_alloc(b, count * sizeof *c->hours);
    if (spec->kind == COND_ATTRIBUTE || spec->kind == COND_CONFIDENCE) c->tests = bind_alloc(b, count * sizeof *c->tests);
    for (const struct ynode *w = c->words.v && !b->broken ? bind_first(n) : NULL; w; w = w == n ? NULL : w->next) {
        if (!is_text(b, w, r)) continue;
        check_word(b, w, spec, c, c->words.count);
        c->words.v[c->words.count++] = bind_text(b, w->text);
    }
}
static void schema_texts(struct jw *w, const struct row *r) { K_WORDS.schema(w, r); }
const struct kind K_COND = {
    .example = "[outage, refund]", .name = "text or list of texts", .read = read_cond, .schema = schema_texts
};

/* ---- all, any, not ---- */

static uint32_t depth_of(const struct ynode *n)
{
    uint32_t depth = 0;
    for (; n; n = n->parent) depth += str_is(n->key, "all") || str_is(n->key, "any") || str_is(n->key, "not");
    return depth;
}

static void read_group(struct bind *b, const struct ynode *n, struct conds *into)
{
    if (n->type == Y_MAP && n->count == 0) bind_error(b, n, "has no condition");
    else bind_mapping(b, n, &when_mapping, into);
}

/* The conditions of all mappings of the list side by side. */
static void read_all(struct bind *b, const struct ynode *n, struct cond *c)
{
    uint32_t count = 0;
    for (const struct ynode *i = n->first; i; i = i->next) count += i->count;
    c->inner.v = bind_alloc(b, (count + 1) * sizeof *c->inner.v);
    for (const struct ynode *i = n->first; i && c->inner.v; i = i->next) read_group(b, i, &c->inner);
}

static void read_any(struct bind *b, const struct ynode *n, struct cond *c)
{
    c->inner.v = bind_alloc(b, (n->count + 1) * sizeof *c->inner.v);
    for (const struct ynode *i = n->first; i && c->inner.v; i = i->next) {
        struct cond *one = &c->inner.v[c->inner.count++];
        one->kind = COND_ALL;
        one->line = i->line;
        one->column = i->column;
        read_group(b, i, &one->inner);
    }
}

static void read_conds(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    const struct cond_spec *spec = r->arg;
    struct cond *c = add_cond(b, n, into);
    if (!c) return;
    c->kind = spec->kind;
    c->line = n->key_line;
    c->column = n->key_column;
    if (depth_of(n) > LIM_RULE_DEPTH) bind_error(b, n, "all, any and not are nested too deep: more than %u levels", LIM_RULE_DEPTH);
    else if (spec->kind == COND_NOT) read_group(b, n, &c->inner);
    else if (n->type != Y_LIST) bind_expected(b, n, "a list of conditions such as [{ text: refund }, { channel: sms }]");
    else if (n->count == 0) bind_error(b, n, "an empty list says nothing: name conditions, or leave it out");
    else if (spec->kind == COND_ALL) read_all(b, n, c);
    else read_any(b, n, c);
}
static void schema_ref(struct jw *w)
{
    jw_key(w, "$ref");
    jw_strz(w, "#/$defs/conditions");
}
static void schema_conds(struct jw *w, const struct row *r)
{
    if (((const struct cond_spec *)r->arg)->kind == COND_NOT) {
        schema_ref(w);
        return;
    }
    schema_text_of(w, "array");
    jw_key(w, "items");
    jw_open(w, '{');
    schema_ref(w);
    jw_close(w, '}');
}
const struct kind K_CONDS = {
    .example = "[{ channel: sms }, { language: ko }]", .name = "list of conditions", .read = read_conds, .schema = schema_conds
};
const struct kind K_NOT = { .example = "{ channel: voice }", .name = "conditions", .read = read_conds, .schema = schema_conds };

/* ---- the whole of a rule's `when` ---- */

static uint32_t count_conds(const struct conds *c)
{
    uint32_t count = c->count;
    for (uint32_t i = 0; i < c->count; i++) count += count_conds(&c->v[i].inner);
    return count;
}

static void read_when(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    struct conds *when = into;
    (void)r;
    bind_mapping(b, n, &when_mapping, when);
    uint32_t count = count_conds(when);
    if (count > LIM_RULE_CONDS) bind_error(b, n, "has %u conditions, at most %u are allowed in a rule", count, LIM_RULE_CONDS);
}
static void schema_when(struct jw *w, const struct row *r)
{
    (void)r;
    schema_ref(w);
}
static const struct mapping *inner_when(const struct row *r)
{
    (void)r;
    return &when_mapping;
}
const struct kind K_WHEN = { .name = "conditions", .read = read_when, .schema = schema_when, .inner = inner_when, .suffix = "" };
