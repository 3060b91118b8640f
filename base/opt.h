/* Command-line options as rows: one row serves parsing, defaults, bounds and help. */
#ifndef NARU_BASE_OPT_H
#define NARU_BASE_OPT_H

#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

enum opt_kind {
    OPT_STR,   /* const char *: borrowed from argv or the row's default */
    OPT_LIST,  /* struct opt_list: may be given many times */
    OPT_U64,   /* uint64_t */
    OPT_MS,    /* uint64_t milliseconds, written "250ms", "15s", "2m", "4h", "7d" */
    OPT_F64,   /* double */
    OPT_FLAG,  /* bool */
};
#define OPT_LIST_MAX 1024u /* `naru check` of a folder */
struct opt_list {
    const char *v[OPT_LIST_MAX];
    size_t count;
};
struct opt {
    const char *name;     /* "listen" for --listen; "" for the positional word(s) */
    enum opt_kind kind;
    size_t offset;
    const char *fallback; /* default as text; NULL: none (0, false, NULL) */
    double min, max;      /* numbers only; both 0: unchecked */
    const char *arg;      /* "ADDR" in the help */
    const char *help;
};
/* Fills `into` from defaults and argv[1..]. --help prints the rows and exits 0. On a mistake prints one line to stderr with the
   nearest valid option and returns ERR_USAGE. `rows` ends with a row whose name is NULL. */
enum err opt_parse(const struct opt *rows, const char *usage, int argc, char **argv, void *into);
/* "250ms" "15s" "2m" "4h" "7d" or "0" → milliseconds. */
enum err opt_ms(struct str text, uint64_t *out);

#endif
