/* Entity tags: which requests they fit. */
#include "router/etag.h"

#include <stdio.h>

/* cmocka.h wants the others before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

static void the_same_bytes_have_the_same_tag(void **state)
{
    char a[ETAG_TEXT], b[ETAG_TEXT];
    (void)state;
    etag_of(STR_NONE, STR("{\"id\":1}"), a);
    etag_of(STR_NONE, STR("{\"id\":1}"), b);
    assert_string_equal(a, b);
    etag_of(STR_NONE, STR("{\"id\":2}"), b);
    assert_string_not_equal(a, b);
    etag_of(STR("7"), STR("{\"id\":1}"), b);
    assert_memory_equal(b, "\"7/", 3);
    assert_string_equal(b + 3, a + 1);
}

static void a_read_is_compared_weakly_and_a_change_strongly(void **state)
{
    static const struct {
        const char *header, *etag;
        bool none_match, match;
    } rows[] = {
        { "", "\"a\"", false, true },
        { "\"a\"", "\"a\"", true, true },
        { "W/\"a\"", "\"a\"", true, false },
        { "\"b\", \"a\"", "\"a\"", true, true },
        { "\"b\" ,W/\"c\",\t\"a\"", "\"a\"", true, true },
        { "*", "\"a\"", true, true },
        { "*", "", false, false },
        { "", "", false, true },
        { "\"b\"", "\"a\"", false, false },
        { "a", "\"a\"", false, false },
        { "\"a", "\"a\"", false, false },
        { "x\"a\"", "\"a\"", false, false },
        { ",,", "\"a\"", false, false },
        { "W/", "\"a\"", false, false },
        { "\"a,b\"", "\"b\"", false, false },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_message("%s %s\n", rows[i].header, rows[i].etag);
        assert_int_equal(etag_none_match(str_of(rows[i].header), str_of(rows[i].etag)), rows[i].none_match);
        assert_int_equal(etag_match(str_of(rows[i].header), str_of(rows[i].etag)), rows[i].match);
    }
}

static void versions_are_what_stands_before_the_rest(void **state)
{
    static const struct {
        const char *header, *versions;
    } rows[] = {
        { "\"7/abc\"", "7" }, { "\"7/abc\", \"sha256:x/d\"", "7,sha256:x" },
        { "\"7\"", "7" },     { "*", "*" },
        { "W/\"7/a\"", "" },  { "\"a,b\", \"c\"", "c" },
        { "\"/x\"", "" },     { "seven", "" },
    };
    char out[ETAG_LIST_TEXT], many[600] = "";
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(etag_versions(str_of(rows[i].header), out), ERR_OK);
        assert_string_equal(out, rows[i].versions);
    }
    for (size_t i = 0; i < 40; i++) snprintf(many + strlen(many), sizeof many - strlen(many), "\"%08zu\",", i);
    assert_int_equal(etag_versions(str_of(many), out), ERR_TOOBIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_bytes_have_the_same_tag),
        cmocka_unit_test(a_read_is_compared_weakly_and_a_change_strongly),
        cmocka_unit_test(versions_are_what_stands_before_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
