#include "base/buf.h"

#include "base/panic.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Always true: room is 0 (nothing allocated) or at least n + 1, so that a NUL fits behind the bytes at any time. */

#define BUF_FIRST 64

void buf_init(struct buf *b, size_t cap) { *b = (struct buf){ .cap = cap }; }

void buf_fini(struct buf *b)
{
    free(b->p);
    *b = (struct buf){ .cap = b->cap };
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    b->err = ERR_OK;
}

static size_t next_room(const struct buf *b, size_t need)
{
    size_t room = b->room ? b->room : BUF_FIRST;

    while (room < need && room <= SIZE_MAX / 2) room *= 2;
    if (room < need || room - 1 > b->cap) room = b->cap + 1 > need ? b->cap + 1 : need;
    return room;
}

char *buf_reserve(struct buf *b, size_t n)
{
    if (b->err) return NULL;
    if (n > b->cap - b->n || b->cap == SIZE_MAX) {
        b->err = ERR_FULL;
        return NULL;
    }
    if (b->n + n + 1 > b->room) {
        size_t room = next_room(b, b->n + n + 1);
        char *p = realloc(b->p, room);
        if (!p) {
            b->err = ERR_NOMEM;
            return NULL;
        }
        b->p = p;
        b->room = room;
    }
    return b->p + b->n;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
    char *to;

    if (n == 0 || !(to = buf_reserve(b, n))) return;
    memcpy(to, p, n);
    b->n += n;
}

void buf_addstr(struct buf *b, struct str s) { buf_add(b, s.p, s.n); }

void buf_addz(struct buf *b, const char *z) { buf_add(b, z, strlen(z)); }

void buf_addc(struct buf *b, char c)
{
    char *to = buf_reserve(b, 1);

    if (!to) return;
    *to = c;
    b->n++;
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list args, again;
    size_t room = b->room ? b->room - b->n : 0; /* counts the NUL's place */

    if (b->err) return;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(room ? b->p + b->n : NULL, room, fmt, args);
    naru_assert(n >= 0);
    if (buf_reserve(b, (size_t)n)) {
        if ((size_t)n >= room) vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

void buf_addu(struct buf *b, uint64_t v)
{
    char digits[20];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    buf_add(b, digits + at, sizeof digits - at);
}

void buf_shift(struct buf *b, size_t n)
{
    naru_assert(n <= b->n);
    if (n == 0) return;
    memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
}

const char *buf_cstr(struct buf *b)
{
    if (b->err || !b->p) return "";
    b->p[b->n] = 0;
    return b->p;
}
