/* The urgency stage: what each part adds, which level a score makes, and how parts are told. */
#include "tests/unit/triage/unit.h"
#include "workers/triage/urgency.h"

#define NEAR 1e-6

static const struct urgency_policy plain = { .model = 1,
                                             .start = 0.4,
                                             .negative = 0.05,
                                             .turn = 0.1,
                                             .repeated = 0.05,
                                             .waiting = 0.05,
                                             .waiting_most = 0.2,
                                             .levels = { 0, 0.25, 0.55, 0.8 } };

static struct urgency_sum sum;

static struct urgency_view seen(void)
{
    return (struct urgency_view){ .by = STR("model"), .named = -1, .sentiment = SENT_NEUTRAL };
}
static enum urgency settled(const struct urgency_policy *u, const struct urgency_view *v)
{
    urgency_settle(u, v, &sum);
    assert_true(sum.score >= 0 && sum.score <= 1);
    assert_true(sum.score >= u->levels[sum.level]);
    if (sum.level + 1 < URG_COUNT) assert_true(sum.score < u->levels[sum.level + 1]);
    return sum.level;
}
/* Is there a part by `by` that says `text`? */
static bool says(const char *by, const char *text)
{
    char room[URGENCY_SAID];
    for (uint32_t i = 0; i < sum.part_count; i++)
        if (str_is(sum.parts[i].by, by) && str_is(urgency_part_say(&sum.parts[i], room), text)) return true;
    return false;
}

TEST(without_a_model_the_score_starts_where_the_policy_says)
{
    struct urgency_view v = seen();
    struct urgency_policy u = plain;
    assert_int_equal(settled(&plain, &v), URG_NORMAL);
    assert_float_equal(sum.score, 0.4, NEAR);
    assert_true(says("default", "0.40"));
    u.start = 0.6;
    assert_int_equal(settled(&u, &v), URG_HIGH);
}

TEST(a_model_is_taken_at_its_expectation)
{
    const float sure[] = { 0, 0, 0, 1 }, torn[] = { 0.5f, 0, 0, 0.5f }, mixed[] = { 0.1f, 0.6f, 0.2f, 0.1f };
    struct urgency_view v = seen();
    v.p = sure;
    assert_int_equal(settled(&plain, &v), URG_CRITICAL);
    assert_float_equal(sum.score, 1, NEAR);
    assert_true(says("model", "1.00 critical 1.00"));
    v.p = torn;
    assert_int_equal(settled(&plain, &v), URG_NORMAL);
    assert_float_equal(sum.score, 0.5, NEAR);
    v.p = mixed;
    assert_int_equal(settled(&plain, &v), URG_NORMAL);
    assert_float_equal(sum.score, (0.6 + 0.4 + 0.3) / 3, 1e-5);
    assert_true(says("model", "0.43 normal 0.60"));
}

TEST(the_weight_of_a_model_says_how_far_it_leads_away_from_the_start)
{
    const float p[] = { 0, 0.5f, 0.5f, 0 }; /* expects 0.5 */
    struct urgency_policy u = plain;
    struct urgency_view v = seen();
    v.p = p;
    u.model = 0;
    settled(&u, &v);
    assert_float_equal(sum.score, 0.4, NEAR);
    assert_true(says("default", "0.40"));
    u.model = 2;
    assert_int_equal(settled(&u, &v), URG_HIGH);
    assert_float_equal(sum.score, 0.6, 1e-5);
}

TEST(rules_add_and_take_away_and_are_told_by_name)
{
    const struct urgency_rule rules[] = { { STR("rule:deadline"), 0.3 }, { STR("rule:curious"), -0.1 } };
    struct urgency_view v = seen();
    v.rules = rules;
    v.rule_count = 2;
    assert_int_equal(settled(&plain, &v), URG_HIGH);
    assert_float_equal(sum.score, 0.6, NEAR);
    assert_true(says("rule:deadline", "+0.30"));
    assert_true(says("rule:curious", "-0.10"));
}

TEST(a_score_stays_within_nought_and_one_whatever_is_added)
{
    struct urgency_rule rules[40];
    struct urgency_view v = seen();
    for (int i = 0; i < 40; i++) rules[i] = (struct urgency_rule){ STR("rule:loud"), 1 };
    v.rules = rules;
    v.rule_count = 40;
    assert_int_equal(settled(&plain, &v), URG_CRITICAL);
    assert_float_equal(sum.score, 1, NEAR);
    assert_int_equal(sum.part_count, URGENCY_PARTS);
    for (int i = 0; i < 40; i++) rules[i].weigh = -1;
    assert_int_equal(settled(&plain, &v), URG_LOW);
    assert_float_equal(sum.score, 0, NEAR);
}

static struct attribute facts[4];
static struct list listed;

static void fact(const char *key, const char *value)
{
    facts[listed.count++] = (struct attribute){ str_of(key), str_of(value) };
    listed.items = facts;
}
static struct urgency_view in_context(void)
{
    struct urgency_view v = seen();
    listed.count = 0;
    v.attributes = &listed;
    return v;
}

TEST(a_negative_message_weighs_and_more_when_the_mood_turned)
{
    struct urgency_view v = in_context();
    v.sentiment = SENT_NEGATIVE;
    settled(&plain, &v);
    assert_float_equal(sum.score, 0.45, NEAR);
    assert_true(says("context", "negative +0.05"));
    fact("conversation.sentiment", "negative");
    settled(&plain, &v);
    assert_float_equal(sum.score, 0.45, NEAR);
    v = in_context();
    v.sentiment = SENT_NEGATIVE;
    fact("conversation.sentiment", "positive");
    assert_int_equal(settled(&plain, &v), URG_HIGH); /* 0.4 + 0.05 + 0.1 */
    assert_true(says("context", "turn +0.10"));
    v.sentiment = SENT_NEUTRAL;
    settled(&plain, &v);
    assert_float_equal(sum.score, 0.4, NEAR);
}

TEST(contacts_beyond_the_first_count_and_three_at_most)
{
    static const struct {
        const char *contacts;
        double adds;
    } cases[] = { { "0", 0 },    { "1", 0 }, { "2", 0.05 }, { "4", 0.15 }, { "99", 0.15 }, { "18446744073709551615", 0.15 },
                  { "many", 0 }, { "", 0 },  { "-3", 0 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct urgency_view v = in_context();
        fact("customer.tier", "gold");
        fact("customer.contacts_7d", cases[i].contacts);
        settled(&plain, &v);
        assert_float_equal(sum.score, 0.4 + cases[i].adds, NEAR);
    }
}

TEST(waiting_adds_by_the_hour_up_to_its_most)
{
    static const struct {
        const char *seconds;
        double adds;
    } cases[] = { { "0", 0 }, { "3600", 0.05 }, { "9000", 0.125 }, { "14400", 0.2 }, { "999999999999", 0.2 }, { "soon", 0 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct urgency_view v = in_context();
        fact("conversation.waiting", cases[i].seconds);
        settled(&plain, &v);
        assert_float_equal(sum.score, 0.4 + cases[i].adds, NEAR);
    }
}

TEST(a_named_level_wins_over_the_score_and_raises_come_after)
{
    const float calm[] = { 1, 0, 0, 0 };
    struct urgency_view v = seen();
    v.p = calm;
    v.named = URG_HIGH;
    v.named_by = STR("rule:outage");
    assert_int_equal(settled(&plain, &v), URG_HIGH);
    assert_float_equal(sum.score, 0.7, NEAR);
    assert_true(says("rule:outage", "high"));
    v.raise = 1;
    assert_int_equal(settled(&plain, &v), URG_CRITICAL);
    assert_float_equal(sum.score, 0.95, NEAR);
    v.raise = 7;
    assert_int_equal(settled(&plain, &v), URG_CRITICAL);
    v.raise = -7;
    assert_int_equal(settled(&plain, &v), URG_LOW);
    v.named = -1;
    v.raise = 1;
    assert_int_equal(settled(&plain, &v), URG_NORMAL);
}

TEST(a_named_level_that_the_score_reaches_keeps_the_score)
{
    const float p[] = { 0, 0, 0.9f, 0.1f };
    struct urgency_view v = seen();
    v.p = p;
    v.named = URG_HIGH;
    v.named_by = STR("rule:money");
    assert_int_equal(settled(&plain, &v), URG_HIGH);
    assert_float_equal(sum.score, 0.7, 1e-5);
}

TEST(what_names_the_level_is_told_however_many_rules_weigh)
{
    struct urgency_rule rules[40];
    struct urgency_view v = seen();
    for (int i = 0; i < 40; i++) rules[i] = (struct urgency_rule){ STR("rule:loud"), 0.01 };
    v.rules = rules;
    v.rule_count = 40;
    v.named = URG_LOW;
    v.named_by = STR("rule:joke");
    assert_int_equal(settled(&plain, &v), URG_LOW);
    assert_true(says("rule:joke", "low"));
}

/* Any thresholds that a policy may give: `settled` holds the score to its level's band. */
TEST(the_score_lies_in_its_levels_band_for_any_thresholds)
{
    static const double odd[][URG_COUNT] = { { 0, 0.1, 0.2, 0.3 }, { 0, 0.9, 0.95, 1 }, { 0, 0.01, 0.5, 0.99 } };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        for (int named = -1; named < (int)URG_COUNT; named++)
            for (int raise = -3; raise <= 3; raise++) {
                struct urgency_policy u = plain;
                struct urgency_view v = seen();
                memcpy(u.levels, odd[i], sizeof u.levels);
                v.named = named;
                v.raise = raise;
                settled(&u, &v);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(without_a_model_the_score_starts_where_the_policy_says),
        RUN(a_model_is_taken_at_its_expectation),
        RUN(the_weight_of_a_model_says_how_far_it_leads_away_from_the_start),
        RUN(rules_add_and_take_away_and_are_told_by_name),
        RUN(a_score_stays_within_nought_and_one_whatever_is_added),
        RUN(a_negative_message_weighs_and_more_when_the_mood_turned),
        RUN(contacts_beyond_the_first_count_and_three_at_most),
        RUN(waiting_adds_by_the_hour_up_to_its_most),
        RUN(a_named_level_wins_over_the_score_and_raises_come_after),
        RUN(a_named_level_that_the_score_reaches_keeps_the_score),
        RUN(what_names_the_level_is_told_however_many_rules_weigh),
        RUN(the_score_lies_in_its_levels_band_for_any_thresholds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
