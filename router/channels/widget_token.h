/* Tokens of the web chat: JWTs (RFC 7519) signed with HS256 (RFC 7515, RFC 7518 3.2) by a secret of the account. The shop's server
   makes them for customers who are logged in; Naru makes them for visitors. Pure: time is handed in. */
#ifndef NARU_ROUTER_WIDGET_TOKEN_H
#define NARU_ROUTER_WIDGET_TOKEN_H

#include "base/id.h"
#include "router/channel.h"

#define WIDGET_TOKEN_MAX    2048u  /* bytes of a token */
#define WIDGET_TOKEN_LIFE_S 86400u /* an `exp` further ahead is refused */
#define WIDGET_TOKEN_SKEW_S 60u    /* by which the shop's clock may go before or behind ours */
#define WIDGET_SUB_MAX      128u
#define WIDGET_NAME_MAX     128u
#define WIDGET_FACTS        1024u
#define WIDGET_FACT_KEY     48u
#define WIDGET_FACT_VALUE   256u

/* Why a token is refused: X(CONSTANT, "cause", "sentence"). The cause is a metric's label. */
#define TOKEN_FAULT_MAP(X)                                                                                                         \
    X(TOKEN_GOOD, "", "")                                                                                                          \
    X(TOKEN_MALFORMED, "malformed", "the token is not a JWT")                                                                      \
    X(TOKEN_SIGNATURE, "signature", "the token is not signed by a secret of this account")                                         \
    X(TOKEN_ALGORITHM, "algorithm", "the token's header must say alg HS256, and nothing critical")                                 \
    X(TOKEN_EXPIRED, "expired", "the token has expired")                                                                           \
    X(TOKEN_TOO_LONG, "too_long", "the token's exp must be at most 24 hours ahead")                                                \
    X(TOKEN_EARLY, "early", "the token is not valid yet")                                                                          \
    X(TOKEN_AUDIENCE, "audience", "the token's aud is another account")                                                            \
    X(TOKEN_CLAIMS, "claims", "the token needs sub (1 to 128 bytes); name, tier and attributes are short texts")
#define TOKEN_FAULT_ENUM(id, cause, text) id,
enum token_fault { TOKEN_FAULT_MAP(TOKEN_FAULT_ENUM) TOKEN_FAULT_COUNT };
#undef TOKEN_FAULT_ENUM
const char *token_fault_cause(enum token_fault f);
const char *token_fault_text(enum token_fault f);

/* Who a token says that its bearer is. */
struct widget_claims {
    uint64_t exp; /* wall ms */
    uint32_t sub_n, name_n, facts_n;
    char sub[WIDGET_SUB_MAX], name[WIDGET_NAME_MAX];
    char facts[WIDGET_FACTS]; /* "customer.tier\0gold\0" and so on */
};
/* Checks `jwt` under every one of `secrets` (constant time), then reads it. `account`: what `aud`, if there is one, must name. */
enum token_fault widget_token_read(struct widget_claims *out, struct str jwt, const struct secret *secrets, uint32_t count,
                                   struct str account, uint64_t now);
/* Writes a token and a NUL. `sub`: letters, digits, '-'; `account` as in a policy. ERR_NOMEM, ERR_RANGE. */
enum err widget_token_make(char out[WIDGET_TOKEN_MAX], const struct secret *secret, struct str sub, struct str account,
                           uint64_t now, uint64_t exp);

#endif
