/* A door, a delivery with headers, and a sender's plan, made by hand: what tests of providers share. */
#ifndef NARU_TESTS_CHANNEL_UNIT_H
#define NARU_TESTS_CHANNEL_UNIT_H

#include "base/metrics.h"
#include "router/sender.h"
#include "router/sign.h"
#include "tests/unit/base/unit.h"

#define NOW 1767225600000ull /* 2026-01-01T00:00:00Z */

static struct account account = { .name = "desk" };
static struct policy policy;
static struct door door = { .account = &account, .policy = &policy, .workspace = "main", .ready = true };
static struct delivery in;
static struct arena arena;
static struct channel_in c;
static const char *headers[16]; /* name, value, … */
static struct send_plan plan;
static struct send_result result;
static char why[200];

static struct str header_of(void *ctx, const char *name)
{
    UNUSED(ctx);
    for (size_t i = 0; i + 1 < COUNT_OF(headers) && headers[i]; i += 2) {
        if (!strcmp(headers[i], name)) return str_of(headers[i + 1]);
    }
    return STR_NONE;
}

static inline void secret_set(struct secret *s, const char *text)
{
    s->n = strlen(text);
    memcpy(s->p, text, s->n);
}

static int door_set_up(const struct provider *p, const char *channel)
{
    account = (struct account){ .name = "desk", .receipt = -1 };
    door.provider = p;
    door.channel = channel;
    door.secret_count = 2; /* the second is the one that tests sign with: each live one counts */
    secret_set(&door.secrets[0], "the next one");
    secret_set(&door.secrets[1], "it is a secret");
    secret_set(&door.token, "tok-1");
    secret_set(&door.verify, "the word");
    memset(headers, 0, sizeof headers);
    in = (struct delivery){ .method = HTTP_M_POST, .type = STR("application/json"), .header = header_of, .now = NOW };
    arena_init(&arena, 64u << 20);
    channel_in_init(&c, &door, &in, &arena);
    buf_init(&plan.url, 65536);
    buf_init(&plan.body, 1u << 20);
    buf_init(&plan.headers, 65536);
    return 0;
}

static inline void forget(void)
{
    channel_in_fini(&c);
    arena_clear(&arena);
    channel_in_init(&c, &door, &in, &arena);
    buf_clear(&plan.url), buf_clear(&plan.body), buf_clear(&plan.headers);
    plan.once = false;
    memset(&result, 0, sizeof result);
}

static int door_tear_down(void **state)
{
    UNUSED(state);
    channel_in_fini(&c);
    arena_fini(&arena);
    buf_fini(&plan.url), buf_fini(&plan.body), buf_fini(&plan.headers);
    return 0;
}

static inline enum verified verify(const char *body)
{
    in.body = str_of(body);
    return door.provider->verify(&door, &in);
}

/* The header's value that is the HMAC-SHA256 of prefix and body under `secret`, behind `scheme`. */
static inline const char *signed_with(const char *secret, const char *scheme, const char *prefix, const char *body, bool base64)
{
    static char out[200];
    const struct str parts[] = { str_of(prefix), str_of(body) };
    struct mac mac;
    size_t n = (size_t)snprintf(out, sizeof out, "%s", scheme);
    assert_int_equal(sign_hmac(&mac, SIGN_SHA256, str_of(secret), parts, 2), ERR_OK);
    if (base64) sign_base64(mac.p, mac.n, out + n);
    else sign_hex(mac.p, mac.n, out + n);
    return out;
}

/* What is read from that body; events stay until the next. */
static inline enum err read_it(const char *body)
{
    forget();
    in.body = str_of(body);
    enum err e = door.provider->read(&c);
    return e;
}

/* The only event of that body. */
static inline const struct event *one_event(const char *body)
{
    if (read_it(body)) fail_msg("refused: %s", c.why);
    assert_int_equal(c.count, 1);
    return c.events;
}

static inline void assert_no_event(const char *body)
{
    if (read_it(body)) fail_msg("refused: %s", c.why);
    if (c.count) fail_msg("an event came of %s", body);
}

static inline void assert_refused(const char *body, unsigned status, const char *cause)
{
    if (read_it(body) != ERR_PROTO) fail_msg("taken: %s", body);
    assert_int_equal(c.answer.status, status);
    assert_string_equal(c.cause, cause);
    assert_true(c.why[0]);
}

static inline struct str attribute(const struct event *e, const char *key)
{
    const struct attribute *a = e->attributes.items;
    for (uint32_t i = 0; i < e->attributes.count; i++) {
        if (str_is(a[i].key, key)) return a[i].value;
    }
    return STR_NONE;
}

static inline void assert_attribute(const struct event *e, const char *key, const char *want)
{
    struct str got = attribute(e, key);
    if (!str_is(got, want)) fail_msg("%s is \"%.*s\", not \"%s\"", key, STR_FMT(got), want);
}

static inline enum err plan_it(const struct message_out *m)
{
    forget();
    why[0] = '\0';
    return sender_of(&door)->plan(&door, m, &plan, why);
}

static inline void assert_planned(const struct message_out *m, const char *url, const char *head, const char *body)
{
    if (plan_it(m)) fail_msg("refused: %s", why);
    assert_int_equal(plan.how, SEND_HTTP);
    assert_str(buf_str(&plan.url), url);
    assert_str(buf_str(&plan.headers), head);
    assert_str(buf_str(&plan.body), body);
}

static inline void assert_unplanned(const struct message_out *m, const char *says)
{
    assert_int_equal(plan_it(m), ERR_RANGE);
    if (!strstr(why, says)) fail_msg("\"%s\" does not say \"%s\"", why, says);
}

static inline void assert_judged(unsigned status, const char *body, enum send_end end, uint32_t after_ms, const char *external)
{
    const struct send_answer a = { .status = status, .body = str_of(body), .retry_after_s = status == 429 ? 7 : 0 };
    memset(&result, 0, sizeof result);
    sender_of(&door)->judge(&door, &a, &result);
    if (result.end != end) fail_msg("%u %s: %d (%s), not %d", status, body, (int)result.end, result.why, (int)end);
    assert_int_equal(result.after_ms, after_ms);
    assert_string_equal(result.external, external);
    assert_true(end == SEND_DONE || result.why[0]);
}

#endif
