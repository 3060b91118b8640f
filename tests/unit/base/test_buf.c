#include "base/buf.h"
#include "tests/unit/base/unit.h"

TEST(a_fresh_buf_is_empty_and_readable)
{
    struct buf b;

    UNUSED(state);
    buf_init(&b, 100);
    assert_string_equal(buf_cstr(&b), "");
    assert_int_equal(buf_str(&b).n, 0);
    buf_shift(&b, 0);
    buf_fini(&b);
    buf_fini(&b);
    struct buf zeroed = { 0 };
    buf_fini(&zeroed);
}

TEST(pieces_of_every_kind_are_joined)
{
    struct buf b;

    UNUSED(state);
    buf_init(&b, 1000);
    buf_add(&b, "ab", 2);
    buf_addstr(&b, STR("cd"));
    buf_addstr(&b, STR_NONE);
    buf_addz(&b, "ef");
    buf_addc(&b, '-');
    buf_addu(&b, 0);
    buf_addc(&b, '-');
    buf_addu(&b, UINT64_MAX);
    buf_addf(&b, "-%d-%s", -5, "x");
    assert_string_equal(buf_cstr(&b), "abcdef-0-18446744073709551615--5-x");
    assert_int_equal(b.err, ERR_OK);
    buf_fini(&b);
}

TEST(the_cap_is_reached_exactly)
{
    struct buf b;

    UNUSED(state);
    buf_init(&b, 200);
    for (int i = 0; i < 200; i++) buf_addc(&b, 'x');
    assert_int_equal(b.err, ERR_OK);
    assert_int_equal(b.n, 200);
    assert_int_equal(strlen(buf_cstr(&b)), 200); /* the NUL is beyond the cap */
    buf_addc(&b, 'y');
    assert_int_equal(b.err, ERR_FULL);
    buf_fini(&b);
}

TEST(failure_sticks_until_cleared)
{
    struct buf b;

    UNUSED(state);
    buf_init(&b, 4);
    buf_addz(&b, "abc");
    buf_addz(&b, "de"); /* whole pieces only */
    assert_int_equal(b.err, ERR_FULL);
    buf_addc(&b, 'd'); /* would fit, must not be added after a loss */
    buf_addf(&b, "%d", 1);
    assert_null(buf_reserve(&b, 0));
    assert_str(buf_str(&b), "abc");
    assert_string_equal(buf_cstr(&b), "");
    buf_clear(&b);
    assert_int_equal(b.err, ERR_OK);
    buf_addz(&b, "wxyz");
    assert_string_equal(buf_cstr(&b), "wxyz");
    buf_fini(&b);
}

TEST(a_cap_of_zero_takes_nothing)
{
    struct buf b;

    UNUSED(state);
    buf_init(&b, 0);
    buf_add(&b, "", 0);
    assert_int_equal(b.err, ERR_OK);
    buf_addc(&b, 'x');
    assert_int_equal(b.err, ERR_FULL);
    buf_fini(&b);
}

TEST(absurd_sizes_are_refused_not_wrapped)
{
    struct buf b;

    UNUSED(state);
    buf_init(&b, 100);
    buf_addc(&b, 'x');
    assert_null(buf_reserve(&b, SIZE_MAX));
    assert_int_equal(b.err, ERR_FULL);
    buf_fini(&b);
}

TEST(formatting_grows_when_it_must)
{
    struct buf b;
    char want[1001];

    UNUSED(state);
    memset(want, 'q', 1000);
    want[1000] = 0;
    buf_init(&b, 1000);
    buf_addf(&b, "%s", want);
    assert_string_equal(buf_cstr(&b), want);
    buf_addf(&b, "%s", "!");
    assert_int_equal(b.err, ERR_FULL);
    buf_fini(&b);
}

/* Every length around the sizes at which memory grows. */
TEST(formatting_is_right_at_every_fill)
{
    UNUSED(state);
    for (size_t fill = 0; fill < 140; fill++) {
        struct buf b;
        buf_init(&b, 1000);
        for (size_t i = 0; i < fill; i++) buf_addc(&b, 'x');
        buf_addf(&b, "%s", "12345");
        assert_int_equal(b.n, fill + 5);
        assert_memory_equal(b.p + fill, "12345", 5);
        assert_int_equal(strlen(buf_cstr(&b)), fill + 5);
        buf_fini(&b);
    }
}

TEST(reserved_bytes_count_only_after_grow)
{
    struct buf b;

    UNUSED(state);
    buf_init(&b, 100);
    char *p = buf_reserve(&b, 10);
    memcpy(p, "0123456789", 10);
    assert_int_equal(b.n, 0);
    buf_grow(&b, 3);
    assert_string_equal(buf_cstr(&b), "012");
    buf_fini(&b);
}

TEST(shift_drops_the_front)
{
    struct buf b;

    UNUSED(state);
    buf_init(&b, 100);
    buf_addz(&b, "hello world");
    buf_shift(&b, 6);
    assert_string_equal(buf_cstr(&b), "world");
    buf_shift(&b, 5);
    assert_string_equal(buf_cstr(&b), "");
    buf_addz(&b, "again");
    assert_string_equal(buf_cstr(&b), "again");
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_buf_is_empty_and_readable),    cmocka_unit_test(pieces_of_every_kind_are_joined),
        cmocka_unit_test(the_cap_is_reached_exactly),           cmocka_unit_test(failure_sticks_until_cleared),
        cmocka_unit_test(a_cap_of_zero_takes_nothing),          cmocka_unit_test(absurd_sizes_are_refused_not_wrapped),
        cmocka_unit_test(formatting_grows_when_it_must),        cmocka_unit_test(formatting_is_right_at_every_fill),
        cmocka_unit_test(reserved_bytes_count_only_after_grow), cmocka_unit_test(shift_drops_the_front),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
