/* Text as triage reads it: checked, in NFC, and as the key that words are looked up in. Pure; no allocation. */
#ifndef NARU_WORKERS_TRIAGE_TEXT_H
#define NARU_WORKERS_TRIAGE_TEXT_H

#include "base/str.h"

#define TEXT_MAX 65536u /* bytes of a message that triage reads; the rest is not looked at */
#define TEXT_BAD 0xFFFDu

/* Builds the tables that the functions below read. Thread-safe, the work is done once. */
void text_init(void);

/* The first `max` bytes of `s`, or a few less: no character is cut. */
struct str text_clip(struct str s, size_t max);
/* `s` in NFC, every byte that is not UTF-8 shown as U+FFFD. Gives `s` itself when it is so already (nothing is written), else what
   it wrote into `room` (cut at a character when `cap` is reached). */
struct str text_nfc(struct str s, char *room, size_t cap);
/* Writes the key of `s` into `out` and gives its length: NFKC and casefold, zero-width characters and marks of emoji style gone,
   typographic quotes and dashes as typewriters have them, each run of blanks one space, none at the ends. Typed jamo (ㅋㅋ, ㄳ)
   stay as they are, so that they do not melt into the syllable before them. Keys are for comparing only: never stored or shown. */
size_t text_key(struct str s, char *out, size_t cap);

/* What stands next to a found word: part of the same word or not? */
enum text_class {
    TEXT_OTHER, /* blank, punctuation, emoji */
    TEXT_WORD,  /* letters and digits of scripts that put spaces between words */
    TEXT_FREE,  /* Hangul, Han, Kana, Thai …: words run on, particles follow without a space */
};
enum text_class text_class(uint32_t cp);
/* The classes of the characters that begin at `at` and that end there; TEXT_OTHER at the ends of `s`. */
enum text_class text_class_at(struct str s, size_t at);
enum text_class text_class_before(struct str s, size_t at);

static inline bool text_tail(char c) { return ((unsigned char)c & 0xC0) == 0x80; }

/* The character at `p` (p < end) into *cp; gives its length in bytes. A byte that begins no character counts as one U+FFFD. */
static inline size_t text_next(const char *p, const char *end, uint32_t *cp)
{
    const unsigned char *u = (const unsigned char *)p;
    size_t left = (size_t)(end - p);
    uint32_t a = u[0];
    if (a < 0x80) return *cp = a, 1;
    if (a >= 0xC2 && a < 0xE0 && left >= 2 && text_tail(p[1])) return *cp = (a & 0x1F) << 6 | (u[1] & 0x3F), 2;
    if ((a & 0xF0) == 0xE0 && left >= 3 && text_tail(p[1]) && text_tail(p[2])) {
        *cp = (a & 0x0F) << 12 | (uint32_t)(u[1] & 0x3F) << 6 | (u[2] & 0x3F);
        if (*cp >= 0x800 && (*cp & 0xF800) != 0xD800) return 3;
    } else if (a >= 0xF0 && a < 0xF5 && left >= 4 && text_tail(p[1]) && text_tail(p[2]) && text_tail(p[3])) {
        *cp = (a & 0x07) << 18 | (uint32_t)(u[1] & 0x3F) << 12 | (uint32_t)(u[2] & 0x3F) << 6 | (u[3] & 0x3F);
        if (*cp >= 0x10000 && *cp <= 0x10FFFF) return 4;
    }
    return *cp = TEXT_BAD, 1;
}

#endif
