/* Comma-separated values as RFC 4180 has them. Read in bytes that are there: where a row ends, and its cells one after the other;
   LF or CRLF; a quote within a cell that did not begin with one stands for itself. Written cell by cell. */
#ifndef NARU_BASE_CSV_H
#define NARU_BASE_CSV_H

#include "base/str.h"

#include <stdio.h>

struct csv_row {
    size_t n, step;  /* its bytes without the line end; how far it is to the next row */
    uint32_t lines;  /* that it goes over, 1 at least */
    const char *bad; /* why it cannot be read (static text, to follow "the row"), or NULL; then n and step are of its first line */
};
/* The row that `p` begins with. All `left` bytes of the file are there, or more than `most`, the longest that a row may be. */
struct csv_row csv_row(const char *p, size_t left, size_t most);
/* Takes the next cell off *rest; false when it was the row's last. A quoted cell loses its quotes in place: `rest` points into
   bytes that may be written to. */
bool csv_cell(struct str *rest, struct str *cell);
/* Writes a cell, in quotes where it needs them; whether it could be written ferror(f) tells. */
void csv_put(FILE *f, const char *text);

#endif
