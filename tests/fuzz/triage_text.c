/* Any bytes as subject and text (up to the first 0xFF subject, text after it): a verdict that fits the wire, in NFC and in keys
   only well-formed text. The first byte picks the stated language. */
#include "base/panic.h"
#include "workers/triage/text.h"
#include "workers/triage/verdict.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char yaml[] =
    "naru: 1\nworkspace: w\nchannels:\n  webchat: { cost: 30, offer: 20s }\naccounts:\n  web: { channel: webchat }\n"
    "queues:\n  desk: { takes: default, sla: { answer: { within: 15m } } }\n"
    "triage:\n  rules:\n"
    "    - { name: a, when: { text: [장애, card, \"can't log in\", a, é, 👍, カード, ก] }, then: { urgency: high, tag: a } }\n"
    "    - { name: b, when: { text: [ㅋㅋ, \"a b\", ss, fi, ν] }, then: { raise: 1, needs: { lang: ticket } } }\n"
    "    - { name: c, when: { language: [ko, ja] }, then: { intent: x } }\n";

static struct rules *rules;
static struct scratch *scratch;

static void set_up(void)
{
    struct findings f;
    struct policy *p = NULL;
    char why[200];
    findings_init(&f);
    naru_assert(policy_load(&p, STR(yaml), "fuzz.yaml", 0, &f) == ERR_OK);
    naru_assert(rules_new(&rules, p, why) == ERR_OK);
    naru_assert(scratch_new(&scratch) == ERR_OK && scratch_fit(scratch, rules) == ERR_OK);
    policy_unref(p);
    findings_fini(&f);
}

static void check_text(struct str s)
{
    size_t at, cap = 4 * s.n + 64;
    char *room = malloc(cap);
    naru_assert(room);
    struct str nfc = text_nfc(s, room, cap);
    naru_assert(str_utf8(nfc, &at));
    size_t n = text_key(s, room, cap / 2);
    naru_assert(n <= cap / 2 && str_utf8((struct str){ room, n }, &at));
    free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const stated[] = { "", "en", "ko-KR", "x", "zz-" };
    struct arena arena;
    struct verdict v;
    struct buf packed;
    if (size == 0) return 0;
    if (!rules) set_up();
    struct event e = { .workspace = STR("w"), .account = STR("web"), .channel = STR("webchat"), .kind = EVENT_MESSAGE };
    const uint8_t *cut = memchr(data + 1, 0xFF, size - 1);
    e.language = str_of(stated[data[0] % 5]);
    e.subject = (struct str){ (const char *)data + 1, cut ? (size_t)(cut - data - 1) : 0 };
    e.text = cut ? (struct str){ (const char *)cut + 1, size - (size_t)(cut - data) - 1 }
                 : (struct str){ (const char *)data + 1, size - 1 };
    check_text(e.text);
    arena_init(&arena, 1u << 20);
    buf_init(&packed, 1u << 20);
    naru_assert(verdict_make(rules, NULL, scratch, &e, NULL, 0, &v, &arena) == ERR_OK);
    record_pack(&packed, &verdict_record, &v);
    naru_assert(!packed.err);
    buf_fini(&packed);
    arena_fini(&arena);
    return 0;
}
