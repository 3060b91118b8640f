#include "base/clock.h"

#include <stdbool.h>
#include <time.h>

/* Dates by Howard Hinnant's day counting (proleptic Gregorian), not by gmtime: no lock, no locale, no time zone. */

#define DAY_MS   UINT64_C(86400000)
#define LAST_DAY 2932896 /* 9999-12-31 */

static uint64_t now_us(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t clock_mono_us(void) { return now_us(CLOCK_MONOTONIC); }
uint64_t clock_mono_ms(void) { return now_us(CLOCK_MONOTONIC) / 1000; }
uint64_t clock_wall_ms(void) { return now_us(CLOCK_REALTIME) / 1000; }
uint64_t clock_boot_ms(void) { return now_us(CLOCK_BOOTTIME) / 1000; }
uint64_t clock_cpu_us(void) { return now_us(CLOCK_PROCESS_CPUTIME_ID); }

struct date {
    unsigned year, month, day;
};

static struct date date_of_days(uint64_t days)
{
    uint64_t z = days + 719468, era = z / 146097, doe = z % 146097;
    uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    unsigned month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);

    return (struct date){ (unsigned)(yoe + era * 400 + (month <= 2)), month, (unsigned)(doy - (153 * mp + 2) / 5 + 1) };
}

static int64_t days_of_date(struct date d)
{
    int64_t y = (int64_t)d.year - (d.month <= 2), era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
    int64_t doy = (153 * ((int64_t)d.month + (d.month > 2 ? -3 : 9)) + 2) / 5 + d.day - 1;

    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static char *put_digits(char *to, unsigned v, int digits)
{
    for (int i = digits - 1; i >= 0; i--, v /= 10) to[i] = (char)('0' + v % 10);
    return to + digits;
}

char *clock_text(uint64_t wall_ms, char out[25])
{
    uint64_t days = wall_ms / DAY_MS;
    unsigned ms = (unsigned)(wall_ms % DAY_MS);

    if (days > LAST_DAY) { /* four digits of a year are all there is room for */
        days = LAST_DAY;
        ms = DAY_MS - 1;
    }
    struct date d = date_of_days(days);
    const struct {
        unsigned v;
        int digits;
        char after;
    } parts[] = { { d.year, 4, '-' },          { d.month, 2, '-' },        { d.day, 2, 'T' },    { ms / 3600000, 2, ':' },
                  { ms / 60000 % 60, 2, ':' }, { ms / 1000 % 60, 2, '.' }, { ms % 1000, 3, 'Z' } };
    char *p = out;
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++) {
        p = put_digits(p, parts[i].v, parts[i].digits);
        *p++ = parts[i].after;
    }
    *p = 0;
    return out;
}

/* A reader of fixed fields; the first failure sticks, later reads are harmless. */
struct reader {
    const char *p, *end;
    bool bad;
};

static unsigned read_digits(struct reader *r, int digits)
{
    unsigned v = 0;

    for (int i = 0; i < digits; i++) {
        if (r->p == r->end || *r->p < '0' || *r->p > '9') {
            r->bad = true;
            return 0;
        }
        v = v * 10 + (unsigned)(*r->p++ - '0');
    }
    return v;
}

static bool accept(struct reader *r, char c)
{
    if (r->p == r->end || *r->p != c) return false;
    r->p++;
    return true;
}

static void expect(struct reader *r, char c)
{
    if (!accept(r, c)) r->bad = true;
}

static unsigned read_fraction_ms(struct reader *r)
{
    unsigned ms = 0, digits = 0;

    if (!accept(r, '.')) return 0;
    for (; r->p < r->end && *r->p >= '0' && *r->p <= '9'; digits++, r->p++)
        if (digits < 3) ms = ms * 10 + (unsigned)(*r->p - '0');
    if (digits == 0 || digits > 9) r->bad = true;
    for (; digits < 3; digits++) ms *= 10;
    return ms;
}

static int64_t read_offset_ms(struct reader *r)
{
    if (accept(r, 'Z') || accept(r, 'z')) return 0;
    int sign = accept(r, '-') ? -1 : 1;
    if (sign > 0) expect(r, '+');
    unsigned hours = read_digits(r, 2);
    expect(r, ':');
    unsigned minutes = read_digits(r, 2);
    if (hours > 23 || minutes > 59) r->bad = true;
    return sign * (int64_t)(hours * 60 + minutes) * 60000;
}

static bool date_exists(struct date d)
{
    static const uint8_t days[13] = { 0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = d.year % 4 == 0 && (d.year % 100 != 0 || d.year % 400 == 0);

    return d.month >= 1 && d.month <= 12 && d.day >= 1 && d.day <= days[d.month] + (unsigned)(leap && d.month == 2);
}

int clock_parse(const char *p, uint64_t n, uint64_t *wall_ms)
{
    struct reader r = { p, p ? p + n : p, false };
    struct date d;

    d.year = read_digits(&r, 4);
    expect(&r, '-');
    d.month = read_digits(&r, 2);
    expect(&r, '-');
    d.day = read_digits(&r, 2);
    if (!accept(&r, 't')) expect(&r, 'T');
    unsigned hour = read_digits(&r, 2);
    expect(&r, ':');
    unsigned minute = read_digits(&r, 2);
    expect(&r, ':');
    unsigned second = read_digits(&r, 2);
    unsigned ms = read_fraction_ms(&r);
    int64_t offset = read_offset_ms(&r);

    if (r.bad || r.p != r.end || !date_exists(d) || hour > 23 || minute > 59 || second > 60) return -1; /* 60: a leap second */
    int64_t t = days_of_date(d) * (int64_t)DAY_MS + ((hour * 60 + minute) * INT64_C(60) + second) * 1000 + ms - offset;
    if (t < 0) return -1;
    *wall_ms = (uint64_t)t;
    return 0;
}

/* ---- steady ---- */

void steady_begin(struct steady *s, uint64_t wall_ms, uint64_t boot_ms) { s->base = wall_ms - boot_ms; }

uint64_t steady_ms(const struct steady *s, uint64_t boot_ms) { return s->base + boot_ms; }

int64_t steady_off(const struct steady *s, uint64_t wall_ms, uint64_t boot_ms)
{
    return (int64_t)(wall_ms - steady_ms(s, boot_ms));
}
