/* What the tests of cli/ share: files in a folder of their own. */
#ifndef NARU_TESTS_CLI_UNIT_H
#define NARU_TESTS_CLI_UNIT_H

#include "tests/unit/base/unit.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>

static char unit_dir[64];

static inline int unit_dir_make(void **state)
{
    UNUSED(state);
    strcpy(unit_dir, "/tmp/naru-cli-XXXXXX");
    return mkdtemp(unit_dir) ? 0 : -1;
}

static inline int unit_remove(const char *path, const struct stat *st, int flag, struct FTW *at)
{
    UNUSED(st), UNUSED(flag), UNUSED(at);
    return remove(path);
}

static inline int unit_dir_remove(void **state)
{
    UNUSED(state);
    return nftw(unit_dir, unit_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* Static memory, replaced by the next call. */
static inline const char *unit_path(const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", unit_dir, name);
    return path;
}

#endif
