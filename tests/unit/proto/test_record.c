#include "base/limits.h"
#include "tests/unit/proto/unit.h"

/* Two objects are the same record when they pack to the same bytes. */
static void assert_same(const struct record *r, const void *a, const void *b)
{
    struct buf x, y;

    buf_init(&x, 1 << 20);
    buf_init(&y, 1 << 20);
    record_pack(&x, r, a);
    record_pack(&y, r, b);
    assert_true(str_eq(buf_str(&x), buf_str(&y)));
    buf_fini(&x);
    buf_fini(&y);
}

static struct event an_event(void)
{
    return (struct event){ .workspace = STR("hanbit"),
                           .account = STR("kr-sms"),
                           .external = STR("m-1"),
                           .conversation = STR("c-1"),
                           .text = STR("접속이 안 돼요"),
                           .kind = EVENT_CALL,
                           .received = 1709285400250,
                           .home = 3 };
}

/* Packs with `edit` on the bytes, then reads. */
static enum err unpack_text(const struct record *r, void *obj, const char *bytes, size_t n)
{
    struct arena a;
    char *exact = malloc(n ? n : 1); /* so that the sanitizer sees a read behind the end */

    memcpy(exact, bytes, n);
    arena_init(&a, 1 << 20);
    enum err e = record_unpack(r, obj, (struct str){ exact, n }, &a);
    arena_fini(&a);
    free(exact);
    return e;
}
#define UNPACK(rec, obj, lit) unpack_text(&rec##_record, (obj), (lit), sizeof(lit) - 1)

TEST(every_record_comes_back_as_it_was_packed)
{
    struct rng rng;
    union any from, to;

    rng_seed(&rng, 1);
    for (size_t i = 0; i < 40 * ALL_RECORDS; i++) {
        const struct record *r = all_records[i % ALL_RECORDS];
        struct arena a;
        struct buf b;
        arena_init(&a, 1 << 20);
        buf_init(&b, 1 << 20);
        sample(r, &from, &a, &rng);
        record_pack(&b, r, &from);
        assert_int_equal(record_unpack(r, &to, buf_str(&b), &a), ERR_OK);
        assert_same(r, &from, &to);
        buf_fini(&b);
        arena_fini(&a);
    }
}

TEST(a_record_cut_anywhere_is_refused)
{
    struct rng rng;
    union any from, to;
    struct arena a;
    struct buf b;

    rng_seed(&rng, 2);
    for (size_t i = 0; i < ALL_RECORDS; i++) {
        const struct record *r = all_records[i];
        arena_init(&a, 1 << 20);
        buf_init(&b, 1 << 20);
        sample(r, &from, &a, &rng);
        record_pack(&b, r, &from);
        for (size_t n = 0; n < b.n; n++) assert_int_not_equal(unpack_text(r, &to, b.p, n), ERR_OK);
        buf_addc(&b, '\xc0');
        assert_int_equal(unpack_text(r, &to, b.p, b.n), ERR_PROTO); /* bytes behind the end */
        buf_fini(&b);
        arena_fini(&a);
    }
}

TEST(a_shorter_record_is_an_older_peers_and_a_longer_one_is_refused)
{
    struct need n;

    assert_int_equal(UNPACK(need, &n, "\x90"), ERR_OK);
    assert_int_equal(n.skill.n, 0);
    assert_int_equal(UNPACK(need, &n, "\x91\xa4tech"), ERR_OK);
    assert_int_equal(n.level, 0);
    assert_int_equal(UNPACK(need, &n, "\x92\xa4tech\x05"), ERR_OK);
    assert_int_equal(n.level, 5);
    assert_int_equal(UNPACK(need, &n, "\x93\xa4tech\x05\x01"), ERR_PROTO);
}

TEST(a_value_of_the_wrong_kind_is_refused)
{
    struct need n;
    struct sync s;
    struct verdict v;

    assert_int_equal(UNPACK(need, &n, "\x92\x05\x05"), ERR_PROTO);
    assert_int_equal(UNPACK(need, &n, "\x92\xa1x\xa1x"), ERR_PROTO);
    assert_int_equal(UNPACK(need, &n, "\x92\xa1x\xff"), ERR_PROTO); /* -1 */
    assert_int_equal(UNPACK(need, &n, "\x92\xc0\x01"), ERR_PROTO);
    assert_int_equal(UNPACK(need, &n, "\x81\xa1x\x01"), ERR_PROTO); /* a map */
    assert_int_equal(UNPACK(need, &n, "\xc1"), ERR_PROTO);
    assert_int_equal(UNPACK(sync, &s, "\x94\xa1x\x01\x01\x01"), ERR_PROTO);
    assert_int_equal(UNPACK(sync, &s, "\x94\xa1x\x01\x01\xc3"), ERR_OK);
    assert_true(s.done);
    assert_int_equal(UNPACK(verdict, &v,
                            "\x91\xc4\x03"
                            "abc"),
                     ERR_PROTO); /* an id of three bytes */
    assert_int_equal(UNPACK(verdict, &v, "\x91\xc0"), ERR_OK);
}

TEST(numbers_are_taken_in_any_width_and_checked_for_their_range)
{
    struct need n;
    struct seen s;
    struct verdict v;

    assert_int_equal(UNPACK(need, &n, "\x92\xa1x\xcf\0\0\0\0\0\0\0\x05"), ERR_OK);
    assert_int_equal(n.level, 5);
    assert_int_equal(UNPACK(need, &n, "\x92\xa1x\xd2\0\0\x01\0"), ERR_OK); /* int 32, not negative */
    assert_int_equal(n.level, 256);
    assert_int_equal(UNPACK(need, &n, "\x92\xa1x\xcf\0\0\0\x01\0\0\0\0"), ERR_RANGE);
    assert_int_equal(UNPACK(seen, &s, "\x93\xa1x\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xcd\x01\x02"), ERR_OK);
    assert_true(s.epoch == UINT64_MAX && s.seq == 258);
    assert_int_equal(UNPACK(verdict, &v, "\x97\xc0\xa0\xa0\xa0\xa0\xa0\x01"), ERR_OK); /* JavaScript's 1.0 */
    assert_true(v.confidence == 1.0);
    assert_int_equal(UNPACK(verdict, &v, "\x97\xc0\xa0\xa0\xa0\xa0\xa0\xca\x3f\0\0\0"), ERR_OK);
    assert_true(v.confidence == 0.5);
    assert_int_equal(UNPACK(verdict, &v, "\x99\xc0\xa0\xa0\xa0\xa0\xa0\0\xc2\x04"), ERR_RANGE); /* no fifth urgency */
}

TEST(texts_are_checked_for_length_and_utf8)
{
    struct need n;
    char long_one[80] = "\x91\xd9\x41"; /* 65 bytes, 64 are allowed */

    memset(long_one + 3, 'x', 65);
    assert_int_equal(unpack_text(&need_record, &n, long_one, 68), ERR_TOOBIG);
    long_one[2] = 0x40;
    assert_int_equal(unpack_text(&need_record, &n, long_one, 67), ERR_OK);
    assert_int_equal(UNPACK(need, &n, "\x91\xa2\xc3\x28"), ERR_UTF8);
    assert_int_equal(UNPACK(need, &n,
                            "\x91\xa9"
                            "12345678\xed"),
                     ERR_UTF8); /* behind the fast eight */
    assert_int_equal(UNPACK(need, &n, "\x91\xa6장애"), ERR_OK);
}

TEST(claims_beyond_the_bytes_are_refused_before_any_memory_is_asked_for)
{
    struct event e;
    struct need n;

    assert_int_equal(UNPACK(need, &n, "\xdd\xff\xff\xff\xff"), ERR_PROTO);
    assert_int_equal(UNPACK(need, &n, "\x91\xdb\xff\xff\xff\xff"), ERR_PROTO);
    assert_int_equal(UNPACK(event, &e, "\x9d\xc0\xa0\xa0\xa0\xa0\x00\xa0\xa0\xa0\xa0\xa0\xa0\xdd\x7f\xff\xff\xff"), ERR_PROTO);
    assert_int_equal(UNPACK(need, &n, "\xdf\x7f\xff\xff\xff"), ERR_PROTO);
    assert_int_equal(UNPACK(need, &n, "\xc9\xff\xff\xff\xff\x01"), ERR_PROTO);
}

TEST(a_list_longer_than_its_limit_is_too_big)
{
    struct buf b;
    struct verdict v;
    struct tag tags[LIM_LIST_ITEMS];

    memset(tags, 0, sizeof tags);
    buf_init(&b, 1 << 20);
    v = (struct verdict){ .tags = { tags, LIM_LIST_ITEMS } };
    record_pack(&b, &verdict_record, &v);
    assert_int_equal(unpack_text(&verdict_record, &v, b.p, b.n), ERR_OK);
    buf_clear(&b);
    buf_add(&b, "\x9d\xc0\xa0\xa0\xa0\xa0\xa0\x00\xc2\x00\x00\x00\x90\xdc\x01\x01", 16);
    for (int i = 0; i < 257; i++) buf_add(&b, "\x91\xa0", 2);
    assert_int_equal(unpack_text(&verdict_record, &v, b.p, b.n), ERR_TOOBIG);
    buf_fini(&b);
}

TEST(lists_that_the_arena_cannot_hold_are_out_of_memory)
{
    struct buf b;
    struct arena a;
    struct tag tags[200] = { { STR_NONE } };
    struct verdict v = { .tags = { tags, 200 } };

    buf_init(&b, 1 << 20);
    arena_init(&a, 1000);
    record_pack(&b, &verdict_record, &v);
    assert_int_equal(record_unpack(&verdict_record, &v, buf_str(&b), &a), ERR_NOMEM);
    assert_int_equal(record_unpack(&verdict_record, &v, buf_str(&b), NULL), ERR_NOMEM);
    arena_fini(&a);
    buf_fini(&b);
}

TEST(json_leaves_out_what_has_no_value)
{
    struct event e = an_event();
    struct attribute tier = { STR("customer.tier"), STR("gold") };
    struct buf b;

    buf_init(&b, 1 << 16);
    e.attributes = (struct list){ &tier, 1 };
    record_json(&b, &event_record, &e);
    assert_string_equal(buf_cstr(&b),
                        "{\"workspace\":\"hanbit\",\"account\":\"kr-sms\",\"external\":\"m-1\",\"kind\":\"call\","
                        "\"conversation\":\"c-1\",\"text\":\"접속이 안 돼요\",\"attributes\":[{\"key\":\"customer.tier\","
                        "\"value\":\"gold\"}],\"received\":\"2024-03-01T09:30:00.250Z\",\"home\":3}");
    buf_fini(&b);
}

TEST(the_json_of_every_record_can_be_parsed)
{
    struct rng rng;
    union any obj;

    rng_seed(&rng, 3);
    for (size_t i = 0; i < 10 * ALL_RECORDS; i++) {
        const struct record *r = all_records[i % ALL_RECORDS];
        struct arena a;
        struct buf b;
        struct json *doc = NULL;
        size_t where;
        const char *why = "";
        arena_init(&a, 1 << 20);
        buf_init(&b, 1 << 20);
        sample(r, &obj, &a, &rng);
        record_json(&b, r, &obj);
        assert_int_equal(json_parse(&doc, buf_str(&b), LIM_JSON_DEPTH, &where, &why), ERR_OK);
        json_free(doc);
        buf_fini(&b);
        arena_fini(&a);
    }
}

struct hash {
    struct str name[64], value[64];
    size_t count;
    struct arena arena;
};

static void on_hash(void *ctx, struct str name, struct str value)
{
    struct hash *h = ctx;

    h->name[h->count] = name;
    h->value[h->count++] = (struct str){ arena_strdup(&h->arena, value), value.n };
}

TEST(a_flat_record_comes_back_from_its_redis_hash)
{
    static const struct record *const flat[] = { &event_record, &verdict_record, &entry_record,
                                                 &offer_record, &act_record,     &hello_record };
    struct rng rng;
    union any from, to;

    rng_seed(&rng, 4);
    for (size_t i = 0; i < 120; i++) {
        const struct record *r = flat[i % 6];
        struct hash h = { .count = 0 };
        struct arena a;
        arena_init(&a, 1 << 20);
        arena_init(&h.arena, 1 << 20);
        sample(r, &from, &a, &rng);
        record_hash(r, &from, ~UINT64_C(0), on_hash, &h);
        memset(&to, 0, r->size);
        for (size_t k = 0; k < h.count; k++) assert_int_equal(record_from_hash(r, &to, h.name[k], h.value[k], &a), ERR_OK);
        assert_same(r, &from, &to);
        arena_fini(&a);
        arena_fini(&h.arena);
    }
}

TEST(a_mask_emits_its_fields_only_and_empty_ones_as_empty)
{
    struct event e = an_event();
    struct hash h = { .count = 0 };
    uint64_t mask = UINT64_C(1) << record_field(&event_record, "text") | UINT64_C(1) << record_field(&event_record, "id") |
                    UINT64_C(1) << record_field(&event_record, "attributes");

    arena_init(&h.arena, 1 << 16);
    record_hash(&event_record, &e, mask, on_hash, &h);
    assert_int_equal(h.count, 3);
    assert_text(h.name[0], "id");
    assert_int_equal(h.value[0].n, 0);
    assert_text(h.value[1], "접속이 안 돼요");
    assert_int_equal(h.value[2].n, 0);
    memset(&e, 0x11, sizeof e);
    assert_int_equal(record_from_hash(&event_record, &e, h.name[0], h.value[0], &h.arena), ERR_OK);
    assert_true(id_is_none(&e.id)); /* "" takes a value away */
    arena_fini(&h.arena);
}

TEST(bad_values_in_a_hash_are_refused_and_unknown_names_told)
{
    struct event e = an_event();

    assert_int_equal(record_from_hash(&event_record, &e, STR("colour"), STR("red"), NULL), ERR_NOTFOUND);
    assert_int_equal(record_from_hash(&event_record, &e, STR("kind"), STR("smoke"), NULL), ERR_PROTO);
    assert_int_equal(record_from_hash(&event_record, &e, STR("home"), STR("4294967296"), NULL), ERR_PROTO);
    assert_int_equal(record_from_hash(&event_record, &e, STR("home"), STR(""), NULL), ERR_PROTO);
    assert_int_equal(record_from_hash(&event_record, &e, STR("received"), STR("12x"), NULL), ERR_PROTO);
    assert_int_equal(record_from_hash(&event_record, &e, STR("id"), STR("short"), NULL), ERR_PROTO);
    assert_int_equal(record_from_hash(&event_record, &e, STR("text"), STR("\xff"), NULL), ERR_PROTO);
    assert_int_equal(record_from_hash(&event_record, &e, STR("attributes"), STR("\x91\x92"), NULL), ERR_NOMEM);
    assert_int_equal(record_from_hash(&event_record, &e, STR("attributes"), STR("\x99\x92"), NULL), ERR_PROTO);
}

TEST(a_copy_owns_its_texts_and_lists)
{
    struct rng rng;
    union any from, to;
    struct arena a, b;

    rng_seed(&rng, 5);
    for (size_t i = 0; i < 10 * ALL_RECORDS; i++) {
        const struct record *r = all_records[i % ALL_RECORDS];
        struct buf packed, after;
        arena_init(&a, 1 << 20);
        arena_init(&b, 1 << 20);
        buf_init(&packed, 1 << 20);
        buf_init(&after, 1 << 20);
        sample(r, &from, &a, &rng);
        record_pack(&packed, r, &from);
        char *bytes = malloc(packed.n);
        memcpy(bytes, packed.p, packed.n);
        assert_int_equal(record_unpack(r, &from, (struct str){ bytes, packed.n }, &a), ERR_OK);
        assert_int_equal(record_copy(r, &to, &from, &b), ERR_OK);
        memset(bytes, 'X', packed.n);
        free(bytes);
        arena_fini(&a);
        record_pack(&after, r, &to);
        assert_true(str_eq(buf_str(&packed), buf_str(&after)));
        buf_fini(&packed);
        buf_fini(&after);
        arena_fini(&b);
    }
}

TEST(a_copy_without_room_is_out_of_memory)
{
    struct event e = an_event(), to;
    struct arena a;

    arena_init(&a, 40);
    assert_int_equal(record_copy(&event_record, &to, &e, &a), ERR_NOMEM);
    arena_fini(&a);
}

TEST(words_are_found_and_unknown_ones_are_not)
{
    assert_int_equal(words_find(&urgency_words, STR("high")), URG_HIGH);
    assert_int_equal(words_find(&urgency_words, STR("HIGH")), -1);
    assert_int_equal(words_find(&ticket_state_words, STR("dead")), TK_DEAD);
    assert_int_equal(ticket_state_words.count, TK_DEAD + 1);
}

TEST(every_message_has_a_row_and_a_mask_fits_every_record)
{
    assert_string_equal(msg_table[MSG_STATS].name, "STATS");
    assert_ptr_equal(msg_table[MSG_VERDICT].record, &verdict_record);
    assert_null(msg_table[0].record);
    assert_null(msg_table[MSG_COUNT - 1].record);
    for (size_t i = 0; i < ALL_RECORDS; i++) assert_true(all_records[i]->count < 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_record_comes_back_as_it_was_packed),
        cmocka_unit_test(a_record_cut_anywhere_is_refused),
        cmocka_unit_test(a_shorter_record_is_an_older_peers_and_a_longer_one_is_refused),
        cmocka_unit_test(a_value_of_the_wrong_kind_is_refused),
        cmocka_unit_test(numbers_are_taken_in_any_width_and_checked_for_their_range),
        cmocka_unit_test(texts_are_checked_for_length_and_utf8),
        cmocka_unit_test(claims_beyond_the_bytes_are_refused_before_any_memory_is_asked_for),
        cmocka_unit_test(a_list_longer_than_its_limit_is_too_big),
        cmocka_unit_test(lists_that_the_arena_cannot_hold_are_out_of_memory),
        cmocka_unit_test(json_leaves_out_what_has_no_value),
        cmocka_unit_test(the_json_of_every_record_can_be_parsed),
        cmocka_unit_test(a_flat_record_comes_back_from_its_redis_hash),
        cmocka_unit_test(a_mask_emits_its_fields_only_and_empty_ones_as_empty),
        cmocka_unit_test(bad_values_in_a_hash_are_refused_and_unknown_names_told),
        cmocka_unit_test(a_copy_owns_its_texts_and_lists),
        cmocka_unit_test(a_copy_without_room_is_out_of_memory),
        cmocka_unit_test(words_are_found_and_unknown_ones_are_not),
        cmocka_unit_test(every_message_has_a_row_and_a_mask_fits_every_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
