/* What a bot's webhook answers, and what is made of it. */
#include "router/bot_answer.h"
#include "tests/unit/base/unit.h"

static struct bot_answer a;
static struct json *doc;
static char why[BOT_WHY];

static enum err read_it(const char *body, double below)
{
    json_free(doc);
    why[0] = '\0';
    return bot_answer_read(&a, &doc, str_of(body), below, why);
}

static int tear_down(void **state)
{
    UNUSED(state);
    json_free(doc);
    doc = NULL;
    return 0;
}

static const struct case_row {
    const char *body;
    enum bot_end end;
    const char *reply, *reason;
} good[] = {
    { "{\"reply\":\"Hello\"}", BOT_KEEPS, "Hello", "" },
    { "{\"reply\":\"Hello\",\"done\":false}", BOT_KEEPS, "Hello", "" },
    { "{\"reply\":\"Bye\",\"done\":true,\"confidence\":1}", BOT_DONE, "Bye", "" },
    { "{\"done\":true}", BOT_DONE, "", "" },
    { "{\"handover\":\"a person\",\"reply\":\"One moment\"}", BOT_HANDS_OVER, "One moment", "a person" },
    { "{\"done\":true,\"handover\":\"x\"}", BOT_HANDS_OVER, "", "x" },
    { "{\"handover\":\"\"}", BOT_HANDS_OVER, "", "" },
    { "{\"decline\":\"not mine\"}", BOT_DECLINES, "", "not mine" },
    { "{\"reply\":\"42?\",\"done\":true,\"confidence\":0.39}", BOT_HANDS_OVER, "", "confidence 0.39" },
    { "{\"reply\":\"42\",\"confidence\":0.4}", BOT_KEEPS, "42", "" },
    { "{\"handover\":\"why\",\"confidence\":0}", BOT_HANDS_OVER, "", "why" },
    { "{\"decline\":\"no\",\"confidence\":0}", BOT_DECLINES, "", "no" },
};

TEST(an_answer_says_what_is_to_be_done)
{
    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_int_equal(read_it(good[i].body, 0.4), ERR_OK);
        assert_int_equal(a.end, good[i].end);
        assert_str(a.reply, good[i].reply);
        assert_str(a.reason, good[i].reason);
    }
}

static const struct bad_row {
    const char *body, *says;
} bad[] = {
    { "", "byte" },
    { "<html>", "byte" },
    { "[]", "object" },
    { "null", "object" },
    { "{}", "says nothing" },
    { "{\"reply\":\"\"}", "says nothing" },
    { "{\"done\":false,\"confidence\":0.9}", "says nothing" },
    { "{\"confidence\":0.1}", "says nothing" },
    { "{\"repply\":\"x\"}", "did you mean \"reply\"" },
    { "{\"zzzzzzzzzzzz\":\"secret words\"}", "none of reply, handover" },
    { "{\"reply\":7}", "must be a text" },
    { "{\"done\":\"yes\"}", "true or false" },
    { "{\"reply\":\"x\",\"confidence\":1.1}", "0 to 1" },
    { "{\"reply\":\"x\",\"confidence\":\"high\"}", "0 to 1" },
    { "{\"handover\":true}", "the reason" },
    { "{\"decline\":\"no\",\"reply\":\"x\"}", "stands alone" },
    { "{\"reply\":\"x\",\"reply\":\"y\"}", "byte" },
};

TEST(nonsense_is_refused_with_a_sentence_that_repeats_none_of_it)
{
    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (!read_it(bad[i].body, 0)) fail_msg("taken: %s", bad[i].body);
        if (!strstr(why, bad[i].says)) fail_msg("%s: %s", bad[i].body, why);
        assert_null(strstr(why, "secret"));
        assert_null(strstr(why, "zzz"));
    }
}

TEST(a_long_reason_is_cut_between_characters_and_a_long_reply_refused)
{
    UNUSED(state);
    char body[20000];
    int n = snprintf(body, sizeof body, "{\"handover\":\"");
    for (int i = 0; i < 100; i++) n += snprintf(body + n, sizeof body - (size_t)n, "가");
    snprintf(body + n, sizeof body - (size_t)n, "\"}");
    assert_int_equal(read_it(body, 0), ERR_OK);
    assert_int_equal(a.reason.n, 126); /* 42 of three bytes */
    snprintf(body, sizeof body, "{\"reply\":\"%016385d\"}", 0);
    assert_int_equal(read_it(body, 0), ERR_RANGE);
    snprintf(body, sizeof body, "{\"reply\":\"%016384d\"}", 0);
    assert_int_equal(read_it(body, 0), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(an_answer_says_what_is_to_be_done, tear_down),
        cmocka_unit_test_teardown(nonsense_is_refused_with_a_sentence_that_repeats_none_of_it, tear_down),
        cmocka_unit_test_teardown(a_long_reason_is_cut_between_characters_and_a_long_reply_refused, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
