/* Any bytes as a frame. What is read must pack again to a record that reads back to the same bytes, be printable as JSON, and
   copyable; nothing may be read outside the bytes (they are copied into a block of exactly their size). */
#include "base/limits.h"
#include "base/panic.h"
#include "proto/frame.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

union any {
#define ANY_MEMBER(name, FIELDS) struct name name;
    RECORD_MAP(ANY_MEMBER)
};

static void check(const struct record *r, const void *obj)
{
    union any again, copy;
    struct buf one, two, json;
    struct arena arena;

    buf_init(&one, 4 * LIM_ZMQ_MESSAGE); /* small numbers and short arrays may grow when packed in full */
    buf_init(&two, 4 * LIM_ZMQ_MESSAGE);
    buf_init(&json, 16 * LIM_ZMQ_MESSAGE);
    arena_init(&arena, 64 << 20);
    record_pack(&one, r, obj);
    if (!one.err) {
        naru_assert(record_unpack(r, &again, buf_str(&one), &arena) == ERR_OK);
        naru_assert(record_copy(r, &copy, &again, &arena) == ERR_OK);
        record_pack(&two, r, &copy);
        naru_assert(str_eq(buf_str(&one), buf_str(&two)));
        record_json(&json, r, &copy);
    }
    arena_fini(&arena);
    buf_fini(&one);
    buf_fini(&two);
    buf_fini(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct frame_reader f;
    union any obj;
    char *exact = malloc(size ? size : 1);
    enum err e;

    naru_assert(exact);
    if (size) memcpy(exact, data, size);
    e = frame_open(&f, (struct str){ exact, size });
    for (uint32_t i = 0; !e && i < f.head.count; i++) {
        enum err one = frame_next(&f, &obj);
        naru_assert(one != ERR_NOTFOUND);
        if (!one) check(msg_table[f.head.type].record, &obj);
    }
    if (!e) naru_assert(f.at == size && frame_next(&f, &obj) == ERR_NOTFOUND);
    frame_close(&f);
    free(exact);
    return 0;
}
