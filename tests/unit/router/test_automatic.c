/* The policy's own words: what is filled in, what is left out, and how often one customer is told any. */
#include "router/automatic.h"

#include <stdio.h>

/* cmocka.h wants the others before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

static void check(const char *text, const struct str values[TEXT_HOLES], const char *wanted)
{
    struct buf b;
    buf_init(&b, 4096);
    automatic_fill(&b, str_of(text), values);
    if (!str_is(buf_str(&b), wanted)) fail_msg("\"%s\" became \"%.*s\"", text, STR_FMT(buf_str(&b)));
    buf_fini(&b);
}

static void holes_are_filled_and_a_sentence_that_cannot_be_is_left_out(void **state)
{
    const struct str known[TEXT_HOLES] = { [HOLE_NAME] = STR("민지"), [HOLE_POSITION] = STR("3") };
    (void)state;
    check("{name}님, 접수했습니다. {position}번째입니다. {wait}분쯤 걸립니다.", known, "민지님, 접수했습니다. 3번째입니다.");
    check("About {wait} minutes. Thank you!", known, "Thank you!");
    check("We open at {opens}", known, "");
    check("{name}です。{wait}分です。またね。", known, "민지です。またね。");
    check("Version 1.5 of {name}? Yes.\n\nBye {opens}.", known, "Version 1.5 of 민지? Yes.");
    check("a {brace that is none} and {name", known, "a {brace that is none} and {name");
    check("", known, "");
}

static void any_text_comes_to_an_end(void **state)
{
    static const char *const bits[] = { "{name}", "{wait}", ".", " ", "\n", "한", "。", "{", "}", "!" };
    const struct str known[TEXT_HOLES] = { [HOLE_NAME] = STR("x") };
    struct rng rng;
    (void)state;
    rng_seed(&rng, 3);
    for (unsigned round = 0; round < 5000; round++) {
        char text[400];
        size_t n = 0;
        struct buf b;
        for (uint64_t i = rng_below(&rng, 30); i--;)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s", bits[rng_below(&rng, 10)]);
        buf_init(&b, 4096);
        automatic_fill(&b, (struct str){ text, n }, known);
        assert_true(b.n <= n);
        buf_fini(&b);
    }
}

static enum automatic_end ask(struct automatic *a, const char *account, const char *customer, const char *word, const struct id *id,
                              uint64_t now)
{
    return automatic_ask(a, &(struct automatic_words){ str_of(account), str_of(customer), str_of(word), id }, now);
}

static void one_customer_is_told_so_much_in_an_hour_and_the_same_not_soon_again(void **state)
{
    struct automatic a;
    char word[16];
    struct id id = { { 1 } };
    unsigned told = 0;
    (void)state;
    assert_int_equal(automatic_init(&a), ERR_OK);
    assert_int_equal(ask(&a, "tg", "c1", "received", &id, 1000), AUTOMATIC_OK);
    assert_int_equal(ask(&a, "tg", "c1", "received", &id, 2000), AUTOMATIC_OK); /* the same message */
    id.b[1] = 1;
    assert_int_equal(ask(&a, "tg", "c1", "received", &id, 2000), AUTOMATIC_RECENT);
    assert_int_equal(ask(&a, "tg", "c2", "received", &id, 2000), AUTOMATIC_OK);
    assert_int_equal(ask(&a, "line", "c1", "received", &id, 2000), AUTOMATIC_OK);
    for (unsigned i = 0; i < 20; i++) {
        id.b[2] = (uint8_t)(i + 1);
        snprintf(word, sizeof word, "w%u", i);
        told += ask(&a, "tg", "c1", word, &id, 3000 + i) == AUTOMATIC_OK;
    }
    assert_int_equal(told, AUTOMATIC_AN_HOUR - 1);
    assert_int_equal(ask(&a, "tg", "c1", "more", &id, 4000), AUTOMATIC_OFTEN);
    assert_int_equal(ask(&a, "tg", "c1", "more", &id, 3601000), AUTOMATIC_OK); /* the first of them is an hour old */
    id.b[2] = 90;
    assert_int_equal(ask(&a, "tg", "c1", "still more", &id, 3601001), AUTOMATIC_OFTEN);
    automatic_fini(&a);
}

static void another_text_in_between_does_not_make_the_same_one_new(void **state)
{
    struct automatic a;
    struct id first = { { 1 } }, second = { { 2 } }, third = { { 3 } };
    (void)state;
    assert_int_equal(automatic_init(&a), ERR_OK);
    assert_int_equal(ask(&a, "tg", "c1", "received", &first, 1000), AUTOMATIC_OK);
    assert_int_equal(ask(&a, "tg", "c1", "closed", &second, 2000), AUTOMATIC_OK);
    assert_int_equal(ask(&a, "tg", "c1", "received", &third, 3000), AUTOMATIC_RECENT);
    assert_int_equal(ask(&a, "tg", "c1", "received", &first, 4000), AUTOMATIC_OK); /* a row that failed is asked for again */
    assert_int_equal(ask(&a, "tg", "c1", "received", &third, 1000 + AUTOMATIC_SAME_MS), AUTOMATIC_OK);
    automatic_fini(&a);
}

static void what_rows_tell_of_a_former_life_counts_in_whatever_order(void **state)
{
    (void)state;
    for (unsigned turned = 0; turned < 2; turned++) {
        struct automatic a;
        struct id id = { { 9 } };
        char word[16];
        assert_int_equal(automatic_init(&a), ERR_OK);
        for (unsigned i = 0; i < AUTOMATIC_AN_HOUR + 2; i++) { /* the oldest two were said in another hour */
            unsigned k = turned ? AUTOMATIC_AN_HOUR + 1 - i : i;
            snprintf(word, sizeof word, "w%u", k);
            id.b[2] = (uint8_t)k;
            automatic_was_said(&a, &(struct automatic_words){ STR("tg"), STR("c1"), str_of(word), &id }, 1000 + k * 600000u);
        }
        id.b[2] = 50;
        assert_int_equal(ask(&a, "tg", "c1", "new", &id, 4300000), AUTOMATIC_OFTEN);
        assert_int_equal(ask(&a, "tg", "c1", "w7", &id, 4300000), AUTOMATIC_RECENT);
        assert_int_equal(ask(&a, "tg", "c1", "new", &id, 1000 + 2 * 600000 + 3600000), AUTOMATIC_OK);
        automatic_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holes_are_filled_and_a_sentence_that_cannot_be_is_left_out),
        cmocka_unit_test(any_text_comes_to_an_end),
        cmocka_unit_test(another_text_in_between_does_not_make_the_same_one_new),
        cmocka_unit_test(what_rows_tell_of_a_former_life_counts_in_whatever_order),
        cmocka_unit_test(one_customer_is_told_so_much_in_an_hour_and_the_same_not_soon_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
