/* The loops that are compiled once for each set of instructions say the same, in learning and in scoring. Sets that this machine
   lacks are not tried. */
#include "tests/unit/triage/model_kit.h"
#include "workers/triage/isa.h"
#include "workers/triage/net.h"

#include <math.h>

static enum isa machine;
static struct features *features;

static int up(void **state)
{
    (void)state;
    machine = isa_used();
    return features_new(&features) ? -1 : 0;
}
static int down(void **state)
{
    (void)state;
    features_free(features);
    return 0;
}
static int restore(void **state)
{
    (void)state;
    isa_limit(ISA_AVX512);
    return 0;
}

static uint64_t seed;
static float unit(void) /* -1..1 */
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (float)(int32_t)(seed >> 32) / 2147483648.0f;
}

/* ---- learning ---- */

#define ROWS     60u
#define FEATURES 50u
#define EACH     9u /* features of a row */

static void fill(struct sparse *m, uint32_t labels)
{
    *m = (struct sparse){ .count = ROWS, .features = FEATURES, .labels = labels };
    m->start = calloc(ROWS + 1, sizeof *m->start);
    m->feature = calloc(ROWS * EACH, sizeof *m->feature);
    m->value = calloc(ROWS * EACH, sizeof *m->value);
    m->label = calloc(ROWS, sizeof *m->label);
    m->weight = calloc(ROWS, sizeof *m->weight);
    for (uint32_t i = 0; i < ROWS; i++) {
        m->start[i + 1] = (i + 1) * EACH;
        m->label[i] = i % labels;
        m->weight[i] = 1 + (float)(i % 3);
        for (uint32_t k = 0; k < EACH; k++) {
            m->feature[i * EACH + k] = k == 0 ? i % labels % FEATURES : (i * 7 + k * 5) % FEATURES;
            m->value[i * EACH + k] = 1 + fabsf(unit());
        }
    }
}
static void empty(struct sparse *m)
{
    free(m->start);
    free(m->feature);
    free(m->value);
    free(m->label);
    free(m->weight);
}

static void learn_with(struct net *n, const struct sparse *m, enum isa most, uint32_t width, uint32_t epochs, float drop)
{
    uint32_t rows[ROWS];
    struct net_cfg cfg = { .width = width, .epochs = epochs, .rate = 0.05f, .drop = drop, .hidden_drop = drop, .seed = 7 };
    for (uint32_t i = 0; i < ROWS; i++) rows[i] = i;
    isa_limit(most);
    assert_int_equal(net_learn(n, m, rows, ROWS, &cfg, NULL, NULL), ERR_OK);
}

static void near(const char *what, const float *a, const float *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!(fabsf(a[i] - b[i]) <= 1e-3f * (1 + fabsf(a[i])))) fail_msg("%s %zu: %f, %f", what, i, (double)a[i], (double)b[i]);
}

static const struct {
    uint32_t width, labels;
} shapes[] = { { 16, 2 }, { 32, 5 }, { 64, 17 }, { 128, 33 }, { 48, 16 } };
#define SHAPES (sizeof shapes / sizeof *shapes)

TEST(a_net_learnt_by_any_set_of_instructions_is_the_same)
{
    for (size_t i = 0; i < SHAPES; i++)
        for (enum isa s = ISA_AVX2; s <= machine; s++) {
            struct sparse m;
            struct net plain, fast;
            seed = i;
            fill(&m, shapes[i].labels);
            learn_with(&plain, &m, ISA_PLAIN, shapes[i].width, 1, 0.3f);
            learn_with(&fast, &m, s, shapes[i].width, 1, 0.3f);
            near("in", plain.in, fast.in, (size_t)FEATURES * 2 * plain.width);
            near("out", plain.out, fast.out, (size_t)plain.width * plain.stride * 2);
            near("bias", plain.bias, fast.bias, plain.stride);
            assert_memory_equal(plain.known, fast.known, FEATURES);
            net_fini(&plain);
            net_fini(&fast);
            empty(&m);
        }
}

TEST(a_row_scored_by_any_set_of_instructions_gets_the_same)
{
    for (size_t i = 0; i < SHAPES; i++) {
        struct sparse m;
        struct net n;
        struct step *room = net_step_new();
        seed = i;
        fill(&m, shapes[i].labels);
        learn_with(&n, &m, machine, shapes[i].width, 5, 0);
        for (uint32_t row = 0; row < ROWS; row++) {
            float plain[64] = { 0 };
            isa_limit(ISA_PLAIN);
            assert_true(net_score(&n, &m, row, room, plain));
            for (enum isa s = ISA_AVX2; s <= machine; s++) {
                float fast[64] = { 0 };
                isa_limit(s);
                net_score(&n, &m, row, room, fast);
                near("score", plain, fast, m.labels);
            }
        }
        free(room);
        net_fini(&n);
        empty(&m);
    }
}

TEST(what_can_be_learnt_is_learnt)
{
    for (enum isa s = ISA_PLAIN; s <= machine; s++) {
        struct sparse m;
        struct net n;
        struct step *room = net_step_new();
        uint32_t right = 0;
        seed = 1;
        fill(&m, 5);
        learn_with(&n, &m, s, 32, 30, 0.1f);
        for (uint32_t row = 0; row < ROWS; row++) {
            float z[16] = { 0 };
            uint32_t best = 0;
            net_score(&n, &m, row, room, z);
            for (uint32_t k = 1; k < 5; k++) best = z[k] > z[best] ? k : best;
            right += best == m.label[row];
        }
        if (right < ROWS - 2) fail_msg("set %d: %u of %u", s, right, ROWS);
        free(room);
        net_fini(&n);
        empty(&m);
    }
}

TEST(features_that_were_not_met_in_training_do_not_count)
{
    struct sparse m;
    struct net n;
    struct step *room = net_step_new();
    struct net_cfg cfg = { .width = 16, .epochs = 2, .rate = 0.05f, .seed = 1 };
    uint32_t one = 0;
    float z[16] = { 0 };
    seed = 1;
    fill(&m, 3);
    for (uint32_t k = 0; k < EACH; k++) m.feature[EACH + k] = FEATURES - 1 - k; /* row 1 has none of row 0 */
    for (uint32_t k = 0; k < EACH; k++) m.feature[k] = k;
    assert_int_equal(net_learn(&n, &m, &one, 1, &cfg, NULL, NULL), ERR_OK);
    assert_true(net_score(&n, &m, 0, room, z));
    assert_false(net_score(&n, &m, 1, room, z));
    free(room);
    net_fini(&n);
    empty(&m);
}

static bool stop_now(void *ctx)
{
    (void)ctx;
    return true;
}

TEST(learning_stops_when_it_is_told_to)
{
    struct sparse m;
    struct net n;
    struct net_cfg cfg = { .width = 16, .epochs = 1000, .rate = 0.05f, .seed = 1 };
    uint32_t rows[ROWS] = { 0 };
    seed = 1;
    fill(&m, 3);
    assert_int_equal(net_learn(&n, &m, rows, ROWS, &cfg, stop_now, NULL), ERR_CLOSED);
    net_fini(&n);
    empty(&m);
}

/* ---- scoring ---- */

static void *part(char **at, uint64_t n)
{
    void *p = *at;
    *at += model_align(n);
    return p;
}

static const char text[] = "where is my parcel, and what about the refund? 환불이 언제 되나요";

/* A model of random numbers that knows every other word and n-gram of `text`; bytes are the caller's to free. */
static char *random_model(uint32_t width, uint32_t labels)
{
    struct model_header h = { .version = MODEL_VERSION,
                              .kind = MODEL_INTENT,
                              .groups = 1u << GRAM_WORD | 1u << GRAM_CHAR,
                              .labels = labels,
                              .oos = MODEL_NO_OOS,
                              .width = width,
                              .rows = 300,
                              .slots = 700,
                              .temperature = 1 };
    uint32_t stride = (labels + 15) / 16 * 16, row = 0, count;
    char name[MODEL_LABELS_MAX][8];
    memcpy(h.magic, MODEL_MAGIC, sizeof h.magic);
    for (uint32_t i = 0; i < labels; i++) h.label_bytes += (uint32_t)snprintf(name[i], sizeof *name, "l%u", i) + 1;
    h.size = model_size(&h);
    char *bytes = calloc(1, h.size), *at = bytes + MODEL_HEADER;
    assert_non_null(bytes);
    memcpy(bytes, &h, sizeof h);
    char *label = part(&at, h.label_bytes);
    for (uint32_t i = 0; i < labels; i++) label = stpcpy(label, name[i]) + 1;
    struct model_slot *slots = part(&at, h.slots * sizeof *slots);
    features_read(features, STR_NONE, STR(text));
    for (int g = 0; g < GRAM_GROUPS; g++) {
        const struct gram *v = h.groups >> g & 1 ? features_grams(features, (enum gram_group)g, &count) : NULL;
        for (uint32_t i = 0; v && i < count && row < h.rows; i += 2, row++) {
            uint32_t s = model_first_slot(v[i].hash, h.slots);
            while (slots[s].print) s = (s + 1) % h.slots;
            slots[s] = (struct model_slot){ model_print(v[i].hash), row << 8 | (16 + row % 200) };
        }
    }
    char *rows = part(&at, (uint64_t)h.rows * model_row_size(&h));
    for (uint32_t r = 0; r < h.rows; r++, rows += model_row_size(&h)) {
        float scale = 0.01f + fabsf(unit()) / 10;
        memcpy(rows, &scale, sizeof scale);
        for (uint32_t j = MODEL_ROW_HEAD; j < model_row_size(&h); j++) rows[j] = (char)(int)(127 * unit());
    }
    float *numbers = (float *)(void *)at; /* hidden, out, bias; between them nothing, all are multiples of 64 bytes */
    for (uint64_t i = 0; i < width + (uint64_t)width * stride + stride; i++) numbers[i] = unit() / 4;
    numbers[width + (uint64_t)width * stride + stride] = 1; /* the first label's share */
    model_sign(bytes);
    return bytes;
}

static void same_scores(uint32_t width, uint32_t labels)
{
    struct model_header h;
    struct model *m;
    char why[200], *bytes = random_model(width, labels);
    float plain[MODEL_LABELS_MAX + 16], fast[MODEL_LABELS_MAX + 16];
    struct evidence a[EVIDENCE_MAX], b[EVIDENCE_MAX];
    memcpy(&h, bytes, sizeof h);
    enum err e = model_of(&m, (struct str){ bytes, h.size }, why);
    if (e) fail_msg("width %u, %u labels: %s", width, labels, why);
    isa_limit(ISA_PLAIN);
    features_read(features, STR_NONE, STR(text));
    assert_true(model_scores(m, features, plain));
    uint32_t n = model_explain(m, features, labels - 1, a, EVIDENCE_MAX);
    for (enum isa s = ISA_AVX2; s <= machine; s++) {
        isa_limit(s);
        features_read(features, STR_NONE, STR(text));
        assert_true(model_scores(m, features, fast));
        near("label", plain, fast, labels);
        assert_int_equal(model_explain(m, features, labels - 1, b, EVIDENCE_MAX), n);
        for (uint32_t i = 0; i < n; i++) assert_true(fabsf(a[i].weight - b[i].weight) < 1e-3f);
    }
    model_unref(m);
    free(bytes);
}

TEST(a_model_scored_by_any_set_of_instructions_says_the_same)
{
    static const uint32_t widths[] = { 32, 64, 96, 160, 320, MODEL_WIDTH_MAX },
                          labels[] = { 1, 2, 15, 16, 17, 150, MODEL_LABELS_MAX };
    seed = 3;
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        for (size_t k = 0; k < sizeof labels / sizeof *labels; k++)
            if (widths[i] < 100 || labels[k] < 200) same_scores(widths[i], labels[k]);
}

/* What a row adds to hidden unit `j` of `width`, as model_file.h describes it. */
static double number_of(const char *row, uint32_t j, uint32_t width)
{
    unsigned byte = (unsigned char)row[MODEL_ROW_HEAD + j % (width / 2)];
    return (double)model_row_scale(row) * ((int)(j < width / 2 ? byte & 15 : byte >> 4) - 8);
}

TEST(scores_are_what_the_file_format_says)
{
    struct model_header h;
    struct model *m;
    char why[200], *bytes = random_model(32, 3);
    float got[32], hidden[32];
    double square = 0, want[3];
    uint32_t count;
    seed = 5;
    memcpy(&h, bytes, sizeof h);
    assert_int_equal(model_of(&m, (struct str){ bytes, h.size }, why), ERR_OK);
    const struct model_parts *p = model_parts_of(m);
    features_read(features, STR_NONE, STR(text));
    memcpy(hidden, p->hidden, sizeof hidden);
    for (int pass = 0; pass < 2; pass++) /* the length of all values first */
        for (uint32_t g = 0; g < GRAM_GROUPS; g++) {
            const struct gram *v = h.groups >> g & 1 ? features_grams(features, (enum gram_group)g, &count) : NULL;
            for (uint32_t i = 0; v && i < count; i++) {
                uint32_t s = model_first_slot(v[i].hash, h.slots);
                while (p->slots[s].print && p->slots[s].print != model_print(v[i].hash)) s = (s + 1) % h.slots;
                if (!p->slots[s].print) continue;
                double value = (1 + log(v[i].count)) * (p->slots[s].row & 0xFF) / 16;
                const char *row = model_row(p, p->slots[s].row >> 8);
                if (pass == 0) square += value * value;
                for (uint32_t j = 0; pass && j < 32; j++) hidden[j] += (float)(value / sqrt(square) * number_of(row, j, 32));
            }
        }
    assert_true(square > 0 && model_scores(m, features, got));
    for (uint32_t k = 0; k < 3; k++) {
        want[k] = (double)p->bias[k];
        for (uint32_t j = 0; j < 32; j++)
            if (hidden[j] > 0) want[k] += (double)hidden[j] * (double)p->out[j * p->stride + k];
        if (fabs(want[k] - (double)got[k]) > 1e-4) fail_msg("label %u: %f instead of %f", k, (double)got[k], want[k]);
    }
    model_unref(m);
    free(bytes);
}

#define ROW(name) cmocka_unit_test_teardown(name, restore)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(a_net_learnt_by_any_set_of_instructions_is_the_same),
        ROW(a_row_scored_by_any_set_of_instructions_gets_the_same),
        ROW(what_can_be_learnt_is_learnt),
        ROW(features_that_were_not_met_in_training_do_not_count),
        ROW(learning_stops_when_it_is_told_to),
        ROW(a_model_scored_by_any_set_of_instructions_says_the_same),
        ROW(scores_are_what_the_file_format_says),
    };
    return cmocka_run_group_tests(tests, up, down);
}
