/* Meta: Messenger, Instagram and WhatsApp, in and out. The signature's vector is the one that GitHub documents for the same header.
 */
#include "tests/unit/router/channel_unit.h"

extern const struct provider provider_meta;

static int set_up(void **state)
{
    UNUSED(state);
    return door_set_up(&provider_meta, "messenger");
}

TEST(a_known_signature_is_good)
{
    secret_set(&door.secrets[1], "It's a Secret to Everybody");
    headers[0] = "x-hub-signature-256", headers[1] = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert_int_equal(verify("Hello, World!"), VERIFIED);
    assert_int_equal(verify("Hello, World?"), BAD_SIGNATURE);
}

TEST(another_secret_another_scheme_and_none_are_refused)
{
    assert_int_equal(verify("{}"), UNSIGNED);
    headers[0] = "x-hub-signature-256", headers[1] = signed_with("the next one", "sha256=", "", "{}", false);
    assert_int_equal(verify("{}"), VERIFIED);
    headers[1] = signed_with("of another app", "sha256=", "", "{}", false);
    assert_int_equal(verify("{}"), BAD_SIGNATURE);
    headers[1] = signed_with("it is a secret", "sha1=", "", "{}", false);
    assert_int_equal(verify("{}"), BAD_SIGNATURE);
    headers[1] = "sha256=";
    assert_int_equal(verify("{}"), BAD_SIGNATURE);
}

TEST(the_challenge_is_answered_to_who_knows_the_word)
{
    in.method = HTTP_M_GET;
    in.query = STR("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=the%20word");
    assert_int_equal(verify(""), VERIFIED);
    assert_no_event("");
    assert_int_equal(c.answer.status, 200);
    assert_string_equal(c.answer.type, "text/plain");
    assert_str(buf_str(&c.answer.body), "1158201444");
    in.query = STR("hub.mode=subscribe&hub.challenge=1&hub.verify_token=another");
    assert_refused("", 403, "challenge");
    in.query = STR("hub.mode=subscribe&hub.challenge=1&hub.verify_token=");
    assert_refused("", 403, "challenge");
    in.query = STR("hub.mode=subscribe&hub.challenge=1");
    door.verify.n = 0;
    assert_refused("", 403, "challenge");
    in.query = STR("");
    assert_refused("", 400, "malformed");
}

#define PAGE(messaging) "{\"object\":\"page\",\"entry\":[{\"id\":\"P1\",\"time\":1458692752478,\"messaging\":[" messaging "]}]}"
#define FROM            "\"sender\":{\"id\":\"USER-1\"},\"recipient\":{\"id\":\"P1\"},\"timestamp\":1458692752478,"

TEST(a_text_of_messenger_becomes_an_event)
{
    const struct event *e = one_event(PAGE("{" FROM "\"message\":{\"mid\":\"mid.145\",\"text\":\"hello\","
                                           "\"quick_reply\":{\"payload\":\"GREEN\"},\"reply_to\":{\"mid\":\"mid.1\"}}}"));
    assert_str(e->external, "mid.145");
    assert_str(e->conversation, "USER-1");
    assert_str(e->customer, "USER-1");
    assert_str(e->text, "hello");
    assert_attribute(e, "event.at", "2016-03-23T00:25:52.478Z");
    assert_attribute(e, "event.payload", "GREEN");
    assert_attribute(e, "event.reply_to", "mid.1");
}

TEST(pictures_postbacks_and_referrals_are_told)
{
    const struct event *e = one_event(PAGE("{" FROM "\"message\":{\"mid\":\"m\",\"attachments\":[{\"type\":\"image\",\"payload\":"
                                           "{\"url\":\"https://x/1.jpg\"}},{\"type\":\"file\",\"payload\":{}}]}}"));
    assert_str(e->text, "[image]");
    assert_attribute(e, "event.attachments", "2");
    assert_attribute(e, "event.attachment.1", "image https://x/1.jpg");
    assert_attribute(e, "event.attachment.2", "file");
    e = one_event(PAGE("{" FROM "\"postback\":{\"title\":\"Start\",\"payload\":\"GO\",\"referral\":{\"ref\":\"poster\","
                       "\"source\":\"SHORTLINK\",\"ad_id\":6045246247433}}}"));
    assert_str(e->external, "postback:USER-1:1458692752478");
    assert_str(e->text, "Start");
    assert_attribute(e, "event.payload", "GO");
    assert_attribute(e, "event.referral", "poster");
    assert_attribute(e, "event.referral.source", "SHORTLINK");
    assert_attribute(e, "event.referral.ad", "6045246247433");
}

TEST(instagram_comes_in_the_same_form)
{
    const struct event *e =
        one_event("{\"object\":\"instagram\",\"entry\":[{\"id\":178,\"messaging\":[{\"sender\":{\"id\":\"IG1\"},"
                  "\"message\":{\"mid\":\"aW\",\"text\":\"안녕\",\"reply_to\":{\"story\":{\"id\":\"S1\"}}}}]}]}");
    assert_str(e->text, "안녕");
    assert_attribute(e, "event.story", "S1");
}

#define WA(value)                                                                                                                  \
    "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"0\",\"changes\":[{\"field\":\"messages\",\"value\":{" value    \
    "}}]}]}"
#define WA_FROM                                                                                                                    \
    "\"messaging_product\":\"whatsapp\",\"metadata\":{\"display_phone_number\":\"16505551111\",\"phone_number_id\":\"123456123\"}" \
    ","                                                                                                                            \
    "\"contacts\":[{\"profile\":{\"name\":\"other\"},\"wa_id\":\"1\"},{\"profile\":{\"name\":\"Kim\"},\"wa_id\":\"16315551181\"}]" \
    ","
#define WA_ONE(more) WA(WA_FROM "\"messages\":[{\"from\":\"16315551181\",\"id\":\"ABGG\",\"timestamp\":\"1504902988\"," more "}]")

TEST(a_text_of_whatsapp_becomes_an_event_with_a_name)
{
    const struct event *e = one_event(WA_ONE("\"type\":\"text\",\"text\":{\"body\":\"hi\"},\"context\":{\"id\":\"wamid.0\"}"));
    assert_str(e->external, "ABGG");
    assert_str(e->conversation, "16315551181");
    assert_str(e->name, "Kim");
    assert_str(e->text, "hi");
    assert_attribute(e, "event.at", "2017-09-08T20:36:28.000Z");
    assert_attribute(e, "event.reply_to", "wamid.0");
}

TEST(a_customer_without_a_number_is_known_by_the_id_that_whatsapp_gives)
{
    const struct event *e =
        one_event(WA("\"contacts\":[{\"profile\":{\"name\":\"Kim\"},\"user_id\":\"KR.134\"}],\"messages\":[{"
                     "\"from_user_id\":\"KR.134\",\"id\":\"w\",\"type\":\"text\",\"text\":{\"body\":\"hi\"}}]"));
    assert_str(e->customer, "KR.134");
    assert_str(e->name, "Kim");
}

static const struct wa_case {
    const char *body, *text, *key, *value;
} wa_cases[] = {
    { WA_ONE("\"type\":\"interactive\",\"interactive\":{\"type\":\"of tomorrow\"}"), "[interactive]", "event.payload", "" },
    { WA_ONE("\"type\":\"button\",\"button\":{\"text\":\"No\",\"payload\":\"NO-1\"}"), "No", "event.payload", "NO-1" },
    { WA_ONE("\"type\":\"interactive\",\"interactive\":{\"type\":\"button_reply\",\"button_reply\":{\"id\":\"b1\",\"title\":"
             "\"Yes\"}}"),
      "Yes", "event.payload", "b1" },
    { WA_ONE(
          "\"type\":\"interactive\",\"interactive\":{\"type\":\"list_reply\",\"list_reply\":{\"id\":\"l1\",\"title\":\"Seoul\"}}"),
      "Seoul", "event.payload", "l1" },
    { WA_ONE("\"type\":\"image\",\"image\":{\"id\":\"77\",\"mime_type\":\"image/jpeg\",\"caption\":\"look\"}"), "look",
      "event.attachment.1", "image image/jpeg 77" },
    { WA_ONE("\"type\":\"document\",\"document\":{\"id\":\"78\",\"filename\":\"bill.pdf\"}"), "[document]", "event.attachment.1",
      "document bill.pdf 78" },
    { WA_ONE("\"type\":\"location\",\"location\":{\"latitude\":37.5,\"longitude\":127,\"name\":\"Office\"}"), "[location]",
      "event.location", "37.500000,127.000000" },
    { WA_ONE("\"type\":\"text\",\"text\":{\"body\":\"ad\"},\"referral\":{\"source_url\":\"https://fb.me/1\",\"source_type\":\"ad\","
             "\"source_id\":\"99\",\"headline\":\"Sale\"}"),
      "ad", "event.referral.ad", "99" },
};

TEST(every_kind_of_whatsapp_message_has_words)
{
    for (size_t i = 0; i < COUNT_OF(wa_cases); i++) {
        const struct event *e = one_event(wa_cases[i].body);
        assert_str(e->text, wa_cases[i].text);
        assert_attribute(e, wa_cases[i].key, wa_cases[i].value);
    }
}

TEST(what_is_no_word_of_a_customer_makes_no_event)
{
    static const char *const bodies[] = {
        PAGE("{" FROM "\"message\":{\"mid\":\"m\",\"text\":\"ours\",\"is_echo\":true}}"),
        PAGE("{" FROM "\"message\":{\"mid\":\"m\",\"is_deleted\":true}}"),
        PAGE("{" FROM "\"message\":{\"mid\":\"m\",\"is_unsupported\":true}}"),
        PAGE("{" FROM "\"message\":{\"text\":\"without an id\"}}"),
        PAGE("{" FROM "\"delivery\":{\"mids\":[\"m\"],\"watermark\":1}}"),
        PAGE("{" FROM "\"read\":{\"watermark\":1}}"),
        PAGE("{" FROM "\"reaction\":{\"reaction\":\"love\"}}"),
        PAGE("{" FROM "\"of tomorrow\":{}}"),
        PAGE("{\"message\":{\"mid\":\"m\",\"text\":\"of nobody\"}}"),
        PAGE("1,null,[],\"x\""),
        "{\"object\":\"page\",\"entry\":[{\"id\":\"P1\",\"standby\":[{" FROM "\"message\":{\"mid\":\"m\",\"text\":\"x\"}}]}]}",
        "{\"object\":\"instagram\",\"entry\":[{\"id\":\"P1\",\"changes\":[{\"field\":\"comments\",\"value\":{}}]}]}",
        "{\"object\":\"user\",\"entry\":[{}]}",
        "{\"object\":\"page\",\"entry\":[null,1,{}]}",
        WA("\"statuses\":[{\"id\":\"w\",\"status\":\"delivered\"},{\"id\":\"w\",\"status\":\"of tomorrow\"}]"),
        WA("\"errors\":[{\"code\":130429}]"),
        WA_ONE("\"type\":\"reaction\",\"reaction\":{\"emoji\":\"x\"}"),
        WA_ONE("\"type\":\"unsupported\""),
        WA_ONE("\"type\":\"system\",\"system\":{}"),
        WA("\"messages\":[{\"id\":\"w\",\"type\":\"text\",\"text\":{\"body\":\"of nobody\"}}]"),
    };
    for (size_t i = 0; i < COUNT_OF(bodies); i++) assert_no_event(bodies[i]);
}

TEST(entries_of_another_account_are_left_out_and_the_rest_is_taken)
{
    account.id = "P2";
    const struct event *e = one_event("{\"object\":\"page\",\"entry\":[{\"id\":\"P1\",\"messaging\":[{" FROM
                                      "\"message\":{\"mid\":\"1\",\"text\":\"x\"}}]},{\"id\":\"P2\",\"messaging\":[{" FROM
                                      "\"message\":{\"mid\":\"2\",\"text\":\"y\"}}]}]}");
    assert_str(e->external, "2");
    assert_no_event(WA_ONE("\"type\":\"text\",\"text\":{\"body\":\"hi\"}"));
    account.id = "123456123";
    (void)one_event(WA_ONE("\"type\":\"text\",\"text\":{\"body\":\"hi\"}"));
}

TEST(an_entry_of_another_form_keeps_none_of_its_neighbours_out)
{
    static const char *const odd[] = { "null",
                                       "7",
                                       "[]",
                                       "{}",
                                       "{\"messaging\":7}",
                                       "{\"messaging\":{\"a\":1}}",
                                       "{\"messaging\":[null,7,{},{\"message\":7},{\"message\":{\"text\":\"x\",\"mid\":\"m\"}}]}",
                                       ("{\"messaging\":[{\"sender\":[],\"message\":{\"text\":\"x\",\"mid\":7}},{\"postback\":[]},"
                                        "{\"delivery\":{\"mids\":7}}]}"),
                                       "{\"changes\":[7,{\"value\":null}],\"standby\":{}}" };
    char body[2048];
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        snprintf(
            body, sizeof body,
            "{\"object\":\"page\",\"entry\":[%s,{\"messaging\":[{\"sender\":{\"id\":\"s\"},\"message\":{\"mid\":\"m1\",\"text\":"
            "\"hi\"}}]},%s]}",
            odd[i], odd[i]);
        assert_str(one_event(body)->text, "hi");
        snprintf(
            body, sizeof body,
            "{\"object\":\"whatsapp_business_account\",\"entry\":[%s,{\"changes\":[{\"field\":\"messages\",\"value\":{\"messages\":"
            "[%s,{\"from\":\"82\",\"id\":\"w1\",\"type\":\"text\",\"text\":{\"body\":\"hi\"}}]}}]}]}",
            odd[i], odd[i]);
        assert_str(one_event(body)->text, "hi");
    }
}

TEST(a_batch_is_taken_to_its_limit_and_refused_beyond)
{
    struct buf b;
    buf_init(&b, 1u << 20);
    for (unsigned most = LIM_CHANNEL_EVENTS; most <= LIM_CHANNEL_EVENTS + 1; most++) {
        buf_clear(&b);
        buf_addz(&b, "{\"object\":\"page\",\"entry\":[{\"id\":\"P1\",\"messaging\":[");
        for (unsigned i = 0; i < most; i++)
            buf_addf(&b, "%s{\"sender\":{\"id\":\"%u\"},\"message\":{\"mid\":\"m%u\",\"text\":\"x\"}}", i ? "," : "", i % 7, i);
        buf_addz(&b, "]}]}");
        if (most > LIM_CHANNEL_EVENTS) {
            assert_refused(buf_cstr(&b), 413, "batch");
        } else {
            assert_int_equal(read_it(buf_cstr(&b)), ERR_OK);
            assert_int_equal(c.count, LIM_CHANNEL_EVENTS);
        }
    }
    forget();
    buf_fini(&b);
}

TEST(what_is_no_delivery_is_refused)
{
    assert_refused("", 400, "malformed");
    assert_refused("{", 400, "malformed");
    assert_refused("[]", 400, "malformed");
    assert_refused("{\"object\":\"page\"}", 400, "malformed");
    assert_refused("{\"object\":\"page\",\"entry\":{}}", 400, "malformed");
}

static const struct message_out reply = { .conversation = STR("USER-1"),
                                          .customer = STR("USER-1"),
                                          .text = STR("네 \"곧\""),
                                          .by = STR("ann"),
                                          .heard = NOW,
                                          .now = NOW + 1000 };

TEST(messenger_and_instagram_are_answered_under_the_window_that_is_open)
{
    struct message_out m = reply;
    assert_planned(&m, "https://graph.facebook.com/v23.0/me/messages", "Authorization: Bearer tok-1\n",
                   "{\"recipient\":{\"id\":\"USER-1\"},\"messaging_type\":\"RESPONSE\",\"message\":{\"text\":\"네 \\\"곧\\\"\"}}");
    m.now = NOW + 86400001;
    account.api = "http://127.0.0.1:9/v1";
    assert_planned(&m, "http://127.0.0.1:9/v1/me/messages", "Authorization: Bearer tok-1\n",
                   "{\"recipient\":{\"id\":\"USER-1\"},\"messaging_type\":\"MESSAGE_TAG\",\"tag\":\"HUMAN_AGENT\","
                   "\"message\":{\"text\":\"네 \\\"곧\\\"\"}}");
    m.by = STR_NONE;
    assert_unplanned(&m, "only a person");
    m = reply, m.customer = STR_NONE;
    assert_unplanned(&m, "customer's id");
    assert_int_equal(sender_of(&door)->window_ms, 604800000);
    door.channel = "instagram";
    assert_int_equal(sender_of(&door)->text_max, 250);
}

TEST(whatsapp_is_answered_from_its_phone_number)
{
    struct message_out m = reply;
    door.channel = "whatsapp";
    m.customer = STR("16315551181");
    assert_unplanned(&m, "`id`");
    account.id = "123456123";
    assert_planned(&m, "https://graph.facebook.com/v23.0/123456123/messages", "Authorization: Bearer tok-1\n",
                   "{\"messaging_product\":\"whatsapp\",\"recipient_type\":\"individual\",\"to\":\"16315551181\",\"type\":\"text\","
                   "\"text\":{\"preview_url\":false,\"body\":\"네 \\\"곧\\\"\"}}");
    m.customer = STR("KR.134");
    assert_int_equal(plan_it(&m), ERR_OK);
    assert_non_null(strstr(buf_cstr(&plan.body), "\"recipient\":\"KR.134\""));
    account.id = "../me";
    assert_unplanned(&m, "`id`");
    assert_int_equal(sender_of(&door)->window_ms, 86400000);
}

#define ERROR(code, more) "{\"error\":{\"message\":\"m\",\"type\":\"OAuthException\",\"code\":" code ",\"error_subcode\":" more "}}"

TEST(answers_are_judged_as_meta_documents_them)
{
    assert_judged(200, "{\"recipient_id\":\"USER-1\",\"message_id\":\"m_AG5\"}", SEND_DONE, 0, "m_AG5");
    assert_judged(200, "{\"messages\":[{\"id\":\"wamid.HB\"}]}", SEND_DONE, 0, "wamid.HB");
    assert_judged(400, ERROR("190", "460"), SEND_REFUSED, 0, "");
    assert_judged(400, ERROR("10", "2018278"), SEND_REFUSED, 0, "");
    assert_non_null(strstr(result.why, "window"));
    assert_non_null(strstr(result.why, "10/2018278"));
    assert_judged(400, ERROR("131047", "0"), SEND_REFUSED, 0, "");
    assert_judged(400, ERROR("613", "1"), SEND_AGAIN, 0, "");
    assert_judged(429, ERROR("130429", "0"), SEND_AGAIN, 7000, "");
    assert_judged(429, ERROR("190", "0"), SEND_REFUSED, 0, "");
    assert_judged(400, ERROR("4", "0"), SEND_AGAIN, 0, "");
    assert_judged(400, ERROR("80007", "0"), SEND_AGAIN, 0, "");
    assert_judged(400, ERROR("999999", "0"), SEND_REFUSED, 0, "");
    assert_judged(500, ERROR("1", "0"), SEND_UNKNOWN, 0, "");
    assert_judged(400, "{\"error\":7}", SEND_REFUSED, 0, "");
    assert_judged(502, "<html>", SEND_UNKNOWN, 0, "");
}

int main(void)
{
#define AT_DOOR(name) cmocka_unit_test_setup_teardown(name, set_up, door_tear_down)
    const struct CMUnitTest tests[] = {
        AT_DOOR(a_known_signature_is_good),
        AT_DOOR(another_secret_another_scheme_and_none_are_refused),
        AT_DOOR(the_challenge_is_answered_to_who_knows_the_word),
        AT_DOOR(a_text_of_messenger_becomes_an_event),
        AT_DOOR(pictures_postbacks_and_referrals_are_told),
        AT_DOOR(instagram_comes_in_the_same_form),
        AT_DOOR(a_text_of_whatsapp_becomes_an_event_with_a_name),
        AT_DOOR(a_customer_without_a_number_is_known_by_the_id_that_whatsapp_gives),
        AT_DOOR(every_kind_of_whatsapp_message_has_words),
        AT_DOOR(what_is_no_word_of_a_customer_makes_no_event),
        AT_DOOR(entries_of_another_account_are_left_out_and_the_rest_is_taken),
        AT_DOOR(an_entry_of_another_form_keeps_none_of_its_neighbours_out),
        AT_DOOR(a_batch_is_taken_to_its_limit_and_refused_beyond),
        AT_DOOR(what_is_no_delivery_is_refused),
        AT_DOOR(messenger_and_instagram_are_answered_under_the_window_that_is_open),
        AT_DOOR(whatsapp_is_answered_from_its_phone_number),
        AT_DOOR(answers_are_judged_as_meta_documents_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
