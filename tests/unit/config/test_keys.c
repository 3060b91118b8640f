/* Every key of a queue, an agent, capacity and presence: what is written arrives, and what is not has its documented default. */
#include "tests/unit/config/unit.h"

#include <math.h>

#define MINUTE 60000u
#define HOUR   3600000u

struct whole {
    struct policy *p;
    struct findings f;
    const struct queue *billing;
};

static int load_whole(void **state)
{
    static struct whole w;
    findings_init(&w.f);
    if (policy_load_file(&w.p, NARU_SOURCE_DIR "/tests/unit/config/all_keys.yaml", NOW, &w.f)) {
        print_findings(&w.f);
        return -1;
    }
    w.billing = &w.p->queues[policy_queue(w.p, STR("billing"))];
    *state = &w;
    return 0;
}
static int drop_whole(void **state)
{
    struct whole *w = *state;
    policy_unref(w->p);
    findings_fini(&w->f);
    return 0;
}

static uint64_t group_bit(const struct policy *p, const char *name)
{
    int at = policy_group(p, str_of(name));
    assert_true(at >= 0);
    return 1ull << at;
}
static int hours_called(const struct policy *p, const char *name)
{
    for (uint32_t i = 0; i < p->hours_count; i++)
        if (!strcmp(p->hours[i].name, name)) return (int)i;
    return -1;
}

TEST(webhooks_are_read)
{
    const struct policy *p = ((struct whole *)*state)->p;
    const struct webhook *crm = &p->webhooks[0], *near = &p->webhooks[1];
    assert_int_equal(p->webhook_count, 2);
    assert_string_equal(crm->name, "crm");
    assert_string_equal(crm->url, "https://crm.example/naru");
    assert_int_equal(crm->secrets.count, 2);
    assert_string_equal(crm->secrets.v[1], "file:/etc/naru/hook.key");
    assert_true(crm->kinds == (1ull << ENTRY_OPENED | 1ull << ENTRY_QUEUE));
    assert_int_equal(crm->within_ms, 3000);
    assert_int_equal(crm->give_up_ms, 24 * HOUR);
    assert_int_equal(crm->at_once, 16);
    assert_string_equal(crm->headers.v[0], "X-Tenant: whole");
    assert_false(crm->in_private);
    assert_true(near->in_private);
    assert_int_equal(near->within_ms, 10000);
    assert_int_equal(near->give_up_ms, 72 * HOUR);
    assert_int_equal(near->at_once, 8);
    assert_true(near->kinds >> ENTRY_OPENED & 1 && near->kinds >> ENTRY_PRESENCE & 1 && !(near->kinds >> ENTRY_NO_TICKET & 1));
    assert_true(p->tells_queues);
    assert_string_equal(webhook_word(ENTRY_QUEUE), "queue.changed");
    assert_string_equal(webhook_word(ENTRY_OFFER_EXPIRED), "ticket.offer_expired");
    assert_null(webhook_word(ENTRY_NO_TICKET));
}

TEST(capacity_and_presence_are_read)
{
    const struct policy *p = ((struct whole *)*state)->p;
    assert_string_equal(p->timezone, "Asia/Seoul");
    assert_int_equal(p->capacity.keep_units, 30);
    assert_int_equal(p->capacity.keep_urgency, URG_HIGH);
    assert_int_equal(p->capacity.keep_channels, 1u << policy_channel(p, STR("voice")) | 1u << policy_channel(p, STR("api")));
    assert_int_equal(p->capacity.parked_pct, 40);
    assert_int_equal(p->capacity.wake_wait_ms, 3 * MINUTE);
    assert_int_equal(p->capacity.ramp_per_minute, 4);
    assert_int_equal(p->capacity.ramp_ms, 15 * MINUTE);
    assert_int_equal(p->capacity.daily, 60);
    assert_true(p->capacity.acts.burst == 50 && p->capacity.acts.per_minute == 3000);
    assert_true(p->accounts[0].most.burst == 600 && p->accounts[0].most.per_minute == 600);
    assert_true(p->accounts[1].most.burst == 50000 && p->accounts[1].most.per_minute == 3000000);
    assert_int_equal(p->presence.lease_ms, 20000);
    assert_int_equal(p->presence.leave_ms, 7000);
    assert_int_equal(p->presence.grace_ms, 90000);
    assert_int_equal(p->presence.misses, 4);
    assert_int_equal(p->presence.hold_ms, 12 * HOUR);
}

TEST(a_channel_says_how_an_offer_becomes_work)
{
    const struct policy *p = ((struct whole *)*state)->p;
    const struct channel *chat = &p->channels[policy_channel(p, STR("webchat"))],
                         *sms = &p->channels[policy_channel(p, STR("sms"))];
    assert_int_equal(chat->connect_ms, 20000);
    assert_true(chat->auto_accept);
    assert_int_equal(chat->exclusive, EXCLUSIVE_ALONE);
    assert_int_equal(p->channels[policy_channel(p, STR("voice"))].exclusive, EXCLUSIVE_INTERRUPTS);
    assert_int_equal(sms->connect_ms, 0);
    assert_false(sms->auto_accept);
    assert_int_equal(sms->exclusive, EXCLUSIVE_NO);
}

TEST(a_queue_says_who_is_next_and_who_is_asked)
{
    const struct whole *w = *state;
    const struct policy *p = w->p;
    const struct queue *q = w->billing;
    assert_int_equal(q->answer.target_pct, 80);
    assert_int_equal(q->answer.hours, hours_called(p, "seoul"));
    assert_true(q->reply.given && q->reply.within_ms[URG_LOW] == 10 * MINUTE && q->reply.hours == hours_called(p, "seoul"));
    assert_true(q->resolve.given && q->resolve.hours == -1);
    assert_true(q->groups == group_bit(p, "first-line"));
    assert_int_equal(q->order, ORDER_WEIGHTS);
    assert_true(q->weight == 2.5 && q->match_power == 0.5 && q->idle_power == 1.5);
    assert_true(q->age_cap.ms == 30 * MINUTE && q->age_cap.pct == 0);
    assert_true(q->choose_weighted);
    assert_int_equal(q->choose_count, 3);
    assert_int_equal(q->choose[0], CHOOSE_LAST_AGENT);
    assert_true(q->choose_weight[0] == 3 && q->choose_weight[1] == 2 && q->choose_weight[2] == 0.5);
    assert_int_equal(q->gate_count, 2);
    assert_true(1ull << q->gates[0].group == group_bit(p, "support"));
    assert_int_equal(q->gates[0].waiting_over, 5);
    assert_int_equal(q->gates[0].age_ms, 45000);
    assert_int_equal(q->gates[0].reserve, 2);
    assert_int_equal(q->gates[1].waiting_over, 0);
    assert_int_equal(q->gates[1].age_ms, UINT32_MAX);
    assert_int_equal(q->gates[1].reserve, 0);
    assert_int_equal(q->offers.at_once, 2);
    assert_int_equal(q->offers.back_off_ms, 45000);
    assert_int_equal(q->offers.most, 8);
    assert_int_equal(q->offers.exhausted, policy_queue(p, STR("front-desk")));
    assert_int_equal(q->last_agent.within_ms, 48 * HOUR);
    assert_int_equal(q->last_agent.wait_ms, 45000);
    assert_int_equal(q->last_agent.skip, 1u << SKIP_SKILLS | 1u << SKIP_KEEP);
    assert_int_equal(q->prefer_wait_ms, 35000);
    assert_int_equal(q->swap, SWAP_NEW);
    assert_true(q->no_bots);
}

TEST(a_timeline_keeps_every_step_with_its_clock_and_actions)
{
    const struct whole *w = *state;
    const struct policy *p = w->p;
    const struct step *s = w->billing->timeline;
    static const unsigned actions[] = { STEP_NEEDS | STEP_OFFER,
                                        STEP_DROP | STEP_ADD,
                                        STEP_RAISE | STEP_NOTIFY | STEP_UPDATE,
                                        STEP_PARK,
                                        STEP_CLOSE,
                                        STEP_CALLBACK,
                                        STEP_CALLBACK,
                                        STEP_CALLBACK,
                                        STEP_NEEDS,
                                        STEP_MOVE };
    assert_int_equal(w->billing->timeline_count, COUNT_OF(actions));
    for (size_t i = 0; i < COUNT_OF(actions); i++) assert_int_equal(s[i].actions, actions[i]);
    assert_int_equal(s[0].at_once, 3);
    assert_int_equal(s[1].since, SINCE_STEP);
    assert_int_equal(s[1].after_ms, MINUTE);
    assert_true(s[1].add == (group_bit(p, "second-line") | group_bit(p, "field")));
    assert_int_equal(s[2].notify.count, 2);
    assert_string_equal(s[2].notify.v[1], "minji");
    assert_string_equal(s[2].update, "long-wait");
    assert_int_equal(s[3].since, SINCE_ASSIGNED);
    assert_int_equal(s[3].after_pct, 50);
    assert_int_equal(s[4].since, SINCE_LAST_REPLY);
    assert_string_equal(s[4].close, "no-answer");
    assert_true(s[5].callback.next_open && s[5].callback.hours == hours_called(p, "night"));
    assert_int_equal(s[5].callback.retries, 2);
    assert_int_equal(s[5].callback.again_ms, 30 * MINUTE);
    assert_true(!s[6].callback.next_open && s[6].callback.in_ms == 20 * MINUTE && s[6].callback.hours == -1);
    assert_int_equal(s[6].callback.retries, 3);
    assert_int_equal(s[6].callback.again_ms, HOUR);
    assert_int_equal(s[7].callback.hours, hours_called(p, "seoul"));
    assert_true(s[8].narrow);
    assert_int_equal(s[9].move, policy_queue(p, STR("front-desk")));
}

TEST(an_overflow_has_one_way_out_and_all_its_conditions)
{
    const struct whole *w = *state;
    const struct overflow *o = w->billing->overflow;
    assert_int_equal(w->billing->overflow_count, 5);
    assert_int_equal(o[0].waiting_over, 200);
    assert_int_equal(o[0].expected_over.ms, 10 * MINUTE);
    assert_int_equal(o[0].move, policy_queue(w->p, STR("front-desk")));
    assert_int_equal(o[1].expected_over.pct, 200);
    assert_true(o[1].nobody_staffed && o[1].move == -1);
    assert_string_equal(o[1].deflect, "help-page");
    assert_int_equal(o[2].closed, hours_called(w->p, "night"));
    assert_true(o[2].callback.given && o[2].callback.hours == hours_called(w->p, "night"));
    assert_int_equal(o[3].age.ms, 20 * MINUTE);
    assert_int_equal(o[3].callback.in_ms, 40 * MINUTE);
    assert_int_equal(o[4].age.pct, 300);
    assert_string_equal(o[4].refuse, "We are sorry: please write again tomorrow.");
    assert_false(o[4].callback.given);
}

TEST(agents_have_groups_costs_shifts_and_bots_their_rules)
{
    const struct policy *p = ((struct whole *)*state)->p;
    const struct agent_spec *minji = &p->agents[0], *joohan = &p->agents[1], *helper = &p->agents[3];
    assert_true(minji->groups == (group_bit(p, "first-line") | group_bit(p, "supervisors")));
    assert_int_equal(minji->max_count, 1);
    assert_int_equal(minji->cost_count, 2);
    assert_int_equal(minji->cost[1].channel, policy_channel(p, STR("voice")));
    assert_int_equal(minji->cost[1].max, 60);
    assert_int_equal(minji->daily, 40);
    assert_int_equal(minji->shift, hours_called(p, "seoul"));
    assert_true(joohan->groups == group_bit(p, "support"));
    assert_int_equal(joohan->daily, UINT32_MAX);
    assert_int_equal(joohan->shift, -1);
    assert_true(helper->bot);
    assert_string_equal(helper->bot_rules.webhook, "https://bot.example/offers");
    assert_string_equal(helper->bot_rules.secret, "env:BOT_KEY");
    assert_int_equal(helper->bot_rules.within_ms, 3000);
    assert_true(helper->bot_rules.below == 0.5 && !helper->bot_rules.negative);
    assert_int_equal(helper->bot_rules.after_ms, 10 * MINUTE);
    assert_null(minji->bot_rules.webhook);
    assert_true(minji->bot_rules.negative && minji->bot_rules.within_ms == 5000);
    assert_int_equal(p->group_count, 5);
    assert_int_equal(policy_group(p, STR("third-line")), -1);
}

TEST(what_is_simulated_is_read_with_every_name_an_index)
{
    const struct policy *p = ((struct whole *)*state)->p;
    const struct simulate_rules *s = &p->simulate;
    assert_true(s->given);
    assert_int_equal(s->from, 1772409600000ull); /* 2026-03-02T00:00:00Z: 09:00 in Seoul */
    assert_int_equal(s->class_count, 3);
    const struct sim_class *billing = &s->classes[0], *calls = &s->classes[1], *other = &s->classes[2];
    assert_int_equal(billing->queue, policy_queue(p, STR("billing")));
    assert_string_equal(billing->channel, "webchat");
    assert_int_equal(billing->urgency, URG_HIGH);
    assert_int_equal(billing->needs.count, 1);
    assert_string_equal(billing->language, "ko");
    assert_true(billing->weight == 3 && billing->target_ms == 30000);
    assert_true(billing->work.kind == DIST_EXPONENTIAL && billing->work.mean_ms == 180000);
    assert_true(billing->patience.kind == DIST_LOGNORMAL && billing->patience.mean_ms == 240000 && billing->patience.cv == 1.2);
    assert_int_equal(calls->queue, policy_queue(p, STR("front-desk")));
    assert_string_equal(calls->channel, "voice");
    assert_int_equal(calls->urgency, URG_NORMAL);
    assert_true(calls->weight == 1 && calls->target_ms == 0 && !calls->language);
    assert_true(calls->work.kind == DIST_FIXED && calls->work.mean_ms == 90000);
    assert_true(calls->patience.kind == DIST_LOGNORMAL && calls->patience.cv == 1);
    assert_true(other->work.kind == DIST_FIXED && other->work.mean_ms == 120000 && other->patience.kind == DIST_NONE);
}

TEST(what_is_simulated_of_agents_is_a_number_for_all_classes_or_by_class)
{
    const struct policy *p = ((struct whole *)*state)->p;
    const struct simulate_rules *s = &p->simulate;
    assert_int_equal(s->agent_count, 3);
    for (uint32_t i = 0; i < 3; i++) assert_string_equal(p->agents[s->agents[i].agent].name, s->agents[i].name);
    assert_true(s->agents[0].speed.all == 1.2 && s->agents[0].speed.count == 0);
    assert_true(isnan(s->agents[0].match.all));
    assert_int_equal(s->agents[0].match.count, 2);
    assert_int_equal(s->agents[0].match.v[1].class, 1);
    assert_true(s->agents[0].match.v[1].v == 0.4);
    assert_true(s->agents[1].speed.all == 2 && s->agents[1].speed.count == 1 && s->agents[1].speed.v[0].class == 1);
    assert_true(s->agents[1].match.all == 1);
    assert_true(s->agents[2].speed.all == 1 && s->agents[2].speed.v[0].v == 1.5);
    assert_true(isnan(s->agents[2].match.all) && s->agents[2].match.count == 0);
    assert_int_equal(s->parallel_count, 2);
    assert_string_equal(s->parallel[0].channel, "webchat");
    assert_true(s->parallel[0].count == 3 && s->parallel[0].v[2] == 0.65);
    assert_true(s->parallel[1].count == 1 && s->parallel[1].v[0] == 0.5);
    assert_int_equal(s->places_count, 2);
    assert_int_equal(s->places[0].queue, policy_queue(p, STR("billing")));
    assert_true(s->places[0].places == 30 && s->places[1].places == 0);
    assert_true(s->accept.kind == DIST_FIXED && s->accept.mean_ms == 3000);
    assert_true(s->declined == 0.025 && s->missed == 0.01);
}

TEST(what_is_not_written_has_its_documented_default)
{
    UNUSED(state);
    struct policy *p = good_policy("naru: 1\nworkspace: w\nqueues:\n  q: { takes: default }\n  last: { takes: { tag: x }, choose: "
                                   "last-agent }\n  waits: { takes: { tag: y }, last-agent: { wait: 5s } }\ncapacity: { ramp: { "
                                   "per-minute: 2 } }\n");
    const struct queue *q = &p->queues[0];
    assert_string_equal(p->timezone, "UTC");
    assert_int_equal(p->capacity.keep_units, 0);
    assert_int_equal(p->capacity.keep_urgency, -1);
    assert_int_equal(p->capacity.parked_pct, 25);
    assert_int_equal(p->capacity.wake_wait_ms, 2 * MINUTE);
    assert_int_equal(p->capacity.ramp_ms, 10 * MINUTE);
    assert_int_equal(p->capacity.daily, 0);
    assert_int_equal(p->presence.lease_ms, 30000);
    assert_int_equal(p->presence.leave_ms, 5000);
    assert_int_equal(p->presence.grace_ms, MINUTE);
    assert_int_equal(p->presence.misses, 3);
    assert_int_equal(p->presence.hold_ms, 24 * HOUR);
    assert_true(q->groups == 0 && q->order == ORDER_SLACK && q->weight == 1 && q->match_power == 1 && q->idle_power == 0);
    assert_true(q->age_cap.pct == 300 && q->age_cap.ms == 0 && !q->choose_weighted && q->gate_count == 0);
    assert_int_equal(q->offers.at_once, 1);
    assert_int_equal(q->offers.back_off_ms, 30000);
    assert_int_equal(q->offers.most, 0);
    assert_int_equal(q->offers.exhausted, -1);
    assert_int_equal(q->last_agent.within_ms, 0);
    assert_int_equal(p->queues[1].last_agent.within_ms, 7 * 24 * HOUR);
    assert_int_equal(p->queues[2].last_agent.within_ms, 7 * 24 * HOUR);
    assert_int_equal(q->prefer_wait_ms, 0);
    assert_true(q->swap == SWAP_ALL && !q->no_bots);
    assert_int_equal(q->answer.hours, -1);
    assert_false(p->simulate.given);
    assert_int_equal(p->simulate.from, 1767571200000ull); /* 2026-01-05T00:00:00Z, a Monday */
    policy_unref(p);
}

TEST(sixty_four_groups_are_the_most_of_a_workspace)
{
    UNUSED(state);
    struct policy *p = NULL;
    struct findings f;
    struct buf yaml;
    buf_init(&yaml, 1u << 16);
    buf_addz(&yaml, "naru: 1\nworkspace: w\nqueues: { q: { takes: default } }\nagents:\n");
    for (unsigned i = 0; i < GROUPS_MAX; i++) buf_addf(&yaml, "  a%u: { groups: [g%u] }\n", i, i);
    findings_init(&f);
    assert_int_equal(policy_load(&p, buf_str(&yaml), "p", NOW, &f), ERR_OK);
    assert_int_equal(p->group_count, GROUPS_MAX);
    assert_true(p->agents[63].groups == 1ull << 63);
    policy_unref(p);
    buf_addz(&yaml, "  b: { groups: [g0, g64] }\n");
    assert_int_equal(policy_load(&p, buf_str(&yaml), "p", NOW, &f), ERR_POLICY);
    assert_true(says(&f, true, 69, 21, "is one group too many: a workspace has at most 64"));
    findings_fini(&f);
    buf_fini(&yaml);
}

int main(void)
{
#define WHOLE(test) cmocka_unit_test_setup_teardown(test, load_whole, drop_whole)
    const struct CMUnitTest tests[] = {
        WHOLE(webhooks_are_read),
        WHOLE(capacity_and_presence_are_read),
        WHOLE(a_channel_says_how_an_offer_becomes_work),
        WHOLE(a_queue_says_who_is_next_and_who_is_asked),
        WHOLE(a_timeline_keeps_every_step_with_its_clock_and_actions),
        WHOLE(an_overflow_has_one_way_out_and_all_its_conditions),
        WHOLE(agents_have_groups_costs_shifts_and_bots_their_rules),
        WHOLE(what_is_simulated_is_read_with_every_name_an_index),
        WHOLE(what_is_simulated_of_agents_is_a_number_for_all_classes_or_by_class),
        cmocka_unit_test(what_is_not_written_has_its_documented_default),
        cmocka_unit_test(sixty_four_groups_are_the_most_of_a_workspace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
