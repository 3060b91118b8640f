/* Telegram: updates in, messages out. */
#include "tests/unit/router/channel_unit.h"

extern const struct provider provider_telegram;

static int set_up(void **state)
{
    UNUSED(state);
    int e = door_set_up(&provider_telegram, "telegram");
    secret_set(&door.token, "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw");
    return e;
}

TEST(the_secret_token_is_repeated_in_a_header)
{
    assert_int_equal(verify("{}"), UNSIGNED);
    headers[0] = "x-telegram-bot-api-secret-token", headers[1] = "it is a secret";
    assert_int_equal(verify("{}"), VERIFIED);
    headers[1] = "the next one";
    assert_int_equal(verify("{}"), VERIFIED);
    headers[1] = "it is a secreT";
    assert_int_equal(verify("{}"), BAD_SIGNATURE);
    headers[1] = "it is a secret ";
    assert_int_equal(verify("{}"), BAD_SIGNATURE);
}

#define MESSAGE(more)                                                                                                              \
    "{\"update_id\":10000,\"message\":{\"date\":1441645532,\"chat\":{\"id\":1111111,\"type\":\"private\"},\"message_id\":1365,"    \
    "\"from\":{\"last_name\":\"Kim\",\"id\":5111111111,\"is_bot\":false,\"first_name\":\"Ann\",\"username\":\"annk\","             \
    "\"language_code\":\"ko\"}," more "}}"

TEST(a_text_becomes_an_event)
{
    const struct event *e = one_event(MESSAGE("\"text\":\"/start 안녕\",\"reply_to_message\":{\"message_id\":1300}"));
    assert_str(e->external, "message:10000");
    assert_str(e->conversation, "1111111");
    assert_str(e->customer, "5111111111");
    assert_str(e->name, "Ann Kim");
    assert_str(e->text, "/start 안녕");
    assert_attribute(e, "event.at", "2015-09-07T17:05:32.000Z");
    assert_attribute(e, "event.username", "annk");
    assert_attribute(e, "customer.language", "ko");
    assert_attribute(e, "event.chat", "private");
    assert_attribute(e, "event.reply_to", "1300");
}

TEST(a_group_and_a_topic_of_a_forum_are_conversations)
{
    const struct event *e =
        one_event("{\"update_id\":1,\"message\":{\"message_id\":2,\"from\":{\"id\":7,\"first_name\":\"Ann\"},\"chat\":"
                  "{\"id\":-1001234567890,\"type\":\"supergroup\"},\"text\":\"x\"}}");
    assert_str(e->conversation, "-1001234567890");
    assert_str(e->name, "Ann");
    e = one_event("{\"update_id\":1,\"message\":{\"message_id\":2,\"from\":{\"id\":7},\"chat\":{\"id\":-100},\"text\":\"x\","
                  "\"is_topic_message\":true,\"message_thread_id\":55}}");
    assert_str(e->conversation, "-100/55");
}

TEST(what_hangs_on_a_message_is_told)
{
    const struct event *e = one_event(MESSAGE("\"caption\":\"look\",\"photo\":[{\"file_id\":\"small\"},{\"file_id\":\"large\"}]"));
    assert_str(e->text, "look");
    assert_attribute(e, "event.attachments", "1");
    assert_attribute(e, "event.attachment.1", "image large");
    e = one_event(MESSAGE("\"document\":{\"file_id\":\"F\",\"file_name\":\"a.pdf\"}"));
    assert_str(e->text, "[file]");
    assert_attribute(e, "event.attachment.1", "file a.pdf F");
    e = one_event(MESSAGE("\"contact\":{\"first_name\":\"Lee\",\"phone_number\":\"+8210\"}"));
    assert_attribute(e, "event.attachment.1", "contact Lee +8210");
    e = one_event(MESSAGE("\"location\":{\"latitude\":37.5,\"longitude\":127.25}"));
    assert_str(e->text, "[location]");
    assert_attribute(e, "event.location", "37.500000,127.250000");
    e = one_event(MESSAGE("\"animation\":{\"file_id\":\"A\"},\"document\":{\"file_id\":\"A\"}"));
    assert_attribute(e, "event.attachments", "1");
}

TEST(a_pressed_button_is_an_event_and_answered)
{
    const struct event *e =
        one_event("{\"update_id\":10003,\"callback_query\":{\"id\":\"4382bfdwdsb323b2d9\",\"from\":{\"id\":7,"
                  "\"first_name\":\"Ann\"},\"message\":{\"message_id\":5,\"chat\":{\"id\":1111111}},\"data\":\"yes\"}}");
    assert_str(e->external, "callback_query:10003");
    assert_str(e->conversation, "1111111");
    assert_str(e->customer, "7");
    assert_str(e->text, "yes");
    assert_str(buf_str(&c.answer.body), "{\"method\":\"answerCallbackQuery\",\"callback_query_id\":\"4382bfdwdsb323b2d9\"}");
    assert_string_equal(c.answer.type, "application/json");
}

TEST(what_is_no_word_of_a_customer_makes_no_event)
{
    assert_no_event("{\"update_id\":1,\"edited_message\":{\"text\":\"x\"}}");
    assert_no_event("{\"update_id\":1,\"channel_post\":{\"text\":\"x\"}}");
    assert_no_event("{\"update_id\":1,\"my_chat_member\":{}}");
    assert_no_event("{\"update_id\":1,\"of tomorrow\":{}}");
    assert_no_event("{\"update_id\":1}");
    assert_no_event(MESSAGE("\"new_chat_title\":\"x\""));
    assert_no_event("{\"update_id\":1,\"message\":{\"from\":{\"id\":7,\"is_bot\":true},\"chat\":{\"id\":1},\"text\":\"x\"}}");
    assert_no_event("{\"update_id\":1,\"message\":{\"chat\":{\"id\":1},\"text\":\"of nobody\"}}");
    assert_no_event("{\"update_id\":1.5,\"message\":{\"from\":{\"id\":7},\"chat\":{\"id\":1},\"text\":\"x\"}}");
    assert_no_event("{\"update_id\":1,\"callback_query\":{\"id\":\"1\",\"from\":{\"id\":7},\"game_short_name\":\"g\"}}");
    assert_no_event("{\"update_id\":1,\"message\":7}");
}

TEST(what_is_no_update_is_refused)
{
    assert_refused("", 400, "malformed");
    assert_refused("[]", 400, "malformed");
    assert_refused("{\"message\":{}}", 400, "malformed");
}

static const struct message_out reply = {
    .conversation = STR("1111111"), .customer = STR("5"), .text = STR("<b>네</b>"), .by = STR("ann"), .heard = NOW, .now = NOW
};

TEST(replies_go_to_the_chat_and_its_topic)
{
    struct message_out m = reply;
    assert_planned(&m, "https://api.telegram.org/bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/sendMessage", "",
                   "{\"chat_id\":1111111,\"text\":\"<b>네</b>\"}");
    account.api = "http://127.0.0.1:9";
    m.conversation = STR("-100/55");
    assert_planned(&m, "http://127.0.0.1:9/bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/sendMessage", "",
                   "{\"chat_id\":-100,\"message_thread_id\":55,\"text\":\"<b>네</b>\"}");
}

TEST(nothing_is_planned_for_an_odd_chat_or_token)
{
    static const char *const odd[] = { "", "-", "1,\"x\":1", "0x1", "1/", "1/a", "12345678901234567890", "007" };
    struct message_out m = reply;
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        m.conversation = str_of(odd[i]);
        assert_unplanned(&m, "no chat");
    }
    secret_set(&door.token, "1:a/../x");
    assert_unplanned(&reply, "none of Telegram's");
    assert_null(strstr(why, "../"));
    door.token.n = 0;
    assert_unplanned(&reply, "no `token`");
}

TEST(answers_are_judged_as_telegram_documents_them)
{
    assert_judged(200, "{\"ok\":true,\"result\":{\"message_id\":1366,\"chat\":{\"id\":1}}}", SEND_DONE, 0, "1366");
    assert_judged(429, "{\"ok\":false,\"error_code\":429,\"parameters\":{\"retry_after\":31}}", SEND_AGAIN, 31000, "");
    assert_judged(429, "{\"ok\":false,\"error_code\":429,\"parameters\":{\"retry_after\":99999999}}", SEND_AGAIN, 86400000, "");
    assert_judged(429, "", SEND_AGAIN, 7000, "");
    assert_judged(403, "{\"ok\":false,\"error_code\":403,\"description\":\"Forbidden: bot was blocked by the user\"}", SEND_REFUSED,
                  0, "");
    assert_non_null(strstr(result.why, "blocked"));
    assert_judged(400, "{\"ok\":false}", SEND_REFUSED, 0, "");
    assert_judged(401, "{\"ok\":false}", SEND_REFUSED, 0, "");
    assert_judged(502, "<html>", SEND_UNKNOWN, 0, "");
}

int main(void)
{
#define AT_DOOR(name) cmocka_unit_test_setup_teardown(name, set_up, door_tear_down)
    const struct CMUnitTest tests[] = {
        AT_DOOR(the_secret_token_is_repeated_in_a_header),
        AT_DOOR(a_text_becomes_an_event),
        AT_DOOR(a_group_and_a_topic_of_a_forum_are_conversations),
        AT_DOOR(what_hangs_on_a_message_is_told),
        AT_DOOR(a_pressed_button_is_an_event_and_answered),
        AT_DOOR(what_is_no_word_of_a_customer_makes_no_event),
        AT_DOOR(what_is_no_update_is_refused),
        AT_DOOR(replies_go_to_the_chat_and_its_topic),
        AT_DOOR(nothing_is_planned_for_an_odd_chat_or_token),
        AT_DOOR(answers_are_judged_as_telegram_documents_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
