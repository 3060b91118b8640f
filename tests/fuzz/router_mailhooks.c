/* Any bytes as a mail by webhook: Postmark's JSON, Mailgun's forms. What is read is within bounds, or refused with a sentence. The
   first byte chooses the provider and the form. */
#include "base/panic.h"
#include "router/mail.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct account account = { .name = "desk", .receipt = -1 };
static struct policy policy;

static struct str no_header(void *ctx, const char *name)
{
    (void)ctx;
    (void)name;
    return STR_NONE;
}

static void check_events(struct channel_in *c)
{
    size_t at;
    naru_assert(channel_complete(c, 1) == ERR_OK && c->count <= 1);
    for (uint32_t i = 0; i < c->count; i++) {
        const struct event *e = &c->events[i];
        naru_assert(e->external.n && e->external.n <= 256 && e->conversation.n && e->conversation.n <= 256 && e->customer.n <= 256);
        naru_assert(e->text.n && e->text.n <= LIM_TEXT && str_utf8(e->text, &at) && str_utf8(e->subject, &at));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        enum provider_id provider;
        struct str type;
    } kinds[] = { { PROVIDER_POSTMARK, STR("application/json") },
                  { PROVIDER_MAILGUN, STR("application/x-www-form-urlencoded") },
                  { PROVIDER_MAILGUN, STR("multipart/form-data; boundary=b") } };
    struct arena arena;
    struct channel_in c;
    if (size < 1 || size > 1u << 18) return 0;
    mail_open();
    unsigned kind = data[0] % (sizeof kinds / sizeof *kinds);
    struct door door = { .provider = providers[kinds[kind].provider],
                         .account = &account,
                         .policy = &policy,
                         .workspace = "w",
                         .channel = "email",
                         .secrets = { { 3, "k:k" } },
                         .secret_count = 1 };
    struct delivery in = { .method = HTTP_M_POST,
                           .body = { (const char *)data + 1, size - 1 },
                           .type = kinds[kind].type,
                           .header = no_header,
                           .now = 1767225600000 };
    arena_init(&arena, 64u << 20);
    channel_in_init(&c, &door, &in, &arena);
    (void)door.provider->verify(&door, &in);
    enum err e = door.provider->read(&c);
    naru_assert(!e || (e == ERR_PROTO && c.cause && c.why[0] && c.answer.status >= 400));
    if (!e && !c.cause) check_events(&c);
    channel_in_fini(&c);
    arena_fini(&arena);
    if (door.provider->close) door.provider->close(&door);
    return 0;
}
