/* Words, borders and conditions: which rules fire. */
#include "base/limits.h"
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

TEST(a_whole_hangul_word_is_found_with_its_particles_and_not_within_others)
{
    static const struct {
        const char *text;
        bool found;
    } golden[] = {
        { "사고", true },
        { "사고가 났어요", true },
        { "사고는 처음입니다", true },
        { "사고를 당했어요", true },
        { "사고에서는", true },
        { "사고입니다", true },
        { "사고였어요", true },
        { "사고인가요?", true },
        { "사고예요ㅠㅠ", true },
        { "사고ㅠㅠ", true },
        { "교통 사고", true },
        { "(사고)", true },
        { "사고들이 많아요", true },
        { "사고까지는 아니에요", true },
        { "사고때문에요", true },
        { "사고라서요", true },
        { "사고했는데요", true },
        { "회사고객", false },
        { "회사고객이 사고를 냈다", true },
        { "사고력", false },
        { "사고방식", false },
        { "교통사고", false },
        { "사고뭉치네", false },
        { "사고2", false },
        { "2사고", false },
        { "사고abc", false },
        { "사고가가가가가가가가가가가가가가", false },
    };
    struct kit k;
    kit_init(&k, "    - { name: x, when: { text: [\"=사고\"] }, then: { tag: t } }\n");
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) expect(&k, golden[i].text, golden[i].found ? "x" : "");
    assert_string_equal(kit_reason(kit_read(&k, "사고가"), "rule", "rule:x"), "text==사고");
    kit_fini(&k);
}

TEST(a_plain_hangul_word_is_found_with_any_particle_without_saying_so)
{
    struct kit k;
    kit_init(&k, "    - { name: x, when: { text: 환불 }, then: { tag: t } }\n");
    expect(&k, "환불이 안 돼요", "x");
    expect(&k, "환불을 원해요", "x");
    expect(&k, "환불은요?", "x");
    expect(&k, "카드환불요청", "x");
    kit_fini(&k);
}

TEST(marks_open_and_close_the_ends_of_a_word)
{
    struct kit k;
    kit_init(&k, "    - { name: stem, when: { text: \"refund*\" }, then: { tag: t } }\n"
                 "    - { name: tail, when: { text: \"*phone\" }, then: { tag: t } }\n"
                 "    - { name: both, when: { text: \"*harge*\" }, then: { tag: t } }\n"
                 "    - { name: start, when: { text: \"=사고*\" }, then: { tag: t } }\n"
                 "    - { name: as, when: { text: \"=AS\" }, then: { tag: t } }\n"
                 "    - { name: phrase, when: { text: \"lost my card*\" }, then: { tag: t } }\n");
    expect(&k, "refund refunds refunded", "stem");
    expect(&k, "prerefund", "");
    expect(&k, "my smartphone", "tail");
    expect(&k, "smartphones", "");
    expect(&k, "recharged", "both");
    expect(&k, "사고났어요", "start");
    expect(&k, "회사고객", "");
    expect(&k, "as를 받고 싶어요", "as");
    expect(&k, "as기사", "");
    expect(&k, "has", "");
    expect(&k, "I lost my cards", "phrase");
    kit_fini(&k);
}

TEST(expressions_are_found_in_the_key)
{
    struct kit k;
    kit_init(&k, "    - { name: alt, when: { match: '환불 ?(안|못) ?(돼|되|해)' }, then: { tag: t } }\n"
                 "    - { name: num, when: { match: '주문 ?번호 ?:? ?\\d{6,}' }, then: { tag: t } }\n"
                 "    - { name: word, when: { match: '\\bcards?\\b' }, then: { tag: t } }\n"
                 "    - { name: mail, when: { match: '[\\w.+-]+@[\\w-]+\\.[a-z]{2,}' }, then: { tag: t } }\n"
                 "    - { name: first, when: { match: '^help' }, then: { tag: t } }\n"
                 "    - { name: upper, when: { match: 'ÉCOLE|ＡＢＣ９|오늘.{0,10}까지' }, then: { tag: t } }\n"
                 "    - { name: range, when: { match: 'x[가-나]y' }, then: { tag: t } }\n");
    expect(&k, "환불 안돼요", "alt");
    expect(&k, "환불못 해준다고", "alt");
    expect(&k, "주문번호: １２３４５６7", "num");
    expect(&k, "주문 번호 12345", "");
    expect(&k, "CARD?", "word");
    expect(&k, "cards를", "word");
    expect(&k, "card_no", "word");
    expect(&k, "discard", "");
    expect(&k, "cardé", "");
    expect(&k, "write to Kim.Lee@Example.com!", "mail");
    expect(&k, "김철수@회사.com", "mail");
    expect(&k, "HELP me", "first");
    expect(&k, "please help", "");
    expect(&k, "l'école", "upper");
    expect(&k, "abc9", "upper");
    expect(&k, "오늘 오후까지", "upper");
    expect(&k, "\xE1\x84\x8B\xE1\x85\xA9늘까지", "upper"); /* conjoining jamo */
    expect(&k, "x각y", "range");
    expect(&k, "x다y", "");
    struct event e = kit_event("help");
    e.subject = STR("subject");
    assert_string_equal(kit_fired(kit_ask(&k, &e, KIT_NOW)), "first");
    assert_string_equal(kit_reason(&k.v, "rule", "rule:first"), "match=^help");
    kit_fini(&k);
}

TEST(all_any_and_not_nest)
{
    struct kit k;
    kit_init(&k, "    - name: a\n"
                 "      when:\n"
                 "        any:\n"
                 "          - { text: refund, channel: email }\n"
                 "          - { text: [money, cash], not: { text: test } }\n"
                 "          - { all: [{ text: x1 }, { text: x2 }, { any: [{ text: x3 }, { channel: email }] }] }\n"
                 "      then: { tag: t }\n"
                 "    - { name: b, when: { not: { text: [refund, money, cash, x1] } }, then: { tag: t } }\n"
                 "    - { name: c, when: { not: { text: refund, channel: webchat } }, then: { tag: t } }\n");
    expect(&k, "refund", "");
    expect(&k, "money", "a c");
    assert_string_equal(kit_reason(kit_read(&k, "refund money"), "rule", "rule:a"), "text=money"); /* refund was not why */
    expect(&k, "money test", "c");
    expect(&k, "x1 x2", "c");
    expect(&k, "x1 x2 x3", "a c");
    expect(&k, "hello", "b c");
    struct event e = kit_event("refund");
    e.channel = STR("email");
    assert_string_equal(kit_fired(kit_ask(&k, &e, KIT_NOW)), "a c");
    e = kit_event("x1 x2");
    e.channel = STR("email");
    assert_string_equal(kit_fired(kit_ask(&k, &e, KIT_NOW)), "a c");
    assert_string_equal(kit_reason(&k.v, "rule", "rule:a"), "text=x1");
    kit_fini(&k);
}

TEST(attributes_are_compared_as_texts_globs_and_numbers)
{
    struct kit k;
    kit_init(&k, "    - { name: gold, when: { customer.tier: [\"gold*\", vip] }, then: { tag: t } }\n"
                 "    - { name: some, when: { customer.tier: \"*\" }, then: { tag: t } }\n"
                 "    - { name: none, when: { not: { customer.tier: \"*\" } }, then: { tag: t } }\n"
                 "    - { name: open, when: { customer.open_tickets: \">=3\" }, then: { tag: t } }\n"
                 "    - { name: mid, when: { customer.open_tickets: \">1 <3.5\" }, then: { tag: t } }\n"
                 "    - { name: two, when: { customer.open_tickets: 2 }, then: { tag: t } }\n");
    static const struct {
        const char *key, *value, *fired;
    } rows[] = {
        { "customer.tier", "gold-plus", "gold some" },
        { "customer.tier", "vip", "gold some" },
        { "customer.tier", "silver", "some" },
        { "customer.tier", "", "some" },
        { "customer.open_tickets", "3", "none open mid" },
        { "customer.open_tickets", "3.5", "none open" },
        { "customer.open_tickets", "1", "none" },
        { "customer.open_tickets", "2", "none mid two" },
        { "customer.open_tickets", "-7", "none" },
        { "customer.open_tickets", "many", "none" },
        { "customer.open_tickets", "3x", "none" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct attribute at = { str_of(rows[i].key), str_of(rows[i].value) };
        struct event e = kit_event("hello");
        e.attributes = (struct list){ .items = &at, .count = 1 };
        const char *got = kit_fired(kit_ask(&k, &e, KIT_NOW));
        if (strcmp(got, rows[i].fired))
            fail_msg("%s=%s: fired [%s] instead of [%s]", rows[i].key, rows[i].value, got, rows[i].fired);
    }
    struct attribute twice[] = { { STR("customer.tier"), STR("silver") }, { STR("customer.tier"), STR("gold") } };
    struct event e = kit_event("hello");
    e.attributes = (struct list){ .items = twice, .count = 2 };
    assert_string_equal(kit_fired(kit_ask(&k, &e, KIT_NOW)), "gold some");
    kit_fini(&k);
}

TEST(an_intent_that_a_rule_names_wakes_the_rules_that_ask_for_it)
{
    struct kit k;
    kit_init(&k, "    - { name: before, when: { intent: refund_late }, then: { tag: t } }\n"
                 "    - { name: names, when: { text: refund }, then: { intent: refund_late, sentiment: negative } }\n"
                 "    - { name: exact, when: { intent: refund_late, confidence: \">=0.7\" }, then: { tag: t } }\n"
                 "    - { name: glob, when: { intent: \"refund_*\" }, then: { tag: t } }\n"
                 "    - { name: low, when: { confidence: \"<0.5\" }, then: { tag: t } }\n"
                 "    - { name: mood, when: { sentiment: negative }, then: { tag: t } }\n"
                 "    - { name: calm, when: { sentiment: unknown }, then: { tag: t } }\n");
    expect(&k, "refund", "names exact glob mood");
    expect(&k, "hello", "calm");
    kit_fini(&k);
}

/* The same conditions asked in the plainest way: every rule, every word. */
TEST(guards_never_lose_a_rule)
{
    enum { RULES = 300, ROUNDS = 3000 };
    static const char *const words[] = { "aa", "bb", "cc", "dd", "ee", "ff" }, *const channels[] = { "webchat", "email" };
    static const char *const tiers[] = { "gold", "silver", "none" };
    static uint8_t want_word[RULES], want_channel[RULES], want_tier[RULES], shape[RULES]; /* 0: not asked for, else index + 1 */
    struct rng r;
    struct buf b;
    struct kit k;
    rng_seed(&r, 11);
    buf_init(&b, 1u << 20);
    for (int i = 0; i < RULES; i++) {
        want_word[i] = (uint8_t)(1 + rng_below(&r, 6)), want_channel[i] = (uint8_t)(1 + rng_below(&r, 2));
        want_tier[i] = (uint8_t)(1 + rng_below(&r, 3)), shape[i] = (uint8_t)rng_below(&r, 4);
        const char *w = words[want_word[i] - 1], *c = channels[want_channel[i] - 1], *t = tiers[want_tier[i] - 1];
        buf_addf(&b, "    - { name: r%d, then: { tag: t%d }, when: ", i, i);
        if (shape[i] == 0) buf_addf(&b, "{ text: %s, channel: %s, customer.tier: %s } }\n", w, c, t);
        if (shape[i] == 1) buf_addf(&b, "{ any: [{ text: %s }, { channel: %s, customer.tier: %s }] } }\n", w, c, t);
        if (shape[i] == 2) buf_addf(&b, "{ not: { text: %s, customer.tier: %s }, channel: %s } }\n", w, t, c);
        if (shape[i] == 3)
            buf_addf(&b, "{ all: [{ not: { channel: %s } }, { any: [{ text: %s }, { customer.tier: %s }] }] } }\n", c, w, t);
    }
    kit_init(&k, buf_cstr(&b));
    for (int round = 0; round < ROUNDS; round++) {
        unsigned w = (unsigned)rng_below(&r, 7), c = (unsigned)rng_below(&r, 2), t = (unsigned)rng_below(&r, 3), fired = 0;
        struct event e = kit_event(w < 6 ? words[w] : "nothing of it");
        struct attribute at = { STR("customer.tier"), str_of(tiers[t]) };
        e.channel = str_of(channels[c]);
        e.attributes = (struct list){ .items = &at, .count = 1 };
        const struct verdict *v = kit_ask(&k, &e, KIT_NOW);
        const struct tag *got = v->rules.items;
        for (unsigned i = 0; i < RULES; i++) {
            bool hw = want_word[i] == w + 1, hc = want_channel[i] == c + 1, ht = want_tier[i] == t + 1;
            bool shapes[] = { hw && hc && ht, hw || (hc && ht), !(hw && ht) && hc, !hc && (hw || ht) };
            char name[16];
            if (!shapes[shape[i]] || fired == LIM_LIST_ITEMS) continue;
            snprintf(name, sizeof name, "r%u", i);
            assert_true(fired < v->rules.count && str_is(got[fired].name, name));
            fired++;
        }
        assert_int_equal(fired, v->rules.count);
    }
    buf_fini(&b);
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
    assert_int_equal(lexicon_new(&l, words, WORDS, NULL, 0, why), ERR_OK);
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
        assert_int_equal(lexicon_find(l, s, (struct str){ body, n }, NULL, NULL), ERR_OK);
        for (uint32_t i = 0; i < WORDS; i++) got[i] = lexicon_found(s, lexicon_term(l, i));
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
    assert_int_equal(lexicon_new(&l, words, 3, NULL, 0, why), ERR_OK);
    assert_int_equal(lexicon_scratch_new(&s), ERR_OK);
    assert_int_equal(lexicon_scratch_fit(s, l), ERR_OK);
    assert_int_equal(lexicon_find(l, s, STR("anything"), NULL, NULL), ERR_OK);
    for (uint32_t i = 0; i < 3; i++) assert_false(lexicon_found(s, lexicon_term(l, i)));
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
    assert_int_equal(lexicon_new(&l, words, 2, NULL, 0, why), ERR_POLICY);
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
        RUN(a_whole_hangul_word_is_found_with_its_particles_and_not_within_others),
        RUN(a_plain_hangul_word_is_found_with_any_particle_without_saying_so),
        RUN(marks_open_and_close_the_ends_of_a_word),
        RUN(expressions_are_found_in_the_key),
        RUN(all_any_and_not_nest),
        RUN(attributes_are_compared_as_texts_globs_and_numbers),
        RUN(an_intent_that_a_rule_names_wakes_the_rules_that_ask_for_it),
        RUN(guards_never_lose_a_rule),
        RUN(stop_ends_the_reading_of_rules),
        RUN(every_word_of_a_large_lexicon_is_found_as_a_plain_search_finds_it),
        RUN(words_that_are_nothing_are_never_found),
        RUN(an_endless_word_is_refused_with_a_sentence),
        RUN(a_policy_without_rules_gives_verdicts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
