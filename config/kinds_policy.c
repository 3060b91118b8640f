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
const struct kind K_NEEDS = { .name = "skills with levels 1 to 10; `lang: ticket`", .read = read_needs, .schema = schema_needs };
const struct kind K_SKILLS = { .name = "skills with levels 1 to 10", .read = read_skills, .schema = schema_skills };

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
const struct kind K_WITHIN = { .name = "duration, or one by urgency", .read = read_within, .schema = schema_within };

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
const struct kind K_LANGUAGES = { .name = "language or list of languages", .read = read_languages, .schema = schema_texts };

static void read_refs(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    K_WORDS.read(b, n, r, into);
    if (n->type == Y_MAP) return;
    for (const struct ynode *c = bind_first(n); c; c = c == n ? NULL : c->next)
        if (c->type == Y_SCALAR && c->text.n) bind_ref(b, *(const enum ref_to *)r->arg, c, NULL);
}
const struct kind K_REFS = { .name = "name or list of names", .read = read_refs, .schema = schema_texts };

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

/* ---- hours: zone, weekdays, dates; into a struct hours_spec ---- */

static void read_zone(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    const char *near = NULL;
    (void)r;
    if (!bind_is_scalar(b, n, "a time zone such as Asia/Seoul")) return;
    if (hours_is_zone(n->text.p, &near, &b->f->arena)) *(const char **)into = bind_text(b, n->text);
    else
        bind_error(b, n, "\"%.*s\" is not a time zone%s%s%s", STR_FMT(findings_shown(n->text)), near ? " (did you mean \"" : "",
                   near ? near : "; write one such as Asia/Seoul", near ? "\"?)" : "");
}
static void schema_zone(struct jw *w, const struct row *r) { K_TEXT.schema(w, r); }
const struct kind K_ZONE = { .name = "IANA time zone", .read = read_zone, .schema = schema_zone };

static const char *const day_names[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" };
static const struct words day_words = { day_names, 7 };

/* "mon" or "mon-fri" (over the week's end too) → a bit a weekday; 0, and said, when it is neither. */
static unsigned days_of(struct bind *b, const struct ynode *n)
{
    const char *dash = memchr(n->key.p, '-', n->key.n);
    struct str a = n->key, z = n->key;
    if (dash) {
        a.n = (size_t)(dash - a.p);
        z = (struct str){ dash + 1, n->key.n - a.n - 1 };
    }
    int from = words_find(&day_words, a), to = words_find(&day_words, z);
    if (from < 0 || to < 0) {
        struct str bad = from < 0 ? a : z;
        findings_key(b->f, F_ERROR, n, "\"%.*s\" is not a weekday or a range such as mon-fri%s", STR_FMT(findings_shown(bad)),
                     findings_hint(b->f, bad, day_names, 7));
        return 0;
    }
    unsigned days = 1u << to;
    for (int d = from; d != to; d = (d + 1) % 7) days |= 1u << d;
    return days;
}

static bool minutes_of(struct str s, uint32_t *out)
{
    uint64_t h, m;
    if (s.n != 5 || s.p[2] != ':' || str_u64((struct str){ s.p, 2 }, 0, 24, &h) || str_u64((struct str){ s.p + 3, 2 }, 0, 59, &m))
        return false;
    *out = (uint32_t)(h * 60 + m);
    return *out <= 1440;
}

static bool span_of(struct bind *b, const struct ynode *n, struct span *out)
{
    uint32_t from, to;
    if (!bind_is_scalar(b, n, "times such as \"09:00-18:00\"")) return false;
    struct str s = n->text;
    if (s.n != 11 || s.p[5] != '-' || !minutes_of((struct str){ s.p, 5 }, &from) || !minutes_of((struct str){ s.p + 6, 5 }, &to) ||
        from == 1440) {
        bind_expected(b, n, "an interval: write \"09:00-18:00\", at most to \"24:00\", or over midnight \"22:00-06:00\"");
        return false;
    }
    if (from == to) {
        bind_error(b, n, "opens and closes at the same time; for a whole day write \"00:00-24:00\"");
        return false;
    }
    *out = (struct span){ (uint16_t)from, (uint16_t)(to > from ? to : to + 1440) };
    return true;
}

static void add_span(struct bind *b, const struct ynode *n, struct week *w, unsigned days, struct span s)
{
    for (int d = 0; d < 7; d++) {
        if (!(days >> d & 1)) continue;
        if (w->count[d] == HOURS_SPANS) {
            bind_error(b, n, "%s has more than %u intervals", day_names[d], HOURS_SPANS);
            return;
        }
        w->v[d][w->count[d]++] = s;
    }
}

static void read_open(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    struct week *w = into;
    unsigned seen = 0;
    (void)r;
    if (n->type != Y_MAP) {
        bind_expected(b, n, "weekdays with times such as { mon-fri: \"09:00-18:00\" }");
        return;
    }
    for (const struct ynode *c = n->first; c; c = c->next) {
        unsigned days = days_of(b, c), again = days & seen;
        if (again) findings_key(b->f, F_ERROR, c, "%s has its times already in another line", day_names[__builtin_ctz(again)]);
        seen |= days;
        if (c->type == Y_MAP) bind_expected(b, c, "times such as \"09:00-18:00\"");
        for (const struct ynode *t = c->type == Y_MAP ? NULL : bind_first(c); t; t = t == c ? NULL : t->next) {
            struct span s;
            if (span_of(b, t, &s) && !again) add_span(b, t, w, days, s);
        }
    }
}
static void schema_interval(struct jw *w, const struct row *r)
{
    (void)r;
    schema_pattern(w, "^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$");
}
static void schema_open(struct jw *w, const struct row *r)
{
    schema_text_of(w, "object");
    jw_key(w, "propertyNames");
    jw_open(w, '{');
    schema_pattern(w, "^(sun|mon|tue|wed|thu|fri|sat)(-(sun|mon|tue|wed|thu|fri|sat))?$");
    jw_close(w, '}');
    jw_key(w, "additionalProperties");
    jw_open(w, '{');
    schema_list_or_one(w, schema_interval, r);
    jw_close(w, '}');
}
const struct kind K_OPEN = { .name = "weekdays with times", .read = read_open, .schema = schema_open };

/* "2026-09-24" → 20260924, or 0. */
static uint32_t date_of(struct str s)
{
    static const uint8_t days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    uint64_t y, m, d;
    if (s.n != 10 || s.p[4] != '-' || s.p[7] != '-') return 0;
    if (str_u64((struct str){ s.p, 4 }, 1970, 9999, &y) || str_u64((struct str){ s.p + 5, 2 }, 1, 12, &m)) return 0;
    if (str_u64((struct str){ s.p + 8, 2 }, 1, days[m - 1], &d)) return 0;
    bool leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    return m == 2 && d == 29 && !leap ? 0 : (uint32_t)(y * 10000 + m * 100 + d);
}

static void read_dates(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    struct hours_spec *h = into;
    if (n->type == Y_MAP) {
        bind_expected(b, n, "dates such as [2026-01-01]");
        return;
    }
    if (!bind_list_fits(b, n, (uint32_t)r->max)) return;
    h->closed = bind_alloc(b, bind_count(n) * sizeof *h->closed);
    if (!h->closed) return;
    for (const struct ynode *c = bind_first(n); c; c = c == n ? NULL : c->next) {
        if (!bind_is_scalar(b, c, "a date such as 2026-01-01")) continue;
        uint32_t ymd = date_of(c->text);
        if (ymd) h->closed[h->closed_count++] = ymd;
        else bind_expected(b, c, "a date (write 2026-01-01)");
    }
}
static void schema_date(struct jw *w, const struct row *r)
{
    (void)r;
    schema_pattern(w, "^[0-9]{4}-[0-9]{2}-[0-9]{2}$");
}
static void schema_dates(struct jw *w, const struct row *r) { schema_list_or_one(w, schema_date, r); }
const struct kind K_DATES = { .name = "date or list of dates", .read = read_dates, .schema = schema_dates };
