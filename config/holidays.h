/* Days that are closed, each with its name: of an .ics file (ics.h) or of a country by its rules. */
#ifndef NARU_CONFIG_HOLIDAYS_H
#define NARU_CONFIG_HOLIDAYS_H

#include "base/arena.h"
#include "base/buf.h"
#include "config/date.h"

struct holiday {
    int32_t day; /* since 1970-01-01 */
    const char *name;
};
struct holidays {
    struct holiday *v;
    uint32_t count;
    struct arena *arena; /* of the list and its names; given at init */
};

/* An empty list with room for LIM_CLOSED_DATES. ERR_NOMEM. */
enum err holidays_init(struct holidays *h, struct arena *arena);
/* ERR_FULL when there are LIM_CLOSED_DATES already. `name` (UTF-8) is copied; control characters become spaces, 60 bytes at most.
 */
enum err holidays_add(struct holidays *h, int32_t day, struct str name);
/* By day; days that are there twice become one with both names. */
void holidays_sort(struct holidays *h);

/* ---- countries ---- */

#define COUNTRY_DAYS_MAX 32u

struct country_day {  /* one that returns each year, or the election of a kind */
    const char *word; /* "labour-day": what it is left out or asked for by */
    const char *name;
};
struct country {
    const char *code, *name;
    uint32_t from, to; /* the years that the rules below are right for */
    const struct country_day *days;
    uint32_t day_count;
    const char *note; /* which rules they are, and what no rule knows */
    /* Adds the days off of one year but those in `without` (bit i: days[i]); those in `with` also in years before the law made
       them public. ERR_FULL, ERR_INTERNAL (no calendar data). */
    enum err (*year)(struct holidays *h, uint32_t year, uint32_t without, uint32_t with);
};
extern const struct country country_korea;
extern const struct country *const countries[]; /* ended by NULL */
const struct country *country_find(struct str code);
int country_day_find(const struct country *c, struct str word); /* index, or -1 */

#endif
