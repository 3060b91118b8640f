/* Many words and regular expressions looked for in a text at once. Immutable when made, may be shared between threads; a search
   needs a scratch of its own.

   A word is plain text, compared by its key (text_key): case, width, composition and zero-width characters do not matter. Where a
   word begins or ends in a letter or digit of a script that puts spaces between words, it must end there in the text too: "card"
   is in "my card?" and "card를", not in "cardigan" or "scorecard". Hangul, Han, Kana and Thai have no such borders: particles
   follow without a space and compounds are written together, so 환불 is found in 환불이 and in 즉시환불요청.

   Marks (rule_word of config/policy.h): "refund*" may go on, "*phone" may begin before, "=사고" is a word of its own: nothing
   stands before it, and at most particles behind (사고가, 사고였어요; not 회사고객, not 사고력).

   Words and expressions that ask for the same are one term. */
#ifndef NARU_WORKERS_TRIAGE_LEXICON_H
#define NARU_WORKERS_TRIAGE_LEXICON_H

#include "base/str.h"

struct lexicon;
struct lexicon_scratch;
#define LEXICON_NONE UINT32_MAX

/* Compiles words[0..words_n) and, numbered after them, expressions[0..expressions_n) (expr.h): about 50 ms for a thousand words, 1
   to 20 ms for an expression, so never on the loop. The caller owns *out. ERR_POLICY with a sentence in `why`; ERR_NOMEM. */
enum err lexicon_new(struct lexicon **out, const struct str *words, uint32_t words_n, const struct str *expressions,
                     uint32_t expressions_n, char why[200]);
void lexicon_free(struct lexicon *l); /* NULL is fine */
uint32_t lexicon_terms(const struct lexicon *l);
/* The term of a word or expression: below lexicon_terms; LEXICON_NONE for a word whose key is empty: it is never found. */
uint32_t lexicon_term(const struct lexicon *l, uint32_t word);

/* One scratch a thread, for any number of lexicons: fit it to each before the first search. */
enum err lexicon_scratch_new(struct lexicon_scratch **out);
enum err lexicon_scratch_fit(struct lexicon_scratch *s, const struct lexicon *l);
void lexicon_scratch_free(struct lexicon_scratch *s);

/* Calls `found` once for every term that is in `key`. */
enum err lexicon_find(const struct lexicon *l, struct lexicon_scratch *s, struct str key, void (*found)(void *ctx, uint32_t term),
                      void *ctx);
/* Was the term found by the last search? False for LEXICON_NONE. */
bool lexicon_found(const struct lexicon_scratch *s, uint32_t term);

#endif
