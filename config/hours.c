/* Opening hours: local spans of the week to UTC intervals, once, at load.

   ICU does all calendar and zone arithmetic: for each local date of the horizon it is asked for that date's weekday and for the
   instant of each wall-clock time. A wall time that the spring change skips counts as the next valid instant; one that the autumn
   change repeats counts as its first occurrence for an opening and its last for a closing, so nobody is shut out for the extra
   hour.

   "24:00" and spans over midnight reach into the next date. A closed date is closed from its midnight to the next: what begins on
   it does not happen, what began the evening before ends at midnight. Touching intervals are joined, so open 24 hours is one
   interval.

   Days of the workspace are made the same way: the instants of its midnights (one that is skipped is the next valid instant, one
   that is repeated its first). Beyond the last of them whole days of 24 hours are counted on, so that a day always has a number.

   Afterwards nothing but a binary search is left (hours_open, policy_day): no ICU near a decision. */
#include "config/hours.h"

#include "config/date.h"

#include <stdlib.h>
#include <unicode/ucal.h>
#include <unicode/uenum.h>

#define DAY_MIN 1440
#define DAY_MS  86400000ull

/* ---- zones ---- */

static int zone_text(const char *zone, UChar *out, int room)
{
    int n = 0;
    for (; zone[n]; n++) {
        if (n + 1 >= room || (unsigned char)zone[n] >= 0x80) return 0;
        out[n] = (UChar)(unsigned char)zone[n];
    }
    out[n] = 0;
    return n;
}

static const char *nearest_zone(const char *zone, struct arena *arena)
{
    UErrorCode e = U_ZERO_ERROR;
    UEnumeration *all = ucal_openTimeZones(&e);
    const char *names[1024], *name;
    size_t count = 0;
    while (U_SUCCESS(e) && count < 1024 && (name = uenum_next(all, NULL, &e))) {
        names[count] = arena_strdup(arena, str_of(name));
        if (names[count]) count++;
    }
    uenum_close(all);
    return str_nearest(str_of(zone), names, count);
}

bool hours_is_zone(const char *zone, const char **near, struct arena *arena)
{
    UErrorCode e = U_ZERO_ERROR;
    UChar id[64], canonical[128];
    UBool known = 0;
    int n = zone_text(zone, id, 64);
    if (n) ucal_getCanonicalTimeZoneID(id, n, canonical, 128, &known, &e);
    if (n && U_SUCCESS(e) && known) return true;
    if (near) *near = strlen(zone) < 64 ? nearest_zone(zone, arena) : NULL;
    return false;
}

/* ---- expansion ---- */

struct expansion {
    UCalendar *cal;
    const struct hours_spec *spec;
    int32_t year, month, day; /* local date that day 0 is */
    struct {
        uint64_t from, to;
    } * v;
    uint32_t count, room;
    UErrorCode e;
};

/* The instant of `minute` (may be beyond the day) on the local date `offset` days after the first; ICU carries over. */
static uint64_t instant(struct expansion *x, int offset, int minute, bool opening)
{
    ucal_setAttribute(x->cal, UCAL_REPEATED_WALL_TIME, opening ? UCAL_WALLTIME_FIRST : UCAL_WALLTIME_LAST);
    ucal_setDateTime(x->cal, x->year, x->month, x->day + offset, minute / 60, minute % 60, 0, &x->e);
    UDate ms = ucal_getMillis(x->cal, &x->e);
    return U_SUCCESS(x->e) && ms > 0 ? (uint64_t)ms : 0;
}

struct date {
    uint32_t ymd;
    int weekday; /* 0 = Sunday */
};
static struct date date_at(struct expansion *x, int offset)
{
    (void)instant(x, offset, 12 * 60, true);
    uint32_t y = (uint32_t)ucal_get(x->cal, UCAL_YEAR, &x->e), m = (uint32_t)ucal_get(x->cal, UCAL_MONTH, &x->e) + 1;
    uint32_t d = (uint32_t)ucal_get(x->cal, UCAL_DATE, &x->e);
    return (struct date){ y * 10000 + m * 100 + d, (int)ucal_get(x->cal, UCAL_DAY_OF_WEEK, &x->e) - 1 };
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static bool is_closed(const struct hours_spec *s, struct date d)
{
    return s->closed_count && bsearch(&d.ymd, s->closed, s->closed_count, sizeof *s->closed, by_number);
}

static void add_interval(struct expansion *x, int offset, int from, int to)
{
    uint64_t a = instant(x, offset, from, true), z = instant(x, offset, to, false);
    if (a >= z || x->count == x->room) return;
    x->v[x->count].from = a;
    x->v[x->count++].to = z;
}

static int by_start(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void expand_days(struct expansion *x)
{
    struct date today = date_at(x, 0);
    for (int i = 0; i < HOURS_DAYS + 2; i++) {
        struct date next = date_at(x, i + 1);
        bool shut = is_closed(x->spec, today), shut_next = is_closed(x->spec, next);
        for (unsigned k = 0; !shut && k < x->spec->week.count[today.weekday]; k++) {
            struct span s = x->spec->week.v[today.weekday][k];
            add_interval(x, i, s.from, shut_next && s.to > DAY_MIN ? DAY_MIN : s.to);
        }
        today = next;
    }
}

static enum err join(struct expansion *x, struct arena *arena, struct hours *out)
{
    qsort(x->v, x->count, sizeof *x->v, by_start);
    out->open = arena_alloc(arena, x->count * sizeof *out->open);
    out->shut = arena_alloc(arena, x->count * sizeof *out->shut);
    if (!out->open || !out->shut) return ERR_NOMEM;
    uint32_t n = 0;
    for (uint32_t i = 0; i < x->count; i++) {
        if (n && x->v[i].from <= out->shut[n - 1]) {
            if (x->v[i].to > out->shut[n - 1]) out->shut[n - 1] = x->v[i].to;
        } else {
            out->open[n] = x->v[i].from;
            out->shut[n++] = x->v[i].to;
        }
    }
    out->count = n;
    return ERR_OK;
}

static enum err open_calendar(struct expansion *x, const char *zone, uint64_t now)
{
    UChar id[64];
    int n = zone_text(zone, id, 64);
    if (!n) return ERR_INTERNAL;
    x->cal = ucal_open(id, n, "en_US", UCAL_GREGORIAN, &x->e);
    if (U_FAILURE(x->e)) return ERR_INTERNAL;
    ucal_setAttribute(x->cal, UCAL_SKIPPED_WALL_TIME, UCAL_WALLTIME_NEXT_VALID);
    ucal_setMillis(x->cal, (UDate)(now - now % 1000), &x->e); /* what is set later has no milliseconds either */
    x->year = ucal_get(x->cal, UCAL_YEAR, &x->e);
    x->month = ucal_get(x->cal, UCAL_MONTH, &x->e);
    x->day = ucal_get(x->cal, UCAL_DATE, &x->e) - 2; /* what began yesterday may still be open */
    return U_SUCCESS(x->e) ? ERR_OK : ERR_INTERNAL;
}

enum err hours_expand(const struct hours_spec *spec, uint64_t now, struct arena *arena, struct hours *out)
{
    struct expansion x = { .spec = spec, .e = U_ZERO_ERROR };
    enum err e;
    *out = (struct hours){ .name = spec->name, .timezone = spec->timezone, .line = spec->line };
    if (!spec->timezone || !hours_is_zone(spec->timezone, NULL, arena)) return ERR_OK;
    for (int d = 0; d < 7; d++) x.room += spec->week.count[d];
    if (x.room == 0) return ERR_OK;
    x.room *= HOURS_DAYS / 7 + 2;
    x.v = calloc(x.room, sizeof *x.v);
    e = x.v ? open_calendar(&x, spec->timezone, now) : ERR_NOMEM;
    if (e) goto out;
    if (spec->closed_count) qsort(spec->closed, spec->closed_count, sizeof *spec->closed, by_number);
    expand_days(&x);
    e = U_SUCCESS(x.e) ? join(&x, arena, out) : ERR_INTERNAL;
out:
    if (x.cal) ucal_close(x.cal);
    free(x.v);
    return e;
}

enum err hours_midnights(struct policy *p, uint64_t now, struct arena *arena)
{
    struct expansion x = { .e = U_ZERO_ERROR };
    p->midnight = arena_alloc(arena, HOURS_DAYS * sizeof *p->midnight);
    if (!p->midnight) return ERR_NOMEM;
    enum err e = open_calendar(&x, p->timezone, now);
    if (e) goto out;
    for (int i = 0; i < HOURS_DAYS; i++) p->midnight[i] = instant(&x, i, 0, true);
    p->midnight_count = HOURS_DAYS;
    p->first_day = (uint32_t)date_days(date_at(&x, 0).ymd);
    if (U_FAILURE(x.e)) e = ERR_INTERNAL;
out:
    if (x.cal) ucal_close(x.cal);
    return e;
}

struct zone {
    UCalendar *cal;
};

enum err zone_open(struct zone **out, const char *name)
{
    struct expansion x = { .e = U_ZERO_ERROR };
    struct zone *z = calloc(1, sizeof *z);
    enum err e = z ? open_calendar(&x, name, 0) : ERR_NOMEM;

    if (z) z->cal = x.cal;
    if (e) zone_close(z), z = NULL;
    *out = z;
    return e;
}

uint64_t zone_instant(struct zone *z, int32_t day, uint32_t minute)
{
    struct expansion x = { .cal = z->cal, .year = 1970, .day = 1 + day, .e = U_ZERO_ERROR };
    return instant(&x, 0, (int)minute, true);
}

void zone_close(struct zone *z)
{
    if (z && z->cal) ucal_close(z->cal);
    free(z);
}

enum err hours_instant(const char *zone, uint32_t ymd, uint32_t minute, uint64_t *out)
{
    struct zone *z;
    enum err e = zone_open(&z, zone);
    if (!e) *out = zone_instant(z, date_days(ymd), minute);
    zone_close(z);
    return e;
}

struct local hours_local(const char *zone, uint64_t wall_ms)
{
    struct expansion x = { .e = U_ZERO_ERROR };
    struct local l = { 0 };
    UChar id[64];
    int n = zone_text(zone, id, 64);
    x.cal = ucal_open(id, n, "en_US", UCAL_GREGORIAN, &x.e);
    if (U_FAILURE(x.e)) return l;
    ucal_setMillis(x.cal, (UDate)wall_ms, &x.e);
    uint32_t y = (uint32_t)ucal_get(x.cal, UCAL_YEAR, &x.e), m = (uint32_t)ucal_get(x.cal, UCAL_MONTH, &x.e) + 1;
    l.ymd = y * 10000 + m * 100 + (uint32_t)ucal_get(x.cal, UCAL_DATE, &x.e);
    l.minute = (uint32_t)ucal_get(x.cal, UCAL_HOUR_OF_DAY, &x.e) * 60 + (uint32_t)ucal_get(x.cal, UCAL_MINUTE, &x.e);
    l.weekday = ucal_get(x.cal, UCAL_DAY_OF_WEEK, &x.e) - 1;
    ucal_close(x.cal);
    return l;
}

/* ---- asking ---- */

/* The first interval that shuts after wall_ms; h->count: none. */
static uint32_t interval_after(const struct hours *h, uint64_t wall_ms)
{
    uint32_t low = 0, high = h->count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (h->shut[mid] <= wall_ms) low = mid + 1;
        else high = mid;
    }
    return low;
}

bool hours_open(const struct hours *h, uint64_t wall_ms, uint64_t *next)
{
    uint32_t low = interval_after(h, wall_ms);
    bool open = low < h->count && h->open[low] <= wall_ms;
    if (next) *next = low == h->count ? 0 : open ? h->shut[low] : h->open[low];
    if (next && open && low + 1 == h->count) *next = 0; /* the horizon, not a closing */
    return open;
}

bool hours_never_close(const struct hours *h) { return h->count == 1 && h->shut[0] - h->open[0] > (HOURS_DAYS - 1) * DAY_MS; }

uint32_t policy_day(const struct policy *p, uint64_t wall_ms, uint64_t *next)
{
    uint32_t low = 0, high = p->midnight_count; /* the first midnight after wall_ms */
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (p->midnight[mid] <= wall_ms) low = mid + 1;
        else high = mid;
    }
    if (low > 0 && low < p->midnight_count) {
        if (next) *next = p->midnight[low];
        return p->first_day + low - 1;
    }
    /* Outside of them: days of 24 hours from the nearest midnight on, of UTC when there is none. */
    uint64_t from = low ? p->midnight[low - 1] : p->midnight_count ? p->midnight[0] : 0;
    uint32_t day = low ? p->first_day + low - 1 : p->first_day;
    if (wall_ms < from) { /* a clock that went back */
        uint64_t back = (from - wall_ms + DAY_MS - 1) / DAY_MS;
        if (next) *next = from - (back - 1) * DAY_MS;
        return day - (uint32_t)back;
    }
    uint64_t on = (wall_ms - from) / DAY_MS;
    if (next) *next = from + (on + 1) * DAY_MS;
    return day + (uint32_t)on;
}

bool policy_stale(const struct policy *p, uint64_t wall_ms) { return wall_ms >= p->loaded + HOURS_DAYS / 2 * DAY_MS; }

uint64_t hours_add(const struct hours *h, uint64_t from, uint64_t ms)
{
    for (uint32_t i = interval_after(h, from); i < h->count; i++) {
        uint64_t begin = h->open[i] > from ? h->open[i] : from, left = h->shut[i] - begin;
        if (ms <= left) return begin + ms;
        ms -= left;
        from = h->shut[i];
    }
    return from + ms;
}
