#include "base/err.h"
#include "tests/unit/base/unit.h"

TEST(every_error_has_a_name_and_a_text)
{
    UNUSED(state);
    for (int e = 0; e < ERR_COUNT; e++) {
        assert_memory_equal(err_name((enum err)e), "ERR_", 4);
        assert_true(strlen(err_text((enum err)e)) > 0);
        for (int other = 0; other < e; other++) assert_string_not_equal(err_name((enum err)e), err_name((enum err)other));
    }
}

TEST(names_are_stable_and_zero_is_success)
{
    UNUSED(state);
    assert_int_equal(ERR_OK, 0);
    assert_string_equal(err_name(ERR_OK), "ERR_OK");
    assert_string_equal(err_name(ERR_FULL), "ERR_FULL");
    assert_string_equal(err_text(ERR_FULL), "full");
}

TEST(an_unknown_error_still_has_a_name)
{
    UNUSED(state);
    assert_string_equal(err_name(ERR_COUNT), "ERR_?");
    assert_string_equal(err_name((enum err) - 1), "ERR_?");
    assert_string_equal(err_text((enum err)9999), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_a_name_and_a_text),
        cmocka_unit_test(names_are_stable_and_zero_is_success),
        cmocka_unit_test(an_unknown_error_still_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
