/* Nothing of a token is decoded but its mac before that is known to be of the first two parts under one of the secrets; every
   secret is tried whatever the first said, so that time tells nothing. The algorithm is ours to say, never the token's: of the
   header only HS256 is good, whatever else it asks for. */
#include "router/jwt.h"

#include <stdlib.h>

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

static bool is_signed(const struct parts *p, const struct secret *secrets, uint32_t count)
{
    bool good = false;
    for (uint32_t i = 0; i < count; i++) {
        struct mac m;
        if (sign_hmac(&m, SIGN_SHA256, secret_str(&secrets[i]), &p->text, 1)) continue;
        good |= sign_is_base64(&m, p->mac);
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

static enum jwt_end check_header(struct str part)
{
    struct json *head = decode(part);
    bool good = head && str_is(json_str(json_get(head, "alg")), "HS256") && !json_get(head, "crit");
    enum jwt_end end = !head ? JWT_MALFORMED : good ? JWT_GOOD : JWT_ALGORITHM;
    json_free(head);
    return end;
}

enum jwt_end jwt_open(struct json **claims, struct str token, const struct secret *secrets, uint32_t count)
{
    struct parts p;
    *claims = NULL;
    if (!split(token, &p)) return JWT_MALFORMED;
    if (!is_signed(&p, secrets, count)) return JWT_SIGNATURE;
    enum jwt_end end = check_header(p.head);
    if (end) return end;
    *claims = decode(p.claims);
    if (*claims && json_type(*claims) == JSON_OBJECT) return JWT_GOOD;
    json_free(*claims);
    *claims = NULL;
    return JWT_CLAIMS;
}
