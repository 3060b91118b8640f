/* One request in memory, for the files of the HTTP server only. Its head and body lie one after the other in `bytes`; everything
   that was found in the head is kept as places (offset, length), so that the bytes may move while a body arrives. */
#ifndef NARU_ROUTER_HTTP_REQ_H
#define NARU_ROUTER_HTTP_REQ_H

#include "base/arena.h"
#include "base/limits.h"
#include "router/http.h"
#include "router/http_spool.h"

#define HTTP_HEAD_MAX (LIM_HTTP_LINE + LIM_HTTP_HEADERS) /* with a decoded path behind it, it fits the 16 bits of a place */

struct http_conn;
struct http_pool;

struct http_place {
    uint16_t at, n;
};
struct http_field {
    struct http_place name, value;
};

struct http_req {
    struct http_pool *pool;
    struct http_conn *conn; /* NULL: the client is gone, or we answered in the handler's place */
    struct http_req *next;  /* in the connection's line of unanswered requests, or in the pool's spare list */
    void *user;
    http_answer_fn *on_answer; /* NULL: nobody asked */
    void *answer_ctx;
    uint64_t arrived_us;
    uint64_t length; /* Content-Length, 0 without */
    char *bytes;
    size_t bytes_n, room;
    uint32_t head_n;
    uint8_t method; /* enum http_method */
    bool http10, chunked, has_length, keep_alive, expects, upgrade, wants_ws;
    bool answered; /* its answer waits in `reply` for earlier ones */
    bool has_scratch;
    bool spooled;     /* its body is in a file: … */
    int spool_fd;     /* … this one */
    uint64_t spool_n; /* bytes written there */
    char *map;        /* NULL until all of it is there */
    uint16_t field_n;
    struct http_place path, query, target; /* target: path and query as they were written */
    struct buf reply;                      /* an answer that came before its turn */
    struct arena scratch;                  /* decoded parameters, joined headers */
    struct http_field fields[LIM_HTTP_HEADER_N];
};

/* Requests that were used before are kept with their memory, up to a number. The pool outlives its server until the last handler
   has answered. */
struct http_pool {
    struct http_req *spare;
    uint32_t spare_n, live; /* live: given and not taken back */
    bool ending;            /* frees itself with the last live one */
    struct http_spool spool;
};
struct http_pool *http_pool_new(void);               /* NULL: out of memory */
void http_pool_end(struct http_pool *p);             /* NULL is fine */
struct http_req *http_req_new(struct http_pool *p);  /* NULL: out of memory */
void http_req_free(struct http_req *r);              /* back to its pool; NULL is fine */
bool http_req_room(struct http_req *r, size_t more); /* room behind bytes_n; false: out of memory */

/* Decodes %XX (and '+' when `plus`) from `in` to `out`, which may be the same memory. False: a broken escape. */
bool http_unescape(struct str in, bool plus, char *out, size_t *out_n);
/* Valid UTF-8 without control characters? */
bool http_text_ok(struct str s);
/* Does the comma-separated header value hold `token`, in any case? */
bool http_has_token(struct str value, const char *token);

/* Bytes of its body so far. */
static inline uint64_t http_body_n(const struct http_req *r) { return r->spool_n + (r->bytes_n - r->head_n); }

static inline struct str http_at(const struct http_req *r, struct http_place p) { return (struct str){ r->bytes + p.at, p.n }; }

#endif
