/* Recorded tickets: what their life tells, the classes they come to, and what is drawn of the rest. */
#include "tests/unit/config/unit.h"
#include "workers/simulate/bind.h"
#include "workers/simulate/recorded.h"

#define BEGIN UINT64_C(1772323200000) /* NOW: 2026-03-01T00:00:00Z, 09:00 in Seoul */
#define BASE                                                                                                                       \
    "naru: 1\nworkspace: t\ntimezone: Asia/Seoul\nchannels:\n  voice: {}\n  webchat: {}\n"                                         \
    "queues:\n  billing: { takes: default }\n  tech: {}\nagents:\n  ann: {}\n  bob: {}\n"

static struct recorded *recorded;
static struct policy *policy, *other;
static char why[512];

static int setup(void **state)
{
    UNUSED(state);
    return recorded_new(&recorded);
}

static int teardown(void **state)
{
    UNUSED(state);
    recorded_free(recorded);
    policy_unref(policy);
    policy_unref(other);
    policy = other = NULL;
    return 0;
}

/* Seconds after the begin, as a time of the API. */
static const char *at(unsigned seconds)
{
    static char text[8][40];
    static unsigned next;
    char *out = text[next++ % 8];
    snprintf(out, 40, "2026-03-01T%02u:%02u:%02u.000Z", seconds / 3600, seconds / 60 % 60, seconds % 60);
    return out;
}

static void parse(const char *text, enum err want, struct recorded_ticket *t, struct json **doc)
{
    const char *bad = "";
    size_t where;
    if (json_parse(doc, str_of(text), 16, &where, &bad)) fail_msg("%s at %zu of %s", bad, where, text);
    assert_int_equal(recorded_parse(*doc, t), want);
}

/* A ticket number `n` of a queue that was opened at `open`, accepted by `agent` at `accept` (0: never) and ended at `end`. */
static void add(unsigned n, const char *queue, unsigned open, unsigned accept, unsigned end, const char *agent, const char *more)
{
    char text[2048], accepted[256] = "";
    struct recorded_ticket t;
    struct json *doc;
    if (accept)
        snprintf(accepted, sizeof accepted, ",{\"at\":\"%s\",\"kind\":\"accepted\",\"state\":\"assigned\",\"agent\":\"%s\"}",
                 at(accept), agent);
    snprintf(text, sizeof text,
             "{\"ticket\":\"01a2030b-03c0-7001-a74d-%012x\",\"state\":\"%s\",\"queue\":\"elsewhere\",\"channel\":\"voice\","
             "\"urgency\":\"high\","
             "\"created\":\"%s\",\"ended\":\"%s\",\"life\":[{\"at\":\"%s\",\"kind\":\"opened\",\"queue\":\"%s\",\"state\":"
             "\"waiting\"}%s]%s}",
             n, accept ? "resolved" : "abandoned", at(open), at(end), at(open), queue, accepted, more);
    parse(text, ERR_OK, &t, &doc);
    assert_int_equal(recorded_add(recorded, &t), ERR_OK);
    json_free(doc);
}

static void bind(const char *yaml)
{
    recorded_ready(recorded, 0);
    policy = good_policy(yaml);
    enum err e = recorded_bind(recorded, policy, why);
    if (e) fail_msg("%s: %s", err_name(e), why);
}

static void next(struct source *s, struct arrival *a) { assert_int_equal(source_next(s, a), ERR_OK); }

/* ---- lives ---- */

#define HEAD                        "{\"ticket\":\"01a2030b-03c0-7001-a74d-da09efd38e31\",\"state\":\"%s\",\"queue\":\"q\",\"channel\":\"webchat\","
#define CHANGE(kind, state, second) "{\"at\":\"2026-03-01T00:00:" second ".000Z\",\"kind\":\"" kind "\",\"state\":\"" state "\"}"
#define OPENED                      "\"created\":\"2026-03-01T00:00:00.000Z\",\"life\":[" CHANGE("opened", "waiting", "00")

static void life(const char *state, const char *rest, struct recorded_ticket *t)
{
    char text[2048];
    struct json *doc;
    snprintf(text, sizeof text, HEAD OPENED "%s],\"ended\":\"2026-03-01T00:00:50.000Z\"}", state, rest);
    parse(text, ERR_OK, t, &doc);
    json_free(doc);
}

TEST(work_counts_from_accept_to_the_end_without_what_was_parked)
{
    struct recorded_ticket t;
    UNUSED(state);
    life(
        "resolved",
        "," CHANGE("offered", "offered", "02") "," CHANGE("accepted", "assigned", "05") "," CHANGE(
            "parked", "parked", "10") "," CHANGE("resumed", "assigned", "30") "," CHANGE("replied", "assigned",
                                                                                         "31") "," CHANGE("wrapup", "wrapup", "40"),
        &t);
    assert_true(t.served && !t.hung_up);
    assert_int_equal(t.wait, 5000);
    assert_int_equal(t.work, 15000);
}

TEST(work_that_went_back_and_was_taken_again_counts_both_times)
{
    struct recorded_ticket t;
    UNUSED(state);
    life("resolved",
         "," CHANGE("accepted", "assigned", "05") "," CHANGE("returned", "waiting", "10") "," CHANGE("accepted", "assigned", "45"),
         &t);
    assert_int_equal(t.wait, 5000);
    assert_int_equal(t.work, 10000);
}

TEST(who_ends_unanswered_hung_up_or_left_otherwise)
{
    struct recorded_ticket t;
    UNUSED(state);
    life("abandoned", "," CHANGE("offered", "offered", "02"), &t);
    assert_true(t.hung_up && !t.served);
    assert_int_equal(t.wait, 50000);
    life("expired", "", &t);
    assert_false(t.hung_up || t.served);
    life("abandoned", "," CHANGE("accepted", "assigned", "20"), &t);
    assert_true(t.served && !t.hung_up); /* in the middle of the work */
    assert_int_equal(t.work, 30000);
}

TEST(a_bot_that_hands_over_served_nobody)
{
    struct recorded_ticket t;
    UNUSED(state);
    life("resolved",
         "," CHANGE("accepted", "assigned", "01") "," CHANGE("handed_over", "waiting", "10") "," CHANGE("accepted", "assigned",
                                                                                                        "40"),
         &t);
    assert_int_equal(t.wait, 40000);
    assert_int_equal(t.work, 10000);
}

TEST(who_is_called_back_waited_until_it_was_put_off)
{
    struct recorded_ticket t;
    UNUSED(state);
    life("resolved",
         "," CHANGE("scheduled", "scheduled", "07") "," CHANGE("due", "waiting", "30") "," CHANGE("accepted", "assigned", "40"),
         &t);
    assert_true(t.served);
    assert_int_equal(t.wait, 7000);
    assert_int_equal(t.work, 10000);
}

TEST(what_is_no_closed_ticket_is_refused)
{
    static const char *const bad[] = {
        "{}",
        "[]",
        "{\"ticket\":\"x\"}",
        HEAD "\"created\":\"2026-03-01T00:00:00Z\",\"ended\":\"2026-03-01T00:00:01Z\"}", /* "%s" is no state */
        "{\"ticket\":\"01a2030b-03c0-7001-a74d-da09efd38e31\",\"state\":\"waiting\",\"queue\":\"q\",\"channel\":\"voice\","
        "\"created\":\"2026-03-01T00:00:00Z\",\"ended\":\"2026-03-01T00:00:01Z\"}",
        "{\"ticket\":\"01a2030b-03c0-7001-a74d-da09efd38e31\",\"state\":\"resolved\",\"queue\":\"q\",\"channel\":\"voice\","
        "\"created\":\"2026-03-01T00:00:05Z\",\"ended\":\"2026-03-01T00:00:01Z\"}",
    };
    struct recorded_ticket t;
    struct json *doc;
    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        parse(bad[i], ERR_PROTO, &t, &doc);
        json_free(doc);
    }
}

/* ---- classes ---- */

TEST(tickets_alike_share_a_class_and_one_that_is_there_is_taken)
{
    struct source *s;
    struct arrival a;
    UNUSED(state);
    add(1, "billing", 3700, 3710, 3740, "ann", "");
    add(2, "tech", 3600, 3610, 3650, "ann", ",\"verdict\":{\"needs\":[{\"skill\":\"tech\",\"level\":5}]}");
    add(3, "billing", 3800, 3810, 3840, "ann", ",\"language\":\"ko\"");
    add(3, "billing", 3800, 3810, 3840, "ann", ""); /* told twice */
    bind(BASE "simulate:\n  classes:\n    mine: { queue: billing, channel: voice, urgency: high }\n");
    assert_true(policy->simulate.given);
    assert_int_equal(policy->simulate.class_count, 2);
    assert_string_equal(policy->simulate.classes[1].name, "tech-voice-high-tech5");
    assert_int_equal(policy->simulate.classes[1].needs.v[0].level, 5);
    assert_int_equal(policy->simulate.from, BEGIN + 3600000);
    assert_int_equal(recorded_open(&s, recorded, 1, 0, why), ERR_OK);
    next(s, &a);
    assert_string_equal(a.id, "01a2030b-03c0-7001-a74d-000000000002");
    assert_true(a.class == 1 && a.at == 0 && a.work == 40000 && a.patience == SIM_FOR_EVER);
    next(s, &a);
    assert_true(a.class == 0 && a.at == 100000 && a.work == 30000);
    next(s, &a);
    assert_true(a.class == 0 && a.at == 200000);
    assert_int_equal(source_next(s, &a), ERR_NOTFOUND);
    assert_false(s->random);
    source_close(s);
}

TEST(languages_part_classes_where_queues_ask_for_them)
{
    UNUSED(state);
    add(1, "billing", 0, 10, 40, "ann", ",\"language\":\"ko\"");
    add(2, "billing", 1, 10, 40, "ann", ",\"language\":\"en\"");
    bind("naru: 1\nworkspace: t\nchannels:\n  voice: {}\nqueues:\n  billing: { takes: default, needs: { lang: ticket } "
         "}\nagents:\n  ann: {}\n");
    assert_int_equal(policy->simulate.class_count, 2);
    assert_string_equal(policy->simulate.classes[0].name, "billing-voice-high-ko");
    assert_string_equal(policy->simulate.classes[1].language, "en");
}

TEST(work_counts_the_speed_of_who_did_it)
{
    struct source *s;
    struct arrival a;
    UNUSED(state);
    add(1, "billing", 0, 10, 40, "ann", "");
    add(2, "billing", 1, 10, 40, "bob", "");
    bind(BASE "simulate:\n  classes:\n    mine: { queue: billing, urgency: high }\n  agents:\n    ann: { speed: { mine: 1.5 } }\n  "
              "  bob: { speed: 0.5 }\n");
    assert_int_equal(recorded_open(&s, recorded, 1, 0, why), ERR_OK);
    next(s, &a);
    assert_int_equal(a.work, 45000);
    next(s, &a);
    assert_int_equal(a.work, 15000);
    source_close(s);
}

TEST(tickets_of_a_queue_that_is_gone_come_to_the_default_queue_and_that_is_told)
{
    struct buf out;
    UNUSED(state);
    add(1, "old", 0, 10, 40, "ann", "");
    bind(BASE);
    assert_int_equal(policy->simulate.classes[0].queue, policy->default_queue);
    buf_init(&out, 65536);
    recorded_tell(recorded, &out);
    assert_non_null(
        strstr(buf_cstr(&out), "1 tickets came to queues that the policy does not have (\"old\" first): they come to \"billing\""));
    buf_fini(&out);
}

TEST(more_kinds_than_classes_share_the_nearest)
{
    char more[128];
    UNUSED(state);
    for (unsigned i = 0; i < RECORDED_CLASSES + 5; i++) {
        snprintf(more, sizeof more, ",\"verdict\":{\"needs\":[{\"skill\":\"s%u\",\"level\":5}]}", i);
        add(i, i % 2 ? "billing" : "tech", i, i + 10, i + 20, "ann", more);
    }
    bind(BASE);
    assert_int_equal(policy->simulate.class_count, RECORDED_CLASSES);
    struct source *s;
    struct arrival a;
    assert_int_equal(recorded_open(&s, recorded, 1, 0, why), ERR_OK);
    for (unsigned i = 0; i < RECORDED_CLASSES + 5; i++) {
        next(s, &a);
        assert_string_equal(policy->queues[policy->simulate.classes[a.class].queue].name, i % 2 ? "billing" : "tech");
    }
    source_close(s);
}

TEST(another_policy_gets_the_classes_for_a_comparison)
{
    struct simulate_rules rules;
    struct arena arena;
    struct findings f;
    UNUSED(state);
    add(1, "tech", 0, 10, 40, "ann", "");
    bind(BASE);
    other = good_policy(BASE "simulate:\n  classes:\n    theirs: { queue: billing }\n");
    assert_int_equal(recorded_join(recorded, other), ERR_OK);
    arena_init(&arena, 1u << 20);
    findings_init(&f);
    assert_int_equal(sim_bind(&rules, policy, other, &arena, &f), ERR_OK);
    assert_int_equal(rules.class_count, 1);
    assert_string_equal(rules.classes[0].name, "tech-voice-high");
    findings_fini(&f);
    arena_fini(&arena);
}

TEST(what_agents_did_with_offers_is_estimated_unless_the_section_says_it)
{
    struct recorded_ticket t;
    UNUSED(state);
    life("resolved",
         "," CHANGE("offered", "offered", "01") "," CHANGE("declined", "waiting", "02") "," CHANGE(
             "offered", "offered", "03") "," CHANGE("offer_expired", "waiting",
                                                    "13") "," CHANGE("offered", "offered", "14") "," CHANGE("accepted", "assigned",
                                                                                                            "18"),
         &t);
    assert_true(t.offers == 3 && t.declined == 1 && t.missed == 1 && t.accept == 4000);
    assert_int_equal(recorded_add(recorded, &t), ERR_OK);
    recorded_ready(recorded, 0);
    policy = good_policy(BASE);
    assert_int_equal(recorded_bind(recorded, policy, why), ERR_OK);
    const struct simulate_rules *s = &policy->simulate;
    assert_true(s->accept.kind == DIST_FIXED && s->accept.mean_ms == 4000);
    assert_true(s->declined == 0.333 && s->missed == 0.333);
    teardown(state);
    assert_int_equal(recorded_new(&recorded), ERR_OK);
    assert_int_equal(recorded_add(recorded, &t), ERR_OK);
    recorded_ready(recorded, 0);
    policy = good_policy(BASE "simulate:\n  classes:\n    tech: {}\n  offers: { accept: 2s, declined: 5% }\n");
    assert_int_equal(recorded_bind(recorded, policy, why), ERR_OK);
    assert_true(policy->simulate.accept.mean_ms == 2000 && policy->simulate.declined == 0.05 && policy->simulate.missed == 0);
}

/* ---- what is drawn ---- */

TEST(work_of_those_not_served_is_one_of_their_class_else_of_all)
{
    struct source *s;
    struct arrival a;
    unsigned short_ones = 0, of_others = 0;
    UNUSED(state);
    add(1, "billing", 0, 10, 40, "ann", "");
    add(2, "billing", 1, 10, 60, "ann", "");
    add(3, "billing", 2, 0, 30, "", "");
    add(4, "tech", 3, 0, 30, "", "");
    add(5, "tech", 4, 10, 110, "ann", ",\"verdict\":{\"needs\":[{\"skill\":\"tech\",\"level\":5}]}");
    bind(BASE);
    for (uint32_t r = 0; r < 200; r++) {
        assert_int_equal(recorded_open(&s, recorded, 7, r, why), ERR_OK);
        next(s, &a), next(s, &a), next(s, &a);
        assert_true(a.work == 30000 || a.work == 50000);
        assert_int_equal(a.patience, 28000);
        short_ones += a.work == 30000;
        next(s, &a);
        assert_true(a.work == 30000 || a.work == 50000 || a.work == 100000);
        of_others += a.work == 100000;
        assert_true(s->random);
        source_close(s);
    }
    assert_in_range(short_ones, 65, 135); /* of 200 at even odds: five standard deviations */
    assert_in_range(of_others, 34, 100);  /* at one in three */
}

TEST(patience_of_those_served_is_drawn_beyond_their_wait_and_the_same_again)
{
    struct source *s, *again;
    struct arrival a, b;
    unsigned ever = 0;
    UNUSED(state);
    add(1, "billing", 0, 15, 40, "ann", ""); /* waited 15: of the three left at 20 and 30, one each, and the last for ever */
    add(2, "billing", 1, 0, 11, "", "");
    add(3, "billing", 2, 0, 22, "", "");
    add(4, "billing", 3, 0, 33, "", "");
    add(5, "billing", 4, 44, 50, "ann", "");
    bind(BASE);
    for (uint32_t r = 0; r < 300; r++) {
        assert_int_equal(recorded_open(&s, recorded, 7, r, why), ERR_OK);
        assert_int_equal(recorded_open(&again, recorded, 7, r, why), ERR_OK);
        next(s, &a), next(again, &b);
        assert_true(a.patience == 20000 || a.patience == 30000 || a.patience == SIM_FOR_EVER);
        assert_true(a.patience == b.patience && a.work == b.work);
        ever += a.patience == SIM_FOR_EVER;
        source_close(s);
        source_close(again);
    }
    assert_in_range(ever, 60, 140); /* a third of 300 */
}

TEST(nothing_is_drawn_when_nobody_was_served)
{
    UNUSED(state);
    add(1, "billing", 0, 0, 40, "", "");
    recorded_ready(recorded, 0);
    policy = good_policy(BASE);
    assert_int_equal(recorded_bind(recorded, policy, why), ERR_NOTFOUND);
    assert_string_equal(why, "of 1 recorded tickets nobody was served: nothing tells how long work takes");
}

TEST(the_section_that_is_written_is_one_of_a_policy)
{
    struct buf out;
    UNUSED(state);
    add(1, "billing", 3700, 3710, 3740, "ann", ",\"verdict\":{\"needs\":[{\"skill\":\"tech\",\"level\":5}]}");
    add(2, "billing", 3701, 3710, 3760, "ann", "");
    add(3, "billing", 3702, 0, 3760, "", "");
    add(4, "billing", 3702, 3712, 3792, "ann", "");
    bind(BASE);
    buf_init(&out, 65536);
    buf_addz(&out, BASE);
    recorded_yaml(recorded, &out);
    other = good_policy(buf_cstr(&out));
    buf_fini(&out);
    const struct simulate_rules *s = &other->simulate;
    assert_int_equal(s->from, BEGIN + 3600000);
    assert_int_equal(s->class_count, 2);
    for (uint32_t i = 0; i < 2; i++) assert_string_equal(s->classes[i].name, policy->simulate.classes[i].name);
    assert_int_equal(s->classes[0].work.kind, DIST_FIXED);
    assert_int_equal(s->classes[1].work.kind, DIST_LOGNORMAL);
    assert_true(s->classes[1].work.mean_ms == 65000);
    assert_true(s->classes[1].patience.kind == DIST_EXPONENTIAL &&
                s->classes[1].patience.mean_ms == 77000); /* 9 + 58 + 10 s, one hung up */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_counts_from_accept_to_the_end_without_what_was_parked),
        cmocka_unit_test(work_that_went_back_and_was_taken_again_counts_both_times),
        cmocka_unit_test(who_ends_unanswered_hung_up_or_left_otherwise),
        cmocka_unit_test(a_bot_that_hands_over_served_nobody),
        cmocka_unit_test(who_is_called_back_waited_until_it_was_put_off),
        cmocka_unit_test(what_is_no_closed_ticket_is_refused),
        cmocka_unit_test_setup_teardown(tickets_alike_share_a_class_and_one_that_is_there_is_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(languages_part_classes_where_queues_ask_for_them, setup, teardown),
        cmocka_unit_test_setup_teardown(work_counts_the_speed_of_who_did_it, setup, teardown),
        cmocka_unit_test_setup_teardown(tickets_of_a_queue_that_is_gone_come_to_the_default_queue_and_that_is_told, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(more_kinds_than_classes_share_the_nearest, setup, teardown),
        cmocka_unit_test_setup_teardown(another_policy_gets_the_classes_for_a_comparison, setup, teardown),
        cmocka_unit_test_setup_teardown(what_agents_did_with_offers_is_estimated_unless_the_section_says_it, setup, teardown),
        cmocka_unit_test_setup_teardown(work_of_those_not_served_is_one_of_their_class_else_of_all, setup, teardown),
        cmocka_unit_test_setup_teardown(patience_of_those_served_is_drawn_beyond_their_wait_and_the_same_again, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_drawn_when_nobody_was_served, setup, teardown),
        cmocka_unit_test_setup_teardown(the_section_that_is_written_is_one_of_a_policy, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
