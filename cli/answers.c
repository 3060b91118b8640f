/* http_parser hands every piece of an answer to a callback as it comes; here the pieces are joined in fixed rooms, and what is
   longer than its room is cut: of a header only two are looked at, of a body the first 4 KiB. Nothing is allocated. A whole answer
   is told once, in on_end, with all its strings pointing into these rooms. */
#include "cli/answers.h"

#include <strings.h>

static size_t keep(char *to, size_t have, size_t room, const char *p, size_t n)
{
    if (n > room - have) n = room - have;
    memcpy(to + have, p, n);
    return have + n;
}

static int on_begin(http_parser *hp)
{
    struct answers *a = hp->data;

    a->field_n = a->value_n = a->accept_n = a->body_n = 0;
    a->in_value = false;
    a->retry_after_ms = ANSWER_NO_HINT;
    return 0;
}

static void header_done(struct answers *a)
{
    uint64_t s;

    if (a->field_n == 11 && !strncasecmp(a->field, "retry-after", 11)) {
        if (!str_u64((struct str){ a->value, a->value_n }, 0, 3600, &s)) a->retry_after_ms = (uint32_t)s * 1000;
    } else if (a->field_n == 20 && !strncasecmp(a->field, "sec-websocket-accept", 20))
        a->accept_n = keep(a->accept, 0, sizeof a->accept, a->value, a->value_n);
    a->field_n = a->value_n = 0;
    a->in_value = false;
}

static int on_field(http_parser *hp, const char *p, size_t n)
{
    struct answers *a = hp->data;

    if (a->in_value) header_done(a);
    a->field_n = keep(a->field, a->field_n, sizeof a->field, p, n);
    return 0;
}

static int on_value(http_parser *hp, const char *p, size_t n)
{
    struct answers *a = hp->data;

    a->in_value = true;
    a->value_n = keep(a->value, a->value_n, sizeof a->value, p, n);
    return 0;
}

static int on_headers(http_parser *hp)
{
    header_done(hp->data);
    return 0;
}

static int on_body(http_parser *hp, const char *p, size_t n)
{
    struct answers *a = hp->data;

    a->body_n = keep(a->body, a->body_n, sizeof a->body, p, n);
    return 0;
}

static int on_end(http_parser *hp)
{
    struct answers *a = hp->data;
    struct answer answer = { .status = hp->status_code,
                             .retry_after_ms = a->retry_after_ms,
                             .last = !http_should_keep_alive(hp),
                             .accept = { a->accept, a->accept_n },
                             .body = { a->body, a->body_n } };

    if (answer.status < 200 && answer.status != 101) return 0; /* interim */
    if (!a->fn(a->ctx, &answer)) return 1;
    if (answer.last && answer.status != 101) http_parser_pause(hp, 1); /* what may follow is not ours */
    return 0;
}

void answers_init(struct answers *a, bool (*fn)(void *ctx, const struct answer *a), void *ctx)
{
    http_parser_init(&a->parser, HTTP_RESPONSE);
    a->parser.data = a;
    a->fn = fn;
    a->ctx = ctx;
    on_begin(&a->parser);
}

enum err answers_feed(struct answers *a, const char *p, size_t n, size_t *used)
{
    static const http_parser_settings settings = { .on_message_begin = on_begin,
                                                   .on_header_field = on_field,
                                                   .on_header_value = on_value,
                                                   .on_headers_complete = on_headers,
                                                   .on_body = on_body,
                                                   .on_message_complete = on_end };

    *used = http_parser_execute(&a->parser, &settings, p, n);
    if (HTTP_PARSER_ERRNO(&a->parser) == HPE_PAUSED) return ERR_CLOSED;
    if (HTTP_PARSER_ERRNO(&a->parser) != HPE_OK) return ERR_PROTO;
    return *used == n || a->parser.upgrade ? ERR_OK : ERR_PROTO;
}
