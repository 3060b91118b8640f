/* A growing byte buffer with a cap given at init. Sticky: the first failure (cap reached, no memory) is remembered in `err`,
   later additions are harmless, so a writer checks once at the end. */
#ifndef NARU_BASE_BUF_H
#define NARU_BASE_BUF_H

#include "base/err.h"
#include "base/str.h"

struct buf {
    char *p;
    size_t n, room, cap;
    enum err err; /* ERR_OK, ERR_FULL or ERR_NOMEM */
};

void buf_init(struct buf *b, size_t cap); /* allocates nothing yet */
void buf_fini(struct buf *b);             /* frees; a zeroed or finished buf is fine */
void buf_clear(struct buf *b);            /* n = 0, err = OK; keeps the memory */
/* Room for n more bytes, or NULL (b->err says why). The bytes count only after buf_grow. */
char *buf_reserve(struct buf *b, size_t n);
static inline void buf_grow(struct buf *b, size_t n) { b->n += n; }
void buf_add(struct buf *b, const void *p, size_t n);
void buf_addstr(struct buf *b, struct str s);
void buf_addz(struct buf *b, const char *z);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_addu(struct buf *b, uint64_t v); /* decimal */
/* Drops the first n bytes. */
void buf_shift(struct buf *b, size_t n);
static inline struct str buf_str(const struct buf *b) { return (struct str){ b->p, b->n }; }
/* NUL-terminated view (the NUL is not counted), or "" after a failure. */
const char *buf_cstr(struct buf *b);

#endif
