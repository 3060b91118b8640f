/* The tree of the file says where a reference stands, in characters from its beginning; between references the bytes are copied as
   they are, so lines and everything on other lines keep their places. A file without "file:" is not looked at twice.

   The tree, names and days live in an arena of this call. */
#include "config/closed_files.h"

#include "base/limits.h"
#include "config/findings.h"
#include "config/ics.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define ARENA (96u << 20)

struct copy {
    struct str yaml;
    const char *path;
    struct buf *out;
    struct findings *f;
    struct arena *arena;
    size_t byte;        /* copied up to here … */
    uint32_t character; /* … which is this character, from the beginning */
    uint32_t files;
    enum err e;
};

enum err file_bytes(const char *path, size_t most, struct buf *out)
{
    enum err e = ERR_IO;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) goto out;
    for (ssize_t n = 1; n > 0 && out->n <= most;) {
        char *p = buf_reserve(out, 16384);
        n = p ? read(fd, p, 16384) : 0;
        if (n < 0) goto out;
        buf_grow(out, (size_t)n);
    }
    e = out->err ? out->err : out->n > most ? ERR_TOOBIG : ERR_OK;
out:
    if (fd >= 0) close(fd);
    return e;
}

/* The place of a character, at or after the one that was copied up to. */
static size_t byte_of(const struct copy *c, uint32_t character) { return tree_byte(c->yaml, c->byte, c->character, character); }

static void refuse(struct copy *c, const struct ynode *n, const char *text)
{
    findings_at(c->f, F_ERROR, n, "\"%.*s\" %s", STR_FMT(findings_shown(n->text)), text);
    c->e = ERR_POLICY;
}

static void append_dates(struct copy *c, const struct holidays *h)
{
    char text[11];
    buf_addc(c->out, '[');
    for (uint32_t i = 0; i < h->count; i++) buf_addf(c->out, "%s%s", i ? ", " : "", date_text(date_from(h->v[i].day), text));
    buf_addc(c->out, ']');
}

/* From the folder of the policy file. */
static const char *place_of(struct copy *c, const struct ynode *n, char out[1024])
{
    const char *name = n->text.p + 5, *slash = strrchr(c->path, '/');
    int folder = slash && *name != '/' ? (int)(slash + 1 - c->path) : 0;
    return snprintf(out, 1024, "%.*s%s", folder, c->path, name) < 1024 ? out : NULL;
}

static void read_days(struct copy *c, const struct ynode *n, struct holidays *h)
{
    char path[1024];
    struct buf bytes;
    struct ics_place at = { c->f, n->text.p + 5, tree_path(n, &c->f->arena), n->line, n->column };
    buf_init(&bytes, LIM_ICS_BYTES + 65536);
    enum err e = place_of(c, n, path) ? file_bytes(path, LIM_ICS_BYTES, &bytes) : ERR_IO;
    if (e == ERR_IO) refuse(c, n, "cannot be read: names are looked for from the folder of the policy file on");
    else if (e == ERR_TOOBIG) refuse(c, n, "has more than 1 MiB: is it a calendar of holidays?");
    else if (!e) e = ics_read(h, buf_str(&bytes), &at);
    if (e) c->e = e == ERR_NOMEM ? ERR_NOMEM : ERR_POLICY;
    buf_fini(&bytes);
}

static void replace(struct copy *c, const struct ynode *n)
{
    struct holidays h;
    size_t from = byte_of(c, n->at);
    buf_addstr(c->out, (struct str){ c->yaml.p + c->byte, from - c->byte });
    c->byte = from;
    c->character = n->at;
    size_t to = byte_of(c, n->end);
    if (memchr(c->yaml.p + from, '\n', to - from)) {
        refuse(c, n, "must stand on one line");
    } else if (++c->files > LIM_CLOSED_FILES) {
        refuse(c, n, "is one too many: at most 64 files can be named");
    } else if (holidays_init(&h, c->arena)) {
        c->e = ERR_NOMEM;
    } else {
        read_days(c, n, &h);
        append_dates(c, &h);
        c->byte = to;
        c->character = n->end;
    }
}

static bool is_reference(const struct ynode *n)
{
    return n->type == Y_SCALAR && n->text.n > 5 && memcmp(n->text.p, "file:", 5) == 0;
}

static void walk(struct copy *c, const struct ynode *root)
{
    const struct ynode *hours = tree_get(root, "hours");
    for (const struct ynode *h = hours && hours->type == Y_MAP ? hours->first : NULL; h; h = h->next) {
        const struct ynode *closed = tree_get(h, "closed");
        if (closed && is_reference(closed)) replace(c, closed);
        for (const struct ynode *n = closed && closed->type == Y_LIST ? closed->first : NULL; n && c->files <= LIM_CLOSED_FILES;
             n = n->next)
            if (is_reference(n)) replace(c, n);
    }
}

enum err closed_files(struct str yaml, const char *path, struct buf *out, struct findings *f)
{
    struct arena arena;
    struct findings form; /* what is wrong with the form is said by who loads it */
    struct ynode *root = NULL;
    struct copy c = { .yaml = yaml, .path = path, .out = out, .f = f, .arena = &arena };
    arena_init(&arena, ARENA);
    findings_init(&form);
    if (yaml.n && memmem(yaml.p, yaml.n, "file:", 5) && tree_read(&root, yaml, &arena, &form) == ERR_OK) walk(&c, root);
    buf_addstr(out, (struct str){ yaml.p + c.byte, yaml.n - c.byte });
    findings_fini(&form);
    arena_fini(&arena);
    return c.e ? c.e : out->err;
}
