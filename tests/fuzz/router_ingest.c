/* Any bytes as one event: refused with a sentence, or accepted and packable. */
#include "base/panic.h"
#include "router/ingest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool account(void *ctx, struct str name, struct account_found *out)
{
    (void)ctx;
    *out = (struct account_found){ "hanbit", "sms" };
    return !str_is(name, "none");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ingest in;
    struct ingest_env env = { .account = account, .workspace = STR("*"), .now = 1700000000000ull, .home = 1 };
    struct json *doc = NULL;
    const char *why = NULL;
    size_t at = 0;
    if (json_parse(&doc, (struct str){ (const char *)data, size }, LIM_JSON_DEPTH, &at, &why)) return 0;
    ingest_init(&in);
    if (ingest_event(&in, &env, doc)) {
        naru_assert(in.status >= 400 && in.problem && in.cause && in.why[0]);
    } else {
        struct buf packed;
        struct event back;
        struct arena arena;
        buf_init(&packed, LIM_ZMQ_MESSAGE);
        arena_init(&arena, LIM_ZMQ_MESSAGE);
        record_pack(&packed, &event_record, &in.event);
        naru_assert(!packed.err && !record_unpack(&event_record, &back, buf_str(&packed), &arena));
        naru_assert(str_eq(back.text, in.event.text) && back.conversation.n);
        arena_fini(&arena);
        buf_fini(&packed);
    }
    ingest_fini(&in);
    json_free(doc);
    return 0;
}
