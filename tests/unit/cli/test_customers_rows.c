/* Files of customers, as other programs write them: CSV with quotes, CRLF and a byte order mark, JSON lines; and what is wrong with
 * them. */
#include "cli/customers_rows.h"
#include "tests/unit/cli/unit.h"

static struct buf out;
static char why[200];

static enum err opened(struct customers_file *f, const char *name, const void *p, size_t n)
{
    FILE *file = fopen(unit_path(name), "w");

    assert_non_null(file);
    assert_int_equal(fwrite(p, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
    *why = '\0';
    return customers_file_open(f, unit_path(name), why);
}

#define OPEN(f, name, text) opened((f), (name), (text), sizeof(text) - 1)

/* The next customer's JSON, or what is said against the row. */
static const char *next(struct customers_file *f, uint32_t at_line)
{
    uint32_t line = 0;

    buf_clear(&out);
    enum err e = customers_file_read(f, &out, &line, why);
    if (e == ERR_NOTFOUND) return NULL;
    assert_int_equal(line, at_line);
    return e ? why : buf_cstr(&out);
}

static int set_up(void **state)
{
    UNUSED(state);
    buf_init(&out, 1u << 20);
    return 0;
}

static int tear_down(void **state)
{
    UNUSED(state);
    buf_fini(&out);
    return 0;
}

TEST(quotes_line_ends_and_a_byte_order_mark_are_read_as_spreadsheets_write_them)
{
    static const char text[] = "\xEF\xBB\xBFid,name,account,identity,memo\r\n"
                               "c1,\"Kim, Minji\",mail,kim@x,\"said \"\"hi\"\"\r\ntwice\"\r\n"
                               "c1,,line,U1,\r\n\r\n"
                               "c2,이준,,,\r\n";
    struct customers_file f;

    UNUSED(state);
    assert_int_equal(OPEN(&f, "a.csv", text), ERR_OK);
    assert_string_equal(next(&f, 2),
                        "{\"id\":\"c1\",\"name\":\"Kim, Minji\",\"attributes\":{\"memo\":\"said \\\"hi\\\"\\r\\ntwice\"},"
                        "\"identities\":[{\"account\":\"mail\",\"id\":\"kim@x\"},{\"account\":\"line\",\"id\":\"U1\"}]}");
    assert_string_equal(next(&f, 6), "{\"id\":\"c2\",\"name\":\"이준\",\"attributes\":{},\"identities\":[]}");
    assert_null(next(&f, 0));
    customers_file_close(&f);
}

TEST(a_ragged_row_is_told_and_the_next_one_is_read)
{
    struct customers_file f;

    UNUSED(state);
    assert_int_equal(OPEN(&f, "a.csv", "id,name\nc1,Kim,more\nc2\n,Lee\n\"c3,Park\nc4,Choi"), ERR_OK);
    assert_string_equal(next(&f, 2), "3 cells, and the heading has 2");
    assert_string_equal(next(&f, 3), "1 cells, and the heading has 2");
    assert_string_equal(next(&f, 4), "the id is empty");
    assert_string_equal(next(&f, 5), "the row opens a quote that is not closed");
    assert_non_null(strstr(next(&f, 6), "\"c4\""));
    assert_null(next(&f, 0));
    customers_file_close(&f);
}

TEST(a_heading_that_says_too_little_or_twice_is_refused_with_a_sentence)
{
    static const char *const rows[][2] = {
        { "", "there is no heading" },
        { "name,tier\n", "the heading has no column \"id\": what your systems call a customer" },
        { "id,tier,name,tier\n", "the heading has \"tier\" twice" },
        { "id,account\n", "\"account\" and \"identity\" come together: what the customer is called on an account" },
        { "id,\"name\n", "the heading opens a quote that is not closed" },
    };
    struct customers_file f;

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(opened(&f, "a.csv", rows[i][0], strlen(rows[i][0])), ERR_PROTO);
        assert_string_equal(why, rows[i][1]);
        customers_file_close(&f);
    }
}

TEST(what_is_in_another_encoding_is_refused_and_how_to_turn_it_is_said)
{
    static const char how[] =
        "no text in UTF-8: save the file as \"CSV UTF-8\", or turn EUC-KR into it by `iconv -f CP949 -t UTF-8`";
    struct customers_file f;

    UNUSED(state);
    assert_int_equal(OPEN(&f, "a.csv", "id,name\nc1,\xB1\xE8\xB9\xCE\xC1\xF6\nc2,Kim\nc3,K\0m\n"), ERR_OK); /* 김민지 in EUC-KR */
    assert_string_equal(next(&f, 2), how);
    assert_non_null(strstr(next(&f, 3), "\"Kim\""));
    assert_string_equal(next(&f, 4), how);
    customers_file_close(&f);
    assert_int_equal(OPEN(&f, "a.csv", "id,\xC0\xCC\xB8\xA7\nc1,Kim\n"), ERR_PROTO);
    assert_string_equal(why + strlen("the heading is "), how);
    customers_file_close(&f);
    assert_int_equal(OPEN(&f, "a.jsonl", "{\"id\":\"\xB1\xE8\"}\n"), ERR_OK);
    assert_non_null(strstr(next(&f, 1), "no JSON"));
    customers_file_close(&f);
}

TEST(lines_of_json_are_passed_on_and_a_line_that_never_ends_costs_itself_alone)
{
    static char text[400000];
    struct customers_file f;

    UNUSED(state);
    int n = snprintf(text, sizeof text, "\xEF\xBB\xBF{\"id\":\"c1\"}\r\n[1]\n{\"id\":\n");
    memset(text + n, 'x', 300000);
    memcpy(text + n + 300000, "\n{\"id\":\"c2\"}", 12);
    assert_int_equal(opened(&f, "a.jsonl", text, (size_t)n + 300012), ERR_OK);
    assert_string_equal(next(&f, 1), "{\"id\":\"c1\"}");
    assert_string_equal(next(&f, 2), "a customer must be an object");
    assert_non_null(strstr(next(&f, 3), "no JSON"));
    assert_string_equal(next(&f, 4), "the row is too long");
    assert_string_equal(next(&f, 5), "{\"id\":\"c2\"}");
    assert_null(next(&f, 0));
    customers_file_close(&f);
    memcpy(text, "id\n", 3);
    assert_int_equal(opened(&f, "a.csv", text, (size_t)n + 300000), ERR_OK);
    while (next(&f, f.line) && strcmp(why, "the row is too long") != 0) continue;
    assert_string_equal(why, "the row is too long");
    customers_file_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(quotes_line_ends_and_a_byte_order_mark_are_read_as_spreadsheets_write_them, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_ragged_row_is_told_and_the_next_one_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_heading_that_says_too_little_or_twice_is_refused_with_a_sentence, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_in_another_encoding_is_refused_and_how_to_turn_it_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lines_of_json_are_passed_on_and_a_line_that_never_ends_costs_itself_alone, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, unit_dir_make, unit_dir_remove);
}
