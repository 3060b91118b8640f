/* The whole file is read, unzipped if it is zipped, and gone through once: line by line (LF or CRLF, the last one may lack its
   end), in each the cell of the one column that is wanted. There is no quoting: a tab ends a cell wherever it stands, as in the
   public sets of utterances. A text is escaped for JSON here, once, because it may be sent a thousand times.

   What the router would refuse anyway is skipped and counted: bad UTF-8, no text, more than LIM_TEXT. Rows point into `escaped` by
   offset, since it moves as it grows. */
#include "cli/tsv.h"

#include "base/limits.h"
#include "cli/scan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <zlib.h>

#define FILE_MAX ((size_t)1 << 30) /* unzipped */
#define ROWS_MAX (UINT32_C(1) << 27)
#define CHUNK    262144u

static bool complain(const char *who, const char *what, const char *why)
{
    fprintf(stderr, "naru %s: %s: %s\n", who, what, why);
    return false;
}

static bool read_file(const char *who, const char *path, struct buf *out)
{
    gzFile f = gzopen(path, "rb"); /* reads plain files as they are */
    int n = -1;

    if (!f) return complain(who, path, strerror(errno));
    gzbuffer(f, CHUNK);
    for (char *to; (to = buf_reserve(out, CHUNK)) && (n = gzread(f, to, CHUNK)) > 0;) buf_grow(out, (size_t)n);
    bool whole = gzclose_r(f) == Z_OK && n == 0; /* only closing tells that the file was cut off */
    if (out->err) return complain(who, path, err_text(out->err));
    return whole || complain(who, path, "cannot be read, or is damaged");
}

static bool next_line(struct str *rest, struct str *line)
{
    if (rest->n == 0) return false;
    const char *end = memchr(rest->p, '\n', rest->n);
    size_t n = end ? (size_t)(end - rest->p) : rest->n, step = end ? n + 1 : n;
    *line = (struct str){ rest->p, n && rest->p[n - 1] == '\r' ? n - 1 : n };
    *rest = (struct str){ rest->p + step, rest->n - step };
    return true;
}

/* Cell `column` (from 0); STR_NONE when the line is shorter. */
static struct str cell(struct str line, unsigned column)
{
    for (;; column--) {
        const char *tab = line.n ? memchr(line.p, '\t', line.n) : NULL;
        size_t n = tab ? (size_t)(tab - line.p) : line.n;
        if (column == 0) return (struct str){ line.p, n };
        if (!tab) return STR_NONE;
        line = (struct str){ tab + 1, line.n - n - 1 };
    }
}

static unsigned column_count(struct str header)
{
    unsigned n = 1;
    for (size_t i = 0; i < header.n; i++) n += header.p[i] == '\t';
    return n;
}

static int column_named(struct str header, const char *name)
{
    for (unsigned i = 0; i < column_count(header); i++) {
        struct str c = cell(header, i);
        if (c.n == strlen(name) && !strncasecmp(c.p, name, c.n)) return (int)i;
    }
    return -1;
}

static int find_column(const char *who, struct str header, const char *wanted)
{
    static const char *const usual[] = { "text", "document", "message", "utterance", "body" };
    uint64_t number;
    int found = -1;

    if (!wanted) {
        for (size_t i = 0; found < 0 && i < sizeof usual / sizeof *usual; i++) found = column_named(header, usual[i]);
        return found < 0 ? 0 : found;
    }
    found = column_named(header, wanted);
    if (found < 0 && !str_u64(str_of(wanted), 1, column_count(header), &number)) found = (int)number - 1;
    if (found < 0) fprintf(stderr, "naru %s: --text %s: the columns are: %.*s\n", who, wanted, STR_FMT(header));
    return found;
}

static bool add_text(struct tsv *t, struct str s)
{
    if (s.n == 0) return t->empty++, true;
    if (s.n > LIM_TEXT) return t->too_long++, true;
    if (!str_utf8(s, NULL)) return t->bad_utf8++, true;
    if (t->count == t->room) {
        size_t room = t->room ? t->room * 2 : 4096;
        struct tsv_row *more = room <= ROWS_MAX ? realloc(t->rows, room * sizeof *more) : NULL;
        if (!more) return false;
        t->rows = more;
        t->room = room;
    }
    size_t at = t->escaped.n;
    scan_escape(&t->escaped, s);
    t->rows[t->count++] = (struct tsv_row){ at, (uint32_t)(t->escaped.n - at) };
    return !t->escaped.err;
}

/* All rows behind the header line. */
static bool add_rows(struct tsv *t, struct str rest, unsigned column)
{
    struct str line;

    while (next_line(&rest, &line))
        if (!add_text(t, cell(line, column))) return false;
    return true;
}

static struct str skip_bom(struct str s)
{
    return s.n >= 3 && !memcmp(s.p, "\xEF\xBB\xBF", 3) ? (struct str){ s.p + 3, s.n - 3 } : s;
}

enum err tsv_load(struct tsv *t, const char *who, const char *path, const char *wanted)
{
    enum err e = ERR_USAGE;
    struct buf file;
    struct str rest, header;
    int column;

    *t = (struct tsv){ 0 };
    buf_init(&file, FILE_MAX);
    buf_init(&t->escaped, 2 * FILE_MAX);
    if (!read_file(who, path, &file)) goto out;
    rest = skip_bom(buf_str(&file));
    if (!next_line(&rest, &header)) {
        complain(who, path, "is empty");
        goto out;
    }
    column = find_column(who, header, wanted);
    if (column < 0) goto out;
    if (!add_rows(t, rest, (unsigned)column)) {
        complain(who, path, "too much text");
        goto out;
    }
    if (tsv_skipped(t))
        fprintf(stderr, "naru %s: skipped bad_utf8=%" PRIu64 " empty=%" PRIu64 " too_long=%" PRIu64 " of %s\n", who, t->bad_utf8,
                t->empty, t->too_long, path);
    if (t->count == 0) complain(who, path, "has no text to send");
    else e = ERR_OK;
out:
    buf_fini(&file);
    return e;
}

void tsv_fini(struct tsv *t)
{
    buf_fini(&t->escaped);
    free(t->rows);
    *t = (struct tsv){ 0 };
}
