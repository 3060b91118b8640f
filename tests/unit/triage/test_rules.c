/* Words, borders and conditions: which rules fire. */
#include "base/rng.h"
#include "tests/unit/triage/kit.h"
#include "tests/unit/triage/unit.h"
#include "workers/triage/lexicon.h"

static void expect(struct kit *k, const char *text, const char *fired)
{
    const char *got = kit_fired(kit_read(k, text));
    if (strcmp(got, fired) != 0) fail_msg("\"%s\": fired [%s] instead of [%s]", text, got, fired);
}

TEST(a_latin_word_has_borders)
{
    struct kit k;
    kit_init(&k, "    - { name: card, when: { text: [card, \"can't log in\", top-up, café] }, then: { tag: t } }\n");
    expect(&k, "my card is lost", "card");
    expect(&k, "card", "card");
    expect(&k, "CARD!", "card");
    expect(&k, "(card)", "card");
    expect(&k, "card_no", "card");
    expect(&k, "cardigan", "");
    expect(&k, "scorecard", "");
    expect(&k, "card2", "");
    expect(&k, "cardé", "");
    expect(&k, "a cardigan and a card", "card");
    expect(&k, "i can’t log in!", "card");
    expect(&k, "i can't\nlog  in", "card");
    expect(&k, "i can't log into it", "");
    expect(&k, "Top–Up", "card");
    expect(&k, "CAFE\xCC\x81", "card");
    expect(&k, "cafe", "");
    kit_fini(&k);
}

TEST(particles_follow_a_latin_word)
{
    struct kit k;
    kit_init(&k, "    - { name: card, when: { text: card }, then: { tag: t } }\n");
    expect(&k, "card를 잃어버렸어요", "card");
    expect(&k, "내card", "card");
    kit_fini(&k);
}

TEST(hangul_han_and_kana_have_no_borders)
{
    struct kit k;
    kit_init(&k, "    - { name: refund, when: { text: [환불, 払い戻し, 退款] }, then: { tag: t } }\n");
    expect(&k, "환불", "refund");
    expect(&k, "환불이 안돼요", "refund");
    expect(&k, "환불을요", "refund");
    expect(&k, "즉시환불요청", "refund");
    expect(&k, "払い戻しをお願いします", "refund");
    expect(&k, "我要退款了", "refund");
    expect(&k, "환 불", "");
    expect(&k, "환율", "");
    kit_fini(&k);
}

TEST(forms_of_a_word_are_one_word)
{
    struct kit k;
    kit_init(&k, "    - { name: outage, when: { text: [장애, Outage, 카드ＡＢ] }, then: { tag: t } }\n");
    expect(&k, "장애", "outage");
    expect(&k, "\xE1\x84\x8C\xE1\x85\xA1\xE1\x86\xBC\xE1\x84\x8B\xE1\x85\xA2 발생", "outage"); /* conjoining jamo */
    expect(&k, "장\xE2\x80\x8B애", "outage");
    expect(&k, "\xEF\xBB\xBFoUtAgE", "outage");
    expect(&k, "ＯＵＴＡＧＥ", "outage");
    expect(&k, "🔥outage🔥", "outage");
    expect(&k, "카드ab가", "outage");
    kit_fini(&k);
}

TEST(the_subject_is_read_but_no_word_spans_subject_and_text)
{
    struct kit k;
    kit_init(&k, "    - { name: w, when: { text: [\"late order\"] }, then: { tag: t } }\n");
    struct event e = kit_event("please help");
    e.subject = STR("Late order!");
    assert_string_equal(kit_fired(kit_ask(&k, &e, KIT_NOW)), "w");
    e = kit_event("order");
    e.subject = STR("late");
    assert_string_equal(kit_fired(kit_ask(&k, &e, KIT_NOW)), "");
    kit_fini(&k);
}

TEST(one_word_may_stand_in_several_rules)
{
    struct kit k;
    kit_init(&k, "    - { name: a, when: { text: [refund, x1] }, then: { tag: a } }\n"
                 "    - { name: b, when: { text: [ReFund] }, then: { tag: b } }\n"
                 "    - { name: c, when: { text: [refund], channel: email }, then: { tag: c } }\n");
    expect(&k, "refund", "a b");
    expect(&k, "x1", "a");
    expect(&k, "nothing", "");
    kit_fini(&k);
}

TEST(all_conditions_must_hold)
{
    struct kit k;
    kit_init(&k, "    - { name: a, when: { channel: [email, webchat], account: web }, then: { tag: a } }\n"
                 "    - { name: b, when: { channel: webchat, account: mail }, then: { tag: b } }\n"
                 "    - { name: c, when: { language: ko }, then: { tag: c } }\n"
                 "    - { name: d, when: { kind: call }, then: { tag: d } }\n");
    expect(&k, "hello", "a");
    expect(&k, "안녕", "a c");
    struct event e = kit_event("안녕");
    e.kind = EVENT_CALL;
    e.language = STR("en-GB");
    assert_string_equal(kit_fired(kit_ask(&k, &e, KIT_NOW)), "a d");
    kit_fini(&k);
}

TEST(attributes_of_the_customer_are_asked_for)
{
    struct kit k;
    struct attribute gold[] = { { STR("event.x"), STR("1") }, { STR("customer.tier"), STR("gold") } };
    struct attribute iron[] = { { STR("customer.tier"), STR("iron") } };
    kit_init(&k, "    - { name: vip, when: { customer.tier: [gold, platinum] }, then: { raise: 1 } }\n");
    struct event e = kit_event("hello");
    e.attributes = (struct list){ gold, 2 };
    assert_string_equal(kit_fired(kit_ask(&k, &e, KIT_NOW)), "vip");
    assert_string_equal(kit_reason(&k.v, "rule", "rule:vip"), "customer.tier=gold");
    e.attributes = (struct list){ iron, 1 };
    assert_string_equal(kit_fired(kit_ask(&k, &e, KIT_NOW)), "");
    expect(&k, "hello", "");
    kit_fini(&k);
}

TEST(hours_are_asked_at_the_given_time)
{
    struct kit k;
    kit_init(&k, "    - { name: day, when: { open: seoul }, then: { tag: day } }\n"
                 "    - { name: night, when: { closed: seoul }, then: { tag: night } }\n");
    struct event e = kit_event("hello");
    assert_string_equal(kit_fired(kit_ask(&k, &e, KIT_NOW + 3600000)), "day");
    assert_string_equal(kit_fired(kit_ask(&k, &e, KIT_NOW + 12 * 3600000)), "night");
    kit_fini(&k);
}

TEST(later_rules_see_intent_and_sentiment_of_earlier_ones)
{
    struct kit k;
    kit_init(&k, "    - { name: early, when: { intent: refund_* }, then: { tag: early } }\n"
                 "    - { name: refund, when: { text: [refund] }, then: { intent: refund_card, sentiment: negative } }\n"
                 "    - { name: late, when: { intent: [pay_*, refund_*] }, then: { tag: late } }\n"
                 "    - { name: angry, when: { sentiment: negative }, then: { raise: 1 } }\n"
                 "    - { name: any, when: { intent: \"*\" }, then: { tag: any } }\n");
    expect(&k, "refund", "refund late angry any");
    expect(&k, "hello", "");
    kit_fini(&k);
}

TEST(stop_ends_the_reading_of_rules)
{
    struct kit k;
    kit_init(&k, "    - { name: a, when: { text: [spam] }, then: { tag: spam, stop: true } }\n"
                 "    - { name: b, when: { channel: webchat }, then: { tag: b } }\n");
    expect(&k, "this is spam", "a");
    expect(&k, "this is ham", "b");
    kit_fini(&k);
}

static void on_word(void *ctx, uint32_t word) { ((bool *)ctx)[word] = true; }

TEST(every_word_of_a_large_lexicon_is_found_as_a_plain_search_finds_it)
{
    enum { WORDS = 600 };
    struct rng r;
    static char text[WORDS][16], body[300];
    static bool want[WORDS], got[WORDS];
    struct str words[WORDS];
    struct lexicon *l;
    struct lexicon_scratch *s;
    char why[200];
    rng_seed(&r, 7);
    for (int i = 0; i < WORDS; i++) {
        size_t n = 1 + rng_below(&r, 8);
        for (size_t c = 0; c < n; c++) text[i][c] = "abc"[rng_below(&r, 3)];
        words[i] = (struct str){ text[i], n };
    }
    assert_int_equal(lexicon_new(&l, words, WORDS, why), ERR_OK);
    assert_int_equal(lexicon_scratch_new(&s), ERR_OK);
    assert_int_equal(lexicon_scratch_fit(s, l), ERR_OK);
    for (int round = 0; round < 2000; round++) {
        size_t n = rng_below(&r, sizeof body);
        for (size_t c = 0; c < n; c++) body[c] = "abc    "[rng_below(&r, 7)];
        memset(want, 0, sizeof want);
        memset(got, 0, sizeof got);
        for (size_t from = 0; from < n; from++)
            for (int i = 0; i < WORDS; i++) {
                size_t to = from + words[i].n;
                if (to <= n && memcmp(body + from, text[i], words[i].n) == 0 && (from == 0 || body[from - 1] == ' ') &&
                    (to == n || body[to] == ' '))
                    want[i] = true;
            }
        assert_int_equal(lexicon_find(l, s, (struct str){ body, n }, on_word, got), ERR_OK);
        assert_memory_equal(want, got, sizeof want);
    }
    lexicon_scratch_free(s);
    lexicon_free(l);
}

TEST(words_that_are_nothing_are_never_found)
{
    struct lexicon *l;
    struct lexicon_scratch *s;
    char why[200];
    struct str words[] = { STR("\xE2\x80\x8B"), STR(" "), STR("") };
    assert_int_equal(lexicon_new(&l, words, 3, why), ERR_OK);
    assert_int_equal(lexicon_scratch_new(&s), ERR_OK);
    assert_int_equal(lexicon_scratch_fit(s, l), ERR_OK);
    assert_int_equal(lexicon_find(l, s, STR("anything"), NULL, NULL), ERR_OK);
    lexicon_scratch_free(s);
    lexicon_free(l);
}

TEST(an_endless_word_is_refused_with_a_sentence)
{
    struct lexicon *l = NULL;
    static char endless[9000];
    char why[200] = "";
    memset(endless, 'a', sizeof endless);
    struct str words[] = { STR("fine"), { endless, sizeof endless } };
    assert_int_equal(lexicon_new(&l, words, 2, why), ERR_POLICY);
    assert_null(l);
    assert_non_null(strstr(why, "longer than"));
}

TEST(a_policy_without_rules_gives_verdicts)
{
    struct kit k;
    kit_init(&k, "    []\n");
    expect(&k, "hello", "");
    kit_fini(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(a_latin_word_has_borders),
        RUN(particles_follow_a_latin_word),
        RUN(hangul_han_and_kana_have_no_borders),
        RUN(forms_of_a_word_are_one_word),
        RUN(the_subject_is_read_but_no_word_spans_subject_and_text),
        RUN(one_word_may_stand_in_several_rules),
        RUN(all_conditions_must_hold),
        RUN(attributes_of_the_customer_are_asked_for),
        RUN(hours_are_asked_at_the_given_time),
        RUN(later_rules_see_intent_and_sentiment_of_earlier_ones),
        RUN(stop_ends_the_reading_of_rules),
        RUN(every_word_of_a_large_lexicon_is_found_as_a_plain_search_finds_it),
        RUN(words_that_are_nothing_are_never_found),
        RUN(an_endless_word_is_refused_with_a_sentence),
        RUN(a_policy_without_rules_gives_verdicts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
