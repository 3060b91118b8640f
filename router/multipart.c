#include "router/multipart.h"

#include "base/limits.h"
#include "router/mail.h"

#include <gmime/gmime.h>
#include <stdio.h>
#include <strings.h>

/* ---- the boundary ---- */

static bool begins(struct str s, const char *z) { return s.n >= strlen(z) && strncasecmp(s.p, z, strlen(z)) == 0; }

static struct str boundary_of(struct str type)
{
    if (!begins(type, "multipart/form-data")) return STR_NONE;
    for (size_t i = 1; i + 9 < type.n; i++) {
        if (!begins((struct str){ type.p + i, type.n - i }, "boundary=") || !strchr("; \t", type.p[i - 1])) continue;
        struct str b = { type.p + i + 9, type.n - i - 9 };
        char end = b.n && *b.p == '"' ? '"' : ';';
        if (end == '"') b.p++, b.n--;
        const char *to = memchr(b.p, end, b.n);
        if (to) b.n = (size_t)(to - b.p);
        while (b.n && b.p[b.n - 1] == ' ') b.n--;
        return b.n && b.n <= 70 ? b : STR_NONE; /* RFC 2046, 5.1.1 */
    }
    return STR_NONE;
}

/* ---- before parsing ---- */

/* Does the head of a part name it? name="…" or name=…, not filename=. */
static bool names(struct str head, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 1; i + 5 <= head.n; i++) {
        if (!begins((struct str){ head.p + i, head.n - i }, "name=") || !strchr(" ;\t", head.p[i - 1])) continue;
        struct str v = { head.p + i + 5, head.n - i - 5 };
        if (v.n && *v.p == '"') v.p++, v.n--;
        return v.n > n && !memcmp(v.p, name, n) && strchr("\"; \r\n", v.p[n]);
    }
    return false;
}

struct str multipart_peek(struct str type, struct str body, const char *name)
{
    struct str b = boundary_of(type);
    char mark[80] = "--";
    if (!b.n) return STR_NONE;
    memcpy(mark + 2, b.p, b.n);
    size_t n = b.n + 2;
    for (uint32_t parts = 0; parts < LIM_FORM_PARTS; parts++) {
        const char *at = memmem(body.p, body.n, mark, n);
        if (!at) return STR_NONE;
        body.n -= (size_t)(at - body.p) + n;
        body.p = at + n;
        const char *blank = memmem(body.p, body.n < 2048 ? body.n : 2048, "\r\n\r\n", 4);
        if (!blank || !names((struct str){ body.p, (size_t)(blank - body.p) }, name)) continue;
        struct str v = { blank + 4, body.n - (size_t)(blank + 4 - body.p) };
        const char *end = memmem(v.p, v.n < 512 ? v.n : 512, "\r\n", 2);
        return end ? (struct str){ v.p, (size_t)(end - v.p) } : STR_NONE;
    }
    return STR_NONE;
}

/* ---- the whole ---- */

static enum err value_of(struct form_part *p, struct arena *arena, GMimePart *part)
{
    GMimeDataWrapper *content = g_mime_part_get_content(part);
    enum err err = ERR_OK;
    if (!content) return ERR_OK;
    GMimeStream *to = g_mime_stream_mem_new();
    (void)g_mime_data_wrapper_write_to_stream(content, to);
    GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(to));
    struct str v = { (const char *)bytes->data, bytes->len };
    p->value = (struct str){ arena_strdup(arena, v), v.n };
    if (!p->value.p) err = ERR_NOMEM;
    g_object_unref(to);
    return err;
}

static enum err add_part(struct form *f, struct arena *arena, GMimeObject *o)
{
    const char *name = g_mime_object_get_content_disposition_parameter(o, "name");
    if (!GMIME_IS_PART(o) || !name) return ERR_OK;
    if (f->count == LIM_FORM_PARTS) return f->more++, ERR_OK;
    struct form_part *p = &f->parts[f->count++];
    memset(p, 0, sizeof *p);
    const char *file = g_mime_part_get_filename(GMIME_PART(o));
    GMimeContentType *kind = g_mime_object_get_content_type(o);
    char *type = g_mime_content_type_get_mime_type(kind);
    enum err err = mail_line(&p->name, arena, str_of(name), 256);
    if (!err) err = mail_line(&p->file, arena, str_of(file), 256);
    if (!err) err = mail_line(&p->type, arena, str_of(type), 127);
    if (!err) err = mail_line(&p->charset, arena, str_of(g_mime_content_type_get_parameter(kind, "charset")), 64);
    if (!err) err = value_of(p, arena, GMIME_PART(o));
    g_free(type);
    return err;
}

/* The body with the head that it came under, so that one parser reads both; and with the end of its last line, which a client may
   leave out (RFC 2046, 5.1.1) and without which GMime takes the CR before the boundary for the part's. */
static enum err with_head(struct buf *b, struct str type, struct str body)
{
    buf_init(b, body.n + type.n + 64);
    buf_addf(b, "Content-Type: %.*s\r\n\r\n", STR_FMT(type));
    buf_addstr(b, body);
    buf_addz(b, "\r\n");
    return b->err ? ERR_NOMEM : mail_scan(buf_str(b));
}

static enum err read_parts(struct form *f, struct arena *arena, GMimeObject *root)
{
    enum err err = ERR_OK;
    if (!root || !GMIME_IS_MULTIPART(root)) return ERR_PROTO;
    int n = g_mime_multipart_get_count(GMIME_MULTIPART(root));
    for (int i = 0; i < n && !err; i++) err = add_part(f, arena, g_mime_multipart_get_part(GMIME_MULTIPART(root), i));
    return err;
}

/* Is "--" with the boundary, and `end` behind it, the beginning of a line? */
static bool has_line(struct str body, struct str boundary, const char *end)
{
    char mark[80];
    size_t n = (size_t)snprintf(mark, sizeof mark, "--%.*s%s", STR_FMT(boundary), end);
    for (struct str left = body; left.n >= n;) {
        const char *at = memmem(left.p, left.n, mark, n);
        if (!at) return false;
        if (at == body.p || at[-1] == '\n') return true;
        left = (struct str){ at + 1, left.n - (size_t)(at + 1 - left.p) };
    }
    return false;
}

/* What the parser would read as a form without parts, or with fewer. NULL: nothing is wrong. */
static const char *framing(struct str type, struct str body)
{
    struct str boundary = boundary_of(type);
    if (!boundary.n || memchr(type.p, '\n', type.n) || memchr(type.p, '\r', type.n))
        return "its content-type is no multipart/form-data with a boundary";
    if (!has_line(body, boundary, "")) return "no part of it begins with the boundary that its content-type names";
    return has_line(body, boundary, "--") ? NULL : "it is cut short: its last boundary is missing";
}

enum err multipart_read(struct form *f, struct arena *arena, struct str type, struct str body, const char **why)
{
    struct buf b;
    f->count = f->more = f->bad = 0;
    *why = framing(type, body);
    if (*why) return ERR_PROTO;
    enum err err = with_head(&b, type, body);
    if (!err) {
        GByteArray view = { (guint8 *)b.p, (guint)b.n };
        GMimeStream *stream = g_mime_stream_mem_new_with_byte_array(&view);
        g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), FALSE);
        GMimeParser *parser = g_mime_parser_new_with_stream(stream);
        GMimeObject *root = g_mime_parser_construct_part(parser, NULL);
        err = read_parts(f, arena, root);
        if (root) g_object_unref(root);
        g_object_unref(parser);
        g_object_unref(stream);
    }
    if (err == ERR_PROTO) *why = "its parts cannot be told apart";
    buf_fini(&b);
    return err;
}

struct str multipart_boundary(struct str body)
{
    const char *end = body.n > 2 && !memcmp(body.p, "--", 2) ? memchr(body.p, '\n', body.n < 80 ? body.n : 80) : NULL;
    if (!end) return STR_NONE;
    struct str b = { body.p + 2, (size_t)(end - body.p) - 2 };
    while (b.n && strchr(" \t\r", b.p[b.n - 1])) b.n--;
    return b.n && b.n <= 70 && !memchr(b.p, '"', b.n) ? b : STR_NONE;
}
