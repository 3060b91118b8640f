/* The worked policies of teams: each is good without a word of warning, and is what its page says. */
#include "tests/unit/config/unit.h"

static const char *const teams[] = { "functional", "tiered", "matrix", "follow-the-sun", "lifecycle" };

static struct policy *team(const char *name)
{
    struct policy *p = NULL;
    struct findings f;
    char path[512];
    findings_init(&f);
    snprintf(path, sizeof path, "%s/config/teams/%s.yaml", NARU_SOURCE_DIR, name);
    enum err e = policy_load_file(&p, path, NOW, &f);
    if (e || f.count) print_findings(&f);
    assert_int_equal(e, ERR_OK);
    assert_int_equal(f.count, 0);
    findings_fini(&f);
    return p;
}

TEST(every_team_policy_is_good_without_warnings)
{
    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(teams); i++) {
        struct policy *p = team(teams[i]);
        assert_string_equal(p->workspace, teams[i]);
        assert_true(p->queue_count >= 2 && p->agent_count >= 6);
        policy_unref(p);
    }
}

TEST(team_policies_close_on_the_holidays_of_their_file)
{
    UNUSED(state);
    struct policy *p = team("functional");
    assert_true(hours_open(&p->hours[0], 1790121600000ull, NULL));  /* Wednesday 2026-09-23, 09:00 in Seoul */
    assert_false(hours_open(&p->hours[0], 1790208000000ull, NULL)); /* Thursday: Chuseok begins */
    policy_unref(p);
}

TEST(one_region_at_least_is_awake_at_every_minute_of_the_year)
{
    UNUSED(state);
    struct policy *p = team("follow-the-sun");
    for (uint64_t t = NOW; t < NOW + 366ull * 86400000; t += 600000) {
        bool awake = false;
        for (uint32_t i = 0; i < p->agent_count; i++)
            awake |= p->agents[i].shift >= 0 && hours_open(&p->hours[p->agents[i].shift], t, NULL);
        if (!awake) fail_msg("nobody at %llu", (unsigned long long)t);
    }
    policy_unref(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_team_policy_is_good_without_warnings),
        cmocka_unit_test(team_policies_close_on_the_holidays_of_their_file),
        cmocka_unit_test(one_region_at_least_is_awake_at_every_minute_of_the_year),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
