#include "base/log.h"
#include "base/panic.h"
#include "tests/unit/base/unit.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

static char out[65536];
static size_t out_n;

#define CAPTURED(statement)                                                                                                        \
    do {                                                                                                                           \
        struct capture cap;                                                                                                        \
        capture_begin(&cap, STDERR_FILENO);                                                                                        \
        statement;                                                                                                                 \
        out_n = capture_end(&cap, out, sizeof out);                                                                                \
    } while (0)

static int setup(void **state)
{
    UNUSED(state);
    unsetenv("NARU_LOG");
    log_init("router-1");
    log_max = LOG_INFO;
    return 0;
}

TEST(a_line_has_time_level_and_process)
{
    UNUSED(state);
    CAPTURED(log_info("ticket=%d taken", 7));
    assert_int_equal(out[10], 'T');
    assert_int_equal(out[23], 'Z');
    assert_string_equal(out + 24, " info router-1 ticket=7 taken\n");
}

TEST(control_characters_cannot_forge_a_line)
{
    UNUSED(state);
    CAPTURED(log_warn("name=%s", "a\nb\tc\r\x1b[31m\x7f"));
    assert_string_equal(out + 24, " warn router-1 name=a\\nb\\tc\\x0d\\x1b[31m\\x7f\n");
}

TEST(c1_controls_and_broken_utf8_are_escaped_and_letters_kept)
{
    UNUSED(state);
    CAPTURED(log_info("%s", "\xC2\x9Bm \xFF \xEC\x9E\xA5\xEC\x95\xA0 \xC2\xA0"));
    assert_string_equal(out + 24, " info router-1 \\xc2\\x9bm \\xff \xEC\x9E\xA5\xEC\x95\xA0 \xC2\xA0\n");
}

TEST(a_long_line_is_cut_at_2_kib_and_marked)
{
    char text[10000];

    UNUSED(state);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    CAPTURED(log_info("%s", text));
    assert_int_equal(out_n, 2048);
    assert_string_equal(out + out_n - 5, "x...\n");
}

TEST(a_cut_does_not_split_a_character_or_an_escape)
{
    UNUSED(state);
    for (size_t shift = 0; shift < 8; shift++) {
        char text[6001];
        size_t n = shift;
        memset(text, 'x', sizeof text);
        for (; n + 3 < sizeof text; n += 3) memcpy(text + n, "\xE2\x82\xAC", 3);
        text[n] = 0;
        CAPTURED(log_info("%s", text));
        assert_true(out_n <= 2048);
        assert_true(str_utf8((struct str){ out, out_n }, NULL));
        assert_string_equal(out + out_n - 4, "...\n");
        memset(text, '\x01', 4000);
        memset(text, 'x', shift);
        text[4000] = 0;
        CAPTURED(log_info("%s", text));
        assert_true(out_n <= 2048);
        assert_string_equal(out + out_n - 8, "\\x01...\n");
    }
}

TEST(each_line_is_one_line_even_when_nearly_full)
{
    UNUSED(state);
    for (size_t n = 1980; n < 2070; n++) {
        char text[2100];
        memset(text, 'y', n);
        text[n] = 0;
        CAPTURED(log_info("%s", text));
        assert_true(out_n <= 2048);
        assert_ptr_equal(strchr(out, '\n'), out + out_n - 1);
    }
}

static int evaluated;
static int evaluate(void) { return ++evaluated; }

TEST(arguments_of_a_silent_level_are_not_evaluated)
{
    UNUSED(state);
    CAPTURED(log_debug("%d", evaluate()));
    assert_int_equal(evaluated, 0);
    assert_int_equal(out_n, 0);
    log_max = LOG_DEBUG;
    CAPTURED(log_debug("%d", evaluate()));
    assert_int_equal(evaluated, 1);
    assert_non_null(strstr(out, " debug router-1 1\n"));
}

TEST(the_level_comes_from_the_environment)
{
    UNUSED(state);
    setenv("NARU_LOG", "error", 1);
    log_init("a-name-that-is-longer-than-any-process-should-have");
    assert_int_equal(log_max, LOG_ERROR);
    CAPTURED(log_warn("unseen"));
    assert_int_equal(out_n, 0);
    CAPTURED(log_error("seen"));
    assert_non_null(strstr(out, " error a-name-that-is-longer-than-any- seen\n"));
    setenv("NARU_LOG", "nonsense", 1);
    log_init("x");
    assert_int_equal(log_max, LOG_ERROR); /* unknown words change nothing */
    unsetenv("NARU_LOG");
}

TEST(a_failed_assertion_says_where_and_aborts)
{
    int status = 0;
    pid_t child = -1;

    UNUSED(state);
    CAPTURED({
        child = fork();
        if (child == 0) {
            signal(SIGABRT, SIG_DFL);
            naru_assert(1 + 1 == 3);
            _exit(0);
        }
        waitpid(child, &status, 0);
    });
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(out, "1 + 1 == 3"));
    assert_non_null(strstr(out, "test_log.c:"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_has_time_level_and_process, setup),
        cmocka_unit_test_setup(control_characters_cannot_forge_a_line, setup),
        cmocka_unit_test_setup(c1_controls_and_broken_utf8_are_escaped_and_letters_kept, setup),
        cmocka_unit_test_setup(a_long_line_is_cut_at_2_kib_and_marked, setup),
        cmocka_unit_test_setup(a_cut_does_not_split_a_character_or_an_escape, setup),
        cmocka_unit_test_setup(each_line_is_one_line_even_when_nearly_full, setup),
        cmocka_unit_test_setup(arguments_of_a_silent_level_are_not_evaluated, setup),
        cmocka_unit_test_setup(the_level_comes_from_the_environment, setup),
        cmocka_unit_test_setup(a_failed_assertion_says_where_and_aborts, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
