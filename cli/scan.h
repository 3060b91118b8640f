/* Fields found in JSON without reading it into a tree. */
#ifndef NARU_CLI_SCAN_H
#define NARU_CLI_SCAN_H

#include "base/buf.h"

struct scan_field {
    struct str key, value; /* value: a string without its quotes (escapes as they are), else the raw text; absent: p is NULL */
};
/* Finds fields of one object, of its first level only. Reads any JSON that the server writes, and walks away from anything else
   with ERR_JSON; it does not judge what it skips. */
enum err scan_object(struct str object, struct scan_field *fields, size_t count);
/* The last item of an array, raw; NULL when it has none. */
struct str scan_last(struct str array);
/* `s` inside of quotes: quotes, backslashes and control characters escaped. */
void scan_escape(struct buf *out, struct str s);

#endif
