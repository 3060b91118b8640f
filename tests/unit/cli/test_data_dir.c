#include "cli/data_dir.h"
#include "tests/unit/cli/unit.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

static int fresh(void **state)
{
    UNUSED(state);
    unsetenv("NARU_DATA");
    unsetenv("XDG_DATA_HOME");
    setenv("HOME", "/home/someone", 1);
    return 0;
}

TEST(the_option_wins_over_everything)
{
    UNUSED(state);
    setenv("NARU_DATA", "/var/naru", 1);
    assert_string_equal(data_dir("/here"), "/here");
}

TEST(an_option_or_a_variable_that_is_empty_counts_as_none)
{
    UNUSED(state);
    setenv("NARU_DATA", "", 1);
    setenv("XDG_DATA_HOME", "", 1);
    assert_string_equal(data_dir(""), "/home/someone/.local/share/naru");
}

TEST(the_variables_are_asked_in_their_order)
{
    UNUSED(state);
    assert_string_equal(data_dir(NULL), "/home/someone/.local/share/naru");
    setenv("XDG_DATA_HOME", "/xdg", 1);
    assert_string_equal(data_dir(NULL), "/xdg/naru");
    setenv("NARU_DATA", "/var/naru", 1);
    assert_string_equal(data_dir(NULL), "/var/naru");
}

TEST(without_a_home_in_the_environment_the_user_database_is_asked)
{
    UNUSED(state);
    unsetenv("HOME");
    const char *path = data_dir(NULL);
    assert_true(path[0] == '/');
    assert_non_null(strstr(path, "/.local/share/naru"));
}

TEST(a_folder_is_made_with_those_above_it_for_its_user_only)
{
    struct stat st;

    UNUSED(state);
    assert_int_equal(data_dir_make(unit_path("a/b/c")), 0);
    assert_int_equal(stat(unit_path("a/b/c"), &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(st.st_mode & 0777, 0700);
}

TEST(making_a_folder_that_is_there_is_fine)
{
    UNUSED(state);
    assert_int_equal(data_dir_make(unit_path("d")), 0);
    assert_int_equal(data_dir_make(unit_path("d")), 0);
    assert_int_equal(data_dir_make(unit_path("d/")), 0);
}

TEST(a_file_on_the_way_is_an_error)
{
    UNUSED(state);
    FILE *f = fopen(unit_path("file"), "w");
    assert_non_null(f);
    fclose(f);
    assert_int_equal(data_dir_make(unit_path("file/below")), -1);
    assert_int_equal(errno, ENOTDIR);
}

TEST(no_path_and_a_path_that_is_too_long_are_refused)
{
    static char path[PATH_MAX + 1];

    UNUSED(state);
    assert_int_equal(data_dir_make(""), -1);
    memset(path, 'x', PATH_MAX);
    assert_int_equal(data_dir_make(path), -1);
    assert_int_equal(errno, ENAMETOOLONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_option_wins_over_everything, fresh),
        cmocka_unit_test_setup(an_option_or_a_variable_that_is_empty_counts_as_none, fresh),
        cmocka_unit_test_setup(the_variables_are_asked_in_their_order, fresh),
        cmocka_unit_test_setup(without_a_home_in_the_environment_the_user_database_is_asked, fresh),
        cmocka_unit_test(a_folder_is_made_with_those_above_it_for_its_user_only),
        cmocka_unit_test(making_a_folder_that_is_there_is_fine),
        cmocka_unit_test(a_file_on_the_way_is_an_error),
        cmocka_unit_test(no_path_and_a_path_that_is_too_long_are_refused),
    };
    return cmocka_run_group_tests(tests, unit_dir_make, unit_dir_remove);
}
