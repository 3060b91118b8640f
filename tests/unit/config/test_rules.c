/* The conditions of rules: what they become, which mistakes are refused, which slips are warned of. */
#include "base/limits.h"
#include "base/str.h"
#include "tests/unit/config/unit.h"

#define HEAD                                                                                                                       \
    "naru: 1\nworkspace: w\nqueues: { q: { takes: default }, z: { takes: { language: ko } } }\n"                                   \
    "accounts: { s: { channel: sms }, m: { channel: email } }\n"                                                                   \
    "hours: { h: { timezone: UTC, open: { mon: \"09:00-10:00\" } } }\ntriage:\n"
#define RULES                  HEAD "  rules:\n"                                           /* the first rule is on line 8 */
#define A(when)                "    - { name: a, when: { " when " }, then: { tag: t } }\n" /* the condition begins in column 26 */
#define B(when)                "    - { name: b, when: { " when " }, then: { tag: t } }\n"
#define RULE(name, when, then) "    - { name: " name ", when: { " when " }, then: { " then " } }\n"

struct saying {
    const char *yaml;
    uint32_t line, column;
    const char *says; /* NULL: nothing is said */
};

static const struct saying mistakes[] = {
    /* expressions */
    { RULES A("match: '('"), 8, 33, "\"(\" does not compile: Missing close parenthesis for group started at index 0" },
    { RULES A("match: [ok, 'a(?=b)']"), 8, 38, "does not compile: Zero-width assertions are not supported" },
    { RULES A("match: '(a)\\1'"), 8, 33, "Back-references are unsupported" },
    { RULES A("match: '[a-'"), 8, 33, "does not compile" },
    { RULES A("match: 'a*'"), 8, 33, "is found in everything, because it may match nothing at all" },
    { RULES A("match: 'a\\bb'"), 8, 33, "\\b may only begin or end an expression" },
    { RULES A("match: 'a\\B'"), 8, 33, "\\B is not used here" },
    { RULES A("match: '[\\W]x'"), 8, 33, "stand outside of [ ] only" },
    { RULES A("match: 'x.{0,500}y'"), 8, 33, "is too large: its repeats come to 2002 states, at most 1000" },
    { RULES A("match: '((a{1,50}){1,50}){1,50}'"), 8, 33, "is too large" },
    { RULES A("match: '\\p{L}{1,40}'"), 8, 33, "is too large" },
    { RULES A("match: '((((((((((((((((((a))))))))))))))))))'"), 8, 33, "nested too deep" },
    { RULES A("match: \"\""), 8, 33, "an empty text says nothing" },
    { RULES A("match: { a: b }"), 8, 33, "expected a text or a list of texts" },
    /* words */
    { RULES A("text: \"=\""), 8, 32, "a mark alone finds nothing" },
    { RULES A("text: [x, \"*\"]"), 8, 36, "a mark alone finds nothing" },
    { RULES A("text: []"), 8, 32, "an empty list never holds" },
    /* comparisons */
    { RULES A("customer.n: \">=x\""), 8, 38, "is not a comparison (write \">=3\", \"<2\" or \">=3 <10\")" },
    { RULES A("customer.n: \">\""), 8, 38, "is not a comparison" },
    { RULES A("customer.n: \">3 <5 <6\""), 8, 38, "is not a comparison" },
    { RULES A("customer.n: \">5 <5\""), 8, 38, "no number is \">5 <5\"" },
    { RULES A("customer.n: \">=6 <5\""), 8, 38, "no number is" },
    { RULES A("customer.n: >=3"), 8, 38, "a text that begins with a sign such as > | % or @ needs quotes" },
    { RULES A("confidence: high"), 8, 38, "is not a comparison" },
    { RULES A("confidence: \">=1.5\""), 8, 38, "never holds: a confidence is 0 to 1" },
    { RULES A("confidence: \"<0\""), 8, 38, "never holds" },
    /* groups */
    { RULES A("all: { text: x }"), 8, 31, "expected a list of conditions such as" },
    { RULES A("any: []"), 8, 31, "an empty list says nothing" },
    { RULES A("any: [{}]"), 8, 32, "has no condition" },
    { RULES A("not: {}"), 8, 31, "has no condition" },
    { RULES A("not: [{ text: x }]"), 8, 31, "expected conditions, found a list" },
    { RULES A("any: [{ txt: x }]"), 8, 34, "unknown key \"txt\" (did you mean \"text\"?)" },
    { RULES A("not: { not: { not: { not: { not: { not: { not: { text: x } } } } } } }"), 8, 73,
      "nested too deep: more than 6 levels" },
    { RULES A("any: [{ account: nobody }]"), 8, 43, "is not an account of this policy" },
    { RULES A("not: { closed: never }"), 8, 41, "is not hours of this policy" },
};

static bool found(const struct findings *f, bool error, const struct saying *s)
{
    return s->says ? says(f, error, s->line, s->column, s->says) : f->count == 0;
}

static void check(const struct saying *list, size_t count, bool errors)
{
    unsigned wrong = 0;
    for (size_t i = 0; i < count; i++) {
        struct policy *p = NULL;
        struct findings f;
        findings_init(&f);
        enum err e = policy_load(&p, str_of(list[i].yaml), "policy.yaml", NOW, &f);
        if (!e == errors || !found(&f, errors, &list[i])) {
            print_error("%s\nwanted %u:%u \"%s\", got %s:\n", list[i].yaml + strlen(HEAD), list[i].line, list[i].column,
                        list[i].says ? list[i].says : "nothing", err_name(e));
            print_findings(&f);
            wrong++;
        }
        policy_unref(p);
        findings_fini(&f);
    }
    assert_int_equal(wrong, 0);
}

TEST(a_mistake_in_a_condition_is_refused_with_its_place_and_a_remedy)
{
    UNUSED(state);
    check(mistakes, COUNT_OF(mistakes), true);
}

#define STOPS(when) RULE("a", when, "stop: true")
#define NAMES(then) RULE("a", "text: [x, y]", then)
#define AGAIN(then) RULE("b", "text: x, channel: sms", then)

static const struct saying slips[] = {
    /* what can never hold */
    { RULES A("channel: voice"), 8, 26, "no account is on the channel \"voice\"" },
    { RULES A("channel: sms, account: m"), 8, 40, "can never hold beside the condition on line 8" },
    { RULES A("open: h, closed: h"), 8, 35, "can never hold beside" },
    { RULES A("all: [{ customer.n: \">5\" }, { customer.n: \"<=5\" }]"), 8, 56, "can never hold beside" },
    { RULES A("customer.n: \">5\", all: [{ customer.n: [2, \"<1\", gold] }]"), 8, 52, "can never hold beside" },
    { RULES A("customer.t: \"gold*\", all: [{ customer.t: silver }]"), 8, 55, "can never hold beside" },
    { RULES A("channel: sms, any: [{ text: x }, { channel: email }]"), 8, 61, "can never hold beside" },
    { RULES A("channel: sms, not: { channel: [sms, email] }"), 8, 40, "can never hold: what it excludes is asked for beside it" },
    { RULES A("not: { text: x }, any: [{ text: x, channel: sms }]"), 8, 26, NULL },
    { RULES A("intent: refund"), 8, 26, "no rule before this one names such an intent, and no model is given" },
    { RULES RULE("n", "text: x", "intent: late") A("intent: \"refund_*\""), 9, 26, "no rule before this one names such an intent" },
    { RULES A("confidence: \">=0.7\""), 8, 26, "no model gives a confidence" },
    { RULES A("confidence: \">=0\""), 8, 38, "always holds" },
    { RULES A("not: { sentiment: negative }"), 8, 33, "nothing finds a sentiment" },
    /* rules that never fire */
    { RULES STOPS("") B("text: x"), 9, 7,
      "\"b\" can never fire: whenever it could, \"a\" (line 8) has fired and stopped; put it before" },
    { RULES STOPS("text: [x, y]") B("channel: sms, text: y"), 9, 7, "can never fire" },
    { RULES STOPS("customer.n: \">3\"") B("customer.n: \">=4 <9\""), 9, 7, "can never fire" },
    { RULES STOPS("customer.n: \">3\"") B("customer.n: 4"), 9, 7, "can never fire" },
    { RULES STOPS("customer.t: \"*\"") B("customer.t: \">3\""), 9, 7, "can never fire" },
    { RULES STOPS("customer.t: \"gold*\"") B("customer.t: [gold1, gold2]"), 9, 7, "can never fire" },
    { RULES STOPS("not: { text: [x, y] }") B("not: { text: [x, y, z] }"), 9, 7, "can never fire" },
    { RULES STOPS("any: [{ text: x }, { channel: sms }]") B("channel: sms"), 9, 7, "can never fire" },
    { RULES STOPS("text: x") B("any: [{ text: x, channel: sms }, { text: x, channel: email }]"), 9, 7, "can never fire" },
    { RULES STOPS("all: [{ text: x }, { channel: sms }]") B("channel: sms, text: x"), 9, 7, "can never fire" },
    { RULES STOPS("match: 'a.b'") B("match: 'a.b', text: x"), 9, 7, "can never fire" },
    /* actions that never count */
    { RULES NAMES("intent: late") AGAIN("intent: refund"), 9, 59,
      "never counts: whenever this rule fires, \"a\" (line 8) has named an intent" },
    { RULES NAMES("queue: z") AGAIN("queue: q, tag: t"), 9, 59,
      "has named a queue; the first rule to name one counts: put this one before it" },
    { RULES NAMES("sentiment: negative") AGAIN("sentiment: positive"), 9, 59, "has named a sentiment" },
    { RULES NAMES("urgency: high") AGAIN("urgency: low"), 9, 59, "has named an urgency that is as high; the highest one counts" },
    { RULES A("text: x") RULE("b", "text: x", "raise: 0, weigh: 0"), 9, 37, "does nothing" },
    /* expressions that cost */
    { RULES A("match: '.*x'"), 8, 33, "begins with \".*\", which costs and says nothing" },
    { RULES A("match: '\\w{30}'"), 8, 33, "has no word that could be looked for" },
    { RULES A("match: '[xy]'"), 8, 33, "is a single character" },
};

TEST(a_slip_in_a_rule_is_warned_of_and_the_file_stays_good)
{
    UNUSED(state);
    check(slips, COUNT_OF(slips), false);
}

static const struct saying good[] = {
    { RULES NAMES("urgency: high") AGAIN("urgency: critical"), 0, 0, NULL },
    { RULES NAMES("queue: z") AGAIN("intent: late"), 0, 0, NULL },
    { RULES RULE("b", "text: x, channel: sms", "intent: late") RULE("c", "text: [x, y]", "intent: refund"), 0, 0, NULL },
    { RULES STOPS("text: x, channel: sms") B("text: x"), 0, 0, NULL },
    { RULES STOPS("customer.n: \">3\"") B("customer.n: \">=3\""), 0, 0, NULL },
    { RULES STOPS("any: [{ text: x, channel: sms }, { text: y }]") B("text: x"), 0, 0, NULL },
    { RULES STOPS("not: { text: [x, y, z] }") B("not: { text: [x, y] }"), 0, 0, NULL },
    { RULES RULE("n", "text: x", "intent: late") STOPS("intent: late") RULE("m", "text: y", "intent: late") B("intent: late"), 0, 0,
      NULL },
    { RULES A("all: [{ text: x }, { text: y }]"), 0, 0, NULL },
    { RULES A("all: [{ customer.n: \">=5\" }, { customer.n: \"<=5\" }]"), 0, 0, NULL },
    { HEAD "  models: { intent: m, sentiment: s }\n  rules:\n" A("intent: x, confidence: \">=0.7\", sentiment: negative"), 0, 0,
      NULL },
    { HEAD "  external: { intent: { within: 1s }, sentiment: { within: 1s } }\n  rules:\n" A("intent: x, sentiment: negative"), 0,
      0, NULL },
    { RULES A("match: ['환불 ?(안|못)', '\\bcards?\\b', '[\\w.]+@[\\w.]+', '^\\d{4,12}$', 'Straße', '\\Q.*\\E', '[^\\w]x[]x]', "
              "'\\d{6,}', '\\w{20}ab']"),
      0, 0, NULL },
    { RULES A("text: [\"=사고\", \"refund*\", \"*phone\", \"*x*\", \"=\\\\*\"]"), 0, 0, NULL },
};

TEST(what_is_meant_well_is_not_warned_of)
{
    UNUSED(state);
    check(good, COUNT_OF(good), false);
}

TEST(conditions_become_a_tree_with_tests_and_numbers)
{
    UNUSED(state);
    struct policy *p = good_policy(RULES RULE("a", "text: [x, y], customer.n: [\">=3 <10\", gold, \"g*\"]", "tag: t")
                                       RULE("b", "any: [{ match: m, text: z }, { not: { channel: sms } }]", "tag: t"));
    const struct conds *a = &p->rules[0].when, *b = &p->rules[1].when;
    assert_int_equal(p->cond_count, 9);
    assert_int_equal(p->pattern_count, 3);
    assert_int_equal(p->expression_count, 1);
    assert_int_equal(a->count, 2);
    const struct value_test *t = a->v[1].tests;
    assert_int_equal(t[0].kind, TEST_RANGE);
    assert_true(rule_test(&t[0], 3) && rule_test(&t[0], 9.99) && !rule_test(&t[0], 10) && !rule_test(&t[0], 2.99));
    assert_int_equal(t[1].kind, TEST_EQUAL);
    assert_int_equal(t[2].kind, TEST_GLOB);
    assert_int_equal(b->count, 1);
    assert_int_equal(b->v[0].kind, COND_ANY);
    assert_int_equal(b->v[0].inner.count, 2);
    const struct conds *one = &b->v[0].inner.v[0].inner, *two = &b->v[0].inner.v[1].inner;
    assert_int_equal(one->v[0].kind, COND_MATCH);
    assert_int_equal(one->v[1].pattern, 2);
    assert_int_equal(two->v[0].kind, COND_NOT);
    assert_int_equal(two->v[0].inner.v[0].number, 8);
    policy_unref(p);
}

TEST(numbers_are_plain_decimals)
{
    UNUSED(state);
    static const struct {
        const char *text;
        bool good;
        double v;
    } rows[] = { { "0", true, 0 },
                 { "007", true, 7 },
                 { "-3", true, -3 },
                 { "0.7", true, 0.7 },
                 { "12.25", true, 12.25 },
                 { "", false, 0 },
                 { "-", false, 0 },
                 { ".5", false, 0 },
                 { "5.", false, 0 },
                 { "1e3", false, 0 },
                 { "1,000", false, 0 },
                 { " 1", false, 0 },
                 { "1.2.3", false, 0 },
                 { "nan", false, 0 },
                 { "+1", false, 0 },
                 { "123456789012345", true, 123456789012345.0 },
                 { "1234567890123456", false, 0 } };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        double v = 0;
        bool good_one = rule_number(str_of(rows[i].text), &v);
        if (good_one != rows[i].good || (good_one && v != rows[i].v)) fail_msg("\"%s\" gave %d %g", rows[i].text, good_one, v);
    }
}

static enum err load(struct buf *yaml, struct findings *f, struct policy **p)
{
    findings_init(f);
    return policy_load(p, buf_str(yaml), "big", NOW, f);
}

TEST(ten_thousand_rules_load_and_one_more_is_refused)
{
    UNUSED(state);
    for (unsigned more = 0; more < 2; more++) {
        struct policy *p = NULL;
        struct findings f;
        struct buf yaml;
        buf_init(&yaml, 2u << 20);
        buf_addz(&yaml, RULES);
        for (unsigned i = 0; i < LIM_RULES + more; i++)
            buf_addf(&yaml, "    - { name: r%u, when: { text: [a%u, b%u] }, then: { queue: z, stop: true } }\n", i, i, i);
        enum err e = load(&yaml, &f, &p);
        assert_int_equal(e, more ? ERR_POLICY : ERR_OK);
        if (more) assert_true(says(&f, true, 8, 5, "has 10001 entries, at most 10000 are allowed"));
        else assert_int_equal(p->pattern_count, LIM_PATTERNS);
        policy_unref(p);
        findings_fini(&f);
        buf_fini(&yaml);
    }
}

TEST(too_many_words_conditions_and_expressions_are_refused_by_number)
{
    UNUSED(state);
    struct policy *p = NULL;
    struct findings f;
    struct buf yaml;
    buf_init(&yaml, 2u << 20);
    buf_addz(&yaml, RULES);
    for (unsigned i = 0; i < 11; i++) {
        buf_addf(&yaml, "    - { name: r%u, then: { tag: t }, when: { text: [", i);
        for (unsigned w = 0; w < LIM_RULE_WORDS; w++) buf_addf(&yaml, "%sw%u", w ? "," : "", w);
        buf_addz(&yaml, "] } }\n");
    }
    assert_int_equal(load(&yaml, &f, &p), ERR_POLICY);
    assert_true(says(&f, true, 18, 7, "more than 20000 words in text conditions"));
    findings_fini(&f);
    buf_clear(&yaml);
    buf_addz(&yaml, RULES "    - { name: r, then: { tag: t }, when: { all: [");
    for (unsigned i = 0; i < LIM_RULE_CONDS; i++) buf_addf(&yaml, "%s{ text: w%u }", i ? "," : "", i);
    buf_addz(&yaml, "] } }\n");
    assert_int_equal(load(&yaml, &f, &p), ERR_POLICY);
    assert_true(says(&f, true, 8, 42, "has 65 conditions, at most 64 are allowed in a rule"));
    findings_fini(&f);
    buf_clear(&yaml);
    buf_addz(&yaml, RULES);
    for (unsigned i = 0; i < 3; i++) {
        buf_addf(&yaml, "    - { name: r%u, then: { tag: t }, when: { match: [", i);
        for (unsigned w = 0; w < 900; w++) buf_addf(&yaml, "%sw%u", w ? "," : "", w);
        buf_addz(&yaml, "] } }\n");
    }
    assert_int_equal(load(&yaml, &f, &p), ERR_POLICY);
    assert_true(says(&f, true, 10, 7, "more than 2000 regular expressions"));
    findings_fini(&f);
    buf_fini(&yaml);
}

TEST(a_file_of_endless_entries_is_refused)
{
    UNUSED(state);
    struct policy *p = NULL;
    struct findings f;
    struct buf yaml;
    buf_init(&yaml, 2u << 20);
    buf_addz(&yaml, HEAD "  x: [");
    for (unsigned i = 0; i < LIM_YAML_NODES; i++) buf_addz(&yaml, "a,");
    assert_int_equal(load(&yaml, &f, &p), ERR_YAML);
    assert_true(strstr(f.v[f.count - 1].text, "more than 400,000") != NULL);
    findings_fini(&f);
    buf_fini(&yaml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mistake_in_a_condition_is_refused_with_its_place_and_a_remedy),
        cmocka_unit_test(a_slip_in_a_rule_is_warned_of_and_the_file_stays_good),
        cmocka_unit_test(what_is_meant_well_is_not_warned_of),
        cmocka_unit_test(conditions_become_a_tree_with_tests_and_numbers),
        cmocka_unit_test(numbers_are_plain_decimals),
        cmocka_unit_test(ten_thousand_rules_load_and_one_more_is_refused),
        cmocka_unit_test(too_many_words_conditions_and_expressions_are_refused_by_number),
        cmocka_unit_test(a_file_of_endless_entries_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
