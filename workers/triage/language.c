/* Language is the script with the most letters, weighted; a table of ranges says which letter is of which script. Three things
   beyond counting: Han belongs to Japanese as soon as there is Kana worth the name (a lone の decorates Chinese shop names);
   Latin words stand in texts of every script while the reverse is rare, and the weights reflect it; and where one script serves
   several languages, letters that only one of them has decide (or a model, where there is one: language_model.c). */
#include "workers/triage/language.h"

#include "workers/triage/text.h"

static const struct {
    const char *name, *language;
    uint32_t weight;
} scripts[SCRIPT_COUNT] = {
#define SCRIPT_ROW(id, name, language, weight) [SCRIPT_##id] = { name, language, weight },
    SCRIPT_MAP(SCRIPT_ROW)
};

/* Sorted; letters only, as far as blocks allow. */
static const struct range {
    uint32_t from, to;
    enum script script;
} ranges[] = {
    { 0x00AA, 0x00AA, SCRIPT_LATIN },     { 0x00BA, 0x00BA, SCRIPT_LATIN },      { 0x00C0, 0x00D6, SCRIPT_LATIN },
    { 0x00D8, 0x00F6, SCRIPT_LATIN },     { 0x00F8, 0x024F, SCRIPT_LATIN },      { 0x0370, 0x03FF, SCRIPT_GREEK },
    { 0x0400, 0x052F, SCRIPT_CYRILLIC },  { 0x0531, 0x0587, SCRIPT_ARMENIAN },   { 0x05D0, 0x05F2, SCRIPT_HEBREW },
    { 0x0620, 0x064A, SCRIPT_ARABIC },    { 0x0671, 0x06D3, SCRIPT_ARABIC },     { 0x0750, 0x077F, SCRIPT_ARABIC },
    { 0x0780, 0x07B1, SCRIPT_THAANA },    { 0x0904, 0x0939, SCRIPT_DEVANAGARI }, { 0x0980, 0x09FF, SCRIPT_BENGALI },
    { 0x0A00, 0x0A7F, SCRIPT_GURMUKHI },  { 0x0A80, 0x0AFF, SCRIPT_GUJARATI },   { 0x0B01, 0x0B7F, SCRIPT_ORIYA },
    { 0x0B80, 0x0BFF, SCRIPT_TAMIL },     { 0x0C00, 0x0C7F, SCRIPT_TELUGU },     { 0x0C80, 0x0CFF, SCRIPT_KANNADA },
    { 0x0D00, 0x0D7F, SCRIPT_MALAYALAM }, { 0x0D80, 0x0DFF, SCRIPT_SINHALA },    { 0x0E01, 0x0E4E, SCRIPT_THAI },
    { 0x0E81, 0x0EDF, SCRIPT_LAO },       { 0x0F00, 0x0FBC, SCRIPT_TIBETAN },    { 0x1000, 0x109F, SCRIPT_MYANMAR },
    { 0x10A0, 0x10FF, SCRIPT_GEORGIAN },  { 0x1100, 0x11FF, SCRIPT_HANGUL },     { 0x1200, 0x139F, SCRIPT_ETHIOPIC },
    { 0x1780, 0x17DD, SCRIPT_KHMER },     { 0x1E00, 0x1EFF, SCRIPT_LATIN },      { 0x1F00, 0x1FFF, SCRIPT_GREEK },
    { 0x3005, 0x3007, SCRIPT_HAN },       { 0x3041, 0x309F, SCRIPT_KANA },       { 0x30A1, 0x30FF, SCRIPT_KANA },
    { 0x3131, 0x318E, SCRIPT_HANGUL },    { 0x31F0, 0x31FF, SCRIPT_KANA },       { 0x3400, 0x4DBF, SCRIPT_HAN },
    { 0x4E00, 0x9FFF, SCRIPT_HAN },       { 0xA960, 0xA97F, SCRIPT_HANGUL },     { 0xAC00, 0xD7FB, SCRIPT_HANGUL },
    { 0xF900, 0xFAFF, SCRIPT_HAN },       { 0xFB50, 0xFDFF, SCRIPT_ARABIC },     { 0xFE70, 0xFEFC, SCRIPT_ARABIC },
    { 0xFF21, 0xFF3A, SCRIPT_LATIN },     { 0xFF41, 0xFF5A, SCRIPT_LATIN },      { 0xFF66, 0xFF9F, SCRIPT_KANA },
    { 0xFFA1, 0xFFDC, SCRIPT_HANGUL },    { 0x20000, 0x3FFFF, SCRIPT_HAN },
};

static const struct {
    struct str code;
    enum script script;
} tells[TELL_COUNT] = {
#define TELL_ROW(id, language, in) [TELL_##id] = { { language, sizeof language - 1 }, SCRIPT_##in },
    TELL_MAP(TELL_ROW)
};
static const struct {
    uint16_t cp;
    uint8_t tell;
} tell_letters[] = {
    { 0x042B, TELL_RU }, { 0x044B, TELL_RU }, { 0x042D, TELL_RU }, { 0x044D, TELL_RU }, { 0x0401, TELL_RU }, { 0x0451, TELL_RU },
    { 0x042A, TELL_RU }, { 0x044A, TELL_RU }, { 0x0406, TELL_UK }, { 0x0456, TELL_UK }, { 0x0407, TELL_UK }, { 0x0457, TELL_UK },
    { 0x0404, TELL_UK }, { 0x0454, TELL_UK }, { 0x0490, TELL_UK }, { 0x0491, TELL_UK }, { 0x067E, TELL_FA }, { 0x0686, TELL_FA },
    { 0x0698, TELL_FA }, { 0x06AF, TELL_FA }, { 0x06A9, TELL_FA }, { 0x06CC, TELL_FA }, { 0x0679, TELL_UR }, { 0x0688, TELL_UR },
    { 0x0691, TELL_UR }, { 0x06D2, TELL_UR }, { 0x06BA, TELL_UR }, { 0x06BE, TELL_UR },
};

static enum script script_of(uint32_t cp)
{
    size_t lo = 0, hi = sizeof ranges / sizeof *ranges;
    if (cp >= 0xAC00 && cp <= 0xD7A3) return SCRIPT_HANGUL;
    if (cp >= 0x4E00 && cp <= 0x9FFF) return SCRIPT_HAN;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (cp > ranges[mid].to) lo = mid + 1;
        else hi = mid;
    }
    return lo < sizeof ranges / sizeof *ranges && cp >= ranges[lo].from ? ranges[lo].script : SCRIPT_NONE;
}

static void count_tells(struct letters *l, uint32_t cp)
{
    for (size_t i = 0; i < sizeof tell_letters / sizeof *tell_letters; i++)
        if (tell_letters[i].cp == cp) l->tells[tell_letters[i].tell]++;
}

static bool is_letter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }

/* The end of a web address that begins at `p`, or `p` when none does. */
static const char *skip_address(const char *p, const char *end)
{
    static const struct str heads[] = { { "http://", 7 }, { "https://", 8 }, { "www.", 4 } };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        if ((size_t)(end - p) < heads[i].n || memcmp(p, heads[i].p, heads[i].n) != 0) continue;
        while (p < end && (unsigned char)*p > ' ' && (unsigned char)*p < 0x80) p++;
        return p;
    }
    return p;
}

/* From an ASCII byte to the first that is none. */
static const char *count_ascii(struct letters *l, const char *p, const char *end)
{
    uint32_t latin = 0;
    char before = ' ';
    for (; p < end && (unsigned char)*p < 0x80; before = *p++) {
        if (is_letter(*p)) {
            if ((*p == 'h' || *p == 'w') && !is_letter(before)) {
                const char *after = skip_address(p, end);
                if (after > p) {
                    p = after - 1;
                    continue;
                }
            }
            latin++;
        }
    }
    l->of[SCRIPT_LATIN] += latin;
    return p;
}

void letters_count(struct letters *l, struct str text)
{
    if (!text.n) return; /* perhaps without an address */
    for (const char *p = text.p, *end = text.p + text.n; p < end;) {
        if ((unsigned char)*p < 0x80) {
            p = count_ascii(l, p, end);
            continue;
        }
        uint32_t cp;
        p += text_next(p, end, &cp);
        enum script s = script_of(cp);
        l->of[s]++;
        if (s == SCRIPT_CYRILLIC || s == SCRIPT_ARABIC) count_tells(l, cp);
    }
}

struct language letters_language(const struct letters *l)
{
    uint64_t n[SCRIPT_COUNT];
    enum script best = SCRIPT_NONE;
    for (int s = 0; s < SCRIPT_COUNT; s++) n[s] = (uint64_t)l->of[s] * scripts[s].weight;
    if (l->of[SCRIPT_KANA] && (uint64_t)l->of[SCRIPT_KANA] * 10 > l->of[SCRIPT_HAN])
        n[SCRIPT_KANA] += n[SCRIPT_HAN], n[SCRIPT_HAN] = 0;
    n[SCRIPT_NONE] = 0;
    for (int s = 1; s < SCRIPT_COUNT; s++)
        if (n[s] > n[best] || (n[s] == n[best] && best == SCRIPT_LATIN && n[s])) best = (enum script)s;
    struct language out = { str_of(scripts[best].language), str_of(scripts[best].name), best };
    uint32_t most = 0;
    for (int t = 0; t < TELL_COUNT; t++)
        if (tells[t].script == best && l->tells[t] > most) most = l->tells[t], out.code = tells[t].code;
    return out;
}

size_t language_stated(struct str stated, char out[LANGUAGE_MAX + 1])
{
    size_t n = 0;
    while (n < stated.n && n < LANGUAGE_MAX && is_letter(stated.p[n])) out[n] = (char)(stated.p[n] | 0x20), n++;
    out[n] = 0;
    if (n < 2 || strcmp(out, "und") == 0) return 0;
    for (size_t i = n, part = 1; i < stated.n; i++) { /* subtags of 1..8 letters and digits, each after a sign */
        char c = stated.p[i];
        bool sign = c == '-' || c == '_';
        if (sign ? part == 0 : i == n || (!is_letter(c) && !(c >= '0' && c <= '9'))) return 0;
        part = sign ? 0 : part + 1;
        if (part > LANGUAGE_MAX || (sign && i + 1 == stated.n)) return 0;
    }
    return n;
}
