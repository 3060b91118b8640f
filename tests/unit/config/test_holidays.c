/* Public holidays by rule against those that were, or are, printed in calendars; days out of .ics files; files that policies name.

   The dates of 2024 to 2027 are those of the almanacs (월력요항) that the Korea AeroSpace Administration publishes for each year,
   without temporary holidays (2024-10-01, 2025-01-27, 2025-06-03): the government names those weeks ahead, and no rule knows them.
 */
#include "base/limits.h"
#include "config/closed_files.h"
#include "config/ics.h"
#include "tests/unit/config/unit.h"

#include <unistd.h>

struct dates { /* dates as text, parted by blanks */
    struct arena arena;
    struct holidays h;
    struct findings f;
};
static void list_init(struct dates *l)
{
    arena_init(&l->arena, 4u << 20);
    assert_int_equal(holidays_init(&l->h, &l->arena), ERR_OK);
    findings_init(&l->f);
}
static void list_fini(struct dates *l)
{
    findings_fini(&l->f);
    arena_fini(&l->arena);
}
static void assert_days(const struct holidays *h, const char *want)
{
    struct buf out;
    char text[11];
    buf_init(&out, 1u << 16);
    for (uint32_t i = 0; i < h->count; i++) buf_addf(&out, "%s%s", i ? " " : "", date_text(date_from(h->v[i].day), text));
    assert_string_equal(buf_cstr(&out), want);
    buf_fini(&out);
}

/* ---- Korea ---- */

static void assert_korea(uint32_t year, uint32_t without, uint32_t with, const char *want)
{
    struct dates l;
    list_init(&l);
    assert_int_equal(country_korea.year(&l.h, year, without, with), ERR_OK);
    holidays_sort(&l.h);
    assert_days(&l.h, want);
    list_fini(&l);
}
static uint32_t bit(const char *word)
{
    int i = country_day_find(&country_korea, str_of(word));
    assert_true(i >= 0);
    return 1u << i;
}

TEST(korean_holidays_of_four_years_are_those_of_the_almanac)
{
    UNUSED(state);
    assert_korea(2024, 0, 0,
                 "2024-01-01 2024-02-09 2024-02-10 2024-02-11 2024-02-12 2024-03-01 2024-04-10 2024-05-05 2024-05-06 2024-05-15 "
                 "2024-06-06 2024-08-15 2024-09-16 2024-09-17 2024-09-18 2024-10-03 2024-10-09 2024-12-25");
    assert_korea(2025, 0, 0,
                 "2025-01-01 2025-01-28 2025-01-29 2025-01-30 2025-03-01 2025-03-03 2025-05-05 2025-05-06 2025-06-06 2025-08-15 "
                 "2025-10-03 2025-10-05 2025-10-06 2025-10-07 2025-10-08 2025-10-09 2025-12-25");
    assert_korea(2026, 0, 0,
                 "2026-01-01 2026-02-16 2026-02-17 2026-02-18 2026-03-01 2026-03-02 2026-05-01 2026-05-05 2026-05-24 2026-05-25 "
                 "2026-06-03 2026-06-06 2026-07-17 2026-08-15 2026-08-17 2026-09-24 2026-09-25 2026-09-26 2026-10-03 2026-10-05 "
                 "2026-10-09 2026-12-25");
    assert_korea(2027, 0, 0,
                 "2027-01-01 2027-02-06 2027-02-07 2027-02-08 2027-02-09 2027-03-01 2027-05-01 2027-05-03 2027-05-05 2027-05-13 "
                 "2027-06-06 2027-07-17 2027-07-19 2027-08-15 2027-08-16 2027-09-14 2027-09-15 2027-09-16 2027-10-03 2027-10-04 "
                 "2027-10-09 2027-10-11 2027-12-25 2027-12-27");
}

TEST(a_national_day_within_chuseok_is_made_good_once)
{
    UNUSED(state);
    uint32_t autumn = bit("chuseok") | bit("foundation") | bit("hangeul");
    assert_korea(2028, ~autumn, 0, "2028-10-02 2028-10-03 2028-10-04 2028-10-05 2028-10-09");
    /* 2039: 1 to 3 October, a Sunday in it and the 3rd taken twice: two days are made good */
    assert_korea(2039, ~autumn, 0, "2039-10-01 2039-10-02 2039-10-03 2039-10-04 2039-10-05 2039-10-09 2039-10-10");
}

TEST(lunar_days_are_those_of_korea_not_of_china)
{
    UNUSED(state);
    static const struct {
        uint32_t seollal, buddha, chuseok;
    } want[] = { /* 2027 and 2028: Seollal is a day later than in China */
                 { 20270207, 20270513, 20270915 }, { 20280127, 20280502, 20281003 }, { 20290213, 20290520, 20290922 },
                 { 20300203, 20300509, 20300912 }, { 20310123, 20310528, 20311001 }, { 20320211, 20320516, 20320919 },
                 { 20330131, 20330506, 20330908 }, { 20340219, 20340525, 20340927 }, { 20350208, 20350515, 20350916 }
    };
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        struct dates l;
        list_init(&l);
        uint32_t lunar = bit("seollal") | bit("buddha") | bit("chuseok"), found = 0;
        assert_int_equal(country_korea.year(&l.h, want[i].seollal / 10000, ~lunar, 0), ERR_OK);
        for (uint32_t k = 0; k < l.h.count; k++) {
            uint32_t ymd = date_from(l.h.v[k].day);
            bool middle =
                k > 0 && k + 1 < l.h.count && l.h.v[k - 1].day == l.h.v[k].day - 1 && l.h.v[k + 1].day == l.h.v[k].day + 1;
            found += (ymd == want[i].seollal && middle) || ymd == want[i].buddha || (ymd == want[i].chuseok && middle);
        }
        if (found != 3) fail_msg("%u: other lunar days", want[i].seollal / 10000);
        list_fini(&l);
    }
}

TEST(elections_keep_away_from_other_holidays)
{
    UNUSED(state);
    uint32_t others = ~bit("elections");
    assert_korea(2024, others, 0, "2024-04-10");
    assert_korea(2026, others, 0, "2026-06-03");
    assert_korea(2028, others, 0, "2028-04-12");
    assert_korea(2030, others, 0, "2030-03-27 2030-06-12"); /* the Wednesday before Memorial Day would be the 5th */
    assert_korea(2035, others, 0, "");                      /* which president's term will end then, nobody knows */
}

TEST(days_can_be_left_out_or_asked_for_before_the_law_had_them)
{
    UNUSED(state);
    assert_korea(2026, ~(bit("labour-day") | bit("constitution")), 0, "2026-05-01 2026-07-17");
    assert_korea(2025, ~(bit("labour-day") | bit("constitution")), 0, "");
    assert_korea(2025, ~bit("labour-day"), bit("labour-day"), "2025-05-01");
}

TEST(every_year_of_the_rules_can_be_asked_for)
{
    UNUSED(state);
    for (uint32_t year = country_korea.from; year <= country_korea.to; year++) {
        struct dates l;
        list_init(&l);
        assert_int_equal(country_korea.year(&l.h, year, 0, 0), ERR_OK);
        assert_in_range(l.h.count, 17, 28);
        for (uint32_t i = 0; i < l.h.count; i++) assert_int_equal(date_from(l.h.v[i].day) / 10000, year);
        list_fini(&l);
    }
}

/* ---- .ics ---- */

#define EVENT(rest) "BEGIN:VEVENT\r\nUID:u\r\nSUMMARY:Name\r\n" rest "END:VEVENT\r\n"
#define CAL(events) "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n" events "END:VCALENDAR\r\n"

static enum err read_ics(struct dates *l, const char *ics)
{
    struct ics_place at = { .f = &l->f, .file = "kr.ics", .key = "hours.h.closed", .line = 7, .column = 3 };
    return ics_read(&l->h, str_of(ics), &at);
}

TEST(all_day_events_close_their_days_and_the_last_one_is_not_theirs)
{
    UNUSED(state);
    static const struct {
        const char *ics, *want;
    } v[] = {
        { CAL(EVENT("DTSTART;VALUE=DATE:20260924\r\nDTEND;VALUE=DATE:20260927\r\n")), "2026-09-24 2026-09-25 2026-09-26" },
        { CAL(EVENT("DTSTART;VALUE=DATE:20260924\r\n")), "2026-09-24" },
        { CAL(EVENT("DTSTART;VALUE=DATE:20260924\r\nDTEND;VALUE=DATE:20260924\r\n")), "2026-09-24" },
        { CAL(EVENT("DTSTART;VALUE=DATE:20260924\r\nDURATION:P2D\r\n")), "2026-09-24 2026-09-25" },
        { "\xef\xbb\xbf" CAL(EVENT("DTSTART;VALUE=DATE:20260924\r\n")), "2026-09-24" },
        { CAL(EVENT("DTSTART;VALUE=DATE:20260925\r\n")) CAL(EVENT("DTSTART;VALUE=DATE:20260924\r\n")), "2026-09-24 2026-09-25" },
        { CAL(EVENT("DTSTART;VALUE=DATE:20260924\r\n") EVENT("DTSTART;VALUE=DATE:20260924\r\n")), "2026-09-24" },
        { CAL(EVENT("STATUS:CANCELLED\r\nDTSTART;VALUE=DATE:20260924\r\n") EVENT("DTSTART;VALUE=DATE:20260925\r\n")),
          "2026-09-25" },
        { CAL("BEGIN:VTODO\r\nDTSTART;VALUE=DATE:20260924\r\nEND:VTODO\r\n" EVENT("DTSTART;VALUE=DATE:20260925\r\n")),
          "2026-09-25" },
        { "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Lines\n  end\n  "
          "otherwise\nDTSTART;VALUE=DATE:20260924\nEND:VEVENT\nEND:VCALENDAR\n",
          "2026-09-24" },
        { CAL(EVENT("DTSTART;VALUE=DATE:20200101\r\nDTEND;VALUE=DATE:20250103\r\n")), "2025-01-01 2025-01-02" },
    };
    for (size_t i = 0; i < COUNT_OF(v); i++) {
        struct dates l;
        list_init(&l);
        if (read_ics(&l, v[i].ics)) {
            print_findings(&l.f);
            fail_msg("%s", v[i].ics);
        }
        assert_days(&l.h, v[i].want);
        assert_int_equal(l.f.count, 0);
        list_fini(&l);
    }
}

TEST(repeated_events_close_each_of_their_days_and_none_that_is_taken_out)
{
    UNUSED(state);
    static const struct {
        const char *ics, *want;
    } v[] = {
        { CAL(EVENT("DTSTART;VALUE=DATE:20200612\r\nRRULE:FREQ=YEARLY;UNTIL=20280101\r\nEXDATE;VALUE=DATE:20260612\r\n")),
          "2025-06-12 2027-06-12" },
        { CAL(EVENT("DTSTART;VALUE=DATE:20260129\r\nDTEND;VALUE=DATE:20260131\r\nRRULE:FREQ=YEARLY;COUNT=2\r\n")),
          "2026-01-29 2026-01-30 2027-01-29 2027-01-30" },
        { CAL(EVENT("DTSTART;VALUE=DATE:20261126\r\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;COUNT=3\r\n")),
          "2026-11-26 2027-11-25 2028-11-23" },
        { CAL(EVENT("DTSTART;VALUE=DATE:20260105\r\nRDATE;VALUE=DATE:20260107,20260109\r\nEXDATE;VALUE=DATE:20260107\r\n"
                    "EXDATE;VALUE=DATE:20260105\r\n")),
          "2026-01-09" },
        { CAL(EVENT("DTSTART;VALUE=DATE:20260105\r\nRRULE:FREQ=WEEKLY;COUNT=3\r\n")
                  EVENT("RECURRENCE-ID;VALUE=DATE:20260112\r\nDTSTART;VALUE=DATE:20260113\r\n")),
          "2026-01-05 2026-01-13 2026-01-19" },
    };
    for (size_t i = 0; i < COUNT_OF(v); i++) {
        struct dates l;
        list_init(&l);
        if (read_ics(&l, v[i].ics)) {
            print_findings(&l.f);
            fail_msg("%s", v[i].ics);
        }
        assert_days(&l.h, v[i].want);
        list_fini(&l);
    }
}

TEST(a_rule_without_an_end_is_followed_for_decades)
{
    UNUSED(state);
    struct dates l;
    list_init(&l);
    assert_int_equal(read_ics(&l, CAL(EVENT("DTSTART;VALUE=DATE:19700101\r\nRRULE:FREQ=YEARLY\r\n"))), ERR_OK);
    assert_int_equal(l.h.count, 25);
    assert_int_equal(date_from(l.h.v[24].day), 20490101);
    list_fini(&l);
}

TEST(events_with_a_time_of_day_close_nothing_and_are_named)
{
    UNUSED(state);
    struct dates l;
    list_init(&l);
    assert_int_equal(
        read_ics(&l, CAL(EVENT("DTSTART:20260924T090000Z\r\nDTEND:20260924T100000Z\r\n") EVENT("DTSTART;VALUE=DATE:20260925\r\n"))),
        ERR_OK);
    assert_days(&l.h, "2026-09-25");
    assert_true(says(&l.f, false, 7, 3, "has 1 event with a time of day, which close nothing, such as \"Name\""));
    list_fini(&l);
}

TEST(a_file_whose_days_cannot_be_known_is_refused)
{
    UNUSED(state);
    static const struct {
        const char *ics, *why;
    } v[] = {
        { "", "is not an iCalendar file" },
        { "<!DOCTYPE html>\n<html></html>\n", "is not an iCalendar file" },
        { "BEGIN:VCARD\r\nEND:VCARD\r\n", "is not an iCalendar file" },
        { "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260924\r\n", "is cut short" },
        { CAL(EVENT("")), "DTSTART is no date: \"Name\"" },
        { CAL(EVENT("DTSTART;VALUE=DATE:20260230\r\n")), "DTSTART is no date" },
        { CAL(EVENT("DTSTART;VALUE=DATE:tomorrow\r\n")), "DTSTART" },
        { CAL(EVENT("DTSTART;VALUE=DATE:20260101\r\nDTEND;VALUE=DATE:soon\r\n")), "DTEND" },
        { CAL(EVENT("DTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=OFTEN\r\n")), "RRULE" },
        { CAL(EVENT("DTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30\r\n")), "fits no day" },
        { CAL(EVENT("DTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=HOURLY\r\n")), "more often than daily" },
        { CAL(EVENT("DTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=DAILY\r\n")), "more than 2000 days" },
        { CAL(EVENT("DTSTART;VALUE=DATE:20260101\r\nDTEND;VALUE=DATE:20490101\r\n")), "more than 2000 days" },
        { CAL(EVENT("DTSTART;VALUE=DATE:20260101\r\nSUMMARY:\xff\r\n")), "is not UTF-8" },
        { "BEGIN:VCALENDAR\nBEGIN:A\nBEGIN:A\nBEGIN:A\nBEGIN:A\nBEGIN:A\nBEGIN:A\nBEGIN:A\nBEGIN:A\n", "nested too deep" },
    };
    for (size_t i = 0; i < COUNT_OF(v); i++) {
        struct dates l;
        list_init(&l);
        enum err e = read_ics(&l, v[i].ics);
        if (e != ERR_POLICY || !says(&l.f, true, 7, 3, v[i].why)) {
            print_findings(&l.f);
            fail_msg("%s: %s", err_name(e), v[i].ics);
        }
        list_fini(&l);
    }
}

TEST(a_file_over_its_size_is_refused)
{
    UNUSED(state);
    struct dates l;
    list_init(&l);
    char *big = malloc(LIM_ICS_BYTES + 2);
    memset(big, '\n', LIM_ICS_BYTES + 1);
    big[LIM_ICS_BYTES + 1] = '\0';
    assert_int_equal(read_ics(&l, big), ERR_POLICY);
    assert_true(says(&l.f, true, 7, 3, "more than 1 MiB"));
    free(big);
    list_fini(&l);
}

/* ---- files that a policy names ---- */

static char dir[] = "/tmp/naru-holidays-XXXXXX";

static const char *put_file(const char *name, const char *text)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return path;
}

#define POLICY(closed)                                                                                                             \
    "naru: 1\nworkspace: w\nqueues: { q: { takes: default } }\nhours:\n  h:\n    timezone: Asia/Seoul # 서울\n"                  \
    "    open: { mon-sun: \"00:00-24:00\" }\n    " closed "\ntimezone: Asia/Seoul\n"

TEST(a_file_that_a_policy_names_is_replaced_by_its_dates_on_the_same_line)
{
    UNUSED(state);
    static const struct {
        const char *closed, *want;
    } v[] = {
        { "closed: [2026-05-05, file:kr.ics] # both", "closed: [2026-05-05, [2026-09-24, 2026-09-25]] # both" },
        { "closed: file:kr.ics", "closed: [2026-09-24, 2026-09-25]" },
        { "closed: ['file:kr.ics', \"file:kr.ics\"]", "closed: [[2026-09-24, 2026-09-25], [2026-09-24, 2026-09-25]]" },
        { "closed:\n      - 2026-05-05 # 어린이날\n      - file:kr.ics\n      - 2026-12-25",
          "closed:\n      - 2026-05-05 # 어린이날\n      - [2026-09-24, 2026-09-25]\n      - 2026-12-25" },
    };
    put_file("kr.ics", CAL(EVENT("DTSTART;VALUE=DATE:20260924\r\nDTEND;VALUE=DATE:20260926\r\n")));
    for (size_t i = 0; i < COUNT_OF(v); i++) {
        struct policy *p = NULL;
        struct findings f;
        char yaml[600], want[600];
        findings_init(&f);
        snprintf(yaml, sizeof yaml, POLICY("%s"), v[i].closed);
        snprintf(want, sizeof want, POLICY("%s"), v[i].want);
        enum err e = policy_load_file(&p, put_file("policy.yaml", yaml), NOW, &f);
        if (e) print_findings(&f);
        assert_int_equal(e, ERR_OK);
        assert_string_equal(p->yaml.p, want);
        assert_false(hours_open(&p->hours[0], 1790294400000ull /* 2026-09-25 09:00 in Seoul */, NULL));
        policy_unref(p);
        findings_fini(&f);
    }
}

TEST(a_policy_with_a_file_that_cannot_be_used_is_refused_with_all_its_other_mistakes)
{
    UNUSED(state);
    struct policy *p = NULL;
    struct findings f;
    findings_init(&f);
    put_file("bad.ics", "no");
    const char *path = put_file("policy.yaml", POLICY("closed: [file:none.ics, file:bad.ics]\n    colsed: 1"));
    assert_int_equal(policy_load_file(&p, path, NOW, &f), ERR_POLICY);
    assert_null(p);
    assert_true(says(&f, true, 8, 14, "\"file:none.ics\" cannot be read"));
    assert_true(says(&f, true, 8, 29, "\"bad.ics\" is not an iCalendar file"));
    assert_true(says(&f, true, 9, 5, "did you mean \"closed\"?"));
    findings_fini(&f);
}

static int make_dir(void **state)
{
    UNUSED(state);
    return mkdtemp(dir) ? 0 : -1;
}
static int drop_dir(void **state)
{
    static const char *const names[] = { "kr.ics", "bad.ics", "policy.yaml" };
    char path[128];
    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(names); i++) snprintf(path, sizeof path, "%s/%s", dir, names[i]), unlink(path);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(korean_holidays_of_four_years_are_those_of_the_almanac),
        cmocka_unit_test(a_national_day_within_chuseok_is_made_good_once),
        cmocka_unit_test(lunar_days_are_those_of_korea_not_of_china),
        cmocka_unit_test(elections_keep_away_from_other_holidays),
        cmocka_unit_test(days_can_be_left_out_or_asked_for_before_the_law_had_them),
        cmocka_unit_test(every_year_of_the_rules_can_be_asked_for),
        cmocka_unit_test(all_day_events_close_their_days_and_the_last_one_is_not_theirs),
        cmocka_unit_test(repeated_events_close_each_of_their_days_and_none_that_is_taken_out),
        cmocka_unit_test(a_rule_without_an_end_is_followed_for_decades),
        cmocka_unit_test(events_with_a_time_of_day_close_nothing_and_are_named),
        cmocka_unit_test(a_file_whose_days_cannot_be_known_is_refused),
        cmocka_unit_test(a_file_over_its_size_is_refused),
        cmocka_unit_test(a_file_that_a_policy_names_is_replaced_by_its_dates_on_the_same_line),
        cmocka_unit_test(a_policy_with_a_file_that_cannot_be_used_is_refused_with_all_its_other_mistakes),
    };
    return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
