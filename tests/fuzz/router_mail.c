/* A mail: whatever it says, what is read of it is UTF-8 and within its bounds. */
#include "router/mail.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(cond) ((cond) ? (void)0 : abort())

static void check(struct str s, size_t max)
{
    size_t at;
    must(s.n <= max && str_utf8(s, &at));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mail m;
    struct arena arena;
    if (size > 1u << 18) return 0;
    mail_open();
    arena_init(&arena, 32u << 20);
    if (!mail_read(&m, &arena, (struct str){ (const char *)data, size }, NULL)) {
        check(m.subject, 1024);
        check(m.name, 256);
        check(m.from, 256);
        check(m.text, LIM_TEXT);
        must(m.id.n > 0 && m.ref_count <= LIM_MAIL_REFS && m.file_count <= LIM_MAIL_FILES);
        for (uint32_t i = 0; i < m.file_count; i++) check(m.files[i].name, 255);
    }
    arena_fini(&arena);
    return 0;
}
