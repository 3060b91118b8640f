/* Replications, intervals and paired differences over runs that are made here: sim_run is this file's own. */
#include "tests/unit/simulate/made.h"
#include "workers/simulate/experiment.h"
#include "workers/simulate/page.h"

#include <stdlib.h>

static struct policy *one, *other;
static const struct sim_group all = { GROUP_ALL, 0 };

/* ---- a world: ten arrivals, who wait what the source says; twice as long, and all in the first queue, under the other policy ----
 */

static struct world {
    bool random;        /* works differ by replication */
    bool says_random;   /* they do not, and the source drew all the same */
    bool first_is_slow; /* P waits twice as long, in place of Q */
    uint32_t fails_at;  /* opening this replication fails; UINT32_MAX: none does */
    uint32_t stop_run;  /* the so many-th run is stopped after 3 arrivals */
    uint32_t runs, opened, closed, seen;
    uint64_t seeds[16], use_from, use_to; /* … and of agents' time, of the last run */
} world;

struct made_source {
    struct source s;
    uint32_t given, r;
};

static enum err give(struct source *s, struct arrival *out)
{
    struct made_source *m = (struct made_source *)s;
    if (m->given == 10) return ERR_NOTFOUND;
    *out = (struct arrival){ .id = "1", .class = m->given % 2, .at = m->given * 1000u };
    out->work = 1000 * (1 + m->given + (world.random ? 7 * m->r * m->r : 0));
    m->given++;
    return ERR_OK;
}

static void give_no_more(struct source *s)
{
    world.closed++;
    free(s);
}

static enum err open_made(void *ctx, uint32_t r, struct source **out, char why[512])
{
    UNUSED(ctx);
    if (r == world.fails_at) return snprintf(why, 512, "t.csv:7: no such class"), ERR_POLICY;
    struct made_source *m = calloc(1, sizeof *m);
    *m = (struct made_source){ .s = { .next = give, .close = give_no_more, .random = world.random || world.says_random }, .r = r };
    *out = &m->s;
    world.opened++;
    return ERR_OK;
}

enum err sim_run(const struct sim_cfg *cfg, struct sim_end *out)
{
    struct arrival a;
    bool second = cfg->policy == other, slow = second != world.first_is_slow, cut = ++world.runs == world.stop_run;

    *out = (struct sim_end){ .stopped = cut };
    world.use_from = cfg->use_from, world.use_to = cfg->use_to;
    if (world.runs <= 16) world.seeds[world.runs - 1] = cfg->seed;
    while (!(cut && out->tickets == 3) && !source_next(cfg->source, &a)) {
        struct outcome_of o = made_answered(a.class, a.at, a.work * (slow ? 2 : 1), 5000);
        if (second) o.queue = 0;
        cfg->on_outcome(cfg->ctx, &o);
        out->tickets++;
        out->last_ms = o.end;
    }
    cfg->on_agent(cfg->ctx, &(struct agent_use){ .agent = "minji", .online_ms = 100, .busy_ms = second ? 50 : 80, .capacity = 1 });
    return ERR_OK;
}

static void on_outcome(void *ctx, unsigned side, uint32_t r, const struct outcome_of *o)
{
    UNUSED(ctx), UNUSED(o), UNUSED(side), UNUSED(r);
    world.seen++;
}

static enum err run(struct experiment *x, uint32_t replications, struct policy *q)
{
    struct experiment_cfg cfg = { .policy = { one, q },
                                  .rules = { &made_rules, &made_rules },
                                  .replications = replications,
                                  .seed = 7,
                                  .open = open_made,
                                  .on_outcome = on_outcome };
    enum err e = experiment_run(x, &cfg);
    assert_int_equal(world.opened, world.closed);
    return e;
}

static int new_world(void **state)
{
    UNUSED(state);
    world = (struct world){ .fails_at = UINT32_MAX };
    return 0;
}

static void assert_near(double got, double want)
{
    if (fabs(got - want) > 1e-6 * fmax(1, fabs(want))) fail_msg("got %.9g, want %.9g", got, want);
}

static int load(void **state)
{
    UNUSED(state);
    if (policy_load(&one, STR("naru: 1\nworkspace: w\nqueues:\n  calls: { takes: default }\n  mail: { takes: { tag: mail } }\n"),
                    "p.yaml", MADE_FROM, NULL))
        return -1;
    return policy_load(&other,
                       STR("naru: 1\nworkspace: w\nqueues:\n  mail: { takes: default }\n  rest: { takes: { tag: rest } }\n"),
                       "q.yaml", MADE_FROM, NULL)
               ? -1
               : 0;
}

static struct buf told;

static int unload(void **state)
{
    UNUSED(state);
    policy_unref(one), policy_unref(other);
    buf_fini(&told);
    return 0;
}

/* ---- */

TEST(one_replication_has_a_mean_and_no_interval)
{
    struct experiment x;
    UNUSED(state);
    assert_int_equal(run(&x, 1, NULL), ERR_OK);
    struct interval wait = experiment_figure(&x, 0, all, FIG_WAIT);
    assert_near(wait.mean, 5.5);
    assert_true(isnan(wait.half) && wait.n == 1 && !interval_sure(&wait));
    assert_int_equal(x.done, 1);
    assert_false(x.equal);
    assert_int_equal(x.tickets, 10);
    assert_int_equal(experiment_difference(&x, all, FIG_WAIT).n, 0);
    experiment_fini(&x);
}

TEST(intervals_are_students_over_replications)
{
    struct experiment x;
    UNUSED(state);
    world.random = true;
    assert_int_equal(run(&x, 3, NULL), ERR_OK);
    struct interval wait = experiment_figure(&x, 0, all, FIG_WAIT); /* of 5.5, 12.5, 33.5 */
    assert_near(wait.mean, 51.5 / 3);
    assert_near(wait.half, 4.30265 * sqrt((136.111111111 + 21.7777777778 + 266.777777778) / 2 / 3));
    assert_int_equal(x.done, 3);
    assert_near(sim_figure(x.report[0], all, FIG_OFFERED), 30);
    assert_near(experiment_figure(&x, 0, all, FIG_OFFERED).mean, 10);
    assert_near(experiment_figure(&x, 0, all, FIG_OFFERED).half, 0);
    experiment_fini(&x);
}

TEST(differences_are_taken_pair_by_pair_and_queues_meet_by_name)
{
    struct experiment x;
    UNUSED(state);
    world.random = true;
    assert_int_equal(run(&x, 4, other), ERR_OK);
    struct interval d = experiment_difference(&x, all, FIG_WAIT); /* the waits of P less twice those: -5.5, -12.5, -33.5, -68.5 */
    assert_near(d.mean, -30);
    assert_int_equal(d.n, 4);
    assert_near(experiment_difference(&x, all, FIG_OCCUPANCY).mean, 0.3);
    assert_true(experiment_difference(&x, all, FIG_OCCUPANCY).half < 1e-12);
    struct sim_group calls = { GROUP_QUEUE, 0 }, mail = { GROUP_QUEUE, 1 }, plain = { GROUP_CLASS, 1 };
    assert_int_equal(experiment_other(&x, calls).index, UINT32_MAX);
    assert_int_equal(experiment_difference(&x, calls, FIG_OFFERED).n, 0);
    assert_int_equal(experiment_other(&x, mail).index, 0);
    assert_near(experiment_difference(&x, mail, FIG_OFFERED).mean, 5 - 10);
    assert_near(experiment_difference(&x, plain, FIG_WAIT).mean, -experiment_figure(&x, 0, plain, FIG_WAIT).mean);
    assert_int_equal(world.seen, 80);
    experiment_fini(&x);
}

TEST(both_sides_of_a_replication_have_its_seed_and_the_first_has_the_one_given)
{
    struct experiment x;
    UNUSED(state);
    world.random = true;
    assert_int_equal(run(&x, 2, other), ERR_OK);
    assert_int_equal(world.seeds[0], 7);
    assert_int_equal(world.seeds[0], world.seeds[1]);
    assert_int_equal(world.seeds[2], world.seeds[3]);
    assert_true(world.seeds[2] != 7 && world.seeds[2] == experiment_seed(7, 1));
    experiment_fini(&x);
}

TEST(a_policy_against_itself_differs_in_nothing)
{
    struct experiment x;
    UNUSED(state);
    world.random = true;
    assert_int_equal(run(&x, 3, one), ERR_OK);
    for (int f = 0; f < FIG_COUNT; f++) {
        struct interval d = experiment_difference(&x, all, (enum figure)f);
        if (d.n) assert_true(d.mean == 0 && d.half == 0 && !interval_sure(&d));
    }
    experiment_fini(&x);
}

TEST(what_has_no_randomness_is_run_twice_and_counted_once)
{
    struct experiment x;
    UNUSED(state);
    assert_int_equal(run(&x, 20, other), ERR_OK);
    assert_true(x.equal);
    assert_int_equal(x.done, 1);
    assert_int_equal(world.runs, 4);
    assert_near(sim_figure(x.report[0], all, FIG_OFFERED), 10);
    experiment_fini(&x);
    world.runs = 0;
    world.says_random = true;
    assert_int_equal(run(&x, 5, NULL), ERR_OK);
    world.says_random = false;
    assert_false(x.equal);
    experiment_fini(&x);
    made_rules.declined = 0.1; /* two runs may be the same by chance then */
    assert_int_equal(run(&x, 5, NULL), ERR_OK);
    made_rules.declined = 0;
    assert_false(x.equal);
    assert_int_equal(x.done, 5);
    experiment_fini(&x);
}

TEST(a_run_that_was_cut_off_is_left_out_unless_it_is_all_there_is)
{
    static const struct {
        uint32_t stop_run, done;
        unsigned sides;
        bool partial;
        uint64_t tickets;
    } rows[] = {
        { 1, 0, 1, true, 3 },   /* P's first */
        { 2, 1, 1, false, 10 }, /* Q's first: P's stands alone */
        { 3, 1, 2, false, 20 },
        { 6, 2, 2, false, 40 },
    };
    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct experiment x;
        new_world(NULL);
        world.random = true;
        world.stop_run = rows[i].stop_run;
        assert_int_equal(run(&x, 5, other), ERR_OK);
        assert_true(x.stopped);
        assert_int_equal(x.done, rows[i].done);
        assert_int_equal(x.sides, rows[i].sides);
        assert_int_equal(x.partial, rows[i].partial);
        assert_int_equal(x.tickets, rows[i].tickets);
        assert_near(sim_figure(x.report[0], all, FIG_OFFERED), rows[i].partial ? 3 : 10.0 * rows[i].done);
        experiment_fini(&x);
    }
}

TEST(what_the_source_says_is_handed_on)
{
    struct experiment x;
    UNUSED(state);
    world.random = true;
    world.fails_at = 1;
    assert_int_equal(run(&x, 3, NULL), ERR_POLICY);
    assert_string_equal(x.why, "t.csv:7: no such class");
    experiment_fini(&x);
}

/* ---- the page of it ---- */

static const char *page(const struct experiment *x, struct policy *q)
{
    struct page p = { .x = x, .policy = { one, q }, .rules = &made_rules, .arrivals = "trace", .path = "t.csv", .seed = 7 };
    buf_fini(&told);
    buf_init(&told, 1u << 20);
    page_text(&p, &told);
    assert_int_equal(told.err, ERR_OK);
    return buf_cstr(&told);
}

static void assert_says(const char *text, const char *what, bool yes)
{
    if (!strstr(text, what) == yes) fail_msg("%s: \"%s\" in:\n%s", yes ? "missing" : "not wanted", what, text);
}

TEST(the_page_of_one_policy_begins_with_what_matters)
{
    struct experiment x;
    UNUSED(state);
    world.random = true;
    assert_int_equal(run(&x, 3, NULL), ERR_OK);
    const char *text = page(&x, NULL);
    assert_says(text, "p.yaml\n30 tickets of trace t.csv over", true);
    assert_says(text, "means of 3 replications", true);
    assert_says(text, "in time 100.00 % ±0.00 % · breach 0.00 %", true);
    assert_says(text, "worst class: plain: in time 100.00 %, p99 21.7s", true);
    assert_says(text, "blocked", false); /* nobody was */
    assert_says(text, "match", false);
    experiment_fini(&x);
}

TEST(who_pays_is_named_and_what_is_sure_is_marked)
{
    struct experiment x;
    UNUSED(state);
    world.says_random = true;
    assert_int_equal(run(&x, 3, other), ERR_OK);
    const char *text = page(&x, other);
    assert_says(text, "P: p.yaml\nQ: q.yaml\n", true);
    assert_says(text, "5.50s     11.0s    -5.50s      ±0s  +", true);
    assert_says(text, "pays for P: no class", true);
    experiment_fini(&x);

    world.first_is_slow = true;
    assert_int_equal(run(&x, 3, other), ERR_OK);
    text = page(&x, other);
    assert_says(text, "11.0s     5.50s    +5.50s      ±0s  -", true);
    assert_says(text, "pays for P: class gold: p99 18.0s, with Q 9.00s\npays for P: class plain: p99 20.0s, with Q 10.0s\n", true);
    experiment_fini(&x);
}

TEST(a_page_of_what_was_cut_off_says_so)
{
    struct experiment x;
    UNUSED(state);
    world.stop_run = 1;
    assert_int_equal(run(&x, 3, other), ERR_OK);
    const char *text = page(&x, other);
    assert_says(text, "INTERRUPTED after", true);
    assert_says(text, "Nothing is compared: Q had not ended its first run.", true);
    experiment_fini(&x);
    new_world(NULL);
    world.random = true, world.stop_run = 4;
    assert_int_equal(run(&x, 3, NULL), ERR_OK);
    assert_false(x.stopped);
    experiment_fini(&x);
    new_world(NULL);
    world.random = true, world.stop_run = 2;
    assert_int_equal(run(&x, 3, NULL), ERR_OK);
    assert_says(page(&x, NULL), "INTERRUPTED: 1 of 3 replications had ended; the one that was cut off is left out.", true);
    experiment_fini(&x);
}

/* Abramowitz and Stegun, table 26.10. */
TEST(students_quantiles_are_those_of_the_tables)
{
    static const struct {
        uint32_t freedom;
        double t;
    } rows[] = { { 1, 12.706 }, { 2, 4.303 },  { 10, 2.228 }, { 11, 2.201 },  { 12, 2.179 },     { 19, 2.093 },
                 { 29, 2.045 }, { 40, 2.021 }, { 60, 2.000 }, { 120, 1.980 }, { 1000000, 1.960 } };
    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(rows); i++) assert_true(fabs(student_t(rows[i].freedom) - rows[i].t) < 0.0006);
    assert_true(isnan(student_t(0)));
}

static void agents_time_counts_from_the_warm_up_to_the_last_arrival(void **state)
{
    struct experiment x;
    struct experiment_cfg cfg = { .policy = { one, NULL },
                                  .rules = { &made_rules, NULL },
                                  .replications = 1,
                                  .warm_ms = 3000,
                                  .over_ms = 9000,
                                  .open = open_made };

    UNUSED(state);
    assert_int_equal(experiment_run(&x, &cfg), ERR_OK);
    assert_int_equal(world.use_from, 3000);
    assert_int_equal(world.use_to, 9000);
    assert_near(experiment_figure(&x, 0, all, FIG_OFFERED).mean, 7);
    experiment_fini(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_replication_has_a_mean_and_no_interval, new_world),
        cmocka_unit_test_setup(intervals_are_students_over_replications, new_world),
        cmocka_unit_test_setup(differences_are_taken_pair_by_pair_and_queues_meet_by_name, new_world),
        cmocka_unit_test_setup(both_sides_of_a_replication_have_its_seed_and_the_first_has_the_one_given, new_world),
        cmocka_unit_test_setup(a_policy_against_itself_differs_in_nothing, new_world),
        cmocka_unit_test_setup(what_has_no_randomness_is_run_twice_and_counted_once, new_world),
        cmocka_unit_test_setup(a_run_that_was_cut_off_is_left_out_unless_it_is_all_there_is, new_world),
        cmocka_unit_test_setup(what_the_source_says_is_handed_on, new_world),
        cmocka_unit_test_setup(agents_time_counts_from_the_warm_up_to_the_last_arrival, new_world),
        cmocka_unit_test_setup(the_page_of_one_policy_begins_with_what_matters, new_world),
        cmocka_unit_test_setup(who_pays_is_named_and_what_is_sure_is_marked, new_world),
        cmocka_unit_test_setup(a_page_of_what_was_cut_off_says_so, new_world),
        cmocka_unit_test(students_quantiles_are_those_of_the_tables),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
