/* Every class of mistake: what is said, and where. Rows are whole files: HEAD, QUEUE and TAIL are what is good in them. */
#include "base/limits.h"
#include "tests/unit/config/unit.h"

#define HEAD  "naru: 1\nworkspace: w\n" /* two lines */
#define TAIL  "queues: { q: { takes: default } }\n"
#define QUEUE "queues:\n  d: { takes: default }\n  q:\n    takes: { tag: x }\n" /* after HEAD: the next line is 7 */

struct mistake {
    const char *yaml;
    uint32_t line, column;
    const char *says, *key;
};

static const struct mistake mistakes[] = {
    /* form */
    { "", 0, 0, "the file is empty", "" },
    { "# only a comment\n", 0, 0, "the file is empty", "" },
    { HEAD "a: &x 1\n" TAIL, 3, 4, "anchors", "" },
    { HEAD "hours: *x\n" TAIL, 3, 8, "aliases", "" },
    { HEAD "hours: !!map {}\n" TAIL, 3, 8, "tags", "" },
    { HEAD "workspace: v\n" TAIL, 3, 1, "\"workspace\" is written twice here, first on line 2", "workspace" },
    { HEAD "agents: { a: {}, b: {}, a: {} }\n" TAIL, 3, 25, "\"a\" is written twice here, first on line 3", "agents.a" },
    { HEAD "queues: { a: { takes: { tag: x } }, b: {} }\n" TAIL "agents: { c: { max: { fax: 1 } } }\n", 4, 1,
      "\"queues\" is written twice", "queues" },
    { HEAD TAIL "---\nnaru: 1\n", 4, 1, "a second document", "" },
    { HEAD "hours:\n\tseoul: {}\n" TAIL, 4, 1, "a tab cannot indent", "" },
    { HEAD "hours: [\n" TAIL, 5, 1, "did not find expected ',' or ']'", "hours" },
    { HEAD "queues: { q: { takes: default }\n", 4, 1, "(from line 3)", "queues" },
    { HEAD "? [a, b]\n: 1\n" TAIL, 3, 3, "a key must be a plain text", "" },
    { HEAD "hours: \"\\0\"\n" TAIL, 3, 8, "NUL", "" },
    { "naru: 1\nworkspace: \"\xff\"\n", 2, 13, "not valid UTF-8", "" },
    { "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n", 1, 33, "nested too deep", NULL },
    { "just a text\n", 1, 1, "is not a policy", "" },
    /* keys */
    { "workspace: w\n" TAIL, 1, 1, "\"naru\" is missing here", "" },
    { "naru: 1\n" TAIL, 1, 1, "\"workspace\" is missing here", "" },
    { "naru: 2\nworkspace: w\n" TAIL, 1, 7, "2 is out of bounds: 1 to 1", "naru" },
    { HEAD "quues: {}\n" TAIL, 3, 1, "unknown key \"quues\" (did you mean \"queues\"?)", "quues" },
    { HEAD "hours:\n" TAIL, 3, 7, "has no value", "hours" },
    { HEAD "hours: seoul\n" TAIL, 3, 8, "expected names, each with hours, found a text", "hours" },
    { HEAD "triage: { rules: { a: 1 } }\n" TAIL, 3, 18, "expected a list", "triage.rules" },
    { "naru: 1\nworkspace: \"a b\"\n" TAIL, 2, 12, "a character that names may not have", "workspace" },
    /* triage */
    { HEAD "triage: { urgency: { model: 5 } }\n" TAIL, 3, 29, "5 is out of bounds: 0 to 4", "triage.urgency.model" },
    { HEAD "triage: { urgency: { turn: -1.5 } }\n" TAIL, 3, 28, "-1.5 is out of bounds: -1 to 1", NULL },
    { HEAD "triage: { urgency: { waiting_most: 0.1 } }\n" TAIL, 3, 22, "did you mean \"waiting-most\"?", NULL },
    { HEAD "triage: { urgency: { levels: { high: 0.9 } } }\n" TAIL, 3, 30, "levels must rise: high from 0.9, but critical from 0.8",
      "triage.urgency.levels" },
    { HEAD "triage: { urgency: { levels: { normal: 0.5, high: 0.5 } } }\n" TAIL, 3, 51, "levels must rise: normal from 0.5",
      "triage.urgency.levels.high" },
    { HEAD "triage: { external: { intent: { within: 3s } } }\n" TAIL, 3, 41, "3s is out of bounds: 1ms to 2s",
      "triage.external.intent.within" },
    { HEAD "triage: { external: { intents: { within: 1s } } }\n" TAIL, 3, 23, "did you mean \"intent\"?", NULL },
    { HEAD "triage: { external: { urgency: {} } }\n" TAIL, 3, 23, "\"within\" is missing", "triage.external.urgency" },
    { HEAD "triage: { rules: [{ name: a, when: {}, then: { weigh: 2 } }] }\n" TAIL, 3, 55, "2 is out of bounds: -1 to 1", NULL },
    /* hours */
    { HEAD "hours: { s: { timezone: Asia/Seul, open: { mon: \"09:00-18:00\" } } }\n" TAIL, 3, 25, "did you mean \"Asia/Seoul\"?",
      "hours.s.timezone" },
    { HEAD "hours: { s: { timezone: UTC, open: { mno: \"09:00-18:00\" } } }\n" TAIL, 3, 38, "did you mean \"mon\"?",
      "hours.s.open.mno" },
    { HEAD "hours: { s: { timezone: UTC, open: { mon: \"9-18\" } } }\n" TAIL, 3, 43, "is not an interval", "hours.s.open.mon" },
    { HEAD "hours: { s: { timezone: UTC, open: { mon: \"09:00-24:30\" } } }\n" TAIL, 3, 43, "is not an interval", NULL },
    { HEAD "hours: { s: { timezone: UTC, open: { mon: \"09:00-09:00\" } } }\n" TAIL, 3, 43, "opens and closes at the same time",
      NULL },
    { HEAD "hours: { s: { timezone: UTC, open: { mon-fri: \"09:00-12:00\", wed: \"13:00-14:00\" } } }\n" TAIL, 3, 62,
      "wed has its times already", NULL },
    { HEAD "hours: { s: { timezone: UTC, open: { mon: \"09:00-18:00\" }, closed: [2026-05-05, file:kr.ics] } }\n" TAIL, 3, 81,
      "put its dates here, \"naru holidays kr.ics\" prints them", "hours.s.closed[1]" },
    { HEAD "hours: { s: { timezone: UTC, open: { mon: \"09:00-18:00\" }, closed: [[2026-05-05, 5]] } }\n" TAIL, 3, 82,
      "is not a date", "hours.s.closed[0][1]" },
    { HEAD "hours: { s: { timezone: UTC, open: { mon: \"09:00-18:00\" }, closed: [2026-02-30] } }\n" TAIL, 3, 69, "is not a date",
      "hours.s.closed[0]" },
    { HEAD "hours: { s: { timezone: UTC, open: {} } }\n" TAIL, 3, 10, "never opens", "hours.s" },
    { HEAD "hours: { s: { open: { mon: \"09:00-18:00\" } } }\n" TAIL, 3, 10, "\"timezone\" is missing", "hours.s" },
    /* channels, accounts */
    { HEAD "channels: { webcaht: {} }\n" TAIL, 3, 13, "\"webcaht\" is not a channel (did you mean \"webchat\"?)",
      "channels.webcaht" },
    { HEAD "channels: { sms: { cost: 0 } }\n" TAIL, 3, 26, "0 is out of bounds: 1 to 1000", "channels.sms.cost" },
    { HEAD "channels: { sms: { cost: \"20\" } }\n" TAIL, 3, 26, "write the number without quotes", NULL },
    { HEAD "channels: { sms: { cost: 020 } }\n" TAIL, 3, 26, "begins with a zero", NULL },
    { HEAD "channels: { sms: { offer: 20 } }\n" TAIL, 3, 27, "\"20\" is not a duration (write 250ms", "channels.sms.offer" },
    { HEAD "channels: { sms: { offer: 2h } }\n" TAIL, 3, 27, "2h is out of bounds: 1s to 1h", NULL },
    { HEAD "accounts: { a: { channel: smss } }\n" TAIL, 3, 27, "did you mean \"sms\"?", "accounts.a.channel" },
    { HEAD "accounts: { a: { channel: sms, secret: hunter2 } }\n" TAIL, 3, 40, "a secret does not belong in this file",
      "accounts.a.secret" },
    { HEAD "accounts: { a: {} }\n" TAIL, 3, 13, "\"channel\" is missing", "accounts.a" },
    /* triage */
    { HEAD "triage: { rules: [ { name: a, when: {} } ] }\n" TAIL, 3, 20, "\"then\" is missing", "triage.rules[0]" },
    { HEAD "triage: { rules: [ { name: a, when: { txt: b }, then: { tag: c } } ] }\n" TAIL, 3, 39, "did you mean \"text\"?", NULL },
    { HEAD "triage: { rules: [ { name: a, when: { text: [] }, then: { tag: c } } ] }\n" TAIL, 3, 45, "an empty list never holds",
      NULL },
    { HEAD "triage: { rules: [ { name: a, when: {}, then: { urgency: hihg } } ] }\n" TAIL, 3, 58, "did you mean \"high\"?",
      "triage.rules[0].then.urgency" },
    { HEAD "triage: { rules: [ { name: a, when: {}, then: { raise: 9 } } ] }\n" TAIL, 3, 56, "9 is out of bounds: -3 to 3", NULL },
    { HEAD "triage: { rules: [ { name: a, when: {}, then: { queue: z } } ] }\n" TAIL, 3, 56,
      "\"z\" is not a queue of this policy (did you mean \"q\"?)", NULL },
    { HEAD "triage: { rules: [ { name: a, when: {}, then: { stop: si } } ] }\n" TAIL, 3, 55, "\"si\" is not yes or no", NULL },
    { HEAD "triage: { rules: [ { name: a, when: { language: korean }, then: { tag: b } } ] }\n" TAIL, 3, 49,
      "is not a language subtag", NULL },
    { HEAD "triage: { rules: [ { name: a, when: { closed: seoul }, then: { tag: b } } ] }\n" TAIL, 3, 47,
      "\"seoul\" is not hours of this policy", NULL },
    { HEAD "triage: { rules: [ { name: a, when: { account: x }, then: { tag: b } } ] }\n" TAIL, 3, 48, "is not an account", NULL },
    { HEAD "triage: { rules: [ { name: a, when: { kind: msg }, then: { tag: b } } ] }\n" TAIL, 3, 45,
      "\"msg\" is not a word known here", NULL },
    { HEAD "triage: { rules: [ { name: a, when: {}, then: { tag: b } }, { name: a, when: {}, then: { tag: b } } ] }\n" TAIL, 3, 69,
      "another rule is called \"a\"", "triage.rules[1].name" },
    { HEAD "triage: { unsure: { below: 1.5, queue: q } }\n" TAIL, 3, 28, "1.5 is out of bounds: 0 to 1", NULL },
    /* queues */
    { HEAD "queues: { q: {} }\n", 3, 1, "no queue has \"takes: default\"", "queues" },
    { HEAD "queues: { q: { takes: default }, r: { takes: default } }\n", 3, 46, "\"q\" does already", "queues.r.takes" },
    { HEAD "queues: { q: { takes: defalt } }\n", 3, 23, "\"defalt\" is not \"default\" or conditions", "queues.q.takes" },
    { HEAD QUEUE "    order: slak\n", 7, 12, "\"slak\" is not a word known here (did you mean \"slack\"?)", "queues.q.order" },
    { HEAD QUEUE "    choose: [longest-idel]\n", 7, 14, "did you mean \"longest-idle\"?", "queues.q.choose[0]" },
    { HEAD QUEUE "    needs: { billing: 11 }\n", 7, 23, "a level is 1 to 10, not 11", "queues.q.needs.billing" },
    { HEAD QUEUE "    needs: { billing: ticket }\n", 7, 23, "only \"lang\" can be taken from the ticket", NULL },
    { HEAD QUEUE "    needs: { lang: 5 }\n", 7, 20, "write \"lang: ticket\"", NULL },
    { HEAD QUEUE "    needs: [billing]\n", 7, 12, "expected skills with levels", NULL },
    { HEAD QUEUE "    sla: { answer: { target: 80% } }\n", 7, 12, "\"within\" is missing", "queues.q.sla.answer" },
    { HEAD QUEUE "    sla: { answer: { within: { urgent: 5m } } }\n", 7, 32, "\"urgent\" is not an urgency", NULL },
    { HEAD QUEUE "    sla: { answer: { within: 5m, target: 80 } }\n", 7, 42, "\"80\" is not a percentage (write 80%)", NULL },
    { HEAD QUEUE "    sla: { answer: { within: 5m, target: 180% } }\n", 7, 42, "180% is out of bounds: 1% to 100%", NULL },
    { HEAD QUEUE "    timeline: [{ drop: [a] }]\n", 7, 16, "\"after\" is missing", "queues.q.timeline[0]" },
    { HEAD QUEUE "    timeline: [{ after: 5m }]\n", 7, 16, "nothing to do", NULL },
    { HEAD QUEUE "    timeline: [{ after: soon, raise: 1 }]\n", 7, 25, "\"soon\" is not a duration", NULL },
    { HEAD QUEUE "    timeline: [{ after: 5m, move: fornt }]\n", 7, 35, "is not a queue", NULL },
    { HEAD QUEUE "    timeline: [{ after: 5m, since: now, raise: 1 }]\n", 7, 36, "\"now\" is not a word known here", NULL },
    { HEAD QUEUE "    timeline: [{ after: 5m, move: q }]\n", 7, 35, "moves in a ring: q → q", NULL },
    { HEAD "queues:\n  d: { takes: default, timeline: [{ after: 1m, move: q }] }\n  q:\n    takes: { tag: x }\n"
           "    overflow: [{ when: { waiting: 5 }, move: d }]\n",
      7, 46, "moves in a ring: d → q → d", "queues.q.overflow[0].move" },
    { HEAD QUEUE "    overflow: [{ when: {}, move: d }]\n", 7, 24, "has no condition", NULL },
    { HEAD QUEUE "    overflow: [{ when: { waiting: many }, move: d }]\n", 7, 35, "\"many\" is not a count", NULL },
    { HEAD QUEUE "    overflow: [{ when: { staffed: nobody }, move: d }]\n", 7, 35, "(known: none)", NULL },
    { HEAD QUEUE "    overflow: [{ when: { staffed: none } }]\n", 7, 16, "not where to", NULL },
    /* agents */
    { HEAD "agents: { a: { skills: { lang: 5 } } }\n" TAIL, 3, 32, "name the language", "agents.a.skills.lang" },
    { HEAD "agents: { a: { skills: { tech: ticket } } }\n" TAIL, 3, 32, "an agent's level is a number", NULL },
    { HEAD "agents: { a: { max: { webchta: 3 } } }\n" TAIL, 3, 23, "did you mean \"webchat\"?", NULL },
    { HEAD "agents: { a: { max: { webchat: -1 } } }\n" TAIL, 3, 32, "out of bounds", NULL },
    { HEAD "agents: { a: { kind: robot } }\n" TAIL, 3, 22, "did you mean \"bot\"?", NULL },
    { HEAD "agents: { \"a/b\": {} }\n" TAIL, 3, 11, "names may not have", NULL },
    { HEAD "agents: [a, b]\n" TAIL, 3, 9, "expected names, each with an agent, found a list", "agents" },
};

static bool found(const struct findings *f, const struct mistake *m)
{
    for (uint32_t i = 0; i < f->count; i++) {
        const struct finding *v = &f->v[i];
        if (v->error && v->line == m->line && v->column == m->column && strstr(v->text, m->says) &&
            (!m->key || !strcmp(v->key, m->key)))
            return true;
    }
    return false;
}

TEST(each_class_of_mistake_is_refused_with_its_place_and_the_nearest_word)
{
    UNUSED(state);
    unsigned wrong = 0;
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        struct policy *p = NULL;
        struct findings f;
        findings_init(&f);
        enum err e = policy_load(&p, str_of(mistakes[i].yaml), "policy.yaml", NOW, &f);
        if ((e != ERR_YAML && e != ERR_POLICY) || p || !f.errors || !found(&f, &mistakes[i])) {
            print_error("%s\nwanted %u:%u \"%s\" at %s, got %s:\n", mistakes[i].yaml, mistakes[i].line, mistakes[i].column,
                        mistakes[i].says, mistakes[i].key ? mistakes[i].key : "any key", err_name(e));
            print_findings(&f);
            wrong++;
        }
        policy_unref(p);
        findings_fini(&f);
    }
    assert_int_equal(wrong, 0);
}

static const struct mistake slips[] = {
    { HEAD QUEUE "    timeline: [{ after: 5m, needs: { tech: 3 } }]\n", 7, 38, "widens nothing", NULL },
    { HEAD QUEUE "    needs: { tech: 3 }\n    timeline: [{ after: 5m, needs: { tech: 3 } }]\n", 8, 38, "widens nothing", NULL },
    { HEAD QUEUE "    needs: { lang: ticket }\n    timeline: [{ after: 1m, drop: lang }, { after: 5m, drop: [lang] }]\n", 8, 63,
      "widens nothing", NULL },
    { HEAD QUEUE "    needs: { tech: 3 }\nagents: { a: { skills: { sales: 3 } } }\n", 7, 14,
      "no agent of this file has the skill \"tech\"", NULL },
    { HEAD QUEUE "    needs: { tech: 3 }\nagents: { a: { skills: { tech: 2 } } }\n", 7, 20, "at level 3; the best has 2", NULL },
    { HEAD QUEUE "    sla: { answer: { within: 5s } }\naccounts: { a: { channel: sms } }\n", 7, 12, "one offer on sms stands 20s",
      NULL },
    { HEAD QUEUE "    sla: { answer: { within: { critical: 5m, high: 1m } } }\n", 7, 30, "critical has more time than high", NULL },
    { HEAD "queues: { d: { takes: default }, q: {} }\n", 3, 34, "nothing comes to this queue", NULL },
    { HEAD "triage: { rules: [ { name: a, when: { text: [x, y] }, then: { stop: true } },\n { name: b, when: { channel: sms, text: "
           "y }, then: { tag: c } } ] }\n" TAIL,
      4, 2, "\"b\" can never fire", NULL },
    { HEAD "triage: { rules: [ { name: a, when: { sentiment: negative }, then: { tag: x } } ] }\n" TAIL, 3, 39,
      "nothing finds a sentiment: no model", NULL },
    { HEAD "triage: { rules: [ { name: a, when: {}, then: {} } ] }\n" TAIL, 3, 47, "says nothing to do", NULL },
};

TEST(each_class_of_slip_is_warned_of_and_the_file_stays_good)
{
    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(slips); i++) {
        struct policy *p = NULL;
        struct findings f;
        findings_init(&f);
        enum err e = policy_load(&p, str_of(slips[i].yaml), "policy.yaml", NOW, &f);
        if (e || !says(&f, false, slips[i].line, slips[i].column, slips[i].says)) {
            print_error("%s\nwanted %u:%u \"%s\":\n", slips[i].yaml, slips[i].line, slips[i].column, slips[i].says);
            print_findings(&f);
            fail();
        }
        policy_unref(p);
        findings_fini(&f);
    }
}

TEST(a_rule_that_an_earlier_one_does_not_hide_is_not_warned_of)
{
    UNUSED(state);
    struct policy *p = NULL;
    struct findings f;
    findings_init(&f);
    assert_int_equal(
        policy_load(&p,
                    STR(HEAD "triage:\n  rules:\n    - { name: a, when: { text: [x, y], channel: sms }, then: { stop: true } }\n"
                             "    - { name: b, when: { text: y }, then: { tag: c } }\n"
                             "    - { name: c, when: { text: [y, z], channel: sms }, then: { tag: c } }\n" TAIL),
                    "p", NOW, &f),
        ERR_OK);
    assert_int_equal(f.count, 0);
    policy_unref(p);
    findings_fini(&f);
}

TEST(all_mistakes_of_a_file_are_found_in_one_go_and_in_order)
{
    UNUSED(state);
    struct policy *p = NULL;
    struct findings f;
    findings_init(&f);
    assert_int_equal(
        policy_load(&p,
                    STR("naru: 1\nworkspace: w\nchannels: { sms: { cost: x } }\nqueues:\n  a: { takes: { tag: t }, order: foo }\n"
                        "  b: { takes: {}, timeline: [{ after: 1m, move: c }] }\nagent: {}\n"),
                    "p", NOW, &f),
        ERR_POLICY);
    assert_true(says(&f, true, 3, 26, "whole number"));
    assert_true(says(&f, true, 4, 1, "takes: default"));
    assert_true(says(&f, true, 5, 32, "order") || says(&f, true, 5, 34, "foo"));
    assert_true(says(&f, true, 6, 15, "has no condition"));
    assert_true(says(&f, true, 6, 50, "is not a queue") || says(&f, true, 6, 49, "is not a queue"));
    assert_true(says(&f, true, 7, 1, "did you mean \"agents\"?"));
    assert_int_equal(f.errors, 6);
    for (uint32_t i = 1; i < f.count; i++) assert_true(f.v[i - 1].line <= f.v[i].line);
    findings_fini(&f);
}

TEST(a_hundred_findings_are_kept_and_the_rest_is_counted)
{
    UNUSED(state);
    struct policy *p = NULL;
    struct findings f;
    struct buf yaml;
    buf_init(&yaml, LIM_YAML_BYTES);
    buf_addz(&yaml, HEAD TAIL);
    for (int i = 0; i < 250; i++) buf_addf(&yaml, "key%d: 1\n", i);
    findings_init(&f);
    assert_int_equal(policy_load(&p, buf_str(&yaml), "p", NOW, &f), ERR_POLICY);
    assert_int_equal(f.count, LIM_POLICY_ERRORS);
    assert_int_equal(f.errors, 250);
    assert_int_equal(f.more, 150);
    findings_fini(&f);
    buf_fini(&yaml);
}

TEST(warnings_never_crowd_an_error_out)
{
    UNUSED(state);
    struct policy *p = NULL;
    struct findings f;
    struct buf yaml;
    buf_init(&yaml, LIM_YAML_BYTES);
    buf_addz(&yaml, HEAD TAIL "agents:\n");
    for (int i = 0; i < 150; i++) buf_addf(&yaml, "  a%d: { groups: [g, g] }\n", i);
    buf_addz(&yaml, "  last: { capacity: none }\n");
    findings_init(&f);
    assert_int_equal(policy_load(&p, buf_str(&yaml), "p", NOW, &f), ERR_POLICY);
    assert_int_equal(f.count, LIM_POLICY_ERRORS);
    assert_true(says(&f, true, 155, 21, "\"none\" is not a whole number"));
    findings_fini(&f);
    buf_fini(&yaml);
}

TEST(findings_are_written_for_people_and_for_machines)
{
    UNUSED(state);
    struct policy *p = NULL;
    struct findings f;
    struct buf out;
    findings_init(&f);
    buf_init(&out, 1u << 16);
    (void)policy_load(&p, STR(HEAD QUEUE "    order: \"sl\\eak\"\n"), "p.yaml", NOW, &f);
    findings_text(&f, "p.yaml", &out);
    assert_string_equal(buf_cstr(&out),
                        "p.yaml:7:12: error: queues.q.order: \"sl?ak\" is not a word known here (did you mean \"slack\"?)\n");
    buf_clear(&out);
    findings_json(&f, "p.yaml", "", &out);
    assert_non_null(
        strstr(buf_cstr(&out),
               "{\"file\":\"p.yaml\",\"ok\":false,\"version\":\"\",\"findings\":[{\"level\":\"error\",\"line\":7,\"column\":12,"
               "\"key\":\"queues.q.order\",\"text\":\"\\\"sl?ak\\\" is"));
    buf_fini(&out);
    findings_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_class_of_mistake_is_refused_with_its_place_and_the_nearest_word),
        cmocka_unit_test(each_class_of_slip_is_warned_of_and_the_file_stays_good),
        cmocka_unit_test(a_rule_that_an_earlier_one_does_not_hide_is_not_warned_of),
        cmocka_unit_test(all_mistakes_of_a_file_are_found_in_one_go_and_in_order),
        cmocka_unit_test(a_hundred_findings_are_kept_and_the_rest_is_counted),
        cmocka_unit_test(warnings_never_crowd_an_error_out),
        cmocka_unit_test(findings_are_written_for_people_and_for_machines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
