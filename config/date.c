/* The counting is Howard Hinnant's days_from_civil and civil_from_days
   (https://howardhinnant.github.io/date_algorithms.html): years begin in March, so that a leap day is the last of its year, and 400
   years have 146097 days. */
#include "config/date.h"

#include <stdio.h>

#define ERA_DAYS   146097
#define EPOCH_DAYS 719468 /* from 0000-03-01 to 1970-01-01 */

const char *const day_names[7] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" };

uint32_t date_of(struct str s)
{
    static const uint8_t days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    uint64_t y, m, d;
    if (s.n != 10 || s.p[4] != '-' || s.p[7] != '-') return 0;
    if (str_u64((struct str){ s.p, 4 }, 1970, 9999, &y) || str_u64((struct str){ s.p + 5, 2 }, 1, 12, &m)) return 0;
    if (str_u64((struct str){ s.p + 8, 2 }, 1, days[m - 1], &d)) return 0;
    bool leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    return m == 2 && d == 29 && !leap ? 0 : DATE(y, m, d);
}

char *date_text(uint32_t ymd, char out[11])
{
    snprintf(out, 11, "%04u-%02u-%02u", ymd / 10000 % 10000, ymd / 100 % 100, ymd % 100);
    return out;
}

int32_t date_days(uint32_t ymd)
{
    uint32_t month = ymd / 100 % 100, day = ymd % 100;
    uint32_t year = ymd / 10000 - (month <= 2), of_era = year % 400;
    uint32_t of_year = (153 * (month + (month > 2 ? -3u : 9u)) + 2) / 5 + day - 1;
    return (int32_t)(year / 400 * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year) - EPOCH_DAYS;
}

uint32_t date_from(int32_t days)
{
    uint32_t z = (uint32_t)(days + EPOCH_DAYS), of_era = z % ERA_DAYS;
    uint32_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint32_t of_year = of_era - (365 * years + years / 4 - years / 100), fifth = (5 * of_year + 2) / 153;
    uint32_t month = fifth + (fifth < 10 ? 3u : -9u);
    return DATE(z / ERA_DAYS * 400 + years + (month <= 2), month, of_year - (153 * fifth + 2) / 5 + 1);
}

int day_weekday(int32_t days) { return (int)((days % 7 + 11) % 7); } /* 1970-01-01 was a Thursday */
