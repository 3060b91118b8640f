/* An .ics file to days, by libical.

   Before libical sees a byte it is made sure that they are few, UTF-8, and components closed in the order they were opened (a file
   cut short by a download that broke must not silently lose holidays; deep nesting would be recursion). libical takes what it
   understands and leaves an X-LIC-ERROR property where it does not: one about a property that days depend on is an error here.

   An event's days are those from DTSTART to before DTEND (or as long as DURATION; one day when there is neither), repeated at
   DTSTART, RRULE and RDATE, without EXDATE and without the instances that another event of its UID replaces (RECURRENCE-ID).

   Everything is bounded: bytes, depth, rules, steps of one rule, days. The component tree is freed here; names are copied. */
#include "config/ics.h"

#include "base/limits.h"
#include "config/findings.h"

#include <libical/ical.h>
#include <stdio.h>
#include <stdlib.h>

struct replaced { /* an instance that another event stands for */
    const char *uid;
    int32_t day;
};
struct reader {
    struct holidays *out;
    const struct ics_place *at;
    struct replaced *replaced; /* of one calendar; texts belong to libical */
    uint32_t replaced_count;
    int32_t from, to;
    uint32_t rules, timed;
    char timed_name[72];
    enum err e;
};
struct series { /* one event and its repetitions */
    icalcomponent *event;
    int32_t first, length; /* in days */
    struct str name;
    const char *uid;  /* or NULL */
    bool instance;    /* it replaces one of another */
    int32_t *without; /* EXDATE, sorted; owned */
    uint32_t without_count;
};

static void say(const struct ics_place *at, bool error, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void say(const struct ics_place *at, bool error, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    findings_add(at->f, error, at->line, at->column, at->key, "\"%s\" %s", at->file, text);
}

#define bad(r, ...) (say((r)->at, F_ERROR, __VA_ARGS__), (r)->e = ERR_POLICY)

/* ---- form ---- */

static bool begins(struct str line, const char *word)
{
    size_t n = strlen(word);
    return line.n >= n && strncasecmp(line.p, word, n) == 0;
}

static struct str next_line(struct str *rest)
{
    const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
    struct str line = { rest->p, end ? (size_t)(end - rest->p) : rest->n };
    rest->p += line.n + (end ? 1 : 0);
    rest->n -= line.n + (end ? 1 : 0);
    if (line.n && line.p[line.n - 1] == '\r') line.n--;
    return line;
}

/* NULL, or what is wrong with it. */
static const char *form(struct str bytes)
{
    uint32_t depth = 0, calendars = 0;
    if (bytes.n > LIM_ICS_BYTES) return "has more than 1 MiB: is it a calendar of holidays?";
    if (!str_utf8(bytes, NULL) || (bytes.n && memchr(bytes.p, 0, bytes.n))) return "is not UTF-8 text";
    while (bytes.n) {
        struct str line = next_line(&bytes);
        bool opens = begins(line, "BEGIN:"), shuts = begins(line, "END:");
        if (opens && depth == 0 && !begins(line, "BEGIN:VCALENDAR")) break;
        if (line.n && !opens && depth == 0) break;
        calendars += opens && depth == 0;
        if (shuts && depth == 0) return "ends more than it began";
        depth += opens;
        depth -= shuts;
        if (depth > LIM_ICS_DEPTH) return "is nested too deep";
    }
    if (bytes.n || !calendars) return "is not an iCalendar file: it does not begin with BEGIN:VCALENDAR";
    return depth ? "is cut short: something that begins in it does not end" : NULL;
}

/* ---- one event ---- */

static struct str name_of(icalcomponent *event)
{
    const char *s = icalcomponent_get_summary(event);
    return s && *s ? str_of(s) : STR("an event without a name");
}
#define NAME(s) STR_FMT(findings_shown((s)->name))

/* False when the calendar has no such date. */
static bool day_of(icaltimetype t, int32_t *day)
{
    uint32_t ymd;
    if (icaltime_is_null_time(t) || t.year < 1900 || t.year > 9999 || t.month < 1 || t.month > 12 || t.day < 1) return false;
    ymd = DATE(t.year, t.month, t.day);
    *day = date_days(ymd);
    return date_from(*day) == ymd;
}

/* libical names the property in the middle of a sentence: "Can't parse as RECUR value in RRULE property. …". */
static bool understood(struct reader *r, const struct series *s)
{
    static const char *const matter[] = { "DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID" };
    icalproperty *p = icalcomponent_get_first_property(s->event, ICAL_XLICERROR_PROPERTY);
    for (; p; p = icalcomponent_get_next_property(s->event, ICAL_XLICERROR_PROPERTY)) {
        const char *text = icalproperty_get_xlicerror(p);
        for (size_t i = 0; text && i < sizeof matter / sizeof *matter; i++) {
            if (!strstr(text, matter[i])) continue;
            bad(r, "has an event whose %s is not understood: \"%.*s\"", matter[i], NAME(s));
            return false;
        }
    }
    if (!icalcomponent_get_first_property(s->event, ICAL_EXRULE_PROPERTY)) return true;
    bad(r, "has an event with EXRULE, which nobody reads any more: \"%.*s\"; write EXDATE", NAME(s));
    return false;
}

static bool length_of(struct reader *r, struct series *s)
{
    icalproperty *end = icalcomponent_get_first_property(s->event, ICAL_DTEND_PROPERTY);
    icalproperty *lasts = icalcomponent_get_first_property(s->event, ICAL_DURATION_PROPERTY);
    int32_t last;
    s->length = 1;
    if (end && !day_of(icalproperty_get_dtend(end), &last)) {
        bad(r, "has an event whose DTEND is no date: \"%.*s\"", NAME(s));
        return false;
    }
    if (end) s->length = last - s->first;
    else if (lasts) s->length = icaldurationtype_as_int(icalproperty_get_duration(lasts)) / 86400;
    if (s->length < 1) s->length = 1; /* some write the same day twice */
    return true;
}

static void add_days(struct reader *r, const struct series *s, int32_t first)
{
    int32_t from = first > r->from ? first : r->from, last = first + s->length - 1;
    for (int32_t d = from; d <= last && d <= r->to && !r->e; d++) {
        r->e = holidays_add(r->out, d, s->name);
        if (r->e == ERR_FULL)
            bad(r, "holds more than %u days, from \"%.*s\" on: leave out events, or give what repeats an UNTIL", LIM_CLOSED_DATES,
                NAME(s));
    }
}

static int by_day(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* A component knows one place in its properties, so those that are asked of every instance are gathered before. */
static bool gather_without(struct reader *r, struct series *s)
{
    int n = icalcomponent_count_properties(s->event, ICAL_EXDATE_PROPERTY);
    icalproperty *p = icalcomponent_get_first_property(s->event, ICAL_EXDATE_PROPERTY);
    s->without = n ? malloc((size_t)n * sizeof *s->without) : NULL;
    if (n && !s->without) r->e = ERR_NOMEM;
    for (; p && s->without_count < (uint32_t)n && !r->e; p = icalcomponent_get_next_property(s->event, ICAL_EXDATE_PROPERTY))
        s->without_count += day_of(icalproperty_get_exdate(p), &s->without[s->without_count]);
    if (s->without_count) qsort(s->without, s->without_count, sizeof *s->without, by_day);
    return !r->e;
}

static void gather_replaced(struct reader *r, icalcomponent *calendar)
{
    int32_t day;
    r->replaced_count = 0;
    for (icalcompiter i = icalcomponent_begin_component(calendar, ICAL_VEVENT_COMPONENT); icalcompiter_deref(&i);
         icalcompiter_next(&i)) {
        icalcomponent *e = icalcompiter_deref(&i);
        const char *uid = icalcomponent_get_uid(e);
        if (!uid || !day_of(icalcomponent_get_recurrenceid(e), &day)) continue;
        if (r->replaced_count == LIM_ICS_RULES) {
            bad(r, "has more than %u instances that are replaced", LIM_ICS_RULES);
            return;
        }
        r->replaced[r->replaced_count++] = (struct replaced){ uid, day };
    }
}

static bool taken_out(const struct reader *r, const struct series *s, int32_t day)
{
    if (s->without_count && bsearch(&day, s->without, s->without_count, sizeof day, by_day)) return true;
    for (uint32_t i = 0; !s->instance && s->uid && i < r->replaced_count; i++)
        if (r->replaced[i].day == day && strcmp(r->replaced[i].uid, s->uid) == 0) return true;
    return false;
}

static void add_instance(struct reader *r, const struct series *s, int32_t first)
{
    if (first > r->to || first + s->length <= r->from || taken_out(r, s, first)) return;
    add_days(r, s, first);
}

/* ---- repetitions ---- */

static icaltimetype time_of(int32_t day)
{
    uint32_t ymd = date_from(day);
    return (icaltimetype){ .year = (int)(ymd / 10000), .month = (int)(ymd / 100 % 100), .day = (int)(ymd % 100), .is_date = 1 };
}

static void add_rule(struct reader *r, const struct series *s, struct icalrecurrencetype rule)
{
    icaltimetype start = time_of(s->first), end = time_of(r->to);
    uint32_t steps = 0;
    if (++r->rules > LIM_ICS_RULES) {
        bad(r, "has more than %u events that repeat", LIM_ICS_RULES);
        return;
    }
    if (rule.freq < ICAL_DAILY_RECURRENCE || rule.freq > ICAL_YEARLY_RECURRENCE) {
        bad(r, "has an event that repeats more often than daily: \"%.*s\"", NAME(s));
        return;
    }
    rule.by_second[0] = rule.by_minute[0] = rule.by_hour[0] = ICAL_RECURRENCE_ARRAY_MAX; /* a day has none */
    /* Without an end, a rule that fits no day is looked for through 500 years. */
    if (icaltime_is_null_time(rule.until) || icaltime_compare(rule.until, end) > 0) rule.until = end;
    icalrecur_iterator *it = icalrecur_iterator_new(rule, start);
    if (!it) {
        bad(r, "has an event whose RRULE fits no day, or is not understood: \"%.*s\"", NAME(s));
        return;
    }
    for (int32_t day; !r->e && steps < LIM_ICS_STEPS; steps++) {
        if (!day_of(icalrecur_iterator_next(it), &day) || day > r->to) break;
        if (day != s->first) add_instance(r, s, day);
    }
    icalrecur_iterator_free(it);
    if (steps == LIM_ICS_STEPS) bad(r, "has an event that repeats too often: \"%.*s\"", NAME(s));
}

static void add_series(struct reader *r, const struct series *s)
{
    icalproperty *p;
    int32_t day;
    add_instance(r, s, s->first);
    for (p = icalcomponent_get_first_property(s->event, ICAL_RRULE_PROPERTY); p && !r->e;
         p = icalcomponent_get_next_property(s->event, ICAL_RRULE_PROPERTY))
        add_rule(r, s, icalproperty_get_rrule(p));
    for (p = icalcomponent_get_first_property(s->event, ICAL_RDATE_PROPERTY); p && !r->e;
         p = icalcomponent_get_next_property(s->event, ICAL_RDATE_PROPERTY))
        if (day_of(icalproperty_get_rdate(p).time, &day)) add_instance(r, s, day);
}

static void add_event(struct reader *r, icalcomponent *event)
{
    icalproperty *start = icalcomponent_get_first_property(event, ICAL_DTSTART_PROPERTY);
    struct series s = { .event = event, .name = name_of(event) };
    if (icalcomponent_get_status(event) == ICAL_STATUS_CANCELLED || !understood(r, &s)) return;
    icaltimetype t = start ? icalproperty_get_dtstart(start) : icaltime_null_time();
    if (!day_of(t, &s.first)) {
        bad(r, "has an event whose DTSTART is no date: \"%.*s\"", NAME(&s));
    } else if (!t.is_date) {
        if (!r->timed++) snprintf(r->timed_name, sizeof r->timed_name, "%.*s", NAME(&s));
    } else if (length_of(r, &s) && gather_without(r, &s)) {
        s.uid = icalcomponent_get_uid(event);
        s.instance = icalcomponent_get_first_property(event, ICAL_RECURRENCEID_PROPERTY);
        add_series(r, &s);
    }
    free(s.without);
}

static void add_calendar(struct reader *r, icalcomponent *calendar)
{
    gather_replaced(r, calendar);
    for (icalcompiter i = icalcomponent_begin_component(calendar, ICAL_VEVENT_COMPONENT); icalcompiter_deref(&i) && !r->e;
         icalcompiter_next(&i))
        add_event(r, icalcompiter_deref(&i));
}

static void add_all(struct reader *r, icalcomponent *root)
{
    if (icalcomponent_isa(root) == ICAL_VCALENDAR_COMPONENT) add_calendar(r, root);
    for (icalcompiter i = icalcomponent_begin_component(root, ICAL_VCALENDAR_COMPONENT); icalcompiter_deref(&i) && !r->e;
         icalcompiter_next(&i))
        add_calendar(r, icalcompiter_deref(&i));
}

/* A byte order mark is no part of the text. */
static struct str without_mark(struct str bytes)
{
    bool marked = bytes.n >= 3 && memcmp(bytes.p, "\xef\xbb\xbf", 3) == 0;
    return marked ? (struct str){ bytes.p + 3, bytes.n - 3 } : bytes;
}

enum err ics_read(struct holidays *out, struct str bytes, const struct ics_place *at)
{
    struct replaced replaced[LIM_ICS_RULES];
    struct reader r = { .out = out, .at = at, .replaced = replaced, .from = date_days(ICS_FROM), .to = date_days(ICS_TO) };
    icalcomponent *root = NULL;
    char *text = NULL;
    bytes = without_mark(bytes);
    const char *why = form(bytes);
    if (why) {
        bad(&r, "%s", why);
        goto out;
    }
    r.e = ERR_NOMEM;
    if (!(text = malloc(bytes.n + 1))) goto out;
    memcpy(text, bytes.p, bytes.n);
    text[bytes.n] = '\0';
    r.e = ERR_OK;
    icalerror_set_errors_are_fatal(false);
    if ((root = icalparser_parse_string(text))) add_all(&r, root);
    else bad(&r, "is not an iCalendar file");
    if (!r.e && r.timed)
        say(at, F_WARN, "has %u event%s with a time of day, which close nothing, such as \"%s\": what closes a day lasts all day",
            r.timed, r.timed == 1 ? "" : "s", r.timed_name);
    if (!r.e && out->count == 0) say(at, F_WARN, "has no day from 2025 to 2049: nothing is closed by it");
    holidays_sort(out);
out:
    if (root) icalcomponent_free(root);
    free(text);
    return r.e;
}
