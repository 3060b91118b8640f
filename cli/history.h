/* Recorded tickets of a running Naru as the arrivals of `naru simulate --from-history` (workers/simulate/recorded.h).

   In this order: history_read(); the policy is loaded with recorded_from() as its `now`; recorded_bind() with it, and with a second
   policy recorded_join(); then sim_bind() as ever; history_tell(); recorded_open() for each replication (simulate_in.c). */
#ifndef NARU_CLI_HISTORY_H
#define NARU_CLI_HISTORY_H

#include "base/opt.h"
#include "workers/simulate/recorded.h"

#include <limits.h>

struct history_opts {
    bool wanted;
    struct opt_list from; /* URLs, data folders of `naru up` */
    const char *token, *token_file, *workspace, *since, *until, *write_trace;
};
/* clang-format off */
#define HISTORY_ROW(S, member, name, kind, field, fallback, arg, help) \
    { name, kind, offsetof(S, member) + offsetof(struct history_opts, field), fallback, 0, 0, arg, help }
#define HISTORY_ROWS(S, m)                                                                                                     \
    HISTORY_ROW(S, m, "from-history", OPT_FLAG, wanted, NULL, NULL, "the closed tickets of a running Naru"),                    \
    HISTORY_ROW(S, m, "url", OPT_LIST, from, NULL, "URL|DIR", "… its routers, or the data folder of naru up (default: the data folder)"), \
    HISTORY_ROW(S, m, "since", OPT_STR, since, NULL, "TIME", "… opened at or after this time, like 2026-03-01T09:30:00Z"),    \
    HISTORY_ROW(S, m, "until", OPT_STR, until, NULL, "TIME", "… and before this one"),                                        \
    HISTORY_ROW(S, m, "write-trace", OPT_STR, write_trace, NULL, "FILE", "… kept as a trace, beside it FILE.yaml with its classes"), \
    HISTORY_ROW(S, m, "workspace", OPT_STR, workspace, NULL, "NAME", "… of this workspace (default: the token's)"),           \
    HISTORY_ROW(S, m, "token", OPT_STR, token, NULL, "TOKEN", "… access token of a supervisor or operator"),                  \
    HISTORY_ROW(S, m, "token-file", OPT_STR, token_file, NULL, "FILE", "… or a file with it (default: operator.token of the data folder)")
/* clang-format on */

/* Is any of them given that means nothing without --from-history? */
static inline bool history_asked(const struct history_opts *o)
{
    return o->from.count || o->token || o->token_file || o->workspace || o->since || o->until || o->write_trace;
}
/* Reads the closed tickets of all routers named. ERR_OK: the caller owns *out, recorded_ready was called, there is one at least.
   ERR_USAGE, ERR_NOTFOUND (there is none), ERR_NOMEM: told on stderr in the name of `who`. */
enum err history_read(struct recorded **out, const char *who, const struct history_opts *o);
/* Where --write-trace puts the section: the trace's name and ".yaml"; "" without it. ERR_TOOBIG. */
enum err history_section(const struct history_opts *o, char out[PATH_MAX]);
/* After recorded_bind: what was estimated, on stderr; and, where --write-trace asks for it, the trace as replication 0 of this seed
   plays it, and its classes as a section of a policy. ERR_IO,
   ERR_TOOBIG, ERR_NOMEM, told. Files are written whole or not at all. */
enum err history_tell(const struct recorded *r, const char *who, const struct history_opts *o, uint64_t seed);

#endif
