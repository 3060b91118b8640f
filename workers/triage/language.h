/* The language of a text, by the script of its letters. Pure. */
#ifndef NARU_WORKERS_TRIAGE_LANGUAGE_H
#define NARU_WORKERS_TRIAGE_LANGUAGE_H

#include "base/str.h"

#define LANGUAGE_MAX 8u /* letters of a subtag */

/* X(script, name, language, weight of one letter). A syllable or ideogram says as much as two or three Latin
   letters; and all count double beside Latin, in which names of products and titles stand in texts of every script. */
/* clang-format off */
#define SCRIPT_MAP(X) \
    X(NONE, "none", "und", 0) X(LATIN, "Latin", "en", 1) X(HANGUL, "Hangul", "ko", 5) \
    X(HAN, "Han", "zh", 5) X(KANA, "Kana", "ja", 3) X(CYRILLIC, "Cyrillic", "ru", 2) \
    X(ARABIC, "Arabic", "ar", 2) X(HEBREW, "Hebrew", "he", 2) X(GREEK, "Greek", "el", 2) \
    X(THAI, "Thai", "th", 2) X(DEVANAGARI, "Devanagari", "hi", 2) X(BENGALI, "Bengali", "bn", 2) \
    X(GURMUKHI, "Gurmukhi", "pa", 2) X(GUJARATI, "Gujarati", "gu", 2) X(TAMIL, "Tamil", "ta", 2) \
    X(TELUGU, "Telugu", "te", 2) X(KANNADA, "Kannada", "kn", 2) X(MALAYALAM, "Malayalam", "ml", 2) \
    X(SINHALA, "Sinhala", "si", 2) X(LAO, "Lao", "lo", 2) X(MYANMAR, "Myanmar", "my", 2) \
    X(KHMER, "Khmer", "km", 2) X(ETHIOPIC, "Ethiopic", "am", 2) X(GEORGIAN, "Georgian", "ka", 2) \
    X(ARMENIAN, "Armenian", "hy", 2) X(ORIYA, "Oriya", "or", 2) X(THAANA, "Thaana", "dv", 2) \
    X(TIBETAN, "Tibetan", "bo", 2)
/* clang-format on */
#define SCRIPT_ENUM(id, name, language, weight) SCRIPT_##id,
enum script { SCRIPT_MAP(SCRIPT_ENUM) SCRIPT_COUNT };
#undef SCRIPT_ENUM

/* Languages that share a script with a larger one are known by letters of their own. X(language, script). */
#define TELL_MAP(X)                     X(RU, "ru", CYRILLIC) X(UK, "uk", CYRILLIC) X(FA, "fa", ARABIC) X(UR, "ur", ARABIC)
#define TELL_ENUM(id, language, script) TELL_##id,
enum tell { TELL_MAP(TELL_ENUM) TELL_COUNT };
#undef TELL_ENUM

struct letters { /* counts, to be zeroed first */
    uint32_t of[SCRIPT_COUNT];
    uint32_t tells[TELL_COUNT];
};
struct language {
    struct str code;   /* static text: "ko", or "und" when there is no letter */
    struct str script; /* static text: "Hangul" */
    enum script of;
};

/* Adds the letters of `text` (well-formed UTF-8); web addresses are passed over, as they are Latin in every language. */
void letters_count(struct letters *l, struct str text);
struct language letters_language(const struct letters *l);
/* The language that a source states ("ko", "en-US", "zh_Hant") as a lower-case subtag in `out`, and its length;
   0 when it is empty, "und" or not well-formed. */
size_t language_stated(struct str stated, char out[LANGUAGE_MAX + 1]);

#endif
