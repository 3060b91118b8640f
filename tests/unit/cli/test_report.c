#include "cli/report.h"
#include "tests/unit/cli/unit.h"

#include <math.h>

static char told[8192];

static char *names[] = { "refund", "배송", "login" };
static const struct measure_row rows[] = {
    { 0, 0, false, 0.9f, 0.9f }, { 0, 1, false, 0.6f, 0.9f },          { 1, 1, false, 0.8f, 0.9f },
    { 1, 1, true, 0.3f, 0.1f },  { MEASURE_OOS, 0, true, 0.2f, 0.1f },
};
static const struct report all = { rows, COUNT_OF(rows), names, 3, "oos" };

#define TOLD(call)                                                                                                                 \
    do {                                                                                                                           \
        struct capture c;                                                                                                          \
        capture_begin(&c, STDOUT_FILENO);                                                                                          \
        call;                                                                                                                      \
        capture_end(&c, told, sizeof told);                                                                                        \
    } while (0)

TEST(numbers_stand_in_a_column_and_undefined_ones_are_dashes)
{
    const struct report_row list[] = { { "n", 3100 }, { "accuracy", 1 }, { "ece", 0.01234 }, { "auroc", NAN } };

    UNUSED(state);
    TOLD(report_rows(list, COUNT_OF(list)));
    assert_string_equal(
        told, "  n                  3100\n  accuracy           1.0000\n  ece                0.0123\n  auroc              -\n");
}

TEST(undefined_numbers_are_null_in_json)
{
    const struct report_row list[] = { { "n", 2 }, { "auroc", NAN } };
    struct buf b;
    struct jw w;

    UNUSED(state);
    buf_init(&b, 1000);
    w = jw_on(&b);
    jw_open(&w, '{');
    report_rows_json(&w, list, COUNT_OF(list));
    jw_close(&w, '}');
    assert_string_equal(buf_cstr(&b), "{\"n\":2,\"auroc\":null}");
    buf_fini(&b);
}

TEST(labels_are_told_the_worst_first_and_those_that_never_occur_not_at_all)
{
    UNUSED(state);
    TOLD(report_classes(&all, 2));
    assert_string_equal(told, "      F1  precision  recall     rows  label\n"
                              "  0.5000     0.5000  0.5000        2  배송\n"
                              "  0.6667     1.0000  0.5000        2  refund\n");
    TOLD(report_classes(&all, 99));
    assert_null(strstr(told, "login"));
    assert_non_null(strstr(told, "        1  oos\n"));
}

TEST(mistakes_are_told_as_pairs)
{
    UNUSED(state);
    TOLD(report_pairs(&all, 10));
    assert_string_equal(told, "    rows  is → was called\n       1  refund → 배송\n       1  배송 → oos\n");
}

TEST(classes_and_mistakes_as_json)
{
    struct buf b;
    struct jw w;

    UNUSED(state);
    buf_init(&b, 10000);
    w = jw_on(&b);
    report_pairs_json(&w, &all, 1);
    assert_string_equal(buf_cstr(&b), "[{\"truth\":\"refund\",\"called\":\"배송\",\"rows\":1}]");
    buf_clear(&b);
    w = jw_on(&b);
    report_classes_json(&w, &all);
    assert_non_null(strstr(buf_cstr(&b), "{\"label\":\"refund\",\"rows\":2,\"precision\":1,\"recall\":0.5,\"f1\":0.666667}"));
    buf_fini(&b);
}

TEST(a_guess_that_was_none_has_a_name_too)
{
    UNUSED(state);
    assert_string_equal(report_name(&all, MEASURE_NONE), "(nothing)");
    assert_string_equal(report_name(&(struct report){ 0 }, MEASURE_OOS), "(out of scope)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_stand_in_a_column_and_undefined_ones_are_dashes),
        cmocka_unit_test(undefined_numbers_are_null_in_json),
        cmocka_unit_test(labels_are_told_the_worst_first_and_those_that_never_occur_not_at_all),
        cmocka_unit_test(mistakes_are_told_as_pairs),
        cmocka_unit_test(classes_and_mistakes_as_json),
        cmocka_unit_test(a_guess_that_was_none_has_a_name_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
