/* Verdicts outside of the service: a policy read, compiled and asked, as a triage worker would, about events made here. */
#ifndef NARU_CLI_TRIAGER_H
#define NARU_CLI_TRIAGER_H

#include "base/opt.h"
#include "workers/triage/verdict.h"

struct triager_opts {
    const char *policy, *channel, *account, *at;
};
/* Their rows among a command's options: member `m` of struct S. */
#define TRIAGER_ROW(S, m, name, field, arg, help)                                                                                  \
    {                                                                                                                              \
        name, OPT_STR, offsetof(S, m) + offsetof(struct triager_opts, field), NULL, 0, 0, arg, help                                \
    }
#define TRIAGER_ROWS(S, m)                                                                                                         \
    TRIAGER_ROW(S, m, "policy", policy, "P.yaml", "the policy whose whole verdict is asked"),                                      \
        TRIAGER_ROW(S, m, "account", account, "NAME", "messages come in by it (default: the policy's first account)"),             \
        TRIAGER_ROW(S, m, "channel", channel, "WORD", "… and this channel (default: the account's, else webchat)"),                \
        TRIAGER_ROW(S, m, "at", at, "TIME", "… at this time, like 2026-03-02T10:00:00+09:00 (default: now)")

struct triager {
    struct policy *policy;
    struct rules *rules;
    struct models models;
    struct scratch *scratch;
    struct arena arena; /* of one verdict */
    struct event blank; /* an event with all but what its message says */
    struct verdict v;   /* the last one */
    uint64_t now;
};
/* ERR_USAGE, with the policy's errors and what is wrong told on stderr in the name of `who`. triager_fini is due in either case. */
enum err triager_init(struct triager *t, const char *who, const struct triager_opts *o);
void triager_fini(struct triager *t);
/* The verdict on `e`; stands until the next one. ERR_NOMEM. */
enum err triager_ask(struct triager *t, const struct event *e);

#endif
