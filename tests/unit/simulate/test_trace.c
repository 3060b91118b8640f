#include "tests/unit/simulate/unit.h"
#include "workers/simulate/ids.h"
#include "workers/simulate/trace.h"

#define H "id,arrival_ms,class,work_ms,patience_ms\n"

static struct sim_class classes[] = {
    { .name = "billing", .work = { DIST_EXPONENTIAL, 180000, 0 }, .patience = { DIST_FIXED, 1000, 0 } },
    { .name = "tech" },
};
static struct simulate_rules rules = { .given = true, .classes = classes, .class_count = 2 };
static struct source *source;
static char why[512];

static enum err open_bytes(const void *content, size_t n, uint64_t seed)
{
    struct trace_cfg cfg = { unit_file("t.csv", content, n), &rules, seed, 0 };
    source_close(source);
    return trace_open(&source, &cfg, why);
}
#define OPEN(content) assert_int_equal(open_bytes((content), sizeof(content) - 1, 1), ERR_OK)

static void assert_next(const char *id, uint64_t at, uint32_t class, uint64_t work, uint64_t patience)
{
    struct arrival a;
    enum err e = source_next(source, &a);
    if (e) fail_msg("%s: %s", err_name(e), source->why);
    assert_string_equal(a.id, id);
    assert_int_equal(a.at, at);
    assert_int_equal(a.class, class);
    assert_int_equal(a.work, work);
    assert_int_equal(a.patience, patience);
}

static void assert_end(void)
{
    struct arrival a;
    assert_int_equal(source_next(source, &a), ERR_NOTFOUND);
    assert_int_equal(source_next(source, &a), ERR_NOTFOUND);
}

/* The trace is refused, when it is opened or read, with this sentence. */
static void refused(const char *content, size_t n, enum err want, const char *sentence)
{
    struct arrival a;
    enum err e = open_bytes(content, n, 1);
    const char *told = unit_told(why);
    if (!e) {
        while (!(e = source_next(source, &a))) continue;
        told = unit_told(source->why);
        if (e != ERR_NOTFOUND) assert_int_equal(source_next(source, &a), ERR_NOTFOUND);
    }
    if (e != want || strcmp(told, sentence)) fail_msg("%s: %s\nnot %s: %s", err_name(e), told, err_name(want), sentence);
}
#define REFUSED(content, sentence) refused((content), sizeof(content) - 1, ERR_USAGE, (sentence))

static int close_all(void **state)
{
    source_close(source);
    source = NULL;
    UNUSED(state);
    return 0;
}

TEST(rows_come_as_they_stand)
{
    UNUSED(state);
    OPEN(H "a,0,billing,1000,\nb,5,tech,0,2000\n");
    assert_next("a", 0, 0, 1000, SIM_FOR_EVER);
    assert_next("b", 5, 1, 0, 2000);
    assert_end();
    assert_false(source->random);
}

TEST(columns_in_any_order_among_others_case_aside)
{
    UNUSED(state);
    OPEN(
        "\xEF\xBB\xBFnote,Work_MS,patience_ms,ID, class ,arrival_ms\r\n\"x, \"\"y\"\"\nz\",7,,1,\"tech\", 3 \r\n\r\n,8,9,2,tech,4");
    assert_next("1", 3, 1, 7, SIM_FOR_EVER);
    assert_next("2", 4, 1, 8, 9);
    assert_end();
}

TEST(rows_of_one_instant_come_in_the_order_of_their_ids)
{
    UNUSED(state);
    OPEN(H "x,1,tech,1,\nz,2,tech,1,\n10,2,tech,1,\n9,2,tech,1,\n100000000000000000000000,2,tech,1,\n09,2,tech,1,\nab,2,tech,1,\n1,"
           "3,tech,1,\n");
    static const char *const order[] = { "x", "09", "9", "10", "100000000000000000000000", "ab", "z", "1" };
    for (size_t i = 0; i < COUNT_OF(order); i++) assert_next(order[i], i == 0 ? 1 : i == 7 ? 3 : 2, 1, 1, SIM_FOR_EVER);
    assert_end();
}

TEST(work_that_is_left_out_is_drawn_the_same_for_the_same_seed)
{
    static const char trace[] = H "a,0,billing,,\nb,0,tech,5,\nc,1,billing,,9\n";
    struct arrival first[3], again, other;
    UNUSED(state);
    OPEN(trace);
    for (int i = 0; i < 3; i++) assert_int_equal(source_next(source, &first[i]), ERR_OK);
    assert_true(source->random);
    assert_int_not_equal(first[0].work, first[2].work);
    assert_int_equal(first[1].work, 5);
    assert_int_equal(first[0].patience, SIM_FOR_EVER); /* never drawn */
    OPEN(trace);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(source_next(source, &again), ERR_OK);
        assert_memory_equal(&again.work, &first[i].work, sizeof again.work);
    }
    assert_int_equal(open_bytes(trace, sizeof trace - 1, 2), ERR_OK);
    assert_int_equal(source_next(source, &other), ERR_OK);
    assert_int_not_equal(other.work, first[0].work);
}

TEST(header_that_lacks_columns_is_told_with_near_names)
{
    UNUSED(state);
    REFUSED("", "t.csv: is empty; its first line names the columns");
    REFUSED("\xEF\xBB\xBF", "t.csv: is empty; its first line names the columns");
    REFUSED("\n\n", "t.csv: is empty; its first line names the columns");
    REFUSED("id,arrival,class,note\n",
            "t.csv:1: the header lacks arrival_ms (\"arrival\": did you mean \"arrival_ms\"?), work_ms, patience_ms. "
            "It has: id,arrival,class,note; it should have, in any order: id,arrival_ms,class,work_ms,patience_ms");
    REFUSED("id;arrival_ms;class\n",
            "t.csv:1: commas part the columns; the header has none. It is, in any order: id,arrival_ms,class,work_ms,patience_ms");
    REFUSED("id,arrival_ms,class,work_ms,ID,patience_ms\n", "t.csv:1: the header names id twice");
    REFUSED("\xFF\xFEi\0d\0", "t.csv: is UTF-16; save it as UTF-8");
}

TEST(row_that_cannot_be_read_is_told_with_its_line)
{
    UNUSED(state);
    REFUSED(H "a,0,tech,1\n", "t.csv:2: has 4 fields, the header 5 (a text with a comma stands in quotes: \"a,b\")");
    REFUSED(H "a,0,tech,1,,\n", "t.csv:2: has 6 fields, the header 5 (a text with a comma stands in quotes: \"a,b\")");
    REFUSED(H "\n\na,0,tech,1,\"x\ny\n", "t.csv:4: the row opens a quote that is not closed (a row has at most 65536 bytes)");
    REFUSED(H "\"a\"b,0,tech,1,\n", "t.csv:2: the row has text behind a closing quote (a row has at most 65536 bytes)");
    REFUSED(H "a\0b,0,tech,1,\n", "t.csv:2: has a NUL byte: is this a text file in UTF-8?");
    REFUSED(H "ab\xE9,0,tech,1,\n", "t.csv:2: is not UTF-8: its byte 3 is 0xe9 (iconv -t UTF-8 turns other encodings into it)");
}

TEST(row_longer_than_its_limit_is_refused_and_one_that_just_fits_is_not)
{
    static char text[2 * 65536 + 100];
    UNUSED(state);
    for (size_t over = 0; over < 2; over++) {
        size_t n = (size_t)sprintf(text, "%s", "id,arrival_ms,class,work_ms,patience_ms,note\na,0,tech,1,,");
        size_t row = strlen("a,0,tech,1,,"), pad = 65536 + over - row;
        memset(text + n, 'x', pad);
        n += pad;
        n += (size_t)sprintf(text + n, "\r\nb,1,tech,1,,\n");
        if (over) {
            refused(text, n, ERR_USAGE, "t.csv:2: the row is too long (a row has at most 65536 bytes)");
        } else {
            assert_int_equal(open_bytes(text, n, 1), ERR_OK);
            assert_next("a", 0, 1, 1, SIM_FOR_EVER);
            assert_next("b", 1, 1, 1, SIM_FOR_EVER);
            assert_end();
        }
    }
}

TEST(numbers_that_are_none_are_told_with_what_is_meant)
{
    UNUSED(state);
    REFUSED(H "a,,tech,1,\n", "t.csv:2: arrival_ms is empty");
    REFUSED(H "a,-5,tech,1,\n", "t.csv:2: arrival_ms \"-5\" is negative");
    REFUSED(H "a,0,tech,12.5,\n", "t.csv:2: work_ms \"12.5\" is no whole number of milliseconds: write 12");
    REFUSED(H "a,1e9,tech,1,\n", "t.csv:2: arrival_ms \"1e9\" is no whole number of milliseconds: write 1000000000");
    REFUSED(H "a,\"1,234\",tech,1,\n", "t.csv:2: arrival_ms \"1,234\" is no whole number of milliseconds: write 1234");
    REFUSED(H "a,0,tech,3m,\n", "t.csv:2: work_ms \"3m\" is no whole number of milliseconds: write 180000");
    REFUSED(H "a,0,tech,1,soon\n", "t.csv:2: patience_ms \"soon\" is no whole number of milliseconds");
    REFUSED(H "a,0,tech,1,nan\n", "t.csv:2: patience_ms \"nan\" is no whole number of milliseconds");
    REFUSED(H "a,0,tech,1,315360000001\n", "t.csv:2: patience_ms \"315360000001\" is beyond 315360000000 (ten years)");
    REFUSED(H "a,1767571200000,tech,1,\n",
            "t.csv:2: arrival_ms \"1767571200000\" is beyond 315360000000 (ten years): times count from the begin "
            "of the simulation, not from 1970");
    REFUSED(H "a,18446744073709551616,tech,1,\n",
            "t.csv:2: arrival_ms \"18446744073709551616\" is beyond 315360000000 (ten years): times count "
            "from the begin of the simulation, not from 1970");
}

TEST(class_that_the_policy_lacks_is_told_with_the_nearest)
{
    UNUSED(state);
    REFUSED(H "a,0,biling,1,\n", "t.csv:2: class \"biling\" is not in the policy's simulate.classes (did you mean \"billing\"?)");
    REFUSED(H "a,0,\"spring water\",1,\n",
            "t.csv:2: class \"spring water\" is not in the policy's simulate.classes, which has 2, the first \"billing\"");
    REFUSED(H "a,0,,1,\n", "t.csv:2: class is empty");
    REFUSED(H "a,0,tech,,\n",
            "t.csv:2: work_ms is empty and simulate.classes.tech has no `work` to draw it from (work: { exponential: 180s })");
}

TEST(arrivals_out_of_order_are_told_with_both_lines)
{
    UNUSED(state);
    REFUSED(H "a,900,tech,1,\n\"b\",900,tech,1,\nc,500,tech,1,\n",
            "t.csv:4: arrival_ms 500 is before 900 of line 3: rows stand in the order of their arrival_ms");
}

TEST(ids_that_are_none_or_stand_twice_are_refused)
{
    UNUSED(state);
    REFUSED(H ",0,tech,1,\n", "t.csv:2: id is empty");
    REFUSED(H "0123456789012345678901234567890123456789012345678901234567890123x,0,tech,1,\n",
            "t.csv:2: id \"012345678901234567890123456789012345678901234567890123456789…\" has 65 bytes, 64 at most");
    REFUSED(H "7,0,tech,1,\nb,0,tech,1,\n\"7\",3,tech,1,\n", "t.csv:4: id \"7\" is that of line 2 already; ids are unique");
}

TEST(file_that_cannot_be_read_is_refused)
{
    struct trace_cfg cfg = { "/nowhere/t.csv", &rules, 1, 0 };
    UNUSED(state);
    assert_int_equal(trace_open(&source, &cfg, why), ERR_IO);
    assert_string_equal(why, "/nowhere/t.csv: No such file or directory");
    cfg.path = unit_dir;
    assert_int_equal(trace_open(&source, &cfg, why), ERR_IO);
    assert_non_null(strstr(why, "is no regular file"));
}

TEST(a_long_trace_comes_whole)
{
    static char text[4000000];
    size_t n = (size_t)sprintf(text, "%s", H);
    UNUSED(state);
    for (unsigned i = 0; i < 100000; i++)
        n += (size_t)sprintf(text + n, "n%u,%u,\"tech\",%u,%s\r\n", i, i / 3, i, i % 2 ? "5" : "");
    assert_int_equal(open_bytes(text, n, 1), ERR_OK);
    struct arrival a;
    uint64_t sum = 0, last = 0, count = 0;
    while (!source_next(source, &a)) {
        assert_true(a.at >= last);
        last = a.at;
        sum += a.work;
        count++;
    }
    assert_int_equal(count, 100000);
    assert_int_equal(sum, UINT64_C(99999) * 100000 / 2);
}

TEST(a_set_of_ids_is_bounded)
{
    struct ids s;
    UNUSED(state);
    ids_init(&s, 3);
    assert_int_equal(ids_add(&s, STR("a")), ERR_OK);
    assert_int_equal(ids_add(&s, STR("b")), ERR_OK);
    assert_int_equal(ids_add(&s, STR("a")), ERR_EXISTS);
    assert_int_equal(ids_add(&s, STR("c")), ERR_OK);
    assert_int_equal(ids_add(&s, STR("d")), ERR_FULL);
    assert_int_equal(ids_add(&s, STR("c")), ERR_EXISTS);
    ids_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(rows_come_as_they_stand, close_all),
        cmocka_unit_test_teardown(columns_in_any_order_among_others_case_aside, close_all),
        cmocka_unit_test_teardown(rows_of_one_instant_come_in_the_order_of_their_ids, close_all),
        cmocka_unit_test_teardown(work_that_is_left_out_is_drawn_the_same_for_the_same_seed, close_all),
        cmocka_unit_test_teardown(header_that_lacks_columns_is_told_with_near_names, close_all),
        cmocka_unit_test_teardown(row_that_cannot_be_read_is_told_with_its_line, close_all),
        cmocka_unit_test_teardown(row_longer_than_its_limit_is_refused_and_one_that_just_fits_is_not, close_all),
        cmocka_unit_test_teardown(numbers_that_are_none_are_told_with_what_is_meant, close_all),
        cmocka_unit_test_teardown(class_that_the_policy_lacks_is_told_with_the_nearest, close_all),
        cmocka_unit_test_teardown(arrivals_out_of_order_are_told_with_both_lines, close_all),
        cmocka_unit_test_teardown(ids_that_are_none_or_stand_twice_are_refused, close_all),
        cmocka_unit_test_teardown(file_that_cannot_be_read_is_refused, close_all),
        cmocka_unit_test_teardown(a_long_trace_comes_whole, close_all),
        cmocka_unit_test(a_set_of_ids_is_bounded),
    };
    return cmocka_run_group_tests(tests, unit_dir_make, unit_dir_remove);
}
