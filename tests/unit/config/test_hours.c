/* Opening hours across what calendars do: zones, summer time, midnight, holidays. */
#include "base/clock.h"
#include "tests/unit/config/unit.h"

static struct policy *with_hours(const char *hours)
{
    char yaml[1024];
    snprintf(yaml, sizeof yaml, "naru: 1\nworkspace: w\nhours: { h: %s }\nqueues: { q: { takes: default } }\n", hours);
    return good_policy(yaml);
}

static uint64_t at(const char *rfc3339)
{
    uint64_t ms = 0;
    assert_int_equal(clock_parse(rfc3339, strlen(rfc3339), &ms), 0);
    return ms;
}

static void assert_open(const struct policy *p, const char *when) { assert_true(hours_open(&p->hours[0], at(when), NULL)); }
static void assert_shut(const struct policy *p, const char *when) { assert_false(hours_open(&p->hours[0], at(when), NULL)); }
static void assert_next(const struct policy *p, const char *when, const char *want)
{
    uint64_t next = 0;
    char text[25];
    (void)hours_open(&p->hours[0], at(when), &next);
    if (next != at(want)) fail_msg("the next change after %s is %s, want %s", when, clock_text(next, text), want);
}

TEST(hours_open_and_shut_to_the_minute_in_their_zone)
{
    UNUSED(state);
    struct policy *p = with_hours("{ timezone: Asia/Seoul, open: { mon-fri: \"09:00-18:00\" } }");
    assert_shut(p, "2026-03-02T08:59:59.999+09:00");
    assert_open(p, "2026-03-02T09:00:00+09:00");
    assert_open(p, "2026-03-02T17:59:59.999+09:00");
    assert_shut(p, "2026-03-02T18:00:00+09:00");
    assert_next(p, "2026-03-02T10:00:00+09:00", "2026-03-02T18:00:00+09:00");
    assert_next(p, "2026-03-06T19:00:00+09:00", "2026-03-09T09:00:00+09:00"); /* over the weekend */
    policy_unref(p);
}

TEST(summer_time_moves_the_instants_and_not_the_wall_clock)
{
    UNUSED(state);
    struct policy *p = with_hours("{ timezone: Europe/London, open: { mon-sun: \"09:00-17:00\" } }");
    assert_next(p, "2026-03-28T03:00:00Z", "2026-03-28T09:00:00Z");
    assert_next(p, "2026-03-29T03:00:00Z", "2026-03-29T08:00:00Z");
    assert_next(p, "2026-10-24T03:00:00Z", "2026-10-24T08:00:00Z");
    assert_next(p, "2026-10-25T03:00:00Z", "2026-10-25T09:00:00Z");
    policy_unref(p);
}

TEST(a_skipped_wall_time_counts_as_the_next_valid_instant)
{
    UNUSED(state);
    struct policy *p = with_hours("{ timezone: America/New_York, open: { sun: \"01:30-02:30\" } }");
    assert_next(p, "2026-03-08T06:00:00Z", "2026-03-08T06:30:00Z");
    assert_next(p, "2026-03-08T06:40:00Z", "2026-03-08T07:00:00Z"); /* 02:30 does not exist: 03:00 summer time */
    policy_unref(p);
    p = with_hours("{ timezone: America/New_York, open: { sun: \"02:15-02:45\" } }");
    assert_shut(p, "2026-03-08T07:00:00Z"); /* all of it was skipped */
    assert_open(p, "2026-03-15T06:30:00Z");
    policy_unref(p);
}

TEST(a_repeated_wall_time_opens_at_its_first_and_shuts_at_its_last)
{
    UNUSED(state);
    struct policy *p = with_hours("{ timezone: America/New_York, open: { sun: \"01:30-03:00\" } }");
    assert_next(p, "2026-11-01T05:00:00Z", "2026-11-01T05:30:00Z");
    assert_next(p, "2026-11-01T05:30:00Z", "2026-11-01T08:00:00Z");
    policy_unref(p);
    p = with_hours("{ timezone: America/New_York, open: { sun: \"00:00-01:30\" } }");
    assert_next(p, "2026-11-01T04:30:00Z", "2026-11-01T06:30:00Z");
    policy_unref(p);
}

TEST(a_whole_day_ends_at_24_00_and_joins_the_next)
{
    UNUSED(state);
    struct policy *p = with_hours("{ timezone: Asia/Seoul, open: { fri-sat: \"00:00-24:00\" } }");
    assert_next(p, "2026-03-05T12:00:00+09:00", "2026-03-06T00:00:00+09:00");
    assert_next(p, "2026-03-06T12:00:00+09:00", "2026-03-08T00:00:00+09:00");
    policy_unref(p);
    p = with_hours("{ timezone: Asia/Seoul, open: { mon-sun: \"00:00-24:00\" } }");
    assert_int_equal(p->hours[0].count, 1);
    uint64_t next = 1;
    assert_true(hours_open(&p->hours[0], NOW, &next));
    assert_int_equal(next, 0); /* the horizon is not a closing */
    policy_unref(p);
}

TEST(hours_over_midnight_belong_to_the_evening_they_begin_on)
{
    UNUSED(state);
    struct policy *p = with_hours("{ timezone: Asia/Seoul, open: { fri: \"22:00-06:00\" } }");
    assert_shut(p, "2026-03-06T05:00:00+09:00");
    assert_open(p, "2026-03-06T23:59:59+09:00");
    assert_open(p, "2026-03-07T05:59:59+09:00");
    assert_shut(p, "2026-03-07T06:00:00+09:00");
    assert_shut(p, "2026-03-07T23:00:00+09:00");
    policy_unref(p);
}

TEST(what_was_open_when_the_policy_was_loaded_is_open)
{
    UNUSED(state);
    struct policy *p = with_hours("{ timezone: Asia/Seoul, open: { sat: \"22:00-10:00\" } }"); /* NOW is Sunday 09:00 in Seoul */
    assert_true(hours_open(&p->hours[0], NOW, NULL));
    policy_unref(p);
}

TEST(consecutive_holidays_are_closed_from_midnight_to_midnight)
{
    UNUSED(state);
    struct policy *p =
        with_hours("{ timezone: Asia/Seoul, open: { mon-fri: \"09:00-18:00\" }, closed: [2026-09-25, 2026-09-24, 2026-09-26] }");
    assert_open(p, "2026-09-23T12:00:00+09:00");
    assert_shut(p, "2026-09-24T12:00:00+09:00");
    assert_shut(p, "2026-09-25T12:00:00+09:00");
    assert_next(p, "2026-09-23T18:00:00+09:00", "2026-09-28T09:00:00+09:00");
    policy_unref(p);
    p = with_hours("{ timezone: Asia/Seoul, open: { mon-sun: \"22:00-06:00\" }, closed: 2026-12-25 }");
    assert_next(p, "2026-12-24T23:00:00+09:00", "2026-12-25T00:00:00+09:00"); /* the night before ends at midnight */
    assert_next(p, "2026-12-25T12:00:00+09:00", "2026-12-26T22:00:00+09:00"); /* and its own does not happen */
    policy_unref(p);
}

TEST(several_intervals_a_day_keep_their_break_and_overlapping_ones_join)
{
    UNUSED(state);
    struct policy *p = with_hours("{ timezone: UTC, open: { mon: [\"13:00-18:00\", \"09:00-12:00\", \"17:00-19:00\"] } }");
    assert_next(p, "2026-03-02T10:00:00Z", "2026-03-02T12:00:00Z");
    assert_next(p, "2026-03-02T12:00:00Z", "2026-03-02T13:00:00Z");
    assert_next(p, "2026-03-02T13:00:00Z", "2026-03-02T19:00:00Z");
    policy_unref(p);
}

TEST(intervals_are_sorted_apart_and_reach_over_a_year)
{
    UNUSED(state);
    struct policy *p =
        with_hours("{ timezone: America/Sao_Paulo, open: { sat-mon: [\"20:00-04:00\", \"09:00-10:00\"], wed: \"00:00-24:00\" } }");
    const struct hours *h = &p->hours[0];
    for (uint32_t i = 0; i < h->count; i++) {
        assert_true(h->open[i] < h->shut[i]);
        if (i) assert_true(h->shut[i - 1] < h->open[i]);
    }
    assert_true(h->shut[h->count - 1] > NOW + 395ull * 86400000);
    assert_open(p, "2027-03-03T12:00:00Z"); /* a Wednesday */
    policy_unref(p);
}

TEST(hours_closed_all_week_are_refused)
{
    UNUSED(state);
    struct policy *p = NULL;
    struct findings f;
    struct buf yaml;
    findings_init(&f);
    buf_init(&yaml, 1u << 16);
    buf_addz(&yaml, "naru: 1\nworkspace: w\nqueues: { q: { takes: default } }\nhours:\n  h: { timezone: UTC, open: { mon: "
                    "\"09:00-10:00\" }, closed: [");
    for (int y = 2026; y < 2028; y++)
        for (int m = 1; m <= 12; m++)
            for (int d = 1; d <= 28; d++) buf_addf(&yaml, "%04d-%02d-%02d, ", y, m, d);
    buf_addz(&yaml, "2026-03-30, 2026-06-29, 2026-08-31, 2026-11-30, 2027-03-29] }\n");
    assert_int_equal(policy_load(&p, buf_str(&yaml), "p", NOW, &f), ERR_POLICY);
    assert_true(says(&f, true, 5, 3, "never opens"));
    buf_fini(&yaml);
    findings_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hours_open_and_shut_to_the_minute_in_their_zone),
        cmocka_unit_test(summer_time_moves_the_instants_and_not_the_wall_clock),
        cmocka_unit_test(a_skipped_wall_time_counts_as_the_next_valid_instant),
        cmocka_unit_test(a_repeated_wall_time_opens_at_its_first_and_shuts_at_its_last),
        cmocka_unit_test(a_whole_day_ends_at_24_00_and_joins_the_next),
        cmocka_unit_test(hours_over_midnight_belong_to_the_evening_they_begin_on),
        cmocka_unit_test(what_was_open_when_the_policy_was_loaded_is_open),
        cmocka_unit_test(consecutive_holidays_are_closed_from_midnight_to_midnight),
        cmocka_unit_test(several_intervals_a_day_keep_their_break_and_overlapping_ones_join),
        cmocka_unit_test(intervals_are_sorted_apart_and_reach_over_a_year),
        cmocka_unit_test(hours_closed_all_week_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
