#include "base/clock.h"
#include "base/json.h"
#include "workers/assign/state.h"
#include "world.h"

static const char head[] =
    "naru: 1\nworkspace: w\nchannels:\n"
    "  webchat: { cost: 30, offer: 20s }\n  email: { cost: 15, offer: 2m }\n  voice: { cost: 100, offer: 15s, wrapup: 10s }\n"
    "accounts:\n  web: { channel: webchat }\n  mail: { channel: email }\n  phone: { channel: voice }\n";

static const char simple[] =
    "queues:\n"
    "  desk: { takes: default, sla: { answer: { within: { critical: 1m, high: 5m, normal: 15m, low: 4h } } }, order: slack, "
    "choose: [best-skill, longest-idle] }\n"
    "  other: { takes: { tag: other }, needs: { rare: 3 }, sla: { answer: { within: 10m } }, order: fifo, choose: [least-loaded] "
    "}\n"
    "agents:\n  a: { skills: { x: 5, lang:ko: 9 }, capacity: 100 }\n"
    "  b: { skills: { x: 3, rare: 5 }, capacity: 60, max: { webchat: 1 } }\n  c: { skills: { rare: 9 } }\n";

static const char *yaml_of(const char *rest)
{
    static char text[65536];

    snprintf(text, sizeof text, "%s%s", head, rest);
    return text;
}

static void message(struct world *w, const char *external, const char *conversation)
{
    world_take(w, &(struct said){ .external = external, .conversation = conversation, .urgency = URG_NORMAL });
    world_turn(w);
}

static void an_end_is_never_left_and_every_cell_leads_to_a_state(void **state)
{
    (void)state;
    for (unsigned from = 0; from < TK_COUNT; from++)
        for (unsigned ev = 0; ev < EV_COUNT; ev++) {
            enum ticket_state to = state_next((enum ticket_state)from, (enum ticket_event)ev);
            assert_true(to < TK_COUNT);
            if (from >= TK_RESOLVED) assert_int_equal(to, TK_INVALID);
        }
    assert_int_equal(state_next(TK_COUNT, EV_OPEN), TK_INVALID);
    for (unsigned ev = 0; ev < EV_COUNT; ev++) assert_string_not_equal(ticket_event_name((enum ticket_event)ev), "?");
}

static void an_accept_needs_the_offers_own_token(void **state)
{
    struct world w;
    struct seen_ticket *t;

    (void)state;
    world_open(&w, yaml_of(simple));
    world_online(&w, "a");
    message(&w, "m1", "c1");
    t = world_ticket(&w, "c1");
    world_act(&w, (struct act){ .kind = ACT_ACCEPT, .agent = STR("a"), .ticket = t->id });
    assert_int_equal(w.status, 400);
    world_act(&w, (struct act){ .kind = ACT_ACCEPT, .agent = STR("a"), .ticket = t->id, .token_epoch = 5, .token_seq = 1 });
    assert_int_equal(w.status, 409);
    assert_string_equal(w.problem, "old-token");
    world_act(&w, (struct act){ .kind = ACT_ACCEPT, .agent = STR("nobody"), .ticket = t->id, .token_epoch = 5, .token_seq = 1 });
    assert_int_equal(w.status, 404);
    world_on(&w, ACT_ACCEPT, "a", "c1");
    assert_int_equal(w.status, 200);
    world_turn(&w);
    world_act(
        &w, (struct act){ .kind = ACT_RESOLVE, .agent = STR("b"), .ticket = t->id, .token_epoch = t->epoch, .token_seq = t->seq });
    assert_int_equal(w.status, 403);
    assert_string_equal(w.problem, "not-your-ticket");
    world_act(
        &w,
        (struct act){
            .kind = ACT_RESOLVE, .agent = STR("a"), .ticket = t->id, .token_epoch = t->offer_epoch, .token_seq = t->offer_seq });
    assert_string_equal(w.problem, "old-token");
    world_act(&w, (struct act){ .kind = ACT_RESOLVE, .privileged = true, .ticket = t->id });
    assert_int_equal(w.status, 200);
    world_turn(&w);
    world_act(&w, (struct act){ .kind = ACT_TICKET, .ticket = t->id });
    assert_string_equal(w.problem, "ticket-not-found");
    world_close(&w);
}

static void a_late_accept_is_told_that_the_offer_has_expired(void **state)
{
    struct world w;

    (void)state;
    world_open(&w, yaml_of(simple));
    world_online(&w, "a");
    message(&w, "m1", "c1");
    world_wait(&w, 20000);
    world_on(&w, ACT_ACCEPT, "a", "c1");
    assert_int_equal(w.status, 409);
    assert_string_equal(w.problem, "offer-expired");
    world_close(&w);
}

static void a_channel_maximum_holds_beside_the_units(void **state)
{
    struct world w;

    (void)state;
    world_open(&w, yaml_of(simple));
    world_online(&w, "b");
    message(&w, "m1", "c1");
    message(&w, "m2", "c2");
    assert_int_equal(world_ticket(&w, "c1")->state, TK_OFFERED);
    assert_int_equal(world_ticket(&w, "c2")->state, TK_WAITING);
    world_take(
        &w, &(struct said){ .external = "e1", .conversation = "c3", .account = "mail", .channel = "email", .urgency = URG_NORMAL });
    world_turn(&w);
    assert_int_equal(world_ticket(&w, "c3")->state, TK_OFFERED);
    world_close(&w);
}

static const char relaxing[] =
    "queues:\n"
    "  desk:\n    takes: default\n    needs: { x: 8, lang: ticket }\n    sla: { answer: { within: { normal: 10m, high: 2m } } }\n"
    "    order: slack\n    choose: [longest-idle]\n    timeline:\n"
    "      - { after: 20%, needs: { x: 5 } }\n      - { after: 40%, drop: [lang] }\n      - { after: 60%, raise: 1 }\n"
    "agents:\n  a: { skills: { x: 5 } }\n  b: { skills: { x: 6, lang:ko: 3 } }\n";

static void a_timeline_lowers_drops_and_raises_at_its_shares_of_the_target(void **state)
{
    struct world w;

    (void)state;
    world_open(&w, yaml_of(relaxing));
    world_online(&w, "a");
    world_take(&w, &(struct said){ .external = "m1", .conversation = "c1", .urgency = URG_NORMAL, .lang = "ko" });
    world_turn(&w);
    for (int i = 0; i < 11; i++) {
        world_wait(&w, 10000);
        world_act(&w, (struct act){ .kind = ACT_HEARTBEAT, .agent = STR("a") });
    }
    assert_int_equal(w.entries[ENTRY_RELAXED], 0);
    world_wait(&w, 10000); /* 2 min: 20 % */
    assert_int_equal(w.entries[ENTRY_RELAXED], 1);
    assert_int_equal(world_ticket(&w, "c1")->state, TK_WAITING); /* a does not speak it */
    for (int i = 0; i < 12; i++) {
        world_act(&w, (struct act){ .kind = ACT_HEARTBEAT, .agent = STR("a") });
        world_wait(&w, 10000);
    }
    assert_int_equal(w.entries[ENTRY_RELAXED], 2);
    assert_string_equal(world_ticket(&w, "c1")->offered, "a");
    world_close(&w);
}

static void an_undetermined_language_is_no_need(void **state)
{
    struct world w;

    (void)state;
    world_open(&w, yaml_of("queues:\n  desk: { takes: default, needs: { lang: ticket }, sla: { answer: { within: 1m } } }\n"
                           "agents:\n  a: { skills: { x: 1 } }\n"));
    world_online(&w, "a");
    world_take(&w, &(struct said){ .external = "m1", .conversation = "c1", .urgency = URG_NORMAL, .lang = "und" });
    world_take(&w, &(struct said){ .external = "m2", .conversation = "c2", .urgency = URG_NORMAL, .lang = "xx" });
    world_turn(&w);
    assert_string_equal(world_ticket(&w, "c1")->offered, "a");
    assert_int_equal(world_ticket(&w, "c2")->state, TK_WAITING);
    world_close(&w);
}

static void a_later_verdict_raises_what_waits_and_never_lowers_it(void **state)
{
    struct world w;

    (void)state;
    world_open(&w, yaml_of(simple));
    message(&w, "m1", "c1");
    message(&w, "m2", "c2");
    world_take(&w, &(struct said){ .external = "m3", .conversation = "c2", .urgency = URG_CRITICAL });
    world_take(&w, &(struct said){ .external = "m4", .conversation = "c2", .urgency = URG_LOW });
    world_turn(&w);
    assert_int_equal(w.entries[ENTRY_RETRIAGED], 1);
    world_online(&w, "b"); /* one webchat only */
    world_turn(&w);
    assert_string_equal(world_ticket(&w, "c2")->offered, "b");
    assert_int_equal(world_ticket(&w, "c1")->state, TK_WAITING);
    world_take(&w, &(struct said){ .external = "m5", .conversation = "c2", .urgency = URG_LOW });
    world_turn(&w);
    assert_int_equal(world_ticket(&w, "c2")->messages, 1); /* whoever is offered it sees it */
    world_close(&w);
}

static bool told_of(struct world *w, const char *conversation, const char *text)
{
    world_act(w, (struct act){ .kind = ACT_TICKET, .ticket = world_ticket(w, conversation)->id, .privileged = true });
    world_turn(w);
    return strstr(w->body, text) != NULL;
}

static void what_later_messages_told_outlives_a_reign(void **state)
{
    static const char yaml[] =
        "queues:\n  money: { takes: { intent: [refund] }, needs: { lang: ticket }, sla: { answer: { within: 9m } } }\n"
        "  vip: { takes: { tag: [gold] }, sla: { answer: { within: 9m } } }\n"
        "  desk: { takes: default, sla: { answer: { within: 9m } } }\n"
        "agents:\n  a: { skills: { x: 1 } }\n";
    struct said first = {
        .external = "m1", .conversation = "c1", .urgency = URG_NORMAL, .intent = "hello", .unsure = true, .lang = "ko"
    };
    struct said later = { .external = "m2",
                          .conversation = "c1",
                          .urgency = URG_HIGH,
                          .intent = "refund",
                          .lang = "en",
                          .text = "I want my money back now",
                          .tags = { { STR("angry") } },
                          .tag_count = 1,
                          .needs = { { STR("x"), 3 } },
                          .need_count = 1 };
    struct world w;

    (void)state;
    world_open(&w, yaml_of(yaml));
    world_take(&w, &first);
    world_take(&w, &later);
    world_turn(&w);
    for (int reign = 0; reign < 2; reign++) {
        assert_true(told_of(&w, "c1", "\"intent\":\"refund\""));
        assert_true(told_of(&w, "c1", "\"language\":\"en\""));
        assert_true(told_of(&w, "c1", "\"angry\""));
        assert_true(told_of(&w, "c1", "\"queue\":\"money\""));
        assert_true(told_of(&w, "c1", "[{\"skill\":\"x\",\"level\":3},{\"skill\":\"lang:en\",\"level\":1}]"));
        world_restart(&w);
        space_restore_done(w.ws, w.now);
        world_turn(&w);
    }
    uint32_t before = w.entries[ENTRY_RETRIAGED];
    later.external = "m3";
    world_take(&w, &later); /* nothing new: the reign knows that refund was sure and what was asked */
    world_turn(&w);
    assert_int_equal(w.entries[ENTRY_RETRIAGED], before);
    world_close(&w);
}

static void a_record_that_comes_twice_changes_once(void **state)
{
    struct said later = {
        .external = "m2", .conversation = "c1", .urgency = URG_CRITICAL, .tags = { { STR("angry") } }, .tag_count = 1
    };
    struct world w;

    (void)state;
    world_open(&w, yaml_of(simple));
    message(&w, "m1", "c1");
    for (int i = 0; i < 3; i++) world_take(&w, &later);
    world_turn(&w);
    assert_int_equal(w.entries[ENTRY_RETRIAGED], 1);
    assert_int_equal(w.entries[ENTRY_JOINED], 3); /* answered each time */
    world_close(&w);
}

static void a_verdict_with_much_to_say_keeps_its_entry_small(void **state)
{
    static struct reason reasons[LIM_LIST_ITEMS];
    static char detail[256];
    struct world w;

    (void)state;
    memset(detail, '"', sizeof detail);
    for (size_t i = 0; i < LIM_LIST_ITEMS; i++)
        reasons[i] = (struct reason){ STR("rule"), STR("rule:x"), { detail, sizeof detail } };
    world_open(&w, yaml_of(simple));
    message(&w, "m1", "c1");
    struct event e = { .workspace = space_name(w.ws),
                       .account = STR("web"),
                       .channel = STR("webchat"),
                       .kind = EVENT_MESSAGE,
                       .conversation = STR("c1"),
                       .external = STR("m2"),
                       .home = 3,
                       .id = id_of_event(STR("web"), STR("m2")) };
    struct verdict v = { .event = e.id, .workspace = e.workspace, .urgency = URG_CRITICAL, .reasons = { reasons, LIM_LIST_ITEMS } };
    space_take(w.ws, w.now, &e, &v);
    world_turn(&w);
    const char *told = world_ticket(&w, "c1")->detail;
    assert_non_null(strstr(told, "\"urgency\":[\"normal\",\"critical\"]"));
    assert_non_null(strstr(told, "rule:x"));
    assert_true(strlen(told) <= 8192);
    world_close(&w);
}

static void a_message_brings_a_parked_ticket_back_to_its_owner_or_to_the_line(void **state)
{
    struct world w;

    (void)state;
    world_open(&w, yaml_of(simple));
    world_online(&w, "b");
    message(&w, "m1", "c1");
    world_on(&w, ACT_ACCEPT, "b", "c1");
    world_on(&w, ACT_PARK, "b", "c1");
    world_turn(&w);
    assert_int_equal(w.status, 200);
    message(&w, "m2", "c1");
    assert_int_equal(world_ticket(&w, "c1")->state, TK_ASSIGNED);
    assert_string_equal(world_ticket(&w, "c1")->owner, "b");
    world_on(&w, ACT_PARK, "b", "c1");
    world_turn(&w);
    message(&w, "m3", "c9"); /* fills b */
    world_on(&w, ACT_ACCEPT, "b", "c9");
    world_turn(&w);
    message(&w, "m4", "c1");
    assert_int_equal(world_ticket(&w, "c1")->state, TK_WAITING);
    world_close(&w);
}

static void a_message_while_wrapping_up_opens_the_hold_again(void **state)
{
    struct world w;

    (void)state;
    world_open(&w, yaml_of(simple));
    world_online(&w, "a");
    world_take(&w, &(struct said){ .external = "k1",
                                   .conversation = "l1",
                                   .kind = EVENT_CALL,
                                   .account = "phone",
                                   .channel = "voice",
                                   .urgency = URG_NORMAL });
    world_turn(&w);
    world_on(&w, ACT_ACCEPT, "a", "l1");
    world_on(&w, ACT_RESOLVE, "a", "l1");
    world_turn(&w);
    assert_int_equal(world_ticket(&w, "l1")->state, TK_WRAPUP);
    world_take(&w, &(struct said){
                       .external = "k2", .conversation = "l1", .account = "phone", .channel = "voice", .urgency = URG_NORMAL });
    world_turn(&w);
    assert_int_equal(world_ticket(&w, "l1")->state, TK_ASSIGNED);
    world_wait(&w, 11000);
    assert_int_equal(world_ticket(&w, "l1")->state, TK_ASSIGNED);
    world_close(&w);
}

static void a_transfer_keeps_the_age_and_asks_somebody_else_first(void **state)
{
    struct world w;
    struct seen_ticket *t;

    (void)state;
    world_open(&w, yaml_of(simple));
    world_online(&w, "b");
    message(&w, "m1", "c1");
    world_on(&w, ACT_ACCEPT, "b", "c1");
    world_turn(&w);
    t = world_ticket(&w, "c1");
    world_act(&w, (struct act){ .kind = ACT_TRANSFER,
                                .agent = STR("b"),
                                .ticket = t->id,
                                .token_epoch = t->epoch,
                                .token_seq = t->seq,
                                .queue = STR("none") });
    assert_string_equal(w.problem, "queue-not-found");
    world_act(&w, (struct act){ .kind = ACT_TRANSFER,
                                .agent = STR("b"),
                                .ticket = t->id,
                                .token_epoch = t->epoch,
                                .token_seq = t->seq,
                                .queue = STR("other") });
    assert_int_equal(w.status, 200);
    world_turn(&w);
    assert_int_equal(t->state, TK_WAITING); /* b has the skill, and handed it on just now */
    world_online(&w, "c");
    world_turn(&w);
    assert_string_equal(t->offered, "c");
    world_close(&w);
}

static void a_policy_swap_keeps_ten_thousand_waiting_tickets(void **state)
{
    struct world w;
    struct policy *next;
    char text[32];
    uint64_t before;

    (void)state;
    world_open(&w, yaml_of(simple));
    for (int i = 0; i < 10000; i++) {
        snprintf(text, sizeof text, "m%d", i);
        world_take(&w, &(struct said){ .external = text, .conversation = text, .urgency = (enum urgency)(i % 4) });
    }
    world_turn(&w);
    next = world_policy(
        yaml_of("queues:\n  front: { takes: default, sla: { answer: { within: 5m } }, choose: [longest-idle] }\n"
                "agents:\n  z: { skills: { x: 1 }, capacity: 60 }\n  a: { skills: { x: 1 }, capacity: 30 }\n  line: {}\n"));
    before = clock_cpu_us();
    assert_int_equal(space_policy(w.ws, w.now, next), ERR_OK);
    print_message("  swapped in %llu us\n", (unsigned long long)(clock_cpu_us() - before));
    policy_unref(w.policy);
    w.policy = next;
    world_turn(&w);
    assert_int_equal(space_tickets(w.ws), 10000);
    world_act(&w, (struct act){ .kind = ACT_QUEUES });
    assert_non_null(strstr(w.body, "\"waiting\":10000"));
    world_online(&w, "z");
    world_turn(&w);
    assert_int_equal(w.entries[ENTRY_OFFERED], 2);
    world_close(&w);
}

static void agents_made_by_api_come_go_and_outlive_a_policy(void **state)
{
    struct world w;
    struct config c = {
        .kind = CONFIG_AGENT, .name = STR("api-1"), .at = 10, .body = STR("{\"skills\":{\"x\":4},\"capacity\":30}")
    };
    struct policy *next;

    (void)state;
    world_open(&w, yaml_of(simple));
    assert_int_equal(space_config(w.ws, w.now, &c, true, NULL), ERR_OK);
    assert_int_equal(space_config(w.ws, w.now, &c, true, NULL), ERR_EXISTS);
    c.at = 9;
    assert_int_equal(space_config(w.ws, w.now, &c, true, NULL), ERR_STALE);
    world_online(&w, "api-1");
    message(&w, "m1", "c1");
    assert_string_equal(world_ticket(&w, "c1")->offered, "api-1");
    next = world_policy(yaml_of(simple));
    assert_int_equal(space_policy(w.ws, w.now, next), ERR_OK);
    policy_unref(next);
    world_on(&w, ACT_ACCEPT, "api-1", "c1");
    assert_int_equal(w.status, 200);
    c = (struct config){ .kind = CONFIG_AGENT_GONE, .name = STR("api-1"), .at = 11 };
    assert_int_equal(space_config(w.ws, w.now, &c, true, NULL), ERR_OK);
    world_turn(&w);
    assert_int_equal(world_ticket(&w, "c1")->state, TK_WAITING); /* what they had goes back */
    world_act(&w, (struct act){ .kind = ACT_CONNECT, .agent = STR("api-1") });
    assert_int_equal(w.status, 404);
    world_close(&w);
}

static void what_is_read_is_json_and_pages_by_id(void **state)
{
    struct world w;
    struct id after = { { 0 } };
    uint32_t pages = 0, seen = 0;
    const char *why;
    size_t at;

    (void)state;
    world_open(&w, yaml_of(simple));
    for (int i = 0; i < 250; i++) {
        char text[32];
        snprintf(text, sizeof text, "m%d", i);
        world_take(
            &w, &(struct said){ .external = text, .conversation = text, .urgency = URG_NORMAL, .text = "안녕하세요 \"quoted\"" });
    }
    world_turn(&w);
    for (;;) {
        struct json *doc;
        const struct json *next;
        world_act(&w, (struct act){ .kind = ACT_TICKETS, .queue = STR("desk"), .after = after });
        assert_int_equal(json_parse(&doc, str_of(w.body), 16, &at, &why), ERR_OK);
        for (const struct json *t = json_first(json_get(doc, "tickets")); t; t = json_next(t)) seen++;
        pages++;
        next = json_get(doc, "next");
        if (next) assert_int_equal(id_parse(json_str(next), &after), ERR_OK);
        json_free(doc);
        if (!next) break;
    }
    assert_int_equal(pages, 3);
    assert_int_equal(seen, 250);
    for (enum act_kind k = ACT_TICKET; k <= ACT_EXPLAIN; k++) {
        struct json *doc;
        if (k == ACT_CONFIG) continue;
        world_act(&w,
                  (struct act){ .kind = k, .agent = k == ACT_AGENT ? STR("a") : STR_NONE, .ticket = world_ticket(&w, "m7")->id });
        assert_int_equal(w.status, 200);
        assert_int_equal(json_parse(&doc, str_of(w.body), 32, &at, &why), ERR_OK);
        json_free(doc);
    }
    world_close(&w);
}

/* ---- rebuilding ---- */

static void a_new_reign_has_what_was_written(void **state)
{
    struct world w;

    (void)state;
    world_open(&w, yaml_of(simple));
    world_online(&w, "a");
    message(&w, "m1", "c1");
    message(&w, "m2", "c2");
    message(&w, "m3", "c3");
    message(&w, "m4", "c4");
    world_on(&w, ACT_ACCEPT, "a", "c1");
    world_on(&w, ACT_DECLINE, "a", "c2");
    world_turn(&w);
    world_restart(&w);
    space_restore_done(w.ws, w.now);
    world_turn(&w);
    assert_int_equal(space_tickets(w.ws), 4);
    world_on(&w, ACT_ACCEPT, "a", "c1"); /* the same accept, again, to another reign */
    assert_int_equal(w.status, 200);
    world_on(&w, ACT_ACCEPT, "a", "c3"); /* the offer of the former reign stands */
    assert_int_equal(w.status, 200);
    assert_int_equal(world_ticket(&w, "c2")->state, TK_WAITING); /* and so does the back-off */
    message(&w, "m1", "c1");
    assert_int_equal(w.entries[ENTRY_JOINED], 0); /* events are known */
    world_wait(&w, 30000);
    assert_int_equal(space_tickets(w.ws), 4);
    world_close(&w);
}

static struct live live_of(const struct world *w, const char *external, const char *conversation)
{
    struct live l = { .epoch = 6 };

    l.take.event = (struct event){ .workspace = STR("w"),
                                   .account = STR("web"),
                                   .channel = STR("webchat"),
                                   .external = str_of(external),
                                   .conversation = str_of(conversation),
                                   .received = w->now,
                                   .home = 3 };
    l.take.event.id = id_of_event(STR("web"), str_of(external));
    l.take.verdict = (struct verdict){ .event = l.take.event.id, .urgency = URG_NORMAL, .language = STR("und") };
    return l;
}

static void what_redis_lost_is_rebuilt_from_the_home_with_owner_and_token(void **state)
{
    struct world w;
    struct live l;
    struct rng rng;
    struct id id;

    (void)state;
    rng_seed(&rng, 9);
    world_open(&w, yaml_of(simple));
    id = id_new(w.now, 3, &rng);
    space_live_begin(w.ws, 3);
    l = live_of(&w, "m1", "c1");
    l.ticket = id;
    l.agent = STR("a");
    l.token_epoch = 4;
    l.token_seq = 77;
    space_live(w.ws, w.now, &l);
    space_live(w.ws, w.now, &l); /* told twice */
    l = live_of(&w, "m2", "c2"); /* taken, never opened */
    space_live(w.ws, w.now, &l);
    space_live_done(w.ws, w.now, 3);
    space_restore_done(w.ws, w.now);
    world_turn(&w);
    assert_int_equal(space_tickets(w.ws), 2);
    assert_int_equal(w.entries[ENTRY_ENDED], 0);
    world_act(&w, (struct act){ .kind = ACT_RESOLVE, .agent = STR("a"), .ticket = id, .token_epoch = 4, .token_seq = 77 });
    assert_int_equal(w.status, 200);
    world_close(&w);
}

static void a_wrong_name_is_told_the_nearest_right_one(void **state)
{
    struct world w;

    (void)state;
    world_open(&w, yaml_of("queues:\n  desk: { takes: default }\nagents:\n  minji: { skills: { x: 1 } }\n"));
    world_act(&w, (struct act){ .kind = ACT_AGENT, .agent = STR("minij") });
    assert_int_equal(w.status, 404);
    assert_string_equal(w.why, "no agent is called \"minij\" (did you mean \"minji\"?)");
    world_act(&w, (struct act){ .kind = ACT_AGENT, .agent = STR("somebody-else") });
    assert_string_equal(w.why, "no agent is called \"somebody-else\"");
    world_close(&w);
}

static void what_its_home_has_settled_is_dropped_and_what_came_meanwhile_is_kept(void **state)
{
    struct world w;
    struct live l;

    (void)state;
    world_open(&w, yaml_of(simple));
    message(&w, "m1", "c1");
    message(&w, "m2", "c2");
    message(&w, "m4", "c4");
    space_live_begin(w.ws, 3);
    l = live_of(&w, "m1", "c1");
    l.ticket = world_ticket(&w, "c1")->id;
    space_live(w.ws, w.now, &l);
    message(&w, "m3", "c3");                            /* after the question, before the end of the answer */
    l = (struct live){ .epoch = 1, .untriaged = true }; /* home lost the verdict, and that it was taken */
    l.take.event.id = id_of_event(STR("web"), STR("m4"));
    space_live(w.ws, w.now, &l);
    space_live_done(w.ws, w.now, 3);
    world_turn(&w);
    assert_false(world_ticket(&w, "c1")->ended);
    assert_true(world_ticket(&w, "c2")->ended);
    assert_false(world_ticket(&w, "c3")->ended);
    assert_false(world_ticket(&w, "c4")->ended);
    world_close(&w);
}

/* ---- anything, in any order ---- */

static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g" };
static const char busy[] =
    "queues:\n"
    "  desk: { takes: default, sla: { answer: { within: { critical: 1m, high: 5m, normal: 15m, low: 4h } } }, order: slack, "
    "choose: [preferred, last-agent, longest-idle], last-agent: { within: 10m, wait: 20s, skip: [skills] }, prefer-wait: 10s }\n"
    "  money: { takes: { intent: [money] }, needs: { lang: ticket, y: 1 }, sla: { answer: { within: 3m } }, timeline: [{ after: "
    "50%, drop: "
    "[lang] }] }\n"
    "  marked: { takes: { tag: [tech] }, sla: { answer: { within: 3m } }, timeline: [{ after: 150%, move: desk }] }\n"
    "  tech:\n    takes: { channel: email }\n    needs: { x: 5, lang: ticket }\n    sla: { answer: { within: 2m } }\n    order: "
    "priority\n"
    "    choose: [best-skill, least-loaded]\n    timeline:\n      - { after: 50%, needs: { x: 2 } }\n      - { after: 20s, since: "
    "step, drop: [lang] }\n"
    "      - { after: 200%, move: desk }\n    overflow:\n      - { when: { waiting: \">5\" }, move: desk }\n"
    "agents:\n  a: { skills: { x: 9, lang:ko: 3 } }\n  b: { skills: { x: 4 }, capacity: 60, max: { webchat: 1 } }\n"
    "  c: { skills: { y: 1, lang:en: 5 } }\n  d: { skills: { x: 2, y: 5 } }\n  e: { skills: { x: 7 }, capacity: 45 }\n  f: { "
    "skills: { lang:ko: 1, x: 6 } }\n  g: { kind: bot, skills: { x: 5, y: 1 }, bot: { below: 0.3, after: 2m } }\n";

static void random_take(struct world *w, struct rng *rng, uint64_t n)
{
    static const char *const accounts[] = { "web", "mail", "phone" }, *const channels[] = { "webchat", "email", "voice" };
    static const char *const langs[] = { "ko", "en", "und", "fr" }, *const intents[] = { "tech", "money", "none" };
    char external[32], conversation[32];
    uint64_t k = rng_below(rng, 3);
    struct said s = { .external = external,
                      .conversation = conversation,
                      .account = accounts[k],
                      .channel = channels[k],
                      .lang = langs[rng_below(rng, 4)],
                      .confidence = (double)rng_below(rng, 10) / 10,
                      .customer = rng_below(rng, 5) ? "kim" : "lee",
                      .person = rng_below(rng, 3) ? NULL : names[rng_below(rng, 7)],
                      .prefer = rng_below(rng, 10) ? NULL : names[rng_below(rng, 7)],
                      .sentiment = rng_below(rng, 12) ? SENT_UNKNOWN : SENT_NEGATIVE,
                      .urgency = (enum urgency)rng_below(rng, 4) };

    snprintf(external, sizeof external, "m%llu", (unsigned long long)(rng_below(rng, 20) ? n : n - rng_below(rng, 50)));
    snprintf(conversation, sizeof conversation, "c%llu", (unsigned long long)rng_below(rng, 40));
    if (!rng_below(rng, 40)) s.kind = EVENT_HANGUP;
    else if (k == 2) s.kind = EVENT_CALL;
    if (!rng_below(rng, 4)) s.needs[s.need_count++] = (struct need){ STR("y"), 1 + (uint32_t)rng_below(rng, 6) };
    if (!rng_below(rng, 4)) s.needs[s.need_count++] = (struct need){ STR("lang:ko"), 1 };
    if (!rng_below(rng, 3)) s.intent = intents[rng_below(rng, 3)];
    s.unsure = s.intent && !rng_below(rng, 3);
    if (!rng_below(rng, 10)) s.queue = intents[rng_below(rng, 3)];
    if (!rng_below(rng, 3)) s.tags[s.tag_count++].name = str_of(intents[rng_below(rng, 3)]);
    if (rng_below(rng, 2)) s.text = "a text that is long enough to be in a language";
    world_take(w, &s);
}

static void random_agent(struct world *w, struct rng *rng)
{
    struct act a = { .agent = str_of(names[rng_below(rng, 7)]) };
    uint64_t k = rng_below(rng, 12);

    if (k < 6) a.kind = ACT_HEARTBEAT;
    else if (k < 7) a.kind = ACT_CONNECT;
    else if (k == 7) a.kind = ACT_DISCONNECT;
    else a.kind = ACT_PRESENCE, a.presence = k < 11 ? PRES_AVAILABLE : (enum presence)rng_below(rng, 3);
    world_act(w, a);
}

static void random_on_ticket(struct world *w, struct rng *rng)
{
    static const enum act_kind kinds[] = { ACT_ACCEPT,  ACT_ACCEPT, ACT_ACCEPT,  ACT_DECLINE,  ACT_RESOLVE,
                                           ACT_RESOLVE, ACT_PARK,   ACT_RESUME,  ACT_TRANSFER, ACT_CANCEL,
                                           ACT_EXPLAIN, ACT_TICKET, ACT_REPLY,   ACT_CONSULT,  ACT_CONSULT,
                                           ACT_ASSIGN,  ACT_PULL,   ACT_REQUEUE, ACT_HANDOVER };
    static const char *const reasons[] = { "", "force", "over" };
    struct need need = { STR("x"), 1 + (uint32_t)rng_below(rng, 9) };
    struct seen_ticket *t, *chosen = NULL;
    uint64_t n = 0;

    for (size_t i = 0; (t = map_next(&w->tickets, &i));)
        if ((!t->ended || !rng_below(rng, 20)) && rng_below(rng, ++n) == 0) chosen = t;
    if (!chosen) return;
    struct act a = { .kind = kinds[rng_below(rng, sizeof kinds / sizeof *kinds)],
                     .ticket = chosen->id,
                     .token_epoch = chosen->epoch,
                     .token_seq = chosen->seq,
                     .agent = str_of(chosen->owner[0]     ? chosen->owner
                                     : chosen->offered[0] ? chosen->offered
                                                          : names[rng_below(rng, 7)]),
                     .queue = rng_below(rng, 2) ? STR("desk") : STR("tech"),
                     .to = rng_below(rng, 2) ? str_of(names[rng_below(rng, 7)]) : STR_NONE,
                     .needs = { &need, !rng_below(rng, 3) },
                     .reason = str_of(reasons[rng_below(rng, 3)]),
                     .text = STR("a reply"),
                     .privileged = !rng_below(rng, 8) };
    if (a.kind == ACT_ASSIGN || a.kind == ACT_REQUEUE) a.privileged = true;
    if (a.privileged && rng_below(rng, 2)) a.token_epoch = a.token_seq = 0;
    if (a.kind == ACT_PULL) a.token_epoch = a.token_seq = 0, a.agent = str_of(names[rng_below(rng, 7)]);
    if (!rng_below(rng, 20)) a.agent = str_of(names[rng_below(rng, 7)]);
    if (!rng_below(rng, 30)) a.token_seq--;
    world_act(w, a);
}

static void forget_ended(struct world *w)
{
    struct seen_ticket *t, *old[4096];
    size_t n = 0;

    for (size_t i = 0; (t = map_next(&w->tickets, &i)) && n < 4096;)
        if (t->ended) old[n++] = t;
    while (n) {
        map_del(&w->tickets, (struct str){ (const char *)old[--n]->id.b, 16 });
        free(old[n]);
    }
}

static void a_long_random_walk_breaks_nothing_that_must_hold(void **state)
{
    uint64_t steps = getenv("NARU_WALK") ? strtoull(getenv("NARU_WALK"), NULL, 10) : 200000;
    struct world w;
    struct rng rng;

    (void)state;
    rng_seed(&rng, getenv("NARU_SEED") ? strtoull(getenv("NARU_SEED"), NULL, 10) : 2026);
    world_open(&w, yaml_of(busy));
    for (uint64_t n = 1; n <= steps; n++) {
        uint64_t k = rng_below(&rng, 100);
        if (k < 25) random_take(&w, &rng, n + 1000);
        else if (k < 45) random_agent(&w, &rng);
        else if (k < 85) random_on_ticket(&w, &rng);
        else w.now += rng_below(&rng, rng_below(&rng, 200) ? 1500 : 90000);
        if (rng_below(&rng, 3)) world_turn(&w);
        if (n % 500 == 0) forget_ended(&w);
        if (n % 4000 == 0) {
            uint32_t live = (world_turn(&w), space_tickets(w.ws));
            world_restart(&w);
            assert_int_equal(space_tickets(w.ws), live);
            space_restore_done(w.ws, w.now);
            world_turn(&w);
        }
        if (n % 20000 == 0) {
            assert_int_equal(space_policy(w.ws, w.now, w.policy), ERR_OK);
            world_turn(&w);
        }
    }
    print_message("  %u opened %u offered %u accepted %u ended %u returned\n", w.entries[ENTRY_OPENED], w.entries[ENTRY_OFFERED],
                  w.entries[ENTRY_ACCEPTED], w.entries[ENTRY_ENDED], w.entries[ENTRY_RETURNED]);
    assert_true(w.entries[ENTRY_ACCEPTED] > steps / 200);
    assert_true(w.entries[ENTRY_RETRIAGED] > steps / 200);
    print_message("  %u consulted %u replied %u handed over %u moved\n", w.entries[ENTRY_CONSULTED], w.entries[ENTRY_REPLIED],
                  w.entries[ENTRY_HANDED_OVER], w.entries[ENTRY_MOVED]);
    assert_true(w.entries[ENTRY_CONSULTED] > steps / 8000 && w.entries[ENTRY_REPLIED] > steps / 4000);
    assert_true(w.entries[ENTRY_HANDED_OVER] > steps / 4000);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_end_is_never_left_and_every_cell_leads_to_a_state),
        cmocka_unit_test(an_accept_needs_the_offers_own_token),
        cmocka_unit_test(a_late_accept_is_told_that_the_offer_has_expired),
        cmocka_unit_test(a_channel_maximum_holds_beside_the_units),
        cmocka_unit_test(a_timeline_lowers_drops_and_raises_at_its_shares_of_the_target),
        cmocka_unit_test(an_undetermined_language_is_no_need),
        cmocka_unit_test(a_later_verdict_raises_what_waits_and_never_lowers_it),
        cmocka_unit_test(what_later_messages_told_outlives_a_reign),
        cmocka_unit_test(a_record_that_comes_twice_changes_once),
        cmocka_unit_test(a_verdict_with_much_to_say_keeps_its_entry_small),
        cmocka_unit_test(a_message_brings_a_parked_ticket_back_to_its_owner_or_to_the_line),
        cmocka_unit_test(a_message_while_wrapping_up_opens_the_hold_again),
        cmocka_unit_test(a_transfer_keeps_the_age_and_asks_somebody_else_first),
        cmocka_unit_test(a_policy_swap_keeps_ten_thousand_waiting_tickets),
        cmocka_unit_test(agents_made_by_api_come_go_and_outlive_a_policy),
        cmocka_unit_test(what_is_read_is_json_and_pages_by_id),
        cmocka_unit_test(a_new_reign_has_what_was_written),
        cmocka_unit_test(what_redis_lost_is_rebuilt_from_the_home_with_owner_and_token),
        cmocka_unit_test(a_wrong_name_is_told_the_nearest_right_one),
        cmocka_unit_test(what_its_home_has_settled_is_dropped_and_what_came_meanwhile_is_kept),
        cmocka_unit_test(a_long_random_walk_breaks_nothing_that_must_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
