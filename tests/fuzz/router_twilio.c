/* Any bytes as a form of Twilio's, signed and not, as its API's answer, and as what is put into TwiML. The first byte chooses the
   account's channel. */
#include "base/panic.h"
#include "router/channels/twilio.h"
#include "router/channels/twiml.h"
#include "router/sign.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct account account = { .name = "desk", .id = "AC1", .from = "+1", .voice = { .ring_ms = 20000 } };
static struct policy policy = { .public_url = "https://h" };
static struct door door = {
    .account = &account, .policy = &policy, .workspace = "main", .secrets = { { 1, "k" } }, .secret_count = 1
};
static char signature[64];

static struct str signed_header(void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "x-twilio-signature") ? STR_NONE : str_of(signature);
}

/* Signs it as the SDK does: sorted names and values behind the address. */
static bool sign_it(const struct delivery *in)
{
    struct twilio_form f;
    struct mac mac;
    if (twilio_form_read(&f, in->body)) return false;
    twilio_form_sort(&f);
    struct str *parts = malloc((2 * (size_t)f.count + 1) * sizeof *parts);
    naru_assert(parts);
    parts[0] = in->url;
    for (uint32_t i = 0; i < f.count; i++) parts[2 * i + 1] = f.v[i].name, parts[2 * i + 2] = f.v[i].value;
    naru_assert(!sign_hmac(&mac, SIGN_SHA1, STR("k"), parts, 2 * (size_t)f.count + 1));
    sign_base64(mac.p, mac.n, signature);
    free(parts);
    twilio_form_fini(&f);
    return true;
}

static void read_it(const struct delivery *in)
{
    struct arena arena;
    struct channel_in c;
    arena_init(&arena, 64u << 20);
    channel_in_init(&c, &door, in, &arena);
    enum err e = door.provider->read(&c);
    naru_assert(!e || (e == ERR_PROTO && c.cause && c.why[0]));
    if (!e && !c.cause) {
        naru_assert(channel_complete(&c, 1) == ERR_OK);
        door.provider->answer(&c);
        naru_assert(!c.answer.body.err && c.answer.body.n);
    }
    channel_in_fini(&c);
    arena_fini(&arena);
}

/* No byte of a text opens or ends an element. */
static void tell_it(struct str text)
{
    struct buf out;
    buf_init(&out, 6 * text.n + 16);
    twiml_text(&out, text);
    naru_assert(!out.err && (!out.n || (!memchr(out.p, '<', out.n) && !memchr(out.p, '>', out.n) && !memchr(out.p, '"', out.n))));
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const channels[] = { "sms", "whatsapp", "voice" };
    if (!size) return 0;
    struct str body = { (const char *)data + 1, size - 1 };
    struct delivery in = { .method = HTTP_M_POST,
                           .url = STR("https://h/v1/channels/desk"),
                           .body = body,
                           .type = STR("application/x-www-form-urlencoded"),
                           .header = signed_header,
                           .now = 1767225600000 };
    door.provider = providers[PROVIDER_TWILIO];
    door.channel = channels[data[0] % 3];
    if (sign_it(&in)) {
        enum verified how = door.provider->verify(&door, &in);
        naru_assert(how == VERIFIED || how == OTHER_ACCOUNT);
    } else {
        snprintf(signature, sizeof signature, "AAAA");
        naru_assert(door.provider->verify(&door, &in) == BAD_FORM);
    }
    read_it(&in);
    tell_it(body);
    if (!sender_of(&door)) return 0;
    const struct send_answer a = { .status = 400, .body = body };
    struct send_result result = { 0 };
    sender_of(&door)->judge(&door, &a, &result);
    naru_assert(result.end != SEND_DONE && result.why[0] && memchr(result.why, 0, sizeof result.why));
    return 0;
}
