/* Corrections from a file to the sentence whether what was learnt with them is better, with real models of a few made-up words. */
#include "cli/feedback.h"
#include "tests/unit/cli/unit.h"

#define LABELS 3u
#define BASE   90u

static const char *const labels[LABELS] = { "bill", "delivery", "login" };
static const char *const base_words[LABELS] = { "invoice charge amount", "parcel courier shipment", "password account signin" };
static const char *const new_words[LABELS] = { "zorb quixan", "vumta neekol", "hibbo trefly" };

static char texts[1024][64];
static uint32_t text_count;
static char told[16384]; /* by the last call, on the stream that was listened to */

static struct str say(const char *words, uint32_t n)
{
    static const char *const ends[] = { "please",  "today", "again", "thanks", "hello",
                                        "help me", "why",   "now",   "still",  "again today" };
    char *p = texts[text_count++ % 1024];
    snprintf(p, 64, "%s %u %s", words, n, ends[n % 10]);
    return str_of(p);
}

static uint32_t base_examples(struct example *v)
{
    for (uint32_t i = 0; i < BASE; i++) v[i] = (struct example){ say(base_words[i % LABELS], i / LABELS), i % LABELS, 1 };
    return BASE;
}

static void learn_to(const char *path, const struct example *v, uint32_t n)
{
    const struct learn_cfg cfg = { .kind = MODEL_INTENT, .seed = 1, .dev = v, .dev_count = n }; /* quicker than folds */
    struct learn_report report = { 0 };
    struct buf out;
    char why[200] = "";
    buf_init(&out, 256u << 20);
    enum err e = learn(&out, v, n, labels, LABELS, NULL, &cfg, &report, why);
    if (e) fail_msg("%s: %s", err_name(e), why);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(out.p, 1, out.n, f), out.n);
    assert_int_equal(fclose(f), 0);
    learn_report_fini(&report);
    buf_fini(&out);
}

/* `count` corrections of messages in new words; shifted: all to the next label, so that they teach what is wrong. */
static void write_corrections(const char *path, const char *const *words, uint32_t count, uint32_t shift)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (uint32_t i = 0; i < count; i++)
        fprintf(f,
                "{\"number\":%u,\"ticket\":\"t-%04u\",\"at\":\"2026-03-01T00:00:00.000Z\",\"by\":\"ann\",\"source\":\"agent\","
                "\"correction\":{\"intent\":\"%s\"},\"channel\":\"sms\",\"text\":\"%.*s\"}\n",
                i + 1, i, labels[(i + shift) % LABELS], STR_FMT(say(words[i % LABELS], 100 + i)));
    fclose(f);
}

static char old_path[256], new_path[256], file_path[256];
static struct feedback_opts opts;

static int begin(void **state)
{
    int made = unit_dir_make(state);
    snprintf(old_path, sizeof old_path, "%s", unit_path("m.model"));
    snprintf(new_path, sizeof new_path, "%s", unit_path("m.model.new"));
    snprintf(file_path, sizeof file_path, "%s", unit_path("f.jsonl"));
    opts = (struct feedback_opts){ .from = { { file_path }, 1 }, .weight = 3, .held = 30 };
    return made;
}

static enum err load(struct feedback **f, enum model_kind kind)
{
    struct capture c;
    capture_begin(&c, STDERR_FILENO);
    enum err e = feedback_load(f, &opts, kind);
    capture_end(&c, told, sizeof told);
    return e;
}

/* The base data and what the corrections teach, learnt into new_path. */
static void learn_with(const struct feedback *f)
{
    struct example v[BASE + 1024];
    uint32_t n = base_examples(v);
    for (uint32_t i = 0; i < feedback_count(f); i++) {
        struct feedback_example e = feedback_example(f, i);
        uint32_t label = 0;
        while (strcmp(labels[label], e.label) != 0) label++;
        v[n++] = (struct example){ e.text, label, e.weight };
    }
    learn_to(new_path, v, n);
}

static bool judge(const struct feedback *f)
{
    struct example dev[30];
    struct capture c;
    bool swap = false;
    for (uint32_t i = 0; i < 30; i++) dev[i] = (struct example){ say(base_words[i % LABELS], 50 + i), i % LABELS, 1 };
    const struct feedback_base base = { .rows = dev, .count = 30, .labels = labels };
    capture_begin(&c, STDOUT_FILENO);
    enum err e = feedback_judge(f, &opts, new_path, old_path, &base, &swap);
    fflush(stdout);
    capture_end(&c, told, sizeof told);
    assert_int_equal(e, ERR_OK);
    return swap;
}

static void expect_told(const char *text)
{
    if (!strstr(told, text)) fail_msg("\"%s\" is not in: %s", text, told);
}

static void learn_old(void)
{
    struct example v[BASE];
    learn_to(old_path, v, base_examples(v));
}

static void corrections_that_teach_new_words_make_a_better_model(void **state)
{
    struct feedback *f = NULL;
    UNUSED(state);
    learn_old();
    write_corrections(file_path, new_words, 90, 0);
    assert_int_equal(load(&f, MODEL_INTENT), ERR_OK);
    expect_told("corrections=90 of intent=90");
    assert_in_range(feedback_count(f), 50, 75);
    assert_true(feedback_example(f, 0).weight == 3.0f);
    learn_with(f);
    bool swap = judge(f);
    expect_told("better: ");
    assert_true(swap);
    feedback_free(f);
}

static void what_teaches_nothing_new_is_not_written_unless_forced(void **state)
{
    struct feedback *f = NULL;
    UNUSED(state);
    learn_old();
    write_corrections(file_path, base_words, 60, 0);
    assert_int_equal(load(&f, MODEL_INTENT), ERR_OK);
    learn_with(f);
    assert_false(judge(f));
    expect_told("no clear difference: ");
    expect_told("not written");
    opts.force = true;
    assert_true(judge(f));
    expect_told("written all the same");
    feedback_free(f);
}

static void what_makes_the_base_data_wrong_is_worse_however_well_the_corrections_are_learnt(void **state)
{
    struct feedback *f = NULL;
    UNUSED(state);
    learn_old();
    write_corrections(file_path, base_words, 300, 1);
    opts.weight = 1000;
    assert_int_equal(load(&f, MODEL_INTENT), ERR_OK);
    learn_with(f);
    assert_false(judge(f));
    expect_told("worse: on the base data");
    feedback_free(f);
}

static void without_an_older_model_the_first_is_taken_and_a_broken_one_is_told(void **state)
{
    struct feedback *f = NULL;
    bool swap;
    UNUSED(state);
    write_corrections(file_path, new_words, 30, 0);
    assert_int_equal(load(&f, MODEL_INTENT), ERR_OK);
    learn_with(f);
    assert_true(judge(f));
    expect_told("first: ");
    FILE *out = fopen(old_path, "w");
    fputs("not a model", out);
    fclose(out);
    struct capture c;
    const struct feedback_base base = { .count = 0 };
    capture_begin(&c, STDERR_FILENO);
    assert_int_equal(feedback_judge(f, &opts, new_path, old_path, &base, &swap), ERR_USAGE);
    capture_end(&c, told, sizeof told);
    assert_false(swap);
    expect_told("m.model: ");
    feedback_free(f);
}

static void what_cannot_be_read_or_has_nothing_for_the_kind_is_told(void **state)
{
    struct feedback *f = NULL;
    UNUSED(state);
    write_corrections(file_path, new_words, 30, 0);
    assert_int_equal(load(&f, MODEL_URGENCY), ERR_NOTFOUND);
    expect_told("no correction of urgency to learn from");
    FILE *out = fopen(file_path, "w");
    fputs("{\"correction\":{}}\n{broken\n", out);
    fclose(out);
    assert_int_equal(load(&f, MODEL_INTENT), ERR_USAGE);
    expect_told("line 2, byte");
    remove(file_path);
    assert_int_equal(load(&f, MODEL_INTENT), ERR_USAGE);
    expect_told("f.jsonl: No such file");
}

static void a_report_says_which_rows_were_judged_right(void **state)
{
    const struct example rows[] = { { STR("a"), 0, 1 }, { STR("b"), 1, 1 }, { STR("c"), LEARN_OOS, 1 }, { STR("d"), 2, 1 } };
    struct judged judged[] = { { 1, 1, 1, 0, 0 }, { 0, 2, 2, 0, 0 }, { 2, LEARN_OOS, 0, 0, 0 }, { 9, 0, 0, 0, 0 } };
    const struct learn_report report = { .judged = judged, .judged_count = 4 };
    bool right[4];
    UNUSED(state);
    feedback_right(&report, rows, 4, right);
    assert_false(right[0]);
    assert_true(right[1]);
    assert_true(right[2]);
    assert_false(right[3]); /* not judged */
}

#define IN_FOLDER(fn) cmocka_unit_test_setup_teardown(fn, begin, unit_dir_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(corrections_that_teach_new_words_make_a_better_model),
        IN_FOLDER(what_teaches_nothing_new_is_not_written_unless_forced),
        IN_FOLDER(what_makes_the_base_data_wrong_is_worse_however_well_the_corrections_are_learnt),
        IN_FOLDER(without_an_older_model_the_first_is_taken_and_a_broken_one_is_told),
        IN_FOLDER(what_cannot_be_read_or_has_nothing_for_the_kind_is_told),
        IN_FOLDER(a_report_says_which_rows_were_judged_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
