/* Slack: events, buttons and commands in, messages out. Vector: api.slack.com, "Verifying requests from Slack". */
#include "tests/unit/router/channel_unit.h"

extern const struct provider provider_slack;

static int set_up(void **state)
{
    UNUSED(state);
    return door_set_up(&provider_slack, "slack");
}

static void sign_as(const char *secret, uint64_t at_s, const char *body)
{
    static char at[24], prefix[40];
    snprintf(at, sizeof at, "%llu", (unsigned long long)at_s);
    snprintf(prefix, sizeof prefix, "v0:%s:", at);
    headers[0] = "x-slack-request-timestamp", headers[1] = at;
    headers[2] = "x-slack-signature", headers[3] = signed_with(secret, "v0=", prefix, body, false);
}

static const char command[] =
    "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&"
    "user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2F"
    "commands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121."
    "803a0bc887a14d10d2c447fce8b6703c";

TEST(the_signature_of_slacks_own_example_is_good)
{
    secret_set(&door.secrets[1], "8f742231b10e8888abcd99yyyzzz85a5");
    headers[0] = "x-slack-request-timestamp", headers[1] = "1531420618";
    headers[2] = "x-slack-signature", headers[3] = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    in.type = STR("application/x-www-form-urlencoded");
    in.now = 1531420618000;
    assert_int_equal(verify(command), VERIFIED);
    headers[1] = "1531420619";
    assert_int_equal(verify(command), BAD_SIGNATURE);
}

TEST(a_signature_is_good_for_five_minutes)
{
    sign_as("it is a secret", NOW / 1000 - 300, "{}");
    assert_int_equal(verify("{}"), VERIFIED);
    sign_as("it is a secret", NOW / 1000 - 301, "{}");
    assert_int_equal(verify("{}"), OLD_TIMESTAMP);
    sign_as("it is a secret", NOW / 1000 + 301, "{}");
    assert_int_equal(verify("{}"), OLD_TIMESTAMP);
    sign_as("of another app", NOW / 1000 - 301, "{}");
    assert_int_equal(verify("{}"), BAD_SIGNATURE);
}

TEST(what_is_not_slacks_is_refused)
{
    assert_int_equal(verify("{}"), UNSIGNED);
    sign_as("the next one", NOW / 1000, "{}");
    assert_int_equal(verify("{}"), VERIFIED);
    assert_int_equal(verify("{ }"), BAD_SIGNATURE);
    in.type = STR("text/plain");
    assert_int_equal(verify("{}"), BAD_TYPE);
    in.type = STR("application/json");
    headers[1] = "now";
    assert_int_equal(verify("{}"), BAD_SIGNATURE);
    headers[2] = NULL;
    assert_int_equal(verify("{}"), UNSIGNED);
}

TEST(the_challenge_is_answered)
{
    assert_no_event("{\"token\":\"Jhj5\",\"challenge\":\"3eZbrw1aB\",\"type\":\"url_verification\"}");
    assert_str(buf_str(&c.answer.body), "3eZbrw1aB");
    assert_string_equal(c.answer.type, "text/plain");
}

#define OUTER(event)                                                                                                               \
    "{\"type\":\"event_callback\",\"team_id\":\"T1\",\"api_app_id\":\"A1\",\"event_id\":\"Ev08\",\"authorizations\":[{\"user_"     \
    "id\":"                                                                                                                        \
    "\"UBOT\",\"is_bot\":true}],\"event\":{" event "}}"
#define SAID(kind, more)                                                                                                           \
    "\"type\":\"message\",\"channel\":\"C1\",\"channel_type\":\"" kind                                                             \
    "\",\"user\":\"U1\",\"text\":\"help\",\"ts\":\"1355517523.000005\"" more

TEST(with_one_person_the_channel_is_the_conversation)
{
    const struct event *e = one_event(OUTER(SAID("im", "")));
    assert_str(e->external, "C1:1355517523.000005");
    assert_str(e->conversation, "C1");
    assert_str(e->customer, "U1");
    assert_str(e->text, "help");
    assert_attribute(e, "event.at", "2012-12-14T20:38:43.000Z");
    assert_attribute(e, "reply.with", "");
    e = one_event(OUTER(SAID("mpim", ",\"thread_ts\":\"13.1\"")));
    assert_str(e->conversation, "C1");
    assert_attribute(e, "reply.with", "13.1");
}

TEST(in_a_channel_a_thread_is_the_conversation)
{
    const struct event *e = one_event(OUTER(SAID("channel", "")));
    assert_str(e->conversation, "C1/1355517523.000005");
    e = one_event(OUTER(SAID("group", ",\"thread_ts\":\"13.1\"")));
    assert_str(e->conversation, "C1/13.1");
}

TEST(a_mention_is_the_message_that_it_stands_in)
{
    const struct event *e = one_event(OUTER("\"type\":\"app_mention\",\"channel\":\"C1\",\"user\":\"U1\",\"text\":\"<@UBOT> help\","
                                            "\"ts\":\"1355517523.000005\""));
    assert_str(e->external, "C1:1355517523.000005");
    assert_str(e->conversation, "C1/1355517523.000005");
    assert_str(e->text, "@UBOT help");
}

TEST(text_is_told_as_people_wrote_it)
{
    const struct event *e =
        one_event(OUTER("\"type\":\"message\",\"channel\":\"D1\",\"channel_type\":\"im\",\"user\":\"U1\",\"ts\":\"1.1\",\"text\":"
                        "\"a &lt;b&gt; &amp;amp; <https://x.kr|here> <https://y.kr> <@U2|ann> <#C9|general> <!here> "
                        "<mailto:a@b.kr|a@b.kr> 5 < 6\""));
    assert_str(e->text, "a <b> &amp; here (https://x.kr) https://y.kr @ann #general @here a@b.kr 5 < 6");
}

TEST(files_are_told)
{
    const struct event *e = one_event(OUTER(
        "\"type\":\"message\",\"subtype\":\"file_share\",\"channel\":\"D1\",\"channel_type\":\"im\",\"user\":\"U1\",\"ts\":\"1.1\","
        "\"text\":\"\",\"files\":[{\"name\":\"a.png\",\"mimetype\":\"image/png\",\"url_private\":\"https://files.slack.com/a\"}]"));
    assert_str(e->text, "[image/png]");
    assert_attribute(e, "event.attachments", "1");
    assert_attribute(e, "event.attachment.1", "image/png a.png https://files.slack.com/a");
}

TEST(what_is_no_word_of_a_person_makes_no_event)
{
    static const char *const bodies[] = {
        OUTER(SAID("im", ",\"bot_id\":\"B1\"")),
        OUTER(SAID("im", ",\"subtype\":\"bot_message\"")),
        OUTER(SAID("im", ",\"subtype\":\"message_changed\"")),
        OUTER(SAID("im", ",\"subtype\":\"message_deleted\"")),
        OUTER(SAID("channel", ",\"subtype\":\"channel_join\"")),
        OUTER(SAID("channel", ",\"subtype\":\"of tomorrow\"")),
        OUTER("\"type\":\"message\",\"channel\":\"D1\",\"channel_type\":\"im\",\"user\":\"UBOT\",\"text\":\"ours\",\"ts\":\"1.1\""),
        OUTER("\"type\":\"message\",\"channel\":\"D1\",\"channel_type\":\"im\",\"text\":\"of nobody\",\"ts\":\"1.1\""),
        OUTER("\"type\":\"message\",\"user\":\"U1\",\"text\":\"nowhere\",\"ts\":\"1.1\""),
        OUTER("\"type\":\"reaction_added\""),
        OUTER("\"type\":\"of tomorrow\""),
        "{\"type\":\"event_callback\"}",
        "{\"type\":\"app_rate_limited\"}",
        "{\"type\":\"of tomorrow\"}",
    };
    for (size_t i = 0; i < COUNT_OF(bodies); i++) assert_no_event(bodies[i]);
}

TEST(what_is_of_another_workspace_is_left_out)
{
    account.id = "T2";
    assert_no_event(OUTER(SAID("im", "")));
    account.id = "T1";
    (void)one_event(OUTER(SAID("im", "")));
    account.id = "A1";
    (void)one_event(OUTER(SAID("im", "")));
}

/* payload={"type":"block_actions",…} as a form, made of JSON by escaping what a form must. */
static const char *payload(const char *json)
{
    static char out[4096];
    size_t n = (size_t)snprintf(out, sizeof out, "payload=");
    for (; *json; json++) n += (size_t)snprintf(out + n, sizeof out - n, strchr("{}\":,[] &%=+", *json) ? "%%%02X" : "%c", *json);
    in.type = STR("application/x-www-form-urlencoded");
    return out;
}

TEST(a_pressed_button_is_an_event)
{
    const struct event *e = one_event(payload(
        "{\"type\":\"block_actions\",\"team\":{\"id\":\"T1\"},\"user\":{\"id\":\"U1\",\"username\":\"ann\"},\"channel\":{\"id\":"
        "\"C1\"},"
        "\"message\":{\"ts\":\"12.1\"},\"actions\":[{\"action_id\":\"ok\",\"text\":{\"text\":\"Yes &amp; go\"},\"value\":\"v1\","
        "\"action_ts\":\"1548426417.840180\"}]}"));
    assert_str(e->external, "action:C1:1548426417.840180");
    assert_str(e->conversation, "C1/12.1");
    assert_str(e->text, "Yes & go");
    assert_str(e->name, "ann");
    assert_attribute(e, "event.action", "ok");
    assert_attribute(e, "event.payload", "v1");
    assert_no_event(payload("{\"type\":\"view_submission\"}"));
    assert_no_event(payload("{\"type\":\"block_actions\",\"actions\":[]}"));
    assert_refused(payload("{\"type\":"), 400, "malformed");
}

TEST(a_command_is_an_event)
{
    in.type = STR("application/x-www-form-urlencoded");
    const struct event *e = one_event(command);
    assert_str(e->external, "command:398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c");
    assert_str(e->conversation, "G8PSS9T3V:U2CERLKJA");
    assert_str(e->customer, "U2CERLKJA");
    assert_str(e->name, "roadrunner");
    assert_str(e->text, "/webhook-collect");
    e = one_event("command=%2Fhelp&text=refund+please&channel_id=D1&user_id=U1&trigger_id=1.2");
    assert_str(e->text, "refund please");
    assert_str(e->conversation, "D1");
    assert_attribute(e, "event.command", "/help");
    e = one_event("command=%2Fhelp&text=%3C%3E&channel_id=D1&user_id=U1&trigger_id=1.2");
    assert_str(e->text, "/help");
    assert_no_event("command=%2Fhelp&text=x");
    assert_no_event("ssl_check=1&token=x");
    assert_refused("a=b", 400, "malformed");
}

TEST(what_is_no_delivery_is_refused)
{
    assert_refused("", 400, "malformed");
    assert_refused("[]", 400, "malformed");
    assert_refused("{\"event\":{}}", 400, "malformed");
}

static const struct message_out reply = {
    .conversation = STR("C1/13.1"), .customer = STR("U1"), .text = STR("a < b & *c*"), .by = STR("ann"), .heard = NOW, .now = NOW
};
#define HEAD "Authorization: Bearer tok-1\nContent-Type: application/json; charset=utf-8\n"

TEST(replies_go_to_the_channel_and_its_thread)
{
    struct message_out m = reply;
    assert_planned(&m, "https://slack.com/api/chat.postMessage", HEAD,
                   "{\"channel\":\"C1\",\"thread_ts\":\"13.1\",\"mrkdwn\":false,\"text\":\"a &lt; b &amp; *c*\"}");
    account.api = "http://127.0.0.1:9/api";
    m.conversation = STR("D1"), m.text = STR("x");
    assert_planned(&m, "http://127.0.0.1:9/api/chat.postMessage", HEAD, "{\"channel\":\"D1\",\"mrkdwn\":false,\"text\":\"x\"}");
    m.with = STR("14.2");
    assert_planned(&m, "http://127.0.0.1:9/api/chat.postMessage", HEAD,
                   "{\"channel\":\"D1\",\"thread_ts\":\"14.2\",\"mrkdwn\":false,\"text\":\"x\"}");
    m.with = STR_NONE, m.conversation = STR("C1:U1");
    assert_planned(&m, "http://127.0.0.1:9/api/chat.postMessage", HEAD, "{\"channel\":\"C1\",\"mrkdwn\":false,\"text\":\"x\"}");
    m.conversation = STR_NONE;
    assert_unplanned(&m, "no channel");
    door.token.n = 0;
    assert_unplanned(&reply, "no `token`");
}

TEST(answers_are_judged_as_slack_documents_them)
{
    assert_judged(200, "{\"ok\":true,\"channel\":\"C1\",\"ts\":\"1503435956.000247\"}", SEND_DONE, 0, "1503435956.000247");
    assert_judged(200, "{\"ok\":false,\"error\":\"channel_not_found\"}", SEND_REFUSED, 0, "");
    assert_judged(200, "{\"ok\":false,\"error\":\"invalid_auth\"}", SEND_REFUSED, 0, "");
    assert_judged(200, "{\"ok\":false,\"error\":\"ratelimited\"}", SEND_AGAIN, 0, "");
    assert_judged(200, "{\"ok\":false,\"error\":\"fatal_error\"}", SEND_UNKNOWN, 0, "");
    assert_judged(200, "{\"ok\":false,\"error\":\"of_tomorrow\"}", SEND_REFUSED, 0, "");
    assert_non_null(strstr(result.why, "of_tomorrow"));
    assert_judged(200, "{\"ok\":false,\"error\":\"<script>\"}", SEND_REFUSED, 0, "");
    assert_null(strstr(result.why, "<"));
    assert_judged(200, "no json", SEND_UNKNOWN, 0, "");
    assert_judged(429, "{\"ok\":false,\"error\":\"ratelimited\"}", SEND_AGAIN, 7000, "");
    assert_judged(500, "", SEND_UNKNOWN, 0, "");
}

int main(void)
{
#define AT_DOOR(name) cmocka_unit_test_setup_teardown(name, set_up, door_tear_down)
    const struct CMUnitTest tests[] = {
        AT_DOOR(the_signature_of_slacks_own_example_is_good),
        AT_DOOR(a_signature_is_good_for_five_minutes),
        AT_DOOR(what_is_not_slacks_is_refused),
        AT_DOOR(the_challenge_is_answered),
        AT_DOOR(with_one_person_the_channel_is_the_conversation),
        AT_DOOR(in_a_channel_a_thread_is_the_conversation),
        AT_DOOR(a_mention_is_the_message_that_it_stands_in),
        AT_DOOR(text_is_told_as_people_wrote_it),
        AT_DOOR(files_are_told),
        AT_DOOR(what_is_no_word_of_a_person_makes_no_event),
        AT_DOOR(what_is_of_another_workspace_is_left_out),
        AT_DOOR(a_pressed_button_is_an_event),
        AT_DOOR(a_command_is_an_event),
        AT_DOOR(what_is_no_delivery_is_refused),
        AT_DOOR(replies_go_to_the_channel_and_its_thread),
        AT_DOOR(answers_are_judged_as_slack_documents_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
