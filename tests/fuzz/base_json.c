/* What json_parse accepts, json_print writes, and the same is read again: printing twice gives the same text. */
#include "base/json.h"
#include "base/panic.h"

#include <stddef.h>
#include <stdint.h>

#define DEPTH 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void touch(const struct json *v)
{
    uint64_t n;

    naru_assert(str_utf8(json_str(v), NULL) && str_utf8(json_key(v), NULL));
    naru_assert(!json_is_u64(v, &n) || json_type(v) == JSON_NUMBER);
    for (const struct json *m = json_first(v); m; m = json_next(m)) {
        if (json_type(v) == JSON_OBJECT) naru_assert(json_get(v, json_key(m).p) == m); /* keys are unique */
        touch(m);
    }
}

static void print_again(const struct buf *first)
{
    struct json *doc;
    struct buf second;

    buf_init(&second, 1 << 24);
    naru_assert(json_parse(&doc, buf_str(first), DEPTH, NULL, NULL) == ERR_OK);
    json_print(&second, doc);
    naru_assert(str_eq(buf_str(first), buf_str(&second)));
    json_free(doc);
    buf_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json *doc;
    struct buf first;
    size_t at = SIZE_MAX;
    const char *why = NULL;

    if (json_parse(&doc, (struct str){ (const char *)data, size }, DEPTH, &at, &why)) {
        naru_assert(!doc && at <= size && why && *why);
        return 0;
    }
    buf_init(&first, 1 << 24);
    touch(doc);
    json_print(&first, doc);
    naru_assert(!first.err);
    print_again(&first);
    json_free(doc);
    buf_fini(&first);
    return 0;
}
