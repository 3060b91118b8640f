/* Bodies of requests that are too large for memory: each in a file of its own that has no name, mapped when it is whole. */
#ifndef NARU_ROUTER_HTTP_SPOOL_H
#define NARU_ROUTER_HTTP_SPOOL_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct http_req;
struct http_spool {
    char *dir;          /* owned; NULL: there is none, bodies stay in memory */
    uint64_t used, cap; /* bytes of all requests, and the most of them */
};

/* Appends to the request's file; the first call makes it and moves there what lay in memory. ERR_FULL: the cap; ERR_IO: the
   file cannot be made or written. */
enum err http_spool_add(struct http_req *r, const char *p, size_t n);
enum err http_spool_end(struct http_req *r); /* maps it. ERR_IO, ERR_NOMEM */
void http_spool_drop(struct http_req *r);    /* without one: nothing */

#endif
