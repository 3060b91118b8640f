#include "router/journal_batch.h"

#include <stdlib.h>

#define BYTES_MAX (192u << 20)
#define OPS_MAX   2000000u
#define KEEP      (4u << 20) /* bytes kept between uses */

void batch_init(struct batch *b)
{
    memset(b, 0, sizeof *b);
    buf_init(&b->bytes, BYTES_MAX);
    buf_init(&b->read, BYTES_MAX);
}

void batch_fini(struct batch *b)
{
    free(b->ops);
    buf_fini(&b->bytes);
    buf_fini(&b->read);
    memset(b, 0, sizeof *b);
}

static void forget(struct buf *b)
{
    if (b->room > KEEP) {
        buf_fini(b);
        buf_init(b, BYTES_MAX);
    }
    buf_clear(b);
}

void batch_clear(struct batch *b)
{
    struct batch old = *b;
    if (old.room * sizeof *old.ops > KEEP) {
        free(old.ops);
        old.ops = NULL;
        old.room = 0;
    }
    forget(&old.bytes);
    forget(&old.read);
    *b = (struct batch){ .ops = old.ops, .room = old.room, .bytes = old.bytes, .read = old.read };
}

static bool room_for_one(struct batch *b)
{
    if (b->count < b->room) return true;
    size_t room = b->room ? b->room * 2 : 256;
    struct op *ops = room <= OPS_MAX ? realloc(b->ops, room * sizeof *ops) : NULL;
    if (!ops) return false;
    b->ops = ops;
    b->room = room;
    return true;
}

struct op *batch_add(struct batch *b, enum op_type type, struct str bytes, struct str more)
{
    size_t at = b->bytes.n;
    if (!room_for_one(b)) return NULL;
    if (bytes.n) buf_addstr(&b->bytes, bytes);
    if (more.n) buf_addstr(&b->bytes, more);
    if (b->bytes.err) { /* sticky by nature, but what stands in it is whole */
        b->bytes.n = at;
        b->bytes.err = ERR_OK;
        return NULL;
    }
    struct op *op = &b->ops[b->count++];
    *op = (struct op){ .type = (uint8_t)type, .at = at, .len = (uint32_t)(bytes.n + more.n) };
    return op;
}
