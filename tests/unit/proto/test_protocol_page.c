#include "tests/unit/proto/unit.h"

#include <stdio.h>

/* proto/README.md tells strangers what we speak: its tables must be those that are compiled in. */

static char *page;

static int setup(void **state)
{
    FILE *f = fopen(NARU_SOURCE_DIR "/proto/README.md", "r");
    (void)state;
    if (!f) return -1;
    page = calloc(1, 1 << 20);
    size_t n = fread(page, 1, (1 << 20) - 1, f);
    fclose(f);
    return n ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    free(page);
    return 0;
}

TEST(the_page_is_what_the_script_makes_of_the_lists)
{
    assert_int_equal(system(NARU_SOURCE_DIR "/scripts/gen-protocol --check"), 0);
}

TEST(every_field_stands_in_the_page_with_its_number)
{
    for (size_t i = 0; i < ALL_RECORDS; i++) {
        char line[128];
        snprintf(line, sizeof line, "\n#### %s\n", all_records[i]->name);
        const char *at = strstr(page, line), *end = at ? strstr(at + 1, "\n###") : NULL;
        if (!at || !end) fail_msg("no section for %s", all_records[i]->name);
        for (size_t k = 0; k <= all_records[i]->count; k++) {
            bool last = k == all_records[i]->count; /* one row too many would be as wrong */
            snprintf(line, sizeof line, "\n| %zu | `%s", k, last ? "" : all_records[i]->fields[k].name);
            const char *row = strstr(at, line);
            if ((row && row < end) == last) fail_msg("%s: row %zu", all_records[i]->name, k);
        }
    }
}

TEST(every_message_stands_in_the_page_with_its_number)
{
    for (unsigned i = 0; i < MSG_COUNT; i++) {
        char line[128];
        if (!msg_table[i].record) continue;
        snprintf(line, sizeof line, "\n| %u | %s | [%s](#", i, msg_table[i].name, msg_table[i].record->name);
        if (!strstr(page, line)) fail_msg("message %s", msg_table[i].name);
    }
}

TEST(every_word_stands_in_the_page_with_its_number)
{
    static const struct {
        const char *name;
        const struct words *words;
    } enums[] = {
        { "role", &role_words },
        { "event_kind", &event_kind_words },
        { "urgency", &urgency_words },
        { "sentiment", &sentiment_words },
        { "ticket_state", &ticket_state_words },
        { "presence", &presence_words },
        { "entry_kind", &entry_kind_words },
        { "act_kind", &act_kind_words },
        { "config_kind", &config_kind_words },
        { "answer", &answer_words },
    };

    for (size_t i = 0; i < sizeof enums / sizeof *enums; i++) {
        char row[2048];
        int n = snprintf(row, sizeof row, "\n| %s |", enums[i].name);
        for (unsigned w = 0; w < enums[i].words->count; w++)
            n += snprintf(row + n, sizeof row - (size_t)n, "%s %u `%s`", w ? " ·" : "", w, enums[i].words->v[w]);
        if (!strstr(page, row)) fail_msg("the page lacks:%s", row);
    }
}

/* The bytes of the page's next hexdump; false after the last. */
static bool next_dump(const char **at, struct buf *out)
{
    buf_clear(out);
    if (!(*at = strstr(*at, "\n0000  "))) return false;
    for (unsigned offset, byte; sscanf(*at, "\n%4x  ", &offset) == 1 && offset == out->n;) {
        const char *p = *at + 7;
        for (int i = 0; i < 16 && *p != ' ' && sscanf(p, "%2x", &byte) == 1; i++, p += 3) buf_addc(out, (char)byte);
        *at = strchr(*at + 1, '\n');
    }
    return true;
}

TEST(the_frames_shown_are_what_their_text_says)
{
    struct buf b;
    const char *at = page;
    static const enum msg types[] = { MSG_SCORER, MSG_SCORE, MSG_SCORED };
    buf_init(&b, 4096);
    for (size_t i = 0; i < 3; i++) {
        struct frame_reader f;
        union {
            struct scorer scorer;
            struct score score;
            struct scored scored;
        } r;
        assert_true(next_dump(&at, &b));
        assert_int_equal(frame_open(&f, buf_str(&b)), ERR_OK);
        assert_int_equal(f.head.type, types[i]);
        assert_int_equal(frame_next(&f, &r), ERR_OK);
        if (i == 0) assert_true(str_is(r.scorer.name, "my-bert") && r.scorer.stages.count == 1 && r.scorer.at_once == 8);
        if (i == 1) assert_true(r.score.id == 7730505864708096 && str_is(r.score.text, "I want my money back"));
        if (i == 1) assert_true(r.score.within_ms == 150 && r.score.attributes.count == 1);
        if (i == 2) assert_true(r.scored.id == 7730505864708096 && str_is(r.scored.label, "refund") && r.scored.p == 0.93);
        frame_close(&f);
    }
    assert_false(next_dump(&at, &b));
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_is_what_the_script_makes_of_the_lists),
        cmocka_unit_test(every_field_stands_in_the_page_with_its_number),
        cmocka_unit_test(every_message_stands_in_the_page_with_its_number),
        cmocka_unit_test(every_word_stands_in_the_page_with_its_number),
        cmocka_unit_test(the_frames_shown_are_what_their_text_says),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
