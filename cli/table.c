/* The whole file is read, unzipped if it is zipped, and gone through once, row by row. Nothing is copied: a cell is a slice of the
   file's bytes. In TSV a row is a line and a tab ends a cell wherever it stands, as in the public sets of utterances. CSV is read
   by base/csv.h: quoted cells lose their quotes where they stand. */
#include "cli/table.h"

#include "base/csv.h"
#include "config/findings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <zlib.h>

#define CHUNK 262144u

static bool complain(const char *who, const char *what, const char *why)
{
    if (who) fprintf(stderr, "naru %s: %s: %s\n", who, what, why);
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
    if (out->err) return complain(who, path, out->err == ERR_FULL ? "is larger than 1 GiB" : err_text(out->err));
    return whole || complain(who, path, "cannot be read, or is damaged");
}

/* ---- where a row ends ---- */

static struct csv_row tsv_row(const char *p, size_t left)
{
    const char *end = memchr(p, '\n', left);
    size_t n = end ? (size_t)(end - p) : left;
    struct csv_row row = { .n = n && p[n - 1] == '\r' ? n - 1 : n, .step = end ? n + 1 : n, .lines = 1 };
    if (row.n > TABLE_ROW) row.bad = "is too long";
    return row;
}

static struct csv_row row_at(const struct table *t)
{
    const char *p = t->bytes.p + t->at;
    size_t left = t->bytes.n - t->at;
    return t->csv ? csv_row(p, left, TABLE_ROW) : tsv_row(p, left);
}

/* ---- cells ---- */

/* Takes the next cell off *rest; false when it was the row's last. */
static bool tsv_cell(struct str *rest, struct str *cell)
{
    const char *tab = rest->n ? memchr(rest->p, '\t', rest->n) : NULL;
    size_t n = tab ? (size_t)(tab - rest->p) : rest->n, step = tab ? n + 1 : n;
    *cell = (struct str){ rest->p, n };
    *rest = (struct str){ rest->p + step, rest->n - step };
    return tab != NULL;
}

static void cut(struct table *t, struct str rest, const int *columns, uint32_t count, struct table_row *row)
{
    struct str cell;
    bool more = true;

    for (int i = 0; more; i++) {
        more = t->csv ? csv_cell(&rest, &cell) : tsv_cell(&rest, &cell);
        for (uint32_t c = 0; c < count; c++)
            if (columns[c] == i) row->cell[c] = cell;
    }
}

bool table_next(struct table *t, const int *columns, uint32_t count, struct table_row *row)
{
    char *p = t->bytes.p + t->at;

    *row = (struct table_row){ .line = t->line };
    if (t->at == t->bytes.n) return false;
    struct csv_row s = row_at(t);
    t->at += s.step;
    t->line += s.lines;
    row->bad = s.bad;
    if (!s.bad) cut(t, (struct str){ p, s.n }, columns, count, row);
    return true;
}

/* ---- the header ---- */

struct str table_trim(struct str s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t')) s.p++, s.n--;
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t')) s.n--;
    return s;
}

static bool ends_in(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    return n >= m && !strcasecmp(path + n - m, end);
}

static bool skip_mark(struct table *t, const char *who)
{
    struct str s = buf_str(&t->bytes);
    if (s.n >= 3 && !memcmp(s.p, "\xEF\xBB\xBF", 3)) t->at = 3;
    if (s.n >= 2 && (!memcmp(s.p, "\xFF\xFE", 2) || !memcmp(s.p, "\xFE\xFF", 2)))
        return complain(who, t->path, "is UTF-16; save it as UTF-8");
    return t->at < s.n || complain(who, t->path, "is empty");
}

static bool read_names(struct table *t, const char *who)
{
    char *p = t->bytes.p + t->at;
    struct csv_row s = row_at(t);
    struct str rest = { p, s.n }, cell;
    bool more = true;

    if (s.bad) return complain(who, t->path, "the first line, which names the columns, cannot be read");
    if (!(t->names = calloc(TABLE_NAMES, sizeof *t->names))) return complain(who, t->path, err_text(ERR_NOMEM));
    while (more && t->count < TABLE_NAMES) {
        more = t->csv ? csv_cell(&rest, &cell) : tsv_cell(&rest, &cell);
        t->names[t->count++] = table_trim(cell);
    }
    t->at += s.step;
    t->line += s.lines;
    return !more || complain(who, t->path, "has more than 1024 columns");
}

enum err table_take(struct table *t, const char *who, const char *path, struct buf *bytes)
{
    *t = (struct table){ .path = path, .line = 1, .csv = ends_in(path, ".csv") || ends_in(path, ".csv.gz"), .bytes = *bytes };
    *bytes = (struct buf){ .cap = bytes->cap };
    return skip_mark(t, who) && read_names(t, who) ? ERR_OK : ERR_USAGE;
}

enum err table_open(struct table *t, const char *who, const char *path)
{
    struct buf bytes;

    *t = (struct table){ 0 };
    buf_init(&bytes, TABLE_BYTES);
    enum err e = read_file(who, path, &bytes) ? table_take(t, who, path, &bytes) : ERR_USAGE;
    buf_fini(&bytes);
    return e;
}

void table_fini(struct table *t)
{
    buf_fini(&t->bytes);
    free(t->names);
    *t = (struct table){ 0 };
}

int table_column(const struct table *t, const char *wanted)
{
    uint64_t number;

    for (uint32_t i = 0; i < t->count; i++)
        if (t->names[i].n && t->names[i].n == strlen(wanted) && !strncasecmp(t->names[i].p, wanted, t->names[i].n)) return (int)i;
    return str_u64(str_of(wanted), 1, t->count, &number) ? -1 : (int)number - 1;
}

/* The names as NUL-terminated words for str_nearest, which passes over long ones. */
static const char *nearest_name(const struct table *t, const char *wanted)
{
    static char words[64][64];
    const char *list[64];
    uint32_t n = 0;

    for (uint32_t i = 0; i < t->count && n < 64; i++) {
        if (t->names[i].n >= sizeof words[0]) continue;
        snprintf(words[n], sizeof words[n], "%.*s", STR_FMT(t->names[i]));
        list[n] = words[n];
        n++;
    }
    return str_nearest(str_of(wanted), list, n);
}

int table_column_told(const struct table *t, const char *who, const char *option, const char *wanted)
{
    int found = table_column(t, wanted);
    if (found >= 0) return found;
    const char *near = nearest_name(t, wanted);
    struct buf b;
    buf_init(&b, 4096);
    for (uint32_t i = 0; i < t->count && i < 32; i++) {
        buf_addz(&b, i ? ", " : "");
        buf_addstr(&b, findings_shown(t->names[i]));
    }
    fprintf(stderr, "naru %s: %s: --%s %s is no column%s%s%s; the columns are: %s%s\n", who, t->path, option, wanted,
            near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "", buf_cstr(&b), t->count > 32 ? ", …" : "");
    if (!t->csv && t->count == 1 && memchr(t->names[0].p, ',', t->names[0].n))
        fprintf(stderr, "naru %s: %s: commas are read as such in files whose name ends in .csv or .csv.gz\n", who, t->path);
    buf_fini(&b);
    return -1;
}
