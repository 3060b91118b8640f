/* Any bytes as a model file. The first byte says how they become one: as they are; with both checksums put right; with their size
   made what their counts ask for, too; or as changes to a model that is learnt here, three bytes each: where (two bytes; in the
   header when the highest bit is set) and what. What is taken must answer and explain, with probabilities that are some. */
#include "base/panic.h"
#include "workers/triage/learn.h"
#include "workers/triage/model_file.h"

#include <math.h>
#include <stdlib.h>
#include <zlib.h>

#define FITTED_MOST (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct buf learnt;
static struct features *features;

static void set_up(void)
{
    static const char *const labels[] = { "refund", "delivery" };
    const struct example e[] = { { STR("refund me"), 0, 1 },
                                 { STR("환불이요"), 0, 1 },
                                 { STR("my parcel"), 1, 1 },
                                 { STR("택배"), 1, 1 },
                                 { STR("a joke"), LEARN_OOS, 1 } };
    struct learn_cfg cfg = { .kind = MODEL_LANGUAGE, .seed = 1, .dev = e, .dev_count = 5 };
    struct learn_report report;
    char why[200];
    buf_init(&learnt, 1u << 20);
    naru_assert(learn(&learnt, e, 5, labels, 2, "oos", &cfg, &report, why) == ERR_OK);
    naru_assert(features_new(&features) == ERR_OK);
    learn_report_fini(&report);
}

static void ask(const struct model *m, struct str text)
{
    float p[MODEL_LABELS_MAX];
    struct guess g;
    struct evidence spoke[EVIDENCE_MAX];
    double sum = 0;
    size_t bad;
    features_read(features, STR_NONE, text);
    model_score(m, features, p, &g);
    for (uint32_t i = 0; i < model_labels(m); i++) {
        naru_assert(p[i] >= 0 && p[i] <= 1.01f);
        sum += (double)p[i];
    }
    naru_assert(fabs(sum - 1) < 0.02 && g.label < model_labels(m) && g.second < model_labels(m));
    uint32_t n = model_explain(m, features, g.label, spoke, EVIDENCE_MAX);
    for (uint32_t i = 0; i < n; i++)
        naru_assert(isfinite(spoke[i].weight) && spoke[i].feature.n && str_utf8(spoke[i].feature, &bad));
}

static void sign(char *bytes, size_t n)
{
    struct model_header h;
    memcpy(&h, bytes, sizeof h);
    h.parts_crc = (uint32_t)crc32_z(0, (const unsigned char *)bytes + MODEL_HEADER, n - MODEL_HEADER);
    h.header_crc = 0;
    h.header_crc = (uint32_t)crc32_z(0, (const unsigned char *)&h, sizeof h);
    memcpy(bytes, &h, sizeof h);
}

/* The bytes grown or cut to what their counts ask for; *n is their size then. Takes `bytes`. */
static char *fit(char *bytes, size_t *n)
{
    struct model_header h;
    memcpy(&h, bytes, sizeof h);
    memcpy(h.magic, MODEL_MAGIC, sizeof h.magic);
    h.version = MODEL_VERSION;
    h.size = model_size(&h);
    if (h.size > FITTED_MOST) return bytes;
    char *fitted = calloc(1, h.size);
    naru_assert(fitted);
    memcpy(fitted, bytes, *n < h.size ? *n : h.size);
    memcpy(fitted, &h, sizeof h);
    free(bytes);
    *n = h.size;
    return fitted;
}

static char *change(const uint8_t *data, size_t size, size_t *n)
{
    char *bytes = malloc(learnt.n);
    naru_assert(bytes);
    memcpy(bytes, learnt.p, learnt.n);
    for (size_t i = 0; i + 3 <= size; i += 3) {
        size_t at = (size_t)(data[i] & 0x7F) << 8 | data[i + 1];
        bytes[data[i] & 0x80 ? at % MODEL_HEADER : at % learnt.n] = (char)data[i + 2];
    }
    *n = learnt.n;
    return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { AS_IT_IS, SIGNED, FITTED, CHANGED, WAYS } way;
    struct model *m;
    char why[200] = "", *bytes;
    if (size == 0) return 0;
    if (!features) set_up();
    way = data[0] % WAYS;
    data++, size--;
    size_t n = size;
    if (way == CHANGED) {
        bytes = change(data, size, &n);
    } else {
        bytes = malloc(n ? n : 1); /* of exactly this length, and aligned as a mapped file is */
        naru_assert(bytes);
        memcpy(bytes, data, n);
    }
    if (way == FITTED && n >= MODEL_HEADER) bytes = fit(bytes, &n);
    if (way != AS_IT_IS && n >= MODEL_HEADER) sign(bytes, n);
    enum err e = model_of(&m, (struct str){ bytes, n }, why);
    naru_assert(e ? e == ERR_PROTO && *why : m != NULL);
    if (!e) {
        ask(m, STR("refund my parcel, please"));
        ask(m, STR("환불이 언제 되나요 택배요"));
        ask(m, (struct str){ (const char *)data, size < 300 ? size : 300 });
        model_unref(m);
    }
    free(bytes);
    return 0;
}
