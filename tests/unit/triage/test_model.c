/* A model file may have come to harm anywhere, or be made by somebody else: what is no whole model is refused with a sentence, and
   what is taken can be asked anything. */
#include "tests/unit/triage/model_kit.h"

#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

static struct buf intent, language, closed; /* bytes of three models: with and without a label out of scope */
static struct model *model, *without_oos;
static struct features *features;
static char folder[] = "/tmp/naru-test-model-XXXXXX";

static int up(void **state)
{
    char why[200];
    (void)state;
    kit_learn(&intent, MODEL_INTENT, 1, true);
    kit_learn(&language, MODEL_LANGUAGE, 1, true);
    kit_learn(&closed, MODEL_LANGUAGE, 1, false);
    if (model_of(&model, buf_str(&intent), why) || model_of(&without_oos, buf_str(&closed), why) || features_new(&features))
        return -1;
    return mkdtemp(folder) ? 0 : -1;
}
static int down(void **state)
{
    (void)state;
    features_free(features);
    model_unref(model);
    model_unref(without_oos);
    buf_fini(&intent);
    buf_fini(&language);
    buf_fini(&closed);
    return rmdir(folder);
}

/* ---- asking ---- */

static void check_answer(const struct model *m, const char *text)
{
    float p[MODEL_LABELS_MAX];
    struct evidence spoke[EVIDENCE_MAX];
    struct guess g = kit_ask(m, features, text, p);
    uint32_t n = model_labels(m);
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (!(p[i] >= 0 && p[i] <= 1)) fail_msg("%s: p[%u]=%f", text, i, (double)p[i]);
        sum += (double)p[i];
        if ((int)i != model_oos(m) && i != g.label && p[i] > p[g.second])
            fail_msg("%s: label %u is likelier than the second", text, i);
    }
    if (fabs(sum - 1) > 1e-4) fail_msg("%s: probabilities add up to %f", text, sum);
    assert_true(g.label < n && g.second < n);
    assert_true(p[g.label] >= p[g.second]);
    assert_true((int)g.label != model_oos(m) || n == 1);
    assert_true(g.p == (double)p[g.label]);
    assert_true(fabs(g.margin - (g.label == g.second ? g.p : g.p - (double)p[g.second])) < 1e-9);
    assert_true(g.scope >= 0 && g.scope <= 1);
    assert_true(!(g.scope < model_threshold(m)) || g.oos);
    uint32_t count = model_explain(m, features, g.label, spoke, EVIDENCE_MAX);
    assert_true(count <= EVIDENCE_MAX);
    for (uint32_t i = 0; i < count; i++) {
        size_t at;
        assert_true(isfinite(spoke[i].weight));
        assert_true(spoke[i].feature.n > 0 && str_utf8(spoke[i].feature, &at));
        if (i) assert_true(fabsf(spoke[i - 1].weight) >= fabsf(spoke[i].weight));
    }
}

static const char *const texts[] = { "where is my parcel, and my refund?", "환불이 언제 되나요 로그인도 안 돼요", "", "☃ qqqq",
                                     "a" };
static void check_answers(const struct model *m)
{
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) check_answer(m, texts[i]);
}

static struct guess ask(const char *text)
{
    float p[MODEL_LABELS_MAX];
    return kit_ask(model, features, text, p);
}

TEST(what_was_learnt_is_told_again)
{
    uint32_t right = 0;
    for (size_t i = 0; i < KIT_ROWS; i++) {
        struct guess g = ask(kit_rows[i].text);
        right += kit_rows[i].label == LEARN_OOS ? g.oos : !g.oos && g.label == kit_rows[i].label;
        check_answer(model, kit_rows[i].text);
    }
    if (right < KIT_ROWS - 4) fail_msg("%u of %zu", right, KIT_ROWS);
    assert_int_equal(ask("refund, please").label, 0);
    assert_int_equal(ask("택배 언제 와요").label, 1);
    assert_int_equal(ask("비밀번호").label, 2);
}

TEST(a_model_tells_what_is_in_it)
{
    struct model_facts facts;
    model_facts(model, &facts);
    assert_int_equal(model_kind(model), MODEL_INTENT);
    assert_int_equal(model_labels(model), 4);
    assert_int_equal(model_oos(model), 3);
    assert_true(str_is(model_label(model, 3), KIT_OOS));
    assert_int_equal(model_find(model, STR("delivery")), 1);
    assert_int_equal(model_find(model, STR("deliver")), -1);
    assert_int_equal(facts.examples, KIT_ROWS);
    assert_int_equal(facts.seed, 1);
    assert_int_equal(facts.size, intent.n);
    assert_int_equal(model_oos(without_oos), -1);
}

TEST(a_text_without_known_features_gets_the_shares_of_the_labels)
{
    static const char *const unknown[] = { "", "   ", "\xf0\x9f\xa6\x95", "\xe1\x9a\xa0\xe1\x9a\xa0" };
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        float p[MODEL_LABELS_MAX];
        struct evidence spoke[3];
        struct guess g = kit_ask(model, features, unknown[i], p);
        if (fabs((double)p[0] - 11.0 / KIT_ROWS) > 1e-4 || fabs((double)p[3] - 8.0 / KIT_ROWS) > 1e-4)
            fail_msg("\"%s\": %f %f", unknown[i], (double)p[0], (double)p[3]);
        assert_true(g.oos && g.scope == 0 && g.label == 0);
        assert_int_equal(model_explain(model, features, g.label, spoke, 3), 0);
        check_answer(without_oos, unknown[i]);
    }
}

static struct model *with_threshold(char *bytes, size_t n, float threshold)
{
    struct model_header h;
    struct model *m;
    char why[200];
    memcpy(&h, bytes, sizeof h);
    h.threshold = threshold;
    memcpy(bytes, &h, sizeof h);
    kit_sign(bytes, n);
    assert_int_equal(model_of(&m, (struct str){ bytes, n }, why), ERR_OK);
    return m;
}

TEST(below_the_threshold_a_message_is_out_of_scope)
{
    float p[MODEL_LABELS_MAX];
    char *bytes = kit_copy(buf_str(&closed));
    const char *text = "my parcel is late, is it not";
    double sure = kit_ask(without_oos, features, text, p).p;
    static const double steps[] = { -1, -0.01, 0.01 };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        double at = steps[i] < -0.5 ? 0 : sure + steps[i] > 1 ? 1 : sure + steps[i];
        struct model *m = with_threshold(bytes, closed.n, (float)at);
        struct guess g = kit_ask(m, features, text, p);
        if (g.oos != (sure < (double)(float)at)) fail_msg("p=%f threshold=%f oos=%d", sure, at, g.oos);
        assert_true(g.p == sure && g.label == 1);
        model_unref(m);
    }
    free(bytes);
}

TEST(what_is_likely_out_of_scope_is_less_surely_in_scope)
{
    float p[MODEL_LABELS_MAX];
    char *bytes = kit_copy(buf_str(&intent));
    struct model *m = with_threshold(bytes, intent.n, 0.5);
    struct guess joke = kit_ask(m, features, "tell me a joke about cats", p);
    bool likelier = p[3] > p[joke.label];
    struct guess parcel = kit_ask(m, features, "where is my parcel", p);
    model_unref(m);
    free(bytes);
    assert_true(likelier && joke.oos && joke.scope < 0.5 && joke.label != 3 && joke.second != 3);
    assert_true(!parcel.oos && parcel.scope >= 0.5 && parcel.scope > joke.scope);
}

/* "refund" out of "please refund the torn coat". */
static void without(const char *text, struct str word, char *out, size_t room)
{
    const char *at = strstr(text, word.p);
    snprintf(out, room, "%.*s%s", (int)(at - text), text, at + word.n);
}

/* "…ouri…" of "courier", "=refund" or "a + courier" of anything. */
static bool is_part(struct str feature, const char *word)
{
    char text[200], *p = text;
    snprintf(text, sizeof text, "%.*s", STR_FMT(feature));
    if (strncmp(p, "…", 3) == 0) p += 3;
    if (strlen(p) > 3 && strcmp(p + strlen(p) - 3, "…") == 0) p[strlen(p) - 3] = 0;
    return *p == '=' || strstr(p, word) || strstr(word, p);
}

TEST(what_spoke_strongest_is_what_the_probability_hangs_on)
{
    static const struct {
        const char *text, *word;
    } cases[] = { { "well, the courier was friendly", "courier" },
                  { "저기 환불 어떻게 해요", "환불" },
                  { "a new password today", "password" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float p[MODEL_LABELS_MAX];
        struct evidence spoke[EVIDENCE_MAX];
        char shorter[200];
        struct guess g = kit_ask(model, features, cases[i].text, p);
        double before = (double)p[g.label];
        assert_true(model_explain(model, features, g.label, spoke, EVIDENCE_MAX) > 0 && spoke[0].weight > 0);
        if (!is_part(spoke[0].feature, cases[i].word))
            fail_msg("%s: %.*s spoke strongest", cases[i].text, STR_FMT(spoke[0].feature));
        without(cases[i].text, str_of(cases[i].word), shorter, sizeof shorter);
        kit_ask(model, features, shorter, p);
        if ((double)p[g.label] >= before)
            fail_msg("%s: %f, without \"%s\" %f", cases[i].text, before, cases[i].word, (double)p[g.label]);
    }
}

TEST(explaining_first_and_scoring_after_say_the_same)
{
    struct evidence a[3], b[3];
    char first[3][200];
    struct guess g = ask("where is my parcel");
    uint32_t n = model_explain(model, features, g.label, a, 3);
    assert_int_equal(n, 3);
    for (int i = 0; i < 3; i++) snprintf(first[i], sizeof first[i], "%.*s %.4f", STR_FMT(a[i].feature), (double)a[i].weight);
    features_read(features, STR_NONE, STR("where is my parcel")); /* nobody has scored it */
    assert_int_equal(model_explain(model, features, g.label, b, 3), 3);
    for (int i = 0; i < 3; i++) {
        char again[200];
        snprintf(again, sizeof again, "%.*s %.4f", STR_FMT(b[i].feature), (double)b[i].weight);
        assert_string_equal(first[i], again);
    }
    assert_int_equal(model_explain(model, features, g.label, a, 0), 0);
}

TEST(two_models_share_one_reading_of_a_text)
{
    float p[MODEL_LABELS_MAX], q[MODEL_LABELS_MAX];
    struct guess one, other;
    struct evidence spoke[3];
    features_read(features, STR_NONE, STR("where is my parcel"));
    model_score(model, features, p, &one);
    model_score(without_oos, features, q, &other);
    assert_int_equal(one.label, 1);
    assert_int_equal(other.label, 1);
    assert_true(model_explain(model, features, 1, spoke, 3) == 3 && spoke[0].weight > 0);
    assert_true(one.p == ask("where is my parcel").p);
}

/* ---- damage ---- */

/* Never taken, always a sentence. */
static void refused(struct str bytes, const char *what, size_t at)
{
    struct model *m = NULL;
    char why[200] = "", *copy = kit_copy(bytes);
    enum err e = model_of(&m, (struct str){ copy, bytes.n }, why);
    if (e != ERR_PROTO || m || strlen(why) < 10) fail_msg("%s at %zu: %s \"%s\"", what, at, err_name(e), why);
    free(copy);
}

TEST(every_damaged_byte_and_bit_of_the_header_is_found)
{
    for (size_t i = 0; i < MODEL_HEADER; i++)
        for (int mask = 0; mask <= 8; mask++) {
            language.p[i] ^= (char)(mask ? 1 << (mask - 1) : 0xFF);
            refused(buf_str(&language), "header byte", i);
            language.p[i] ^= (char)(mask ? 1 << (mask - 1) : 0xFF);
        }
}

TEST(a_damaged_byte_behind_the_header_is_found)
{
    for (size_t i = MODEL_HEADER; i < language.n; i += 97) {
        language.p[i] ^= (char)(1 << i % 8);
        refused(buf_str(&language), "byte", i);
        language.p[i] ^= (char)(1 << i % 8);
    }
}

TEST(a_file_cut_short_anywhere_is_refused)
{
    for (size_t n = 0; n <= MODEL_HEADER + 8; n++) refused((struct str){ language.p, n }, "cut", n);
    for (size_t n = MODEL_HEADER; n < language.n; n += 1 + language.n / 100) refused((struct str){ language.p, n }, "cut", n);
    refused((struct str){ language.p, language.n - 1 }, "cut", language.n - 1);
}

TEST(a_file_that_goes_on_behind_its_end_is_refused)
{
    char *more = malloc(language.n + 64);
    assert_non_null(more);
    memset(more, 0, language.n + 64);
    memcpy(more, language.p, language.n);
    refused((struct str){ more, language.n + 64 }, "longer", 64);
    kit_sign(more, language.n + 64);
    refused((struct str){ more, language.n + 64 }, "longer and signed", 64);
    free(more);
}

TEST(foreign_files_are_told_to_be_so)
{
    static const char png[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    char bytes[4096], why[200], path[100];
    struct model *m;
    snprintf(path, sizeof path, "%s/m", folder);
    memset(bytes, 'x', sizeof bytes);
    refused((struct str){ bytes, sizeof bytes }, "a text", 0);
    memcpy(bytes, png, sizeof png);
    refused((struct str){ bytes, sizeof bytes }, "a picture", 0);
    refused(STR_NONE, "nothing", 0);
    assert_int_equal(model_open(&m, path, why), ERR_IO);
    assert_non_null(strstr(why, "No such file"));
    assert_int_equal(model_open(&m, folder, why), ERR_PROTO);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(model_open(&m, path, why), ERR_PROTO); /* and does not wait for a writer */
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(model_open(&m, path, why), ERR_PROTO);
    assert_true(write(fd, bytes, sizeof bytes) == sizeof bytes);
    assert_int_equal(model_open(&m, path, why), ERR_PROTO);
    assert_string_equal(why, "this is no model file");
    assert_true(pwrite(fd, language.p, language.n, 0) == (ssize_t)language.n && ftruncate(fd, (off_t)language.n) == 0);
    close(fd);
    assert_int_equal(model_open(&m, path, why), ERR_OK);
    assert_ptr_equal(model_ref(m), m);
    model_unref(m);
    check_answers(m);
    model_unref(m);
    unlink(path);
}

TEST(a_newer_version_is_named)
{
    struct model_header h;
    struct model *m;
    char why[200], *copy = kit_copy(buf_str(&language));
    memcpy(&h, copy, sizeof h);
    h.version = MODEL_VERSION + 41;
    memcpy(copy, &h, sizeof h);
    model_sign(copy);
    assert_int_equal(model_of(&m, (struct str){ copy, language.n }, why), ERR_PROTO);
    char number[20];
    snprintf(number, sizeof number, "version %u", MODEL_VERSION + 41);
    if (!strstr(why, number)) fail_msg("%s", why);
    free(copy);
}

/* ---- damage that is signed ---- */

static const struct {
    const char *name;
    size_t at, size;
    bool may_be_taken; /* with some of the values */
} fields[] = {
#define FIELD(name, may)                                                                                                           \
    {                                                                                                                              \
#name, offsetof(struct model_header, name), sizeof(((struct model_header *)0)->name), may                                  \
    }
    FIELD(version, false),     FIELD(size, false),     FIELD(kind, true),   FIELD(groups, true),   FIELD(labels, false),
    FIELD(label_bytes, false), FIELD(oos, true),       FIELD(width, false), FIELD(rows, false),    FIELD(slots, false),
    FIELD(temperature, true),  FIELD(threshold, true), FIELD(seed, true),   FIELD(examples, true),
#undef FIELD
};

/* Takes or refuses; what is taken answers, without a byte read outside (the sanitizer watches). */
static bool taken(char *bytes, size_t n)
{
    struct model *m;
    char why[200] = "";
    enum err e = model_of(&m, (struct str){ bytes, n }, why);
    if (e) {
        assert_true(e == ERR_PROTO && strlen(why) >= 10);
        return false;
    }
    check_answers(m);
    model_unref(m);
    return true;
}

TEST(absurd_counts_with_right_checksums_are_refused_or_harmless)
{
    static const uint64_t values[] = { 0,
                                       1,
                                       2,
                                       3,
                                       4,
                                       15,
                                       16,
                                       17,
                                       32,
                                       1023,
                                       1024,
                                       1040,
                                       4095,
                                       4096,
                                       4097,
                                       65535,
                                       1u << 24,
                                       (1u << 24) + 1,
                                       4u << 24,
                                       (4u << 24) + 1,
                                       0x3F800000,
                                       0x7F800000,
                                       0x7FC00000,
                                       0x7FFFFFFF,
                                       0x80000000,
                                       0xBF800000,
                                       0xFFFFFFF0,
                                       0xFFFFFFFF,
                                       0x100000080,
                                       0x7FFFFFFFFFFFFFFF,
                                       0xFFFFFFFFFFFFFF80,
                                       UINT64_MAX };
    char *copy = kit_copy(buf_str(&language));
    for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            bool same = memcmp(language.p + fields[f].at, &values[v], fields[f].size) == 0;
            memcpy(copy, language.p, language.n);
            memcpy(copy + fields[f].at, &values[v], fields[f].size);
            kit_sign(copy, language.n);
            if (taken(copy, language.n) && !fields[f].may_be_taken && !same)
                fail_msg("%s = %llu was taken", fields[f].name, (unsigned long long)values[v]);
        }
    free(copy);
}

TEST(counts_that_agree_with_the_size_but_not_with_the_parts_are_harmless)
{
    static const struct {
        int rows, slots, width, labels;
    } steps[] = { { 1, 0, 0, 0 }, { 0, 8, 0, 0 }, { -8, 4, 0, 0 }, { 0, 0, 16, 0 }, { 0, 0, 0, -1 }, { 0, 0, 0, 1 } };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct model_header h;
        memcpy(&h, language.p, sizeof h);
        h.rows += (uint32_t)steps[i].rows;
        h.slots += (uint32_t)steps[i].slots;
        h.width += (uint32_t)steps[i].width;
        h.labels += (uint32_t)steps[i].labels;
        h.size = model_size(&h);
        char *copy = calloc(1, h.size);
        assert_non_null(copy);
        memcpy(copy, language.p, h.size < language.n ? h.size : language.n);
        memcpy(copy, &h, sizeof h);
        kit_sign(copy, h.size);
        (void)taken(copy, h.size);
        free(copy);
    }
}

/* All parts are zeros, which no check of theirs objects to before the file's end. */
TEST(counts_that_ask_for_more_than_the_file_has_are_refused_before_anything_is_read)
{
    static const struct {
        uint32_t rows, slots, width;
    } more[] = { { 64, 128, 0 }, { 0, 4096, 0 }, { 0, 0, 512 }, { MODEL_ROWS_MAX / 2, MODEL_ROWS_MAX, 0 } };
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        struct model_header h;
        struct model *m;
        char why[200], *copy = calloc(1, language.n);
        assert_non_null(copy);
        memcpy(copy, language.p, MODEL_HEADER + 64);
        memcpy(&h, copy, sizeof h);
        h.rows += more[i].rows, h.slots += more[i].slots, h.width += more[i].width;
        memcpy(copy, &h, sizeof h);
        kit_sign(copy, language.n);
        assert_int_equal(model_of(&m, (struct str){ copy, language.n }, why), ERR_PROTO);
        if (!strstr(why, "cut short")) fail_msg("%zu: %s", i, why);
        free(copy);
    }
}

/* Changes a signed copy by `how` and expects a refusal that speaks of `why`. */
static void refused_after(const char *what, void (*how)(char *bytes, const struct model_parts *p), const char *because)
{
    struct model_parts p;
    struct model *m;
    char why[200], *copy = kit_copy(buf_str(&language));
    assert_int_equal(model_check(&p, (struct str){ copy, language.n }, why), ERR_OK);
    how(copy, &p);
    model_sign(copy);
    enum err e = model_of(&m, (struct str){ copy, language.n }, why);
    if (e != ERR_PROTO || !strstr(why, because)) fail_msg("%s: %s, %s", what, err_name(e), e ? why : "");
    free(copy);
}

#define AT(part)  (bytes + ((const char *)(part)-bytes))
#define HOW(name) static void name(char *bytes, const struct model_parts *p)
HOW(unended) { AT(p->labels)[p->h->label_bytes - 1] = 'x'; }
HOW(empty) { AT(p->labels)[0] = 0; }
HOW(invalid) { AT(p->labels)[0] = (char)0xC3, AT(p->labels)[1] = 'x'; }
HOW(twice) { memcpy(AT(p->labels), "ab\0ab\0cd\0e", 11), memset(AT(p->labels) + 11, 'f', p->h->label_bytes - 12); }
HOW(far_row)
{
    struct model_slot *s = (void *)AT(p->slots);
    while (!s->print) s++;
    s->row = p->h->rows << 8 | 16;
}
HOW(farthest_row)
{
    struct model_slot *s = (void *)AT(p->slots);
    while (!s->print) s++;
    s->row = UINT32_MAX;
}
HOW(no_weight)
{
    struct model_slot *s = (void *)AT(p->slots);
    while (!s->print) s++;
    s->row &= ~0xFFu;
}
HOW(full)
{
    struct model_slot *s = (void *)AT(p->slots);
    for (uint32_t i = 0; i < p->h->slots; i++)
        if (!s[i].print) s[i] = (struct model_slot){ i + 1, 16 };
}
static void put(char *at, float v) { memcpy(at, &v, sizeof v); }
HOW(nan_row) { put(AT(model_row(p, p->h->rows - 1)), NAN); }
HOW(endless_row) { put(AT(model_row(p, 0)), INFINITY); }
HOW(huge_row) { put(AT(model_row(p, 1)), 3e38f); }
HOW(nan_hidden) { put(AT(p->hidden), NAN); }
HOW(nan_out) { put(AT(p->out + 1), NAN); }
HOW(huge_out) { put(AT(p->out + (size_t)p->h->width * p->stride - 1), -3e38f); }
HOW(endless_bias) { put(AT(p->bias + p->stride - 1), -INFINITY); }
HOW(nan_share) { put(AT(p->shares), NAN); }
HOW(negative_share) { put(AT(p->shares), -0.5f); }
HOW(great_share) { put(AT(p->shares), 1); }

TEST(parts_that_make_no_sense_are_refused_though_signed)
{
    refused_after("a label without an end", unended, "labels");
    refused_after("an empty label", empty, "labels");
    refused_after("a label that is no text", invalid, "labels");
    refused_after("two equal labels", twice, "labels");
    refused_after("a row that there is not", far_row, "features");
    refused_after("the farthest row", farthest_row, "features");
    refused_after("a feature that weighs nothing", no_weight, "features");
    refused_after("no free slot", full, "features");
    refused_after("NaN in a row", nan_row, "numbers");
    refused_after("infinity in a row", endless_row, "numbers");
    refused_after("a huge row", huge_row, "numbers");
    refused_after("NaN in the hidden layer", nan_hidden, "numbers");
    refused_after("NaN behind the hidden layer", nan_out, "numbers");
    refused_after("a huge number behind the hidden layer", huge_out, "numbers");
    refused_after("infinity in the last bias", endless_bias, "numbers");
    refused_after("NaN in a share", nan_share, "shares");
    refused_after("a share below 0", negative_share, "shares");
    refused_after("shares above 1", great_share, "shares");
}

TEST(a_table_that_was_not_filled_by_hashes_is_refused)
{
    struct model_header h;
    struct model *m;
    char why[200];
    memcpy(&h, language.p, sizeof h);
    uint64_t before = model_size(&h), slots_at = MODEL_HEADER + model_align(h.label_bytes);
    h.slots += 8192;
    h.size = model_size(&h);
    char *copy = calloc(1, h.size);
    assert_non_null(copy);
    size_t tail = before - slots_at - model_align((h.slots - 8192) * sizeof(struct model_slot));
    memcpy(copy, &h, sizeof h);
    memcpy(copy + MODEL_HEADER, language.p + MODEL_HEADER, slots_at - MODEL_HEADER);
    memcpy(copy + h.size - tail, language.p + before - tail, tail);
    model_sign(copy);
    assert_int_equal(model_of(&m, (struct str){ copy, h.size }, why), ERR_OK); /* an empty table: knows nothing */
    check_answers(m);
    model_unref(m);
    struct model_slot *s = (void *)(copy + slots_at);
    for (uint32_t i = 0; i < 8000; i++) s[i] = (struct model_slot){ i + 1, 16 };
    model_sign(copy);
    assert_int_equal(model_of(&m, (struct str){ copy, h.size }, why), ERR_PROTO);
    free(copy);
}

/* ---- learning ---- */

TEST(the_same_rows_and_seed_give_the_same_bytes)
{
    struct buf again, other;
    kit_learn(&again, MODEL_INTENT, 1, true);
    assert_int_equal(again.n, intent.n);
    assert_memory_equal(again.p, intent.p, intent.n);
    kit_learn(&other, MODEL_LANGUAGE, 2, true);
    assert_true(other.n != language.n || memcmp(other.p, language.p, other.n) != 0);
    buf_fini(&again);
    buf_fini(&other);
}

struct halt {
    uint32_t calls, at;
    double last;
};
static bool on_progress(void *ctx, const char *what, double done)
{
    struct halt *h = ctx;
    assert_true(what && *what && done >= 0 && done <= 1);
    h->last = done;
    return h->calls++ != h->at;
}

TEST(progress_can_stop_it_anywhere)
{
    struct example e[KIT_ROWS];
    uint32_t n = kit_examples(e, true), all = UINT32_MAX;
    for (uint32_t at = UINT32_MAX, step = 0; step < 8 && at + 1 != all; at = step, step++) {
        struct halt h = { .at = at };
        struct learn_cfg cfg = { .kind = MODEL_LANGUAGE, .seed = 1, .ctx = &h, .progress = on_progress };
        struct learn_report report;
        struct buf out;
        char why[200];
        buf_init(&out, 64u << 20);
        enum err err = learn(&out, e, n, kit_labels, KIT_LABELS, KIT_OOS, &cfg, &report, why);
        if (at == UINT32_MAX) {
            assert_int_equal(err, ERR_OK);
            assert_true(h.calls > 2);
            all = h.calls;
        } else if (h.calls > at) {
            if (err != ERR_CLOSED) fail_msg("stopped at call %u of %u: %s", at, h.calls, err_name(err));
            assert_true(*why);
        }
        learn_report_fini(&report);
        buf_fini(&out);
    }
}

static void not_learnt(const char *what, const struct example *e, uint32_t n, const char *const *labels, uint32_t label_count,
                       const char *oos, enum err expected, const char *because)
{
    struct learn_cfg cfg = { .kind = MODEL_LANGUAGE, .seed = 1 };
    struct learn_report report;
    struct buf out;
    char why[200];
    buf_init(&out, 64u << 20);
    enum err err = learn(&out, e, n, labels, label_count, oos, &cfg, &report, why);
    if (err != expected || !strstr(why, because)) fail_msg("%s: %s \"%s\"", what, err_name(err), err ? why : "");
    learn_report_fini(&report);
    buf_fini(&out);
}

TEST(what_cannot_be_learnt_is_told)
{
    static const char *const two[] = { "a", "b" }, *const same[] = { "a", "a" }, *const empty_label[] = { "a", "" };
    static const char *const endless[] = { "a", "0123456789012345678901234567890123456789012345678901234567890123456789" };
    struct example e[] = { { STR("one two"), 0, 1 }, { STR("three four"), 1, 1 }, { STR("five"), 0, 1 } };
    not_learnt("one row", e, 1, two, 2, NULL, ERR_RANGE, "rows");
    not_learnt("no row", e, 0, two, 2, NULL, ERR_RANGE, "rows");
    not_learnt("an empty label", e, 3, empty_label, 2, NULL, ERR_RANGE, "bytes");
    not_learnt("a long label", e, 3, endless, 2, NULL, ERR_RANGE, "bytes");
    not_learnt("two equal labels", e, 3, same, 2, NULL, ERR_PROTO, "labels");
    e[1].label = 0;
    not_learnt("one label", e, 3, two, 2, NULL, ERR_RANGE, "two labels");
    e[1].label = LEARN_OOS;
    not_learnt("one label and some out of scope", e, 3, two, 2, "no", ERR_RANGE, "two labels");
    e[2].label = 1;
    not_learnt("no word for out of scope", e, 3, two, 2, NULL, ERR_RANGE, "out of scope");
    e[1].label = 2;
    not_learnt("a label that there is not", e, 3, two, 2, NULL, ERR_RANGE, "label");
    e[1].label = 1;
    static const float weights[] = { 0, -1, NAN, INFINITY, 1e9f };
    for (size_t i = 0; i < sizeof weights / sizeof *weights; i++) {
        e[1].weight = weights[i];
        not_learnt("a weight out of range", e, 3, two, 2, NULL, ERR_RANGE, "weight");
    }
    struct example blank[] = { { STR(" "), 0, 1 }, { STR_NONE, 1, 1 }, { STR("\xe2\x80\x8b"), 1, 1 } };
    not_learnt("no text at all", blank, 3, two, 2, NULL, ERR_RANGE, "no text");
}

TEST(the_fewest_rows_that_can_be_learnt_make_a_model)
{
    static const char *const two[] = { "a", "b" };
    struct example e[] = { { STR("one two"), 0, 1 }, { STR("three four"), 1, 1 } };
    for (enum model_kind k = 0; k < MODEL_KIND_COUNT; k++) {
        struct learn_cfg cfg = { .kind = k, .seed = 1 };
        struct learn_report report;
        struct model *m;
        struct buf out;
        char why[200];
        buf_init(&out, 64u << 20);
        assert_int_equal(learn(&out, e, 2, two, 2, NULL, &cfg, &report, why), ERR_OK);
        assert_true(report.temperature >= 0.05 && report.temperature <= 20);
        assert_int_equal(model_of(&m, buf_str(&out), why), ERR_OK);
        check_answers(m);
        model_unref(m);
        learn_report_fini(&report);
        buf_fini(&out);
    }
}

/* How likely "blue" is to be the second label when its one row among three counts `weight`. */
static double blue(float weight)
{
    static const char *const two[] = { "sea", "sky" };
    struct example e[] = { { STR("blue"), 0, 1 },  { STR("blue"), 0, 1 },  { STR("blue"), 1, weight }, { STR("deep"), 0, 1 },
                           { STR("waves"), 0, 1 }, { STR("cloud"), 1, 1 }, { STR("high"), 1, 1 } };
    struct learn_cfg cfg = { .kind = MODEL_LANGUAGE, .seed = 1, .dev = e, .dev_count = 7 };
    struct learn_report report;
    struct model *m;
    struct buf out;
    float p[MODEL_LABELS_MAX];
    char why[200];
    buf_init(&out, 64u << 20);
    assert_int_equal(learn(&out, e, 7, two, 2, NULL, &cfg, &report, why), ERR_OK);
    assert_true(report.on_dev && report.judged_count == 7);
    assert_int_equal(model_of(&m, buf_str(&out), why), ERR_OK);
    kit_ask(m, features, "blue", p);
    model_unref(m);
    learn_report_fini(&report);
    buf_fini(&out);
    return (double)p[1];
}

TEST(an_example_of_weight_five_counts_more)
{
    double one = blue(1), five = blue(5);
    if (!(one < 0.5 && five > 0.5)) fail_msg("%f with weight 1, %f with weight 5", one, five);
}

TEST(the_report_judges_every_row_by_nets_that_did_not_see_it)
{
    struct example e[KIT_ROWS];
    uint32_t n = kit_examples(e, true), right = 0;
    struct learn_cfg cfg = { .kind = MODEL_LANGUAGE, .seed = 1 };
    struct learn_report report;
    struct buf out;
    char why[200];
    bool seen[KIT_ROWS] = { false };
    buf_init(&out, 64u << 20);
    assert_int_equal(learn(&out, e, n, kit_labels, KIT_LABELS, KIT_OOS, &cfg, &report, why), ERR_OK);
    assert_int_equal(report.judged_count, n);
    assert_false(report.on_dev);
    for (uint32_t i = 0; i < n; i++) {
        struct judged *j = &report.judged[i];
        assert_true(j->row < n && !seen[j->row] && j->p >= 0 && j->p <= 1);
        seen[j->row] = true;
        right += j->label == e[j->row].label;
    }
    if (right > n - 2) fail_msg("%u of %u: too good to be true for rows that were not seen", right, n);
    learn_report_fini(&report);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(what_was_learnt_is_told_again),
        RUN(a_model_tells_what_is_in_it),
        RUN(a_text_without_known_features_gets_the_shares_of_the_labels),
        RUN(below_the_threshold_a_message_is_out_of_scope),
        RUN(what_is_likely_out_of_scope_is_less_surely_in_scope),
        RUN(what_spoke_strongest_is_what_the_probability_hangs_on),
        RUN(explaining_first_and_scoring_after_say_the_same),
        RUN(two_models_share_one_reading_of_a_text),
        RUN(every_damaged_byte_and_bit_of_the_header_is_found),
        RUN(a_damaged_byte_behind_the_header_is_found),
        RUN(a_file_cut_short_anywhere_is_refused),
        RUN(a_file_that_goes_on_behind_its_end_is_refused),
        RUN(foreign_files_are_told_to_be_so),
        RUN(a_newer_version_is_named),
        RUN(absurd_counts_with_right_checksums_are_refused_or_harmless),
        RUN(counts_that_agree_with_the_size_but_not_with_the_parts_are_harmless),
        RUN(counts_that_ask_for_more_than_the_file_has_are_refused_before_anything_is_read),
        RUN(parts_that_make_no_sense_are_refused_though_signed),
        RUN(a_table_that_was_not_filled_by_hashes_is_refused),
        RUN(the_same_rows_and_seed_give_the_same_bytes),
        RUN(progress_can_stop_it_anywhere),
        RUN(what_cannot_be_learnt_is_told),
        RUN(the_fewest_rows_that_can_be_learnt_make_a_model),
        RUN(an_example_of_weight_five_counts_more),
        RUN(the_report_judges_every_row_by_nets_that_did_not_see_it),
    };
    return cmocka_run_group_tests(tests, up, down);
}
