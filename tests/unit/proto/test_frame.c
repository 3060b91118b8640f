#include "base/limits.h"
#include "tests/unit/proto/unit.h"

static struct frame_head head_of(enum msg type, uint32_t count)
{
    return (struct frame_head){
        .type = type, .from = STR("router-1"), .incarnation = 1709285400250, .seq = 40, .acked = 7, .count = count
    };
}

/* Opens a copy of exactly these bytes, reads all records, closes. What went wrong first, or ERR_OK. */
static enum err read_all(struct str bytes, unsigned *good, unsigned *bad)
{
    struct frame_reader f;
    union any obj;
    char *exact = malloc(bytes.n ? bytes.n : 1);
    enum err e, one;

    memcpy(exact, bytes.p, bytes.n);
    *good = *bad = 0;
    e = frame_open(&f, (struct str){ exact, bytes.n });
    while (!e && (one = frame_next(&f, &obj)) != ERR_NOTFOUND) one ? ++*bad : ++*good;
    frame_close(&f);
    free(exact);
    return e;
}
#define READ(lit) read_all(STR(lit), &good, &bad)

TEST(a_frame_of_every_type_comes_back)
{
    struct rng rng;
    union any obj;

    rng_seed(&rng, 1);
    for (unsigned type = 0; type < MSG_COUNT; type++) {
        const struct record *r = msg_table[type].record;
        struct buf records, frame;
        struct arena a;
        struct frame_head head = head_of(type, 20);
        struct frame_reader f;
        if (!r) continue;
        buf_init(&records, 1 << 20);
        buf_init(&frame, 1 << 20);
        arena_init(&a, 1 << 20);
        for (int i = 0; i < 20; i++) {
            sample(r, &obj, &a, &rng);
            record_pack(&records, r, &obj);
        }
        frame_write(&frame, &head, buf_str(&records));
        assert_int_equal(frame_open(&f, buf_str(&frame)), ERR_OK);
        assert_int_equal(f.head.type, type);
        assert_text(f.head.from, "router-1");
        assert_true(f.head.incarnation == 1709285400250 && f.head.seq == 40 && f.head.acked == 7 && f.head.count == 20);
        buf_clear(&frame);
        for (int i = 0; i < 20; i++) {
            assert_int_equal(frame_next(&f, &obj), ERR_OK);
            record_pack(&frame, r, &obj);
        }
        assert_int_equal(frame_next(&f, &obj), ERR_NOTFOUND);
        assert_int_equal(frame_next(&f, &obj), ERR_NOTFOUND);
        assert_true(str_eq(buf_str(&frame), buf_str(&records)));
        frame_close(&f);
        buf_fini(&records);
        buf_fini(&frame);
        arena_fini(&a);
    }
}

TEST(a_frame_without_records_is_a_frame)
{
    unsigned good, bad;
    struct buf b;
    struct frame_head head = head_of(MSG_HELLO, 0);

    buf_init(&b, 1000);
    frame_write(&b, &head, STR_NONE);
    assert_int_equal(read_all(buf_str(&b), &good, &bad), ERR_OK);
    assert_int_equal(good + bad, 0);
    buf_fini(&b);
}

TEST(a_wrong_record_does_not_disturb_the_next)
{
    unsigned good, bad;

    /* SEEN: good, a text where a number belongs, one field too many (with a nested map), good */
    assert_int_equal(READ("\x97\x01\x06\xa1r\x01\x00\x00\x94"
                          "\x93\xa1w\x01\x02"
                          "\x93\xa1w\xa1x\x02"
                          "\x94\xa1w\x01\x02\x81\x01\x91\xc0"
                          "\x93\xa1w\x01\x03"),
                     ERR_OK);
    assert_int_equal(good, 2);
    assert_int_equal(bad, 2);
}

TEST(a_frame_cut_anywhere_or_with_bytes_behind_it_is_refused)
{
    unsigned good, bad;
    const char whole[] = "\x97\x01\x06\xa1r\x01\x00\x00\x92\x93\xa1w\x01\x02\x93\xa1w\x01\xcd\x03\x00";

    for (size_t n = 0; n < sizeof whole - 1; n++) assert_int_equal(read_all((struct str){ whole, n }, &good, &bad), ERR_PROTO);
    assert_int_equal(read_all((struct str){ whole, sizeof whole - 1 }, &good, &bad), ERR_OK);
    assert_int_equal(read_all((struct str){ whole, sizeof whole }, &good, &bad), ERR_PROTO);
}

TEST(another_version_is_told_from_a_malformed_frame)
{
    unsigned good, bad;

    assert_int_equal(READ("\x97\x02\x06\xa1r\x01\x00\x00\x90"), ERR_VERSION);
    assert_int_equal(READ("\x92\x02\xc0"), ERR_VERSION); /* whatever else it holds */
    assert_int_equal(READ("\x96\x01\x06\xa1r\x01\x00\x90"), ERR_PROTO);
    assert_int_equal(READ("\x98\x01\x06\xa1r\x01\x00\x00\x90\x00"), ERR_PROTO);
    assert_int_equal(READ("\x97\xa1"
                          "1\x06\xa1r\x01\x00\x00\x90"),
                     ERR_PROTO);
    assert_int_equal(READ("GET / HTTP/1.1\r\n"), ERR_PROTO);
}

TEST(an_unknown_type_is_told)
{
    unsigned good, bad;

    assert_int_equal(READ("\x97\x01\x3f\xa1r\x01\x00\x00\x90"), ERR_UNKNOWN);
    assert_int_equal(READ("\x97\x01\x00\xa1r\x01\x00\x00\x90"), ERR_UNKNOWN);
    assert_int_equal(READ("\x97\x01\xce\xff\xff\xff\xff\xa1r\x01\x00\x00\x90"), ERR_UNKNOWN);
}

TEST(a_sender_has_a_name_of_64_bytes_at_most)
{
    unsigned good, bad;
    char frame[100] = "\x97\x01\x06\xd9\x41";

    assert_int_equal(READ("\x97\x01\x06\xa0\x01\x00\x00\x90"), ERR_PROTO);
    assert_int_equal(READ("\x97\x01\x06\xa1\xff\x01\x00\x00\x90"), ERR_PROTO);
    memset(frame + 5, 'x', 65);
    memcpy(frame + 70, "\x01\x00\x00\x90", 4);
    assert_int_equal(read_all((struct str){ frame, 74 }, &good, &bad), ERR_PROTO);
}

TEST(numbers_beyond_2_to_the_53_are_refused)
{
    unsigned good, bad;

    assert_int_equal(READ("\x97\x01\x06\xa1r\x01\xcf\x00\x20\x00\x00\x00\x00\x00\x00\x00\x90"), ERR_OK);
    assert_int_equal(READ("\x97\x01\x06\xa1r\x01\xcf\x00\x20\x00\x00\x00\x00\x00\x01\x00\x90"), ERR_PROTO);
}

TEST(claims_larger_than_the_frame_are_refused)
{
    unsigned good, bad;

    assert_int_equal(READ("\x97\x01\x06\xa1r\x01\x00\x00\xdd\xff\xff\xff\xff"), ERR_PROTO);
    assert_int_equal(READ("\x97\x01\x06\xdb\xff\xff\xff\xff"), ERR_PROTO);
    assert_int_equal(READ("\x97\x01\x06\xa1r\x01\x00\x00\x91\xdf\x80\x00\x00\x00"), ERR_PROTO);
    assert_int_equal(READ("\x97\x01\x06\xa1r\x01\x00\x00\x91\xc6\x7f\xff\xff\xff"), ERR_PROTO);
    assert_int_equal(READ("\xdd\x00\x00\x00\x07\x01"), ERR_PROTO);
}

/* A frame whose one record is `depth` arrays within each other. */
static enum err nested(unsigned depth)
{
    unsigned good, bad;
    struct buf b;

    buf_init(&b, 1 << 20);
    buf_add(&b, "\x97\x01\x06\xa1r\x01\x00\x00\x91", 9);
    for (unsigned i = 1; i < depth; i++) buf_addc(&b, '\x91');
    buf_addc(&b, '\xc0');
    enum err e = read_all(buf_str(&b), &good, &bad);
    buf_fini(&b);
    return e;
}

TEST(depth_and_nodes_are_bounded)
{
    unsigned good, bad;
    struct buf b;

    assert_int_equal(nested(LIM_MSGPACK_DEPTH - 1), ERR_OK); /* with frame and records: 16 arrays */
    assert_int_equal(nested(LIM_MSGPACK_DEPTH), ERR_TOOBIG);
    assert_int_equal(nested(100000), ERR_TOOBIG);
    buf_init(&b, 2 << 20);
    buf_add(&b, "\x97\x01\x06\xa1r\x01\x00\x00\x91\xdc\x27\x10", 12); /* 10,000 items: one node too many */
    for (int i = 0; i < 10000; i++) buf_addc(&b, 0);
    assert_int_equal(read_all(buf_str(&b), &good, &bad), ERR_TOOBIG);
    buf_clear(&b);
    buf_add(&b, "\x97\x01\x06\xa1r\x01\x00\x00\xdd\x00\x03\x0d\x41", 13); /* 200,001 records */
    for (int i = 0; i < 200001; i++) buf_addc(&b, '\x90');
    assert_int_equal(read_all(buf_str(&b), &good, &bad), ERR_TOOBIG);
    buf_clear(&b);
    while (b.n <= LIM_ZMQ_MESSAGE) buf_add(&b, "\x97", 1);
    assert_int_equal(read_all(buf_str(&b), &good, &bad), ERR_TOOBIG);
    buf_fini(&b);
}

TEST(any_flipped_byte_is_survived)
{
    struct rng rng;
    union any obj;
    struct buf records, frame;
    struct arena a;
    struct frame_head head = head_of(MSG_VERDICT, 5);
    unsigned good, bad;

    rng_seed(&rng, 6);
    buf_init(&records, 1 << 20);
    buf_init(&frame, 1 << 20);
    arena_init(&a, 1 << 20);
    for (int i = 0; i < 5; i++) {
        sample(&verdict_record, &obj, &a, &rng);
        record_pack(&records, &verdict_record, &obj);
    }
    frame_write(&frame, &head, buf_str(&records));
    for (size_t i = 0; i < 20000; i++) {
        size_t where = rng_below(&rng, frame.n);
        char was = frame.p[where];
        frame.p[where] = (char)rng_below(&rng, 256);
        (void)read_all(buf_str(&frame), &good, &bad);
        frame.p[where] = was;
    }
    assert_int_equal(read_all(buf_str(&frame), &good, &bad), ERR_OK);
    assert_int_equal(good, 5);
    buf_fini(&records);
    buf_fini(&frame);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_of_every_type_comes_back),
        cmocka_unit_test(a_frame_without_records_is_a_frame),
        cmocka_unit_test(a_wrong_record_does_not_disturb_the_next),
        cmocka_unit_test(a_frame_cut_anywhere_or_with_bytes_behind_it_is_refused),
        cmocka_unit_test(another_version_is_told_from_a_malformed_frame),
        cmocka_unit_test(an_unknown_type_is_told),
        cmocka_unit_test(a_sender_has_a_name_of_64_bytes_at_most),
        cmocka_unit_test(numbers_beyond_2_to_the_53_are_refused),
        cmocka_unit_test(claims_larger_than_the_frame_are_refused),
        cmocka_unit_test(depth_and_nodes_are_bounded),
        cmocka_unit_test(any_flipped_byte_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
