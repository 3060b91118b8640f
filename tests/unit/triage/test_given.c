/* Verdicts in which external scorers had a say. */
#include "tests/unit/triage/kit.h"
#include "tests/unit/triage/unit.h"

static const char policy[] = "    - { name: refunds, when: { intent: refund_* }, then: { tag: money } }\n"
                             "    - { name: angry, when: { sentiment: negative }, then: { raise: 1 } }\n"
                             "    - { name: outage, when: { text: [outage] }, then: { intent: outage, urgency: critical } }\n"
                             "  unsure: { below: 0.45, queue: front-desk }\n";

static struct answered told(const char *label, int word, double p)
{
    return (struct answered){
        .is = true, .label = str_of(label), .word = word, .p = p, .by = STR("scorer:my-bert"), .detail = STR("as it said")
    };
}

static const struct verdict *ask(struct kit *k, const char *text, const struct given *g)
{
    struct event e = kit_event(text);
    arena_clear(&k->arena);
    assert_int_equal(verdict_make(k->rules, NULL, k->scratch, &e, g, KIT_NOW, &k->v, &k->arena), ERR_OK);
    return &k->v;
}

TEST(what_a_scorer_gave_is_in_the_verdict_before_rules_look)
{
    struct kit k;
    struct given g = { 0 };
    kit_init(&k, policy);
    g.of[ANSWER_INTENT] = told("refund_card", 0, 0.93);
    g.of[ANSWER_LANGUAGE] = told("de", 0, 1);
    g.of[ANSWER_SENTIMENT] = told("negative", SENT_NEGATIVE, 0.8);
    g.of[ANSWER_URGENCY] = told("high", URG_HIGH, 0.7);
    const struct verdict *v = ask(&k, "hello", &g);
    assert_true(str_is(v->intent, "refund_card") && v->confidence == 0.93 && !v->unsure);
    assert_true(str_is(v->language, "de"));
    assert_int_equal(v->sentiment, SENT_NEGATIVE);
    assert_int_equal(v->urgency, URG_CRITICAL); /* high, raised by the rule that saw the sentiment */
    assert_string_equal(kit_fired(v), "refunds angry");
    for (unsigned i = 0; i < ANSWER_COUNT; i++)
        assert_string_equal(kit_reason(v, answer_words.v[i], "scorer:my-bert"), "as it said");
    kit_fini(&k);
}

TEST(a_rules_word_wins_over_a_scorers)
{
    struct kit k;
    struct given g = { 0 };
    kit_init(&k, policy);
    g.of[ANSWER_INTENT] = told("refund_card", 0, 0.2);
    g.of[ANSWER_URGENCY] = told("low", URG_LOW, 0.7);
    const struct verdict *v = ask(&k, "outage", &g);
    assert_true(str_is(v->intent, "outage") && v->confidence == 1 && !v->unsure);
    assert_int_equal(v->urgency, URG_CRITICAL);
    kit_fini(&k);
}

TEST(an_intent_below_the_bound_or_out_of_scope_is_unsure)
{
    struct kit k;
    struct given g = { 0 };
    kit_init(&k, policy);
    g.of[ANSWER_INTENT] = told("refund_card", 0, 0.44);
    const struct verdict *v = ask(&k, "hello", &g);
    assert_true(v->unsure && v->intent.n == 0 && v->confidence == 0.44); /* no rule may take a doubtful one for granted */
    assert_string_equal(kit_fired(v), "");
    g.of[ANSWER_INTENT] = told("", 0, 0.9);
    g.of[ANSWER_INTENT].oos = true;
    v = ask(&k, "hello", &g);
    assert_true(v->unsure && v->intent.n == 0 && v->confidence == 0);
    kit_fini(&k);
}

TEST(scorers_are_shown_the_customers_own_words_and_the_language)
{
    struct kit k;
    struct glance g;
    struct event e = kit_event("환불해 주세요\n> 지난번에\n> 말씀하신\n");
    kit_init(&k, policy);
    assert_int_equal(verdict_glance(k.rules, NULL, k.scratch, &e, &g, &k.arena), ERR_OK);
    assert_true(str_is(g.language, "ko") && g.own.n < e.text.n && memcmp(g.own.p, "환불해 주세요", 19) == 0);
    e.language = STR("en-US");
    assert_int_equal(verdict_glance(k.rules, NULL, k.scratch, &e, &g, &k.arena), ERR_OK);
    assert_true(str_is(g.language, "en"));
    kit_fini(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(what_a_scorer_gave_is_in_the_verdict_before_rules_look),
        RUN(a_rules_word_wins_over_a_scorers),
        RUN(scorers_are_shown_the_customers_own_words_and_the_language),
        RUN(an_intent_below_the_bound_or_out_of_scope_is_unsure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
