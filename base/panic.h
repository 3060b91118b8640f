/* naru_assert is for our own bugs only, and stands in every build.
   A peer's bytes, the operator's file and memory pressure are errors, never asserts. */
#ifndef NARU_BASE_PANIC_H
#define NARU_BASE_PANIC_H

_Noreturn void naru_panic(const char *file, int line, const char *what);
#define naru_assert(cond) ((cond) ? (void)0 : naru_panic(__FILE__, __LINE__, #cond))

#endif
