/* JSON Web Tokens signed with HS256 (RFC 7515, RFC 7518 3.2, RFC 7519): BASE64URL(header).BASE64URL(claims).BASE64URL(mac). Pure.
 */
#ifndef NARU_ROUTER_JWT_H
#define NARU_ROUTER_JWT_H

#include "base/json.h"
#include "router/channel.h"

#define JWT_MAX 8192u /* bytes of a token */

enum jwt_end {
    JWT_GOOD,
    JWT_MALFORMED, /* not three parts, or too long; a header that is no JSON */
    JWT_SIGNATURE, /* signed by none of the secrets */
    JWT_ALGORITHM, /* signed, and its header asks for another algorithm, or for something critical */
    JWT_CLAIMS     /* signed, and its claims are no object */
};
/* Checks who signed a token, then reads it. JWT_GOOD: *claims is an object, the caller's to free; else NULL. What they say, times
   above all, is the caller's to judge. */
enum jwt_end jwt_open(struct json **claims, struct str token, const struct secret *secrets, uint32_t count);

#endif
