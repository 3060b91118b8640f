/* Temperatures and thresholds of scores made by hand, where the right answer is known; and what a report says is what the model
   will say. */
#include "tests/unit/triage/model_kit.h"
#include "workers/triage/calibrate.h"

#include <math.h>

/* `n` rows of two labels whose first score is `lead` above the second; a share `right` of them is truly of the first. */
static void add(struct verdicts *v, uint32_t n, float lead, double right, bool known)
{
    for (uint32_t i = 0; i < n; i++) {
        float *z = verdicts_add(v, v->count, i < right * n ? 0 : 1, known);
        z[0] = lead;
    }
}

static double temperature_of(float lead, double right)
{
    struct verdicts v;
    struct calibration c;
    assert_int_equal(verdicts_init(&v, 1000, 2), ERR_OK);
    add(&v, 1000, lead, right, true);
    calibrate(&v, 2, &c);
    verdicts_fini(&v);
    return c.temperature;
}

TEST(the_temperature_makes_probabilities_what_they_say)
{
    static const double shares[] = { 0.6, 0.8, 0.95 };
    for (size_t i = 0; i < 3; i++)
        for (float lead = 0.5f; lead < 5; lead *= 2) {
            double wanted = (double)lead / log(shares[i] / (1 - shares[i])), got = temperature_of(lead, shares[i]);
            if (fabs(got / wanted - 1) > 0.01)
                fail_msg("lead %f, right %f: %f instead of %f", (double)lead, shares[i], got, wanted);
        }
}

TEST(the_temperature_stays_in_its_bounds)
{
    struct verdicts v;
    struct calibration c;
    assert_true(temperature_of(3, 1) >= 0.05 && temperature_of(3, 1) < 0.3); /* below, nothing gets better any more */
    assert_true(fabs(temperature_of(3, 0) - 20) < 0.1);
    assert_int_equal(verdicts_init(&v, 10, 2), ERR_OK);
    calibrate(&v, 2, &c);
    assert_true(c.temperature == 1 && c.threshold == 0); /* of nothing */
    add(&v, 10, 3, 0.5, false);
    calibrate(&v, 2, &c);
    assert_true(c.temperature == 1); /* of rows without a known feature */
    verdicts_fini(&v);
    verdicts_fini(&v); /* a zeroed one is fine */
}

static uint32_t turned_away(const struct verdicts *v, const struct calibration *c, uint32_t from, uint32_t to)
{
    uint32_t n = 0;
    for (uint32_t i = from; i < to; i++) n += verdicts_judged(v, i, 2, c).label == LEARN_OOS;
    return n;
}

TEST(messages_out_of_scope_that_are_less_sure_are_turned_away)
{
    struct verdicts v;
    struct calibration c;
    assert_int_equal(verdicts_init(&v, 1200, 2), ERR_OK);
    add(&v, 1000, 4, 0.97, true);
    for (uint32_t i = 0; i < 200; i++) verdicts_add(&v, 1000 + i, 2, true)[0] = 1; /* truth: none of the two */
    calibrate(&v, 2, &c);
    assert_int_equal(turned_away(&v, &c, 0, 1000), 0);
    assert_int_equal(turned_away(&v, &c, 1000, 1200), 200);
    assert_true(c.threshold > 0.5 && c.threshold < 1);
    verdicts_fini(&v);
}

TEST(right_answers_are_worth_more_than_messages_out_of_scope)
{
    struct verdicts v;
    struct calibration c;
    assert_int_equal(verdicts_init(&v, 1200, 2), ERR_OK);
    add(&v, 500, 2, 1, true); /* as unsure as what is out of scope */
    add(&v, 500, 4, 0.97, true);
    for (uint32_t i = 0; i < 200; i++) verdicts_add(&v, 1000 + i, 2, true)[0] = 2;
    calibrate(&v, 2, &c);
    assert_int_equal(turned_away(&v, &c, 0, 1000), 0);
    verdicts_fini(&v);
}

TEST(few_right_answers_are_given_for_many_messages_out_of_scope)
{
    struct verdicts v;
    struct calibration c;
    assert_int_equal(verdicts_init(&v, 1204, 2), ERR_OK);
    add(&v, 4, 0.5, 1, true); /* less sure than what is out of scope */
    add(&v, 1000, 4, 0.97, true);
    for (uint32_t i = 0; i < 200; i++) verdicts_add(&v, 1004 + i, 2, true)[0] = 1;
    calibrate(&v, 2, &c);
    assert_int_equal(turned_away(&v, &c, 0, 1004), 4);
    assert_int_equal(turned_away(&v, &c, 1004, 1204), 200);
    verdicts_fini(&v);
}

TEST(where_nothing_out_of_scope_is_known_few_right_answers_are_risked)
{
    struct verdicts v;
    struct calibration c;
    assert_int_equal(verdicts_init(&v, 2000, 8), ERR_OK);
    for (uint32_t i = 0; i < 2000; i++) add(&v, 1, 0.01f * (float)(i + 1), i % 50 ? 1 : 0, true);
    calibrate(&v, 8, &c);
    uint32_t lost = 0, away = 0;
    for (uint32_t i = 0; i < 2000; i++) {
        bool gone = verdicts_judged(&v, i, 8, &c).label == LEARN_OOS;
        away += gone;
        lost += gone && v.truth[i] == 0;
    }
    if (!(c.threshold <= 0.3 && away > 0 && lost <= 10)) fail_msg("%u turned away, %u of them right", away, lost);
    verdicts_fini(&v);
}

TEST(no_threshold_is_set_where_it_could_only_harm)
{
    struct verdicts v;
    struct calibration c;
    assert_int_equal(verdicts_init(&v, 1000, 2), ERR_OK);
    add(&v, 1000, 3, 0.9, true); /* all equally sure */
    calibrate(&v, 2, &c);
    assert_true(c.threshold == 0);
    verdicts_fini(&v);
}

TEST(a_report_judges_as_the_model_does)
{
    static const char *const texts[] = {
        "where is my parcel",        "환불 되나요",     "tell me a joke", "zzz qqq", "", "password and parcel",
        "the weather and my refund", "\xf0\x9f\xa6\x95"
    };
    static const double thresholds[] = { 0, 0.3, 0.7, 0.95 };
    struct features *f;
    char why[200];
    assert_int_equal(features_new(&f), ERR_OK);
    for (int with_oos = 0; with_oos < 2; with_oos++) {
        struct buf bytes;
        struct model *m;
        float scores[MODEL_LABELS_MAX + 16], p[MODEL_LABELS_MAX];
        kit_learn(&bytes, MODEL_LANGUAGE, 1, with_oos);
        assert_int_equal(model_of(&m, buf_str(&bytes), why), ERR_OK);
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
            for (size_t t = 0; t < 4; t++) {
                struct verdicts v;
                struct calibration c = { 0.7, thresholds[t] };
                struct guess g;
                uint32_t labels = model_labels(m);
                features_read(f, STR_NONE, str_of(texts[i]));
                bool known = model_scores(m, f, scores);
                assert_int_equal(verdicts_init(&v, 1, labels), ERR_OK);
                memcpy(verdicts_add(&v, 7, 0, known), scores, labels * sizeof *scores);
                struct judged j = verdicts_judged(&v, 0, KIT_LABELS, &c);
                model_judge(m, scores, known, c.temperature, c.threshold, p, &g);
                if ((j.label == LEARN_OOS) != g.oos) fail_msg("%s at %f: %d", texts[i], thresholds[t], g.oos);
                assert_int_equal(j.row, 7);
                if (known) assert_true(fabs(g.p - (double)j.p) < 1e-4 && (g.oos || g.label == j.label));
                assert_true(fabs(g.scope - (double)j.scope) < 1e-4);
                verdicts_fini(&v);
            }
        model_unref(m);
        buf_fini(&bytes);
    }
    features_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(the_temperature_makes_probabilities_what_they_say),
        RUN(the_temperature_stays_in_its_bounds),
        RUN(messages_out_of_scope_that_are_less_sure_are_turned_away),
        RUN(right_answers_are_worth_more_than_messages_out_of_scope),
        RUN(few_right_answers_are_given_for_many_messages_out_of_scope),
        RUN(where_nothing_out_of_scope_is_known_few_right_answers_are_risked),
        RUN(no_threshold_is_set_where_it_could_only_harm),
        RUN(a_report_judges_as_the_model_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
