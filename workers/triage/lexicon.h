/* Many words looked for in a text at once. Immutable when made, may be shared between threads; a search needs a scratch of its own.

   A word is plain text, compared by its key (text_key): case, width, composition and zero-width characters do not matter. Where a
   word begins or ends in a letter or digit of a script that puts spaces between words, it must end there in the text too: "card"
   is in "my card?" and "card를", not in "cardigan" or "scorecard". Hangul, Han, Kana and Thai have no such borders: particles
   follow without a space and compounds are written together, so 환불 is found in 환불이 and in 즉시환불요청. */
#ifndef NARU_WORKERS_TRIAGE_LEXICON_H
#define NARU_WORKERS_TRIAGE_LEXICON_H

#include "base/str.h"

struct lexicon;
struct lexicon_scratch;

/* Compiles words[0..count): about 50 ms a thousand, so never on the loop. Words whose key is empty are never found. The caller
   owns *out. ERR_POLICY with a sentence in `why`; ERR_NOMEM. */
enum err lexicon_new(struct lexicon **out, const struct str *words, uint32_t count, char why[200]);
void lexicon_free(struct lexicon *l); /* NULL is fine */

/* One scratch a thread, for any number of lexicons: fit it to each before the first search. */
enum err lexicon_scratch_new(struct lexicon_scratch **out);
enum err lexicon_scratch_fit(struct lexicon_scratch *s, const struct lexicon *l);
void lexicon_scratch_free(struct lexicon_scratch *s);

/* Calls `found` once for every word that is in `key` (its index in words), in order of first appearance. */
enum err lexicon_find(const struct lexicon *l, struct lexicon_scratch *s, struct str key, void (*found)(void *ctx, uint32_t word),
                      void *ctx);

#endif
