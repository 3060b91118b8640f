/* What conditions name besides text (a channel, an account, an attribute's value …), each distinct one numbered. Looked up for
   every message, so it costs a hash and one compare. */
#ifndef NARU_WORKERS_TRIAGE_FACTS_H
#define NARU_WORKERS_TRIAGE_FACTS_H

#include "base/str.h"

enum fact_of {
    FACT_CHANNEL,
    FACT_ACCOUNT,
    FACT_LANGUAGE,
    FACT_KIND,
    FACT_SENTIMENT,
    FACT_INTENT,
    FACT_SOME_INTENT, /* any: value is empty */
    FACT_KEY,         /* there is an attribute of this key */
    FACT_VALUE,       /* … and it has this value; `key` is the number of its FACT_KEY */
};
#define FACT_NONE UINT32_MAX

struct fact;
struct facts {
    struct fact *v;  /* by number */
    uint32_t *table; /* numbers + 1; 0: empty */
    uint32_t count, mask;
    size_t longest; /* value, in bytes: what is longer is not looked up */
};

/* Room for `most` facts. ERR_NOMEM; facts_fini is needed in any case. */
enum err facts_init(struct facts *f, uint32_t most);
void facts_fini(struct facts *f);
/* The number, new or not. Borrows `value`. At most as many different ones as there is room for. */
uint32_t facts_put(struct facts *f, enum fact_of of, uint32_t key, struct str value);
uint32_t facts_get(const struct facts *f, enum fact_of of, uint32_t key, struct str value); /* or FACT_NONE */

#endif
