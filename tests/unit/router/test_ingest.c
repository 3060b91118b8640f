/* Bodies as customers' providers send them, good and bad, and what becomes of each. */
#include "router/ingest.h"

#include <stdio.h>

/* cmocka.h wants the others before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

static bool account(void *ctx, struct str name, struct account_found *out)
{
    (void)ctx;
    *out = (struct account_found){ "hanbit", "sms" };
    if (str_is(name, "other-mail")) *out = (struct account_found){ "other", "email" };
    return str_is(name, "kr-sms") || str_is(name, "other-mail");
}

static struct ingest in;
static struct json *doc;
static enum err read_event(const char *workspace, const char *json)
{
    struct ingest_env env = { .account = account, .workspace = str_of(workspace), .now = 1700000000000ull, .home = 7 };
    size_t at;
    const char *why;
    json_free(doc);
    doc = NULL;
    assert_int_equal(json_parse(&doc, str_of(json), LIM_JSON_DEPTH, &at, &why), ERR_OK);
    return ingest_event(&in, &env, doc);
}

static int set_up(void **state)
{
    (void)state;
    ingest_init(&in);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ingest_fini(&in);
    json_free(doc);
    doc = NULL;
    return 0;
}

static void a_short_message_gets_all_defaults(void **state)
{
    (void)state;
    assert_int_equal(read_event("hanbit", "{\"id\":\"m-1\",\"account\":\"kr-sms\",\"text\":\"환불해 주세요\"}"), ERR_OK);
    struct id id = id_of_event(STR("kr-sms"), STR("m-1"));
    assert_true(id_eq(&in.event.id, &id));
    assert_int_equal(in.event.kind, EVENT_MESSAGE);
    assert_true(str_is(in.event.workspace, "hanbit"));
    assert_true(str_is(in.event.channel, "sms"));
    assert_true(str_is(in.event.conversation, "m-1")); /* nobody to thread it with */
    assert_int_equal(in.event.home, 7);
    assert_int_equal(in.event.received, 1700000000000ull);
}

static void the_customer_threads_a_conversation(void **state)
{
    (void)state;
    assert_int_equal(read_event("*", "{\"id\":\"m\",\"account\":\"kr-sms\",\"text\":\"x\",\"customer\":\"+8210\"}"), ERR_OK);
    assert_true(str_is(in.event.conversation, "+8210"));
    assert_int_equal(
        read_event("*", "{\"id\":\"m\",\"account\":\"kr-sms\",\"text\":\"x\",\"customer\":\"+8210\",\"conversation\":\"c9\"}"),
        ERR_OK);
    assert_true(str_is(in.event.conversation, "c9"));
}

static const char *attribute(const char *key)
{
    static char text[64];
    for (uint32_t i = 0; i < in.attribute_count; i++) {
        if (!str_is(in.attributes[i].key, key)) continue;
        snprintf(text, sizeof text, "%.*s", STR_FMT(in.attributes[i].value));
        return text;
    }
    return NULL;
}

static void scalars_of_customer_and_event_become_attributes(void **state)
{
    (void)state;
    assert_int_equal(
        read_event("*", "{\"id\":\"m\",\"account\":\"kr-sms\",\"kind\":\"call\",\"at\":\"2026-03-01T09:30:00Z\","
                        "\"customer\":{\"id\":\"c\",\"name\":\"김\",\"tier\":\"gold\",\"vip\":true,\"orders\":12,\"score\":0.5},"
                        "\"attributes\":{\"page\":\"/pay\",\"none\":null}}"),
        ERR_OK);
    assert_true(str_is(in.event.name, "김"));
    assert_string_equal(attribute("customer.tier"), "gold");
    assert_string_equal(attribute("customer.vip"), "true");
    assert_string_equal(attribute("customer.orders"), "12");
    assert_string_equal(attribute("customer.score"), "0.5");
    assert_string_equal(attribute("event.page"), "/pay");
    assert_string_equal(attribute("event.at"), "2026-03-01T09:30:00Z");
    assert_null(attribute("event.none"));
    assert_int_equal(in.event.attributes.count, in.attribute_count);
}

static void nobody_else_says_what_the_router_knows(void **state)
{
    (void)state;
    assert_int_equal(read_event("*", "{\"id\":\"m\",\"account\":\"kr-sms\",\"text\":\"x\",\"attributes\":{\"contacts_7d\":3},"
                                     "\"customer\":{\"id\":\"c\",\"contacts_7d\":99,\"open_tickets\":5,\"tier\":\"gold\"}}"),
                     ERR_OK);
    assert_null(attribute("customer.contacts_7d"));
    assert_null(attribute("customer.open_tickets"));
    assert_string_equal(attribute("customer.tier"), "gold");
    assert_string_equal(attribute("event.contacts_7d"), "3");
    assert_int_equal(in.facts_claimed, 2);
}

static const struct bad {
    const char *workspace, *json, *cause, *word; /* `word` stands in the sentence */
} bad[] = {
    { "*", "[]", "type", "an object" },
    { "*", "{\"account\":\"kr-sms\",\"text\":\"x\"}", "missing", "\"id\"" },
    { "*", "{\"id\":\"\",\"account\":\"kr-sms\",\"text\":\"x\"}", "missing", "\"id\"" },
    { "*", "{\"id\":\"m\",\"text\":\"x\"}", "missing", "\"account\"" },
    { "*", "{\"id\":\"m\",\"account\":\"kr-sms\"}", "missing", "\"text\"" },
    { "*", "{\"id\":7,\"account\":\"kr-sms\",\"text\":\"x\"}", "type", "a string" },
    { "*", "{\"id\":\"m\",\"account\":\"kr-sms\",\"txet\":\"x\"}", "unknown_key", "did you mean \"text\"" },
    { "*", "{\"id\":\"m\",\"account\":\"kr-sms\",\"kind\":\"mesage\"}", "kind", "did you mean \"message\"" },
    { "*", "{\"id\":\"m\",\"account\":\"nowhere\",\"text\":\"x\"}", "account", "nowhere" },
    { "hanbit", "{\"id\":\"m\",\"account\":\"other-mail\",\"text\":\"x\"}", "account", "other-mail" },
    { "*", "{\"id\":\"m\",\"account\":\"kr-sms\",\"text\":\"x\",\"at\":\"yesterday\"}", "at", "RFC 3339" },
    { "*", "{\"id\":\"m\",\"account\":\"kr-sms\",\"text\":\"x\",\"customer\":{\"name\":\"n\"}}", "missing", "no \"id\"" },
    { "*", "{\"id\":\"m\",\"account\":\"kr-sms\",\"text\":\"x\",\"customer\":{\"id\":\"c\",\"deep\":{}}}", "type", "deep" },
    { "*", "{\"id\":\"m\",\"account\":\"kr-sms\",\"text\":\"x\",\"attributes\":[1]}", "type", "attributes" },
    { "*", "{\"id\":\"m\",\"account\":\"kr-sms\",\"text\":\"x\",\"language\":\"much-too-long-a-tag\"}", "too_long", "language" },
};

static void every_mistake_has_its_cause_and_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_not_equal(read_event(bad[i].workspace, bad[i].json), ERR_OK);
        assert_string_equal(in.cause, bad[i].cause);
        if (!strstr(in.why, bad[i].word)) fail_msg("%s: \"%s\" says nothing of %s", bad[i].json, in.why, bad[i].word);
        assert_int_equal(in.status, 422);
    }
}

static void a_refusal_leaves_nothing_behind_for_the_next(void **state)
{
    (void)state;
    assert_int_not_equal(
        read_event("*", "{\"id\":\"m\",\"account\":\"kr-sms\",\"subject\":\"s\",\"attributes\":{\"a\":1},\"oops\":1}"), ERR_OK);
    assert_int_equal(read_event("*", "{\"id\":\"n\",\"account\":\"kr-sms\",\"text\":\"x\"}"), ERR_OK);
    assert_int_equal(in.attribute_count, 0);
    assert_int_equal(in.event.subject.n, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_short_message_gets_all_defaults),
        T(the_customer_threads_a_conversation),
        T(scalars_of_customer_and_event_become_attributes),
        T(nobody_else_says_what_the_router_knows),
        T(every_mistake_has_its_cause_and_sentence),
        T(a_refusal_leaves_nothing_behind_for_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
