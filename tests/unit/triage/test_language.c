/* Language by script. */
#include "tests/unit/triage/unit.h"
#include "workers/triage/language.h"

#include <stdio.h>

static void expect(const char *text, const char *language)
{
    struct letters l = { 0 };
    letters_count(&l, str_of(text));
    struct language got = letters_language(&l);
    if (!str_is(got.code, language)) fail_msg("%s: %.*s instead of %s", text, STR_FMT(got.code), language);
}

TEST(a_script_gives_its_language)
{
    expect("환불해 주세요", "ko");
    expect("カードが使えません", "ja");
    expect("我的银行卡丢了", "zh");
    expect("my card is lost", "en");
    expect("где мой заказ?", "ru");
    expect("де моє замовлення?", "uk");
    expect("أين طلبي", "ar");
    expect("سفارش من کجاست؟ پول می‌خواهم", "fa");
    expect("میرا آرڈر کہاں ہے", "ur");
    expect("איפה ההזמנה שלי", "he");
    expect("που είναι η παραγγελία", "el");
    expect("บัตรของฉันหาย", "th");
    expect("मेरा कार्ड खो गया", "hi");
    expect("ბარათი დავკარგე", "ka");
    expect("ㅋㅋㅋ", "ko");
}

TEST(no_letter_is_no_language)
{
    expect("", "und");
    expect("12345 !!! 👍", "und");
    expect("https://example.com/a/very/long/path?x=y", "und");
}

TEST(mixed_text_goes_by_counted_letters)
{
    expect("iPhone 15 Pro 환불해주세요", "ko");
    expect("카드 card가 안돼요", "ko");
    expect("this is what he wrote to me yesterday evening: 환불", "en");
    expect("Galaxy Buds Pro 2 환불 가능?", "ko");
    expect("سأعيد Half a Life غدا", "ar");
    expect("не включается Galaxy Watch 6", "ru");
    expect("I talked to 김민수 about my refund", "en");
    expect("東京駅の改札口", "ja");
    expect("我在の店购买了一个很好的手机但是不能使用了请帮忙", "zh");
    expect("안 열려요 https://www.example.com/some/long/address/that/is/latin", "ko");
    expect("how do i write to www.example.com? hello", "en");
}

TEST(a_source_may_state_the_language)
{
    char out[LANGUAGE_MAX + 1];
    assert_int_equal(language_stated(STR("ko"), out), 2);
    assert_string_equal(out, "ko");
    assert_int_equal(language_stated(STR("EN-us"), out), 2);
    assert_string_equal(out, "en");
    assert_int_equal(language_stated(STR("zh_Hant-TW"), out), 2);
    assert_int_equal(language_stated(STR("yue"), out), 3);
}

TEST(what_is_not_well_formed_states_nothing)
{
    char out[LANGUAGE_MAX + 1];
    static const char *const bad[] = {
        "", "k", "und", "1a", "ko;DROP", "ko-", "-ko", "ko--kr", "korean language", "abcdefghijk", "ko-\xFF"
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_int_equal(language_stated(str_of(bad[i]), out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(a_script_gives_its_language),
        RUN(no_letter_is_no_language),
        RUN(mixed_text_goes_by_counted_letters),
        RUN(a_source_may_state_the_language),
        RUN(what_is_not_well_formed_states_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
