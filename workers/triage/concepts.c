/* concepts.txt is parsed once into an open table of phrases. Keys of phrases are text_key of what is written, so that the list is
   compared as messages are. The list is ours and compiled in: a mistake in it is a bug, not an operator's error.

   A phrase whose last word is Hangul is a stem: that word is looked for by its beginning, as particles and endings follow without a
   space (환불 in 환불해주세요, 문 열 in 문 열어요). Other phrases are whole words. */
#include "workers/triage/concepts.h"

#include "base/panic.h"
#include "concepts_txt.h"
#include "workers/triage/text.h"

#include <pthread.h>
#include <stdlib.h>

#define SLOTS      32768u /* a power of two, several times the phrases */
#define NAMES      2048u
#define PHRASE_MAX 64u /* bytes */
#define STEM_MAX   18u /* six syllables of Hangul */
#define HASH_MUL   0x9E3779B97F4A7C15u

struct phrase {
    uint64_t hash; /* 0: free */
    uint16_t of[CONCEPT_EACH];
    uint16_t count;
};
static struct phrase table[SLOTS];
static uint64_t may_be[SLOTS * 4 / 64]; /* a bit for each phrase's hash: most of what is asked is none, and ends here */
static uint64_t may_begin[SLOTS / 64];  /* … and for what each phrase of several words or signs begins with */
static struct str names[NAMES];
static uint64_t name_hashes[NAMES];
static uint16_t name_count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint64_t hash_of(struct str s)
{
    uint64_t h = 0xCBF29CE484222325u;
    for (size_t i = 0; i < s.n; i++) h = (h ^ (unsigned char)s.p[i]) * 0x100000001B3u;
    h = (h ^ h >> 29) * HASH_MUL;
    return h | 1;
}

static struct phrase *slot_of(uint64_t hash)
{
    uint32_t i = (uint32_t)(hash >> 32) & (SLOTS - 1);
    while (table[i].hash && table[i].hash != hash) i = (i + 1) & (SLOTS - 1);
    return &table[i];
}

static uint32_t bit_of(uint64_t hash, uint32_t bits) { return (uint32_t)(hash >> 40) & (bits - 1); }
static void set_bit(uint64_t *bits, uint32_t at) { bits[at / 64] |= (uint64_t)1 << at % 64; }
static bool has_bit(const uint64_t *bits, uint32_t at) { return bits[at / 64] >> at % 64 & 1; }

/* As features.c cuts words: letters and digits, or one other sign. */
static size_t first_word(struct str s)
{
    size_t at = 0;
    while (at < s.n) {
        uint32_t cp;
        size_t n = text_next(s.p + at, s.p + s.n, &cp);
        if (cp != '\'' && text_class(cp) == TEXT_OTHER) return at ? at : n;
        at += n;
    }
    return at;
}

static void add_phrase(struct str written, uint16_t concept)
{
    char key[256];
    struct str s = { key, written.n < sizeof key / 2 ? text_key(written, key, sizeof key) : 0 };
    if (s.n == 0) return;
    struct phrase *p = slot_of(hash_of(s));
    p->hash = hash_of(s);
    set_bit(may_be, bit_of(p->hash, SLOTS * 4));
    size_t first = first_word(s);
    if (first < s.n) set_bit(may_begin, bit_of(hash_of((struct str){ s.p, first }), SLOTS));
    if (p->count < CONCEPT_EACH) p->of[p->count++] = concept;
}

static void add_line(struct str line)
{
    const char *colon = memchr(line.p, ':', line.n);
    if (!colon || line.p[0] == '#') return;
    naru_assert(name_count < NAMES);
    names[name_count] = (struct str){ line.p, (size_t)(colon - line.p) };
    name_hashes[name_count] = hash_of(names[name_count]);
    const char *p = colon + 1, *end = line.p + line.n;
    while (p < end) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        if (!comma) comma = end;
        add_phrase((struct str){ p, (size_t)(comma - p) }, name_count);
        p = comma + 1;
    }
    name_count++;
}

static void read_list(void)
{
    const char *p = (const char *)concepts_txt, *end = p + sizeof concepts_txt;
    text_init();
    while (p < end) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        if (!eol) eol = end;
        if (eol > p) add_line((struct str){ p, (size_t)(eol - p) });
        p = eol + 1;
    }
}

void concepts_init(void) { pthread_once(&once, read_list); }

static uint32_t find(struct str s, uint16_t out[CONCEPT_EACH])
{
    uint64_t hash = hash_of(s);
    if (!has_bit(may_be, bit_of(hash, SLOTS * 4))) return 0;
    const struct phrase *p = slot_of(hash);
    for (uint32_t i = 0; p->hash && i < p->count; i++) out[i] = p->of[i];
    return p->hash ? p->count : 0;
}

bool concepts_begin(struct str word) { return has_bit(may_begin, bit_of(hash_of(word), SLOTS)); }

uint32_t concepts_of(struct str phrase, uint16_t out[CONCEPT_EACH])
{
    static const struct {
        char end[4];
        size_t cut, least;
    } inflections[] = { { "s", 1, 4 }, { "es", 2, 5 }, { "ed", 2, 5 }, { "d", 1, 5 }, { "ing", 3, 6 } };
    if (phrase.n > PHRASE_MAX) return 0;
    uint32_t n = find(phrase, out);
    for (size_t i = 0; !n && i < sizeof inflections / sizeof *inflections; i++) {
        size_t len = strlen(inflections[i].end);
        if (phrase.n < inflections[i].least || memcmp(phrase.p + phrase.n - len, inflections[i].end, len) != 0) continue;
        n = find((struct str){ phrase.p, phrase.n - inflections[i].cut }, out);
    }
    return n;
}

uint32_t concepts_of_stem(struct str phrase, size_t last, uint16_t out[CONCEPT_EACH])
{
    size_t n = phrase.n - last;
    if (last > PHRASE_MAX) return 0;
    for (n = n < STEM_MAX ? n - n % 3 : STEM_MAX; n >= 3; n -= 3) {
        uint32_t found = find((struct str){ phrase.p, last + n }, out);
        if (found) return found;
    }
    return 0;
}

uint64_t concepts_hash(uint16_t concept) { return concept < name_count ? name_hashes[concept] : 0; }
struct str concepts_name(uint16_t concept) { return concept < name_count ? names[concept] : STR_NONE; }
