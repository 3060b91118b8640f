/* Forms by webhook: urlencoded or multipart/form-data (RFC 7578), read once into fields and files.

   A field's bytes are in the charset that its part names, else in the one that a field `_charset_` names, else in what they look
   like (router/mail_text.h): providers of mails pass texts on as they were written. What is made of them lives in the arena. Fields
   that hold JSON are parsed when a path first goes into one; texts out of those are copied, since the documents end with the read.
 */
#include "base/limits.h"
#include "base/metrics.h"
#include "base/openssl.h"
#include "router/channels/generic.h"
#include "router/mail.h"
#include "router/mail_event.h"
#include "router/mail_text.h"
#include "router/multipart.h"

#define TEXT_GROWS 3u /* bytes of UTF-8 that one byte of another charset becomes, at most */

static bool is_multipart(struct str type) { return http_type_is(type, "multipart/form-data"); }

bool form_type(struct str type) { return is_multipart(type) || http_type_is(type, "application/x-www-form-urlencoded"); }

/* ---- charsets ---- */

static enum err to_utf8(struct channel_in *c, struct form_part *p, struct str charset)
{
    struct buf text;
    size_t at;
    if (p->file.n || str_utf8(p->value, &at)) return ERR_OK;
    buf_init(&text, TEXT_GROWS * p->value.n + 16);
    mail_utf8(&text, p->charset.n ? p->charset : charset, p->value);
    p->value = (struct str){ text.err ? NULL : arena_strdup(c->arena, buf_str(&text)), text.n };
    buf_fini(&text);
    return p->value.p ? ERR_OK : ERR_NOMEM;
}

/* ---- reading ---- */

static enum err read_form(struct channel_in *c, struct form *f)
{
    const char *why = "";
    enum err e = is_multipart(c->in->type) ? multipart_read(f, c->arena, c->in->type, c->in->body, &why)
                                           : form_urlencoded(f, c->arena, c->in->body);
    if (e == ERR_PROTO) return channel_refuse(c, 400, "malformed", "the form cannot be read: %s", why);
    if (e == ERR_TOOBIG) return channel_refuse(c, 413, "too_long", "the form has too many parts, or a part with too large a head");
    return e;
}

enum err generic_form(struct channel_in *c, const struct form **out)
{
    struct form *f = arena_alloc(c->arena, sizeof *f);
    enum err e = f ? read_form(c, f) : ERR_NOMEM;
    if (e) return e;
    struct str charset = form_field(f, "_charset_");
    for (uint32_t i = 0; i < f->count && !e; i++) e = to_utf8(c, &f->parts[i], charset);
    if (f->more + f->bad) metric_add(MET_CHANNEL_CUT, "field", f->more + f->bad);
    *out = f;
    return e;
}

/* ---- JSON in fields ---- */

const struct json *form_json(const struct mapped *m, const char *field)
{
    struct inner *in = m->inner;
    const char *why;
    size_t at;
    for (uint32_t i = 0; i < INNER_DOCS; i++, in++) {
        if (in->field && strcmp(in->field, field) == 0) return in->doc;
        if (in->field) continue;
        in->field = field;
        (void)channel_json_parse(&in->doc, m->c->arena, form_field(m->form, field), &at, &why);
        return in->doc;
    }
    channel_skip(m->c, "field"); /* a mapping that goes into so many is unheard of */
    return NULL;
}

void form_json_free(struct inner *inner)
{
    for (uint32_t i = 0; i < INNER_DOCS; i++) json_free(inner[i].doc);
}

/* ---- identity ---- */

static void add_hash(struct buf *b, struct str s)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)(s.n ? s.p : ""), s.n, hash);
    buf_add(b, hash, sizeof hash);
}

struct str form_identity(struct channel_in *c, const struct form *f)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    char hex[2 * SHA256_DIGEST_LENGTH + 1];
    struct buf sums;
    buf_init(&sums, 3 * sizeof hash * LIM_FORM_PARTS);
    for (uint32_t i = 0; i < f->count; i++) {
        add_hash(&sums, f->parts[i].name);
        add_hash(&sums, f->parts[i].file);
        add_hash(&sums, f->parts[i].value);
    }
    SHA256((const unsigned char *)(sums.n ? sums.p : ""), sums.n, hash);
    bool good = !sums.err;
    buf_fini(&sums);
    sign_hex(hash, sizeof hash, hex);
    return good ? channel_text(c, "form:%s", hex) : STR_NONE;
}

/* ---- files ---- */

static void skip_files(const struct form *f)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->count; i++) n += f->parts[i].file.n != 0;
    if (n) metric_add(MET_CHANNEL_SKIPPED, "file", n);
}

void form_tell_files(struct channel_in *c, struct event *e, const struct form *f, bool told)
{
    struct mail_file *files = told ? arena_alloc(c->arena, LIM_MAIL_FILES * sizeof *files) : NULL; /* attributes borrow its texts */
    uint32_t more, n = files ? form_files(f, files, &more) : 0;
    if (n) mail_event_files(c, e, files, n, more);
    else if (!told) skip_files(f);
}

struct str form_file_name(const struct form *f)
{
    for (uint32_t i = 0; i < f->count; i++)
        if (f->parts[i].file.n) return f->parts[i].file;
    return STR_NONE;
}
