/* Any bytes as a webhook that a policy maps, as a list of events without a map, and as CloudEvents: events that can be kept, bad
   items that are told, or a refusal that says why. The first byte chooses the account, the second the type and whether headers come
   first: lines "name: value" up to an empty one, for binary CloudEvents and for signatures. */
#include "base/clock.h"
#include "base/panic.h"
#include "config/findings.h"
#include "router/channels/generic.h"
#include "router/mail.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW 1767225600000ull
#define MANY                                                                                                                       \
    "naru: 1\nworkspace: w\nqueues: { desk: { takes: default } }\naccounts:\n"                                                     \
    "  a: { channel: form, provider: generic, id: us, signature: { kind: timestamp, header: x-sig, timestamp: x-at }, secret: "    \
    "env:K,"                                                                                                                       \
    " challenge: { value: $query.crc, answer: json }, map: [{ each: \"entry[].m[]\", when: { type: [t, \"i*\"], a.b: { not: x } "  \
    "}, id: id,"                                                                                                                   \
    " customer: { id: from.id, name: \"$body.names[from.id]\", tier: \"{a}/{b}\" }, conversation: \"list[1]['x.y']\", text: "      \
    "[text, cap],"                                                                                                                 \
    " at: at, language: lang, attributes: { p: page, h: $header.X-P }, reply: { r: room } }, { each: \"entry[].m[]\", kind: "      \
    "hangup, id: id }] }\n"                                                                                                        \
    "  b: { channel: form, provider: generic, signature: { kind: jwt, claim: h }, secret: env:K, map: { id: id, customer: { id: "  \
    "env.from, name: from },"                                                                                                      \
    " text: [text, \"{a}{b}\"], attachments: yes, attributes: { t: \"env.to[0]\" } } }\n"                                          \
    "  c: { channel: form, provider: generic, signature: { kind: token, query: key }, secret: env:K, map: { each: "                \
    "\"payload.list[]\", id: id, text: text } }\n"                                                                                 \
    "  d: { channel: form, provider: generic, signature: standard-webhooks, secret: env:K }\n"                                     \
    "  e: { channel: api, provider: cloudevents, signature: standard-webhooks, secret: env:K }\n"

static struct policy *policy;
static struct str head; /* lines of headers */

static bool next_header(struct str *rest, struct str *name, struct str *value)
{
    while (rest->n) {
        const char *nl = memchr(rest->p, '\n', rest->n);
        struct str line = { rest->p, nl ? (size_t)(nl - rest->p) : rest->n };
        *rest = (struct str){ line.p + line.n + (nl != NULL), rest->n - line.n - (nl != NULL) };
        const char *colon = memchr(line.p, ':', line.n);
        if (!colon) continue;
        *name = (struct str){ line.p, (size_t)(colon - line.p) };
        *value = (struct str){ colon + 1, line.n - name->n - 1 };
        return true;
    }
    return false;
}

static struct str header_of(void *ctx, const char *want)
{
    struct str rest = head, name, value;
    (void)ctx;
    while (next_header(&rest, &name, &value))
        if (str_is(name, want)) return value;
    return STR_NONE;
}

static void headers_of(void *ctx, bool (*fn)(void *, struct str, struct str), void *to)
{
    struct str rest = head, name, value;
    (void)ctx;
    while (next_header(&rest, &name, &value) && fn(to, name, value)) continue;
}

static void load(void)
{
    struct findings f;
    findings_init(&f);
    naru_assert(policy_load(&policy, STR(MANY), "policy.yaml", NOW, &f) == ERR_OK);
    findings_fini(&f);
    mail_open();
}

static void check_events(struct channel_in *c)
{
    size_t at;
    naru_assert(channel_complete(c, 1) == ERR_OK);
    for (uint32_t i = 0; i < c->count; i++) {
        const struct event *e = &c->events[i];
        naru_assert(e->external.n && e->external.n <= 256 && e->conversation.n && e->conversation.n <= 256 && e->customer.n <= 256);
        naru_assert(e->text.n <= LIM_TEXT && str_utf8(e->text, &at) && (e->text.n || e->kind != EVENT_MESSAGE));
        for (uint32_t a = 0; a < e->attributes.count; a++) {
            const struct attribute *v = (const struct attribute *)e->attributes.items + a;
            naru_assert(v->key.n <= 64 && v->value.n <= 1024 && str_utf8(v->value, &at));
        }
    }
}

static void read_it(const struct door *d, struct delivery *in)
{
    char places[CHANNEL_BAD_TEXT];
    struct arena arena;
    struct channel_in c;
    arena_init(&arena, 64u << 20);
    channel_in_init(&c, (struct door *)d, in, &arena);
    (void)d->provider->verify(d, in);
    enum err e = d->provider->read(&c);
    naru_assert(!e || (e == ERR_PROTO && c.cause && c.why[0] && c.answer.status >= 400));
    naru_assert(strlen(channel_bad_places(&c, places)) < sizeof places && (!c.bad.count || c.bad.why[0]));
    if (!e && !c.cause) check_events(&c);
    channel_in_fini(&c);
    arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = { "application/json",
                                         "application/x-www-form-urlencoded",
                                         "multipart/form-data; boundary=b",
                                         "application/cloudevents+json",
                                         "application/cloudevents-batch+json",
                                         "text/plain" };
    if (size < 2 || size > 1u << 18) return 0;
    if (!policy) load();
    const char name[] = { (char)('a' + data[0] % 5), '\0' };
    const struct account *a = &policy->accounts[policy_account(policy, str_of(name))];
    struct str body = { (const char *)data + 2, size - 2 };
    const char *blank = data[1] & 0x80 ? memmem(body.p, body.n, "\n\n", 2) : NULL;
    head = blank ? (struct str){ body.p, (size_t)(blank - body.p) } : STR_NONE;
    if (blank) body = (struct str){ blank + 2, body.n - head.n - 2 };
    struct door door = { .provider = providers[a->provider],
                         .account = a,
                         .policy = policy,
                         .workspace = "w",
                         .channel = "form",
                         .secrets = { { 1, "k" } },
                         .secret_count = 1 };
    struct delivery in = { .method = data[1] & 0x40 ? HTTP_M_GET : HTTP_M_POST,
                           .query = body,
                           .body = body,
                           .type = str_of(types[(data[1] & 0x3f) % (sizeof types / sizeof *types)]),
                           .header = header_of,
                           .headers = headers_of,
                           .now = NOW };
    read_it(&door, &in);
    return 0;
}
