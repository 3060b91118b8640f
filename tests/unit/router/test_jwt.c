/* Webhooks that a token signs: what it must say of time and of the body. */
#include "base/openssl.h"
#include "router/channels/generic.h"
#include "tests/unit/base/unit.h"

#define NOW   1767225600000ull /* 2026-01-01T00:00:00Z */
#define NOW_S 1767225600

static struct door door;

static int set_up(void **state)
{
    UNUSED(state);
    door.secret_count = 1;
    door.secrets[0].n = (size_t)snprintf(door.secrets[0].p, sizeof door.secrets[0].p, "a secret of 32 bytes or thereabouts");
    return 0;
}

static size_t base64url(const char *s, size_t n, char *out)
{
    size_t len = sign_base64(s, n, out);
    while (len && out[len - 1] == '=') len--;
    for (size_t i = 0; i < len; i++) out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
    return len;
}

static enum verified judge(const char *head, const char *claims, const char *claim, int encoding, const char *body)
{
    char out[4096];
    struct mac m;
    size_t n = base64url(head, strlen(head), out);
    out[n++] = '.';
    n += base64url(claims, strlen(claims), out + n);
    struct str text = { out, n };
    assert_int_equal(sign_hmac(&m, SIGN_SHA256, secret_str(&door.secrets[0]), &text, 1), ERR_OK);
    out[n++] = '.';
    n += base64url((const char *)m.p, m.n, out + n);
    return jwt_verify(&door, (struct str){ out, n }, claim, encoding, str_of(body), NOW);
}

static const char hs256[] = "{\"alg\":\"HS256\"}";

TEST(a_token_ends_or_is_new)
{
    static const struct {
        const char *fmt; /* with the time `at` seconds from now */
        int at;
        enum verified want;
    } rows[] = { { "{}", 0, OLD_TIMESTAMP }, /* it would be good for ever */
                 { "{\"nbf\":%d}", 0, OLD_TIMESTAMP },
                 { "{\"exp\":%d}", 1, VERIFIED },
                 { "{\"exp\":%d}", -59, VERIFIED },
                 { "{\"exp\":%d}", -60, OLD_TIMESTAMP },
                 { "{\"iat\":%d}", 0, VERIFIED },
                 { "{\"iat\":%d}", -300, VERIFIED },
                 { "{\"iat\":%d}", -301, OLD_TIMESTAMP },
                 { "{\"iat\":%d}", 60, VERIFIED },
                 { "{\"iat\":%d}", 61, OLD_TIMESTAMP },
                 { "{\"iat\":%d,\"exp\":1767225700}", -3600, VERIFIED },
                 { "{\"nbf\":%d,\"exp\":1767225700}", 60, VERIFIED },
                 { "{\"nbf\":%d,\"exp\":1767225700}", 61, OLD_TIMESTAMP },
                 { "{\"exp\":\"%d\"}", 1, BAD_FORM },
                 { "{\"exp\":null}", 0, BAD_FORM },
                 { "{\"exp\":0}", 0, BAD_FORM },
                 { "{\"exp\":-%d}", 0, BAD_FORM },
                 { "{\"exp\":%d,\"iat\":\"x\"}", 1, BAD_FORM },
                 { "{\"exp\":%d,\"nbf\":[]}", 1, BAD_FORM },
                 { "[]", 0, BAD_FORM } };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char claims[200];
        snprintf(claims, sizeof claims, rows[i].fmt, NOW_S + rows[i].at);
        enum verified v = judge(hs256, claims, NULL, 0, "");
        if (v != rows[i].want) fail_msg("%s at %d: %d", claims, rows[i].at, (int)v);
    }
}

TEST(only_hs256_is_a_signature)
{
    static const char claims[] = "{\"exp\":1767225700}";
    assert_int_equal(judge(hs256, claims, NULL, 0, ""), VERIFIED);
    assert_int_equal(judge("{\"alg\":\"none\"}", claims, NULL, 0, ""), BAD_SIGNATURE);
    assert_int_equal(judge("{\"alg\":\"HS512\"}", claims, NULL, 0, ""), BAD_SIGNATURE);
    assert_int_equal(jwt_verify(&door, STR_NONE, NULL, 0, STR("x"), NOW), BAD_SIGNATURE);
    door.secret_count = 0;
    assert_int_equal(judge(hs256, claims, NULL, 0, ""), BAD_SIGNATURE);
}

TEST(a_token_may_be_of_one_body_alone)
{
    static const char hex[] = "{\"exp\":1767225700,\"h\":\"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\"}";
    static const char b64[] = "{\"exp\":1767225700,\"h\":\"LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=\"}";
    assert_int_equal(judge(hs256, hex, "h", ENCODING_HEX, "hello"), VERIFIED);
    assert_int_equal(judge(hs256, hex, "h", ENCODING_HEX, "hellO"), BAD_SIGNATURE);
    assert_int_equal(judge(hs256, hex, "h", ENCODING_HEX, ""), BAD_SIGNATURE);
    assert_int_equal(judge(hs256, b64, "h", ENCODING_BASE64, "hello"), VERIFIED);
    assert_int_equal(judge(hs256, b64, "h", ENCODING_HEX, "hello"), BAD_SIGNATURE);
    assert_int_equal(judge(hs256, "{\"exp\":1767225700}", "h", ENCODING_HEX, "hello"), BAD_SIGNATURE);
    assert_int_equal(judge(hs256, "{\"exp\":1767225700,\"h\":7}", "h", ENCODING_HEX, "hello"), BAD_SIGNATURE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_token_ends_or_is_new, set_up),
        cmocka_unit_test_setup(only_hs256_is_a_signature, set_up),
        cmocka_unit_test_setup(a_token_may_be_of_one_body_alone, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
