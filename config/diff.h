/* Two texts as a unified diff, as `patch` reads it. */
#ifndef NARU_CONFIG_DIFF_H
#define NARU_CONFIG_DIFF_H

#include "base/buf.h"

#define DIFF_EDITS 1000u /* most lines that may be taken out or put in */

/* Adds nothing when both are equal. Three lines of context. The shortest list of changed lines, by Myers' algorithm (E. W. Myers,
   An O(ND) difference algorithm and its variations, Algorithmica 1, 1986). ERR_TOOBIG: more than DIFF_EDITS lines differ.
   ERR_NOMEM, and what `out` says. */
enum err diff_unified(struct str a, struct str b, const char *name_a, const char *name_b, struct buf *out);

#endif
