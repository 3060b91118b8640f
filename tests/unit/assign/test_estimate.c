#include "base/rng.h"
#include "workers/assign/estimate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* clang-format off: cmocka.h needs those before it */
#include <cmocka.h>
/* clang-format on */

/* A queue in simulated time: customers come at random, `agents` servers work them off first come first served. What each customer
   who must wait is told (by how much is ahead and how fast work gets done) is held against what they then wait, and so is the
   delay of who is at the head of the line at that instant: the estimate of those who look at history. */

#define LINE_MAX 65536u

struct sim {
    struct rng rng;
    double now, handle, rate; /* mean handling time; arrivals a second */
    double load_swing;        /* 0: steady; else the rate goes up and down by this share every hour */
    double uniform;           /* 1: handling times between 0 and twice their mean; 0: exponential */
    uint32_t agents;
    struct work {
        double end, took;
    } * at; /* by each busy agent */
    uint32_t busy;
    struct waiting {
        double since, told, head;
    } line[LINE_MAX];
    uint32_t first, count;
    double last_delay; /* of who was served last */
    struct pace pace;
    double error, head_error, waits, square;
    uint32_t told;
};

static double random_unit(struct rng *r) { return ((double)rng_below(r, 1u << 30) + 1) / ((1u << 30) + 1.0); }

static double random_wait(struct rng *r, double mean) { return -mean * log(random_unit(r)); }

static void serve(struct sim *s)
{
    double took = s->uniform > 0 ? 2 * s->handle * random_unit(&s->rng) : random_wait(&s->rng, s->handle);

    s->at[s->busy++] = (struct work){ s->now + took, took };
}

static void finish(struct sim *s, uint32_t i)
{
    s->now = s->at[i].end;
    pace_feed(&s->pace, (uint64_t)(s->at[i].took * 1000), PACE_MEMORY);
    s->at[i] = s->at[--s->busy];
}

static void arrive(struct sim *s, bool counts)
{
    double mean = pace_handle(&s->pace, s->handle * 1000, PACE_PRIOR);
    struct service v = { .slots = s->agents,
                         .free = s->busy < s->agents ? s->agents - s->busy : 0,
                         .ahead = s->count,
                         .work_ms = s->count * mean,
                         .handle_ms = mean };
    struct waiting *w;

    if (s->busy < s->agents) {
        assert_true(estimate_wait(&v) == 0);
        serve(s);
        return;
    }
    assert_true(s->count < LINE_MAX);
    w = &s->line[(s->first + s->count++) % LINE_MAX];
    w->since = s->now;
    w->told = counts ? estimate_wait(&v) / 1000 : -1;
    w->head = s->count > 1 ? s->now - s->line[s->first].since : s->last_delay;
}

static void take_next(struct sim *s)
{
    struct waiting *w = &s->line[s->first];
    double waited = s->now - w->since;

    s->first = (s->first + 1) % LINE_MAX;
    s->count--;
    s->last_delay = waited;
    serve(s);
    if (w->told < 0) return;
    s->error += (w->told - waited) * (w->told - waited);
    s->head_error += (w->head - waited) * (w->head - waited);
    s->waits += waited;
    s->square += waited * waited;
    s->told++;
}

static uint32_t next_end(const struct sim *s)
{
    uint32_t at = 0;

    for (uint32_t i = 1; i < s->busy; i++)
        if (s->at[i].end < s->at[at].end) at = i;
    return at;
}

static double rate_now(const struct sim *s) { return s->rate * (1 + s->load_swing * sin(s->now / 3600 * 2 * 3.14159265358979)); }

static void run(struct sim *s, uint32_t customers)
{
    double next = random_wait(&s->rng, 1 / s->rate);

    for (uint32_t n = 0; n < customers;) {
        uint32_t end = next_end(s);
        if (s->busy && s->at[end].end <= next) {
            finish(s, end);
            while (s->count && s->busy < s->agents) take_next(s);
        } else {
            s->now = next;
            arrive(s, n > 2000);
            n++;
            next = s->now + random_wait(&s->rng, 1 / rate_now(s));
        }
    }
}

/* The mean square error as a share of that of the head's delay. */
static double compare(const char *name, struct sim *s, uint32_t customers)
{
    double ratio;

    rng_seed(&s->rng, 20260601);
    s->at = calloc(s->agents + 1, sizeof *s->at);
    run(s, customers);
    ratio = s->error / s->head_error;
    print_message("  %s: %u told, mean wait %.0f s, rms error %.0f s, by the head's delay %.0f s: square error %.2f of it\n", name,
                  s->told, s->waits / s->told, sqrt(s->error / s->told), sqrt(s->head_error / s->told), ratio);
    free(s->at);
    return ratio;
}

static void the_square_error_is_half_of_that_of_the_heads_delay(void **state)
{
    static struct sim s;
    double sum = 0;

    (void)state;
    s = (struct sim){ .handle = 300, .agents = 20, .rate = 0.95 * 20 / 300 };
    sum += compare("20 agents, load 95 %", &s, 200000);
    s = (struct sim){ .handle = 300, .agents = 100, .rate = 0.98 * 100 / 300 };
    sum += compare("100 agents, load 98 %", &s, 400000);
    s = (struct sim){ .handle = 300, .agents = 5, .rate = 0.9 * 5 / 300 };
    sum += compare("5 agents, load 90 %", &s, 200000);
    s = (struct sim){ .handle = 300, .agents = 20, .rate = 0.95 * 20 / 300, .uniform = 1 };
    sum += compare("20 agents, times less scattered", &s, 200000);
    s = (struct sim){ .handle = 300, .agents = 20, .rate = 0.85 * 20 / 300, .load_swing = 0.5 };
    sum += compare("20 agents, demand up and down by half", &s, 200000);
    print_message("  over all: %.2f\n", sum / 5);
    assert_true(sum / 5 <= 0.5);
}

static void nobody_there_is_no_estimate_and_a_free_slot_is_no_wait(void **state)
{
    struct service s = { .slots = 0, .ahead = 3, .work_ms = 900, .handle_ms = 300 };

    (void)state;
    assert_true(estimate_wait(&s) < 0);
    s.slots = 4;
    s.free = 4;
    assert_true(estimate_wait(&s) == 0);
    s.free = 0;
    assert_true(estimate_wait(&s) == 300); /* three ahead and one's own turn, at four times the pace */
    s.free = 1;
    assert_true(estimate_wait(&s) == 225); /* the first of them waits for nobody */
}

static void what_is_assumed_gives_way_to_what_was_seen(void **state)
{
    struct pace p = { 0 };

    (void)state;
    assert_true(pace_handle(&p, 60000, PACE_PRIOR) == 60000);
    pace_feed(&p, 30000, PACE_MEMORY);
    assert_true(pace_handle(&p, 60000, PACE_PRIOR) == 50000); /* one of three */
    for (int i = 0; i < 3000; i++) pace_feed(&p, 30000, PACE_MEMORY);
    assert_true(pace_handle(&p, 60000, PACE_PRIOR) < 30300);
    for (int i = 0; i < 3000; i++) pace_feed(&p, 90000, PACE_MEMORY); /* the work has become longer */
    assert_true(pace_handle(&p, 60000, PACE_PRIOR) > 88000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_square_error_is_half_of_that_of_the_heads_delay),
        cmocka_unit_test(nobody_there_is_no_estimate_and_a_free_slot_is_no_wait),
        cmocka_unit_test(what_is_assumed_gives_way_to_what_was_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
