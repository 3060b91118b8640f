/* The script of the letters goes first and is never overruled: Korean with English brand names is Korean, and what a Spanish text
   may be taken for is a language in Latin letters. A script of one language needs no model. Where several languages share a
   script, a model that was learnt over all languages at once is asked, and only its labels of that script count: leaving the others
   out and dividing by what is left is the same softmax over fewer labels.

   Which label belongs to which scripts is found once, when the model is taken, so that a message costs one pass over the
   probabilities. */
#include "workers/triage/language_model.h"

#include <stdio.h>
#include <string.h>

/* What a script is without a model. */
static const char *const alone[SCRIPT_COUNT] = {
#define ALONE_ROW(id, name, language, weight) [SCRIPT_##id] = language,
    SCRIPT_MAP(ALONE_ROW)
#undef ALONE_ROW
};
/* The languages that share a script: subtags with a blank around each. */
static const struct {
    enum script script;
    const char *codes;
} sharing[] = {
    { SCRIPT_LATIN,
      " af an ast az bm br bs ca ceb co cs cy da de en eo es et eu fi fil fo fr fur fy ga gd gl gn ha haw hr ht hu ia id"
      " ig io is it jv kab kl ku la lb lg li ln lt lv mg mi ms mt nb nds nl nn no nso ny oc om pl pt qu rm rn ro rw sc"
      " sco se sk sl sm sn so sq sr ss st su sv sw tet tk tl tn to tr ts tum ty uz ve vec vi wa war wo xh yo zu " },
    { SCRIPT_CYRILLIC, " ab ba be bg ce cv kk kv ky mk mn os ru sah sr tg tt tyv udm uk uz " },
    { SCRIPT_ARABIC, " ar azb ckb fa ks ps sd ug ur " },
    { SCRIPT_DEVANAGARI, " bho brx doi hi kok mag mai mr ne new sa " },
    { SCRIPT_HAN, " ja yue zh " },
    { SCRIPT_HEBREW, " he yi " },
    { SCRIPT_BENGALI, " as bn mni " },
    { SCRIPT_ETHIOPIC, " am ti " },
};

static uint32_t scripts_of(struct str code)
{
    char needle[LANGUAGE_MAX + 3];
    uint32_t of = 0, any = 0;
    if (code.n > LANGUAGE_MAX) return 0;
    snprintf(needle, sizeof needle, " %.*s ", STR_FMT(code));
    for (size_t i = 0; i < sizeof sharing / sizeof *sharing; i++) {
        any |= 1u << sharing[i].script;
        if (strstr(sharing[i].codes, needle)) of |= 1u << sharing[i].script;
    }
    for (int s = 1; s < SCRIPT_COUNT; s++)
        if (str_is(code, alone[s])) of |= 1u << s;
    return of ? of : any;
}

enum err language_model_init(struct language_model *lm, const struct model *m, char why[200])
{
    uint32_t n = model_labels(m), seen = 0;
    *lm = (struct language_model){ .model = m };
    if (model_kind(m) != MODEL_LANGUAGE) {
        snprintf(why, 200, "it is a model of kind %s, not language", model_kind_words.v[model_kind(m)]);
        return ERR_RANGE;
    }
    if (n > LANGUAGE_LABELS) {
        snprintf(why, 200, "it has %u labels; a language model has %u at most", n, LANGUAGE_LABELS);
        return ERR_RANGE;
    }
    for (uint32_t i = 0; i < n; i++) {
        lm->scripts[i] = scripts_of(model_label(m, i));
        lm->asked |= seen & lm->scripts[i];
        seen |= lm->scripts[i];
    }
    return ERR_OK;
}

/* The likeliest label of script `s` and the next, with probabilities over the script's labels. */
static void choose(const struct language_model *lm, enum script s, const float *p, uint32_t best[2], double prob[2])
{
    double sum = 0;
    float top[2] = { -1, -1 };
    best[0] = best[1] = 0;
    for (uint32_t i = 0, n = model_labels(lm->model); i < n; i++) {
        if (!(lm->scripts[i] >> s & 1)) continue;
        sum += (double)p[i];
        if (p[i] > top[0]) {
            top[1] = top[0], best[1] = best[0];
            top[0] = p[i], best[0] = i;
        } else if (p[i] > top[1]) {
            top[1] = p[i], best[1] = i;
        }
    }
    for (int k = 0; k < 2; k++) prob[k] = sum > 0 ? (double)top[k] / sum : 0;
}

void language_judge(const struct letters *l, const struct language_model *lm, struct features *f, struct language_found *out)
{
    struct language by_script = letters_language(l);
    float p[LANGUAGE_LABELS];
    uint32_t best[2];
    double prob[2];
    struct guess g;
    if (!lm || !(lm->asked >> by_script.of & 1)) {
        *out = (struct language_found){ .code = by_script.code, .by = STR("script"), .p = by_script.of == SCRIPT_NONE ? 0 : 1 };
        snprintf(out->said, sizeof out->said, "%.*s", STR_FMT(by_script.script));
        return;
    }
    model_score(lm->model, f, p, &g);
    choose(lm, by_script.of, p, best, prob);
    struct str first = model_label(lm->model, best[0]), second = model_label(lm->model, best[1]);
    *out = (struct language_found){ .code = prob[0] >= LANGUAGE_SURE ? first : STR("und"), .by = STR("model"), .p = prob[0] };
    snprintf(out->said, sizeof out->said, "%.*s: %s%.*s %.2f, %.*s %.2f", STR_FMT(by_script.script),
             prob[0] >= LANGUAGE_SURE ? "" : "unsure, ", (int)(first.n > 16 ? 16 : first.n), first.p, prob[0],
             (int)(second.n > 16 ? 16 : second.n), second.p, prob[1]);
}
