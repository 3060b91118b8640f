/* Customers as an operator's own systems know them: one person over all channels. Somebody stated that these identities, each an
   (account, opaque id), are one customer, and what is known of them.

   The newest statement wins: it replaces what was said of that customer, and takes the identities it names from whoever had them.
   An older one changes nothing; an identity that somebody stated later for another stays with that other. Pure; times handed in. */
#ifndef NARU_ROUTER_PEOPLE_H
#define NARU_ROUTER_PEOPLE_H

#include "base/idmap.h"
#include "proto/records.h"

#define IDENTITY_FIELDS(X) X(STR, account, 64) X(STR, id, 256)
#define PERSON_FIELDS(X)                                                                                                           \
    X(ID, key, 0) /* person_key: also of one who was forgotten, and of whom nothing else is kept */                                \
    X(STR, workspace, 64)                                                                                                          \
    X(STR, id, 128)                                                                                                                \
    X(STR, name, 256)                                                                                                              \
    X(STR, tier, 64)                                                                                                               \
    X(STR, language, 16)                                                                                                           \
    X(LIST, identities, identity)                                                                                                  \
    X(LIST, attributes, attribute) /* keys without "customer." */                                                                  \
    X(TIME, at, 0)                 /* of the statement */                                                                          \
    X(BOOL, gone, 0)
RECORD_DECL(identity, IDENTITY_FIELDS)
RECORD_DECL(person, PERSON_FIELDS)

#define PERSON_IDENTITIES 64u    /* of one customer */
#define PERSON_ATTRIBUTES 32u    /* of one customer; their texts at most 1,024 bytes each */
#define PERSON_PACKED     49152u /* bytes of one: it fits into an entry of the change log */

struct kept_person;
struct people {
    struct idmap by_key, by_identity;
    struct arena scratch;
    struct buf packed; /* scratch */
    size_t bytes;      /* held by all of them, tables not counted */
    size_t gone;       /* of them forgotten */
};
/* Whoever lost an identity to a newer statement: to be stored again. Empty `packed`: forgotten. */
typedef void people_fn(void *ctx, const struct id *key, uint64_t at, struct str packed);

struct id person_key(struct str workspace, struct str id);
enum err people_init(struct people *p);
void people_fini(struct people *p);

/* Takes a statement in; `r->key` is set. `kept` (may be NULL) is told what is to be stored: it, and those who lost an identity;
   *moved (may be NULL): how many identities it took from others. ERR_EXISTS: what is known is as new; ERR_FULL: LIM_PEOPLE,
   LIM_LINKS or LIM_PEOPLE_BYTES; ERR_NOMEM; ERR_TOOBIG. */
enum err people_take(struct people *p, const struct person *r, people_fn *kept, void *ctx, uint32_t *moved);
/* A row as it was kept. */
enum err people_row(struct people *p, const struct id *key, uint64_t at, struct str packed);

/* Unpacked into `arena` and the packed bytes, which stay until the next people_take. ERR_NOTFOUND. */
enum err people_get(const struct people *p, struct str workspace, struct str id, struct person *out, struct arena *arena);
enum err people_find(const struct people *p, struct str account, struct str id, struct person *out, struct arena *arena);
/* All of them: for (size_t i = 0; people_next(p, &i, &key, &at, &packed);), an empty `packed` for who was forgotten. Nothing may be
   taken while walking; one that is walked in parts misses what moved meanwhile. */
bool people_next(const struct people *p, size_t *cursor, struct id *key, uint64_t *at, struct str *packed);

/* An event of a customer who is known: its `person`, and what the source did not say itself: name, customer.tier,
   customer.language, other attributes. Texts in `arena`. ERR_FULL: some attribute had no room. */
enum err people_attach(const struct people *p, struct event *e, struct arena *arena);

#endif
