/* What the tests of workers/simulate share: a folder for files, and rules by hand. */
#ifndef NARU_TESTS_SIMULATE_UNIT_H
#define NARU_TESTS_SIMULATE_UNIT_H

#include "tests/unit/cli/unit.h"
#include "workers/simulate/arrival.h"

/* Writes `content` to a file of that name in the test's folder; its path is valid until the next call. */
static inline const char *unit_file(const char *name, const void *content, size_t n)
{
    const char *path = unit_path(name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(content, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    return path;
}

/* Of `text`, what stands behind the folder of the tests. */
static inline const char *unit_told(const char *text)
{
    const char *at = strstr(text, unit_dir);
    return at == text ? text + strlen(unit_dir) + 1 : text;
}

#endif
