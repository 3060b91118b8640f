/* Twilio without a loop: signatures by the documentation's own example, forms, texts, requests out, answers, and TwiML. */
#include "channel_unit.h"
#include "router/channels/twilio.h"
#include "router/channels/twiml.h"

#define SID "AC0123456789abcdef0123456789abcdef"

static int set_up(void **state)
{
    UNUSED(state);
    int bad = door_set_up(providers[PROVIDER_TWILIO], "sms");
    in.type = STR("application/x-www-form-urlencoded");
    account.id = SID;
    account.from = "+8215880000";
    policy.public_url = "https://naru.example.com";
    door.token.n = 0;
    return bad;
}

static const char *base64_of(const char *secret, const char *text)
{
    static char out[64];
    struct mac mac;
    const struct str part = str_of(text);
    assert_int_equal(sign_hmac(&mac, SIGN_SHA1, str_of(secret), &part, 1), ERR_OK);
    sign_base64(mac.p, mac.n, out);
    return out;
}

/* ---- signatures ---- */

/* https://www.twilio.com/docs/usage/security#validating-requests: token 12345 */
static const char example[] = "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212";
static const char example_url[] = "https://mycompany.com/myapp.php?foo=1&bar=2";

TEST(the_signature_of_the_documentations_example_is_good)
{
    secret_set(&door.secrets[1], "12345");
    account.id = NULL;
    in.url = str_of(example_url);
    headers[0] = "x-twilio-signature", headers[1] = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
    assert_int_equal(verify(example), VERIFIED);
    in.url = STR("https://mycompany.com:443/myapp.php?foo=1&bar=2"); /* it was signed without its port */
    assert_int_equal(verify(example), VERIFIED);
    in.url = STR("https://mycompany.com/myapp.php?foo=1&bar=3");
    assert_int_equal(verify(example), BAD_SIGNATURE);
    in.url = str_of(example_url);
    assert_int_equal(verify("CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1235&From=%2B14158675309&To=%2B18005551212"),
                     BAD_SIGNATURE);
    headers[1] = "";
    assert_int_equal(verify(example), UNSIGNED);
}

TEST(parameters_are_signed_in_order_and_the_same_twice_counts_once)
{
    in.url = STR("http://h/p");
    headers[0] = "x-twilio-signature", headers[1] = base64_of("it is a secret", "http://h:80/pa1a2b");
    account.id = NULL;
    assert_int_equal(verify("b=&a=2&a=1&a=2&"), VERIFIED);
    assert_int_equal(verify("a=1&b&a=2"), VERIFIED);
    assert_int_equal(verify("a=1&a=2"), BAD_SIGNATURE);
    headers[1] = base64_of("it is a secret", "http://h/p\xF0\x9F\x98\x80"
                                             "1\xEF\xBC\x81"
                                             "2");
    assert_int_equal(verify("%EF%BC%81=2&%F0%9F%98%80=1"), VERIFIED); /* by UTF-16 units the emoji comes first */
    headers[1] = base64_of("the next one", "http://h/p");
    assert_int_equal(verify(""), VERIFIED);
}

TEST(a_form_that_is_none_is_malformed_and_another_type_is_refused)
{
    in.url = STR("http://h/p");
    headers[0] = "x-twilio-signature", headers[1] = "AAAA";
    assert_int_equal(verify("a=%"), BAD_FORM);
    assert_int_equal(verify("%zz=1"), BAD_FORM);
    static char many[2 * TWILIO_PARAMS + 3];
    for (unsigned i = 0; i <= TWILIO_PARAMS; i++) memcpy(many + 2 * (size_t)i, "a&", 2);
    assert_int_equal(verify(many), BAD_FORM);
    in.type = STR("application/json");
    assert_int_equal(verify("{}"), BAD_TYPE);
    in.type = STR("application/x-www-form-urlencodedx");
    assert_int_equal(verify("a=1"), BAD_TYPE);
}

TEST(another_account_is_told_apart_once_the_signature_is_good)
{
    in.url = STR("http://h/p");
    headers[0] = "x-twilio-signature", headers[1] = base64_of("it is a secret", "http://h/pAccountSidAC9");
    assert_int_equal(verify("AccountSid=AC9"), OTHER_ACCOUNT);
    assert_int_equal(verify("AccountSid=AC8"), BAD_SIGNATURE);
}

TEST(a_body_of_any_type_counts_by_its_hash_in_the_signed_address)
{
    static const char hash[] = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"; /* of {} */
    char url[200];
    snprintf(url, sizeof url, "https://h/p?bodySHA256=%s", hash);
    in.url = str_of(url), in.query = str_of(url + 12), in.type = STR("application/json");
    headers[0] = "x-twilio-signature", headers[1] = base64_of("it is a secret", url);
    assert_int_equal(verify("{}"), VERIFIED);
    assert_int_equal(verify("{ }"), BAD_SIGNATURE);
    snprintf(url, sizeof url, "https://h/p?bodySHA256=%.63sb", hash);
    assert_int_equal(verify("{}"), BAD_SIGNATURE);
}

/* ---- texts ---- */

TEST(a_text_becomes_an_event_that_knows_which_number_it_came_to)
{
    const struct event *e = one_event("MessageSid=SM1&From=%2B8210&To=%2B8215&Body=hello+there&NumMedia=0&ProfileName=Kim");
    assert_int_equal(e->kind, EVENT_MESSAGE);
    assert_str(e->external, "SM1");
    assert_str(e->customer, "+8210");
    assert_str(e->conversation, "+8210");
    assert_str(e->name, "Kim");
    assert_str(e->text, "hello there");
    assert_attribute(e, "event.to", "+8215");
    assert_attribute(e, "reply.with", "+8215");
}

TEST(pictures_places_buttons_and_opt_outs_are_told)
{
    const struct event *e = one_event(
        "SmsSid=SM1&From=1&NumMedia=2&MediaUrl0=u0&MediaContentType0=image/png&MediaUrl1=u1&MediaContentType1=application/pdf");
    assert_str(e->text, "[image]");
    assert_attribute(e, "event.attachments", "2");
    assert_attribute(e, "event.attachment.1", "image image/png u0");
    assert_attribute(e, "event.attachment.2", "file application/pdf u1");
    e = one_event("MessageSid=SM1&From=1&Latitude=37.5&Longitude=127&Label=Seoul&NumMedia=x");
    assert_attribute(e, "event.attachment.1", "location Seoul 37.5,127");
    e = one_event("MessageSid=SM1&From=1&ListTitle=Second&ListId=two");
    assert_str(e->text, "Second");
    assert_attribute(e, "event.list", "two");
    e = one_event("MessageSid=SM1&From=1&Body=STOP&OptOutType=STOP");
    assert_attribute(e, "event.opt_out", "STOP");
    assert_str(one_event("MessageSid=SM1&From=1")->text, "[empty]");
}

TEST(receipts_and_what_lacks_its_fields_make_no_event)
{
    assert_no_event("MessageSid=SM1&From=1&MessageStatus=delivered");
    assert_no_event("From=1&Body=x");
    assert_no_event("MessageSid=SM1&Body=x");
    assert_no_event("");
    in.type = STR("application/json");
    assert_no_event("{}");
}

/* ---- requests out ---- */

static const struct message_out reply = { .customer = STR("+8210"), .text = STR("안녕 & bye"), .with = STR("+1999") };
#define SEND_TO   "https://api.twilio.com/2010-04-01/Accounts/" SID "/Messages.json"
#define SEND_HEAD "Content-Type: application/x-www-form-urlencoded\n"
#define SEND_BODY                                                                                                                  \
    "&Body=%EC%95%88%EB%85%95%20%26%20bye&StatusCallback=https%3A%2F%2Fnaru.example.com%2Fv1%2Fchannels%2Fdesk%2Fstatus"

TEST(a_reply_goes_from_the_policys_number_or_from_the_one_that_was_written_to)
{
    assert_planned(&reply, SEND_TO, SEND_HEAD, "From=%2B8215880000&To=%2B8210" SEND_BODY);
    assert_str(plan.user, SID);
    assert_str(plan.password, "the next one"); /* the secret that is the auth token */
    account.from = NULL;
    assert_planned(&reply, SEND_TO, SEND_HEAD, "From=%2B1999&To=%2B8210" SEND_BODY);
    policy.public_url = NULL; /* then nobody can tell what became of it */
    assert_planned(&reply, SEND_TO, SEND_HEAD, "From=%2B1999&To=%2B8210&Body=%EC%95%88%EB%85%95%20%26%20bye");
    policy.public_url = "https://naru.example.com";
    account.from = "MG0123456789abcdef0123456789abcdef";
    assert_planned(&reply, SEND_TO, SEND_HEAD, "MessagingServiceSid=MG0123456789abcdef0123456789abcdef&To=%2B8210" SEND_BODY);
    secret_set(&door.token, "SK1:key");
    account.api = "http://127.0.0.1:9";
    assert_planned(&reply, "http://127.0.0.1:9/2010-04-01/Accounts/" SID "/Messages.json", SEND_HEAD,
                   "MessagingServiceSid=MG0123456789abcdef0123456789abcdef&To=%2B8210" SEND_BODY);
    assert_str(plan.user, "SK1");
    assert_str(plan.password, "key");
}

TEST(whatsapp_numbers_are_written_as_whatsapps)
{
    struct message_out m = reply;
    door.channel = "whatsapp";
    m.customer = STR("whatsapp:+8210");
    assert_planned(&m, SEND_TO, SEND_HEAD, "From=whatsapp%3A%2B8215880000&To=whatsapp%3A%2B8210" SEND_BODY);
    assert_int_equal(sender_of(&door)->window_ms, 86400000);
    door.channel = "sms";
    assert_int_equal(sender_of(&door)->window_ms, 0);
    assert_int_equal(sender_of(&door)->text_max, 1600);
    assert_false(sender_of(&door)->repeatable);
    door.channel = "voice";
    assert_null(sender_of(&door));
}

TEST(without_an_id_a_number_or_a_customer_nothing_is_planned)
{
    struct message_out m = reply;
    account.id = NULL;
    assert_unplanned(&m, "`id`");
    account.id = SID;
    account.from = NULL;
    m.with = STR_NONE;
    assert_unplanned(&m, "`from`");
    m.customer = STR_NONE;
    assert_unplanned(&m, "not known");
}

TEST(answers_are_judged_as_twilio_documents_them)
{
    assert_judged(201, "{\"sid\":\"SM9\",\"status\":\"queued\"}", SEND_DONE, 0, "SM9");
    assert_judged(201, "not json", SEND_DONE, 0, "");
    assert_judged(400, "{\"code\":21610,\"message\":\"Attempt to send to unsubscribed recipient\"}", SEND_REFUSED, 0, "");
    assert_non_null(strstr(result.why, "21610"));
    assert_judged(400, "{\"code\":63016,\"message\":\"x\"}", SEND_REFUSED, 0, "");
    assert_non_null(strstr(result.why, "24 hours"));
    assert_judged(400, "{\"code\":99999,\"message\":\"Something new\"}", SEND_REFUSED, 0, "");
    assert_string_equal(result.why, "Twilio 99999: Something new");
    assert_judged(401, "{\"code\":20003}", SEND_REFUSED, 0, "");
    assert_judged(404, "", SEND_REFUSED, 0, "");
    assert_judged(429, "{\"code\":20429}", SEND_AGAIN, 7000, "");
    assert_judged(500, "", SEND_UNKNOWN, 0, "");
    assert_judged(503, "", SEND_UNKNOWN, 0, "");
    assert_judged(0, "", SEND_UNKNOWN, 0, "");
}

/* ---- TwiML ---- */

static struct voice_rules rules;
static struct twiml twiml;
static struct buf out;

static const char *said(void)
{
    const char *z = buf_cstr(&out);
    assert_int_equal(out.err, ERR_OK);
    return z;
}

static void twiml_again(void)
{
    static const char *const us[] = { "+1", "+1808" }, *const kr[] = { "+82", "+1671" };
    rules = (struct voice_rules){ .ring_ms = 20000, .numbers = { { (const char **)us, 2 }, { (const char **)kr, 2 } } };
    twiml = (struct twiml){ STR("https://h/v1/channels/a&b"), &rules, VOICE_EN };
    buf_fini(&out);
    buf_init(&out, 65536);
}

TEST(the_longest_beginning_of_a_number_chooses_the_language)
{
    twiml_again();
    rules.language = VOICE_KO;
    assert_int_equal(twiml_language(&rules, STR("+15551234")), VOICE_EN);
    assert_int_equal(twiml_language(&rules, STR("+16715551")), VOICE_KO);
    assert_int_equal(twiml_language(&rules, STR("+4912345")), VOICE_KO);
    assert_int_equal(twiml_language(&rules, STR_NONE), VOICE_KO);
    rules = (struct voice_rules){ .language = VOICE_EN };
    assert_int_equal(twiml_language(&rules, STR("+821012345678")), VOICE_KO);
    assert_int_equal(twiml_language(&rules, STR("+8")), VOICE_EN);
}

TEST(a_phone_is_the_agents_own_or_the_template_with_their_name)
{
    twiml_again();
    rules.connect = "sip:{agent}@{agent}.example.com";
    twiml_phone(&out, &rules, NULL, STR("a@b \xEA\xB0\x80"));
    assert_string_equal(said(), "sip:a%40b%20%EA%B0%80@a%40b%20%EA%B0%80.example.com");
    buf_clear(&out);
    twiml_phone(&out, &rules, "+8210", STR("ann"));
    assert_string_equal(said(), "+8210");
    buf_clear(&out);
    rules.connect = NULL;
    twiml_phone(&out, &rules, NULL, STR("ann"));
    assert_int_equal(out.n, 0);
}

#define DOC(inner) "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>" inner "</Response>"

TEST(what_waiting_callers_hear_is_told_in_whole_minutes)
{
    struct twiml_hold h = { .say = true, .position = 3, .wait_ms = 61000, .said_s = 7, .missed = 2 };
    twiml_again();
    twiml_hold(&out, &twiml, &h);
    assert_string_equal(
        said(),
        DOC("<Say language=\"en-US\">You are number 3 in line. The expected wait is about 2 minutes. </Say><Pause length=\"2\"/>"
            "<Redirect method=\"POST\">https://h/v1/channels/a&amp;b/hold?s=7&amp;m=2</Redirect>"));
    twiml_again();
    h = (struct twiml_hold){ .say = true, .offer = true, .wait_ms = 1000 };
    rules.music = "http://m/?a&b";
    twiml.language = VOICE_KO;
    twiml_hold(&out, &twiml, &h);
    assert_non_null(strstr(said(), "곧 연결해"));
    assert_non_null(strstr(said(), "1번을"));
    assert_non_null(strstr(said(), "<Play>http://m/?a&amp;b</Play></Gather><Redirect"));
    assert_null(strstr(said(), "<Pause"));
    twiml_again();
    h = (struct twiml_hold){ .say = true, .wait_ms = UINT64_MAX };
    twiml_hold(&out, &twiml, &h);
    assert_null(strstr(said(), "<Say"));
}

TEST(texts_of_operators_cannot_leave_their_element)
{
    twiml_again();
    rules.greet[VOICE_EN] = "</Say><Dial>\"'&\x01\x7f</Dial>";
    twiml_greet(&out, &twiml, false);
    assert_non_null(strstr(said(), "<Say language=\"en-US\">&lt;/Say&gt;&lt;Dial&gt;&quot;&apos;&amp;\x7f&lt;/Dial&gt;</Say>"));
}

TEST(a_phone_is_dialled_as_what_it_is)
{
    static const char *const want[][2] = { { "sip:a@b", "<Sip " }, { "client:ann", "<Client " }, { "+8210", "<Number " } };
    static const char *const text[] = { ">sip:a@b</Sip>", ">ann</Client>", ">+8210</Number>" };
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        struct twiml_dial d = { str_of(want[i][0]), STR("id"), STR("5.7") };
        twiml_again();
        twiml_dial(&out, &twiml, &d);
        assert_non_null(strstr(said(), want[i][1]));
        assert_non_null(strstr(said(), text[i]));
        assert_non_null(
            strstr(said(), "<Dial timeout=\"20\" method=\"POST\" action=\"https://h/v1/channels/a&amp;b/dialed?k=id&amp;t=5.7\">"));
    }
    buf_fini(&out);
}

int main(void)
{
#define AT_DOOR(name) cmocka_unit_test_setup_teardown(name, set_up, door_tear_down)
    const struct CMUnitTest tests[] = {
        AT_DOOR(the_signature_of_the_documentations_example_is_good),
        AT_DOOR(parameters_are_signed_in_order_and_the_same_twice_counts_once),
        AT_DOOR(a_form_that_is_none_is_malformed_and_another_type_is_refused),
        AT_DOOR(another_account_is_told_apart_once_the_signature_is_good),
        AT_DOOR(a_body_of_any_type_counts_by_its_hash_in_the_signed_address),
        AT_DOOR(a_text_becomes_an_event_that_knows_which_number_it_came_to),
        AT_DOOR(pictures_places_buttons_and_opt_outs_are_told),
        AT_DOOR(receipts_and_what_lacks_its_fields_make_no_event),
        AT_DOOR(a_reply_goes_from_the_policys_number_or_from_the_one_that_was_written_to),
        AT_DOOR(whatsapp_numbers_are_written_as_whatsapps),
        AT_DOOR(without_an_id_a_number_or_a_customer_nothing_is_planned),
        AT_DOOR(answers_are_judged_as_twilio_documents_them),
        AT_DOOR(the_longest_beginning_of_a_number_chooses_the_language),
        AT_DOOR(a_phone_is_the_agents_own_or_the_template_with_their_name),
        AT_DOOR(what_waiting_callers_hear_is_told_in_whole_minutes),
        AT_DOOR(texts_of_operators_cannot_leave_their_element),
        AT_DOOR(a_phone_is_dialled_as_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
