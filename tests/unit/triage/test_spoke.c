/* What of a model's evidence is told. */
#include "tests/unit/triage/unit.h"
#include "workers/triage/spoke.h"

static char room[256];

static const char *say(const char *key, const struct evidence *e, uint32_t count)
{
    room[spoke_say(e, count, str_of(key), room, sizeof room - 1)] = 0;
    return room;
}
#define SAY(key, ...)                                                                                                              \
    say(key, (struct evidence[]){ __VA_ARGS__ }, sizeof((struct evidence[]){ __VA_ARGS__ }) / sizeof(struct evidence))
#define E(feature, weight)                                                                                                         \
    {                                                                                                                              \
        STR(feature), weight                                                                                                       \
    }

TEST(a_word_and_its_parts_are_told_once)
{
    assert_string_equal(SAY("my refund please", E("refund", 0.9f), E("…fund", 0.8f), E("refu…", 0.7f), E("please", 0.1f)),
                        "refund 0.90, please 0.10");
    assert_string_equal(SAY("환불해 주세요", E("환불…", 0.9f), E("…불해", 0.8f), E("주세…", 0.2f)), "환불해 0.90, 주세요 0.20");
}

TEST(a_part_over_two_words_is_told_as_both)
{
    assert_string_equal(SAY("what time is it", E("…t ti…", 0.5f), E("what", 0.4f), E("time", 0.3f), E("it", 0.1f)),
                        "what time 0.50, it 0.10");
}

TEST(a_part_that_ends_with_its_word_takes_no_neighbour)
{
    assert_string_equal(SAY("my protein is late", E("…ein …", 0.5f)), "protein 0.50");
}

TEST(a_short_word_within_a_long_one_is_news)
{
    assert_string_equal(SAY("cancel an order", E("cancel", 0.5f), E("an", 0.4f)), "cancel 0.50, an 0.40");
}

TEST(a_pair_is_told_while_one_of_its_words_is_new)
{
    assert_string_equal(SAY("used my card", E("used + card", 0.5f), E("my + card", 0.4f), E("used + my", 0.3f)),
                        "used + card 0.50, my + card 0.40");
}

TEST(a_group_of_words_has_its_mark_and_what_speaks_against_or_to_nobody_is_left_out)
{
    assert_string_equal(SAY("money back", E("=refund", 0.5f), E("money", -0.4f), E("=", 0.3f), E("?", 0.2f), E("🙂", 0.1f)),
                        "~refund 0.50, 🙂 0.10");
    assert_string_equal(SAY("hm", E("hm", -0.5f)), "");
}

TEST(little_room_cuts_between_characters)
{
    const struct evidence e[] = { E("환불환불환불", 0.5f) };
    for (size_t cap = 2; cap < 30; cap++) {
        char small[30];
        size_t at, n = spoke_say(e, 1, STR("환불환불환불"), small, cap);
        assert_true(n < cap && str_utf8((struct str){ small, n }, &at));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(a_word_and_its_parts_are_told_once),
        RUN(a_part_over_two_words_is_told_as_both),
        RUN(a_part_that_ends_with_its_word_takes_no_neighbour),
        RUN(a_short_word_within_a_long_one_is_news),
        RUN(a_pair_is_told_while_one_of_its_words_is_new),
        RUN(a_group_of_words_has_its_mark_and_what_speaks_against_or_to_nobody_is_left_out),
        RUN(little_room_cuts_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
