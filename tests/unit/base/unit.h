/* cmocka with the headers it needs first, and two helpers. */
#ifndef NARU_TESTS_UNIT_H
#define NARU_TESTS_UNIT_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include "base/buf.h"

#include <stdio.h>
#include <unistd.h>

#define UNUSED(x)      ((void)(x))
#define TEST(name)     static void name(void **state __attribute__((unused)))
#define RUN(name)      cmocka_unit_test(name)
#define COUNT_OF(list) (sizeof(list) / sizeof *(list))

static inline void assert_str(struct str got, const char *want)
{
    if (!str_is(got, want)) fail_msg("got \"%.*s\", want \"%s\"", STR_FMT(got), want);
}

/* What is written to `fd` between the two calls, at most what a pipe holds. */
struct capture {
    int fd, kept, pipe[2];
};

static inline void capture_begin(struct capture *c, int fd)
{
    c->fd = fd;
    fflush(NULL);
    assert_int_equal(pipe(c->pipe), 0);
    c->kept = dup(fd);
    dup2(c->pipe[1], fd);
}

static inline size_t capture_end(struct capture *c, char *out, size_t room)
{
    size_t n = 0;
    ssize_t got;

    fflush(NULL);
    dup2(c->kept, c->fd);
    close(c->kept);
    close(c->pipe[1]);
    while (n < room - 1 && (got = read(c->pipe[0], out + n, room - 1 - n)) > 0) n += (size_t)got;
    close(c->pipe[0]);
    out[n] = 0;
    return n;
}

#endif
