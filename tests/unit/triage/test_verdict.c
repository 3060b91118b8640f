/* What rules add up to, and that every text gets a verdict. */
#include "base/rng.h"
#include "tests/unit/triage/kit.h"
#include "tests/unit/triage/unit.h"

static const char *const policy =
    "    - { name: outage, when: { text: [장애, 접속이 안, outage] }, then: { urgency: critical, needs: { tech: 5 }, tag: outage } "
    "}\n"
    "    - { name: refund, when: { text: [환불, refund] }, then: { intent: refund_request, needs: { billing: 3 } } }\n"
    "    - { name: double, when: { text: [이중결제, twice] }, then: { intent: refund_double, queue: billing, needs: { billing: 6, "
    "lang: ticket } } }\n"
    "    - { name: newsletter, when: { text: [newsletter] }, then: { urgency: low, tag: [bulk, outage], queue: front-desk } }\n"
    "    - { name: angry, when: { text: [angry, 화나] }, then: { raise: 1, sentiment: negative } }\n"
    "    - { name: calm, when: { text: [calm] }, then: { raise: -1 } }\n";

static const struct need *need_of(const struct verdict *v, const char *skill)
{
    const struct need *n = v->needs.items;
    for (uint32_t i = 0; i < v->needs.count; i++)
        if (str_is(n[i].skill, skill)) return &n[i];
    return NULL;
}

TEST(without_rules_a_verdict_is_normal_and_has_no_intent)
{
    struct kit k;
    kit_init(&k, policy);
    const struct verdict *v = kit_read(&k, "hello there");
    assert_int_equal(v->urgency, URG_NORMAL);
    assert_true(v->score > 0.39 && v->score < 0.41);
    assert_true(str_is(v->language, "en"));
    assert_int_equal(v->intent.n, 0);
    assert_true(v->confidence == 0);
    assert_false(v->unsure);
    assert_int_equal(v->error.n, 0);
    assert_true(str_is(v->policy, k.policy->version));
    assert_string_equal(kit_reason(v, "urgency", "default"), "0.40");
    assert_string_equal(kit_reason(v, "language", "script"), "Latin");
    kit_fini(&k);
}

TEST(a_rule_gives_its_parts_with_reasons)
{
    struct kit k;
    kit_init(&k, policy);
    const struct verdict *v = kit_read(&k, "지금 접속이 안 돼요");
    assert_int_equal(v->urgency, URG_CRITICAL);
    assert_true(v->score > 0.94);
    assert_int_equal(need_of(v, "tech")->level, 5);
    assert_true(str_is(((struct tag *)v->tags.items)->name, "outage"));
    assert_string_equal(kit_reason(v, "rule", "rule:outage"), "text=접속이 안");
    assert_string_equal(kit_reason(v, "urgency", "rule:outage"), "critical");
    assert_string_equal(kit_reason(v, "needs", "rule:outage"), "tech:5");
    assert_string_equal(kit_reason(v, "tags", "rule:outage"), "outage");
    kit_fini(&k);
}

TEST(the_highest_urgency_named_wins_and_low_can_be_named)
{
    struct kit k;
    kit_init(&k, policy);
    assert_int_equal(kit_read(&k, "newsletter")->urgency, URG_LOW);
    assert_int_equal(kit_read(&k, "newsletter about the outage")->urgency, URG_CRITICAL);
    kit_fini(&k);
}

TEST(raises_add_up_and_stay_within_the_scale)
{
    struct kit k;
    kit_init(&k, policy);
    assert_int_equal(kit_read(&k, "i am angry")->urgency, URG_HIGH);
    assert_int_equal(kit_read(&k, "i am calm")->urgency, URG_LOW);
    assert_int_equal(kit_read(&k, "angry and calm")->urgency, URG_NORMAL);
    assert_int_equal(kit_read(&k, "angry outage")->urgency, URG_CRITICAL);
    assert_int_equal(kit_read(&k, "calm newsletter")->urgency, URG_LOW);
    assert_string_equal(kit_reason(&k.v, "raise", "rule:calm"), "-1");
    kit_fini(&k);
}

TEST(the_first_intent_and_queue_win_and_needs_take_the_highest_level)
{
    struct kit k;
    kit_init(&k, policy);
    const struct verdict *v = kit_read(&k, "refund me, charged twice, newsletter");
    assert_true(str_is(v->intent, "refund_request"));
    assert_true(v->confidence == 1);
    assert_true(str_is(v->queue, "billing"));
    assert_int_equal(need_of(v, "billing")->level, 6);
    assert_int_equal(need_of(v, "lang:en")->level, 1);
    assert_int_equal(v->needs.count, 2);
    v = kit_read(&k, "이중결제");
    assert_true(str_is(v->intent, "refund_double"));
    assert_int_equal(need_of(v, "lang:ko")->level, 1);
    kit_fini(&k);
}

TEST(a_tag_is_given_once)
{
    struct kit k;
    kit_init(&k, policy);
    const struct verdict *v = kit_read(&k, "outage newsletter");
    assert_int_equal(v->tags.count, 2);
    kit_fini(&k);
}

TEST(a_ticket_without_language_needs_no_language_skill)
{
    struct kit k;
    kit_init(&k, "    - { name: a, when: { channel: webchat }, then: { needs: { lang: ticket } } }\n");
    assert_int_equal(kit_read(&k, "12345")->needs.count, 0);
    assert_int_equal(kit_read(&k, "привет")->needs.count, 1);
    kit_fini(&k);
}

TEST(a_stated_language_wins_when_it_is_well_formed)
{
    struct kit k;
    kit_init(&k, policy);
    struct event e = kit_event("hello");
    e.language = STR("FR-ca");
    const struct verdict *v = kit_ask(&k, &e, KIT_NOW);
    assert_true(str_is(v->language, "fr"));
    assert_string_equal(kit_reason(v, "language", "source"), "FR-ca");
    e.language = STR("!!");
    assert_true(str_is(kit_ask(&k, &e, KIT_NOW)->language, "en"));
    kit_fini(&k);
}

TEST(forms_of_one_text_get_one_verdict)
{
    static const char *const forms[] = {
        "환불 Refund 👍",
        "\xE1\x84\x92\xE1\x85\xAA\xE1\x86\xAB\xE1\x84\x87\xE1\x85\xAE\xE1\x86\xAF Refund 👍",
        "환불 ＲＥＦＵＮＤ 👍",
        "환\xE2\x80\x8B불 reFund 👍\xEF\xB8\x8F",
        "\xEF\xBB\xBF환불\n\trefund 👍",
    };
    struct kit k;
    kit_init(&k, policy);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const struct verdict *v = kit_read(&k, forms[i]);
        assert_string_equal(kit_fired(v), "refund");
        assert_true(str_is(v->intent, "refund_request"));
        assert_int_equal(v->urgency, URG_NORMAL);
    }
    kit_fini(&k);
}

TEST(quoted_mail_and_signatures_fire_no_rule)
{
    struct kit k;
    kit_init(&k, "    - { name: refund, when: { text: [refund] }, then: { intent: refund_request } }\n"
                 "    - { name: dame, when: { text: [\"café is\"] }, then: { tag: cafe } }\n");
    struct event e =
        kit_event("> shall we refund it?\nNo, the cafe\xCC\x81 is closed.\n> a refund, then?\nNo.\n-- \nRefund Team\n");
    e.channel = STR("email");
    const struct verdict *v = kit_ask(&k, &e, KIT_NOW);
    assert_string_equal(kit_fired(v), "dame");
    assert_string_equal(kit_reason(v, "text", "quote"), "29 of 86 bytes");
    e.text = STR("I want a refund\n\nthank you");
    v = kit_ask(&k, &e, KIT_NOW);
    assert_string_equal(kit_fired(v), "refund");
    assert_string_equal(kit_reason(v, "text", "quote"), "(none)");
    e.text = STR("> refund\n"); /* nothing but a quote: then that is what was said */
    assert_string_equal(kit_fired(kit_ask(&k, &e, KIT_NOW)), "refund");
    kit_fini(&k);
}

TEST(a_verdict_survives_the_wire)
{
    struct kit k;
    struct buf b;
    struct arena a;
    struct verdict back;
    kit_init(&k, policy);
    buf_init(&b, 1u << 20);
    arena_init(&a, 1u << 20);
    const struct verdict *v = kit_read(&k, "outage refund twice angry");
    record_pack(&b, &verdict_record, v);
    assert_int_equal(b.err, ERR_OK);
    assert_int_equal(record_unpack(&verdict_record, &back, buf_str(&b), &a), ERR_OK);
    assert_int_equal(back.reasons.count, v->reasons.count);
    assert_true(str_eq(back.intent, v->intent));
    arena_fini(&a);
    buf_fini(&b);
    kit_fini(&k);
}

/* Of three kinds: any byte, heads of characters without tails, text that nearly matches. */
static char random_byte(struct rng *r, int kind)
{
    static const char near[] = "refund 환";
    if (kind == 0) return (char)rng_u64(r);
    return kind == 1 ? (char)(0xC0 + rng_below(r, 64)) : near[rng_below(r, sizeof near - 1)];
}

TEST(anything_of_64_kib_gets_a_verdict)
{
    enum { BYTES = 65536 + 100 };
    struct kit k;
    struct rng r;
    char *bytes = malloc(BYTES);
    rng_seed(&r, 11);
    kit_init(&k, policy);
    for (int i = 0; i < 60; i++) {
        for (size_t at = 0; at < BYTES; at++) bytes[at] = random_byte(&r, i % 3);
        struct event e = kit_event("");
        e.text = (struct str){ bytes, rng_below(&r, BYTES) };
        e.subject = (struct str){ bytes, rng_below(&r, 1024) };
        const struct verdict *v = kit_ask(&k, &e, KIT_NOW);
        assert_true(v->language.n > 0);
        assert_true(v->urgency >= URG_LOW && v->urgency <= URG_CRITICAL);
    }
    free(bytes);
    kit_fini(&k);
}

TEST(what_lies_beyond_64_kib_is_not_read)
{
    struct kit k;
    char *text = malloc(TEXT_MAX + 100);
    kit_init(&k, policy);
    memset(text, '.', TEXT_MAX);
    strcpy(text + TEXT_MAX, " outage");
    assert_string_equal(kit_fired(kit_read(&k, text)), "");
    strcpy(text + TEXT_MAX - 100, " outage");
    assert_string_equal(kit_fired(kit_read(&k, text)), "outage");
    free(text);
    kit_fini(&k);
}

TEST(without_memory_there_is_an_error_and_no_crash)
{
    struct kit k;
    struct event e = kit_event("outage");
    struct verdict v;
    struct arena tiny;
    kit_init(&k, policy);
    arena_init(&tiny, 64);
    assert_int_equal(verdict_make(k.rules, NULL, k.scratch, &e, NULL, KIT_NOW, &v, &tiny), ERR_NOMEM);
    arena_fini(&tiny);
    verdict_refuse(&v, &e, STR("no policy"));
    assert_true(str_is(v.error, "no policy"));
    kit_fini(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(without_rules_a_verdict_is_normal_and_has_no_intent),
        RUN(a_rule_gives_its_parts_with_reasons),
        RUN(the_highest_urgency_named_wins_and_low_can_be_named),
        RUN(raises_add_up_and_stay_within_the_scale),
        RUN(the_first_intent_and_queue_win_and_needs_take_the_highest_level),
        RUN(a_tag_is_given_once),
        RUN(a_ticket_without_language_needs_no_language_skill),
        RUN(a_stated_language_wins_when_it_is_well_formed),
        RUN(forms_of_one_text_get_one_verdict),
        RUN(quoted_mail_and_signatures_fire_no_rule),
        RUN(a_verdict_survives_the_wire),
        RUN(anything_of_64_kib_gets_a_verdict),
        RUN(what_lies_beyond_64_kib_is_not_read),
        RUN(without_memory_there_is_an_error_and_no_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
