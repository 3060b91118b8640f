#include "cli/labelled.h"
#include "tests/unit/cli/unit.h"

static char told_text[65536]; /* by the last reading, on stderr */
static char path_text[256];

static const char *written(const char *name, const void *p, size_t n)
{
    snprintf(path_text, sizeof path_text, "%s", unit_path(name));
    FILE *f = fopen(path_text, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    return path_text;
}

static enum err read_into(struct labelled *l, const struct labelled_cfg *cfg, const char *bytes, size_t n)
{
    const char *path = written("l.tsv", bytes, n);
    struct capture c;

    labelled_init(l);
    capture_begin(&c, STDERR_FILENO);
    enum err e = labelled_read(l, cfg, &path, 1);
    capture_end(&c, told_text, sizeof told_text);
    return e;
}

#define READ(l, cfg, bytes) read_into((l), (cfg), (bytes), sizeof(bytes) - 1)

static const struct labelled_cfg plain = { .who = "test", .text = "text", .label = "label" };

static void assert_told(const char *part)
{
    if (!strstr(told_text, part)) fail_msg("told \"%s\", not \"%s\"", told_text, part);
}

TEST(rows_become_examples_with_numbered_labels)
{
    struct labelled l;

    UNUSED(state);
    assert_int_equal(READ(&l, &plain, "label\ttext\nb\tone\na \ttwo\nb\tthree\n"), ERR_OK);
    assert_int_equal(l.count, 3);
    assert_str(l.rows[1].text, "two");
    assert_int_equal(l.rows[0].label, 0);
    assert_int_equal(l.rows[1].label, 1);
    assert_int_equal(l.rows[2].label, 0);
    assert_int_equal(l.places[2].line, 4);
    assert_string_equal(told_text, "");
    assert_int_equal(labelled_settle(&l, NULL), ERR_OK);
    assert_string_equal(l.labels.names[0], "a");
    assert_int_equal(l.rows[0].label, 1);
    assert_int_equal(l.rows[1].label, 0);
    assert_int_equal(labels_find(&l.labels, STR("b")), 1);
    labelled_fini(&l);
}

TEST(bad_rows_are_named_by_line_and_counted_by_reason)
{
    struct labelled l;

    UNUSED(state);
    assert_int_equal(READ(&l, &plain, "text\tlabel\nfine\ta\nshort\n \ta\nx\t \nb\xC3\x28\ta\nn\0l\ta\nfine\tb\xFF\n"), ERR_OK);
    assert_int_equal(l.count, 1);
    assert_told("l.tsv:3: no such column in this row\n");
    assert_told("l.tsv:4: empty text\n");
    assert_told("l.tsv:5: empty label\n");
    assert_told("l.tsv:6: the text is not UTF-8\n");
    assert_told("l.tsv:7: a NUL byte in the text\n");
    assert_told("l.tsv:8: the label is not UTF-8\n");
    assert_told("6 rows were not used (no such column in this row: 1; empty text: 1;");
    assert_int_equal(l.bad.total, 6);
    labelled_fini(&l);
}

TEST(the_first_ten_bad_rows_are_told_and_the_others_counted)
{
    struct labelled l;
    char content[1024] = "text\tlabel\nfine\ta\n";

    UNUSED(state);
    for (int i = 0; i < 25; i++) strcat(content, "\ta\n");
    assert_int_equal(read_into(&l, &plain, content, strlen(content)), ERR_OK);
    assert_told("l.tsv:12: empty text\n");
    if (strstr(told_text, "l.tsv:13:")) fail_msg("more than ten told");
    assert_told("l.tsv: … and 15 more\n");
    assert_told("25 rows were not used (empty text: 25)");
    labelled_fini(&l);
}

TEST(nothing_left_is_an_error)
{
    struct labelled l;

    UNUSED(state);
    assert_int_equal(READ(&l, &plain, "text\tlabel\n\ta\n"), ERR_USAGE);
    assert_told("no row is left");
    labelled_fini(&l);
}

TEST(the_oos_label_is_no_label)
{
    struct labelled_cfg cfg = plain;
    struct labelled l;

    UNUSED(state);
    cfg.oos = "oos";
    assert_int_equal(READ(&l, &cfg, "text\tlabel\nx\ta\ny\toos\n"), ERR_OK);
    assert_int_equal(l.labels.count, 1);
    assert_int_equal(l.rows[1].label, LEARN_OOS);
    assert_int_equal(l.oos, 1);
    labelled_fini(&l);
}

TEST(labels_are_renamed_before_they_are_judged)
{
    struct labelled_cfg cfg = plain;
    struct labelled l;

    UNUSED(state);
    cfg.map = "0=negative, 2 = positive,drop=oos";
    cfg.only = labelled_only(MODEL_SENTIMENT);
    cfg.oos = "oos";
    assert_int_equal(READ(&l, &cfg, "text\tlabel\na\t2\nb\t0\nc\tneutral\nd\tdrop\n"), ERR_OK);
    assert_int_equal(labelled_settle(&l, cfg.only), ERR_OK);
    assert_string_equal(l.labels.names[0], "negative");
    assert_string_equal(l.labels.names[1], "neutral");
    assert_string_equal(l.labels.names[2], "positive");
    assert_int_equal(l.rows[0].label, 2);
    assert_int_equal(l.rows[3].label, LEARN_OOS);
    labelled_fini(&l);
    cfg.map = "0:negative";
    assert_int_equal(READ(&l, &cfg, "text\tlabel\na\t2\n"), ERR_USAGE);
    assert_told("--map: \"0:negative\" is not FROM=TO");
    labelled_fini(&l);
}

TEST(a_label_that_the_kind_does_not_know_stops_all_with_the_nearest)
{
    struct labelled_cfg cfg = plain;
    struct labelled l;

    UNUSED(state);
    cfg.only = labelled_only(MODEL_URGENCY);
    assert_int_equal(READ(&l, &cfg, "text\tlabel\na\thigh\nb\thihg\nc\t7\n"), ERR_USAGE);
    assert_told("l.tsv:3: not a label of this kind: \"hihg\" (did you mean \"high\"?)\n");
    assert_told("l.tsv:4: not a label of this kind: \"7\" (known: low normal high critical; --map \"7=WORD\" renames)\n");
    assert_told("nothing was done");
    labelled_fini(&l);
}

TEST(a_label_of_more_than_64_bytes_is_taken_for_a_wrong_column)
{
    struct labelled l;

    UNUSED(state);
    assert_int_equal(READ(&l, &plain, "text\tlabel\na\t0123456789012345678901234567890123456789012345678901234567890123\n"),
                     ERR_OK);
    labelled_fini(&l);
    assert_int_equal(READ(&l, &plain, "text\tlabel\na\t01234567890123456789012345678901234567890123456789012345678901234\n"),
                     ERR_USAGE);
    assert_told("l.tsv:2: a label of 65 bytes (at most 64): is --label the right column?");
    labelled_fini(&l);
}

TEST(more_labels_than_a_model_has_are_refused)
{
    static char content[100000];
    size_t n = (size_t)sprintf(content, "text\tlabel\n");
    struct labelled l;

    UNUSED(state);
    for (unsigned i = 0; i <= MODEL_LABELS_MAX; i++) n += (size_t)sprintf(content + n, "x\tlabel-%u\n", i);
    assert_int_equal(read_into(&l, &plain, content, n), ERR_USAGE);
    assert_told("more than 4096 labels");
    labelled_fini(&l);
}

TEST(several_files_add_up_and_keep_their_lines)
{
    char one[256], two[256];
    struct labelled l;

    UNUSED(state);
    strcpy(one, written("one.tsv", "text\tlabel\na\tx\n", 15));
    strcpy(two, written("two.csv", "label,text\ny,\"b, c\"\n", 20));
    const char *const paths[] = { one, two };
    labelled_init(&l);
    assert_int_equal(labelled_read(&l, &plain, paths, 2), ERR_OK);
    assert_int_equal(l.count, 2);
    assert_str(l.rows[1].text, "b, c");
    assert_int_equal(l.places[1].file, 1);
    assert_int_equal(l.places[1].line, 2);
    labelled_fini(&l);
}

TEST(further_columns_are_kept_when_wanted)
{
    struct labelled_cfg cfg = plain;
    struct labelled l;

    UNUSED(state);
    cfg.subject = "title";
    assert_int_equal(READ(&l, &cfg, "title\ttext\tlabel\nhi\ta\tx\n"), ERR_OK);
    assert_str(l.more[0].cell[LABELLED_SUBJECT], "hi");
    assert_null(l.more[0].cell[LABELLED_LANGUAGE].p);
    labelled_fini(&l);
    cfg.language = "lang";
    assert_int_equal(READ(&l, &cfg, "title\ttext\tlabel\nhi\ta\tx\n"), ERR_USAGE);
    assert_told("--language lang is no column");
    labelled_fini(&l);
}

TEST(rows_from_elsewhere_are_added_with_their_weight)
{
    struct labelled l;

    UNUSED(state);
    assert_int_equal(READ(&l, &plain, "text\tlabel\na\tx\n"), ERR_OK);
    assert_int_equal(labelled_add(&l, STR("more"), STR("new"), 3), ERR_OK);
    assert_int_equal(l.rows[1].label, 1);
    assert_true(l.rows[1].weight == 3);
    labelled_fini(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_become_examples_with_numbered_labels),
        cmocka_unit_test(bad_rows_are_named_by_line_and_counted_by_reason),
        cmocka_unit_test(the_first_ten_bad_rows_are_told_and_the_others_counted),
        cmocka_unit_test(nothing_left_is_an_error),
        cmocka_unit_test(the_oos_label_is_no_label),
        cmocka_unit_test(labels_are_renamed_before_they_are_judged),
        cmocka_unit_test(a_label_that_the_kind_does_not_know_stops_all_with_the_nearest),
        cmocka_unit_test(a_label_of_more_than_64_bytes_is_taken_for_a_wrong_column),
        cmocka_unit_test(more_labels_than_a_model_has_are_refused),
        cmocka_unit_test(several_files_add_up_and_keep_their_lines),
        cmocka_unit_test(further_columns_are_kept_when_wanted),
        cmocka_unit_test(rows_from_elsewhere_are_added_with_their_weight),
    };
    return cmocka_run_group_tests(tests, unit_dir_make, unit_dir_remove);
}
