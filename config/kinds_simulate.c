/* The kinds of values that a simulation is told in: instants, distributions of times, shares, numbers by class, rates by time of
   day. As in kinds.c, each is one `struct kind`.

   An instant is a wall-clock time, and the zone it is meant in may be written further down: what is read here is the local minute
   since 1970-01-01 00:00, and simulate_from (draft.h) makes it milliseconds once the zone is known. */
#include "base/limits.h"
#include "base/opt.h"
#include "config/arrivals.h"
#include "config/date.h"
#include "config/draft.h"

#include <math.h>
#include <stdlib.h>

#define DAY_MIN 1440u
#define MONTH   2592000e3

/* ---- times of day, instants ---- */

/* "09:30" → minutes; to 23:59. */
static bool time_of_day(struct str s, uint32_t *out)
{
    uint64_t h, m;
    if (s.n != 5 || s.p[2] != ':' || str_u64((struct str){ s.p, 2 }, 0, 23, &h) || str_u64((struct str){ s.p + 3, 2 }, 0, 59, &m))
        return false;
    *out = (uint32_t)(h * 60 + m);
    return true;
}

static void read_instant(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    static const char what[] = "a date with or without a time (write 2026-03-02 or 2026-03-02 09:00)";
    uint32_t minute = 0;
    (void)r;
    if (!bind_is_scalar(b, n, what)) return;
    struct str day = n->text;
    bool timed = day.n == 16 && (day.p[10] == ' ' || day.p[10] == 'T');
    if (timed) day.n = 10;
    uint32_t ymd = date_of(day);
    if (!ymd || (timed && !time_of_day((struct str){ n->text.p + 11, 5 }, &minute))) bind_expected(b, n, what);
    else *(uint64_t *)into = (uint64_t)date_days(ymd) * DAY_MIN + minute;
}
static void schema_instant(struct jw *w, const struct row *r)
{
    (void)r;
    schema_pattern(w, "^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-2][0-9]:[0-5][0-9])?$");
}
const struct kind K_INSTANT = {
    .name = "date, or date and time", .example = "2026-03-02 09:00", .read = read_instant, .schema = schema_instant
};

enum err simulate_from(uint64_t *instant, const char *zone)
{
    uint64_t minutes = *instant;
    return hours_instant(zone, date_from((int32_t)(minutes / DAY_MIN)), (uint32_t)(minutes % DAY_MIN), instant);
}

/* ---- durations longer than 49 days: into a uint64_t ---- */

static void read_long(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    static const char what[] = "a duration (write 15s, 10h or 21d)";
    char least[32], most[32];
    uint64_t ms;
    if (!bind_is_scalar(b, n, what)) return;
    if (opt_ms(n->text, &ms)) bind_expected(b, n, what);
    else if ((double)ms < r->min || (double)ms > r->max)
        bind_error(b, n, "%.*s is out of bounds: %s to %s", STR_FMT(findings_shown(n->text)), ms_text(r->min, least),
                   ms_text(r->max, most));
    else *(uint64_t *)into = ms;
}
static void schema_long(struct jw *w, const struct row *r) { K_MS.schema(w, r); }
const struct kind K_LONG = { .name = "duration", .example = "10h", .read = read_long, .schema = schema_long };

/* ---- a distribution of times: a duration, or a mapping of one word to its mean; into a struct dist ---- */

struct dist_spec {
    uint32_t ms[DIST_LOGNORMAL + 1]; /* by enum dist_kind; 0: not given */
    double cv;
};
#define DIST_AT(kind) (offsetof(struct dist_spec, ms) + (kind) * sizeof(uint32_t))
static const struct row dist_rows[] = {
    { "exponential", &K_MS, DIST_AT(DIST_EXPONENTIAL), .min = 1, .max = MONTH, .example = "180s",
      .help = "without memory, with this mean" },
    { "lognormal", &K_MS, DIST_AT(DIST_LOGNORMAL), .min = 1, .max = MONTH, .example = "4m",
      .help = "what handling times most often look like, with this mean" },
    { "deterministic", &K_MS, DIST_AT(DIST_FIXED), .min = 1, .max = MONTH, .example = "180s",
      .help = "always the same; what a plain duration says" },
    { "cv", &K_F64, offsetof(struct dist_spec, cv), .min = 0.01, .max = 10, .usual = "1", .example = "1.2",
      .help = "of `lognormal`: the standard deviation as a multiple of the mean" },
    { .name = NULL },
};
static const struct mapping dist_mapping = {
    .name = "a distribution such as { exponential: 180s }", .rows = dist_rows, .name_at = NOWHERE, .line_at = NOWHERE
};

static void read_dist_map(struct bind *b, const struct ynode *n, struct dist *out)
{
    struct dist_spec spec = { .cv = 0 };
    uint32_t before = b->f->errors, given = 0;
    bind_mapping(b, n, &dist_mapping, &spec);
    for (unsigned k = DIST_FIXED; k <= DIST_LOGNORMAL; k++) {
        if (!spec.ms[k]) continue;
        given++;
        *out = (struct dist){ .kind = (enum dist_kind)k, .mean_ms = spec.ms[k] };
    }
    if (given > 1) bind_error(b, n, "is of one kind: give one of exponential, lognormal and deterministic");
    if (given != 1 && b->f->errors == before)
        bind_error(b, n, "says of no kind how long: give a mean, such as { exponential: 180s }");
    if (spec.cv > 0 && given && !spec.ms[DIST_LOGNORMAL])
        findings_key(b->f, F_ERROR, tree_get(n, "cv"),
                     "is for lognormal: an exponential time has 1, a deterministic one 0; leave it out, or give a lognormal mean");
    if (out->kind == DIST_LOGNORMAL) out->cv = spec.cv > 0 ? spec.cv : 1;
}

static void read_dist(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    struct dist *d = into, v = { .kind = DIST_FIXED };
    uint32_t ms = 0;
    if (n->type == Y_MAP) read_dist_map(b, n, &v);
    else if (n->type == Y_LIST) bind_expected(b, n, "a duration such as 180s, or a distribution such as { exponential: 180s }");
    else if (bind_ms(b, n, r->min, r->max, &ms)) v.mean_ms = ms;
    *d = v.mean_ms > 0 ? v : (struct dist){ .kind = DIST_NONE };
}

/* What read_dist_map() asks beyond the rows: one kind, and `cv` only beside the kind that has one. */
static void schema_one_kind(struct jw *w)
{
    static const char *const kinds[] = { "exponential", "lognormal", "deterministic" };
    jw_key(w, "oneOf");
    jw_open(w, '[');
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        jw_open(w, '{');
        jw_key(w, "required");
        jw_open(w, '[');
        jw_strz(w, kinds[i]);
        jw_close(w, ']');
        jw_close(w, '}');
    }
    jw_close(w, ']');
    jw_key(w, "dependentRequired");
    jw_open(w, '{');
    jw_key(w, "cv");
    jw_open(w, '[');
    jw_strz(w, "lognormal");
    jw_close(w, ']');
    jw_close(w, '}');
}

static void schema_dist(struct jw *w, const struct row *r)
{
    jw_key(w, "anyOf");
    jw_open(w, '[');
    jw_open(w, '{');
    K_MS.schema(w, r);
    jw_close(w, '}');
    jw_open(w, '{');
    schema_mapping(w, &dist_mapping);
    schema_one_kind(w);
    jw_close(w, '}');
    jw_close(w, ']');
}
static const struct mapping *inner_dist(const struct row *r)
{
    (void)r;
    return &dist_mapping;
}
const struct kind K_DIST = { .name = "duration or distribution",
                             .example = "{ exponential: 180s }",
                             .read = read_dist,
                             .schema = schema_dist,
                             .inner = inner_dist,
                             .suffix = "" };

/* ---- numbers with a fraction and a unit behind them ---- */

/* The plain number at the beginning of `s`; *rest is what follows. False when there is none. */
static bool leading_number(struct str s, double *out, struct str *rest)
{
    char text[24];
    size_t n = 0;
    char *end;
    while (n < s.n && n < sizeof text - 1 && ((s.p[n] >= '0' && s.p[n] <= '9') || s.p[n] == '.')) n++;
    memcpy(text, n ? s.p : "", n);
    text[n] = '\0';
    *out = strtod(text, &end);
    *rest = (struct str){ s.p + n, s.n - n };
    return n > 0 && text[0] != '.' && *end == '\0';
}

/* A share of a whole, written as a percentage with or without a fraction, into a double 0..1; bounds in percent. */
static void read_share(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    double v;
    struct str rest;
    if (!bind_is_scalar(b, n, "a percentage such as 2.5%")) return;
    if (!leading_number(n->text, &v, &rest) || !str_is(rest, "%")) bind_expected(b, n, "a percentage (write 2% or 2.5%)");
    else if (v < r->min || v > r->max)
        bind_error(b, n, "%.*s is out of bounds: %g%% to %g%%", STR_FMT(findings_shown(n->text)), r->min, r->max);
    else *(double *)into = v / 100;
}
static void schema_share(struct jw *w, const struct row *r)
{
    (void)r;
    schema_pattern(w, "^[0-9]+([.][0-9]+)?%$");
}
const struct kind K_SHARE = { .name = "percentage", .example = "2.5%", .read = read_share, .schema = schema_share };

/* ---- words and languages as they are written ---- */

static const struct wordset channels = { &channel_words, 0, 0 };

static void read_channel(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    (void)r;
    int at = bind_word(b, n, &channels, "a channel");
    if (at >= 0) *(const char **)into = channel_words.v[at];
}
static void schema_channel(struct jw *w, const struct row *r)
{
    (void)r;
    schema_words(w, &channels);
}
const struct kind K_CHANNEL = { .name = "channel", .example = "webchat", .read = read_channel, .schema = schema_channel };

static void read_language(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    (void)r;
    if (!bind_is_scalar(b, n, "a language subtag such as ko")) return;
    bind_language(b, n);
    *(const char **)into = bind_text(b, n->text);
}
static void schema_language(struct jw *w, const struct row *r)
{
    (void)r;
    schema_pattern(w, "^[a-z]{2,3}$");
}
const struct kind K_LANGUAGE = { .name = "language", .example = "ko", .read = read_language, .schema = schema_language };

/* ---- a number for all classes, or by class; into a struct sim_by_class ---- */

static void by_class_none(void *into) { ((struct sim_by_class *)into)->all = NAN; }

static void read_by_class(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    struct sim_by_class *s = into;
    if (n->type != Y_MAP) {
        if (n->type == Y_LIST) bind_expected(b, n, "a number, or one by class such as { billing: 0.9, all: 1 }");
        else K_F64.read(b, n, r, &s->all);
        return;
    }
    if (!bind_list_fits(b, n, LIM_LIST_ITEMS)) return;
    s->v = bind_alloc(b, n->count * sizeof *s->v);
    for (const struct ynode *c = s->v ? n->first : NULL; c; c = c->next) {
        struct sim_number *one = &s->v[s->count];
        if (str_is(c->key, "all")) {
            K_F64.read(b, c, r, &s->all);
            continue;
        }
        bind_ref_key(b, REF_CLASS, c, (int *)&one->class);
        K_F64.read(b, c, r, &one->v);
        s->count++;
    }
}
static void schema_by_class(struct jw *w, const struct row *r)
{
    jw_key(w, "anyOf");
    jw_open(w, '[');
    jw_open(w, '{');
    K_F64.schema(w, r);
    jw_close(w, '}');
    jw_open(w, '{');
    schema_text_of(w, "object");
    jw_key(w, "additionalProperties");
    jw_open(w, '{');
    K_F64.schema(w, r);
    jw_close(w, '}');
    jw_close(w, '}');
    jw_close(w, ']');
}
const struct kind K_BY_CLASS = { .name = "number, or one by class",
                                 .example = "{ billing: 1.2, all: 1 }",
                                 .read = read_by_class,
                                 .init = by_class_none,
                                 .schema = schema_by_class };

/* ---- the speed of parallel work by channel; into a list of struct sim_parallel ---- */

struct array {
    void *v;
    uint32_t count;
};

static void read_speeds(struct bind *b, const struct ynode *n, const struct row *r, struct sim_parallel *p)
{
    if (n->type == Y_MAP || !bind_count(n)) {
        bind_expected(b, n, "the speed of each with one, two, … at once, such as [1, 0.8, 0.65]");
        return;
    }
    if (!bind_list_fits(b, n, LIM_LIST_ITEMS)) return;
    p->v = bind_alloc(b, bind_count(n) * sizeof *p->v);
    uint32_t before = b->f->errors; /* beside a number that is refused nothing is compared */
    for (const struct ynode *c = p->v ? bind_first(n) : NULL; c; c = c == n ? NULL : c->next) {
        double *v = &p->v[p->count++];
        K_F64.read(b, c, r, v);
        if (p->count > 1 && b->f->errors == before && *v > v[-1])
            bind_error(b, c, "%.*s is more than %g before it: with %u at once none is worked on faster than with %u",
                       STR_FMT(findings_shown(c->text)), v[-1], p->count, p->count - 1);
    }
}

static void read_parallel(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    struct array *list = into;
    if (n->type != Y_MAP) {
        bind_expected(b, n, "channels with speeds such as { webchat: [1, 0.8, 0.65] }");
        return;
    }
    struct sim_parallel *all = list->v = bind_alloc(b, n->count * sizeof *all);
    for (const struct ynode *c = all ? n->first : NULL; c; c = c->next) {
        int at = words_find(&channel_words, c->key);
        if (at < 0) {
            findings_key(b->f, F_ERROR, c, "\"%.*s\" is not a channel%s", STR_FMT(findings_shown(c->key)),
                         findings_hint(b->f, c->key, channel_words.v, channel_words.count));
            continue;
        }
        struct sim_parallel *one = &all[list->count++];
        one->channel = channel_words.v[at];
        one->line = c->key_line;
        read_speeds(b, c, r, one);
    }
}
static void schema_speed(struct jw *w, const struct row *r) { K_F64.schema(w, r); }
static void schema_parallel(struct jw *w, const struct row *r)
{
    schema_text_of(w, "object");
    jw_key(w, "propertyNames");
    jw_open(w, '{');
    schema_words(w, &channels);
    jw_close(w, '}');
    jw_key(w, "additionalProperties");
    jw_open(w, '{');
    schema_list_or_one(w, schema_speed, r);
    jw_close(w, '}');
}
const struct kind K_PARALLEL = { .name = "channels with lists of numbers",
                                 .example = "{ webchat: [1, 0.8, 0.65] }",
                                 .read = read_parallel,
                                 .schema = schema_parallel };

/* ---- places of waiting rooms by queue; into a list of struct sim_places ---- */

static void read_places(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    struct array *list = into;
    if (n->type != Y_MAP) {
        bind_expected(b, n, "queues with numbers such as { billing: 30 }");
        return;
    }
    if (!bind_list_fits(b, n, LIM_LIST_ITEMS)) return;
    struct sim_places *all = list->v = bind_alloc(b, n->count * sizeof *all);
    for (const struct ynode *c = all ? n->first : NULL; c; c = c->next) {
        struct sim_places *one = &all[list->count++];
        one->line = c->key_line;
        bind_ref_key(b, REF_QUEUE, c, &one->queue);
        K_U32.read(b, c, r, &one->places);
    }
}
static void schema_places(struct jw *w, const struct row *r)
{
    schema_text_of(w, "object");
    jw_key(w, "additionalProperties");
    jw_open(w, '{');
    K_U32.schema(w, r);
    jw_close(w, '}');
}
const struct kind K_PLACES = {
    .name = "queues with numbers", .example = "{ billing: 30 }", .read = read_places, .schema = schema_places
};

/* ---- rates: so many a unit of time, or by time of day; into a struct rates ---- */

static const struct {
    const char *word;
    double ms;
} rate_units[] = { { "/s", 1e3 }, { "/min", 60e3 }, { "/h", 3600e3 }, { "/d", 86400e3 } };

static void read_one_rate(struct bind *b, const struct ynode *n, const struct row *r, double *per_ms)
{
    static const char what[] = "a rate (write 2/s, 20/min, 200/h or 3000/d)";
    double v, ms = 0;
    struct str rest;
    if (!bind_is_scalar(b, n, what)) return;
    bool number = leading_number(n->text, &v, &rest);
    for (size_t i = 0; i < sizeof rate_units / sizeof *rate_units; i++)
        if (str_is(rest, rate_units[i].word)) ms = rate_units[i].ms;
    if (!number || ms == 0) bind_expected(b, n, what);
    else if (v / ms * 1e3 > r->max) bind_error(b, n, "%.*s is out of bounds: 0 to %g/s", STR_FMT(findings_shown(n->text)), r->max);
    else *per_ms = v / ms;
}

static int by_minute(const void *a, const void *z)
{
    const struct rate_part *x = a, *y = z;
    return (x->minute > y->minute) - (x->minute < y->minute);
}

static void read_rate(struct bind *b, const struct ynode *n, const struct row *r, void *into)
{
    struct rates *rate = into;
    if (n->type == Y_LIST || (n->type == Y_MAP && !n->count)) {
        bind_expected(b, n, "a rate such as 200/h, or one by time of day such as { \"09:00\": 120/h, \"18:00\": 0/h }");
        return;
    }
    if (!bind_list_fits(b, n, DAY_MIN)) return;
    rate->v = bind_alloc(b, bind_count(n) * sizeof *rate->v);
    for (const struct ynode *c = rate->v ? bind_first(n) : NULL; c; c = c == n ? NULL : c->next) {
        struct rate_part *part = &rate->v[rate->count++];
        if (n->type == Y_MAP && !time_of_day(c->key, &part->minute))
            findings_key(b->f, F_ERROR, c, "\"%.*s\" is not a time of day (write \"09:00\")", STR_FMT(findings_shown(c->key)));
        read_one_rate(b, c, r, &part->per_ms);
    }
    if (rate->v) qsort(rate->v, rate->count, sizeof *rate->v, by_minute);
}
static void schema_one_rate(struct jw *w) { schema_pattern(w, "^[0-9]+([.][0-9]+)?/(s|min|h|d)$"); }
static void schema_rate(struct jw *w, const struct row *r)
{
    (void)r;
    jw_key(w, "anyOf");
    jw_open(w, '[');
    jw_open(w, '{');
    schema_one_rate(w);
    jw_close(w, '}');
    jw_open(w, '{');
    schema_text_of(w, "object");
    jw_key(w, "propertyNames");
    jw_open(w, '{');
    schema_pattern(w, "^[0-2][0-9]:[0-5][0-9]$");
    jw_close(w, '}');
    jw_key(w, "additionalProperties");
    jw_open(w, '{');
    schema_one_rate(w);
    jw_close(w, '}');
    jw_close(w, '}');
    jw_close(w, ']');
}
const struct kind K_RATE = { .name = "rate, or rates by time of day",
                             .example = "{ \"09:00\": 120/h, \"18:00\": 0/h }",
                             .read = read_rate,
                             .schema = schema_rate };
