/* The page that tells a ticket's life. */
#include "cli/life.h"
#include "tests/unit/cli/unit.h"

static struct buf page;

static const char *tell(const char *doc, const char *ticket)
{
    struct json *d = NULL, *t = NULL;
    size_t at;
    const char *why;
    assert_int_equal(json_parse(&d, str_of(doc), 64, &at, &why), ERR_OK);
    if (ticket) assert_int_equal(json_parse(&t, str_of(ticket), 64, &at, &why), ERR_OK);
    buf_clear(&page);
    life_tell(&page, d, t);
    json_free(d);
    json_free(t);
    assert_int_equal(page.err, ERR_OK);
    return buf_cstr(&page);
}

static void has(const char *text, const char *line)
{
    if (!strstr(text, line)) fail_msg("no \"%s\" in:\n%s", line, text);
}

static const char judged[] =
    "{\"ticket\":\"1\",\"state\":\"waiting\",\"verdict\":{\"event\":\"e1\",\"policy\":\"sha256:1\",\"language\":\"ko\","
    "\"intent\":\"refund\",\"unsure\":false,\"urgency\":\"high\",\"score\":0.62,\"tags\":[{\"name\":\"money\"}],\"needs\":[],"
    "\"reasons\":["
    "{\"part\":\"text\",\"by\":\"quote\",\"detail\":\"3 of 9 bytes\"},"
    "{\"part\":\"intent\",\"by\":\"model\",\"detail\":\"refund 0.93: 환불 0.61\"},"
    "{\"part\":\"rule\",\"by\":\"rule:gone\",\"detail\":\"text=안 들어\"},"
    "{\"part\":\"tags\",\"by\":\"rule:gone\",\"detail\":\"money\"},"
    "{\"part\":\"urgency\",\"by\":\"model\",\"detail\":\"0.55 high 0.71\"},"
    "{\"part\":\"urgency\",\"by\":\"rule:gone\",\"detail\":\"+0.07\"},"
    "{\"part\":\"raise\",\"by\":\"rule:gone\",\"detail\":\"+1\"},"
    "{\"part\":\"mood\",\"by\":\"moon\",\"detail\":\"full\"}]},"
    "\"route\":{\"queue\":\"billing\",\"by\":\"takes\"},\"life\":[]}";

TEST(each_part_stands_once_with_its_reasons_behind_it)
{
    UNUSED(state);
    const char *told = tell(judged, NULL);
    has(told, "verdict  (policy sha256:1)\n  own words    quote: 3 of 9 bytes\n  language     ko\n");
    has(told, "  intent       refund                 model: refund 0.93: 환불 0.61\n");
    has(told, "  urgency      high, score 0.62       model: 0.55 high 0.71\n"
              "                                      rule:gone: +0.07\n"
              "                                      rule:gone: raised +1\n");
    has(told, "  tags         money                  rule:gone: money\n");
    has(told, "  rules        rule:gone: text=안 들어\n");
    has(told, "  goes to      billing                the first queue whose `takes` fits\n  mood by moon: full\n");
    assert_null(strstr(told, "needs")); /* there are none */
}

TEST(a_doubtful_intent_is_said_to_be_one)
{
    UNUSED(state);
    const char *told =
        tell("{\"verdict\":{\"unsure\":true,\"urgency\":\"low\",\"score\":0.1,\"reasons\":[{\"part\":\"intent\",\"by\":\"model\","
             "\"detail\":\"unsure (0.310 < 0.400): refund 0.31, else exchange 0.28\"}]},"
             "\"route\":{\"queue\":\"front-desk\",\"by\":\"unsure\"},\"life\":[]}",
             NULL);
    has(told, "  intent       unsure                 model: unsure (0.310 < 0.400): refund 0.31, else exchange 0.28\n");
    has(told, "  goes to      front-desk             the verdict is unsure");
}

TEST(a_long_value_has_its_reasons_below_it)
{
    UNUSED(state);
    has(tell("{\"verdict\":{\"intent\":\"balance_not_updated_after_transfer\",\"reasons\":[{\"part\":\"intent\",\"by\":\"model\","
             "\"detail\":\"x\"}]}}",
             NULL),
        "  intent       balance_not_updated_after_transfer\n                                      model: x\n");
}

TEST(the_customers_words_are_shown_only_when_given)
{
    UNUSED(state);
    const char *ticket = "{\"subject\":\"s1\",\"customer\":\"kim\",\"messages\":[{\"event\":\"e0\",\"text\":\"no\"},{\"event\":"
                         "\"e1\",\"text\":\"돈이요\"}]}";
    const char *told = tell(judged, ticket);
    has(told, "  customer     kim\n");
    has(told, "  subject      s1\n  said         \"돈이요\"\n");
    assert_null(strstr(tell(judged, NULL), "돈이요"));
}

TEST(nothing_that_others_wrote_commands_the_terminal)
{
    UNUSED(state);
    const char *told = tell(
        judged, "{\"customer\":\"a\\u001b[2Jb\\u009bc\\u202ed\",\"messages\":[{\"event\":\"e1\",\"text\":\"x\\u0007\\r\\ny\"}]}");
    has(told, "  customer     a·[2Jb·c·d\n");
    has(told, "\"x·· y\"\n");
    for (const char *p = told; *p; p++) assert_true((unsigned char)*p >= 0x20 || *p == '\n');
}

TEST(a_long_message_is_cut_at_a_character)
{
    UNUSED(state);
    char ticket[4096] = "{\"messages\":[{\"event\":\"e1\",\"text\":\"";
    for (int i = 0; i < 500; i++) strcat(ticket, "가");
    strcat(ticket, "\"}]}");
    has(tell(judged, ticket), "가…\"\n");
    assert_true(str_utf8(buf_str(&page), &(size_t){ 0 }));
}

TEST(who_could_not_take_it_is_counted_in_words)
{
    UNUSED(state);
    has(tell("{\"waiting_for\":{\"free\":0,\"offline\":2,\"skills\":1,\"away\":0,\"off_shift\":1,\"ramp\":1,\"daily\":3,\"ahead\":"
             "3,\"next_change_in_ms\":105000}}",
             NULL),
        "waits because nobody can take it now: 2 offline, 1 outside their shift, 1 without the skills, 1 given no more yet so soon "
        "after coming online, 3 at their most of the day; 3 more wait for the same agents; it is looked at again at the latest in "
        "1 min 45 s\n");
    has(tell("{\"waiting_for\":{\"free\":0,\"only\":2,\"asked\":\"ann\",\"ahead\":1}}", NULL),
        "2 not the one it is kept for; it is kept for ann; 1 more waits for the same agents\n");
    has(tell("{\"life\":[{\"kind\":\"scheduled\",\"cause\":\"step 1\",\"detail\":{\"until\":\"T2\"}}]}", NULL),
        "(step 1)  until T2\n");
    has(tell("{\"life\":[{\"kind\":\"notified\",\"detail\":{\"to\":[\"ann\",\"leads\"],\"text\":\"long\"}}]}", NULL),
        "        told ann, leads: \"long\"\n");
    has(tell("{\"life\":[{\"kind\":\"moved\",\"detail\":{\"to\":\"bob\",\"needs\":[{\"skill\":\"x\",\"level\":9}]}}]}", NULL),
        "        needs x 9\n        to bob\n");
    has(tell("{\"life\":[{\"kind\":\"ended\",\"detail\":{\"text\":\"Full.\"}}]}", NULL), "        told \"Full.\"\n");
    has(tell("{\"waiting_for\":{\"free\":0}}", NULL), "there are no agents\n");
    has(tell("{\"waiting_for\":{\"free\":2,\"next_change_in_ms\":90000000}}", NULL), "2 could take it and others come first; ");
    has(tell(
            "{\"life\":[{\"kind\":\"offered\",\"agent\":\"ann\",\"detail\":{\"top\":[{\"agent\":\"ann\",\"skill\":8,\"units\":30}],"
            "\"failed\":{\"offline\":2,\"capacity\":1}}}]}",
            NULL),
        "        candidate ann, skill 8, units 30\n        not eligible: 2 offline, 1 full\n");
}

TEST(what_changed_is_told_with_the_words_that_changed_it)
{
    UNUSED(state);
    const char *told = tell("{\"life\":[{\"at\":\"t\",\"kind\":\"retriaged\",\"queue\":\"desk\",\"detail\":{\"event\":\"e2\","
                            "\"changes\":{\"intent\":[\"\",\"refund\"],"
                            "\"needs\":[{\"skill\":\"money\",\"level\":3}]},\"verdict\":{\"reasons\":[{\"part\":\"urgency\",\"by\":"
                            "\"rule:a\",\"detail\":\"high\"}]}}}]}",
                            "{\"messages\":[{\"event\":\"e2\",\"text\":\"still nothing\"}]}");
    has(told, "  t  retriaged      queue desk\n        said         \"still nothing\"\n        intent: (none) → refund\n"
              "        needs: money 3\n          urgency by rule:a: high\n");
}

static const char waited[] =
    "{\"known_from\":\"2026-03-02T09:30:00.000Z\",\"known_because\":\"policy\",\"waits\":[{\"since\":\"2026-03-02T10:00:00.000Z\","
    "\"until\":\"2026-03-02T10:02:13.000Z\",\"ms\":133000,\"whole\":true,\"agent\":\"minji\",\"entry\":12,\"given_first\":1,"
    "\"spans\":["
    "{\"at\":\"2026-03-02T10:00:00.000Z\",\"ms\":65000,\"says\":\"for 65 s: 2 offline\"},"
    "{\"at\":\"2026-03-02T10:01:05.000Z\",\"ms\":1,\"says\":\"for 1 ms: 1 free\"},"
    "{\"at\":\"2026-03-02T10:01:05.001Z\",\"ms\":67999,\"says\":\"for 68 s: 1 \\u001b[2J away\"}],\"moments\":["
    "{\"at\":\"2026-03-02T10:01:05.001Z\",\"says\":\"minji was free\"},{\"at\":\"2026-03-02T10:02:13.000Z\",\"says\":\"it was "
    "over\"}],"
    "\"winner\":[{\"at\":\"2026-03-02T10:00:00.000Z\",\"says\":\"minji was away\"},{\"at\":\"2026-03-02T10:02:13.000Z\",\"says\":"
    "\"minji was free\"}],\"smallest_change\":{\"never\":false,\"changes\":[{\"says\":\"billing 5 → 4: sora\"},{\"says\":\"b\"}]}},"
    "{\"since\":\"2026-03-02T10:05:00.000Z\",\"ms\":3000,\"whole\":false,\"spans\":[],\"smallest_change\":{\"never\":true,\"says\":"
    "\"nobody knows x\",\"changes\":[{\"says\":\"x 5 dropped\"}]}}],\"waiting_for\":{\"free\":0,\"offline\":1},\"life\":["
    "{\"at\":\"2026-03-02T09:00:00.000Z\",\"seq\":11,\"kind\":\"opened\",\"queue\":\"front\"},"
    "{\"at\":\"2026-03-02T10:02:13.000Z\",\"seq\":12,\"kind\":\"offered\",\"queue\":\"desk\"},"
    "{\"at\":\"2026-03-02T10:05:00.000Z\",\"seq\":13,\"kind\":\"declined\",\"queue\":\"desk\",\"detail\":{\"held_back_until\":"
    "\"T3\"}}]}";

TEST(why_not_before_stands_below_the_decision)
{
    UNUSED(state);
    const char *told = tell(waited, NULL);
    has(told, "offered        queue desk\n        waited 2 min 13 s; 1 other was given first to somebody who could have had it\n"
              "          10:00:00  for 65 s: 2 offline\n"
              "          10:01:05  minji was free\n"
              "          10:01:05  for 68 s: 1 ·[2J away\n"
              "          10:02:13  it was over\n"
              "        10:00:00 minji was away; 10:02:13 minji was free\n"
              "        sooner with: billing 5 → 4: sora\n          or: b\n");
    has(told, "declined       queue desk  held back until T3\n");
    has(told, "waiting for 3 s and longer: what was before is not known\n        nobody could ever take it: nobody knows x\n"
              "        the nearest: x 5 dropped\n");
    has(told, "  queues       front 1 h 2 min, desk since then\n");
    has(told, "what it waited for is not known before 2026-03-02T09:30:00.000Z: the policy changed then\n");
}

TEST(another_policy_is_told_where_it_began)
{
    UNUSED(state);
    has(tell("{\"life\":[{\"kind\":\"opened\",\"policy\":\"sha256:a\"},{\"kind\":\"raised\"},"
             "{\"kind\":\"offered\",\"policy\":\"sha256:b\"},{\"kind\":\"accepted\",\"policy\":\"sha256:b\"}]}",
             NULL),
        "raised       \n  from here on by another policy: sha256:b\n    offered      \n    accepted     \n");
}

TEST(anything_is_told_without_a_crash)
{
    UNUSED(state);
    const char *odd[] = {
        "null",
        "[]",
        "3",
        "{}",
        "{\"verdict\":3,\"life\":{\"a\":1},\"feedback\":[1],\"waiting_for\":[],\"route\":\"x\"}",
        "{\"waits\":[3,{\"spans\":[{}],\"moments\":3,\"winner\":[1,2],\"smallest_change\":[]}],\"life\":[{\"seq\":1}]}",
        ("{\"verdict\":{\"reasons\":[3,{}],\"needs\":3,\"tags\":[[]]},\"life\":[{\"detail\":{\"top\":[1],"
         "\"changes\":{\"a\":3,\"b\":[3]}}}]}")
    };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) tell(odd[i], odd[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_part_stands_once_with_its_reasons_behind_it),
        cmocka_unit_test(a_doubtful_intent_is_said_to_be_one),
        cmocka_unit_test(a_long_value_has_its_reasons_below_it),
        cmocka_unit_test(the_customers_words_are_shown_only_when_given),
        cmocka_unit_test(nothing_that_others_wrote_commands_the_terminal),
        cmocka_unit_test(a_long_message_is_cut_at_a_character),
        cmocka_unit_test(who_could_not_take_it_is_counted_in_words),
        cmocka_unit_test(what_changed_is_told_with_the_words_that_changed_it),
        cmocka_unit_test(why_not_before_stands_below_the_decision),
        cmocka_unit_test(another_policy_is_told_where_it_began),
        cmocka_unit_test(anything_is_told_without_a_crash),
    };
    buf_init(&page, 1u << 20);
    int status = cmocka_run_group_tests(tests, NULL, NULL);
    buf_fini(&page);
    return status;
}
