/* A whole search on a small team, from the file's text to the file's text. */
#include "base/metrics.h"
#include "tests/unit/config/unit.h"
#include "workers/simulate/tune.h"

#include <math.h>

#define MINUTE 60000ull
#define DAY    86400000ull
#define DAYS   6u
#define CALLS  60u

static const char *const yaml = "naru: 1\n"
                                "workspace: w\n"
                                "channels: { voice: { auto-accept: yes } }\n"
                                "queues: # all of them\n"
                                "  calm: { takes: default, order: fifo, sla: { answer: { within: 30m } } }\n"
                                "  hurried:\n"
                                "    takes: { tag: hurried } # a tag of the rules\n"
                                "    order: fifo\n"
                                "    sla: { answer: { within: { high: 1m, normal: 30m } } }\n"
                                "agents: { minji: {}, joohan: {} }\n"
                                "simulate:\n"
                                "  from: 2026-03-02 00:00\n"
                                "  classes:\n"
                                "    calm: { queue: calm }\n"
                                "    hurried: { queue: hurried, urgency: high, weight: 3 }\n";

/* From nine on a call each 90 s on six days, more than two can do at times: every third one is hurried. */
struct calls {
    struct source s;
    uint32_t at;
};
static enum err calls_next(struct source *s, struct arrival *out)
{
    struct calls *c = (struct calls *)s;
    if (c->at == DAYS * CALLS) return ERR_NOTFOUND;
    uint32_t day = c->at / CALLS, n = c->at % CALLS;
    *out = (struct arrival){ .class = n % 3 == 0,
                             .at = day * DAY + 540 * MINUTE + n * 90000,
                             .work = (n + day) % 10 < 6 ? 4 * MINUTE : MINUTE,
                             .patience = SIM_FOR_EVER };
    snprintf(out->id, sizeof out->id, "%u", ++c->at);
    return ERR_OK;
}
static void calls_close(struct source *s) { free(s); }
static enum err calls_open(void *ctx, uint32_t replication, struct source **out, char why[512])
{
    struct calls *c = calloc(1, sizeof *c);
    UNUSED(ctx);
    UNUSED(replication);
    UNUSED(why);
    *c = (struct calls){ .s = { .next = calls_next, .close = calls_close } };
    *out = &c->s;
    return ERR_OK;
}

struct made {
    struct policy *policy;
    struct parts parts;
    struct params params;
    struct objective objective;
    struct guards guards;
    struct tune_cfg cfg;
};
static void make(struct made *m, const char *over, const char *objective, const char *keep, uint32_t budget)
{
    char why[PARAMS_WHY];
    memset(m, 0, sizeof *m);
    m->policy = good_policy(yaml);
    struct parts_cfg cut = { .policy = m->policy,
                             .from = m->policy->simulate.from,
                             .replications = 1,
                             .seeds = 1,
                             .every = 3,
                             .days = true,
                             .open = calls_open };
    assert_int_equal(tune_load(&m->policy, str_of(yaml), "p.yaml", cut.from, NULL), ERR_OK);
    policy_unref((struct policy *)cut.policy);
    cut.policy = m->policy;
    assert_int_equal(parts_read(&m->parts, &cut, why), ERR_OK);
    assert_int_equal(params_find(&m->params, str_of(yaml), over, why), ERR_OK);
    assert_int_equal(objective_parse(&m->objective, objective, &m->policy->simulate, why), ERR_OK);
    if (keep) assert_int_equal(guards_parse(&m->guards, keep, &m->policy->simulate, why), ERR_OK);
    m->cfg = (struct tune_cfg){ .yaml = str_of(yaml),
                                .path = "p.yaml",
                                .params = &m->params,
                                .parts = &m->parts,
                                .objective = &m->objective,
                                .guards = &m->guards,
                                .from = cut.from,
                                .seed = 1,
                                .budget = budget };
}
static void unmake(struct made *m, struct tuning *t)
{
    tune_fini(t);
    params_fini(&m->params);
    parts_fini(&m->parts);
    policy_unref(m->policy);
}

TEST(a_better_order_is_found_and_holds_on_days_that_were_not_searched_on)
{
    UNUSED(state);
    struct made m;
    struct tuning t;
    make(&m, "queues.*.order, age-cap", "breach", NULL, 15);
    assert_int_equal(tune_run(&t, &m.cfg), ERR_OK);
    assert_true(t.search.best < t.search.first);
    assert_true(t.side[0].value[0] == t.search.first);
    assert_true(fabs(t.side[0].value[1] - t.search.best) < 1e-12);
    assert_int_equal(t.side[0].difference.n, 4);
    assert_int_equal(t.side[1].difference.n, 2);
    assert_true(t.side[1].difference.mean < 0);
    assert_true(tune_holds(&t));
    assert_non_null(strstr(buf_cstr(&t.edited), "takes: { tag: hurried } # a tag of the rules\n"));
    assert_null(strstr(buf_cstr(&t.edited), "order: fifo"));
    assert_string_equal(t.after->queues[0].name, "calm");
    assert_true(t.after->queues[0].order == t.after->queues[1].order && t.after->queues[0].order != ORDER_FIFO);
    unmake(&m, &t);
}

TEST(the_same_seed_finds_the_same_text)
{
    UNUSED(state);
    struct made m;
    struct tuning t, again;
    make(&m, "queues.*.weights,order,choose", "hurried.lateness + breach", NULL, 15);
    assert_int_equal(tune_run(&t, &m.cfg), ERR_OK);
    assert_int_equal(tune_run(&again, &m.cfg), ERR_OK);
    assert_string_equal(buf_cstr(&t.edited), buf_cstr(&again.edited));
    assert_int_equal(t.search.trials, again.search.trials);
    tune_fini(&again);
    unmake(&m, &t);
}

TEST(what_changes_nothing_stays_as_it_is_written)
{
    UNUSED(state);
    struct made m;
    struct tuning t;
    make(&m, "queues.*.offers.back-off", "breach", NULL, 6);
    assert_int_equal(tune_run(&t, &m.cfg), ERR_OK);
    assert_int_equal(t.changed, 0);
    assert_string_equal(buf_cstr(&t.edited), yaml);
    assert_false(tune_holds(&t));
    unmake(&m, &t);
}

TEST(a_guard_keeps_what_it_names_from_becoming_worse)
{
    UNUSED(state);
    struct made m;
    struct tuning t;
    make(&m, "queues.*.order", "breach", "calm.wait", 10);
    assert_int_equal(tune_run(&t, &m.cfg), ERR_OK);
    assert_true(figure_of_value(&m.guards.v[0].of, t.side[0].after) <= figure_of_value(&m.guards.v[0].of, t.side[0].before) + 1e-9);
    assert_null(t.side[0].broken);
    assert_int_equal(t.changed, 0); /* whoever lets the hurried pass lets the calm wait */
    unmake(&m, &t);
}

TEST(a_figure_that_is_not_defined_is_told)
{
    UNUSED(state);
    struct made m;
    struct tuning t;
    make(&m, "queues.*.order", "breach - match", NULL, 10);
    assert_int_equal(tune_run(&t, &m.cfg), ERR_RANGE);
    assert_string_equal(t.why, "match is not defined for these arrivals: give agents a `match` in the section `simulate`");
    unmake(&m, &t);
}

TEST(a_search_that_is_stopped_at_once_has_nothing_to_tell)
{
    UNUSED(state);
    struct made m;
    struct tuning t;
    volatile sig_atomic_t stop = 1;
    make(&m, "queues.*.order", "breach", NULL, 10);
    m.cfg.stop = &stop;
    assert_int_equal(tune_run(&t, &m.cfg), ERR_OK);
    assert_null(t.before);
    assert_true(t.search.stopped);
    unmake(&m, &t);
}

static volatile sig_atomic_t stop_later;
static void stop_at_second(void *ctx, const double *x, double value, uint32_t trial)
{
    UNUSED(ctx);
    UNUSED(x);
    UNUSED(value);
    if (trial > 1) stop_later = 1;
}

TEST(a_search_that_is_stopped_later_shows_its_best_so_far)
{
    UNUSED(state);
    struct made m;
    struct tuning t;
    make(&m, "queues.*.order, age-cap", "breach", NULL, 60);
    stop_later = 0;
    m.cfg.stop = &stop_later;
    m.cfg.better = stop_at_second;
    assert_int_equal(tune_run(&t, &m.cfg), ERR_OK);
    assert_true(t.search.stopped && t.search.trials < 60);
    assert_true(t.changed > 0 && t.side[1].difference.n == 2);
    unmake(&m, &t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_better_order_is_found_and_holds_on_days_that_were_not_searched_on),
        cmocka_unit_test(the_same_seed_finds_the_same_text),
        cmocka_unit_test(what_changes_nothing_stays_as_it_is_written),
        cmocka_unit_test(a_guard_keeps_what_it_names_from_becoming_worse),
        cmocka_unit_test(a_figure_that_is_not_defined_is_told),
        cmocka_unit_test(a_search_that_is_stopped_at_once_has_nothing_to_tell),
        cmocka_unit_test(a_search_that_is_stopped_later_shows_its_best_so_far),
    };
    metrics_init("test");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
