/* Values set in the text of a policy, and the change as a diff. */
#include "config/diff.h"
#include "config/edit.h"
#include "tests/unit/config/unit.h"

/* What comes of setting `path`; valid until the next call. "" with *e for an error. */
static const char *edited(const char *yaml, const char *path, const char *value, enum err *e)
{
    static char text[4096];
    struct buf out;
    buf_init(&out, sizeof text);
    *e = edit_set(str_of(yaml), path, str_of(value), &out);
    snprintf(text, sizeof text, "%s", *e ? "" : buf_cstr(&out));
    buf_fini(&out);
    return text;
}
#define EDITS(yaml, path, value, wanted)                                                                                           \
    do {                                                                                                                           \
        enum err e_;                                                                                                               \
        assert_string_equal(edited(yaml, path, value, &e_), wanted);                                                               \
        assert_int_equal(e_, ERR_OK);                                                                                              \
    } while (0)
#define REFUSES(yaml, path, value, wanted)                                                                                         \
    do {                                                                                                                           \
        enum err e_;                                                                                                               \
        (void)edited(yaml, path, value, &e_);                                                                                      \
        assert_int_equal(e_, wanted);                                                                                              \
    } while (0)

TEST(a_written_value_is_replaced_and_nothing_else)
{
    UNUSED(state);
    EDITS("a:\n  b:  12   # how many\n  c: x\n", "a.b", "7", "a:\n  b:  7   # how many\n  c: x\n");
    EDITS("a: { b: 12, c: x } # all\n", "a.b", "7", "a: { b: 7, c: x } # all\n");
    EDITS("a: { b: \">12\" }\n", "a.b", "\">7\"", "a: { b: \">7\" }\n");
    EDITS("a: '1'\nb: 2", "b", "35%", "a: '1'\nb: 35%");
    EDITS("# 나루\na: 한국 # 말\nb: 1 # 둘\n", "b", "2", "# 나루\na: 한국 # 말\nb: 2 # 둘\n");
    EDITS("\xef\xbb\xbf"
          "a: 1\nb: 2\n",
          "b", "3",
          "\xef\xbb\xbf"
          "a: 1\nb: 3\n");
}

TEST(items_of_lists_are_reached_by_their_number)
{
    UNUSED(state);
    EDITS("t:\n  - { after: 20%, raise: 1 }\n  - after: 40%\n    raise: 1\n", "t[1].after", "55%",
          "t:\n  - { after: 20%, raise: 1 }\n  - after: 55%\n    raise: 1\n");
    EDITS("t: [1, 2, 3]\n", "t[2]", "9", "t: [1, 2, 9]\n");
    REFUSES("t: [1, 2, 3]\n", "t[3]", "9", ERR_NOTFOUND);
    REFUSES("t: { a: 1 }\n", "t[0]", "9", ERR_NOTFOUND);
    REFUSES("t: { a: 1 }\n", "u[0].v", "9", ERR_NOTFOUND);
    REFUSES("t: { a: 1 }\n", "t[x]", "9", ERR_NOTFOUND);
}

TEST(names_with_dots_and_names_that_others_begin_with_are_told_apart)
{
    UNUSED(state);
    EDITS("q: { a: { w: 1 }, a.b: { w: 1 }, ab: { w: 1 } }\n", "q.a.b.w", "2", "q: { a: { w: 1 }, a.b: { w: 2 }, ab: { w: 1 } }\n");
    EDITS("q: { a: { w: 1 }, a.b: { w: 1 }, ab: { w: 1 } }\n", "q.a.w", "2", "q: { a: { w: 2 }, a.b: { w: 1 }, ab: { w: 1 } }\n");
    EDITS("q: { a: { w: 1 }, a.b: { w: 1 }, ab: { w: 1 } }\n", "q.ab.w", "2", "q: { a: { w: 1 }, a.b: { w: 1 }, ab: { w: 2 } }\n");
}

TEST(a_list_or_mapping_is_replaced_as_a_whole)
{
    UNUSED(state);
    EDITS("c: [a,\n  b] # which\nd: 1\n", "c", "[x]", "c: [x] # which\nd: 1\n");
    EDITS("q:\n  c:\n    - a\n    - b # last\n\n  # next\n  d: 1\n", "q.c", "[x, y]",
          "q:\n  c: [x, y] # last\n\n  # next\n  d: 1\n");
    EDITS("c:\n- a\n- b\nd: 1\n", "c", "[x]", "c: [x]\nd: 1\n");
    EDITS("c:\n  a: 1\n  b: 2\nd: 1\n", "c", "x", "c: x\nd: 1\n");
}

TEST(a_key_that_is_not_written_is_added_in_the_style_of_its_mapping)
{
    UNUSED(state);
    EDITS("q:\n  a:\n    t: default   # all\n\n  # the second\n  b: { t: x }\n", "q.a.weight", "2",
          "q:\n  a:\n    t: default   # all\n    weight: 2\n\n  # the second\n  b: { t: x }\n");
    EDITS("q:\n  a: 1\n  b: { t: x } # short\n", "q.b.weight", "2", "q:\n  a: 1\n  b: { t: x, weight: 2 } # short\n");
    EDITS("q: {}\n", "q.weight", "2", "q: { weight: 2 }\n");
    EDITS("q: { }\n", "q.weight", "2", "q: { weight: 2 }\n");
    EDITS("q: { a: [1, 2],\n     b: x,\n}\n", "q.c", "2", "q: { a: [1, 2],\n     b: x, c: 2,\n}\n");
    EDITS("g:\n  - group: x\n    age: 45s\n  - group: y\n", "g[0].reserve", "2",
          "g:\n  - group: x\n    age: 45s\n    reserve: 2\n  - group: y\n");
    EDITS("a: 1", "b", "2", "a: 1\nb: 2");
    EDITS("a: 1\r\nb:\r\n  c: 1 # x\r\nd: 1\r\n", "b.e", "2", "a: 1\r\nb:\r\n  c: 1 # x\r\n  e: 2\r\nd: 1\r\n");
}

TEST(a_key_is_added_behind_blocks_of_text_and_deeper_blocks)
{
    UNUSED(state);
    EDITS("q:\n  a:\n    text: |\n      one\n      two\n  b: 1\n", "q.a.w", "2",
          "q:\n  a:\n    text: |\n      one\n      two\n    w: 2\n  b: 1\n");
    EDITS("q:\n  a:\n    t:\n      - { after: 1s }\n      - after: 2s\n        raise: 1\n  b: 1\n", "q.a.w", "2",
          "q:\n  a:\n    t:\n      - { after: 1s }\n      - after: 2s\n        raise: 1\n    w: 2\n  b: 1\n");
    EDITS("a: |\n  one\n  two\nb: 1\n", "a", "x", "a: x\nb: 1\n");
}

TEST(missing_mappings_are_added_in_brackets)
{
    UNUSED(state);
    EDITS("q:\n  a:\n    t: x\n", "q.a.index.match", "2", "q:\n  a:\n    t: x\n    index: { match: 2 }\n");
    EDITS("q: { a: { t: x } }\n", "q.a.l.m.n", "2", "q: { a: { t: x, l: { m: { n: 2 } } } }\n");
    EDITS("q:\n  a:\n    index:\n  b: 1\n", "q.a.index.match", "2", "q:\n  a:\n    index: { match: 2 }\n  b: 1\n");
    EDITS("q:\n  a:\n  b: 1\n", "q.a", "2", "q:\n  a: 2\n  b: 1\n");
    EDITS("q:\n  a:  # nothing\n", "q.a", "2", "q:\n  a: 2  # nothing\n");
    EDITS("q: { a: , b: 1 }\n", "q.a", "2", "q: { a: 2, b: 1 }\n");
}

TEST(what_would_say_something_else_is_refused)
{
    UNUSED(state);
    REFUSES("a: [1\n", "a", "2", ERR_YAML);
    REFUSES("a: 1\n", "a", "2\nb: 3", ERR_YAML);
    REFUSES("q: { a: 1 }\n", "q.a", "2, b: 3", ERR_YAML);
    REFUSES("q: { a: 1 }\n", "q.a", "} ]", ERR_YAML);
    REFUSES("q: { a: 1 }\n", "q.b ", "2", ERR_YAML);
    REFUSES("q: { a: 1 }\n", "q.a", "2 # two", ERR_YAML);
    REFUSES("q: 1\n", "q", "", ERR_YAML);
    REFUSES("q: x\n", "q.a", "1", ERR_NOTFOUND);
    REFUSES("q: \"\"\n", "q.a", "1", ERR_NOTFOUND);
}

TEST(every_number_of_the_sample_can_be_set_where_it_stands)
{
    UNUSED(state);
    enum err e;
    static const char *const yaml = "queues:\n"
                                    "  billing: # 돈\n"
                                    "    takes: { intent: [refund_*] }\n"
                                    "    gate: [{ group: seniors, waiting: \">5\", age: 45s }]\n"
                                    "    timeline:\n"
                                    "      - { after: 20%, needs: { billing: 3 } }\n"
                                    "  chat: { takes: default, index: { match: 1 } }\n";
    static const char *const paths[] = { "queues.billing.gate[0].waiting", "queues.billing.gate[0].age",
                                         "queues.billing.gate[0].reserve", "queues.billing.timeline[0].after",
                                         "queues.billing.weight",          "queues.chat.weight",
                                         "queues.chat.index.match",        "queues.chat.index.idle" };
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        const char *out = edited(yaml, paths[i], "77", &e);
        assert_int_equal(e, ERR_OK);
        assert_non_null(strstr(out, "77"));
        assert_non_null(strstr(out, "# 돈\n"));
    }
}

/* ---- diffs ---- */

static const char *diff_of(const char *a, const char *b)
{
    static char text[4096];
    struct buf out;
    buf_init(&out, sizeof text);
    assert_int_equal(diff_unified(str_of(a), str_of(b), "a.yaml", "b.yaml", &out), ERR_OK);
    snprintf(text, sizeof text, "%s", buf_cstr(&out));
    buf_fini(&out);
    return text;
}
#define HEAD "--- a.yaml\n+++ b.yaml\n"

TEST(texts_that_are_equal_have_no_diff)
{
    UNUSED(state);
    assert_string_equal(diff_of("a\nb\n", "a\nb\n"), "");
    assert_string_equal(diff_of("", ""), "");
}

TEST(a_changed_line_stands_with_three_lines_around_it)
{
    UNUSED(state);
    assert_string_equal(diff_of("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nx\n6\n7\n8\n9\n"),
                        HEAD "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n");
    assert_string_equal(diff_of("1\n2\n", "1\nx\n2\n"), HEAD "@@ -1,2 +1,3 @@\n 1\n+x\n 2\n");
    assert_string_equal(diff_of("", "1\n"), HEAD "@@ -0,0 +1,1 @@\n+1\n");
    assert_string_equal(diff_of("1\n", ""), HEAD "@@ -1,1 +0,0 @@\n-1\n");
}

TEST(changes_that_are_far_apart_are_told_in_parts)
{
    UNUSED(state);
    assert_string_equal(diff_of("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n", "x\n2\n3\n4\n5\n6\n7\n8\n9\ny\n"),
                        HEAD "@@ -1,4 +1,4 @@\n-1\n+x\n 2\n 3\n 4\n@@ -7,4 +7,4 @@\n 7\n 8\n 9\n-10\n+y\n");
    assert_string_equal(diff_of("1\n2\n3\n4\n5\n6\n7\n8\n", "x\n2\n3\n4\n5\n6\n7\ny\n"),
                        HEAD "@@ -1,8 +1,8 @@\n-1\n+x\n 2\n 3\n 4\n 5\n 6\n 7\n-8\n+y\n");
}

TEST(a_last_line_without_its_end_is_told_as_patch_wants_it)
{
    UNUSED(state);
    assert_string_equal(diff_of("1\n2", "1\n3"),
                        HEAD "@@ -1,2 +1,2 @@\n 1\n-2\n\\ No newline at end of file\n+3\n\\ No newline at end of file\n");
    assert_string_equal(diff_of("1", "1\n"), HEAD "@@ -1,1 +1,1 @@\n-1\n\\ No newline at end of file\n+1\n");
}

TEST(texts_with_nothing_in_common_are_refused_beyond_a_bound)
{
    UNUSED(state);
    struct buf a, out;
    buf_init(&a, 1u << 20);
    buf_init(&out, 1u << 20);
    for (unsigned i = 0; i <= DIFF_EDITS; i++) buf_addf(&a, "%u\n", i);
    assert_int_equal(diff_unified(buf_str(&a), STR(""), "a", "b", &out), ERR_TOOBIG);
    assert_int_equal(out.n, 0);
    buf_fini(&a);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_written_value_is_replaced_and_nothing_else),
        cmocka_unit_test(items_of_lists_are_reached_by_their_number),
        cmocka_unit_test(names_with_dots_and_names_that_others_begin_with_are_told_apart),
        cmocka_unit_test(a_list_or_mapping_is_replaced_as_a_whole),
        cmocka_unit_test(a_key_that_is_not_written_is_added_in_the_style_of_its_mapping),
        cmocka_unit_test(a_key_is_added_behind_blocks_of_text_and_deeper_blocks),
        cmocka_unit_test(missing_mappings_are_added_in_brackets),
        cmocka_unit_test(what_would_say_something_else_is_refused),
        cmocka_unit_test(every_number_of_the_sample_can_be_set_where_it_stands),
        cmocka_unit_test(texts_that_are_equal_have_no_diff),
        cmocka_unit_test(a_changed_line_stands_with_three_lines_around_it),
        cmocka_unit_test(changes_that_are_far_apart_are_told_in_parts),
        cmocka_unit_test(a_last_line_without_its_end_is_told_as_patch_wants_it),
        cmocka_unit_test(texts_with_nothing_in_common_are_refused_beyond_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
