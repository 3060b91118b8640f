/* Customers out of a file, as POST /v1/customers takes them, one after the other. */
#ifndef NARU_CLI_CUSTOMERS_ROWS_H
#define NARU_CLI_CUSTOMERS_ROWS_H

#include "base/buf.h"

struct customers_file {
    char *text; /* the whole file; owned */
    size_t n, at;
    uint32_t line; /* of `at`, 1-based */
    bool csv;
    struct str columns[64]; /* of the heading */
    uint32_t column_count;
};
/* By its name .csv, else JSON lines. ERR_IO; ERR_TOOBIG: larger than 1 GiB; ERR_PROTO with a sentence in `why`: the heading. */
enum err customers_file_open(struct customers_file *f, const char *path, char why[200]);
void customers_file_close(struct customers_file *f);
/* Appends the next customer's JSON object; *line: where they begin. ERR_NOTFOUND: there is none any more; ERR_PROTO: this one
   cannot be read, `why` is a sentence, and the next call goes on behind it. CSV: rows of one id that follow each other are one
   customer. */
enum err customers_file_read(struct customers_file *f, struct buf *out, uint32_t *line, char why[200]);

#endif
