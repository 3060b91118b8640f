/* Requests and mails that go out, to addresses that an operator wrote into a policy. libcurl speaks HTTP and TLS;
   its sockets and its clock are the loop's. Certificates are checked, redirects are not followed, and everything has a bound. */
#ifndef NARU_ROUTER_HTTP_OUT_H
#define NARU_ROUTER_HTTP_OUT_H

#include "base/str.h"

#include <stdbool.h>
#include <uv.h>

/* X(CONSTANT, "word"): how a call ended; the words are labels of naru_webhook_calls_total. */
#define OUT_END_MAP(X)                                                                                                             \
    X(OUT_OK, "ok")         /* an answer of status 200..299 */                                                                     \
    X(OUT_STATUS, "status") /* an answer of another one */                                                                         \
    X(OUT_TIMEOUT, "timeout")                                                                                                      \
    X(OUT_CONNECT, "connect")                                                                                                      \
    X(OUT_TLS, "tls")                                                                                                              \
    X(OUT_TOOBIG, "too_big")      /* an answer longer than LIM_OUT_ANSWER */                                                       \
        X(OUT_BROKEN, "broken")   /* not HTTP, or cut short */                                                                     \
        X(OUT_PRIVATE, "private") /* an address of a private network */
enum out_end {
#define OUT_END_ENUM(id, word) id,
    OUT_END_MAP(OUT_END_ENUM) OUT_END_COUNT
#undef OUT_END_ENUM
};
extern const char *const out_end_words[OUT_END_COUNT];

struct http_out;
struct out_call;
struct out_ask {
    const char *url;    /* http:// or https://, smtp:// or smtps:// for a mail; copied */
    const char *method; /* NULL: POST. A mail has none */
    struct str headers; /* "Name: value\n" each, may be empty; Content-Type is application/json unless it stands here; copied */
    struct str body;    /* copied */
    struct str secret;  /* not empty: Naru-Signature */
    struct str user, password;       /* HTTP Basic, or the submission's; may be empty */
    const char *mail_from, *mail_to; /* of a mail's envelope; NULL: HTTP */
    bool public_only; /* an address of a private, local or reserved network is refused (OUT_PRIVATE), whatever its name says */
    bool once; /* by a connection of its own: one that was used before may be found closed, and libcurl then asks again by itself,
                  although the first may have come */
    uint32_t within_ms; /* from now to the last byte of the answer */
    uint64_t now;       /* wall ms: stands in the signature */
};
struct out_answer {
    enum out_end end;
    unsigned status;        /* HTTP's, or SMTP's code; 0: there was none */
    uint32_t retry_after_s; /* of the answer's header; 0: none */
    struct str body;        /* valid during the call; of OUT_OK and OUT_STATUS */
    bool sent;              /* the request may have reached the other end: false only when it surely has not */
};
typedef void out_fn(void *ctx, const struct out_answer *a);

enum err http_out_open(struct http_out **out, uv_loop_t *loop);
/* Forgets all calls (their `fn` is not called any more) and closes its handles; http_out_free once the loop has ended. */
void http_out_close(struct http_out *o); /* NULL, and a second time, is fine */
void http_out_free(struct http_out *o);  /* NULL is fine */

/* `fn` is called once, never from inside of this, unless the call is cancelled first. *call (may be NULL) is valid until then.
   ERR_FULL beyond LIM_OUT_CALLS; ERR_RANGE: the address cannot be used; ERR_NOMEM. */
enum err http_out_post(struct http_out *o, const struct out_ask *ask, out_fn *fn, void *ctx, struct out_call **call);
void http_out_cancel(struct out_call *call);

/* What stands in the header Naru-Signature: "t=SECONDS,v1=HEX", the HMAC-SHA256 of "SECONDS.BODY" under the secret. Pure. */
#define OUT_SIGNATURE 100u
enum err http_out_sign(char out[OUT_SIGNATURE], struct str secret, uint64_t wall_ms, struct str body);

#endif
