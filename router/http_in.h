/* The reading side of one connection: bytes in, whole requests out. No socket, no clock, no loop: what comes in one read or in
   many small ones gives the same requests, which is what the fuzz target and the tests lean on. */
#ifndef NARU_ROUTER_HTTP_IN_H
#define NARU_ROUTER_HTTP_IN_H

#include "router/http_parse.h"
#include "router/http_req.h"
#include "router/problems.h"

enum http_in_step { HTTP_IN_MORE, HTTP_IN_REQUEST, HTTP_IN_REFUSED };
enum http_in_phase { HTTP_PHASE_IDLE, HTTP_PHASE_HEAD, HTTP_PHASE_BODY, HTTP_PHASE_CHUNKS };

struct http_refusal {
    enum problem problem;
    const char *cause;  /* label of HTTP_REFUSED */
    const char *detail; /* for people */
};

struct http_in {
    struct http_pool *pool;
    uint64_t body_max;
    uint64_t (*body_limit)(void *ctx, struct str path); /* as in http_cfg */
    void *limit_ctx;
    uint64_t most;        /* of the request under construction */
    struct http_req *req; /* under construction in the phases of the body */
    enum http_in_phase phase;
    size_t seen;         /* bytes of the unfinished head that were looked at */
    uint32_t lines;      /* … and its whole lines */
    uint32_t line_at;    /* where its present line begins */
    uint32_t first_n;    /* bytes of its request line */
    uint64_t arrived_us; /* when its first byte came */
    bool skipped;        /* an empty line before it */
    http_parser parser;  /* between calls only in the phase of chunks */
    bool cr, crlf_next;  /* framing of chunks: after a CR; at the end of a chunk's data */
    bool overflow, bad_frame;
    enum err fault; /* of keeping a chunk */
    uint64_t chunk_left, framing;
    const char *mark; /* framing checked up to here, during one call */
    struct http_refusal refusal;
};

void http_in_init(struct http_in *in, struct http_pool *pool, uint64_t body_max);
void http_in_fini(struct http_in *in); /* drops an unfinished request */

/* Reads from p[0..n), which begins with the bytes that earlier calls left unused. *used says how many are done with.
   MORE: give the rest again with more behind it (it is at most HTTP_HEAD_MAX long). REQUEST: *out is whole, the caller's now;
   call again for the next. REFUSED: in->refusal says why; *out is what answers (for its order and method), the connection must
   end after that answer; NULL when out of memory. */
enum http_in_step http_in_step(struct http_in *in, const char *p, size_t n, uint64_t now_us, size_t *used, struct http_req **out);
/* Its body is awaited and it said Expect: 100-continue. */
static inline bool http_in_expects(const struct http_in *in) { return in->req && in->req->expects; }

/* http_head.c: one whole head p[0..n) with its empty line, request line of `line_n` bytes without CRLF. Fills places, facts and
   the method of `r` from it and copies it to r->bytes; true, or false with *why. `parser` is left at the start of the body. */
bool http_head_read(struct http_req *r, http_parser *parser, const char *p, size_t n, size_t line_n, struct http_refusal *why);

#endif
