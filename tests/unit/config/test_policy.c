/* What a good policy becomes. */
#include "base/limits.h"
#include "tests/unit/config/unit.h"

static struct policy *load_file(const char *name, struct findings *f)
{
    char path[1024];
    struct policy *p = NULL;
    snprintf(path, sizeof path, "%s/%s", NARU_SOURCE_DIR, name);
    findings_init(f);
    enum err e = policy_load_file(&p, path, NOW, f);
    if (e) print_findings(f);
    assert_int_equal(e, ERR_OK);
    return p;
}

static const struct queue *queue_called(const struct policy *p, const char *name)
{
    int at = policy_queue(p, str_of(name));
    assert_true(at >= 0);
    return &p->queues[at];
}

TEST(the_example_of_the_design_loads_whole)
{
    UNUSED(state);
    struct findings f;
    struct policy *p = load_file("tests/unit/config/example.yaml", &f);
    assert_string_equal(p->workspace, "hanbit");
    assert_int_equal(strncmp(p->version, "sha256:", 7), 0);
    assert_int_equal(strlen(p->version), 23);
    assert_int_equal(p->hours_count, 1);
    assert_string_equal(p->hours[0].timezone, "Asia/Seoul");
    assert_int_equal(p->account_count, 1);
    assert_string_equal(p->channels[p->accounts[0].channel].name, "sms");
    assert_string_equal(p->accounts[0].secrets.v[0], "file:/etc/naru/twilio.token");
    assert_int_equal(p->rule_count, 2);
    assert_int_equal(p->queue_count, 3);
    assert_int_equal(p->agent_count, 2);
    assert_string_equal(p->queues[p->default_queue].name, "front-desk");
    assert_string_equal(p->queues[p->unsure_queue].name, "front-desk");
    assert_true(p->unsure_below > 0.449 && p->unsure_below < 0.451);
    assert_string_equal(p->model_urgency, "urgency.model");
    policy_unref(p);
    findings_fini(&f);
}

TEST(channels_have_costs_and_times_and_those_not_listed_have_defaults)
{
    UNUSED(state);
    struct findings f;
    struct policy *p = load_file("tests/unit/config/example.yaml", &f);
    const struct channel *voice = &p->channels[policy_channel(p, STR("voice"))],
                         *email = &p->channels[policy_channel(p, STR("email"))];
    const struct channel *kakao = &p->channels[policy_channel(p, STR("kakao"))], *api = &p->channels[policy_channel(p, STR("api"))];
    assert_int_equal(voice->cost, 100);
    assert_int_equal(voice->offer_ms, 15000);
    assert_int_equal(email->offer_ms, 120000);
    assert_int_equal(kakao->cost, 30);
    assert_int_equal(kakao->offer_ms, 20000);
    assert_int_equal(api->cost, 10);
    assert_int_equal(policy_channel(p, STR("fax")), -1);
    assert_int_equal(policy_account(p, STR("kr-sms")), 0);
    assert_int_equal(policy_account(p, STR("kr")), -1);
    policy_unref(p);
    findings_fini(&f);
}

TEST(rules_keep_their_words_and_number_their_patterns)
{
    UNUSED(state);
    struct findings f;
    struct policy *p = load_file("tests/unit/config/example.yaml", &f);
    const struct rule *outage = &p->rules[0], *gold = &p->rules[1];
    assert_int_equal(outage->when.count, 2);
    assert_int_equal(outage->when.v[0].kind, COND_TEXT);
    assert_int_equal(outage->when.v[0].words.count, 4);
    assert_string_equal(outage->when.v[0].words.v[1], "접속이 안");
    assert_string_equal(outage->when.v[0].words.v[3], "can't log in");
    assert_int_equal(outage->when.v[1].kind, COND_CHANNEL);
    assert_int_equal(outage->urgency, URG_CRITICAL);
    assert_string_equal(outage->needs.v[0].name, "tech");
    assert_int_equal(outage->tags.count, 1);
    assert_int_equal(outage->queue, -1);
    assert_int_equal(outage->sentiment, -1);
    assert_int_equal(gold->when.v[0].kind, COND_ATTRIBUTE);
    assert_string_equal(gold->when.v[0].key, "customer.tier");
    assert_int_equal(gold->urgency, -1);
    assert_int_equal(gold->raise, 1);
    assert_int_equal(p->pattern_count, 4);
    policy_unref(p);
    findings_fini(&f);
}

TEST(a_queue_has_targets_by_urgency_and_its_steps)
{
    UNUSED(state);
    struct findings f;
    struct policy *p = load_file("tests/unit/config/example.yaml", &f);
    const struct queue *q = queue_called(p, "billing");
    assert_int_equal(q->answer.within_ms[URG_CRITICAL], 30000);
    assert_int_equal(q->answer.within_ms[URG_LOW], 4 * 3600000);
    assert_int_equal(q->answer.target_pct, 80);
    assert_true(q->resolve.given && q->resolve.hours == 0);
    assert_false(q->reply.given);
    assert_true(q->needs.v[1].from_ticket);
    assert_string_equal(q->needs.v[1].name, "lang");
    assert_int_equal(q->choose_count, 3);
    assert_int_equal(q->choose[0], CHOOSE_LAST_AGENT);
    assert_int_equal(q->timeline_count, 5);
    assert_int_equal(q->timeline[0].after_pct, 20);
    assert_int_equal(q->timeline[0].actions, STEP_NEEDS);
    assert_int_equal(q->timeline[1].actions, STEP_DROP);
    assert_int_equal(q->timeline[2].actions, STEP_RAISE | STEP_NOTIFY);
    assert_int_equal(q->timeline[3].actions, STEP_MOVE);
    assert_int_equal(q->timeline[3].move, policy_queue(p, STR("front-desk")));
    assert_int_equal(q->timeline[4].since, SINCE_LAST_REPLY);
    assert_string_equal(q->timeline[4].update, "customer");
    assert_int_equal(q->overflow_count, 2);
    assert_true(q->overflow[0].callback.next_open && q->overflow[0].callback.hours == 0);
    assert_int_equal(q->overflow[1].waiting_over, 200);
    assert_int_equal(q->overflow[1].closed, -1);
    policy_unref(p);
    findings_fini(&f);
}

TEST(an_urgency_score_has_weights_and_levels_with_defaults_also_without_triage)
{
    UNUSED(state);
    struct policy *p = good_policy("naru: 1\nworkspace: w\nqueues: { q: { takes: default } }\n");
    assert_true(p->urgency.model == 1 && p->urgency.start == 0.4 && p->urgency.negative == 0.05 && p->urgency.turn == 0.1);
    assert_true(p->urgency.repeated == 0.05 && p->urgency.waiting == 0.05 && p->urgency.waiting_most == 0.2);
    assert_true(p->urgency.levels[URG_LOW] == 0 && p->urgency.levels[URG_NORMAL] == 0.25);
    assert_true(p->urgency.levels[URG_HIGH] == 0.55 && p->urgency.levels[URG_CRITICAL] == 0.8);
    assert_int_equal(p->unsure_queue, -1);
    for (unsigned i = 0; i < ANSWER_COUNT; i++) assert_int_equal(p->external_ms[i], 0);
    policy_unref(p);
    p = good_policy("naru: 1\nworkspace: w\nqueues: { q: { takes: default } }\ntriage:\n"
                    "  models: { language: l.model }\n"
                    "  urgency: { model: 2.5, negative: -0.1, waiting-most: 0.5, levels: { high: 0.6 } }\n"
                    "  external: { intent: { within: 50ms }, language: { within: 2s } }\n"
                    "  rules: [{ name: r, when: {}, then: { weigh: -0.25 } }]\n");
    assert_string_equal(p->model_language, "l.model");
    assert_null(p->model_intent);
    assert_true(p->urgency.model == 2.5 && p->urgency.negative == -0.1 && p->urgency.waiting_most == 0.5);
    assert_true(p->urgency.turn == 0.1 && p->urgency.levels[URG_HIGH] == 0.6 && p->urgency.levels[URG_CRITICAL] == 0.8);
    assert_int_equal(p->external_ms[ANSWER_INTENT], 50);
    assert_int_equal(p->external_ms[ANSWER_LANGUAGE], 2000);
    assert_int_equal(p->external_ms[ANSWER_URGENCY], 0);
    assert_true(p->rules[0].weigh == -0.25);
    policy_unref(p);
}

TEST(agents_have_skills_with_colons)
{
    UNUSED(state);
    struct findings f;
    struct policy *p = load_file("tests/unit/config/example.yaml", &f);
    const struct agent_spec *minji = &p->agents[0], *joohan = &p->agents[1];
    assert_int_equal(minji->skills.count, 4);
    assert_string_equal(minji->skills.v[2].name, "lang:ko");
    assert_int_equal(minji->skills.v[2].level, 10);
    assert_int_equal(minji->max_count, 1);
    assert_int_equal(minji->max[0].channel, policy_channel(p, STR("webchat")));
    assert_int_equal(minji->max[0].max, 3);
    assert_int_equal(joohan->capacity, 100);
    assert_int_equal(joohan->max_count, 0);
    assert_false(joohan->bot);
    policy_unref(p);
    findings_fini(&f);
}

TEST(the_shipped_sample_has_neither_errors_nor_warnings)
{
    UNUSED(state);
    struct findings f;
    struct policy *p = load_file("config/hanbit.yaml", &f);
    if (f.count) print_findings(&f);
    assert_int_equal(f.count, 0);
    assert_true(p->rule_count >= 20);
    assert_true(p->agent_count >= 12);
    assert_string_equal(p->channels[p->accounts[policy_account(p, STR("web"))].channel].name, "webchat");
    policy_unref(p);
    findings_fini(&f);
}

TEST(one_word_may_stand_where_a_list_is_meant)
{
    UNUSED(state);
    struct policy *p = good_policy(
        "naru: 1\nworkspace: w\ntriage: { rules: [{ name: a, when: { text: 1004, channel: sms }, then: { tag: x } }] }\n"
        "queues: { q: { takes: default, choose: longest-idle } }\n");
    assert_string_equal(p->rules[0].when.v[0].words.v[0], "1004");
    assert_int_equal(p->rules[0].tags.count, 1);
    assert_int_equal(p->queues[0].choose_count, 1);
    assert_int_equal(p->queues[0].choose[0], CHOOSE_LONGEST_IDLE);
    policy_unref(p);
}

TEST(a_missing_target_takes_the_nearest_slower_given)
{
    UNUSED(state);
    struct policy *p = good_policy(
        "naru: 1\nworkspace: w\nqueues:\n  q: { takes: default, sla: { answer: { within: { critical: 30s, normal: 10m } } } }\n"
        "  r: { takes: { tag: x } }\n");
    const uint32_t *within = p->queues[0].answer.within_ms;
    assert_int_equal(within[URG_CRITICAL], 30000);
    assert_int_equal(within[URG_HIGH], 600000);
    assert_int_equal(within[URG_NORMAL], 600000);
    assert_int_equal(within[URG_LOW], 600000);
    assert_int_equal(p->queues[1].answer.within_ms[URG_CRITICAL], 900000);
    assert_false(p->queues[1].answer.given);
    policy_unref(p);
}

TEST(the_version_is_the_hash_of_the_bytes)
{
    UNUSED(state);
    struct policy *a = good_policy("naru: 1\nworkspace: w\nqueues: { q: { takes: default } }\n");
    struct policy *b = good_policy("naru: 1\nworkspace: w\nqueues: { q: { takes: default } }\n");
    struct policy *c = good_policy("naru: 1\nworkspace: w\nqueues: { q: { takes: default } } # other\n");
    assert_string_equal(a->version, b->version);
    assert_string_not_equal(a->version, c->version);
    assert_int_equal(a->yaml.n, strlen("naru: 1\nworkspace: w\nqueues: { q: { takes: default } }\n"));
    policy_unref(a), policy_unref(b), policy_unref(c);
}

TEST(a_policy_lives_until_its_last_reference_goes)
{
    UNUSED(state);
    struct policy *p = good_policy("naru: 1\nworkspace: w\nqueues: { q: { takes: default } }\n");
    assert_ptr_equal(policy_ref(p), p);
    policy_unref(p);
    assert_string_equal(p->workspace, "w");
    policy_unref(p);
    policy_unref(NULL);
}

TEST(a_file_that_is_not_there_is_an_error_of_the_whole_file)
{
    UNUSED(state);
    struct policy *p = NULL;
    struct findings f;
    findings_init(&f);
    assert_int_equal(policy_load_file(&p, "/nowhere/policy.yaml", NOW, &f), ERR_IO);
    assert_null(p);
    assert_true(says(&f, true, 0, 0, "cannot be read"));
    findings_fini(&f);
}

TEST(a_policy_of_the_largest_size_loads_and_one_byte_more_is_refused)
{
    UNUSED(state);
    static const char head[] = "naru: 1\nworkspace: w\nqueues: { q: { takes: default } }\nagents:\n";
    struct policy *p = NULL;
    struct findings f;
    struct buf yaml;
    buf_init(&yaml, LIM_YAML_BYTES + 100);
    buf_addz(&yaml, head);
    for (unsigned i = 0; i < LIM_AGENTS; i++) buf_addf(&yaml, "  a%05u: { skills: {} }\n", i % 100000);
    while (yaml.n < LIM_YAML_BYTES) buf_addc(&yaml, '#');
    findings_init(&f);
    assert_int_equal(policy_load(&p, buf_str(&yaml), "big", NOW, &f), ERR_OK);
    assert_true(p->agent_count > 9000);
    policy_unref(p);
    buf_addc(&yaml, '#');
    assert_int_equal(policy_load(&p, buf_str(&yaml), "big", NOW, &f), ERR_TOOBIG);
    assert_null(p);
    findings_fini(&f);
    buf_fini(&yaml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_design_loads_whole),
        cmocka_unit_test(channels_have_costs_and_times_and_those_not_listed_have_defaults),
        cmocka_unit_test(rules_keep_their_words_and_number_their_patterns),
        cmocka_unit_test(a_queue_has_targets_by_urgency_and_its_steps),
        cmocka_unit_test(an_urgency_score_has_weights_and_levels_with_defaults_also_without_triage),
        cmocka_unit_test(agents_have_skills_with_colons),
        cmocka_unit_test(the_shipped_sample_has_neither_errors_nor_warnings),
        cmocka_unit_test(one_word_may_stand_where_a_list_is_meant),
        cmocka_unit_test(a_missing_target_takes_the_nearest_slower_given),
        cmocka_unit_test(the_version_is_the_hash_of_the_bytes),
        cmocka_unit_test(a_policy_lives_until_its_last_reference_goes),
        cmocka_unit_test(a_file_that_is_not_there_is_an_error_of_the_whole_file),
        cmocka_unit_test(a_policy_of_the_largest_size_loads_and_one_byte_more_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
