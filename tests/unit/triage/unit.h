/* What every test of this room begins with: cmocka with the headers it needs first. */
#ifndef NARU_TESTS_UNIT_TRIAGE_UNIT_H
#define NARU_TESTS_UNIT_TRIAGE_UNIT_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#define TEST(name) static void name(void **state __attribute__((unused)))
#define RUN(name)  cmocka_unit_test(name)

#endif
