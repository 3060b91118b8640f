/* What rules cost a message, and what a verdict does: policies of 0 to 10,000 rules by words, by regular expressions, by accounts
   and attributes, asked about messages of 60 characters and of 300 bytes, English and Korean. One line a policy and kind of
   message: us_rules is finding and asking the rules, us_verdict all of it but models, us_wire with the mailbox's packing of event
   and verdict. Key=value lines.

   Usage: bench_triage_bench [compile]   with "compile", policies of many expressions as well: they take seconds to compile. */
#include "base/clock.h"
#include "base/limits.h"
#include "base/rng.h"
#include "workers/triage/verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXTS  500 /* of each kind */
#define ROUNDS 40

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

/* ---- policies ---- */

static void words_rule(struct buf *b, struct rng *r, unsigned i)
{
    buf_addz(b, "text: [");
    for (int w = 0; w < 2; w++) {
        if (w) buf_addz(b, ", ");
        if (i % 200 == 0 && w == 0) buf_addz(b, words[(i / 200) % 18]);
        else add_word(b, r, w % 2);
    }
    buf_addc(b, ']');
}

static void match_rule(struct buf *b, struct rng *r, unsigned i)
{
    static const char *const shapes[] = { "\\b%s ?(now|today|please)\\b", "%s ?(안|못) ?(돼|되|됨|해)", "%s.{0,10}(환불|취소)",
                                          "%s ?[0-9]{4,}" };
    struct buf word;
    buf_init(&word, 256);
    add_word(&word, r, i % 2);
    buf_addz(b, "match: '");
    buf_addf(b, shapes[i % 4], buf_cstr(&word));
    buf_addc(b, '\'');
    buf_fini(&word);
}

static void account_rule(struct buf *b, struct rng *r, unsigned i)
{
    (void)r;
    buf_addf(b, "customer.no: c%u, channel: webchat", i);
}

/* One common word and a thousand customers: the customer is the guard. */
static void common_rule(struct buf *b, struct rng *r, unsigned i)
{
    (void)r;
    buf_addf(b, "text: [refund, 환불], customer.no: c%u", i);
}

static void number_rule(struct buf *b, struct rng *r, unsigned i)
{
    (void)r;
    buf_addf(b, "customer.spend: \">=%u\", customer.tier: \"gold*\"", 1000 + i);
}

struct shape {
    const char *name;
    unsigned rules;
    void (*write)(struct buf *b, struct rng *r, unsigned i);
    bool slow; /* to compile */
};
static const struct shape shapes[] = {
    { "none", 0, words_rule, false },           { "words", 100, words_rule, false },
    { "words", 1000, words_rule, false },       { "words", 5000, words_rule, false },
    { "words", 10000, words_rule, false },      { "match", 100, match_rule, false },
    { "match", 500, match_rule, true },         { "match", 2000, match_rule, true },
    { "attribute", 5000, account_rule, false }, { "common+attribute", 5000, common_rule, false },
    { "number", 100, number_rule, false },      { "number", 1000, number_rule, false },
};

static void write_policy(struct buf *b, struct rng *r, const struct shape *s)
{
    buf_addz(b, "naru: 1\nworkspace: w\nchannels:\n  webchat: { cost: 30, offer: 20s }\naccounts:\n  web: { channel: webchat }\n"
                "queues:\n  desk: { takes: default, sla: { answer: { within: 15m } } }\ntriage:\n  rules:\n");
    if (s->rules == 0) buf_addz(b, "    []\n");
    for (unsigned i = 0; i < s->rules; i++) {
        buf_addf(b, "    - { name: r%u, when: { ", i);
        s->write(b, r, i);
        buf_addf(b, " }, then: { raise: 1, tag: t%u } }\n", i % 40);
    }
}

/* ---- messages ---- */

struct kind {
    const char *name;
    bool korean, characters; /* `want` counts characters, else bytes */
    size_t want;
};
static const struct kind kinds[] = {
    { "en_60c", false, true, 60 }, { "ko_60c", true, true, 60 }, { "en_300b", false, false, 300 }, { "ko_300b", true, false, 300 }
};

static size_t characters(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    return n;
}

static void write_text(struct buf *b, struct rng *r, const struct kind *k)
{
    while ((k->characters ? characters(buf_str(b)) : b->n) < k->want) {
        if (k->korean) add_word(b, r, true);
        else buf_addz(b, words[rng_below(r, 18)]);
        buf_addc(b, ' ');
    }
}

/* ---- measuring ---- */

struct bench {
    struct rules *rules;
    struct scratch *scratch;
    struct arena arena;
    struct event events[TEXTS];
    struct str keys[TEXTS];
    struct buf packed, out;
    double us_rules, us_verdict, us_wire, fired;
};

static void load(struct bench *b, struct rng *r, const struct shape *s)
{
    struct buf yaml;
    struct findings f;
    struct policy *p = NULL;
    char why[200] = "";
    buf_init(&yaml, 2u << 20);
    write_policy(&yaml, r, s);
    findings_init(&f);
    uint64_t start = clock_cpu_us();
    enum err e = policy_load(&p, buf_str(&yaml), "bench.yaml", 0, &f);
    uint64_t loaded = clock_cpu_us();
    if (!e) e = rules_new(&b->rules, p, why);
    if (!e) e = scratch_fit(b->scratch, b->rules);
    if (e) fprintf(stderr, "%s %s\n", err_name(e), f.count ? f.v[0].text : why), exit(1);
    printf("policy=%s rules=%u yaml_bytes=%zu load_ms=%.1f compile_ms=%.1f\n", s->name, s->rules, yaml.n,
           (double)(loaded - start) / 1e3, (double)(clock_cpu_us() - loaded) / 1e3);
    policy_unref(p);
    findings_fini(&f);
    buf_fini(&yaml);
}

static void only_rules(struct bench *b, size_t i)
{
    struct look look = { .event = &b->events[i], .language = STR("en") };
    struct str why;
    uint32_t from = 0;
    if (rules_find(b->rules, b->scratch, &look, b->keys[i]) != ERR_OK) abort();
    while (rules_next(b->rules, b->scratch, &look, &from, &why) >= 0) b->fired++;
}

static void verdict(struct bench *b, const struct event *e, struct verdict *v)
{
    if (verdict_make(b->rules, NULL, b->scratch, e, NULL, 0, v, &b->arena) != ERR_OK) abort();
    arena_clear(&b->arena);
}

static void whole(struct bench *b, size_t i)
{
    struct verdict v;
    verdict(b, &b->events[i], &v);
}

static void wire(struct bench *b, size_t i)
{
    struct verdict v;
    struct event e;
    buf_clear(&b->packed);
    buf_clear(&b->out);
    record_pack(&b->packed, &event_record, &b->events[i]);
    if (record_unpack(&event_record, &e, buf_str(&b->packed), &b->arena) != ERR_OK) abort();
    if (verdict_make(b->rules, NULL, b->scratch, &e, NULL, 0, &v, &b->arena) != ERR_OK) abort();
    record_pack(&b->out, &verdict_record, &v);
    arena_clear(&b->arena);
}

static double measure(struct bench *b, void (*work)(struct bench *b, size_t i))
{
    for (size_t i = 0; i < TEXTS; i++) work(b, i); /* warm */
    b->fired = 0;
    uint64_t cpu = clock_cpu_us();
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < TEXTS; i++) work(b, i);
    return (double)(clock_cpu_us() - cpu) / (ROUNDS * TEXTS);
}

static void make_events(struct bench *b, struct rng *r, const struct kind *k, struct buf *texts, char *keys)
{
    static struct attribute attributes[] = { { STR("customer.tier"), STR("gold") },
                                             { STR("customer.no"), STR("c77") },
                                             { STR("customer.spend"), STR("500") },
                                             { STR("customer.open_tickets"), STR("1") },
                                             { STR("event.page"), STR("checkout") } };
    for (size_t i = 0; i < TEXTS; i++) {
        buf_clear(&texts[i]);
        write_text(&texts[i], r, k);
        b->keys[i] = (struct str){ keys + i * 2048, text_key(buf_str(&texts[i]), keys + i * 2048, 2048) };
        b->events[i] = (struct event){ .id = id_new(i, 0, r),
                                       .workspace = STR("w"),
                                       .account = STR("web"),
                                       .channel = STR("webchat"),
                                       .external = STR("ext-0001"),
                                       .kind = EVENT_MESSAGE,
                                       .conversation = STR("c-1"),
                                       .attributes = { .items = attributes, .count = 5 },
                                       .text = buf_str(&texts[i]) };
    }
}

static void run(struct bench *b, const struct shape *s, const struct kind *k)
{
    b->us_rules = measure(b, only_rules);
    b->fired /= ROUNDS * TEXTS;
    double fired = b->fired;
    b->us_verdict = measure(b, whole);
    b->us_wire = measure(b, wire);
    printf("policy=%s rules=%u message=%s us_rules=%.2f us_verdict=%.2f us_wire=%.2f fired=%.2f\n", s->name, s->rules, k->name,
           b->us_rules, b->us_verdict, b->us_wire, fired);
}

int main(int argc, char **argv)
{
    static struct bench b;
    static struct buf texts[TEXTS];
    static char keys[TEXTS * 2048];
    bool slow = argc > 1 && !strcmp(argv[1], "compile");
    struct rng r;
    rng_seed(&r, 1);
    arena_init(&b.arena, 1u << 20);
    buf_init(&b.packed, 1u << 20);
    buf_init(&b.out, 1u << 20);
    if (scratch_new(&b.scratch) != ERR_OK) abort();
    for (size_t i = 0; i < TEXTS; i++) buf_init(&texts[i], 1u << 16);
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        if (shapes[s].slow && !slow) continue;
        load(&b, &r, &shapes[s]);
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            make_events(&b, &r, &kinds[k], texts, keys);
            run(&b, &shapes[s], &kinds[k]);
        }
        rules_free(b.rules);
    }
    for (size_t i = 0; i < TEXTS; i++) buf_fini(&texts[i]);
    buf_fini(&b.packed);
    buf_fini(&b.out);
    arena_fini(&b.arena);
    scratch_free(b.scratch);
    return 0;
}
