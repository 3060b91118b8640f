/* A customer as POST /v1/customers takes it and GET gives it. Pure. */
#ifndef NARU_ROUTER_PERSON_JSON_H
#define NARU_ROUTER_PERSON_JSON_H

#include "router/ingest.h"
#include "router/people.h"

#define PERSON_WHY 320u
/* {"id", "name", "tier", "language", "attributes": {…}, "identities": [{"account", "id"}]}: checks all of it; accounts must be of
   env->workspace. Fills *out; texts point into the document and `arena`. ERR_PROTO with a sentence in `why`. */
enum err person_read(struct person *out, const struct json *v, const struct ingest_env *env, struct arena *arena,
                     char why[PERSON_WHY]);
/* Appends it; identities with the channel of their account where a policy knows it. */
void person_write(struct jw *w, const struct person *r, const struct ingest_env *env);

#endif
