/* A link to Redis on the libuv loop over hiredis' asynchronous context: connects, notices a refused connection, a stalled peer
   and a killed server, times every command, reconnects with back-off (50 ms … 2 s). One owner, one link.

   A command's callback is called exactly once: with a reply (valid during the call), or with NULL, which means *unknown*, not
   *not done*: the link was lost or the command took longer than its time; retry with the same token. */
#ifndef NARU_BASE_REDIS_H
#define NARU_BASE_REDIS_H

#include "base/str.h"

#include <hiredis/hiredis.h>
#include <uv.h>

struct redis;
struct redis_cfg {
    const char *url;         /* redis://[user:password@]host:port[/db] or unix:///path[?db=N] */
    uint32_t connect_ms;     /* default 2000 */
    uint32_t reply_ms;       /* default 3000: a command unanswered so long fails the link */
    uint32_t pending_max;    /* default 4096 commands under way; beyond: ERR_FULL */
    void *ctx;
    void (*on_up)(void *ctx);                      /* connected, authenticated, database chosen */
    void (*on_down)(void *ctx, const char *cause); /* "refused", "stalled", "closed", "error"; called once per loss, also per failed try the first time */
};
typedef void redis_fn(void *ctx, const redisReply *reply);

enum err redis_open(struct redis **out, uv_loop_t *loop, const struct redis_cfg *cfg); /* ERR_USAGE on a bad url */
bool redis_is_up(const struct redis *r);
/* `argv` is copied. ERR_CLOSED while down (fn is not called), ERR_FULL. */
enum err redis_send(struct redis *r, size_t argc, const struct str *argv, redis_fn *fn, void *ctx);
/* Fails what is under way (fn with NULL), closes, frees itself later in the loop. */
void redis_close(struct redis *r);

#endif
