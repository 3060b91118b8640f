#include "cli/table.h"
#include "tests/unit/cli/unit.h"

static char told_text[65536]; /* by the last opening, on stderr */

static enum err open_bytes(struct table *t, const char *name, const void *p, size_t n)
{
    static char path[256];
    struct capture c;

    snprintf(path, sizeof path, "%s", unit_path(name));
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    capture_begin(&c, STDERR_FILENO);
    enum err e = table_open(t, "test", path);
    capture_end(&c, told_text, sizeof told_text);
    return e;
}

#define OPEN(t, name, content) open_bytes((t), (name), (content), sizeof(content) - 1)

static int column_told(const struct table *t, const char *wanted)
{
    struct capture c;

    capture_begin(&c, STDERR_FILENO);
    int found = table_column_told(t, "test", "label", wanted);
    capture_end(&c, told_text, sizeof told_text);
    return found;
}

static void assert_told(const char *part)
{
    if (!strstr(told_text, part)) fail_msg("told \"%s\", not \"%s\"", told_text, part);
}

/* The next row is `line`, with these two first cells. */
static void assert_row(struct table *t, uint32_t line, const char *a, const char *b)
{
    static const int columns[] = { 0, 1 };
    struct table_row row;

    assert_true(table_next(t, columns, 2, &row));
    assert_int_equal(row.line, line);
    if (row.bad) fail_msg("line %u is bad: %s", line, row.bad);
    assert_str(row.cell[0], a);
    assert_str(row.cell[1], b);
}

static void assert_bad(struct table *t, uint32_t line, const char *why)
{
    int column = 0;
    struct table_row row;

    assert_true(table_next(t, &column, 1, &row));
    assert_int_equal(row.line, line);
    assert_non_null(row.bad);
    assert_string_equal(row.bad, why);
}

static void assert_end(struct table *t)
{
    int column = 0;
    struct table_row row;

    assert_false(table_next(t, &column, 1, &row));
    assert_false(table_next(t, &column, 1, &row));
}

TEST(a_tab_ends_a_cell_and_quotes_mean_nothing_in_tsv)
{
    struct table t;

    UNUSED(state);
    assert_int_equal(OPEN(&t, "q.tsv", "\xEF\xBB\xBFtext\tlabel\r\n\"a\tb\r\nc \"\"d\"\te\n"), ERR_OK);
    assert_int_equal(t.count, 2);
    assert_row(&t, 2, "\"a", "b");
    assert_row(&t, 3, "c \"\"d\"", "e");
    assert_end(&t);
    table_fini(&t);
}

TEST(csv_cells_may_hold_commas_quotes_and_line_ends)
{
    struct table t;

    UNUSED(state);
    assert_int_equal(
        OPEN(&t, "q.csv",
             "text,\"la\"\"bel\"\r\n\"a, b\",1\r\n\"say \"\"hi\"\"\",2\n\"two\nlines\r\n\",\"3\"\r\n,\"\"\nit's 5\" tall,4"),
        ERR_OK);
    assert_str(t.names[1], "la\"bel");
    assert_row(&t, 2, "a, b", "1");
    assert_row(&t, 3, "say \"hi\"", "2");
    assert_row(&t, 4, "two\nlines\r\n", "3");
    assert_row(&t, 7, "", "");
    assert_row(&t, 8, "it's 5\" tall", "4");
    assert_end(&t);
    table_fini(&t);
}

TEST(a_quote_that_is_never_closed_costs_one_line)
{
    struct table t;

    UNUSED(state);
    assert_int_equal(OPEN(&t, "open.csv", "text,label\n\"oops,1\nfine,2\n\"a\"b,3\nlast,4\n"), ERR_OK);
    assert_bad(&t, 2, "has text behind a closing quote"); /* the next quote, two lines on, closes it */
    assert_row(&t, 3, "fine", "2");
    assert_bad(&t, 4, "has text behind a closing quote");
    assert_row(&t, 5, "last", "4");
    table_fini(&t);
    assert_int_equal(OPEN(&t, "open.csv", "text,label\n\"oops,1\nfine,2\n"), ERR_OK);
    assert_bad(&t, 2, "opens a quote that is not closed");
    assert_row(&t, 3, "fine", "2");
    assert_end(&t);
    table_fini(&t);
}

static void longest_row(const char *name)
{
    static char content[2 * TABLE_ROW + 64];
    struct table t;
    size_t n = (size_t)sprintf(content, "text\n");

    memset(content + n, 'x', TABLE_ROW), n += TABLE_ROW;
    content[n++] = '\n';
    memset(content + n, 'x', TABLE_ROW + 1), n += TABLE_ROW + 1;
    n += (size_t)sprintf(content + n, "\nlast\n");
    assert_int_equal(open_bytes(&t, name, content, n), ERR_OK);
    int column = 0;
    struct table_row row;
    assert_true(table_next(&t, &column, 1, &row));
    assert_null(row.bad);
    assert_int_equal(row.cell[0].n, TABLE_ROW);
    assert_bad(&t, 3, "is too long");
    assert_true(table_next(&t, &column, 1, &row));
    assert_str(row.cell[0], "last");
    assert_end(&t);
    table_fini(&t);
}

TEST(a_row_of_a_mebibyte_is_read_and_a_longer_one_named)
{
    UNUSED(state);
    longest_row("long.tsv");
    longest_row("long.csv");
}

TEST(a_row_without_the_column_has_no_cell_and_an_empty_one_an_empty_cell)
{
    static const int columns[] = { 2, 0, -1 };
    struct table t;
    struct table_row row;

    UNUSED(state);
    assert_int_equal(OPEN(&t, "short.tsv", "a\tb\tc\n1\t2\n1\t2\t\n\n"), ERR_OK);
    assert_true(table_next(&t, columns, 3, &row));
    assert_null(row.cell[0].p);
    assert_str(row.cell[1], "1");
    assert_null(row.cell[2].p);
    assert_true(table_next(&t, columns, 3, &row));
    assert_non_null(row.cell[0].p);
    assert_int_equal(row.cell[0].n, 0);
    assert_true(table_next(&t, columns, 3, &row));
    assert_int_equal(row.line, 4);
    assert_int_equal(row.cell[1].n, 0);
    assert_end(&t);
    table_fini(&t);
}

TEST(a_column_is_known_by_name_whatever_its_case_or_by_number)
{
    struct table t;

    UNUSED(state);
    assert_int_equal(OPEN(&t, "c.tsv", "Text\t Intent \t2\n"), ERR_OK);
    assert_int_equal(table_column(&t, "text"), 0);
    assert_int_equal(table_column(&t, "INTENT"), 1);
    assert_int_equal(table_column(&t, "2"), 2); /* a name before a number */
    assert_int_equal(table_column(&t, "1"), 0);
    assert_int_equal(table_column(&t, "4"), -1);
    assert_int_equal(table_column(&t, "0"), -1);
    assert_int_equal(table_column(&t, ""), -1);
    assert_int_equal(column_told(&t, "intnet"), -1);
    assert_told("c.tsv: --label intnet is no column (did you mean \"Intent\"?); the columns are: Text, Intent, 2\n");
    table_fini(&t);
}

TEST(commas_in_a_file_that_is_not_named_csv_are_remarked)
{
    struct table t;

    UNUSED(state);
    assert_int_equal(OPEN(&t, "c.txt", "text,intent\nhello,greet\n"), ERR_OK);
    assert_int_equal(column_told(&t, "intent"), -1);
    assert_told("files whose name ends in .csv");
    table_fini(&t);
}

TEST(files_that_cannot_be_a_table_are_refused_with_the_reason)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *why;
    } wrong[] = { { "", 0, "is empty" },
                  { "\xEF\xBB\xBF", 3, "is empty" },
                  { "\xFF\xFEt\0", 4, "is UTF-16; save it as UTF-8" },
                  { "\x1F\x8B\x08\x00 no gzip", 12, "damaged" } };
    struct table t;

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_equal(open_bytes(&t, "w.tsv", wrong[i].bytes, wrong[i].n), ERR_USAGE);
        assert_told(wrong[i].why);
        table_fini(&t);
    }
    struct capture c;
    capture_begin(&c, STDERR_FILENO);
    assert_int_equal(table_open(&t, "test", unit_dir), ERR_USAGE); /* a folder */
    capture_end(&c, told_text, sizeof told_text);
    assert_told(unit_dir);
    table_fini(&t);
}

TEST(any_number_of_columns_up_to_the_limit)
{
    static char content[4096];
    struct table t;

    UNUSED(state);
    memset(content, '\t', sizeof content);
    assert_int_equal(open_bytes(&t, "wide.tsv", content, TABLE_NAMES - 1), ERR_OK);
    assert_int_equal(t.count, TABLE_NAMES);
    table_fini(&t);
    assert_int_equal(open_bytes(&t, "wide.tsv", content, TABLE_NAMES), ERR_USAGE);
    assert_told("more than 1024 columns");
    table_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tab_ends_a_cell_and_quotes_mean_nothing_in_tsv),
        cmocka_unit_test(csv_cells_may_hold_commas_quotes_and_line_ends),
        cmocka_unit_test(a_quote_that_is_never_closed_costs_one_line),
        cmocka_unit_test(a_row_of_a_mebibyte_is_read_and_a_longer_one_named),
        cmocka_unit_test(a_row_without_the_column_has_no_cell_and_an_empty_one_an_empty_cell),
        cmocka_unit_test(a_column_is_known_by_name_whatever_its_case_or_by_number),
        cmocka_unit_test(commas_in_a_file_that_is_not_named_csv_are_remarked),
        cmocka_unit_test(files_that_cannot_be_a_table_are_refused_with_the_reason),
        cmocka_unit_test(any_number_of_columns_up_to_the_limit),
    };
    return cmocka_run_group_tests(tests, unit_dir_make, unit_dir_remove);
}
