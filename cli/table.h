/* Rows out of a table in a file: tab-separated without quoting, or comma-separated as RFC 4180 has it (names that end in .csv or
   .csv.gz); plain or gzip; UTF-8 with or without a byte order mark; LF or CRLF. The first line names the columns. */
#ifndef NARU_CLI_TABLE_H
#define NARU_CLI_TABLE_H

#include "base/buf.h"

#define TABLE_BYTES  ((size_t)1 << 30)   /* of a file, unzipped */
#define TABLE_ROW    (UINT32_C(1) << 20) /* bytes of a row */
#define TABLE_NAMES  1024u               /* columns */
#define TABLE_WANTED 8u                  /* columns read at a time */

struct table {
    struct buf bytes; /* the whole file; cells point into it for as long as the table stands */
    const char *path; /* borrowed */
    bool csv;
    size_t at;     /* of the next row */
    uint32_t line; /* of the next row, from 1 */
    struct str *names;
    uint32_t count; /* columns named by the header */
};
struct table_row {
    uint32_t line;                 /* where it begins, from 1 */
    struct str cell[TABLE_WANTED]; /* p is NULL where the row has no such column */
    const char *bad;               /* why nothing can be read from it (static text), or NULL */
};

/* Reads the file and its header. ERR_USAGE, with what is wrong told on stderr in the name of `who`. table_fini is due in either
   case. */
enum err table_open(struct table *t, const char *who, const char *path);
/* The same of bytes that are there already: takes them in either case. `who` NULL: nothing is told. */
enum err table_take(struct table *t, const char *who, const char *path, struct buf *bytes);
void table_fini(struct table *t); /* a zeroed or finished one is fine */

/* The column of that name (case aside) or, from 1, number; -1 when there is none. */
int table_column(const struct table *t, const char *wanted);
/* The same for the value of --`option`; when there is none, that is told with the nearest name and those that are there. */
int table_column_told(const struct table *t, const char *who, const char *option, const char *wanted);

/* The next row's cells of the `count` (<= TABLE_WANTED) columns given, -1 for none; false at the end of the file. A bad row is
   passed over to the line behind its first one. Cells of CSV are unescaped in place. */
bool table_next(struct table *t, const int *columns, uint32_t count, struct table_row *row);

/* `s` without blanks and tabs at its ends. */
struct str table_trim(struct str s);

#endif
