/* Groups of words that mean nearly the same, English and Korean (concepts.txt, compiled in). Immutable. */
#ifndef NARU_WORKERS_TRIAGE_CONCEPTS_H
#define NARU_WORKERS_TRIAGE_CONCEPTS_H

#include "base/str.h"

#define CONCEPT_WORDS 4u /* words of the longest phrase */
#define CONCEPT_EACH  2u /* groups that one phrase may stand in */

/* Reads the list. Thread-safe, the work is done once. */
void concepts_init(void);
/* The groups of a phrase in its key's form, one blank between its words: their numbers from 0 into out[CONCEPT_EACH], and how many.
   Regular English inflections (-s -es -ed -d -ing) are tried on the last word. */
uint32_t concepts_of(struct str phrase, uint16_t out[CONCEPT_EACH]);
/* May a phrase of several words or signs begin with this one? Rarely says yes where none does, never no where one does. */
bool concepts_begin(struct str word);
/* The same for a phrase whose last word, from byte `last` on, is Hangul: the longest stem of the list, of 1..6 syllables, that this
   word begins with. */
uint32_t concepts_of_stem(struct str phrase, size_t last, uint16_t out[CONCEPT_EACH]);
uint64_t concepts_hash(uint16_t concept); /* of its name; 0 for none */
struct str concepts_name(uint16_t concept);

#endif
