/* Any bytes as a multipart form; the first line is the rest of its content-type. What is read is within bounds and the same under
   both readers: a short field that is peeked at before the parse is what the parse finds, when there is one of that name. */
#include "base/panic.h"
#include "router/mail.h"
#include "router/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct str s, size_t most)
{
    size_t at;
    naru_assert(s.n <= most && str_utf8(s, &at));
}

static void check_form(const struct form *f, size_t size)
{
    struct mail_file files[LIM_MAIL_FILES];
    uint32_t more = 0, n = form_files(f, files, &more);
    naru_assert(f->count <= LIM_FORM_PARTS && n <= LIM_MAIL_FILES && n + more <= f->count);
    for (uint32_t i = 0; i < f->count; i++) {
        check_text(f->parts[i].name, 256);
        check_text(f->parts[i].file, 256);
        check_text(f->parts[i].type, 127);
        check_text(f->parts[i].charset, 64);
        naru_assert(f->parts[i].value.n <= size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct form f;
    struct arena arena;
    char type[300];
    const char *why = NULL, *nl = memchr(data, '\n', size < 200 ? size : 200);
    if (!nl || size > 1u << 18) return 0;
    struct str first = { (const char *)data, (size_t)(nl - (const char *)data) }, body = { nl + 1, size - first.n - 1 };
    snprintf(type, sizeof type, "multipart/form-data; %.*s", STR_FMT(first));
    mail_open();
    arena_init(&arena, 32u << 20);
    enum err e = multipart_read(&f, &arena, str_of(type), body, &why);
    naru_assert(e == ERR_OK || e == ERR_TOOBIG || e == ERR_NOMEM || (e == ERR_PROTO && why));
    if (!e) check_form(&f, body.n);
    struct str peeked = multipart_peek(str_of(type), body, "token"), boundary = multipart_boundary(body);
    naru_assert(peeked.n <= 512 && boundary.n <= 70);
    if (!form_urlencoded(&f, &arena, body)) naru_assert(f.count <= LIM_FORM_PARTS);
    arena_fini(&arena);
    return 0;
}
