/* An agent as the API gives it: read through the same rows as the file's. */
#include "tests/unit/config/unit.h"

struct reading {
    struct policy *policy;
    struct arena arena;
    struct agent_spec agent;
    char why[200];
    enum err err;
};

static void read_agent(struct reading *r, const char *name, const char *json)
{
    r->policy = good_policy("naru: 1\nworkspace: w\nqueues: { q: { takes: default } }\n");
    arena_init(&r->arena, 1u << 16);
    r->err = policy_agent(r->policy, str_of(name), str_of(json), &r->agent, &r->arena, r->why);
}
static void done(struct reading *r)
{
    arena_fini(&r->arena);
    policy_unref(r->policy);
}

TEST(a_whole_agent_is_read)
{
    UNUSED(state);
    struct reading r;
    read_agent(&r, "minji",
               "{\"skills\": {\"billing\": 8, \"lang:ko\": 10}, \"capacity\": 120, \"max\": {\"webchat\": 3}, \"kind\": \"bot\"}");
    assert_int_equal(r.err, ERR_OK);
    assert_string_equal(r.agent.name, "minji");
    assert_int_equal(r.agent.skills.count, 2);
    assert_string_equal(r.agent.skills.v[1].name, "lang:ko");
    assert_int_equal(r.agent.skills.v[1].level, 10);
    assert_int_equal(r.agent.capacity, 120);
    assert_int_equal(r.agent.max_count, 1);
    assert_int_equal(r.agent.max[0].channel, policy_channel(r.policy, STR("webchat")));
    assert_int_equal(r.agent.max[0].max, 3);
    assert_true(r.agent.bot);
    done(&r);
}

TEST(an_agent_without_anything_has_the_defaults)
{
    UNUSED(state);
    struct reading r;
    read_agent(&r, "kim@example.com", "{}");
    assert_int_equal(r.err, ERR_OK);
    assert_int_equal(r.agent.capacity, 100);
    assert_int_equal(r.agent.skills.count, 0);
    assert_false(r.agent.bot);
    done(&r);
}

static const char with_groups[] =
    "naru: 1\nworkspace: w\nhours: { day: { timezone: UTC, open: { mon: \"09:00-10:00\" } } }\n"
    "queues: { q: { takes: default, groups: [first-line] } }\nagents: { a: { groups: [second-line] } }\n";

TEST(an_agent_by_the_api_is_in_groups_that_the_policy_names)
{
    UNUSED(state);
    struct reading r = { .policy = good_policy(with_groups) };
    arena_init(&r.arena, 1u << 16);
    assert_int_equal(policy_agent(r.policy, STR("b"),
                                  STR("{\"groups\": [\"second-line\"], \"cost\": {\"sms\": 5}, \"daily\": 7, \"shift\": \"day\","
                                      "\"kind\": \"bot\", \"bot\": {\"below\": 0.25, \"negative\": false}}"),
                                  &r.agent, &r.arena, r.why),
                     ERR_OK);
    assert_true(r.agent.groups == 1ull << policy_group(r.policy, STR("second-line")));
    assert_int_equal(r.agent.cost_count, 1);
    assert_int_equal(r.agent.cost[0].max, 5);
    assert_int_equal(r.agent.daily, 7);
    assert_int_equal(r.agent.shift, 0);
    assert_true(r.agent.bot_rules.below == 0.25 && !r.agent.bot_rules.negative);
    assert_int_equal(policy_agent(r.policy, STR("b"), STR("{\"groups\": [\"frst-line\"]}"), &r.agent, &r.arena, r.why), ERR_POLICY);
    assert_string_equal(r.why, "groups[0]: \"frst-line\" is not a group that the policy names (did you mean \"first-line\"?)");
    assert_int_equal(policy_agent(r.policy, STR("b"), STR("{\"shift\": \"night\"}"), &r.agent, &r.arena, r.why), ERR_POLICY);
    done(&r);
}

TEST(names_that_a_later_policy_has_no_more_are_left_out_of_an_agent)
{
    UNUSED(state);
    struct reading r = { .policy = good_policy(with_groups) };
    arena_init(&r.arena, 1u << 16);
    assert_int_equal(policy_agent_again(r.policy, STR("b"), STR("{\"groups\": [\"gone\", \"first-line\"], \"shift\": \"night\"}"),
                                        &r.agent, &r.arena, r.why),
                     ERR_OK);
    assert_string_equal(r.why, "gone");
    assert_true(r.agent.groups == 1ull << policy_group(r.policy, STR("first-line")));
    assert_int_equal(r.agent.shift, -1);
    assert_int_equal(policy_agent_again(r.policy, STR("b"), STR("{\"groups\": [\"first-line\"]}"), &r.agent, &r.arena, r.why),
                     ERR_OK);
    assert_string_equal(r.why, "");
    assert_int_equal(policy_agent_again(r.policy, STR("b"), STR("{\"capacity\": 0}"), &r.agent, &r.arena, r.why), ERR_POLICY);
    done(&r);
}

TEST(each_mistake_is_said_in_a_sentence)
{
    UNUSED(state);
    static const struct {
        const char *name, *json, *why;
        enum err err;
    } rows[] = {
        { "a", "{\"skills\": {\"billing\": 11}}", "skills.billing: a level is 1 to 10, not 11", ERR_POLICY },
        { "a", "{\"skills\": {\"billing\": 5.5}}", "skills.billing: \"5.5\" is not a whole number", ERR_POLICY },
        { "a", "{\"skills\": {\"billing\": null}}", "skills.billing: expected a whole number, found nothing", ERR_POLICY },
        { "a", "{\"capacity\": \"100\"}", "capacity: \"100\" is a text: write the number without quotes", ERR_POLICY },
        { "a", "{\"capacity\": 1e9}", "capacity", ERR_POLICY },
        { "a", "{\"max\": {\"webchatt\": 1}}", "did you mean \"webchat\"?", ERR_POLICY },
        { "a", "{\"skill\": {}}", "unknown key \"skill\" (did you mean \"skills\"?)", ERR_POLICY },
        { "a", "{\"kind\": true}", "kind: \"true\" is not a word known here", ERR_POLICY },
        { "a", "[]", "expected an agent, found a list", ERR_POLICY },
        { "a b", "{}", "a character that names may not have", ERR_POLICY },
        { "", "{}", "a name has 1 to 128 bytes, this one 0", ERR_POLICY },
        { "a", "{\"skills\": {}, \"skills\": {}}", "(at byte", ERR_JSON },
        { "a", "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}", "(at byte", ERR_JSON },
        { "a", "{", "(at byte", ERR_JSON },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct reading r;
        read_agent(&r, rows[i].name, rows[i].json);
        if (r.err != rows[i].err || !strstr(r.why, rows[i].why))
            fail_msg("%s %s: %s \"%s\", want %s \"%s\"", rows[i].name, rows[i].json, err_name(r.err), r.why, err_name(rows[i].err),
                     rows[i].why);
        done(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_agent_is_read),
        cmocka_unit_test(an_agent_without_anything_has_the_defaults),
        cmocka_unit_test(an_agent_by_the_api_is_in_groups_that_the_policy_names),
        cmocka_unit_test(names_that_a_later_policy_has_no_more_are_left_out_of_an_agent),
        cmocka_unit_test(each_mistake_is_said_in_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
