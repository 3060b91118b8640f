#include "tests/unit/simulate/unit.h"
#include "workers/simulate/duties.h"

#define H "agent,from_ms,to_ms\n"

static struct agent_spec agents[] = { { .name = "minji" }, { .name = "joohan" } };
static const struct policy policy = { .agents = agents, .agent_count = 2 };
static struct duties duties;
static char why[512];

static enum err load(const char *content)
{
    duties_fini(&duties);
    return duties_load(&duties, unit_file("r.csv", content, strlen(content)), &policy, why);
}

static void refused(const char *content, const char *sentence)
{
    assert_int_equal(load(content), ERR_USAGE);
    assert_string_equal(unit_told(why), sentence);
    assert_null(duties.v);
}

TEST(duties_come_in_the_order_of_their_begin)
{
    UNUSED(state);
    assert_int_equal(load("to_ms,agent,from_ms,note\n500,minji,100,x\n300,joohan,100,\n100,\"minji\",0,\n"), ERR_OK);
    assert_true(duties.given);
    assert_int_equal(duties.count, 3);
    assert_string_equal(duties.v[0].agent, "minji");
    assert_int_equal(duties.v[0].to, 100);
    assert_string_equal(duties.v[1].agent, "minji"); /* the policy's order */
    assert_string_equal(duties.v[2].agent, "joohan");
    assert_int_equal(duties.v[2].to, 300);
    duties_fini(&duties);
}

TEST(a_roster_without_rows_means_nobody_is_there)
{
    UNUSED(state);
    assert_int_equal(load(H), ERR_OK);
    assert_true(duties.given);
    assert_int_equal(duties.count, 0);
    duties_fini(&duties);
}

TEST(mistakes_are_told_with_their_line)
{
    UNUSED(state);
    refused("agent,from,to\n",
            "r.csv:1: the header lacks from_ms (\"from\": did you mean \"from_ms\"?), to_ms. It has: agent,from,to; it "
            "should have, in any order: agent,from_ms,to_ms");
    refused(H "minij,0,1\n", "r.csv:2: agent \"minij\" is not in the policy's agents (did you mean \"minji\"?)");
    refused(H ",0,1\n", "r.csv:2: agent is empty");
    refused(H "minji,0,1\nminji,5,5\n", "r.csv:3: from_ms 5 is not before to_ms 5");
    refused(H "minji,0,9h\n", "r.csv:2: to_ms \"9h\" is no whole number of milliseconds: write 32400000");
}

TEST(duties_of_one_agent_that_overlap_are_told_with_both_lines)
{
    UNUSED(state);
    refused(H "minji,50,100\njoohan,0,1000\nminji,0,51\n",
            "r.csv:4: \"minji\" is on duty from 0 to 51, which overlaps line 2 (50 to 100)");
    assert_int_equal(load(H "minji,50,100\nminji,0,50\n"), ERR_OK);
    duties_fini(&duties);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(duties_come_in_the_order_of_their_begin),
        cmocka_unit_test(a_roster_without_rows_means_nobody_is_there),
        cmocka_unit_test(mistakes_are_told_with_their_line),
        cmocka_unit_test(duties_of_one_agent_that_overlap_are_told_with_both_lines),
    };
    return cmocka_run_group_tests(tests, unit_dir_make, unit_dir_remove);
}
