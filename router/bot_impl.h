/* What bots.c and bot_ticket.c share. */
#ifndef NARU_ROUTER_BOT_IMPL_H
#define NARU_ROUTER_BOT_IMPL_H

#include "base/map.h"
#include "router/bots.h"
#include "router/http_out.h"
#include "router/secret.h"

#include <sys/queue.h>

struct bot_ticket;
struct bot {
    struct router *router;
    uint16_t workspace;
    bool named;    /* the configuration still names it */
    bool ready;    /* its secret could be read, or it needs none */
    bool serving;  /* the session is ours */
    bool looked;   /* we have asked once who serves it */
    bool asking;   /* a connect or a look at it is under way */
    uint32_t refs; /* acts under way */
    uint64_t session;
    uint64_t look_at;   /* mono ms: the next look at who serves it, or the next heartbeat */
    uint64_t told_at;   /* mono ms: when its failing was logged last; 0: not yet */
    uint64_t missed_at; /* mono ms since when it is away(missed); 0: it is not */
    char *url;
    char secret[SECRET_MAX];
    size_t secret_n;
    uint32_t within_ms;
    double below;
    struct map tickets; /* id → struct bot_ticket */
    uint32_t key_n;
    char key[2 + 128]; /* the workspace's number, then the name */
};

static inline struct str bot_name(const struct bot *b) { return (struct str){ b->key + 2, b->key_n - 2 }; }
void bot_act(const struct bot *b, struct act *act, enum act_kind kind);

/* ---- bot_ticket.c ---- */
void bot_tickets_offer(struct bot *b, const struct offer *o); /* of the bot's session */
void bot_tickets_tick(struct bot *b, uint64_t now);
void bot_tickets_drop(struct bot *b); /* it is served no more: calls are cancelled; acts under way end by themselves */
void bot_tickets_fini(struct bot *b);

#endif
