/* .ics files: whatever the bytes, ics_read gives at most LIM_CLOSED_DATES sorted days of its years, or says why not. */
#include "base/limits.h"
#include "base/panic.h"
#include "config/ics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct holidays h;
    struct arena arena;
    struct findings f;
    struct ics_place at = { .f = &f, .file = "fuzz.ics", .key = "" };
    arena_init(&arena, 4u << 20);
    findings_init(&f);
    naru_assert(holidays_init(&h, &arena) == ERR_OK);
    enum err e = ics_read(&h, (struct str){ (const char *)data, size }, &at);
    naru_assert(e == ERR_OK || e == ERR_POLICY || e == ERR_NOMEM);
    naru_assert((e == ERR_POLICY) == (f.errors > 0));
    naru_assert(h.count <= LIM_CLOSED_DATES);
    for (uint32_t i = 0; i < h.count; i++) {
        naru_assert(h.v[i].day >= date_days(ICS_FROM) && h.v[i].day <= date_days(ICS_TO));
        naru_assert(e || i == 0 || h.v[i - 1].day < h.v[i].day);
        naru_assert(str_utf8(str_of(h.v[i].name), NULL));
    }
    findings_fini(&f);
    arena_fini(&arena);
    return 0;
}
