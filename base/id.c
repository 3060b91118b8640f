#include "base/id.h"

#include "base/openssl.h"
#include "base/panic.h"

#include <pthread.h>

/* Where the bits are (RFC 9562): bytes 0..5 milliseconds, high half of byte 6 the version, low half and byte 7 the home
   router, high two bits of byte 8 the variant, the rest random. Version 8 has the same two fixed fields and a hash elsewhere. */

static void put_version(struct id *id, unsigned version)
{
    id->b[6] = (uint8_t)((id->b[6] & 0x0F) | version << 4);
    id->b[8] = (uint8_t)((id->b[8] & 0x3F) | 0x80);
}

struct id id_new(uint64_t wall_ms, uint32_t home, struct rng *rng)
{
    struct id id;
    uint64_t random = rng_u64(rng);

    naru_assert(home <= 0xFFF);
    for (int i = 0; i < 6; i++) id.b[i] = (uint8_t)(wall_ms >> (40 - 8 * i));
    id.b[6] = (uint8_t)(home >> 8);
    id.b[7] = (uint8_t)home;
    memcpy(id.b + 8, &random, 8);
    put_version(&id, 7);
    return id;
}

/* Fetched once: OpenSSL's one-shot SHA256() looks the algorithm up by name at every call. */
static EVP_MD *sha256;
static void fetch_sha256(void) { sha256 = EVP_MD_fetch(NULL, "SHA256", NULL); }

struct id id_of_event(struct str account, struct str external)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    unsigned char digest[EVP_MAX_MD_SIZE];
    struct id id;

    pthread_once(&once, fetch_sha256);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = sha256 && ctx && EVP_DigestInit_ex2(ctx, sha256, NULL) == 1 && EVP_DigestUpdate(ctx, account.p, account.n) == 1 &&
              EVP_DigestUpdate(ctx, "", 1) == 1 && EVP_DigestUpdate(ctx, external.p, external.n) == 1 &&
              EVP_DigestFinal_ex(ctx, digest, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    naru_assert(ok); /* an event without its identity could be lost or doubled: stop instead */
    memcpy(id.b, digest, sizeof id.b);
    put_version(&id, 8);
    return id;
}

struct id id_at_home(struct id id, uint32_t home)
{
    naru_assert(home <= 0xFFF);
    id.b[6] = (uint8_t)((id.b[6] & 0xF0) | home >> 8);
    id.b[7] = (uint8_t)home;
    return id;
}

uint32_t id_home(const struct id *id) { return (uint32_t)(id->b[6] & 0x0F) << 8 | id->b[7]; }

uint64_t id_time(const struct id *id)
{
    uint64_t ms = 0;

    for (int i = 0; i < 6; i++) ms = ms << 8 | id->b[i];
    return ms;
}

/* Places of the 16 bytes in the text 8-4-4-4-12. */
static const uint8_t text_at[16] = { 0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34 };

char *id_text(const struct id *id, char out[ID_TEXT + 1])
{
    static const char hex[16] = "0123456789abcdef";

    out[8] = out[13] = out[18] = out[23] = '-';
    for (int i = 0; i < 16; i++) {
        out[text_at[i]] = hex[id->b[i] >> 4];
        out[text_at[i] + 1] = hex[id->b[i] & 15];
    }
    out[ID_TEXT] = 0;
    return out;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum err id_parse(struct str text, struct id *out)
{
    const char *p = text.p;
    struct id id;

    if (text.n != ID_TEXT || p[8] != '-' || p[13] != '-' || p[18] != '-' || p[23] != '-') return ERR_PROTO;
    for (int i = 0; i < 16; i++) {
        int high = hex_value(p[text_at[i]]), low = hex_value(p[text_at[i] + 1]);
        if (high < 0 || low < 0) return ERR_PROTO;
        id.b[i] = (uint8_t)(high << 4 | low);
    }
    *out = id;
    return ERR_OK;
}
