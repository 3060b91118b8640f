/* Is a request signed as the account's policy says? A kind of signature is a row: what it looks at and how.

   Every kind works on bytes as they came and tries every live secret, so that the time does not tell which one was good. A GET is
   never signed: it is a challenge (generic.c), or nothing. */
#include "base/clock.h"
#include "router/channels/generic.h"

#include <strings.h>

static struct str header(const struct delivery *in, const char *name) { return in->header(in->ctx, name); }

/* What stands behind the prefix; STR_NONE without it. */
static struct str after(struct str s, const char *prefix)
{
    size_t n = prefix ? strlen(prefix) : 0;
    if (!s.n || s.n < n || (n && strncasecmp(s.p, prefix, n) != 0)) return STR_NONE;
    return (struct str){ s.p + n, s.n - n };
}

static struct str lower_header(const struct delivery *in, const char *name)
{
    char low[80];
    size_t n = 0;
    for (; n < sizeof low - 1 && name[n]; n++) low[n] = name[n] >= 'A' && name[n] <= 'Z' ? (char)(name[n] | 0x20) : name[n];
    low[n] = '\0';
    return header(in, low);
}

static bool hmac_fits(const struct door *d, const struct str *parts, size_t count, struct str said)
{
    const struct inbound_sign *s = &d->account->inbound.signature;
    return channel_signed(d, (enum sign_hash)s->hash, parts, count, said,
                          s->encoding == ENCODING_BASE64 ? sign_is_base64 : sign_is_hex);
}

/* ---- one function a kind ---- */

static enum verified by_hmac(const struct door *d, const struct delivery *in)
{
    const struct inbound_sign *s = &d->account->inbound.signature;
    struct str said = after(lower_header(in, s->header), s->prefix);
    if (!said.n) return UNSIGNED;
    return hmac_fits(d, &in->body, 1, said) ? VERIFIED : BAD_SIGNATURE;
}

static bool time_of(struct str text, int unit, uint64_t *ms)
{
    if (unit == UNIT_RFC3339) return !clock_parse(text.p, text.n, ms);
    if (str_u64(text, 0, 9999999999999ull, ms)) return false;
    if (unit == UNIT_S) *ms *= 1000;
    return true;
}

static enum verified by_timestamp(const struct door *d, const struct delivery *in)
{
    const struct inbound_sign *s = &d->account->inbound.signature;
    struct str said = after(lower_header(in, s->header), s->prefix), at = lower_header(in, s->timestamp);
    struct str parts[] = { at, str_of(s->separator), in->body };
    uint64_t ms;
    if (!said.n || !at.n) return UNSIGNED;
    if (!hmac_fits(d, parts, 3, said)) return BAD_SIGNATURE;
    if (!time_of(at, s->unit, &ms)) return BAD_FORM;
    return channel_now(in, ms) ? VERIFIED : OLD_TIMESTAMP;
}

/* Does one of the signatures "v1,… v1,…" equal ours? */
static bool one_is(struct str list, const char *ours)
{
    bool good = false;
    while (list.n) {
        const char *space = memchr(list.p, ' ', list.n);
        struct str one = { list.p, space ? (size_t)(space - list.p) : list.n };
        good |= sign_equal(one, str_of(ours));
        list = (struct str){ one.p + one.n + (space != NULL), list.n - one.n - (space != NULL) };
    }
    return good;
}

static enum verified by_standard(const struct door *d, const struct delivery *in)
{
    struct str id = header(in, "webhook-id"), at = header(in, "webhook-timestamp"), said = header(in, "webhook-signature");
    uint64_t seconds;
    bool good = false;
    if (!id.n || !at.n || !said.n) return UNSIGNED;
    if (id.n > 256 || said.n > 4096 || str_u64(at, 0, 9999999999ull, &seconds)) return BAD_FORM;
    for (uint32_t i = 0; i < d->secret_count; i++) {
        char ours[SIGN_STANDARD];
        good |= !sign_standard(ours, secret_str(&d->secrets[i]), id, seconds, in->body) && one_is(said, ours);
    }
    if (!good) return BAD_SIGNATURE;
    return channel_now(in, seconds * 1000) ? VERIFIED : OLD_TIMESTAMP;
}

static const char *bearer(const char *header_name, const char *prefix)
{
    return prefix ? prefix : strcasecmp(header_name, "authorization") == 0 ? "Bearer " : NULL;
}

static enum verified by_token(const struct door *d, const struct delivery *in)
{
    const struct inbound_sign *s = &d->account->inbound.signature;
    struct str said =
        s->query ? channel_raw(in->query, s->query) : after(lower_header(in, s->header), bearer(s->header, s->prefix));
    if (!said.n) return UNSIGNED;
    return channel_secret(d, said) ? VERIFIED : BAD_SIGNATURE;
}

static enum verified by_jwt(const struct door *d, const struct delivery *in)
{
    const struct inbound_sign *s = &d->account->inbound.signature;
    const char *name = s->header ? s->header : "authorization";
    struct str token = after(lower_header(in, name), bearer(name, s->prefix));
    return token.n ? jwt_verify(d, token, s->claim, s->encoding, in->body, in->now) : UNSIGNED;
}

static enum verified by_nothing(const struct door *d, const struct delivery *in)
{
    (void)d, (void)in;
    return VERIFIED;
}

static enum verified (*const kinds[])(const struct door *, const struct delivery *) = {
    [SIGNED_HMAC] = by_hmac, [SIGNED_TIMESTAMP] = by_timestamp, [SIGNED_STANDARD] = by_standard, [SIGNED_TOKEN] = by_token,
    [SIGNED_JWT] = by_jwt,   [SIGNED_OPEN] = by_nothing,
};

enum verified generic_verify(const struct door *d, const struct delivery *in)
{
    int kind = d->account->inbound.signature.kind;
    if (kind < 0 || (kind != SIGNED_OPEN && !d->secret_count)) return UNSIGNED;
    return kinds[kind](d, in);
}
