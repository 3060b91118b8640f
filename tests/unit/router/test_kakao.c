/* Kakao i Open Builder: a skill's request in, a callback out. */
#include "tests/unit/router/channel_unit.h"

extern const struct provider provider_kakao;

static int set_up(void **state)
{
    UNUSED(state);
    return door_set_up(&provider_kakao, "kakao");
}

TEST(the_skills_header_brings_the_secret)
{
    assert_int_equal(verify("{}"), UNSIGNED);
    headers[0] = "x-naru-token", headers[1] = "it is a secret";
    assert_int_equal(verify("{}"), VERIFIED);
    headers[1] = "the next one";
    assert_int_equal(verify("{}"), VERIFIED);
    headers[1] = "it is a secre";
    assert_int_equal(verify("{}"), BAD_SIGNATURE);
}

#define SKILL(text, more)                                                                                                          \
    "{\"intent\":{\"id\":\"i1\",\"name\":\"n\"},\"userRequest\":{\"timezone\":\"Asia/Seoul\",\"block\":{\"id\":\"b\",\"name\":"    \
    "\"상담\"},\"utterance\":\"" text "\",\"lang\":\"kr\"" more                                                                    \
    ",\"user\":{\"id\":\"138\",\"type\":\"botUserKey\",\"properties\":"                                                            \
    "{\"plusfriendUserKey\":\"pf1\",\"appUserId\":1234}}},\"bot\":{\"id\":\"bot1!\",\"name\":\"나루\"},\"action\":{\"name\":"    \
    "\"a\","                                                                                                                       \
    "\"params\":{\"order\":\"77\",\"n\":1}}}"
#define CALLBACK ",\"callbackUrl\":\"https://bot-api.kakao.com/v1/bots/1/callback/abc\""

TEST(an_utterance_becomes_an_event_and_is_received)
{
    const struct event *e = one_event(SKILL("환불해 주세요", ""));
    assert_str(e->conversation, "138");
    assert_str(e->customer, "138");
    assert_str(e->text, "환불해 주세요");
    assert_attribute(e, "event.block", "상담");
    assert_attribute(e, "event.param.order", "77");
    assert_attribute(e, "customer.plusfriend_user_key", "pf1");
    assert_attribute(e, "customer.app_user_id", "1234");
    assert_attribute(e, "reply.with", "");
    assert_str(buf_str(&c.answer.body), "{\"version\":\"2.0\",\"template\":{\"outputs\":[{\"simpleText\":{\"text\":"
                                        "\"문의가 접수되었습니다. 잠시만 기다려 주세요.\"}}]}}");
    assert_int_equal(c.answer.status, 200);
}

TEST(a_block_with_callbacks_is_answered_at_once_and_later)
{
    const struct event *e = one_event(SKILL("hi", CALLBACK));
    assert_attribute(e, "reply.with", "https://bot-api.kakao.com/v1/bots/1/callback/abc");
    assert_str(buf_str(&c.answer.body), "{\"version\":\"2.0\",\"useCallback\":true,\"data\":{\"text\":"
                                        "\"문의가 접수되었습니다. 잠시만 기다려 주세요.\"}}");
}

TEST(the_receipt_is_the_policys_own_in_the_customers_language)
{
    struct text_in in_two[] = { { "ko", "접수했습니다. 약 {wait}분 뒤에 답합니다." }, { "en", "Received." } };
    struct text received = { .name = "received", .v = in_two, .count = 2 };
    policy.texts = (struct text_list){ &received, 1 };
    account.receipt = 0;
    (void)one_event(SKILL("hi", ""));
    assert_non_null(strstr(buf_cstr(&c.answer.body), "{\"text\":\"접수했습니다.\"}")); /* the wait is not known */
    (void)one_event("{\"userRequest\":{\"user\":{\"id\":\"1\"},\"utterance\":\"x\",\"lang\":\"en\"}}");
    assert_non_null(strstr(buf_cstr(&c.answer.body), "{\"text\":\"Received.\"}"));
    in_two[0].text = "약 {wait}분 뒤에 답합니다.";
    (void)one_event(SKILL("hi", CALLBACK));
    assert_non_null(strstr(buf_cstr(&c.answer.body), "문의가 접수되었습니다"));
    policy.texts = (struct text_list){ 0 };
    account.receipt = -1;
    (void)one_event("{\"userRequest\":{\"user\":{\"id\":\"1\"},\"utterance\":\"x\",\"lang\":\"en\"}}");
    assert_non_null(strstr(buf_cstr(&c.answer.body), "We have your message"));
}

static void identity(char out[80], const char *body, uint64_t now)
{
    in.now = now;
    const struct event *e = one_event(body);
    snprintf(out, 80, "%.*s", STR_FMT(e->external));
}

TEST(what_comes_again_at_once_is_one_and_later_is_two)
{
    char a[80], b[80];
    identity(a, SKILL("네", ""), NOW);
    identity(b, SKILL("네", ""), NOW + 9999);
    assert_string_equal(a, b);
    identity(b, SKILL("네", ""), NOW + 60000);
    assert_string_not_equal(a, b);
    identity(b, SKILL("아니요", ""), NOW);
    assert_string_not_equal(a, b);
    identity(a, SKILL("네", CALLBACK), NOW);
    identity(b, SKILL("네", CALLBACK), NOW + 60000);
    assert_string_equal(a, b);
    identity(b, SKILL("네", ",\"callbackUrl\":\"https://bot-api.kakao.com/v1/bots/1/callback/abd\""), NOW);
    assert_string_not_equal(a, b);
}

static const char *const strange[] = {
    "http://bot-api.kakao.com/x",
    "https://kakao.com.evil.net/x",
    "https://evilkakao.com/x",
    "https://kakao.com/x",
    "https://a@bot-api.kakao.com/x",
    "https://bot-api.kakao.com:8443/x",
    "https://127.0.0.1/x",
    "https://evil.net#.kakao.com/",
    "https://evil.net?.kakao.com/",
    "file:///etc/passwd",
    "https://",
    "https://evil.net/.kakao.com/",
    "https://evil.net\\\\.kakao.com/",
    "HTTPS://bot-api.kakao.com/x",
};

TEST(a_callback_elsewhere_is_not_used)
{
    char body[2000];
    struct message_out m = { .by = STR("ann"), .text = STR("x") };
    for (size_t i = 0; i < COUNT_OF(strange); i++) {
        snprintf(body, sizeof body, SKILL("hi", ",\"callbackUrl\":\"%s\""), strange[i]);
        const struct event *e = one_event(body);
        if (attribute(e, "reply.with").n) fail_msg("taken: %s", strange[i]);
        assert_non_null(strstr(buf_cstr(&c.answer.body), "simpleText"));
        m.with = str_of(strange[i]);
        assert_unplanned(&m, "no address of Kakao's");
    }
    account.api = "http://127.0.0.1:9/cb";
    (void)one_event(SKILL("hi", ",\"callbackUrl\":\"http://127.0.0.1:9/cb/1\""));
    assert_non_null(strstr(buf_cstr(&c.answer.body), "useCallback"));
    (void)one_event(SKILL("hi", ",\"callbackUrl\":\"http://127.0.0.1:9/cbx/1\""));
    assert_null(strstr(buf_cstr(&c.answer.body), "useCallback"));
}

TEST(what_is_no_request_of_a_skill_is_refused)
{
    assert_refused("", 400, "malformed");
    assert_refused("[]", 400, "malformed");
    assert_refused("{\"userRequest\":{\"user\":{\"id\":\"1\"}}}", 400, "malformed");
    assert_refused("{\"userRequest\":{\"utterance\":\"x\"}}", 400, "malformed");
    account.id = "bot2";
    assert_refused(SKILL("hi", ""), 403, "other_account");
    account.id = "bot1";
    (void)one_event(SKILL("hi", ""));
}

static const struct message_out reply = { .conversation = STR("138"),
                                          .customer = STR("138"),
                                          .text = STR("네, 접수했습니다"),
                                          .by = STR("ann"),
                                          .with = STR("https://bot-api.kakao.com/v1/bots/1/callback/abc"),
                                          .heard = NOW,
                                          .now = NOW + 20000 };

TEST(the_first_reply_goes_to_the_callback)
{
    assert_planned(&reply, "https://bot-api.kakao.com/v1/bots/1/callback/abc", "",
                   "{\"version\":\"2.0\",\"template\":{\"outputs\":[{\"simpleText\":{\"text\":\"네, 접수했습니다\"}}]}}");
    assert_int_equal(sender_of(&door)->window_ms, 55000);
    assert_false(sender_of(&door)->repeatable);
}

TEST(what_cannot_reach_the_customer_is_refused_with_a_sentence)
{
    struct message_out m = reply;
    m.answered = true;
    assert_unplanned(&m, "the callback is used");
    m = reply, m.with = STR_NONE;
    assert_unplanned(&m, "no callback");
    m = reply, m.by = STR_NONE;
    assert_unplanned(&m, "the agent's");
    m = reply, m.text = STR_NONE;
    assert_unplanned(&m, "no text");
}

TEST(a_long_reply_is_three_bubbles_at_most)
{
    static char text[3004];
    struct message_out m = reply;
    memset(text, 'a', sizeof text);
    text[990] = ' ';
    m.text = (struct str){ text, 2900 };
    assert_int_equal(plan_it(&m), ERR_OK);
    size_t bubbles = 0;
    for (const char *at = buf_cstr(&plan.body); (at = strstr(at, "simpleText")); at++) bubbles++;
    assert_int_equal(bubbles, 3);
    assert_non_null(strstr(buf_cstr(&plan.body), "a \"}}"));
    m.text.n = 3001;
    assert_unplanned(&m, "3 bubbles");
}

TEST(answers_are_judged_as_kakao_documents_them)
{
    assert_judged(200, "{\"taskId\":\"t1\",\"status\":\"SUCCESS\",\"message\":\"\",\"timestamp\":1}", SEND_DONE, 0, "t1");
    assert_judged(200, "{\"taskId\":\"t1\",\"status\":\"FAIL\"}", SEND_REFUSED, 0, "t1");
    assert_judged(200, "{\"status\":\"ERROR\"}", SEND_REFUSED, 0, "");
    assert_judged(400, "", SEND_REFUSED, 0, "");
    assert_judged(500, "", SEND_UNKNOWN, 0, "");
}

int main(void)
{
#define AT_DOOR(name) cmocka_unit_test_setup_teardown(name, set_up, door_tear_down)
    const struct CMUnitTest tests[] = {
        AT_DOOR(the_skills_header_brings_the_secret),
        AT_DOOR(an_utterance_becomes_an_event_and_is_received),
        AT_DOOR(a_block_with_callbacks_is_answered_at_once_and_later),
        AT_DOOR(the_receipt_is_the_policys_own_in_the_customers_language),
        AT_DOOR(what_comes_again_at_once_is_one_and_later_is_two),
        AT_DOOR(a_callback_elsewhere_is_not_used),
        AT_DOOR(what_is_no_request_of_a_skill_is_refused),
        AT_DOOR(the_first_reply_goes_to_the_callback),
        AT_DOOR(what_cannot_reach_the_customer_is_refused_with_a_sentence),
        AT_DOOR(a_long_reply_is_three_bubbles_at_most),
        AT_DOOR(answers_are_judged_as_kakao_documents_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
