/* Any JSON as what a router tells of a closed ticket: what is taken comes to a class of the policy, and plays. */
#include "base/panic.h"
#include "workers/simulate/recorded.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct policy *policy_of(void)
{
    static const char yaml[] =
        "naru: 1\nworkspace: t\nchannels: { voice: {} }\nqueues: { a: { takes: default } }\nagents: { ann: {} }\n";
    struct policy *p;
    naru_assert(!policy_load(&p, str_of(yaml), "p.yaml", UINT64_C(1772323200000), NULL));
    return p;
}

static void play(const struct recorded *r)
{
    struct source *s;
    struct arrival a;
    char why[512];
    naru_assert(!recorded_open(&s, r, 1, 0, why));
    while (!source_next(s, &a)) naru_assert(a.id[0] && a.at <= SIM_TIME_MAX && a.work <= SIM_TIME_MAX);
    source_close(s);
}

static void tell(const struct recorded *r)
{
    struct buf out;
    buf_init(&out, 1u << 20);
    recorded_tell(r, &out);
    recorded_yaml(r, &out);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct recorded *r;
    struct recorded_ticket t;
    struct json *doc;
    const char *bad;
    char why[512];
    size_t at;

    if (json_parse(&doc, (struct str){ (const char *)data, n }, 64, &at, &bad)) return 0;
    if (!recorded_parse(doc, &t)) {
        struct policy *p = policy_of();
        naru_assert(!recorded_new(&r) && !recorded_add(r, &t));
        recorded_ready(r, 0);
        if (!recorded_bind(r, p, why)) play(r), tell(r);
        recorded_free(r);
        policy_unref(p);
    }
    json_free(doc);
    return 0;
}
