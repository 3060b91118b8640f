/* The shipped language model on sentences of our own, in the languages of tests/golden/languages.tsv; never trained on. */
#include "tests/unit/triage/unit.h"
#include "workers/triage/language_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE 1024

static const char common[] = " ar de en es fr hi id it ja ko nl pl pt ru sv th tr uk vi zh ";
static struct model *model;
static struct language_model lm;
static struct features *features;

static int up(void **state)
{
    char why[200] = "out of memory";
    (void)state;
    if (model_open(&model, NARU_SOURCE_DIR "/config/starter/language.model", why) || language_model_init(&lm, model, why) ||
        features_new(&features)) {
        print_error("%s\n", why);
        return -1;
    }
    return 0;
}
static int down(void **state)
{
    (void)state;
    features_free(features);
    model_unref(model);
    return 0;
}

static void judge(const char *text, struct language_found *out)
{
    struct letters l = { 0 };
    letters_count(&l, str_of(text));
    features_read(features, STR_NONE, str_of(text));
    language_judge(&l, &lm, features, out);
}

static bool is_common(const char *code)
{
    char needle[16];
    snprintf(needle, sizeof needle, " %s ", code);
    return strstr(common, needle) != NULL;
}

TEST(the_shipped_model_knows_75_languages_or_more)
{
    assert_true(model_labels(model) >= 75);
    for (const char *p = common; p[1]; p += 3) assert_true(model_find(model, (struct str){ p + 1, 2 }) >= 0);
}

TEST(sentences_are_known_by_the_shipped_model)
{
    char line[LINE];
    uint32_t all = 0, right = 0;
    FILE *f = fopen(NARU_SOURCE_DIR "/tests/golden/languages.tsv", "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    while (fgets(line, sizeof line, f)) {
        struct language_found got;
        char *text = strchr(line, '\t');
        assert_non_null(text);
        *text++ = 0;
        text[strcspn(text, "\n")] = 0;
        judge(text, &got);
        bool ok = str_is(got.code, line);
        all++;
        right += ok;
        if (!ok) print_message("%s: %.*s (%s): %s\n", line, STR_FMT(got.code), got.said, text);
        if (!ok && is_common(line)) fail_msg("a sentence in %s was not known", line);
    }
    fclose(f);
    assert_true(all > 250);
    assert_true(right * 100 >= all * 95);
}

TEST(what_is_no_word_is_no_language)
{
    static const char *const texts[] = { "", "12345", "?!", "👍👍", "https://www.example.com/hello/world" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct language_found got;
        judge(texts[i], &got);
        assert_true(str_is(got.code, "und"));
    }
}

TEST(mixed_texts_stay_with_their_script)
{
    static const struct {
        const char *text, *language;
    } mixed[] = {
        { "Galaxy S24 Ultra 환불해 주세요", "ko" },
        { "我的 iPhone 15 Pro 坏了怎么办", "zh" },
        { "MacBook Airの電源が入りません", "ja" },
        { "не работает WhatsApp на моём Samsung Galaxy", "ru" },
        { "mein Paket 환불 ist noch nicht angekommen", "de" },
    };
    for (size_t i = 0; i < sizeof mixed / sizeof *mixed; i++) {
        struct language_found got;
        judge(mixed[i].text, &got);
        if (!str_is(got.code, mixed[i].language)) fail_msg("%s: %.*s", mixed[i].text, STR_FMT(got.code));
    }
}

/* What customers write is short: these must hold too. */
TEST(short_messages_are_known)
{
    static const struct {
        const char *text, *language;
    } messages[] = {
        { "where is my order?", "en" },
        { "i want a refund", "en" },
        { "¿dónde está mi pedido?", "es" },
        { "quiero un reembolso", "es" },
        { "où est ma commande ?", "fr" },
        { "wo bleibt meine Bestellung?", "de" },
        { "dov'è il mio ordine?", "it" },
        { "onde está o meu pedido?", "pt" },
        { "waar is mijn bestelling?", "nl" },
        { "gdzie jest moje zamówienie?", "pl" },
        { "var är min beställning?", "sv" },
        { "siparişim nerede?", "tr" },
        { "đơn hàng của tôi ở đâu?", "vi" },
        { "di mana pesanan saya?", "id" },
        { "где мой заказ?", "ru" },
        { "де моє замовлення?", "uk" },
        { "أين طلبي؟", "ar" },
        { "मेरा ऑर्डर कहाँ है?", "hi" },
        { "我的订单在哪里?", "zh" },
        { "注文はどこですか?", "ja" },
        { "주문 어디쯤 왔나요?", "ko" },
        { "คำสั่งซื้อของฉันอยู่ที่ไหน", "th" },
    };
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        struct language_found got;
        judge(messages[i].text, &got);
        if (!str_is(got.code, messages[i].language)) fail_msg("%s: %.*s (%s)", messages[i].text, STR_FMT(got.code), got.said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(the_shipped_model_knows_75_languages_or_more),
        RUN(sentences_are_known_by_the_shipped_model),
        RUN(what_is_no_word_is_no_language),
        RUN(mixed_texts_stay_with_their_script),
        RUN(short_messages_are_known),
    };
    return cmocka_run_group_tests(tests, up, down);
}
