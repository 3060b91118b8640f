/* The kinds that hours are written with: a zone, weekdays with times, dates; all into a struct hours_spec.

   Dates may be a list within a list: that is what a `file:` reference in a policy file is replaced by (closed_files.h). A
   reference that is still there came where there is no folder to look in, and is refused with what to do instead. */
#include "base/limits.h"
#include "config/date.h"
#include "config/draft.h"

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
const struct kind K_ZONE = { .name = "IANA time zone", .example = "Asia/Seoul", .read = read_zone, .schema = schema_zone };

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
const struct kind K_OPEN = { .name = "weekdays with times",
                             .example = "{ mon-fri: \"09:00-18:00\", sat: \"10:00-14:00\" }",
                             .read = read_open,
                             .schema = schema_open };

/* One date, or the dates of a list within the list. */
static void add_dates(struct bind *b, const struct ynode *n, struct hours_spec *h)
{
    for (const struct ynode *c = n->type == Y_MAP ? n : bind_first(n); c; c = c == n ? NULL : c->next) {
        if (!bind_is_scalar(b, c, "a date such as 2026-01-01")) continue;
        uint32_t ymd = date_of(c->text);
        if (ymd) h->closed[h->closed_count++] = ymd;
        else if (c->text.n > 5 && !memcmp(c->text.p, "file:", 5))
            bind_error(
                b, c,
                "a file of dates is only read along with a policy file: put its dates here, \"naru holidays %.*s\" prints them",
                STR_FMT(findings_shown((struct str){ c->text.p + 5, c->text.n - 5 })));
        else bind_expected(b, c, "a date (write 2026-01-01) or an .ics file (write file:kr.ics)");
    }
}

static void read_dates(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    struct hours_spec *h = into;
    uint32_t most = 0;
    if (n->type == Y_MAP) {
        bind_expected(b, n, "dates such as [2026-01-01]");
        return;
    }
    for (const struct ynode *c = bind_first(n); c; c = c == n ? NULL : c->next) most += bind_count(c);
    if (most > (uint32_t)r->max) {
        bind_error(b, n, "has %u dates, at most %.0f are allowed", most, r->max);
        return;
    }
    h->closed = bind_alloc(b, (most + 1) * sizeof *h->closed);
    for (const struct ynode *c = h->closed ? bind_first(n) : NULL; c; c = c == n ? NULL : c->next) add_dates(b, c, h);
}
static void schema_date(struct jw *w, const struct row *r)
{
    (void)r;
    schema_pattern(w, "^([0-9]{4}-[0-9]{2}-[0-9]{2}|file:.+)$");
}
static void schema_dates(struct jw *w, const struct row *r) { schema_list_or_one(w, schema_date, r); }
const struct kind K_DATES = {
    .name = "date or list of dates", .example = "[2026-09-24, 2026-09-25]", .read = read_dates, .schema = schema_dates
};
