/* Objectives and guards: read, refused with the place, and their values. */
#include "tests/unit/simulate/made.h"
#include "workers/simulate/objective.h"

static const char *reads(const char *text)
{
    static char out[OBJECTIVE_WHY + 600];
    char why[OBJECTIVE_WHY] = "";
    struct objective o;
    enum err e = objective_parse(&o, text, &made_rules, why);
    size_t n = 0;
    if (e) snprintf(out, sizeof out, "%s", why);
    for (uint32_t i = 0; !e && i < o.count; i++)
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%g %s", i ? ", " : "", o.v[i].factor, o.v[i].of.name);
    return out;
}
static const char *guards(const char *text)
{
    static char out[OBJECTIVE_WHY + 600];
    char why[OBJECTIVE_WHY] = "";
    struct guards g;
    enum err e = guards_parse(&g, text, &made_rules, why);
    size_t n = 0;
    if (e) snprintf(out, sizeof out, "%s", why);
    for (uint32_t i = 0; !e && i < g.count; i++)
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%s %g", i ? ", " : "", g.v[i].of.name, g.v[i].allowed);
    return out;
}

TEST(terms_are_read_with_their_factors_and_signs)
{
    UNUSED(state);
    assert_string_equal(reads("breach + 0.1*lateness"), "1 breach, 0.1 lateness");
    assert_string_equal(reads("breach+0.1*lateness"), "1 breach, 0.1 lateness");
    assert_string_equal(reads(" - within"), "-1 within");
    assert_string_equal(reads("2 p99 - lateness / 4 + gold.breach*3"), "2 p99, -0.25 lateness, 3 gold.breach");
    assert_string_equal(reads("worst.p99"), "1 worst.p99");
    assert_string_equal(reads("wait_p90"), "1 wait_p90");
}

TEST(what_is_no_objective_is_refused_with_the_place_and_the_nearest_word)
{
    UNUSED(state);
    assert_string_equal(reads("breach + 0.1*latenes"),
                        "\"latenes\" is no figure (did you mean \"lateness\"?) at column 14 of \"breach + 0.1*latenes\"");
    assert_string_equal(reads("gol.breach"), "\"gol\" is no class (did you mean \"gold\"?) at column 1 of \"gol.breach\"");
    assert_string_equal(reads("breach * lateness"), "a number up to 1000000000 is expected at column 10 of \"breach * lateness\"");
    assert_string_equal(reads("breach lateness"), "+ or - is expected at column 8 of \"breach lateness\"");
    assert_string_equal(reads("breach +"), "a figure is missing at column 9 of \"breach +\"");
    assert_string_equal(reads(""), "a figure is missing at column 1 of \"\"");
    assert_string_equal(reads("3"), "a figure is missing at column 2 of \"3\"");
    assert_string_equal(reads("(breach)"), "a figure or a number is expected at column 1 of \"(breach)\"");
    assert_string_equal(reads("breach / 0"), "nothing can be divided by 0 at column 11 of \"breach / 0\"");
    assert_string_equal(reads("gold.jain"), "agents' figures are of all tickets alone at column 1 of \"gold.jain\"");
    assert_non_null(strstr(reads("offered"), "\"offered\" is no figure"));
}

TEST(guards_are_figures_with_what_is_allowed)
{
    UNUSED(state);
    assert_string_equal(guards("abandoned, worst.p99 + 5%"), "abandoned 0, worst.p99 0.05");
    assert_string_equal(guards("abandonde"),
                        "\"abandonde\" is no figure (did you mean \"abandoned\"?) at column 1 of \"abandonde\"");
    assert_string_equal(guards("abandoned + 5"), "how much worse is a percentage: % is expected at column 14 of \"abandoned + 5\"");
    assert_string_equal(guards("abandoned breach"), "a comma is expected at column 11 of \"abandoned breach\"");
    assert_string_equal(guards("abandoned,"), "a figure is expected at column 11 of \"abandoned,\"");
    assert_string_equal(guards("occupancy"), "more of this figure is neither better nor worse at column 10 of \"occupancy\"");
}

static double value(const char *text, const struct sim_report *r)
{
    char why[OBJECTIVE_WHY];
    struct objective o;
    assert_int_equal(objective_parse(&o, text, &made_rules, why), ERR_OK);
    return objective_value(&o, r, NULL);
}

TEST(the_value_is_the_sum_of_its_terms_of_all_of_one_class_or_of_the_worst)
{
    UNUSED(state);
    struct sim_report *r = made_report(0);
    add(r, made_answered(0, 0, 10000, 1000));    /* gold, in time */
    add(r, made_answered(1, 1000, 90000, 1000)); /* plain, 30 s late */
    add(r, made_lost(1, OUT_ABANDONED, 2000, 5000));
    assert_true(value("breach", r) == 0.2);
    assert_true(value("gold.breach", r) == 0 && value("plain.breach", r) == 0.5 && value("worst.breach", r) == 0.5);
    assert_true(fabs(value("worst.within", r)) < 1e-9);
    assert_true(fabs(value("10*abandoned - plain.lateness / 15", r) - (10.0 / 3 - 1)) < 1e-9);
    const struct figure_of *missing;
    struct objective o;
    char why[OBJECTIVE_WHY];
    assert_int_equal(objective_parse(&o, "breach + match", &made_rules, why), ERR_OK);
    assert_true(isnan(objective_value(&o, r, &missing)));
    assert_string_equal(missing->name, "match");
    sim_report_free(r);
}

TEST(a_guard_holds_until_its_figure_is_worse_by_more_than_it_allows)
{
    UNUSED(state);
    struct sim_report *base = made_report(0), *now = made_report(0);
    struct guards g;
    char why[OBJECTIVE_WHY];
    for (unsigned i = 0; i < 20; i++) {
        add(base, i < 10 ? made_lost(0, OUT_ABANDONED, i, 5000) : made_answered(0, i, 1000, 1000));
        add(now, i < 11 ? made_lost(0, OUT_ABANDONED, i, 5000) : made_answered(0, i, 1000, 1000));
    }
    assert_int_equal(guards_parse(&g, "abandoned", &made_rules, why), ERR_OK);
    assert_null(guards_broken(&g, base, base));
    assert_ptr_equal(guards_broken(&g, base, now), &g.v[0]);
    assert_null(guards_broken(&g, now, base));
    assert_int_equal(guards_parse(&g, "abandoned + 15%, within + 5%", &made_rules, why), ERR_OK);
    assert_ptr_equal(guards_broken(&g, base, now), &g.v[1]);
    sim_report_free(base);
    sim_report_free(now);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms_are_read_with_their_factors_and_signs),
        cmocka_unit_test(what_is_no_objective_is_refused_with_the_place_and_the_nearest_word),
        cmocka_unit_test(guards_are_figures_with_what_is_allowed),
        cmocka_unit_test(the_value_is_the_sum_of_its_terms_of_all_of_one_class_or_of_the_worst),
        cmocka_unit_test(a_guard_holds_until_its_figure_is_worse_by_more_than_it_allows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
