#include "tests/unit/triage/unit.h"
#include "workers/triage/measure.h"

#include <math.h>

#define OOS          MEASURE_OOS
#define NONE         MEASURE_NONE
#define COUNT_OF(a)  ((uint32_t)(sizeof(a) / sizeof *(a)))
#define NEAR(a, b)   assert_true(fabs((a) - (b)) < 1e-6)
#define UNDEFINED(a) assert_true(isnan(a))

static struct measured of(const struct measure_row *rows, uint32_t count, uint32_t labels)
{
    struct measured m;
    assert_int_equal(measure(&m, rows, count, labels), ERR_OK);
    return m;
}

TEST(without_rows_out_of_scope_the_guess_counts_whatever_the_threshold_says)
{
    static const struct measure_row rows[] = {
        { 0, 0, false, 0.9f, 0.9f }, { 0, 0, true, 0.3f, 0.2f }, { 0, 1, false, 0.6f, 0.7f },
        { 1, 1, false, 0.8f, 0.8f }, { 2, 1, true, 0.4f, 0.1f },
    };
    struct measured m = of(rows, 5, 3);
    assert_int_equal(m.n, 5);
    assert_int_equal(m.in_scope, 5);
    NEAR(m.accuracy, 3.0 / 5);
    NEAR(m.in_scope_accuracy, 2.0 / 5);
    /* label 0: 2 of 3, all called so: F1 4/5; label 1: 1 of 1, 3 called: 2/4; label 2: never called: 0 */
    NEAR(m.macro_f1, (0.8 + 0.5 + 0) / 3);
    UNDEFINED(m.oos_recall);
    UNDEFINED(m.auroc);
}

TEST(with_rows_out_of_scope_that_is_a_label_like_others)
{
    static const struct measure_row rows[] = {
        { 0, 0, false, 0.9f, 0.9f },  { 0, 0, true, 0.3f, 0.35f },   { 1, 1, false, 0.8f, 0.8f },
        { OOS, 0, true, 0.4f, 0.1f }, { OOS, 1, false, 0.5f, 0.6f },
    };
    struct measured m = of(rows, 5, 2);
    assert_int_equal(m.in_scope, 3);
    assert_int_equal(m.out_of_scope, 2);
    NEAR(m.accuracy, 3.0 / 5);
    NEAR(m.in_scope_accuracy, 2.0 / 3);
    NEAR(m.oos_recall, 0.5);
    /* 0: 1 of 2, 1 called: 2/3; 1: 1 of 1, 2 called: 2/3; oos: 1 of 2, 2 called: 1/2 */
    NEAR(m.macro_f1, (2.0 / 3 + 2.0 / 3 + 0.5) / 3);
    /* pairs in scope above out: 0.9 > both, 0.35 > 0.1 only, 0.8 > both: 5 of 6 */
    NEAR(m.auroc, 5.0 / 6);
}

TEST(equal_scores_count_half)
{
    static const struct measure_row rows[] = {
        { 0, 0, false, 1, 0.5f },   { 0, 0, false, 1, 0.7f }, { OOS, 0, false, 1, 0.5f },
        { OOS, 0, false, 1, 0.7f }, { 0, 0, false, 1, NAN },
    };
    struct measured m = of(rows, 4, 1);
    /* 0.5: half against 0.5, loses against 0.7; 0.7: wins, half: 2 of 4 */
    NEAR(m.auroc, 0.5);
    NEAR(of(rows, 5, 1).auroc, 0.5); /* a row without a score does not count */
}

TEST(calibration_compares_the_mean_p_of_a_bin_with_the_share_that_was_right)
{
    static const struct measure_row rows[] = {
        /* bin 14 (from 14/15): mean p 0.975, half right */
        { 0, 0, false, 0.95f, 1 },
        { 0, 1, false, 1.0f, 1 },
        /* bin 7 (0.4667 to 0.5333): 0.5, right, though called out of scope */
        { 1, 1, true, 0.5f, 0 },
        /* these do not count */
        { OOS, 1, false, 0.9f, 1 },
        { 0, NONE, true, 0.9f, 0 },
        { 0, 0, false, NAN, 0 },
    };
    NEAR(of(rows, COUNT_OF(rows), 2).ece, (fabs(1.95 - 1) + 0.5) / 3);
    UNDEFINED(of(rows + 3, 3, 2).ece);
}

TEST(a_row_without_a_guess_is_wrong)
{
    static const struct measure_row rows[] = { { 0, NONE, false, NAN, NAN }, { 0, 0, false, 0.5f, NAN } };
    struct measured m = of(rows, 2, 1);
    NEAR(m.accuracy, 0.5);
    NEAR(m.in_scope_accuracy, 0.5);
    NEAR(m.macro_f1, 2.0 / 3);
}

TEST(no_row_at_all_leaves_every_figure_undefined)
{
    struct measured m = of(NULL, 0, 3);
    assert_int_equal(m.n, 0);
    UNDEFINED(m.accuracy);
    UNDEFINED(m.macro_f1);
    UNDEFINED(m.in_scope_accuracy);
    UNDEFINED(m.ece);
    UNDEFINED(measure_kappa(NULL, 0, 4));
    UNDEFINED(measure_recall_from(NULL, 0, 2, 4));
}

TEST(only_rows_out_of_scope)
{
    static const struct measure_row rows[] = { { OOS, 0, true, 0.2f, 0.1f }, { OOS, 0, false, 0.2f, 0.9f } };
    struct measured m = of(rows, 2, 1);
    NEAR(m.accuracy, 0.5);
    NEAR(m.oos_recall, 0.5);
    NEAR(m.macro_f1, 2.0 / 3);
    UNDEFINED(m.in_scope_accuracy);
    UNDEFINED(m.auroc);
}

TEST(classes_say_what_was_so_what_was_called_so_and_both)
{
    static const struct measure_row rows[] = {
        { 0, 0, false, 1, 1 }, { 0, 1, false, 1, 1 }, { 1, 1, false, 1, 1 }, { OOS, 1, true, 1, 0 }, { OOS, 1, false, 1, 1 },
    };
    struct measure_class c[4];
    measure_classes(c, rows, COUNT_OF(rows), 3);
    assert_int_equal(c[1].label, 1);
    assert_int_equal(c[1].support, 1);
    assert_int_equal(c[1].called, 3);
    assert_int_equal(c[1].right, 1);
    NEAR(c[1].precision, 1.0 / 3);
    NEAR(c[1].recall, 1);
    NEAR(c[1].f1, 0.5);
    UNDEFINED(c[2].precision);
    UNDEFINED(c[2].recall);
    UNDEFINED(c[2].f1);
    assert_int_equal(c[3].label, OOS);
    assert_int_equal(c[3].support, 2);
    NEAR(c[3].precision, 1);
    NEAR(c[3].recall, 0.5);
}

TEST(the_commonest_mistakes_come_first)
{
    static const struct measure_row rows[] = {
        { 2, 0, false, 1, 1 }, { 0, 1, false, 1, 1 },   { 2, 0, false, 1, 1 },  { 0, 0, false, 1, 1 },
        { 1, 0, true, 1, 0 },  { OOS, 2, false, 1, 1 }, { OOS, 2, true, 1, 1 },
    };
    struct measure_pair p[8];
    uint32_t found;
    assert_int_equal(measure_pairs(p, 8, &found, rows, COUNT_OF(rows)), ERR_OK);
    assert_int_equal(found, 4);
    assert_int_equal(p[0].truth, 2);
    assert_int_equal(p[0].called, 0);
    assert_int_equal(p[0].count, 2);
    assert_int_equal(p[1].truth, 0);
    assert_int_equal(p[2].called, OOS);
    assert_int_equal(p[3].truth, OOS);
    assert_int_equal(p[3].called, 2);
    assert_int_equal(measure_pairs(p, 1, &found, rows, COUNT_OF(rows)), ERR_OK);
    assert_int_equal(found, 1);
    assert_int_equal(measure_pairs(p, 8, &found, rows + 3, 1), ERR_OK);
    assert_int_equal(found, 0);
}

TEST(kappa_weighs_a_mistake_by_the_square_of_its_steps)
{
    /* truth 0 1 2 3, guesses 0 1 2 0: one mistake of three steps: 9 seen; by chance the 4 x 4 squares with guesses 0 twice:
       rows of guesses 0,0,1,2 against truths 0..3: 14 + 14 + 6 + 6 = 40 over n = 4 */
    static const struct measure_row one[] = {
        { 0, 0, false, 0, 0 }, { 1, 1, false, 0, 0 }, { 2, 2, false, 0, 0 }, { 3, 0, false, 0, 0 }
    };
    static const struct measure_row opposite[] = { { 0, 1, false, 0, 0 }, { 1, 0, false, 0, 0 } };
    static const struct measure_row constant[] = { { 0, 1, false, 0, 0 }, { 1, 1, false, 0, 0 } };
    static const struct measure_row same[] = { { 1, 1, false, 0, 0 }, { 1, 1, false, 0, 0 } };
    NEAR(measure_kappa(one, 4, 4), 1 - 9.0 * 4 / 40);
    NEAR(measure_kappa(one, 3, 4), 1);
    NEAR(measure_kappa(opposite, 2, 4), -1);
    NEAR(measure_kappa(constant, 2, 4), 0);
    UNDEFINED(measure_kappa(same, 2, 4));
}

TEST(rows_that_are_no_steps_do_not_count_for_kappa)
{
    static const struct measure_row rows[] = {
        { 0, 0, false, 0, 0 }, { 1, 1, false, 0, 0 }, { 5, 0, false, 0, 0 }, { 0, NONE, false, 0, 0 }
    };
    NEAR(measure_kappa(rows, 4, 4), 1);
}

TEST(recall_from_a_step_takes_it_and_the_higher_ones_together)
{
    static const struct measure_row rows[] = {
        { 2, 3, false, 0, 0 },    { 3, 2, false, 0, 0 }, { 3, 1, false, 0, 0 },
        { 2, NONE, false, 0, 0 }, { 1, 3, false, 0, 0 }, { 9, 3, false, 0, 0 },
    };
    NEAR(measure_recall_from(rows, COUNT_OF(rows), 2, 4), 0.5);
    UNDEFINED(measure_recall_from(rows + 4, 2, 2, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(without_rows_out_of_scope_the_guess_counts_whatever_the_threshold_says),
        RUN(with_rows_out_of_scope_that_is_a_label_like_others),
        RUN(equal_scores_count_half),
        RUN(calibration_compares_the_mean_p_of_a_bin_with_the_share_that_was_right),
        RUN(a_row_without_a_guess_is_wrong),
        RUN(no_row_at_all_leaves_every_figure_undefined),
        RUN(only_rows_out_of_scope),
        RUN(classes_say_what_was_so_what_was_called_so_and_both),
        RUN(the_commonest_mistakes_come_first),
        RUN(kappa_weighs_a_mistake_by_the_square_of_its_steps),
        RUN(rows_that_are_no_steps_do_not_count_for_kappa),
        RUN(recall_from_a_step_takes_it_and_the_higher_ones_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
