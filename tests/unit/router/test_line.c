/* LINE: what comes in, what goes out. Vectors: developers.line.biz, "Verify webhook signature". */
#include "tests/unit/router/channel_unit.h"

extern const struct provider provider_line;

static int set_up(void **state)
{
    UNUSED(state);
    return door_set_up(&provider_line, "line");
}

static const char empty[] = "{\"destination\":\"U8e742f61d673b39c7fff3cecb7536ef0\",\"events\":[]}";

TEST(the_signature_of_lines_own_example_is_good)
{
    secret_set(&door.secrets[1], "8c570fa6dd201bb328f1c1eac23a96d8");
    headers[0] = "x-line-signature", headers[1] = "GhRKmvmHys4Pi8DxkF4+EayaH0OqtJtaZxgTD9fMDLs=";
    assert_int_equal(verify(empty), VERIFIED);
    assert_int_equal(verify("{\"destination\":\"U8e742f61d673b39c7fff3cecb7536ef0\",\"events\":[ ]}"), BAD_SIGNATURE);
}

TEST(without_a_signature_or_with_anothers_it_is_not_line)
{
    assert_int_equal(verify(empty), UNSIGNED);
    headers[0] = "x-line-signature", headers[1] = signed_with("it is a secret", "", "", empty, true);
    assert_int_equal(verify(empty), VERIFIED);
    headers[1] = signed_with("the next one", "", "", empty, true);
    assert_int_equal(verify(empty), VERIFIED);
    headers[1] = signed_with("somebody else's", "", "", empty, true);
    assert_int_equal(verify(empty), BAD_SIGNATURE);
    headers[1] = "%%%";
    assert_int_equal(verify(empty), BAD_SIGNATURE);
}

#define EVENT(type, more)                                                                                                          \
    "{\"destination\":\"Uxx\",\"events\":[{\"type\":\"" type "\",\"mode\":\"active\",\"timestamp\":1462629479859,"                 \
    "\"source\":{\"type\":\"user\",\"userId\":\"U4af\"},\"webhookEventId\":\"01FZ\",\"deliveryContext\":{\"isRedelivery\":true},"  \
    "\"replyToken\":\"nHuy\"," more "}]}"

TEST(a_text_becomes_an_event)
{
    const struct event *e =
        one_event(EVENT("message", "\"message\":{\"id\":\"444\",\"type\":\"text\",\"text\":\"환불해 주세요\"}"));
    assert_int_equal(e->kind, EVENT_MESSAGE);
    assert_str(e->external, "01FZ");
    assert_str(e->conversation, "U4af");
    assert_str(e->customer, "U4af");
    assert_str(e->text, "환불해 주세요");
    assert_attribute(e, "event.at", "2016-05-07T13:57:59.859Z");
    assert_attribute(e, "reply.with", "nHuy");
}

TEST(a_group_is_one_conversation_whoever_speaks)
{
    const struct event *e =
        one_event("{\"events\":[{\"type\":\"message\",\"webhookEventId\":\"01\",\"source\":{\"type\":\"group\","
                  "\"groupId\":\"Ca56\",\"userId\":\"U4af\"},\"message\":{\"type\":\"text\",\"text\":\"hi\"}}]}");
    assert_str(e->conversation, "Ca56");
    assert_str(e->customer, "U4af");
    e = one_event("{\"events\":[{\"type\":\"message\",\"webhookEventId\":\"01\",\"source\":{\"type\":\"room\",\"roomId\":\"Ra8\"},"
                  "\"message\":{\"type\":\"text\",\"text\":\"hi\"}}]}");
    assert_str(e->conversation, "Ra8");
    assert_str(e->customer, "");
}

#define LONG "가나다라마바사아자차카타파하거너더러머버" /* 60 bytes */
TEST(pictures_stickers_and_places_are_told_as_what_they_are)
{
    const struct event *e = one_event(EVENT("message", "\"message\":{\"id\":\"355\",\"type\":\"image\"}"));
    assert_str(e->text, "[image]");
    assert_attribute(e, "event.attachments", "1");
    assert_attribute(e, "event.attachment.1", "image 355");
    e = one_event(EVENT("message", "\"message\":{\"id\":\"1\",\"type\":\"sticker\",\"packageId\":\"446\",\"stickerId\":\"1988\"}"));
    assert_attribute(e, "event.attachment.1", "sticker 1988");
    e = one_event(EVENT("message", "\"message\":{\"id\":\"1\",\"type\":\"file\",\"fileName\":\"file.txt\",\"fileSize\":2138}"));
    assert_attribute(e, "event.attachment.1", "file file.txt 1");
    e = one_event(EVENT("message", "\"message\":{\"id\":\"1\",\"type\":\"file\",\"fileName\":\"" LONG LONG LONG LONG "\"}"));
    assert_int_equal(attribute(e, "event.attachment.1").n, sizeof "file " - 1 + 198 + sizeof " 1" - 1); /* 66 of its characters */
    assert_true(str_utf8(attribute(e, "event.attachment.1"), NULL));
    e = one_event(EVENT("message",
                        "\"message\":{\"id\":\"1\",\"type\":\"location\",\"title\":\"office\",\"address\":\"1-3 Kioicho\","
                        "\"latitude\":35.67966,\"longitude\":139.73669}"));
    assert_attribute(e, "event.location", "35.679660,139.736690");
}

TEST(a_postback_is_said_by_its_data)
{
    const struct event *e = one_event(EVENT("postback", "\"postback\":{\"data\":\"order=1\"}"));
    assert_str(e->text, "order=1");
    assert_attribute(e, "event.payload", "order=1");
}

TEST(what_is_no_word_of_a_customer_makes_no_event)
{
    assert_no_event(empty);
    assert_no_event(EVENT("follow", "\"follow\":{\"isUnblocked\":false}"));
    assert_no_event(EVENT("unsend", "\"unsend\":{\"messageId\":\"325\"}"));
    assert_no_event(EVENT("a kind of tomorrow", "\"x\":1"));
    assert_no_event(EVENT("message", "\"message\":{\"id\":\"1\",\"type\":\"hologram\"}"));
    assert_no_event(EVENT("message", "\"x\":1"));
    assert_no_event(
        "{\"events\":[{\"type\":\"message\",\"mode\":\"standby\",\"webhookEventId\":\"1\",\"source\":{\"userId\":\"U\"},"
        "\"message\":{\"type\":\"text\",\"text\":\"x\"}}]}");
    assert_no_event("{\"events\":[1,null,\"x\",[],{}]}");
    assert_no_event(
        "{\"events\":[{\"type\":\"message\",\"source\":{\"userId\":\"U\"},\"message\":{\"type\":\"text\",\"text\":\"x\"}}]}");
}

TEST(what_is_no_delivery_is_refused)
{
    assert_refused("", 400, "malformed");
    assert_refused("{\"events\":", 400, "malformed");
    assert_refused("[]", 400, "malformed");
    assert_refused("{\"destination\":\"U\"}", 400, "malformed");
    account.id = "U1";
    assert_refused(empty, 403, "other_account");
    account.id = "U8e742f61d673b39c7fff3cecb7536ef0";
    assert_no_event(empty);
}

static const struct message_out reply = { .id = { { 1, 2, 3 } },
                                          .conversation = STR("U4af"),
                                          .customer = STR("U4af"),
                                          .text = STR("곧 \"처리\"할게요"),
                                          .by = STR("ann"),
                                          .with = STR("nHuy"),
                                          .heard = NOW,
                                          .now = NOW + 10000 };

TEST(the_first_reply_within_the_minute_uses_the_reply_token)
{
    assert_planned(&reply, "https://api.line.me/v2/bot/message/reply", "Authorization: Bearer tok-1\n",
                   "{\"replyToken\":\"nHuy\",\"messages\":[{\"type\":\"text\",\"text\":\"곧 \\\"처리\\\"할게요\"}]}");
    assert_true(plan.once);
}

TEST(later_ones_are_pushed_under_a_key_that_makes_them_one)
{
    static const char url[] = "http://127.0.0.1:9/v2/bot/message/push",
                      head[] = "Authorization: Bearer tok-1\nX-Line-Retry-Key: 01020300-0000-0000-0000-000000000000\n",
                      body[] = "{\"to\":\"U4af\",\"messages\":[{\"type\":\"text\",\"text\":\"x\"}]}";
    struct message_out m = reply;
    account.api = "http://127.0.0.1:9";
    m.text = STR("x");
    m.now = NOW + 50000;
    assert_planned(&m, url, head, body);
    assert_false(plan.once);
    m = reply, m.text = STR("x"), m.answered = true;
    assert_planned(&m, url, head, body);
    m = reply, m.text = STR("x"), m.tries = 1;
    assert_planned(&m, url, head, body);
    m = reply, m.text = STR("x"), m.with = STR_NONE;
    assert_planned(&m, url, head, body);
    assert_true(sender_of(&door)->repeatable);
}

TEST(a_text_of_many_units_goes_as_several_of_one_call)
{
    static char text[4 * 12501];
    struct message_out m = reply;
    for (size_t i = 0; i < 5000; i++) memcpy(text + 4 * i, "\xF0\x9F\x98\x80", 4);
    m.text = (struct str){ text, (size_t)4 * 5000 }; /* 10,000 code units */
    assert_int_equal(plan_it(&m), ERR_OK);
    size_t texts = 0;
    for (const char *at = buf_cstr(&plan.body); (at = strstr(at, "\"text\":")); at++) texts++;
    assert_int_equal(texts, 2);
    for (size_t i = 0; i < 12500; i++) memcpy(text + 4 * i, "\xF0\x9F\x98\x80", 4);
    m.text = (struct str){ text, (size_t)4 * 12500 };
    assert_int_equal(plan_it(&m), ERR_OK);
    memcpy(text + (size_t)4 * 12500, "more", 4);
    m.text.n += 4;
    assert_unplanned(&m, "5 texts");
}

TEST(without_a_token_or_a_text_nothing_is_planned)
{
    struct message_out m = reply;
    m.text = STR_NONE;
    assert_unplanned(&m, "no text");
    door.token.n = 0;
    assert_unplanned(&reply, "no `token`");
    secret_set(&door.token, "two\nlines");
    assert_unplanned(&reply, "control character");
}

TEST(answers_are_judged_as_line_documents_them)
{
    assert_judged(200, "{\"sentMessages\":[{\"id\":\"461230966842064897\",\"quoteToken\":\"IStG\"}]}", SEND_DONE, 0,
                  "461230966842064897");
    assert_judged(200, "{}", SEND_DONE, 0, "");
    assert_judged(409, "{\"message\":\"The retry key is already accepted\",\"sentMessages\":[{\"id\":\"46\"}]}", SEND_DONE, 0,
                  "46");
    assert_judged(400, "{\"message\":\"Invalid reply token\"}", SEND_AGAIN, 0, "");
    assert_judged(400, "{\"message\":\"Failed to send messages\"}", SEND_REFUSED, 0, "");
    assert_judged(401, "{\"message\":\"Authentication failed\"}", SEND_REFUSED, 0, "");
    assert_judged(403, "", SEND_REFUSED, 0, "");
    assert_judged(429, "{\"message\":\"The API rate limit has been exceeded. Try again later.\"}", SEND_AGAIN, 7000, "");
    assert_judged(429, "{\"message\":\"You have reached your monthly limit.\"}", SEND_REFUSED, 0, "");
    assert_judged(500, "not json", SEND_UNKNOWN, 0, "");
    assert_judged(0, "", SEND_UNKNOWN, 0, "");
}

#define SAID(id, text)                                                                                                             \
    "{\"type\":\"message\",\"webhookEventId\":\"" id                                                                               \
    "\",\"source\":{\"userId\":\"U1\"},\"message\":{\"type\":\"text\",\"text\":\"" text "\"}}"

TEST(a_text_that_is_no_text_keeps_none_of_its_neighbours_out)
{
    static const struct {
        const char *sent, *kept;
    } rows[] = { { "a\\u0000b", "a\xEF\xBF\xBD"
                                "b" },
                 { "cut \\ud83d", "cut \xEF\xBF\xBD" },
                 { "\\ude00 late", "\xEF\xBF\xBD late" },
                 { "\\ud83d\\ud83d\\ude00", "\xEF\xBF\xBD\xF0\x9F\x98\x80" },
                 { "\\\\u0000 \xff", "\\u0000 \xEF\xBF\xBD" },
                 { "\xED\xA0\xBD", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD" } };
    char body[1024];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        double mended = metric_get(MET_CHANNEL_CUT, "characters");
        snprintf(body, sizeof body, "{\"events\":[" SAID("1", "first") "," SAID("2", "%s") "," SAID("3", "last") "]}",
                 rows[i].sent);
        assert_int_equal(read_it(body), ERR_OK);
        assert_int_equal(c.count, 3);
        assert_str(c.events[1].text, rows[i].kept);
        assert_str(c.events[2].text, "last");
        assert_true(metric_get(MET_CHANNEL_CUT, "characters") == mended + 1);
    }
    assert_refused("{\"events\":[\\u0000]}", 400, "malformed");
}

TEST(an_entry_of_another_form_keeps_none_of_its_neighbours_out)
{
    static const char *const odd[] = { "null",
                                       "7",
                                       "[]",
                                       "\"x\"",
                                       "{}",
                                       "{\"type\":[]}",
                                       "{\"type\":\"message\"}",
                                       "{\"type\":\"message\",\"message\":{\"type\":\"text\",\"text\":7},\"webhookEventId\":\"9\"}",
                                       "{\"type\":\"message\",\"message\":{\"type\":\"text\",\"text\":\"x\"},\"source\":7}" };
    char body[1024];
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        snprintf(body, sizeof body, "{\"events\":[%s," SAID("1", "hi") ",%s]}", odd[i], odd[i]);
        assert_str(one_event(body)->text, "hi");
    }
}

int main(void)
{
#define AT_DOOR(name) cmocka_unit_test_setup_teardown(name, set_up, door_tear_down)
    const struct CMUnitTest tests[] = {
        AT_DOOR(the_signature_of_lines_own_example_is_good),
        AT_DOOR(without_a_signature_or_with_anothers_it_is_not_line),
        AT_DOOR(a_text_becomes_an_event),
        AT_DOOR(a_group_is_one_conversation_whoever_speaks),
        AT_DOOR(pictures_stickers_and_places_are_told_as_what_they_are),
        AT_DOOR(a_postback_is_said_by_its_data),
        AT_DOOR(what_is_no_word_of_a_customer_makes_no_event),
        AT_DOOR(what_is_no_delivery_is_refused),
        AT_DOOR(a_text_that_is_no_text_keeps_none_of_its_neighbours_out),
        AT_DOOR(an_entry_of_another_form_keeps_none_of_its_neighbours_out),
        AT_DOOR(the_first_reply_within_the_minute_uses_the_reply_token),
        AT_DOOR(later_ones_are_pushed_under_a_key_that_makes_them_one),
        AT_DOOR(a_text_of_many_units_goes_as_several_of_one_call),
        AT_DOOR(without_a_token_or_a_text_nothing_is_planned),
        AT_DOOR(answers_are_judged_as_line_documents_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
