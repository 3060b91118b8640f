/* Rules and a message: lines of YAML under triage.rules, then 0xFF, the message, and after another 0xFF the customer's tier.
   Whatever the rules say, they are refused with a sentence, or give a verdict that fits the wire and is the same when read again.
 */
#include "base/limits.h"
#include "base/panic.h"
#include "workers/triage/verdict.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char head[] = "naru: 1\nworkspace: w\nhours: { h: { timezone: UTC, open: { mon: \"09:00-10:00\" } } }\n"
                           "accounts: { web: { channel: webchat }, mail: { channel: email } }\n"
                           "queues: { desk: { takes: default }, z: { takes: { tag: z } } }\ntriage:\n  rules:\n";

static struct str part(const uint8_t **data, size_t *size)
{
    const uint8_t *end = memchr(*data, 0xFF, *size);
    struct str s = { (const char *)*data, end ? (size_t)(end - *data) : *size };
    *data += s.n + (end ? 1 : 0);
    *size -= s.n + (end ? 1 : 0);
    return s;
}

static enum err make_rules(struct rules **out, struct str yaml)
{
    struct policy *p = NULL;
    struct findings f;
    char why[200] = "";
    findings_init(&f);
    enum err e = policy_load(&p, yaml, "fuzz.yaml", 0, &f);
    naru_assert(!e || f.errors || e == ERR_NOMEM);
    if (!e) {
        e = rules_new(out, p, why);
        naru_assert(!e || why[0]);
    }
    policy_unref(p);
    findings_fini(&f);
    return e;
}

static void read_message(const struct rules *r, struct str text, struct str tier)
{
    struct attribute at[] = { { STR("customer.tier"), tier }, { STR("customer.open_tickets"), tier } };
    struct event e = { .workspace = STR("w"),
                       .account = STR("web"),
                       .channel = STR("webchat"),
                       .kind = EVENT_MESSAGE,
                       .attributes = { .items = at, .count = 2 },
                       .text = text };
    struct scratch *s = NULL;
    struct arena arena;
    struct verdict v;
    struct buf packed[2];
    naru_assert(scratch_new(&s) == ERR_OK && scratch_fit(s, r) == ERR_OK);
    arena_init(&arena, 4u << 20);
    for (int i = 0; i < 2; i++) {
        buf_init(&packed[i], 1u << 20);
        naru_assert(verdict_make(r, NULL, s, &e, NULL, 0, &v, &arena) == ERR_OK);
        record_pack(&packed[i], &verdict_record, &v);
        naru_assert(!packed[i].err);
    }
    naru_assert(str_eq(buf_str(&packed[0]), buf_str(&packed[1])));
    for (int i = 0; i < 2; i++) buf_fini(&packed[i]);
    arena_fini(&arena);
    scratch_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rules *r = NULL;
    struct buf yaml;
    struct str lines = part(&data, &size), text = part(&data, &size), tier = part(&data, &size);
    if (lines.n > 65536 || tier.n > 1024) return 0;
    buf_init(&yaml, LIM_YAML_BYTES);
    buf_addz(&yaml, head);
    buf_addstr(&yaml, lines);
    if (make_rules(&r, buf_str(&yaml)) == ERR_OK) read_message(r, text, tier);
    rules_free(r);
    buf_fini(&yaml);
    return 0;
}
