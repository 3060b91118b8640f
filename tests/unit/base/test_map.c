#include "base/map.h"
#include "base/rng.h"
#include "tests/unit/base/unit.h"

/* The published test vectors of SipHash are for 2-4; these were computed for 1-3 with an independent implementation,
   key 00..0f, input 00..(n-1). */
TEST(the_hash_is_siphash_1_3)
{
    static const struct {
        size_t n;
        uint64_t want;
    } rows[] = { { 0, UINT64_C(0xabac0158050fc4dc) },  { 1, UINT64_C(0xc9f49bf37d57ca93) }, { 7, UINT64_C(0xd3927d989bb11140) },
                 { 8, UINT64_C(0x369095118d299a8e) },  { 9, UINT64_C(0x25a48eb36c063de4) }, { 15, UINT64_C(0xd320d86d2a519956) },
                 { 16, UINT64_C(0xcc4fdd1a7d908b66) }, { 63, UINT64_C(0x9d199062b7bbb3a8) } };
    const uint64_t seed[2] = { UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908) };
    unsigned char input[64];

    UNUSED(state);
    for (size_t i = 0; i < sizeof input; i++) input[i] = (unsigned char)i;
    for (size_t i = 0; i < COUNT_OF(rows); i++) assert_true(hash_bytes(input, rows[i].n, seed) == rows[i].want);
}

TEST(an_empty_map_answers)
{
    struct map m;
    size_t cursor = 0;

    UNUSED(state);
    map_init(&m, 10);
    assert_null(map_get(&m, STR("x")));
    assert_null(map_del(&m, STR("x")));
    assert_null(map_next(&m, &cursor));
    map_fini(&m);
    map_fini(&m);
}

TEST(put_get_and_delete)
{
    struct map m;
    int one = 1, two = 2;

    UNUSED(state);
    map_init(&m, 10);
    assert_int_equal(map_put(&m, STR("a"), &one), ERR_OK);
    assert_int_equal(map_put(&m, STR(""), &two), ERR_OK);
    assert_int_equal(map_put(&m, STR("a"), &two), ERR_EXISTS);
    assert_ptr_equal(map_get(&m, STR("a")), &one);
    assert_ptr_equal(map_get(&m, STR_NONE), &two);
    assert_null(map_get(&m, STR("b")));
    assert_ptr_equal(map_del(&m, STR("a")), &one);
    assert_null(map_del(&m, STR("a")));
    assert_int_equal(m.count, 1);
    map_fini(&m);
}

TEST(put_when_full_changes_nothing)
{
    struct map m;
    int v;

    UNUSED(state);
    map_init(&m, 2);
    assert_int_equal(map_put(&m, STR("a"), &v), ERR_OK);
    assert_int_equal(map_put(&m, STR("b"), &v), ERR_OK);
    assert_int_equal(map_put(&m, STR("c"), &v), ERR_FULL);
    assert_int_equal(map_put(&m, STR("a"), &v), ERR_EXISTS); /* known before full */
    assert_null(map_get(&m, STR("c")));
    map_del(&m, STR("a"));
    assert_int_equal(map_put(&m, STR("c"), &v), ERR_OK);
    map_fini(&m);
}

TEST(two_maps_have_two_seeds)
{
    struct map a, b;

    UNUSED(state);
    map_init(&a, 1);
    map_init(&b, 1);
    assert_memory_not_equal(a.seed, b.seed, sizeof a.seed);
    map_fini(&a);
    map_fini(&b);
}

/* A few hundred keys, put and deleted at random, with an array as the reference. Small maps make long runs and wrap-arounds. */
enum { KEYS = 400 };
struct entry {
    char key[8];
    bool in;
};

static void check_all(const struct map *m, struct entry *ref)
{
    size_t count = 0, cursor = 0, walked = 0;

    for (int i = 0; i < KEYS; i++) {
        assert_ptr_equal(map_get(m, str_of(ref[i].key)), ref[i].in ? &ref[i] : NULL);
        count += ref[i].in;
    }
    assert_int_equal(m->count, count);
    for (struct entry *e; (e = map_next(m, &cursor)); walked++) assert_true(e->in);
    assert_int_equal(walked, count);
}

TEST(random_operations_agree_with_a_reference)
{
    static struct entry ref[KEYS];
    struct rng rng;
    struct map m;

    UNUSED(state);
    rng_seed(&rng, 11);
    for (int round = 0; round < 30; round++) {
        uint64_t span = 5 + rng_below(&rng, KEYS - 5), bias = 1 + rng_below(&rng, 9);
        map_init(&m, KEYS);
        for (int i = 0; i < KEYS; i++) {
            snprintf(ref[i].key, sizeof ref[i].key, "k%d", i);
            ref[i].in = false;
        }
        for (int step = 0; step < 3000; step++) {
            struct entry *e = &ref[rng_below(&rng, span)];
            if (rng_below(&rng, 10) < bias) {
                assert_int_equal(map_put(&m, str_of(e->key), e), e->in ? ERR_EXISTS : ERR_OK);
                e->in = true;
            } else {
                assert_ptr_equal(map_del(&m, str_of(e->key)), e->in ? e : NULL);
                e->in = false;
            }
            if (step % 50 == 0) check_all(&m, ref);
        }
        check_all(&m, ref);
        map_fini(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hash_is_siphash_1_3), cmocka_unit_test(an_empty_map_answers),
        cmocka_unit_test(put_get_and_delete),      cmocka_unit_test(put_when_full_changes_nothing),
        cmocka_unit_test(two_maps_have_two_seeds), cmocka_unit_test(random_operations_agree_with_a_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
