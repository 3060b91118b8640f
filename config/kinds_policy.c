/* The kinds of values that only a policy uses: needs and skills, SLA targets, timeline clocks, conditions, opening hours.
   As in kinds.c, each is one `struct kind`. */
#include "base/limits.h"
#include "config/draft.h"

#include <stdlib.h>

#define MS_30_DAYS 2592000000.0

/* ---- needs and skills: name -> level ---- */

static void read_level(struct bind *b, const struct ynode *c, bool needs, struct skill *s)
{
    int64_t v;
    s->level = 1;
    bool bare_lang = str_is(c->key, "lang");
    if (c->type == Y_SCALAR && !c->quoted && str_is(c->text, "ticket")) {
        s->from_ticket = needs && bare_lang;
        if (!needs) bind_error(b, c, "an agent's level is a number; \"ticket\" is for needs");
        else if (!bare_lang)
            bind_error(b, c, "only \"lang\" can be taken from the ticket; give \"%s\" a level from 1 to 10", c->key.p);
        return;
    }
    if (bare_lang) {
        bind_error(b, c,
                   needs ? "write \"lang: ticket\" for the ticket's language, or name it: \"lang:ko: 5\""
                         : "name the language: \"lang:ko: 10\"");
        return;
    }
    if (!bind_whole(b, c, &v)) return;
    if (v < 1 || v > 10) bind_error(b, c, "a level is 1 to 10, not %lld", (long long)v);
    else s->level = (uint32_t)v;
}

static void read_skill_map(struct bind *b, const struct ynode *n, void *into, bool needs)
{
    struct skills *s = into;
    if (n->type != Y_MAP) {
        bind_expected(b, n, "skills with levels such as { billing: 5 }");
        return;
    }
    if (!bind_list_fits(b, n, LIM_LIST_ITEMS)) return;
    s->v = bind_alloc(b, n->count * sizeof *s->v);
    s->count = 0;
    if (!s->v) return;
    for (const struct ynode *c = n->first; c; c = c->next) {
        struct ynode key = *c;
        key.line = c->key_line, key.column = c->key_column;
        if (!bind_is_name(b, &key, c->key, 64, ":")) continue;
        struct skill *one = &s->v[s->count++];
        one->name = bind_text(b, c->key);
        read_level(b, c, needs, one);
    }
}
static void read_needs(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    (void)r;
    read_skill_map(b, n, into, true);
}
static void read_skills(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    (void)r;
    read_skill_map(b, n, into, false);
}
static void schema_level(struct jw *w)
{
    schema_text_of(w, "integer");
    jw_key(w, "minimum");
    jw_u64(w, 1);
    jw_key(w, "maximum");
    jw_u64(w, 10);
}
static void schema_skills(struct jw *w, const struct row *r)
{
    (void)r;
    schema_text_of(w, "object");
    jw_key(w, "additionalProperties");
    jw_open(w, '{');
    schema_level(w);
    jw_close(w, '}');
}
static void schema_needs(struct jw *w, const struct row *r)
{
    jw_key(w, "properties");
    jw_open(w, '{');
    jw_key(w, "lang");
    jw_open(w, '{');
    jw_key(w, "const");
    jw_strz(w, "ticket");
    jw_close(w, '}');
    jw_close(w, '}');
    schema_skills(w, r);
}
const struct kind K_NEEDS = { .name = "skills with levels 1 to 10; `lang: ticket`",
                              .example = "{ billing: 5, lang: ticket }",
                              .read = read_needs,
                              .schema = schema_needs };
const struct kind K_SKILLS = {
    .name = "skills with levels 1 to 10", .example = "{ billing: 8, lang:ko: 10 }", .read = read_skills, .schema = schema_skills
};

/* ---- within: one duration, or one by urgency; into a struct sla ---- */

static const struct wordset urgencies = { &urgency_words, 0, 0 };

/* A missing one takes the nearest slower given (low is the slowest), or the slowest given when none is slower. */
static void fill_within(struct sla *s, const uint32_t given[URG_COUNT])
{
    uint32_t last = 0;
    for (unsigned u = 0; u < URG_COUNT; u++) {
        if (given[u]) last = given[u];
        s->within_ms[u] = last;
    }
    for (unsigned u = URG_COUNT; u-- > 0;) {
        if (s->within_ms[u]) last = s->within_ms[u];
        else s->within_ms[u] = last;
    }
}

static void read_within(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    uint32_t given[URG_COUNT] = { 0 };
    if (n->type != Y_MAP) {
        uint32_t all;
        if (!bind_ms(b, n, r->min, r->max, &all)) return;
        for (unsigned u = 0; u < URG_COUNT; u++) given[u] = all;
        fill_within(into, given);
        return;
    }
    for (const struct ynode *c = n->first; c; c = c->next) {
        int u = words_find(&urgency_words, c->key);
        if (u >= 0) (void)bind_ms(b, c, r->min, r->max, &given[u]);
        else
            findings_key(b->f, F_ERROR, c, "\"%.*s\" is not an urgency%s", STR_FMT(findings_shown(c->key)),
                         findings_hint(b->f, c->key, urgency_words.v, urgency_words.count));
    }
    if (!n->count) bind_error(b, n, "give at least one urgency its time");
    else if (given[0] || given[1] || given[2] || given[3]) fill_within(into, given);
    for (unsigned u = 1; u < URG_COUNT; u++)
        if (given[u] && given[u - 1] && given[u] > given[u - 1])
            bind_warn(b, n, "%s has more time than %s", urgency_words.v[u], urgency_words.v[u - 1]);
}
static void schema_duration(struct jw *w) { schema_pattern(w, "^([0-9]+(ms|s|m|h|d)|0)$"); }
static void schema_within(struct jw *w, const struct row *r)
{
    (void)r;
    jw_key(w, "anyOf");
    jw_open(w, '[');
    jw_open(w, '{');
    schema_duration(w);
    jw_close(w, '}');
    jw_open(w, '{');
    schema_text_of(w, "object");
    jw_key(w, "propertyNames");
    jw_open(w, '{');
    schema_words(w, &urgencies);
    jw_close(w, '}');
    jw_key(w, "additionalProperties");
    jw_open(w, '{');
    schema_duration(w);
    jw_close(w, '}');
    jw_close(w, '}');
    jw_close(w, ']');
}
const struct kind K_WITHIN = {
    .name = "duration, or one by urgency", .example = "10m", .read = read_within, .schema = schema_within
};

/* ---- languages and lists of references: texts that are checked further ---- */

void bind_language(struct bind *b, const struct ynode *n)
{
    if (n->type != Y_SCALAR) return;
    bool good = n->text.n >= 2 && n->text.n <= 3;
    for (size_t i = 0; good && i < n->text.n; i++) good = n->text.p[i] >= 'a' && n->text.p[i] <= 'z';
    if (!good) bind_expected(b, n, "a language subtag such as ko, en or und");
}
static void read_languages(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    K_WORDS.read(b, n, r, into);
    if (n->type == Y_MAP) return;
    for (const struct ynode *c = bind_first(n); c; c = c == n ? NULL : c->next) bind_language(b, c);
}
static void schema_texts(struct jw *w, const struct row *r) { K_WORDS.schema(w, r); }
const struct kind K_LANGUAGES = {
    .name = "language or list of languages", .example = "[ko, en]", .read = read_languages, .schema = schema_texts
};

static void read_refs(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    K_WORDS.read(b, n, r, into);
    if (n->type == Y_MAP) return;
    for (const struct ynode *c = bind_first(n); c; c = c == n ? NULL : c->next)
        if (c->type == Y_SCALAR && c->text.n) bind_ref(b, *(const enum ref_to *)r->arg, c, NULL);
}
const struct kind K_REFS = { .name = "name or list of names", .example = "[webchat]", .read = read_refs, .schema = schema_texts };

/* ---- takes: `default`, or conditions; into a struct takes ---- */

static void read_takes(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    struct takes *t = into;
    if (n->type == Y_SCALAR && str_is(n->text, "default")) t->any = true;
    else if (n->type != Y_MAP) bind_expected(b, n, "\"default\" or conditions such as { intent: refund_* }");
    else bind_mapping(b, n, r->arg, t);
}
static void schema_takes(struct jw *w, const struct row *r)
{
    jw_key(w, "anyOf");
    jw_open(w, '[');
    jw_open(w, '{');
    jw_key(w, "const");
    jw_strz(w, "default");
    jw_close(w, '}');
    jw_open(w, '{');
    schema_mapping(w, r->arg);
    jw_close(w, '}');
    jw_close(w, ']');
}
static const struct mapping *inner_of(const struct row *r) { return r->arg; }
const struct kind K_TAKES = {
    .name = "`default` or conditions", .read = read_takes, .schema = schema_takes, .inner = inner_of, .suffix = ""
};
