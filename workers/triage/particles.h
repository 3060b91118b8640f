/* Korean particles: what may follow a noun without a space and leaves it the same word. */
#ifndef NARU_WORKERS_TRIAGE_PARTICLES_H
#define NARU_WORKERS_TRIAGE_PARTICLES_H

#include "base/str.h"

/* Is what stands at the front of `rest` (a key), up to the end of its run of Hangul syllables, nothing but particles, endings of
   이다 and light verbs (하다, 되다, …)? True for an empty run: 사고|, 사고|가, 사고|에서는, 사고|였어요, 사고|했는데; not 사고|력,
   사고|난. At most three follow one another; a run of more than 12 syllables is none. Jamo (ㅠㅠ) end a run. */
bool particles_follow(struct str rest);

#endif
