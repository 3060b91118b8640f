/* The rows of the one column that is wanted. A text is escaped for JSON here, once, because it may be sent a thousand times; the
   file itself is let go.

   What the router would refuse anyway is skipped and counted: bad UTF-8, no text, more than LIM_TEXT. Rows point into `escaped` by
   offset, since it moves as it grows. */
#include "cli/tsv.h"

#include "base/limits.h"
#include "cli/scan.h"
#include "cli/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ROWS_MAX (UINT32_C(1) << 27)

static int find_column(const char *who, const struct table *t, const char *wanted)
{
    static const char *const usual[] = { "text", "document", "message", "utterance", "body" };
    int found = -1;

    if (wanted) return table_column_told(t, who, "text", wanted);
    for (size_t i = 0; found < 0 && i < sizeof usual / sizeof *usual; i++) found = table_column(t, usual[i]);
    return found < 0 ? 0 : found;
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

static bool add_rows(struct tsv *t, struct table *from, int column)
{
    struct table_row row;

    while (table_next(from, &column, 1, &row)) {
        if (row.bad) t->too_long++; /* or its quotes never close */
        else if (!add_text(t, row.cell[0])) return false;
    }
    return true;
}

static enum err complain(const char *who, const char *path, const char *why)
{
    fprintf(stderr, "naru %s: %s: %s\n", who, path, why);
    return ERR_USAGE;
}

enum err tsv_load(struct tsv *t, const char *who, const char *path, const char *wanted)
{
    struct table file;
    int column = -1;

    *t = (struct tsv){ 0 };
    buf_init(&t->escaped, 2 * TABLE_BYTES);
    enum err e = table_open(&file, who, path);
    if (!e && (column = find_column(who, &file, wanted)) < 0) e = ERR_USAGE;
    if (!e && !add_rows(t, &file, column)) e = complain(who, path, "too much text");
    if (!e && tsv_skipped(t))
        fprintf(stderr, "naru %s: skipped bad_utf8=%" PRIu64 " empty=%" PRIu64 " too_long=%" PRIu64 " of %s\n", who, t->bad_utf8,
                t->empty, t->too_long, path);
    if (!e && t->count == 0) e = complain(who, path, "has no text to send");
    table_fini(&file);
    return e;
}

void tsv_fini(struct tsv *t)
{
    buf_fini(&t->escaped);
    free(t->rows);
    *t = (struct tsv){ 0 };
}
