/* A section for another policy: names stay, indexes change, what is missing there is told. */
#include "tests/unit/config/unit.h"
#include "workers/simulate/bind.h"

#define FIRST                                                                                                                      \
    "naru: 1\nworkspace: w\nqueues: { calls: { takes: default }, mail: { takes: { tag: m } } }\nagents: { minji: {}, joohan: {} "  \
    "}\nsimulate:\n  from: 2026-03-02\n  classes: { gold: { queue: calls, weight: 3 }, post: { queue: mail } }\n"                  \
    "  agents: { joohan: { speed: { post: 2, all: 0.5 }, match: { gold: 4 } }, minji: { speed: 1.5 } }\n"                          \
    "  places: { mail: 7, calls: 9 }\n  parallel: { webchat: [1, 0.5] }\n"
#define OTHER "naru: 1\nworkspace: w\n"

struct bound {
    struct policy *first, *to;
    struct simulate_rules rules;
    struct arena arena;
    struct findings f;
    enum err e;
};
static void bind_to(struct bound *b, const char *first, const char *to)
{
    b->first = good_policy(first);
    b->to = good_policy(to);
    arena_init(&b->arena, 1u << 20);
    findings_init(&b->f);
    b->e = sim_bind(&b->rules, b->first, b->to, &b->arena, &b->f);
}
static void unbind(struct bound *b)
{
    findings_fini(&b->f);
    arena_fini(&b->arena);
    policy_unref(b->first);
    policy_unref(b->to);
}

TEST(a_section_goes_to_another_policy_by_its_names)
{
    UNUSED(state);
    struct bound b;
    bind_to(&b, FIRST,
            OTHER "queues: { mail: { takes: { tag: m } }, desk: { takes: { tag: d } }, calls: { takes: default } }\n"
                  "agents: { sora: {}, minji: {}, joohan: {} }\n");
    const struct simulate_rules *r = &b.rules;
    assert_int_equal(b.e, ERR_OK);
    assert_int_equal(b.f.count, 0);
    assert_true(r->given && r->from == b.first->simulate.from && r->class_count == 2);
    assert_string_equal(r->classes[0].name, "gold");
    assert_true(r->classes[0].queue == 2 && r->classes[0].weight == 3 && r->classes[1].queue == 0);
    assert_int_equal(r->agent_count, 2);
    assert_true(r->agents[0].agent == 2 && r->agents[1].agent == 1);
    assert_true(r->agents[0].speed.all == 0.5 && r->agents[0].speed.count == 1);
    assert_true(r->agents[0].speed.v[0].class == 1 && r->agents[0].speed.v[0].v == 2 && r->agents[0].match.v[0].class == 0);
    assert_true(r->places[0].queue == 0 && r->places[0].places == 7 && r->places[1].queue == 2 && r->places[1].places == 9);
    assert_true(r->parallel_count == 1 && r->parallel[0].v[1] == 0.5);
    unbind(&b);
}

TEST(a_policys_own_section_is_brought_into_the_order_of_the_first)
{
    UNUSED(state);
    struct bound b;
    bind_to(&b, FIRST,
            OTHER
            "queues: { all-in: { takes: default } }\nagents: { minji: {} }\nsimulate:\n  classes:\n    extra: { queue: all-in }\n"
            "    post: { queue: all-in, weight: 2 }\n    gold: { queue: all-in, weight: 3 }\n"
            "  agents: { minji: { speed: { gold: 3, extra: 2, post: 4 } } }\n");
    const struct simulate_rules *r = &b.rules;
    assert_int_equal(b.e, ERR_OK);
    assert_true(r->class_count == 2 && r->classes[0].weight == 3 && r->classes[0].queue == 0);
    assert_string_equal(r->classes[0].name, "gold");
    assert_string_equal(r->classes[1].name, "post");
    assert_int_equal(r->agents[0].speed.count, 2); /* nobody comes of `extra` */
    assert_true(r->agents[0].speed.v[0].class == 0 && r->agents[0].speed.v[0].v == 3);
    assert_true(r->agents[0].speed.v[1].class == 1 && r->agents[0].speed.v[1].v == 4);
    assert_true(r->from == b.first->simulate.from && r->places_count == 0 && r->parallel_count == 0);
    assert_true(says(&b.f, false, 8, 0, "has another weight or target than in policy.yaml"));
    assert_int_equal(b.f.count, 1);
    unbind(&b);
}

TEST(what_the_other_policy_lacks_is_told_with_the_nearest)
{
    UNUSED(state);
    struct bound b;
    bind_to(&b, FIRST, OTHER "queues: { call: { takes: default } }\nagents: { minja: {}, joohan: {} }\n");
    assert_int_equal(b.e, ERR_POLICY);
    assert_true(says(&b.f, true, 0, 0, "comes to the queue \"calls\", which this policy does not have (did you mean \"call\"?)"));
    assert_true(says(&b.f, true, 0, 0, "comes to the queue \"mail\", which"));
    assert_true(says(&b.f, false, 0, 0, "is not an agent of this policy (did you mean \"minja\"?)"));
    assert_true(says(&b.f, false, 0, 0, "is not a queue of this policy (did you mean \"call\"?): its places are left out"));
    unbind(&b);
    bind_to(&b, FIRST,
            OTHER
            "queues: { calls: { takes: default } }\nagents: { minji: {} }\nsimulate: { classes: { golf: { queue: calls } } }\n");
    assert_int_equal(b.e, ERR_POLICY);
    assert_true(says(&b.f, true, 5, 0, "is a class of policy.yaml, and not one of this section (did you mean \"golf\"?)"));
    unbind(&b);
}

TEST(a_policy_without_a_section_or_without_agents_cannot_be_simulated)
{
    UNUSED(state);
    struct bound b;
    bind_to(&b, OTHER "queues: { calls: { takes: default } }\n", FIRST);
    assert_int_equal(b.e, ERR_NOTFOUND);
    unbind(&b);
    bind_to(&b, FIRST, OTHER "queues: { calls: { takes: default }, mail: { takes: { tag: m } } }\n");
    assert_int_equal(b.e, ERR_POLICY);
    assert_true(says(&b.f, true, 0, 0, "nobody is there to work: name agents here"));
    unbind(&b);
}

/* The example must be good as it is, for any policy. */
static void assert_example_is_good(const char *path)
{
    struct policy *p = NULL, *again;
    struct buf yaml;
    buf_init(&yaml, 1u << 20);
    assert_int_equal(policy_load_file(&p, path, NOW, NULL), ERR_OK);
    buf_addstr(&yaml, p->yaml);
    buf_addz(&yaml, "\n");
    sim_example(p, &yaml);
    assert_int_equal(yaml.err, ERR_OK);
    again = good_policy(buf_cstr(&yaml));
    assert_int_equal(again->simulate.class_count, p->queue_count);
    for (uint32_t i = 0; i < p->queue_count; i++) {
        assert_int_equal(again->simulate.classes[i].queue, i);
        assert_true(again->simulate.classes[i].work.kind != DIST_NONE);
    }
    policy_unref(again);
    policy_unref(p);
    buf_fini(&yaml);
}

TEST(the_example_for_a_policy_is_good_as_it_is)
{
    UNUSED(state);
    static const char *const paths[] = { "teams/follow-the-sun", "teams/functional", "teams/lifecycle", "teams/matrix",
                                         "teams/tiered" }; /* that have no section */
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/config/%s.yaml", NARU_SOURCE_DIR, paths[i]);
        assert_example_is_good(path);
    }
}

TEST(what_is_lacking_is_told_with_an_example_of_its_own_queues)
{
    UNUSED(state);
    struct policy *p = good_policy(
        OTHER "queues: { all: { takes: default }, \"-desk\": { takes: { channel: email } } }\nagents: { \"@bot\": {} }\n");
    struct buf text;
    buf_init(&text, 1u << 16);
    sim_lacks(p, &text);
    const char *said = buf_cstr(&text);
    assert_non_null(strstr(said, "policy.yaml cannot be simulated: it has no \"simulate\" section"));
    assert_non_null(strstr(
        said, "\n    all-of-it: { queue: all, channel: voice, work: { exponential: 180s }, patience: { exponential: 2m } }\n"));
    assert_non_null(strstr(said, "\n    \"-desk\": { channel: email, work: { lognormal: 6m } }\n"));
    assert_non_null(strstr(said, "\n    \"@bot\": { speed: 1 }\n"));
    buf_fini(&text);
    policy_unref(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_section_goes_to_another_policy_by_its_names),
        cmocka_unit_test(a_policys_own_section_is_brought_into_the_order_of_the_first),
        cmocka_unit_test(what_the_other_policy_lacks_is_told_with_the_nearest),
        cmocka_unit_test(a_policy_without_a_section_or_without_agents_cannot_be_simulated),
        cmocka_unit_test(the_example_for_a_policy_is_good_as_it_is),
        cmocka_unit_test(what_is_lacking_is_told_with_an_example_of_its_own_queues),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
