/* HTTP answers out of a stream of bytes, in the order of the requests. */
#ifndef NARU_CLI_ANSWERS_H
#define NARU_CLI_ANSWERS_H

#include "base/str.h"

#include <http_parser.h>

#define ANSWER_NO_HINT UINT32_MAX
struct answer {
    unsigned status;
    uint32_t retry_after_ms; /* ANSWER_NO_HINT: none */
    bool last;               /* the server closes after it */
    struct str accept;       /* Sec-WebSocket-Accept */
    struct str body;         /* at most its first 4 KiB */
};
struct answers {
    http_parser parser;
    void *ctx;
    bool (*fn)(void *ctx, const struct answer *a); /* false: nobody asked for this answer; must not drop the client */
    char field[32], value[96], accept[32], body[4096];
    size_t field_n, value_n, accept_n, body_n;
    bool in_value;
    uint32_t retry_after_ms;
};
void answers_init(struct answers *a, bool (*fn)(void *ctx, const struct answer *a), void *ctx);
/* ERR_PROTO: not HTTP, or an answer that nobody asked for; ERR_CLOSED: an answer was the last. `*used` is n unless a 101 came: what
   follows it speaks another protocol. */
enum err answers_feed(struct answers *a, const char *p, size_t n, size_t *used);

#endif
