/* Signatures: the vectors of RFC 2202, RFC 4231 and Standard Webhooks, and every way to spell one wrongly. */
#include "router/sign.h"
#include "tests/unit/base/unit.h"

static struct mac hmac(enum sign_hash hash, struct str key, struct str text)
{
    struct mac m;
    assert_int_equal(sign_hmac(&m, hash, key, &text, 1), ERR_OK);
    return m;
}

static const struct vector {
    enum sign_hash hash;
    const char *key;
    size_t key_n;
    char fill; /* not 0: the text is `text_n` of it */
    size_t text_n;
    const char *text, *hex;
} vectors[] = {
    /* RFC 2202, SHA-1, cases 1, 2, 6 */
    { SIGN_SHA1, "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b", 20, 0, 8, "Hi There",
      "b617318655057264e28bc0b6fb378c8ef146be00" },
    { SIGN_SHA1, "Jefe", 4, 0, 28, "what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79" },
    { SIGN_SHA1, NULL, 80, 0, 54, "Test Using Larger Than Block-Size Key - Hash Key First",
      "aa4ae5e15272d00e95705637ce8a3b55ed402112" },
    /* RFC 4231, cases 1, 2, 3 */
    { SIGN_SHA256, "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b", 20, 0, 8, "Hi There",
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
    { SIGN_SHA256, "Jefe", 4, 0, 28, "what do ya want for nothing?",
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
    { SIGN_SHA256, NULL, 20, (char)0xdd, 50, NULL, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
    { SIGN_SHA512, "Jefe", 4, 0, 28, "what do ya want for nothing?",
      "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bc"
      "e737" },
};

static void hmac_gives_what_the_standards_say(void **state)
{
    char aa[80], fill[64], hex[2 * SIGN_MAX + 1];
    UNUSED(state);
    memset(aa, 0xaa, sizeof aa);
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        const struct vector *v = &vectors[i];
        memset(fill, v->fill, sizeof fill);
        struct mac m =
            hmac(v->hash, (struct str){ v->key ? v->key : aa, v->key_n }, (struct str){ v->text ? v->text : fill, v->text_n });
        sign_hex(m.p, m.n, hex);
        assert_string_equal(hex, v->hex);
        assert_true(sign_is_hex(&m, str_of(v->hex)));
    }
}

static void parts_are_joined(void **state)
{
    struct str parts[] = { STR("what do ya "), STR_NONE, STR("want for nothing?") };
    struct mac m;
    UNUSED(state);
    assert_int_equal(sign_hmac(&m, SIGN_SHA256, STR("Jefe"), parts, 3), ERR_OK);
    assert_true(sign_is_hex(&m, STR("5BDCC146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")));
}

static void an_empty_key_is_a_key(void **state)
{
    UNUSED(state);
    struct mac a = hmac(SIGN_SHA256, STR("Jefe"), STR("x")), b = hmac(SIGN_SHA256, STR_NONE, STR("x"));
    assert_memory_not_equal(a.p, b.p, a.n);
}

static void a_signature_that_is_not_it_is_none(void **state)
{
    static const char *const wrong[] = { "", "5b", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3844",
                                         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec38430",
                                         "[bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" };
    UNUSED(state);
    struct mac m = hmac(SIGN_SHA256, STR("Jefe"), STR("what do ya want for nothing?"));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) assert_false(sign_is_hex(&m, str_of(wrong[i])));
    assert_true(sign_is_base64(&m, STR("W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=")));
    assert_true(sign_is_base64(&m, STR("W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM")));
    assert_false(sign_is_base64(&m, STR("W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEN=")));
    assert_false(sign_is_base64(&m, STR("W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTs")));
    assert_false(sign_is_base64(&m, STR("")));
    m.n = 0; /* one that could not be made */
    assert_false(sign_is_hex(&m, STR("")));
    assert_false(sign_is_base64(&m, STR("")));
}

static void base64_goes_both_ways(void **state)
{
    static const struct {
        const char *plain, *coded;
    } rows[] = { { "", "" },
                 { "f", "Zg==" },
                 { "fo", "Zm8=" },
                 { "foo", "Zm9v" },
                 { "foob", "Zm9vYg==" },
                 { "fooba", "Zm9vYmE=" },
                 { "foobar", "Zm9vYmFy" } }; /* RFC 4648 */
    static const char *const bad[] = { "Z", "Zg=", "Zg===", "Z===", "Zh", "Zm 9v", "Zm9v=", "=", "====" };
    unsigned char out[16];
    char coded[16];
    size_t n;
    UNUSED(state);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(sign_base64(rows[i].plain, strlen(rows[i].plain), coded), strlen(rows[i].coded));
        assert_string_equal(coded, rows[i].coded);
        assert_int_equal(sign_unbase64(str_of(coded), out, &n), ERR_OK);
        assert_int_equal(n, strlen(rows[i].plain));
        assert_memory_equal(out, rows[i].plain, n);
    }
    assert_int_equal(sign_unbase64(STR("-_-_"), out, &n), ERR_OK);
    assert_memory_equal(out, "\xfb\xff\xbf", 3);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_int_equal(sign_unbase64(str_of(bad[i]), out, &n), ERR_RANGE);
}

static void standard_webhooks_sign_as_their_document_shows(void **state)
{
    char out[SIGN_STANDARD];
    struct str id = STR("msg_p5jXN8AQM9LWM0D4loKWxJek"), body = STR("{\"test\": 2432232314}");
    UNUSED(state);
    assert_int_equal(sign_standard(out, STR("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), id, 1614265330, body), ERR_OK);
    assert_string_equal(out, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    assert_int_equal(sign_standard(out, STR("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), id, 1614265330, body), ERR_OK);
    assert_string_equal(out, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    assert_int_equal(sign_standard(out, STR("not base64!"), id, 1614265330, body), ERR_OK);
    assert_string_not_equal(out, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hmac_gives_what_the_standards_say),
        cmocka_unit_test(parts_are_joined),
        cmocka_unit_test(an_empty_key_is_a_key),
        cmocka_unit_test(a_signature_that_is_not_it_is_none),
        cmocka_unit_test(base64_goes_both_ways),
        cmocka_unit_test(standard_webhooks_sign_as_their_document_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
