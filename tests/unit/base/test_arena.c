#include "base/arena.h"
#include "tests/unit/base/unit.h"

TEST(allocations_are_zeroed_aligned_and_apart)
{
    struct arena a;
    unsigned char *last = NULL;

    UNUSED(state);
    arena_init(&a, 1 << 20);
    for (size_t n = 0; n < 300; n++) {
        unsigned char *p = arena_alloc(&a, n);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        assert_ptr_not_equal(p, last);
        for (size_t i = 0; i < n; i++) assert_int_equal(p[i], 0);
        memset(p, 0xAA, n);
        last = p;
    }
    arena_fini(&a);
}

TEST(the_cap_refuses_and_leaves_the_rest_usable)
{
    struct arena a;

    UNUSED(state);
    arena_init(&a, 64);
    assert_non_null(arena_alloc(&a, 48));
    assert_null(arena_alloc(&a, 17));
    assert_non_null(arena_alloc(&a, 16));
    assert_null(arena_alloc(&a, 0)); /* even nothing has an address of its own */
    assert_int_equal(a.used, 64);
    arena_clear(&a);
    assert_int_equal(a.used, 0);
    assert_non_null(arena_alloc(&a, 64));
    arena_fini(&a);
}

TEST(absurd_sizes_are_refused_not_wrapped)
{
    struct arena a;

    UNUSED(state);
    arena_init(&a, SIZE_MAX);
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX - 7));
    assert_null(arena_strdup(&a, (struct str){ "x", SIZE_MAX }));
    arena_fini(&a);
}

TEST(one_large_wish_gets_its_own_block)
{
    struct arena a;

    UNUSED(state);
    arena_init(&a, 1 << 20);
    assert_non_null(arena_alloc(&a, 10));
    unsigned char *p = arena_alloc(&a, 500000);
    assert_non_null(p);
    p[499999] = 1;
    assert_non_null(arena_alloc(&a, 10));
    arena_fini(&a);
}

TEST(clear_reuses_memory_and_zeroes_it_again)
{
    struct arena a;

    UNUSED(state);
    arena_init(&a, 1 << 20);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 100; i++) {
            unsigned char *p = arena_alloc(&a, 100);
            for (int k = 0; k < 100; k++) assert_int_equal(p[k], 0);
            memset(p, 0xFF, 100);
        }
        arena_clear(&a);
    }
    arena_fini(&a);
    arena_fini(&a);
}

TEST(copies_end_with_nul)
{
    struct arena a;

    UNUSED(state);
    arena_init(&a, 1000);
    assert_string_equal(arena_strdup(&a, STR("hello")), "hello");
    assert_string_equal(arena_strdup(&a, STR_NONE), "");
    assert_string_equal(arena_strdup(&a, STR("exactly sixteen!")), "exactly sixteen!");
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_zeroed_aligned_and_apart), cmocka_unit_test(the_cap_refuses_and_leaves_the_rest_usable),
        cmocka_unit_test(absurd_sizes_are_refused_not_wrapped),     cmocka_unit_test(one_large_wish_gets_its_own_block),
        cmocka_unit_test(clear_reuses_memory_and_zeroes_it_again),  cmocka_unit_test(copies_end_with_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
