/* Who is told, as the policies say it: where, how soon, signed by which secrets. What hooks.c, hook_send.c and hook_target.c have
   of each other; nobody else includes it. */
#ifndef NARU_ROUTER_HOOK_TARGET_H
#define NARU_ROUTER_HOOK_TARGET_H

#include "router/hooks.h"
#include "router/secret.h"

struct hook_wants { /* of one workspace */
    uint64_t kinds; /* of any of them */
    uint32_t count;
    struct listener *v[LIM_WEBHOOKS];
};
/* What a policy says of a listener; it lives as long as the listener, and is filled anew when policies change. */
struct hook_target {
    struct router *router;
    struct listener *listener;
    char *url, *headers;          /* owned */
    char version[72], label[132]; /* of the policy; "WORKSPACE/NAME" */
    uint64_t kinds;               /* bits by enum entry_kind */
    uint32_t within_ms;
    bool in_private, readable; /* readable: at least one secret could be read */
    uint32_t secrets;
    char secret[2][SECRET_MAX];
    size_t secret_n[2];
    uint64_t told_dropped; /* of listener.dropped, what the metrics know */
};
/* NULL: the journal's rows name a listener that no policy has named yet. */
static inline struct hook_target *hook_target_of(const struct listener *l) { return l->own; }

void hook_targets_read(struct router *r); /* every policy */
void hook_targets_look(struct router *r); /* … if one has changed since, or SIGHUP came */
void hook_targets_fini(struct router *r); /* before the box */
/* It answered 410: nothing more is sent, over restarts too, until its policy changes. */
void hook_target_gone(struct hook_target *t);

/* hook_send.c: sends what is due and has room, until there is none. */
void hook_send_due(struct router *r);

#endif
