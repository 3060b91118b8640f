/* One text at a time lives here: its key, the words and characters found in it, and the n-grams of each group that a model has
   asked for. A reading makes all of that stale at once by forgetting which groups are made; nothing is freed before the end.

   A gram is a 64-bit hash of its group and of what it holds; models keep 32 bits of it, so that no vocabulary is stored. Grams of
   a group are unique: `seen` finds the one that is there already. Its slots are stamped with the number of the making, so nothing
   is cleared between texts. The hash of characters is a chain (one multiplication a character), finished by a mixer from
   MurmurHash3 (Appleby 2011), so that the n-grams from one position cost one step each.

   Only the beginning of a long text is read (GRAM_WORDS, GRAM_CHARS): who writes says what it is about early, and a text of 64 KiB
   must not cost a hundred times a usual one. */
#include "base/panic.h"
#include "workers/triage/concepts.h"
#include "workers/triage/grams.h"

#include <pthread.h>
#include <stdlib.h>

#define SUBJECT_MAX 4096u
#define KEY_MAX     (SUBJECT_MAX + 1 + TEXT_MAX)
#define SEEN        (4 * 8192u) /* slots, a power of two above GRAM_MAX */
#define SAY_SLOTS   16u
#define SAY_ROOM    160u
#define STEP        0x9FB21C651E98DF25u
#define TEXT_BEGIN  2u /* stand for the ends of a text among its characters: no key holds them */
#define TEXT_END    3u

struct word {
    uint64_t hash;
    uint32_t from, to; /* bytes of the key */
    uint32_t first_cp, cps;
};
struct seen {
    uint32_t making, gram;
};
struct group {
    struct gram *v;
    uint32_t count;
    bool made;
};
struct features {
    char own[KEY_MAX];
    struct str key; /* in `own`, or borrowed */
    bool cut;       /* words and characters were found */
    struct word words[GRAM_WORDS];
    uint32_t word_count;
    uint32_t cps[GRAM_CHARS + 2], at[GRAM_CHARS + 2]; /* characters of words and single blanks between, and where each begins */
    uint32_t cp_count;
    struct group groups[GRAM_GROUPS];
    struct seen seen[SEEN];
    uint32_t seen_mask; /* as many slots as this making needs: few are quick */
    uint32_t making;
    char said[SAY_SLOTS][SAY_ROOM];
    struct reading reading;
};

const float gram_weights[GRAM_GROUPS] = {
#define GRAM_WEIGHT(no, id, weight) [GRAM_##id] = weight,
    GRAM_MAP(GRAM_WEIGHT)
#undef GRAM_WEIGHT
};

static uint8_t classes[0x10000]; /* enum text_class; what belongs to words */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void classify(void)
{
    text_init();
    concepts_init();
    for (uint32_t cp = 0; cp < 0x10000; cp++) classes[cp] = (uint8_t)text_class(cp);
    classes['\''] = TEXT_WORD;
}
static enum text_class class_of(uint32_t cp) { return cp < 0x10000 ? (enum text_class)classes[cp] : text_class(cp); }

enum err features_new(struct features **out)
{
    pthread_once(&once, classify);
    struct features *f = aligned_alloc(_Alignof(struct features), sizeof *f);
    *out = NULL;
    if (!f) return ERR_NOMEM;
    memset(f, 0, sizeof *f);
    for (int g = 0; g < GRAM_GROUPS; g++)
        if (!(f->groups[g].v = malloc(GRAM_MAX * sizeof *f->groups[g].v))) {
            features_free(f);
            return ERR_NOMEM;
        }
    *out = f;
    return ERR_OK;
}

void features_free(struct features *f)
{
    for (int g = 0; f && g < GRAM_GROUPS; g++) free(f->groups[g].v);
    free(f);
}

void features_of_key(struct features *f, struct str key)
{
    f->key = key;
    f->cut = false;
    f->reading.of = NULL;
    for (int g = 0; g < GRAM_GROUPS; g++) f->groups[g].made = false;
}

void features_read(struct features *f, struct str subject, struct str text)
{
    size_t n = text_key(text_clip(subject, SUBJECT_MAX), f->own, SUBJECT_MAX);
    if (n) f->own[n++] = '\n';
    n += text_key(text_clip(text, TEXT_MAX), f->own + n, TEXT_MAX);
    features_of_key(f, (struct str){ f->own, n });
}

struct reading *features_reading(struct features *f) { return &f->reading; }

/* ---- words and characters ---- */

static uint64_t mix(uint64_t h)
{
    h = (h ^ h >> 33) * 0xFF51AFD7ED558CCDu;
    h = (h ^ h >> 33) * 0xC4CEB9FE1A85EC53u;
    return h ^ h >> 33;
}
static uint64_t seed_of(enum gram_group g) { return ((uint64_t)g + 1) * 0x9E3779B97F4A7C15u; }
static uint64_t chain(uint64_t h, uint32_t cp) { return ((h ^ cp) * STEP) ^ (h >> 47); }

static void end_word(struct features *f, uint32_t to)
{
    struct word *w = &f->words[f->word_count++];
    uint64_t h = seed_of(GRAM_WORD);
    w->to = to;
    w->cps = f->cp_count - w->first_cp;
    for (uint32_t i = 0; i < w->cps; i++) h = chain(h, f->cps[w->first_cp + i]);
    w->hash = mix(h);
}

/* Words are runs of letters and digits; any other sign is a word of its own; blanks part them. */
static void cut(struct features *f)
{
    const char *begin = f->key.p, *p = begin, *end = begin + f->key.n;
    bool in_word = false;
    f->cut = true;
    f->word_count = f->cp_count = 0;
    while (p < end && f->word_count < GRAM_WORDS && f->cp_count < GRAM_CHARS) {
        uint32_t cp, at = (uint32_t)(p - begin);
        p += text_next(p, end, &cp);
        bool blank = cp == ' ' || cp == '\n', letter = !blank && class_of(cp) != TEXT_OTHER;
        if (in_word && !letter) end_word(f, at);
        in_word = in_word && letter;
        if (f->word_count == GRAM_WORDS) { /* this character is not read any more */
            p = begin + at;
            break;
        }
        if (!blank && !in_word) {
            f->words[f->word_count].from = at;
            f->words[f->word_count].first_cp = f->cp_count;
            in_word = true;
        }
        f->at[f->cp_count] = at;
        f->cps[f->cp_count++] = blank ? ' ' : cp;
        if (!blank && !letter) {
            end_word(f, (uint32_t)(p - begin));
            in_word = false;
        }
    }
    if (in_word && f->word_count < GRAM_WORDS) end_word(f, (uint32_t)(p - begin));
    f->at[f->cp_count] = (uint32_t)(p - begin);
}

/* ---- grams ---- */

/* Half as many again as a group can have, as a power of two: a search always ends at a free one. */
static uint32_t slots_for(const struct features *f, enum gram_group group)
{
    uint32_t most = 4 * f->cp_count + 12 * f->word_count + (group == GRAM_PAIR ? GRAM_PAIRED * GRAM_PAIRED / 2 : 16), slots = 256;
    while (slots < most + most / 2 && slots < SEEN) slots *= 2;
    return slots;
}

static void add(struct features *f, struct group *g, uint64_t hash, uint32_t from, uint32_t to)
{
    hash |= !hash;
    for (uint32_t i = (uint32_t)hash & f->seen_mask;; i = (i + 1) & f->seen_mask) {
        struct seen *s = &f->seen[i];
        if (s->making != f->making) {
            if (g->count == GRAM_MAX) return;
            *s = (struct seen){ f->making, g->count };
            g->v[g->count++] = (struct gram){ hash, from, to, 1 };
            return;
        }
        if (g->v[s->gram].hash == hash) {
            g->v[s->gram].count++;
            return;
        }
    }
}

static void make_words(struct features *f, struct group *g)
{
    for (uint32_t i = 0; i < f->word_count; i++) add(f, g, f->words[i].hash, f->words[i].from, f->words[i].to);
}

static uint64_t two(uint64_t a, uint64_t b, enum gram_group g) { return mix((a * 31 + b * 17) ^ seed_of(g)); }

static void make_bigrams(struct features *f, struct group *g)
{
    const struct word *w = f->words;
    uint32_t n = f->word_count;
    for (uint32_t i = 0; n && i <= n; i++)
        add(f, g, two(i ? w[i - 1].hash : TEXT_BEGIN, i < n ? w[i].hash : TEXT_END, GRAM_BIGRAM), w[i ? i - 1 : 0].from,
            w[i < n ? i : n - 1].to);
}

static void make_pairs(struct features *f, struct group *g)
{
    uint32_t n = f->word_count < GRAM_PAIRED ? f->word_count : GRAM_PAIRED;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = i + 1; j < n; j++) {
            uint64_t a = f->words[i].hash, b = f->words[j].hash;
            add(f, g, a < b ? two(a, b, GRAM_PAIR) : two(b, a, GRAM_PAIR), i, j);
        }
}

static bool is_hangul(uint32_t cp) { return cp >= 0xAC00 && cp <= 0xD7A3; }

static void make_prefixes(struct features *f, struct group *g)
{
    for (uint32_t i = 0; i < f->word_count; i++) {
        const struct word *w = &f->words[i];
        const uint32_t *cp = f->cps + w->first_cp;
        uint32_t n = is_hangul(cp[0]) ? 2 : 4;
        if (n > w->cps) n = w->cps;
        uint64_t h = seed_of(GRAM_PREFIX);
        for (uint32_t k = 0; k < n; k++) h = chain(h, cp[k]);
        add(f, g, mix(h), w->from, n < w->cps ? f->at[w->first_cp + n] : w->to);
    }
}

/* n-grams of `least`..`most` characters of [from, from + n) with a border before and behind. */
static void make_runs(struct features *f, struct group *g, enum gram_group which, uint32_t from, uint32_t n, uint32_t to,
                      uint32_t border[2], uint32_t least, uint32_t most)
{
    uint64_t seed = seed_of(which);
    for (uint32_t a = 0; a + least <= n + 2; a++) { /* position 0 is the border before */
        uint64_t h = seed;
        for (uint32_t k = 0; k < most && a + k < n + 2; k++) {
            uint32_t at = a + k;
            h = chain(h, at == 0 ? border[0] : at > n ? border[1] : f->cps[from + at - 1]);
            if (k + 1 < least) continue;
            add(f, g, mix(h), f->at[from + (a ? a - 1 : 0)], at >= n ? to : f->at[from + at]);
        }
    }
}

static void make_chars_of(struct features *f, struct group *g, enum gram_group which, uint32_t least, uint32_t most)
{
    uint32_t blank[2] = { ' ', ' ' };
    for (uint32_t i = 0; i < f->word_count; i++)
        make_runs(f, g, which, f->words[i].first_cp, f->words[i].cps, f->words[i].to, blank, least, most);
}
static void make_chars(struct features *f, struct group *g) { make_chars_of(f, g, GRAM_CHAR, 2, 5); }
static void make_short(struct features *f, struct group *g) { make_chars_of(f, g, GRAM_SHORT, 1, 4); }

static void make_whole(struct features *f, struct group *g)
{
    uint32_t ends[2] = { TEXT_BEGIN, TEXT_END };
    if (f->cp_count) make_runs(f, g, GRAM_RUN, 0, f->cp_count, f->at[f->cp_count], ends, 2, 5);
}

/* By their names: the list may grow without making models of before wrong. */
static void add_concepts(struct features *f, struct group *g, const uint16_t *of, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) add(f, g, mix(seed_of(GRAM_CONCEPT) ^ concepts_hash(of[i])), of[i], 0);
}

/* The groups of words [i, i + n]: a last word of Hangul counts by how it begins. */
static uint32_t concepts_at(const struct features *f, uint32_t i, uint32_t n, uint16_t of[CONCEPT_EACH])
{
    const struct word *first = &f->words[i], *last = &f->words[i + n];
    struct str phrase = { f->key.p + first->from, last->to - first->from };
    if (is_hangul(f->cps[last->first_cp])) return concepts_of_stem(phrase, last->from - first->from, of);
    return concepts_of(phrase, of);
}

static void make_concepts(struct features *f, struct group *g)
{
    uint16_t of[CONCEPT_EACH];
    for (uint32_t i = 0; i < f->word_count; i++) {
        const struct word *w = &f->words[i];
        uint32_t longest = concepts_begin((struct str){ f->key.p + w->from, w->to - w->from }) ? CONCEPT_WORDS : 1;
        for (uint32_t n = 0; n < longest && i + n < f->word_count; n++) add_concepts(f, g, of, concepts_at(f, i, n, of));
    }
}

static void (*const makers[GRAM_GROUPS])(struct features *f, struct group *g) = {
    [GRAM_WORD] = make_words, [GRAM_BIGRAM] = make_bigrams, [GRAM_PAIR] = make_pairs,       [GRAM_PREFIX] = make_prefixes,
    [GRAM_CHAR] = make_chars, [GRAM_RUN] = make_whole,      [GRAM_CONCEPT] = make_concepts, [GRAM_SHORT] = make_short,
};

const struct gram *features_grams(struct features *f, enum gram_group group, uint32_t *count)
{
    struct group *g = &f->groups[group];
    if (!g->made) {
        if (!f->cut) cut(f);
        if (++f->making == 0) { /* numbers are used up: forget all stamps */
            memset(f->seen, 0, sizeof f->seen);
            f->making = 1;
        }
        g->count = 0;
        f->seen_mask = slots_for(f, group) - 1;
        makers[group](f, g);
        g->made = true;
    }
    *count = g->count;
    return g->v;
}

/* ---- for people ---- */

static size_t put(char *room, size_t n, struct str s)
{
    struct str cut = text_clip(s, SAY_ROOM - 1 - n);
    memcpy(room + n, cut.p, cut.n);
    return n + cut.n;
}

/* Is there more of a word at a place of the key? */
static bool goes_on(struct str key, uint32_t at, int step)
{
    if (step < 0 ? at == 0 : at >= key.n) return false;
    return (step < 0 ? text_class_before(key, at) : text_class_at(key, at)) != TEXT_OTHER;
}

struct str features_say(struct features *f, enum gram_group group, const struct gram *g, uint32_t slot)
{
    char *room = f->said[slot % SAY_SLOTS];
    size_t n = 0;
    if (group == GRAM_CONCEPT) {
        n = put(room, n, STR("="));
        n = put(room, n, concepts_name((uint16_t)g->from));
    } else if (group == GRAM_PAIR) {
        const struct word *a = &f->words[g->from], *b = &f->words[g->to];
        n = put(room, n, (struct str){ f->key.p + a->from, a->to - a->from });
        n = put(room, n, STR(" + "));
        n = put(room, n, (struct str){ f->key.p + b->from, b->to - b->from });
    } else {
        bool part = group >= GRAM_PREFIX && g->to > g->from;
        bool before = part && goes_on(f->key, g->from, -1), behind = part && goes_on(f->key, g->to, 0);
        if (before) n = put(room, n, STR("…"));
        n = put(room, n, g->to > g->from ? (struct str){ f->key.p + g->from, g->to - g->from } : STR("_")); /* a border alone */
        if (behind) n = put(room, n, STR("…"));
    }
    return (struct str){ room, n };
}
