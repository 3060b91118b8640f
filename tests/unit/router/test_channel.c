/* What adapters call, and how their events are made to fit. */
#include "base/metrics.h"
#include "router/channel.h"
#include "router/facts.h"
#include "tests/unit/base/unit.h"

#include <stdlib.h>

static struct account account = { .name = "shop" };
static struct policy policy;
static struct door door = { .account = &account, .policy = &policy, .workspace = "main", .channel = "sms" };
static struct delivery in;
static struct arena arena;
static struct channel_in c;

static int set_up(void **state)
{
    UNUSED(state);
    arena_init(&arena, 16u << 20);
    in = (struct delivery){ .now = 1000, .body = STR("the body") };
    channel_in_init(&c, &door, &in, &arena);
    return 0;
}

static int tear_down(void **state)
{
    UNUSED(state);
    channel_in_fini(&c);
    arena_fini(&arena);
    return 0;
}

static struct event *one(const char *external)
{
    struct event *e = channel_event(&c);
    assert_non_null(e);
    e->external = str_of(external);
    return e;
}

static struct str attribute(const struct event *e, const char *key)
{
    const struct attribute *a = e->attributes.items;
    for (uint32_t i = 0; i < e->attributes.count; i++)
        if (str_is(a[i].key, key)) return a[i].value;
    return STR_NONE;
}

static void an_event_gets_what_the_door_knows(void **state)
{
    UNUSED(state);
    struct event *e = one("m1");
    e->customer = STR("c1");
    e->text = STR("hello");
    assert_int_equal(channel_complete(&c, 3), ERR_OK);
    assert_true(str_is(e->workspace, "main") && str_is(e->account, "shop") && str_is(e->channel, "sms"));
    assert_true(str_is(e->conversation, "c1"));
    assert_int_equal(e->received, 1000);
    assert_int_equal(e->home, 3);
    struct id want = id_of_event(STR("shop"), STR("m1"));
    assert_memory_equal(&e->id, &want, sizeof want);
}

static void an_event_without_customer_or_conversation_is_its_own(void **state)
{
    UNUSED(state);
    struct event *e = one("m1");
    assert_int_equal(channel_complete(&c, 1), ERR_OK);
    assert_true(str_is(e->conversation, "m1"));
}

static void an_event_without_an_id_is_known_by_its_body_and_place(void **state)
{
    UNUSED(state);
    struct event *a = one(""), *b = one("");
    assert_int_equal(channel_complete(&c, 1), ERR_OK);
    assert_true(a->external.n > 60 && !str_eq(a->external, b->external));
    char first[257];
    memcpy(first, a->external.p, a->external.n);
    c.count = 0;
    struct event *again = one("");
    assert_int_equal(channel_complete(&c, 1), ERR_OK);
    assert_memory_equal(again->external.p, first, again->external.n);
    in.body = STR("another");
    c.count = 0;
    again = one("");
    assert_int_equal(channel_complete(&c, 1), ERR_OK);
    assert_memory_not_equal(again->external.p, first, again->external.n);
}

static void a_long_text_is_cut_between_characters_and_says_so(void **state)
{
    UNUSED(state);
    size_t n = LIM_TEXT + 10;
    char *text = malloc(n);
    for (size_t i = 0; i < n; i++) text[i] = "\xED\x95\x9C"[i % 3];
    struct event *e = one("m1");
    e->text = (struct str){ text, n - n % 3 };
    e->subject = STR("fits");
    double cut = metric_get(MET_CHANNEL_CUT, "text");
    assert_int_equal(channel_complete(&c, 1), ERR_OK);
    assert_int_equal(e->text.n, LIM_TEXT - LIM_TEXT % 3);
    assert_true(str_utf8(e->text, NULL));
    assert_true(str_is(attribute(e, "event.cut"), "text"));
    assert_true(metric_get(MET_CHANNEL_CUT, "text") == cut + 1);
    free(text);
}

static void bytes_that_are_no_text_are_replaced(void **state)
{
    UNUSED(state);
    struct event *e = one("m1");
    e->text = (struct str){ "a\xC3(\0b\xED\xA0\x80", 8 };
    e->name = STR("\xFF");
    assert_int_equal(channel_complete(&c, 1), ERR_OK);
    assert_true(str_is(e->text, "a\xEF\xBF\xBD(\xEF\xBF\xBD"
                                "b\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"));
    assert_true(str_is(e->name, "\xEF\xBF\xBD"));
    assert_true(!attribute(e, "event.cut").n);
}

static void long_identities_that_begin_alike_stay_two(void **state)
{
    char a[400], b[400];
    UNUSED(state);
    memset(a, 'x', sizeof a);
    memcpy(b, a, sizeof b);
    b[399] = 'y';
    struct event *e = one(""), *f = one("");
    e->external = (struct str){ a, sizeof a };
    f->external = (struct str){ b, sizeof b };
    assert_int_equal(channel_complete(&c, 1), ERR_OK);
    assert_int_equal(e->external.n, 256);
    assert_false(str_eq(e->external, f->external));
}

static void attributes_are_bounded_and_the_routers_own_are_not_taken(void **state)
{
    char key[80];
    UNUSED(state);
    struct event *e = one("m1");
    channel_attribute(&c, e, "customer.tier", STR("gold"));
    channel_attribute(&c, e, "customer.open_tickets", STR("0"));
    channel_attribute(&c, e, "reply.with", STR("x"));
    channel_attribute(&c, e, "tier", STR("x"));
    channel_attribute(&c, e, "event.", STR("x"));
    channel_attribute(&c, e, "event.empty", STR_NONE);
    assert_int_equal(e->attributes.count, 1);
    for (unsigned i = 0; i < 300; i++) {
        snprintf(key, sizeof key, "event.k%u", i);
        channel_attribute(&c, e, key, STR("v"));
    }
    assert_int_equal(e->attributes.count, FACTS_ROOM - 2);
    assert_true(str_is(attribute(e, "event.k17"), "v"));
    channel_reply_with(&c, e, STR("token"));
    assert_true(str_is(attribute(e, REPLY_WITH), "token"));
}

static void a_thousand_events_fit_and_no_more(void **state)
{
    UNUSED(state);
    struct event *first = one("0");
    for (unsigned i = 1; i < LIM_CHANNEL_EVENTS; i++) assert_non_null(channel_event(&c));
    assert_null(channel_event(&c));
    assert_ptr_equal(first, &c.events[0]);
    assert_true(str_is(first->external, "0"));
    assert_int_equal(c.answer.status, 413);
    assert_string_equal(c.cause, "batch");
}

static void a_form_is_decoded(void **state)
{
    struct str form = STR("a=1&Body=caf%C3%A9+%26+more&b&%42odz=x&empty=&bad=%zz&a=2");
    UNUSED(state);
    assert_true(str_is(channel_form(&c, form, "Body"), "caf\xC3\xA9 & more"));
    assert_true(str_is(channel_form(&c, form, "Bodz"), "x"));
    assert_true(str_is(channel_form(&c, form, "a"), "1"));
    assert_true(channel_form(&c, form, "empty").p && !channel_form(&c, form, "empty").n);
    assert_true(channel_form(&c, form, "b").p && !channel_form(&c, form, "b").n);
    assert_null(channel_form(&c, form, "bad").p);
    assert_null(channel_form(&c, form, "c").p);
}

static void a_language_is_a_tag_or_none(void **state)
{
    static const char *const good[] = { "ar", "ko", "AZ", "zh-Hant", "es-419", "sixteen-letters0" };
    static const char *const bad[] = { "a b", "k_o", "seventeen-letters", "ko\n", "[", "@", "{", "ko/", "ko:" };
    UNUSED(state);
    struct event *e = one("m1");
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        e->language = str_of(good[i]);
        assert_int_equal(channel_complete(&c, 1), ERR_OK);
        assert_str(e->language, good[i]);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        e->language = str_of(bad[i]);
        assert_int_equal(channel_complete(&c, 1), ERR_OK);
        if (e->language.n) fail_msg("\"%s\" is taken for a language", bad[i]);
    }
}

static void a_body_that_is_no_json_is_refused(void **state)
{
    const struct json *doc, *again;
    UNUSED(state);
    assert_int_equal(channel_json(&c, &doc), ERR_PROTO);
    assert_int_equal(c.answer.status, 400);
    assert_string_equal(c.cause, "malformed");
    in.body = STR("{\"a\":1}");
    assert_int_equal(channel_json(&c, &doc), ERR_OK);
    assert_int_equal(channel_json(&c, &again), ERR_OK);
    assert_ptr_equal(doc, again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_event_gets_what_the_door_knows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_event_without_customer_or_conversation_is_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_event_without_an_id_is_known_by_its_body_and_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_text_is_cut_between_characters_and_says_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bytes_that_are_no_text_are_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_identities_that_begin_alike_stay_two, set_up, tear_down),
        cmocka_unit_test_setup_teardown(attributes_are_bounded_and_the_routers_own_are_not_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_thousand_events_fit_and_no_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_form_is_decoded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_language_is_a_tag_or_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_body_that_is_no_json_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
