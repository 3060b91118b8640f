/* Who wrote lately: contacts of the last seven days and live tickets, by customer. Pure; the times are handed in. */
#ifndef NARU_ROUTER_CUSTOMERS_H
#define NARU_ROUTER_CUSTOMERS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CUSTOMERS_STEP_MS 21600000u /* contacts are counted in steps of six hours … */
#define CUSTOMERS_STEPS   28u       /* … and there are so many in seven days */
#define CUSTOMERS_PARTS   64u

struct customer_part;
struct customers {
    struct customer_part *parts;
    size_t count, cap;
    uint64_t full; /* how often there was no room for one more */
    uint32_t sweep_part, sweep_at;
};
struct customer_said {
    uint32_t open, contacts; /* live tickets; contacts within the last seven days, to a step */
};

/* `cap`: most customers; beyond it new ones are not counted (ERR_FULL). About 64 bytes each. */
enum err customers_init(struct customers *c, size_t cap);
void customers_fini(struct customers *c);
/* A contact of customer `key` (a hash; 0 is a key like others) at `at` (wall ms). What is older than seven days at the youngest
   contact known of them is left out. ERR_FULL, ERR_NOMEM: not counted. */
enum err customers_contact(struct customers *c, uint64_t key, uint64_t at);
/* One ticket of theirs more; ERR_FULL, ERR_NOMEM: not counted, so do not count it down. */
enum err customers_open(struct customers *c, uint64_t key);
void customers_close(struct customers *c, uint64_t key);
struct customer_said customers_ask(const struct customers *c, uint64_t key, uint64_t now);
/* Looks at some of them and forgets those without a live ticket who have been silent for seven days. Call it once a second: all
   have been looked at within an hour. */
void customers_sweep(struct customers *c, uint64_t now);

#endif
