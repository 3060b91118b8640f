#include "base/clock.h"
#include "tests/unit/base/unit.h"

#include <time.h>

TEST(a_steady_clock_knows_no_steps_of_the_wall_and_counts_sleep)
{
    UNUSED(state);
    struct steady s;
    steady_begin(&s, 1750000000000, 5000);
    assert_int_equal(steady_ms(&s, 5000), 1750000000000);
    assert_int_equal(steady_ms(&s, 6000), 1750000001000);                      /* whatever the wall says */
    assert_int_equal(steady_off(&s, 1750000001000 + 3600000, 6000), 3600000);  /* it was set an hour forward */
    assert_int_equal(steady_off(&s, 1750000001000 - 3600000, 6000), -3600000); /* … or back */
    assert_int_equal(steady_ms(&s, 6000 + 3600000), 1750000001000 + 3600000);  /* an hour of sleep is an hour */
    assert_true(clock_boot_ms() >= clock_mono_ms());
}

TEST(clocks_go_forward)
{
    uint64_t us = clock_mono_us(), ms = clock_mono_ms(), wall = clock_wall_ms(), cpu = clock_cpu_us();

    UNUSED(state);
    for (volatile int i = 0; i < 1000000; i++) {
    }
    assert_true(clock_mono_us() > us);
    assert_true(clock_mono_ms() >= ms);
    assert_true(clock_cpu_us() > cpu);
    assert_true(wall > UINT64_C(1700000000000));
}

TEST(dates_are_written_in_rfc_3339)
{
    char out[25];

    UNUSED(state);
    assert_string_equal(clock_text(0, out), "1970-01-01T00:00:00.000Z");
    assert_string_equal(clock_text(UINT64_C(1772357400250), out), "2026-03-01T09:30:00.250Z");
    assert_string_equal(clock_text(UINT64_C(951782399999), out), "2000-02-28T23:59:59.999Z");
    assert_string_equal(clock_text(UINT64_C(951782400000), out), "2000-02-29T00:00:00.000Z");
    assert_string_equal(clock_text(UINT64_C(253402300799999), out), "9999-12-31T23:59:59.999Z");
    assert_string_equal(clock_text(UINT64_MAX, out), "9999-12-31T23:59:59.999Z");
}

TEST(every_day_of_four_centuries_agrees_with_the_c_library)
{
    UNUSED(state);
    for (time_t day = 0; day < 146097; day++) {
        char out[25], want[25];
        time_t t = day * 86400 + 12345;
        struct tm tm;
        uint64_t back = 0;
        gmtime_r(&t, &tm);
        strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%S.000Z", &tm);
        assert_string_equal(clock_text((uint64_t)t * 1000, out), want);
        assert_int_equal(clock_parse(out, 24, &back), 0);
        assert_int_equal(back, (uint64_t)t * 1000);
    }
}

TEST(dates_with_offsets_and_fractions_are_read)
{
    static const struct {
        const char *text;
        uint64_t want;
    } rows[] = {
        { "1970-01-01T00:00:00Z", 0 },
        { "2026-03-01T09:30:00.250Z", UINT64_C(1772357400250) },
        { "2026-03-01t09:30:00.25z", UINT64_C(1772357400250) },
        { "2026-03-01T18:30:00.250+09:00", UINT64_C(1772357400250) },
        { "2026-03-01T04:00:00.250999999-05:30", UINT64_C(1772357400250) },
        { "1970-01-01T00:00:00-00:00", 0 },
        { "1969-12-31T23:00:00-01:00", 0 },
        { "2016-12-31T23:59:60Z", UINT64_C(1483228800000) }, /* a leap second */
        { "2024-02-29T00:00:00.1Z", UINT64_C(1709164800100) },
    };

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint64_t got = 1;
        if (clock_parse(rows[i].text, strlen(rows[i].text), &got) || got != rows[i].want) fail_msg("%s", rows[i].text);
    }
}

TEST(what_is_no_date_is_refused)
{
    static const char *const refused[] = {
        "",
        "2026",
        "2026-03-01",
        "2026-03-01T09:30",
        "2026-03-01T09:30:00",
        "2026-03-01T09:30:00.Z",
        "2026-03-01T09:30:00.1234567890Z",
        "2026-03-01 09:30:00Z",
        "2026-13-01T09:30:00Z",
        "2026-00-01T09:30:00Z",
        "2026-02-29T09:30:00Z",
        "2100-02-29T09:30:00Z",
        "2026-04-31T09:30:00Z",
        "2026-03-00T09:30:00Z",
        "2026-03-01T24:00:00Z",
        "2026-03-01T09:60:00Z",
        "2026-03-01T09:30:61Z",
        "2026-03-01T09:30:00+9:00",
        "2026-03-01T09:30:00+0900",
        "2026-03-01T09:30:00+24:00",
        "2026-03-01T09:30:00+09:60",
        "2026-03-01T09:30:00ZZ",
        "2026-03-01T09:30:00Z ",
        " 2026-03-01T09:30:00Z",
        "+026-03-01T09:30:00Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01",
        "2026-3-01T09:30:00Z",
    };
    uint64_t got = 7;

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        if (!clock_parse(refused[i], strlen(refused[i]), &got)) fail_msg("%s", refused[i]);
    assert_int_equal(clock_parse(NULL, 0, &got), -1);
    assert_int_equal(got, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_steady_clock_knows_no_steps_of_the_wall_and_counts_sleep),
        cmocka_unit_test(clocks_go_forward),
        cmocka_unit_test(dates_are_written_in_rfc_3339),
        cmocka_unit_test(every_day_of_four_centuries_agrees_with_the_c_library),
        cmocka_unit_test(dates_with_offsets_and_fractions_are_read),
        cmocka_unit_test(what_is_no_date_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
