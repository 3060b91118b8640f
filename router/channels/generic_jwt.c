/* Tokens of HS256 (RFC 7515, RFC 7519), as some providers sign their webhooks with:
   BASE64URL(header).BASE64URL(claims).BASE64URL(mac).

   The algorithm is ours to say, never the token's: a header that names another one is refused. The mac is compared before the
   claims are parsed. A token must end (`exp`) or be new (`iat` within CHANNEL_WINDOW_MS): one that does neither would be good for
   ever to whoever saw it once. */
#include "base/limits.h"
#include "base/openssl.h"
#include "router/channels/generic.h"

#include <stdlib.h>

#define JWT_MAX 8192u
#define SKEW_S  60.0 /* how far clocks may be apart */

struct parts {
    struct str head, claims, mac, text; /* text: what the mac is of */
};

static bool split(struct str token, struct parts *out)
{
    const char *a = token.n && token.n <= JWT_MAX ? memchr(token.p, '.', token.n) : NULL, *end = token.p + token.n;
    const char *b = a ? memchr(a + 1, '.', (size_t)(end - a) - 1) : NULL;
    if (!b || memchr(b + 1, '.', (size_t)(end - b) - 1)) return false;
    out->head = (struct str){ token.p, (size_t)(a - token.p) };
    out->claims = (struct str){ a + 1, (size_t)(b - a) - 1 };
    out->mac = (struct str){ b + 1, (size_t)(end - b) - 1 };
    out->text = (struct str){ token.p, (size_t)(b - token.p) };
    return out->head.n && out->claims.n && out->mac.n;
}

static bool mac_fits(const struct door *d, const struct parts *p)
{
    unsigned char said[JWT_MAX];
    size_t n = 0;
    bool good = false;
    if (p->mac.n > 100 || sign_unbase64(p->mac, said, &n)) return false;
    for (uint32_t i = 0; i < d->secret_count; i++) {
        struct mac m;
        struct str key = { d->secrets[i].p, d->secrets[i].n };
        bool same = !sign_hmac(&m, SIGN_SHA256, key, &p->text, 1) &&
                    sign_equal((struct str){ (char *)m.p, m.n }, (struct str){ (char *)said, n });
        good |= same;
    }
    return good;
}

static struct json *decode(struct str part)
{
    struct json *doc = NULL;
    unsigned char *text = malloc(part.n + 3);
    const char *why;
    size_t n = 0, at;
    if (text && !sign_unbase64(part, text, &n)) (void)json_parse(&doc, (struct str){ (char *)text, n }, 8, &at, &why);
    free(text);
    return doc;
}

static bool is_hs256(struct str part)
{
    struct json *head = decode(part);
    bool good = head && str_is(json_str(json_get(head, "alg")), "HS256") && !json_get(head, "crit");
    json_free(head);
    return good;
}

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
    struct parts p;
    if (!split(token, &p)) return BAD_SIGNATURE;
    if (!mac_fits(d, &p) || !is_hs256(p.head)) return BAD_SIGNATURE;
    struct json *claims = decode(p.claims);
    enum verified v = claims && json_type(claims) == JSON_OBJECT ? check_times(claims, now) : BAD_FORM;
    if (!v && claim && !is_hash(json_str(json_get(claims, claim)), body, encoding)) v = BAD_SIGNATURE;
    json_free(claims);
    return v;
}
