/* Which queue a verdict goes to. */
#include "tests/unit/config/unit.h"

static struct policy *policy;

static int set_up(void **state)
{
    UNUSED(state);
    policy = good_policy("naru: 1\nworkspace: w\n"
                         "accounts: { web: { channel: webchat }, mail: { channel: email } }\n"
                         "triage: { unsure: { queue: desk } }\n"
                         "queues:\n"
                         "  rest:    { takes: default }\n"
                         "  desk:    { takes: { account: mail, language: [ko, ja] } }\n"
                         "  billing: { takes: { intent: [refund_*, invoice] } }\n"
                         "  tech:    { takes: { tag: [outage, login], channel: webchat } }\n");
    return 0;
}
static int tear_down(void **state)
{
    UNUSED(state);
    policy_unref(policy);
    return 0;
}

static const char *route(struct event e, struct verdict v) { return policy->queues[policy_route(policy, &e, &v)].name; }

static struct tag tags[] = { { STR("money") }, { STR("outage") } };

TEST(what_no_takes_fits_goes_to_the_default_queue)
{
    UNUSED(state);
    assert_string_equal(route((struct event){ .channel = STR("sms") }, (struct verdict){ 0 }), "rest");
}

TEST(the_queue_that_a_rule_named_comes_first)
{
    UNUSED(state);
    struct verdict v = { .queue = STR("tech"), .intent = STR("refund_x"), .unsure = true };
    assert_string_equal(route((struct event){ 0 }, v), "tech");
    v.queue = STR("gone"); /* of an older version of the policy */
    v.unsure = false;
    assert_string_equal(route((struct event){ 0 }, v), "billing");
}

TEST(an_unsure_verdict_goes_to_the_queue_for_it)
{
    UNUSED(state);
    assert_string_equal(route((struct event){ 0 }, (struct verdict){ .unsure = true, .intent = STR("refund_x") }), "desk");
}

static const char *route_by(struct verdict v)
{
    enum route_by by = ROUTE_BY_COUNT;
    policy_route_by(policy, &(struct event){ 0 }, &v, &by);
    return route_by_words[by];
}

TEST(it_is_told_which_of_the_four_ways_it_was)
{
    UNUSED(state);
    assert_string_equal(route_by((struct verdict){ .queue = STR("tech"), .unsure = true }), "rule");
    assert_string_equal(route_by((struct verdict){ .intent = STR("invoice"), .unsure = true }), "unsure");
    assert_string_equal(route_by((struct verdict){ .intent = STR("invoice") }), "takes");
    assert_string_equal(route_by((struct verdict){ .intent = STR("hello") }), "default");
}

TEST(intents_match_by_glob)
{
    UNUSED(state);
    assert_string_equal(route((struct event){ 0 }, (struct verdict){ .intent = STR("refund_request") }), "billing");
    assert_string_equal(route((struct event){ 0 }, (struct verdict){ .intent = STR("invoice") }), "billing");
    assert_string_equal(route((struct event){ 0 }, (struct verdict){ .intent = STR("invoices") }), "rest");
}

TEST(all_conditions_of_one_takes_must_hold)
{
    UNUSED(state);
    struct verdict v = { .tags = { tags, 2 } };
    assert_string_equal(route((struct event){ .channel = STR("webchat") }, v), "tech");
    assert_string_equal(route((struct event){ .channel = STR("email") }, v), "rest");
    v.tags.count = 1;
    assert_string_equal(route((struct event){ .channel = STR("webchat") }, v), "rest");
}

TEST(the_first_queue_that_fits_takes_it)
{
    UNUSED(state);
    struct event e = { .account = STR("mail"), .channel = STR("email") };
    assert_string_equal(route(e, (struct verdict){ .language = STR("ja"), .intent = STR("invoice") }), "desk");
    assert_string_equal(route(e, (struct verdict){ .language = STR("en"), .intent = STR("invoice") }), "billing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_no_takes_fits_goes_to_the_default_queue), cmocka_unit_test(the_queue_that_a_rule_named_comes_first),
        cmocka_unit_test(an_unsure_verdict_goes_to_the_queue_for_it),   cmocka_unit_test(intents_match_by_glob),
        cmocka_unit_test(it_is_told_which_of_the_four_ways_it_was),     cmocka_unit_test(all_conditions_of_one_takes_must_hold),
        cmocka_unit_test(the_first_queue_that_fits_takes_it),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
