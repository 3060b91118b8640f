/* The HTTP/1.1 server: connections, parsing (http-parser plus the strictness it lacks), answers in order, limits and timeouts.
   What is asked for is somebody else's: a handler gets a whole request and answers it now or later.

   A request lives from its handler's call until its answer (http_answer…), even when the client has gone meanwhile: answering
   then is harmless. Answers leave in the order of the requests (pipelining); bytes of one loop turn leave in one write.
   A body above LIM_HTTP_BODY is written to a file without a name and mapped when it is whole, so that memory stays bounded; it
   may take LIM_HTTP_BODY_MS and what its bytes take at LIM_HTTP_BODY_RATE.
   Refused here, with problem+json and a count in HTTP_REFUSED by cause: bare LF, obs-fold, not exactly one Host, both
   Content-Length and Transfer-Encoding, oversize line/headers/body, too many headers, slow head or body (408), too many
   connections, more than LIM_HTTP_SPOOL bytes of large bodies at once (503), unknown methods (501), upgrade to anything but
   websocket. */
#ifndef NARU_ROUTER_HTTP_H
#define NARU_ROUTER_HTTP_H

#include "base/buf.h"
#include "base/json.h"

#include <uv.h>

struct http;     /* the server */
struct http_req; /* one request under way */
struct ws;       /* a WebSocket that a request became */

enum http_method { HTTP_M_GET, HTTP_M_HEAD, HTTP_M_POST, HTTP_M_PUT, HTTP_M_PATCH, HTTP_M_DELETE, HTTP_M_OPTIONS };

struct http_cfg {
    const char *listen;    /* "127.0.0.1:8080", "[::]:80", port 0: any free one */
    struct opt_list_view { /* addresses not counted against LIM_HTTP_CONNS_ADDR, besides loopback */
        const char *const *v;
        size_t count;
    } proxies;
    uint64_t body_max; /* default LIM_HTTP_BODY */
    uint64_t (*body_limit)(void *ctx,
                           struct str path);       /* of a request to this path, where it is another; 0: body_max. NULL: none */
    const char *spool;                             /* the folder for bodies above LIM_HTTP_BODY; NULL: they are kept in memory */
    uint64_t spool_max;                            /* bytes there at once; default LIM_HTTP_SPOOL */
    uint32_t head_ms, body_ms, idle_ms, answer_ms; /* 0: the limits of limits.h */
    void *ctx;
    void (*on_request)(void *ctx, struct http_req *r); /* all of it is there; borrowed texts live until the answer */
};
enum err http_open(struct http **out, uv_loop_t *loop, const struct http_cfg *cfg);
uint16_t http_port(const struct http *h);
/* Stops listening; idle connections close, busy ones after their last answer, WebSockets get close 1001; all are gone after
 * `grace_ms`; then `done`. Frees itself later in the loop. */
void http_drain(struct http *h, uint32_t grace_ms, void (*done)(void *ctx), void *ctx);

enum http_method http_method(const struct http_req *r);
struct str http_path(const struct http_req *r);   /* percent-decoded, normalised: no "..", no NUL, valid UTF-8 */
struct str http_query(const struct http_req *r);  /* raw, without '?' */
struct str http_target(const struct http_req *r); /* path and query as they came, escapes untouched */
/* One decoded query value into `arena`-free storage of the request; STR_NONE when absent. */
struct str http_param(struct http_req *r, const char *name);
struct str http_header(const struct http_req *r,
                       const char *lowercase_name); /* STR_NONE when absent; repeated ones joined by ", " */
/* Each header as it came, in order, until `fn` says false. */
void http_headers(const struct http_req *r, bool (*fn)(void *ctx, struct str name, struct str value), void *ctx);
struct str http_body(const struct http_req *r);
/* Is a Content-Type this media type, whatever its case and parameters? */
bool http_type_is(struct str type, const char *media);
bool http_type_json(struct str type);               /* application/json, …+json, or none at all */
uint64_t http_arrived_us(const struct http_req *r); /* clock_mono_us when its first byte was read */
/* Whose address it came from: IPv6, or IPv4 mapped into it; behind a listed proxy, the last one of X-Forwarded-For. False: gone. */
bool http_peer(const struct http_req *r, char address[16]);
/* `fn` hears the answer before it leaves, whether or not somebody is still there to hear it. Once. */
typedef void http_answer_fn(void *ctx, unsigned status, const char *type, struct str body, const char *extra);
void http_on_answer(struct http_req *r, http_answer_fn *fn, void *ctx);
void *http_user(const struct http_req *r); /* the handler's own, for the time of the request */
void http_set_user(struct http_req *r, void *p);

/* Answers. The body is copied. Extra headers: "Name: value\r\n…" or "". After any of these `r` is gone for the caller. */
void http_answer(struct http_req *r, unsigned status, const char *type, struct str body, const char *extra_headers);
void http_json(struct http_req *r, unsigned status, struct str json);
/* problem+json (RFC 9457): {"type": "/problems/<type>", "title", "status", "detail"}; `type` is one of problems.h. */
void http_problem(struct http_req *r, unsigned status, const char *type, const char *detail_fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The same with a Retry-After of so long, in whole seconds; a 429 or 503 by http_problem says 1 s. */
void http_problem_later(struct http_req *r, unsigned status, const char *type, uint32_t wait_ms, const char *detail_fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* An answer without an end: a head, then texts as they come, until one side closes; no other request follows on the connection. */
struct http_stream;
struct http_stream_cfg {
    void *ctx;
    void (*on_room)(void *ctx); /* all that was sent has left; more may be sent from inside it */
    void (*on_close)(void *ctx,
                     enum err why); /* called once, and never inside the functions below; the stream is gone with it. ERR_CLOSED:
                                       the client went; ERR_TIMEOUT: it did not read; ERR_UNAVAILABLE: draining */
};
/* ERR_CLOSED: the client is gone, or it was a HEAD and has its head; ERR_UNAVAILABLE: requests before it are unanswered, draining,
 * out of memory; answered (400, 503). `r` is gone in any case. `extra_headers` as of http_answer. */
enum err http_stream_open(struct http_req *r, const struct http_stream_cfg *cfg, const char *type, const char *extra_headers,
                          struct http_stream **out);
void http_stream_send(struct http_stream *s, struct str text); /* leaves at the end of the loop turn; copied */
size_t http_stream_unsent(const struct http_stream *s);        /* the sender's own bound: nothing is refused below LIM_OUT_CAP */
/* After what was sent; on_close is not called. The stream is gone for the caller. */
void http_stream_end(struct http_stream *s);

/* WebSocket (RFC 6455; framing by wslay). The handshake is checked and answered here. */
struct ws_cfg {
    void *ctx;
    uint32_t ping_ms;     /* a ping when nothing was heard for so long; twice that without a word: closed. default 15 s */
    uint32_t message_max; /* bytes of a message, 1009 beyond; 0: LIM_WS_MESSAGE */
    void (*on_text)(void *ctx, struct ws *w,
                    struct str text); /* whole, valid UTF-8, at most message_max; binary is refused with 1003 */
    void (*on_close)(void *ctx, struct ws *w, unsigned code); /* called exactly once; `w` is gone after it */
};
/* Turns the request into a WebSocket. ERR_PROTO: it was no valid handshake and has been answered (400/426); ERR_UNAVAILABLE:
 * draining or out of memory, answered (503); ERR_CLOSED: the client is gone. On each, `r` is gone. `subprotocol` may be NULL. */
enum err http_upgrade(struct http_req *r, const struct ws_cfg *cfg, const char *subprotocol, struct ws **out);
bool http_wants_ws(const struct http_req *r);
/* ERR_FULL: LIM_OUT_CAP would be passed; the socket is being closed with 1013. ERR_CLOSED: a close was sent before. Leaves at the
 * end of the loop turn. */
enum err ws_send(struct ws *w, struct str text);
void ws_close(struct ws *w, unsigned code, const char *reason);
void *ws_ctx(const struct ws *w);
void ws_set_ctx(struct ws *w, void *ctx);

#endif
