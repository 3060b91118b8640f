/* All-day events of an .ics file (RFC 5545) as days: holidays that others keep. */
#ifndef NARU_CONFIG_ICS_H
#define NARU_CONFIG_ICS_H

#include "config/holidays.h"
#include "config/policy.h"

/* Days outside are left out. They do not depend on today, so that the same bytes always give the same days. */
#define ICS_FROM 20250101u
#define ICS_TO   20491231u

struct ics_place { /* where to say what is wrong: in `f`, at the place that names the file */
    struct findings *f;
    const char *file, *key;
    uint32_t line, column;
};

/* Appends the days of all events that have a date and no time, repeated as their rules say, and sorts the list. An event with a
   time of day is left out, with a warning; a cancelled one silently. ERR_POLICY, and said, when the bytes are not a whole iCalendar
   file of UTF-8, are more than LIM_ICS_BYTES, or have an event whose days cannot be known. ERR_NOMEM. */
enum err ics_read(struct holidays *out, struct str bytes, const struct ics_place *at);

#endif
