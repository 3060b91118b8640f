/* Edits: the first line is a path, the rest a file. What comes out is YAML, and setting the same again changes nothing. */
#include "base/panic.h"
#include "config/diff.h"
#include "config/edit.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[128];
    const char *end = size ? memchr(data, '\n', size) : NULL;
    if (!end || (size_t)(end - (const char *)data) >= sizeof path || memchr(data, 0, (size_t)(end - (const char *)data))) return 0;
    snprintf(path, sizeof path, "%.*s", (int)(end - (const char *)data), (const char *)data);
    struct str yaml = { end + 1, size - (size_t)(end + 1 - (const char *)data) };
    struct buf once, twice, change;
    buf_init(&once, 1u << 20);
    buf_init(&twice, 1u << 20);
    buf_init(&change, 4u << 20);
    if (edit_set(yaml, path, STR("7"), &once) == ERR_OK) {
        naru_assert(edit_set(buf_str(&once), path, STR("7"), &twice) == ERR_OK);
        naru_assert(str_eq(buf_str(&once), buf_str(&twice)));
        enum err e = diff_unified(yaml, buf_str(&once), "a", "b", &change);
        naru_assert(e == ERR_OK || e == ERR_TOOBIG);
        naru_assert(e || (change.n == 0) == str_eq(yaml, buf_str(&once)));
    }
    buf_fini(&change);
    buf_fini(&twice);
    buf_fini(&once);
    return 0;
}
