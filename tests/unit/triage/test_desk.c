/* The desk with its loop, and the clock handed in. */
#include "base/loop.h"
#include "tests/unit/triage/unit.h"
#include "workers/triage/desk.h"

static const char yaml[] = "naru: 1\nworkspace: w\nhours: { seoul: { timezone: Asia/Seoul, open: { mon-fri: \"09:00-18:00\" } } }\n"
                           "accounts: { web: { channel: webchat } }\nqueues: { desk: { takes: default } }\n"
                           "triage:\n  rules:\n    - { name: night, when: { closed: seoul }, then: { tag: night } }\n";

#define IN_2026 1767225600000ull /* 2026-01-01T00:00:00Z, a Thursday: 09:00 in Seoul */
#define IN_2028 1844125200000ull /* 2028-06-09T01:00:00Z, a Friday: 10:00 in Seoul */

struct heard {
    uint32_t verdicts, nights;
};

static void on_verdict(void *ctx, void *from, const struct verdict *v)
{
    struct heard *s = ctx;
    (void)from;
    s->verdicts++;
    for (uint32_t i = 0; i < v->tags.count; i++) s->nights += str_is(((const struct tag *)v->tags.items)[i].name, "night");
}

static void say(struct desk *d, uint64_t now)
{
    struct event e = {
        .kind = EVENT_MESSAGE, .workspace = STR("w"), .account = STR("web"), .channel = STR("webchat"), .text = STR("hi")
    };
    desk_event(d, NULL, &e, now);
}

TEST(a_process_that_runs_for_years_knows_the_hours_of_today)
{

    uv_loop_t loop;
    struct desk *d = NULL;
    struct heard heard = { 0 };
    struct desk_cfg cfg = { .ctx = &heard, .answer = on_verdict };
    struct config c = { .workspace = STR("w"), .kind = CONFIG_POLICY, .version = STR("v1"), .at = IN_2026, .body = STR(yaml) };
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(desk_open(&d, &loop, &cfg), ERR_OK);
    desk_config(d, &c, IN_2026);
    uv_run(&loop, UV_RUN_DEFAULT); /* until it is compiled */
    say(d, IN_2026);
    say(d, IN_2026 + 10 * 3600000);
    assert_int_equal(heard.verdicts, 2);
    assert_int_equal(heard.nights, 1);

    desk_tick(d, IN_2026 + 199ull * 86400000); /* far from their end: nothing to do */
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    desk_tick(d, IN_2028);
    uv_run(&loop, UV_RUN_DEFAULT);
    say(d, IN_2028);
    assert_int_equal(heard.verdicts, 3);
    assert_int_equal(heard.nights, 1);
    desk_close(d);
    loop_finish(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = { RUN(a_process_that_runs_for_years_knows_the_hours_of_today) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
