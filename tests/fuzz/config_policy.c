/* Policies: whatever the bytes, policy_load gives a policy or says why not, within its memory; what it gives can be asked. */
#include "base/panic.h"
#include "config/policy.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct policy *p)
{
    struct tag tag = { STR("money") };
    struct event e = { .channel = STR("sms"), .account = STR("web") };
    struct verdict v = { .intent = STR("refund_request"), .language = STR("ko"), .tags = { &tag, 1 } };
    naru_assert(policy_route(p, &e, &v) < p->queue_count);
    naru_assert(p->queues[p->default_queue].takes.any);
    for (uint32_t i = 0; i < p->hours_count; i++) {
        uint64_t next;
        naru_assert(p->hours[i].count > 0);
        (void)hours_open(&p->hours[i], 1772323200000ull, &next);
    }
    for (uint32_t i = 0; i < p->queue_count; i++) naru_assert(p->queues[i].answer.within_ms[URG_CRITICAL] > 0);
    for (uint32_t i = 0; i < p->account_count; i++) naru_assert(p->accounts[i].channel < p->channel_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy *p = NULL;
    struct findings f;
    struct buf out;
    findings_init(&f);
    buf_init(&out, 1u << 20);
    enum err e = policy_load(&p, (struct str){ (const char *)data, size }, "fuzz.yaml", 1772323200000ull, &f);
    naru_assert(!e == !!p);
    naru_assert(e || f.errors == 0);
    naru_assert(e != ERR_POLICY || f.errors > 0);
    naru_assert(e != ERR_YAML || f.errors > 0);
    findings_text(&f, "fuzz.yaml", &out);
    findings_json(&f, "fuzz.yaml", p, &out);
    if (p) ask(p);
    policy_unref(p);
    buf_fini(&out);
    findings_fini(&f);
    return 0;
}
