/* The thesaurus: every phrase of it is found in a text, in its inflections too, and the file is well-formed. */
#include "tests/unit/triage/unit.h"
#include "workers/triage/concepts.h"
#include "workers/triage/grams.h"

#include <stdio.h>
#include <stdlib.h>

static char *list; /* concepts.txt */
static struct features *features;

static int up(void **state)
{
    FILE *f = fopen(NARU_SOURCE_DIR "/workers/triage/concepts.txt", "rb");
    (void)state;
    if (!f || fseek(f, 0, SEEK_END)) return -1;
    long n = ftell(f);
    rewind(f);
    list = calloc(1, (size_t)n + 1);
    bool read = list && fread(list, 1, (size_t)n, f) == (size_t)n;
    fclose(f);
    concepts_init();
    concepts_init(); /* once is enough, twice does no harm */
    return read && features_new(&features) == ERR_OK ? 0 : -1;
}
static int down(void **state)
{
    (void)state;
    free(list);
    features_free(features);
    return 0;
}

static struct str trim(struct str s)
{
    while (s.n && (*s.p == ' ' || *s.p == '\t')) s.p++, s.n--;
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t' || s.p[s.n - 1] == '\r')) s.n--;
    return s;
}
static struct str until(const char **at, char stop)
{
    const char *begin = *at, *end = strchr(begin, stop);
    size_t n = end ? (size_t)(end - begin) : strlen(begin);
    *at = begin + n + (end != NULL);
    return trim((struct str){ begin, n });
}

struct entry {
    struct str name, phrase;
    uint32_t line;
};
/* Calls `each` with every phrase of every group, in the file's order. */
static void walk(void (*each)(void *ctx, const struct entry *e), void *ctx)
{
    struct entry e = { .line = 0 };
    for (const char *p = list; *p;) {
        struct str line = until(&p, '\n');
        char text[4096];
        e.line++;
        if (!line.n || *line.p == '#') continue;
        snprintf(text, sizeof text, "%.*s", STR_FMT(line));
        if (!strchr(text, ':') || line.n >= sizeof text) fail_msg("line %u is no group", e.line);
        const char *at = text;
        e.name = until(&at, ':');
        while (*at) {
            e.phrase = until(&at, ',');
            each(ctx, &e);
        }
    }
}

static bool holds(const uint16_t *of, uint32_t n, struct str name)
{
    for (uint32_t i = 0; i < n; i++)
        if (str_eq(concepts_name(of[i]), name)) return true;
    return false;
}

static struct str key_of(struct str s, char room[256]) { return (struct str){ room, text_key(s, room, 256) }; }

/* ---- the file ---- */

struct seen {
    char text[8192][96];
    uint32_t groups[8192], count, names;
    char name[2048][64], last[64];
};
static void check_entry(void *ctx, const struct entry *e)
{
    struct seen *s = ctx;
    char room[256];
    struct str key = key_of(e->phrase, room);
    uint32_t i = 0, words = 1;
    if (!key.n) fail_msg("line %u: an empty phrase in \"%.*s\"", e->line, STR_FMT(e->name));
    if (key.n >= 64) fail_msg("line %u: \"%.*s\" is longer than what is looked for", e->line, STR_FMT(e->phrase));
    for (size_t k = 0; k < key.n; k++) words += key.p[k] == ' ';
    if (words > CONCEPT_WORDS) fail_msg("line %u: \"%.*s\" has more than %u words", e->line, STR_FMT(e->phrase), CONCEPT_WORDS);
    while (i < s->count && !str_is(key, s->text[i])) i++;
    assert_true(i < 8192);
    if (i == s->count) snprintf(s->text[s->count++], sizeof *s->text, "%.*s", STR_FMT(key));
    if (++s->groups[i] > CONCEPT_EACH)
        fail_msg("line %u: \"%.*s\" stands in more than %u groups", e->line, STR_FMT(e->phrase), CONCEPT_EACH);
    if (str_is(e->name, s->last)) return;
    snprintf(s->last, sizeof s->last, "%.*s", STR_FMT(e->name));
    for (i = 0; i < s->names; i++)
        if (strcmp(s->name[i], s->last) == 0) fail_msg("line %u: there is a group \"%s\" already", e->line, s->last);
    for (const char *p = s->last; *p; p++)
        if (!(*p == '_' || (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9')))
            fail_msg("line %u: \"%s\" is no name", e->line, s->last);
    assert_true(s->names < 2048);
    strcpy(s->name[s->names++], s->last);
}

TEST(the_list_is_well_formed)
{
    struct seen *s = calloc(1, sizeof *s);
    assert_non_null(s);
    walk(check_entry, s);
    assert_true(s->count > 1000 && s->names > 100);
    assert_true(concepts_name((uint16_t)(s->names - 1)).n > 0);
    assert_int_equal(concepts_name((uint16_t)s->names).n, 0);
    free(s);
}

static void twice_in_one(void *ctx, const struct entry *e)
{
    char room[256];
    uint16_t of[CONCEPT_EACH];
    (void)ctx;
    if (concepts_of(key_of(e->phrase, room), of) == 2 && of[0] == of[1])
        fail_msg("line %u: \"%.*s\" stands in \"%.*s\" twice", e->line, STR_FMT(e->phrase), STR_FMT(e->name));
}
TEST(no_group_names_a_phrase_twice) { walk(twice_in_one, NULL); }

/* ---- finding ---- */

static void check_found(void *ctx, const struct entry *e)
{
    char room[256];
    uint16_t of[CONCEPT_EACH];
    struct str key = key_of(e->phrase, room);
    (void)ctx;
    if (!holds(of, concepts_of(key, of), e->name))
        fail_msg("line %u: \"%.*s\" is not found in \"%.*s\"", e->line, STR_FMT(e->phrase), STR_FMT(e->name));
}
TEST(every_phrase_is_found) { walk(check_found, NULL); }

/* Groups of a text, as a model sees them. */
static bool text_has(struct str text, struct str name)
{
    uint32_t n;
    features_read(features, STR_NONE, text);
    const struct gram *v = features_grams(features, GRAM_CONCEPT, &n);
    for (uint32_t i = 0; i < n; i++)
        if (str_eq(concepts_name((uint16_t)v[i].from), name)) return true;
    return false;
}

static void check_text(void *ctx, const struct entry *e)
{
    char text[300];
    int *missing = ctx;
    snprintf(text, sizeof text, "Well, %.*s!", STR_FMT(e->phrase));
    if (text_has(str_of(text), e->name)) return;
    fprintf(stderr, "line %u: \"%s\" has nothing of \"%.*s\"\n", e->line, text, STR_FMT(e->name));
    ++*missing;
}
TEST(every_phrase_is_found_within_a_text)
{
    int missing = 0;
    walk(check_text, &missing);
    assert_int_equal(missing, 0);
}

static bool is(const char *phrase, const char *name)
{
    char room[256];
    uint16_t of[CONCEPT_EACH];
    return holds(of, concepts_of(key_of(str_of(phrase), room), of), str_of(name));
}

TEST(regular_inflections_are_found)
{
    assert_true(is("explain", "explain") && is("explains", "explain") && is("explained", "explain") && is("explaining", "explain"));
    assert_true(is("search", "find") && is("searches", "find") && is("locates", "find") && is("traced", "find") &&
                is("seeking", "find"));
    assert_true(is("questions", "question_word"));
    assert_true(is("EXPLAIN", "explain"));
}

TEST(unknown_words_have_no_group)
{
    static const char *const words[] = { "", "x", "s", "ing", "ed", "zqzq", "qqqqs", "explainzz", "unexplain", "뷁", "!", "12" };
    uint16_t of[CONCEPT_EACH];
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (concepts_of(str_of(words[i]), of)) fail_msg("\"%s\" has a group", words[i]);
        if (concepts_of_stem(str_of(words[i]), 0, of)) fail_msg("\"%s\" has the stem of a group", words[i]);
    }
}

static bool stem(const char *word, const char *name)
{
    uint16_t of[CONCEPT_EACH];
    return holds(of, concepts_of_stem(str_of(word), 0, of), str_of(name));
}

TEST(korean_words_are_found_by_how_they_begin)
{
    assert_true(stem("확인", "check") && stem("확인해주세요", "check") && stem("확인이", "check") &&
                stem("확인부탁드립니다", "check"));
    assert_true(stem("어디에", "ask_where") && stem("언제쯤", "ask_when"));
    assert_false(stem("미확인", "check"));
    assert_true(text_has(STR("주문을 확인해 주세요"), STR("check")));
    assert_true(text_has(STR("확인card"), STR("check"))); /* a word of both scripts */
    assert_true(text_has(STR("몇 시에 문 열어요?"), STR("opening_hours")));
    assert_true(text_has(STR("이 책은 몇 개인가요"), STR("ask_how_many")));
}

static uint32_t times(const char *text, const char *name)
{
    uint32_t n;
    features_read(features, STR_NONE, str_of(text));
    const struct gram *v = features_grams(features, GRAM_CONCEPT, &n);
    for (uint32_t i = 0; i < n; i++)
        if (str_is(concepts_name((uint16_t)v[i].from), name)) return v[i].count;
    return 0;
}

TEST(a_word_counts_once_with_and_without_a_particle)
{
    assert_int_equal(times("확인", "check"), 1);
    assert_int_equal(times("확인이", "check"), 1);
    assert_int_equal(times("확인 확인이", "check"), 2);
    assert_int_equal(times("문 열", "opening_hours"), 1);
}

static void check_long(void *ctx, const struct entry *e)
{
    char text[400];
    (void)ctx;
    snprintf(text, sizeof text, "%.*s%s", STR_FMT(e->phrase), "가나다라마바사아자차카타파하가나다라마바사아자차카타파하");
    (void)text_has(str_of(text), e->name); /* whatever it is found as: nothing is read outside */
}
TEST(a_long_word_behind_a_phrase_harms_nobody)
{
    walk(check_long, NULL);
    assert_true(text_has(STR("확인가나다라마바사아자차카타파하가나다라마바사아자차카타파하"), STR("check")));
}

TEST(a_group_is_known_by_its_name)
{
    for (uint16_t i = 0; concepts_name(i).n; i++)
        for (uint16_t k = 0; k < i; k++) assert_true(concepts_hash(i) != concepts_hash(k) && concepts_hash(i));
}

TEST(a_word_cut_within_a_character_is_no_stem)
{
    uint16_t of[CONCEPT_EACH];
    struct str word = STR("확인해");
    for (size_t n = 0; n < 6; n++)
        if (holds(of, concepts_of_stem((struct str){ word.p, n }, 0, of), STR("check"))) fail_msg("%zu bytes", n);
    assert_true(concepts_of_stem(word, 0, of) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(the_list_is_well_formed),
        RUN(no_group_names_a_phrase_twice),
        RUN(every_phrase_is_found),
        RUN(every_phrase_is_found_within_a_text),
        RUN(regular_inflections_are_found),
        RUN(unknown_words_have_no_group),
        RUN(korean_words_are_found_by_how_they_begin),
        RUN(a_word_cut_within_a_character_is_no_stem),
        RUN(a_word_counts_once_with_and_without_a_particle),
        RUN(a_long_word_behind_a_phrase_harms_nobody),
        RUN(a_group_is_known_by_its_name),
    };
    return cmocka_run_group_tests(tests, up, down);
}
