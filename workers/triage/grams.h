/* The n-grams of a text as models see them. Inside of triage only: features.h is what others need. */
#ifndef NARU_WORKERS_TRIAGE_GRAMS_H
#define NARU_WORKERS_TRIAGE_GRAMS_H

#include "workers/triage/features.h"

/* Groups of n-grams. A model says which it was trained with (a bit each). Numbers are in model files: never reused.
   X(number, name, weight of its values beside the other groups') */
#define GRAM_MAP(X)                                                                                                                \
    X(0, WORD, 1.0f)    /* words and punctuation marks */                                                                          \
    X(1, BIGRAM, 1.0f)  /* two words side by side, with the text's ends */                                                         \
    X(2, PAIR, 2.0f)    /* any two of the first GRAM_PAIRED words, in any order */                                                 \
    X(3, PREFIX, 1.0f)  /* how a word begins: four letters, or two syllables of Hangul */                                          \
    X(4, CHAR, 1.0f)    /* two to five characters of one word with its borders */                                                  \
    X(5, RUN, 1.0f)     /* two to five characters of the whole text, over blanks, with its ends */                                 \
    X(6, CONCEPT, 2.0f) /* groups of words that mean nearly the same (concepts.txt) */                                             \
    X(7, SHORT, 1.0f)   /* one to four characters of one word with its borders: for languages */
enum gram_group {
#define GRAM_ENUM(no, id, weight) GRAM_##id = no,
    GRAM_MAP(GRAM_ENUM) GRAM_GROUPS
#undef GRAM_ENUM
};
extern const float gram_weights[GRAM_GROUPS];
#define GRAM_ALL    ((1u << GRAM_GROUPS) - 1)
#define GRAM_WORDS  1024u /* words of a text that are read … */
#define GRAM_CHARS  4096u /* … and characters */
#define GRAM_PAIRED 40u
#define GRAM_MAX    24576u /* n-grams of one group */

struct gram {
    uint64_t hash;     /* of the group and what it holds; never 0 */
    uint32_t from, to; /* bytes of the key; of a PAIR the numbers of its words; of a CONCEPT from is its number */
    uint32_t count;    /* how often the text has it */
};

/* What a model found of the text read last. */
#define FOUND_MAX 8192u /* known features of one text that count; those of later groups are dropped */
struct found {
    uint32_t row;
    float value; /* not yet brought to length 1 */
    float adds;  /* to the label that was explained */
    uint32_t gram;
    uint32_t group;
};
struct reading {
    const struct model *of; /* whose it is; NULL: nobody's */
    struct found v[FOUND_MAX];
    uint32_t count;
    float square;
    _Alignas(64) float hidden[1024]; /* MODEL_WIDTH_MAX; vectors of it must not lie over two cache lines */
};
/* Room for it, kept with the text; `of` is NULL after each reading of a text. */
struct reading *features_reading(struct features *f);

/* The different n-grams of one group in the text read last, made at the first call; `*count` of them. Borrowed until the next
   reading. */
const struct gram *features_grams(struct features *f, enum gram_group group, uint32_t *count);
/* What a gram holds, as people read it; in f, valid until the next reading (`slot` < 16 tells texts asked for together apart). */
struct str features_say(struct features *f, enum gram_group group, const struct gram *g, uint32_t slot);

#endif
