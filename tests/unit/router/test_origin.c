/* Origins and tokens beside a subprotocol: right ones and every way to be wrong. */
#include "router/origin.h"
#include "tests/unit/base/unit.h"

static bool by_host(const char *origin, const char *host) { return origin_of_host(str_of(origin), str_of(host)); }
static bool by_url(const char *origin, const char *url) { return origin_of_url(str_of(origin), url); }

static void a_page_of_the_host_that_was_asked_is_ours(void **s)
{
    (void)s;
    assert_true(by_host("http://127.0.0.1:8080", "127.0.0.1:8080"));
    assert_true(by_host("https://naru.example", "naru.example")); /* TLS ends at the proxy */
    assert_true(by_host("https://Naru.Example", "naru.example"));
}

static void a_page_of_anybody_else_is_not(void **s)
{
    (void)s;
    assert_false(by_host("http://127.0.0.1:8081", "127.0.0.1:8080"));
    assert_false(by_host("http://127.0.0.1", "127.0.0.1:8080"));
    assert_false(by_host("https://naru.example.evil.test", "naru.example"));
    assert_false(by_host("https://evil.test/naru.example", "naru.example"));
    assert_false(by_host("https://naru.example/", "naru.example"));
    assert_false(by_host("naru.example", "naru.example"));
    assert_false(by_host("ftp://naru.example", "naru.example"));
    assert_false(by_host("null", "naru.example"));
    assert_false(by_host("", "naru.example"));
    assert_false(by_host("https://", ""));
    assert_false(by_host("", ""));
}

static void a_page_of_the_public_url_is_ours_whatever_path_it_has(void **s)
{
    (void)s;
    assert_true(by_url("https://naru.example", "https://naru.example"));
    assert_true(by_url("https://naru.example:8443", "https://naru.example:8443/below/it"));
    assert_false(by_url("http://naru.example", "https://naru.example"));
    assert_false(by_url("https://naru.example:8443", "https://naru.example"));
    assert_false(by_url("https://naru.exampl", "https://naru.example"));
    assert_false(by_url("https://naru.example.evil.test", "https://naru.example"));
    assert_false(by_url("", "https://naru.example"));
    assert_false(by_url("https://naru.example", NULL));
    assert_false(by_url("", ""));
}

static void the_token_is_found_among_the_subprotocols(void **s)
{
    static const struct {
        const char *offered, *token;
    } rows[] = { { "naru.agent.1, naru.token.abc", "abc" },
                 { "naru.token.abc", "abc" },
                 { "naru.token.abc,naru.agent.1", "abc" },
                 { " naru.agent.1 ,\tnaru.token.abc ", "abc" },
                 { "naru.token.one, naru.token.two", "one" },
                 { "naru.agent.1", "" },
                 { "naru.token.", "" },
                 { "xnaru.token.abc", "" },
                 { "NARU.TOKEN.abc", "" },
                 { ",,,", "" },
                 { "", "" } };
    (void)s;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_true(str_is(subprotocol_token(str_of(rows[i].offered)), rows[i].token));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_of_the_host_that_was_asked_is_ours),
        cmocka_unit_test(a_page_of_anybody_else_is_not),
        cmocka_unit_test(a_page_of_the_public_url_is_ours_whatever_path_it_has),
        cmocka_unit_test(the_token_is_found_among_the_subprotocols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
