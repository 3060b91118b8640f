#include "base/str.h"

#define WORD_MAX 63 /* longer words get no suggestion */

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Optimal string alignment: insert, delete, replace, swap of neighbours, one step each. Three rows are enough. */
static size_t edit_distance(struct str a, struct str b)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *now = rows[2];

    for (size_t j = 0; j <= b.n; j++) last[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t cost = a.p[i - 1] != b.p[j - 1];
            now[j] = min3(now[j - 1] + 1, last[j] + 1, last[j - 1] + cost);
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1] && before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
        size_t *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[b.n];
}

const char *str_nearest(struct str word, const char *const *words, size_t count)
{
    const char *best = NULL;
    size_t limit = word.n / 3 + 2; /* the first distance that is too far */

    if (word.n > WORD_MAX) return NULL;
    for (size_t i = 0; i < count; i++) {
        struct str w = str_of(words[i]);
        if (w.n > WORD_MAX) continue;
        size_t d = edit_distance(word, w);
        if (d < limit) {
            limit = d;
            best = words[i];
        }
    }
    return best;
}

/* On a mismatch only the last '*' needs another try: it takes one byte more. */
bool str_glob(struct str pattern, struct str text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, mark = 0;

    while (t < text.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            mark = t;
        } else if (p < pattern.n && pattern.p[p] == text.p[t]) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*') p++;
    return p == pattern.n;
}

enum err str_u64(struct str s, uint64_t min, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;

    if (s.n == 0) return ERR_RANGE;
    for (size_t i = 0; i < s.n; i++) {
        unsigned digit = (unsigned char)s.p[i] - (unsigned)'0';
        if (digit > 9) return ERR_RANGE;
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, digit, &v)) return ERR_RANGE;
    }
    if (v < min || v > max) return ERR_RANGE;
    *out = v;
    return ERR_OK;
}

static bool follows(unsigned char c) { return (c & 0xC0) == 0x80; }

/* Table 3-7 of the Unicode standard: only the second byte has bounds of its own. */
size_t str_utf8_step(const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;
    unsigned char low = 0x80, high = 0xBF;

    if (n == 0) return 0;
    if (p[0] < 0x80) return 1;
    if (p[0] < 0xC2 || p[0] > 0xF4) return 0;
    if (p[0] < 0xE0) return n >= 2 && follows(p[1]) ? 2 : 0;
    if (p[0] == 0xE0) low = 0xA0;
    if (p[0] == 0xED) high = 0x9F;
    if (p[0] == 0xF0) low = 0x90;
    if (p[0] == 0xF4) high = 0x8F;
    if (n < 3 || p[1] < low || p[1] > high || !follows(p[2])) return 0;
    if (p[0] < 0xF0) return 3;
    return n >= 4 && follows(p[3]) ? 4 : 0;
}

bool str_utf8(struct str s, size_t *at)
{
    size_t i = 0;

    while (i < s.n) {
        uint64_t eight;
        if (s.n - i >= 8 && (memcpy(&eight, s.p + i, 8), (eight & UINT64_C(0x8080808080808080)) == 0)) {
            i += 8;
            continue;
        }
        size_t step = str_utf8_step(s.p + i, s.n - i);
        if (step == 0) {
            if (at) *at = i;
            return false;
        }
        i += step;
    }
    return true;
}
