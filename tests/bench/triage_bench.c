/* What one verdict costs: us a message with 1,000 words in 250 rules, 60 to 300 bytes, half Korean half English; by stage of input,
   and with the mailbox's packing of event and verdict. Prints key=value lines. */
#include "base/clock.h"
#include "base/rng.h"
#include "workers/triage/verdict.h"

#include <stdio.h>
#include <stdlib.h>

#define RULES  250
#define WORDS  4 /* a rule: 1,000 together */
#define TEXTS  2000
#define ROUNDS 50

static const char *const syllables[] = { "환", "불", "결", "제", "배", "송", "카", "드", "접", "속",
                                         "장", "애", "오", "류", "취", "소", "문", "의", "계", "정" };
static const char *const words[] = { "my",     "card", "payment", "is",    "still",   "pending",  "please", "help",     "order",
                                     "refund", "the",  "why",     "login", "account", "transfer", "was",    "declined", "today" };

static void add_word(struct buf *b, struct rng *r, bool korean)
{
    uint64_t n = korean ? 3 + rng_below(r, 3) : 5 + rng_below(r, 7);
    for (uint64_t i = 0; i < n; i++) {
        if (korean) buf_addz(b, syllables[rng_below(r, 20)]);
        else buf_addc(b, (char)('a' + rng_below(r, 26)));
    }
}

static void write_policy(struct buf *b, struct rng *r)
{
    buf_addz(b, "naru: 1\nworkspace: w\nchannels:\n  webchat: { cost: 30, offer: 20s }\naccounts:\n  web: { channel: webchat }\n"
                "queues:\n  desk: { takes: default, sla: { answer: { within: 15m } } }\ntriage:\n  rules:\n");
    for (int i = 0; i < RULES; i++) {
        buf_addf(b, "    - { name: r%d, when: { text: [", i);
        for (int w = 0; w < WORDS; w++) {
            if (w) buf_addz(b, ", ");
            if (i % 125 == 0 && w == 0) buf_addz(b, words[(i / 125) % 18]);
            else add_word(b, r, w % 2);
        }
        buf_addf(b, "] }, then: { urgency: high, tag: t%d, needs: { s%d: 5 } } }\n", i % 40, i % 20);
    }
}

static void write_text(struct buf *b, struct rng *r, bool korean)
{
    size_t want = 60 + rng_below(r, 240);
    while (b->n < want) {
        if (korean) add_word(b, r, true);
        else buf_addz(b, words[rng_below(r, 18)]);
        buf_addc(b, ' ');
    }
}

struct bench {
    struct rules *rules;
    struct scratch *scratch;
    struct arena arena;
    struct event events[TEXTS];
    struct buf packed, out;
};

static void load(struct bench *b, struct rng *r)
{
    struct buf yaml;
    struct findings f;
    struct policy *p = NULL;
    char why[200] = "";
    buf_init(&yaml, 1u << 20);
    write_policy(&yaml, r);
    findings_init(&f);
    uint64_t start = clock_mono_us();
    enum err e = policy_load(&p, buf_str(&yaml), "bench.yaml", 0, &f);
    uint64_t loaded = clock_mono_us();
    if (!e) e = rules_new(&b->rules, p, why);
    if (!e) e = scratch_new(&b->scratch);
    if (!e) e = scratch_fit(b->scratch, b->rules);
    if (e) fprintf(stderr, "%s %s\n", err_name(e), f.count ? f.v[0].text : why), exit(1);
    printf("rules=%d words=%d policy_load_ms=%.1f rules_compile_ms=%.1f\n", RULES, RULES * WORDS, (double)(loaded - start) / 1e3,
           (double)(clock_mono_us() - loaded) / 1e3);
    policy_unref(p);
    findings_fini(&f);
    buf_fini(&yaml);
}

static void run(struct bench *b, const char *name, size_t first, size_t step, bool wire)
{
    uint64_t count = 0, fired = 0, bytes = 0, cpu = clock_cpu_us();
    struct verdict v;
    struct event e;
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = first; i < TEXTS; i += step, count++) {
            const struct event *in = &b->events[i];
            if (wire) {
                buf_clear(&b->packed);
                record_pack(&b->packed, &event_record, in);
                if (record_unpack(&event_record, &e, buf_str(&b->packed), &b->arena) != ERR_OK) abort();
                in = &e;
            }
            if (verdict_make(b->rules, b->scratch, in, NULL, 0, &v, &b->arena) != ERR_OK) abort();
            if (wire) buf_clear(&b->out), record_pack(&b->out, &verdict_record, &v);
            fired += v.rules.count;
            bytes += in->text.n;
            arena_clear(&b->arena);
        }
    cpu = clock_cpu_us() - cpu;
    printf("%-8s us_per_message=%.2f bytes=%.0f rules_fired=%.2f\n", name, (double)cpu / (double)count,
           (double)bytes / (double)count, (double)fired / (double)count);
}

int main(void)
{
    static struct bench b;
    static struct buf texts[TEXTS];
    struct rng r;
    rng_seed(&r, 1);
    arena_init(&b.arena, 1u << 20);
    buf_init(&b.packed, 1u << 20);
    buf_init(&b.out, 1u << 20);
    load(&b, &r);
    for (size_t i = 0; i < TEXTS; i++) {
        buf_init(&texts[i], 1u << 16);
        write_text(&texts[i], &r, i % 2);
        b.events[i] = (struct event){ .id = id_new(i, 0, &r),
                                      .workspace = STR("w"),
                                      .account = STR("web"),
                                      .channel = STR("webchat"),
                                      .external = STR("ext-0001"),
                                      .kind = EVENT_MESSAGE,
                                      .conversation = STR("c-1"),
                                      .text = buf_str(&texts[i]) };
    }
    run(&b, "warm", 0, 1, false);
    run(&b, "english", 0, 2, false);
    run(&b, "korean", 1, 2, false);
    run(&b, "wire", 0, 1, true);
    for (size_t i = 0; i < TEXTS; i++) buf_fini(&texts[i]);
    buf_fini(&b.packed);
    buf_fini(&b.out);
    arena_fini(&b.arena);
    rules_free(b.rules);
    scratch_free(b.scratch);
    return 0;
}
