/* Bots by webhook: for a bot whose policy names an address, the router takes the place of its socket. It connects the bot as an
   agent connects, POSTs what is offered to it, and does what the webhook answers. One router serves a bot; the others look on. */
#ifndef NARU_ROUTER_BOTS_H
#define NARU_ROUTER_BOTS_H

#include "base/map.h"
#include "proto/records.h"

struct router;
struct http_out;
struct bots {
    struct map by_key; /* workspace number and name → struct bot */
    struct http_out *out;
    uint64_t seen; /* config_keep.changes that was read last */
    bool reread;   /* secrets are to be read again */
};

enum err bots_init(struct router *r);
void bots_close(struct router *r); /* nothing is sent any more; its handles close */
void bots_fini(struct router *r);  /* once no act is under way any more and the loop has ended */
/* Something for an agent, who may be a bot that is served here; its session says so. */
void bots_offer(struct router *r, const struct offer *o);
/* Somebody leads the workspace anew. */
void bots_resume(struct router *r, uint16_t workspace);
/* SIGHUP: secrets are read again at the next second. */
void bots_reload(struct router *r);
/* Once a second. */
void bots_tick(struct router *r, uint64_t now);

#endif
