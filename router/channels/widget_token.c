/* Who signed a token is router/jwt.c's to find out; here is what it must say, and ours are made. */
#include "router/channels/widget_token.h"

#include "router/jwt.h"

#include <stdio.h>

#define FAULT_CAUSE(id, cause, text) cause,
#define FAULT_TEXT(id, cause, text)  text,
static const char *const causes[] = { TOKEN_FAULT_MAP(FAULT_CAUSE) };
static const char *const texts[] = { TOKEN_FAULT_MAP(FAULT_TEXT) };
const char *token_fault_cause(enum token_fault f) { return causes[f]; }
const char *token_fault_text(enum token_fault f) { return texts[f]; }

/* ---- claims ---- */

static bool short_text(const struct json *v, size_t max, char *out, uint32_t *n)
{
    struct str s = json_str(v);
    if (json_type(v) != JSON_STRING || s.n > max) return false;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f) return false;
    if (s.n) memcpy(out, s.p, s.n);
    *n = (uint32_t)s.n;
    return true;
}

static bool key_ok(struct str key)
{
    for (size_t i = 0; i < key.n; i++) {
        char low = (char)(key.p[i] | 0x20);
        if (!(low >= 'a' && low <= 'z') && !(key.p[i] >= '0' && key.p[i] <= '9') && !strchr("_-.", key.p[i])) return false;
    }
    return key.n && key.n <= WIDGET_FACT_KEY;
}

static bool add_fact(struct widget_claims *c, struct str key, const struct json *v)
{
    char number[32], value[WIDGET_FACT_VALUE];
    uint32_t n = 0;
    if (json_type(v) == JSON_NUMBER) n = (uint32_t)snprintf(number, sizeof number, "%.15g", json_num(v)), memcpy(value, number, n);
    else if (json_type(v) == JSON_BOOL) n = json_bool(v) ? 4 : 5, memcpy(value, json_bool(v) ? "true" : "false", n);
    else if (!short_text(v, sizeof value, value, &n)) return false;
    if (!key_ok(key)) return false;
    size_t room = sizeof c->facts - c->facts_n, need = 9 + key.n + 1 + n + 1;
    if (need > room) return false;
    char *at = c->facts + c->facts_n;
    memcpy(at, "customer.", 9);
    memcpy(at + 9, key.p, key.n);
    at[9 + key.n] = '\0';
    memcpy(at + 10 + key.n, value, n);
    at[10 + key.n + n] = '\0';
    c->facts_n += (uint32_t)need;
    return true;
}

static bool read_facts(struct widget_claims *c, const struct json *doc)
{
    const struct json *tier = json_get(doc, "tier"), *more = json_get(doc, "attributes");
    if (tier && (json_type(tier) != JSON_STRING || !add_fact(c, STR("tier"), tier))) return false;
    if (more && json_type(more) != JSON_OBJECT) return false;
    for (const struct json *v = more ? json_first(more) : NULL; v; v = json_next(v))
        if (!add_fact(c, json_key(v), v)) return false;
    return true;
}

static bool is_for(const struct json *aud, struct str account)
{
    if (!aud || str_eq(json_str(aud), account)) return true;
    if (json_type(aud) != JSON_ARRAY) return false;
    for (const struct json *v = json_first(aud); v; v = json_next(v))
        if (str_eq(json_str(v), account)) return true;
    return false;
}

static bool a_time(const struct json *v) { return v && json_type(v) == JSON_NUMBER && json_num(v) >= 0 && json_num(v) < 1e12; }

static enum token_fault check_times(struct widget_claims *c, const struct json *doc, uint64_t now)
{
    const struct json *exp = json_get(doc, "exp"), *nbf = json_get(doc, "nbf");
    double now_s = (double)now / 1e3;
    if (!a_time(exp) || (nbf && !a_time(nbf))) return TOKEN_CLAIMS;
    c->exp = (uint64_t)(json_num(exp) * 1e3);
    if (json_num(exp) <= now_s) return TOKEN_EXPIRED;
    if (json_num(exp) > now_s + WIDGET_TOKEN_LIFE_S + WIDGET_TOKEN_SKEW_S) return TOKEN_TOO_LONG;
    return nbf && json_num(nbf) > now_s + WIDGET_TOKEN_SKEW_S ? TOKEN_EARLY : TOKEN_GOOD;
}

static enum token_fault read_claims(struct widget_claims *c, const struct json *doc, struct str account, uint64_t now)
{
    const struct json *name = json_get(doc, "name");
    enum token_fault f = check_times(c, doc, now);
    if (f) return f;
    if (!is_for(json_get(doc, "aud"), account)) return TOKEN_AUDIENCE;
    if (!short_text(json_get(doc, "sub"), WIDGET_SUB_MAX, c->sub, &c->sub_n) || !c->sub_n) return TOKEN_CLAIMS;
    if (name && !short_text(name, WIDGET_NAME_MAX, c->name, &c->name_n)) return TOKEN_CLAIMS;
    return read_facts(c, doc) ? TOKEN_GOOD : TOKEN_CLAIMS;
}

enum token_fault widget_token_read(struct widget_claims *out, struct str jwt, const struct secret *secrets, uint32_t count,
                                   struct str account, uint64_t now)
{
    static const enum token_fault faults[] = { [JWT_GOOD] = TOKEN_GOOD,
                                               [JWT_MALFORMED] = TOKEN_MALFORMED,
                                               [JWT_SIGNATURE] = TOKEN_SIGNATURE,
                                               [JWT_ALGORITHM] = TOKEN_ALGORITHM,
                                               [JWT_CLAIMS] = TOKEN_MALFORMED };
    struct json *doc;
    out->exp = 0;
    out->sub_n = out->name_n = out->facts_n = 0;
    if (jwt.n >= WIDGET_TOKEN_MAX) return TOKEN_MALFORMED;
    enum token_fault f = faults[jwt_open(&doc, jwt, secrets, count)];
    if (!f) f = read_claims(out, doc, account, now);
    json_free(doc);
    return f;
}

/* ---- ours ---- */

/* Appends base64url without padding. */
static void add_part(struct buf *b, const void *p, size_t n)
{
    char text[4 * (WIDGET_TOKEN_MAX + 2) / 3 + 1];
    size_t len = sign_base64(p, n, text);
    while (len && text[len - 1] == '=') len--;
    for (size_t i = 0; i < len; i++)
        if (text[i] == '+' || text[i] == '/') text[i] = text[i] == '+' ? '-' : '_';
    buf_add(b, text, len);
}

enum err widget_token_make(char out[WIDGET_TOKEN_MAX], const struct secret *secret, struct str sub, struct str account,
                           uint64_t now, uint64_t exp)
{
    static const char head[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
    char claims[512];
    struct buf b;
    struct mac m;
    int n = snprintf(claims, sizeof claims, "{\"sub\":\"%.*s\",\"aud\":\"%.*s\",\"iat\":%llu,\"exp\":%llu}", STR_FMT(sub),
                     STR_FMT(account), (unsigned long long)(now / 1000), (unsigned long long)(exp / 1000));
    if (n < 0 || (size_t)n >= sizeof claims) return ERR_RANGE;
    buf_init(&b, WIDGET_TOKEN_MAX - 1);
    add_part(&b, head, sizeof head - 1);
    buf_addc(&b, '.');
    add_part(&b, claims, (size_t)n);
    struct str signed_part = buf_str(&b);
    enum err e = b.err ? b.err : sign_hmac(&m, SIGN_SHA256, secret_str(secret), &signed_part, 1);
    if (!e) {
        buf_addc(&b, '.');
        add_part(&b, m.p, m.n);
        e = b.err;
    }
    if (!e) memcpy(out, b.p, b.n), out[b.n] = '\0';
    buf_fini(&b);
    return e;
}
