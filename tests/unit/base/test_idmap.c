#include "base/idmap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* clang-format off: cmocka.h needs those before it */
#include <cmocka.h>
/* clang-format on */

#define MANY 5000u

static struct id id_at(uint32_t i)
{
    struct id id = { { 0 } };

    memcpy(id.b, &i, sizeof i);
    memcpy(id.b + 8, &(uint32_t){ i / 3 }, sizeof i); /* threes with the same last bytes: the whole id must be compared */
    return id;
}

static void it_keeps_what_a_plain_array_keeps_through_any_order_of_changes(void **state)
{
    static struct id ids[MANY];
    static void *expect[MANY];
    struct idmap m;
    struct rng rng;
    size_t count = 0;

    (void)state;
    idmap_init(&m, MANY);
    rng_seed(&rng, 7);
    for (uint32_t turn = 0; turn < 200000; turn++) {
        uint32_t i = (uint32_t)(rng_u64(&rng) % (turn < 100000 ? MANY : MANY / 20));
        struct id id = ids[i] = id_at(i);
        assert_ptr_equal(idmap_get(&m, &id), expect[i]);
        if (rng_u64(&rng) % 3) {
            assert_int_equal(idmap_put(&m, &ids[i]), expect[i] ? ERR_EXISTS : ERR_OK);
            count += !expect[i];
            expect[i] = &ids[i];
        } else {
            assert_ptr_equal(idmap_del(&m, &id), expect[i]);
            count -= expect[i] != NULL;
            expect[i] = NULL;
        }
        assert_int_equal(m.count, count);
    }
    size_t seen = 0;
    for (size_t at = 0; idmap_next(&m, &at);) seen++;
    assert_int_equal(seen, count);
    idmap_fini(&m);
}

static void it_refuses_more_than_its_cap_and_is_harmless_when_empty(void **state)
{
    struct idmap m;
    struct id a = id_at(1), b = id_at(2);

    (void)state;
    idmap_init(&m, 1);
    assert_null(idmap_get(&m, &a));
    assert_null(idmap_del(&m, &a));
    assert_int_equal(idmap_put(&m, &a), ERR_OK);
    assert_int_equal(idmap_put(&m, &b), ERR_FULL);
    assert_ptr_equal(idmap_del(&m, &a), &a);
    assert_int_equal(idmap_put(&m, &b), ERR_OK);
    idmap_fini(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_keeps_what_a_plain_array_keeps_through_any_order_of_changes),
        cmocka_unit_test(it_refuses_more_than_its_cap_and_is_harmless_when_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
