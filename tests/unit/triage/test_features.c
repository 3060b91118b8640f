/* Features of texts: what is one text to people is one to models, and no text costs much. The file itself is included, to see what
   happens when the making-numbers are used up. */
#include "base/clock.h"
#include "tests/unit/triage/model_kit.h"
#include "workers/triage/features.c"

static struct features *f, *g;
static struct model *model;
static struct buf bytes;

static int up(void **state)
{
    char why[200];
    (void)state;
    kit_learn(&bytes, MODEL_INTENT, 1, true);
    return model_of(&model, buf_str(&bytes), why) || features_new(&f) || features_new(&g) ? -1 : 0;
}
static int down(void **state)
{
    (void)state;
    model_unref(model);
    buf_fini(&bytes);
    features_free(f);
    features_free(g);
    features_free(NULL);
    return 0;
}

static void same_grams(const char *one, const char *other)
{
    features_read(f, STR_NONE, str_of(one));
    features_read(g, STR_NONE, str_of(other));
    for (int group = 0; group < GRAM_GROUPS; group++) {
        uint32_t n, m;
        const struct gram *a = features_grams(f, (enum gram_group)group, &n), *b = features_grams(g, (enum gram_group)group, &m);
        if (n != m) fail_msg("\"%s\" has %u grams of group %d, \"%s\" has %u", one, n, group, other, m);
        for (uint32_t i = 0; i < n; i++)
            if (a[i].hash != b[i].hash || a[i].count != b[i].count)
                fail_msg("\"%s\", \"%s\": gram %u of group %d", one, other, i, group);
    }
}

static void same_verdict(const char *one, const char *other)
{
    float p[MODEL_LABELS_MAX], q[MODEL_LABELS_MAX];
    struct guess a = kit_ask(model, f, one, p), b = kit_ask(model, g, other, q);
    assert_memory_equal(p, q, model_labels(model) * sizeof *p);
    assert_true(a.label == b.label && a.second == b.second && a.oos == b.oos && a.p == b.p);
}

TEST(what_people_read_as_the_same_text_has_the_same_features)
{
    static const struct {
        const char *one, *other;
    } pairs[] = {
        { "refund at the café, señor", "refund at the cafe\u0301, sen\u0303or" },
        { "환불 해 주세요", "\u1112\u116a\u11ab\u1107\u116e\u11af \u1112\u1162 \u110c\u116e\u1109\u1166\u110b\u116d" },
        { "where is my parcel", "WHERE Is My PaRCeL" },
        { "refund 123", "\uff52\uff45\uff46\uff55\uff4e\uff44\u3000\uff11\uff12\uff13" },
        { "the カード", "the \uff76\uff70\uff84\uff9e" },
        { "my password", "my pass\u200bword" },
        { "my password", "\ufeffmy\u2060 password\u200d" },
        { "thanks ❤ ok", "thanks ❤\ufe0f ok" },
        { "can't log in", "can\u2019t log in" },
        { "log in", "  log \t\r\n in  " },
        { "Straße", "STRASSE" },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        same_grams(pairs[i].one, pairs[i].other);
        same_verdict(pairs[i].one, pairs[i].other);
    }
}

TEST(a_key_that_was_made_already_gives_the_same_features)
{
    static const char text[] = "My PARCEL, and my 환불!";
    char key[200];
    uint32_t n, m;
    size_t len = text_key(STR(text), key, sizeof key);
    features_read(f, STR_NONE, STR(text));
    features_of_key(g, (struct str){ key, len });
    for (int group = 0; group < GRAM_GROUPS; group++) {
        const struct gram *a = features_grams(f, (enum gram_group)group, &n), *b = features_grams(g, (enum gram_group)group, &m);
        assert_int_equal(n, m);
        assert_memory_equal(a, b, n * sizeof *a);
    }
}

/* ---- any text ---- */

static void put_many(struct buf *b, const char *unit)
{
    size_t n = strlen(unit);
    buf_clear(b);
    while (b->n + n <= TEXT_MAX) buf_add(b, unit, n);
}

static int by_hash(const void *a, const void *b)
{
    uint64_t x = ((const struct gram *)a)->hash, y = ((const struct gram *)b)->hash;
    return x < y ? -1 : x > y;
}

static void check_group(const char *what, enum gram_group group)
{
    static struct gram sorted[GRAM_MAX];
    uint32_t n, at_most = group == GRAM_PAIR ? GRAM_PAIRED * (GRAM_PAIRED - 1) / 2 : GRAM_MAX;
    const struct gram *v = features_grams(f, group, &n);
    uint64_t all = 0;
    if (n > at_most) fail_msg("%s: %u grams of group %d", what, n, group);
    for (uint32_t i = 0; i < n; i++) {
        size_t bad;
        struct str said = features_say(f, group, &v[i], i);
        if (group != GRAM_PAIR && group != GRAM_CONCEPT && (v[i].from > v[i].to || v[i].to > f->key.n))
            fail_msg("%s: gram %u of group %d is %u..%u of %zu", what, i, group, v[i].from, v[i].to, f->key.n);
        if (!v[i].hash || !v[i].count || !said.n || said.n > SAY_ROOM || !str_utf8(said, &bad))
            fail_msg("%s: gram %u of group %d says \"%.*s\"", what, i, group, STR_FMT(said));
        all += v[i].count;
    }
    if ((group == GRAM_WORD || group == GRAM_PREFIX) && all > GRAM_WORDS) fail_msg("%s: %u words", what, (unsigned)all);
    if ((group == GRAM_RUN || group == GRAM_CHAR) && all > 4ull * (GRAM_CHARS + 2 * GRAM_WORDS))
        fail_msg("%s: too many characters", what);
    memcpy(sorted, v, n * sizeof *v);
    qsort(sorted, n, sizeof *sorted, by_hash);
    for (uint32_t i = 1; i < n; i++)
        if (sorted[i - 1].hash == sorted[i].hash) fail_msg("%s: a gram of group %d is there twice", what, group);
}

static void check_text(const char *what, struct str subject, struct str text)
{
    float p[MODEL_LABELS_MAX];
    struct guess guess;
    struct evidence spoke[EVIDENCE_MAX];
    char *own = kit_copy(text); /* of exactly its length */
    uint64_t start = clock_cpu_us();
    features_read(f, subject, (struct str){ own, text.n });
    free(own); /* it need not outlive the reading */
    for (int group = 0; group < GRAM_GROUPS; group++) check_group(what, (enum gram_group)group);
    model_score(model, f, p, &guess);
    model_explain(model, f, guess.label, spoke, EVIDENCE_MAX);
    uint64_t took = clock_cpu_us() - start;
    if (took > 2000000) fail_msg("%s took %u us", what, (unsigned)took); /* some 20 ms, more with sanitizers: not minutes */
    if (!(guess.p >= 0 && guess.p <= 1)) fail_msg("%s: p=%f", what, guess.p);
}

TEST(sixty_four_kilobytes_of_anything_are_read_in_bounded_time)
{
    static const char *const units[] = { "a",
                                         "가",
                                         "a ",
                                         "가 ",
                                         "ab cd ",
                                         "\u0301",
                                         "e\u0301",
                                         "👍",
                                         "👍 ",
                                         " ",
                                         "\n",
                                         "!",
                                         "!?",
                                         "\xff",
                                         "\xe2\x80",
                                         "\0",
                                         "\u200b",
                                         "ㅋ",
                                         "환불이 ",
                                         "refund ",
                                         "what time ",
                                         "ก็",
                                         "\U0001F468\u200d\U0001F469\u200d\U0001F467 ",
                                         "'",
                                         "\ufdfa",
                                         "x\u0488",
                                         "the where is what day reason why how do " };
    struct buf b;
    buf_init(&b, 1u << 20);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (!*units[i]) continue;
        put_many(&b, units[i]);
        check_text(units[i], STR_NONE, buf_str(&b));
        check_text(units[i], buf_str(&b), buf_str(&b));
    }
    buf_fini(&b);
}

TEST(random_bytes_and_words_are_read_in_bounded_time)
{
    static char noise[2 * TEXT_MAX];
    uint64_t s = 88172645463325252u;
    for (int round = 0; round < 6; round++) {
        for (size_t i = 0; i < sizeof noise; i++) {
            s ^= s << 13, s ^= s >> 7, s ^= s << 17;
            noise[i] = round < 2   ? (char)(s >> 11)
                       : round < 4 ? (char)('a' + (s >> 11) % 26)
                                   : "abc \xea\xb0\x80\xcc\x81!"[(s >> 11) % 11];
            if (round == 3 && s >> 40 & 1) noise[i] = ' ';
        }
        check_text("noise", (struct str){ noise, 3000 }, (struct str){ noise, (size_t)round % 2 ? sizeof noise : 1000 });
    }
    check_text("nothing", STR_NONE, STR_NONE);
}

TEST(only_the_beginning_of_a_long_text_counts)
{
    struct buf b;
    uint32_t n, most;
    buf_init(&b, 1u << 20);
    for (unsigned i = 0; i < 3000; i++) buf_addf(&b, "w%u ", i);
    features_read(f, STR_NONE, buf_str(&b));
    features_grams(f, GRAM_WORD, &n);
    assert_true(n <= GRAM_WORDS && n > 700); /* characters end first */
    buf_clear(&b);
    for (unsigned i = 0; i < 3000; i++) buf_addf(&b, "%c ", 'a' + i % 26);
    features_read(f, STR_NONE, buf_str(&b));
    const struct gram *v = features_grams(f, GRAM_WORD, &n);
    assert_int_equal(n, 26);
    for (most = 0, n = 0; n < 26; n++) most += v[n].count;
    assert_int_equal(most, GRAM_WORDS);
    assert_int_equal(f->at[f->cp_count], 2 * GRAM_WORDS - 1); /* nor is anything behind the last word */
    put_many(&b, "가");
    features_read(f, STR_NONE, buf_str(&b));
    features_grams(f, GRAM_WORD, &n);
    assert_int_equal(n, 1);
    assert_int_equal(f->cp_count, GRAM_CHARS);
    assert_int_equal(f->words[0].to, 3 * GRAM_CHARS);
    buf_fini(&b);
}

TEST(making_numbers_that_are_used_up_begin_again)
{
    uint32_t n[3], chars[3];
    for (int i = 0; i < 3; i++) {
        for (uint32_t k = 0; i == 1 && k < SEEN; k++) f->seen[k] = (struct seen){ 1, 0 }; /* from long ago */
        if (i == 1) f->making = UINT32_MAX - 1;
        features_read(f, STR_NONE, STR("one two one"));
        const struct gram *v = features_grams(f, GRAM_WORD, &n[i]);
        assert_true(n[i] == 2 && v[0].count == 2 && v[1].count == 1);
        features_grams(f, GRAM_CHAR, &chars[i]); /* the number 1, the second time */
        features_grams(f, GRAM_BIGRAM, &n[i]);
    }
    assert_true(f->making < 10);
    assert_int_equal(n[0], n[1]);
    assert_int_equal(n[0], n[2]);
    assert_int_equal(chars[0], chars[1]);
    assert_int_equal(chars[0], chars[2]);
}

/* ---- for people ---- */

static bool says(enum gram_group group, const char *wanted)
{
    uint32_t n;
    const struct gram *v = features_grams(f, group, &n);
    for (uint32_t i = 0; i < n; i++)
        if (str_is(features_say(f, group, &v[i], 0), wanted)) return true;
    return false;
}

TEST(grams_are_said_as_people_read_them)
{
    features_read(f, STR("About"), STR("my refunds (today), 환불해주세요"));
    assert_true(says(GRAM_WORD, "refunds") && says(GRAM_WORD, "(") && says(GRAM_WORD, "환불해주세요"));
    assert_true(says(GRAM_BIGRAM, "my refunds"));
    assert_true(says(GRAM_PAIR, "my + today"));
    assert_true(says(GRAM_PREFIX, "refu…") && says(GRAM_PREFIX, "my") && says(GRAM_PREFIX, "환불…"));
    assert_true(says(GRAM_CHAR, "…fund…") && says(GRAM_CHAR, "toda…") && says(GRAM_CHAR, "…nds"));
    assert_true(says(GRAM_RUN, "…y ref…"));
    assert_true(says(GRAM_CONCEPT, "=refund"));
    assert_true(says(GRAM_SHORT, "my") && says(GRAM_SHORT, "_"));
    assert_false(says(GRAM_CHAR, "…toda…")); /* a bracket before it is no more of the word */
    assert_false(says(GRAM_CHAR, "…my"));    /* nor is the subject's end */
}

TEST(sixteen_may_be_said_at_once)
{
    struct str said[SAY_SLOTS];
    uint32_t n;
    features_read(f, STR_NONE, STR("a b c d e f g h i j k l m n o p"));
    const struct gram *v = features_grams(f, GRAM_WORD, &n);
    assert_int_equal(n, 16);
    for (uint32_t i = 0; i < n; i++) said[i] = features_say(f, GRAM_WORD, &v[i], i);
    for (uint32_t i = 0; i < n; i++) assert_true(said[i].n == 1 && *said[i].p == (char)('a' + i));
}

TEST(a_word_of_any_length_is_said_shortly)
{
    struct buf b;
    uint32_t n;
    buf_init(&b, 1u << 20);
    put_many(&b, "환");
    features_read(f, STR_NONE, buf_str(&b));
    const struct gram *v = features_grams(f, GRAM_WORD, &n);
    struct str said = features_say(f, GRAM_WORD, v, 3);
    assert_true(said.n < SAY_ROOM && said.n > SAY_ROOM / 2 && said.n % 3 == 0);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(what_people_read_as_the_same_text_has_the_same_features),
        RUN(a_key_that_was_made_already_gives_the_same_features),
        RUN(sixty_four_kilobytes_of_anything_are_read_in_bounded_time),
        RUN(random_bytes_and_words_are_read_in_bounded_time),
        RUN(only_the_beginning_of_a_long_text_counts),
        RUN(making_numbers_that_are_used_up_begin_again),
        RUN(grams_are_said_as_people_read_them),
        RUN(sixteen_may_be_said_at_once),
        RUN(a_word_of_any_length_is_said_shortly),
    };
    return cmocka_run_group_tests(tests, up, down);
}
