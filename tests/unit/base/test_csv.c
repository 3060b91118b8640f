#include "base/csv.h"
#include "tests/unit/base/unit.h"

#include <stdlib.h>

/* What csv_put writes of a text, to be freed. */
static char *written(const char *text)
{
    char *out = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&out, &n);

    assert_non_null(f);
    csv_put(f, text);
    fclose(f);
    return out;
}

TEST(a_text_is_written_in_quotes_only_where_it_needs_them)
{
    static const char *const rows[][2] = { { "minji", "minji" },     { "", "" },
                                           { "a b;c", "a b;c" },     { "a,b", "\"a,b\"" },
                                           { "a\"b", "\"a\"\"b\"" }, { "a\nb\r", "\"a\nb\r\"" } };

    UNUSED(state);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *out = written(rows[i][0]);
        assert_string_equal(out, rows[i][1]);
        free(out);
    }
}

TEST(what_is_written_is_read_back_as_one_cell)
{
    static const char *const texts[] = { "a,b", "\"", "\"\"x", "two\nlines", "상담, 하나" };

    UNUSED(state);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *out = written(texts[i]);
        struct csv_row row = csv_row(out, strlen(out), 64);
        struct str rest = { out, row.n }, cell;
        assert_null(row.bad);
        assert_false(csv_cell(&rest, &cell));
        assert_int_equal(cell.n, strlen(texts[i]));
        assert_memory_equal(cell.p, texts[i], cell.n);
        free(out);
    }
}

TEST(a_quote_that_is_not_closed_costs_its_own_line)
{
    static const char text[] = "\"open,1\nnext,2\n";
    struct csv_row row = csv_row(text, sizeof text - 1, 64);

    UNUSED(state);
    assert_non_null(row.bad);
    assert_int_equal(row.step, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_written_in_quotes_only_where_it_needs_them),
        cmocka_unit_test(what_is_written_is_read_back_as_one_cell),
        cmocka_unit_test(a_quote_that_is_not_closed_costs_its_own_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
