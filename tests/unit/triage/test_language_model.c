/* Script first, then a model among the languages of the script. */
#include "tests/unit/triage/unit.h"
#include "workers/triage/language_model.h"
#include "workers/triage/learn.h"
#include "workers/triage/model_file.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const labels[] = { "es", "en", "ru", "uk", "zh", "ja", "ko", "qxx" };
static const struct {
    uint32_t label;
    const char *text;
} rows[] = {
    { 0, "dónde está mi pedido" },
    { 0, "quiero devolver el paquete" },
    { 0, "no puedo entrar en mi cuenta" },
    { 0, "el paquete no ha llegado" },
    { 1, "where is my order" },
    { 1, "i want to return the parcel" },
    { 1, "i cannot log in to my account" },
    { 1, "the parcel has not come" },
    { 2, "где мой заказ" },
    { 2, "хочу вернуть посылку" },
    { 2, "не могу войти в аккаунт" },
    { 2, "посылка не пришла" },
    { 3, "де моє замовлення" },
    { 3, "хочу повернути посилку" },
    { 3, "не можу увійти в акаунт" },
    { 3, "посилка не прийшла" },
    { 4, "我的订单在哪里" },
    { 4, "我要退货" },
    { 4, "无法登录账户" },
    { 4, "包裹没到" },
    { 5, "注文はどこですか" },
    { 5, "返品したいです" },
    { 5, "注文番号確認" },
    { 5, "返品希望" },
    { 6, "제 주문 어디 있나요" },
    { 6, "반품하고 싶어요" },
    { 6, "로그인이 안 돼요" },
    { 6, "택배가 안 왔어요" },
    { 7, "zzub vrok glim" },
    { 7, "vrok snib zzub" },
    { 7, "glim snib vrok" },
    { 7, "snib zzub glim" },
};

static struct buf bytes;
static struct model *model;
static struct language_model lm;
static struct features *features;

static enum err learnt(struct buf *out, enum model_kind kind, char why[200])
{
    struct example e[sizeof rows / sizeof *rows];
    struct learn_cfg cfg = { .kind = kind, .seed = 1, .dev = e, .dev_count = sizeof rows / sizeof *rows };
    struct learn_report report;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) e[i] = (struct example){ str_of(rows[i].text), rows[i].label, 1 };
    buf_init(out, 64u << 20);
    enum err err = learn(out, e, sizeof rows / sizeof *rows, labels, sizeof labels / sizeof *labels, NULL, &cfg, &report, why);
    learn_report_fini(&report);
    return err;
}

static int up(void **state)
{
    char why[200];
    (void)state;
    if (learnt(&bytes, MODEL_LANGUAGE, why) || model_of(&model, buf_str(&bytes), why)) return -1;
    return language_model_init(&lm, model, why) || features_new(&features) ? -1 : 0;
}
static int down(void **state)
{
    (void)state;
    features_free(features);
    model_unref(model);
    buf_fini(&bytes);
    return 0;
}

static struct language_found judge(const char *text, bool with_model)
{
    struct letters l = { 0 };
    struct language_found out;
    letters_count(&l, str_of(text));
    features_read(features, STR_NONE, str_of(text));
    language_judge(&l, with_model ? &lm : NULL, features, &out);
    return out;
}
static void expect(const char *text, const char *language, const char *by)
{
    struct language_found got = judge(text, true);
    if (!str_is(got.code, language) || !str_is(got.by, by))
        fail_msg("%s: %.*s by %.*s (%s) instead of %s by %s", text, STR_FMT(got.code), STR_FMT(got.by), got.said, language, by);
    if (got.p < 0 || got.p > 1) fail_msg("%s: p=%f", text, got.p);
}

TEST(the_model_tells_languages_of_one_script_apart)
{
    expect("dónde está el paquete", "es", "model");
    expect("where is the parcel", "en", "model");
    expect("где посылка", "ru", "model");
    expect("де посилка", "uk", "model");
    expect("我的包裹在哪里", "zh", "model");
    expect("注文番号", "ja", "model");
}

TEST(a_script_of_one_language_needs_no_model)
{
    expect("주문 where is it 어디", "ko", "script");
    expect("iPhone 15 Pro 반품하고 싶어요", "ko", "script");
    expect("注文どこ", "ja", "script");
    expect("บัตรของฉันหาย", "th", "script");
    expect("που είναι η παραγγελία", "el", "script");
    expect("ବାର୍ତ୍ତା", "or", "script");
    assert_true(judge("주문", true).p == 1);
    assert_string_equal(judge("주문", true).said, "Hangul");
}

TEST(a_script_is_never_overruled)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[200];
        snprintf(text, sizeof text, "%s яяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяя",
                 rows[i].text);
        struct language_found got = judge(text, true);
        if (!str_is(got.code, "ru") && !str_is(got.code, "uk") && !str_is(got.code, "und") && !str_is(got.code, "qxx"))
            fail_msg("%s: %.*s in Cyrillic", rows[i].text, STR_FMT(got.code));
    }
}

TEST(no_letter_is_no_language_with_a_model_too)
{
    expect("", "und", "script");
    expect("12345 !!! 👍", "und", "script");
    expect("https://example.com/donde/esta/mi/pedido", "und", "script");
    assert_true(judge("12345", true).p == 0);
}

TEST(a_label_of_no_known_language_stands_for_any_shared_script)
{
    expect("zzub glim", "qxx", "model");
    expect("제꺼 glim", "ko", "script");
}

TEST(what_is_said_names_the_two_likeliest)
{
    struct language_found got = judge("где посылка", true);
    assert_non_null(strstr(got.said, "Cyrillic: ru "));
    assert_non_null(strstr(got.said, ", "));
}

/* Probabilities of the script's labels only: with two languages the better one has half or more. */
TEST(probabilities_are_over_the_script_alone)
{
    static const char *const texts[] = { "посылка где де посилка", "ы", "ї", "щ щ щ" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) assert_true(judge(texts[i], true).p >= 1.0 / 3);
}

TEST(without_a_model_the_script_and_its_tells_decide)
{
    assert_true(str_is(judge("де моє замовлення", false).code, "uk"));
    assert_true(str_is(judge("dónde está mi pedido", false).code, "en"));
    assert_true(str_is(judge("dónde está mi pedido", false).by, "script"));
}

TEST(a_model_of_another_kind_is_refused)
{
    struct buf b;
    struct model *m;
    struct language_model other;
    char why[200];
    assert_int_equal(learnt(&b, MODEL_INTENT, why), ERR_OK);
    assert_int_equal(model_of(&m, buf_str(&b), why), ERR_OK);
    assert_int_equal(language_model_init(&other, m, why), ERR_RANGE);
    assert_string_equal(why, "it is a model of kind intent, not language");
    model_unref(m);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(the_model_tells_languages_of_one_script_apart),
        RUN(a_script_of_one_language_needs_no_model),
        RUN(a_script_is_never_overruled),
        RUN(no_letter_is_no_language_with_a_model_too),
        RUN(a_label_of_no_known_language_stands_for_any_shared_script),
        RUN(what_is_said_names_the_two_likeliest),
        RUN(probabilities_are_over_the_script_alone),
        RUN(without_a_model_the_script_and_its_tells_decide),
        RUN(a_model_of_another_kind_is_refused),
    };
    return cmocka_run_group_tests(tests, up, down);
}
