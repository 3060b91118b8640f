#include "workers/assign/core.h"
#include "world.h"

static const char policy[] = "naru: 1\nworkspace: w\nchannels:\n"
                             "  webchat: { cost: 30, offer: 20s }\n  email: { cost: 15, offer: 2m }\n"
                             "accounts:\n  web: { channel: webchat }\n  mail: { channel: email }\n"
                             "queues:\n"
                             "  desk: { takes: default, sla: { answer: { within: 15m } }, order: slack, choose: [longest-idle] }\n"
                             "agents:\n  a: { skills: { x: 5 } }\n  b: { skills: { x: 3 } }\n";

/* The queue's rule, as the policy would give it. */
static void open_with(struct world *w, struct last_agent rule)
{
    world_open(w, policy);
    w->policy->queues[0].last_agent = rule;
}

static const struct ticket *live(struct world *w, const char *conversation)
{
    const struct seen_ticket *t = world_ticket(w, conversation);

    assert_non_null(t);
    return ticket_find(w->ws, &t->id);
}

static const char *last_of(struct world *w, const char *conversation)
{
    const struct ticket *t = live(w, conversation);

    assert_non_null(t);
    return t->last ? t->last->name.p : "-";
}

static void says(struct world *w, const char *conversation, const char *account, const char *customer, const char *person)
{
    char external[64];

    snprintf(external, sizeof external, "%s/%llu", conversation, (unsigned long long)w->last_seq);
    world_take(w, &(struct said){ .external = external,
                                  .conversation = conversation,
                                  .account = account,
                                  .channel = strcmp(account, "mail") == 0 ? "email" : "webchat",
                                  .customer = customer,
                                  .person = person,
                                  .intent = "refund",
                                  .urgency = URG_NORMAL });
    world_turn(w);
}

/* From coming to its end, by one agent, who is gone afterwards. */
static void served(struct world *w, const char *agent, const char *conversation)
{
    world_online(w, agent);
    world_turn(w);
    assert_string_equal(world_ticket(w, conversation)->offered, agent);
    world_on(w, ACT_ACCEPT, agent, conversation);
    world_turn(w);
    world_on(w, ACT_RESOLVE, agent, conversation);
    world_turn(w);
    world_act(w, (struct act){ .kind = ACT_PRESENCE, .agent = str_of(agent), .presence = PRES_OFFLINE });
    world_turn(w);
}

static void whom_a_person_had_last_is_known_on_every_channel(void **state)
{
    struct world w;

    (void)state;
    open_with(&w, (struct last_agent){ .within_ms = 3600000 });
    says(&w, "c1", "web", "kim", "p7");
    assert_string_equal(last_of(&w, "c1"), "-");
    served(&w, "b", "c1");
    says(&w, "c2", "mail", "kim@example.org", "p7");
    says(&w, "c3", "web", "kim", NULL);
    assert_string_equal(last_of(&w, "c2"), "b");
    assert_string_equal(last_of(&w, "c3"), "-"); /* the channel's kim has not said who it is */
    world_close(&w);
}

static void a_customer_without_an_id_is_one_of_an_account(void **state)
{
    struct world w;

    (void)state;
    open_with(&w, (struct last_agent){ .within_ms = 3600000 });
    says(&w, "c1", "web", "kim", NULL);
    served(&w, "a", "c1");
    says(&w, "c2", "mail", "kim", NULL);
    says(&w, "c3", "web", "kim", NULL);
    says(&w, "c4", "web", NULL, NULL);
    assert_string_equal(last_of(&w, "c2"), "-");
    assert_string_equal(last_of(&w, "c3"), "a");
    assert_string_equal(last_of(&w, "c4"), "-");
    assert_int_equal(w.ws->customers.by_key.count, 1); /* who had nobody yet is not kept */
    world_close(&w);
}

static void the_last_agent_counts_within_its_time_and_while_they_exist(void **state)
{
    struct world w;

    (void)state;
    open_with(&w, (struct last_agent){ .within_ms = 3600000 });
    says(&w, "c1", "web", "kim", NULL);
    served(&w, "a", "c1");
    world_wait(&w, 3600000);
    says(&w, "c2", "web", "kim", NULL);
    assert_string_equal(last_of(&w, "c2"), "a");
    world_wait(&w, 1);
    says(&w, "c3", "web", "kim", NULL);
    assert_string_equal(last_of(&w, "c3"), "-");
    roster_forget(w.ws, roster_find(&w.ws->roster, STR("a")));
    w.policy->queues[0].last_agent.within_ms = 86400000;
    says(&w, "c4", "web", "kim", NULL);
    assert_string_equal(last_of(&w, "c4"), "-");
    world_close(&w);
}

static void who_has_an_open_ticket_of_the_person_counts_as_the_last(void **state)
{
    struct world w;

    (void)state;
    open_with(&w, (struct last_agent){ .within_ms = 60000 });
    says(&w, "c1", "web", "kim", "p7");
    served(&w, "a", "c1");
    says(&w, "c2", "web", "kim", "p7");
    world_online(&w, "b");
    world_turn(&w);
    world_on(&w, ACT_ACCEPT, "b", "c2");
    world_turn(&w);
    for (int reign = 0; reign < 2; reign++) { /* held for longer than `within`: it is open all the same */
        for (int i = 0; i < 12; i++) {
            world_act(&w, (struct act){ .kind = ACT_HEARTBEAT, .agent = STR("b") });
            world_wait(&w, 10000);
        }
        says(&w, reign ? "c4" : "c3", "mail", "kim@example.org", "p7");
        assert_string_equal(last_of(&w, reign ? "c4" : "c3"), "b");
        world_restart(&w);
        space_restore_done(w.ws, w.now);
        world_turn(&w);
        assert_string_equal(last_of(&w, "c3"), "b");
    }
    world_on(&w, ACT_RESOLVE, "b", "c2");
    world_turn(&w);
    world_wait(&w, 60001);
    says(&w, "c5", "web", "kim", "p7");
    assert_string_equal(last_of(&w, "c5"), "-");
    world_close(&w);
}

static void what_is_known_of_customers_outlives_a_reign(void **state)
{
    struct world w;

    (void)state;
    open_with(&w, (struct last_agent){ .within_ms = 86400000 });
    for (int i = 0; i < 5; i++) {
        char conversation[8];
        snprintf(conversation, sizeof conversation, "c%d", i);
        says(&w, conversation, "web", "kim", NULL);
        served(&w, i % 2 ? "b" : "a", conversation);
        world_wait(&w, 1000);
    }
    world_restart(&w);
    space_restore_done(w.ws, w.now);
    world_turn(&w);
    says(&w, "c9", "web", "kim", NULL);
    assert_string_equal(last_of(&w, "c9"), "a");
    world_online(&w, "b");
    world_turn(&w);
    const char *shown = world_ticket(&w, "c9")->shown, *newest = strstr(shown, "\"previous\":[");
    assert_non_null(newest);
    assert_non_null(strstr(newest, "\"queue\":\"desk\",\"agent\":\"a\",\"state\":\"resolved\",\"intent\":\"refund\""));
    int told = 0;
    for (const char *p = newest; (p = strstr(p, "\"state\":\"resolved\"")); p++) told++;
    assert_int_equal(told, 3); /* the last three, the latest first */
    assert_true(strstr(newest, "\"agent\":\"b\"") > strstr(newest, "\"agent\":\"a\""));
    world_close(&w);
}

static void a_row_that_cannot_be_read_is_removed(void **state)
{
    struct world w;

    (void)state;
    world_open(&w, policy);
    space_restore_customer(w.ws, w.now, STR("k"), STR("\xff"));
    assert_int_equal(w.ws->customers.by_key.count, 0);
    assert_int_equal(w.ws->customers_gone.count, 1);
    world_close(&w);
}

static void the_customer_who_was_not_heard_of_for_longest_makes_room(void **state)
{
    struct customer_row row = { .agent = STR("a") };
    struct world w;
    struct buf b;
    char key[32];

    (void)state;
    open_with(&w, (struct last_agent){ .within_ms = UINT32_MAX });
    buf_init(&b, 4096);
    for (uint32_t i = 0; i < LIM_KNOWN_CUSTOMERS; i++) { /* Redis gives them in no order */
        uint32_t n = (i * 7919u) % LIM_KNOWN_CUSTOMERS;
        row.at = WORLD_START - 1000000 + n;
        buf_clear(&b);
        record_pack(&b, &customer_row_record, &row);
        int len = snprintf(key, sizeof key, "web%c%u", 0, n);
        space_restore_customer(w.ws, w.now, (struct str){ key, (size_t)len }, buf_str(&b));
    }
    space_restore_done(w.ws, w.now);
    assert_int_equal(w.ws->customers.by_key.count, LIM_KNOWN_CUSTOMERS);
    says(&w, "c0", "web", "0", NULL); /* the oldest, heard of again */
    assert_string_equal(last_of(&w, "c0"), "a");
    says(&w, "new", "web", "somebody", NULL);
    world_online(&w, "b");
    world_turn(&w);
    world_on(&w, ACT_ACCEPT, "b", "new");
    assert_int_equal(w.ws->customers.by_key.count, LIM_KNOWN_CUSTOMERS);
    assert_null(map_get(&w.ws->customers.by_key, (struct str){ "web\0001", 5 }));
    assert_non_null(map_get(&w.ws->customers.by_key, (struct str){ "web\0000", 5 }));
    assert_int_equal(w.ws->customers_gone.count, 1); /* and its row leaves Redis */
    world_turn(&w);
    buf_fini(&b);
    world_close(&w);
}

static void an_offer_carries_what_is_known_and_a_later_message_only_itself(void **state)
{
    struct said first = { .external = "m1",
                          .conversation = "c1",
                          .text = "broken",
                          .intent = "repair",
                          .sentiment = SENT_NEGATIVE,
                          .confidence = 0.75,
                          .urgency = URG_NORMAL };
    struct said second = { .external = "m2", .conversation = "c1", .text = "still", .urgency = URG_NORMAL };
    struct world w;

    (void)state;
    world_open(&w, policy);
    world_take(&w, &first);
    world_online(&w, "a");
    world_turn(&w);
    const char *shown = world_ticket(&w, "c1")->shown;
    assert_non_null(strstr(shown, "\"sentiment\":\"negative\""));
    assert_non_null(strstr(shown, "\"confidence\":0.75"));
    assert_non_null(strstr(shown, "\"by\":\"customer\",\"text\":\"broken\""));
    world_on(&w, ACT_ACCEPT, "a", "c1");
    world_turn(&w);
    world_take(&w, &second);
    world_turn(&w);
    shown = world_ticket(&w, "c1")->shown;
    assert_non_null(strstr(shown, "\"what\":\"message\""));
    assert_non_null(strstr(shown, "still"));
    assert_null(strstr(shown, "broken"));
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whom_a_person_had_last_is_known_on_every_channel),
        cmocka_unit_test(a_customer_without_an_id_is_one_of_an_account),
        cmocka_unit_test(the_last_agent_counts_within_its_time_and_while_they_exist),
        cmocka_unit_test(who_has_an_open_ticket_of_the_person_counts_as_the_last),
        cmocka_unit_test(what_is_known_of_customers_outlives_a_reign),
        cmocka_unit_test(a_row_that_cannot_be_read_is_removed),
        cmocka_unit_test(the_customer_who_was_not_heard_of_for_longest_makes_room),
        cmocka_unit_test(an_offer_carries_what_is_known_and_a_later_message_only_itself),
    };

    return cmocka_run_group_tests_name("continuity", tests, NULL, NULL);
}
