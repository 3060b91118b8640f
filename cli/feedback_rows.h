/* Rows of corrections from where they are: a router's API, or a file that `naru feedback` wrote. */
#ifndef NARU_CLI_FEEDBACK_ROWS_H
#define NARU_CLI_FEEDBACK_ROWS_H

#include "base/json.h"

#define FEEDBACK_ROWS_MOST 1000000u /* of all sources together */
#define FEEDBACK_LINE      262144u  /* bytes of one */

struct feedback_source {
    const char *who; /* the command, for messages */
    const char
        *from; /* "http://…": a router; a folder: the data of a `naru up` on this machine; else a file, a JSON object a line */
    const char *token, *token_file, *workspace; /* NULL: operator.token of the data folder; the token's workspace */
    const char *since;                          /* a time, or NULL: all */
};
/* Calls `fn` for each row (valid during the call) until it gives an error, which is given back. ERR_USAGE, told on stderr in the
   name of `who` with the place and what to do: no such file, no answer, a refusal, a line that is no row. */
typedef enum err feedback_row_fn(void *ctx, const struct json *row);
enum err feedback_rows_read(const struct feedback_source *s, feedback_row_fn *fn, void *ctx);

#endif
