/* Two forms. JSON lines: each is an object already, and only looked at for being one. CSV: the heading names the columns: id, name,
   tier, language, account and identity; any other is an attribute. A customer of several identities has as many rows, one below the
   other; what is said of them is what the first row says. */
#include "cli/customers_rows.h"

#include "base/csv.h"
#include "base/json.h"
#include "base/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define FILE_MAX (1ull << 30)
#define ROW_MAX  262144u
#define COLUMNS  64u
#define NO_TEXT  "no text in UTF-8: save the file as \"CSV UTF-8\", or turn EUC-KR into it by `iconv -f CP949 -t UTF-8`"

static enum err read_file(struct customers_file *f, const char *path)
{
    struct stat st;
    FILE *in = fopen(path, "rb");
    enum err e = ERR_IO;
    if (!in || fstat(fileno(in), &st) || !S_ISREG(st.st_mode)) goto out;
    e = (uint64_t)st.st_size > FILE_MAX ? ERR_TOOBIG : (f->text = malloc((size_t)st.st_size + 1)) ? ERR_OK : ERR_NOMEM;
    if (e) goto out;
    f->n = fread(f->text, 1, (size_t)st.st_size, in);
    if (ferror(in)) e = ERR_IO;
out:
    if (in) fclose(in);
    return e;
}

/* A line of JSON. */
static struct csv_row line_of(const char *p, size_t left)
{
    const char *nl = memchr(p, '\n', left);
    size_t n = nl ? (size_t)(nl - p) : left;
    return (struct csv_row){ .n = n, .step = n + (nl != NULL), .lines = 1, .bad = n > ROW_MAX ? "is too long" : NULL };
}

static bool next_row(struct customers_file *f, struct str *row, uint32_t *line, const char **bad)
{
    while (f->at < f->n) {
        const char *p = f->text + f->at;
        struct csv_row r = f->csv ? csv_row(p, f->n - f->at, ROW_MAX) : line_of(p, f->n - f->at);
        *row = (struct str){ p, r.n };
        *line = f->line;
        *bad = r.bad;
        f->at += r.step;
        f->line += r.lines;
        while (row->n && (row->p[row->n - 1] == '\r' || row->p[row->n - 1] == ' ')) row->n--;
        if (row->n || r.bad) return true;
    }
    return false;
}

/* ---- CSV ---- */

static int column(const struct customers_file *f, const char *name)
{
    for (uint32_t i = 0; i < f->column_count; i++)
        if (str_is(f->columns[i], name)) return (int)i;
    return -1;
}

static bool is_column(const struct customers_file *f, struct str name)
{
    for (uint32_t i = 0; i < f->column_count; i++)
        if (str_eq(f->columns[i], name)) return true;
    return false;
}

/* What can be said in JSON: UTF-8 without NUL. */
static bool is_text(struct str s)
{
    size_t at;
    return str_utf8(s, &at) && !memchr(s.p, 0, s.n);
}

static enum err read_heading(struct customers_file *f, char why[200])
{
    struct str row, cell;
    uint32_t line;
    const char *bad = NULL;
    if (!next_row(f, &row, &line, &bad)) return snprintf(why, 200, "there is no heading"), ERR_PROTO;
    if (bad) return snprintf(why, 200, "the heading %s", bad), ERR_PROTO;
    if (!is_text(row)) return snprintf(why, 200, "the heading is " NO_TEXT), ERR_PROTO;
    for (bool more = true; more;) {
        more = csv_cell(&row, &cell);
        if (f->column_count == COLUMNS) return snprintf(why, 200, "more than %u columns", COLUMNS), ERR_PROTO;
        if (cell.n && is_column(f, cell))
            return snprintf(why, 200, "the heading has \"%.*s\" twice", (int)(cell.n > 60 ? 60 : cell.n), cell.p), ERR_PROTO;
        f->columns[f->column_count++] = cell;
    }
    if (column(f, "id") < 0)
        return snprintf(why, 200, "the heading has no column \"id\": what your systems call a customer"), ERR_PROTO;
    if ((column(f, "account") < 0) != (column(f, "identity") < 0))
        return snprintf(why, 200, "\"account\" and \"identity\" come together: what the customer is called on an account"),
               ERR_PROTO;
    return ERR_OK;
}

static uint32_t cells_of(struct str row, struct str out[COLUMNS + 1])
{
    uint32_t n = 0;
    for (bool more = true; more && n <= COLUMNS; n++) more = csv_cell(&row, &out[n]);
    return n;
}

static void put_known(const struct customers_file *f, struct jw *w, const struct str *cells)
{
    static const char *const names[] = { "id", "name", "tier", "language" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int at = column(f, names[i]);
        if (at >= 0 && cells[at].n) jw_key(w, names[i]), jw_str(w, cells[at]);
    }
}

static void put_attributes(const struct customers_file *f, struct jw *w, const struct str *cells)
{
    static const char *const known[] = { "id", "name", "tier", "language", "account", "identity" };
    jw_key(w, "attributes"), jw_open(w, '{');
    for (uint32_t i = 0; i < f->column_count; i++) {
        char key[256];
        bool ours = false;
        for (size_t k = 0; k < sizeof known / sizeof *known; k++) ours |= str_is(f->columns[i], known[k]);
        if (ours || !cells[i].n || !f->columns[i].n || f->columns[i].n >= sizeof key) continue;
        snprintf(key, sizeof key, "%.*s", STR_FMT(f->columns[i]));
        jw_key(w, key), jw_str(w, cells[i]);
    }
    jw_close(w, '}');
}

static void put_identity(const struct customers_file *f, struct jw *w, const struct str *cells)
{
    int account = column(f, "account"), identity = column(f, "identity");
    if (account < 0 || (!cells[account].n && !cells[identity].n)) return;
    jw_open(w, '{');
    jw_key(w, "account"), jw_str(w, cells[account]);
    jw_key(w, "id"), jw_str(w, cells[identity]);
    jw_close(w, '}');
}

/* The next row when it is of the same customer. */
static bool same_again(struct customers_file *f, struct str id, struct str cells[COLUMNS + 1])
{
    const struct customers_file before = *f;
    struct str row;
    uint32_t line;
    const char *bad = NULL;
    int at = column(f, "id");
    if (next_row(f, &row, &line, &bad) && !bad) {
        const char *comma = memchr(row.p, ',', row.n); /* a quick no, since reading cells changes them */
        struct str first = { row.p, comma ? (size_t)(comma - row.p) : row.n };
        bool maybe = at > 0 || (first.n && *first.p == '"') || str_eq(first, id);
        if (maybe && is_text(row) && !memchr(row.p, '"', row.n) && cells_of(row, cells) == f->column_count && str_eq(cells[at], id))
            return true;
    }
    *f = before;
    return false;
}

static enum err read_csv(struct customers_file *f, struct str row, struct buf *out, char why[200])
{
    struct str cells[COLUMNS + 1], more[COLUMNS + 1];
    if (!is_text(row)) return snprintf(why, 200, NO_TEXT), ERR_PROTO;
    uint32_t n = cells_of(row, cells);
    if (n != f->column_count) return snprintf(why, 200, "%u cells, and the heading has %u", n, f->column_count), ERR_PROTO;
    struct str id = cells[column(f, "id")];
    if (!id.n) return snprintf(why, 200, "the id is empty"), ERR_PROTO;
    struct jw w = jw_on(out);
    jw_open(&w, '{');
    put_known(f, &w, cells);
    put_attributes(f, &w, cells);
    jw_key(&w, "identities"), jw_open(&w, '[');
    put_identity(f, &w, cells);
    while (same_again(f, id, more)) put_identity(f, &w, more);
    jw_close(&w, ']');
    jw_close(&w, '}');
    return out->err;
}

/* ---- both ---- */

static enum err read_json(struct str row, struct buf *out, char why[200])
{
    struct json *doc = NULL;
    const char *bad = NULL;
    size_t at = 0;
    enum err e = json_parse(&doc, row, LIM_JSON_DEPTH, &at, &bad);
    if (e) snprintf(why, 200, "no JSON: %s (at byte %zu)", bad, at);
    else if (json_type(doc) != JSON_OBJECT) e = ERR_PROTO, snprintf(why, 200, "a customer must be an object");
    json_free(doc);
    if (!e) buf_addstr(out, row);
    return e ? ERR_PROTO : out->err;
}

enum err customers_file_read(struct customers_file *f, struct buf *out, uint32_t *line, char why[200])
{
    struct str row;
    const char *bad = NULL;
    if (!next_row(f, &row, line, &bad)) return ERR_NOTFOUND;
    if (bad) return snprintf(why, 200, "the row %s", bad), ERR_PROTO;
    return f->csv ? read_csv(f, row, out, why) : read_json(row, out, why);
}

enum err customers_file_open(struct customers_file *f, const char *path, char why[200])
{
    size_t n = strlen(path);
    *f = (struct customers_file){ .line = 1, .csv = n > 4 && !strcmp(path + n - 4, ".csv") };
    enum err e = read_file(f, path);
    if (!e && f->n >= 3 && !memcmp(f->text, "\xEF\xBB\xBF", 3)) f->at = 3; /* a byte order mark is passed over */
    return !e && f->csv ? read_heading(f, why) : e;
}

void customers_file_close(struct customers_file *f)
{
    free(f->text);
    f->text = NULL;
}
