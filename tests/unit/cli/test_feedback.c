/* Corrections: which of them teach, which are held back, and whether what was learnt is better. */
#include "cli/feedback_compare.h"
#include "cli/feedback_select.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* cmocka.h wants the others before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

static struct arena arena;
static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 64u << 20);
    return 0;
}
static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

#define SAID(t, l, x, when)                                                                                                        \
    {                                                                                                                              \
        .ticket = STR(t), .label = STR(l), .text = STR(x), .at = (when)                                                            \
    }

static struct selected select_all(struct said *rows, uint32_t count, unsigned percent)
{
    struct selected s;
    assert_int_equal(feedback_select(&s, rows, count, percent, &arena), ERR_OK);
    assert_int_equal(s.given, s.no_text + s.earlier + s.again + s.conflicting + s.learnt + s.held);
    assert_int_equal(s.count, s.learnt + s.held);
    return s;
}

static void the_latest_word_on_a_ticket_counts(void **state)
{
    struct said rows[] = { SAID("t1", "old", "hello", 1), SAID("t2", "b", "other", 5), SAID("t1", "new", "hello", 3),
                           SAID("t1", "older", "hello", 2) };
    (void)state;
    struct selected s = select_all(rows, 4, 0);
    assert_int_equal(s.count, 2);
    assert_int_equal(s.earlier, 2);
    assert_string_equal(s.v[0].label, "new");
    assert_string_equal(s.v[1].label, "b");
}

static void the_same_text_teaches_once_and_two_labels_for_it_teach_nothing(void **state)
{
    struct said rows[] = { SAID("t1", "a", "Where is it?", 1),
                           SAID("t2", "a", "where  is it?", 1),
                           SAID("t3", "x", "환불", 1),
                           SAID("t4", "y", "환불", 9),
                           SAID("t5", "z", "", 1),
                           SAID("t6", "z", "fine", 1) };
    (void)state;
    struct selected s = select_all(rows, 6, 0);
    assert_int_equal(s.count, 2);
    assert_int_equal(s.again, 1);
    assert_int_equal(s.conflicting, 2);
    assert_int_equal(s.no_text, 1);
    assert_true(str_is(s.v[0].ticket, "t1"));
    assert_true(str_is(s.v[1].ticket, "t6"));
}

static void subject_and_own_words_are_what_is_learnt(void **state)
{
    struct said rows[] = { { .ticket = STR("t1"),
                             .label = STR("a"),
                             .channel = STR("email"),
                             .subject = STR("Order 7"),
                             .text = STR("It is broken.\n\nOn Monday Ann wrote:\n> We sent it today.\n") } };
    (void)state;
    struct selected s = select_all(rows, 1, 0);
    assert_int_equal(s.count, 1);
    if (memcmp(s.v[0].text.p, "Order 7\nIt is broken.", 21) != 0) fail_msg("%.*s", STR_FMT(s.v[0].text));
    assert_null(memmem(s.v[0].text.p, s.v[0].text.n, "We sent it", 10));
}

static void the_split_is_of_the_ticket_alone_and_near_its_share(void **state)
{
    enum { N = 2000 };
    static char ids[N][16], texts[N][24];
    static struct said rows[N], back[N];
    uint32_t held = 0;
    (void)state;
    for (uint32_t i = 0; i < N; i++) {
        snprintf(ids[i], sizeof ids[i], "ticket-%06u", i);
        snprintf(texts[i], sizeof texts[i], "message %u", i);
        rows[i] = (struct said){ .ticket = str_of(ids[i]), .label = STR("a"), .text = str_of(texts[i]), .at = i };
        back[N - 1 - i] = rows[i];
        held += feedback_held_back(rows[i].ticket, 30);
        if (feedback_held_back(rows[i].ticket, 30)) assert_true(feedback_held_back(rows[i].ticket, 31));
    }
    assert_in_range(held, N * 27 / 100, N * 33 / 100);
    struct selected one = select_all(rows, N, 30), two = select_all(back, N, 30);
    assert_int_equal(one.held, held);
    for (uint32_t i = 0; i < N; i++) {
        assert_true(str_eq(one.v[i].ticket, two.v[i].ticket) && one.v[i].held == two.v[i].held);
        assert_int_equal(one.v[i].held, feedback_held_back(one.v[i].ticket, 30));
    }
    assert_true(feedback_held_back(STR("any"), 100));
    assert_false(feedback_held_back(STR("any"), 0));
}

static struct comparison compare(uint32_t fixed, uint32_t broken, uint32_t both)
{
    struct comparison c = { 0 };
    for (uint32_t i = 0; i < fixed; i++) comparison_add(&c, false, true);
    for (uint32_t i = 0; i < broken; i++) comparison_add(&c, true, false);
    for (uint32_t i = 0; i < both; i++) comparison_add(&c, true, true);
    comparison_add(&c, false, false);
    return c;
}

static double p_of(uint32_t fixed, uint32_t broken)
{
    struct comparison c = compare(fixed, broken, 3);
    return comparison_p(&c);
}

static void a_comparison_counts_what_changed(void **state)
{
    struct comparison c = compare(5, 2, 10);
    (void)state;
    assert_int_equal(c.n, 18);
    assert_int_equal(c.old_right, 12);
    assert_int_equal(c.new_right, 15);
    assert_int_equal(c.fixed, 5);
    assert_int_equal(c.broken, 2);
}

/* The values are sums of binomial coefficients over powers of two, worked out by hand. */
static void the_exact_test_gives_the_binomial_values(void **state)
{
    (void)state;
    assert_true(fabs(p_of(0, 0) - 1) < 1e-12);
    assert_true(fabs(p_of(1, 0) - 1) < 1e-12);
    assert_true(fabs(p_of(5, 0) - 0.0625) < 1e-12);     /* 2 / 32 */
    assert_true(fabs(p_of(0, 6) - 0.03125) < 1e-12);    /* 2 / 64 */
    assert_true(fabs(p_of(8, 1) - 20.0 / 512) < 1e-12); /* 2 (1 + 9) / 512 */
    assert_true(fabs(p_of(10, 2) - 2.0 * (1 + 12 + 66) / 4096) < 1e-12);
    assert_true(fabs(p_of(7, 7) - 1) < 1e-12);
    assert_true(p_of(1000, 1) < 1e-100 && p_of(1000, 1) >= 0);
    assert_true(p_of(100500, 100000) > 0.25 && p_of(100500, 100000) < 0.28); /* near the normal law: z = 1.115 */
}

static void better_is_said_only_when_it_is_no_chance_and_nothing_else_got_worse(void **state)
{
    struct comparison none = { 0 }, few = compare(5, 0, 9), good = compare(12, 1, 5), bad = compare(1, 12, 5),
                      same = compare(4, 4, 9);
    (void)state;
    assert_int_equal(comparison_says(&none), COMPARED_SAME);
    assert_int_equal(comparison_says(&few), COMPARED_SAME);
    assert_int_equal(comparison_says(&good), COMPARED_BETTER);
    assert_int_equal(comparison_says(&bad), COMPARED_WORSE);
    assert_int_equal(compared_together(&good, &same), COMPARED_BETTER);
    assert_int_equal(compared_together(&good, &none), COMPARED_BETTER);
    assert_int_equal(compared_together(&good, &bad), COMPARED_WORSE);
    assert_int_equal(compared_together(&same, &good), COMPARED_SAME);
    assert_int_equal(compared_together(&bad, &good), COMPARED_WORSE);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_latest_word_on_a_ticket_counts),
        TEST(the_same_text_teaches_once_and_two_labels_for_it_teach_nothing),
        TEST(subject_and_own_words_are_what_is_learnt),
        TEST(the_split_is_of_the_ticket_alone_and_near_its_share),
        TEST(a_comparison_counts_what_changed),
        TEST(the_exact_test_gives_the_binomial_values),
        TEST(better_is_said_only_when_it_is_no_chance_and_nothing_else_got_worse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
