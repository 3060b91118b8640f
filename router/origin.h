/* What browsers say of the page that asks: its Origin; and a token, which a page can send with a WebSocket only as one of the
   subprotocols that it offers, for the WebSocket of JavaScript takes no headers. Pure. */
#ifndef NARU_ROUTER_ORIGIN_H
#define NARU_ROUTER_ORIGIN_H

#include "base/str.h"

#define SUBPROTOCOL_TOKEN "naru.token." /* then the token; it is never sent back */

/* Is `origin` (RFC 6454, "https://naru.example:8443") a page of the server that was asked as `host` (the header's value)? The
   scheme is not compared: before a proxy that speaks TLS it is another one. Empty ones are of nobody. */
bool origin_of_host(struct str origin, struct str host);
/* … of the server at `url` ("https://naru.example.com/below"; NULL: of none): the same scheme, host and port, as they are written.
 */
bool origin_of_url(struct str origin, const char *url);
/* The token among the subprotocols of a handshake (the value of Sec-WebSocket-Protocol). Borrowed; empty: there is none. */
struct str subprotocol_token(struct str offered);

#endif
