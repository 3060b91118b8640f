/* What was configured at run time and is kept here: the active policy of each workspace, and agents made by API.

   The newest `at` wins, whoever says it: a file at start or SIGHUP, an API call, a row of the journal, the leader. A policy is
   swapped in whole once it is loaded and checked; until then, and after any error, the last good one stays. */
#ifndef NARU_ROUTER_CONFIG_KEEP_H
#define NARU_ROUTER_CONFIG_KEEP_H

#include "base/map.h"
#include "config/policy.h"
#include "router/ingest.h"
#include "router/journal.h"

struct kept_config {
    struct id id; /* of its row: a hash of workspace, kind and name */
    char *packed; /* the packed `config` record; owned */
    uint32_t packed_n;
    uint64_t at, row;
    enum config_kind kind;
    struct policy *policy; /* of CONFIG_POLICY: one reference; NULL: it could not be loaded (a row of another version of Naru) */
};
struct config_keep {
    struct map by_id;              /* all */
    struct map accounts;           /* account name → struct account_row */
    struct kept_config **policies; /* those with a policy, in the order of their coming */
    uint32_t policy_count;
    uint64_t changes;        /* rises with each */
    uint64_t policy_changes; /* … of a policy */
    struct arena account_arena;
};

enum err config_keep_init(struct config_keep *k);
void config_keep_fini(struct config_keep *k);
/* Takes a configuration in. ERR_EXISTS: what is there is as new. For a policy: ERR_YAML, ERR_POLICY with `f` filled (may be NULL);
   ERR_EXISTS also when the account of another workspace would be taken (`f` says so). Writes the row with `j` unless NULL. */
enum err config_keep_put(struct config_keep *k, const struct config *c, uint64_t now, struct journal *j, journal_fn *fn, void *ctx,
                         struct findings *f);
/* Loads and checks only. The caller owns one reference of *out. */
enum err config_keep_check(struct config_keep *k, struct str workspace, struct str yaml, const char *path, uint64_t now,
                           struct policy **out, struct findings *f);
/* As the journal replays it: never fails, what cannot be read is logged. */
void config_keep_row(struct config_keep *k, uint64_t number, struct str body, uint64_t now);
bool config_keep_row_live(const struct config_keep *k, uint64_t number, const struct id *id);
void config_keep_row_moved(struct config_keep *k, uint64_t from, uint64_t to, const struct id *id);

const struct kept_config *config_keep_policy(const struct config_keep *k, struct str workspace); /* NULL: none */
bool config_keep_account(void *keep, struct str name, struct account_found *out);
/* What an account may bring, and whose it is; NULL: no policy has it. Borrowed until the next change of a policy. */
const struct rate *config_keep_most(const struct config_keep *k, struct str name, const char **workspace);
/* … and the account whose name is nearest, of that workspace ("*": of any); NULL: none is near. */
const char *config_keep_near_account(void *keep, struct str name, struct str workspace);
/* for (size_t i = 0; (c = config_keep_next(k, &i)); ) … over all; unpack with record_unpack */
const struct kept_config *config_keep_next(const struct config_keep *k, size_t *cursor);

#endif
