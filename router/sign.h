/* Signatures of webhooks, in and out. Pure. */
#ifndef NARU_ROUTER_SIGN_H
#define NARU_ROUTER_SIGN_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum sign_hash { SIGN_SHA1, SIGN_SHA256, SIGN_SHA512 };
#define SIGN_MAX 64u
struct mac {
    unsigned char p[SIGN_MAX];
    size_t n;
};
/* HMAC (RFC 2104) of the parts, one after the other. ERR_NOMEM. */
enum err sign_hmac(struct mac *out, enum sign_hash hash, struct str key, const struct str *parts, size_t count);
/* Are these the same bytes? In a time that depends on the lengths alone. */
bool sign_equal(struct str a, struct str b);
/* Does `said` spell the mac, in hex of either case or in base64 (with or without padding)? In constant time. */
bool sign_is_hex(const struct mac *m, struct str said);
bool sign_is_base64(const struct mac *m, struct str said);
/* Writes hex or base64 with a NUL; `out` has room for 2n + 1, 4(n+2)/3 + 1. Gives the length. */
size_t sign_hex(const void *p, size_t n, char *out);
size_t sign_base64(const void *p, size_t n, char *out);
/* Decodes base64 or base64url, padded or not, into out (room 3n/4 + 3). ERR_RANGE: it is none. */
enum err sign_unbase64(struct str text, unsigned char *out, size_t *n);

/* Standard Webhooks 1.0 (https://www.standardwebhooks.com): HMAC-SHA256 over "id.timestamp.body" under a key that is the base64
   after "whsec_" (a secret without that prefix is taken as the base64 itself if it is some, else as it stands). `out` gets
   "v1,BASE64". */
#define SIGN_STANDARD 64u
enum err sign_standard(char out[SIGN_STANDARD], struct str secret, struct str id, uint64_t wall_s, struct str body);

#endif
