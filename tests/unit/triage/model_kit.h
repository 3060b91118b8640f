/* Small models, learnt here from sentences of our own, for tests. */
#ifndef NARU_TESTS_UNIT_TRIAGE_MODEL_KIT_H
#define NARU_TESTS_UNIT_TRIAGE_MODEL_KIT_H

#include "tests/unit/triage/unit.h"
#include "workers/triage/learn.h"
#include "workers/triage/model_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

static const char *const kit_labels[] = { "refund", "delivery", "login" };
#define KIT_LABELS 3u
#define KIT_OOS    "elsewhere"
static const struct {
    uint32_t label;
    const char *text;
} kit_rows[] = {
    { 0, "i want my money back for the broken kettle" },
    { 0, "please refund the torn coat" },
    { 0, "refund me, the lamp is wrong" },
    { 0, "how do i get a refund for shoes that do not fit" },
    { 0, "money back please, i was charged twice" },
    { 0, "the cup came in pieces, refund it" },
    { 0, "환불 해 주세요" },
    { 0, "구두가 안 맞아서 환불 받고 싶어요" },
    { 0, "찻잔이 깨졌어요 환불이 되나요" },
    { 0, "돈을 돌려 주세요" },
    { 0, "두 번 결제됐는데 환불은 언제 되나요" },
    { 1, "where is my parcel" },
    { 1, "the courier left the parcel at the wrong door" },
    { 1, "my parcel is late again" },
    { 1, "when will the delivery come" },
    { 1, "the delivery was promised for monday" },
    { 1, "no courier has come yet" },
    { 1, "배송이 언제 오나요" },
    { 1, "택배가 안 와요" },
    { 1, "택배가 다른 집으로 갔어요" },
    { 1, "배송이 너무 늦어요" },
    { 1, "주문한 물건은 언제 배송 되나요" },
    { 2, "i cannot log in to my account" },
    { 2, "my password is refused" },
    { 2, "i have forgotten my password" },
    { 2, "the page says that my account is locked" },
    { 2, "log in does not work since yesterday" },
    { 2, "how do i change the password" },
    { 2, "로그인이 안 돼요" },
    { 2, "비밀번호를 잊었어요" },
    { 2, "비밀번호가 틀리다고 나와요" },
    { 2, "계정이 잠겼어요 로그인 못 해요" },
    { LEARN_OOS, "tell me a joke about cats" },
    { LEARN_OOS, "what will the weather be like" },
    { LEARN_OOS, "write a poem for my aunt" },
    { LEARN_OOS, "who won the match last night" },
    { LEARN_OOS, "노래 한 곡 불러줘" },
    { LEARN_OOS, "오늘 점심 뭐 먹지" },
    { LEARN_OOS, "축구 누가 이겼어" },
    { LEARN_OOS, "재미있는 얘기 해 줘" },
};
#define KIT_ROWS (sizeof kit_rows / sizeof *kit_rows)

static inline uint32_t kit_examples(struct example *out, bool with_oos)
{
    uint32_t n = 0;
    for (size_t i = 0; i < KIT_ROWS; i++)
        if (with_oos || kit_rows[i].label != LEARN_OOS)
            out[n++] = (struct example){ str_of(kit_rows[i].text), kit_rows[i].label, 1 };
    return n;
}

/* Learns it into `out` (buf_fini is due). Models of kind language take a moment only, others a second or so. */
static inline void kit_learn(struct buf *out, enum model_kind kind, uint64_t seed, bool with_oos)
{
    struct example e[KIT_ROWS];
    struct learn_report report;
    char why[200];
    uint32_t n = kit_examples(e, with_oos);
    struct learn_cfg cfg = { .kind = kind, .seed = seed };
    buf_init(out, 64u << 20);
    enum err err = learn(out, e, n, kit_labels, KIT_LABELS, with_oos ? KIT_OOS : NULL, &cfg, &report, why);
    if (err) fail_msg("%s: %s", err_name(err), why);
    learn_report_fini(&report);
}

/* Both checksums of `n` bytes, whatever their header says of their size. */
static inline void kit_sign(char *bytes, size_t n)
{
    struct model_header h;
    memcpy(&h, bytes, sizeof h);
    h.parts_crc = (uint32_t)crc32_z(0, (const unsigned char *)bytes + MODEL_HEADER, n - MODEL_HEADER);
    h.header_crc = 0;
    h.header_crc = (uint32_t)crc32_z(0, (const unsigned char *)&h, sizeof h);
    memcpy(bytes, &h, sizeof h);
}

/* A copy of exactly its length, so that reading one byte behind it is found. */
static inline char *kit_copy(struct str s)
{
    char *p = malloc(s.n ? s.n : 1);
    if (!p) abort();
    if (s.n) memcpy(p, s.p, s.n);
    return p;
}

/* What a model says of a text, with its probabilities. */
static inline struct guess kit_ask(const struct model *m, struct features *f, const char *text, float *p)
{
    struct guess g;
    features_read(f, STR_NONE, str_of(text));
    model_score(m, f, p, &g);
    return g;
}

#endif
