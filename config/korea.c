/* Public holidays of Korea, by rule.

   Which days: the Act on Public Holidays (공휴일에 관한 법률) and the decree on public holidays of government offices (관공서의
   공휴일에 관한 규정, presidential decree), article 2. Every national day (since 2026 Constitution Day again, and Labour Day: the
   amendments of the Act of 2026-02-10 and of April 2026), 1 January, Seollal and Chuseok with the day before and the day after,
   Buddha's Birthday (8th of the 4th lunar month), Children's Day, Memorial Day, Christmas Day, and the days of elections at the end
   of a term. Sundays are public holidays too; they are not listed here, a week's `open` says whether one works on them.

   Substitute holidays (대체공휴일), article 3 as amended on 2023-05-04:
   - national days, Labour Day, Children's Day, Buddha's Birthday and Christmas Day that fall on a Saturday or a Sunday, and days of
     Seollal and Chuseok that fall on a Sunday, are made good by the first day after them that is no public holiday;
   - so is each day that is lost because two of them fall on the same working day;
   - two substitutes on one day: the second is the next such day; one on a Saturday: the next such day after it.
   1 January and Memorial Day have none.

   Elections: the Public Official Election Act (공직선거법), article 34: the first Wednesday from the 70th (president), 50th
   (National Assembly) or 30th (local) day before the end of the term; a week later when that Wednesday, the day before or the day
   after is a public holiday. A president's term can end early: only the one that runs is known.

   No rule knows temporary holidays (임시공휴일), which the government names weeks ahead: 2024-10-01, 2025-01-27, 2025-06-03 were
   some.

   The lunar calendar is ICU's "dangi", computed for Korea, where a month may begin a day later than in China (Seollal 2027). */
#include "config/holidays.h"

#include <stdio.h>
#include <stdlib.h>
#include <unicode/ucal.h>

enum day_kind { MADE_GOOD, LUNAR_BLOCK, LUNAR_DAY, NOT_MADE_GOOD, ELECTION };
static const struct day_rule {
    enum day_kind kind;
    uint8_t month, day; /* lunar ones: of the lunar calendar */
    uint16_t since;     /* public from that year on; 0: in all of ours */
} rules[] = {
    { NOT_MADE_GOOD, 1, 1, 0 }, { LUNAR_BLOCK, 1, 1, 0 },  { MADE_GOOD, 3, 1, 0 },     { MADE_GOOD, 5, 1, 2026 },
    { MADE_GOOD, 5, 5, 0 },     { LUNAR_DAY, 4, 8, 0 },    { NOT_MADE_GOOD, 6, 6, 0 }, { MADE_GOOD, 7, 17, 2026 },
    { MADE_GOOD, 8, 15, 0 },    { LUNAR_BLOCK, 8, 15, 0 }, { MADE_GOOD, 10, 3, 0 },    { MADE_GOOD, 10, 9, 0 },
    { MADE_GOOD, 12, 25, 0 },   { ELECTION, 0, 0, 0 },
};
static const struct country_day days[] = {
    { "new-year", "1월 1일 New Year's Day" },
    { "seollal", "설날 Seollal" },
    { "independence", "3·1절 Independence Movement Day" },
    { "labour-day", "노동절 Labour Day" },
    { "children", "어린이날 Children's Day" },
    { "buddha", "부처님오신날 Buddha's Birthday" },
    { "memorial", "현충일 Memorial Day" },
    { "constitution", "제헌절 Constitution Day" },
    { "liberation", "광복절 Liberation Day" },
    { "chuseok", "추석 Chuseok" },
    { "foundation", "개천절 National Foundation Day" },
    { "hangeul", "한글날 Hangeul Day" },
    { "christmas", "기독탄신일 Christmas Day" },
    { "elections", "선거일 Election Day" },
};
#define DAY_COUNT (sizeof days / sizeof *days)

static const struct term {
    uint32_t end; /* of one term */
    int32_t years, before;
    bool known; /* only that one: the next may end early */
} terms[] = {
    { 20300603, 5, 70, true },  /* president */
    { 20240529, 4, 50, false }, /* National Assembly */
    { 20260630, 4, 30, false }, /* local */
};

/* ---- one year in the making ---- */

#define YEAR_MAX 40u
struct year {
    struct {
        int32_t day;
        uint32_t rule;
        bool substitute;
    } v[YEAR_MAX];
    uint32_t count;
};

static void put(struct year *y, int32_t day, uint32_t rule, bool substitute)
{
    if (y->count == YEAR_MAX) return;
    y->v[y->count].day = day;
    y->v[y->count].rule = rule;
    y->v[y->count++].substitute = substitute;
}

static bool is_holiday(const struct year *y, int32_t day)
{
    bool there = day_weekday(day) == 0;
    for (uint32_t i = 0; i < y->count; i++) there |= y->v[i].day == day;
    return there;
}

/* ---- lunar days ---- */

/* The first day from `from` on that is `day` of lunar month `month` (not of a leap month); -1 when there is none in 60 days. */
static int32_t lunar(UCalendar *cal, int32_t from, int month, int day, UErrorCode *e)
{
    for (int32_t d = from; d < from + 60; d++) {
        ucal_setMillis(cal, (UDate)d * 86400000.0 + 3 * 3600000.0, e); /* noon in Seoul */
        if (ucal_get(cal, UCAL_MONTH, e) == month - 1 && ucal_get(cal, UCAL_DATE, e) == day &&
            !ucal_get(cal, UCAL_IS_LEAP_MONTH, e))
            return d;
    }
    *e = U_INTERNAL_PROGRAM_ERROR;
    return -1;
}

static void put_lunar(struct year *y, UCalendar *cal, uint32_t year, uint32_t rule, UErrorCode *e)
{
    const struct day_rule *r = &rules[rule];
    /* A lunar date is three to seven weeks later than the solar one of its name. */
    int32_t d = lunar(cal, date_days(DATE(year, r->month, r->day)) + 15, r->month, r->day, e);
    if (U_FAILURE(*e)) return;
    if (r->kind == LUNAR_BLOCK) put(y, d - 1, rule, false);
    put(y, d, rule, false);
    if (r->kind == LUNAR_BLOCK) put(y, d + 1, rule, false);
}

/* ---- substitutes ---- */

/* How many of the holidays on `day` are lost there and have to be made good; *rule is one of them. */
static uint32_t lost_on(const struct year *y, int32_t day, uint32_t *rule)
{
    uint32_t all = 0, weekday = 0, sunday = 0;
    for (uint32_t i = 0; i < y->count; i++) {
        if (y->v[i].day != day || y->v[i].substitute) continue;
        enum day_kind kind = rules[y->v[i].rule].kind;
        all++;
        weekday += kind == MADE_GOOD || kind == LUNAR_DAY;
        sunday += kind != NOT_MADE_GOOD;
        if (kind != NOT_MADE_GOOD) *rule = y->v[i].rule;
    }
    if (day_weekday(day) == 0) return sunday;
    if (day_weekday(day) == 6) return weekday;
    return all - 1 < sunday ? all - 1 : sunday;
}

static void make_good(struct year *y)
{
    uint32_t fixed = y->count;
    for (uint32_t i = 0; i < fixed; i++) {
        uint32_t rule = y->v[i].rule;
        bool seen = false;
        for (uint32_t k = 0; k < i; k++) seen |= y->v[k].day == y->v[i].day;
        for (uint32_t lost = seen ? 0 : lost_on(y, y->v[i].day, &rule); lost; lost--) {
            int32_t d = y->v[i].day + 1;
            while (is_holiday(y, d) || day_weekday(d) == 6) d++;
            put(y, d, rule, true);
        }
    }
}

/* ---- elections ---- */

static void put_elections(struct year *y, uint32_t year, uint32_t rule)
{
    for (size_t i = 0; i < sizeof terms / sizeof *terms; i++) {
        const struct term *t = &terms[i];
        int32_t since = (int32_t)year - (int32_t)(t->end / 10000);
        if (since < 0 || since % t->years || (t->known && since)) continue;
        int32_t d = date_days(t->end + (uint32_t)since * 10000) - t->before;
        while (day_weekday(d) != 3) d++;
        if (is_holiday(y, d - 1) || is_holiday(y, d) || is_holiday(y, d + 1)) d += 7;
        put(y, d, rule, false);
    }
}

/* ---- a year ---- */

static int by_day(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static enum err fill(struct year *y, uint32_t year, uint32_t with)
{
    UErrorCode e = U_ZERO_ERROR;
    UCalendar *cal = ucal_open(u"Asia/Seoul", -1, "ko_KR@calendar=dangi", UCAL_DEFAULT, &e);
    for (uint32_t i = 0; U_SUCCESS(e) && i < DAY_COUNT; i++) {
        const struct day_rule *r = &rules[i];
        if (r->since > year && !(with >> i & 1)) continue;
        if (r->kind == LUNAR_BLOCK || r->kind == LUNAR_DAY) put_lunar(y, cal, year, i, &e);
        else if (r->kind != ELECTION) put(y, date_days(DATE(year, r->month, r->day)), i, false);
    }
    if (cal) ucal_close(cal);
    if (U_FAILURE(e)) return ERR_INTERNAL;
    qsort(y->v, y->count, sizeof *y->v, by_day); /* `day` is the first member */
    make_good(y);
    put_elections(y, year, DAY_COUNT - 1);
    return ERR_OK;
}

/* All are computed, so that a day left out still moves the substitutes of others as the law has it. */
static enum err year_of_korea(struct holidays *h, uint32_t year, uint32_t without, uint32_t with)
{
    struct year y = { .count = 0 };
    enum err e = fill(&y, year, with);
    for (uint32_t i = 0; i < y.count && !e; i++) {
        char name[120];
        int n = snprintf(name, sizeof name, y.v[i].substitute ? "대체공휴일(%s)" : "%s", days[y.v[i].rule].name);
        if (!(without >> y.v[i].rule & 1)) e = holidays_add(h, y.v[i].day, (struct str){ name, (size_t)n });
    }
    return e;
}

const struct country country_korea = {
    .code = "kr",
    .name = "Korea",
    .from = 2024,
    .to = 2050,
    .days = days,
    .day_count = DAY_COUNT,
    .note = "by the Act on Public Holidays and its decree as in force in 2026; temporary holidays are not among them",
    .year = year_of_korea,
};
