/* `Idempotency-Key`: a POST that is sent again under the same key is answered as the first was, and acts once.

   Kept in memory by the router that answered, for IDEM_MS; LIM_IDEM_KEYS keys and LIM_IDEM_BYTES of answers at most: beyond, the
   oldest answers are forgotten early, and counted. An answer that says "not done, send again" (429, 5xx) is not kept. Pure: the
   clock is handed in. */
#ifndef NARU_ROUTER_IDEMPOTENCY_H
#define NARU_ROUTER_IDEMPOTENCY_H

#include "base/idmap.h"
#include "base/str.h"

#define IDEM_MS        86400000ull
#define IDEM_KEY_MAX   255u
#define IDEM_EXTRA_MAX 192u

struct idem; /* one key of one asker */
struct idems {
    struct idmap by_id;
    struct idem *oldest, *newest;
    size_t bytes, keys_max, bytes_max;
};
void idems_init(struct idems *all, size_t keys_max, size_t bytes_max);
void idems_fini(struct idems *all);

struct idem_ask {
    struct str key, asker;           /* whose keys are whose: role, workspace and subject of the token */
    struct str method, target, body; /* the request */
    uint64_t now;                    /* mono ms */
};
struct idem_answer {
    unsigned status;
    const char *type, *extra; /* valid until the next call */
    struct str body;
};
enum idem_state {
    IDEM_NEW,   /* *out is to be ended */
    IDEM_AGAIN, /* *answer is the first one's */
    IDEM_OTHER, /* another request under the same key */
    IDEM_OPEN,  /* the first is still under way */
    IDEM_FULL   /* all keys that are kept are under way, or there is no memory */
};
enum idem_state idem_begin(struct idems *all, const struct idem_ask *ask, struct idem **out, struct idem_answer *answer);
void idem_end(struct idem *one, const struct idem_answer *answer);
/* 1 to IDEM_KEY_MAX visible ASCII characters, quoted or not. */
bool idem_key_ok(struct str key);

#endif
