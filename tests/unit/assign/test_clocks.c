#include "base/clock.h"
#include "world.h"

/* Clocks that jump. The world's time is made as the process makes it: from the boot clock, by a steady clock; the wall clock is
   turned beside it. */

static const char policy[] =
    "naru: 1\nworkspace: w\nchannels:\n  webchat: { cost: 30, offer: 20s }\naccounts:\n  web: { channel: webchat }\n"
    "queues:\n  desk: { takes: default, sla: { answer: { within: 15m } }, overflow: [ { when: { waiting: \">5\" }, callback: 30m } "
    "],\n"
    "    timeline: [ { after: 5m, update: soon }, { after: 40m, since: assigned, update: working } ] }\n"
    "agents:\n  a: { capacity: 60 }\n";

struct machine {
    struct world w;
    struct steady clock;
    uint64_t wall, boot;
};

static void turn(struct machine *m)
{
    m->w.now = steady_ms(&m->clock, m->boot);
    for (int i = 0; i < 3; i++) world_turn(&m->w); /* more than once at one instant: nothing happens twice */
}

static void passes(struct machine *m, uint64_t ms)
{
    m->wall += ms;
    m->boot += ms;
    turn(m);
}

/* One ticket is offered, one is held; the agent has sent a heartbeat just now. */
static void begin(struct machine *m)
{
    *m = (struct machine){ .wall = WORLD_START, .boot = 777000 };
    steady_begin(&m->clock, m->wall, m->boot);
    world_open(&m->w, policy);
    world_online(&m->w, "a");
    world_take(&m->w, &(struct said){ .external = "m1", .conversation = "c1", .urgency = URG_NORMAL });
    turn(m);
    world_on(&m->w, ACT_ACCEPT, "a", "c1");
    world_take(&m->w, &(struct said){ .external = "m2", .conversation = "c2", .urgency = URG_NORMAL });
    turn(m);
    assert_int_equal(world_ticket(&m->w, "c1")->state, TK_ASSIGNED);
    assert_int_equal(world_ticket(&m->w, "c2")->state, TK_OFFERED);
}

static void a_step_of_the_wall_clock_ends_nothing(void **state)
{
    static const int64_t steps[] = { 3600000, -3600000 };
    struct machine m;

    (void)state;
    for (int i = 0; i < 2; i++) {
        begin(&m);
        m.wall += (uint64_t)steps[i];
        turn(&m);
        passes(&m, 19000);
        assert_int_equal(world_ticket(&m.w, "c2")->state, TK_OFFERED);
        assert_int_equal(m.w.entries[ENTRY_UPDATED], 0);
        passes(&m, 1000); /* its own twenty seconds */
        assert_int_equal(m.w.entries[ENTRY_OFFER_EXPIRED], 1);
        assert_int_equal(world_ticket(&m.w, "c1")->state, TK_ASSIGNED);
        world_close(&m.w);
    }
}

static void after_an_hour_of_sleep_everything_that_fell_due_happens_once(void **state)
{
    struct machine m;
    uint32_t presences;

    (void)state;
    begin(&m);
    presences = m.w.entries[ENTRY_PRESENCE];
    passes(&m, 3600000);
    assert_int_equal(m.w.entries[ENTRY_OFFER_EXPIRED] + m.w.entries[ENTRY_WITHDRAWN], 1);
    assert_int_equal(m.w.entries[ENTRY_PRESENCE], presences + 1); /* the lease lapsed */
    assert_int_equal(m.w.entries[ENTRY_UPDATED], 2);              /* a step of waiting, one of holding */
    assert_int_equal(world_ticket(&m.w, "c2")->state, TK_WAITING);
    assert_int_equal(world_ticket(&m.w, "c1")->state, TK_ASSIGNED); /* its grace begins now */
    passes(&m, 59000);
    assert_int_equal(world_ticket(&m.w, "c1")->state, TK_ASSIGNED);
    passes(&m, 2000);
    assert_int_equal(m.w.entries[ENTRY_RETURNED], 1);
    passes(&m, 1000000);
    assert_int_equal(m.w.entries[ENTRY_RETURNED], 1);
    assert_int_equal(m.w.entries[ENTRY_PRESENCE], presences + 1);
    assert_int_equal(m.w.entries[ENTRY_OFFER_EXPIRED] + m.w.entries[ENTRY_WITHDRAWN], 1);
    world_close(&m.w);
}

static void a_callback_sleeps_through_and_is_due_once(void **state)
{
    struct machine m;

    (void)state;
    begin(&m);
    world_act(&m.w, (struct act){ .kind = ACT_PRESENCE, .agent = STR("a"), .presence = PRES_AWAY });
    for (int i = 0; i < 6; i++) {
        char id[8], conversation[8];
        snprintf(id, sizeof id, "w%d", i);
        snprintf(conversation, sizeof conversation, "w%d", i);
        world_take(&m.w, &(struct said){ .external = id, .conversation = conversation, .urgency = URG_NORMAL });
    }
    turn(&m);
    assert_int_equal(m.w.entries[ENTRY_SCHEDULED], 1);
    m.wall -= 3600000;
    passes(&m, 1799000);
    assert_int_equal(m.w.entries[ENTRY_DUE], 0);
    passes(&m, 7200000);
    assert_int_equal(m.w.entries[ENTRY_DUE], 1);
    world_close(&m.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_of_the_wall_clock_ends_nothing),
        cmocka_unit_test(after_an_hour_of_sleep_everything_that_fell_due_happens_once),
        cmocka_unit_test(a_callback_sleeps_through_and_is_due_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
