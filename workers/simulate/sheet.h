/* A CSV file with named columns, read row by row in bounded memory; what is wrong is said with the file and its line. */
#ifndef NARU_SIMULATE_SHEET_H
#define NARU_SIMULATE_SHEET_H

#include "base/str.h"

#define SHEET_ROW     65536u /* bytes of a row */
#define SHEET_WANTED  8u     /* columns read */
#define SHEET_COLUMNS 256u   /* columns of a file */
#define SHEET_WHY     512u   /* bytes of a sentence about it */

struct sheet_form { /* what a file should be; lives as long as the sheet */
    const char *const *columns;
    uint32_t count; /* <= SHEET_WANTED */
};
struct sheet {
    const char *path; /* borrowed */
    const struct sheet_form *form;
    int fd;
    char *bytes; /* those read and not yet given out are [at, end) */
    size_t at, end;
    bool ended;                    /* nothing behind them */
    uint64_t line, next_line;      /* where the row given last begins, from 1; where the next one does */
    uint32_t columns;              /* of the header */
    int place[SHEET_WANTED];       /* of each wanted column among them */
    struct str cell[SHEET_WANTED]; /* of the row given last, without blanks at their ends; valid until the next */
};

/* Opens the file and reads its header: every column of the form is there (case aside), in any order, among others. ERR_OK:
   sheet_close is due. ERR_IO, ERR_USAGE, ERR_NOMEM with `why`: nothing to free. Only regular files: they may have to be read again.
 */
enum err sheet_open(struct sheet *s, const char *path, const struct sheet_form *form, char why[SHEET_WHY]);
void sheet_close(struct sheet *s); /* a closed one, or one that did not open, is fine */
/* The next row that is not empty. ERR_NOTFOUND: there is none. ERR_IO; ERR_USAGE: it cannot be read. */
enum err sheet_next(struct sheet *s, char why[SHEET_WHY]);
/* A time in whole milliseconds, 0..SIM_TIME_MAX, out of that column of the row given last; ERR_USAGE tells what to write instead.
 */
enum err sheet_ms(const struct sheet *s, uint32_t column, uint64_t *out, char why[SHEET_WHY]);
/* "file:line: …" of the row given last, control characters replaced; gives ERR_USAGE. */
enum err sheet_say(const struct sheet *s, char why[SHEET_WHY], const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
