/* What a correction says, who may give it, and what is kept of the ticket it is about. */
#include "base/json.h"
#include "base/limits.h"
#include "router/feedback.h"

#include <stdio.h>

/* cmocka.h wants the others before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

static const char *const queues[] = { "billing", "technical" };
static char why[300];
static struct correction c;

static struct json *doc_of(const char *text)
{
    struct json *doc = NULL;
    const char *trouble = NULL;
    size_t at = 0;
    if (json_parse(&doc, str_of(text), LIM_JSON_DEPTH, &at, &trouble)) fail_msg("%s at %zu of %s", trouble, at, text);
    return doc;
}

/* Reads; the document stays until the next call. */
static enum err reading(const char *text)
{
    static struct json *doc;
    json_free(doc);
    doc = text ? doc_of(text) : NULL;
    return text ? correction_read(&c, doc, queues, 2, why) : ERR_OK;
}

static void every_field_is_read(void **state)
{
    (void)state;
    assert_int_equal(reading("{\"intent\":\"환불_status\",\"queue\":\"billing\",\"urgency\":\"high\",\"sentiment\":\"negative\","
                             "\"language\":\"ko-KR\",\"note\":\"n\"}"),
                     ERR_OK);
    assert_true(str_is(c.fields[FEEDBACK_INTENT], "환불_status"));
    assert_true(str_is(c.fields[FEEDBACK_QUEUE], "billing"));
    assert_true(str_is(c.fields[FEEDBACK_URGENCY], "high"));
    assert_true(str_is(c.fields[FEEDBACK_SENTIMENT], "negative"));
    assert_true(str_is(c.fields[FEEDBACK_LANGUAGE], "ko"));
    assert_true(str_is(c.note, "n"));
    assert_int_equal(reading("{\"urgency\":\"low\"}"), ERR_OK);
    assert_int_equal(c.fields[FEEDBACK_INTENT].n, 0);
    reading(NULL);
}

static void what_is_wrong_is_said_with_the_nearest_right_answer(void **state)
{
    static const struct {
        const char *json, *says;
    } rows[] = {
        { "{}", "at least one of" },
        { "{\"note\":\"only\"}", "at least one of" },
        { "{\"urgancy\":\"high\"}",
          "\"urgancy\" is none of intent, queue, urgency, sentiment, language, note (did you mean \"urgency\"?)" },
        { "{\"urgency\":\"critcal\"}",
          "\"urgency\": \"critcal\" is none of low, normal, high, critical (did you mean \"critical\"?)" },
        { "{\"queue\":\"technica\"}", "\"queue\": \"technica\" is no queue of the policy (did you mean \"technical\"?)" },
        { "{\"queue\":\"zzzzzz\"}", "\"queue\": \"zzzzzz\" is no queue of the policy" },
        { "{\"sentiment\":\"unknown\"}", "none of negative, neutral, positive" },
        { "{\"language\":\"und\"}", "like ko or en" },
        { "{\"language\":\"k\"}", "like ko or en" },
        { "{\"language\":\"KO\"}", "like ko or en" },
        { "{\"intent\":\"a\\tb\"}", "letters, digits and -_.@+ only" },
        { "{\"intent\":null}", "\"intent\" must be a string, not" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(reading(rows[i].json), ERR_RANGE);
        if (!strstr(why, rows[i].says)) fail_msg("%s: %s", rows[i].json, why);
    }
    reading(NULL);
}

static void who_has_or_had_a_ticket_is_known_by_its_state_and_its_life(void **state)
{
    struct json *mine = doc_of("{\"state\":\"assigned\",\"agent\":\"ann\"}"),
                *offered = doc_of("{\"state\":\"offered\",\"agent\":\"ann\"}");
    struct json *life = doc_of("{\"life\":[{\"kind\":\"offered\",\"agent\":\"eve\"},{\"kind\":\"accepted\",\"agent\":\"bob\"}]}");
    (void)state;
    assert_true(feedback_held(mine, life, STR("ann")));
    assert_false(feedback_held(offered, life, STR("ann")));
    assert_true(feedback_held(offered, life, STR("bob")));
    assert_false(feedback_held(mine, life, STR("eve")));
    assert_false(feedback_held(mine, life, STR("")));
    json_free(mine);
    json_free(offered);
    json_free(life);
}

/* The text that is kept of a ticket with these messages; the verdict is of event "1". */
static const char *text_of_messages(const char *messages)
{
    static char text[FEEDBACK_TEXT + 1];
    struct buf all, out;
    buf_init(&all, 1u << 20);
    buf_init(&out, 1u << 20);
    buf_addf(&all, "{\"verdict\":{\"event\":\"1\"},\"messages\":[%s]}", messages);
    struct json *doc = doc_of(buf_cstr(&all));
    feedback_about(&out, &(struct id){ { 1 } }, doc, doc);
    struct json *about = doc_of(buf_cstr(&out));
    snprintf(text, sizeof text, "%.*s", STR_FMT(json_str(json_get(about, "text"))));
    json_free(doc);
    json_free(about);
    buf_fini(&all);
    buf_fini(&out);
    return text;
}

#define MESSAGE(event, minute, text)                                                                                               \
    "{\"event\":\"" event "\",\"at\":\"2026-03-01T09:" minute ":00.000Z\",\"by\":\"customer\",\"text\":\"" text "\"}"

static void the_text_is_the_first_message_and_what_followed_at_once(void **state)
{
    (void)state;
    assert_string_equal(text_of_messages(MESSAGE("1", "00", "one")), "one");
    assert_string_equal(text_of_messages(MESSAGE("1", "00", "one") "," MESSAGE("2", "02", "two") "," MESSAGE("3", "03", "late")),
                        "one\ntwo");
    assert_string_equal(text_of_messages(""), "");
}

static void a_beginning_that_is_no_longer_known_is_not_made_up(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 1u << 20);
    buf_addz(&b, MESSAGE("7", "00", "in the middle"));
    for (unsigned i = 1; i < LIM_TICKET_MESSAGES; i++) buf_addz(&b, "," MESSAGE("8", "30", "more"));
    assert_string_equal(text_of_messages(buf_cstr(&b)), "");
    buf_clear(&b);
    buf_addz(&b, MESSAGE("1", "00", "the beginning"));
    for (unsigned i = 1; i < LIM_TICKET_MESSAGES; i++) buf_addz(&b, "," MESSAGE("8", "30", "more"));
    assert_string_equal(text_of_messages(buf_cstr(&b)), "the beginning");
    buf_fini(&b);
}

static void a_verdict_is_kept_with_what_decided_it(void **state)
{
    struct buf out;
    struct json *ticket = doc_of("{\"channel\":\"sms\",\"account\":\"kr\",\"subject\":\"s\",\"messages\":[]}");
    struct json *life =
        doc_of("{\"verdict\":{\"event\":\"1\",\"policy\":\"sha256:1\",\"intent\":\"refund\",\"confidence\":0.75,\"unsure\":false,"
               "\"urgency\":\"high\",\"score\":0.7,\"language\":\"ko\",\"took_us\":3,\"reasons\":["
               "{\"part\":\"intent\",\"by\":\"model:m\"},{\"part\":\"intent\",\"by\":\"later\"},"
               "{\"part\":\"urgency\",\"by\":\"rule:r\"}]},\"life\":[{\"kind\":\"opened\",\"queue\":\"billing\"}]}");
    (void)state;
    buf_init(&out, 65536);
    feedback_about(&out, &(struct id){ { 0 } }, ticket, life);
    assert_string_equal(
        buf_cstr(&out),
        "{\"ticket\":\"00000000-0000-0000-0000-000000000000\",\"channel\":\"sms\",\"account\":\"kr\",\"subject\":\"s\","
        "\"queue\":\"billing\",\"verdict\":{\"policy\":\"sha256:1\",\"language\":\"ko\",\"intent\":\"refund\","
        "\"urgency\":\"high\",\"confidence\":0.75,\"score\":0.7,\"unsure\":false,\"intent_by\":\"model:m\","
        "\"urgency_by\":\"rule:r\"}}");
    buf_fini(&out);
    json_free(ticket);
    json_free(life);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_read),
        cmocka_unit_test(what_is_wrong_is_said_with_the_nearest_right_answer),
        cmocka_unit_test(who_has_or_had_a_ticket_is_known_by_its_state_and_its_life),
        cmocka_unit_test(the_text_is_the_first_message_and_what_followed_at_once),
        cmocka_unit_test(a_beginning_that_is_no_longer_known_is_not_made_up),
        cmocka_unit_test(a_verdict_is_kept_with_what_decided_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
