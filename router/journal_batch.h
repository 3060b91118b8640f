/* What goes into one transaction: operations in order, and the bytes they speak of. Filled on the loop, carried out on the thread.
 */
#ifndef NARU_ROUTER_JOURNAL_BATCH_H
#define NARU_ROUTER_JOURNAL_BATCH_H

#include "base/buf.h"
#include "router/journal.h"

/* Each operation names the function of journal_db.c that carries it out. */
#define OP_MAP(X)                                                                                                                  \
    X(ROW, op_row)       /* number, kind, id, body */                                                                              \
    X(SETTLE, op_settle) /* number, id; bytes: struct settle_bytes */                                                              \
    X(META, op_meta)     /* bytes: key and value; number = length of the key */                                                    \
    X(MOVE, op_move)     /* the row `from` becomes `number`; kind, id */                                                           \
    X(READ, op_read)     /* the body of the row `from` into `read` */                                                              \
    X(CUT, op_cut)       /* chunks of rows up to `number` are deleted */                                                           \
    X(FORGET, op_forget) /* identities up to `number` are deleted */
#define OP_ENUM(id, fn) OP_##id,
enum op_type { OP_MAP(OP_ENUM) OP_COUNT };
#undef OP_ENUM

struct settle_bytes {
    struct id ticket;
    uint64_t at;
};
struct op {
    uint64_t number, from;
    struct id id;
    journal_fn *fn;
    journal_read_fn *read_fn; /* READ: in place of `fn` */
    void *ctx;
    size_t at; /* of its bytes; READ: within batch.read, once found */
    uint32_t len;
    uint8_t type, kind;
    bool ends;  /* ROW, MOVE: the last one of its chunk */
    bool found; /* READ */
};
struct batch {
    struct op *ops;
    size_t count, room;
    struct buf bytes, read;
    uint64_t rows;               /* operations that somebody waits for: rows and settles */
    uint64_t refs_from, refs_to; /* positions in struct rows that this batch writes */
    size_t chunk_at;             /* of its bytes: where the chunk began that is being filled */
    uint32_t chunk_rows;
    bool probe;      /* is there room again? */
    enum err result; /* OK, FULL or IO */
    char why[160];
    uint64_t took_us;
};

void batch_init(struct batch *b);
void batch_fini(struct batch *b);
void batch_clear(struct batch *b); /* keeps its memory unless it was much */
/* One more operation, zeroed but for its type and bytes; NULL when the batch is full or memory is. */
struct op *batch_add(struct batch *b, enum op_type type, struct str bytes, struct str more);
static inline struct str batch_bytes(const struct batch *b, const struct op *op)
{
    return (struct str){ b->bytes.p + op->at, op->len };
}

#endif
