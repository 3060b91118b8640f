/* A policy, its rules and a scratch, to ask for verdicts on short texts. */
#ifndef NARU_TESTS_UNIT_TRIAGE_KIT_H
#define NARU_TESTS_UNIT_TRIAGE_KIT_H

#include "workers/triage/verdict.h"

#include <stdio.h>
#include <stdlib.h>

struct kit {
    struct policy *policy;
    struct rules *rules;
    struct scratch *scratch;
    struct arena arena;
    struct verdict v;
};

#define KIT_NOW 1767225600000ull /* 2026-01-01T00:00:00Z, a Thursday: 09:00 in Seoul */

/* Wraps `rules` (lines of a YAML list under triage.rules, indented by four) into a whole policy. */
static inline void kit_init(struct kit *k, const char *rules)
{
    static const char head[] = "naru: 1\n"
                               "workspace: hanbit\n"
                               "hours:\n"
                               "  seoul: { timezone: Asia/Seoul, open: { mon-fri: \"09:00-18:00\" } }\n"
                               "channels:\n"
                               "  webchat: { cost: 30, offer: 20s }\n"
                               "  email: { cost: 15, offer: 2m }\n"
                               "accounts:\n"
                               "  web: { channel: webchat }\n"
                               "  mail: { channel: email }\n"
                               "queues:\n"
                               "  billing: { takes: { intent: [refund_*] }, sla: { answer: { within: 2m } } }\n"
                               "  front-desk: { takes: default, sla: { answer: { within: 15m } } }\n"
                               "triage:\n"
                               "  rules:\n";
    struct buf b, said;
    struct findings f;
    char why[200];
    buf_init(&b, 1u << 20);
    buf_init(&said, 1u << 20);
    buf_addz(&b, head);
    buf_addz(&b, rules);
    findings_init(&f);
    *k = (struct kit){ 0 };
    arena_init(&k->arena, 1u << 20);
    enum err e = policy_load(&k->policy, buf_str(&b), "test.yaml", KIT_NOW, &f);
    if (e) findings_text(&f, "test.yaml", &said), fprintf(stderr, "%s", buf_cstr(&said));
    if (!e) e = rules_new(&k->rules, k->policy, why);
    if (!e) e = scratch_new(&k->scratch);
    if (!e) e = scratch_fit(k->scratch, k->rules);
    if (e) fprintf(stderr, "%s\n", err_name(e)), abort();
    findings_fini(&f);
    buf_fini(&b);
    buf_fini(&said);
}

static inline void kit_fini(struct kit *k)
{
    rules_free(k->rules);
    policy_unref(k->policy);
    scratch_free(k->scratch);
    arena_fini(&k->arena);
}

static inline struct event kit_event(const char *text)
{
    return (struct event){
        .workspace = STR("hanbit"), .account = STR("web"), .channel = STR("webchat"), .kind = EVENT_MESSAGE, .text = str_of(text)
    };
}

/* The verdict on `e`; stands until the next one. */
static inline const struct verdict *kit_ask(struct kit *k, const struct event *e, uint64_t now)
{
    arena_clear(&k->arena);
    enum err err = verdict_make(k->rules, NULL, k->scratch, e, NULL, now, &k->v, &k->arena);
    if (err) fprintf(stderr, "%s\n", err_name(err)), abort();
    return &k->v;
}

static inline const struct verdict *kit_read(struct kit *k, const char *text)
{
    struct event e = kit_event(text);
    return kit_ask(k, &e, KIT_NOW);
}

/* Names of the rules that fired, joined by blanks. */
static inline const char *kit_fired(const struct verdict *v)
{
    static char out[4096];
    const struct tag *t = v->rules.items;
    out[0] = 0;
    for (uint32_t i = 0; i < v->rules.count; i++)
        snprintf(out + strlen(out), sizeof out - strlen(out), "%s%.*s", i ? " " : "", STR_FMT(t[i].name));
    return out;
}

/* The detail of the first reason for `part` by `by`, or "(none)". */
static inline const char *kit_reason(const struct verdict *v, const char *part, const char *by)
{
    static char out[300];
    const struct reason *r = v->reasons.items;
    for (uint32_t i = 0; i < v->reasons.count; i++)
        if (str_is(r[i].part, part) && str_is(r[i].by, by)) return snprintf(out, sizeof out, "%.*s", STR_FMT(r[i].detail)), out;
    return "(none)";
}

#endif
