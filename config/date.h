/* Dates of the Gregorian calendar, without a time or a zone: as yyyymmdd (a date as people write it) and as the number of days
   since 1970-01-01 (a date to count with). */
#ifndef NARU_CONFIG_DATE_H
#define NARU_CONFIG_DATE_H

#include "base/str.h"

#include <stdint.h>

#define DATE(year, month, day) ((uint32_t)(year)*10000u + (uint32_t)(month)*100u + (uint32_t)(day))

extern const char *const day_names[7]; /* "sun" … "sat" */

/* "2026-09-24" → 20260924; 0 when it is not a date of the years 1970 to 9999. */
uint32_t date_of(struct str s);
char *date_text(uint32_t ymd, char out[11]); /* "2026-09-24"; returns `out` */
/* Days since 1970-01-01 and back. The day of a date's month may be beyond the month: it is carried over. */
int32_t date_days(uint32_t ymd);
uint32_t date_from(int32_t days);
int day_weekday(int32_t days); /* 0 = Sunday */

#endif
