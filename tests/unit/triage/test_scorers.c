/* The table of external scorers: who is asked, what is taken, and that every event is handed on exactly once. No socket, no clock.
 */
#include "base/log.h"
#include "base/metrics.h"
#include "tests/unit/triage/unit.h"
#include "workers/triage/scored.h"
#include "workers/triage/scorers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SENT_MAX 70000u

struct sent {
    void *peer;
    uint64_t id;
    enum answer stage;
    uint32_t within;
    char text[32];
};
struct desk { /* stands for everything around the table */
    struct scorers *s;
    struct sent *sent;
    uint32_t sent_count, credit[4], ready;
    struct given given; /* of the last one, its texts copied */
    char intent[65], label[65], by[80], detail[257], text[64];
    void *from;
};
static struct desk d;
static char peers[4]; /* their addresses are the peers */

static enum err on_send(void *ctx, void *peer, const struct score *q)
{
    struct desk *desk = ctx;
    uint32_t *credit = &desk->credit[(char *)peer - peers];
    if (*credit == 0) return ERR_FULL;
    (*credit)--;
    assert_true(desk->sent_count < SENT_MAX);
    struct sent *s = &desk->sent[desk->sent_count++];
    *s = (struct sent){ peer, q->id, q->stage, q->within_ms, "" };
    snprintf(s->text, sizeof s->text, "%.*s", STR_FMT(q->text));
    return ERR_OK;
}

static struct shown on_show(void *ctx, const struct event *e)
{
    (void)ctx;
    assert_true(e->text.n > 0);
    return (struct shown){ STR("en"), STR("my card") };
}

static void on_ready(void *ctx, void *from, void *workspace, const struct event *e, const struct given *g)
{
    struct desk *desk = ctx;
    assert_ptr_equal(workspace, peers);
    desk->ready++;
    desk->given = *g;
    desk->from = from;
    snprintf(desk->text, sizeof desk->text, "%.*s", STR_FMT(e->text));
    for (int i = 0; i < (int)ANSWER_COUNT; i++) {
        if (!g->of[i].is) continue;
        if (i == ANSWER_INTENT) snprintf(desk->intent, sizeof desk->intent, "%.*s", STR_FMT(g->of[i].label));
        snprintf(desk->label, sizeof desk->label, "%.*s", STR_FMT(g->of[i].label));
        snprintf(desk->by, sizeof desk->by, "%.*s", STR_FMT(g->of[i].by));
        snprintf(desk->detail, sizeof desk->detail, "%.*s", STR_FMT(g->of[i].detail));
    }
}

static int up(void **state)
{
    (void)state;
    struct scorers_cfg cfg = { .ctx = &d, .first = 1767225600000u, .show = on_show, .send = on_send, .ready = on_ready };
    d = (struct desk){ .credit = { 1000000, 1000000, 1000000, 1000000 } };
    d.sent = calloc(SENT_MAX, sizeof *d.sent);
    metrics_init("triage-1");
    return d.sent && scorers_new(&d.s, &cfg) == ERR_OK ? 0 : -1;
}
static int down(void **state)
{
    (void)state;
    scorers_free(d.s);
    free(d.sent);
    return 0;
}
#define CASE(name) cmocka_unit_test_setup_teardown(name, up, down)

static enum err join(int peer, const char *name, const char *stages, const char *workspace, uint32_t at_once)
{
    struct tag list[8], where = { str_of(workspace) };
    uint32_t n = 0;
    char room[128], *rest = room;
    snprintf(room, sizeof room, "%s", stages);
    for (char *w; (w = strsep(&rest, " "));) list[n++].name = str_of(w);
    struct scorer what = { str_of(name), { list, n }, { &where, workspace ? 1 : 0 }, at_once };
    return scorers_join(d.s, &peers[peer], &what);
}

/* An event about `stages`, each to be answered within 50 ms. True: it waits. */
static bool ask_of(unsigned stages, const char *workspace, uint64_t now)
{
    uint32_t within[ANSWER_COUNT] = { 0 };
    struct event e = { .workspace = str_of(workspace), .text = STR("my card is lost"), .channel = STR("email") };
    for (unsigned i = 0; i < ANSWER_COUNT; i++) within[i] = stages >> i & 1 ? 50 : 0;
    unsigned wanted = scorers_wanted(d.s, e.workspace, within, now);
    struct asking a = { .from = &d, .workspace = peers, .event = &e, .stages = wanted, .within_ms = within };
    return wanted && scorers_ask(d.s, &a, now);
}
static bool ask(unsigned stages, uint64_t now) { return ask_of(stages, "w", now); }

#define INTENT   (1u << ANSWER_INTENT)
#define LANGUAGE (1u << ANSWER_LANGUAGE)
#define URGENCY  (1u << ANSWER_URGENCY)

static void say(const struct sent *q, struct scored said, uint64_t now)
{
    said.id = q->id;
    scorers_answer(d.s, q->peer, &said, now);
}
static void say_label(const struct sent *q, const char *label, uint64_t now)
{
    say(q, (struct scored){ .label = str_of(label), .p = 0.93 }, now);
}
static double count(enum metric m, const char *label) { return metric_get(m, label); }

/* ---- the usual life ---- */

TEST(an_answer_in_time_is_given_with_its_scorers_name)
{
    assert_int_equal(join(0, "my-bert", "intent", NULL, 0), ERR_OK);
    assert_true(ask(INTENT, 1000));
    assert_int_equal(d.sent_count, 1);
    assert_string_equal(d.sent[0].text, "my card"); /* what the scorer is shown … */
    assert_int_equal(d.sent[0].within, 50);
    assert_true(d.sent[0].id < UINT64_C(1) << 53);
    assert_int_equal(scorers_next(d.s), 1050);
    say(&d.sent[0], (struct scored){ .label = STR("refund"), .p = 0.93, .reason = STR("\"money back\"\n") }, 1010);
    assert_int_equal(d.ready, 1);
    assert_string_equal(d.text, "my card is lost"); /* … and what is kept */
    assert_true(d.given.of[ANSWER_INTENT].is);
    assert_string_equal(d.label, "refund");
    assert_string_equal(d.by, "scorer:my-bert");
    assert_string_equal(d.detail, "refund 0.93: \"money back\" ");
    assert_ptr_equal(d.from, &d);
    assert_true(scorers_next(d.s) == UINT64_MAX);
    assert_true(count(MET_SCORER_ASKED, "intent") == 1 && count(MET_SCORER_ANSWERED, "intent") == 1);
    assert_true(count(MET_SCORER_TIME, "intent") == 1);
}

TEST(an_event_waits_for_all_its_stages_and_no_longer)
{
    join(0, "a", "intent language", NULL, 0);
    join(1, "b", "urgency", NULL, 0);
    assert_true(ask(INTENT | LANGUAGE | URGENCY, 0));
    assert_int_equal(d.sent_count, 3);
    for (uint32_t i = 0; i < 2; i++) {
        say_label(&d.sent[i], d.sent[i].stage == ANSWER_INTENT ? "refund" : d.sent[i].stage == ANSWER_URGENCY ? "high" : "ko", 20);
        assert_int_equal(d.ready, 0);
    }
    scorers_due(d.s, 49);
    assert_int_equal(d.ready, 0);
    scorers_due(d.s, 50); /* the third never came */
    assert_int_equal(d.ready, 1);
    assert_true(d.given.of[d.sent[0].stage].is && d.given.of[d.sent[1].stage].is && !d.given.of[d.sent[2].stage].is);
    assert_true(count(MET_SCORER_LATE, answer_words.v[d.sent[2].stage]) == 1 && count(MET_SCORER_FALLBACK, "late") == 1);
}

TEST(without_a_scorer_for_stage_and_workspace_nothing_waits)
{
    assert_false(ask(INTENT, 0));
    join(0, "a", "urgency", NULL, 0);
    assert_false(ask(INTENT, 0));
    join(1, "b", "intent", "other", 0);
    assert_false(ask(INTENT, 0));
    assert_true(count(MET_SCORER_FALLBACK, "none") == 3);
    assert_true(ask_of(INTENT, "other", 0));
    assert_ptr_equal(d.sent[0].peer, &peers[1]);
}

TEST(stages_without_a_deadline_are_not_asked)
{
    join(0, "a", "intent language urgency sentiment", NULL, 0);
    assert_false(ask(0, 0));
    assert_true(ask(LANGUAGE, 0));
    assert_int_equal(d.sent_count, 1);
    assert_true(count(MET_SCORER_FALLBACK, "none") == 0);
}

TEST(out_of_scope_is_an_answer)
{
    join(0, "a", "intent", NULL, 0);
    ask(INTENT, 0);
    say(&d.sent[0], (struct scored){ .oos = true, .p = 0.8 }, 5);
    assert_true(d.given.of[ANSWER_INTENT].is && d.given.of[ANSWER_INTENT].oos);
    assert_int_equal(d.given.of[ANSWER_INTENT].label.n, 0);
    assert_string_equal(d.detail, "out of scope 0.80");
}

/* ---- what comes late, twice, from others, or never was asked ---- */

TEST(late_twice_stranger_and_unknown_answers_are_counted_and_change_nothing)
{
    join(0, "a", "intent", NULL, 0);
    join(1, "b", "urgency", NULL, 0);
    ask(INTENT, 0);
    scorers_due(d.s, 50);
    assert_int_equal(d.ready, 1);
    say_label(&d.sent[0], "refund", 51); /* late */
    ask(INTENT | URGENCY, 60);
    say_label(&d.sent[1], "refund", 61);
    say_label(&d.sent[1], "exchange", 62); /* twice: the first counts */
    assert_true(count(MET_SCORER_BROKEN, "closed") == 2);
    struct sent other = d.sent[2];
    other.peer = &peers[0];
    say_label(&other, "high", 63); /* asked of another */
    assert_true(count(MET_SCORER_BROKEN, "stranger") == 1);
    static const uint64_t never[] = { 0, 1, UINT64_MAX, 1767225600000u };
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
        other.id = never[i];
        say_label(&other, "refund", 64);
    }
    other.id = d.sent[2].id + (1u << 16); /* the next serial: not given out yet */
    say_label(&other, "refund", 64);
    assert_true(count(MET_SCORER_BROKEN, "unknown") == 5);
    assert_int_equal(d.ready, 1);
    say_label(&d.sent[2], "high", 65);
    assert_int_equal(d.ready, 2);
    assert_int_equal(d.given.of[ANSWER_URGENCY].word, URG_HIGH);
    assert_string_equal(d.intent, "refund");
}

TEST(an_answer_past_its_deadline_counts_until_it_was_given_up)
{
    join(0, "a", "intent", NULL, 0);
    ask(INTENT, 0);
    say_label(&d.sent[0], "refund", 500); /* we were asleep ourselves */
    assert_int_equal(d.ready, 1);
    assert_true(d.given.of[ANSWER_INTENT].is);
}

TEST(a_slot_used_again_does_not_take_its_former_users_answer)
{
    join(0, "a", "intent", NULL, 0);
    ask(INTENT, 0);
    scorers_due(d.s, 50);
    ask(INTENT, 60); /* takes the same slot */
    assert_int_equal(d.sent[0].id & 0xffff, d.sent[1].id & 0xffff);
    say_label(&d.sent[0], "wrong", 61);
    assert_int_equal(d.ready, 1);
    say_label(&d.sent[1], "right", 62);
    assert_string_equal(d.label, "right");
}

/* ---- broken ones ---- */

TEST(broken_answers_are_refused_by_cause_and_end_their_question)
{
    static const struct {
        enum answer stage;
        struct scored said;
        const char *cause;
    } rows[] = {
        { ANSWER_INTENT, { .label = STR("refund"), .p = NAN }, "p" },
        { ANSWER_INTENT, { .label = STR("refund"), .p = INFINITY }, "p" },
        { ANSWER_INTENT, { .label = STR("refund"), .p = -0.01 }, "p" },
        { ANSWER_INTENT, { .label = STR("refund"), .p = 1.01 }, "p" },
        { ANSWER_INTENT, { .label = STR(""), .p = 1 }, "label" },
        { ANSWER_INTENT, { .label = STR("re fund"), .p = 1 }, "label" },
        { ANSWER_INTENT, { .label = STR("refund\n"), .p = 1 }, "label" },
        { ANSWER_INTENT, { .label = { "re\0fund", 7 }, .p = 1 }, "label" },
        { ANSWER_INTENT, { .label = STR("a2345678901234567890123456789012345678901234567890123456789012345"), .p = 1 }, "label" },
        { ANSWER_INTENT, { .label = STR("refund"), .p = 1, .oos = true }, "oos" },
        { ANSWER_INTENT, { .label = STR("refund"), .p = 1, .second = STR("no name") }, "second" },
        { ANSWER_INTENT, { .label = STR("refund"), .p = 1, .error = STR("no memory") }, "error" },
        { ANSWER_URGENCY, { .label = STR("urgent"), .p = 1 }, "label" },
        { ANSWER_URGENCY, { .oos = true, .p = 1 }, "oos" },
        { ANSWER_SENTIMENT, { .label = STR("unknown"), .p = 1 }, "label" },
        { ANSWER_SENTIMENT, { .label = STR("Negative"), .p = 1 }, "label" },
        { ANSWER_LANGUAGE, { .label = STR("k"), .p = 1 }, "label" },
        { ANSWER_LANGUAGE, { .label = STR("ko-"), .p = 1 }, "label" },
        { ANSWER_LANGUAGE, { .label = STR("한국어"), .p = 1 }, "label" },
    };
    join(0, "a", "intent language urgency sentiment", NULL, 0);
    for (uint32_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double before = count(MET_SCORER_BROKEN, rows[i].cause);
        assert_true(ask(1u << rows[i].stage, 0));
        say(&d.sent[i], rows[i].said, 1);
        assert_int_equal(d.ready, i + 1); /* at once, not at the deadline */
        assert_false(d.given.of[rows[i].stage].is);
        assert_true(count(MET_SCORER_BROKEN, rows[i].cause) == before + 1);
    }
    assert_true(count(MET_SCORER_FALLBACK, "broken") == 18 && count(MET_SCORER_FALLBACK, "error") == 1);
}

TEST(right_answers_are_read_as_verdicts_spell_them)
{
    static const struct {
        enum answer stage;
        const char *label, *read;
        int word;
    } rows[] = {
        { ANSWER_INTENT, "환불_요청", "환불_요청", 0 },
        { ANSWER_INTENT, "card.lost:abroad+2", "card.lost:abroad+2", 0 },
        { ANSWER_INTENT, "a234567890123456789012345678901234567890123456789012345678901234",
          "a234567890123456789012345678901234567890123456789012345678901234", 0 },
        { ANSWER_URGENCY, "low", "low", URG_LOW },
        { ANSWER_SENTIMENT, "positive", "positive", SENT_POSITIVE },
        { ANSWER_LANGUAGE, "en-US", "en", 0 },
        { ANSWER_LANGUAGE, "zh_Hant", "zh", 0 },
        { ANSWER_LANGUAGE, "und", "und", 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct scored in = { .label = str_of(rows[i].label), .p = 1 };
        struct answered out;
        char room[SCORED_ROOM];
        assert_null(scored_check(rows[i].stage, &in, STR("scorer:a"), &out, room));
        assert_true(out.is && str_is(out.label, rows[i].read));
        assert_int_equal(out.word, rows[i].word);
    }
}

TEST(a_long_reason_is_cut_to_a_reasons_room_at_a_character)
{
    char reason[256], room[SCORED_ROOM];
    struct answered out;
    for (int i = 0; i < 85; i++) memcpy(reason + 3 * i, "가", 3);
    struct scored in = { .label = STR("refund"), .p = 0.5, .reason = { reason, 255 } };
    assert_null(scored_check(ANSWER_INTENT, &in, STR("scorer:a"), &out, room));
    assert_true(out.detail.n <= 256 && out.detail.n > 250 && str_utf8(out.detail, NULL));
}

/* ---- several of them ---- */

TEST(scorers_of_one_stage_share_the_work)
{
    for (int i = 0; i < 3; i++) join(i, "a", "intent", NULL, 0);
    for (int i = 0; i < 30; i++) assert_true(ask(INTENT, 0));
    int n[3] = { 0 };
    for (uint32_t i = 0; i < d.sent_count; i++) n[(char *)d.sent[i].peer - peers]++;
    assert_true(n[0] == 10 && n[1] == 10 && n[2] == 10);
    for (uint32_t i = 0; i < d.sent_count; i++) /* the second is slow, the others answer */
        if (d.sent[i].peer != &peers[1]) say_label(&d.sent[i], "x", 1);
    uint32_t from = d.sent_count;
    for (int i = 0; i < 10; i++) ask(INTENT, 2);
    for (uint32_t i = from; i < d.sent_count; i++) assert_ptr_not_equal(d.sent[i].peer, &peers[1]);
}

TEST(scorers_at_rest_are_asked_in_turn)
{
    for (int i = 0; i < 3; i++) join(i, "a", "intent", NULL, 0);
    for (uint32_t i = 0; i < 6; i++) {
        assert_true(ask(INTENT, 0));
        say_label(&d.sent[i], "x", 1);
        if (i >= 3) assert_ptr_equal(d.sent[i].peer, d.sent[i - 3].peer);
        else if (i) assert_ptr_not_equal(d.sent[i].peer, d.sent[i - 1].peer);
    }
}

TEST(without_credit_the_next_is_asked_and_then_it_waits_for_half_of_its_time)
{
    join(0, "a", "intent", NULL, 0);
    join(1, "b", "intent", NULL, 0);
    d.credit[0] = 0;
    d.credit[1] = 2;
    for (int i = 0; i < 4; i++) assert_true(ask(INTENT, 0));
    assert_int_equal(d.sent_count, 2);
    d.credit[0] = 1;
    scorers_room(d.s, &peers[0], 20);
    assert_int_equal(d.sent_count, 3);
    assert_int_equal(d.sent[2].within, 30); /* what is left of its time */
    assert_string_equal(d.sent[2].text, "my card");
    scorers_due(d.s, 24);
    assert_int_equal(d.ready, 0);
    scorers_due(d.s, 25); /* the fourth found no room */
    assert_int_equal(d.ready, 1);
    assert_true(count(MET_SCORER_FALLBACK, "busy") == 1 && count(MET_SCORER_LATE, "intent") == 0);
    say_label(&d.sent[2], "refund", 49);
    assert_string_equal(d.intent, "refund");
    scorers_due(d.s, 50);
    assert_int_equal(d.ready, 4);
    assert_true(count(MET_SCORER_LATE, "intent") == 2);
}

TEST(room_goes_to_questions_of_the_stages_and_workspaces_that_are_answered)
{
    join(0, "a", "intent", "w", 0);
    join(1, "b", "urgency", NULL, 0);
    join(2, "c", "intent", "v", 0);
    d.credit[0] = d.credit[1] = d.credit[2] = 0;
    assert_true(ask(INTENT | URGENCY, 0) && ask_of(INTENT, "v", 0) && ask(INTENT, 0));
    assert_int_equal(d.sent_count, 0);
    d.credit[0] = d.credit[1] = d.credit[2] = 10;
    scorers_room(d.s, &peers[2], 1);
    assert_int_equal(d.sent_count, 1);
    scorers_room(d.s, &peers[0], 1);
    assert_int_equal(d.sent_count, 3);
    scorers_room(d.s, &peers[1], 1);
    assert_int_equal(d.sent_count, 4);
    assert_int_equal(d.sent[3].stage, ANSWER_URGENCY);
    scorers_room(d.s, &peers[3], 1); /* nobody we know */
}

TEST(questions_that_wait_for_a_scorer_that_goes_are_given_up)
{
    join(0, "a", "intent", NULL, 1);
    for (int i = 0; i < 3; i++) assert_true(ask(INTENT, 0));
    assert_int_equal(d.sent_count, 1);
    scorers_leave(d.s, &peers[0]);
    assert_int_equal(d.ready, 3);
    assert_true(count(MET_SCORER_FALLBACK, "down") == 3);
    assert_true(scorers_next(d.s) == UINT64_MAX);
}

TEST(at_once_bounds_what_a_scorer_has_unanswered)
{
    join(0, "a", "intent", NULL, 2);
    for (int i = 0; i < 5; i++) assert_true(ask(INTENT, 0));
    assert_int_equal(d.sent_count, 2);
    for (uint32_t i = 0; i < 5; i++) {
        say_label(&d.sent[i], "x", 1 + i); /* each answer makes room for the next */
        assert_int_equal(d.sent_count, i + 3 < 5 ? i + 3 : 5);
    }
    assert_int_equal(d.ready, 5);
}

TEST(when_a_scorer_dies_its_events_go_on_at_once)
{
    join(0, "a", "intent", NULL, 0);
    join(1, "b", "urgency", NULL, 0);
    ask(INTENT, 0);
    ask(INTENT | URGENCY, 0);
    scorers_leave(d.s, &peers[0]);
    assert_int_equal(d.ready, 1); /* the second still waits for the other scorer */
    assert_true(count(MET_SCORER_FALLBACK, "down") == 2);
    scorers_leave(d.s, &peers[1]);
    assert_int_equal(d.ready, 2);
    scorers_leave(d.s, &peers[1]);
    assert_false(ask(INTENT, 10));
}

TEST(who_misses_five_deadlines_is_left_alone_then_tried_with_one_question)
{
    join(0, "slow", "intent", NULL, 0);
    for (int i = 0; i < 20; i++) assert_true(ask(INTENT, 0)); /* more than five at once are one pause */
    scorers_due(d.s, 50);
    assert_int_equal(d.ready, 20);
    assert_true(count(MET_SCORER_PAUSED, "slow") == 1);
    assert_false(ask(INTENT, 51));
    assert_false(ask(INTENT, 50 + SCORERS_PAUSE_MS - 1));
    assert_true(count(MET_SCORER_FALLBACK, "paused") == 2);
    assert_true(ask(INTENT, 50 + SCORERS_PAUSE_MS));
    assert_false(ask(INTENT, 50 + SCORERS_PAUSE_MS)); /* one at a time */
    assert_true(count(MET_SCORER_FALLBACK, "paused") == 3);
    scorers_due(d.s, 100 + SCORERS_PAUSE_MS); /* missed again: a pause again */
    assert_true(count(MET_SCORER_PAUSED, "slow") == 2);
    assert_false(ask(INTENT, 101 + SCORERS_PAUSE_MS));
    uint64_t later = 100 + 2 * SCORERS_PAUSE_MS;
    assert_true(ask(INTENT, later));
    say_label(&d.sent[d.sent_count - 1], "x", later + 1);
    assert_true(ask(INTENT, later + 2) && ask(INTENT, later + 2)); /* as before */
}

TEST(an_answer_in_time_ends_the_row_of_misses)
{
    join(0, "a", "intent", NULL, 0);
    for (int round = 0; round < 4; round++) {
        uint64_t now = (uint64_t)round * 1000;
        for (int i = 0; i < 4; i++) assert_true(ask(INTENT, now));
        scorers_due(d.s, now + 50);
        assert_true(ask(INTENT, now + 60));
        say_label(&d.sent[d.sent_count - 1], "x", now + 61);
    }
    assert_true(count(MET_SCORER_PAUSED, "a") == 0);
}

/* ---- what they offer ---- */

TEST(the_last_offer_counts_and_odd_ones_are_refused)
{
    assert_int_equal(join(0, "a", "intent", NULL, 0), ERR_OK);
    assert_int_equal(join(0, "a", "intent", NULL, 0), ERR_OK);
    assert_int_equal(join(0, "a", "urgency", NULL, 0), ERR_OK);
    assert_false(ask(INTENT, 0));
    assert_true(ask(URGENCY, 0));
    assert_int_equal(join(0, "a", "urgencies", NULL, 0), ERR_USAGE);
    assert_false(ask(URGENCY, 0));
    assert_int_equal(join(0, "a", "urgencies intent", NULL, 0), ERR_OK); /* what it may answer one day harms nothing */
    assert_true(ask(INTENT, 0));
    assert_int_equal(join(0, "two words", "intent", NULL, 0), ERR_USAGE);
    assert_false(ask(INTENT, 0));
    assert_int_equal(join(1, "", "intent", NULL, 0), ERR_USAGE);
}

TEST(who_offers_no_stage_any_more_may_still_answer)
{
    struct scorer none = { STR("a"), { NULL, 0 }, { NULL, 0 }, 0 };
    join(0, "a", "intent", NULL, 0);
    ask(INTENT, 0);
    assert_int_equal(scorers_join(d.s, &peers[0], &none), ERR_OK);
    assert_false(ask(INTENT, 1));
    say_label(&d.sent[0], "refund", 2);
    assert_string_equal(d.intent, "refund");
}

/* ---- caps ---- */

TEST(beyond_its_caps_events_do_not_wait)
{
    join(0, "a", "intent", NULL, 0);
    for (uint32_t i = 0; i < SCORERS_EVENTS; i++) assert_true(ask(INTENT, 0));
    assert_false(ask(INTENT, 0));
    assert_true(count(MET_SCORER_FALLBACK, "full") == 1);
    for (uint32_t i = 0; i < 10; i++) say_label(&d.sent[i * 7], "x", 1);
    for (uint32_t i = 0; i < 10; i++) assert_true(ask(INTENT, 2));
    assert_false(ask(INTENT, 2));
    scorers_due(d.s, 52);
    assert_int_equal(d.ready, SCORERS_EVENTS + 10);
    assert_int_equal(scorers_next(d.s), UINT64_MAX);
}

TEST(the_bytes_that_wait_are_bounded_and_given_back)
{
    static char text[LIM_TEXT];
    uint32_t within[ANSWER_COUNT] = { [ANSWER_INTENT] = 50 }, rounds[2] = { 0 };
    struct event e = { .workspace = STR("w"), .text = { text, sizeof text } };
    struct asking a = { .from = &d, .workspace = peers, .event = &e, .stages = INTENT, .within_ms = within };
    memset(text, 'x', sizeof text);
    join(0, "a", "intent", NULL, 0);
    for (int round = 0; round < 2; round++) {
        while (scorers_ask(d.s, &a, 0)) assert_true(++rounds[round] <= SCORERS_BYTES / LIM_TEXT);
        scorers_due(d.s, 50);
        say_label(&d.sent[0], "late", 51);
        scorers_leave(d.s, &peers[0]); /* forgets its pause */
        join(0, "a", "intent", NULL, 0);
    }
    assert_true(rounds[0] > 200);
    assert_int_equal(rounds[0], rounds[1]);
}

TEST(more_scorers_than_there_is_room_for_are_refused)
{
    static char many[SCORERS_MAX + 1];
    struct tag stage = { STR("intent") };
    struct scorer what = { STR("a"), { &stage, 1 }, { NULL, 0 }, 0 };
    for (uint32_t i = 0; i < SCORERS_MAX; i++) assert_int_equal(scorers_join(d.s, &many[i], &what), ERR_OK);
    assert_int_equal(scorers_join(d.s, &many[SCORERS_MAX], &what), ERR_FULL);
    assert_int_equal(scorers_join(d.s, &many[0], &what), ERR_OK);
    scorers_leave(d.s, &many[3]);
    assert_int_equal(scorers_join(d.s, &many[SCORERS_MAX], &what), ERR_OK);
}

TEST(what_waits_when_the_table_ends_is_dropped)
{
    join(0, "a", "intent urgency", NULL, 0);
    ask(INTENT | URGENCY, 0);
    say_label(&d.sent[0], d.sent[0].stage == ANSWER_INTENT ? "x" : "low", 1);
    /* down() frees: nobody is called, nothing leaks */
    assert_int_equal(d.ready, 0);
}

int main(void)
{
    log_init("test");
    log_max = LOG_ERROR;
    const struct CMUnitTest tests[] = {
        CASE(an_answer_in_time_is_given_with_its_scorers_name),
        CASE(an_event_waits_for_all_its_stages_and_no_longer),
        CASE(without_a_scorer_for_stage_and_workspace_nothing_waits),
        CASE(stages_without_a_deadline_are_not_asked),
        CASE(out_of_scope_is_an_answer),
        CASE(late_twice_stranger_and_unknown_answers_are_counted_and_change_nothing),
        CASE(an_answer_past_its_deadline_counts_until_it_was_given_up),
        CASE(a_slot_used_again_does_not_take_its_former_users_answer),
        CASE(broken_answers_are_refused_by_cause_and_end_their_question),
        CASE(right_answers_are_read_as_verdicts_spell_them),
        CASE(a_long_reason_is_cut_to_a_reasons_room_at_a_character),
        CASE(scorers_of_one_stage_share_the_work),
        CASE(scorers_at_rest_are_asked_in_turn),
        CASE(without_credit_the_next_is_asked_and_then_it_waits_for_half_of_its_time),
        CASE(room_goes_to_questions_of_the_stages_and_workspaces_that_are_answered),
        CASE(questions_that_wait_for_a_scorer_that_goes_are_given_up),
        CASE(at_once_bounds_what_a_scorer_has_unanswered),
        CASE(when_a_scorer_dies_its_events_go_on_at_once),
        CASE(who_misses_five_deadlines_is_left_alone_then_tried_with_one_question),
        CASE(an_answer_in_time_ends_the_row_of_misses),
        CASE(the_last_offer_counts_and_odd_ones_are_refused),
        CASE(who_offers_no_stage_any_more_may_still_answer),
        CASE(beyond_its_caps_events_do_not_wait),
        CASE(the_bytes_that_wait_are_bounded_and_given_back),
        CASE(more_scorers_than_there_is_room_for_are_refused),
        CASE(what_waits_when_the_table_ends_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
