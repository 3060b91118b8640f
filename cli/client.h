/* Connections that come back by themselves.

   A `client` is one TCP connection to the router, kept up for as long as it is not stopped: it connects, tells on_up, hands bytes
   in, and when the connection is lost tells on_down and tries again with back-off (doubling, with jitter; a lost connection
   begins at the least delay only once client_proven was called, so that a server which accepts and hangs up is not stormed).
   What is written into client_out during a loop turn leaves in one write at the end of the turn. */
#ifndef NARU_CLI_CLIENT_H
#define NARU_CLI_CLIENT_H

#include "base/buf.h"
#include "base/loop.h"
#include "base/rng.h"
#include "cli/target.h"

#include <sys/queue.h>

struct client;
struct client_hub { /* of all connections of one loop */
    uv_loop_t *loop;
    struct target target;
    struct rng rng;
    void *ctx;
    void (*on_turn)(void *ctx); /* at the end of every loop turn, before what was written leaves; may be NULL */
    struct turn_end turn;
    TAILQ_HEAD(, client) dirty;
    char in[65536]; /* the bytes of one read, used up in on_bytes */
};
void client_hub_init(struct client_hub *h, uv_loop_t *loop, void (*on_turn)(void *ctx), void *ctx); /* target is set before */
void client_hub_fini(struct client_hub *h);

struct client_cfg {
    size_t out_cap;                      /* unwritten bytes; beyond: the connection is dropped */
    uint32_t back_off_min, back_off_max; /* ms */
    void (*on_up)(void *ctx);
    void (*on_bytes)(void *ctx, const char *p, size_t n);
    void (*on_down)(void *ctx); /* once after each on_up; not for tries that failed */
};
struct client {
    struct client_hub *hub;
    const struct client_cfg *cfg; /* borrowed */
    void *ctx;
    struct client_sock *sock; /* NULL: not connected and not connecting */
    bool up, stopped, dirty;
    uint32_t back_off;
    struct timer timer; /* down: the next try; connecting: its deadline */
    struct buf out;
    TAILQ_ENTRY(client) link;
};
void client_init(struct client *c, struct client_hub *h, const struct client_cfg *cfg, void *ctx);
void client_start(struct client *c, uint64_t delay_ms);
/* Where to write; only while up. */
struct buf *client_out(struct client *c);
void client_flush(struct client *c); /* now instead of at the end of the turn; may drop */
void client_proven(struct client *c);
/* Closes without a word, tells on_down, and connects again after the back-off, or after `ms` when that is not 0. */
void client_drop(struct client *c, uint64_t ms);
void client_stop(struct client *c); /* closes for good; on_down is told if it was up */
void client_fini(struct client *c); /* after client_stop; the memory must outlive the loop's next turn */

#endif
