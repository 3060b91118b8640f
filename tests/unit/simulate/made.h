/* A policy and rules made by hand, for tests of figures: two queues, two classes, days of UTC. */
#ifndef NARU_TESTS_SIMULATE_MADE_H
#define NARU_TESTS_SIMULATE_MADE_H

#include "tests/unit/base/unit.h"
#include "workers/simulate/report.h"

#include <math.h>

#define MADE_FROM  1767571200000ull /* Monday 2026-01-05, 00:00 UTC */
#define MADE_NEVER UINT64_MAX
#define HOUR       3600000ull

static struct queue made_queues[] = { { .name = "calls" }, { .name = "mail" } };
static struct sim_class made_classes[] = { { .name = "gold", .weight = 3, .channel = "voice" },
                                           { .name = "plain", .weight = 1, .channel = "email" } };
static struct simulate_rules made_rules = { .given = true, .from = MADE_FROM, .classes = made_classes, .class_count = 2 };
static struct policy made_policy = { .path = "p.yaml", .version = "sha256:00", .queues = made_queues, .queue_count = 2 };

static inline struct sim_report *made_report(uint64_t warm_ms)
{
    struct sim_report *r;
    assert_int_equal(sim_report_new(&r, &made_policy, &made_rules, warm_ms), ERR_OK);
    return r;
}

/* Of queue and class alike; the target is a minute. */
static inline struct outcome_of made_answered(uint32_t class, uint64_t arrived, uint64_t wait, uint64_t work)
{
    return (struct outcome_of){ .id = "1",
                                .outcome = OUT_SERVED,
                                .class = class,
                                .queue = class,
                                .agent = "minji",
                                .arrived = arrived,
                                .start = arrived + wait,
                                .end = arrived + wait + work,
                                .target = 60000,
                                .match = NAN };
}

static inline struct outcome_of made_lost(uint32_t class, enum outcome how, uint64_t arrived, uint64_t after)
{
    return (struct outcome_of){ .id = "1",
                                .outcome = how,
                                .class = class,
                                .queue = class,
                                .agent_index = UINT32_MAX,
                                .arrived = arrived,
                                .start = MADE_NEVER,
                                .end = arrived + after,
                                .target = 60000,
                                .match = NAN };
}

static inline void add(struct sim_report *r, struct outcome_of o) { sim_report_outcome(r, &o); }

static inline void assert_figure(const struct sim_report *r, struct sim_group g, enum figure f, double want)
{
    double got = sim_figure(r, g, f);
    bool same = isnan(want) ? isnan(got) : fabs(got - want) <= 1e-9 * fmax(1, fabs(want));
    if (!same) fail_msg("%s of %s: got %.12g, want %.12g", figure_rows[f].key, sim_group_name(r, g), got, want);
}

#endif
