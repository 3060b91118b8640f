#include "base/id.h"
#include "tests/unit/base/unit.h"

#include <stdlib.h>

TEST(a_new_id_is_version_7_and_names_its_home_and_time)
{
    static const uint32_t homes[] = { 0, 1, 255, 256, 4095 };
    struct rng rng;

    UNUSED(state);
    rng_seed(&rng, 1);
    for (size_t i = 0; i < COUNT_OF(homes); i++) {
        struct id id = id_new(UINT64_C(1772357400250), homes[i], &rng);
        assert_int_equal(id.b[6] >> 4, 7);
        assert_int_equal(id.b[8] >> 6, 2);
        assert_int_equal(id_home(&id), homes[i]);
        assert_int_equal(id_time(&id), UINT64_C(1772357400250));
        assert_false(id_is_none(&id));
    }
}

TEST(an_id_that_is_a_hash_may_name_a_home_and_stays_one_of_many)
{
    UNUSED(state);
    struct id a = id_at_home(id_of_event(STR("web"), STR("1")), 4095), b = id_at_home(id_of_event(STR("web"), STR("2")), 4095);
    assert_int_equal(a.b[6] >> 4, 8);
    assert_int_equal(id_home(&a), 4095);
    assert_false(id_eq(&a, &b));
    a = id_at_home(a, 258);
    assert_int_equal(id_home(&a), 258);
}

TEST(ids_sort_by_time)
{
    struct rng rng;
    struct id last = { { 0 } };

    UNUSED(state);
    rng_seed(&rng, 2);
    for (uint64_t ms = 1; ms < UINT64_C(1) << 48; ms *= 3) {
        struct id id = id_new(ms, 4095, &rng);
        char a[ID_TEXT + 1], b[ID_TEXT + 1];
        assert_true(memcmp(id.b, last.b, 16) > 0);
        assert_true(strcmp(id_text(&id, a), id_text(&last, b)) > 0); /* and so do their texts */
        last = id;
    }
}

static int by_bytes(const void *a, const void *b) { return memcmp(a, b, sizeof(struct id)); }

TEST(ids_of_one_millisecond_differ)
{
    enum { MANY = 20000 };
    static struct id ids[MANY];
    struct rng rng;

    UNUSED(state);
    rng_seed(&rng, 3);
    for (int i = 0; i < MANY; i++) ids[i] = id_new(1000, 7, &rng);
    qsort(ids, MANY, sizeof *ids, by_bytes);
    for (int i = 1; i < MANY; i++) assert_false(id_eq(&ids[i - 1], &ids[i]));
}

TEST(text_and_back)
{
    struct rng rng;
    char text[ID_TEXT + 1];

    UNUSED(state);
    rng_seed(&rng, 4);
    for (int i = 0; i < 1000; i++) {
        struct id id, back;
        for (int k = 0; k < 16; k++) id.b[k] = (uint8_t)rng_u64(&rng);
        assert_ptr_equal(id_text(&id, text), text);
        assert_int_equal(strlen(text), ID_TEXT);
        assert_int_equal(id_parse(str_of(text), &back), ERR_OK);
        assert_true(id_eq(&id, &back));
    }
}

TEST(text_is_lower_case_in_five_groups_and_upper_case_is_read)
{
    struct id id, upper;
    char text[ID_TEXT + 1];

    UNUSED(state);
    for (int i = 0; i < 16; i++) id.b[i] = (uint8_t)(i * 16 + i);
    assert_string_equal(id_text(&id, text), "00112233-4455-6677-8899-aabbccddeeff");
    assert_int_equal(id_parse(STR("00112233-4455-6677-8899-AABBCCDDEEFF"), &upper), ERR_OK);
    assert_true(id_eq(&id, &upper));
}

TEST(what_is_no_id_is_refused_and_changes_nothing)
{
    static const char *const refused[] = {
        "",
        "0",
        "00112233-4455-6677-8899-aabbccddeef",
        "00112233-4455-6677-8899-aabbccddeeff0",
        "0011223304455-6677-8899-aabbccddeeff",
        "00112233-445506677-8899-aabbccddeeff",
        "00112233-4455-66770-899-aabbccddeeff",
        "00112233-4455-6677-8899-aabbccddeefg",
        "-0112233-4455-6677-8899-aabbccddeeff",
        "0011223g-4455-6677-8899-aabbccddeeff",
        "{0112233-4455-6677-8899-aabbccddeef}",
        "00112233 4455 6677 8899 aabbccddeeff",
        "00112233-4455-6677-8899-aabbccddee\x10\x10",
    };
    struct id id = { { 9 } };

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(refused); i++) assert_int_equal(id_parse(str_of(refused[i]), &id), ERR_PROTO);
    assert_int_equal(id.b[0], 9);
    assert_int_equal(id_parse(STR_NONE, &id), ERR_PROTO);
}

TEST(an_events_id_is_a_version_8_hash_of_its_identity)
{
    char text[ID_TEXT + 1];
    struct id id = id_of_event(STR("kr-sms"), STR("SM123"));

    UNUSED(state);
    assert_int_equal(id.b[6] >> 4, 8);
    assert_int_equal(id.b[8] >> 6, 2);
    /* printf 'kr-sms\0SM123' | sha256sum, with version and variant written over */
    assert_string_equal(id_text(&id, text), "9ce4bf90-1e3b-8868-8e90-d40c47329252");
}

TEST(the_same_identity_gives_the_same_id_and_another_one_another)
{
    struct id a = id_of_event(STR("a"), STR("bc")), same = id_of_event(STR("a"), STR("bc"));
    struct id moved = id_of_event(STR("ab"), STR("c")), none = id_of_event(STR_NONE, STR_NONE);

    UNUSED(state);
    assert_true(id_eq(&a, &same));
    assert_false(id_eq(&a, &moved)); /* the separator counts */
    assert_false(id_is_none(&none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_id_is_version_7_and_names_its_home_and_time),
        cmocka_unit_test(an_id_that_is_a_hash_may_name_a_home_and_stays_one_of_many),
        cmocka_unit_test(ids_sort_by_time),
        cmocka_unit_test(ids_of_one_millisecond_differ),
        cmocka_unit_test(text_and_back),
        cmocka_unit_test(text_is_lower_case_in_five_groups_and_upper_case_is_read),
        cmocka_unit_test(what_is_no_id_is_refused_and_changes_nothing),
        cmocka_unit_test(an_events_id_is_a_version_8_hash_of_its_identity),
        cmocka_unit_test(the_same_identity_gives_the_same_id_and_another_one_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
