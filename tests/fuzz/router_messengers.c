/* Any bytes as a verified webhook of a messenger, and as its API's answer: events that can be kept or a refusal that says why, and
   an end of a message. The first byte chooses the provider, the second what kind of request it is. */
#include "base/panic.h"
#include "router/sender.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const enum provider_id messengers[] = { PROVIDER_META, PROVIDER_LINE, PROVIDER_SLACK, PROVIDER_TELEGRAM, PROVIDER_KAKAO };
#define MESSENGERS (sizeof messengers / sizeof *messengers)

static struct account account = { .name = "desk", .receipt = -1 };
static struct policy policy;
static struct door door = {
    .account = &account, .policy = &policy, .workspace = "main", .channel = "messenger", .verify = { 1, "w" }
};

static struct str no_header(void *ctx, const char *name)
{
    (void)ctx;
    (void)name;
    return STR_NONE;
}

static void check_events(struct channel_in *c)
{
    size_t at;
    naru_assert(channel_complete(c, 1) == ERR_OK);
    for (uint32_t i = 0; i < c->count; i++) {
        const struct event *e = &c->events[i];
        naru_assert(e->external.n && e->external.n <= 256 && e->conversation.n && e->conversation.n <= 256 && e->customer.n <= 256);
        naru_assert(e->text.n && e->text.n <= LIM_TEXT && str_utf8(e->text, &at));
    }
}

static void read_it(struct delivery *in)
{
    struct arena arena;
    struct channel_in c;
    arena_init(&arena, 64u << 20);
    channel_in_init(&c, &door, in, &arena);
    enum err e = door.provider->read(&c);
    naru_assert(!e || (e == ERR_PROTO && c.cause && c.why[0] && c.answer.status >= 400));
    if (!e && !c.cause) check_events(&c);
    channel_in_fini(&c);
    arena_fini(&arena);
}

static void judge_it(struct str body, unsigned status)
{
    const struct send_answer a = { .status = status, .body = body };
    struct send_result out = { 0 };
    sender_of(&door)->judge(&door, &a, &out);
    naru_assert(memchr(out.why, 0, sizeof out.why) && memchr(out.external, 0, sizeof out.external));
    naru_assert(out.end == SEND_DONE || out.why[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct str types[] = { STR("application/json"), STR("application/x-www-form-urlencoded") };
    static const char *const channels[] = { "messenger", "whatsapp" };
    static const unsigned statuses[] = { 200, 400, 429, 500 };
    if (size < 2) return 0;
    struct str body = { (const char *)data + 2, size - 2 };
    struct delivery in = { .method = data[1] & 1 ? HTTP_M_GET : HTTP_M_POST,
                           .query = body,
                           .body = body,
                           .type = types[data[1] >> 1 & 1],
                           .header = no_header,
                           .now = 1767225600000 };
    door.provider = providers[messengers[data[0] % MESSENGERS]];
    door.channel = channels[data[1] >> 2 & 1];
    account.id = data[1] >> 3 & 1 ? "P1" : NULL;
    read_it(&in);
    judge_it(body, statuses[data[1] >> 4 & 3]);
    return 0;
}
