/* Webhooks that are signed by a token (router/jwt.h), as some providers do it. A token must end (`exp`) or be new (`iat` within
   CHANNEL_WINDOW_MS): one that does neither would be good for ever to whoever saw it once. */
#include "base/openssl.h"
#include "router/channels/generic.h"
#include "router/jwt.h"

#define SKEW_S 60.0 /* how far clocks may be apart */

/* Seconds since 1970; false: the claim is there and no number. */
static bool seconds(const struct json *claims, const char *name, double *out)
{
    const struct json *v = json_get(claims, name);
    *out = v ? json_num(v) : 0;
    return !v || (json_type(v) == JSON_NUMBER && *out > 0);
}

static enum verified check_times(const struct json *claims, uint64_t now_ms)
{
    double exp, nbf, iat, now = (double)now_ms / 1000;
    if (!seconds(claims, "exp", &exp) || !seconds(claims, "nbf", &nbf) || !seconds(claims, "iat", &iat)) return BAD_FORM;
    if (exp == 0 && iat == 0) return OLD_TIMESTAMP;
    if (exp != 0 && now >= exp + SKEW_S) return OLD_TIMESTAMP;
    if (exp == 0 && now > iat + CHANNEL_WINDOW_MS / 1000.0) return OLD_TIMESTAMP;
    return nbf > now + SKEW_S || iat > now + SKEW_S ? OLD_TIMESTAMP : VERIFIED;
}

static bool is_hash(struct str said, struct str body, int encoding)
{
    struct mac hash = { .n = SHA256_DIGEST_LENGTH };
    SHA256((const unsigned char *)(body.n ? body.p : ""), body.n, hash.p);
    return encoding == ENCODING_BASE64 ? sign_is_base64(&hash, said) : sign_is_hex(&hash, said);
}

enum verified jwt_verify(const struct door *d, struct str token, const char *claim, int encoding, struct str body, uint64_t now)
{
    struct json *claims;
    enum jwt_end end = jwt_open(&claims, token, d->secrets, d->secret_count);
    if (end) return end == JWT_CLAIMS ? BAD_FORM : BAD_SIGNATURE;
    enum verified v = check_times(claims, now);
    if (!v && claim && !is_hash(json_str(json_get(claims, claim)), body, encoding)) v = BAD_SIGNATURE;
    json_free(claims);
    return v;
}
