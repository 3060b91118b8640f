/* Long texts in parts: where they end, what is kept together, and that nothing is lost but white space between them. */
#include "base/rng.h"
#include "router/parts.h"

#include <stdio.h>

/* cmocka.h wants the others before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

static void check(const char *text, uint32_t most, const char *const *wanted)
{
    struct str part;
    uint32_t n = 0, count = parts_of(str_of(text), most, 0, NULL);
    for (; wanted[n]; n++) {
        assert_int_equal(parts_of(str_of(text), most, n, &part), count);
        if (n < count && str_is(part, wanted[n])) continue;
        fail_msg("part %u of \"%s\" is \"%.*s\", not \"%s\"", n, text, STR_FMT(part), wanted[n]);
    }
    assert_int_equal(count, n);
}
#define PARTS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void what_fits_stays_whole(void **state)
{
    (void)state;
    check("hello", 5, PARTS("hello"));
    check("  hello there \n", 11, PARTS("hello there"));
    check("a long text without any limit", 0, PARTS("a long text without any limit"));
    check("안녕하세요", 5, PARTS("안녕하세요"));
    assert_int_equal(parts_of(STR(" \n\t"), 5, 0, NULL), 0);
}

static void a_part_ends_with_a_paragraph_else_a_line_a_sentence_a_word(void **state)
{
    (void)state;
    check("One.\n\nThree four. Five six", 20, PARTS("One.\n\nThree four.", "Five six"));
    check("One two three.\n\nFour. Five", 20, PARTS("One two three.", "Four. Five"));
    check("One two three\nfour. Five", 20, PARTS("One two three", "four. Five"));
    check("One two three. Four five", 20, PARTS("One two three.", "Four five"));
    check("one two three four five", 20, PARTS("one two three four", "five"));
    check("안녕하세요. 반갑습니다 여러분", 10, PARTS("안녕하세요.", "반갑습니다 여러분"));
    check("今日は晴れです。明日は雨です。", 10, PARTS("今日は晴れです。", "明日は雨です。"));
}

static void a_word_longer_than_a_part_is_cut_between_clusters(void **state)
{
    (void)state;
    check("abcdefghij", 4, PARTS("abcd", "efgh", "ij"));
    check("e\xcc\x81"
          "e\xcc\x81"
          "e\xcc\x81",
          3, PARTS("e\xcc\x81", "e\xcc\x81", "e\xcc\x81")); /* an accent stays with its letter */
    check("👩‍👩‍👧👩‍👩‍👧", 8, PARTS("👩‍👩‍👧", "👩‍👩‍👧"));
    check("👩‍👩‍👧", 2, PARTS("👩‍", "👩‍", "👧")); /* longer than a part by itself */
}

static void of_any_text_only_white_space_is_lost_and_no_part_is_too_long(void **state)
{
    static const char *const bits[] = { "a",    "bc", " ",           "\n",        "\n\n", ". ", "한",
                                        "국어", "。", "👩‍👧", "e\xcc\x81", "\xff", "!" };
    struct rng rng;
    (void)state;
    rng_seed(&rng, 5);
    for (unsigned round = 0; round < 3000; round++) {
        char text[400], kept[400], joined[400];
        size_t n = 0, k = 0, j = 0;
        for (uint64_t i = rng_below(&rng, 60); i--;)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s", bits[rng_below(&rng, 13)]);
        uint32_t most = (uint32_t)rng_below(&rng, 20) + 1, count = parts_of((struct str){ text, n }, most, 0, NULL);
        for (uint32_t p = 0; p < count; p++) {
            struct str part;
            assert_int_equal(parts_of((struct str){ text, n }, most, p, &part), count);
            assert_true(part.n > 0);
            uint32_t points = 0;
            for (size_t i = 0; i < part.n; i++) {
                bool begins = ((unsigned char)part.p[i] & 0xc0) != 0x80;
                points += begins;
                if (part.p[i] != ' ' && part.p[i] != '\n') joined[j++] = part.p[i];
            }
            assert_in_range(points, 1, most);
        }
        for (size_t i = 0; i < n; i++)
            if (text[i] != ' ' && text[i] != '\n') kept[k++] = text[i];
        assert_int_equal(k, j);
        assert_memory_equal(kept, joined, k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_stays_whole),
        cmocka_unit_test(a_part_ends_with_a_paragraph_else_a_line_a_sentence_a_word),
        cmocka_unit_test(a_word_longer_than_a_part_is_cut_between_clusters),
        cmocka_unit_test(of_any_text_only_white_space_is_lost_and_no_part_is_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
