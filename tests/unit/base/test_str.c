#include "base/str.h"
#include "tests/unit/base/unit.h"

TEST(comparing_orders_by_bytes_then_by_length)
{
    UNUSED(state);
    assert_true(str_cmp(STR("a"), STR("b")) < 0);
    assert_true(str_cmp(STR("ab"), STR("a")) > 0);
    assert_int_equal(str_cmp(STR("ab"), STR("ab")), 0);
    assert_int_equal(str_cmp(STR_NONE, STR("")), 0);
    assert_true(str_eq(STR_NONE, STR("")));
    assert_false(str_eq(STR("a"), STR_NONE));
}

TEST(nearest_word_is_found_within_a_third_and_one)
{
    const char *const words[] = { "listen", "policy", "redis", "home" };

    UNUSED(state);
    assert_string_equal(str_nearest(STR("lisen"), words, 4), "listen");
    assert_string_equal(str_nearest(STR("ploicy"), words, 4), "policy"); /* two swapped */
    assert_string_equal(str_nearest(STR("redi"), words, 4), "redis");
    assert_string_equal(str_nearest(STR("homes"), words, 4), "home");
    assert_null(str_nearest(STR("xyz"), words, 4));
    assert_null(str_nearest(STR("lis"), words, 4)); /* three away, two allowed */
    assert_null(str_nearest(STR("listen"), words, 0));
}

TEST(nearest_prefers_the_closest_and_then_the_first)
{
    const char *const words[] = { "abce", "abcd", "abcf" };

    UNUSED(state);
    assert_string_equal(str_nearest(STR("abcd"), words, 3), "abcd");
    assert_string_equal(str_nearest(STR("abcx"), words, 3), "abce");
}

TEST(nearest_gives_up_on_very_long_words)
{
    char longest[65];
    const char *words[] = { longest, "a" };

    UNUSED(state);
    memset(longest, 'x', 64);
    longest[64] = 0;
    assert_null(str_nearest((struct str){ longest, 64 }, words, 2));
    assert_string_equal(str_nearest(STR(""), words, 2), "a");
}

TEST(glob_star_stands_for_any_run)
{
    static const struct {
        const char *pattern, *text;
        bool matches;
    } rows[] = {
        { "*", "", true },
        { "", "", true },
        { "", "a", false },
        { "refund_*", "refund_x", true },
        { "refund_*", "refund_", true },
        { "refund_*", "refund", false },
        { "*ing", "routing", true },
        { "*ing", "routings", false },
        { "a*b*c", "aXbYbZc", true },
        { "a*b*c", "acb", false },
        { "a**b", "ab", true },
        { "a?c", "abc", false },
        { "abc", "abc", true },
        { "abc", "abcd", false },
        { "*a*", "bab", true },
        { "*aab", "aaaab", true },
        { "[a]", "a", false },
    };

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (str_glob(str_of(rows[i].pattern), str_of(rows[i].text)) != rows[i].matches)
            fail_msg("\"%s\" on \"%s\"", rows[i].pattern, rows[i].text);
}

TEST(glob_does_not_blow_up_on_many_stars)
{
    char text[4001];

    UNUSED(state);
    memset(text, 'a', sizeof text);
    assert_false(str_glob(STR("*a*a*a*a*a*a*a*a*a*a*a*a*a*b"), (struct str){ text, sizeof text }));
}

TEST(whole_numbers_are_read_strictly)
{
    static const char *const refused[] = {
        "", "-1", "+1", " 1", "1 ", "1x", "0x1", "18446744073709551616", "99999999999999999999999"
    };
    uint64_t v = 7;

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(refused); i++) assert_int_equal(str_u64(str_of(refused[i]), 0, UINT64_MAX, &v), ERR_RANGE);
    assert_int_equal(v, 7); /* untouched */
    assert_int_equal(str_u64(STR("18446744073709551615"), 0, UINT64_MAX, &v), ERR_OK);
    assert_true(v == UINT64_MAX);
    assert_int_equal(str_u64(STR("007"), 1, 7, &v), ERR_OK);
    assert_int_equal(v, 7);
    assert_int_equal(str_u64(STR("8"), 1, 7, &v), ERR_RANGE);
    assert_int_equal(str_u64(STR("0"), 1, 7, &v), ERR_RANGE);
}

TEST(utf8_table_of_good_and_bad)
{
    static const struct {
        const char *text;
        size_t n;
        bool good;
        size_t at;
    } rows[] = {
        { "", 0, true, 0 },
        { "plain", 5, true, 0 },
        { "a\0b", 3, true, 0 },             /* NUL is a character like others here */
        { "\xC2\x80", 2, true, 0 },         /* U+0080 */
        { "\xDF\xBF", 2, true, 0 },         /* U+07FF */
        { "\xE0\xA0\x80", 3, true, 0 },     /* U+0800 */
        { "\xED\x9F\xBF", 3, true, 0 },     /* U+D7FF */
        { "\xEE\x80\x80", 3, true, 0 },     /* U+E000 */
        { "\xEF\xBF\xBF", 3, true, 0 },     /* U+FFFF */
        { "\xF0\x90\x80\x80", 4, true, 0 }, /* U+10000 */
        { "\xF4\x8F\xBF\xBF", 4, true, 0 }, /* U+10FFFF */
        { "\xEC\x9E\xA5\xEC\x95\xA0", 6, true, 0 },
        { "x\x80", 2, false, 1 },            /* a lone continuation */
        { "\xC0\xAF", 2, false, 0 },         /* overlong */
        { "\xC1\xBF", 2, false, 0 },         /* overlong */
        { "\xE0\x9F\xBF", 3, false, 0 },     /* overlong */
        { "\xF0\x8F\xBF\xBF", 4, false, 0 }, /* overlong */
        { "ab\xED\xA0\x80", 5, false, 2 },   /* U+D800 */
        { "\xED\xBF\xBF", 3, false, 0 },     /* U+DFFF */
        { "\xF4\x90\x80\x80", 4, false, 0 }, /* U+110000 */
        { "\xF5\x80\x80\x80", 4, false, 0 },
        { "\xFF", 1, false, 0 },
        { "\xC2", 1, false, 0 }, /* cut short */
        { "\xE2\x82", 2, false, 0 },
        { "\xF0\x9F\x98", 3, false, 0 },
        { "\xC2 ", 2, false, 0 },
        { "\xE2\x82 ", 3, false, 0 },
        { "\xF0\x9F\x98 ", 4, false, 0 },
    };

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t at = 0;
        if (str_utf8((struct str){ rows[i].text, rows[i].n }, &at) != rows[i].good || at != rows[i].at) fail_msg("row %zu", i);
    }
}

TEST(utf8_finds_a_bad_byte_at_every_place_of_a_long_text)
{
    char text[64];

    UNUSED(state);
    for (size_t bad = 0; bad < sizeof text; bad++) {
        size_t at = SIZE_MAX;
        memset(text, 'a', sizeof text);
        assert_true(str_utf8((struct str){ text, sizeof text }, &at));
        text[bad] = '\xFF';
        assert_false(str_utf8((struct str){ text, sizeof text }, &at));
        assert_int_equal(at, bad);
    }
    assert_false(str_utf8(STR("\xFF"), NULL));
}

/* Against the definition, over all sequences of up to three bytes: encode every scalar value, compare. */
TEST(utf8_accepts_exactly_the_encodings_of_scalar_values)
{
    size_t accepted = 0;

    UNUSED(state);
    for (unsigned v = 0; v < 1u << 24; v++) {
        const unsigned char three[3] = { (unsigned char)(v >> 16), (unsigned char)(v >> 8), (unsigned char)v };
        if (three[0] >= 0xF0) break;
        accepted += str_utf8_step((const char *)three, 3) == 3;
    }
    assert_int_equal(accepted, 0x10000 - 0x800 - 0x800); /* U+0800..U+FFFF without surrogates */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparing_orders_by_bytes_then_by_length),
        cmocka_unit_test(nearest_word_is_found_within_a_third_and_one),
        cmocka_unit_test(nearest_prefers_the_closest_and_then_the_first),
        cmocka_unit_test(nearest_gives_up_on_very_long_words),
        cmocka_unit_test(glob_star_stands_for_any_run),
        cmocka_unit_test(glob_does_not_blow_up_on_many_stars),
        cmocka_unit_test(whole_numbers_are_read_strictly),
        cmocka_unit_test(utf8_table_of_good_and_bad),
        cmocka_unit_test(utf8_finds_a_bad_byte_at_every_place_of_a_long_text),
        cmocka_unit_test(utf8_accepts_exactly_the_encodings_of_scalar_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
