#include "base/rng.h"
#include "workers/assign/choice.h"
#include "world.h"

#include <math.h>

/* The key of a choice: what fits into it, what goes before what, alone and in sums. */

static const char policy[] =
    "naru: 1\nworkspace: w\nchannels:\n  webchat: { cost: 10, offer: 20s }\naccounts:\n  web: { channel: webchat }\n"
    "queues:\n  desk: { takes: default, groups: [g], choose: [best-skill], timeline: [{ after: 1s, add: [h] }] }\n"
    "agents:\n"
    "  a: { skills: { x: 9, y: 4, lang:ko: 10 }, groups: [g] }\n"
    "  b: { skills: { x: 7 }, groups: [h] }\n"
    "  c: { skills: { x: 7, y: 7, z: 7 }, groups: [g] }\n"
    "  r: { skills: { x: 1 }, groups: [h], kind: bot }\n";

struct room {
    struct world w;
    struct queue *queue; /* the test's to change */
    struct ticket *ticket;
};

static void open_room(struct room *r)
{
    world_open(&r->w, policy);
    world_take(&r->w, &(struct said){ .kind = EVENT_MESSAGE,
                                      .external = "m",
                                      .conversation = "c",
                                      .urgency = URG_NORMAL,
                                      .needs = { { STR("x"), 1 } },
                                      .need_count = 1 });
    world_wait(&r->w, 2000); /* the second group is in */
    r->queue = (struct queue *)&r->w.policy->queues[0];
    r->ticket = ticket_find(r->w.ws, &world_ticket(&r->w, "c")->id);
    assert_non_null(r->ticket);
}

static uint32_t agent(struct room *r, const char *name) { return roster_find(&r->w.ws->roster, str_of(name))->index; }

static bool goes_first(struct room *r, const char *a, const char *b)
{
    struct choice c;
    struct key x, y;

    choice_init(&c, r->w.ws, r->ticket, r->ticket->line, 1);
    choice_key(&c, agent(r, a), &x);
    choice_key(&c, agent(r, b), &y);
    return key_compare(&x, &y, c.limbs) < 0;
}

static void choose(struct room *r, uint32_t n, const enum choose *words)
{
    r->queue->choose_count = n;
    for (uint32_t i = 0; i < n; i++) r->queue->choose[i] = words[i];
}
#define CHOOSE(r, ...) choose((r), sizeof((enum choose[]){ __VA_ARGS__ }) / sizeof(enum choose), (enum choose[]){ __VA_ARGS__ })

/* ---- the key ---- */

static void check_laid(struct room *r, uint32_t terms)
{
    struct choice c;
    limb used[KEY_LIMBS] = { 0 };

    choice_init(&c, r->w.ws, r->ticket, r->ticket->line, 1);
    assert_int_equal(c.terms, terms);
    for (uint32_t i = 0; i < c.terms; i++) {
        limb bits = (((limb)1 << (choice_bits(c.at[i].term) + SUM_BITS)) - 1) << c.at[i].shift;
        assert_true(c.at[i].limb < KEY_LIMBS);
        assert_true((used[c.at[i].limb] & bits) == 0);
        assert_true(bits >> LIMB_BITS == 0);
        if (i) assert_true(c.at[i].limb > c.at[i - 1].limb || c.at[i].shift < c.at[i - 1].shift); /* less significant */
        used[c.at[i].limb] |= bits;
    }
}

static void permute(struct room *r, enum choose *words, uint32_t from)
{
    if (from == CHOOSE_MAX) {
        choose(r, CHOOSE_MAX, words);
        r->queue->order = ORDER_SLACK;
        check_laid(r, CHOOSE_MAX + 2); /* bots and tiers before them */
        r->queue->order = ORDER_WEIGHTS;
        check_laid(r, CHOOSE_MAX + 3); /* and what the pair is worth */
        return;
    }
    for (uint32_t i = from; i < CHOOSE_MAX; i++) {
        enum choose one = words[from];
        words[from] = words[i], words[i] = one;
        permute(r, words, from + 1);
        one = words[from];
        words[from] = words[i], words[i] = one;
    }
}

static void all_nine_words_fit_in_every_order(void **state)
{
    static struct room r;
    enum choose words[CHOOSE_MAX];

    (void)state;
    open_room(&r);
    for (uint32_t i = 0; i < CHOOSE_MAX; i++) words[i] = (enum choose)i;
    permute(&r, words, 0);
    world_close(&r.w);
}

/* ---- what goes first ---- */

static void bots_go_first_then_the_own_group_then_the_words(void **state)
{
    static struct room r;

    (void)state;
    open_room(&r);
    CHOOSE(&r, CHOOSE_LONGEST_IDLE);
    r.w.ws->roster.v[agent(&r, "a")]->idle = r.w.now; /* just now; b for ever */
    roster_refresh(r.w.ws, r.w.ws->roster.v[agent(&r, "a")]);
    assert_true(goes_first(&r, "r", "a"));
    assert_true(goes_first(&r, "a", "b"));
    world_close(&r.w);
}

static void each_word_prefers_whom_it_says(void **state)
{
    static struct room r;
    struct agent *a, *c;

    (void)state;
    open_room(&r);
    a = r.w.ws->roster.v[agent(&r, "a")], c = r.w.ws->roster.v[agent(&r, "c")];
    CHOOSE(&r, CHOOSE_BEST_SKILL);
    assert_true(goes_first(&r, "a", "c")); /* 9, 7 */
    CHOOSE(&r, CHOOSE_SPARE_SKILL);
    assert_true(goes_first(&r, "c", "a")); /* 21 points, 23 */
    CHOOSE(&r, CHOOSE_OWN_SKILL_FIRST, CHOOSE_SPARE_SKILL);
    assert_true(goes_first(&r, "c", "a")); /* x is the best of both: a's Korean is nobody's field */
    CHOOSE(&r, CHOOSE_PREFERRED, CHOOSE_BEST_SKILL);
    r.ticket->prefer = c;
    assert_true(goes_first(&r, "c", "a"));
    CHOOSE(&r, CHOOSE_LAST_AGENT, CHOOSE_BEST_SKILL);
    r.ticket->last = c;
    assert_true(goes_first(&r, "c", "a"));
    CHOOSE(&r, CHOOSE_ROUND_ROBIN);
    choice_offered(r.w.ws, c);
    assert_true(goes_first(&r, "a", "c"));
    CHOOSE(&r, CHOOSE_FASTEST);
    r.ticket->work_at = r.w.ws->now - 60000;
    choice_worked(r.w.ws, a, r.ticket);
    r.ticket->work_at = r.w.ws->now - 30000;
    choice_worked(r.w.ws, c, r.ticket);
    r.ticket->work_at = 0;
    assert_true(goes_first(&r, "c", "a"));
    world_close(&r.w);
}

/* `times` pieces of work of exponential length. */
static void work_off(struct room *r, const char *name, double mean_ms, uint32_t times, struct rng *rng)
{
    struct agent *a = r->w.ws->roster.v[agent(r, name)];
    struct pace *queue = &r->w.ws->queues[r->ticket->queue].pace;

    for (uint32_t i = 0; i < times; i++) {
        uint64_t ms = (uint64_t)(-log1p(-rng_f64(rng)) * mean_ms) + 1;
        r->ticket->work_at = r->w.ws->now - ms;
        choice_worked(r->w.ws, a, r->ticket);
        pace_feed(queue, ms, PACE_MEMORY);
    }
    r->ticket->work_at = 0;
}

/* Of 4 minutes and of 6 minutes 40, in exponential times: after 50 pieces of work each. */
static void who_is_faster_is_known_although_times_scatter(void **state)
{
    static struct room r;
    struct rng rng;
    uint32_t wrong = 0;

    (void)state;
    rng_seed(&rng, 7);
    open_room(&r);
    world_wait(&r.w, 7200000); /* what began has begun after the clock did */
    CHOOSE(&r, CHOOSE_FASTEST);
    for (int k = 0; k < 250; k++) {
        work_off(&r, "a", 240000, 1, &rng);
        work_off(&r, "c", 400000, 1, &rng);
        wrong += k >= 50 && !goes_first(&r, "a", "c");
    }
    assert_true(wrong <= 4); /* of 200 */
    world_close(&r.w);
}

static void one_short_piece_of_work_makes_nobody_the_fastest(void **state)
{
    static struct room r;
    struct rng rng;

    (void)state;
    rng_seed(&rng, 7);
    open_room(&r);
    world_wait(&r.w, 7200000);
    CHOOSE(&r, CHOOSE_FASTEST);
    work_off(&r, "b", 400000, 300, &rng); /* the queue's usual */
    work_off(&r, "a", 200000, 100, &rng);
    work_off(&r, "c", 1, 1, &rng);
    assert_true(goes_first(&r, "a", "c"));
    work_off(&r, "c", 1, 30, &rng);
    assert_true(goes_first(&r, "c", "a"));
    world_close(&r.w);
}

static void an_earlier_word_is_never_outweighed_by_later_ones(void **state)
{
    static struct room r;
    struct agent *a;

    (void)state;
    open_room(&r);
    CHOOSE(&r, CHOOSE_BEST_SKILL, CHOOSE_LONGEST_IDLE, CHOOSE_ROUND_ROBIN);
    a = r.w.ws->roster.v[agent(&r, "a")];
    a->idle = r.w.ws->now;
    choice_offered(r.w.ws, a);
    roster_refresh(r.w.ws, a);
    assert_true(goes_first(&r, "a", "c"));
    world_close(&r.w);
}

/* 64 times the greatest value of each term: nothing of it reaches the term before. */
static void sums_of_keys_do_not_cross_a_tier(void **state)
{
    static struct room r;
    struct choice c;
    enum choose words[CHOOSE_MAX];

    (void)state;
    open_room(&r);
    for (uint32_t i = 0; i < CHOOSE_MAX; i++) words[i] = (enum choose)(CHOOSE_MAX - 1 - i);
    choose(&r, CHOOSE_MAX, words);
    choice_init(&c, r.w.ws, r.ticket, r.ticket->line, 1);
    for (uint32_t i = 1; i < c.terms; i++) {
        limb most = (((limb)1 << choice_bits(c.at[i].term)) - 1) << c.at[i].shift;
        if (c.at[i].limb == c.at[i - 1].limb) assert_true(64 * most < (limb)1 << c.at[i - 1].shift);
        assert_true(64 * most > 0);
    }
    world_close(&r.w);
}

static void shares_lie_between_nothing_and_all(void **state)
{
    static struct room r;
    struct choice c;

    (void)state;
    open_room(&r);
    choice_init(&c, r.w.ws, r.ticket, r.ticket->line, 1);
    for (uint32_t word = 0; word < CHOOSE_MAX; word++)
        for (uint32_t i = 0; i < r.w.ws->roster.count; i++) {
            double s = choice_share(&c, (enum choose)word, i);
            assert_true(s >= 0 && s <= 1);
        }
    world_close(&r.w);
}

static void best_candidates_come_out_sorted_whatever_their_number(void **state)
{
    static struct room r;
    static const char *const sorted[] = { "r", "a", "c", "b" };
    struct choice c;

    (void)state;
    open_room(&r);
    CHOOSE(&r, CHOOSE_BEST_SKILL);
    for (uint32_t keep = 1; keep <= 4; keep++) {
        choice_init(&c, r.w.ws, r.ticket, r.ticket->line, keep);
        for (uint32_t i = 0; i < 4; i++) choice_consider(&c, i);
        assert_int_equal(c.count, keep);
        for (uint32_t most = 1; most <= 4; most++) {
            uint32_t first[4], n = choice_first(&c, most, first);
            assert_int_equal(n, most < keep ? most : keep);
            for (uint32_t i = 0; i < n; i++) assert_int_equal(c.best[first[i]].agent, agent(&r, sorted[i]));
        }
    }
    world_close(&r.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_nine_words_fit_in_every_order),
        cmocka_unit_test(bots_go_first_then_the_own_group_then_the_words),
        cmocka_unit_test(each_word_prefers_whom_it_says),
        cmocka_unit_test(who_is_faster_is_known_although_times_scatter),
        cmocka_unit_test(one_short_piece_of_work_makes_nobody_the_fastest),
        cmocka_unit_test(an_earlier_word_is_never_outweighed_by_later_ones),
        cmocka_unit_test(sums_of_keys_do_not_cross_a_tier),
        cmocka_unit_test(shares_lie_between_nothing_and_all),
        cmocka_unit_test(best_candidates_come_out_sorted_whatever_their_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
