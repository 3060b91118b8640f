/* cmocka with the headers it needs first, and policies from text. */
#ifndef NARU_TESTS_CONFIG_UNIT_H
#define NARU_TESTS_CONFIG_UNIT_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include "config/policy.h"

#include <stdio.h>
#include <stdlib.h>

#define TEST(name)     static void name(void **state)
#define UNUSED(x)      ((void)(x))
#define COUNT_OF(list) (sizeof(list) / sizeof *(list))
#define NOW            1772323200000ull /* 2026-03-01T00:00:00Z, a Sunday */

static inline void print_findings(const struct findings *f)
{
    struct buf out;
    buf_init(&out, 1u << 20);
    findings_text(f, "policy.yaml", &out);
    print_error("%s", buf_cstr(&out));
    buf_fini(&out);
}

static inline bool says(const struct findings *f, bool error, uint32_t line, uint32_t column, const char *part)
{
    for (uint32_t i = 0; i < f->count; i++)
        if (f->v[i].error == error && f->v[i].line == line && f->v[i].column == column && strstr(f->v[i].text, part)) return true;
    return false;
}

/* A policy that must be good; warnings allowed. The caller owns it. */
static inline struct policy *good_policy(const char *yaml)
{
    struct policy *p = NULL;
    struct findings f;
    findings_init(&f);
    enum err e = policy_load(&p, str_of(yaml), "policy.yaml", NOW, &f);
    if (e) print_findings(&f);
    findings_fini(&f);
    assert_int_equal(e, ERR_OK);
    return p;
}

#endif
