#include "base/opt.h"
#include "tests/unit/base/unit.h"

#include <sys/wait.h>

struct options {
    const char *listen;
    struct opt_list routers;
    uint64_t home, window;
    double rate;
    bool demo;
    const char *file;
};

static const struct opt rows[] = {
    { "listen", OPT_STR, offsetof(struct options, listen), "127.0.0.1:8080", 0, 0, "ADDR", "where to listen" },
    { "router", OPT_LIST, offsetof(struct options, routers), NULL, 0, 0, "ADDR", "a router to dial" },
    { "home", OPT_U64, offsetof(struct options, home), "1", 0, 4095, "N", "number of this router" },
    { "window", OPT_MS, offsetof(struct options, window), "15s", 1, 600000, "TIME", "time to wait" },
    { "rate", OPT_F64, offsetof(struct options, rate), "0.5", 0, 1, "R", "share" },
    { "demo", OPT_FLAG, offsetof(struct options, demo), NULL, 0, 0, NULL, "with simulated customers" },
    { "", OPT_STR, offsetof(struct options, file), NULL, 0, 0, "FILE", "policy to read" },
    { NULL, OPT_STR, 0, NULL, 0, 0, NULL, NULL },
};

static char said[4096];

#define PARSE(o, ...) parse(rows, o, (const char *const[]){ "naru", __VA_ARGS__, NULL })

static enum err parse(const struct opt *with, void *o, const char *const *argv)
{
    struct capture cap;
    int argc = 0;

    while (argv[argc]) argc++;
    capture_begin(&cap, STDERR_FILENO);
    enum err e = opt_parse(with, "naru test [options] [FILE]", argc, (char **)(uintptr_t)argv, o);
    capture_end(&cap, said, sizeof said);
    return e;
}

static void assert_refused(const char *const *argv, const char *want)
{
    struct options o;

    if (parse(rows, &o, argv) != ERR_USAGE) fail_msg("%s was taken", argv[1]);
    if (strcmp(said, want) != 0) fail_msg("said %s, want %s", said, want);
}
#define REFUSED(want, ...) assert_refused((const char *const[]){ "naru", __VA_ARGS__, NULL }, want "\n")

TEST(defaults_stand_when_nothing_is_given)
{
    struct options o;

    UNUSED(state);
    memset(&o, 0xAA, sizeof o);
    assert_int_equal(parse(rows, &o, (const char *const[]){ "naru", NULL }), ERR_OK);
    assert_string_equal(o.listen, "127.0.0.1:8080");
    assert_int_equal(o.routers.count, 0);
    assert_int_equal(o.home, 1);
    assert_int_equal(o.window, 15000);
    assert_true(o.rate == 0.5);
    assert_false(o.demo);
    assert_null(o.file);
    assert_int_equal(parse(rows, &o, (const char *const[]){ NULL }), ERR_OK);
}

TEST(values_come_after_a_space_or_an_equals_sign)
{
    struct options o;

    UNUSED(state);
    assert_int_equal(PARSE(&o, "--listen", ":1", "--home=4095", "--window", "2m", "--rate=1e-1", "--demo", "p.yaml"), ERR_OK);
    assert_string_equal(said, "");
    assert_string_equal(o.listen, ":1");
    assert_int_equal(o.home, 4095);
    assert_int_equal(o.window, 120000);
    assert_true(o.rate == 0.1);
    assert_true(o.demo);
    assert_string_equal(o.file, "p.yaml");
}

TEST(the_last_of_two_values_wins_and_lists_collect)
{
    struct options o;

    UNUSED(state);
    assert_int_equal(PARSE(&o, "--home", "2", "--home", "3", "--router", "a", "--router=b=c", "--listen="), ERR_OK);
    assert_int_equal(o.home, 3);
    assert_int_equal(o.routers.count, 2);
    assert_string_equal(o.routers.v[0], "a");
    assert_string_equal(o.routers.v[1], "b=c");
    assert_string_equal(o.listen, "");
}

TEST(a_value_may_look_like_an_option_and_two_dashes_end_options)
{
    struct options o;

    UNUSED(state);
    assert_int_equal(PARSE(&o, "--listen", "--home", "--", "--demo"), ERR_OK);
    assert_string_equal(o.listen, "--home");
    assert_string_equal(o.file, "--demo");
    assert_false(o.demo);
    assert_int_equal(PARSE(&o, "-"), ERR_OK);
    assert_string_equal(o.file, "-");
}

TEST(mistakes_are_told_in_one_line_with_the_nearest_word)
{
    UNUSED(state);
    REFUSED("naru: unknown option --lisen; did you mean --listen?", "--lisen", "x");
    REFUSED("naru: unknown option --hmoe; did you mean --home?", "--hmoe=1");
    REFUSED("naru: unknown option --hlep; did you mean --help?", "--hlep");
    REFUSED("naru: unknown option --xyzzy-plugh; --help lists the options", "--xyzzy-plugh");
    REFUSED("naru: unknown option --; --help lists the options", "--=x");
    REFUSED("naru: unknown option -x; options are written --name", "-x");
    REFUSED("naru: --demo takes no value", "--demo=yes");
    REFUSED("naru: --home needs a value: a whole number", "--home");
    REFUSED("naru: one argument too many: \"b\"", "a", "b");
}

TEST(values_outside_their_bounds_are_refused_with_the_bounds)
{
    UNUSED(state);
    REFUSED("naru: --home: \"4096\" is not a whole number from 0 to 4095", "--home", "4096");
    REFUSED("naru: --home: \"-1\" is not a whole number from 0 to 4095", "--home=-1");
    REFUSED("naru: --home: \"\" is not a whole number from 0 to 4095", "--home=");
    REFUSED("naru: --rate: \"nan\" is not a number from 0 to 1", "--rate", "nan");
    REFUSED("naru: --rate: \"0.5x\" is not a number from 0 to 1", "--rate", "0.5x");
    REFUSED("naru: --window: \"15\" is not a duration such as 250ms, 15s, 2m, 4h or 7d from 1 to 600000 (milliseconds)", "--window",
            "15");
    REFUSED("naru: --window: \"1h\" is not a duration such as 250ms, 15s, 2m, 4h or 7d from 1 to 600000 (milliseconds)", "--window",
            "1h");
}

TEST(words_go_to_a_list_and_a_command_without_words_refuses_them)
{
    static const struct opt many[] = {
        { "", OPT_LIST, offsetof(struct options, routers), "default.yaml", 0, 0, "FILE", "files" },
        { NULL, OPT_STR, 0, NULL, 0, 0, NULL, NULL },
    };
    static const struct opt none[] = { { NULL, OPT_STR, 0, NULL, 0, 0, NULL, NULL } };
    struct options o;

    UNUSED(state);
    assert_int_equal(parse(many, &o, (const char *const[]){ "naru", NULL }), ERR_OK);
    assert_int_equal(o.routers.count, 1);
    assert_int_equal(parse(many, &o, (const char *const[]){ "naru", "a", "b", NULL }), ERR_OK);
    assert_int_equal(o.routers.count, 2); /* instead of the default */
    assert_string_equal(o.routers.v[0], "a");
    assert_int_equal(parse(none, &o, (const char *const[]){ "naru", "a", NULL }), ERR_USAGE);
    assert_string_equal(said, "naru: unexpected argument \"a\"; --help lists the options\n");
}

TEST(a_list_has_an_end)
{
    static const struct opt many[] = {
        { "", OPT_LIST, offsetof(struct options, routers), NULL, 0, 0, "FILE", "files" },
        { NULL, OPT_STR, 0, NULL, 0, 0, NULL, NULL },
    };
    const char *argv[OPT_LIST_MAX + 3] = { "naru" };
    struct options o;

    UNUSED(state);
    for (unsigned i = 1; i <= OPT_LIST_MAX; i++) argv[i] = "w";
    assert_int_equal(parse(many, &o, argv), ERR_OK);
    assert_int_equal(o.routers.count, OPT_LIST_MAX);
    argv[OPT_LIST_MAX + 1] = "one more";
    assert_int_equal(parse(many, &o, argv), ERR_USAGE);
}

static void assert_help(const char *flag)
{
    const char *argv[] = { "naru", flag, "--nonsense", NULL };
    struct options o;
    struct capture cap;
    int status = 0;

    capture_begin(&cap, STDOUT_FILENO);
    pid_t child = fork();
    if (child == 0) {
        opt_parse(rows, "naru test [options] [FILE]", 3, (char **)(uintptr_t)argv, &o);
        _exit(9);
    }
    waitpid(child, &status, 0);
    capture_end(&cap, said, sizeof said);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_non_null(strstr(said, "usage: naru test [options] [FILE]\n"));
    assert_non_null(strstr(said, "  --listen ADDR  where to listen (default 127.0.0.1:8080)\n"));
    assert_non_null(strstr(said, "  --router ADDR  a router to dial (may be given many times)\n"));
    assert_non_null(strstr(said, "  --demo         with simulated customers\n"));
    assert_non_null(strstr(said, "  FILE           policy to read\n"));
}

TEST(help_shows_every_row_and_ends_well)
{
    UNUSED(state);
    assert_help("--help");
    assert_help("-h");
}

TEST(durations_are_read_with_their_unit)
{
    static const struct {
        const char *text;
        uint64_t want;
    } good[] = { { "0", 0 },          { "0s", 0 },      { "250ms", 250 },
                 { "15s", 15000 },    { "2m", 120000 }, { "4h", 14400000 },
                 { "7d", 604800000 }, { "007s", 7000 }, { "18446744073709551615ms", UINT64_MAX } };
    static const char *const bad[] = { "", "s", "15", "-1s", "1.5s", "1 s", "1S", "1sec", "1w", "18446744073709551615s", "1s2" };
    uint64_t v = 7;

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (opt_ms(str_of(bad[i]), &v) != ERR_RANGE) fail_msg("%s", bad[i]);
    for (size_t i = 0; i < COUNT_OF(good); i++)
        if (opt_ms(str_of(good[i].text), &v) || v != good[i].want) fail_msg("%s", good[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_stand_when_nothing_is_given),
        cmocka_unit_test(values_come_after_a_space_or_an_equals_sign),
        cmocka_unit_test(the_last_of_two_values_wins_and_lists_collect),
        cmocka_unit_test(a_value_may_look_like_an_option_and_two_dashes_end_options),
        cmocka_unit_test(mistakes_are_told_in_one_line_with_the_nearest_word),
        cmocka_unit_test(values_outside_their_bounds_are_refused_with_the_bounds),
        cmocka_unit_test(words_go_to_a_list_and_a_command_without_words_refuses_them),
        cmocka_unit_test(a_list_has_an_end),
        cmocka_unit_test(help_shows_every_row_and_ends_well),
        cmocka_unit_test(durations_are_read_with_their_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
