/* Signatures of webhooks. Everything is computed over bytes as they came; what is compared is compared without a branch on its
   contents, so that the time tells nothing but lengths, which are no secret. Nothing is kept between calls but OpenSSL's own
   contexts, without keys. */
#include "router/sign.h"

#include "base/openssl.h"

#include <openssl/core_names.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const hash_names[] = { [SIGN_SHA1] = "SHA1", [SIGN_SHA256] = "SHA256", [SIGN_SHA512] = "SHA512" };

/* Looking an algorithm up costs more than the HMAC of a short body: a context without a key is kept for each hash by the process,
   which has one thread that signs, and copied. */
static EVP_MAC_CTX *context(enum sign_hash hash)
{
    static EVP_MAC_CTX *keyless[sizeof hash_names / sizeof *hash_names];
    if (keyless[hash]) return EVP_MAC_CTX_dup(keyless[hash]);
    char name[8];
    snprintf(name, sizeof name, "%s", hash_names[hash]);
    OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0), OSSL_PARAM_construct_end() };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac); /* the context has its own */
    if (ctx && !EVP_MAC_CTX_set_params(ctx, params)) {
        EVP_MAC_CTX_free(ctx);
        ctx = NULL;
    }
    keyless[hash] = ctx;
    return ctx ? EVP_MAC_CTX_dup(ctx) : NULL;
}

enum err sign_hmac(struct mac *out, enum sign_hash hash, struct str key, const struct str *parts, size_t count)
{
    EVP_MAC_CTX *ctx = context(hash);
    const unsigned char *k = key.n ? (const unsigned char *)key.p : (const unsigned char *)""; /* NULL would mean: the last one */
    bool good = ctx && EVP_MAC_init(ctx, k, key.n, NULL);
    for (size_t i = 0; good && i < count; i++)
        good = !parts[i].n || EVP_MAC_update(ctx, (const unsigned char *)parts[i].p, parts[i].n);
    out->n = 0;
    good = good && EVP_MAC_final(ctx, out->p, &out->n, sizeof out->p);
    if (!good) out->n = 0;
    EVP_MAC_CTX_free(ctx);
    return good ? ERR_OK : ERR_NOMEM;
}

bool sign_equal(struct str a, struct str b) { return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0); }

/* ---- hex and base64 ---- */

size_t sign_hex(const void *p, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *b = p;
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[b[i] >> 4];
        out[2 * i + 1] = digits[b[i] & 15];
    }
    out[2 * n] = '\0';
    return 2 * n;
}

size_t sign_base64(const void *p, size_t n, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *b = p;
    size_t to = 0;
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        uint32_t v = (uint32_t)b[i] << 16 | (left > 1 ? (uint32_t)b[i + 1] << 8 : 0) | (left > 2 ? b[i + 2] : 0);
        out[to++] = digits[v >> 18];
        out[to++] = digits[v >> 12 & 63];
        out[to++] = left > 1 ? digits[v >> 6 & 63] : '=';
        out[to++] = left > 2 ? digits[v & 63] : '=';
    }
    out[to] = '\0';
    return to;
}

static int digit_of(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+' || c == '-') return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

enum err sign_unbase64(struct str text, unsigned char *out, size_t *n)
{
    uint32_t v = 0;
    unsigned bits = 0;
    *n = 0;
    if (text.n % 4 == 0) /* what is padded is padded to four */
        for (int i = 0; i < 2 && text.n && text.p[text.n - 1] == '='; i++) text.n--;
    if (text.n % 4 == 1) return ERR_RANGE;
    for (size_t i = 0; i < text.n; i++) {
        int d = digit_of(text.p[i]);
        if (d < 0) return ERR_RANGE;
        v = (v << 6 | (uint32_t)d) & 0xFFFFFFu;
        if ((bits += 6) < 8) continue;
        bits -= 8;
        out[(*n)++] = (unsigned char)(v >> bits);
    }
    return v & ((1u << bits) - 1) ? ERR_RANGE : ERR_OK; /* bits that nobody sent: another spelling of the same bytes */
}

bool sign_is_hex(const struct mac *m, struct str said)
{
    char want[2 * SIGN_MAX + 1], low[2 * SIGN_MAX];
    size_t n = sign_hex(m->p, m->n, want);
    if (!n || said.n != n) return false;
    for (size_t i = 0; i < n; i++) low[i] = (char)(said.p[i] | (said.p[i] >= 'A' && said.p[i] <= 'F' ? 0x20 : 0));
    return CRYPTO_memcmp(low, want, n) == 0;
}

bool sign_is_base64(const struct mac *m, struct str said)
{
    unsigned char got[SIGN_MAX + 4];
    size_t n;
    if (!m->n || said.n > 4 * (SIGN_MAX + 2) / 3 || sign_unbase64(said, got, &n)) return false;
    return n == m->n && CRYPTO_memcmp(got, m->p, n) == 0;
}

/* ---- Standard Webhooks ---- */

/* The key that a secret stands for; `room` holds 3n/4 + 3 bytes of it. */
static struct str standard_key(struct str secret, unsigned char *room)
{
    static const struct str prefix = { "whsec_", 6 };
    size_t n;
    bool marked = secret.n >= prefix.n && !memcmp(secret.p, prefix.p, prefix.n);
    struct str text = marked ? (struct str){ secret.p + prefix.n, secret.n - prefix.n } : secret;
    if (sign_unbase64(text, room, &n) || !n) return secret;
    return (struct str){ (const char *)room, n };
}

enum err sign_standard(char out[SIGN_STANDARD], struct str secret, struct str id, uint64_t wall_s, struct str body)
{
    char at[24];
    struct mac m;
    unsigned char *room = malloc(secret.n + 4);
    out[0] = '\0';
    if (!room) return ERR_NOMEM;
    struct str key = standard_key(secret, room);
    int at_n = snprintf(at, sizeof at, "%llu", (unsigned long long)wall_s);
    struct str parts[] = { id, STR("."), { at, (size_t)at_n }, STR("."), body };
    enum err e = sign_hmac(&m, SIGN_SHA256, key, parts, 5);
    if (!e) {
        memcpy(out, "v1,", 3);
        sign_base64(m.p, m.n, out + 3);
    }
    OPENSSL_cleanse(room, secret.n + 4);
    free(room);
    return e;
}
