/* Opening hours across what calendars do: zones, summer time, midnight, holidays. */
#include "base/clock.h"
#include "config/date.h"
#include "config/hours.h"
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

TEST(openings_are_whole_minutes_whenever_the_policy_is_loaded)
{
    UNUSED(state);
    const char *yaml = "naru: 1\nworkspace: w\nhours: { h: { timezone: UTC, open: { mon-sun: \"02:00-03:00\" } } }\n"
                       "queues: { q: { takes: default } }\n";
    struct policy *p = NULL;
    struct findings f;
    uint64_t midnight = 0;
    findings_init(&f);
    assert_int_equal(policy_load(&p, str_of(yaml), "policy.yaml", NOW + 12949, &f), ERR_OK);
    findings_fini(&f);
    assert_next(p, "2026-03-02T00:00:00Z", "2026-03-02T02:00:00Z");
    (void)policy_day(p, at("2026-03-02T00:00:00Z"), &midnight);
    assert_int_equal(midnight, at("2026-03-03T00:00:00Z"));
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

TEST(an_interval_within_the_doubled_hour_is_open_from_its_first_time_to_its_last)
{
    UNUSED(state);
    struct policy *p = with_hours("{ timezone: America/New_York, open: { sun: \"01:15-01:45\" } }");
    assert_next(p, "2026-11-01T05:00:00Z", "2026-11-01T05:15:00Z");
    assert_open(p, "2026-11-01T05:50:00Z"); /* between the two */
    assert_next(p, "2026-11-01T05:15:00Z", "2026-11-01T06:45:00Z");
    assert_next(p, "2026-11-01T06:45:00Z", "2026-11-08T06:15:00Z");
    policy_unref(p);
    p = with_hours("{ timezone: America/New_York, open: { sun: [\"01:00-01:20\", \"01:40-02:00\"] } }");
    assert_next(p, "2026-11-01T05:00:00Z", "2026-11-01T07:00:00Z"); /* their two turns overlap */
    policy_unref(p);
}

TEST(a_change_of_half_an_hour_moves_half_an_hour)
{
    UNUSED(state);
    struct policy *p = with_hours("{ timezone: Australia/Lord_Howe, open: { sun: \"02:10-05:00\" } }");
    assert_next(p, "2026-10-03T15:00:00Z", "2026-10-03T15:30:00Z"); /* 02:10 is skipped: 02:30 at +11:00 */
    assert_next(p, "2026-10-03T15:30:00Z", "2026-10-03T18:00:00Z");
    policy_unref(p);
}

TEST(a_day_whose_midnight_is_skipped_begins_at_one)
{
    UNUSED(state);
    struct policy *p = with_hours("{ timezone: Asia/Beirut, open: { sat-sun: \"00:00-24:00\" }, closed: 2026-03-28 }");
    assert_shut(p, "2026-03-28T12:00:00+02:00");
    assert_next(p, "2026-03-28T12:00:00+02:00", "2026-03-28T22:00:00Z"); /* 01:00 at +03:00 */
    assert_next(p, "2026-03-29T12:00:00+03:00", "2026-03-29T21:00:00Z");
    policy_unref(p);
}

TEST(hours_to_24_00_end_with_the_second_eleven_o_clock_when_it_is_repeated)
{
    UNUSED(state);
    struct policy *p = with_hours("{ timezone: America/Santiago, open: { sat: \"22:00-24:00\" } }");
    assert_next(p, "2026-04-04T22:00:00-03:00", "2026-04-05T04:00:00Z"); /* three hours, not two */
    policy_unref(p);
    p = with_hours("{ timezone: America/Santiago, open: { sat: \"22:00-02:00\" }, closed: 2026-04-05 }");
    assert_next(p, "2026-04-04T22:00:00-03:00", "2026-04-05T04:00:00Z");
    policy_unref(p);
}

TEST(a_week_with_only_some_days_reaches_over_the_others)
{
    UNUSED(state);
    struct policy *p = with_hours("{ timezone: Asia/Seoul, open: { wed: \"10:00-12:00\" }, closed: [2026-03-04, 2026-03-11] }");
    assert_next(p, "2026-03-01T12:00:00+09:00", "2026-03-18T10:00:00+09:00");
    policy_unref(p);
}

static bool refused(struct buf *yaml, const char *why, uint32_t line)
{
    struct policy *p = NULL;
    struct findings f;
    findings_init(&f);
    bool good = policy_load(&p, buf_str(yaml), "p", NOW, &f) == ERR_POLICY && says(&f, true, line, 3, why);
    if (!good) print_findings(&f);
    findings_fini(&f);
    buf_fini(yaml);
    return good;
}

TEST(hours_closed_all_week_are_refused)
{
    UNUSED(state);
    static const char *const none[] = { "{}", "{ mon: [] }", "{ mon-sun: [] }" };
    for (size_t i = 0; i < COUNT_OF(none); i++) {
        struct buf yaml;
        buf_init(&yaml, 1u << 16);
        buf_addf(&yaml, "naru: 1\nworkspace: w\nqueues: { q: { takes: default } }\nhours:\n  h: { timezone: UTC, open: %s }\n",
                 none[i]);
        assert_true(refused(&yaml, "no weekday has times", 5));
    }
}

TEST(hours_whose_every_opening_is_a_holiday_are_refused)
{
    UNUSED(state);
    struct buf yaml;
    buf_init(&yaml, 1u << 16);
    buf_addz(&yaml, "naru: 1\nworkspace: w\nqueues: { q: { takes: default } }\nhours:\n  h: { timezone: UTC, open: { mon: "
                    "\"09:00-10:00\" }, closed: [");
    for (int y = 2026; y < 2028; y++)
        for (int m = 1; m <= 12; m++)
            for (int d = 1; d <= 28; d++) buf_addf(&yaml, "%04d-%02d-%02d, ", y, m, d);
    buf_addz(&yaml, "2026-03-30, 2026-06-29, 2026-08-31, 2026-11-30, 2027-03-29] }\n");
    assert_true(refused(&yaml, "each day it would open on is in \"closed\"", 5));
}

/* ---- days ---- */

static struct policy *in_zone(const char *zone)
{
    struct policy *p = good_policy("naru: 1\nworkspace: w\nqueues: { q: { takes: default } }\n");
    struct arena *arena = &(struct arena){ 0 };
    arena_init(arena, 1u << 20);
    p->timezone = zone;
    assert_int_equal(hours_midnights(p, NOW, arena), ERR_OK);
    uint64_t *kept = malloc(p->midnight_count * sizeof *kept);
    memcpy(kept, p->midnight, p->midnight_count * sizeof *kept);
    p->midnight = kept;
    arena_fini(arena);
    return p;
}
static void out_of_zone(struct policy *p)
{
    free(p->midnight);
    policy_unref(p);
}

static void assert_day(const struct policy *p, const char *when, const char *date, const char *want_next)
{
    uint64_t next = 0;
    char text[25];
    uint32_t day = policy_day(p, at(when), &next);
    assert_int_equal(day, date_days(date_of(str_of(date))));
    if (next != at(want_next)) fail_msg("the day after %s begins %s, want %s", when, clock_text(next, text), want_next);
    assert_int_equal(policy_day(p, next - 1, NULL), day);
    assert_int_equal(policy_day(p, next, NULL), day + 1);
}

TEST(a_day_of_the_workspace_begins_at_its_own_midnight)
{
    UNUSED(state);
    struct policy *p = in_zone("Asia/Seoul");
    assert_day(p, "2026-03-02T00:00:00+09:00", "2026-03-02", "2026-03-03T00:00:00+09:00");
    assert_day(p, "2026-03-02T23:59:59.999+09:00", "2026-03-02", "2026-03-03T00:00:00+09:00");
    assert_day(p, "2027-02-01T08:00:00+09:00", "2027-02-01", "2027-02-02T00:00:00+09:00");
    out_of_zone(p);
    p = in_zone("UTC");
    assert_day(p, "2026-03-02T00:00:00Z", "2026-03-02", "2026-03-03T00:00:00Z");
    out_of_zone(p);
}

TEST(a_day_has_23_or_25_hours_when_the_clocks_change)
{
    UNUSED(state);
    struct policy *p = in_zone("America/New_York");
    assert_day(p, "2026-03-08T12:00:00-04:00", "2026-03-08", "2026-03-09T00:00:00-04:00");
    assert_day(p, "2026-11-01T00:30:00-04:00", "2026-11-01", "2026-11-02T00:00:00-05:00");
    out_of_zone(p);
    p = in_zone("Asia/Beirut"); /* 2026-03-29 has no midnight */
    assert_day(p, "2026-03-28T23:59:59+02:00", "2026-03-28", "2026-03-29T01:00:00+03:00");
    assert_day(p, "2026-03-29T02:00:00+03:00", "2026-03-29", "2026-03-30T00:00:00+03:00");
    out_of_zone(p);
    p = in_zone("Pacific/Auckland"); /* +13:00 and +12:00 */
    assert_day(p, "2026-04-05T23:30:00+12:00", "2026-04-05", "2026-04-06T00:00:00+12:00");
    assert_day(p, "2026-04-04T23:30:00+13:00", "2026-04-04", "2026-04-05T00:00:00+13:00");
    out_of_zone(p);
}

TEST(days_go_on_beyond_the_horizon_and_before_it)
{
    UNUSED(state);
    struct policy *p = in_zone("Asia/Seoul");
    assert_day(p, "2030-06-01T12:00:00+09:00", "2030-06-01", "2030-06-02T00:00:00+09:00");
    assert_day(p, "2020-06-01T12:00:00+09:00", "2020-06-01", "2020-06-02T00:00:00+09:00");
    out_of_zone(p);
    struct policy none = { .midnight_count = 0 };
    assert_day(&none, "2026-03-02T10:00:00Z", "2026-03-02", "2026-03-03T00:00:00Z");
}

TEST(a_policy_is_stale_when_half_of_its_hours_have_passed)
{
    UNUSED(state);
    struct policy *p = with_hours("{ timezone: Asia/Seoul, open: { mon-fri: \"09:00-18:00\" } }"), *again = NULL;
    assert_false(policy_stale(p, NOW));
    assert_false(policy_stale(p, NOW + 199ull * 86400000));
    assert_true(policy_stale(p, NOW + 200ull * 86400000));
    assert_int_equal(policy_load(&again, p->yaml, p->path, NOW + 200ull * 86400000, NULL), ERR_OK);
    assert_string_equal(again->version, p->version);
    assert_shut(p, "2027-09-01T12:00:00+09:00"); /* beyond what the first load reaches */
    assert_open(again, "2027-09-01T12:00:00+09:00");
    policy_unref(p);
    policy_unref(again);
}

TEST(dates_count_as_the_calendar_does)
{
    UNUSED(state);
    char text[11];
    assert_int_equal(date_days(19700101), 0);
    assert_int_equal(day_weekday(0), 4);
    assert_int_equal(day_weekday(-5), 6);
    assert_int_equal(date_days(20000301) - date_days(20000228), 2);
    assert_int_equal(date_days(21000301) - date_days(21000228), 1);
    assert_int_equal(date_from(date_days(20260132)), 20260201); /* carried over */
    for (int32_t d = date_days(19700101); d < date_days(24000101); d++) {
        uint32_t ymd = date_from(d);
        if (date_days(ymd) != d || date_of(str_of(date_text(ymd, text))) != ymd) fail_msg("day %d is %u", d, ymd);
    }
    assert_int_equal(day_weekday(date_days(20260301)), 0);
    assert_int_equal(date_of(STR("2026-02-29")), 0);
    assert_int_equal(date_of(STR("2028-02-29")), 20280229);
}

static void assert_added(const struct policy *p, const char *from, uint64_t minutes, const char *want)
{
    char text[25];
    uint64_t at_end = hours_add(&p->hours[0], at(from), minutes * 60000);
    if (at_end != at(want))
        fail_msg("%llu min after %s is %s, want %s", (unsigned long long)minutes, from, clock_text(at_end, text), want);
}

TEST(time_that_runs_only_while_open_goes_on_the_next_open_day)
{
    UNUSED(state);
    struct policy *p = with_hours("{ timezone: Asia/Seoul, open: { mon-fri: \"09:00-18:00\" } }");
    assert_added(p, "2026-03-02T10:00:00+09:00", 90, "2026-03-02T11:30:00+09:00");
    assert_added(p, "2026-03-02T17:00:00+09:00", 120, "2026-03-03T10:00:00+09:00");
    assert_added(p, "2026-03-02T17:00:00+09:00", 60, "2026-03-02T18:00:00+09:00"); /* the last minute is of this day */
    assert_added(p, "2026-03-06T20:00:00+09:00", 30, "2026-03-09T09:30:00+09:00"); /* from closed hours, over a weekend */
    assert_added(p, "2026-03-02T00:00:00+09:00", 0, "2026-03-02T09:00:00+09:00");
    assert_added(p, "2026-03-02T09:00:00+09:00", 5 * 540, "2026-03-06T18:00:00+09:00");
    assert_added(p, "2026-03-02T09:00:00+09:00", 5 * 540 + 1, "2026-03-09T09:01:00+09:00");
    policy_unref(p);
}

TEST(beyond_its_calendar_time_runs_as_if_it_were_open)
{
    UNUSED(state);
    uint64_t open[] = { 1000 }, shut[] = { 5000 };
    struct hours h = { .open = open, .shut = shut, .count = 1 };
    assert_int_equal(hours_add(&h, 4000, 3000), 7000);
    assert_int_equal(hours_add(&h, 9000, 10), 9010);
    assert_int_equal(hours_add(&h, 0, 4000), 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hours_open_and_shut_to_the_minute_in_their_zone),
        cmocka_unit_test(openings_are_whole_minutes_whenever_the_policy_is_loaded),
        cmocka_unit_test(summer_time_moves_the_instants_and_not_the_wall_clock),
        cmocka_unit_test(a_skipped_wall_time_counts_as_the_next_valid_instant),
        cmocka_unit_test(a_repeated_wall_time_opens_at_its_first_and_shuts_at_its_last),
        cmocka_unit_test(a_whole_day_ends_at_24_00_and_joins_the_next),
        cmocka_unit_test(hours_over_midnight_belong_to_the_evening_they_begin_on),
        cmocka_unit_test(what_was_open_when_the_policy_was_loaded_is_open),
        cmocka_unit_test(consecutive_holidays_are_closed_from_midnight_to_midnight),
        cmocka_unit_test(several_intervals_a_day_keep_their_break_and_overlapping_ones_join),
        cmocka_unit_test(intervals_are_sorted_apart_and_reach_over_a_year),
        cmocka_unit_test(an_interval_within_the_doubled_hour_is_open_from_its_first_time_to_its_last),
        cmocka_unit_test(a_change_of_half_an_hour_moves_half_an_hour),
        cmocka_unit_test(a_day_whose_midnight_is_skipped_begins_at_one),
        cmocka_unit_test(hours_to_24_00_end_with_the_second_eleven_o_clock_when_it_is_repeated),
        cmocka_unit_test(a_week_with_only_some_days_reaches_over_the_others),
        cmocka_unit_test(hours_closed_all_week_are_refused),
        cmocka_unit_test(hours_whose_every_opening_is_a_holiday_are_refused),
        cmocka_unit_test(a_day_of_the_workspace_begins_at_its_own_midnight),
        cmocka_unit_test(a_day_has_23_or_25_hours_when_the_clocks_change),
        cmocka_unit_test(days_go_on_beyond_the_horizon_and_before_it),
        cmocka_unit_test(a_policy_is_stale_when_half_of_its_hours_have_passed),
        cmocka_unit_test(dates_count_as_the_calendar_does),
        cmocka_unit_test(time_that_runs_only_while_open_goes_on_the_next_open_day),
        cmocka_unit_test(beyond_its_calendar_time_runs_as_if_it_were_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
