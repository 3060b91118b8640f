#include "base/clock.h"
#include "base/json.h"
#include "base/rng.h"
#include "tests/unit/base/unit.h"

#include <math.h>
#include <stdlib.h>

static struct json *parse(const char *text)
{
    struct json *doc = NULL;
    size_t at = 0;
    const char *why = "";

    if (json_parse(&doc, str_of(text), 64, &at, &why)) fail_msg("%s: %s at %zu", text, why, at);
    return doc;
}

static const char *print(struct buf *out, const char *text)
{
    struct json *doc = parse(text);

    buf_init(out, 1 << 20);
    json_print(out, doc);
    json_free(doc);
    return buf_cstr(out);
}

TEST(values_of_every_type_are_read)
{
    struct json *doc = parse(" {\"s\":\"caf\\u00e9\",\"n\":-1.5,\"t\":true,\"f\":false,\"z\":null,\"a\":[1,2],\"o\":{}} ");
    uint64_t n;

    UNUSED(state);
    assert_int_equal(json_type(doc), JSON_OBJECT);
    assert_str(json_str(json_get(doc, "s")), "caf\xC3\xA9");
    assert_true(json_num(json_get(doc, "n")) == -1.5);
    assert_true(json_bool(json_get(doc, "t")));
    assert_false(json_bool(json_get(doc, "f")));
    assert_int_equal(json_type(json_get(doc, "f")), JSON_BOOL);
    assert_int_equal(json_type(json_get(doc, "z")), JSON_NULL);
    assert_int_equal(json_type(json_get(doc, "a")), JSON_ARRAY);
    assert_int_equal(json_type(json_get(doc, "o")), JSON_OBJECT);
    assert_null(json_first(json_get(doc, "o")));
    const struct json *item = json_first(json_get(doc, "a"));
    assert_true(json_is_u64(item, &n) && n == 1);
    item = json_next(item);
    assert_true(json_is_u64(item, &n) && n == 2);
    assert_null(json_next(item));
    assert_str(json_key(json_first(doc)), "s");
    json_free(doc);
}

TEST(asking_the_wrong_type_or_nothing_is_harmless)
{
    struct json *doc = parse("[1]");
    uint64_t n;

    UNUSED(state);
    assert_null(json_get(doc, "a"));
    assert_null(json_get(NULL, "a"));
    assert_null(json_first(NULL));
    assert_null(json_next(NULL));
    assert_int_equal(json_str(doc).n, 0);
    assert_int_equal(json_str(NULL).n, 0);
    assert_int_equal(json_key(doc).n, 0);
    assert_false(json_bool(NULL));
    assert_true(json_num(NULL) == 0);
    assert_false(json_is_u64(NULL, &n));
    assert_false(json_is_u64(doc, &n));
    assert_int_equal(json_type(NULL), JSON_NULL);
    json_free(doc);
    json_free(NULL);
}

TEST(keys_differ_by_case)
{
    struct json *doc = parse("{\"a\":1,\"A\":2}");

    UNUSED(state);
    assert_true(json_num(json_get(doc, "A")) == 2);
    json_free(doc);
}

TEST(whole_numbers_up_to_2_to_53)
{
    static const struct {
        const char *text;
        bool whole;
        uint64_t want;
    } rows[] = {
        { "0", true, 0 },      { "-0", true, 0 },
        { "1e3", true, 1000 }, { "9007199254740992", true, UINT64_C(9007199254740992) },
        { "1.0", true, 1 },    { "1.5", false, 0 },
        { "-1", false, 0 },    { "9007199254740994", false, 0 },
        { "1e300", false, 0 }, { "\"1\"", false, 0 },
    };

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint64_t n = 0;
        struct json *doc = parse(rows[i].text);
        if (json_is_u64(doc, &n) != rows[i].whole || n != rows[i].want) fail_msg("%s", rows[i].text);
        json_free(doc);
    }
}

TEST(every_refusal_has_its_error_and_offset)
{
    static const struct {
        const char *text;
        size_t n; /* 0: strlen */
        enum err err;
        size_t at;
    } rows[] = {
        { "", 0, ERR_JSON, 0 },
        { "  ", 0, ERR_JSON, 2 },
        { "{\"a\":\"\xFF\"}", 0, ERR_UTF8, 6 },
        { "\"\xED\xA0\x80\"", 0, ERR_UTF8, 1 },
        { "\"a\0b\"", 5, ERR_JSON, 2 },
        { "1\0", 2, ERR_JSON, 1 },
        { "\"ab\\u0000\"", 0, ERR_JSON, 3 },
        { "{\"\\u0000\":1}", 0, ERR_JSON, 2 },
        { "\"a\nb\"", 0, ERR_JSON, 2 },
        { "[1,\x0B 2]", 0, ERR_JSON, 3 },
        { "\"open", 0, ERR_JSON, 0 },
        { "\"open\\\"", 0, ERR_JSON, 0 },
        { "\"open\\", 0, ERR_JSON, 0 },
        { "{} x", 0, ERR_JSON, 3 },
        { "1 2", 0, ERR_JSON, 2 },
        { "{}}", 0, ERR_JSON, 2 },
        { "[[[[[]]]]]", 0, ERR_JSON, 4 },
        { "{\"a\":[{\"b\":[{}]}]}", 0, ERR_JSON, 12 },
        { "{\"a\":1,\"a\":2}", 0, ERR_JSON, 7 },
        { "{\"a\":1,\"\\u0061\":2}", 0, ERR_JSON, 7 },
        { "[{\"x\":{\"a\":1}},{\"a\":\"a\", \"b\" : 2, \"b\":3}]", 0, ERR_JSON, 34 },
        { "{\"\":1,\"\":2}", 0, ERR_JSON, 6 },
        { "01", 0, ERR_JSON, 0 },
        { "[1.]", 0, ERR_JSON, 1 },
        { "[-]", 0, ERR_JSON, 1 },
        { "[1e]", 0, ERR_JSON, 1 },
        { "[1e+]", 0, ERR_JSON, 1 },
        { "[1e999]", 0, ERR_JSON, 1 },
        { "[-1E999]", 0, ERR_JSON, 1 },
        { "1234567890123456789012345678901234567890123456789012345678901234", 0, ERR_JSON, 0 },
    };

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct json *doc = (struct json *)1;
        struct str text = { rows[i].text, rows[i].n ? rows[i].n : strlen(rows[i].text) };
        size_t at = SIZE_MAX;
        const char *why = NULL;
        enum err e = json_parse(&doc, text, 4, &at, &why);
        if (e != rows[i].err || at != rows[i].at || doc || !why || !*why)
            fail_msg("%s: %s at %zu (%s)", rows[i].text, err_name(e), at, why ? why : "-");
    }
}

/* cJSON finds these; where exactly it stops is its affair, as long as it lies in the text. */
TEST(what_is_not_json_is_refused)
{
    static const char *const refused[] = {
        "{",    "[",           "[1,]",       "{\"a\"}", "{\"a\":}", "{a:1}",   "{'a':1}",   "nul",   "nulll",
        "True", "NaN",         "+1",         ".5",      "0x10",     "\"\\x\"", "\"\\u12\"", "[1 2]", "\"\\ud800\"",
        "]",    "}",           ",",          "{,}",     "[1,,2]",   "[1}",     "{\"a\":1]", "--1",   "\"\\ud800\\u0041\"",
        "1-2",  "\"\\udc00\"", "{\"a\":1,}", "// c",    "/**/1",
    };

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct json *doc;
        size_t at = 0;
        const char *why = NULL;
        if (json_parse(&doc, str_of(refused[i]), 64, &at, &why) != ERR_JSON || at > strlen(refused[i])) fail_msg("%s", refused[i]);
    }
    struct json *doc;
    assert_int_equal(json_parse(&doc, STR("["), 64, NULL, NULL), ERR_JSON); /* nobody asks why */
    assert_int_equal(json_parse(&doc, STR_NONE, 64, NULL, NULL), ERR_JSON);
}

TEST(depth_is_counted_exactly_and_not_in_strings)
{
    struct json *doc;

    UNUSED(state);
    assert_int_equal(json_parse(&doc, STR("[[1],[\"[[[[{\",2],{}]"), 2, NULL, NULL), ERR_OK);
    json_free(doc);
    assert_int_equal(json_parse(&doc, STR("[[[]]]"), 2, NULL, NULL), ERR_JSON);
    assert_int_equal(json_parse(&doc, STR("1"), 0, NULL, NULL), ERR_OK);
    json_free(doc);
    assert_int_equal(json_parse(&doc, STR("[]"), 0, NULL, NULL), ERR_JSON);
}

TEST(a_tower_of_brackets_does_not_recurse)
{
    enum { MANY = 1000000 };
    char *text = malloc(MANY);
    struct json *doc;
    size_t at = 0;

    UNUSED(state);
    memset(text, '[', MANY);
    assert_int_equal(json_parse(&doc, (struct str){ text, MANY }, 64, &at, NULL), ERR_JSON);
    assert_int_equal(at, 64);
    assert_int_equal(json_parse(&doc, (struct str){ text, MANY }, UINT32_MAX, &at, NULL), ERR_JSON);
    free(text);
}

/* 40,000 keys pairwise would be 800 million comparisons. */
TEST(large_objects_are_checked_in_near_linear_time)
{
    struct buf b;
    struct json *doc;
    size_t at = 0;

    UNUSED(state);
    buf_init(&b, 1 << 22);
    buf_addc(&b, '{');
    for (int i = 0; i < 40000; i++) buf_addf(&b, "\"key%d\":%d,", i, i);
    size_t last = b.n;
    buf_addz(&b, "\"last\":0}");
    uint64_t begun = clock_cpu_us();
    assert_int_equal(json_parse(&doc, buf_str(&b), 4, NULL, NULL), ERR_OK);
    assert_true(clock_cpu_us() - begun < 3000000); /* generous: sanitizers and valgrind run this too */
    json_free(doc);
    b.n = last;
    buf_addz(&b, "\"key39999\":0}");
    assert_int_equal(json_parse(&doc, buf_str(&b), 4, &at, NULL), ERR_JSON);
    assert_int_equal(at, last);
    buf_fini(&b);
}

TEST(duplicates_are_found_at_every_size_around_the_border)
{
    UNUSED(state);
    for (int members = 2; members < 30; members++) {
        struct buf b;
        struct json *doc;
        size_t at = 0, second = 0;
        buf_init(&b, 4096);
        buf_addz(&b, "{\"dup\":{\"x\":1}");
        for (int i = 2; i < members; i++) buf_addf(&b, ",\"k%d\":{\"x\":[]}", i);
        second = b.n + 1;
        buf_addz(&b, ",\"dup\":0}");
        assert_int_equal(json_parse(&doc, buf_str(&b), 4, &at, NULL), ERR_JSON);
        assert_int_equal(at, second);
        buf_fini(&b);
    }
}

TEST(printing_gives_compact_text_that_means_the_same)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { " [ ] ", "[]" },
        { "{ \"a\" : [ 1 , { } , null ] }", "{\"a\":[1,{},null]}" },
        { "[1e2,-0,0.1,1.5e-9,123456789012,-7,1e300]", "[100,0,0.1,1.5e-09,123456789012,-7,1e+300]" },
        { "[0.30000000000000004,9007199254740992]", "[0.30000000000000004,9007199254740992]" },
        { "\"\\u0041\\/\\\"\\\\\\n\\u001f\\u007f\"", "\"A/\\\"\\\\\\n\\u001f\x7f\"" },
        { "\"\\ud83d\\ude00\"", "\"\xF0\x9F\x98\x80\"" },
        { "[true,false]", "[true,false]" },
        { "{\"a\\nb\":{\"c\":\"\"}}", "{\"a\\nb\":{\"c\":\"\"}}" },
        { "\xEF\xBB\xBF[1]", "[1]" }, /* a byte order mark is passed over */
    };

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf b, again;
        assert_string_equal(print(&b, rows[i].text), rows[i].want);
        assert_string_equal(print(&again, rows[i].want), rows[i].want);
        buf_fini(&b);
        buf_fini(&again);
    }
}

TEST(the_writer_places_commas)
{
    struct buf b;

    UNUSED(state);
    buf_init(&b, 1000);
    struct jw w = jw_on(&b);
    jw_open(&w, '{');
    jw_key(&w, "a");
    jw_u64(&w, UINT64_MAX);
    jw_key(&w, "b");
    jw_open(&w, '[');
    jw_open(&w, '{');
    jw_close(&w, '}');
    jw_bool(&w, true);
    jw_bool(&w, false);
    jw_null(&w);
    jw_open(&w, '[');
    jw_close(&w, ']');
    jw_close(&w, ']');
    jw_key(&w, "c\"");
    jw_strz(&w, "x");
    jw_key(&w, "d");
    jw_raw(&w, STR("{\"e\":1}"));
    jw_key(&w, "f");
    jw_raw(&w, STR_NONE);
    jw_close(&w, '}');
    assert_string_equal(buf_cstr(&b),
                        "{\"a\":18446744073709551615,\"b\":[{},true,false,null,[]],\"c\\\"\":\"x\",\"d\":{\"e\":1},\"f\":null}");
    buf_fini(&b);
}

static const char *written(struct buf *b, struct str s)
{
    buf_clear(b);
    struct jw w = jw_on(b);
    jw_str(&w, s);
    return buf_cstr(b);
}

TEST(strings_are_escaped)
{
    struct buf b;

    UNUSED(state);
    buf_init(&b, 1000);
    assert_string_equal(written(&b, STR_NONE), "\"\"");
    assert_string_equal(written(&b, STR("plain /<>")), "\"plain /<>\"");
    assert_string_equal(written(&b, STR("\"\\\b\f\n\r\t")), "\"\\\"\\\\\\b\\f\\n\\r\\t\"");
    assert_string_equal(written(&b, STR("\0\x01\x1f\x7f")), "\"\\u0000\\u0001\\u001f\x7f\"");
    assert_string_equal(written(&b, STR("\xEC\x9E\xA5"
                                        "a\xF0\x9F\x98\x80")),
                        "\"\xEC\x9E\xA5"
                        "a\xF0\x9F\x98\x80\"");
    buf_fini(&b);
}

TEST(bytes_that_are_no_utf8_become_replacement_characters)
{
    struct buf b;

    UNUSED(state);
    buf_init(&b, 1000);
    assert_string_equal(written(&b, STR("a\xFFz")), "\"a\xEF\xBF\xBDz\"");
    assert_string_equal(written(&b, STR("\xC3")), "\"\xEF\xBF\xBD\"");
    assert_string_equal(written(&b, STR("\xE2\x82")), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
    buf_fini(&b);
}

TEST(any_bytes_make_a_string_that_parses)
{
    struct rng rng;
    struct buf b;

    UNUSED(state);
    rng_seed(&rng, 21);
    buf_init(&b, 10000);
    for (int i = 0; i < 3000; i++) {
        char bytes[64];
        size_t n = rng_below(&rng, sizeof bytes + 1);
        for (size_t k = 0; k < n; k++) do
                bytes[k] = (char)rng_u64(&rng);
            while (!bytes[k]); /* \u0000 is refused by our own reader */
        written(&b, (struct str){ bytes, n });
        struct json *doc;
        assert_int_equal(json_parse(&doc, buf_str(&b), 1, NULL, NULL), ERR_OK);
        if (str_utf8((struct str){ bytes, n }, NULL)) assert_true(str_eq(json_str(doc), (struct str){ bytes, n }));
        json_free(doc);
    }
    buf_fini(&b);
}

TEST(numbers_are_written_short)
{
    static const struct {
        double v;
        const char *want;
    } rows[] = {
        { 0, "0" },
        { -0.0, "0" },
        { 1, "1" },
        { -1.5, "-1.5" },
        { 0.1, "0.1" },
        { 1.0 / 3, "0.333333" },
        { 2.5e-6, "0.000003" },
        { 1e-9, "0" },
        { -1e-9, "0" },
        { 0.9999999, "1" },
        { 1e15, "1000000000000000" },
        { 1e20, "1e+20" },
        { -1e300, "-1.0000000000000001e+300" },
        { NAN, "null" },
        { INFINITY, "null" },
        { -INFINITY, "null" },
        { 100, "100" },
        { 1234567.125, "1234567.125" },
    };
    struct buf b;

    UNUSED(state);
    buf_init(&b, 1000);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        buf_clear(&b);
        struct jw w = jw_on(&b);
        jw_f64(&w, rows[i].v);
        assert_string_equal(buf_cstr(&b), rows[i].want);
    }
    buf_fini(&b);
}

TEST(types_have_names_for_people)
{
    UNUSED(state);
    assert_string_equal(json_type_name(JSON_STRING), "a string");
    assert_string_equal(json_type_name(JSON_OBJECT), "an object");
    assert_string_equal(json_type_name((enum json_type)99), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_every_type_are_read),
        cmocka_unit_test(asking_the_wrong_type_or_nothing_is_harmless),
        cmocka_unit_test(keys_differ_by_case),
        cmocka_unit_test(whole_numbers_up_to_2_to_53),
        cmocka_unit_test(every_refusal_has_its_error_and_offset),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(depth_is_counted_exactly_and_not_in_strings),
        cmocka_unit_test(a_tower_of_brackets_does_not_recurse),
        cmocka_unit_test(large_objects_are_checked_in_near_linear_time),
        cmocka_unit_test(duplicates_are_found_at_every_size_around_the_border),
        cmocka_unit_test(printing_gives_compact_text_that_means_the_same),
        cmocka_unit_test(the_writer_places_commas),
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(bytes_that_are_no_utf8_become_replacement_characters),
        cmocka_unit_test(any_bytes_make_a_string_that_parses),
        cmocka_unit_test(numbers_are_written_short),
        cmocka_unit_test(types_have_names_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
