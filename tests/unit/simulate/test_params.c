/* What of a policy can be tuned, and what becomes of its text. */
#include "base/limits.h"
#include "base/rng.h"
#include "config/closed_files.h"
#include "tests/unit/config/unit.h"
#include "workers/simulate/params.h"
#include "workers/simulate/tune.h"

static const char *const yaml = "naru: 1\n"
                                "workspace: w\n"
                                "capacity: { keep: { units: 30, for: { urgency: high } } }\n"
                                "queues:\n"
                                "  billing: # money\n"
                                "    takes: default\n"
                                "    weight: 2\n"
                                "    order: fifo\n"
                                "    gate: [{ group: seniors, waiting: \">5\", age: 45s }, { group: others, reserve: 2 }]\n"
                                "    choose: { best-skill: 2, longest-idle: 1 }\n"
                                "    timeline:\n"
                                "      - { after: 20%, raise: 1 }\n"
                                "      - { after: 90s, raise: 1 }\n"
                                "  chat: { takes: { tag: x }, age-cap: 10m, choose: [longest-idle] }\n"
                                "agents: { a: { groups: [seniors, others] } }\n";

/* "name=written, …" of what `over` names, or the sentence that refuses it; valid until the next call. */
static const char *found(const char *over)
{
    static char text[4096];
    char why[PARAMS_WHY] = "";
    struct params p;
    enum err e = params_find(&p, str_of(yaml), over, why);
    size_t n = 0;
    text[0] = 0;
    if (e) snprintf(text, sizeof text, "%s: %s", err_name(e), why);
    for (uint32_t i = 0; !e && i < p.count; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s=%s", i ? ", " : "", p.v[i].name, p.v[i].written);
    if (!e) params_fini(&p);
    return text;
}

TEST(a_pattern_names_what_is_written_and_what_has_a_default)
{
    UNUSED(state);
    assert_string_equal(found("queues.*.weight"), "queues.billing.weight=2, queues.chat.weight=1");
    assert_string_equal(found("queues.billing.age-cap"), "queues.billing.age-cap=300%");
    assert_string_equal(found("queues.*.age-cap"), "queues.billing.age-cap=300%, queues.chat.age-cap=10m");
    assert_string_equal(found("capacity.keep.units"), "capacity.keep.units=30");
    assert_string_equal(found("queues.*.timeline.after"),
                        "queues.billing.timeline[0].after=20%, queues.billing.timeline[1].after=90s");
    assert_string_equal(found("queues.*.timeline[1].after"), "queues.billing.timeline[1].after=90s");
    assert_string_equal(found("queues.billing.choose.*"),
                        "queues.billing.choose.best-skill=2, queues.billing.choose.longest-idle=1");
}

TEST(plurals_prefixes_and_lists_are_understood)
{
    UNUSED(state);
    assert_string_equal(found("queues.*.weights,gates"),
                        "queues.billing.weight=2, queues.chat.weight=1, queues.billing.gate[0].waiting=>5, "
                        "queues.billing.gate[0].age=45s, queues.billing.gate[0].reserve=0, queues.billing.gate[1].reserve=2");
    assert_string_equal(found(" queues.chat.index.match , idle,weight"),
                        "queues.chat.index.match=1, queues.chat.index.idle=0, queues.chat.weight=1");
    assert_string_equal(found("queues.*.gates[].age"), "queues.billing.gate[0].age=45s");
    assert_string_equal(found("queues.*.weight,queues.chat.weight"), "queues.billing.weight=2, queues.chat.weight=1");
    assert_string_equal(found("*.reserve"), "queues.billing.gate[0].reserve=0, queues.billing.gate[1].reserve=2");
}

TEST(choices_that_belong_together_change_together)
{
    UNUSED(state);
    assert_string_equal(found("queues.chat.order"), "queues.chat.order=slack");
    assert_string_equal(found("queues.chat.choose"), "queues.chat.choose=[longest-idle]");
    char why[PARAMS_WHY];
    struct params p;
    struct buf out;
    const char *both = "queues: { a: { order: fifo }, b: { order: fifo } }\n";
    assert_int_equal(params_find(&p, str_of(both), "queues.*.order", why), ERR_OK);
    assert_int_equal(p.count, 1);
    assert_int_equal(p.v[0].path_count, 2);
    assert_int_equal(p.v[0].word_count, 4);
    buf_init(&out, 1000);
    assert_int_equal(params_apply(&p, &(double){ 3 }, str_of(both), &out), ERR_OK);
    assert_string_equal(buf_cstr(&out), "queues: { a: { order: weights }, b: { order: weights } }\n");
    buf_fini(&out);
    params_fini(&p);
}

TEST(what_a_pattern_with_an_equals_sign_names_gets_one_value)
{
    UNUSED(state);
    char why[PARAMS_WHY];
    struct params p;
    struct buf out;
    const char *three = "queues: { a: { weight: 2 }, b: { weight: 2 }, c: {} }\n";
    assert_int_equal(params_find(&p, str_of(three), "queues.*.weights=", why), ERR_OK);
    assert_int_equal(p.count, 2);
    assert_int_equal(p.v[0].path_count, 2);
    assert_string_equal(p.v[0].name, "queues.*.weight");
    assert_int_equal(p.v[1].path_count, 1);
    buf_init(&out, 1000);
    assert_int_equal(params_apply(&p, (double[]){ 1, 0.5 }, str_of(three), &out), ERR_OK);
    assert_string_equal(buf_cstr(&out), "queues: { a: { weight: 100 }, b: { weight: 100 }, c: {} }\n");
    buf_fini(&out);
    params_fini(&p);
    assert_string_equal(found("queues.*.weight=, age-cap"), "queues.*.weight=2, queues.*.weight=1, queues.billing.age-cap=300%, "
                                                            "queues.chat.age-cap=10m");
}

TEST(what_names_nothing_is_told_with_the_nearest)
{
    UNUSED(state);
    assert_string_equal(found("queues.*.wieght"),
                        "ERR_USAGE: \"queues.*.wieght\" is nothing that can be tuned (did you mean \"queues.*.weight\"?)");
    assert_string_equal(found("queues.*.weights,gatse"),
                        "ERR_USAGE: \"queues.*.gatse\" is nothing that can be tuned (did you mean \"queues.*.gate\"?)");
    assert_string_equal(found("queues.biling.weight"),
                        "ERR_USAGE: \"queues.biling.weight\": no queue is named \"biling\" (did you mean \"billing\"?)");
    assert_string_equal(found("queues.chat.gate"),
                        "ERR_USAGE: \"queues.chat.gate\": the policy writes none, so there is nothing to tune");
    assert_non_null(strstr(found("queues.*.sla"), "is nothing that can be tuned"));
    assert_non_null(strstr(found("speed"), "known: queues.*.weight, "));
    assert_non_null(strstr(found(""), "name what is to be tuned"));
    assert_non_null(strstr(found(" , "), "name what is to be tuned"));
}

/* ---- positions and texts ---- */

static void assert_range(const char *over, const char *least, const char *start, const char *most)
{
    char why[PARAMS_WHY], text[PARAM_TEXT];
    struct params p;
    assert_int_equal(params_find(&p, str_of(yaml), over, why), ERR_OK);
    assert_int_equal(p.count, 1);
    param_text(&p.v[0], 0, text);
    assert_string_equal(text, least);
    param_text(&p.v[0], param_position(&p.v[0]), text);
    assert_string_equal(text, start);
    param_text(&p.v[0], 1, text);
    assert_string_equal(text, most);
    params_fini(&p);
}

TEST(values_are_searched_around_what_is_written_and_within_their_bounds)
{
    UNUSED(state);
    assert_range("queues.billing.weight", "0.01", "2", "100");
    assert_range("queues.chat.index.match", "0", "1", "4");
    assert_range("queues.billing.gate[0].waiting", "\">0\"", "\">5\"", "\">24\"");
    assert_range("queues.billing.gate[0].age", "2800ms", "45s", "12m");
    assert_range("queues.billing.gate[1].reserve", "0", "2", "12");
    assert_range("queues.billing.timeline[0].after", "3%", "20%", "160%");
    assert_range("queues.billing.timeline[1].after", "11s", "90s", "12m");
    assert_range("queues.billing.age-cap", "100%", "300%", "4800%");
    assert_range("capacity.keep.units", "1", "30", "62");
}

TEST(only_what_moved_is_edited)
{
    UNUSED(state);
    char why[PARAMS_WHY];
    struct params p;
    struct buf out;
    buf_init(&out, 10000);
    assert_int_equal(params_find(&p, str_of(yaml), "queues.*.weight", why), ERR_OK);
    double at[] = { param_position(&p.v[0]), param_position(&p.v[1]) };
    assert_int_equal(params_apply(&p, at, str_of(yaml), &out), ERR_OK);
    assert_string_equal(buf_cstr(&out), yaml);
    buf_clear(&out);
    at[1] = 0.6;
    assert_int_equal(params_apply(&p, at, str_of(yaml), &out), ERR_OK);
    assert_non_null(strstr(buf_cstr(&out), "  chat: { takes: { tag: x }, age-cap: 10m, choose: [longest-idle], weight: 2.51 }\n"));
    assert_non_null(strstr(buf_cstr(&out), "    weight: 2\n"));
    buf_clear(&out);
    at[0] = 1;
    at[1] = 0.5;
    assert_int_equal(params_apply(&p, at, str_of(yaml), &out), ERR_OK);
    assert_non_null(strstr(buf_cstr(&out), "    weight: 100\n"));
    buf_fini(&out);
    params_fini(&p);
}

/* The bounds of the rows are those that the reader of policies has: whatever is drawn, the file is good. */
static void assert_any_position_is_good(const char *name)
{
    char path[512], why[PARAMS_WHY];
    struct buf text, out;
    struct params p;
    struct rng rng;
    double at[PARAMS_MAX];
    rng_seed(&rng, 1);
    snprintf(path, sizeof path, NARU_SOURCE_DIR "/%s", name);
    buf_init(&text, LIM_YAML_BYTES);
    buf_init(&out, LIM_YAML_BYTES);
    assert_int_equal(file_bytes(path, LIM_YAML_BYTES, &text), ERR_OK);
    assert_int_equal(params_find(&p, buf_str(&text), "*", why), ERR_OK);
    for (unsigned round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < p.count; i++) {
            double one = round < 2 ? round : rng_f64(&rng);
            /* Steps that change places and gates without a condition are refused: the search leaves them. */
            if (strstr(p.v[i].name, ".timeline[") || strstr(p.v[i].name, ".reserve")) one = param_position(&p.v[i]);
            at[i] = p.v[i].word_count ? (double)rng_below(&rng, p.v[i].word_count) : one;
        }
        buf_clear(&out);
        assert_int_equal(params_apply(&p, at, buf_str(&text), &out), ERR_OK);
        struct policy *q = NULL;
        struct findings f;
        findings_init(&f);
        enum err e = tune_load(&q, buf_str(&out), path, NOW, &f);
        if (e) print_findings(&f);
        assert_int_equal(e, ERR_OK);
        findings_fini(&f);
        policy_unref(q);
    }
    params_fini(&p);
    buf_fini(&out);
    buf_fini(&text);
}

TEST(any_position_of_any_value_of_the_shipped_policies_is_good)
{
    UNUSED(state);
    static const char *const files[] = { "config/hanbit.yaml", "config/teams/matrix.yaml", "config/teams/lifecycle.yaml",
                                         "tests/quality/bank/bank.yaml", "tests/quality/2-cross-trained/naru.yaml" };
    for (size_t i = 0; i < COUNT_OF(files); i++) assert_any_position_is_good(files[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_names_what_is_written_and_what_has_a_default),
        cmocka_unit_test(plurals_prefixes_and_lists_are_understood),
        cmocka_unit_test(choices_that_belong_together_change_together),
        cmocka_unit_test(what_a_pattern_with_an_equals_sign_names_gets_one_value),
        cmocka_unit_test(what_names_nothing_is_told_with_the_nearest),
        cmocka_unit_test(values_are_searched_around_what_is_written_and_within_their_bounds),
        cmocka_unit_test(only_what_moved_is_edited),
        cmocka_unit_test(any_position_of_any_value_of_the_shipped_policies_is_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
