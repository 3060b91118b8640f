/* When the figures of a queue become entries: for who is told of them, seldom, and at once when it matters. */
#include "tests/unit/assign/world.h"

#define HOOKS "webhooks: { bi: { url: \"https://bi.example\", secret: env:K, only: \"queue.*\" } }\n"
#define POLICY                                                                                                                     \
    "naru: 1\nworkspace: w\n"                                                                                                      \
    "hours: { day: { timezone: UTC, open: { mon-sun: \"08:00-16:00\" } } }\n"                                                      \
    "queues:\n"                                                                                                                    \
    "  q: { takes: default, sla: { answer: { within: 1h, hours: day } } }\n"                                                       \
    "  other: { takes: { language: xx } }\n"

static void say(struct world *w, int n)
{
    char name[2][16];
    snprintf(name[0], sizeof name[0], "m%d", n);
    snprintf(name[1], sizeof name[1], "c%d", n);
    world_take(w, &(struct said){ .external = name[0], .conversation = name[1], .urgency = URG_NORMAL });
    world_turn(w);
}

static void nothing_is_said_when_nobody_asks(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, POLICY);
    for (int i = 0; i < 5; i++) say(&w, i);
    world_wait(&w, 60000);
    assert_int_equal(w.entries[ENTRY_QUEUE], 0);
    assert_true(space_next(w.ws) > w.now);
    world_close(&w);
}

static void who_begins_to_wait_is_told_at_once_and_the_rest_every_five_seconds(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, POLICY HOOKS);
    assert_int_equal(w.entries[ENTRY_QUEUE], 0); /* empty queues have nothing to say */
    say(&w, 0);
    assert_int_equal(w.entries[ENTRY_QUEUE], 1);
    for (int i = 1; i < 20; i++) {
        w.now += 100;
        say(&w, i);
    }
    assert_int_equal(w.entries[ENTRY_QUEUE], 1);
    world_wait(&w, 3099);
    assert_int_equal(w.entries[ENTRY_QUEUE], 1);
    world_wait(&w, 1);
    assert_int_equal(w.entries[ENTRY_QUEUE], 2);
    world_wait(&w, 60000); /* waiting alone is no change */
    assert_int_equal(w.entries[ENTRY_QUEUE], 2);
    world_close(&w);
}

static void closing_is_told_when_it_happens(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, POLICY HOOKS);
    say(&w, 0);
    uint64_t four = WORLD_START + 53 * 60000 + 20000; /* the world begins at 15:06:40 */
    world_wait(&w, four - 1 - w.now);
    uint32_t before = w.entries[ENTRY_QUEUE];
    world_wait(&w, 1);
    assert_int_equal(w.entries[ENTRY_QUEUE], before + 1);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(nothing_is_said_when_nobody_asks),
                                        cmocka_unit_test(who_begins_to_wait_is_told_at_once_and_the_rest_every_five_seconds),
                                        cmocka_unit_test(closing_is_told_when_it_happens) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
