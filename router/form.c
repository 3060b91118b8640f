#include "router/form.h"

#include "base/openssl.h"
#include "router/http_req.h"
#include "router/mail.h"
#include "router/sign.h"

/* ---- urlencoded ---- */

/* Decoded into the arena. ERR_PROTO: an escape is broken. */
static enum err decode(struct str *out, struct arena *arena, struct str raw)
{
    char *plain = arena_alloc(arena, raw.n + 1);
    if (!plain) return ERR_NOMEM;
    if (!http_unescape(raw, true, plain, &out->n)) return ERR_PROTO;
    out->p = plain;
    return ERR_OK;
}

static enum err add_pair(struct form *f, struct arena *arena, struct str pair)
{
    const char *is = memchr(pair.p, '=', pair.n);
    struct str name = { pair.p, is ? (size_t)(is - pair.p) : pair.n };
    struct str value = is ? (struct str){ is + 1, pair.n - name.n - 1 } : STR("");
    if (f->count == LIM_FORM_PARTS) return f->more++, ERR_OK;
    struct form_part *p = &f->parts[f->count];
    memset(p, 0, sizeof *p);
    enum err e = decode(&p->name, arena, name);
    if (!e) e = decode(&p->value, arena, value);
    if (e == ERR_PROTO) return f->bad++, ERR_OK;
    f->count += !e;
    return e;
}

enum err form_urlencoded(struct form *f, struct arena *arena, struct str body)
{
    enum err e = ERR_OK;
    f->count = f->more = f->bad = 0;
    while (body.n && !e) {
        const char *amp = memchr(body.p, '&', body.n);
        struct str pair = { body.p, amp ? (size_t)(amp - body.p) : body.n };
        e = add_pair(f, arena, pair);
        body.p += pair.n + (amp != NULL);
        body.n -= pair.n + (amp != NULL);
    }
    return e;
}

/* ---- looking into it ---- */

const struct form_part *form_get(const struct form *f, const char *name)
{
    for (uint32_t i = 0; i < f->count; i++)
        if (str_is(f->parts[i].name, name)) return &f->parts[i];
    return NULL;
}

struct str form_field(const struct form *f, const char *name)
{
    for (uint32_t i = 0; i < f->count; i++)
        if (!f->parts[i].file.n && str_is(f->parts[i].name, name)) return f->parts[i].value;
    return STR_NONE;
}

uint32_t form_files(const struct form *f, struct mail_file *out, uint32_t *more)
{
    uint32_t n = 0;
    *more = 0;
    for (uint32_t i = 0; i < f->count; i++) {
        const struct form_part *p = &f->parts[i];
        uint8_t sum[SHA256_DIGEST_LENGTH];
        if (!p->file.n) continue;
        if (n == LIM_MAIL_FILES) {
            ++*more;
            continue;
        }
        SHA256((const unsigned char *)(p->value.n ? p->value.p : ""), p->value.n, sum);
        out[n] = (struct mail_file){ .name = p->file, .type = p->type, .size = p->value.n };
        sign_hex(sum, sizeof sum, out[n++].sha256);
    }
    return n;
}
