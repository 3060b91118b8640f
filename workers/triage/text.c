/* Most characters of most messages need nothing: ASCII, Hangul syllables, Han, Kana. So a form (NFC, or the key) is a map from
   character to character, built once from utf8proc's tables, with three marks for those that one look cannot settle:

     JOINS   may combine with the character before it (a combining mark, a vowel or final jamo)
     ALONE   becomes several characters (ß, ㎏) or is rare: begins a segment of its own
     DROP    becomes nothing (zero-width characters, in keys only)

   What the map settles is copied. A segment is one character and all JOINS behind it; only segments go through utf8proc, which
   decomposes, orders and composes them. Nothing composes over a segment's border: a character that is not JOINS is a starter that
   combines with nothing before it. The character before a mark was copied already when the mark is met: its bytes are taken back
   and it is read again as the head of the segment.

   A segment has at most SEG_CHARS characters, because ordering marks costs the square of their number: a message of 60,000
   marks on one letter must not stall a worker. Longer ones are cut, and only such text can then differ between its forms. */
#include "workers/triage/text.h"

#include "base/panic.h"

#include <pthread.h>
#include <utf8proc.h>

#define SEG_CHARS 32
#define SEG_OUT   (SEG_CHARS * 20) /* no character becomes more than 18 */
#define PLANE     0x10000u

enum { JOINS = 0xD800, ALONE, DROP }; /* surrogates: no map ever holds them as characters */

struct form {
    utf8proc_option_t options;
    bool key;
    char ascii[128];
    uint16_t map[PLANE];
};
static struct form nfc, key;
static uint8_t joins[PLANE / 8];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Typewriter's forms of what phones and word processors put in their place; and blanks that NFKC leaves alone. */
static const struct {
    uint16_t from, to, as;
} key_extra[] = {
    { 0x2018, 0x201B, '\'' }, { 0x02BC, 0x02BC, '\'' }, { 0x2032, 0x2032, '\'' }, { 0x201C, 0x201F, '"' }, { 0x2010, 0x2015, '-' },
    { 0x2212, 0x2212, '-' },  { 0x0085, 0x0085, ' ' },  { 0x1680, 0x1680, ' ' },  { 0x2028, 0x2029, ' ' },
};

static bool is_mark(uint32_t cp)
{
    utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
    return c == UTF8PROC_CATEGORY_MN || c == UTF8PROC_CATEGORY_MC || c == UTF8PROC_CATEGORY_ME;
}

static bool is_joins(uint32_t cp) { return cp < PLANE ? joins[cp / 8] >> (cp % 8) & 1 : is_mark(cp); }

/* JOINS are those with a combining class, and whatever is the second or a later part of a canonical decomposition. */
static void find_joins(void)
{
    utf8proc_int32_t part[64];
    int bound = 0;
    for (uint32_t cp = 0x80; cp < PLANE; cp++) {
        if (cp >= 0xD800 && cp <= 0xDFFF) continue;
        if (utf8proc_get_property((utf8proc_int32_t)cp)->combining_class) joins[cp / 8] |= (uint8_t)(1u << cp % 8);
        utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)cp, part, 64, UTF8PROC_DECOMPOSE, &bound);
        for (utf8proc_ssize_t i = 1; i < n && i < 64; i++)
            if (part[i] < (utf8proc_int32_t)PLANE) joins[part[i] / 8] |= (uint8_t)(1u << part[i] % 8);
    }
}

static uint16_t map_one(const struct form *f, uint32_t cp)
{
    utf8proc_int32_t part[64];
    int bound = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)cp, part, 64, f->options, &bound);
    if (n == 0) return DROP;
    if (n < 0 || n > 64) return ALONE;
    if (is_joins((uint32_t)part[0])) return JOINS;
    n = utf8proc_normalize_utf32(part, n, f->options);
    return n == 1 && part[0] < (utf8proc_int32_t)PLANE ? (uint16_t)part[0] : ALONE;
}

static void form_init(struct form *f, bool is_key)
{
    f->key = is_key;
    f->options = UTF8PROC_STABLE | UTF8PROC_COMPOSE;
    if (is_key) f->options |= UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;
    for (uint32_t cp = 0; cp < PLANE; cp++) f->map[cp] = (cp & 0xF800) == 0xD800 ? ALONE : map_one(f, cp);
    if (is_key) {
        for (uint32_t cp = 0x3131; cp <= 0x318E; cp++)
            if (cp != 0x3164) f->map[cp] = (uint16_t)cp; /* typed jamo; U+3164 is a filler, gone like zero-width ones */
        for (size_t i = 0; i < sizeof key_extra / sizeof *key_extra; i++)
            for (uint32_t cp = key_extra[i].from; cp <= key_extra[i].to; cp++) f->map[cp] = key_extra[i].as;
        for (uint32_t cp = '\t'; cp <= '\r'; cp++) f->map[cp] = ' ';
    }
    for (uint32_t cp = 0; cp < 0x80; cp++) f->ascii[cp] = (char)f->map[cp];
}

static void init_once(void)
{
    find_joins();
    form_init(&nfc, false);
    form_init(&key, true);
}

void text_init(void) { pthread_once(&once, init_once); }

struct str text_clip(struct str s, size_t max)
{
    if (s.n <= max) return s;
    size_t n = max;
    while (n > 0 && max - n < 3 && text_tail(s.p[n])) n--;
    return (struct str){ s.p, text_tail(s.p[n]) ? max : n }; /* no character begins near: not UTF-8, cut anywhere */
}

static uint32_t form_map(const struct form *f, uint32_t cp)
{
    if (cp < PLANE) return f->map[cp];
    if (cp >= 0x1F300 && cp <= 0x1FAFF) return cp; /* emoji: nothing in these blocks decomposes or combines */
    return is_mark(cp) ? JOINS : ALONE;
}
static bool is_char(uint32_t m) { return m < JOINS || m > DROP; }

/* The writing of one text in one form. `last` is where the newest character was read and `last_at` where it was written, to take
   it back when a mark follows; NULL when there is none to take back. */
struct writer {
    const struct form *f;
    const char *p, *end, *last;
    char *out;
    size_t n, cap, last_at;
};

static void put(struct writer *w, uint32_t cp)
{
    utf8proc_uint8_t b[4];
    if (cp == ' ' && w->f->key && (w->n == 0 || w->out[w->n - 1] == ' ')) return;
    size_t len = (size_t)utf8proc_encode_char((utf8proc_int32_t)cp, b);
    if (w->cap - w->n < len) {
        w->p = w->end; /* full: the text ends here */
        w->cap = w->n;
        return;
    }
    memcpy(w->out + w->n, b, len);
    w->n += len;
}

/* Most characters stay what they are: their bytes are copied. */
static void put_same(struct writer *w, const char *p, size_t len)
{
    if (w->cap - w->n < len) {
        w->p = w->end;
        w->cap = w->n;
        return;
    }
    for (size_t i = 0; i < len; i++) w->out[w->n + i] = p[i];
    w->n += len;
}

static void put_ascii(struct writer *w)
{
    const char *p = w->p, *end = w->end;
    const char *table = w->f->ascii;
    char *out = w->out;
    size_t n = w->n, cap = w->cap;
    char before = n ? out[n - 1] : ' ';
    bool squeeze = w->f->key;
    for (; p < end && (unsigned char)*p < 0x80 && n < cap; p++) {
        char c = table[(unsigned char)*p];
        if (c == ' ' && before == ' ' && squeeze) continue;
        out[n++] = before = c;
    }
    w->last = p - 1;
    w->last_at = n ? n - 1 : 0;
    w->p = n < cap ? p : end;
    w->n = n;
}

/* One character that the map does not settle, with the one before it if it joins, and all that join behind it; what is dropped
   stands in nobody's way. */
static void put_segment(struct writer *w, size_t step, bool joins_last)
{
    utf8proc_int32_t part[SEG_OUT];
    const char *from = w->p, *to = w->p + step;
    if (joins_last && w->last) from = w->last, w->n = w->last_at;
    for (int chars = 2; chars < SEG_CHARS && to < w->end; chars++) {
        uint32_t cp;
        size_t more = text_next(to, w->end, &cp);
        uint32_t m = form_map(w->f, cp);
        if (m != JOINS && m != DROP) break;
        to += more;
    }
    w->p = to;
    w->last = NULL;
    utf8proc_ssize_t n = utf8proc_decompose((const utf8proc_uint8_t *)from, to - from, part, SEG_OUT, w->f->options);
    if (n > 0 && n <= SEG_OUT) n = utf8proc_normalize_utf32(part, n, w->f->options);
    if (n < 0 || n > SEG_OUT) part[0] = TEXT_BAD, n = 1;
    for (utf8proc_ssize_t i = 0; i < n; i++) put(w, (uint32_t)part[i]);
}

static size_t form_write(const struct form *f, struct str s, char *out, size_t cap)
{
    struct writer w = { .f = f, .p = s.p, .end = s.p + s.n, .out = out, .cap = cap };
    while (w.p < w.end) {
        uint32_t cp;
        if ((unsigned char)*w.p < 0x80) {
            put_ascii(&w);
            continue;
        }
        size_t step = text_next(w.p, w.end, &cp);
        uint32_t m = form_map(f, cp);
        if (is_char(m)) {
            w.last = cp == TEXT_BAD && step == 1 ? NULL : w.p;
            w.last_at = w.n;
            w.p += step;
            if (m == cp && w.last) put_same(&w, w.last, step);
            else put(&w, m);
        } else if (m == DROP) {
            w.p += step;
        } else {
            put_segment(&w, step, m == JOINS);
        }
    }
    return w.n;
}

static bool is_nfc(struct str s)
{
    for (const char *p = s.p, *end = s.p + s.n; p < end;) {
        uint64_t eight;
        if (end - p >= 8 && (memcpy(&eight, p, 8), !(eight & 0x8080808080808080u))) {
            p += 8;
            continue;
        }
        uint32_t cp;
        size_t step = text_next(p, end, &cp);
        if (form_map(&nfc, cp) != cp || (cp == TEXT_BAD && step == 1)) return false;
        p += step;
    }
    return true;
}

struct str text_nfc(struct str s, char *room, size_t cap)
{
    if (s.n == 0 || is_nfc(s)) return s;
    return (struct str){ room, form_write(&nfc, s, room, cap) };
}

size_t text_key(struct str s, char *out, size_t cap)
{
    if (s.n == 0) return 0;
    size_t n = form_write(&key, s, out, cap);
    return n && out[n - 1] == ' ' ? n - 1 : n;
}

static const struct {
    uint32_t from, to;
} free_ranges[] = {
    { 0x0E00, 0x0EFF }, { 0x0F00, 0x0FFF }, { 0x1000, 0x109F }, { 0x1100, 0x11FF }, { 0x1780, 0x17FF },
    { 0x2E80, 0x2FDF }, { 0x3005, 0x3007 }, { 0x3031, 0x3035 }, { 0x3041, 0x31FF }, { 0x3400, 0x4DBF },
    { 0x4E00, 0x9FFF }, { 0xA960, 0xA97F }, { 0xAC00, 0xD7FF }, { 0xF900, 0xFAFF }, { 0x20000, 0x3FFFF },
};

enum text_class text_class(uint32_t cp)
{
    if (cp < 0x80) {
        bool word = (cp >= '0' && cp <= '9') || ((cp | 0x20) >= 'a' && (cp | 0x20) <= 'z');
        return word ? TEXT_WORD : TEXT_OTHER;
    }
    for (size_t i = 0; i < sizeof free_ranges / sizeof *free_ranges; i++)
        if (cp >= free_ranges[i].from && cp <= free_ranges[i].to) return TEXT_FREE;
    utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
    return c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_NO ? TEXT_WORD : TEXT_OTHER;
}

enum text_class text_class_at(struct str s, size_t at)
{
    uint32_t cp;
    if (at >= s.n) return TEXT_OTHER;
    text_next(s.p + at, s.p + s.n, &cp);
    return text_class(cp);
}

enum text_class text_class_before(struct str s, size_t at)
{
    uint32_t cp;
    size_t from = at;
    if (at == 0 || at > s.n) return TEXT_OTHER;
    do from--;
    while (from > 0 && at - from < 4 && text_tail(s.p[from]));
    text_next(s.p + from, s.p + at, &cp);
    return text_class(cp);
}
