/* Lists of a router's API that come in pages: read to their end, item by item. */
#ifndef NARU_CLI_PAGES_H
#define NARU_CLI_PAGES_H

#include "base/json.h"

struct pages {
    const char *who;                /* the command, for messages */
    const char *from;               /* "http://…": a router; else the data folder of a `naru up` on this machine */
    const char *token, *token_file; /* NULL: operator.token of the data folder */
};
bool pages_is_url(const char *from);
/* Appends `text` as a value in a path's query. */
void pages_escape(struct buf *path, const char *text);
/* GETs `path` ("/v1/feedback?limit=500"; "after" is added to it) and calls `fn` for each item of the member `list`, valid during
   the call, until it gives an error, which is given back. ERR_USAGE, told on stderr in the name of `who` with what to do: no
   answer, no token, a refusal. */
typedef enum err pages_fn(void *ctx, const struct json *item);
enum err pages_read(const struct pages *p, const char *path, const char *list, pages_fn *fn, void *ctx);

#endif
