#include "proto/frame.h"

#include "proto/mp.h"
#include "proto/mpk.h"

/* A frame is walked once when it is opened: from then on every claim in it lies within its bytes and its nodes are counted, so
   that a record that turns out wrong can be stepped over without disturbing the next. The walk looks at headers only and costs a
   few nanoseconds each.

   Always true of an open reader: `at` is the offset of the next record's first byte, or the end of the bytes after the last. */

#define FRAME_FIELDS 7
#define FRAME_ARENA  (8u << 20)          /* lists of one record are at most 64 times their bytes; most frames need none of it */
#define FRAME_NUMBER (UINT64_C(1) << 53) /* numbers of the head stay exact in every language */

static enum err read_head(struct mp *r, struct frame_head *h)
{
    uint64_t fields = mp_array(r), version = mp_uint(r, UINT64_MAX);

    if (r->err) return r->err;
    if (version != FRAME_VERSION) return ERR_VERSION;
    if (fields != FRAME_FIELDS) return ERR_PROTO;
    h->type = (uint32_t)mp_uint(r, UINT32_MAX);
    h->from = mp_str(r, 64);
    h->incarnation = mp_uint(r, FRAME_NUMBER);
    h->seq = mp_uint(r, FRAME_NUMBER);
    h->acked = mp_uint(r, FRAME_NUMBER);
    h->count = (uint32_t)mp_array(r);
    if (r->err || h->from.n == 0) return ERR_PROTO;
    return h->type < MSG_COUNT && msg_table[h->type].record ? ERR_OK : ERR_UNKNOWN;
}

static enum err walk_records(struct mp *r, uint32_t count)
{
    size_t total = 0;

    for (uint32_t i = 0; i < count && !r->err; i++) {
        size_t nodes = 0;
        mp_skip(r, LIM_MSGPACK_DEPTH - 2, LIM_RECORD_NODES, &nodes); /* two levels are open: the frame and its records */
        if ((total += nodes) > LIM_MSGPACK_NODES) mp_fail(r, ERR_TOOBIG);
    }
    return mp_end(r);
}

enum err frame_open(struct frame_reader *f, struct str bytes)
{
    struct mp r = mp_on(bytes);

    *f = (struct frame_reader){ .bytes = bytes };
    arena_init(&f->arena, FRAME_ARENA);
    if (bytes.n > LIM_ZMQ_MESSAGE) return ERR_TOOBIG;
    enum err e = read_head(&r, &f->head);
    if (e) return e;
    f->at = bytes.n - mp_left(&r);
    return walk_records(&r, f->head.count);
}

enum err frame_next(struct frame_reader *f, void *obj)
{
    struct mp r = mp_on((struct str){ f->bytes.p + f->at, f->bytes.n - f->at });
    size_t nodes = 0;

    if (f->given == f->head.count) return ERR_NOTFOUND;
    f->given++;
    enum err e = record_read(&r, msg_table[f->head.type].record, obj, &f->arena);
    if (e) { /* find its end again; the walk of frame_open has been here, so this cannot fail */
        r = mp_on((struct str){ f->bytes.p + f->at, f->bytes.n - f->at });
        mp_skip(&r, LIM_MSGPACK_DEPTH - 2, LIM_RECORD_NODES, &nodes);
    }
    f->at = f->bytes.n - mp_left(&r);
    return e;
}

void frame_close(struct frame_reader *f) { arena_fini(&f->arena); }

void frame_write(struct buf *out, const struct frame_head *head, struct str packed_records)
{
    mpk_array(out, FRAME_FIELDS);
    mpk_uint8(out, FRAME_VERSION);
    mpk_uint32(out, head->type);
    mpk_str(out, head->from.n);
    mpk_str_body(out, head->from.p, head->from.n);
    mpk_uint64(out, head->incarnation);
    mpk_uint64(out, head->seq);
    mpk_uint64(out, head->acked);
    mpk_array(out, head->count);
    buf_addstr(out, packed_records);
}
