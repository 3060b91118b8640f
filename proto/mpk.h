/* msgpack-c's packing templates made for our buffer: mpk_uint32(b, v), mpk_str(b, n), mpk_str_body(b, p, n) … as msgpack_pack_*.
   Its own packer calls back through a pointer for every header and body; here the bytes go straight into the buffer while there
   is room, which takes less than half the time. Failures stay with the buffer. */
#ifndef NARU_PROTO_MPK_H
#define NARU_PROTO_MPK_H

#include "base/buf.h"

#include <msgpack/pack.h>

static inline int mpk_append(struct buf *b, const void *p, size_t n)
{
    if (!b->err && b->room - b->n > n) { /* room is 0 or at least n + 1: see buf.c */
        memcpy(b->p + b->n, p, n);
        b->n += n;
    } else {
        buf_add(b, p, n);
    }
    return 0;
}

#define msgpack_pack_inline_func(name)        static inline int mpk##name
#define msgpack_pack_inline_func_cint(name)   static inline int mpk##name
#define msgpack_pack_inline_func_fixint(name) static inline int mpk_fix##name
#define msgpack_pack_user                     struct buf *
#define msgpack_pack_append_buffer(b, p, n)   return mpk_append((b), (p), (n))
#include <msgpack/pack_template.h>

#endif
