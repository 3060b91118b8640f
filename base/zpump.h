/* A ZeroMQ socket on the libuv loop that never misses a message: ask before the loop sleeps, ask again after it wakes, never
   let it sleep on known work. (The descriptor of a ZeroMQ socket is edge-triggered and speaks of commands, not messages.) */
#ifndef NARU_BASE_ZPUMP_H
#define NARU_BASE_ZPUMP_H

#include "base/err.h"

#include <uv.h>

struct zpump;
/* Takes a socket that is set up and bound; calls `on_msg` once per message with bytes valid during the call.
   At most 64 messages a loop turn. zpump_close stops at once, closes `sock` (linger 0) and frees itself later in the loop. */
enum err zpump_open(struct zpump **out, uv_loop_t *loop, void *sock, void (*on_msg)(void *ctx, const void *data, size_t len), void *ctx);
void zpump_close(struct zpump *z);

#endif
