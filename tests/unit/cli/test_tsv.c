#include "base/limits.h"
#include "cli/tsv.h"
#include "tests/unit/cli/unit.h"

#include <sys/stat.h>
#include <zlib.h>

static char told_text[65536]; /* by the last load, on stderr */

static const char *plain(const void *p, size_t n)
{
    FILE *f = fopen(unit_path("m.tsv"), "w");

    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    return unit_path("m.tsv");
}

static const char *zipped(const void *p, size_t n)
{
    gzFile f = gzopen(unit_path("m.tsv.gz"), "wb");

    assert_non_null(f);
    assert_int_equal(gzwrite(f, p, (unsigned)n), n);
    assert_int_equal(gzclose(f), Z_OK);
    return unit_path("m.tsv.gz");
}

/* Loads, with what is told kept in told_text. */
static enum err load(struct tsv *t, const char *path, const char *column)
{
    struct capture c;

    capture_begin(&c, STDERR_FILENO);
    enum err e = tsv_load(t, "test", path, column);
    capture_end(&c, told_text, sizeof told_text);
    return e;
}

#define LOAD(t, content, column) load((t), plain((content), sizeof(content) - 1), (column))

static void assert_told(const char *part)
{
    if (!strstr(told_text, part)) fail_msg("told \"%s\", not \"%s\"", told_text, part);
}

TEST(the_usual_column_is_found_whatever_its_place_and_case)
{
    struct tsv t;

    UNUSED(state);
    assert_int_equal(LOAD(&t, "label\tText\n1\thello\n2\tworld\n", NULL), ERR_OK);
    assert_int_equal(t.count, 2);
    assert_str(tsv_text(&t, 0), "hello");
    assert_str(tsv_text(&t, 1), "world");
    assert_str(tsv_text(&t, 2), "hello"); /* and again */
    assert_string_equal(told_text, "");
    tsv_fini(&t);
}

TEST(a_gzip_file_reads_as_the_plain_one)
{
    static const char content[] = "id\tdocument\n1\t좋아요\n2\tgood\n";
    struct tsv t;

    UNUSED(state);
    assert_int_equal(load(&t, zipped(content, sizeof content - 1), NULL), ERR_OK);
    assert_int_equal(t.count, 2);
    assert_str(tsv_text(&t, 0), "좋아요");
    tsv_fini(&t);
}

TEST(a_gzip_file_that_was_cut_off_is_refused)
{
    static char content[100000] = "text\n";
    struct tsv t;

    UNUSED(state);
    for (size_t i = 5; i < sizeof content; i++) content[i] = i % 11 ? (char)('a' + i * i % 26) : '\n';
    const char *path = zipped(content, sizeof content);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size / 2), 0);
    assert_int_equal(load(&t, path, NULL), ERR_USAGE);
    assert_told("damaged");
    tsv_fini(&t);
}

TEST(crlf_a_byte_order_mark_and_a_last_line_without_end_are_no_part_of_a_text)
{
    struct tsv t;

    UNUSED(state);
    assert_int_equal(LOAD(&t, "\xEF\xBB\xBFtext\tn\r\none\t1\r\ntwo\t2\r\n\r\nthree", NULL), ERR_OK);
    assert_int_equal(t.count, 3);
    assert_str(tsv_text(&t, 0), "one");
    assert_str(tsv_text(&t, 1), "two");
    assert_str(tsv_text(&t, 2), "three");
    assert_int_equal(t.empty, 1);
    tsv_fini(&t);
}

TEST(bad_utf8_empty_and_overlong_rows_are_skipped_counted_and_told)
{
    static char content[LIM_TEXT + 200] = "text\nfine\n\xC3\x28\n\xED\xA0\x80\n\n";
    struct tsv t;

    UNUSED(state);
    size_t n = strlen(content);
    memset(content + n, 'x', LIM_TEXT + 1);
    assert_int_equal(load(&t, plain(content, n + LIM_TEXT + 1), NULL), ERR_OK);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.bad_utf8, 2);
    assert_int_equal(t.empty, 1);
    assert_int_equal(t.too_long, 1);
    assert_int_equal(tsv_skipped(&t), 4);
    assert_told("naru test: skipped bad_utf8=2 empty=1 too_long=1");
    tsv_fini(&t);
}

TEST(a_text_as_long_as_allowed_is_sent)
{
    static char content[LIM_TEXT + 5] = "text\n";
    struct tsv t;

    UNUSED(state);
    memset(content + 5, 'x', LIM_TEXT);
    assert_int_equal(load(&t, plain(content, sizeof content), NULL), ERR_OK);
    assert_int_equal(tsv_text(&t, 0).n, LIM_TEXT);
    tsv_fini(&t);
}

TEST(without_a_usual_name_the_first_column_is_taken_and_the_first_line_is_not_sent)
{
    struct tsv t;

    UNUSED(state);
    assert_int_equal(LOAD(&t, "where is my card\tcards\nno money left\tcash\n", NULL), ERR_OK);
    assert_int_equal(t.count, 1);
    assert_str(tsv_text(&t, 0), "no money left");
    tsv_fini(&t);
}

TEST(a_column_is_wanted_by_name_or_by_number)
{
    static const char content[] = "a\tb\tc\n1\t2\t3\n";
    struct tsv t;

    UNUSED(state);
    assert_int_equal(LOAD(&t, content, "B"), ERR_OK);
    assert_str(tsv_text(&t, 0), "2");
    tsv_fini(&t);
    assert_int_equal(LOAD(&t, content, "3"), ERR_OK);
    assert_str(tsv_text(&t, 0), "3");
    tsv_fini(&t);
}

TEST(an_unknown_column_is_named_with_those_that_are_there)
{
    static const char *const wrong[] = { "txt", "0", "3", "" };
    struct tsv t;

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        char told[96];
        snprintf(told, sizeof told, ": --text %s is no column", wrong[i]);
        assert_int_equal(LOAD(&t, "label\ttext\n1\thello\n", wrong[i]), ERR_USAGE);
        assert_told(told);
        assert_told("; the columns are: label, text");
        tsv_fini(&t);
    }
}

TEST(a_line_shorter_than_the_column_counts_as_empty)
{
    struct tsv t;

    UNUSED(state);
    assert_int_equal(LOAD(&t, "a\ttext\n1\n2\thello\n", NULL), ERR_OK);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.empty, 1);
    tsv_fini(&t);
}

TEST(what_json_cannot_hold_is_escaped)
{
    struct tsv t;

    UNUSED(state);
    assert_int_equal(LOAD(&t, "text\nsay \"hi\" \\ now\x01!\n", NULL), ERR_OK);
    assert_str(tsv_text(&t, 0), "say \\\"hi\\\" \\\\ now\\u0001!");
    tsv_fini(&t);
}

TEST(nothing_to_send_is_told)
{
    struct tsv t;

    UNUSED(state);
    assert_int_equal(LOAD(&t, "", NULL), ERR_USAGE);
    assert_told("is empty");
    tsv_fini(&t);
    assert_int_equal(LOAD(&t, "text\n", NULL), ERR_USAGE);
    assert_told("has no text to send");
    tsv_fini(&t);
    assert_int_equal(load(&t, unit_path("absent.tsv"), NULL), ERR_USAGE);
    assert_told("absent.tsv: No such file");
    tsv_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_usual_column_is_found_whatever_its_place_and_case),
        cmocka_unit_test(a_gzip_file_reads_as_the_plain_one),
        cmocka_unit_test(a_gzip_file_that_was_cut_off_is_refused),
        cmocka_unit_test(crlf_a_byte_order_mark_and_a_last_line_without_end_are_no_part_of_a_text),
        cmocka_unit_test(bad_utf8_empty_and_overlong_rows_are_skipped_counted_and_told),
        cmocka_unit_test(a_text_as_long_as_allowed_is_sent),
        cmocka_unit_test(without_a_usual_name_the_first_column_is_taken_and_the_first_line_is_not_sent),
        cmocka_unit_test(a_column_is_wanted_by_name_or_by_number),
        cmocka_unit_test(an_unknown_column_is_named_with_those_that_are_there),
        cmocka_unit_test(a_line_shorter_than_the_column_counts_as_empty),
        cmocka_unit_test(what_json_cannot_hold_is_escaped),
        cmocka_unit_test(nothing_to_send_is_told),
    };
    return cmocka_run_group_tests(tests, unit_dir_make, unit_dir_remove);
}
