/* The regular expressions of `match` conditions: what may be written, and what it becomes for the matcher (Vectorscan).

   They are read as PCRE reads them, as far as an automaton goes: no back-references, no looking ahead or behind. What differs:

     where       they are looked for in the message's key (text_key): no case, half width, one blank at most, and a line break
                 only between subject and text. `^` and `$` are the ends of either; nothing but \s and [^…] spans both
     \w \d       letters and digits of all scripts, by blocks of Unicode
     \b          only as the first or the last thing: not within a word of a script that puts spaces between words, as text words
   The matcher's own Unicode classes (its UCP mode) are not used: it refuses \b there, and one \w makes an automaton of 70 KiB in
   50 ms where the blocks take 10 KiB in 6. */
#ifndef NARU_CONFIG_EXPR_H
#define NARU_CONFIG_EXPR_H

#include "base/buf.h"

#include <stdint.h>

#define EXPR_MAX    1024u /* bytes */
#define EXPR_WEIGHT 1000u /* states that an expression may come to: characters, classes 4 each, times the {m,n} around them */

/* Writes what the matcher compiles for `written`. ERR_POLICY with a sentence in `why`; `out` remembers its own memory trouble. */
enum err expr_make(struct str written, struct buf *out, char why[200]);
/* The flags that it is compiled with. */
unsigned expr_flags(void);

/* Would it compile, and at what cost? ERR_POLICY with a sentence in `why`; ERR_OK with a sentence in `why` when it is good but
   wasteful, else an empty one; ERR_NOMEM. Takes about 0.1 ms. */
enum err expr_check(struct str written, char why[200]);

#endif
