/* Opening hours as written, before ICU turns them into UTC intervals. */
#ifndef NARU_CONFIG_HOURS_H
#define NARU_CONFIG_HOURS_H

#include "config/policy.h"

#define HOURS_SPANS 8u  /* intervals that may begin on one weekday */
#define HOURS_DAYS  400 /* how far ahead intervals are made */

struct span { /* minutes from the local midnight of the day it begins on; `to` beyond 1440 reaches into the next day */
    uint16_t from, to;
};
struct week { /* by the weekday a span begins on, 0 = Sunday */
    struct span v[7][HOURS_SPANS];
    uint8_t count[7];
};
struct hours_spec {
    const char *name, *timezone;
    struct week week;
    uint32_t *closed; /* dates as yyyymmdd, sorted */
    uint32_t closed_count, line;
};

/* Is this a time zone of the IANA list? When not, *near (may be NULL) gets the nearest name, copied to `arena`, or NULL. */
bool hours_is_zone(const char *zone, const char **near, struct arena *arena);
/* Intervals from the day before `now` on for HOURS_DAYS. ERR_NOMEM, ERR_INTERNAL (no time-zone data). A spec without a valid zone
   or without spans gives no interval. */
enum err hours_expand(const struct hours_spec *spec, uint64_t now, struct arena *arena, struct hours *out);
/* The instant of a minute (0..1439) of a local date (yyyymmdd) in a valid zone, in wall ms; 0 before 1970. ERR_INTERNAL (no
   time-zone data). */
enum err hours_instant(const char *zone, uint32_t ymd, uint32_t minute, uint64_t *out);
/* An instant as the clock on the wall of `zone` (a valid one) shows it. */
struct local {
    uint32_t ymd, minute; /* of the day */
    int weekday;          /* 0 = Sunday */
};
struct local hours_local(const char *zone, uint64_t wall_ms);
/* Never shut as far as its intervals reach. */
bool hours_never_close(const struct hours *h);
/* p->midnight and p->first_day, of p->timezone (a valid one), as far ahead. */
enum err hours_midnights(struct policy *p, uint64_t now, struct arena *arena);

/* Wall-clock times of a time zone, one at a time. */
struct zone;
enum err zone_open(struct zone **out, const char *name); /* a valid one; ERR_NOMEM, ERR_INTERNAL (no time-zone data) */
/* The wall ms of `minute` (0..1439) of that local date (days since 1970-01-01). One that the clocks skip is the next valid instant,
   one that they repeat its first. 0: before 1970, or ICU failed. */
uint64_t zone_instant(struct zone *z, int32_t day, uint32_t minute);
void zone_close(struct zone *z); /* NULL is fine */

#endif
