/* Ids are UUIDs (RFC 9562), 16 bytes in memory, 36 characters in text.
   Tickets: version 7 (milliseconds, then the home router's number in rand_a, then random), so that they sort by time and name their
   home. Events: version 8, made from a hash of (account, external id), so that the same event has the same id on every router. */
#ifndef NARU_BASE_ID_H
#define NARU_BASE_ID_H

#include "base/rng.h"
#include "base/str.h"

struct id {
    uint8_t b[16];
};
#define ID_TEXT 36

static inline int id_cmp(const struct id *a, const struct id *b) { return memcmp(a->b, b->b, 16); }
static inline bool id_eq(const struct id *a, const struct id *b) { return memcmp(a->b, b->b, 16) == 0; }
static inline bool id_is_none(const struct id *a)
{
    static const struct id none;
    return id_eq(a, &none);
}
/* A version 7 id. `home` is 0..4095 and can be read back with id_home. Ids made within one millisecond by one rng still differ. */
struct id id_new(uint64_t wall_ms, uint32_t home, struct rng *rng);
/* The version 8 id of an event's identity: the first 122 free bits of SHA-256(account, 0x00, external). */
struct id id_of_event(struct str account, struct str external);
/* The same id with these 12 bits of it naming a home, as version 7 does. */
struct id id_at_home(struct id id, uint32_t home);
uint32_t id_home(const struct id *id);
uint64_t id_time(const struct id *id); /* wall milliseconds of a version 7 id */
/* Writes 36 characters and a NUL; returns `out`. */
char *id_text(const struct id *id, char out[ID_TEXT + 1]);
enum err id_parse(struct str text, struct id *out); /* ERR_PROTO when it is not 8-4-4-4-12 hex */

#endif
