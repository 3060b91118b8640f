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

static void one_customer_is_told_so_much_in_an_hour_and_the_same_not_soon_again(void **state)
{
    struct automatic a;
    char word[16];
    struct id id = { { 1 } };
    unsigned told = 0;
    (void)state;
    assert_int_equal(automatic_init(&a), ERR_OK);
    assert_int_equal(automatic_ask(&a, STR("tg"), STR("c1"), STR("received"), &id, 1000), AUTOMATIC_OK);
    assert_int_equal(automatic_ask(&a, STR("tg"), STR("c1"), STR("received"), &id, 2000), AUTOMATIC_OK); /* the same message */
    id.b[1] = 1;
    assert_int_equal(automatic_ask(&a, STR("tg"), STR("c1"), STR("received"), &id, 2000), AUTOMATIC_RECENT);
    assert_int_equal(automatic_ask(&a, STR("tg"), STR("c2"), STR("received"), &id, 2000), AUTOMATIC_OK);
    assert_int_equal(automatic_ask(&a, STR("line"), STR("c1"), STR("received"), &id, 2000), AUTOMATIC_OK);
    for (unsigned i = 0; i < 20; i++) {
        id.b[2] = (uint8_t)(i + 1);
        snprintf(word, sizeof word, "w%u", i);
        told += automatic_ask(&a, STR("tg"), STR("c1"), str_of(word), &id, 3000 + i) == AUTOMATIC_OK;
    }
    assert_int_equal(told, AUTOMATIC_AN_HOUR - 1);
    assert_int_equal(automatic_ask(&a, STR("tg"), STR("c1"), STR("more"), &id, 4000), AUTOMATIC_OFTEN);
    assert_int_equal(automatic_ask(&a, STR("tg"), STR("c1"), STR("more"), &id, 3700000), AUTOMATIC_OK);
    automatic_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holes_are_filled_and_a_sentence_that_cannot_be_is_left_out),
        cmocka_unit_test(any_text_comes_to_an_end),
        cmocka_unit_test(one_customer_is_told_so_much_in_an_hour_and_the_same_not_soon_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
