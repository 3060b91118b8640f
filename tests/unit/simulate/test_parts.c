/* Arrivals cut into days, or into seeds, and what is kept out of the search. */
#include "tests/unit/config/unit.h"
#include "workers/simulate/parts.h"

#define HOUR 3600000ull
#define DAY  (24 * HOUR)

static const char *const yaml = "naru: 1\nworkspace: w\ntimezone: Asia/Seoul\nqueues: { a: { takes: default } }\n";

struct given { /* arrivals of each replication: an hour apart, from `first` on */
    uint64_t first, step;
    uint32_t count, opened;
    enum err fail_at_end;
};
struct given_source {
    struct source s;
    struct given *given;
    uint32_t at, replication;
};
static enum err given_next(struct source *s, struct arrival *out)
{
    struct given_source *g = (struct given_source *)s;
    if (g->at == g->given->count) {
        snprintf(s->why, sizeof s->why, "t.csv:9: broken");
        return g->given->fail_at_end ? g->given->fail_at_end : ERR_NOTFOUND;
    }
    *out = (struct arrival){ .at = g->given->first + g->at * g->given->step, .work = g->replication };
    snprintf(out->id, sizeof out->id, "%u", ++g->at);
    return ERR_OK;
}
static void given_close(struct source *s) { free(s); }
static enum err given_open(void *ctx, uint32_t replication, struct source **out, char why[512])
{
    struct given_source *g = calloc(1, sizeof *g);
    UNUSED(why);
    *g = (struct given_source){ .s = { .next = given_next, .close = given_close }, .given = ctx, .replication = replication };
    *out = &g->s;
    g->given->opened++;
    return ERR_OK;
}

static enum err read_parts(struct parts *out, struct given *g, struct policy *p, const struct duties *d, bool days, char why[512])
{
    struct parts_cfg cfg = { .policy = p,
                             .from = p->midnight[1],
                             .duties = d,
                             .replications = 2,
                             .seeds = 3,
                             .every = 3,
                             .days = days,
                             .open = given_open,
                             .ctx = g };
    return parts_read(out, &cfg, why);
}

TEST(a_trace_is_cut_at_the_midnights_of_the_policy_and_every_third_day_is_held)
{
    UNUSED(state);
    char why[512];
    struct policy *p = good_policy(yaml);
    struct parts parts;
    struct given g = { .first = 23 * HOUR, .step = HOUR, .count = 1 + 6 * 24 };
    assert_int_equal(read_parts(&parts, &g, p, NULL, true, why), ERR_OK);
    assert_true(parts.days);
    assert_int_equal(parts.units, 7);
    assert_int_equal(parts.held_units, 2);
    assert_int_equal(parts.count, 14);
    for (uint32_t i = 0; i < parts.count; i++) {
        assert_int_equal(parts.v[i].unit, i / 2);
        assert_int_equal(parts.v[i].replication, i % 2);
        assert_int_equal(parts.v[i].held, i / 2 == 2 || i / 2 == 5);
        assert_int_equal(parts.v[i].count, i < 2 ? 1 : 24);
        assert_int_equal(parts.v[i].v[0].at, i < 2 ? 23 * HOUR : i / 2 * DAY);
        assert_int_equal(parts.v[i].v[0].work, i % 2);
        assert_false(parts.v[i].duties.given);
    }
    parts_fini(&parts);
    policy_unref(p);
}

TEST(one_day_and_drawn_arrivals_are_held_to_other_seeds)
{
    UNUSED(state);
    char why[512];
    struct policy *p = good_policy(yaml);
    for (unsigned days = 0; days < 2; days++) {
        struct parts parts;
        struct given g = { .first = 9 * HOUR, .step = HOUR, .count = 10 };
        assert_int_equal(read_parts(&parts, &g, p, NULL, days, why), ERR_OK);
        assert_false(parts.days);
        assert_int_equal(g.opened, 6);
        assert_int_equal(parts.units, 6);
        assert_int_equal(parts.held_units, 3);
        for (uint32_t i = 0; i < 6; i++) {
            assert_int_equal(parts.v[i].held, i >= 3);
            assert_int_equal(parts.v[i].replication, i);
            assert_int_equal(parts.v[i].count, 10);
        }
        parts_fini(&parts);
    }
    policy_unref(p);
}

TEST(a_part_has_the_duties_that_meet_it)
{
    UNUSED(state);
    char why[512];
    struct policy *p = good_policy(yaml);
    struct duty list[] = { { "early", 0, 5 * HOUR },
                           { "day", 8 * HOUR, 16 * HOUR },
                           { "night", 22 * HOUR, DAY + 6 * HOUR },
                           { "next", DAY + 8 * HOUR, DAY + 16 * HOUR } };
    struct duties d = { .v = list, .count = 4, .given = true };
    struct parts parts;
    struct given g = { .first = 9 * HOUR, .step = 12 * HOUR, .count = 4 };
    assert_int_equal(read_parts(&parts, &g, p, &d, true, why), ERR_OK);
    assert_int_equal(parts.units, 2);
    const struct duties *first = &parts.v[0].duties, *second = &parts.v[2].duties;
    assert_true(first->given && second->given);
    assert_int_equal(first->count, 2);
    assert_string_equal(first->v[0].agent, "day");
    assert_string_equal(first->v[1].agent, "night");
    assert_int_equal(second->count, 1);
    assert_string_equal(second->v[0].agent, "next");
    parts_fini(&parts);
    policy_unref(p);
}

TEST(a_part_is_played_again_and_again)
{
    UNUSED(state);
    char why[512];
    struct policy *p = good_policy(yaml);
    struct parts parts;
    struct given g = { .first = 23 * HOUR, .step = HOUR, .count = 30 };
    assert_int_equal(read_parts(&parts, &g, p, NULL, true, why), ERR_OK);
    for (unsigned time = 0; time < 2; time++) {
        struct source *s;
        struct arrival a;
        assert_int_equal(part_open(&s, &parts.v[2], true), ERR_OK);
        assert_true(s->random);
        for (uint32_t i = 0; i < 24; i++) {
            assert_int_equal(source_next(s, &a), ERR_OK);
            assert_int_equal(a.at, (24 + i) * HOUR);
        }
        assert_int_equal(source_next(s, &a), ERR_NOTFOUND);
        source_close(s);
    }
    parts_fini(&parts);
    policy_unref(p);
}

TEST(what_cannot_be_read_is_told)
{
    UNUSED(state);
    char why[512];
    struct policy *p = good_policy(yaml);
    struct parts parts;
    struct given broken = { .step = HOUR, .count = 3, .fail_at_end = ERR_USAGE }, empty = { .count = 0 };
    assert_int_equal(read_parts(&parts, &broken, p, NULL, true, why), ERR_USAGE);
    assert_string_equal(why, "t.csv:9: broken");
    assert_int_equal(read_parts(&parts, &empty, p, NULL, true, why), ERR_NOTFOUND);
    assert_non_null(strstr(why, "nothing arrives"));
    policy_unref(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trace_is_cut_at_the_midnights_of_the_policy_and_every_third_day_is_held),
        cmocka_unit_test(one_day_and_drawn_arrivals_are_held_to_other_seeds),
        cmocka_unit_test(a_part_has_the_duties_that_meet_it),
        cmocka_unit_test(a_part_is_played_again_and_again),
        cmocka_unit_test(what_cannot_be_read_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
